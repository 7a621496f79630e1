//! One run of `fetch`: in whose lock it is, and what the main thread answers the sessions.

mod accounts_of_run;
mod admit;
mod event;
mod junk;
mod start;

use std::collections::HashMap;
use std::time::Instant;

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};

pub use self::accounts_of_run::{pollable, resting_owners};
pub use self::event::Event;
use super::import::{self, Imported, Importer, Reader};
use super::receive::Batch;
use super::rehearsal;
use super::session_desk::Start;
pub use super::sessions::FEW;
use super::sessions::{self, Call, Connect, Limits};
use super::unsettled::Unsettled;
use super::well::Well;
use super::world::World;
use crate::claim::{self, Asked, Claim};
use crate::config::Config;
use crate::error::{self, Fault, Kind};
use crate::health::{self, Failure, Patience};
use crate::net::{NetError, NetErrorKind};
use crate::store::accounts::certificates::{self, Certificate, Served};
use crate::store::accounts::{self, Account, AfterImport, Polled};
use crate::store::db::{self, Store, Superseded, Tx};
use crate::store::deliveries::{self, Outcome, Place};
use crate::store::instance;
use crate::store::search::index;
use crate::store::server_actions::{self, ServerAction};
use crate::system_words;

/// More emails than these are told of while they are put into the full-text index, as after a new release.
const AT_ONCE: usize = 5_000;

/// How a run is to be done.
pub struct Run<'a> {
    /// Database.
    pub store: &'a Store,
    /// Configuration.
    pub config: &'a Config,
    /// Connects to a server.
    pub connect: &'a Connect<'a>,
    /// The time.
    pub clock: &'a dyn Fn() -> Timestamp,
    /// Sessions at once.
    pub jobs: usize,
    /// Messages per folder instead of the configured portion.
    pub limit: Option<usize>,
    /// Nothing is changed here or on the servers.
    pub dry_run: bool,
    /// Somebody is told of each message as soon as it is imported.
    pub tells: bool,
    /// The accounts were named: refused logins are tried at once.
    pub named: bool,
    /// Accounts that are tried even where another machine has just fetched them.
    pub again: &'a [i64],
    /// Fetching ends then (`max_runtime`).
    pub until: Instant,
}

impl Run<'_> {
    /// Polls the accounts; the most serious kind of trouble, if there was any.
    ///
    /// # Errors
    /// The database fails, or accounts were not done within `max_runtime`.
    pub fn go(&self, accounts: Vec<Account>, watch: &mut dyn FnMut(Event<'_>)) -> Result<Option<Kind>> {
        let done = self.poll(accounts, watch);
        // What came in is told of, and the run may end. Else nobody knows what came in.
        self.store.flush_after(done)
    }

    fn poll(&self, accounts: Vec<Account>, watch: &mut dyn FnMut(Event<'_>)) -> Result<Option<Kind>> {
        if !self.dry_run {
            import::judge_the_dead(self.store, (self.clock)())?;
        }
        let mut desk = Front::new(self);
        let mut jobs = Vec::new();
        for account in accounts {
            jobs.extend(desk.job(account, watch)?);
        }
        let limits = Limits { jobs: self.jobs, per_host: self.config.jobs_per_host, until: self.until };
        let left = sessions::run(jobs, limits, self.connect, &mut |id, call| desk.serve(id, call, watch))?;
        desk.cut_off += left.len();
        if !self.dry_run {
            self.import_what_was_piped(&mut desk, watch)?;
        }
        if desk.admitted > 0 && !self.dry_run {
            self.store.write_soon(|tx| {
                desk.well.write(tx)?;
                instance::fetched(tx, (self.clock)())
            })?;
        }
        if !self.dry_run {
            // What is left at the end of the run's time is done by the next one, or by the first search.
            let started = Instant::now();
            let missing = self.store.read(index::missing)?;
            let is_long = missing > AT_ONCE;
            if is_long {
                watch(Event::Begun(missing, 0));
            }
            index::fill_telling(self.store, &|| Instant::now() < self.until, &mut |added| {
                if is_long {
                    watch(Event::Advanced(added, 0));
                }
            })?;
            watch(Event::Indexed(started.elapsed()));
        }
        match desk.cut_off {
            0 => Ok(desk.worst),
            n => {
                let accounts = if n == 1 { "1 account was".to_owned() } else { format!("{n} accounts were") };
                let words = format!("the run took longer than max_runtime and was ended: {accounts} not done");
                Err(Fault::new(Kind::TempFail, words).into())
            }
        }
    }

    /// Mail that came by `ingest` while nobody could import it, also of accounts that are not polled (B2.12).
    fn import_what_was_piped(&self, desk: &mut Front<'_>, watch: &mut dyn FnMut(Event<'_>)) -> Result<()> {
        for account_id in self.store.read(deliveries::accounts_waiting)? {
            if desk.seats.contains_key(&account_id) {
                continue;
            }
            let Some(account) = self.store.read(|tx| accounts::by_id(tx, account_id))? else { continue };
            let now = (self.clock)();
            let Asked::Held(claim) = claim::account(self.store, account_id, true, now)? else { continue };
            let _under = claim.under();
            let done = import::run(self.store, self.config, claim.lock(), account_id, self.clock, &mut |imported| {
                watch(Event::Imported(&account, imported));
            });
            if let Err(error) = db::unless_fatal(done)? {
                desk.failed(&account, &error, watch)?;
            }
        }
        Ok(())
    }
}

