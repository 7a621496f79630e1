//! To whom an answer goes (B13.4).

use std::collections::HashSet;

use anyhow::Result;

use crate::error;
use crate::intake::world::World;
use crate::intake::{clock, people};
use crate::mail::address::Mailbox;
use crate::mail::automatic;
use crate::mail::compose::is_address;
use crate::store::accounts::AccountKind;
use crate::store::cases::{self, Case, Role};
use crate::store::db::Tx;
use crate::store::emails::{self, Email, Field};
use crate::store::records;
use crate::store::sight::Sight;
use crate::store::users::{self, User};

/// To and Cc, and who is left out of them with the role that is why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipients {
    /// To.
    pub to: Vec<Mailbox>,
    /// Cc.
    pub cc: Vec<Mailbox>,
    /// Those whom the case or the answered mail names and who get nothing.
    pub left_out: Vec<(Mailbox, Role)>,
}

/// The newest mail of the customer side that the author may read: what is quoted, and whose thread goes on.
pub(super) fn original(tx: &Tx<'_>, world: &World<'_>, case: &Case, sight: Sight) -> Result<Option<Email>> {
    newest(tx, world, case, sight, Role::Copied)
}

/// The newest mail by a customer, or (`Role::Copied`) by anybody of the customer side.
fn newest(tx: &Tx<'_>, world: &World<'_>, case: &Case, sight: Sight, least: Role) -> Result<Option<Email>> {
    for email in emails::of_case_for(tx, case.id, sight)?.into_iter().rev() {
        if clock::is_of_customer_side(tx, world, case, &email)? {
            let role = people::role(tx, world, case, &email.author().address)?;
            if least == Role::Copied || role == Role::Customer || email.user_id.is_some() {
                return Ok(Some(email));
            }
        }
    }
    Ok(None)
}

/// An answer in a case goes to its customer, with a copy to the copied (B4.9, B13.4).
pub(super) fn of_case(
    tx: &Tx<'_>,
    world: &World<'_>,
    case: &Case,
    original: Option<&Email>,
    all: bool,
    author: Option<&User>,
) -> Result<Recipients> {
    let to = customer(tx, world, case)?;
    if to.is_empty() {
        return Err(error::data(format!("case #{}: has no customer to answer", case.number))
            .hint(format!("say who it is: espomail case people {} --customer ADDRESS", case.number))
            .into());
    }
    let mut found = Recipients { to, ..Recipients::default() };
    let excluded =
        |address: &str| is_authors(author, address) || world.is_left_out(address) || automatic::is_no_reply(address);
    let mut named = Vec::new();
    // Colleagues whom the customer wrote to stay in the conversation.
    if let Some(email) = original {
        named.extend(emails::addresses(tx, email.id, Field::To)?);
        named.extend(emails::addresses(tx, email.id, Field::Cc)?);
    }
    let people = cases::people(tx, case.id, Sight::Everything)?.into_iter();
    named.extend(people.map(|person| Mailbox { name: person.name, address: person.address }));
    let mut seen: HashSet<String> = found.to.iter().map(|mailbox| mailbox.address.clone()).collect();
    for mailbox in named {
        if excluded(&mailbox.address) || !is_address(&mailbox.address) || !seen.insert(mailbox.address.clone()) {
            continue;
        }
        match people::role(tx, world, case, &mailbox.address)? {
            // Another address of the customer, who gets the answer already.
            Role::Customer => {}
            Role::Copied | Role::Staff if all => found.cc.push(mailbox),
            role => found.left_out.push((mailbox, role)),
        }
    }
    Ok(found)
}

