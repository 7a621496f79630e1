//! Who is acting, and what they may do (B11).
//!
//! A caller is mapped to the user with their login name. In advisory mode everybody else acts as administrator; in enforced
//! mode the service user and root do, and nobody else without a user. What is read is narrowed by [`Sight`] inside the
//! statements; what is written is decided here, inside the transaction that writes, by the levels that the roles of the
//! user give.

pub mod account;
mod explain;
mod reach;

use anyhow::{Context, Result};
use jiff::Timestamp;

pub use explain::{Answer, explain};
pub use reach::{Subject, reaches, reaches_some};

use crate::caller::{Caller, Standing};
use crate::error;
use crate::store::accounts::Account;
use crate::store::db::Tx;
use crate::store::permissions::{Level, Permission};
use crate::store::records::{Parent, ParentType};
use crate::store::sight::{Object, Sight};
use crate::store::users::{self, User, UserType};
use crate::store::{cases, roles, teams};

/// Who is acting.
#[derive(Debug, Clone, PartialEq)]
pub enum Actor {
    /// The owner of the database, who is not a user of it.
    Administrator,
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
                    .hint("an administrator can enable it: espomail user enable USER")
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

    /// Refuses regular users a command or an option, such as `user add`.
    ///
    /// # Errors
    /// Exit 77, naming what was refused.
    pub fn require_admin(&self, command: &str) -> Result<()> {
        match self {
            Actor::User(user) if user.user_type == UserType::Regular => {
                let text = format!("you cannot use {command}: only administrators can, and you are {}", user.username);
                Err(error::noperm(text).into())
            }
            _ => Ok(()),
        }
    }

    /// Refuses to change a case, record or email that this actor sees.
    ///
    /// # Errors
    /// Exit 77, naming the permission.
    pub fn require_edit(&self, tx: &Tx<'_>, object: Object) -> Result<()> {
        let permission = match object {
            Object::Record(parent) => Permission::to_edit(parent.kind),
            Object::Email(_) => Permission::EmailEdit,
        };
        let Some(user) = self.judged() else { return Ok(()) };
        if reaches(tx, user, permission, Subject::Object(object))? {
            return Ok(());
        }
        let named = named(tx, object)?;
        let level = user.levels.of(permission);
        Err(error::noperm(format!("{permission}: you cannot change {named}: your level is {level}"))
            .hint(format!("why: espomail role explain {} {permission} {named}", user.username))
            .into())
    }

    /// Refuses to make something new for a user who cannot change anything of that kind.
    ///
    /// # Errors
    /// Exit 77, naming the permission.
    pub fn require_some(&self, permission: Permission) -> Result<()> {
        let Some(user) = self.judged() else { return Ok(()) };
        if reaches_some(user, permission) {
            return Ok(());
        }
        Err(error::noperm(format!("{permission}: your roles do not allow it"))
            .hint(format!("why: espomail role explain {} {permission}", user.username))
            .into())
    }

    /// Whether this actor may assign a record to a user (`assignment`); to themselves always.
    fn may_assign_to(&self, tx: &Tx<'_>, user: &User) -> Result<bool> {
        self.judged().map_or(Ok(true), |own| reaches(tx, own, Permission::Assignment, Subject::User(user)))
    }

    /// Whether this actor may give a record to a team: a regular one to teams of their own, unless they may assign to
    /// everybody.
    pub fn may_give_to(&self, tx: &Tx<'_>, team_id: i64) -> Result<bool> {
        match self.judged() {
            Some(user) if user.levels.of(Permission::Assignment) < Level::All => teams::is_member(tx, team_id, user.id),
            _ => Ok(true),
        }
    }

