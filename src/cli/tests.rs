//! The tree of commands: help, examples, and what is said twice.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice)]
use std::collections::HashSet;

use clap::CommandFactory;

use clap::builder::Resettable;

use super::*;

/// Every leaf command with its path.
fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
    for sub in command.get_subcommands().filter(|c| c.get_name() != "help") {
        let path = format!("{path} {}", sub.get_name());
        if sub.has_subcommands() { leaves(sub, &path, found) } else { found.push((path, sub.clone())) }
    }
}

pub(in crate::cli) fn all() -> Vec<(String, clap::Command)> {
    let mut found = Vec::new();
    leaves(&Cli::command(), "espomail", &mut found);
    found
}

/// clap checks its tree only in builds with debug assertions, as in `make promises`. What matters most is checked here
/// in every build.
#[test]
fn the_grammar_is_consistent() {
    Cli::command().debug_assert();
    let mut command = Cli::command();
    command.build();
    consistent(&command, "espomail");
}

fn consistent(command: &clap::Command, path: &str) {
    let (mut ids, mut flags, mut letters) = (HashSet::new(), HashSet::new(), HashSet::new());
    for arg in command.get_arguments() {
        assert!(ids.insert(arg.get_id()), "{path}: {} twice", arg.get_id());
        for flag in arg.get_long_and_visible_aliases().unwrap_or_default() {
            assert!(flags.insert(flag), "{path}: --{flag} twice");
        }
        for letter in arg.get_short_and_visible_aliases().unwrap_or_default() {
            assert!(letters.insert(letter), "{path}: -{letter} twice");
        }
        // It panics where the other one is not there.
        let _ = command.get_arg_conflicts_with(arg);
        for value in arg.get_default_values() {
            let free = arg.clone().required(false).conflicts_with(Resettable::Reset).requires(Resettable::Reset);
            let mut alone = clap::Command::new("alone").arg(free);
            assert!(alone.try_get_matches_from_mut(["alone"]).is_ok(), "{path}: default {value:?} of {arg}");
        }
    }
    let mut names = HashSet::new();
    for sub in command.get_subcommands() {
        for name in std::iter::once(sub.get_name()).chain(sub.get_all_aliases()) {
            assert!(names.insert(name), "{path}: {name} twice");
        }
        consistent(sub, &format!("{path} {}", sub.get_name()));
    }
}

/// The other words for a command or verb; none is taken twice ([`the_grammar_is_consistent`]).
const OTHER_WORDS: [(&str, &str); 3] = [("show", "view"), ("delete", "rm"), ("list", "ls")];
const PLURALS: [&str; 12] = [
    "account",
    "case",
    "email",
    "filter",
    "folder",
    "host",
    "notification",
    "record",
    "role",
    "team",
    "template",
    "user",
];

#[test]
fn verbs_and_nouns_have_other_words() {
    fn walk(command: &clap::Command, path: &str) {
        for sub in command.get_subcommands() {
            let path = format!("{path} {}", sub.get_name());
            let wanted = OTHER_WORDS.iter().find(|(verb, _)| *verb == sub.get_name()).map(|(_, word)| *word);
            let has = |word: &str| sub.get_visible_aliases().any(|alias| alias == word);
            assert!(wanted.is_none_or(has), "{path} has no alias {wanted:?} in its help");
            walk(sub, &path);
        }
    }
    walk(&Cli::command(), "espomail");
    for noun in PLURALS {
        let command = Cli::command();
        let meant = command.find_subcommand(format!("{noun}s")).map(|found| found.get_name().to_owned());
        assert_eq!(meant.as_deref(), Some(noun));
    }
}

#[test]
fn every_command_begins_its_help_with_two_examples_that_parse() {
    for (path, command) in all() {
        let help = command.get_before_help().map(ToString::to_string).unwrap_or_default();
        let examples: Vec<&str> = help.lines().filter_map(|l| l.trim().strip_prefix("$ ")).collect();
        assert!(help.starts_with("Examples:") && examples.len() >= 2, "{path} has no two examples");
        assert!(examples.iter().any(|e| e.contains(path.trim_start_matches("espomail "))), "{path}: {examples:?}");
        for example in examples {
            for words in commands_in(example) {
                let refused = Cli::try_parse_from(&words).err().map(|e| e.to_string());
                assert_eq!(refused, None, "{path}: {words:?}");
            }
        }
    }
}

/// The words of each `espomail ...` in a line for the shell: quotes are taken off, and a pipe, a redirection, a
/// comment or another command ends it.
pub(in crate::cli) fn commands_in(line: &str) -> Vec<Vec<String>> {
    let mut line = line.to_owned();
    while let Some(begin) = line.find("$(") {
        let end = line[begin..].find(')').map_or(line.len(), |end| begin + end + 1);
        line.replace_range(begin..end, "substituted");
    }
    // A word and whether it was quoted, which makes it no operator.
    let (mut words, mut quote) = (vec![(String::new(), false)], None);
    for c in line.chars() {
        let word = words.last_mut().unwrap();
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (None, '\'' | '"') => (quote, word.1) = (Some(c), true),
            (None, ' ') => words.push((String::new(), false)),
            _ => word.0.push(c),
        }
    }
    words.retain(|(word, is_quoted)| *is_quoted || !word.is_empty());
    let is_one_of =
        |word: &(String, bool), signs: &[&str]| !word.1 && signs.iter().any(|sign| word.0.starts_with(sign));
    words
        .split(|word| is_one_of(word, &["|", "&&", ";"]))
        .map(|command| {
            let is_program = |word: &str| word == "espomail" || word.ends_with("/espomail");
            let begin = command.iter().position(|(word, _)| is_program(word)).unwrap_or(command.len());
            let typed = command[begin..].iter().take_while(|word| !is_one_of(word, &["<", ">", "#", "("]));
            // xargs adds what it reads.
            let added = command[..begin].iter().any(|(word, _)| word == "xargs").then(|| "1".to_owned());
            typed.map(|(word, _)| word.clone()).chain(added).collect::<Vec<_>>()
        })
        .filter(|words| !words.is_empty())
        .collect()
}

#[test]
fn commands_are_found_in_lines_for_the_shell() {
    for (line, expected) in [
        ("espomail fetch -v", vec![vec!["espomail", "fetch", "-v"]]),
        ("espomail case note 3 -m 'a b' > x", vec![vec!["espomail", "case", "note", "3", "-m", "a b"]]),
        ("cat x | espomail ingest | tail", vec![vec!["espomail", "ingest"]]),
        ("ls | xargs -n1 espomail case show", vec![vec!["espomail", "case", "show", "1"]]),
        ("espomail man --to \"$(date +%F).1\"", vec![vec!["espomail", "man", "--to", "substituted.1"]]),
        ("espomail case show '#1' # whole", vec![vec!["espomail", "case", "show", "#1"]]),
        ("* * * * * /usr/bin/espomail fetch", vec![vec!["/usr/bin/espomail", "fetch"]]),
        ("ls -l", vec![]),
    ] {
        assert_eq!(commands_in(line), expected, "{line}");
    }
}

#[test]
fn numbers() {
    assert_eq!(case_number("#12"), Ok(12));
    for bad in ["", "#", "0", "-3", "x"] {
        assert!(case_number(bad).is_err(), "{bad}");
    }
}
