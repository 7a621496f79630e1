//! The ids in Message-ID, In-Reply-To and References (RFC 5322 3.6.4) as mail has them: folded,
//! commented, without brackets, in the thousands.

use std::collections::HashSet;

/// Longest id that is believed, the longest line of RFC 5322.
pub const MAX_ID_BYTES: usize = 998;
/// Most ids taken from one field.
pub const MAX_IDS: usize = 500;

/// Reads the ids of a field in their order, without angle brackets. A line end inside the brackets is folding and is
/// dropped with its blanks; other blanks there are part of the id, as one each, for `<a b@x>` is not `<ab@x>`. Comments
/// and other text between ids are passed over. Only where no id has brackets, bare words with `@` count, and where there
/// are none either, words that look like ids, or the one word that there is. An id with control characters or over
/// [`MAX_ID_BYTES`] is dropped, for a shortened one could be another message's. Of more than
/// [`MAX_IDS`] the first and the newest stay.
pub fn parse_ids(value: &str) -> Vec<String> {
    let mut ids = Scan::run(value, true).unwrap_or_else(|| Scan::run(value, false).unwrap_or_default());
    if ids.len() > MAX_IDS {
        ids.drain(1..=ids.len() - MAX_IDS);
    }
    ids
}

/// The References of an answer: the whole chain and the parent at its end, each once. If they would
/// take more than `max_bytes` as written, the first and the newest are kept and the middle is left
/// out; the parent always stays.
pub fn cap_references(references: &[String], parent: &str, max_bytes: usize) -> Vec<String> {
    let mut seen = HashSet::from([parent, ""]);
    let older: Vec<&str> = references.iter().map(String::as_str).filter(|id| seen.insert(id)).collect();
    let mut left = max_bytes.saturating_sub(written(parent));
    let mut take = |id: &str| {
        let fits = written(id) <= left;
        left -= if fits { written(id) } else { 0 };
        fits
    };
    let mut chain: Vec<&str> = Vec::with_capacity(older.len() + 1);
    if let Some((first, rest)) = older.split_first()
        && take(first)
    {
        chain.push(first);
        let newest = rest.iter().rev().take_while(|id| take(id)).count();
        chain.extend(rest.iter().skip(rest.len() - newest));
    }
    if !parent.is_empty() {
        chain.push(parent);
    }
    chain.into_iter().map(str::to_owned).collect()
}

/// Bytes of an id with its brackets and the blank before it.
fn written(id: &str) -> usize {
    id.len() + 3
}

/// One pass over a field; every character is looked at once.
#[derive(Default)]
struct Scan {
    bracketed: Vec<String>,
    bare: Vec<String>,
    word: String,
    /// Words outside brackets without an `@`.
    plain: Vec<String>,
    in_brackets: bool,
    comment_depth: usize,
}

impl Scan {
    /// The ids, or nothing if a comment was opened and never closed: then parentheses were no
    /// comments.
    fn run(value: &str, comments: bool) -> Option<Vec<String>> {
        let mut scan = Scan::default();
        let mut chars = value.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' if scan.comment_depth > 0 => drop(chars.next()),
                '(' if comments && !scan.in_brackets => {
                    scan.end_bare();
                    scan.comment_depth += 1;
                }
                ')' if scan.comment_depth > 0 => scan.comment_depth -= 1,
                _ if scan.comment_depth > 0 => {}
                _ => scan.step(c),
            }
        }
        scan.end_bare();
        if scan.comment_depth > 0 {
            return None;
        }
        Some(match (scan.bracketed.is_empty(), scan.bare.is_empty()) {
            (false, _) => scan.bracketed,
            (true, false) => scan.bare,
            (true, true) if scan.plain.len() == 1 || scan.plain.iter().all(|word| looks_like_id(word)) => scan.plain,
            (true, true) => Vec::new(),
        })
    }

    fn step(&mut self, c: char) {
        match c {
            '<' => {
                self.end_bare();
                self.in_brackets = true;
            }
            '>' if self.in_brackets => {
                let word = std::mem::take(&mut self.word);
                self.in_brackets = false;
                self.bracketed.extend(believable(unfolded(word)));
            }
            c if self.in_brackets => self.word.push(c),
            c if c.is_whitespace() || matches!(c, ',' | ';' | '"' | '>') => self.end_bare(),
            c => self.word.push(c),
        }
    }

    /// Ends a word outside brackets, or one whose bracket never closes.
    fn end_bare(&mut self) {
        let word = unfolded(std::mem::take(&mut self.word));
        self.in_brackets = false;
        let is_id = word.split_once('@').is_some_and(|(left, right)| !left.is_empty() && !right.is_empty());
        if is_id {
            self.bare.extend(believable(word));
        } else if !word.contains('@') {
            self.plain.extend(believable(word));
        }
    }
}

/// An id from between brackets: nothing in the place of a line end, one blank for others inside.
fn unfolded(id: String) -> String {
    if !id.contains(char::is_whitespace) {
        return id;
    }
    let mut kept = String::with_capacity(id.len());
    let mut blanks = String::new();
    for c in id.trim().chars() {
        if c.is_whitespace() {
            blanks.push(c);
            continue;
        }
        if !blanks.is_empty() && !blanks.contains(['\r', '\n']) {
            kept.push(' ');
        }
        blanks.clear();
        kept.push(c);
    }
    kept
}

