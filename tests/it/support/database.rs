//! The database as somebody with a shell could open it. This is the one file of these tests that names SQLite or opens a
//! database; it knows which engine a test run has: SQLite, or PostgreSQL below `tests/with-postgres.sh`.

mod copies;
#[cfg(feature = "postgres")]
mod server;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use espomail::place::Place;
use espomail::store::db::Store;
use rusqlite::Connection;
use rusqlite::types::{Value, ValueRef};

use super::Sandbox;

/// True, with a word in the output, where databases are not files in this run; for a test about such a file.
pub fn no_file() -> bool {
    let is_other = is_on_server();
    if is_other {
        let thread = std::thread::current();
        // Past the capture of output, so that the run can count it.
        writeln!(std::io::stderr(), "skipped: about a database file: {}", thread.name().unwrap_or_default()).ok();
    }
    is_other
}

#[cfg(feature = "postgres")]
pub fn is_on_server() -> bool {
    server::server().is_some()
}

#[cfg(not(feature = "postgres"))]
pub fn is_on_server() -> bool {
    false
}

/// Where a sandbox has its database.
pub enum Kept {
    /// In a file of its directory.
    File,
    /// In a schema of its own.
    #[cfg(feature = "postgres")]
    Schema(server::Schema),
}

impl Kept {
    /// As this run has them.
    pub fn new() -> Kept {
        #[cfg(feature = "postgres")]
        if let Some(server) = server::server() {
            return Kept::Schema(server::Schema::new(server));
        }
        Kept::File
    }

    /// In a schema of this server.
    #[cfg(feature = "postgres")]
    pub fn on(server: &str) -> Kept {
        Kept::Schema(server::Schema::new(server.to_owned()))
    }

    pub fn is_on_server(&self) -> bool {
        !matches!(self, Kept::File)
    }

    /// Takes it away; a file goes with its directory.
    pub fn drop_it(&self) {
        match self {
            Kept::File => {}
            #[cfg(feature = "postgres")]
            Kept::Schema(schema) => schema.drop_it(),
        }
    }

    /// Where it is, if that is not the directory of the sandbox.
    pub fn elsewhere(&self) -> String {
        match self {
            Kept::File => String::new(),
            #[cfg(feature = "postgres")]
            Kept::Schema(schema) => format!(" and {}", schema.shown()),
        }
    }
}

/// A database for the test alone, with nothing in it.
pub fn store() -> Store {
    Store::for_test().unwrap()
}

/// A new database in a file.
pub fn new_store(path: PathBuf) -> Store {
    Store::create(&Place::of_file(path)).unwrap()
}

/// A connection past the program.
pub enum Database {
    File(Connection),
    #[cfg(feature = "postgres")]
    Server(server::Server),
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Null,
    Int(i64),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
}

impl From<ValueRef<'_>> for Cell {
    fn from(value: ValueRef<'_>) -> Cell {
        match value {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(number) => Cell::Int(number),
            ValueRef::Real(number) => Cell::Real(number),
            ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
        }
    }
}

impl Cell {
    /// A number.
    #[track_caller]
    pub fn int(&self) -> i64 {
        match self {
            Cell::Int(number) => *number,
            other => panic!("not a number: {other:?}"),
        }
    }

    /// Text, or bytes that may be text, as they are; anything else as it is written.
    pub fn plain(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => format!("{other:?}"),
        }
    }
}

impl Database {
    pub fn open(path: &Path) -> Database {
        Database::File(Connection::open(path).unwrap())
    }

