#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;

fn temp(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("espomail-db-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    dir
}

#[test]
fn a_new_database_is_private_and_opens_again() {
    let dir = temp("new");
    let path = dir.join("espomail.db");
    drop(Store::create(&path).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(Store::open(&path).unwrap().check().unwrap(), Vec::<String>::new());
    assert!(Store::create(&path).is_err(), "an existing file is never overwritten");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn older_databases_migrate_newer_and_foreign_ones_are_refused() {
    let dir = temp("migrate");
    let path = dir.join("espomail.db");
    let store = Store::create(&path).unwrap();
    let more = ["ALTER TABLE teams ADD COLUMN colour TEXT", "CREATE TABLE more (id INTEGER)"];
    store.migrate(&[MIGRATIONS, &more].concat()).unwrap();
    assert_eq!(store.version().unwrap(), VERSION + 2);
    store.read(|tx| tx.values::<i64>("SELECT id FROM more", [])).unwrap();
    drop(store);
    let newer = Store::open(&path).err().unwrap();
    assert!(format!("{newer:#}").contains("newer espomail"), "{newer:#}");

    let foreign = dir.join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let refused = Store::open(&foreign).err().unwrap();
    assert!(format!("{refused:#}").contains("not a database of espomail"), "{refused:#}");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_failed_migration_changes_nothing() {
    let dir = temp("halfway");
    let store = Store::create(&dir.join("espomail.db")).unwrap();
    assert!(store.migrate(&[MIGRATIONS, &["CREATE TABLE more (id INTEGER)", "nonsense"]].concat()).is_err());
    assert_eq!(store.version().unwrap(), VERSION);
    assert!(store.read(|tx| tx.values::<i64>("SELECT id FROM more", [])).is_err());
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn an_error_in_a_savepoint_undoes_only_it() {
    let store = Store::in_memory().unwrap();
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
    let store = Store::create(&dir.join("espomail.db")).unwrap();
    store.write(|tx| tx.execute("INSERT INTO teams (name, created_at) VALUES ('a', 0)", [])).unwrap();
    let copy = dir.join("copy.db");
    store.backup(&copy).unwrap();
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let names = Store::open(&copy).unwrap().read(|tx| tx.values::<String>("SELECT name FROM teams", [])).unwrap();
    assert_eq!(names, ["a"]);
    assert!(store.backup(&copy).is_err(), "a backup never overwrites a file");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_store_for_reading_lets_nothing_be_written() {
    let dir = temp("reading");
    let path = dir.join("espomail.db");
    drop(Store::create(&path).unwrap());
    let store = Store::open(&path).unwrap().read_only().unwrap();
    let add = |tx: &Tx<'_>| tx.execute("INSERT INTO teams (name, created_at) VALUES ('a', 0)", []);
    assert!(store.write(add).is_err() && store.rehearse(add).is_err());
    assert_eq!(store.read(|tx| tx.values::<i64>("SELECT id FROM teams", [])).unwrap(), [0i64; 0]);
    store.backup(&dir.join("copy.db")).unwrap();
    fs::remove_dir_all(dir).unwrap();
}

/// Tables with their columns, and the other objects, whatever their order.
fn shape(conn: &Connection) -> Vec<String> {
    let list = "SELECT type || ' ' || name || coalesce('.' || (SELECT group_concat(c, ' ') FROM (
            SELECT x.name || ':' || x.type || ':' || x.\"notnull\" || ':' || coalesce(x.dflt_value, '') AS c
            FROM pragma_table_xinfo(s.name) x ORDER BY x.name)), '')
        FROM sqlite_schema s WHERE name NOT LIKE 'sqlite_%' ORDER BY 1";
    let mut statement = conn.prepare(list).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<std::result::Result<_, _>>().unwrap()
}

#[test]
fn a_database_of_the_first_version_becomes_what_a_new_one_is() {
    let dir = temp("first");
    fs::create_dir_all(&dir).unwrap();
    let path = dir.join("espomail.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("version_1.sql")).unwrap();
    old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    old.execute_batch(
        "INSERT INTO users (username, login, created_at, notify_assignment) VALUES ('ana', 'ana', 0, 'off');
        INSERT INTO emails (id, key, message_id, status, subject, text, received_at, created_at)
            VALUES (3, 'k3', 'm3', 'Archived', 's', 'Hello', 0, 0), (9, 'k9', 'm9', 'Archived', 's', 'gone', 0, 0);
        INSERT INTO email_addresses (email_id, field, position, address) VALUES (3, 'from', 0, 'eva@x.example');
        DELETE FROM emails WHERE id = 9;",
    )
    .unwrap();
    drop(old);
    let migrated = Store::open(&path).unwrap();
    assert_eq!(migrated.version().unwrap(), VERSION);
    assert_eq!(shape(&migrated.conn), shape(&Store::in_memory().unwrap().conn));
    let kept = migrated.read(|tx| tx.values::<String>("SELECT by_email FROM notification_settings", [])).unwrap();
    assert_eq!(kept, ["off"]);
    let mail = "SELECT e.id || e.key || e.message_id || b.text || a.address FROM emails e
        JOIN email_bodies b ON b.email_id = e.id JOIN email_addresses a ON a.email_id = e.id";
    assert_eq!(migrated.read(|tx| tx.values::<String>(mail, [])).unwrap(), ["3k3m3Helloeva@x.example"]);
    let add =
        "INSERT INTO emails (message_id, status, subject, received_at, created_at) VALUES ('m', 'Sent', '', 0, 0)";
    assert_eq!(migrated.write(|tx| tx.insert(add, [])).unwrap(), 10, "ids are never used again");
    fs::remove_dir_all(dir).unwrap();
}
