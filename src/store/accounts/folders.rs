//! Monitored folders with their watermarks (B2.2, B2.3).

use anyhow::Result;

use super::PutIn;
use crate::store::db::{Row, Tx, params};

/// A monitored folder and its watermark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    pub name: String,
    /// UIDVALIDITY of the last poll; `None` = never opened.
    pub uidvalidity: Option<u32>,
    /// Everything up to this UID is in the ledger.
    pub last_uid: u32,
    /// Was there at the first poll: for UIDs up to here fetch-since decides.
    pub past_uid: u32,
    /// How many messages it has; `None` = the last poll did not come to its end.
    pub messages: Option<u32>,
    /// How many of these are from before fetch-since; `None` = no poll ever came to its end.
    pub past: Option<u32>,
    /// The folder's own last error.
    pub failure: String,
    /// The Sent folder: what lies there was written by the owner (B13.7).
    pub sent: bool,
    /// Where its mail goes besides (folder map).
    pub put_in: PutIn,
    /// The owner's folder that it goes into (folder map).
    pub folder_id: Option<i64>,
}

impl Folder {
    /// A folder that has never been opened.
    pub fn new(name: &str, sent: bool) -> Folder {
        let name = name.to_owned();
        Folder {
            name,
            uidvalidity: None,
            last_uid: 0,
            past_uid: 0,
            messages: None,
            past: None,
            failure: String::new(),
            sent,
            put_in: PutIn::Usual,
            folder_id: None,
        }
    }

    fn from_row(row: &Row<'_>) -> Result<Folder> {
        Ok(Folder {
            name: row.get("name")?,
            uidvalidity: row.get("uidvalidity")?,
            last_uid: row.get("last_uid")?,
            past_uid: row.get("past_uid")?,
            messages: row.get("messages")?,
            past: row.get("past")?,
            failure: row.get("failure")?,
            sent: row.get("sent")?,
            put_in: row.label("put_in")?,
            folder_id: row.get("folder_id")?,
        })
    }
}

const SELECT: &str = "SELECT name, uidvalidity, last_uid, past_uid, messages, past, failure, sent, put_in, folder_id FROM account_folders";

/// Monitored folders in the order of polling.
pub fn folders(tx: &Tx<'_>, account_id: i64) -> Result<Vec<Folder>> {
    tx.all(&format!("{SELECT} WHERE account_id = ?1 ORDER BY position"), params![account_id], Folder::from_row)
}

/// One monitored folder.
pub fn folder(tx: &Tx<'_>, account_id: i64, name: &str) -> Result<Option<Folder>> {
    tx.one(&format!("{SELECT} WHERE account_id = ?1 AND name = ?2"), params![account_id, name], Folder::from_row)
}

