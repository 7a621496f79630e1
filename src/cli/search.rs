//! `espomail search`: queries that are kept under a name and written as `@NAME`.

use anyhow::Result;
use clap::{Args, Subcommand};

use super::context::{self, Context};
use super::query::{self, saved};
use crate::access::Actor;
use crate::error;
use crate::query::is_name;
use crate::store::db::Tx;
use crate::store::searches::{self, Owner, Search};
use crate::ui::cell::{Cell, Column, head, unlisted};
use crate::ui::outcome::Thing;

/// Saved searches
#[derive(Debug, Subcommand)]
pub enum SearchCommand {
    /// Save a query under a name, which then stands for it as @NAME
    #[command(
        before_help = "Examples:\n  $ espomail search add late waiting:2d\n  $ espomail case list @late assignee:@me\n  $ espomail search add refunds 'tag:refund OR subject:refund' --team Billing",
        after_help = crate::cli::query::HELP
    )]
    Add(Add),
    /// List your saved searches and those that are shared with you
    #[command(
        visible_alias = "ls",
        before_help = "Examples:\n  $ espomail search list\n  $ espomail --json search list"
    )]
    List,
    /// Show a saved search
    #[command(
        visible_alias = "view",
        before_help = "Examples:\n  $ espomail search show late\n  $ espomail --json search show late"
    )]
    Show(Name),
    /// Rename a saved search
    #[command(
        before_help = "Examples:\n  $ espomail search rename late overdue\n  $ espomail --dry-run search rename late overdue"
    )]
    Rename(Rename),
    /// Delete a saved search
    #[command(
        visible_alias = "rm",
        before_help = "Examples:\n  $ espomail search delete late\n  $ espomail --yes search delete late"
    )]
    Delete(Name),
}

/// `search add`
#[derive(Debug, Args)]
pub struct Add {
    /// Name: letters, digits and - _ .
    #[arg(value_name = "NAME")]
    name: String,
    /// Query, as case list and email list take it
    #[arg(value_name = "QUERY", required = true)]
    query: Vec<String>,
    /// Share it with the members of this team (administrators)
    #[arg(long, value_name = "TEAM", conflicts_with = "everyone")]
    team: Option<String>,
    /// Share it with everyone (administrators)
    #[arg(long)]
    everyone: bool,
}

/// A saved search.
#[derive(Debug, Args)]
pub struct Name {
    /// Name, with or without @
    #[arg(value_name = "NAME")]
    name: String,
}

/// `search rename`
#[derive(Debug, Args)]
pub struct Rename {
    /// Name
    #[arg(value_name = "OLD")]
    old: String,
    /// New name
    #[arg(value_name = "NEW")]
    new: String,
}

/// Fields of saved searches in their order.
pub const COLUMNS: &[Column<Search>] = &[
    Column::new("name", head("NAME"), |one, _| Cell::text(&one.name)),
    Column::new("query", head("QUERY").shrinking(), |one, _| Cell::text(&one.query)),
    Column::new("shared_with", head("SHARED WITH").optional().label("Shared with"), |one, _| match &one.owner {
        Owner::User(_) => Cell::none(),
        Owner::Team(_, team) => Cell::text(team),
        Owner::Everybody => Cell::text("everyone"),
    }),
    Column::new("created_at", unlisted().label("Saved"), |one, _| Cell::time(one.created_at)),
];

/// Runs a `search` command.
pub fn run(command: SearchCommand, ctx: &Context) -> Result<()> {
    match command {
        SearchCommand::Add(args) => add(&args, ctx),
        SearchCommand::List => {
            let rows = ctx.read(|tx, actor| searches::list(tx, actor.user_id(), actor.sight()))?;
            ctx.ui.list("searches", COLUMNS, &rows)
        }
        SearchCommand::Show(args) => {
            let row = ctx.read(|tx, actor| saved::find(tx, actor, bare(&args.name)))?;
            ctx.ui.object("search", COLUMNS, &row)
        }
        SearchCommand::Rename(args) => rename(&args, ctx),
        SearchCommand::Delete(args) => delete(bare(&args.name), ctx),
    }
}

