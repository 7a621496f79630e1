//! Patterns with `*` and `?`, matched in linear time for every pattern and text.
//!
//! A pattern is cut at its stars. What stands before the first must begin the text, what stands after the last must
//! end it, and the pieces between are looked for one after the other, each at its first place: a later place of one
//! never helps the next. So nothing is tried twice, also not for `*a*a*a*b`.

use memchr::memmem::Finder;

use super::budget::{self, Steps};
use super::fold;
use super::wildcard::Holes;

/// A pattern for folded texts.
#[derive(Debug, Clone)]
pub struct Glob {
    pieces: Vec<Piece>,
    /// The first piece begins the text.
    begins: bool,
    /// The last piece ends it.
    ends: bool,
}

/// What stands between two stars.
#[derive(Debug, Clone)]
enum Piece {
    Text(Box<Finder<'static>>),
    Holed(Box<Holes>),
}

impl Glob {
    /// Reads a pattern that the whole text must match; `\` takes the sign after it as it is.
    pub fn whole(pattern: &str) -> Glob {
        Glob::read(pattern, true)
    }

    /// Reads a pattern that may match anywhere in the text.
    pub fn anywhere(pattern: &str) -> Glob {
        Glob::read(pattern, false)
    }

    fn read(pattern: &str, whole: bool) -> Glob {
        let mut pieces = vec![Vec::new()];
        for sign in signs(pattern) {
            match sign {
                Sign::Star => pieces.push(Vec::new()),
                sign => pieces.last_mut().into_iter().for_each(|piece| piece.push(sign.character())),
            }
        }
        let is_text = |piece: Option<&Vec<_>>| whole && piece.is_some_and(|piece| !piece.is_empty());
        // Without a star the one piece is the whole text, also the empty one.
        let single = whole && pieces.len() == 1;
        let (begins, ends) = (single || is_text(pieces.first()), single || is_text(pieces.last()));
        let pieces = pieces.into_iter().filter(|piece| single || !piece.is_empty()).map(Piece::new).collect();
        Glob { pieces, begins, ends }
    }

    /// Whether a piece with holes has to be searched, which takes longer than one without.
    pub fn searches_signs(&self) -> bool {
        self.searched().iter().any(|piece| matches!(piece, Piece::Holed(..)))
    }

    /// Whether it is more than a comparison with beginning and end of a text.
    pub fn searches(&self) -> bool {
        !self.searched().is_empty()
    }

    /// Whether it has to end the text.
    pub fn ends(&self) -> bool {
        self.ends
    }

    /// Maximum number of steps for any ten bytes of a text.
    pub fn per_ten_bytes(&self) -> Steps {
        self.searched().iter().map(Piece::per_ten_bytes).max().unwrap_or(1)
    }

    /// The pieces that may be anywhere.
    fn searched(&self) -> &[Piece] {
        let (first, last) = (usize::from(self.begins), self.pieces.len().saturating_sub(usize::from(self.ends)));
        self.pieces.get(first..last.max(first)).unwrap_or_default()
    }

    /// Whether a folded text matches.
    pub fn matches(&self, text: &str) -> bool {
        let mut pieces = self.pieces.as_slice();
        let mut text = text;
        if self.begins {
            let Some((first, rest)) = pieces.split_first() else { return true };
            let Some(behind) = first.after_start(text) else { return false };
            if self.ends && rest.is_empty() && self.pieces.len() == 1 {
                return behind.is_empty();
            }
            (pieces, text) = (rest, behind);
        }
        if self.ends
            && let Some((last, rest)) = pieces.split_last()
        {
            let Some(before) = last.before_end(text) else { return false };
            (pieces, text) = (rest, before);
        }
        pieces.iter().try_fold(text, |text, piece| piece.find_after(text)).is_some()
    }
}

/// One sign of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Star,
    Any,
    Is(char),
}

impl Sign {
    fn character(self) -> Option<char> {
        if let Sign::Is(c) = self { Some(c) } else { None }
    }
}

/// The signs of a pattern, folded as texts are.
fn signs(pattern: &str) -> Vec<Sign> {
    let mut signs = Vec::new();
    let mut literal = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' if signs.last() != Some(&Sign::Star) => signs.push(Sign::Star),
            '*' => {}
            '?' => signs.push(Sign::Any),
            c => {
                let c = if c == '\\' { chars.next().unwrap_or('\\') } else { c };
                literal.clear();
                match c {
                    c if c.is_whitespace() && signs.last() == Some(&Sign::Is(' ')) => {}
                    c if c.is_whitespace() => literal.push(' '),
                    c if fold::is_invisible(c) => {}
                    c => fold::fold_char(c, &mut literal),
                }
                signs.extend(literal.chars().map(Sign::Is));
            }
        }
    }
    signs
}

/// A text as a pattern that matches exactly it.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

impl Piece {
    fn new(signs: Vec<Option<char>>) -> Piece {
        match signs.iter().copied().collect::<Option<String>>() {
            Some(text) => Piece::Text(Box::new(Finder::new(&text).into_owned())),
            None => Piece::Holed(Box::new(Holes::new(signs))),
        }
    }

    fn per_ten_bytes(&self) -> Steps {
        match self {
            Piece::Text(finder) => budget::per_ten_bytes(finder.needle().len()),
            Piece::Holed(holes) => holes.per_ten_bytes(),
        }
    }

