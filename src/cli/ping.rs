//! A dead man's switch: at its end, `fetch` tells a URL that it ran, and with `/fail` that somebody has to look. A service
//! that hears nothing tells people.
//!
//! It says numbers, never a word of mail. What goes wrong with it is logged and changes nothing of the run.

mod kept;

use std::time::{Duration, Instant};

use anyhow::Result;
use jiff::SignedDuration;

pub use self::kept::{Failing, Kept};
use self::kept::{MOST, admit, settle};
use super::busy;
use super::context::Context;
use crate::error::{self, Kind};
use crate::job_control;
use crate::net::http::{self, Way};
use crate::net::reach::Reach;

/// A service answers within this.
const WITHIN: Duration = Duration::from_secs(5);
/// What failed longer ago than this, and is not tried any more, is over.
const OVER: SignedDuration = SignedDuration::from_hours(24);
/// What to look at where nothing is heard.
pub const ADVICE: &str =
    "is the URL right (ping_url, or --ping-url in the crontab), and is the service up? the next run tries again";

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
        let file = self.ctx.place.pings();
        match admit(&file, self.ctx.now()) {
            Ok(true) => {}
            Ok(false) => return ::log::warn!("ping of {host}: left out, there were {MOST} within a minute"),
            // A disk that is full is what somebody should hear of.
            Err(error) => ::log::warn!("ping of {host}: {}", crate::system_words::reason(&error)),
        }
        let way = Way { reach: Reach::Anywhere, within: WITHIN, by_proxy: !self.ctx.caller.is_delegated() };
        let failed = match job_control::while_waiting(|| http::note(&with_path(url, path), numbers, &way)) {
            Ok(answered) if (200..300).contains(&answered.status) => None,
            Ok(answered) => Some(format!("{host}: the server answers {}", answered.status)),
            Err(error) => Some(busy::in_words(error.into()).to_string()),
        };
        match &failed {
            None => ::log::debug!("ping of {host}{path}: heard"),
            Some(why) => ::log::warn!("ping of {why}"),
        }
        if let Err(error) = settle(&file, self.ctx.now(), failed.as_deref()) {
            ::log::warn!("ping of {host}: {}", crate::system_words::reason(&error));
        }
    }
}

/// What this machine remembers of its pings.
pub fn kept(ctx: &Context) -> Kept {
    Kept::of(&ctx.place.pings())
}

/// Pings that fail, of those that go on.
pub fn failing<'k>(ctx: &Context, kept: &'k Kept) -> Option<&'k Failing> {
    let goes_on = |failing: &&Failing| ctx.config.ping_url.is_some() || ctx.now().duration_since(failing.last) < OVER;
    kept.failing.as_ref().filter(goes_on)
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
}
