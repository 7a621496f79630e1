//! Cases that sleep until a moment, and are woken by hand (B5.12).

use anyhow::Result;
use jiff::Timestamp;

use super::{note, reopened};
use crate::access::Actor;
use crate::error;
use crate::intake::case_status;
use crate::intake::world::World;
use crate::store::cases::{self, Case, CaseStatus};
use crate::store::db::Tx;
use crate::store::stream::NoteKind;

/// Lets a case sleep: it is Pending until a moment, which a note calls `shown`.
///
/// # Errors
/// It is closed.
pub fn snooze(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    case: &Case,
    (until, shown): (Timestamp, &str),
) -> Result<()> {
    if !case.status.is_open() {
        return Err(error::data(format!("case #{} is closed ({})", case.number, case.status))
            .hint(format!("open it first: espomail case reopen {}", case.number))
            .into());
    }
    if case.status != CaseStatus::Pending {
        case_status::set(tx, world, case, CaseStatus::Pending, actor.user())?;
    }
    cases::set_snoozed(tx, case.id, until, world.now)?;
    note(tx, world, actor, case, NoteKind::Snoozed, &format!("snoozed until {shown}"))
}

/// Wakes a case by hand: it is its assignee's again, or new.
///
/// # Errors
/// It is not snoozed.
pub fn wake(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case) -> Result<()> {
    if case.snoozed_until.is_none() {
        return Err(error::data(format!("case #{} is not snoozed ({})", case.number, case.status)).into());
    }
    case_status::set(tx, world, case, reopened(case), actor.user())
}
