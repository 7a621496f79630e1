//! `espomail log`: which command wrote what, and whose it was.

mod write;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::context::{self, Context};
use super::page::{self, Page};
use crate::store::log::{self, Entry, LogQuery, Object};
use crate::ui::cell::{Cell, Column, head, unlisted};

/// Log of changes made by commands
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// List the changes made by commands, newest first: when, who, which command, what changed
    #[command(
        visible_alias = "ls",
        before_help = "Examples:\n  $ espomail log list --since 2026-01-31 --user ana\n  $ espomail --json log list --limit 1000"
    )]
    List(List),
}

/// `log list`
#[derive(Debug, Args)]
pub struct List {
    /// Only changes since this date or time
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// Only changes by this user, or made as this user with --as; @me is you
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    #[command(flatten)]
    page: Page,
}

/// Fields of log entries in their order.
pub const COLUMNS: &[Column<Entry>] = &[
    Column::new("at", head("TIME"), |entry, _| Cell::date_time(entry.at)),
    Column::new("user", head("USER"), |entry, _| person(entry.user.as_ref(), "administrator")),
    Column::new("as", head("AS").optional().rank(3), |entry, _| person(entry.as_user.as_ref(), "")),
    Column::new("host", head("HOST").optional().rank(3), |entry, _| Cell::opt_text(entry.host.as_deref())),
    Column::new("caller_uid", head("CALLER").right().rank(1), |entry, _| Cell::int(entry.caller_uid.into())),
    Column::new("uid", head("UID").right().rank(2), |entry, _| Cell::int(entry.uid.into())),
    Column::new("command", head("COMMAND"), |entry, _| Cell::text(&entry.command)),
    Column::new("outcome", head("OUTCOME").rank(4), |entry, _| Cell::usual(entry.outcome.as_str(), "done")),
    Column::new("objects", head("OBJECTS").shrinking(), |entry, _| objects(entry)),
    Column::new("more", unlisted(), |entry, _| Cell::int(entry.more)),
    Column::new("id", unlisted(), |entry, _| Cell::int(entry.id)),
];

/// Runs a `log` command.
pub fn run(command: LogCommand, ctx: &Context) -> Result<()> {
    match command {
        LogCommand::List(args) => list(&args, ctx),
    }
}

fn list(args: &List, ctx: &Context) -> Result<()> {
    let since = args.since.as_deref().map(|text| ctx.past("--since", text)).transpose()?;
    let (entries, total) = ctx.read(|tx, actor| {
        actor.require_admin("log list")?;
        let user = args.user.as_deref().map(|name| context::user_or_me(tx, actor, "--user", name)).transpose()?;
        let query = LogQuery { since, user_id: user.map(|user| user.id), limit: args.page.limit().unwrap_or(i64::MAX) };
        let entries = log::list(tx, &query)?;
        let total = args.page.total(entries.len(), |most| log::count_to(tx, &query, most))?;
        Ok((entries, total))
    })?;
    ctx.ui.list("log_entries", COLUMNS, &entries)?;
    page::tell(ctx, entries.len(), total);
    Ok(())
}

fn person(person: Option<&(i64, String)>, nobody: &str) -> Cell {
    match person {
        Some((id, username)) => Cell::user(*id, username),
        None => Cell::object(Value::Null, nobody),
    }
}

fn objects(entry: &Entry) -> Cell {
    let mut objects: Vec<String> = entry.objects.iter().map(shown).collect();
    if entry.more > 0 {
        objects.push(format!("and {} more", entry.more));
    }
    let json: Vec<_> = entry.objects.iter().map(|o| json!({"type": o.kind, "id": o.id, "name": o.name})).collect();
    Cell::object(json!(json), &objects.join(", "))
}

fn shown(object: &Object) -> String {
    match &object.name {
        Some(name) => format!("{} {name}", object.kind),
        None => format!("{} {}", object.kind, object.id),
    }
}
