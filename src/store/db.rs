//! The one file that names SQLite: opening, pragmas, transactions, rows, migrations, backup.
//!
//! Everything else in `store` writes statements against [`Tx`] and reads [`Row`]s. Writing happens only
//! through [`Store::write`], which is BEGIN IMMEDIATE: one writer at a time, for every process.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::functions::{Context as Call, FunctionFlags};
use rusqlite::types::FromSql;
use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags, OptionalExtension, Params, TransactionBehavior};
use rustix::fs::{Access, access};
use rustix::io::Errno;

pub use rusqlite::types::Value;
pub use rusqlite::{params, params_from_iter};

use super::label::UnknownLabel;
use super::search;
use crate::error::{self, Fault, Kind};
use crate::mail::address;

const SCHEMA: &str = include_str!("../../schema.sql");
/// `espm`, so that `file` and this program recognise their own.
const APPLICATION_ID: i32 = 0x6573_706d;
/// The version of `schema.sql`.
const VERSION: i32 = 5;
/// Statements that lead from version N to N+1, for databases made by an older release; the first stands for 1 -> 2.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/2.sql"),
    include_str!("migrations/3.sql"),
    include_str!("migrations/4.sql"),
    include_str!("migrations/5.sql"),
];

/// A row of one of the things that people know, by what it is called and its id.
pub type Thing = (&'static str, i64);

/// An open database.
pub struct Store {
    conn: Connection,
    path: PathBuf,
    written: Arc<Mutex<BTreeSet<Thing>>>,
}

/// A transaction. It ends with the closure it was given to.
pub struct Tx<'a> {
    conn: &'a Connection,
    written: &'a Mutex<BTreeSet<Thing>>,
}

/// One row of an answer, read by column name.
pub struct Row<'a>(&'a rusqlite::Row<'a>);

impl Store {
    /// Makes a new database, file 0600 in a directory 0700 whatever the umask.
    ///
    /// # Errors
    /// Where a file of that name exists, or nothing can be written there.
    pub fn create(path: &Path) -> Result<Store> {
        if let Some(dir) = path.parent().filter(|d| !d.as_os_str().is_empty() && !d.exists()) {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(dir)
                .with_context(|| format!("cannot make {}", dir.display()))?;
        }
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        let store = Store::connect(path)?;
        store.write(|tx| {
            tx.conn.execute_batch(SCHEMA)?;
            tx.conn.pragma_update(None, "application_id", APPLICATION_ID)?;
            tx.conn.pragma_update(None, "user_version", VERSION)?;
            Ok(())
        })?;
        Ok(store)
    }

    /// Opens an existing database and brings an older one up to this version.
    ///
    /// # Errors
    /// No such file (configuration), not a database of this program (data), made by a newer release (configuration).
    pub fn open(path: &Path) -> Result<Store> {
        // Not by opening it: to close it would end locks that others of this process hold.
        match access(path, Access::READ_OK) {
            Err(Errno::ACCESS) => {
                return Err(error::config(format!("{}: permission denied", path.display()))
                    .hint("if it is a service's, leave --db out; `espomail doctor`, as root, says whose it is")
                    .into());
            }
            Err(_) if !path.exists() => {
                return Err(error::config(format!("no database at {}", path.display()))
                    .hint("run `espomail init`, or name the database with --db")
                    .into());
            }
            _ => {}
        }
        let store = Store::connect(path)?;
        store.migrate(MIGRATIONS)?;
        Ok(store)
    }

    /// A database in memory, for tests.
    pub fn in_memory() -> Result<Store> {
        let store = Store::around(Connection::open_in_memory()?, Path::new(":memory:"));
        store.conn.pragma_update(None, "foreign_keys", true)?;
        store.functions()?;
        store.conn.execute_batch(SCHEMA)?;
        store.conn.pragma_update(None, "user_version", VERSION)?;
        Ok(store)
    }

    fn around(conn: Connection, path: &Path) -> Store {
        Store { conn, path: path.to_owned(), written: Arc::default() }
    }

