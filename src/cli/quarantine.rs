//! `espomail quarantine`: messages that could not be imported, kept whole (B2.7).

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::context::{self, Context};
use super::page::{self, Page};
use crate::access::Actor;
use crate::error::{self, Kind};
use crate::intake::import;
use crate::mail::message;
use crate::store::accounts;
use crate::store::db::{Store, Thing, Tx};
use crate::store::deliveries::{self, Delivery, Outcome};
use crate::store::raw;
use crate::ui::cell::{Cell, Column, head, unlisted};
use crate::ui::outcome::{self, Deed};

/// Messages that could not be imported
#[derive(Debug, Subcommand)]
pub enum QuarantineCommand {
    /// List the messages with their errors, newest first
    #[command(
        visible_alias = "ls",
        before_help = "Examples:\n  $ espomail quarantine list\n  $ espomail --json quarantine list"
    )]
    List(List),
    /// Show the readable part of a message
    #[command(
        visible_alias = "view",
        before_help = "Examples:\n  $ espomail quarantine show 40\n  $ espomail quarantine show 40 --raw > mail.eml"
    )]
    Show(Show),
    /// Import messages again from the stored bytes
    #[command(before_help = "Examples:\n  $ espomail quarantine retry 40\n  $ espomail quarantine retry --all")]
    Retry(Retry),
    /// Write a message to a file
    #[command(
        before_help = "Examples:\n  $ espomail quarantine export 40 mail.eml\n  $ espomail quarantine export 41 /tmp/41.eml"
    )]
    Export(Export),
    /// Discard a message
    #[command(
        before_help = "Examples:\n  $ espomail quarantine discard 40 --reason spam\n  $ espomail --yes quarantine discard 40 --reason 'seen in webmail'"
    )]
    Discard(Discard),
}

/// `quarantine list`
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    page: Page,
}

/// `quarantine show`
#[derive(Debug, Args)]
pub struct Show {
    /// Quarantine id
    #[arg(value_name = "ID")]
    id: i64,
    /// Print the source, byte for byte (not to a terminal)
    #[arg(long)]
    raw: bool,
}

/// `quarantine retry`
#[derive(Debug, Args)]
pub struct Retry {
    /// Quarantine ids
    #[arg(value_name = "ID", required_unless_present = "all")]
    ids: Vec<i64>,
    /// All of them, instead of single ids
    #[arg(long, conflicts_with = "ids")]
    all: bool,
}

/// `quarantine export`
#[derive(Debug, Args)]
pub struct Export {
    /// Quarantine id
    #[arg(value_name = "ID")]
    id: i64,
    /// New file; - is standard output
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::Other)]
    file: String,
}

