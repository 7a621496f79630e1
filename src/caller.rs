//! Who typed the command, as the operating system knows them, and in which mode the program therefore runs.
//!
//! *Enforced* mode: a service user owns the database (of one on a server: its state directory), and people come through a
//! rule of sudo, which says in `SUDO_UID` who they are. *Advisory* mode: one person owns it. [`Process::standing`] decides, and [`Caller::of`] acts on it: root becomes
//! the owner before anything is opened.

use std::ffi::CString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use nix::unistd::{self, Gid, Uid};

use crate::error::{self, Fault};
use crate::place::Place;

/// Accounts below this uid are the system's and its services'.
const FIRST_PERSON: u32 = 1000;
/// Other programs that change the user, and the variable by which they tell who came. Only sudo is believed.
const OTHERS: [&str; 2] = ["DOAS_USER", "PKEXEC_UID"];

/// Whether this process was root and has become another user, whose home `HOME` is not.
static HAS_BECOME: AtomicBool = AtomicBool::new(false);

/// The caller of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// User id of who typed the command: the real one, or of a delegated caller what sudo says.
    pub uid: u32,
    /// Login name that belongs to it; of somebody in advisory mode `$USER` where the system does not know them.
    pub login: Option<String>,
    /// User id that this process works with.
    pub process_uid: u32,
    /// How they stand to the database.
    pub standing: Standing,
}

/// How a caller stands to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Advisory mode: everyone who can open the database can do everything; users are mapped by login.
    Person,
    /// Enforced mode: root or the service user itself, the administrator.
    Service,
    /// Enforced mode: came through sudo, and may do what their user may.
    Delegated,
    /// The database of a service user is readable with the caller's own rights; users are mapped by login.
    Stranger,
}

impl Standing {
    /// `enforced` or `advisory`.
    pub fn mode(self) -> &'static str {
        if self == Standing::Person { "advisory" } else { "enforced" }
    }

    /// The mode and its reason, for people.
    pub fn describe(self) -> &'static str {
        match self {
            Standing::Person => "advisory: everyone who can open the database can do everything",
            Standing::Service => "enforced: a service user owns the database; it and root are administrators",
            Standing::Delegated => "enforced: a service user owns the database, you came through sudo",
            Standing::Stranger => "enforced, but the database file can be read without sudo: see `espomail doctor`",
        }
    }

    /// Whether a caller without a user is refused.
    pub fn needs_user(self) -> bool {
        matches!(self, Standing::Delegated | Standing::Stranger)
    }
}

/// What the operating system says of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Process {
    real: u32,
    effective: u32,
    /// `SUDO_UID`; `Err` where it is not a number.
    sudo: Option<Result<u32, ()>>,
    /// A variable of [`OTHERS`] that is set.
    other: Option<&'static str>,
}

impl Process {
    /// The running process.
    pub fn current() -> Process {
        let sudo = std::env::var_os("SUDO_UID");
        Process {
            real: unistd::getuid().as_raw(),
            effective: unistd::geteuid().as_raw(),
            sudo: sudo.map(|uid| uid.to_str().and_then(|uid| uid.parse().ok()).ok_or(())),
            other: OTHERS.into_iter().find(|name| std::env::var_os(name).is_some()),
        }
    }

    /// Whether it runs with the rights of root.
    pub fn is_root(&self) -> bool {
        self.effective == 0
    }

    /// Whether somebody who is not root came through sudo to another user than root. Nothing that they could have chosen
    /// is believed from then on: flags, environment, paths.
    pub fn is_delegated(&self) -> bool {
        let comes_from = |uid: Result<u32, ()>| uid.is_err() || uid.is_ok_and(|uid| uid != 0 && uid != self.effective);
        self.effective != 0 && self.sudo.is_some_and(comes_from)
    }

