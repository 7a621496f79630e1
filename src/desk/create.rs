//! A case that no mail made: a call, a visit, a question of a colleague.

use anyhow::Result;

use super::{edit, give, note};
use crate::access::Actor;
use crate::error;
use crate::intake::new_case::{self, Beginning, People};
use crate::intake::opening;
use crate::intake::people;
use crate::intake::world::World;
use crate::mail::address::Mailbox;
use crate::store::accounts::{Account, AccountKind};
use crate::store::cases::{Case, Priority};
use crate::store::db::Tx;
use crate::store::permissions::Permission;
use crate::store::records::{self, Parent};
use crate::store::stream::{self, NoteKind};
use crate::store::teams::{self, Team};
use crate::store::users::{User, UserType};

/// A case to be made by hand.
#[derive(Debug, Clone)]
pub struct ByHand<'a> {
    pub subject: &'a str,
    /// Description; may be empty.
    pub description: &'a str,
    /// Address of whom it is for; `None` = the actor.
    pub from: Option<&'a str>,
    /// Team; `None` = by account or actor.
    pub team: Option<&'a Team>,
    /// Group account that answers go by.
    pub account: Option<&'a Account>,
    /// Who gets it.
    pub assignee: Option<&'a User>,
    pub priority: Priority,
    /// Free text; may be empty.
    pub case_type: &'a str,
}

/// Makes a case. A user whom it is for is its requester and follows it.
///
/// # Errors
/// A value that cannot be, a team or assignee that the actor may not choose; exit 77 where they may make no cases.
pub fn create(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, new: &ByHand<'_>) -> Result<Case> {
    if let Some(account) = new.account.filter(|account| account.kind != AccountKind::Group) {
        return Err(error::data(format!("--account: {} is a personal account", account.name))
            .hint("choose a group account: espomail account list")
            .into());
    }
    actor.require_some(Permission::CaseEdit)?;
    let requester = actor.user().filter(|user| new.from.is_none_or(|from| user.addresses.iter().any(|a| a == from)));
    let team_id = team(tx, actor, new, requester.is_some())?;
    let who = match new.from {
        Some(from) => {
            let mailbox = Mailbox { name: String::new(), address: from.to_owned() };
            // Nobody becomes a contact by asking a colleague.
            opening::people(tx, world, &mailbox, new.account.filter(|a| a.cases.create_contact && requester.is_none()))?
        }
        None => People::default(),
    };
    let case = new_case::add(
        tx,
        world,
        &Beginning {
            name: &edit::subject(new.subject)?,
            description: &edit::description(new.description)?,
            priority: new.priority,
            case_type: &edit::case_type(new.case_type)?,
            people: who,
            account_id: new.account.map(|account| account.id),
            requester_user_id: requester.map(|user| user.id),
            relates_to_id: None,
            team_ids: team_id.into_iter().collect(),
        },
    )?;
    let id = case.id;
    let made = new.from.map_or_else(|| "by hand".to_owned(), |from| format!("by hand for {from}"));
    note(tx, world, actor, &case, NoteKind::Created, &made)?;
    if let Some(from) = new.from {
        let mailbox = Mailbox { name: String::new(), address: from.to_owned() };
        people::is_customer(tx, world, &case, &mailbox, None)?;
    }
    if let Some(user) = requester {
        stream::follow(tx, Parent::case(id), user.id)?;
    }
    // Else they could not see what they made.
    let unseen = !records::exists(tx, Parent::case(id), actor.sight())?;
    if let Some(user) = new.assignee.or(actor.user().filter(|_| unseen)) {
        give(tx, world, actor, &case, user)?;
    }
    Ok(case)
}

/// The team that was named, else the account's, else the only one of a regular user, who must be in it.
fn team(tx: &Tx<'_>, actor: &Actor, new: &ByHand<'_>, is_requester: bool) -> Result<Option<i64>> {
    let by_account = new.account.and_then(|account| account.cases.case_team_id);
    let chosen = new.team.map(|team| team.id).or(by_account);
    let Some(user) = actor.user().filter(|user| user.user_type == UserType::Regular) else { return Ok(chosen) };
    let own = teams::of_user(tx, user.id)?;
    match (chosen, own.as_slice()) {
        (Some(id), own) if own.iter().any(|team| team.id == id) => Ok(Some(id)),
        (Some(_), _) => {
            let field = if new.team.is_some() { "--team" } else { "--account" };
            Err(error::noperm(format!("{field}: you are not in the team that the case would belong to"))
                .hint("name one of your teams with --team; espomail whoami lists them")
                .into())
        }
        (None, [only]) => Ok(Some(only.id)),
        // They see it as its requester.
        (None, []) if is_requester => Ok(None),
        (None, own) => Err(error::data(format!("--team: is needed, you are in {} teams", own.len()))
            .hint("name the team of the case with --team; espomail whoami lists yours")
            .into()),
    }
}
