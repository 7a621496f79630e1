//! Teams and their members with positions (B1.1).

use anyhow::Result;
use jiff::Timestamp;

use super::db::{Tx, params, seconds};
use super::log;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    pub id: i64,
    /// Unique name.
    pub name: String,
}

/// A member of a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub user_id: i64,
    pub username: String,
    /// Free text, e.g. `Agent`; empty = none.
    pub position: String,
}

/// Adds a team; the id.
pub fn add(tx: &Tx<'_>, name: &str, now: Timestamp) -> Result<i64> {
    tx.insert("INSERT INTO teams (name, created_at) VALUES (?1, ?2)", params![name, seconds(now)])
}

/// Gives a team another name.
pub fn rename(tx: &Tx<'_>, id: i64, name: &str) -> Result<()> {
    tx.execute("UPDATE teams SET name = ?2 WHERE id = ?1", params![id, name])?;
    Ok(())
}

/// Deletes a team; the caller has made sure that no account uses it as case team.
pub fn delete(tx: &Tx<'_>, id: i64) -> Result<()> {
    log::remember(tx, "team", id)?;
    tx.execute("DELETE FROM teams WHERE id = ?1", params![id])?;
    Ok(())
}

/// All teams by name.
pub fn all(tx: &Tx<'_>) -> Result<Vec<Team>> {
    tx.all("SELECT id, name FROM teams ORDER BY lower(name)", [], |row| {
        Ok(Team { id: row.get("id")?, name: row.get("name")? })
    })
}

/// By name, in any case.
pub fn by_name(tx: &Tx<'_>, name: &str) -> Result<Option<Team>> {
    tx.one("SELECT id, name FROM teams WHERE lower(name) = lower(?1)", params![name], |row| {
        Ok(Team { id: row.get("id")?, name: row.get("name")? })
    })
}

pub fn by_id(tx: &Tx<'_>, id: i64) -> Result<Option<Team>> {
    tx.one("SELECT id, name FROM teams WHERE id = ?1", params![id], |row| {
        Ok(Team { id: row.get("id")?, name: row.get("name")? })
    })
}

/// Members by username.
pub fn members(tx: &Tx<'_>, team_id: i64) -> Result<Vec<Member>> {
    tx.all(
        "SELECT m.user_id, u.username, m.position FROM team_members m JOIN users u ON u.id = m.user_id
            WHERE m.team_id = ?1 ORDER BY lower(u.username)",
        params![team_id],
        |row| {
            Ok(Member { user_id: row.get("user_id")?, username: row.get("username")?, position: row.get("position")? })
        },
    )
}

/// Makes a user a member, or changes the position of one.
pub fn put_member(tx: &Tx<'_>, team_id: i64, user_id: i64, position: &str) -> Result<()> {
    membership(tx, team_id, user_id);
    tx.execute(
        "INSERT INTO team_members (team_id, user_id, position) VALUES (?1, ?2, ?3)
            ON CONFLICT (team_id, user_id) DO UPDATE SET position = excluded.position",
        params![team_id, user_id, position],
    )?;
    Ok(())
}

/// Ends a membership; whether there was one.
pub fn remove_member(tx: &Tx<'_>, team_id: i64, user_id: i64) -> Result<bool> {
    membership(tx, team_id, user_id);
    Ok(tx.execute("DELETE FROM team_members WHERE team_id = ?1 AND user_id = ?2", params![team_id, user_id])?.rows()?
        > 0)
}

/// The rows of members have no ids by which the log could know of them.
fn membership(tx: &Tx<'_>, team_id: i64, user_id: i64) {
    tx.about("team", team_id);
    tx.about("user", user_id);
}

/// Whether a user is a member.
pub fn is_member(tx: &Tx<'_>, team_id: i64, user_id: i64) -> Result<bool> {
    let found: Option<i64> =
        tx.value("SELECT 1 FROM team_members WHERE team_id = ?1 AND user_id = ?2", params![team_id, user_id])?;
    Ok(found.is_some())
}

/// Names of the teams that two users have in common.
pub fn in_common(tx: &Tx<'_>, one: i64, other: i64) -> Result<Vec<String>> {
    tx.values(
        "SELECT t.name FROM team_members a JOIN team_members b ON b.team_id = a.team_id JOIN teams t ON t.id = a.team_id
            WHERE a.user_id = ?1 AND b.user_id = ?2 ORDER BY lower(t.name)",
        params![one, other],
    )
}

pub fn of_user(tx: &Tx<'_>, user_id: i64) -> Result<Vec<Team>> {
    tx.all(
        "SELECT t.id, t.name FROM teams t JOIN team_members m ON m.team_id = t.id
            WHERE m.user_id = ?1 ORDER BY lower(t.name)",
        params![user_id],
        |row| Ok(Team { id: row.get("id")?, name: row.get("name")? }),
    )
}

/// Accounts that use this team as their case team.
pub fn used_by_accounts(tx: &Tx<'_>, team_id: i64) -> Result<Vec<String>> {
    tx.values("SELECT name FROM accounts WHERE case_team_id = ?1 ORDER BY lower(name)", params![team_id])
}
