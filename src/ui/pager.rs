//! What is longer than the screen is shown in the user's pager: `$ESPOMAIL_PAGER`, `$PAGER`, or `less`.
//!
//! Output is kept until it is longer than the screen; what fits is shown as if there were no pager. Lines for standard error
//! keep their place among what fits, and come after a pager. A user who quits the pager early ends nothing: the command goes
//! on, and its exit code is its own. The pager runs with the rights of this process, so none is begun in a process that has
//! more rights than its user.

use std::env;
use std::io::{self, ErrorKind, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use signal_hook::consts::{SIGINT, SIGQUIT};
use unicode_width::UnicodeWidthStr as _;

use super::speaker;
use super::terminal::{Screen, is_dumb};
use crate::job_control::{self, Outliving};

/// Ends by itself where all fits, shows colours, and leaves what was seen on the screen.
const USUAL: &str = "less -FRX";
/// With one of these in it a pager is run by the shell.
const FOR_THE_SHELL: &[char] =
    &['|', '&', ';', '<', '>', '(', ')', '$', '`', '*', '?', '[', '#', '~', '=', '%', '{', '}', '!', '\n'];
/// What a shell ends with where it cannot run the program.
const NOT_RUN: [Option<i32>; 2] = [Some(126), Some(127)];
/// More than a pipe takes that nobody reads.
const UNREAD: usize = 256 << 10;

/// Set where output is paged.
static PAGER: Mutex<Option<Pager>> = Mutex::new(None);

struct Pager {
    command: String,
    screen: Screen,
    state: State,
}

enum State {
    /// It fits until now: what was said, in its order.
    Kept(Vec<Piece>),
    Shown(Shown),
}

enum Piece {
    Output(Vec<u8>),
    Said(String),
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        match self {
            Piece::Output(bytes) => bytes,
            Piece::Said(line) => line.as_bytes(),
        }
    }
}

/// The pager at its work.
struct Shown {
    child: Child,
    /// `None` = it reads no more.
    pipe: Option<ChildStdin>,
    /// The beginning of what it got, for the case that a shell could not run it.
    sent: Vec<u8>,
    /// For standard error, after it.
    said: Vec<String>,
    _outliving: Outliving,
}

/// From now on output goes to the pager where it is longer than the screen, if the user has one.
pub fn begin(screen: Screen) {
    let value = |name: &str| env::var(name).ok();
    if let Some(command) = chosen(value("ESPOMAIL_PAGER"), value("PAGER"), value("TERM").as_deref()) {
        *pager() = Some(Pager { command, screen, state: State::Kept(Vec::new()) });
    }
}

/// Whether output is paged.
pub fn is_on() -> bool {
    pager().is_some()
}

/// Takes output; `false` = there is no pager.
///
/// # Errors
/// It fits the screen and cannot be written.
pub fn print(bytes: &[u8]) -> Result<bool> {
    let mut pager = pager();
    let Some(Pager { command, screen, state }) = &mut *pager else { return Ok(false) };
    match state {
        State::Kept(pieces) => {
            pieces.push(Piece::Output(bytes.to_vec()));
            if fits(pieces, *screen) {
                return Ok(true);
            }
            match start(command) {
                Ok(mut shown) => {
                    pieces.drain(..).for_each(|piece| shown.take(piece));
                    *state = State::Shown(shown);
                }
                Err(error) => {
                    if command != USUAL {
                        pieces.insert(0, Piece::Said(format!("espomail: {}\n", not_started(command, &error))));
                    }
                    let pieces = std::mem::take(pieces);
                    *pager = None;
                    show(pieces)?;
                }
            }
        }
        State::Shown(shown) => shown.write(bytes),
    }
    Ok(true)
}

/// Takes a line for standard error; `false` = it can be written at once.
pub fn say(line: &str) -> bool {
    match pager().as_mut().map(|pager| &mut pager.state) {
        Some(State::Kept(pieces)) if !pieces.is_empty() => pieces.push(Piece::Said(line.to_owned())),
        Some(State::Shown(shown)) => shown.said.push(line.to_owned()),
        Some(State::Kept(_)) | None => return false,
    }
    true
}

/// Shows the rest, and waits for the user to leave the pager. From then on nothing is paged.
///
/// # Errors
/// What fits the screen cannot be written.
pub fn finish() -> Result<()> {
    let Some(Pager { state, .. }) = pager().take() else { return Ok(()) };
    match state {
        State::Kept(pieces) => show(pieces),
        State::Shown(shown) => shown.finish(),
    }
}

fn pager() -> MutexGuard<'static, Option<Pager>> {
    PAGER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The pager that the environment names; `None` = none is wanted, or the terminal is not one for it.
