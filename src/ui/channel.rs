//! Standard output and standard error, and who stands between them and the reader: the pager, the other side of sudo, the
//! speaker of a process that must not wait.

use std::io::{self, ErrorKind, Write as _};

use anyhow::{Context as _, Result};

use super::journal::{self, Priority};
use super::{afar, pager, safe, speaker};
use crate::job_control;

/// How often something is asked that is answered by neither yes nor no.
const TRIES: usize = 3;

/// The program's own text, byte for byte: scripts and the manual page.
pub fn print(bytes: &[u8]) -> Result<()> {
    if pager::print(bytes)? {
        return Ok(());
    }
    job_control::while_waiting(|| io::stdout().lock().write_all(bytes)).context("cannot write standard output")
}

/// A line on standard error, as serious as this for the journal.
pub fn say(priority: Priority, text: &str) {
    let line = format!("{text}\n");
    let line = if afar::facts().is_some() { line } else { journal::marked(priority, &line).into_owned() };
    if job_control::is_holding() {
        return speaker::later(line);
    }
    if !pager::say(&line) {
        say_now(&line);
    }
}

/// The same without waiting for what is shown in the pager.
pub fn say_now(text: &str) {
    speaker::finish();
    // Nobody to tell where standard error is closed.
    let _ = job_control::while_waiting(|| speaker::put(text));
}

/// Says what is left to be said, and waits until it is read in the pager.
///
/// # Errors
/// It cannot be written.
pub fn finish() -> Result<()> {
    let shown = pager::finish();
    speaker::finish();
    shown
}

/// Asks for something that is then typed.
pub fn prompt(text: &str) {
    // What cannot be shown is not a reason not to ask.
    let _ = pager::finish();
    say_now(&safe::line(text));
}

/// Asks a yes-or-no question. Neither of them, again and again, is a no, and so is the end of the input.
pub fn ask(question: &str) -> Result<bool> {
    pager::finish()?;
    let question = safe::line(question);
    if afar::facts().is_some() {
        return match afar::ask(afar::ASK, question.as_bytes(), 0) {
            Ok((answer, _)) => Ok(answer == afar::YES),
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => Ok(false),
            Err(e) => Err(e.into()),
        };
    }
    for _ in 0..TRIES {
        say_now(&format!("{question} [y/N] "));
        let mut typed = String::new();
        if job_control::while_waiting(|| io::stdin().read_line(&mut typed))? == 0 {
            say_now("\n");
            return Ok(false);
        }
        match typed.trim().to_lowercase().as_str() {
            "y" | "yes" => return Ok(true),
            "" | "n" | "no" => return Ok(false),
            _ => {}
        }
    }
    Ok(false)
}
