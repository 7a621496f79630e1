//! `espomail init`: the first command anybody types.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use super::context::Context;
use super::cron;
use super::sudo_relay;
use crate::access::{self, Actor};
use crate::caller::Standing;
use crate::config;
use crate::error;
use crate::place::{Database, Place};
use crate::store::db::Store;
use crate::store::instance;
use crate::store::log::LogOutcome;
use crate::system_words::plain;
use crate::ui::outcome::Thing;

/// `init`
#[derive(Debug, Args)]
pub struct InitArgs {}

/// Runs `init`: makes the database and says what comes next.
pub fn run(_args: &InitArgs, ctx: &Context) -> Result<()> {
    let service = sudo_relay::owner_of_service().filter(|_| ctx.place.file() == Some(&config::default_database()));
    create(ctx)?;
    if !ctx.dry_run && !ctx.ui.quiet {
        ctx.ui.note(&next_steps(ctx));
    }
    if let Some(owner) = service.filter(|_| !ctx.dry_run) {
        ctx.ui.concern(&format!("you now use this database, no longer with that of {owner}"));
        ctx.ui.hint(&format!("to work with that one, remove it: rm {}", ctx.place));
    }
    Ok(())
}

/// Makes the database with its instance secret.
pub fn create(ctx: &Context) -> Result<()> {
    if ctx.place.file().is_some_and(Path::exists) {
        return Err(error::data(format!("--db: {} exists already", ctx.place))
            .hint("use it as it is, or name another place with --db")
            .into());
    }
    if let Some(server) = ctx.place.server().filter(|_| ctx.dry_run) {
        Store::could_create_on(&ctx.place, server)?;
    }
    if !ctx.dry_run {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|e| anyhow::anyhow!("no random bytes: {}", plain(&e.to_string())))?;
        ctx.place.make_state()?;
        let store = Store::create(&ctx.place)?;
        ctx.place.part_from_old_secrets()?;
        store.write(|tx| {
            instance::create(tx, &secret, ctx.now())?;
            access::make_agent(tx, ctx.now())?;
            ctx.log(tx, &Actor::Administrator, LogOutcome::Done, &[])
        })?;
    }
    ctx.done(Thing::path(&ctx.place), &format!("database {} is ready", ctx.place))
}

/// How this database is reached by a command that is typed.
fn typed(ctx: &Context) -> String {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let usual = ctx.config.place(variable("ESPOMAIL_DB").as_deref(), variable("ESPOMAIL_STATE").as_deref()).ok();
    let flag = |name: &str, value: String| {
        format!(" {name} {}", shlex::try_quote(&value).unwrap_or_else(|_| value.as_str().into()))
    };
    let named = match ctx.place.database() {
        Database::File(file) => file.display().to_string(),
        Database::Server(server) => server.text.clone(),
    };
    let database = Some(named).filter(|_| usual.as_ref().map(Place::database) != Some(ctx.place.database()));
    let usual_state = usual.as_ref().and_then(Place::named_state);
    let state = ctx.place.named_state().filter(|state| usual_state != Some(*state));
    let state = state.map(|state| state.display().to_string());
    let flags = [database.map(|named| flag("--db", named)), state.map(|state| flag("--state", state))];
    format!("espomail{}", flags.into_iter().flatten().collect::<String>())
}

fn next_steps(ctx: &Context) -> String {
    let (fetch, espomail) = (cron::command(ctx), typed(ctx));
    format!(
        "\nWho works here:
  {espomail} team add Support
  {espomail} user add ana --email ana@example.org
  {espomail} team member add Support ana
The mailbox (the password is asked for once and kept in a file only you can read):
  {espomail} account add support --address support@example.org \\
      --imap imap.example.org --smtp smtp.example.org --secret stdin \\
      --create-case --case-team Support --distribution round-robin
  {espomail} account test support
The line for `crontab -e`:
  * * * * * {fetch}

{}",
        mode(ctx.caller.standing)
    )
}

/// Said once, here; `whoami` says it again.
fn mode(standing: Standing) -> &'static str {
    match standing.mode() {
        "advisory" => {
            "One person owns this database: roles are a view, not a protection (advisory mode; see `espomail whoami`)."
        }
        _ => {
            "A service user owns this database (enforced mode): people reach it through a rule of sudo, see
ENFORCED MODE in `man espomail`; `espomail doctor` looks whether all is well."
        }
    }
}
