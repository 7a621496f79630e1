//! The right to work for an account: the lock on this machine, and where several machines work on one database, a lease
//! there, which is made longer as long as the right is held ([`keeper`]).

mod keeper;

use std::cell::Cell;
use std::ops::Deref;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;

use self::keeper::Kept;
use crate::holder::{self, Holder};
use crate::lock::{self, Attempt, Lock};
use crate::store::db::{Store, Tx, Under};
use crate::store::hosts::{self, Host, Work};
use crate::store::leases::{self, Lease, Taken};

/// The lock of an account and its lease.
#[derive(Debug)]
pub struct Claim<'a> {
    lock: Lock,
    leased: Leased<'a>,
}

/// The lease of an account on a server; of a file there is none.
pub struct Leased<'a> {
    store: &'a Store,
    lease: Option<Lease>,
    is_done: Cell<bool>,
    _kept: Option<Kept>,
}

/// The answer to who wants to work for an account.
#[derive(Debug)]
pub enum Asked<T> {
    Held(T),
    /// Another process has it.
    Busy(Holder),
    /// Another machine has done it a moment ago.
    Done(Holder),
}

/// Claims an account, to fetch it and to import its mail, without waiting; also where another machine has just done so, if
/// somebody `asked` for this account.
///
/// # Errors
/// The lock file, or the database.
pub fn account(store: &Store, account_id: i64, asked: bool, now: Timestamp) -> Result<Asked<Claim<'_>>> {
    let lock = match lock::attempt(store.place(), &lock::of_account(account_id), now)? {
        Attempt::Held(lock) => lock,
        Attempt::Busy(holder) => return Ok(Asked::Busy(holder)),
    };
    Ok(match leased(store, Work::Fetch, account_id, asked)? {
        Asked::Held(leased) => Asked::Held(Claim { lock, leased }),
        Asked::Busy(holder) => Asked::Busy(holder),
        Asked::Done(holder) => Asked::Done(holder),
    })
}

/// Claims the sending of an account. Who asks holds the lock of the outbox on this machine.
///
/// # Errors
/// The database.
pub fn sending(store: &Store, account_id: i64) -> Result<Asked<Leased<'_>>> {
    leased(store, Work::Send, account_id, true)
}

fn leased(store: &Store, work: Work, account_id: i64, asked: bool) -> Result<Asked<Leased<'_>>> {
    let of = |lease: Option<Lease>| {
        let _kept = lease.map(|lease| Kept::begin(store.place(), lease));
        Leased { store, lease, is_done: Cell::new(false), _kept }
    };
    if store.place().server().is_none() {
        return Ok(Asked::Held(of(None)));
    }
    let (key, name) = (lock::key(store.place())?, holder::host());
    let host = Host { key: &key, name: &name, process: std::process::id() };
    Ok(match leases::take(store, host, work, account_id, asked)? {
        None => Asked::Held(of(None)),
        Some(Taken::Held(lease)) => Asked::Held(of(Some(lease))),
        Some(Taken::Busy(holder)) => Asked::Busy(holder),
        Some(Taken::Done(holder)) => Asked::Done(holder),
    })
}

/// Lets other machines know how this one is configured and how far its clock is off; nothing where the
/// database is a file.
///
/// # Errors
/// The file of its key, or the database.
pub fn announce(store: &Store, configuration: &str, clock: &dyn Fn() -> Timestamp) -> Result<()> {
    if store.place().server().is_none() || store.only_reads() {
        return Ok(());
    }
    let (key, name) = (lock::key(store.place())?, holder::host());
    hosts::announce(store, Host { key: &key, name: &name, process: std::process::id() }, configuration, clock)
}

/// Lets other machines know that a run died on this one at a message; nothing where the database is a file.
///
/// # Errors
/// The file of its key, or the database.
pub fn died(store: &Store, tx: &Tx<'_>) -> Result<()> {
    if store.place().server().is_none() {
        return Ok(());
    }
    let (key, name) = (lock::key(store.place())?, holder::host());
    hosts::died(tx, Host { key: &key, name: &name, process: std::process::id() })
}

/// How long this machine has been up. It goes on while the machine sleeps, and nobody sets it.
pub fn uptime() -> Duration {
    let up = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(up.tv_sec.unsigned_abs(), u32::try_from(up.tv_nsec).unwrap_or_default())
}

impl Claim<'_> {
    /// The lock on this machine.
    pub fn lock(&self) -> &Lock {
        &self.lock
    }

    /// The lock on this machine alone.
    pub fn into_lock(self) -> Lock {
        self.lock
    }
}

impl<'a> Deref for Claim<'a> {
    type Target = Leased<'a>;

    fn deref(&self) -> &Leased<'a> {
        &self.leased
    }
}

impl<'a> Leased<'a> {
    /// Until what this gives is dropped, nothing is written unless the claim still holds.
    pub fn under(&self) -> Option<Under<'a>> {
        self.lease.map(|lease| leases::under(self.store, lease))
    }

    /// The database that it is for.
    pub fn store(&self) -> &'a Store {
        self.store
    }

    /// Looks whether it still holds, for what is done outside of the database next and cannot be taken back.
    ///
    /// # Errors
    /// Another machine has taken it over, or the database fails.
    pub fn look(&self) -> Result<()> {
        // A transaction that may write asks for it at its beginning.
        if self.lease.is_some() { self.store.write(|_| Ok(())) } else { Ok(()) }
    }

    /// Whether nobody else can have taken it over, if it was looked at just after this moment ([`uptime`]).
    pub fn is_held_since(&self, moment: Duration) -> bool {
        let least = Duration::from_millis(leases::length().unsigned_abs()) / 2;
        self.lease.is_none() || uptime().saturating_sub(moment) < least
    }

    /// The work is done: another machine need not do it again at once.
    pub fn done(&self) {
        self.is_done.set(true);
    }
}

impl std::fmt::Debug for Leased<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Leased").field(&self.lease).finish()
    }
}

impl Drop for Leased<'_> {
    fn drop(&mut self) {
        if let Some(lease) = self.lease {
            // Where that fails it ends by itself.
            let _ = leases::release(self.store, lease, self.is_done.get());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_lease_that_was_looked_at_half_its_length_ago_may_be_another_hosts() {
        let store = Store::embedded_for_test().unwrap();
        let held = |lease| Leased { store: &store, lease, is_done: Cell::new(false), _kept: None };
        let ago = |seconds| uptime().saturating_sub(Duration::from_secs(seconds));
        // A machine that is up for less than that says nothing about it.
        if uptime() < Duration::from_secs(120) {
            return;
        }
        let leased = held(Some(Lease::for_test()));
        for (seconds, expected) in [(0, true), (59, true), (61, false), (119, false)] {
            assert_eq!(leased.is_held_since(ago(seconds)), expected, "{seconds}");
        }
        assert!(held(None).is_held_since(ago(119)), "a file has no leases");
    }
}
