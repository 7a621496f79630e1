//! Users: the people who see and answer (B1.1).

use anyhow::Result;
use jiff::Timestamp;

use super::db::{Row, Tx, params, seconds};
use super::label::labels;
use super::log;
use super::permissions::{Level, Levels, Permission};

labels! {
    /// What a user may do at all.
    pub enum UserType {
        /// Everything.
        Admin = "admin",
        /// What teams and roles give.
        Regular = "regular",
    }
}

/// A user with their addresses, the primary one first.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    pub id: i64,
    /// Unique name on the command line.
    pub username: String,
    /// Display name, may be empty.
    pub name: String,
    /// Admin or regular.
    pub user_type: UserType,
    /// Inactive users keep what they own but get nothing new.
    pub active: bool,
    /// The operating system's name of this person.
    pub login: String,
    /// Away: gets no automatic assignment.
    pub away: bool,
    /// End of being away; `None` = until switched off.
    pub away_until: Option<Timestamp>,
    /// Addresses in lower case, the primary first.
    pub addresses: Vec<String>,
    /// Signature, plain text without its line of dashes; may be empty.
    pub signature: String,
    /// What their roles allow; of no weight for admins.
    pub levels: Levels,
}

impl User {
    /// Away at this moment.
    pub fn is_away(&self, now: Timestamp) -> bool {
        self.away && self.away_until.is_none_or(|until| now < until)
    }

    /// The display name, else the username.
    pub fn shown(&self) -> &str {
        if self.name.is_empty() { &self.username } else { &self.name }
    }

    fn from_row(row: &Row<'_>) -> Result<User> {
        let addresses: Option<String> = row.get("addresses")?;
        Ok(User {
            id: row.get("id")?,
            username: row.get("username")?,
            name: row.get("name")?,
            user_type: row.label("type")?,
            active: row.get("active")?,
            login: row.get("login")?,
            away: row.get("away")?,
            away_until: row.opt_time("away_until")?,
            addresses: addresses.unwrap_or_default().split('\n').filter(|a| !a.is_empty()).map(str::to_owned).collect(),
            signature: row.get("signature")?,
            levels: levels(row.get("grants")?)?,
        })
    }
}

const SELECT: &str = "SELECT u.id, u.username, u.name, u.type, u.active, u.login, u.away, u.away_until, u.signature,
        (SELECT string_agg(address, '\n') FROM
            (SELECT address FROM user_addresses WHERE user_id = u.id
                ORDER BY is_primary DESC, position, address) AS own) AS addresses,
        (SELECT string_agg(p.permission || ' ' || p.level, '\n') FROM role_permissions p WHERE p.role_id IN (
            SELECT role_id FROM role_users WHERE user_id = u.id
            UNION ALL SELECT rt.role_id FROM team_members tm JOIN role_teams rt ON rt.team_id = tm.team_id
                WHERE tm.user_id = u.id)) AS grants
    FROM users u";

/// What is granted, a permission and a level a line.
fn levels(grants: Option<String>) -> Result<Levels> {
    let grants = grants.unwrap_or_default();
    let one = |line: &str| -> Result<(Permission, Level)> {
        let (permission, level) = line.split_once(' ').unwrap_or((line, ""));
        Ok((permission.parse()?, level.parse()?))
    };
    Ok(Levels::widest(grants.lines().map(one).collect::<Result<Vec<_>>>()?))
}

/// A user to be added.
#[derive(Debug, Clone)]
pub struct NewUser<'a> {
    /// Unique name.
    pub username: &'a str,
    /// Display name.
    pub name: &'a str,
    /// Admin or regular.
    pub user_type: UserType,
    /// The operating system's name.
    pub login: &'a str,
    /// Addresses in lower case, the primary first.
    pub addresses: &'a [String],
}

/// Adds a user; the id.
pub fn add(tx: &Tx<'_>, user: &NewUser<'_>, now: Timestamp) -> Result<i64> {
    let id = tx.insert(
        "INSERT INTO users (username, name, type, login, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![user.username, user.name, user.user_type.as_str(), user.login, seconds(now)],
    )?;
    set_addresses(tx, id, user.addresses)?;
    Ok(id)
}

/// Replaces a user's addresses; the first becomes the primary one.
pub fn set_addresses(tx: &Tx<'_>, user_id: i64, addresses: &[String]) -> Result<()> {
    tx.execute("DELETE FROM user_addresses WHERE user_id = ?1", params![user_id])?;
    for (i, address) in addresses.iter().enumerate() {
        tx.execute(
            "INSERT INTO user_addresses (address, user_id, is_primary, position) VALUES (?1, ?2, ?3, ?4)",
            params![address, user_id, i == 0, i64::try_from(i)?],
        )?;
    }
    Ok(())
}

