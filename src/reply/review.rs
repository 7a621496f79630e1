//! What a person should know before a letter goes out (B13.4): who gets it, who is left out, and whether somebody ought to
//! ask first.

use anyhow::Result;

use super::{Started, case_of};
use crate::intake::people;
use crate::intake::world::World;
use crate::mail::address::Mailbox;
use crate::mail::draft_file::Head;
use crate::store::cases::{self, Case, Role};
use crate::store::db::Tx;
use crate::store::invalid_addresses;
use crate::store::sight::Sight;

/// A letter in a case to more people than this is asked about.
const MANY: usize = 10;

/// What is shown and asked before a letter in a case goes out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Review {
    /// One line: to whom, and who is left out.
    pub readers: String,
    /// What else to know, one sentence each.
    pub remarks: Vec<String>,
    /// Recipients to whom our mail could not be delivered, with the words of the server.
    pub invalid: Vec<String>,
    /// The question that has to be answered first.
    pub doubt: Option<String>,
}

/// Looks at a letter before it is sent; nothing for one to nobody, or one outside a case that answers nothing.
pub fn review(tx: &Tx<'_>, world: &World<'_>, sight: Sight, started: &Started) -> Result<Option<Review>> {
    let case = case_of(tx, &started.place)?;
    let Head { to, cc, bcc, .. } = &started.letter.head;
    let all: Vec<&Mailbox> = to.iter().chain(cc).chain(bcc).collect();
    if all.is_empty() || (case.is_none() && started.place.in_reply_to.is_none()) {
        return Ok(None);
    }
    let addresses: Vec<String> = all.iter().map(|mailbox| mailbox.address.clone()).collect();
    let invalid = invalid_addresses::among(tx, &addresses, Some(started.sender.account.id))?;
    Ok(Some(Review {
        readers: readers(started, &ways(tx, case.as_ref(), sight)?),
        remarks: started.remarks.clone(),
        invalid: invalid.into_iter().map(|known| format!("{}: {}", known.address, known.reason)).collect(),
        doubt: match (&started.doubt, case) {
            (Some(doubt), _) => Some(doubt.clone()),
            (None, Some(case)) => doubt(tx, world, &case, started, &all)?,
            (None, None) => None,
        },
    }))
}

/// Those who wrote only by way of a shared From: nothing proves that they did (B4.13).
fn ways(tx: &Tx<'_>, case: Option<&Case>, sight: Sight) -> Result<Vec<(String, String)>> {
    Ok(case.map(|case| cases::ways(tx, case.id, sight)).transpose()?.unwrap_or_default())
}

fn readers(started: &Started, ways: &[(String, String)]) -> String {
    let Head { to, cc, bcc, .. } = &started.letter.head;
    let one = |mailbox: &Mailbox| match ways.iter().find(|(person, _)| *person == mailbox.address) {
        Some((person, way)) => format!("{person} (by way of {way})"),
        None => mailbox.address.clone(),
    };
    let list = |mailboxes: &[Mailbox]| mailboxes.iter().map(one).collect::<Vec<_>>().join(", ");
    let mut parts = vec![format!("to {}", list(to))];
    for (word, mailboxes) in [("copy to", cc), ("hidden copy to", bcc)] {
        if !mailboxes.is_empty() {
            parts.push(format!("{word} {}", list(mailboxes)));
        }
    }
    if !started.left_out.is_empty() {
        let out = started.left_out.iter().map(|(mailbox, role)| format!("{} ({role})", mailbox.address));
        parts.push(format!("left out: {}", out.collect::<Vec<_>>().join(", ")));
    }
    parts.join("; ")
}

/// Asks about a letter to many people, and about one to nobody who ever took part.
fn doubt(tx: &Tx<'_>, world: &World<'_>, case: &Case, started: &Started, all: &[&Mailbox]) -> Result<Option<String>> {
    if all.len() > MANY {
        return Ok(Some(format!("The letter goes to {} people. Send it?", all.len())));
    }
    for mailbox in all {
        if started.typed.contains(&mailbox.address) || is_known(tx, world, case, &mailbox.address)? {
            return Ok(None);
        }
    }
    let number = case.number;
    Ok(Some(format!("None of those who get the letter has written verified mail in case #{number}. Send it?")))
}

/// Wrote verified mail in the case, is its contact, opened it, or was named by an agent.
fn is_known(tx: &Tx<'_>, world: &World<'_>, case: &Case, address: &str) -> Result<bool> {
    let row = cases::person(tx, case.id, address)?;
    Ok(row.is_some_and(|person| person.chosen || person.opened)
        || people::is_linked(tx, case, address)?
        || cases::wrote_verified(tx, case.id, address)?
        || people::role(tx, world, case, address)? == Role::Staff)
}
