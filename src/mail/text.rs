//! Readable text: out of HTML, its first lines, and what somebody wrote without what they quote.

mod html;
mod quotation;

use std::borrow::Cow;

pub use html::from_html;
pub use quotation::{Known, Piece, folded, has_own_words};

/// Characters without a width, which do not end a word: soft hyphens, joiners, marks of byte order.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// The text without the characters that nobody sees. Joiners stay where letters are written otherwise without them, as in
/// Persian and Hindi, and signs are put together, as in emoji.
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || !text.contains(is_invisible) {
        return Cow::Borrowed(text);
    }
    let mut before = ' ';
    let mut kept = String::with_capacity(text.len());
    for c in text.chars() {
        let joins = matches!(c, '\u{200c}' | '\u{200d}') && before >= '\u{590}' && !is_invisible(before);
        if joins || !is_invisible(c) {
            kept.push(c);
        }
        before = c;
    }
    Cow::Owned(kept)
}

/// At most `max` characters, cut at the end of a line, else of a word, where that keeps at least half of them.
pub fn first_lines(text: &str, max: usize) -> String {
    let text = text.trim();
    let Some((end, _)) = text.char_indices().nth(max) else { return text.to_owned() };
    let head = text.get(..end).unwrap_or_default();
    let cut = |sign: char| head.rfind(sign).filter(|at| *at >= end / 2);
    let at = cut('\n').or_else(|| cut(' ')).unwrap_or(end);
    format!("{} …", head.get(..at).unwrap_or_default().trim_end())
}

/// `-----Original Message-----` in the words of the common programs.
pub(super) fn is_separator(line: &str) -> bool {
    const WORDS: [&str; 12] = [
        "original message",
        "original appointment",
        "ursprüngliche nachricht",
        "originalnachricht",
        "message d'origine",
        "mensaje original",
        "messaggio originale",
        "oorspronkelijk bericht",
        "pesan asli",
        "元のメッセージ",
        "原始邮件",
        "원본 메시지",
    ];
    let dashed = line.trim();
    if !(dashed.starts_with("--") && dashed.ends_with("--")) {
        return false;
    }
    let words = dashed.trim_matches(['-', ' ']).to_lowercase();
    WORDS.contains(&words.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_ends_no_word() {
        for (text, want) in [
            ("Kranken\u{ad}haus", "Krankenhaus"),
            ("Auf\u{200c}lage \u{feff}x\u{2060}y\u{200b}z\u{200d}", "Auflage xyz"),
            ("\u{645}\u{6cc}\u{200c}\u{62e}", "\u{645}\u{6cc}\u{200c}\u{62e}"),
            ("\u{1f469}\u{200d}\u{1f4bb}", "\u{1f469}\u{200d}\u{1f4bb}"),
            ("\u{200c}\u{200c}\u{200d}", ""),
            ("plain", "plain"),
        ] {
            assert_eq!(visible(text), want, "{text:?}");
        }
    }

    #[test]
    fn texts_are_cut_where_it_hurts_least() {
        for (text, max, want) in [
            ("short", 10, "short"),
            ("  exactly ten  ", 11, "exactly ten"),
            ("one line\nand another", 12, "one line …"),
            ("words and words", 11, "words and …"),
            ("unbreakable", 5, "unbre …"),
            ("äöüäöüäöü", 4, "äöüä …"),
            ("", 5, ""),
        ] {
            assert_eq!(first_lines(text, max), want, "{text:?}");
        }
    }
}
