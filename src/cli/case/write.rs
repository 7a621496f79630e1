//! What people write into a case: notes and answers.

use anyhow::Result;

use super::change::each;
use super::{NoteArgs, Reply, find};
use crate::cli::context::{self, Context};
use crate::intake::notify;
use crate::intake::world::World;
use crate::reply::{self, Answer};
use crate::store::cases::CaseStatus;
use crate::store::records::Parent;

pub fn note(args: NoteArgs, ctx: &Context) -> Result<()> {
    let text = args.text.read(ctx)?;
    each(ctx, &[args.number], "noted", |tx, world, actor, case| {
        notify::comment(tx, world, Parent::case(case.id), actor.user(), &text)
    })
}

pub fn reply_to(args: Reply, ctx: &Context) -> Result<()> {
    let text = args.text.read(ctx)?;
    let cc: Vec<String> = args.cc.iter().map(|a| context::mail_address("--cc", a)).collect::<Result<_>>()?;
    let queued = ctx.write(|tx, actor| {
        let case = find(tx, actor, args.number)?;
        let account = args.account.as_deref().map(|name| context::sending_account(tx, actor, name)).transpose()?;
        if let Some(account) = account.as_ref().filter(|account| Some(account.id) != case.account_id) {
            actor.require_account(tx, account)?;
        }
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
