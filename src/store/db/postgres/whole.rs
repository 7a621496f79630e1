//! What is done with the whole database: checked, counted, cleaned.

use anyhow::Result;

use super::{Conn, Link, Running, shape};

/// The tables of the schema, in the order of their names.
const TABLES: &str = "SELECT CAST(c.relname AS TEXT) FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
    WHERE s.nspname = current_schema() AND c.relkind = 'r' AND c.relname = ANY($1) ORDER BY c.relname COLLATE \"C\"";

/// Their indexes of words.
const WORDS: &str = "SELECT CAST(c.relname AS TEXT) FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
    JOIN pg_index i ON i.indexrelid = c.oid JOIN pg_class t ON t.oid = i.indrelid JOIN pg_am a ON a.oid = c.relam
    WHERE s.nspname = current_schema() AND a.amname = 'gin' AND t.relname = ANY($1)";

impl Running<'_> {
    /// Every column of this program's tables by table and place, and whether it belongs to the primary key.
    pub fn columns(&self) -> Result<Vec<(String, String, bool)>> {
        let sql = "SELECT CAST(c.relname AS TEXT), CAST(a.attname AS TEXT), coalesce(a.attnum = ANY(i.indkey), FALSE)
            FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
            WHERE s.nspname = current_schema() AND c.relkind = 'r' AND c.relname = ANY($1)
            ORDER BY c.relname COLLATE \"C\", a.attnum";
        let rows = self.conn.link.borrow_mut().client.query(sql, &[&shape::own_tables()])?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).collect()
    }

    /// Looks at keys to other tables when the transaction ends.
    pub fn defer_keys(&self) -> Result<()> {
        self.conn.batch("SET CONSTRAINTS ALL DEFERRED")
    }

    /// The last id that each table has given to a row.
    pub fn last_ids(&self) -> Result<Vec<(String, i64)>> {
        let sql = "SELECT CAST(c.relname AS TEXT), q.last_value FROM pg_class c
            JOIN pg_sequences q ON q.schemaname = current_schema() AND q.sequencename = c.relname || '_id_seq'
            WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
            AND q.last_value IS NOT NULL ORDER BY c.relname";
        let rows = self.conn.link.borrow_mut().client.query(sql, &[])?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    /// Lets a table give ids above this one only.
    pub fn set_last_id(&self, table: &str, id: i64) -> Result<()> {
        let sql = "SELECT setval(pg_get_serial_sequence(quote_ident($1), 'id'), $2)";
        let Link { client, ids, .. } = &mut *self.conn.link.borrow_mut();
        ids.forget(table);
        client.query(sql, &[&table, &id])?;
        Ok(())
    }
}

impl Conn {
    /// Names as they stand in a statement. Tables of something else may lie in the same schema.
    fn tables(&self) -> Result<Vec<String>> {
        let rows = self.link.borrow_mut().client.query(TABLES, &[&shape::own_tables()])?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// What is missing, indexes that the server cannot use, and rules that it has not looked at: one line for each. The
    /// server holds rows together itself.
    pub fn check(&self) -> Result<Vec<String>> {
        let sql = "SELECT 'index ' || c.relname || ' cannot be used: REINDEX INDEX ' || c.relname
                FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                JOIN pg_namespace s ON s.oid = c.relnamespace
                WHERE s.nspname = current_schema() AND NOT (i.indisvalid AND i.indisready)
            UNION ALL SELECT t.relname || ': rule ' || k.conname || ' was never looked at for all rows'
                FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid
                JOIN pg_namespace s ON s.oid = k.connamespace
                WHERE s.nspname = current_schema() AND NOT k.convalidated";
        let mut faults = self.gaps()?;
        let rows = self.link.borrow_mut().client.query(sql, &[])?;
        for row in rows {
            faults.push(row.try_get(0)?);
        }
        Ok(faults)
    }

    /// Rows of every table, and the size of all of them with their indexes in bytes.
    pub fn stats(&self) -> Result<(Vec<(String, i64)>, i64)> {
        let mut counts = Vec::new();
        for table in self.tables()? {
            // The names come from the schema, not from anybody's input.
            let row = self.link.borrow_mut().client.query_one(&format!("SELECT count(*) FROM \"{table}\""), &[])?;
            counts.push((table, row.try_get(0)?));
        }
        Ok((counts, self.size()?))
    }

    /// Size of all tables with their indexes in bytes.
    pub fn size(&self) -> Result<i64> {
        let sql = "SELECT CAST(coalesce(sum(pg_total_relation_size(c.oid)), 0) AS BIGINT) FROM pg_class c
            JOIN pg_namespace s ON s.oid = c.relnamespace
            WHERE s.nspname = current_schema() AND c.relkind = 'r' AND c.relname = ANY($1)";
        Ok(self.link.borrow_mut().client.query_one(sql, &[&shape::own_tables()])?.try_get(0)?)
    }

    /// Frees the places of rows that are gone. Others go on reading and writing.
    pub fn vacuum(&self) -> Result<()> {
        // Not in one statement: each table would wait for the others.
        self.tables()?.iter().try_for_each(|table| self.batch(&format!("VACUUM \"{table}\"")))
    }

    /// Frees the places of rows that are gone, and writes the indexes of words again, which keep each word they ever had; with
    /// `rewrite`, writes each table again. What the planner knows of values is made new. What lies in the write-ahead log, in
    /// copies of the server and in backups stays there until these are written over.
    pub fn scrub(&self, rewrite: bool) -> Result<()> {
        let tables: Vec<String> = self.tables()?.iter().map(|table| format!("\"{table}\"")).collect();
        let how = if rewrite { "FULL, ANALYZE" } else { "ANALYZE" };
        self.batch(&format!("VACUUM ({how}) {}", tables.join(", ")))?;
        if rewrite {
            return Ok(());
        }
        let rows = self.link.borrow_mut().client.query(WORDS, &[&shape::own_tables()])?;
        for row in rows {
            let index: String = row.try_get(0)?;
            self.batch(&format!("REINDEX INDEX \"{index}\""))?;
        }
        Ok(())
    }
}
