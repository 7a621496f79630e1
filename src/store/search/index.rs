//! The full-text index, filled in a pass of its own: in the transaction of the import it would cost four times as much.
//!
//! Ids only grow, so the highest id in the index tells where to go on, also after a kill. The texts of an email change
//! only where it is taken out of the index and put back in the same transaction. Cases are edited; a trigger keeps those
//! that are in the index right.

use anyhow::Result;

use crate::store::db::{Store, Tx, params};

/// Maximum number of rows in one transaction …
const ROWS: i64 = 500;
/// … maximum bytes of text, so that no other writer waits long …
const BYTES: i64 = 2 << 20;
/// … of which the index takes at most this number of one row.
const ROW_BYTES: i64 = 256 << 10;

/// The statements of one index.
struct Part {
    behind: &'static str,
    next: &'static str,
    add: &'static str,
}

const PARTS: &[Part] = &[
    Part {
        behind: "SELECT EXISTS (SELECT 1 FROM emails WHERE id > (SELECT coalesce(max(id), 0) FROM email_index_docsize))",
        next: "SELECT email_id AS id, octet_length(text) AS size FROM email_bodies
            WHERE email_id > (SELECT coalesce(max(id), 0) FROM email_index_docsize) ORDER BY email_id LIMIT ?1",
        add: "INSERT INTO email_index (rowid, subject, addresses, text)
            SELECT id, subject, addresses, text FROM email_texts
            WHERE id > (SELECT coalesce(max(id), 0) FROM email_index_docsize) AND id <= ?1 ORDER BY id",
    },
    Part {
        behind: "SELECT EXISTS (SELECT 1 FROM cases WHERE id > (SELECT coalesce(max(id), 0) FROM case_index_docsize))",
        next: "SELECT id, octet_length(description) AS size FROM cases
            WHERE id > (SELECT coalesce(max(id), 0) FROM case_index_docsize) ORDER BY id LIMIT ?1",
        add: "INSERT INTO case_index (rowid, name, description)
            SELECT id, name, description FROM cases
            WHERE id > (SELECT coalesce(max(id), 0) FROM case_index_docsize) AND id <= ?1 ORDER BY id",
    },
];

/// Indexes what is not indexed yet, in short transactions, while `go_on` says so. Nothing is written where nothing is
/// missing.
pub fn fill(store: &Store, go_on: &dyn Fn() -> bool) -> Result<()> {
    for part in PARTS {
        while go_on() && store.read(|tx| tx.value::<bool>(part.behind, []))?.unwrap_or_default() {
            store.write(|tx| add_next(tx, part))?;
        }
    }
    Ok(())
}

/// Changes the texts of an email by `work`, and the index with them where the email is in it.
pub fn rewrite(tx: &Tx<'_>, email_id: i64, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let indexed = "SELECT EXISTS (SELECT 1 FROM email_index_docsize WHERE id = ?1)";
    if !tx.value::<bool>(indexed, params![email_id])?.unwrap_or_default() {
        return work();
    }
    tx.execute("DELETE FROM email_index WHERE rowid = ?1", params![email_id])?;
    work()?;
    tx.execute(
        "INSERT INTO email_index (rowid, subject, addresses, text)
            SELECT id, subject, addresses, text FROM email_texts WHERE id = ?1",
        params![email_id],
    )?;
    Ok(())
}

/// Writes the whole index again: until then the words of what was deleted stay in it, marked as gone. (The option
/// `secure-delete` of FTS5 would take most of them out at once, but costs a third of each pass.) A lone segment would be
/// left as it is; another one next to it makes SQLite merge them.
pub fn scrub(tx: &Tx<'_>) -> Result<()> {
    for sql in [
        "INSERT INTO email_index (rowid, subject, addresses, text) VALUES (0, 'x', '', '')",
        "INSERT INTO email_index (email_index) VALUES ('optimize')",
        "INSERT INTO email_index (email_index, rowid, subject, addresses, text) VALUES ('delete', 0, 'x', '', '')",
        "INSERT INTO case_index (rowid, name, description) VALUES (0, 'x', '')",
        "INSERT INTO case_index (case_index) VALUES ('optimize')",
        "INSERT INTO case_index (case_index, rowid, name, description) VALUES ('delete', 0, 'x', '')",
    ] {
        tx.execute(sql, [])?;
    }
    Ok(())
}

fn add_next(tx: &Tx<'_>, part: &Part) -> Result<()> {
    let next = tx.all(part.next, params![ROWS], |row| Ok((row.get::<i64>("id")?, row.get::<i64>("size")?)))?;
    let mut bytes = 0;
    let fits = next.iter().take_while(|(_, size)| {
        let before = bytes;
        bytes += (*size).min(ROW_BYTES);
        before < BYTES
    });
    if let Some((last, _)) = fits.last() {
        tx.execute(part.add, params![last])?;
    }
    Ok(())
}
