//! Days, weeks and months of a time zone within a range of time.

use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::By;

/// Maximum number of periods of a report: three years by day.
pub const MOST: usize = 1_100;

/// A day, week or month, as far as it lies within the range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// `2026-03-29`, `2026-W13`, `2026-03`.
    pub name: String,
    /// Its first day.
    pub date: Date,
    /// Seconds since 1970; the second is not part of it.
    pub at: Range<i64>,
}

impl Period {
    /// The first of its days that lies within the range: not the Monday before it.
    pub fn first_day(&self, zone: &TimeZone) -> Date {
        let at = Timestamp::from_second(self.at.start).unwrap_or_default();
        at.to_zoned_datetime(zone.clone()).date().max(self.date)
    }
}

/// The steps in which a range is best shown: days up to a month, weeks up to half a year.
pub fn usual(range: &Range<Timestamp>) -> By {
    match range.end.as_second().saturating_sub(range.start.as_second()) / 86_400 {
        ..=31 => By::Day,
        32..=190 => By::Week,
        _ => By::Month,
    }
}

/// The periods of a range without a gap; `None` = there are more than [`MOST`], or `by` is not a time.
pub fn periods(range: &Range<Timestamp>, by: By, zone: &TimeZone) -> Option<Vec<Period>> {
    let first = range.start.to_zoned_datetime(zone.clone()).date();
    let (first, step) = match by {
        By::Day => (first, Span::new().days(1)),
        By::Week => {
            let since_monday = i64::from(first.weekday().to_monday_zero_offset());
            (first.checked_sub(Span::new().days(since_monday)).ok()?, Span::new().days(7))
        }
        By::Month => (first.first_of_month(), Span::new().months(1)),
        By::User | By::Team | By::Account | By::Tag => return None,
    };
    // Where midnight is skipped the day begins after the gap.
    let begin = |date: Date| zone.to_timestamp(date.to_datetime(jiff::civil::Time::midnight())).ok();
    let mut periods = Vec::new();
    let mut date = first;
    while begin(date)? < range.end {
        if periods.len() == MOST {
            return None;
        }
        let next = date.checked_add(step).ok()?;
        let at = begin(date)?.max(range.start).as_second()..begin(next)?.min(range.end).as_second();
        periods.push(Period { name: name(date, by), date, at });
        date = next;
    }
    Some(periods)
}

fn name(date: Date, by: By) -> String {
    match by {
        By::Week => {
            let week = date.iso_week_date();
            format!("{:04}-W{:02}", week.year(), week.week())
        }
        By::Month => format!("{:04}-{:02}", date.year(), date.month()),
        By::Day | By::User | By::Team | By::Account | By::Tag => date.to_string(),
    }
}

/// The period that a moment lies in.
pub fn find(periods: &[Period], at: i64) -> Option<usize> {
    let place = periods.partition_point(|period| period.at.start <= at).checked_sub(1)?;
    periods.get(place).filter(|period| at < period.at.end).map(|_| place)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use jiff::civil::DateTime;

    use super::*;

    fn range(since: &str, until: &str, zone: &TimeZone) -> Range<Timestamp> {
        let at = |text: &str| zone.to_timestamp(text.parse::<DateTime>().unwrap()).unwrap();
        at(since)..at(until)
    }

    /// Names and lengths in hours.
    fn shown(since: &str, until: &str, by: By, zone: &str) -> Vec<String> {
        let zone = TimeZone::get(zone).unwrap();
        let periods = periods(&range(since, until, &zone), by, &zone).unwrap();
        assert!(periods.windows(2).all(|two| two[0].at.end == two[1].at.start), "without a gap");
        for (place, period) in periods.iter().enumerate() {
            for (at, found) in [(period.at.start, Some(place)), (period.at.end - 1, Some(place))] {
                assert_eq!(find(&periods, at), found);
            }
        }
        assert_eq!(find(&periods, periods[0].at.start - 1), None);
        assert_eq!(find(&periods, periods.last().unwrap().at.end), None);
        periods.iter().map(|p| format!("{} {}", p.name, (p.at.end - p.at.start) / 3_600)).collect()
    }

    #[test]
    fn days_have_23_and_25_hours_where_the_clocks_change() {
        for (since, until, by, zone, expected) in [
            (
                "2026-03-28T00:00",
                "2026-03-31T00:00",
                By::Day,
                "Europe/Berlin",
                vec!["2026-03-28 24", "2026-03-29 23", "2026-03-30 24"],
            ),
            (
                "2026-10-24T12:00",
                "2026-10-26T06:00",
                By::Day,
                "Europe/Berlin",
                vec!["2026-10-24 12", "2026-10-25 25", "2026-10-26 6"],
            ),
            // Midnight is skipped, and shown twice.
            ("2026-04-23T00:00", "2026-04-25T00:00", By::Day, "Africa/Cairo", vec!["2026-04-23 24", "2026-04-24 23"]),
            (
                "2026-10-28T00:00",
                "2026-10-31T00:00",
                By::Day,
                "Africa/Cairo",
                vec!["2026-10-28 24", "2026-10-29 25", "2026-10-30 24"],
            ),
            // Lord Howe: half an hour.
            (
                "2026-04-04T00:00",
                "2026-04-06T00:00",
                By::Day,
                "Australia/Lord_Howe",
                vec!["2026-04-04 24", "2026-04-05 24"],
            ),
            (
                "2026-03-25T00:00",
                "2026-04-07T12:00",
                By::Week,
                "Europe/Berlin",
                vec!["2026-W13 119", "2026-W14 168", "2026-W15 36"],
            ),
            ("2025-12-30T00:00", "2026-01-06T00:00", By::Week, "UTC", vec!["2026-W01 144", "2026-W02 24"]),
            ("2026-02-15T00:00", "2026-04-01T00:00", By::Month, "Europe/Berlin", vec!["2026-02 336", "2026-03 743"]),
        ] {
            assert_eq!(shown(since, until, by, zone), expected, "{since} {by} {zone}");
        }
    }

    #[test]
    fn a_shortened_week_begins_with_the_first_day_of_the_range() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let weeks = periods(&range("2026-03-25T00:00", "2026-04-07T12:00", &zone), By::Week, &zone).unwrap();
        let days: Vec<String> = weeks.iter().map(|week| week.first_day(&zone).to_string()).collect();
        assert_eq!(days, ["2026-03-25", "2026-03-30", "2026-04-06"]);
    }

    #[test]
    fn a_report_has_a_bounded_number_of_periods() {
        let zone = TimeZone::UTC;
        let days =
            |until: &str| periods(&range("2024-01-01T00:00", until, &zone), By::Day, &zone).map(|days| days.len());
        assert_eq!(days("2025-01-01T00:00"), Some(366));
        assert_eq!(days("2027-01-05T00:00"), Some(MOST));
        assert_eq!(days("2027-01-05T00:01"), None);
        assert_eq!(periods(&range("2026-01-01T00:00", "2026-01-02T00:00", &zone), By::User, &zone), None);
        assert_eq!(periods(&(Timestamp::MIN..Timestamp::MAX), By::Day, &zone), None);
        for (until, expected) in
            [("2024-02-01", By::Day), ("2024-02-02", By::Week), ("2024-07-09", By::Week), ("2024-07-10", By::Month)]
        {
            assert_eq!(usual(&range("2024-01-01T00:00", &format!("{until}T00:00"), &zone)), expected, "{until}");
        }
    }
}
