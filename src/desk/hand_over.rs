//! A case goes to another team.

use anyhow::Result;

use super::note;
use crate::access::Actor;
use crate::intake::assign;
use crate::intake::world::World;
use crate::store::cases::{self, Case, CaseStatus};
use crate::store::db::Tx;
use crate::store::stream::NoteKind;
use crate::store::teams::{self, Team};
use crate::store::{accounts, emails};

/// Makes `team` the only team of a case and shows it the emails. An assignee who is not in it loses the case, which
/// is distributed again where it is the case team of the account the case came by.
pub fn hand_over(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case, team: &Team) -> Result<()> {
    let old = cases::team_ids(tx, case.id)?;
    if old == [team.id] {
        return Ok(());
    }
    let mut names = Vec::new();
    for id in old.into_iter().filter(|id| *id != team.id) {
        names.extend(teams::by_id(tx, id)?.map(|team| team.name));
        cases::remove_team(tx, case.id, id)?;
        emails::remove_team_of_case(tx, case.id, id)?;
    }
    cases::add_team(tx, case.id, team.id)?;
    emails::add_team_of_case(tx, case.id, team.id)?;
    let from = if names.is_empty() { "no team".to_owned() } else { names.join(", ") };
    note(tx, world, actor, case, NoteKind::Moved, &format!("team: {from} -> {}", team.name))?;
    match case.assigned_user_id {
        Some(user_id) if !teams::is_member(tx, team.id, user_id)? => take_away(tx, world, actor, case, team),
        _ => Ok(()),
    }
}

fn take_away(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case, team: &Team) -> Result<()> {
    cases::assign(tx, case.id, None, false, world.now)?;
    if case.status == CaseStatus::Assigned {
        cases::set_status(tx, case.id, CaseStatus::New, world.now)?;
    }
    let text = format!("released: the assignee is not in {}", team.name);
    note(tx, world, actor, case, NoteKind::Assigned, &text)?;
    let account = case.account_id.map(|id| accounts::by_id(tx, id)).transpose()?.flatten();
    if let Some(account) = account.filter(|a| a.cases.case_team_id == Some(team.id) && case.status.is_open()) {
        assign::distribute(tx, world, &account, case.id, None)?;
    }
    Ok(())
}
