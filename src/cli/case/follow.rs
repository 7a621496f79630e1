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
    let username = ctx.write(|tx, actor| {
        let case = context::case(tx, actor, args.number)?;
        let user = args.user.as_deref().map(|name| context::user(tx, name)).transpose()?;
        work(tx, actor, &case, user.as_ref())?;
        Ok(user.as_ref().or(actor.user()).map(|user| user.username.clone()).unwrap_or_default())
    })?;
    ctx.done(args.number, &format!("case #{} {what} by {username}", args.number))
}
