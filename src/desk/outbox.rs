//! What is done to the outbox by hand (B13.5). The caller holds the send lock, so that nothing is on the wire.

use anyhow::Result;

use super::who;
use crate::access::Actor;
use crate::error::{self, Fault};
use crate::intake::world::World;
use crate::intake::{undelivered, waiting};
use crate::mail::{markdown, message};
use crate::store::cases::{self, CaseStatus};
use crate::store::db::Tx;
use crate::store::drafts::{self, Draft};
use crate::store::emails::{self, EmailStatus};
use crate::store::outbox::{self, MAY_HAVE, OutboxKind, OutboxRow, OutboxState};
use crate::store::raw;
use crate::store::records::Parent;
use crate::store::sight::Sight;
use crate::store::stream::{self, NewNote, NoteKind};

/// Lets the next run send a row that waits, is held or has failed; recipients that have it do not get it again.
///
/// # Errors
/// It was sent or taken back.
pub fn retry(tx: &Tx<'_>, world: &World<'_>, row: &OutboxRow) -> Result<()> {
    match row.state {
        OutboxState::Waiting => {}
        OutboxState::Held | OutboxState::Failed | OutboxState::Sent
            if row.state != OutboxState::Sent || in_part(tx, row)? =>
        {
            outbox::reopen_recipients(tx, row.id)?;
            outbox::change(tx, row.id, row.state, OutboxState::Waiting, "", world.now)?;
            emails::set_status_of(tx, row.email_id, EmailStatus::Sending)?;
            if let Some(to) = row.status_to {
                // It changes its case once more when it is sent.
                outbox::set_case_status(tx, row.id, to, None)?;
            }
            tell_time(tx, world, row)?;
        }
        state => {
            let hint = match state {
                OutboxState::InDoubt => "the next `espomail send` sends it again or holds it",
                OutboxState::Cancelled => "what a user wrote is a draft: espomail email list status:Draft",
                _ => "",
            };
            let fault = error::data(format!("outbox {} is {state}", row.id));
            let again = row.email_id.map(|id| format!("to send it again, forward it: espomail email forward {id}"));
            let hint = if hint.is_empty() { again } else { Some(hint.to_owned()) };
            return Err(hint.into_iter().fold(fault, Fault::hint).into());
        }
    }
    if let Some(id) = row.email_id.filter(|_| row.not_before.is_some_and(|at| at > world.now)) {
        emails::set_received_at(tx, id, world.now)?;
    }
    outbox::make_due(tx, row.id, world.now)
}

/// Whether a server refused a message for some recipients for good.
fn in_part(tx: &Tx<'_>, row: &OutboxRow) -> Result<bool> {
    Ok(outbox::recipients(tx, row.id)?.iter().any(|(_, state, _)| state == "failed"))
}

/// Says that a row arrived whose outcome nobody knows.
///
/// # Errors
/// Its outcome is known, or it has not been tried.
pub fn mark_sent(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, row: &OutboxRow) -> Result<()> {
    if !matches!(row.state, OutboxState::Held | OutboxState::InDoubt) {
        let hint = match row.state {
            OutboxState::Waiting => "it has not been sent; take it back: espomail outbox cancel ID",
            _ => "only held messages and those in doubt can be marked",
        };
        return Err(error::data(format!("outbox {} is {}", row.id, row.state)).hint(hint).into());
    }
    let words = format!("marked as sent by {}", who(actor));
    outbox::settle_waiting(tx, row.id, &words)?;
    outbox::change(tx, row.id, row.state, OutboxState::Sent, &words, world.now)?;
    emails::set_status_of(tx, row.email_id, EmailStatus::Sent)?;
    undelivered::settle(tx, world, row)
}

/// What was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenBack {
    /// The draft that it is again.
    pub draft_id: Option<i64>,
    /// Who has it.
    pub have: Vec<String>,
    /// Who may have it.
    pub may_have: Vec<String>,
    /// The case that it closed, and the status which that keeps.
    pub closed: Option<(i64, CaseStatus)>,
}

/// Takes a row back. What a user wrote and nobody got is a draft again, and its case is as if it had not been written,
/// except for its status and a note on who took it back.
///
/// # Errors
/// It was sent, or nobody knows.
pub fn cancel(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, row: &OutboxRow) -> Result<TakenBack> {
    if !matches!(row.state, OutboxState::Waiting | OutboxState::Held | OutboxState::Failed) {
        let fault = error::data(format!("outbox {} is {}, which cannot be taken back", row.id, row.state));
        let in_doubt = row.state == OutboxState::InDoubt;
        return Err(
            if in_doubt { fault.hint("the next `espomail send` sends it again or holds it") } else { fault }.into()
        );
    }
    if row.state == OutboxState::Held {
        outbox::doubt_waiting(tx, row.id, row.last_error.strip_prefix(MAY_HAVE).unwrap_or(&row.last_error))?;
    }
    outbox::change(tx, row.id, row.state, OutboxState::Cancelled, &row.last_error, world.now)?;
    note_cancelled(tx, world, actor, row)?;
    let (have, may_have) = holders(tx, row)?;
    let draft_id = match row.email_id {
        _ if !have.is_empty() => {
            emails::set_status_of(tx, row.email_id, EmailStatus::Sent)?;
            undelivered::settle(tx, world, row)?;
            None
        }
        Some(email_id) if row.kind == OutboxKind::Mail => redraft(tx, world, row, email_id).map(Some)?,
        _ => emails::set_status_of(tx, row.email_id, EmailStatus::Failed).map(|()| None)?,
    };
    Ok(TakenBack { draft_id, have, may_have, closed: closed_by(tx, row)? })
}

