//! `case list`: rows with the names that are shown, narrowed and ordered.

use anyhow::Result;

use super::super::db::{Row, Tx, params};
use super::super::label::labels;
use super::super::records::ParentType;
use super::super::search::{Assignee, Bound, CaseState, Test, case_condition};
use super::super::sight::Sight;
use super::super::teams::Team;
use super::{Case, CaseStatus};
use crate::query::Tree;

/// What `case list` shows.
#[derive(Debug, Clone, Default)]
pub struct CaseQuery {
    /// What holds of them.
    pub condition: Tree<Test>,
    /// Order; `None` = by number.
    pub sort: Option<CaseSort>,
    /// Maximum number.
    pub limit: Option<i64>,
}

impl CaseQuery {
    /// The open cases of these teams that nobody has, the customer who has been waiting longest first. Pending ones are left
    /// out: they wait for the customer.
    pub fn to_take(teams: &[Team], limit: i64) -> CaseQuery {
        let pending = Tree::Is(Test::Status(CaseStatus::Pending.as_str()));
        let condition = Tree::All(vec![
            Tree::Is(Test::State(CaseState::Open)),
            Tree::Is(Test::Assignee(Assignee::Nobody)),
            Tree::Not(Box::new(pending)),
            Tree::Any(teams.iter().map(|team| Tree::Is(Test::Team(team.id))).collect()),
        ]);
        CaseQuery { condition, sort: Some(CaseSort::Waiting), limit: Some(limit) }
    }
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
    pub case: Case,
    /// Username of the assignee.
    pub assignee: Option<String>,
    /// Name of the contact.
    pub contact: Option<String>,
    /// Name of the lead.
    pub lead: Option<String>,
    /// Name of the company.
    pub company: Option<String>,
    /// Name of the group account.
    pub account: Option<String>,
    /// The customer, as far as they may be seen (B4.9).
    pub customer: Option<Customer>,
    /// Names of its teams.
    pub teams: Vec<String>,
    pub tags: Vec<String>,
}

/// The customer of a case as lists show them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Customer {
    /// Name, as far as it is known.
    pub name: String,
    /// Address, or the text that stood in its place; empty where nothing is known.
    pub address: String,
    /// The shared From by which they wrote, where nothing else is known of them (B4.13).
    pub by_way_of: Option<String>,
}

/// Cases as far as they may be seen.
pub fn list(tx: &Tx<'_>, query: &CaseQuery, sight: Sight) -> Result<Vec<CaseRow>> {
    let order = match query.sort.unwrap_or(CaseSort::Number) {
        CaseSort::Number => "c.number DESC",
        CaseSort::Priority => {
            "CASE c.priority WHEN 'Urgent' THEN 0 WHEN 'High' THEN 1 WHEN 'Normal' THEN 2 ELSE 3 END, c.number DESC"
        }
        CaseSort::Waiting => "c.waiting_for <> 'us', c.waiting_since NULLS FIRST, c.number",
        CaseSort::Modified => "c.modified_at DESC, c.number DESC",
    };
    let mut bound = Bound::new(tx, sight);
    let condition = case_condition(&query.condition, &mut bound)?;
    let limit = bound.add(query.limit.unwrap_or(i64::MAX));
    // What a row shows is looked up for those that are shown only.
    let sql = format!(
        "{} WHERE c.id IN (SELECT c.id FROM cases c WHERE {condition} ORDER BY {order} LIMIT {limit}) ORDER BY {order}",
        row(sight)
    );
    tx.all(&sql, bound.values, case_row)
}

/// How many cases `list` would give without a limit.
pub fn count(tx: &Tx<'_>, query: &CaseQuery, sight: Sight) -> Result<i64> {
    count_to(tx, query, i64::MAX, sight)
}

/// The same, at most `most`.
pub fn count_to(tx: &Tx<'_>, query: &CaseQuery, most: i64, sight: Sight) -> Result<i64> {
    let mut bound = Bound::new(tx, sight);
    let condition = case_condition(&query.condition, &mut bound)?;
    let most = bound.add(most);
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM cases c WHERE {condition} LIMIT {most}) AS those");
    Ok(tx.value(&sql, bound.values)?.unwrap_or_default())
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
        l.name AS lead_name, q.name AS requester_name, q.username AS requester_username,
        f.name AS customer_name, f.address AS customer_address, f.chosen AS customer_chosen,
        (SELECT d.author_address FROM emails d WHERE d.id = f.email_id AND d.author_address = f.address
            AND d.author_address <> d.from_address) AS way_person,
        (SELECT d.from_address FROM emails d WHERE d.id = f.email_id AND d.author_address = f.address
            AND NOT EXISTS (SELECT 1 FROM emails w WHERE w.parent_type = 'case' AND w.parent_id = c.id AND w.verified
                AND w.author_address IS NULL AND w.from_address = f.address)) AS way,
        {contact_addresses}, {lead_addresses},
        (SELECT t.address FROM user_addresses t WHERE t.user_id = q.id ORDER BY t.is_primary DESC, t.address LIMIT 1)
            AS requester_address,
        (SELECT coalesce(e.author_name, e.from_name) || '\n' || coalesce(e.author_address, e.from_address)
            FROM emails e WHERE e.parent_type = 'case' AND e.parent_id = c.id AND e.status = 'Archived' AND {email}
                AND NOT EXISTS (SELECT 1 FROM case_people p WHERE p.case_id = c.id
                    AND p.address = coalesce(e.author_address, e.from_address)) ORDER BY e.id LIMIT 1) AS opener,
        (SELECT string_agg(name, '\n') FROM (SELECT t.name FROM case_teams ct JOIN teams t ON t.id = ct.team_id
            WHERE ct.case_id = c.id ORDER BY lower(t.name)) AS those) AS team_names,
        (SELECT string_agg(tag, '\n') FROM (SELECT g.tag FROM case_tags g WHERE g.case_id = c.id ORDER BY g.tag) AS those)
            AS tag_names
    FROM cases c
    LEFT JOIN users u ON u.id = c.assigned_user_id
    LEFT JOIN users q ON q.id = c.requester_user_id
    LEFT JOIN contacts k ON k.id = c.contact_id AND {contact}
    LEFT JOIN leads l ON l.id = c.lead_id AND {lead}
    LEFT JOIN companies o ON o.id = c.company_id AND {company}
    LEFT JOIN accounts a ON a.id = c.account_id
    LEFT JOIN case_people f ON f.case_id = c.id AND f.address = (
        SELECT p.address FROM case_people p LEFT JOIN emails e ON e.id = p.email_id
            WHERE p.case_id = c.id AND p.role = 'customer' AND (e.id IS NULL OR {email})
            ORDER BY p.chosen DESC, p.opened DESC, p.since, p.address LIMIT 1)";

