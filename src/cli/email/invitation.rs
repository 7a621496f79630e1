//! `email invitation`.

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::cli::context::{self, Context};
use crate::cli::letter;
use crate::intake::world::World;
use crate::mail::message::calendar::invitation::Answer;
use crate::reply;

/// `email invitation`
#[derive(Debug, Args)]
pub struct Invitation {
    /// Email id
    #[arg(value_name = "ID")]
    id: i64,
    /// Answer
    #[arg(value_name = "ANSWER")]
    answer: Word,
    /// Words for the organizer
    #[arg(short, long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    message: String,
    /// Answer it although it was answered before
    #[arg(long)]
    again: bool,
    /// The address that was invited and answers, if you have several
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Word {
    /// You come
    Accept,
    /// You do not come
    Decline,
    /// Perhaps
    Tentative,
}

/// Whether the reader can answer an email as an invitation.
pub fn can_be_answered(id: i64, ctx: &Context) -> bool {
    let said = reply::Said { answer: Answer::Accept, comment: "", again: false, from: None, zone: ctx.clock().zone };
    let begun = ctx.read(|tx, actor| {
        let (email, case) = letter::received(tx, actor, id)?;
        let world = World::load(tx, &ctx.config, ctx.now())?;
        reply::answer(tx, &world, actor, (&email, case.as_ref()), &said).map(drop)
    });
    begun.is_ok()
}

pub fn run(args: &Invitation, ctx: &Context) -> Result<()> {
    let from = args.from.as_deref().map(|address| context::mail_address("--from", address)).transpose()?;
    let started = ctx.read(|tx, actor| {
        let (email, case) = letter::received(tx, actor, args.id)?;
        let said = reply::Said {
            answer: match args.answer {
                Word::Accept => Answer::Accept,
                Word::Decline => Answer::Decline,
                Word::Tentative => Answer::Tentative,
            },
            comment: &args.message,
            again: args.again,
            from: from.as_deref(),
            zone: ctx.clock().zone,
        };
        let world = World::load(tx, &ctx.config, ctx.now())?;
        reply::answer(tx, &world, actor, (&email, case.as_ref()), &said)
    })?;
    letter::finish(ctx, &started, false, None)
}
