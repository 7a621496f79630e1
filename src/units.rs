//! Durations and sizes as people write them.

use std::time::Duration;

/// `30s`, `10m`, `1h30m`, `3d`, `2w`; at most 1,000 years.
///
/// # Errors
/// One sentence that says what is expected.
pub fn duration(text: &str) -> Result<Duration, String> {
    let what = if text.trim_start().starts_with('-') { "is negative" } else { "is not a duration" };
    let bad = || format!("\"{text}\" {what}; write it as 30s, 10m, 1h30m or 3d");
    let seconds = sum(text, |unit| match unit {
        "s" => Some(1),
        "m" | "min" => Some(60),
        "h" => Some(3_600),
        "d" => Some(86_400),
        "w" => Some(604_800),
        _ => None,
    });
    seconds.filter(|s| *s <= 86_400 * 366_000).map(Duration::from_secs).ok_or_else(bad)
}

/// `500KiB`, `25MiB`, `1GiB`, `100k`, plain bytes.
///
/// # Errors
/// One sentence that says what is expected.
pub fn size(text: &str) -> Result<u64, String> {
    let bad = || format!("\"{text}\" is not a size; write it as 500KiB, 25MiB or 1GiB");
    let bytes = sum(text, |unit| match unit.to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "k" | "kib" => Some(1 << 10),
        "kb" => Some(1_000),
        "m" | "mib" => Some(1 << 20),
        "mb" => Some(1_000_000),
        "g" | "gib" => Some(1 << 30),
        "gb" => Some(1_000_000_000),
        _ => None,
    });
    bytes.filter(|b| *b <= 1 << 40).ok_or_else(bad)
}

/// A duration as people write it, in the largest unit that says it exactly.
pub fn write_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let unit = units.iter().find(|(size, _)| seconds > 0 && seconds.is_multiple_of(*size));
    unit.map_or_else(|| format!("{seconds}s"), |(size, name)| format!("{}{name}", seconds / size))
}

/// A size for people: `0 B`, `12 MiB`, `1.5 GiB`.
pub fn about(bytes: u64) -> String {
    match bytes {
        ..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", (bytes + (1 << 9)) >> 10),
        1_048_576..1_073_741_824 => format!("{} MiB", (bytes + (1 << 19)) >> 20),
        // One digit after the point.
        _ => format!("{}.{} GiB", bytes >> 30, (bytes >> 20) % 1_024 * 10 / 1_024),
    }
}

/// A size as people write it, in the largest unit that says it exactly.
pub fn write_size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units.iter().find(|(size, _)| bytes > 0 && bytes.is_multiple_of(*size));
    unit.map_or_else(|| format!("{bytes}B"), |(size, name)| format!("{}{name}", bytes / size))
}

/// Adds up `NUMBER UNIT` pairs; `None` where the text is not such a sequence or overflows.
fn sum(text: &str, factor: impl Fn(&str) -> Option<u64>) -> Option<u64> {
    let mut rest = text.trim();
    let mut total: u64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at_checked(digits)?;
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(letters)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(factor(unit.trim())?)?)?;
        rest = next;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for text in ["0s", "90s", "15m", "36h", "3d"] {
            assert_eq!(duration(text).map(write_duration).as_deref(), Ok(text));
        }
        for text in ["0B", "1000B", "500KiB", "25MiB", "2GiB"] {
            assert_eq!(size(text).map(write_size).as_deref(), Ok(text));
        }
    }

    #[test]
    fn durations() {
        let rows = [
            ("0s", Some(0)),
            ("45s", Some(45)),
            ("10m", Some(600)),
            ("1h30m", Some(5_400)),
            ("3d", Some(259_200)),
            ("36500d", Some(3_153_600_000)),
            ("2w", Some(1_209_600)),
            ("", None),
            ("10", None),
            ("m", None),
            ("ten minutes", None),
            ("-5m", None),
            ("99999999999999999999d", None),
        ];
        for (text, expected) in rows {
            assert_eq!(duration(text).ok().map(|d| d.as_secs()), expected, "{text}");
        }
    }

    #[test]
    fn an_error_shows_what_a_duration_looks_like() {
        assert_eq!(duration("-5m").unwrap_err(), "\"-5m\" is negative; write it as 30s, 10m, 1h30m or 3d");
        assert_eq!(duration("soon").unwrap_err(), "\"soon\" is not a duration; write it as 30s, 10m, 1h30m or 3d");
    }

    #[test]
    fn sizes() {
        let rows = [
            ("25MiB", Some(25 << 20)),
            ("500k", Some(500 << 10)),
            ("1GiB", Some(1 << 30)),
            ("1000", Some(1_000)),
            ("10 MB", Some(10_000_000)),
            ("big", None),
            ("9999999GiB", None),
        ];
        for (text, expected) in rows {
            assert_eq!(size(text).ok(), expected, "{text}");
        }
    }
}
