//! Tombstones: mail that was erased and does not come back (B3.4, B13.8). Only a digest is kept of it.

use anyhow::Result;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::db::{Tx, params, seconds};

/// SHA-256 over the Message-ID (or `sha256:…` of the content), NUL, the From address, NUL, and the Date in seconds,
/// empty where there is none: what makes two messages the same email.
pub fn hash(message_id: &str, from: &str, date: Option<Timestamp>) -> [u8; 32] {
    let date = date.map(|date| seconds(date).to_string()).unwrap_or_default();
    Sha256::digest([message_id, from, &date].join("\0")).into()
}

/// Keeps an email from coming back.
pub fn add(tx: &Tx<'_>, hash: &[u8; 32], now: Timestamp) -> Result<()> {
    tx.execute(
        "INSERT INTO tombstones (hash, created_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        params![hash.as_slice(), seconds(now)],
    )?;
    Ok(())
}

/// Whether an email was erased.
pub fn contains(tx: &Tx<'_>, hash: &[u8; 32]) -> Result<bool> {
    // Most desks have erased nothing, which a server tells once for a batch of mail.
    if tx.value::<i64>("SELECT 1 FROM tombstones LIMIT 1", [])?.is_none() {
        return Ok(false);
    }
    let found: Option<i64> = tx.value("SELECT 1 FROM tombstones WHERE hash = ?1", params![hash.as_slice()])?;
    Ok(found.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_makes_an_email_the_same_counts() {
        let (date, other) = (Some(Timestamp::UNIX_EPOCH), Some(Timestamp::MAX));
        let one = hash("a@b", "kim@x.example", date);
        assert_eq!(one, hash("a@b", "kim@x.example", date));
        for (id, from, date) in [
            ("b@b", "kim@x.example", date),
            ("a@b", "eve@x.example", date),
            ("a@b", "kim@x.example", other),
            ("a@b", "kim@x.example", None),
            ("a@bkim", "@x.example", date),
        ] {
            assert_ne!(one, hash(id, from, date), "{id} {from} {date:?}");
        }
    }
}
