//! Emails: one row for one message, however many accounts delivered it (B1.5).

mod add;
mod change;
mod list;
mod source;
mod state;

use anyhow::Result;
use jiff::Timestamp;

use super::db::{Row, Tx, params, seconds};
use super::label::labels;
use super::records::{Parent, ParentType};
use super::sight::Sight;
pub use add::*;
pub use change::*;
pub use list::*;
pub use source::*;
pub use state::*;

use crate::mail::address::{self, Mailbox};
use crate::mail::message::Attachment;

labels! {
    /// Where an email stands.
    pub enum EmailStatus {
        /// Being written.
        Draft = "Draft",
        /// In the outbox.
        Sending = "Sending",
        /// Handed to an SMTP server.
        Sent = "Sent",
        /// Received.
        Archived = "Archived",
        /// No recipient took it.
        Failed = "Failed",
    }
}

labels! {
    /// Which header an address stood in.
    pub enum Field {
        From = "from",
        ReplyTo = "reply-to",
        To = "to",
        Cc = "cc",
        /// Bcc; shown to its sender and admins only.
        Bcc = "bcc",
    }
}

/// What people are shown in the place of a subject that is empty.
pub const NO_SUBJECT: &str = "(no subject)";

/// What lists and queries call a letter that waits for the time that its writer chose.
pub const SCHEDULED: &str = "Scheduled";

/// An email without its source and its text (see [`text`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Email {
    pub id: i64,
    /// Message-ID, or `sha256:…` of the content where there is none.
    pub message_id: String,
    /// Stored source.
    pub raw_id: Option<i64>,
    pub status: EmailStatus,
    pub subject: String,
    /// Display name of From.
    pub from_name: String,
    pub from_address: String,
    /// The person who writes, where From is a shared address (B4.13).
    pub behind: Option<Mailbox>,
    /// Date header.
    pub date: Option<Timestamp>,
    /// INTERNALDATE; sent mail: when it was composed.
    pub received_at: Timestamp,
    /// What it belongs to.
    pub parent: Option<Parent>,
    /// Attached by somebody who takes part (B4.10).
    pub verified: bool,
    /// The rule by which it is machine mail; empty = written by a person.
    pub automatic: String,
    /// The verified user who wrote it.
    pub user_id: Option<i64>,
    /// Whose email-to-case flow ran for it (B5.2).
    pub flow_account_id: Option<i64>,
    /// Only its beginning is stored.
    pub truncated: bool,
    /// Something to look at, e.g. the same Message-ID on another message.
    pub flagged: String,
    /// Personal accounts alone delivered it, and nobody shared it (B6.1).
    pub private: bool,
    /// Unverified, and nobody has accepted, refused or answered it (B4.10).
    pub undecided: bool,
    /// What the trusted mail server says of the author: `pass`, `none`, `fail`, or empty (B4.12).
    pub verdict: String,
    /// Why it is held in the outbox, where a person has to decide; `None` = it is not.
    pub held: Option<String>,
}

impl Email {
    fn from_row(row: &Row<'_>) -> Result<Email> {
        let parent_id: Option<i64> = row.get("parent_id")?;
        Ok(Email {
            id: row.get("id")?,
            message_id: row.get("message_id")?,
            raw_id: row.get("raw_id")?,
            status: row.label("status")?,
            subject: row.get("subject")?,
            from_name: row.get("from_name")?,
            from_address: row.get("from_address")?,
            behind: author_of(row)?,
            date: row.opt_time("date")?,
            received_at: row.time("received_at")?,
            parent: parent_id
                .map(|id| Ok::<_, anyhow::Error>(Parent { kind: row.label("parent_type")?, id }))
                .transpose()?,
            verified: row.get("verified")?,
            automatic: row.get("automatic")?,
            user_id: row.get("user_id")?,
            flow_account_id: row.get("flow_account_id")?,
            truncated: row.get("truncated")?,
            flagged: row.get("flagged")?,
            private: row.get("private")?,
            undecided: row.get("undecided")?,
            verdict: row.get("verdict")?,
            held: row.get("held")?,
        })
    }

