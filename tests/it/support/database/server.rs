//! A schema of a private PostgreSQL, as somebody with a shell could open it; see `tests/with-postgres.sh`.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use postgres::types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked};
use postgres::{Client, NoTls};

use super::Cell;

/// The tables of a schema; what is written about words can be made again.
pub const TABLES: &str = "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()
    AND tablename NOT IN ('email_words', 'case_words', 'hosts', 'leases', 'schema_version',
    'sealed_secrets', 'turns') ORDER BY tablename";

/// The address of the server without a database, where the tests of this run use one.
pub fn server() -> Option<String> {
    match std::env::var("ESPOMAIL_TEST_DB").as_deref() {
        Ok("postgres") => {
            Some(std::env::var("ESPOMAIL_TEST_SERVER").expect("ESPOMAIL_TEST_SERVER: tests/with-postgres.sh"))
        }
        Ok("sqlite") | Err(_) => None,
        Ok(other) => panic!("ESPOMAIL_TEST_DB={other}: sqlite or postgres"),
    }
}

/// A schema that is dropped at the end.
pub struct Schema {
    server: String,
    /// The database that it is in; in one of its own after [`Schema::begin_with`].
    database: RefCell<String>,
    name: RefCell<String>,
    /// Others are copied from it until the server ends.
    is_template: bool,
    /// The URL of the server as the program gets it, where it is another one.
    through: RefCell<Option<String>>,
}

/// The database that belongs to the role.
const OF_ROLE: &str = "espomail";

/// The schema in a database of its own.
const ALONE: &str = "desk";

impl Schema {
    /// An empty one, in the database that belongs to the role.
    pub fn new(server: String) -> Schema {
        let name = format!("sandbox_{}", serial());
        Schema::create(server, OF_ROLE.to_owned(), name, false)
    }

    fn create(server: String, database: String, name: String, is_template: bool) -> Schema {
        let (database, name) = (RefCell::new(database), RefCell::new(name));
        let schema = Schema { server, database, name, is_template, through: RefCell::default() };
        client(&schema.inside()).batch_execute(&format!("CREATE SCHEMA {}", schema.name.borrow())).unwrap();
        schema
    }

    /// Gives an empty one what `commands` make in another, in a database that the server copies: they run once.
    pub fn begin_with(&self, what: &str, commands: &dyn Fn(Schema)) {
        static MADE: Mutex<BTreeSet<(String, String)>> = Mutex::new(BTreeSet::new());
        let template = format!("begin_{}_{what}", std::process::id());
        let mut outside = client(&in_database(&self.server, OF_ROLE));
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        if !made.contains(&(self.server.clone(), template.clone())) {
            outside.batch_execute(&format!("CREATE DATABASE {template}")).unwrap();
            commands(Schema::create(self.server.clone(), template.clone(), ALONE.to_owned(), true));
            made.insert((self.server.clone(), template.clone()));
        }
        drop(made);
        // The program finds its database: this one is empty, or it stays.
        outside.batch_execute(&format!("DROP SCHEMA {}", self.name.borrow())).unwrap();
        let own = format!("sandbox_{}", serial());
        outside.batch_execute(&format!("CREATE DATABASE {own} TEMPLATE {template}")).unwrap();
        (*self.database.borrow_mut(), *self.name.borrow_mut()) = (own, ALONE.to_owned());
    }

    /// The same in a database of its own; this one is in one too.
    pub fn copy(&self) -> Schema {
        let name = RefCell::new(self.name.borrow().clone());
        let (server, database) = (self.server.clone(), RefCell::new(format!("sandbox_{}", serial())));
        let copy = Schema { server, database, name, is_template: false, through: RefCell::default() };
        self.copy_into(&copy.database.borrow());
        copy
    }

    /// Becomes what another is.
    pub fn become_copy_of(&self, other: &Schema) {
        self.drop_it();
        other.copy_into(&self.database.borrow());
    }

    fn copy_into(&self, database: &str) {
        let sql = format!("CREATE DATABASE {database} TEMPLATE {}", self.database.borrow());
        client(&in_database(&self.server, OF_ROLE)).batch_execute(&sql).unwrap();
    }

    /// The database, and the schema in it.
    pub fn names(&self) -> (String, String) {
        (self.database.borrow().clone(), self.name.borrow().clone())
    }

    /// Where somebody finds it.
    pub fn shown(&self) -> String {
        format!("schema {} of database {}", self.name.borrow(), self.database.borrow())
    }

    /// The URL of the database that the schema is in.
    fn inside(&self) -> String {
        in_database(&self.server, &self.database.borrow())
    }

    /// What `--db` is given.
    pub fn url(&self) -> String {
        let through = self.through.borrow();
        let database = in_database(through.as_ref().unwrap_or(&self.server), &self.database.borrow());
        format!("{database}&schema={}", self.name.borrow())
    }

