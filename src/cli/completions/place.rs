//! What can stand where the cursor is: commands, options, or a value of an argument. Pure: reads the grammar alone.

use clap::{Arg, Command, ValueHint};

use crate::query::Field;
use crate::store::cases::{CaseStatus, Priority};
use crate::store::label::Label as _;
use crate::store::permissions::Permission;
use crate::store::search::CaseState;

/// Something that can be typed, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub word: String,
    pub about: String,
}

impl Offer {
    pub fn new(word: impl Into<String>, about: impl Into<String>) -> Offer {
        Offer { word: word.into(), about: about.into() }
    }
}

/// Names that the database has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    Accounts,
    Users,
    Teams,
    Roles,
    Templates,
    Filters,
    Folders,
    /// Saved searches.
    Searches,
    /// Open cases, with their subjects.
    Cases,
    /// Tags of cases.
    Tags,
    /// Open cases and tags.
    CasesAndTags,
    /// Users, and teams as `team:NAME`.
    Holders,
    /// Open cases and users.
    CasesAndUsers,
}

/// What is wanted.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    Words(Vec<Offer>),
    Names(Names),
    Files,
    Directories,
}

/// Where the cursor is: what is wanted there, and the part of the word that stands before it.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    pub before: String,
    pub wanted: Wanted,
}

/// The place after these words, in the middle of `current`.
pub fn find(root: &Command, words: &[String], current: &str) -> Place {
    let mut walk = Walk { command: root, noun: "", position: 1, is_escaped: false, option: None };
    words.iter().for_each(|word| walk.step(word));
    walk.place(current)
}

struct Walk<'a> {
    command: &'a Command,
    noun: &'a str,
    /// Index of the next argument that has no name.
    position: usize,
    is_escaped: bool,
    /// The option whose value comes next, and how many came already.
    option: Option<(&'a Arg, usize)>,
}

impl<'a> Walk<'a> {
    fn step(&mut self, word: &str) {
        if let Some((option, before)) = self.option.take() {
            let wanted = option.get_num_args().map_or(1, |range| range.min_values());
            self.option = Some((option, before + 1)).filter(|(_, before)| *before < wanted);
            return;
        }
        if !self.is_escaped && word.len() > 1 && word.starts_with('-') {
            self.is_escaped = word == "--";
            self.option = self.option_before_value(word).map(|option| (option, 0));
            return;
        }
        if let Some(found) = self.command.find_subcommand(word).filter(|_| !self.is_escaped) {
            if self.noun.is_empty() {
                self.noun = found.get_name();
            }
            (self.command, self.position) = (found, 1);
            return;
        }
        let is_many = |arg: &Arg| arg.get_num_args().is_some_and(|range| range.max_values() > 1);
        self.position += usize::from(!self.positional().is_some_and(is_many));
    }

