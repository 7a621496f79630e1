//! The system's log: datagrams to `/dev/log`, as syslog(3) writes them, under the facility for mail.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use log::Level;

/// Where the system listens.
pub const SOCKET: &str = "/dev/log";
/// What is shorter everybody takes.
const MOST: usize = 4_000;
/// A log that is not read keeps nobody waiting for long.
const PATIENCE: Duration = Duration::from_millis(200);
const MAIL: u8 = 2 << 3;

#[derive(Debug)]
pub struct Syslog {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Syslog {
    /// # Errors
    /// The system has no sockets left.
    pub fn at(path: &Path) -> io::Result<Syslog> {
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Syslog { socket, path: path.to_owned() })
    }

    /// Each line finds the socket by itself: who listens may be started again meanwhile.
    ///
    /// # Errors
    /// Nobody listens, or what listens takes nothing.
    pub fn write(&self, level: Level, text: &str) -> io::Result<()> {
        let line = line(level, text, Timestamp::now(), TimeZone::system());
        self.socket.send_to(line.as_bytes(), &self.path).map(drop)
    }
}

fn line(level: Level, text: &str, now: Timestamp, zone: TimeZone) -> String {
    let (now, pid) = (now.to_zoned_datetime(zone), std::process::id());
    let severity = match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    };
    let mut line = format!("<{}>{} espomail[{pid}]: ", MAIL + severity, now.strftime("%b %e %H:%M:%S"));
    line.extend(text.chars().take(MOST));
    line
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn a_line_has_facility_severity_time_and_process() {
        let (now, pid): (Timestamp, _) = ("2026-11-05T09:08:07Z".parse().unwrap(), std::process::id());
        for (level, expected) in
            [(Level::Error, "<19>"), (Level::Warn, "<20>"), (Level::Info, "<22>"), (Level::Trace, "<23>")]
        {
            let expected = format!("{expected}Nov  5 09:08:07 espomail[{pid}]: text");
            assert_eq!(line(level, "text", now, TimeZone::UTC), expected);
        }
        assert!(line(Level::Info, &"ü".repeat(9_000), now, TimeZone::UTC).len() < 8_192);
    }

    #[test]
    fn lines_come_as_datagrams_and_a_listener_that_is_gone_is_an_error_until_it_is_there_again() {
        let path = std::env::temp_dir().join(format!("espomail-syslog-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let syslog = Syslog::at(&path).unwrap();
        assert!(syslog.write(Level::Info, "nobody").is_err());
        for text in ["one", "two"] {
            let listener = UnixDatagram::bind(&path).unwrap();
            syslog.write(Level::Warn, text).unwrap();
            let mut buffer = [0; 256];
            let size = listener.recv(&mut buffer).unwrap();
            let said = String::from_utf8_lossy(&buffer[..size]).into_owned();
            assert!(said.starts_with("<20>") && said.ends_with(&format!("espomail[{}]: {text}", std::process::id())));
            std::fs::remove_file(&path).unwrap();
        }
        // What is not read does not keep anybody waiting.
        let _listener = UnixDatagram::bind(&path).unwrap();
        let begun = std::time::Instant::now();
        let refused = (0..10_000).find_map(|_| syslog.write(Level::Info, &"x".repeat(4_000)).err());
        assert!(refused.is_some() && begun.elapsed() < Duration::from_secs(10), "{refused:?}");
        std::fs::remove_file(&path).unwrap();
    }
}
