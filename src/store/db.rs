//! The one place that names SQLite: transactions and rows here; below it opening and migrating ([`open`]), backups and
//! what a restored one does ([`backup`]), and what its errors mean ([`fault`]).
//!
//! Everything else in `store` writes statements against [`Tx`] and reads [`Row`]s. Writing happens only
//! through [`Store::write`], which is BEGIN IMMEDIATE: one writer at a time, for every process.

mod backup;
mod bind;
mod busy;
mod columns;
mod fault;
mod kept;
mod obstacle;
mod open;
mod row;
#[cfg(test)]
pub(super) mod seen;
#[cfg(feature = "poison")]
mod steps;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io::{Read, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use rusqlite::functions::{Context as Call, FunctionFlags};
use rusqlite::types::{FromSql, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, MAIN_DB, TransactionBehavior};

pub use bind::{Bind, Params, Ty, Typed, params};
pub use busy::Busy;
pub use fault::{AFTER_DAMAGE, explain, is_fatal, unless_fatal};
pub use obstacle::{Gravity, damage_of, gravity};
pub use open::FOREIGN;
pub use row::Row;
pub use rusqlite::types::Value;

use self::kept::{Kept, Prepared};
use super::text;
use crate::job_control::Hold;
use crate::mail::address;
use crate::place::Place;

const SCHEMA: &str = include_str!("../../schema.sql");
/// `espm`, so that `file` and this program recognise their own.
const APPLICATION_ID: i32 = 0x6573_706d;
/// The version of `schema.sql`.
pub const VERSION: i32 = 5;
/// Statements that lead from version N to N+1, for databases made by an older release; the first stands for 1 -> 2.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/2.sql"),
    include_str!("migrations/3.sql"),
    include_str!("migrations/4.sql"),
    include_str!("migrations/5.sql"),
];

/// Others have so long to end their transaction.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes beyond this go in and out of the database without a copy.
pub const LARGE: usize = 1 << 20;

/// A column that holds bytes.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub table: &'static str,
    pub name: &'static str,
}

/// Bytes as a value, or room for as many.
enum Bytes<'a> {
    These(&'a [u8]),
    Room(u64),
}

impl ToSql for Bytes<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Bytes::These(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Bytes::Room(length) => ToSqlOutput::ZeroBlob(*length),
        })
    }
}

