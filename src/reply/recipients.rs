//! To whom an answer goes (B13.4).

use std::collections::HashSet;

use anyhow::Result;

use crate::access::Actor;
use crate::error;
use crate::intake::world::World;
use crate::intake::{people, roster, waiting};
use crate::mail::address::{Mailbox, system};
use crate::mail::compose::is_address;
use crate::mail::mailing_list::List;
use crate::store::accounts::{AccountKind, DmarcNone};
use crate::store::cases::{self, Case, Person, Role};
use crate::store::db::Tx;
use crate::store::emails::{self, Email, Field};
use crate::store::records;
use crate::store::sight::Sight;
use crate::store::users::User;

/// To and Cc, who is left out of them, and what to know about that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipients {
    pub to: Vec<Mailbox>,
    pub cc: Vec<Mailbox>,
    /// Those whom the case or the answered mail names and who get nothing, with the role that is why.
    pub left_out: Vec<(Mailbox, Role)>,
    /// What the writer should know, one sentence each.
    pub remarks: Vec<String>,
    /// A question to be answered before the letter goes out.
    pub doubt: Option<String>,
}

/// The newest mail of the customer side that the author may read: what is quoted, and whose thread goes on.
pub(super) fn original(tx: &Tx<'_>, world: &World<'_>, case: &Case, sight: Sight) -> Result<Option<Email>> {
    newest(tx, world, case, sight, Role::Copied)
}

/// The newest mail by a customer, or (`Role::Copied`) by anybody of the customer side.
fn newest(tx: &Tx<'_>, world: &World<'_>, case: &Case, sight: Sight, least: Role) -> Result<Option<Email>> {
    for email in emails::of_case_for(tx, case.id, sight)?.into_iter().rev() {
        if waiting::is_of_customer_side(tx, world, case, &email)? {
            let role = people::role(tx, world, case, &email.author().address)?;
            if least == Role::Copied || role == Role::Customer || email.user_id.is_some() {
                return Ok(Some(email));
            }
        }
    }
    Ok(None)
}

/// An answer in a case goes to its customer, with a copy to the copied (B4.9, B13.4). What a mail that the author may
/// not read says of people is not used, so that no letter tells of it (B1.5, B6.1).
pub(super) fn of_case(
    tx: &Tx<'_>,
    world: &World<'_>,
    case: &Case,
    original: Option<&Email>,
    actor: &Actor,
) -> Result<Recipients> {
    let sight = actor.sight();
    let to = customer(tx, world, case, sight)?;
    if to.is_empty() {
        return Err(nobody(tx, case)?);
    }
    let mut found = Recipients { to, ..Recipients::default() };
    let excluded =
        |address: &str| is_authors(actor.user(), address) || world.is_left_out(address) || system::is_no_reply(address);
    let mut seen: HashSet<String> = found.to.iter().map(|mailbox| mailbox.address.clone()).collect();
    // One person gets one copy, at whichever of their addresses comes first.
    let mut reached = HashSet::new();
    for mailbox in &found.to {
        reached.insert(roster::someone(tx, case, &mailbox.address)?);
    }
    for mailbox in named(tx, world, case, original, sight)? {
        if excluded(&mailbox.address) || !is_address(&mailbox.address) || !seen.insert(mailbox.address.clone()) {
            continue;
        }
        match people::role(tx, world, case, &mailbox.address)? {
            Role::Staff => found.cc.push(mailbox),
            Role::Customer | Role::Copied => {
                if reached.insert(roster::someone(tx, case, &mailbox.address)?) {
                    found.cc.push(mailbox);
                }
            }
            role => found.left_out.push((mailbox, role)),
        }
    }
    Ok(found)
}

/// Whom the case and its newest mail name: colleagues whom the customer wrote to stay in the conversation. Of the
/// addresses of one person those come first that wrote.
fn named(tx: &Tx<'_>, world: &World<'_>, case: &Case, original: Option<&Email>, sight: Sight) -> Result<Vec<Mailbox>> {
    let mut named = Vec::new();
    if let Some(email) = original {
        let list = list_of(tx, Some(email))?;
        for field in [Field::To, Field::Cc] {
            let readers = emails::addresses(tx, email.id, field)?;
            named.extend(readers.into_iter().filter(|mailbox| !list.is(&mailbox.address)));
        }
    }
    let (mut wrote, mut others) = (Vec::new(), Vec::new());
    for person in roster::of_case(tx, world, case, sight)? {
        let has_written = cases::wrote_verified(tx, case.id, &person.address)?;
        if has_written { &mut wrote } else { &mut others }.push(Mailbox { name: person.name, address: person.address });
    }
    named.extend(wrote.into_iter().chain(others));
    Ok(named)
}

/// Nobody is the customer: why, and what to do about it.
fn nobody(tx: &Tx<'_>, case: &Case) -> Result<anyhow::Error> {
    let choose = format!("espomail case people {} --customer ADDRESS", case.number);
    for record in roster::links(case) {
        if records::addresses(tx, record)?.is_empty() {
            let (kind, id) = (record.kind, record.id);
            let text = format!("case #{}: the {kind} that it is linked to has no e-mail address", case.number);
            let hint = format!("add one: espomail record edit {kind} {id} --email ADDRESS; or say who it is: {choose}");
            return Ok(error::data(text).hint(hint).into());
        }
    }
    let text = format!("case #{}: has no customer to answer", case.number);
    Ok(error::data(text).hint(format!("say who it is: {choose}")).into())
}

