//! PostgreSQL: the engine on a server. The one place that names it: transactions here; below it how a host is reached
//! ([`reach`]) by TLS ([`tls`]) and what a connection finds there ([`open`]), what is sent together ([`line`]), which statements
//! are kept ([`kept`]), how their text is put for this engine ([`text`]), ids of rows to come ([`ids`]), which
//! answers still hold ([`memo`]), how large bytes are read ([`pieces`]), what is done with the whole database ([`whole`]),
//! whether all of its parts are there ([`shape`]), what errors mean ([`error`]), who has the turn ([`turn`]), whether a
//! COMMIT without an answer was done ([`commit`]), which commits do not wait for the disk ([`soon`]), and whether another server
//! has taken its place ([`timeline`]).
//!
//! A transaction that may write is READ COMMITTED and takes *the turn*, a row of the table `turns`, before it looks at
//! anything: that is SQLite's BEGIN IMMEDIATE. At a stricter level what it sees would be older than the lock that it waited
//! for. A transaction that reads has one snapshot.

mod commit;
mod error;
mod ids;
mod kept;
mod letters;
mod line;
mod memo;
mod open;
mod pieces;
mod reach;
mod schema;
mod shape;
mod soon;
mod text;
mod timeline;
mod tls;
mod turn;
mod values;
mod whole;

use std::cell::{Cell, RefCell};
use std::io::Read;
use std::rc::Rc;

use anyhow::{Context, Result, ensure};

pub use error::{Unflushed, meaning};
pub use open::MIGRATIONS;
pub use values::Cells;

use self::commit::Begun;
use self::ids::Ids;
use self::kept::Kept;
use self::line::Client;
use self::pieces::{PIECE, Pieces};
use self::soon::Soon;
use self::values::{Answer, Given};
use super::bind::Params;
use super::columns::Columns;
use super::count::one_row;
use super::value::FromValue;
use super::{Column, Mode};
use crate::place::server::Server;

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
    ids: Ids,
    /// The numbers of the statements that began the savepoints of this transaction.
    savepoints: Vec<u64>,
    /// What the server is known by until it loses something; asked for with the first transaction that may write.
    life: Option<String>,
    /// It is the server that the database was written on last.
    is_known: bool,
    /// What became of commits that did not wait.
    soon: Soon,
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
            self.conn.link.borrow_mut().client.forget();
            // Where the connection is gone, so is the transaction.
            let _ = self.conn.batch("ROLLBACK");
        }
    }
}

