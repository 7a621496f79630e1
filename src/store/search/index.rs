//! The full-text index, filled in a pass of its own: in the transaction of the import it would cost four times as much.
//!
//! [`crate::words`] makes the words. Ids only grow, so the highest id in the index tells where to go on, also after a kill
//! and after a migration that emptied it. The texts of an email change only where it is taken out of the index and put back
//! in the same transaction. Cases are edited: a trigger takes them out and remembers them, and the next pass puts them back.

use std::collections::HashMap;
use std::sync::mpsc::channel;
use std::thread;

use anyhow::Result;

use super::full_text::{self, FullText, Part};
use crate::store::db::{Row, Store, Tx, Value, params};
use crate::words;

/// Maximum number of rows in one transaction …
const ROWS: i64 = 500;
/// … maximum bytes of text, so that no other writer waits long …
const BYTES: i64 = 2 << 20;
/// … of which the index takes at most this number of one row.
const ROW_BYTES: i64 = 256 << 10;

/// Number of rows whose texts are read at once. The next ones are read before the words of those before are put in.
const AHEAD: usize = 8;

/// Indexes what is not indexed yet, in short transactions, while `go_on` says so. Nothing is written where nothing is
/// missing.
pub fn fill(store: &Store, go_on: &dyn Fn() -> bool) -> Result<()> {
    fill_telling(store, go_on, &mut |_| ())
}

/// The same, telling how many rows were added after each transaction.
pub fn fill_telling(store: &Store, go_on: &dyn Fn() -> bool, told: &mut dyn FnMut(usize)) -> Result<()> {
    let texts = full_text::of(store.dialect());
    for part in texts.parts {
        while go_on() && store.read(|tx| tx.value::<bool>(part.missing, params![1]))?.unwrap_or_default() {
            match store.write_soon(|tx| add_next(tx, texts, part))? {
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
    let parts = full_text::of(tx.dialect()).parts;
    let counts = parts.iter().map(count).collect::<Result<Vec<i64>>>()?;
    Ok(usize::try_from(counts.iter().sum::<i64>())?)
}

/// Changes the texts of an email by `work`, and the index with them where the email is in it.
pub fn rewrite(tx: &Tx<'_>, email_id: i64, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let texts = full_text::of(tx.dialect());
    if !tx.value::<bool>(texts.has_email, params![email_id])?.unwrap_or_default() {
        return work();
    }
    tx.execute(texts.remove_email, params![email_id])?;
    work()?;
    let Some(part) = texts.parts.first() else { return Ok(()) };
    let of_email = texts_of(tx, part, &[email_id])?.pop().unwrap_or_default();
    put(tx, part, email_id, of_texts(texts, &of_email))
}

/// Writes the whole index again: until then the words of what was deleted stay in it, marked as gone. Where the engine can
/// do that after the transaction only, [`Store::write_and_scrub`] does.
pub fn scrub(tx: &Tx<'_>) -> Result<()> {
    full_text::of(tx.dialect()).scrub.iter().try_for_each(|sql| tx.execute(sql, []).map(drop))
}

fn add_next(tx: &Tx<'_>, texts: &'static FullText, part: &Part) -> Result<usize> {
    let next = tx.all(part.next, params![ROWS], |row| Ok((row.get::<i64>("id")?, row.get::<i64>("size")?)))?;
    let mut bytes = 0;
    let fits = next.iter().take_while(|(_, size)| {
        let before = bytes;
        bytes += (*size).min(ROW_BYTES);
        before < BYTES
    });
    let fits: Vec<i64> = fits.map(|(id, _)| *id).collect();
    let (given, read) = channel::<Vec<String>>();
    let (made, words) = channel();
    // Words are made by a thread of their own, while the index takes those before them.
    thread::scope(|scope| {
        let work = move || read.iter().try_for_each(|row| made.send(of_texts(texts, &row)));
        thread::Builder::new().spawn_scoped(scope, work)?;
        let mut unread = fits.chunks(AHEAD);
        let mut read_on = || -> Result<()> {
            match unread.next() {
                Some(next) => texts_of(tx, part, next)?.into_iter().try_for_each(|row| anyhow::Ok(given.send(row)?)),
                None => Ok(()),
            }
        };
        read_on()?;
        for chunk in fits.chunks(AHEAD) {
            read_on()?;
            chunk.iter().try_for_each(|id| put(tx, part, *id, words.recv()?))?;
        }
        drop(given);
        anyhow::Ok(())
    })?;
    Ok(fits.len())
}

/// The texts of rows in the order of their ids, none where one has none.
fn texts_of(tx: &Tx<'_>, part: &Part, ids: &[i64]) -> Result<Vec<Vec<String>>> {
    let read = |row: &Row<'_>| {
        let text = |name: &&str| Ok(row.get::<Option<String>>(name)?.unwrap_or_default());
        let texts = part.columns.iter().map(text).collect::<Result<Vec<_>>>()?;
        Ok((row.get::<i64>("id")?, texts))
    };
    let mut texts = HashMap::new();
    // Between the ids of neighbours there is nothing that is not wanted.
    for run in ids.chunk_by(|one, next| next - one == 1) {
        if let (Some(first), Some(last)) = (run.first(), run.last()) {
            texts.extend(tx.all(part.texts, params![*first, *last], read)?);
        }
    }
    Ok(ids.iter().map(|id| texts.remove(id).unwrap_or_default()).collect())
}

/// What the index keeps of texts; `None` where there are none.
fn of_texts(of_engine: &FullText, texts: &[String]) -> Option<Vec<Value>> {
    (!texts.is_empty()).then(|| (of_engine.row)(words::index(texts)))
}

fn put(tx: &Tx<'_>, part: &Part, id: i64, row: Option<Vec<Value>>) -> Result<()> {
    let Some(row) = row else { return Ok(()) };
    part.before.iter().try_for_each(|sql| tx.execute(sql, params![id]).map(drop))?;
    tx.execute(part.add, [Value::from(id)].into_iter().chain(row).collect::<Vec<_>>())?;
    Ok(())
}
