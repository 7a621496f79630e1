//! Who has a case, whether it is open, and how it is marked: assigning, taking, releasing, closing, reopening, tagging,
//! snoozing.

use anyhow::Result;

use super::people;
use super::targets::{Numbers, Words, each};
use super::{Assign, Close, Next, Snooze, Tag, find_to_edit};
use crate::access::Actor;
use crate::cli::case_number;
use crate::cli::context::{self, Context};
use crate::cli::letter::{self, About, ClosedAlready, How, Parts};
use crate::desk;
use crate::error::{self, Fault, Kind};
use crate::intake::world::World;
use crate::store::cases::{Case, Role, read_tag};
use crate::store::db::Tx;
use crate::store::{teams, users};
use crate::ui::outcome::Thing;

pub fn assign_to(args: &Assign, ctx: &Context) -> Result<()> {
    let order = "the user comes last: espomail case assign 12 ana";
    let words = Words::split(&args.words, &args.by, order)?;
    let [username] = words.rest else {
        return Err(match words.rest {
            [] => Fault::new(Kind::Usage, "case assign: the user is missing").hint(order).into(),
            [first, ..] => {
                let fault = case_number(first).err().unwrap_or_default();
                error::usage(format!("case assign: {fault}")).hint(order).into()
            }
        });
    };
    let Some(cases) = words.choose(ctx, &format!("Assign {{}} to {username}?"))? else { return Ok(()) };
    if username == context::NOBODY {
        let release = |tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case| match case.assigned_user_id {
            Some(_) => desk::release(tx, world, actor, case),
            None => Ok(()),
        };
        return each(ctx, &cases, |_| "is assigned to nobody".to_owned(), release);
    }
    if username.parse::<i64>().is_ok() && ctx.read(|tx, _| users::by_username(tx, username))?.is_none() {
        return Err(error::data(format!("there is no user \"{username}\"")).hint(order).into());
    }
    let is_me = username == "@me";
    let me = ctx.read(|tx, actor| is_me.then(|| context::user_or_me(tx, actor, "user", username)).transpose())?;
    let me = me.map(|user| user.username);
    each(
        ctx,
        &cases,
        |_| format!("assigned to {}", me.as_deref().unwrap_or(username)),
        |tx, world, actor, case| desk::give(tx, world, actor, case, &context::user_or_me(tx, actor, "user", username)?),
    )
}

pub fn take(args: &Numbers, ctx: &Context) -> Result<()> {
    let Some(cases) = args.choose(ctx, "Take {}?")? else { return Ok(()) };
    let held = ctx.read(|tx, actor| held_by_others(tx, actor, &cases.numbers))?;
    if !held.is_empty() {
        ctx.confirm(&question(&held))?;
    }
    let holder = |number: i64| held.iter().find(|held| held.number == number);
    let what = |number| {
        let before = holder(number).map(|held| format!(" (it was assigned to {})", held.username));
        format!("taken{}", before.unwrap_or_default())
    };
    each(ctx, &cases, what, |tx, world, actor, case| {
        let user = actor.require_user("case take")?;
        let is_known = |id| id == user.id || holder(case.number).is_some_and(|held| held.user_id == id);
        if let Some(id) = case.assigned_user_id.filter(|id| !is_known(*id)) {
            let other = users::by_id(tx, id)?.map(|user| user.username).unwrap_or_default();
            return Err(error::data(format!("case #{}: was assigned to {other} meanwhile", case.number))
                .hint("run the command again to take it all the same")
                .into());
        }
        desk::give(tx, world, actor, case, user)
    })
}

/// A case that somebody else has.
struct Held {
    number: i64,
    user_id: i64,
    username: String,
}

/// The cases that others than the actor have, who may change every one of them.
fn held_by_others(tx: &Tx<'_>, actor: &Actor, numbers: &[i64]) -> Result<Vec<Held>> {
    let user = actor.require_user("case take")?;
    let mut held: Vec<Held> = Vec::new();
    for number in numbers {
        let case = find_to_edit(tx, actor, *number)?;
        desk::refuse_merged(tx, actor, &case)?;
        let other = case.assigned_user_id.filter(|id| *id != user.id).map(|id| users::by_id(tx, id)).transpose()?;
        if let Some(other) = other.flatten().filter(|_| held.iter().all(|held| held.number != case.number)) {
            held.push(Held { number: case.number, user_id: other.id, username: other.username });
        }
    }
    Ok(held)
}

/// Number of cases that a question names.
const NAMED: usize = 5;

fn question(held: &[Held]) -> String {
    let mut cases: Vec<String> =
        held.iter().take(NAMED).map(|held| format!("case #{} is assigned to {}", held.number, held.username)).collect();
    if let Some(more) = held.len().checked_sub(NAMED).filter(|more| *more > 0) {
        cases.push(format!("{more} more to others"));
    }
    let it = if held.len() == 1 { "it" } else { "them" };
    format!("{}. Take {it}?", context::capitalised(&cases.join(", ")))
}

/// Takes the case that has been waiting longest of those that nobody has.
pub fn next(args: &Next, ctx: &Context) -> Result<()> {
    let taken = ctx.write(|tx, actor| {
        let user = actor.require_user("case next")?;
        let teams = match &args.team {
            Some(name) => vec![context::team(tx, name)?],
            None => teams::of_user(tx, user.id)?,
        };
        if teams.is_empty() {
            return Err(error::data("case next: you are not in any team")
                .hint("name a team: espomail case next --team TEAM")
                .into());
        }
        let world = World::load(tx, &ctx.config, ctx.now())?;
        let Some(number) = desk::take_next(tx, &world, actor, user, &teams)? else { return Ok(None) };
        let case = context::case(tx, actor, number)?;
        let customer = people::as_text(&people::seen(tx, &world, actor, &case)?, Role::Customer);
        Ok(Some((case, customer)))
    })?;
    match taken {
        Some((case, customer)) => {
            let (number, name) = (case.number, &case.name);
            let of = if customer.is_empty() { String::new() } else { format!(" of {customer}") };
            ctx.done(Thing::case(number), &format!("case #{number}{of} taken: {name}"))?;
            ctx.ui.hint(&format!("to read it: espomail case show {number}; to answer: espomail case reply {number}"));
            Ok(())
        }
        None => {
            let of = args.team.as_ref().map_or("your teams".to_owned(), |team| format!("team {team}"));
            ctx.ui.nothing(&format!("There is no unassigned case of {of}."))
        }
    }
}

