//! Who is who in a case, and what each may do (B4.9): the one place that knows an address's role.

use anyhow::Result;

use super::sender::{Sender, can_take_part};
use super::world::World;
use crate::mail::address::Mailbox;
use crate::mail::mailing_list::List;
use crate::mail::reading::Reading;
use crate::store::cases::{self, Case, Person, Role};
use crate::store::db::Tx;
use crate::store::emails::{self, Email, Field};
use crate::store::{raw, records};

/// A mail to more people than this makes nobody of them a participant.
const MOST_READERS: usize = 20;

/// What an address may do in a case by its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    /// Its mail joins the case by a reference or the number, verified (B4.2-B4.5).
    pub joins: bool,
    /// Its mail changes the status and the waiting clock (B5.6, B5.10).
    pub moves_case: bool,
    /// `case reply` answers and quotes it (B13.4).
    pub is_answered: bool,
    /// To, Cc and Reply-To of its mail give roles.
    pub gives_roles: bool,
}

/// The rule of B4.9 as a table. Staff act by their permissions (B11), an outsider only by a signed id (B4.10).
pub const fn rights(role: Role) -> Rights {
    match role {
        //                     joins  moves  answered gives roles
        Role::Customer => row(true, true, true, true),
        Role::Copied => row(true, true, true, false),
        Role::ThirdParty => row(true, false, false, false),
        Role::Staff => row(false, false, false, false),
        Role::Outsider => row(false, false, false, false),
    }
}

const fn row(joins: bool, moves_case: bool, is_answered: bool, gives_roles: bool) -> Rights {
    Rights { joins, moves_case, is_answered, gives_roles }
}

/// The role of an address in a case.
///
/// # Errors
/// The database.
pub fn role(tx: &Tx<'_>, world: &World<'_>, case: &Case, address: &str) -> Result<Role> {
    if address.is_empty() {
        return Ok(Role::Outsider);
    }
    let row = cases::person(tx, case.id, address)?;
    if let Some(user) = world.user(tx, address)? {
        // A colleague may be the customer of a case, too: by having opened it, unless an agent named somebody else.
        let is_named = row.is_some_and(|person| person.role == Role::Customer);
        let is_requester = case.requester_user_id == Some(user.id) && !cases::has_chosen_customer(tx, case.id)?;
        return Ok(if is_named || is_requester { Role::Customer } else { Role::Staff });
    }
    if world.is_own(address) {
        return Ok(Role::Staff);
    }
    match row {
        Some(person) if person.chosen => Ok(person.role),
        _ if is_linked(tx, case, address)? => {
            Ok(if cases::has_chosen_customer(tx, case.id)? { Role::Copied } else { Role::Customer })
        }
        Some(person) => Ok(person.role),
        None if is_of_company(tx, case, address)? => Ok(Role::Copied),
        None => Ok(Role::Outsider),
    }
}

/// Whether an address is one of the contact or lead that the case is linked to.
pub fn is_linked(tx: &Tx<'_>, case: &Case, address: &str) -> Result<bool> {
    let contact = case.contact_id.map(|id| records::is_address_of_contact(tx, id, address)).transpose()?;
    let lead = case.lead_id.map(|id| records::is_address_of_lead(tx, id, address)).transpose()?;
    Ok(contact == Some(true) || lead == Some(true))
}

fn is_of_company(tx: &Tx<'_>, case: &Case, address: &str) -> Result<bool> {
    Ok(case.company_id.map(|id| records::is_contact_of(tx, id, address)).transpose()? == Some(true))
}

/// How a role is given: by which mail, and why.
struct Giving<'a, 't> {
    tx: &'a Tx<'t>,
    world: &'a World<'a>,
    case: &'a Case,
    email_id: Option<i64>,
}

impl Giving<'_, '_> {
    fn person(&self, mailbox: &Mailbox, role: Role, reason: &str) -> Person {
        Person {
            address: mailbox.address.clone(),
            name: mailbox.name.clone(),
            role,
            chosen: false,
            opened: false,
            reason: reason.to_owned(),
            email_id: self.email_id,
            since: self.world.now,
        }
    }

