//! Dates and times as people type them, the same in every flag and query. Pure: text, clock and zone in, a moment out.
//!
//! A day without a time is its midnight. A weekday, a time of day or a duration without a direction lies before now in
//! `--since`, in queries and in reports, and after now in `--at` and `--until`. A time that the clocks skip is the one after
//! the gap; of a time that they show twice the first counts. Days, weeks, months and years go by the calendar, hours by the
//! clock.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::fmt::friendly::SpanParser;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ZonedDateTime};

use crate::error::{self, Fault};

/// On which side of now a text lies that does not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Towards {
    /// The last such moment that is not after now.
    Past,
    /// The next such moment after now.
    Future,
}

/// What a text is read by.
#[derive(Debug, Clone)]
pub struct Clock {
    /// The moment of the command.
    pub now: Timestamp,
    /// Where days begin at midnight.
    pub zone: TimeZone,
}

/// Reads a date or time.
///
/// # Errors
/// Names the field, and lists examples (exit 2).
pub fn read(field: &str, text: &str, towards: Towards, clock: &Clock) -> Result<Timestamp, Fault> {
    moment(text, towards, clock).ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        error::usage(format!("{field}: \"{shown}\" is not a date or time")).hint(
            "write it as today, 'monday 9:00', 9am, 'in 2 hours', 2w, '2 weeks ago', 2026-12-24 or 2026-12-24T09:00",
        )
    })
}

fn moment(text: &str, towards: Towards, clock: &Clock) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(moment) = text.parse() {
        return Some(moment);
    }
    if let Ok(local) = text.parse::<DateTime>() {
        return clock.zone.to_timestamp(local).ok();
    }
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).filter(|word| word != "at").collect();
    let text = words.join(" ");
    let reader = Reader { now: clock.now.to_zoned_datetime(clock.zone.clone()), towards };
    match text.as_str() {
        "now" => Some(clock.now),
        text => reader.on_a_day(text).or_else(|| reader.away(text)),
    }
}

/// A day, or the days that a word can mean.
#[derive(Clone, Copy)]
enum Day {
    On(Date),
    Each(Weekday),
    Any,
}

struct Reader {
    now: ZonedDateTime,
    towards: Towards,
}

impl Reader {
    /// A day, a time, or both in any order.
    fn on_a_day(&self, text: &str) -> Option<Timestamp> {
        if let Some(day) = self.day(text) {
            return self.nearest(day, Time::midnight());
        }
        if let Some(time) = time(text) {
            return self.nearest(Day::Any, time);
        }
        text.match_indices(' ').find_map(|(blank, _)| {
            let (first, second) = (text.get(..blank)?, text.get(blank + 1..)?);
            let both = |day, hour| Some((self.day(day)?, time(hour)?));
            let (day, time) = both(first, second).or_else(|| both(second, first))?;
            self.nearest(day, time)
        })
    }

    fn day(&self, text: &str) -> Option<Day> {
        let today = self.now.date();
        let date = match text {
            "today" => today,
            "tomorrow" => today.tomorrow().ok()?,
            "yesterday" => today.yesterday().ok()?,
            text => {
                if let Some(weekday) = weekday(text) {
                    return Some(Day::Each(weekday));
                }
                // Otherwise "2026-12-24 09:00" would be a day, without its time.
                let is_plain = text.chars().all(|c| c.is_ascii_digit() || c == '-');
                text.parse().ok().filter(|_| is_plain)?
            }
        };
        Some(Day::On(date))
    }

