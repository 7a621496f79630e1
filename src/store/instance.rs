//! Facts about this installation: its secret, the next case number, when what was done last.

use anyhow::{Context, Result};
use jiff::Timestamp;

use super::db::{Tx, params, seconds};

/// Writes the one row of a new database. `secret` keys the MAC of our message ids.
pub fn create(tx: &Tx<'_>, secret: &[u8; 32], now: Timestamp) -> Result<()> {
    tx.execute(
        "INSERT INTO instance (id, secret, created_at) VALUES (1, ?1, ?2)",
        params![secret.as_slice(), seconds(now)],
    )?;
    Ok(())
}

/// The 32 bytes that key the MAC of our message ids (B13.6).
pub fn secret(tx: &Tx<'_>) -> Result<[u8; 32]> {
    let secret: Vec<u8> = tx
        .value("SELECT secret FROM instance", [])?
        .context("the database has no instance row; is `init` unfinished?")?;
    secret.try_into().map_err(|_| anyhow::anyhow!("the instance secret has a wrong length"))
}

/// Takes the next case number; numbers are never used twice.
pub fn take_case_number(tx: &Tx<'_>) -> Result<i64> {
    tx.serialise("case numbers");
    tx.value("UPDATE instance SET next_case = next_case + 1 RETURNING next_case - 1", [])?
        .context("the database has no instance row; is `init` unfinished?")
}

/// Remembers that `fetch` polled.
pub fn fetched(tx: &Tx<'_>, now: Timestamp) -> Result<()> {
    tx.execute("UPDATE instance SET last_fetch_at = ?1", params![seconds(now)])?;
    Ok(())
}

/// Remembers that a backup was written.
pub fn backed_up(tx: &Tx<'_>, now: Timestamp) -> Result<()> {
    tx.execute("UPDATE instance SET last_backup_at = ?1", params![seconds(now)])?;
    Ok(())
}

/// When `fetch` last polled, and when the last backup was written.
pub fn last_times(tx: &Tx<'_>) -> Result<(Option<Timestamp>, Option<Timestamp>)> {
    let times = tx.one("SELECT last_fetch_at, last_backup_at FROM instance", [], |row| {
        Ok((row.opt_time("last_fetch_at")?, row.opt_time("last_backup_at")?))
    })?;
    Ok(times.unwrap_or_default())
}

