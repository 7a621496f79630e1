//! Addresses that do not exist, as far as a report on mail of ours has said so (B9.2).

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

/// Remembers that an address does not exist; a second report changes nothing.
pub fn add(tx: &Tx<'_>, address: &str, reason: &str, now: Timestamp) -> Result<()> {
    tx.execute(
        "INSERT OR IGNORE INTO invalid_addresses (address, reason, since) VALUES (?1, ?2, ?3)",
        params![address.to_lowercase(), reason, seconds(now)],
    )?;
    Ok(())
}

/// The address exists after all; whether it was invalid.
pub fn remove(tx: &Tx<'_>, address: &str) -> Result<bool> {
    Ok(tx.execute("DELETE FROM invalid_addresses WHERE address = ?1", params![address.to_lowercase()])? > 0)
}

/// What is known of an address, if it is invalid.
pub fn find(tx: &Tx<'_>, address: &str) -> Result<Option<InvalidAddress>> {
    tx.one(
        "SELECT address, reason, since FROM invalid_addresses WHERE address = ?1",
        params![address.to_lowercase()],
        InvalidAddress::from_row,
    )
}

/// The invalid ones of some addresses, in their order.
pub fn among(tx: &Tx<'_>, addresses: &[String]) -> Result<Vec<InvalidAddress>> {
    let mut invalid = Vec::new();
    for address in addresses {
        invalid.extend(find(tx, address)?);
    }
    Ok(invalid)
}