    fn connect(path: &Path) -> Result<Store> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn =
            Connection::open_with_flags(path, flags).with_context(|| format!("cannot open {}", path.display()))?;
        conn.busy_timeout(Duration::from_secs(10))?;
        conn.set_prepared_statement_cache_capacity(200);
        let store = Store::around(conn, path);
        store.pragmas().with_context(|| format!("cannot use {}", path.display()))?;
        store.functions()?;
        Ok(store)
    }

    /// Lets nothing be written by this store any more.
    pub fn read_only(self) -> Result<Store> {
        self.conn.pragma_update(None, "query_only", true)?;
        Ok(self)
    }

    /// From now on every transaction knows which things it has written ([`Tx::written`]); `kind_of` says what a row of a
    /// table is called.
    pub fn watch(mut self, kind_of: fn(&str) -> Option<&'static str>) -> Result<Store> {
        let written = Arc::clone(&self.written);
        self.conn.update_hook(Some(move |_, _: &str, table: &str, id| {
            if let (Some(kind), Ok(mut written)) = (kind_of(table), written.lock()) {
                written.insert((kind, id));
            }
        }))?;
        Ok(self)
    }

    /// A transaction that has written nothing yet.
    fn fresh<'a>(&'a self, conn: &'a Connection) -> Tx<'a> {
        if let Ok(mut written) = self.written.lock() {
            written.clear();
        }
        Tx { conn, written: &self.written }
    }

    /// `mentions(text, part)` in statements: SQLite itself knows the case of ASCII letters only. `in_ascii(address)` for
    /// migrations.
    fn functions(&self) -> Result<()> {
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
        let mentions = |call: &mut Call<'_>| {
            let (text, part) = (call.get_raw(0).as_str_or_null()?, call.get_raw(1).as_str()?);
            Ok(text.is_some_and(|text| search::mentions(text, part)))
        };
        self.conn.create_scalar_function("mentions", 2, flags, mentions)?;
        let in_ascii = |call: &mut Call<'_>| Ok(call.get_raw(0).as_str_or_null()?.map(address::in_ascii));
        Ok(self.conn.create_scalar_function("in_ascii", 1, flags, in_ascii)?)
    }

    fn pragmas(&self) -> Result<()> {
        self.conn.pragma_update(None, "page_size", 8192)?;
        self.conn.pragma_update(None, "journal_mode", "wal")?;
        self.conn.pragma_update(None, "synchronous", "full")?;
        self.conn.pragma_update(None, "foreign_keys", true)?;
        // The savepoint of each message would go through a file of its own.
        self.conn.pragma_update(None, "temp_store", "memory")?;
        self.conn.pragma_update(None, "trusted_schema", false)?;
        self.conn.pragma_update(None, "journal_size_limit", 64 << 20)?;
        self.conn.pragma_update(None, "wal_autocheckpoint", 6_000)?;
        // Without it a statement over a partial index is compiled anew for every value that is bound to it.
        self.conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        Ok(())
    }

    fn migrate(&self, migrations: &[&str]) -> Result<()> {
        let id: i32 = self.conn.pragma_query_value(None, "application_id", |r| r.get(0))?;
        if id != APPLICATION_ID {
            return Err(error::data(format!("{} is not a database of espomail", self.path.display())).into());
        }
        let newest = 1 + i32::try_from(migrations.len())?;
        if self.version()? == newest {
            return Ok(());
        }
        // A table that is made anew is dropped, which must not reach the rows that refer to it.
        self.conn.pragma_update(None, "foreign_keys", false)?;
        let migrated = self.write(|tx| {
            let version: i32 = tx.conn.pragma_query_value(None, "user_version", |r| r.get(0))?;
            if version > newest {
                return Err(error::config(format!(
                    "{} was made by a newer espomail (schema {version}, this one knows {newest})",
                    self.path.display()
                ))
                .hint("install the newer release, or restore an older backup")
                .into());
            }
            for sql in migrations.iter().skip(usize::try_from(version - 1)?) {
                tx.conn.execute_batch(sql)?;
            }
            let torn: Option<String> = tx.value("SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1", [])?;
            if let Some(table) = torn {
                bail!("{}: rows of {table} refer to what is not there", self.path.display());
            }
            tx.conn.pragma_update(None, "user_version", newest)?;
            Ok(())
        });
        self.conn.pragma_update(None, "foreign_keys", true)?;
        migrated
    }

    fn version(&self) -> Result<i32> {
        Ok(self.conn.pragma_query_value(None, "user_version", |r| r.get(0))?)
    }

    /// Runs `work` in one transaction that may write. Committed when it returns `Ok`, else undone.
    pub fn write<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        let tx = rusqlite::Transaction::new_unchecked(&self.conn, TransactionBehavior::Immediate)?;
        let done = work(&self.fresh(&tx))?;
        tx.commit()?;
        Ok(done)
    }

    /// Writes as [`Store::write`] and leaves nothing of what is gone in the file: freed pages and the log hold it until
    /// they are used again, also what other connections freed before. Takes as much disk again as the database has.
    ///
    /// # Errors
    /// As [`Store::write`]; or what was written stays, but the file could not be rebuilt.
    pub fn write_and_scrub<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        self.conn.pragma_update(None, "secure_delete", true)?;
        let done = self.write(work)?;
        self.scrub().context("it is done, but the file still holds traces of it")?;
        Ok(done)
    }

    fn scrub(&self) -> Result<()> {
        // The copy that is made of the whole database has no place in memory.
        self.conn.pragma_update(None, "temp_store", "file")?;
        self.conn.execute_batch("VACUUM")?;
        self.conn.pragma_update(None, "temp_store", "memory")?;
        let busy: bool = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy {
            return Err(Fault::new(Kind::TempFail, "another process is reading the database").into());
        }
        Ok(())
    }

    /// Runs `work` and undoes what it wrote, so that the caller learns what would happen (`--dry-run`).
    pub fn rehearse<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        let tx = rusqlite::Transaction::new_unchecked(&self.conn, TransactionBehavior::Immediate)?;
        let done = work(&self.fresh(&tx))?;
        tx.rollback()?;
        Ok(done)
    }

    /// Runs `work` on one consistent snapshot.
    pub fn read<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        let tx = rusqlite::Transaction::new_unchecked(&self.conn, TransactionBehavior::Deferred)?;
        let done = work(&self.fresh(&tx))?;
        tx.commit()?;
        Ok(done)
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `integrity_check` and `foreign_key_check`: one line for every fault found.
    pub fn check(&self) -> Result<Vec<String>> {
        let mut faults = Vec::new();
        let mut integrity = self.conn.prepare("PRAGMA integrity_check")?;
        for line in integrity.query_map([], |r| r.get::<_, String>(0))? {
            let line = line?;
            if line != "ok" {
                faults.push(line);
            }
        }
        let mut keys = self.conn.prepare("PRAGMA foreign_key_check")?;
        for row in
            keys.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, Option<i64>>(1)?, r.get::<_, String>(2)?)))?
        {
            let (table, rowid, parent) = row?;
            faults.push(format!("{table} row {} points to a missing row of {parent}", rowid.unwrap_or_default()));
        }
        Ok(faults)
    }

    /// Copies the database to a new file (0600) while others may go on writing.
    ///
    /// # Errors
    /// Where `target` exists, or nothing can be written there; a half-written file is removed.
    pub fn backup(&self, target: &Path) -> Result<()> {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(target)
            .with_context(|| format!("cannot make {}", target.display()))?;
        let copied = self.copy_to(target);
        if copied.is_err() {
            let _ = fs::remove_file(target);
        }
        copied.with_context(|| format!("cannot back up to {}", target.display()))
    }

    fn copy_to(&self, target: &Path) -> Result<()> {
        fs::set_permissions(target, fs::Permissions::from_mode(0o600))?;
        let mut copy = Connection::open(target)?;
        rusqlite::backup::Backup::new(&self.conn, &mut copy)?.run_to_completion(1000, Duration::ZERO, None)?;
        // One self-contained file, whatever the original's journal mode.
        copy.pragma_update(None, "journal_mode", "delete")?;
        copy.close().map_err(|(_, e)| e)?;
        OpenOptions::new().write(true).open(target)?.sync_all()?;
        Ok(())
    }

    /// Rows of every table, and the size of the file in bytes.
    pub fn stats(&self) -> Result<(Vec<(String, i64)>, i64)> {
        let mut names = self.conn.prepare(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
        )?;
        let mut tables = Vec::new();
        for name in names.query_map([], |r| r.get::<_, String>(0))? {
            let name = name?;
            // The names come from the schema, not from anybody's input.
            let rows = self.conn.query_row(&format!("SELECT count(*) FROM \"{name}\""), [], |r| r.get(0))?;
            tables.push((name, rows));
        }
        let bytes = self.conn.query_row(
            "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
            [],
            |r| r.get(0),
        )?;
        Ok((tables, bytes))
    }
}

