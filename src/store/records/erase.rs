//! Statements that leave nothing behind of an email or a text (B13.8). What is to go is decided elsewhere.

use anyhow::Result;

use super::super::db::{Tx, params};
use super::super::raw;
use super::Parent;

/// What stands where something was.
pub const ERASED: &str = "(erased)";

/// Emails that name this address in any field, oldest first.
pub fn emails_naming(tx: &Tx<'_>, address: &str) -> Result<Vec<i64>> {
    tx.values("SELECT DISTINCT email_id FROM email_addresses WHERE address = ?1 ORDER BY email_id", params![address])
}

/// Machine mail whose text holds a word, oldest first: reports about mail to an address name it nowhere else.
pub fn reports_naming(tx: &Tx<'_>, word: &str) -> Result<Vec<i64>> {
    tx.values(
        "SELECT e.id FROM emails e JOIN email_bodies b ON b.email_id = e.id
            WHERE e.automatic <> '' AND instr(lower(b.text), ?1) > 0 ORDER BY e.id",
        params![word],
    )
}

/// Removes an email with its bytes, copies, notes, notifications and outbox rows. The ledger keeps that it was there,
/// and why it is gone.
pub fn email(tx: &Tx<'_>, email_id: i64, reason: &str) -> Result<()> {
    tx.execute(
        "UPDATE deliveries SET recipient = NULL, outcome = 'discarded', reason = ?2 WHERE email_id = ?1",
        params![email_id, reason],
    )?;
    let raws: Vec<i64> = tx.values(
        "SELECT raw_id FROM emails WHERE id = ?1 AND raw_id IS NOT NULL
            UNION SELECT raw_id FROM deliveries WHERE email_id = ?1 AND raw_id IS NOT NULL
            UNION SELECT raw_id FROM email_variants WHERE email_id = ?1",
        params![email_id],
    )?;
    let sent: Vec<i64> = tx.values("SELECT id FROM outbox WHERE email_id = ?1", params![email_id])?;
    sent.into_iter().try_for_each(|id| outbox_row(tx, id))?;
    for sql in [
        "DELETE FROM auto_replies WHERE email_id = ?1",
        "DELETE FROM server_actions WHERE action IN ('junk', 'not-junk', 'came-back')
            AND delivery_id IN (SELECT id FROM deliveries WHERE email_id = ?1)",
        "DELETE FROM notes WHERE email_id = ?1",
        "DELETE FROM notifications WHERE email_id = ?1",
        "UPDATE deliveries SET raw_id = NULL, email_id = NULL WHERE email_id = ?1",
        "DELETE FROM emails WHERE id = ?1",
    ] {
        tx.execute(sql, params![email_id])?;
    }
    raws.into_iter().try_for_each(|raw_id| raw::delete_unused(tx, raw_id))
}

/// Removes a row of the outbox with its bytes.
pub fn outbox_row(tx: &Tx<'_>, id: i64) -> Result<()> {
    let raw_id: Option<i64> = tx.value("SELECT raw_id FROM outbox WHERE id = ?1", params![id])?;
    tx.execute("DELETE FROM auto_replies WHERE outbox_id = ?1", params![id])?;
    tx.execute("DELETE FROM outbox WHERE id = ?1", params![id])?;
    raw_id.map_or(Ok(()), |raw_id| raw::delete_unused(tx, raw_id))
}

/// Deliveries whose bytes are kept but are not an email: quarantined, waiting, our mail that came back.
pub fn deliveries_without_email(tx: &Tx<'_>) -> Result<Vec<(i64, i64)>> {
    let sql = "SELECT id, raw_id FROM deliveries WHERE email_id IS NULL AND raw_id IS NOT NULL ORDER BY id";
    tx.all(sql, [], |row| Ok((row.get("id")?, row.get("raw_id")?)))
}

/// Removes the bytes of a delivery; the ledger keeps that it was there.
pub fn delivery(tx: &Tx<'_>, id: i64, raw_id: i64) -> Result<()> {
    tx.execute(
        "UPDATE deliveries SET raw_id = NULL, recipient = NULL, outcome = 'discarded', reason = 'erased' WHERE id = ?1",
        params![id],
    )?;
    raw::delete_unused(tx, raw_id)
}

/// Cases of a contact or lead.
pub fn cases_of(tx: &Tx<'_>, parent: Parent) -> Result<Vec<i64>> {
    tx.values(
        "SELECT id FROM cases WHERE (?1 = 'contact' AND contact_id = ?2) OR (?1 = 'lead' AND lead_id = ?2) ORDER BY id",
        params![parent.kind.as_str(), parent.id],
    )
}

