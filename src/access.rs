//! Who is acting, and what they may do (B11, "Who is acting").
//!
//! A caller is mapped to the user with their login name. In advisory mode everybody else acts as administrator; in enforced
//! mode the service user and root do, and nobody else without a user. What is read is narrowed by [`Sight`] inside the statements.

use anyhow::Result;

use crate::caller::{Caller, Standing};
use crate::error;
use crate::store::accounts::Account;
use crate::store::db::Tx;
use crate::store::sight::Sight;
use crate::store::teams;
use crate::store::users::{self, User, UserType};

/// Who is acting.
#[derive(Debug, Clone, PartialEq)]
pub enum Actor {
    /// The owner of the database, who is no user of it.
    Administrator,
    /// A user.
    User(User),
}

impl Actor {
    /// Maps a caller: `as_user` where `--as` was given, else by login name.
    ///
    /// # Errors
    /// No user is mapped to a caller who needs one, the caller is disabled, `--as` names nobody, or a regular user tries to act as somebody else.
    pub fn find(tx: &Tx<'_>, caller: &Caller, as_user: Option<&str>) -> Result<Actor> {
        let login = caller.login.as_deref().filter(|_| caller.standing != Standing::Service);
        let actor = match login.map(|login| users::by_login(tx, login)).transpose()?.flatten() {
            Some(user) if !user.active => {
                return Err(error::noperm(format!("user {}: is disabled", user.username))
                    .hint("an administrator may take that back: espomail user enable USER")
                    .into());
            }
            Some(user) => Actor::User(user),
            None if caller.standing.needs_user() => return Err(caller.unknown().into()),
            None => Actor::Administrator,
        };
        let Some(username) = as_user else { return Ok(actor) };
        actor.require_admin("--as")?;
        match users::by_username(tx, username)?.filter(|u| u.active) {
            Some(user) => Ok(Actor::User(user)),
            None => Err(error::noperm(format!("--as: there is no active user \"{username}\""))
                .hint("see `espomail user list`")
                .into()),
        }
    }

    /// What this actor may see.
    pub fn sight(&self) -> Sight {
        match self {
            Actor::User(user) => sight_of(user),
            Actor::Administrator => Sight::Everything,
        }
    }

    /// The user; `None` for the administrator.
    pub fn user(&self) -> Option<&User> {
        match self {
            Actor::User(user) => Some(user),
            Actor::Administrator => None,
        }
    }

    /// The user's id; `None` for the administrator.
    pub fn user_id(&self) -> Option<i64> {
        self.user().map(|user| user.id)
    }

    /// Refuses regular users.
    ///
    /// # Errors
    /// Exit 77, naming what was refused.
    pub fn require_admin(&self, what: &str) -> Result<()> {
        match self {
            Actor::User(user) if user.user_type == UserType::Regular => {
                Err(error::noperm(format!("{what}: only for administrators, you are {}", user.username)).into())
            }
            _ => Ok(()),
        }
    }

    /// Whether this actor may assign a record to a user: a regular one to themselves and to those who share a team with
    /// them (B11.2, level `team`).
    pub fn may_assign_to(&self, tx: &Tx<'_>, user: &User) -> Result<bool> {
        match self.sight() {
            Sight::Everything => Ok(true),
            Sight::User(id) => Ok(id == user.id || teams::in_common(tx, id, user.id)?),
        }
    }

    /// Whether this actor may give a record to a team: a regular one to teams of their own.
    pub fn may_give_to(&self, tx: &Tx<'_>, team_id: i64) -> Result<bool> {
        match self.sight() {
            Sight::Everything => Ok(true),
            Sight::User(id) => teams::is_member(tx, team_id, id),
        }
    }

    /// Refuses to assign to this user.
    ///
    /// # Errors
    /// Exit 77, naming the user.
    pub fn require_assignable(&self, tx: &Tx<'_>, user: &User) -> Result<()> {
        if self.may_assign_to(tx, user)? {
            return Ok(());
        }
        Err(error::noperm(format!("user: {} is in no team of yours, so you may not assign to them", user.username))
            .hint("choose a colleague of your team, or ask an administrator")
            .into())
    }

    /// Refuses to write from this group account: a regular user writes from those of their own teams.
    ///
    /// # Errors
    /// Exit 77, naming the account.
    pub fn require_account(&self, tx: &Tx<'_>, account: &Account) -> Result<()> {
        for team_id in account.team_ids.iter().chain(&account.case_team_id) {
            if self.may_give_to(tx, *team_id)? {
                return Ok(());
            }
        }
        match self.sight() {
            Sight::Everything => Ok(()),
            Sight::User(_) => Err(error::noperm(format!("--account: {} is of no team of yours", account.name))
                .hint("leave it out to answer by the account that the case came by")
                .into()),
        }
    }

    /// Whether this actor may change an account: administrators any, a user their own personal ones (B11.1).
    pub fn manages(&self, account: &Account) -> bool {
        match self.sight() {
            Sight::Everything => true,
            Sight::User(id) => account.user_id == Some(id),
        }
    }

    /// Whether this actor knows of an account: of those they manage, and of the group accounts of their teams.
    pub fn knows_account(&self, tx: &Tx<'_>, account: &Account) -> Result<bool> {
        if self.manages(account) {
            return Ok(true);
        }
        for team_id in account.team_ids.iter().chain(&account.case_team_id) {
            if self.may_give_to(tx, *team_id)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The acting user, for verbs that only make sense for one (`take`, `--mine`).
    ///
    /// # Errors
    /// Exit 77 for the administrator.
    pub fn require_user(&self, what: &str) -> Result<&User> {
        match self {
            Actor::User(user) => Ok(user),
            Actor::Administrator => Err(error::noperm(format!("{what}: no user is mapped to you"))
                .hint("name one with --as USER, or give a user your login: espomail user edit USER --login NAME")
                .into()),
        }
    }
}

/// What a user may see.
pub fn sight_of(user: &User) -> Sight {
    match user.user_type {
        UserType::Admin => Sight::Everything,
        UserType::Regular => Sight::User(user.id),
    }
}
