//! What changes a case: assigning, closing, notes and answers.

use anyhow::Result;

use super::{Assign, Close, NoteArgs, Reply, Text, find};
use crate::access::Actor;
use crate::cli::case_number;
use crate::cli::context::{self, Context};
use crate::cli::template::read_source;
use crate::error;
use crate::intake::world::World;
use crate::intake::{assign, notify};
use crate::reply::{self, Answer};
use crate::store::cases::{self, Case, CaseStatus};
use crate::store::db::Tx;
use crate::store::records::Parent;
use crate::store::stream::{self, NewNote, NoteKind};

/// Does the same with every case; all of them or none.
fn each(
    ctx: &Context,
    numbers: &[i64],
    what: &str,
    work: impl Fn(&Tx<'_>, &World<'_>, &Actor, &Case) -> Result<()>,
) -> Result<()> {
    ctx.write(|tx, actor| {
        let world = World::load(tx, &ctx.config, ctx.now())?;
        for number in numbers {
            work(tx, &world, actor, &find(tx, actor, *number)?)?;
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
        let user = context::user(tx, username)?;
        if !user.active {
            return Err(error::data(format!("user: {username} is disabled"))
                .hint(format!("espomail user enable {username}, or choose another: espomail user list"))
                .into());
        }
        give(tx, world, actor, case, user.id, &user.username)
    })
}

fn give(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case, user_id: i64, username: &str) -> Result<()> {
    if case.assigned_user_id == Some(user_id) {
        return Ok(());
    }
    assign::put(tx, world, case, user_id, false, actor.user_id())?;
    note_assigned(tx, world, actor, case, &format!("assigned to {username}"))
}

fn note_assigned(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case, text: &str) -> Result<()> {
    let parent = Parent::case(case.id);
    let note = NewNote { parent, kind: NoteKind::Assigned, user_id: actor.user_id(), email_id: None, text };
    stream::note(tx, note, world.now)?;
    Ok(())
}

pub fn take(numbers: &[i64], ctx: &Context) -> Result<()> {
    each(ctx, numbers, "taken", |tx, world, actor, case| {
        let user = actor.require_user("case take")?;
        give(tx, world, actor, case, user.id, &user.username)
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
        note_assigned(tx, world, actor, case, "released")
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

pub fn note(args: NoteArgs, ctx: &Context) -> Result<()> {
    let text = read_text(&args.text, ctx)?;
    each(ctx, &[args.number], "noted", |tx, world, actor, case| {
        let parent = Parent::case(case.id);
        notify::comment(tx, world, parent, actor.user(), &text)?;
        if let Some(user_id) = actor.user_id() {
            stream::follow(tx, parent, user_id)?;
        }
        Ok(())
    })
}

pub fn reply_to(args: Reply, ctx: &Context) -> Result<()> {
    let text = read_text(&args.text, ctx)?;
    let cc: Vec<String> = args.cc.iter().map(|a| context::mail_address("--cc", a)).collect::<Result<_>>()?;
    let queued = ctx.write(|tx, actor| {
        let case = find(tx, actor, args.number)?;
        let account = args.account.as_deref().map(|name| context::account(tx, name)).transpose()?;
        let author = actor.user();
        let status = if args.close { Some(CaseStatus::Closed) } else { args.status };
        let answer = Answer { author, text: &text, cc: &cc, status, account: account.as_ref() };
        reply::queue(tx, &World::load(tx, &ctx.config, ctx.now())?, &case, &answer)
    })?;
    ctx.done(
        queued.outbox_id,
        &format!("answer to {} is in the outbox ({})", queued.recipients.join(", "), queued.outbox_id),
    )?;
    if !ctx.dry_run {
        ctx.ui.hint("it is sent by the next `espomail fetch`, or at once by `espomail send`");
    }
    Ok(())
}

fn read_text(text: &Text, ctx: &Context) -> Result<String> {
    let given = match (&text.message, &text.file, &text.stdin) {
        (Some(message), _, _) => message.clone(),
        (None, Some(file), _) => read_source("--file", file)?,
        (None, None, Some(_)) => read_source("standard input", "-")?,
        (None, None, None) if !ctx.ui.stdin_is_terminal() && !ctx.no_input => read_source("standard input", "-")?,
        (None, None, None) => String::new(),
    };
    if given.trim().is_empty() {
        return Err(error::data("text: must not be empty")
            .hint("give it with -m TEXT, -F FILE or - for standard input")
            .into());
    }
    Ok(given)
}
