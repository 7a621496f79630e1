//! The outbox (B13.5): mail is composed, stored in one transaction, and sent without one.
//!
//! A row is `in doubt` only while its body is on the wire. A process that finds one there while holding the
//! send lock knows that its sender died: mail is sent again under the same Message-ID, an automatic
//! reply is held. Nothing here speaks SMTP; that is [`MailTransport`].

mod alias;
mod backoff;
mod copies;
mod settle;
mod turn;

use std::time::Instant;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};

use crate::claim::{self, Asked};
use crate::health;
use crate::mail::compose::{self, Outgoing};
use crate::mail::message::{self, Message};
use crate::moment;
use crate::net::{MailTransport, NetError, NetErrorKind, patience};
use crate::store::accounts::{self, Account, AccountKind, Health};
use crate::store::db::{self, Store, Superseded, Tx};
use crate::store::drafts;
use crate::store::emails::{self, EmailStatus, NewEmail};
use crate::store::outbox::{self, NewRow, OutboxKind, OutboxRow};
use crate::store::raw::{self, Packed};
use crate::store::records::{Parent, ParentType};
use crate::store::stream::{self, NewNote, NoteKind};
use crate::system_words;
pub use copies::{ConnectImap, keep_copies};
use settle::settle_doubt;

/// How a composed message is to be sent and kept.
#[derive(Debug, Clone)]
pub struct Post<'a> {
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

/// A message in its final bytes, ready to be stored: encoding, packing and reading it take the longer the larger its
/// attachments are, so a letter is composed before anybody holds the database.
#[derive(Debug, Clone)]
pub struct Composed {
    /// Everything but the attachments, which are in the bytes.
    outgoing: Outgoing,
    packed: Packed,
    message: Message,
}

impl Composed {
    /// Composes it.
    ///
    /// # Errors
    /// An address that cannot be written safely.
    pub fn new(mut outgoing: Outgoing) -> Result<Composed> {
        let bytes = compose::compose(&outgoing)?;
        outgoing.attachments = Vec::new();
        let mut message = message::parse(&bytes);
        message.bcc = outgoing.bcc.clone();
        Ok(Composed { outgoing, packed: Packed::new(bytes)?, message })
    }

    /// What it was made of, without the attachments.
    pub fn outgoing(&self) -> &Outgoing {
        &self.outgoing
    }

    /// As it is read, with its Bcc.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// Stores the bytes; their id.
    ///
    /// # Errors
    /// The database.
    pub fn store(&self, tx: &Tx<'_>) -> Result<i64> {
        raw::add(tx, &self.packed)
    }
}

/// Puts a message into the outbox; the row's id.
///
/// # Errors
/// The database.
pub fn enqueue(tx: &Tx<'_>, post: &Post<'_>, composed: &Composed, now: Timestamp) -> Result<i64> {
    let raw_id = composed.store(tx)?;
    let email_id = match &post.archive {
        Some(archive) => Some(keep(tx, post, archive, composed, raw_id, now)?),
        None => None,
    };
    let outgoing = &composed.outgoing;
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
    composed: &Composed,
    raw_id: i64,
    now: Timestamp,
) -> Result<i64> {
    let Composed { outgoing, message, .. } = composed;
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
            emails::rewrite(tx, id, &new, message)?;
            drafts::end(tx, id)?;
            id
        }
        None => emails::add(tx, &new, message, now)?,
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

/// B6.1: what goes out by a personal account is its owner's, except answers in a case; one that answers private mail
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

/// Connects to the SMTP server of an account, for a conversation that ends at the given moment.
pub type Connect<'a> = dyn FnMut(&Account, Option<Instant>) -> Result<Box<dyn MailTransport>> + 'a;

/// What one flush did.
#[derive(Debug, Default)]
pub struct Flushed {
    /// Messages a server took.
    pub sent: usize,
    /// Messages refused for good, for one recipient at least.
    pub failed: usize,
    /// Those of them that people wrote.
    pub failed_letters: usize,
    /// Messages that wait for another try.
    pub put_off: usize,
    /// What servers said of recipients who did not get their message in this run.
    pub troubles: Vec<Trouble>,
    /// Accounts that could not send, with the error.
    pub accounts: Vec<(String, anyhow::Error)>,
    /// Accounts that are left alone until then.
    pub resting: Vec<(String, Timestamp)>,
    /// Accounts that could not keep copies of what was sent, with the error (see [`keep_copies`]).
    pub copies: Vec<(String, anyhow::Error)>,
}

/// A recipient who did not get a message, for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    pub address: String,
    /// The server's words, or why it was given up.
    pub words: String,
}

/// Why a recipient did not get a message in this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Id of the outbox row.
    pub outbox_id: i64,
    /// The recipient, and the server's words.
    pub undelivered: Undelivered,
    pub fate: Fate,
}

/// What becomes of a message that a recipient did not get in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nobody tries it again.
    Failed,
    /// It is tried again.
    Waits,
    /// The connection broke after the text: the recipient may have it.
    Unknown,
}

/// What follows for the desk from a message that was sent or given up, for some recipients or all: called in the
/// transaction that writes it.
pub type Aftermath<'a> = dyn Fn(&Tx<'_>, &OutboxRow, &[Undelivered], Timestamp) -> Result<()> + 'a;

/// How servers are treated that refuse a login, ask for a pause or are slow.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manners<'a> {
    /// A refused login is repeated at every run until it is so old (B2.5).
    pub alert_min_age: SignedDuration,
    /// Accounts that somebody named: they are tried at once.
    pub named: &'a [String],
    /// Accounts that are left to other machines.
    pub left: &'a [i64],
    /// Sending ends then, and the accounts share the time until then; `None` = it takes as long as it takes.
    pub until: Option<Instant>,
}

