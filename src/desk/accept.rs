//! Letting the sender of an unverified mail take part in its case (B4.10).

use anyhow::{Context, Result};

use super::people::note_address;
use super::{note, split, who};
use crate::access::Actor;
use crate::error;
use crate::intake::follow_up::{self, Answer};
use crate::intake::sender::can_take_part;
use crate::intake::world::World;
use crate::intake::{people, waiting};
use crate::store::cases::{self, Case};
use crate::store::db::Tx;
use crate::store::emails::Email;
use crate::store::records::{self, Parent, ParentType};
use crate::store::sight::{Object, Sight};
use crate::store::stream::{self, NoteKind};
use crate::store::{accounts, emails, users};

/// Makes an email verified: its sender takes part from now on, and the case moves as if it had come so. The case it
/// is in now; followers have heard of it.
///
/// # Errors
/// The email is verified already or in no case; one that may not be seen is not found.
pub fn accept(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, email_id: i64, add_address: bool) -> Result<Case> {
    let (email, case) = unverified(tx, actor, email_id)?;
    let author = email.author();
    let is_user = users::by_address(tx, &author.address)?.is_some();
    if !is_user && !can_take_part(world, &author.address) {
        let whose = if author.address.is_empty() { "its sender" } else { &author.address };
        let text = format!("email {email_id}: {whose} cannot take part in a case, it is not the address of a person");
        let hint = format!("the mail stays in the case; to take it off the list: espomail case refuse {email_id}");
        return Err(error::data(text).hint(hint).into());
    }
    if add_address {
        add_to_contact(tx, world, actor, &case, &email)?;
    }
    emails::set_parent(tx, email.id, Parent::case(case.id), true)?;
    emails::set_undecided(tx, email.id, false)?;
    let decision = format!("#{}: accepted by {}", case.number, who(actor));
    emails::decide(tx, email.id, "case", &decision, world.now)?;
    stream::is_verified(tx, email.id)?;
    let sender = if email.private { "the sender" } else { &author.address };
    let text = match is_user {
        true => format!("{sender} wrote it, says an agent (email {})", email.id),
        false => format!("{sender} takes part from now on (email {})", email.id),
    };
    note(tx, world, actor, &case, NoteKind::Accepted, &text)?;
    let accepted = emails::by_id(tx, email.id, Sight::Everything)?.context("the email vanished")?;
    people::is_accepted(tx, world, &case, &author, accepted.id)?;
    if !waiting::is_of_customer_side(tx, world, &case, &accepted)? {
        return Ok(case);
    }
    let account = case.account_id.map(|id| accounts::by_id(tx, id)).transpose()?.flatten();
    match follow_up::effect(world, &case, account.as_ref()) {
        Answer::NewCase => {
            let name = if accepted.private { format!("Of #{}", case.number) } else { accepted.subject.clone() };
            split::open(tx, world, actor, &case, &name, std::slice::from_ref(&accepted), true)
        }
        effect => {
            follow_up::customer_wrote(tx, world, &case, effect, accepted.id, accepted.received_at)?;
            Ok(case)
        }
    }
}

/// Decides that the writer of an unverified mail does not take part: the mail stays in the case, marked, and waits for
/// nobody any more (B4.10).
///
/// # Errors
/// As [`accept`].
pub fn refuse(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, email_id: i64) -> Result<Case> {
    let (email, case) = unverified(tx, actor, email_id)?;
    if !email.undecided {
        return Ok(case);
    }
    emails::set_undecided(tx, email.id, false)?;
    emails::decide(tx, email.id, "case", &format!("#{}: refused by {}", case.number, who(actor)), world.now)?;
    let text = format!("the writer of email {} does not take part", email.id);
    note(tx, world, actor, &case, NoteKind::Refused, &text)?;
    Ok(case)
}

/// An unverified mail that the actor sees in a case that they may change.
fn unverified(tx: &Tx<'_>, actor: &Actor, email_id: i64) -> Result<(Email, Case)> {
    let not_found = || error::data(format!("email {email_id}: not found"));
    let email = emails::by_id(tx, email_id, Sight::Everything)?.ok_or_else(not_found)?;
    let Some(case_id) = seen_in_case(tx, actor.sight(), &email)? else {
        emails::by_id(tx, email_id, actor.sight())?.ok_or_else(not_found)?;
        return Err(error::data(format!("email {email_id} is in no case"))
            .hint(format!("espomail email explain {email_id} says why"))
            .into());
    };
    actor.require_edit(tx, Object::Record(Parent::case(case_id)))?;
    let case = cases::by_id(tx, case_id)?.context("the case vanished")?;
    if !email.automatic.is_empty() {
        let text = format!(
            "email {email_id} is automatic mail ({}), which needs no decision about its sender",
            email.automatic
        );
        return Err(error::data(text).hint(format!("espomail email explain {email_id} says why")).into());
    }
    if email.verified {
        let text = format!("email {email_id} is verified already: there is nothing to decide");
        let hint = format!("to change who takes part: espomail case people {}", case.number);
        return Err(error::data(text).hint(hint).into());
    }
    Ok((email, case))
}

/// Adds the address of the writer to the contact or lead of the case, who is the customer.
fn add_to_contact(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case, email: &Email) -> Result<()> {
    let address = email.author().address;
    let contact = case.contact_id.map(|id| Parent { kind: ParentType::Contact, id });
    let linked = contact.or(case.lead_id.map(|id| Parent { kind: ParentType::Lead, id }));
    let Some(record) = linked else {
        return Err(error::data(format!("--add-address: case #{} is not linked to a contact", case.number))
            .hint(format!("link it first: espomail case link {} contact/ID", case.number))
            .into());
    };
    actor.require_edit(tx, Object::Record(record))?;
    records::add_address(tx, record, &address)?;
    note_address(tx, world, actor, case, record, &address)
}

/// The case of an email, where both are seen.
fn seen_in_case(tx: &Tx<'_>, sight: Sight, email: &Email) -> Result<Option<i64>> {
    let Some(case_id) = email.case_id() else { return Ok(None) };
    let is_seen = records::exists(tx, Parent::case(case_id), sight)? && emails::is_shown_in_case(tx, email.id, sight)?;
    Ok(is_seen.then_some(case_id))
}
