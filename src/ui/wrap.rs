//! Lines wrapped to a width, by display width: quote marks stay before each line, what follows the mark of a list item is
//! set in like it, and a word that is too long stays whole, so that a link can be copied.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns of a tab stop.
const TAB: usize = 8;

/// The text with no line wider than this, where words allow it.
pub fn wrapped(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        if line.len() <= width && !line.contains('\t') {
            out.push_str(line);
        } else {
            wrap(&untabbed(line), width, &mut out);
        }
    }
    out
}

fn wrap(line: &str, width: usize, out: &mut String) {
    if line.width() <= width {
        return out.push_str(line.trim_end());
    }
    let (first, next) = margins(line);
    let next = if next.width() * 2 > width { String::new() } else { next };
    out.push_str(first);
    let mut used = first.width();
    // Blanks before the next piece, which are left out where a line ends.
    let mut blanks = "";
    let mut is_first = true;
    for (piece, after) in Pieces(line.get(first.len()..).unwrap_or_default()) {
        if !is_first && used + blanks.width() + piece.width() > width {
            out.push('\n');
            out.push_str(&next);
            used = next.width();
        } else {
            out.push_str(blanks);
            used += blanks.width();
        }
        out.push_str(piece);
        used += piece.width();
        (blanks, is_first) = (after, false);
    }
}

/// What stands before the words of a line: quote marks, blanks and the mark of a list item; and what stands before its
/// other lines.
fn margins(line: &str) -> (&str, String) {
    let words = line.trim_start_matches(|c: char| c == '>' || c.is_whitespace());
    let marks = line.get(..line.len() - words.len()).unwrap_or_default();
    let number = words.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = words.len() - number.len();
    let item = match (digits, number) {
        (0, rest) if rest.starts_with(['-', '*', '•']) => rest.chars().next().map_or(0, char::len_utf8),
        (1..=3, rest) if rest.starts_with(['.', ')']) => digits + 1,
        _ => 0,
    };
    let blanks = words.get(item..).map_or(0, |rest| rest.len() - rest.trim_start_matches(' ').len());
    if item == 0 || blanks == 0 {
        return (marks, marks.to_owned());
    }
    let first = line.get(..marks.len() + item + blanks).unwrap_or(marks);
    let under = first.width().saturating_sub(marks.width());
    (first, format!("{marks}{}", " ".repeat(under)))
}

/// The pieces of a line that are not parted, each with the blanks after it.
struct Pieces<'a>(&'a str);

impl<'a> Iterator for Pieces<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        if self.0.is_empty() {
            return None;
        }
        let mut before = None;
        let end = self.0.char_indices().find(|(_, c)| {
            let ends = *c == ' ' || before.is_some_and(|before| may_part(before, *c));
            before = Some(*c);
            ends
        });
        let (piece, rest) = self.0.split_at_checked(end.map_or(self.0.len(), |(at, _)| at))?;
        let after = rest.trim_start_matches(' ');
        let blanks = rest.get(..rest.len() - after.len())?;
        self.0 = after;
        Some((piece, blanks))
    }
}

/// Whether a line may end between two signs that no blank parts: between those of scripts without blanks, but not before
/// what closes, nor after what opens.
fn may_part(before: char, after: char) -> bool {
    const CLOSING: &str = "、。，．・：；？！）」』】〉》〕’”…ー々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ)],.:;?!%";
    const OPENING: &str = "（「『【〈《〔‘“([";
    let is_wide = |c: char| c.width() == Some(2);
    let is_joined = |c: char| c.width().unwrap_or(0) == 0;
    (is_wide(before) || is_wide(after)) && !is_joined(after) && !CLOSING.contains(after) && !OPENING.contains(before)
        // Parts of an emoji.
        && before != '\u{200d}'
}

fn untabbed(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut used = 0;
    for (at, piece) in line.split('\t').enumerate() {
        if at > 0 {
            let stop = TAB - used % TAB;
            out.push_str(&" ".repeat(stop));
            used += stop;
        }
        out.push_str(piece);
        used += piece.width();
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_wrapped_with_what_stands_before_them() {
        for (text, want) in [
            ("short", "short"),
            ("a line that is too long", "a line that is|too long"),
            ("two\n\nlines that are long", "two||lines that are|long"),
            ("> a quotation that is long", "> a quotation|> that is long"),
            (">> two marks, and long too", ">> two marks,|>> and long too"),
            ("- an item that is too long", "- an item that|  is too long"),
            ("  2. an item that is long", "  2. an item|     that is|     long"),
            ("> - an item that is long", "> - an item|>   that is|>   long"),
            ("    set in and far too long", "    set in and|    far too|    long"),
            ("-- \nname", "-- |name"),
            ("-dash is a word of its own", "-dash is a word|of its own"),
            ("see https://a.example/very/long/path now", "see|https://a.example/very/long/path|now"),
            ("日本語の文章は空白なしで書く。", "日本語の文章は|空白なしで書|く。"),
            ("「括弧」の前後、句点。", "「括弧」の前|後、句点。"),
            ("日本語とEnglish混在文", "日本語とEnglish|混在文"),
            ("tab\tand more words", "tab     and|more words"),
            ("trailing blanks      ", "trailing blanks"),
        ] {
            assert_eq!(wrapped(text, 15).replace('\n', "|"), want, "{text:?}");
        }
        let deep = format!("{} words that are quoted deeply", "> ".repeat(20));
        assert_eq!(wrapped(&deep, 30).lines().nth(1), Some("that are quoted deeply"));
    }

    /// Each of these takes no time, or minutes.
    #[test]
    fn long_lines_cost_no_more_than_their_length() {
        for unit in ["\t", "a\t", "a", "a ", "漢", "> ", "- ", "\n", "\u{301}"] {
            let text = unit.repeat(300_000);
            assert!(!wrapped(&text, 80).is_empty(), "{unit:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_but_blanks_is_lost(text in "[a-z漢字、。「」 0-9.\\-\u{1f469}\u{200d}\u{301}]{0,120}", width in 10_usize..60) {
            let words = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            let wrapped = wrapped(&text, width);
            prop_assert_eq!(words(&wrapped), words(&text));
        }

        #[test]
        fn no_line_of_short_words_is_too_wide(text in "([a-z漢字。]{1,6} ){0,40}", width in 20_usize..60) {
            for line in wrapped(&text, width).lines() {
                prop_assert!(line.width() <= width, "{:?}", line);
            }
        }
    }
}
