//! `espomail team`: teams and their members.

use anyhow::Result;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::json;

use super::context::{self, Context};
use crate::access;
use crate::access::Actor;
use crate::error;
use crate::store::db::Tx;
use crate::store::filters::{self, ActionKind};
use crate::store::roles::{self, Holder, Role};
use crate::store::teams::{self, Team};
use crate::store::users::User;
use crate::ui::cell::{Cell, Column, head, unlisted};
use crate::ui::outcome::Thing;

/// Teams
#[derive(Debug, Subcommand)]
pub enum TeamCommand {
    /// Add a team
    #[command(before_help = "Examples:\n  $ espomail team add Support\n  $ espomail team add Auditors --no-role")]
    Add(Add),
    /// List teams
    #[command(
        visible_alias = "ls",
        before_help = "Examples:\n  $ espomail team list\n  $ espomail --format plain team list"
    )]
    List,
    /// Show a team with its members
    #[command(
        visible_alias = "view",
        before_help = "Examples:\n  $ espomail team show Support\n  $ espomail --json team show Support"
    )]
    Show(Name),
    /// Rename a team
    #[command(
        before_help = "Examples:\n  $ espomail team edit Support --name 'First Level'\n  $ espomail --dry-run team edit Support --name Help"
    )]
    Edit(Edit),
    /// Delete a team
    #[command(
        visible_alias = "rm",
        before_help = "Examples:\n  $ espomail team delete Support\n  $ espomail --yes team delete Support"
    )]
    Delete(Name),
    /// Members of teams
    #[command(subcommand)]
    Member(MemberCommand),
}

/// Members of teams
#[derive(Debug, Subcommand)]
pub enum MemberCommand {
    /// Add a member, or change a member's position
    #[command(
        before_help = "Examples:\n  $ espomail team member add Support ana\n  $ espomail team member add Support budi --position Agent"
    )]
    Add(Member),
    /// Remove a member
    #[command(
        visible_alias = "rm",
        before_help = "Examples:\n  $ espomail team member remove Support ana\n  $ espomail --dry-run team member remove Support budi"
    )]
    Remove(Membership),
}

/// A team's name.
#[derive(Debug, Args)]
pub struct Name {
    /// Team
    team: String,
}

/// `team add`
#[derive(Debug, Args)]
pub struct Add {
    /// Team
    team: String,
    /// Do not give the team the role Agent, which new teams get
    #[arg(long)]
    no_role: bool,
}

/// `team edit`
#[derive(Debug, Args)]
pub struct Edit {
    /// Team
    team: String,
    /// New name
    #[arg(long)]
    name: String,
}

/// `team member add`
#[derive(Debug, Args)]
pub struct Member {
    /// Team
    team: String,
    /// User
    user: String,
    /// Position, free text that `account --position` is compared with
    #[arg(long, default_value = "")]
    position: String,
}

/// `team member remove`
#[derive(Debug, Args)]
pub struct Membership {
    /// Team
    team: String,
    /// User
    user: String,
}

/// A team with its members and roles.
pub struct Listed {
    team: Team,
    members: Vec<teams::Member>,
    roles: Vec<String>,
}

/// Fields of teams in their order.
pub const COLUMNS: &[Column<Listed>] = &[
    Column::new("name", head("TEAM").key(), |one, _| Cell::text(&one.team.name)),
    Column::new("members", head("MEMBERS").shrinking(), |one, _| members(&one.members)),
    Column::new("id", unlisted(), |one, _| Cell::int(one.team.id)),
    Column::new("roles", head("ROLES").shrinking(), |one, _| Cell::words(&one.roles)),
];

/// Runs a `team` command.
pub fn run(command: TeamCommand, ctx: &Context) -> Result<()> {
    match command {
        TeamCommand::Add(args) => add(&args, ctx),
        TeamCommand::List => {
            let rows =
                ctx.read(|tx, _| teams::all(tx)?.into_iter().map(|t| listed(tx, t)).collect::<Result<Vec<_>>>())?;
            ctx.ui.list("teams", COLUMNS, &rows)
        }
        TeamCommand::Show(args) => {
            let row = ctx.read(|tx, _| listed(tx, context::team(tx, &args.team)?))?;
            ctx.ui.object("team", COLUMNS, &row)
        }
        TeamCommand::Edit(args) => edit(&args, ctx),
        TeamCommand::Delete(args) => delete(&args.team, ctx),
        TeamCommand::Member(MemberCommand::Add(args)) => add_member(&args, ctx),
        TeamCommand::Member(MemberCommand::Remove(args)) => remove_member(&args, ctx),
    }
}

