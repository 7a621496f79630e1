//! What is said of a command line that is not understood: one line and at most one hint, in the program's own words
//! (B14.2).
//!
//! clap says what is wrong by a kind and its context; none of its sentences is shown. A test walks every command with an
//! unknown option, a missing and a surplus argument, and a wrong value of each option.

mod hints;
#[cfg(test)]
mod tests;
mod typed;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

use self::typed::{Typed, is_option};
use crate::error::{self, Fault, Kind};
use crate::suggest;
use crate::ui::machine::Refusal;

/// What is wrong with these words, which follow the name of the program.
pub fn refusal(refused: &clap::Error, root: &mut Command, words: &[String]) -> Fault {
    root.build();
    let typed = Typed::of(root, words);
    let found = Found { refused };
    let fault = match refused.kind() {
        ErrorKind::InvalidSubcommand => unknown_command(&typed, &found),
        ErrorKind::UnknownArgument => unknown_argument(&typed, &found),
        ErrorKind::MissingRequiredArgument => missing(&typed, &found),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => missing_verb(&typed),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => wrong_value(&typed, &found),
        ErrorKind::TooFewValues | ErrorKind::TooManyValues | ErrorKind::WrongNumberOfValues => number(&typed, &found),
        ErrorKind::NoEquals => {
            let option = typed.subject(&found.text(ContextKind::InvalidArg));
            usage(format!("{option}: its value follows an equals sign"), format!("write it as {option}=VALUE"))
        }
        ErrorKind::ArgumentConflict => conflict(&typed, &found),
        ErrorKind::InvalidUtf8 => usage("an argument is not UTF-8".to_owned(), typed.see_help()),
        _ => usage("the command line is not understood".to_owned(), typed.see_help()),
    };
    let hint = fault.hint.as_ref().map(|hint| shortened(hint, words));
    Fault { message: shortened(&fault.message, words), hint, ..fault }
}

/// Characters of what was typed that an error repeats of one word.
const REPEATED: usize = 200;

/// An error that repeats the beginning of what was typed: a file that a shell has put into a command line fills the terminal.
fn shortened(message: &str, words: &[String]) -> String {
    let values = words.iter().filter_map(|word| word.split_once('=')).map(|(_, value)| value);
    let long = words.iter().map(String::as_str).chain(values).filter(|word| word.chars().count() > REPEATED);
    long.fold(message.to_owned(), |message, word| {
        let beginning: String = word.chars().take(REPEATED).collect();
        message.replace(word, &format!("{beginning}…"))
    })
}

/// The same for programs: what is wrong, and with which argument, stands in fields of its own.
pub fn for_programs(refused: &clap::Error, fault: &Fault) -> Refusal {
    let argument = Found { refused }.text(ContextKind::InvalidArg);
    // `--limit <N>`, `<NAME>`, `[QUERY]...`
    let word = argument.split(' ').next().unwrap_or_default().trim_end_matches('.');
    let word = word.trim_matches(['<', '>', '[', ']']).to_owned();
    let code = match refused.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => "invalid-value",
        ErrorKind::UnknownArgument => "unknown-argument",
        ErrorKind::InvalidSubcommand => "unknown-command",
        ErrorKind::ArgumentConflict => "conflict",
        ErrorKind::MissingRequiredArgument => "missing-argument",
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => "missing-command",
        _ => Kind::Usage.name(),
    };
    Refusal {
        kind: fault.kind,
        code: code.to_owned(),
        message: fault.message.clone(),
        hints: fault.hint.iter().cloned().collect(),
        argument: Some(word).filter(|word| !word.is_empty()),
    }
}

fn usage(message: String, hint: String) -> Fault {
    Fault::new(Kind::Usage, message).hint(hint)
}

/// What clap tells.
struct Found<'a> {
    refused: &'a clap::Error,
}

impl Found<'_> {
    fn text(&self, kind: ContextKind) -> String {
        self.texts(kind).into_iter().next().unwrap_or_default()
    }

    fn texts(&self, kind: ContextKind) -> Vec<String> {
        match self.refused.get(kind) {
            Some(ContextValue::String(text)) => vec![text.clone()],
            Some(ContextValue::Strings(texts)) => texts.clone(),
            _ => Vec::new(),
        }
    }

    /// What the reader of a value said, in the program's words.
    fn said(&self, value: &str) -> Option<String> {
        let source = std::error::Error::source(self.refused)?;
        if let Some(number) = source.downcast_ref::<std::num::ParseIntError>() {
            return Some(match number.kind() {
                std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => {
                    format!("\"{value}\" is too large a number")
                }
                _ => format!("\"{value}\" is not a whole number"),
            });
        }
        let said = source.to_string();
        let range = said.strip_prefix(&format!("{value} is not in "));
        let Some((least, most)) = range.and_then(|range| range.split_once("..")) else { return Some(said) };
        Some(match most.trim_start_matches('=') {
            // Nobody chose the largest number of a type as a limit.
            "" | "4294967295" | "9223372036854775807" => {
                format!("must be a whole number, {least} or more, not {value}")
            }
            most => format!("must be a whole number from {least} to {most}, not {value}"),
        })
    }
}

fn unknown_command(typed: &Typed<'_>, found: &Found<'_>) -> Fault {
    let word = found.text(ContextKind::InvalidSubcommand);
    let what = if typed.path.len() > 1 { "verb" } else { "command" };
    usage(typed.said(&format!("there is no {what} \"{word}\"")), hints::for_command(typed, &word))
}

