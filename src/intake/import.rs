//! From stored bytes to emails, batch by batch. All of one message or nothing of it.
//!
//! No socket is touched here. What cannot be imported is kept whole in the quarantine, with the error;
//! a message that kills the process is recognised by the lock file and quarantined at its third try.

mod deaths;
mod reader;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use jiff::Timestamp;

pub use self::deaths::judge_the_dead;
pub use self::reader::Reader;
use self::reader::{Fresh, Line, Parsed};
pub(super) use self::reader::{Wants, read};
use super::receive::{self, Batch, Delivered, Item};
pub use super::steps::Imported;
use super::world::World;
use super::{poison, steps};
use crate::config::Config;
use crate::lock::{Doing, Lock};
use crate::mail::reading::Reading;
use crate::store::db::{self, Store, Tx};
use crate::store::deliveries::{self, Delivery, Outcome};
use crate::store::filters;
use crate::system_words;

/// Maximum number of messages in one commit …
const BATCH: usize = 500;
/// … and maximum number of bytes.
const BATCH_BYTES: i64 = 2 << 20;
/// The transaction ends after this, so that no other writer waits long …
const WRITE_TIME: Duration = Duration::from_secs(1);
/// … or when the next message takes so long to parse.
const PARSE_TIME: Duration = Duration::from_millis(250);
/// Number of batches read ahead of the one that is imported, so that neither thread waits for the other.
const AHEAD: usize = 2;

/// Imports everything an account has received; `done` hears of every message after its commit.
///
/// # Errors
/// Only where the database itself fails. A message that cannot be imported is not an error.
pub fn run(
    store: &Store,
    config: &Config,
    lock: &Lock,
    account_id: i64,
    clock: &dyn Fn() -> Timestamp,
    done: &mut dyn FnMut(&Imported),
) -> Result<()> {
    deaths::judge(store, lock)?;
    Importer::new(store, config, Some(lock.clone()), account_id, &Reader::default()).finish(clock, done)
}

/// Imports one delivery out of turn: `ingest`, `quarantine retry`.
pub fn single(store: &Store, config: &Config, delivery: &Delivery, now: Timestamp) -> Result<Option<Imported>> {
    let mut importer = Importer::new(store, config, None, delivery.account_id, &Reader::default());
    importer.is_careful = true;
    importer.read(vec![delivery.clone()], &mut HashMap::new())?;
    let (_, mut imported) = importer.commit(now, None)?;
    Ok(imported.pop())
}

/// The import of what one account has received: batches are read ahead while others are stored and imported.
pub struct Importer<'a> {
    store: &'a Store,
    config: &'a Config,
    lock: Option<Lock>,
    account_id: i64,
    reader: Reader,
    line: Option<Line>,
    /// The messages that the reader was given, by the id of their delivery; each batch is one commit.
    batches: VecDeque<Vec<i64>>,
    /// No commit waits for the disk: what a power cut takes comes again by itself.
    is_hasty: bool,
    /// Each message has a savepoint, so that one that fails takes nothing away but itself. Most mail needs none, and a
    /// savepoint costs a copy of each page that the message changes: without one, the whole commit is done once more.
    is_careful: bool,
    /// What was looked at by the last commit, and the version of the database then.
    known: Option<(i64, World<'a>)>,
}

