//! Mail that a program wrote (RFC 3834, B8.1): pure decisions, each a table of rules in their order. The same rules decide
//! what is shown and what is done. They look at the message alone; limits, ages and what was sent before are left to the
//! automatic reply.

pub(in crate::mail) mod answer;
mod rules;
pub(in crate::mail) mod subject;

use std::fmt;

use super::address::{self, Mailbox};
use super::author::{Author, How};
use super::message::Message;
use super::reading::Reading;
use answer::ByWords;

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
/// less than [`machine`]: newsletters are no answers. Reports on deliveries are none either, which [`Reading`] knows.
pub(in crate::mail) fn answers_for_somebody(message: &Message, words: Option<ByWords>) -> bool {
    words.is_some() || rules::AUTO_REPLY.iter().any(|rule| (rule.test)(message).is_some())
}

/// Whether it says so in a field that says nothing else, or by a mark in its subject.
pub(in crate::mail) fn says_to_answer(message: &Message) -> bool {
    let says = |rule: &&rules::MachineRule| !rule.name.starts_with("Return-Path");
    rules::AUTO_REPLY.iter().filter(says).any(|rule| (rule.test)(message).is_some()) || is_marked_answer(message)
}

/// Whether the subject of an answer has a mark at all, whatever stands beside it.
pub(in crate::mail) fn is_marked_answer(message: &Message) -> bool {
    rules::marked_answer(message).is_some()
}

/// What of itself the message says that forbids an automatic reply.
pub(in crate::mail) fn unanswered(message: &Message) -> Vec<Reason> {
    rules::UNANSWERED.iter().filter_map(|rule| rule.reason((rule.test)(message))).collect()
}

/// Why the message gets no automatic reply.
pub fn unanswerable(answering: &Answering<'_>) -> Option<Reason> {
    let is_answered = answering.to_own_list && matches!(answering.author.how, How::OwnList | How::OwnListByReplyTo);
    let of_itself = |reason: &&Reason| !(is_answered && reason.rule == rules::LIST);
    let message = answering.message;
    let itself = message.machine.as_ref().or_else(|| message.unanswered.iter().find(of_itself)).cloned();
    itself.or_else(|| rules::UNANSWERABLE.iter().find_map(|rule| rule.reason((rule.test)(answering))))
}

/// The address an automatic reply would go to: the person behind a shared From, else Reply-To if it is exactly one
/// address, else From.
pub fn answer_address<'m>(message: &'m Message, author: &'m Author) -> Option<&'m Mailbox> {
    let is_address = |mailbox: &&Mailbox| !address::domain(&mailbox.address).is_empty();
    let behind = Some(&author.person).filter(|_| author.via.is_some()).filter(is_address);
    let reply_to = match message.reply_to.as_slice() {
        [one] => Some(one).filter(is_address),
        _ => None,
    };
    behind.or(reply_to).or_else(|| message.from.iter().find(is_address))
}

/// Whether the address says that nobody reads it: `no-reply`, `noreply`, `donotreply` with any
/// separators and as a word of a longer local part, or as a label of the domain.
pub fn is_no_reply(address: &str) -> bool {
    let address = address.to_ascii_lowercase();
    let (local, domain) = address.rsplit_once('@').unwrap_or((&address, ""));
    let words: Vec<&str> = local.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let in_local =
        (0..words.len()).any(|at| says_no_reply(&words.iter().skip(at).take(3).copied().collect::<String>()));
    in_local || domain.split('.').any(|label| says_no_reply(&label.replace('-', "")))
}

fn says_no_reply(word: &str) -> bool {
    word.starts_with("noreply") || word.starts_with("donotreply")
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

/// What the rules about answering look at.
pub struct Answering<'a> {
    pub message: &'a Reading,
    /// The person who writes: the no-reply address of a form does not silence the person behind it.
    pub author: &'a Author,
    /// Knows the addresses of all accounts.
    pub own: &'a dyn Fn(&str) -> bool,
    /// Knows the Message-IDs of our automatic replies.
    pub our_auto_reply: &'a dyn Fn(&str) -> bool,
    /// Mail that a list of ours has rewritten is answered.
    pub to_own_list: bool,
}

fn null_return_path(message: &Message) -> bool {
    message.return_path.as_deref() == Some("")
}

/// Whether an address is one that mail systems write from.
pub fn is_mail_system(address: &str) -> bool {
    let local = address.split('@').next().unwrap_or_default();
    local.eq_ignore_ascii_case("mailer-daemon") || local.eq_ignore_ascii_case("postmaster")
}

#[cfg(test)]
mod tests;
