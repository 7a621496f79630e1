//! A file that a command writes as a whole, in the place of the one that it wrote last time.

use std::ffi::OsString;
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::context::Context;
use crate::error;
use crate::place;

/// Puts a file in its place in one step: a reader sees the one before or this one. `mode`, where others must read it.
///
/// # Errors
/// The file is none, or one of espomail's own (exit 2), and then it stays as it is; or it cannot be written. All name `flag`.
pub fn replace(flag: &str, file: &Path, bytes: &[u8], mode: Option<u32>, ctx: &Context) -> Result<()> {
    let Some(name) = file.file_name() else {
        return Err(error::usage(format!("{flag}: \"{}\" is not the name of a file", file.display()))
            .hint("name a file, or - for standard output")
            .into());
    };
    // A device, a pipe or what a link leads to would be gone.
    let there = file.symlink_metadata().ok();
    if there.as_ref().is_some_and(|there| !there.is_file()) {
        return Err(error::usage(format!("{flag}: {} is there and is not a plain file", file.display()))
            .hint("name another file, or - for standard output")
            .into());
    }
    let is_there = |own: &PathBuf| {
        let (Some(there), Ok(own)) = (&there, fs::metadata(own)) else { return false };
        (there.dev(), there.ino()) == (own.dev(), own.ino())
    };
    if let Some(own) = own_files(ctx).iter().find(|own| is_there(own)) {
        return Err(error::usage(format!("{flag}: {} belongs to espomail itself", own.display()))
            .hint("name another file")
            .into());
    }
    // No program that collects files takes a hidden one.
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}", std::process::id()));
    let aside = place::directory(file).join(hidden);
    let written = (|| {
        let _ = fs::remove_file(&aside);
        let mut new = OpenOptions::new().write(true).create_new(true).mode(mode.unwrap_or(0o666)).open(&aside)?;
        if let Some(mode) = mode {
            new.set_permissions(Permissions::from_mode(mode))?;
        }
        new.write_all(bytes)?;
        new.sync_all()?;
        fs::rename(&aside, file)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&aside);
    }
    Ok(written.map_err(|e| error::file(format!("{flag}: cannot write {}", file.display()), &e))?)
}

/// The database with what is next to it, and the configuration.
fn own_files(ctx: &Context) -> Vec<PathBuf> {
    let beside = |end: &str| {
        let mut name = ctx.place.file()?.as_os_str().to_owned();
        name.push(end);
        Some(PathBuf::from(name))
    };
    ["", "-wal", "-shm"].iter().filter_map(|end| beside(end)).chain(ctx.config_path.clone()).collect()
}
