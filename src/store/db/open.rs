//! Making, opening and migrating a database.
//!
//! Nothing is written into a file before it is known to be a database of this program in a version that it knows, and
//! nothing at all where it is opened to be read.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, Result};
use jiff::Timestamp;
use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::{Engine, Store, VERSION, fault, obstacle, sqlite};
use crate::error::{self, Fault, Kind};
use crate::job_control::Hold;
use crate::place::{self, Database, Place};
use crate::store::disk;

impl Store {
    /// Makes a new database, file 0600 in a directory 0700 with any umask.
    ///
    /// # Errors
    /// Where a file of that name exists, or nothing can be written there.
    pub fn create(place: &Place) -> Result<Store> {
        let path = match place.database() {
            Database::File(path) => path,
            Database::Server(server) => return Store::create_on(place, server),
        };
        place::make_directory(path)?;
        make(path)?;
        Store::found_in(place)
    }

    /// A database in memory, on which something is tried before there is one.
    ///
    /// # Errors
    /// There is no memory.
    pub fn in_memory() -> Result<Store> {
        Ok(Store::around(Engine::Sqlite(sqlite::Conn::in_memory()?), &Place::of_file(":memory:")))
    }

    /// Makes the tables in a file that is empty.
    pub(super) fn found_in(place: &Place) -> Result<Store> {
        let store = Store::connect(place)?;
        store.pragmas().with_context(|| format!("cannot use {}", place.shown()))?;
        let _hold = Hold::begin();
        obstacle::named(place, of_engine!(Engine, &store.engine, conn => conn.found()))?;
        Ok(store)
    }

    /// Opens an existing database and brings an older one up to this version.
    ///
    /// # Errors
    /// No such file, not a database of this program, made by a newer release (configuration); a damaged one (I/O).
    pub fn open(place: &Place) -> Result<Store> {
        let path = match place.database() {
            Database::File(path) => path,
            Database::Server(server) => return Store::open_on(place, server),
        };
        admit(path)?;
        mend_helpers(path);
        // A connection that may not write would leave a log behind that nobody may write.
        fault::refuse_unwritable(path)?;
        let store = Store::connect(place)?;
        store.recognise(VERSION)?;
        store.pragmas().with_context(|| format!("cannot use {}", path.display()))?;
        store.migrate(sqlite::MIGRATIONS)?;
        Ok(store)
    }

    /// Opens an existing database so that nothing can be written by this store, also where nothing can be written: on a
    /// disk that is mounted read-only, or with another's file. Only an older one is brought up to this version first.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_to_read(place: &Place) -> Result<Store> {
        let (store, version) = Store::open_as_it_is(place)?;
        match version == VERSION {
            true => Ok(store),
            false => {
                drop(store);
                Store::open(place)?.read_only()
            }
        }
    }

    /// Opens a database to be read, in whichever version that this release knows; the version.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_as_it_is(place: &Place) -> Result<(Store, i32)> {
        let path = match place.database() {
            Database::File(path) => path,
            Database::Server(server) => return Store::open_on_as_it_is(place, server),
        };
        admit(path)?;
        let wal = disk::beside(path, "-wal");
        let is_quiet = fs::metadata(&wal).map_or(true, |facts| facts.len() == 0);
        let is_fixed = [path, place::directory(path)].iter().any(|path| access(*path, Access::WRITE_OK).is_err());
        let untouched = is_fixed && is_quiet && !disk::beside(path, "-shm").exists();
        let opened = if untouched { Store::connect_unchanging(place) } else { Store::connect(place) };
        let recognised = opened.and_then(|store| Ok((store.recognise(VERSION)?, store)));
        let (version, store) = match recognised {
            // A full disk has no room for the helper that even a reader makes.
            Err(error) if is_quiet && !untouched && fault::cannot_write(&error) => {
                let store = Store::connect_unchanging(place)?;
                (store.recognise(VERSION)?, store)
            }
            recognised => recognised?,
        };
        if let Some(conn) = store.engine.file() {
            conn.prepare_to_read()?;
        }
        Ok((store.read_only()?, version))
    }

    /// Whether a file says at its beginning that it is a database of this program, without opening it as one.
    pub fn is_of_espomail(path: &Path) -> bool {
        let mut head = [0; 72];
        let is_read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok();
        is_read && head.starts_with(b"SQLite format 3\0") && head.ends_with(&sqlite::APPLICATION_ID.to_be_bytes())
    }

    /// Lets nothing be written by this store any more.
    pub fn read_only(self) -> Result<Store> {
        obstacle::named(&self.place, of_engine!(Engine, &self.engine, conn => conn.read_only()))?;
        Ok(self)
    }

    pub(super) fn connect(place: &Place) -> Result<Store> {
        Store::connected(place, sqlite::Conn::open)
    }

    /// Without locks, log and helper files: for a file that nobody writes while it is read.
    fn connect_unchanging(place: &Place) -> Result<Store> {
        Store::connected(place, sqlite::Conn::open_unchanging)
    }

    fn connected(place: &Place, open: fn(&Path) -> Result<sqlite::Conn>) -> Result<Store> {
        let _hold = Hold::begin();
        let file = place.file().with_context(|| format!("{place} is not a file"))?;
        let conn = open(file).with_context(|| format!("cannot open {place}"))?;
        Ok(Store::around(Engine::Sqlite(conn), place))
    }

    /// The version of a database of this program, before anything is written into it.
    pub(super) fn recognise(&self, newest: i32) -> Result<i32> {
        let path = self.place.shown();
        let _hold = Hold::begin();
        if !obstacle::named(&self.place, of_engine!(Engine, &self.engine, conn => conn.is_ours()))? {
            return Err(match self.place.database() {
                Database::File(file) if fs::metadata(file).is_ok_and(|facts| facts.len() == 0) => error::config(
                    format!("{path} is an empty file, not a database of espomail"),
                )
                .hint("was it cut off? restore a backup: espomail db restore FILE; or remove it and run espomail init"),
                Database::File(file) => foreign(file),
                Database::Server(_) => error::config(format!("no database of espomail in {path}"))
                    .hint("run `espomail init`, or name another one with --db"),
            }
            .into());
        }
        let version = self.version()?;
        if version > newest {
            return Err(error::config(format!(
                "{path} was made by a newer espomail (schema {version}, this one knows {newest})"
            ))
            .hint("install the newer release; nothing is to be restored")
            .into());
        }
        if version < 1 {
            let text = format!("{path} is damaged: it says that its schema is {version}, which no release has made");
            return Err(Fault::new(Kind::Io, text).hint(fault::after_damage(&self.place)).into());
        }
        Ok(version)
    }

    pub(super) fn pragmas(&self) -> Result<()> {
        let _hold = Hold::begin();
        match &self.engine {
            Engine::Sqlite(conn) => obstacle::named(&self.place, conn.prepare_to_write()),
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => Ok(()),
        }
    }

    pub(super) fn migrate(&self, migrations: &[&str]) -> Result<()> {
        let newest = match &self.engine {
            Engine::Sqlite(_) => sqlite::Conn::newest(migrations)?,
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => VERSION,
        };
        let found = self.recognise(newest)?;
        if found == newest {
            return Ok(());
        }
        self.keep_before(found)?;
        let _hold = Hold::begin();
        // Another process may have migrated it meanwhile.
        let version = || self.recognise(newest);
        obstacle::named(&self.place, of_engine!(Engine, &self.engine, conn => conn.migrate(migrations, version)))
    }

    /// Copies a file as it is before it is brought up to date, so that the release before can go on with it.
    fn keep_before(&self, version: i32) -> Result<()> {
        let Some(file) = self.place.file() else { return Ok(()) };
        let copy = disk::beside(file, &format!(".before-schema-{}", version + 1));
        // Another process is at it, or was killed after that.
        if copy.exists() {
            return Ok(());
        }
        let written = Timestamp::try_from(fs::metadata(file)?.modified()?)?;
        match self.backup(&copy, written) {
            Err(_) if copy.exists() => Ok(()),
            made => made.with_context(|| {
                format!("the database is to be brought up to date, but cannot be kept as {}", copy.display())
            }),
        }
    }

    pub(super) fn version(&self) -> Result<i32> {
        obstacle::named(&self.place, of_engine!(Engine, &self.engine, conn => conn.version()))
    }
}

