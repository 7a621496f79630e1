//! Bars and small curves of letters, also for terminals whose locale has ASCII alone. Pure.

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Letters {
    Ascii,
    Utf8,
}

impl Letters {
    /// What the locale of the environment has.
    pub fn of_environment() -> Letters {
        let [all, kind, language] = ["LC_ALL", "LC_CTYPE", "LANG"].map(|name| std::env::var(name).ok());
        Letters::of_locale(all.as_deref(), kind.as_deref(), language.as_deref())
    }

    /// By `LC_ALL`, `LC_CTYPE` and `LANG`: the first that is set counts.
    pub fn of_locale(all: Option<&str>, kind: Option<&str>, language: Option<&str>) -> Letters {
        let locale = [all, kind, language].into_iter().flatten().find(|value| !value.is_empty()).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") { Letters::Utf8 } else { Letters::Ascii }
    }

    /// A text whose cuts and signs are of these letters. Names keep what they have.
    pub fn of(self, text: &str) -> String {
        match self {
            Letters::Utf8 => text.to_owned(),
            Letters::Ascii => text.replace('…', "~").replace('·', "-"),
        }
    }
}

/// Eighths of a block.
const BLOCKS: [char; 9] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// A bar as long as `value` is a part of `most`, which fills `width` columns. What is more than nothing shows something.
pub fn bar(value: i64, most: i64, width: usize, letters: Letters) -> String {
    let steps = match letters {
        Letters::Utf8 => width * 8,
        Letters::Ascii => width,
    };
    let length = part(value, most, steps);
    match letters {
        Letters::Ascii => "#".repeat(length),
        Letters::Utf8 => {
            let rest = BLOCKS.get(length % 8).filter(|block| **block != ' ');
            "█".repeat(length / 8) + &rest.map(char::to_string).unwrap_or_default()
        }
    }
}

const CURVE: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const CURVE_IN_ASCII: [char; 8] = ['_', '.', ':', '-', '=', '+', '*', '#'];

/// A letter for each value, the lowest of them for nothing. Where there is less room neighbours are added up.
pub fn curve(values: &[i64], width: usize, letters: Letters) -> String {
    let signs = if letters == Letters::Utf8 { &CURVE } else { &CURVE_IN_ASCII };
    let many = values.len().div_ceil(width.max(1)).max(1);
    let sums: Vec<i64> = values.chunks(many).map(|chunk| chunk.iter().sum()).collect();
    let most = sums.iter().copied().max().unwrap_or_default();
    sums.iter().filter_map(|sum| signs.get(part(*sum, most, signs.len() - 1))).collect()
}

/// `value` of `most` in steps, rounded, and at least one for what is more than nothing.
fn part(value: i64, most: i64, steps: usize) -> usize {
    let (value, most) = (value.max(0) as f64, most.max(1) as f64);
    let part = (value / most * steps as f64).round() as usize;
    part.max(usize::from(value > 0.0)).min(steps)
}

/// Elapsed time in its two largest units: `45s`, `12m`, `1h12m`, `2d3h`, `120d`.
pub fn lasting(seconds: i64) -> String {
    let two = |(large, unit): (i64, &str), (small, other): (i64, &str)| match small {
        0 => format!("{large}{unit}"),
        small => format!("{large}{unit}{small}{other}"),
    };
    match seconds.max(0) {
        seconds @ ..60 => format!("{seconds}s"),
        seconds @ 60..3_600 => format!("{}m", seconds / 60),
        seconds @ 3_600..172_800 => two((seconds / 3_600, "h"), (seconds % 3_600 / 60, "m")),
        seconds @ 172_800..864_000 => two((seconds / 86_400, "d"), (seconds % 86_400 / 3_600, "h")),
        seconds => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr as _;

    use super::*;
    use Letters::{Ascii, Utf8};

    #[test]
    fn bars_are_as_long_as_their_part() {
        for (value, most, width, letters, expected) in [
            (37, 37, 20, Utf8, "████████████████████"),
            (23, 37, 20, Utf8, "████████████▍"),
            (1, 1_000, 10, Utf8, "▏"),
            (0, 37, 10, Utf8, ""),
            (5, 0, 4, Utf8, "████"),
            (-3, 10, 4, Utf8, ""),
            (1, 2, 4, Ascii, "##"),
            (1, 1_000, 10, Ascii, "#"),
            (9, 9, 0, Ascii, ""),
        ] {
            assert_eq!(bar(value, most, width, letters), expected, "{value} of {most} in {width}");
        }
    }

    #[test]
    fn curves_have_a_letter_for_each_value_or_for_neighbours() {
        for (values, width, letters, expected) in [
            (&[1, 2, 1, 4, 7, 2, 0][..], 7, Utf8, "▂▃▂▅█▃▁"),
            (&[1, 2, 1, 4, 7, 2, 0][..], 7, Ascii, ".:.=#:_"),
            (&[1, 2, 1, 4, 7, 2, 0][..], 4, Utf8, "▃▅█▁"),
            (&[0, 0, 0][..], 9, Utf8, "▁▁▁"),
            (&[][..], 9, Utf8, ""),
            (&[3][..], 0, Utf8, "█"),
        ] {
            assert_eq!(curve(values, width, letters), expected, "{values:?} in {width}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_wider_than_its_room(
            values in prop::collection::vec(any::<u32>().prop_map(i64::from), 0..400), width in 1_usize..60,
        ) {
            for letters in [Ascii, Utf8] {
                prop_assert!(curve(&values, width, letters).width() <= width);
                for value in values.iter().take(9) {
                    prop_assert!(bar(*value, 1_000, width, letters).width() <= width);
                }
            }
        }
    }

    #[test]
    fn elapsed_time_has_two_units() {
        for (seconds, expected) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (3_599, "59m"),
            (3_600, "1h"),
            (4_320, "1h12m"),
            (172_799, "47h59m"),
            (172_800, "2d"),
            (183_600, "2d3h"),
            (864_000, "10d"),
            (-5, "0s"),
        ] {
            assert_eq!(lasting(seconds), expected);
        }
    }

    #[test]
    fn the_first_variable_that_is_set_names_the_locale() {
        for (all, kind, language, expected) in [
            (None, None, None, Ascii),
            (None, None, Some("C"), Ascii),
            (None, None, Some("C.UTF-8"), Utf8),
            (None, Some("de_DE.utf8"), Some("C"), Utf8),
            (Some("POSIX"), Some("de_DE.utf8"), Some("C.UTF-8"), Ascii),
            (Some(""), Some(""), Some("id_ID.UTF-8"), Utf8),
            (None, None, Some("de_DE@euro"), Ascii),
        ] {
            assert_eq!(Letters::of_locale(all, kind, language), expected, "{all:?} {kind:?} {language:?}");
        }
    }
}
