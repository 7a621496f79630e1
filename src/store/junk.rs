//! Mail that people called junk: it is out of lists and reports until somebody takes that back.

use anyhow::Result;
use jiff::Timestamp;

use super::db::{Tx, params, seconds};
use super::deliveries::Delivery;
use super::tombstones;

/// An email `e` is junk.
pub const IS_JUNK: &str = "EXISTS (SELECT 1 FROM email_junk j WHERE j.email_id = e.id)";
/// A case `c` was made by junk alone, and nobody has opened it again.
pub const IS_JUNK_CASE: &str =
    "(c.status = 'Rejected' AND EXISTS (SELECT 1 FROM email_junk j WHERE j.case_id = c.id AND j.rejected))";

/// What was said of an email.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Junk {
    /// Who said so; `None` = an administrator who is not a user.
    pub user_id: Option<i64>,
    /// The case that it belonged to.
    pub case_id: Option<i64>,
    /// It alone had made that case, which was rejected; else it was taken out of it.
    pub rejected: bool,
}

/// Takes an email out of lists and reports, and what was told of it out of the unread notifications.
pub fn add(tx: &Tx<'_>, email_id: i64, junk: Junk, now: Timestamp) -> Result<()> {
    tx.about("email", email_id);
    tx.execute(
        "INSERT INTO email_junk (email_id, user_id, at, case_id, rejected) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![email_id, junk.user_id, seconds(now), junk.case_id, junk.rejected],
    )?;
    tx.execute(
        "UPDATE notifications SET read_at = ?2, digest = FALSE WHERE email_id = ?1 AND read_at IS NULL",
        params![email_id, seconds(now)],
    )?;
    Ok(())
}

/// Who called an email junk, and when; `None` = it is not.
pub fn said_by(tx: &Tx<'_>, email_id: i64) -> Result<Option<(Option<String>, Timestamp)>> {
    let sql = "SELECT u.username, j.at FROM email_junk j LEFT JOIN users u ON u.id = j.user_id WHERE j.email_id = ?1";
    tx.one(sql, params![email_id], |row| Ok((row.get("username")?, row.time("at")?)))
}

/// What was said of an email; `None` = it is not junk.
pub fn of(tx: &Tx<'_>, email_id: i64) -> Result<Option<Junk>> {
    tx.one("SELECT user_id, case_id, rejected FROM email_junk WHERE email_id = ?1", params![email_id], |row| {
        Ok(Junk { user_id: row.get("user_id")?, case_id: row.get("case_id")?, rejected: row.get("rejected")? })
    })
}

/// Whether a case was rejected because all that people wrote in it is junk.
pub fn rejected(tx: &Tx<'_>, case_id: i64) -> Result<bool> {
    let found: Option<i64> =
        tx.value("SELECT 1 FROM email_junk WHERE case_id = ?1 AND rejected LIMIT 1", params![case_id])?;
    Ok(found.is_some())
}

/// Such a case is open again, also for the mail in it that is still junk.
pub fn opened(tx: &Tx<'_>, case_id: i64) -> Result<()> {
    tx.execute("UPDATE email_junk SET rejected = FALSE WHERE case_id = ?1", params![case_id])?;
    Ok(())
}

/// Takes it back.
pub fn remove(tx: &Tx<'_>, email_id: i64) -> Result<()> {
    tx.about("email", email_id);
    tx.execute("DELETE FROM email_junk WHERE email_id = ?1", params![email_id])?;
    Ok(())
}

/// What a server is to do with its copy: into the junk folder, or back.
pub const MOVE: &str = "junk";
pub const MOVE_BACK: &str = "not-junk";
/// Somebody has moved it back there: nothing is left to be done on the server.
pub const CAME_BACK: &str = "came-back";

/// Plans that for a delivery, in the place of what was planned before. What was said of a folder for junk holds for both ways.
pub fn plan(tx: &Tx<'_>, delivery_id: i64, action: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO server_actions (delivery_id, action) VALUES (?1, ?2)
            ON CONFLICT (delivery_id) DO UPDATE SET action = excluded.action, attempts = 0,
                last_error = CASE WHEN server_actions.action IN ('junk', 'not-junk') THEN server_actions.last_error ELSE '' END",
        params![delivery_id, action],
    )?;
    Ok(())
}

