//! The manual and the program say the same: every command, every option, every key.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use clap::{CommandFactory as _, Parser as _};

use super::{ELSEWHERE, PAGES, Page};
use crate::cli::Cli;
use crate::cli::tests::{all, commands_in};

/// The names of each option, as pages have them: `-m` and `--message`.
fn names_of<'c>(options: impl Iterator<Item = &'c clap::Arg>) -> Vec<Vec<String>> {
    options
        .filter(|arg| !arg.is_positional())
        .map(|arg| {
            let long = arg.get_long().map(|name| format!("--{name}"));
            long.into_iter().chain(arg.get_short().map(|letter| format!("-{letter}"))).collect()
        })
        .collect()
}

fn options_of(command: &clap::Command) -> BTreeSet<String> {
    names_of(command.get_arguments()).into_iter().flatten().collect()
}

/// The options of a line of mdoc.
fn options_in(line: &str) -> BTreeSet<String> {
    let words: Vec<&str> = line.trim_start_matches('.').split(' ').collect();
    let named = words.iter().enumerate().filter(|(_, word)| **word == "Fl").filter_map(|(at, _)| words.get(at + 1));
    named
        .flat_map(|name| match name.strip_prefix('-') {
            Some(long) => vec![format!("--{long}")],
            None => name.chars().map(|letter| format!("-{letter}")).collect(),
        })
        .collect()
}

/// `case list` of `.It Ic case list Oo Ar query Oc`.
fn command_in(line: &str) -> Option<String> {
    let words = line.strip_prefix('.')?.split(' ').skip_while(|word| *word != "Ic").skip(1);
    let named: Vec<&str> = words.take_while(|w| w.starts_with(|c: char| c.is_ascii_lowercase())).collect();
    Some(named.join(" ")).filter(|command| !command.is_empty())
}

fn page_of(command: &str) -> &'static Page {
    Page::about(command.split(' ').next().unwrap()).unwrap_or_else(|| panic!("no page describes `{command}`"))
}

/// Every leaf command without the program's name.
fn commands() -> Vec<(String, clap::Command)> {
    all().into_iter().map(|(path, command)| (path.trim_start_matches("espomail ").to_owned(), command)).collect()
}

#[test]
fn every_page_is_part_of_the_program_and_names_itself() {
    let mut files: Vec<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/man"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort_unstable();
    let mut known: Vec<String> = PAGES.iter().map(|p| format!("{}.{}", p.name, p.section)).collect();
    known.sort_unstable();
    assert_eq!(known, files);
    for page in PAGES {
        let title = format!(".Dt {} {}\n", page.name.to_uppercase(), page.section);
        assert!(page.source.contains(&title), "{}: {title}", page.name);
        assert!(page.source.contains(&format!(".Nm {}\n", page.name)), "{} does not name itself", page.name);
    }
    for (command, page) in ELSEWHERE {
        assert!(PAGES.iter().any(|p| p.name == *page), "{command}: {page} is not a page");
    }
}

#[test]
fn references_between_pages_lead_to_pages_and_sections_that_exist() {
    for page in PAGES {
        for line in page.source.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            for at in words.iter().enumerate().filter(|(_, w)| w.ends_with("Xr")).map(|(at, _)| at) {
                let (name, section) = (words[at + 1], words[at + 2]);
                let is_own = name == "espomail" || name.starts_with("espomail-") || name.starts_with("espomail.");
                let exists = PAGES.iter().any(|p| p.name == name && p.section == section);
                assert!(!is_own || exists, "{}: {line}", page.name);
            }
            if let Some(section) = line.strip_prefix(".Sx ") {
                let section = section.trim_end_matches([' ', '.', ',']);
                let stands =
                    page.source.lines().any(|l| l == format!(".Sh {section}") || l == format!(".Ss {section}"));
                assert!(stands, "{}: there is no section {section}", page.name);
            }
        }
    }
}

