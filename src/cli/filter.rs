//! `espomail filter`: what is done with mail as it comes (B10).

#![deny(clippy::wildcard_enum_match_arm)]

mod apply;
mod change;
mod exchange;
mod form;
mod scope;
mod try_out;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use serde_json::json;

use self::form::Form;
use super::context::Context;
use crate::filter::{FIELDS, Rule};
use crate::store::db::Tx;
use crate::store::filters::{self, Filter};
use crate::ui::cell::{Cell, Column, head, unlisted};

pub use apply::{COLUMNS as MATCH_COLUMNS, Since};
pub use change::{Add, Edit, Move};
pub use exchange::Import;
pub use scope::visible;
pub use try_out::{COLUMNS as TEST_COLUMNS, Test};

/// Filters: what to do with incoming mail
#[derive(Debug, Subcommand)]
pub enum FilterCommand {
    /// Add a filter after the others of its scope
    #[command(
        before_help = "Examples:\n  $ espomail filter add offers --scope global --if 'from=*@shop.com' --if 'subject=offer*' --do skip\n  $ espomail filter add alerts --scope account:support --if subject=alert* --not body=resolved --do priority:High --do assign:ana\n  $ espomail --as ana filter add news --scope user:@me --if list-id=news.example --do read --do folder:News",
        after_help = help()
    )]
    Add(Add),
    /// List filters in the order in which they are asked, with their matches
    #[command(
        visible_alias = "ls",
        before_help = "Examples:\n  $ espomail filter list\n  $ espomail --json filter list --scope account:support"
    )]
    List(List),
    /// Show a filter
    #[command(
        visible_alias = "view",
        before_help = "Examples:\n  $ espomail filter show offers\n  $ espomail --json filter show offers"
    )]
    Show(Name),
    /// Change a filter; given conditions and actions replace the old ones
    #[command(
        before_help = "Examples:\n  $ espomail filter edit offers --if 'from=*@shop.com' --not subject=invoice*\n  $ espomail filter edit offers --name 'shop offers' --do none",
        after_help = help()
    )]
    Edit(Edit),
    /// Delete a filter
    #[command(
        visible_alias = "rm",
        before_help = "Examples:\n  $ espomail filter delete offers\n  $ espomail --yes filter delete offers"
    )]
    Delete(Name),
    /// Enable a filter
    #[command(
        before_help = "Examples:\n  $ espomail filter enable offers\n  $ espomail --dry-run filter enable offers"
    )]
    Enable(Name),
    /// Disable a filter, which stays in the list
    #[command(
        before_help = "Examples:\n  $ espomail filter disable offers\n  $ espomail --dry-run filter disable offers"
    )]
    Disable(Name),
    /// Change the order of filters
    #[command(
        before_help = "Examples:\n  $ espomail filter move offers --before invoices\n  $ espomail filter move offers --last"
    )]
    Move(Move),
    /// Show what every filter makes of a message, condition by condition; change nothing
    #[command(
        before_help = "Examples:\n  $ espomail filter test 9131\n  $ espomail filter test mail.eml --account support"
    )]
    Test(Test),
    /// List the mail of the archive that a filter matches; change nothing
    #[command(
        before_help = "Examples:\n  $ espomail filter replay offers --since 2026-11-01\n  $ espomail -q filter replay offers | wc -l"
    )]
    Replay(Since),
    /// Apply a user's filter to mail that is in the inbox already
    #[command(
        before_help = "Examples:\n  $ espomail filter apply news --since 2026-11-01\n  $ espomail --dry-run filter apply news"
    )]
    Apply(Since),
    /// Print filters as TOML, for version control
    #[command(
        before_help = "Examples:\n  $ espomail filter export > filters.toml\n  $ espomail filter export offers alerts"
    )]
    Export(Names),
    /// Add and change filters from a file: TOML of `filter export`, or a Sieve script
    #[command(
        before_help = "Examples:\n  $ espomail --dry-run filter import filters.toml\n  $ espomail filter import old.sieve --scope user:ana"
    )]
    Import(Import),
}

/// A filter's name.
#[derive(Debug, Args)]
pub struct Name {
    /// Filter, by name or id
    #[arg(value_name = "NAME")]
    filter: String,
}

/// Filters' names.
#[derive(Debug, Args)]
pub struct Names {
    /// Filters (default: all that you can see)
    #[arg(value_name = "NAME")]
    filters: Vec<String>,
}

/// `filter list`
#[derive(Debug, Args)]
pub struct List {
    /// Only filters of this scope: global, account:NAME or user:NAME
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
}

/// A filter in its place among the others.
pub struct Listed {
    filter: Filter,
    scope: String,
    is_too_large: bool,
    /// Counted from 1.
    order: i64,
}

