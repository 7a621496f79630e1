//! What is still to be done on the server after the import has been committed (B2.9).

use anyhow::Result;

use super::db::{Tx, params};

/// A pending action with the place of its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAction {
    pub id: i64,
    pub folder: String,
    /// UIDVALIDITY; the action is void when the folder has another.
    pub uidvalidity: u32,
    pub uid: u32,
    /// `seen`, `delete` or `move:FOLDER`.
    pub action: String,
}

/// Plans an action for a delivery; one that is planned already stays.
pub fn plan(tx: &Tx<'_>, delivery_id: i64, action: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO server_actions (delivery_id, action) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        params![delivery_id, action],
    )?;
    Ok(())
}

/// Pending actions of an account after the import, by folder and UID; junk is asked for by itself. `CROSS JOIN`: few are pending, of all that an account delivered.
pub fn pending(tx: &Tx<'_>, account_id: i64) -> Result<Vec<ServerAction>> {
    tx.all(
        "SELECT s.id, d.folder, d.uidvalidity, d.uid, s.action FROM server_actions s CROSS JOIN deliveries d ON d.id = s.delivery_id
            WHERE d.account_id = ?1 AND s.action NOT IN ('junk', 'not-junk', 'came-back') ORDER BY d.folder NULLS FIRST, s.action, d.uid NULLS FIRST",
        params![account_id],
        |row| {
            Ok(ServerAction {
                id: row.get("id")?,
                folder: row.get("folder")?,
                uidvalidity: row.get("uidvalidity")?,
                uid: row.get("uid")?,
                action: row.get("action")?,
            })
        },
    )
}

/// The server has done it, or it has become void.
pub fn done(tx: &Tx<'_>, ids: &[i64]) -> Result<()> {
    for id in ids {
        tx.execute("DELETE FROM server_actions WHERE id = ?1", params![id])?;
    }
    Ok(())
}

/// Why the server refused the last time; empty = it did not, or it is done.
pub fn refusal(tx: &Tx<'_>, account_id: i64) -> Result<String> {
    let words: Option<String> = tx.value(
        "SELECT s.last_error FROM server_actions s CROSS JOIN deliveries d ON d.id = s.delivery_id
            WHERE d.account_id = ?1 AND s.last_error <> '' ORDER BY s.id DESC LIMIT 1",
        params![account_id],
    )?;
    Ok(words.unwrap_or_default())
}

/// The server refused; the next run tries again.
pub fn failed(tx: &Tx<'_>, ids: &[i64], error: &str) -> Result<()> {
    for id in ids {
        tx.execute(
            "UPDATE server_actions SET attempts = attempts + 1, last_error = ?2 WHERE id = ?1",
            params![id, error],
        )?;
    }
    Ok(())
}
