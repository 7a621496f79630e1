//! The file of a sign-in: tokens, and how the last renewal went. Only the owner can read it; `Debug` shows no token.

use std::path::Path;

use anyhow::Result;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::answer::Tokens;
use super::cause::Cause;
use super::client::Client;
use crate::error;
use crate::net::{Later, NetError, NetErrorKind};
use crate::secret;

/// The file gets this length before a token is asked for, so that what comes has room on the disk: the longest answer too.
const ROOM: usize = 64 << 10;

/// What is kept of a sign-in. Times are seconds since 1970.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// Which client, at which issuer.
    pub client_id: String,
    pub token_url: String,
    /// Who signed in, as the issuer names them.
    pub user: Option<String>,
    pub by_device: bool,
    pub signed_in_at: Option<i64>,
    pub renewed_at: Option<i64>,
    pub expires_at: Option<i64>,
    /// Of the access token, in seconds.
    pub lifetime: u64,
    pub scopes: String,
    pub refresh_token: Zeroizing<String>,
    pub access_token: Zeroizing<String>,
    /// Our clock minus the issuer's, in seconds.
    pub skew: Option<i64>,
    pub failure: Option<Failure>,
}

/// Why the last renewal failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub at: i64,
    pub text: String,
    pub hint: Option<String>,
    /// For the support of the issuer.
    #[serde(default)]
    pub trace: String,
    /// `refused`, `setting` or `passing`.
    pub kind: String,
    /// Nothing is asked until somebody signs in again.
    pub is_dead: bool,
    /// Nothing is asked before this.
    pub until: Option<i64>,
    /// Failures in a row.
    #[serde(default)]
    pub count: u32,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kept(for {:?}, until {:?}, {:?})", self.user, self.expires_at, self.failure)
    }
}

/// Reads the file; `None` where there is none.
///
/// # Errors
/// Exit 78: others could read it, it is not a file, or it is damaged. Nothing of it is repeated.
pub fn read(path: &Path, sign_in: &str) -> Result<Option<Kept>> {
    secret::keep_to_this_process();
    let Some(text) = secret::private(path)? else { return Ok(None) };
    match serde_json::from_str(&text) {
        Ok(kept) => Ok(Some(kept)),
        Err(_) => {
            let why = if text.trim().is_empty() { "is empty" } else { "is damaged" };
            Err(error::config(format!("token file {}: {why}", path.display())).hint(sign_in).into())
        }
    }
}

/// Room for a file that is written as soon as tokens have come.
///
/// # Errors
/// The disk is full or read-only (exit 74).
pub fn prepare(path: &Path) -> Result<secret::Aside> {
    secret::Aside::new(path, ROOM)
}

impl Kept {
    /// On the disk when this returns.
    ///
    /// # Errors
    /// It cannot be written; the file before is as it was.
    pub fn store(&self, file: &Path, aside: secret::Aside) -> Result<()> {
        let text = Zeroizing::new(serde_json::to_string(self)?);
        // What was kept free is given back by now: some disks write nothing in its place.
        aside.store(&text).or_else(|_| secret::store(file, &text))
    }

    /// Whether it is of this client: a token goes to nobody else.
    pub fn is_of(&self, client: &Client) -> bool {
        self.client_id == client.client_id && self.token_url == client.token_url
    }

    pub fn of(client: &Client) -> Kept {
        Kept { client_id: client.client_id.clone(), token_url: client.token_url.clone(), ..Kept::default() }
    }

    /// With new tokens.
    pub fn take(&mut self, tokens: &Tokens, skew: Option<i64>, now: Timestamp) {
        if let Some(refresh) = &tokens.refresh {
            self.refresh_token = refresh.clone();
        }
        self.access_token = tokens.access.clone();
        self.lifetime = tokens.lifetime.min(366 * 86_400);
        self.renewed_at = Some(now.as_second());
        self.expires_at = Some(now.as_second() + self.lifetime.cast_signed());
        if let Some(scopes) = &tokens.scopes {
            self.scopes.clone_from(scopes);
        }
        self.skew = skew;
        self.failure = None;
    }