/// `000B71C2`, and not a word of prose.
fn looks_like_id(word: &str) -> bool {
    word.len() >= 6 && word.chars().any(|c| c.is_ascii_digit()) && word.chars().all(|c| c.is_ascii_graphic())
}

fn believable(id: String) -> Option<String> {
    let good = !id.is_empty() && id.len() <= MAX_ID_BYTES && !id.chars().any(char::is_control);
    good.then_some(id)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::string_slice)]
    use proptest::prelude::*;

    use super::*;
    use crate::mail::fixed_seed;

    #[test]
    fn ids_of_every_shape() {
        for (value, ids) in [
            ("", vec![]),
            ("<a@b>", vec!["a@b"]),
            (" <a@b>\r\n\t<c@d> ", vec!["a@b", "c@d"]),
            ("<a@b><c@d>,<e@f>", vec!["a@b", "c@d", "e@f"]),
            ("<a@b> <a@b>", vec!["a@b", "a@b"]),
            ("<very-long\r\n -id@b>", vec!["very-long-id@b"]),
            ("a@b", vec!["a@b"]),
            ("a@b, c@d", vec!["a@b", "c@d"]),
            ("a@b>", vec!["a@b"]),
            ("<a@b", vec!["a@b"]),
            ("Your message of \"Mon, 3 Jan\" <a@b>", vec!["a@b"]),
            ("joe@example.org's message <a@b>", vec!["a@b"]),
            ("(was: <x@y>) <a@b>", vec!["a@b"]),
            ("(nested (and \\) escaped) x@y) a@b", vec!["a@b"]),
            ("( never closed <a@b>", vec!["a@b"]),
            ("<a(b)@c>", vec!["a(b)@c"]),
            ("<\"a,b;\"@c>", vec!["\"a,b;\"@c"]),
            ("<x <a@b>", vec!["a@b"]),
            ("<> <a@b>", vec!["a@b"]),
            ("<no-at-sign>", vec!["no-at-sign"]),
            ("no-at-sign @b a@", vec!["no-at-sign"]),
            ("000B71C2", vec!["000B71C2"]),
            (" 000B71C1 000B71C2 ", vec!["000B71C1", "000B71C2"]),
            ("(by hand) 000B71C2", vec!["000B71C2"]),
            ("Your message of Monday, 3 January", vec![]),
            ("<a b  c@x>", vec!["a b c@x"]),
            ("< a@x >", vec!["a@x"]),
            ("<a\u{0}b@c> <d@e>", vec!["d@e"]),
        ] {
            assert_eq!(parse_ids(value), ids, "{value:?}");
        }
    }

    #[test]
    fn ids_have_a_length() {
        let long = "x".repeat(MAX_ID_BYTES);
        assert_eq!(parse_ids(&format!("<{long}> <{long}y> <a@b>")), [long.as_str(), "a@b"]);
    }

    #[test]
    fn of_too_many_the_first_and_the_newest_stay() {
        let value: String = (0..1000).map(|n| format!("<{n}@x> ")).collect();
        let ids = parse_ids(&value);
        assert_eq!(ids.len(), MAX_IDS);
        assert_eq!([&ids[0], &ids[1], &ids[499]], ["0@x", "501@x", "999@x"]);
    }

    #[test]
    fn references_are_capped_in_the_middle() {
        let chain = |ids: &str| -> Vec<String> { ids.split_whitespace().map(str::to_owned).collect() };
        for (references, parent, max, expected) in [
            ("", "", 100, ""),
            ("", "p", 100, "p"),
            ("a b", "", 100, "a b"),
            ("a b", "p", 100, "a b p"),
            ("a b a", "b", 100, "a b"),
            ("a b c d", "p", 20, "a b c d p"),
            ("a b c d", "p", 19, "a c d p"),
            ("a b c d", "p", 12, "a d p"),
            ("a b c d", "p", 8, "a p"),
            ("a b c d", "p", 7, "p"),
            ("a b c d", "p", 0, "p"),
            ("a bbbbbbbb c", "p", 12, "a c p"),
            ("a b ccccccccc d", "p", 19, "a d p"),
        ] {
            assert_eq!(
                cap_references(&chain(references), parent, max),
                chain(expected),
                "{references} + {parent}, {max}"
            );
        }
    }

    proptest! {
        #![proptest_config(fixed_seed(3))]

        #[test]
        fn ids_can_be_written_for_every_input(value in "[<>()@a-c\\\\ ,;\u{0}\r\né]*") {
            for id in parse_ids(&value) {
                prop_assert!(!id.is_empty() && id.len() <= MAX_ID_BYTES);
                prop_assert!(!id.chars().any(|c| c.is_control() || c == '<' || c == '>'), "{:?}", id);
                prop_assert!(!id.chars().any(|c| c.is_whitespace() && c != ' '), "{:?}", id);
                prop_assert!(!id.contains("  ") && id.trim() == id, "{:?}", id);
            }
        }
    }
}
