//! The form in which texts are compared.

use std::sync::LazyLock;

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

use super::pieces::is_unspaced;

/// Characters below this are folded one by one, by a table: none of them joins the next one.
const LATIN: u32 = 0x590;

static SINGLE: LazyLock<Vec<Box<str>>> = LazyLock::new(|| {
    let one = |c: char| {
        let mut folded = String::new();
        span(c.encode_utf8(&mut [0; 4]), &mut folded);
        folded.into_boxed_str()
    };
    (0x80..LATIN).map(|code| char::from_u32(code).map(one).unwrap_or_default()).collect()
});

/// Folds a text: small letters without accents, `ß` as `ss`, ligatures and full-width forms as the usual letters, curly
/// quotes and dashes as the plain ones, without soft hyphens and characters that have no width. Characters that are
/// composed are the same as those that are not. Vowel signs of Asian scripts are letters and stay.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (ascii, after) = rest.split_at_checked(ascii(rest.as_bytes())).unwrap_or_default();
        let start = folded.len();
        folded.push_str(ascii);
        folded.get_mut(start..).into_iter().for_each(str::make_ascii_lowercase);
        let end = after.bytes().position(|byte| byte.is_ascii()).unwrap_or(after.len());
        let (other, after) = after.split_at_checked(end).unwrap_or_default();
        let start = folded.len();
        if other.chars().all(|c| u32::from(c) < LATIN) {
            let one = |c: char| SINGLE.get(usize::try_from(u32::from(c)).unwrap_or_default().checked_sub(0x80)?);
            other.chars().filter_map(one).for_each(|one| folded.push_str(one));
        } else if other.chars().all(is_folded) {
            folded.push_str(other);
        } else {
            span(other, &mut folded);
        }
        join_lines(&mut folded, start);
        rest = after;
    }
    folded
}

/// The number of ASCII characters that a text begins with.
fn ascii(text: &[u8]) -> usize {
    let blocks = text.chunks(64).take_while(|block| block.is_ascii()).map(<[u8]>::len).sum();
    let rest = text.get(blocks..).unwrap_or_default();
    blocks + rest.iter().take_while(|byte| byte.is_ascii()).count()
}

/// Takes out the end of a line before `at` that stands in the midst of a sentence without blanks.
fn join_lines(folded: &mut String, at: usize) {
    let (Some(before), Some(after)) = (folded.get(..at), folded.get(at..)) else { return };
    let Some(before) = before.strip_suffix('\n') else { return };
    let before = before.strip_suffix('\r').unwrap_or(before);
    if before.chars().next_back().is_some_and(is_unspaced) && after.chars().next().is_some_and(is_unspaced) {
        folded.replace_range(before.len()..at, "");
    }
}

/// Ideographs, kana and Korean syllables are what they are, if nothing else stands between them.
fn is_folded(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fe}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{3001}'..='\u{3002}')
}

/// Folds characters beyond ASCII.
fn span(text: &str, folded: &mut String) {
    let visible = text.chars().filter(|c| !is_dropped(*c));
    let plain = DecomposingNormalizerBorrowed::new_nfkd().normalize_iter(visible);
    let plain = plain.filter(|c| !is_dropped(*c)).flat_map(char::to_lowercase).flat_map(Plain::of);
    folded.extend(ComposingNormalizerBorrowed::new_nfc().normalize_iter(plain));
}

/// The letters for which one letter stands: at most two.
struct Plain(Option<char>, Option<char>);

impl Plain {
    fn of(c: char) -> Plain {
        let (first, second) = match c {
            'ß' => ('s', Some('s')),
            'æ' => ('a', Some('e')),
            'œ' => ('o', Some('e')),
            'þ' => ('t', Some('h')),
            'ø' => ('o', None),
            'ł' => ('l', None),
            'đ' | 'ð' => ('d', None),
            'ħ' => ('h', None),
            'ŧ' => ('t', None),
            'ı' => ('i', None),
            'ς' => ('σ', None),
            '‘' | '’' | '‛' | '′' | 'ʼ' => ('\'', None),
            '“' | '”' | '„' | '‟' => ('"', None),
            '‐' | '‒' | '–' | '—' | '−' => ('-', None),
            '⁄' | '∕' => ('/', None),
            c if is_dropped(c) => return Plain(None, None),
            c => (c, None),
        };
        Plain(Some(first), second)
    }
}

impl Iterator for Plain {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        self.0.take().or_else(|| self.1.take())
    }
}

/// Accents and other marks on letters of Europe and the Near East, where people leave them out, and what nobody sees.
fn is_dropped(c: char) -> bool {
    matches!(c,
        // Accents.
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}'
        // Points of Hebrew, Arabic and Syriac; the Arabic lengthening.
        | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}' | '\u{5c5}' | '\u{5c7}'
        | '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6dc}'
        | '\u{6df}'..='\u{6e4}' | '\u{6e7}' | '\u{6e8}' | '\u{6ea}'..='\u{6ed}' | '\u{711}' | '\u{730}'..='\u{74a}'
        // Soft hyphen, zero width, directions, variation selectors, fillers, tags.
        | '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}
