//! Bytes into the store: raw message, ledger row and watermark in one transaction per batch (B2.4, B2.7).

use anyhow::Result;
use jiff::Timestamp;

use crate::net::Listed;
use crate::store::accounts;
use crate::store::db::{Store, Tx};
use crate::store::deliveries::{self, Facts, Outcome, Place};
use crate::store::raw::{self, Packed};

/// A UID that the server lists but does not deliver in so many runs is passed over.
const MISSES: i64 = 3;

/// What came over the wire for one folder, in the order of UIDs.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Account.
    pub account_id: i64,
    /// Folder.
    pub folder: String,
    /// UIDVALIDITY.
    pub uidvalidity: u32,
    /// Messages, ascending.
    pub items: Vec<Item>,
}

/// One listed message.
#[derive(Debug, Clone)]
pub struct Item {
    /// As the server listed it.
    pub listed: Listed,
    /// What the server delivered.
    pub body: Delivered,
}

/// What the server delivered for a UID.
#[derive(Debug, Clone)]
pub enum Delivered {
    /// The whole message.
    Whole(Packed),
    /// Its beginning; the rest is over the size limit.
    Beginning(Packed),
    /// Nothing although asked for alone, with the server's words.
    Nothing(String),
}

/// Stores a batch and moves the watermark over what is contiguous; `blocked` says that a UID before this batch
/// is still missing, and becomes true when one in it is.
pub fn store_batch(store: &Store, batch: &Batch, blocked: &mut bool, now: Timestamp) -> Result<usize> {
    let (stored, still_blocked) = store.write(|tx| write_batch(tx, batch, *blocked, now))?;
    *blocked = still_blocked;
    Ok(stored)
}

/// The same inside a transaction of the caller: messages stored, and whether the watermark is blocked now.
pub fn write_batch(tx: &Tx<'_>, batch: &Batch, blocked: bool, now: Timestamp) -> Result<(usize, bool)> {
    let mut stored = 0;
    let mut blocked = blocked;
    let mut watermark = None;
    for Item { listed, body } in &batch.items {
        let place = Place {
            account_id: batch.account_id,
            folder: &batch.folder,
            uidvalidity: batch.uidvalidity,
            uid: listed.uid,
        };
        let facts = Facts {
            internal_date: listed.internal_date.unwrap_or(now),
            size: i64::try_from(listed.size)?,
            truncated: matches!(body, Delivered::Beginning(_)),
            now,
        };
        match body {
            Delivered::Whole(packed) | Delivered::Beginning(packed) => {
                let raw_id = raw::add(tx, packed)?;
                match deliveries::receive(tx, place, facts, raw_id)? {
                    Some(_) => stored += 1,
                    None => raw::delete(tx, raw_id)?,
                }
            }
            Delivered::Nothing(words) => {
                blocked |= deliveries::miss(tx, place, facts, words, MISSES)? == Outcome::Missing;
            }
        }
        if !blocked {
            watermark = Some(listed.uid);
        }
    }
    if let Some(uid) = watermark {
        accounts::raise_watermark(tx, batch.account_id, &batch.folder, batch.uidvalidity, uid)?;
    }
    Ok((stored, blocked))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn item(uid: u32, body: Delivered) -> Item {
        Item { listed: Listed { uid, size: 3, internal_date: None, seen: false }, body }
    }

    fn packed() -> Packed {
        Packed::new(b"abc".to_vec()).unwrap()
    }

    fn watermark(store: &Store) -> u32 {
        store.read(|tx| tx.value("SELECT last_uid FROM account_folders", [])).unwrap().unwrap()
    }

    fn outcomes(store: &Store) -> Vec<String> {
        store.read(|tx| tx.values("SELECT uid || ' ' || outcome FROM deliveries ORDER BY uid", [])).unwrap()
    }

    fn prepared() -> Store {
        let store = Store::in_memory().unwrap();
        store
            .write(|tx| {
                tx.execute(
                    "INSERT INTO accounts (id, name, kind, address, fetch_since, created_at, edited_at) VALUES (1, 'a', 'group', 'a@x', 0, 0, 0)",
                    [],
                )?;
                tx.execute("INSERT INTO account_folders (account_id, name, position, uidvalidity) VALUES (1, 'INBOX', 0, 7)", [])
            })
            .unwrap();
        store
    }

    #[test]
    fn the_watermark_stops_before_a_missing_uid_until_it_is_given_up() {
        let store = prepared();
        let now = Timestamp::UNIX_EPOCH;
        let batch = Batch {
            account_id: 1,
            folder: "INBOX".into(),
            uidvalidity: 7,
            items: vec![
                item(11, Delivered::Whole(packed())),
                item(12, Delivered::Nothing("no body".into())),
                item(13, Delivered::Beginning(packed())),
            ],
        };
        for run in 1..=2 {
            let mut blocked = false;
            store_batch(&store, &batch, &mut blocked, now).unwrap();
            assert!(blocked, "run {run}");
            assert_eq!(watermark(&store), 11, "run {run}");
        }
        let mut blocked = false;
        store_batch(&store, &batch, &mut blocked, now).unwrap();
        assert!(!blocked);
        assert_eq!(watermark(&store), 13);
        assert_eq!(outcomes(&store), ["11 received", "12 unfetchable", "13 received"]);
        let kept: Option<i64> = store.read(|tx| tx.value("SELECT count(*) FROM raw_messages", [])).unwrap();
        assert_eq!(kept, Some(2), "messages that were asked for again are stored once");
    }

    #[test]
    fn a_missing_message_that_comes_after_all_is_received() {
        let store = prepared();
        let now = Timestamp::UNIX_EPOCH;
        let batch = |body| Batch { account_id: 1, folder: "INBOX".into(), uidvalidity: 7, items: vec![item(5, body)] };
        let mut blocked = false;
        store_batch(&store, &batch(Delivered::Nothing("no".into())), &mut blocked, now).unwrap();
        let mut blocked = false;
        store_batch(&store, &batch(Delivered::Whole(packed())), &mut blocked, now).unwrap();
        assert_eq!((blocked, watermark(&store)), (false, 5));
        assert_eq!(outcomes(&store), ["5 received"]);
    }
}
