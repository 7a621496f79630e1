//! What an account remembers about its failures, and when people hear of them (B2.5). Pure.

use jiff::{SignedDuration, Timestamp};

use crate::error::Kind;
use crate::moment;
use crate::net::Later;
use crate::store::accounts::Health;

/// No server is left alone for longer, whether it refused the login or asks for it.
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

/// What ended a run of an account.
#[derive(Debug, Clone, Copy)]
pub struct Failure<'a> {
    pub kind: Kind,
    /// The error with the server's words.
    pub words: &'a str,
    /// The server asks to be left alone.
    pub later: Option<Later>,
    /// Mail came in all the same.
    pub came_in: bool,
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
pub fn failed(before: &Health, failure: Failure<'_>, patience: Patience, now: Timestamp) -> Verdict {
    let Failure { kind, words, later, came_in } = failure;
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
        last_good_at: if came_in { Some(now) } else { before.last_good_at },
        alerted_at: if speak { Some(now) } else { before.alerted_at },
        next_try_at: match later {
            Some(later) => Some(now + rest(later, before.rests)),
            None => refused.then(|| now + wait(before.next_try_at.and(told).map(|told| now.duration_since(told)))),
        },
        rests: if later.is_some() { before.rests.saturating_add(1) } else { 0 },
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

/// A server that asks to be left alone is (B2.15): for the time it names, at most an hour; where it names none until the
/// next run, then for 2, 4, 8, at last 15 minutes.
fn rest(later: Later, rests: u32) -> SignedDuration {
    match later.after.map(|after| SignedDuration::try_from(after).unwrap_or(SignedDuration::MAX)) {
        Some(named) => named.min(LONGEST_REST),
        None => SignedDuration::from_mins(if rests == 0 { 0 } else { (1 << rests.min(4)).min(15) }),
    }
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

/// Until when an account is to be left alone. Naming it on the command line ends the waiting, and so does an edit, which
/// forgets `next_try_at`.
pub fn waits(health: &Health, named: bool, now: Timestamp) -> Option<Timestamp> {
    health.next_try_at.filter(|next| !named && !moment::is_due(*next, LONGEST_REST, now))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 60 * minutes).unwrap()
    }

    fn because(kind: Kind, later: Option<Later>) -> Failure<'static> {
        Failure { kind, words: "said", later, came_in: false }
    }

    #[test]
    fn a_run_that_brought_mail_counts_as_fetched_when_a_later_step_fails() {
        let before = Health { last_good_at: Some(at(1)), ..Health::default() };
        for (came_in, expected) in [(true, at(9)), (false, at(1))] {
            let failure = Failure { came_in, ..because(Kind::TempFail, None) };
            let after = failed(&before, failure, PATIENCE, at(9)).health;
            assert_eq!((after.last_good_at, after.failing_since), (Some(expected), Some(at(9))), "{came_in}");
        }
    }

    const PATIENCE: Patience = Patience { runs: 3, age: SignedDuration::from_mins(15) };

    /// Fails at each of these minutes; at which of them cron hears of it.
    fn spoken(minutes: &[i64], patience: Patience) -> Vec<i64> {
        let mut health = Health::default();
        let mut spoken = Vec::new();
        for minute in minutes {
            let verdict = failed(&health, because(Kind::TempFail, None), patience, at(*minute));
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
        let quiet = failed(&Health::default(), because(Kind::TempFail, None), PATIENCE, at(0)).health;
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
            health = failed(&health, because(Kind::NoPerm, None), now, at(minute)).health;
            waited.push(health.next_try_at.map(|next| next.duration_since(at(minute)).as_mins()));
        }
        assert_eq!(waited, [None, None, Some(5), Some(15), Some(60), Some(60)]);
        assert_eq!(waits(&health, false, at(83)), Some(at(142)));
        assert_eq!(waits(&health, true, at(83)), None, "named on the command line");
        assert_eq!(waits(&health, false, at(82 + 60)), None);
        assert_eq!(waits(&health, false, at(81)), None, "written by a clock that ran ahead");
    }

    #[test]
    fn a_server_is_left_alone_for_the_time_it_names() {
        let after = |seconds| Some(Later { after: Some(Duration::from_secs(seconds)), of_folder: false });
        for (seconds, minutes) in [(0, 0), (300, 5), (3_600, 60), (7_200, 60), (u64::MAX / 1000, 60)] {
            let health = failed(&Health::default(), because(Kind::TempFail, after(seconds)), PATIENCE, at(0)).health;
            assert_eq!(health.next_try_at, Some(at(minutes)), "{seconds} s");
        }
    }

    #[test]
    fn where_no_time_is_named_the_rests_grow_and_a_good_run_ends_them() {
        let later = Some(Later { after: None, of_folder: false });
        let mut health = Health::default();
        let mut rests = Vec::new();
        for _ in 0..7 {
            health = failed(&health, because(Kind::TempFail, later), PATIENCE, at(0)).health;
            rests.push(health.next_try_at.unwrap().duration_since(at(0)).as_mins());
        }
        assert_eq!(rests, [0, 2, 4, 8, 15, 15, 15]);
        let other = failed(&health, because(Kind::TempFail, None), PATIENCE, at(0)).health;
        assert_eq!((other.next_try_at, other.rests), (None, 0));
        assert_eq!(recovered(&health, at(1)).health.rests, 0);
    }
}
