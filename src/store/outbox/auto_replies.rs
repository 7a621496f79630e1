//! The automatic replies that were sent: limits count them, and what they answer is not answered twice.

use std::ops::Range;

use anyhow::Result;
use jiff::Timestamp;

use crate::store::db::{Tx, params, seconds};

/// Remembers an automatic reply for the limits.
pub fn add_auto_reply(
    tx: &Tx<'_>,
    account_id: i64,
    address: &str,
    case_id: Option<i64>,
    email_id: i64,
    outbox_id: i64,
    now: Timestamp,
) -> Result<()> {
    tx.execute(
        "INSERT INTO auto_replies (account_id, address, case_id, email_id, outbox_id, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![account_id, address, case_id, email_id, outbox_id, seconds(now)],
    )?;
    Ok(())
}

/// Automatic replies of an account within a time, counted up to `most`.
pub fn auto_replies_within(tx: &Tx<'_>, account_id: i64, within: &Range<Timestamp>, most: i64) -> Result<i64> {
    let sql = "SELECT count(*) FROM (SELECT 1 FROM auto_replies
        WHERE account_id = ?1 AND created_at > ?2 AND created_at < ?3 LIMIT ?4) AS those";
    Ok(tx.value(sql, params![account_id, seconds(within.start), seconds(within.end), most])?.unwrap_or_default())
}

/// An automatic reply, and whose mail it answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The person who wrote.
    pub author: String,
    /// What the mail server said of them.
    pub verdict: String,
    /// When it was written.
    pub at: Timestamp,
}

/// Automatic replies of an account to one address within a time.
pub fn auto_replies_to(
    tx: &Tx<'_>,
    account_id: i64,
    address: &str,
    within: &Range<Timestamp>,
) -> Result<Vec<Answered>> {
    tx.all(
        "SELECT coalesce(e.author_address, e.from_address, '') AS author, coalesce(e.verdict, '') AS verdict, r.created_at
            FROM auto_replies r LEFT JOIN emails e ON e.id = r.email_id
            WHERE r.account_id = ?1 AND r.address = ?2 AND r.created_at > ?3 AND r.created_at < ?4",
        params![account_id, address, seconds(within.start), seconds(within.end)],
        |row| Ok(Answered { author: row.get("author")?, verdict: row.get("verdict")?, at: row.time("created_at")? }),
    )
}

/// Automatic replies of an account within a time to addresses of one domain that had no case before (B8.7), counted up to
/// `most`; with a verdict only those to mail of that domain which the mail server judged so.
pub fn auto_replies_to_domain(
    tx: &Tx<'_>,
    account_id: i64,
    domain: &str,
    verdict: Option<&str>,
    within: &Range<Timestamp>,
    most: i64,
) -> Result<i64> {
    let count = tx.value(
        "SELECT count(*) FROM (SELECT 1 FROM auto_replies r INDEXED BY auto_replies_domain LEFT JOIN emails e ON e.id = r.email_id
            WHERE r.account_id = ?1 AND r.created_at > ?3 AND r.created_at < ?5 AND substr(r.address, instr(r.address, '@') + 1) = ?2
                AND (?4 IS NULL OR (e.verdict = ?4 AND coalesce(e.author_address, e.from_address) LIKE '%@' || ?2))
                AND NOT EXISTS (SELECT 1 FROM case_people p WHERE p.address = r.address AND p.since < r.created_at)
            LIMIT ?6) AS those",
        params![account_id, domain, seconds(within.start), verdict, seconds(within.end), most],
    )?;
    Ok(count.unwrap_or_default())
}

/// Subjects and cases of the automatic replies of an account to one domain within a time, the newest first (B8.7).
pub fn acknowledged(
    tx: &Tx<'_>,
    account_id: i64,
    domain: &str,
    within: &Range<Timestamp>,
) -> Result<Vec<(String, i64)>> {
    tx.all(
        "SELECT o.subject, r.case_id FROM auto_replies r INDEXED BY auto_replies_domain JOIN outbox o ON o.id = r.outbox_id
            WHERE r.account_id = ?1 AND r.created_at > ?3 AND r.created_at < ?4 AND r.case_id IS NOT NULL
                AND substr(r.address, instr(r.address, '@') + 1) = ?2 ORDER BY r.created_at DESC, r.id DESC LIMIT 200",
        params![account_id, domain, seconds(within.start), seconds(within.end)],
        |row| Ok((row.get("subject")?, row.get("case_id")?)),
    )
}

/// Whether an address got an automatic reply for this case.
pub fn auto_replied(tx: &Tx<'_>, address: &str, case_id: i64) -> Result<bool> {
    let found: Option<i64> =
        tx.value("SELECT 1 FROM auto_replies WHERE address = ?1 AND case_id = ?2", params![address, case_id])?;
    Ok(found.is_some())
}

/// Whether this email got an automatic reply through any account.
pub fn answered(tx: &Tx<'_>, email_id: i64) -> Result<bool> {
    let found: Option<i64> = tx.value("SELECT 1 FROM auto_replies WHERE email_id = ?1", params![email_id])?;
    Ok(found.is_some())
}
