//! Who waits for whom, told anew by the emails that a case has now (B5.10): where some came or went by hand, or lay in
//! a Sent folder that was looked into later.

use anyhow::Result;
use jiff::Timestamp;

use super::people;
use super::world::World;
use crate::store::cases::{self, Case, Role, WaitingFor};
use crate::store::db::Tx;
use crate::store::emails::{self, Email, EmailStatus, Field};
use crate::store::stream;

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
    let mut turns = Vec::new();
    for email in emails::of_case(tx, case.id)? {
        turns.push((turn(tx, world, case, &email)?, email.received_at));
    }
    turns.extend(stream::answered_otherwise(tx, case.id)?.into_iter().map(|at| (Turn::Us, at)));
    turns.sort_by_key(|(_, at)| *at);
    let (who, since) = waiting(&turns);
    cases::set_waiting(tx, case.id, who, since, world.now)
}

fn turn(tx: &Tx<'_>, world: &World<'_>, case: &Case, email: &Email) -> Result<Turn> {
    if is_of_customer_side(tx, world, case, email)? {
        return Ok(Turn::Customer);
    }
    let written = email.is_ours() && email.status != EmailStatus::Draft && email.automatic.is_empty();
    Ok(if written && goes_to_customer(tx, world, case, email.id)? { Turn::Us } else { Turn::Neither })
}

/// Whether the customer is in To or Cc: only such a letter answers them.
pub fn goes_to_customer(tx: &Tx<'_>, world: &World<'_>, case: &Case, email_id: i64) -> Result<bool> {
    for field in [Field::To, Field::Cc] {
        for mailbox in emails::addresses(tx, email_id, field)? {
            if people::role(tx, world, case, &mailbox.address)? == Role::Customer {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Verified mail of a person on the customer's side: the only kind that moves a case (B4.9).
pub fn is_of_customer_side(tx: &Tx<'_>, world: &World<'_>, case: &Case, email: &Email) -> Result<bool> {
    if !email.verified || !email.automatic.is_empty() {
        return Ok(false);
    }
    // Mail of the requester to us may lie in their Sent folder, too.
    let by_requester = email.user_id.is_some() && email.user_id == case.requester_user_id;
    if by_requester || email.user_id.is_some() || email.is_ours() {
        return Ok(by_requester);
    }
    Ok(people::rights(people::role(tx, world, case, &email.author().address)?).moves_case)
}

/// The customer waits since the oldest mail after our last answer, or we since that answer.
fn waiting(turns: &[(Turn, Timestamp)]) -> (WaitingFor, Option<Timestamp>) {
    turns.iter().fold((WaitingFor::Nobody, None), |(who, since), (turn, at)| match turn {
        Turn::Us => (WaitingFor::Customer, Some(*at)),
        Turn::Customer if who != WaitingFor::Us => (WaitingFor::Us, Some(*at)),
        Turn::Customer | Turn::Neither => (who, since),
    })
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
            assert_eq!(waiting(&turns), (who, since.map(at)), "{turns:?}");
        }
    }
}
