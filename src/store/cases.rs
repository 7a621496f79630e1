//! Cases (B1.4): what a customer's first mail becomes and every later one joins.

use anyhow::Result;
use jiff::Timestamp;

use super::db::{Row, Tx, params, seconds};
use super::label::labels;
use super::sight::{self, Sight};

labels! {
    /// Where a case stands.
    pub enum CaseStatus {
        /// Nobody has it.
        New = "New",
        /// Somebody has it.
        Assigned = "Assigned",
        /// It waits for the customer.
        Pending = "Pending",
        /// Done.
        Closed = "Closed",
        /// Refused.
        Rejected = "Rejected",
        /// The same as another.
        Duplicate = "Duplicate",
    }
}

impl CaseStatus {
    /// Neither Closed, Rejected nor Duplicate.
    pub fn is_open(self) -> bool {
        matches!(self, CaseStatus::New | CaseStatus::Assigned | CaseStatus::Pending)
    }
}

labels! {
    /// How urgent a case is.
    pub enum Priority {
        /// Low.
        Low = "Low",
        /// As usual.
        Normal = "Normal",
        /// High.
        High = "High",
        /// Urgent.
        Urgent = "Urgent",
    }
}

labels! {
    /// Who is to act next.
    pub enum WaitingFor {
        /// Nobody.
        Nobody = "",
        /// The customer waits for us.
        Us = "us",
        /// We wait for the customer.
        Customer = "customer",
    }
}

/// A case.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Id.
    pub id: i64,
    /// The number people use.
    pub number: i64,
    /// 16 hex digits in signed message ids; shown nowhere.
    pub key: String,
    /// Subject.
    pub name: String,
    /// Status.
    pub status: CaseStatus,
    /// Priority.
    pub priority: Priority,
    /// Free text.
    pub case_type: String,
    /// Text of the first mail.
    pub description: String,
    /// Company.
    pub company_id: Option<i64>,
    /// Contact.
    pub contact_id: Option<i64>,
    /// Lead.
    pub lead_id: Option<i64>,
    /// Group account it came by.
    pub account_id: Option<i64>,
    /// Internal user who opened it.
    pub requester_user_id: Option<i64>,
    /// Assignee.
    pub assigned_user_id: Option<i64>,
    /// The case that lives on instead.
    pub merged_into_id: Option<i64>,
    /// An older case it follows.
    pub relates_to_id: Option<i64>,
    /// Since when somebody waits.
    pub waiting_since: Option<Timestamp>,
    /// Who is to act.
    pub waiting_for: WaitingFor,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it changed last.
    pub modified_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
}

impl Case {
    fn from_row(row: &Row<'_>) -> Result<Case> {
        Ok(Case {
            id: row.get("id")?,
            number: row.get("number")?,
            key: row.get("key")?,
            name: row.get("name")?,
            status: row.label("status")?,
            priority: row.label("priority")?,
            case_type: row.get("type")?,
            description: row.get("description")?,
            company_id: row.get("company_id")?,
            contact_id: row.get("contact_id")?,
            lead_id: row.get("lead_id")?,
            account_id: row.get("account_id")?,
            requester_user_id: row.get("requester_user_id")?,
            assigned_user_id: row.get("assigned_user_id")?,
            merged_into_id: row.get("merged_into_id")?,
            relates_to_id: row.get("relates_to_id")?,
            waiting_since: row.opt_time("waiting_since")?,
            waiting_for: row.label("waiting_for")?,
            created_at: row.time("created_at")?,
            modified_at: row.time("modified_at")?,
            closed_at: row.opt_time("closed_at")?,
        })
    }
}

const COLUMNS: &str = "c.id, c.number, c.key, c.name, c.status, c.priority, c.type, c.description, c.company_id, c.contact_id, c.lead_id,
    c.account_id, c.requester_user_id, c.assigned_user_id, c.merged_into_id, c.relates_to_id, c.waiting_since, c.waiting_for,
    c.created_at, c.modified_at, c.closed_at";

/// A case to be added.
#[derive(Debug, Clone)]
pub struct NewCase<'a> {
    /// The number taken for it.
    pub number: i64,
    /// 16 hex digits.
    pub key: &'a str,
    /// Subject.
    pub name: &'a str,
    /// Text of the first mail.
    pub description: &'a str,
    /// Priority.
    pub priority: Priority,
    /// Company.
    pub company_id: Option<i64>,
    /// Contact.
    pub contact_id: Option<i64>,
    /// Lead.
    pub lead_id: Option<i64>,
    /// Group account it came by.
    pub account_id: i64,
    /// Internal user who opened it.
    pub requester_user_id: Option<i64>,
    /// An older case it follows.
    pub relates_to_id: Option<i64>,
}

