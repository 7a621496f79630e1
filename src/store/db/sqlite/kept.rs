//! The statements of a transaction: prepared once, and kept with the names of their columns until it ends.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use anyhow::{Result, ensure};
use rusqlite::types::{self, ToSql, ToSqlOutput};
use rusqlite::{CachedStatement, Connection};

use crate::store::db::bind::Params;
use crate::store::db::columns::Columns;
use crate::store::db::value::ValueRef;

/// As many as the connection keeps afterwards.
pub(super) const MOST: usize = 200;

/// Values beyond this are not kept with their statement.
const HEAVY: usize = 1 << 16;

/// A value that is given to a statement.
struct Given<'a>(ValueRef<'a>);

impl ToSql for Given<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            ValueRef::Null | ValueRef::Fraction => types::ValueRef::Null,
            ValueRef::Integer(number) => types::ValueRef::Integer(number),
            ValueRef::Text(text) => types::ValueRef::Text(text),
            ValueRef::Bytes(bytes) => types::ValueRef::Blob(bytes),
        }))
    }
}

/// The values of a row.
pub struct Cells<'a>(&'a rusqlite::Row<'a>);

impl Cells<'_> {
    pub(in crate::store::db) fn value(&self, place: usize) -> Result<ValueRef<'_>> {
        Ok(match self.0.get_ref(place)? {
            types::ValueRef::Null => ValueRef::Null,
            types::ValueRef::Integer(number) => ValueRef::Integer(number),
            types::ValueRef::Real(_) => ValueRef::Fraction,
            types::ValueRef::Text(text) => ValueRef::Text(text),
            types::ValueRef::Blob(bytes) => ValueRef::Bytes(bytes),
        })
    }
}

/// A statement that is ready to run.
pub(super) struct Prepared<'a> {
    pub(super) statement: CachedStatement<'a>,
    /// Known once there has been a row.
    columns: Option<Columns>,
    /// SQLite has copies of values that are large.
    is_heavy: bool,
}

impl Prepared<'_> {
    /// Gives the statement its values, of which `missing` come later.
    pub(super) fn bind(&mut self, sql: &str, params: impl Params, missing: usize) -> Result<()> {
        let mut place = 0;
        params.each(&mut |value| {
            place += 1;
            self.give(place, value.value())
        })?;
        let wanted = self.statement.parameter_count();
        ensure!(place + missing == wanted, "a statement takes {wanted} values and was given {place}: {sql}");
        Ok(())
    }

    /// Gives the statement one value.
    pub(super) fn give(&mut self, place: usize, value: ValueRef<'_>) -> Result<()> {
        if let ValueRef::Text(bytes) | ValueRef::Bytes(bytes) = value {
            self.is_heavy |= bytes.len() > HEAVY;
        }
        Ok(self.statement.raw_bind_parameter(place, Given(value))?)
    }

    /// Takes large values away from the statement, which has run.
    pub(super) fn lighten(&mut self) {
        if std::mem::take(&mut self.is_heavy) {
            self.statement.clear_bindings();
        }
    }

    /// Runs the statement and gives `map` the first row.
    pub(super) fn first<T>(&mut self, map: impl FnOnce(Cells<'_>, &Columns) -> Result<T>) -> Result<Option<T>> {
        let mut rows = self.statement.raw_query();
        let Some(row) = rows.next()? else { return Ok(None) };
        map(Cells(row), known(&mut self.columns, row)?).map(Some)
    }

    /// Runs the statement and gives `map` each row.
    pub(super) fn all<T>(&mut self, mut map: impl FnMut(Cells<'_>, &Columns) -> Result<T>) -> Result<Vec<T>> {
        let mut rows = self.statement.raw_query();
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push(map(Cells(row), known(&mut self.columns, row)?)?);
        }
        Ok(all)
    }
}

/// The columns of a statement, of which there is a row.
fn known<'c>(columns: &'c mut Option<Columns>, row: &rusqlite::Row<'_>) -> Result<&'c Columns> {
    if let Some(columns) = columns {
        return Ok(columns);
    }
    let statement = row.as_ref();
    let mut found = Columns::default();
    for column in 0..statement.column_count() {
        found.add(statement.column_name(column)?);
    }
    Ok(columns.insert(found))
}

type ByText<T> = HashMap<Box<str>, T, BuildHasherDefault<OfText>>;

/// Statements by their text.
#[derive(Default)]
pub(super) struct Kept<'a>(RefCell<ByText<Rc<RefCell<Prepared<'a>>>>>);

