#![allow(clippy::unwrap_used, clippy::panic)]

use clap::CommandFactory as _;

use super::*;
use crate::cli::Cli;
use crate::cli::tests::all;

/// Words of clap and of the standard library that no error has.
const FOREIGN: &[&str] = &[
    "unexpected argument",
    "the following required",
    "For more information",
    "tip:",
    "unrecognized subcommand",
    "possible values",
    "invalid digit",
    "invalid value",
    "Usage:",
    "a value is required",
    "cannot be used",
    "number too large",
    "is not in 0..",
    "for '",
    "\n",
];

/// What is said of a command line, as two lines.
fn said(words: &[&str]) -> String {
    let mut command = Cli::command();
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let typed = std::iter::once("espomail".to_owned()).chain(words.clone());
    let refused = command.try_get_matches_from_mut(typed).unwrap_err();
    let fault = refusal(&refused.format(&mut command), &mut command, &words);
    assert_eq!(fault.kind, Kind::Usage, "{words:?}");
    let hint = fault.hint.unwrap_or_default();
    for foreign in FOREIGN {
        assert!(!fault.message.contains(foreign) && !hint.contains(foreign), "{words:?}: {} / {hint}", fault.message);
    }
    assert!(!hint.is_empty() && !fault.message.is_empty(), "{words:?}: {} / {hint}", fault.message);
    format!("{} / {hint}", fault.message)
}

#[test]
fn what_is_wrong_is_said_in_one_line_with_the_next_step() {
    for (line, expected) in [
        ("cas list", "there is no command \"cas\" / did you mean espomail case?"),
        ("find x", "there is no command \"find\" / espomail case list WORDS, or espomail email list WORDS"),
        ("case lits", "case: there is no verb \"lits\" / did you mean espomail case list?"),
        ("case 12", "case: there is no verb \"12\" / espomail case show 12"),
        (
            "case delete 3",
            "case: there is no verb \"delete\" / cases are kept: espomail case close N, or espomail case spam N",
        ),
        ("case frobnicate", "case: there is no verb \"frobnicate\" / espomail case --help lists what there is"),
        ("case list --opne", "case list: there is no option --opne / did you mean --open?"),
        (
            "case list --unverified",
            "case list: there is no option --unverified / in the query: espomail case list is:unverified",
        ),
        (
            "case list --from 'x",
            "case list: there is no option --from / in the query: espomail case list 'from:'\\''x'",
        ),
        (
            "case list --contact=Eva",
            "case list: there is no option --contact / in the query: espomail case list contact:Eva",
        ),
        (
            "email list --unread",
            "email list: there is no option --unread / in the query: espomail email list is:unread",
        ),
        ("case list -n 5", "case list: there is no option -n / did you mean --limit?"),
        (
            "case list -is:open",
            "case list: there is no option -i / a query that begins with - goes after --: espomail case list -- -is:open",
        ),
        (
            "account show --account x",
            "account show: there is no option --account / the account is written without an option: espomail account show <ACCOUNT>",
        ),
        ("case show 3 --mine", "case show: there is no option --mine / espomail case list has --mine"),
        ("case show 3 --name x", "case show: there is no option --name / see espomail case show --help"),
        (
            "case reply 1 hello",
            "case reply: \"hello\" is one word too many / the text goes after -m: espomail case reply … -m hello",
        ),
        ("case show 1 2", "case show: \"2\" is one word too many / for example: espomail case show 12"),
        (
            "user add ana --name Ana Agent",
            "user add: \"Agent\" is one word too many / quote a value that has blanks: --name 'Ana Agent'",
        ),
        ("case show --full 1 2", "case show: \"2\" is one word too many / for example: espomail case show 12"),
        ("case list --mine --limit", "--limit: its value is missing / write it as --limit N"),
        ("case list --limit abc", "--limit: \"abc\" is not a whole number / see espomail case list --help"),
        ("case list --limit=-1", "--limit: must be a whole number, 0 or more, not -1 / see espomail case list --help"),
        ("case show abc", "case show: \"abc\" is not a case number / write it as 12"),
        (
            "email explain abc",
            "email explain: the email id must be a whole number, not \"abc\" / for example: espomail email explain 9131",
        ),
        (
            "case edit 3 --priority urgnt",
            "--priority: must be one of Low, Normal, High, Urgent, not \"urgnt\" / did you mean Urgent?",
        ),
        (
            "--color blue status",
            "--color: must be one of auto, always, never, not \"blue\" / see espomail status --help",
        ),
        ("check --max-age soon", "--max-age: \"soon\" is not a duration / write it as 30s, 10m, 1h30m or 3d"),
        ("case assign", "case assign: the user is missing / for example: espomail case assign 12 ana"),
        ("case show", "case show: the case number is missing / for example: espomail case show 12"),
        ("case split 3", "case split: --from is missing / for example: espomail case split 12 --from 9131"),
        ("init --admin-name Ana", "init: --admin is missing / for example: espomail init --admin ana "),
        (
            "role grant",
            "role grant: the role, the permission and the level are missing / for example: espomail role grant Auditor case-read all",
        ),
        ("case list --open --all", "case list: --open and --all cannot be together / see espomail case list --help"),
        (
            "case list --status New --status New",
            "case list: --status can be given only once / see espomail case list --help",
        ),
        ("case", "case: a verb is missing / the verbs are "),
        ("case edit 3 --assignee eva", "case edit: there is no option --assignee / espomail case assign N USER"),
        ("case merge 29", "case merge: the case that remains is missing / for example: espomail case merge 13 12"),
        ("case close", "case close: the case number is missing / for example: espomail case close 12"),
        ("email archive abc", "email archive: the email id must be a whole number, not \"abc\" / "),
        ("case edit 3", "case edit: one of these is missing: --subject, "),
        ("--json case", "case: a verb is missing / the verbs are "),
    ] {
        let line = said(&line.split(' ').collect::<Vec<_>>());
        assert!(line.starts_with(expected), "\n     got {line}\nexpected {expected}");
    }
}

