//! What is wrong with the accounts and the outbox, and how bad it is. Pure: `check` and `doctor` say it, each in its form.
//!
//! One measure holds for fetching and sending: the first failure is a warning, one that lasts is critical.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::moment::since;
use crate::store::accounts::Account;
use crate::store::accounts::certificates::{Certificate, Served};
use crate::store::deliveries::Late;
use crate::store::outbox::Queue;
use crate::units::about;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Somebody should look at it.
    Warning,
    /// Mail does not flow.
    Critical,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concern {
    /// How bad.
    pub level: Level,
    /// What it is, without names and words of servers: everybody may hear it.
    pub what: String,
    /// Why, with the words of servers, for those who may know of the account; empty = nothing more is known.
    pub why: String,
    /// The command that comes next, for the same people; empty = there is none for this alone.
    pub next: String,
}

impl Concern {
    fn new(level: Level, what: impl Into<String>, why: &str) -> Concern {
        Concern { level, what: what.into(), why: why.to_owned(), next: String::new() }
    }

    fn warning(what: impl Into<String>, why: &str) -> Concern {
        Concern::new(Level::Warning, what, why)
    }

    fn next(self, next: String) -> Concern {
        Concern { next, ..self }
    }

    /// What and why, for those who may know of the account.
    pub fn told(&self) -> String {
        if self.why.is_empty() { self.what.clone() } else { format!("{}: {}", self.what, self.why) }
    }
}

/// When a concern becomes critical, and what is none.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// An account that has not been fetched well, or could not send, for so long.
    pub account: Duration,
    /// Mail that has been due in the outbox for so long.
    pub outbox: Duration,
    /// Number of messages in the quarantine that worry nobody.
    pub quarantine: i64,
}

/// An account with what the database knows of it.
#[derive(Debug, Clone)]
pub struct Watched {
    pub account: Account,
    /// Whether `fetch` polls it and sends by it: it is active, and so is its owner.
    pub in_use: bool,
    /// Folders with their own last errors.
    pub failing_folders: Vec<(String, String)>,
    /// Why the server could not be changed after the last import; empty = it could.
    pub unsettled: String,
    /// Why copies of sent mail wait; empty = none does, or none was tried.
    pub copies: String,
    /// What seems to work and brings nothing.
    pub idle: Idle,
    /// The certificates of its servers, as the last connections showed.
    pub certificates: Vec<Certificate>,
}

/// What seems to work and brings nothing (B2.16).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Idle {
    /// Folders with the number of messages that are neither in the ledger nor of the past.
    pub unexplained: Vec<(String, i64)>,
    /// Number of automatic messages that failed within a day, and the last reason; none was sent.
    pub automatic: Option<(i64, String)>,
    /// Messages that were cut off and are asked for again, those that were most often first.
    pub late: Vec<Late>,
    /// Number of messages that were given up: the server lists them and does not deliver them.
    pub unfetchable: i64,
    /// Number of mails that wait for a folder for junk, and what was said of it.
    pub junk: Option<(i64, String)>,
}

/// What of it is wrong with the account of this name.
pub fn idle(account: &str, idle: &Idle) -> Vec<Concern> {
    let audit = || format!("espomail account audit {account} --repair");
    let mut found = Vec::new();
    for (folder, more) in &idle.unexplained {
        let what = format!("{} missing here", counted(*more, "message on the server is", "messages on the server are"));
        found.push(Concern::warning(what, &format!("folder {folder}")).next(audit()));
    }
    if let Some((failed, why)) = &idle.automatic {
        let what = format!("no automatic message was sent within a day, {failed} failed");
        found.push(Concern::warning(what, why));
    }
    let twice = idle.late.iter().filter(|late| late.attempts > 1);
    if let Some(first) = twice.clone().next() {
        let messages = counted(i64::try_from(twice.count()).unwrap_or(i64::MAX), "message was", "messages were");
        let what = format!("{messages} cut off more than once, asked for again by the next run");
        found.push(Concern::warning(what, &format!("folder {}, UID {}: {}", first.folder, first.uid, first.words)));
    }
    if idle.unfetchable > 0 {
        found.push(Concern::warning(undelivered(idle.unfetchable), "").next(audit()));
    }
    if let Some((count, why)) = &idle.junk {
        let what = counted(*count, "mail waits for a folder for junk", "mails wait for a folder for junk");
        found.push(Concern::warning(what, why).next(name_junk_folder(account)));
    }
    found
}