    /// An option that takes the next word as its value.
    fn option_before_value(&self, word: &str) -> Option<&'a Arg> {
        let takes = |arg: &&Arg| arg.get_action().takes_values() && !arg.is_require_equals_set();
        match word.strip_prefix("--") {
            Some(long) => self.long(long).filter(takes),
            None => {
                let last = word.chars().next_back()?;
                self.command.get_arguments().find(|arg| arg.get_short() == Some(last)).filter(takes)
            }
        }
    }

    fn long(&self, name: &str) -> Option<&'a Arg> {
        self.command.get_arguments().find(|arg| arg.get_long() == Some(name))
    }

    fn positional(&self) -> Option<&'a Arg> {
        let visible = self.command.get_positionals().filter(|arg| !arg.is_hide_set());
        visible.into_iter().find(|arg| arg.get_index() == Some(self.position))
    }

    fn place(&self, current: &str) -> Place {
        let alone = |wanted| Place { before: String::new(), wanted };
        if let Some((option, at)) = self.option {
            return self.value((option, at), current, String::new());
        }
        if !self.is_escaped && current.starts_with('-') {
            return match current.strip_prefix("--").and_then(|rest| rest.split_once('=')) {
                Some((name, value)) => match self.long(name) {
                    Some(arg) => self.value((arg, 0), value, format!("--{name}=")),
                    None => alone(Wanted::Words(Vec::new())),
                },
                None => alone(Wanted::Words(self.options())),
            };
        }
        if self.command.has_subcommands() {
            return alone(Wanted::Words(commands(self.command)));
        }
        match self.positional() {
            Some(arg) => self.value((arg, 0), current, String::new()),
            None if current.is_empty() => alone(Wanted::Words(self.options())),
            None => alone(Wanted::Words(Vec::new())),
        }
    }

    /// Options of the command; those of every command only where they are asked for, as they follow the others.
    fn options(&self) -> Vec<Offer> {
        let visible = |arg: &&Arg| !arg.is_hide_set();
        let (everywhere, own): (Vec<&Arg>, Vec<&Arg>) =
            self.command.get_arguments().filter(visible).partition(|arg| arg.is_global_set());
        let all = own.into_iter().chain(everywhere);
        all.filter_map(|arg| Some(Offer::new(format!("--{}", arg.get_long()?), help(arg)))).collect()
    }

    /// A value of an argument; of one that takes several the one after `at` others.
    fn value(&self, (arg, at): (&Arg, usize), typed: &str, before: String) -> Place {
        let known = arg.get_possible_values();
        let of_several = arg.get_value_names().filter(|names| names.len() > 1).and_then(|names| names.get(at));
        let is = |name: &str| match of_several {
            Some(one) => one.as_str() == name,
            None => arg.get_value_names().into_iter().flatten().any(|known| known.as_str() == name),
        };
        if is("FORMAT") && known.is_empty() {
            let formats = ["mbox", "eml", "maildir", "json"].map(|format| Offer::new(format, ""));
            return Place { before, wanted: Wanted::Words(formats.to_vec()) };
        }
        if is("QUERY") {
            return self.query(typed, before);
        }
        if !known.is_empty() && !is("-") {
            let visible = known.iter().filter(|value| !value.is_hide_set());
            let offer = |value: &clap::builder::PossibleValue| {
                Offer::new(value.get_name(), value.get_help().map(ToString::to_string).unwrap_or_default())
            };
            return Place { before, wanted: Wanted::Words(visible.map(offer).collect()) };
        }
        let names_some = |word: &str| {
            let mut names = arg.get_value_names().into_iter().flatten().flat_map(|name| name.split('|'));
            names.any(|name| name.starts_with(word))
        };
        let wanted = match arg.get_value_hint() {
            ValueHint::DirPath => Wanted::Directories,
            _ if names_some("FILE") || names_some("PATH") => Wanted::Files,
            _ => match names(self.noun, arg) {
                Some(names) => Wanted::Names(names),
                None => Wanted::Words(words_of(arg)),
            },
        };
        Place { before, wanted }
    }

    /// The last condition of a query, which may be one of several in quotation marks.
    fn query(&self, typed: &str, before: String) -> Place {
        let (others, last) = typed
            .rsplit_once([' ', '('])
            .map_or(("", typed), |(others, last)| (typed.get(..others.len() + 1).unwrap_or_default(), last));
        let before = format!("{before}{others}");
        if last.starts_with('@') {
            return Place { before: before + "@", wanted: Wanted::Names(Names::Searches) };
        }
        let Some((name, _)) = last.split_once(':') else {
            return Place { before, wanted: Wanted::Words(conditions(self.noun)) };
        };
        let before = format!("{before}{name}:");
        let labels = |labels: Vec<&str>| Wanted::Words(labels.into_iter().map(|label| Offer::new(label, "")).collect());
        let wanted = match name {
            "assignee" => Wanted::Names(Names::Users),
            "team" => Wanted::Names(Names::Teams),
            "tag" => Wanted::Names(Names::Tags),
            "account" => Wanted::Names(Names::Accounts),
            "folder" => Wanted::Names(Names::Folders),
            "case" => Wanted::Names(Names::Cases),
            "has" => labels(vec!["attachment"]),
            "priority" => labels(Priority::VALUES.iter().map(|one| one.text()).collect()),
            "status" if self.noun == "case" => labels(CaseStatus::VALUES.iter().map(|one| one.text()).collect()),
            "is" => labels(states(self.noun)),
            _ => Wanted::Words(Vec::new()),
        };
        Place { before, wanted }
    }
}