impl<'a> Kept<'a> {
    /// A statement that is not running.
    pub(super) fn prepared(&self, conn: &'a Connection, sql: &str) -> Result<Rc<RefCell<Prepared<'a>>>> {
        let mut all = self.0.borrow_mut();
        let kept = all.get(sql);
        if let Some(idle) = kept.filter(|kept| kept.try_borrow_mut().is_ok()) {
            return Ok(Rc::clone(idle));
        }
        let is_running = kept.is_some();
        let prepared = Prepared { statement: conn.prepare_cached(sql)?, columns: None, is_heavy: false };
        let prepared = Rc::new(RefCell::new(prepared));
        if !is_running {
            if all.len() >= MOST {
                all.clear();
            }
            all.insert(sql.into(), Rc::clone(&prepared));
        }
        Ok(prepared)
    }

    /// Forgets them: tables are about to have other columns.
    pub(super) fn forget(&self) {
        self.0.borrow_mut().clear();
    }
}

/// Adds up the bytes of a statement. All of them are of this program, so nobody can choose such as meet.
#[derive(Default)]
struct OfText(u64);

impl OfText {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for OfText {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.add(u64::from_le_bytes(*word)));
        self.add(rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::db::{Store, Tx, params};

    fn with_teams(names: &[&str]) -> Store {
        let store = Store::embedded_for_test().unwrap();
        let add = |tx: &Tx<'_>, name: &&str| {
            tx.insert("INSERT INTO teams (name, created_at) VALUES (?1, 0)", params![*name]).map(drop)
        };
        store.write(|tx| names.iter().try_for_each(|name| add(tx, name))).unwrap();
        store
    }

    #[test]
    fn a_column_that_is_not_there_is_named_with_the_statement() {
        let store = with_teams(&["a"]);
        let read = store.read(|tx| tx.one("SELECT id FROM teams", [], |row| row.get::<i64>("size")));
        assert_eq!(read.unwrap_err().to_string(), "there is no column size in the answer to: SELECT id FROM teams");
    }

    #[test]
    fn a_statement_that_is_running_can_be_run_again_meanwhile() {
        let store = with_teams(&["a", "b"]);
        fn named(tx: &Tx<'_>, depth: usize) -> Result<String> {
            let sql = "SELECT name, id FROM teams ORDER BY id LIMIT 2";
            let inner =
                |name: String| if depth == 0 { Ok(name) } else { Ok(format!("{name}({})", named(tx, depth - 1)?)) };
            Ok(tx.all(sql, [], |row| inner(row.get("name")?))?.join(" "))
        }
        let read = store.read(|tx| Ok((named(tx, 2)?, named(tx, 0)?))).unwrap();
        assert_eq!(read, ("a(a(a b) b(a b)) b(a(a b) b(a b))".to_owned(), "a b".to_owned()));
    }

    #[test]
    fn columns_that_a_table_gets_meanwhile_are_found() {
        let store = with_teams(&["a"]);
        let both = store.write(|tx| {
            let read = |column: &str| tx.one("SELECT t.*, 7 AS last FROM teams t", [], |row| row.get::<i64>(column));
            let before = read("last")?;
            tx.sqlite().batch("ALTER TABLE teams ADD COLUMN size INTEGER NOT NULL DEFAULT 3")?;
            Ok((before, read("size")?, read("last")?))
        });
        assert_eq!(both.unwrap(), (Some(7), Some(3), Some(7)));
    }

    #[test]
    fn large_values_are_not_kept_with_their_statement() {
        let (store, sql) = (with_teams(&[]), "SELECT length(?1) AS length");
        for (length, is_kept) in [(HEAVY, true), (HEAVY + 1, false), (HEAVY, true)] {
            store
                .read(|tx| {
                    let text = "x".repeat(length);
                    assert_eq!(tx.value::<i64>(sql, [text.as_str()])?, Some(i64::try_from(length)?));
                    let prepared = tx.sqlite().kept.prepared(tx.sqlite().conn, sql)?;
                    let bound = prepared.borrow().statement.expanded_sql().unwrap();
                    assert_eq!(bound.contains("xx"), is_kept, "{length}");
                    Ok(())
                })
                .unwrap();
        }
    }

    #[test]
    fn statements_are_kept_up_to_a_number() {
        let store = with_teams(&["a"]);
        store
            .read(|tx| {
                for n in 0..i64::try_from(3 * MOST).unwrap() {
                    let sql = format!("SELECT id + {n} AS n FROM teams");
                    assert_eq!(tx.one(&sql, [], |row| row.get::<i64>("n"))?, Some(n + 1));
                    assert!(tx.sqlite().kept.0.borrow().len() <= MOST);
                }
                Ok(())
            })
            .unwrap();
    }
}
