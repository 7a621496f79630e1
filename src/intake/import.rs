//! From stored bytes to emails, batch by batch. All of one message or nothing of it.
//!
//! No socket is touched here. What cannot be imported is kept whole in the quarantine, with the error;
//! a message that kills the process is recognised by the lock file and quarantined at its third try.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use jiff::Timestamp;

use super::world::World;
use super::{poison, steps};
use crate::config::Config;
use crate::lock::{Doing, Lock};
use crate::mail::message::{self, Message};
use crate::store::db::{self, Store, Tx};
use crate::store::deliveries::{self, Delivery, Outcome};
use crate::store::raw::{self, Stored};

/// A message that killed so many runs is quarantined.
const DEATHS: i64 = 3;
/// One commit holds at most so many messages …
const BATCH: i64 = 100;
/// … and so many bytes.
const BATCH_BYTES: i64 = 2 << 20;
/// The transaction ends after this, so that no other writer waits long …
const WRITE_TIME: Duration = Duration::from_secs(1);
/// … or when the next message takes so long to parse.
const PARSE_TIME: Duration = Duration::from_millis(250);
/// So many messages are parsed ahead.
const AHEAD: usize = 4;

/// What became of one message, for `-v` and `--dry-run`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Delivery.
    pub delivery_id: i64,
    /// Outcome.
    pub outcome: Outcome,
    /// Email, where there is one.
    pub email_id: Option<i64>,
    /// One line: why, or the error.
    pub reason: String,
}

/// Imports everything an account has received; `done` hears of every message after its commit.
///
/// # Errors
/// Only where the database itself fails. A message that cannot be imported is no error.
pub fn run(
    store: &Store,
    config: &Config,
    lock: &Lock,
    account_id: i64,
    clock: &dyn Fn() -> Timestamp,
    done: &mut dyn FnMut(&Imported),
) -> Result<()> {
    judge_deaths(store, lock)?;
    loop {
        let mut batch = store.read(|tx| deliveries::waiting(tx, account_id, BATCH))?;
        if batch.is_empty() {
            return Ok(());
        }
        // One by one while somebody is under suspicion, so that the next death has one cause.
        if batch.iter().any(|delivery| delivery.deaths > 0) {
            batch.truncate(1);
        }
        let imported = commit_batch(store, config, Some(lock), &batch, clock())?;
        imported.iter().for_each(&mut *done);
    }
}

/// Counts the death of a run at its messages; one that was there at the third is quarantined.
fn judge_deaths(store: &Store, lock: &Lock) -> Result<()> {
    if lock.died_at().is_empty() {
        return Ok(());
    }
    store.write(|tx| {
        for &delivery_id in lock.died_at() {
            let deaths = deliveries::count_death(tx, delivery_id)?;
            if deaths >= DEATHS {
                let reason = format!("the process died {deaths} times while importing it");
                deliveries::settle(tx, delivery_id, Outcome::Quarantined, &reason, None)?;
            }
        }
        Ok(())
    })?;
    lock.idle()
}

/// A message that has been read and parsed.
struct Parsed {
    delivery: Delivery,
    message: Result<Message>,
}

/// Imports the beginning of a batch in one commit, while a thread parses ahead; what does not fit into the limits
/// stays for the next. No transaction begins before there is something to write.
fn commit_batch(
    store: &Store,
    config: &Config,
    lock: Option<&Lock>,
    batch: &[Delivery],
    now: Timestamp,
) -> Result<Vec<Imported>> {
    let stored = store.read(|tx| load(tx, batch))?;
    let imported = thread::scope(|scope| {
        let (parsed, incoming) = sync_channel(AHEAD);
        let reader = scope.spawn(move || parse(stored, lock, &parsed));
        let imported = match incoming.recv() {
            Ok(first) => store.write(|tx| import_all(tx, config, lock, first, &incoming, now)),
            Err(_) => Ok(Vec::new()),
        };
        // The reader ends where nobody listens any more.
        drop(incoming);
        reader.join().map_err(|_| anyhow!("the reader panicked"))??;
        imported
    });
    // An error is no death: nobody is to blame for it in the next run.
    if let Some(lock) = lock {
        lock.idle()?;
    }
    imported
}