fn states(noun: &str) -> Vec<&'static str> {
    match noun {
        "case" => CaseState::VALUES.iter().map(|state| state.text()).collect(),
        _ => vec!["unread", "unverified"],
    }
}

fn conditions(noun: &str) -> Vec<Offer> {
    let fields = match noun {
        "case" => Field::CASES,
        "email" => Field::EMAILS,
        _ => Field::OUTBOX,
    };
    fields.iter().map(|field| Offer::new(format!("{}:", field.name()), "")).collect()
}

fn commands(command: &Command) -> Vec<Offer> {
    let visible = command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help");
    let about = |sub: &Command| sub.get_about().map(ToString::to_string).unwrap_or_default();
    let mut all: Vec<Offer> = visible.map(|sub| Offer::new(sub.get_name(), about(sub))).collect();
    all.extend(
        command
            .find_subcommand("help")
            .filter(|help| help.has_subcommands() || help.get_positionals().next().is_some())
            .map(|help| Offer::new("help", about(help))),
    );
    all
}

fn help(arg: &Arg) -> String {
    arg.get_help().map(ToString::to_string).unwrap_or_default()
}

/// The names that an argument takes, by what it is called.
fn names(noun: &str, arg: &Arg) -> Option<Names> {
    let value = arg.get_value_names().into_iter().flatten().next().map_or("", |name| name.as_str());
    let id = arg.get_id().as_str();
    let is_case = || help(arg).to_lowercase().starts_with("case");
    Some(match (value, id) {
        ("N… USER", _) => Names::CasesAndUsers,
        ("N… TAG", _) => Names::CasesAndTags,
        ("TAG", _) => Names::Tags,
        ("USER|team:TEAM", _) => Names::Holders,
        ("USER", _) | (_, "user" | "username") => Names::Users,
        (_, "old") if noun == "user" => Names::Users,
        ("ACCOUNT", _) | (_, "account" | "accounts") => Names::Accounts,
        ("TEAM", _) | (_, "team" | "teams") => Names::Teams,
        ("TEMPLATE", _) | (_, "template") => Names::Templates,
        ("ROLE", _) | (_, "role") => Names::Roles,
        ("FOLDER", _) | (_, "folder") if id != "store_sent" && noun != "account" => Names::Folders,
        (_, "filter" | "name" | "names" | "before") if noun == "filter" => Names::Filters,
        ("NAME" | "OLD", "name" | "old") if noun == "search" => Names::Searches,
        ("FROM… INTO", _) => Names::Cases,
        (value, _) if (value == "N" || value.starts_with("N…")) && is_case() => Names::Cases,
        _ => return None,
    })
}

