//! What an answer of the server, or its absence, makes of a message and its recipients (B13.5).

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};

use super::backoff::backoff;
use super::{Undelivered, alias, copies};
use crate::mail::bounce;
use crate::mail::refusal::{self, Refusal};
use crate::moment;
use crate::net::{Envelope, Reply, Sent, patience};
use crate::store::accounts::{Account, AccountKind};
use crate::store::db::Tx;
use crate::store::emails::{self, EmailStatus};
use crate::store::invalid_addresses;
use crate::store::outbox::{self, OutboxKind, OutboxRow, OutboxState};

/// After so long with passing failures only, a message is given up.
const GIVE_UP: SignedDuration = SignedDuration::from_hours(48);

/// Nobody knows whether it arrived: an automatic reply is held, anything else is sent again (B8.5, B13.5).
pub(super) fn settle_doubt(tx: &Tx<'_>, row: &OutboxRow, words: &str, now: Timestamp) -> Result<()> {
    if row.kind == OutboxKind::AutoReply {
        return outbox::change(tx, row.id, OutboxState::InDoubt, OutboxState::Held, words, now);
    }
    outbox::doubt_waiting(tx, row.id, words)?;
    outbox::change(tx, row.id, OutboxState::InDoubt, OutboxState::Waiting, words, now)
}

/// What became of a transaction that the server took to its end.
pub(super) struct Settled {
    /// The row's new state.
    pub(super) state: OutboxState,
    /// The server took the message, for at least one recipient.
    pub(super) taken: bool,
    /// Its words, where it refused the account: no recipient is to blame, and the row waits.
    pub(super) refused: Option<String>,
    /// Who did not get it, for good.
    pub(super) failed: Vec<Undelivered>,
}

/// Writes what the server said about each recipient and the message; `claimed`: the body was begun.
pub(super) fn settle(
    tx: &Tx<'_>,
    account: &Account,
    row: &OutboxRow,
    envelope: &Envelope,
    sent: &Sent,
    claimed: bool,
    now: Timestamp,
) -> Result<Settled> {
    let from = if claimed { OutboxState::InDoubt } else { OutboxState::Waiting };
    let (mut refused, mut failed) = (None, Vec::new());
    for (address, reply) in &sent.refused {
        match whom(reply, envelope) {
            None => outbox::explain_waiting(tx, row.id, address, &reply.words())?,
            Some(Refusal::Account) => {
                outbox::explain_waiting(tx, row.id, address, &reply.words())?;
                refused.get_or_insert_with(|| reply.words());
            }
            Some(_) => {
                failed.push(fail_recipient(tx, row, address, &reply.words())?);
                if bounce::is_no_such_address(reply.status.as_deref().unwrap_or_default(), &reply.text) {
                    // The server of one user knows no address for everybody.
                    let only = (account.kind == AccountKind::Personal).then_some(account.id);
                    invalid_addresses::add(tx, address, only, &reply.words(), now)?;
                }
            }
        }
    }
    let accepted = envelope.to.iter().filter(|a| !sent.refused.iter().any(|(refused, _)| refused == *a));
    let taken = sent.reply.as_ref().filter(|reply| reply.code < 300);
    match (&sent.reply, sent.reply.as_ref().and_then(|reply| whom(reply, envelope))) {
        (None, _) => {}
        (Some(reply), _) if reply.code < 300 => {
            for address in accepted {
                outbox::settle_recipient(tx, row.id, address, true, &reply.words())?;
            }
            remember_alias(tx, account, row, reply)?;
        }
        (Some(reply), None | Some(Refusal::Account)) => {
            for address in accepted {
                outbox::explain_waiting(tx, row.id, address, &reply.words())?;
            }
            if reply.code >= 500 {
                refused.get_or_insert_with(|| reply.words());
            }
        }
        (Some(reply), Some(_)) => {
            for address in accepted {
                failed.push(fail_recipient(tx, row, address, &reply.words())?);
            }
        }
    }
    let last = sent.reply.as_ref().filter(|reply| reply.code >= 300);
    let last = last.or(sent.refused.last().map(|(_, reply)| reply)).map(Reply::words).unwrap_or_default();
    let state = conclude(tx, row, from, refused.as_ref().unwrap_or(&last), now)?;
    match state {
        OutboxState::Waiting if refused.is_none() => failed.extend(put_off(tx, account, row, &last, now)?),
        OutboxState::Sent => copies::plan(tx, account, row, now)?,
        _ => {}
    }
    Ok(Settled { state, taken: taken.is_some(), refused, failed })
}

/// Whom a refusal for good concerns; `None` = it is not for good. With the null sender what is not said is taken for
/// one of the sender: it is tried once more with an address.
fn whom(reply: &Reply, envelope: &Envelope) -> Option<Refusal> {
    let read = || refusal::read(reply.code, reply.status.as_deref().unwrap_or_default(), &reply.text);
    let whom = (reply.code >= 500).then(read);
    whom.map(|whom| if whom == Refusal::Unsaid && envelope.from.is_empty() { Refusal::Account } else { whom })
}

/// B13.6: a server that writes an id of its own over ours names it in its answer.
fn remember_alias(tx: &Tx<'_>, account: &Account, row: &OutboxRow, reply: &Reply) -> Result<()> {
    let host = account.smtp.host.as_deref().unwrap_or_default();
    match (row.email_id, alias::of(&reply.text, host)) {
        (Some(email_id), Some(id)) if id != row.message_id => emails::add_alias(tx, email_id, &id),
        _ => Ok(()),
    }
}

/// Gives a row the state that its recipients have: waiting while one is open, else sent if one took it.
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
        OutboxState::Sent => emails::set_status_of(tx, row.email_id, EmailStatus::Sent)?,
        OutboxState::Failed => emails::set_status_of(tx, row.email_id, EmailStatus::Failed)?,
        _ => {}
    }
    Ok(to)
}

/// A recipient refused for good.
fn fail_recipient(tx: &Tx<'_>, row: &OutboxRow, address: &str, words: &str) -> Result<Undelivered> {
    outbox::settle_recipient(tx, row.id, address, false, words)?;
    Ok(Undelivered { address: address.to_owned(), words: words.to_owned() })
}

/// Puts a row off by its number of attempts, or for as long as the server says. After two days of that it has failed for
/// those who have not got it, who are given.
pub(super) fn put_off(
    tx: &Tx<'_>,
    account: &Account,
    row: &OutboxRow,
    words: &str,
    now: Timestamp,
) -> Result<Vec<Undelivered>> {
    let current = outbox::by_id(tx, row.id)?.context("the outbox row vanished")?;
    if current.state != OutboxState::Waiting {
        return Ok(Vec::new());
    }
    let last_try = (current.attempts > 0).then(|| current.next_try_at - backoff(current.attempts - 1));
    let since = moment::failing_since(current.failing_since, last_try, now);
    if now.duration_since(since) >= GIVE_UP {
        let text = format!("given up after two days: {words}");
        let open = outbox::open_recipients(tx, row.id)?;
        let failed: Result<_> = open.iter().map(|address| fail_recipient(tx, row, address, &text)).collect();
        if conclude(tx, row, OutboxState::Waiting, &text, now)? == OutboxState::Sent {
            copies::plan(tx, account, row, now)?;
        }
        return failed;
    }
    let rest = patience::rest(words).and_then(|rest| SignedDuration::try_from(rest).ok()).unwrap_or_default();
    outbox::put_off(tx, row.id, words, now + backoff(current.attempts).max(rest), since)?;
    Ok(Vec::new())
}
