//! Whose account is polled: on this machine alone all that are free are claimed at once, so that each is told of at the begin;
//! where several machines share them, each is claimed when its session begins, and not before others could have it.

use anyhow::Result;

use super::{Event, Front, Run, Seat};
use crate::claim::{self, Asked};
use crate::health;
use crate::intake::import::{self, Importer};
use crate::intake::session_desk::Job;
use crate::store::accounts::{self, Account};
use crate::store::db;

impl Front<'_> {
    /// What is to be done for an account; nothing where another process has it, or it failed.
    pub(super) fn job(&mut self, account: Account, watch: &mut dyn FnMut(Event<'_>)) -> Result<Option<Job>> {
        let run = self.run;
        if run.dry_run || run.store.place().server().is_none() {
            return self.claimed(account, watch);
        }
        let until = run.until;
        self.waiting.insert(account.id, account.clone());
        let (folders, portion, max_size, dry_run, is_claimed) = (Vec::new(), 0, 0, false, false);
        Ok(Some(Job { account, folders, portion, max_size, dry_run, until, is_claimed }))
    }

    /// The same of an account that is claimed now.
    pub(super) fn claimed(&mut self, account: Account, watch: &mut dyn FnMut(Event<'_>)) -> Result<Option<Job>> {
        match db::unless_fatal(self.admit(account.clone(), watch))? {
            Ok(job) => Ok(job),
            Err(error) => self.failed(&account, &error, watch).map(|()| None),
        }
    }

    /// Claims the account, imports what an earlier run left, and says what is to be fetched.
    fn admit(&mut self, account: Account, watch: &mut dyn FnMut(Event<'_>)) -> Result<Option<Job>> {
        let now = (self.run.clock)();
        if let Some(until) = health::waits(&account.health, self.run.named, now) {
            watch(Event::Waiting(&account, until));
            return Ok(None);
        }
        let asked = if self.run.dry_run {
            None
        } else {
            let asked = self.run.named || self.run.again.contains(&account.id);
            Some(claim::account(self.run.store, account.id, asked, now)?)
        };
        let claim = match asked {
            None => None,
            Some(Asked::Held(claim)) => Some(claim),
            Some(Asked::Busy(holder)) => {
                watch(Event::Busy(&account, &holder));
                return Ok(None);
            }
            Some(Asked::Done(holder)) => {
                watch(Event::Polled(&account, &holder));
                return Ok(None);
            }
        };
        let _under = claim.as_ref().and_then(|claim| claim.under());
        let folders = self.run.store.read(|tx| accounts::folders(tx, account.id))?;
        let config = self.run.config;
        let portion = self.run.limit.unwrap_or(usize::try_from(account.fetching.portion.unwrap_or(config.portion))?);
        let max_size = account.fetching.max_size.unwrap_or(config.message_max_size);
        let id = account.id;
        let Run { dry_run, until, .. } = *self.run;
        let job = Job { account: account.clone(), folders, portion, max_size, dry_run, until, is_claimed: true };
        let importer = match &claim {
            Some(claim) => {
                import::run(self.run.store, config, claim.lock(), id, self.run.clock, &mut |imported| {
                    watch(Event::Imported(&account, imported));
                })?;
                let importer = Importer::new(self.run.store, config, Some(claim.lock().clone()), id, &self.reader);
                Some(importer.of_session(!self.run.tells))
            }
            None => None,
        };
        self.admitted += 1;
        self.seats.insert(id, Seat { account, claim, importer, stored: 0 });
        Ok(Some(job))
    }
}
