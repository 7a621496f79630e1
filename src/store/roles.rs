//! Roles: named sets of levels, given to users and to teams (B11.2).

use anyhow::Result;
use jiff::Timestamp;

use super::db::{Row, Tx, params, seconds};
use super::log;
use super::permissions::{Level, Permission};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    pub id: i64,
    /// Unique name.
    pub name: String,
}

impl Role {
    fn from_row(row: &Row<'_>) -> Result<Role> {
        Ok(Role { id: row.get("id")?, name: row.get("name")? })
    }
}

/// Who has a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// One user.
    User(i64),
    /// All members of a team.
    Team(i64),
}

/// What one role of a user says about a permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Name of the role.
    pub role: String,
    /// The team by which the user has it; `None` = their own.
    pub team: Option<String>,
    pub level: Level,
}

/// Adds a role that allows nothing yet; the id.
pub fn add(tx: &Tx<'_>, name: &str, now: Timestamp) -> Result<i64> {
    tx.insert("INSERT INTO roles (name, created_at) VALUES (?1, ?2)", params![name, seconds(now)])
}

/// Deletes a role, also from those who have it.
pub fn delete(tx: &Tx<'_>, id: i64) -> Result<()> {
    log::remember(tx, "role", id)?;
    tx.execute("DELETE FROM roles WHERE id = ?1", params![id])?;
    Ok(())
}

/// All roles by name.
pub fn all(tx: &Tx<'_>) -> Result<Vec<Role>> {
    tx.all("SELECT id, name FROM roles ORDER BY lower(name)", [], Role::from_row)
}

/// By name, in any case.
pub fn by_name(tx: &Tx<'_>, name: &str) -> Result<Option<Role>> {
    tx.one("SELECT id, name FROM roles WHERE lower(name) = lower(?1)", params![name], Role::from_row)
}

/// Sets the level of a permission; `None` = the role says nothing about it any more.
pub fn grant(tx: &Tx<'_>, role_id: i64, permission: Permission, level: Option<Level>) -> Result<()> {
    tx.about("role", role_id);
    tx.execute(
        "DELETE FROM role_permissions WHERE role_id = ?1 AND permission = ?2",
        params![role_id, permission.as_str()],
    )?;
    let Some(level) = level else { return Ok(()) };
    tx.execute(
        "INSERT INTO role_permissions (role_id, permission, level) VALUES (?1, ?2, ?3)",
        params![role_id, permission.as_str(), level.as_str()],
    )?;
    Ok(())
}

/// What a role sets.
pub fn permissions(tx: &Tx<'_>, role_id: i64) -> Result<Vec<(Permission, Level)>> {
    let mut set =
        tx.all("SELECT permission, level FROM role_permissions WHERE role_id = ?1", params![role_id], |row| {
            Ok((row.label("permission")?, row.label("level")?))
        })?;
    set.sort();
    Ok(set)
}

/// Gives a role; whether it was not had before.
pub fn assign(tx: &Tx<'_>, role_id: i64, holder: Holder) -> Result<bool> {
    about(tx, role_id, holder);
    let (sql, id) = match holder {
        Holder::User(id) => ("INSERT INTO role_users (role_id, user_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING", id),
        Holder::Team(id) => ("INSERT INTO role_teams (role_id, team_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING", id),
    };
    Ok(tx.execute(sql, params![role_id, id])?.rows()? > 0)
}

/// Takes a role away; whether it was had.
pub fn unassign(tx: &Tx<'_>, role_id: i64, holder: Holder) -> Result<bool> {
    about(tx, role_id, holder);
    let (sql, id) = match holder {
        Holder::User(id) => ("DELETE FROM role_users WHERE role_id = ?1 AND user_id = ?2", id),
        Holder::Team(id) => ("DELETE FROM role_teams WHERE role_id = ?1 AND team_id = ?2", id),
    };
    Ok(tx.execute(sql, params![role_id, id])?.rows()? > 0)
}

/// The log names the role and whose it becomes or was.
fn about(tx: &Tx<'_>, role_id: i64, holder: Holder) {
    tx.about("role", role_id);
    match holder {
        Holder::User(id) => tx.about("user", id),
        Holder::Team(id) => tx.about("team", id),
    }
}

/// Usernames of those who have a role themselves.
pub fn users(tx: &Tx<'_>, role_id: i64) -> Result<Vec<(i64, String)>> {
    tx.all(
        "SELECT u.id, u.username FROM role_users r JOIN users u ON u.id = r.user_id WHERE r.role_id = ?1
            ORDER BY lower(u.username)",
        params![role_id],
        |row| Ok((row.get("id")?, row.get("username")?)),
    )
}

/// Names of the teams that have a role.
pub fn teams(tx: &Tx<'_>, role_id: i64) -> Result<Vec<String>> {
    tx.values(
        "SELECT t.name FROM role_teams r JOIN teams t ON t.id = r.team_id WHERE r.role_id = ?1 ORDER BY lower(t.name)",
        params![role_id],
    )
}

/// Names of the roles of a team.
pub fn of_team(tx: &Tx<'_>, team_id: i64) -> Result<Vec<String>> {
    tx.values(
        "SELECT r.name FROM role_teams t JOIN roles r ON r.id = t.role_id WHERE t.team_id = ?1 ORDER BY lower(r.name)",
        params![team_id],
    )
}

/// Names of the roles of a user, own ones and those of their teams.
pub fn of_user(tx: &Tx<'_>, user_id: i64) -> Result<Vec<String>> {
    tx.values(
        "SELECT r.name FROM roles r WHERE r.id IN (SELECT role_id FROM role_users WHERE user_id = ?1
                UNION ALL SELECT t.role_id FROM team_members m JOIN role_teams t ON t.team_id = m.team_id WHERE m.user_id = ?1)
            ORDER BY lower(r.name)",
        params![user_id],
    )
}

/// What the roles of a user say about a permission, the widest first.
pub fn grants(tx: &Tx<'_>, user_id: i64, permission: Permission) -> Result<Vec<Grant>> {
    let mut grants = tx.all(
        "SELECT r.name AS role, h.team, p.level
            FROM (SELECT role_id, NULL AS team FROM role_users WHERE user_id = ?1
                UNION ALL SELECT rt.role_id, t.name FROM team_members m JOIN role_teams rt ON rt.team_id = m.team_id
                    JOIN teams t ON t.id = m.team_id WHERE m.user_id = ?1) h
            JOIN roles r ON r.id = h.role_id
            JOIN role_permissions p ON p.role_id = r.id AND p.permission = ?2
            ORDER BY lower(r.name), h.team NULLS FIRST",
        params![user_id, permission.as_str()],
        |row| Ok(Grant { role: row.get("role")?, team: row.get("team")?, level: row.label("level")? }),
    )?;
    grants.sort_by_key(|grant| std::cmp::Reverse(grant.level));
    Ok(grants)
}
