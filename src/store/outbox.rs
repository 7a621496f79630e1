//! The outbox: what is to be handed to SMTP servers, and how far it got (B13.5).

mod auto_replies;
mod bounces;
mod counts;
mod list;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};

use super::cases::CaseStatus;
use super::db::{Row, Tx, exactly_one, params, seconds};
use super::label::labels;
pub use auto_replies::*;
pub use bounces::*;
pub use counts::*;
pub use list::*;

labels! {
    /// What is sent, which decides what an unknown outcome means.
    pub enum OutboxKind {
        /// Written by a user: sent again when in doubt.
        Mail = "mail",
        /// An automatic reply: held when in doubt.
        AutoReply = "auto-reply",
        /// A notice to one of our users.
        Notice = "notice",
    }
}

labels! {
    /// How far a row got.
    pub enum OutboxState {
        /// To be sent when its time comes.
        Waiting = "waiting",
        /// The body is on the wire and the final reply has not been seen.
        InDoubt = "in doubt",
        /// Taken by the server for at least one recipient.
        Sent = "sent",
        /// Refused for every recipient, or too old.
        Failed = "failed",
        /// In doubt after a crash and not repeated by itself.
        Held = "held",
        /// Taken back by a user.
        Cancelled = "cancelled",
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct OutboxRow {
    pub id: i64,
    pub kind: OutboxKind,
    /// Account whose SMTP server is used.
    pub account_id: i64,
    /// Archived email; `None` for notices.
    pub email_id: Option<i64>,
    /// Case where a failure is shown.
    pub case_id: Option<i64>,
    /// Who wrote it.
    pub user_id: Option<i64>,
    /// Without angle brackets.
    pub message_id: String,
    pub subject: String,
    /// MAIL FROM; empty = `<>`.
    pub envelope_from: String,
    /// Final bytes.
    pub raw_id: i64,
    pub state: OutboxState,
    /// How often it was put off, which says how long it waits.
    pub attempts: i64,
    /// Not before this.
    pub next_try_at: Timestamp,
    /// The server's words at the last attempt.
    pub last_error: String,
    /// When it was put here.
    pub created_at: Timestamp,
    /// The first passing failure in a row.
    pub failing_since: Option<Timestamp>,
    /// It was to be sent no earlier than this; `None` = at once.
    pub not_before: Option<Timestamp>,
    /// Status that it gives its case.
    pub status_to: Option<CaseStatus>,
    /// Status that its case had before; `None` = not changed yet.
    pub status_from: Option<CaseStatus>,
}

impl OutboxRow {
    /// Since when it is meant to be gone.
    pub fn due_since(&self) -> Timestamp {
        self.not_before.unwrap_or(self.created_at)
    }

    /// Whether it is tried by the next run, as far as it has a say (see [`DUE`]).
    pub fn is_due(&self, now: Timestamp) -> bool {
        let is_ahead = self.next_try_at > now + LONGEST && self.not_before.is_none_or(|at| at <= now);
        self.next_try_at <= now || is_ahead
    }

    /// How often it was tried, the last time included, which puts nothing off.
    pub fn tries(&self) -> i64 {
        match self.state {
            OutboxState::Sent | OutboxState::Failed | OutboxState::InDoubt => self.attempts + 1,
            // One that the account may not send waits, and is not put off.
            OutboxState::Waiting if !self.last_error.is_empty() => self.attempts.max(1),
            OutboxState::Waiting | OutboxState::Held | OutboxState::Cancelled => self.attempts,
        }
    }

    fn from_row(row: &Row<'_>) -> Result<OutboxRow> {
        Ok(OutboxRow {
            id: row.get("id")?,
            kind: row.label("kind")?,
            account_id: row.get("account_id")?,
            email_id: row.get("email_id")?,
            case_id: row.get("case_id")?,
            user_id: row.get("user_id")?,
            message_id: row.get("message_id")?,
            subject: row.get("subject")?,
            envelope_from: row.get("envelope_from")?,
            raw_id: row.get("raw_id")?,
            state: row.label("state")?,
            attempts: row.get("attempts")?,
            next_try_at: row.time("next_try_at")?,
            last_error: row.get("last_error")?,
            created_at: row.time("created_at")?,
            failing_since: row.opt_time("failing_since")?,
            not_before: row.opt_time("not_before")?,
            status_to: row.opt_label("status_to")?,
            status_from: row.opt_label("status_from")?,
        })
    }
}

const SELECT: &str =
    "SELECT id, kind, account_id, email_id, case_id, user_id, message_id, subject, envelope_from, raw_id, state,
    attempts, next_try_at, last_error, created_at, failing_since, not_before, status_to, status_from FROM outbox";

/// How the words about a recipient begin who may have the message, although it will be sent again.
pub const MAY_HAVE: &str = "may have it: ";

/// A message to be put into the outbox.
#[derive(Debug, Clone)]
pub struct NewRow<'a> {
    pub kind: OutboxKind,
    /// Account that sends it.
    pub account_id: i64,
    /// Archived email.
    pub email_id: Option<i64>,
    pub case_id: Option<i64>,
    /// Author.
    pub user_id: Option<i64>,
    /// Without angle brackets.
    pub message_id: &'a str,
    pub subject: &'a str,
    /// MAIL FROM; empty = `<>`.
    pub envelope_from: &'a str,
    /// RCPT TO.
    pub recipients: &'a [String],
    /// Final bytes, stored.
    pub raw_id: i64,
    /// Not to be sent before this.
    pub not_before: Option<Timestamp>,
}

/// Adds a waiting row; the id.
pub fn add(tx: &Tx<'_>, new: &NewRow<'_>, now: Timestamp) -> Result<i64> {
    let id = tx.insert(
        "INSERT INTO outbox (kind, account_id, email_id, case_id, user_id, message_id, subject, envelope_from, raw_id, state,
            next_try_at, created_at, not_before)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'waiting', coalesce(?11, ?10), ?10, ?11)",
        params![
            new.kind.as_str(),
            new.account_id,
            new.email_id,
            new.case_id,
            new.user_id,
            new.message_id,
            new.subject,
            new.envelope_from,
            new.raw_id,
            seconds(now),
            new.not_before.map(seconds),
        ],
    )?;
    for address in new.recipients {
        tx.execute(
            "INSERT INTO outbox_recipients (outbox_id, address) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![id, address],
        )?;
    }
    Ok(id)
}

