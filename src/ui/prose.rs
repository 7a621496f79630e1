//! Texts of several lines as people read them: wrapped to the terminal, set in. Off a terminal no line is wrapped.

use jiff::Timestamp;

use super::output::Ui;
use super::{safe, wrap};

/// Columns that a text has at least, also after much that stands before it.
const LEAST: usize = 10;
/// Columns of a rule where the terminal has more, or there is none.
const RULE: usize = 80;

impl Ui {
    /// The text, its lines set in by this number of columns; empty lines stay empty.
    pub fn set_in(&self, text: &str, margin: usize) -> String {
        set_in(text, margin, self.width)
    }

    /// The text after `before`; its other lines begin below its first one.
    pub fn hanging(&self, before: &str, text: &str) -> String {
        hanging(before, text, self.width)
    }

    /// A text of the program with its moments, which are in UTC, in the reader's time.
    pub fn with_local_times(&self, text: &str) -> String {
        let local = |word: &str| {
            let bare = word.trim_end_matches([',', ';', '.', ':', ')']);
            let moment: Option<Timestamp> = bare.ends_with('Z').then(|| bare.parse().ok()).flatten();
            let after = word.get(bare.len()..).unwrap_or_default();
            moment.map_or_else(|| word.to_owned(), |moment| self.local_time(moment) + after)
        };
        text.split(' ').map(local).collect::<Vec<_>>().join(" ")
    }

    /// A line that parts what is above from what is below, with words in it.
    pub fn rule(&self, words: &str) -> String {
        let width = self.width.unwrap_or(RULE).min(RULE);
        format!("---- {words} {}", "-".repeat(width.saturating_sub(words.chars().count() + 6)))
    }
}

fn set_in(text: &str, margin: usize, width: Option<usize>) -> String {
    let before = " ".repeat(margin);
    let line = |line: &str| if line.is_empty() { String::new() } else { format!("{before}{line}") };
    wrapped(text, margin, width).split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn hanging(before: &str, text: &str, width: Option<usize>) -> String {
    let margin = before.chars().count();
    let lines = wrapped(text, margin, width);
    format!("{before}{}", lines.replace('\n', &format!("\n{}", " ".repeat(margin))))
}

/// The text in lines that leave `margin` columns free.
fn wrapped(text: &str, margin: usize, width: Option<usize>) -> String {
    // What is not shown as it is may have another width.
    let text = safe::block(text);
    let lines: Vec<&str> = text.lines().map(|line| if line.trim().is_empty() { "" } else { line }).collect();
    let text = lines.join("\n");
    width.map_or_else(|| text.clone(), |width| wrap::wrapped(&text, width.saturating_sub(margin).max(LEAST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_on_a_terminal_alone() {
        let text = "some words\n \n> and quoted ones";
        assert_eq!(set_in(text, 4, Some(16)), "    some words\n\n    > and quoted\n    > ones");
        assert_eq!(set_in(text, 4, None), "    some words\n\n    > and quoted ones");
        assert_eq!(hanging("9:00  ", "some words", Some(16)), "9:00  some words");
        assert_eq!(hanging("9:00  ", "some more words", Some(16)), "9:00  some more\n      words");
        assert_eq!(set_in("\u{1b}[1m", 1, Some(16)), " ·[1m");
    }
}
