//! Mail that came back (B9): which message a report is about, and what it says of a recipient.

use anyhow::Result;

use super::{MAY_HAVE, OutboxRow, SELECT, Tx, params};

/// A recipient of a message with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    pub address: String,
    /// `waiting`, `sent`, `failed` or `cancelled`.
    pub state: String,
    /// The words of the server that took or refused it, or why it waits.
    pub reply: String,
    /// The report by which it came back.
    pub bounce_id: Option<i64>,
}

impl Recipient {
    /// Whether they may have a message that was taken back: nobody knows.
    pub fn may_have(&self) -> bool {
        self.state == "cancelled" && self.reply.starts_with(MAY_HAVE)
    }
}

/// Whether the last try to send an email was taken back.
pub fn was_cancelled(tx: &Tx<'_>, email_id: i64) -> Result<bool> {
    let sql =
        "SELECT 1 FROM outbox WHERE id = (SELECT max(id) FROM outbox WHERE email_id = ?1) AND state = 'cancelled'";
    Ok(tx.value::<i64>(sql, params![email_id])?.is_some())
}

/// The message with this Message-ID or one of its aliases; the newest, should there be several.
pub fn by_message_id(tx: &Tx<'_>, message_id: &str) -> Result<Option<OutboxRow>> {
    tx.one(
        &format!(
            "{SELECT} WHERE id = (SELECT max(named.id) FROM (SELECT o.id FROM outbox o WHERE o.message_id = ?1
                UNION ALL SELECT o.id FROM message_id_aliases a JOIN outbox o ON o.email_id = a.email_id
                    WHERE a.message_id = ?1) AS named)"
        ),
        params![message_id],
        OutboxRow::from_row,
    )
}

/// The user to whom the notice with this Message-ID went; `None` if there is no such notice.
pub fn notice_went_to(tx: &Tx<'_>, message_id: &str) -> Result<Option<i64>> {
    let sql = "SELECT user_id FROM outbox WHERE message_id = ?1 AND kind = 'notice'";
    Ok(tx.value::<Option<i64>>(sql, params![message_id])?.flatten())
}

/// Recipients of an email that was sent from here, by address, as it was sent last; none of one that was received.
pub fn recipients_of_email(tx: &Tx<'_>, email_id: i64) -> Result<Vec<Recipient>> {
    tx.all(
        "SELECT r.address, CASE WHEN o.state = 'cancelled' AND r.state = 'waiting' THEN o.state
            ELSE r.state END AS state, r.reply,
            r.bounce_id FROM outbox o JOIN outbox_recipients r ON r.outbox_id = o.id
            WHERE o.id = (SELECT max(id) FROM outbox WHERE email_id = ?1) ORDER BY r.address",
        params![email_id],
        |row| {
            Ok(Recipient {
                address: row.get("address")?,
                state: row.get("state")?,
                reply: row.get("reply")?,
                bounce_id: row.get("bounce_id")?,
            })
        },
    )
}

/// Marks a recipient whom a message was sent to as one that it came back from, by a report that is proven, or as one of
/// whom a report says so. False where nobody has this address, where it is marked, and where the message still waits.
pub fn come_back(
    tx: &Tx<'_>,
    outbox_id: i64,
    address: &str,
    words: &str,
    bounce_id: i64,
    proven: bool,
) -> Result<bool> {
    let (state, words) =
        if proven { ("failed", words.to_owned()) } else { ("sent", format!("reported failed: {words}")) };
    let marked = tx.execute(
        "UPDATE outbox_recipients SET state = ?5, reply = ?3, bounce_id = ?4
            WHERE outbox_id = ?1 AND address = ?2 AND state = 'sent' AND (bounce_id IS NULL OR ?5 = 'failed')",
        params![outbox_id, address, words, bounce_id, state],
    )?;
    Ok(marked.rows()? > 0)
}
