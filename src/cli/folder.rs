//! `espomail folder`: folders of mail, one's own and those of teams (B6.3).

use anyhow::Result;
use clap::{Args, Subcommand};

use super::context::{self, Context};
use super::email;
use crate::access::Actor;
use crate::error;
use crate::store::db::Tx;
use crate::store::filters::{self, ActionKind};
use crate::store::folders::{self, Folder};
use crate::store::teams;
use crate::ui::cell::{Cell, Column, head, unlisted};
use crate::ui::outcome::Thing;

/// Folders of mail
#[derive(Debug, Subcommand)]
pub enum FolderCommand {
    /// Add a folder of your own, or, with --group, of teams
    #[command(
        before_help = "Examples:\n  $ espomail folder add Invoices\n  $ espomail folder add Complaints --group Support --group Sales"
    )]
    Add(Add),
    /// List your folders and the group folders you can see
    #[command(
        visible_alias = "ls",
        before_help = "Examples:\n  $ espomail folder list\n  $ espomail --json --as ana folder list"
    )]
    List,
    /// Rename a folder, or change the teams of a group folder
    #[command(
        before_help = "Examples:\n  $ espomail folder edit Invoices --name 'Old invoices'\n  $ espomail folder edit Complaints --group Support"
    )]
    Edit(Edit),
    /// Delete a folder; its mail returns to the inbox
    #[command(
        visible_alias = "rm",
        before_help = "Examples:\n  $ espomail folder delete Invoices\n  $ espomail --yes folder delete Complaints"
    )]
    Delete(Name),
}

/// `folder add`
#[derive(Debug, Args)]
pub struct Add {
    /// Folder
    folder: String,
    /// Make it a group folder of this team
    #[arg(long = "group", value_name = "TEAM")]
    teams: Vec<String>,
}

/// `folder edit`
#[derive(Debug, Args)]
pub struct Edit {
    /// Folder
    folder: String,
    /// New name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Replace the teams of a group folder
    #[arg(long = "group", value_name = "TEAM")]
    teams: Vec<String>,
}

/// A folder's name.
#[derive(Debug, Args)]
pub struct Name {
    /// Folder
    folder: String,
}

/// A folder with the names of its teams.
pub type Listed = (Folder, Vec<String>);

/// Fields of folders in their order.
pub const COLUMNS: &[Column<Listed>] = &[
    Column::new("name", head("FOLDER").key(), |(folder, _), _| Cell::text(&folder.name)),
    Column::new("kind", head("KIND"), |(folder, _), _| {
        Cell::text(if folder.user_id.is_some() { "personal" } else { "group" })
    }),
    Column::new("teams", head("TEAMS").shrinking(), |(_, teams), _| Cell::words(teams)),
    Column::new("id", unlisted(), |(folder, _), _| Cell::int(folder.id)),
];

/// Runs a `folder` command.
pub fn run(command: FolderCommand, ctx: &Context) -> Result<()> {
    match command {
        FolderCommand::Add(args) => add(&args, ctx),
        FolderCommand::List => {
            let rows = ctx.read(|tx, actor| {
                let seen = folders::list(tx, actor.user_id(), actor.sight())?;
                seen.into_iter().map(|folder| listed(tx, folder)).collect::<Result<Vec<_>>>()
            })?;
            ctx.ui.list("mail_folders", COLUMNS, &rows)
        }
        FolderCommand::Edit(args) => edit(&args, ctx),
        FolderCommand::Delete(args) => delete(&args.folder, ctx),
    }
}

fn add(args: &Add, ctx: &Context) -> Result<()> {
    let name = new_name("folder", &args.folder)?;
    ctx.write(|tx, actor| {
        let owner = match args.teams.is_empty() {
            true => Some(actor.require_user("folder add")?.id),
            false => {
                actor.require_admin("folder add --group")?;
                None
            }
        };
        refuse_taken(tx, owner, "folder", &name, None)?;
        let id = folders::add(tx, owner, &name, ctx.now())?;
        set_teams(tx, id, &args.teams)
    })?;
    ctx.done(Thing::folder(&name), &format!("folder {name} added"))
}