impl Tx<'_> {
    /// Runs a statement; the number of rows it changed.
    pub fn execute(&self, sql: &str, params: impl Params) -> Result<usize> {
        Ok(self.conn.prepare_cached(sql)?.execute(params)?)
    }

    /// Runs an INSERT; the new id.
    pub fn insert(&self, sql: &str, params: impl Params) -> Result<i64> {
        Ok(self.conn.prepare_cached(sql)?.insert(params)?)
    }

    /// The bytes of a column of one row, without SQLite's own copy of them.
    pub fn read_blob(&self, table: &str, column: &str, id: i64) -> Result<Vec<u8>> {
        let mut blob = self.conn.blob_open(MAIN_DB, table, column, id, true)?;
        let mut bytes = Vec::with_capacity(blob.len());
        blob.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Writes bytes into a column that has as many of them. As a parameter of a statement SQLite would copy them twice.
    pub fn write_blob(&self, table: &str, column: &str, id: i64, bytes: &[u8]) -> Result<()> {
        Ok(self.conn.blob_open(MAIN_DB, table, column, id, false)?.write_all(bytes)?)
    }

    /// The first row, if there is one.
    pub fn one<T>(&self, sql: &str, params: impl Params, map: impl FnOnce(&Row<'_>) -> Result<T>) -> Result<Option<T>> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        rows.next()?.map(|row| map(&Row(row))).transpose()
    }

    /// All rows.
    pub fn all<T>(&self, sql: &str, params: impl Params, mut map: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push(map(&Row(row))?);
        }
        Ok(all)
    }

    /// The first column of the first row, if there is one.
    pub fn value<T: FromSql>(&self, sql: &str, params: impl Params) -> Result<Option<T>> {
        Ok(self.conn.prepare_cached(sql)?.query_row(params, |r| r.get(0)).optional()?)
    }

    /// The first column of all rows.
    pub fn values<T: FromSql>(&self, sql: &str, params: impl Params) -> Result<Vec<T>> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let values = statement.query_map(params, |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
        Ok(values)
    }

    /// Says that what was written is about a thing, where the row itself is of a table without ids.
    pub fn about(&self, kind: &'static str, id: i64) {
        if let Ok(mut written) = self.written.lock() {
            written.insert((kind, id));
        }
    }

    /// The things written so far, as far as the store is watched.
    pub fn written(&self) -> Vec<Thing> {
        self.written.lock().map(|written| written.iter().copied().collect()).unwrap_or_default()
    }

    /// Rows written by this connection since it was opened.
    pub fn changes(&self) -> u64 {
        self.conn.total_changes()
    }

    /// Runs `work` so that an error undoes only what `work` did.
    pub fn savepoint<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        self.execute("SAVEPOINT message", [])?;
        match work(self) {
            Ok(done) => {
                self.execute("RELEASE message", [])?;
                Ok(done)
            }
            Err(error) => {
                // After a full disk SQLite may have rolled everything back by itself.
                let _ = self.conn.execute_batch("ROLLBACK TO message; RELEASE message");
                Err(error)
            }
        }
    }

    /// Marks a place that relies on there being one writer (case numbers, the round-robin wheel, the outbox claim).
    /// SQLite's write transaction is exactly that, so nothing is to be done.
    pub fn serialise(&self, _what: &str) {}
}

