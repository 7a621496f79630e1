//! Readable text: out of HTML, its first lines, and what somebody wrote without what they quote.

mod html;

use std::collections::HashSet;

pub use html::from_html;

/// At most `max` characters, cut at the end of a line, else of a word, where that keeps at least half of them.
pub fn first_lines(text: &str, max: usize) -> String {
    let text = text.trim();
    let Some((end, _)) = text.char_indices().nth(max) else { return text.to_owned() };
    let head = text.get(..end).unwrap_or_default();
    let cut = |sign: char| head.rfind(sign).filter(|at| *at >= end / 2);
    let at = cut('\n').or_else(|| cut(' ')).unwrap_or(end);
    format!("{} …", head.get(..at).unwrap_or_default().trim_end())
}

/// Lines that were sent before, so that a quotation of them can be recognised.
#[derive(Debug, Default)]
pub struct Known(HashSet<String>);

impl Known {
    /// Remembers the lines of a message.
    pub fn learn(&mut self, text: &str) {
        self.0.extend(text.lines().map(bare).filter(|line| !line.is_empty()));
    }

    fn has(&self, line: &str) -> bool {
        let line = bare(line);
        line.is_empty() || self.0.contains(&line)
    }
}

/// A line without quote marks, its blanks as one.
fn bare(line: &str) -> String {
    let line = line.trim_start_matches(['>', ' ', '\t']);
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text without the quotation at its end, and how many lines that were. Only lines that are `known` go (B7.5): one
/// line that nobody sent before keeps the whole quotation.
pub fn without_quotation(text: &str, known: &Known) -> (String, usize) {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let start = lines.iter().position(|line| is_separator(line)).unwrap_or_else(|| {
        let quoted = |line: &&&str| line.starts_with('>') || line.trim().is_empty();
        lines.len() - lines.iter().rev().take_while(quoted).count()
    });
    let (own, quotation) = lines.split_at_checked(start).unwrap_or((&lines, &[]));
    // Behind a separator stands a header of the quoted message, which was never a line of it.
    let separated = quotation.first().is_some_and(|line| is_separator(line));
    let header = if separated { quotation.iter().take_while(|line| !line.trim().is_empty()).count() } else { 0 };
    let provable = quotation.get(header..).unwrap_or_default();
    let cut = provable.iter().filter(|line| !bare(line).is_empty()).count();
    if cut == 0 || !provable.iter().all(|line| known.has(line)) {
        return (text.trim().to_owned(), 0);
    }
    (own.join("\n").trim().to_owned(), cut)
}

/// `-----Original Message-----` in the words of the common programs.
pub(super) fn is_separator(line: &str) -> bool {
    const WORDS: [&str; 8] = [
        "original message",
        "original appointment",
        "ursprüngliche nachricht",
        "originalnachricht",
        "message d'origine",
        "mensaje original",
        "messaggio originale",
        "oorspronkelijk bericht",
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

    #[test]
    fn only_what_was_sent_before_is_left_out() {
        let mut known = Known::default();
        known.learn("Hello,\n\nit is   broken.\nAnn");
        for (text, want, cut) in [
            ("Thanks!\n\nAnn wrote:\n> Hello,\n>\n> it is broken.\n", "Thanks!\n\nAnn wrote:", 2),
            ("Thanks!\n\n>> Hello,\n> it is broken.\n\n", "Thanks!", 2),
            ("Thanks!\n\n> Hello,\n> it is red.\n", "Thanks!\n\n> Hello,\n> it is red.", 0),
            ("> Hello,\nYes?\n\n> it is broken.\nHow?\n", "> Hello,\nYes?\n\n> it is broken.\nHow?", 0),
            ("Ok\n\n-----Original Message-----\nFrom: Ann\n\nHello,\nit is broken.\n", "Ok", 2),
            (
                "Ok\n\n---- Originalnachricht ----\nVon: Ann\n\nHello,\nnew words\n",
                "Ok\n\n---- Originalnachricht ----\nVon: Ann\n\nHello,\nnew words",
                0,
            ),
            ("> Hello,\n", "", 1),
            ("Ann\n", "Ann", 0),
            ("", "", 0),
        ] {
            assert_eq!(without_quotation(text, &known), (want.to_owned(), cut), "{text:?}");
        }
    }
}
