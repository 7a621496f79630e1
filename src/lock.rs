//! Locks that die with the process: a file in the state directory, held by the operating system.
//!
//! What the holder wrote into the file outlives it, which is how the next run learns at which message
//! a run died ([`Lock::doing`]). No lock is ever judged by its age.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use jiff::Timestamp;

use crate::holder::{self, Holder};
use crate::job_control::Hold;
use crate::place::{self, Place};
use crate::random;

/// The width of one field in the lock file.
const FIELD: usize = 20;

/// The field with a number of the run, made at random. It stays until the death of that run is counted.
const RUN: usize = 4;

/// The name of the lock with which mail is sent.
pub const OUTBOX: &str = "outbox";

/// The length of a key.
const KEY: usize = 16;

/// A lock that is held until its last copy is dropped or the process ends.
#[derive(Debug, Clone)]
pub struct Lock {
    file: Arc<File>,
    /// Nobody else is to wait for a process that is stopped.
    _hold: Arc<Hold>,
    died_at: Vec<i64>,
    /// The number of the run that died there.
    died_in: i64,
}

/// What is being done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// It is parsed.
    Reading = 2,
    /// It is imported.
    Importing = 3,
}

/// The answer to an attempt to take a lock.
#[derive(Debug)]
pub enum Attempt {
    /// It is ours.
    Held(Lock),
    /// Another process has it; 0 is one that cannot be told.
    Busy(Holder),
}

/// The locks of a database that are held, by name.
pub fn held(place: &Place) -> Vec<(String, Holder)> {
    let files = fs::read_dir(place.locks()).into_iter().flatten().flatten();
    let holder = |file: fs::DirEntry| {
        let pid = holder::of_lock_file(&file.path())?;
        let written = fs::read_to_string(file.path()).unwrap_or_default();
        Some((file.file_name().to_str()?.to_owned(), Holder::of(pid).since(since(&written))))
    };
    files.filter_map(holder).collect()
}

/// What stands in a field of a lock file.
fn field(written: &str, number: usize) -> Option<i64> {
    written.get(number * FIELD..(number + 1) * FIELD).and_then(|text| text.trim().parse().ok())
}

/// When the holder took the lock.
fn since(written: &str) -> Option<Timestamp> {
    field(written, 1).and_then(|seconds| Timestamp::from_second(seconds).ok())
}

/// The directory of the locks, which is there then.
fn directory(place: &Place) -> Result<PathBuf> {
    let dir = place.locks();
    // Of a server the state directory may not be there yet.
    match DirBuilder::new().recursive(true).mode(0o700).create(&dir) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(place::cannot_make(&dir, &error).into()),
        _ => Ok(dir),
    }
}

/// Tries to take a lock by name, without waiting.
///
/// # Errors
/// The lock file cannot be made or read.
pub fn attempt(place: &Place, name: &str, now: Timestamp) -> Result<Attempt> {
    let path = directory(place)?.join(name);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| place::cannot_make(&path, &error))?;
    let written = fs::read_to_string(&path).unwrap_or_default();
    let number = |number| field(&written, number);
    let hold = Hold::begin();
    match file.try_lock() {
        Ok(()) => {
            let mut died_at: Vec<i64> = [2, 3].into_iter().filter_map(number).filter(|id| *id > 0).collect();
            died_at.dedup();
            // One of a release that did not write it is 0.
            let died_in = number(RUN).unwrap_or_default();
            let lock = Lock { file: Arc::new(file), _hold: Arc::new(hold), died_at, died_in };
            lock.write(0, i64::from(std::process::id()))?;
            lock.write(1, now.as_second())?;
            if lock.died_at.is_empty() {
                lock.number()?;
            }
            Ok(Attempt::Held(lock))
        }
        Err(TryLockError::WouldBlock) => {
            // What stands there is of the one before, where the new holder has not written yet.
            let before = || number(0).and_then(|pid| u32::try_from(pid).ok()).unwrap_or_default();
            let pid = holder::of_lock_file(&path).unwrap_or_else(before);
            Ok(Attempt::Busy(Holder::of(pid).since(since(&written))))
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}

/// The locks of accounts of which the last holder died at a message, and that nobody else holds: they are held now.
///
/// # Errors
/// A lock file cannot be read.
pub fn left_by_the_dead(place: &Place, now: Timestamp) -> Result<Vec<Lock>> {
    let mut left = Vec::new();
    for file in fs::read_dir(place.locks()).into_iter().flatten().flatten() {
        let written = fs::read_to_string(file.path()).unwrap_or_default();
        let is_at_one = [2, 3].into_iter().any(|number| field(&written, number).is_some_and(|id| id > 0));
        let Some(name) = file.file_name().to_str().filter(|_| is_at_one).map(str::to_owned) else { continue };
        if let Attempt::Held(lock) = attempt(place, &name, now)? {
            left.push(lock);
        }
    }
    Ok(left)
}

impl Lock {
    /// The deliveries at which the last holder died, if it did: one of them is the cause.
    pub fn died_at(&self) -> &[i64] {
        &self.died_at
    }

    /// Number of the run that died there: who counts its death may die, too, and the next one counts it no second time.
    pub fn died_in(&self) -> i64 {
        self.died_in
    }

    /// The death of the last holder is counted: this one is a run of its own.
    ///
    /// # Errors
    /// The lock file cannot be written.
    pub fn counted(&self) -> Result<()> {
        self.idle()?;
        self.number()
    }

    fn number(&self) -> Result<()> {
        self.write(RUN, i64::from_ne_bytes(random::bytes()?) & i64::MAX)
    }

    /// Remembers what is being done with which delivery. One small write without fsync: it has to survive the
    /// death of the process, not of the machine.
    pub fn doing(&self, what: Doing, delivery_id: i64) -> Result<()> {
        self.write(what as usize, delivery_id)
    }

    /// Nothing is being done with any delivery.
    fn idle(&self) -> Result<()> {
        self.doing(Doing::Reading, 0)?;
        self.doing(Doing::Importing, 0)
    }

    fn write(&self, field: usize, value: i64) -> Result<()> {
        let text = format!("{value:>width$}\n", width = FIELD - 1);
        self.file.write_all_at(text.as_bytes(), (field * FIELD) as u64).context("cannot write the lock file")
    }
}

/// What this machine's locks of a database are known by to other machines: made at random with the first of them.
///
/// # Errors
/// Its file cannot be made or read.
pub fn key(place: &Place) -> Result<String> {
    let dir = directory(place)?;
    let path = dir.join("host");
    if let Some(key) = fs::read_to_string(&path).ok().filter(|key| key.len() == KEY) {
        return Ok(key);
    }
    let key: String = random::bytes()?.iter().map(|byte| format!("{byte:02x}")).collect();
    // One that is begun is not read: it comes into its place whole, and the first one stays.
    let begun = dir.join(format!("host.{}", std::process::id()));
    let mut file = OpenOptions::new();
    let file = file.write(true).create(true).truncate(true).mode(0o600);
    file.open(&begun)
        .and_then(|file| file.write_all_at(key.as_bytes(), 0))
        .map_err(|e| place::cannot_make(&begun, &e))?;
    let linked = fs::hard_link(&begun, &path);
    fs::remove_file(&begun).with_context(|| format!("cannot remove {}", begun.display()))?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(place::cannot_make(&path, &error).into()),
        _ => fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display())),
    }
}

