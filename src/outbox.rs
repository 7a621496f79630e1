//! The outbox (B13.5): mail is composed and stored in one transaction, and sent without one.
//!
//! A row is `in doubt` only while its body is on the wire. Whoever finds one there while holding the
//! send lock knows that its sender died: mail is sent again under the same Message-ID, an automatic
//! reply is held. Nothing here speaks SMTP; that is [`MailTransport`].

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};

use crate::intake::world;
use crate::mail::compose::{self, Outgoing};
use crate::mail::message;
use crate::mail::message_id;
use crate::net::{Envelope, MailTransport, NetError, NetErrorKind, Reply, SendError, Sent};
use crate::store::accounts::{self, Account, Health};
use crate::store::db::{Store, Tx};
use crate::store::drafts;
use crate::store::emails::{self, EmailStatus, NewEmail};
use crate::store::notifications::{self, NewNotification, NotificationKind};
use crate::store::outbox::{self, NewRow, OutboxKind, OutboxRow, OutboxState};
use crate::store::raw::{self, Packed};
use crate::store::records::{Parent, ParentType};
use crate::store::stream::{self, NewNote, NoteKind};
use crate::store::users;

/// After so long a message that met only passing failures is given up.
const GIVE_UP: SignedDuration = SignedDuration::from_hours(48);

/// How a composed message is to be sent and kept.
#[derive(Debug, Clone)]
pub struct Post<'a> {
    /// Kind.
    pub kind: OutboxKind,
    /// Account that sends it.
    pub account_id: i64,
    /// Case where a failure is shown.
    pub case_id: Option<i64>,
    /// Author; for notices the one who is told.
    pub user_id: Option<i64>,
    /// MAIL FROM; empty = `<>`.
    pub envelope_from: &'a str,
    /// How it is kept as an email; notices are not.
    pub archive: Option<Archive<'a>>,
    /// Not to be sent before this; `None` = at once.
    pub not_before: Option<Timestamp>,
}

/// The email row of a sent message.
#[derive(Debug, Clone, Default)]
pub struct Archive<'a> {
    /// What it belongs to.
    pub parent: Option<Parent>,
    /// Why it is machine mail; empty = written by a person.
    pub automatic: &'a str,
    /// Its key, where its message id was signed with it; `None` = a new one.
    pub key: Option<String>,
    /// The draft that it was until now.
    pub draft_id: Option<i64>,
}

/// Composes a message and puts it into the outbox; the row's id.
///
/// # Errors
/// An address that cannot be written safely, or the database.
pub fn enqueue(tx: &Tx<'_>, post: &Post<'_>, outgoing: &Outgoing, now: Timestamp) -> Result<i64> {
    let bytes = compose::compose(outgoing)?;
    let raw_id = raw::add(tx, &Packed::new(bytes.clone())?)?;
    let email_id = match &post.archive {
        Some(archive) => Some(keep(tx, post, archive, outgoing, &bytes, raw_id, now)?),
        None => None,
    };
    let recipients: Vec<String> =
        outgoing.to.iter().chain(&outgoing.cc).chain(&outgoing.bcc).map(|m| m.address.clone()).collect();
    let row = NewRow {
        kind: post.kind,
        account_id: post.account_id,
        email_id,
        case_id: post.case_id,
        user_id: post.user_id,
        message_id: &outgoing.message_id,
        subject: &outgoing.subject,
        envelope_from: post.envelope_from,
        recipients: &recipients,
        raw_id,
        not_before: post.not_before,
    };
    outbox::add(tx, &row, now)
}

