//! Reads and parses messages on a thread of its own, while the main thread stores and imports others.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use super::super::poison;
use crate::lock::{Doing, Lock};
use crate::mail::message::DecodedRun;
use crate::mail::reading::Reading;
use crate::store::db::{self, Tx};
use crate::store::deliveries::Delivery;
use crate::store::raw::{self, Stored};

/// A message that is to be read, with its ledger row.
pub(super) type Loaded = (Delivery, Result<Source>);

/// Where the bytes of a message are.
pub(super) enum Source {
    /// Here: they were stored a moment ago.
    Fresh(Fresh),
    /// As they lie in the store.
    Stored(Stored),
}

/// Bytes of a message, and what has been decoded of it.
pub(super) type Fresh = (Vec<u8>, Vec<DecodedRun>);

impl Source {
    fn bytes(self) -> Result<Fresh> {
        match self {
            Source::Fresh(fresh) => Ok(fresh),
            Source::Stored(stored) => Ok((stored.unpack()?, Vec::new())),
        }
    }
}

/// A message that has been read and parsed.
pub(super) struct Parsed {
    pub(super) delivery: Delivery,
    pub(super) message: Result<Reading>,
}

/// The thread that reads, begun when there is something to read. The imports of several accounts share it by copies of
/// this; it ends with the last of them.
#[derive(Clone, Default)]
pub struct Reader(Rc<OnceCell<Thread>>);

struct Thread {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

/// Messages of one account.
struct Job {
    batch: Vec<Loaded>,
    /// Notes at which message the thread is.
    lock: Option<Lock>,
    wants: Wants,
    answers: Sender<Result<Parsed>>,
    given_up: Arc<AtomicBool>,
}

impl Job {
    /// Reads the messages in their order, until nobody wants the next. It always ends with an answer, also by a bug.
    fn work(self) {
        let answers = self.answers.clone();
        let read =
            catch_unwind(AssertUnwindSafe(|| self.read())).unwrap_or_else(|_| Err(anyhow!("the reader panicked")));
        if let Err(error) = read {
            let _ = answers.send(Err(error));
        }
    }

    fn read(self) -> Result<()> {
        let Job { batch, lock, wants, answers, given_up } = self;
        let doing = |delivery_id| lock.as_ref().map_or(Ok(()), |lock| lock.doing(Doing::Reading, delivery_id));
        for (delivery, source) in batch {
            if given_up.load(Ordering::Relaxed) {
                break;
            }
            doing(delivery.id)?;
            let message = source.and_then(Source::bytes).and_then(|(bytes, decoded)| read(&bytes, &decoded, wants));
            if answers.send(Ok(Parsed { delivery, message })).is_err() {
                break;
            }
        }
        // A crash while messages only wait must not be charged to any of them.
        doing(0)
    }
}

impl Reader {
    fn take(&self, job: Job) -> Result<()> {
        if self.0.get().is_none() {
            let (jobs, asked) = channel::<Job>();
            let thread = thread::Builder::new().spawn(move || asked.into_iter().for_each(Job::work))?;
            let _ = self.0.set(Thread { jobs: Some(jobs), thread: Some(thread) });
        }
        let jobs = self.0.get().and_then(|thread| thread.jobs.as_ref());
        let taken = jobs.and_then(|jobs| jobs.send(job).ok());
        taken.ok_or_else(|| anyhow!("the reader has ended"))
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.jobs = None;
        self.thread.take().map(JoinHandle::join);
    }
}

/// What the import of one account asks the reader, in order.
pub(super) struct Line {
    reader: Reader,
    lock: Option<Lock>,
    wants: Wants,
    answers: Option<Receiver<Result<Parsed>>>,
    /// What each job gets a copy of. Once this one is dropped, the last job that is done closes the channel.
    next: Option<Sender<Result<Parsed>>>,
    given_up: Arc<AtomicBool>,
}

impl Line {
    /// A line to the reader, which notes in the lock file at which message it is.
    pub(super) fn new(reader: &Reader, lock: Option<Lock>, wants: Wants) -> Line {
        let (answer, answers) = channel();
        Line {
            reader: reader.clone(),
            lock,
            wants,
            answers: Some(answers),
            next: Some(answer),
            given_up: Arc::default(),
        }
    }

    /// Gives messages to be read after those that it has.
    ///
    /// # Errors
    /// No thread can be made.
    pub(super) fn read(&self, batch: Vec<Loaded>) -> Result<()> {
        let Some(answers) = self.next.clone() else { return Ok(()) };
        let (lock, given_up) = (self.lock.clone(), Arc::clone(&self.given_up));
        self.reader.take(Job { batch, lock, wants: self.wants, answers, given_up })
    }

    /// The next message in the order in which they were given; `None` where it takes longer.
    ///
    /// # Errors
    /// The lock file could not be written.
    pub(super) fn next(&self, within: Duration) -> Result<Option<Parsed>> {
        self.answers.as_ref().and_then(|answers| answers.recv_timeout(within).ok()).transpose()
    }
}

impl Drop for Line {
    /// Waits until no message of this account is being read: the lock is given back after that.
    fn drop(&mut self) {
        self.given_up.store(true, Ordering::Relaxed);
        self.next = None;
        self.answers.take().into_iter().flatten().for_each(drop);
    }
}

/// The bytes of the first of these messages, `limit` bytes of them and one more: `fresh` ones, or those of the store. A
/// database that cannot be read is not the fault of a message.
pub(super) fn load(
    tx: &Tx<'_>,
    batch: Vec<Delivery>,
    fresh: &mut HashMap<i64, Fresh>,
    limit: i64,
) -> Result<Vec<Loaded>> {
    let mut bytes = 0;
    let mut loaded = Vec::new();
    for delivery in batch {
        let source = match fresh.remove(&delivery.id) {
            Some(fresh) => Ok(Source::Fresh(fresh)),
            None => {
                delivery.raw_id.context("its bytes were dropped").and_then(|id| raw::stored(tx, id)).map(Source::Stored)
            }
        };
        if source.as_ref().is_err_and(db::is_fatal) {
            return source.map(|_| loaded);
        }
        bytes += delivery.size;
        loaded.push((delivery, source));
        if bytes > limit {
            break;
        }
    }
    Ok(loaded)
}

/// What the steps of the import ask of a message in addition to what they ask of every message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::intake) enum Wants {
    Nothing,
    /// The text of its HTML: a filter looks into bodies.
    Bodies,
}

/// Parses a message; one that makes the parser panic is an error.
pub(in crate::intake) fn read(bytes: &[u8], decoded: &[DecodedRun], wants: Wants) -> Result<Reading> {
    let parse = || {
        poison::act(Doing::Reading, bytes)?;
        let message = Reading::parse_decoded(bytes, decoded);
        if wants == Wants::Bodies {
            message.html_text();
        }
        Ok(message)
    };
    catch_unwind(parse).unwrap_or_else(|_| Err(anyhow!("the parser panicked")))
}
