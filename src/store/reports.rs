//! What reports are made of: cases, waits and letters as far as they may be seen. Sums, times and names are made elsewhere.

use anyhow::Result;
use jiff::Timestamp;

use super::cases::CaseStatus;
use super::db::{Row, Tx, params, seconds};
use super::parent::ParentType;
use super::sight::Sight;

/// A case, without its texts. Moments are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFacts {
    pub id: i64,
    pub status: CaseStatus,
    pub created_at: i64,
    /// `None` = it is open, also if it was closed before.
    pub closed_at: Option<i64>,
    pub assigned_user_id: Option<i64>,
    pub account_id: Option<i64>,
    /// The user who opened it as a customer.
    pub requester_user_id: Option<i64>,
    /// Since when the customer has been waiting for an answer; also of a case that was closed without one.
    pub waiting_since: Option<i64>,
}

/// An answer that ended a customer's waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    pub case_id: i64,
    /// The oldest mail of the customer after the answer before.
    pub since: i64,
    pub until: i64,
}

/// A mail of a case that a person wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LetterFacts {
    pub case_id: i64,
    pub at: i64,
    /// Whether it is a letter that went out; else it came in, or was written by another program.
    pub is_sent: bool,
    /// The user who wrote it; `None` = nobody whom the program knows.
    pub writer: Option<i64>,
}

/// A thing with a name by which figures are told apart.
pub type Named = (i64, String);

/// Cases of their own: those that were merged into another one are left out.
pub fn cases(tx: &Tx<'_>, sight: Sight) -> Result<Vec<CaseFacts>> {
    let sql = format!(
        "SELECT c.id, c.status, c.created_at, c.closed_at, c.assigned_user_id, c.account_id, c.requester_user_id,
            CASE WHEN c.waiting_for = 'us' THEN c.waiting_since END AS waits_since
        FROM cases c WHERE {} AND c.merged_into_id IS NULL",
        sight.case()
    );
    tx.all(&sql, params![sight.parameter()], |row| {
        Ok(CaseFacts {
            id: row.get("id")?,
            status: row.label("status")?,
            created_at: row.get("created_at")?,
            closed_at: row.get("closed_at")?,
            assigned_user_id: row.get("assigned_user_id")?,
            account_id: row.get("account_id")?,
            requester_user_id: row.get("requester_user_id")?,
            waiting_since: row.get("waits_since")?,
        })
    })
}

/// The cases of rows with this id, as far as they have to be asked: who sees everything does not pay for the look.
fn join(sight: Sight, id: &str) -> String {
    match sight {
        Sight::Everything => String::new(),
        Sight::User(..) => format!("JOIN cases c ON c.id = {id}"),
    }
}

/// The answers in cases that may be seen, in no order.
pub fn waits(tx: &Tx<'_>, sight: Sight) -> Result<Vec<Wait>> {
    let sql = format!(
        "SELECT w.case_id, w.since, w.until FROM case_waits w {} WHERE {}",
        join(sight, "w.case_id"),
        sight.case()
    );
    tx.all(&sql, params![sight.parameter()], |row| {
        Ok(Wait { case_id: row.get("case_id")?, since: row.get("since")?, until: row.get("until")? })
    })
}

/// Mail of cases that may be seen, from one moment to before another. Machine mail, mail that nobody vouches for and
/// letters that have not gone out are left out.
pub fn letters(tx: &Tx<'_>, sight: Sight, since: Timestamp, until: Timestamp) -> Result<Vec<LetterFacts>> {
    let sql = format!(
        "SELECT e.parent_id, e.received_at, e.user_id, e.status = 'Sent' AS is_sent
        FROM emails e INDEXED BY emails_received {}
        WHERE e.received_at >= ?2 AND e.received_at < ?3 AND e.parent_type = 'case' AND e.automatic = ''
            AND (e.status = 'Sent' OR (e.status = 'Archived' AND e.verified)) AND {} AND {}",
        join(sight, "e.parent_id"),
        sight.case(),
        sight.email_of(ParentType::Case)
    );
    tx.all(&sql, params![sight.parameter(), seconds(since), seconds(until)], |row| {
        Ok(LetterFacts {
            case_id: row.get("parent_id")?,
            at: row.get("received_at")?,
            writer: row.get("user_id")?,
            is_sent: row.get("is_sent")?,
        })
    })
}

/// The teams of the cases that may be seen.
pub fn teams_of_cases(tx: &Tx<'_>, sight: Sight) -> Result<Vec<(i64, i64)>> {
    let sql =
        format!("SELECT t.case_id, t.team_id FROM case_teams t {} WHERE {}", join(sight, "t.case_id"), sight.case());
    tx.all(&sql, params![sight.parameter()], |row| Ok((row.get("case_id")?, row.get("team_id")?)))
}

/// The tags of the cases that may be seen.
pub fn tags_of_cases(tx: &Tx<'_>, sight: Sight) -> Result<Vec<(i64, String)>> {
    let sql = format!("SELECT g.case_id, g.tag FROM case_tags g {} WHERE {}", join(sight, "g.case_id"), sight.case());
    tx.all(&sql, params![sight.parameter()], |row| Ok((row.get("case_id")?, row.get("tag")?)))
}

pub fn users(tx: &Tx<'_>) -> Result<Vec<Named>> {
    tx.all("SELECT id, username AS name FROM users", [], named)
}

pub fn teams(tx: &Tx<'_>) -> Result<Vec<Named>> {
    tx.all("SELECT id, name FROM teams", [], named)
}

pub fn accounts(tx: &Tx<'_>) -> Result<Vec<Named>> {
    tx.all("SELECT id, name FROM accounts", [], named)
}

fn named(row: &Row<'_>) -> Result<Named> {
    Ok((row.get("id")?, row.get("name")?))
}
