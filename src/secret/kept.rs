//! Secrets that came by standard input, and tokens: files in a directory of the state (`Place::secrets`), and
//! next to a backup.
//!
//! | name | what |
//! |---|---|
//! | `<account id>` | a password that came by standard input |
//! | `<account id>-smtp` | the same for SMTP alone |
//! | `<account id>.oauth` | the sign-in of a person |
//! | `oauth-<profile>` | the access token of an application |
//! | `oauth-<profile>-<account id>` | the same of a service account, for one mailbox |

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::OFlags;
use zeroize::Zeroizing;

use crate::error;

/// The end of the name of a secret that is for SMTP alone.
pub const OF_SMTP: &str = "-smtp";

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
    Aside::new(path, 0)?.store(secret)
}

/// A file that is written aside, before it takes the place of another one.
pub struct Aside {
    path: PathBuf,
    aside: PathBuf,
    file: File,
}

impl Aside {
    /// Makes the file aside, and gives it this length on the disk: a full or read-only disk is found now.
    ///
    /// # Errors
    /// Nothing can be written there; nothing of it stays.
    pub fn new(path: &Path, length: usize) -> Result<Aside> {
        make_private(path.parent().context("a path without a directory")?)?;
        let mut name = path.file_name().context("a path without a name")?.to_owned();
        name.push(format!(".new-{}", std::process::id()));
        let aside = path.with_file_name(name);
        let made = (|| -> io::Result<File> {
            // Never into something that was put there by another hand.
            discard(&aside)?;
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
            file.set_permissions(Permissions::from_mode(0o600))?;
            if length > 0 {
                file.write_all(&vec![b' '; length])?;
                file.sync_all()?;
            }
            Ok(file)
        })();
        if made.is_err() {
            let _ = discard(&aside);
        }
        let file = made.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Aside { path: path.to_owned(), aside, file })
    }

    /// Writes the secret, and puts the file in its place: on the disk when this returns.
    ///
    /// # Errors
    /// It cannot be written; the file that was there before is as it was.
    pub fn store(mut self, secret: &str) -> Result<()> {
        let written = (|| -> io::Result<()> {
            self.file.rewind()?;
            self.file.write_all(secret.as_bytes())?;
            self.file.write_all(b"\n")?;
            // Never shorter than before: what was given to it is kept until all is written.
            self.file.set_len(secret.len() as u64 + 1)?;
            self.file.sync_all()?;
            fs::rename(&self.aside, &self.path)?;
            File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()
        })();
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // Gone where it was put in its place.
        let _ = discard(&self.aside);
    }
}

/// The text of a file that only its owner, who is this process, can read and that is not a link; `None` where there is none.
///
/// # Errors
/// Exit 78: another kind of file, another owner, or others can read it; or the system's own error.
pub fn private(path: &Path) -> Result<Option<Zeroizing<String>>> {
    private_as("token file", path)
}

/// The same of a file that is called `what` in errors.
pub(super) fn private_as(what: &str, path: &Path) -> Result<Option<Zeroizing<String>>> {
    let shown = path.display();
    let bad = |why: &str, hint: String| Err(error::config(format!("{what} {shown}: {why}")).hint(hint).into());
    let facts = match path.symlink_metadata() {
        Ok(facts) => facts,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {shown}")),
    };
    if !facts.is_file() {
        return bad("is not a file", format!("look at it and move it away: ls -l {shown}"));
    }
    let own = rustix::process::geteuid().as_raw();
    if facts.uid() != own {
        return bad("belongs to another user", format!("chown {own} {shown}"));
    }
    if facts.mode() & 0o077 != 0 {
        let why = format!("others can read it (mode {:03o})", facts.mode() & 0o777);
        return bad(&why, format!("chmod 600 {shown}"));
    }
    let cannot = || format!("cannot read {shown}");
    let file = OpenOptions::new().read(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(path);
    let mut text = Zeroizing::new(Vec::new());
    file.with_context(cannot)?.take(super::MAX_BYTES).read_to_end(&mut text).with_context(cannot)?;
    Ok(Some(Zeroizing::new(String::from_utf8_lossy(&text).into_owned())))
}

/// Whether a file of this name is one of those that are kept.
fn is_kept(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let of_application = name.strip_prefix("oauth-").is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_word));
    let id = name.strip_suffix(".oauth").or(name.strip_suffix(OF_SMTP)).unwrap_or(name);
    is_number(id) || of_application
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

