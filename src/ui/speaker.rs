//! Speaks for a process that holds something others wait for: a terminal that is stopped (Ctrl-S), or a pipe that nobody
//! reads, keeps the speaker waiting, not the process.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::afar;
use crate::job_control;

/// Maximum number of lines that wait; what comes after them is left out.
const MOST: usize = 10_000;

struct Speaker {
    lines: Sender<String>,
    thread: JoinHandle<()>,
}

static SPEAKER: Mutex<Option<Speaker>> = Mutex::new(None);
static WAITING: AtomicUsize = AtomicUsize::new(0);
static LEFT_OUT: AtomicUsize = AtomicUsize::new(0);

/// Writes to standard error as soon as that takes it, and returns at once.
pub fn later(text: String) {
    if WAITING.load(Ordering::Relaxed) >= MOST {
        LEFT_OUT.fetch_add(1, Ordering::Relaxed);
        return;
    }
    WAITING.fetch_add(1, Ordering::Relaxed);
    let mut speaker = SPEAKER.lock().unwrap_or_else(PoisonError::into_inner);
    let speaker = speaker.get_or_insert_with(|| {
        let (lines, said) = mpsc::channel::<String>();
        let thread = thread::spawn(move || {
            for line in said {
                // Nobody to tell where standard error is closed.
                let _ = put(&line);
                WAITING.fetch_sub(1, Ordering::Relaxed);
            }
        });
        Speaker { lines, thread }
    });
    let _ = speaker.lines.send(text);
}

/// Writes to standard error, of the caller's side where there is one.
pub fn put(text: &str) -> io::Result<()> {
    match afar::facts() {
        Some(_) => afar::tell(afar::SAY, text.as_bytes()),
        None => io::stderr().lock().write_all(text.as_bytes()),
    }
}

/// Whether more waits than a terminal takes that somebody looks at.
pub fn is_behind() -> bool {
    WAITING.load(Ordering::Relaxed) > 8
}

/// Waits until everything is written. Where something is held, nobody waits.
pub fn finish() {
    if job_control::is_holding() {
        return;
    }
    let Some(speaker) = SPEAKER.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    drop(speaker.lines);
    let _ = job_control::while_waiting(|| speaker.thread.join());
    let left_out = LEFT_OUT.swap(0, Ordering::Relaxed);
    if left_out > 0 {
        let _ = put(&format!("espomail: {left_out} lines were left out: nothing took them\n"));
    }
}
