//! Text from mails made safe for terminals, logs and files (promise S3).
//!
//! Control characters, escape sequences, bidirectional and invisible format characters are replaced by
//! `·`; runs of combining marks are cut. What is left cannot move a cursor, hide or reorder text.

use std::borrow::Cow;

/// Maximum number of combining marks that may follow one another.
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

/// Bytes of a file name; most file systems take 255.
const FILE_NAME_MAX: usize = 200;

/// A name from a mail as the name of a file in a directory (promise S4): no path, nothing that a shell or a terminal
/// reads as more than a name, not hidden, not an option, bounded; `otherwise` where nothing is left.
pub fn file_name(name: &str, otherwise: &str) -> String {
    let last = name.rsplit(['/', '\\']).find(|part| !part.trim().is_empty()).unwrap_or_default();
    let harmless = |c: char| !is_unsafe(c) && !"<>:\"|?*`$;&!'".contains(c);
    let name: String = last.chars().map(|c| if harmless(c) { c } else { '_' }).collect();
    let name = name
        .trim_matches(|c: char| c.is_whitespace())
        .trim_start_matches(['.', '-', '~', ' '])
        .trim_end_matches(['.', ' ']);
    if name.len() <= FILE_NAME_MAX {
        return if name.is_empty() { otherwise.to_owned() } else { name.to_owned() };
    }
    let extension = name.rsplit_once('.').map(|(_, extension)| extension).filter(|extension| extension.len() <= 20);
    let end = extension.map_or_else(String::new, |extension| format!(".{extension}"));
    let stem = name.get(..name.floor_char_boundary(FILE_NAME_MAX - end.len())).unwrap_or_default();
    format!("{stem}{end}")
}

/// Whether a character may act on a terminal or be invisible.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fdd0}'..='\u{fdef}' | '\u{feff}' | '\u{ffa0}'
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

    #[test]
    fn names_of_files_stay_names() {
        for (name, expected) in [
            ("report.pdf", "report.pdf"),
            ("Größe 2.txt", "Größe 2.txt"),
            ("../../etc/passwd", "passwd"),
            ("/etc/cron.d/x", "x"),
            ("C:\\Users\\a\\b.doc", "b.doc"),
            ("..", "none"),
            ("", "none"),
            (" / / ", "none"),
            (".bashrc", "bashrc"),
            ("-rf", "rf"),
            ("~root", "root"),
            ("a\0b\nc\u{202e}fdp.exe", "a_b_c_fdp.exe"),
            ("$(reboot).txt", "_(reboot).txt"),
            ("a|b;c`d", "a_b_c_d"),
            ("trailing. . ", "trailing"),
        ] {
            assert_eq!(file_name(name, "none"), expected, "{name:?}");
        }
        let long = file_name(&format!("{}.tar.gz", "ä".repeat(500)), "none");
        assert!(long.len() <= FILE_NAME_MAX && long.ends_with("ä.gz"), "{long}");
    }

    proptest! {
        #[test]
        fn no_name_leaves_its_directory(name in any::<String>()) {
            let name = file_name(&name, "none");
            prop_assert!(!name.is_empty() && name.len() <= 255 && name != "." && name != "..");
            prop_assert!(!name.contains(['/', '\\', '\0', '\n']) && !name.starts_with(['.', '-']));
            prop_assert!(!name.chars().any(is_unsafe));
        }
    }
}
