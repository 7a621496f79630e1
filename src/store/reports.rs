//! What reports are made of: cases, waits and letters as far as they may be seen. Sums, times and names are made elsewhere.

use std::collections::HashSet;

use anyhow::Result;
use jiff::Timestamp;

use super::cases::CaseStatus;
use super::db::{Row, Tx, params, seconds};
use super::junk::IS_JUNK_CASE;
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
    /// `None` = it was written, and no server has taken it yet.
    pub until: Option<i64>,
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

/// Cases of their own: those that were merged into another one, or made by junk, are left out.
pub fn cases(tx: &Tx<'_>, sight: Sight) -> Result<Vec<CaseFacts>> {
    let sql = format!(
        "SELECT c.id, c.status, c.created_at, c.closed_at, c.assigned_user_id, c.account_id, c.requester_user_id,
            CASE WHEN c.waiting_for = 'us' THEN c.waiting_since END AS waits_since
        FROM cases c WHERE {} AND c.merged_into_id IS NULL AND NOT {IS_JUNK_CASE}",
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

/// The cases that a reader sees. What there is of cases is read whole and compared with them, which costs less than to ask
/// for each row who may see its case.
pub struct Seen(HashSet<i64>);

impl Seen {
    pub fn of(cases: &[CaseFacts]) -> Seen {
        Seen(cases.iter().map(|case| case.id).collect())
    }
}

/// The answers in cases that are seen, in no order.
pub fn waits(tx: &Tx<'_>, seen: &Seen) -> Result<Vec<Wait>> {
    let waiting: HashSet<(i64, i64)> = tx
        .all(
            "SELECT case_id, created_at FROM outbox
                WHERE state IN ('waiting', 'in doubt', 'held') AND kind = 'mail' AND case_id IS NOT NULL",
            [],
            |row| Ok((row.get("case_id")?, row.get("created_at")?)),
        )?
        .into_iter()
        .collect();
    let wait = |row: &Row<'_>| {
        let (case_id, until) = (row.get("case_id")?, row.get("until")?);
        let until = Some(until).filter(|until| !waiting.contains(&(case_id, *until)));
        Ok(Wait { case_id, since: row.get("since")?, until })
    };
    let mut waits = tx.all("SELECT case_id, since, until FROM case_waits", [], wait)?;
    waits.retain(|wait| seen.0.contains(&wait.case_id));
    Ok(waits)
}

/// Mail of cases that are seen, from one moment to before another, as far as it may be seen itself. Machine mail, mail that
/// nobody vouches for and letters that have not gone out are left out, and so is junk.
pub fn letters(tx: &Tx<'_>, sight: Sight, seen: &Seen, since: Timestamp, until: Timestamp) -> Result<Vec<LetterFacts>> {
    let sql = format!(
        "SELECT e.parent_id, e.received_at, e.user_id, e.status = 'Sent' AS is_sent
        FROM emails e INDEXED BY emails_received
        WHERE e.received_at >= ?2 AND e.received_at < ?3 AND e.parent_type = 'case' AND e.automatic = ''
            AND (e.status = 'Sent' OR (e.status = 'Archived' AND e.verified)) AND {}
            AND e.id NOT IN (SELECT email_id FROM email_junk)",
        sight.email_of(ParentType::Case)
    );
    let mut letters = tx.all(&sql, params![sight.parameter(), seconds(since), seconds(until)], |row| {
        Ok(LetterFacts {
            case_id: row.get("parent_id")?,
            at: row.get("received_at")?,
            writer: row.get("user_id")?,
            is_sent: row.get("is_sent")?,
        })
    })?;
    letters.retain(|letter| seen.0.contains(&letter.case_id));
    Ok(letters)
}

/// Case and team.
pub fn teams_of_cases(tx: &Tx<'_>, seen: &Seen) -> Result<Vec<(i64, i64)>> {
    let teams = |row: &Row<'_>| Ok((row.get("case_id")?, row.get("team_id")?));
    let mut teams: Vec<(i64, i64)> = tx.all("SELECT case_id, team_id FROM case_teams", [], teams)?;
    teams.retain(|(case_id, _)| seen.0.contains(case_id));
    Ok(teams)
}

/// Case and tag.
pub fn tags_of_cases(tx: &Tx<'_>, seen: &Seen) -> Result<Vec<(i64, String)>> {
    let tags = |row: &Row<'_>| Ok((row.get("case_id")?, row.get("tag")?));
    let mut tags: Vec<(i64, String)> = tx.all("SELECT case_id, tag FROM case_tags", [], tags)?;
    tags.retain(|(case_id, _)| seen.0.contains(case_id));
    Ok(tags)
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
