//! The outbox as it is listed: narrowed, seen and limited in the statement that reads, however much was sent before.

use anyhow::Result;
use jiff::Timestamp;

use super::{OutboxRow, SELECT, Tx, seconds};
use crate::query::Tree;
use crate::store::db::Value;
use crate::store::search::{Bound, Test, outbox_condition};
use crate::store::sight::Sight;

/// What `outbox list` shows.
#[derive(Debug, Clone, Default)]
pub struct OutboxQuery {
    /// What holds of them.
    pub condition: Tree<Test>,
    /// Only what is not settled, what failed, and what a server refused for some recipients since then; `None` = all.
    pub open_since: Option<Timestamp>,
    /// Only letters of this user.
    pub author: Option<i64>,
    /// Maximum number.
    pub limit: Option<i64>,
}

/// Rows as far as their emails may be seen, newest first.
pub fn list(tx: &Tx<'_>, query: &OutboxQuery, sight: Sight) -> Result<Vec<OutboxRow>> {
    let (condition, mut values) = narrowed(tx, query, sight)?;
    values.push(query.limit.unwrap_or(i64::MAX).into());
    let limit = values.len();
    let sql = format!("{SELECT} WHERE {condition} ORDER BY id DESC LIMIT ?{limit}");
    tx.all(&sql, values, OutboxRow::from_row)
}

/// How many rows `list` would give without a limit, at most `most`.
pub fn count_to(tx: &Tx<'_>, query: &OutboxQuery, most: i64, sight: Sight) -> Result<i64> {
    let (condition, mut values) = narrowed(tx, query, sight)?;
    values.push(most.into());
    let most = values.len();
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM outbox WHERE {condition} LIMIT ?{most}) AS listed");
    Ok(tx.value(&sql, values)?.unwrap_or_default())
}

fn narrowed(tx: &Tx<'_>, query: &OutboxQuery, sight: Sight) -> Result<(String, Vec<Value>)> {
    let mut bound = Bound::new(tx, sight);
    let mut condition = outbox_condition(&query.condition, &mut bound)?;
    if let Some(since) = query.open_since.map(seconds) {
        let since = bound.add(since);
        condition.push_str(&format!(
            " AND outbox.id IN (SELECT o.id FROM outbox o WHERE o.state IN ('waiting', 'in doubt', 'held', 'failed')
                UNION SELECT o.id FROM outbox o INDEXED BY outbox_settled WHERE o.settled_at > {since} AND o.state = 'sent' AND EXISTS (
                    SELECT 1 FROM outbox_recipients r
                        WHERE r.outbox_id = o.id AND r.state = 'failed' AND r.bounce_id IS NULL))"
        ));
    }
    if let Some(author) = query.author {
        let author = bound.add(author);
        condition.push_str(&format!(" AND outbox.user_id = {author} AND outbox.kind = 'mail'"));
    }
    let seen = format!("EXISTS (SELECT 1 FROM emails e WHERE e.id = outbox.email_id AND {})", sight.email());
    Ok((format!("{condition} AND (outbox.email_id IS NULL OR {seen})"), bound.values))
}