/// The addresses at which the customer of a case is answered: Reply-To or the author of their newest mail, else those of
/// the customer whom an agent named, of the linked contact or lead, of the person or the user who opened the case.
pub fn customer(tx: &Tx<'_>, world: &World<'_>, case: &Case) -> Result<Vec<Mailbox>> {
    let usable = |mailbox: &Mailbox| !world.is_own(&mailbox.address) && is_address(&mailbox.address);
    if let Some(email) = newest(tx, world, case, Sight::Everything, Role::Customer)? {
        let mut reply_to = emails::addresses(tx, email.id, Field::ReplyTo)?;
        // A stranger whom Reply-To names has a role of its own, if an agent gave it one.
        let mut kept = Vec::new();
        for mailbox in reply_to.drain(..).filter(usable) {
            if people::role(tx, world, case, &mailbox.address)? == Role::Customer {
                kept.push(mailbox);
            }
        }
        let answered = if kept.is_empty() { vec![email.author()] } else { kept };
        if answered.iter().any(usable) {
            return Ok(answered.into_iter().filter(usable).collect());
        }
    }
    let people = cases::people(tx, case.id, Sight::Everything)?;
    let rows = |chosen: bool| {
        let customers = people.iter().filter(move |p| p.role == Role::Customer && p.chosen == chosen);
        customers.map(|p| Mailbox { name: p.name.clone(), address: p.address.clone() }).find(usable)
    };
    if let Some(chosen) = rows(true) {
        return Ok(vec![chosen]);
    }
    let contact = case.contact_id.map(|id| records::contact_address(tx, id)).transpose()?.flatten();
    let lead = case.lead_id.map(|id| records::lead_address(tx, id)).transpose()?.flatten();
    let linked = contact.or(lead).map(|address| Mailbox { name: String::new(), address });
    let requester = case.requester_user_id.map(|id| users::by_id(tx, id)).transpose()?.flatten();
    let requester = requester.and_then(|user| {
        let address = user.addresses.first()?.clone();
        Some(Mailbox { name: user.shown().to_owned(), address })
    });
    Ok(linked.filter(usable).or_else(|| rows(false)).or(requester).into_iter().collect())
}

/// The same for mail of no case, where colleagues may write to each other: only group accounts and the author are own.
pub(super) fn of_email(
    tx: &Tx<'_>,
    world: &World<'_>,
    email: &Email,
    all: bool,
    author: Option<&User>,
) -> Result<Recipients> {
    let own_account = |address: &str| {
        world.accounts.iter().filter(|account| account.owns(address)).any(|account| {
            account.kind == AccountKind::Group || author.is_some_and(|user| account.user_id == Some(user.id))
        })
    };
    let ours = |address: &str| own_account(address) || is_authors(author, address);
    let mut to = if email.is_ours() || ours(&email.from_address) {
        // Who answers their own mail goes on writing to its recipients.
        emails::addresses(tx, email.id, Field::To)?
    } else {
        answered(tx, email, &ours)?
    };
    let mut cc = others(tx, email, all)?;
    to.retain(|m| !ours(&m.address) && is_address(&m.address));
    cc.retain(|m| !ours(&m.address) && !world.is_left_out(&m.address) && !automatic::is_no_reply(&m.address));
    Ok(Recipients { to, cc, left_out: Vec::new() })
}

/// Each address once, in the first field that has it; none that cannot be written.
pub(super) fn once(fields: [&mut Vec<Mailbox>; 3]) {
    let mut seen: Vec<String> = Vec::new();
    for field in fields {
        field.retain(|m| {
            let keep = is_address(&m.address) && !seen.contains(&m.address);
            seen.push(m.address.clone());
            keep
        });
    }
}

fn answered(tx: &Tx<'_>, email: &Email, own: &dyn Fn(&str) -> bool) -> Result<Vec<Mailbox>> {
    let reply_to = emails::addresses(tx, email.id, Field::ReplyTo)?;
    Ok(if reply_to.iter().any(|m| !own(&m.address)) { reply_to } else { vec![email.author()] })
}

/// The other recipients. Those of a mail that is not verified were chosen by nobody who takes part.
fn others(tx: &Tx<'_>, email: &Email, all: bool) -> Result<Vec<Mailbox>> {
    if !all || !email.verified {
        return Ok(Vec::new());
    }
    let mut others = emails::addresses(tx, email.id, Field::To)?;
    others.extend(emails::addresses(tx, email.id, Field::Cc)?);
    Ok(others)
}

fn is_authors(author: Option<&User>, address: &str) -> bool {
    author.is_some_and(|user| user.addresses.iter().any(|own| own == address))
}
