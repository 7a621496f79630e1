//! A machine that cannot open passwords which are sealed in the database: it leaves the accounts to machines that can, and says
//! what to do. Crontab hears of it at once, as nothing but a person mends it, then every six hours, and once more when the
//! passwords can be opened. The exit status is 78 each time.
//!
//! What other machines do well must not hide it: an account that they fetch counts as one that works.

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};

use super::away;
use super::context::Context;
use super::passwords;
use crate::error::{Fault, Kind};
use crate::health::{self, Failure, Patience};
use crate::store::accounts::Account;
use crate::store::db::Store;
use crate::store::hosts::Work;
use crate::store::leases;

/// What other machines hear of it: a line of what this one says of its configuration.
pub const SAID: &str = "key lacking\n";

/// An account that was fetched within this number of milliseconds has a machine that can open its password.
const LATELY: i64 = 15 * 60_000;

/// It is said at once.
const PATIENCE: Patience = Patience { runs: 1, age: SignedDuration::ZERO };

/// What a machine without the key knows.
pub struct Keyless {
    why: Fault,
    /// Accounts whose mail other machines fetch.
    fetched: Vec<i64>,
    /// Accounts for which other machines send.
    pub sent: Vec<i64>,
}

impl Keyless {
    /// What this machine cannot open; `None` = it can open everything.
    ///
    /// # Errors
    /// The database.
    pub fn look(store: &Store) -> Result<Option<Keyless>> {
        let Some((why, shut)) = passwords::shut(store)? else { return Ok(None) };
        let elsewhere = store.read(|tx| leases::done_lately(tx, Work::Fetch, LATELY))?;
        let left = || shut.iter().filter(|one| elsewhere.contains(&one.account_id));
        let fetched = left().filter(|one| one.name == one.account_id.to_string()).map(|one| one.account_id).collect();
        Ok(Some(Keyless { why, fetched, sent: left().map(|one| one.account_id).collect() }))
    }

    /// Takes out the accounts that other machines fetch.
    pub fn leave(&self, accounts: &mut Vec<Account>) {
        accounts.retain(|account| !self.fetched.contains(&account.id));
    }
}

/// Says that this machine cannot open passwords, or can again. Somebody who watches hears it where it does nothing about an
/// account: else the account fails, with the same words.
pub fn tell(found: Option<&Keyless>, ctx: &Context, is_watched: bool) {
    if ctx.dry_run {
        return;
    }
    let (file, now) = (ctx.place.keyless(), Timestamp::now());
    let Some(Keyless { why, fetched, sent }) = found else {
        if let Some(since) = away::forget(&file) {
            let since = ctx.ui.local_time(since);
            ctx.ui.concern(&format!("the passwords in the database can be opened again, after failing since {since}"));
        }
        return;
    };
    let failure = Failure { kind: Kind::Config, words: "", later: None, came_in: false };
    // Where it cannot be written down that it was said, it is said.
    let verdict = away::remember(&file, |before| health::failed(before, failure, PATIENCE, now));
    let speaks = match is_watched {
        true => !(fetched.is_empty() && sent.is_empty()),
        false => verdict.is_ok_and(|verdict| verdict.speak),
    };
    let left = match sent.len() {
        0 => String::new(),
        1 => "; 1 account is left to other machines".to_owned(),
        n => format!("; {n} accounts are left to other machines"),
    };
    let line = format!("{}{left}", why.message);
    if speaks {
        ctx.ui.warn(&line);
        why.hint.iter().for_each(|hint| ctx.ui.hint(hint));
    } else {
        ::log::warn!("{}: {line} (exit 78)", ctx.command);
    }
}
