//! What errors of PostgreSQL mean, by its codes.

use std::error::Error;
use std::{fmt, io};

use tokio_postgres::error::{DbError, Severity, SqlState};

use crate::store::db::meaning::{Loss, Meaning, Obstacle};
use crate::system_words;

/// It cannot be told whether a transaction was committed; why, in the words of the server or the system.
#[derive(Debug)]
pub(super) struct Unsure(pub(super) String);

impl fmt::Display for Unsure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it is not known whether the transaction was committed: {}", self.0)
    }
}

impl std::error::Error for Unsure {}

/// Another server has taken the place of the one that the database was written on, and this process has not looked what that
/// means.
#[derive(Debug)]
pub(super) struct Replaced;

impl fmt::Display for Replaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another server has taken its place")
    }
}

impl std::error::Error for Replaced {}

/// The server has crashed, and may have lost commits that did not wait.
#[derive(Debug)]
pub(super) struct Crashed;

impl fmt::Display for Crashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it has crashed")
    }
}

impl std::error::Error for Crashed {}

/// Commits that did not wait may not be on the disk of the server, for the reason that follows.
#[derive(Debug)]
pub struct Unflushed;

impl fmt::Display for Unflushed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what was stored last may be lost, and then comes again")
    }
}

/// What an error means; `None` = it is none of PostgreSQL.
pub fn meaning(error: &(dyn Error + 'static)) -> Option<Meaning> {
    if let Some(Unsure(words)) = error.downcast_ref() {
        return Some(Meaning::Lost(Loss::Unsure(words.clone())));
    }
    if error.is::<Replaced>() {
        return Some(Meaning::Lost(Loss::Ended(Replaced.to_string())));
    }
    if error.is::<Crashed>() {
        return Some(Meaning::Lost(Loss::Ended(Crashed.to_string())));
    }
    let error = error.downcast_ref::<tokio_postgres::Error>()?;
    let Some(said) = error.as_db_error() else {
        let is_of_network = error.is_closed() || error.source().is_some_and(|source| source.is::<std::io::Error>());
        return Some(match is_of_network {
            true => Meaning::Lost(Loss::Unreachable(of_network(error))),
            false => Meaning::Statement,
        });
    };
    Some(of_code(said.code(), said.message()))
}

fn of_network(error: &tokio_postgres::Error) -> String {
    let source = error.source().map(|source| match source.downcast_ref::<io::Error>() {
        Some(error) => system_words::reason(error),
        None => source.to_string(),
    });
    source.unwrap_or_else(|| "it has closed the connection".to_owned())
}

fn of_code(state: &SqlState, words: &str) -> Meaning {
    let words = words.to_owned();
    let code = state.code();
    let obstacle = match (code, code.get(..2).unwrap_or_default()) {
        ("55P03" | "40001" | "40P01", _) => return Meaning::Busy,
        ("25006", _) => Obstacle::ReadOnly,
        ("53100", _) => Obstacle::Full(Some(words)),
        ("42501", _) => Obstacle::Denied(words),
        // No table of that name: the rows may be in another schema, or somebody has dropped it.
        ("42P01" | "3F000", _) | (_, "XX") => Obstacle::Damaged(words),
        (_, "58") => Obstacle::Disk(words),
        // The connection, resources, an operator who stops the server or the session, a transaction that idled too long.
        ("25P03", _) | (_, "08" | "53" | "57") => return Meaning::Lost(Loss::Ended(words)),
        // A statement that was prepared is there no more, or the tables have changed since: the next run prepares it again.
        ("26000", _) => return Meaning::Lost(Loss::Ended(words)),
        ("0A000", _) if words.contains("cached plan") => return Meaning::Lost(Loss::Ended(words)),
        (_, "23") => return Meaning::Constraint,
        _ => return Meaning::Statement,
    };
    Meaning::Obstacle(obstacle)
}

/// Whether an error does not tell what became of the transaction: the answer of the server was not heard, or it was the last
/// one of a server that crashes. The write-ahead log may have the COMMIT then, also where its disk is full.
pub(super) fn is_lost(error: &anyhow::Error) -> bool {
    let is_of_loss = |cause: &(dyn Error + 'static)| matches!(meaning(cause), Some(Meaning::Lost(_)));
    error.chain().any(|cause| is_of_loss(cause) || of_crash(cause).is_some())
}

/// What a server says that crashes.
fn of_crash<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a DbError> {
    let said = error.downcast_ref::<tokio_postgres::Error>()?.as_db_error()?;
    (said.parsed_severity() == Some(Severity::Panic)).then_some(said)
}

/// What was said when something was lost.
pub(super) fn words(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| match meaning(cause) {
        Some(Meaning::Lost(loss)) => Some(loss.words()),
        _ => of_crash(cause).map(|said| said.message().to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_the_server_mean_what_a_run_has_to_know() {
        let obstacle = Meaning::Obstacle;
        let ended = || Meaning::Lost(Loss::Ended("x".into()));
        for (code, expected) in [
            ("55P03", Meaning::Busy),
            ("40P01", Meaning::Busy),
            ("40001", Meaning::Busy),
            ("57P01", ended()),
            ("57P02", ended()),
            ("57P03", ended()),
            ("57014", ended()),
            ("25P03", ended()),
            ("08006", ended()),
            ("53300", ended()),
            ("53200", ended()),
            ("26000", ended()),
            ("53100", obstacle(Obstacle::Full(Some("x".into())))),
            ("25006", obstacle(Obstacle::ReadOnly)),
            ("42501", obstacle(Obstacle::Denied("x".into()))),
            ("42P01", obstacle(Obstacle::Damaged("x".into()))),
            ("XX001", obstacle(Obstacle::Damaged("x".into()))),
            ("58030", obstacle(Obstacle::Disk("x".into()))),
            ("23505", Meaning::Constraint),
            ("23503", Meaning::Constraint),
            ("42601", Meaning::Statement),
            ("25P02", Meaning::Statement),
            ("22021", Meaning::Statement),
            ("0A000", Meaning::Statement),
        ] {
            assert_eq!(of_code(&SqlState::from_code(code), "x"), expected, "{code}");
        }
        let changed = "cached plan must not change result type";
        let expected = Meaning::Lost(Loss::Ended(changed.to_owned()));
        assert_eq!(of_code(&SqlState::FEATURE_NOT_SUPPORTED, changed), expected);
    }
}
