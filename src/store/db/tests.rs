#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod engines;
mod older;
mod same_answers;
mod savepoints;
#[cfg(feature = "postgres")]
mod waiting;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{bail, ensure};
use rusqlite::Connection;

use super::sqlite::{APPLICATION_ID, MIGRATIONS};
use super::*;
use crate::store::search::index;
use crate::store::users;

fn temp(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("espomail-db-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    dir
}

#[test]
fn a_new_database_is_private_and_opens_again() {
    let dir = temp("new");
    let path = dir.join("espomail.db");
    drop(Store::create(&Place::of_file(&path)).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(Store::open(&Place::of_file(&path)).unwrap().check().unwrap(), Vec::<String>::new());
    assert!(Store::create(&Place::of_file(&path)).is_err(), "an existing file is never overwritten");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn older_databases_migrate_newer_and_foreign_ones_are_refused() {
    let dir = temp("migrate");
    let path = dir.join("espomail.db");
    let store = Store::create(&Place::of_file(&path)).unwrap();
    let more = ["ALTER TABLE teams ADD COLUMN colour TEXT", "CREATE TABLE more (id INTEGER)"];
    store.migrate(&[MIGRATIONS, &more].concat()).unwrap();
    assert_eq!(store.version().unwrap(), VERSION + 2);
    store.read(|tx| tx.values::<i64>("SELECT id FROM more", [])).unwrap();
    drop(store);
    let newer = Store::open(&Place::of_file(&path)).err().unwrap();
    assert!(format!("{newer:#}").contains("newer espomail"), "{newer:#}");

    let foreign = dir.join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let refused = Store::open(&Place::of_file(&foreign)).err().unwrap();
    assert!(format!("{refused:#}").contains("not a database of espomail"), "{refused:#}");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_database_whose_first_work_fails_is_not_there() {
    let dir = temp("first-work");
    fs::create_dir_all(&dir).unwrap();
    #[cfg(feature = "postgres")]
    let server = Store::server_of_tests().unwrap();
    #[cfg(not(feature = "postgres"))]
    let server = None;
    let place = match server {
        Some(server) => Place::new(crate::place::Database::Server(Box::new(server)), Some(&dir)),
        None => Place::of_file(dir.join("espomail.db")),
    };
    let add = |tx: &Tx<'_>| tx.insert("INSERT INTO teams (name, created_at) VALUES ('a', 0)", []);
    let fill = |fails: bool| {
        Store::create_with(
            &place,
            |_| None,
            |tx| {
                add(tx)?;
                ensure!(!fails, "no");
                Ok(tx.written())
            },
        )
    };
    assert!(fill(true).is_err() && Store::open(&place).is_err());
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0, "nothing is left");
    fill(false).unwrap();
    let names = Store::open(&place).unwrap().read(|tx| tx.values::<String>("SELECT name FROM teams", [])).unwrap();
    assert_eq!(names, ["a"]);
    assert!(fill(false).is_err(), "nothing is overwritten");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_failed_migration_changes_nothing() {
    let dir = temp("halfway");
    let store = Store::create(&Place::of_file(dir.join("espomail.db"))).unwrap();
    assert!(store.migrate(&[MIGRATIONS, &["CREATE TABLE more (id INTEGER)", "nonsense"]].concat()).is_err());
    assert_eq!(store.version().unwrap(), VERSION);
    assert!(store.read(|tx| tx.values::<i64>("SELECT id FROM more", [])).is_err());
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn an_error_in_a_savepoint_undoes_only_it() {
    let store = Store::for_test().unwrap();
    let add = |tx: &Tx<'_>, name: &str| tx.insert("INSERT INTO teams (name, created_at) VALUES (?1, 0)", params![name]);
    store
        .write(|tx| {
            add(tx, "kept")?;
            let failed: Result<()> = tx.savepoint(|tx| {
                add(tx, "undone")?;
                bail!("no")
            });
            assert!(failed.is_err());
            Ok(())
        })
        .unwrap();
    let names = store.read(|tx| tx.values::<String>("SELECT name FROM teams", [])).unwrap();
    assert_eq!(names, ["kept"]);
}

#[test]
fn a_backup_is_a_complete_private_database() {
    let dir = temp("backup");
    let store = Store::create(&Place::of_file(dir.join("espomail.db"))).unwrap();
    store.write(|tx| tx.execute("INSERT INTO teams (name, created_at) VALUES ('a', 0)", []).map(drop)).unwrap();
    let copy = dir.join("copy.db");
    store.backup(&copy, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let names = Store::open(&Place::of_file(&copy))
        .unwrap()
        .read(|tx| tx.values::<String>("SELECT name FROM teams", []))
        .unwrap();
    assert_eq!(names, ["a"]);
    assert!(store.backup(&copy, Timestamp::UNIX_EPOCH).is_err(), "a backup never overwrites a file");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_store_for_reading_lets_nothing_be_written() {
    let dir = temp("reading");
    let path = dir.join("espomail.db");
    drop(Store::create(&Place::of_file(&path)).unwrap());
    let store = Store::open(&Place::of_file(&path)).unwrap().read_only().unwrap();
    let add = |tx: &Tx<'_>| tx.execute("INSERT INTO teams (name, created_at) VALUES ('a', 0)", [])?.rows();
    assert!(store.write(add).is_err() && store.rehearse(add).is_err());
    assert_eq!(store.read(|tx| tx.values::<i64>("SELECT id FROM teams", [])).unwrap(), [0i64; 0]);
    store.backup(&dir.join("copy.db"), Timestamp::UNIX_EPOCH).unwrap();
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_database_of_the_first_version_keeps_its_users_accounts_and_mail() {
    let dir = temp("first");
    let path = dir.join("espomail.db");
    let old = older::of_version(&path, 1);
    old.execute_batch(
        "INSERT INTO users (username, login, created_at, notify_assignment) VALUES ('ana', 'ana', 0, 'off');
        INSERT INTO user_addresses (address, user_id, is_primary)
            VALUES ('c@x.example', 1, 0), ('b@x.example', 1, 1), ('a@x.example', 1, 0);
        INSERT INTO emails (id, key, message_id, status, subject, text, received_at, created_at)
            VALUES (3, 'k3', 'm3', 'Archived', 's', 'Hello', 0, 0), (9, 'k9', 'm9', 'Archived', 's', 'gone', 0, 0);
        INSERT INTO email_addresses (email_id, field, position, address) VALUES (3, 'from', 0, 'eva@x.example');
        INSERT INTO accounts (name, kind, address, fetch_since, created_at, edited_at, imap_auth, pin)
            VALUES ('a', 'group', 'a@x.example', 0, 0, 0, 'xoauth2', 'ab'), ('b', 'group', 'b@x.example', 0, 0, 0, 'password', NULL);
        DELETE FROM emails WHERE id = 9;",
    )
    .unwrap();
    drop(old);
    let migrated = Store::open(&Place::of_file(&path)).unwrap();
    assert_eq!(migrated.version().unwrap(), VERSION);
    let kept = migrated.read(|tx| tx.values::<String>("SELECT by_email FROM notification_settings", [])).unwrap();
    assert_eq!(kept, ["off"]);
    let addresses = migrated.read(|tx| users::by_id(tx, 1)).unwrap().unwrap().addresses;
    assert_eq!(addresses, ["b@x.example", "c@x.example", "a@x.example"], "the order stays");
    let servers = "SELECT name || ' ' || imap_auth || ' ' || imap_pins || '/' || smtp_pins FROM accounts ORDER BY name";
    let servers = migrated.read(|tx| tx.values::<String>(servers, [])).unwrap();
    assert_eq!(servers, ["a xoauth2 cert:ab/", "b password /"]);
    let mail = "SELECT e.id || e.key || e.message_id || b.text || a.address FROM emails e
        JOIN email_bodies b ON b.email_id = e.id JOIN email_addresses a ON a.email_id = e.id";
    assert_eq!(migrated.read(|tx| tx.values::<String>(mail, [])).unwrap(), ["3k3m3Helloeva@x.example"]);
    let add =
        "INSERT INTO emails (message_id, status, subject, received_at, created_at) VALUES ('m', 'Sent', '', 0, 0)";
    assert_eq!(migrated.write(|tx| tx.insert(add, [])).unwrap(), 10, "ids are never used again");
    fs::remove_dir_all(dir).unwrap();
}

/// Cases as version 4 knew them: the customer wrote with a colleague in Cc, we answered, asked a supplier, told somebody
/// unseen, and the customer wrote to the supplier as well; a form opened the second one, a telephone service the third.
const HISTORY: &str = "
    INSERT INTO accounts (id, name, kind, address, fetch_since, created_at, edited_at)
        VALUES (1, 'support', 'group', 'support@desk.example', 0, 0, 0);
    INSERT INTO users (id, username, login, created_at) VALUES (1, 'ana', 'ana', 0);
    INSERT INTO user_addresses (address, user_id) VALUES ('ana@staff.example', 1);
    INSERT INTO cases (id, number, key, name, status, created_at, modified_at)
        VALUES (1, 1, 'k1', 'Printer', 'Assigned', 0, 0), (2, 2, 'k2', 'Form', 'New', 0, 0);
    INSERT INTO contacts (id, name, created_at) VALUES (2, 'Eva', 0);
    INSERT INTO record_addresses (address, record_type, record_id) VALUES ('eva@customer.example', 'contact', 2);
    INSERT INTO cases (id, number, key, name, status, contact_id, created_at, modified_at)
        VALUES (3, 3, 'k3', 'Call', 'Assigned', 2, 0, 0);
    INSERT INTO emails (id, message_id, status, subject, from_address, received_at, parent_type, parent_id, verified, created_at, dmarc)
        VALUES (1, 'm1', 'Archived', '', 'eva@customer.example', 1, 'case', 1, 1, 0, 'pass'),
            (2, 'm2', 'Sent', '', 'support@desk.example', 2, 'case', 1, 1, 0, ''),
            (3, 'm3', 'Sent', '', 'support@desk.example', 3, 'case', 1, 1, 0, ''),
            (4, 'm4', 'Archived', '', 'lab@supplier.example', 4, 'case', 1, 1, 0, ''),
            (5, 'm5', 'Archived', '', 'eve@evil.example', 5, 'case', 1, 0, 0, ''),
            (6, 'm6', 'Archived', '', 'no-reply@shop.example', 6, 'case', 2, 1, 0, ''),
            (7, 'm7', 'Archived', '', 'kim@customer.example', 7, 'case', 1, 1, 0, ''),
            (8, 'm8', 'Archived', '', 'eva@customer.example', 8, 'case', 1, 1, 0, ''),
            (9, 'm9', 'Archived', '', 'calls@answering.example', 9, 'case', 3, 1, 0, ''),
            (10, 'm10', 'Archived', '', 'eva@customer.example', 10, 'case', 3, 1, 0, '');
    INSERT INTO email_bodies (email_id, text) SELECT id, '' FROM emails;
    INSERT INTO email_addresses (email_id, field, position, address) VALUES
        (1, 'from', 0, 'eva@customer.example'), (1, 'to', 0, 'support@desk.example'), (1, 'cc', 0, 'lee@customer.example'),
        (1, 'reply-to', 0, 'eva@home.example'), (1, 'cc', 1, 'ana@staff.example'),
        (2, 'from', 0, 'support@desk.example'), (2, 'to', 0, 'eva@customer.example'), (2, 'cc', 0, 'boss@customer.example'),
        (2, 'bcc', 0, 'hidden@x.example'),
        (3, 'from', 0, 'support@desk.example'), (3, 'to', 0, 'lab@supplier.example'),
        (4, 'from', 0, 'lab@supplier.example'), (4, 'to', 0, 'support+c1.2@desk.example'), (4, 'cc', 0, 'other@supplier.example'),
        (5, 'from', 0, 'eve@evil.example'), (5, 'to', 0, 'support@desk.example'),
        (6, 'from', 0, 'no-reply@shop.example'), (6, 'reply-to', 0, 'c1@one.example'), (6, 'to', 0, 'support@desk.example'),
        (7, 'from', 0, 'kim@customer.example'), (7, 'to', 0, 'support@desk.example'),
        (8, 'from', 0, 'eva@customer.example'), (8, 'to', 0, 'support@desk.example'), (8, 'cc', 0, 'lab@supplier.example'),
        (9, 'from', 0, 'calls@answering.example'), (9, 'to', 0, 'support@desk.example'),
        (10, 'from', 0, 'eva@customer.example'), (10, 'to', 0, 'support@desk.example'), (10, 'cc', 0, 'lee@customer.example');
    UPDATE email_addresses SET address = 'info@m\u{fc}ller.example' WHERE email_id = 6 AND field = 'reply-to';
    INSERT INTO email_index (rowid, subject, addresses, text) SELECT id, subject, addresses, text FROM email_texts WHERE id < 7;
    INSERT INTO record_addresses (address, record_type, record_id)
        VALUES ('info@m\u{fc}ller.example', 'contact', 1), ('info@xn--mller-kva.example', 'contact', 1);
    INSERT INTO invalid_addresses (address, reason, since) VALUES ('info@m\u{fc}ller.example', '550', 0);";

#[test]
fn a_database_of_version_4_gets_its_roles_from_its_history() {
    let dir = temp("roles");
    let path = dir.join("espomail.db");
    older::of_version(&path, 4).execute_batch(HISTORY).unwrap();
    let store = Store::open(&Place::of_file(&path)).unwrap();
    let sql = "SELECT case_id || ' ' || address || ' ' || role || CASE WHEN opened THEN ' opened' ELSE '' END FROM case_people ORDER BY case_id, address";
    assert_eq!(
        store.read(|tx| tx.values::<String>(sql, [])).unwrap(),
        [
            "1 boss@customer.example copied",
            "1 eva@customer.example customer opened",
            "1 eva@home.example customer",
            "1 hidden@x.example third party",
            "1 kim@customer.example copied",
            "1 lab@supplier.example third party",
            "1 lee@customer.example copied",
            "2 info@xn--mller-kva.example customer opened",
            "3 calls@answering.example third party opened",
            "3 lee@customer.example copied",
        ]
    );
    let sql = "SELECT id || verdict || undecided FROM emails WHERE verdict <> '' OR undecided ORDER BY id";
    assert_eq!(store.read(|tx| tx.values::<String>(sql, [])).unwrap(), ["1pass0", "51"]);
    for sql in [
        "SELECT address FROM record_addresses WHERE record_id = 1",
        "SELECT address FROM invalid_addresses WHERE account_id IS NULL",
    ] {
        assert_eq!(store.read(|tx| tx.values::<String>(sql, [])).unwrap(), ["info@xn--mller-kva.example"], "{sql}");
    }
    index::fill(&store, &|| true).unwrap();
    let found = |word: &str| {
        let sql = format!("SELECT rowid FROM email_index WHERE email_index MATCH '\"{word}\"'");
        store.read(|tx| tx.values::<i64>(&sql, [])).unwrap()
    };
    assert_eq!((found("xn"), found("m\u{fc}ller")), (vec![6], vec![]));
    assert_eq!(store.check().unwrap(), Vec::<String>::new());
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn only_commits_that_may_be_lost_do_not_wait_for_the_disk() {
    let dir = temp("soon");
    let store = Store::create(&Place::of_file(dir.join("espomail.db"))).unwrap();
    let level = || store.conn().pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0)).unwrap();
    let (normal, full) = (1, 2);
    assert_eq!(store.write_soon(|_| Ok(level())).unwrap(), normal);
    assert_eq!(store.write(|_| Ok(level())).unwrap(), full);
    store.write_soon::<()>(|_| bail!("no")).unwrap_err();
    assert_eq!(level(), full, "after an error");
    let panics = || store.write_soon::<()>(|_| panic!("no"));
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).unwrap_err();
    assert_eq!(store.write(|_| Ok(level())).unwrap(), full, "after a panic");
    drop(store);
    let store = Store::open(&Place::of_file(dir.join("espomail.db"))).unwrap();
    store.conn().pragma_update(None, "journal_mode", "delete").unwrap();
    let level = || store.conn().pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(store.write_soon(|_| Ok(level())).unwrap(), full, "without a log");
    store.flush().unwrap();
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_scrub_waits_for_one_who_takes_the_log_into_the_file() {
    let dir = temp("scrub");
    let path = dir.join("espomail.db");
    let store = Store::create(&Place::of_file(&path)).unwrap();
    // As the thread of another process that fetches: byte 121 of the helper is the lock of who does it.
    let other_does = "import fcntl, sys, time
with open(sys.argv[1], 'r+b') as helper:
    fcntl.lockf(helper, fcntl.LOCK_EX, 1, 121)
    print(flush=True)
    time.sleep(0.5)";
    let mut other = Command::new("python3");
    other.args(["-c", other_does]).arg(dir.join("espomail.db-shm")).stdout(Stdio::piped());
    let mut other = other.spawn().unwrap();
    other.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    store.write_and_scrub(true, |_| Ok(())).unwrap();
    other.wait().unwrap();
    drop(store);
    fs::remove_dir_all(dir).unwrap();
}
