//! The hosts that work on one database on a server: what each has said of itself, and what it holds. A file is of one machine,
//! and has none of this.

use anyhow::{Context, Result};
use jiff::Timestamp;

use super::db::{Dialect, Store, Tx, params};
use super::label::labels;

/// A host that was seen within this number of milliseconds need not say again that it is there.
const FRESH: i64 = 10_000;

/// Milliseconds by which a clock moves without anybody having set it.
const SWAY: i64 = 500;

labels! {
    /// What is done for an account.
    pub enum Work {
        Fetch = "fetch",
        Send = "send",
    }
}

/// A host, as the others know it.
#[derive(Debug, Clone, Copy)]
pub struct Host<'a> {
    /// Made at random for its state directory.
    pub key: &'a str,
    pub name: &'a str,
    /// Process that works there.
    pub process: u32,
}

/// What is known of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    pub id: i64,
    pub name: String,
    pub version: String,
    pub seen_at: Timestamp,
    /// Milliseconds since then, by the clock of the server.
    pub unseen: i64,
    /// The keys of its configuration that change decisions, with their fingerprints.
    pub configuration: String,
    /// Milliseconds by which its clock is ahead of that of the server.
    pub clock_ahead: Option<i64>,
    /// Number of its runs that died at a message.
    pub deaths: i64,
    pub holds: Vec<Held>,
}

/// A lease that was not given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub work: Work,
    pub account_id: i64,
    pub account: String,
    pub process: i64,
    pub since: Timestamp,
    /// Milliseconds since then, by the clock of the server.
    pub age: i64,
    /// Milliseconds that it lasts; below 0 it is over.
    pub left: i64,
}

/// Who fetched an account last, or fetches it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetcher {
    pub account_id: i64,
    pub host: String,
    pub process: i64,
    /// It does so now.
    pub is_at_it: bool,
}

/// The id of a host, which is seen by this.
pub fn seen(tx: &Tx<'_>, host: Host<'_>) -> Result<i64> {
    let version = env!("CARGO_PKG_VERSION");
    let fresh = tx.value(
        "SELECT id FROM hosts WHERE key = ?1 AND name = ?2 AND version = ?3 AND seen_at > this_moment() - ?4",
        params![host.key, host.name, version, FRESH],
    )?;
    if let Some(id) = fresh {
        return Ok(id);
    }
    let id = tx.value(
        "INSERT INTO hosts (key, name, version, seen_at) VALUES (?1, ?2, ?3, this_moment())
            ON CONFLICT (key, name) DO UPDATE SET version = ?3, seen_at = this_moment() RETURNING id",
        params![host.key, host.name, version],
    )?;
    id.context("a host has no id")
}

/// Lets the others know how a host is configured, and how far its clock is off. Nothing is written where that was said a moment
/// ago.
///
/// # Errors
/// The database.
pub fn announce(store: &Store, host: Host<'_>, configuration: &str, clock: &dyn Fn() -> Timestamp) -> Result<()> {
    if store.dialect() == Dialect::Sqlite || store.only_reads() {
        return Ok(());
    }
    let ahead = clock_ahead(store, clock)?;
    store.write_besides(|tx| {
        tx.execute(
            "INSERT INTO hosts (key, name, version, seen_at, configuration, clock_ahead)
                VALUES (?1, ?2, ?3, this_moment(), ?4, ?5)
                ON CONFLICT (key, name) DO UPDATE
                    SET version = ?3, seen_at = this_moment(), configuration = ?4, clock_ahead = ?5
                    WHERE hosts.seen_at < this_moment() - ?6 OR hosts.version <> ?3 OR hosts.configuration <> ?4
                        OR hosts.clock_ahead IS NULL OR abs(hosts.clock_ahead - ?5) > ?7",
            params![host.key, host.name, env!("CARGO_PKG_VERSION"), configuration, ahead, FRESH, SWAY],
        )
        .map(drop)
    })
}

/// By how many milliseconds a clock is ahead of that of the server; 0 for a file, which has none.
///
/// # Errors
/// The database.
pub fn clock_ahead(store: &Store, clock: &dyn Fn() -> Timestamp) -> Result<i64> {
    if store.dialect() == Dialect::Sqlite {
        return Ok(0);
    }
    let (before, there, after) = store.read(|tx| {
        let before = clock().as_millisecond();
        Ok((before, shared_moment(tx)?.as_millisecond(), clock().as_millisecond()))
    })?;
    Ok(difference(before, there, after))
}

/// The moment by the clock that all hosts share. Only a server has it.
pub fn shared_moment(tx: &Tx<'_>) -> Result<Timestamp> {
    let there: Option<i64> = tx.value("SELECT this_moment()", [])?;
    moment(there.context("the server has no clock")?)
}

/// How far what was read between two moments is from both: nothing, if it may have been read when it was right.
fn difference(before: i64, there: i64, after: i64) -> i64 {
    match there {
        there if there < before => before - there,
        there if there > after => after - there,
        _ => 0,
    }
}

