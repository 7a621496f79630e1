//! Giving a case to a user by hand, and taking it from them.

use anyhow::Result;

use super::note;
use crate::access::Actor;
use crate::error;
use crate::intake::assign;
use crate::intake::notify::By;
use crate::intake::world::World;
use crate::store::cases::{self, Case, CaseStatus};
use crate::store::db::Tx;
use crate::store::stream::NoteKind;
use crate::store::users::User;

/// Gives a case to a user, who follows it and is told.
///
/// # Errors
/// The user is disabled, or the actor may not assign to them.
pub fn give(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case, user: &User) -> Result<()> {
    if !user.active {
        return Err(error::data(format!("user: {} is disabled", user.username))
            .hint(format!("espomail user enable {}, or choose another: espomail user list", user.username))
            .into());
    }
    actor.require_assignable(tx, "user", user)?;
    if case.assigned_user_id == Some(user.id) {
        return Ok(());
    }
    assign::put(tx, world, case, user.id, By::Hand(actor.user_id()))?;
    note(tx, world, actor, case, NoteKind::Assigned, &format!("assigned to {}", user.username))
}

/// Takes a case from its assignee, if it has one.
///
/// # Errors
/// The database fails.
pub fn release(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case) -> Result<()> {
    if case.assigned_user_id.is_none() {
        return Ok(());
    }
    cases::assign(tx, case.id, None, false, world.now)?;
    if case.status == CaseStatus::Assigned {
        cases::set_status(tx, case.id, CaseStatus::New, world.now)?;
    }
    note(tx, world, actor, case, NoteKind::Assigned, "released")
}
