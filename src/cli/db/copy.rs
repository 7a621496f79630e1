//! `espomail db copy`: everything that a database holds goes into a new one, from a file to a server or the other way.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use super::restore;
use super::secrets;
use crate::cli::context::Context;
use crate::error::{self, Fault, Kind};
use crate::place::{self, Place, Server};
use crate::store::db::{self, Gone, NewFile, Store};
use crate::store::search::index;
use crate::system_words;
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
    /// The state directory that was named, where it is that of TO.
    #[arg(skip)]
    state: Option<PathBuf>,
}

impl Copy {
    /// The state directory that was named is that of the databases on servers; where both are files, that of FROM.
    pub fn take_state(&mut self, named: &mut Option<PathBuf>) {
        let is_server = |path: &Path| path.to_str().is_some_and(Server::is_named_by);
        match (is_server(&self.from), is_server(&self.to)) {
            (true, true) => self.state.clone_from(named),
            (false, true) => self.state = named.take(),
            (_, false) => {}
        }
    }
}

/// Runs `db copy`; FROM is the database of the context.
pub fn run(args: &Copy, ctx: &Context) -> Result<()> {
    let from = ctx.store().map_err(of_from)?;
    from.read(|tx| ctx.actor(tx)?.require_admin("db copy"))?;
    let to = place_of_to(args, ctx)?;
    from.require_whole()?;
    if ctx.dry_run {
        if let (Some(server), None) = (to.server(), unused(&to)?) {
            db::at(&to, Store::could_create_on(&to, server)).map_err(|error| of_new(error, &to))?;
        }
        return ctx.done(Thing::path(to.shown()), &format!("{} can be copied to {to}", ctx.place));
    }
    let _locks = restore::idle(&from)?;
    let left = from.foreign_tables()?;
    to.make_state()?;
    let mut rows = 0;
    match to.file() {
        Some(file) => {
            let new = NewFile::begin(file)?;
            let target = new.database()?;
            fill(&from, &target, ctx, &mut rows)?;
            new.finish_database(target)?;
        }
        None => fill(&from, &on_server(&to)?, ctx, &mut rows)?,
    }
    to.part_from_old_secrets()?;
    let secrets = match args.with_secrets {
        true => {
            let sealing = to.server().map(|_| Store::open(&to)).transpose()?;
            secrets::copy(&from, &to, sealing.as_ref(), ctx)?
        }
        false => "secrets are not copied".to_owned(),
    };
    foreign(&left, ctx);
    let told = format!("{rows} rows of {} are copied to {to}; {secrets}", ctx.place);
    ctx.done(Thing::path(to.shown()), &told)?;
    if ctx.config.database.as_ref() == Some(&to.typed()) {
        ctx.ui.hint("check it with: espomail db check; never fetch with both");
        return Ok(());
    }
    let named = shlex::try_quote(&to.typed())?.into_owned();
    let state = match &args.state {
        Some(_) => format!(" --state {}", shlex::try_quote(&to.state().display().to_string())?),
        None => String::new(),
    };
    ctx.ui.hint(&format!(
        "name the new database in the configuration: database = \"{}\"; check it with: espomail --db {named}{state} db check; \
         never fetch with both",
        to.typed()
    ));
    Ok(())
}

/// TO, where a new database can be.
fn place_of_to(args: &Copy, ctx: &Context) -> Result<Place> {
    let to = ctx.config.place(Some(&args.to), args.state.as_deref()).map_err(of_to)?;
    if ctx.place.is_same_database(&to) {
        return Err(error::usage(format!("{to} is the database that is copied")).hint("name another one as TO").into());
    }
    let Some(file) = to.file() else { return Ok(to) };
    if file.symlink_metadata().is_ok() {
        return Err(error::data(format!("{to} exists already")).hint("name a new file as TO").into());
    }
    let directory = place::directory(file);
    if !directory.is_dir() {
        let text = format!("cannot make {to}: there is no directory {}", directory.display());
        return Err(error::data(text).hint(format!("make it: mkdir -m 700 {}", directory.display())).into());
    }
    Ok(to)
}

/// A fault of the name of TO, which is read as that of --db.
fn of_to(fault: Fault) -> Fault {
    Fault { message: fault.message.replacen("--db: ", "TO: ", 1), ..fault }
}

/// An error of FROM, which is opened as what --db names.
fn of_from(error: anyhow::Error) -> anyhow::Error {
    let is_of_flag = |fault: &Fault| fault.hint.as_ref().is_some_and(|hint| hint.contains("--db"));
    let step = "name the database to copy as FROM: a file, or one on a server";
    with_step(error, |fault| if is_of_flag(&fault) { fault.hint(step) } else { fault })
}

/// An error of a new database on a server.
fn of_new(error: anyhow::Error, to: &Place) -> anyhow::Error {
    with_step(error, |fault| if fault.kind == Kind::Data { of_to(fault).hint(empty_schema(to)) } else { fault })
}

fn with_step(error: anyhow::Error, step: impl FnOnce(Fault) -> Fault) -> anyhow::Error {
    match error.downcast::<Fault>() {
        Ok(fault) => step(fault).into(),
        Err(error) => error,
    }
}

fn empty_schema(to: &Place) -> String {
    let other = to.server().map(Server::with_other_schema).unwrap_or_default();
    format!("name a schema with nothing in it as TO, such as {other}")
}

/// The database on a server that has its tables already, and nobody has used it.
fn unused(to: &Place) -> Result<Option<Store>> {
    match db::at(to, Store::open(to)) {
        Ok(store) if db::at(to, store.is_unused())? => Ok(Some(store)),
        Ok(_) => Err(error::data(format!("{to} is in use already")).hint(empty_schema(to)).into()),
        Err(error) if db::is_fatal(&error) || error::classify(&error).0 == Kind::TempFail => Err(error),
        Err(_) => Ok(None),
    }
}

fn on_server(to: &Place) -> Result<Store> {
    match unused(to)? {
        Some(store) => Ok(store),
        None => db::at(to, Store::create(to)).map_err(|error| of_new(error, to)),
    }
}

fn fill(from: &Store, to: &Store, ctx: &Context, rows: &mut usize) -> Result<()> {
    copy(from, to, ctx, rows)?;
    // All rows are there. The next search or fetch does what is left of the index.
    match db::at(to.place(), indexed(to, ctx)) {
        Err(error) if error.chain().any(|cause| cause.is::<Gone>()) && to.place().server().is_some() => {
            ctx.ui.concern(&format!("the next search makes the full-text index: {}", system_words::chain(&error)));
            Ok(())
        }
        done => done,
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

/// Says that tables of something else were left where they are.
fn foreign(left: &[String], ctx: &Context) {
    if !left.is_empty() {
        ctx.ui.concern(&format!("not of espomail, so not copied: {}", left.join(", ")));
    }
}
