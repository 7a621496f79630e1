//! What errors of the database mean: how the program ends, and what a person has to do.

use std::fmt;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Result;

use super::Store;
use super::meaning::Obstacle;
use super::obstacle::{Gravity, gravity, named, obstacle};
use crate::error::{self, Ended, Fault, Kind};
use crate::place::{self, Database, Place, Server};
use crate::store::disk::{self, Disk};
use crate::system_words;
use crate::units::about;

/// What to do with a damaged file.
const AFTER_DAMAGE: &str = "keep the damaged file and restore the last good backup: espomail db restore FILE; `espomail db check` lists the faults";

/// What follows in such a step for everybody but `db check` itself.
const LISTS_FAULTS: &str = "; `espomail db check` lists the faults";

/// A step after damage, as `db check` tells it, which has listed the faults.
pub fn after_check(step: &str) -> &str {
    step.strip_suffix(LISTS_FAULTS).unwrap_or(step)
}

/// Whether an error says that the database itself cannot be written or read any more, so that going on is pointless.
pub fn is_fatal(error: &anyhow::Error) -> bool {
    error.chain().filter_map(gravity).any(|gravity| gravity != Gravity::Bug)
}

/// Whether an error says that the database cannot be written now.
pub fn is_standby(error: &anyhow::Error) -> bool {
    obstacle(error) == Some(Obstacle::ReadOnly)
}

/// The database that an obstacle is in the way of, where a command has two.
#[derive(Debug)]
struct At(Place);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The result; where an obstacle or another process is in the way, with the database that it concerns. What is said first
/// counts.
///
/// # Errors
/// Those of `done`.
pub fn at<T>(place: &Place, done: Result<T>) -> Result<T> {
    named(place, done).map_err(|error| match obstacle(&error) {
        Some(_) if error.downcast_ref::<At>().is_none() => error.context(At(place.clone())),
        _ => error,
    })
}

/// Tells an error of the database itself, which ends a run, from any other one, which ends only what has met it.
///
/// # Errors
/// The database itself fails.
pub fn unless_fatal<T>(done: Result<T>) -> Result<Result<T>> {
    match done {
        Err(error) if is_fatal(&error) => Err(error),
        done => Ok(done),
    }
}

