//! `espomail db`: the database as a whole.

pub mod copy;
mod keep;
pub mod prune;
mod restore;
mod secrets;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use super::context::{self, Context};
use super::init;
use super::passwords;
use crate::error::{self, Fault, Kind};
use crate::place::Server;
use crate::secret;
use crate::store::db::{after_check, after_damage, is_standby};
use crate::store::{instance, raw};
use crate::ui::cell::{Cell, Column, Field, head};
use crate::ui::outcome::Thing;

/// Database: create, check, back up and restore
#[derive(Debug, Subcommand)]
pub enum DbCommand {
    /// Create a new database
    #[command(before_help = "Examples:\n  $ espomail db init\n  $ espomail --db /srv/mail/espomail.db db init")]
    Init,
    /// Check every page, index and reference
    #[command(before_help = "Examples:\n  $ espomail db check\n  $ espomail --db backup.db db check")]
    Check,
    /// Show the size and the number of rows
    #[command(before_help = "Examples:\n  $ espomail db stats\n  $ espomail --json db stats")]
    Stats,
    /// Copy the database to a new file while others go on working
    #[command(
        before_help = "Examples:\n  $ espomail db backup /var/backups/espomail.db\n  $ espomail db backup espomail-$(date +%F).db --with-secrets --keep 14d"
    )]
    Backup(Backup),
    /// Copy everything into a new database, on a server or in a file
    #[command(
        before_help = "Examples:\n  $ espomail db copy /srv/mail/espomail.db postgresql://db.example.org/mail\n  $ espomail db copy postgresql:///mail espomail.db --with-secrets"
    )]
    Copy(copy::Copy),
    /// Restore a backup; the present database is kept next to it
    #[command(
        before_help = "Examples:\n  $ espomail db restore /var/backups/espomail.db\n  $ espomail --yes --db /srv/mail/espomail.db db restore espomail-2026-11-28.db"
    )]
    Restore(restore::Restore),
    /// Remove what is older than a given time, while others go on working
    #[command(
        before_help = "Examples:\n  $ espomail --dry-run db prune --older 730d --kind cases --kind sources\n  $ espomail --yes db prune --older 90d --kind trash --account support"
    )]
    Prune(prune::Prune),
}

impl DbCommand {
    /// Whether there need be neither a database nor a state directory before.
    pub fn makes_database(&self) -> bool {
        matches!(self, DbCommand::Init | DbCommand::Restore(_))
    }
}

/// `db backup`
#[derive(Debug, Args)]
pub struct Backup {
    /// New file; it holds no secrets
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Include the passwords given by standard input, as files in the new directory FILE.secrets
    #[arg(long)]
    with_secrets: bool,
    /// Then delete backups of this database next to it that are older than this
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = super::duration)]
    keep: Option<Duration>,
}

/// Fields of `db stats` in their order.
pub const COLUMNS: &[Column<(String, i64)>] = &[
    Column::new("table", head("TABLE"), |(table, _), _| Cell::text(table)),
    Column::new("rows", head("ROWS").right(), |(_, rows), _| Cell::int(*rows)),
];

/// Fields of `db check` in their order.
pub const CHECK_COLUMNS: &[Column<(String, Vec<String>)>] = &[
    Column::new("database", head("Database"), |(path, _), _| Cell::text(path)),
    Column::new("sound", head("Sound"), |(_, faults), _| Cell::bool(faults.is_empty())),
    Column::new("faults", head("Faults"), |(_, faults), _| Cell::words(faults)),
];

/// Runs a `db` command.
pub fn run(command: DbCommand, ctx: &Context) -> Result<()> {
    match command {
        DbCommand::Init => init::create(ctx),
        DbCommand::Check => check(ctx).map_err(|error| match ctx.explained(error).downcast::<Fault>() {
            Ok(fault) => Fault { hint: fault.hint.as_deref().map(|hint| after_check(hint).to_owned()), ..fault }.into(),
            Err(error) => error,
        }),
        DbCommand::Stats => stats(ctx),
        DbCommand::Backup(args) => backup(&args, ctx),
        DbCommand::Copy(args) => copy::run(&args, ctx),
        DbCommand::Restore(args) => restore::run(&args, ctx),
        DbCommand::Prune(args) => prune::run(&args, ctx),
    }
}