    /// What follows, if the text begins with this piece.
    fn after_start<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Piece::Text(finder) => text.strip_prefix(std::str::from_utf8(finder.needle()).ok()?),
            Piece::Holed(holes) => {
                let mut rest = text.chars();
                let fits =
                    holes.signs().iter().all(|sign| rest.next().is_some_and(|c| sign.is_none_or(|sign| sign == c)));
                fits.then_some(rest.as_str())
            }
        }
    }

    /// What comes before, if the text ends with this piece.
    fn before_end<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Piece::Text(finder) => text.strip_suffix(std::str::from_utf8(finder.needle()).ok()?),
            Piece::Holed(holes) => {
                let mut rest = text.chars();
                let mut back = holes.signs().iter().rev();
                let fits = back.all(|sign| rest.next_back().is_some_and(|c| sign.is_none_or(|sign| sign == c)));
                fits.then_some(rest.as_str())
            }
        }
    }

    /// What follows its first place in the text.
    fn find_after<'t>(&self, text: &'t str) -> Option<&'t str> {
        let end = match self {
            Piece::Text(finder) => finder.find(text.as_bytes())? + finder.needle().len(),
            Piece::Holed(holes) => holes.end_of_first(text)?,
        };
        text.get(end..)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fold::fold;
    use super::*;
    use crate::mail::costs_no_more_than_its_length;

    #[test]
    fn patterns_match_the_whole_text_or_a_part_of_it() {
        for (pattern, text, whole, part) in [
            ("*@shop.com", "news@shop.com", true, true),
            ("*shop*", "news@shop.com", true, true),
            ("shop.com", "news@shop.com", false, true),
            ("news@shop.com", "NEWS@Shop.Com", true, true),
            ("invoice*", "Invoice 42", true, true),
            ("invoice*", "Your invoice 42", false, true),
            ("*invoice", "Your Invoice", true, true),
            ("inv*ce", "invoice", true, true),
            ("in*in", "in", false, false),
            ("in*in", "inin", true, true),
            ("?nvoice", "Invoice", true, true),
            ("?nvoice", "nvoice", false, false),
            ("????", "abc", false, false),
            ("????", "über", true, true),
            ("*a?c*", "xxabcxx", true, true),
            ("*a?c", "aacabc", true, true),
            ("a?c*", "abcd", true, true),
            ("a*b?", "a b1 b2", true, true),
            ("", "", true, true),
            ("", "x", false, true),
            ("*", "", true, true),
            ("**", "x", true, true),
            ("?", "", false, false),
            ("strasse", "STRAẞE", true, true),
            ("str?ße", "STRASSE", true, true),
            (r"50\* off", "50* off", true, true),
            (r"50\* off", "500 off", false, false),
            (r"what\?", "What?", true, true),
            (r"a\\b", r"A\B", true, true),
            (r"end\", r"end\", true, true),
            ("big  world", "Big\n World", true, true),
            ("world", "big world", false, true),
            ("x", "big world", false, false),
        ] {
            let text = fold(text);
            assert_eq!(Glob::whole(pattern).matches(&text), whole, "{pattern:?} on the whole of {text:?}");
            assert_eq!(Glob::anywhere(pattern).matches(&text), part, "{pattern:?} in {text:?}");
        }
    }

    #[test]
    fn an_escaped_text_matches_itself_only() {
        for text in ["*", "a?b", r"\", r"\*", "plain"] {
            assert!(Glob::whole(&escape(text)).matches(text), "{text}");
            assert!(!Glob::whole(&escape(text)).matches(&format!("{text}x")), "{text}");
        }
    }

    /// The plain meaning of a pattern, as slow as it likes to be.
    fn slowly(pattern: &[Sign], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, rest) => rest.is_none(),
            (Some((Sign::Star, tail)), None) => slowly(tail, text),
            (Some((Sign::Star, tail)), Some((_, rest))) => slowly(tail, text) || slowly(pattern, rest),
            (Some(_), None) => false,
            (Some((sign, tail)), Some((c, rest))) => {
                (*sign == Sign::Any || *sign == Sign::Is(*c)) && slowly(tail, rest)
            }
        }
    }

    proptest::proptest! {
        #![proptest_config(crate::mail::fixed_seed(41))]
        #[test]
        fn a_match_is_what_the_pattern_means(pattern in "[ab*?]{0,8}", text in "[abc]{0,10}") {
            let chars: Vec<char> = text.chars().collect();
            let slow = slowly(&signs(&pattern), &chars);
            proptest::prop_assert_eq!(Glob::whole(&pattern).matches(&text), slow, "{} on {}", pattern, text);
            let inside = slowly(&signs(&format!("*{pattern}*")), &chars);
            proptest::prop_assert_eq!(Glob::anywhere(&pattern).matches(&text), inside, "{} in {}", pattern, text);
        }
    }

    #[test]
    fn no_pattern_costs_more_than_the_length_of_the_text() {
        for pattern in ["*a*a*a*a*b", "*a?a?a?a?b*", "*aaaaaaaab*", "????????b*", "*ab*ab*ab*c"] {
            let (whole, part) = (Glob::whole(pattern), Glob::anywhere(pattern));
            for unit in ["a", "ab", "aaaaaaab"] {
                costs_no_more_than_its_length(unit, 1 << 20, &|text| {
                    whole.matches(text);
                    part.matches(text);
                });
            }
        }
    }
}
