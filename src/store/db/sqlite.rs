//! SQLite: the engine in the program itself, on one file. The one place that names it: statements here; below it how
//! a file is opened ([`open`]), which statements are kept ([`kept`]), what is done with a whole file ([`file`]), and what
//! errors mean ([`error`]).

mod checkpoints;
mod error;
mod file;
mod kept;
mod open;

use std::cell::OnceCell;
use std::fs::File;
use std::io::{Read, Write as _};

use anyhow::Result;
use rusqlite::blob::ZeroBlob;
use rusqlite::{Connection, MAIN_DB, TransactionBehavior};

pub use checkpoints::Checkpoints;
pub use error::{Unflushed, meaning};
pub use kept::Cells;
pub use open::APPLICATION_ID;
pub use open::MIGRATIONS;

use self::kept::{Kept, Prepared};
use super::bind::Params;
use super::columns::Columns;
use super::count::one_row;
use super::value::ValueRef;
use super::{Column, LARGE, Mode};

/// Has the file open, and its log once commits do not wait for the disk: what cannot be written of it is told to those who
/// have it open then.
pub struct Conn(Connection, OnceCell<File>);

/// A transaction.
pub struct Running<'a> {
    conn: &'a Connection,
    kept: Kept<'a>,
}

impl Conn {
    /// Runs `work` in a transaction and ends it.
    pub fn transact<T>(&self, mode: Mode, work: impl FnOnce(Running<'_>) -> Result<T>) -> Result<T> {
        let _hasty = (mode == Mode::WriteSoon).then(|| self.hurry()).transpose()?;
        let behavior = match mode {
            Mode::Read => TransactionBehavior::Deferred,
            Mode::Write | Mode::WriteSoon | Mode::Rehearse | Mode::Besides => TransactionBehavior::Immediate,
        };
        let tx = rusqlite::Transaction::new_unchecked(&self.0, behavior)?;
        let done = work(Running { conn: &tx, kept: Kept::default() })?;
        match mode {
            Mode::Read | Mode::Write | Mode::WriteSoon | Mode::Besides => tx.commit()?,
            Mode::Rehearse => tx.rollback()?,
        }
        Ok(done)
    }

    /// From now on `told` hears of each row that is written: its table and id.
    pub fn watch(&mut self, mut told: impl FnMut(&str, i64) + Send + 'static) -> Result<()> {
        Ok(self.0.update_hook(Some(move |_, _: &str, table: &str, id| told(table, id)))?)
    }
}

impl Running<'_> {
    /// Runs `work` with a statement that has its values, of which `missing` come later.
    fn with<T>(
        &self,
        sql: &str,
        params: impl Params,
        missing: usize,
        work: impl FnOnce(&mut Prepared<'_>) -> Result<T>,
    ) -> Result<T> {
        let prepared = self.kept.prepared(self.conn, sql)?;
        let mut prepared = prepared.borrow_mut();
        let done = prepared.bind(sql, params, missing).and_then(|()| work(&mut prepared));
        prepared.lighten();
        done
    }

    pub fn execute(&self, sql: &str, params: impl Params) -> Result<usize> {
        self.with(sql, params, 0, |prepared| Ok(prepared.statement.raw_execute()?))
    }

    pub fn insert(&self, sql: &str, params: impl Params) -> Result<i64> {
        one_row(self.execute(sql, params)?)?;
        Ok(self.conn.last_insert_rowid())
    }

    /// As a value SQLite would copy large bytes twice.
    pub fn store_bytes(&self, sql: &str, params: impl Params, column: Column, bytes: &[u8]) -> Result<i64> {
        let is_large = bytes.len() > LARGE;
        let room = u64::try_from(bytes.len())?;
        let changed = self.with(sql, params, 1, |prepared| {
            let place = prepared.statement.parameter_count();
            match is_large {
                true => prepared.statement.raw_bind_parameter(place, ZeroBlob(room))?,
                false => prepared.give(place, ValueRef::Bytes(bytes))?,
            }
            Ok(prepared.statement.raw_execute()?)
        })?;
        one_row(changed)?;
        let id = self.conn.last_insert_rowid();
        if is_large {
            self.conn.blob_open(MAIN_DB, column.table, column.name, id, false)?.write_all(bytes)?;
        }
        Ok(id)
    }

    /// Without SQLite's own copy of the bytes.
    pub fn load_bytes(&self, column: Column, id: i64) -> Result<Vec<u8>> {
        let mut blob = self.conn.blob_open(MAIN_DB, column.table, column.name, id, true)?;
        let mut bytes = Vec::with_capacity(blob.len());
        blob.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    pub fn load_bytes_with<T>(
        &self,
        column: Column,
        id: i64,
        read: impl FnOnce(&mut dyn Read) -> Result<T>,
    ) -> Result<T> {
        read(&mut self.conn.blob_open(MAIN_DB, column.table, column.name, id, true)?)
    }

    /// Gives `map` the first row, if there is one.
    pub fn first<T>(
        &self,
        sql: &str,
        params: impl Params,
        map: impl FnOnce(Cells<'_>, &Columns) -> Result<T>,
    ) -> Result<Option<T>> {
        self.with(sql, params, 0, |prepared| prepared.first(map))
    }

    /// Gives `map` each row.
    pub fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        map: impl FnMut(Cells<'_>, &Columns) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.with(sql, params, 0, |prepared| prepared.all(map))
    }

    /// Runs statements that change what columns there are.
    pub fn batch(&self, sql: &str) -> Result<()> {
        self.kept.forget();
        Ok(self.conn.execute_batch(sql)?)
    }

    /// Begins a savepoint.
    pub fn set_savepoint(&self) -> Result<()> {
        self.execute("SAVEPOINT message", []).map(drop)
    }

    /// Ends the last savepoint.
    pub fn release(&self) -> Result<()> {
        self.execute("RELEASE message", []).map(drop)
    }

    /// Undoes what was written since the last savepoint, which is over then.
    pub fn roll_back(&self) -> Result<()> {
        Ok(self.conn.execute_batch("ROLLBACK TO message; RELEASE message")?)
    }

    /// Another number as soon as another connection has written.
    pub fn version(&self) -> Result<i64> {
        Ok(self.conn.pragma_query_value(None, "data_version", |row| row.get(0))?)
    }

    /// Rows written by this connection since it was opened.
    pub fn changes(&self) -> Result<u64> {
        Ok(self.conn.total_changes())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::{Conn, Connection, Running};
    use crate::store::db::{Engine, Store, Tx};

    impl Store {
        /// The connection, for what only tests do with one.
        pub(in crate::store::db) fn conn(&self) -> &Connection {
            match &self.engine {
                Engine::Sqlite(Conn(conn, _)) => conn,
                #[cfg(feature = "postgres")]
                Engine::Postgres(_) => panic!("a test of SQLite"),
            }
        }
    }

    impl<'a> Tx<'a> {
        pub(in crate::store::db) fn sqlite(&self) -> &Running<'a> {
            match &self.running {
                crate::store::db::Running::Sqlite(running) => running,
                #[cfg(feature = "postgres")]
                crate::store::db::Running::Postgres(_) => panic!("a test of SQLite"),
            }
        }
    }
}
