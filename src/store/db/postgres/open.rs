//! Connections to a server: how they are made, what they are told, and in which version the tables are.

use std::cell::{Cell, RefCell};

use anyhow::{Context, Result, ensure};

use super::commit;
use super::ids::Ids;
use super::kept::Kept;
use super::letters;
use super::reach::connected;
use super::schema::SCHEMA;
use super::soon::Soon;
use super::{Conn, Link, Open, Running};
use crate::error as errors;
use crate::place::server::Server;
use crate::store::db::fault::too_few_rights;
use crate::store::db::{Mode, VERSION};

/// Statements that lead from one version to the next, for databases made by an older release: the first that had this engine
/// made version 5.
pub const MIGRATIONS: &[&str] = &[];

/// The oldest release of PostgreSQL whose answers are known, as it numbers them itself.
const OLDEST: i32 = 140_000;

/// What a connection is told: that rows which are hidden from it are an error, how long others have to end their
/// transaction, and that a process which is stopped in the
/// middle of one does not hold up everybody else.
const SESSION: &str =
    "SET row_security = off; SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '60s';
    SET client_min_messages = 'warning'; SET bytea_output = 'hex'; SET jit = off;
    SELECT set_config('synchronous_commit', 'on', FALSE) WHERE current_setting('synchronous_commit') = 'off'";

impl Link {
    /// Connects.
    ///
    /// # Errors
    /// The server is not there or does not let this process in.
    pub(super) fn open(server: &Server, is_read_only: bool) -> Result<Link> {
        let mut client = connected(server)?;
        client.batch_execute(SESSION)?;
        if let Some(schema) = &server.schema {
            let set = client.query("SELECT set_config('search_path', quote_ident($1), FALSE)", &[schema]);
            set.map(drop)?;
        }
        if is_read_only {
            client.batch_execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")?;
        }
        Ok(Link {
            client,
            kept: Kept::default(),
            ids: Ids::default(),
            savepoints: Vec::new(),
            life: None,
            is_known: false,
            soon: Soon::default(),
        })
    }
}

impl Conn {
    pub fn open(server: &Server) -> Result<Conn> {
        let link = RefCell::new(Link::open(server, false)?);
        let conn = Conn {
            server: server.clone(),
            link,
            told: RefCell::default(),
            is_read_only: Cell::new(false),
            fence: RefCell::default(),
            admits: Cell::new(false),
        };
        conn.recognise_server()?;
        Ok(conn)
    }