impl Store {
    /// Whether an error is that the disk has no room, by any name that the engine gives it.
    pub fn has_no_room(error: &anyhow::Error, place: &Place) -> bool {
        let is_of_system = |cause: &(dyn std::error::Error + 'static)| {
            let kind = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
            matches!(kind, Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
        };
        let has_no_room = || place.file().is_some_and(|file| disk::look(file).is_ok_and(|disk| disk.has_no_room()));
        match obstacle(error) {
            Some(Obstacle::Full(_)) => true,
            Some(Obstacle::Closed | Obstacle::Disk(_) | Obstacle::ReadOnly) => has_no_room(),
            _ => error.chain().any(is_of_system),
        }
    }
}

/// Whether a database could not be opened because opening it writes.
pub(super) fn cannot_write(error: &anyhow::Error) -> bool {
    matches!(
        obstacle(error),
        Some(Obstacle::ReadOnly | Obstacle::Closed | Obstacle::Denied(_) | Obstacle::Full(_) | Obstacle::Disk(_))
    )
}

/// Refuses a database that this process may not write, before a helper is made that it could not write either.
pub(super) fn refuse_unwritable(database: &Path) -> std::result::Result<(), Fault> {
    let disk = disk::look(database).unwrap_or_default();
    match disk.troubles().into_iter().find(|trouble| disk.read_only || !disk.locked.is_empty() && trouble.is_grave) {
        Some(trouble) => Err(Fault::new(Kind::Io, trouble.what).hint(trouble.remedy)),
        None => Ok(()),
    }
}

/// What an error of the database means for a person, and what to do; `None` where its own words say it, or where it is
/// none of the database. An error that would count as a bug is one of the database where that turns out to be damaged.
pub fn explain(error: &anyhow::Error, place: &Place) -> Option<Fault> {
    // A command has ended with what it found: the database is as good as before, and takes long to look at.
    if error.chain().any(|cause| cause.is::<Fault>() || cause.is::<Ended>()) {
        return None;
    }
    let place = error.downcast_ref::<At>().map_or(place, |At(place)| place);
    let found = match obstacle(error) {
        None if error::classify(error).0 == Kind::Bug => Obstacle::Damaged(damage(place)?),
        found => found?,
    };
    let Some(file) = place.file() else { return Some(told_of_server(&found, place)) };
    // A new file is not there yet.
    let disk = disk::look(file).or_else(|_| disk::look(place::directory(file)));
    let disk = Disk { database: file.to_owned(), ..disk.unwrap_or_default() };
    Some(told(&found, &disk))
}

/// What the server says of its own disk and of the rights of the role.
fn told_of_server(found: &Obstacle, place: &Place) -> Fault {
    let io = |text: String, hint: &str| Fault::new(Kind::Io, text).hint(hint);
    let role = place.server().map(Server::user).unwrap_or_default();
    match found {
        Obstacle::Damaged(words) => io(format!("{place} is damaged: {words}"), &after_damage(place)),
        Obstacle::Full(words) => {
            let file = words.as_ref().map(|words| format!(": {words}")).unwrap_or_default();
            let has_crashed = file.contains("pg_wal/");
            let hint = match has_crashed {
                true => {
                    "the server has crashed: free some space there, start it again if it does not come back by itself, then run this again"
                }
                false => "free some space there, then run it again",
            };
            io(format!("the disk of the server of {place} is full{file}"), hint)
        }
        // As of a server that is away: a standby takes over, or somebody names the primary.
        Obstacle::ReadOnly => {
            Fault::new(Kind::TempFail, format!("{place} cannot be written now: the server is a standby, or read-only"))
                .hint(to_the_primary(place.server()))
        }
        Obstacle::Closed => error::config(format!("{place} cannot be opened")).hint("see the log of the server"),
        Obstacle::Denied(words) => too_few_rights(&role, &place.shown(), words),
        Obstacle::Disk(words) => {
            io(format!("the disk of the server of {place} fails: {words}"), "see the log of the server")
        }
    }
}

/// How a database is named so that a server is found that takes writes.
fn to_the_primary(server: Option<&Server>) -> &'static str {
    match server {
        Some(server) if server.hosts.len() > 1 => {
            "leave out target_session_attrs=any: then the one of its hosts is found that can be written"
        }
        _ => "name the primary; or both hosts, as HOST1,HOST2: then the one is found that can be written",
    }
}

/// What is said where the role may not do what is asked of it, or not see every row.
pub(super) fn too_few_rights(role: &str, place: &str, words: &str) -> Fault {
    error::config(format!("the role {role} has too few rights in {place}: {words}")).hint(
        "see ROLES AND GRANTS in `espomail man postgresql`; `espomail db check` tells whether rows are hidden from it",
    )
}

/// What to do with a database that is damaged: a server has its own files.
pub fn after_damage(place: &Place) -> String {
    match place.database() {
        Database::File(_) => AFTER_DAMAGE.to_owned(),
        Database::Server(server) => {
            let quoted = |text: String| shlex::try_quote(&text).map_or_else(|_| text.clone(), Into::into);
            let (own, other) = (quoted(place.typed()), quoted(server.with_other_schema()));
            format!(
                "`espomail --db {own} db check` lists the faults: run the statements that it shows, or copy the last good \
                 backup into a new schema: espomail db copy FILE {other}"
            )
        }
    }
}

/// The first fault of a database that can be looked at; `None` = it has none.
fn damage(place: &Place) -> Option<String> {
    match Store::open_as_it_is(place).and_then(|(store, _)| store.check()) {
        Ok(faults) => faults.into_iter().next(),
        Err(error) => obstacle(&error).map(|_| system_words::chain(&error)),
    }
}

