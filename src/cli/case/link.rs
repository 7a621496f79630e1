//! `case link` and `case unlink`.

use anyhow::Result;
use clap::Args;

use super::find_to_edit;
use crate::cli::case_number;
use crate::cli::context::{self, Context};
use crate::desk;
use crate::error;
use crate::intake::world::World;
use crate::store::records::ParentType;

/// `case link`
#[derive(Debug, Args)]
pub struct Link {
    /// Case number
    #[arg(value_name = "N", value_parser = case_number)]
    number: i64,
    /// company/ID, contact/ID or lead/ID
    #[arg(value_name = "TYPE/ID")]
    record: String,
}

/// `case unlink`
#[derive(Debug, Args)]
pub struct Unlink {
    /// Case number
    #[arg(value_name = "N", value_parser = case_number)]
    number: i64,
    /// company, contact or lead, with or without /ID; or email/ID
    #[arg(value_name = "TYPE[/ID]")]
    what: String,
}

pub fn link(args: &Link, ctx: &Context) -> Result<()> {
    let reference = context::record_ref("TYPE/ID", &args.record)?;
    ctx.write(|tx, actor| {
        let case = find_to_edit(tx, actor, args.number)?;
        desk::linkable(reference.kind)?;
        let record = context::record(tx, actor, reference)?;
        desk::link(tx, &World::load(tx, &ctx.config, ctx.now())?, actor, &case, record)
    })?;
    ctx.done(args.number, &format!("case #{} linked to {}/{}", args.number, reference.kind, reference.id))
}

/// What is to be unlinked.
enum Target {
    Record(ParentType, Option<i64>),
    Email(i64),
}

pub fn unlink(args: &Unlink, ctx: &Context) -> Result<()> {
    let target = target(&args.what)?;
    ctx.write(|tx, actor| {
        let case = find_to_edit(tx, actor, args.number)?;
        let world = World::load(tx, &ctx.config, ctx.now())?;
        match target {
            Target::Record(kind, id) => desk::unlink(tx, &world, actor, &case, kind, id),
            Target::Email(id) => desk::take_out(tx, &world, actor, &case, id),
        }
    })?;
    ctx.done(args.number, &format!("case #{} is without {}", args.number, args.what))
}

fn target(text: &str) -> Result<Target> {
    let (kind, id) = match text.split_once('/') {
        Some((kind, id)) => (kind, Some(id)),
        None => (text, None),
    };
    let wrong = || {
        error::data(format!("TYPE[/ID]: \"{text}\" is not understood"))
            .hint("write it as contact, contact/12 or email/9131; TYPE is company, contact, lead or email")
    };
    let id = id.map(|id| id.parse().ok().filter(|id: &i64| *id > 0).ok_or_else(wrong)).transpose()?;
    if kind == "email" {
        return Ok(Target::Email(id.ok_or_else(wrong)?));
    }
    let kind = context::record_type(kind).ok_or_else(wrong)?;
    desk::linkable(kind)?;
    Ok(Target::Record(kind, id))
}
