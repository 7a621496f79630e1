//! What errors of SQLite mean.

use std::error::Error;
use std::io::ErrorKind;

use rusqlite::ErrorCode;

use crate::store::db::meaning::{Meaning, Obstacle};
use crate::system_words;

/// The log could not be taken to the disk.
#[derive(Debug, thiserror::Error)]
#[error("the log of the database cannot be written to the disk: {}", system_words::plain(&.0.to_string()))]
pub struct Unflushed(pub std::io::Error);

/// What an error means; `None` = it is none of SQLite.
pub fn meaning(error: &(dyn Error + 'static)) -> Option<Meaning> {
    if let Some(Unflushed(error)) = error.downcast_ref::<Unflushed>() {
        return Some(Meaning::Obstacle(match error.kind() {
            ErrorKind::StorageFull => Obstacle::Full(None),
            _ => Obstacle::Disk(system_words::plain(&error.to_string())),
        }));
    }
    let error = error.downcast_ref::<rusqlite::Error>()?;
    let (failure, words) = match error {
        rusqlite::Error::SqliteFailure(failure, words) => (failure, words.as_deref().unwrap_or_default()),
        rusqlite::Error::SqlInputError { error, msg, .. } => (error, msg.as_str()),
        // The names of columns.
        rusqlite::Error::Utf8Error(..) => return Some(Meaning::Obstacle(Obstacle::Damaged(error.to_string()))),
        _ => return Some(Meaning::Statement),
    };
    let is_missing = ["no such table", "no such column", "no such index"].iter().any(|text| words.starts_with(text));
    let obstacle = match failure.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => return Some(Meaning::Busy),
        ErrorCode::ConstraintViolation => return Some(Meaning::Constraint),
        ErrorCode::DiskFull => Obstacle::Full(None),
        ErrorCode::ReadOnly => Obstacle::ReadOnly,
        ErrorCode::CannotOpen | ErrorCode::PermissionDenied => Obstacle::Closed,
        ErrorCode::SystemIoFailure => Obstacle::Disk(said(error, words)),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Obstacle::Damaged(said(error, words)),
        _ if is_missing => Obstacle::Damaged(words.to_owned()),
        _ => return Some(Meaning::Statement),
    };
    Some(Meaning::Obstacle(obstacle))
}

/// The words of SQLite once, without its code.
fn said(error: &rusqlite::Error, words: &str) -> String {
    if words.is_empty() { system_words::plain(&error.to_string()) } else { words.to_owned() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use anyhow::anyhow;
    use rusqlite::ffi;

    use super::*;
    use crate::error::{self, Kind};
    use crate::place::Place;
    use crate::store::db::{self, Misfit};

    fn failure(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some("words".to_owned()))
    }

    #[test]
    fn errors_of_the_database_end_as_they_should() {
        let rows = [
            (failure(ffi::SQLITE_BUSY), Kind::TempFail),
            (failure(ffi::SQLITE_LOCKED), Kind::TempFail),
            (failure(ffi::SQLITE_FULL), Kind::Io),
            (failure(ffi::SQLITE_READONLY_CANTINIT), Kind::Io),
            (failure(ffi::SQLITE_IOERR_SHORT_READ), Kind::Io),
            (failure(ffi::SQLITE_CANTOPEN), Kind::Io),
            (failure(ffi::SQLITE_CORRUPT_INDEX), Kind::Io),
            (failure(ffi::SQLITE_NOTADB), Kind::Io),
            (failure(ffi::SQLITE_CONSTRAINT_UNIQUE), Kind::Bug),
            (rusqlite::Error::SqliteFailure(ffi::Error::new(1), Some("no such table: users".into())), Kind::Io),
            (rusqlite::Error::SqliteFailure(ffi::Error::new(1), Some("near \"x\": syntax error".into())), Kind::Bug),
            (rusqlite::Error::InvalidQuery, Kind::Bug),
        ];
        for (error, kind) in rows {
            let said = error.to_string();
            assert_eq!(error::classify(&error.into()).0, kind, "{said}");
        }
        let refused = |kind: ErrorKind| error::classify(&Unflushed(kind.into()).into()).0;
        assert_eq!((refused(ErrorKind::StorageFull), refused(ErrorKind::Other)), (Kind::Io, Kind::Io));
        assert_eq!(error::classify(&Misfit::Range(-1).of("size").into()).0, Kind::Io);
        assert_eq!(meaning(&failure(ffi::SQLITE_CONSTRAINT_CHECK)), Some(Meaning::Constraint));
        assert_eq!(meaning(&std::fmt::Error), None);
    }

    #[test]
    fn a_busy_database_keeps_words_of_its_own() {
        assert!(db::explain(&anyhow!(failure(ffi::SQLITE_BUSY)), &Place::of_file("/nowhere/espomail.db")).is_none());
    }
}