pub fn of_account(account_id: i64) -> String {
    format!("account-{account_id}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::holder::State;
    use crate::place::{Database, Server};

    fn held(attempt: Attempt) -> Lock {
        match attempt {
            Attempt::Held(lock) => lock,
            busy => panic!("{busy:?}"),
        }
    }

    #[test]
    fn a_second_holder_is_told_who_has_it_and_a_dead_one_leaves_its_message() {
        let db = Place::of_file(std::env::temp_dir().join(format!("espomail-lock-{}.db", std::process::id())));
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let first = held(attempt(&db, "account-1", now).unwrap());
        assert!(first.died_at().is_empty());
        first.doing(Doing::Reading, 4712).unwrap();
        first.doing(Doing::Importing, 4711).unwrap();
        match attempt(&db, "account-1", now).unwrap() {
            Attempt::Busy(holder) => {
                assert_eq!((holder.pid, holder.since), (std::process::id(), Some(now)));
                assert_eq!(holder.state, State::Running);
            }
            held => panic!("{held:?}"),
        }
        drop(first);
        held(attempt(&db, "account-2", now).unwrap()).idle().unwrap();
        let left = || -> Vec<Vec<i64>> {
            left_by_the_dead(&db, now).unwrap().iter().map(|lock| lock.died_at().to_vec()).collect()
        };
        assert_eq!(left(), [[4712, 4711]]);
        let second = held(attempt(&db, "account-1", now).unwrap());
        assert_eq!(second.died_at(), [4712, 4711]);
        assert!(left().is_empty(), "somebody has it");
        // It dies before it clears the file: what died is still the same run.
        let run = second.died_in();
        drop(second);
        let second = held(attempt(&db, "account-1", now).unwrap());
        assert_eq!((second.died_at(), second.died_in()), (&[4712, 4711][..], run));
        second.counted().unwrap();
        second.doing(Doing::Reading, 7).unwrap();
        second.doing(Doing::Importing, 7).unwrap();
        drop(second);
        let third = held(attempt(&db, "account-1", now).unwrap());
        assert_eq!(third.died_at(), [7]);
        assert_ne!(third.died_in(), run, "that is another death");
        third.counted().unwrap();
        drop(third);
        assert!(held(attempt(&db, "account-1", now).unwrap()).died_at().is_empty());
        fs::remove_dir_all(db.locks()).unwrap();
    }

    #[test]
    fn the_first_lock_of_a_server_makes_its_state_directory_which_is_private() {
        let dir = std::env::temp_dir().join(format!("espomail-lock-server-{}", std::process::id()));
        let server = Database::Server(Box::new(Server::of_machine("postgresql://db/mail").unwrap()));
        let place = Place::new(server, None).usually_in(&dir.join("state"));
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        place.admit(true).unwrap();
        assert!(!dir.exists());
        held(attempt(&place, "outbox", now).unwrap());
        assert_eq!(fs::metadata(dir.join("state")).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(dir.join("state/mail.public@db:5432.locks/outbox").exists());
        fs::remove_dir_all(dir).unwrap();
    }
}
