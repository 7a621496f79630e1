//! The command line: flags -> one operation -> the result shown. One file per noun.
//!
//! Every leaf command begins its help with two real examples (`before_help`); a test walks the tree and
//! finds those without, and compares it with the man page.

pub mod account;
mod busy;
pub mod case;
pub mod check;
mod command_words;
pub mod completions;
pub mod config;
mod confirm;
pub mod connect;
pub mod context;
mod cron;
pub mod day;
pub mod db;
pub mod delivery;
pub mod doctor;
mod editor;
mod email;
pub mod export;
pub mod fetch;
pub mod filter;
pub mod folder;
pub mod help;
pub mod import;
pub mod ingest;
pub mod init;
mod labels;
pub mod letter;
pub mod log;
mod mail_page;
mod mailboxes;
pub mod man;
mod named_files;
pub mod notification;
pub mod outbox;
mod page;
pub mod quarantine;
pub mod query;
pub mod record;
pub mod role;
mod run;
mod same_place;
pub mod schema;
pub mod search;
pub mod send;
pub mod status;
pub mod stream;
mod sudo_front;
mod sudo_policy;
mod sudo_relay;
mod summary;
pub mod team;
pub mod template;
pub mod text;
mod typed;
mod unsent;
mod usage;
pub mod user;
pub mod whoami;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{ArgAction, Parser, Subcommand, ValueHint};

pub use self::run::run;
use crate::ui::output::Format;
use crate::ui::terminal::{Color, Facts};
use crate::units;

