//! The outbox (B13.5): mail is composed and stored in one transaction, and sent without one.
//!
//! A row is `in doubt` only while its body is on the wire. Whoever finds one there while holding the
//! send lock knows that its sender died: mail is sent again under the same Message-ID, an automatic
//! reply is held. Nothing here speaks SMTP; that is [`MailTransport`].

mod alias;
mod copies;
mod failure;
mod settle;

use anyhow::Result;
use jiff::Timestamp;

use crate::mail::compose::{self, Outgoing};
use crate::mail::message;
use crate::net::{Envelope, MailTransport, NetError, NetErrorKind, SendError};
use crate::store::accounts::{self, Account, AccountKind, Health};
use crate::store::db::{Store, Tx};
use crate::store::drafts;
use crate::store::emails::{self, EmailStatus, NewEmail};
use crate::store::outbox::{self, NewRow, OutboxKind, OutboxRow, OutboxState};
use crate::store::raw::{self, Packed};
use crate::store::records::{Parent, ParentType};
use crate::store::stream::{self, NewNote, NoteKind};
pub use copies::{ConnectImap, keep_copies};
pub use failure::{Return, come_back};
use settle::{put_off, settle, settle_doubt};

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
    /// Its key, where its message id was signed with it.
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
        key: archive.key.as_deref(),
        message_id: &outgoing.message_id,
        raw_id: Some(raw_id),
        status: EmailStatus::Sending,
        received_at: post.not_before.unwrap_or(now),
        automatic: archive.automatic,
        user_id: post.user_id,
        author: None,
        verdict: "",
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
    emails::set_private(tx, email_id, is_private(tx, post, archive, outgoing)?)?;
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

/// B6.1: what goes out by a personal account is its owner's, but for answers in a case; one that answers private mail
/// may quote it.
fn is_private(tx: &Tx<'_>, post: &Post<'_>, archive: &Archive<'_>, outgoing: &Outgoing) -> Result<bool> {
    let account = accounts::by_id(tx, post.account_id)?;
    if account.is_none_or(|account| account.kind == AccountKind::Group) {
        return Ok(false);
    }
    if archive.parent.is_none_or(|parent| parent.kind != ParentType::Case) {
        return Ok(true);
    }
    let answered = outgoing.in_reply_to.as_deref().map(|id| emails::by_message_id(tx, id)).transpose()?;
    Ok(answered.unwrap_or_default().iter().any(|email| email.private))
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
    /// Accounts that could not keep copies of what was sent, with the error (see [`keep_copies`]).
    pub copies: Vec<(String, anyhow::Error)>,
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
                store.write(|tx| rows.iter().try_for_each(|row| put_off(tx, account, row, &words, clock())))?;
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
            let state = store.write(|tx| settle(tx, account, row, &envelope, &sent, now))?;
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
            store.write(|tx| put_off(tx, account, row, &error.message, now))?;
            flushed.put_off += 1;
            Ok(Ended::Connection(error.into()))
        }
        Err(SendError::InDoubt(error)) => {
            store.write(|tx| {
                settle_doubt(tx, row, &error.message, now)?;
                put_off(tx, account, row, &error.message, now)
            })?;
            flushed.put_off += 1;
            Ok(Ended::Connection(error.into()))
        }
        Err(SendError::Caller(words)) => {
            Err(unclaimed.unwrap_or_else(|| anyhow::anyhow!(words)).context("cannot claim the outbox row"))
        }
    }
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
mod tests;
