//! A text in the user's editor: a private file in a directory of its own.

use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use crate::error::{self, Fault, Kind};
use crate::job_control::{self, Heard, Outliving};
use crate::mail::message_id;
use crate::random;
use crate::system_words;

/// A file that only its writer can read. It goes with its directory, unless it is kept.
pub struct Page {
    dir: PathBuf,
    file: PathBuf,
    /// The line at which the editor begins, where it can be told.
    line: usize,
    kept: std::cell::Cell<bool>,
    /// An editor that failed has left files.
    has_more: std::cell::Cell<bool>,
}

impl Page {
    /// The longest text that is read back, in bytes.
    pub const MAX: u64 = 16 << 20;

    /// Writes the text into a file of this name, to be edited at a line.
    pub fn open(name: &str, text: &str, line: usize) -> Result<Page> {
        let dir = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_dir());
        let key = format!("espomail-{}", message_id::new_key(random::bytes()?));
        let dir = dir.unwrap_or_else(env::temp_dir).join(key);
        DirBuilder::new().mode(0o700).create(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let file = dir.join(name);
        let page = Page { dir, file, line, kept: false.into(), has_more: false.into() };
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&page.file)?;
        file.write_all(text.as_bytes())?;
        Ok(page)
    }

    /// Lets the user edit it, and how the editor ended; what is in the file then. Where an editor fails and leaves other
    /// files, unsaved words may be in them: they are kept.
    ///
    /// # Errors
    /// The file cannot be read; if it is there it is kept.
    pub fn edit(&self) -> Result<(Result<()>, Vec<u8>)> {
        let mut ended = run(&self.file, self.line);
        let others = self.others();
        if let Err(error) = ended {
            let dir = self.dir.display();
            let left = if others.is_empty() { String::new() } else { format!("; what it left is in {dir}") };
            self.kept.set(!others.is_empty());
            self.has_more.set(!others.is_empty());
            let (kind, hint) = error::classify(&error);
            let fault = Fault::new(kind, format!("{}{left}", system_words::chain(&error)));
            ended = Err(hint.into_iter().fold(fault, Fault::hint).into());
        }
        let mut typed = Vec::new();
        // Some editors have saved it under another name.
        let file = match others.as_slice() {
            [other] if !self.file.exists() => other,
            _ => &self.file,
        };
        let read = open_file(file).and_then(|file| file.take(Page::MAX + 1).read_to_end(&mut typed));
        let trouble = match read {
            Ok(_) if typed.len() as u64 <= Page::MAX => return Ok((ended, typed)),
            Ok(_) => format!("the text is longer than {} MiB", Page::MAX >> 20),
            Err(e) if e.kind() == io::ErrorKind::NotFound && others.is_empty() => {
                let text = "cancelled: the editor removed its file";
                return Err(ended.err().unwrap_or_else(|| Fault::new(Kind::Partial, text).into()));
            }
            Err(e) => format!("the editor's file cannot be read: {}", system_words::reason(&e)),
        };
        self.keep();
        Err(error::data(format!("{trouble}; it stays in {}", self.dir.display())).into())
    }

    /// Other files next to it, such as those of an editor that was killed.
    fn others(&self) -> Vec<PathBuf> {
        let found = fs::read_dir(&self.dir).into_iter().flatten().flatten().map(|entry| entry.path());
        found.filter(|path| *path != self.file).collect()
    }

    /// Whether it stays where it is.
    pub fn is_kept(&self) -> bool {
        self.kept.get()
    }

    /// Leaves it where it is.
    pub fn keep(&self) {
        self.kept.set(true);
    }

    /// Lets it go with the rest, unless an editor that failed has left files.
    pub fn discard(&self) {
        self.kept.set(self.has_more.get());
    }

    /// Where it is.
    pub fn file(&self) -> &Path {
        &self.file
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if !self.kept.get() {
            fs::remove_dir_all(&self.dir).ok();
        }
    }
}

/// `$VISUAL`, `$EDITOR` or `vi`, by the shell as git does it, so that they may hold arguments.
fn run(file: &Path, line: usize) -> Result<()> {
    let named = ["VISUAL", "EDITOR"].into_iter().filter_map(|name| env::var(name).ok());
    let editor = named.into_iter().find(|editor| !editor.trim().is_empty()).unwrap_or_else(|| "vi".to_owned());
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{editor} \"$@\"")).arg(&editor);
    if takes_line(&editor) {
        command.arg(format!("+{line}"));
    }
    command.arg(file);
    // The editor uses Ctrl-C for its own ends or dies of it: what was typed is taken care of when it has ended. Nobody means
    // to send a letter who ends this program.
    let heard = Heard::of(&[SIGHUP, SIGTERM])?;
    let outliving = Outliving::of(&[SIGINT, SIGQUIT, SIGHUP, SIGTERM]);
    let status = outliving.and_then(|_outliving| job_control::while_waiting(|| command.status()));
    let status =
        status.map_err(|e| error::config(format!("the editor cannot be started: {}", system_words::reason(&e))))?;
    if let Some(signal) = heard.name() {
        return Err(Fault::new(Kind::Partial, format!("{signal} arrived while the editor was open")).into());
    }
    if status.success() {
        return Ok(());
    }
    let text = format!("the editor \"{editor}\" {}", system_words::ended(status));
    Err(match status.code() {
        // The shell did not find it, or may not run it.
        Some(126 | 127) => Fault::new(Kind::Config, text).hint("set VISUAL or EDITOR to one that works"),
        _ => Fault::new(Kind::Partial, text),
    }
    .into())
}

/// Editors that begin at line N where `+N` stands before the file.
#[rustfmt::skip]
const BY_LINE: &[&str] = &[
    "vi", "nvi", "vim", "vim.tiny", "vim.basic", "vim.nox", "vim.gtk3", "gvim", "nvim", "elvis", "vile",
    "emacs", "emacs-nox", "emacs-gtk", "emacs-pgtk", "emacs-lucid", "emacsclient", "mg", "zile", "jmacs",
    "nano", "rnano", "pico", "micro", "joe", "jstar", "jpico", "kak", "ne",
];

/// Whether the editor of a command is one of these, also where it is called by another name (`editor`, or `vi` where that
/// is another program).
fn takes_line(command: &str) -> bool {
    let Some(word) = shlex::split(command).and_then(|words| words.into_iter().next()) else { return false };
    let dirs = env::var_os("PATH").unwrap_or_default();
    let mut places = env::split_paths(&dirs).map(|dir| dir.join(&word));
    let program = if word.contains('/') { Some(PathBuf::from(&word)) } else { places.find(|path| path.is_file()) };
    let program = program.and_then(|path| fs::canonicalize(path).ok()).unwrap_or_else(|| PathBuf::from(&word));
    let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    // A wrapper of the name is that editor, a box of many tools is none.
    let known = |name: Option<String>| name.is_some_and(|name| BY_LINE.contains(&name.as_str()));
    known(name(&program)) || (known(name(Path::new(&word))) && name(&program).as_deref() != Some("busybox"))
}

/// A file that is one: what somebody put in its place may never end.
fn open_file(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file any more"));
    }
    File::open(path)
}
