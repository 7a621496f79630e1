//! The database of one user's part: what is in it, and back to what it was.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::support::Database;

/// A database that nothing should change, with a clean copy beside it.
pub struct Guarded {
    path: PathBuf,
    clean: PathBuf,
    connection: Option<Database>,
    version: i64,
    content: String,
}

impl Guarded {
    pub fn new(path: &Path) -> Guarded {
        let clean = path.with_extension("clean");
        std::fs::copy(path, &clean).unwrap();
        let mut database =
            Guarded { path: path.to_owned(), clean, connection: None, version: 0, content: String::new() };
        database.open();
        database.content = dump(database.connection.as_ref().unwrap());
        database
    }

    fn open(&mut self) {
        let connection = Database::open(&self.path);
        self.version = connection.version();
        self.connection = Some(connection);
    }

    /// What has changed, which is undone then.
    pub fn changes(&mut self) -> Option<String> {
        let connection = self.connection.as_ref().unwrap();
        let version = connection.version();
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

/// Every row of every table but the log of who did what.
fn dump(db: &Database) -> String {
    let mut all = String::new();
    for (table, row) in db.every_row() {
        writeln!(all, "{table} {row:?}").unwrap();
    }
    all
}
