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
use crate::job_control::{self, Outliving};
use crate::mail::message_id;
use crate::random;

/// A file that only its writer can read. It goes with its directory, unless it is kept.
pub struct Page {
    dir: PathBuf,
    file: PathBuf,
    kept: std::cell::Cell<bool>,
}

impl Page {
    /// The longest text that is read back.
    pub const MAX: u64 = 10 << 20;

    /// Writes the text into a file of this name.
    pub fn open(name: &str, text: &str) -> Result<Page> {
        let dir = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_dir());
        let key = format!("espomail-{}", message_id::new_key(random::bytes()?));
        let dir = dir.unwrap_or_else(env::temp_dir).join(key);
        DirBuilder::new().mode(0o700).create(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let file = dir.join(name);
        let page = Page { dir, file, kept: std::cell::Cell::new(false) };
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&page.file)?;
        file.write_all(text.as_bytes())?;
        Ok(page)
    }

    /// Lets the user edit it, and how the editor ended; what is in the file then.
    ///
    /// # Errors
    /// The file cannot be read; if it is there it is kept.
    pub fn edit(&self) -> Result<(Result<()>, String)> {
        let ended = run(&self.file);
        let mut typed = String::new();
        let read = File::open(&self.file).and_then(|file| file.take(Page::MAX).read_to_string(&mut typed));
        let Err(e) = read else { return Ok((ended, typed)) };
        let text = format!("the editor's file cannot be read: {e}");
        if e.kind() == io::ErrorKind::NotFound {
            return Err(error::data(text).into());
        }
        self.keep();
        Err(error::data(format!("{text}; it stays in {}", self.file.display())).into())
    }

    /// Whether it stays where it is.
    pub fn is_kept(&self) -> bool {
        self.kept.get()
    }

    /// Leaves it where it is.
    pub fn keep(&self) {
        self.kept.set(true);
    }

    /// Lets it go with the rest.
    pub fn discard(&self) {
        self.kept.set(false);
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
fn run(file: &Path) -> Result<()> {
    let named = ["VISUAL", "EDITOR"].into_iter().filter_map(|name| env::var(name).ok());
    let editor = named.into_iter().find(|editor| !editor.trim().is_empty()).unwrap_or_else(|| "vi".to_owned());
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{editor} \"$@\"")).arg(&editor).arg(file);
    // The editor uses Ctrl-C for its own ends or dies of it: what was typed is taken care of when it has ended.
    let outliving = Outliving::of(&[SIGINT, SIGQUIT, SIGHUP, SIGTERM]);
    match outliving.and_then(|_outliving| job_control::while_waiting(|| command.status())) {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Fault::new(Kind::Config, format!("the editor \"{editor}\" failed: {status}"))
            .hint("set VISUAL or EDITOR to one that works")
            .into()),
        Err(e) => Err(error::config(format!("the editor cannot be started: {e}")).into()),
    }
}