    /// Runs statements without values.
    #[track_caller]
    pub fn run(&self, sql: &str) {
        match self {
            Database::File(file) => file.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}")),
            #[cfg(feature = "postgres")]
            Database::Server(server) => server.run(sql),
        }
    }

    /// Runs an INSERT; the new id.
    #[track_caller]
    pub fn insert(&self, sql: &str, values: &[Cell]) -> i64 {
        let file = match self {
            Database::File(file) => file,
            #[cfg(feature = "postgres")]
            Database::Server(server) => return server.insert(sql, values),
        };
        let values = values.iter().map(|cell| match cell {
            Cell::Null => Value::Null,
            Cell::Int(number) => Value::Integer(*number),
            Cell::Real(number) => Value::Real(*number),
            Cell::Text(text) => Value::Text(text.clone()),
            Cell::Bytes(bytes) => Value::Blob(bytes.clone()),
        });
        file.execute(sql, rusqlite::params_from_iter(values)).unwrap();
        file.last_insert_rowid()
    }

    /// The rows of a query.
    #[track_caller]
    pub fn rows(&self, sql: &str) -> Vec<Vec<Cell>> {
        let file = match self {
            Database::File(file) => file,
            #[cfg(feature = "postgres")]
            Database::Server(server) => return server.rows(sql),
        };
        let mut statement = file.prepare_cached(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| (0..columns).map(|i| Ok(row.get_ref(i)?.into())).collect();
        statement.query_map([], row).unwrap().map(Result::unwrap).collect()
    }

    /// The first column of the first row.
    #[track_caller]
    pub fn value(&self, sql: &str) -> Cell {
        self.rows(sql).remove(0).remove(0)
    }

    /// The first column of all rows.
    #[track_caller]
    pub fn texts(&self, sql: &str) -> Vec<String> {
        self.rows(sql).into_iter().map(|mut row| row.remove(0).plain()).collect()
    }

    pub fn tables(&self) -> Vec<String> {
        self.texts(match self {
            Database::File(_) => {
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
            }
            #[cfg(feature = "postgres")]
            Database::Server(_) => server::TABLES,
        })
    }

    /// Every row of every table with the name of its table.
    pub fn every_row(&self) -> Vec<(String, Vec<Cell>)> {
        let of = |table: String| {
            let mut rows = self.rows(&format!("SELECT * FROM \"{table}\""));
            if !matches!(self, Database::File(_)) {
                // A server has no order of its own: a row that was written goes to another place.
                rows.sort_by_cached_key(|row| format!("{row:?}"));
            }
            rows.into_iter().map(move |row| (table.clone(), row))
        };
        self.tables().into_iter().flat_map(of).collect()
    }

    /// The words in the full-text indexes.
    pub fn indexed_words(&self) -> Vec<String> {
        #[cfg(feature = "postgres")]
        if let Database::Server(server) = self {
            return server.indexed_words();
        }
        self.run(
            "CREATE VIRTUAL TABLE temp.email_words USING fts5vocab (main, email_index, row);
            CREATE VIRTUAL TABLE temp.case_words USING fts5vocab (main, case_index, row)",
        );
        self.texts("SELECT term FROM email_words UNION SELECT term FROM case_words")
    }

    /// Takes everything out of the full-text indexes.
    pub fn empty_indexes(&self) {
        #[cfg(feature = "postgres")]
        if let Database::Server(server) = self {
            return server.empty_indexes();
        }
        self.run(
            "INSERT INTO email_index (email_index) VALUES ('delete-all'); INSERT INTO case_index (case_index) VALUES ('delete-all')",
        );
    }

    /// Changes whenever another connection has committed something.
    pub fn version(&self) -> i64 {
        self.value(match self {
            Database::File(_) => "PRAGMA data_version",
            // Any session of the database counts, also that of another test.
            #[cfg(feature = "postgres")]
            Database::Server(_) => "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint",
        })
        .int()
    }
}

/// A statement that gives a row for each email with this word in the full-text index.
pub fn found_by(word: &str) -> String {
    match is_on_server() {
        false => format!("SELECT rowid || '' FROM email_index WHERE email_index MATCH '{word}'"),
        true => format!("SELECT id || '' FROM email_words WHERE lexemes @@ '{word}'::tsquery"),
    }
}

/// Every row of every table of a file, to see whether anything at all was changed.
pub fn every_row_of_file(path: &Path) -> String {
    lines(&Database::open(path))
}

fn lines(database: &Database) -> String {
    database.every_row().iter().map(|(table, row)| format!("{table} {row:?}\n")).collect()
}

impl Sandbox {
    /// The database, opened as somebody with a shell could.
    pub fn database(&self) -> Database {
        match self.kept() {
            Kept::File => Database::open(&self.db()),
            #[cfg(feature = "postgres")]
            Kept::Schema(schema) => Database::Server(schema.connect()),
        }
    }