    /// Sent by us, or to be sent, and not received.
    pub fn is_ours(&self) -> bool {
        self.status != EmailStatus::Archived
    }

    /// Its status as people are told it: a letter that waits for its time is scheduled, one that waits for a person is held.
    pub fn shown_status(&self, now: Timestamp) -> &'static str {
        match self.status {
            EmailStatus::Sending if self.held.is_some() => "Held",
            EmailStatus::Sending if self.received_at > now => SCHEDULED,
            status => status.as_str(),
        }
    }

    /// The person who writes: the one behind a shared From, else the one in From (B4.13).
    pub fn author(&self) -> Mailbox {
        let from = || Mailbox { name: self.from_name.clone(), address: self.from_address.clone() };
        self.behind.clone().unwrap_or_else(from)
    }

    /// The shared From by which the person writes.
    pub fn by_way_of(&self) -> Option<&str> {
        let behind = self.behind.as_ref()?;
        (behind.address != self.from_address).then_some(self.from_address.as_str())
    }

    /// What a view calls the person who writes, with the shared From that does not prove them (B4.13).
    pub fn with_way(&self, name: &str) -> String {
        self.by_way_of().map_or_else(|| name.to_owned(), |via| format!("{name} (by way of {})", address::shown(via)))
    }

    /// The case it belongs to, by id.
    pub fn case_id(&self) -> Option<i64> {
        self.parent.filter(|p| p.kind == ParentType::Case).map(|p| p.id)
    }
}

const COLUMNS: &str =
    "e.id, e.message_id, e.raw_id, e.status, e.subject, e.from_name, e.from_address, e.date, e.received_at,
    e.parent_type, e.parent_id, e.verified, e.automatic, e.user_id, e.flow_account_id, e.truncated, e.flagged, e.private,
    e.author_name, e.author_address, e.undecided, e.verdict,
    CASE WHEN e.status = 'Sending'
        THEN (SELECT o.last_error FROM outbox o WHERE o.email_id = e.id AND o.state = 'held' LIMIT 1) END AS held";

fn author_of(row: &Row<'_>) -> Result<Option<Mailbox>> {
    let address: Option<String> = row.get("author_address")?;
    let name: Option<String> = row.get("author_name")?;
    Ok(address.map(|address| Mailbox { name: name.unwrap_or_default(), address }))
}

/// By id, as far as it may be seen.
pub fn by_id(tx: &Tx<'_>, id: i64, sight: Sight) -> Result<Option<Email>> {
    tx.one(
        &format!("SELECT {COLUMNS} FROM emails e WHERE e.id = ?2 AND {}", sight.email()),
        params![sight.parameter(), id],
        Email::from_row,
    )
}

/// The case an email belongs to, by id.
pub fn case_of(tx: &Tx<'_>, id: i64) -> Result<Option<i64>> {
    tx.value("SELECT parent_id FROM emails WHERE id = ?1 AND parent_type = 'case'", params![id])
}

/// By the key in a signed message id.
pub fn by_key(tx: &Tx<'_>, key: &str) -> Result<Option<Email>> {
    tx.one(&format!("SELECT {COLUMNS} FROM emails e WHERE e.key = ?1"), params![key], Email::from_row)
}

/// The key of an email; `None` where no id was signed with one yet.
pub fn key(tx: &Tx<'_>, id: i64) -> Result<Option<String>> {
    Ok(tx.value("SELECT key FROM emails WHERE id = ?1", params![id])?.flatten())
}

/// Gives an email its key.
pub fn set_key(tx: &Tx<'_>, id: i64, key: &str) -> Result<()> {
    tx.execute("UPDATE emails SET key = ?2 WHERE id = ?1", params![id, key])?;
    Ok(())
}

/// The readable text of an email.
pub fn text(tx: &Tx<'_>, id: i64) -> Result<String> {
    Ok(tx.value("SELECT text FROM email_bodies WHERE email_id = ?1", params![id])?.unwrap_or_default())
}

