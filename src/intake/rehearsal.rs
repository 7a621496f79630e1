//! A batch that is stored and imported, and then undone (`--dry-run`).

use std::collections::HashMap;

use anyhow::{Context, Result, anyhow};
use jiff::Timestamp;

use super::import::{self, Imported, Wants};
use super::receive::{self, Batch, Delivered};
use super::steps;
use super::world::World;
use crate::config::Config;
use crate::mail::reading::Reading;
use crate::store::db::{self, Store, Tx};
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
    let read = Read::before(store, account_id, batch)?;
    store.rehearse(|tx| {
        receive::write_batch(tx, batch, now)?;
        let world = World::with_filters(tx, config, now)?;
        let waiting = deliveries::waiting(tx, account_id, i64::MAX)?;
        let outcomes = tx.each(
            &waiting,
            |error| !db::is_fatal(error),
            |tx, delivery| {
                let one = |message: &Result<Reading>| match message {
                    Ok(message) => steps::one(tx, &world, delivery, message),
                    Err(error) => Err(anyhow!("{}", system_words::chain(error))),
                };
                read.known(batch, delivery).map_or_else(|| one(&now_read(tx, delivery)), one)
            },
        )?;
        let imported = |(delivery, one): (&Delivery, Result<Imported>)| {
            one.unwrap_or_else(|error| Imported {
                delivery_id: delivery.id,
                outcome: Outcome::Quarantined,
                email_id: None,
                reason: system_words::chain(&error),
            })
        };
        Ok(waiting.iter().zip(outcomes).map(imported).collect())
    })
}

/// Reads a message that was not read before.
fn now_read(tx: &Tx<'_>, delivery: &Delivery) -> Result<Reading> {
    let raw_id = delivery.raw_id.context("its bytes were dropped")?;
    raw::bytes(tx, raw_id).and_then(|bytes| import::read(&bytes, &[], Wants::Bodies))
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

    fn known(&self, batch: &Batch, delivery: &Delivery) -> Option<&Result<Reading>> {
        let of_batch =
            delivery.folder.as_ref() == Some(&batch.folder) && delivery.uidvalidity == Some(batch.uidvalidity);
        let uid = delivery.uid.filter(|_| of_batch);
        uid.and_then(|uid| self.batch.get(&uid)).or_else(|| self.waiting.get(&delivery.id))
    }
}
