//! The stored source of an email, and other texts of the same message.

use anyhow::Result;

use super::add::replace_parts;
use crate::mail::message::Message;
use crate::store::db::{Tx, params};
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
