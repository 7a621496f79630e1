//! `email link`, `email unlink` and `email delete`.

use anyhow::Result;
use clap::Args;

use crate::access::Actor;
use crate::cli::context::{self, Context};
use crate::cli::letter;
use crate::cli::outbox::may_see;
use crate::desk;
use crate::error;
use crate::intake::world::World;
use crate::store::db::Tx;
use crate::store::emails::{Email, EmailStatus};
use crate::store::outbox;
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
        let email = context::email(tx, actor, args.id)?;
        if email.status == EmailStatus::Draft {
            return Ok(true);
        }
        actor.require_admin("email delete").map(|()| false).or_else(|error| Err(not_a_draft(tx, actor, &email, error)?))
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

/// What somebody can do who may delete drafts alone.
fn not_a_draft(tx: &Tx<'_>, actor: &Actor, email: &Email, error: anyhow::Error) -> Result<anyhow::Error> {
    let Some(row) = outbox::on_its_way(tx, email.id)?.map(|id| outbox::by_id(tx, id)).transpose()?.flatten() else {
        return Ok(
            error::noperm(format!("email {} is not a draft: only administrators can delete mail", email.id)).into()
        );
    };
    if !may_see(tx, actor, &row)? {
        return Ok(error);
    }
    let hint = format!("take it back: espomail outbox cancel {}", row.id);
    Ok(error::data(format!("email {} is not a draft: it is still to be sent", email.id)).hint(hint).into())
}
