//! What is wrong with a template, told to who writes it.

use std::collections::HashSet;

use minijinja::ErrorKind;

use super::VARIABLES;

/// Why a template is refused or cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It uses a variable that does not exist.
    #[error("line {line}: there is no variable {name}; {}", help(.nearest))]
    UnknownVariable {
        /// Line of its first use.
        line: usize,
        /// The variable as written.
        name: String,
        /// The known variable it resembles.
        nearest: Option<&'static str>,
    },
    /// Its syntax is wrong, or rendering it fails.
    #[error("line {line}: {message}")]
    Invalid {
        /// Line of the mistake.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    #[error("the template is longer than {max} bytes")]
    TooLong {
        /// The limit.
        max: usize,
    },
}

impl TemplateError {
    pub(super) fn from_engine(error: &minijinja::Error) -> TemplateError {
        let message = in_words(error.kind(), error.detail().unwrap_or_default());
        TemplateError::Invalid { line: error.line().unwrap_or(1), message }
    }

    /// Names the first of the unknown variables.
    pub(super) fn unknown(source: &str, names: &HashSet<String>) -> TemplateError {
        let first = names.iter().map(|name| (line_of(source, name), name)).min();
        let (line, name) = first.map(|(line, name)| (line, name.clone())).unwrap_or_default();
        TemplateError::UnknownVariable { line, nearest: nearest(&name), name }
    }
}

/// What the template engine says, for people who do not know how it reads.
fn in_words(kind: ErrorKind, detail: &str) -> String {
    let named = detail.split(['\'', '`', '"']).nth(1).filter(|name| !name.is_empty());
    let word = named.or_else(|| detail.split_whitespace().find(|word| word.contains('_'))).unwrap_or_default();
    let is_unclosed = detail.contains("end of input") || detail.contains("unclosed") || detail.contains("end of file");
    match kind {
        ErrorKind::SyntaxError if detail.contains("end of variable block") => "{{ is not closed by }}".to_owned(),
        ErrorKind::SyntaxError if detail.contains("comment") && is_unclosed => "{# is not closed by #}".to_owned(),
        ErrorKind::SyntaxError if detail.contains("unknown statement") => {
            let statement = detail.split_whitespace().last().unwrap_or_default();
            format!("there is no statement {{% {statement} %}}")
        }
        ErrorKind::SyntaxError if is_unclosed => {
            "{% if %} or another block is not closed, as by {% endif %}".to_owned()
        }
        ErrorKind::SyntaxError => "what stands in {{ }} or {% %} cannot be read".to_owned(),
        ErrorKind::UnknownFilter => format!("there is no filter {}", filter_name(detail, word)),
        ErrorKind::UnknownTest => format!("there is no test {}", filter_name(detail, word)),
        ErrorKind::UnknownFunction => format!("there is no function {}", filter_name(detail, word)),
        ErrorKind::UnknownMethod => "a value has no such method".to_owned(),
        ErrorKind::UndefinedError => "a variable that is used there has no value".to_owned(),
        ErrorKind::OutOfFuel => "it takes too long; repeat less in it".to_owned(),
        _ => "it cannot be filled in".to_owned(),
    }
}

/// The name in `filter nosuch is unknown`.
fn filter_name<'d>(detail: &'d str, otherwise: &'d str) -> &'d str {
    detail.split_whitespace().nth(1).unwrap_or(otherwise)
}

fn help(nearest: &Option<&'static str>) -> String {
    match nearest {
        Some(name) => format!("did you mean {name}?"),
        None => format!("known are {}", VARIABLES.join(", ")),
    }
}

/// The first line with the name as a word of its own; the engine tells no place for it.
fn line_of(source: &str, name: &str) -> usize {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.');
    let whole_word = |(at, _): &(usize, &str)| {
        let (before, after) = source.split_at(*at);
        !is_part(before.chars().next_back()) && !is_part(after.chars().nth(name.chars().count()))
    };
    let found = source.match_indices(name).find(whole_word);
    let before = found.and_then(|(at, _)| source.get(..at)).unwrap_or_default();
    1 + before.matches('\n').count()
}

/// The known variable with the fewest differing letters, if it is at all alike.
fn nearest(name: &str) -> Option<&'static str> {
    let inside = |known: &&&str| known.split('.').next() == Some(name) || name.starts_with(&format!("{known}."));
    let alike = VARIABLES.iter().map(|known| (distance(name, known), known)).min().filter(|(steps, _)| *steps <= 3);
    alike.map(|(_, known)| known).or_else(|| VARIABLES.iter().find(inside)).copied()
}

/// Levenshtein's distance of the first 40 characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(40).enumerate() {
        let mut next = vec![i + 1];
        for ((y, steps), left_up) in b.iter().zip(row.iter().skip(1)).zip(&row) {
            let replaced = left_up + usize::from(*y != x);
            let left = next.last().copied().unwrap_or_default();
            next.push(replaced.min(steps + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
