//! The database: transactions here, rows in [`row`] and values in [`value`]; below it what may be undone of a transaction
//! ([`savepoints`]), opening and migrating ([`open`]),
//! backups and what a restored one does ([`backup`]), new files ([`aside`]), which commits are on the disk ([`soon`]), what
//! its errors mean ([`fault`]), and the engines ([`sqlite`], `postgres`).
//!
//! Everything else in `store` writes statements against [`Tx`] and reads [`Row`]s. Writing happens only
//! through [`Store::write`], which is BEGIN IMMEDIATE: one writer at a time, for every process.

/// Goes on with the engine that a store, a transaction or a row is of.
macro_rules! of_engine {
    ($of:ident, $value:expr, $engine:ident => $work:expr) => {
        match $value {
            $of::Sqlite($engine) => $work,
            #[cfg(feature = "postgres")]
            $of::Postgres($engine) => $work,
        }
    };
}

mod aside;
mod backup;
mod bind;
mod busy;
mod changed;
mod columns;
mod copy;
mod count;
mod failover;
mod fault;
mod meaning;
mod obstacle;
mod open;
#[cfg(feature = "postgres")]
mod postgres;
mod row;
mod savepoints;
#[cfg(test)]
pub(crate) mod seen;
mod served;
mod soon;
mod space;
mod sqlite;
#[cfg(feature = "poison")]
mod steps;
#[cfg(test)]
mod tests;
mod value;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::Read;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use jiff::Timestamp;

pub use aside::NewFile;
pub use bind::{Bind, Params, Ty, Typed, params};
pub use busy::{Busy, Gone, Superseded};
pub use changed::{Changed, exactly_one};
pub use fault::{after_check, after_damage, at, explain, is_fatal, is_standby, unless_fatal};
pub use obstacle::{Gravity, damage_of, gravity};
pub use open::FOREIGN;
pub use row::Row;
pub use served::Under;
pub use soon::is_unflushed;
pub use value::{FromValue, Misfit, Value, ValueRef};

use self::row::Cells;
use self::soon::Soon;
use crate::job_control::Hold;
#[cfg(feature = "postgres")]
use crate::place::Database;
use crate::place::Place;

/// The version of `schema.sql`.
pub const VERSION: i32 = 5;

/// Bytes beyond this go in and out of the database without a copy.
pub const LARGE: usize = 1 << 20;

/// A column that holds bytes.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub table: &'static str,
    pub name: &'static str,
}

/// A row of one of the things that people know, by what it is called and its id.
pub type Thing = (&'static str, i64);

/// What holds the rows and runs the statements.
enum Engine {
    Sqlite(sqlite::Conn),
    #[cfg(feature = "postgres")]
    Postgres(Box<postgres::Conn>),
}

impl Engine {
    /// What has the file open, where the database is one.
    fn file(&self) -> Option<&sqlite::Conn> {
        match self {
            Engine::Sqlite(conn) => Some(conn),
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => None,
        }
    }
}

/// A transaction of an engine.
enum Running<'a> {
    Sqlite(sqlite::Running<'a>),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Running<'a>),
}

/// What becomes of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Read,
    Write,
    /// It is committed, and nobody waits until it is on the disk.
    WriteSoon,
    /// It is undone.
    Rehearse,
    /// It may write, and nothing that it decides depends on what others write meanwhile.
    Besides,
}

/// An open database.
pub struct Store {
    /// Ended before the database is closed.
    soon: Soon,
    engine: Engine,
    place: Place,
    written: Arc<Mutex<BTreeSet<Thing>>>,
    /// The last one that closes a database does so under a lock.
    _closing: Option<Hold>,
}

impl Drop for Store {
    fn drop(&mut self) {
        // The fields are dropped after this, the connection before what holds.
        self._closing = Some(Hold::begin());
    }
}

/// Whose texts a statement is made of, where engines have none in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

/// A transaction. It ends with the closure it was given to.
pub struct Tx<'a> {
    running: Running<'a>,
    written: Arc<Mutex<BTreeSet<Thing>>>,
    /// How many it has kept.
    savepoints: Cell<usize>,
}

impl Store {
    /// A database of its own for a test, with nothing in it.
    pub fn for_test() -> Result<Store> {
        #[cfg(feature = "postgres")]
        if let Some(server) = Store::server_of_tests()? {
            let state = std::env::temp_dir().join(format!("espomail-state-{}", std::process::id()));
            return Store::create(&Place::new(Database::Server(Box::new(server)), Some(&state)));
        }
        Store::in_memory()
    }

    /// A database of SQLite for a test that is about this engine.
    #[cfg(test)]
    pub(crate) fn embedded_for_test() -> Result<Store> {
        Store::in_memory()
    }

