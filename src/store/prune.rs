//! What has been kept for long enough (`db prune`): what is old, and how it goes. The ledger stays, and so do tombstones, so
//! that nothing comes back.
//!
//! Never among it: open cases with their mail, drafts, what is still to be sent, was refused or is uncertain, and the
//! quarantine.

use anyhow::Result;
use jiff::Timestamp;

use super::db::{Tx, params, seconds};
use super::label::labels;
use super::raw::{self, Packed};
use crate::mail::message;

labels! {
    /// What can be pruned.
    pub enum Prunable {
        /// Mail that everybody who has it threw away.
        Trash = "trash",
        /// Closed cases with their mail.
        Cases = "cases",
        /// The bytes of attachments.
        Attachments = "attachments",
        /// The bytes of messages, of their attachments too; their text, addresses and the names of attachments stay.
        Sources = "sources",
        /// What users were told.
        Notifications = "notifications",
        /// Who changed what.
        Log = "log",
    }
}

/// What is old enough.
#[derive(Debug, Clone, Copy)]
pub struct Old<'a> {
    pub kind: Prunable,
    /// Older than this.
    pub before: Timestamp,
    /// Of these accounts only; empty = of all, and what is of none.
    pub accounts: &'a [i64],
}

/// One thing that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    pub id: i64,
    /// Whose mail it is, or by which the case came.
    pub account_id: Option<i64>,
    /// As they came, before they were compressed.
    pub bytes: i64,
}

/// Nothing is still to be done about an email `e`. `?1` is the moment.
const SETTLED: &str = "e.status IN ('Archived', 'Sent') AND e.received_at < ?1 AND NOT e.undecided
    AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.email_id = e.id AND o.state IN ('waiting', 'in doubt', 'held', 'failed'))
    AND NOT EXISTS (SELECT 1 FROM cases k WHERE e.parent_type = 'case' AND k.id = e.parent_id
        AND k.status IN ('New', 'Assigned', 'Pending'))";

/// The account that brought an email `e`, or sent it.
const ACCOUNT: &str = "coalesce((SELECT min(d.account_id) FROM deliveries d WHERE d.email_id = e.id),
    (SELECT min(s.account_id) FROM outbox s WHERE s.email_id = e.id))";

/// The next things of a kind after an id and up to another one, in the order of their ids.
pub fn found(tx: &Tx<'_>, old: &Old<'_>, after: i64, until: i64, limit: i64) -> Result<Vec<Found>> {
    let sql = match old.kind {
        Prunable::Trash => format!(
            "SELECT e.id, {ACCOUNT} AS account_id, coalesce((SELECT r.size FROM raw_messages r WHERE r.id = e.raw_id), 0) AS bytes
            FROM emails e WHERE e.id > ?2 AND e.id <= ?3 AND {SETTLED}
                AND (e.parent_type IS NULL OR e.parent_type <> 'case') AND (e.group_folder_id IS NULL OR e.group_place = 'trash')
                AND (e.group_place = 'trash' OR EXISTS (SELECT 1 FROM email_users t WHERE t.email_id = e.id AND t.trash))
                AND NOT EXISTS (SELECT 1 FROM email_users t WHERE t.email_id = e.id AND NOT t.trash)
            ORDER BY e.id LIMIT ?4"
        ),
        Prunable::Sources => format!(
            "SELECT e.id, {ACCOUNT} AS account_id, r.size AS bytes FROM emails e JOIN raw_messages r ON r.id = e.raw_id
            WHERE e.id > ?2 AND e.id <= ?3 AND {SETTLED} ORDER BY e.id LIMIT ?4"
        ),
        Prunable::Attachments => format!(
            "SELECT e.id, {ACCOUNT} AS account_id, (SELECT CAST(coalesce(sum(p.size), 0) AS BIGINT) FROM raw_uses u
                JOIN raw_parts p ON p.id = u.part_id WHERE u.raw_id = r.id) AS bytes
            FROM emails e JOIN raw_messages r ON r.id = e.raw_id
            WHERE e.id > ?2 AND e.id <= ?3 AND r.parts > 0 AND {SETTLED} ORDER BY e.id LIMIT ?4"
        ),
        Prunable::Cases => "SELECT k.id, k.account_id, (SELECT CAST(coalesce(sum(r.size), 0) AS BIGINT) FROM emails e
                JOIN raw_messages r ON r.id = e.raw_id WHERE e.parent_type = 'case' AND e.parent_id = k.id) AS bytes
            FROM cases k WHERE k.id > ?2 AND k.id <= ?3 AND k.status IN ('Closed', 'Rejected', 'Duplicate')
                AND coalesce(k.closed_at, k.modified_at) < ?1
                AND NOT EXISTS (SELECT 1 FROM emails e WHERE e.parent_type = 'case' AND e.parent_id = k.id AND (
                    e.received_at >= ?1 OR e.undecided OR e.status NOT IN ('Archived', 'Sent')
                    OR EXISTS (SELECT 1 FROM outbox o WHERE o.email_id = e.id
                        AND o.state IN ('waiting', 'in doubt', 'held', 'failed'))))
                AND NOT EXISTS (SELECT 1 FROM drafts f WHERE f.parent_type = 'case' AND f.parent_id = k.id)
            ORDER BY k.id LIMIT ?4"
            .to_owned(),
        Prunable::Notifications => "SELECT n.id, CAST(NULL AS BIGINT) AS account_id, CAST(0 AS BIGINT) AS bytes
            FROM notifications n WHERE n.id > ?2 AND n.id <= ?3 AND n.created_at < ?1 AND NOT n.digest
            ORDER BY n.id LIMIT ?4"
            .to_owned(),
        Prunable::Log => "SELECT l.id, CAST(NULL AS BIGINT) AS account_id, CAST(0 AS BIGINT) AS bytes
            FROM log_entries l WHERE l.id > ?2 AND l.id <= ?3 AND l.at < ?1 ORDER BY l.id LIMIT ?4"
            .to_owned(),
    };
    tx.all(&sql, params![seconds(old.before), after, until, limit], |row| {
        Ok(Found { id: row.get("id")?, account_id: row.get("account_id")?, bytes: row.get("bytes")? })
    })
}

