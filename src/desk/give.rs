//! Giving a case to a user by hand.

use anyhow::Result;

use super::note;
use crate::access::Actor;
use crate::error;
use crate::intake::assign;
use crate::intake::world::World;
use crate::store::cases::Case;
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
    assign::put(tx, world, case, user.id, false, actor.user_id())?;
    note(tx, world, actor, case, NoteKind::Assigned, &format!("assigned to {}", user.username))
}
