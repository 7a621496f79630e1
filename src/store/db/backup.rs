//! Copies of a whole database. A backup says in itself that it is one, so that a database that was put in place from it
//! notices that, no matter who put it there ([`crate::store::restored`]).

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result};
use jiff::Timestamp;

#[cfg(feature = "postgres")]
use super::at;
use super::{Engine, NewFile, Store, seconds};
use crate::error::{Fault, Kind};
use crate::place;

impl Store {
    /// Copies the database to a new file (0600) while others may go on writing.
    ///
    /// # Errors
    /// Where `target` exists, nothing can be written there, or this database is not whole; no half-written file stays.
    pub fn backup(&self, target: &Path, now: Timestamp) -> Result<()> {
        self.require_whole()?;
        let file = NewFile::begin(target)?;
        self.copy_to(file, now).with_context(|| format!("cannot back up to {}", target.display()))
    }

    fn copy_to(&self, file: NewFile, now: Timestamp) -> Result<()> {
        match &self.engine {
            Engine::Sqlite(conn) => {
                conn.copy_to(file.path(), seconds(now))?;
                file.finish()
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => self.copy_to_file(file, now),
        }
    }

    /// A backup of a server is a file that every espomail can read.
    #[cfg(feature = "postgres")]
    fn copy_to_file(&self, file: NewFile, now: Timestamp) -> Result<()> {
        let copy = file.database()?;
        self.copy_into(&copy, &mut |_, _| ())?;
        let marked = copy.write(|tx| {
            tx.execute("UPDATE instance SET backup_made_at = coalesce(backup_made_at, ?1)", [seconds(now)]).map(drop)
        });
        at(&copy.place, marked)?;
        file.finish_database(copy)
    }

    /// Puts what another database holds in the place of everything in this one, in one transaction: who has it open goes
    /// on with the new content.
    ///
    /// # Errors
    /// Another process is using it, or nothing can be written; this database is as it was.
    pub fn replace_with(&mut self, source: &Store) -> Result<()> {
        let is_replaced = match (&mut self.engine, &source.engine) {
            (Engine::Sqlite(conn), Engine::Sqlite(source)) => conn.replace_with(source)?,
            #[cfg(feature = "postgres")]
            _ => anyhow::bail!("only a file is put in the place of a file"),
        };
        let busy = || Fault::new(Kind::TempFail, "another process is using the database");
        if is_replaced { Ok(()) } else { Err(busy().hint("stop cron and run it again").into()) }
    }

    /// Moves a file that is a whole database, made by [`Store::backup`], to where no database is.
    ///
    /// # Errors
    /// It cannot be moved.
    pub fn put(file: &Path, target: &Path) -> Result<()> {
        fs::rename(file, target).with_context(|| format!("cannot move {} to {}", file.display(), target.display()))?;
        File::open(place::directory(target))?.sync_all()?;
        Ok(())
    }
}