/// A rest is never longer than this (B2.5, B2.15).
const LONGEST_REST: SignedDuration = SignedDuration::from_hours(1);

/// Until when an account sends nothing, because its server refused the login or asked for a pause.
pub fn rests(account: &Account, now: Timestamp) -> Option<Timestamp> {
    account.health.send_next_try_at.filter(|next| !moment::is_due(*next, LONGEST_REST, now))
}

/// Sends what is due, account by account, those that failed last time at the end. The caller holds the send lock.
///
/// # Errors
/// Only where the database fails; the trouble of one account ends that account's turn.
pub fn flush(
    store: &Store,
    connect: &mut Connect<'_>,
    aftermath: &Aftermath<'_>,
    manners: &Manners<'_>,
    clock: &dyn Fn() -> Timestamp,
) -> Result<Flushed> {
    let mut flushed = Flushed::default();
    for account_id in store.read(outbox::accounts_in_doubt)? {
        if manners.left.contains(&account_id) {
            continue;
        }
        // The machine that has claimed the account may be about to hear the server's answer.
        let Asked::Held(claim) = claim::sending(store, account_id)? else { continue };
        let _under = claim.under();
        unless_superseded(store.write(|tx| judge_leftovers(tx, account_id, clock())))?;
    }
    let mut due = store.read(|tx| accounts_due(tx, clock()))?;
    due.retain(|account| !manners.left.contains(&account.id));
    for (at, account) in due.iter().enumerate() {
        let name = account.name.clone();
        if let Some(until) =
            rests(account, clock()).filter(|_| !manners.named.iter().any(|named| named.eq_ignore_ascii_case(&name)))
        {
            flushed.resting.push((name, until));
            continue;
        }
        // Another machine sends for it now.
        let Asked::Held(claim) = claim::sending(store, account.id)? else { continue };
        // One part more is left for copies of what was sent.
        let until = share(manners.until, due.len() - at + 1);
        let turn = turn::run(store, &claim, account.clone(), connect, aftermath, until, clock, &mut flushed);
        let error = db::unless_fatal(turn)?.unwrap_or_else(Some);
        let _under = claim.under();
        unless_superseded(store.write(|tx| remember(tx, account.id, error.as_ref(), manners, clock())))?;
        if let Some(error) = error {
            flushed.accounts.push((name, error));
        }
    }
    Ok(flushed)
}

/// What was written; where another machine has taken over, it writes that.
fn unless_superseded(written: Result<()>) -> Result<()> {
    written.or_else(|error| if error.is::<Superseded>() { Ok(()) } else { Err(error) })
}

/// The accounts that have something to send and may: a disabled account neither polls nor sends, its mail waits.
fn accounts_due(tx: &Tx<'_>, now: Timestamp) -> Result<Vec<Account>> {
    let mut due = Vec::new();
    for id in outbox::accounts_due(tx, now)? {
        due.extend(accounts::by_id(tx, id)?.filter(|account| account.active && account.smtp.host.is_some()));
    }
    due.sort_by_key(|account| account.health.send_failing_since.is_some());
    Ok(due)
}

/// When the turn of an account ends that shares the time with others: `left` parties, itself among them.
fn share(until: Option<Instant>, left: usize) -> Option<Instant> {
    let now = Instant::now();
    let parties = u32::try_from(left.max(1)).unwrap_or(u32::MAX);
    until.map(|until| now + until.saturating_duration_since(now) / parties)
}

/// Whether that moment has come.
fn is_over(until: Option<Instant>) -> bool {
    until.is_some_and(|until| until <= Instant::now())
}

/// Rows of an account whose sender died while the body was on the wire.
fn judge_leftovers(tx: &Tx<'_>, account_id: i64, now: Timestamp) -> Result<()> {
    for row in outbox::in_doubt(tx, account_id)? {
        settle_doubt(tx, &row, "the program ended before the server's final reply", now)?;
    }
    Ok(())
}

/// Shows in `status` whether the account can send, and when it is tried again.
fn remember(
    tx: &Tx<'_>,
    account_id: i64,
    error: Option<&anyhow::Error>,
    manners: &Manners<'_>,
    now: Timestamp,
) -> Result<()> {
    let Some(account) = accounts::by_id(tx, account_id)? else { return Ok(()) };
    let health = match error {
        Some(error) => {
            let since = moment::past(account.health.send_failing_since.unwrap_or(now), now);
            let rest = rest(&account.health, error, now.duration_since(since), manners);
            Health {
                send_failing_since: Some(since),
                send_failure: system_words::chain(error),
                send_next_try_at: rest.map(|rest| now + rest),
                ..account.health
            }
        }
        None => {
            let send_failure = String::new();
            Health { send_failing_since: None, send_failure, send_next_try_at: None, ..account.health }
        }
    };
    accounts::set_health(tx, account_id, &health)
}

/// How long a server is left alone: a refused login as that of IMAP (B2.5), any other as long as it says, at most an hour.
fn rest(
    before: &Health,
    error: &anyhow::Error,
    failing_for: SignedDuration,
    manners: &Manners<'_>,
) -> Option<SignedDuration> {
    let error = error.downcast_ref::<NetError>()?;
    let loud = failing_for - manners.alert_min_age;
    match error.kind {
        NetErrorKind::LoginRefused if loud.is_negative() => None,
        NetErrorKind::LoginRefused => Some(health::wait(before.send_next_try_at.map(|_| loud))),
        NetErrorKind::Closed | NetErrorKind::Temporary => {
            patience::rest(&error.message).and_then(|rest| SignedDuration::try_from(rest).ok())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
