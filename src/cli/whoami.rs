//! `espomail whoami`: as whom a command acts.

use anyhow::Result;
use clap::Args;

use super::context::Context;
use crate::access::Actor;
use crate::store::teams;
use crate::ui::cell::{Cell, Column, head, unlisted};

/// `whoami`
#[derive(Debug, Args)]
pub struct WhoamiArgs {}

/// Who is acting, and where.
pub struct Standing {
    actor: Actor,
    teams: Vec<String>,
    mode: &'static str,
    mode_described: &'static str,
    database: String,
    /// Name of the caller in the operating system.
    login: Option<String>,
}

/// Fields of `whoami` in their order.
pub const COLUMNS: &[Column<Standing>] = &[
    Column::new("user", head("User"), |one, _| {
        one.actor.user().map_or_else(Cell::none, |user| Cell::user(user.id, &user.username))
    }),
    Column::new("type", head("Type"), |one, _| {
        Cell::text(one.actor.user().map_or("administrator", |user| user.user_type.as_str()))
    }),
    Column::new("teams", head("Teams"), |one, _| Cell::words(&one.teams)),
    Column::new("mode", head("Mode"), |one, _| Cell::object(serde_json::json!(one.mode), one.mode_described)),
    Column::new("database", head("Database"), |one, _| Cell::text(&one.database)),
    Column::new("login", unlisted(), |one, _| Cell::opt_text(one.login.as_deref())),
];

/// Runs `whoami`.
pub fn run(_args: &WhoamiArgs, ctx: &Context) -> Result<()> {
    let (actor, teams) = ctx.read(|tx, actor| {
        let teams = actor.user_id().map(|id| teams::of_user(tx, id)).transpose()?.unwrap_or_default();
        Ok((actor.clone(), teams))
    })?;
    let row = Standing {
        actor,
        teams: teams.into_iter().map(|team| team.name).collect(),
        mode: ctx.caller.standing.mode(),
        mode_described: ctx.caller.standing.describe(),
        database: ctx.place.shown(),
        login: ctx.caller.login.clone(),
    };
    ctx.ui.object("whoami", COLUMNS, &row)
}