fn keep(
    tx: &Tx<'_>,
    post: &Post<'_>,
    archive: &Archive<'_>,
    outgoing: &Outgoing,
    bytes: &[u8],
    raw_id: i64,
    now: Timestamp,
) -> Result<i64> {
    let mut message = message::parse(bytes);
    message.bcc = outgoing.bcc.clone();
    let new = NewEmail {
        key: &archive.key.clone().map_or_else(|| world::random().map(message_id::new_key), Ok)?,
        message_id: &outgoing.message_id,
        raw_id: Some(raw_id),
        status: EmailStatus::Sending,
        received_at: post.not_before.unwrap_or(now),
        automatic: archive.automatic,
        user_id: post.user_id,
        dmarc: "",
        truncated: false,
        flagged: "",
    };
    let email_id = match archive.draft_id {
        Some(id) => {
            emails::rewrite(tx, id, &new, &message)?;
            drafts::end(tx, id)?;
            id
        }
        None => emails::add(tx, &new, &message, now)?,
    };
    if let Some(user_id) = post.user_id {
        emails::add_user(tx, email_id, user_id, true)?;
    }
    if let Some(parent) = archive.parent {
        emails::set_parent(tx, email_id, parent, true)?;
        if parent.kind == ParentType::Case {
            for team in crate::store::cases::team_ids(tx, parent.id)? {
                emails::add_team(tx, email_id, team)?;
            }
        }
        let text = if archive.automatic.is_empty() { "" } else { "automatic reply" };
        let note = NewNote { parent, kind: NoteKind::EmailSent, user_id: post.user_id, email_id: Some(email_id), text };
        stream::note(tx, note, now)?;
    }
    Ok(email_id)
}

/// Connects to the SMTP server of an account.
pub type Connect<'a> = dyn FnMut(&Account) -> Result<Box<dyn MailTransport>> + 'a;

/// What one flush did.
#[derive(Debug, Default)]
pub struct Flushed {
    /// Messages a server took.
    pub sent: usize,
    /// Messages refused for good.
    pub failed: usize,
    /// Messages that wait for another try.
    pub put_off: usize,
    /// Accounts that could not send, with the error.
    pub accounts: Vec<(String, anyhow::Error)>,
}

/// Sends what is due, one connection per account. The caller holds the send lock.
///
/// # Errors
/// Only where the database fails; the trouble of one account ends that account's turn.
pub fn flush(store: &Store, connect: &mut Connect<'_>, clock: &dyn Fn() -> Timestamp) -> Result<Flushed> {
    let mut flushed = Flushed::default();
    store.write(|tx| judge_leftovers(tx, clock()))?;
    for account_id in store.read(|tx| outbox::accounts_due(tx, clock()))? {
        let account = store.read(|tx| accounts::by_id(tx, account_id))?;
        // A disabled account neither polls nor sends: its mail waits.
        let Some(account) = account.filter(|account| account.active && account.smtp.host.is_some()) else { continue };
        let error = flush_account(store, &account, connect, clock, &mut flushed)?;
        store.write(|tx| remember(tx, account_id, error.as_ref(), clock()))?;
        if let Some(error) = error {
            flushed.accounts.push((account.name, error));
        }
    }
    Ok(flushed)
}

/// Rows whose sender died while the body was on the wire.
fn judge_leftovers(tx: &Tx<'_>, now: Timestamp) -> Result<()> {
    for row in outbox::in_doubt(tx)? {
        settle_doubt(tx, &row, "the program ended before the server's final reply", now)?;
    }
    Ok(())
}

/// Nobody knows whether it arrived: an automatic reply is held, anything else is sent again (B8.5, B13.5).
fn settle_doubt(tx: &Tx<'_>, row: &OutboxRow, words: &str, now: Timestamp) -> Result<()> {
    if row.kind == OutboxKind::AutoReply {
        return outbox::change(tx, row.id, OutboxState::InDoubt, OutboxState::Held, words, now);
    }
    outbox::change(tx, row.id, OutboxState::InDoubt, OutboxState::Waiting, words, now)
}

/// Sends the rows of one account; the error that ended its turn.
fn flush_account(
    store: &Store,
    account: &Account,
    connect: &mut Connect<'_>,
    clock: &dyn Fn() -> Timestamp,
    flushed: &mut Flushed,
) -> Result<Option<anyhow::Error>> {
    let rows = store.read(|tx| outbox::due(tx, account.id, clock()))?;
    let mut transport = match connect(account) {
        Ok(transport) => transport,
        Err(error) => {
            let words = format!("{error:#}");
            // A server that cannot be reached is asked again later; one that refuses for good is the account's error.
            if is_passing(&error) {
                store.write(|tx| rows.iter().try_for_each(|row| put_off(tx, row, &words, clock())))?;
            }
            flushed.put_off += rows.len();
            return Ok(Some(error));
        }
    };
    for row in &rows {
        match send_row(store, account, transport.as_mut(), row, clock, flushed)? {
            Ended::Fine => {}
            Ended::Connection(error) => return Ok(Some(error)),
        }
    }
    transport.quit();
    Ok(None)
}