/// Writes every field back but the addresses, and the levels, which are those of roles.
pub fn update(tx: &Tx<'_>, user: &User) -> Result<()> {
    tx.execute(
        "UPDATE users SET username = ?2, name = ?3, type = ?4, active = ?5, login = ?6, away = ?7, away_until = ?8,
            signature = ?9 WHERE id = ?1",
        params![
            user.id,
            user.username,
            user.name,
            user.user_type.as_str(),
            user.active,
            user.login,
            user.away,
            user.away_until.map(seconds),
            user.signature,
        ],
    )?;
    Ok(())
}

/// All users by name.
pub fn all(tx: &Tx<'_>) -> Result<Vec<User>> {
    tx.all(&format!("{SELECT} ORDER BY lower(u.username)"), [], User::from_row)
}

pub fn by_id(tx: &Tx<'_>, id: i64) -> Result<Option<User>> {
    tx.one(&format!("{SELECT} WHERE u.id = ?1"), params![id], User::from_row)
}

/// By username, in any case.
pub fn by_username(tx: &Tx<'_>, username: &str) -> Result<Option<User>> {
    tx.one(&format!("{SELECT} WHERE lower(u.username) = lower(?1)"), params![username], User::from_row)
}

/// The user with this operating-system name, an active one first.
pub fn by_login(tx: &Tx<'_>, login: &str) -> Result<Option<User>> {
    tx.one(&format!("{SELECT} WHERE u.login = ?1 ORDER BY u.active DESC, u.id LIMIT 1"), params![login], User::from_row)
}

/// Whose address this is.
pub fn by_address(tx: &Tx<'_>, address: &str) -> Result<Option<User>> {
    tx.one(
        &format!("{SELECT} WHERE u.id = (SELECT user_id FROM user_addresses WHERE address = ?1)"),
        params![address],
        User::from_row,
    )
}

/// The addresses of all users.
pub fn addresses(tx: &Tx<'_>) -> Result<Vec<String>> {
    tx.values("SELECT address FROM user_addresses ORDER BY address", [])
}

/// Members of a team with this position (empty = any), ordered by id.
pub fn in_team(tx: &Tx<'_>, team_id: i64, position: &str) -> Result<Vec<User>> {
    tx.all(
        &format!(
            "{SELECT} JOIN team_members m ON m.user_id = u.id
            WHERE m.team_id = ?1 AND (?2 = '' OR m.position = ?2) ORDER BY u.id"
        ),
        params![team_id, position],
        User::from_row,
    )
}

/// Tables that name a user who did something, or to whom something belongs, with what is in them. What else names a user
/// goes with the user.
const TRACES: [(&str, &str, &str); 18] = [
    ("cases", "assigned_user_id", "cases"),
    ("cases", "requester_user_id", "cases"),
    ("emails", "user_id", "emails"),
    ("email_users", "user_id", "emails"),
    ("notes", "user_id", "notes"),
    ("outbox", "user_id", "letters"),
    ("companies", "assigned_user_id", "companies"),
    ("contacts", "assigned_user_id", "contacts"),
    ("leads", "assigned_user_id", "leads"),
    ("opportunities", "assigned_user_id", "opportunities"),
    ("followers", "user_id", "followed records"),
    ("accounts", "user_id", "accounts"),
    ("accounts", "assign_to_id", "accounts"),
    ("filters", "user_id", "filters"),
    ("filter_actions", "user_id", "filters"),
    ("email_junk", "user_id", "decisions about junk"),
    ("log_entries", "user_id", "entries of the log"),
    ("log_entries", "as_user_id", "entries of the log"),
];

/// What names a user and has to stay, in the plural; `None` = the user never did anything and has nothing.
pub fn trace(tx: &Tx<'_>, user_id: i64) -> Result<Option<&'static str>> {
    for (table, column, what) in TRACES {
        let sql = format!("SELECT 1 FROM {table} WHERE {column} = ?1 LIMIT 1");
        if tx.value::<i64>(&sql, params![user_id])?.is_some() {
            return Ok(Some(what));
        }
    }
    Ok(None)
}

/// Deletes a user without [`trace`]; addresses, memberships, roles, folders and notifications go too.
pub fn delete(tx: &Tx<'_>, id: i64) -> Result<()> {
    log::remember(tx, "user", id)?;
    tx.execute("DELETE FROM users WHERE id = ?1", params![id])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::super::db::Store;
    use super::*;

    #[test]
    fn nothing_that_names_a_user_loses_it_without_a_trace() {
        let store = Store::embedded_for_test().unwrap();
        let sql = "SELECT m.name AS name, f.\"from\" AS col FROM sqlite_master m, pragma_foreign_key_list(m.name) f
            WHERE m.type = 'table' AND f.\"table\" = 'users' AND f.on_delete <> 'CASCADE'";
        let naming: Vec<(String, String)> =
            store.read(|tx| tx.all(sql, [], |row| Ok((row.get("name")?, row.get("col")?)))).unwrap();
        let known: BTreeSet<(&str, &str)> = TRACES.iter().map(|(table, column, _)| (*table, *column)).collect();
        assert!(naming.len() > 10, "{naming:?}");
        for (table, column) in &naming {
            assert!(known.contains(&(table.as_str(), column.as_str())), "{table}.{column}");
        }
    }
}
