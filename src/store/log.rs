//! The log of what commands wrote: who, when, which command, which things. Numbers and words of our own only.

use anyhow::Result;
use jiff::Timestamp;

use super::db::{Row, Thing, Tx, params, seconds};
use super::label::labels;

/// One of the things that people know: its table, what it is called, and the expression that names it to them without
/// telling anything of a mail or a customer; without one its id does.
struct Known {
    table: &'static str,
    kind: &'static str,
    name: Option<&'static str>,
}

const THINGS: &[Known] = &[
    Known { table: "accounts", kind: "account", name: Some("name") },
    Known { table: "filters", kind: "filter", name: Some("name") },
    Known { table: "templates", kind: "template", name: Some("name") },
    Known { table: "teams", kind: "team", name: Some("name") },
    Known { table: "roles", kind: "role", name: Some("name") },
    Known { table: "users", kind: "user", name: Some("username") },
    // A folder or search of one's own is nobody else's business.
    Known { table: "folders", kind: "folder", name: Some("CASE WHEN user_id IS NULL THEN name END") },
    Known { table: "searches", kind: "search", name: Some("CASE WHEN user_id IS NULL THEN name END") },
    Known { table: "cases", kind: "case", name: Some("number") },
    Known { table: "emails", kind: "email", name: None },
    Known { table: "deliveries", kind: "delivery", name: None },
    Known { table: "outbox", kind: "outbox", name: None },
    Known { table: "companies", kind: "company", name: None },
    Known { table: "contacts", kind: "contact", name: None },
    Known { table: "leads", kind: "lead", name: None },
    Known { table: "opportunities", kind: "opportunity", name: None },
];

/// Number of things that an entry names; of the others it holds the number.
const MOST_THINGS: usize = 20;

labels! {
    /// How a command went.
    pub enum LogOutcome {
        /// It wrote what it was asked to.
        Done = "done",
        /// It writes in many transactions and has not ended, or was killed.
        Begun = "begun",
        /// Some of it failed.
        Partial = "partial",
        /// It ended with an error after it had begun to write.
        Failed = "failed",
    }
}

/// What a row of a table is called, where it is one of the things that people know.
pub fn kind_of(table: &str) -> Option<&'static str> {
    THINGS.iter().find(|known| known.table == table).map(|known| known.kind)
}

/// Who writes by which command.
#[derive(Debug, Clone, Copy)]
pub struct NewEntry<'a> {
    /// Effective user id of the process.
    pub uid: u32,
    /// User id of the person who typed the command.
    pub caller_uid: u32,
    /// The user that the caller is; `None` = the administrator.
    pub user_id: Option<i64>,
    /// The user of `--as`.
    pub as_user_id: Option<i64>,
    /// The machine that it runs on, where several may work on one database.
    pub host: Option<&'a str>,
    /// Noun and verb.
    pub command: &'a str,
    /// How it went.
    pub outcome: LogOutcome,
}

/// Adds an entry about these things; the id.
pub fn add(tx: &Tx<'_>, new: &NewEntry<'_>, things: &[Thing], now: Timestamp) -> Result<i64> {
    let more = i64::try_from(things.len().saturating_sub(MOST_THINGS))?;
    let id = tx.insert(
        "INSERT INTO log_entries (at, uid, caller_uid, user_id, as_user_id, host, command, outcome, more)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            seconds(now),
            new.uid,
            new.caller_uid,
            new.user_id,
            new.as_user_id,
            new.host,
            new.command,
            new.outcome.as_str(),
            more
        ],
    )?;
    for (kind, row_id) in things.iter().take(MOST_THINGS) {
        tx.execute("INSERT INTO log_objects (entry_id, kind, row_id) VALUES (?1, ?2, ?3)", params![id, kind, row_id])?;
    }
    Ok(id)
}

/// Keeps the name of a thing that is about to be deleted, for the entries about it.
pub fn remember(tx: &Tx<'_>, kind: &str, id: i64) -> Result<()> {
    let Some((table, column)) = named(kind) else { return Ok(()) };
    let sql = format!(
        "INSERT INTO gone_things (kind, row_id, name) SELECT ?1, id, {column} FROM {table} WHERE id = ?2
            ON CONFLICT (kind, row_id) DO UPDATE SET name = excluded.name"
    );
    tx.execute(&sql, params![kind, id])?;
    Ok(())
}

/// Table and column of the name of a kind of thing.
fn named(kind: &str) -> Option<(&'static str, &'static str)> {
    THINGS.iter().find(|known| known.kind == kind).and_then(|known| Some((known.table, known.name?)))
}

/// Writes down how what had begun ended.
pub fn finish(tx: &Tx<'_>, id: i64, outcome: LogOutcome) -> Result<()> {
    tx.execute("UPDATE log_entries SET outcome = ?2 WHERE id = ?1", params![id, outcome.as_str()])?;
    Ok(())
}

