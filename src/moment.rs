//! Times that were written down, read by a clock that may have been wrong then or be wrong now. Pure.
//!
//! A clock that ran ahead leaves times in the future behind. Nothing may wait for them longer than it would have waited
//! at most, and nothing may be counted for ever.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

/// No clock agrees with another one to the second.
const SLACK: SignedDuration = SignedDuration::from_mins(5);

/// Whether the time for something has come that was put off to `next` by at most `longest`: one that is further away was
/// written by a clock that ran ahead.
pub fn is_due(next: Timestamp, longest: SignedDuration, now: Timestamp) -> bool {
    next <= now || next.duration_since(now) > longest
}

/// When something that happened at `then` happened, by the clock of now: never in the future.
pub fn past(then: Timestamp, now: Timestamp) -> Timestamp {
    then.min(now)
}

/// How long ago something happened; nothing, where the clock was ahead then.
pub fn since(then: Timestamp, now: Timestamp) -> SignedDuration {
    now.duration_since(then).max(SignedDuration::ZERO)
}

/// A span of time that ends now, so that what was written in the future is not counted.
pub fn last(window: SignedDuration, now: Timestamp) -> Range<Timestamp> {
    now - window..now + SLACK
}

/// Whether something happened within the last `window`: not before it, and not in a future that nobody has seen.
pub fn is_within(then: Timestamp, window: SignedDuration, now: Timestamp) -> bool {
    !is_ahead(then, now) && now.duration_since(then) < window
}

/// After a longer pause between two tries nothing was tried: the program did not run, or the clock was set.
const PAUSE: SignedDuration = SignedDuration::from_hours(25);

/// Since when something has been failing that was tried last at `last_try`: pauses do not count, so that a clock that ran
/// behind at the first failure gives nothing up too early.
pub fn failing_since(since: Option<Timestamp>, last_try: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let since = past(since.unwrap_or(now), now);
    let pause = last_try.map_or(SignedDuration::ZERO, |last| now.duration_since(last));
    if pause > PAUSE { past(since.saturating_add(pause).unwrap_or(now), now) } else { since }
}

/// Whether a time was written by a clock that was ahead of the one of now.
pub fn is_ahead(then: Timestamp, now: Timestamp) -> bool {
    then.duration_since(now) > SLACK
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn at(minutes: i64) -> Timestamp {
        NOW + SignedDuration::from_mins(minutes)
    }

    const YEAR: i64 = 365 * 24 * 60;

    #[test]
    fn nothing_waits_longer_than_the_longest_back_off() {
        let longest = SignedDuration::from_mins(480);
        for (minutes, due) in
            [(-YEAR, true), (-1, true), (0, true), (1, false), (480, false), (481, true), (YEAR, true)]
        {
            assert_eq!(is_due(at(minutes), longest, NOW), due, "{minutes}");
        }
    }

    #[test]
    fn what_is_written_in_the_future_has_just_happened() {
        for (minutes, ago) in [(-YEAR, YEAR), (-1, 1), (0, 0), (1, 0), (YEAR, 0)] {
            assert_eq!(since(at(minutes), NOW).as_mins(), ago, "{minutes}");
            assert_eq!(past(at(minutes), NOW), at(minutes.min(0)), "{minutes}");
        }
    }

    #[test]
    fn pauses_are_not_failures() {
        for (since, last, counts) in [
            (None, None, 0),
            (Some(-600), Some(-480), 600),
            (Some(-2880), Some(-24 * 60), 2880),
            (Some(-YEAR), Some(-YEAR), 0),
            (Some(-YEAR - 600), Some(-YEAR), 600),
            (Some(YEAR), Some(YEAR), 0),
            (Some(-600), Some(YEAR), 600),
        ] {
            let since = failing_since(since.map(at), last.map(at), NOW);
            assert_eq!(NOW.duration_since(since).as_mins(), counts, "{since} {last:?}");
        }
    }

    #[test]
    fn a_limit_does_not_count_what_is_ahead() {
        let hour = SignedDuration::from_hours(1);
        for (minutes, within, ahead) in [
            (-61, false, false),
            (-60, false, false),
            (-59, true, false),
            (5, true, false),
            (6, false, true),
            (YEAR, false, true),
        ] {
            assert_eq!((is_within(at(minutes), hour, NOW), is_ahead(at(minutes), NOW)), (within, ahead), "{minutes}");
            assert!(!ahead || !last(hour, NOW).contains(&at(minutes)), "{minutes}");
        }
    }
}
