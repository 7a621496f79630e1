//! Two cases become one (B5.8, B4.7).

use anyhow::{Context, Result};
use jiff::Timestamp;

use super::{note, relocate, who};
use crate::access::Actor;
use crate::error;
use crate::intake::people;
use crate::intake::world::World;
use crate::store::cases::{self, Case, CaseStatus, Person, Role, WaitingFor};
use crate::store::db::Tx;
use crate::store::emails;
use crate::store::records::{self, Parent};
use crate::store::sight::Sight;
use crate::store::stream::{self, NoteKind};

/// Merges `from` into `into`: its emails, teams and followers go there, and later mail does too.
///
/// The customer of `from` gets the role `customer_becomes` in `into`, unless it is the same person.
///
/// # Errors
/// One of them is merged already, or they are the same.
pub fn merge(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    from: &Case,
    into: &Case,
    customer_becomes: Role,
) -> Result<()> {
    if from.id == into.id {
        return Err(error::data(format!("case #{}: cannot be merged into itself", from.number))
            .hint("name the one that goes, then the one that stays: espomail case merge FROM INTO")
            .into());
    }
    // Neither leads anywhere, so there can be no circle.
    refuse_merged(tx, actor, from)?;
    refuse_merged(tx, actor, into)?;
    let why = format!("merged from #{} by {}", from.number, who(actor));
    for email in emails::of_case(tx, from.id)? {
        relocate(tx, world, &email, into, email.verified, &why)?;
    }
    share_people(tx, from, into)?;
    unite_roles(tx, world, from, into, customer_becomes)?;
    fill_gaps(tx, world, from, into)?;
    if let Some(since) = waiting_for_us(from, into) {
        cases::set_waiting(tx, into.id, WaitingFor::Us, Some(since), world.now)?;
    }
    cases::set_merged(tx, from.id, into.id)?;
    cases::set_status(tx, from.id, CaseStatus::Duplicate, world.now)?;
    note(tx, world, actor, from, NoteKind::Merged, &format!("merged into #{} {}", into.number, into.name))?;
    note(tx, world, actor, into, NoteKind::Merged, &format!("#{} {} was merged into this", from.number, from.name))
}

/// Refuses a merged case and says where it went, if the actor may see that one.
///
/// # Errors
/// The case was merged.
pub fn refuse_merged(tx: &Tx<'_>, actor: &Actor, case: &Case) -> Result<()> {
    let Some(into_id) = case.merged_into_id else { return Ok(()) };
    let survivor = cases::surviving(tx, case.clone())?;
    let fault = error::data(format!("case #{}: was merged into another one", case.number));
    if survivor.id == case.id || !records::exists(tx, Parent::case(survivor.id), actor.sight())? {
        return Err(fault.into());
    }
    let next = cases::by_id(tx, into_id)?.context("the other case vanished")?.number;
    Err(error::data(format!("case #{}: was merged into #{next} already", case.number))
        .hint(format!("name the one that lives on: #{}", survivor.number))
        .into())
}

/// Whoever saw and followed one of them sees and follows all of it.
fn share_people(tx: &Tx<'_>, from: &Case, into: &Case) -> Result<()> {
    for team_id in cases::team_ids(tx, from.id)? {
        cases::add_team(tx, into.id, team_id)?;
    }
    for team_id in cases::team_ids(tx, into.id)? {
        emails::add_team_of_case(tx, into.id, team_id)?;
    }
    for user_id in stream::followers(tx, Parent::case(from.id))? {
        stream::follow(tx, Parent::case(into.id), user_id)?;
    }
    Ok(())
}

/// Who took part in one of them takes part in all of it; the customer of the case that goes is copied in the one that
/// stays, or a third party there (B4.9).
fn unite_roles(tx: &Tx<'_>, world: &World<'_>, from: &Case, into: &Case, customer_becomes: Role) -> Result<()> {
    for person in cases::people(tx, from.id, Sight::Everything)? {
        let role = if person.role == Role::Customer { customer_becomes } else { person.role };
        if people::role(tx, world, into, &person.address)? == Role::Outsider {
            let reason = format!("took part in #{} as {}", from.number, person.role);
            cases::introduce(tx, into.id, &Person { role, reason, opened: false, ..person })?;
        }
    }
    Ok(())
}

/// A case that is for nobody takes over whom the other one is for.
fn fill_gaps(tx: &Tx<'_>, world: &World<'_>, from: &Case, into: &Case) -> Result<()> {
    let mut new = into.clone();
    if into.company_id.is_none() && into.contact_id.is_none() && into.lead_id.is_none() {
        (new.company_id, new.contact_id, new.lead_id) = (from.company_id, from.contact_id, from.lead_id);
    }
    new.requester_user_id = into.requester_user_id.or(from.requester_user_id);
    cases::set_people(tx, &new, world.now)
}

/// Since when a customer waits for an answer in one of two cases; a closed one waits for nothing.
fn waiting_for_us(from: &Case, into: &Case) -> Option<Timestamp> {
    let waits = |case: &Case| case.status.is_open() && case.waiting_for == WaitingFor::Us;
    [from, into].into_iter().filter(|case| waits(case)).filter_map(|case| case.waiting_since).min()
}
