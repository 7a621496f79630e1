//! Numbers and texts on pages and pictures.

use std::fmt::Write as _;

use super::Unit;
use crate::ui::{chart, safe};

/// Text for XML and HTML, in ASCII, so that a mail can carry a page as it is.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in safe::line(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            ' '..='~' => escaped.push(c),
            // Writing into a string does not fail. XML has no names for these two.
            '\u{fffe}' | '\u{ffff}' => escaped.push('?'),
            c => drop(write!(escaped, "&#{};", u32::from(c))),
        }
    }
    escaped
}

/// A figure in words: `1,204`, `1h12m`, a dash where there is none.
pub fn amount(value: Option<i64>, unit: Unit) -> String {
    match (value, unit) {
        (None, _) => "\u{2013}".to_owned(),
        (Some(seconds), Unit::Seconds) => chart::lasting(seconds),
        (Some(number), Unit::Count) => grouped(number),
    }
}

fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Elapsed times that are the top of a scale, in seconds.
const TIMES: [i64; 15] = [
    60, 120, 600, 1_200, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400, 172_800, 345_600, 864_000, 1_728_000, 5_184_000,
];

/// The top of a scale that has room for a value: an even number that people like.
pub fn scale(value: i64, unit: Unit) -> i64 {
    if let (Unit::Seconds, Some(top)) = (unit, TIMES.iter().find(|top| **top >= value)) {
        return *top;
    }
    let mut power = 1_i64;
    loop {
        for digit in [2, 4, 6, 8, 10, 12, 14, 16] {
            let top = digit * power;
            if top >= value || power > i64::MAX / 100 {
                return top;
            }
        }
        power *= 10;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_ascii_and_act_on_nothing() {
        for (text, expected) in [
            ("a <b> & \"c\" 'd'", "a &lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;"),
            ("Größe", "Gr&#246;&#223;e"),
            ("\u{1b}[31m\u{202e}x\n", "&#183;[31m&#183;x "),
        ] {
            assert_eq!(escape(text), expected);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_one_text_of_xml(text in any::<String>()) {
            let document = format!("<a b=\"{0}\">{0}</a>", escape(&text));
            prop_assert!(document.is_ascii());
            let read = roxmltree::Document::parse(&document).map(|read| read.root_element().has_children());
            prop_assert!(read.is_ok(), "{read:?}: {document}");
        }

        #[test]
        fn a_scale_has_room(value in 0_i64..i64::MAX / 1_000) {
            for unit in [Unit::Count, Unit::Seconds] {
                let top = scale(value, unit);
                prop_assert!(top >= value && top > 0 && top % 2 == 0, "{value}: {top}");
            }
        }
    }

    #[test]
    fn numbers_are_written_for_people() {
        for (value, unit, expected) in [
            (Some(7), Unit::Count, "7"),
            (Some(1_204), Unit::Count, "1,204"),
            (Some(1_234_567), Unit::Count, "1,234,567"),
            (Some(4_320), Unit::Seconds, "1h12m"),
            (None, Unit::Count, "\u{2013}"),
        ] {
            assert_eq!(amount(value, unit), expected);
        }
        for (value, unit, expected) in [
            (0, Unit::Count, 2),
            (3, Unit::Count, 4),
            (11, Unit::Count, 12),
            (17, Unit::Count, 20),
            (61, Unit::Count, 80),
            (141, Unit::Count, 160),
            (100, Unit::Count, 100),
            (612_000, Unit::Seconds, 864_000),
            (0, Unit::Seconds, 60),
        ] {
            assert_eq!(scale(value, unit), expected, "{value}");
        }
    }
}