/// The email whose text became the description of a case.
pub fn opened_by(tx: &Tx<'_>, case_id: i64) -> Result<Option<i64>> {
    tx.value(
        "SELECT id FROM emails WHERE parent_type = 'case' AND parent_id = ?1 AND status = 'Archived' ORDER BY id LIMIT 1",
        params![case_id],
    )
}

/// Takes the description out of a case.
pub fn description(tx: &Tx<'_>, case_id: i64) -> Result<()> {
    tx.execute("UPDATE cases SET description = ?2 WHERE id = ?1", params![case_id, ERASED])?;
    Ok(())
}

/// Takes name and description out of a case without any email, and what was told of it. Whether it is one.
pub fn empty_case(tx: &Tx<'_>, case_id: i64) -> Result<bool> {
    let sql = "UPDATE cases SET name = ?2, description = ?2 WHERE id = ?1
        AND NOT EXISTS (SELECT 1 FROM emails WHERE parent_type = 'case' AND parent_id = ?1)";
    let empty = tx.execute(sql, params![case_id, ERASED])?.rows()? > 0;
    if empty {
        notifications_of(tx, Parent::case(case_id))?;
    }
    Ok(empty)
}

/// Removes what was told of a record.
pub fn notifications_of(tx: &Tx<'_>, parent: Parent) -> Result<()> {
    let of = params![parent.kind.as_str(), parent.id];
    tx.execute("DELETE FROM notifications WHERE parent_type = ?1 AND parent_id = ?2", of)?;
    Ok(())
}

/// Names that mail gives to an address.
pub fn names_of(tx: &Tx<'_>, address: &str) -> Result<Vec<String>> {
    tx.values("SELECT DISTINCT name FROM email_addresses WHERE address = ?1 AND name <> ''", params![address])
}

/// Our texts in which a person may be named: reading those that hold a word, writing one back.
const TEXTS: &[(&str, &str)] = &[
    ("SELECT id, text FROM notes WHERE instr(lower(text), ?1) > 0", "UPDATE notes SET text = ?2 WHERE id = ?1"),
    (
        "SELECT id, text FROM notifications WHERE instr(lower(text), ?1) > 0",
        "UPDATE notifications SET text = ?2 WHERE id = ?1",
    ),
    (
        "SELECT id, decision AS text FROM email_decisions WHERE instr(lower(decision), ?1) > 0",
        "UPDATE email_decisions SET decision = ?2 WHERE id = ?1",
    ),
    (
        "SELECT id, reason AS text FROM deliveries WHERE instr(lower(reason), ?1) > 0",
        "UPDATE deliveries SET reason = ?2 WHERE id = ?1",
    ),
    (
        "SELECT id, recipient AS text FROM deliveries WHERE instr(lower(recipient), ?1) > 0",
        "UPDATE deliveries SET recipient = ?2 WHERE id = ?1",
    ),
    ("SELECT id, name AS text FROM cases WHERE instr(lower(name), ?1) > 0", "UPDATE cases SET name = ?2 WHERE id = ?1"),
    (
        "SELECT id, description AS text FROM cases WHERE instr(lower(description), ?1) > 0",
        "UPDATE cases SET description = ?2 WHERE id = ?1",
    ),
    (
        "SELECT id, last_error AS text FROM outbox WHERE instr(lower(last_error), ?1) > 0",
        "UPDATE outbox SET last_error = ?2 WHERE id = ?1",
    ),
    (
        "SELECT outbox_id AS id, last_error AS text FROM sent_copies WHERE instr(lower(last_error), ?1) > 0",
        "UPDATE sent_copies SET last_error = ?2 WHERE outbox_id = ?1",
    ),
    (
        "SELECT id, last_error AS text FROM server_actions WHERE instr(lower(last_error), ?1) > 0",
        "UPDATE server_actions SET last_error = ?2 WHERE id = ?1",
    ),
];

/// Rewrites our texts that hold a word, in lower case.
pub fn texts(tx: &Tx<'_>, word: &str, rewrite: &dyn Fn(&str) -> String) -> Result<()> {
    for (read, write) in TEXTS {
        for (id, text) in tx.all(read, params![word], |row| Ok((row.get::<i64>("id")?, row.get::<String>("text")?)))? {
            tx.execute(write, params![id, rewrite(&text)])?;
        }
    }
    Ok(())
}
