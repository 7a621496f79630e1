//! `espomail role`: what people may see and do (B11.2).

mod explain;
mod value;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Map, json};

pub use explain::COLUMNS as EXPLAIN_COLUMNS;

use super::context::{self, Context};
use crate::access::Actor;
use crate::error;
use crate::store::db::Tx;
use crate::store::permissions::{Level, Permission};
use crate::store::roles::{self, Holder, Role};
use crate::store::{teams, users};
use crate::ui::cell::{Cell, Column, head, unlisted};
use crate::ui::outcome::Thing;
use value::{Setting, permissions, setting};

/// Roles: what users and teams can see and do
#[derive(Debug, Subcommand)]
pub enum RoleCommand {
    /// Add a role, which sets no permission yet
    #[command(before_help = "Examples:\n  $ espomail role add Auditor\n  $ espomail -q role add 'First Level'")]
    Add(Name),
    /// List roles
    #[command(
        visible_alias = "ls",
        before_help = "Examples:\n  $ espomail role list\n  $ espomail --format plain role list"
    )]
    List,
    /// Show what a role allows and who has it
    #[command(
        visible_alias = "view",
        before_help = "Examples:\n  $ espomail role show Agent\n  $ espomail --json role show Agent"
    )]
    Show(Name),
    /// Delete a role and remove it from its users and teams
    #[command(
        visible_alias = "rm",
        before_help = "Examples:\n  $ espomail role delete Auditor\n  $ espomail --yes role delete Auditor"
    )]
    Delete(Name),
    /// Set how far a permission of a role reaches
    #[command(
        before_help = "Examples:\n  $ espomail role grant Auditor case-read all\n  $ espomail role grant Auditor email own"
    )]
    Grant(Grant),
    /// Give a role to a user or a team
    #[command(
        before_help = "Examples:\n  $ espomail role assign Auditor ana\n  $ espomail role assign Agent team:Support"
    )]
    Assign(Held),
    /// Take a role away from a user or a team
    #[command(
        before_help = "Examples:\n  $ espomail role unassign Auditor ana\n  $ espomail role unassign Agent team:Support"
    )]
    Unassign(Held),
    /// Explain whether a user has a permission, by which role and why
    #[command(
        before_help = "Examples:\n  $ espomail role explain ana case-edit case/12\n  $ espomail role explain ana group-account account:support"
    )]
    Explain(explain::Explain),
}

/// A role's name.
#[derive(Debug, Args)]
pub struct Name {
    /// Role
    role: String,
}

/// `role grant`
#[derive(Debug, Args)]
pub struct Grant {
    /// Role
    role: String,
    /// case, record or email with -read or -edit, or alone for both; assignment, group-account, personal-account
    permission: String,
    /// no, own, team or all; for assignment and group-account no, team or all; for personal-account no or yes; unset: left to
    /// other roles
    #[arg(value_parser = setting)]
    level: Setting,
}

/// `role assign` and `role unassign`
#[derive(Debug, Args)]
pub struct Held {
    /// Role
    role: String,
    /// User, or a team with all its members
    #[arg(value_name = "USER|team:TEAM")]
    holder: String,
}

/// A role with what it allows and who has it.
pub struct Listed {
    role: Role,
    set: Vec<(Permission, Level)>,
    users: Vec<(i64, String)>,
    teams: Vec<String>,
    /// What stands between the permissions.
    between: &'static str,
}

/// Fields of roles in their order.
pub const COLUMNS: &[Column<Listed>] = &[
    Column::new("name", head("ROLE").key(), |one, _| Cell::text(&one.role.name)),
    Column::new("permissions", head("PERMISSIONS").shrinking(), |one, _| {
        let json: Map<_, _> = one.set.iter().map(|(p, l)| (p.to_string(), json!(l.as_str()))).collect();
        Cell::object(json!(json), &shown(&one.set).join(one.between))
    }),
    Column::new("users", head("USERS").shrinking(), |one, _| {
        let names: Vec<&str> = one.users.iter().map(|(_, username)| username.as_str()).collect();
        let user = |(id, username): &(i64, String)| json!({"id": id, "username": username});
        Cell::object(one.users.iter().map(user).collect(), &names.join(", "))
    }),
    Column::new("teams", head("TEAMS").shrinking(), |one, _| Cell::words(&one.teams)),
    Column::new("id", unlisted(), |one, _| Cell::int(one.role.id)),
];

/// Runs a `role` command.
pub fn run(command: RoleCommand, ctx: &Context) -> Result<()> {
    match command {
        RoleCommand::Add(args) => add(&args.role, ctx),
        RoleCommand::List => {
            let rows =
                ctx.read(|tx, _| roles::all(tx)?.into_iter().map(|r| listed(tx, r, ", ")).collect::<Result<Vec<_>>>())?;
            ctx.ui.list("roles", COLUMNS, &rows)
        }
        RoleCommand::Show(args) => {
            let row = ctx.read(|tx, _| listed(tx, find(tx, &args.role)?, "\n"))?;
            ctx.ui.object("role", COLUMNS, &row)
        }
        RoleCommand::Delete(args) => delete(&args.role, ctx),
        RoleCommand::Grant(args) => grant(&args, ctx),
        RoleCommand::Assign(args) => assign(&args, ctx),
        RoleCommand::Unassign(args) => unassign(&args, ctx),
        RoleCommand::Explain(args) => explain::run(&args, ctx),
    }
}

