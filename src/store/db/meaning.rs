//! What an error of a database can mean, of any engine.

// Some of it only a server tells.
#![cfg_attr(not(feature = "postgres"), allow(dead_code))]

/// What an error means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// Somebody else has what was wanted: it passes.
    Busy,
    /// What was begun is lost with the server: it passes.
    Lost(Loss),
    /// The database cannot be used.
    Obstacle(Obstacle),
    /// A rule of a table forbids it: a key that is there already, or one that is not.
    Constraint,
    /// A statement that the engine does not take.
    Statement,
}

/// How a transaction was lost, in the words of the server or the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// The server is not there.
    Unreachable(String),
    /// It has ended the transaction or the connection, for a reason that is not in the statement.
    Ended(String),
    /// It could not say whether the transaction was committed.
    Unsure(String),
}

impl Loss {
    pub fn words(self) -> String {
        match self {
            Loss::Unreachable(words) | Loss::Ended(words) | Loss::Unsure(words) => words,
        }
    }
}

/// What keeps a database from being used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// It may not be written.
    ReadOnly,
    /// It, its log or its directory cannot be opened.
    Closed,
    /// The role has too few rights, in the words of the server.
    Denied(String),
    /// The disk is full; of a server in its words, which name the file.
    Full(Option<String>),
    /// The disk does not do what it is told.
    Disk(String),
    /// What is read cannot have been written by this program.
    Damaged(String),
}