/// A row of one of the things that people know, by what it is called and its id.
pub type Thing = (&'static str, i64);

/// An open database.
pub struct Store {
    conn: Connection,
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

/// A transaction. It ends with the closure it was given to.
pub struct Tx<'a> {
    conn: &'a Connection,
    kept: Kept<'a>,
    written: &'a Mutex<BTreeSet<Thing>>,
}

impl Store {
    /// A database in memory, for tests.
    pub fn in_memory() -> Result<Store> {
        let store = Store::around(Connection::open_in_memory()?, &Place::of_file(":memory:"));
        store.conn.pragma_update(None, "foreign_keys", true)?;
        store.functions()?;
        store.conn.execute_batch(SCHEMA)?;
        store.conn.pragma_update(None, "user_version", VERSION)?;
        Ok(store)
    }

    fn around(conn: Connection, place: &Place) -> Store {
        Store { conn, place: place.clone(), written: Arc::default(), _closing: None }
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
        Tx { conn, kept: Kept::default(), written: &self.written }
    }

    /// `mentions(text, part)` in statements: SQLite itself knows the case of ASCII letters only. `in_ascii(address)` for
    /// migrations.
    fn functions(&self) -> Result<()> {
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
        let mentions = |call: &mut Call<'_>| {
            let (text, part) = (call.get_raw(0).as_str_or_null()?, call.get_raw(1).as_str()?);
            Ok(text.is_some_and(|text| text::mentions(text, part)))
        };
        self.conn.create_scalar_function("mentions", 2, flags, mentions)?;
        let in_ascii = |call: &mut Call<'_>| Ok(call.get_raw(0).as_str_or_null()?.map(address::in_ascii));
        Ok(self.conn.create_scalar_function("in_ascii", 1, flags, in_ascii)?)
    }

    /// Runs `work` in one transaction that may write. Committed when it returns `Ok`, else undone.
    pub fn write<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        self.transact(TransactionBehavior::Immediate, work, |tx| tx.commit())
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
        let _hold = Hold::begin();
        busy::named(self.path(), self.scrub_now())
    }

    fn scrub_now(&self) -> Result<()> {
        // The copy that is made of the whole database has no place in memory.
        self.conn.pragma_update(None, "temp_store", "file")?;
        self.conn.execute_batch("VACUUM")?;
        self.conn.pragma_update(None, "temp_store", "memory")?;
        let busy: bool = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy { Err(Busy::reading().into()) } else { Ok(()) }
    }

    /// Runs `work` and undoes what it wrote, so that the caller learns what would happen (`--dry-run`).
    pub fn rehearse<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        self.transact(TransactionBehavior::Immediate, work, |tx| tx.rollback())
    }

    /// Runs `work` on one consistent snapshot.
    pub fn read<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        self.transact(TransactionBehavior::Deferred, work, |tx| tx.commit())
    }

    /// Runs `work` in a transaction, in which the process is not stopped, and ends it.
    fn transact<T>(
        &self,
        behavior: TransactionBehavior,
        work: impl FnOnce(&Tx<'_>) -> Result<T>,
        end: impl FnOnce(rusqlite::Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<T> {
        let _hold = Hold::begin();
        let transact = || {
            let tx = rusqlite::Transaction::new_unchecked(&self.conn, behavior)?;
            let done = work(&self.fresh(&tx))?;
            end(tx)?;
            Ok(done)
        };
        busy::named(self.path(), transact())
    }

    /// Where the database and its state are.
    pub fn place(&self) -> &Place {
        &self.place
    }

    fn path(&self) -> &Path {
        self.place.file()
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
    /// Runs `work` with a statement that has its values, of which `missing` come later.
    fn with<T>(
        &self,
        sql: &str,
        params: impl Params,
        missing: usize,
        work: impl FnOnce(&mut Prepared<'_>) -> Result<T>,
    ) -> Result<T> {
        #[cfg(test)]
        seen::note(sql);
        let prepared = self.kept.prepared(self.conn, sql)?;
        let mut prepared = prepared.borrow_mut();
        prepared.bind(sql, params, missing)?;
        work(&mut prepared)
    }

    /// Runs statements that change what columns there are.
    fn batch(&self, sql: &str) -> Result<()> {
        self.kept.forget();
        Ok(self.conn.execute_batch(sql)?)
    }

    /// Runs a statement; the number of rows it changed.
    pub fn execute(&self, sql: &str, params: impl Params) -> Result<usize> {
        self.with(sql, params, 0, |prepared| Ok(prepared.statement.raw_execute()?))
    }

    /// Runs an INSERT; the new id.
    pub fn insert(&self, sql: &str, params: impl Params) -> Result<i64> {
        exactly_one(self.execute(sql, params)?)?;
        Ok(self.conn.last_insert_rowid())
    }

    /// Runs an INSERT whose last value is bytes, for a column that is named as well; the new id. As a value SQLite would
    /// copy large ones twice.
    pub fn store_bytes(&self, sql: &str, params: impl Params, column: Column, bytes: &[u8]) -> Result<i64> {
        let is_large = bytes.len() > LARGE;
        let last = if is_large { Bytes::Room(u64::try_from(bytes.len())?) } else { Bytes::These(bytes) };
        let changed = self.with(sql, params, 1, |Prepared { statement, .. }| {
            let place = statement.parameter_count();
            statement.raw_bind_parameter(place, last)?;
            Ok(statement.raw_execute()?)
        })?;
        exactly_one(changed)?;
        let id = self.conn.last_insert_rowid();
        if is_large {
            self.conn.blob_open(MAIN_DB, column.table, column.name, id, false)?.write_all(bytes)?;
        }
        Ok(id)
    }

    /// The bytes of a column of one row, without SQLite's own copy of them.
    pub fn load_bytes(&self, column: Column, id: i64) -> Result<Vec<u8>> {
        let mut blob = self.conn.blob_open(MAIN_DB, column.table, column.name, id, true)?;
        let mut bytes = Vec::with_capacity(blob.len());
        blob.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads the bytes of a column of one row as a stream, as far as `read` wants them.
    pub fn load_bytes_with<T>(
        &self,
        column: Column,
        id: i64,
        read: impl FnOnce(&mut dyn Read) -> Result<T>,
    ) -> Result<T> {
        read(&mut self.conn.blob_open(MAIN_DB, column.table, column.name, id, true)?)
    }

    /// The first row, if there is one.
    pub fn one<T>(&self, sql: &str, params: impl Params, map: impl FnOnce(&Row<'_>) -> Result<T>) -> Result<Option<T>> {
        self.with(sql, params, 0, |Prepared { statement, columns }| {
            let mut rows = statement.raw_query();
            let Some(row) = rows.next()? else { return Ok(None) };
            map(&Row::new(row, kept::columns(columns, row)?, sql)).map(Some)
        })
    }

    pub fn all<T>(&self, sql: &str, params: impl Params, mut map: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        self.with(sql, params, 0, |Prepared { statement, columns }| {
            let mut rows = statement.raw_query();
            let mut all = Vec::new();
            while let Some(row) = rows.next()? {
                all.push(map(&Row::new(row, kept::columns(columns, row)?, sql))?);
            }
            Ok(all)
        })
    }

    /// The first column of the first row, if there is one.
    pub fn value<T: FromSql>(&self, sql: &str, params: impl Params) -> Result<Option<T>> {
        self.with(sql, params, 0, |Prepared { statement, .. }| {
            let mut rows = statement.raw_query();
            Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
        })
    }

    /// The first column of all rows.
    pub fn values<T: FromSql>(&self, sql: &str, params: impl Params) -> Result<Vec<T>> {
        self.with(sql, params, 0, |Prepared { statement, .. }| {
            let mut rows = statement.raw_query();
            let mut all = Vec::new();
            while let Some(row) = rows.next()? {
                all.push(row.get(0)?);
            }
            Ok(all)
        })
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

/// The form in which moments are stored.
pub fn seconds(moment: Timestamp) -> i64 {
    moment.as_second()
}

/// Fails where a statement changed another number of rows than one.
pub fn exactly_one(changed: usize) -> Result<()> {
    if changed != 1 {
        bail!("one row was to be changed, {changed} were");
    }
    Ok(())
}