/// What is said of a message that is asked for again.
pub fn cut_off(late: &Late) -> String {
    let Late { folder, uid, size, attempts, words } = late;
    let size = u64::try_from(*size).ok().filter(|size| *size > 0).map(|size| format!(" ({})", about(size)));
    let often = match attempts {
        ..=1 => String::new(),
        2 => " twice".to_owned(),
        n => format!(" {n} times"),
    };
    let size = size.unwrap_or_default();
    format!("folder {folder}, UID {uid}{size} was cut off{often}, is asked for again: {words}")
}

/// What is said of messages that are given up.
pub fn undelivered(count: i64) -> String {
    match count {
        1 => "1 message is listed by the server, which does not deliver it".to_owned(),
        n => format!("{n} messages are listed by the server, which does not deliver them"),
    }
}

/// A folder with its own last error, which may name it already.
pub fn of_folder(name: &str, why: &str) -> String {
    if why.starts_with(&format!("folder {name:?}")) { why.to_owned() } else { format!("folder {name}: {why}") }
}

/// For how long the oldest row of the outbox has been due; zero where none is.
pub fn waits_for(queue: &Queue, now: Timestamp) -> SignedDuration {
    since(queue.oldest.unwrap_or(now), now)
}

/// What is wrong with an account, the worst first.
pub fn of_account(watched: &Watched, limits: &Limits, now: Timestamp) -> Vec<Concern> {
    if !watched.in_use {
        return Vec::new();
    }
    let (account, name) = (&watched.account, &watched.account.name);
    let mut found: Vec<Concern> = fetching(watched, limits, now).into_iter().collect();
    found.extend(sending(account, limits, now));
    // What made the account fail has been said.
    let said = Some(&account.health.failure).filter(|_| account.health.failing_since.is_some());
    let is_said = |name: &str, why: &str| {
        let begins = [format!("folder {name}: "), format!("folder {name:?}")];
        said.is_some_and(|said| said.contains(why) && begins.iter().any(|begin| said.starts_with(begin)))
    };
    let failing = watched.failing_folders.iter().filter(|(name, why)| !is_said(name, why));
    found.extend(failing.map(|(name, why)| Concern::warning("a folder fails", &of_folder(name, why))));
    if !watched.copies.is_empty() {
        found.push(Concern::warning("copies of sent mail wait", &watched.copies));
    }
    found.extend(idle(name, &watched.idle));
    found.extend(ending(&watched.certificates, now));
    if account.breaker_tripped_at.is_some() {
        let reset = format!("espomail account breaker {name} --reset");
        found.push(Concern::warning("automatic replies are stopped", "").next(reset));
    }
    found.sort_by_key(|one| std::cmp::Reverse(one.level));
    found
}

/// A certificate that ends within this should have been renewed.
pub const ENDING: SignedDuration = SignedDuration::from_hours(14 * 24);

/// What is said of a server that has to move junk and does not say where.
pub const NO_JUNK_FOLDER: &str = "the server marks no folder as the one for junk";

/// The command that tells where.
pub fn name_junk_folder(account: &str) -> String {
    format!("espomail account edit {account} --junk-folder FOLDER")
}

/// What is said where the folder that was named is not there.
pub fn no_such_junk_folder(folder: &str) -> String {
    format!("the server has no folder {folder:?} for junk")
}

/// Whether these words about junk that was not moved are that an account has no folder for it, as it is set now.
pub fn lacks_junk_folder(account: &Account, words: &str) -> bool {
    let begin = account.fetching.junk_folder.as_deref().map_or_else(|| NO_JUNK_FOLDER.to_owned(), no_such_junk_folder);
    words.starts_with(&begin)
}

/// How the words about such a certificate begin.
pub const CERTIFICATE: &str = "the certificate of its";

/// Which of these certificates end soon, or have ended.
pub fn ending(certificates: &[Certificate], now: Timestamp) -> Vec<Concern> {
    certificates.iter().filter_map(|one| ends(one, now)).collect()
}

fn ends(certificate: &Certificate, now: Timestamp) -> Option<Concern> {
    let server = match certificate.served {
        Served::Imap => "IMAP",
        Served::Smtp => "SMTP",
    };
    let day = certificate.ends.strftime("%Y-%m-%d");
    let when = match certificate.ends.duration_since(now) {
        left if left >= ENDING => return None,
        left if left <= SignedDuration::ZERO => format!("ended on {day}"),
        left => format!("ends on {day}, in {}", span(left)),
    };
    Some(Concern::warning(format!("{CERTIFICATE} {server} server {when}"), &certificate.host))
}