/// The latest time that a run wrote down and that limits and pauses are counted from: where it is still to come, the
/// clock ran ahead then, or is slow now.
pub fn written_ahead(tx: &Tx<'_>) -> Result<Option<Timestamp>> {
    let sql = "SELECT max(at) AS latest FROM (
        SELECT last_fetch_at AS at FROM instance UNION ALL SELECT last_backup_at FROM instance
        UNION ALL SELECT created_at FROM instance UNION ALL SELECT last_good_at FROM accounts
        UNION ALL SELECT failing_since FROM accounts UNION ALL SELECT alerted_at FROM accounts
        UNION ALL SELECT send_failing_since FROM accounts UNION ALL SELECT breaker_reset_at FROM accounts
        UNION ALL SELECT edited_at FROM accounts UNION ALL SELECT digest_at FROM users
        UNION ALL SELECT max(failing_since) FROM outbox WHERE state = 'waiting'
        UNION ALL SELECT max(created_at) FROM outbox WHERE state = 'waiting'
        UNION ALL SELECT (SELECT max(r.created_at) FROM auto_replies r WHERE r.account_id = a.id) FROM accounts a
        UNION ALL SELECT max(waiting_since) FROM cases WHERE status IN ('New', 'Assigned', 'Pending')) AS written";
    tx.one(sql, [], |row| row.opt_time("latest")).map(Option::flatten)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::SignedDuration;

    use super::*;
    use crate::mail::address::Mailbox;
    use crate::moment;
    use crate::store::cases::{self, Opener};
    use crate::store::db::Store;
    use crate::store::{emails, notifications, outbox, sent_copies};

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    /// A desk on which everything happened at one moment, `?1`.
    const DESK: &[&str] = &[
        "INSERT INTO instance (id, secret, created_at, last_fetch_at) VALUES (1, ?2, ?1, ?1)",
        "INSERT INTO accounts (id, name, kind, address, fetch_since, created_at, edited_at, breaker_reset_at)
            VALUES (1, 'support', 'group', 'support@desk.example', 0, ?1, ?1, ?1)",
        "INSERT INTO users (id, username, login, created_at, digest_at) VALUES (1, 'ana', 'ana', ?1, ?1)",
        "INSERT INTO notifications (user_id, kind, text, created_at, digest) VALUES (1, 'failed', 'x', ?1, TRUE)",
        "INSERT INTO cases (id, number, key, name, account_id, created_at, modified_at) VALUES (1, 1, 'k', 'x', 1, ?1, ?1)",
        "INSERT INTO emails (id, message_id, status, subject, from_address, received_at, created_at, parent_type, parent_id,
            flow_account_id, undecided) VALUES (1, 'm', 'Archived', 'x', 'eva@x.example', ?1, ?1, 'case', 1, 1, TRUE)",
        "INSERT INTO raw_messages (id, size, sha256, codec, data) VALUES (1, ?1, ?2, 'none', ?2)",
        "INSERT INTO outbox (id, kind, account_id, message_id, subject, envelope_from, raw_id, state, created_at, next_try_at)
            VALUES (1, 'mail', 1, 'o', 'x', '', 1, 'waiting', ?1, ?1)",
        "INSERT INTO outbox (id, kind, account_id, message_id, subject, envelope_from, raw_id, state, created_at, next_try_at,
            settled_at) VALUES (2, 'mail', 1, 'p', 'x', '', 1, 'failed', 0, 0, ?1)",
        "INSERT INTO outbox_recipients (outbox_id, address, state, reply) VALUES (2, 'kim@x.example', 'failed', ?1)",
        "INSERT INTO sent_copies (outbox_id, next_try_at) VALUES (1, ?1)",
        "INSERT INTO auto_replies (account_id, address, case_id, email_id, outbox_id, created_at)
            VALUES (1, 'eva@x.example', 1, 1, 1, ?1)",
    ];

    /// Whether each rule that looks at the last hour or day counts what happened then.
    fn counted(then: Timestamp) -> (Vec<bool>, Option<Timestamp>) {
        let store = Store::for_test().unwrap();
        let counted = store.write(|tx| {
            for sql in DESK {
                match sql.contains("?2") {
                    true => tx.execute(sql, params![seconds(then), vec![0_u8]])?,
                    false => tx.execute(sql, params![seconds(then)])?,
                };
            }
            let hour = moment::last(SignedDuration::from_hours(1), NOW);
            let eva = Mailbox { name: String::new(), address: "eva@x.example".into() };
            let opener = Opener { account_id: 1, from: &eva, verdict: "" };
            let counted = vec![
                outbox::auto_replies_within(tx, 1, &hour, 9)? > 0,
                !outbox::auto_replies_to(tx, 1, "eva@x.example", &hour)?.is_empty(),
                outbox::auto_replies_to_domain(tx, 1, "x.example", None, &hour, 9)? > 0,
                !outbox::acknowledged(tx, 1, "x.example", &hour)?.is_empty(),
                !cases::opened_by(tx, &opener, None, &hour, 9)?.is_empty(),
                !emails::unverified_within(tx, 1, &hour)?.is_empty(),
                outbox::queue(tx, &hour, NOW)?.refused > 0,
                notifications::digests_due(tx, &hour)?.is_empty(),
                outbox::due(tx, 1, NOW)?.is_empty(),
                outbox::accounts_due(tx, NOW)?.is_empty(),
                sent_copies::due(tx, 1, NOW)?.is_empty(),
                sent_copies::accounts_due(tx, NOW)?.is_empty(),
            ];
            Ok((counted, written_ahead(tx)?))
        });
        counted.unwrap()
    }

    #[test]
    fn what_is_written_in_the_future_counts_for_no_limit_and_delays_nothing() {
        let year = SignedDuration::from_hours(24 * 365);
        assert_eq!(counted(NOW + year), (vec![false; 12], Some(NOW + year)));
        let minute = SignedDuration::from_mins(1);
        let (lately, latest) = counted(NOW - minute);
        assert_eq!((lately.iter().filter(|yes| **yes).count(), latest), (8, Some(NOW - minute)));
        // Put off for a minute, and for no more than the longest back-off.
        assert_eq!(counted(NOW + minute).0, [true; 12]);
    }
}
