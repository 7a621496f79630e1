//! Which host works for an account, where several hosts work on one database: a lease, by the clock of the server. A file has
//! no leases: its locks are of the one machine that it is on.
//!
//! A holder begins each transaction with the statement of [`under`], which makes the lease longer. One that was too slow finds
//! no row then: the host that took the account over has raised the epoch. While it waits it makes it longer by [`renew`].

use anyhow::Result;

use super::db::{Dialect, Store, Tx, Under, params};
use super::hosts::{self, Host, Work};
use crate::holder::Holder;

/// How long a lease lasts that is not made longer, in milliseconds.
const LENGTH: i64 = 120_000;

/// The same; tests that wait for its end have a shorter one.
pub fn length() -> i64 {
    #[cfg(feature = "poison")]
    if let Some(length) = std::env::var("ESPOMAIL_LEASE").ok().and_then(|text| text.parse().ok()) {
        return length;
    }
    LENGTH
}

/// A host leaves an account alone for this number of milliseconds after another one has polled it: all begin with the minute.
pub const POLLED: i64 = 55_000;

/// The right to work for an account until somebody takes it over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    work: Work,
    account_id: i64,
    /// No other host ever has this number, also where one is forgotten and comes again.
    host_id: i64,
    epoch: i64,
}

#[cfg(test)]
impl Lease {
    /// One of no database.
    pub fn for_test() -> Lease {
        Lease { work: Work::Send, account_id: 1, host_id: 1, epoch: 1 }
    }
}

/// The answer to who wants a lease.
#[derive(Debug)]
pub enum Taken {
    Held(Lease),
    /// Another host works for the account.
    Busy(Holder),
    /// Another host has done the work a moment ago.
    Done(Holder),
}

/// What is known of a lease.
struct Known {
    holder: Holder,
    /// Milliseconds that it lasts.
    left: i64,
    /// Milliseconds since the work was done.
    done: Option<i64>,
}

/// Takes the lease of an account for a host, at once where somebody `asked` for just this account; `None` = the database is
/// a file, or is only read and nobody has it.
///
/// # Errors
/// The database.
pub fn take(store: &Store, host: Host<'_>, work: Work, account_id: i64, asked: bool) -> Result<Option<Taken>> {
    if store.dialect() == Dialect::Sqlite {
        return Ok(None);
    }
    if store.only_reads() {
        let known = store.read(|tx| look(tx, work, account_id))?;
        return Ok(known.filter(|known| known.left > 0).map(|known| Taken::Busy(known.holder)));
    }
    store.write_besides(|tx| {
        let host_id = hosts::seen(tx, host)?;
        let epoch = tx.value(
            "INSERT INTO leases (kind, account_id, host_id, process, epoch, since, until)
                VALUES (?1, ?2, ?3, ?4, 1, this_moment(), this_moment() + ?5)
                ON CONFLICT (kind, account_id) DO UPDATE
                    SET host_id = ?3, process = ?4, epoch = leases.epoch + 1, since = this_moment(),
                        until = this_moment() + ?5
                    WHERE leases.host_id = ?3 OR (leases.until < this_moment()
                        AND (?6 OR coalesce(leases.done_at, 0) < this_moment() - ?7))
                RETURNING epoch",
            params![work.as_str(), account_id, host_id, host.process, length(), asked, POLLED],
        )?;
        if let Some(epoch) = epoch {
            return Ok(Some(Taken::Held(Lease { work, account_id, host_id, epoch })));
        }
        Ok(look(tx, work, account_id)?.map(|known| match known.done {
            Some(done) if known.left <= 0 && done < POLLED && !asked => Taken::Done(known.holder),
            // Also one that was given back in this moment.
            _ => Taken::Busy(known.holder),
        }))
    })
}

fn look(tx: &Tx<'_>, work: Work, account_id: i64) -> Result<Option<Known>> {
    tx.one(
        "SELECT h.name, l.process, l.until - this_moment() AS remaining, this_moment() - l.done_at AS done
            FROM leases l JOIN hosts h ON h.id = l.host_id WHERE l.kind = ?1 AND l.account_id = ?2",
        params![work.as_str(), account_id],
        |row| {
            let holder = Holder::elsewhere(row.get("process")?, row.get("name")?);
            Ok(Known { holder, left: row.get("remaining")?, done: row.get("done")? })
        },
    )
}

