//! Who waits for whom, told anew by the emails that a case has now (B5.10).

use anyhow::Result;
use jiff::Timestamp;

use crate::intake::world::World;
use crate::mail::subject;
use crate::store::cases::{self, Case, WaitingFor};
use crate::store::db::Tx;
use crate::store::emails::{self, Email, EmailStatus};

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

/// Sets the clock of a case whose emails came or went by hand.
pub(super) fn set(tx: &Tx<'_>, world: &World<'_>, case: &Case) -> Result<()> {
    let mut turns = Vec::new();
    for email in emails::of_case(tx, case.id)? {
        turns.push((turn(case, &email), email.received_at));
    }
    let (who, since) = waiting(&turns);
    cases::set_waiting(tx, case.id, who, since, world.now)
}

fn turn(case: &Case, email: &Email) -> Turn {
    if email.is_ours() && email.status != EmailStatus::Draft && email.automatic.is_empty() {
        // What is forwarded to somebody answers no customer.
        return if subject::is_forward(&email.subject) { Turn::Neither } else { Turn::Us };
    }
    if is_of_customer(case, email) { Turn::Customer } else { Turn::Neither }
}

/// Verified mail of a person who is not one of us, or is the requester: the only kind that moves a case.
pub(super) fn is_of_customer(case: &Case, email: &Email) -> bool {
    if email.is_ours() || !email.verified || !email.automatic.is_empty() {
        return false;
    }
    email.user_id.is_none() || email.user_id == case.requester_user_id
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
