//! Mail folders: personal ones, and group ones that belong to teams (B6.3).

use anyhow::Result;
use jiff::Timestamp;

use super::db::{Row, Tx, params, seconds};
use super::sight::Sight;

/// A folder of the archive; those on a server are [`super::accounts::Folder`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    pub id: i64,
    /// Unique among those of its owner, in any case.
    pub name: String,
    /// Whose it is; `None` = a group folder.
    pub user_id: Option<i64>,
    /// Teams of a group folder, ascending.
    pub team_ids: Vec<i64>,
}

impl Folder {
    fn from_row(row: &Row<'_>) -> Result<Folder> {
        let teams: Option<String> = row.get("team_ids")?;
        Ok(Folder {
            id: row.get("id")?,
            name: row.get("name")?,
            user_id: row.get("user_id")?,
            team_ids: teams.iter().flat_map(|ids| ids.split(' ')).map(|id| Ok(id.parse()?)).collect::<Result<_>>()?,
        })
    }
}

const SELECT: &str = "SELECT f.id, f.name, f.user_id,
        (SELECT string_agg(CAST(team_id AS TEXT), ' ') FROM (SELECT team_id FROM folder_teams
            WHERE folder_id = f.id ORDER BY team_id) AS those) AS team_ids
    FROM folders f";

/// A user's own folder by name, in any case.
pub fn personal(tx: &Tx<'_>, user_id: i64, name: &str) -> Result<Option<Folder>> {
    tx.one(
        &format!("{SELECT} WHERE f.user_id = ?1 AND lower(f.name) = lower(?2)"),
        params![user_id, name],
        Folder::from_row,
    )
}

/// A group folder by name, in any case and for any reader.
pub fn group(tx: &Tx<'_>, name: &str) -> Result<Option<Folder>> {
    tx.one(&format!("{SELECT} WHERE f.user_id IS NULL AND lower(f.name) = lower(?1)"), params![name], Folder::from_row)
}

pub fn by_id(tx: &Tx<'_>, id: i64) -> Result<Option<Folder>> {
    tx.one(&format!("{SELECT} WHERE f.id = ?1"), params![id], Folder::from_row)
}

/// The folders of a user, then the group folders as far as they may be seen, each by name.
pub fn list(tx: &Tx<'_>, user_id: Option<i64>, sight: Sight) -> Result<Vec<Folder>> {
    tx.all(
        &format!(
            "{SELECT} WHERE f.user_id = ?2 OR (f.user_id IS NULL AND (?1 IS NULL OR EXISTS (
                SELECT 1 FROM folder_teams ft JOIN team_members tm ON tm.team_id = ft.team_id
                WHERE ft.folder_id = f.id AND tm.user_id = ?1)))
            ORDER BY f.user_id IS NULL, lower(f.name)"
        ),
        params![sight.parameter(), user_id],
        Folder::from_row,
    )
}

/// Whether a user is in a team of a group folder.
pub fn works_in(tx: &Tx<'_>, user_id: i64, folder_id: i64) -> Result<bool> {
    let found: Option<i64> = tx.value(
        "SELECT 1 FROM folder_teams ft JOIN team_members tm ON tm.team_id = ft.team_id
            WHERE ft.folder_id = ?2 AND tm.user_id = ?1",
        params![user_id, folder_id],
    )?;
    Ok(found.is_some())
}

/// Adds a folder of a user, or a group folder without teams; the id.
pub fn add(tx: &Tx<'_>, user_id: Option<i64>, name: &str, now: Timestamp) -> Result<i64> {
    tx.insert(
        "INSERT INTO folders (name, user_id, created_at) VALUES (?1, ?2, ?3)",
        params![name, user_id, seconds(now)],
    )
}

/// Gives a folder another name.
pub fn rename(tx: &Tx<'_>, id: i64, name: &str) -> Result<()> {
    tx.execute("UPDATE folders SET name = ?2 WHERE id = ?1", params![id, name])?;
    Ok(())
}

/// Deletes a folder. Its mail is in nobody's trash or archive by it any more; the teams of a group folder go on seeing
/// what they saw.
pub fn delete(tx: &Tx<'_>, id: i64) -> Result<()> {
    tx.execute("UPDATE emails SET group_folder_id = NULL, group_place = '' WHERE group_folder_id = ?1", params![id])?;
    tx.execute("DELETE FROM folders WHERE id = ?1", params![id])?;
    Ok(())
}

/// Replaces the teams of a group folder. All its mail is shown to the new ones, and hidden from those that saw it by
/// the folder alone.
pub fn set_teams(tx: &Tx<'_>, id: i64, team_ids: &[i64]) -> Result<()> {
    withdraw(tx, id, None)?;
    tx.execute("DELETE FROM folder_teams WHERE folder_id = ?1", params![id])?;
    for team_id in team_ids {
        tx.execute(
            "INSERT INTO folder_teams (folder_id, team_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![id, team_id],
        )?;
    }
    tx.execute(
        "INSERT INTO email_teams (email_id, team_id)
            SELECT e.id, ft.team_id FROM folder_teams ft JOIN emails e ON e.group_folder_id = ft.folder_id
            WHERE ft.folder_id = ?1 ON CONFLICT DO NOTHING",
        params![id],
    )?;
    Ok(())
}

/// Hides mail of a group folder, or one of it, from the teams that see it by the folder alone: neither by an account
/// that delivered it nor by its case.
pub(super) fn withdraw(tx: &Tx<'_>, id: i64, email_id: Option<i64>) -> Result<()> {
    tx.execute(
        "DELETE FROM email_teams WHERE (email_id, team_id) IN (
                SELECT e.id, ft.team_id FROM emails e JOIN folder_teams ft ON ft.folder_id = e.group_folder_id
                WHERE e.group_folder_id = ?1 AND (?2 IS NULL OR e.id = ?2))
            AND NOT EXISTS (SELECT 1 FROM deliveries d JOIN accounts a ON a.id = d.account_id
                WHERE d.email_id = email_teams.email_id AND (a.case_team_id = email_teams.team_id OR EXISTS (
                    SELECT 1 FROM account_teams t WHERE t.account_id = a.id AND t.team_id = email_teams.team_id)))
            AND NOT EXISTS (SELECT 1 FROM emails e JOIN case_teams c ON c.case_id = e.parent_id
                WHERE e.id = email_teams.email_id AND e.parent_type = 'case' AND c.team_id = email_teams.team_id)",
        params![id, email_id],
    )?;
    Ok(())
}

/// Accounts whose mail goes into a folder.
pub fn used_by_accounts(tx: &Tx<'_>, id: i64) -> Result<Vec<String>> {
    tx.values("SELECT name FROM accounts WHERE group_folder_id = ?1 ORDER BY lower(name)", params![id])
}
