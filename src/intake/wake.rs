//! Snoozed cases wake up (B5.12): open again, with an event, and the user who has to act is told.

use anyhow::Result;
use jiff::Timestamp;

use super::notify;
use super::world::World;
use crate::store::cases::{self, CaseStatus};
use crate::store::db::Tx;
use crate::store::records::Parent;
use crate::store::stream::{self, NewNote, NoteKind};

/// Number of cases that wake up in one transaction, so that nobody waits long for the database.
const MOST: i64 = 100;

/// Whether the time of a case has come.
pub fn is_due(tx: &Tx<'_>, now: Timestamp) -> Result<bool> {
    Ok(!cases::due_to_wake(tx, now, 1)?.is_empty())
}

/// Wakes the cases whose time has come; whether there may be more. What woke up in a transaction is not due any more, so
/// that each case wakes once.
pub fn wake(tx: &Tx<'_>, world: &World<'_>) -> Result<bool> {
    let due = cases::due_to_wake(tx, world.now, MOST)?;
    for case in &due {
        let status = if case.assigned_user_id.is_some() { CaseStatus::Assigned } else { CaseStatus::New };
        cases::set_status(tx, case.id, status, world.now)?;
        let (parent, kind) = (Parent::case(case.id), NoteKind::Snoozed);
        let text = format!("woke up: {} -> {status}", case.status);
        stream::note(tx, NewNote { parent, kind, user_id: None, email_id: None, text: &text }, world.now)?;
        notify::woken(tx, world, case)?;
    }
    Ok(i64::try_from(due.len())? >= MOST)
}
