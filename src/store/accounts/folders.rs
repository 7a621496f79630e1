//! Monitored folders with their watermarks (B2.2, B2.3).

use anyhow::Result;

use crate::store::db::{Tx, params};

/// A monitored folder and its watermark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Name.
    pub name: String,
    /// UIDVALIDITY of the last poll; `None` = never opened.
    pub uidvalidity: Option<u32>,
    /// Everything up to this UID is in the ledger.
    pub last_uid: u32,
    /// Was there at the first poll: for UIDs up to here fetch-since decides.
    pub past_uid: u32,
    /// The folder's own last error.
    pub failure: String,
}

/// Monitored folders in the order of polling.
pub fn folders(tx: &Tx<'_>, account_id: i64) -> Result<Vec<Folder>> {
    tx.all(
        "SELECT name, uidvalidity, last_uid, past_uid, failure FROM account_folders WHERE account_id = ?1 ORDER BY position",
        params![account_id],
        |row| {
            Ok(Folder {
                name: row.get("name")?,
                uidvalidity: row.get("uidvalidity")?,
                last_uid: row.get("last_uid")?,
                past_uid: row.get("past_uid")?,
                failure: row.get("failure")?,
            })
        },
    )
}

/// Replaces the list of monitored folders; those that stay keep their watermark.
pub fn put_folders(tx: &Tx<'_>, account_id: i64, names: &[String]) -> Result<()> {
    for folder in folders(tx, account_id)? {
        if !names.contains(&folder.name) {
            tx.execute(
                "DELETE FROM account_folders WHERE account_id = ?1 AND name = ?2",
                params![account_id, folder.name],
            )?;
        }
    }
    for (i, name) in names.iter().enumerate() {
        tx.execute(
            "INSERT INTO account_folders (account_id, name, position) VALUES (?1, ?2, ?3)
                ON CONFLICT (account_id, name) DO UPDATE SET position = excluded.position",
            params![account_id, name, i64::try_from(i)?],
        )?;
    }
    Ok(())
}

/// Begins a folder anew under this UIDVALIDITY (B2.3).
pub fn begin_folder(tx: &Tx<'_>, account_id: i64, folder: &str, uidvalidity: u32, past_uid: u32) -> Result<()> {
    tx.execute(
        "UPDATE account_folders SET uidvalidity = ?3, last_uid = 0, past_uid = ?4 WHERE account_id = ?1 AND name = ?2",
        params![account_id, folder, uidvalidity, past_uid],
    )?;
    Ok(())
}

/// Moves the watermark up; never down, and only while the folder still has this UIDVALIDITY.
pub fn raise_watermark(tx: &Tx<'_>, account_id: i64, folder: &str, uidvalidity: u32, last_uid: u32) -> Result<()> {
    tx.execute(
        "UPDATE account_folders SET last_uid = ?4 WHERE account_id = ?1 AND name = ?2 AND uidvalidity = ?3 AND last_uid < ?4",
        params![account_id, folder, uidvalidity, last_uid],
    )?;
    Ok(())
}

/// Forgets the watermarks, so that the next poll looks at everything since fetch-since again.
pub fn reset(tx: &Tx<'_>, account_id: i64) -> Result<()> {
    tx.execute(
        "UPDATE account_folders SET uidvalidity = NULL, last_uid = 0, past_uid = 0 WHERE account_id = ?1",
        params![account_id],
    )?;
    Ok(())
}

/// Remembers a folder's error; empty = fine again.
pub fn set_folder_failure(tx: &Tx<'_>, account_id: i64, folder: &str, failure: &str) -> Result<()> {
    tx.execute(
        "UPDATE account_folders SET failure = ?3 WHERE account_id = ?1 AND name = ?2 AND failure <> ?3",
        params![account_id, folder, failure],
    )?;
    Ok(())
}
