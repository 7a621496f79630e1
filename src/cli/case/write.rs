//! What people write into a case: notes and answers.

use anyhow::Result;

use super::change::each;
use super::{NoteArgs, Reply, Text, find};
use crate::cli::context::{self, Context};
use crate::cli::template::read_source;
use crate::error;
use crate::intake::notify;
use crate::intake::world::World;
use crate::reply::{self, Answer};
use crate::store::cases::CaseStatus;
use crate::store::records::Parent;
use crate::store::stream;

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

/// The text that is needed: from a flag, or from a pipe where none says.
fn read_text(text: &Text, ctx: &Context) -> Result<String> {
    let given = match given_text(text)? {
        None if !ctx.ui.stdin_is_terminal() && !ctx.no_input => read_source("standard input", "-")?,
        given => given.unwrap_or_default(),
    };
    if given.trim().is_empty() {
        return Err(error::data("text: must not be empty")
            .hint("give it with -m TEXT, -F FILE or - for standard input")
            .into());
    }
    Ok(given)
}

/// The text that a flag asks for, if one does.
pub(super) fn given_text(text: &Text) -> Result<Option<String>> {
    Ok(match (&text.message, &text.file, &text.stdin) {
        (Some(message), _, _) => Some(message.clone()),
        (None, Some(file), _) => Some(read_source("--file", file)?),
        (None, None, Some(_)) => Some(read_source("standard input", "-")?),
        (None, None, None) => None,
    })
}
