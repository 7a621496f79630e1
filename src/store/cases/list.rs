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
    /// Name and address of the customer, as far as they may be seen (B4.9).
    pub customer: Option<(String, String)>,
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
        f.name AS customer_name, f.address AS customer_address, f.chosen AS customer_chosen,
        (SELECT r.address FROM record_addresses r WHERE r.record_type = 'contact' AND r.record_id = k.id
            ORDER BY r.address = f.address DESC, r.is_primary DESC, r.address LIMIT 1) AS contact_address,
        (SELECT group_concat(name, char(10)) FROM (SELECT t.name FROM case_teams ct JOIN teams t ON t.id = ct.team_id
            WHERE ct.case_id = c.id ORDER BY t.name)) AS team_names
    FROM cases c
    LEFT JOIN users u ON u.id = c.assigned_user_id
    LEFT JOIN contacts k ON k.id = c.contact_id AND {contact}
    LEFT JOIN companies o ON o.id = c.company_id AND {company}
    LEFT JOIN accounts a ON a.id = c.account_id
    LEFT JOIN case_people f ON f.case_id = c.id AND f.address = (
        SELECT p.address FROM case_people p LEFT JOIN emails e ON e.id = p.email_id
            WHERE p.case_id = c.id AND p.role = 'customer' AND (e.id IS NULL OR {email})
            ORDER BY p.chosen DESC, p.opened DESC, p.since, p.address LIMIT 1)";

/// [`ROW`] with the names of records and the people that may be seen.
fn row(sight: Sight) -> String {
    let contact = sight.record(ParentType::Contact, "k");
    let company = sight.record(ParentType::Company, "o");
    let email = sight.email_of(ParentType::Case);
    ROW.replace("{contact}", &contact).replace("{company}", &company).replace("{email}", email)
}

fn case_row(row: &Row<'_>) -> Result<CaseRow> {
    let teams: Option<String> = row.get("team_names")?;
    Ok(CaseRow {
        case: Case::from_row(row)?,
        customer: customer(row)?,
        assignee: row.get("assignee")?,
        contact: row.get("contact_name")?,
        company: row.get("company_name")?,
        account: row.get("account_name")?,
        teams: teams.unwrap_or_default().split('\n').filter(|t| !t.is_empty()).map(str::to_owned).collect(),
    })
}

/// The customer whom an agent named, else the linked contact, else the person who opened the case.
fn customer(row: &Row<'_>) -> Result<Option<(String, String)>> {
    let person = row.get::<Option<String>>("customer_address")?.map(|address| {
        let name: Option<String> = row.get("customer_name")?;
        Ok::<_, anyhow::Error>((name.unwrap_or_default(), address))
    });
    let person = person.transpose()?;
    let chosen: Option<bool> = row.get("customer_chosen")?;
    let contact: Option<String> = row.get("contact_name")?;
    let contact = contact.map(|name| Ok::<_, anyhow::Error>((name, row.get::<Option<String>>("contact_address")?)));
    Ok(match (contact.transpose()?, person) {
        (_, Some(person)) if chosen == Some(true) => Some(person),
        (Some((name, address)), person) => {
            Some((name, address.or(person.map(|(_, address)| address)).unwrap_or_default()))
        }
        (None, person) => person,
    })
}
