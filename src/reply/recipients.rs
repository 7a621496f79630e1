//! To whom an answer goes (B13.4).

use anyhow::Result;

use crate::error;
use crate::intake::world::World;
use crate::mail::address::Mailbox;
use crate::mail::automatic;
use crate::mail::compose::is_address;
use crate::store::accounts::AccountKind;
use crate::store::cases::Case;
use crate::store::db::Tx;
use crate::store::emails::{self, Email, EmailStatus, Field};
use crate::store::records;
use crate::store::sight::Sight;
use crate::store::users::{self, User};

/// To and Cc.
pub(super) type Recipients = (Vec<Mailbox>, Vec<Mailbox>);

/// The newest mail that asks for an answer, of those that the author may read. Whoever only says to be one of us gets
/// none.
pub(super) fn original(tx: &Tx<'_>, case: &Case, sight: Sight) -> Result<Option<Email>> {
    for email in emails::of_case_for(tx, case.id, sight)?.into_iter().rev().filter(|email| is_answerable(case, email)) {
        let ours = users::by_address(tx, &email.from_address)?.map(|user| user.id);
        if ours.is_none() || ours == case.requester_user_id {
            return Ok(Some(email));
        }
    }
    Ok(None)
}

/// Verified mail from outside, or of the user who opened the case, that is not machine mail.
fn is_answerable(case: &Case, email: &Email) -> bool {
    email.status == EmailStatus::Archived
        && email.verified
        && email.automatic.is_empty()
        && (email.user_id.is_none() || email.user_id == case.requester_user_id)
        && !email.from_address.is_empty()
}

/// To = Reply-To or From; Cc kept without own, excluded and no-reply addresses; else the contact's primary address.
pub(super) fn of_case(
    tx: &Tx<'_>,
    world: &World<'_>,
    case: &Case,
    original: Option<&Email>,
    all: bool,
    author: Option<&User>,
) -> Result<Recipients> {
    let (mut to, mut cc) = (Vec::new(), Vec::new());
    if let Some(email) = original {
        to = answered(tx, email, &|address| world.is_own(address))?;
        cc = others(tx, email, all)?;
    } else if let Some(address) = case.contact_id.map(|id| records::contact_address(tx, id)).transpose()?.flatten() {
        to.push(Mailbox { name: String::new(), address });
    }
    let ours = |address: &str| world.is_own(address) || is_authors(author, address);
    // An address that no server would take must not stand in the way of the others.
    to.retain(|m| !world.is_own(&m.address) && is_address(&m.address));
    if to.is_empty() {
        return Err(error::data(format!("case #{}: has nobody from outside to answer to", case.number))
            .hint("name somebody with --to ADDRESS")
            .into());
    }
    cc.retain(|m| !ours(&m.address) && !automatic::is_no_reply(&m.address));
    Ok((to, cc))
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
    cc.retain(|m| !ours(&m.address) && !automatic::is_no_reply(&m.address));
    Ok((to, cc))
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
    let from = Mailbox { name: email.from_name.clone(), address: email.from_address.clone() };
    Ok(if reply_to.iter().any(|m| !own(&m.address)) { reply_to } else { vec![from] })
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
