//! What is done with a whole file: checked, counted, copied, rebuilt; and for tests, how statements go through it.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use rusqlite::{Connection, backup};

use super::error::Unflushed;
use super::open::PATIENCE;
use super::{Conn, Running};
use crate::store::disk;

/// Pages that are copied at once.
const PAGES: i32 = 1_000;

/// The mode of `auto_vacuum` in which a file gives pages back when it is asked to.
const INCREMENTAL: i64 = 2;
/// Pages that are given back at once, in some milliseconds.
const SOME_PAGES: i64 = 64;

impl Running<'_> {
    /// Every column of the tables by table and place, and whether it belongs to the primary key.
    pub fn columns(&self) -> Result<Vec<(String, String, bool)>> {
        let sql = "SELECT t.name, c.name, c.pk > 0 FROM pragma_table_list t, pragma_table_info(t.name) c
            WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite_%' ORDER BY t.name, c.cid";
        let mut columns = self.conn.prepare(sql)?;
        let all = columns.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(all.collect::<rusqlite::Result<_>>()?)
    }

    /// Looks at keys to other tables when the transaction ends.
    pub fn defer_keys(&self) -> Result<()> {
        Ok(self.conn.pragma_update(None, "defer_foreign_keys", true)?)
    }

    /// The last id that each table has given to a row.
    pub fn last_ids(&self) -> Result<Vec<(String, i64)>> {
        let mut last = self.conn.prepare("SELECT name, seq FROM sqlite_sequence ORDER BY name")?;
        let all = last.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(all.collect::<rusqlite::Result<_>>()?)
    }

    /// Lets a table give ids above this one only.
    pub fn set_last_id(&self, table: &str, id: i64) -> Result<()> {
        if self.conn.execute("UPDATE sqlite_sequence SET seq = ?2 WHERE name = ?1", (table, id))? == 0 {
            self.conn.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", (table, id))?;
        }
        Ok(())
    }
}

/// The log of a database. Nobody locks it, so nothing is let go of when it is closed.
fn log(path: &Path) -> std::io::Result<File> {
    // SQLite follows links.
    File::open(disk::beside(&fs::canonicalize(path)?, "-wal"))
}

/// As long as this is there, a commit does not wait for the disk.
pub(super) struct Hasty<'a>(&'a Connection);

impl Drop for Hasty<'_> {
    fn drop(&mut self) {
        // It cannot fail between two transactions.
        let _ = self.0.pragma_update(None, "synchronous", "full");
    }
}

