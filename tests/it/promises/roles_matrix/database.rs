//! The database of one user's part: what is in it, and back to what it was.

use std::fmt::Write as _;

use crate::support::{Database, Sandbox};

/// A database that nothing should change, with a clean copy of it.
pub struct Guarded {
    clean: Sandbox,
    connection: Option<Database>,
    version: i64,
    content: String,
}

impl Guarded {
    pub fn new(sandbox: &Sandbox) -> Guarded {
        let mut database = Guarded { clean: sandbox.copy(), connection: None, version: 0, content: String::new() };
        database.open(sandbox);
        database.content = dump(database.connection.as_ref().unwrap());
        database
    }

    fn open(&mut self, sandbox: &Sandbox) {
        let connection = sandbox.database();
        self.version = connection.version();
        self.connection = Some(connection);
    }

    /// What has changed in the database, which is undone then.
    pub fn changes(&mut self, sandbox: &Sandbox) -> Option<String> {
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
        sandbox.put_back(&self.clean);
        self.open(sandbox);
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
