//! Copies of sent mail that are still to be put into the Sent folder of their account (B13.7).

use anyhow::Result;
use jiff::Timestamp;

use super::db::{Tx, params, seconds};
use super::outbox::LONGEST;

/// A copy to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentCopy {
    /// The message in the outbox.
    pub outbox_id: i64,
    pub email_id: Option<i64>,
    /// Without angle brackets.
    pub message_id: String,
    /// Its bytes.
    pub raw_id: i64,
    /// When it was composed.
    pub date: Timestamp,
    /// Failed attempts.
    pub attempts: i64,
}

/// What stands in the way of an account's copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// How many wait.
    pub count: i64,
    /// The words of the last failure; empty = none was tried yet.
    pub last_error: String,
}

/// Plans the copy of a message; one that is planned already stays.
pub fn plan(tx: &Tx<'_>, outbox_id: i64, now: Timestamp) -> Result<()> {
    tx.execute(
        "INSERT INTO sent_copies (outbox_id, next_try_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        params![outbox_id, seconds(now)],
    )?;
    Ok(())
}

/// Accounts with copies whose time has come, ascending: a time further away than the longest back-off was written by a
/// clock that ran ahead.
pub fn accounts_due(tx: &Tx<'_>, now: Timestamp) -> Result<Vec<i64>> {
    tx.values(
        "SELECT DISTINCT o.account_id FROM sent_copies s JOIN outbox o ON o.id = s.outbox_id
            WHERE (s.next_try_at <= ?1 OR s.next_try_at > ?2) ORDER BY o.account_id",
        params![seconds(now), seconds(now + LONGEST)],
    )
}

/// The copies of an account whose time has come, oldest first. `CROSS JOIN`: few copies wait, of all that was sent.
pub fn due(tx: &Tx<'_>, account_id: i64, now: Timestamp) -> Result<Vec<SentCopy>> {
    tx.all(
        "SELECT s.outbox_id, o.email_id, o.message_id, o.raw_id, o.created_at, s.attempts
            FROM sent_copies s CROSS JOIN outbox o ON o.id = s.outbox_id
            WHERE o.account_id = ?1 AND (s.next_try_at <= ?2 OR s.next_try_at > ?3) ORDER BY s.outbox_id",
        params![account_id, seconds(now), seconds(now + LONGEST)],
        |row| {
            Ok(SentCopy {
                outbox_id: row.get("outbox_id")?,
                email_id: row.get("email_id")?,
                message_id: row.get("message_id")?,
                raw_id: row.get("raw_id")?,
                date: row.time("created_at")?,
                attempts: row.get("attempts")?,
            })
        },
    )
}

/// The copy is there, or is not wanted any more.
pub fn done(tx: &Tx<'_>, outbox_id: i64) -> Result<()> {
    tx.execute("DELETE FROM sent_copies WHERE outbox_id = ?1", params![outbox_id])?;
    Ok(())
}

/// Puts a copy off after a failure.
pub fn put_off(tx: &Tx<'_>, outbox_id: i64, words: &str, next_try_at: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE sent_copies SET attempts = attempts + 1, last_error = ?2, next_try_at = ?3 WHERE outbox_id = ?1",
        params![outbox_id, words, seconds(next_try_at)],
    )?;
    Ok(())
}

/// An account was edited: its copies are tried at once.
pub fn make_due(tx: &Tx<'_>, account_id: i64) -> Result<()> {
    tx.execute(
        "UPDATE sent_copies SET next_try_at = 0
            WHERE EXISTS (SELECT 1 FROM outbox o WHERE o.id = sent_copies.outbox_id AND o.account_id = ?1)",
        params![account_id],
    )?;
    Ok(())
}

/// What waits of an account's copies.
pub fn waiting(tx: &Tx<'_>, account_id: i64) -> Result<Waiting> {
    let waiting = tx.one(
        "SELECT count(*) AS count, coalesce(max(s.last_error), '') AS last_error
            FROM sent_copies s CROSS JOIN outbox o ON o.id = s.outbox_id WHERE o.account_id = ?1",
        params![account_id],
        |row| Ok(Waiting { count: row.get("count")?, last_error: row.get("last_error")? }),
    )?;
    Ok(waiting.unwrap_or(Waiting { count: 0, last_error: String::new() }))
}