/// Of a linked record: the address that is shown, and whether it has one at all. One that an agent gave another role is
/// not the customer's.
const ADDRESSES: &str = "(SELECT r.address FROM record_addresses r
            WHERE r.record_type = '{kind}' AND r.record_id = {alias}.id AND NOT EXISTS (SELECT 1 FROM case_people p
                WHERE p.case_id = c.id AND p.address = r.address AND p.chosen AND p.role <> 'customer')
            ORDER BY r.address = f.address DESC, r.is_primary DESC, r.address LIMIT 1) AS {kind}_address,
        EXISTS (SELECT 1 FROM record_addresses r WHERE r.record_type = '{kind}' AND r.record_id = {alias}.id)
            AS {kind}_has_address";

/// [`ROW`] with the names of records and the people that may be seen.
fn row(sight: Sight) -> String {
    let addresses = |kind: &str, alias: &str| ADDRESSES.replace("{kind}", kind).replace("{alias}", alias);
    let contact = sight.record(ParentType::Contact, "k");
    let lead = sight.record(ParentType::Lead, "l");
    let company = sight.record(ParentType::Company, "o");
    let email = sight.email_of(ParentType::Case);
    let row = ROW.replace("{contact_addresses}", &addresses("contact", "k"));
    let row = row.replace("{lead_addresses}", &addresses("lead", "l")).replace("{lead}", &lead);
    row.replace("{contact}", &contact).replace("{company}", &company).replace("{email}", email)
}

fn case_row(row: &Row<'_>) -> Result<CaseRow> {
    let lines = |column: &str| -> Result<Vec<String>> {
        let text: Option<String> = row.get(column)?;
        Ok(text.unwrap_or_default().split('\n').filter(|line| !line.is_empty()).map(str::to_owned).collect())
    };
    Ok(CaseRow {
        case: Case::from_row(row)?,
        customer: customer(row)?,
        assignee: row.get("assignee")?,
        contact: row.get("contact_name")?,
        lead: row.get("lead_name")?,
        company: row.get("company_name")?,
        account: row.get("account_name")?,
        teams: lines("team_names")?,
        tags: lines("tag_names")?,
    })
}

/// The customer whom an agent named, else the linked contact or lead, else the person or the user who opened the case,
/// else the text that stands in the place of an address in its first mail.
fn customer(row: &Row<'_>) -> Result<Option<Customer>> {
    let text = |column: &str| Ok::<_, anyhow::Error>(row.get::<Option<String>>(column)?.unwrap_or_default());
    let person = match row.get::<Option<String>>("customer_address")? {
        Some(address) => {
            let by_way_of = row.get::<Option<String>>("way_person")?.and(row.get("way")?);
            Some(Customer { name: text("customer_name")?, address, by_way_of })
        }
        None => None,
    };
    if person.is_some() && row.get::<Option<bool>>("customer_chosen")? == Some(true) {
        return Ok(person);
    }
    for kind in ["contact", "lead"] {
        let Some(name) = row.get::<Option<String>>(&format!("{kind}_name"))? else { continue };
        let address: Option<String> = row.get(&format!("{kind}_address"))?;
        // Without any address it is the customer all the same, and has to be given one.
        if address.is_some() || !row.get::<bool>(&format!("{kind}_has_address"))? {
            return Ok(Some(Customer { name, address: address.unwrap_or_default(), by_way_of: None }));
        }
    }
    if person.is_some() {
        return Ok(person);
    }
    if let Some(username) = row.get::<Option<String>>("requester_username")? {
        let name = text("requester_name")?;
        let name = if name.is_empty() { username } else { name };
        return Ok(Some(Customer { name, address: text("requester_address")?, by_way_of: None }));
    }
    let opener = text("opener")?;
    let known = opener.split_once('\n').filter(|(name, address)| !name.is_empty() || !address.is_empty());
    Ok(known.map(|(name, address)| Customer { name: name.to_owned(), address: address.to_owned(), by_way_of: None }))
}