/// `quarantine discard`
#[derive(Debug, Args)]
pub struct Discard {
    /// Quarantine id
    #[arg(value_name = "ID")]
    id: i64,
    /// Reason, kept in the ledger
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// A delivery with its account.
pub type Listed = (Delivery, (i64, String));

/// Fields of quarantined messages in their order.
pub const COLUMNS: &[Column<Listed>] = &[
    Column::new("id", head("ID").right(), |(row, _), _| Cell::int(row.id)),
    Column::new("account", head("ACCOUNT"), |(_, account), _| Cell::named(account.0, &account.1)),
    Column::new("received_at", head("AGE").right(), |(row, _), _| Cell::time(row.received_at)),
    Column::new("size", head("SIZE").right(), |(row, _), _| Cell::int(row.size)),
    Column::new("error", head("ERROR").shrinking(), |(row, _), _| Cell::text(&row.reason)),
    Column::new("folder", unlisted().labelled(), |(row, _), _| Cell::opt_text(row.folder.as_deref())),
    Column::new("uid", unlisted().labelled(), |(row, _), _| Cell::opt_int(row.uid.map(i64::from))),
];

/// Runs a `quarantine` command.
pub fn run(command: QuarantineCommand, ctx: &Context) -> Result<()> {
    match command {
        QuarantineCommand::List(args) => list(args.page, ctx),
        QuarantineCommand::Show(args) => show(&args, ctx),
        QuarantineCommand::Retry(args) => retry(&args, ctx),
        QuarantineCommand::Export(args) => export(&args, ctx),
        QuarantineCommand::Discard(args) => discard(&args, ctx),
    }
}

fn list(page: Page, ctx: &Context) -> Result<()> {
    let (rows, total) = ctx.read(|tx, actor| {
        actor.require_admin("quarantine list")?;
        let newest_first = deliveries::quarantined(tx)?.into_iter().rev().collect();
        let (rows, total) = page.first(newest_first);
        Ok((rows.into_iter().map(|row| listed(tx, row)).collect::<Result<Vec<_>>>()?, total))
    })?;
    ctx.ui.list("quarantine", COLUMNS, &rows)?;
    page::tell(ctx, rows.len(), total);
    Ok(())
}

fn find(tx: &Tx<'_>, actor: &Actor, id: i64) -> Result<Delivery> {
    actor.require_admin("quarantine")?;
    deliveries::by_id(tx, id)?
        .filter(|d| d.outcome == Outcome::Quarantined)
        .ok_or_else(|| context::not_found("quarantine", id))
}

fn bytes(ctx: &Context, id: i64) -> Result<(Delivery, Vec<u8>)> {
    ctx.read(|tx, actor| {
        let delivery = find(tx, actor, id)?;
        let raw_id = delivery.raw_id.context("its bytes were dropped")?;
        let raw = raw::bytes(tx, raw_id)?;
        Ok((delivery, raw))
    })
}

fn show(args: &Show, ctx: &Context) -> Result<()> {
    let (delivery, raw) = bytes(ctx, args.id)?;
    if args.raw {
        return ctx.ui.bytes(&raw, "mail.eml");
    }
    let row = ctx.read(|tx, _| listed(tx, delivery))?;
    ctx.ui.object("quarantine_message", COLUMNS, &row)?;
    if ctx.ui.tells_people() {
        // The cause that killed the import may kill the reading too: the bytes are always there with --raw.
        match std::panic::catch_unwind(|| message::parse(&raw)) {
            Ok(message) => {
                let from: Vec<String> = message.from.iter().map(ToString::to_string).collect();
                ctx.ui.text(&format!(
                    "From: {}\nSubject: {}\n\n{}",
                    from.join(", "),
                    message.subject,
                    message.text.trim_end()
                ))?;
            }
            Err(_) => ctx.ui.note("the message cannot be read; its bytes: --raw"),
        }
    }
    Ok(())
}

fn retry(args: &Retry, ctx: &Context) -> Result<()> {
    let todo = ctx.read(|tx, actor| {
        actor.require_admin("quarantine retry")?;
        if args.all { deliveries::quarantined(tx) } else { args.ids.iter().map(|id| find(tx, actor, *id)).collect() }
    })?;
    if todo.is_empty() {
        return ctx.ui.nothing("The quarantine is empty.");
    }
    let store = ctx.unlogged_store()?;
    let things: Vec<Thing> = todo.iter().map(|delivery| ("delivery", delivery.id)).collect();
    ctx.long_work(&store, &things, || import_again(&store, todo, ctx))
}

fn import_again(store: &Store, todo: Vec<Delivery>, ctx: &Context) -> Result<()> {
    let (mut failed, mut deeds) = (false, Vec::new());
    for delivery in todo {
        if ctx.dry_run {
            deeds.push(Deed::new(
                outcome::Thing::quarantine(delivery.id),
                format!("quarantine {} is imported again", delivery.id),
            ));
            continue;
        }
        store.write(|tx| deliveries::settle(tx, delivery.id, Outcome::Received, "", None))?;
        let delivery = Delivery { outcome: Outcome::Received, ..delivery };
        let Some(imported) = import::single(store, &ctx.config, &delivery, Timestamp::now())? else { continue };
        failed |= imported.outcome == Outcome::Quarantined;
        let things = std::iter::once(outcome::Thing::quarantine(delivery.id))
            .chain(imported.email_id.map(outcome::Thing::email));
        let sentence = format!("quarantine {}: {} {}", delivery.id, imported.outcome, imported.reason);
        deeds.push(Deed::new(things.collect::<Vec<_>>(), sentence));
    }
    ctx.done_each(deeds)?;
    if failed { Err(context::told(Kind::Partial)) } else { Ok(()) }
}

fn export(args: &Export, ctx: &Context) -> Result<()> {
    let (_, raw) = bytes(ctx, args.id)?;
    if args.file == "-" {
        return ctx.ui.bytes(&raw, "mail.eml");
    }
    if !ctx.dry_run {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&args.file)
            .map_err(|e| error::file(format!("cannot make {}", args.file), &e))?;
        file.write_all(&raw).with_context(|| format!("cannot write {}", args.file))?;
    }
    ctx.done(
        [outcome::Thing::quarantine(args.id), outcome::Thing::path(&args.file)],
        &format!("quarantine {} written to {}", args.id, args.file),
    )
}

fn discard(args: &Discard, ctx: &Context) -> Result<()> {
    if args.reason.trim().is_empty() {
        return Err(error::usage("--reason: must not be empty; say why: it stays in the ledger").into());
    }
    let work = |tx: &Tx<'_>, actor: &Actor| {
        actor.require_admin("quarantine discard")?;
        let delivery = find(tx, actor, args.id)?;
        deliveries::settle(tx, delivery.id, Outcome::Discarded, &args.reason, None)?;
        deliveries::drop_raw(tx, &delivery)
    };
    ctx.confirm_tried(&format!("Throw message {} away for good?", args.id), work)?;
    ctx.write(work)?;
    ctx.done(outcome::Thing::quarantine(args.id), &format!("quarantine {} discarded", args.id))
}

fn listed(tx: &Tx<'_>, delivery: Delivery) -> Result<Listed> {
    let name = accounts::by_id(tx, delivery.account_id)?.map(|a| a.name).unwrap_or_default();
    let account = (delivery.account_id, name);
    Ok((delivery, account))
}
