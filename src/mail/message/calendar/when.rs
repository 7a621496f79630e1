//! Times of a calendar as people read them: in the zone that the sender named, because nobody else's is known here.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};

use super::lines::Property;

enum Moment {
    Day(Date),
    Time(DateTime),
}

impl Moment {
    /// `20240305`, `20240305T100000`, `20240305T100000Z`
    fn read(property: &Property) -> Option<Moment> {
        let value = property.value.trim().trim_end_matches(['Z', 'z']);
        let number = |from: usize, to: usize| value.get(from..to)?.parse::<i16>().ok();
        let small = |from: usize| i8::try_from(number(from, from + 2)?).ok();
        let date = Date::new(number(0, 4)?, small(4)?, small(6)?).ok()?;
        if value.len() == 8 {
            return Some(Moment::Day(date));
        }
        let second = small(13).unwrap_or_default().min(59);
        let time = Time::new(small(9)?, small(11)?, second, 0).ok()?;
        Some(Moment::Time(date.to_datetime(time)))
    }
}

/// `Tuesday, 2024-03-05 10:00 to 11:30 (Europe/Berlin)`
pub(super) fn as_text(start: Option<&Property>, end: Option<&Property>, duration: &str) -> String {
    let Some(property) = start.or(end) else { return String::new() };
    let Some(begins) = Moment::read(property) else { return property.value.trim().to_owned() };
    let ends = end.and_then(Moment::read);
    match begins {
        Moment::Day(first) => {
            // The end of whole days is the day after them.
            let last = match ends {
                Some(Moment::Day(day)) => day.yesterday().ok().filter(|last| *last > first),
                _ => None,
            };
            last.map_or_else(|| day(first), |last| format!("{} to {}", day(first), day(last)))
        }
        Moment::Time(first) => {
            let last = match ends {
                Some(Moment::Time(last)) => Some(last),
                _ => lasting(duration).and_then(|duration| first.checked_add(duration).ok()),
            };
            let until = match last.filter(|last| *last > first) {
                Some(last) if last.date() == first.date() => format!(" to {}", clock(last)),
                Some(last) => format!(" to {} {}", day(last.date()), clock(last)),
                None => String::new(),
            };
            format!("{} {}{until}{}", day(first.date()), clock(first), zone(property))
        }
    }
}

fn zone(property: &Property) -> String {
    match property.param("TZID") {
        Some(zone) if !zone.is_empty() => format!(" ({})", zone.trim_start_matches('/')),
        _ if property.value.trim().ends_with(['Z', 'z']) => " (UTC)".to_owned(),
        _ => String::new(),
    }
}

fn day(date: Date) -> String {
    date.strftime("%A, %Y-%m-%d").to_string()
}

fn clock(time: DateTime) -> String {
    time.strftime("%H:%M").to_string()
}

/// `PT1H30M`, `P2D`, `P1W`
fn lasting(duration: &str) -> Option<SignedDuration> {
    let (mut seconds, mut number) = (0_i64, 0_i64);
    for c in duration.trim().trim_start_matches('+').strip_prefix('P')?.chars().take(20) {
        let unit = match c {
            'T' => 0,
            'W' => 7 * 24 * 3600,
            'D' => 24 * 3600,
            'H' => 3600,
            'M' => 60,
            'S' => 1,
            c => {
                number = number.checked_mul(10)?.checked_add(i64::from(c.to_digit(10)?))?;
                continue;
            }
        };
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        number = 0;
    }
    Some(SignedDuration::from_secs(seconds))
}

/// `every 2 weeks, 5 times`; other rules as they are written.
pub(super) fn repetition(rule: &str) -> String {
    let part = |name: &str| {
        let mut parts = rule.split(';').filter_map(|part| part.split_once('='));
        parts.find(|(known, _)| known.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    let Some(unit) = part("FREQ") else { return rule.to_owned() };
    let unit = match unit.to_ascii_uppercase().as_str() {
        "DAILY" => "day",
        "WEEKLY" => "week",
        "MONTHLY" => "month",
        "YEARLY" => "year",
        _ => return rule.to_owned(),
    };
    let every = match part("INTERVAL").as_deref() {
        None | Some("1") => format!("every {unit}"),
        Some(number) => format!("every {number} {unit}s"),
    };
    let until = part("UNTIL").map(|value| Property { value, ..Property::default() });
    let until = until.map(|until| as_text(Some(&until), None, "")).map(|until| format!(", until {until}"));
    let times = part("COUNT").map(|count| format!(", {count} times"));
    format!("{every}{}{}", times.unwrap_or_default(), until.unwrap_or_default())
}