    /// How the caller stands to a database with this owner (`None`: there is none yet).
    ///
    /// # Errors
    /// Exit 77: a caller who cannot be told, or who came to a user that does not own the database.
    pub fn standing(&self, owner: Option<u32>) -> Result<Standing, Fault> {
        if self.real != self.effective {
            return Err(error::noperm("espomail must not be setuid")
                .hint("remove the setuid bit and add a sudoers rule instead"));
        }
        if self.is_delegated() {
            if self.sudo == Some(Err(())) {
                return Err(error::noperm("SUDO_UID is not a user id"));
            }
            return match owner.is_none_or(|owner| owner == self.effective) {
                true => Ok(Standing::Delegated),
                false => Err(error::noperm("SUDO_UID is trusted only when espomail runs as the owner of the database")
                    .hint("sudo -u OWNER espomail …; `espomail doctor`, as root, says whose it should be")),
            };
        }
        let owner = owner.unwrap_or(self.effective);
        if self.effective == 0 || owner == self.effective {
            return match self.other.filter(|_| self.effective != 0) {
                _ if !is_service(owner) => Ok(Standing::Person),
                Some(name) => Err(error::noperm(format!("{name}: only sudo is believed about who is calling"))
                    .hint("sudo -u OWNER espomail …")),
                None => Ok(Standing::Service),
            };
        }
        Ok(if is_service(owner) { Standing::Stranger } else { Standing::Person })
    }
}

impl Caller {
    /// The caller of the running process. Root becomes the owner of the database, for good; `None` where none is opened.
    ///
    /// # Errors
    /// As [`Process::standing`].
    pub fn of(process: &Process, place: Option<&Place>) -> Result<Caller> {
        let owner = place.and_then(|place| owner(place, process.effective == 0));
        let standing = process.standing(owner.map(|(uid, _)| uid))?;
        let uid = match process.sudo {
            Some(Ok(uid)) if standing == Standing::Delegated => uid,
            _ => process.real,
        };
        let unknown_login = || std::env::var("USER").ok().filter(|_| standing == Standing::Person);
        let login = login_of(uid).or_else(unknown_login);
        if let Some((uid, gid)) = owner.filter(|(uid, _)| process.effective == 0 && *uid != 0) {
            become_user(uid, gid).context("cannot become the owner of the database")?;
        }
        Ok(Caller { uid, login, process_uid: unistd::geteuid().as_raw(), standing })
    }

    /// Whether this caller came through sudo: no file is opened, no program started for them with the service user's rights.
    pub fn is_delegated(&self) -> bool {
        self.standing == Standing::Delegated
    }

    /// The refusal of a caller whom no user is mapped to.
    pub fn unknown(&self) -> Fault {
        let who = self.login.as_deref().map_or_else(|| format!("uid {}", self.uid), |login| format!("\"{login}\""));
        let hint = match &self.login {
            Some(login) => format!("an administrator can add one: sudo espomail user add {login}"),
            None => "the operating system has no name for this uid".to_owned(),
        };
        error::noperm(format!("no user has the login {who}")).hint(hint)
    }
}

/// Whether this is the uid of a service.
pub fn is_service(uid: u32) -> bool {
    (1..FIRST_PERSON).contains(&uid)
}

/// Whether a service user owns this database.
pub fn is_enforced(place: &Place) -> bool {
    owner(place, false).is_some_and(|(uid, _)| is_service(uid))
}

/// The home of the person who runs this process; root and service users have none. Through sudo the environment is not
/// asked.
pub fn home() -> Option<PathBuf> {
    let process = Process::current();
    if process.real < FIRST_PERSON {
        return None;
    }
    let by_passwd = || unistd::User::from_uid(Uid::from_raw(process.real)).ok().flatten().map(|user| user.dir);
    match process.is_delegated() || HAS_BECOME.load(Ordering::Relaxed) {
        true => by_passwd(),
        false => std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from).or_else(by_passwd),
    }
}

/// Who this process has become, where it was root's: the files of root are closed to it.
pub fn has_become() -> Option<String> {
    let uid = unistd::geteuid();
    let name = || login_of(uid.as_raw()).unwrap_or_else(|| format!("user {uid}"));
    HAS_BECOME.load(Ordering::Relaxed).then(name)
}

/// The login name of the owner of a database, whether or not it can be seen.
pub fn owner_name(place: &Place) -> Option<String> {
    owner(place, false).and_then(|(uid, _)| login_of(uid))
}

/// Owner and group of a database, which for one on a server are those of its state directory. Where it cannot be seen, or
/// root is about to make it, those of the directory it lies in.
fn owner(place: &Place, is_root: bool) -> Option<(u32, u32)> {
    let (file, state) = (place.file(), place.state());
    let kept = file.unwrap_or(&state);
    let facts = std::fs::metadata(kept).or_else(|e| match kept.parent() {
        Some(dir) if is_root || e.kind() == io::ErrorKind::PermissionDenied => std::fs::metadata(dir),
        _ => Err(e),
    });
    facts.ok().map(|facts| (facts.uid(), facts.gid()))
}

