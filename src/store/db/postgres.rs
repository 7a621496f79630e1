//! PostgreSQL: the engine on a server. The one place that names it: transactions here; below it how a host is reached
//! ([`reach`]) by TLS ([`tls`]) and what a connection finds there ([`open`]), which statements are kept ([`kept`]), how their
//! text is put for this engine ([`text`]), what is done with the whole database ([`whole`]), whether all of its parts are
//! there ([`shape`]), what errors mean ([`error`]), who has the turn ([`turn`]), whether a COMMIT without an answer was done
//! ([`commit`]), and whether another server has taken its place ([`timeline`]).
//!
//! A transaction that may write is READ COMMITTED and takes *the turn*, a row of the table `turns`, before it looks at
//! anything: that is SQLite's BEGIN IMMEDIATE. At a stricter level what it sees would be older than the lock that it waited
//! for. A transaction that reads has one snapshot.

mod commit;
mod error;
mod kept;
mod letters;
mod open;
mod reach;
mod shape;
mod text;
mod timeline;
mod tls;
mod turn;
mod whole;

use std::cell::{Cell, RefCell};
use std::io::{self, Read};

use ::postgres::Client;
use anyhow::{Context, Result, ensure};

pub use error::meaning;
pub use kept::Cells;
pub use open::MIGRATIONS;

use self::commit::Begun;
use self::kept::{Answer, Given, Kept};
use super::bind::Params;
use super::columns::Columns;
use super::value::FromValue;
use super::{Column, LARGE, Mode, exactly_one};
use crate::place::server::Server;

/// The piece of a value that is stored at once: the server needs several times its size.
const PIECE: usize = LARGE;

/// Who hears of the rows that are written.
struct Told {
    /// Of which tables; these have ids.
    of: fn(&str) -> Option<&'static str>,
    told: Box<Hearing>,
}

/// What is done with a table and an id.
type Hearing = dyn FnMut(&str, i64) + Send;

/// Is connected to the database.
pub struct Conn {
    server: Server,
    link: RefCell<Link>,
    told: RefCell<Option<Told>>,
    changes: Cell<u64>,
    /// A statement of this transaction has failed: nothing but going back is left.
    has_failed: Cell<bool>,
    /// Nothing is written.
    is_read_only: Cell<bool>,
    /// A statement with which each transaction that may write begins: where it gives no row, another host has taken over.
    fence: RefCell<String>,
    /// What a server may lack that has taken the place of another one is being looked after.
    admits: Cell<bool>,
}

/// A connection and what the server keeps for it.
struct Link {
    client: Client,
    kept: Kept,
    /// What the server is known by until it loses something; asked for with the first transaction that may write.
    life: Option<String>,
    /// It is the server that the database was written on last.
    is_known: bool,
}

/// A transaction.
pub struct Running<'a> {
    conn: &'a Conn,
}

/// A transaction that is undone where nothing else becomes of it, also by a panic.
struct Open<'a> {
    conn: &'a Conn,
    is_over: bool,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            // Where the connection is gone, so is the transaction.
            let _ = self.conn.batch("ROLLBACK");
        }
    }
}

