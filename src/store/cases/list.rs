//! `case list`: rows with the names that are shown, narrowed and ordered.

use anyhow::Result;

use super::super::db::{Row, Tx, params, params_from_iter};
use super::super::label::labels;
use super::super::records::ParentType;
use super::super::search::{Bound, Test, case_condition};
use super::super::sight::Sight;
use super::Case;
use crate::query::Tree;

/// What `case list` shows.
#[derive(Debug, Clone, Default)]
pub struct CaseQuery {
    /// What holds of them.
    pub condition: Tree<Test>,
    /// Order; `None` = by number.
    pub sort: Option<CaseSort>,
    /// At most so many.
    pub limit: Option<i64>,
}

labels! {
    /// Order of `case list`.
    pub enum CaseSort {
        /// Newest number first.
        Number = "number",
        /// Most urgent first.
        Priority = "priority",
        /// Waiting longest first.
        Waiting = "waiting",
        /// Changed last first.
        Modified = "modified",
    }
}

/// A row of `case list` with the names that are shown.
#[derive(Debug, Clone)]
pub struct CaseRow {
    /// The case.
    pub case: Case,
    /// Username of the assignee.
    pub assignee: Option<String>,
    /// Name of the contact.
    pub contact: Option<String>,
    /// Name of the company.
    pub company: Option<String>,
    /// Name of the group account.
    pub account: Option<String>,
    /// Name and address of whoever wrote the first mail.
    pub requester: Option<(String, String)>,
    /// Names of its teams.
    pub teams: Vec<String>,
}

/// Cases as far as they may be seen.
pub fn list(tx: &Tx<'_>, query: &CaseQuery, sight: Sight) -> Result<Vec<CaseRow>> {
    let order = match query.sort.unwrap_or(CaseSort::Number) {
        CaseSort::Number => "c.number DESC",
        CaseSort::Priority => {
            "CASE c.priority WHEN 'Urgent' THEN 0 WHEN 'High' THEN 1 WHEN 'Normal' THEN 2 ELSE 3 END, c.number DESC"
        }
        CaseSort::Waiting => "c.waiting_for <> 'us', c.waiting_since, c.number",
        CaseSort::Modified => "c.modified_at DESC, c.number DESC",
    };
    let mut bound = Bound::new(sight);
    let condition = case_condition(&query.condition, &mut bound)?;
    let limit = bound.add(query.limit.unwrap_or(-1));
    // What a row shows is looked up for those that are shown only.
    let sql = format!(
        "{} WHERE c.id IN (SELECT c.id FROM cases c WHERE {condition} ORDER BY {order} LIMIT {limit}) ORDER BY {order}",
        row(sight)
    );
    tx.all(&sql, params_from_iter(bound.values), case_row)
}

/// How many cases `list` would give without a limit.
pub fn count(tx: &Tx<'_>, query: &CaseQuery, sight: Sight) -> Result<i64> {
    let mut bound = Bound::new(sight);
    let condition = case_condition(&query.condition, &mut bound)?;
    let sql = format!("SELECT count(*) FROM cases c WHERE {condition}");
    Ok(tx.value(&sql, params_from_iter(bound.values))?.unwrap_or_default())
}

/// One case as a row, as far as it may be seen.
pub fn row_by_number(tx: &Tx<'_>, number: i64, sight: Sight) -> Result<Option<CaseRow>> {
    tx.one(
        &format!("{} WHERE {} AND c.number = ?2", row(sight), sight.case()),
        params![sight.parameter(), number],
        case_row,
    )
}

const ROW: &str =
    "SELECT c.*, u.username AS assignee, k.name AS contact_name, o.name AS company_name, a.name AS account_name,
        f.from_name, f.from_address,
        (SELECT group_concat(name, char(10)) FROM (SELECT t.name FROM case_teams ct JOIN teams t ON t.id = ct.team_id
            WHERE ct.case_id = c.id ORDER BY t.name)) AS team_names
    FROM cases c
    LEFT JOIN users u ON u.id = c.assigned_user_id
    LEFT JOIN contacts k ON k.id = c.contact_id AND {contact}
    LEFT JOIN companies o ON o.id = c.company_id AND {company}
    LEFT JOIN accounts a ON a.id = c.account_id
    LEFT JOIN emails f ON f.id = (
        SELECT min(e.id) FROM emails e WHERE e.parent_type = 'case' AND e.parent_id = c.id AND e.status = 'Archived'
            AND e.verified AND (e.user_id IS NULL OR e.user_id = c.requester_user_id) AND {email})";

/// [`ROW`] with the names of records and the writers of mails that may be seen.
fn row(sight: Sight) -> String {
    let contact = sight.record(ParentType::Contact, "k");
    let company = sight.record(ParentType::Company, "o");
    let email = sight.email_of(ParentType::Case);
    ROW.replace("{contact}", &contact).replace("{company}", &company).replace("{email}", email)
}

fn case_row(row: &Row<'_>) -> Result<CaseRow> {
    let teams: Option<String> = row.get("team_names")?;
    let address: Option<String> = row.get("from_address")?;
    let name: Option<String> = row.get("from_name")?;
    Ok(CaseRow {
        case: Case::from_row(row)?,
        assignee: row.get("assignee")?,
        contact: row.get("contact_name")?,
        company: row.get("company_name")?,
        account: row.get("account_name")?,
        requester: address.map(|address| (name.unwrap_or_default(), address)),
        teams: teams.unwrap_or_default().split('\n').filter(|t| !t.is_empty()).map(str::to_owned).collect(),
    })
}