/// What is due by the clock of now: a time further away than `LONGEST` was written by a clock that ran ahead, except for mail
/// that is to go out later.
const DUE: &str = "state = 'waiting' AND (next_try_at <= ?1 OR (next_try_at > ?2 AND coalesce(not_before, 0) <= ?1))";

/// The longest that anything is put off: the longest back-off.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(8);

/// Rows of one account whose time has come: those that have not been tried yet first, so that one that the server does
/// not take stands in nobody's way; then the oldest.
pub fn due(tx: &Tx<'_>, account_id: i64, now: Timestamp) -> Result<Vec<OutboxRow>> {
    tx.serialise("outbox claim");
    tx.all(
        &format!("{SELECT} WHERE {DUE} AND account_id = ?3 ORDER BY last_error <> '', id"),
        params![seconds(now), seconds(now + LONGEST), account_id],
        OutboxRow::from_row,
    )
}

/// Accounts with rows whose time has come, ascending.
pub fn accounts_due(tx: &Tx<'_>, now: Timestamp) -> Result<Vec<i64>> {
    tx.values(
        &format!("SELECT DISTINCT account_id FROM outbox WHERE {DUE} ORDER BY account_id"),
        params![seconds(now), seconds(now + LONGEST)],
    )
}

/// Rows of an account in doubt: left over by a run that died, as long as the caller has claimed its sending.
pub fn in_doubt(tx: &Tx<'_>, account_id: i64) -> Result<Vec<OutboxRow>> {
    let sql = format!("{SELECT} WHERE state = 'in doubt' AND account_id = ?1 ORDER BY id");
    tx.all(&sql, params![account_id], OutboxRow::from_row)
}

