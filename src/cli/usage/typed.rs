//! How far a command line is understood, and what its arguments are called.

use clap::{Arg, Command};

/// The command as far as it is typed.
pub struct Typed<'a> {
    /// From the program to the last command that there is.
    pub path: Vec<&'a Command>,
    pub words: &'a [String],
}

impl<'a> Typed<'a> {
    pub fn of(root: &'a Command, words: &'a [String]) -> Typed<'a> {
        Typed { path: path(root, words), words }
    }

    pub fn last(&self) -> Option<&'a Command> {
        self.path.last().copied()
    }

    /// Without the name of the program.
    pub fn name(&self) -> String {
        self.path.iter().skip(1).map(|command| command.get_name()).collect::<Vec<_>>().join(" ")
    }

    pub fn full(&self) -> String {
        self.path.iter().map(|command| command.get_name()).collect::<Vec<_>>().join(" ")
    }

    /// The command and what is wrong.
    pub fn said(&self, what: &str) -> String {
        match self.name().as_str() {
            "" => what.to_owned(),
            name => format!("{name}: {what}"),
        }
    }

    pub fn arguments(&self) -> impl Iterator<Item = &'a Arg> {
        self.last().into_iter().flat_map(Command::get_arguments)
    }

    /// The argument that clap shows so.
    pub fn argument(&self, shown: &str) -> Option<&'a Arg> {
        let first = shown.split([' ', '=']).next().unwrap_or_default().trim_end_matches('.');
        // `[N]...` is `<N>...` where something else may stand for it.
        let bare = |shown: &str| shown.replace(['[', ']', '<', '>'], "");
        let by_name = |arg: &&Arg| bare(&arg.to_string()) == bare(shown);
        let by_option = |arg: &&Arg| {
            arg.get_long().is_some_and(|long| first == format!("--{long}"))
                || arg.get_short().is_some_and(|short| first == format!("-{short}"))
        };
        self.arguments().find(by_name).or_else(|| self.arguments().find(by_option))
    }

    /// An option as it is typed; of another argument what it is: `case number`.
    pub fn subject(&self, shown: &str) -> String {
        match self.argument(shown) {
            Some(arg) => subject(arg),
            None => shown.split(' ').next().unwrap_or_default().trim_matches(['<', '>', '[', ']', '.']).to_owned(),
        }
    }

    pub fn see_help(&self) -> String {
        format!("see {} --help", self.full())
    }

    /// The first example of the command that fits into a line; one with these options where there is one.
    pub fn example(&self, options: &[String]) -> String {
        let help = self.last().and_then(Command::get_before_help).map(ToString::to_string).unwrap_or_default();
        let examples = help.lines().filter_map(|line| line.trim().strip_prefix("$ "));
        let has_all = |example: &&str| options.iter().all(|option| example.split(' ').any(|word| word == option));
        if let Some(example) = examples.clone().find(has_all).filter(|_| !options.is_empty()) {
            return format!("for example: {example}");
        }
        // Some show everything that an account can have.
        let short =
            examples.clone().find(|example| example.len() < 120).or_else(|| examples.min_by_key(|one| one.len()));
        short.map_or_else(|| self.see_help(), |example| format!("for example: {example}"))
    }
}

/// The commands that these words name, as far as there are such.
fn path<'a>(root: &'a Command, words: &[String]) -> Vec<&'a Command> {
    let (mut path, mut last) = (vec![root], root);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--" || !last.has_subcommands() {
            break;
        }
        if word.len() > 1 && word.starts_with('-') {
            if is_followed_by_value(last, word) {
                words.next();
            }
            continue;
        }
        let Some(found) = last.find_subcommand(word) else { break };
        path.push(found);
        last = found;
    }
    path
}

/// Whether the next word is the value of this option.
fn is_followed_by_value(command: &Command, option: &str) -> bool {
    let arg = match option.strip_prefix("--") {
        Some(long) => command.get_arguments().find(|arg| arg.get_long() == Some(long)),
        None => command.get_arguments().find(|arg| arg.get_short().is_some_and(|short| option.ends_with(short))),
    };
    arg.is_some_and(|arg| arg.get_action().takes_values() && !arg.is_require_equals_set())
}

/// An option as it is typed; of another argument what its help calls it.
pub fn subject(arg: &Arg) -> String {
    match arg.get_long() {
        Some(long) => format!("--{long}"),
        None => phrase(arg),
    }
}

/// What an argument is called: `case number` of "Case number", `email id` of "Email ids, then a folder".
pub fn phrase(arg: &Arg) -> String {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let help = help.split([',', ';', ':', '(']).next().unwrap_or_default().trim();
    // One of them is missing or wrong.
    let help = ["ids", "numbers", "files", "tags"]
        .iter()
        .find(|many| help.ends_with(*many))
        .map_or(help, |_| help.strip_suffix('s').unwrap_or(help));
    if !help.starts_with(char::is_uppercase) {
        // It lists values, or explains a sign.
        let names = arg.get_value_names().into_iter().flatten();
        let name = names.map(|name| name.to_lowercase()).next().unwrap_or_default();
        return if name.starts_with("type") { "record".to_owned() } else { name };
    }
    let mut letters = help.chars();
    let first = letters.next().map(char::to_lowercase).into_iter().flatten();
    // CSV and the like stay as they are.
    let is_word = help.chars().nth(1).is_none_or(char::is_lowercase);
    if is_word { first.chain(letters).collect() } else { help.to_owned() }
}

pub fn is_option(arg: &Arg) -> bool {
    !arg.is_positional()
}
