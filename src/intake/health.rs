//! What an account remembers about its failures, and when people hear of them (B2.5). Pure.

use jiff::{SignedDuration, Timestamp};

use crate::error::Kind;
use crate::moment;
use crate::store::accounts::Health;

/// A refused login is never left alone for longer.
const LONGEST_REST: SignedDuration = SignedDuration::from_hours(1);

/// Once told, cron is told again after so long.
const REPEAT: SignedDuration = SignedDuration::from_hours(6);

/// When an account's failures become loud.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Failed runs in a row.
    pub runs: u32,
    /// Age of the failure.
    pub age: SignedDuration,
}

/// What a run makes of an account's memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The new memory.
    pub health: Health,
    /// Cron hears of it now.
    pub speak: bool,
    /// Admins get their one notification now.
    pub notify: bool,
}

/// After a failed run.
pub fn failed(before: &Health, kind: Kind, words: &str, patience: Patience, now: Timestamp) -> Verdict {
    let since = moment::past(before.failing_since.unwrap_or(now), now);
    let runs = before.failed_runs.saturating_add(1);
    let loud = runs >= patience.runs && now.duration_since(since) >= patience.age;
    let first = loud && before.alerted_at.is_none();
    let again = before.alerted_at.is_some_and(|told| !moment::is_within(told, REPEAT, now));
    let speak = first || (loud && again);
    let told = before.alerted_at;
    let refused = kind == Kind::NoPerm && (loud || before.alerted_at.is_some());
    let health = Health {
        failing_since: Some(since),
        failed_runs: runs,
        failure_kind: kind.name().to_owned(),
        failure: words.to_owned(),
        alerted_at: if speak { Some(now) } else { before.alerted_at },
        next_try_at: refused.then(|| now + wait(before.next_try_at.and(told).map(|told| now.duration_since(told)))),
        ..before.clone()
    };
    Verdict { health, speak, notify: first }
}

/// A wrong password every minute locks mailboxes: from the first alert on 5, 15, then 60 minutes. `told` is how long ago
/// that was, where there was a rest before.
pub fn wait(told: Option<SignedDuration>) -> SignedDuration {
    SignedDuration::from_mins(match told.map(|told| told.as_mins()) {
        None => 5,
        Some(..10) => 15,
        Some(_) => 60,
    })
}

/// After a good run; `speak` is the one line on recovery, for those who had been told.
pub fn recovered(before: &Health, now: Timestamp) -> Verdict {
    let told = before.alerted_at.is_some();
    let health = Health {
        last_good_at: Some(now),
        send_failing_since: before.send_failing_since,
        send_failure: before.send_failure.clone(),
        send_next_try_at: before.send_next_try_at,
        ..Health::default()
    };
    Verdict { health, speak: told, notify: told }
}

/// Whether a refused login is to be left alone for now. Naming the account on the command line ends the waiting,
/// and so does an edit, which forgets `next_try_at`.
pub fn waits(health: &Health, named: bool, now: Timestamp) -> bool {
    !named && health.next_try_at.is_some_and(|next| !moment::is_due(next, LONGEST_REST, now))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 60 * minutes).unwrap()
    }

    const PATIENCE: Patience = Patience { runs: 3, age: SignedDuration::from_mins(15) };

    /// Fails at each of these minutes; at which of them cron hears of it.
    fn spoken(minutes: &[i64], patience: Patience) -> Vec<i64> {
        let mut health = Health::default();
        let mut spoken = Vec::new();
        for minute in minutes {
            let verdict = failed(&health, Kind::TempFail, "no route", patience, at(*minute));
            if verdict.speak {
                spoken.push(*minute);
            }
            health = verdict.health;
        }
        spoken
    }

    #[test]
    fn silent_until_runs_and_age_are_reached_then_once_in_six_hours() {
        assert_eq!(spoken(&[0, 1, 2, 3], PATIENCE), Vec::<i64>::new());
        assert_eq!(spoken(&[0, 20], PATIENCE), Vec::<i64>::new());
        assert_eq!(spoken(&[0, 5, 15, 16, 300, 376], PATIENCE), [15, 376]);
        let now = Patience { age: SignedDuration::ZERO, ..PATIENCE };
        assert_eq!(spoken(&[0, 1, 2, 3], now), [2]);
    }

    #[test]
    fn recovery_is_told_only_to_those_who_were_told_of_the_failure() {
        let quiet = failed(&Health::default(), Kind::TempFail, "x", PATIENCE, at(0)).health;
        assert!(!recovered(&quiet, at(1)).speak);
        let loud = Health { alerted_at: Some(at(0)), failed_runs: 5, ..quiet };
        let verdict = recovered(&loud, at(1));
        assert!(verdict.speak && verdict.notify);
        assert_eq!(verdict.health, Health { last_good_at: Some(at(1)), ..Health::default() });
    }

    #[test]
    fn refused_logins_are_tried_more_and_more_rarely_once_loud() {
        let mut health = Health::default();
        let mut waited = Vec::new();
        let now = Patience { age: SignedDuration::ZERO, ..PATIENCE };
        for minute in [0, 1, 2, 7, 22, 82] {
            health = failed(&health, Kind::NoPerm, "refused", now, at(minute)).health;
            waited.push(health.next_try_at.map(|next| next.duration_since(at(minute)).as_mins()));
        }
        assert_eq!(waited, [None, None, Some(5), Some(15), Some(60), Some(60)]);
        assert!(waits(&health, false, at(83)));
        assert!(!waits(&health, true, at(83)), "named on the command line");
        assert!(!waits(&health, false, at(82 + 60)));
    }
}
