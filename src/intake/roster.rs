//! Everybody with a part in a case (B4.9): by a row, by an address of the linked contact or lead, or as the user who
//! opened it; and which of their addresses belong to one person.

use anyhow::Result;

use super::people;
use super::world::World;
use crate::store::cases::{self, Case, Person, Role};
use crate::store::db::Tx;
use crate::store::emails;
use crate::store::records::{self, Parent, ParentType};
use crate::store::sight::Sight;
use crate::store::users;

/// Everybody with a part in a case and the role that they have now, as far as the reader may see the mail or the record
/// that gives it.
pub fn of_case(tx: &Tx<'_>, world: &World<'_>, case: &Case, sight: Sight) -> Result<Vec<Person>> {
    let mut people = cases::people(tx, case.id, sight)?;
    for record in links(case) {
        if !records::exists(tx, record, sight)? {
            continue;
        }
        let name = records::name(tx, record)?.unwrap_or_default();
        let reason = format!("an address of the {} that the case is linked to", record.kind);
        for address in records::addresses(tx, record)? {
            add(&mut people, case, address, &name, &reason);
        }
    }
    if let Some(user) = case.requester_user_id.map(|id| users::by_id(tx, id)).transpose()?.flatten()
        && let Some(address) = user.addresses.first()
    {
        add(&mut people, case, address.clone(), user.shown(), "opened the case");
    }
    for person in &mut people {
        person.role = people::role(tx, world, case, &person.address)?;
    }
    people.sort_by_key(|person| person.role);
    Ok(people)
}

fn add(people: &mut Vec<Person>, case: &Case, address: String, name: &str, reason: &str) {
    if people.iter().any(|person| person.address == address) {
        return;
    }
    people.push(Person {
        address,
        name: name.to_owned(),
        role: Role::Customer,
        chosen: false,
        opened: false,
        reason: reason.to_owned(),
        email_id: None,
        since: case.created_at,
    });
}

/// The contact and the lead that a case is linked to.
pub fn links(case: &Case) -> impl Iterator<Item = Parent> {
    let link = |kind, id: Option<i64>| id.map(|id| Parent { kind, id });
    link(ParentType::Contact, case.contact_id).into_iter().chain(link(ParentType::Lead, case.lead_id))
}

/// A person, by whichever of their addresses they are named.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Someone {
    /// The contact or lead with the address.
    Record(Parent),
    /// Nobody knows more than the address.
    Address(String),
}

/// Who has an address in a case: one person may have several, as a contact or by the Reply-To of their mail.
pub fn someone(tx: &Tx<'_>, case: &Case, address: &str) -> Result<Someone> {
    let row = cases::person(tx, case.id, address)?.filter(|person| person.role == Role::Customer && !person.opened);
    let named_by = row.and_then(|person| person.email_id).map(|id| emails::by_id(tx, id, Sight::Everything));
    let writer = named_by.transpose()?.flatten().map(|email| email.author().address);
    let address = writer.as_deref().unwrap_or(address);
    for record in links(case) {
        if records::addresses(tx, record)?.iter().any(|of_record| of_record == address) {
            return Ok(Someone::Record(record));
        }
    }
    for kind in [ParentType::Contact, ParentType::Lead] {
        if let Some(record) = records::by_address(tx, kind, address)? {
            return Ok(Someone::Record(record));
        }
    }
    Ok(Someone::Address(address.to_owned()))
}
