//! Emails as they are listed.

use anyhow::Result;

use super::{COLUMNS, Email};
use crate::store::db::{Tx, params};
use crate::store::sight::{self, Sight};

/// A row of `email list`.
#[derive(Debug, Clone)]
pub struct EmailRow {
    /// The email.
    pub email: Email,
    /// Number of its case.
    pub case_number: Option<i64>,
    /// Accounts that delivered or sent it.
    pub accounts: Vec<String>,
    /// Unread by the viewer.
    pub unread: bool,
}

/// What `email list` narrows by.
#[derive(Debug, Clone, Default)]
pub struct EmailQuery {
    /// Of this case.
    pub case_id: Option<i64>,
    /// Delivered by this account.
    pub account_id: Option<i64>,
    /// At most so many.
    pub limit: Option<i64>,
}

/// Emails as far as they may be seen, newest first.
pub fn list(tx: &Tx<'_>, query: &EmailQuery, sight: Sight) -> Result<Vec<EmailRow>> {
    tx.all(
        &format!(
            "SELECT {COLUMNS}, c.number AS case_number,
                (SELECT group_concat(name, char(10)) FROM (SELECT DISTINCT a.name FROM deliveries d JOIN accounts a ON a.id = d.account_id
                    WHERE d.email_id = e.id ORDER BY a.name)) AS account_names,
                EXISTS (SELECT 1 FROM email_users eu WHERE eu.email_id = e.id AND eu.user_id = ?1 AND NOT eu.read) AS unread
            FROM emails e LEFT JOIN cases c ON e.parent_type = 'case' AND c.id = e.parent_id
            WHERE ({}) AND (?2 IS NULL OR (e.parent_type = 'case' AND e.parent_id = ?2))
                AND (?3 IS NULL OR EXISTS (SELECT 1 FROM deliveries d WHERE d.email_id = e.id AND d.account_id = ?3))
            ORDER BY e.id DESC LIMIT ?4",
            sight::EMAIL
        ),
        params![sight.parameter(), query.case_id, query.account_id, query.limit.unwrap_or(-1)],
        |row| {
            let accounts: Option<String> = row.get("account_names")?;
            Ok(EmailRow {
                email: Email::from_row(row)?,
                case_number: row.get("case_number")?,
                accounts: accounts.unwrap_or_default().split('\n').filter(|a| !a.is_empty()).map(str::to_owned).collect(),
                unread: row.get("unread")?,
            })
        },
    )
}
