//! Who has a case, and whether it is open: assigning, taking, releasing, closing, reopening.

use anyhow::Result;

use super::{Assign, Close, find_to_edit};
use crate::access::Actor;
use crate::cli::case_number;
use crate::cli::context::{self, Context};
use crate::desk;
use crate::error;
use crate::intake::world::World;
use crate::reply;
use crate::store::cases::{self, Case, CaseStatus};
use crate::store::db::Tx;
use crate::store::records::Parent;
use crate::store::stream::{self, NewNote, NoteKind};

/// Does the same with every case; all of them or none.
pub(super) fn each(
    ctx: &Context,
    numbers: &[i64],
    what: &str,
    work: impl Fn(&Tx<'_>, &World<'_>, &Actor, &Case) -> Result<()>,
) -> Result<()> {
    ctx.write(|tx, actor| {
        let world = World::load(tx, &ctx.config, ctx.now())?;
        for number in numbers {
            let case = find_to_edit(tx, actor, *number)?;
            desk::refuse_merged(tx, actor, &case)?;
            work(tx, &world, actor, &case)?;
        }
        Ok(())
    })?;
    for number in numbers {
        ctx.done(number, &format!("case #{number} {what}"))?;
    }
    Ok(())
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

pub fn release(numbers: &[i64], ctx: &Context) -> Result<()> {
    each(ctx, numbers, "released", |tx, world, actor, case| {
        if case.assigned_user_id.is_none() {
            return Err(error::data(format!("case #{}: is assigned to nobody", case.number)).into());
        }
        cases::assign(tx, case.id, None, false, world.now)?;
        if case.status == CaseStatus::Assigned {
            cases::set_status(tx, case.id, CaseStatus::New, world.now)?;
        }
        let (parent, user_id) = (Parent::case(case.id), actor.user_id());
        let note = NewNote { parent, kind: NoteKind::Assigned, user_id, email_id: None, text: "released" };
        stream::note(tx, note, world.now)?;
        Ok(())
    })
}

pub fn close(args: &Close, ctx: &Context) -> Result<()> {
    if args.status.is_open() {
        return Err(error::data(format!("--status: {} is not a closed status", args.status))
            .hint("use Closed, Rejected or Duplicate")
            .into());
    }
    each(ctx, &args.numbers, &format!("is {}", args.status), |tx, world, actor, case| {
        change(tx, world, actor, case, args.status)
    })
}

pub fn reopen(numbers: &[i64], ctx: &Context) -> Result<()> {
    each(ctx, numbers, "is open again", |tx, world, actor, case| {
        let status = if case.assigned_user_id.is_some() { CaseStatus::Assigned } else { CaseStatus::New };
        if case.status.is_open() {
            return Err(error::data(format!("case #{}: is open ({})", case.number, case.status)).into());
        }
        change(tx, world, actor, case, status)
    })
}

fn change(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case, status: CaseStatus) -> Result<()> {
    if case.status == status {
        return Ok(());
    }
    reply::set_status(tx, world, case, status, actor.user())
}
