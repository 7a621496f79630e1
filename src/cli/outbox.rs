//! `espomail outbox`: what waits to be sent, and what became of it.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use super::context::{self, Context};
use crate::access::Actor;
use crate::error;
use crate::lock::{self, Attempt};
use crate::mail::message;
use crate::store::accounts;
use crate::store::db::Tx;
use crate::store::emails::{self, EmailStatus};
use crate::store::outbox::{self, OutboxRow, OutboxState};
use crate::store::raw;
use crate::ui::cell::{Cell, Column};

/// Mail on its way out
#[derive(Debug, Subcommand)]
pub enum OutboxCommand {
    /// Lists what is not sent yet, or everything
    #[command(
        visible_alias = "ls",
        before_help = "Examples:\n  $ espomail outbox list\n  $ espomail --json outbox list --all"
    )]
    List(List),
    /// Shows one message with its recipients
    #[command(before_help = "Examples:\n  $ espomail outbox show 7\n  $ espomail --json outbox show 7")]
    Show(Id),
    /// Sends a waiting, held or failed message with the next run
    #[command(before_help = "Examples:\n  $ espomail outbox retry 7 && espomail send\n  $ espomail outbox retry 7 8")]
    Retry(Ids),
    /// Takes a message back that has not been sent
    #[command(before_help = "Examples:\n  $ espomail outbox cancel 7\n  $ espomail --dry-run outbox cancel 7")]
    Cancel(Ids),
}

/// `outbox list`
#[derive(Debug, Args)]
pub struct List {
    /// Sent and cancelled ones too
    #[arg(long)]
    all: bool,
}

/// An outbox row.
#[derive(Debug, Args)]
pub struct Id {
    /// Outbox id
    #[arg(value_name = "ID")]
    id: i64,
}

/// Outbox rows.
#[derive(Debug, Args)]
pub struct Ids {
    /// Outbox ids
    #[arg(value_name = "ID", required = true)]
    ids: Vec<i64>,
}

/// Fields of outbox rows in their order.
pub const COLUMNS: &[Column] = &[
    Column::new("id", "ID").right(),
    Column::new("kind", "KIND"),
    Column::new("state", "STATE"),
    Column::new("created_at", "AGE").right(),
    Column::new("attempts", "TRIES").right(),
    Column::new("next_try_at", "NEXT"),
    Column::new("to", "TO").shrinking(),
    Column::new("subject", "SUBJECT").shrinking(),
    Column::new("last_error", "LAST ERROR").shrinking(),
    Column::new("account", ""),
    Column::new("email", ""),
    Column::new("message_id", ""),
];

/// Runs an `outbox` command.
pub fn run(command: OutboxCommand, ctx: &Context) -> Result<()> {
    match command {
        OutboxCommand::List(args) => list(args.all, ctx),
        OutboxCommand::Show(args) => show(args.id, ctx),
        OutboxCommand::Retry(args) => retry(&args.ids, ctx),
        OutboxCommand::Cancel(args) => cancel(&args.ids, ctx),
    }
}

fn list(all: bool, ctx: &Context) -> Result<()> {
    let open = [OutboxState::Waiting, OutboxState::InDoubt, OutboxState::Held, OutboxState::Failed];
    let rows = ctx.read(|tx, actor| {
        let rows = outbox::list(tx, if all { &[] } else { &open })?;
        rows.iter().filter(|row| may_see(actor, row)).map(|row| cells(tx, row)).collect::<Result<_>>()
    })?;
    ctx.ui.list("outbox", COLUMNS, rows)
}

/// A regular user sees what they wrote.
fn may_see(actor: &Actor, row: &OutboxRow) -> bool {
    actor.require_admin("outbox").is_ok() || (actor.user_id().is_some() && actor.user_id() == row.user_id)
}

fn find(tx: &Tx<'_>, actor: &Actor, id: i64) -> Result<OutboxRow> {
    outbox::by_id(tx, id)?.filter(|row| may_see(actor, row)).ok_or_else(|| context::not_found("outbox", id))
}