/// Whether this process is in a group of that name.
pub fn is_in_group(name: &str) -> bool {
    let group = unistd::Group::from_name(name).ok().flatten();
    group.is_some_and(|group| unistd::getgroups().is_ok_and(|groups| groups.contains(&group.gid)))
}

/// Whether somebody on this machine has this login name.
pub fn is_login(name: &str) -> bool {
    unistd::User::from_name(name).ok().flatten().is_some()
}

/// The login name of a uid, from wherever the system keeps its users.
pub fn login_of(uid: u32) -> Option<String> {
    unistd::User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name)
}

fn become_user(uid: u32, gid: u32) -> Result<()> {
    match unistd::User::from_uid(Uid::from_raw(uid))? {
        Some(user) => {
            unistd::initgroups(&CString::new(user.name)?, user.gid)?;
            unistd::setgid(user.gid)?;
        }
        None => {
            unistd::setgroups(&[])?;
            unistd::setgid(Gid::from_raw(gid))?;
        }
    }
    unistd::setuid(Uid::from_raw(uid))?;
    HAS_BECOME.store(true, Ordering::Relaxed);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SERVICE: u32 = 200;
    const ANA: u32 = 1001;
    const BUDI: u32 = 1002;

    fn process(effective: u32, sudo: Option<u32>) -> Process {
        Process { real: effective, effective, sudo: sudo.map(Ok), other: None }
    }

    #[test]
    fn the_owner_of_the_database_decides_who_is_believed() {
        use Standing::{Delegated, Person, Service, Stranger};
        for (effective, sudo, owner, expected) in [
            // The service user: alone, by root, by a person, by itself.
            (SERVICE, None, Some(SERVICE), Some(Service)),
            (SERVICE, Some(0), Some(SERVICE), Some(Service)),
            (SERVICE, Some(ANA), Some(SERVICE), Some(Delegated)),
            (SERVICE, Some(SERVICE), Some(SERVICE), Some(Service)),
            (SERVICE, Some(ANA), None, Some(Delegated)),
            (SERVICE, None, None, Some(Service)),
            // SUDO_UID is believed only by the owner.
            (SERVICE, Some(ANA), Some(BUDI), None),
            (SERVICE, Some(ANA), Some(0), None),
            // Root, no matter who called sudo.
            (0, None, Some(SERVICE), Some(Service)),
            (0, Some(ANA), Some(SERVICE), Some(Service)),
            (0, None, Some(0), Some(Person)),
            (0, Some(ANA), Some(0), Some(Person)),
            (0, None, Some(ANA), Some(Person)),
            (0, None, None, Some(Person)),
            // A person with a database of their own, and one who is lent to another by sudo.
            (ANA, None, Some(ANA), Some(Person)),
            (ANA, Some(0), Some(ANA), Some(Person)),
            (ANA, Some(BUDI), Some(ANA), Some(Delegated)),
            (ANA, None, None, Some(Person)),
            // Another's database that is readable all the same.
            (ANA, None, Some(BUDI), Some(Person)),
            (ANA, None, Some(0), Some(Person)),
            (ANA, None, Some(SERVICE), Some(Stranger)),
        ] {
            let standing = process(effective, sudo).standing(owner).ok();
            assert_eq!(standing, expected, "effective {effective}, sudo {sudo:?}, owner {owner:?}");
        }
    }

    #[test]
    fn callers_who_cannot_be_told_are_refused() {
        let base = process(SERVICE, None);
        for (what, process) in [
            ("setuid", Process { real: ANA, ..base.clone() }),
            ("SUDO_UID", Process { sudo: Some(Err(())), ..base.clone() }),
            ("DOAS_USER", Process { other: Some("DOAS_USER"), ..base.clone() }),
            ("PKEXEC_UID", Process { other: Some("PKEXEC_UID"), ..base.clone() }),
        ] {
            let refused = process.standing(Some(SERVICE)).unwrap_err();
            assert!(refused.message.contains(what), "{what}: {refused:?}");
            assert_eq!(refused.kind, error::Kind::NoPerm);
        }
        let person = Process { other: Some("DOAS_USER"), ..process(ANA, None) };
        assert_eq!(person.standing(Some(ANA)).unwrap(), Standing::Person);
    }

    #[test]
    fn logins_come_from_the_system() {
        assert_eq!(login_of(0).as_deref(), Some("root"));
        assert_eq!(login_of(3_999_999_999), None);
    }
}
