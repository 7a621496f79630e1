//! What keeps every run from the database: its server is away, or a standby, which cannot be written, or its disk is full. What
//! crontab runs would tell that each minute. Of a server that is away it says nothing at first, as of a mail server that is
//! away (B2.5), and says it once it lasts; of a full disk it says it at once. Then it says it every six hours, and once more
//! when all is well again. The exit status is the same each time, and the log file has each time.
//!
//! What was said stands in the state directory, as the database cannot be asked: in the target of a link, which needs no
//! room on a full disk.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use rustix::fs::{FlockOperation, flock};

use super::context::{self, Context};
use crate::error::{self, Ended, Fault, Kind};
use crate::health::{self, Failure, Patience, Verdict};
use crate::store::accounts::Health;
use crate::store::db::{self, Gone, Store};
use crate::system_words;

/// How a run ended, for the one who reads it: nobody, unless it `is_watched`.
pub fn told(ctx: &Context, is_watched: bool, outcome: Result<()>) -> Result<()> {
    if ctx.dry_run {
        return outcome;
    }
    let error = match outcome {
        Err(error) if !error.is::<Ended>() => error,
        // It has worked with the database up to its end.
        outcome => {
            for (file, _) in [away(ctx), full(ctx)] {
                if let Some(since) = forget(&file) {
                    let since = ctx.ui.local_time(since);
                    ctx.ui.concern(&format!("{}: works again after failing since {since}", ctx.place));
                }
            }
            return outcome;
        }
    };
    let is_standby = ctx.place.server().is_some() && db::is_standby(&error);
    let trouble = if is_standby || error.chain().any(|cause| cause.is::<Gone>()) {
        Some(away(ctx))
    } else {
        Store::has_no_room(&error, &ctx.place).then(|| full(ctx))
    };
    let Some((file, patience)) = trouble else { return Err(error) };
    let (error, now) = (ctx.explained(error), Timestamp::now());
    let kind = error::classify(&error).0;
    // Where it cannot be written down that it was said, it is said.
    let verdict = remember(&file, |before| lasting(before, kind, patience, now));
    let said = verdict.map_or(Some(now), |verdict| verdict.speak.then_some(verdict.health.failing_since).flatten());
    match said {
        None if !is_watched => {
            ::log::warn!("{}: {} (exit {})", ctx.command, system_words::chain(&error), kind.exit_code());
            Err(context::told(kind))
        }
        Some(since) if since < now && !is_watched => Err(since_then(&error, &ctx.ui.local_time(since))),
        _ => Err(error),
    }
}

fn away(ctx: &Context) -> (PathBuf, Patience) {
    let age = SignedDuration::try_from(ctx.config.alert_min_age).unwrap_or(SignedDuration::MAX);
    (ctx.place.absence(), Patience { runs: ctx.config.alert_after, age })
}

/// Somebody has to mend it: it does not pass by itself.
fn full(ctx: &Context) -> (PathBuf, Patience) {
    (ctx.place.full_disk(), Patience { runs: 1, age: SignedDuration::ZERO })
}

/// The error with the moment at which it began.
fn since_then(error: &anyhow::Error, since: &str) -> anyhow::Error {
    let (kind, hint) = error::classify(error);
    Fault { hint, ..Fault::new(kind, format!("{} (since {since})", system_words::chain(error))) }.into()
}

/// What one more run that could not use the database makes of what is remembered.
fn lasting(before: &Health, kind: Kind, patience: Patience, now: Timestamp) -> Verdict {
    health::failed(before, Failure { kind, words: "", later: None, came_in: false }, patience, now)
}

/// Reads what is remembered, and writes down what is made of it.
pub(super) fn remember(link: &Path, change: impl FnOnce(&Health) -> Verdict) -> io::Result<Verdict> {
    let directory = link.parent().unwrap_or(Path::new("."));
    // `send` may look at the same moment. Who makes a database there holds the directory for long.
    let alone = File::open(directory)?;
    let _ = flock(&alone, FlockOperation::NonBlockingLockExclusive);
    let verdict = change(&read(link));
    let second = |at: Option<Timestamp>| at.map_or("-".to_owned(), |at| at.as_second().to_string());
    let Health { failing_since, failed_runs, alerted_at, next_try_at, failure_kind, .. } = &verdict.health;
    let [since, told, next] = [*failing_since, *alerted_at, *next_try_at].map(second);
    let text = format!("since={since},runs={failed_runs},told={told},next={next},kind={failure_kind}");
    let mut new = link.as_os_str().to_owned();
    new.push(format!("-{}", std::process::id()));
    let _ = fs::remove_file(&new);
    symlink(text, &new)?;
    fs::rename(&new, link)?;
    Ok(verdict)
}

/// What is remembered; of what is not understood, such as the file of an older release, nothing.
pub(super) fn read(link: &Path) -> Health {
    let text = fs::read_link(link).unwrap_or_default().to_string_lossy().into_owned();
    let value = |key: &str| text.split(',').find_map(|part| part.strip_prefix(key)?.strip_prefix('='));
    let moment = |key: &str| value(key)?.parse().ok().and_then(|second| Timestamp::from_second(second).ok());
    Health {
        failing_since: moment("since"),
        failed_runs: value("runs").and_then(|count| count.parse().ok()).unwrap_or_default(),
        alerted_at: moment("told"),
        next_try_at: moment("next"),
        failure_kind: value("kind").unwrap_or_default().to_owned(),
        ..Health::default()
    }
}

/// Forgets it; since when it had lasted, where that was said.
pub(super) fn forget(file: &Path) -> Option<Timestamp> {
    file.symlink_metadata().ok()?;
    let before = read(file);
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
        let run = |minutes: i64| {
            remember(&file, |before| lasting(before, Kind::TempFail, patience, at(minutes))).unwrap().speak
        };
        // A short restart.
        assert_eq!([run(0), run(1), run(2)], [false; 3]);
        assert_eq!(forget(&file), None);
        assert_eq!(
            [5, 6, 19, 20, 21, 5 + 6 * 60, 21 + 6 * 60].map(run),
            [false, false, false, true, false, false, true]
        );
        assert_eq!((forget(&file), forget(&file)), (Some(at(5)), None));
        // What nobody has written counts for nothing.
        fs::write(&file, "since 1\nruns 1\ntold 1\n").unwrap();
        for text in ["since=x,runs=-1,told", "x"] {
            assert!(!run(40), "{text}");
            assert_eq!(read(&file).failing_since, Some(at(40)));
            fs::remove_file(&file).unwrap();
            symlink(text, &file).unwrap();
        }
        fs::remove_file(&file).unwrap();
        // What nobody but a person can mend is told at once.
        let at_once = Patience { runs: 1, age: SignedDuration::ZERO };
        let run =
            |minutes: i64| remember(&file, |before| lasting(before, Kind::Io, at_once, at(minutes))).unwrap().speak;
        assert_eq!([0, 1, 59, 5 * 60, 6 * 60, 6 * 60 + 1].map(run), [true, false, false, false, true, false]);
        assert_eq!((forget(&file), forget(&file)), (Some(at(0)), None));
        assert!(
            remember(Path::new("/nowhere/away"), |before| lasting(before, Kind::TempFail, patience, at(0))).is_err()
        );
    }
}
