//! Whether a transaction was committed of which the end was not heard.
//!
//! The server knows a transaction by a number, and says what became of it. A server that has crashed, or another one that has
//! taken its place, gives the number of a transaction again of which nothing was written down: that number then tells of
//! another transaction. So "committed" counts only where the server has lost nothing meanwhile, which the age of its
//! statistics shows: it throws them away then, and keeps them otherwise.
//!
//! With the first transaction of a connection the server also says on which timeline it is: see [`super::timeline`].

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::SqlState;

use super::error::{Replaced, Unsure, words};
use super::soon::{DOES_NOT_WAIT, Soon};
use super::{Conn, Link, timeline};
use crate::store::db::{Mode, Superseded};

/// How long a server may take to be there again, where it is to tell whether a transaction was committed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A transaction that may write.
#[derive(Debug)]
pub(super) struct Begun {
    number: String,
    /// What the server was known by.
    life: Option<String>,
}

/// What the server says of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Committed,
    Undone,
    /// It has not ended yet.
    Open,
    /// The server cannot tell.
    Unknown,
}

/// Whether a transaction takes the turn.
pub(super) fn has_turn(mode: Mode) -> bool {
    mode != Mode::Besides
}

/// Begins a transaction that may write, with the turn; where `fence`, a statement, gives no row, nothing may be written, and
/// neither on another timeline, unless that `is_admitted`.
///
/// # Errors
/// [`Superseded`] where `fence` gives none, [`Replaced`], or the server. The transaction may be open then.
pub(super) fn begin(link: &mut Link, mode: Mode, fence: &str, is_admitted: bool) -> Result<Begun> {
    let is_soon = mode == Mode::WriteSoon;
    let hurry = if is_soon { DOES_NOT_WAIT } else { "" };
    let turn = if has_turn(mode) { "SELECT name FROM turns WHERE name = 'write' FOR UPDATE;" } else { "" };
    let life = if link.life.is_none() { ", CAST(pg_stat_get_bgwriter_stat_reset_time() AS TEXT)" } else { "" };
    let same = if link.is_known { "TRUE" } else { timeline::IS_SAME };
    let sql = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED; {hurry} {turn} {fence}; SELECT pg_current_xact_id(), {same}{life}"
    );
    let answer = link.client.simple_query(&sql)?;
    let rows: Vec<_> = answer
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        })
        .collect();
    ensure!(rows.len() > usize::from(has_turn(mode)) + usize::from(!fence.is_empty()), Superseded);
    let row = rows.last().context("BEGIN gave no row")?;
    let number = row.try_get(0)?.context("the transaction has no number")?.to_owned();
    link.is_known = row.try_get(1)? == Some("t");
    ensure!(link.is_known || is_admitted, Replaced);
    if link.life.is_none() {
        link.life = row.try_get(2)?.map(str::to_owned);
    }
    if is_soon && link.soon == Soon::Kept {
        link.soon = Soon::Ahead;
    }
    Ok(Begun { number, life: link.life.clone() })
}

impl Conn {
    /// Ends well where a transaction was committed of which the end was not heard.
    ///
    /// # Errors
    /// It was not committed (`lost`), or that cannot be told. The connection is another one then, if there is one.
    pub(super) fn look_up(&self, begun: &Begun, lost: anyhow::Error) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        let soon = self.link.borrow().soon;
        loop {
            let fate = Link::open(&self.server, self.is_read_only.get()).and_then(|mut link| {
                let told = asked(&mut link, begun);
                link.soon = soon.on_another(told.as_ref().is_ok_and(|(_, is_same)| *is_same));
                self.link.replace(link);
                told.map(|(fate, _)| fate)
            });
            match fate {
                Ok(Fate::Committed) => return Ok(()),
                Ok(Fate::Undone) => return Err(lost),
                Ok(Fate::Open) | Err(_) if Instant::now() < until => thread::sleep(PATIENCE / 40),
                Ok(Fate::Unknown | Fate::Open) | Err(_) => {
                    return Err(Unsure(words(&lost).unwrap_or_else(|| "its answer was lost".to_owned())).into());
                }
            }
        }
    }
}