fn chosen(ours: Option<String>, usual: Option<String>, term: Option<&str>) -> Option<String> {
    let command = ours.or(usual).unwrap_or_else(|| USUAL.to_owned());
    let is_one = !matches!(command.trim(), "" | "cat");
    (is_one && term.is_some_and(|term| !term.is_empty()) && !is_dumb(term)).then_some(command)
}

/// Whether all of it is seen at once; the last line of the screen is the shell's.
fn fits(pieces: &[Piece], screen: Screen) -> bool {
    height(pieces, screen.width) < screen.height
}

/// The lines of a screen that all of it takes.
fn height(pieces: &[Piece], width: usize) -> usize {
    let bytes: Vec<u8> = pieces.iter().flat_map(Piece::bytes).copied().collect();
    let text = String::from_utf8_lossy(&bytes);
    text.lines().map(|line| without_colour(line).width().div_ceil(width).max(1)).sum()
}

/// A line without what [`super::tint`] puts into it.
fn without_colour(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    plain.extend(parts.map(|part| part.split_once('m').map_or(part, |(_, text)| text)));
    plain
}

/// How a pager is started: as its words say, or by the shell where they are more than words.
fn process(command: &str) -> Command {
    match shlex::split(command).filter(|words| !words.is_empty() && !command.contains(FOR_THE_SHELL)) {
        Some(words) => {
            let mut words = words.into_iter();
            let mut process = Command::new(words.next().unwrap_or_default());
            process.args(words);
            process
        }
        None => {
            let mut process = Command::new("sh");
            process.arg("-c").arg(command);
            process
        }
    }
}

fn start(command: &str) -> io::Result<Shown> {
    // Before it takes keys that mean a signal for both.
    let outliving = Outliving::of(&[SIGINT, SIGQUIT])?;
    let mut process = process(command);
    // It shows mail: nothing is to be started from within it.
    process.env("LESSSECURE", "1").stdin(Stdio::piped());
    for (name, value) in [("LESS", "FRX"), ("LV", "-c")] {
        if env::var_os(name).is_none() {
            process.env(name, value);
        }
    }
    let mut child = process.spawn()?;
    let pipe = child.stdin.take();
    Ok(Shown { child, pipe, sent: Vec::new(), said: Vec::new(), _outliving: outliving })
}

fn not_started(command: &str, error: &io::Error) -> String {
    let why = if error.kind() == ErrorKind::NotFound { "is not installed" } else { "cannot be started" };
    format!("the pager \"{command}\" {why}")
}

/// Writes what was kept.
fn show(pieces: Vec<Piece>) -> Result<()> {
    for piece in pieces {
        match piece {
            Piece::Output(bytes) => job_control::while_waiting(|| io::stdout().lock().write_all(&bytes))?,
            // Nobody to tell where standard error is closed.
            Piece::Said(line) => drop(speaker::put(&line)),
        }
    }
    Ok(())
}

impl Shown {
    fn take(&mut self, piece: Piece) {
        match piece {
            Piece::Output(bytes) => self.write(&bytes),
            Piece::Said(line) => self.said.push(line),
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.sent.len() < UNREAD {
            self.sent.extend_from_slice(bytes);
        }
        let written = self.pipe.as_mut().map(|pipe| job_control::while_waiting(|| pipe.write_all(bytes)));
        if matches!(written, Some(Err(_))) {
            self.pipe = None;
        }
    }

    fn finish(mut self) -> Result<()> {
        self.pipe = None;
        let ended = job_control::while_waiting(|| self.child.wait());
        let is_run = ended.is_ok_and(|status| !NOT_RUN.contains(&status.code()));
        let output = Piece::Output(if is_run { Vec::new() } else { self.sent });
        show(std::iter::once(output).chain(self.said.into_iter().map(Piece::Said)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_leaves_a_line_for_the_shell() {
        let screen = Screen { width: 10, height: 3 };
        for (text, expected) in [
            ("", true),
            ("one\n", true),
            ("one\ntwo\n", true),
            ("one\ntwo\nthree\n", false),
            // A line that is wrapped takes several, an empty one its own.
            ("0123456789\ntwo\n", true),
            ("0123456789a\ntwo\n", false),
            ("\n\n\n", false),
            ("\u{6f22}\u{6f22}\u{6f22}\u{6f22}\u{6f22}\u{6f22}\ntwo\n", false),
            // Colour takes no room.
            ("\u{1b}[1m0123456789\u{1b}[0m\ntwo\n", true),
        ] {
            assert_eq!(fits(&[Piece::Output(text.as_bytes().to_vec())], screen), expected, "{text:?}");
        }
        let said = [Piece::Output(b"one\ntwo\n".to_vec()), Piece::Said("note\n".to_owned())];
        assert!(!fits(&said, screen), "what is said stands on the same screen");
    }
}
