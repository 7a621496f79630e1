//! Whether a state directory can be that of a database.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::{Database, Place, real};
use crate::caller;
use crate::error::{self, Fault};
use crate::system_words;

impl Place {
    /// Makes the state directory that was named, or that of a server, 0700.
    ///
    /// # Errors
    /// As [`Place::admit`]; or it cannot be made.
    pub fn make_state(&self) -> Result<(), Fault> {
        let state = self.state.clone().or_else(|| self.server().map(|_| self.state()));
        if let Some(state) = state.filter(|state| !state.exists()) {
            make(&state)?;
        }
        self.admit(true)
    }

    /// Keeps a new database from secrets that an older release kept for another one in its directory.
    ///
    /// # Errors
    /// A directory cannot be made.
    pub fn part_from_old_secrets(&self) -> Result<(), Fault> {
        if self.old_secrets().is_some() { make(&self.own_secrets()) } else { Ok(()) }
    }

    /// Puts the secrets of a database aside, before another one is put in its place; where they are then.
    ///
    /// # Errors
    /// They cannot be moved.
    pub fn put_secrets_aside(&self, end: &str) -> Result<Option<PathBuf>, Fault> {
        let own = self.own_secrets();
        let aside = self.state().join(self.with_end(&format!(".secrets{end}")));
        let moved = own.is_dir().then(|| fs::rename(&own, &aside).map(|()| aside)).transpose();
        let moved = moved.map_err(|e| error::file(format!("cannot move {}", own.display()), &e))?;
        self.part_from_old_secrets()?;
        Ok(moved)
    }

    /// Puts them back, where the other one could not be put in place.
    pub fn take_secrets_back(&self, aside: &Path) {
        let own = self.own_secrets();
        // An empty one that was made meanwhile is replaced.
        let _ = fs::rename(aside, own);
    }

    /// Refuses a state directory that was named and cannot be that of this database; with `claims` it is taken for it.
    /// Of a server one that is there is refused unnamed as well.
    ///
    /// # Errors
    /// Exit 78: there is none, it is not a directory, it belongs to another user than the database, or another database of
    /// the same name has its state there.
    pub fn admit(&self, claims: bool) -> Result<(), Fault> {
        match (&self.database, &self.state) {
            (Database::File(file), Some(state)) => self.admit_of_file(file, state, claims),
            (Database::File(_), None) => Ok(()),
            (Database::Server(_), _) => self.admit_of_server(),
        }
    }

    fn admit_of_file(&self, file: &Path, state: &Path, claims: bool) -> Result<(), Fault> {
        let (shown, facts) = (state.display(), facts(state)?);
        let mine = rustix::process::geteuid().as_raw();
        let owner = match fs::metadata(file) {
            Ok(database) => database.uid(),
            Err(e) if e.kind() == ErrorKind::NotFound => mine,
            // Who opens the database hears why it cannot be looked at.
            Err(_) => facts.uid(),
        };
        if facts.uid() != owner {
            let text = format!(
                "the state directory {shown} belongs to {}, the database {} to {}",
                name_of(facts.uid()),
                file.display(),
                name_of(owner)
            );
            return Err(error::config(text).hint(format!("name a directory of {} with --state", name_of(owner))));
        }
        self.refuse_another(file, state)?;
        if claims {
            // Where nothing can be written, no state is written either.
            let _ = self.claim(file, state);
        }
        Ok(())
    }

    /// The database has no owner on this machine: that of its state has to be who uses it.
    fn admit_of_server(&self) -> Result<(), Fault> {
        let state = self.state();
        // What is kept there first makes it.
        if self.state.is_none() && !state.exists() {
            return Ok(());
        }
        let (owner, mine) = (facts(&state)?.uid(), rustix::process::geteuid().as_raw());
        if owner != mine {
            let (owner, mine) = (name_of(owner), name_of(mine));
            let text = format!("the state directory {} belongs to {owner}, and you are {mine}", state.display());
            return Err(error::config(text).hint("name a directory of your own with --state"));
        }
        Ok(())
    }

    /// Which database of this name has its state in this directory.
    fn claim_file(&self, state: &Path) -> PathBuf {
        state.join(self.with_end(".database"))
    }

    fn refuse_another(&self, file: &Path, state: &Path) -> Result<(), Fault> {
        let claimed = fs::read(self.claim_file(state)).unwrap_or_default();
        let claimed = PathBuf::from(OsString::from_vec(claimed.trim_ascii_end().to_vec()));
        // One that is gone was moved here; of one whose disk is not there that cannot be told.
        let is_gone = claimed.parent().is_some_and(Path::is_dir) && claimed.try_exists().is_ok_and(|there| !there);
        if claimed.as_os_str().is_empty() || claimed == real(file) || is_gone {
            return Ok(());
        }
        let text = format!(
            "the state directory {} is that of {}, which has the same name",
            state.display(),
            claimed.display()
        );
        let another = "name another directory with --state: passwords would be mixed up";
        Err(error::config(text).hint(match claimed.exists() {
            true => another.to_owned(),
            false => format!(
                "that one is not there: if it is the one that was moved to {}, rm {}; else {another}",
                file.display(),
                self.claim_file(state).display()
            ),
        }))
    }

    fn claim(&self, file: &Path, state: &Path) -> io::Result<()> {
        let (path, file) = (self.claim_file(state), real(file));
        if fs::read(&path).is_ok_and(|bytes| bytes.trim_ascii_end() == file.as_os_str().as_bytes()) {
            return Ok(());
        }
        let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        out.write_all(file.as_os_str().as_bytes())?;
        out.write_all(b"\n")
    }
}

/// What is known of a state directory.
fn facts(state: &Path) -> Result<Metadata, Fault> {
    let shown = state.display();
    let facts = fs::metadata(state).map_err(|e| match e.kind() {
        ErrorKind::NotFound => {
            let make = to_make(state, rustix::process::geteuid().is_root());
            error::config(format!("there is no state directory {shown}")).hint(format!(
                "`espomail init` makes it for a new database; for one that is there: {make}, or name another one with \
                 --state"
            ))
        }
        _ => error::config(format!("the state directory {shown}: {}", system_words::reason(&e)))
            .hint("name another one with --state"),
    })?;
    match facts.is_dir() {
        true => Ok(facts),
        false => Err(error::config(format!("the state directory {shown} is not a directory"))
            .hint("name a directory with --state")),
    }
}

/// How a state directory is made. One that root makes for itself would be root's, and the service user could not work there.
fn to_make(state: &Path, is_root: bool) -> String {
    let shown = state.display();
    match is_root {
        true => format!("install -d -m 700 -o USER {shown}, where USER runs espomail, such as espomail"),
        false => format!("mkdir -m 700 {shown}"),
    }
}

fn name_of(uid: u32) -> String {
    caller::login_of(uid).unwrap_or_else(|| format!("uid {uid}"))
}

fn make(dir: &Path) -> Result<(), Fault> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| cannot_make(dir, &e))
}

/// A directory of the state that cannot be made.
pub fn cannot_make(dir: &Path, error: &io::Error) -> Fault {
    let fault = error::file(format!("cannot make {}", dir.display()), error);
    Fault { kind: error::Kind::Io, ..fault }.hint("`espomail doctor` shows who can write what")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_makes_a_state_directory_for_the_user_who_runs_the_program() {
        for (is_root, expected) in [(true, "install -d -m 700 -o USER /s, where "), (false, "mkdir -m 700 /s")] {
            assert!(to_make(Path::new("/s"), is_root).starts_with(expected), "{is_root}");
        }
    }
}
