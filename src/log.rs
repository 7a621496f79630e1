//! The program's own log: a file that is appended to, and standard error with `-vv`.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use jiff::Timestamp;
use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::system_words;
use crate::ui::safe;

struct Sinks {
    file: Option<Mutex<File>>,
    path: PathBuf,
    /// Somebody was told that it cannot be written.
    told: AtomicBool,
    file_level: LevelFilter,
    terminal: LevelFilter,
}

/// Starts logging; `verbose` is the number of `-v`.
///
/// # Errors
/// The file cannot be opened.
pub fn start(file: Option<&Path>, level: LevelFilter, verbose: u8) -> Result<()> {
    // What is worth more than that is said there in words of its own.
    let terminal = if verbose > 1 { LevelFilter::Trace } else { LevelFilter::Off };
    let open = |path: &Path| {
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .with_context(|| format!("--log: cannot open {}", path.display()))
    };
    let path = file.unwrap_or(Path::new("")).to_owned();
    let file = file.map(open).transpose()?.map(Mutex::new);
    let file_level = if file.is_some() { level } else { LevelFilter::Off };
    log::set_max_level(file_level.max(terminal));
    // A second call in one process changes nothing, which only tests do.
    let _ = log::set_boxed_logger(Box::new(Sinks { file, path, told: AtomicBool::new(false), file_level, terminal }));
    Ok(())
}

impl Sinks {
    /// The work goes on, and is told of nowhere: somebody hears of that once.
    fn tell(&self, error: &std::io::Error) {
        if !self.told.swap(true, Ordering::Relaxed) {
            let text = format!(
                "--log: cannot write {}: {}; it goes on without",
                self.path.display(),
                system_words::reason(error)
            );
            let _ = std::io::stderr().lock().write_all(format!("espomail: {}\n", safe::line(&text)).as_bytes());
        }
    }
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
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
        }
        let file = self.file.as_ref().filter(|_| record.level() <= self.file_level);
        if let Some(Ok(mut file)) = file.map(Mutex::lock)
            && let Err(error) = file.write_all(line.as_bytes())
        {
            self.tell(&error);
        }
    }

    fn flush(&self) {}
}
