//! Who waits for whom, computed again from the emails that a case has now (B5.10): where some came or went by hand, or lay in
//! a Sent folder that was looked into later.

use anyhow::Result;
use jiff::Timestamp;

use super::people;
use super::world::World;
use crate::mail::address::Mailbox;
use crate::store::cases::{self, Case, Role, WaitingFor};
use crate::store::db::Tx;
use crate::store::emails::{self, Email, EmailStatus, Field};
use crate::store::{outbox, stream};

/// What one email does to the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The customer wrote.
    Customer,
    /// We answered.
    Us,
    /// Machine mail, unverified mail, a colleague's mail.
    Neither,
}

/// Sets the clock of a case by its emails.
pub fn set(tx: &Tx<'_>, world: &World<'_>, case: &Case) -> Result<()> {
    let mails = emails::of_case(tx, case.id)?.into_iter().map(|email| (email.received_at, Some(email)));
    let otherwise = stream::answered_otherwise(tx, case.id)?.into_iter().map(|at| (at, None));
    let mut moments: Vec<(Timestamp, Option<Email>)> = mails.chain(otherwise).collect();
    moments.sort_by_key(|(at, _)| *at);
    let turn = |(at, email): &(Timestamp, Option<Email>)| {
        let turn = email.as_ref().map_or(Ok(Turn::Us), |email| turn(tx, world, case, email))?;
        Ok((turn, *at))
    };
    let (who, since) = waiting(moments.iter().rev().map(turn))?;
    cases::set_waiting(tx, case.id, who, since, world.now)
}

fn turn(tx: &Tx<'_>, world: &World<'_>, case: &Case, email: &Email) -> Result<Turn> {
    if is_of_customer_side(tx, world, case, email)? || opened(tx, case, email)? {
        return Ok(Turn::Customer);
    }
    // Also what one of us wrote by another program and the mail server vouches for.
    let is_ours = email.is_ours() || (email.user_id.is_some() && email.verified);
    // A letter that is to be sent later answers nobody yet.
    let is_gone = email.status != EmailStatus::Draft && email.received_at <= world.now;
    let answers = is_ours && is_gone && email.automatic.is_empty();
    Ok(if answers && reaches_customer(tx, world, case, email)? == Some(true) { Turn::Us } else { Turn::Neither })
}

/// Whether an email opened the case: for the customer, also if another one was linked since. An agent who gives the writer
/// another role ends that.
fn opened(tx: &Tx<'_>, case: &Case, email: &Email) -> Result<bool> {
    if !email.verified || !email.automatic.is_empty() || email.is_ours() {
        return Ok(false);
    }
    let row = cases::person(tx, case.id, &email.author().address)?;
    Ok(row.is_some_and(|person| person.opened && !person.chosen && person.email_id == Some(email.id)))
}

fn goes_to_customer(tx: &Tx<'_>, world: &World<'_>, case: &Case, email: &Email) -> Result<bool> {
    answers_customer(tx, world, case, readers(tx, email)?.iter(), email.user_id)
}

/// Whether an email that goes to a customer reaches one, or still may: not where the server of each refused it (B13.5);
/// `None` = it goes to no customer.
pub fn reaches_customer(tx: &Tx<'_>, world: &World<'_>, case: &Case, email: &Email) -> Result<Option<bool>> {
    let readers = readers(tx, email)?;
    if !answers_customer(tx, world, case, readers.iter(), email.user_id)? {
        return Ok(None);
    }
    let failed = outbox::failed_recipients(tx, email.id)?;
    let reached = readers.iter().filter(|mailbox| !failed.contains(&mailbox.address));
    Ok(Some(failed.is_empty() || answers_customer(tx, world, case, reached, email.user_id)?))
}

fn readers(tx: &Tx<'_>, email: &Email) -> Result<Vec<Mailbox>> {
    let mut readers = emails::addresses(tx, email.id, Field::To)?;
    readers.extend(emails::addresses(tx, email.id, Field::Cc)?);
    Ok(readers)
}

/// Whether a customer is among the readers in To and Cc, other than the user who wrote the letter: only such a letter
/// answers them.
pub fn answers_customer<'m>(
    tx: &Tx<'_>,
    world: &World<'_>,
    case: &Case,
    readers: impl Iterator<Item = &'m Mailbox>,
    writer: Option<i64>,
) -> Result<bool> {
    for mailbox in readers {
        let is_customer = people::role(tx, world, case, &mailbox.address)? == Role::Customer;
        let is_writer = || world.user(tx, &mailbox.address).map(|user| user.is_some_and(|u| Some(u.id) == writer));
        if is_customer && !is_writer()? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Verified mail of a person on the customer's side: the only kind that moves a case (B4.9).
pub fn is_of_customer_side(tx: &Tx<'_>, world: &World<'_>, case: &Case, email: &Email) -> Result<bool> {
    if !email.verified || !email.automatic.is_empty() {
        return Ok(false);
    }
    if email.user_id.is_some() || email.is_ours() {
        // Mail of the requester to us may lie in their Sent folder, too. What they write to a customer is our answer.
        let by_requester = email.user_id.is_some() && email.user_id == case.requester_user_id;
        let is_customer = || people::role(tx, world, case, &email.from_address).map(|role| role == Role::Customer);
        return Ok(by_requester && is_customer()? && !goes_to_customer(tx, world, case, email)?);
    }
    Ok(people::rights(people::role(tx, world, case, &email.author().address)?).moves_case)
}

/// The customer waits since the oldest mail after our last answer, or we since that answer. Nothing before that answer is
/// asked for, so that a long case costs no more than a short one.
fn waiting(newest_first: impl Iterator<Item = Result<(Turn, Timestamp)>>) -> Result<(WaitingFor, Option<Timestamp>)> {
    let mut customer = None;
    for moment in newest_first {
        match moment? {
            (Turn::Customer, at) => customer = Some(at),
            (Turn::Us, at) if customer.is_none() => return Ok((WaitingFor::Customer, Some(at))),
            (Turn::Us, _) => break,
            (Turn::Neither, _) => {}
        }
    }
    Ok((if customer.is_some() { WaitingFor::Us } else { WaitingFor::Nobody }, customer))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_clock_runs_since_the_oldest_mail_after_our_last_answer() {
        use Turn::{Customer, Neither, Us};
        let rows: [(&[Turn], WaitingFor, Option<i64>); 6] = [
            (&[], WaitingFor::Nobody, None),
            (&[Neither], WaitingFor::Nobody, None),
            (&[Customer, Customer], WaitingFor::Us, Some(0)),
            (&[Customer, Us], WaitingFor::Customer, Some(1)),
            (&[Customer, Us, Neither, Customer, Customer], WaitingFor::Us, Some(3)),
            (&[Us, Us, Neither], WaitingFor::Customer, Some(1)),
        ];
        for (turns, who, since) in rows {
            let at = |second: i64| Timestamp::from_second(second).unwrap();
            let turns: Vec<_> = turns.iter().zip(0..).map(|(turn, second)| (*turn, at(second))).collect();
            let newest_first = turns.iter().rev().copied().map(Ok);
            assert_eq!(waiting(newest_first).unwrap(), (who, since.map(at)), "{turns:?}");
        }
    }
}
