//! Commits that do not wait until they are on the disk.
//!
//! A commit of [`Store::write`] waits until it is on the disk. One of [`Store::write_soon`] does not: a power cut can take
//! the newest of these away, never one before another that stays, and never half of one. A process that is killed loses
//! nothing. Any later commit that waits takes all earlier ones of all processes to the disk with it, as the log of the
//! database is one file. Somebody who reads meanwhile can see what a power cut takes away. On a server, its crash is what a
//! power cut is here, and the process that wrote may live on: its connection ends by that, and with it the work.
//!
//! So [`Store::write_soon`] is for what comes again by itself: what a session receives and imports (its watermark goes with
//! it, so it is fetched again), what a poll remembers of folders and of the account, and the full-text index. Before
//! something outside is told or done that a power cut must not make untrue, there is a commit that waits, or
//! [`Store::flush`]:
//!
//! | before | by |
//! |---|---|
//! | mail on the server is marked, moved or deleted | [`Store::flush`], also for what another process left |
//! | the text of a message goes to an SMTP server | the commit that claims it |
//! | a copy is put into a Sent folder | the commit that settles the message |
//! | somebody is told of a message that could not be imported | [`Store::flush_own`] |
//! | somebody is told what a run did, and it ends | [`Store::flush_after`] |

use std::cell::{Cell, OnceCell};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Engine, Mode, Store, Tx, sqlite};
#[cfg(feature = "postgres")]
use super::{obstacle, postgres};

/// Commits that do not wait go on for so long before what they wrote is taken into the file.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(150);

/// What a store knows of its commits that did not wait.
#[derive(Default)]
pub(super) struct Soon {
    /// Begun with the first ones.
    checkpoints: OnceCell<sqlite::Checkpoints>,
    /// When the last checkpoint was asked for.
    asked_at: Cell<Option<Instant>>,
    /// There are some that nobody has waited for since.
    is_ahead: Cell<bool>,
}

impl Store {
    /// Writes as [`Store::write`], and does not wait until it is on the disk (see [the module](self)).
    pub fn write_soon<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        let Soon { checkpoints, asked_at, is_ahead } = &self.soon;
        is_ahead.set(true);
        let done = self.transact(Mode::WriteSoon, work)?;
        let since = asked_at.get().unwrap_or_else(Instant::now);
        let is_time = since.elapsed() >= CHECKPOINT_EVERY;
        asked_at.set(Some(since));
        if let Some(path) = self.place.file().filter(|_| is_time) {
            checkpoints.get_or_init(|| sqlite::Checkpoints::begin(path)).ask();
            asked_at.set(Some(Instant::now()));
        }
        Ok(done)
    }

    /// Waits until everything is on the disk that was committed, by this process or another one.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn flush(&self) -> Result<()> {
        match &self.engine {
            Engine::Sqlite(conn) => self.place.file().map_or(Ok(()), |path| conn.flush(path))?,
            #[cfg(feature = "postgres")]
            Engine::Postgres(conn) => {
                obstacle::named(&self.place, conn.flush()).map_err(|error| error.context(postgres::Unflushed))?;
            }
        }
        self.soon.is_ahead.set(false);
        Ok(())
    }

    /// As [`Store::flush`], for what this store has committed.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn flush_own(&self) -> Result<()> {
        if self.soon.is_ahead.get() { self.flush() } else { Ok(()) }
    }

    /// What a run has come to, once everything is on the disk that it has committed.
    ///
    /// # Errors
    /// That of `done`; or nobody knows what the run has left.
    pub fn flush_after<T>(&self, done: Result<T>) -> Result<T> {
        match (self.flush_own(), done) {
            (Ok(()), done) => done,
            // A server that is gone said why when it went.
            #[cfg(feature = "postgres")]
            (Err(unflushed), Err(first)) if unflushed.is::<postgres::Unflushed>() && is_gone(&first) => {
                Err(first.context(postgres::Unflushed))
            }
            (Err(unflushed), _) => Err(unflushed),
        }
    }
}

#[cfg(feature = "postgres")]
fn is_gone(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| obstacle::gravity(cause) == Some(obstacle::Gravity::Gone))
}

/// Whether an error says that commits that did not wait may not be on the disk.
pub fn is_unflushed(error: &anyhow::Error) -> bool {
    #[cfg(feature = "postgres")]
    if error.is::<postgres::Unflushed>() {
        return true;
    }
    error.chain().any(|cause| cause.is::<sqlite::Unflushed>())
}