impl Conn {
    /// Commits do not wait for the disk, as long as the answer is there: where there is a log, which is kept open. Without one
    /// a power cut could damage the file.
    pub(super) fn hurry(&self) -> Result<Option<Hasty<'_>>> {
        if self.1.get().is_none() {
            let Some(log) = self.0.path().and_then(|path| log(Path::new(path)).ok()) else { return Ok(None) };
            let _ = self.1.set(log);
        }
        self.0.pragma_update(None, "synchronous", "normal")?;
        Ok(Some(Hasty(&self.0)))
    }

    /// Waits until every commit is on the disk. It is in the log, or has been taken from there into the file, by somebody
    /// who made sure of it before the log was used again.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn flush(&self, path: &Path) -> Result<()> {
        let flushed = match self.1.get() {
            Some(log) => log.sync_data(),
            None => log(path).and_then(|log| log.sync_data()),
        };
        match flushed {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Unflushed(error).into()),
            _ => Ok(()),
        }
    }

    /// `integrity_check` and `foreign_key_check`: one line for every fault found.
    pub fn check(&self) -> Result<Vec<String>> {
        let mut faults = Vec::new();
        let mut integrity = self.0.prepare("PRAGMA integrity_check")?;
        for line in integrity.query_map([], |r| r.get::<_, String>(0))? {
            let line = line?;
            if line != "ok" {
                faults.push(line);
            }
        }
        let mut keys = self.0.prepare("PRAGMA foreign_key_check")?;
        for row in
            keys.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, Option<i64>>(1)?, r.get::<_, String>(2)?)))?
        {
            let (table, rowid, parent) = row?;
            let row = rowid.map_or_else(|| "a row".to_owned(), |id| format!("row {id}"));
            faults.push(format!("{table}: {row} points to a missing row of {parent}"));
        }
        // Rows without an id are told once.
        faults.dedup();
        Ok(faults)
    }

    /// Rows of every table, and the size of the file in bytes.
    pub fn stats(&self) -> Result<(Vec<(String, i64)>, i64)> {
        let mut names = self.0.prepare(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
        )?;
        let mut tables = Vec::new();
        for name in names.query_map([], |r| r.get::<_, String>(0))? {
            let name = name?;
            // The names come from the schema, not from anybody's input.
            let rows = self.0.query_row(&format!("SELECT count(*) FROM \"{name}\""), [], |r| r.get(0))?;
            tables.push((name, rows));
        }
        Ok((tables, self.size()?))
    }

    /// Size of the file in bytes.
    pub fn size(&self) -> Result<i64> {
        let sql = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
        Ok(self.0.query_row(sql, [], |r| r.get(0))?)
    }

    /// Gives some free pages back to the disk; the bytes that are still free, and whether that is all that can be given.
    pub fn give_back_some(&self) -> Result<(u64, bool)> {
        let number = |name: &str| self.0.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let before = number("freelist_count")?;
        if number("auto_vacuum")? == INCREMENTAL {
            // Each page is a row of its answer.
            let mut some = self.0.prepare(&format!("PRAGMA incremental_vacuum({SOME_PAGES})"))?;
            let mut pages = some.query([])?;
            while pages.next()?.is_some() {}
        }
        let left = number("freelist_count")?;
        let bytes = u64::try_from(left * number("page_size")?)?;
        Ok((bytes, left == 0 || left >= before))
    }

    /// Rewrites the file without free pages.
    pub fn compact(&self) -> Result<()> {
        self.0.pragma_update(None, "auto_vacuum", "incremental")?;
        self.scrub().map(drop)
    }

    /// From now on what is deleted is overwritten.
    pub fn overwrite_what_is_deleted(&self) -> Result<()> {
        Ok(self.0.pragma_update(None, "secure_delete", true)?)
    }

    /// Rebuilds the file, so that no freed page and no log holds anything; `false` = somebody reads the log still.
    pub fn scrub(&self) -> Result<bool> {
        // The copy that is made of the whole database has no place in memory.
        self.0.pragma_update(None, "temp_store", "file")?;
        self.0.execute_batch("VACUUM")?;
        self.0.pragma_update(None, "temp_store", "memory")?;
        let begun = Instant::now();
        loop {
            let is_busy: bool = self.0.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
            // It has waited for those who read, and not for another one who takes the log into the file.
            if !is_busy || begun.elapsed() >= PATIENCE {
                return Ok(!is_busy);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Copies everything into an empty file, which says when that was.
    pub fn copy_to(&self, target: &Path, made_at: i64) -> Result<()> {
        let mut copy = Connection::open(target)?;
        backup::Backup::new(&self.0, &mut copy)?.run_to_completion(PAGES, Duration::ZERO, None)?;
        // One self-contained file, in any journal mode of the original.
        copy.pragma_update(None, "journal_mode", "delete")?;
        // Older versions cannot say so, and one that is a backup already keeps its time.
        if copy.column_exists(None, "instance", "backup_made_at")? {
            copy.execute("UPDATE instance SET backup_made_at = coalesce(backup_made_at, ?1)", [made_at])?;
        }
        Ok(copy.close().map_err(|(_, error)| error)?)
    }

    /// Makes it one self-contained file.
    pub fn without_log(&self) -> Result<()> {
        Ok(self.0.pragma_update(None, "journal_mode", "delete")?)
    }

    /// Puts what another database holds in the place of everything in this one, in one transaction; `false` = somebody
    /// else is using this one.
    pub fn replace_with(&mut self, source: &Conn) -> Result<bool> {
        let copy = backup::Backup::new(&source.0, &mut self.0)?;
        Ok(matches!(copy.step(-1)?, backup::StepResult::Done))
    }

    /// Calls `each` whenever statements have taken this number of steps.
    #[cfg(feature = "poison")]
    pub fn at_steps(&mut self, every: u8, mut each: impl FnMut() + Send + 'static) -> Result<()> {
        let count = move || {
            each();
            false
        };
        Ok(self.0.progress_handler(i32::from(every), Some(count))?)
    }

    /// The steps by which a statement would find its rows, as EXPLAIN QUERY PLAN tells them.
    #[cfg(test)]
    pub fn plan(&self, sql: &str) -> Result<Vec<String>> {
        self.explain(&format!("EXPLAIN QUERY PLAN {sql}"), "detail")
    }

    /// The instructions of a statement, as EXPLAIN tells them.
    #[cfg(test)]
    pub fn instructions(&self, sql: &str) -> Result<Vec<String>> {
        self.explain(&format!("EXPLAIN {sql}"), "opcode")
    }

    #[cfg(test)]
    fn explain(&self, sql: &str, column: &str) -> Result<Vec<String>> {
        let mut statement = self.0.prepare(sql)?;
        for place in 1..=statement.parameter_count() {
            statement.raw_bind_parameter(place, rusqlite::types::Null)?;
        }
        let mut rows = statement.raw_query();
        let mut steps = Vec::new();
        while let Some(row) = rows.next()? {
            steps.push(row.get(column)?);
        }
        Ok(steps)
    }
}
