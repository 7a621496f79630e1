//! Whether somebody may write a letter.

use anyhow::Result;

use super::{Place, case_of, sender};
use crate::access::Actor;
use crate::error;
use crate::intake::world::World;
use crate::store::accounts::Account;
use crate::store::cases::Case;
use crate::store::db::Tx;
use crate::store::permissions::Permission;
use crate::store::records::{self, Parent};
use crate::store::sight::Object;

/// Whether the actor may write a letter: mail at all, into its case, and by this account.
///
/// # Errors
/// Exit 77; a case that they may not see any more is not there.
pub(super) fn by_account(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    place: &Place,
    account: &Account,
) -> Result<()> {
    let case = case_of(tx, place)?;
    in_case(tx, actor, case.as_ref())?;
    let home = case.and_then(|case| case.account_id).map(|id| world.account(id)).transpose()?;
    sender::may_send(tx, world, actor, account, home)
}

/// Whether the actor may write mail at all, and into this case.
pub(super) fn in_case(tx: &Tx<'_>, actor: &Actor, case: Option<&Case>) -> Result<()> {
    actor.require_some(Permission::EmailEdit)?;
    let Some(parent) = case.map(|case| Parent::case(case.id)) else { return Ok(()) };
    if records::exists(tx, parent, actor.sight())? {
        return actor.require_edit(tx, Object::Record(parent));
    }
    Err(error::data("the case of this mail: not found")
        .hint("to write a new email: espomail email send --to ADDRESS")
        .into())
}
