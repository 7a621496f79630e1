//! Whether another server has taken the place of the one that a database was written on last. A standby that is promoted begins
//! a new timeline, and may lack what was committed last: nothing is written there before that is looked after
//! (`store/restored.rs`).

use anyhow::{Context, Result};

use super::Conn;
use crate::store::db::Mode;

/// The timeline of the server. Where it is a standby it has none of its own.
const OF_SERVER: &str =
    "CASE WHEN pg_is_in_recovery() THEN NULL ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END";

/// Whether that is the one that is kept.
pub(super) const IS_SAME: &str =
    "(SELECT timeline = left(pg_walfile_name(pg_current_wal_lsn()), 8) FROM turns WHERE name = 'write')";

impl Conn {
    /// Whether the server is on another timeline than the one that is kept; a standby is on none.
    pub fn is_on_another_timeline(&self) -> Result<bool> {
        let sql = format!("SELECT {OF_SERVER}, timeline FROM turns WHERE name = 'write'");
        let row = self.link.borrow_mut().client.query_opt(&sql, &[])?.context("there is no turn")?;
        let (now, kept): (Option<String>, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
        Ok(now.is_some() && now != kept)
    }

    /// Keeps the timeline of the server.
    pub fn note_timeline(&self) -> Result<()> {
        self.batch(&format!("UPDATE turns SET timeline = {OF_SERVER} WHERE name = 'write'"))
    }

    /// Keeps the timeline of the server, with what else that means, unless another process has done so meanwhile; `now` in
    /// seconds. Nothing but this is written before.
    pub fn admit(&self, now: i64, work: impl FnOnce(super::Running<'_>) -> Result<()>) -> Result<()> {
        self.admits.set(true);
        let done = self.transact(Mode::Write, |running| {
            if self.is_on_another_timeline()? {
                self.note_timeline()?;
                self.batch(&format!("UPDATE turns SET replaced_at = {now} WHERE name = 'write'"))?;
                work(running)?;
            }
            Ok(())
        });
        self.admits.set(false);
        done
    }
}
