//! Taking the case that has been waiting longest.

use anyhow::Result;

use super::give;
use crate::access::Actor;
use crate::intake::world::World;
use crate::store::cases::{self, CaseQuery};
use crate::store::db::Tx;
use crate::store::records::Parent;
use crate::store::sight::Object;
use crate::store::teams::Team;
use crate::store::users::User;

/// Gives the actor the case whose customer has been waiting longest, else the oldest one, and says which; `None` = there
/// is none to take.
///
/// # Errors
/// Exit 77: the actor cannot change that case.
pub fn take_next(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, user: &User, teams: &[Team]) -> Result<Option<i64>> {
    let query = CaseQuery::to_take(teams, 1);
    let Some(row) = cases::list(tx, &query, actor.sight())?.pop() else { return Ok(None) };
    actor.require_edit(tx, Object::Record(Parent::case(row.case.id)))?;
    give(tx, world, actor, &row.case, user)?;
    Ok(Some(row.case.number))
}
