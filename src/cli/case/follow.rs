//! `case follow` and `case unfollow`.

use anyhow::Result;
use clap::Args;

use crate::access::Actor;
use crate::cli::case_number;
use crate::cli::context::{self, Context};
use crate::desk;
use crate::store::cases::Case;
use crate::store::db::Tx;
use crate::store::users::User;
use crate::ui::outcome::Thing;

/// `case follow` and `case unfollow`
#[derive(Debug, Args)]
pub struct Follow {
    /// Case number
    #[arg(value_name = "N", value_parser = case_number)]
    number: i64,
    /// Another user; needs an administrator
    #[arg(long, value_name = "USER")]
    user: Option<String>,
}

pub fn follow(args: &Follow, ctx: &Context) -> Result<()> {
    change(args, ctx, "is followed", desk::follow)
}

pub fn unfollow(args: &Follow, ctx: &Context) -> Result<()> {
    change(args, ctx, "is no longer followed", desk::unfollow)
}

fn change(
    args: &Follow,
    ctx: &Context,
    what: &str,
    work: impl FnOnce(&Tx<'_>, &Actor, &Case, Option<&User>) -> Result<()>,
) -> Result<()> {
    let user = ctx.write(|tx, actor| {
        let case = context::case(tx, actor, args.number)?;
        let user = args.user.as_deref().map(|name| context::user_or_me(tx, actor, "--user", name)).transpose()?;
        work(tx, actor, &case, user.as_ref())?;
        Ok(user.or_else(|| actor.user().cloned()))
    })?;
    let username = user.as_ref().map(|user| user.username.as_str()).unwrap_or_default();
    let sentence = format!("case #{} {what} by {username}", args.number);
    let things = std::iter::once(Thing::case(args.number));
    ctx.done(
        things.chain(user.as_ref().map(|user| Thing::user(user.id, &user.username))).collect::<Vec<_>>(),
        &sentence,
    )
}
