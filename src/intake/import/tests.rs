#![allow(clippy::unwrap_used)]
use super::*;
use crate::intake::receive::write_batch;
use crate::net::Listed;
use crate::place::Place;
use crate::store::db::Dialect;
use crate::store::instance;
use crate::store::raw::Packed;

fn prepared() -> Store {
    with_account(Store::for_test().unwrap())
}

fn with_account(store: Store) -> Store {
    let account = "INSERT INTO accounts (id, name, kind, address, fetch_since, created_at, edited_at)
        VALUES (1, 'a', 'group', 'a@x', 0, 0, 0)";
    let folder = "INSERT INTO account_folders (account_id, name, position, uidvalidity) VALUES (1, 'INBOX', 0, 7)";
    store
        .write(|tx| {
            instance::create(tx, &[0; 32], Timestamp::UNIX_EPOCH)?;
            tx.execute(account, [])?;
            tx.execute(folder, []).map(drop)
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
    Batch { account_id: 1, folder: "INBOX".into(), uidvalidity: 7, moves: true, items: uids.map(item).collect() }
}

fn uids(store: &Store, imported: &[Imported]) -> Vec<u32> {
    let uid = |one: &Imported| store.read(|tx| deliveries::by_id(tx, one.delivery_id)).unwrap().unwrap().uid.unwrap();
    imported.iter().map(uid).collect()
}

#[test]
fn a_batch_is_imported_in_a_commit_that_stores_a_later_one() {
    let (store, config, now) = (prepared(), Config::default(), Timestamp::UNIX_EPOCH);
    let mut importer = Importer::new(&store, &config, None, 1, &Reader::default());
    let mut receive = |uids| importer.receive(now, batch(uids)).unwrap();
    let (_, first) = receive(1..=3);
    assert_eq!(first, []);
    let (_, second) = receive(4..=5);
    assert_eq!(second, []);
    let (_, third) = receive(6..=6);
    assert_eq!(uids(&store, &third), [1, 2, 3]);
    let (_, fourth) = receive(7..=7);
    assert_eq!(uids(&store, &fourth), [4, 5]);
    let mut rest = Vec::new();
    importer.finish(&|| now, &mut |one| rest.push(one.clone())).unwrap();
    assert_eq!(uids(&store, &rest), [6, 7]);
}

#[test]
fn what_cannot_be_stored_imports_nothing_and_is_imported_later() {
    let (store, config, now) = (prepared(), Config::default(), Timestamp::UNIX_EPOCH);
    let mut importer = Importer::new(&store, &config, None, 1, &Reader::default());
    importer.receive(now, batch(1..=1)).unwrap();
    importer.receive(now, batch(2..=2)).unwrap();
    let of_nobody = Batch { account_id: 99, ..batch(3..=3) };
    assert!(importer.receive(now, of_nobody).is_err());
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
    store.write(|tx| write_batch(tx, &batch(1..=4), now)).unwrap();
    store.write(|tx| tx.execute("UPDATE deliveries SET deaths = 1 WHERE uid <= 2", []).map(drop)).unwrap();
    let mut importer = Importer::new(&store, &config, None, 1, &Reader::default());
    let mut sizes = Vec::new();
    let ahead = |importer: &mut Importer<'_>| importer.read_ahead(&mut HashMap::new()).unwrap();
    while ahead(&mut importer) {
        assert!(!ahead(&mut importer) || sizes.len() >= 2, "nobody is read beside a suspect");
        let (_, imported) = importer.commit(now, None).unwrap();
        sizes.push(imported.len());
    }
    assert_eq!(sizes, [1, 1, 2]);
}

#[test]
fn a_message_that_cannot_be_imported_takes_nothing_away_but_itself() {
    let (store, config, now) = (prepared(), Config::default(), Timestamp::UNIX_EPOCH);
    // As a bug would, in the middle of what is written for a message.
    let forbidden = "EXISTS (SELECT 1 FROM emails e WHERE e.id = new.email_id AND e.message_id IN ('2@x', '5@x'))";
    let forbid = match store.dialect() {
        Dialect::Sqlite => vec![format!(
            "CREATE TRIGGER forbid BEFORE INSERT ON email_bodies WHEN {forbidden}
            BEGIN SELECT raise(ABORT, 'forbidden'); END"
        )],
        Dialect::Postgres => vec![
            format!(
                "CREATE FUNCTION forbid() RETURNS TRIGGER LANGUAGE plpgsql AS $f$
                BEGIN IF {forbidden} THEN RAISE EXCEPTION 'forbidden'; END IF; RETURN new; END $f$"
            ),
            "CREATE TRIGGER forbid BEFORE INSERT ON email_bodies FOR EACH ROW EXECUTE FUNCTION forbid()".to_owned(),
        ],
    };
    store.write(|tx| forbid.iter().try_for_each(|sql| tx.execute(sql, []).map(drop))).unwrap();
    let mut importer = Importer::new(&store, &config, None, 1, &Reader::default()).of_session(true);
    let mut all = Vec::new();
    for uids in [1..=3, 4..=4, 5..=6, 7..=7] {
        all.extend(importer.receive(now, batch(uids)).unwrap().1);
    }
    importer.finish(&|| now, &mut |one| all.push(one.clone())).unwrap();
    assert_eq!(uids(&store, &all), [1, 2, 3, 4, 5, 6, 7]);
    let kept: Vec<u32> = store
        .read(|tx| tx.values("SELECT uid FROM deliveries WHERE outcome = 'quarantined' ORDER BY uid", []))
        .unwrap();
    assert_eq!(kept, [2, 5]);
    let emails = store.read(|tx| tx.values::<String>("SELECT message_id FROM emails ORDER BY id", [])).unwrap();
    assert_eq!(emails, ["1@x", "3@x", "4@x", "6@x", "7@x"]);
}

#[test]
fn what_decisions_look_at_is_read_again_when_somebody_else_has_written() {
    let dir = std::env::temp_dir().join(format!("espomail-known-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    let place = Place::of_file(dir.join("espomail.db"));
    let (store, other) = (with_account(Store::create(&place).unwrap()), Store::open(&place).unwrap());
    let (config, now) = (Config::default(), Timestamp::UNIX_EPOCH);
    let mut importer = Importer::new(&store, &config, None, 1, &Reader::default());
    // Those that are read ahead: from then on each commit imports one.
    (1..=2).for_each(|uid| drop(importer.receive(now, batch(uid..=uid)).unwrap()));
    let mut names = |uid, extra: Option<&str>| {
        importer.receive(now, batch(uid..=uid)).unwrap();
        let (_, world) = importer.known.as_mut().unwrap();
        let names = world.accounts.iter().map(|account| account.name.clone()).collect::<Vec<_>>();
        // What nobody has read tells whether it was read again.
        let mut unread = world.accounts.first().unwrap().clone();
        world.accounts.extend(extra.map(|name| {
            unread.name = name.to_owned();
            unread
        }));
        names
    };
    assert_eq!(names(3, None), ["a"]);
    assert_eq!(names(4, Some("unread")), ["a"]);
    assert_eq!(names(5, None), ["a", "unread"], "this connection alone has written");
    let another = "INSERT INTO accounts (name, kind, address, fetch_since, created_at, edited_at)
        VALUES ('b', 'group', 'b@x', 0, 0, 0)";
    other.write(|tx| tx.execute(another, []).map(drop)).unwrap();
    assert_eq!(names(6, None), ["a", "b"]);
    std::fs::remove_dir_all(dir).unwrap();
}
