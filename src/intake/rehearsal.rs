//! A batch that is stored and imported, and then undone (`--dry-run`).

use std::collections::HashMap;

use anyhow::{Context, Result};
use jiff::Timestamp;

use super::import::{self, Imported, Wants};
use super::receive::{self, Batch, Delivered};
use super::steps;
use super::world::World;
use crate::config::Config;
use crate::mail::reading::Reading;
use crate::store::db::{Store, Tx};
use crate::store::deliveries::{self, Delivery, Outcome};
use crate::store::raw::{self, Stored};
use crate::system_words;

/// Maximum number of waiting messages that are read before the transaction; the rest are read inside it.
const WAITING: i64 = 100;

/// What would become of a batch, and of what waited before it.
///
/// # Errors
/// The database fails.
pub fn run(store: &Store, config: &Config, account_id: i64, batch: &Batch, now: Timestamp) -> Result<Vec<Imported>> {
    // Nobody else can write during the rehearsal, so the messages are read before it.
    let mut read = Read::before(store, account_id, batch)?;
    store.rehearse(|tx| {
        receive::write_batch(tx, batch, now)?;
        let world = World::with_filters(tx, config, now)?;
        let mut all = Vec::new();
        for delivery in deliveries::waiting(tx, account_id, i64::MAX)? {
            let message = read.take(tx, batch, &delivery);
            let one = message.and_then(|message| tx.savepoint(|tx| steps::one(tx, &world, &delivery, &message)));
            all.push(one.unwrap_or_else(|error| Imported {
                delivery_id: delivery.id,
                outcome: Outcome::Quarantined,
                email_id: None,
                reason: system_words::chain(&error),
            }));
        }
        Ok(all)
    })
}

/// Messages that were read beforehand.
struct Read {
    /// By UID.
    batch: HashMap<u32, Result<Reading>>,
    /// By delivery.
    waiting: HashMap<i64, Result<Reading>>,
}

impl Read {
    fn before(store: &Store, account_id: i64, batch: &Batch) -> Result<Read> {
        let bodies = batch.items.iter().filter_map(|item| match &item.body {
            Delivered::Whole(packed) | Delivered::Beginning(packed) => Some((item.listed.uid, packed)),
            Delivered::Nothing(_) => None,
        });
        let batch = bodies.map(|(uid, packed)| (uid, import::read(packed.bytes(), &[], Wants::Bodies))).collect();
        let waiting = store.read(|tx| {
            let waiting = deliveries::waiting(tx, account_id, WAITING)?.into_iter();
            Ok(waiting.filter_map(|one| Some((one.id, raw::stored(tx, one.raw_id?)))).collect::<Vec<_>>())
        })?;
        let read = |stored: Result<Stored>| {
            stored.and_then(Stored::unpack).and_then(|bytes| import::read(&bytes, &[], Wants::Bodies))
        };
        Ok(Read { batch, waiting: waiting.into_iter().map(|(id, stored)| (id, read(stored))).collect() })
    }

    fn take(&mut self, tx: &Tx<'_>, batch: &Batch, delivery: &Delivery) -> Result<Reading> {
        let of_batch =
            delivery.folder.as_ref() == Some(&batch.folder) && delivery.uidvalidity == Some(batch.uidvalidity);
        let uid = delivery.uid.filter(|_| of_batch);
        let known = uid.and_then(|uid| self.batch.remove(&uid)).or_else(|| self.waiting.remove(&delivery.id));
        let read = || {
            let raw_id = delivery.raw_id.context("its bytes were dropped")?;
            raw::bytes(tx, raw_id).and_then(|bytes| import::read(&bytes, &[], Wants::Bodies))
        };
        known.unwrap_or_else(read)
    }
}
