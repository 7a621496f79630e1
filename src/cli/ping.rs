//! A dead man's switch: at its end, `fetch` tells a URL that it ran, and with `/fail` that somebody has to look. A service
//! that hears nothing tells people.
//!
//! It says numbers, never a word of mail. What goes wrong with it is logged and changes nothing of the run.

use std::fs::OpenOptions;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};

use super::busy;
use super::context::Context;
use crate::error::{self, Kind};
use crate::job_control;
use crate::net::http::{self, Way};
use crate::net::reach::Reach;

/// A service answers within this.
const WITHIN: Duration = Duration::from_secs(5);
/// Services refuse more in a minute.
const MOST: usize = 5;
const MINUTE: i64 = 60_000;

/// What a run did.
#[derive(Debug, Clone, Copy, Default)]
pub struct Did {
    pub imported: usize,
    pub other: usize,
    pub quarantined: usize,
    pub sent: usize,
    pub failed: usize,
    /// Other runs are at work, so that it had nothing to do.
    pub is_left_to_others: bool,
}

/// Tells one URL of one run.
pub struct Ping<'a> {
    ctx: &'a Context,
    url: Option<String>,
    begun: Instant,
}

impl<'a> Ping<'a> {
    /// `named` is the URL of the command, else the one of the configuration hears of runs that fetch everything: one for some
    /// accounts says nothing of the others.
    ///
    /// # Errors
    /// Somebody who came through sudo names a URL: exit 77.
    pub fn of(named: Option<&str>, is_whole: bool, ctx: &'a Context) -> Result<Ping<'a>> {
        if named.is_some() && ctx.caller.is_delegated() {
            return Err(error::noperm("--ping-url: you cannot use it when you come through sudo").into());
        }
        let usual = ctx.config.ping_url.as_deref().filter(|_| is_whole);
        let url = named.or(usual).filter(|_| !ctx.dry_run).map(str::to_owned);
        Ok(Ping { ctx, url, begun: Instant::now() })
    }

    /// That the run begins, where the configuration asks for that.
    pub fn begin(&self) {
        if self.ctx.config.ping_start {
            self.tell("/start", "");
        }
    }

    /// How it ended. An exit status of 75 passes by itself, so it is not a failure.
    pub fn end(&self, did: Did, outcome: &Result<()>) {
        let kind = outcome.as_ref().err().map(|error| error::classify(error).0);
        if did.is_left_to_others && kind.is_none() {
            // The other run tells of itself. If it stands still, nothing is told.
            return;
        }
        let path = if matches!(kind, None | Some(Kind::TempFail)) { "" } else { "/fail" };
        let Did { imported, other, quarantined, sent, failed, .. } = did;
        let (exit, seconds) = (kind.map_or(0, Kind::exit_code), self.begun.elapsed().as_secs());
        self.tell(
            path,
            &format!(
                "exit={exit} imported={imported} other={other} quarantined={quarantined} sent={sent} failed={failed} seconds={seconds}\n"
            ),
        );
    }

    fn tell(&self, path: &str, numbers: &str) {
        let Some(url) = &self.url else { return };
        let host = http::host(url);
        match is_allowed(&self.ctx.place.pings(), Timestamp::now().as_millisecond()) {
            Ok(true) => {}
            Ok(false) => return ::log::warn!("ping of {host}: left out, there were {MOST} within a minute"),
            // A disk that is full is what somebody should hear of.
            Err(error) => ::log::warn!("ping of {host}: {}", crate::system_words::reason(&error)),
        }
        let way = Way { reach: Reach::Anywhere, within: WITHIN, by_proxy: !self.ctx.caller.is_delegated() };
        match job_control::while_waiting(|| http::note(&with_path(url, path), numbers, &way)) {
            Ok(answered) if (200..300).contains(&answered.status) => ::log::debug!("ping of {host}{path}: heard"),
            Ok(answered) => ::log::warn!("ping of {host}{path}: the server answers {}", answered.status),
            Err(error) => ::log::warn!("ping of {}{path}", busy::in_words(error.into())),
        }
    }
}

/// Adds to the path of a URL, which may have a query.
fn with_path(url: &str, path: &str) -> String {
    match url.split_once('?') {
        Some((before, query)) => format!("{}{path}?{query}", trimmed(before, path)),
        None => format!("{}{path}", trimmed(url, path)),
    }
}

/// Without the slash at its end, where a path with one is added.
fn trimmed<'u>(url: &'u str, path: &str) -> &'u str {
    if path.is_empty() { url } else { url.trim_end_matches('/') }
}

/// Whether another ping is allowed now, in milliseconds; it is written down then.
fn is_allowed(file: &Path, now: i64) -> std::io::Result<bool> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(file)?;
    // Another run of this machine may look at the same moment.
    flock(&file, FlockOperation::LockExclusive)?;
    let mut text = String::new();
    (&file).take(4 << 10).read_to_string(&mut text)?;
    let mut last: Vec<i64> = text.lines().filter_map(|line| line.parse().ok()).collect();
    // A time that is still to come was written by a wrong clock.
    last.retain(|at| *at > now - MINUTE && *at <= now);
    if last.len() >= MOST {
        return Ok(false);
    }
    last.push(now);
    let text: String = last.iter().map(|at| format!("{at}\n")).collect();
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(text.as_bytes())?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_told_is_a_part_of_the_path() {
        for (url, path, expected) in [
            ("https://hc.example/a-b", "", "https://hc.example/a-b"),
            ("https://hc.example/a-b/", "", "https://hc.example/a-b/"),
            ("https://hc.example/a-b", "/fail", "https://hc.example/a-b/fail"),
            ("https://hc.example/a-b/", "/fail", "https://hc.example/a-b/fail"),
            ("https://kuma.example/push/x?status=up&q=/", "/fail", "https://kuma.example/push/x/fail?status=up&q=/"),
        ] {
            assert_eq!(with_path(url, path), expected);
        }
    }

    #[test]
    fn there_are_at_most_five_in_any_minute() {
        let file = std::env::temp_dir().join(format!("espomail-pings-{}", std::process::id()));
        let _ = std::fs::remove_file(&file);
        let allowed: Vec<bool> =
            [0, 10, 20, 30, 40, 50, 59_000, 60_001, 60_002].map(|at| is_allowed(&file, 1_000_000 + at).unwrap()).into();
        assert_eq!(allowed, [true, true, true, true, true, false, false, true, false]);
        // The clock was set back.
        assert!(is_allowed(&file, 0).unwrap());
        std::fs::write(&file, "what is this\n").unwrap();
        assert!(is_allowed(&file, 5).unwrap());
        std::fs::remove_file(&file).unwrap();
        assert!(is_allowed(Path::new("/nowhere/pings"), 0).is_err());
    }
}
