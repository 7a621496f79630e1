//! What the outbox holds, in numbers.

use std::ops::Range;

use anyhow::Result;
use jiff::Timestamp;

use super::{Tx, params, seconds};

/// What the outbox holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queue {
    /// Rows that wait, those for later among them.
    pub waiting: i64,
    /// Of these, rows whose own time has not come.
    pub scheduled: i64,
    /// Rows in doubt or held.
    pub uncertain: i64,
    /// Rows that were refused for every recipient, or given up.
    pub failed: i64,
    /// Messages that a server refused for good, for one recipient at least, since the moment asked for.
    pub refused: i64,
    /// Since when the oldest row is due that waits.
    pub oldest: Option<Timestamp>,
}

/// What the outbox holds at `now`; `within` bounds `refused`.
pub fn queue(tx: &Tx<'_>, within: &Range<Timestamp>, now: Timestamp) -> Result<Queue> {
    let queue = tx.one(
        "SELECT (SELECT count(*) FROM outbox WHERE state = 'waiting') AS waiting,
            (SELECT count(*) FROM outbox WHERE state = 'waiting' AND not_before > ?2) AS scheduled,
            (SELECT count(*) FROM outbox WHERE state IN ('in doubt', 'held')) AS uncertain,
            (SELECT count(*) FROM outbox WHERE state = 'failed') AS failed,
            (SELECT count(DISTINCT o.id) FROM outbox_recipients r JOIN outbox o ON o.id = r.outbox_id
                WHERE r.state = 'failed' AND r.bounce_id IS NULL AND o.state IN ('failed', 'sent') AND o.settled_at > ?1
                AND o.settled_at < ?3)
                AS refused,
            (SELECT min(coalesce(not_before, created_at)) FROM outbox
                WHERE state = 'waiting' AND coalesce(not_before, created_at) <= ?2) AS oldest",
        params![seconds(within.start), seconds(now), seconds(within.end)],
        |row| {
            Ok(Queue {
                waiting: row.get("waiting")?,
                scheduled: row.get("scheduled")?,
                uncertain: row.get("uncertain")?,
                failed: row.get("failed")?,
                refused: row.get("refused")?,
                oldest: row.opt_time("oldest")?,
            })
        },
    )?;
    Ok(queue.unwrap_or_default())
}

/// How many rows are due, and their bytes as they are stored.
pub fn due_size(tx: &Tx<'_>, now: Timestamp) -> Result<(i64, i64)> {
    let size = tx.one(
        "SELECT count(*) AS rows, coalesce(sum(r.size), 0) AS bytes FROM outbox o JOIN raw_messages r ON r.id = o.raw_id
            WHERE o.state = 'waiting' AND o.next_try_at <= ?1",
        params![seconds(now)],
        |row| Ok((row.get("rows")?, row.get("bytes")?)),
    )?;
    Ok(size.unwrap_or_default())
}
