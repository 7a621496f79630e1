//! The database of one user's part: what is in it, and back to what it was.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;

/// A database that nothing should change, with a clean copy beside it.
pub struct Database {
    path: PathBuf,
    clean: PathBuf,
    connection: Option<rusqlite::Connection>,
    version: i64,
    content: String,
}

impl Database {
    pub fn new(path: &Path) -> Database {
        let clean = path.with_extension("clean");
        std::fs::copy(path, &clean).unwrap();
        let mut database =
            Database { path: path.to_owned(), clean, connection: None, version: 0, content: String::new() };
        database.open();
        database.content = dump(database.connection.as_ref().unwrap());
        database
    }

    fn open(&mut self) {
        let connection = rusqlite::Connection::open(&self.path).unwrap();
        self.version = version(&connection);
        self.connection = Some(connection);
    }

    /// What has changed, which is undone then.
    pub fn changes(&mut self) -> Option<String> {
        let connection = self.connection.as_ref().unwrap();
        let version = version(connection);
        if std::mem::replace(&mut self.version, version) == version {
            return None;
        }
        let content = dump(connection);
        if content == self.content {
            return None;
        }
        self.connection = None;
        for suffix in ["-wal", "-shm"] {
            std::fs::remove_file(format!("{}{suffix}", self.path.display())).ok();
        }
        std::fs::copy(&self.clean, &self.path).unwrap();
        self.open();
        let new = content.lines().filter(|line| !self.content.contains(line));
        Some(new.collect::<Vec<_>>().join("\n"))
    }
}

/// Changes whenever another connection has committed something.
fn version(db: &rusqlite::Connection) -> i64 {
    db.query_row("PRAGMA data_version", [], |row| row.get(0)).unwrap()
}

/// Every row of every table but the log of who did what.
fn dump(db: &rusqlite::Connection) -> String {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name";
    let mut statement = db.prepare_cached(sql).unwrap();
    let tables: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut all = String::new();
    for table in tables {
        let mut statement = db.prepare_cached(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            all.push_str(&table);
            for column in 0..columns {
                match row.get_ref(column).unwrap() {
                    text @ ValueRef::Text(_) => write!(all, " {:?}", text.as_str().unwrap()).unwrap(),
                    other => write!(all, " {other:?}").unwrap(),
                }
            }
            all.push('\n');
        }
    }
    all
}
