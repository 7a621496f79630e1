//! The access token for a login: the one that is kept, or a new one.
//!
//! One kernel lock for each token file, besides the lock of the account: who waited for it reads the file again and uses
//! what the other process brought. Room on the disk comes before the question, and the new token is on the disk before
//! it is used: a refresh token that is good once only is never spent for nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::answer::Answer;
use super::cause::{Cause, Facts};
use super::client::Client;
use super::issuer::{self, Heard};
use super::kept::{self, Kept};
use crate::error::{self, Fault, Kind};
use crate::lock::{self, Attempt, Lock};
use crate::net::NetError;
use crate::net::http::Way;
use crate::place::Place;
use crate::secret::Aside;
use crate::store::accounts::Account;
use crate::system_words;

/// Another process has so long to renew a token.
const PATIENCE: Duration = Duration::from_secs(30);
/// A token is not asked for again that came within this.
const FRESH: i64 = 60;

/// An access token.
#[derive(Clone)]
pub struct Token {
    pub access: Zeroizing<String>,
    /// Who signed in.
    pub user: Option<String>,
    /// Our clock minus the issuer's, in seconds.
    pub skew: Option<i64>,
    /// It came less than a minute ago: a server that refuses it would refuse another one, too.
    pub is_fresh: bool,
    /// It came just now, by this very question.
    pub is_new: bool,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Token(for {:?})", self.user)
    }
}

/// What tokens are asked for, and how.
pub struct Source<'a> {
    pub client: &'a Client,
    pub account: &'a Account,
    pub place: &'a Place,
    pub way: &'a Way,
    /// A session may last so long: a token that ends before is renewed.
    pub margin: Duration,
    pub clock: &'a dyn Fn() -> Timestamp,
    /// Somebody waits who may have mended what was wrong: the issuer is asked at once.
    pub at_once: bool,
}

/// What the lock of a token file is called.
pub fn lock_name(file: &Path) -> String {
    format!("token-{}", file.file_name().and_then(|name| name.to_str()).unwrap_or_default())
}

/// Takes the lock of a token file.
///
/// # Errors
/// Another process has had it for 30 s: exit 75.
pub fn lock(place: &Place, file: &Path, now: Timestamp) -> Result<Lock> {
    lock_within(PATIENCE, place, file, now)
}

