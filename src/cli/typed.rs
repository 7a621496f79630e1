//! What was typed with a command: words in another order than the program reads them, edits without a change.

use std::ffi::{OsStr, OsString};

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use super::{command_words, record};
use crate::error::{Fault, Kind};

/// Commands that change a thing by options alone; the others ask for one of them themselves, or open an editor.
const EDITS: [&str; 5] = ["account edit", "filter edit", "folder edit", "template edit", "user edit"];

/// Refuses an edit without anything to be changed: `changed` would not be true.
///
/// # Errors
/// Exit 2.
pub fn refuse_empty_edit(command: &Command, typed: &ArgMatches) -> Result<(), Fault> {
    let name = command_words::of(typed);
    if !EDITS.contains(&name.as_str()) || changes_something(command, typed) {
        return Ok(());
    }
    Err(Fault::new(Kind::Usage, format!("{name}: nothing to be changed")).hint(format!("espomail {name} --help")))
}

/// Whether an option of the command itself was typed.
fn changes_something(command: &Command, typed: &ArgMatches) -> bool {
    if let Some((word, rest)) = typed.subcommand() {
        return command.find_subcommand(word).is_some_and(|below| changes_something(below, rest));
    }
    let mut own = command.get_arguments().filter(|arg| !arg.is_positional() && !arg.is_global_set());
    own.any(|arg| {
        let is_known = typed.try_contains_id(arg.get_id().as_str()).is_ok();
        is_known && typed.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
    })
}

/// What was typed, with the file of `record import` before the type, which people also type the other way round.
pub fn in_order(command: &Command, mut typed: Vec<OsString>) -> Vec<OsString> {
    let words = positionals(command, &typed);
    let word = |at: usize| words.get(at).and_then(|&at| typed.get(at)?.to_str()).unwrap_or_default();
    let is_import = matches!((word(0), word(1)), ("record" | "records", "import")) && words.len() == 4;
    if let ([_, _, first, second], true) = (words.as_slice(), is_import)
        && record::is_type(word(2))
        && !record::is_type(word(3))
    {
        typed.swap(*first, *second);
    }
    typed
}

/// Where the words are that are neither options nor their values.
fn positionals(command: &Command, typed: &[OsString]) -> Vec<usize> {
    let mut takes_value = Vec::new();
    options_with_value(command, &mut takes_value);
    let (mut found, mut is_value, mut are_all) = (Vec::new(), false, false);
    for (at, word) in typed.iter().enumerate().skip(1) {
        let text = word.to_str().unwrap_or_default();
        match text {
            _ if std::mem::take(&mut is_value) => {}
            "--" if !are_all => are_all = true,
            _ if !are_all && text.starts_with('-') && text != "-" => {
                is_value = takes_value.iter().any(|option| OsStr::new(option) == word.as_os_str());
            }
            _ => found.push(at),
        }
    }
    found
}

/// The options of the whole tree after which a value stands, as they are typed.
fn options_with_value(command: &Command, found: &mut Vec<String>) {
    for arg in command.get_arguments().filter(|arg| arg.get_action().takes_values()) {
        found.extend(arg.get_long().map(|long| format!("--{long}")));
        found.extend(arg.get_short().map(|short| format!("-{short}")));
    }
    command.get_subcommands().for_each(|below| options_with_value(below, found));
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn record_import_takes_file_and_type_in_any_order() {
        for (line, expected) in [
            ("record import people.csv contact", "record import people.csv contact"),
            ("record import contact people.csv", "record import people.csv contact"),
            ("records import lead -", "records import - lead"),
            (
                "--db x record import contact --rejects bad.csv p.csv",
                "--db x record import p.csv --rejects bad.csv contact",
            ),
            ("record import contact lead", "record import contact lead"),
            ("record import contact", "record import contact"),
            ("record list contact people", "record list contact people"),
        ] {
            let typed = std::iter::once("espomail").chain(line.split(' ')).map(OsString::from).collect();
            let read: Vec<String> =
                in_order(&Cli::command(), typed).iter().skip(1).map(|w| w.to_string_lossy().into_owned()).collect();
            assert_eq!(read.join(" "), expected, "{line}");
        }
    }

    #[test]
    fn an_edit_without_an_option_is_refused() {
        for (line, is_refused) in [
            ("account edit support", true),
            ("--dry-run account edit support", true),
            ("account edit support --signature S", false),
            ("account edit support --create-case", false),
            ("user edit ana", true),
            ("user edit ana --name A", false),
            ("template edit ack", true),
            ("template edit ack --no-html", false),
            ("folder edit News", true),
            ("filter edit news", true),
            ("filter edit news --continue", false),
            ("email edit 3", false),
            ("account show support", false),
        ] {
            let mut command = Cli::command();
            let words = std::iter::once("espomail").chain(line.split(' '));
            let refused =
                command.try_get_matches_from_mut(words).map(|typed| refuse_empty_edit(&command, &typed).is_err());
            assert_eq!(refused.ok(), Some(is_refused), "{line}");
        }
    }
}
