//! Which statements this thread has prepared, and how the database finds the rows of one, for tests.

use std::cell::RefCell;
use std::collections::BTreeSet;

use anyhow::Result;
use rusqlite::types::Null;

use super::Store;

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
        let store = Store::in_memory()?;
        store.reading_pragmas()?;
        Ok(store)
    }

    /// The steps by which a statement would find its rows, as EXPLAIN QUERY PLAN tells them.
    pub fn plan(&self, sql: &str) -> Result<Vec<String>> {
        let mut statement = self.conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
        for place in 1..=statement.parameter_count() {
            statement.raw_bind_parameter(place, Null)?;
        }
        let mut rows = statement.raw_query();
        let mut steps = Vec::new();
        while let Some(row) = rows.next()? {
            steps.push(row.get("detail")?);
        }
        Ok(steps)
    }
}