fn lock_within(patience: Duration, place: &Place, file: &Path, now: Timestamp) -> Result<Lock> {
    let end = Instant::now() + patience;
    loop {
        match lock::attempt(place, &lock_name(file), now)? {
            Attempt::Held(lock) => return Ok(lock),
            Attempt::Busy(holder) if Instant::now() >= end => {
                let text = format!("the access token is being renewed by another process (pid {})", holder.pid);
                return Err(Fault::new(Kind::TempFail, text).hint(holder.hint()).into());
            }
            Attempt::Busy(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

impl Source<'_> {
    /// A token that is good for a session; a `refused` one is renewed unless that happened already.
    ///
    /// # Errors
    /// Nobody has signed in or the sign-in has ended (77), the client is not set up (78), the file cannot be read or
    /// written (78, 74), or the issuer cannot be asked (75).
    pub fn token(&self, refused: Option<&Token>) -> Result<Token> {
        let file = self.client.token_file(self.place, self.account.id);
        let kept = self.read(&file)?;
        if let Some(token) = self.usable(&kept, refused) {
            return Ok(token);
        }
        self.give_up(&kept)?;
        let _lock = lock(self.place, &file, (self.clock)())?;
        let kept = self.read(&file)?;
        if let Some(token) = self.usable(&kept, refused) {
            return Ok(token);
        }
        self.give_up(&kept)?;
        self.renew(&file, kept)
    }

    fn read(&self, file: &Path) -> Result<Kept> {
        let again = format!("sign in again: espomail account auth {}", self.account.name);
        let is_of_person = self.client.flow.is_of_person();
        let kept = match kept::read(file, &again) {
            // An application just asks again.
            Err(error) if !is_of_person && is_damage(&error) => None,
            read => read?,
        };
        match kept {
            Some(kept) if kept.is_of(self.client) => Ok(kept),
            None if !is_of_person => Ok(Kept::of(self.client)),
            Some(_) if !is_of_person => Ok(Kept::of(self.client)),
            Some(_) => Err(self.nobody("the sign-in is of another application or issuer")),
            None => Err(self.nobody("nobody has signed in")),
        }
    }

    fn nobody(&self, why: &str) -> anyhow::Error {
        error::noperm(why).hint(format!("espomail account auth {}", self.account.name)).into()
    }

    /// What is kept, where it is good for a session.
    fn usable(&self, kept: &Kept, refused: Option<&Token>) -> Option<Token> {
        let now = (self.clock)();
        let is_refused = refused.is_some_and(|token| token.access == kept.access_token);
        let half = (kept.lifetime / 2).cast_signed();
        let margin = i64::try_from(self.margin.as_secs()).unwrap_or(i64::MAX).min(half);
        let left = kept.left(now);
        (left > margin && left > 0 && !is_refused).then(|| token(kept, now))
    }

    /// Says again what was said, where nothing has changed that could help.
    fn give_up(&self, kept: &Kept) -> Result<()> {
        let now = (self.clock)();
        let Some(failure) = &kept.failure else { return Ok(()) };
        // Later than any wait: written by a clock that ran ahead.
        let waits = failure.until.is_some_and(|until| (1..=3_600).contains(&(until - now.as_second())));
        match failure.is_dead || (waits && !self.at_once) {
            true => Err(failure.error(now).into()),
            false => Ok(()),
        }
    }

    fn renew(&self, file: &Path, mut kept: Kept) -> Result<Token> {
        let aside = kept::prepare(file)?;
        let heard = match self.ask(&kept) {
            Ok(heard) => heard,
            Err(error) => return Err(self.unanswered(file, kept, aside, error)),
        };
        match self.granted(&mut kept, &heard) {
            Ok(()) => self.keep(file, &kept, aside),
            Err(cause) if cause.is_dead => {
                // Somebody may have been faster without the lock, such as a restored file.
                let now = self.read(file)?;
                if now.refresh_token != kept.refresh_token {
                    return self.once_more(file, now, aside);
                }
                Err(self.failed(file, kept, aside, (&cause, &heard)))
            }
            Err(cause) => Err(self.failed(file, kept, aside, (&cause, &heard))),
        }
    }

    /// With the refresh token that another one has brought.
    fn once_more(&self, file: &Path, mut kept: Kept, aside: Aside) -> Result<Token> {
        if let Some(token) = self.usable(&kept, None) {
            return Ok(token);
        }
        let heard = match self.ask(&kept) {
            Ok(heard) => heard,
            Err(error) => return Err(self.unanswered(file, kept, aside, error)),
        };
        match self.granted(&mut kept, &heard) {
            Ok(()) => self.keep(file, &kept, aside),
            Err(cause) => Err(self.failed(file, kept, aside, (&cause, &heard))),
        }
    }

    fn ask(&self, kept: &Kept) -> Result<Heard> {
        let now = (self.clock)();
        log::debug!("asks {} for an access token", crate::net::http::host(&self.client.token_url));
        if !self.client.flow.is_of_person() {
            let grant = issuer::own_grant(self.client, self.account.imap_login(), now)?;
            let fields: Vec<(&str, &str)> = grant.iter().map(|(name, value)| (*name, value.as_str())).collect();
            return issuer::ask(self.client, &fields, self.way, now);
        }
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", kept.refresh_token.as_str()),
            ("scope", self.client.scopes.as_str()),
        ];
        let with_scope = if self.client.scopes.is_empty() { 2 } else { 3 };
        issuer::ask(self.client, fields.get(..with_scope).unwrap_or(&fields), self.way, now)
    }

    fn granted(&self, kept: &mut Kept, heard: &Heard) -> Result<(), Cause> {
        let now = (self.clock)();
        if let Answer::Granted(tokens) = &heard.answer {
            kept.take(tokens, heard.skew, now);
            return Ok(());
        }
        let signed_in_at = kept.signed_in_at.and_then(|at| Timestamp::from_second(at).ok());
        let facts = Facts {
            account: &self.account.name,
            client: self.client,
            by_device: kept.by_device,
            signed_in_at,
            now,
            skew: heard.skew,
            retry_after: heard.retry_after,
        };
        issuer::failure(&heard.answer, &facts).map_or(Ok(()), Err)
    }

    /// Stored first, used then.
    fn keep(&self, file: &Path, kept: &Kept, aside: Aside) -> Result<Token> {
        match kept.store(file, aside) {
            Ok(()) => Ok(Token { is_new: true, ..token(kept, (self.clock)()) }),
            Err(error) => Err(lost(&error, &self.account.name, self.client).into()),
        }
    }

    fn failed(&self, file: &Path, mut kept: Kept, aside: Aside, why: (&Cause, &Heard)) -> anyhow::Error {
        let (cause, heard) = why;
        let trace = match &heard.answer {
            Answer::Refused(refusal) => refusal.trace.as_str(),
            Answer::Granted(_) | Answer::Nonsense(_) => "",
        };
        kept.fail(cause, trace, heard.skew, (self.clock)());
        // What cannot be remembered is asked again.
        let _ = kept.store(file, aside);
        cause.error().into()
    }

    /// No answer came: what is wrong here is told as it is, and what is wrong on the way passes.
    fn unanswered(&self, file: &Path, mut kept: Kept, aside: Aside, error: anyhow::Error) -> anyhow::Error {
        match error.downcast::<NetError>() {
            Ok(net) => {
                let cause = issuer::unanswered(net);
                let error = cause.error();
                // A network that comes back is used at once.
                kept.fail(&cause, "", None, (self.clock)());
                if let Some(failure) = &mut kept.failure {
                    failure.until = None;
                }
                let _ = kept.store(file, aside);
                error.into()
            }
            Err(error) => error,
        }
    }
}

/// Tokens that came and could not be written: nobody has them, and an issuer may take the ones before no more.
pub fn lost(error: &anyhow::Error, account: &str, client: &Client) -> Fault {
    let why = system_words::chain(error);
    let fault = Fault::new(Kind::Io, format!("new tokens came and are lost: {why}"));
    match client.flow.is_of_person() {
        true => fault.hint(format!(
            "make room on the disk and try again; if the sign-in has ended by then: espomail account auth {account}"
        )),
        false => fault.hint("make room on the disk and try again"),
    }
}

fn token(kept: &Kept, now: Timestamp) -> Token {
    Token {
        access: kept.access_token.clone(),
        user: kept.user.clone(),
        skew: kept.skew,
        is_fresh: kept.age(now) < FRESH,
        is_new: false,
    }
}

/// Whether a file is there and private, and only its content is wrong.
fn is_damage(error: &anyhow::Error) -> bool {
    let text = error.to_string();
    text.ends_with(": is damaged") || text.ends_with(": is empty")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::answer::Tokens;
    use super::super::tests::client;
    use super::*;
    use crate::config::oauth::{Flow, Provider};
    use crate::net::reach::Reach;
    use crate::store::accounts::AccountKind;

    #[test]
    fn a_clock_that_jumps_costs_a_renewal_and_no_more() {
        let came = Timestamp::constant(1_800_000_000, 0);
        let (client, account) = (client(Provider::M365, Flow::Code), Account::new("support", AccountKind::Group, came));
        let tokens = Tokens {
            access: Zeroizing::new("a".into()),
            refresh: Some(Zeroizing::new("r".into())),
            lifetime: 3_600,
            scopes: None,
            user: None,
        };
        let mut kept = Kept::of(&client);
        kept.take(&tokens, None, came);
        let way = Way { reach: Reach::Anywhere, within: Duration::ZERO, by_proxy: false };
        let used = |seconds: i64, refused: Option<&Token>| {
            let clock = || came + jiff::SignedDuration::from_secs(seconds);
            let source = Source {
                client: &client,
                account: &account,
                place: &Place::of_file("x.db"),
                way: &way,
                margin: Duration::from_secs(600),
                clock: &clock,
                at_once: false,
            };
            source.usable(&kept, refused)
        };
        for (seconds, is_good) in [
            (0, true),
            (420, true),
            (-60, true),
            (2_990, true),
            (3_001, false),
            (86_400, false),
            (-3_600, false),
            (-86_400, false),
        ] {
            assert_eq!(used(seconds, None).is_some(), is_good, "{seconds}");
        }
        let fresh = used(30, None).unwrap();
        assert!(fresh.is_fresh && !fresh.is_new && !used(420, None).unwrap().is_fresh);
        assert!(used(30, Some(&fresh)).is_none(), "a server has refused it");
    }

    #[test]
    fn a_renewal_by_another_process_is_waited_for_and_then_named() {
        let place = Place::of_file(std::env::temp_dir().join(format!("espomail-renew-{}.db", std::process::id())));
        let (file, now) = (Path::new("secrets/7.oauth"), Timestamp::UNIX_EPOCH);
        let held = lock(&place, file, now).unwrap();
        let begun = Instant::now();
        let refused = lock_within(Duration::from_millis(100), &place, file, now).unwrap_err();
        assert!(begun.elapsed() >= Duration::from_millis(100));
        let (kind, hint) = error::classify(&refused);
        let text = format!("the access token is being renewed by another process (pid {})", std::process::id());
        assert_eq!((kind.exit_code(), refused.to_string()), (75, text));
        assert!(hint.is_some());
        // Others do not wait for it.
        lock_within(Duration::ZERO, &place, Path::new("secrets/oauth-work"), now).unwrap();
        let ends = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            drop(held);
        });
        lock_within(PATIENCE, &place, file, now).unwrap();
        ends.join().unwrap();
        std::fs::remove_dir_all(place.locks()).unwrap();
    }
}