/// Emails with this Message-ID, one of its aliases included, oldest first, at most 20.
pub fn by_message_id(tx: &Tx<'_>, message_id: &str) -> Result<Vec<Email>> {
    // Most ids are asked for in vain, and that is found out at a fifth of the cost.
    let sql =
        "SELECT 1 FROM emails WHERE message_id = ?1 UNION ALL SELECT 1 FROM message_id_aliases WHERE message_id = ?1
        LIMIT 1";
    match tx.value::<i64>(sql, params![message_id])? {
        Some(_) => known_by_message_id(tx, message_id),
        None => Ok(Vec::new()),
    }
}

pub(super) fn known_by_message_id(tx: &Tx<'_>, message_id: &str) -> Result<Vec<Email>> {
    tx.all(
        &format!(
            "SELECT {COLUMNS} FROM emails e WHERE e.id IN (
                    SELECT id FROM (SELECT id FROM emails WHERE message_id = ?1 ORDER BY id LIMIT 20) AS those
                    UNION SELECT email_id FROM message_id_aliases WHERE message_id = ?1)
                ORDER BY e.id LIMIT 20"
        ),
        params![message_id],
        Email::from_row,
    )
}

/// Emails that name this id in References or In-Reply-To, oldest first, at most 20.
pub fn referring_to(tx: &Tx<'_>, message_id: &str) -> Result<Vec<Email>> {
    // Here, too.
    match tx.value::<i64>("SELECT 1 FROM email_references WHERE message_id = ?1 LIMIT 1", params![message_id])? {
        Some(_) => known_referring_to(tx, message_id),
        None => Ok(Vec::new()),
    }
}

pub(super) fn known_referring_to(tx: &Tx<'_>, message_id: &str) -> Result<Vec<Email>> {
    tx.all(
        &format!(
            "SELECT {COLUMNS} FROM emails e WHERE e.id IN (SELECT DISTINCT r.email_id FROM email_references r
                WHERE r.message_id = ?1 ORDER BY r.email_id LIMIT 20) ORDER BY e.id"
        ),
        params![message_id],
        Email::from_row,
    )
}

/// Whether no email of a case arrived before this one.
pub fn is_first_of_case(tx: &Tx<'_>, case_id: i64, email: &Email) -> Result<bool> {
    let sql = "SELECT 1 FROM emails WHERE parent_type = 'case' AND parent_id = ?1
        AND (received_at < ?2 OR received_at = ?2 AND id < ?3) LIMIT 1";
    Ok(tx.value::<i64>(sql, params![case_id, seconds(email.received_at), email.id])?.is_none())
}

/// The emails of a case in the order of their arrival: a sender can write any Date.
pub fn of_case(tx: &Tx<'_>, case_id: i64) -> Result<Vec<Email>> {
    tx.all(
        &format!(
            "SELECT {COLUMNS} FROM emails e WHERE e.parent_type = 'case' AND e.parent_id = ?1
                ORDER BY e.received_at, e.id"
        ),
        params![case_id],
        Email::from_row,
    )
}

/// The email of a case that arrived last.
pub fn newest_of_case(tx: &Tx<'_>, case_id: i64) -> Result<Option<Email>> {
    tx.one(
        &format!(
            "SELECT {COLUMNS} FROM emails e WHERE e.parent_type = 'case' AND e.parent_id = ?1
                ORDER BY e.received_at DESC, e.id DESC LIMIT 1"
        ),
        params![case_id],
        Email::from_row,
    )
}

/// Whether the reader of a case sees an email in it.
pub fn is_shown_in_case(tx: &Tx<'_>, id: i64, sight: Sight) -> Result<bool> {
    let sql = format!("SELECT 1 FROM emails e WHERE e.id = ?2 AND {}", sight.email_of(ParentType::Case));
    Ok(tx.value::<i64>(&sql, params![sight.parameter(), id])?.is_some())
}

/// The emails of a case that the reader may see, in the same order: all but what is private to others.
pub fn of_case_for(tx: &Tx<'_>, case_id: i64, sight: Sight) -> Result<Vec<Email>> {
    tx.all(
        &format!(
            "SELECT {COLUMNS} FROM emails e WHERE e.parent_type = 'case' AND e.parent_id = ?2 AND {}
                ORDER BY e.received_at, e.id",
            sight.email_of(ParentType::Case)
        ),
        params![sight.parameter(), case_id],
        Email::from_row,
    )
}