fn show(id: i64, ctx: &Context) -> Result<()> {
    let (row, recipients, text) = ctx.read(|tx, actor| {
        let row = find(tx, actor, id)?;
        let text = message::parse(&raw::bytes(tx, row.raw_id)?).text;
        Ok((cells(tx, &row)?, outbox::recipients(tx, id)?, text))
    })?;
    let labelled: Vec<Column> = COLUMNS.iter().map(|c| Column::new(c.field, c.field)).collect();
    ctx.ui.object("outbox", &labelled, row)?;
    if ctx.ui.for_people() {
        for (address, state, reply) in recipients {
            ctx.ui.text(&format!("{address}: {state} {reply}"))?;
        }
        ctx.ui.text(&format!("\n{}", text.trim_end()))?;
    }
    Ok(())
}

fn retry(ids: &[i64], ctx: &Context) -> Result<()> {
    change(ids, ctx, "is due again", |tx, row| {
        match row.state {
            OutboxState::Waiting => {}
            OutboxState::Held | OutboxState::Failed => {
                outbox::reopen_recipients(tx, row.id)?;
                outbox::change(tx, row.id, row.state, OutboxState::Waiting, "", ctx.now())?;
                if let Some(email_id) = row.email_id {
                    emails::set_status(tx, email_id, EmailStatus::Sending)?;
                }
            }
            state => return Err(error::data(format!("outbox {}: is {state}", row.id)).into()),
        }
        outbox::make_due(tx, row.id, ctx.now())
    })
}

fn cancel(ids: &[i64], ctx: &Context) -> Result<()> {
    change(ids, ctx, "is cancelled", |tx, row| {
        if !matches!(row.state, OutboxState::Waiting | OutboxState::Held | OutboxState::Failed) {
            return Err(error::data(format!("outbox {}: is {}, which cannot be taken back", row.id, row.state)).into());
        }
        outbox::change(tx, row.id, row.state, OutboxState::Cancelled, "", ctx.now())?;
        row.email_id.map_or(Ok(()), |id| emails::set_status(tx, id, EmailStatus::Failed))
    })
}

/// Changes rows under the send lock, so that none is changed while it is on the wire.
fn change(ids: &[i64], ctx: &Context, what: &str, change: impl Fn(&Tx<'_>, &OutboxRow) -> Result<()>) -> Result<()> {
    let Attempt::Held(_lock) = lock::attempt(&ctx.db_path, "outbox", ctx.now())? else {
        return Err(error::Fault::new(error::Kind::TempFail, "the outbox is being sent right now")
            .hint("try again in a moment")
            .into());
    };
    ctx.write(|tx, actor| ids.iter().try_for_each(|id| change(tx, &find(tx, actor, *id)?)))?;
    ids.iter().try_for_each(|id| ctx.done(id, &format!("outbox {id} {what}")))
}

fn cells(tx: &Tx<'_>, row: &OutboxRow) -> Result<Vec<Cell>> {
    let to: Vec<String> = outbox::recipients(tx, row.id)?.into_iter().map(|(address, _, _)| address).collect();
    let account = accounts::by_id(tx, row.account_id)?.map(|a| a.name).unwrap_or_default();
    let waiting = row.state == OutboxState::Waiting;
    Ok(vec![
        Cell::int(row.id),
        Cell::text(row.kind.as_str()),
        Cell::text(row.state.as_str()),
        Cell::time(row.created_at),
        Cell::int(row.attempts),
        if waiting { Cell::date_time(row.next_try_at) } else { Cell::none() },
        Cell::object(json!(to), &to.join(", ")),
        Cell::text(&row.subject),
        Cell::text(&row.last_error),
        Cell::text(&account),
        row.email_id.map_or_else(Cell::none, Cell::int),
        Cell::text(&row.message_id),
    ])
}
