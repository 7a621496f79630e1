//! What is shown where mail could not be delivered: a note on its case, and a notification to whoever has to act (B9.2,
//! B13.5).

use anyhow::Result;
use jiff::Timestamp;

use crate::store::cases;
use crate::store::db::Tx;
use crate::store::emails::{self, EmailStatus, Field};
use crate::store::notifications::{self, NewNotification, NotificationKind};
use crate::store::outbox::{self, OutboxKind, OutboxRow, OutboxState};
use crate::store::records::{self, Parent};
use crate::store::sight::Sight;
use crate::store::stream::{self, NewNote, NoteKind};
use crate::store::users::{self, User};

/// A recipient from whom a message came back.
#[derive(Debug, Clone, Copy)]
pub struct Return<'a> {
    /// Address in lower case.
    pub address: &'a str,
    /// What the report says.
    pub words: &'a str,
    /// The report, an email.
    pub report: i64,
    /// The report proves itself (B9.2).
    pub proven: bool,
}

/// Marks a recipient from whom a sent message came back, and shows it; false where nobody has this address, or the
/// message came back from it before. The message has failed where no recipient is left.
pub fn come_back(tx: &Tx<'_>, row: &OutboxRow, back: &Return<'_>, now: Timestamp) -> Result<bool> {
    let recipients = outbox::recipients(tx, row.id)?;
    let known = recipients.iter().find(|(address, _, _)| address.to_lowercase() == back.address);
    let Some((address, _, _)) = known else { return Ok(false) };
    if !outbox::come_back(tx, row.id, address, back.words, back.report, back.proven)? {
        return Ok(false);
    }
    let all_failed = outbox::recipients(tx, row.id)?.iter().all(|(_, state, _)| state == "failed");
    if all_failed && matches!(row.state, OutboxState::Sent | OutboxState::Held) {
        outbox::change(tx, row.id, row.state, OutboxState::Failed, back.words, now)?;
        row.email_id.map_or(Ok(()), |id| emails::set_status(tx, id, EmailStatus::Failed))?;
    }
    undelivered(tx, row, address, &told(back), Some(back.report), now)?;
    Ok(true)
}

/// What is told of a report that anybody may have written.
fn told(back: &Return<'_>) -> String {
    let doubt = if back.proven { "" } else { " (a report that is not proven)" };
    format!("{}{doubt}", back.words)
}

/// Shows that a recipient did not get a message: because a server refused it at once, or by a `report` that came later
/// (the id of its email). A notice to one of our own is no part of the case: it stays in the outbox as failed.
pub(super) fn undelivered(
    tx: &Tx<'_>,
    row: &OutboxRow,
    address: &str,
    words: &str,
    report: Option<i64>,
    now: Timestamp,
) -> Result<()> {
    let text = format!("not delivered to {address}: {words}");
    if row.kind == OutboxKind::Notice {
        log::warn!("notice {}: {text}", row.id);
        return Ok(());
    }
    let parent = row.case_id.map(Parent::case);
    let is_bcc = is_bcc(tx, row, address)?;
    if let Some(parent) = parent.filter(|_| !is_bcc) {
        let note = NewNote { parent, kind: NoteKind::Failed, user_id: None, email_id: row.email_id, text: &text };
        stream::note(tx, note, now)?;
    }
    let Some(user) = concerned(tx, row, is_bcc || is_private(tx, row)?)? else { return Ok(()) };
    let label = match parent {
        Some(parent) => records::label(tx, parent)?,
        None => row.subject.clone(),
    };
    let (kind, email_id) = (NotificationKind::Failed, report.or(row.email_id));
    let of = |text| NewNotification { user_id: user.id, kind, parent, email_id, text };
    // One for each mail, which names all whom it did not reach.
    match notifications::add(tx, of(&format!("{label}: {text}")), false, now)? {
        Some(_) => Ok(()),
        None => notifications::add_to(tx, of(&text)),
    }
}

/// Only its sender knows of a Bcc.
fn is_bcc(tx: &Tx<'_>, row: &OutboxRow, address: &str) -> Result<bool> {
    let Some(email_id) = row.email_id else { return Ok(false) };
    Ok(emails::addresses(tx, email_id, Field::Bcc)?.iter().any(|mailbox| mailbox.address == address))
}

fn is_private(tx: &Tx<'_>, row: &OutboxRow) -> Result<bool> {
    let email = row.email_id.map(|id| emails::by_id(tx, id, Sight::Everything)).transpose()?.flatten();
    Ok(email.is_some_and(|email| email.private))
}

/// Who wrote it, else the assignee of the case.
fn concerned(tx: &Tx<'_>, row: &OutboxRow, only_author: bool) -> Result<Option<User>> {
    let active = |id: Option<i64>| -> Result<Option<User>> {
        Ok(id.map(|id| users::by_id(tx, id)).transpose()?.flatten().filter(|user| user.active))
    };
    let author = active(row.user_id)?;
    if author.is_some() || only_author {
        return Ok(author);
    }
    let case = row.case_id.map(|id| cases::by_id(tx, id)).transpose()?.flatten();
    active(case.and_then(|case| case.assigned_user_id))
}
