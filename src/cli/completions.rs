//! `espomail completions`: scripts for shells, and what those scripts ask: the words that can stand where the cursor is.

mod line;
mod names;
mod place;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, CommandFactory, ValueEnum};

use self::line::Line;
use self::place::{Offer, Place, Wanted};
use super::Cli;
use super::context::Context;
use crate::ui::{output, safe};

/// A shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// `completions`
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Shell
    #[arg(value_enum)]
    shell: Shell,
    /// Words for the line up to the cursor, which the scripts ask; bash also says its current word and why it asks
    #[arg(long, hide = true, value_name = "LINE", num_args = 1..=3, allow_hyphen_values = true)]
    asked: Vec<String>,
}

/// Maximum number of words that are offered.
const MOST: usize = 500;
/// Why bash asks where it shows the words in a list: the ASCII codes of `?`, `!` and `@`.
const LISTED: [&str; 3] = ["63", "33", "64"];
/// Maximum width of what stands after a word.
const WIDTH: usize = 60;

impl CompletionsArgs {
    /// Whether a script asks, which gets no errors.
    pub fn is_asked(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Whether the answer is in the database.
    pub fn wants_names(&self) -> bool {
        self.asked.first().is_some_and(|line| matches!(place_in(&line::read(line)).wanted, Wanted::Names(_)))
    }

    /// The value of an option of every command in the line that is being typed.
    pub fn typed(&self, option: &str) -> Option<String> {
        let line = line::read(self.asked.first()?);
        let joined = format!("{option}=");
        let pairs = line.words.iter().zip(line.words.iter().skip(1));
        let apart = pairs.filter(|(word, _)| *word == option).map(|(_, value)| value.clone()).next();
        apart.or_else(|| line.words.iter().find_map(|word| word.strip_prefix(&joined).map(str::to_owned)))
    }

    pub fn typed_path(&self, option: &str) -> Option<PathBuf> {
        self.typed(option).map(PathBuf::from)
    }
}

fn place_in(line: &Line) -> Place {
    let mut root = Cli::command();
    root.build();
    place::find(&root, &line.words, &line.current)
}

/// Runs `completions`.
pub fn run(args: &CompletionsArgs, ctx: &Context) -> Result<()> {
    let Some(text) = args.asked.first() else {
        let script = match args.shell {
            Shell::Bash => include_str!("../../contrib/completions/espomail.bash"),
            Shell::Zsh => include_str!("../../contrib/completions/_espomail"),
            Shell::Fish => include_str!("../../contrib/completions/espomail.fish"),
        };
        return output::print(script.as_bytes());
    };
    let line = line::read(text);
    let Place { before, wanted } = place_in(&line);
    let offers = match wanted {
        Wanted::Files => return output::print(b"files\n"),
        Wanted::Directories => return output::print(b"dirs\n"),
        Wanted::Words(offers) => offers,
        Wanted::Names(names) => names::find(names, ctx)?,
    };
    let typed = line.current.get(before.len()..).unwrap_or_default().to_lowercase();
    let mut offers: Vec<Offer> =
        offers.into_iter().filter(|offer| offer.word.to_lowercase().starts_with(&typed)).take(MOST).collect();
    offers.dedup();
    output::print(answer(args, &line, &before, &offers).as_bytes())
}

/// What the script reads: how the words end, and the words.
fn answer(args: &CompletionsArgs, line: &Line, before: &str, offers: &[Offer]) -> String {
    let goes_on = !offers.is_empty() && offers.iter().all(|offer| offer.word.ends_with([':', '/', '=']));
    let mut lines = vec![if goes_on { "nospace" } else { "words" }.to_owned()];
    let is_listed = offers.len() > 1 && args.asked.get(2).is_some_and(|reason| LISTED.contains(&reason.as_str()));
    for Offer { word, about } in offers {
        let about: String = safe::line(about).replace('\t', " ").chars().take(WIDTH).collect();
        lines.push(match args.shell {
            Shell::Bash => {
                let word = in_bash(args, line, &format!("{before}{word}"));
                if is_listed && !about.is_empty() { format!("{word}  ({about})") } else { word }
            }
            // It takes off what stands before an equals sign.
            Shell::Zsh => match before.strip_prefix("--").and_then(|rest| rest.split_once('=')) {
                Some((_, rest)) => format!("{rest}{word}\t{about}"),
                None => format!("{before}{word}\t{about}"),
            },
            Shell::Fish => format!("{before}{word}\t{about}"),
        });
    }
    lines.join("\n") + "\n"
}

/// bash breaks words at colons and equals signs, and puts in what it gets as it is.
fn in_bash(args: &CompletionsArgs, line: &Line, word: &str) -> String {
    let broken = args.asked.get(1).map_or("", String::as_str);
    let broken_off = line.current.strip_suffix(broken).filter(|_| !line.is_quoted).map_or(0, str::len);
    let rest = word.get(broken_off..).unwrap_or(word);
    if line.is_quoted { rest.to_owned() } else { line::escaped(rest) }
}
