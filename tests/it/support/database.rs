//! The database as somebody with a shell could open it. This is the one file of these tests that names SQLite or opens a
//! database; it knows which engine a test run has.

use std::path::{Path, PathBuf};

use espomail::place::Place;
use espomail::store::db::Store;
use rusqlite::Connection;
use rusqlite::types::{Value, ValueRef};

use super::Sandbox;

/// A database for the test alone, with nothing in it.
pub fn store() -> Store {
    Store::for_test().unwrap()
}

/// A new database in a file.
pub fn new_store(path: PathBuf) -> Store {
    Store::create(&Place::of_file(path)).unwrap()
}

/// A connection past the program.
pub struct Database(Connection);

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Null,
    Int(i64),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
}

impl From<ValueRef<'_>> for Cell {
    fn from(value: ValueRef<'_>) -> Cell {
        match value {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(number) => Cell::Int(number),
            ValueRef::Real(number) => Cell::Real(number),
            ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
        }
    }
}

impl Cell {
    /// A number.
    #[track_caller]
    pub fn int(&self) -> i64 {
        match self {
            Cell::Int(number) => *number,
            other => panic!("not a number: {other:?}"),
        }
    }

    /// Text, or bytes that may be text, as they are; anything else as it is written.
    pub fn plain(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => format!("{other:?}"),
        }
    }
}

impl Database {
    pub fn open(path: &Path) -> Database {
        Database(Connection::open(path).unwrap())
    }

    /// Runs statements without values.
    #[track_caller]
    pub fn run(&self, sql: &str) {
        self.0.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Runs an INSERT; the new id.
    #[track_caller]
    pub fn insert(&self, sql: &str, values: &[Cell]) -> i64 {
        let values = values.iter().map(|cell| match cell {
            Cell::Null => Value::Null,
            Cell::Int(number) => Value::Integer(*number),
            Cell::Real(number) => Value::Real(*number),
            Cell::Text(text) => Value::Text(text.clone()),
            Cell::Bytes(bytes) => Value::Blob(bytes.clone()),
        });
        self.0.execute(sql, rusqlite::params_from_iter(values)).unwrap();
        self.0.last_insert_rowid()
    }

    /// The rows of a query.
    #[track_caller]
    pub fn rows(&self, sql: &str) -> Vec<Vec<Cell>> {
        let mut statement = self.0.prepare_cached(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| (0..columns).map(|i| Ok(row.get_ref(i)?.into())).collect();
        statement.query_map([], row).unwrap().map(Result::unwrap).collect()
    }

    /// The first column of the first row.
    #[track_caller]
    pub fn value(&self, sql: &str) -> Cell {
        self.rows(sql).remove(0).remove(0)
    }

    /// The first column of all rows.
    #[track_caller]
    pub fn texts(&self, sql: &str) -> Vec<String> {
        self.rows(sql).into_iter().map(|mut row| row.remove(0).plain()).collect()
    }

    pub fn tables(&self) -> Vec<String> {
        self.texts(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name",
        )
    }

    /// Every row of every table with the name of its table.
    pub fn every_row(&self) -> Vec<(String, Vec<Cell>)> {
        let of = |table: String| {
            self.rows(&format!("SELECT * FROM \"{table}\"")).into_iter().map(move |row| (table.clone(), row))
        };
        self.tables().into_iter().flat_map(of).collect()
    }

    /// The words in the full-text indexes.
    pub fn indexed_words(&self) -> Vec<String> {
        self.run(
            "CREATE VIRTUAL TABLE temp.email_words USING fts5vocab (main, email_index, row);
            CREATE VIRTUAL TABLE temp.case_words USING fts5vocab (main, case_index, row)",
        );
        self.texts("SELECT term FROM email_words UNION SELECT term FROM case_words")
    }

    /// Takes everything out of the full-text indexes.
    pub fn empty_indexes(&self) {
        self.run(
            "INSERT INTO email_index (email_index) VALUES ('delete-all'); INSERT INTO case_index (case_index) VALUES ('delete-all')",
        );
    }

    /// Changes whenever another connection has committed something.
    pub fn version(&self) -> i64 {
        self.value("PRAGMA data_version").int()
    }
}

/// Every row of every table, to see whether anything at all was changed.
pub fn every_row(path: &Path) -> String {
    let rows = Database::open(path).every_row();
    rows.iter().map(|(table, row)| format!("{table} {row:?}\n")).collect()
}

impl Sandbox {
    /// The database, opened as somebody with a shell could.
    pub fn database(&self) -> Database {
        Database::open(&self.db())
    }

    /// The store of the program on this database.
    pub fn store(&self) -> Store {
        Store::open(&Place::of_file(self.db())).unwrap()
    }

    /// Runs a statement on the database, as somebody with a shell could.
    #[track_caller]
    pub fn sql(&self, sql: &str) {
        self.database().run(sql);
    }

    /// The rows of a query that asks for one column of texts.
    #[track_caller]
    pub fn query(&self, sql: &str) -> Vec<String> {
        self.database().texts(sql)
    }
}