    /// Gives a role to those who can take part and have none, by a row or otherwise.
    fn give<'m>(&self, to: impl Iterator<Item = &'m Mailbox>, role: Role, reason: &str) -> Result<()> {
        for mailbox in to.filter(|mailbox| can_take_part(self.world, &mailbox.address)) {
            // A contact of the case's company counts as copied before there is a row.
            let is_free = match self::role(self.tx, self.world, self.case, &mailbox.address)? {
                Role::Outsider => true,
                Role::Copied => role != Role::ThirdParty,
                _ => false,
            };
            if is_free {
                cases::introduce(self.tx, self.case.id, &self.person(mailbox, role, reason))?;
            }
        }
        Ok(())
    }
}

/// The first mail of a case: its author is the customer, and those it is also to are copied, if the author is believed.
pub fn opened(
    tx: &Tx<'_>,
    world: &World<'_>,
    case: &Case,
    customer: &Mailbox,
    mail: (&Sender, &Reading, i64),
) -> Result<()> {
    let (sender, message, email_id) = mail;
    let giving = Giving { tx, world, case, email_id: Some(email_id) };
    if !sender.author.is_nobody() {
        is_customer(tx, world, case, customer, Some(email_id))?;
    }
    if sender.is_known() {
        let named = message.reply_to.iter().filter(|m| !message.list.is(&m.address));
        giving.give(named, Role::Customer, "the customer names it in Reply-To")?;
    }
    if sender.is_believed() { copied(&giving, message) } else { Ok(()) }
}

/// Makes the person for whom a case was opened its customer.
pub fn is_customer(
    tx: &Tx<'_>,
    world: &World<'_>,
    case: &Case,
    customer: &Mailbox,
    email_id: Option<i64>,
) -> Result<()> {
    if !can_take_part(world, &customer.address) {
        return Ok(());
    }
    let giving = Giving { tx, world, case, email_id };
    let person = giving.person(customer, Role::Customer, "opened the case");
    cases::set_role(tx, case.id, &Person { opened: true, ..person })
}

/// An agent accepted unverified mail: its author takes part from now on, copied unless there is no customer yet (B4.10).
pub fn is_accepted(tx: &Tx<'_>, world: &World<'_>, case: &Case, author: &Mailbox, email_id: i64) -> Result<()> {
    if !can_take_part(world, &author.address) || rights(role(tx, world, case, &author.address)?).moves_case {
        return Ok(());
    }
    let giving = Giving { tx, world, case, email_id: Some(email_id) };
    let person = giving.person(author, Role::Copied, "an agent accepted their mail");
    cases::set_role(tx, case.id, &Person { chosen: true, ..person })
}

/// The stored email that opened a case, by an agent's word: its Reply-To is the customer, To and Cc are copied, unless
/// the mail server does not vouch for it.
pub fn named_in(tx: &Tx<'_>, world: &World<'_>, case: &Case, email: &Email) -> Result<()> {
    let giving = Giving { tx, world, case, email_id: Some(email.id) };
    let list = list_of(tx, email)?;
    let is_of_person = |mailbox: &&Mailbox| !list.is(&mailbox.address);
    if email.verdict != "fail" && email.behind.is_none() && !email.is_ours() {
        let named = emails::addresses(tx, email.id, Field::ReplyTo)?;
        giving.give(named.iter().filter(is_of_person), Role::Customer, "the customer names it in Reply-To")?;
    }
    let mut readers = emails::addresses(tx, email.id, Field::To)?;
    readers.extend(emails::addresses(tx, email.id, Field::Cc)?);
    if readers.len() > MOST_READERS {
        return Ok(());
    }
    let readers = readers.iter().filter(is_of_person);
    giving.give(readers, Role::Copied, "in To or Cc of the mail that opened the case")
}

/// Bytes of a mail that are read for what its header says; a longer one says it at its beginning.
const HEADER: u64 = 256 << 10;

/// The list that a stored mail came by: its own address is nobody's. However long the mail is, no more than its header is
/// read.
pub fn list_of(tx: &Tx<'_>, email: &Email) -> Result<List> {
    let Some(raw_id) = email.raw_id else { return Ok(List::default()) };
    Ok(Reading::parse(header(&raw::beginning(tx, raw_id, HEADER)?)).list)
}

/// What stands before the first empty line.
fn header(bytes: &[u8]) -> &[u8] {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let is_empty = |line: &&[u8]| matches!(*line, b"\n" | b"\r\n");
    let end: usize = lines.by_ref().take_while(|line| !is_empty(line)).map(<[u8]>::len).sum();
    bytes.get(..end).unwrap_or(bytes)
}

