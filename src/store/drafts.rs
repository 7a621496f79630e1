//! Drafts: what is known of an email that is being written besides the email itself (B13.1).

use std::str::FromStr;

use anyhow::Result;
use jiff::Timestamp;

use super::cases::CaseStatus;
use super::db::{Tx, params};
use super::records::Parent;
use super::sight::Sight;

/// What a draft is for. Text, recipients and attachments are in its email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its email, in status Draft.
    pub email_id: i64,
    /// Account that will send it.
    pub account_id: i64,
    /// What it will belong to.
    pub parent: Option<Parent>,
    /// Its text is Markdown.
    pub markdown: bool,
    /// Status of the case once it is sent.
    pub status: Option<CaseStatus>,
    /// The newest note of the case when it was begun.
    pub seen_id: Option<i64>,
    /// Lines of its fields that the editor left unreadable, each with what is wrong with it.
    pub unread: String,
}

/// A draft as those are told of it who see the record that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseDraft {
    /// Its email, for those who may see it.
    pub email_id: Option<i64>,
    /// Who writes it.
    pub user_id: Option<i64>,
    pub username: Option<String>,
    pub since: Timestamp,
}

/// The drafts of what is to belong to a record, oldest first. That somebody writes is told to all who see the record, what
/// they write is not.
pub fn of_record(tx: &Tx<'_>, parent: Parent, sight: Sight) -> Result<Vec<CaseDraft>> {
    tx.all(
        &format!(
            "SELECT CASE WHEN {} THEN e.id END AS email_id, u.id AS user_id, u.username, e.received_at FROM drafts d
                JOIN emails e ON e.id = d.email_id LEFT JOIN users u ON u.id = e.user_id
                WHERE d.parent_type = ?2 AND d.parent_id = ?3 ORDER BY e.received_at, e.id",
            sight.email()
        ),
        params![sight.parameter(), parent.kind.as_str(), parent.id],
        |row| {
            Ok(CaseDraft {
                email_id: row.get("email_id")?,
                user_id: row.get("user_id")?,
                username: row.get("username")?,
                since: row.time("received_at")?,
            })
        },
    )
}

/// Keeps a draft, in place of what was known of it.
pub fn put(tx: &Tx<'_>, draft: &Draft) -> Result<()> {
    tx.execute(
        "INSERT INTO drafts (email_id, account_id, parent_type, parent_id, markdown, case_status, seen_id, unread)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (email_id) DO UPDATE SET
                account_id = excluded.account_id, parent_type = excluded.parent_type, parent_id = excluded.parent_id,
                markdown = excluded.markdown, case_status = excluded.case_status, seen_id = excluded.seen_id,
                unread = excluded.unread",
        params![
            draft.email_id,
            draft.account_id,
            draft.parent.map(|parent| parent.kind.as_str()),
            draft.parent.map(|parent| parent.id),
            draft.markdown,
            draft.status.map(CaseStatus::as_str),
            draft.seen_id,
            draft.unread,
        ],
    )?;
    Ok(())
}

pub fn by_email(tx: &Tx<'_>, email_id: i64) -> Result<Option<Draft>> {
    tx.one(
        "SELECT account_id, parent_type, parent_id, markdown, case_status, seen_id, unread FROM drafts WHERE email_id = ?1",
        params![email_id],
        |row| {
            let parent_id: Option<i64> = row.get("parent_id")?;
            let status: Option<String> = row.get("case_status")?;
            Ok(Draft {
                email_id,
                account_id: row.get("account_id")?,
                parent: parent_id
                    .map(|id| Ok::<_, anyhow::Error>(Parent { kind: row.label("parent_type")?, id }))
                    .transpose()?,
                markdown: row.get("markdown")?,
                status: status.as_deref().map(CaseStatus::from_str).transpose()?,
                seen_id: row.get("seen_id")?,
                unread: row.get("unread")?,
            })
        },
    )
}

/// A draft is for another record.
pub fn set_parent(tx: &Tx<'_>, email_id: i64, parent: Parent) -> Result<()> {
    let sql = "UPDATE drafts SET parent_type = ?2, parent_id = ?3 WHERE email_id = ?1";
    tx.execute(sql, params![email_id, parent.kind.as_str(), parent.id])?;
    Ok(())
}

/// The email is not a draft any more.
pub fn end(tx: &Tx<'_>, email_id: i64) -> Result<()> {
    tx.execute("DELETE FROM drafts WHERE email_id = ?1", params![email_id])?;
    Ok(())
}