fn is_passing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<NetError>().is_some_and(|e| {
        matches!(
            e.kind,
            NetErrorKind::Unreachable | NetErrorKind::Timeout | NetErrorKind::Closed | NetErrorKind::Temporary
        )
    })
}

/// How the sending of one row ended for the connection.
enum Ended {
    /// The next row may be sent.
    Fine,
    /// The connection is of no use any more.
    Connection(anyhow::Error),
}

fn send_row(
    store: &Store,
    account: &Account,
    transport: &mut dyn MailTransport,
    row: &OutboxRow,
    clock: &dyn Fn() -> Timestamp,
    flushed: &mut Flushed,
) -> Result<Ended> {
    let (mut envelope, body) = store.read(|tx| {
        let envelope = Envelope { from: row.envelope_from.clone(), to: outbox::open_recipients(tx, row.id)? };
        Ok((envelope, raw::bytes(tx, row.raw_id)?))
    })?;
    let mut unclaimed = None;
    let mut claim = || {
        let claimed =
            store.write(|tx| outbox::change(tx, row.id, OutboxState::Waiting, OutboxState::InDoubt, "", clock()));
        claimed.map_err(|error| {
            let words = format!("{error:#}");
            unclaimed = Some(error);
            words
        })
    };
    let mut result = transport.send(&envelope, &body, &mut claim);
    if let (Err(SendError::SenderRefused(_)), true) = (&result, envelope.from.is_empty()) {
        envelope.from = account.address.clone();
        store.write(|tx| outbox::set_envelope_from(tx, row.id, &envelope.from))?;
        result = transport.send(&envelope, &body, &mut claim);
    }
    let now = clock();
    match result {
        Ok(sent) => {
            let state = store.write(|tx| settle(tx, row, &envelope, &sent, now))?;
            match state {
                OutboxState::Sent => flushed.sent += 1,
                OutboxState::Failed => flushed.failed += 1,
                _ => flushed.put_off += 1,
            }
            Ok(Ended::Fine)
        }
        Err(SendError::SenderRefused(reply)) => {
            flushed.put_off += 1;
            let error = NetError::new(NetErrorKind::Refused, format!("sender refused: {} {}", reply.code, reply.text));
            Ok(Ended::Connection(error.into()))
        }
        Err(SendError::BeforeBody(error)) => {
            store.write(|tx| put_off(tx, row, &error.message, now))?;
            flushed.put_off += 1;
            Ok(Ended::Connection(error.into()))
        }
        Err(SendError::InDoubt(error)) => {
            store.write(|tx| {
                settle_doubt(tx, row, &error.message, now)?;
                put_off(tx, row, &error.message, now)
            })?;
            flushed.put_off += 1;
            Ok(Ended::Connection(error.into()))
        }
        Err(SendError::Caller(words)) => {
            Err(unclaimed.unwrap_or_else(|| anyhow::anyhow!(words)).context("cannot claim the outbox row"))
        }
    }
}

/// Writes what the server said about each recipient and the message; the row's new state.
fn settle(tx: &Tx<'_>, row: &OutboxRow, envelope: &Envelope, sent: &Sent, now: Timestamp) -> Result<OutboxState> {
    let from = if sent.reply.is_some() { OutboxState::InDoubt } else { OutboxState::Waiting };
    for (address, reply) in sent.refused.iter().filter(|(_, reply)| reply.code >= 500) {
        fail_recipient(tx, row, address, reply, now)?;
    }
    let accepted = envelope.to.iter().filter(|a| !sent.refused.iter().any(|(refused, _)| refused == *a));
    match &sent.reply {
        Some(reply) if reply.code < 300 => {
            for address in accepted {
                outbox::settle_recipient(tx, row.id, address, true, &words(reply))?;
            }
        }
        Some(reply) if reply.code >= 500 => {
            for address in accepted {
                fail_recipient(tx, row, address, reply, now)?;
            }
        }
        _ => {}
    }
    let last = sent.reply.as_ref().or(sent.refused.first().map(|(_, reply)| reply)).map(words).unwrap_or_default();
    conclude(tx, row, from, &last, now)
}

