//! The full-text index, filled in a pass of its own: in the transaction of the import it would cost four times as much.
//!
//! [`crate::words`] makes the words. Ids only grow, so the highest id in the index tells where to go on, also after a kill
//! and after a migration that emptied it. The texts of an email change only where it is taken out of the index and put back
//! in the same transaction. Cases are edited: a trigger takes them out and remembers them, and the next pass puts them back.

use std::sync::mpsc::channel;
use std::thread;

use anyhow::Result;

use crate::store::db::{Row, Store, Tx, Value, params};
use crate::words::{self, Indexed};

/// Maximum number of rows in one transaction …
const ROWS: i64 = 500;
/// … maximum bytes of text, so that no other writer waits long …
const BYTES: i64 = 2 << 20;
/// … of which the index takes at most this number of one row.
const ROW_BYTES: i64 = 256 << 10;

/// Number of rows whose texts are read before the words of the first one are put in.
const AHEAD: usize = 16;

/// The statements of one pass.
struct Part {
    /// How many rows are missing.
    missing: &'static str,
    next: &'static str,
    /// The texts of a row.
    texts: &'static str,
    columns: &'static [&'static str],
    add: &'static str,
    /// What is to be done before a row is added.
    before: &'static [&'static str],
}

const EMAILS: Part = Part {
    missing: "SELECT count(*) FROM (SELECT 1 FROM emails
        WHERE id > (SELECT coalesce(max(id), 0) FROM email_index_docsize) LIMIT ?1) AS those",
    next: "SELECT email_id AS id, octet_length(text) AS size FROM email_bodies
        WHERE email_id > (SELECT coalesce(max(id), 0) FROM email_index_docsize) ORDER BY email_id LIMIT ?1",
    texts: "SELECT subject, addresses, text, files FROM email_texts WHERE id = ?1",
    columns: &["subject", "addresses", "text", "files"],
    add: "INSERT INTO email_index (rowid, subject, addresses, text, files, numbers) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    before: &[],
};

const CASE_TEXTS: &str = "SELECT name, substr(description, 1, 262144) AS description FROM cases WHERE id = ?1";
const CASE_COLUMNS: &[&str] = &["name", "description"];
const ADD_CASE: &str = "INSERT INTO case_index (rowid, name, description, numbers) VALUES (?1, ?2, ?3, ?4)";

const PARTS: &[Part] = &[
    EMAILS,
    Part {
        missing: "SELECT count(*) FROM (SELECT 1 FROM case_index_gaps LIMIT ?1) AS those",
        next: "SELECT c.id, octet_length(c.description) AS size FROM case_index_gaps g JOIN cases c ON c.id = g.case_id
            ORDER BY g.case_id LIMIT ?1",
        texts: CASE_TEXTS,
        columns: CASE_COLUMNS,
        add: ADD_CASE,
        before: &["DELETE FROM case_index_gaps WHERE case_id = ?1", "DELETE FROM case_index WHERE rowid = ?1"],
    },
    Part {
        missing: "SELECT count(*) FROM (SELECT 1 FROM cases
            WHERE id > (SELECT coalesce(max(id), 0) FROM case_index_docsize) LIMIT ?1) AS those",
        next: "SELECT id, octet_length(description) AS size FROM cases
            WHERE id > (SELECT coalesce(max(id), 0) FROM case_index_docsize) ORDER BY id LIMIT ?1",
        texts: CASE_TEXTS,
        columns: CASE_COLUMNS,
        add: ADD_CASE,
        before: &[],
    },
];

/// Indexes what is not indexed yet, in short transactions, while `go_on` says so. Nothing is written where nothing is
/// missing.
pub fn fill(store: &Store, go_on: &dyn Fn() -> bool) -> Result<()> {
    fill_telling(store, go_on, &mut |_| ())
}

/// The same, telling how many rows were added after each transaction.
pub fn fill_telling(store: &Store, go_on: &dyn Fn() -> bool, told: &mut dyn FnMut(usize)) -> Result<()> {
    for part in PARTS {
        while go_on() && store.read(|tx| tx.value::<bool>(part.missing, params![1]))?.unwrap_or_default() {
            match store.write(|tx| add_next(tx, part))? {
                0 => break,
                added => told(added),
            }
        }
    }
    Ok(())
}

