//! A line of a shell up to the cursor, as words. Pure.

/// The words of the command, without the program's name, and the one that is being typed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Line {
    pub words: Vec<String>,
    pub current: String,
    /// The current word is within quotation marks.
    pub is_quoted: bool,
}

/// Reads what stands before the cursor: the last command of it, from the program's name on.
pub fn read(text: &str) -> Line {
    let (mut words, mut word, mut begun) = (Vec::new(), String::new(), false);
    let mut quote = None;
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (Some('"'), '\\') => word.extend(letters.next_if(|next| matches!(next, '"' | '\\' | '$')).or(Some('\\'))),
            (Some(_), c) => word.push(c),
            (None, '\'' | '"') => (quote, begun) = (Some(c), true),
            (None, '\\') => {
                word.extend(letters.next());
                begun = true;
            }
            (None, c) if c.is_whitespace() => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            (None, ';' | '|' | '&' | '(') => {
                words.clear();
                word.clear();
                begun = false;
            }
            (None, c) => {
                word.push(c);
                begun = true;
            }
        }
    }
    let is_program = |word: &String| word == "espomail" || word.ends_with("/espomail");
    let after = words.iter().position(is_program).map_or(1, |at| at + 1);
    words.drain(..after.min(words.len()));
    Line { words, current: word, is_quoted: quote.is_some() }
}

/// A word as it is typed in a shell: what has a meaning there is escaped.
pub fn escaped(word: &str) -> String {
    let mut escaped = String::with_capacity(word.len());
    for (at, c) in word.char_indices() {
        let is_plain = c.is_alphanumeric() || "-_.,:/@%+=".contains(c) || (c == '#' && at > 0) || !c.is_ascii();
        if !is_plain {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_command_is_read_as_a_shell_reads_it() {
        for (text, words, current, is_quoted) in [
            ("espomail ", vec![], "", false),
            ("espomail ca", vec![], "ca", false),
            ("espomail case show 1", vec!["case", "show"], "1", false),
            ("cd x; /opt/espomail case ", vec!["case"], "", false),
            (
                "PAGER=cat sudo espomail --as ana team show Big\\ Te",
                vec!["--as", "ana", "team", "show"],
                "Big Te",
                false,
            ),
            ("espomail team show 'Big Te", vec!["team", "show"], "Big Te", true),
            ("e case list \"is:open \\\"x", vec!["case", "list"], "is:open \"x", true),
            ("espomail case note 3 -m ''  ", vec!["case", "note", "3", "-m", ""], "", false),
            ("espomail case list | espomail user ", vec!["user"], "", false),
            ("", vec![], "", false),
            ("espomail 'a", vec![], "a", true),
        ] {
            let words = words.into_iter().map(str::to_owned).collect();
            assert_eq!(read(text), Line { words, current: current.to_owned(), is_quoted }, "{text}");
        }
    }

    #[test]
    fn what_a_shell_would_read_is_escaped() {
        for (word, expected) in [
            ("ana", "ana"),
            ("Big Team", "Big\\ Team"),
            ("a'b;c", "a\\'b\\;c"),
            ("Müller", "Müller"),
            ("$(x)", "\\$\\(x\\)"),
        ] {
            assert_eq!(escaped(word), expected);
        }
    }
}
