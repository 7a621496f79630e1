//! What errors mean for a run: what keeps a database from being used, and whether that passes.

use std::error::Error;

use anyhow::Result;

use super::busy::{Busy, Gone};
use super::meaning::{Meaning, Obstacle};
#[cfg(feature = "postgres")]
use super::postgres;
use super::sqlite;
use super::value::Unreadable;
use crate::holder::{self, Holder};
use crate::place::{Database, Place};

/// How bad an error of the database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gravity {
    /// Somebody else is writing: it passes.
    Busy,
    /// The server is not there: it passes.
    Gone,
    /// The disk, the rights or the file.
    Broken,
    /// A statement of this program.
    Bug,
}

/// What an error means; `None` = it is none of the database.
fn meaning(error: &(dyn Error + 'static)) -> Option<Meaning> {
    // Columns have types, and are written by this program alone.
    let unreadable = error.downcast_ref::<Unreadable>().map(|found| Obstacle::Damaged(found.to_string()));
    let meaning = unreadable.map(Meaning::Obstacle).or_else(|| sqlite::meaning(error));
    #[cfg(feature = "postgres")]
    let meaning = meaning.or_else(|| postgres::meaning(error));
    meaning
}

/// How bad an error in a chain is; `None` = it is none of the database.
pub fn gravity(error: &(dyn Error + 'static)) -> Option<Gravity> {
    if error.is::<Busy>() {
        return Some(Gravity::Busy);
    }
    if error.is::<Gone>() {
        return Some(Gravity::Gone);
    }
    Some(match meaning(error)? {
        Meaning::Busy => Gravity::Busy,
        Meaning::Lost(_) => Gravity::Gone,
        Meaning::Obstacle(_) => Gravity::Broken,
        Meaning::Constraint | Meaning::Statement => Gravity::Bug,
    })
}

/// The result; where it is that somebody else has the database, with the name of that process; where it is that the server
/// is gone, with the name of the database.
pub(super) fn named<T>(place: &Place, done: Result<T>) -> Result<T> {
    done.map_err(|error| match error.chain().find_map(meaning) {
        Some(Meaning::Busy) => Busy::writing(holder(place)).into(),
        Some(Meaning::Lost(loss)) => Gone::new(place.shown(), loss).into(),
        _ => error,
    })
}

fn holder(place: &Place) -> Option<Holder> {
    match place.database() {
        Database::File(path) => holder::of_database(path),
        // It may be on another machine.
        Database::Server(_) => None,
    }
}

/// The obstacle that an error tells of.
pub(super) fn obstacle(error: &anyhow::Error) -> Option<Obstacle> {
    error.chain().find_map(|cause| match meaning(cause) {
        Some(Meaning::Obstacle(obstacle)) => Some(obstacle),
        _ => None,
    })
}

/// What is wrong with a file of which an error says that this program cannot have written it; `None` = it does not.
pub fn damage_of(error: &anyhow::Error) -> Option<String> {
    match obstacle(error)? {
        Obstacle::Damaged(words) => Some(words),
        _ => None,
    }
}