impl Conn {
    /// Runs `work` in a transaction and ends it.
    pub fn transact<T>(&self, mode: Mode, work: impl FnOnce(Running<'_>) -> Result<T>) -> Result<T> {
        self.has_failed.set(false);
        let begun = self.begin(mode)?;
        let mut open = Open { conn: self, is_over: false };
        let done = work(Running { conn: self })?;
        if mode == Mode::Rehearse {
            return Ok(done);
        }
        // COMMIT of a transaction that has failed would be answered without an error.
        ensure!(!self.has_failed.get(), "a statement of a transaction failed, and it went on");
        open.is_over = true;
        self.commit(begun.as_ref())?;
        Ok(done)
    }

    /// Begins a transaction; what the server knows one by that may write.
    fn begin(&self, mode: Mode) -> Result<Option<Begun>> {
        if mode == Mode::Read {
            self.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
            return Ok(None);
        }
        let has_turn = mode != Mode::Besides;
        let fence = if has_turn { self.fence.borrow().clone() } else { String::new() };
        let mut link = self.link.borrow_mut();
        match commit::begin(&mut link, has_turn, &fence, mode == Mode::Rehearse || self.admits.get()) {
            Ok(begun) => Ok(Some(begun)),
            Err(error) => {
                let _ = link.client.batch_execute("ROLLBACK");
                Err(turn::named(&mut link.client, error))
            }
        }
    }

    /// Ends a transaction. Where the answer is lost the server is asked again.
    fn commit(&self, begun: Option<&Begun>) -> Result<()> {
        match (self.batch("COMMIT"), begun) {
            (Err(lost), Some(begun)) if error::is_lost(&lost) => self.look_up(begun, lost),
            (done, _) => done,
        }
    }

    /// Whether nothing is to be written by this connection.
    pub fn only_reads(&self) -> bool {
        self.is_read_only.get()
    }

    /// From now on each transaction that may write begins with this statement; the one before.
    pub fn begin_with(&self, fence: String) -> String {
        self.fence.replace(fence)
    }

    /// From now on `told` hears of each row that is written into a table `of` which it wants to know: the table and the id.
    pub fn watch(&mut self, of: fn(&str) -> Option<&'static str>, told: impl FnMut(&str, i64) + Send + 'static) {
        self.told.replace(Some(Told { of, told: Box::new(told) }));
    }

    /// Runs statements without values.
    fn batch(&self, sql: &str) -> Result<()> {
        Ok(self.link.borrow_mut().client.batch_execute(sql)?)
    }
}

impl Running<'_> {
    /// Runs a statement and takes all of its answer, so that another one can run while it is read.
    fn run(&self, sql: &str, params: impl Params, last: Option<&[u8]>) -> Result<Answer> {
        let mut given = Given::all(params)?;
        given.extend(last.map(Given::bytes));
        let mut link = self.conn.link.borrow_mut();
        let Link { client, kept, .. } = &mut *link;
        let answer = kept.run(client, sql, &given);
        self.conn.has_failed.set(self.conn.has_failed.get() || answer.is_err());
        answer
    }

    /// Runs a statement that writes, and tells of the rows; the number of them.
    fn write(&self, sql: &str, params: impl Params) -> Result<usize> {
        let is_told = |table: &str| self.conn.told.borrow().as_ref().is_some_and(|told| (told.of)(table).is_some());
        let answer = match text::written(sql).is_some_and(is_told) && !text::returns(sql) {
            true => self.run(&format!("{sql} RETURNING id"), params, None)?,
            false => self.run(sql, params, None)?,
        };
        self.tell(sql, &answer)?;
        Ok(usize::try_from(self.count(&answer))?)
    }

    fn count(&self, answer: &Answer) -> u64 {
        self.conn.changes.set(self.conn.changes.get() + answer.changed);
        answer.changed
    }

    /// Tells of rows that were written, where the answer has their ids.
    fn tell(&self, sql: &str, answer: &Answer) -> Result<()> {
        let mut told = self.conn.told.borrow_mut();
        let (Some(told), Some(table)) = (told.as_mut(), text::written(sql)) else { return Ok(()) };
        if (told.of)(table).is_none() {
            return Ok(());
        }
        let Some(place) = answer.columns.place("id", 0) else { return Ok(()) };
        for row in &answer.rows {
            let id = i64::from_value(Cells::new(row).value(place)?).map_err(|misfit| misfit.of("id"))?;
            (told.told)(table, id);
        }
        Ok(())
    }

    pub fn execute(&self, sql: &str, params: impl Params) -> Result<usize> {
        self.write(sql, params)
    }

    pub fn insert(&self, sql: &str, params: impl Params) -> Result<i64> {
        self.inserted(sql, params, None)
    }

    fn inserted(&self, sql: &str, params: impl Params, last: Option<&[u8]>) -> Result<i64> {
        let answer = self.run(&format!("{sql} RETURNING id"), params, last)?;
        self.tell(sql, &answer)?;
        exactly_one(usize::try_from(self.count(&answer))?)?;
        let row = answer.rows.first().context("an INSERT returned no id")?;
        i64::from_value(Cells::new(row).value(0)?).map_err(|misfit| misfit.of("id").into())
    }

