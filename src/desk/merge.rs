//! Two cases become one (B5.8, B4.7).

use anyhow::{Context, Result};
use jiff::Timestamp;

use super::{note, relocate, who};
use crate::access::Actor;
use crate::error;
use crate::intake::sender::can_take_part;
use crate::intake::world::World;
use crate::intake::{people, roster};
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
    let union = union(tx, world, from, into, customer_becomes)?;
    let why = format!("merged from #{} by {}", from.number, who(actor));
    for email in emails::of_case(tx, from.id)? {
        relocate(tx, world, &email, into, email.verified, &why)?;
    }
    share_people(tx, from, into)?;
    for person in &union.people {
        cases::set_role(tx, into.id, person)?;
    }
    if union.is_for_the_same || customer_becomes != Role::ThirdParty {
        fill_gaps(tx, world, from, into, union.is_for_the_same)?;
    }
    // For a third party nobody waits.
    let both = union.is_for_the_same || customer_becomes != Role::ThirdParty;
    let waiting = [Some(into), Some(from).filter(|_| both)];
    if let Some(since) = waiting.into_iter().flatten().filter_map(waiting_for_us).min() {
        cases::set_waiting(tx, into.id, WaitingFor::Us, Some(since), world.now)?;
    }
    cases::copy_tags(tx, from.id, into.id)?;
    cases::move_failed_answer(tx, from.id, into.id)?;
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

/// A user who saw and followed one of them sees and follows all of it.
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

/// What a merge makes of the people of the case that goes.
pub struct Union {
    /// Those who have another role than before in the case that stays, with it.
    pub people: Vec<Person>,
    /// Both cases have the same customer, or the one that stays had none.
    is_for_the_same: bool,
}

/// Who took part in the case that goes takes part in the one that stays. Its customer gets the role `customer_becomes`
/// there, unless it is the customer there too, there was none, or an agent gave it another role there (B4.9).
///
/// # Errors
/// The database.
pub fn union(tx: &Tx<'_>, world: &World<'_>, from: &Case, into: &Case, customer_becomes: Role) -> Result<Union> {
    let came = roster::of_case(tx, world, from, Sight::Everything)?;
    let there = roster::of_case(tx, world, into, Sight::Everything)?;
    let is_customer = |person: &&Person| person.role == Role::Customer;
    let mut customers = Vec::new();
    for person in there.iter().filter(is_customer) {
        customers.push(roster::someone(tx, into, &person.address)?);
    }
    let mut is_for_the_same = customers.is_empty();
    for person in came.iter().filter(is_customer) {
        is_for_the_same |= customers.contains(&roster::someone(tx, from, &person.address)?);
    }
    let mut people = Vec::new();
    for person in came {
        let (before, has_part) = (person.role, can_take_part(world, &person.address));
        let role = if before == Role::Customer && !is_for_the_same { customer_becomes } else { before };
        let now = people::role(tx, world, into, &person.address)?;
        let is_chosen = cases::person(tx, into.id, &person.address)?.is_some_and(|row| row.chosen);
        // Users are staff, as long as they are not the customer; one who was reads along.
        let changes = match (before, now) {
            (_, Role::Outsider) => true,
            (Role::Customer, Role::Staff) => role != Role::ThirdParty,
            (Role::Customer, Role::Copied | Role::ThirdParty) => !is_chosen && now != role,
            _ => false,
        };
        if has_part && before != Role::Staff && changes {
            let reason = format!("took part in #{} as {before}", from.number);
            people.push(Person { role, reason, opened: false, since: world.now, ..person });
        }
    }
    Ok(Union { people, is_for_the_same })
}

/// A case that is linked to nothing takes over the company; and whom the case is for, if that is nobody or the same person.
fn fill_gaps(tx: &Tx<'_>, world: &World<'_>, from: &Case, into: &Case, is_for_the_same: bool) -> Result<()> {
    let mut new = into.clone();
    if into.company_id.is_none() && into.contact_id.is_none() && into.lead_id.is_none() {
        new.company_id = from.company_id;
        if is_for_the_same {
            (new.contact_id, new.lead_id) = (from.contact_id, from.lead_id);
        }
    }
    if is_for_the_same {
        new.requester_user_id = into.requester_user_id.or(from.requester_user_id);
    }
    cases::set_people(tx, &new, world.now)
}

/// Since when the customer of a case waits for an answer; a closed one waits for nothing.
fn waiting_for_us(case: &Case) -> Option<Timestamp> {
    case.waiting_since.filter(|_| case.status.is_open() && case.waiting_for == WaitingFor::Us)
}