/// Takes the bytes of an email away. What else points to them, such as the outbox, has empty ones then.
pub fn source(tx: &Tx<'_>, email_id: i64) -> Result<()> {
    let raws = raws(tx, email_id)?;
    tx.execute("UPDATE emails SET raw_id = NULL WHERE id = ?1", params![email_id])?;
    tx.execute("UPDATE deliveries SET raw_id = NULL WHERE email_id = ?1", params![email_id])?;
    for raw_id in raws {
        if raw::is_used(tx, raw_id)? {
            replace(tx, raw_id, Vec::new())?;
        } else {
            raw::delete(tx, raw_id)?;
        }
    }
    Ok(())
}

/// Takes the attachments out of the bytes of an email; those that are small, and its text, stay.
pub fn attachments(tx: &Tx<'_>, email_id: i64) -> Result<()> {
    for raw_id in raws(tx, email_id)? {
        if let Some(rest) = raw::without_parts(tx, raw_id)? {
            replace(tx, raw_id, rest)?;
        }
    }
    let Some(raw_id) = raw_of(tx, email_id)? else { return Ok(()) };
    let left = message::parse(&raw::bytes(tx, raw_id)?).attachments;
    for part in left.iter().filter(|file| file.size == 0).map(|file| file.part) {
        tx.execute("UPDATE email_attachments SET size = 0 WHERE email_id = ?1 AND part = ?2", params![email_id, part])?;
    }
    Ok(())
}

fn raw_of(tx: &Tx<'_>, email_id: i64) -> Result<Option<i64>> {
    tx.value("SELECT raw_id FROM emails WHERE id = ?1 AND raw_id IS NOT NULL", params![email_id])
}

/// What the bytes of an email would be without its attachments.
pub fn size_without_attachments(tx: &Tx<'_>, email_id: i64) -> Result<i64> {
    let rest = raw_of(tx, email_id)?.map(|id| raw::without_parts(tx, id)).transpose()?.flatten();
    Ok(i64::try_from(rest.unwrap_or_default().len())?)
}

/// The bytes of an email, of its deliveries and of its other texts.
fn raws(tx: &Tx<'_>, email_id: i64) -> Result<Vec<i64>> {
    tx.values(
        "SELECT raw_id FROM emails WHERE id = ?1 AND raw_id IS NOT NULL
            UNION SELECT raw_id FROM deliveries WHERE email_id = ?1 AND raw_id IS NOT NULL
            UNION SELECT raw_id FROM email_variants WHERE email_id = ?1",
        params![email_id],
    )
}

/// Puts other bytes in the place of stored ones.
fn replace(tx: &Tx<'_>, raw_id: i64, bytes: Vec<u8>) -> Result<()> {
    let new = raw::add(tx, &Packed::new(bytes)?)?;
    for sql in [
        "UPDATE emails SET raw_id = ?2 WHERE raw_id = ?1",
        "UPDATE deliveries SET raw_id = ?2 WHERE raw_id = ?1",
        "UPDATE outbox SET raw_id = ?2 WHERE raw_id = ?1",
        "UPDATE email_variants SET raw_id = ?2 WHERE raw_id = ?1",
    ] {
        tx.execute(sql, params![raw_id, new])?;
    }
    raw::delete(tx, raw_id)
}

/// Emails of a case, oldest first.
pub fn emails_of_case(tx: &Tx<'_>, case_id: i64, limit: i64) -> Result<Vec<i64>> {
    tx.values(
        "SELECT id FROM emails WHERE parent_type = 'case' AND parent_id = ?1 ORDER BY id LIMIT ?2",
        params![case_id, limit],
    )
}

/// Removes a case that has no email any more. Cases that name it do not do so any more.
pub fn case(tx: &Tx<'_>, id: i64) -> Result<()> {
    // Its words leave the index with the change.
    tx.execute("UPDATE cases SET name = '', description = '' WHERE id = ?1", params![id])?;
    let sent: Vec<i64> = tx.values("SELECT id FROM outbox WHERE case_id = ?1", params![id])?;
    sent.into_iter().try_for_each(|row| super::records::erase::outbox_row(tx, row))?;
    for sql in [
        "UPDATE auto_replies SET case_id = NULL WHERE case_id = ?1",
        "UPDATE cases SET merged_into_id = NULL WHERE merged_into_id = ?1",
        "UPDATE cases SET relates_to_id = NULL WHERE relates_to_id = ?1",
        "UPDATE notes SET about_type = NULL, about_id = NULL, text = '' WHERE about_type = 'case' AND about_id = ?1",
        "DELETE FROM notes WHERE parent_type = 'case' AND parent_id = ?1",
        "DELETE FROM followers WHERE parent_type = 'case' AND parent_id = ?1",
        "DELETE FROM notifications WHERE parent_type = 'case' AND parent_id = ?1",
        "DELETE FROM cases WHERE id = ?1",
    ] {
        tx.execute(sql, params![id])?;
    }
    Ok(())
}

pub fn notification(tx: &Tx<'_>, id: i64) -> Result<()> {
    tx.execute("DELETE FROM notifications WHERE id = ?1", params![id])?;
    Ok(())
}

pub fn log_entry(tx: &Tx<'_>, id: i64) -> Result<()> {
    tx.execute("DELETE FROM log_entries WHERE id = ?1", params![id])?;
    Ok(())
}