/// The case that a letter closed when it was written, if it is as it was then.
fn closed_by(tx: &Tx<'_>, row: &OutboxRow) -> Result<Option<(i64, CaseStatus)>> {
    let status = row.status_to.filter(|status| row.status_from.is_some() && !status.is_open());
    let (Some(status), Some(case_id)) = (status, row.case_id) else { return Ok(None) };
    let case = cases::by_id(tx, case_id)?.filter(|case| case.status == status);
    Ok(case.map(|case| (case.number, status)))
}

/// Shows on the case that a letter will not be sent, without what only its writer may know: a Bcc, and to whom a private one
/// goes.
fn note_cancelled(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, row: &OutboxRow) -> Result<()> {
    let what = match row.kind {
        OutboxKind::Mail => "letter",
        OutboxKind::AutoReply => "automatic reply",
        OutboxKind::Notice => return Ok(()),
    };
    let Some(case_id) = row.case_id else { return Ok(()) };
    let email = row.email_id.map(|id| emails::by_id(tx, id, Sight::Everything)).transpose()?.flatten();
    let is_private = email.is_some_and(|email| email.private);
    let mut to = Vec::new();
    for (address, state, _) in outbox::recipients(tx, row.id)? {
        if !is_private && state != "sent" && !undelivered::is_bcc(tx, row, &address)? {
            to.push(address);
        }
    }
    let to = if to.is_empty() { String::new() } else { format!(" to {}", to.join(", ")) };
    let text = format!("{what} (outbox {}){to} was cancelled by {}", row.id, who(actor));
    let case = cases::by_id(tx, case_id)?.map(|case| cases::surviving(tx, case)).transpose()?;
    let Some(parent) = case.map(|case| Parent::case(case.id)) else { return Ok(()) };
    let note = NewNote { parent, kind: NoteKind::Remark, user_id: actor.user_id(), email_id: None, text: &text };
    stream::note(tx, note, world.now)?;
    Ok(())
}

/// Who has a message, and who may have it.
fn holders(tx: &Tx<'_>, row: &OutboxRow) -> Result<(Vec<String>, Vec<String>)> {
    let (mut have, mut may_have) = (Vec::new(), Vec::new());
    for (address, state, reply) in outbox::recipients(tx, row.id)? {
        match state.as_str() {
            "sent" => have.push(address),
            "cancelled" if row.state == OutboxState::Held || reply.starts_with(MAY_HAVE) => may_have.push(address),
            _ => {}
        }
    }
    Ok((have, may_have))
}

/// Bytes of a letter in which its texts are looked for.
const TEXTS: u64 = 1 << 20;

fn redraft(tx: &Tx<'_>, world: &World<'_>, row: &OutboxRow, email_id: i64) -> Result<i64> {
    let Some(email) = emails::by_id(tx, email_id, Sight::Everything)? else { return Ok(email_id) };
    // Our letters begin with their texts; the files are not read.
    let message = message::parse(&raw::beginning(tx, row.raw_id, TEXTS)?);
    let case_id = email.case_id();
    for team in case_id.map(|id| cases::team_ids(tx, id)).transpose()?.unwrap_or_default() {
        emails::remove_team(tx, email_id, team)?;
    }
    emails::clear_parent(tx, email_id)?;
    emails::set_status(tx, email_id, EmailStatus::Draft)?;
    stream::unsend(tx, email_id)?;
    let draft = Draft {
        email_id,
        account_id: row.account_id,
        parent: email.parent,
        // As it was written, if the HTML is what its text makes.
        markdown: message.html.is_some_and(|html| html.trim() == markdown::to_html(&message.text).trim()),
        status: None,
        seen_id: case_id.map(|id| stream::newest(tx, Parent::case(id))).transpose()?.flatten(),
        unread: String::new(),
    };
    drafts::put(tx, &draft)?;
    if let Some(case) = case_id.map(|id| cases::by_id(tx, id)).transpose()?.flatten() {
        waiting::set(tx, world, &case)?;
    }
    Ok(email_id)
}

/// Sets the clock of the case of a letter.
fn tell_time(tx: &Tx<'_>, world: &World<'_>, row: &OutboxRow) -> Result<()> {
    let id = row.case_id.filter(|_| row.kind == OutboxKind::Mail);
    let case = id.map(|id| cases::by_id(tx, id)).transpose()?.flatten();
    case.map_or(Ok(()), |case| waiting::set(tx, world, &cases::surviving(tx, case)?))
}