/// How many rows [`fill`] would add.
pub fn missing(tx: &Tx<'_>) -> Result<usize> {
    let count = |part: &Part| Ok(tx.value::<i64>(part.missing, params![i64::MAX])?.unwrap_or_default());
    let counts = PARTS.iter().map(count).collect::<Result<Vec<i64>>>()?;
    Ok(usize::try_from(counts.iter().sum::<i64>())?)
}

/// Changes the texts of an email by `work`, and the index with them where the email is in it.
pub fn rewrite(tx: &Tx<'_>, email_id: i64, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let indexed = "SELECT EXISTS (SELECT 1 FROM email_index_docsize WHERE id = ?1)";
    if !tx.value::<bool>(indexed, params![email_id])?.unwrap_or_default() {
        return work();
    }
    tx.execute("DELETE FROM email_index WHERE rowid = ?1", params![email_id])?;
    work()?;
    add(tx, &EMAILS, email_id)
}

/// Writes the whole index again: until then the words of what was deleted stay in it, marked as gone. A lone segment would
/// be left as it is; another one next to it makes SQLite merge them.
pub fn scrub(tx: &Tx<'_>) -> Result<()> {
    for sql in [
        "INSERT INTO email_index (rowid, subject) VALUES (0, 'x')",
        "INSERT INTO email_index (email_index) VALUES ('optimize')",
        "DELETE FROM email_index WHERE rowid = 0",
        "INSERT INTO case_index (rowid, name) VALUES (0, 'x')",
        "INSERT INTO case_index (case_index) VALUES ('optimize')",
        "DELETE FROM case_index WHERE rowid = 0",
    ] {
        tx.execute(sql, [])?;
    }
    Ok(())
}

fn add_next(tx: &Tx<'_>, part: &Part) -> Result<usize> {
    let next = tx.all(part.next, params![ROWS], |row| Ok((row.get::<i64>("id")?, row.get::<i64>("size")?)))?;
    let mut bytes = 0;
    let fits = next.iter().take_while(|(_, size)| {
        let before = bytes;
        bytes += (*size).min(ROW_BYTES);
        before < BYTES
    });
    let fits: Vec<i64> = fits.map(|(id, _)| *id).collect();
    let (texts, read) = channel::<Vec<String>>();
    let (made, words) = channel();
    // Words are made by a thread of their own, while the index takes those before them.
    thread::scope(|scope| {
        let work = move || read.iter().try_for_each(|texts| made.send(words::index(&texts)));
        thread::Builder::new().spawn_scoped(scope, work)?;
        let mut unread = fits.iter();
        for (number, id) in fits.iter().enumerate() {
            for next in unread.by_ref().take(if number == 0 { AHEAD } else { 1 }) {
                texts.send(texts_of(tx, part, *next)?)?;
            }
            put(tx, part, *id, words.recv()?)?;
        }
        drop(texts);
        anyhow::Ok(())
    })?;
    Ok(fits.len())
}

fn add(tx: &Tx<'_>, part: &Part, id: i64) -> Result<()> {
    put(tx, part, id, words::index(&texts_of(tx, part, id)?))
}

/// The texts of a row, none where it has none.
fn texts_of(tx: &Tx<'_>, part: &Part, id: i64) -> Result<Vec<String>> {
    let read = |row: &Row<'_>| {
        let text = |name: &&str| Ok(row.get::<Option<String>>(name)?.unwrap_or_default());
        part.columns.iter().map(text).collect::<Result<Vec<_>>>()
    };
    Ok(tx.one(part.texts, params![id], read)?.unwrap_or_default())
}

fn put(tx: &Tx<'_>, part: &Part, id: i64, indexed: Indexed) -> Result<()> {
    if indexed.parts.is_empty() {
        return Ok(());
    }
    part.before.iter().try_for_each(|sql| tx.execute(sql, params![id]).map(drop))?;
    let columns = indexed.parts.into_iter().chain([indexed.numbers]).map(Value::from);
    tx.execute(part.add, [Value::from(id)].into_iter().chain(columns).collect::<Vec<_>>())?;
    Ok(())
}