/// Words that an argument takes beside others.
fn words_of(arg: &Arg) -> Vec<Offer> {
    let value = arg.get_value_names().into_iter().flatten().next().map_or("", |name| name.as_str());
    let all = |words: &[&str]| words.iter().map(|word| Offer::new(*word, "")).collect();
    match value {
        "PERMISSION" => Permission::ALL.iter().map(|one| Offer::new(one.as_str(), "")).collect(),
        "TYPE/ID" => all(&["case/", "company/", "contact/", "lead/", "opportunity/"]),
        "TYPE[/ID]" => all(&["company", "contact", "lead", "email/"]),
        "SCOPE" => all(&["global", "account:", "user:@me"]),
        "yes|no" => all(&["yes", "no"]),
        "user|group|ADDRESS" => all(&["user", "group"]),
        "SPEC" => all(&["stdin", "file:", "cmd:", "env:", "cred:"]),
        "TOPIC" => crate::cli::man::topics().into_iter().map(|topic| Offer::new(topic, "")).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    fn at(line: &str) -> Place {
        let mut root = Cli::command();
        root.build();
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let current = words.pop().unwrap();
        find(&root, &words, &current)
    }

    fn words(line: &str) -> Vec<String> {
        match at(line).wanted {
            Wanted::Words(offers) => offers.into_iter().map(|offer| offer.word).collect(),
            wanted => vec![format!("{wanted:?}")],
        }
    }

    #[test]
    fn names_are_wanted_where_arguments_take_them() {
        for (line, expected) in [
            ("account show ", Names::Accounts),
            ("account show s", Names::Accounts),
            ("fetch support ", Names::Accounts),
            ("--as ", Names::Users),
            ("--as=", Names::Users),
            ("case list --assignee ", Names::Users),
            ("case list --team ", Names::Teams),
            ("case list --account ", Names::Accounts),
            ("case list assignee:", Names::Users),
            ("case list is:open team:", Names::Teams),
            ("case show ", Names::Cases),
            ("--db x --json case show ", Names::Cases),
            ("case reply ", Names::Cases),
            ("case take 1 ", Names::Cases),
            ("case merge 1 ", Names::Cases),
            ("case assign ", Names::CasesAndUsers),
            ("case assign 1 ", Names::CasesAndUsers),
            ("case reply 1 --template ", Names::Templates),
            ("case next --team ", Names::Teams),
            ("export case ", Names::Cases),
            ("user edit ", Names::Users),
            ("user rename ", Names::Users),
            ("team member add Support ", Names::Users),
            ("team member add ", Names::Teams),
            ("role assign ", Names::Roles),
            ("role assign Agent ", Names::Holders),
            ("role explain ", Names::Users),
            ("filter show ", Names::Filters),
            ("template edit ", Names::Templates),
            ("folder delete ", Names::Folders),
            ("case list is:open @", Names::Searches),
            ("email list @", Names::Searches),
            ("search show ", Names::Searches),
            ("search rename ", Names::Searches),
            ("search delete ", Names::Searches),
            ("case list tag:", Names::Tags),
            ("email list is:unread tag:v", Names::Tags),
            ("case list --tag ", Names::Tags),
            ("case tag ", Names::CasesAndTags),
            ("case tag 1 ", Names::CasesAndTags),
            ("case untag 1 vip ", Names::CasesAndTags),
            ("email list --folder ", Names::Folders),
            ("email send --account ", Names::Accounts),
            ("account add x --case-team ", Names::Teams),
            ("account add x --auto-reply ", Names::Templates),
            ("account edit support --assign-to ", Names::Users),
        ] {
            assert_eq!(at(line).wanted, Wanted::Names(expected), "{line}");
        }
    }

    #[test]
    fn words_are_offered_where_only_they_can_stand() {
        for (line, some) in [
            ("", "case"),
            ("ca", "case"),
            ("case ", "reply"),
            ("cases ", "reply"),
            ("case list -", "--assignee"),
            ("case list --", "--json"),
            ("case list --priority ", "High"),
            ("case list --priority=", "High"),
            ("case list ", "assignee:"),
            ("case list is:", "undelivered"),
            ("case list status:", "Pending"),
            ("email list is:", "unread"),
            ("--color ", "never"),
            ("record list ", "contact"),
            ("role explain ana ", "case-edit"),
            ("completions ", "zsh"),
            ("export case 1 --to ", "mbox"),
            ("man ", "query"),
            ("team member ", "remove"),
            ("status ", "--json"),
        ] {
            assert!(words(line).iter().any(|word| word == some), "{line}: {:?}", words(line));
        }
    }

    #[test]
    fn nothing_hidden_and_nothing_wrong_is_offered() {
        for line in ["-", "case list --", "completions --"] {
            let hidden = |word: &String| word == "--front" || word == "--edits-afar";
            assert!(!words(line).iter().any(hidden), "{line}");
        }
        for line in ["case ", "case reply 1 ", "account show ", "record list "] {
            assert!(!words(line).iter().any(|word| word == "-"), "{line}");
        }
        for (line, wanted) in [
            ("case note 1 -F ", Wanted::Files),
            ("account add x --ca=", Wanted::Files),
            ("export case 1 --to mbox ", Wanted::Files),
            ("email attachment save 1 --dir ", Wanted::Directories),
            ("case note 1 -m ", Wanted::Words(Vec::new())),
            ("case show 1 x", Wanted::Words(Vec::new())),
            ("nosuch ", Wanted::Words(commands(&Cli::command()))),
        ] {
            assert_eq!(at(line).wanted, wanted, "{line}");
        }
        assert_eq!(at("case list 'is:open").before, "'is:");
        assert_eq!(at("case list --team=Su").before, "--team=");
    }
}