fn find(tx: &Tx<'_>, name: &str) -> Result<Role> {
    roles::by_name(tx, name)?
        .ok_or_else(|| error::data(format!("there is no role \"{name}\"")).hint("see `espomail role list`").into())
}

fn add(given: &str, ctx: &Context) -> Result<()> {
    let name = context::name("role", given)?;
    ctx.administer("role add", |tx| {
        if roles::by_name(tx, &name)?.is_some() {
            return Err(context::taken("role", &name));
        }
        roles::add(tx, &name, ctx.now())
    })?;
    ctx.done(Thing::role(&name), &format!("role {name} added"))?;
    if !ctx.dry_run {
        ctx.ui.hint("it sets nothing yet: espomail role grant ROLE PERMISSION LEVEL");
    }
    Ok(())
}

fn delete(name: &str, ctx: &Context) -> Result<()> {
    let question = format!("Delete role {name}? Those who have it lose what it allows.");
    let work = |tx: &Tx<'_>, actor: &Actor| {
        actor.require_admin("role delete")?;
        roles::delete(tx, find(tx, name)?.id)
    };
    ctx.confirm_tried(&question, work)?;
    ctx.write(work)?;
    ctx.done(Thing::role(name), &format!("role {name} deleted"))
}

fn grant(args: &Grant, ctx: &Context) -> Result<()> {
    let permissions = permissions(&args.permission)?;
    let level = value::fitting(&permissions, args.level)?;
    let role = ctx.administer("role grant", |tx| {
        let role = find(tx, &args.role)?;
        permissions.iter().try_for_each(|permission| roles::grant(tx, role.id, *permission, level))?;
        Ok(role)
    })?;
    let what = level.map_or_else(|| "left to other roles".to_owned(), |level| level.to_string());
    ctx.done(Thing::role(&role.name), &format!("role {}: {} is {what}", args.role, args.permission.to_lowercase()))
}

fn assign(args: &Held, ctx: &Context) -> Result<()> {
    let (role, holder) = ctx.write(|tx, actor| {
        actor.require_admin("role assign")?;
        let (role, holder) = (find(tx, &args.role)?, holder(tx, actor, &args.holder)?);
        roles::assign(tx, role.id, holder.0)?;
        Ok((role, holder.1))
    })?;
    ctx.done([Thing::role(&role.name), holder], &format!("{} has the role {}", args.holder, args.role))
}

fn unassign(args: &Held, ctx: &Context) -> Result<()> {
    let (role, holder) = ctx.write(|tx, actor| {
        actor.require_admin("role unassign")?;
        let (role, holder) = (find(tx, &args.role)?, holder(tx, actor, &args.holder)?);
        if roles::unassign(tx, role.id, holder.0)? {
            return Ok((role, holder.1));
        }
        Err(error::data(format!("{} does not have the role {}", args.holder, args.role))
            .hint(format!("who has it: espomail role show {}", args.role))
            .into())
    })?;
    ctx.done([Thing::role(&role.name), holder], &format!("{} no longer has the role {}", args.holder, args.role))
}

fn holder(tx: &Tx<'_>, actor: &Actor, text: &str) -> Result<(Holder, Thing)> {
    // No username holds a colon.
    Ok(match text.strip_prefix("team:") {
        Some(team) => {
            let team = context::team(tx, team)?;
            (Holder::Team(team.id), Thing::team(team.id, &team.name))
        }
        None => match teams::by_name(tx, text)? {
            Some(team) if users::by_username(tx, text)?.is_none() => {
                return Err(error::data(format!("there is no user \"{text}\""))
                    .hint(format!("for all members of the team: team:{}", team.name))
                    .into());
            }
            _ => {
                let user = context::user_or_me(tx, actor, "user", text)?;
                (Holder::User(user.id), Thing::user(user.id, &user.username))
            }
        },
    })
}

fn listed(tx: &Tx<'_>, role: Role, between: &'static str) -> Result<Listed> {
    let set = roles::permissions(tx, role.id)?;
    let (users, teams) = (roles::users(tx, role.id)?, roles::teams(tx, role.id)?);
    Ok(Listed { role, set, users, teams, between })
}

/// What a role sets; where reading and editing are the same, as one.
fn shown(set: &[(Permission, Level)]) -> Vec<String> {
    let level_of =
        |wanted: Permission| set.iter().find(|(permission, _)| *permission == wanted).map(|(_, level)| *level);
    let mut shown = Vec::new();
    for (permission, level) in set {
        let both = permission.read_first().filter(|read| level_of(*read) == Some(*level));
        match both {
            Some(read) => {
                shown.retain(|text| *text != format!("{read} {level}"));
                shown.push(format!("{} {level}", permission.as_str().trim_end_matches("-edit")));
            }
            None => shown.push(format!("{permission} {level}")),
        }
    }
    shown
}
