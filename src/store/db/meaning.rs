//! What an error of a database can mean, of any engine.

/// What an error means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// Somebody else has what was wanted: it passes.
    Busy,
    /// The server is not there, or has ended what was begun: it passes. In its words.
    Lost(String),
    /// The database cannot be used.
    Obstacle(Obstacle),
    /// A rule of a table forbids it: a key that is there already, or one that is not.
    Constraint,
    /// A statement that the engine does not take.
    Statement,
}

/// What keeps a database from being used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// It may not be written.
    ReadOnly,
    /// It, its log or its directory cannot be opened.
    Closed,
    /// The disk is full.
    Full,
    /// The disk does not do what it is told.
    Disk(String),
    /// What is read cannot have been written by this program.
    Damaged(String),
}
