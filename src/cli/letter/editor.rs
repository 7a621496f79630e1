//! The user's editor on a private file. What was typed is a letter, a draft, or still in that file: never lost.

use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::flag;

use crate::cli::context::Context;
use crate::error::{self, Fault, Kind};
use crate::intake::world;
use crate::mail::draft_file::{self, Edited};
use crate::mail::message_id;
use crate::reply::Started;

/// The longest text that is read back.
const MAX: u64 = 10 << 20;

/// A letter as a file that only its writer can read, in a directory of its own. Both go with it.
pub struct Sheet {
    dir: PathBuf,
    file: PathBuf,
    written: String,
    kept: std::cell::Cell<bool>,
}

impl Sheet {
    /// Writes the letter down.
    pub fn open(started: &Started) -> Result<Sheet> {
        let dir = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_dir());
        let name = format!("espomail-{}", message_id::new_key(world::random()?));
        let dir = dir.unwrap_or_else(env::temp_dir).join(name);
        DirBuilder::new().mode(0o700).create(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let file = dir.join(if started.letter.markdown { "letter.md" } else { "letter.txt" });
        let written = draft_file::write(&comments(started), &started.letter.head, &started.letter.text);
        let sheet = Sheet { dir, file, written, kept: std::cell::Cell::new(false) };
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&sheet.file)?;
        file.write_all(sheet.written.as_bytes())?;
        Ok(sheet)
    }

    /// Lets the user edit the letter. One that is empty, or not changed where nothing was `prefilled`, is cancelled.
    pub fn edit(&self, ctx: &Context, started: &mut Started, prefilled: bool) -> Result<()> {
        let ended = run(&self.file);
        let typed = self.read()?;
        let edited = draft_file::read(&typed);
        let cancelled = edited.text.trim().is_empty() || (typed == self.written && !prefilled);
        if cancelled {
            let kept = started.draft.map(|kept| format!("; draft {} is as it was", kept.email_id)).unwrap_or_default();
            ended?;
            return Err(
                Fault::new(Kind::Partial, format!("cancelled: the text is empty or was not changed{kept}")).into()
            );
        }
        let trouble = take(started, edited);
        let failed = ended.and_then(|()| trouble.map_or(Ok(()), |text| Err(error::data(text).into())));
        self.rescued(ctx, started, failed)
    }

    /// The result as it is; in front of an error the letter is kept as a draft, or where even that fails the file stays.
    pub fn rescued(&self, ctx: &Context, started: &Started, done: Result<()>) -> Result<()> {
        let Err(error) = done else { return Ok(()) };
        // It was rescued before.
        if self.kept.get() {
            return Err(error);
        }
        let kind = error::classify(&error).0;
        self.kept.set(true);
        // Beside a draft that is another now.
        let apart = || super::store(ctx, &Started { draft: None, ..started.clone() });
        Err(match super::store(ctx, started).or_else(|_| apart()) {
            Ok(id) => {
                fs::remove_dir_all(&self.dir).ok();
                Fault::new(kind, format!("{error:#}; what you wrote is draft {id}"))
                    .hint(format!("espomail email edit {id}; espomail email send {id}"))
            }
            Err(_) => Fault::new(kind, format!("{error:#}; what you wrote is in {}", self.file.display()))
                .hint("copy it from there; the directory is yours to remove"),
        }
        .into())
    }

    fn read(&self) -> Result<String> {
        let mut typed = String::new();
        let read = File::open(&self.file).and_then(|file| file.take(MAX).read_to_string(&mut typed));
        let Err(e) = read else { return Ok(typed) };
        let text = format!("the editor's file cannot be read: {e}");
        if e.kind() == io::ErrorKind::NotFound {
            return Err(error::data(text).into());
        }
        self.kept.set(true);
        Err(error::data(format!("{text}; it stays in {}", self.file.display())).into())
    }
}

impl Drop for Sheet {
    fn drop(&mut self) {
        if !self.kept.get() {
            fs::remove_dir_all(&self.dir).ok();
        }
    }
}

/// Takes over what was edited; what is wrong with it. Lines that could not be read go above the text.
fn take(started: &mut Started, edited: Edited) -> Option<String> {
    let letter = &mut started.letter;
    letter.head = edited.head;
    let mut text = edited.bad.join("\n");
    if !text.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(edited.text.trim_start_matches('\n'));
    if text.trim_end() != letter.text.trim_end() {
        // HTML of a template says something else now.
        letter.html = None;
    }
    letter.text = text;
    edited.trouble
}

fn comments(started: &Started) -> Vec<String> {
    let mut comments = vec![format!("From: {}", started.sender.from)];
    if let Some(status) = started.status {
        comments.push(format!("The case will be {status}."));
    }
    let files: Vec<&str> = started.letter.attachments.iter().map(|file| file.name.as_str()).collect();
    if !files.is_empty() {
        comments.push(format!("Attached: {}", files.join(", ")));
    }
    comments.push("Fields may be changed. Lines with # above the empty line are left out.".to_owned());
    comments.push("An empty text, or one that is not changed, cancels.".to_owned());
    comments
}

/// `$VISUAL`, `$EDITOR` or `vi`, by the shell as git does it, so that they may hold arguments.
fn run(file: &Path) -> Result<()> {
    let named = ["VISUAL", "EDITOR"].into_iter().filter_map(|name| env::var(name).ok());
    let editor = named.into_iter().find(|editor| !editor.trim().is_empty()).unwrap_or_else(|| "vi".to_owned());
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{editor} \"$@\"")).arg(&editor).arg(file);
    match outliving_signals(|| command.status()) {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Fault::new(Kind::Config, format!("the editor \"{editor}\" failed: {status}"))
            .hint("set VISUAL or EDITOR to one that works")
            .into()),
        Err(e) => Err(error::config(format!("the editor cannot be started: {e}")).into()),
    }
}

/// Signals are for the editor, which uses Ctrl-C for its own ends or dies of them: what was typed is taken care of when
/// it has ended. From then on they do again what they do to every program.
fn outliving_signals<T>(work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let over = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGQUIT, SIGHUP, SIGTERM] {
        flag::register_conditional_default(signal, Arc::clone(&over))?;
    }
    let done = work();
    over.store(true, Ordering::Relaxed);
    done
}
