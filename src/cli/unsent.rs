//! Why our letter is not gone, and what can be done about it.

use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::access::Actor;
use crate::cli::outbox::{self as row_of, Next, Wait};
use crate::store::db::Tx;
use crate::store::emails::{Email, EmailStatus};
use crate::store::outbox::{self, OutboxState};
use crate::ui::cell::Shown;

pub struct Unsent {
    email_id: i64,
    /// Its row, where the reader can change that.
    outbox_id: Option<i64>,
    state: OutboxState,
    /// It is to wait until then.
    not_before: Option<Timestamp>,
    wait: Wait,
}

impl Unsent {
    /// `None` for what is gone, what came, and what is not a letter yet.
    pub fn of(tx: &Tx<'_>, actor: &Actor, email: &Email, now: Timestamp) -> Result<Option<Unsent>> {
        if !matches!(email.status, EmailStatus::Sending | EmailStatus::Failed) {
            return Ok(None);
        }
        let Some(row) = outbox::of_email(tx, email.id)?.pop() else { return Ok(None) };
        Ok(Some(Unsent {
            email_id: email.id,
            outbox_id: row_of::may_see(tx, actor, &row)?.then_some(row.id),
            state: row.state,
            not_before: row.not_before.filter(|at| *at > now),
            wait: row_of::wait_of(tx, actor, &row, now)?,
        }))
    }

    /// Whether it is not gone although it should be.
    pub fn is_stuck(&self) -> bool {
        match self.state {
            OutboxState::Waiting => !self.wait.why.is_empty(),
            OutboxState::Held | OutboxState::InDoubt | OutboxState::Failed => true,
            OutboxState::Sent | OutboxState::Cancelled => false,
        }
    }

    /// The same in the head of its case.
    pub fn in_head(&self, shown: &Shown) -> String {
        let told = self.told(shown);
        if let Some(why) = told.strip_prefix("Not sent (") {
            return format!("email {} ({why}", self.email_id);
        }
        let (first, rest) = told.split_at_checked(1).unwrap_or_default();
        format!("email {}: {}{rest}", self.email_id, first.to_lowercase())
    }

    /// One line.
    pub fn told(&self, shown: &Shown) -> String {
        let why = if self.wait.why.is_empty() { String::new() } else { format!(" ({})", self.wait.why) };
        let (what, commands): (String, &[&str]) = match self.state {
            OutboxState::Waiting => match (self.not_before, &self.wait.next) {
                (Some(at), _) => (format!("Scheduled for {}{why}", shown.local_time(at)), &["cancel"]),
                (None, Next::Run) if why.is_empty() => ("In the outbox: the next run sends it".to_owned(), &[]),
                (None, Next::Run) => (format!("Not sent{why}, next try with the next run"), &["list"]),
                (None, Next::At(at)) => (format!("Not sent{why}, next try at {}", shown.local_time(*at)), &["retry"]),
                (None, Next::Never) => {
                    (format!("Not sent{why}, there is no next try before that is mended"), &["list"])
                }
            },
            OutboxState::InDoubt => {
                ("Being sent, or interrupted: a run settles it, within 2 minutes".to_owned(), &["list"])
            }
            OutboxState::Held => (format!("Held: it is unknown whether it arrived{why}"), &["mark-sent", "retry"]),
            OutboxState::Failed => (format!("Not delivered{why}"), &["retry", "cancel"]),
            OutboxState::Cancelled => (format!("Cancelled{why}"), &[]),
            OutboxState::Sent => ("Sent".to_owned(), &[]),
        };
        let command = |verb: &&str| match (self.outbox_id, *verb) {
            (Some(_), "list") => "espomail outbox list".to_owned(),
            (Some(id), verb) => format!("espomail outbox {verb} {id}"),
            (None, _) => String::new(),
        };
        match (commands, self.outbox_id) {
            ([], _) => what,
            (_, None) => format!("{what}; its writer or an administrator can change that"),
            (commands, Some(_)) => {
                format!("{what}; {}", commands.iter().map(command).collect::<Vec<_>>().join(", or "))
            }
        }
    }

    pub fn json(&self) -> Value {
        let next = match self.wait.next {
            Next::At(at) => Some(at.to_string()),
            Next::Run | Next::Never => None,
        };
        json!({"email": self.email_id, "outbox": self.outbox_id, "state": self.state.as_str(), "why": self.wait.why,
            "next_try_at": next})
    }
}