/// The accounts for which some host has done this work within a number of milliseconds.
pub fn done_lately(tx: &Tx<'_>, work: Work, milliseconds: i64) -> Result<Vec<i64>> {
    let sql = "SELECT account_id FROM leases WHERE kind = ?1 AND done_at > this_moment() - ?2 ORDER BY account_id";
    tx.values(sql, params![work.as_str(), milliseconds])
}

/// From now on, until what it gives is dropped, the store writes only while the lease is held, and makes it longer by that.
pub fn under(store: &Store, lease: Lease) -> Under<'_> {
    let Lease { work, account_id, host_id, epoch } = lease;
    let (kind, length) = (work.as_str(), length());
    store.under(format!(
        "UPDATE leases SET until = this_moment() + {length} WHERE kind = '{kind}' AND account_id = {account_id}
            AND host_id = {host_id} AND epoch = {epoch} RETURNING epoch"
    ))
}

/// Makes a lease longer that is held still: not one that was given back or taken over.
///
/// # Errors
/// The database.
pub fn renew(store: &Store, lease: Lease) -> Result<()> {
    store.write_besides(|tx| {
        tx.execute(
            "UPDATE leases SET until = this_moment() + ?5
                WHERE kind = ?1 AND account_id = ?2 AND host_id = ?3 AND epoch = ?4 AND until > 0",
            params![lease.work.as_str(), lease.account_id, lease.host_id, lease.epoch, length()],
        )
        .map(drop)
    })
}

