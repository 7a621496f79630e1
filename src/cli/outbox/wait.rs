//! Why a message waits in the outbox, and until when.

use anyhow::Result;
use jiff::Timestamp;

use crate::access::Actor;
use crate::cli::context::ACCOUNT_OF_OTHERS;
use crate::outbox as sending;
use crate::store::accounts::{self, Account};
use crate::store::db::Tx;
use crate::store::outbox::{OutboxRow, OutboxState};

/// Why a row waits, and until when.
#[derive(Debug, PartialEq, Eq)]
pub struct Wait {
    pub why: String,
    pub next: Next,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing is tried until somebody does something.
    Never,
    /// The next run tries it.
    Run,
    At(Timestamp),
}

/// `is_known`: the account may be named to the person who asks.
fn wait(row: &OutboxRow, account: &Account, is_known: bool, now: Timestamp) -> Wait {
    let name = if is_known { format!("account {}", account.name) } else { ACCOUNT_OF_OTHERS.to_owned() };
    let never = |what: &str| Wait { why: format!("{name} {what}"), next: Next::Never };
    if !account.active {
        return never("is disabled");
    }
    if account.smtp.host.is_none() {
        return never("has no SMTP server");
    }
    let health = &account.health;
    let is_due = row.is_due(now);
    let fails = health.send_failing_since.is_some() && row.not_before.is_none_or(|at| at <= now);
    let why = match (row.last_error.is_empty() && fails, is_known) {
        (false, _) => row.last_error.clone(),
        (true, true) => format!("{name} cannot send: {}", health.send_failure),
        (true, false) => format!("{name} cannot send"),
    };
    let own = Some(row.next_try_at).filter(|_| !is_due);
    let next = own.max(sending::rests(account, now)).map_or(Next::Run, Next::At);
    Wait { why, next }
}

/// The same of a row with its account.
pub fn waiting(tx: &Tx<'_>, actor: &Actor, row: &OutboxRow, account: Option<&Account>, now: Timestamp) -> Result<Wait> {
    match account.filter(|_| row.state == OutboxState::Waiting) {
        Some(account) => Ok(wait(row, account, actor.knows_account(tx, account)?, now)),
        None => Ok(Wait { why: row.last_error.clone(), next: Next::Never }),
    }
}

/// Why a row waits, as far as the actor may know.
pub fn wait_of(tx: &Tx<'_>, actor: &Actor, row: &OutboxRow, now: Timestamp) -> Result<Wait> {
    waiting(tx, actor, row, accounts::by_id(tx, row.account_id)?.as_ref(), now)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::SignedDuration;

    use super::*;
    use crate::store::accounts::AccountKind;
    use crate::store::outbox::OutboxKind;

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn at(minutes: i64) -> Timestamp {
        now() + SignedDuration::from_mins(minutes)
    }

    fn account(change: impl FnOnce(&mut Account)) -> Account {
        let mut account = Account::new("desk", AccountKind::Group, now());
        account.smtp.host = Some("mx.example".into());
        change(&mut account);
        account
    }

    /// A row that is tried after this number of minutes.
    fn row(minutes: i64, last_error: &str) -> OutboxRow {
        OutboxRow {
            id: 1,
            kind: OutboxKind::Mail,
            account_id: 1,
            email_id: None,
            case_id: None,
            user_id: None,
            message_id: String::new(),
            subject: String::new(),
            envelope_from: String::new(),
            raw_id: 1,
            state: OutboxState::Waiting,
            attempts: 0,
            next_try_at: at(minutes),
            last_error: last_error.to_owned(),
            created_at: at(-60),
            failing_since: None,
            not_before: None,
            status_to: None,
            status_from: None,
        }
    }

    #[test]
    fn a_row_says_why_it_waits_and_when_it_is_tried() {
        let refused = |rest: Option<i64>| {
            account(|one| {
                one.health.send_failing_since = Some(at(-5));
                one.health.send_failure = "535 5.7.8 no".into();
                one.health.send_next_try_at = rest.map(at);
            })
        };
        let said = "account desk cannot send: 535 5.7.8 no";
        let scheduled = OutboxRow { not_before: Some(at(600)), ..row(600, "") };
        for (row, account, known, why, next) in [
            (row(-5, ""), account(|_| {}), true, "", Next::Run),
            (row(7, "451 later"), account(|_| {}), true, "451 later", Next::At(at(7))),
            (row(60 * 24, ""), account(|_| {}), true, "", Next::Run),
            (row(-5, ""), refused(None), true, said, Next::Run),
            (row(-5, ""), refused(Some(15)), true, said, Next::At(at(15))),
            (row(30, "451 later"), refused(Some(15)), true, "451 later", Next::At(at(30))),
            (row(-5, ""), refused(None), false, "an account of others cannot send", Next::Run),
            (scheduled, refused(None), true, "", Next::At(at(600))),
            (row(-5, ""), account(|one| one.active = false), true, "account desk is disabled", Next::Never),
            (row(-5, ""), account(|one| one.smtp.host = None), true, "account desk has no SMTP server", Next::Never),
        ] {
            assert_eq!(wait(&row, &account, known, now()), Wait { why: why.to_owned(), next }, "{row:?}");
        }
    }
}