/// Accounts with rows in doubt, ascending.
pub fn accounts_in_doubt(tx: &Tx<'_>) -> Result<Vec<i64>> {
    tx.values("SELECT DISTINCT account_id FROM outbox WHERE state = 'in doubt' ORDER BY account_id", [])
}

/// Notices to our users, oldest first.
pub fn notices(tx: &Tx<'_>) -> Result<Vec<OutboxRow>> {
    tx.all(&format!("{SELECT} WHERE kind = 'notice' ORDER BY id"), [], OutboxRow::from_row)
}

pub fn by_id(tx: &Tx<'_>, id: i64) -> Result<Option<OutboxRow>> {
    tx.one(&format!("{SELECT} WHERE id = ?1"), params![id], OutboxRow::from_row)
}

/// Rows by which an email was sent, or is to be sent, oldest first.
pub fn of_email(tx: &Tx<'_>, email_id: i64) -> Result<Vec<OutboxRow>> {
    tx.all(&format!("{SELECT} WHERE email_id = ?1 ORDER BY id"), params![email_id], OutboxRow::from_row)
}

/// Recipients with state (`cancelled` where they wait no more) and the server's words.
pub fn recipients(tx: &Tx<'_>, id: i64) -> Result<Vec<(String, String, String)>> {
    tx.all(
        "SELECT r.address, CASE WHEN o.state = 'cancelled' AND r.state = 'waiting' THEN o.state
            ELSE r.state END AS state, r.reply
            FROM outbox o JOIN outbox_recipients r ON r.outbox_id = o.id WHERE o.id = ?1 ORDER BY r.address",
        params![id],
        |row| Ok((row.get("address")?, row.get("state")?, row.get("reply")?)),
    )
}

/// Addresses that have neither taken nor refused it so far.
pub fn open_recipients(tx: &Tx<'_>, id: i64) -> Result<Vec<String>> {
    tx.values(
        "SELECT address FROM outbox_recipients WHERE outbox_id = ?1 AND state = 'waiting' ORDER BY address",
        params![id],
    )
}

/// Moves a row from one state to another.
///
/// # Errors
/// Where the row is in another state than `from`.
pub fn change(tx: &Tx<'_>, id: i64, from: OutboxState, to: OutboxState, words: &str, now: Timestamp) -> Result<()> {
    let settled = (!matches!(to, OutboxState::Waiting | OutboxState::InDoubt)).then(|| seconds(now));
    exactly_one(tx.execute(
        "UPDATE outbox SET state = ?3, last_error = ?4, settled_at = ?5 WHERE id = ?1 AND state = ?2",
        params![id, from.as_str(), to.as_str(), words, settled],
    )?)
}

/// Puts a waiting row off after a passing failure, the first of which was at `failing_since`.
pub fn put_off(tx: &Tx<'_>, id: i64, words: &str, next_try_at: Timestamp, failing_since: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE outbox SET attempts = attempts + 1, last_error = ?2, next_try_at = ?3, failing_since = ?4
            WHERE id = ?1 AND state = 'waiting'",
        params![id, words, seconds(next_try_at), seconds(failing_since)],
    )?;
    Ok(())
}

/// Writes why a row waits that is due again at once.
pub fn explain(tx: &Tx<'_>, id: i64, words: &str) -> Result<()> {
    tx.execute("UPDATE outbox SET last_error = ?2 WHERE id = ?1 AND state = 'waiting'", params![id, words])?;
    Ok(())
}

/// Makes a row due at once; its failures so far are forgotten.
pub fn make_due(tx: &Tx<'_>, id: i64, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE outbox SET next_try_at = ?2, not_before = CASE WHEN not_before > ?2 THEN ?2 ELSE not_before END, attempts = 0, failing_since = NULL WHERE id = ?1",
        params![id, seconds(now)],
    )?;
    Ok(())
}

