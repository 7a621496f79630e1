//! What people write into a case: notes and answers.

use anyhow::Result;

use super::targets::{Chosen, each};
use super::{NoteArgs, Reply};
use crate::cli::context::Context;
use crate::cli::letter::{self, About};
use crate::desk;
use crate::intake::notify;
use crate::store::records::Parent;

pub fn note(args: NoteArgs, ctx: &Context) -> Result<()> {
    let text = args.text.read()?;
    each(
        ctx,
        &Chosen::named(&[args.number]),
        |_| "noted".to_owned(),
        |tx, world, actor, case| {
            notify::comment(tx, world, Parent::case(case.id), actor.user(), &text)?;
            if args.answered { desk::answered(tx, world, actor, case) } else { Ok(()) }
        },
    )
}

pub fn reply_to(args: &Reply, ctx: &Context) -> Result<()> {
    letter::write(ctx, About::Case(args.number), &args.parts, &args.how, args.status.status(), args.text.given()?)
}
