//! Filters as they are stored (B10): ordered rows, their conditions as text, what they do with ids of what they name.

use std::collections::HashMap;

use anyhow::Result;
use jiff::Timestamp;

use super::db::{Row, Tx, exactly_one, params, seconds};
use super::label::labels;
use super::log;
use super::sight::Sight;

labels! {
    /// What a filter does.
    pub enum ActionKind {
        /// The mail is not imported; of a user: it goes into their trash.
        Skip = "skip",
        /// Into a group folder; for a user: into their own folder.
        Folder = "folder",
        /// A team may read it.
        Team = "team",
        /// It opens no case.
        NoCase = "no-case",
        /// It gets no automatic reply.
        NoAutoReply = "no-auto-reply",
        /// Priority of the case it opens.
        Priority = "priority",
        /// Type of the case it opens.
        Type = "type",
        /// A tag for the case it opens or joins.
        Tag = "tag",
        /// Who gets the case it opens.
        Assign = "assign",
        /// It is read already.
        Read = "read",
        /// The user is not told of it.
        NoNotification = "no-notification",
        Important = "important",
        /// Nothing, and the filters after it are not asked.
        None = "none",
    }
}

/// Whose mail a filter is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// All mail.
    Global,
    /// What this account delivers.
    Account(i64),
    /// The inbox of this user.
    User(i64),
}

impl Scope {
    fn ids(self) -> (Option<i64>, Option<i64>) {
        match self {
            Scope::Global => (None, None),
            Scope::Account(id) => (Some(id), None),
            Scope::User(id) => (None, Some(id)),
        }
    }
}

/// One thing a filter does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What.
    pub kind: ActionKind,
    /// Priority, type or tag, or how the team, user or folder is called now; empty where the kind needs none.
    pub value: String,
    /// The team, user or folder.
    pub target: Option<i64>,
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.value.as_str() {
            "" => write!(f, "{}", self.kind),
            value => write!(f, "{}:{value}", self.kind),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// Id; 0 before it is added.
    pub id: i64,
    /// Unique among the global and group accounts' ones, or among those of its user or personal account.
    pub name: String,
    /// Whose mail.
    pub scope: Scope,
    /// Order among those of the same scope; [`put`] sees to it.
    pub position: i64,
    /// Asked before the global ones (B10.4).
    pub over_global: bool,
    /// The filters after it are asked although it matched.
    pub continues: bool,
    /// Whether it is asked at all.
    pub active: bool,
    /// One a line; all must hold.
    pub conditions: String,
    /// What it does, in its order.
    pub actions: Vec<Action>,
    /// Messages it matched when they came.
    pub hits: i64,
    /// When the last of them came.
    pub last_hit_at: Option<Timestamp>,
}

impl Filter {
    fn from_row(row: &Row<'_>) -> Result<Filter> {
        let scope = match (row.get("account_id")?, row.get("user_id")?) {
            (Some(account), _) => Scope::Account(account),
            (None, Some(user)) => Scope::User(user),
            (None, None) => Scope::Global,
        };
        Ok(Filter {
            id: row.get("id")?,
            name: row.get("name")?,
            scope,
            position: row.get("position")?,
            over_global: row.get("over_global")?,
            continues: row.get("continues")?,
            active: row.get("active")?,
            conditions: row.get("conditions")?,
            actions: Vec::new(),
            hits: row.get("hits")?,
            last_hit_at: row.opt_time("last_hit_at")?,
        })
    }

    /// Its place in the order in which filters are asked (B10.4): what an account takes out of the global ones, the
    /// global ones, those of accounts; users' come last, for they are asked about what was let in.
    pub fn rank(&self) -> (u8, Scope, i64) {
        let group = match (self.scope, self.over_global) {
            (Scope::Account(_), true) => 0,
            (Scope::Global, _) => 1,
            (Scope::Account(_), false) => 2,
            (Scope::User(_), _) => 3,
        };
        (group, self.scope, self.position)
    }
}

const SELECT: &str = "SELECT f.id, f.name, f.account_id, f.user_id, f.position, f.over_global, f.continues, f.active,
    f.conditions, f.hits, f.last_hit_at FROM filters f";

/// All filters in the order in which they are asked (B10.4).
pub fn all(tx: &Tx<'_>) -> Result<Vec<Filter>> {
    let mut filters = tx.all(SELECT, [], Filter::from_row)?;
    filters.sort_by_key(Filter::rank);
    let mut actions = all_actions(tx)?;
    for filter in &mut filters {
        filter.actions = actions.remove(&filter.id).unwrap_or_default();
    }
    Ok(filters)
}

/// Whether a filter may look into the text of mail.
pub fn look_into_bodies(tx: &Tx<'_>) -> Result<bool> {
    let sql = "SELECT 1 FROM filters WHERE active AND instr(conditions, 'body') > 0 LIMIT 1";
    Ok(tx.value::<i64>(sql, [])?.is_some())
}

/// What filters do, by the id of the filter, in their order.
fn all_actions(tx: &Tx<'_>) -> Result<HashMap<i64, Vec<Action>>> {
    let mut actions: HashMap<i64, Vec<Action>> = HashMap::new();
    tx.all(
        "SELECT a.filter_id, a.kind, coalesce(t.name, u.username, d.name,
                    CASE a.kind WHEN 'folder' THEN a.value || ' (deleted)' ELSE a.value END) AS value,
                coalesce(a.team_id, a.user_id, a.folder_id) AS target
            FROM filter_actions a LEFT JOIN teams t ON t.id = a.team_id LEFT JOIN users u ON u.id = a.user_id
                LEFT JOIN folders d ON d.id = a.folder_id
            ORDER BY a.filter_id, a.position",
        [],
        |row| {
            let action = Action { kind: row.label("kind")?, value: row.get("value")?, target: row.get("target")? };
            actions.entry(row.get("filter_id")?).or_default().push(action);
            Ok(())
        },
    )?;
    Ok(actions)
}

