//! Cases that sleep: Pending until a moment.

use anyhow::Result;
use jiff::Timestamp;

use super::super::db::{Tx, params, seconds};
use super::{COLUMNS, Case};

/// Lets a Pending case sleep until a moment.
pub fn set_snoozed(tx: &Tx<'_>, case_id: i64, until: Timestamp, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE cases SET snoozed_until = ?2, modified_at = ?3 WHERE id = ?1",
        params![case_id, seconds(until), seconds(now)],
    )?;
    Ok(())
}

/// Cases whose time has come, the first one first, at most `most`.
pub fn due_to_wake(tx: &Tx<'_>, now: Timestamp, most: i64) -> Result<Vec<Case>> {
    tx.all(
        &format!("SELECT {COLUMNS} FROM cases c WHERE c.snoozed_until <= ?1 ORDER BY c.snoozed_until, c.id LIMIT ?2"),
        params![seconds(now), most],
        Case::from_row,
    )
}