/// Replaces the list of monitored folders but the Sent folder, which [`put_sent`] sets; those that stay keep their
/// watermark.
pub fn put_folders(tx: &Tx<'_>, account_id: i64, names: &[String]) -> Result<()> {
    for folder in folders(tx, account_id)? {
        if !names.contains(&folder.name) && !folder.sent {
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

/// Makes a folder the account's Sent folder, polled last; `None` = there is none any more.
pub fn put_sent(tx: &Tx<'_>, account_id: i64, name: Option<&str>) -> Result<()> {
    tx.execute(
        "DELETE FROM account_folders WHERE account_id = ?1 AND sent AND name IS DISTINCT FROM ?2",
        params![account_id, name],
    )?;
    if let Some(name) = name {
        tx.execute(
            "INSERT INTO account_folders (account_id, name, position, sent) VALUES (?1, ?2, ?3, TRUE)
                ON CONFLICT (account_id, name) DO UPDATE SET sent = TRUE",
            params![account_id, name, LAST],
        )?;
    }
    Ok(())
}

/// The position of what is polled last.
const LAST: i64 = 1_000_000;

/// Says where the mail of a monitored folder goes besides (folder map).
pub fn map_folder(tx: &Tx<'_>, account_id: i64, name: &str, put_in: PutIn, folder_id: Option<i64>) -> Result<()> {
    tx.execute(
        "UPDATE account_folders SET put_in = ?3, folder_id = ?4 WHERE account_id = ?1 AND name = ?2",
        params![account_id, name, put_in.as_str(), folder_id],
    )?;
    Ok(())
}

/// Starts a folder again under this UIDVALIDITY (B2.3).
pub fn begin_folder(tx: &Tx<'_>, account_id: i64, folder: &str, uidvalidity: u32, past_uid: u32) -> Result<()> {
    tx.execute(
        "UPDATE account_folders SET uidvalidity = ?3, last_uid = 0, past_uid = ?4, messages = NULL, past = NULL
            WHERE account_id = ?1 AND name = ?2",
        params![account_id, folder, uidvalidity, past_uid],
    )?;
    Ok(())
}

/// Moves the watermark up in the middle of a poll; never down, and only while the folder still has this UIDVALIDITY.
pub fn raise_watermark(tx: &Tx<'_>, account_id: i64, folder: &str, uidvalidity: u32, last_uid: u32) -> Result<()> {
    tx.execute(
        "UPDATE account_folders SET last_uid = ?4, messages = NULL
            WHERE account_id = ?1 AND name = ?2 AND uidvalidity = ?3 AND last_uid < ?4",
        params![account_id, folder, uidvalidity, last_uid],
    )?;
    Ok(())
}

/// What a poll leaves, when everything that it found is in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Polled {
    /// Everything up to this UID is in the ledger, or of the past.
    pub up_to: u32,
    /// How many messages the folder has; `None` = some are left for the next run.
    pub messages: Option<u32>,
    /// How many from before fetch-since were left out.
    pub left_out: u32,
}

impl Polled {
    /// Whether it tells anything new.
    pub fn changes(&self, folder: &Folder) -> bool {
        folder.last_uid < self.up_to || folder.messages != self.messages || folder.past.is_none() || self.left_out > 0
    }
}

/// A poll has come to its end. What the first one has not put into the ledger is of the past.
pub fn polled(tx: &Tx<'_>, account_id: i64, folder: &str, uidvalidity: u32, polled: Polled) -> Result<()> {
    tx.execute(
        "UPDATE account_folders SET last_uid = CASE WHEN last_uid < ?4 THEN ?4 ELSE last_uid END, messages = ?5, past = CASE
                WHEN past IS NOT NULL THEN past + ?6
                WHEN ?5 IS NULL THEN NULL
                ELSE (SELECT CASE WHEN count(*) < ?5 THEN ?5 - count(*) ELSE 0 END FROM deliveries d
                    WHERE d.account_id = ?1 AND d.folder = ?2 AND d.uidvalidity = ?3)
            END
            WHERE account_id = ?1 AND name = ?2 AND uidvalidity = ?3",
        params![account_id, folder, uidvalidity, polled.up_to, polled.messages, polled.left_out],
    )?;
    Ok(())
}

/// Forgets the watermarks, so that the next poll looks at everything since fetch-since again.
pub fn reset(tx: &Tx<'_>, account_id: i64) -> Result<()> {
    tx.about("account", account_id);
    tx.execute(
        "UPDATE account_folders SET uidvalidity = NULL, last_uid = 0, past_uid = 0, messages = NULL, past = NULL
            WHERE account_id = ?1",
        params![account_id],
    )?;
    Ok(())
}

/// Folders that have more messages on the server than the ledger and the past explain, and how many more (B2.16).
pub fn unexplained(tx: &Tx<'_>, account_id: i64) -> Result<Vec<(String, i64)>> {
    tx.all(
        "SELECT name, more FROM (SELECT f.name, f.position, f.messages - f.past - (SELECT count(*) FROM deliveries d
                    WHERE d.account_id = f.account_id AND d.folder = f.name AND d.uidvalidity = f.uidvalidity) AS more
                FROM account_folders f WHERE f.account_id = ?1 AND f.messages > f.past) AS counted
            WHERE more > 0 ORDER BY position",
        params![account_id],
        |row| Ok((row.get("name")?, row.get("more")?)),
    )
}

/// Remembers a folder's error; empty = fine again.
pub fn set_folder_failure(tx: &Tx<'_>, account_id: i64, folder: &str, failure: &str) -> Result<()> {
    tx.execute(
        "UPDATE account_folders SET failure = ?3 WHERE account_id = ?1 AND name = ?2 AND failure <> ?3",
        params![account_id, folder, failure],
    )?;
    Ok(())
}
