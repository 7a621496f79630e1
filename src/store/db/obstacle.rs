//! What errors of SQLite mean: what keeps a database from being used, and whether that passes.

use rusqlite::ErrorCode;

use super::Busy;
use crate::system_words;

/// How bad an error of the database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gravity {
    /// Somebody else is writing: it passes.
    Busy,
    /// The disk, the rights or the file.
    Broken,
    /// A statement of this program.
    Bug,
}

/// How bad an error in a chain is; `None` = it is none of the database.
pub fn gravity(error: &(dyn std::error::Error + 'static)) -> Option<Gravity> {
    if error.is::<Busy>() {
        return Some(Gravity::Busy);
    }
    let error = error.downcast_ref::<rusqlite::Error>()?;
    Some(match (obstacle(error), error) {
        (Some(_), _) => Gravity::Broken,
        (None, rusqlite::Error::SqliteFailure(failure, _))
            if matches!(failure.code, ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) =>
        {
            Gravity::Busy
        }
        _ => Gravity::Bug,
    })
}

/// What keeps a database from being used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Obstacle {
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

pub(super) fn obstacle(error: &rusqlite::Error) -> Option<Obstacle> {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error};
    let (failure, words) = match error {
        rusqlite::Error::SqliteFailure(failure, words) => (failure, words.as_deref().unwrap_or_default()),
        rusqlite::Error::SqlInputError { error, msg, .. } => (error, msg.as_str()),
        // The tables are STRICT: nothing of another form was ever written.
        FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) | Utf8Error(..) => {
            return Some(Obstacle::Damaged(error.to_string()));
        }
        _ => return None,
    };
    let is_missing = ["no such table", "no such column", "no such index"].iter().any(|text| words.starts_with(text));
    Some(match failure.code {
        ErrorCode::DiskFull => Obstacle::Full,
        ErrorCode::ReadOnly => Obstacle::ReadOnly,
        ErrorCode::CannotOpen | ErrorCode::PermissionDenied => Obstacle::Closed,
        ErrorCode::SystemIoFailure => Obstacle::Disk(said(error, words)),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Obstacle::Damaged(said(error, words)),
        _ if is_missing => Obstacle::Damaged(words.to_owned()),
        _ => return None,
    })
}

/// The words of SQLite once, without its code.
fn said(error: &rusqlite::Error, words: &str) -> String {
    if words.is_empty() { system_words::plain(&error.to_string()) } else { words.to_owned() }
}

/// What is wrong with a file of which an error says that this program cannot have written it; `None` = it does not.
pub fn damage_of(error: &anyhow::Error) -> Option<String> {
    match error.chain().find_map(|cause| obstacle(cause.downcast_ref()?))? {
        Obstacle::Damaged(words) => Some(words),
        _ => None,
    }
}
