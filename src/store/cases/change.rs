//! What changes a case: its fields, its teams, its place.

use anyhow::Result;
use jiff::Timestamp;

use super::super::db::{Tx, params, seconds};
use super::{Case, CaseStatus, WaitingFor};

/// Puts a case into a team.
pub fn add_team(tx: &Tx<'_>, case_id: i64, team_id: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO case_teams (case_id, team_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        params![case_id, team_id],
    )?;
    Ok(())
}

pub fn team_ids(tx: &Tx<'_>, case_id: i64) -> Result<Vec<i64>> {
    tx.values("SELECT team_id FROM case_teams WHERE case_id = ?1 ORDER BY team_id", params![case_id])
}

/// Changes the status; closing remembers when, opening forgets it. Only a Pending case is snoozed.
pub fn set_status(tx: &Tx<'_>, case_id: i64, status: CaseStatus, now: Timestamp) -> Result<()> {
    let closed_at = (!status.is_open()).then(|| seconds(now));
    tx.execute(
        "UPDATE cases SET status = ?2, modified_at = ?3,
            snoozed_until = CASE WHEN ?2 = 'Pending' THEN snoozed_until END,
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

/// Remembers who waits for whom, and that the case changed. Our answer, from which on the customer is waited for, ends
/// the customer's own waiting; that, and the first answer, are kept for reports.
pub fn set_waiting(tx: &Tx<'_>, case_id: i64, who: WaitingFor, since: Option<Timestamp>, now: Timestamp) -> Result<()> {
    // Nobody waits since a time that is still to come.
    let since = since.map(|since| since.min(now));
    if let (WaitingFor::Customer, Some(answered_at)) = (who, since.map(seconds)) {
        tx.execute(
            "INSERT INTO case_waits (case_id, since, until) SELECT id, waiting_since, ?2 FROM cases
                WHERE id = ?1 AND waiting_for = 'us' AND waiting_since <= ?2",
            params![case_id, answered_at],
        )?;
        tx.execute(
            "UPDATE cases SET first_response_at = ?2
                WHERE id = ?1 AND (first_response_at IS NULL OR first_response_at > ?2)",
            params![case_id, answered_at],
        )?;
    }
    tx.execute(
        "UPDATE cases SET waiting_for = ?2, waiting_since = ?3, modified_at = ?4,
            answer_failed_at = CASE WHEN ?2 = 'us' THEN answer_failed_at END WHERE id = ?1",
        params![case_id, who.as_str(), since.map(seconds), seconds(now)],
    )?;
    Ok(())
}

/// Takes back that we answered at `answered_at`: the answer did not reach the customer. The case is marked.
pub fn answer_failed(tx: &Tx<'_>, case_id: i64, answered_at: Timestamp, now: Timestamp) -> Result<()> {
    let answered_at = seconds(answered_at);
    tx.execute("DELETE FROM case_waits WHERE case_id = ?1 AND until = ?2", params![case_id, answered_at])?;
    tx.execute(
        "UPDATE cases SET first_response_at = nullif(first_response_at, ?2), answer_failed_at = ?3 WHERE id = ?1",
        params![case_id, answered_at, seconds(now)],
    )?;
    Ok(())
}

/// Moves the mark of an answer that did not arrive to the case that lives on: the older one stays.
pub fn move_failed_answer(tx: &Tx<'_>, from: i64, into: i64) -> Result<()> {
    tx.execute(
        "UPDATE cases SET answer_failed_at = (SELECT min(c.answer_failed_at) FROM cases c WHERE c.id IN (?1, ?2))
            WHERE id = ?2",
        params![from, into],
    )?;
    tx.execute("UPDATE cases SET answer_failed_at = NULL WHERE id = ?1", params![from])?;
    Ok(())
}

/// Writes the fields that people edit: subject, type, priority and description.
pub fn edit(tx: &Tx<'_>, case: &Case, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE cases SET name = ?2, type = ?3, priority = ?4, description = ?5, modified_at = ?6 WHERE id = ?1",
        params![case.id, case.name, case.case_type, case.priority.as_str(), case.description, seconds(now)],
    )?;
    Ok(())
}

/// Writes whom a case is for: company, contact, lead and requester.
pub fn set_people(tx: &Tx<'_>, case: &Case, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE cases SET company_id = ?2, contact_id = ?3, lead_id = ?4, requester_user_id = ?5, modified_at = ?6
            WHERE id = ?1",
        params![case.id, case.company_id, case.contact_id, case.lead_id, case.requester_user_id, seconds(now)],
    )?;
    Ok(())
}

/// Remembers the case that lives on instead of this one.
pub fn set_merged(tx: &Tx<'_>, case_id: i64, into_id: i64) -> Result<()> {
    tx.execute("UPDATE cases SET merged_into_id = ?2 WHERE id = ?1", params![case_id, into_id])?;
    Ok(())
}

/// Takes a case out of a team.
pub fn remove_team(tx: &Tx<'_>, case_id: i64, team_id: i64) -> Result<()> {
    tx.execute("DELETE FROM case_teams WHERE case_id = ?1 AND team_id = ?2", params![case_id, team_id])?;
    Ok(())
}

/// Whose own matter a case is, as far as nobody was known.
pub fn set_requester(tx: &Tx<'_>, id: i64, user_id: i64) -> Result<()> {
    tx.execute(
        "UPDATE cases SET requester_user_id = ?2 WHERE id = ?1 AND requester_user_id IS NULL",
        params![id, user_id],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{NewCase, Priority, add, added, by_id};
    use super::*;
    use crate::store::db::Store;

    #[test]
    fn answers_end_a_waiting_and_the_first_one_is_remembered() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let store = Store::for_test().unwrap();
        let (case, waits) = store
            .write(|tx| {
                let new = NewCase { number: 1, key: "k", name: "", ..NewCase::default() };
                let id = add(tx, &new, at(0))?;
                // Asked at 10, answered at 40 and once more at 50; asked at 60, closed with no word, answered at 90.
                for (who, since) in [
                    (WaitingFor::Us, Some(10)),
                    (WaitingFor::Customer, Some(40)),
                    (WaitingFor::Customer, Some(50)),
                    (WaitingFor::Us, Some(60)),
                    (WaitingFor::Us, Some(60)),
                    (WaitingFor::Customer, Some(90)),
                    (WaitingFor::Nobody, None),
                ] {
                    set_waiting(tx, id, who, since.map(at), at(99))?;
                }
                let waits: Vec<String> = tx.values("SELECT since || '-' || until FROM case_waits ORDER BY id", [])?;
                Ok((by_id(tx, id)?.unwrap(), waits))
            })
            .unwrap();
        assert_eq!(case.first_response_at, Some(at(40)));
        assert_eq!(waits, ["10-40", "60-90"]);
    }

    #[test]
    fn a_case_stands_there_as_it_is_known_without_being_read() {
        let store = Store::for_test().unwrap();
        let now = Timestamp::from_nanosecond(1_700_000_000_123_456_789).unwrap();
        let full = NewCase {
            number: 7,
            key: "k",
            name: "n",
            description: "d",
            priority: Priority::High,
            case_type: "t",
            ..NewCase::default()
        };
        for case in [full, NewCase { number: 8, key: "l", ..NewCase::default() }] {
            let (id, read) = store
                .write(|tx| {
                    let id = add(tx, &case, now)?;
                    Ok((id, by_id(tx, id)?))
                })
                .unwrap();
            assert_eq!(Some(added(id, &case, now)), read);
        }
    }
}
