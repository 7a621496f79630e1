//! Connections to a file: how they are made, what they know, and in which version the file is.

use std::cell::OnceCell;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use rusqlite::config::DbConfig;
use rusqlite::functions::{Context as Call, FunctionFlags};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{Conn, Running, kept};
use crate::mail::address;
use crate::store::db::{Mode, VERSION};
use crate::store::text;

const SCHEMA: &str = include_str!("../../../../schema.sql");
/// `espm`, so that `file` and this program recognise their own.
pub const APPLICATION_ID: i32 = 0x6573_706d;
/// Statements that lead from version N to N+1, for databases made by an older release; the first stands for 1 -> 2.
pub const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/2.sql"),
    include_str!("../../migrations/3.sql"),
    include_str!("../../migrations/4.sql"),
    include_str!("../../migrations/5.sql"),
];

/// Others have so long to end their transaction.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

impl Conn {
    /// A database in memory, with its tables.
    pub fn in_memory() -> Result<Conn> {
        let conn = Conn(Connection::open_in_memory()?, OnceCell::new());
        conn.0.pragma_update(None, "foreign_keys", true)?;
        conn.functions()?;
        conn.0.execute_batch(SCHEMA)?;
        conn.0.pragma_update(None, "user_version", VERSION)?;
        Ok(conn)
    }

    pub fn open(path: &Path) -> Result<Conn> {
        Conn::open_with(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
    }

    /// Without locks, log and helper files: for a file that nobody writes while it is read.
    pub fn open_unchanging(path: &Path) -> Result<Conn> {
        let uri = format!("file:{}?immutable=1", encoded(path));
        Conn::open_with(Path::new(&uri), OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)
    }

    fn open_with(name: &Path, flags: OpenFlags) -> Result<Conn> {
        let conn = Connection::open_with_flags(name, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        let conn = Conn(conn, OnceCell::new());
        conn.0.busy_timeout(PATIENCE)?;
        conn.0.set_prepared_statement_cache_capacity(kept::MOST);
        conn.functions()?;
        Ok(conn)
    }

    /// `mentions(text, part)` in statements: SQLite itself knows the case of ASCII letters only. `in_ascii(address)` for
    /// migrations.
    fn functions(&self) -> Result<()> {
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
        let mentions = |call: &mut Call<'_>| {
            let (text, part) = (call.get_raw(0).as_str_or_null()?, call.get_raw(1).as_str()?);
            Ok(text.is_some_and(|text| text::mentions(text, part)))
        };
        self.0.create_scalar_function("mentions", 2, flags, mentions)?;
        let in_ascii = |call: &mut Call<'_>| Ok(call.get_raw(0).as_str_or_null()?.map(address::in_ascii));
        Ok(self.0.create_scalar_function("in_ascii", 1, flags, in_ascii)?)
    }

    /// Makes the tables.
    pub fn found(&self) -> Result<()> {
        self.transact(Mode::Write, |running| {
            running.batch(SCHEMA)?;
            running.conn.pragma_update(None, "application_id", APPLICATION_ID)?;
            running.set_version(VERSION)
        })
    }

    /// Whether the file is of this program; also one that is none of SQLite is not.
    pub fn is_ours(&self) -> Result<bool> {
        let id = self.0.pragma_query_value(None, "application_id", |row| row.get::<_, i32>(0));
        if id.as_ref().err().and_then(rusqlite::Error::sqlite_error_code) == Some(ErrorCode::NotADatabase) {
            return Ok(false);
        }
        Ok(id? == APPLICATION_ID)
    }

    pub fn version(&self) -> Result<i32> {
        Ok(self.0.pragma_query_value(None, "user_version", |row| row.get(0))?)
    }

    /// What a connection that writes has to know.
    pub fn prepare_to_write(&self) -> Result<()> {
        self.0.pragma_update(None, "page_size", 8192)?;
        if self.0.pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0))? == 0 {
            // Only a new file can learn to give pages back in steps.
            self.0.pragma_update(None, "auto_vacuum", "incremental")?;
        }
        self.0.pragma_update(None, "journal_mode", "wal")?;
        self.0.pragma_update(None, "synchronous", "full")?;
        self.0.pragma_update(None, "foreign_keys", true)?;
        self.0.pragma_update(None, "journal_size_limit", 64 << 20)?;
        self.0.pragma_update(None, "wal_autocheckpoint", 6_000)?;
        self.prepare_to_read()
    }

    pub fn prepare_to_read(&self) -> Result<()> {
        // The savepoint of each message would go through a file of its own.
        self.0.pragma_update(None, "temp_store", "memory")?;
        // In KiB. The pages that each mail needs stay in memory, with room for what one commit writes.
        self.0.pragma_update(None, "cache_size", -4_000)?;
        self.0.pragma_update(None, "trusted_schema", false)?;
        // Without it a statement over a partial index is compiled again for every value that is bound to it.
        self.0.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        Ok(())
    }

    /// Lets nothing be written by this connection any more.
    pub fn read_only(&self) -> Result<()> {
        Ok(self.0.pragma_update(None, "query_only", true)?)
    }

    /// The newest version that there are migrations to.
    pub fn newest(migrations: &[&str]) -> Result<i32> {
        Ok(1 + i32::try_from(migrations.len())?)
    }

    /// Brings the tables up to the newest version; `version` says in which they are, once nobody else can change it.
    pub fn migrate(&self, migrations: &[&str], version: impl FnOnce() -> Result<i32>) -> Result<()> {
        // A table that is rebuilt is dropped first, which must not reach the rows that refer to it.
        self.0.pragma_update(None, "foreign_keys", false)?;
        let migrated = self.transact(Mode::Write, |running| {
            for sql in migrations.iter().skip(usize::try_from(version()? - 1)?) {
                running.batch(sql)?;
            }
            let sql = "SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1";
            let torn = running.conn.prepare(sql)?.query_map([], |row| row.get::<_, String>(0))?.next().transpose()?;
            if let Some(table) = torn {
                bail!("{}: rows of {table} refer to what is not there", self.0.path().unwrap_or_default());
            }
            running.set_version(Conn::newest(migrations)?)
        });
        self.0.pragma_update(None, "foreign_keys", true)?;
        migrated
    }
}

impl Running<'_> {
    fn set_version(&self, version: i32) -> Result<()> {
        Ok(self.conn.pragma_update(None, "user_version", version)?)
    }
}

/// A path as it stands in a URI.
fn encoded(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    let one = |&byte: &u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    path.as_os_str().as_bytes().iter().map(one).collect()
}
