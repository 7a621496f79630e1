//! How the values of settings are read.

use anyhow::Result;

use crate::cli::context;
use crate::error;

/// What `--since` gets where all mail is meant.
pub const ALL_MAIL: &str = "all";

/// Flags with whether they are given.
pub type Given = Vec<(&'static str, bool)>;

/// The value of a flag that says yes or no.
pub fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(format!("must be yes or no, not \"{text}\"")),
    }
}

/// The new value of a setting that an empty one takes away.
pub fn changed<T>(given: Option<&String>, old: Option<T>, read: impl FnOnce(&str) -> Result<T>) -> Result<Option<T>> {
    match given {
        None => Ok(old),
        Some(text) if text.is_empty() => Ok(None),
        Some(text) => read(text).map(Some),
    }
}

/// The addresses of a flag that is repeated; an empty one is none.
pub fn addresses(flag: &str, given: &[String], old: Vec<String>) -> Result<Vec<String>> {
    if given.is_empty() {
        return Ok(old);
    }
    given.iter().filter(|text| !text.is_empty()).map(|text| context::mail_address(flag, text)).collect()
}

/// Refuses a folder that junk cannot be moved to: the inbox, where it came in, and patterns of names.
pub fn check_junk_folder(name: &str) -> Result<()> {
    check_folder("--junk-folder", name)?;
    if name.trim().eq_ignore_ascii_case("inbox") {
        return Err(error::usage("--junk-folder: INBOX is where mail comes in, and cannot take junk").into());
    }
    if name.trim().is_empty() || name.contains(['*', '%']) {
        let text = format!("--junk-folder: \"{name}\" is not the name of one folder");
        return Err(error::usage(text).hint("type the name as the server lists it, such as Junk or Spam").into());
    }
    Ok(())
}

/// Refuses what cannot be the name of a folder.
pub fn check_folder(field: &str, name: &str) -> Result<()> {
    if name.chars().any(char::is_control) {
        return Err(error::usage(format!("{field}: \"{}\" is not a folder name", name.escape_debug())).into());
    }
    Ok(())
}
