//! What a machine remembers of its pings, in a file of the state directory: when the last ones went out, when one was heard
//! last, and since when they fail. A line with a number is a ping, so that an older release reads the file as well.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};

/// Services refuse more in a minute.
pub const MOST: usize = 5;
const MINUTE: i64 = 60_000;
/// Bytes of the file that are read, and characters of a reason that are kept.
const ROOM: u64 = 4 << 10;
const REASON: usize = 300;
/// Begins of lines.
const HEARD: &str = "heard ";
const FAILING: &str = "failing ";

/// Pings that fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// The first one that failed.
    pub since: Timestamp,
    /// The last one.
    pub last: Timestamp,
    /// Who was told, and why it failed.
    pub why: String,
}

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// The pings of the last minute, in milliseconds.
    sent: Vec<i64>,
    pub heard: Option<Timestamp>,
    pub failing: Option<Failing>,
}

impl Kept {
    /// Of this machine; nothing where the file cannot be read.
    pub fn of(file: &Path) -> Kept {
        File::open(file).and_then(|file| text_of(&file)).map(|text| Kept::parse(&text)).unwrap_or_default()
    }

    fn parse(text: &str) -> Kept {
        let moment = |word: &str| Timestamp::from_millisecond(word.parse().ok()?).ok();
        let failing = |rest: &str| {
            let mut words = rest.splitn(3, ' ');
            Some(Failing { since: moment(words.next()?)?, last: moment(words.next()?)?, why: words.next()?.to_owned() })
        };
        let mut kept = Kept::default();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix(FAILING) {
                kept.failing = failing(rest);
            } else if let Some(rest) = line.strip_prefix(HEARD) {
                kept.heard = moment(rest);
            } else {
                kept.sent.extend(line.parse::<i64>());
            }
        }
        kept
    }

    fn written(&self) -> String {
        let sent = self.sent.iter().map(|at| format!("{at}\n"));
        let heard = self.heard.map(|at| format!("{HEARD}{}\n", at.as_millisecond()));
        let failing = self.failing.as_ref().map(|Failing { since, last, why }| {
            let why: String = why.chars().take(REASON).map(|c| if c.is_control() { ' ' } else { c }).collect();
            format!("{FAILING}{} {} {why}\n", since.as_millisecond(), last.as_millisecond())
        });
        sent.chain(heard).chain(failing).collect()
    }
}

/// Whether another ping is allowed now; it is written down then.
///
/// # Errors
/// The file cannot be written.
pub fn admit(file: &Path, now: Timestamp) -> io::Result<bool> {
    let now = now.as_millisecond();
    change(file, |kept| {
        // A time that is still to come was written by a wrong clock.
        kept.sent.retain(|at| *at > now - MINUTE && *at <= now);
        let is_allowed = kept.sent.len() < MOST;
        if is_allowed {
            kept.sent.push(now);
        }
        is_allowed
    })
}

/// Remembers what became of a ping.
///
/// # Errors
/// As [`admit`].
pub fn settle(file: &Path, now: Timestamp, failed: Option<&str>) -> io::Result<()> {
    change(file, |kept| match failed {
        None => (kept.heard, kept.failing) = (Some(now), None),
        Some(why) => {
            let since = kept.failing.as_ref().map_or(now, |failing| failing.since);
            kept.failing = Some(Failing { since, last: now, why: why.to_owned() });
        }
    })
}

fn change<T>(file: &Path, work: impl FnOnce(&mut Kept) -> T) -> io::Result<T> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(file)?;
    // Another run of this machine may look at the same moment.
    flock(&file, FlockOperation::LockExclusive)?;
    let before = Kept::parse(&text_of(&file)?);
    let mut kept = before.clone();
    let done = work(&mut kept);
    if kept != before {
        file.rewind()?;
        file.set_len(0)?;
        file.write_all(kept.written().as_bytes())?;
    }
    Ok(done)
}

fn text_of(file: &File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(ROOM).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).unwrap()
    }

    #[test]
    fn there_are_at_most_five_in_any_minute() {
        let file = std::env::temp_dir().join(format!("espomail-pings-{}", std::process::id()));
        let _ = std::fs::remove_file(&file);
        let allowed: Vec<bool> = [0, 10, 20, 30, 40, 50, 59_000, 60_001, 60_002]
            .map(|after| admit(&file, at(1_000_000 + after)).unwrap())
            .into();
        assert_eq!(allowed, [true, true, true, true, true, false, false, true, false]);
        // The clock was set back.
        assert!(admit(&file, at(0)).unwrap());
        std::fs::write(&file, b"what is \xff this\n").unwrap();
        assert!(admit(&file, at(5)).unwrap());
        std::fs::remove_file(&file).unwrap();
        assert!(admit(Path::new("/nowhere/pings"), at(0)).is_err());
    }

    #[test]
    fn a_failure_is_remembered_with_its_beginning_until_a_ping_is_heard() {
        let file = std::env::temp_dir().join(format!("espomail-pings-kept-{}", std::process::id()));
        std::fs::write(&file, "1000\n").unwrap();
        settle(&file, at(2_000), Some("hc.example: the server\nanswers 404")).unwrap();
        admit(&file, at(3_000)).unwrap();
        settle(&file, at(3_000), Some("hc.example: no answer")).unwrap();
        let failing = Failing { since: at(2_000), last: at(3_000), why: "hc.example: no answer".to_owned() };
        let kept = Kept { sent: vec![1_000, 3_000], heard: None, failing: Some(failing) };
        assert_eq!(Kept::of(&file), kept);
        settle(&file, at(4_000), None).unwrap();
        assert_eq!(Kept::of(&file), Kept { heard: Some(at(4_000)), failing: None, ..kept });
        std::fs::remove_file(&file).unwrap();
        assert_eq!(Kept::of(&file), Kept::default());
    }
}
