//! Who keeps others waiting, in words.

use anyhow::Error;
use clap::CommandFactory as _;
use jiff::tz::TimeZone;

use super::{Cli, run};
use crate::error::{Fault, Kind};
use crate::holder::Holder;
use crate::store::db::Busy;

/// A process, with the command that it runs.
pub fn told(holder: &Holder) -> String {
    let time = |at: jiff::Timestamp| at.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    holder.told(&words, &time)
}

/// Noun and verb of a command line of this program. What else stands there may be what only its user may know.
fn words(args: &[String]) -> Option<String> {
    let matches = Cli::command().try_get_matches_from(args).ok()?;
    Some(run::words(&matches)).filter(|words| !words.is_empty())
}

/// The error that a command ends with, where it is that the database is busy: with the holder and its command.
pub fn in_words(error: Error) -> Error {
    let Some(busy) = error.chain().find_map(|cause| cause.downcast_ref::<Busy>()) else { return error };
    Fault::new(Kind::TempFail, busy.told(told)).hint(busy.hint()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_told_by_noun_and_verb_alone() {
        for (line, expected) in [
            ("espomail case note 12 -m secret", Some("case note")),
            ("/usr/local/bin/espomail --db /x/y.db --as ana fetch hidden-account", Some("fetch")),
            ("espomail --front 1 case reply 4 -F x", Some("case reply")),
            ("espomail --edits-afar email edit 4", Some("email edit")),
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
