//! Where a desk keeps its data: the database, its locks, and the state directory with passwords that came by standard input,
//! and tokens.
//!
//! Paths are here; `admit` says whether a state directory can be used. By default the state is next to the database, so that
//! nobody has to name it. Names in it begin with that of the database, so that several databases can have one state directory.

mod admit;
pub mod server;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

pub use admit::cannot_make;
pub use server::Server;

/// Where the data of a desk is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    database: Database,
    /// The state directory, where one was named.
    state: Option<PathBuf>,
}

/// What holds the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A file of SQLite.
    File(PathBuf),
    /// A schema of a server.
    Server(Box<Server>),
}

impl Place {
    /// A database with the state directory that was named; `None` = the directory of the database.
    pub fn new(database: Database, state: Option<&Path>) -> Place {
        // Somebody may leave the directory in which it was typed.
        let state = state.map(|state| std::path::absolute(state).unwrap_or_else(|_| state.to_owned()));
        Place { database, state }
    }

    /// A database file with its state next to it.
    pub fn of_file(path: impl Into<PathBuf>) -> Place {
        Place { database: Database::File(path.into()), state: None }
    }

    /// The file of the database, as it was named.
    pub fn file(&self) -> &Path {
        match &self.database {
            Database::File(path) => path,
            Database::Server(_) => Path::new("server"),
        }
    }

    /// What holds the rows.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The database in a sentence.
    pub fn shown(&self) -> String {
        match &self.database {
            Database::File(path) => path.display().to_string(),
            Database::Server(server) => server.to_string(),
        }
    }

    /// The state directory, where one was named.
    pub fn named_state(&self) -> Option<&Path> {
        self.state.as_deref()
    }

    /// The state directory.
    pub fn state(&self) -> PathBuf {
        match &self.state {
            Some(state) => state.clone(),
            None => directory(&self.real_file()).to_owned(),
        }
    }

    /// The directory of the locks: next to the file of a database in any state directory, as two processes that name
    /// different ones must not do the same work.
    pub fn locks(&self) -> PathBuf {
        directory(&self.real_file()).join(self.with_end(".locks"))
    }

    /// The directory of the secrets and tokens.
    pub fn secrets(&self) -> PathBuf {
        let own = self.own_secrets();
        if own.exists() { own } else { self.old_secrets().unwrap_or(own) }
    }

    fn own_secrets(&self) -> PathBuf {
        self.state().join(self.with_end(".secrets"))
    }

    /// Where older releases kept them, one for all databases of a directory.
    fn old_secrets(&self) -> Option<PathBuf> {
        let real = self.real_file();
        let old = [self.file(), &real].map(|file| directory(file).join("secrets"));
        old.into_iter().find(|old| self.state.is_none() && old.is_dir())
    }

    /// Secrets that an older release kept and that are not found in the state directory that was named since.
    pub fn left_secrets(&self) -> Option<PathBuf> {
        let beside = Place { state: None, ..self.clone() }.secrets();
        let has_some = |dir: &Path| fs::read_dir(dir).is_ok_and(|mut files| files.next().is_some());
        self.state.as_ref().filter(|_| !has_some(&self.own_secrets()) && has_some(&beside)).map(|_| beside)
    }

    /// One set of locks and secrets, through all links that lead to the database.
    fn real_file(&self) -> PathBuf {
        let file = self.file();
        let of_new = || Some(directory(file).canonicalize().ok()?.join(file.file_name()?));
        file.canonicalize().ok().or_else(of_new).unwrap_or_else(|| file.to_owned())
    }

    fn with_end(&self, end: &str) -> OsString {
        let mut name = self.real_file().file_name().unwrap_or_default().to_owned();
        name.push(end);
        name
    }
}

