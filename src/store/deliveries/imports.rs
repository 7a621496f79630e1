//! Mail that came out of files (B2.12).

use std::collections::{HashMap, HashSet};

use anyhow::{Result, anyhow};
use jiff::Timestamp;

use super::{Delivery, Facts, Source};
use crate::store::db::{Tx, params, seconds};

/// The beginning of a SHA-256: enough to tell messages apart, and half as large in memory.
pub type Print = [u8; 16];

/// The print of a digest.
///
/// # Errors
/// It is shorter than a print.
pub fn print(sha256: &[u8]) -> Result<Print> {
    sha256.first_chunk().copied().ok_or_else(|| anyhow!("a digest of {} bytes", sha256.len()))
}

/// Prints of all stored bytes that an account has delivered, of emails and of what is none (yet).
pub fn prints(tx: &Tx<'_>, account_id: i64) -> Result<HashSet<Print>> {
    let all: Vec<Print> = tx.all(
        "SELECT r.sha256 FROM deliveries d JOIN raw_messages r ON r.id = d.raw_id WHERE d.account_id = ?1
            UNION ALL
            SELECT r.sha256 FROM deliveries d JOIN emails e ON e.id = d.email_id JOIN raw_messages r ON r.id = e.raw_id
                WHERE d.account_id = ?1 AND d.raw_id IS NULL",
        params![account_id],
        |row| print(&row.get::<Vec<u8>>("sha256")?),
    )?;
    Ok(all.into_iter().collect())
}

/// Prints of what an account has received out of files and elsewhere, and that waits for its import, with the deliveries.
pub fn waiting_prints(tx: &Tx<'_>, account_id: i64) -> Result<HashMap<Print, i64>> {
    let all: Vec<(Print, i64)> = tx.all(
        "SELECT r.sha256, d.id FROM deliveries d JOIN raw_messages r ON r.id = d.raw_id
            WHERE d.account_id = ?1 AND d.outcome = 'received'",
        params![account_id],
        |row| Ok((print(&row.get::<Vec<u8>>("sha256")?)?, row.get("id")?)),
    )?;
    Ok(all.into_iter().collect())
}

/// Records a message out of a file; the id.
pub fn receive_imported(tx: &Tx<'_>, account_id: i64, source: Source, facts: Facts, raw_id: i64) -> Result<i64> {
    tx.insert(
        "INSERT INTO deliveries (account_id, internal_date, size, raw_id, outcome, received_at, source)
            VALUES (?1, ?2, ?3, ?4, 'received', ?5, ?6)",
        params![account_id, seconds(facts.internal_date), facts.size, raw_id, seconds(facts.now), source.as_str()],
    )
}

/// Gives a message out of a file or a pipe the date that stands in it.
pub fn set_internal_date(tx: &Tx<'_>, id: i64, date: Timestamp) -> Result<()> {
    tx.execute("UPDATE deliveries SET internal_date = ?2 WHERE id = ?1", params![id, seconds(date)])?;
    Ok(())
}

/// Whether an account delivered an email before this delivery.
pub fn has_delivered(tx: &Tx<'_>, account_id: i64, email_id: i64, except: i64) -> Result<bool> {
    let found: Option<i64> = tx.value(
        "SELECT 1 FROM deliveries WHERE email_id = ?2 AND account_id = ?1 AND id <> ?3 LIMIT 1",
        params![account_id, email_id, except],
    )?;
    Ok(found.is_some())
}

/// Whether an email came to the place of this delivery before, as another message: to the same folder of the same account,
/// or to that account without a folder.
pub fn came_to_the_same_place(tx: &Tx<'_>, delivery: &Delivery, email_id: i64) -> Result<bool> {
    let found: Option<i64> = tx.value(
        "SELECT 1 FROM deliveries WHERE email_id = ?1 AND account_id = ?2 AND folder IS NOT DISTINCT FROM ?3
            AND uidvalidity IS NOT DISTINCT FROM ?4 AND id <> ?5
            AND (?3 IS NULL OR uid IS DISTINCT FROM ?6) LIMIT 1",
        params![email_id, delivery.account_id, delivery.folder, delivery.uidvalidity, delivery.id, delivery.uid],
    )?;
    Ok(found.is_some())
}

/// Takes a message out of a file back out of the ledger, with its bytes: it is there already.
pub fn forget(tx: &Tx<'_>, delivery: &Delivery) -> Result<()> {
    super::drop_raw(tx, delivery)?;
    tx.execute("DELETE FROM deliveries WHERE id = ?1", params![delivery.id])?;
    Ok(())
}
