//! Whether a text holds a part, in any case: for statements, and for what is compared outside them.

use crate::mail::address;

/// Letter by letter, so that a letter is the same wherever it stands.
pub(super) fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Whether a text holds a part, which is in small letters. An address holds its domain in both spellings.
pub(super) fn mentions(text: &str, part: &str) -> bool {
    holds(text, part) || (!part.is_ascii() && address::in_letters(text).is_some_and(|text| holds(&text, part)))
}

fn holds(text: &str, part: &str) -> bool {
    if !text.is_ascii() {
        return folded(text).contains(part);
    }
    let Some(&first) = part.as_bytes().first() else { return true };
    let starts = memchr::memchr2_iter(first, first.to_ascii_uppercase(), text.as_bytes());
    starts.into_iter().any(|at| {
        text.as_bytes().get(at..at + part.len()).is_some_and(|found| found.eq_ignore_ascii_case(part.as_bytes()))
    })
}
