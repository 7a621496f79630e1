//! The disk that the database lies on, and who may write there: what keeps every command from writing.
//!
//! Looked at without opening the database, as it may not be there to be opened.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, StatVfsMountFlags, access, statvfs};

use crate::caller;
use crate::place::{Place, directory};
use crate::units::about;

/// One batch of mail is at most so large.
const BATCH: u64 = 16 << 20;
/// Size of the log next to the database at which it is written back.
const WAL: u64 = 64 << 20;

const SEE_WHY: &str = "see with dmesg why, then make it writable: mount -o remount,rw";

/// What is known of it.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    pub database: PathBuf,
    /// Bytes of it and of its write-ahead log.
    pub size: u64,
    /// Bytes that are free for this process.
    pub free: u64,
    /// No further file can be made.
    pub no_inodes: bool,
    /// The disk is mounted read-only.
    pub read_only: bool,
    /// Who owns the database.
    pub owner: String,
    /// Who this process is.
    pub runner: String,
    /// What this process cannot write.
    pub locked: Vec<Locked>,
    /// Why the state directory that was named cannot be used.
    pub state: Option<Trouble>,
}

/// A file or directory that cannot be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// Where.
    pub path: PathBuf,
    /// Its permission bits.
    pub mode: u32,
    /// A directory is also to be entered.
    pub is_dir: bool,
    /// Whether the mode shuts out the owner.
    pub by_mode: bool,
}

/// One thing that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Nothing can be written any more, or will soon.
    pub is_grave: bool,
    pub what: String,
    /// What to do.
    pub remedy: String,
}

/// The file of a database that ends with this: `-wal`, `-shm`.
pub fn beside(database: &Path, end: &str) -> PathBuf {
    let mut name = database.to_owned().into_os_string();
    name.push(end);
    PathBuf::from(name)
}

/// Looks at the disk of a database.
///
/// # Errors
/// The database is not there, or not to be seen.
pub fn look(database: &Path) -> io::Result<Disk> {
    let facts = fs::metadata(database)?;
    let directory = directory(database);
    let disk = statvfs(directory)?;
    let helpers = [beside(database, "-wal"), beside(database, "-shm")];
    // Where both are there, nothing has to be made in the directory.
    let makes = helpers.iter().any(|helper| !helper.exists());
    let files = makes.then(|| directory.to_owned()).into_iter().chain([database.to_owned()]).chain(helpers);
    let wal = fs::metadata(beside(database, "-wal")).map_or(0, |facts| facts.len());
    Ok(Disk {
        database: database.to_owned(),
        size: facts.len() + wal,
        free: disk.f_bavail.saturating_mul(disk.f_frsize),
        // Some file systems have no limit and say 0 of 0.
        no_inodes: disk.f_files > 0 && disk.f_favail == 0,
        read_only: disk.f_flag.contains(StatVfsMountFlags::RDONLY),
        owner: name_of(facts.uid()),
        runner: name_of(rustix::process::geteuid().as_raw()),
        locked: files.filter_map(|path| locked(path, facts.uid())).collect(),
        state: None,
    })
}

/// Looks at it with the state directory that was named.
///
/// # Errors
/// As [`look`].
pub fn look_at(place: &Place) -> io::Result<Disk> {
    let Some(file) = place.file() else { return look_at_state(place) };
    let mut disk = look(file)?;
    let Some(state) = place.named_state() else { return Ok(disk) };
    let owner = fs::metadata(file)?.uid();
    let trouble = |what, remedy| Some(Trouble { is_grave: true, what, remedy });
    disk.state = place.admit(false).err().and_then(|fault| trouble(fault.message, fault.hint.unwrap_or_default()));
    if statvfs(state).is_ok_and(|disk| disk.f_flag.contains(StatVfsMountFlags::RDONLY)) {
        let what = format!("the disk of the state directory {} is mounted read-only", state.display());
        disk.state = trouble(what, SEE_WHY.to_owned());
    }
    disk.locked.extend(locked(state.to_owned(), owner).filter(|_| disk.state.is_none()));
    Ok(disk)
}

/// Looks at the state directory of a server, which is all of it that is on this machine.
fn look_at_state(place: &Place) -> io::Result<Disk> {
    let state = place.state();
    if let Err(fault) = place.admit(false) {
        let trouble = Trouble { is_grave: true, what: fault.message, remedy: fault.hint.unwrap_or_default() };
        return Ok(Disk { database: state, state: Some(trouble), free: u64::MAX, ..Disk::default() });
    }
    // Made by the first command that keeps something there.
    let there = state.ancestors().find(|dir| dir.exists()).unwrap_or(&state).to_owned();
    let (facts, disk) = (fs::metadata(&there)?, statvfs(&there)?);
    Ok(Disk {
        size: 0,
        free: disk.f_bavail.saturating_mul(disk.f_frsize),
        no_inodes: disk.f_files > 0 && disk.f_favail == 0,
        read_only: disk.f_flag.contains(StatVfsMountFlags::RDONLY),
        owner: name_of(facts.uid()),
        runner: name_of(rustix::process::geteuid().as_raw()),
        locked: locked(there, facts.uid()).into_iter().collect(),
        database: state,
        state: None,
    })
}

fn name_of(uid: u32) -> String {
    caller::login_of(uid).unwrap_or_else(|| format!("uid {uid}"))
}