/// Gives a lease back; `done`: what it was for is done for now.
///
/// # Errors
/// The database. The lease ends by itself then.
pub fn release(store: &Store, lease: Lease, done: bool) -> Result<()> {
    store.write_besides(|tx| {
        tx.execute(
            "UPDATE leases SET until = 0, done_at = CASE WHEN ?5 THEN this_moment() ELSE done_at END
                WHERE kind = ?1 AND account_id = ?2 AND host_id = ?3 AND epoch = ?4",
            params![lease.work.as_str(), lease.account_id, lease.host_id, lease.epoch, done],
        )
        .map(drop)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use jiff::Timestamp;

    use super::*;
    use crate::store::accounts::{self, Account, AccountKind};
    use crate::store::db::Superseded;
    use crate::store::db::seen::on_server;
    use crate::store::teams;

    const NEAR: Host<'_> = Host { key: "1", name: "web1", process: 11 };
    const FAR: Host<'_> = Host { key: "2", name: "web2", process: 22 };

    /// A database on the server that tests run on, with one account.
    fn desk() -> Option<Store> {
        let store = on_server()?;
        let account = Account::new("support", AccountKind::Group, Timestamp::UNIX_EPOCH);
        store.write(|tx| accounts::add(tx, &account)).unwrap();
        Some(store)
    }

    fn asked(store: &Store, host: Host<'_>, work: Work, asked: bool) -> Taken {
        take(store, host, work, 1, asked).unwrap().unwrap()
    }

    fn held(store: &Store, host: Host<'_>) -> Lease {
        match asked(store, host, Work::Fetch, false) {
            Taken::Held(lease) => lease,
            other => panic!("{other:?}"),
        }
    }

    fn pass(store: &Store, seconds: i64) {
        let sql = "UPDATE leases SET until = until - ?1 * 1000, done_at = done_at - ?1 * 1000";
        store.write_besides(|tx| tx.execute(sql, [seconds]).map(drop)).unwrap();
    }

    #[test]
    fn a_lease_is_held_by_one_host_until_it_is_over_or_given_back() {
        let Some(store) = desk() else { return };
        let first = held(&store, NEAR);
        let Taken::Busy(holder) = asked(&store, FAR, Work::Fetch, true) else { panic!("two have it") };
        assert_eq!((holder.pid, holder.host.as_deref()), (11, Some("web1")));
        assert!(matches!(asked(&store, FAR, Work::Send, true), Taken::Held(_)), "that is another one");
        // Its own lock keeps processes of one host apart: one that asks again has died.
        let second = held(&store, NEAR);
        assert_eq!(second.epoch, first.epoch + 1);
        pass(&store, 119);
        assert!(matches!(asked(&store, FAR, Work::Fetch, true), Taken::Busy(_)));
        {
            let _under = under(&store, second);
            store.write(|_| Ok(())).unwrap();
        }
        pass(&store, 119);
        assert!(matches!(asked(&store, FAR, Work::Fetch, true), Taken::Busy(_)), "a transaction makes it longer");
        pass(&store, 2);
        assert_eq!(held(&store, FAR).epoch, second.epoch + 1);
        release(&store, second, true).unwrap();
        assert!(matches!(asked(&store, NEAR, Work::Fetch, true), Taken::Busy(_)), "it was not ours to give");
    }

    #[test]
    fn who_has_lost_a_lease_writes_nothing_any_more() {
        let Some(store) = desk() else { return };
        let lease = held(&store, NEAR);
        pass(&store, 121);
        let add = |name: &str| store.write(|tx| teams::add(tx, name, Timestamp::UNIX_EPOCH));
        let slow = under(&store, lease);
        add("nobody took it over").unwrap();
        pass(&store, 121);
        held(&store, FAR);
        let refused = add("too late").unwrap_err();
        assert!(refused.is::<Superseded>(), "{refused:#}");
        drop(slow);
        add("for another account").unwrap();
        let names: Vec<String> = store.read(|tx| tx.values("SELECT name FROM teams ORDER BY id", [])).unwrap();
        assert_eq!(names, ["nobody took it over", "for another account"]);
    }

    #[test]
    fn a_lease_is_made_longer_while_its_host_waits_and_not_once_it_is_over() {
        let Some(store) = desk() else { return };
        let lease = held(&store, NEAR);
        pass(&store, 119);
        renew(&store, lease).unwrap();
        pass(&store, 119);
        assert!(matches!(asked(&store, FAR, Work::Fetch, true), Taken::Busy(_)), "it is held still");
        pass(&store, 2);
        // Nobody took it over.
        renew(&store, lease).unwrap();
        assert!(matches!(asked(&store, FAR, Work::Fetch, true), Taken::Busy(_)));
        release(&store, lease, false).unwrap();
        renew(&store, lease).unwrap();
        let other = held(&store, FAR);
        pass(&store, 121);
        renew(&store, lease).unwrap();
        assert_eq!(held(&store, NEAR).epoch, other.epoch + 1, "it is the other host's");
    }

    #[test]
    fn a_host_that_was_forgotten_writes_nothing_although_the_epochs_begin_again() {
        let Some(store) = desk() else { return };
        let lease = held(&store, NEAR);
        store.write_besides(|tx| hosts::forget(tx, hosts::seen(tx, NEAR)?)).unwrap();
        let other = held(&store, FAR);
        assert_eq!(other.epoch, lease.epoch);
        let slow = under(&store, lease);
        assert!(store.write(|_| Ok(())).unwrap_err().is::<Superseded>());
        drop(slow);
        release(&store, lease, true).unwrap();
        assert!(matches!(asked(&store, NEAR, Work::Fetch, true), Taken::Busy(_)), "it was not ours to give");
    }

    #[test]
    fn what_another_host_has_just_done_is_left_alone() {
        let Some(store) = desk() else { return };
        release(&store, held(&store, NEAR), true).unwrap();
        let Taken::Done(holder) = asked(&store, FAR, Work::Fetch, false) else { panic!("it was done now") };
        assert_eq!(holder.host.as_deref(), Some("web1"));
        let Taken::Held(lease) = asked(&store, FAR, Work::Fetch, true) else { panic!("somebody asked") };
        let lately = |within| store.read(|tx| done_lately(tx, Work::Fetch, within)).unwrap();
        assert_eq!(lately(60_000), [1]);
        // What failed is not done.
        release(&store, lease, false).unwrap();
        assert!(matches!(asked(&store, NEAR, Work::Fetch, false), Taken::Done(_)), "in the same minute");
        pass(&store, 56);
        assert!(lately(56_000).is_empty() && lately(120_000) == [1]);
        release(&store, held(&store, NEAR), true).unwrap();
        release(&store, held(&store, NEAR), true).unwrap();
    }

    #[test]
    fn a_file_has_no_leases() {
        let store = Store::embedded_for_test().unwrap();
        assert!(take(&store, NEAR, Work::Fetch, 1, false).unwrap().is_none());
    }
}