/// The list that a mail came by.
fn list_of(tx: &Tx<'_>, email: Option<&Email>) -> Result<List> {
    email.map_or_else(|| Ok(List::default()), |email| people::list_of(tx, email))
}

/// Whether a letter can reach a person at an address: not an own, a no-reply or a list's own one (B13.4).
fn is_a_persons(world: &World<'_>, list: &List, address: &str) -> bool {
    is_address(address) && !world.is_own(address) && !system::is_no_reply(address) && !list.is(address)
}

/// The addresses at which the customer of a case is answered: Reply-To or the author of their newest mail, else those of
/// the customer whom an agent named, of the linked contact or lead, of the person or the user who opened the case.
fn customer(tx: &Tx<'_>, world: &World<'_>, case: &Case, sight: Sight) -> Result<Vec<Mailbox>> {
    let is_customer = |address: &str| Ok::<_, anyhow::Error>(people::role(tx, world, case, address)? == Role::Customer);
    if let Some(email) = newest(tx, world, case, sight, Role::Customer)? {
        let list = list_of(tx, Some(&email))?;
        let usable = |mailbox: &Mailbox| is_a_persons(world, &list, &mailbox.address);
        // A stranger whom Reply-To names has a role of its own, if an agent gave it one.
        let mut kept = Vec::new();
        for mailbox in emails::addresses(tx, email.id, Field::ReplyTo)?.into_iter().filter(usable) {
            if is_customer(&mailbox.address)? {
                kept.push(mailbox);
            }
        }
        let answered = if kept.is_empty() { vec![email.author()] } else { kept };
        if answered.iter().any(usable) {
            return Ok(answered.into_iter().filter(usable).collect());
        }
    }
    let mut customers = Vec::new();
    for person in roster::of_case(tx, world, case, sight)?.into_iter().filter(|p| p.role == Role::Customer) {
        let email = person.email_id.map(|id| emails::by_id(tx, id, Sight::Everything)).transpose()?.flatten();
        if is_a_persons(world, &list_of(tx, email.as_ref())?, &person.address) {
            customers.push(person);
        }
    }
    let mailbox = |person: &Person| vec![Mailbox { name: person.name.clone(), address: person.address.clone() }];
    if let Some(chosen) = customers.iter().find(|person| person.chosen) {
        return Ok(mailbox(chosen));
    }
    // A user who answers the contact writes to it, even without access to its record.
    let list = List::default();
    for record in roster::links(case) {
        for address in records::addresses(tx, record)? {
            if is_a_persons(world, &list, &address) && is_customer(&address)? {
                return Ok(vec![Mailbox { name: String::new(), address }]);
            }
        }
    }
    customers.sort_by_key(|person| !person.opened);
    Ok(customers.first().map(mailbox).unwrap_or_default())
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
    let mut found = if email.is_ours() || ours(&email.from_address) && email.behind.is_none() {
        // Who answers their own mail goes on writing to its recipients.
        Recipients { to: emails::addresses(tx, email.id, Field::To)?, ..Recipients::default() }
    } else {
        answered(tx, world, email, &ours)?
    };
    found.cc = others(tx, email, all)?;
    found.to.retain(|m| !ours(&m.address) && is_address(&m.address));
    found.cc.retain(|m| !ours(&m.address) && !world.is_left_out(&m.address) && !system::is_no_reply(&m.address));
    Ok(found)
}

/// Whom a mail asks to be answered: Reply-To, else the person who writes. What nobody vouches for chooses no reader
/// (B4.12).
fn answered(tx: &Tx<'_>, world: &World<'_>, email: &Email, own: &dyn Fn(&str) -> bool) -> Result<Recipients> {
    let list = list_of(tx, Some(email))?;
    let usable = |m: &Mailbox| !own(&m.address) && !system::is_no_reply(&m.address) && !list.is(&m.address);
    let mut reply_to = emails::addresses(tx, email.id, Field::ReplyTo)?;
    reply_to.retain(usable);
    let mut found = Recipients::default();
    let author = email.author();
    if !is_believed(world, email) {
        let other: Vec<&str> = reply_to.iter().map(|m| m.address.as_str()).filter(|a| *a != author.address).collect();
        if !other.is_empty() {
            let (id, other) = (email.id, other.join(", "));
            found.remarks.push(format!(
                "the mail server does not vouch for email {id}: its Reply-To {other} is not used; --to writes there"
            ));
        }
        if email.behind.is_some() {
            let (id, address) = (email.id, &author.address);
            found.doubt = Some(format!(
                "The mail server does not vouch for email {id}, which says that {address} wrote it. Send the answer there?"
            ));
        }
        reply_to.clear();
    }
    found.to = if reply_to.is_empty() { vec![author].into_iter().filter(usable).collect() } else { reply_to };
    Ok(found)
}

/// Whether the mail server vouched for the author, as far as it was asked (B4.12).
fn is_believed(world: &World<'_>, email: &Email) -> bool {
    let refuses = |id| world.account(id).is_ok_and(|account| account.fetching.dmarc_none == DmarcNone::Refuse);
    match email.verdict.as_str() {
        "fail" => false,
        "none" => !email.flow_account_id.is_some_and(refuses),
        _ => true,
    }
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