/// Adds a case with status New; the id.
pub fn add(tx: &Tx<'_>, case: &NewCase<'_>, now: Timestamp) -> Result<i64> {
    tx.insert(
        "INSERT INTO cases (number, key, name, description, priority, company_id, contact_id, lead_id, account_id,
            requester_user_id, relates_to_id, created_at, modified_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12)",
        params![
            case.number,
            case.key,
            case.name,
            case.description,
            case.priority.as_str(),
            case.company_id,
            case.contact_id,
            case.lead_id,
            case.account_id,
            case.requester_user_id,
            case.relates_to_id,
            seconds(now),
        ],
    )
}

/// By id.
pub fn by_id(tx: &Tx<'_>, id: i64) -> Result<Option<Case>> {
    tx.one(&format!("SELECT {COLUMNS} FROM cases c WHERE c.id = ?1"), params![id], Case::from_row)
}

/// By the key in a signed message id.
pub fn by_key(tx: &Tx<'_>, key: &str) -> Result<Option<Case>> {
    tx.one(&format!("SELECT {COLUMNS} FROM cases c WHERE c.key = ?1"), params![key], Case::from_row)
}

/// By number, as far as it may be seen.
pub fn by_number(tx: &Tx<'_>, number: i64, sight: Sight) -> Result<Option<Case>> {
    tx.one(
        &format!("SELECT {COLUMNS} FROM cases c WHERE c.number = ?2 AND {}", sight::CASE),
        params![sight.parameter(), number],
        Case::from_row,
    )
}

/// The case that lives on: follows merges (B4.7), at most 100 of them.
pub fn surviving(tx: &Tx<'_>, case: Case) -> Result<Case> {
    let mut case = case;
    for _ in 0..100 {
        let Some(next) = case.merged_into_id else { break };
        match by_id(tx, next)? {
            Some(survivor) => case = survivor,
            None => break,
        }
    }
    Ok(case)
}

/// What `case list` narrows by; `None` = anything.
#[derive(Debug, Clone, Default)]
pub struct CaseQuery {
    /// Assigned to this user.
    pub assigned_user_id: Option<i64>,
    /// Assigned to nobody.
    pub unassigned: bool,
    /// Of this team.
    pub team_id: Option<i64>,
    /// In this status.
    pub status: Option<CaseStatus>,
    /// Open (or, with `Some(false)`, not open).
    pub open: Option<bool>,
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
    tx.all(
        &format!("{ROW} WHERE {} AND {FILTER} ORDER BY {order} LIMIT ?7", sight::CASE),
        params![
            sight.parameter(),
            query.assigned_user_id,
            query.unassigned,
            query.team_id,
            query.status.map(CaseStatus::as_str),
            query.open,
            query.limit.unwrap_or(-1),
        ],
        case_row,
    )
}

/// How many cases `list` would give without a limit.
pub fn count(tx: &Tx<'_>, query: &CaseQuery, sight: Sight) -> Result<i64> {
    let count = tx.value(
        &format!("SELECT count(*) FROM cases c WHERE {} AND {FILTER}", sight::CASE),
        params![
            sight.parameter(),
            query.assigned_user_id,
            query.unassigned,
            query.team_id,
            query.status.map(CaseStatus::as_str),
            query.open,
        ],
    )?;
    Ok(count.unwrap_or_default())
}

/// One case as a row, as far as it may be seen.
pub fn row_by_number(tx: &Tx<'_>, number: i64, sight: Sight) -> Result<Option<CaseRow>> {
    tx.one(&format!("{ROW} WHERE {} AND c.number = ?2", sight::CASE), params![sight.parameter(), number], case_row)
}

const FILTER: &str = "(?2 IS NULL OR c.assigned_user_id = ?2) AND (NOT ?3 OR c.assigned_user_id IS NULL)
    AND (?4 IS NULL OR EXISTS (SELECT 1 FROM case_teams t WHERE t.case_id = c.id AND t.team_id = ?4))
    AND (?5 IS NULL OR c.status = ?5)
    AND (?6 IS NULL OR (c.status IN ('New', 'Assigned', 'Pending')) = ?6)";

const ROW: &str =
    "SELECT c.*, u.username AS assignee, k.name AS contact_name, o.name AS company_name, a.name AS account_name,
        f.from_name, f.from_address,
        (SELECT group_concat(name, char(10)) FROM (SELECT t.name FROM case_teams ct JOIN teams t ON t.id = ct.team_id
            WHERE ct.case_id = c.id ORDER BY t.name)) AS team_names
    FROM cases c
    LEFT JOIN users u ON u.id = c.assigned_user_id
    LEFT JOIN contacts k ON k.id = c.contact_id
    LEFT JOIN companies o ON o.id = c.company_id
    LEFT JOIN accounts a ON a.id = c.account_id
    LEFT JOIN emails f ON f.id = (
        SELECT min(e.id) FROM emails e WHERE e.parent_type = 'case' AND e.parent_id = c.id AND e.status = 'Archived')";

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

