//! `espomail whoami`: as whom a command acts.

use anyhow::Result;
use clap::Args;

use super::context::Context;
use crate::access::Actor;
use crate::store::teams;
use crate::ui::cell::{Cell, Column};

/// `whoami`
#[derive(Debug, Args)]
pub struct WhoamiArgs {}

/// Fields of `whoami` in their order.
pub const COLUMNS: &[Column] = &[
    Column::new("user", "User"),
    Column::new("type", "Type"),
    Column::new("teams", "Teams"),
    Column::new("mode", "Mode"),
    Column::new("database", "Database"),
];

/// Runs `whoami`.
pub fn run(_args: &WhoamiArgs, ctx: &Context) -> Result<()> {
    let (actor, teams) = ctx.read(|tx, actor| {
        let teams = actor.user_id().map(|id| teams::of_user(tx, id)).transpose()?.unwrap_or_default();
        Ok((actor.clone(), teams))
    })?;
    let names: Vec<String> = teams.into_iter().map(|t| t.name).collect();
    let (user, kind) = match &actor {
        Actor::Administrator => (Cell::none(), "administrator"),
        Actor::User(user) => (Cell::text(&user.username), user.user_type.as_str()),
    };
    let row = vec![
        user,
        Cell::text(kind),
        Cell::object(serde_json::json!(names), &names.join(", ")),
        Cell::object(serde_json::json!(ctx.caller.standing.mode()), ctx.caller.standing.describe()),
        Cell::text(&ctx.db_path.display().to_string()),
    ];
    ctx.ui.object("whoami", COLUMNS, row)
}
