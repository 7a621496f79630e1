//! `espomail init`: the first command anybody types.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use super::context::Context;
use super::cron;
use super::doctor;
use super::same_place;
use super::sudo_relay;
use crate::access::{self, Actor};
use crate::caller::Standing;
use crate::config;
use crate::error;
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
        if let Some((lost, hint)) = ctx.place.server().and_then(doctor::lost_password) {
            ctx.ui.concern(&lost);
            ctx.ui.hint(hint);
        }
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
        let new = missing(&ctx.place.state());
        ctx.place.make_state()?;
        let store = Store::create(&ctx.place).inspect_err(|_| {
            // Nothing is in them yet; a directory that holds something stays.
            new.iter().for_each(|dir| drop(fs::remove_dir(dir)));
        })?;
        ctx.place.part_from_old_secrets()?;
        store.write(|tx| {
            instance::create(tx, &secret, ctx.now())?;
            access::make_agent(tx, ctx.now())?;
            ctx.log(tx, &Actor::Administrator, LogOutcome::Done, &[])
        })?;
    }
    ctx.done(Thing::path(&ctx.place), &format!("database {} is ready", ctx.place))
}

/// A directory that is not there, and those above it that are not, the lowest first.
fn missing(dir: &Path) -> Vec<PathBuf> {
    let above = dir.ancestors().filter(|dir| !dir.as_os_str().is_empty());
    above.take_while(|dir| !dir.exists()).map(Path::to_owned).collect()
}

fn next_steps(ctx: &Context) -> String {
    let ((way, line), espomail) = (cron::steps(ctx), same_place::command(&ctx.config, &ctx.place));
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
{way}:
  {line}

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
ENFORCED MODE in `espomail man security`; `espomail doctor` looks whether all is well."
        }
    }
}
