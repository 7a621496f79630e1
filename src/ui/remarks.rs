//! What is said besides results, on standard error: notes, hints, warnings and the error a command ends with. Programs get
//! each as a JSON object on a line of its own.

use serde_json::json;

use super::channel::say;
use super::journal::Priority::{self, Error, Info, Warning};
use super::machine::{self, Refusal, escaped};
use super::output::Ui;
use super::safe;
use crate::error::{self, Ended, Fault};
use crate::system_words;

impl Ui {
    /// Something worth knowing, on standard error; not with `-q`.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.remark(Info, "note", text, &safe::block(text));
        }
    }

    /// The same, also with `-q`: what a script has to know, too.
    pub fn caution(&self, text: &str) {
        self.remark(Info, "note", text, &safe::block(text));
    }

    /// The next step, on standard error; not with `-q`.
    pub fn hint(&self, text: &str) {
        if !self.quiet {
            self.remark(Info, "hint", text, &self.fitted(&format!("hint: {}", safe::line(text))));
        }
    }

    /// Something that the reader should look at, although the command succeeds, on standard error.
    pub fn concern(&self, text: &str) {
        log::warn!("{text}");
        self.remark(Warning, "warning", text, &self.fitted(&format!("note: {}", safe::line(text))));
    }

    /// A failure, on standard error.
    pub fn warn(&self, text: &str) {
        log::warn!("{text}");
        self.remark(Error, "warning", text, &self.fitted(&format!("espomail: {}", safe::line(text))));
    }

    /// Something for those who gave `-v` at least this number of times.
    pub fn verbose(&self, level: u8, text: &str) {
        if self.verbosity >= level {
            self.remark(Info, "note", text, &safe::line(text));
        }
    }

    /// Something that is wrong, for those who gave `-v` at least this number of times.
    pub fn trouble(&self, level: u8, text: &str) {
        if self.verbosity >= level {
            self.warn(text);
        }
    }

    /// The trouble of one item, with its hint; the command goes on.
    pub fn problem(&self, item: &str, trouble: &anyhow::Error) {
        self.warn(&format!("{item}: {}", system_words::chain(trouble)));
        if let Some(hint) = error::classify(trouble).1 {
            self.hint(&hint);
        }
    }

    /// The error a command ends with. Programs get it as the last line of standard error.
    pub fn error(&self, trouble: &anyhow::Error) {
        let (kind, hint) = error::classify(trouble);
        let text = system_words::chain(trouble);
        if self.format.is_json() {
            say(Error, &machine::error(&Refusal { hints: hint.into_iter().collect(), ..Refusal::of(kind, &text) }));
        } else if !trouble.is::<Ended>() {
            self.warn(&text);
            hint.iter().for_each(|hint| say(Info, &format!("hint: {}", safe::line(hint))));
        }
    }

    /// Between questions on a terminal a remark has its width. Elsewhere it is one line, which programs look for.
    fn fitted(&self, line: &str) -> String {
        if self.wraps_remarks { self.set_in(line, 0) } else { line.to_owned() }
    }

    /// One remark under its name for programs, or as people see it.
    fn remark(&self, priority: Priority, name: &str, text: &str, shown: &str) {
        match self.format.is_json() {
            true => say(priority, &escaped(&json!({ name: text }))),
            false => say(priority, shown),
        }
    }
}

/// A command line that is not understood, before there is a [`Ui`]; `refusal` is for programs, where these ask.
pub fn complain(fault: &Fault, refusal: Option<&Refusal>) {
    if let Some(refusal) = refusal {
        return say(Error, &machine::error(refusal));
    }
    say(Error, &format!("espomail: {}", safe::line(&fault.message)));
    fault.hint.iter().for_each(|hint| say(Info, &format!("hint: {}", safe::line(hint))));
}

/// Text of this program that is not the result, such as the help for an incomplete command line.
pub fn show_aside(text: &str) {
    say(Info, text.trim_end());
}
