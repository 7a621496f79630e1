//! What a condition compares a text with: wildcards, or a regular expression.

use std::cell::OnceCell;

use regex::{Regex, RegexBuilder};

use super::glob::Glob;
use super::look::Text;

/// Longest pattern in characters.
const MAX_CHARS: usize = 500;
/// Bytes a compiled expression may take. The time it needs for a text grows with both.
const MAX_COMPILED: usize = 128 << 10;
/// Bytes of a text in which an expression, or a piece of a pattern with `?`, is searched: a plain piece is found fifty
/// times as fast.
const MAX_SEARCHED: usize = 32 << 10;
/// Begins a pattern that is a regular expression.
const REGEX: &str = "regex:";

/// A pattern.
#[derive(Debug, Clone)]
pub(super) enum Pattern {
    /// With `*` and `?`.
    Glob(Glob),
    /// A regular expression that matches somewhere, whatever the case; compiled when it is first needed.
    Regex(String, OnceCell<Option<Regex>>),
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
            Some(expression) => {
                let compiled = compile(expression).map_err(|e| refusal(&e))?;
                Ok(Pattern::Regex(expression.to_owned(), OnceCell::from(Some(compiled))))
            }
            None => Ok(Pattern::trusted(text, whole)),
        }
    }

    /// A pattern that has been read before: nothing is compiled before it is needed.
    pub fn trusted(text: &str, whole: bool) -> Pattern {
        match text.strip_prefix(REGEX) {
            Some(expression) => Pattern::Regex(expression.to_owned(), OnceCell::new()),
            None if whole => Pattern::Glob(Glob::whole(text)),
            None => Pattern::Glob(Glob::anywhere(text)),
        }
    }

    pub fn matches(&self, text: &Text) -> bool {
        match self {
            Pattern::Glob(glob) if glob.searches_signs() => glob.matches(beginning(&text.folded)),
            Pattern::Glob(glob) => glob.matches(&text.folded),
            Pattern::Regex(expression, compiled) => {
                let regex = compiled.get_or_init(|| compile(expression).ok());
                regex.as_ref().is_some_and(|regex| regex.is_match(beginning(&text.shown)))
            }
        }
    }
}

/// As much of a text as is searched sign by sign.
fn beginning(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_SEARCHED)).unwrap_or(text)
}

fn compile(expression: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(expression)
        .case_insensitive(true)
        .size_limit(MAX_COMPILED)
        .dfa_size_limit(2 * MAX_COMPILED)
        .nest_limit(50)
        .build()
}

/// The last line of what the compiler says, which shows no drawing.
fn refusal(error: &regex::Error) -> String {
    let why = match error {
        regex::Error::CompiledTooBig(_) => "it is too large; repeat less, or write [a-z0-9] for \\w".to_owned(),
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default().trim();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    };
    format!("the regular expression cannot be used: {why}")
}
