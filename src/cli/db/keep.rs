//! `db backup --keep`: backups that are old go when a new one is there.
//!
//! Only a file that says in itself that it is a backup of this very database is deleted, and never the newest one before
//! this one: a clock that ran ahead would make all of them old.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};

use crate::cli::context::Context;
use crate::error;
use crate::place::{self, Place};
use crate::secret;
use crate::store::db::Store;
use crate::store::{instance, restored};

/// Deletes what is older than `keep` next to the new backup; the names of what went.
///
/// # Errors
/// A file cannot be deleted.
pub fn apply(new: &Path, keep: Duration, ctx: &Context) -> Result<Vec<String>> {
    let own = ctx.store()?.read(instance::secret)?;
    let mut others = Vec::new();
    for entry in fs::read_dir(place::directory(new))?.flatten() {
        let path = entry.path();
        let is_new = path.file_name() == new.file_name();
        if !is_new && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            others.extend(made_at(&path, &own).map(|at| (at, path)));
        }
    }
    others.sort_unstable();
    // The newest one stays.
    others.pop();
    let keep = SignedDuration::try_from(keep)?;
    let old = others.into_iter().filter(|(at, _)| ctx.now().duration_since(*at) > keep);
    old.map(|(_, path)| delete(&path, ctx)).collect()
}

/// When a file was made, if it is a backup of this database.
fn made_at(path: &PathBuf, own: &[u8; 32]) -> Option<Timestamp> {
    if !Store::is_of_espomail(path) {
        return None;
    }
    let (store, _) = Store::open_as_it_is(&Place::of_file(path)).ok()?;
    let is_own = store.read(instance::secret).is_ok_and(|secret| secret == *own);
    let made_at = store.read(restored::backup_made_at).ok().flatten();
    made_at.filter(|_| is_own)
}

/// Deletes a backup with its secrets.
fn delete(path: &Path, ctx: &Context) -> Result<String> {
    let shown = path.display().to_string();
    if ctx.dry_run {
        return Ok(shown);
    }
    let secrets = secret::directory_of_backup(path);
    let gone = if secrets.is_dir() { fs::remove_dir_all(&secrets) } else { Ok(()) };
    gone.and_then(|()| fs::remove_file(path)).map_err(|e| error::file(format!("--keep: cannot delete {shown}"), &e))?;
    Ok(shown)
}
