//! Reads and parses stored messages on a thread of its own, while the main thread stores and imports others.

use std::panic::catch_unwind;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use super::super::poison;
use crate::lock::{Doing, Lock};
use crate::mail::reading::Reading;
use crate::store::db::{self, Tx};
use crate::store::deliveries::Delivery;
use crate::store::raw::{self, Stored};

/// A message as it lies in the store, with its ledger row.
pub(super) type Loaded = (Delivery, Result<Stored>);

/// A message that has been read and parsed.
pub(super) struct Parsed {
    pub(super) delivery: Delivery,
    pub(super) message: Result<Reading>,
}

/// The thread, and the lines to it. It ends with its owner.
pub(super) struct Reader {
    lines: Option<(Sender<Vec<Loaded>>, Receiver<Parsed>)>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Reader {
    /// A reader that notes in the lock file at which message it is.
    pub(super) fn start(lock: Option<Lock>, wants: Wants) -> Reader {
        let (batches, asked) = channel();
        let (answers, parsed) = channel();
        let thread = thread::spawn(move || parse(&asked, lock.as_ref(), wants, &answers));
        Reader { lines: Some((batches, parsed)), thread: Some(thread) }
    }

    /// Takes messages to be read after those it has.
    pub(super) fn read(&self, batch: Vec<Loaded>) {
        // A thread that has ended says why when it is stopped.
        self.lines.as_ref().and_then(|(batches, _)| batches.send(batch).ok());
    }

    /// The next message in the order in which they were given; `None` where it takes longer, or the thread has ended.
    pub(super) fn next(&self, within: Duration) -> Option<Parsed> {
        self.lines.as_ref().and_then(|(_, parsed)| parsed.recv_timeout(within).ok())
    }

    /// Ends the thread; what it has not read yet is read another time.
    ///
    /// # Errors
    /// It panicked, or could not write to the lock file.
    pub(super) fn stop(&mut self) -> Result<()> {
        self.lines = None;
        let ended = self.thread.take().map(JoinHandle::join);
        ended.unwrap_or(Ok(Ok(()))).map_err(|_| anyhow!("the reader panicked"))?
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

/// The stored bytes of the first of these messages, `limit` bytes of them and one more. A database that cannot be read
/// is not the fault of a message.
pub(super) fn load(tx: &Tx<'_>, batch: Vec<Delivery>, limit: i64) -> Result<Vec<Loaded>> {
    let mut bytes = 0;
    let mut loaded = Vec::new();
    for delivery in batch {
        let stored = delivery.raw_id.context("its bytes were dropped").and_then(|id| raw::stored(tx, id));
        if stored.as_ref().is_err_and(db::is_fatal) {
            return stored.map(|_| loaded);
        }
        bytes += delivery.size;
        loaded.push((delivery, stored));
        if bytes > limit {
            break;
        }
    }
    Ok(loaded)
}

/// Unpacks and parses messages in their order until nobody wants the next.
fn parse(asked: &Receiver<Vec<Loaded>>, lock: Option<&Lock>, wants: Wants, parsed: &Sender<Parsed>) -> Result<()> {
    let doing = |delivery_id| lock.map_or(Ok(()), |lock| lock.doing(Doing::Reading, delivery_id));
    for batch in asked {
        for (delivery, stored) in batch {
            doing(delivery.id)?;
            let message = stored.and_then(Stored::unpack).and_then(|bytes| read(&bytes, wants));
            if parsed.send(Parsed { delivery, message }).is_err() {
                return doing(0);
            }
        }
        // A crash while messages only wait must not be charged to any of them.
        doing(0)?;
    }
    Ok(())
}

/// What the steps of the import ask of a message in addition to what they ask of every message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::intake) enum Wants {
    Nothing,
    /// The text of its HTML: a filter looks into bodies.
    Bodies,
}

/// Parses a message; one that makes the parser panic is an error.
pub(in crate::intake) fn read(bytes: &[u8], wants: Wants) -> Result<Reading> {
    let parse = || {
        poison::act(Doing::Reading, bytes)?;
        let message = Reading::parse(bytes);
        if wants == Wants::Bodies {
            message.html_text();
        }
        Ok(message)
    };
    catch_unwind(parse).unwrap_or_else(|_| Err(anyhow!("the parser panicked")))
}
