//! Messages out of files into the archive, in batches like those of `fetch` (B2.12): the bytes first, then the import.
//!
//! What an account has already is not stored again: bytes are recognised before they are stored, another copy of an
//! email when it is imported ([`super::steps`]). So an import that was killed is simply repeated, and a second one does
//! nothing.

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use anyhow::Result;
use jiff::Timestamp;

use super::import::{self, Imported};
use crate::config::Config;
use crate::lock::Lock;
use crate::store::db::{Store, Tx};
use crate::store::deliveries::{self, Facts, Print, Source};
use crate::store::raw::{self, Packed};
use crate::store::search::index;

/// Maximum number of messages in one batch …
const BATCH: usize = 200;
/// … and maximum number of bytes.
const BATCH_BYTES: usize = 2 << 20;

/// A message that was found in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its bytes.
    pub raw: Vec<u8>,
    /// When it came, if it does not say itself when it was written.
    pub date: Option<Timestamp>,
}

/// How messages are to be imported.
pub struct Bulk<'a> {
    /// Database.
    pub store: &'a Store,
    /// Configuration.
    pub config: &'a Config,
    /// The lock of the account; `None` = dry run, nothing is stored.
    pub lock: Option<&'a Lock>,
    /// The time.
    pub clock: &'a dyn Fn() -> Timestamp,
    /// The account they came by.
    pub account_id: i64,
    /// History, or as if they had just come.
    pub source: Source,
}

/// An import that is going on.
pub struct Importer<'a> {
    bulk: Bulk<'a>,
    /// What the account has.
    known: HashSet<Print>,
    batch: Vec<(Packed, Option<Timestamp>)>,
    bytes: usize,
}

impl<'a> Importer<'a> {
    /// Looks at what the account has.
    pub fn begin(bulk: Bulk<'a>) -> Result<Importer<'a>> {
        let known = bulk.store.read(|tx| deliveries::prints(tx, bulk.account_id))?;
        Ok(Importer { bulk, known, batch: Vec::new(), bytes: 0 })
    }

    /// Takes a message; false where the account has exactly these bytes. `heard` is told of every message after its
    /// commit.
    ///
    /// # Errors
    /// The database fails.
    pub fn add(&mut self, found: Found, heard: &mut dyn FnMut(&Imported)) -> Result<bool> {
        let packed = Packed::new(found.raw)?;
        if !self.known.insert(deliveries::print(packed.sha256())?) {
            return Ok(false);
        }
        if self.bulk.lock.is_none() {
            return Ok(true);
        }
        self.bytes += packed.size();
        self.batch.push((packed, found.date));
        if self.batch.len() >= BATCH || self.bytes >= BATCH_BYTES {
            self.flush(heard)?;
        }
        Ok(true)
    }

    /// Stores and imports what has been taken so far, and what an earlier import left.
    ///
    /// # Errors
    /// The database fails.
    fn flush(&mut self, heard: &mut dyn FnMut(&Imported)) -> Result<()> {
        let Bulk { store, config, lock: Some(lock), clock, account_id, .. } = self.bulk else { return Ok(()) };
        if !self.batch.is_empty() {
            store.write(|tx| self.receive(tx))?;
            self.batch.clear();
            self.bytes = 0;
        }
        import::run(store, config, lock, account_id, clock, heard)
    }

    /// The last batch, and the full-text index.
    ///
    /// # Errors
    /// The database fails.
    pub fn end(mut self, heard: &mut dyn FnMut(&Imported)) -> Result<()> {
        self.flush(heard)?;
        if self.bulk.lock.is_some() { index::fill(self.bulk.store, &|| true) } else { Ok(()) }
    }

    fn receive(&self, tx: &Tx<'_>) -> Result<()> {
        let Bulk { account_id, source, clock, .. } = self.bulk;
        let now = clock();
        for (packed, date) in &self.batch {
            let internal_date = date.unwrap_or(now).min(now);
            let facts = Facts { internal_date, size: i64::try_from(packed.size())?, truncated: false, now };
            let raw_id = raw::add(tx, packed)?;
            deliveries::receive_imported(tx, account_id, source, facts, raw_id)?;
        }
        Ok(())
    }
}
