//! What `email explain` says of a letter that was written here: who wrote it, where it belongs, and what the outbox did.

use anyhow::Result;

use super::Decision;
use crate::access::Actor;
use crate::cli::delivery;
use crate::store::db::Tx;
use crate::store::emails::{Email, EmailStatus};
use crate::store::outbox::{self, OutboxKind, OutboxRow, OutboxState};
use crate::store::users;

/// The decisions about our own email; `seen` = the record that it belongs to as it is called, if the actor sees it.
pub fn told(tx: &Tx<'_>, actor: &Actor, email: &Email, seen: Option<&str>) -> Result<Vec<Decision>> {
    let rows = outbox::of_email(tx, email.id)?;
    let by = email.user_id.or_else(|| rows.first().and_then(|row| row.user_id));
    let user = by.map(|id| users::by_id(tx, id)).transpose()?.flatten().map(|user| user.username);
    let is_reply = rows.iter().any(|row| row.kind == OutboxKind::AutoReply);
    let written = match (email.status, is_reply) {
        (EmailStatus::Draft, _) => format!(
            "a draft of {}, which goes to nobody before `espomail email send {}`",
            user.as_deref().unwrap_or("the administrator"),
            email.id
        ),
        (_, true) => "here, as an automatic reply".to_owned(),
        (_, false) => format!("here, by {}", user.as_deref().unwrap_or("the administrator")),
    };
    let mut told = vec![("written".to_owned(), written, email.received_at)];
    match (email.parent, seen) {
        (Some(_), Some(label)) => {
            told.push(("parent".to_owned(), format!("{label}, for which it was written"), email.received_at))
        }
        (Some(_), None) => {}
        (None, _) => told.push(("parent".to_owned(), "none: it belongs to no record".to_owned(), email.received_at)),
    }
    let newest = rows.iter().map(|row| row.id).max();
    for row in rows {
        let recipients = match newest == Some(row.id) {
            true => delivery::recipients_shown(&delivery::recipients(tx, actor, email)?),
            false => String::new(),
        };
        let text = format!("row {}: {}", row.id, became(&row, &recipients));
        told.push(("outbox".to_owned(), text, row.created_at));
    }
    Ok(told)
}

/// How far a row got, with its recipients; the words of the server once.
fn became(row: &OutboxRow, recipients: &str) -> String {
    let state = match row.state {
        OutboxState::Waiting => format!("waiting until {}", row.next_try_at),
        state => state.to_string(),
    };
    let is_said = row.state == OutboxState::Sent || recipients.contains(&row.last_error);
    let words = if is_said { String::new() } else { format!(" ({})", row.last_error) };
    let recipients = if recipients.is_empty() { String::new() } else { format!("; {recipients}") };
    format!("{state}{words}{recipients}")
}
