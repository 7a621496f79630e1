//! A little colour that means something: what is urgent, late, failing, doubtful or new. Colour is never the only carrier:
//! words, marks and ages say the same without it.
//!
//! Text is marked by its meaning ([`Tint::on`]) with characters that no text from outside keeps ([`super::safe`]), and
//! becomes colour where it is written ([`painted`]). So nothing that a mail says can be more than a colour of this table.

use super::safe;

/// What a part of a text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tint {
    /// Over a table, before a value, at the beginning of a mail.
    Heading,
    /// Somebody has to do it first.
    Urgent,
    /// Somebody has been waiting for long.
    Late,
    /// It does not work.
    Failing,
    /// It did not reach its reader.
    Undelivered,
    /// Somebody should look at it, or decide.
    Doubtful,
    /// It was not read yet.
    Unread,
    /// It parts what is above from what is below.
    Rule,
    /// It draws a figure that stands next to it.
    Chart,
}

/// Each with the codes of its colour: of the sixteen that every terminal has, those that are read on dark and on light.
const CODES: [(Tint, &str); 9] = [
    (Tint::Heading, "1"),
    (Tint::Urgent, "1;31"),
    (Tint::Late, "31"),
    (Tint::Failing, "31"),
    (Tint::Undelivered, "31"),
    (Tint::Doubtful, "35"),
    (Tint::Unread, "1"),
    (Tint::Rule, "36"),
    (Tint::Chart, "36"),
];

/// The first of the characters that mark a meaning; they stand for nothing in any text.
const FIRST: u32 = 0xfdd0;
/// Ends a mark.
const END: char = '\u{fdef}';

impl Tint {
    /// The text with this meaning; of several lines, each of them.
    pub fn on(self, text: &str) -> String {
        let begin = CODES.iter().zip(FIRST..).find(|((tint, _), _)| *tint == self).and_then(|(_, c)| char::from_u32(c));
        let (Some(begin), false) = (begin, text.is_empty()) else { return text.to_owned() };
        let line = |line: &str| if line.is_empty() { String::new() } else { format!("{begin}{line}{END}") };
        text.split('\n').map(line).collect::<Vec<_>>().join("\n")
    }
}

/// The codes of a mark; `None` for its end.
fn meaning(c: char) -> Option<Option<&'static str>> {
    if c == END {
        return Some(None);
    }
    let at = usize::try_from(u32::from(c).checked_sub(FIRST)?).ok()?;
    CODES.get(at).map(|(_, codes)| Some(*codes))
}

/// The text as a terminal gets it: made safe, with the colour of its marks or without.
pub fn painted(text: &str, is_colored: bool) -> String {
    let (mut shown, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((at, c, codes)) = rest.char_indices().find_map(|(at, c)| meaning(c).map(|codes| (at, c, codes))) {
        let (before, after) = rest.split_at(at);
        shown.push_str(&safe::block(before));
        if is_colored {
            shown.push_str(&format!("\u{1b}[{}m", codes.unwrap_or("0")));
        }
        rest = after.strip_prefix(c).unwrap_or_default();
    }
    shown.push_str(&safe::block(rest));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_meaning_has_a_colour_for_dark_and_light() {
        use Tint::{Chart, Doubtful, Failing, Heading, Late, Rule, Undelivered, Unread, Urgent};
        for (tint, expected) in [
            (Heading, "\u{1b}[1mx\u{1b}[0m"),
            (Urgent, "\u{1b}[1;31mx\u{1b}[0m"),
            (Late, "\u{1b}[31mx\u{1b}[0m"),
            (Failing, "\u{1b}[31mx\u{1b}[0m"),
            (Undelivered, "\u{1b}[31mx\u{1b}[0m"),
            (Doubtful, "\u{1b}[35mx\u{1b}[0m"),
            (Unread, "\u{1b}[1mx\u{1b}[0m"),
            (Rule, "\u{1b}[36mx\u{1b}[0m"),
            (Chart, "\u{1b}[36mx\u{1b}[0m"),
        ] {
            assert_eq!(painted(&tint.on("x"), true), expected, "{tint:?}");
            assert_eq!(painted(&tint.on("x"), false), "x", "{tint:?}");
        }
        // Black, white, yellow and blue are read on one of them alone, and a background on none.
        let codes = CODES.iter().flat_map(|(_, codes)| codes.split(';'));
        assert!(codes.into_iter().all(|code| ["1", "31", "32", "35", "36"].contains(&code)));
    }

    #[test]
    fn marks_go_around_lines_and_nothing_else_gets_through() {
        assert_eq!(painted(&Tint::Late.on("a\n\nb"), true), "\u{1b}[31ma\u{1b}[0m\n\n\u{1b}[31mb\u{1b}[0m");
        assert_eq!(painted(&format!("a{}c", Tint::Rule.on("b")), false), "abc");
        assert_eq!(painted("", true), "");
        // A mail that says so is not coloured: what comes from outside is made safe before anything is marked.
        let mail = format!("\u{1b}[5m{}\u{fde0}", Tint::Urgent.on("buy"));
        assert_eq!(painted(&Tint::Heading.on(&safe::line(&mail)), true), "\u{1b}[1m·[5m·buy··\u{1b}[0m");
        assert_eq!(painted("\u{fdd9}\u{fde0}x\u{1b}[5m", true), "··x·[5m");
    }
}
