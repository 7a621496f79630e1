//! The errors of a process that waited in vain: for another one that holds the database, which is named, or for a server that
//! is gone.

use std::fmt;

use crate::holder::Holder;

/// Another process has the database, and did not let go of it in time.
#[derive(Debug)]
pub struct Busy {
    /// Who it is, where that can be told.
    pub holder: Option<Holder>,
    doing: &'static str,
}

impl Busy {
    pub(super) fn writing(holder: Option<Holder>) -> Busy {
        Busy { holder, doing: "writing" }
    }

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
        f.write_str(&self.told(|holder| holder.told(&|_| None, &|at| at.to_string())))
    }
}

impl std::error::Error for Busy {}

/// The server of a database is not there, or has ended what was begun.
#[derive(Debug)]
pub(super) struct Gone {
    pub(super) database: String,
    /// What was heard last.
    pub(super) words: String,
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server of {} cannot be reached: {}", self.database, self.words)
    }
}

impl std::error::Error for Gone {}
