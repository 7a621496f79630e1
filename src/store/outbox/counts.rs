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
            (SELECT count(*) FROM outbox o INDEXED BY outbox_settled
                WHERE o.settled_at > ?1 AND o.settled_at < ?3 AND o.state IN ('failed', 'sent') AND EXISTS (
                    SELECT 1 FROM outbox_recipients r WHERE r.outbox_id = o.id AND r.state = 'failed' AND r.bounce_id IS NULL))
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

/// Rows that wait for another try, and when the first and the last of them are tried; those for later are not among them.
pub fn waits(tx: &Tx<'_>, now: Timestamp) -> Result<(i64, Option<(Timestamp, Timestamp)>)> {
    let found = tx.one(
        "SELECT count(*) AS rows, min(next_try_at) AS first, max(next_try_at) AS last FROM outbox
            WHERE state = 'waiting' AND coalesce(not_before, 0) <= ?1",
        params![seconds(now)],
        |row| Ok((row.get("rows")?, row.opt_time("first")?.zip(row.opt_time("last")?))),
    )?;
    Ok(found.unwrap_or_default())
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

/// How many automatic messages of an account have failed since then, and why the last one did; nothing where one was sent.
pub fn automatic_failures(tx: &Tx<'_>, account_id: i64, since: Timestamp) -> Result<Option<(i64, String)>> {
    let settled = tx.one(
        "SELECT count(*) FILTER (WHERE state = 'failed') AS failed, count(*) FILTER (WHERE state = 'sent') AS sent,
            (SELECT last_error FROM outbox l INDEXED BY outbox_settled
                WHERE l.account_id = ?1 AND l.kind <> 'mail' AND l.state = 'failed' AND l.settled_at > ?2
                ORDER BY l.settled_at DESC, l.id DESC LIMIT 1) AS last_error
            FROM outbox INDEXED BY outbox_settled WHERE account_id = ?1 AND kind <> 'mail' AND settled_at > ?2",
        params![account_id, seconds(since)],
        |row| Ok((row.get::<i64>("failed")?, row.get::<i64>("sent")?, row.get::<Option<String>>("last_error")?)),
    )?;
    let (failed, sent, words) = settled.unwrap_or_default();
    Ok((failed > 0 && sent == 0).then(|| (failed, words.unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::db::Store;
    use crate::store::raw::{self, Packed};

    /// Adds account 1, and bytes to be sent; the id of the bytes.
    fn account_and_bytes(tx: &Tx<'_>) -> Result<i64> {
        tx.execute(
            "INSERT INTO accounts (id, name, kind, address, fetch_since, created_at, edited_at)
                VALUES (1, 'a', 'group', 'a@x', 0, 0, 0)",
            [],
        )?;
        raw::add(tx, &Packed::new(b"x".to_vec())?)
    }

    #[test]
    fn what_waits_for_another_try_is_counted_without_what_is_for_later() -> Result<()> {
        let store = Store::for_test()?;
        let at = |second: i64| Ok::<_, anyhow::Error>(Timestamp::from_second(1_800_000_000 + second)?);
        let found = store.write(|tx| {
            let raw_id = account_and_bytes(tx)?;
            let rows = [("waiting", 60, None), ("waiting", 300, Some(-5)), ("waiting", 900, Some(900)), ("failed", 5, None)];
            for (state, next, not_before) in rows {
                let not_before = not_before.map(at).transpose()?.map(seconds);
                tx.execute(
                    "INSERT INTO outbox (kind, account_id, message_id, subject, envelope_from, raw_id, state, next_try_at,
                        created_at, not_before) VALUES ('mail', 1, 'm', '', '', ?1, ?2, ?3, 0, ?4)",
                    params![raw_id, state, seconds(at(next)?), not_before],
                )?;
            }
            waits(tx, at(0)?)
        })?;
        assert_eq!(found, (2, Some((at(60)?, at(300)?))));
        Ok(())
    }

    /// Kind, state and age in hours of what an account has sent.
    type Row<'a> = (&'a str, &'a str, i64);

    #[test]
    fn automatic_mail_fails_where_some_failed_and_none_was_sent() -> Result<()> {
        let now = Timestamp::from_second(1_800_000_000)?;
        let rows: [(&[Row<'_>], Option<i64>); 6] = [
            (&[], None),
            (&[("auto-reply", "failed", 1), ("notice", "failed", 2)], Some(2)),
            (&[("auto-reply", "failed", 1), ("notice", "sent", 2)], None),
            (&[("auto-reply", "failed", 1), ("notice", "sent", 30)], Some(1)),
            (&[("auto-reply", "failed", 30)], None),
            (&[("mail", "failed", 1), ("mail", "sent", 1)], None),
        ];
        for (sent, expected) in rows {
            let store = Store::for_test()?;
            let found = store.write(|tx| {
                let raw_id = account_and_bytes(tx)?;
                for (kind, state, hours) in sent {
                    let settled = now.as_second() - hours * 3_600;
                    tx.execute(
                        "INSERT INTO outbox (kind, account_id, message_id, subject, envelope_from, raw_id, state, next_try_at,
                            last_error, created_at, settled_at) VALUES (?1, 1, 'm', '', '', ?2, ?3, 0, 'no', 0, ?4)",
                        params![kind, raw_id, state, settled],
                    )?;
                }
                automatic_failures(tx, 1, Timestamp::from_second(now.as_second() - 86_400)?)
            })?;
            assert_eq!(found, expected.map(|count| (count, "no".to_owned())), "{sent:?}");
        }
        Ok(())
    }
}
