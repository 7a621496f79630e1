//! `email link`, `email unlink` and `email delete`.

use anyhow::Result;
use clap::Args;

use super::find;
use crate::cli::context::{self, Context};
use crate::desk;
use crate::error;
use crate::intake::world::World;

/// `email link`
#[derive(Debug, Args)]
pub struct Link {
    /// Email id
    #[arg(value_name = "ID")]
    id: i64,
    /// company/ID, contact/ID, lead/ID, opportunity/ID or case/N
    #[arg(value_name = "TYPE/ID")]
    record: String,
}

/// `email delete`
#[derive(Debug, Args)]
pub struct Delete {
    /// Email id
    #[arg(value_name = "ID")]
    id: i64,
    /// Why, kept in the ledger
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

pub fn link(args: &Link, ctx: &Context) -> Result<()> {
    let reference = context::record_ref("TYPE/ID", &args.record)?;
    let verified = ctx.write(|tx, actor| {
        let email = find(tx, actor, args.id)?;
        let record = context::record(tx, actor, reference)?;
        desk::link_email(tx, &World::load(tx, &ctx.config, ctx.now())?, actor, &email, record)
    })?;
    ctx.done(args.id, &format!("email {} linked to {}/{}", args.id, reference.kind, reference.id))?;
    if !verified {
        ctx.ui
            .hint(&format!("its sender does not take part in the case; if they may: espomail case accept {}", args.id));
    }
    Ok(())
}

pub fn unlink(id: i64, ctx: &Context) -> Result<()> {
    ctx.write(|tx, actor| {
        let email = find(tx, actor, id)?;
        desk::unlink_email(tx, &World::load(tx, &ctx.config, ctx.now())?, actor, &email)
    })?;
    ctx.done(id, &format!("email {id} is linked to nothing"))
}

pub fn delete(args: &Delete, ctx: &Context) -> Result<()> {
    if args.reason.trim().is_empty() {
        return Err(error::data("--reason: must not be empty").into());
    }
    ctx.confirm_as_admin(
        "email delete",
        &format!("Delete email {} for good, for everybody? It does not come back from the server either.", args.id),
    )?;
    ctx.write(|tx, actor| {
        actor.require_admin("email delete")?;
        let email = find(tx, actor, args.id)?;
        desk::delete_email(tx, &World::load(tx, &ctx.config, ctx.now())?, actor, &email, args.reason.trim())
    })?;
    ctx.done(args.id, &format!("email {} deleted", args.id))
}
