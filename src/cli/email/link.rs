//! `email link`, `email unlink` and `email delete`.

use anyhow::Result;
use clap::Args;

use crate::access::Actor;
use crate::cli::context::{self, Context};
use crate::cli::letter;
use crate::desk;
use crate::error;
use crate::intake::world::World;
use crate::store::db::Tx;
use crate::store::emails::EmailStatus;
use crate::ui::outcome::Thing;

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
    /// Reason, kept in the ledger; a draft needs none
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

pub fn link(args: &Link, ctx: &Context) -> Result<()> {
    let reference = context::record_ref("email link", &args.record)?;
    let verified = ctx.write(|tx, actor| {
        let email = context::email(tx, actor, args.id)?;
        let record = context::record(tx, actor, reference)?;
        desk::link_email(tx, &World::load(tx, &ctx.config, ctx.now())?, actor, &email, record)
    })?;
    ctx.done(Thing::email(args.id), &format!("email {} linked to {}/{}", args.id, reference.kind, reference.id))?;
    if !verified {
        ctx.ui
            .hint(&format!("its sender does not take part in the case; if they may: espomail case accept {}", args.id));
    }
    Ok(())
}

pub fn unlink(id: i64, ctx: &Context) -> Result<()> {
    ctx.write(|tx, actor| {
        let email = context::email(tx, actor, id)?;
        desk::unlink_email(tx, &World::load(tx, &ctx.config, ctx.now())?, actor, &email)
    })?;
    ctx.done(Thing::email(id), &format!("email {id} is linked to nothing"))
}

pub fn delete(args: &Delete, ctx: &Context) -> Result<()> {
    let is_draft = ctx.read(|tx, actor| {
        let is_draft = context::email(tx, actor, args.id)?.status == EmailStatus::Draft;
        if is_draft { Ok(true) } else { actor.require_admin("email delete").map(|()| false) }
    })?;
    if is_draft {
        return letter::delete_draft(ctx, args.id);
    }
    let reason = args.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty()).ok_or_else(|| {
        error::usage("--reason: must not be empty").hint("say why: it stays in the ledger when the email is gone")
    })?;
    let work = |tx: &Tx<'_>, actor: &Actor| {
        actor.require_admin("email delete")?;
        let email = context::email(tx, actor, args.id)?;
        desk::delete_email(tx, &World::load(tx, &ctx.config, ctx.now())?, actor, &email, reason)
    };
    let question = "for good, for everybody? It does not come back from the server either.";
    ctx.confirm_tried(&format!("Delete email {} {question}", args.id), work)?;
    ctx.write(work)?;
    ctx.done(Thing::email(args.id), &format!("email {} deleted", args.id))
}
