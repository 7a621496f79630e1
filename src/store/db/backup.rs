//! Copies of a whole database. A backup says in itself that it is one, so that a database that was put in place from it
//! notices that, no matter who put it there ([`crate::store::restored`]).

use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use rusqlite::{Connection, backup};

use super::{Store, open, seconds};
use crate::place;

/// Pages that are copied at once.
const PAGES: i32 = 1_000;

impl Store {
    /// Copies the database to a new file (0600) while others may go on writing.
    ///
    /// # Errors
    /// Where `target` exists, or nothing can be written there; a half-written file is removed.
    pub fn backup(&self, target: &Path, now: Timestamp) -> Result<()> {
        open::make(target)?;
        let copied = self.copy_to(target, now);
        if copied.is_err() {
            let _ = fs::remove_file(target);
        }
        copied.with_context(|| format!("cannot back up to {}", target.display()))
    }

    fn copy_to(&self, target: &Path, now: Timestamp) -> Result<()> {
        let mut copy = Connection::open(target)?;
        backup::Backup::new(&self.conn, &mut copy)?.run_to_completion(PAGES, Duration::ZERO, None)?;
        // One self-contained file, in any journal mode of the original.
        copy.pragma_update(None, "journal_mode", "delete")?;
        // Older versions cannot say so, and one that is a backup already keeps its time.
        if copy.column_exists(None, "instance", "backup_made_at")? {
            let mark = "UPDATE instance SET backup_made_at = coalesce(backup_made_at, ?1)";
            copy.execute(mark, [seconds(now)])?;
        }
        copy.close().map_err(|(_, e)| e)?;
        OpenOptions::new().write(true).open(target)?.sync_all()?;
        Ok(())
    }

    /// Puts what another database holds in the place of everything in this one, in one transaction: who has it open goes
    /// on with the new content.
    ///
    /// # Errors
    /// Another process is using it, or nothing can be written; this database is as it was.
    pub fn replace_with(&mut self, source: &Store) -> Result<()> {
        let copy = backup::Backup::new(&source.conn, &mut self.conn)?;
        match copy.step(-1)? {
            backup::StepResult::Done => Ok(()),
            _ => Err(crate::error::Fault::new(crate::error::Kind::TempFail, "another process is using the database")
                .hint("stop cron and run it again")
                .into()),
        }
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