fn add(args: &Add, ctx: &Context) -> Result<()> {
    let name = new_name("search add", &args.name)?;
    let text = args.query.join(" ");
    if text.trim().is_empty() {
        return Err(error::usage("search add: the query must not be empty").into());
    }
    query::check(&text, ctx)?;
    ctx.write(|tx, actor| {
        let owner = match (&args.team, args.everyone) {
            (None, false) => Owner::User(actor.require_user("search add")?.id),
            (Some(team), _) => {
                actor.require_admin("search add --team")?;
                let team = context::team(tx, team)?;
                Owner::Team(team.id, team.name)
            }
            (None, true) => {
                actor.require_admin("search add --everyone")?;
                Owner::Everybody
            }
        };
        refuse_taken(tx, &owner, "search add", name, None)?;
        searches::add(tx, name, &text, &owner, ctx.now())?;
        // With what it names, and not itself.
        saved::check(tx, actor, name, ctx)
    })?;
    ctx.done(Thing::search(name), &format!("search {name} saved; write it as @{name}"))
}

fn rename(args: &Rename, ctx: &Context) -> Result<()> {
    let (old, new) = (bare(&args.old), new_name("NEW", &args.new)?);
    let users = ctx.write(|tx, actor| {
        let search = changeable(tx, actor, "search rename", old)?;
        refuse_taken(tx, &search.owner, "NEW", new, Some(search.id))?;
        searches::rename(tx, search.id, new)?;
        users_of(tx, actor, old)
    })?;
    ctx.done(Thing::search(new), &format!("search {old} is now {new}"))?;
    tell_users(ctx, old, &users);
    Ok(())
}

fn delete(name: &str, ctx: &Context) -> Result<()> {
    ctx.read(|tx, actor| changeable(tx, actor, "search delete", name))?;
    ctx.confirm(&format!("Delete search {name}?"))?;
    let users = ctx.write(|tx, actor| {
        let search = changeable(tx, actor, "search delete", name)?;
        searches::delete(tx, &search)?;
        users_of(tx, actor, name)
    })?;
    ctx.done(Thing::search(name), &format!("search {name} deleted"))?;
    tell_users(ctx, name, &users);
    Ok(())
}

/// Names of searches that the actor sees and whose queries name another one that is not there any more.
fn users_of(tx: &Tx<'_>, actor: &Actor, name: &str) -> Result<Vec<String>> {
    let seen = searches::list(tx, actor.user_id(), actor.sight())?;
    if seen.iter().any(|search| saved::is_called(search, name)) {
        return Ok(Vec::new());
    }
    let users =
        seen.into_iter().filter(|search| saved::names(&search.query).iter().any(|used| saved::same(used, name)));
    Ok(users.map(|search| search.name).collect())
}

fn tell_users(ctx: &Context, name: &str, users: &[String]) {
    if !users.is_empty() {
        ctx.ui.note(&format!("@{name} is still in the query of: {}", users.join(", ")));
    }
}

/// A search that the actor can change: their own, or for administrators a shared one.
fn changeable(tx: &Tx<'_>, actor: &Actor, what: &str, name: &str) -> Result<Search> {
    let search = saved::find(tx, actor, name)?;
    if !matches!(search.owner, Owner::User(_)) {
        actor.require_admin(&format!("{what} on the shared search {}", search.name))?;
    }
    Ok(search)
}

/// A name as it was typed, perhaps as it is used.
fn bare(name: &str) -> &str {
    name.strip_prefix('@').unwrap_or(name)
}

fn new_name<'a>(field: &str, given: &'a str) -> Result<&'a str> {
    let name = bare(given);
    if is_name(name) {
        return Ok(name);
    }
    let shown: String = given.chars().take(50).collect();
    Err(error::data(format!("{field}: \"{shown}\" cannot be the name of a search"))
        .hint("a name has 1 to 50 letters, digits and - _ . and is not me, none or team")
        .into())
}

fn refuse_taken(tx: &Tx<'_>, owner: &Owner, field: &str, name: &str, except: Option<i64>) -> Result<()> {
    let user_id = match owner {
        Owner::User(id) => Some(*id),
        Owner::Team(..) | Owner::Everybody => None,
    };
    match searches::id_of(tx, user_id, name)?.filter(|id| Some(*id) != except) {
        Some(_) => Err(error::data(format!("{field}: \"{name}\" exists already"))
            .hint(format!("to change it, delete it and add it again: espomail search delete {name}"))
            .into()),
        None => Ok(()),
    }
}
