//! What a command is called, and which commands only show something.

use clap::ArgMatches;

/// Commands that only show what is there, so that what they show may be in a pager. The day of the user has no words.
const SHOWING: &[&str] = &[
    "",
    "account audit",
    "account folders",
    "account list",
    "account show",
    "case history",
    "case list",
    "case show",
    "case thread",
    "config example",
    "config show",
    "db stats",
    "doctor",
    "email attachment list",
    "email explain",
    "email list",
    "email show",
    "events",
    "filter list",
    "filter replay",
    "filter show",
    "filter test",
    "folder list",
    "host list",
    "log list",
    "man",
    "notification list",
    "outbox list",
    "outbox show",
    "quarantine list",
    "quarantine show",
    "record list",
    "record show",
    "report accounts",
    "report backlog",
    "report first-response",
    "report resolution",
    "report summary",
    "report tags",
    "report volume",
    "report workload",
    "role explain",
    "role list",
    "role show",
    "schema",
    "search list",
    "search show",
    "status",
    "stream",
    "team list",
    "team show",
    "template list",
    "template preview",
    "template show",
    "user list",
    "user show",
    "whoami",
];

/// Noun and verb of the command, without anything that was typed with them.
pub fn of(typed: &ArgMatches) -> String {
    match typed.subcommand() {
        Some((word, rest)) => format!("{word} {}", of(rest)).trim_end().to_owned(),
        None => String::new(),
    }
}

/// Whether a command only shows something: it asks nothing, and its output may be long.
pub fn only_shows(words: &str) -> bool {
    SHOWING.contains(&words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::all;

    #[test]
    fn commands_that_show_are_known_and_all_of_their_verbs_are_there() {
        let words: Vec<String> =
            all().into_iter().map(|(path, _)| path.trim_start_matches("espomail").trim_start().to_owned()).collect();
        for shown in SHOWING.iter().filter(|shown| !shown.is_empty()) {
            assert!(words.iter().any(|words| words == shown), "there is no command \"{shown}\"");
        }
        for words in &words {
            let verb = words.rsplit(' ').next().unwrap_or_default();
            let shows = ["list", "show", "explain", "history", "thread"].contains(&verb);
            assert!(!shows || only_shows(words), "{words}: is its output long?");
        }
        assert!(!only_shows("case reply") && !only_shows("fetch") && !only_shows("email attachment cat"));
    }
}