    /// Large bytes go in pieces: the first one, which shows by its size that there are more, into the column itself.
    pub fn store_bytes(&self, sql: &str, params: impl Params, column: Column, bytes: &[u8]) -> Result<i64> {
        let (first, rest) = bytes.split_at_checked(PIECE + 1).unwrap_or((bytes, &[]));
        let id = self.inserted(sql, params, Some(first))?;
        let add = format!("INSERT INTO {}_pieces (row_id, number, {}) VALUES (?1, ?2, ?3)", column.table, column.name);
        for (number, piece) in (1_i64..).zip(rest.chunks(PIECE)) {
            self.run(&add, [id, number], Some(piece))?;
        }
        Ok(id)
    }

    pub fn load_bytes(&self, column: Column, id: i64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut pieces = self.pieces(column, id);
        while let Some(piece) = pieces.next()? {
            bytes.extend(piece);
        }
        Ok(bytes)
    }

    pub fn load_bytes_with<T>(
        &self,
        column: Column,
        id: i64,
        read: impl FnOnce(&mut dyn Read) -> Result<T>,
    ) -> Result<T> {
        let mut pieces = self.pieces(column, id);
        let done = read(&mut pieces);
        // What the server said tells more than what a reader makes of it.
        pieces.failure.map_or(done, Err)
    }

    fn pieces(&self, column: Column, id: i64) -> Pieces<'_> {
        Pieces { running: self, column, id, number: 0, piece: io::Cursor::default(), failure: None }
    }

    /// Gives `map` the first row, if there is one.
    pub fn first<T>(
        &self,
        sql: &str,
        params: impl Params,
        map: impl FnOnce(Cells<'_>, &Columns) -> Result<T>,
    ) -> Result<Option<T>> {
        let answer = self.run(sql, params, None)?;
        self.tell(sql, &answer)?;
        answer.rows.first().map(|row| map(Cells::new(row), &answer.columns)).transpose()
    }

    /// Gives `map` each row.
    pub fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut map: impl FnMut(Cells<'_>, &Columns) -> Result<T>,
    ) -> Result<Vec<T>> {
        let answer = self.run(sql, params, None)?;
        self.tell(sql, &answer)?;
        answer.rows.iter().map(|row| map(Cells::new(row), &answer.columns)).collect()
    }

    /// Undoes what was written since the savepoint of this name, which is over then.
    pub fn roll_back_to(&self, savepoint: &str) -> Result<()> {
        self.conn.batch(&format!("ROLLBACK TO {savepoint}; RELEASE {savepoint}"))?;
        self.conn.has_failed.set(false);
        Ok(())
    }

    /// Rows written by this connection since it was opened.
    pub fn changes(&self) -> u64 {
        self.conn.changes.get()
    }
}

/// The bytes of a column, a piece at a time.
struct Pieces<'a> {
    running: &'a Running<'a>,
    column: Column,
    id: i64,
    /// Of the next piece; 0 = what is in the column itself.
    number: i64,
    piece: io::Cursor<Vec<u8>>,
    failure: Option<anyhow::Error>,
}

impl Pieces<'_> {
    fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let Column { table, name } = self.column;
        let read =
            |cells: Cells<'_>, _: &Columns| Vec::from_value(cells.value(0)?).map_err(|misfit| misfit.of(name).into());
        let piece = match self.number {
            0 => self.running.first(&format!("SELECT {name} FROM {table} WHERE id = ?1"), [self.id], read)?,
            number => {
                let sql = format!("SELECT {name} FROM {table}_pieces WHERE row_id = ?1 AND number = ?2");
                self.running.first(&sql, [self.id, number], read)?
            }
        };
        ensure!(piece.is_some() || self.number > 0, "there is no row {} of {table}", self.id);
        self.number += 1;
        Ok(piece)
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.piece.read(buffer)?;
        if read > 0 || buffer.is_empty() {
            return Ok(read);
        }
        match self.next() {
            Ok(Some(piece)) => {
                self.piece = io::Cursor::new(piece);
                self.piece.read(buffer)
            }
            Ok(None) => Ok(0),
            Err(error) => {
                self.failure = Some(error);
                Err(io::Error::other("the database does not give the bytes"))
            }
        }
    }
}
