//! The Date field: RFC 5322, then what mailers make of it, then asctime. No clock, no guess of a day.

use jiff::Timestamp;
use jiff::fmt::{rfc2822, strtime};

/// Bytes of a date that are looked at.
const MAX: usize = 200;
const YEAR_1970: i64 = 0;
const YEAR_2101: i64 = 4_133_980_800;

/// The moment a Date value names, if it lies in the years 1970 to 2100.
pub(super) fn parse(value: &str) -> Option<Timestamp> {
    let value = tidy(value);
    let moment = rfc_5322(&value).or_else(|| asctime(&value)).or_else(|| iso_8601(&value)).or_else(|| loose(&value))?;
    (YEAR_1970..YEAR_2101).contains(&moment.as_second()).then_some(moment)
}

/// One line without quotes and the comments at its end.
fn tidy(value: &str) -> String {
    let value: String = value.chars().take(MAX).collect();
    let value = value.split('(').next().unwrap_or_default();
    let words: Vec<&str> = value.split_whitespace().collect();
    words.join(" ").trim_matches(['"', '\'', ' ']).to_owned()
}

fn rfc_5322(value: &str) -> Option<Timestamp> {
    const PARSER: rfc2822::DateTimeParser = rfc2822::DateTimeParser::new().relaxed_weekday(true);
    PARSER.parse_timestamp(value).ok()
}

/// `Mon Jan 2 15:04:05 2006`, with or without an offset; no offset means UTC.
fn asctime(value: &str) -> Option<Timestamp> {
    let (_, rest) = value.split_once(' ')?;
    if let Ok(moment) = strtime::parse("%b %d %H:%M:%S %Y %z", rest).and_then(|t| t.to_timestamp()) {
        return Some(moment);
    }
    let plain = strtime::parse("%b %d %H:%M:%S %Y", rest).and_then(|t| t.to_datetime()).ok();
    plain?.in_tz("UTC").ok().map(|zoned| zoned.timestamp())
}

/// `2024-05-06T07:08:09Z`, also without an offset.
fn iso_8601(value: &str) -> Option<Timestamp> {
    let value = value.replacen(" +", "+", 1).replacen(" UTC", "Z", 1);
    value.parse().ok().or_else(|| {
        let plain: jiff::civil::DateTime = value.parse().ok()?;
        plain.in_tz("UTC").ok().map(|zoned| zoned.timestamp())
    })
}

/// mailparse reads nearly everything, also a day of no month: its answer needs a year in the value.
fn loose(value: &str) -> Option<Timestamp> {
    let spaced = value.replace([',', '-', '/'], " ").replace('+', " +");
    [value, &spaced].into_iter().find_map(|value| {
        let seconds = mailparse::dateparse(value).ok().filter(|s| *s != 0)?;
        Timestamp::from_second(seconds).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_as_mailers_write_them() {
        for (value, want) in [
            ("Mon, 06 May 2024 07:08:09 +0200", Some("2024-05-06T05:08:09Z")),
            ("Tue, 6 May 2024 07:08:09 GMT", Some("2024-05-06T07:08:09Z")),
            ("6 May 24 07:08 -0000", Some("2024-05-06T07:08:00Z")),
            ("Mon, 06 May 2024 07:08:09 +0200 (CEST)", Some("2024-05-06T05:08:09Z")),
            ("Mon,  6 May 2024\t07:08:09 EST", Some("2024-05-06T12:08:09Z")),
            ("Mon May  6 07:08:09 2024", Some("2024-05-06T07:08:09Z")),
            ("Mon May  6 07:08:09 2024 +0200", Some("2024-05-06T05:08:09Z")),
            ("2024-05-06T07:08:09Z", Some("2024-05-06T07:08:09Z")),
            ("2024-05-06 07:08:09 +0200", Some("2024-05-06T05:08:09Z")),
            ("\"Mon, 06 May 2024 07:08:09 +0200\"", Some("2024-05-06T05:08:09Z")),
            ("Thu, 01 Jan 1970 00:00:00 +0000", Some("1970-01-01T00:00:00Z")),
            ("Thu, 31 Dec 1969 23:59:59 +0000", None),
            ("Fri, 31 Dec 2100 23:59:59 +0000", Some("2100-12-31T23:59:59Z")),
            ("Sat, 01 Jan 2101 00:00:00 +0000", None),
            ("06 May", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(parse(value).map(|t| t.to_string()).as_deref(), want, "{value}");
        }
    }

    #[test]
    fn an_endless_value_is_cut() {
        assert_eq!(parse(&"1 ".repeat(1_000_000)), None);
    }
}
