//! The next step after a word that is not understood.

use clap::{Arg, Command};

use super::typed::{Typed, phrase, subject};
use crate::cli::man::Page;
use crate::query::Field;
use crate::store::label::Label as _;
use crate::store::search::CaseState;
use crate::suggest;

/// Words of other programs for a command, and what to type here; an empty noun is the program's own.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("", "reply", "espomail case reply N"),
    ("", "close", "espomail case close N"),
    ("", "take", "espomail case take N"),
    ("", "next", "espomail case next"),
    ("", "list", "espomail case list, or espomail email list"),
    ("", "show", "espomail case show N"),
    ("", "inbox", "espomail email list"),
    ("", "mail", "espomail email list"),
    ("", "ticket", "espomail case list"),
    ("", "issue", "espomail case list"),
    ("", "version", "espomail --version"),
    ("", "contact", "espomail record list contact"),
    ("", "company", "espomail record list company"),
    ("", "lead", "espomail record list lead"),
    ("", "opportunity", "espomail record list opportunity"),
    ("", "backup", "espomail db backup FILE"),
    ("", "restore", "espomail db restore FILE"),
    ("", "find", "espomail case list WORDS, or espomail email list WORDS"),
    ("case", "comment", "espomail case note N -m TEXT"),
    ("case", "delete", "cases are kept: espomail case close N, or espomail case spam N"),
    ("case", "rm", "cases are kept: espomail case close N, or espomail case spam N"),
    ("case", "answer", "espomail case reply N"),
    ("case", "steal", "espomail case take N"),
    ("case", "open", "espomail case reopen N"),
    ("case", "unassign", "espomail case release N"),
    ("case", "resolve", "espomail case close N"),
    ("case", "add", "espomail case create --subject TEXT"),
    ("case", "new", "espomail case create --subject TEXT"),
    ("email", "attachments", "espomail email attachment list ID"),
    ("email", "answer", "espomail email reply ID"),
    ("email", "new", "espomail email send --to ADDRESS"),
    ("outbox", "rm", "espomail outbox cancel ID"),
    ("outbox", "delete", "espomail outbox cancel ID"),
    ("outbox", "send", "espomail send, or espomail outbox retry ID"),
    ("quarantine", "delete", "espomail quarantine discard ID --reason TEXT"),
    ("team", "member", "espomail team member add TEAM USER"),
    ("user", "remove", "espomail user disable NAME, or espomail user delete NAME"),
    ("db", "init", "espomail init"),
];

/// What was meant by a command or verb that there is not.
pub fn for_command(typed: &Typed<'_>, word: &str) -> String {
    let noun = typed.name();
    if typed.last().is_some_and(|last| last.get_name() == "help") && Page::about(word).is_some() {
        return format!("espomail man {word}");
    }
    let elsewhere = ELSEWHERE.iter().find(|(of, known, _)| *of == noun && word.eq_ignore_ascii_case(known));
    if let Some((_, _, meant)) = elsewhere {
        return (*meant).to_owned();
    }
    let full = typed.full();
    let commands: Vec<&Command> = typed.last().into_iter().flat_map(Command::get_subcommands).collect();
    let is_number = word.trim_start_matches('#').parse::<i64>().is_ok();
    if is_number && commands.iter().any(|sub| sub.get_name() == "show") {
        return format!("{full} show {word}");
    }
    let words = commands.iter().flat_map(|sub| std::iter::once(sub.get_name()).chain(sub.get_all_aliases()));
    match suggest::similar(word, words) {
        Some(meant) => format!("did you mean {full} {meant}?"),
        None => format!("{full} --help lists what there is"),
    }
}

/// What was meant by an option that there is not.
pub fn for_option(typed: &Typed<'_>, option: &str) -> String {
    let given = option.split('=').next().unwrap_or_default();
    let Some(last) = typed.last() else { return typed.see_help() };
    // `-is:open` reads as the option -i.
    let query = typed.words.iter().find(|word| word.starts_with('-') && !word.starts_with("--") && word.contains(':'));
    if let Some(query) = query.filter(|query| asks_query(last) && query.starts_with(given)) {
        return format!("a query that begins with - goes after --: {} -- {query}", typed.full());
    }
    let Some(name) = given.strip_prefix("--") else { return for_letter(typed, given) };
    let longs: Vec<&str> = typed.arguments().filter(|arg| !arg.is_hide_set()).filter_map(Arg::get_long).collect();
    if let Some(meant) = suggest::similar(name, longs.iter().copied()) {
        return format!("did you mean --{meant}?");
    }
    if let Some(word) = query_word(typed, name) {
        return format!("in the query: {word}");
    }
    let positional = typed.arguments().find(|arg| {
        arg.is_positional() && arg.get_value_names().into_iter().flatten().any(|v| v.eq_ignore_ascii_case(name))
    });
    if let Some(arg) = positional {
        return format!("the {} is written without an option: {} {arg}", phrase(arg), typed.full());
    }
    let elsewhere = COMMANDS_FOR.iter().find(|(full, option, _)| *full == typed.full() && *option == name);
    if let Some((_, _, command)) = elsewhere {
        return (*command).to_owned();
    }
    let noun = typed.path.iter().rev().nth(1);
    let sibling = noun
        .into_iter()
        .flat_map(|noun| noun.get_subcommands())
        .find(|sub| sub.get_name() != last.get_name() && sub.get_arguments().any(|arg| arg.get_long() == Some(name)));
    match (sibling, noun) {
        (Some(sub), Some(_)) if typed.path.len() > 2 => {
            let before: Vec<&str> = typed.path.iter().rev().skip(1).rev().map(|one| one.get_name()).collect();
            format!("{} {} has --{name}", before.join(" "), sub.get_name())
        }
        _ => typed.see_help(),
    }
}

