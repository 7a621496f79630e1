//! Where an export goes: a file or directory that is written aside and takes its name when it is complete, or
//! standard output. Nothing that is there is ever overwritten.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use openssl::base64::encode_block;

use crate::cli::email::{self, Message};
use crate::error::{self, Fault, Kind};
use crate::mail::mbox;
use crate::mail::message::Attachment;
use crate::store::emails::EmailRow;
use crate::ui::cell::{self, Cell, Column, Shown, unlisted};
use crate::ui::output;

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One mboxrd file.
    Mbox,
    /// One file, a JSON object a line.
    Json,
    /// A directory with a file for each message.
    Eml,
    /// A Maildir.
    Maildir,
}

impl FromStr for Form {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Form, &'static str> {
        match text {
            "mbox" => Ok(Form::Mbox),
            "json" => Ok(Form::Json),
            "eml" => Ok(Form::Eml),
            "maildir" => Ok(Form::Maildir),
            _ => Err("mbox, json, eml or maildir"),
        }
    }
}

/// An email to be written.
pub struct Exported {
    /// Its attachments as the archive knows them.
    pub archived: Vec<Attachment>,
    /// As it is in lists.
    pub row: EmailRow,
    /// Its source.
    pub raw: Vec<u8>,
}

/// An export that is going on; what is not ended leaves nothing.
pub struct Target {
    form: Form,
    place: Place,
}

enum Place {
    Stdout,
    File(BufWriter<File>, Aside),
    Directory(Aside),
}

impl Target {
    /// Begins an export; `-` is standard output, which must not be a terminal for an mbox file.
    ///
    /// # Errors
    /// There is something of that name already, or nothing can be written there.
    pub fn begin(form: Form, path: &str, is_terminal: bool) -> Result<Target> {
        let place = match (form, path) {
            (Form::Eml | Form::Maildir, "-") => {
                let refused =
                    Fault::new(Kind::Usage, "--to: eml and maildir need a directory, and - is standard output");
                return Err(refused
                    .hint("name a new directory, or use mbox or json; through sudo only these two are possible")
                    .into());
            }
            (Form::Mbox, "-") if is_terminal => {
                let text = "--to: standard output is a terminal, which raw mail could take over";
                return Err(Fault::new(Kind::Usage, text).hint("name a new file").into());
            }
            (Form::Mbox | Form::Json, "-") => Place::Stdout,
            (Form::Mbox | Form::Json, path) => new_file(Path::new(path))?,
            (Form::Eml | Form::Maildir, path) => new_directory(Path::new(path), form)?,
        };
        Ok(Target { form, place })
    }