/// Copies all secrets of one directory into another; the number of them. `from` need not exist.
///
/// # Errors
/// A file cannot be read or written.
pub fn copy(from: &Path, to: &Path) -> Result<usize> {
    make_private(to)?;
    let mut copied = 0;
    for entry in fs::read_dir(from).into_iter().flatten() {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        if !name.to_str().is_some_and(is_kept) {
            continue;
        }
        let secret =
            Zeroizing::new(fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?);
        store(&to.join(name), secret.trim_end_matches('\n'))?;
        copied += 1;
    }
    Ok(copied)
}

fn make_private(dir: &Path) -> Result<()> {
    let made = (|| {
        if !dir.exists() {
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        // A disk that cannot be written shows by what is written there.
        match fs::metadata(dir)?.mode() & 0o777 == 0o700 {
            true => Ok(()),
            false => fs::set_permissions(dir, Permissions::from_mode(0o700)),
        }
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
        for name in ["12.oauth", "oauth-work", "oauth-work-12"] {
            store(&secrets.join(name), name).unwrap();
        }
        for name in ["1.new-4711", "oauth-work.new-4711", "12.oauth.new-4711", "notes"] {
            fs::write(secrets.join(name), "left by a kill").unwrap();
        }

        assert_eq!(copy(&secrets, &backup).unwrap(), 6);
        assert_eq!((mode(&backup), mode(&backup.join("12"))), (0o700, 0o600));
        assert_eq!(fs::read_to_string(backup.join("12")).unwrap(), "other\n");
        assert_eq!(fs::read_dir(&backup).unwrap().count(), 6, "nothing half is copied");
        for name in ["12.oauth", "oauth-work", "oauth-work-12"] {
            assert_eq!(fs::read_to_string(backup.join(name)).unwrap(), format!("{name}\n"));
            remove(&secrets.join(name)).unwrap();
        }
        fs::remove_file(secrets.join("notes")).unwrap();
        copy(&dir.join("nothing"), &dir.join("empty")).unwrap();

        remove(&secrets.join("1")).unwrap();
        remove(&secrets.join("1")).unwrap();
        assert!(path.exists() && secrets.join("1-smtp").exists());
        assert!(fs::read_dir(&secrets).unwrap().count() == 2, "only that one and its leavings");
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_file_aside_is_there_before_anything_is_asked_and_leaves_nothing() {
        let dir = std::env::temp_dir().join(format!("espomail-kept-aside-{}", std::process::id()));
        let path = dir.join("7.oauth");
        store(&path, "old").unwrap();
        let aside = Aside::new(&path, 5_000).unwrap();
        let beside = dir.join(format!("7.oauth.new-{}", std::process::id()));
        assert_eq!((fs::metadata(&beside).unwrap().len(), mode(&beside)), (5_000, 0o600));
        drop(aside);
        assert!(!beside.exists() && fs::read_to_string(&path).unwrap() == "old\n");
        Aside::new(&path, 5_000).unwrap().store("new").unwrap();
        assert!(!beside.exists() && fs::read_to_string(&path).unwrap() == "new\n");
        assert_eq!(private(&path).unwrap().unwrap().as_str(), "new\n");
        assert!(private(&dir.join("8.oauth")).unwrap().is_none());
        let refused = |path: &Path| format!("{:#}", private(path).err().unwrap());
        std::os::unix::fs::symlink(&path, dir.join("9.oauth")).unwrap();
        assert!(refused(&dir.join("9.oauth")).contains("is not a file") && refused(&dir).contains("is not a file"));
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert!(refused(&path).contains("others can read it (mode 644)"));
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
