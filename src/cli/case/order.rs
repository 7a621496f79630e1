//! `case merge`, `split`, `move` and `accept`: mail and cases go where they belong.

use anyhow::Result;
use clap::Args;

use super::find_to_edit;
use crate::cli::case_number;
use crate::cli::context::{self, Context};
use crate::desk;
use crate::intake::world::World;
use crate::store::cases::{self, Role};
use crate::store::records::{self, Parent};

/// `case merge`
#[derive(Debug, Args)]
pub struct Merge {
    /// The case that goes
    #[arg(value_name = "FROM", value_parser = case_number)]
    from: i64,
    /// The case that stays
    #[arg(value_name = "INTO", value_parser = case_number)]
    into: i64,
    /// Make the customer of FROM a third party in INTO, who is not answered there; without it they are copied
    #[arg(long)]
    third_party: bool,
}

/// `case split`
#[derive(Debug, Args)]
pub struct Split {
    /// Case number
    #[arg(value_name = "N", value_parser = case_number)]
    number: i64,
    /// Id of the first mail that goes
    #[arg(long = "from", value_name = "EMAIL")]
    email: i64,
    /// Subject of the new case (default: the mail's)
    #[arg(long, value_name = "TEXT")]
    subject: Option<String>,
}

/// `case move`
#[derive(Debug, Args)]
pub struct Move {
    /// Case number
    #[arg(value_name = "N", value_parser = case_number)]
    number: i64,
    /// The team that gets it
    #[arg(long, value_name = "TEAM")]
    team: String,
}

/// `case accept`
#[derive(Debug, Args)]
pub struct Accept {
    /// Id of the mail
    #[arg(value_name = "EMAIL")]
    email: i64,
    /// Add the address to the contact of the case, who is its customer
    #[arg(long)]
    add_address: bool,
}

/// `case refuse`
#[derive(Debug, Args)]
pub struct Refuse {
    /// Id of the mail
    #[arg(value_name = "EMAIL")]
    email: i64,
}

pub fn merge(args: &Merge, ctx: &Context) -> Result<()> {
    ctx.confirm(&question(args, ctx)?)?;
    let is_open = ctx.write(|tx, actor| {
        let (from, into) = (find_to_edit(tx, actor, args.from)?, find_to_edit(tx, actor, args.into)?);
        let role = if args.third_party { Role::ThirdParty } else { Role::Copied };
        desk::merge(tx, &World::load(tx, &ctx.config, ctx.now())?, actor, &from, &into, role)?;
        Ok(into.status.is_open() || !from.status.is_open())
    })?;
    ctx.done(args.into, &format!("case #{} merged into #{}", args.from, args.into))?;
    if !is_open {
        ctx.ui.hint(&format!("#{} is closed; to open it: espomail case reopen {}", args.into, args.into));
    }
    Ok(())
}

/// Says who is answered afterwards, where the cases have different customers.
fn question(args: &Merge, ctx: &Context) -> Result<String> {
    let customer = |number| {
        ctx.read(|tx, actor| {
            let row = cases::row_by_number(tx, number, actor.sight())?;
            Ok(row.and_then(|row| row.customer).map(|(_, address)| address).unwrap_or_default())
        })
    };
    let (from, into) = (customer(args.from)?, customer(args.into)?);
    let becomes = if args.third_party { "becomes a third party, who is not answered" } else { "is copied in answers" };
    let who = if from.is_empty() || from == into { String::new() } else { format!(" {from} {becomes}.") };
    Ok(format!("Merge case #{} into #{}?{who} This cannot be taken back.", args.from, args.into))
}

pub fn split(args: &Split, ctx: &Context) -> Result<()> {
    let (new, moved) = ctx.write(|tx, actor| {
        let case = find_to_edit(tx, actor, args.number)?;
        let world = World::load(tx, &ctx.config, ctx.now())?;
        desk::split(tx, &world, actor, &case, args.email, args.subject.as_deref())
    })?;
    let emails = if moved == 1 { "email" } else { "emails" };
    ctx.done(new.number, &format!("case #{} made of {moved} {emails} from #{}: {}", new.number, args.number, new.name))
}

pub fn hand_over(args: &Move, ctx: &Context) -> Result<()> {
    let still_seen = ctx.write(|tx, actor| {
        let case = find_to_edit(tx, actor, args.number)?;
        let team = context::team(tx, &args.team)?;
        desk::hand_over(tx, &World::load(tx, &ctx.config, ctx.now())?, actor, &case, &team)?;
        records::exists(tx, Parent::case(case.id), actor.sight())
    })?;
    ctx.done(args.number, &format!("case #{} belongs to {}", args.number, args.team))?;
    if !still_seen {
        ctx.ui.note(&format!("you no longer see case #{}: you are not in {}", args.number, args.team));
    }
    Ok(())
}

pub fn accept(args: &Accept, ctx: &Context) -> Result<()> {
    let case = ctx.write(|tx, actor| {
        let world = World::load(tx, &ctx.config, ctx.now())?;
        desk::accept(tx, &world, actor, args.email, args.add_address)
    })?;
    ctx.done(args.email, &format!("email {} accepted in case #{}", args.email, case.number))
}

pub fn refuse(args: &Refuse, ctx: &Context) -> Result<()> {
    let case = ctx.write(|tx, actor| desk::refuse(tx, &World::load(tx, &ctx.config, ctx.now())?, actor, args.email))?;
    ctx.done(args.email, &format!("email {} refused in case #{}: it stays there, marked", args.email, case.number))
}
