//! The Date field: RFC 5322, then what mailers make of it, then asctime. No clock, no guess of a day.
//!
//! jiff reads what the RFC and ISO 8601 allow, and takes no day that a month does not have. mailparse, the library of this
//! program for mail as it is, reads nearly everything: it is asked last, for what neither jiff nor the words understand.

mod words;
mod zone;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// Bytes of a date that are looked at.
const MAX: usize = 200;
const YEAR_1970: i64 = 0;
const YEAR_2101: i64 = 4_133_980_800;

/// The moment a Date value names, if it lies in the years 1970 to 2100.
pub(super) fn parse(value: &str) -> Option<Timestamp> {
    let value = tidy(value);
    let moment =
        rfc_5322(&value).or_else(|| iso_8601(&value)).or_else(|| words::read(&value)).or_else(|| loose(&value))?;
    (YEAR_1970..YEAR_2101).contains(&moment.as_second()).then_some(moment)
}

/// One line without quotes and comments, wherever these stand.
fn tidy(value: &str) -> String {
    let (mut kept, mut depth) = (String::new(), 0_usize);
    for c in value.chars().take(MAX) {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            c if depth == 0 => kept.push(c),
            _ => {}
        }
        if matches!(c, '(' | ')') && depth <= 1 {
            kept.push(' ');
        }
    }
    kept.split_whitespace().collect::<Vec<_>>().join(" ").trim_matches(['"', '\'', ' ']).to_owned()
}

/// Only with a zone that means one thing: the words of others are read elsewhere.
fn rfc_5322(value: &str) -> Option<Timestamp> {
    const PARSER: rfc2822::DateTimeParser = rfc2822::DateTimeParser::new().relaxed_weekday(true);
    let zone = value.rsplit(' ').next()?;
    let is_offset = zone.strip_prefix(['+', '-']).is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    (is_offset || zone == "GMT").then(|| PARSER.parse_timestamp(value).ok())?
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
            ("05 Mar 24 3:04:05 PM", Some("2024-03-05T15:04:05Z")),
            ("Tue, 05 Mar 2024 12:04:05 AM +0100", Some("2024-03-04T23:04:05Z")),
            ("Tue, 05 Mar 2024 12:04 p.m. GMT", Some("2024-03-05T12:04:00Z")),
            ("3/5/2024 3:04:05PM", Some("2024-03-05T15:04:05Z")),
            ("25/12/2024 10:00", Some("2024-12-25T10:00:00Z")),
            ("05.03.2024 10:00:00 +0100", Some("2024-03-05T09:00:00Z")),
            ("Tue, 05 Mar 2024 10.00.00 +0200", Some("2024-03-05T08:00:00Z")),
            ("05-Mar-2024 10:00:00 +0200", Some("2024-03-05T08:00:00Z")),
            ("2024/03/05 10:00:00", Some("2024-03-05T10:00:00Z")),
            ("Tue, Mar 05 2024 16:54:30 -0800", Some("2024-03-06T00:54:30Z")),
            ("March 5, 2024 4:54 PM PST", Some("2024-03-06T00:54:00Z")),
            ("Tuesday, March 5, 2024 at 16:54:30 UTC", Some("2024-03-05T16:54:30Z")),
            ("Tue, 05 Mar 2024 00:19:00 (EST) -0500", Some("2024-03-05T05:19:00Z")),
            ("(sent) Tue, 05 (day) Mar 2024 (a (nested) one) 00:19:00 -0500", Some("2024-03-05T05:19:00Z")),
            ("Tue, 05 Mar 2024 22:46:34 GMT+1", Some("2024-03-05T21:46:34Z")),
            ("Tue, 05 Mar 2024 22:46:34 UTC+01:00", Some("2024-03-05T21:46:34Z")),
            ("Tue, 05 Mar 2024 22:46:34 GMT-0530", Some("2024-03-06T04:16:34Z")),
            ("Tue Mar 05 2024 22:46:34 GMT+0100 (Mitteleurop\u{e4}ische Zeit)", Some("2024-03-05T21:46:34Z")),
            ("Tue, 05 Mar 2024 22:46:34 +01:00", Some("2024-03-05T21:46:34Z")),
            ("Tue, 05 Mar 2024 22:46:34 +1", Some("2024-03-05T21:46:34Z")),
            ("Tue, 05 Mar 2024 21:48:08 Eastern Standard Time", Some("2024-03-06T02:48:08Z")),
            ("Fri, 05 Jul 2024 21:48:08 Eastern Daylight Time", Some("2024-07-06T01:48:08Z")),
            ("Tue, 05 Mar 2024 21:48:08 W. Europe Standard Time", Some("2024-03-05T20:48:08Z")),
            ("Fri, 05 Jul 2024 21:48:08 Central European Summer Time", Some("2024-07-05T19:48:08Z")),
            ("Tue, 05 Mar 2024 21:48:08 India Standard Time", Some("2024-03-05T16:18:08Z")),
            ("Tue, 05 Mar 2024 21:48:08 GMT Standard Time", Some("2024-03-05T21:48:08Z")),
            ("Tue, 05 Mar 2024 21:48:08 Coordinated Universal Time", Some("2024-03-05T21:48:08Z")),
            ("Tue, 05 Mar 2024 21:48:08 Mitteleurop\u{e4}ische Zeit", Some("2024-03-05T20:48:08Z")),
            ("Tue, 05 Mar 2024 21:48:08 CET", Some("2024-03-05T20:48:08Z")),
            ("Tue, 05 Mar 2024 21:48:08 CEST", Some("2024-03-05T19:48:08Z")),
            ("Tue Mar  5 21:48:08 MEZ 2024", Some("2024-03-05T20:48:08Z")),
            ("Tue, 05 Mar 2024 21:48:08 Moon Time", Some("2024-03-05T21:48:08Z")),
            ("Tue, 5 Mar 124 10:00:00 +0000", Some("2024-03-05T10:00:00Z")),
            ("Tue, 05 Mar 99 10:00", Some("1999-03-05T10:00:00Z")),
            ("Tue, 31 Feb 2024 10:00:00 PM", None),
            ("Tue, 05 Mar 2024 13:00 PM", Some("2024-03-05T13:00:00Z")),
            ("Fri, 05 Jul 2024 21:48:08 GMT Daylight Time", Some("2024-07-05T20:48:08Z")),
            ("Fri, 05 Jul 2024 21:48:08 MET DST", Some("2024-07-05T19:48:08Z")),
            ("Tue, 05 Mar 2024 21:48:08 GMT +0100", Some("2024-03-05T20:48:08Z")),
            ("Tue, 5th March 2024 10:00", Some("2024-03-05T10:00:00Z")),
            ("Di, 05 Mrz 2024 10:00:00 +0100", Some("2024-03-05T09:00:00Z")),
            ("mar., 05 ao\u{fb}t 2024 10:00:00 +0200", Some("2024-08-05T08:00:00Z")),
            ("Tue, 05 Mar 2024 3pm", Some("2024-03-05T15:00:00Z")),
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
