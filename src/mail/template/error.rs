//! What is wrong with a template, told to who writes it.

use std::collections::HashSet;

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
        /// The words of the template engine.
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
        let message = match error.detail() {
            Some(detail) => format!("{}: {detail}", error.kind()),
            None => error.kind().to_string(),
        };
        TemplateError::Invalid { line: error.line().unwrap_or(1), message }
    }

    /// Names the first of the unknown variables.
    pub(super) fn unknown(source: &str, names: &HashSet<String>) -> TemplateError {
        let first = names.iter().map(|name| (line_of(source, name), name)).min();
        let (line, name) = first.map(|(line, name)| (line, name.clone())).unwrap_or_default();
        TemplateError::UnknownVariable { line, nearest: nearest(&name), name }
    }
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
