//! `case link` and `case unlink`.

use anyhow::Result;
use clap::Args;

use super::find_to_edit;
use crate::cli::case_number;
use crate::cli::context::{self, Context};
use crate::desk::{self, Former};
use crate::error;
use crate::intake::roster;
use crate::intake::world::World;
use crate::store::cases::{Person, Role};
use crate::store::records::{self, ParentType};
use crate::ui::outcome::Thing;

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
        _ => Err(format!("must be one of address, third-party, copied, not \"{text}\"")),
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

/// A case before it is linked, as far as the actor may see its people.
struct Before {
    customers: Vec<Person>,
    /// The customer whom an agent named, and who stays.
    chosen: Option<String>,
    /// What the record is called.
    name: String,
    has_address: bool,
}

pub fn link(args: &Link, ctx: &Context) -> Result<()> {
    let reference = context::record_ref("case link", &args.record)?;
    let before = ctx.read(|tx, actor| {
        let case = find_to_edit(tx, actor, args.number)?;
        desk::linkable(reference.kind)?;
        let record = context::record(tx, actor, reference)?;
        let world = World::load(tx, &ctx.config, ctx.now())?;
        let seen = roster::of_case(tx, &world, &case, actor.sight())?;
        let mut customers = desk::people::others_than(tx, &world, &case, record)?;
        customers.retain(|person| seen.iter().any(|one| one.address == person.address));
        let chosen = seen.into_iter().find(|person| person.role == Role::Customer && person.chosen);
        let is_person = matches!(record.kind, ParentType::Contact | ParentType::Lead);
        Ok(Before {
            customers,
            chosen: chosen.map(|person| person.address).filter(|_| is_person),
            name: records::label(tx, record)?,
            has_address: !is_person || !records::addresses(tx, record)?.is_empty(),
        })
    })?;
    let former = match args.former {
        Some(former) => former,
        None => ask_about(&before, ctx)?,
    };
    ctx.write(|tx, actor| {
        let case = find_to_edit(tx, actor, args.number)?;
        let record = context::record(tx, actor, reference)?;
        desk::link(tx, &World::load(tx, &ctx.config, ctx.now())?, actor, &case, record, former)
    })?;
    ctx.done(
        Thing::case(args.number),
        &format!("case #{} linked to {}/{}", args.number, reference.kind, reference.id),
    )?;
    if args.former.is_none() && former == Former::ThirdParty {
        hint_of_third_parties(args.number, &before.customers, ctx);
    }
    if !before.has_address {
        let (kind, id) = (reference.kind, reference.id);
        let add = format!("espomail record edit {kind} {id} --email ADDRESS");
        ctx.ui.hint(&format!("{} has no e-mail address and cannot be answered; to add one: {add}", before.name));
    }
    if let Some(chosen) = before.chosen {
        ctx.ui.hint(&format!("{chosen} stays the customer: espomail case people named them"));
    }
    Ok(())
}

fn hint_of_third_parties(number: i64, people: &[Person], ctx: &Context) {
    for Person { address, .. } in people {
        let change = format!("espomail case people {number} --copied {address}");
        ctx.ui.hint(&format!("{address} is a third party now and is not answered; to copy it: {change}"));
    }
}

/// Asks what the customer until now is; where nobody can be asked, somebody in between.
fn ask_about(before: &Before, ctx: &Context) -> Result<Former> {
    if before.customers.is_empty() || !ctx.asks() {
        return Ok(Former::ThirdParty);
    }
    let who: Vec<&str> = before.customers.iter().map(|person| person.address.as_str()).collect();
    let (who, name) = (who.join(", "), &before.name);
    if ctx.ui.ask(&format!("The customer until now was {who}. Is that {name}, too?"))? {
        return Ok(Former::Address);
    }
    let copied = ctx.ui.ask(&format!("Does {who} get a copy of answers?"))?;
    Ok(if copied { Former::Copied } else { Former::ThirdParty })
}

/// What is to be unlinked.
enum Target {
    Record(ParentType, Option<i64>),
    Email(i64),
}

pub fn unlink(args: &Unlink, ctx: &Context) -> Result<()> {
    let target = target(&args.what)?;
    let lowered = ctx.write(|tx, actor| {
        let case = find_to_edit(tx, actor, args.number)?;
        let world = World::load(tx, &ctx.config, ctx.now())?;
        let mut lowered = match target {
            Target::Record(kind, id) => desk::unlink(tx, &world, actor, &case, kind, id)?,
            Target::Email(id) => desk::take_out(tx, &world, actor, &case, id).map(|()| Vec::new())?,
        };
        let seen = roster::of_case(tx, &world, &case, actor.sight())?;
        lowered.retain(|person| seen.iter().any(|one| one.address == person.address));
        Ok(lowered)
    })?;
    ctx.done(Thing::case(args.number), &format!("case #{} is without {}", args.number, args.what))?;
    hint_of_third_parties(args.number, &lowered, ctx);
    Ok(())
}

fn target(text: &str) -> Result<Target> {
    let (kind, id) = match text.split_once('/') {
        Some((kind, id)) => (kind, Some(id)),
        None => (text, None),
    };
    let wrong = || {
        error::usage(format!("case unlink: \"{text}\" is not a type or a record"))
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
