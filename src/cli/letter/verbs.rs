//! `espomail email reply|forward|send|edit`.

use anyhow::Result;
use clap::Args;

use super::{About, How, Parts, StatusFlags};
use crate::cli::context::Context;
use crate::cli::text::{Text, Words, read_source};
use crate::error::{Fault, Kind};

/// `email reply`
#[derive(Debug, Args)]
pub struct Reply {
    /// Email id
    #[arg(value_name = "ID")]
    id: i64,
    #[command(flatten)]
    text: Text,
    /// Answer the other recipients too, except our own addresses
    #[arg(short, long, conflicts_with = "to")]
    all: bool,
    #[command(flatten)]
    parts: Parts,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    status: StatusFlags,
}

/// `email forward`
#[derive(Debug, Args)]
pub struct Forward {
    /// Email id
    #[arg(value_name = "ID")]
    id: i64,
    #[command(flatten)]
    text: Text,
    /// Forward the whole message as an attachment
    #[arg(long)]
    as_attachment: bool,
    #[command(flatten)]
    parts: Parts,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    status: StatusFlags,
}

/// `email send`
#[derive(Debug, Args)]
pub struct Send {
    /// Draft to send as it is; - reads a text from standard input
    #[arg(value_name = "ID|-", conflicts_with_all = ["message", "file"])]
    what: Option<String>,
    #[command(flatten)]
    text: Words,
    #[command(flatten)]
    parts: Parts,
    #[command(flatten)]
    how: How,
}

/// `email edit`
#[derive(Debug, Args)]
pub struct Edit {
    /// Email id of a draft
    #[arg(value_name = "ID")]
    id: i64,
    #[command(flatten)]
    text: Text,
    #[command(flatten)]
    parts: Parts,
}

/// Answers an email.
pub fn reply(args: &Reply, ctx: &Context) -> Result<()> {
    let about = About::Answer { id: args.id, all: args.all };
    super::write(ctx, about, &args.parts, &args.how, args.status.status(), args.text.given()?)
}

/// Forwards an email; it needs no text.
pub fn forward(args: &Forward, ctx: &Context) -> Result<()> {
    let about = About::Forward { id: args.id, attached: args.as_attachment };
    super::write(ctx, about, &args.parts, &args.how, args.status.status(), args.text.given()?)
}

/// Writes to somebody, or sends a draft.
pub fn send(args: &Send, ctx: &Context) -> Result<()> {
    let given = match args.what.as_deref() {
        None => args.text.given()?,
        Some("-") => Some(read_source("", "-")?),
        Some(id) => return send_draft(args, id, ctx),
    };
    super::write(ctx, About::New, &args.parts, &args.how, None, given)
}

fn send_draft(args: &Send, id: &str, ctx: &Context) -> Result<()> {
    let usage = |text: String, hint: &str| Err(Fault::new(Kind::Usage, text).hint(hint).into());
    let Ok(id) = id.parse() else {
        return usage(format!("email send: \"{id}\" is not an email id"), "to write to somebody: --to ADDRESS");
    };
    if args.parts.any() || !args.how.is_plain() {
        return usage(format!("draft {id} is sent as it is"), &format!("change it first: espomail email edit {id}"));
    }
    super::send_draft(ctx, id, &args.how)
}

/// Changes a draft.
pub fn edit(args: &Edit, ctx: &Context) -> Result<()> {
    super::edit_draft(ctx, args.id, &args.parts, args.text.given()?)
}
