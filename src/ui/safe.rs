//! Text from mails made safe for terminals, logs and files (promise S3).
//!
//! Control characters, escape sequences, bidirectional and invisible format characters are replaced by
//! `·`; runs of combining marks are cut. What is left cannot move a cursor, hide or reorder text.

use std::borrow::Cow;

/// At most so many combining marks may follow one another.
const MARKS_MAX: usize = 4;
const SUBSTITUTE: char = '·';

/// One line: line ends and tabs become blanks too.
pub fn line(text: &str) -> Cow<'_, str> {
    clean(text, false)
}

/// Several lines: line ends and tabs stay.
pub fn block(text: &str) -> Cow<'_, str> {
    clean(text, true)
}

/// Whether a character may act on a terminal or be invisible.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}'
        | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{200c}'..='\u{200d}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe2f}')
}

fn clean(text: &str, lines: bool) -> Cow<'_, str> {
    let harmless = |c: char| !is_unsafe(c) && !is_mark(c) || lines && matches!(c, '\n' | '\t');
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len());
    let mut marks = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        match c {
            '\n' | '\t' if lines => cleaned.push(c),
            // CRLF is one line end.
            '\r' if lines && chars.peek() == Some(&'\n') => {}
            '\n' | '\t' | '\r' => cleaned.push(' '),
            c if is_unsafe(c) => cleaned.push(SUBSTITUTE),
            c if marks <= MARKS_MAX => cleaned.push(c),
            _ => {}
        }
    }
    Cow::Owned(cleaned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_that_acts_on_a_terminal_survives() {
        let rows = [
            ("plain ünï 漢字 👍", "plain ünï 漢字 👍"),
            ("\u{1b}[31mred\u{1b}[0m", "·[31mred·[0m"),
            ("a\r\nb\tc", "a  b c"),
            ("\u{202e}exe.txt", "·exe.txt"),
            ("a\u{200b}b\u{e0041}", "a·b·"),
            ("nul\0 del\u{7f} c1\u{9b}", "nul· del· c1·"),
            ("👩\u{200d}💻", "👩\u{200d}💻"),
        ];
        for (text, expected) in rows {
            assert_eq!(line(text), expected, "{text:?}");
        }
        assert_eq!(block("a\r\nb\tc\u{1b}"), "a\nb\tc·");
        assert_eq!(
            line(&format!("Z{}algo", "\u{301}".repeat(50))).chars().filter(|c| *c == '\u{301}').count(),
            MARKS_MAX
        );
    }

    proptest! {
        #[test]
        fn no_unsafe_character_survives_in_any_text(text in any::<String>()) {
            let is_clean = !line(&text).chars().any(is_unsafe);
            prop_assert!(is_clean);
            let is_clean = !block(&text).chars().any(|c| is_unsafe(c) && c != '\n' && c != '\t');
            prop_assert!(is_clean);
        }
    }
}
