//! A database that was put in place from a backup (B2.14). A backup says in itself that it is one
//! ([`super::db::Store::backup`]); the first command that writes into it makes it the desk's database again.

use anyhow::Result;
use jiff::Timestamp;

use super::db::{Tx, params, seconds};
use super::events;

/// Number of case numbers left out: customers may hold those that were given after the backup.
const SKIPPED: i64 = 1_000;

/// Why a message of the outbox is held.
pub const HELD: &str = "held: the database was restored from a backup, and this was perhaps sent since";

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
    tx.execute(
        "UPDATE outbox SET state = 'held', last_error = ?1, settled_at = ?2 WHERE state IN ('waiting', 'in doubt')",
        params![HELD, seconds(now)],
    )?;
    // What was to be told in a digest was told, or is in the list.
    tx.execute("UPDATE notifications SET digest = FALSE WHERE digest", [])?;
    tx.execute(
        "UPDATE instance SET backup_made_at = NULL, restored_at = ?1, restored_from = ?2,
            next_case = ?3 + (SELECT CASE WHEN coalesce(max(number), 0) < next_case - 1 THEN next_case - 1
                ELSE coalesce(max(number), 0) END FROM cases)",
        params![seconds(now), seconds(backup_made_at), SKIPPED],
    )?;
    events::restored(tx, "from a backup", now)?;
    Ok(Some(Restored { at: now, backup_made_at }))
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
    use crate::store::db::Store;
    use crate::store::instance;

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
