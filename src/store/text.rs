//! Whether a text holds a part: for statements, and for what is compared outside them.

use crate::mail::address;
pub(super) use crate::words::fold as folded;

/// A longer text is not an address.
const ADDRESS: usize = 320;

/// Whether a text holds a part, which is folded. An address holds its domain in both spellings.
pub(super) fn mentions(text: &str, part: &str) -> bool {
    let is_coded = || text.len() <= ADDRESS && memchr::memmem::find(text.as_bytes(), b"xn--").is_some();
    let in_letters = || if is_coded() { address::in_letters(text) } else { None };
    holds(text, part) || in_letters().is_some_and(|text| holds(&text, part))
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
