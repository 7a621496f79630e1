//! The server of the database is away, or a standby, which cannot be written: what crontab runs says nothing of that at first,
//! as of a mail server that is away (B2.5). It says so once it lasts, then every six hours, and once more when the server is
//! there again. The exit status is 75 each time, and the log file has each time.
//!
//! What was said stands in a file of the state directory, as the database cannot be asked.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use rustix::fs::{FlockOperation, flock};

use super::context::{self, Context};
use crate::error::{self, Ended, Fault, Kind};
use crate::health::{self, Failure, Patience, Verdict};
use crate::store::accounts::Health;
use crate::store::db::{self, Gone};
use crate::system_words;

/// How a run ended, for the one who reads it: nobody, unless it `is_watched`.
pub fn told(ctx: &Context, is_watched: bool, outcome: Result<()>) -> Result<()> {
    if ctx.place.server().is_none() || ctx.dry_run {
        return outcome;
    }
    let (file, now) = (ctx.place.absence(), Timestamp::now());
    let is_standby = outcome.as_ref().is_err_and(db::is_standby);
    let outcome = if is_standby { outcome.map_err(|error| ctx.explained(error)) } else { outcome };
    match &outcome {
        Err(error) if is_standby || error.chain().any(|cause| cause.is::<Gone>()) => {
            let patience = Patience {
                runs: ctx.config.alert_after,
                age: SignedDuration::try_from(ctx.config.alert_min_age).unwrap_or(SignedDuration::MAX),
            };
            // Where it cannot be written down that it was said, it is said.
            let verdict = remember(&file, |before| absent(before, patience, now));
            let said =
                verdict.map_or(Some(now), |verdict| verdict.speak.then_some(verdict.health.failing_since).flatten());
            match said {
                None if !is_watched => {
                    ::log::warn!("{}: {} (exit 75)", ctx.command, system_words::chain(error));
                    return Err(context::told(Kind::TempFail));
                }
                Some(since) if since < now && !is_watched => {
                    return Err(since_then(error, &ctx.ui.local_time(since)));
                }
                _ => {}
            }
        }
        // It has worked with the database up to its end.
        outcome if outcome.as_ref().err().is_none_or(|error| error.is::<Ended>()) => {
            if let Some(since) = forget(&file) {
                let since = ctx.ui.local_time(since);
                ctx.ui.concern(&format!("{}: works again after failing since {since}", ctx.place));
            }
        }
        _ => {}
    }
    outcome
}

/// The error with the moment at which it began.
fn since_then(error: &anyhow::Error, since: &str) -> anyhow::Error {
    let (kind, hint) = error::classify(error);
    Fault { hint, ..Fault::new(kind, format!("{} (since {since})", system_words::chain(error))) }.into()
}

/// What one more run that found no server makes of what is remembered.
fn absent(before: &Health, patience: Patience, now: Timestamp) -> Verdict {
    health::failed(before, Failure { kind: Kind::TempFail, words: "", later: None, came_in: false }, patience, now)
}

/// Reads what is remembered, and writes down what is made of it.
pub(super) fn remember(file: &Path, change: impl FnOnce(&Health) -> Verdict) -> io::Result<Verdict> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(file)?;
    // `send` may look at the same moment.
    flock(&file, FlockOperation::LockExclusive)?;
    let verdict = change(&read(&file)?);
    let second = |at: Option<Timestamp>| at.map_or(String::new(), |at| at.as_second().to_string());
    let Health { failing_since, failed_runs, alerted_at, .. } = &verdict.health;
    let text = format!("since {}\nruns {failed_runs}\ntold {}\n", second(*failing_since), second(*alerted_at));
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(text.as_bytes())?;
    Ok(verdict)
}

/// What is remembered; of a file that is not understood nothing.
fn read(file: &File) -> io::Result<Health> {
    let mut text = String::new();
    match file.take(4 << 10).read_to_string(&mut text) {
        Err(error) if error.kind() == ErrorKind::InvalidData => text.clear(),
        read => drop(read?),
    }
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    let moment = |key: &str| value(key)?.parse().ok().and_then(|second| Timestamp::from_second(second).ok());
    Ok(Health {
        failing_since: moment("since"),
        failed_runs: value("runs").and_then(|count| count.parse().ok()).unwrap_or_default(),
        alerted_at: moment("told"),
        ..Health::default()
    })
}

/// Forgets it; since when it had lasted, where that was said.
pub(super) fn forget(file: &Path) -> Option<Timestamp> {
    let before = read(&File::open(file).ok()?).ok()?;
    fs::remove_file(file).ok()?;
    before.alerted_at.and(before.failing_since)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_server_that_is_away_is_told_once_it_lasts_and_when_it_is_back() {
        let file = std::env::temp_dir().join(format!("espomail-away-{}", std::process::id()));
        let _ = fs::remove_file(&file);
        let at = |minutes: i64| Timestamp::from_second(1_800_000_000 + 60 * minutes).unwrap();
        let patience = Patience { runs: 3, age: SignedDuration::from_mins(15) };
        let run = |minutes: i64| remember(&file, |before| absent(before, patience, at(minutes))).unwrap().speak;
        // A short restart.
        assert_eq!([run(0), run(1), run(2)], [false; 3]);
        assert_eq!(forget(&file), None);
        assert_eq!(
            [5, 6, 19, 20, 21, 5 + 6 * 60, 21 + 6 * 60].map(run),
            [false, false, false, true, false, false, true]
        );
        assert_eq!((forget(&file), forget(&file)), (Some(at(5)), None));
        // What nobody has written counts for nothing.
        for bytes in [&b"\xff\xfe"[..], b"since x\nruns -1\ntold", b""] {
            fs::write(&file, bytes).unwrap();
            assert!(!run(40), "{bytes:?}");
            assert_eq!(read(&File::open(&file).unwrap()).unwrap().failing_since, Some(at(40)));
        }
        fs::remove_file(&file).unwrap();
        assert!(remember(Path::new("/nowhere/away"), |before| absent(before, patience, at(0))).is_err());
    }
}
