//! Linking a case to company, contact and lead, and taking emails out of it.

use anyhow::Result;

use super::people::{self, Former};
use super::{note_of_email, who};
use crate::access::Actor;
use crate::error;
use crate::intake::waiting;
use crate::intake::world::World;
use crate::store::cases::{self, Case, Person};
use crate::store::db::Tx;
use crate::store::emails;
use crate::store::records::{self, Parent, ParentType};
use crate::store::sight::Sight;
use crate::store::stream::{self, NewNote, NoteKind};

/// Links a case to a record in place of the one of that type; a contact brings its company, if the case has none.
/// The contact or lead is the customer from then on; `former` says what becomes of the one before (B4.9).
///
/// # Errors
/// A type that cases are not linked to.
pub fn link(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case, record: Parent, former: Former) -> Result<()> {
    let mut new = case.clone();
    *slot(&mut new, record.kind)? = Some(record.id);
    let other = one_customer(tx, &mut new, record)?;
    let company = records::company_of(tx, record)?.filter(|company| *company != record && new.company_id.is_none());
    if let Some(company) = company {
        new.company_id = Some(company.id);
    }
    if new == *case {
        return Ok(());
    }
    let before = people::others_than(tx, world, case, record)?;
    cases::set_people(tx, &new, world.now)?;
    if let Some(other) = other {
        note_link(tx, world, actor, case, other, &format!("unlinked from {}", records::label(tx, other)?))?;
    }
    for linked in std::iter::once(record).chain(company) {
        let text = format!("linked to {}", records::label(tx, linked)?);
        note_link(tx, world, actor, case, linked, &text)?;
    }
    people::make_room(tx, world, actor, &new, record, former, before)?;
    waiting::set(tx, world, &new)
}

/// A case is for one person: a contact takes the place of a lead, unless it is what became of that, and the other way.
fn one_customer(tx: &Tx<'_>, case: &mut Case, record: Parent) -> Result<Option<Parent>> {
    let other = match record.kind {
        ParentType::Contact => ParentType::Lead,
        ParentType::Lead => ParentType::Contact,
        _ => return Ok(None),
    };
    let Some(id) = *slot(case, other)? else { return Ok(None) };
    let (lead, contact) = if other == ParentType::Lead { (id, record.id) } else { (record.id, id) };
    if records::leads_of(tx, contact)?.iter().any(|of_contact| of_contact.id == lead) {
        return Ok(None);
    }
    *slot(case, other)? = None;
    Ok(Some(Parent { kind: other, id }))
}

fn note_link(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case, linked: Parent, text: &str) -> Result<()> {
    let (parent, kind) = (Parent::case(case.id), NoteKind::Linked);
    let new = NewNote { parent, kind, user_id: actor.user_id(), email_id: None, text };
    stream::note_about(tx, new, linked, world.now)?;
    Ok(())
}

/// Ends the link to the record of a type; with an id only if it is that one. Those whom that made third parties.
///
/// # Errors
/// There is no such link.
pub fn unlink(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    case: &Case,
    kind: ParentType,
    id: Option<i64>,
) -> Result<Vec<Person>> {
    let mut new = case.clone();
    let linked = slot(&mut new, kind)?.take();
    let Some(linked) = linked.filter(|linked| id.is_none_or(|id| id == *linked)) else {
        let which = id.map_or_else(|| kind.to_string(), |id| format!("{kind}/{id}"));
        return Err(error::data(format!("case #{} is not linked to {which}", case.number))
            .hint(format!("see its links: espomail --json case show {}", case.number))
            .into());
    };
    let linked = Parent { kind, id: linked };
    let is_customer = matches!(kind, ParentType::Contact | ParentType::Lead);
    let before = if is_customer { people::by_link_alone(tx, world, case, linked)? } else { Vec::new() };
    cases::set_people(tx, &new, world.now)?;
    note_link(tx, world, actor, case, linked, &format!("unlinked from {}", records::label(tx, linked)?))?;
    let lowered = if is_customer { people::give_back(tx, world, actor, &new, before)? } else { Vec::new() };
    waiting::set(tx, world, &new)?;
    Ok(lowered)
}

/// Takes an email out of its case, so that an answer to it does not find the case by it. The email stays.
///
/// # Errors
/// The email does not belong to the case.
pub fn take_out(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case, email_id: i64) -> Result<()> {
    let email = emails::by_id(tx, email_id, Sight::Everything)?.filter(|email| email.case_id() == Some(case.id));
    let Some(email) = email else { return Err(not_in(case, email_id)) };
    if !emails::is_shown_in_case(tx, email_id, actor.sight())? {
        return Err(not_in(case, email_id));
    }
    emails::clear_parent(tx, email.id)?;
    waiting::set(tx, world, case)?;
    let decision = format!("none: taken out of #{} by {}", case.number, who(actor));
    emails::decide(tx, email.id, "case", &decision, world.now)?;
    let text = format!("email {} taken out: {}", email.id, email.subject);
    note_of_email(tx, world, actor, case, &email, &text)
}

/// An email that the actor looks for in a case; whether it is elsewhere is not told.
pub(super) fn not_in(case: &Case, email_id: i64) -> anyhow::Error {
    error::data(format!("email {email_id}: does not belong to case #{}", case.number))
        .hint(format!("its mails: espomail email list --case {}", case.number))
        .into()
}

/// Refuses types that cases are not linked to.
pub fn linkable(kind: ParentType) -> Result<()> {
    match kind {
        ParentType::Company | ParentType::Contact | ParentType::Lead => Ok(()),
        ParentType::Opportunity => Err(error::usage("a case is not linked to an opportunity")
            .hint("it is linked to company/ID, contact/ID or lead/ID")
            .into()),
        ParentType::Case => Err(error::usage("a case is not linked to a case")
            .hint("to make one of two: espomail case merge FROM INTO")
            .into()),
    }
}

/// Where a case keeps the record of a type.
fn slot(case: &mut Case, kind: ParentType) -> Result<&mut Option<i64>> {
    linkable(kind)?;
    Ok(match kind {
        ParentType::Contact => &mut case.contact_id,
        ParentType::Lead => &mut case.lead_id,
        _ => &mut case.company_id,
    })
}
