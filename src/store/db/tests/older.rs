//! Databases of every older version, with rows in each of their tables, become what a new database is. The next version is
//! covered as it is; a column that it drops needs a row in [`MOVED`].

use rusqlite::functions::{Context as Call, FunctionFlags};
use rusqlite::types::Value;

use super::*;
use crate::store::disk;
use crate::store::tests::portable::in_lists;

/// Rows that each table gets, as far as its conditions let it.
const ROWS: i64 = 3;

/// Columns that are gone: their values in the old database, and the same values where they are now.
const MOVED: &[(&str, &str, &str)] = &[
    (
        "users.notify_assignment",
        "SELECT id || notify_assignment FROM users WHERE notify_assignment <> 'immediately' ORDER BY id",
        "SELECT user_id || by_email FROM notification_settings WHERE kind = 'assigned' ORDER BY user_id",
    ),
    (
        "emails.text",
        "SELECT id || text FROM emails ORDER BY id",
        "SELECT email_id || text FROM email_bodies ORDER BY email_id",
    ),
    ("emails.dmarc", "SELECT id || dmarc FROM emails ORDER BY id", "SELECT id || verdict FROM emails ORDER BY id"),
    (
        "accounts.pin",
        "SELECT id || coalesce('cert:' || pin, '') FROM accounts ORDER BY id",
        "SELECT id || imap_pins FROM accounts ORDER BY id",
    ),
];

/// An empty database of an older version.
pub(super) fn of_version(path: &Path, version: i32) -> Connection {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    // Migrations use the functions of the program.
    drop(Connection::open(path).unwrap());
    let store = Store::connect(&Place::of_file(path)).unwrap();
    store.conn().pragma_update(None, "foreign_keys", false).unwrap();
    store.conn().execute_batch(include_str!("../version_1.sql")).unwrap();
    let steps = usize::try_from(version - 1).unwrap();
    MIGRATIONS.iter().take(steps).for_each(|sql| store.conn().execute_batch(sql).unwrap());
    store.conn().pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    store.conn().pragma_update(None, "user_version", version).unwrap();
    drop(store);
    let conn = Connection::open(path).unwrap();
    conn.pragma_update(None, "foreign_keys", false).unwrap();
    conn
}

/// The first column of an answer.
pub(super) fn texts(conn: &Connection, sql: &str) -> Vec<String> {
    let mut statement = conn.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let rows = statement.query_map([], |row| row.get::<_, Option<String>>(0)).unwrap();
    rows.map(|row| row.unwrap().unwrap_or_default()).collect()
}

pub(super) fn tables(conn: &Connection) -> Vec<String> {
    texts(
        conn,
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    )
}

pub(super) fn columns(conn: &Connection, table: &str) -> Vec<String> {
    texts(conn, &format!("SELECT name FROM pragma_table_xinfo('{table}') WHERE hidden = 0 ORDER BY cid"))
}

/// A definition without what has no meaning: comments, quotes, the way it is set and how a list of words is written.
pub(super) fn plain(sql: &str) -> String {
    let lines = sql.lines().map(|line| line.split_once("--").map_or(line, |(before, _)| before));
    let words = lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
    in_lists(&words.replace('"', "").replace("( ", "(").replace(" )", ")"))
}

/// The columns and conditions of a table, and what else is said of it.
fn parts(table: &str) -> Vec<String> {
    let table = plain(table);
    let (head, rest) = table.split_once(" (").unwrap();
    let (body, end) = rest.rsplit_once(')').unwrap();
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in body.chars() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        match c {
            ',' if depth == 0 => parts.push(String::new()),
            c => parts.last_mut().unwrap().push(c),
        }
    }
    parts.into_iter().map(|part| format!("{head}: {}", part.trim())).chain([format!("{head}: {end}")]).collect()
}

/// Everything that a schema says, in an order of its own: tables part by part, as a migration adds columns at the end.
pub(super) fn shape(conn: &Connection) -> Vec<String> {
    // The tables of an index for texts are made by SQLite.
    let sql = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'
        AND name NOT IN (SELECT name FROM pragma_table_list WHERE type = 'shadow')";
    let of = |sql: &String| if sql.starts_with("CREATE TABLE") { parts(sql) } else { vec![plain(sql)] };
    let mut all: Vec<String> = texts(conn, sql).iter().flat_map(of).collect();
    all.sort();
    all
}

