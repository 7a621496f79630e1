//! What an `init` that was killed leaves besides a database that has no name yet: the files of a password and of a key. They
//! are written down before they are made, and go when somebody comes next.
//!
//! They are its own only as long as the database has no name: then that file, which gets the name in one step, is still there.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rustix::fs::{FlockOperation, flock};

use crate::place::{self, Place};
use crate::secret;
use crate::store::db::NewFile;

/// What is written down, until this is dropped.
pub struct Unfinished(Option<PathBuf>);

impl Unfinished {
    /// Writes down files that are about to be made for a database file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn begin(place: &Place, files: &[PathBuf]) -> Result<Unfinished> {
        let list = place.unfinished();
        if files.is_empty() || place.file().is_none() {
            return Ok(Unfinished(None));
        }
        let names: Vec<String> = files.iter().map(|file| format!("{}\n", file.display())).collect();
        let _ = fs::remove_file(&list);
        secret::store(&list, &format!("{}\n{}", std::process::id(), names.concat()))?;
        Ok(Unfinished(Some(list)))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.0.iter().for_each(|list| drop(fs::remove_file(list)));
    }
}

/// Removes what was left where a database was to be, unless somebody is making one now.
pub fn clear_if_nobody_makes_it(place: &Place) {
    if !place.is_missing() || !place.unfinished().exists() {
        return;
    }
    let alone = place.file().map(|file| File::open(place::directory(file)));
    let Some(Ok(directory)) = alone else { return };
    if flock(&directory, FlockOperation::NonBlockingLockExclusive).is_ok() {
        clear(place);
    }
}

/// The same for who is alone there.
pub fn clear(place: &Place) {
    let (list, Some(target)) = (place.unfinished(), place.file()) else { return };
    let text = match fs::read_to_string(&list) {
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        text => text.unwrap_or_default(),
    };
    let mut lines = text.lines();
    let maker: Option<u32> = lines.next().and_then(|line| line.parse().ok());
    if maker.is_some_and(|maker| NewFile::is_left(target, maker)) && place.is_missing() {
        let own = place.secrets();
        let is_own = |file: &&Path| file.parent() == Some(&own) || file.parent() == Some(&place.state());
        lines.map(Path::new).filter(is_own).for_each(|file| drop(secret::remove(file)));
        // One that holds something stays.
        let _ = fs::remove_dir(own);
        NewFile::remove_left(target);
    }
    let _ = fs::remove_file(list);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_a_killed_init_left_goes_unless_the_database_has_its_name() {
        let dir = std::env::temp_dir().join(format!("espomail-unfinished-{}", std::process::id()));
        for (aside, is_there, list, goes) in [
            ("4999999", false, "4999999", true),
            // It was named, and removed by somebody since: the password is theirs.
            ("", false, "4999999", false),
            ("4999998", false, "4999999", false),
            ("4999999", false, "x", false),
            ("4999999", true, "4999999", false),
        ] {
            let _ = fs::remove_dir_all(&dir);
            fs::create_dir_all(&dir).unwrap();
            let place = Place::of_file(dir.join("e.db"));
            let (password, other) = (place.secrets().join("1"), dir.join("elsewhere"));
            secret::store(&password, "pw").unwrap();
            let outside = dir.join("a").join("b");
            fs::create_dir_all(outside.parent().unwrap()).unwrap();
            for file in [&other, &outside] {
                fs::write(file, "").unwrap();
            }
            if is_there {
                fs::write(dir.join("e.db"), "").unwrap();
            }
            if !aside.is_empty() {
                fs::write(dir.join(format!("e.db.copying-{aside}")), "").unwrap();
            }
            let kept = Unfinished::begin(&place, &[password.clone(), outside.clone()]).unwrap();
            let text = fs::read_to_string(place.unfinished()).unwrap();
            fs::write(place.unfinished(), text.replacen(&std::process::id().to_string(), list, 1)).unwrap();
            std::mem::forget(kept);
            clear_if_nobody_makes_it(&place);
            assert_eq!(password.exists(), !goes, "{aside} {is_there} {list}");
            assert!(other.exists() && outside.exists());
            assert_eq!(place.unfinished().exists(), is_there, "{aside} {is_there} {list}");
        }
        // Somebody is making it.
        let place = Place::of_file(dir.join("e.db"));
        let _ = fs::remove_file(dir.join("e.db"));
        let directory = File::open(&dir).unwrap();
        flock(&directory, FlockOperation::LockExclusive).unwrap();
        clear_if_nobody_makes_it(&place);
        assert!(place.unfinished().exists());
        fs::remove_dir_all(dir).unwrap();
    }
}