    /// Refuses to assign to this user, who was named as `field`.
    ///
    /// # Errors
    /// Exit 77, naming the user.
    pub fn require_assignable(&self, tx: &Tx<'_>, field: &str, user: &User) -> Result<()> {
        let own = match self.judged() {
            Some(own) if !self.may_assign_to(tx, user)? => own,
            _ => return Ok(()),
        };
        let (name, permission) = (&user.username, Permission::Assignment);
        let text = match own.levels.of(permission) {
            Level::No => format!(
                "{field}: your role does not let you assign to others ({permission}: no); {name} can take the case with `case take`"
            ),
            _ => format!("{field}: you cannot assign to {name}, who is in none of your teams"),
        };
        Err(error::noperm(text)
            .hint(format!("why: espomail role explain {} {permission} user:{name}", own.username))
            .into())
    }

    /// Refuses to write from this group account (`group-account`).
    ///
    /// # Errors
    /// Exit 77, naming the account.
    pub fn require_account(&self, tx: &Tx<'_>, account: &Account) -> Result<()> {
        let Some(user) = self.judged() else { return Ok(()) };
        let permission = Permission::GroupAccount;
        if reaches(tx, user, permission, Subject::Account(account))? {
            return Ok(());
        }
        // Where there is such an account, is nothing to be learned beyond one's teams.
        let text = match user.levels.of(permission) {
            Level::No => format!("{permission}: you cannot write from group accounts such as {}", account.name),
            _ => format!("--account: {} belongs to none of your teams", account.name),
        };
        Err(error::noperm(text).hint(format!("why: espomail role explain {} {permission}", user.username)).into())
    }

    /// Whether this actor may change an account: administrators any, a user their own personal ones (B11.1).
    pub fn manages(&self, account: &Account) -> bool {
        match self.sight() {
            Sight::Everything => true,
            Sight::User(id, _) => account.user_id == Some(id),
        }
    }

    /// Whether this actor knows of an account: of those they manage, of the group accounts of their teams, and of those
    /// they may write from.
    pub fn knows_account(&self, tx: &Tx<'_>, account: &Account) -> Result<bool> {
        let Some(user) = self.judged() else { return Ok(true) };
        if self.manages(account) {
            return Ok(true);
        }
        let nearest = reach::nearest(tx, user, Subject::Account(account))?;
        let level = user.levels.of(Permission::GroupAccount).max(Level::Team);
        Ok(nearest.is_some_and(|nearest| nearest <= level))
    }

    /// The user whose roles decide; `None` for who may all.
    fn judged(&self) -> Option<&User> {
        self.user().filter(|user| sight_of(user) != Sight::Everything)
    }

    /// The acting user, for verbs that only make sense for one (`take`, `--mine`).
    ///
    /// # Errors
    /// Exit 77 for the administrator.
    pub fn require_user(&self, what: &str) -> Result<&User> {
        match self {
            Actor::User(user) => Ok(user),
            Actor::Administrator => Err(error::noperm(format!("{what}: no user has your login name"))
                .hint("name one with --as USER, or give a user your login: espomail user edit USER --login NAME")
                .into()),
        }
    }
}

/// What a user may see.
pub fn sight_of(user: &User) -> Sight {
    match user.user_type {
        UserType::Admin => Sight::Everything,
        UserType::Regular => Sight::User(user.id, user.levels),
    }
}

/// An object as people name it: `case/12`, `contact/3`, `email/9`.
fn named(tx: &Tx<'_>, object: Object) -> Result<String> {
    Ok(match object {
        Object::Record(Parent { kind: ParentType::Case, id }) => {
            format!("case/{}", cases::by_id(tx, id)?.context("the case vanished")?.number)
        }
        Object::Record(Parent { kind, id }) => format!("{kind}/{id}"),
        Object::Email(id) => format!("email/{id}"),
    })
}

/// The role that new teams get, where it has not been deleted.
pub const AGENT: &str = "Agent";

/// Makes the role [`AGENT`] (B11.2).
pub fn make_agent(tx: &Tx<'_>, now: Timestamp) -> Result<()> {
    let id = roles::add(tx, AGENT, now)?;
    for permission in Permission::ALL {
        let level = if *permission == Permission::PersonalAccount { Level::Yes } else { Level::Team };
        roles::grant(tx, id, *permission, Some(level))?;
    }
    Ok(())
}