/// The words of `CHECK (column IN ('a', 'b'))`.
pub(super) fn choices(definition: &str, column: &str) -> Vec<String> {
    let list = definition.split_once(&format!("CHECK ({column} IN (")).and_then(|(_, rest)| rest.split_once(')'));
    list.map(|(list, _)| list.split(',').map(|word| word.trim().trim_matches('\'').to_owned()).collect())
        .unwrap_or_default()
}

/// A value of its own for each row and column. What refers to another row has its id, which is the number of the row.
fn value(conn: &Connection, definition: &str, table: &str, column: &str, row: i64) -> Value {
    let fact = |of: &str| {
        texts(conn, &format!("SELECT {of} FROM pragma_table_xinfo('{table}') WHERE name = '{column}'")).concat()
    };
    let refers =
        texts(conn, &format!("SELECT 1 || '' FROM pragma_foreign_key_list('{table}') WHERE \"from\" = '{column}'"));
    let choices = choices(definition, column);
    if let Some(word) = usize::try_from(row).ok().and_then(|row| choices.get(row % choices.len().max(1))) {
        return Value::Text(word.clone());
    }
    let is_address = column == "address" || column.ends_with("_address");
    match (fact("type").as_str(), is_address) {
        ("INTEGER", _) if !refers.is_empty() || fact("pk || ''") == "1" || column == "parent_id" => Value::Integer(row),
        ("INTEGER", _) => Value::Integer(1_000 * row + fact("cid || ''").parse::<i64>().unwrap()),
        ("BLOB", _) => Value::Blob(format!("{table} {column} {row}").into_bytes()),
        ("TEXT", true) => Value::Text(format!("{}.{row}@{table}.example", column.replace('_', "-"))),
        ("TEXT", false) => Value::Text(format!("{table} {column} the{row}")),
        (other, _) => panic!("{table}.{column} is of type {other}"),
    }
}

/// Puts rows into every table: with all columns filled, or as many as the conditions of the table let be; the second one
/// with no more than it needs. Of tables whose ids are never used again the last row is gone.
pub(super) fn fill(conn: &Connection) {
    for table in tables(conn) {
        let columns = columns(conn, &table);
        let definition = plain(&texts(conn, &format!("SELECT sql FROM sqlite_schema WHERE name = '{table}'")).concat());
        let nullable = texts(
            conn,
            &format!("SELECT name FROM pragma_table_xinfo('{table}') WHERE NOT \"notnull\" AND pk = 0 ORDER BY cid"),
        );
        let counts = definition.contains("AUTOINCREMENT");
        let only = if definition.contains("CHECK (id = 1)") { 1 } else { ROWS };
        for row in 1..=only + i64::from(counts) {
            let with = |left_out: &[String]| {
                let of = |column: &String| match left_out.contains(column) {
                    true => Value::Null,
                    false => value(conn, &definition, &table, column, row),
                };
                let signs = vec!["?"; columns.len()].join(", ");
                let sql = format!("INSERT INTO \"{table}\" ({}) VALUES ({signs})", columns.join(", "));
                conn.execute(&sql, rusqlite::params_from_iter(columns.iter().map(of)))
            };
            let full = std::iter::once(Vec::new()).chain(nullable.iter().map(|one| vec![one.clone()]));
            let tries: Vec<Vec<String>> = match row {
                2 => vec![nullable.clone()],
                _ => full.chain([nullable.clone()]).collect(),
            };
            assert!(tries.iter().any(|left_out| with(left_out).is_ok()), "{table} {row}: {:?}", with(&nullable));
        }
        if counts {
            conn.execute(&format!("DELETE FROM \"{table}\" WHERE rowid = {}", ROWS + 1), []).unwrap();
        }
    }
    // Until version 4 the index had the texts as they are.
    if !texts(conn, "SELECT sql FROM sqlite_schema WHERE name = 'email_index' AND sql LIKE '%email_texts%'").is_empty()
    {
        for sql in [
            "INSERT INTO email_index (rowid, subject, addresses, text) SELECT id, subject, addresses, text FROM email_texts WHERE id < 3",
            "INSERT INTO case_index (rowid, name, description) SELECT id, name, description FROM cases WHERE id < 3",
        ] {
            assert_eq!(conn.execute(sql, []).unwrap(), 2, "{sql}");
        }
    }
    assert_eq!(texts(conn, "SELECT \"table\" FROM pragma_foreign_key_check"), Vec::<String>::new());
}