    /// Writes an email.
    pub fn add(&mut self, one: &Exported) -> Result<()> {
        let Exported { row: EmailRow { email, .. }, raw, .. } = one;
        let name = match self.form {
            Form::Mbox => {
                let mut bytes = Vec::with_capacity(raw.len() + 100);
                mbox::write(&mut bytes, raw, &email.from_address, email.received_at)?;
                return self.append(&bytes);
            }
            Form::Json => return self.append(json(one).as_bytes()),
            Form::Eml => format!("{}.eml", email.id),
            Form::Maildir => format!("cur/{}.{}.espomail:2,S", email.received_at.as_second(), email.id),
        };
        let Place::Directory(aside) = &self.place else { return Ok(()) };
        let path = aside.path.join(name);
        create(&path, &path)?.write_all(raw).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Makes sure that everything is on the disk and gives it its name.
    pub fn end(self) -> Result<()> {
        match self.place {
            Place::Stdout => Ok(()),
            Place::File(out, mut aside) => {
                let file = out.into_inner().map_err(|e| e.into_error())?;
                file.sync_all().with_context(|| format!("cannot write {}", aside.path.display()))?;
                aside.name_file()
            }
            Place::Directory(mut aside) => {
                // One sync of the file system: thousands of files one by one take minutes.
                let all = File::open(&aside.path).and_then(|dir| Ok(rustix::fs::syncfs(dir)?));
                all.with_context(|| format!("cannot write {}", aside.path.display()))?;
                aside.name_directory()
            }
        }
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.place {
            Place::File(out, aside) => {
                out.write_all(bytes).with_context(|| format!("cannot write {}", aside.path.display()))
            }
            _ => output::print(bytes),
        }
    }
}

/// The source, besides the fields of `email show --json`.
pub const RAW: &[Column<Vec<u8>>] = &[Column::new("raw_base64", unlisted(), |raw, _| Cell::text(&encode_block(raw)))];

/// The object of `email show --json`, and the source.
fn json(one: &Exported) -> String {
    let message = Message::stored(&one.row, &one.raw, one.archived.clone());
    // A line has no reader: its moments are UTC and have no age.
    let shown = Shown { now: Timestamp::UNIX_EPOCH, utc: true };
    let mut fields = cell::fields(email::MESSAGE_COLUMNS, &message, &shown);
    fields.extend(cell::fields(RAW, &one.raw, &shown));
    output::json_line("exported-email", fields)
}

fn new_file(path: &Path) -> Result<Place> {
    if path.symlink_metadata().is_ok() {
        return Err(exists(path));
    }
    let aside = Aside::of(path)?;
    let file = create(&aside.path, path)?;
    Ok(Place::File(BufWriter::new(file), aside))
}

fn new_directory(path: &Path, form: Form) -> Result<Place> {
    let is_empty = |path: &Path| fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    if path.symlink_metadata().is_ok_and(|facts| !facts.is_dir() || !is_empty(path)) {
        return Err(exists(path));
    }
    let aside = Aside::of(path)?;
    let parts: &[&str] = if form == Form::Maildir { &["", "tmp", "new", "cur"] } else { &[""] };
    for part in parts {
        let dir = aside.path.join(part);
        DirBuilder::new().mode(0o700).create(&dir).map_err(|e| cannot_make(path, &e))?;
    }
    Ok(Place::Directory(aside))
}

/// Makes a file that will be called `wanted`.
fn create(path: &Path, wanted: &Path) -> Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|e| cannot_make(wanted, &e))
}

fn exists(path: &Path) -> anyhow::Error {
    error::data(format!("--to: {} exists already", path.display()))
        .hint("name a new one, or an empty directory; nothing is overwritten")
        .into()
}

fn cannot_make(path: &Path, error: &std::io::Error) -> anyhow::Error {
    error::file(format!("--to: cannot make {}", path.display()), error).into()
}

/// What is being written, next to the place where it belongs; removed again unless it got its name.
struct Aside {
    path: PathBuf,
    wanted: PathBuf,
}

impl Aside {
    fn of(wanted: &Path) -> Result<Aside> {
        let Some(name) = wanted.file_name() else {
            return Err(error::data(format!("--to: {} cannot be the name of a new file", wanted.display())).into());
        };
        let name = format!(".{}.{}.partial", name.to_string_lossy(), std::process::id());
        Ok(Aside { path: wanted.with_file_name(name), wanted: wanted.to_owned() })
    }

    /// A link, unlike a rename, never replaces what came there meanwhile; not every file system has them.
    fn name_file(&mut self) -> Result<()> {
        match fs::hard_link(&self.path, &self.wanted) {
            Ok(()) => fs::remove_file(&self.path)?,
            Err(e) if e.kind() == ErrorKind::AlreadyExists => return Err(exists(&self.wanted)),
            Err(_) => fs::rename(&self.path, &self.wanted).map_err(|e| cannot_make(&self.wanted, &e))?,
        }
        self.sync_parent()
    }

    /// A directory takes the place of nothing but an empty one (rename(2)).
    fn name_directory(&mut self) -> Result<()> {
        fs::rename(&self.path, &self.wanted).map_err(|e| cannot_make(&self.wanted, &e))?;
        self.sync_parent()
    }

    fn sync_parent(&self) -> Result<()> {
        let parent = self.wanted.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync(parent.unwrap_or(Path::new(".")))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // Nothing is there any more where it got its name.
        let _ = fs::remove_file(&self.path).or_else(|_| fs::remove_dir_all(&self.path));
    }
}

/// Makes sure that what a directory lists is on the disk.
fn sync(dir: &Path) -> Result<()> {
    File::open(dir).and_then(|dir| dir.sync_all()).with_context(|| format!("cannot write {}", dir.display()))
}