/// Addresses of one field in their order.
pub fn addresses(tx: &Tx<'_>, email_id: i64, field: Field) -> Result<Vec<Mailbox>> {
    // All fields are asked for at once: who asks for one wants the next one as well, and a server knows that answer then.
    let all = tx.all(
        "SELECT field, name, address FROM email_addresses WHERE email_id = ?1 ORDER BY field, position",
        params![email_id],
        |row| {
            let is_wanted = row.get::<String>("field")? == field.as_str();
            let mailbox = || anyhow::Ok(Mailbox { name: row.get("name")?, address: row.get("address")? });
            is_wanted.then(mailbox).transpose()
        },
    )?;
    Ok(all.into_iter().flatten().collect())
}

/// Mail that an address wrote since a moment, the newest first.
pub fn from_since(tx: &Tx<'_>, address: &str, since: Timestamp, limit: i64, sight: Sight) -> Result<Vec<Email>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM email_addresses a JOIN emails e ON e.id = a.email_id
            WHERE a.address = ?2 AND a.field = 'from' AND e.received_at >= ?3 AND {}
            ORDER BY e.received_at DESC, e.id DESC LIMIT ?4",
        sight.email()
    );
    tx.all(&sql, params![sight.parameter(), address, seconds(since), limit], Email::from_row)
}

/// The Message-ID of an email and its aliases.
pub fn names(tx: &Tx<'_>, email_id: i64) -> Result<Vec<String>> {
    tx.values(
        "SELECT message_id FROM emails WHERE id = ?1 UNION SELECT message_id FROM message_id_aliases WHERE email_id = ?1",
        params![email_id],
    )
}

/// Ids of References and In-Reply-To, oldest first.
pub fn references(tx: &Tx<'_>, email_id: i64) -> Result<Vec<String>> {
    tx.values("SELECT message_id FROM email_references WHERE email_id = ?1 ORDER BY position", params![email_id])
}

/// The attachment list. What was pruned has no bytes any more.
pub fn attachments(tx: &Tx<'_>, email_id: i64) -> Result<Vec<Attachment>> {
    tx.all(
        "SELECT f.part, f.name, f.content_type, CASE WHEN e.raw_id IS NULL THEN 0 ELSE f.size END AS size, f.sha256,
                f.content_id, f.inline
            FROM email_attachments f JOIN emails e ON e.id = f.email_id WHERE f.email_id = ?1 ORDER BY f.part",
        params![email_id],
        |row| {
            Ok(Attachment {
                part: row.get("part")?,
                name: row.get("name")?,
                content_type: row.get("content_type")?,
                size: row.get::<i64>("size")?.try_into()?,
                sha256: row.get("sha256")?,
                content_id: row.get("content_id")?,
                inline: row.get("inline")?,
                contents: Vec::new(),
            })
        },
    )
}

/// Records a decision with its reason (`email explain`).
pub fn decide(tx: &Tx<'_>, email_id: i64, step: &str, decision: &str, now: Timestamp) -> Result<()> {
    tx.execute(
        "INSERT INTO email_decisions (email_id, step, decision, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![email_id, step, decision, seconds(now)],
    )?;
    Ok(())
}

/// Decisions in the order they were taken: step, decision, moment.
pub fn decisions(tx: &Tx<'_>, email_id: i64) -> Result<Vec<(String, String, Timestamp)>> {
    decided(tx, email_id, i64::MAX)
}

/// The first of them, at most 50: a mail may be delivered any number of times.
pub fn first_decisions(tx: &Tx<'_>, email_id: i64) -> Result<Vec<(String, String, Timestamp)>> {
    decided(tx, email_id, 50)
}

fn decided(tx: &Tx<'_>, email_id: i64, limit: i64) -> Result<Vec<(String, String, Timestamp)>> {
    tx.all(
        "SELECT step, decision, created_at FROM email_decisions WHERE email_id = ?1 ORDER BY id LIMIT ?2",
        params![email_id, limit],
        |row| Ok((row.get("step")?, row.get("decision")?, row.time("created_at")?)),
    )
}