/// The rows of these columns of a table, in an order of their own.
fn rows(conn: &Connection, table: &str, columns: &[String]) -> Vec<String> {
    let list = columns.iter().map(|column| format!("quote(\"{column}\")")).collect::<Vec<_>>().join(" || '|' || ");
    texts(conn, &format!("SELECT {list} FROM \"{table}\" ORDER BY 1"))
}

/// Fails with the lines that only one of two has.
pub(super) fn same(what: &str, found: &[String], expected: &[String]) {
    let without = |all: &[String], others: &[String]| -> Vec<String> {
        all.iter().filter(|one| !others.contains(one)).take(3).cloned().collect()
    };
    let (more, less) = (without(found, expected), without(expected, found));
    assert!(found == expected, "{what}: too many {more:?}, missing {less:?}");
}

/// Everything that is in a database.
pub(super) fn content(conn: &Connection) -> Vec<String> {
    let of = |table: &String| {
        rows(conn, table, &columns(conn, table)).into_iter().map(|row| format!("{table}|{row}")).collect::<Vec<_>>()
    };
    let numbers = texts(conn, "SELECT name || ' ' || seq FROM sqlite_sequence ORDER BY 1");
    tables(conn).iter().flat_map(of).chain(numbers).chain(shape(conn)).collect()
}

/// Every word of the indexes with its place.
fn words(conn: &Connection) -> Vec<String> {
    let of = |index: &str| {
        let sql = format!("CREATE VIRTUAL TABLE temp.{index}_words USING fts5vocab('main', '{index}', 'instance')");
        conn.execute_batch(&sql).unwrap();
        let sql = format!("SELECT doc || ' ' || col || ' ' || term || ' ' || offset FROM {index}_words ORDER BY 1");
        texts(conn, &sql)
    };
    ["email_index", "case_index"].map(of).concat()
}

/// The same rows in a database that was made by the schema of today, whose conditions they have to meet.
fn rebuilt(migrated: &Path) -> Store {
    let path = migrated.with_file_name("rebuilt.db");
    let store = Store::create(&Place::of_file(&path)).unwrap();
    store.conn().execute("ATTACH ?1 AS migrated", [migrated.to_str().unwrap()]).unwrap();
    store.conn().pragma_update(None, "foreign_keys", false).unwrap();
    for table in tables(store.conn()) {
        let list = columns(store.conn(), &table).join(", ");
        let sql = format!("INSERT INTO main.\"{table}\" ({list}) SELECT {list} FROM migrated.\"{table}\"");
        store.conn().execute(&sql, []).unwrap_or_else(|error| panic!("{table}: {error}"));
    }
    store.conn().execute("DETACH migrated", []).unwrap();
    store
}