/// Which entries are wanted.
#[derive(Debug, Clone, Copy)]
pub struct LogQuery {
    /// Not older.
    pub since: Option<Timestamp>,
    /// By this user, or as this user.
    pub user_id: Option<i64>,
    /// Maximum number.
    pub limit: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Effective user id of the process.
    pub uid: u32,
    /// User id of the person who typed the command.
    pub caller_uid: u32,
    /// The user that the caller is, by id and username.
    pub user: Option<(i64, String)>,
    /// The user of `--as`.
    pub as_user: Option<(i64, String)>,
    /// The machine it ran on, where several may work on one database.
    pub host: Option<String>,
    /// Noun and verb.
    pub command: String,
    /// How it went.
    pub outcome: LogOutcome,
    /// What was written.
    pub objects: Vec<Object>,
    /// Objects beyond those.
    pub more: i64,
}

/// A thing that an entry is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// account, case, user …
    pub kind: String,
    /// Its id; of a case the number.
    pub id: i64,
    /// What it is called now, or was called last; `None` where it has no name, or what is gone has left none.
    pub name: Option<String>,
}

/// What is wanted of the entries `l`; `?1` and `?2` are moment and user.
fn wanted(query: &LogQuery) -> &'static str {
    match query.since {
        Some(_) => "l.at >= ?1 AND (?2 IS NULL OR l.user_id = ?2 OR l.as_user_id = ?2)",
        None => "?1 IS NULL AND (?2 IS NULL OR l.user_id = ?2 OR l.as_user_id = ?2)",
    }
}

/// How many entries [`list`] would give without a limit, at most `most`.
pub fn count_to(tx: &Tx<'_>, query: &LogQuery, most: i64) -> Result<i64> {
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM log_entries l WHERE {} LIMIT ?3) AS listed", wanted(query));
    Ok(tx.value(&sql, params![query.since.map(seconds), query.user_id, most])?.unwrap_or_default())
}

/// From the first id that can be wanted. Ids grow with time: where there are few entries since the moment, those from before the
/// first one are not looked at. Where there are many, the newest fill the list soon.
const SINCE_FIRST: &str = " AND l.id >= (SELECT CASE WHEN count(*) < 1000 THEN min(f.id) ELSE 0 END
    FROM (SELECT id FROM log_entries WHERE at >= ?1 LIMIT 1000) AS f)";

/// Entries, newest first.
pub fn list(tx: &Tx<'_>, query: &LogQuery) -> Result<Vec<Entry>> {
    let mut entries = tx.all(
        &format!(
            "SELECT l.id, l.at, l.uid, l.caller_uid, l.user_id, u.username, l.as_user_id, a.username AS as_username,
                l.host, l.command, l.outcome, l.more
            FROM log_entries l LEFT JOIN users u ON u.id = l.user_id LEFT JOIN users a ON a.id = l.as_user_id
            WHERE {}{} ORDER BY l.id DESC LIMIT ?3",
            wanted(query),
            query.since.map(|_| SINCE_FIRST).unwrap_or_default()
        ),
        params![query.since.map(seconds), query.user_id, query.limit],
        entry,
    )?;
    for entry in &mut entries {
        entry.objects = objects(tx, entry.id)?;
    }
    Ok(entries)
}

fn entry(row: &Row<'_>) -> Result<Entry> {
    let person = |id: &str, name: &str| -> Result<Option<(i64, String)>> {
        Ok(row.get::<Option<i64>>(id)?.zip(row.get::<Option<String>>(name)?))
    };
    Ok(Entry {
        id: row.get("id")?,
        at: row.time("at")?,
        uid: row.get("uid")?,
        caller_uid: row.get("caller_uid")?,
        user: person("user_id", "username")?,
        as_user: person("as_user_id", "as_username")?,
        host: row.get("host")?,
        command: row.get("command")?,
        outcome: row.label("outcome")?,
        objects: Vec::new(),
        more: row.get("more")?,
    })
}

fn objects(tx: &Tx<'_>, entry_id: i64) -> Result<Vec<Object>> {
    let rows = tx.all(
        "SELECT kind, row_id FROM log_objects WHERE entry_id = ?1 ORDER BY kind, row_id",
        params![entry_id],
        |row| Ok((row.get::<String>("kind")?, row.get::<i64>("row_id")?)),
    )?;
    rows.into_iter().map(|(kind, id)| object(tx, kind, id)).collect()
}

