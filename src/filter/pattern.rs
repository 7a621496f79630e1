//! What a condition compares texts with: wildcards, or a regular expression.

use super::budget::{ALONE, EACH_TEXT, Sought, Steps, beginning};
use super::glob::Glob;
use super::message_view::Text;
use super::regex::Expression;

/// Longest pattern in characters.
const MAX_CHARS: usize = 500;
/// Bytes of a text in which a piece of a pattern with `?` is searched: a plain piece is found fifty times as fast.
const MAX_SEARCHED: usize = 16 << 10;
/// Begins a pattern that is a regular expression.
const REGEX: &str = "regex:";

/// A pattern, and what it may cost on one message.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    what: What,
    /// `None` = it is too large in addition to the others, and not searched for.
    allowed: Option<Steps>,
}

#[derive(Debug, Clone)]
enum What {
    /// With `*` and `?`.
    Glob(Glob),
    /// A regular expression that matches somewhere, in any case.
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
            Some("") => Err("the expression must not be empty; * matches anything".to_owned()),
            Some(expression) => Ok(What::Regex(Box::new(Expression::read(expression)?)).alone()),
            None => Ok(Pattern::trusted(text, whole)),
        }
    }

    /// A pattern that has been read before: nothing is compiled before it is needed.
    pub fn trusted(text: &str, whole: bool) -> Pattern {
        let what = match text.strip_prefix(REGEX) {
            Some(expression) => What::Regex(Box::new(Expression::trusted(expression))),
            None if whole => What::Glob(Glob::whole(text)),
            None => What::Glob(Glob::anywhere(text)),
        };
        what.alone()
    }

    /// What it takes to make it.
    pub fn making(&self) -> Steps {
        match &self.what {
            What::Glob(_) => 0,
            What::Regex(expression) => expression.making(),
        }
    }

    /// How much more of the store it needs than a plain text.
    pub fn weight(&self) -> u64 {
        match &self.what {
            What::Glob(glob) if glob.searches_signs() => 3,
            What::Glob(_) => 1,
            What::Regex(_) => 6,
        }
    }

    /// Number of steps for each unit of its weight.
    pub fn allow(&mut self, each: Steps) {
        self.allowed = Some(each.saturating_mul(self.weight()));
    }

    /// It is never searched for.
    pub fn refuse(&mut self) {
        self.allowed = None;
    }

    pub fn is_too_large(&self) -> bool {
        self.allowed.is_none()
    }

    /// The first of some texts in which it is.
    pub fn find(&self, texts: &[Text]) -> Sought {
        self.allowed.map_or(Sought::CutOff, |allowed| self.what.find(texts, allowed))
    }

    /// The same with one of several texts that share its part.
    pub fn find_in(&self, text: &Text, texts: usize) -> Sought {
        let parts = (texts as u64).max(1);
        self.allowed.map_or(Sought::CutOff, |allowed| self.what.find(std::slice::from_ref(text), allowed / parts))
    }
}

impl What {
    fn find(&self, texts: &[Text], allowed: Steps) -> Sought {
        match self {
            What::Glob(glob) => find_glob(glob, texts, allowed),
            What::Regex(expression) => expression.find(texts, allowed),
        }
    }

    fn alone(self) -> Pattern {
        Pattern { what: self, allowed: Some(ALONE) }
    }
}

fn find_glob(glob: &Glob, texts: &[Text], allowed: Steps) -> Sought {
    let longest = if glob.searches_signs() { MAX_SEARCHED } else { usize::MAX };
    let mut left = usize::try_from(allowed.saturating_mul(10) / glob.per_ten_bytes()).unwrap_or(usize::MAX);
    for (at, text) in texts.iter().enumerate() {
        let text = beginning(&text.folded, longest);
        let bytes = if glob.searches() { text.len() } else { 0 };
        let within = beginning(text, left);
        let is_cut = bytes > within.len() || left == 0;
        // What has to end the text is not looked for in the midst of it.
        if !(is_cut && glob.ends()) && glob.matches(if is_cut { within } else { text }) {
            return Sought::At(at);
        }
        if is_cut {
            return Sought::CutOff;
        }
        left = left.saturating_sub(bytes + EACH_TEXT);
    }
    Sought::Nowhere
}