/// The stored bytes of the messages that one commit holds. A database that cannot be read is no fault of a message.
fn load(tx: &Tx<'_>, batch: &[Delivery]) -> Result<Vec<(Delivery, Result<Stored>)>> {
    let mut bytes = 0;
    let mut loaded = Vec::new();
    for delivery in batch {
        let stored = delivery.raw_id.context("its bytes were dropped").and_then(|id| raw::stored(tx, id));
        if stored.as_ref().is_err_and(db::is_fatal) {
            return stored.map(|_| loaded);
        }
        loaded.push((delivery.clone(), stored));
        bytes += delivery.size;
        if bytes > BATCH_BYTES {
            break;
        }
    }
    Ok(loaded)
}

/// Unpacks and parses messages in their order until nobody wants the next.
fn parse(stored: Vec<(Delivery, Result<Stored>)>, lock: Option<&Lock>, parsed: &SyncSender<Parsed>) -> Result<()> {
    for (delivery, stored) in stored {
        if let Some(lock) = lock {
            lock.doing(Doing::Reading, delivery.id)?;
        }
        let message = stored.and_then(Stored::unpack).and_then(|bytes| read(&bytes));
        if parsed.send(Parsed { delivery, message }).is_err() {
            break;
        }
    }
    Ok(())
}

fn read(bytes: &[u8]) -> Result<Message> {
    let parse = || {
        poison::act(Doing::Reading, bytes)?;
        Ok(message::parse(bytes))
    };
    catch_unwind(parse).unwrap_or_else(|_| Err(anyhow!("the parser panicked")))
}

fn import_all(
    tx: &Tx<'_>,
    config: &Config,
    lock: Option<&Lock>,
    first: Parsed,
    incoming: &Receiver<Parsed>,
    now: Timestamp,
) -> Result<Vec<Imported>> {
    let world = World::with_filters(tx, config, now)?;
    let started = Instant::now();
    let mut all = Vec::new();
    let mut next = Some(first);
    while let Some(Parsed { delivery, message }) = next {
        // Another process may have imported it since it was read.
        let current = deliveries::by_id(tx, delivery.id)?;
        if current.is_some_and(|d| d.outcome == Outcome::Received) {
            if let Some(lock) = lock {
                lock.doing(Doing::Importing, delivery.id)?;
            }
            all.push(one_or_quarantine(tx, &world, &delivery, &message)?);
        }
        // The rest stays received and comes with the next batch.
        let left = WRITE_TIME.saturating_sub(started.elapsed());
        next = if left.is_zero() { None } else { incoming.recv_timeout(left.min(PARSE_TIME)).ok() };
    }
    Ok(all)
}

fn one_or_quarantine(
    tx: &Tx<'_>,
    world: &World<'_>,
    delivery: &Delivery,
    message: &Result<Message>,
) -> Result<Imported> {
    let outcome = match message {
        Ok(message) => tx.savepoint(|tx| {
            let import = || {
                let done = steps::one(tx, world, delivery, message)?;
                poison::act(Doing::Importing, message.subject.as_bytes())?;
                Ok(done)
            };
            catch_unwind(AssertUnwindSafe(import)).unwrap_or_else(|_| Err(anyhow!("the import panicked")))
        }),
        Err(error) => Err(anyhow!("{error:#}")),
    };
    match outcome {
        Ok(imported) => Ok(imported),
        Err(error) if db::is_fatal(&error) => Err(error),
        Err(error) => {
            let reason = format!("{error:#}");
            deliveries::settle(tx, delivery.id, Outcome::Quarantined, &reason, None)?;
            Ok(Imported { delivery_id: delivery.id, outcome: Outcome::Quarantined, email_id: None, reason })
        }
    }
}

/// Imports one delivery out of turn: `ingest`, `quarantine retry`.
pub fn single(store: &Store, config: &Config, delivery: &Delivery, now: Timestamp) -> Result<Option<Imported>> {
    Ok(commit_batch(store, config, None, std::slice::from_ref(delivery), now)?.pop())
}
