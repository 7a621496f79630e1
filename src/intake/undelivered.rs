//! Our mail that did not arrive (B9.2, B13.5): the case shows the failure, the customer waits again, and the user who has to
//! act is told.

use anyhow::Result;
use jiff::Timestamp;

use super::notice::{self, Notice};
use super::waiting;
use super::world::World;
use crate::access;
use crate::config::Config;
use crate::outbox::Undelivered;
use crate::store::cases::{self, Case, CaseStatus, WaitingFor};
use crate::store::db::Tx;
use crate::store::emails::{self, Email, EmailStatus, Field};
use crate::store::notifications::{self, ByEmail, NewNotification, NotificationKind};
use crate::store::outbox::{self, OutboxKind, OutboxRow, OutboxState};
use crate::store::records::{self, Parent};
use crate::store::sight::Sight;
use crate::store::stream::{self, NewNote, NoteKind};
use crate::store::users::{self, User};

/// What `outbox::flush` calls for each message that was sent or given up.
pub fn aftermath(config: &Config) -> impl Fn(&Tx<'_>, &OutboxRow, &[Undelivered], Timestamp) -> Result<()> {
    |tx, row, failed, now| {
        let changes_status = row.status_to.is_some() && row.status_from.is_none();
        if failed.is_empty() && row.not_before.is_none() && !changes_status {
            return Ok(());
        }
        let world = World::load(tx, config, now)?;
        let failures = tell_failed(tx, &world, row, failed, None)?;
        show(tx, &world, &failures)?;
        settle(tx, &world, row)
    }
}

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

/// A failure that its case is still to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    parent: Parent,
    email_id: Option<i64>,
    text: String,
}

/// Shows failures on their cases.
///
/// # Errors
/// The database.
pub fn show(tx: &Tx<'_>, world: &World<'_>, failures: &[Failure]) -> Result<()> {
    for Failure { parent, email_id, text } in failures {
        let note = NewNote { parent: *parent, kind: NoteKind::Failed, user_id: None, email_id: *email_id, text };
        stream::note(tx, note, world.now)?;
    }
    Ok(())
}

/// Marks a recipient from whom a sent message came back; `None` where nobody has this address, or the message came back
/// from it before. The message has failed where no recipient is left. The caller shows the failure after the report.
pub fn come_back(tx: &Tx<'_>, world: &World<'_>, row: &OutboxRow, back: &Return<'_>) -> Result<Option<Vec<Failure>>> {
    let recipients = outbox::recipients(tx, row.id)?;
    let known = recipients.iter().find(|(address, _, _)| address.to_lowercase() == back.address);
    let Some((address, _, _)) = known else { return Ok(None) };
    if !outbox::come_back(tx, row.id, address, back.words, back.report, back.proven)? {
        return Ok(None);
    }
    let all_failed = outbox::recipients(tx, row.id)?.iter().all(|(_, state, _)| state == "failed");
    if all_failed && matches!(row.state, OutboxState::Sent | OutboxState::Held) {
        outbox::change(tx, row.id, row.state, OutboxState::Failed, back.words, world.now)?;
        row.email_id.map_or(Ok(()), |id| emails::set_status(tx, id, EmailStatus::Failed))?;
    }
    let failed = Undelivered { address: address.clone(), words: told(back) };
    let failures = tell_failed(tx, world, row, &[failed], Some(back.report))?;
    if back.proven {
        settle(tx, world, row)?;
    }
    Ok(Some(failures))
}

/// What is told of a report that anybody may have written.
fn told(back: &Return<'_>) -> String {
    let doubt = if back.proven { "" } else { " (a report that is not proven)" };
    format!("{}{doubt}", back.words)
}

/// Tells the user who has to act that recipients did not get a message, because a server refused it or by a `report` that
/// came later (the id of its email); what the case is still to show.
fn tell_failed(
    tx: &Tx<'_>,
    world: &World<'_>,
    row: &OutboxRow,
    failed: &[Undelivered],
    report: Option<i64>,
) -> Result<Vec<Failure>> {
    if row.kind == OutboxKind::Notice {
        // A notice to one of our own does not belong to the case: it stays in the outbox as failed.
        failed.iter().for_each(|one| log::warn!("notice {}: not delivered to {}: {}", row.id, one.address, one.words));
        return Ok(Vec::new());
    }
    let (mut failures, mut for_all, mut for_author) = (Vec::new(), Vec::new(), Vec::new());
    for one in failed {
        let text = format!("not delivered to {}: {}", one.address, one.words);
        if is_bcc(tx, row, &one.address)? {
            for_author.push(text);
            continue;
        }
        failures.extend(row.case_id.map(|id| Failure {
            parent: Parent::case(id),
            email_id: row.email_id,
            text: format!("{text} ({})", named(row, report)),
        }));
        for_all.push(text);
    }
    let private = is_private(tx, row)?;
    let Some(user) = concerned(tx, row, private || for_all.is_empty())? else { return Ok(failures) };
    let of_author = if Some(user.id) == row.user_id { for_author } else { Vec::new() };
    let texts: Vec<String> = for_all.into_iter().chain(of_author).collect();
    if !texts.is_empty() {
        tell(tx, world, row, &user, &texts, report)?;
    }
    Ok(failures)
}

/// A letter and the report on it by their ids.
fn named(row: &OutboxRow, report: Option<i64>) -> String {
    let email = row.email_id.map(|id| format!("email {id}, ")).unwrap_or_default();
    let report = report.map(|id| format!("; reported by email {id}")).unwrap_or_default();
    format!("{email}outbox {}{report}", row.id)
}