/// Verified mail of a person in a case: what the customer names in Reply-To, To and Cc takes part (B4.9), and so does a
/// contact of the case's company who writes.
pub fn wrote(tx: &Tx<'_>, world: &World<'_>, case: &Case, mail: (&Sender, &Reading, i64)) -> Result<()> {
    let (sender, message, email_id) = mail;
    let giving = Giving { tx, world, case, email_id: Some(email_id) };
    let author = &sender.author.person;
    match role(tx, world, case, &author.address)? {
        Role::Copied => {
            giving.give(std::iter::once(author), Role::Copied, "is a contact of the case's company, and wrote")
        }
        of_author if rights(of_author).gives_roles => {
            let named = message.reply_to.iter().filter(|m| !message.list.is(&m.address));
            giving.give(named, Role::Customer, "the customer names it in Reply-To")?;
            copied(&giving, message)
        }
        _ => Ok(()),
    }
}

fn copied(giving: &Giving<'_, '_>, message: &Reading) -> Result<()> {
    let readers = message.to.iter().chain(&message.cc);
    if readers.clone().count() > MOST_READERS {
        return Ok(());
    }
    let people = readers.filter(|mailbox| !message.list.is(&mailbox.address));
    giving.give(people, Role::Copied, "in To or Cc of a mail of the customer")
}

/// Our letter in a case: with the customer among its readers the others are copied, else they are third parties,
/// and always those in Bcc. It lowers nobody, and raises a third party only where the agent typed the address.
pub fn written_to(tx: &Tx<'_>, world: &World<'_>, case: &Case, letter: &Written<'_>) -> Result<()> {
    let giving = Giving { tx, world, case, email_id: Some(letter.email_id) };
    let readers: Vec<&Mailbox> = letter.to.iter().chain(letter.cc).collect();
    let mut with_customer = false;
    for mailbox in &readers {
        with_customer |= role(tx, world, case, &mailbox.address)? == Role::Customer;
    }
    let copies = with_customer && readers.len() <= MOST_READERS;
    if copies {
        for mailbox in readers.iter().filter(|m| letter.typed.contains(&m.address.as_str())) {
            raise(&giving, mailbox)?;
        }
        giving.give(readers.into_iter(), Role::Copied, "in To or Cc of our letter to the customer")?;
    } else {
        giving.give(readers.into_iter(), Role::ThirdParty, "we wrote to this address about the case")?;
    }
    giving.give(letter.bcc.iter(), Role::ThirdParty, "in Bcc of our letter")
}

/// Our letter as the roles in its case are told of it.
pub struct Written<'a> {
    pub email_id: i64,
    pub to: &'a [Mailbox],
    pub cc: &'a [Mailbox],
    pub bcc: &'a [Mailbox],
    /// The addresses that the agent typed.
    pub typed: &'a [&'a str],
}

fn raise(giving: &Giving<'_, '_>, mailbox: &Mailbox) -> Result<()> {
    let row = cases::person(giving.tx, giving.case.id, &mailbox.address)?;
    if row.is_some_and(|person| person.role == Role::ThirdParty && !person.chosen) {
        let reason = "an agent wrote to it together with the customer";
        cases::set_role(giving.tx, giving.case.id, &giving.person(mailbox, Role::Copied, reason))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_mail_the_header_is_read() {
        for (mail, read) in [
            (&b"A: b\r\nC: d\r\n\r\ntext\r\n"[..], &b"A: b\r\nC: d\r\n"[..]),
            (b"A: b\n\ntext\n\nmore", b"A: b\n"),
            (b"A: b", b"A: b"),
            (b"\n", b""),
            (b"", b""),
        ] {
            assert_eq!(header(mail), read);
        }
    }

    #[test]
    fn what_each_role_may_do() {
        let may = |role| {
            let Rights { joins, moves_case, is_answered, gives_roles } = rights(role);
            [joins, moves_case, is_answered, gives_roles]
        };
        assert_eq!(may(Role::Customer), [true; 4]);
        assert_eq!(may(Role::Copied), [true, true, true, false]);
        assert_eq!(may(Role::ThirdParty), [true, false, false, false]);
        assert_eq!(may(Role::Staff), [false; 4]);
        assert_eq!(may(Role::Outsider), [false; 4]);
    }
}
