//! Whether a user's levels reach a thing: one decision for what is written and for `role explain` (B11.2).

use anyhow::Result;

use super::sight_of;
use crate::store::accounts::{Account, AccountKind};
use crate::store::db::Tx;
use crate::store::permissions::{Level, Permission};
use crate::store::sight::{self, Object, Sight};
use crate::store::teams;
use crate::store::users::User;

/// What a permission is asked about.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// To read or to edit this.
    Object(Object),
    /// To send by this account, or to have it.
    Account(&'a Account),
    /// To assign something to this user.
    User(&'a User),
}

/// Whether a user may; a user who edits has to read, too.
pub fn reaches(tx: &Tx<'_>, user: &User, permission: Permission, subject: Subject<'_>) -> Result<bool> {
    if sight_of(user) == Sight::Everything {
        return Ok(true);
    }
    let Some(nearest) = nearest(tx, user, subject)? else { return Ok(false) };
    let within = |permission: Permission| nearest <= user.levels.of(permission);
    Ok(within(permission) && permission.read_first().is_none_or(within))
}

/// Whether a permission of a user reaches anything at all; a user who edits has to read, too.
pub fn reaches_some(user: &User, permission: Permission) -> bool {
    let some = |permission: Permission| user.levels.of(permission) > Level::No;
    sight_of(user) == Sight::Everything || some(permission) && permission.read_first().is_none_or(some)
}

/// The narrowest level that reaches it; `None` = none does.
pub(super) fn nearest(tx: &Tx<'_>, user: &User, subject: Subject<'_>) -> Result<Option<Level>> {
    Ok(match subject {
        Subject::Object(object) => sight::nearest(tx, object, user.id)?,
        Subject::Account(account) if account.kind == AccountKind::Personal => {
            (account.user_id == Some(user.id)).then_some(Level::Yes)
        }
        Subject::Account(account) => {
            let common = !teams_of_account(tx, user, account)?.is_empty();
            Some(if common { Level::Team } else { Level::All })
        }
        // Taking something needs no more than to edit it.
        Subject::User(other) if other.id == user.id => Some(Level::No),
        Subject::User(other) => {
            Some(if teams::in_common(tx, user.id, other.id)?.is_empty() { Level::All } else { Level::Team })
        }
    })
}

/// Names of the teams of an account that a user is in.
pub(super) fn teams_of_account(tx: &Tx<'_>, user: &User, account: &Account) -> Result<Vec<String>> {
    let own = teams::of_user(tx, user.id)?.into_iter();
    let of_account = |id: &i64| account.team_ids.contains(id) || account.cases.case_team_id == Some(*id);
    Ok(own.filter(|team| of_account(&team.id)).map(|team| team.name).collect())
}
