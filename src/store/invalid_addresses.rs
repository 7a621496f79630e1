//! Addresses that do not exist, because a report on our mail has said so (B9.2).

use anyhow::Result;
use jiff::Timestamp;

use super::db::{Row, Tx, params, seconds};

/// An address to which no automatic mail goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidAddress {
    /// Address in lower case.
    pub address: String,
    /// Status code and words of the server that refused.
    pub reason: String,
    /// When the first report came.
    pub since: Timestamp,
}

impl InvalidAddress {
    fn from_row(row: &Row<'_>) -> Result<InvalidAddress> {
        Ok(InvalidAddress { address: row.get("address")?, reason: row.get("reason")?, since: row.time("since")? })
    }
}

/// Remembers that an address does not exist, for everybody or for mail of one account; a second report changes nothing.
pub fn add(tx: &Tx<'_>, address: &str, account_id: Option<i64>, reason: &str, now: Timestamp) -> Result<()> {
    tx.execute(
        "INSERT INTO invalid_addresses (address, account_id, reason, since) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        params![address.to_lowercase(), account_id, reason, seconds(now)],
    )?;
    Ok(())
}

/// The address exists after all; whether it was invalid for anybody.
pub fn remove(tx: &Tx<'_>, address: &str) -> Result<bool> {
    Ok(tx.execute("DELETE FROM invalid_addresses WHERE address = ?1", params![address.to_lowercase()])?.rows()? > 0)
}

/// What is known of an address, if it is invalid for everybody, or for mail of this account.
pub fn find(tx: &Tx<'_>, address: &str, account_id: Option<i64>) -> Result<Option<InvalidAddress>> {
    tx.one(
        "SELECT address, reason, since FROM invalid_addresses
            WHERE address = ?1 AND (account_id IS NULL OR account_id = ?2) ORDER BY account_id NULLS FIRST LIMIT 1",
        params![address.to_lowercase(), account_id],
        InvalidAddress::from_row,
    )
}

/// The invalid ones of some addresses, in their order; see [`find`].
pub fn among(tx: &Tx<'_>, addresses: &[String], account_id: Option<i64>) -> Result<Vec<InvalidAddress>> {
    let mut invalid = Vec::new();
    for address in addresses {
        invalid.extend(find(tx, address, account_id)?);
    }
    Ok(invalid)
}
