//! Who gets a case (B5.5): a pure choice, and the step that carries it out.

use anyhow::{Context, Result};

use super::notify::{self, By, Cause};
use super::world::World;
use crate::access;
use crate::store::accounts::{self, Account, Distribution};
use crate::store::cases::{self, Case, CaseStatus};
use crate::store::db::Tx;
use crate::store::permissions::Permission;
use crate::store::records::Parent;
use crate::store::stream::{self, NewNote, NoteKind};
use crate::store::users::{self, User};

/// What distribution decided, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assignment {
    /// This user, because.
    To(i64, String),
    /// Nobody, because.
    Nobody(String),
}

/// An eligible user as the choice sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// User id; candidates are ordered by it.
    pub id: i64,
    /// Open cases over all accounts.
    pub open: i64,
    /// When they were last given a case by distribution: moment and case id; `None` = never.
    pub last: Option<(i64, i64)>,
}

/// The eligible user after the pointer, in the order of ids; from the start again after the last (B5.5).
pub fn round_robin(eligible: &[i64], wheel: Option<i64>) -> Option<i64> {
    let after = wheel.and_then(|last| eligible.iter().find(|id| **id > last));
    after.or(eligible.first()).copied()
}

/// The fewest open cases; tie: least recently auto-assigned, then the lowest id (B5.5).
pub fn least_busy(candidates: &[Candidate]) -> Option<i64> {
    candidates.iter().min_by_key(|c| (c.open, c.last, c.id)).map(|c| c.id)
}

/// Assigns a new case: to the user a filter names, with the filter as the reason (B10.3), else by distribution. So it is
/// where that user cannot take it now.
pub fn open(
    tx: &Tx<'_>,
    world: &World<'_>,
    account: &Account,
    case_id: i64,
    wish: Option<(i64, String)>,
    mail: Cause,
) -> Result<Assignment> {
    let Some((user_id, filter)) = wish else { return distribute(tx, world, account, case_id, Some(mail)) };
    let user = users::by_id(tx, user_id)?.context("the user of a filter vanished")?;
    let hindrance = match user {
        User { active: false, .. } => "inactive",
        ref user if user.is_away(world.now) => "away",
        ref user if !works_on_cases(user) => "not allowed to change cases",
        user => {
            let case = cases::by_id(tx, case_id)?.context("the new case vanished")?;
            put(tx, world, &case, user.id, By::Rule(Some(mail)))?;
            note(tx, world, case_id, None, &format!("assigned to {}: {filter}", user.username))?;
            return Ok(Assignment::To(user.id, filter));
        }
    };
    let also = format!("{filter} names {}, who is {hindrance}", user.username);
    Ok(match distribute(tx, world, account, case_id, Some(mail))? {
        Assignment::To(id, reason) => Assignment::To(id, format!("{reason}; {also}")),
        Assignment::Nobody(reason) => Assignment::Nobody(format!("{reason}; {also}")),
    })
}

/// Assigns a case by the distribution of an account, moves the wheel, writes notes and tells the assignee; `mail` = the
/// mail for which it is done.
pub fn distribute(
    tx: &Tx<'_>,
    world: &World<'_>,
    account: &Account,
    case_id: i64,
    mail: Option<Cause>,
) -> Result<Assignment> {
    tx.serialise("the round-robin wheel and least-busy");
    let assignment = decide(tx, world, account)?;
    let Some(case) = cases::by_id(tx, case_id)? else { return Ok(assignment) };
    match &assignment {
        Assignment::To(user_id, reason) => {
            if account.cases.distribution.turns_wheel() {
                accounts::turn_wheel(tx, account.id, *user_id)?;
            }
            put(tx, world, &case, *user_id, By::Rule(mail))?;
            note(tx, world, case_id, None, &format!("assigned to {}: {reason}", username(tx, *user_id)?))?;
        }
        Assignment::Nobody(reason) => {
            cases::assign(tx, case_id, None, false, world.now)?;
            if case.status == CaseStatus::Assigned {
                cases::set_status(tx, case_id, CaseStatus::New, world.now)?;
            }
            if account.cases.distribution != Distribution::None {
                note(tx, world, case_id, None, &format!("not assigned: {reason}"))?;
            }
        }
    }
    Ok(assignment)
}

