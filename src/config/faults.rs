//! What is wrong with a file of TOML, by its line and key, in the program's own words.

use crate::suggest;

/// Why a file is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Line of the file, from 1, where it is known.
    pub line: Option<usize>,
    /// One sentence, with the key.
    pub message: String,
    /// The next step.
    pub hint: Option<String>,
}

impl Refused {
    /// A key whose value does not fit.
    pub fn of_key(text: &str, message: &str) -> Refused {
        let key = message.split(':').next().unwrap_or_default();
        let line = text.lines().position(|line| key_of(line) == Some(key)).map(|at| at + 1);
        Refused { line, message: message.to_owned(), hint: None }
    }

    /// Reads what the reader of TOML says of `text`; `known` are the keys that there are.
    pub fn new(text: &str, error: &toml::de::Error, known: &[String]) -> Refused {
        let begin = error.span().map(|span| span.start);
        let before = begin.map(|begin| text.get(..begin).unwrap_or(text));
        let line = before.map(|before| 1 + before.matches('\n').count());
        let refused = |message: String, hint: Option<String>| Refused { line, message, hint };
        let said = error.message().lines().next().unwrap_or_default();
        if let Some(key) = named(said, "unknown field `") {
            let meant = suggest::similar(key, known.iter().map(String::as_str));
            return refused(format!("{key} is not a key"), meant.map(|meant| format!("did you mean {meant}?")));
        }
        if let Some(key) = named(said, "missing field `") {
            return refused(format!("{key} is missing"), None);
        }
        let key = line.and_then(|line| {
            // A list may go on over several lines.
            let lines: Vec<&str> = text.lines().take(line).collect();
            lines.iter().rev().find_map(|line| key_of(line))
        });
        let of_key = |what: String| match key {
            Some(key) => format!("{key}: {what}"),
            None => what,
        };
        if text.parse::<toml::Table>().is_err() {
            let what = match said.starts_with("duplicate key") {
                true => of_key("is there twice".to_owned()),
                false => "this is not in the form key = value".to_owned(),
            };
            return refused(what, Some("texts stand in quotes: key = \"text\"; comments begin with #".to_owned()));
        }
        if let Some((_, variants)) =
            said.split_once(", expected one of ").filter(|_| said.starts_with("unknown variant"))
        {
            let variants = variants.replace('`', "").to_lowercase();
            return refused(of_key(format!("must be one of {variants}")), None);
        }
        match said.rsplit_once(", expected ") {
            Some((_, wanted)) => refused(of_key(format!("must be {}", form(wanted))), None),
            // Said by a reader of this program.
            None => refused(of_key(said.to_owned()), None),
        }
    }
}

/// What is in backquotes after `begin`.
fn named<'s>(said: &'s str, begin: &str) -> Option<&'s str> {
    said.strip_prefix(begin)?.split('`').next()
}

/// The key of a line `key = value`.
pub fn key_of(line: &str) -> Option<&str> {
    let key = line.split_once('=')?.0.trim();
    let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    is_key.then_some(key)
}

/// What a type of a value is called.
fn form(wanted: &str) -> &'static str {
    match wanted {
        "a boolean" => "true or false",
        "a sequence" => "a list in brackets",
        wanted if wanted.starts_with("struct") || wanted.contains("map") => "a section: [name]",
        wanted if wanted.contains("string") => "a text in quotes",
        _ => "a whole number, 0 or more",
    }
}
