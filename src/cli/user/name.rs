//! A user's name: another one, or none because the user goes.

use anyhow::Result;
use clap::Args;

use super::{Name, administers, loss, tell_loss};
use crate::access::Actor;
use crate::cli::context::{self, Context};
use crate::error;
use crate::store::db::Tx;
use crate::store::users::{self, User};
use crate::ui::outcome::Thing;

/// `user rename`
#[derive(Debug, Args)]
pub struct Rename {
    /// Username
    old: String,
    /// New username
    new: String,
}

pub fn rename(args: &Rename, ctx: &Context) -> Result<()> {
    let new = context::word("user rename", &args.new)?;
    let (id, old) = ctx.write(|tx, actor| {
        actor.require_admin("user rename")?;
        let mut user = context::user_or_me(tx, actor, "username", &args.old)?;
        // The same name in other letters is the user's own.
        if users::by_username(tx, &new)?.is_some_and(|other| other.id != user.id) {
            return Err(context::taken("user rename", &new));
        }
        let old = std::mem::replace(&mut user.username, new.clone());
        users::update(tx, &user)?;
        Ok((user.id, old))
    })?;
    ctx.done(Thing::user(id, &new), &format!("user {old} is now {new}"))
}

/// Deletes a user who never did anything: what was done by users stays under their names.
pub fn delete(args: &Name, ctx: &Context) -> Result<()> {
    let name = &args.username;
    let question = format!("Delete user {name}? This cannot be undone.");
    let work = |tx: &Tx<'_>, actor: &Actor| {
        actor.require_admin("user delete")?;
        let administers = administers(tx, ctx);
        let user = to_delete(tx, ctx, actor, name)?;
        users::delete(tx, user.id)?;
        let loss = loss(tx, ctx, administers)?;
        Ok((user, loss))
    };
    ctx.confirm_tried(&question, work)?;
    let (user, loss) = ctx.write(work)?;
    ctx.done(Thing::user(user.id, &user.username), &format!("user {} deleted", user.username))?;
    tell_loss(ctx, loss)
}

/// A user that can be deleted.
fn to_delete(tx: &Tx<'_>, ctx: &Context, actor: &Actor, name: &str) -> Result<User> {
    let user = context::user_or_me(tx, actor, "username", name)?;
    let caller = Actor::find(tx, &ctx.caller, None).ok().and_then(|caller| caller.user_id());
    if [actor.user_id(), caller].contains(&Some(user.id)) {
        return Err(error::data(format!("you cannot delete {}: that is you", user.username))
            .hint("another administrator can")
            .into());
    }
    match users::trace(tx, user.id)? {
        None => Ok(user),
        Some(trace) => Err(error::data(format!("you cannot delete {}: the user has {trace}", user.username))
            .hint(format!("to end the user's access and keep what was done: espomail user disable {}", user.username))
            .into()),
    }
}
