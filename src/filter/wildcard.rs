//! Linear-time search for a literal with single-character wildcards (`?`): bit-parallel shift-and.

use memchr::memmem::Finder;

use super::budget::{self, Steps};

/// What stands between two stars of a pattern, with at least one `?`.
///
/// Bit `i` of a state says that the last `i + 1` characters fit the first `i + 1` signs; so all places at which a match
/// may have begun go on together.
#[derive(Debug, Clone)]
pub(super) struct Holes {
    /// `None` = any one character.
    signs: Vec<Option<char>>,
    /// The longest run without a hole: most texts do not have it.
    run: Box<Finder<'static>>,
    /// Signs that a character fits, [`Holes::words`] for each of `known`, and those that any other fits.
    fits: Vec<u64>,
    others: Vec<u64>,
    /// The characters of the signs, sorted.
    known: Vec<char>,
    /// Where ASCII characters are in `known`.
    ascii: [Option<u16>; 128],
}

impl Holes {
    pub fn new(signs: Vec<Option<char>>) -> Holes {
        let runs = signs.split(Option::is_none).map(|run| run.iter().flatten().collect::<String>());
        let run = runs.max_by_key(String::len).unwrap_or_default();
        let mut known: Vec<char> = signs.iter().flatten().copied().collect();
        known.sort_unstable();
        known.dedup();
        let others: Vec<u64> = signs
            .chunks(64)
            .map(|signs| signs.iter().rev().fold(0, |word, sign| word << 1 | u64::from(sign.is_none())))
            .collect();
        let mut fits = others.repeat(known.len());
        for (at, sign) in signs.iter().enumerate() {
            let place = sign.and_then(|sign| known.binary_search(&sign).ok());
            if let Some(word) = place.and_then(|place| fits.get_mut(place * others.len() + at / 64)) {
                *word |= 1 << (at % 64);
            }
        }
        let mut ascii = [None; 128];
        for (at, c) in known.iter().enumerate() {
            if let Some(place) = ascii.get_mut(*c as usize) {
                *place = u16::try_from(at).ok();
            }
        }
        Holes { others, run: Box::new(Finder::new(&run).into_owned()), fits, known, ascii, signs }
    }

    /// Steps that ten bytes of a text cost at most.
    pub fn per_ten_bytes(&self) -> Steps {
        30 + 15 * self.others.len() as u64 + budget::per_ten_bytes(self.run.needle().len())
    }

    /// What each character has to be.
    pub fn signs(&self) -> &[Option<char>] {
        &self.signs
    }

    /// Where its first match in a text ends.
    pub fn end_of_first(&self, text: &str) -> Option<usize> {
        self.run.find(text.as_bytes())?;
        let last = 1_u64 << (self.signs.len().checked_sub(1)? % 64);
        let mut state = vec![0_u64; self.others.len()];
        for (at, c) in text.char_indices() {
            let mut carry = 1;
            for (word, fits) in state.iter_mut().zip(self.fitting(c)) {
                let next = *word >> 63;
                *word = (*word << 1 | carry) & fits;
                carry = next;
            }
            if state.last().is_some_and(|word| word & last != 0) {
                return Some(at + c.len_utf8());
            }
        }
        None
    }

    /// The signs that a character fits.
    fn fitting(&self, c: char) -> &[u64] {
        let at = match self.ascii.get(c as usize) {
            Some(at) => at.map(usize::from),
            None => self.known.binary_search(&c).ok(),
        };
        let words = self.others.len();
        at.and_then(|at| self.fits.get(at * words..(at + 1) * words)).unwrap_or(&self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::costs_no_more_than_its_length;

    fn holes(pattern: &str) -> Holes {
        Holes::new(pattern.chars().map(|c| (c != '?').then_some(c)).collect())
    }

    #[test]
    fn the_first_match_is_found() {
        let (long, many, short) = ("ab?d".repeat(40), "abcd".repeat(60), "abcd".repeat(39));
        let (later, too_short) = (format!("bcd{many}"), format!("{short}abc"));
        for (pattern, text, end) in [
            ("a?c", "abc", Some(3)),
            ("a?c", "xaacabc", Some(4)),
            ("a?c", "ac", None),
            ("?", "", None),
            ("??", "üx", Some(3)),
            ("ü?ß", "aüöß!", Some(7)),
            ("?ü", "ü ü", Some(5)),
            ("a?a?b", "aaaaaab", Some(7)),
            (long.as_str(), many.as_str(), Some(160)),
            (long.as_str(), &later, Some(163)),
            (long.as_str(), &too_short, None),
        ] {
            assert_eq!(holes(pattern).end_of_first(text), end, "{pattern} in {text}");
        }
    }

    #[test]
    fn no_text_costs_more_than_its_length() {
        let pattern = holes(&format!("{}b", "a?".repeat(200)));
        for unit in ["a", "ab", "aab", "ü"] {
            costs_no_more_than_its_length(unit, 1 << 20, &|text| {
                pattern.end_of_first(text);
            });
        }
    }
}