    /// Lets the program reach the server by the socket in this directory.
    pub fn connect_through(&self, directory: &Path) {
        let (before, rest) = self.server.split_once("host=").unwrap();
        let (_, after) = rest.split_once('&').unwrap();
        *self.through.borrow_mut() = Some(format!("{before}host={}&{after}", directory.display()));
    }

    /// A connection that finds the tables of the schema.
    pub fn connect(&self) -> Server {
        let mut client = client(&self.inside());
        client.batch_execute(&format!("SET search_path = {}", self.name.borrow())).unwrap();
        Server(RefCell::new(client))
    }

    /// Takes it away, unless something keeps it in use.
    pub fn drop_it(&self) {
        let database = self.database.borrow();
        let sql = match database.as_str() {
            _ if self.is_template => return,
            OF_ROLE => format!("SET lock_timeout = '5s'; DROP SCHEMA {} CASCADE", self.name.borrow()),
            own => format!("DROP DATABASE {own} WITH (FORCE)"),
        };
        client(&in_database(&self.server, OF_ROLE)).batch_execute(&sql).ok();
    }
}

/// Part of a name that nothing else on any server has.
fn serial() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    format!("{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The URL of a database.
fn in_database(server: &str, name: &str) -> String {
    server.replacen("///?", &format!("///{name}?"), 1)
}

fn client(url: &str) -> Client {
    Client::connect(url, NoTls).unwrap_or_else(|error| panic!("{url}: {error}"))
}

/// A connection past the program.
pub struct Server(RefCell<Client>);

impl Server {
    #[track_caller]
    pub fn run(&self, sql: &str) {
        self.0.borrow_mut().batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    #[track_caller]
    pub fn insert(&self, sql: &str, values: &[Cell]) -> i64 {
        let text = format!("{} RETURNING id", sql.replace('?', "$"));
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|cell| cell as &(dyn ToSql + Sync)).collect();
        let rows = self.0.borrow_mut().query(&text, &values).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        rows[0].get(0)
    }

    #[track_caller]
    pub fn rows(&self, sql: &str) -> Vec<Vec<Cell>> {
        let rows = self.0.borrow_mut().query(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        rows.iter().map(|row| (0..row.len()).map(|i| row.get(i)).collect()).collect()
    }

    /// The words of the full-text index.
    pub fn indexed_words(&self) -> Vec<String> {
        let sql = "SELECT unnest(tsvector_to_array(lexemes)) FROM email_words
            UNION SELECT unnest(tsvector_to_array(lexemes)) FROM case_words";
        self.rows(sql).into_iter().map(|mut row| row.remove(0).plain()).collect()
    }

    pub fn empty_indexes(&self) {
        self.run("DELETE FROM email_words; DELETE FROM case_words");
    }
}

/// A value of any type that statements of tests give; yes and no are numbers, as SQLite has them.
impl<'a> FromSql<'a> for Cell {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Cell, Box<dyn std::error::Error + Sync + Send>> {
        Ok(match *kind {
            Type::BOOL => Cell::Int(bool::from_sql(kind, raw)?.into()),
            Type::INT2 => Cell::Int(i16::from_sql(kind, raw)?.into()),
            Type::INT4 => Cell::Int(i32::from_sql(kind, raw)?.into()),
            Type::INT8 => Cell::Int(i64::from_sql(kind, raw)?),
            Type::FLOAT8 => Cell::Real(f64::from_sql(kind, raw)?),
            Type::NUMERIC => Cell::Int(whole(raw)),
            Type::BYTEA => Cell::Bytes(raw.to_vec()),
            _ => Cell::Text(String::from_utf8(raw.to_vec())?),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Cell, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Cell::Null)
    }

    fn accepts(kind: &Type) -> bool {
        let whole = [Type::BOOL, Type::INT2, Type::INT4, Type::INT8, Type::NUMERIC];
        let other = [Type::FLOAT8, Type::BYTEA, Type::TEXT, Type::VARCHAR, Type::NAME, Type::UNKNOWN];
        whole.contains(kind) || other.contains(kind)
    }
}

/// A whole number as the server sends a sum: digits to the base of 10,000 after count, weight, sign and scale.
fn whole(raw: &[u8]) -> i64 {
    let words: Vec<i64> = raw.chunks(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]]).into()).collect();
    let places = words[1] + 1;
    let digit = |at: i64| words.get(4 + usize::try_from(at).unwrap()).copied().unwrap_or_default();
    let value = (0..places).fold(0, |value, at| value * 10_000 + digit(at));
    if words[2] == 0x4000 { -value } else { value }
}

impl ToSql for Cell {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match (self, kind) {
            (Cell::Null, _) => Ok(IsNull::Yes),
            (Cell::Int(number), &Type::BOOL) => (*number != 0).to_sql(kind, out),
            (Cell::Int(number), &Type::INT4) => i32::try_from(*number)?.to_sql(kind, out),
            (Cell::Int(number), _) => number.to_sql(kind, out),
            (Cell::Real(number), _) => number.to_sql(kind, out),
            (Cell::Text(text), _) => text.to_sql(kind, out),
            (Cell::Bytes(bytes), _) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
