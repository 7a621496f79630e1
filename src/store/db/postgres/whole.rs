//! What is done with the whole database: checked, counted, cleaned.

use anyhow::Result;

use super::Conn;

/// The tables of this program, in the order of their names.
const TABLES: &str = "SELECT c.relname FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
    WHERE s.nspname = current_schema() AND c.relkind = 'r' ORDER BY c.relname";

impl Conn {
    /// Names as they stand in a statement.
    fn tables(&self) -> Result<Vec<String>> {
        let rows = self.link.borrow_mut().client.query(TABLES, &[])?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Indexes that the server cannot use, and rules that it has not looked at: one line for each. The server holds rows
    /// together itself.
    pub fn check(&self) -> Result<Vec<String>> {
        let sql = "SELECT 'index ' || c.relname || ' cannot be used: REINDEX INDEX ' || c.relname
                FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                JOIN pg_namespace s ON s.oid = c.relnamespace
                WHERE s.nspname = current_schema() AND NOT (i.indisvalid AND i.indisready)
            UNION ALL SELECT t.relname || ': rule ' || k.conname || ' was never looked at for all rows'
                FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid
                JOIN pg_namespace s ON s.oid = k.connamespace
                WHERE s.nspname = current_schema() AND NOT k.convalidated";
        let rows = self.link.borrow_mut().client.query(sql, &[])?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Rows of every table, and the size of all of them with their indexes in bytes.
    pub fn stats(&self) -> Result<(Vec<(String, i64)>, i64)> {
        let mut counts = Vec::new();
        for table in self.tables()? {
            // The names come from the schema, not from anybody's input.
            let row = self.link.borrow_mut().client.query_one(&format!("SELECT count(*) FROM \"{table}\""), &[])?;
            counts.push((table, row.try_get(0)?));
        }
        let sql = "SELECT CAST(coalesce(sum(pg_total_relation_size(c.oid)), 0) AS BIGINT) FROM pg_class c
            JOIN pg_namespace s ON s.oid = c.relnamespace WHERE s.nspname = current_schema() AND c.relkind = 'r'";
        let bytes = self.link.borrow_mut().client.query_one(sql, &[])?.try_get(0)?;
        Ok((counts, bytes))
    }

    /// Frees the places of rows that are gone. What lies in the write-ahead log, in copies of the server and in backups
    /// stays there until these are written over.
    pub fn scrub(&self) -> Result<bool> {
        let tables: Vec<String> = self.tables()?.iter().map(|table| format!("\"{table}\"")).collect();
        self.batch(&format!("VACUUM {}", tables.join(", ")))?;
        Ok(true)
    }
}
