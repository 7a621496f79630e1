//! `case merge`, `split`, `move` and `accept`: mail and cases go where they belong.

use anyhow::Result;
use clap::Args;

use super::find_to_edit;
use super::targets::{Numbers, each};
use crate::access::Actor;
use crate::cli::case_number;
use crate::cli::context::{self, Context};
use crate::desk;
use crate::intake::roster;
use crate::intake::world::World;
use crate::store::cases::{Person, Role};
use crate::store::db::Tx;
use crate::ui::outcome::{Deed, Thing};

/// `case merge`
#[derive(Debug, Args)]
pub struct Merge {
    /// Cases that are merged and closed, then the case that remains
    #[arg(value_name = "FROM… INTO", num_args = 2.., required = true, value_parser = case_number)]
    numbers: Vec<i64>,
    /// Make the customers of FROM third parties in INTO, who are not answered there (default: copied)
    #[arg(long)]
    third_party: bool,
}

/// `case split`
#[derive(Debug, Args)]
pub struct Split {
    /// Case number
    #[arg(value_name = "N", value_parser = case_number)]
    number: i64,
    /// Id of the first mail to move
    #[arg(long = "from", value_name = "EMAIL")]
    email: i64,
    /// Subject of the new case (default: the mail's)
    #[arg(long, value_name = "TEXT")]
    subject: Option<String>,
}

/// `case move`
#[derive(Debug, Args)]
pub struct Move {
    #[command(flatten)]
    cases: Numbers,
    /// Team that gets the case
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
    let Some((into, from)) = args.numbers.split_last() else { return Ok(()) };
    let work = |tx: &Tx<'_>, actor: &Actor| {
        let world = World::load(tx, &ctx.config, ctx.now())?;
        let mut is_open = false;
        for number in from {
            let (from, into) = (find_to_edit(tx, actor, *number)?, find_to_edit(tx, actor, *into)?);
            desk::merge(tx, &world, actor, &from, &into, args.role())?;
            is_open |= from.status.is_open() && !into.status.is_open();
        }
        Ok(!is_open)
    };
    ctx.confirm_tried(&question(args, from, *into, ctx)?, work)?;
    let is_open = ctx.write(work)?;
    let deed = |number: &i64| Deed::new(Thing::case(*into), format!("case #{number} merged into #{into}"));
    match from {
        [one] => ctx.done(Thing::case(*into), &format!("case #{one} merged into #{into}"))?,
        several => ctx.done_each(several.iter().map(deed).collect())?,
    }
    if !is_open {
        ctx.ui.hint(&format!("#{into} is closed; to open it: espomail case reopen {into}"));
    }
    Ok(())
}

/// Says what becomes of the customers of the cases that go, where the cases have different customers.
fn question(args: &Merge, from: &[i64], into: i64, ctx: &Context) -> Result<String> {
    let people = ctx.read(|tx, actor| {
        let world = World::load(tx, &ctx.config, ctx.now())?;
        let mut all = Vec::new();
        for number in from {
            let (from, into) = (find_to_edit(tx, actor, *number)?, find_to_edit(tx, actor, into)?);
            let seen = roster::of_case(tx, &world, &from, actor.sight())?;
            let mut people = desk::union(tx, &world, &from, &into, args.role())?.people;
            // What becomes of the others goes without saying.
            let is_customer = |one: &&Person| one.role == Role::Customer;
            people.retain(|person| seen.iter().filter(is_customer).any(|one| one.address == person.address));
            people.retain(|person| all.iter().all(|known: &Person| known.address != person.address));
            all.extend(people);
        }
        Ok(all)
    })?;
    let cases: Vec<String> = from.iter().map(|number| format!("#{number}")).collect();
    let noun = if cases.len() == 1 { "case" } else { "cases" };
    let mut question = format!("Merge {noun} {} into #{into}?", cases.join(", "));
    for Person { address, role, .. } in &people {
        question.push_str(&match role {
            Role::ThirdParty => format!(" {address} becomes a third party, who is not answered."),
            Role::Copied => format!(" {address} is copied in answers."),
            _ => format!(" {address} is the customer."),
        });
    }
    Ok(question + " This cannot be taken back.")
}

impl Merge {
    /// What becomes of the customer of a case that goes.
    fn role(&self) -> Role {
        if self.third_party { Role::ThirdParty } else { Role::Copied }
    }
}

pub fn split(args: &Split, ctx: &Context) -> Result<()> {
    let (new, moved) = ctx.write(|tx, actor| {
        let case = find_to_edit(tx, actor, args.number)?;
        let world = World::load(tx, &ctx.config, ctx.now())?;
        desk::split(tx, &world, actor, &case, args.email, args.subject.as_deref())
    })?;
    let emails = if moved == 1 { "email" } else { "emails" };
    let sentence = format!("case #{} made of {moved} {emails} from #{}: {}", new.number, args.number, new.name);
    ctx.done(Thing::case(new.number), &sentence)
}

pub fn hand_over(args: &Move, ctx: &Context) -> Result<()> {
    let Some(cases) = args.cases.choose(ctx, &format!("Move {{}} to the team {}?", args.team))? else { return Ok(()) };
    let what = |_| format!("belongs to {}", args.team);
    each(ctx, &cases, what, |tx, world, actor, case| {
        desk::hand_over(tx, world, actor, case, &context::team(tx, &args.team)?)
    })
}

pub fn accept(args: &Accept, ctx: &Context) -> Result<()> {
    let case = ctx.write(|tx, actor| {
        let world = World::load(tx, &ctx.config, ctx.now())?;
        desk::accept(tx, &world, actor, args.email, args.add_address)
    })?;
    ctx.done(
        [Thing::email(args.email), Thing::case(case.number)],
        &format!("email {} accepted in case #{}", args.email, case.number),
    )
}

pub fn refuse(args: &Refuse, ctx: &Context) -> Result<()> {
    let case = ctx.write(|tx, actor| desk::refuse(tx, &World::load(tx, &ctx.config, ctx.now())?, actor, args.email))?;
    let sentence = format!("email {} refused in case #{}: it stays there, marked", args.email, case.number);
    ctx.done([Thing::email(args.email), Thing::case(case.number)], &sentence)
}
