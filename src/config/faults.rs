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

    /// The first key of the whole file that stands below the head of a section, where such a key is what `error` is about.
    /// `is_own` tells of a section and a key whether they belong together.
    pub fn misplaced(
        text: &str,
        error: &toml::de::Error,
        whole: &[String],
        is_own: &dyn Fn(&str, &str) -> bool,
    ) -> Option<Refused> {
        let is_whole = |key: &str| whole.iter().any(|one| one == key);
        named(error.message(), "unknown field `").filter(|key| is_whole(key))?;
        let mut section = None;
        for (at, line) in text.lines().enumerate() {
            section = head_of(line).or(section);
            if let (Some(section), Some(key)) = (section, key_of(line))
                && is_whole(key)
                && !is_own(section, key)
            {
                let message = format!("{key} stands below [{section}], and is not a key of that section");
                let hint = format!("put {key} above the first section in brackets");
                return Some(Refused { line: Some(at + 1), message, hint: Some(hint) });
            }
        }
        None
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

/// The name in the line at the head of a section.
fn head_of(line: &str) -> Option<&str> {
    line.trim().strip_prefix('[')?.split_once(']').map(|(name, _)| name.trim())
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

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn the_first_key_below_a_section_that_belongs_above_it_is_named() {
        let log = "[log]\nlevel = \"info\"\n";
        let above = |key: &str| Some(format!("put {key} above the first section in brackets"));
        for (text, line, message, hint) in [
            (
                format!("{log}\ndatabase = \"x\"\njobs = 2\ncase_burst = 3"),
                4,
                "database stands below [log], and is not a key of that section",
                above("database"),
            ),
            (
                "[oauth.corp]\nprovider = \"custom\"\njobs = 2".to_owned(),
                3,
                "jobs stands below [oauth.corp], and is not a key of that section",
                above("jobs"),
            ),
            ("[log]\njosb = 2".to_owned(), 2, "josb is not a key", Some("did you mean jobs?".to_owned())),
        ] {
            let refused = Config::parse(&text).err();
            let said = refused.map(|refused| (refused.line, refused.message, refused.hint));
            assert_eq!(said, Some((Some(line), message.to_owned(), hint)), "{text}");
        }
    }
}
