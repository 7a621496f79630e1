//! Mail that a program wrote (RFC 3834, B8.1): pure decisions, each a table of rules in their order. The same rules decide
//! what is shown and what is done. They look at the message alone; limits, ages and what was sent before are left to the
//! automatic reply.

pub(in crate::mail) mod answer;
mod answering;
mod rules;
pub(in crate::mail) mod subject;

use std::fmt;

use super::message::Message;
use answer::ByWords;
pub use answering::{Answering, answer_address, unanswerable};

/// The value of `X-Loop` in our automatic mail; a message that carries it, or this word and more
/// behind it, came from an espomail.
pub const X_LOOP: &str = "espomail";

/// Why a message counts as automatic, or is not to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The rule, named after the header where there is one.
    pub rule: &'static str,
    /// What in the message fulfilled it; may be empty.
    pub detail: String,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail.as_str() {
            "" => f.write_str(self.rule),
            detail => write!(f, "{}: {detail}", self.rule),
        }
    }
}

/// Why a machine wrote the message, if one did; `report` = what it reports on a mail, which it may say in words alone;
/// `words` = what its subject says in an answer.
pub(in crate::mail) fn machine(
    message: &Message,
    report: Option<&'static str>,
    words: Option<ByWords>,
) -> Option<Reason> {
    let of_rules = rules::MACHINE.iter().find_map(|rule| rule.reason((rule.test)(message)));
    let of_report = || report.map(|rule| Reason { rule, detail: String::new() });
    let of_words = || words.map(|words| Reason { rule: rules::SUBJECT, detail: words.shown() });
    of_rules.or_else(of_report).or_else(of_words)
}

/// Whether a program would be enough said by what is in the message besides the words of its subject.
pub(in crate::mail) fn is_signed(message: &Message) -> bool {
    rules::MACHINE.iter().any(|rule| (rule.test)(message).is_some())
}

/// Whether the server marked the message as spam.
pub fn spam(message: &Message) -> Option<Reason> {
    rules::SPAM.iter().find_map(|rule| rule.reason((rule.test)(message)))
}

/// Whether a program answered in the place of a person (RFC 3834): out of office, receipt of a desk and the like. Says
/// less than [`machine`]: a newsletter is not an answer. A report on a delivery is not an answer either;
/// [`super::reading::Reading`] recognises reports.
pub(in crate::mail) fn answers_for_somebody(message: &Message, words: Option<ByWords>) -> bool {
    words.is_some() || rules::AUTO_REPLY.iter().any(|rule| (rule.test)(message).is_some())
}

/// Whether it says so in a field that says nothing else, or by a mark in its subject.
pub(in crate::mail) fn says_to_answer(message: &Message) -> bool {
    let says = |rule: &&rules::MachineRule| !rule.name.starts_with("Return-Path");
    rules::AUTO_REPLY.iter().filter(says).any(|rule| (rule.test)(message).is_some()) || is_marked_answer(message)
}

/// Whether the subject of an answer has a mark at all, with anything next to it.
pub(in crate::mail) fn is_marked_answer(message: &Message) -> bool {
    rules::marked_answer(message).is_some()
}

/// Whether it takes back an event, which a person did who organizes it.
pub fn cancels_an_event(message: &Message) -> bool {
    rules::calendar_cancellation(message).is_some()
}

/// What of itself the message says that forbids an automatic reply.
pub(in crate::mail) fn unanswered(message: &Message) -> Vec<Reason> {
    rules::UNANSWERED.iter().filter_map(|rule| rule.reason((rule.test)(message))).collect()
}

/// One row of a table: fulfilled, it gives the detail.
struct Rule<T> {
    name: &'static str,
    test: T,
}

impl<T> Rule<T> {
    fn reason(&self, fulfilled: Option<String>) -> Option<Reason> {
        fulfilled.map(|detail| Reason { rule: self.name, detail })
    }
}

fn null_return_path(message: &Message) -> bool {
    message.return_path.as_deref() == Some("")
}

#[cfg(test)]
mod tests;
