//! A new row for a case, made by mail, by hand, or out of another case.

use anyhow::Result;

use super::world::World;
use crate::mail::message_id;
use crate::random;
use crate::store::cases::{self, Case, Priority};
use crate::store::db::Tx;
use crate::store::emails;
use crate::store::instance;

/// Whom a case is for.
#[derive(Debug, Default)]
pub struct People {
    pub contact_id: Option<i64>,
    pub company_id: Option<i64>,
    pub lead_id: Option<i64>,
}

/// What a case begins with, besides its number and its key.
#[derive(Debug)]
pub struct Beginning<'a> {
    /// Subject; empty = none.
    pub name: &'a str,
    /// Description; may be empty.
    pub description: &'a str,
    pub priority: Priority,
    /// Free text; may be empty.
    pub case_type: &'a str,
    /// Whom it is for.
    pub people: People,
    /// The account that answers go by.
    pub account_id: Option<i64>,
    /// One of our users whose case it is.
    pub requester_user_id: Option<i64>,
    /// The case that it came of.
    pub relates_to_id: Option<i64>,
    /// Teams that see it.
    pub team_ids: Vec<i64>,
}

/// Adds a case with the next number.
///
/// # Errors
/// The database, or no randomness.
pub fn add(tx: &Tx<'_>, world: &World<'_>, new: &Beginning<'_>) -> Result<Case> {
    let row = cases::NewCase {
        number: instance::take_case_number(tx)?,
        key: &message_id::new_key(random::bytes()?),
        name: if new.name.is_empty() { emails::NO_SUBJECT } else { new.name },
        description: new.description,
        priority: new.priority,
        case_type: new.case_type,
        company_id: new.people.company_id,
        contact_id: new.people.contact_id,
        lead_id: new.people.lead_id,
        account_id: new.account_id,
        requester_user_id: new.requester_user_id,
        relates_to_id: new.relates_to_id,
    };
    let id = cases::add(tx, &row, world.now)?;
    new.team_ids.iter().try_for_each(|team| cases::add_team(tx, id, *team))?;
    Ok(cases::added(id, &row, world.now))
}