/// The fate of a transaction, and whether the server has lost nothing since it began.
fn asked(link: &mut Link, begun: &Begun) -> Result<(Fate, bool)> {
    let sql = "SELECT pg_xact_status(CAST($1 AS TEXT)::xid8), CAST(pg_stat_get_bgwriter_stat_reset_time() AS TEXT)";
    let row = match link.client.query_one(sql, &[&begun.number]) {
        // A number that is still to be given.
        Err(error) if code(&error) == Some(&SqlState::INVALID_PARAMETER_VALUE) => return Ok((Fate::Undone, false)),
        row => row?,
    };
    let (status, life): (Option<String>, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
    let is_same = life.is_some() && life == begun.life;
    Ok((fate(status.as_deref(), is_same), is_same))
}

fn code(error: &anyhow::Error) -> Option<&SqlState> {
    error.downcast_ref::<tokio_postgres::Error>()?.code()
}

/// `is_same` = the server has lost nothing since the transaction began.
fn fate(status: Option<&str>, is_same: bool) -> Fate {
    match status {
        Some("committed") if is_same => Fate::Committed,
        // Also one to which the number was given again can only be there where the first one is not.
        Some("aborted") => Fate::Undone,
        Some("in progress") if is_same => Fate::Open,
        _ => Fate::Unknown,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use anyhow::anyhow;

    use super::*;
    use crate::store::db::{Mode, Store, seen};

    #[test]
    fn a_server_is_asked_what_became_of_a_transaction() {
        let Some(server) = Store::server_of_tests().unwrap() else {
            return seen::skip("about PostgreSQL, which this run has not");
        };
        let conn = Conn::open(&server).unwrap();
        conn.found().unwrap();
        let ended = |how: &str| {
            let begun = conn.begin(Mode::Write).unwrap().unwrap();
            conn.batch(how).unwrap();
            begun
        };
        let answer = |begun: &Begun| conn.look_up(begun, anyhow!("lost")).map_err(|error| error.to_string());
        let committed = ended("COMMIT");
        assert_eq!(answer(&committed), Ok(()));
        assert_eq!(answer(&ended("ROLLBACK")), Err("lost".to_owned()));
        let next = committed.number.parse::<u64>().unwrap() + 1_000_000;
        assert_eq!(answer(&Begun { number: next.to_string(), ..ended("COMMIT") }), Err("lost".to_owned()));
        // The number may be that of another transaction.
        for life in [None, Some("2026-01-01 00:00:00+00".to_owned())] {
            let told = answer(&Begun { life, number: committed.number.clone() }).unwrap_err();
            assert!(told.contains("it is not known whether the transaction was committed"), "{told}");
        }
    }

    #[test]
    fn what_did_not_wait_may_be_lost_where_another_server_answers() {
        let Some(server) = Store::server_of_tests().unwrap() else {
            return seen::skip("about PostgreSQL, which this run has not");
        };
        let conn = Conn::open(&server).unwrap();
        conn.found().unwrap();
        let look_up = |how: &str, mode: Mode, life: Option<String>| {
            let begun = conn.begin(mode).unwrap().unwrap();
            conn.batch(how).unwrap();
            let life = life.or_else(|| begun.life.clone());
            conn.look_up(&Begun { life, ..begun }, anyhow!("lost")).map_err(drop)
        };
        let other = || Some("2026-01-01 00:00:00+00".to_owned());
        for (how, mode, life, found, flushes) in [
            ("COMMIT", Mode::WriteSoon, None, Ok(()), true),
            ("ROLLBACK", Mode::WriteSoon, None, Err(()), true),
            ("ROLLBACK", Mode::Write, other(), Err(()), true),
            ("ROLLBACK", Mode::WriteSoon, other(), Err(()), false),
            // What was lost before does not come again.
            ("COMMIT", Mode::WriteSoon, None, Ok(()), false),
        ] {
            let row = format!("{how} {mode:?} {life:?}");
            assert_eq!(look_up(how, mode, life), found, "{row}");
            assert_eq!(conn.flush().is_ok(), flushes, "{row}");
        }
    }

    #[test]
    fn a_transaction_is_committed_where_a_server_says_so_that_has_lost_nothing() {
        for (status, is_same, expected) in [
            (Some("committed"), true, Fate::Committed),
            (Some("committed"), false, Fate::Unknown),
            (Some("aborted"), true, Fate::Undone),
            (Some("aborted"), false, Fate::Undone),
            (Some("in progress"), true, Fate::Open),
            (Some("in progress"), false, Fate::Unknown),
            (Some("something new"), true, Fate::Unknown),
            (None, true, Fate::Unknown),
        ] {
            assert_eq!(fate(status, is_same), expected, "{status:?} {is_same}");
        }
    }
}