/// All hosts with what they hold, by name.
pub fn list(tx: &Tx<'_>) -> Result<Vec<Known>> {
    if tx.dialect() == Dialect::Sqlite {
        return Ok(Vec::new());
    }
    let mut hosts = tx.all(
        "SELECT id, name, version, seen_at, this_moment() - seen_at AS unseen, configuration, clock_ahead, deaths
            FROM hosts ORDER BY name, id",
        [],
        |row| {
            Ok(Known {
                id: row.get("id")?,
                name: row.get("name")?,
                version: row.get("version")?,
                seen_at: moment(row.get("seen_at")?)?,
                unseen: row.get("unseen")?,
                configuration: row.get("configuration")?,
                clock_ahead: row.get("clock_ahead")?,
                deaths: row.get("deaths")?,
                holds: Vec::new(),
            })
        },
    )?;
    let held = tx.all(
        "SELECT l.host_id, l.kind, l.account_id, a.name, l.process, l.since, this_moment() - l.since AS age,
            l.until - this_moment() AS remaining
            FROM leases l JOIN accounts a ON a.id = l.account_id WHERE l.until > 0 ORDER BY lower(a.name), l.kind",
        [],
        |row| {
            let held = Held {
                work: row.get::<String>("kind")?.parse()?,
                account_id: row.get("account_id")?,
                account: row.get("name")?,
                process: row.get("process")?,
                since: moment(row.get("since")?)?,
                age: row.get("age")?,
                left: row.get("remaining")?,
            };
            Ok((row.get::<i64>("host_id")?, held))
        },
    )?;
    for (host_id, held) in held {
        hosts.iter_mut().filter(|host| host.id == host_id).for_each(|host| host.holds.push(held.clone()));
    }
    Ok(hosts)
}

/// Who fetches each account, where that is not always the host `here`.
pub fn fetchers(tx: &Tx<'_>, here: &str) -> Result<Vec<Fetcher>> {
    let is_alone = || {
        let others = "SELECT count(*) FROM hosts WHERE name <> ?1 OR 1 < (SELECT count(*) FROM hosts)";
        Ok::<bool, anyhow::Error>(tx.value::<i64>(others, params![here])?.unwrap_or(0) == 0)
    };
    if tx.dialect() == Dialect::Sqlite || is_alone()? {
        return Ok(Vec::new());
    }
    tx.all(
        "SELECT l.account_id, h.name, l.process, l.until > this_moment() AS held
            FROM leases l JOIN hosts h ON h.id = l.host_id WHERE l.kind = 'fetch'",
        [],
        |row| {
            Ok(Fetcher {
                account_id: row.get("account_id")?,
                host: row.get("name")?,
                process: row.get("process")?,
                is_at_it: row.get("held")?,
            })
        },
    )
}

/// Counts a run of a host that died at a message.
pub fn died(tx: &Tx<'_>, host: Host<'_>) -> Result<()> {
    let id = seen(tx, host)?;
    tx.execute("UPDATE hosts SET deaths = deaths + 1 WHERE id = ?1", params![id]).map(drop)
}

/// Forgets a host with the leases that it did not give back.
pub fn forget(tx: &Tx<'_>, id: i64) -> Result<()> {
    tx.execute("DELETE FROM hosts WHERE id = ?1", params![id]).map(drop)
}

fn moment(milliseconds: i64) -> Result<Timestamp> {
    Ok(Timestamp::from_millisecond(milliseconds)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::store::db::seen::on_server;

    #[test]
    fn a_clock_is_off_by_no_more_than_what_the_answer_proves() {
        for (before, there, after, expected) in [
            (100, 150, 200, 0),
            (100, 100, 100, 0),
            (100, 40, 200, 60),
            (100, 260, 200, -60),
            (5_000, 1_000, 5_100, 4_000),
        ] {
            assert_eq!(difference(before, there, after), expected, "{before} {there} {after}");
        }
    }

    #[test]
    fn a_host_is_written_when_it_was_not_seen_for_some_seconds_or_says_something_new() {
        let Some(store) = on_server() else { return };
        let host = Host { key: "1", name: "web1", process: 11 };
        let now = Timestamp::now;
        let age = |seconds: i64| {
            store
                .write_besides(|tx| tx.execute("UPDATE hosts SET seen_at = seen_at - ?1 * 1000", [seconds]).map(drop))
                .unwrap();
        };
        // Which transaction has written the row.
        let written = || store.read(|tx| tx.value::<String>("SELECT CAST(xmin AS TEXT) FROM hosts", [])).unwrap();
        let see = || store.write_besides(|tx| seen(tx, host)).unwrap();
        let say = |configuration: &str, clock: &dyn Fn() -> Timestamp| {
            announce(&store, host, configuration, clock).unwrap();
        };
        let id = see();
        let first = written();
        assert_eq!((see(), written()), (id, first.clone()), "it was seen now");
        say("a", &now);
        let second = written();
        assert_ne!(second, first);
        say("a", &now);
        assert_eq!((see(), written()), (id, second.clone()));
        say("b", &now);
        let third = written();
        assert_ne!(third, second);
        let slow = || Timestamp::now() - jiff::SignedDuration::from_secs(5);
        say("b", &slow);
        let fourth = written();
        assert_ne!(fourth, third);
        let known = store.read(list).unwrap();
        assert_eq!((known.len(), known[0].configuration.as_str(), known[0].holds.len()), (1, "b", 0));
        assert!((-5_100..=-4_900).contains(&known[0].clock_ahead.unwrap()), "{known:?}");
        store.write(|tx| died(tx, host)).unwrap();
        assert_eq!(store.read(list).unwrap()[0].deaths, 1);
        age(11);
        let aged = written();
        assert_eq!(see(), id);
        assert_ne!(written(), aged);
        // A copy of the machine has another name.
        assert_ne!(store.write_besides(|tx| seen(tx, Host { name: "web2", ..host })).unwrap(), id);
    }

    #[test]
    fn a_file_has_no_hosts() {
        let store = Store::embedded_for_test().unwrap();
        announce(&store, Host { key: "1", name: "web1", process: 1 }, "a", &Timestamp::now).unwrap();
        assert_eq!(clock_ahead(&store, &Timestamp::now).unwrap(), 0);
        assert!(store.read(list).unwrap().is_empty() && store.read(|tx| fetchers(tx, "web1")).unwrap().is_empty());
    }
}
