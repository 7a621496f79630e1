//! Who is who in a case, changed by an agent (B4.9): the role of an address, and what becomes of the customer where the case
//! is linked to another contact.

use anyhow::Result;

use super::{note, who};
use crate::access::Actor;
use crate::error;
use crate::intake::sender::can_take_part;
use crate::intake::world::World;
use crate::intake::{people, roster, waiting};
use crate::store::cases::{self, Case, Person, Role};
use crate::store::db::Tx;
use crate::store::records::{self, Parent, ParentType};
use crate::store::sight::Sight;
use crate::store::stream::{self, NewNote, NoteKind};
use crate::store::users;

/// Gives addresses a role in a case. Another customer takes the place of the one before, who is copied from then on.
///
/// # Errors
/// An own or a no-reply address; a user's, unless it is to be the customer's.
pub fn set_roles(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    case: &Case,
    addresses: &[String],
    role: Role,
) -> Result<()> {
    for address in addresses {
        require_person(world, address)?;
        if let Some(user) = users::by_address(tx, address)?.filter(|_| role != Role::Customer) {
            let (number, name) = (case.number, &user.username);
            let text = format!("{address}: is the address of user {name}, who is staff in every case");
            let hint = match actor.require_admin("case follow --user") {
                Ok(()) => format!("let them read along: espomail case follow {number} --user {name}"),
                Err(_) => format!("they can read along: {name} types espomail case follow {number}"),
            };
            return Err(error::data(text).hint(hint).into());
        }
        if role == Role::Customer {
            replace_customers(tx, world, case, address)?;
        }
        cases::set_role(tx, case.id, &chosen(world, address, role, &format!("set by {}", who(actor))))?;
        let text = format!("{address} is {} from now on", with_article(role));
        note(tx, world, actor, case, NoteKind::People, &text)?;
    }
    waiting::set(tx, world, case)
}

/// Takes the role of an address in a case away: its mail is a stranger's from then on.
///
/// # Errors
/// It has none, or has it by a record that the case is linked to.
pub fn remove(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case, address: &str) -> Result<()> {
    let number = case.number;
    let had_one = cases::remove_person(tx, case.id, address)?;
    let role = people::role(tx, world, case, address)?;
    if !matches!(role, Role::Outsider | Role::Staff) {
        let text = format!("{address}: is {} by a record that case #{number} is linked to", with_article(role));
        let hint =
            format!("to end the link: espomail case unlink {number} contact; or give another role: --third-party");
        return Err(error::data(text).hint(hint).into());
    }
    if !had_one {
        let text = format!("{address}: has no role in case #{number}");
        return Err(error::data(text).hint(format!("see who has: espomail case people {number}")).into());
    }
    note(tx, world, actor, case, NoteKind::People, &format!("{address} takes no part from now on"))?;
    waiting::set(tx, world, case)
}

/// Refuses an address that nobody can be answered at.
fn require_person(world: &World<'_>, address: &str) -> Result<()> {
    if can_take_part(world, address) {
        return Ok(());
    }
    let text = format!("{address}: cannot take part in a case, it is not the address of a person outside");
    let hint = "own addresses, no-reply addresses and telephone numbers never do; name the address of a person";
    Err(error::data(text).hint(hint).into())
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
    waiting::set(tx, world, case)
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

/// The customers until now who are not at an address of this contact or lead: by a row, or by the link that this one
/// takes the place of, if they wrote or were written to. One whom an agent named stays.
pub fn others_than(tx: &Tx<'_>, world: &World<'_>, case: &Case, record: Parent) -> Result<Vec<Person>> {
    if !matches!(record.kind, ParentType::Contact | ParentType::Lead) {
        return Ok(Vec::new());
    }
    let linked = records::addresses(tx, record)?;
    let mut others = customers(tx, world, case)?;
    others.retain(|person| !linked.contains(&person.address));
    Ok(others)
}

/// The customers whom no agent named, as far as the case knows more of them than the link to a record.
fn customers(tx: &Tx<'_>, world: &World<'_>, case: &Case) -> Result<Vec<Person>> {
    let mut found = Vec::new();
    for person in roster::of_case(tx, world, case, Sight::Everything)? {
        let address = &person.address;
        let is_known = cases::person(tx, case.id, address)?.is_some()
            || cases::wrote_verified(tx, case.id, address)?
            || cases::was_written_to(tx, Parent::case(case.id), address)?;
        if person.role == Role::Customer && !person.chosen && is_known && users::by_address(tx, address)?.is_none() {
            found.push(person);
        }
    }
    Ok(found)
}

/// Makes room for the linked contact or lead as the customer of a case.
pub(super) fn make_room(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    case: &Case,
    record: Parent,
    former: Former,
    before: Vec<Person>,
) -> Result<()> {
    // To link it is the newer word of an agent.
    for address in records::addresses(tx, record)? {
        let row = cases::person(tx, case.id, &address)?.filter(|row| row.chosen && row.role != Role::Customer);
        if let Some(row) = row {
            let reason = format!("an address of the {} that the case is linked to", record.kind);
            let (role, since) = (Role::Customer, world.now);
            cases::set_role(tx, case.id, &Person { role, chosen: false, reason, since, ..row })?;
        }
    }
    for person in before {
        if former == Former::Address {
            records::add_address(tx, record, &person.address)?;
            note_address(tx, world, actor, case, record, &person.address)?;
            continue;
        }
        let role = if former == Former::Copied { Role::Copied } else { Role::ThirdParty };
        let reason = format!("was the customer before the case was linked to another {}", record.kind);
        lower(tx, world, actor, case, Person { role, reason, since: world.now, ..person })?;
    }
    Ok(())
}

/// Gives somebody a lesser role. Of one whom a mail made the customer only those learn who may read that mail.
fn lower(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case, person: Person) -> Result<()> {
    cases::set_role(tx, case.id, &person)?;
    let text = format!("{} is {} from now on", person.address, with_article(person.role));
    let (parent, kind) = (Parent::case(case.id), NoteKind::People);
    let new = NewNote { parent, kind, user_id: actor.user_id(), email_id: person.email_id, text: &text };
    stream::note(tx, new, world.now).map(|_| ())
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

/// Makes the person who opened a case its customer again, where a contact was in their place. Who wrote as that contact
/// keeps a part in the case, as a third party; they are given.
pub(super) fn give_back(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    case: &Case,
    before: Vec<Person>,
) -> Result<Vec<Person>> {
    let mut opener = Vec::new();
    for person in cases::people(tx, case.id, Sight::Everything)? {
        if person.opened && !person.chosen {
            let reason = "opened the case".to_owned();
            opener.push(person.address.clone());
            cases::set_role(tx, case.id, &Person { role: Role::Customer, reason, since: world.now, ..person })?;
        }
    }
    let mut lowered = Vec::new();
    for person in before.into_iter().filter(|person| !opener.contains(&person.address)) {
        let (role, reason) = (Role::ThirdParty, "was the customer until the case was unlinked".to_owned());
        let person = Person { role, reason, since: world.now, ..person };
        lower(tx, world, actor, case, person.clone())?;
        lowered.push(person);
    }
    Ok(lowered)
}

/// The customers who are so by a link alone: unlinking leaves them without a part in the case.
pub(super) fn by_link_alone(tx: &Tx<'_>, world: &World<'_>, case: &Case, record: Parent) -> Result<Vec<Person>> {
    let linked = records::addresses(tx, record)?;
    let mut found = customers(tx, world, case)?;
    found.retain(|person| linked.contains(&person.address));
    Ok(found)
}
