//! What changes about an email: parent, status, whose it is.

use anyhow::Result;

use super::EmailStatus;
use crate::store::db::{Tx, params};
use crate::store::records::Parent;

/// Links an email to a record; `verified` is false for B4.10. Nobody has to decide about verified mail, nor about mail
/// outside a case.
pub fn set_parent(tx: &Tx<'_>, email_id: i64, parent: Parent, verified: bool) -> Result<()> {
    tx.execute(
        "UPDATE emails SET parent_type = ?2, parent_id = ?3, verified = ?4,
            undecided = undecided AND NOT ?4 AND ?2 = 'case' WHERE id = ?1",
        params![email_id, parent.kind.as_str(), parent.id, verified],
    )?;
    Ok(())
}

/// Keeps a better verdict of the mail server about the author (B3.4).
pub fn set_verdict(tx: &Tx<'_>, email_id: i64, verdict: &str) -> Result<()> {
    tx.execute("UPDATE emails SET verdict = ?2 WHERE id = ?1", params![email_id, verdict])?;
    Ok(())
}

/// Marks unverified mail that somebody has to look at, or takes the mark away (B4.10).
pub fn set_undecided(tx: &Tx<'_>, email_id: i64, undecided: bool) -> Result<()> {
    tx.execute("UPDATE emails SET undecided = ?2 WHERE id = ?1", params![email_id, undecided])?;
    Ok(())
}

/// Takes an email out of what it belonged to.
pub fn clear_parent(tx: &Tx<'_>, email_id: i64) -> Result<()> {
    tx.execute(
        "UPDATE emails SET parent_type = NULL, parent_id = NULL, verified = TRUE, undecided = FALSE WHERE id = ?1",
        params![email_id],
    )?;
    Ok(())
}

/// Remembers that the email-to-case flow of this account ran for an email (B5.2).
pub fn set_flow(tx: &Tx<'_>, email_id: i64, account_id: i64) -> Result<()> {
    tx.execute("UPDATE emails SET flow_account_id = ?2 WHERE id = ?1", params![email_id, account_id])?;
    Ok(())
}

/// Changes the status.
pub fn set_status(tx: &Tx<'_>, email_id: i64, status: EmailStatus) -> Result<()> {
    tx.execute("UPDATE emails SET status = ?2 WHERE id = ?1", params![email_id, status.as_str()])?;
    Ok(())
}

/// The same for a letter of the outbox, which may have no email.
pub fn set_status_of(tx: &Tx<'_>, email_id: Option<i64>, status: EmailStatus) -> Result<()> {
    email_id.map_or(Ok(()), |id| set_status(tx, id, status))
}

/// Another name of our email.
pub fn add_alias(tx: &Tx<'_>, email_id: i64, message_id: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO message_id_aliases (message_id, email_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        params![message_id, email_id],
    )?;
    Ok(())
}

/// Puts an email into a user's inbox or Sent; what is there stays as it is.
pub fn add_user(tx: &Tx<'_>, email_id: i64, user_id: i64, sent: bool) -> Result<()> {
    tx.execute(
        "INSERT INTO email_users (email_id, user_id, folder, read) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        params![email_id, user_id, if sent { "sent" } else { "inbox" }, sent],
    )?;
    Ok(())
}

/// Puts an email into the inbox of the assignee of its case, unless it is private to others (B6.1).
pub fn add_assignee(tx: &Tx<'_>, email_id: i64, user_id: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO email_users (email_id, user_id) SELECT id, ?2 FROM emails WHERE id = ?1 AND NOT private
            ON CONFLICT DO NOTHING",
        params![email_id, user_id],
    )?;
    Ok(())
}

/// Puts a user's copy, wherever it came from, among what they have sent, as the email's author.
pub fn set_author(tx: &Tx<'_>, email_id: i64, user_id: i64) -> Result<()> {
    tx.execute("UPDATE emails SET user_id = ?2 WHERE id = ?1", params![email_id, user_id])?;
    add_user(tx, email_id, user_id, true)?;
    tx.execute(
        "UPDATE email_users SET folder = 'sent', read = TRUE WHERE email_id = ?1 AND user_id = ?2",
        params![email_id, user_id],
    )?;
    Ok(())
}

/// Keeps an email to those who have it in a folder of their own, or opens it to those who see its teams and case (B6.1).
pub fn set_private(tx: &Tx<'_>, email_id: i64, private: bool) -> Result<()> {
    tx.execute("UPDATE emails SET private = ?2 WHERE id = ?1", params![email_id, private])?;
    Ok(())
}

/// Marks an email as read by everybody who has it.
pub fn set_read_by_all(tx: &Tx<'_>, email_id: i64) -> Result<()> {
    tx.execute("UPDATE email_users SET read = TRUE WHERE email_id = ?1", params![email_id])?;
    Ok(())
}

/// The users who have an email in their inbox or in one of their folders, by id; not its sender.
pub fn inboxes(tx: &Tx<'_>, email_id: i64) -> Result<Vec<i64>> {
    tx.values(
        "SELECT user_id FROM email_users WHERE email_id = ?1 AND folder = 'inbox' ORDER BY user_id",
        params![email_id],
    )
}

/// Whether an email lies in a user's inbox, in none of their folders, archive or trash.
pub fn is_unsorted(tx: &Tx<'_>, email_id: i64, user_id: i64) -> Result<bool> {
    let sql = "SELECT 1 FROM email_users WHERE email_id = ?1 AND user_id = ?2 AND folder = 'inbox'
        AND NOT trash AND NOT archive AND folder_id IS NULL";
    Ok(tx.value::<i64>(sql, params![email_id, user_id])?.is_some())
}

/// Whether a user has put an email into the trash.
pub fn is_in_trash(tx: &Tx<'_>, email_id: i64, user_id: i64) -> Result<bool> {
    let trash: Option<bool> =
        tx.value("SELECT trash FROM email_users WHERE email_id = ?1 AND user_id = ?2", params![email_id, user_id])?;
    Ok(trash.unwrap_or_default())
}

/// Hides an email from a team.
pub fn remove_team(tx: &Tx<'_>, email_id: i64, team_id: i64) -> Result<()> {
    tx.execute("DELETE FROM email_teams WHERE email_id = ?1 AND team_id = ?2", params![email_id, team_id])?;
    Ok(())
}

/// Shows an email to a team.
pub fn add_team(tx: &Tx<'_>, email_id: i64, team_id: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO email_teams (email_id, team_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        params![email_id, team_id],
    )?;
    Ok(())
}

/// Shows all emails of a case to a team.
pub fn add_team_of_case(tx: &Tx<'_>, case_id: i64, team_id: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO email_teams (email_id, team_id)
            SELECT e.id, ?2 FROM emails e WHERE e.parent_type = 'case' AND e.parent_id = ?1 ON CONFLICT DO NOTHING",
        params![case_id, team_id],
    )?;
    Ok(())
}

/// Hides the emails of a case from a team, but those that an account of the team delivered.
pub fn remove_team_of_case(tx: &Tx<'_>, case_id: i64, team_id: i64) -> Result<()> {
    tx.execute(
        "DELETE FROM email_teams WHERE team_id = ?2
            AND email_id IN (SELECT e.id FROM emails e WHERE e.parent_type = 'case' AND e.parent_id = ?1)
            AND NOT EXISTS (SELECT 1 FROM deliveries d JOIN account_teams a ON a.account_id = d.account_id
                WHERE d.email_id = email_teams.email_id AND a.team_id = ?2)",
        params![case_id, team_id],
    )?;
    Ok(())
}
