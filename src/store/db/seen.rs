//! Which statements this thread has prepared, and how the database finds the rows of one, for tests.

use std::cell::RefCell;
use std::collections::BTreeSet;

use anyhow::Result;

use super::{Engine, Store};

thread_local! {
    static SEEN: RefCell<Option<BTreeSet<String>>> = const { RefCell::new(None) };
}

pub(super) fn note(sql: &str) {
    SEEN.with_borrow_mut(|seen| {
        if let Some(seen) = seen.as_mut().filter(|seen| !seen.contains(sql)) {
            seen.insert(sql.to_owned());
        }
    });
}

/// The texts of the statements that `work` prepares, each once.
pub fn during(work: impl FnOnce()) -> BTreeSet<String> {
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
}

/// Says that a test does nothing in this run: past what the test harness keeps to itself.
pub fn skip(why: &str) {
    use std::io::Write;
    let thread = std::thread::current();
    let _ = writeln!(std::io::stderr(), "skipped: {why}: {}", thread.name().unwrap_or_default());
}