    /// The time on that day; of several days the nearest one on the side that is asked for.
    fn nearest(&self, day: Day, time: Time) -> Option<Timestamp> {
        let on = |date: Date| self.now.time_zone().to_timestamp(date.to_datetime(time)).ok();
        let today = match day {
            Day::On(date) => return on(date),
            Day::Each(_) | Day::Any => self.now.date(),
        };
        (0..=7).find_map(|days: i64| {
            let (date, now) = match self.towards {
                Towards::Past => (today.checked_sub(Span::new().days(days)).ok()?, self.now.timestamp()),
                Towards::Future => (today.checked_add(Span::new().days(days)).ok()?, self.now.timestamp()),
            };
            let fits = !matches!(day, Day::Each(weekday) if weekday != date.weekday());
            on(date).filter(|at| fits && (*at > now) == (self.towards == Towards::Future))
        })
    }

    /// `2w`, `in 2 hours`, `+2h`, `2 weeks ago`.
    fn away(&self, text: &str) -> Option<Timestamp> {
        let ahead = text.strip_prefix("in ").or_else(|| text.strip_prefix('+')).map(str::trim_start);
        let amount = ahead.unwrap_or(text);
        let is_signed = amount.starts_with(['-', '+']) || amount.ends_with("ago");
        if ahead.is_some() && is_signed {
            return None;
        }
        let span = SpanParser::new().parse_span(amount).ok()?;
        let back = self.towards == Towards::Past && ahead.is_none() && !is_signed;
        let there = if back { self.now.checked_sub(span) } else { self.now.checked_add(span) };
        there.ok().map(|at| at.timestamp())
    }
}

/// `9:00`, `09:30:15`, `9am`, `9:30 pm`.
fn time(text: &str) -> Option<Time> {
    let half = text.strip_suffix("am").map(|rest| (rest, 0)).or_else(|| text.strip_suffix("pm").map(|rest| (rest, 12)));
    let digits = half.map_or(text, |(rest, _)| rest.trim_end());
    let mut parts = digits.split(':');
    let hour = number(parts.next()?, 1)?;
    let minute = parts.next().map(|part| number(part, 2));
    let second = parts.next().map(|part| number(part, 2));
    if parts.next().is_some() || (half.is_none() && minute.is_none()) {
        return None;
    }
    let hour = match half {
        Some((_, from)) => (1..=12).contains(&hour).then_some(hour % 12 + from)?,
        None => hour,
    };
    let or_none = |part: Option<Option<i8>>| part.unwrap_or(Some(0));
    Time::new(hour, or_none(minute)?, or_none(second)?, 0).ok()
}

/// A number of at most two digits.
fn number(text: &str, least: usize) -> Option<i8> {
    let fits = (least..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| fits)
}

