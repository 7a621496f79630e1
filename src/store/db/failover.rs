//! A server that has taken the place of the one that a database was written on.

use anyhow::Result;
use jiff::Timestamp;

use super::{Engine, Running, Store, Tx, seconds};

impl Store {
    /// Whether another server has taken the place of the one that the database was written on last, and nobody has looked
    /// after that: it may lack what was committed last.
    pub fn has_another_server(&self) -> Result<bool> {
        match &self.engine {
            Engine::Sqlite(_) => Ok(false),
            #[cfg(feature = "postgres")]
            Engine::Postgres(conn) => super::obstacle::named(&self.place, conn.is_on_another_timeline()),
        }
    }

    /// Admits that server, with `work` in the same transaction, unless another process has done so meanwhile. Until then
    /// nothing is written there.
    pub fn admit_server(&self, now: Timestamp, _work: impl FnOnce(&Tx<'_>) -> Result<()>) -> Result<()> {
        let _now = seconds(now);
        match &self.engine {
            Engine::Sqlite(_) => Ok(()),
            #[cfg(feature = "postgres")]
            Engine::Postgres(conn) => {
                let _hold = crate::job_control::Hold::begin();
                let work = |running: super::postgres::Running<'_>| _work(&self.fresh(Running::Postgres(running)));
                super::obstacle::named(&self.place, conn.admit(_now, work))
            }
        }
    }
}

impl Tx<'_> {
    /// When a server was admitted last that has taken the place of another one.
    pub fn server_replaced_at(&self) -> Result<Option<Timestamp>> {
        match &self.running {
            Running::Sqlite(_) => Ok(None),
            #[cfg(feature = "postgres")]
            Running::Postgres(_) => {
                let sql = "SELECT replaced_at FROM turns WHERE name = 'write'";
                Ok(self.one(sql, [], |row| row.opt_time("replaced_at"))?.flatten())
            }
        }
    }
}
