//! Queries that people keep under a name: their own ones, and those that are shared with a team or with everybody.

use anyhow::Result;
use jiff::Timestamp;

use super::db::{Row, Tx, exactly_one, params, seconds};
use super::log;
use super::sight::Sight;

/// Who can use a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// This user, by id.
    User(i64),
    /// The members of this team, by id and name.
    Team(i64, String),
    Everybody,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    pub id: i64,
    /// Unique among those of its user, or among the shared ones, in any case.
    pub name: String,
    pub query: String,
    pub owner: Owner,
    pub created_at: Timestamp,
}

impl Search {
    fn from_row(row: &Row<'_>) -> Result<Search> {
        let team: Option<i64> = row.get("team_id")?;
        let owner = match (row.get("user_id")?, team.zip(row.get::<Option<String>>("team")?)) {
            (Some(user_id), _) => Owner::User(user_id),
            (None, Some((id, name))) => Owner::Team(id, name),
            (None, None) => Owner::Everybody,
        };
        Ok(Search {
            id: row.get("id")?,
            name: row.get("name")?,
            query: row.get("query")?,
            owner,
            created_at: row.time("created_at")?,
        })
    }
}

/// The searches of a user, then the shared ones as far as they may be seen, each by name.
pub fn list(tx: &Tx<'_>, user_id: Option<i64>, sight: Sight) -> Result<Vec<Search>> {
    tx.all(
        "SELECT s.id, s.name, s.query, s.user_id, s.team_id, t.name AS team, s.created_at
            FROM searches s LEFT JOIN teams t ON t.id = s.team_id
            WHERE s.user_id = ?2 OR (s.user_id IS NULL AND (s.team_id IS NULL OR ?1 IS NULL
                OR EXISTS (SELECT 1 FROM team_members m WHERE m.team_id = s.team_id AND m.user_id = ?1)))
            ORDER BY s.user_id IS NULL, lower(s.name)",
        params![sight.parameter(), user_id],
        Search::from_row,
    )
}

/// Whether a user has a search of this name, or (`None`) there is a shared one, in any case; its id.
pub fn id_of(tx: &Tx<'_>, user_id: Option<i64>, name: &str) -> Result<Option<i64>> {
    tx.value(
        "SELECT id FROM searches WHERE user_id IS NOT DISTINCT FROM ?1 AND lower(name) = lower(?2)",
        params![user_id, name],
    )
}

/// Adds a search; the id.
pub fn add(tx: &Tx<'_>, name: &str, query: &str, owner: &Owner, now: Timestamp) -> Result<i64> {
    let (user_id, team_id) = match owner {
        Owner::User(id) => (Some(*id), None),
        Owner::Team(id, _) => (None, Some(*id)),
        Owner::Everybody => (None, None),
    };
    tx.insert(
        "INSERT INTO searches (name, query, user_id, team_id, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![name, query, user_id, team_id, seconds(now)],
    )
}

/// Gives a search another name.
pub fn rename(tx: &Tx<'_>, id: i64, name: &str) -> Result<()> {
    exactly_one(tx.execute("UPDATE searches SET name = ?2 WHERE id = ?1", params![id, name])?)
}

/// Deletes a search.
pub fn delete(tx: &Tx<'_>, search: &Search) -> Result<()> {
    // What users call their own searches is their business.
    if !matches!(search.owner, Owner::User(_)) {
        log::remember(tx, "search", search.id)?;
    }
    exactly_one(tx.execute("DELETE FROM searches WHERE id = ?1", params![search.id])?)
}