    /// With the reason why no token came. Without a wait of the issuer's the next question comes after 1, 2, 4, 8, at last
    /// 15 minutes: an issuer that is asked too often takes it for a loop.
    pub fn fail(&mut self, cause: &Cause, trace: &str, skew: Option<i64>, now: Timestamp) {
        let count = self.failure.as_ref().map_or(0, |failure| failure.count).saturating_add(1);
        let named = cause.later.and_then(|later| later.after).map(|after| after.as_secs().min(3_600));
        let grows = 60 * (1_u64 << (count - 1).min(4)).min(15);
        self.failure = Some(Failure {
            at: now.as_second(),
            text: cause.text.clone(),
            hint: cause.hint.clone(),
            trace: trace.to_owned(),
            kind: kind_name(cause.kind).to_owned(),
            is_dead: cause.is_dead,
            until: Some(now.as_second() + named.unwrap_or(grows).cast_signed()),
            count,
        });
        self.skew = skew.or(self.skew);
    }

    /// Seconds for which the access token is good, by our clock; none where there is no token, or where the clock was set back since.
    pub fn left(&self, now: Timestamp) -> i64 {
        let now = now.as_second();
        let is_ahead = self.renewed_at.is_some_and(|at| at > now + 120);
        match self.expires_at {
            Some(until) if !self.access_token.is_empty() && !is_ahead => until - now,
            _ => 0,
        }
    }

    /// Since when the access token is there, in seconds.
    pub fn age(&self, now: Timestamp) -> i64 {
        self.renewed_at.map_or(i64::MAX, |at| now.as_second() - at)
    }
}

impl Failure {
    /// As it was told when it happened.
    pub fn error(&self, now: Timestamp) -> NetError {
        let kind = match self.kind.as_str() {
            "setting" => NetErrorKind::Setting,
            "passing" => NetErrorKind::Temporary,
            _ => NetErrorKind::LoginRefused,
        };
        let left = self.until.map(|until| u64::try_from(until - now.as_second()).unwrap_or_default());
        let later = (kind == NetErrorKind::Temporary)
            .then(|| Later { after: left.map(std::time::Duration::from_secs), of_folder: false });
        NetError { later, hint: self.hint.clone(), ..NetError::new(kind, self.text.clone()) }
    }
}

fn kind_name(kind: NetErrorKind) -> &'static str {
    match kind {
        NetErrorKind::Setting => "setting",
        NetErrorKind::LoginRefused => "refused",
        _ => "passing",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::cause::passing;
    use super::*;

    #[test]
    fn a_token_is_good_until_it_ends_or_the_clock_is_set_back() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let tokens = Tokens {
            access: Zeroizing::new("a".into()),
            refresh: None,
            lifetime: 3_600,
            scopes: Some("s".into()),
            user: None,
        };
        let mut kept = Kept { refresh_token: Zeroizing::new("r".into()), ..Kept::default() };
        assert_eq!(kept.left(at(10_000)), 0);
        kept.take(&tokens, Some(3), at(10_000));
        assert_eq!((kept.left(at(10_000)), kept.left(at(13_000)), kept.age(at(10_060))), (3_600, 600, 60));
        assert_eq!(kept.left(at(9_900)), 3_700, "a little behind");
        assert_eq!(kept.left(at(6_400)), 0, "an hour behind");
        assert_eq!(kept.refresh_token.as_str(), "r", "an answer without one keeps it");
        assert!(!format!("{kept:?}").contains("\"r\""));
    }

    #[test]
    fn what_came_is_kept_where_the_file_aside_has_gone() {
        let file = std::env::temp_dir().join(format!("espomail-kept-again-{}/7.oauth", std::process::id()));
        let kept = Kept { refresh_token: Zeroizing::new("r2".into()), ..Kept::default() };
        let aside = prepare(&file).unwrap();
        std::fs::remove_file(file.with_file_name(format!("7.oauth.new-{}", std::process::id()))).unwrap();
        kept.store(&file, aside).unwrap();
        assert_eq!(read(&file, "").unwrap().unwrap().refresh_token.as_str(), "r2");
        std::fs::remove_dir_all(file.parent().unwrap()).unwrap();
    }

    #[test]
    fn an_issuer_is_asked_more_and_more_rarely() {
        let now = Timestamp::from_second(10_000).unwrap();
        let mut kept = Kept::default();
        let mut waits = Vec::new();
        for _ in 0..6 {
            kept.fail(&passing("down".into(), None), "", None, now);
            waits.push((kept.failure.as_ref().unwrap().until.unwrap() - 10_000) / 60);
        }
        assert_eq!(waits, [1, 2, 4, 8, 15, 15]);
        kept.fail(&passing("down".into(), Some(std::time::Duration::from_secs(90))), "", None, now);
        assert_eq!(kept.failure.as_ref().unwrap().error(now).later.unwrap().after.unwrap().as_secs(), 90);
    }
}
