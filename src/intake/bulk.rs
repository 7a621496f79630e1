//! Messages out of files into the archive, in batches like those of `fetch` (B2.12): the bytes first, then the import.
//!
//! What an account has already is not stored again: bytes are recognised before they are stored, another copy of an
//! email when it is imported ([`super::steps`]). So an import that was killed is simply repeated, and a second one does
//! nothing. What the killed one had stored and not imported is imported by the next one.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

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

/// What becomes of a message that an import takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is imported with its batch, and heard of then.
    Now,
    /// The account has exactly these bytes.
    There,
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
    /// What it has received and not imported, with the deliveries: an import that was killed leaves such.
    waiting: HashMap<Print, i64>,
    /// Deliveries of the messages that this import was given.
    own: HashSet<i64>,
    /// Messages that were imported with them and that others had left.
    left: usize,
    batch: Vec<(Packed, Option<Timestamp>)>,
    bytes: usize,
}

impl<'a> Importer<'a> {
    /// Looks at what the account has.
    pub fn begin(bulk: Bulk<'a>) -> Result<Importer<'a>> {
        let look = |tx: &Tx<'_>| {
            Ok((deliveries::prints(tx, bulk.account_id)?, deliveries::waiting_prints(tx, bulk.account_id)?))
        };
        let (known, waiting) = bulk.store.read(look)?;
        Ok(Importer { bulk, known, waiting, own: HashSet::new(), left: 0, batch: Vec::new(), bytes: 0 })
    }

    /// Takes a message. `heard` is told of every one that is taken now, after its commit.
    ///
    /// # Errors
    /// The database fails.
    pub fn add(&mut self, found: Found, heard: &mut dyn FnMut(&Imported)) -> Result<Taken> {
        let packed = Packed::new(found.raw)?;
        let print = deliveries::print(packed.sha256())?;
        // It is stored, and its import is a part of this one.
        if let Some(delivery) = self.waiting.remove(&print) {
            self.own.insert(delivery);
            return Ok(Taken::Now);
        }
        if !self.known.insert(print) {
            return Ok(Taken::There);
        }
        if self.bulk.lock.is_none() {
            return Ok(Taken::Now);
        }
        self.bytes += packed.size();
        self.batch.push((packed, found.date));
        if self.batch.len() >= BATCH || self.bytes >= BATCH_BYTES {
            self.flush(heard)?;
        }
        Ok(Taken::Now)
    }

    /// Stores and imports what has been taken so far, and what an earlier import left.
    ///
    /// # Errors
    /// The database fails.
    fn flush(&mut self, heard: &mut dyn FnMut(&Imported)) -> Result<()> {
        let Bulk { store, config, lock: Some(lock), clock, account_id, .. } = self.bulk else { return Ok(()) };
        if !self.batch.is_empty() {
            let stored = store.write(|tx| self.receive(tx))?;
            self.own.extend(stored);
            self.batch.clear();
            self.bytes = 0;
        }
        let (own, left, waiting) = (&mut self.own, &mut self.left, &mut self.waiting);
        import::run(store, config, lock, account_id, clock, &mut |one| {
            if own.remove(&one.delivery_id) {
                return heard(one);
            }
            *left += 1;
            // The same bytes may come in this import, and are there then.
            waiting.retain(|_, delivery| *delivery != one.delivery_id);
        })
    }

    /// The last batch, and the full-text index; how many messages were imported that others had left.
    ///
    /// # Errors
    /// The database fails.
    pub fn end(mut self, heard: &mut dyn FnMut(&Imported)) -> Result<usize> {
        self.flush(heard)?;
        if self.bulk.lock.is_some() {
            index::fill(self.bulk.store, &|| true)?;
        }
        Ok(self.left)
    }

    /// Stores the batch; its deliveries.
    fn receive(&self, tx: &Tx<'_>) -> Result<Vec<i64>> {
        let Bulk { account_id, source, clock, .. } = self.bulk;
        let now = clock();
        let store = |(packed, date): &(Packed, Option<Timestamp>)| {
            let internal_date = date.unwrap_or(now).min(now);
            let facts = Facts { internal_date, size: i64::try_from(packed.size())?, truncated: false, now };
            let raw_id = raw::add(tx, packed)?;
            deliveries::receive_imported(tx, account_id, source, facts, raw_id)
        };
        self.batch.iter().map(store).collect()
    }
}