/// Fields of filters in their order.
pub const COLUMNS: &[Column<Listed>] = &[
    Column::new("id", head("ID").right(), |one, _| Cell::int(one.filter.id)),
    Column::new("name", head("FILTER").shrinking(), |one, _| Cell::text(&one.filter.name)),
    Column::new("scope", head("SCOPE"), |one, _| Cell::text(&one.scope)),
    Column::new("conditions", head("CONDITIONS").shrinking(), |one, _| {
        let conditions: Vec<&str> = one.filter.conditions.lines().collect();
        Cell::object(json!(conditions), &conditions.join(" and "))
    }),
    Column::new("actions", head("ACTIONS").shrinking(), |one, _| {
        let actions: Vec<String> = one.filter.actions.iter().map(ToString::to_string).collect();
        Cell::words(&actions)
    }),
    Column::new("hits", head("HITS").right(), |one, _| Cell::int(one.filter.hits)),
    Column::new("last_hit", head("LAST"), |one, _| one.filter.last_hit_at.map_or_else(Cell::none, Cell::ago)),
    Column::new("state", head("STATE"), |one, _| Cell::text(&one.state())),
    Column::new("enabled", unlisted(), |one, _| Cell::bool(one.filter.active)),
    Column::new("continue", unlisted(), |one, _| Cell::bool(one.filter.continues)),
    Column::new("over_global", unlisted(), |one, _| Cell::bool(one.filter.over_global)),
    Column::new("order", unlisted(), |one, _| Cell::int(one.order)),
];

impl Listed {
    fn state(&self) -> String {
        let marks = [
            (!self.filter.active, "disabled"),
            (self.is_too_large, "too large"),
            (self.filter.continues, "continues"),
            (self.filter.over_global, "over global"),
        ];
        let state: Vec<&str> = marks.iter().filter(|(holds, _)| *holds).map(|(_, mark)| *mark).collect();
        state.join(", ")
    }
}

/// Runs a `filter` command.
pub fn run(command: FilterCommand, ctx: &Context) -> Result<()> {
    match command {
        FilterCommand::Add(args) => change::add(&args, ctx),
        FilterCommand::List(args) => list(&args, ctx),
        FilterCommand::Show(args) => {
            let row = ctx.read(|tx, actor| {
                let filter = scope::find(tx, actor, &args.filter)?;
                let order = filters::all(tx)?.iter().position(|other| other.id == filter.id).unwrap_or_default();
                let rule = scope::rules(tx, actor)?.into_iter().find(|rule| rule.filter.id == filter.id);
                listed(tx, order, &rule.context("the filter vanished")?)
            })?;
            ctx.ui.object("filter", COLUMNS, &row)
        }
        FilterCommand::Edit(args) => change::edit(&args, ctx),
        FilterCommand::Delete(args) => change::delete(&args.filter, ctx),
        FilterCommand::Enable(args) => change::switch(&args.filter, true, ctx),
        FilterCommand::Disable(args) => change::switch(&args.filter, false, ctx),
        FilterCommand::Move(args) => change::put(&args, ctx),
        FilterCommand::Test(args) => try_out::run(&args, ctx),
        FilterCommand::Replay(args) => apply::replay(&args, ctx),
        FilterCommand::Apply(args) => apply::run(&args, ctx),
        FilterCommand::Export(args) => exchange::export(&args.filters, ctx),
        FilterCommand::Import(args) => exchange::import(&args, ctx),
    }
}

fn list(args: &List, ctx: &Context) -> Result<()> {
    let rows = ctx.read(|tx, actor| {
        let wanted = args.scope.as_deref().map(|text| scope::read(tx, actor, Form::Flags, text)).transpose()?;
        let visible = scope::rules(tx, actor)?;
        let chosen = visible.iter().filter(|rule| wanted.is_none_or(|scope| rule.filter.scope == scope));
        chosen.enumerate().map(|(at, rule)| listed(tx, at, rule)).collect::<Result<Vec<_>>>()
    })?;
    ctx.ui.list("filters", COLUMNS, &rows)
}

fn listed(tx: &Tx<'_>, at: usize, rule: &Rule) -> Result<Listed> {
    Ok(Listed {
        filter: rule.filter.clone(),
        scope: scope::write(tx, rule.filter.scope)?,
        is_too_large: rule.is_too_large(),
        order: i64::try_from(at)? + 1,
    })
}

/// What conditions and actions there are.
fn help() -> String {
    let fields: Vec<String> = FIELDS.iter().map(|field| format!("  {:15} {}", field.name, field.about)).collect();
    format!(
        "Conditions, as FIELD=PATTERN; all must hold:\n{}\nA pattern is compared with the whole value in any case, with * and ? for any text and any character;\n\
        of body anywhere in the text. regex:EXPRESSION matches somewhere. \\* is a star itself.\n\n\
        Actions for everybody: skip, folder:FOLDER, team:TEAM, no-case, no-auto-reply, priority:P, type:T, assign:USER, none\n\
        Actions of users:      skip, folder:FOLDER, read, no-notification, important, none",
        fields.join("\n")
    )
}
