//! Conditions of `outbox list`, over the table `outbox`.

use anyhow::Result;

use super::{Bound, Test, condition, unfit};
use crate::query::{Field, Tree};
use crate::store::db::seconds;
use crate::store::text::folded;

/// What is asked for. The user who asks may see less of it.
pub fn outbox_condition(tree: &Tree<Test>, bound: &mut Bound) -> Result<String> {
    condition(tree, bound, &one)
}

fn one(test: &Test, bound: &mut Bound) -> Result<String> {
    Ok(match test {
        Test::Before(moment) => format!("outbox.created_at < {}", bound.add(seconds(*moment))),
        Test::Since(moment) => format!("outbox.created_at >= {}", bound.add(seconds(*moment))),
        Test::Holds(Field::Subject, text) => format!("mentions(outbox.subject, {})", bound.add(folded(text))),
        Test::Holds(Field::To, text) => format!(
            "EXISTS (SELECT 1 FROM outbox_recipients r WHERE r.outbox_id = outbox.id AND mentions(r.address, {}))",
            bound.add(folded(text))
        ),
        Test::Status(state) => format!("outbox.state = {}", bound.add((*state).to_owned())),
        Test::Scheduled(now) => {
            format!("outbox.state = 'waiting' AND outbox.not_before > {}", bound.add(seconds(*now)))
        }
        Test::Account(id) => format!("outbox.account_id = {}", bound.add(*id)),
        _ => unfit(test)?,
    })
}
