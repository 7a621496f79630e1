#![allow(clippy::unwrap_used)]

use super::*;
use crate::intake::receive::{Batch, Delivered, Item, write_batch};
use crate::net::Listed;
use crate::store::instance;
use crate::store::raw::Packed;

fn prepared() -> Store {
    let store = Store::in_memory().unwrap();
    let account = "INSERT INTO accounts (id, name, kind, address, fetch_since, created_at, edited_at)
        VALUES (1, 'a', 'group', 'a@x', 0, 0, 0)";
    let folder = "INSERT INTO account_folders (account_id, name, position, uidvalidity) VALUES (1, 'INBOX', 0, 7)";
    store
        .write(|tx| {
            instance::create(tx, &[0; 32], Timestamp::UNIX_EPOCH)?;
            tx.execute(account, [])?;
            tx.execute(folder, [])
        })
        .unwrap();
    store
}

fn batch(uids: std::ops::RangeInclusive<u32>) -> Batch {
    let item = |uid| Item {
        listed: Listed { uid, size: 100, internal_date: None, seen: false },
        body: Delivered::Whole(
            Packed::new(format!("Message-ID: <{uid}@x>\r\nFrom: c@x\r\n\r\nx\r\n").into_bytes()).unwrap(),
        ),
    };
    Batch { account_id: 1, folder: "INBOX".into(), uidvalidity: 7, items: uids.map(item).collect() }
}

fn uids(store: &Store, imported: &[Imported]) -> Vec<u32> {
    let uid = |one: &Imported| store.read(|tx| deliveries::by_id(tx, one.delivery_id)).unwrap().unwrap().uid.unwrap();
    imported.iter().map(uid).collect()
}

#[test]
fn a_batch_is_imported_in_the_commit_that_stores_the_next() {
    let (store, config, now) = (prepared(), Config::default(), Timestamp::UNIX_EPOCH);
    let mut importer = Importer::new(&store, &config, None, 1);
    let mut receive = |uids| importer.receive(now, |tx| write_batch(tx, &batch(uids), false, now)).unwrap();
    let (_, first) = receive(1..=3);
    assert_eq!(first, []);
    let (_, second) = receive(4..=5);
    assert_eq!(uids(&store, &second), [1, 2, 3]);
    let (_, third) = receive(6..=6);
    assert_eq!(uids(&store, &third), [4, 5]);
    let mut rest = Vec::new();
    importer.finish(&|| now, &mut |one| rest.push(one.clone())).unwrap();
    assert_eq!(uids(&store, &rest), [6]);
}

#[test]
fn what_cannot_be_stored_imports_nothing_and_is_imported_later() {
    let (store, config, now) = (prepared(), Config::default(), Timestamp::UNIX_EPOCH);
    let mut importer = Importer::new(&store, &config, None, 1);
    importer.receive(now, |tx| write_batch(tx, &batch(1..=2), false, now)).unwrap();
    let failed = importer.receive(now, |tx| {
        write_batch(tx, &batch(3..=3), false, now)?;
        Err::<(), _>(anyhow!("the disk is full"))
    });
    assert!(failed.is_err());
    let emails = || store.read(|tx| tx.value::<i64>("SELECT count(*) FROM emails", [])).unwrap();
    assert_eq!(emails(), Some(0));
    let mut rest = Vec::new();
    importer.finish(&|| now, &mut |one| rest.push(one.clone())).unwrap();
    assert_eq!(uids(&store, &rest), [1, 2]);
    assert_eq!(emails(), Some(2));
}

#[test]
fn suspects_are_imported_one_by_one() {
    let (store, config, now) = (prepared(), Config::default(), Timestamp::UNIX_EPOCH);
    store.write(|tx| write_batch(tx, &batch(1..=4), false, now)).unwrap();
    store.write(|tx| tx.execute("UPDATE deliveries SET deaths = 1 WHERE uid <= 2", [])).unwrap();
    let mut importer = Importer::new(&store, &config, None, 1);
    let mut sizes = Vec::new();
    while importer.read_ahead().unwrap() {
        assert!(!importer.read_ahead().unwrap() || sizes.len() >= 2, "nobody is read beside a suspect");
        let ((), imported) = importer.commit(now, |_| Ok(())).unwrap();
        sizes.push(imported.len());
    }
    assert_eq!(sizes, [1, 1, 2]);
}