    /// Every row of every table, to see whether anything at all was changed.
    pub fn every_row(&self) -> String {
        lines(&self.database())
    }

    /// The file of the database, for tests about it: see [`no_file`].
    #[track_caller]
    pub fn db(&self) -> PathBuf {
        assert!(matches!(self.kept(), Kept::File), "this test is about a database file");
        self.path("espomail.db")
    }

    /// What `--db` is given.
    pub fn database_name(&self) -> String {
        match self.kept() {
            Kept::File => self.db().display().to_string(),
            #[cfg(feature = "postgres")]
            Kept::Schema(schema) => schema.url(),
        }
    }

    /// The database on the server, and the schema in it.
    #[cfg(feature = "postgres")]
    pub fn schema(&self) -> (String, String) {
        match self.kept() {
            Kept::File => panic!("there is no server"),
            Kept::Schema(schema) => schema.names(),
        }
    }

    /// Lets the program reach the server by the socket in this directory from now on.
    #[cfg(feature = "postgres")]
    pub fn connect_through(&self, directory: &Path) {
        let Kept::Schema(schema) = self.kept() else { panic!("there is no server") };
        schema.connect_through(directory);
    }

    /// The options that name the database, and the state directory where that is not the one of the database.
    pub fn place(&self) -> Vec<String> {
        let mut options = vec!["--db".to_owned(), self.database_name()];
        if self.kept().is_on_server() {
            options.extend(["--state".to_owned(), self.path("state").display().to_string()]);
        }
        options
    }

    /// The same as words of a shell.
    pub fn place_in_shell(&self) -> String {
        let words: Vec<String> = self.place();
        let quoted = words.iter().map(|word| shlex::try_quote(word).unwrap().into_owned());
        quoted.collect::<Vec<_>>().join(" ")
    }

    /// The same as variables.
    pub fn place_in_environment(&self) -> Vec<(&'static str, String)> {
        let options = self.place().into_iter().skip(1).step_by(2);
        ["ESPOMAIL_DB", "ESPOMAIL_STATE"].into_iter().zip(options).collect()
    }

    /// The directory of the passwords and tokens, or a file in it.
    pub fn secrets(&self, name: &str) -> PathBuf {
        let directory = match self.kept() {
            Kept::File => self.path("espomail.db.secrets"),
            #[cfg(feature = "postgres")]
            Kept::Schema(_) => self.own_place().secrets(),
        };
        if name.is_empty() { directory } else { directory.join(name) }
    }

    /// Names of the passwords that came by standard input: those of files, or of sealed rows on a server.
    pub fn kept_secrets(&self) -> Vec<String> {
        if self.kept().is_on_server() {
            return self.query("SELECT name FROM sealed_secrets ORDER BY name");
        }
        let files = std::fs::read_dir(self.secrets("")).into_iter().flatten();
        let mut names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A file of the directory of the locks.
    pub fn lock(&self, name: &str) -> PathBuf {
        self.own_place().locks().join(name)
    }

    /// The same as the program has it.
    fn own_place(&self) -> Place {
        match self.kept() {
            Kept::File => Place::of_file(self.db()),
            #[cfg(feature = "postgres")]
            Kept::Schema(schema) => {
                let server = espomail::place::server::Server::parse(&schema.url()).unwrap();
                Place::new(espomail::place::Database::Server(Box::new(server)), Some(&self.path("state")))
            }
        }
    }

    /// How the program calls the database in a sentence.
    pub fn database_shown(&self) -> String {
        self.own_place().shown()
    }

    /// The store of the program on this database.
    pub fn store(&self) -> Store {
        Store::open(&self.own_place()).unwrap()
    }

    /// Runs a statement on the database, as somebody with a shell could.
    #[track_caller]
    pub fn sql(&self, sql: &str) {
        self.database().run(sql);
    }

    /// The rows of a query that asks for one column of texts.
    #[track_caller]
    pub fn query(&self, sql: &str) -> Vec<String> {
        self.database().texts(sql)
    }
}
