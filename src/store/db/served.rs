//! Making and opening a database on a server, and what holds where several hosts work on one.

use anyhow::Result;

use super::{Engine, Mode, Store, Tx};
#[cfg(feature = "postgres")]
use super::{Running, VERSION, obstacle, postgres};
#[cfg(feature = "postgres")]
use crate::job_control::Hold;
use crate::place::Place;
use crate::place::server::Server;

/// While it is there, each transaction of a store that may write looks first whether its host may.
pub struct Under<'a> {
    _store: &'a Store,
    _before: String,
}

impl Drop for Under<'_> {
    fn drop(&mut self) {
        #[cfg(feature = "postgres")]
        if let Engine::Postgres(conn) = &self._store.engine {
            conn.begin_with(std::mem::take(&mut self._before));
        }
    }
}

impl Store {
    /// Lets each transaction that may write begin with a statement: where that gives no row, nothing is written, and the
    /// error is [`super::Superseded`]. An empty one is none.
    pub fn under(&self, _fence: String) -> Under<'_> {
        let before = match &self.engine {
            Engine::Sqlite(_) => String::new(),
            #[cfg(feature = "postgres")]
            Engine::Postgres(conn) => conn.begin_with(_fence),
        };
        Under { _store: self, _before: before }
    }

    /// Whether this store was opened to read alone.
    pub fn only_reads(&self) -> bool {
        match &self.engine {
            Engine::Sqlite(_) => false,
            #[cfg(feature = "postgres")]
            Engine::Postgres(conn) => conn.only_reads(),
        }
    }

    /// What is said where commands stand still because the server waits for a standby that does not answer; `None` = none does.
    pub fn stands_still(&self) -> Result<Option<String>> {
        let waiting = match &self.engine {
            Engine::Sqlite(_) => 0,
            #[cfg(feature = "postgres")]
            Engine::Postgres(conn) => conn.waiting_for_standby()?,
        };
        let sessions = if waiting == 1 { "1 session waits".to_owned() } else { format!("{waiting} sessions wait") };
        let words = format!("no synchronous standby answers the server of {}, and {sessions} at COMMIT", self.place);
        Ok((waiting > 0).then_some(words))
    }

    /// Runs `work` in a transaction that may write and waits for no other: it decides nothing by what others write.
    pub fn write_besides<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        self.transact(Mode::Besides, work)
    }
}

#[cfg(feature = "postgres")]
impl Store {
    /// Makes the tables in a schema that has nothing in it.
    ///
    /// # Errors
    /// There is something in it, the role may not (data, configuration), or the server is not there.
    pub(super) fn create_on(place: &Place, server: &Server) -> Result<Store> {
        let _hold = Hold::begin();
        let conn = obstacle::named(place, postgres::Conn::open(server))?;
        obstacle::named(place, conn.found())?;
        Ok(Store::around(Engine::Postgres(Box::new(conn)), place))
    }

    /// The same with what `work` writes, in one transaction.
    ///
    /// # Errors
    /// As [`Store::create_on`], and those of `work`.
    pub(super) fn create_on_with<T>(
        place: &Place,
        server: &Server,
        kind_of: fn(&str) -> Option<&'static str>,
        work: impl FnOnce(&Tx<'_>) -> Result<T>,
    ) -> Result<T> {
        let _hold = Hold::begin();
        let conn = obstacle::named(place, postgres::Conn::open(server))?;
        let store = Store::around(Engine::Postgres(Box::new(conn)), place).watch(kind_of)?;
        let Engine::Postgres(conn) = &store.engine else { anyhow::bail!("{place} is not on a server") };
        obstacle::named(place, conn.found_with(|running| work(&store.fresh(Running::Postgres(running)))))
    }

    /// Whether a database could be made there; nothing is.
    ///
    /// # Errors
    /// As [`Store::create_on`].
    pub fn could_create_on(place: &Place, server: &Server) -> Result<()> {
        let _hold = Hold::begin();
        obstacle::named(place, postgres::Conn::open(server).and_then(|conn| conn.admits_a_new_one()))
    }

    /// Opens a database and brings an older one up to this version.
    ///
    /// # Errors
    /// No such database, one made by a newer release (configuration), or the server is not there.
    pub(super) fn open_on(place: &Place, server: &Server) -> Result<Store> {
        let store = Store::connect_to(place, server)?;
        store.migrate(postgres::MIGRATIONS)?;
        Ok(store)
    }

    /// Opens a database so that nothing can be written by this store, in whichever version that this release knows.
    ///
    /// # Errors
    /// As [`Store::open_on`].
    pub(super) fn open_on_as_it_is(place: &Place, server: &Server) -> Result<(Store, i32)> {
        let store = Store::connect_to(place, server)?;
        let version = store.recognise(VERSION)?;
        Ok((store.read_only()?, version))
    }

    fn connect_to(place: &Place, server: &Server) -> Result<Store> {
        let _hold = Hold::begin();
        let conn = obstacle::named(place, postgres::Conn::open(server))?;
        Ok(Store::around(Engine::Postgres(Box::new(conn)), place))
    }

    /// A schema of its own on the server that tests run on, where they run on one.
    pub(super) fn server_of_tests() -> Result<Option<Server>> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(1);
        if std::env::var("ESPOMAIL_TEST_DB").as_deref() != Ok("postgres") {
            return Ok(None);
        }
        let server = std::env::var("ESPOMAIL_TEST_SERVER")?;
        let schema = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Ok(Some(Server::parse(&format!("{server}&schema={schema}"))?))
    }
}

#[cfg(not(feature = "postgres"))]
impl Store {
    pub(super) fn create_on(place: &Place, _: &Server) -> Result<Store> {
        without_engine(place)
    }

    pub(super) fn create_on_with<T>(
        place: &Place,
        _: &Server,
        _: fn(&str) -> Option<&'static str>,
        _: impl FnOnce(&Tx<'_>) -> Result<T>,
    ) -> Result<T> {
        without_engine(place)
    }

    pub fn could_create_on(place: &Place, _: &Server) -> Result<()> {
        without_engine(place)
    }

    pub(super) fn open_on(place: &Place, _: &Server) -> Result<Store> {
        without_engine(place)
    }

    pub(super) fn open_on_as_it_is(place: &Place, _: &Server) -> Result<(Store, i32)> {
        without_engine(place)
    }
}

#[cfg(not(feature = "postgres"))]
fn without_engine<T>(place: &Place) -> Result<T> {
    let text = format!("this espomail was built without PostgreSQL, which {} needs", place.shown());
    Err(crate::error::config(text).hint("build it with the feature postgres, which is on by default").into())
}
