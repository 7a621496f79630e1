//! Accounts that this machine cannot fetch while another one can, as it has no route to the server, or not their secrets. What
//! the account itself remembers ends each time with the good run of the other machine, so this one remembers its own failures.
//! Crontab hears of them as of an account that fails everywhere (B2.5): once they last, then every six hours, and once more when
//! the account can be fetched from here again.
//!
//! From then on the account is left to the other machines as long as they fetch it, and is tried from here every quarter of an
//! hour; a login that is refused more rarely, as always. The exit status is that of the failure each time.

use std::path::PathBuf;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};

use super::away;
use super::context::Context;
use crate::error::{self, Kind};
use crate::health::{self, Failure, Patience};
use crate::moment;
use crate::store::accounts::Account;
use crate::store::db::Store;
use crate::store::hosts::Work;
use crate::store::leases;

/// What other machines hear of it: a line of what this one says of its configuration.
pub const SAID: &str = "accounts apart\n";

/// Another machine that has fetched an account within this number of milliseconds can do so.
const LATELY: i64 = 15 * 60_000;

/// An account that was told of is tried again after so long.
const REST: SignedDuration = SignedDuration::from_mins(15);

/// No rest is longer.
const LONGEST_REST: SignedDuration = SignedDuration::from_hours(1);

/// The accounts that this machine could not fetch when it tried them last.
#[derive(Debug, Default)]
pub struct Apart {
    /// Whether several machines can work on the database.
    is_shared: bool,
    /// Left to the other machines for now, with the kind of trouble.
    left: Vec<(Account, Kind)>,
    /// Tried even where another machine has just fetched them, as only that shows that it works from here again.
    pub again: Vec<i64>,
}

impl Apart {
    /// Takes out the accounts that are left to other machines; none, if they were `named`.
    ///
    /// # Errors
    /// The database.
    pub fn look(ctx: &Context, store: &Store, accounts: &mut Vec<Account>, named: bool) -> Result<Apart> {
        let mut apart = Apart { is_shared: ctx.place.server().is_some() && !ctx.dry_run, ..Apart::default() };
        if !apart.is_shared || named {
            return Ok(apart);
        }
        let (elsewhere, now) = (store.read(|tx| leases::done_lately(tx, Work::Fetch, LATELY))?, Timestamp::now());
        accounts.retain(|account| {
            let own = away::read(&file(ctx, account.id));
            let Some(next) = own.next_try_at.filter(|_| own.alerted_at.is_some()) else { return true };
            let is_due = moment::is_due(next, LONGEST_REST, now);
            if !is_due && elsewhere.contains(&account.id) {
                let kind = Kind::by_name(&own.failure_kind).unwrap_or(Kind::TempFail);
                apart.left.push((account.clone(), kind));
                return false;
            }
            if is_due {
                apart.again.push(account.id);
            }
            true
        });
        Ok(apart)
    }

    /// The accounts that are not tried now, each with the kind of its trouble.
    pub fn left(&self) -> &[(Account, Kind)] {
        &self.left
    }

    /// An account was fetched from here; since when that had failed, if it was told.
    pub fn works(&self, ctx: &Context, account: &Account) -> Option<Timestamp> {
        self.is_shared.then(|| away::forget(&file(ctx, account.id))).flatten()
    }

    /// An account could not be fetched from here. If another machine can and that is to be told now: since when.
    pub fn fails(&self, ctx: &Context, account: &Account, error: &anyhow::Error) -> Option<Timestamp> {
        if !self.is_shared {
            return None;
        }
        let (file, now) = (file(ctx, account.id), Timestamp::now());
        let age = away::read(&file).failing_since.map_or(0, |since| now.duration_since(since).as_millis());
        let within = i64::try_from(age).unwrap_or(LATELY).clamp(0, LATELY);
        let elsewhere = ctx.read(|tx, _| leases::done_lately(tx, Work::Fetch, within)).unwrap_or_default();
        let patience = match elsewhere.contains(&account.id) {
            true => {
                let age = SignedDuration::try_from(ctx.config.alert_min_age).unwrap_or(SignedDuration::MAX);
                Patience { runs: ctx.config.alert_after, age }
            }
            // The account fails everywhere, which is told of the account.
            false => Patience { runs: u32::MAX, age: SignedDuration::MAX },
        };
        let failure = Failure { kind: error::classify(error).0, words: "", later: None, came_in: false };
        let verdict = away::remember(&file, |before| {
            let mut verdict = health::failed(before, failure, patience, now);
            let told = verdict.health.alerted_at;
            verdict.health.next_try_at = verdict.health.next_try_at.or_else(|| told.map(|_| now + REST));
            verdict
        });
        // Where that cannot be written down it would be told at each run.
        verdict.ok().filter(|verdict| verdict.speak)?.health.failing_since
    }
}

/// What other machines are told: whether there is an account of these that this machine cannot fetch.
pub fn said(ctx: &Context, accounts: &[Account]) -> &'static str {
    let is_told = |account: &Account| account.active && away::read(&file(ctx, account.id)).alerted_at.is_some();
    if accounts.iter().any(is_told) { SAID } else { "" }
}

fn file(ctx: &Context, account_id: i64) -> PathBuf {
    ctx.place.apart(account_id)
}
