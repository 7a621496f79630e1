//! Which statements this thread has prepared, and how the database finds the rows of one, for tests.

#![allow(clippy::expect_used)]

use std::cell::RefCell;
use std::collections::BTreeSet;

use anyhow::Result;

use super::{Dialect, Engine, Params, Store, Ty, Value};

/// A statement that was given values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    pub sql: String,
    /// Of the values.
    pub types: Vec<Ty>,
}

thread_local! {
    static SEEN: RefCell<Option<BTreeSet<Seen>>> = const { RefCell::new(None) };
}

/// `last` is the type of a value that comes after the others.
pub(super) fn note(sql: &str, params: &impl Params, last: Option<Ty>) {
    SEEN.with_borrow_mut(|seen| {
        let Some(seen) = seen.as_mut() else { return };
        let mut types = Vec::new();
        let each = params.each(&mut |value| {
            types.push(value.ty());
            Ok(())
        });
        types.extend(last);
        if each.is_ok() {
            seen.insert(Seen { sql: sql.to_owned(), types });
        }
    });
}

/// The statements that `work` runs, each once for the types of its values.
pub fn during(work: impl FnOnce()) -> BTreeSet<Seen> {
    SEEN.set(Some(BTreeSet::new()));
    work();
    SEEN.take().unwrap_or_default()
}

impl Store {
    /// A database in memory, in which statements are compiled as in a file.
    pub fn for_plans() -> Result<Store> {
        let store = Store::embedded_for_test()?;
        if let Engine::Sqlite(conn) = &store.engine {
            conn.prepare_to_read()?;
        }
        Ok(store)
    }

    /// The steps by which a statement would find its rows, as EXPLAIN QUERY PLAN tells them.
    pub fn plan(&self, sql: &str) -> Result<Vec<String>> {
        match &self.engine {
            Engine::Sqlite(conn) => conn.plan(sql),
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => anyhow::bail!("plans are those of SQLite"),
        }
    }

    /// The instructions that a statement is for SQLite.
    pub fn instructions(&self, sql: &str) -> Result<Vec<String>> {
        match &self.engine {
            Engine::Sqlite(conn) => conn.instructions(sql),
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => anyhow::bail!("instructions are those of SQLite"),
        }
    }

    /// Prepares a statement and does not run it; the types of its values, where they are not known as the engine takes them.
    pub fn prepare(&self, sql: &str, types: Option<&[Ty]>) -> Result<Vec<Ty>> {
        match &self.engine {
            Engine::Sqlite(conn) => conn.plan(sql).map(|_| types.unwrap_or_default().to_vec()),
            #[cfg(feature = "postgres")]
            Engine::Postgres(conn) => conn.prepare(sql, types.unwrap_or_default()),
        }
    }

    /// How often the answers of a server were waited for.
    pub fn trips(&self) -> u64 {
        match &self.engine {
            Engine::Sqlite(_) => 0,
            #[cfg(feature = "postgres")]
            Engine::Postgres(conn) => conn.trips(),
        }
    }

    /// The answer to a statement, each row as it would be printed.
    pub fn answer(&self, sql: &str, values: &[Value]) -> Result<Vec<String>> {
        self.read(|tx| tx.all(sql, values.to_vec(), |row| row.printed()))
    }
}

/// A new database on the server that tests run on; `None`, and a line that says so, where they run on none.
pub fn on_server() -> Option<Store> {
    let store = Store::for_test().expect("a database for a test");
    if store.dialect() == Dialect::Postgres {
        return Some(store);
    }
    skip("about PostgreSQL, which this run has not");
    None
}

/// Says that a test does nothing in this run: past what the test harness keeps to itself.
pub fn skip(why: &str) {
    use std::io::Write;
    let thread = std::thread::current();
    let _ = writeln!(std::io::stderr(), "skipped: {why}: {}", thread.name().unwrap_or_default());
}
