//! The ledger of one folder, as `account audit` compares it with the server (B2.13), and what in it is not an email.

use anyhow::Result;
use jiff::Timestamp;

use super::{Delivery, Outcome, SELECT};
use crate::store::db::{Tx, params};

/// What the ledger says of one UID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub uid: u32,
    /// What became of it.
    pub outcome: Outcome,
    /// Size in bytes as the server said.
    pub size: i64,
    /// INTERNALDATE, else when it came here.
    pub internal_date: Timestamp,
    /// The trouble there was with it; empty for what came whole, so that a long ledger takes little memory.
    pub reason: String,
}

/// Everything the ledger knows of a folder under this UIDVALIDITY, by ascending UID.
pub fn of_folder(tx: &Tx<'_>, account_id: i64, folder: &str, uidvalidity: u32) -> Result<Vec<Entry>> {
    tx.all(
        "SELECT uid, outcome, size, internal_date,
            CASE WHEN outcome IN ('quarantined', 'unfetchable', 'missing') THEN reason ELSE '' END AS reason
            FROM deliveries WHERE account_id = ?1 AND folder = ?2 AND uidvalidity = ?3 AND uid IS NOT NULL ORDER BY uid",
        params![account_id, folder, uidvalidity],
        |row| {
            Ok(Entry {
                uid: row.get("uid")?,
                outcome: row.label("outcome")?,
                size: row.get("size")?,
                internal_date: row.time("internal_date")?,
                reason: row.get("reason")?,
            })
        },
    )
}

/// Messages that are not emails, or not yet, or our mail that came back; of one account, newest first.
pub fn without_email(tx: &Tx<'_>, account_id: i64, limit: i64) -> Result<Vec<Delivery>> {
    tx.all(
        &format!(
            "{SELECT} WHERE d.outcome IN ('received', 'own', 'skipped', 'quarantined', 'discarded', 'unfetchable', 'missing')
                AND d.account_id = ?1 ORDER BY d.id DESC LIMIT ?2"
        ),
        params![account_id, limit],
        Delivery::from_row,
    )
}
