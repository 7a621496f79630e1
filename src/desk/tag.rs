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
    change(tx, world, actor, case, tags, ("tagged", cases::add_tag))
}

/// Takes tags from a case.
///
/// # Errors
/// The database.
pub fn untag(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case, tags: &[String]) -> Result<()> {
    change(tx, world, actor, case, tags, ("tag removed:", cases::remove_tag))
}

fn change(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    case: &Case,
    tags: &[String],
    (what, set): (&str, fn(&Tx<'_>, i64, &str) -> Result<bool>),
) -> Result<()> {
    let mut changed = Vec::new();
    for tag in tags {
        if set(tx, case.id, tag)? {
            changed.push(tag.as_str());
        }
    }
    match changed.is_empty() {
        true => Ok(()),
        false => note(tx, world, actor, case, NoteKind::Edited, &format!("{what} {}", changed.join(", "))),
    }
}