    fn around(engine: Engine, place: &Place) -> Store {
        Store { soon: Soon::default(), engine, place: place.clone(), written: Arc::default(), _closing: None }
    }

    /// From now on every transaction knows which things it has written ([`Tx::written`]); `kind_of` says what a row of a
    /// table is called.
    pub fn watch(mut self, kind_of: fn(&str) -> Option<&'static str>) -> Result<Store> {
        let written = Arc::clone(&self.written);
        let told = move |table: &str, id| {
            if let (Some(kind), Ok(mut written)) = (kind_of(table), written.lock()) {
                written.insert((kind, id));
            }
        };
        match &mut self.engine {
            Engine::Sqlite(conn) => conn.watch(told)?,
            #[cfg(feature = "postgres")]
            Engine::Postgres(conn) => conn.watch(kind_of, told),
        }
        Ok(self)
    }

    /// A transaction that has written nothing yet.
    fn fresh<'a>(&self, running: Running<'a>) -> Tx<'a> {
        if let Ok(mut written) = self.written.lock() {
            written.clear();
        }
        Tx { running, written: Arc::clone(&self.written), savepoints: Cell::new(0) }
    }

    /// Runs `work` in one transaction that may write. Committed when it returns `Ok`, else undone.
    pub fn write<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        self.transact(Mode::Write, work)
    }

    /// Writes as [`Store::write`] and leaves nothing of what is gone in the file: freed pages and the log hold it until
    /// they are used again, also what other connections freed before. Takes as much disk again as the database has. A server
    /// frees the places of rows; with `rewrite` it writes each table again, to which nobody else gets meanwhile.
    ///
    /// # Errors
    /// As [`Store::write`]; or what was written stays, but the file could not be rebuilt.
    pub fn write_and_scrub<T>(&self, rewrite: bool, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        if let Some(conn) = self.engine.file() {
            conn.overwrite_what_is_deleted()?;
        }
        let done = self.write(work)?;
        let held = match &self.engine {
            Engine::Sqlite(_) => "the file still holds traces of it",
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => "the tables still hold traces of it",
        };
        self.scrub(rewrite).with_context(|| format!("it is done, but {held}"))?;
        Ok(done)
    }

    fn scrub(&self, _rewrite: bool) -> Result<()> {
        let _hold = Hold::begin();
        let scrubbed = match &self.engine {
            Engine::Sqlite(conn) => conn.scrub(),
            #[cfg(feature = "postgres")]
            Engine::Postgres(conn) => conn.scrub(_rewrite).map(|()| true),
        };
        let is_gone = obstacle::named(&self.place, scrubbed)?;
        if is_gone { Ok(()) } else { Err(Busy::reading().into()) }
    }

    /// Runs `work` and undoes what it wrote, so that the caller learns what would happen (`--dry-run`).
    pub fn rehearse<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        self.transact(Mode::Rehearse, work)
    }

    /// Runs `work` on one consistent snapshot.
    pub fn read<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        self.transact(Mode::Read, work)
    }

    /// Runs `work` in a transaction, in which the process is not stopped, and ends it.
    fn transact<T>(&self, mode: Mode, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        let _hold = Hold::begin();
        let done = match &self.engine {
            Engine::Sqlite(conn) => conn.transact(mode, |running| work(&self.fresh(Running::Sqlite(running)))),
            #[cfg(feature = "postgres")]
            Engine::Postgres(conn) => conn.transact(mode, |running| work(&self.fresh(Running::Postgres(running)))),
        };
        obstacle::named(&self.place, done)
    }

    pub fn dialect(&self) -> Dialect {
        match &self.engine {
            Engine::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Where the database and its state are.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What is wrong with the files and the rows: one line for every fault found.
    pub fn check(&self) -> Result<Vec<String>> {
        obstacle::named(&self.place, of_engine!(Engine, &self.engine, conn => conn.check()))
    }

    /// Whether the server takes no writes from anybody: it is a standby, or read-only for this role.
    pub fn takes_no_writes(&self) -> Result<bool> {
        match &self.engine {
            Engine::Sqlite(_) => Ok(false),
            #[cfg(feature = "postgres")]
            Engine::Postgres(conn) => conn.takes_no_writes(),
        }
    }

    /// Size of the database in bytes.
    pub fn size(&self) -> Result<i64> {
        obstacle::named(&self.place, of_engine!(Engine, &self.engine, conn => conn.size()))
    }

    /// Rows of every table, and the size of the database in bytes.
    pub fn stats(&self) -> Result<(Vec<(String, i64)>, i64)> {
        obstacle::named(&self.place, of_engine!(Engine, &self.engine, conn => conn.stats()))
    }
}

impl Tx<'_> {
    /// Of the engine that runs this transaction.
    pub fn dialect(&self) -> Dialect {
        match &self.running {
            Running::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Running::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs a statement. On a server it may wait until an answer is wanted, at the latest that to COMMIT, and an error of it
    /// comes then; within a savepoint at its end.
    pub fn execute(&self, sql: &str, params: impl Params) -> Result<Changed<'_>> {
        note(sql, &params, None);
        match &self.running {
            Running::Sqlite(tx) => tx.execute(sql, params).map(Changed::known),
            #[cfg(feature = "postgres")]
            Running::Postgres(tx) => tx.execute(sql, params).map(Changed::on_server),
        }
    }

    /// Runs an INSERT; the new id. It may wait as [`Tx::execute`].
    pub fn insert(&self, sql: &str, params: impl Params) -> Result<i64> {
        note(sql, &params, None);
        of_engine!(Running, &self.running, tx => tx.insert(sql, params))
    }

    /// Runs an INSERT whose last value is bytes, for a column that is named as well; the new id.
    pub fn store_bytes(&self, sql: &str, params: impl Params, column: Column, bytes: &[u8]) -> Result<i64> {
        note(sql, &params, Some(Ty::Bytes));
        of_engine!(Running, &self.running, tx => tx.store_bytes(sql, params, column, bytes))
    }

    /// The bytes of a column of one row.
    pub fn load_bytes(&self, column: Column, id: i64) -> Result<Vec<u8>> {
        of_engine!(Running, &self.running, tx => tx.load_bytes(column, id))
    }

    /// Reads the bytes of a column of one row as a stream, as far as `read` wants them.
    pub fn load_bytes_with<T>(
        &self,
        column: Column,
        id: i64,
        read: impl FnOnce(&mut dyn Read) -> Result<T>,
    ) -> Result<T> {
        of_engine!(Running, &self.running, tx => tx.load_bytes_with(column, id, read))
    }

    /// The first row, if there is one.
    pub fn one<T>(&self, sql: &str, params: impl Params, map: impl FnOnce(&Row<'_>) -> Result<T>) -> Result<Option<T>> {
        note(sql, &params, None);
        match &self.running {
            Running::Sqlite(tx) => {
                tx.first(sql, params, |cells, columns| map(&Row::new(Cells::Sqlite(cells), columns, sql)))
            }
            #[cfg(feature = "postgres")]
            Running::Postgres(tx) => {
                tx.first(sql, params, |cells, columns| map(&Row::new(Cells::Postgres(cells), columns, sql)))
            }
        }
    }

    pub fn all<T>(&self, sql: &str, params: impl Params, mut map: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        note(sql, &params, None);
        match &self.running {
            Running::Sqlite(tx) => {
                tx.all(sql, params, |cells, columns| map(&Row::new(Cells::Sqlite(cells), columns, sql)))
            }
            #[cfg(feature = "postgres")]
            Running::Postgres(tx) => {
                tx.all(sql, params, |cells, columns| map(&Row::new(Cells::Postgres(cells), columns, sql)))
            }
        }
    }

    /// The first column of the first row, if there is one.
    pub fn value<T: FromValue>(&self, sql: &str, params: impl Params) -> Result<Option<T>> {
        self.one(sql, params, |row| row.first())
    }

    /// The first column of all rows.
    pub fn values<T: FromValue>(&self, sql: &str, params: impl Params) -> Result<Vec<T>> {
        self.all(sql, params, |row| row.first())
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
    pub fn changes(&self) -> Result<u64> {
        of_engine!(Running, &self.running, tx => tx.changes())
    }

    /// A number that becomes another one as soon as another connection has written; none where the engine does not tell.
    pub fn version(&self) -> Result<Option<i64>> {
        match &self.running {
            Running::Sqlite(running) => running.version().map(Some),
            #[cfg(feature = "postgres")]
            Running::Postgres(_) => Ok(None),
        }
    }

    /// Lets a table give ids above this one only.
    pub fn set_last_id(&self, table: &str, id: i64) -> Result<()> {
        of_engine!(Running, &self.running, tx => tx.set_last_id(table, id))
    }

    /// Marks a place that relies on there being one writer (case numbers, the round-robin wheel, the outbox claim).
    /// A transaction that writes is exactly that on every engine, so nothing is to be done.
    pub fn serialise(&self, _what: &str) {}
}

/// The form in which moments are stored.
pub fn seconds(moment: Timestamp) -> i64 {
    moment.as_second()
}

/// Notes which statements tests run.
fn note(_sql: &str, _params: &impl Params, _last: Option<Ty>) {
    #[cfg(test)]
    seen::note(_sql, _params, _last);
}