impl Conn {
    /// Runs `work` in a transaction and ends it.
    pub fn transact<T>(&self, mode: Mode, work: impl FnOnce(Running<'_>) -> Result<T>) -> Result<T> {
        self.run_in_transaction(mode, work).map_err(|error| turn::named(&mut self.link.borrow_mut().client, error))
    }

    fn run_in_transaction<T>(&self, mode: Mode, work: impl FnOnce(Running<'_>) -> Result<T>) -> Result<T> {
        let begun = self.begin(mode)?;
        let mut open = Open { conn: self, is_over: false };
        let done = work(Running { conn: self })?;
        if mode == Mode::Rehearse {
            self.link.borrow_mut().client.flush()?;
            return Ok(done);
        }
        self.end(&mut open, begun.as_ref()).map(|()| done)
    }

    fn end(&self, open: &mut Open<'_>, begun: Option<&Begun>) -> Result<()> {
        // COMMIT of a transaction that has failed would be answered without an error.
        ensure!(!self.link.borrow().client.has_failed(), "a statement of a transaction failed, and it went on");
        open.is_over = true;
        self.commit(begun)
    }

    /// Knows nothing of the transaction before.
    fn start_over(&self, mode: Mode) {
        let mut link = self.link.borrow_mut();
        link.client.forget();
        link.savepoints.clear();
        link.ids.begin(matches!(mode, Mode::Write | Mode::WriteSoon));
        link.kept.memo.begin(mode != Mode::Besides);
    }

    /// Begins a transaction; what the server knows one by that may write.
    fn begin(&self, mode: Mode) -> Result<Option<Begun>> {
        self.start_over(mode);
        if mode == Mode::Read {
            self.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
            return Ok(None);
        }
        let fence = if commit::has_turn(mode) { self.fence.borrow().clone() } else { String::new() };
        let mut link = self.link.borrow_mut();
        match commit::begin(&mut link, mode, &fence, mode == Mode::Rehearse || self.admits.get()) {
            Ok(begun) => Ok(Some(begun)),
            Err(error) => {
                let _ = link.client.batch_execute("ROLLBACK");
                Err(error)
            }
        }
    }

    /// Ends a transaction. Where the answer is lost the server is asked again.
    fn commit(&self, begun: Option<&Begun>) -> Result<()> {
        {
            let Link { client, ids, .. } = &mut *self.link.borrow_mut();
            ids.end(client);
        }
        // What waits travels with it: after an error of that the server makes it a ROLLBACK.
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
        let Link { client, kept, .. } = &mut *self.link.borrow_mut();
        kept.memo.forget();
        client.batch_execute(sql)
    }
}

impl Running<'_> {
    /// Runs a statement and takes all of its answer, so that another one can run while it is read.
    fn run(&self, sql: &str, params: impl Params, last: Option<&[u8]>) -> Result<Rc<Answer>> {
        let mut given = Given::all(params)?;
        given.extend(last.map(Given::bytes));
        self.run_given(sql, &given)
    }

    fn run_given(&self, sql: &str, given: &[Given<'_>]) -> Result<Rc<Answer>> {
        let mut link = self.conn.link.borrow_mut();
        let Link { client, kept, .. } = &mut *link;
        kept.run(client, sql, given)
    }

    /// Lets a statement that writes wait; its number.
    fn put(&self, sql: &str, given: Vec<Given<'static>>) -> Result<u64> {
        let Link { client, kept, .. } = &mut *self.conn.link.borrow_mut();
        kept.put(client, sql, given)
    }

    /// Whether somebody wants to know of each row that a statement writes.
    fn is_told(&self, sql: &str) -> bool {
        let told = self.conn.told.borrow();
        told.as_ref().zip(text::written(sql)).is_some_and(|(told, table)| (told.of)(table).is_some())
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

    /// Runs a statement, which may wait until its count is wanted.
    pub fn execute(&self, sql: &str, params: impl Params) -> Result<Changed<'_>> {
        if !self.is_told(sql) {
            return Ok(Changed::Later(self.conn, self.put(sql, Given::all(params)?)?));
        }
        let answer = match text::returns(sql) {
            true => self.run(sql, params, None)?,
            false => self.run(&format!("{sql} RETURNING id"), params, None)?,
        };
        self.tell(sql, &answer)?;
        Ok(Changed::Known(answer.changed))
    }

    pub fn insert(&self, sql: &str, params: impl Params) -> Result<i64> {
        self.inserted(sql, params, None)
    }

    fn inserted(&self, sql: &str, params: impl Params, last: Option<&[u8]>) -> Result<i64> {
        let mut given = Given::all(params)?;
        let place = given.len() + usize::from(last.is_some()) + 1;
        if !self.is_told(sql)
            && let Some(own) = text::with_id(sql, place)
            && let Some(id) = self.next_id(sql)?
        {
            given.extend(last.map(Given::copied));
            given.push(Given::id(id));
            self.put(&own, given)?;
            return Ok(id);
        }
        let mut given: Vec<Given<'_>> = given;
        given.extend(last.map(Given::bytes));
        let answer = self.run_given(&format!("{sql} RETURNING id"), &given)?;
        self.tell(sql, &answer)?;
        one_row(usize::try_from(answer.changed)?)?;
        let row = answer.rows.first().context("an INSERT returned no id")?;
        i64::from_value(Cells::new(row).value(0)?).map_err(|misfit| misfit.of("id").into())
    }

    /// The id for the row of an INSERT, where it is known before.
    fn next_id(&self, sql: &str) -> Result<Option<i64>> {
        let Link { client, ids, .. } = &mut *self.conn.link.borrow_mut();
        text::written(sql).map_or(Ok(None), |table| ids.next(client, table))
    }

    /// Large bytes go in pieces: the first one, which shows by its size that there are more, into the column itself.
    pub fn store_bytes(&self, sql: &str, params: impl Params, column: Column, bytes: &[u8]) -> Result<i64> {
        let (first, rest) = bytes.split_at_checked(PIECE + 1).unwrap_or((bytes, &[]));
        let id = self.inserted(sql, params, Some(first))?;
        let add = format!("INSERT INTO {}_pieces (row_id, number, {}) VALUES (?1, ?2, ?3)", column.table, column.name);
        for (number, piece) in (1_i64..).zip(rest.chunks(PIECE)) {
            self.put(&add, vec![Given::id(id), Given::id(number), Given::copied(piece)])?;
        }
        Ok(id)
    }

    pub fn load_bytes(&self, column: Column, id: i64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut pieces = Pieces::new(self, column, id);
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
        let mut pieces = Pieces::new(self, column, id);
        let done = read(&mut pieces);
        // What the server said tells more than what a reader makes of it.
        pieces.failure.map_or(done, Err)
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

    /// Begins a savepoint. What waits from before is none of it: an error of that comes now.
    pub fn set_savepoint(&self) -> Result<()> {
        let Link { client, savepoints, .. } = &mut *self.conn.link.borrow_mut();
        if client.owes_answers() {
            client.flush()?;
        }
        savepoints.push(client.mark("SAVEPOINT message"));
        Ok(())
    }

    /// Ends the last savepoint, once each of its statements is answered.
    pub fn release(&self) -> Result<()> {
        let Link { client, savepoints, .. } = &mut *self.conn.link.borrow_mut();
        let owes = client.owes_answers();
        client.mark("RELEASE message");
        if owes {
            client.flush()?;
        }
        savepoints.pop();
        Ok(())
    }

    /// Undoes what was written since the last savepoint, which is over then.
    pub fn roll_back(&self) -> Result<()> {
        let Link { client, kept, savepoints, .. } = &mut *self.conn.link.borrow_mut();
        kept.memo.forget();
        let number = savepoints.pop().context("there is no savepoint")?;
        if client.take_back(number) { client.go_back("ROLLBACK TO message; RELEASE message") } else { Ok(()) }
    }

    /// Rows written by this connection since it was opened.
    pub fn changes(&self) -> Result<u64> {
        let client = &mut self.conn.link.borrow_mut().client;
        client.flush()?;
        Ok(client.changes())
    }
}

/// How many rows a statement has changed, or where that will be known.
#[derive(Clone, Copy)]
pub enum Changed<'a> {
    Known(u64),
    Later(&'a Conn, u64),
}

impl Changed<'_> {
    pub fn rows(self) -> Result<u64> {
        match self {
            Changed::Known(rows) => Ok(rows),
            Changed::Later(conn, number) => conn.link.borrow_mut().client.count(number),
        }
    }
}
