//! Who has a case, and whether it is open: assigning, taking, releasing, closing, reopening.

use anyhow::Result;

use super::{Assign, Close, Next, find_to_edit};
use crate::access::{self, Actor};
use crate::cli::case_number;
use crate::cli::context::{self, Context};
use crate::cli::letter::{self, About, How, Parts};
use crate::desk;
use crate::error::{self, Fault, Kind};
use crate::intake::world::World;
use crate::store::cases::{self, Case};
use crate::store::db::Tx;
use crate::store::records::{self, Parent};
use crate::store::{teams, users};
use crate::ui::outcome::{Deed, Thing};

/// Does the same with every case, and says what was done; all of them or none.
pub(super) fn each(
    ctx: &Context,
    numbers: &[i64],
    what: &str,
    work: impl Fn(&Tx<'_>, &World<'_>, &Actor, &Case) -> Result<()>,
) -> Result<()> {
    each_told(ctx, numbers, |_| what.to_owned(), work)
}

/// The same, where `what` was done depends on the number of the case.
fn each_told(
    ctx: &Context,
    numbers: &[i64],
    what: impl Fn(i64) -> String,
    work: impl Fn(&Tx<'_>, &World<'_>, &Actor, &Case) -> Result<()>,
) -> Result<()> {
    let notes = ctx.write(|tx, actor| {
        let world = World::load(tx, &ctx.config, ctx.now())?;
        let mut notes = Vec::new();
        for number in numbers {
            let case = find_to_edit(tx, actor, *number)?;
            desk::refuse_merged(tx, actor, &case)?;
            work(tx, &world, actor, &case)?;
            notes.extend(out_of_sight(tx, actor, &case)?);
        }
        Ok(notes)
    })?;
    let deed = |number: &i64| Deed::new(Thing::case(*number), format!("case #{number} {}", what(*number)));
    ctx.done_each(numbers.iter().map(deed).collect())?;
    notes.iter().for_each(|note| ctx.ui.note(note));
    Ok(())
}

/// Says of a case that was given away or to somebody where the actor, or who has it now, does not see it.
fn out_of_sight(tx: &Tx<'_>, actor: &Actor, before: &Case) -> Result<Vec<String>> {
    let (number, case) = (before.number, Parent::case(before.id));
    let mut notes = Vec::new();
    if !records::exists(tx, case, actor.sight())? {
        notes.push(format!("you no longer see case #{number}: it is not yours any more"));
    }
    let assignee = cases::by_id(tx, before.id)?.and_then(|case| case.assigned_user_id);
    let new = assignee.filter(|_| assignee != before.assigned_user_id).map(|id| users::by_id(tx, id)).transpose()?;
    if let Some(user) = new.flatten()
        && !records::exists(tx, case, access::sight_of(&user))?
    {
        notes.push(format!("{} cannot read case #{number}: their roles do not let them", user.username));
    }
    Ok(notes)
}

pub fn assign_to(args: &Assign, ctx: &Context) -> Result<()> {
    let Some((username, numbers)) = args.words.split_last() else { return Ok(()) };
    let numbers: Vec<i64> = numbers
        .iter()
        .map(|n| {
            let order = "the user comes last: espomail case assign 12 ana";
            case_number(n).map_err(|e| error::data(format!("case: {e}")).hint(order).into())
        })
        .collect::<Result<_>>()?;
    if username == context::NOBODY {
        return each(ctx, &numbers, "is assigned to nobody", |tx, world, actor, case| match case.assigned_user_id {
            Some(_) => desk::release(tx, world, actor, case),
            None => Ok(()),
        });
    }
    each(ctx, &numbers, &format!("assigned to {username}"), |tx, world, actor, case| {
        desk::give(tx, world, actor, case, &context::user_or_me(tx, actor, "user", username)?)
    })
}

pub fn take(numbers: &[i64], ctx: &Context) -> Result<()> {
    let held = ctx.read(|tx, actor| held_by_others(tx, actor, numbers))?;
    if !held.is_empty() {
        ctx.confirm(&question(&held))?;
    }
    let holder = |number: i64| held.iter().find(|held| held.number == number);
    let what = |number| {
        let before = holder(number).map(|held| format!(" (it was assigned to {})", held.username));
        format!("taken{}", before.unwrap_or_default())
    };
    each_told(ctx, numbers, what, |tx, world, actor, case| {
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

fn question(held: &[Held]) -> String {
    let cases: Vec<String> =
        held.iter().map(|held| format!("case #{} is assigned to {}", held.number, held.username)).collect();
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
        desk::take_next(tx, &world, actor, user, &teams)
    })?;
    match taken {
        Some(number) => ctx.done(Thing::case(number), &format!("case #{number} taken")),
        None => {
            let of = args.team.as_ref().map_or("your teams".to_owned(), |team| format!("team {team}"));
            ctx.ui.nothing(&format!("There is no unassigned case of {of}."))
        }
    }
}

pub fn close(args: &Close, ctx: &Context) -> Result<()> {
    if args.status.is_open() {
        return Err(error::data(format!("--status: {} is not a closed status", args.status))
            .hint("use Closed, Rejected or Duplicate")
            .into());
    }
    if let Some(answer) = args.answer.given()? {
        let [number] = args.numbers.as_slice() else {
            return Err(Fault::new(Kind::Usage, "-m, -F: you can answer only one case at a time").into());
        };
        let (parts, how) = (Parts::default(), How::default());
        return letter::write(ctx, About::Case(*number), &parts, &how, Some(args.status), Some(answer));
    }
    each(ctx, &args.numbers, &format!("is {}", args.status), |tx, world, actor, case| {
        desk::close(tx, world, actor, case, args.status)
    })
}

pub fn release(numbers: &[i64], ctx: &Context) -> Result<()> {
    each(ctx, numbers, "released", desk::release)
}

pub fn spam(numbers: &[i64], ctx: &Context) -> Result<()> {
    each(ctx, numbers, "is Rejected as spam", desk::spam)
}

pub fn reopen(numbers: &[i64], ctx: &Context) -> Result<()> {
    each(ctx, numbers, "is open again", desk::reopen)
}