    /// Refuses a server of which the answers are not known.
    fn recognise_server(&self) -> Result<()> {
        let sql = "SELECT CAST(current_setting('server_version_num') AS INTEGER), current_setting('server_encoding'),
            current_setting('server_version'), current_schema()";
        let row = self.link.borrow_mut().client.query_one(sql, &[])?;
        let (number, encoding, version): (i32, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let schema: Option<String> = row.try_get(3)?;
        if number < OLDEST {
            return Err(errors::config(format!("{} is PostgreSQL {version}", self.server))
                .hint("espomail needs PostgreSQL 14 or newer")
                .into());
        }
        if encoding != "UTF8" {
            return Err(errors::config(format!("{} holds its texts as {encoding}", self.server))
                .hint("make a database for it with: createdb --encoding=UTF8 --template=template0 NAME")
                .into());
        }
        let Some(found) = schema else { return self.refuse_shut_schema() };
        // Locks and secrets are kept by its name.
        if found == self.server.expects_schema() {
            return Ok(());
        }
        Err(self.led_astray(&found)?.into())
    }

    /// The role's search_path leads to another schema than the usual one: which of them have tables of this program.
    fn led_astray(&self, found: &str) -> Result<errors::Fault> {
        let (usual, server) = (self.server.expects_schema(), &self.server);
        let with_tables = self.with_tables()?;
        let has = |schema: &str| with_tables.iter().any(|one| one == schema);
        let leads = format!("{server}: the role's search_path leads to the schema {found}");
        Ok(match (has(usual), has(found)) {
            (true, true) => {
                errors::config(format!("{leads}, which hides the tables of espomail in {usual}; both have some"))
                    .hint(format!("name the one that is meant: schema={usual} or schema={found}"))
            }
            (true, false) => errors::config(format!(
                "{leads}, which has no table of espomail and hides those in {usual}"
            ))
            .hint(format!(
                "the desk that was used so far is in {usual}: schema={usual}; that of the other schema: schema={found}"
            )),
            (false, _) => errors::config(leads).hint(format!("name it: schema={found}")),
        })
    }

    /// The schemas of the database that have tables of this program.
    fn with_tables(&self) -> Result<Vec<String>> {
        let sql = "SELECT CAST(s.nspname AS TEXT) FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
            WHERE c.relname = 'schema_version' AND c.relkind = 'r' ORDER BY s.nspname";
        let rows = self.link.borrow_mut().client.query(sql, &[])?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Schemas of the role's search_path that have tables of this program, and that no statement reaches, as another schema
    /// comes first.
    ///
    /// # Errors
    /// The server.
    pub fn hidden_schemas(&self) -> Result<Vec<String>> {
        // One that was named is the whole path.
        let sql = "SELECT CAST(name AS TEXT) FROM unnest(current_schemas(FALSE)) AS path (name) WHERE name <> current_schema()";
        let rows = self.link.borrow_mut().client.query(sql, &[])?;
        let path = rows.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<Vec<String>>>()?;
        let with_tables = self.with_tables()?;
        Ok(path.into_iter().filter(|name| with_tables.contains(name)).collect())
    }

    /// Refuses a schema that is there and that the role cannot use: it looks like one that is not.
    fn refuse_shut_schema(&self) -> Result<()> {
        let sql = "SELECT pg_get_userbyid(s.nspowner), quote_ident(s.nspname), quote_ident(current_user),
            EXISTS (SELECT FROM pg_class WHERE relname = 'schema_version' AND relnamespace = s.oid)
            FROM pg_namespace s WHERE s.nspname = $1 AND NOT has_schema_privilege(s.oid, 'USAGE')";
        let name = self.server.expects_schema();
        let Some(row) = self.link.borrow_mut().client.query_opt(sql, &[&name])? else { return Ok(()) };
        let (owner, schema, role): (String, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let grant = match row.try_get(3)? {
            true => format!(
                "log in as its owner: user={owner}; or let {owner} run: GRANT USAGE ON SCHEMA {schema} TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {role}"
            ),
            false => format!("let {owner} run: GRANT USAGE, CREATE ON SCHEMA {schema} TO {role}"),
        };
        let text = format!(
            "{}: the schema {name} exists, and the role {} has no rights on it",
            self.server,
            self.server.user()
        );
        Err(errors::config(text).hint(grant).into())
    }

    /// Makes the tables in a schema that has none. It is one transaction, and one process at a time does that.
    ///
    /// # Errors
    /// There is something in it, or the role may not.
    pub fn found(&self) -> Result<()> {
        self.found_with(|_| Ok(()))
    }

    /// The same with what `work` writes into them.
    ///
    /// # Errors
    /// As [`Conn::found`], and those of `work`.
    pub fn found_with<T>(&self, work: impl FnOnce(Running<'_>) -> Result<T>) -> Result<T> {
        self.start_over(Mode::Write);
        // Undone where it is not ended. No turn is taken: nobody else knows of the tables.
        let mut open = Open { conn: self, is_over: false };
        let begun = {
            let link = &mut *self.link.borrow_mut();
            // What nobody has written yet was written on no other server.
            link.is_known = true;
            commit::begin(link, Mode::Besides, "", true)?
        };
        self.found_now()?;
        let done = work(Running { conn: self })?;
        self.end(&mut open, Some(&begun))?;
        Ok(done)
    }

    fn found_now(&self) -> Result<()> {
        let key = self.server.expects_schema();
        let sql = "SELECT pg_advisory_xact_lock(hashtextextended('espomail ' || CAST($1 AS TEXT), 0))";
        self.link.borrow_mut().client.query(sql, &[&key])?;
        self.admits_a_new_one()?;
        if let Some(schema) = &self.server.schema {
            let sql = "SELECT format('CREATE SCHEMA IF NOT EXISTS %I', CAST($1 AS TEXT))
                WHERE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)";
            let make = self.link.borrow_mut().client.query_opt(sql, &[schema])?;
            if let Some(make) = make {
                self.batch(make.try_get(0)?)?;
            }
        }
        self.batch(&letters::put_into(SCHEMA, self.collation()?))?;
        self.batch(&format!("INSERT INTO schema_version (version) VALUES ({VERSION})"))?;
        self.note_timeline()
    }

    /// Whether tables could be made: nothing is written.
    ///
    /// # Errors
    /// There is something in the schema, or the role may not make them or the schema.
    pub fn admits_a_new_one(&self) -> Result<()> {
        let sql = "SELECT CASE WHEN s.oid IS NULL THEN has_database_privilege(current_database(), 'CREATE')
                ELSE has_schema_privilege(s.oid, 'CREATE') AND has_schema_privilege(s.oid, 'USAGE') END
            FROM (SELECT coalesce($1, current_schema()) AS name) w LEFT JOIN pg_namespace s ON s.nspname = w.name
            WHERE w.name IS NOT NULL";
        let row = self.link.borrow_mut().client.query_opt(sql, &[&self.server.schema])?;
        let is_allowed: bool = row.ok_or_else(|| self.without_schema())?.try_get(0)?;
        ensure!(!self.is_ours()?, self.exists());
        let objects = self.objects()?;
        ensure!(objects == 0, self.is_taken(objects));
        let needs = "it needs CREATE on the schema, or on the database where the schema is not there yet";
        ensure!(is_allowed, too_few_rights(&self.server.user(), &self.server.to_string(), needs));
        Ok(())
    }

    fn exists(&self) -> errors::Fault {
        errors::data(format!("--db: {} exists already", self.server))
            .hint("use it as it is, or name another place with --db")
    }

    /// The collation by which the server makes small letters.
    fn collation(&self) -> Result<&'static str> {
        let sql = "SELECT c.collname FROM pg_collation c JOIN pg_namespace s ON s.oid = c.collnamespace
            WHERE s.nspname = 'pg_catalog' AND c.collencoding IN (-1, pg_char_to_encoding('UTF8'))";
        let rows = self.link.borrow_mut().client.query(sql, &[])?;
        let known = rows.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<Vec<String>>>()?;
        let names = letters::COLLATIONS.join(", ");
        let refused = || {
            errors::config(format!("{} has no collation that knows the small letters of all scripts", self.server))
                .hint(format!(
                    "give it one of {names}: install the locale C.UTF-8 there, and let a superuser run\
                    SELECT pg_import_system_collations('pg_catalog')"
                ))
        };
        Ok(letters::chosen(&known).ok_or_else(refused)?)
    }

    /// How many tables, views and functions lie in the schema.
    pub fn objects(&self) -> Result<i64> {
        let sql = "SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = s.oid)
            + (SELECT count(*) FROM pg_proc WHERE pronamespace = s.oid)
            FROM pg_namespace s WHERE s.nspname = current_schema()";
        let row = self.link.borrow_mut().client.query_opt(sql, &[])?;
        Ok(row.map(|row| row.try_get(0)).transpose()?.unwrap_or_default())
    }

    fn without_schema(&self) -> errors::Fault {
        errors::config(format!("{}: its search_path leads to no schema", self.server))
            .hint("name one that exists, or that can be made, with schema=NAME")
    }

    fn is_taken(&self, objects: i64) -> errors::Fault {
        errors::data(format!("--db: {} holds {objects} tables, indexes and functions of something else", self.server))
            .hint("name a schema that has nothing in it, or that does not exist: schema=NAME")
    }

    /// Whether the tables are of this program.
    pub fn is_ours(&self) -> Result<bool> {
        let sql = "SELECT 1 FROM pg_class WHERE relname = 'schema_version' AND relnamespace =
            (SELECT oid FROM pg_namespace WHERE nspname = current_schema())";
        Ok(self.link.borrow_mut().client.query_opt(sql, &[])?.is_some())
    }

    pub fn version(&self) -> Result<i32> {
        let row = self.link.borrow_mut().client.query_opt("SELECT max(version) FROM schema_version", &[])?;
        let version: Option<i64> = row.context("schema_version has no row")?.try_get(0)?;
        Ok(i32::try_from(version.unwrap_or_default())?)
    }

    /// Whether this role could write nothing, also where this connection was not told to.
    pub fn takes_no_writes(&self) -> Result<bool> {
        let sql = "SELECT pg_is_in_recovery() OR EXISTS
            (SELECT FROM pg_settings WHERE name = 'default_transaction_read_only' AND reset_val = 'on')";
        Ok(self.link.borrow_mut().client.query_one(sql, &[])?.try_get(0)?)
    }

    /// How many sessions of this role have waited at their COMMIT for a synchronous standby for some time.
    pub fn waiting_for_standby(&self) -> Result<i64> {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND usename = current_user
            AND query_start < clock_timestamp() - INTERVAL '10 seconds'";
        Ok(self.link.borrow_mut().client.query_one(sql, &[])?.try_get(0)?)
    }

    /// Lets nothing be written by this connection any more.
    pub fn read_only(&self) -> Result<()> {
        self.is_read_only.set(true);
        self.batch("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
    }

    /// Brings the tables up to the newest version; `version` says in which they are, once nobody else can change it.
    pub fn migrate(&self, migrations: &[&str], version: impl FnOnce() -> Result<i32>) -> Result<()> {
        self.transact(Mode::Write, |running| {
            let first = VERSION - i32::try_from(migrations.len())?;
            for sql in migrations.iter().skip(usize::try_from(version()? - first)?) {
                running.conn.batch(sql)?;
            }
            running.conn.batch(&format!("UPDATE schema_version SET version = {VERSION}"))
        })
    }
}
