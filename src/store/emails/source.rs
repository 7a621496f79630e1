//! The stored source of an email, and other texts of the same message.

use anyhow::Result;

use super::add::replace_parts;
use super::{Email, Field, addresses, attachments, text};
use crate::mail::address::Mailbox;
use crate::mail::message::{self, Attachment, Message};
use crate::store::db::{Tx, params};
use crate::store::raw;
use crate::store::search::index;

/// Another text of an email that an account delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Stored source.
    pub raw_id: i64,
    /// Id and name of the account.
    pub account: (i64, String),
    /// Bytes.
    pub size: i64,
}

/// Keeps another text of the same message, which is found by it from now on; how many there are of it.
pub fn add_variant(tx: &Tx<'_>, email_id: i64, delivery_id: i64, raw_id: i64, text: &str) -> Result<i64> {
    index::rewrite(tx, email_id, || {
        tx.execute(
            "INSERT INTO email_variants (email_id, delivery_id, raw_id, text) VALUES (?1, ?2, ?3, ?4)",
            params![email_id, delivery_id, raw_id, text],
        )?;
        Ok(())
    })?;
    let count = tx.value("SELECT count(*) FROM email_variants WHERE email_id = ?1", params![email_id])?;
    Ok(count.unwrap_or_default())
}

/// Ends that a delivery is another text: it is the message itself now.
pub fn remove_variant(tx: &Tx<'_>, delivery_id: i64) -> Result<()> {
    let sql = "SELECT email_id FROM email_variants WHERE delivery_id = ?1";
    for email_id in tx.values::<i64>(sql, params![delivery_id])? {
        index::rewrite(tx, email_id, || {
            tx.execute("DELETE FROM email_variants WHERE delivery_id = ?1", params![delivery_id]).map(|_| ())
        })?;
    }
    Ok(())
}

/// The other texts of an email in the order of their arrival.
pub fn variants(tx: &Tx<'_>, email_id: i64) -> Result<Vec<Variant>> {
    tx.all(
        "SELECT v.raw_id, a.id AS account_id, a.name, r.size FROM email_variants v JOIN raw_messages r ON r.id = v.raw_id
            JOIN deliveries d ON d.id = v.delivery_id JOIN accounts a ON a.id = d.account_id
            WHERE v.email_id = ?1 ORDER BY v.id",
        params![email_id],
        |row| {
            let account = (row.get("account_id")?, row.get("name")?);
            Ok(Variant { raw_id: row.get("raw_id")?, account, size: row.get("size")? })
        },
    )
}

/// The attachments of an email whose bytes these are, with those that were pruned.
pub fn attachments_with_pruned(tx: &Tx<'_>, email: &Email, bytes: &[u8]) -> Result<Vec<Attachment>> {
    Ok(message::with_pruned(message::parse(bytes).attachments, attachments(tx, email.id)?))
}

/// Puts the whole message in place of its beginning: text, addresses, references, attachments, the full-text index. The
/// caller drops the bytes it had.
pub fn replace_source(tx: &Tx<'_>, email_id: i64, raw_id: i64, message_id: &str, message: &Message) -> Result<()> {
    index::rewrite(tx, email_id, || {
        tx.execute(
            "UPDATE emails SET raw_id = ?2, message_id = ?3, subject = ?4, has_html = ?5, truncated = FALSE WHERE id = ?1",
            params![email_id, raw_id, message_id, message.subject, message.html.is_some()],
        )?;
        replace_parts(tx, email_id, message)
    })
}

/// The source of an email; where it was pruned, a message of what is left: its fields and its text.
///
/// # Errors
/// Its bytes are damaged.
pub fn bytes(tx: &Tx<'_>, email: &Email) -> Result<Vec<u8>> {
    match email.raw_id {
        Some(raw_id) => raw::bytes(tx, raw_id),
        None => remains(tx, email),
    }
}

fn remains(tx: &Tx<'_>, email: &Email) -> Result<Vec<u8>> {
    // Nothing of the archive begins a field of its own.
    let line = |text: &str| text.replace(|c: char| c.is_control(), " ");
    let mut head = String::new();
    for (field, name) in
        [(Field::From, "From"), (Field::ReplyTo, "Reply-To"), (Field::To, "To"), (Field::Cc, "Cc"), (Field::Bcc, "Bcc")]
    {
        let one = |mailbox: &Mailbox| match mailbox.name.as_str() {
            "" => line(&mailbox.address),
            name => format!("\"{}\" <{}>", line(name).replace(['"', '\\'], "'"), line(&mailbox.address)),
        };
        let all: Vec<String> = addresses(tx, email.id, field)?.iter().map(one).collect();
        if !all.is_empty() {
            head.push_str(&format!("{name}: {}\r\n", all.join(",\r\n ")));
        }
    }
    if let Some(date) = email.date {
        head.push_str(&format!("Date: {}\r\n", date.strftime("%a, %d %b %Y %H:%M:%S +0000")));
    }
    if !email.message_id.starts_with("sha256:") {
        head.push_str(&format!("Message-ID: <{}>\r\n", line(&email.message_id)));
    }
    let subject = line(&email.subject);
    let text = text(tx, email.id)?.replace("\r\n", "\n").replace('\n', "\r\n");
    Ok(format!(
        "{head}Subject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\n{text}"
    )
    .into_bytes())
}
