//! What intake asks about cases: how busy somebody is, and who opened them.

use std::ops::Range;

use anyhow::Result;
use jiff::Timestamp;

use super::super::db::{Tx, params, seconds};
use super::{COLUMNS, Case, CaseStatus};
use crate::mail::address::Mailbox;

/// How many open cases a user has, over all accounts.
pub fn open_of(tx: &Tx<'_>, user_id: i64) -> Result<i64> {
    let open = tx.value(
        "SELECT count(*) FROM cases WHERE assigned_user_id = ?1 AND status IN ('New', 'Assigned', 'Pending')",
        params![user_id],
    )?;
    Ok(open.unwrap_or_default())
}

/// Open cases by their status.
pub fn open_by_status(tx: &Tx<'_>) -> Result<Vec<(CaseStatus, i64)>> {
    let count = |status: CaseStatus| -> Result<(CaseStatus, i64)> {
        let sql = "SELECT count(*) FROM cases WHERE status = ?1";
        Ok((status, tx.value(sql, params![status.as_str()])?.unwrap_or_default()))
    };
    CaseStatus::ALL.iter().filter(|status| status.is_open()).map(|status| count(*status)).collect()
}

/// When a user was last given a case by distribution: moment and case id, the larger the later.
pub fn last_auto_assignment(tx: &Tx<'_>, user_id: i64) -> Result<Option<(i64, i64)>> {
    tx.one(
        "SELECT auto_assigned_at, id FROM cases WHERE assigned_user_id = ?1 AND auto_assigned_at IS NOT NULL
            ORDER BY auto_assigned_at DESC, id DESC LIMIT 1",
        params![user_id],
        |row| Ok((row.get("auto_assigned_at")?, row.get("id")?)),
    )
}

/// Whose mail opened a case.
#[derive(Debug, Clone, Copy)]
pub struct Opener<'a> {
    /// The account by which it came.
    pub account_id: i64,
    /// From: its address, or its name where it has none.
    pub from: &'a Mailbox,
    /// What the mail server said (B4.12).
    pub verdict: &'a str,
}

/// Cases that a sender opened within a time, newest first, at most `limit`; with `reply_to` only those by mail with this
/// first Reply-To, empty = without one (B5.9). Of each case the sender's first mails are looked at: however many joined it,
/// they did not open it.
pub fn opened_by(
    tx: &Tx<'_>,
    opener: &Opener<'_>,
    reply_to: Option<&str>,
    within: &Range<Timestamp>,
    limit: usize,
) -> Result<Vec<Case>> {
    let Opener { account_id, from, verdict } = opener;
    tx.all(
        &format!(
            "WITH RECURSIVE of_hour (id) AS (
                SELECT id FROM cases WHERE account_id = ?1 AND created_at >= ?2 ORDER BY created_at, id LIMIT 1),
            of_sender (id) AS (
                SELECT max(parent_id) FROM emails INDEXED BY emails_from
                    WHERE from_address = ?3 AND parent_id >= (SELECT id FROM of_hour)
                UNION ALL
                SELECT (SELECT max(e.parent_id) FROM emails e INDEXED BY emails_from
                        WHERE e.from_address = ?3 AND e.parent_id < s.id AND e.parent_id >= (SELECT id FROM of_hour))
                    FROM of_sender s WHERE s.id IS NOT NULL)
            SELECT {COLUMNS} FROM of_sender s CROSS JOIN cases c ON c.id = s.id
                WHERE c.account_id = ?1 AND c.created_at >= ?2 AND c.created_at < ?7 AND EXISTS (
                    SELECT 1 FROM (SELECT * FROM emails INDEXED BY emails_from
                            WHERE from_address = ?3 AND parent_id = s.id ORDER BY id LIMIT 10) e
                        WHERE e.parent_type = 'case' AND e.flow_account_id = ?1 AND (?3 <> '' OR e.from_name = ?8)
                            AND e.verdict = ?4 AND (?5 IS NULL OR ?5 = coalesce((
                                SELECT a.address FROM email_addresses a WHERE a.email_id = e.id AND a.field = 'reply-to'
                                    ORDER BY a.position LIMIT 1), '')))
                ORDER BY c.id DESC LIMIT ?6"
        ),
        params![
            account_id,
            seconds(within.start),
            from.address,
            verdict,
            reply_to,
            i64::try_from(limit)?,
            seconds(within.end),
            from.name
        ],
        Case::from_row,
    )
}
