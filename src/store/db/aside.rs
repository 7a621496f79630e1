//! A database file that is made under another name, and gets its own when it is whole: one that was killed leaves nothing that
//! looks like a database.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::{Store, Tx, fault, open};
use crate::place::{self, Database, Place};
use crate::store::disk;

/// What the name has more as long as it is being made; the process follows, so that two never have one file.
const END: &str = ".copying-";

/// A file that is being made.
pub struct NewFile {
    target: PathBuf,
    aside: PathBuf,
}

impl NewFile {
    /// Makes an empty file (0600) next to the one that it will be, and removes those of processes that were killed.
    ///
    /// # Errors
    /// `target` is there, or nothing can be written there.
    pub fn begin(target: &Path) -> Result<NewFile> {
        if target.symlink_metadata().is_ok() {
            let there = std::io::Error::from(ErrorKind::AlreadyExists);
            return Err(there).with_context(|| format!("cannot make {}", target.display()));
        }
        remove_left(target);
        let file =
            NewFile { target: target.to_owned(), aside: disk::beside(target, &format!("{END}{}", std::process::id())) };
        // What this process left itself has failed before.
        file.remove();
        // Nobody knows the name that it has for now.
        let of_system =
            |error: anyhow::Error| error.downcast::<std::io::Error>().map_or_else(|error| error, Into::into);
        open::make(&file.aside).map_err(of_system).with_context(|| format!("cannot make {}", target.display()))?;
        Ok(file)
    }

    /// Where it is written.
    pub fn path(&self) -> &Path {
        &self.aside
    }

    /// Makes the tables in it. What is said of the database names it as it will be.
    ///
    /// # Errors
    /// Nothing can be written there.
    pub fn database(&self) -> Result<Store> {
        let place = Place::of_file(&self.target);
        let mut store = fault::at(&place, Store::found_in(&Place::of_file(&self.aside)))?;
        store.place = place;
        Ok(store)
    }

    /// Gives a database its name, with everything in one file.
    ///
    /// # Errors
    /// The disk does not take it; nothing of it stays.
    pub fn finish_database(self, store: Store) -> Result<()> {
        if let Some(conn) = store.engine.file() {
            fault::at(&store.place, conn.without_log())?;
        }
        drop(store);
        self.finish()
    }

    /// Gives it its name: on the disk when this returns.
    ///
    /// # Errors
    /// The disk does not take it; nothing of it stays.
    pub fn finish(self) -> Result<()> {
        let cannot = || format!("cannot make {}", self.target.display());
        OpenOptions::new().write(true).open(&self.aside)?.sync_all().with_context(cannot)?;
        name(&self.aside, &self.target).with_context(cannot)?;
        Ok(File::open(place::directory(&self.target))?.sync_all()?)
    }

    /// Whether the file is there that this process was making for this target. It gets its name in one step.
    pub fn is_left(target: &Path, process: u32) -> bool {
        disk::beside(target, &format!("{END}{process}")).exists()
    }

    /// Removes what processes left that are there no more.
    pub fn remove_left(target: &Path) {
        remove_left(target);
    }

    fn remove(&self) {
        remove(&self.aside);
    }
}

impl Store {
    /// Makes a new database with what `work` writes into it: a kill in between leaves none, or all of it. What is
    /// written is watched as by [`Store::watch`].
    ///
    /// # Errors
    /// As [`Store::create`], and those of `work`.
    pub fn create_with<T>(
        place: &Place,
        kind_of: fn(&str) -> Option<&'static str>,
        work: impl FnOnce(&Tx<'_>) -> Result<T>,
    ) -> Result<T> {
        let path = match place.database() {
            Database::File(path) => path,
            Database::Server(server) => return Store::create_on_with(place, server, kind_of, work),
        };
        place::make_directory(path)?;
        let new = NewFile::begin(path)?;
        let store = new.database()?.watch(kind_of)?;
        let done = store.write(work)?;
        new.finish_database(store)?;
        Ok(done)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // Gone where it has its name.
        self.remove();
    }
}

/// Gives a file a name that no other file has.
fn name(aside: &Path, target: &Path) -> std::io::Result<()> {
    match renameat_with(CWD, aside, CWD, target, RenameFlags::NOREPLACE) {
        // Not every file system knows this.
        Err(Errno::INVAL | Errno::NOSYS) if target.symlink_metadata().is_err() => fs::rename(aside, target),
        Err(Errno::INVAL | Errno::NOSYS) => Err(ErrorKind::AlreadyExists.into()),
        named => Ok(named?),
    }
}

fn remove(file: &Path) {
    ["", "-wal", "-shm", "-journal"].iter().for_each(|end| drop(fs::remove_file(disk::beside(file, end))));
}

/// Removes what processes left that are there no more.
fn remove_left(target: &Path) {
    let Some(name) = target.file_name().and_then(|name| name.to_str()) else { return };
    let begin = format!("{name}{END}");
    for entry in fs::read_dir(place::directory(target)).into_iter().flatten().flatten() {
        let left = entry.file_name();
        let process = left.to_str().and_then(|left| left.strip_prefix(&begin)?.parse::<u32>().ok());
        if process.is_some_and(|process| !Path::new("/proc").join(process.to_string()).exists()) {
            remove(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_has_its_name_when_it_is_whole_and_what_a_killed_process_left_goes() {
        let dir = std::env::temp_dir().join(format!("espomail-aside-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        let target = dir.join("new.db");
        // No process has this number.
        for left in ["new.db.copying-4999999", "new.db.copying-4999999-wal", "new.db.copying-1", "new.db.copying-notes"]
        {
            fs::write(dir.join(left), "").unwrap();
        }
        let names = || {
            let mut names: Vec<String> =
                fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        let (kept, own) =
            (["new.db.copying-1", "new.db.copying-notes"], format!("new.db.copying-{}", std::process::id()));
        let file = NewFile::begin(&target).unwrap();
        let store = file.database().unwrap();
        assert!(!target.exists() && dir.join(&own).exists() && store.place().file() == Some(target.as_path()));
        drop((store, file));
        assert_eq!(names(), kept, "one that failed leaves nothing");
        let file = NewFile::begin(&target).unwrap();
        let store = file.database().unwrap();
        file.finish_database(store).unwrap();
        assert_eq!(names(), ["new.db", kept[0], kept[1]]);
        assert!(Store::open(&Place::of_file(&target)).unwrap().is_unused().unwrap());
        assert!(NewFile::begin(&target).is_err(), "nothing is overwritten");
        fs::remove_dir_all(dir).unwrap();
    }
}