fn fetching(watched: &Watched, limits: &Limits, now: Timestamp) -> Option<Concern> {
    let account = &watched.account;
    let health = &account.health;
    account.imap.host.as_ref()?;
    let came_in = !watched.unsettled.is_empty() && health.failure.ends_with(&watched.unsettled);
    let age = since(health.last_good_at.unwrap_or(account.created_at), now);
    let (why, is_late) = (health.failure.as_str(), is_longer(age, limits.account));
    let found = match (health.failing_since, health.last_good_at) {
        (Some(_), Some(_)) if is_late => Concern::new(Level::Critical, format!("not fetched for {}", span(age)), why),
        (Some(_), None) if is_late => {
            Concern::new(Level::Critical, format!("not fetched since it was added {} ago", span(age)), why)
        }
        (Some(_), _) if came_in => Concern::warning("is fetched, but left as it was on the server", why),
        (Some(_), _) => Concern::warning("cannot be fetched", why),
        (None, None) if is_late => {
            let what = format!("was added {} ago and never fetched", span(age));
            Concern::new(Level::Critical, what, "does cron run espomail fetch?")
        }
        (None, Some(_)) if is_late => {
            Concern::new(Level::Critical, format!("not fetched for {}", span(age)), "does cron run espomail fetch?")
        }
        (None, _) => return None,
    };
    Some(found)
}

fn sending(account: &Account, limits: &Limits, now: Timestamp) -> Option<Concern> {
    let health = &account.health;
    let age = since(health.send_failing_since?, now);
    Some(match is_longer(age, limits.account) {
        true => Concern::new(Level::Critical, format!("cannot send for {}", span(age)), &health.send_failure),
        false => Concern::warning("cannot send", &health.send_failure),
    })
}

/// What is wrong with the desk as a whole, the worst first.
pub fn of_desk(
    accounts: &[Watched],
    queue: &Queue,
    quarantined: i64,
    ahead: bool,
    limits: &Limits,
    now: Timestamp,
) -> Vec<Concern> {
    let mut found = Vec::new();
    let mut warn = |what: String| found.push(Concern::warning(what, ""));
    match accounts.len() {
        0 => warn("there is no account yet: espomail account add".to_owned()),
        all if !accounts.iter().any(|one| one.in_use) => {
            warn(format!("no account is in use: {all} of {all} are disabled, or their owners are"));
        }
        _ => {}
    }
    if queue.refused > 0 {
        let what = counted(queue.refused, "message was", "messages were");
        warn(format!("{what} refused for good within a day (espomail outbox list)"));
    }
    if queue.uncertain > 0 {
        warn(format!("{} in the outbox uncertain (espomail outbox list)", queue.uncertain));
    }
    if ahead {
        warn("times that are still to come stand in the database: is the clock right? (espomail doctor)".to_owned());
    }
    if quarantined > limits.quarantine {
        warn(format!("{quarantined} in the quarantine (espomail quarantine list)"));
    }
    let age = waits_for(queue, now);
    if is_longer(age, limits.outbox) {
        found.insert(0, Concern::new(Level::Critical, format!("mail waits in the outbox for {}", span(age)), ""));
    }
    found
}

/// What is said where nothing is wrong.
pub fn all_is_well(accounts: &[Watched]) -> String {
    let fetched = || accounts.iter().filter(|one| one.in_use && one.account.imap.host.is_some());
    let resting = accounts.iter().filter(|one| !one.in_use).count();
    let never = fetched().filter(|one| one.account.health.last_good_at.is_none()).count();
    let said = match (fetched().count(), never) {
        (0, _) => "no account is to be fetched, sending works".to_owned(),
        (_, 0) => "all accounts are fetched".to_owned(),
        (1, _) => "1 account, not fetched yet".to_owned(),
        (all, never) => format!("{all} accounts, {never} not fetched yet"),
    };
    match resting {
        0 => said,
        n => format!("{said}, {n} disabled"),
    }
}

fn is_longer(age: SignedDuration, limit: Duration) -> bool {
    SignedDuration::try_from(limit).is_ok_and(|limit| age > limit)
}

fn counted(n: i64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// A duration in one unit, for people.
pub fn span(age: SignedDuration) -> String {
    match age.as_secs() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ ..7_200 => format!("{} min", seconds / 60),
        seconds @ ..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests;
