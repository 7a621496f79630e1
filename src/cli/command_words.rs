//! What a command is called.

use clap::ArgMatches;

/// Noun and verb of the command, without anything that was typed with them.
pub fn of(typed: &ArgMatches) -> String {
    match typed.subcommand() {
        Some((word, rest)) => format!("{word} {}", of(rest)).trim_end().to_owned(),
        None => String::new(),
    }
}
