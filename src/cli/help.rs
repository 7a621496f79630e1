//! `espomail help` and what `--help` shows: the commands in groups, and options of the whole program on the first page only.

use anyhow::Result;
use clap::{Args, Command, CommandFactory as _};

use super::context::Context;
use super::man;
use super::{Cli, man::Page};
use crate::error::{Fault, Kind};
use crate::suggest;
use crate::ui::wrap;

/// Columns of the first page, and those before what a command does.
const WIDTH: usize = 80;
const MARGIN: usize = 16;

/// What people do every day, what they set up once, and what helps where something is wrong. A test finds a command that is
/// in none.
const GROUPS: &[(&str, &[&str])] = &[
    (
        "Daily work",
        &[
            "case",
            "email",
            "search",
            "folder",
            "record",
            "stream",
            "note",
            "notification",
            "outbox",
            "report",
            "whoami",
        ],
    ),
    ("Set-up", &["init", "account", "template", "filter", "user", "team", "role", "config", "import", "export"]),
    (
        "Running and repair",
        &[
            "fetch",
            "send",
            "ingest",
            "status",
            "check",
            "metrics",
            "doctor",
            "quarantine",
            "host",
            "db",
            "log",
            "events",
        ],
    ),
    ("Help", &["help", "man", "schema", "completions"]),
];

/// `help`
#[derive(Debug, Args)]
pub struct HelpArgs {
    /// Command, such as case list, or a topic of the manual, such as query
    #[arg(value_name = "COMMAND")]
    words: Vec<String>,
}

/// The command line as its help shows it.
pub fn tree() -> Command {
    let mut tree = Cli::command();
    tree.build();
    let template = template(&tree);
    tree.help_template(template).mut_subcommands(without_global_options)
}

/// The pages of a command and of those below it point to the first page.
fn without_global_options(command: Command) -> Command {
    let pointer = "Options of every command, such as --json, --as, --utc and --db: espomail --help";
    let after = command.get_after_help().map(|after| format!("{after}\n\n")).unwrap_or_default();
    let hide = |arg: clap::Arg| if arg.is_global_set() { arg.hide(true) } else { arg };
    command.mut_args(hide).after_help(format!("{after}{pointer}")).mut_subcommands(without_global_options)
}

fn template(tree: &Command) -> String {
    let mut page = "{before-help}{about}\n\n{usage-heading} {usage}\n".to_owned();
    for (title, names) in GROUPS {
        page.push_str(&format!("\n{title}:\n"));
        for command in names.iter().filter_map(|name| tree.find_subcommand(name)) {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let about = wrap::wrapped(&about, WIDTH - MARGIN).replace('\n', &format!("\n{:MARGIN$}", ""));
            page.push_str(&format!("  {:13} {about}\n", command.get_name()));
        }
    }
    page + "\nOptions of every command:\n{options}\n\n\
        A noun may stand in the plural; ls, view and rm mean list, show and delete.\n\
        `espomail help COMMAND` shows the options of a command, `espomail man COMMAND`\n\
        its page of the manual."
}

/// The help that these words ask for, as clap shows it.
pub fn asked_for(words: impl IntoIterator<Item = std::ffi::OsString>) -> Option<clap::Error> {
    tree().try_get_matches_from(words).err()
}

/// The help for a command line that lacks its verb, or everything.
pub fn missing(words: impl IntoIterator<Item = std::ffi::OsString>) -> clap::Error {
    let help = asked_for(words.into_iter().chain(["--help".into()]));
    help.unwrap_or_else(|| clap::Error::new(clap::error::ErrorKind::DisplayHelp))
}

/// Runs `help`.
///
/// # Errors
/// There is neither a command nor a topic of that name.
pub fn run(args: &HelpArgs, ctx: &Context) -> Result<()> {
    let tree = tree();
    let (mut last, mut wrong) = (&tree, None);
    for word in &args.words {
        match last.find_subcommand(word) {
            Some(found) if wrong.is_none() => last = found,
            _ => wrong = wrong.or(Some(word)),
        }
    }
    let words = args.words.iter().map(String::as_str);
    if wrong.is_none() {
        let line = std::iter::once("espomail").chain(words).chain(["--help"]).map(Into::into);
        return match asked_for(line) {
            Some(help) => crate::ui::output::print(help.render().to_string().as_bytes()),
            None => Ok(()),
        };
    }
    let topic = args.words.join("-");
    if Page::about(&topic).is_some() {
        return man::show_page(&topic, ctx);
    }
    let known = last.get_subcommands().map(Command::get_name);
    let wrong = wrong.map_or(topic.as_str(), String::as_str);
    let meant = suggest::similar(wrong, known).map(|meant| format!("did you mean {meant}?"));
    Err(Fault::new(Kind::Usage, format!("there is no help about \"{}\"", args.words.join(" ")))
        .hint(meant.unwrap_or_else(|| "espomail help lists the commands".to_owned()))
        .into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn page(line: &str) -> String {
        asked_for(line.split(' ').map(Into::into)).unwrap().render().to_string()
    }

    #[test]
    fn every_command_is_in_one_group() {
        let command = Cli::command();
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
            let groups = GROUPS.iter().filter(|(_, names)| names.contains(&sub.get_name())).count();
            assert_eq!(groups, 1, "{} is in {groups} groups of GROUPS", sub.get_name());
        }
        let first = page("espomail --help");
        for (title, _) in GROUPS {
            assert!(first.contains(&format!("\n{title}:\n  ")), "{first}");
        }
        assert!(first.contains("--no-input") && !first.contains("--edits-afar"), "{first}");
    }

    #[test]
    fn options_of_every_command_stand_on_the_first_page_alone() {
        for line in ["espomail case --help", "espomail case list --help", "espomail account add -h", "espomail init -h"]
        {
            let page = page(line);
            assert!(!page.contains("--no-input") && !page.contains("--db <"), "{line}: {page}");
            assert!(page.trim_end().ends_with("espomail --help"), "{line}: {page}");
        }
        // They are understood as before.
        assert!(Cli::command().try_get_matches_from(["espomail", "case", "list", "--no-input"]).is_ok());
    }
}
