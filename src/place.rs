//! Where a desk keeps its data: the database, its locks, and the state directory with passwords that came by standard input,
//! and tokens.
//!
//! Paths are here; `admit` says whether a state directory can be used, and [`server`] how a database of a server is named. By
//! default the state of a file is next to it, so that nobody has to name it. Names in the state directory begin with that of
//! the database, so that several databases can have one.

mod admit;
pub mod server;

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

pub use admit::cannot_make;
pub use server::Server;

/// Where the data of a desk is. It is shown as people name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    database: Database,
    /// The state directory, where one was named.
    state: Option<PathBuf>,
    /// The state directory of a server where none was named.
    usual_state: PathBuf,
}

/// What holds the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A file of SQLite.
    File(PathBuf),
    /// A schema of a server.
    Server(Box<Server>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.database {
            Database::File(path) => path.display().fmt(f),
            Database::Server(server) => server.fmt(f),
        }
    }
}

impl Place {
    /// A database with the state directory that was named; `None` = the directory of a file, or for a server that of
    /// [`Place::usually_in`].
    pub fn new(database: Database, state: Option<&Path>) -> Place {
        // Somebody may leave the directory in which it was typed.
        let state = state.map(|state| std::path::absolute(state).unwrap_or_else(|_| state.to_owned()));
        Place { database, state, usual_state: PathBuf::from(".") }
    }

    /// A database file with its state next to it.
    pub fn of_file(path: impl Into<PathBuf>) -> Place {
        Place::new(Database::File(path.into()), None)
    }

    /// The directory in which a server has its state unless one is named.
    pub fn usually_in(self, dir: &Path) -> Place {
        Place { usual_state: dir.to_owned(), ..self }
    }

    /// The same database with another state directory.
    pub fn with_state(self, state: &Path) -> Place {
        Place { state: Some(state.to_owned()), ..self }
    }

    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The file of the database, as it was named; `None` = it is on a server.
    pub fn file(&self) -> Option<&Path> {
        match &self.database {
            Database::File(path) => Some(path),
            Database::Server(_) => None,
        }
    }

    /// The server of the database.
    pub fn server(&self) -> Option<&Server> {
        match &self.database {
            Database::File(_) => None,
            Database::Server(server) => Some(server),
        }
    }

    /// As it is named in sentences and results, without a password.
    pub fn shown(&self) -> String {
        self.to_string()
    }

    /// What a command is told to use this database, wherever it runs and with whichever variables: a path from the root,
    /// or the name of a server.
    pub fn typed(&self) -> String {
        match &self.database {
            Database::File(path) => std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string(),
            Database::Server(server) if server.variables.is_empty() => server.text.clone(),
            Database::Server(server) => server.uri(),
        }
    }

    /// Whether both are the same database, as far as their names tell.
    pub fn is_same_database(&self, other: &Place) -> bool {
        match (&self.database, &other.database) {
            (Database::Server(one), Database::Server(other)) => one.name() == other.name(),
            (Database::File(_), Database::File(_)) => self.typed() == other.typed(),
            _ => false,
        }
    }

    /// Whether there is no file where one should be; a server is asked by who opens it.
    pub fn is_missing(&self) -> bool {
        self.file().is_some_and(|file| !file.exists())
    }

    /// The state directory, where one was named.
    pub fn named_state(&self) -> Option<&Path> {
        self.state.as_deref()
    }

    /// The state directory.
    pub fn state(&self) -> PathBuf {
        match (&self.state, &self.database) {
            (Some(state), _) => state.clone(),
            (None, Database::File(file)) => directory(&real(file)).to_owned(),
            (None, Database::Server(_)) => self.usual_state.clone(),
        }
    }

    /// The directory of the locks: next to the file of a database in any state directory, as two processes that name
    /// different ones must not do the same work. Of a server nothing else is on this machine than the state directory.
    pub fn locks(&self) -> PathBuf {
        let dir = match &self.database {
            Database::File(file) => directory(&real(file)).to_owned(),
            Database::Server(_) => self.state(),
        };
        dir.join(self.with_end(".locks"))
    }

    /// The file with the moments at which others were told that a run ended.
    pub fn pings(&self) -> PathBuf {
        self.state().join(self.with_end(".pings"))
    }

    /// The file that says since when a server is away.
    pub fn absence(&self) -> PathBuf {
        self.state().join(self.with_end(".away"))
    }

    /// The file that says since when passwords in the database cannot be opened.
    pub fn keyless(&self) -> PathBuf {
        self.state().join(self.with_end(".keyless"))
    }

