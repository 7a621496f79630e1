//! `espomail db copy`: everything that a database holds goes into a new one, from a file to a server or the other way.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use super::restore;
use crate::cli::context::Context;
use crate::error::{self, Fault, Kind};
use crate::place::Place;
use crate::secret;
use crate::store::db::{self, Store};
use crate::store::disk;
use crate::store::search::index;
use crate::ui::outcome::Thing;
use crate::ui::progress::Progress;

/// `db copy`
#[derive(Debug, Args)]
pub struct Copy {
    /// Database to copy, as with --db; it stays as it is
    #[arg(value_name = "FROM")]
    pub from: PathBuf,
    /// New database, as with --db: a file that does not exist, or a schema with nothing in it
    #[arg(value_name = "TO")]
    pub to: PathBuf,
    /// Include the passwords given by standard input
    #[arg(long)]
    pub with_secrets: bool,
}

/// Runs `db copy`; FROM is the database of the context.
pub fn run(args: &Copy, ctx: &Context) -> Result<()> {
    let from = ctx.store()?;
    from.read(|tx| ctx.actor(tx)?.require_admin("db copy"))?;
    let to = ctx.config.place(Some(&args.to), None).map_err(of_to)?;
    if ctx.place.is_same_database(&to) {
        return Err(error::usage(format!("{to} is the database that is copied")).hint("name another one as TO").into());
    }
    if to.file().is_some_and(Path::exists) {
        return Err(error::data(format!("{to} exists already")).hint("name a new file as TO").into());
    }
    if ctx.dry_run {
        return ctx.done(Thing::path(to.shown()), &format!("{} can be copied to {to}", ctx.place));
    }
    let _locks = restore::idle(&from)?;
    let target = target(&to)?;
    let mut rows = 0;
    let copied = copy(&from, &target, ctx, &mut rows);
    if let (Err(_), Some(file)) = (&copied, to.file()) {
        ["", "-wal", "-shm"].iter().for_each(|end| drop(fs::remove_file(disk::beside(file, end))));
    }
    copied?;
    // The next search or fetch would do it.
    indexed(&target, ctx).map_err(|error| db::explain(&error, &to).map_or(error, Into::into))?;
    if args.with_secrets {
        secret::copy(&ctx.place.secrets(), &to.secrets())?;
    }
    let secrets = if args.with_secrets { "secrets are copied" } else { "secrets are not copied" };
    let told = format!("{rows} rows of {} are copied to {to}; {secrets}", ctx.place);
    ctx.done(Thing::path(to.shown()), &told)?;
    let named = shlex::try_quote(&to.typed())?.into_owned();
    ctx.ui.hint(&format!(
        "name the new database in the configuration: database = \"{}\"; check it with: espomail --db {named} db check; \
         never fetch with both",
        to.typed()
    ));
    Ok(())
}

/// A fault of the name of TO, which is read as that of --db.
fn of_to(fault: Fault) -> Fault {
    Fault { message: fault.message.replacen("--db: ", "TO: ", 1), ..fault }
}

/// The new database. One on a server may have its tables already, if nobody has used it.
fn target(to: &Place) -> Result<Store> {
    if to.file().is_some() {
        return Store::create(to);
    }
    match Store::open(to) {
        Ok(store) if store.is_unused()? => Ok(store),
        Ok(_) => Err(error::data(format!("{to} is in use already"))
            .hint("name a schema with nothing in it as TO, such as schema=desk2")
            .into()),
        Err(error) if error::classify(&error).0 == Kind::TempFail => Err(error),
        Err(_) => Store::create(to),
    }
}

fn copy(from: &Store, to: &Store, ctx: &Context, rows: &mut usize) -> Result<()> {
    let tables = from.stats()?.0.into_iter().filter(|(table, _)| !table.contains("_index"));
    let all = usize::try_from(tables.map(|(_, rows)| rows).sum::<i64>())?;
    let mut progress = Progress::of_rows(!ctx.ui.quiet, all);
    let mut before = (String::new(), 0);
    from.copy_into(to, &mut |table, copied| {
        if before.0 != table {
            before = (table.to_owned(), 0);
        }
        *rows += copied - before.1;
        progress.advance(copied - before.1, 0);
        before.1 = copied;
    })
}

fn indexed(store: &Store, ctx: &Context) -> Result<()> {
    let mut progress = Progress::of_index(!ctx.ui.quiet, store.read(index::missing)?);
    index::fill_telling(store, &|| true, &mut |added| progress.advance(added, 0))
}
