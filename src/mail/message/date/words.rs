//! Dates word by word, in any order: day and month either way round, 12-hour clocks, zones by name.

use jiff::Timestamp;
use jiff::civil::{Date, Time};

use super::zone;

/// What months begin with, in English, and as programs write them that ask the system for the words.
const MONTHS: [&[&str]; 12] = [
    &["jan", "ene", "gen"],
    &["feb", "f\u{e9}v", "fev"],
    &["mar", "m\u{e4}r", "mrz", "maa", "mrt"],
    &["apr", "avr", "abr"],
    &["may", "mai", "mag", "mei"],
    &["jun", "juin", "giu"],
    &["jul", "juil", "lug"],
    &["aug", "ao\u{fb}", "aou", "ago"],
    &["sep", "set"],
    &["oct", "okt", "ott", "out"],
    &["nov"],
    &["dec", "dez", "d\u{e9}c", "dic"],
];

/// The moment that the words of a value name; a time without a zone is UTC.
pub(super) fn read(value: &str) -> Option<Timestamp> {
    let mut found = Found::default();
    let value = value.replace(',', " ");
    for word in value.split(' ').filter(|word| !word.is_empty()) {
        found.take(word);
    }
    found.moment()
}

#[derive(Default)]
struct Found {
    month: Option<i8>,
    numbers: Vec<i16>,
    date: Option<Date>,
    /// Hour, minute, second.
    time: Option<[i8; 3]>,
    afternoon: Option<bool>,
    offset: Option<i32>,
    zone: Vec<String>,
}

impl Found {
    fn take(&mut self, word: &str) {
        let lower = word.to_lowercase();
        if self.time.is_none() && self.take_time(&lower) || self.date.is_none() && self.take_date(&lower) {
            return;
        }
        let ordinal = ["st", "nd", "rd", "th"].iter().find_map(|end| lower.strip_suffix(end)).unwrap_or(&lower);
        if let (Some(number), true) = (ordinal.parse().ok(), ordinal.bytes().all(|b| b.is_ascii_digit())) {
            self.numbers.push(number);
        } else if let Some(afternoon) = afternoon(&lower) {
            self.afternoon = Some(afternoon);
        } else if let Some(offset) = zone::offset(&lower) {
            // `GMT` before `+0100` names what the number is added to, and `GMT Daylight Time` is summer.
            self.offset = Some(offset);
            self.zone.push(lower);
        } else if let Some(month) = month(&lower).filter(|_| self.time.is_none() || self.month.is_none()) {
            // The later one: `mar.` before it is a day of the week.
            self.month = Some(month);
        } else if self.time.is_some() {
            self.zone.push(lower);
        }
    }

    /// `10:00`, `10:00:00.5`, `3:04pm`, `3pm`, `10.00.00`
    fn take_time(&mut self, word: &str) -> bool {
        let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '.');
        let mark = word.get(digits.len()..).unwrap_or_default();
        if !mark.is_empty() && afternoon(mark).is_none() {
            return false;
        }
        let pieces: Vec<&str> = match digits.contains(':') {
            true => digits.split(':').collect(),
            false => digits.split('.').collect(),
        };
        let number = |at: usize| pieces.get(at).and_then(|piece| piece.split('.').next()?.parse::<i8>().ok());
        let is_time = match pieces.len() {
            3 => true,
            2 => digits.contains(':'),
            pieces => pieces == 1 && !mark.is_empty(),
        };
        let short = pieces.iter().take(2).all(|piece| piece.len() <= 2 && !piece.starts_with(['+', '-']));
        let or_zero = |at: usize| if at < pieces.len() { number(at) } else { Some(0) };
        let (Some(hour), Some(minute), Some(second), true) = (number(0), or_zero(1), or_zero(2), is_time && short)
        else {
            return false;
        };
        let second = second.min(59);
        self.time = Some([hour, minute, second]);
        self.afternoon = self.afternoon.or(afternoon(mark));
        true
    }

    /// `05-Mar-2024`, `2024-03-05`, `3/5/2024` with the month first where that can be, `05.03.2024`
    fn take_date(&mut self, word: &str) -> bool {
        let pieces: Vec<&str> = word.split(['-', '/', '.']).collect();
        let [first, second, third] = pieces.as_slice() else { return false };
        let number = |piece: &str| piece.parse::<i16>().ok();
        let named = month(second).filter(|_| number(second).is_none());
        let (year, month, day) = match (number(first), named, number(second), number(third)) {
            (Some(day), Some(month), _, Some(year)) => (year, i16::from(month), day),
            (Some(year), None, Some(month), Some(day)) if first.len() == 4 => (year, month, day),
            (Some(month), None, Some(day), Some(year)) if word.contains('/') && month <= 12 => (year, month, day),
            (Some(day), None, Some(month), Some(year)) => (year, month, day),
            _ => return false,
        };
        self.date = date(year, i8::try_from(month).ok(), day);
        self.date.is_some()
    }

    fn moment(self) -> Option<Timestamp> {
        let by_words = || match self.numbers.as_slice() {
            [year, day, ..] if *year > 31 => date(*year, self.month, *day),
            [day, year, ..] => date(*year, self.month, *day),
            _ => None,
        };
        let date = self.date.or_else(by_words)?;
        let [hour, minute, second] = self.time?;
        let hour = match self.afternoon {
            Some(true) if hour < 12 => hour + 12,
            Some(false) if hour == 12 => 0,
            _ => hour,
        };
        let time = Time::new(hour, minute, second, 0).ok()?;
        let offset = zone::by_words(&self.zone).or(self.offset).unwrap_or_default();
        jiff::tz::Offset::from_seconds(offset).ok()?.to_timestamp(date.to_datetime(time)).ok()
    }
}

/// Years of two and three digits as RFC 5322 4.3 reads them.
fn date(year: i16, month: Option<i8>, day: i16) -> Option<Date> {
    let year = match year {
        0..50 => year + 2000,
        50..1000 => year + 1900,
        year => year,
    };
    Date::new(year, month?, i8::try_from(day).ok()?).ok()
}

fn month(word: &str) -> Option<i8> {
    let at = MONTHS.iter().position(|names| names.iter().any(|name| word.starts_with(name)))?;
    i8::try_from(at + 1).ok()
}

fn afternoon(word: &str) -> Option<bool> {
    match word.trim_end_matches('.') {
        "am" | "a.m" => Some(false),
        "pm" | "p.m" => Some(true),
        _ => None,
    }
}
