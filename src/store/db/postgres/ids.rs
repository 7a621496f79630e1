//! Ids for new rows, before the rows are written: several at once, so that an INSERT needs no answer.
//!
//! Only who has the turn takes them, so that ids are in the order of commits as without this. The first row of a table in a
//! transaction gets its id by its own INSERT, unless a transaction that began alike has written several. What was not needed
//! is given back before the COMMIT: people see ids, and wonder about gaps.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write;
use std::mem;

use anyhow::Result;
use tokio_postgres::SimpleQueryMessage;

use super::line::Client;

/// Most ids that are taken at once for a table.
const MOST: usize = 256;

/// What a connection knows of the ids of its transactions.
#[derive(Default)]
pub(super) struct Ids {
    /// Whether they may be taken in this transaction.
    is_open: bool,
    /// The table that this transaction has written first.
    first: Option<String>,
    /// Rows that were written in this transaction, by their table.
    written: HashMap<String, usize>,
    /// Ids that were taken and not used yet.
    taken: HashMap<String, Taken>,
    /// Rows that a transaction wrote last, by the table which it wrote first.
    usual: HashMap<String, HashMap<String, usize>>,
}

#[derive(Default)]
struct Taken {
    ids: VecDeque<i64>,
    /// The highest one that the server has given.
    last: i64,
}

impl Ids {
    /// A transaction begins.
    pub(super) fn begin(&mut self, has_turn: bool) {
        self.is_open = has_turn;
        self.first = None;
        self.written.clear();
        self.taken.clear();
    }

    /// The id for a new row of a table; `None` = the INSERT has to tell it.
    ///
    /// # Errors
    /// The server, also by what waits.
    pub(super) fn next(&mut self, client: &mut Client, table: &str) -> Result<Option<i64>> {
        if !self.is_open {
            return Ok(None);
        }
        let is_first = self.first.is_none();
        let first = self.first.get_or_insert_with(|| table.to_owned());
        let written = self.written.entry(table.to_owned()).or_default();
        let before = mem::replace(written, *written + 1);
        if let Some(id) = self.taken.get_mut(table).and_then(|taken| taken.ids.pop_front()) {
            return Ok(Some(id));
        }
        let wanted = match self.usual.get(first) {
            Some(usual) if is_first && usual.values().any(|count| *count > 1) => usual.clone(),
            _ if before < 2 => return Ok(None),
            _ => HashMap::from([(table.to_owned(), before)]),
        };
        self.take(client, &wanted)?;
        Ok(self.taken.get_mut(table).and_then(|taken| taken.ids.pop_front()))
    }

    /// Takes ids from the server, as far as the role may.
    fn take(&mut self, client: &mut Client, wanted: &HashMap<String, usize>) -> Result<()> {
        let parts: Vec<String> = wanted
            .iter()
            .map(|(table, count)| {
                let count = count.min(&MOST);
                format!(
                    "SELECT '{table}', nextval('{table}_id_seq') FROM generate_series(1, {count})
                        WHERE has_sequence_privilege('{table}_id_seq', 'UPDATE')
                        AND has_sequence_privilege('{table}_id_seq', 'SELECT')"
                )
            })
            .collect();
        for message in client.simple_query(&parts.join(" UNION ALL "))? {
            let SimpleQueryMessage::Row(row) = message else { continue };
            if let (Some(table), Some(id)) = (row.try_get(0)?, row.try_get(1)?) {
                let (taken, id) = (self.taken.entry(table.to_owned()).or_default(), id.parse()?);
                taken.ids.push_back(id);
                taken.last = taken.last.max(id);
            }
        }
        Ok(())
    }

    /// Uses none of those that were taken for a table.
    pub(super) fn forget(&mut self, table: &str) {
        self.taken.remove(table);
    }

    /// Gives back what was not needed, with the next statement, and keeps in mind what was.
    pub(super) fn end(&mut self, client: &mut Client) {
        let mut back = String::new();
        for (table, Taken { ids, last }) in self.taken.drain() {
            // Somebody else has taken one meanwhile where one is missing in them, or the last one is another.
            let is_whole = |first: &i64| i64::try_from(ids.len()).is_ok_and(|count| last - first + 1 == count);
            if let Some(id) = ids.front().filter(|first| is_whole(first)) {
                let _ = write!(
                    back,
                    "SELECT setval('{table}_id_seq', {id}, FALSE) FROM {table}_id_seq WHERE last_value = {last};"
                );
            }
        }
        if !back.is_empty() {
            client.mark(&back);
        }
        if let Some(first) = self.first.take() {
            self.usual.insert(first, mem::take(&mut self.written));
        }
        self.is_open = false;
    }
}
