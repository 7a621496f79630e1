//! Where in a file a fault is, and the fault in the words of the file: its keys instead of the options by which they are read.

use anyhow::Error;
use clap::Command;

use crate::config;
use crate::error::{self, Fault, Kind};
use crate::system_words;

/// The header of an account.
const HEADER: &str = "[[account]]";

/// A file of accounts.
pub struct Source<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

impl Source<'_> {
    /// What is wrong with an account, `at` from 0. Values of a file are data, also where the same value of an option would be a
    /// wrong command line.
    pub fn fault(&self, error: &Error, at: usize, name: &str, command: &Command) -> Fault {
        let (kind, hint) = error::classify(error);
        let kind = if kind == Kind::Usage { Kind::Data } else { kind };
        let text = in_keys(&system_words::chain(error), command);
        let (line, key) = self.line(at, &text);
        let before = key.map(|key| format!("{key}: ")).unwrap_or_default();
        let text = format!("{}: account \"{name}\": {before}{text}", self.place(line));
        Fault { hint: hint.map(|hint| in_keys(&hint, command)), ..Fault::new(kind, text) }
    }

    /// The file, with the line where it is known.
    pub fn place(&self, line: Option<usize>) -> String {
        let file = if self.file == "-" { "standard input" } else { self.file };
        line.map_or_else(|| file.to_owned(), |line| format!("{file}, line {line}"))
    }

    /// The line of an account that a fault is about, and the key where the fault does not begin with it.
    pub fn line(&self, at: usize, fault: &str) -> (Option<usize>, Option<String>) {
        let headers = self.text.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with(HEADER));
        let Some((header, _)) = headers.clone().nth(at) else { return (None, None) };
        let end = headers.clone().nth(at + 1).map_or(usize::MAX, |(line, _)| line);
        let own = || self.text.lines().enumerate().skip(header).take_while(|(line, _)| *line < end);
        let key = fault.split([':', ' ']).next().unwrap_or_default();
        if let Some((line, _)) = own().find(|(_, line)| config::key_of(line) == Some(key)) {
            return (Some(line + 1), None);
        }
        // What is named is the value of a key.
        let named = fault.split('"').nth(1).map(|named| format!("\"{named}\""));
        let with = named.and_then(|named| own().find(|(_, line)| line.contains(&named)));
        let key = with.and_then(|(place, _)| {
            own().take_while(|(line, _)| *line <= place).filter_map(|(_, line)| config::key_of(line)).last()
        });
        (Some(with.map_or(header, |(line, _)| line) + 1), key.map(str::to_owned))
    }
}

/// A text in which options stand as the keys of a file: `--kind personal` is `kind = "personal"`.
pub fn in_keys(text: &str, command: &Command) -> String {
    let mut written = String::new();
    let mut words = text.split(' ').peekable();
    while let Some(word) = words.next() {
        if !written.is_empty() {
            written.push(' ');
        }
        let begin = word.find("--").filter(|at| !word.get(..*at).unwrap_or_default().contains(char::is_alphanumeric));
        let Some((before, rest)) = begin.and_then(|at| Some((word.get(..at)?, word.get(at + 2..)?))) else {
            written.push_str(word);
            continue;
        };
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(rest.len());
        let (flag, after) = (rest.get(..end).unwrap_or_default(), rest.get(end..).unwrap_or_default());
        let arg = command.get_arguments().find(|arg| arg.get_long() == Some(flag));
        let is_own = super::OWN.contains(&flag);
        if arg.is_none() && !is_own {
            written.push_str(word);
            continue;
        }
        let takes = is_own || arg.is_some_and(|arg| arg.get_action().takes_values());
        let is_true = if takes || after == ":" { "" } else { " = true" };
        written.push_str(&format!("{before}{}{is_true}{after}", flag.replace('-', "_")));
        let value = words.next_if(|next| takes && after.is_empty() && is_value(next, arg));
        if let Some(value) = value {
            let bare = value.trim_end_matches([',', ';', '.', ')']);
            let more = if words.peek().is_some_and(|next| next.starts_with("--")) { "," } else { "" };
            written.push_str(&format!(" = \"{bare}\"{}{more}", value.get(bare.len()..).unwrap_or_default()));
        }
    }
    written
}

/// Whether a word that follows an option is its value, and not the next word of the sentence.
fn is_value(word: &str, arg: Option<&clap::Arg>) -> bool {
    let bare = word.trim_end_matches([',', ';', '.', ')']);
    let is_possible = |arg: &clap::Arg| arg.get_possible_values().iter().any(|one| one.matches(bare, false));
    let is_marked = bare.contains(|c: char| c.is_uppercase() || c.is_ascii_digit() || ":/@".contains(c));
    !bare.starts_with("--") && (is_marked || ["personal", "group"].contains(&bare) || arg.is_some_and(is_possible))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::account::exchange::command;

    #[test]
    fn options_are_told_by_the_keys_of_the_file() {
        for (text, expected) in [
            ("--since: is still to come", "since: is still to come"),
            ("name another folder: --after move:Done", "name another folder: after = \"move:Done\""),
            ("for one user: --kind personal --user USER", "for one user: kind = \"personal\", user = \"USER\""),
            ("leave out --smtp-secret and the rest", "leave out smtp_secret and the rest"),
            ("give --distribution direct, or nothing", "give distribution = \"direct\", or nothing"),
            ("add --create-case, or --team TEAM", "add create_case = true, or team = \"TEAM\""),
            ("espomail --dry-run fetch -- no --thing", "espomail --dry-run fetch -- no --thing"),
            ("plain words", "plain words"),
            ("", ""),
        ] {
            assert_eq!(in_keys(text, &command()), expected, "{text}");
        }
    }

    #[test]
    fn a_fault_is_told_with_the_line_of_its_key() {
        let text = "# all\n[[account]]\nname = \"a\"\ntls = \"x\"\n\n[[account]]\nname = \"b\"\nteam = [\n  \"T\",\n  \"U\",\n]\ntls = \"y\"\n";
        let source = Source { file: "-", text };
        for (at, fault, line, key) in [
            (0, "tls: must be one of", Some(4), None),
            (1, "tls: must be one of", Some(12), None),
            (1, "there is no team \"U\"", Some(10), Some("team")),
            (1, "imap: is missing", Some(6), None),
            (0, "tls is not a key", Some(4), None),
            (0, "there is no team \"U\"", Some(2), None),
            (2, "tls: must be", None, None),
        ] {
            assert_eq!(source.line(at, fault), (line, key.map(str::to_owned)), "{at} {fault}");
        }
        assert_eq!(
            (source.place(None), source.place(Some(3))),
            ("standard input".into(), "standard input, line 3".into())
        );
    }
}