fn add(args: &Add, ctx: &Context) -> Result<()> {
    let name = context::name("team", &args.team)?;
    let (id, role) = ctx.administer("team add", |tx| put(tx, &name, !args.no_role, ctx.now()))?;
    let role = role.map(|role| format!(" with the role {}", role.name)).unwrap_or_default();
    ctx.done(Thing::team(id, &name), &format!("team {name} added{role}"))
}

/// Adds a team, with the role that new teams get; its id and the role.
///
/// # Errors
/// The name is taken.
pub fn put(tx: &Tx<'_>, name: &str, with_role: bool, now: Timestamp) -> Result<(i64, Option<Role>)> {
    if teams::by_name(tx, name)?.is_some() {
        return Err(context::taken("team", name));
    }
    let id = teams::add(tx, name, now)?;
    let role = if with_role { roles::by_name(tx, access::AGENT)? } else { None };
    role.as_ref().map_or(Ok(false), |role| roles::assign(tx, role.id, Holder::Team(id)))?;
    Ok((id, role))
}

fn edit(args: &Edit, ctx: &Context) -> Result<()> {
    let name = context::name("--name", &args.name)?;
    let id = ctx.administer("team edit", |tx| {
        let team = context::team(tx, &args.team)?;
        if teams::by_name(tx, &name)?.is_some_and(|other| other.id != team.id) {
            return Err(context::taken("--name", &name));
        }
        teams::rename(tx, team.id, &name)?;
        Ok(team.id)
    })?;
    ctx.done(Thing::team(id, &name), &format!("team {} is now {name}", args.team))
}

fn delete(name: &str, ctx: &Context) -> Result<()> {
    let question = format!("Delete team {name}? Its members no longer see what only the team could see.");
    let work = |tx: &Tx<'_>, actor: &Actor| {
        actor.require_admin("team delete")?;
        let team = context::team(tx, name)?;
        let accounts = teams::used_by_accounts(tx, team.id)?;
        if !accounts.is_empty() {
            return Err(error::data(format!("team {name}: is the case team of {}", accounts.join(", ")))
                .hint(format!(
                    "give these accounts another one first: espomail account edit {} --case-team TEAM",
                    context::first_word(&accounts)
                ))
                .into());
        }
        let filters = filters::naming(tx, ActionKind::Team, team.id)?;
        if !filters.is_empty() {
            return Err(error::data(format!("team {name}: filters give mail to it: {}", filters.join(", ")))
                .hint(format!("change them first: espomail filter edit {} --do ACTION", context::first_word(&filters)))
                .into());
        }
        teams::delete(tx, team.id)?;
        Ok(team.id)
    };
    ctx.confirm_tried(&question, work)?;
    let id = ctx.write(work)?;
    ctx.done(Thing::team(id, name), &format!("team {name} deleted"))
}

fn add_member(args: &Member, ctx: &Context) -> Result<()> {
    let position = if args.position.is_empty() { String::new() } else { context::name("--position", &args.position)? };
    let (team, user) = ctx.write(|tx, actor| {
        actor.require_admin("team member add")?;
        let (team, user) = (context::team(tx, &args.team)?, context::user_or_me(tx, actor, "user", &args.user)?);
        teams::put_member(tx, team.id, user.id, &position)?;
        Ok((team, user))
    })?;
    ctx.done(things(&team, &user), &format!("{} is a member of {}", user.username, team.name))
}

fn remove_member(args: &Membership, ctx: &Context) -> Result<()> {
    let (team, user) = ctx.write(|tx, actor| {
        actor.require_admin("team member remove")?;
        let (team, user) = (context::team(tx, &args.team)?, context::user_or_me(tx, actor, "user", &args.user)?);
        if !teams::remove_member(tx, team.id, user.id)? {
            return Err(error::data(format!("user: {} is not a member of {}", args.user, args.team)).into());
        }
        Ok((team, user))
    })?;
    ctx.done(things(&team, &user), &format!("{} is no longer a member of {}", user.username, team.name))
}

fn things(team: &Team, user: &User) -> [Thing; 2] {
    [Thing::team(team.id, &team.name), Thing::user(user.id, &user.username)]
}

fn listed(tx: &Tx<'_>, team: Team) -> Result<Listed> {
    let (members, roles) = (teams::members(tx, team.id)?, roles::of_team(tx, team.id)?);
    Ok(Listed { team, members, roles })
}

fn members(members: &[teams::Member]) -> Cell {
    let json: Vec<_> =
        members.iter().map(|m| json!({"id": m.user_id, "username": m.username, "position": m.position})).collect();
    let shown: Vec<String> = members
        .iter()
        .map(|m| if m.position.is_empty() { m.username.clone() } else { format!("{} ({})", m.username, m.position) })
        .collect();
    Cell::object(json!(json), &shown.join(", "))
}
