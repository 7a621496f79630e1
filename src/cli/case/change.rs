//! Who has a case, and whether it is open: assigning, taking, releasing, closing, reopening.

use anyhow::Result;

use super::{Assign, Close, find_to_edit};
use crate::access::{self, Actor};
use crate::cli::case_number;
use crate::cli::context::{self, Context};
use crate::desk;
use crate::error;
use crate::intake::world::World;
use crate::store::cases::{self, Case};
use crate::store::db::Tx;
use crate::store::records::{self, Parent};
use crate::store::users;

/// Does the same with every case; all of them or none.
pub(super) fn each(
    ctx: &Context,
    numbers: &[i64],
    what: &str,
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
    for number in numbers {
        ctx.done(number, &format!("case #{number} {what}"))?;
    }
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
    each(ctx, &numbers, &format!("assigned to {username}"), |tx, world, actor, case| {
        desk::give(tx, world, actor, case, &context::user_or_me(tx, actor, "user", username)?)
    })
}

pub fn take(numbers: &[i64], ctx: &Context) -> Result<()> {
    each(ctx, numbers, "taken", |tx, world, actor, case| {
        let user = actor.require_user("case take")?;
        desk::give(tx, world, actor, case, user)
    })
}

pub fn close(args: &Close, ctx: &Context) -> Result<()> {
    if args.status.is_open() {
        return Err(error::data(format!("--status: {} is not a closed status", args.status))
            .hint("use Closed, Rejected or Duplicate")
            .into());
    }
    each(ctx, &args.numbers, &format!("is {}", args.status), |tx, world, actor, case| {
        desk::close(tx, world, actor, case, args.status)
    })
}

pub fn release(numbers: &[i64], ctx: &Context) -> Result<()> {
    each(ctx, numbers, "released", desk::release)
}

pub fn reopen(numbers: &[i64], ctx: &Context) -> Result<()> {
    each(ctx, numbers, "is open again", desk::reopen)
}