/// Turn mailboxes into cases that agents answer from the shell
#[derive(Debug, Parser)]
#[command(
    name = "espomail",
    version,
    disable_help_subcommand = true,
    max_term_width = 100,
    before_help = "Examples:\n  $ espomail init\n  $ espomail fetch\n  $ espomail case list --mine is:open"
)]
pub struct Cli {
    // Of these three the last counts: an alias of the shell may name them.
    /// Database: a file, or the name of one on a server such as postgresql://HOST/NAME
    #[arg(
        long,
        global = true,
        help_heading = "Global options",
        overrides_with = "db",
        value_name = "PATH",
        env = "ESPOMAIL_DB",
        hide_env_values = true
    )]
    db: Option<PathBuf>,
    /// Configuration file
    #[arg(
        long,
        global = true,
        help_heading = "Global options",
        overrides_with = "config",
        value_name = "PATH",
        env = "ESPOMAIL_CONFIG",
        hide_env_values = true
    )]
    config: Option<PathBuf>,
    /// State directory: the passwords and tokens that are kept in files
    #[arg(
        long,
        global = true,
        help_heading = "Global options",
        overrides_with = "state",
        value_name = "DIR",
        value_hint = ValueHint::DirPath,
        env = "ESPOMAIL_STATE",
        hide_env_values = true
    )]
    state: Option<PathBuf>,
    /// Act as this user
    #[arg(long = "as", global = true, help_heading = "Global options", value_name = "USER")]
    acting_as: Option<String>,
    /// Print only ids and errors
    #[arg(short, long, global = true, help_heading = "Global options", conflicts_with = "verbose")]
    quiet: bool,
    /// Print more; twice for the steps of the protocols
    #[arg(short, long, global = true, help_heading = "Global options", action = ArgAction::Count)]
    verbose: u8,
    /// Append the program's log to this file
    #[arg(long, global = true, help_heading = "Global options", value_name = "FILE")]
    log: Option<PathBuf>,
    /// Output format
    #[arg(long, global = true, help_heading = "Global options", value_enum, default_value = "table")]
    format: Format,
    /// Same as --format json
    #[arg(long, global = true, help_heading = "Global options", conflicts_with = "format")]
    json: bool,
    /// Fields to show, in this order
    #[arg(long, global = true, help_heading = "Global options", value_name = "A,B", value_delimiter = ',')]
    fields: Vec<String>,
    /// Print no headings
    #[arg(long, global = true, help_heading = "Global options")]
    no_headers: bool,
    /// When to use colour
    #[arg(long, global = true, help_heading = "Global options", value_enum, default_value = "auto")]
    color: Color,
    /// Start no pager
    #[arg(long, global = true, help_heading = "Global options")]
    no_pager: bool,
    /// Show times in UTC
    #[arg(long, global = true, help_heading = "Global options")]
    utc: bool,
    /// Never prompt
    #[arg(long, global = true, help_heading = "Global options")]
    no_input: bool,
    /// Show what would happen and change nothing
    #[arg(long, global = true, help_heading = "Global options")]
    dry_run: bool,
    /// Answer every question with yes
    #[arg(short, long, global = true, help_heading = "Global options")]
    yes: bool,
    /// Number of files that precede standard input; used by espomail itself, through sudo
    #[arg(long, global = true, hide = true, value_name = "N", default_value_t = 0)]
    front: u32,
    /// What the other side shows, asks and edits; used by espomail itself, through sudo
    #[arg(long, global = true, hide = true, value_name = "FACTS")]
    afar: Option<Facts>,
    /// `None` = the day of the user.
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create the database and show the next steps
    #[command(before_help = "Examples:\n  $ espomail init\n  $ espomail --db /srv/mail/espomail.db init")]
    Init(init::InitArgs),
    /// Fetch new mail, turn it into cases, and send queued mail
    #[command(
        before_help = "Examples:\n  $ espomail fetch\n  $ espomail -v fetch support --limit 10\n  $ espomail --dry-run fetch"
    )]
    Fetch(fetch::FetchArgs),
    /// Send queued mail
    #[command(before_help = "Examples:\n  $ espomail send\n  $ espomail send --summary")]
    Send(send::SendArgs),
    /// Take one message on standard input
    #[command(
        before_help = "Examples:\n  $ espomail ingest --account support < mail.eml\n  | \"/usr/bin/espomail ingest --account support\"\n  $ espomail ingest --account support --recipient \"$RECIPIENT\" --sender \"$SENDER\" < mail.eml"
    )]
    Ingest(ingest::IngestArgs),
    /// Show whether everything works
    #[command(before_help = "Examples:\n  $ espomail status\n  $ espomail --json status")]
    Status(status::StatusArgs),
    /// Report the state in one line for a monitoring system; exit status 0, 1, 2 or 3
    #[command(before_help = "Examples:\n  $ espomail check\n  $ espomail check --max-age 30m --max-quarantine 5")]
    Check(check::CheckArgs),
    /// Check the installation and suggest fixes
    #[command(before_help = "Examples:\n  $ espomail doctor\n  $ espomail doctor --fix --offline")]
    Doctor(doctor::DoctorArgs),
    #[command(subcommand, alias = "accounts")]
    Account(account::AccountCommand),
    #[command(subcommand, alias = "filters")]
    Filter(filter::FilterCommand),
    #[command(subcommand, alias = "templates")]
    Template(template::TemplateCommand),
    #[command(subcommand, alias = "teams")]
    Team(team::TeamCommand),
    #[command(subcommand, alias = "roles")]
    Role(role::RoleCommand),
    #[command(subcommand, alias = "users")]
    User(user::UserCommand),
    #[command(subcommand, alias = "cases")]
    Case(case::CaseCommand),
    #[command(subcommand, alias = "emails")]
    Email(email::EmailCommand),
    #[command(subcommand, alias = "searches")]
    Search(search::SearchCommand),
    #[command(subcommand, alias = "folders")]
    Folder(folder::FolderCommand),
    /// Show what happened on a record
    #[command(before_help = "Examples:\n  $ espomail stream company/3\n  $ espomail --json stream case/12")]
    Stream(stream::StreamArgs),
    /// Write an internal note on a record, which is never sent to a customer
    #[command(
        before_help = "Examples:\n  $ espomail note company/3 -m 'prefers to be called'\n  $ espomail note lead/7 -F notes.txt"
    )]
    Note(stream::NoteArgs),
    #[command(subcommand, alias = "notifications")]
    Notification(notification::NotificationCommand),
    #[command(subcommand)]
    Outbox(outbox::OutboxCommand),
    #[command(subcommand)]
    Quarantine(quarantine::QuarantineCommand),
    #[command(subcommand)]
    Db(db::DbCommand),
    #[command(subcommand)]
    Log(log::LogCommand),
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Show which user you are acting as
    #[command(before_help = "Examples:\n  $ espomail whoami\n  $ espomail --as ana whoami")]
    Whoami(whoami::WhoamiArgs),
    /// Print the JSON fields of a command's result
    #[command(before_help = "Examples:\n  $ espomail schema\n  $ espomail schema cases")]
    Schema(schema::SchemaArgs),
    /// Show a page of the manual, or write all pages into a directory
    #[command(
        before_help = "Examples:\n  $ espomail man\n  $ espomail man account\n  $ espomail man --to /usr/local/share/man"
    )]
    Man(man::ManArgs),
    /// Show the help of a command, or a topic of the manual
    #[command(before_help = "Examples:\n  $ espomail help case reply\n  $ espomail help query")]
    Help(help::HelpArgs),
    /// Print a completion script for a shell
    #[command(
        before_help = "Examples:\n  $ espomail completions bash > /etc/bash_completion.d/espomail\n  $ espomail completions fish > ~/.config/fish/completions/espomail.fish"
    )]
    Completions(completions::CompletionsArgs),
    #[command(subcommand, alias = "records")]
    Record(record::RecordCommand),
    #[command(subcommand)]
    Import(import::ImportCommand),
    #[command(subcommand)]
    Export(export::ExportCommand),
}

// Values of flags ---------------------------------------------------------------------------------------

/// A case number, as `12` or `#12`.
fn case_number(text: &str) -> Result<i64, String> {
    let number = text.strip_prefix('#').unwrap_or(text).parse::<i64>().ok().filter(|n| *n > 0);
    number.ok_or_else(|| format!("\"{text}\" is not a case number; write it as 12"))
}

fn duration(text: &str) -> Result<Duration, String> {
    units::duration(text)
}

fn size(text: &str) -> Result<u64, String> {
    units::size(text)
}

#[cfg(test)]
mod tests {
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
    const PLURALS: [&str; 11] =
        ["account", "case", "email", "filter", "folder", "notification", "record", "role", "team", "template", "user"];

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
}
