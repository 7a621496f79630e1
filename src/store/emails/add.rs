//! Emails as they come in, with their addresses, references and attachments.

use anyhow::Result;
use jiff::Timestamp;

use super::{EmailStatus, Field};
use crate::mail::address::Mailbox;
use crate::mail::message::{Attachment, Message};
use crate::store::db::{Tx, params, seconds};
use crate::store::raw;
use crate::store::search::index;

/// An email to be added, besides what its message says.
#[derive(Debug, Clone)]
pub struct NewEmail<'a> {
    /// 16 hex digits for signed ids without a case; `None` until one is signed.
    pub key: Option<&'a str>,
    /// Message-ID or the content's hash.
    pub message_id: &'a str,
    /// Stored source.
    pub raw_id: Option<i64>,
    pub status: EmailStatus,
    /// INTERNALDATE; sent mail: now.
    pub received_at: Timestamp,
    /// The rule by which it is machine mail.
    pub automatic: &'a str,
    /// Who wrote it.
    pub user_id: Option<i64>,
    /// The person who writes, where From is a shared address (B4.13).
    pub author: Option<&'a Mailbox>,
    /// What the trusted mail server says: `pass`, `none`, `fail`, or empty = nobody was asked (B4.12).
    pub verdict: &'a str,
    /// Only its beginning is stored.
    pub truncated: bool,
    /// Something to look at.
    pub flagged: &'a str,
}

/// Adds an email with its addresses, references and attachment list; the id.
pub fn add(tx: &Tx<'_>, new: &NewEmail<'_>, message: &Message, now: Timestamp) -> Result<i64> {
    let from = message.from.first().cloned().unwrap_or_default();
    let id = tx.insert(
        "INSERT INTO emails (key, message_id, raw_id, status, subject, from_name, from_address, date, received_at,
            has_html, automatic, user_id, truncated, flagged, created_at, verdict,
            author_name, author_address)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
        params![
            new.key,
            new.message_id,
            new.raw_id,
            new.status.as_str(),
            message.subject,
            from.name,
            from.address,
            message.date.map(seconds),
            seconds(new.received_at),
            message.html.is_some(),
            new.automatic,
            new.user_id,
            new.truncated,
            new.flagged,
            seconds(now),
            new.verdict,
            new.author.map(|author| &author.name),
            new.author.map(|author| &author.address),
        ],
    )?;
    tx.execute("INSERT INTO email_bodies (email_id, text) VALUES (?1, ?2)", params![id, message.text])?;
    add_parts(tx, id, message)?;
    Ok(id)
}

/// Writes a draft again, with everything that its message says; its old source goes, its key stays.
pub fn rewrite(tx: &Tx<'_>, id: i64, new: &NewEmail<'_>, message: &Message) -> Result<()> {
    let old: Option<i64> = tx.value("SELECT raw_id FROM emails WHERE id = ?1", params![id])?.flatten();
    index::rewrite(tx, id, || {
        let from = message.from.first().cloned().unwrap_or_default();
        tx.execute(
            "UPDATE emails SET message_id = ?2, raw_id = ?3, status = ?4, subject = ?5, from_name = ?6, from_address = ?7,
                date = ?8, received_at = ?9, has_html = ?10 WHERE id = ?1",
            params![
                id,
                new.message_id,
                new.raw_id,
                new.status.as_str(),
                message.subject,
                from.name,
                from.address,
                message.date.map(seconds),
                seconds(new.received_at),
                message.html.is_some(),
            ],
        )?;
        replace_parts(tx, id, message)
    })?;
    old.map_or(Ok(()), |raw_id| raw::delete_unused(tx, raw_id))
}

pub(super) fn replace_parts(tx: &Tx<'_>, id: i64, message: &Message) -> Result<()> {
    tx.execute("UPDATE email_bodies SET text = ?2 WHERE email_id = ?1", params![id, message.text])?;
    for sql in [
        "DELETE FROM email_addresses WHERE email_id = ?1",
        "DELETE FROM email_references WHERE email_id = ?1",
        "DELETE FROM email_attachments WHERE email_id = ?1",
    ] {
        tx.execute(sql, params![id])?;
    }
    add_parts(tx, id, message)
}

fn add_parts(tx: &Tx<'_>, id: i64, message: &Message) -> Result<()> {
    add_addresses(tx, id, message)?;
    add_references(tx, id, message)?;
    add_attachments(tx, id, &message.attachments)
}

fn add_addresses(tx: &Tx<'_>, id: i64, message: &Message) -> Result<()> {
    let fields = [
        (Field::From, &message.from),
        (Field::ReplyTo, &message.reply_to),
        (Field::To, &message.to),
        (Field::Cc, &message.cc),
        (Field::Bcc, &message.bcc),
    ];
    for (field, mailboxes) in fields {
        for (i, mailbox) in mailboxes.iter().enumerate() {
            tx.execute(
                "INSERT INTO email_addresses (email_id, field, position, address, name) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![id, field.as_str(), i64::try_from(i)?, mailbox.address, mailbox.name],
            )?;
        }
    }
    Ok(())
}

fn add_references(tx: &Tx<'_>, id: i64, message: &Message) -> Result<()> {
    for (i, reference) in message.references.iter().chain(&message.in_reply_to).enumerate() {
        tx.execute(
            "INSERT INTO email_references (email_id, position, message_id) VALUES (?1, ?2, ?3)",
            params![id, i64::try_from(i)?, reference],
        )?;
    }
    Ok(())
}

fn add_attachments(tx: &Tx<'_>, id: i64, attachments: &[Attachment]) -> Result<()> {
    for a in attachments {
        tx.execute(
            "INSERT INTO email_attachments (email_id, part, name, content_type, size, sha256, content_id, inline)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
            params![id, a.part, a.name, a.content_type, i64::try_from(a.size)?, a.sha256, a.content_id, a.inline],
        )?;
    }
    Ok(())
}