/// Adds a filter at the end of its scope; the id.
pub fn add(tx: &Tx<'_>, filter: &Filter, now: Timestamp) -> Result<i64> {
    let (account_id, user_id) = filter.scope.ids();
    let id = tx.insert(
        "INSERT INTO filters (name, account_id, user_id, position, over_global, continues, active, conditions, created_at)
            VALUES (?1, ?2, ?3, (SELECT coalesce(max(position), 0) + 1 FROM filters
                WHERE account_id IS NOT DISTINCT FROM ?2 AND user_id IS NOT DISTINCT FROM ?3), ?4, ?5, ?6, ?7, ?8)",
        params![
            filter.name,
            account_id,
            user_id,
            filter.over_global,
            filter.continues,
            filter.active,
            filter.conditions,
            seconds(now)
        ],
    )?;
    write_actions(tx, id, &filter.actions)?;
    Ok(id)
}

/// Writes everything but scope, place and hits back.
pub fn update(tx: &Tx<'_>, filter: &Filter) -> Result<()> {
    exactly_one(tx.execute(
        "UPDATE filters SET name = ?2, over_global = ?3, continues = ?4, active = ?5, conditions = ?6 WHERE id = ?1",
        params![filter.id, filter.name, filter.over_global, filter.continues, filter.active, filter.conditions],
    )?)?;
    tx.execute("DELETE FROM filter_actions WHERE filter_id = ?1", params![filter.id])?;
    write_actions(tx, filter.id, &filter.actions)
}

fn write_actions(tx: &Tx<'_>, id: i64, actions: &[Action]) -> Result<()> {
    for (position, action) in actions.iter().enumerate() {
        let column = |kind| action.target.filter(|_| action.kind == kind);
        tx.execute(
            "INSERT INTO filter_actions (filter_id, position, kind, value, team_id, user_id, folder_id)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                id,
                i64::try_from(position)?,
                action.kind.as_str(),
                action.value,
                column(ActionKind::Team),
                column(ActionKind::Assign),
                column(ActionKind::Folder)
            ],
        )?;
    }
    Ok(())
}

/// Deletes a filter.
pub fn delete(tx: &Tx<'_>, id: i64) -> Result<()> {
    log::remember(tx, "filter", id)?;
    exactly_one(tx.execute("DELETE FROM filters WHERE id = ?1", params![id])?)
}

/// Puts a filter before another of its scope, or (`None`) after all of them.
pub fn put(tx: &Tx<'_>, id: i64, before: Option<i64>) -> Result<()> {
    let mut order: Vec<i64> = tx.values(
        "SELECT f.id FROM filters f JOIN filters me ON me.id = ?1
            WHERE f.account_id IS NOT DISTINCT FROM me.account_id AND f.user_id IS NOT DISTINCT FROM me.user_id AND f.id <> ?1
            ORDER BY f.position",
        params![id],
    )?;
    let at = order.iter().position(|other| Some(*other) == before).unwrap_or(order.len());
    order.insert(at, id);
    for (position, id) in order.iter().enumerate() {
        tx.execute("UPDATE filters SET position = ?2 WHERE id = ?1", params![id, i64::try_from(position)? + 1])?;
    }
    Ok(())
}

/// Counts a message that came and matched.
pub fn hit(tx: &Tx<'_>, id: i64, now: Timestamp) -> Result<()> {
    tx.execute("UPDATE filters SET hits = hits + 1, last_hit_at = ?2 WHERE id = ?1", params![id, seconds(now)])?;
    Ok(())
}

/// Names of the filters that give mail to this team, or put it into this folder.
pub fn naming(tx: &Tx<'_>, kind: ActionKind, target: i64) -> Result<Vec<String>> {
    tx.values(
        "SELECT f.name FROM filter_actions a JOIN filters f ON f.id = a.filter_id
            WHERE a.kind = ?1 AND coalesce(a.team_id, a.user_id, a.folder_id) = ?2 GROUP BY f.name ORDER BY lower(f.name)",
        params![kind.as_str(), target],
    )
}

/// Mail of the archive that a filter is to be asked about, as far as it may be seen: id, stored source, bytes of it. What
/// was received at `since` or later, with an id above `after`, at most `limit`. `unsorted`: of a user's, only what the user
/// has not moved out of the inbox.
pub fn archive(
    tx: &Tx<'_>,
    scope: Scope,
    unsorted: bool,
    since: Timestamp,
    after: i64,
    limit: i64,
    sight: Sight,
) -> Result<Vec<(i64, i64, u64)>> {
    let (account_id, user_id) = scope.ids();
    tx.all(
        &format!(
            "SELECT e.id, e.raw_id, r.size FROM emails e JOIN raw_messages r ON r.id = e.raw_id
                WHERE e.id > ?2 AND e.received_at >= ?3 AND e.status = 'Archived' AND {}
                AND (?4 IS NULL OR EXISTS (SELECT 1 FROM deliveries d WHERE d.email_id = e.id AND d.account_id = ?4))
                AND (?5 IS NULL OR EXISTS (SELECT 1 FROM email_users own
                    WHERE own.email_id = e.id AND own.user_id = ?5 AND own.folder = 'inbox'
                        AND (NOT ?7 OR (NOT own.trash AND NOT own.archive AND own.folder_id IS NULL))))
                ORDER BY e.id LIMIT ?6",
            sight.email()
        ),
        params![sight.parameter(), after, seconds(since), account_id, user_id, limit, unsorted],
        |row| Ok((row.get("id")?, row.get("raw_id")?, row.get::<i64>("size")?.try_into()?)),
    )
}
