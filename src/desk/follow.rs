//! Who hears of a case: following it by hand (B7.3).

use anyhow::Result;

use crate::access::{self, Actor};
use crate::error;
use crate::store::cases::Case;
use crate::store::db::Tx;
use crate::store::records::{self, Parent};
use crate::store::stream;
use crate::store::users::User;

/// Makes a user follow a case; `None` = the actor.
///
/// # Errors
/// The user may not read the case or is disabled; others only by administrators.
pub fn follow(tx: &Tx<'_>, actor: &Actor, case: &Case, user: Option<&User>) -> Result<()> {
    let user = subject(actor, user, "case follow")?;
    if !user.active {
        return Err(error::data(format!("--user: {} is disabled", user.username))
            .hint(format!("espomail user enable {}", user.username))
            .into());
    }
    if !records::exists(tx, Parent::case(case.id), access::sight_of(user))? {
        return Err(error::data(format!("--user: {} cannot read case #{}", user.username, case.number))
            .hint(format!("why: espomail role explain {} case-read case/{}", user.username, case.number))
            .into());
    }
    stream::follow(tx, Parent::case(case.id), user.id)
}

/// Ends following.
///
/// # Errors
/// The user does not follow the case; others only by administrators.
pub fn unfollow(tx: &Tx<'_>, actor: &Actor, case: &Case, user: Option<&User>) -> Result<()> {
    let user = subject(actor, user, "case unfollow")?;
    if stream::unfollow(tx, Parent::case(case.id), user.id)? {
        return Ok(());
    }
    Err(error::data(format!("case #{}: {} does not follow it", case.number, user.username)).into())
}

/// The user it is about: the actor, or another one named by an administrator.
fn subject<'a>(actor: &'a Actor, named: Option<&'a User>, verb: &str) -> Result<&'a User> {
    match named {
        Some(user) if actor.user_id() == Some(user.id) => Ok(user),
        Some(user) => {
            actor.require_admin(&format!("{verb} --user"))?;
            Ok(user)
        }
        None => actor.require_user(verb),
    }
}