fn missing_verb(typed: &Typed<'_>) -> Fault {
    let last = typed.last();
    let verbs = last.into_iter().flat_map(Command::get_subcommands).filter(|sub| !sub.is_hide_set());
    let verbs: Vec<&str> = verbs.map(Command::get_name).filter(|name| *name != "help").collect();
    match typed.path.len() {
        1 => usage("a command is missing".to_owned(), "espomail --help lists the commands".to_owned()),
        _ => usage(typed.said("a verb is missing"), format!("the verbs are {}", verbs.join(", "))),
    }
}

fn unknown_argument(typed: &Typed<'_>, found: &Found<'_>) -> Fault {
    let word = found.text(ContextKind::InvalidArg);
    match word.starts_with('-') && word.len() > 1 {
        true => usage(typed.said(&format!("there is no option {word}")), hints::for_option(typed, &word)),
        false => surplus(typed, &word),
    }
}

fn surplus(typed: &Typed<'_>, word: &str) -> Fault {
    usage(typed.said(&format!("\"{word}\" is one word too many")), hints::for_surplus(typed, word))
}

fn missing(typed: &Typed<'_>, found: &Found<'_>) -> Fault {
    let shown = found.texts(ContextKind::InvalidArg);
    let Some(first) = shown.first() else { return usage(typed.said("an argument is missing"), typed.example(&[])) };
    let choices: Vec<&str> = first.split('|').collect();
    if choices.len() > 1 && choices.iter().any(|one| one.trim_start_matches('<').starts_with("--")) {
        let names = choices.iter().filter_map(|one| one.trim_start_matches('<').split([' ', '>']).next());
        let names = names.collect::<Vec<_>>().join(", ");
        return usage(typed.said(&format!("one of these is missing: {names}")), typed.example(&[]));
    }
    let names: Vec<String> = shown
        .iter()
        .map(|shown| match hints::last_of_many(shown) {
            Some(last) => last.to_owned(),
            None => typed.subject(shown),
        })
        .collect();
    let options: Vec<String> = names.iter().filter(|name| name.starts_with('-')).cloned().collect();
    let names: Vec<String> =
        names.into_iter().map(|name| if name.starts_with('-') { name } else { format!("the {name}") }).collect();
    let verb = if names.len() > 1 { "are" } else { "is" };
    usage(typed.said(&format!("{} {verb} missing", and(&names))), typed.example(&options))
}

fn wrong_value(typed: &Typed<'_>, found: &Found<'_>) -> Fault {
    let shown = found.text(ContextKind::InvalidArg);
    let value = found.text(ContextKind::InvalidValue);
    let arg = typed.argument(&shown);
    if arg.is_some_and(|arg| !is_option(arg) && hints::is_dash(arg)) {
        return surplus(typed, &value);
    }
    let known = found.texts(ContextKind::ValidValue);
    let said = match (found.said(&value), known.as_slice()) {
        (Some(said), _) => said,
        (None, _) if value.is_empty() => return no_value(typed, arg, &shown),
        (None, []) => format!("\"{value}\" is not understood"),
        (None, known) => format!("must be one of {}, not \"{value}\"", known.join(", ")),
    };
    let subject = typed.subject(&shown);
    let (said, next) = error::sentence_and_next(&said);
    let is_number = said.starts_with('"') && said.ends_with("is not a whole number");
    let said = match is_number && !arg.is_some_and(is_option) {
        true => format!("must be a whole number, not \"{value}\""),
        false => said,
    };
    let message = match arg.is_some_and(is_option) {
        true => format!("{subject}: {said}"),
        false if said.starts_with('"') => typed.said(&said),
        false => typed.said(&format!("the {subject} {said}")),
    };
    let known = arg.map(known_values).unwrap_or_default();
    let meant = suggest::similar(&value, known.iter().map(String::as_str)).map(|word| format!("did you mean {word}?"));
    let look = || if arg.is_some_and(is_option) { typed.see_help() } else { typed.example(&[]) };
    usage(message, next.or(meant).unwrap_or_else(look))
}

fn known_values(arg: &Arg) -> Vec<String> {
    arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect()
}

fn no_value(typed: &Typed<'_>, arg: Option<&Arg>, shown: &str) -> Fault {
    let form = arg.filter(|arg| is_option(arg)).map_or_else(|| shown.to_owned(), ToString::to_string);
    let form = form.replace(['<', '>'], "").trim_end_matches("...").to_owned();
    usage(format!("{}: its value is missing", typed.subject(shown)), format!("write it as {form}"))
}

fn number(typed: &Typed<'_>, found: &Found<'_>) -> Fault {
    let shown = found.text(ContextKind::InvalidArg);
    if let Some(last) = hints::last_of_many(&shown) {
        return usage(typed.said(&format!("the {last} is missing")), typed.example(&[]));
    }
    if found.refused.kind() == ErrorKind::TooManyValues {
        return surplus(typed, &found.text(ContextKind::InvalidValue));
    }
    no_value(typed, typed.argument(&shown), &shown)
}

fn conflict(typed: &Typed<'_>, found: &Found<'_>) -> Fault {
    let one = typed.subject(&found.text(ContextKind::InvalidArg));
    let others: Vec<String> = found
        .texts(ContextKind::PriorArg)
        .iter()
        .map(|shown| typed.subject(shown))
        .filter(|other| *other != one)
        .collect();
    if others.is_empty() {
        return usage(typed.said(&format!("{one} can be given only once")), typed.see_help());
    }
    let all: Vec<String> = std::iter::once(one).chain(others).map(|name| in_words(&name)).collect();
    usage(typed.said(&format!("{} cannot be together", and(&all))), typed.see_help())
}

/// `- reads the text from standard input` is called by its sign.
fn in_words(name: &str) -> String {
    match name {
        name if name.starts_with("--") => name.to_owned(),
        name if name.starts_with('-') => "-".to_owned(),
        name => format!("the {name}"),
    }
}

fn and(names: &[String]) -> String {
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    }
}