pub fn close(args: &Close, ctx: &Context) -> Result<()> {
    if args.status.is_open() {
        return Err(error::usage(format!("--status: {} is not a closed status", args.status))
            .hint("use Closed, Rejected or Duplicate")
            .into());
    }
    let answer = args.answer.given()?;
    if answer.is_some() || args.template.is_some() {
        let [number] = args.cases.numbers.as_slice() else {
            let text = "-m, -F, --template: you can answer only one case at a time";
            return Err(Fault::new(Kind::Usage, text).into());
        };
        let how = How::closing(args.template.clone());
        let closed = letter::write(ctx, About::Case(*number), &Parts::default(), &how, Some(args.status), answer);
        return match closed.as_ref().err().and_then(|error| error.downcast_ref::<ClosedAlready>()) {
            None => closed,
            Some(already) if args.template.is_some() => {
                ctx.done(Thing::case(*number), &format!("{already}: nobody is written to"))
            }
            Some(already) => Err(error::data(format!("{already}: your text was not sent"))
                .hint(format!("to write to the customer all the same: espomail case reply {number}"))
                .into()),
        };
    }
    let Some(cases) = args.cases.choose(ctx, "Close {}?")? else { return Ok(()) };
    each(
        ctx,
        &cases,
        |_| format!("is {}", args.status),
        |tx, world, actor, case| desk::close(tx, world, actor, case, args.status),
    )
}

/// Does the same with every case.
fn all(
    args: &Numbers,
    ctx: &Context,
    (ask, done): (&str, &str),
    work: impl Fn(&Tx<'_>, &World<'_>, &Actor, &Case) -> Result<()>,
) -> Result<()> {
    let Some(cases) = args.choose(ctx, ask)? else { return Ok(()) };
    each(ctx, &cases, |_| done.to_owned(), work)
}

pub fn release(args: &Numbers, ctx: &Context) -> Result<()> {
    all(args, ctx, ("Release {}?", "released"), desk::release)
}

pub fn spam(args: &Numbers, ctx: &Context) -> Result<()> {
    all(args, ctx, ("Close {} as spam?", "is Rejected as spam"), desk::spam)
}

pub fn reopen(args: &Numbers, ctx: &Context) -> Result<()> {
    all(args, ctx, ("Reopen {}?", "is open again"), desk::reopen)
}

pub fn tag(args: &Tag, ctx: &Context) -> Result<()> {
    tags(args, ctx, ("Tag {}?", "tagged"), desk::tag)
}

pub fn untag(args: &Tag, ctx: &Context) -> Result<()> {
    tags(args, ctx, ("Untag {}?", "no longer tagged"), desk::untag)
}

fn tags(
    args: &Tag,
    ctx: &Context,
    (ask, done): (&str, &str),
    work: fn(&Tx<'_>, &World<'_>, &Actor, &Case, &[String]) -> Result<()>,
) -> Result<()> {
    let order = "the tags come last, and a tag has a letter: espomail case tag 12 vip";
    // A number is never a tag, so programs may put the numbers last.
    let (numbers, tags): (Vec<String>, Vec<String>) =
        args.words.iter().cloned().partition(|word| case_number(word).is_ok());
    let in_order: Vec<String> = numbers.into_iter().chain(tags).collect();
    let words = Words::split(&in_order, &args.by, order)?;
    if words.rest.is_empty() {
        return Err(Fault::new(Kind::Usage, "case tag: the tag is missing").hint(order).into());
    }
    let read = |word: &String| read_tag(word).map_err(|e| error::usage(format!("case tag: {e}")).into());
    let tags: Vec<String> = words.rest.iter().map(read).collect::<Result<_>>()?;
    let named = tags.join(", ");
    let Some(cases) = words.choose(ctx, ask)? else { return Ok(()) };
    each(ctx, &cases, |_| format!("{done} {named}"), |tx, world, actor, case| work(tx, world, actor, case, &tags))
}

pub fn snooze(args: &Snooze, ctx: &Context) -> Result<()> {
    let order = "the time comes last: espomail case snooze 12 'tomorrow 9:00'";
    let words = Words::split(&args.words, &args.by, order)?;
    let until = words.rest.join(" ");
    if args.off {
        if !until.is_empty() {
            return Err(Fault::new(Kind::Usage, "case snooze: --off and a time cannot be together").into());
        }
        let Some(cases) = words.choose(ctx, "Wake {}?")? else { return Ok(()) };
        return each(ctx, &cases, |_| "is open again".to_owned(), desk::wake);
    }
    if until.is_empty() {
        return Err(Fault::new(Kind::Usage, "case snooze: the time is missing").hint(order).into());
    }
    let until = ctx.future("case snooze", &until)?;
    let shown = ctx.ui.local_time(until);
    let Some(cases) = words.choose(ctx, &format!("Snooze {{}} until {shown}?"))? else { return Ok(()) };
    each(
        ctx,
        &cases,
        |_| format!("is snoozed until {shown}"),
        |tx, world, actor, case| desk::snooze(tx, world, actor, case, (until, &shown)),
    )
}
