//! The checkable half of the rules about words in CONTRIBUTING.md: help, messages, manual, comments and names of tests.

use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use espomail::cli::Cli;

/// Habits that no text has, and what to write instead.
const HABITS: [(&str, &str); 11] = [
    ("whoever", "the user who, the person who"),
    ("whatever", "any, every, the thing that"),
    ("so many", "the quantity: maximum number of …"),
    ("so much", "the quantity: maximum size of …"),
    ("anew", "again"),
    ("of yours", "your"),
    ("of theirs", "the user's, their"),
    ("of ours", "our"),
    ("but for", "except"),
    ("admins may", "administrators can"),
    ("is no", "is not a"),
];
/// Habits that only help must not have: elsewhere they have other meanings, too.
const IN_HELP: [(&str, &str); 4] =
    [("behind", "after"), ("beside", "in addition to"), ("may", "can"), ("as far as", "if, the part that")];
/// Where "is no" negates no noun, and "ours" stands alone.
const FINE: [&str; 9] = [
    "is no longer",
    "is no more",
    "is no such",
    "there is no",
    "is no,",
    "is no)",
    "is no reply",
    "is no proxy",
    "one of ours",
];
/// Nouns that end like a verb.
const NOUNS: [&str; 3] = ["Address", "Status", "Press"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(place: PathBuf) -> Vec<PathBuf> {
    match place.is_dir() {
        true => std::fs::read_dir(&place).unwrap().flat_map(|entry| files(entry.unwrap().path())).collect(),
        false => vec![place],
    }
}

/// The habits in a text, as whole words.
fn habits(text: &str) -> Vec<&'static (&'static str, &'static str)> {
    found(&HABITS, text)
}

fn found(list: &'static [(&'static str, &'static str)], text: &str) -> Vec<&'static (&'static str, &'static str)> {
    let text = text.to_lowercase().replace('_', " ");
    let is_word = |c: char| c.is_alphanumeric();
    let stands_alone =
        |at: usize, habit: &str| !text[..at].ends_with(is_word) && !text[at + habit.len()..].starts_with(is_word);
    let is_fine = |at: usize, habit: &str| {
        FINE.iter().filter_map(|fine| Some((fine, fine.find(habit)?))).any(|(fine, before)| {
            at.checked_sub(before).and_then(|from| text.get(from..)).is_some_and(|rest| rest.starts_with(fine))
        })
    };
    let found = list
        .iter()
        .filter(|(habit, _)| text.match_indices(habit).any(|(at, _)| stands_alone(at, habit) && !is_fine(at, habit)));
    found.collect()
}

/// Every command with its path.
fn commands(command: &clap::Command, path: &str) -> Vec<(String, clap::Command)> {
    let mut found = vec![(path.to_owned(), command.clone())];
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        found.extend(commands(sub, &format!("{path} {}", sub.get_name())));
    }
    found
}

#[test]
fn habits_are_found_as_whole_words() {
    for (text, expected) in [
        ("Whoever asks", vec!["whoever"]),
        ("is_no_receipt", vec!["is no"]),
        ("that is no field", vec!["is no"]),
        ("there is no field; it is no longer there, or is no such thing", vec![]),
        ("assignment: no", vec![]),
        ("at most so many of ours", vec!["so many", "of ours"]),
        ("a new one, of our sources", vec![]),
    ] {
        assert_eq!(habits(text).iter().map(|(habit, _)| *habit).collect::<Vec<_>>(), expected, "{text}");
    }
}

#[test]
fn help_tells_what_to_do_in_one_line() {
    let mut wrong = Vec::new();
    let mut program = Cli::command();
    program.build();
    for (path, command) in commands(&program, "espomail") {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let first = about.split([' ', ':', ',']).next().unwrap_or_default();
        let is_leaf = !command.has_subcommands();
        if is_leaf && first.ends_with('s') && !NOUNS.contains(&first) {
            wrong.push(format!("{path}: \"{about}\" does not begin with the imperative"));
        }
        let options = command.get_arguments().filter(|arg| !arg.is_hide_set());
        let helps = options.map(|arg| (arg.to_string(), arg.get_help().map(ToString::to_string).unwrap_or_default()));
        for (arg, help) in helps.chain([(String::new(), about)]) {
            let place = format!("{path} {arg}");
            let both = habits(&help).into_iter().chain(found(&IN_HELP, &help));
            wrong.extend(both.map(|(habit, instead)| format!("{place}: {habit} -> {instead}: {help}")));
            if help.is_empty() || help.ends_with('.') {
                wrong.push(format!("{place}: \"{help}\" is empty or ends with a full stop"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Sources with their comments and messages; of tests the comments and names, as their mails are written by strangers.
#[test]
fn texts_are_plain_english() {
    let mut wrong = Vec::new();
    let places = ["src", "tests", "benches", "man", "schema.sql", "config.example.toml", "README.md", "CHANGELOG.md"];
    for path in places.iter().flat_map(|place| files(root().join(place))) {
        let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
        let is_text = ["rs", "1", "5", "7", "sql", "toml", "md"].contains(&kind);
        // These list the habits, or are frozen.
        let is_aside = path.ends_with(file!())
            || path.ends_with("version_1.sql")
            || path.starts_with(root().join("tests/reading"));
        if !is_text || is_aside {
            continue;
        }
        let shown = path.strip_prefix(root()).unwrap().display().to_string();
        let is_test = shown.starts_with("tests") || shown.ends_with("tests.rs");
        let text = std::fs::read_to_string(&path).unwrap();
        let (code, tests) = text.split_once("\nmod tests {").filter(|_| kind == "rs").unwrap_or((&text, ""));
        let of_tests = |line: &&str| ["//", "fn ", "pub fn "].iter().any(|begin| line.trim_start().starts_with(begin));
        let lines = code.lines().filter(|line| !is_test || of_tests(line)).chain(tests.lines().filter(of_tests));
        for line in lines {
            for (habit, instead) in habits(line) {
                wrong.push(format!("{shown}: {habit} -> {instead}: {}", line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} lines:\n{}", wrong.len(), wrong.join("\n"));
}