/// Puts a case into a team.
pub fn add_team(tx: &Tx<'_>, case_id: i64, team_id: i64) -> Result<()> {
    tx.execute("INSERT OR IGNORE INTO case_teams (case_id, team_id) VALUES (?1, ?2)", params![case_id, team_id])?;
    Ok(())
}

/// The teams of a case.
pub fn team_ids(tx: &Tx<'_>, case_id: i64) -> Result<Vec<i64>> {
    tx.values("SELECT team_id FROM case_teams WHERE case_id = ?1 ORDER BY team_id", params![case_id])
}

/// Changes the status; closing remembers when, opening forgets it.
pub fn set_status(tx: &Tx<'_>, case_id: i64, status: CaseStatus, now: Timestamp) -> Result<()> {
    let closed_at = (!status.is_open()).then(|| seconds(now));
    tx.execute(
        "UPDATE cases SET status = ?2, modified_at = ?3,
            closed_at = CASE WHEN ?4 IS NULL THEN NULL ELSE coalesce(closed_at, ?4) END WHERE id = ?1",
        params![case_id, status.as_str(), seconds(now), closed_at],
    )?;
    Ok(())
}

/// Changes the assignee. `automatic` remembers when the user was last given a case by distribution.
pub fn assign(tx: &Tx<'_>, case_id: i64, user_id: Option<i64>, automatic: bool, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE cases SET assigned_user_id = ?2, modified_at = ?3,
            auto_assigned_at = CASE WHEN ?4 THEN ?3 ELSE auto_assigned_at END WHERE id = ?1",
        params![case_id, user_id, seconds(now), automatic],
    )?;
    Ok(())
}

/// Remembers who waits for whom, and that the case changed.
pub fn set_waiting(tx: &Tx<'_>, case_id: i64, who: WaitingFor, since: Option<Timestamp>, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE cases SET waiting_for = ?2, waiting_since = ?3, modified_at = ?4 WHERE id = ?1",
        params![case_id, who.as_str(), since.map(seconds), seconds(now)],
    )?;
    Ok(())
}

/// How many open cases a user has, over all accounts.
pub fn open_of(tx: &Tx<'_>, user_id: i64) -> Result<i64> {
    let open = tx.value(
        "SELECT count(*) FROM cases WHERE assigned_user_id = ?1 AND status IN ('New', 'Assigned', 'Pending')",
        params![user_id],
    )?;
    Ok(open.unwrap_or_default())
}

/// When a user was last given a case by distribution: moment and case id, the larger the later.
pub fn last_auto_assignment(tx: &Tx<'_>, user_id: i64) -> Result<Option<(i64, i64)>> {
    tx.one(
        "SELECT auto_assigned_at, id FROM cases WHERE assigned_user_id = ?1 AND auto_assigned_at IS NOT NULL
            ORDER BY auto_assigned_at DESC, id DESC",
        params![user_id],
        |row| Ok((row.get("auto_assigned_at")?, row.get("id")?)),
    )
}

/// Cases that one sender (From, or Reply-To of a contact form) opened by one account since a moment, newest first (B5.9).
pub fn opened_by(tx: &Tx<'_>, account_id: i64, address: &str, since: Timestamp) -> Result<Vec<Case>> {
    tx.all(
        &format!(
            "SELECT {COLUMNS} FROM cases c WHERE c.account_id = ?1 AND c.created_at >= ?3 AND EXISTS (
                SELECT 1 FROM emails e JOIN email_addresses a ON a.email_id = e.id
                WHERE e.parent_type = 'case' AND e.parent_id = c.id AND e.flow_account_id = ?1
                    AND a.field IN ('from', 'reply-to') AND a.address = ?2)
            ORDER BY c.id DESC"
        ),
        params![account_id, address, seconds(since)],
        Case::from_row,
    )
}

/// Addresses that take part in a case: From, To, Cc and Reply-To of its verified emails (B4.9).
/// The caller takes the own addresses out.
pub fn participants(tx: &Tx<'_>, case_id: i64) -> Result<Vec<String>> {
    tx.values(
        "SELECT DISTINCT a.address FROM emails e JOIN email_addresses a ON a.email_id = e.id
            WHERE e.parent_type = 'case' AND e.parent_id = ?1 AND e.verified AND a.field <> 'bcc' ORDER BY a.address",
        params![case_id],
    )
}