/// Whether this delivery is a message that was moved out of this folder as junk, and that somebody has moved back: a mail
/// program keeps its bytes and the moment of its arrival, which a second copy of the same mail does not have.
pub fn came_back(tx: &Tx<'_>, delivery: &Delivery, email_id: i64) -> Result<bool> {
    let found: Option<i64> = tx.value(
        "SELECT 1 FROM deliveries d JOIN email_junk j ON j.email_id = d.email_id
            WHERE d.email_id = ?1 AND d.account_id = ?2 AND d.folder = ?3 AND d.id < ?4 AND d.internal_date = ?5
                AND d.size = ?6 AND NOT d.truncated AND j.at <= ?7
                AND NOT EXISTS (SELECT 1 FROM server_actions s WHERE s.delivery_id = d.id) LIMIT 1",
        params![
            email_id,
            delivery.account_id,
            delivery.folder,
            delivery.id,
            seconds(delivery.internal_date),
            delivery.size,
            seconds(delivery.received_at)
        ],
    )?;
    Ok(found.is_some() && !delivery.truncated)
}

/// The emails that came back so, with the names of accounts and folders.
pub fn all_that_came_back(tx: &Tx<'_>) -> Result<Vec<(i64, i64, String)>> {
    tx.all(
        "SELECT s.id, d.email_id, a.name, d.folder FROM server_actions s JOIN deliveries d ON d.id = s.delivery_id
            JOIN accounts a ON a.id = d.account_id WHERE s.action = 'came-back' AND d.email_id IS NOT NULL ORDER BY s.id",
        [],
        |row| {
            let (account, folder): (String, Option<String>) = (row.get("name")?, row.get("folder")?);
            Ok((row.get("id")?, row.get("email_id")?, format!("{account}/{}", folder.unwrap_or_default())))
        },
    )
}

/// What waits for a folder of the server of an account, with what was said of that; `None` = nothing does.
pub fn stuck(tx: &Tx<'_>, account_id: i64) -> Result<Option<(i64, String)>> {
    let found = tx.one(
        "SELECT count(*) AS count, max(s.last_error) AS why FROM server_actions s CROSS JOIN deliveries d ON d.id = s.delivery_id
            WHERE d.account_id = ?1 AND s.action IN ('junk', 'not-junk') AND s.last_error <> ''",
        params![account_id],
        |row| Ok((row.get::<i64>("count")?, row.get::<Option<String>>("why")?)),
    )?;
    Ok(found.and_then(|(count, why)| Some((count, why?))))
}

/// A message that is to be moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub action_id: i64,
    pub email_id: i64,
    /// Where it was delivered, and goes back to.
    pub folder: String,
    /// `None` = the folder has been numbered in another way since.
    pub place: Option<(u32, u32)>,
    /// Out of the junk folder.
    pub back: bool,
    /// Why it was not moved before; empty = nobody has tried.
    pub last_error: String,
    /// Its Message-ID, or `sha256:…` of the content where there is none.
    pub message_id: String,
    /// Bytes as the server said.
    pub size: i64,
    /// What makes a message the same email ([`tombstones::hash`]).
    pub hash: [u8; 32],
}

/// What the server of an account is to move, by folder. `CROSS JOIN`: few are pending, of all that an account delivered.
pub fn wanted(tx: &Tx<'_>, account_id: i64) -> Result<Vec<Wanted>> {
    tx.all(
        "SELECT s.id, s.action, s.last_error, d.folder, d.uidvalidity, d.uid, d.size, e.id AS email_id, e.message_id, e.from_address, e.date
            FROM server_actions s CROSS JOIN deliveries d ON d.id = s.delivery_id CROSS JOIN emails e ON e.id = d.email_id
            WHERE d.account_id = ?1 AND s.action IN ('junk', 'not-junk') AND d.folder IS NOT NULL ORDER BY d.folder, d.uid",
        params![account_id],
        |row| {
            let message_id: String = row.get("message_id")?;
            let from: String = row.get("from_address")?;
            let (validity, uid): (Option<u32>, Option<u32>) = (row.get("uidvalidity")?, row.get("uid")?);
            Ok(Wanted {
                action_id: row.get("id")?,
                email_id: row.get("email_id")?,
                folder: row.get("folder")?,
                place: validity.zip(uid),
                back: row.get::<String>("action")? == MOVE_BACK,
                size: row.get("size")?,
                last_error: row.get("last_error")?,
                hash: tombstones::hash(&message_id, &from, row.opt_time("date")?),
                message_id,
            })
        },
    )
}