impl Row<'_> {
    /// A column's value.
    pub fn get<T: FromSql>(&self, column: &str) -> Result<T> {
        Ok(self.0.get(column)?)
    }

    /// A column of seconds as a moment.
    pub fn time(&self, column: &str) -> Result<Timestamp> {
        moment(self.get(column)?)
    }

    /// A column of seconds or NULL.
    pub fn opt_time(&self, column: &str) -> Result<Option<Timestamp>> {
        self.get::<Option<i64>>(column)?.map(moment).transpose()
    }

    /// A text column as an enum with labels.
    pub fn label<T: FromStr<Err = UnknownLabel>>(&self, column: &str) -> Result<T> {
        let label: String = self.get(column)?;
        label.parse().map_err(|e: UnknownLabel| anyhow!("column {column}: {e}"))
    }
}

fn moment(seconds: i64) -> Result<Timestamp> {
    Timestamp::from_second(seconds).with_context(|| format!("{seconds} is not a moment"))
}

/// The form in which moments are stored.
pub fn seconds(moment: Timestamp) -> i64 {
    moment.as_second()
}

/// The kind of a database error in a chain: busy is passing, a full or damaged disk is not.
pub fn kind_of(error: &(dyn std::error::Error + 'static)) -> Option<Kind> {
    let rusqlite::Error::SqliteFailure(failure, _) = error.downcast_ref::<rusqlite::Error>()? else {
        return error.downcast_ref::<rusqlite::Error>().map(|_| Kind::Bug);
    };
    Some(match failure.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Kind::TempFail,
        ErrorCode::DiskFull
        | ErrorCode::SystemIoFailure
        | ErrorCode::ReadOnly
        | ErrorCode::DatabaseCorrupt
        | ErrorCode::NotADatabase
        | ErrorCode::CannotOpen
        | ErrorCode::PermissionDenied => Kind::Io,
        _ => Kind::Bug,
    })
}

/// Whether an error says that the database itself cannot be written or read any more, so that going on is pointless.
pub fn is_fatal(error: &anyhow::Error) -> bool {
    error.chain().filter_map(kind_of).any(|kind| matches!(kind, Kind::Io | Kind::TempFail))
}

/// Tells an error of the database itself, which ends a run, from any other one, which ends only what has met it.
///
/// # Errors
/// The database itself fails.
pub fn unless_fatal<T>(done: Result<T>) -> Result<Result<T>> {
    match done {
        Err(error) if is_fatal(&error) => Err(error),
        done => Ok(done),
    }
}

/// Fails where a statement changed another number of rows than one.
pub fn exactly_one(changed: usize) -> Result<()> {
    if changed != 1 {
        bail!("one row was to be changed, {changed} were");
    }
    Ok(())
}
