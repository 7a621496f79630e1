//! What a condition compares a text with: wildcards, or a regular expression.

use super::expression::Expression;
use super::glob::Glob;
use super::look::Text;

/// Longest pattern in characters.
const MAX_CHARS: usize = 500;
/// Bytes of a text in which a piece of a pattern with `?` is searched: a plain piece is found fifty times as fast.
const MAX_SEARCHED: usize = 16 << 10;
/// Begins a pattern that is a regular expression.
const REGEX: &str = "regex:";

/// A pattern.
#[derive(Debug, Clone)]
pub(super) enum Pattern {
    /// With `*` and `?`.
    Glob(Glob),
    /// A regular expression that matches somewhere, whatever the case.
    Regex(Box<Expression>),
}

impl Pattern {
    /// Reads a pattern as it is written.
    ///
    /// # Errors
    /// One sentence that says what is wrong.
    pub fn read(text: &str, whole: bool) -> Result<Pattern, String> {
        if text.is_empty() {
            return Err("the pattern must not be empty; * matches anything".to_owned());
        }
        if text.chars().count() > MAX_CHARS || text.chars().any(char::is_control) {
            return Err(format!(
                "the pattern must have at most {MAX_CHARS} characters, none of them a control character"
            ));
        }
        match text.strip_prefix(REGEX) {
            Some(expression) => Ok(Pattern::Regex(Box::new(Expression::read(expression)?))),
            None => Ok(Pattern::trusted(text, whole)),
        }
    }

    /// A pattern that has been read before: nothing is compiled before it is needed.
    pub fn trusted(text: &str, whole: bool) -> Pattern {
        match text.strip_prefix(REGEX) {
            Some(expression) => Pattern::Regex(Box::new(Expression::trusted(expression))),
            None if whole => Pattern::Glob(Glob::whole(text)),
            None => Pattern::Glob(Glob::anywhere(text)),
        }
    }

    pub fn matches(&self, text: &Text) -> bool {
        match self {
            Pattern::Glob(glob) if glob.searches_signs() => glob.matches(beginning(&text.folded)),
            Pattern::Glob(glob) => glob.matches(&text.folded),
            Pattern::Regex(expression) => expression.matches(text),
        }
    }
}

/// As much of a text as is searched sign by sign.
fn beginning(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_SEARCHED)).unwrap_or(text)
}
