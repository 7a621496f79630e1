//! The state of an email for a user: read, important, and where it lies (B1.5, B6.3).
//!
//! A user who has an email in the inbox or in Sent has a copy of their own to sort, and these statements do nothing for
//! others. A group folder is a place of its own beside that, with trash and archive for everybody who works in it.

use anyhow::Result;
use jiff::Timestamp;

use crate::store::db::{Tx, params, seconds};
use crate::store::folders;
use crate::store::label::labels;

labels! {
    /// Where an email in a group folder lies, for everybody who works in it.
    pub enum GroupPlace {
        /// In the folder itself.
        Folder = "",
        /// Out of the way.
        Archive = "archive",
        Trash = "trash",
    }
}

/// A letter that was to be sent later is sent at this moment.
pub fn set_received_at(tx: &Tx<'_>, email_id: i64, at: Timestamp) -> Result<()> {
    tx.execute("UPDATE emails SET received_at = ?2 WHERE id = ?1", params![email_id, seconds(at)])?;
    Ok(())
}

/// Marks a user's copy as read or unread.
pub fn set_read(tx: &Tx<'_>, email_id: i64, user_id: i64, read: bool) -> Result<()> {
    set(tx, "UPDATE email_users SET read = ?3 WHERE email_id = ?1 AND user_id = ?2", email_id, user_id, read)
}

/// Which of these emails a user has a copy of that is unread.
pub fn unread_among(tx: &Tx<'_>, user_id: i64, ids: &[i64]) -> Result<Vec<i64>> {
    let sql = "SELECT email_id FROM email_users WHERE email_id = ?1 AND user_id = ?2 AND NOT read";
    ids.iter().filter_map(|id| tx.value(sql, params![id, user_id]).transpose()).collect()
}

/// Marks a user's copy as important, or takes the mark away.
pub fn set_important(tx: &Tx<'_>, email_id: i64, user_id: i64, important: bool) -> Result<()> {
    set(tx, "UPDATE email_users SET important = ?3 WHERE email_id = ?1 AND user_id = ?2", email_id, user_id, important)
}

/// Puts a user's copy into the trash, or back to where it was before.
pub fn set_trash(tx: &Tx<'_>, email_id: i64, user_id: i64, trash: bool) -> Result<()> {
    set(tx, "UPDATE email_users SET trash = ?3 WHERE email_id = ?1 AND user_id = ?2", email_id, user_id, trash)
}

/// Puts a user's copy into the archive, out of the trash too, or back to where it was before.
pub fn set_archive(tx: &Tx<'_>, email_id: i64, user_id: i64, archive: bool) -> Result<()> {
    let sql = "UPDATE email_users SET archive = ?3, trash = trash AND NOT ?3 WHERE email_id = ?1 AND user_id = ?2";
    set(tx, sql, email_id, user_id, archive)
}

/// Moves a user's copy into one of their folders, or (`None`) to the inbox or Sent; out of trash and archive.
pub fn move_to(tx: &Tx<'_>, email_id: i64, user_id: i64, folder_id: Option<i64>) -> Result<()> {
    tx.about("email", email_id);
    tx.execute(
        "UPDATE email_users SET folder_id = ?3, trash = FALSE, archive = FALSE WHERE email_id = ?1 AND user_id = ?2",
        params![email_id, user_id, folder_id],
    )?;
    Ok(())
}

/// Puts an email into a group folder, whose teams see it from now on (B6.1); out of its trash and archive, and out of
/// another group folder, whose teams see it no longer unless they do so by an account or case. `None` takes it out:
/// users who saw it go on seeing it.
pub fn put_into_group_folder(tx: &Tx<'_>, email_id: i64, folder_id: Option<i64>) -> Result<()> {
    if let (Some(old), Some(new)) = (group_folder(tx, email_id)?, folder_id)
        && old != new
    {
        folders::withdraw(tx, old, Some(email_id))?;
    }
    tx.execute("UPDATE emails SET group_folder_id = ?2, group_place = '' WHERE id = ?1", params![email_id, folder_id])?;
    folder_id.map_or(Ok(()), |folder_id| show_to_teams(tx, email_id, folder_id))
}

fn show_to_teams(tx: &Tx<'_>, email_id: i64, folder_id: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO email_teams (email_id, team_id) SELECT ?1, team_id FROM folder_teams WHERE folder_id = ?2
            ON CONFLICT DO NOTHING",
        params![email_id, folder_id],
    )?;
    Ok(())
}

/// What a delivery does: an email that lies in another group folder already stays there, and the teams of this one see
/// it too (B6.1).
pub fn deliver_to_group_folder(tx: &Tx<'_>, email_id: i64, folder_id: i64) -> Result<()> {
    match group_folder(tx, email_id)? {
        Some(_) => show_to_teams(tx, email_id, folder_id),
        None => put_into_group_folder(tx, email_id, Some(folder_id)),
    }
}

/// Moves an email within its group folder: into the trash, the archive or back, for everybody who works there.
pub fn set_group_place(tx: &Tx<'_>, email_id: i64, place: GroupPlace) -> Result<()> {
    tx.execute(
        "UPDATE emails SET group_place = ?2 WHERE id = ?1 AND group_folder_id IS NOT NULL",
        params![email_id, place.as_str()],
    )?;
    Ok(())
}

/// The group folder an email lies in, by id.
pub fn group_folder(tx: &Tx<'_>, email_id: i64) -> Result<Option<i64>> {
    Ok(tx.value("SELECT group_folder_id FROM emails WHERE id = ?1", params![email_id])?.flatten())
}

/// Whether a user has a copy of their own.
pub fn has_copy(tx: &Tx<'_>, email_id: i64, user_id: i64) -> Result<bool> {
    let found: Option<i64> =
        tx.value("SELECT 1 FROM email_users WHERE email_id = ?1 AND user_id = ?2", params![email_id, user_id])?;
    Ok(found.is_some())
}

/// Whether a user has moved their copy out of the inbox.
pub fn has_filed(tx: &Tx<'_>, email_id: i64, user_id: i64) -> Result<bool> {
    let found: Option<i64> = tx.value(
        "SELECT 1 FROM email_users WHERE email_id = ?1 AND user_id = ?2 AND (folder_id IS NOT NULL OR trash OR archive)",
        params![email_id, user_id],
    )?;
    Ok(found.is_some())
}

fn set(tx: &Tx<'_>, sql: &str, email_id: i64, user_id: i64, value: bool) -> Result<()> {
    tx.about("email", email_id);
    tx.execute(sql, params![email_id, user_id, value])?;
    Ok(())
}