impl<'a> Importer<'a> {
    /// Nothing is read yet.
    pub fn new(
        store: &'a Store,
        config: &'a Config,
        lock: Option<Lock>,
        account_id: i64,
        reader: &Reader,
    ) -> Importer<'a> {
        let (reader, batches) = (reader.clone(), VecDeque::new());
        let (is_hasty, is_careful) = (false, false);
        let (line, known) = (None, None);
        Importer { store, config, lock, account_id, reader, line, batches, is_hasty, is_careful, known }
    }

    /// Of what a session receives. Where it is `hasty`, no commit waits for the disk; before anything outside depends on it,
    /// the store is flushed.
    pub fn of_session(self, hasty: bool) -> Importer<'a> {
        Importer { is_hasty: hasty, ..self }
    }

    fn write<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        if self.is_hasty { self.store.write_soon(work) } else { self.store.write(work) }
    }

    /// Stores what was received now and imports, in the same commit, what was received before it. How many messages were
    /// stored, and what became of those before.
    ///
    /// # Errors
    /// The database fails. Nothing of it is written then.
    pub fn receive(&mut self, now: Timestamp, batch: Batch) -> Result<(usize, Vec<Imported>)> {
        let (stored, imported) = match self.batches.len() < AHEAD {
            true => (self.write(|tx| receive::write_batch(tx, &batch, now))?, Vec::new()),
            false => self.commit(now, Some(&batch))?,
        };
        let count = stored.iter().flatten().count();
        self.read_ahead(&mut fresh(batch, stored))?;
        Ok((count, imported))
    }

    /// Imports the rest; `done` hears of every message after its commit.
    ///
    /// # Errors
    /// As [`run`].
    pub fn finish(&mut self, clock: &dyn Fn() -> Timestamp, done: &mut dyn FnMut(&Imported)) -> Result<()> {
        loop {
            while self.batches.len() <= AHEAD && self.read_ahead(&mut HashMap::new())? {}
            if self.batches.is_empty() {
                return Ok(());
            }
            let (_, imported) = self.commit(clock(), None)?;
            imported.iter().for_each(&mut *done);
        }
    }

    /// Gives the reader the messages that wait and that it has not been given; whether there are any. The bytes of some
    /// are at hand.
    fn read_ahead(&mut self, fresh: &mut HashMap<i64, Fresh>) -> Result<bool> {
        let given: Vec<i64> = self.batches.iter().flatten().copied().collect();
        let limit = i64::try_from(given.len().saturating_add(BATCH))?;
        let mut waiting = self.store.read(|tx| deliveries::waiting(tx, self.account_id, limit))?;
        // One by one while somebody is under suspicion, so that the next death has one cause.
        let suspects = waiting.iter().any(|delivery| delivery.deaths > 0);
        if waiting.is_empty() || suspects && !given.is_empty() {
            return Ok(false);
        }
        waiting.retain(|delivery| !given.contains(&delivery.id));
        waiting.truncate(if suspects { 1 } else { BATCH });
        self.read(waiting, fresh)
    }

    fn read(&mut self, waiting: Vec<Delivery>, fresh: &mut HashMap<i64, Fresh>) -> Result<bool> {
        let loaded = self.store.read(|tx| reader::load(tx, waiting, fresh, BATCH_BYTES))?;
        if loaded.is_empty() {
            return Ok(false);
        }
        let ids = loaded.iter().map(|(delivery, _)| delivery.id).collect();
        if self.line.is_none() {
            // A filter that is added while the reader works asks in the transaction.
            let bodies = self.store.read(filters::look_into_bodies)?;
            let wants = if bodies { Wants::Bodies } else { Wants::Nothing };
            self.line = Some(Line::new(&self.reader, self.lock.clone(), wants));
        }
        if let Some(line) = &self.line {
            line.read(loaded)?;
        }
        // Nobody waits for what the reader has not taken.
        self.batches.push_back(ids);
        Ok(true)
    }

    /// Imports the oldest batch in one commit, with what was received now: the ids of its deliveries. What does not fit into
    /// the limits stays received and comes first in the next commit, so that the order stays.
    fn commit(&mut self, now: Timestamp, received: Option<&Batch>) -> Result<(Vec<Option<i64>>, Vec<Imported>)> {
        match self.attempt(now, received) {
            // The import of a message failed, perhaps one before that which has heard of it.
            Err(error) if !self.is_careful && !db::is_fatal(&error) => {
                // What was read is gone, and is read again for the commits after this one.
                self.is_careful = true;
                self.attempt(now, received)
            }
            done => done,
        }
    }

    fn attempt(&mut self, now: Timestamp, received: Option<&Batch>) -> Result<(Vec<Option<i64>>, Vec<Imported>)> {
        let mut oldest = self.batches.pop_front().unwrap_or_default();
        // No transaction begins before there is something to write.
        let first = if oldest.is_empty() { Ok(None) } else { self.next(Duration::MAX) };
        let known = self.known.take();
        let done = first.and_then(|first| {
            self.write(|tx| {
                let stored = received.map_or(Ok(Vec::new()), |batch| receive::write_batch(tx, batch, now))?;
                let version = tx.version()?;
                let world = self.world(tx, version, known, now)?;
                let (seen, imported) = self.import(tx, &world, first, &oldest)?;
                Ok((stored, seen, imported, version.map(|version| (version, world))))
            })
        });
        // An error, unlike a crash, must not raise the message's crash counter.
        let idle = self.doing(0);
        if done.is_err() || idle.is_err() {
            // It is all read again.
            self.batches.clear();
            self.line = None;
        }
        let (stored, seen, imported, known) = idle.and(done)?;
        self.known = known;
        oldest.drain(..seen);
        if !oldest.is_empty() {
            self.batches.push_front(oldest);
        }
        Ok((stored, imported))
    }

    fn next(&self, within: Duration) -> Result<Option<Parsed>> {
        self.line.as_ref().map_or(Ok(None), |line| line.next(within))
    }

    fn doing(&self, delivery_id: i64) -> Result<()> {
        self.lock.as_ref().map_or(Ok(()), |lock| lock.doing(Doing::Importing, delivery_id))
    }

    /// What decisions look at: what is known of it, as long as nobody else has written. What a run itself changes of accounts
    /// and filters (turns, counts, health) is asked for where it decides something.
    fn world(
        &self,
        tx: &Tx<'_>,
        version: Option<i64>,
        known: Option<(i64, World<'a>)>,
        now: Timestamp,
    ) -> Result<World<'a>> {
        match known {
            Some((before, world)) if version == Some(before) => Ok(World { now, ..world }),
            _ => World::with_filters(tx, self.config, now),
        }
    }

    /// Imports messages, the first of these; how many were looked at, and what became of them.
    fn import(
        &self,
        tx: &Tx<'_>,
        world: &World<'_>,
        first: Option<Parsed>,
        ids: &[i64],
    ) -> Result<(usize, Vec<Imported>)> {
        // Another process may have imported some since they were read.
        let waiting = deliveries::waiting_of(tx, self.account_id, ids)?;
        let started = Instant::now();
        let mut seen = 0;
        let mut all = Vec::new();
        let mut next = first;
        while let Some(Parsed { delivery, message }) = next {
            seen += 1;
            if waiting.contains(&delivery.id) {
                self.doing(delivery.id)?;
                all.push(one_or_quarantine(tx, world, &delivery, &message, self.is_careful)?);
            }
            let left = WRITE_TIME.saturating_sub(started.elapsed());
            let is_over = seen == ids.len() || left.is_zero() || !tx.has_room();
            next = if is_over { None } else { self.next(left.min(PARSE_TIME))? };
        }
        Ok((seen, all))
    }
}

