//! What an answer of the server, or its absence, makes of a message and its recipients (B13.5).

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};

use super::{alias, copies, failure};
use crate::mail::bounce;
use crate::net::{Envelope, Reply, Sent};
use crate::store::accounts::Account;
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

/// Writes what the server said about each recipient and the message; the row's new state.
pub(super) fn settle(
    tx: &Tx<'_>,
    account: &Account,
    row: &OutboxRow,
    envelope: &Envelope,
    sent: &Sent,
    now: Timestamp,
) -> Result<OutboxState> {
    let from = if sent.reply.is_some() { OutboxState::InDoubt } else { OutboxState::Waiting };
    for (address, reply) in sent.refused.iter().filter(|(_, reply)| reply.code >= 500) {
        fail_recipient(tx, row, address, &words(reply), now)?;
        if bounce::is_no_such_address(reply.status.as_deref().unwrap_or_default(), &reply.text) {
            invalid_addresses::add(tx, address, &words(reply), now)?;
        }
    }
    for (address, reply) in sent.refused.iter().filter(|(_, reply)| reply.code < 500) {
        outbox::explain_waiting(tx, row.id, address, &words(reply))?;
    }
    let accepted = envelope.to.iter().filter(|a| !sent.refused.iter().any(|(refused, _)| refused == *a));
    match &sent.reply {
        Some(reply) if reply.code < 300 => {
            for address in accepted {
                outbox::settle_recipient(tx, row.id, address, true, &words(reply))?;
            }
            remember_alias(tx, account, row, reply)?;
        }
        Some(reply) if reply.code >= 500 => {
            for address in accepted {
                fail_recipient(tx, row, address, &words(reply), now)?;
            }
        }
        Some(reply) => {
            for address in accepted {
                outbox::explain_waiting(tx, row.id, address, &words(reply))?;
            }
        }
        None => {}
    }
    let last = sent.reply.as_ref().filter(|reply| reply.code >= 300);
    let last = last.or(sent.refused.last().map(|(_, reply)| reply));
    conclude(tx, account, row, from, &last.map(words).unwrap_or_default(), now)
}

/// B13.6: a server that writes an id of its own over ours names it in its answer.
fn remember_alias(tx: &Tx<'_>, account: &Account, row: &OutboxRow, reply: &Reply) -> Result<()> {
    let host = account.smtp.host.as_deref().unwrap_or_default();
    match (row.email_id, alias::of(&reply.text, host)) {
        (Some(email_id), Some(id)) if id != row.message_id => emails::add_alias(tx, email_id, &id),
        _ => Ok(()),
    }
}

/// The state a row gets by its recipients: waiting while one is open, else sent if one took it.
fn conclude(
    tx: &Tx<'_>,
    account: &Account,
    row: &OutboxRow,
    from: OutboxState,
    last: &str,
    now: Timestamp,
) -> Result<OutboxState> {
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
        OutboxState::Waiting => put_off(tx, account, row, last, now)?,
        OutboxState::Sent => {
            set_email(tx, row, EmailStatus::Sent)?;
            copies::plan(tx, account, row, now)?;
        }
        _ => set_email(tx, row, EmailStatus::Failed)?,
    }
    Ok(to)
}

fn set_email(tx: &Tx<'_>, row: &OutboxRow, status: EmailStatus) -> Result<()> {
    row.email_id.map_or(Ok(()), |id| emails::set_status(tx, id, status))
}

/// A recipient refused for good.
fn fail_recipient(tx: &Tx<'_>, row: &OutboxRow, address: &str, words: &str, now: Timestamp) -> Result<()> {
    outbox::settle_recipient(tx, row.id, address, false, words)?;
    failure::undelivered(tx, row, address, words, None, now)
}

fn words(reply: &Reply) -> String {
    format!("{} {}", reply.code, reply.text)
}

/// Puts a row off by its number of attempts. After two days of that it has failed for those who have not got it.
pub(super) fn put_off(tx: &Tx<'_>, account: &Account, row: &OutboxRow, words: &str, now: Timestamp) -> Result<()> {
    let current = outbox::by_id(tx, row.id)?.context("the outbox row vanished")?;
    if current.state != OutboxState::Waiting {
        return Ok(());
    }
    if current.failing_since.is_some_and(|since| now.duration_since(since) >= GIVE_UP) {
        let text = format!("given up after two days: {words}");
        for address in outbox::open_recipients(tx, row.id)? {
            fail_recipient(tx, row, &address, &text, now)?;
        }
        return conclude(tx, account, row, OutboxState::Waiting, &text, now).map(drop);
    }
    outbox::put_off(tx, row.id, words, now + backoff(current.attempts), now)
}

/// 1, 5, 15, 30 minutes, then hours that double up to 8.
pub(super) fn backoff(attempts: i64) -> SignedDuration {
    let minutes = match attempts {
        0 => 1,
        1 => 5,
        2 => 15,
        3 => 30,
        n => 60 << (n - 4).clamp(0, 3),
    };
    SignedDuration::from_mins(minutes)
}
