//! Space that rows have left: given back to the disk in small steps, while others read and write, or all at once.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Engine, Store, obstacle};
use crate::job_control::Hold;

/// Others get their turn for at least this long.
const TURN: Duration = Duration::from_millis(5);

impl Store {
    /// Gives free space back in small steps; the bytes that stay free in the database. A file that an older release made
    /// keeps them until it is rewritten ([`Store::compact`]). A server frees the places of rows in its tables, which
    /// become shorter where their end is free.
    ///
    /// # Errors
    /// Nothing can be written.
    pub fn give_back(&self) -> Result<u64> {
        loop {
            let (begun, hold) = (Instant::now(), Hold::begin());
            let (left, is_done) = match &self.engine {
                Engine::Sqlite(conn) => obstacle::named(&self.place, conn.give_back_some())?,
                #[cfg(feature = "postgres")]
                Engine::Postgres(conn) => {
                    obstacle::named(&self.place, conn.vacuum())?;
                    (0, true)
                }
            };
            drop(hold);
            if is_done {
                return Ok(left);
            }
            thread::sleep(begun.elapsed().max(TURN));
        }
    }

    /// Rewrites the database without any free space, for which others wait; the bytes that stay free.
    ///
    /// # Errors
    /// Nothing can be written, or the disk has no room for another copy.
    pub fn compact(&self) -> Result<u64> {
        let _hold = Hold::begin();
        let done = match &self.engine {
            Engine::Sqlite(conn) => conn.compact(),
            #[cfg(feature = "postgres")]
            Engine::Postgres(conn) => conn.scrub(true),
        };
        obstacle::named(&self.place, done)?;
        Ok(0)
    }
}
