//! Who is who in a case, changed by an agent (B4.9): the role of an address, and what becomes of the customer where the case
//! is linked to another contact.

use anyhow::Result;

use super::{note, who};
use crate::access::Actor;
use crate::error;
use crate::intake::clock;
use crate::intake::people;
use crate::intake::sender::can_take_part;
use crate::intake::world::World;
use crate::store::cases::{self, Case, Person, Role};
use crate::store::db::Tx;
use crate::store::records::{self, Parent, ParentType};
use crate::store::sight::Sight;
use crate::store::stream::{self, NewNote, NoteKind};

/// Gives addresses a role in a case. Another customer takes the place of the one before, who is copied from then on.
///
/// # Errors
/// An own or a no-reply address.
pub fn set_roles(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    case: &Case,
    addresses: &[String],
    role: Role,
) -> Result<()> {
    for address in addresses {
        if !can_take_part(world, address) {
            return Err(error::data(format!(
                "{address} cannot take part in a case: it is an own or a no-reply address"
            ))
            .hint("name the address of a person")
            .into());
        }
        if role == Role::Customer {
            replace_customers(tx, world, case, address)?;
        }
        cases::set_role(tx, case.id, &chosen(world, address, role, &format!("{} said so", who(actor))))?;
        let text = format!("{address} is {} from now on", with_article(role));
        note(tx, world, actor, case, NoteKind::People, &text)?;
    }
    clock::set(tx, world, case)
}

fn replace_customers(tx: &Tx<'_>, world: &World<'_>, case: &Case, new: &str) -> Result<()> {
    for person in cases::people(tx, case.id, Sight::Everything)? {
        if person.role == Role::Customer && person.address != new {
            let reason = format!("was the customer before {new}");
            let since = world.now;
            cases::set_role(tx, case.id, &Person { role: Role::Copied, chosen: false, reason, since, ..person })?;
        }
    }
    Ok(())
}

fn chosen(world: &World<'_>, address: &str, role: Role, reason: &str) -> Person {
    Person {
        address: address.to_owned(),
        name: String::new(),
        role,
        chosen: true,
        opened: false,
        reason: reason.to_owned(),
        email_id: None,
        since: world.now,
    }
}

fn with_article(role: Role) -> &'static str {
    match role {
        Role::Customer => "the customer",
        Role::ThirdParty => "a third party",
        _ => "copied",
    }
}

/// The customer was answered otherwise than by mail: they wait no longer (B5.10).
pub fn answered(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case) -> Result<()> {
    note(tx, world, actor, case, NoteKind::Answered, "the customer was answered otherwise than by mail")?;
    clock::set(tx, world, case)
}

/// What becomes of the customer of a case that is linked to a contact with other addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Former {
    /// The address belongs to the contact, too.
    Address,
    /// Somebody in between, such as a telephone service.
    ThirdParty,
    /// Somebody of the customer side.
    Copied,
}

/// The customers by a row who are not at an address of this contact or lead.
pub fn others_than(tx: &Tx<'_>, case: &Case, record: Parent) -> Result<Vec<Person>> {
    let linked = match record.kind {
        ParentType::Contact => Case { contact_id: Some(record.id), lead_id: None, ..case.clone() },
        ParentType::Lead => Case { contact_id: None, lead_id: Some(record.id), ..case.clone() },
        _ => return Ok(Vec::new()),
    };
    let mut others = Vec::new();
    for person in cases::people(tx, case.id, Sight::Everything)? {
        if person.role == Role::Customer && !person.chosen && !people::is_linked(tx, &linked, &person.address)? {
            others.push(person);
        }
    }
    Ok(others)
}

/// Makes room for the linked contact or lead as the customer of a case.
pub(super) fn make_room(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    case: &Case,
    record: Parent,
    former: Former,
) -> Result<()> {
    for person in others_than(tx, case, record)? {
        if former == Former::Address {
            records::add_address(tx, record, &person.address)?;
            note_address(tx, world, actor, case, record, &person.address)?;
            continue;
        }
        let role = if former == Former::Copied { Role::Copied } else { Role::ThirdParty };
        let text = format!("{} is {} from now on", person.address, with_article(role));
        let reason = "was the customer before the case was linked to another one".to_owned();
        cases::set_role(tx, case.id, &Person { role, reason, since: world.now, ..person })?;
        note(tx, world, actor, case, NoteKind::People, &text)?;
    }
    Ok(())
}

/// Notes that an address belongs to a contact or lead; who may not see that one does not learn of it.
pub(super) fn note_address(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    case: &Case,
    record: Parent,
    address: &str,
) -> Result<()> {
    let text = format!("{address} is another address of {}", records::label(tx, record)?);
    let (parent, kind) = (Parent::case(case.id), NoteKind::People);
    let new = NewNote { parent, kind, user_id: actor.user_id(), email_id: None, text: &text };
    stream::note_about(tx, new, record, world.now).map(|_| ())
}

/// Makes the person who opened a case its customer again, where a contact was in their place.
pub(super) fn give_back(tx: &Tx<'_>, world: &World<'_>, case: &Case) -> Result<()> {
    for person in cases::people(tx, case.id, Sight::Everything)? {
        if person.opened && !person.chosen && person.role != Role::Customer {
            let reason = "opened the case".to_owned();
            cases::set_role(tx, case.id, &Person { role: Role::Customer, reason, since: world.now, ..person })?;
        }
    }
    Ok(())
}
