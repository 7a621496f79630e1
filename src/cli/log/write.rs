//! How a command gets into the log: in the transaction of its own write, or around work in many transactions.
//!
//! `fetch`, `send` and `ingest` are not logged: cron starts them each minute, and what they do stands in the ledger, the
//! outbox and `email explain`. A refused command changes nothing, the log neither: a stranger could fill the disk with it.
//! It is said in the program's log file.

use anyhow::Result;

use crate::access::Actor;
use crate::cli::context::Context;
use crate::error::{self, Ended, Fault, Kind};
use crate::holder;
use crate::store::db::{Store, Thing, Tx};
use crate::store::log::{self, LogOutcome, NewEntry};
use crate::store::users;
use crate::system_words;

impl Context {
    /// Does a write as the acting person and logs it in the same transaction; one that changes no row leaves no entry.
    /// The store has to be watched ([`Store::watch`]).
    pub fn logged<T>(&self, tx: &Tx<'_>, work: impl FnOnce(&Tx<'_>, &Actor) -> Result<T>) -> Result<T> {
        let actor = self.actor(tx)?;
        let before = tx.changes()?;
        let done = work(tx, &actor)?;
        if tx.changes()? > before {
            self.log(tx, &actor, LogOutcome::Done, &tx.written())?;
        }
        Ok(done)
    }

    /// Does work that takes many transactions: it stands in the log from before its beginning, so that a kill shows, and
    /// how it ended is added.
    pub fn long_work<T>(&self, store: &Store, about: &[Thing], work: impl FnOnce() -> Result<T>) -> Result<T> {
        if self.dry_run {
            return work();
        }
        let id = store.write(|tx| self.log(tx, &self.actor(tx)?, LogOutcome::Begun, about))?;
        let done = work();
        let outcome = match done.as_ref().map_err(|error| error::classify(error).0) {
            Ok(_) => LogOutcome::Done,
            Err(Kind::Partial) => LogOutcome::Partial,
            Err(_) => LogOutcome::Failed,
        };
        let ended = store.write(|tx| log::finish(tx, id, outcome));
        // An error of the work itself tells more.
        done.and_then(|done| ended.map(|()| done))
    }

    /// Adds an entry; its id.
    pub fn log(&self, tx: &Tx<'_>, actor: &Actor, outcome: LogOutcome, things: &[Thing]) -> Result<i64> {
        let (user_id, as_user_id) = match (&self.acting_as, &self.caller.login) {
            (None, _) => (actor.user_id(), None),
            (Some(_), None) => (None, actor.user_id()),
            (Some(_), Some(login)) => (users::by_login(tx, login)?.map(|user| user.id), actor.user_id()),
        };
        let uid = rustix::process::geteuid().as_raw();
        let (caller_uid, command) = (self.caller.uid, self.command.as_str());
        // A file is used on one machine.
        let host = self.place.file().is_none().then(holder::host);
        let host = host.as_deref();
        let new = NewEntry { uid, caller_uid, user_id, as_user_id, host, command, outcome };
        log::add(tx, &new, things, self.now())
    }

    /// Says in the program's log file, if there is one, what was refused.
    pub fn note_refusal(&self, error: &anyhow::Error) {
        // A server that refuses a login, or what has been shown already, is none of this.
        let fault = error.chain().find_map(|cause| cause.downcast_ref::<Fault>());
        if fault.is_some_and(|fault| fault.kind == Kind::NoPerm) {
            let uid = rustix::process::geteuid();
            ::log::warn!("refused: {} for uid {} (effective {uid})", self.command, self.caller.uid);
        }
    }

    /// Says in the program's log how a command ended that failed; a refusal has its own line.
    pub fn note_error(&self, error: &anyhow::Error) {
        let (kind, text) = (error::classify(error).0, system_words::chain(error));
        if kind != Kind::NoPerm && error.downcast_ref::<Ended>().is_none() {
            let text = if text.is_empty() { "some of it failed" } else { &text };
            ::log::error!("{}: {text} (exit {})", self.command, kind.exit_code());
        }
    }
}
