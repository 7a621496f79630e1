//! The program's own log: a file that is appended to or the system's log, and standard error with `-vv`.

mod syslog;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use jiff::Timestamp;
use log::{Level, LevelFilter, Log, Metadata, Record};

use self::syslog::Syslog;
use crate::system_words;
use crate::ui::journal::{self, Priority};
use crate::ui::safe;

/// What is named in the place of a file for the system's log.
const SYSTEM: &str = "syslog";

/// Where lines are kept.
enum Kept {
    File(Mutex<File>),
    System(Syslog),
}

struct Sinks {
    file: Option<Kept>,
    path: PathBuf,
    /// Somebody was told that it cannot be written.
    told: AtomicBool,
    file_level: LevelFilter,
    terminal: LevelFilter,
}

/// Starts logging to a file, or to the system's log where it is called `syslog`; `verbose` is the number of `-v`.
///
/// # Errors
/// The file cannot be opened.
pub fn start(file: Option<&Path>, level: LevelFilter, verbose: u8) -> Result<()> {
    // What is worth more than that is said there in words of its own.
    let terminal = if verbose > 1 { LevelFilter::Trace } else { LevelFilter::Off };
    let is_system = file.is_some_and(|file| file == Path::new(SYSTEM));
    let path = if is_system { Path::new(syslog::SOCKET) } else { file.unwrap_or(Path::new("")) }.to_owned();
    let open = |_| -> io::Result<Kept> {
        if is_system {
            return Ok(Kept::System(Syslog::at(&path)?));
        }
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
        Ok(Kept::File(Mutex::new(file)))
    };
    let opened = file.map(open).transpose();
    let file = opened.with_context(|| format!("--log: cannot open {}", path.display()))?;
    let file_level = if file.is_some() { level } else { LevelFilter::Off };
    log::set_max_level(file_level.max(terminal));
    // A second call in one process changes nothing, which only tests do.
    let _ = log::set_boxed_logger(Box::new(Sinks { file, path, told: AtomicBool::new(false), file_level, terminal }));
    Ok(())
}

impl Sinks {
    /// The work goes on, and is told of nowhere: somebody hears of that once.
    fn tell(&self, error: &io::Error) {
        if !self.told.swap(true, Ordering::Relaxed) {
            let text = format!(
                "--log: cannot write {}: {}; it goes on without",
                self.path.display(),
                system_words::reason(error)
            );
            say(Priority::Error, &format!("espomail: {}\n", safe::line(&text)));
        }
    }
}

/// Nobody is told where standard error is closed.
fn say(priority: Priority, text: &str) {
    let _ = io::stderr().lock().write_all(journal::marked(priority, text).as_bytes());
}

impl Log for Sinks {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Other crates know nothing of what must not be written down.
        metadata.target().starts_with("espomail") && metadata.level() <= self.file_level.max(self.terminal)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let text = record.args().to_string();
        let line = format!("{} {} {}\n", Timestamp::now(), record.level(), safe::line(&text));
        if record.level() >= Level::Debug && record.level() <= self.terminal {
            say(Priority::Debug, &line);
        }
        let written = match self.file.as_ref().filter(|_| record.level() <= self.file_level) {
            None => Ok(()),
            Some(Kept::File(file)) => file.lock().map_or(Ok(()), |mut file| file.write_all(line.as_bytes())),
            Some(Kept::System(system)) => system.write(record.level(), &safe::line(&text)),
        };
        written.unwrap_or_else(|error| self.tell(&error));
    }

    fn flush(&self) {}
}
