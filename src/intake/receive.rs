//! Bytes into the store: raw message, ledger row and watermark in one transaction per batch (B2.4, B2.7).
//!
//! A message that did not come has a row as well: the watermark passes it, and it stays owed.

use anyhow::Result;
use jiff::Timestamp;

use crate::net::{Listed, NetError};
use crate::store::accounts;
use crate::store::db::{Store, Tx};
use crate::store::deliveries::{self, Facts, Place};
use crate::store::raw::{self, Packed};

/// What came over the wire for one folder, in the order of UIDs.
#[derive(Debug, Clone)]
pub struct Batch {
    pub account_id: i64,
    pub folder: String,
    pub uidvalidity: u32,
    /// Nothing is missing between the watermark and the last of them, which it may move to.
    pub moves: bool,
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

impl Item {
    /// A message that is charged for an error.
    pub(super) fn nothing(listed: Listed, error: &NetError) -> Item {
        Item { listed, body: Delivered::Nothing(error.message.clone()) }
    }
}

/// What the server delivered for a UID.
#[derive(Debug, Clone)]
pub enum Delivered {
    /// The whole message.
    Whole(Packed),
    /// Its beginning; the rest is over the size limit.
    Beginning(Packed),
    /// Nothing, with the server's words, or what broke.
    Nothing(String),
}

/// Stores a batch; messages stored.
pub fn store_batch(store: &Store, batch: &Batch, now: Timestamp) -> Result<usize> {
    let deliveries = store.write(|tx| write_batch(tx, batch, now))?;
    Ok(deliveries.iter().flatten().count())
}

/// Stores a batch inside a transaction of the caller. For each of its messages the id of the delivery that now waits for
/// the import.
pub fn write_batch(tx: &Tx<'_>, batch: &Batch, now: Timestamp) -> Result<Vec<Option<i64>>> {
    // By the id of their bytes. Whether the ledger takes them is asked once for all: a server answers in one go then.
    let mut raws = Vec::with_capacity(batch.items.len());
    let mut received = Vec::with_capacity(batch.items.len());
    for Item { listed, body } in &batch.items {
        let place = Place {
            account_id: batch.account_id,
            folder: &batch.folder,
            uidvalidity: batch.uidvalidity,
            uid: listed.uid,
        };
        let facts = Facts {
            internal_date: listed.internal_date.unwrap_or(now),
            size: i64::try_from(listed.size).unwrap_or(i64::MAX),
            truncated: matches!(body, Delivered::Beginning(_)),
            now,
        };
        match body {
            Delivered::Whole(packed) | Delivered::Beginning(packed) => {
                let raw_id = raw::add(tx, packed)?;
                received.push((place, facts, raw_id));
                raws.push(Some(raw_id));
            }
            Delivered::Nothing(words) => {
                deliveries::miss(tx, place, facts, words)?;
                raws.push(None);
            }
        }
    }
    deliveries::receive(tx, &received)?;
    let stored = taken(tx, &raws)?;
    if let Some(last) = batch.items.last().filter(|_| batch.moves) {
        let uid = last.listed.uid;
        accounts::raise_watermark(tx, batch.account_id, &batch.folder, batch.uidvalidity, uid)?;
    }
    Ok(stored)
}

/// The ids of the deliveries that have these bytes. Bytes that the ledger did not take are dropped.
fn taken(tx: &Tx<'_>, raws: &[Option<i64>]) -> Result<Vec<Option<i64>>> {
    let all = || raws.iter().flatten().copied();
    let (Some(first), Some(last)) = (all().min(), all().max()) else { return Ok(vec![None; raws.len()]) };
    let deliveries = deliveries::with_raws(tx, first, last)?;
    all().filter(|raw_id| !deliveries.contains_key(raw_id)).try_for_each(|raw_id| raw::delete(tx, raw_id))?;
    Ok(raws.iter().map(|raw_id| deliveries.get(raw_id.as_ref()?).copied()).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::store::db::seen::on_server;

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
        let store = Store::for_test().unwrap();
        store
            .write(|tx| {
                tx.execute(
                    "INSERT INTO accounts (id, name, kind, address, fetch_since, created_at, edited_at) VALUES (1, 'a', 'group', 'a@x', 0, 0, 0)",
                    [],
                )?;
                tx.execute("INSERT INTO account_folders (account_id, name, position, uidvalidity) VALUES (1, 'INBOX', 0, 7)", []).map(drop)
            })
            .unwrap();
        store
    }

    fn batch(items: Vec<Item>) -> Batch {
        Batch { account_id: 1, folder: "INBOX".into(), uidvalidity: 7, moves: true, items }
    }

    fn after(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(hours)
    }

    fn owed(store: &Store, now: Timestamp) -> Vec<u32> {
        store.read(|tx| deliveries::owed(tx, 1, now)).unwrap().iter().map(|owed| owed.uid).collect()
    }

    #[test]
    fn the_watermark_passes_what_did_not_come_and_it_stays_owed() {
        let store = prepared();
        let rest = vec![
            item(11, Delivered::Whole(packed())),
            item(12, Delivered::Nothing("no body".into())),
            item(13, Delivered::Beginning(packed())),
        ];
        store_batch(&store, &batch(rest), after(0)).unwrap();
        assert_eq!(watermark(&store), 13);
        assert_eq!(outcomes(&store), ["11 received", "12 missing", "13 received"]);
        assert_eq!(owed(&store, after(0)), [12]);
        let again =
            |now| store_batch(&store, &batch(vec![item(12, Delivered::Nothing("no body".into()))]), now).unwrap();
        again(after(0));
        assert_eq!((outcomes(&store)[1].as_str(), owed(&store, after(0))), ("12 missing", vec![12]));
        again(after(0));
        assert_eq!((outcomes(&store)[1].as_str(), owed(&store, after(0))), ("12 unfetchable", vec![]));
        // Once a day for a week, also after a clock that ran ahead.
        for day in 1..=7 {
            assert_eq!(owed(&store, after(24 * day - 1)), Vec::<u32>::new(), "day {day}");
            assert_eq!(owed(&store, after(24 * day)), [12], "day {day}");
            again(after(24 * day));
        }
        assert_eq!(owed(&store, after(1_000)), Vec::<u32>::new());
        store_batch(&store, &batch(vec![item(12, Delivered::Whole(packed()))]), after(0)).unwrap();
        assert_eq!(outcomes(&store)[1], "12 received");
        assert_eq!(watermark(&store), 13, "it never moves down");
        // What came is not charged any more.
        again(after(0));
        assert_eq!(outcomes(&store)[1], "12 received");
    }

    #[test]
    fn bytes_that_the_ledger_does_not_take_are_dropped() {
        let store = prepared();
        let now = after(0);
        let whole = |uids: std::ops::RangeInclusive<u32>| {
            batch(uids.map(|uid| item(uid, Delivered::Whole(packed()))).collect())
        };
        let first = store.write(|tx| write_batch(tx, &whole(1..=3), now)).unwrap();
        assert!(first.iter().all(Option::is_some));
        let again = store.write(|tx| write_batch(tx, &whole(2..=5), now)).unwrap();
        assert_eq!(again.iter().map(Option::is_some).collect::<Vec<_>>(), [false, false, true, true]);
        let count = |sql: &str| store.read(|tx| tx.value::<i64>(sql, [])).unwrap();
        assert_eq!(count("SELECT count(*) FROM raw_messages"), Some(5));
        assert_eq!(count("SELECT count(*) FROM deliveries d JOIN raw_messages r ON r.id = d.raw_id"), Some(5));
        let ids: Vec<i64> =
            store.read(|tx| tx.values("SELECT id FROM deliveries WHERE uid > 3 ORDER BY uid", [])).unwrap();
        assert_eq!(again.into_iter().flatten().collect::<Vec<_>>(), ids);
    }

    #[test]
    fn each_uid_is_received_once_in_whichever_order_a_server_lists_them() {
        let store = prepared();
        let listed = |uids: &[u32]| batch(uids.iter().map(|uid| item(*uid, Delivered::Whole(packed()))).collect());
        let stored = |uids: &[u32]| {
            let taken = store.write(|tx| write_batch(tx, &listed(uids), after(0))).unwrap();
            taken.iter().map(Option::is_some).collect::<Vec<_>>()
        };
        assert_eq!(stored(&[5, 5, 3, 4]), [true, false, true, true]);
        // As many as are written at once, and more; some of them are there.
        let many: Vec<u32> = (1..=40).collect();
        assert_eq!(stored(&many).iter().filter(|is_new| **is_new).count(), 37);
        let twice: Vec<u32> = (41..=50).chain(50..=70).collect();
        assert_eq!(stored(&twice).iter().filter(|is_new| **is_new).count(), 30);
        let all: Vec<u32> = (1..=70).collect();
        let kept = store.read(|tx| tx.values::<u32>("SELECT uid FROM deliveries ORDER BY uid", [])).unwrap();
        assert_eq!(kept, all);
        let left: Option<i64> = store.read(|tx| tx.value("SELECT count(*) FROM raw_messages", [])).unwrap();
        assert_eq!(left, Some(70));
    }

    #[test]
    fn a_batch_takes_few_round_trips() {
        let Some(_) = on_server() else { return };
        let store = prepared();
        let whole = |uids: std::ops::Range<u32>| batch(uids.map(|uid| item(uid, Delivered::Whole(packed()))).collect());
        let store_all = |uids| store_batch(&store, &whole(uids), after(0)).unwrap();
        // Statements are prepared once for a connection.
        assert_eq!((store_all(1..101), store_all(101..201)), (100, 100));
        let before = store.trips();
        assert_eq!(store_all(201..301), 100);
        let trips = store.trips() - before;
        assert!(trips <= 5, "BEGIN, the ids, the rows with the question, COMMIT: {trips}");
    }

    #[test]
    fn what_lies_after_a_gap_moves_no_watermark() {
        let store = prepared();
        let gap = Batch { moves: false, ..batch(vec![item(5, Delivered::Nothing("cut".into()))]) };
        store_batch(&store, &gap, after(0)).unwrap();
        assert_eq!((watermark(&store), owed(&store, after(0))), (0, vec![5]));
        let ahead = |store: &Store| owed(store, after(-2));
        store_batch(&store, &gap, after(0)).unwrap();
        store_batch(&store, &gap, after(0)).unwrap();
        assert_eq!(ahead(&store), [5], "tried in the future, by a clock that ran ahead");
    }
}
