//! Who has the turn: each connection has the name of its process, and the server knows which connection has locked the row, or
//! a whole table, as an administrator or a dump does.

use anyhow::Result;
use jiff::Timestamp;

use super::error::meaning;
use super::line::Client;
use crate::holder::{self, Holder};
use crate::store::db::busy::Busy;
use crate::store::db::meaning::Meaning;

/// The server keeps as many bytes of the name of a connection.
const LONGEST: usize = 63;

/// The one that has locked the row of the turn, since when, by the clock of the server.
const HOLDER: &str =
    "SELECT a.application_name, CAST(extract(epoch FROM a.xact_start) AS BIGINT), a.pid, a.usename::text
    FROM turns t JOIN pg_stat_activity a ON a.backend_xid = t.xmax WHERE t.name = 'write'";

/// The one that keeps others from a whole table.
const LOCKER: &str =
    "SELECT a.application_name, CAST(extract(epoch FROM a.xact_start) AS BIGINT), a.pid, a.usename::text
    FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace s ON s.oid = c.relnamespace
    JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE s.nspname = current_schema() AND a.datname = current_database() AND l.granted AND l.pid <> pg_backend_pid()
        AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
    ORDER BY a.xact_start LIMIT 1";

/// The name of a connection of this process: `espomail 4711@host`.
pub(super) fn name(given: &str) -> String {
    named_after(given, std::process::id(), &holder::host())
}

fn named_after(given: &str, pid: u32, host: &str) -> String {
    let process = format!("{pid}@{host}");
    let rest = LONGEST.saturating_sub(process.len() + 1);
    let given = given.get(..given.floor_char_boundary(rest)).unwrap_or_default();
    format!("{given} {process}")
}

/// The process that a connection is named after, and its machine.
fn process(name: &str) -> Option<(u32, &str)> {
    let (pid, host) = name.rsplit(' ').next()?.split_once('@')?;
    Some((pid.parse().ok()?, host))
}

/// The error of a connection that did not get the turn or a table; where somebody else has it, with that process.
pub(super) fn named(client: &mut Client, error: anyhow::Error) -> anyhow::Error {
    match error.chain().find_map(meaning) {
        Some(Meaning::Busy) if !error.chain().any(|cause| cause.is::<Busy>()) => {
            busy(client).unwrap_or_else(|_| Busy::writing(None)).into()
        }
        _ => error,
    }
}

fn busy(client: &mut Client) -> Result<Busy> {
    let of_turn = client.query_opt(HOLDER, &[])?;
    let found = of_turn.map_or_else(|| client.query_opt(LOCKER, &[]), |row| Ok(Some(row)))?;
    let Some(row) = found else { return Ok(Busy::writing(None)) };
    let (name, since): (Option<String>, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
    let name = name.unwrap_or_default();
    let since = since.and_then(|since| Timestamp::from_second(since).ok());
    let of = |(pid, host): (u32, &str)| match host == holder::host() {
        true => Holder::of(pid),
        false => Holder::elsewhere(pid, host.to_owned()),
    };
    Ok(match process(&name) {
        Some(process) => Busy::writing(Some(of(process).since(since))),
        None => {
            let (session, role): (i32, Option<String>) = (row.try_get(2)?, row.try_get(3)?);
            Busy::of_session(session, &role.unwrap_or_default(), &name)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_named_after_its_process() {
        let long = "ü".repeat(40);
        for (given, host, name, process_of_it) in [
            ("espomail", "web1", "espomail 4711@web1".to_owned(), Some((4711, "web1"))),
            ("two words", "web1.example", "two words 4711@web1.example".to_owned(), Some((4711, "web1.example"))),
            ("", "web1", " 4711@web1".to_owned(), Some((4711, "web1"))),
            (&long, "web1", format!("{} 4711@web1", "ü".repeat(26)), Some((4711, "web1"))),
        ] {
            assert_eq!(named_after(given, 4711, host), name);
            assert_eq!(process(&name), process_of_it);
            assert!(name.len() <= LONGEST);
        }
        for name in ["psql", "", "a@b", "-1@b", "4711"] {
            assert_eq!(process(name), None, "{name}");
        }
    }
}