fn told(found: &Obstacle, disk: &Disk) -> Fault {
    let database = disk.database.display();
    let io = |text: String, hint: &str| Fault::new(Kind::Io, text).hint(hint);
    let grave = disk.troubles().into_iter().find(|trouble| trouble.is_grave);
    match (found, grave) {
        (Obstacle::Damaged(words), _) => io(format!("{database} is damaged: {words}"), AFTER_DAMAGE),
        // This is the reason, by any name that the engine gives it.
        (_, Some(trouble)) => io(trouble.what, &trouble.remedy),
        (Obstacle::Full(_), None) => io(
            format!("the disk of {database} is full or its quota is used up ({} free)", about(disk.free)),
            "free some space, then run it again: nothing half done was kept",
        ),
        (Obstacle::ReadOnly, None) => io(
            format!("{database} cannot be written by {}, it belongs to {}", disk.runner, disk.owner),
            "was it moved or replaced meanwhile? run it again; `espomail doctor` shows who can write what",
        ),
        (Obstacle::Closed | Obstacle::Denied(_), None) => io(
            format!("{database}, its log or its directory cannot be opened by {}", disk.runner),
            "`espomail doctor` shows who can write what",
        ),
        (Obstacle::Disk(words), None) => io(
            format!("the disk of {database} fails: {words}"),
            "see dmesg for the disk and `espomail db check` for the database; it may be damaged or cut off",
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn obstacles_are_told_by_who_owns_what_and_what_to_do() {
        let disk = |change: fn(&mut Disk)| {
            let mut disk = Disk {
                database: "/d/e.db".into(),
                free: 1 << 40,
                owner: "desk".into(),
                runner: "ana".into(),
                ..Disk::default()
            };
            change(&mut disk);
            disk
        };
        let shm = |p: &mut Disk| {
            p.locked = vec![disk::Locked { path: "/d/e.db-shm".into(), mode: 0o400, is_dir: false, by_mode: true }];
        };
        let rows = [
            (Obstacle::ReadOnly, disk(shm), "/d/e.db-shm cannot be written by its owner", "chmod 600 /d/e.db-shm"),
            (Obstacle::Closed, disk(|p| p.read_only = true), "is mounted read-only", "remount,rw"),
            (Obstacle::Disk("x".into()), disk(|p| p.free = 0), "0 B free", "free some space"),
            (Obstacle::Full(None), disk(|_| {}), "quota", "free some space"),
            (Obstacle::ReadOnly, disk(|_| {}), "cannot be written by ana, it belongs to desk", "espomail doctor"),
            (Obstacle::Closed, disk(|_| {}), "cannot be opened by ana", "espomail doctor"),
            (Obstacle::Disk("short read".into()), disk(|_| {}), "fails: short read", "espomail db check"),
            (Obstacle::Damaged("page 3".into()), disk(|p| p.free = 0), "is damaged: page 3", "espomail db restore"),
        ];
        for (obstacle, disk, text, hint) in rows {
            let fault = told(&obstacle, &disk);
            assert!(fault.message.contains(text), "{obstacle:?}: {fault:?}");
            assert!(fault.hint.as_deref().is_some_and(|said| said.contains(hint)), "{obstacle:?}: {fault:?}");
        }
    }

    #[test]
    fn the_whole_database_is_not_looked_at_when_a_command_ends_with_what_it_found() {
        let directory = std::env::temp_dir().join(format!("espomail-found-{}", std::process::id()));
        let path = directory.join("espomail.db");
        let _ = std::fs::remove_dir_all(&directory);
        let store = Store::create(&Place::of_file(&path)).unwrap();
        let torn = "PRAGMA foreign_keys = off; INSERT INTO outbox_recipients (outbox_id, address) VALUES (9, 'x')";
        store.conn().execute_batch(torn).unwrap();
        assert!(explain(&anyhow!("a bug"), store.place()).is_some());
        assert!(explain(&Ended::Code(1).into(), store.place()).is_none(), "check ended with a warning");
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn what_has_words_of_its_own_keeps_them() {
        let nowhere = &Place::of_file("/nowhere/espomail.db");
        assert!(explain(&error::data("subject: empty").into(), nowhere).is_none());
        assert!(explain(&anyhow!("a bug, as there is no database that could be damaged"), nowhere).is_none());
    }
}
