//! Readable text: out of HTML, its first lines, and what somebody wrote without what they quote.

mod html;

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

/// The text without the message it answers: what follows a line such as "Original Message", and the quoted lines at
/// its end with the line that introduces them. Quotes between the lines stay. A text that would vanish is given whole.
pub fn without_quotes(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let end = lines.iter().position(|line| is_separator(line)).unwrap_or(lines.len());
    let mut kept = lines.get(..end).unwrap_or_default();
    trim_blank(&mut kept);
    let whole = kept.len();
    while kept.last().is_some_and(|line| line.starts_with('>') || line.trim().is_empty()) {
        kept = kept.split_last().map_or(kept, |(_, rest)| rest);
    }
    if kept.len() < whole {
        drop_introduction(&mut kept);
    }
    if kept.iter().all(|line| line.trim().is_empty()) {
        return text.trim().to_owned();
    }
    kept.join("\n").trim().to_owned()
}

fn trim_blank(lines: &mut &[&str]) {
    while let Some((last, rest)) = lines.split_last().filter(|(last, _)| last.trim().is_empty()) {
        debug_assert!(last.trim().is_empty());
        *lines = rest;
    }
}

/// `On Tuesday, Ann wrote:`, which many programs break into two or three lines.
fn drop_introduction(lines: &mut &[&str]) {
    if !lines.last().is_some_and(|line| line.trim_end().ends_with(':')) {
        return;
    }
    let paragraph = lines.iter().rev().take_while(|line| !line.trim().is_empty()).count();
    let taken = if paragraph <= 3 { paragraph } else { 1 };
    *lines = lines.get(..lines.len() - taken).unwrap_or_default();
}

/// `-----Original Message-----` in the words of the common programs.
fn is_separator(line: &str) -> bool {
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
    fn what_is_quoted_at_the_end_goes() {
        for (text, want) in [
            ("Thanks!\n\nOn Tuesday, Ann wrote:\n> Hello\n> you\n", "Thanks!"),
            ("Thanks!\n\nOn Tuesday, 3 May 2026 at 10:00,\nAnn B <ann@x.example> wrote:\n\n> Hello\n", "Thanks!"),
            ("> why?\nBecause.\n\n> really?\nYes.\n", "> why?\nBecause.\n\n> really?\nYes."),
            ("Ok\n\n-----Original Message-----\nFrom: Ann\n\nHello\n", "Ok"),
            ("Ok\n\n-------- Ursprüngliche Nachricht --------\nVon: Ann\n", "Ok"),
            ("The steps are:\n- one\n- two\n", "The steps are:\n- one\n- two"),
            ("> only a quote\n", "> only a quote"),
            ("-- \nAnn\n", "-- \nAnn"),
            ("", ""),
        ] {
            assert_eq!(without_quotes(text), want, "{text:?}");
        }
    }
}
