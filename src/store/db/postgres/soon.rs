//! Commits that do not wait until the server has them on its disk, and the wait for all of them.
//!
//! A commit that waits takes the log to the disk from its beginning, with the commits of all others, and to the standbys that
//! are waited for. Nothing takes back a commit but a crash of the server, which ends every connection: so a process that goes
//! on with the same one has lost nothing. Where another connection has taken its place, the server has to be the same.

use anyhow::{Result, ensure};

use super::Conn;
use super::error::Crashed;

/// For the transaction that it begins with.
pub(super) const DOES_NOT_WAIT: &str = "SET LOCAL synchronous_commit = off;";

/// A transaction of its own, which writes into nothing but the log. A standby has what its primary has on the disk.
const WAIT: &str = "SELECT pg_logical_emit_message(TRUE, 'espomail', '') WHERE NOT pg_is_in_recovery()";

/// What became of the commits of a process that did not wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Soon {
    /// They are on the disk, or there were none.
    #[default]
    Kept,
    /// They were done, and may not be there yet.
    Ahead,
    /// The server has crashed since, and may have lost them.
    Lost,
}

impl Soon {
    /// On another connection; `is_same` = the server has lost nothing since.
    pub(super) fn on_another(self, is_same: bool) -> Soon {
        if self == Soon::Ahead && !is_same { Soon::Lost } else { self }
    }
}

impl Conn {
    /// Waits until everything is on the disk that was committed, by this process or another one.
    ///
    /// # Errors
    /// Something of this process may be lost, or the server is.
    pub fn flush(&self) -> Result<()> {
        let mut link = self.link.borrow_mut();
        ensure!(link.soon != Soon::Lost, Crashed);
        link.client.simple_query(WAIT)?;
        link.soon = Soon::Kept;
        Ok(())
    }
}