pub(super) fn object(tx: &Tx<'_>, kind: String, id: i64) -> Result<Object> {
    let Some((table, column)) = named(&kind) else { return Ok(Object { kind, id, name: None }) };
    // Table and column are those of the list above.
    let sql = format!(
        "SELECT coalesce((SELECT CAST({column} AS TEXT) FROM {table} WHERE id = ?1),
            (SELECT name FROM gone_things WHERE kind = ?2 AND row_id = ?1))"
    );
    let name: Option<String> = tx.value::<Option<String>>(&sql, params![id, kind])?.flatten();
    match name {
        Some(number) if kind == "case" => Ok(Object { kind, id: number.parse()?, name: None }),
        name => Ok(Object { kind, id, name }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::db::Store;

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn new(command: &str) -> NewEntry<'_> {
        NewEntry {
            uid: 990,
            caller_uid: 1000,
            user_id: None,
            as_user_id: None,
            host: None,
            command,
            outcome: LogOutcome::Done,
        }
    }

    fn all() -> LogQuery {
        LogQuery { since: None, user_id: None, limit: 10 }
    }

    #[test]
    fn a_watched_store_knows_what_was_written_by_tables_that_people_know() {
        let store = Store::for_test().unwrap().watch(kind_of).unwrap();
        store
            .write(|tx| {
                tx.execute("INSERT INTO teams (id, name, created_at) VALUES (7, 'a', 0)", [])?;
                tx.execute("INSERT INTO users (id, username, login, created_at) VALUES (3, 'ana', '', 0)", [])?;
                tx.execute("UPDATE teams SET name = 'b' WHERE id = 7", [])?;
                tx.execute("INSERT INTO notes (parent_type, parent_id, kind, text, created_at) VALUES ('case', 1, 'comment', '', 0)", [])?;
                assert_eq!(tx.written(), [("team", 7), ("user", 3)]);
                Ok(())
            })
            .unwrap();
        store
            .write(|tx| {
                assert!(tx.written().is_empty(), "every transaction begins anew");
                tx.execute("DELETE FROM teams WHERE id = 7", [])?;
                tx.about("case", 12);
                assert_eq!(tx.written(), [("case", 12), ("team", 7)]);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn every_thing_has_a_table_with_its_name() {
        let store = Store::for_test().unwrap();
        for known in THINGS {
            let column = known.name.unwrap_or("id");
            let sql = format!("SELECT CAST({column} AS TEXT) FROM {} WHERE id = 1", known.table);
            assert_eq!(store.read(|tx| tx.value::<String>(&sql, [])).unwrap(), None, "{}", known.table);
        }
    }

    #[test]
    fn things_are_listed_by_what_they_are_called_now_and_many_are_counted() {
        let store = Store::for_test().unwrap();
        let entries = store.write(|tx| {
            tx.execute("INSERT INTO teams (id, name, created_at) VALUES (7, 'old', 0)", [])?;
            tx.execute("INSERT INTO cases (id, number, key, name, created_at, modified_at) VALUES (5, 412, 'k', 'secret', 0, 0)", [])?;
            tx.execute("INSERT INTO teams (id, name, created_at) VALUES (8, 'gone', 0)", [])?;
            add(tx, &new("team edit"), &[("team", 7), ("case", 5), ("team", 8), ("team", 99)], now())?;
            crate::store::teams::delete(tx, 8)?;
            tx.execute("UPDATE teams SET name = 'new' WHERE id = 7", [])?;
            let emails: Vec<Thing> = (1..=25).map(|id| ("email", id)).collect();
            add(tx, &new("case merge"), &emails, now())?;
            list(tx, &all())
        });
        let entries = entries.unwrap();
        let [merge, edit] = entries.as_slice() else { unreachable!("{entries:?}") };
        assert_eq!((merge.objects.len(), merge.more), (20, 5));
        let named: Vec<(&str, i64, Option<&str>)> =
            edit.objects.iter().map(|o| (o.kind.as_str(), o.id, o.name.as_deref())).collect();
        assert_eq!(
            named,
            [("case", 412, None), ("team", 7, Some("new")), ("team", 8, Some("gone")), ("team", 99, None)]
        );
    }

    #[test]
    fn entries_are_chosen_by_time_and_person() {
        let store = Store::for_test().unwrap();
        store
            .write(|tx| {
                for id in [1, 2] {
                    let sql = "INSERT INTO users (id, username, login, created_at) VALUES (?1, 'u' || ?1, '', 0)";
                    tx.execute(sql, params![id])?;
                }
                let by = |user_id, as_user_id| NewEntry { user_id, as_user_id, ..new("case close") };
                let hour = |n: i64| Timestamp::from_second(1_800_000_000 + n * 3600).unwrap();
                for (n, entry) in [(0, by(None, None)), (1, by(Some(1), None)), (2, by(Some(1), Some(2)))] {
                    add(tx, &entry, &[], hour(n))?;
                }
                let ids = |query: &LogQuery| -> Result<Vec<i64>> {
                    Ok(list(tx, query)?.into_iter().map(|entry| entry.id).collect())
                };
                assert_eq!(ids(&all())?, [3, 2, 1]);
                assert_eq!(ids(&LogQuery { limit: 1, ..all() })?, [3]);
                assert_eq!(ids(&LogQuery { since: Some(hour(1)), ..all() })?, [3, 2]);
                assert_eq!(ids(&LogQuery { user_id: Some(1), ..all() })?, [3, 2]);
                assert_eq!(ids(&LogQuery { user_id: Some(2), ..all() })?, [3]);
                finish(tx, 1, LogOutcome::Failed)?;
                assert_eq!(list(tx, &all())?.last().map(|entry| entry.outcome), Some(LogOutcome::Failed));
                Ok(())
            })
            .unwrap();
    }
}