fn locked(path: PathBuf, owner: u32) -> Option<Locked> {
    let facts = fs::metadata(&path).ok()?;
    // Also where root could: it is the owner who writes.
    let by_mode = facts.uid() == owner && facts.mode() & of_owner(&facts) != of_owner(&facts);
    let shut = by_mode || access(&path, Access::WRITE_OK).is_err();
    shut.then(|| Locked { mode: facts.mode() & 0o777, is_dir: facts.is_dir(), by_mode, path })
}

/// The bits by which an owner reads and writes.
pub fn of_owner(facts: &Metadata) -> u32 {
    if facts.is_dir() { 0o700 } else { 0o600 }
}

impl Disk {
    /// What a run may write before space is given back.
    pub fn needs(&self) -> u64 {
        BATCH + self.size.min(WAL)
    }

    /// What is wrong, the worst first.
    pub fn troubles(&self) -> Vec<Trouble> {
        let (database, free) = (self.database.display(), about(self.free));
        let grave = |what: String, remedy: String| Trouble { is_grave: true, what, remedy };
        if self.read_only {
            let what = format!("the disk of {database} is mounted read-only");
            return vec![grave(what, SEE_WHY.to_owned())];
        }
        let mut found: Vec<Trouble> = self.locked.iter().map(|one| self.shut(one)).collect();
        if self.no_inodes {
            let what = format!("the disk of {database} cannot hold another file (df -i)");
            found.push(grave(what, "remove files that are not needed".to_owned()));
        }
        let (needs, size) = (about(self.needs()), about(self.size));
        if self.free < self.needs() {
            let what = format!("{free} free on the disk of {database}, a run can need {needs}");
            found.push(grave(what, "free some space: until then mail is neither fetched nor sent".to_owned()));
        } else if self.free < self.needs() + self.size {
            let what = format!("{free} free on the disk of {database}, which has {size}");
            let remedy =
                "free some space: record erase, and a backup on this disk, need as much again as the database has";
            found.push(Trouble { is_grave: false, what, remedy: remedy.to_owned() });
        }
        found
    }

    /// Whether a run cannot go on for want of room.
    pub fn has_no_room(&self) -> bool {
        !self.read_only && (self.no_inodes || self.free < self.needs())
    }

    /// Whose rights are missing, and how they are given.
    fn shut(&self, one: &Locked) -> Trouble {
        let (path, owner, runner) = (one.path.display(), &self.owner, &self.runner);
        let (what, remedy) = match one.by_mode {
            true => {
                let mode = one.mode | if one.is_dir { 0o700 } else { 0o600 };
                let what = format!("{path} cannot be written by its owner, {owner} (mode {:03o})", one.mode);
                (what, format!("chmod {mode:03o} {path}"))
            }
            false => {
                let what = format!("{path} cannot be written by {runner}; the database belongs to {owner}");
                let remedy = match runner == owner {
                    true => format!("give it back, as root: chown {owner} {path}"),
                    false => format!("run it as the owner: sudo -u {owner} espomail …"),
                };
                (what, remedy)
            }
        };
        Trouble { is_grave: true, what, remedy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn disk(change: impl FnOnce(&mut Disk)) -> Disk {
        let mut disk = Disk {
            database: "/d/e.db".into(),
            size: GIB,
            free: 100 * GIB,
            owner: "desk".into(),
            runner: "desk".into(),
            ..Disk::default()
        };
        change(&mut disk);
        disk
    }

    #[test]
    fn what_keeps_from_writing_is_named_with_its_remedy() {
        let locked = |path: &str, mode: u32, by_mode: bool| Locked { path: path.into(), mode, is_dir: false, by_mode };
        let rows: Vec<(Disk, &[&str])> = vec![
            (disk(|_| {}), &[]),
            (
                disk(|p| p.free = 0),
                &[
                    "grave 0 B free on the disk of /d/e.db, a run can need 80 MiB: free some space: until then mail is neither fetched nor sent",
                ],
            ),
            (
                disk(|p| p.free = GIB),
                &[
                    "1.0 GiB free on the disk of /d/e.db, which has 1.0 GiB: free some space: record erase, and a backup on this disk, need as much again as the database has",
                ],
            ),
            // A small database needs little.
            (disk(|p| (p.size, p.free) = (1 << 20, 30 << 20)), &[]),
            (
                disk(|p| p.no_inodes = true),
                &["grave the disk of /d/e.db cannot hold another file (df -i): remove files that are not needed"],
            ),
            (
                disk(|p| (p.read_only, p.free) = (true, 0)),
                &[
                    "grave the disk of /d/e.db is mounted read-only: see with dmesg why, then make it writable: mount -o remount,rw",
                ],
            ),
            (
                disk(|p| p.locked = vec![locked("/d/e.db-shm", 0o400, true)]),
                &["grave /d/e.db-shm cannot be written by its owner, desk (mode 400): chmod 600 /d/e.db-shm"],
            ),
            (
                disk(|p| (p.runner, p.locked) = ("ana".into(), vec![locked("/d/e.db", 0o644, false)])),
                &[
                    "grave /d/e.db cannot be written by ana; the database belongs to desk: run it as the owner: sudo -u desk espomail …",
                ],
            ),
            (
                disk(|p| p.locked = vec![locked("/d", 0o755, false)]),
                &[
                    "grave /d cannot be written by desk; the database belongs to desk: give it back, as root: chown desk /d",
                ],
            ),
        ];
        for (disk, expected) in rows {
            let said = |t: &Trouble| format!("{}{}: {}", if t.is_grave { "grave " } else { "" }, t.what, t.remedy);
            assert_eq!(disk.troubles().iter().map(said).collect::<Vec<_>>(), expected, "{disk:?}");
        }
    }
}
