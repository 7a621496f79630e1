//! How long a server asks to be left alone, in the words in which servers say it.

use std::time::Duration;

/// However long a server wants it: an hour later it is asked again.
pub const LONGEST: Duration = Duration::from_secs(3600);

/// Words that stand before a time to wait.
const BEFORE: &[&str] = &["in", "after", "for", "wait", "another", "least", "next", "within", "retry"];

/// The time that a text names, such as "try again in 10 minutes", at most [`LONGEST`].
pub fn rest(said: &str) -> Option<Duration> {
    let words: Vec<String> = said.to_lowercase().split_whitespace().map(str::to_owned).collect();
    words.iter().enumerate().find_map(|(at, word)| {
        let before = words.get(at.saturating_sub(2)..at).unwrap_or_default();
        let is_time = before.iter().any(|word| BEFORE.contains(&word.trim_matches(is_sign)));
        is_time.then(|| time(word, words.get(at + 1).map(String::as_str))).flatten()
    })
}

/// `300s`, `5 minutes`, `0:05:00`.
fn time(word: &str, next: Option<&str>) -> Option<Duration> {
    let word = word.trim_matches(is_sign);
    let seconds = if let [hours, minutes, seconds] = word.split(':').collect::<Vec<_>>().as_slice() {
        let number = |digits: &str| digits.parse::<u64>().ok();
        number(hours)?
            .checked_mul(3600)?
            .checked_add(number(minutes)?.checked_mul(60)?)?
            .checked_add(number(seconds)?)?
    } else {
        let end = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
        let (digits, unit) = word.split_at_checked(end)?;
        let unit = if unit.is_empty() { next?.trim_matches(is_sign) } else { unit };
        let each = match unit {
            "s" | "sec" | "secs" | "second" | "seconds" => 1,
            "m" | "min" | "mins" | "minute" | "minutes" => 60,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3600,
            _ => return None,
        };
        digits.parse::<u64>().ok()?.checked_mul(each)?
    };
    (seconds > 0).then(|| Duration::from_secs(seconds).min(LONGEST))
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
            ("try again later", None),
            ("100 messages per 60 seconds", None),
            ("in 2026 minutes of silence", Some(3600)),
            ("sent in error", None),
        ] {
            assert_eq!(rest(said).map(|rest| rest.as_secs()), seconds, "{said}");
        }
    }
}