/// The state a row gets by its recipients: waiting while one is open, else sent if one took it.
fn conclude(tx: &Tx<'_>, row: &OutboxRow, from: OutboxState, last: &str, now: Timestamp) -> Result<OutboxState> {
    let recipients = outbox::recipients(tx, row.id)?;
    let any = |state: &str| recipients.iter().any(|(_, s, _)| s == state);
    let to = if any("waiting") {
        OutboxState::Waiting
    } else if any("sent") {
        OutboxState::Sent
    } else {
        OutboxState::Failed
    };
    outbox::change(tx, row.id, from, to, last, now)?;
    match to {
        OutboxState::Waiting => put_off(tx, row, last, now)?,
        OutboxState::Sent => set_email(tx, row, EmailStatus::Sent)?,
        _ => set_email(tx, row, EmailStatus::Failed)?,
    }
    Ok(to)
}

fn set_email(tx: &Tx<'_>, row: &OutboxRow, status: EmailStatus) -> Result<()> {
    row.email_id.map_or(Ok(()), |id| emails::set_status(tx, id, status))
}

/// A recipient refused for good.
fn fail_recipient(tx: &Tx<'_>, row: &OutboxRow, address: &str, reply: &Reply, now: Timestamp) -> Result<()> {
    let words = words(reply);
    outbox::settle_recipient(tx, row.id, address, false, &words)?;
    report_failure(tx, row, &format!("not delivered to {address}: {words}"), now)
}

/// Shows a failure on the case and tells whoever wrote the mail. A notice to one of our own is no part of the case:
/// it stays in the outbox as failed.
fn report_failure(tx: &Tx<'_>, row: &OutboxRow, text: &str, now: Timestamp) -> Result<()> {
    if row.kind == OutboxKind::Notice {
        log::warn!("notice {}: {text}", row.id);
        return Ok(());
    }
    let parent = row.case_id.map(Parent::case);
    if let Some(parent) = parent {
        let note = NewNote { parent, kind: NoteKind::Failed, user_id: None, email_id: row.email_id, text };
        stream::note(tx, note, now)?;
    }
    if let (Some(user_id), OutboxKind::Mail) = (row.user_id, row.kind)
        && users::by_id(tx, user_id)?.is_some_and(|u| u.active)
    {
        let new = NewNotification { user_id, kind: NotificationKind::Failed, parent, email_id: row.email_id, text };
        notifications::add(tx, new, false, now)?;
    }
    Ok(())
}

fn words(reply: &Reply) -> String {
    format!("{} {}", reply.code, reply.text)
}

/// Puts a row off by its number of attempts; after two days it has failed.
fn put_off(tx: &Tx<'_>, row: &OutboxRow, words: &str, now: Timestamp) -> Result<()> {
    let current = outbox::by_id(tx, row.id)?.context("the outbox row vanished")?;
    if current.state != OutboxState::Waiting {
        return Ok(());
    }
    if now.duration_since(row.due_since()) >= GIVE_UP {
        let text = format!("given up after two days: {words}");
        outbox::change(tx, row.id, OutboxState::Waiting, OutboxState::Failed, &text, now)?;
        set_email(tx, row, EmailStatus::Failed)?;
        return report_failure(tx, row, &text, now);
    }
    outbox::put_off(tx, row.id, words, now + backoff(current.attempts))
}

/// 1, 5, 15, 30 minutes, then hours that double up to 8.
fn backoff(attempts: i64) -> SignedDuration {
    let minutes = match attempts {
        0 => 1,
        1 => 5,
        2 => 15,
        3 => 30,
        n => 60 << (n - 4).clamp(0, 3),
    };
    SignedDuration::from_mins(minutes)
}

/// Shows in `status` whether the account can send.
fn remember(tx: &Tx<'_>, account_id: i64, error: Option<&anyhow::Error>, now: Timestamp) -> Result<()> {
    let Some(account) = accounts::by_id(tx, account_id)? else { return Ok(()) };
    let health = match error {
        Some(error) => Health {
            send_failing_since: account.health.send_failing_since.or(Some(now)),
            send_failure: format!("{error:#}"),
            ..account.health
        },
        None => Health { send_failing_since: None, send_failure: String::new(), ..account.health },
    };
    accounts::set_health(tx, account_id, &health)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_become_rarer_and_never_stop_before_two_days() {
        let minutes: Vec<i64> = (0..9).map(|n| backoff(n).as_mins()).collect();
        assert_eq!(minutes, [1, 5, 15, 30, 60, 120, 240, 480, 480]);
    }
}
