//! The errors of a process that waited in vain: for another one that holds the database, which is named, or for a server that
//! is gone.

// Some of it only a server tells.
#![cfg_attr(not(feature = "postgres"), allow(dead_code))]

use std::fmt;

use super::meaning::Loss;
use crate::holder::Holder;

/// Another process has the database, and did not let go of it in time.
#[derive(Debug)]
pub struct Busy {
    /// Who it is, where that can be told.
    pub holder: Option<Holder>,
    /// The session of a server that is none of this program, in words, and the next step.
    session: Option<(String, String)>,
    doing: &'static str,
}

impl Busy {
    pub(super) fn writing(holder: Option<Holder>) -> Busy {
        Busy { holder, session: None, doing: "writing" }
    }

    /// Another program holds it, in the session of this number.
    pub(super) fn of_session(number: i32, role: &str, application: &str) -> Busy {
        let program = if application.is_empty() { String::new() } else { format!(" in {application}") };
        let who = format!("the role {role}{program} (session {number} of the server)");
        let hint = format!(
            "run it again when that has ended; who may, ends it on the server: SELECT pg_terminate_backend({number})"
        );
        Busy { holder: None, session: Some((who, hint)), doing: "writing" }
    }

    /// Readers do not stand in anybody's way, but where a database is rebuilt.
    pub(super) fn reading() -> Busy {
        Busy { holder: None, session: None, doing: "reading" }
    }

    /// In a sentence; `told` says who the holder is.
    pub fn told(&self, told: impl FnOnce(&Holder) -> String) -> String {
        let of_session = || self.session.as_ref().map(|(who, _)| who.clone());
        let who = self.holder.as_ref().map(told).or_else(of_session).unwrap_or_else(|| "another process".to_owned());
        format!("the database is busy: {who} is {} it", self.doing)
    }

    /// The next step.
    pub fn hint(&self) -> String {
        let of_session = || self.session.as_ref().map(|(_, hint)| hint.clone());
        let hint = self.holder.as_ref().map(Holder::hint).or_else(of_session);
        hint.unwrap_or_else(|| "run it again when that has ended".to_owned())
    }
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told(|holder| holder.told(&|_| None, &|at| at.to_string())))
    }
}

impl std::error::Error for Busy {}

/// Another host has taken over what this process worked for: it may write nothing for it any more.
#[derive(Debug)]
pub struct Superseded;

impl fmt::Display for Superseded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another host has taken it over, because this process was too slow")
    }
}

impl std::error::Error for Superseded {}

/// The server of a database is not there, gives no connection now, or has ended what was begun.
#[derive(Debug)]
pub struct Gone(How);

#[derive(Debug)]
enum How {
    Lost {
        database: String,
        loss: Loss,
    },
    /// A sentence, and the next step.
    Shut(String, String),
}

impl Gone {
    pub(super) fn new(database: String, loss: Loss) -> Gone {
        Gone(How::Lost { database, loss })
    }

    /// No connection is to be had now.
    pub(super) fn shut(words: String, hint: String) -> Gone {
        Gone(How::Shut(words, hint))
    }

    /// The next step.
    pub fn hint(&self) -> &str {
        let loss = match &self.0 {
            How::Shut(_, hint) => return hint,
            How::Lost { loss, .. } => loss,
        };
        match loss {
            Loss::Unreachable(_) => "run it again when the server is there; nothing that was half done is kept",
            Loss::Ended(words) if words.contains("statement timeout") => {
                "give its role more time: ALTER ROLE NAME SET statement_timeout = 0; nothing that was half done is kept"
            }
            Loss::Ended(_) => "run it again; nothing that was half done is kept",
            Loss::Unsure(_) => "see whether it was done, then run it again",
        }
    }
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (database, loss) = match &self.0 {
            How::Shut(words, _) => return f.write_str(words),
            How::Lost { database, loss } => (database, loss),
        };
        match loss {
            Loss::Unreachable(words) => write!(f, "the server of {database} cannot be reached: {words}"),
            Loss::Ended(words) => write!(f, "the server of {database} has ended the transaction: {words}"),
            Loss::Unsure(words) => {
                write!(f, "the server of {database} has not said whether the last change was kept: {words}")
            }
        }
    }
}

impl std::error::Error for Gone {}