/// One notification for each mail, which names all whom it did not reach, and an e-mail about it where the user wants one.
fn tell(
    tx: &Tx<'_>,
    world: &World<'_>,
    row: &OutboxRow,
    user: &User,
    texts: &[String],
    report: Option<i64>,
) -> Result<()> {
    let setting = notifications::setting(tx, user.id, NotificationKind::Failed)?;
    if !setting.listed {
        return Ok(());
    }
    let parent = row.case_id.map(Parent::case);
    let label = match parent {
        Some(parent) => records::label(tx, parent)?,
        None => row.subject.clone(),
    };
    let (kind, email_id) = (NotificationKind::Failed, report.or(row.email_id));
    let of = |text| NewNotification { user_id: user.id, kind, parent, email_id, text };
    let whole = format!("{label}: {}", texts.join("; "));
    let is_digest = setting.by_email == ByEmail::Digest;
    if notifications::add(tx, of(&whole), is_digest, world.now)?.is_none() {
        texts.iter().try_for_each(|text| notifications::add_to(tx, of(text)))?;
    }
    let may_read = parent.map_or(Ok(true), |parent| records::exists(tx, parent, access::sight_of(user)))?;
    if setting.by_email != ByEmail::Immediately || !may_read {
        return Ok(());
    }
    let subject = format!("{label}: your mail was not delivered");
    let text =
        format!("{}\n\nThe message, and how to send it again: espomail outbox show {}", texts.join("\n"), row.id);
    let notice = Notice { parent, email: None, subject, text, account_id: Some(row.account_id) };
    notice::send(tx, world, user, &notice)
}

/// What becomes of the clock and the status of a case once it is known whom a letter reached.
pub fn settle(tx: &Tx<'_>, world: &World<'_>, row: &OutboxRow) -> Result<()> {
    let (OutboxKind::Mail, Some(case_id), Some(email_id)) = (row.kind, row.case_id, row.email_id) else {
        return Ok(());
    };
    let case = cases::by_id(tx, case_id)?.map(|case| cases::surviving(tx, case)).transpose()?;
    let email = emails::by_id(tx, email_id, Sight::Everything)?;
    let (Some(case), Some(email)) = (case, email) else { return Ok(()) };
    match waiting::reaches_customer(tx, world, &case, &email)? {
        None => scheduled(tx, world, row, &case),
        Some(true) => {
            scheduled(tx, world, row, &case)?;
            waiting::set(tx, world, &case)
        }
        Some(false) => failed(tx, world, row, &case, &email),
    }
}

/// A letter that was to be sent later changes the status of its case only now.
fn scheduled(tx: &Tx<'_>, world: &World<'_>, row: &OutboxRow, case: &Case) -> Result<()> {
    let Some(to) = row.status_to.filter(|_| row.status_from.is_none()) else { return Ok(()) };
    // Nobody got it.
    if !outbox::recipients(tx, row.id)?.iter().any(|(_, state, _)| state == "sent") {
        return Ok(());
    }
    outbox::set_case_status(tx, row.id, to, Some(case.status))?;
    if to == case.status || (case.merged_into_id.is_some() && to.is_open()) {
        return Ok(());
    }
    change_status(tx, world, case, to, &format!("{} -> {to}: the letter was sent", case.status))
}

/// The customer waits as if the letter had not been written; the case has the status that the letter took from it, unless
/// somebody gave it another since.
fn failed(tx: &Tx<'_>, world: &World<'_>, row: &OutboxRow, case: &Case, email: &Email) -> Result<()> {
    waiting::set(tx, world, case)?;
    let now = cases::by_id(tx, case.id)?.map(|case| case.waiting_for);
    if now == Some(WaitingFor::Customer) {
        // Another letter answered them.
        return Ok(());
    }
    cases::answer_failed(tx, case.id, email.received_at, world.now)?;
    let is_kept = row.status_to == Some(case.status) && case.merged_into_id.is_none();
    let back = row.status_from.filter(|from| is_kept && *from != case.status);
    back.map_or(Ok(()), |to| {
        change_status(tx, world, case, to, &format!("{} -> {to}: the answer was not delivered", case.status))
    })
}

fn change_status(tx: &Tx<'_>, world: &World<'_>, case: &Case, to: CaseStatus, text: &str) -> Result<()> {
    cases::set_status(tx, case.id, to, world.now)?;
    let parent = Parent::case(case.id);
    let note = NewNote { parent, kind: NoteKind::Status, user_id: None, email_id: None, text };
    stream::note(tx, note, world.now)?;
    Ok(())
}

/// Whether a recipient stands in the Bcc, of which only the sender knows.
///
/// # Errors
/// The database.
pub fn is_bcc(tx: &Tx<'_>, row: &OutboxRow, address: &str) -> Result<bool> {
    let Some(email_id) = row.email_id else { return Ok(false) };
    Ok(emails::addresses(tx, email_id, Field::Bcc)?.iter().any(|mailbox| mailbox.address == address))
}

fn is_private(tx: &Tx<'_>, row: &OutboxRow) -> Result<bool> {
    let email = row.email_id.map(|id| emails::by_id(tx, id, Sight::Everything)).transpose()?.flatten();
    Ok(email.is_some_and(|email| email.private))
}

/// The user who wrote it, else the assignee of the case.
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