/// Options that people look for where a command of its own does it.
const COMMANDS_FOR: &[(&str, &str, &str)] = &[
    ("espomail case edit", "assignee", "espomail case assign N USER"),
    ("espomail case edit", "assign-to", "espomail case assign N USER"),
    ("espomail case edit", "team", "espomail case move N --team TEAM"),
    ("espomail case edit", "tag", "espomail case tag N TAG"),
    ("espomail case edit", "close", "espomail case close N"),
];

/// Letters of other programs, and the option that they mean.
const LETTERS: &[(&str, &str)] = &[
    ("-n", "limit"),
    ("-l", "limit"),
    ("-a", "all"),
    ("-f", "file"),
    ("-o", "to"),
    ("-t", "to"),
    ("-s", "subject"),
    ("-u", "user"),
    ("-r", "to"),
    ("-A", "attach"),
    ("-c", "cc"),
    ("-p", "priority"),
    ("-j", "json"),
];

fn for_letter(typed: &Typed<'_>, letter: &str) -> String {
    let is_there = |name: &str| typed.arguments().any(|arg| arg.get_long() == Some(name));
    let meant = LETTERS.iter().find(|(known, name)| *known == letter && is_there(name));
    meant.map_or_else(|| typed.see_help(), |(_, name)| format!("did you mean --{name}?"))
}

fn asks_query(command: &Command) -> bool {
    let names = |arg: &Arg| arg.get_value_names().into_iter().flatten().any(|name| name.as_str() == "QUERY");
    command.get_positionals().any(names)
}

/// The word of a query that is called like an option.
fn query_word(typed: &Typed<'_>, name: &str) -> Option<String> {
    typed.last().filter(|last| asks_query(last))?;
    let (fields, states): (&[Field], Vec<&str>) = match typed.path.get(1).map(|noun| noun.get_name()) {
        Some("case") => (Field::CASES, CaseState::VALUES.iter().map(|state| state.text()).collect()),
        Some("email") => (Field::EMAILS, vec!["unread", "unverified"]),
        _ => (Field::OUTBOX, Vec::new()),
    };
    if states.contains(&name) {
        return Some(format!("{} is:{name}", typed.full()));
    }
    let field = fields.iter().find(|field| field.name() == name)?;
    // Its value is joined to it, or the next word.
    let joined = typed.words.iter().find_map(|word| word.strip_prefix(&format!("--{name}=")));
    let at = typed.words.iter().position(|word| *word == format!("--{name}"));
    let next = at.and_then(|at| typed.words.get(at + 1)).filter(|word| !word.starts_with('-'));
    let value = joined.or(next.map(String::as_str)).unwrap_or("VALUE");
    let value = if value.contains(' ') { format!("\"{value}\"") } else { value.to_owned() };
    Some(format!("{} {}", typed.full(), quoted(&format!("{}:{value}", field.name()))))
}

/// As it is typed in a shell.
fn quoted(word: &str) -> String {
    let is_plain = word.chars().all(|c| c.is_alphanumeric() || "-_.:@/#,+".contains(c));
    if is_plain && !word.is_empty() { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// What becomes of a word for which there is no place.
pub fn for_surplus(typed: &Typed<'_>, word: &str) -> String {
    let has = |long: &str| typed.arguments().any(|arg| arg.get_long() == Some(long));
    if word.starts_with("--") {
        return typed.see_help();
    }
    let at = typed.words.iter().rposition(|given| given == word);
    let before = |steps: usize| at.and_then(|at| at.checked_sub(steps)).and_then(|at| typed.words.get(at));
    let option = |word: &String| {
        let long = word.strip_prefix("--")?;
        typed.arguments().find(|arg| arg.get_long() == Some(long))
    };
    if let Some(arg) = before(1).and_then(option) {
        return match arg.is_require_equals_set() {
            true => format!("write it as {}={word}", subject(arg)),
            false => format!("{} has no value", subject(arg)),
        };
    }
    let takes_value = |arg: &&Arg| arg.get_action().takes_values();
    if let (Some(first), Some(_)) = (before(1), before(2).and_then(option).filter(takes_value)) {
        let flag = before(2).cloned().unwrap_or_default();
        return format!("quote a value that has blanks: {flag} {}", quoted(&format!("{first} {word}")));
    }
    if has("message") {
        return format!("the text goes after -m: {} … -m {}", typed.full(), quoted(word));
    }
    let takes_words = typed.arguments().any(Arg::is_positional);
    if takes_words && word.chars().all(char::is_alphabetic) && before(1).is_some_and(|word| !word.starts_with('-')) {
        return format!("quote a name that has blanks; {}", typed.example(&[]));
    }
    typed.example(&[])
}

/// The sign for standard input, which is an argument of its own.
pub fn is_dash(arg: &Arg) -> bool {
    arg.get_value_names().into_iter().flatten().any(|name| name.as_str() == "-")
}

/// What the last of several words means: `user` of `N… USER`.
pub fn last_of_many(shown: &str) -> Option<&'static str> {
    let known = [
        ("<N… USER>", "user"),
        ("<ID> <FOLDER>", "folder"),
        ("<N… TAG>", "tag"),
        ("<N… UNTIL>", "time"),
        ("<FROM… INTO>", "case that remains"),
    ];
    known.into_iter().find(|(names, _)| shown.starts_with(names)).map(|(_, last)| last)
}
