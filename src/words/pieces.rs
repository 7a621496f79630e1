//! Where words begin in a folded text.

use std::sync::LazyLock;

use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;

/// Of longer words the first characters count: nobody types more, and they would cost an index most.
const LONGEST: usize = 64;

/// What a character is to a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It stands between words.
    Gap,
    /// Letter, digit or mark of a script with blanks between words.
    Word,
    /// Letter of a script without.
    Dense,
}

/// The kinds of the characters that most texts consist of, by their code.
static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| ('\0'..'\u{700}').map(kind_of).collect());

fn kind(c: char) -> Kind {
    let known = usize::try_from(u32::from(c)).ok().and_then(|code| KINDS.get(code));
    known.copied().unwrap_or_else(|| kind_of(c))
}

fn kind_of(c: char) -> Kind {
    match c {
        c if c.is_ascii_alphanumeric() => Kind::Word,
        c if c.is_ascii() => Kind::Gap,
        c if is_dense(c) => Kind::Dense,
        c if c.is_alphanumeric() || is_mark(c) => Kind::Word,
        _ => Kind::Gap,
    }
}

fn is_mark(c: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark, SpacingMark};
    matches!(CodePointMapData::<GeneralCategory>::new().get(c), EnclosingMark | NonspacingMark | SpacingMark)
}

/// Whether a sentence may be broken between two such letters: a line that ends there goes on in the next one.
pub(super) fn is_unspaced(c: char) -> bool {
    is_dense(c) && !matches!(c, '\u{1100}'..='\u{11ff}' | '\u{a960}'..='\u{a97c}' | '\u{ac00}'..='\u{d7fb}')
}

/// Thai, Lao, Burmese, Khmer and their neighbours; Korean; Japanese and Chinese. Their digits are words as elsewhere.
pub(super) fn is_dense(c: char) -> bool {
    // The most usual ones come first: it is asked of every letter.
    matches!(c,
        '\u{4e00}'..='\u{9fff}' | '\u{3041}'..='\u{309f}' | '\u{30a1}'..='\u{30fa}' | '\u{ac00}'..='\u{d7fb}'
        | '\u{e01}'..='\u{e3a}' | '\u{e40}'..='\u{e4e}' | '\u{e81}'..='\u{ece}' | '\u{edc}'..='\u{edf}'
        | '\u{1000}'..='\u{103f}' | '\u{1050}'..='\u{108f}' | '\u{109a}'..='\u{109f}' | '\u{a9e0}'..='\u{a9ef}'
        | '\u{a9fa}'..='\u{a9fe}' | '\u{aa60}'..='\u{aa7f}'
        | '\u{1780}'..='\u{17d3}' | '\u{17d7}' | '\u{17dc}' | '\u{17dd}'
        | '\u{1950}'..='\u{1974}' | '\u{1980}'..='\u{19c9}' | '\u{1a20}'..='\u{1a7f}'
        | '\u{1100}'..='\u{11ff}' | '\u{a960}'..='\u{a97c}'
        | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3031}'..='\u{3035}' | '\u{3038}'..='\u{303c}'
        | '\u{30fc}'..='\u{312f}' | '\u{3131}'..='\u{318e}' | '\u{31a0}'..='\u{31bf}' | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{1aff0}'..='\u{1b16f}' | '\u{20000}'..='\u{323af}')
}

/// Neighbours of one kind, from left to right.
struct Runs<'a>(&'a str);

impl<'a> Iterator for Runs<'a> {
    type Item = (&'a str, Kind);

    fn next(&mut self) -> Option<(&'a str, Kind)> {
        let (start, first) = self.0.char_indices().map(|(at, c)| (at, kind(c))).find(|(_, kind)| *kind != Kind::Gap)?;
        let rest = self.0.get(start..)?;
        let end = rest.find(|c| kind(c) != first).unwrap_or(rest.len());
        let (run, rest) = rest.split_at_checked(end)?;
        self.0 = rest;
        Some((run, first))
    }
}

/// Adds the words of a folded text, a blank after each.
pub fn push(folded: &str, words: &mut String) {
    for (run, kind) in Runs(folded) {
        match kind {
            Kind::Dense => pairs(run, |pair| {
                words.push_str(pair);
                words.push(' ');
            }),
            _ => {
                words.push_str(cut(run));
                words.push(' ');
            }
        }
    }
}

/// Whether there is a word.
pub fn any(folded: &str) -> bool {
    Runs(folded).next().is_some()
}

/// The words that stand side by side where a text holds this one, and whether the last of them may go on. At its end a
/// sentence without blanks goes on in any way.
pub fn sought(folded: &str) -> (Vec<String>, bool) {
    let mut words = Vec::new();
    let mut last = "";
    let mut dense = false;
    for (run, kind) in Runs(folded) {
        (last, dense) = (run, kind == Kind::Dense);
        match kind {
            Kind::Dense => pairs(run, |pair| words.push(pair.to_owned())),
            _ => words.push(cut(run).to_owned()),
        }
    }
    let is_single = dense && last.chars().nth(1).is_none();
    if dense && !is_single {
        words.pop();
    }
    (words, is_single)
}

/// Each character with the next one; the last one alone.
fn pairs(run: &str, mut each: impl FnMut(&str)) {
    let mut starts = run.char_indices().map(|(at, _)| at).chain([run.len(), run.len()]);
    let (Some(mut start), Some(mut next)) = (starts.next(), starts.next()) else { return };
    for end in starts {
        each(run.get(start..end).unwrap_or_default());
        (start, next) = (next, end);
    }
}

fn cut(word: &str) -> &str {
    if word.len() <= LONGEST {
        return word;
    }
    let end = word.char_indices().nth(LONGEST).map_or(word.len(), |(at, _)| at);
    word.get(..end).unwrap_or(word)
}
