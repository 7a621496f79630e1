//! Labels on the command line: help, completion and errors list what the enum has.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, TypedValueParser, ValueParserFactory};

use crate::store::accounts::{AccountKind, Auth, AutoMail, Distribution, DmarcNone, Share, StaffForward, Tls};
use crate::store::cases::{CaseSort, CaseStatus, Priority};
use crate::store::label::{Label, UnknownLabel};
use crate::store::notifications::ByEmail;
use crate::store::users::UserType;

/// Reads one of the labels that are offered, in any case.
#[derive(Debug, Clone)]
pub struct Labels<L: Label> {
    offered: &'static [L],
    /// Further words, each with the label that it means.
    also: &'static [(&'static str, &'static str)],
}

impl<L: Label> Labels<L> {
    /// Some labels of an enum.
    pub fn of(offered: &'static [L]) -> Labels<L> {
        Labels { offered, also: &[] }
    }

    /// Understands further words, which are not listed.
    pub fn also(self, also: &'static [(&'static str, &'static str)]) -> Labels<L> {
        Labels { also, ..self }
    }

    /// # Errors
    /// None of them.
    pub fn read(&self, text: &str) -> Result<L, UnknownLabel> {
        let meant = self.also.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map_or(text, |(_, label)| label);
        let found = self.offered.iter().copied().find(|label| label.text().eq_ignore_ascii_case(meant));
        found.ok_or_else(|| UnknownLabel::among(self.offered, text))
    }
}

impl<L: Label + Send + Sync> TypedValueParser for Labels<L> {
    type Value = L;

    fn parse_ref(&self, command: &clap::Command, arg: Option<&clap::Arg>, value: &OsStr) -> Result<L, clap::Error> {
        let labels = self.clone();
        let read = move |text: &str| labels.read(text);
        read.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.offered.iter().map(|label| PossibleValue::new(label.text()))))
    }
}

/// Reads a label, or nothing, which takes the setting away.
#[derive(Debug, Clone)]
pub struct OrEmpty<L: Label>(Labels<L>);

/// A label of an enum, or nothing.
pub fn or_empty<L: Label>() -> OrEmpty<L> {
    OrEmpty(Labels::of(L::VALUES))
}

impl<L: Label + Send + Sync> TypedValueParser for OrEmpty<L> {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        match value.is_empty() {
            true => Ok(String::new()),
            false => self.0.parse_ref(command, arg, value).map(|label| label.text().to_owned()),
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        self.0.possible_values()
    }
}

macro_rules! offered {
    ($($name:ty),+ $(,)?) => { $(
        impl ValueParserFactory for $name {
            type Parser = Labels<$name>;

            fn value_parser() -> Labels<$name> {
                Labels::of(<$name>::ALL)
            }
        }
    )+ };
}

offered!(
    AccountKind,
    Auth,
    AutoMail,
    ByEmail,
    CaseSort,
    CaseStatus,
    Distribution,
    DmarcNone,
    Priority,
    Share,
    StaffForward,
    Tls,
    UserType,
);