fn weekday(text: &str) -> Option<Weekday> {
    Some(match text {
        "monday" | "mon" => Weekday::Monday,
        "tuesday" | "tue" => Weekday::Tuesday,
        "wednesday" | "wed" => Weekday::Wednesday,
        "thursday" | "thu" => Weekday::Thursday,
        "friday" | "fri" => Weekday::Friday,
        "saturday" | "sat" => Weekday::Saturday,
        "sunday" | "sun" => Weekday::Sunday,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn clock(now: &str, zone: &str) -> Clock {
        let zone = TimeZone::get(zone).unwrap();
        let now = zone.to_timestamp(now.parse::<DateTime>().unwrap()).unwrap();
        Clock { now, zone }
    }

    /// The local time that a text means in the past and in the future; empty if it is not understood.
    fn both(text: &str, clock: &Clock) -> (String, String) {
        let [past, future] = [Towards::Past, Towards::Future].map(|towards| {
            let local = moment(text, towards, clock).map(|at| at.to_zoned_datetime(clock.zone.clone()));
            local.map(|at| at.strftime("%Y-%m-%d %H:%M").to_string()).unwrap_or_default()
        });
        (past, future)
    }

    #[test]
    fn what_lies_on_the_side_that_is_asked_for() {
        // A Tuesday.
        let clock = clock("2026-11-24T10:30", "Asia/Jakarta");
        for (text, past, future) in [
            ("monday", "2026-11-23 00:00", "2026-11-30 00:00"),
            ("Tue", "2026-11-24 00:00", "2026-12-01 00:00"),
            ("wednesday", "2026-11-18 00:00", "2026-11-25 00:00"),
            ("tuesday 9:00", "2026-11-24 09:00", "2026-12-01 09:00"),
            ("tuesday 10:30", "2026-11-24 10:30", "2026-12-01 10:30"),
            ("tuesday at 11am", "2026-11-17 11:00", "2026-11-24 11:00"),
            ("9am", "2026-11-24 09:00", "2026-11-25 09:00"),
            ("9:30", "2026-11-24 09:30", "2026-11-25 09:30"),
            ("10:30", "2026-11-24 10:30", "2026-11-25 10:30"),
            ("9:30 PM", "2026-11-23 21:30", "2026-11-24 21:30"),
            ("12am", "2026-11-24 00:00", "2026-11-25 00:00"),
            ("12pm", "2026-11-23 12:00", "2026-11-24 12:00"),
            ("2w", "2026-11-10 10:30", "2026-12-08 10:30"),
            ("1h30m", "2026-11-24 09:00", "2026-11-24 12:00"),
            ("2 weeks 1 day", "2026-11-09 10:30", "2026-12-09 10:30"),
            ("1 month", "2026-10-24 10:30", "2026-12-24 10:30"),
        ] {
            assert_eq!(both(text, &clock), (past.to_owned(), future.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_says_its_side_itself() {
        let clock = clock("2026-11-24T10:30", "Asia/Jakarta");
        for (text, expected) in [
            ("now", "2026-11-24 10:30"),
            ("today", "2026-11-24 00:00"),
            ("YESTERDAY", "2026-11-23 00:00"),
            (" tomorrow ", "2026-11-25 00:00"),
            ("tomorrow 9:00", "2026-11-25 09:00"),
            ("9 am tomorrow", "2026-11-25 09:00"),
            ("Today 17:05", "2026-11-24 17:05"),
            ("in 2 hours", "2026-11-24 12:30"),
            ("+2h", "2026-11-24 12:30"),
            ("+ 1h30m", "2026-11-24 12:00"),
            ("in 3d", "2026-11-27 10:30"),
            ("2 weeks ago", "2026-11-10 10:30"),
            ("-2h", "2026-11-24 08:30"),
            ("2026-12-01", "2026-12-01 00:00"),
            ("2026-12-24T09:00", "2026-12-24 09:00"),
            ("2026-12-24 9:00", "2026-12-24 09:00"),
            ("2026-12-24 at 9pm", "2026-12-24 21:00"),
            ("2026-12-24T09:00:00Z", "2026-12-24 16:00"),
            ("2026-12-24T09:00+01:00", "2026-12-24 15:00"),
            ("1969-01-02", "1969-01-02 00:00"),
        ] {
            assert_eq!(both(text, &clock), (expected.to_owned(), expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_date_or_time() {
        let clock = clock("2026-11-24T10:30", "Asia/Jakarta");
        for text in [
            "",
            "+",
            "+x",
            "soon",
            "9",
            "10",
            "0am",
            "13pm",
            "25:00",
            "9:5",
            "9:00:00:00",
            "tomorrow 25:00",
            "tomorrow tomorrow",
            "monday monday",
            "2026-02-30",
            "2026-13-01",
            "in -2h",
            "in 2 hours ago",
            "+-2h",
            "99999 years",
            "99999999999999999999d",
            "m",
            "ten minutes",
        ] {
            assert_eq!(both(text, &clock), Default::default(), "{text}");
            let refused = read("--since", text, Towards::Past, &clock).unwrap_err();
            assert_eq!(refused.message, format!("--since: \"{text}\" is not a date or time"));
            assert!(refused.hint.is_some_and(|hint| hint.contains("'monday 9:00'")), "{text}");
        }
    }

    #[test]
    fn every_example_of_the_hint_is_understood() {
        let clock = clock("2026-11-24T10:30", "Asia/Jakarta");
        let hint = read("--at", "soon", Towards::Past, &clock).unwrap_err().hint.unwrap();
        for text in hint.trim_start_matches("write it as ").replace(" or ", ", ").split(", ") {
            assert!(moment(text.trim_matches('\''), Towards::Past, &clock).is_some(), "{text}");
        }
    }

    #[test]
    fn clocks_that_change_and_months_that_end() {
        for (now, zone, text, past, future) in [
            // 2:00 to 3:00 is skipped on 2026-03-29, and shown twice on 2026-10-25.
            ("2026-03-28T12:00", "Europe/Berlin", "tomorrow 2:30", "2026-03-29 03:30", "2026-03-29 03:30"),
            ("2026-03-28T12:00", "Europe/Berlin", "1 day", "2026-03-27 12:00", "2026-03-29 12:00"),
            ("2026-03-28T12:00", "Europe/Berlin", "in 24h", "2026-03-29 13:00", "2026-03-29 13:00"),
            ("2026-03-30T01:00", "Europe/Berlin", "2d", "2026-03-28 01:00", "2026-04-01 01:00"),
            ("2026-10-26T12:00", "Europe/Berlin", "sunday 2:30", "2026-10-25 02:30", "2026-11-01 02:30"),
            ("2026-10-26T12:00", "Europe/Berlin", "48h", "2026-10-24 13:00", "2026-10-28 12:00"),
            // Midnight is skipped.
            ("2026-04-23T12:00", "Africa/Cairo", "tomorrow", "2026-04-24 01:00", "2026-04-24 01:00"),
            ("2026-01-31T09:00", "UTC", "1 month", "2025-12-31 09:00", "2026-02-28 09:00"),
            ("2026-03-31T09:00", "UTC", "1 month ago", "2026-02-28 09:00", "2026-02-28 09:00"),
            ("2028-02-29T09:00", "UTC", "1 year", "2027-02-28 09:00", "2029-02-28 09:00"),
            ("2026-12-31T23:30", "UTC", "tomorrow", "2027-01-01 00:00", "2027-01-01 00:00"),
            ("2026-12-31T23:30", "UTC", "9am", "2026-12-31 09:00", "2027-01-01 09:00"),
            ("2026-03-01T00:00", "UTC", "yesterday", "2026-02-28 00:00", "2026-02-28 00:00"),
        ] {
            assert_eq!(both(text, &clock(now, zone)), (past.to_owned(), future.to_owned()), "{text} on {now}");
        }
        // Of the hour that is shown twice the first is meant.
        let twice = moment("2026-10-25 2:30", Towards::Past, &clock("2026-10-26T12:00", "Europe/Berlin")).unwrap();
        assert_eq!(twice.to_string(), "2026-10-25T00:30:00Z");
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "([a-z]{1,8}|[0-9]{1,20}|[-+: ]|in |ago|\\PC){0,8}") {
            let clock = clock("2026-11-24T10:30", "Europe/Berlin");
            for towards in [Towards::Past, Towards::Future] {
                let _ = moment(&text, towards, &clock);
            }
        }

        #[test]
        fn times_and_weekdays_lie_on_their_side(
            weekday in prop::sample::select(vec!["", "mon ", "tue ", "wed ", "thu ", "fri ", "sat ", "sun "]),
            hour in 0..24, minute in 0..60, second in 1_700_000_000_i64..1_900_000_000,
        ) {
            let text = format!("{weekday}{hour}:{minute:02}");
            let clock = Clock { now: Timestamp::from_second(second).unwrap(), zone: TimeZone::get("Europe/Berlin").unwrap() };
            let past = moment(&text, Towards::Past, &clock).unwrap();
            let future = moment(&text, Towards::Future, &clock).unwrap();
            prop_assert!(past <= clock.now && clock.now < future, "{text}: {past} {future}");
        }
    }
}