    /// The file that says since when this machine alone cannot fetch an account.
    pub fn apart(&self, account_id: i64) -> PathBuf {
        self.state().join(self.with_end(&format!(".apart-{account_id}")))
    }

    /// The file that says since when the disk is full.
    pub fn full_disk(&self) -> PathBuf {
        self.state().join(self.with_end(".full"))
    }

    /// The file that says what is being made for a database that has no name yet.
    pub fn unfinished(&self) -> PathBuf {
        self.state().join(self.with_end(".unfinished"))
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
        let file = self.file()?;
        let old = [directory(file), directory(&real(file))].map(|dir| dir.join("secrets"));
        old.into_iter().find(|old| self.state.is_none() && old.is_dir())
    }

    /// Secrets that an older release kept and that are not found in the state directory that was named since.
    pub fn left_secrets(&self) -> Option<PathBuf> {
        let beside = Place { state: None, ..self.clone() }.secrets();
        let has_some = |dir: &Path| fs::read_dir(dir).is_ok_and(|mut files| files.next().is_some());
        self.state.as_ref().filter(|_| !has_some(&self.own_secrets()) && has_some(&beside)).map(|_| beside)
    }

    fn with_end(&self, end: &str) -> OsString {
        let mut name = match &self.database {
            Database::File(file) => real(file).file_name().unwrap_or_default().to_owned(),
            Database::Server(server) => server.name().into(),
        };
        name.push(end);
        name
    }
}

/// One set of locks and secrets, through all links that lead to the file.
fn real(file: &Path) -> PathBuf {
    let of_new = || Some(directory(file).canonicalize().ok()?.join(file.file_name()?));
    file.canonicalize().ok().or_else(of_new).unwrap_or_else(|| file.to_owned())
}

/// Makes the directory of a file, for its owner alone, where there is none.
///
/// # Errors
/// It cannot be made.
pub fn make_directory(file: &Path) -> Result<()> {
    let dir = directory(file);
    if dir.exists() {
        return Ok(());
    }
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.with_context(|| format!("cannot make {}", dir.display()))
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
        fs::write(other.file().unwrap(), "").unwrap();
        let text =
            format!("the state directory {} is that of {}, which has the same name", state.display(), file.display());
        assert_eq!((refused(&other), place.admit(true).is_ok()), (text, true));
        // One of another name, and one that was moved.
        at(&dir.join("other/second.db"), Some(&state)).admit(true).unwrap();
        fs::rename(&file, other.file().unwrap()).unwrap();
        other.admit(true).unwrap();
        if rustix::process::geteuid().is_root() {
            chown(&state, Some(4_711), None).unwrap();
            let text = refused(&other);
            assert!(text.contains("belongs to uid 4711, the database") && text.ends_with("to root"), "{text}");
        }
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_server_has_locks_and_secrets_in_its_state_directory_alone_and_by_one_name() {
        let dir = temp("server");
        let of = |text: &str, state: Option<&Path>| {
            let server = Server::of_machine(text).unwrap();
            Place::new(Database::Server(Box::new(server)), state).usually_in(&dir.join("usual"))
        };
        let (one, named) = (of("postgresql://db/d", None), of("host=db port=5432 dbname=d", Some(&dir.join("state"))));
        assert_eq!(one.locks(), dir.join("usual/d.public@db:5432.locks"));
        assert_eq!(named.locks(), dir.join("state/d.public@db:5432.locks"));
        assert_eq!(named.secrets(), dir.join("state/d.public@db:5432.secrets"));
        assert!(one.is_same_database(&named) && !one.is_same_database(&of("postgresql://db/d?schema=x", None)));
        assert_eq!((one.file(), one.is_missing(), one.shown().as_str()), (None, false, "postgresql://db/d"));
        // The usual one need not be there; one that was named must.
        one.admit(true).unwrap();
        assert!(!one.state().exists());
        let fault = named.admit(true).unwrap_err();
        assert_eq!((fault.kind, named.state().exists()), (Kind::Config, false));
        assert!(fault.message.starts_with("there is no state directory"), "{fault:?}");
        named.make_state().unwrap();
        named.admit(true).unwrap();
        if rustix::process::geteuid().is_root() {
            chown(named.state(), Some(4_711), None).unwrap();
            let fault = named.admit(true).unwrap_err();
            assert!(fault.message.contains("belongs to uid 4711, and you are root"), "{fault:?}");
        }
        fs::remove_dir_all(dir).unwrap();
    }
}