fn decide(tx: &Tx<'_>, world: &World<'_>, account: &Account) -> Result<Assignment> {
    let nobody = |reason: &str| Ok(Assignment::Nobody(reason.to_owned()));
    match account.cases.distribution {
        Distribution::None => nobody("the account assigns to nobody"),
        Distribution::Direct => {
            let user = account.cases.assign_to_id.map(|id| users::by_id(tx, id)).transpose()?.flatten();
            match user {
                Some(user) if !user.active => nobody(&format!("{} is inactive", user.username)),
                Some(user) if user.is_away(world.now) => nobody(&format!("{} is away", user.username)),
                Some(user) if !works_on_cases(&user) => nobody(&format!("{} cannot change cases", user.username)),
                Some(user) => Ok(Assignment::To(user.id, "direct".to_owned())),
                None => nobody("the account has no assign-to user"),
            }
        }
        Distribution::RoundRobin => {
            let eligible: Vec<i64> = eligible(tx, world, account)?.iter().map(|user| user.id).collect();
            Ok(chosen(round_robin(&eligible, accounts::wheel(tx, account.id)?), "round-robin"))
        }
        Distribution::LeastBusy => Ok(chosen(least_busy(&candidates(tx, world, account)?), "least-busy")),
    }
}

fn chosen(user_id: Option<i64>, reason: &str) -> Assignment {
    match user_id {
        Some(id) => Assignment::To(id, reason.to_owned()),
        None => Assignment::Nobody("nobody in the case team is eligible".to_owned()),
    }
}

fn candidates(tx: &Tx<'_>, world: &World<'_>, account: &Account) -> Result<Vec<Candidate>> {
    eligible(tx, world, account)?
        .iter()
        .map(|user| {
            Ok(Candidate {
                id: user.id,
                open: cases::open_of(tx, user.id)?,
                last: cases::last_auto_assignment(tx, user.id)?,
            })
        })
        .collect()
}

/// Active members of the case team who are not away, may change cases and have the target position, if one is set; by id.
pub fn eligible(tx: &Tx<'_>, world: &World<'_>, account: &Account) -> Result<Vec<User>> {
    let Some(team_id) = account.cases.case_team_id else { return Ok(Vec::new()) };
    let members = users::in_team(tx, team_id, &account.cases.position)?;
    Ok(members.into_iter().filter(|user| user.active && !user.is_away(world.now) && works_on_cases(user)).collect())
}

/// Whether roles let a user work on the cases that are given to them (B11.2): nobody would see to those of others.
pub fn works_on_cases(user: &User) -> bool {
    access::reaches_some(user, Permission::CaseEdit)
}

/// Gives a case to a user: status New becomes Assigned, the assignee follows it and is told, unless they took it
/// themselves.
pub fn put(tx: &Tx<'_>, world: &World<'_>, case: &Case, user_id: i64, by: By) -> Result<()> {
    cases::assign(tx, case.id, Some(user_id), matches!(by, By::Rule(_)), world.now)?;
    if case.status == CaseStatus::New {
        cases::set_status(tx, case.id, CaseStatus::Assigned, world.now)?;
    }
    stream::follow(tx, Parent::case(case.id), user_id)?;
    match by {
        By::Hand(actor) if actor == Some(user_id) => Ok(()),
        by => notify::assigned(tx, world, case, user_id, by),
    }
}

fn note(tx: &Tx<'_>, world: &World<'_>, case_id: i64, user_id: Option<i64>, text: &str) -> Result<()> {
    let new = NewNote { parent: Parent::case(case_id), kind: NoteKind::Assigned, user_id, email_id: None, text };
    stream::note(tx, new, world.now)?;
    Ok(())
}

fn username(tx: &Tx<'_>, id: i64) -> Result<String> {
    Ok(users::by_id(tx, id)?.map(|u| u.username).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(id: i64, open: i64, last: Option<(i64, i64)>) -> Candidate {
        Candidate { id, open, last }
    }

    #[test]
    fn the_wheel_goes_round_by_id_over_the_eligible_users() {
        let all = [2, 5, 9];
        for (wheel, next) in [(None, 2), (Some(2), 5), (Some(5), 9), (Some(9), 2), (Some(3), 5), (Some(100), 2)] {
            assert_eq!(round_robin(&all, wheel), Some(next), "after {wheel:?}");
        }
        assert_eq!(round_robin(&[], Some(2)), None);
    }

    #[test]
    fn the_least_busy_is_found_ties_go_to_who_waited_longest() {
        let rows = [
            (vec![candidate(1, 3, None), candidate(2, 1, None), candidate(3, 2, None)], 2),
            (vec![candidate(1, 1, Some((50, 1))), candidate(2, 1, Some((40, 9)))], 2),
            (vec![candidate(1, 1, Some((50, 8))), candidate(2, 1, Some((50, 7)))], 2),
            (vec![candidate(1, 1, Some((50, 1))), candidate(2, 1, None)], 2),
            (vec![candidate(1, 0, None), candidate(2, 0, None)], 1),
        ];
        for (candidates, winner) in rows {
            assert_eq!(least_busy(&candidates), Some(winner), "{candidates:?}");
        }
        assert_eq!(least_busy(&[]), None);
    }
}
