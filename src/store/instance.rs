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