fn check(ctx: &Context) -> Result<()> {
    let store = ctx.store()?;
    let mut faults = store.check()?;
    if faults.is_empty() {
        let incomplete = store.read(raw::incomplete)?;
        faults.extend(incomplete.iter().map(|id| format!("stored message {id} has not all of its parts")));
    }
    if ctx.ui.format.is_json() {
        ctx.ui.object("db_check", CHECK_COLUMNS, &(ctx.place.shown(), faults.clone()))?;
    } else if faults.is_empty() {
        ctx.ui.text("ok")?;
    }
    if faults.is_empty() {
        return Ok(());
    }
    if !ctx.ui.format.is_json() {
        faults.iter().try_for_each(|fault| ctx.ui.text(fault))?;
    }
    ctx.ui.warn(&format!("{} is damaged", ctx.place));
    ctx.ui.hint(after_check(&after_damage(&ctx.place)));
    Err(context::told(Kind::Io))
}

fn stats(ctx: &Context) -> Result<()> {
    let store = ctx.store()?;
    store.read(|tx| ctx.actor(tx)?.require_admin("db stats"))?;
    let (tables, bytes) = store.stats()?;
    let size = vec![Field::unseen("size", Cell::int(bytes)), Field::unseen("database", Cell::text(&ctx.place.shown()))];
    ctx.ui.list_with("tables", COLUMNS, &tables, size)?;
    if ctx.ui.format.is_json() {
        return Ok(());
    }
    ctx.ui.note(&format!("{bytes} bytes in {}", ctx.place));
    Ok(())
}

/// A place where nothing can be made is wrong on the command line, not in the database.
fn unwritable(error: anyhow::Error, file: &Path) -> anyhow::Error {
    let denied = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<std::io::Error>())
        .filter(|e| matches!(e.kind(), ErrorKind::PermissionDenied | ErrorKind::NotFound | ErrorKind::NotADirectory));
    match denied {
        Some(denied) => error::file(format!("cannot make {}", file.display()), denied).into(),
        None => error,
    }
}

fn backup(args: &Backup, ctx: &Context) -> Result<()> {
    let store = ctx.store()?;
    store.read(|tx| ctx.actor(tx)?.require_admin("db backup"))?;
    if args.file.as_os_str() == "-" {
        let refused = Fault::new(Kind::Usage, "a backup is not written to standard output");
        return Err(refused.hint("name a new file: espomail db backup FILE").into());
    }
    if let Some(named) = args.file.to_str().filter(|named| Server::is_named_by(named)) {
        let own = shlex::try_quote(&ctx.place.typed())?.into_owned();
        return Err(error::usage(format!("a backup is a file, and {named} names a database on a server"))
            .hint(format!("espomail db copy {own} {}", shlex::try_quote(named)?))
            .into());
    }
    let (file, beside) = (&args.file, secret::directory_of_backup(&args.file));
    let taken = |path: &Path| path.symlink_metadata().is_ok();
    if let Some(path) = [file, &beside].into_iter().find(|path| taken(path)) {
        return Err(error::data(format!("{} exists already", path.display())).hint("name a new file").into());
    }
    if !ctx.dry_run {
        store.require_whole()?;
        let secrets = match args.with_secrets {
            true => {
                secret::copy(&ctx.place.secrets(), &beside).and_then(|_| passwords::unseal_into(&beside, &ctx.place))
            }
            false => Ok(0),
        };
        secrets.and_then(|_| store.backup(file, ctx.now()).map_err(|e| unwritable(e, file))).inspect_err(|_| {
            // No passwords are left lying where there is no backup.
            if args.with_secrets {
                std::fs::remove_dir_all(&beside).ok();
            }
        })?;
        match ctx.administer("db backup", |tx| instance::backed_up(tx, ctx.now())) {
            Err(error) if ctx.place.server().is_some() && is_standby(&error) => ctx.ui.concern(
                "the server is a standby or read-only, so the database does not say when this backup was made",
            ),
            recorded => recorded?,
        }
    }
    let deleted = args.keep.map(|keep| keep::apply(&args.file, keep, ctx)).transpose()?.unwrap_or_default();
    let secrets = match args.with_secrets {
        true => format!("secrets to {}", beside.display()),
        false => "secrets are not in it".to_owned(),
    };
    let kept = args.with_secrets.then(|| beside.display().to_string());
    let gone = match deleted.as_slice() {
        [] => String::new(),
        [one] => format!("; {one} deleted, which was older"),
        several => format!("; {} deleted, which were older", several.join(", ")),
    };
    ctx.done_with(
        Thing::path(file.display()),
        &format!("backup written to {}; {secrets}{gone}", file.display()),
        vec![("secrets_path", json!(kept))],
    )
}