/// What the main thread keeps about an account that is being fetched.
struct Seat<'a> {
    account: Account,
    /// A dry run has neither this nor an importer.
    claim: Option<Claim<'a>>,
    importer: Option<Importer<'a>>,
    stored: usize,
}

/// The main thread's side of every session.
struct Front<'a> {
    run: &'a Run<'a>,
    seats: HashMap<i64, Seat<'a>>,
    /// Accounts that are claimed when their sessions begin.
    waiting: HashMap<i64, Account>,
    /// Number of accounts that had a session.
    admitted: usize,
    /// Accounts that are as well as before.
    well: Well,
    reader: Reader,
    worst: Option<Kind>,
    /// Number of accounts that were not done when the run's time was over.
    cut_off: usize,
}

impl<'a> Front<'a> {
    fn new(run: &'a Run<'a>) -> Front<'a> {
        let (well, reader) = (Well::default(), Reader::default());
        let (seats, waiting) = (HashMap::new(), HashMap::new());
        Front { run, seats, waiting, admitted: 0, well, reader, worst: None, cut_off: 0 }
    }

    fn seat(&mut self, account_id: i64) -> Result<&mut Seat<'a>> {
        self.seats.get_mut(&account_id).context("a session that was not admitted")
    }

    fn serve(&mut self, account_id: i64, call: Call, watch: &mut dyn FnMut(Event<'_>)) -> Result<()> {
        if self.well.has_waited() {
            self.run.store.write_soon(|tx| self.well.write(tx))?;
        }
        let claim = self.seats.get(&account_id).and_then(|seat| seat.claim.as_ref());
        let _under = claim.and_then(|claim| claim.under());
        // A session that does not wait for its answer any more has ended; it will say why.
        match call {
            Call::Claim(answer) => {
                let job = self.waiting.remove(&account_id).map(|account| self.claimed(account, watch)).transpose()?;
                let _ = answer.send(job.flatten());
            }
            Call::Opened(folder, uidvalidity, answer) => {
                let start = self.run.store.read(|tx| start::of(tx, account_id, &folder, uidvalidity))?;
                let _ = answer.send(start);
            }
            Call::Begin(folder, uidvalidity, past_uid, renumbered, answer) => {
                let start = self.begin(account_id, &folder, uidvalidity, past_uid, renumbered)?;
                let _ = answer.send(start);
            }
            Call::Recorded(folder, uidvalidity, uid, answer) => {
                let place = Place { account_id, folder: &folder, uidvalidity, uid };
                let _ = answer.send(self.run.store.read(|tx| deliveries::recorded(tx, place))?);
            }
            Call::Owed(answer) => {
                let owed = self.run.store.read(|tx| deliveries::owed(tx, account_id, (self.run.clock)()))?;
                let _ = answer.send(owed);
            }
            Call::Begun(messages, bytes) => watch(Event::Begun(messages, bytes)),
            Call::Batch(batch) => {
                let (count, bytes) = (batch.items.len(), batch.items.iter().map(|item| item.listed.size).sum());
                self.batch(account_id, batch, watch)?;
                watch(Event::Advanced(count, bytes));
            }
            Call::Complete(folder, uidvalidity, polled, answer) => {
                self.import(account_id, watch)?;
                let actions = self.complete(account_id, &folder, uidvalidity, polled)?;
                let _ = answer.send(actions);
            }
            Call::Acted(ids, refused) => self.run.store.write_soon(|tx| match refused {
                None => server_actions::done(tx, &ids),
                Some(words) => server_actions::failed(tx, &ids, &words),
            })?,
            Call::Certificate(ends) => self.certificate(account_id, ends)?,
            Call::Junk(answer) => {
                let _ = answer.send(self.junk(account_id)?);
            }
            Call::Stuck(ids, why) => self.stuck(account_id, &ids, &why, watch)?,
            Call::Moved(action_id, email_id, moved) => self.moved(account_id, action_id, email_id, &moved)?,
            Call::SentFolder(name) => {
                self.run.store.write_soon(|tx| accounts::put_sent(tx, account_id, Some(&name)))?;
            }
            Call::Folder(folder, failure) => self.folder(account_id, &folder, failure.as_ref())?,
            Call::Ended(ended) => self.ended(account_id, ended, watch)?,
        }
        Ok(())
    }

    fn begin(
        &mut self,
        account_id: i64,
        folder: &str,
        uidvalidity: u32,
        past_uid: u32,
        renumbered: bool,
    ) -> Result<Start> {
        let work = |tx: &Tx<'_>| {
            if renumbered {
                deliveries::forget_numbers(tx, account_id, folder, uidvalidity)?;
            }
            accounts::begin_folder(tx, account_id, folder, uidvalidity, past_uid)?;
            start::of(tx, account_id, folder, uidvalidity)
        };
        let begun = if self.run.dry_run { self.run.store.rehearse(work) } else { self.run.store.write_soon(work) }?;
        // A folder that was taken away meanwhile, and is polled for the last time.
        Ok(begun.unwrap_or(Start { past_uid, ..Start::default() }))
    }

    fn batch(&mut self, account_id: i64, batch: Batch, watch: &mut dyn FnMut(Event<'_>)) -> Result<()> {
        if self.run.dry_run {
            return self.rehearse(account_id, &batch, watch);
        }
        let (store, now) = (self.run.store, (self.run.clock)());
        let seat = self.seat(account_id)?;
        let Some(importer) = &mut seat.importer else { return Ok(()) };
        let (stored, imported) = importer.receive(now, batch)?;
        seat.stored += stored;
        imported.iter().try_for_each(|one| tell(store, &seat.account, one, watch))
    }

    /// Imports what is left of what the account has received.
    fn import(&mut self, account_id: i64, watch: &mut dyn FnMut(Event<'_>)) -> Result<()> {
        let Run { clock, store, .. } = *self.run;
        let Seat { account, importer: Some(importer), .. } = self.seat(account_id)? else { return Ok(()) };
        let mut told = Ok(());
        importer.finish(clock, &mut |one| {
            if told.is_ok() {
                told = tell(store, account, one, watch);
            }
        })?;
        told
    }

    /// Does everything with a batch and undoes it (`--dry-run`).
    fn rehearse(&mut self, account_id: i64, batch: &Batch, watch: &mut dyn FnMut(Event<'_>)) -> Result<()> {
        let run = self.run;
        let now = (run.clock)();
        let imported = rehearsal::run(run.store, run.config, account_id, batch, now)?;
        let account = &self.seat(account_id)?.account;
        imported.iter().for_each(|one| watch(Event::Imported(account, one)));
        Ok(())
    }

    fn complete(
        &mut self,
        account_id: i64,
        folder: &str,
        uidvalidity: u32,
        polled: Polled,
    ) -> Result<Vec<ServerAction>> {
        if self.run.dry_run {
            return Ok(Vec::new());
        }
        let store = self.run.store;
        // A poll without news costs no commit.
        let known = store.read(|tx| accounts::folder(tx, account_id, folder))?;
        if known.is_some_and(|known| polled.changes(&known)) {
            store.write_soon(|tx| accounts::polled(tx, account_id, folder, uidvalidity, polled))?;
        }
        let pending = store.read(|tx| server_actions::pending(tx, account_id))?;
        let keeps = self.seat(account_id)?.account.fetching.after_import == AfterImport::Keep;
        // Another UIDVALIDITY names other messages; `keep` takes back what was planned before it was set.
        let (due, void): (Vec<_>, Vec<_>) =
            pending.into_iter().filter(|a| a.folder == folder).partition(|a| a.uidvalidity == uidvalidity && !keeps);
        if !void.is_empty() {
            let ids: Vec<i64> = void.iter().map(|a| a.id).collect();
            store.write_soon(|tx| server_actions::done(tx, &ids))?;
        }
        // The server's copy is the only one that a power cut cannot take. A run that was killed may have planned these.
        if !due.is_empty() {
            store.flush()?;
        }
        Ok(due)
    }

    fn certificate(&mut self, account_id: i64, ends: Timestamp) -> Result<()> {
        let host = self.seat(account_id)?.account.imap.host.clone().unwrap_or_default();
        let seen = Certificate { account_id, served: Served::Imap, host, ends };
        if self.run.store.read(|tx| certificates::is_known(tx, &seen))? {
            return Ok(());
        }
        self.run.store.write_soon(|tx| certificates::remember(tx, &seen))
    }

    fn folder(&mut self, account_id: i64, folder: &str, failure: Option<&NetError>) -> Result<()> {
        let words = failure.map(|e| e.message.as_str()).unwrap_or_default();
        let known = self.run.store.read(|tx| accounts::folders(tx, account_id))?;
        if self.run.dry_run || known.iter().any(|f| f.name == folder && f.failure == words) {
            return Ok(());
        }
        self.run.store.write_soon(|tx| accounts::set_folder_failure(tx, account_id, folder, words))
    }

    /// Remembers how the account's session ended, and lets go of the account.
    fn ended(&mut self, account_id: i64, ended: Result<()>, watch: &mut dyn FnMut(Event<'_>)) -> Result<()> {
        let imported = db::unless_fatal(self.import(account_id, watch))?;
        let seat = self.seats.remove(&account_id).context("a session that was not admitted")?;
        let account = &seat.account;
        match ended.and(imported) {
            Ok(()) => {
                if let Some(claim) = &seat.claim {
                    claim.done();
                }
                let verdict = health::recovered(&account.health, (self.run.clock)());
                self.remember(account, &verdict, "works again")?;
                watch(Event::Done(account, seat.stored));
                if verdict.speak {
                    watch(Event::Recovered(account, account.health.failing_since));
                }
                Ok(())
            }
            Err(error) if error.chain().any(|cause| cause.is::<Superseded>()) => {
                watch(Event::TakenOver(account));
                Ok(())
            }
            Err(error) => {
                let is_cut_off = Instant::now() >= self.run.until && is_timeout(&error);
                self.cut_off += usize::from(is_cut_off);
                // A server that sent mail until then is as well as before.
                if is_cut_off && seat.stored > 0 {
                    watch(Event::Done(account, seat.stored));
                    return Ok(());
                }
                self.failed(account, &error, watch)
            }
        }
    }

    /// Tells and remembers what ended an account.
    fn failed(&mut self, account: &Account, error: &anyhow::Error, watch: &mut dyn FnMut(Event<'_>)) -> Result<()> {
        let (kind, _) = error::classify(error);
        self.worst = Some(self.worst.map_or(kind, |worst| worst.worse(kind)));
        let patience = Patience {
            runs: self.run.config.alert_after,
            age: SignedDuration::try_from(self.run.config.alert_min_age).unwrap_or(SignedDuration::MAX),
        };
        let said = error.chain().find_map(|cause| cause.downcast_ref::<NetError>());
        // A connection that broke then has left out what came after.
        let went_on = said.is_some_and(|said| matches!(said.kind, NetErrorKind::Refused | NetErrorKind::Folder));
        let came_in = went_on && error.is::<Unsettled>();
        let later = said.and_then(|said| said.later);
        let failure = Failure { kind, words: &system_words::chain(error), later, came_in };
        let verdict = health::failed(&account.health, failure, patience, (self.run.clock)());
        watch(Event::Failed(account, error, verdict.speak));
        self.remember(account, &verdict, &format!("fails: {}", system_words::chain(error)))
    }

    fn remember(&mut self, account: &Account, verdict: &health::Verdict, words: &str) -> Result<()> {
        if self.run.dry_run || (!verdict.notify && self.well.takes(account, &verdict.health)) {
            return Ok(());
        }
        self.run.store.write_soon(|tx| {
            accounts::set_health(tx, account.id, &verdict.health)?;
            if verdict.notify {
                let world = World::load(tx, self.run.config, (self.run.clock)())?;
                super::notify::account(tx, &world, account, verdict.health.failing_since.is_some(), words)?;
            }
            Ok(())
        })
    }
}

/// Says what became of a message; a person hears at once of one that is kept and was not imported.
fn tell(store: &Store, account: &Account, one: &Imported, watch: &mut dyn FnMut(Event<'_>)) -> Result<()> {
    if one.outcome == Outcome::Quarantined {
        store.flush_own()?;
    }
    watch(Event::Imported(account, one));
    Ok(())
}

fn is_timeout(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<NetError>().is_some_and(|error| error.kind == NetErrorKind::Timeout))
}
