//! Tags of cases by hand.

use anyhow::Result;

use super::note;
use crate::access::Actor;
use crate::intake::world::World;
use crate::store::cases::{self, Case};
use crate::store::db::Tx;
use crate::store::stream::NoteKind;

/// Gives a case tags; what it has already stays.
///
/// # Errors
/// The database.
pub fn tag(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case, tags: &[String]) -> Result<()> {
    let given = changed(tags, |tag| cases::add_tag(tx, case.id, tag))?;
    tell(tx, world, actor, case, "tagged", &given)
}

/// Takes tags from a case.
///
/// # Errors
/// The database.
pub fn untag(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case, tags: &[String]) -> Result<()> {
    let taken = changed(tags, |tag| cases::remove_tag(tx, case.id, tag))?;
    tell(tx, world, actor, case, "tag removed:", &taken)
}

/// The tags that were not so before.
fn changed(tags: &[String], set: impl Fn(&str) -> Result<bool>) -> Result<Vec<&str>> {
    let mut changed = Vec::new();
    for tag in tags {
        if set(tag)? {
            changed.push(tag.as_str());
        }
    }
    Ok(changed)
}

fn tell(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case, what: &str, tags: &[&str]) -> Result<()> {
    match tags {
        [] => Ok(()),
        tags => note(tx, world, actor, case, NoteKind::Tagged, &format!("{what} {}", tags.join(", "))),
    }
}
