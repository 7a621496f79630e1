//! Where the messages of an import come from: an mbox file, a Maildir, message files. One message is read at a time.

use std::fs::{self, File};
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::vec::IntoIter;

use anyhow::Result;
use jiff::Timestamp;

use crate::error::{self, Fault};
use crate::intake::bulk::Found;
use crate::mail::mbox::{Quoting, Reader};
use crate::mail::message;
use crate::system_words;

/// The next message and the bytes of the files that were read for it; an error concerns only one message, unless
/// nothing comes after it.
pub type Step = (Result<Found>, u64);

/// Messages to be imported.
pub struct Messages {
    /// Bytes of all files.
    pub bytes: u64,
    steps: Box<dyn Iterator<Item = Step>>,
}

impl Iterator for Messages {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        self.steps.next()
    }
}

/// The messages of an mbox file.
///
/// # Errors
/// It cannot be read, or is not an mbox file.
pub fn mbox(path: &Path, quoting: Quoting, max: u64) -> Result<Messages> {
    let file = File::open(path).map_err(|e| unreadable(path, &e))?;
    let facts = file.metadata().map_err(|e| unreadable(path, &e))?;
    if facts.is_dir() {
        let refused = error::data(format!("{} is a directory", path.display()));
        return Err(refused.hint("a Maildir is imported by `espomail import maildir`").into());
    }
    let modified = moment(&facts);
    let mut reader = Reader::new(BufReader::new(file), quoting, usize::try_from(max)?);
    reader.begin().map_err(|e| unreadable(path, &e))?;
    let (path, mut read, mut broken) = (path.to_owned(), 0, false);
    let steps = std::iter::from_fn(move || {
        if broken {
            return None;
        }
        let entry = reader.read();
        let bytes = reader.offset() - read;
        read = reader.offset();
        let found = match entry {
            Ok(None) => return None,
            Ok(Some(entry)) if entry.size > max => Err(too_large(&place(&path, entry.offset), entry.size, max)),
            Ok(Some(entry)) => Ok(Found { raw: entry.raw, date: entry.date.or(modified) }),
            Err(error) => {
                broken = true;
                Err(unreadable(&path, &error))
            }
        };
        Some((found, bytes))
    });
    Ok(Messages { bytes: facts.len(), steps: Box::new(steps) })
}

fn place(path: &Path, offset: u64) -> String {
    format!("{}, from byte {offset} on", path.display())
}

/// The messages of a Maildir, read and unread ones; with `recursive` those of its folders, too.
///
/// # Errors
/// It is none, or cannot be listed.
pub fn maildir(path: &Path, recursive: bool, max: u64) -> Result<Messages> {
    let is_maildir = |dir: &Path| dir.join("cur").is_dir() && dir.join("new").is_dir();
    if !is_maildir(path) {
        let refused = error::data(format!("{} is not a Maildir: it lacks cur and new", path.display()));
        return Err(refused.hint("a directory of message files is imported by `espomail import eml`").into());
    }
    let mut folders = vec![path.to_owned()];
    if recursive {
        // Maildir++: the folders lie next to one another, at any depth.
        folders.extend(entries(path)?.into_iter().filter(|entry| is_hidden(entry) && is_maildir(entry)));
    }
    let mut all = Vec::new();
    for folder in folders {
        for part in ["cur", "new"] {
            all.extend(entries(&folder.join(part))?.into_iter().filter(|file| !is_hidden(file) && file.is_file()));
        }
    }
    Ok(files(all, max))
}

/// A message file, or those of a directory whose names end with `.eml`.
///
/// # Errors
/// It is not there, cannot be listed, or is a directory without any.
pub fn eml(path: &Path, max: u64) -> Result<Messages> {
    let facts = fs::metadata(path).map_err(|e| unreadable(path, &e))?;
    if !facts.is_dir() {
        return Ok(files(vec![path.to_owned()], max));
    }
    let is_eml = |file: &PathBuf| file.extension().is_some_and(|e| e.eq_ignore_ascii_case("eml")) && file.is_file();
    let found: Vec<PathBuf> = entries(path)?.into_iter().filter(is_eml).collect();
    if found.is_empty() {
        let refused = error::data(format!("there is no file in {} whose name ends with .eml", path.display()));
        return Err(refused.hint("a Maildir is imported by `espomail import maildir`").into());
    }
    Ok(files(found, max))
}

/// What is in a directory, by name, so that two imports of it go the same way.
fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let listed = fs::read_dir(dir).map_err(|e| unreadable(dir, &e))?;
    let mut all: Vec<PathBuf> = listed.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    all.sort();
    Ok(all)
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn files(all: Vec<PathBuf>, max: u64) -> Messages {
    let bytes = all.iter().filter_map(|file| fs::metadata(file).ok()).map(|facts| facts.len()).sum();
    let files: IntoIter<PathBuf> = all.into_iter();
    Messages { bytes, steps: Box::new(files.map(move |file| read(&file, max))) }
}

fn read(path: &Path, max: u64) -> Step {
    let facts = match fs::metadata(path) {
        Ok(facts) => facts,
        Err(error) => return (Err(unreadable(path, &error)), 0),
    };
    if facts.len() > max {
        return (Err(too_large(&path.display().to_string(), facts.len(), max)), facts.len());
    }
    let raw = fs::read(path).map_err(|e| unreadable(path, &e)).and_then(|raw| match message::has_header(&raw) {
        true => Ok(raw),
        false => Err(no_mail(path)),
    });
    (raw.map(|raw| Found { raw, date: moment(&facts) }), facts.len())
}

fn moment(facts: &fs::Metadata) -> Option<Timestamp> {
    facts.modified().ok().and_then(|time| Timestamp::try_from(time).ok())
}

fn unreadable(path: &Path, error: &std::io::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::InvalidData => error::data(format!("{} {}", path.display(), system_words::reason(error))),
        _ => error::file(format!("cannot read {}", path.display()), error),
    }
    .into()
}

/// A text, a picture or an mbox: to archive it as a mail without sender and date would help nobody.
fn no_mail(path: &Path) -> anyhow::Error {
    let fault = error::data(format!("{} is not a mail: it does not begin with a header field", path.display()));
    fault.hint("an mbox file is imported by `espomail import mbox`").into()
}

/// A message over the limit is left out whole: what was cut could not be completed later.
fn too_large(place: &str, size: u64, max: u64) -> anyhow::Error {
    let text = format!("{place}: a message of {size} bytes is over message_max_size ({max}) and was left out");
    let fault: Fault = error::data(text);
    fault.hint("allow it with `espomail account edit NAME --max-size SIZE`, then import again").into()
}
