//! Ages for people: `12s`, `5m`, `2h`, `3d`, `8w`, `2y`.

use jiff::Timestamp;

/// The age of a moment in its largest unit; the future is `0s`.
pub fn age(moment: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(moment).as_secs().max(0);
    let (count, unit) = match seconds {
        0..60 => (seconds, "s"),
        60..3_600 => (seconds / 60, "m"),
        3_600..172_800 => (seconds / 3_600, "h"),
        172_800..5_184_000 => (seconds / 86_400, "d"),
        5_184_000..63_072_000 => (seconds / 604_800, "w"),
        _ => (seconds / 31_536_000, "y"),
    };
    format!("{count}{unit}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ages_have_one_unit() {
        let now = Timestamp::from_second(2_000_000_000).unwrap();
        for (seconds, text) in [
            (-5, "0s"),
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (7_200, "2h"),
            (172_800, "2d"),
            (5_184_000, "8w"),
            (63_072_000, "2y"),
        ] {
            assert_eq!(age(Timestamp::from_second(2_000_000_000 - seconds).unwrap(), now), text);
        }
    }
}