/// The directory of a file; a bare name lies in the current one.
pub fn directory(file: &Path) -> &Path {
    file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use super::*;
    use crate::error::Kind;

    fn temp(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("espomail-place-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        dir.canonicalize().unwrap()
    }

    fn at(file: &Path, state: Option<&Path>) -> Place {
        Place::new(Database::File(file.to_owned()), state)
    }

    #[test]
    fn locks_and_secrets_are_of_one_database_by_every_path_that_leads_to_it() {
        let dir = temp("paths");
        let (real, links, state) = (dir.join("real"), dir.join("links"), dir.join("state"));
        [&real, &links, &state].iter().for_each(|dir| fs::create_dir(dir).unwrap());
        fs::write(real.join("a.db"), "").unwrap();
        symlink(real.join("a.db"), links.join("b.db")).unwrap();
        for (file, named, locks, secrets) in [
            (real.join("a.db"), None, real.join("a.db.locks"), real.join("a.db.secrets")),
            (links.join("b.db"), None, real.join("a.db.locks"), real.join("a.db.secrets")),
            (real.join("other.db"), None, real.join("other.db.locks"), real.join("other.db.secrets")),
            (links.join("b.db"), Some(&state), real.join("a.db.locks"), state.join("a.db.secrets")),
        ] {
            let place = at(&file, named.map(PathBuf::as_path));
            assert_eq!((place.locks(), place.secrets()), (locks, secrets), "{file:?} {named:?}");
        }
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn an_old_installation_keeps_its_secrets_and_a_new_database_does_not_get_them() {
        let dir = temp("old");
        let (old, new) = (Place::of_file(dir.join("old.db")), Place::of_file(dir.join("new.db")));
        fs::create_dir(dir.join("secrets")).unwrap();
        fs::write(dir.join("secrets/1"), "pw").unwrap();
        assert_eq!(old.secrets(), dir.join("secrets"));
        new.part_from_old_secrets().unwrap();
        assert_eq!((old.secrets(), new.secrets()), (dir.join("secrets"), dir.join("new.db.secrets")));
        assert_eq!(fs::metadata(new.secrets()).unwrap().permissions().mode() & 0o777, 0o700);
        // A state directory that is named later has none of them, which `doctor` tells.
        let moved = at(&dir.join("old.db"), Some(&dir.join("state")));
        assert_eq!(
            (moved.secrets(), moved.left_secrets()),
            (dir.join("state/old.db.secrets"), Some(dir.join("secrets")))
        );
        fs::create_dir(dir.join("state")).unwrap();
        fs::rename(dir.join("secrets"), moved.secrets()).unwrap();
        assert_eq!((moved.left_secrets(), old.left_secrets()), (None, None));
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_state_directory_that_cannot_be_used_is_refused_with_the_next_step() {
        let dir = temp("refused");
        let (file, state) = (dir.join("espomail.db"), dir.join("state"));
        fs::write(&file, "").unwrap();
        let place = at(&file, Some(&state));
        let refused = |place: &Place| {
            let fault = place.admit(true).unwrap_err();
            assert_eq!(fault.kind, Kind::Config);
            assert!(fault.hint.is_some_and(|hint| hint.contains("--state")), "{}", fault.message);
            fault.message
        };
        assert_eq!(refused(&place), format!("there is no state directory {}", state.display()));
        fs::write(&state, "").unwrap();
        assert_eq!(refused(&place), format!("the state directory {} is not a directory", state.display()));
        fs::remove_file(&state).unwrap();
        place.make_state().unwrap();
        assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
        place.admit(true).unwrap();
        // Another database of the same name.
        fs::create_dir(dir.join("other")).unwrap();
        let other = at(&dir.join("other/espomail.db"), Some(&state));
        fs::write(other.file(), "").unwrap();
        let text =
            format!("the state directory {} is that of {}, which has the same name", state.display(), file.display());
        assert_eq!((refused(&other), place.admit(true).is_ok()), (text, true));
        // One of another name, and one that was moved.
        at(&dir.join("other/second.db"), Some(&state)).admit(true).unwrap();
        fs::rename(&file, other.file()).unwrap();
        other.admit(true).unwrap();
        if rustix::process::geteuid().is_root() {
            chown(&state, Some(4_711), None).unwrap();
            let text = refused(&other);
            assert!(text.contains("belongs to uid 4711, the database") && text.ends_with("to root"), "{text}");
        }
        fs::remove_dir_all(dir).unwrap();
    }
}