/// Words that give a command all that it needs, as far as its arguments tell.
fn needed(command: &Command) -> Vec<String> {
    let mut words = Vec::new();
    for arg in command.get_arguments().filter(|arg| arg.is_required_set()) {
        words.extend(arg.get_long().map(|long| format!("--{long}")));
        let values = arg.get_num_args().map_or(1, |range| range.min_values().max(1));
        words.extend((0..values).map(|_| value_of(arg)));
    }
    words
}

fn value_of(arg: &Arg) -> String {
    let known = arg.get_possible_values();
    let name = arg.get_value_names().into_iter().flatten().next().map(ToString::to_string).unwrap_or_default();
    match known.first() {
        Some(value) => value.get_name().to_owned(),
        None if name == "LEVEL" => "all".to_owned(),
        None if name == "DURATION" => "3d".to_owned(),
        None => "1".to_owned(),
    }
}

/// Every command with an option that there is not, without what it needs, with a word too many, and with a wrong value of
/// each of its options.
#[test]
fn every_command_says_in_its_own_words_what_is_wrong() {
    let mut tried = 0;
    let mut root = Cli::command();
    root.build();
    for (path, _) in all() {
        let names: Vec<&str> = path.split(' ').skip(1).collect();
        let command = names.iter().fold(&root, |command, name| command.find_subcommand(name).unwrap());
        let needed = needed(command);
        let line = |more: &[&str]| -> Vec<String> {
            let words = names.iter().map(|name| (*name).to_owned()).chain(needed.iter().cloned());
            words.chain(more.iter().map(|word| (*word).to_owned())).collect()
        };
        let say = |words: Vec<String>| said(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let unknown = say(line(&["--nonesuch-at-all"]));
        assert!(unknown.contains("there is no option --nonesuch-at-all"), "{path}: {unknown}");
        say(line(&["-Z"]));
        tried += 2;
        if !needed.is_empty() {
            let missing = say(names.iter().map(|name| (*name).to_owned()).collect());
            assert!(missing.contains(" missing"), "{path}: {missing}");
            tried += 1;
        }
        let is_open = |arg: &Arg| arg.is_positional() && arg.get_num_args().is_some_and(|range| range.max_values() > 1);
        if !command.get_arguments().any(is_open) {
            let positionals = command.get_positionals().filter(|arg| !arg.is_required_set()).map(value_of);
            let more: Vec<String> = positionals.chain(["surplus".to_owned()]).collect();
            let surplus = say(line(&more.iter().map(String::as_str).collect::<Vec<_>>()));
            assert!(surplus.contains("\"surplus\" is one word too many"), "{path}: {surplus}");
            tried += 1;
        }
        for arg in
            command.get_arguments().filter(|arg| !arg.is_positional() && !arg.is_global_set() && !arg.is_hide_set())
        {
            let Some(long) = arg.get_long().filter(|_| arg.get_action().takes_values()) else { continue };
            if !arg.is_require_equals_set() {
                let without = say(line(&[&format!("--{long}")]));
                assert!(without.contains(" missing") || without.contains("only once"), "{path} --{long}: {without}");
                tried += 1;
            }
            let value = format!("--{long}=\u{1}~");
            let words = std::iter::once("espomail".to_owned()).chain(line(&[&value]));
            let refused = Cli::command().try_get_matches_from(words).err();
            if refused
                .is_some_and(|refused| matches!(refused.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue))
            {
                let wrong = say(line(&[&value]));
                assert!(wrong.starts_with(&format!("--{long}: ")), "{path} --{long}: {wrong}");
                tried += 1;
            }
        }
    }
    assert!(tried > 600, "{tried}");
}