/// Makes an empty private file.
///
/// # Errors
/// There is one of that name, or it cannot be made.
pub(super) fn make(path: &Path) -> Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.and_then(|file| file.set_permissions(Permissions::from_mode(0o600)))
        .with_context(|| format!("cannot make {}", path.display()))
}

/// What is said of a file of another program, and of one that was overwritten.
pub const FOREIGN: &str = "is not a database of espomail";

fn foreign(path: &Path) -> Fault {
    error::config(format!("{} {FOREIGN}", path.display()))
        .hint("name the right file with --db; if it was overwritten: espomail db restore FILE")
}

/// Refuses what cannot be opened, with words of its own.
fn admit(path: &Path) -> Result<()> {
    let shown = path.display();
    // Not by opening it: to close it would end locks that others of this process hold.
    match access(path, Access::READ_OK) {
        Err(Errno::ACCESS) => Err(error::config(format!("{shown}: permission denied"))
            .hint("if the database belongs to a service, leave --db out; `espomail doctor`, run as root, shows who owns it")
            .into()),
        Err(_) if !path.exists() => Err(error::config(format!("no database at {shown}"))
            .hint("run `espomail init`, or name another one with --db")
            .into()),
        _ if path.is_dir() => Err(error::config(format!("{shown} is a directory, not a database"))
            .hint(format!("name the file: --db {}", path.join("espomail.db").display()))
            .into()),
        _ if !path.is_file() => {
            Err(error::config(format!("{shown} is not a file")).hint("name the database with --db").into())
        }
        _ => Ok(()),
    }
}

/// SQLite gives its log and its helper the mode that the database has at that moment, and keeps them: what was made
/// while the database was closed to its owner for a moment would shut out every writer for good.
fn mend_helpers(path: &Path) {
    let mine = rustix::process::geteuid().as_raw();
    let is_open = |facts: &fs::Metadata| facts.mode() & 0o600 == 0o600;
    if !fs::metadata(path).is_ok_and(|facts| facts.uid() == mine && is_open(&facts)) {
        return;
    }
    for helper in [disk::beside(path, "-wal"), disk::beside(path, "-shm")] {
        if let Ok(facts) = helper.symlink_metadata()
            && facts.is_file()
            && facts.uid() == mine
            && !is_open(&facts)
        {
            // Where it fails the first write says so.
            let _ = fs::set_permissions(&helper, Permissions::from_mode(facts.mode() & 0o777 | 0o600));
        }
    }
}
