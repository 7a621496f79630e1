//! A database that was put in place from a backup (B2.14). A backup says in itself that it is one
//! ([`super::db::Store::backup`]); the first command that writes into it makes it the desk's database again. A server that has
//! taken the place of another one may lack what was committed last, as a backup does ([`after_failover`]).

use anyhow::Result;
use jiff::Timestamp;

use super::db::{Store, Tx, params, seconds};
use super::{events, hosts};

/// Number of case numbers left out: customers may hold those that were given after the backup.
const SKIPPED: i64 = 1_000;

/// Why a message of the outbox is held.
pub const HELD: &str = "held: the database was restored from a backup, and this was perhaps sent since";

/// The same after another server has taken over.
const HELD_AFTER_FAILOVER: &str =
    "held: another database server has taken over, and this was perhaps sent by what it does not know";

/// When and from what a database was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// When it noticed.
    pub at: Timestamp,
    /// When the backup was made.
    pub backup_made_at: Timestamp,
}

/// When this database was made as a backup; `None` where it is the desk's own.
pub fn backup_made_at(tx: &Tx<'_>) -> Result<Option<Timestamp>> {
    Ok(tx.one("SELECT backup_made_at FROM instance", [], |row| row.opt_time("backup_made_at"))?.flatten())
}

/// When this database was restored last.
pub fn last(tx: &Tx<'_>) -> Result<Option<Restored>> {
    let times = tx.one("SELECT restored_at, restored_from FROM instance", [], |row| {
        Ok((row.opt_time("restored_at")?, row.opt_time("restored_from")?))
    })?;
    Ok(times.and_then(|(at, from)| Some(Restored { at: at?, backup_made_at: from? })))
}

/// Makes a backup the desk's database: what the outbox had not settled is held, case numbers go on far above, and
/// `restored_at` keeps mail from before from automatic replies and notices by e-mail. What was done where it is one.
pub fn settle(tx: &Tx<'_>, now: Timestamp) -> Result<Option<Restored>> {
    let Some(backup_made_at) = backup_made_at(tx)? else { return Ok(None) };
    hold(tx, backup_made_at, HELD, now)?;
    events::restored(tx, "from a backup", now)?;
    Ok(Some(Restored { at: now, backup_made_at }))
}

/// Makes a database that is a backup the desk's own; one that is none is only read.
///
/// # Errors
/// The database.
pub fn settle_backup(store: &Store, now: Timestamp) -> Result<()> {
    match store.read(backup_made_at)? {
        None => Ok(()),
        Some(_) => store.write(|tx| settle(tx, now)).map(drop),
    }
}

/// Makes a database whole again as far as that can be done, where another server has taken over that may lack commits: as
/// after a restored backup. Whether there was one that nobody had admitted yet.
///
/// The moment is by the clock of the server: which mail came before it is asked by other machines, too, and the clock of this
/// one may be late.
///
/// # Errors
/// The database.
pub fn after_failover(store: &Store) -> Result<bool> {
    if !store.has_another_server()? {
        return Ok(false);
    }
    let now = store.read(hosts::shared_moment)?;
    store.admit_server(now, |tx| {
        hold(tx, now, HELD_AFTER_FAILOVER, now)?;
        events::restored(tx, "on another server", now)
    })?;
    Ok(true)
}

/// When another server has taken over, where nothing was restored since.
pub fn failed_over_at(tx: &Tx<'_>) -> Result<Option<Timestamp>> {
    let replaced = tx.server_replaced_at()?;
    Ok(last(tx)?.filter(|last| Some(last.at) == replaced).map(|last| last.at))
}

fn hold(tx: &Tx<'_>, from: Timestamp, why: &str, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE outbox SET state = 'held', last_error = ?1, settled_at = ?2 WHERE state IN ('waiting', 'in doubt')",
        params![why, seconds(now)],
    )?;
    // What was to be told in a digest was told, or is in the list.
    tx.execute("UPDATE notifications SET digest = FALSE WHERE digest", [])?;
    tx.execute(
        "UPDATE instance SET backup_made_at = NULL, restored_at = ?1, restored_from = ?2,
            next_case = ?3 + (SELECT CASE WHEN coalesce(max(number), 0) < next_case - 1 THEN next_case - 1
                ELSE coalesce(max(number), 0) END FROM cases)",
        params![seconds(now), seconds(from), SKIPPED],
    )?;
    Ok(())
}

/// Marks a database as a backup that was made at a moment; one that is marked stays as it is.
pub fn mark(tx: &Tx<'_>, made_at: Timestamp) -> Result<()> {
    tx.execute("UPDATE instance SET backup_made_at = coalesce(backup_made_at, ?1)", params![seconds(made_at)])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::db::seen::on_server;
    use crate::store::instance;

    #[test]
    fn another_server_is_written_when_what_it_may_lack_is_looked_after_and_not_before() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let Some(store) = on_server() else { return };
        store.write(|tx| instance::create(tx, &[7; 32], at(1))).unwrap();
        let number = |store: &Store| store.write(instance::take_case_number);
        assert_eq!(number(&store).unwrap(), 1);
        assert!(!after_failover(&store).unwrap());
        store.write(|tx| tx.execute("UPDATE turns SET timeline = '000000FF'", []).map(drop)).unwrap();
        let again = Store::open(store.place()).unwrap();
        let refused = number(&again).unwrap_err();
        assert!(refused.to_string().ends_with("another server has taken its place"), "{refused:#}");
        assert!(crate::store::db::is_fatal(&refused));
        let besides = again.write_besides(|tx| tx.execute("UPDATE instance SET next_case = 9", []).map(drop));
        assert!(besides.is_err());
        again.rehearse(instance::take_case_number).unwrap();
        assert!(number(&again).is_err(), "a rehearsal admits nothing");
        assert_eq!(again.read(failed_over_at).unwrap(), None);
        let now = again.read(hosts::shared_moment).unwrap().as_second();
        assert!(after_failover(&again).unwrap() && !after_failover(&again).unwrap());
        let replaced_at = again.read(failed_over_at).unwrap().unwrap().as_second();
        assert!((now..now + 60).contains(&replaced_at), "by the clock of the server: {replaced_at} {now}");
        assert_eq!(number(&again).unwrap(), 1 + SKIPPED);
        // A backup that is restored later is told as that.
        again.write(|tx| mark(tx, at(70)).and_then(|()| settle(tx, at(80)))).unwrap();
        assert_eq!(again.read(failed_over_at).unwrap(), None);
    }

    #[test]
    fn only_a_backup_is_settled_and_only_once() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let store = Store::for_test().unwrap();
        let settle = |now| store.write(|tx| settle(tx, at(now))).unwrap();
        store.write(|tx| instance::create(tx, &[7; 32], at(1))).unwrap();
        let number = || store.write(instance::take_case_number).unwrap();
        assert_eq!((number(), number(), number()), (1, 2, 3));
        assert_eq!((settle(5), store.read(last).unwrap(), number()), (None, None, 4));
        store.write(|tx| mark(tx, at(10)).and_then(|()| mark(tx, at(20)))).unwrap();
        assert_eq!(store.read(backup_made_at).unwrap(), Some(at(10)), "it keeps the time that it was made at");
        let restored = Some(Restored { at: at(30), backup_made_at: at(10) });
        assert_eq!(settle(30), restored);
        assert_eq!(number(), 4 + SKIPPED, "the highest number and 1,000");
        assert_eq!((settle(40), store.read(last).unwrap(), number()), (None, restored, 5 + SKIPPED));
    }
}
