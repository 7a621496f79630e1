//! What intake asks about cases: how busy somebody is, who opened them, who takes part.

use anyhow::Result;
use jiff::Timestamp;

use super::super::db::{Tx, params, seconds};
use super::super::records::ParentType;
use super::super::sight::Sight;
use super::{COLUMNS, Case};

/// How many open cases a user has, over all accounts.
pub fn open_of(tx: &Tx<'_>, user_id: i64) -> Result<i64> {
    let open = tx.value(
        "SELECT count(*) FROM cases WHERE assigned_user_id = ?1 AND status IN ('New', 'Assigned', 'Pending')",
        params![user_id],
    )?;
    Ok(open.unwrap_or_default())
}

/// When a user was last given a case by distribution: moment and case id, the larger the later.
pub fn last_auto_assignment(tx: &Tx<'_>, user_id: i64) -> Result<Option<(i64, i64)>> {
    tx.one(
        "SELECT auto_assigned_at, id FROM cases WHERE assigned_user_id = ?1 AND auto_assigned_at IS NOT NULL
            ORDER BY auto_assigned_at DESC, id DESC",
        params![user_id],
        |row| Ok((row.get("auto_assigned_at")?, row.get("id")?)),
    )
}

/// Cases that one sender (From, or Reply-To of a contact form) opened by one account since a moment, newest first (B5.9).
pub fn opened_by(tx: &Tx<'_>, account_id: i64, address: &str, since: Timestamp) -> Result<Vec<Case>> {
    tx.all(
        &format!(
            "SELECT {COLUMNS} FROM cases c WHERE c.account_id = ?1 AND c.created_at >= ?3 AND EXISTS (
                SELECT 1 FROM emails e JOIN email_addresses a ON a.email_id = e.id
                WHERE e.parent_type = 'case' AND e.parent_id = c.id AND e.flow_account_id = ?1
                    AND a.field IN ('from', 'reply-to') AND a.address = ?2)
            ORDER BY c.id DESC"
        ),
        params![account_id, address, seconds(since)],
        Case::from_row,
    )
}

/// Addresses that take part in a case: From, To, Cc and Reply-To of its verified emails (B4.9).
/// The caller takes the own addresses out.
pub fn participants(tx: &Tx<'_>, case_id: i64) -> Result<Vec<String>> {
    participants_seen(tx, case_id, Sight::Everything)
}

/// Those of them whom mail names that a reader of the case may read.
pub fn participants_seen(tx: &Tx<'_>, case_id: i64, sight: Sight) -> Result<Vec<String>> {
    tx.values(
        &format!(
            "SELECT DISTINCT a.address FROM emails e JOIN email_addresses a ON a.email_id = e.id
                WHERE e.parent_type = 'case' AND e.parent_id = ?2 AND e.verified AND a.field <> 'bcc' AND {}
                ORDER BY a.address",
            sight.email_of(ParentType::Case)
        ),
        params![sight.parameter(), case_id],
    )
}
