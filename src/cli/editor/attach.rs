//! Files that the field Attach of a letter names: read where the editor ran, with the rights of the person who typed it.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use crate::cli::named_files;
use crate::system_words;

/// At most `max` bytes of a file, and one more of a longer one. A path is as the person who types it means it: from where
/// they stand, or with `~/` from their home.
pub fn read(file: &str, max: u64) -> io::Result<Vec<u8>> {
    let home = file.strip_prefix("~/").zip(env::var_os("HOME"));
    let path = home.map_or_else(|| PathBuf::from(file), |(rest, home)| Path::new(&home).join(rest));
    let facts = fs::metadata(&path)?;
    if facts.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    named_files::read(&path.to_string_lossy(), max)
}

/// Why a file cannot be read, in words.
pub fn why(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "you are not allowed to read it".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        _ => system_words::reason(e),
    }
}