fn edit(args: &Edit, ctx: &Context) -> Result<()> {
    let name = args.name.as_deref().map(|name| new_name("--name", name)).transpose()?;
    ctx.write(|tx, actor| {
        let folder = changeable(tx, actor, "folder edit", &args.folder)?;
        if let Some(name) = &name {
            refuse_taken(tx, folder.user_id, "--name", name, Some(folder.id))?;
            folders::rename(tx, folder.id, name)?;
        }
        if folder.user_id.is_some() && !args.teams.is_empty() {
            return Err(error::data(format!("--group: {} is your own folder", folder.name))
                .hint("make one of the team instead: espomail folder add NAME --group TEAM")
                .into());
        }
        set_teams(tx, folder.id, &args.teams)
    })?;
    ctx.done(Thing::folder(name.as_ref().unwrap_or(&args.folder)), &format!("folder {} changed", args.folder))
}

fn delete(name: &str, ctx: &Context) -> Result<()> {
    ctx.read(|tx, actor| deletable(tx, actor, name))?;
    ctx.confirm(&format!("Delete folder {name}? Its mail stays and is in the inbox again."))?;
    ctx.write(|tx, actor| {
        let folder = deletable(tx, actor, name)?;
        folders::delete(tx, folder.id)
    })?;
    ctx.done(Thing::folder(name), &format!("folder {name} deleted"))
}

fn deletable(tx: &Tx<'_>, actor: &Actor, name: &str) -> Result<Folder> {
    let folder = changeable(tx, actor, "folder delete", name)?;
    let accounts = folders::used_by_accounts(tx, folder.id)?;
    let filters = filters::naming(tx, ActionKind::Folder, folder.id)?;
    if !filters.is_empty() {
        return Err(error::data(format!("folder {name}: filters put mail there: {}", filters.join(", ")))
            .hint(format!("change them first: espomail filter edit {} --do ACTION", context::first_word(&filters)))
            .into());
    }
    if accounts.is_empty() {
        return Ok(folder);
    }
    Err(error::data(format!("folder {name}: the mail of {} goes there", accounts.join(", ")))
        .hint(format!("end that first: espomail account edit {} --put-in ''", context::first_word(&accounts)))
        .into())
}

/// A folder of one's own, or for administrators a group folder.
fn changeable(tx: &Tx<'_>, actor: &Actor, what: &str, name: &str) -> Result<Folder> {
    let folder = context::folder(tx, actor, "folder", name)?;
    if folder.user_id.is_none() {
        actor.require_admin(&format!("{what} on the group folder {}", folder.name))?;
    }
    Ok(folder)
}

fn new_name(field: &str, given: &str) -> Result<String> {
    let name = context::name(field, given)?;
    if email::is_reserved(&name) {
        return Err(error::usage(format!("{field}: \"{name}\" is a reserved name"))
            .hint("inbox, important, sent, drafts, archive, trash, all and none are there for everybody")
            .into());
    }
    Ok(name)
}

/// Two folders of one owner never have the same name.
fn refuse_taken(tx: &Tx<'_>, owner: Option<i64>, field: &str, name: &str, except: Option<i64>) -> Result<()> {
    let there = match owner {
        Some(user_id) => folders::personal(tx, user_id, name)?,
        None => folders::group(tx, name)?,
    };
    match there.filter(|folder| Some(folder.id) != except) {
        Some(_) => Err(context::taken(field, name)),
        None => Ok(()),
    }
}

fn set_teams(tx: &Tx<'_>, folder_id: i64, names: &[String]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = names.iter().map(|name| Ok(context::team(tx, name)?.id)).collect::<Result<_>>()?;
    folders::set_teams(tx, folder_id, &ids)
}

fn listed(tx: &Tx<'_>, folder: Folder) -> Result<Listed> {
    let mut names = Vec::new();
    for id in &folder.team_ids {
        names.extend(teams::by_id(tx, *id)?.map(|team| team.name));
    }
    Ok((folder, names))
}
