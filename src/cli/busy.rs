//! Who keeps others waiting, in words.

use std::time::Duration;

use anyhow::Error;
use clap::CommandFactory as _;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Cli, command_words};
use crate::error::{Fault, Kind};
use crate::holder::{self, Holder};
use crate::lock;
use crate::place::Place;
use crate::store::db::Busy;
use crate::ui::output::Ui;

/// A process that will not go on by itself, and what it keeps from others.
#[derive(Debug)]
pub struct Stuck {
    holder: Holder,
    /// The database, or locks by name.
    holds: Vec<String>,
}

impl Stuck {
    /// With the next step; `name_of` is the account of a lock, where it may be named.
    pub fn told(&self, name_of: &dyn Fn(&str) -> Option<String>) -> String {
        let what = |held: &String| match name_of(held) {
            Some(name) => format!("account {name}"),
            None if matches!(held.as_str(), DATABASE | "outbox") => format!("the {held}"),
            None => ACCOUNT_OF_OTHERS.to_owned(),
        };
        let mut held: Vec<String> = self.holds.iter().map(what).collect();
        held.dedup();
        let held = held.join(" and ");
        format!("{} holds {held}: {}", told(&self.holder), self.holder.hint())
    }
}

/// What an account is called before who does not know of it.
pub const ACCOUNT_OF_OTHERS: &str = "an account of others";

/// What [`held`] calls the database itself.
const DATABASE: &str = "database";

/// The database where somebody is writing its file, and the locks that are held, by name.
pub fn held(place: &Place) -> Vec<(String, Holder)> {
    let writer = place.file().and_then(holder::of_database).map(|holder| (DATABASE.to_owned(), holder));
    writer.into_iter().chain(lock::held(place)).collect()
}

/// The processes that will not let go of it by themselves.
pub fn stuck(place: &Place) -> Vec<Stuck> {
    grouped(held(place).into_iter().filter(|(_, holder)| holder.is_stuck()))
}

fn grouped(held: impl Iterator<Item = (String, Holder)>) -> Vec<Stuck> {
    let mut all: Vec<Stuck> = Vec::new();
    for (name, holder) in held {
        match all.iter_mut().find(|one| one.holder.pid == holder.pid) {
            Some(one) => one.holds.push(name),
            None => all.push(Stuck { holder, holds: vec![name] }),
        }
    }
    all
}

/// A process, with the command that it runs.
pub fn told(holder: &Holder) -> String {
    let time = |at: jiff::Timestamp| at.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    holder.told(&words, &time)
}

/// Noun and verb of a command line of this program. What else stands there may be what only its user may know.
fn words(args: &[String]) -> Option<String> {
    let matches = Cli::command().try_get_matches_from(args).ok()?;
    Some(command_words::of(&matches)).filter(|words| !words.is_empty())
}

/// The error that a command ends with, where it is that the database is busy: with the holder and its command.
pub fn in_words(error: Error) -> Error {
    let Some(busy) = error.chain().find_map(|cause| cause.downcast_ref::<Busy>()) else { return error };
    Fault::new(Kind::TempFail, busy.told(told)).hint(busy.hint()).into()
}

/// Whether the holder of a lock does not go on, or is older than any run may be.
pub fn is_late(holder: &Holder, max_runtime: Duration) -> bool {
    let age = holder.since.map(|since| Timestamp::now().duration_since(since)).unwrap_or_default();
    holder.is_stuck() || age > SignedDuration::try_from(max_runtime).unwrap_or(SignedDuration::MAX)
}

/// Says what somebody who watches has to know: an account that another machine fetches was not fetched here.
pub fn aside(ui: &Ui, is_watched: bool, line: &str) {
    match is_watched {
        true => ui.note(line),
        false => ui.verbose(1, line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holder::State;

    #[test]
    fn a_process_that_is_stopped_is_told_once_with_all_that_it_holds() {
        let holder = |pid, state| Holder { pid, host: None, state, since: None, args: Vec::new(), terminal: None };
        let held = [
            ("database", holder(4711, State::Stopped)),
            ("account-1", holder(4711, State::Stopped)),
            ("account-2", holder(4712, State::Traced)),
            ("outbox", holder(4711, State::Stopped)),
        ];
        let name_of = |lock: &str| (lock == "account-1").then(|| "support".to_owned());
        let said: Vec<String> = grouped(held.map(|(name, holder)| (name.to_owned(), holder)).into_iter())
            .iter()
            .map(|one| one.told(&name_of))
            .collect();
        assert_eq!(
            said,
            [
                "process 4711 (stopped) holds the database and account support and the outbox: let it go on: kill -CONT 4711, or fg in its terminal; end it: kill -KILL 4711",
                "process 4712 (stopped by a debugger) holds an account of others: a debugger holds it; end it: kill -KILL 4712",
            ]
        );
    }

    #[test]
    fn a_command_line_is_told_by_noun_and_verb_alone() {
        for (line, expected) in [
            ("espomail case note 12 -m secret", Some("case note")),
            ("/usr/local/bin/espomail --db /x/y.db --as ana fetch hidden-account", Some("fetch")),
            ("espomail --front 1 case reply 4 -F x", Some("case reply")),
            ("espomail --afar edits email edit 4", Some("email edit")),
            ("espomail db check", Some("db check")),
            ("espomail", None),
            ("sqlite3 espomail.db", None),
            ("espomail secret words", None),
        ] {
            let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(words(&args).as_deref(), expected, "{line}");
        }
        assert_eq!(words(&[]), None);
    }
}
