//! Files of services: `[NAME]`, and below it `keyword=value`, as libpq reads them.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::surroundings::Surroundings;
use super::words::{self, Words};
use crate::error::{self, Fault};
use crate::system_words;

/// No file of services or passwords is longer.
pub const MOST_BYTES: u64 = 1 << 20;

/// What a file says of a service.
pub struct Service {
    pub file: PathBuf,
    pub words: Words,
    pub has_password: bool,
}

/// Finds a service in the files of these surroundings.
///
/// # Errors
/// No file has it (exit 78), or the one that has it cannot be used.
pub fn find(name: &str, surroundings: &Surroundings) -> Result<Service, Fault> {
    let files = surroundings.service_files();
    for file in &files {
        let Some(text) = read(file)? else { continue };
        let Some(pairs) = section(&text, name, file)? else { continue };
        let has_password = pairs.iter().any(|(key, _)| key == "password");
        let pairs = pairs.into_iter().filter(|(key, _)| key != "password").collect();
        let words = words::known(pairs).map_err(|fault| {
            let text = format!("service {name} in {}: {}", file.display(), fault.message);
            Fault { hint: fault.hint, ..error::config(text) }
        })?;
        if has_password {
            refuse_open(file)?;
        }
        return Ok(Service { file: file.clone(), words, has_password });
    }
    let looked: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    Err(error::config(format!("there is no service \"{name}\""))
        .hint(format!("it is looked for in {}; PGSERVICEFILE names another file", looked.join(", "))))
}

/// The password that a file has for a service.
///
/// # Errors
/// It cannot be read any more, or others can read it.
pub fn password(name: &str, file: &Path) -> Result<Option<Zeroizing<String>>, Fault> {
    refuse_open(file)?;
    let text = read(file)?.unwrap_or_default();
    let pairs = section(&text, name, file)?.unwrap_or_default();
    let password = pairs.into_iter().find(|(key, _)| key == "password");
    Ok(password.map(|(_, value)| Zeroizing::new(value)).filter(|value| !value.is_empty()))
}

/// The text of a file; `None` where there is none.
pub fn read(file: &Path) -> Result<Option<Zeroizing<String>>, Fault> {
    let bad = |e: &std::io::Error| Fault {
        cause: Some(e.kind()),
        ..error::config(format!("cannot read {}: {}", file.display(), system_words::reason(e)))
    };
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(e) => return Err(bad(&e)),
    };
    let mut text = Zeroizing::new(String::new());
    opened.take(MOST_BYTES).read_to_string(&mut text).map_err(|e| bad(&e))?;
    Ok(Some(text))
}

/// Refuses a file with passwords that others can read.
///
/// # Errors
/// They can (exit 78), or it is not a file.
pub fn refuse_open(file: &Path) -> Result<(), Fault> {
    let shown = file.display();
    let facts = fs::metadata(file).map_err(|e| Fault {
        cause: Some(e.kind()),
        ..error::config(format!("cannot read {shown}: {}", system_words::reason(&e)))
    })?;
    if !facts.is_file() {
        return Err(error::config(format!("{shown} is not a file")).hint("name the file with the password"));
    }
    if facts.mode() & 0o077 != 0 {
        let text = format!("{shown} holds a password, and others can read it (mode {:03o})", facts.mode() & 0o777);
        return Err(error::config(text).hint(format!("chmod 600 {shown}, or take the password out of it")));
    }
    Ok(())
}

/// The lines of one service; `None` = the file does not have it.
fn section(text: &str, name: &str, file: &Path) -> Result<Option<Vec<(String, String)>>, Fault> {
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let of_section = |line: &str| line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).map(str::to_owned);
    let mut found: Option<Vec<(String, String)>> = None;
    for (at, line) in lines {
        match (of_section(line), &mut found) {
            (Some(_), Some(_)) => break,
            (Some(other), None) => found = (other == name).then(Vec::new),
            (None, None) => {}
            (None, Some(pairs)) => {
                let bad = |why: &str| {
                    let text = format!("{}, line {}: {why}", file.display(), at + 1);
                    error::config(text).hint("the lines of a service are keyword=value, without quotes")
                };
                let (key, value) = line.split_once('=').ok_or_else(|| bad("is not in the form keyword=value"))?;
                if key.trim() == "service" {
                    return Err(bad("a service cannot name another one"));
                }
                pairs.push((key.trim().to_owned(), value.trim().to_owned()));
            }
        }
    }
    Ok(found)
}