#[test]
fn a_database_of_every_version_becomes_what_a_new_one_is_and_loses_nothing() {
    let fresh = shape(Store::embedded_for_test().unwrap().conn());
    for version in 1..VERSION {
        let dir = temp(&format!("of-version-{version}"));
        let path = dir.join("espomail.db");
        let old = of_version(&path, version);
        fill(&old);
        let before = fs::read(&path).unwrap();
        let store = Store::open(&Place::of_file(&path)).unwrap();
        let new = store.conn();
        // What was migrated in place is compared with a copy of what was there.
        let kept = dir.join("before.db");
        fs::write(&kept, before).unwrap();
        let old = Connection::open(&kept).unwrap();
        assert_eq!(store.version().unwrap(), VERSION);
        // The program keeps one itself, for the release before.
        let own = Connection::open(disk::beside(&path, &format!(".before-schema-{}", version + 1))).unwrap();
        same(&format!("what is kept of version {version}"), &shape(&own), &shape(&old));
        for table in tables(&old) {
            let columns: Vec<String> =
                columns(&old, &table).into_iter().filter(|column| column != "backup_made_at").collect();
            same(
                &format!("{table} that is kept of version {version}"),
                &rows(&own, &table, &columns),
                &rows(&old, &table, &columns),
            );
        }
        same(&format!("the schema from version {version}"), &shape(new), &fresh);
        for table in tables(&old) {
            let now = columns(new, &table);
            let (both, gone): (Vec<String>, Vec<String>) =
                columns(&old, &table).into_iter().partition(|column| now.contains(column));
            for column in gone {
                let name = format!("{table}.{column}");
                let moved = MOVED.iter().find(|(column, _, _)| *column == name);
                let (_, was, is) = moved.unwrap_or_else(|| panic!("where are the values of {name}?"));
                same(&format!("{name} from version {version}"), &texts(new, is), &texts(&old, was));
            }
            same(&format!("{table} from version {version}"), &rows(new, &table, &both), &rows(&old, &table, &both));
        }
        let numbers = "SELECT name || ' ' || seq FROM sqlite_sequence ORDER BY 1";
        let now = texts(new, numbers);
        texts(&old, numbers).iter().for_each(|one| assert!(now.contains(one), "from version {version}: {one}"));
        index::fill(&store, &|| true).unwrap();
        assert_eq!(store.check().unwrap(), Vec::<String>::new(), "from version {version}");
        let again = rebuilt(&path);
        index::fill(&again, &|| true).unwrap();
        let (found, expected) = (words(new), words(again.conn()));
        assert!(expected.len() > 20, "{expected:?}");
        same(&format!("the words from version {version}"), &found, &expected);
        drop((store, again, old));
        fs::remove_dir_all(dir).unwrap();
    }
}

#[test]
fn a_migration_that_fails_or_is_killed_leaves_every_version_as_it_was() {
    let fresh = shape(Store::embedded_for_test().unwrap().conn());
    for version in 1..VERSION {
        let dir = temp(&format!("killed-{version}"));
        let path = dir.join("espomail.db");
        fill(&of_version(&path, version));
        let before = content(&Connection::open(&path).unwrap());
        let open = |path: &Path| {
            let store = Store::connect(&Place::of_file(path)).unwrap();
            store.pragmas().unwrap();
            store.conn().pragma_update(None, "synchronous", "off").unwrap();
            store
        };
        let failed = open(&path).migrate(&[MIGRATIONS, &["nonsense"]].concat());
        assert!(failed.is_err());
        same(&format!("version {version} after a failure"), &content(&Connection::open(&path).unwrap()), &before);

        // The files as a kill leaves them after each step, with pages of the unfinished transaction in the log.
        let store = open(&path);
        store.conn().pragma_update(None, "cache_size", 1).unwrap();
        let copied = Arc::new(Mutex::new(Vec::new()));
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DIRECTONLY;
        let (from, copies) = (path.clone(), Arc::clone(&copied));
        let kill = move |_: &Call<'_>| {
            let mut copies = copies.lock().unwrap();
            let to = from.with_file_name(format!("killed-{}.db", copies.len()));
            for end in ["", "-wal"] {
                fs::copy(disk::beside(&from, end), disk::beside(&to, end)).unwrap();
            }
            copies.push(to);
            Ok(0)
        };
        store.conn().create_scalar_function("killed_here", 0, flags, move |call| kill(call)).unwrap();
        let killed: Vec<String> = MIGRATIONS.iter().map(|sql| format!("{sql};SELECT killed_here();")).collect();
        store.migrate(&killed.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        drop(store);
        let copied = copied.lock().unwrap();
        assert_eq!(copied.len(), usize::try_from(VERSION - version).unwrap());
        let in_log = |copy: &PathBuf| fs::metadata(disk::beside(copy, "-wal")).unwrap().len();
        assert!(copied.last().is_some_and(|copy| in_log(copy) > 0), "nothing had been written yet");
        for copy in copied.iter() {
            same(&format!("version {version} after a kill"), &content(&Connection::open(copy).unwrap()), &before);
            let next = open(copy);
            next.migrate(MIGRATIONS).unwrap();
            same(&format!("version {version}, the next run"), &shape(next.conn()), &fresh);
        }
        fs::remove_dir_all(dir).unwrap();
    }
}
