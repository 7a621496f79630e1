//! Cases (B1.4): what a customer's first mail becomes and every later one joins.

mod change;
mod facts;
mod list;
mod people;
mod snooze;
mod tags;

use anyhow::Result;
use jiff::Timestamp;

use super::db::{Row, Tx, params, seconds};
use super::label::labels;
use super::sight::Sight;
pub use change::*;
pub use facts::*;
pub use list::*;
pub use people::*;
pub use snooze::*;
pub use tags::*;

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
        Low = "Low",
        /// As usual.
        Normal = "Normal",
        High = "High",
        Urgent = "Urgent",
    }
}

labels! {
    /// Who is to act next.
    pub enum WaitingFor {
        Nobody = "",
        /// The customer waits for us.
        Us = "us",
        /// We wait for the customer.
        Customer = "customer",
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    pub id: i64,
    /// The number people use.
    pub number: i64,
    /// 16 hex digits in signed message ids; shown nowhere.
    pub key: String,
    /// Subject.
    pub name: String,
    pub status: CaseStatus,
    pub priority: Priority,
    /// Free text.
    pub case_type: String,
    /// Text of the first mail.
    pub description: String,
    pub company_id: Option<i64>,
    pub contact_id: Option<i64>,
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
    /// When one of our users first answered.
    pub first_response_at: Option<Timestamp>,
    /// When our last answer failed to reach the customer; `None` = it did not fail, or they were answered since.
    pub answer_failed_at: Option<Timestamp>,
    /// Pending until then; `None` = not snoozed.
    pub snoozed_until: Option<Timestamp>,
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
            first_response_at: row.opt_time("first_response_at")?,
            answer_failed_at: row.opt_time("answer_failed_at")?,
            snoozed_until: row.opt_time("snoozed_until")?,
        })
    }
}

const COLUMNS: &str = "c.id, c.number, c.key, c.name, c.status, c.priority, c.type, c.description, c.company_id, c.contact_id, c.lead_id,
    c.account_id, c.requester_user_id, c.assigned_user_id, c.merged_into_id, c.relates_to_id, c.waiting_since, c.waiting_for,
    c.created_at, c.modified_at, c.closed_at, c.first_response_at, c.answer_failed_at, c.snoozed_until";

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
    pub priority: Priority,
    /// Free text.
    pub case_type: &'a str,
    pub company_id: Option<i64>,
    pub contact_id: Option<i64>,
    pub lead_id: Option<i64>,
    /// Group account it came by; `None` = made by hand for none.
    pub account_id: Option<i64>,
    /// Internal user who opened it.
    pub requester_user_id: Option<i64>,
    /// An older case it follows.
    pub relates_to_id: Option<i64>,
}

/// Nothing but Normal priority.
impl Default for NewCase<'_> {
    fn default() -> Self {
        NewCase {
            number: 0,
            key: "",
            name: "",
            description: "",
            priority: Priority::Normal,
            case_type: "",
            company_id: None,
            contact_id: None,
            lead_id: None,
            account_id: None,
            requester_user_id: None,
            relates_to_id: None,
        }
    }
}

/// Adds a case with status New; the id.
pub fn add(tx: &Tx<'_>, case: &NewCase<'_>, now: Timestamp) -> Result<i64> {
    tx.insert(
        "INSERT INTO cases (number, key, name, description, priority, type, company_id, contact_id, lead_id, account_id,
            requester_user_id, relates_to_id, created_at, modified_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?13)",
        params![
            case.number,
            case.key,
            case.name,
            case.description,
            case.priority.as_str(),
            case.case_type,
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

/// A case as it stands there after [`add`].
pub fn added(id: i64, case: &NewCase<'_>, now: Timestamp) -> Case {
    // Moments are kept in seconds.
    let now = Timestamp::from_second(seconds(now)).unwrap_or(now);
    Case {
        id,
        number: case.number,
        key: case.key.to_owned(),
        name: case.name.to_owned(),
        status: CaseStatus::New,
        priority: case.priority,
        case_type: case.case_type.to_owned(),
        description: case.description.to_owned(),
        company_id: case.company_id,
        contact_id: case.contact_id,
        lead_id: case.lead_id,
        account_id: case.account_id,
        requester_user_id: case.requester_user_id,
        assigned_user_id: None,
        merged_into_id: None,
        relates_to_id: case.relates_to_id,
        waiting_since: None,
        waiting_for: WaitingFor::Nobody,
        created_at: now,
        modified_at: now,
        closed_at: None,
        first_response_at: None,
        answer_failed_at: None,
        snoozed_until: None,
    }
}

pub fn by_id(tx: &Tx<'_>, id: i64) -> Result<Option<Case>> {
    tx.one(&format!("SELECT {COLUMNS} FROM cases c WHERE c.id = ?1"), params![id], Case::from_row)
}

/// By the key in a signed message id.
pub fn by_key(tx: &Tx<'_>, key: &str) -> Result<Option<Case>> {
    tx.one(&format!("SELECT {COLUMNS} FROM cases c WHERE c.key = ?1"), params![key], Case::from_row)
}

/// By id, as far as it may be seen.
pub fn by_id_seen(tx: &Tx<'_>, id: i64, sight: Sight) -> Result<Option<Case>> {
    tx.one(
        &format!("SELECT {COLUMNS} FROM cases c WHERE c.id = ?2 AND {}", sight.case()),
        params![sight.parameter(), id],
        Case::from_row,
    )
}

/// By number, as far as it may be seen.
pub fn by_number(tx: &Tx<'_>, number: i64, sight: Sight) -> Result<Option<Case>> {
    tx.one(
        &format!("SELECT {COLUMNS} FROM cases c WHERE c.number = ?2 AND {}", sight.case()),
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
