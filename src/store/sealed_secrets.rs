//! Passwords of accounts that are kept in a database on a server, sealed; of a file they are files next to it.

use anyhow::Result;

use super::db::{Dialect, Tx, params};

/// A password that nobody can read without the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// As its file would be called.
    pub name: String,
    pub account_id: i64,
    /// What the key is known by.
    pub key: String,
    pub bytes: Vec<u8>,
}

/// All of them, by name.
pub fn all(tx: &Tx<'_>) -> Result<Vec<Sealed>> {
    if tx.dialect() == Dialect::Sqlite {
        return Ok(Vec::new());
    }
    tx.all("SELECT name, account_id, key_mark, sealed FROM sealed_secrets ORDER BY name", [], |row| {
        Ok(Sealed {
            name: row.get("name")?,
            account_id: row.get("account_id")?,
            key: row.get("key_mark")?,
            bytes: row.get("sealed")?,
        })
    })
}

/// Keeps a password in the place of the one that was there.
pub fn keep(tx: &Tx<'_>, one: &Sealed) -> Result<()> {
    tx.execute(
        "INSERT INTO sealed_secrets (name, account_id, key_mark, sealed) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (name) DO UPDATE SET account_id = ?2, key_mark = ?3, sealed = ?4",
        params![one.name, one.account_id, one.key, one.bytes],
    )
    .map(drop)
}

/// Forgets the password of this name.
pub fn remove(tx: &Tx<'_>, name: &str) -> Result<()> {
    tx.execute("DELETE FROM sealed_secrets WHERE name = ?1", params![name]).map(drop)
}