#[test]
fn every_command_stands_in_its_page_with_exactly_its_options() {
    let mut wrong = Vec::new();
    for (name, command) in commands() {
        let page = page_of(&name);
        let line = page.source.lines().find(|l| l.starts_with(".It Ic ") && command_in(l).as_deref() == Some(&name));
        let Some(line) = line else {
            wrong.push(format!("{} does not describe `{name}`", page.name));
            continue;
        };
        let written = options_in(line);
        let unknown: Vec<_> = written.difference(&options_of(&command)).cloned().collect();
        // Options that commands share are named by one word in the line. A page describes them, for letters that of cases.
        let is_short = ["Ar setting", "Ar field", "Ar letter", "Ar ..."].iter().any(|short| line.contains(short));
        let of_letters = if line.contains("Ar letter") { page_of("case").source } else { "" };
        let in_page = page.source.lines().chain(of_letters.lines()).flat_map(options_in).collect();
        let there = if is_short { &in_page } else { &written };
        // Those that the program itself uses need not stand there.
        let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
        let missing: Vec<_> =
            names_of(shown).into_iter().filter(|names| !names.iter().any(|name| there.contains(name))).collect();
        if !unknown.is_empty() || !missing.is_empty() {
            wrong.push(format!("{}: `{name}` has no {unknown:?} and has {missing:?}", page.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_option_in_a_page_is_one_of_a_command_that_it_describes() {
    let mut everywhere = options_of(&Cli::command());
    everywhere.extend(["-h", "--help", "-V", "--version"].map(str::to_owned));
    let of = |wanted: &dyn Fn(&str) -> bool| -> BTreeSet<String> {
        commands().iter().filter(|(name, _)| wanted(name)).flat_map(|(_, command)| options_of(command)).collect()
    };
    let mut wrong = Vec::new();
    for page in PAGES {
        let is_of_servers = page.name == "espomail-servers";
        let own = of(&|name| page_of(name).name == page.name || (is_of_servers && name.starts_with("account ")));
        let mut named = BTreeSet::new();
        for line in page.source.lines() {
            // An option after the name of a command is one of that command.
            if let Some(command) = command_in(line) {
                named = of(&|name| name == command);
            }
            let of_another = |option: &String| ![&everywhere, &own, &named].iter().any(|known| known.contains(option));
            wrong
                .extend(options_in(line).into_iter().filter(of_another).map(|o| format!("{}: {o}: {line}", page.name)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_configuration_key_stands_in_its_page() {
    let page = Page::about("toml").unwrap().source;
    for line in crate::config::EXAMPLE.lines().filter_map(|l| l.strip_prefix('#')) {
        if let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| !key.contains(' ')) {
            assert!(page.contains(&format!(".It Cm {key}")), "espomail.toml(5) does not describe {key}");
        }
    }
}

#[test]
fn every_command_and_topic_has_a_page() {
    for name in commands().iter().map(|(name, _)| name.split(' ').next().unwrap()) {
        assert!(Page::about(name).is_some(), "{name}");
    }
    for (topic, wanted) in [
        ("espomail", "espomail"),
        ("espomail-case", "espomail-case"),
        ("query", "espomail-query"),
        ("toml", "espomail.toml"),
        ("espomail.toml", "espomail.toml"),
        ("note", "espomail-stream"),
    ] {
        assert_eq!(Page::about(topic).map(|page| page.name), Some(wanted), "{topic}");
    }
    assert!(Page::about("nothing").is_none() && Page::about("").is_none() && Page::about("../x").is_none());
}

/// The lines for the shell in a page: those of `.Dl` and of literal blocks.
fn shell_lines(page: &str) -> Vec<String> {
    let (mut found, mut is_literal) = (Vec::new(), false);
    for line in page.lines() {
        match line {
            _ if line.starts_with(".Bd -literal") => is_literal = true,
            ".Ed" => is_literal = false,
            _ if is_literal => found.push(line),
            _ => found.extend(line.strip_prefix(".Dl ")),
        }
    }
    // A script has the number of a case in a variable.
    let number = ("\"$number\"", "12");
    let characters = [("\\(aq", "'"), ("\\(dq", "\""), ("\\&", ""), ("\\e", "\\"), number];
    let text = characters.iter().fold(found.join("\n"), |text, (written, shown)| text.replace(written, shown));
    // A command that aliases(5) quotes.
    joined(&text.replace("\"|", "| "))
}

/// The lines of a script; one that ends with a backslash goes on in the next one.
fn joined(script: &str) -> Vec<String> {
    script.replace("\\\n", " ").lines().map(str::to_owned).collect()
}

/// The lines for the shell in a text of Markdown: indented ones.
fn indented_lines(text: &str) -> Vec<String> {
    joined(&text.lines().filter_map(|line| line.strip_prefix("    ")).collect::<Vec<_>>().join("\n"))
}

#[test]
fn every_example_parses() {
    let mut texts = vec![("README.md", indented_lines(include_str!("../../../README.md")))];
    texts.extend(PAGES.iter().map(|page| (page.name, shell_lines(page.source))));
    let mut wrong = Vec::new();
    for (text, lines) in &texts {
        for words in lines.iter().flat_map(|line| commands_in(line)) {
            let refused = Cli::try_parse_from(&words).err();
            wrong.extend(refused.map(|error| format!("{text}: {}: {error}", words.join(" "))));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_page_of_commands_has_examples() {
    for page in PAGES.iter().filter(|page| page.section == "1") {
        let examples = page.source.split_once(".Sh EXAMPLES\n").map_or("", |(_, rest)| rest);
        let commands = shell_lines(examples).iter().flat_map(|line| commands_in(line)).count();
        assert!(commands >= 2, "{} has {commands} examples", page.name);
    }
}
