//! `case link` and `case unlink`.

use anyhow::Result;
use clap::Args;

use super::find_to_edit;
use crate::cli::case_number;
use crate::cli::context::{self, Context};
use crate::desk::{self, Former};
use crate::error;
use crate::intake::world::World;
use crate::store::cases::Person;
use crate::store::records::{self, ParentType};

/// `case link`
#[derive(Debug, Args)]
pub struct Link {
    /// Case number
    #[arg(value_name = "N", value_parser = case_number)]
    number: i64,
    /// company/ID, contact/ID or lead/ID
    #[arg(value_name = "TYPE/ID")]
    record: String,
    /// What the customer until now becomes, if the contact or lead has other addresses: address (of the same person),
    /// third-party or copied
    #[arg(long, value_name = "WHAT", value_parser = former)]
    former: Option<Former>,
}

fn former(text: &str) -> Result<Former, String> {
    match text {
        "address" => Ok(Former::Address),
        "third-party" => Ok(Former::ThirdParty),
        "copied" => Ok(Former::Copied),
        _ => Err("must be address, third-party or copied".to_owned()),
    }
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
    let (before, name) = ctx.read(|tx, actor| {
        let case = find_to_edit(tx, actor, args.number)?;
        desk::linkable(reference.kind)?;
        let record = context::record(tx, actor, reference)?;
        Ok((desk::people::others_than(tx, &case, record)?, records::label(tx, record)?))
    })?;
    let former = match args.former {
        Some(former) => former,
        None => ask_about(&before, &name, ctx)?,
    };
    ctx.write(|tx, actor| {
        let case = find_to_edit(tx, actor, args.number)?;
        let record = context::record(tx, actor, reference)?;
        desk::link(tx, &World::load(tx, &ctx.config, ctx.now())?, actor, &case, record, former)
    })?;
    ctx.done(args.number, &format!("case #{} linked to {}/{}", args.number, reference.kind, reference.id))?;
    if args.former.is_none() && former == Former::ThirdParty {
        for person in before {
            let change = format!("espomail case people {} --copied {}", args.number, person.address);
            ctx.ui.hint(&format!("{} is a third party now and is not answered; to copy it: {change}", person.address));
        }
    }
    Ok(())
}

/// Asks what the customer until now is; where nobody can be asked, somebody in between.
fn ask_about(before: &[Person], name: &str, ctx: &Context) -> Result<Former> {
    let asks = !ctx.yes && !ctx.dry_run && !ctx.no_input && ctx.ui.stdin_is_terminal();
    let Some(person) = before.first().filter(|_| asks) else { return Ok(Former::ThirdParty) };
    if ctx.ui.ask(&format!("{} was the customer. Is it another address of {name}?", person.address))? {
        return Ok(Former::Address);
    }
    let copied = ctx.ui.ask(&format!("Does {} get a copy of answers?", person.address))?;
    Ok(if copied { Former::Copied } else { Former::ThirdParty })
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
