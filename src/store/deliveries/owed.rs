//! Open rows of the ledger: messages that servers have listed and not delivered (B2.4).

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};

use super::{FACTS, Facts, Outcome, PLACE, Place};
use crate::store::db::{Row, Tx, params, seconds};

/// Number of attempts after which a message is unfetchable.
const ATTEMPTS: i64 = 3;
/// Number of days on each of which it is asked for once more …
const DAYS: i64 = 7;
/// … after this time: a bad line must not lose a large mail.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Maximum number that one run asks for.
const AT_ONCE: i64 = 50;

/// A message that a server still owes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    pub folder: String,
    pub uidvalidity: u32,
    pub uid: u32,
    /// Size in bytes as the server said.
    pub size: i64,
}

/// What the ledger says of one UID, to be compared with what the server says of it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Size in bytes as the server said; 0 = it did not.
    pub size: i64,
    /// INTERNALDATE, where the server told one.
    pub internal_date: Option<Timestamp>,
}

/// Charges a message with an attempt: it was listed, and not delivered. At the third it is unfetchable. Gives what it is
/// now; one that came after all is left alone.
pub fn miss(tx: &Tx<'_>, place: Place<'_>, facts: Facts, words: &str) -> Result<Outcome> {
    let outcome = tx.one(
        &format!(
            "INSERT INTO deliveries ({PLACE}, {FACTS}, outcome, reason, attempts, tried_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'missing', ?8, 1, ?7)
            ON CONFLICT ({PLACE}) DO UPDATE SET attempts = deliveries.attempts + 1, reason = excluded.reason,
                tried_at = excluded.tried_at,
                outcome = CASE WHEN deliveries.attempts + 1 < ?9 THEN 'missing' ELSE 'unfetchable' END
            WHERE deliveries.outcome IN ('missing', 'unfetchable') RETURNING outcome"
        ),
        params![
            place.account_id,
            place.folder,
            place.uidvalidity,
            place.uid,
            seconds(facts.internal_date),
            facts.size,
            seconds(facts.now),
            words,
            ATTEMPTS,
        ],
        |row: &Row<'_>| row.label("outcome"),
    )?;
    Ok(outcome.unwrap_or(Outcome::Received))
}

/// A message that a server listed and did not deliver so far; it is asked for again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Late {
    pub folder: String,
    pub uid: u32,
    /// Size in bytes as the server said; 0 = it did not.
    pub size: i64,
    /// How often it was asked for.
    pub attempts: i64,
    /// The server's words, or what broke.
    pub words: String,
}

/// The messages of an account that are asked for again, in monitored folders that are numbered as they were.
///
/// # Errors
/// The database.
pub fn late(tx: &Tx<'_>, account_id: i64) -> Result<Vec<Late>> {
    tx.all(
        "SELECT d.folder, d.uid, d.size, d.attempts, d.reason FROM deliveries d JOIN account_folders f
                ON f.account_id = d.account_id AND f.name = d.folder AND f.uidvalidity = d.uidvalidity
            WHERE d.account_id = ?1 AND d.outcome = 'missing' ORDER BY d.attempts DESC, d.id",
        params![account_id],
        |row| {
            Ok(Late {
                folder: row.get("folder")?,
                uid: row.get("uid")?,
                size: row.get("size")?,
                attempts: row.get("attempts")?,
                words: row.get("reason")?,
            })
        },
    )
}

/// How many messages of an account are given up, in monitored folders that are numbered as they were.
pub fn unfetchable(tx: &Tx<'_>, account_id: i64) -> Result<i64> {
    let count = tx.value(
        "SELECT count(*) FROM deliveries d JOIN account_folders f
                ON f.account_id = d.account_id AND f.name = d.folder AND f.uidvalidity = d.uidvalidity
            WHERE d.account_id = ?1 AND d.outcome = 'unfetchable'",
        params![account_id],
    )?;
    Ok(count.unwrap_or_default())
}

/// Gives up messages that a server never delivered and does not have any more.
pub fn give_up(tx: &Tx<'_>, account_id: i64, folder: &str, uidvalidity: u32, uids: &[u32]) -> Result<()> {
    for uid in uids {
        tx.execute(
            "UPDATE deliveries SET outcome = 'discarded', reason = 'left the server, which never delivered it: ' || reason
                WHERE account_id = ?1 AND folder = ?2 AND uidvalidity = ?3 AND uid = ?4 AND outcome = 'unfetchable'",
            params![account_id, folder, uidvalidity, uid],
        )?;
    }
    Ok(())
}

/// What servers still owe an account and may be asked for now, in monitored folders that are numbered as they were: those
/// with the fewest attempts first.
pub fn owed(tx: &Tx<'_>, account_id: i64, now: Timestamp) -> Result<Vec<Owed>> {
    tx.all(
        "SELECT d.folder, d.uidvalidity, d.uid, d.size FROM deliveries d JOIN account_folders f
                ON f.account_id = d.account_id AND f.name = d.folder AND f.uidvalidity = d.uidvalidity
            WHERE d.account_id = ?1 AND d.outcome IN ('missing', 'unfetchable')
                AND (d.outcome = 'missing' OR (d.outcome = 'unfetchable' AND d.attempts < ?2
                AND (d.tried_at IS NULL OR d.tried_at <= ?3 OR d.tried_at > ?4)))
            ORDER BY d.attempts, d.tried_at NULLS FIRST, d.id LIMIT ?5",
        params![account_id, ATTEMPTS + DAYS, seconds(now - DAY), seconds(now), AT_ONCE],
        |row| {
            Ok(Owed {
                folder: row.get("folder")?,
                uidvalidity: row.get("uidvalidity")?,
                uid: row.get("uid")?,
                size: row.get("size")?,
            })
        },
    )
}

/// What the ledger says of one UID.
pub fn recorded(tx: &Tx<'_>, place: Place<'_>) -> Result<Option<Recorded>> {
    tx.one(
        "SELECT size, internal_date, received_at FROM deliveries
            WHERE account_id = ?1 AND folder = ?2 AND uidvalidity = ?3 AND uid = ?4",
        params![place.account_id, place.folder, place.uidvalidity, place.uid],
        |row| {
            // Where the server told no date, the moment of its coming stands instead.
            let (date, received) = (row.time("internal_date")?, row.time("received_at")?);
            Ok(Recorded { size: row.get("size")?, internal_date: Some(date).filter(|date| *date != received) })
        },
    )
}

/// The server has given the UIDs of a folder to other messages, under the same UIDVALIDITY: what is known of the old ones
/// keeps no number, what is still owed or planned for them is void.
pub fn forget_numbers(tx: &Tx<'_>, account_id: i64, folder: &str, uidvalidity: u32) -> Result<()> {
    const THESE: &str = "account_id = ?1 AND folder = ?2 AND uidvalidity = ?3";
    let these = params![account_id, folder, uidvalidity];
    tx.execute(
        &format!(
            "DELETE FROM server_actions WHERE action NOT IN ('junk', 'not-junk')
                AND delivery_id IN (SELECT id FROM deliveries WHERE {THESE})"
        ),
        these,
    )?;
    tx.execute(&format!("DELETE FROM deliveries WHERE {THESE} AND outcome IN ('missing', 'unfetchable')"), these)?;
    tx.execute(&format!("UPDATE deliveries SET uidvalidity = NULL WHERE {THESE}"), these)?;
    Ok(())
}
