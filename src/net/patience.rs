//! How long a server asks to be left alone, in the words in which servers say it.

use std::time::Duration;

/// However long a server wants it: an hour later it is asked again.
pub const LONGEST: Duration = Duration::from_secs(3600);

/// Words that stand before a time to wait.
const BEFORE: &[&str] = &["in", "after", "for", "wait", "another", "least", "next", "within", "retry", "time"];

/// The time that a text names, such as "try again in 10 minutes", at most [`LONGEST`].
pub fn rest(said: &str) -> Option<Duration> {
    let words: Vec<String> = said.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let mut named = words.iter().enumerate().filter_map(|(at, word)| {
        let before = words.get(at.saturating_sub(2)..at).unwrap_or_default();
        let is_time = before.iter().any(|word| BEFORE.contains(&word.trim_matches(is_sign)));
        let next = words.get(at + 1).map(|next| next.trim_matches(is_sign));
        is_time.then(|| time(word, next).or_else(|| bare_seconds(before, word))).flatten()
    });
    // What was too much comes before what is to be done.
    named.next_back()
}

/// `retry after 300`.
fn bare_seconds(before: &[String], word: &str) -> Option<Duration> {
    let is_header = before.iter().map(|word| word.trim_matches(is_sign)).eq(["retry", "after"]);
    let seconds: u64 = word.trim_matches(is_sign).parse().ok().filter(|seconds| is_header && *seconds > 0)?;
    Some(Duration::from_secs(seconds).min(LONGEST))
}

/// `300s`, `5 minutes`, `an hour`, `0:05:00`.
fn time(word: &str, next: Option<&str>) -> Option<Duration> {
    let word = word.trim_matches(is_sign);
    let milliseconds = if let [hours, minutes, seconds] = word.split(':').collect::<Vec<_>>().as_slice() {
        let number = |digits: &str| digits.parse::<u64>().ok();
        number(hours)?
            .checked_mul(3600)?
            .checked_add(number(minutes)?.checked_mul(60)?)?
            .checked_add(number(seconds)?)?
            .checked_mul(1_000)?
    } else {
        let end = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
        let (digits, unit) = match word {
            "a" | "an" | "one" => ("1", ""),
            word => word.split_at_checked(end)?,
        };
        let unit = if unit.is_empty() { next? } else { unit };
        let each = match unit {
            "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => 1,
            "s" | "sec" | "secs" | "second" | "seconds" => 1_000,
            "m" | "min" | "mins" | "minute" | "minutes" => 60_000,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3_600_000,
            "d" | "day" | "days" => 86_400_000,
            _ => return None,
        };
        digits.parse::<u64>().ok()?.checked_mul(each)?
    };
    (milliseconds > 0).then(|| Duration::from_millis(milliseconds).min(LONGEST))
}

fn is_sign(c: char) -> bool {
    !c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_to_wait() {
        for (said, seconds) in [
            ("421 4.7.0 try again in 10 minutes", Some(600)),
            ("Greylisted, please retry after 300s.", Some(300)),
            ("too many messages; wait 5 min", Some(300)),
            ("Please wait for at least 90 seconds", Some(90)),
            ("blocked for the next 2 hours", Some(3600)),
            ("come back in 0:05:00", Some(300)),
            ("blocked for 99999999999999999999 hours", None),
            ("try again in 0 seconds", None),
            ("Suggested Backoff Time: 300000 Milliseconds", Some(300)),
            ("more than 300 in 24 hours: try again in 5 minutes", Some(300)),
            ("come back in an hour", Some(3600)),
            ("server busy, retry after 120", Some(120)),
            ("after 120", None),
            ("try again later", None),
            ("100 messages per 60 seconds", None),
            ("in 2026 minutes of silence", Some(3600)),
            ("sent in error", None),
        ] {
            assert_eq!(rest(said).map(|rest| rest.as_secs()), seconds, "{said}");
        }
    }
}
