//! What statements cost, counted and not timed, for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;

use super::{Engine, Store};

/// Steps of the engine between two looks at it.
const EVERY: u8 = 10;

impl Store {
    /// Counts the steps that all statements of this connection take from now on. A statement that finds its rows by an
    /// index takes as many among a million rows as among a thousand.
    ///
    /// # Errors
    /// The database.
    pub fn count_steps(&mut self) -> Result<Arc<AtomicU64>> {
        let steps = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&steps);
        let count = move || {
            counter.fetch_add(u64::from(EVERY), Ordering::Relaxed);
        };
        match &mut self.engine {
            Engine::Sqlite(conn) => conn.at_steps(EVERY, count)?,
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => anyhow::bail!("steps are those of SQLite"),
        }
        Ok(steps)
    }
}