/// Writes what became of one recipient: `sent` or `failed`, with the server's words.
pub fn settle_recipient(tx: &Tx<'_>, id: i64, address: &str, sent: bool, reply: &str) -> Result<()> {
    tx.execute(
        "UPDATE outbox_recipients SET state = ?3, reply = ?4 WHERE outbox_id = ?1 AND address = ?2",
        params![id, address, if sent { "sent" } else { "failed" }, reply],
    )?;
    Ok(())
}

/// Writes why a recipient still waits, but not over a doubt.
pub fn explain_waiting(tx: &Tx<'_>, id: i64, address: &str, words: &str) -> Result<()> {
    tx.execute(
        "UPDATE outbox_recipients SET reply = ?3
            WHERE outbox_id = ?1 AND address = ?2 AND state = 'waiting' AND instr(reply, ?4) <> 1",
        params![id, address, words, MAY_HAVE],
    )?;
    Ok(())
}

/// Writes that the recipients who wait may have the message already.
pub fn doubt_waiting(tx: &Tx<'_>, id: i64, words: &str) -> Result<()> {
    tx.execute(
        "UPDATE outbox_recipients SET reply = ?2 WHERE outbox_id = ?1 AND state = 'waiting'",
        params![id, format!("{MAY_HAVE}{words}")],
    )?;
    Ok(())
}

/// Opens refused recipients again, for a retry by hand.
pub fn reopen_recipients(tx: &Tx<'_>, id: i64) -> Result<()> {
    tx.execute(
        "UPDATE outbox_recipients SET state = 'waiting', bounce_id = NULL WHERE outbox_id = ?1 AND state = 'failed'",
        params![id],
    )?;
    Ok(())
}

/// Ends the waiting recipients of a row that somebody knows to be sent; `words` says who.
pub fn settle_waiting(tx: &Tx<'_>, id: i64, words: &str) -> Result<()> {
    tx.execute(
        "UPDATE outbox_recipients SET state = 'sent', reply = ?2 WHERE outbox_id = ?1 AND state = 'waiting'",
        params![id, words],
    )?;
    Ok(())
}

/// Remembers which status a letter gives its case, and which it had before once it is changed.
pub fn set_case_status(tx: &Tx<'_>, id: i64, to: CaseStatus, from: Option<CaseStatus>) -> Result<()> {
    tx.execute(
        "UPDATE outbox SET status_to = ?2, status_from = ?3 WHERE id = ?1",
        params![id, to.as_str(), from.map(CaseStatus::as_str)],
    )?;
    Ok(())
}

/// Recipients who will not get an email that was sent from here, refused or cancelled, by the last time it was sent.
pub fn failed_recipients(tx: &Tx<'_>, email_id: i64) -> Result<Vec<String>> {
    tx.values(
        "SELECT r.address FROM outbox o JOIN outbox_recipients r ON r.outbox_id = o.id
            WHERE o.id = (SELECT max(id) FROM outbox WHERE email_id = ?1)
            AND (r.state = 'failed' OR (r.state = 'waiting' AND o.state = 'cancelled'))",
        params![email_id],
    )
}

/// Changes MAIL FROM, after a server refused the null sender.
pub fn set_envelope_from(tx: &Tx<'_>, id: i64, envelope_from: &str) -> Result<()> {
    tx.execute("UPDATE outbox SET envelope_from = ?2 WHERE id = ?1", params![id, envelope_from])?;
    Ok(())
}

/// The row by which an email is still to be sent.
pub fn on_its_way(tx: &Tx<'_>, email_id: i64) -> Result<Option<i64>> {
    tx.value(
        "SELECT id FROM outbox WHERE email_id = ?1 AND state IN ('waiting', 'in doubt', 'held')",
        params![email_id],
    )
}

/// A failure of this email is shown on another case from now on.
pub fn move_email(tx: &Tx<'_>, email_id: i64, case_id: i64) -> Result<()> {
    tx.execute("UPDATE outbox SET case_id = ?2 WHERE email_id = ?1", params![email_id, case_id])?;
    Ok(())
}

// The limits of automatic replies (B8.2) ----------------------------------------------------------------
