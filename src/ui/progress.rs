//! How far a long run is, for somebody who watches: one line on standard error, after a second, gone at the end.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{DecimalBytes, ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use super::speaker;

/// Shorter runs show nothing.
const QUIET: Duration = Duration::from_secs(1);

/// The line, and what it counts.
pub struct Progress {
    bar: ProgressBar,
    started: Instant,
    /// Nobody watches, or everything is said in lines of its own.
    silent: bool,
    visible: bool,
    bytes: u64,
    bytes_expected: u64,
    /// Nobody knows how many messages there are: the bytes say how far it is.
    by_bytes: bool,
    messages: usize,
}

impl Progress {
    /// A line for standard error, if that is a terminal and `wanted`.
    pub fn new(wanted: bool) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{human_pos} of {human_len} messages, {msg}, {eta} left") {
            bar.set_style(style);
        }
        let silent = !wanted || !io::stderr().is_terminal();
        Progress {
            bar,
            started: Instant::now(),
            silent,
            visible: false,
            bytes: 0,
            bytes_expected: 0,
            by_bytes: false,
            messages: 0,
        }
    }

    /// The same for files of a known size with an unknown number of messages.
    pub fn of_bytes(wanted: bool, bytes: u64) -> Progress {
        let mut progress = Progress::new(wanted);
        (progress.bytes_expected, progress.by_bytes) = (bytes, true);
        if let Ok(style) = ProgressStyle::with_template("{msg}, {eta} left") {
            progress.bar.set_style(style);
        }
        progress.bar.set_length(bytes);
        progress
    }

    /// The same for texts that are put into the full-text index.
    pub fn of_index(wanted: bool, texts: usize) -> Progress {
        Progress::counting(wanted, "indexing the full text: {human_pos} of {human_len}, {eta} left", texts)
    }

    /// Of rows that are copied.
    pub fn of_rows(wanted: bool, rows: usize) -> Progress {
        Progress::counting(wanted, "copying rows: {human_pos} of {human_len}, {eta} left", rows)
    }

    fn counting(wanted: bool, template: &str, all: usize) -> Progress {
        let mut progress = Progress::new(wanted);
        if let Ok(style) = ProgressStyle::with_template(template) {
            progress.bar.set_style(style);
        }
        progress.expect(all, 0);
        progress
    }

    /// How much more is to come.
    pub fn expect(&mut self, messages: usize, bytes: u64) {
        self.bar.inc_length(messages as u64);
        self.bytes_expected = self.bytes_expected.saturating_add(bytes);
    }

    /// How much more was done.
    pub fn advance(&mut self, messages: usize, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.messages = self.messages.saturating_add(messages);
        if self.silent {
            return;
        }
        if !self.visible && self.started.elapsed() >= QUIET {
            self.visible = true;
            self.bar.set_draw_target(ProgressDrawTarget::term_like(Box::<Line>::default()));
        }
        let rate = u128::from(self.bytes) * 1000 / self.started.elapsed().as_millis().max(1);
        let rate = DecimalBytes(u64::try_from(rate).unwrap_or(u64::MAX));
        let (done, all) = (DecimalBytes(self.bytes), DecimalBytes(self.bytes_expected));
        if self.by_bytes {
            self.bar.set_message(format!("{} messages, {done} of {all}, {rate}/s", self.messages));
            self.bar.set_position(self.bytes);
        } else {
            self.bar.set_message(format!("{done} of {all}, {rate}/s"));
            self.bar.inc(messages as u64);
        }
    }

    /// Takes the line away while something else is said.
    pub fn pause<T>(&self, say: impl FnOnce() -> T) -> T {
        if self.visible { self.bar.suspend(say) } else { say() }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The line on standard error, by way of the speaker: who watches does not hold up what is watched.
#[derive(Debug, Default)]
struct Line(Mutex<String>);

impl Line {
    fn put(&self, text: std::fmt::Arguments<'_>) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_fmt(text).map_err(io::Error::other)
    }
}

impl TermLike for Line {
    fn width(&self) -> u16 {
        rustix::termios::tcgetwinsize(io::stderr()).map_or(80, |size| size.ws_col).max(20)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        if n == 0 { Ok(()) } else { self.put(format_args!("\x1b[{n}A")) }
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        if n == 0 { Ok(()) } else { self.put(format_args!("\x1b[{n}B")) }
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        if n == 0 { Ok(()) } else { self.put(format_args!("\x1b[{n}C")) }
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        if n == 0 { Ok(()) } else { self.put(format_args!("\x1b[{n}D")) }
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.put(format_args!("{text}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.put(format_args!("{text}"))
    }

    fn clear_line(&self) -> io::Result<()> {
        self.put(format_args!("\r\x1b[2K"))
    }

    fn flush(&self) -> io::Result<()> {
        let text = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        // The next one tells more than one that was not seen.
        if !text.is_empty() && !speaker::is_behind() {
            speaker::later(text);
        }
        Ok(())
    }
}
