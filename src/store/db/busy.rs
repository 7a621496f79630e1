//! The error of a process that waited in vain: it names the process that holds the database.

use std::fmt;
use std::path::Path;

use anyhow::Result;
use rusqlite::ErrorCode;

use crate::holder::{self, Holder};

/// Another process has the database, and did not let go of it in time.
#[derive(Debug)]
pub struct Busy {
    /// Who it is, where that can be told.
    pub holder: Option<Holder>,
    doing: &'static str,
}

impl Busy {
    /// Readers do not stand in anybody's way, but where a database is rebuilt.
    pub(super) fn reading() -> Busy {
        Busy { holder: None, doing: "reading" }
    }

    /// In a sentence; `told` says who the holder is.
    pub fn told(&self, told: impl FnOnce(&Holder) -> String) -> String {
        let who = self.holder.as_ref().map_or_else(|| "another process".to_owned(), told);
        format!("the database is busy: {who} is {} it", self.doing)
    }

    /// The next step.
    pub fn hint(&self) -> String {
        self.holder.as_ref().map_or_else(|| "run it again when that has ended".to_owned(), Holder::hint)
    }
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told(|holder| format!("process {} ({})", holder.pid, holder.state.word())))
    }
}

impl std::error::Error for Busy {}

/// The result, where it is that somebody else has the database with the name of that process.
pub(super) fn named<T>(path: &Path, done: Result<T>) -> Result<T> {
    done.map_err(|error| {
        let is_busy = error.chain().any(|cause| match cause.downcast_ref() {
            Some(rusqlite::Error::SqliteFailure(failure, _)) => {
                matches!(failure.code, ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
            }
            _ => false,
        });
        if is_busy { Busy { holder: holder::of_database(path), doing: "writing" }.into() } else { error }
    })
}