/// The bytes of what was stored, by the id of the delivery.
fn fresh(batch: Batch, stored: Vec<Option<i64>>) -> HashMap<i64, Fresh> {
    let bytes = |(Item { body, .. }, delivery_id): (Item, Option<i64>)| match body {
        Delivered::Whole(packed) | Delivered::Beginning(packed) => Some((delivery_id?, packed.into_bytes())),
        Delivered::Nothing(_) => None,
    };
    batch.items.into_iter().zip(stored).filter_map(bytes).collect()
}

/// Without care, an import that fails is an error, after which nothing may be committed.
fn one_or_quarantine(
    tx: &Tx<'_>,
    world: &World<'_>,
    delivery: &Delivery,
    message: &Result<Reading>,
    with_care: bool,
) -> Result<Imported> {
    let one = |tx: &Tx<'_>, message| {
        let import = || {
            let done = steps::one(tx, world, delivery, message)?;
            poison::act(Doing::Importing, message.subject.as_bytes())?;
            Ok(done)
        };
        catch_unwind(AssertUnwindSafe(import)).unwrap_or_else(|_| Err(anyhow!("the import panicked")))
    };
    let outcome = match message {
        Ok(message) if with_care => tx.savepoint(|tx| one(tx, message)),
        Ok(message) => return one(tx, message),
        Err(error) => Err(anyhow!("{}", system_words::chain(error))),
    };
    match outcome {
        Ok(imported) => Ok(imported),
        Err(error) if db::is_fatal(&error) => Err(error),
        Err(error) => {
            let reason = system_words::chain(&error);
            deliveries::settle(tx, delivery.id, Outcome::Quarantined, &reason, None)?;
            Ok(Imported { delivery_id: delivery.id, outcome: Outcome::Quarantined, email_id: None, reason })
        }
    }
}
