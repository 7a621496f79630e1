//! Templates of automatic replies (B8.4).

use anyhow::Result;
use jiff::Timestamp;

use super::db::{Row, Tx, params, seconds};
use super::log;

/// A template; subject, body and HTML are template sources that were checked when they were saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pub id: i64,
    /// Unique name.
    pub name: String,
    /// Subject source.
    pub subject: String,
    /// Plain text source.
    pub body: String,
    /// HTML source.
    pub html: Option<String>,
}

impl Template {
    fn from_row(row: &Row<'_>) -> Result<Template> {
        Ok(Template {
            id: row.get("id")?,
            name: row.get("name")?,
            subject: row.get("subject")?,
            body: row.get("body")?,
            html: row.get("html")?,
        })
    }
}

const SELECT: &str = "SELECT id, name, subject, body, html FROM templates";

/// Adds a template; the id.
pub fn add(tx: &Tx<'_>, name: &str, subject: &str, body: &str, html: Option<&str>, now: Timestamp) -> Result<i64> {
    tx.insert(
        "INSERT INTO templates (name, subject, body, html, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![name, subject, body, html, seconds(now)],
    )
}

/// Writes every field back.
pub fn update(tx: &Tx<'_>, template: &Template) -> Result<()> {
    tx.execute(
        "UPDATE templates SET name = ?2, subject = ?3, body = ?4, html = ?5 WHERE id = ?1",
        params![template.id, template.name, template.subject, template.body, template.html],
    )?;
    Ok(())
}

/// Deletes a template that no account uses.
pub fn delete(tx: &Tx<'_>, id: i64) -> Result<()> {
    log::remember(tx, "template", id)?;
    tx.execute("DELETE FROM templates WHERE id = ?1", params![id])?;
    Ok(())
}

/// All by name.
pub fn all(tx: &Tx<'_>) -> Result<Vec<Template>> {
    tx.all(&format!("{SELECT} ORDER BY lower(name)"), [], Template::from_row)
}

/// By name, in any case.
pub fn by_name(tx: &Tx<'_>, name: &str) -> Result<Option<Template>> {
    tx.one(&format!("{SELECT} WHERE lower(name) = lower(?1)"), params![name], Template::from_row)
}

pub fn by_id(tx: &Tx<'_>, id: i64) -> Result<Option<Template>> {
    tx.one(&format!("{SELECT} WHERE id = ?1"), params![id], Template::from_row)
}

/// Accounts that answer with this template.
pub fn used_by_accounts(tx: &Tx<'_>, id: i64) -> Result<Vec<String>> {
    tx.values("SELECT name FROM accounts WHERE auto_reply_id = ?1 ORDER BY lower(name)", params![id])
}
