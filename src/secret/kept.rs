//! Secrets that came by standard input: files `secrets/<account id>` next to the database, and next to a backup; what is
//! for SMTP alone has a file of its own.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use zeroize::Zeroizing;

/// The end of the name of a secret that is for SMTP alone.
pub const OF_SMTP: &str = "-smtp";

/// Where the secrets of a database are.
pub fn directory(database: &Path) -> PathBuf {
    database.parent().unwrap_or(Path::new("")).join("secrets")
}

/// Where those of a backup are.
pub fn directory_of_backup(backup: &Path) -> PathBuf {
    let mut name = OsString::from(backup);
    name.push(".secrets");
    PathBuf::from(name)
}

/// Keeps a secret: 0600 in a directory 0700, written aside, fsynced, renamed, with any umask.
///
/// # Errors
/// Nothing can be written there; no half of it stays.
pub fn store(path: &Path, secret: &str) -> Result<()> {
    let dir = path.parent().context("a path without a directory")?;
    make_private(dir)?;
    let aside = path.with_extension(format!("new-{}", std::process::id()));
    let written = (|| -> io::Result<()> {
        // Never into something that was put there by another hand.
        discard(&aside)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(secret.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&aside, path)?;
        File::open(dir)?.sync_all()
    })();
    if written.is_err() {
        let _ = discard(&aside);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Removes a secret, and what a killed process left next to it.
///
/// # Errors
/// It is there and cannot be removed.
pub fn remove(path: &Path) -> Result<()> {
    discard(path).with_context(|| format!("cannot remove {}", path.display()))?;
    let (Some(dir), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Ok(());
    };
    let aside = format!("{name}.new-");
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(&aside)) {
            discard(&entry.path()).with_context(|| format!("cannot remove {}", entry.path().display()))?;
        }
    }
    Ok(())
}

/// Copies all secrets of one directory into another; `from` need not exist.
///
/// # Errors
/// A file cannot be read or written.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    make_private(to)?;
    for entry in fs::read_dir(from).into_iter().flatten() {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        let id = name.to_str().map(|name| name.strip_suffix(OF_SMTP).unwrap_or(name));
        if id.is_none_or(|id| !id.bytes().all(|byte| byte.is_ascii_digit())) {
            continue;
        }
        let secret =
            Zeroizing::new(fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?);
        store(&to.join(name), secret.trim_end_matches('\n'))?;
    }
    Ok(())
}

fn make_private(dir: &Path) -> Result<()> {
    let made = (|| {
        if !dir.exists() {
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        fs::set_permissions(dir, Permissions::from_mode(0o700))
    })();
    made.with_context(|| format!("cannot make {} private", dir.display()))
}

fn discard(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_secret_is_private_is_copied_and_goes_without_a_trace() {
        let dir = std::env::temp_dir().join(format!("espomail-kept-{}", std::process::id()));
        let (secrets, backup) = (dir.join("secrets"), directory_of_backup(&dir.join("copy.db")));
        fs::create_dir_all(&secrets).unwrap();
        fs::set_permissions(&secrets, Permissions::from_mode(0o755)).unwrap();
        let path = secrets.join("12");
        store(&path, "s3cret").unwrap();
        store(&path, "other").unwrap();
        store(&secrets.join("1"), "first").unwrap();
        store(&secrets.join("1-smtp"), "second").unwrap();
        assert_eq!((mode(&secrets), mode(&path)), (0o700, 0o600));
        assert_eq!(fs::read_to_string(&path).unwrap(), "other\n");
        fs::write(secrets.join("1.new-4711"), "left by a kill").unwrap();

        copy(&secrets, &backup).unwrap();
        assert_eq!((mode(&backup), mode(&backup.join("12"))), (0o700, 0o600));
        assert_eq!(fs::read_to_string(backup.join("12")).unwrap(), "other\n");
        assert_eq!(fs::read_dir(&backup).unwrap().count(), 3, "nothing half is copied");
        copy(&dir.join("nothing"), &dir.join("empty")).unwrap();

        remove(&secrets.join("1")).unwrap();
        remove(&secrets.join("1")).unwrap();
        assert!(path.exists() && secrets.join("1-smtp").exists());
        assert!(fs::read_dir(&secrets).unwrap().count() == 2, "only that one and its leavings");
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_link_in_the_way_is_not_followed() {
        let dir = std::env::temp_dir().join(format!("espomail-kept-link-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let aside = dir.join(format!("7.new-{}", std::process::id()));
        std::os::unix::fs::symlink(dir.join("elsewhere"), &aside).unwrap();
        store(&dir.join("7"), "s3cret").unwrap();
        assert!(!dir.join("elsewhere").exists() && dir.join("7").is_file());
        fs::remove_dir_all(dir).unwrap();
    }
}
