//! Reports on mail that could not be delivered, or not yet (B9.1): those of RFC 3464 by their fields, all others by
//! the words that mail systems use. One pure decision; what it means for a case or an address is said elsewhere.
//!
//! A report must come from a mail system or declare itself as one: words alone, which anybody can write, are not
//! enough.

mod prose;
mod rejection;
mod report;
mod severity;

use std::collections::HashSet;

use super::message::Message;
use super::prefix::leading_prefix;
use super::receipt::Receipt;
use report::Fields;
use severity::Said;

/// What became of the mail to one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The address does not exist: any mail to it will fail.
    Hard,
    /// This message was refused or given up, another one may arrive.
    Soft,
    /// It is still being tried: no failure.
    Delayed,
}

/// A recipient that a report names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Address, as the report writes it.
    pub address: String,
    /// The address that it stands for, where the report names another one: mail is passed on.
    pub alias: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Enhanced status code such as `5.1.1` (RFC 3463); may be empty.
    pub status: String,
    /// The words of the server that refused; may be empty.
    pub diagnostic: String,
}

impl Failure {
    /// The addresses that it names, in lower case.
    pub fn addresses(&self) -> impl Iterator<Item = String> {
        [&self.address].into_iter().chain(&self.alias).map(|address| address.to_lowercase())
    }
}

/// A report on an undelivered message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounce {
    /// The recipients it names, each once; may be empty.
    pub failures: Vec<Failure>,
    /// Message-ID of the message it is about.
    pub original_message_id: Option<String>,
}

impl Bounce {
    /// Whether an address that it names does not exist.
    pub fn is_hard(&self) -> bool {
        self.failures.iter().any(|failure| failure.outcome == Outcome::Hard)
    }

    /// Whether it only tells of a delay.
    pub fn is_delay(&self) -> bool {
        !self.failures.is_empty() && self.failures.iter().all(|failure| failure.outcome == Outcome::Delayed)
    }

    /// The first status code that it gives.
    pub fn status(&self) -> Option<&str> {
        self.failures.iter().map(|failure| failure.status.as_str()).find(|status| !status.is_empty())
    }
}

/// Reads a report; `None` for any other message, also for reports of success, of reading and of abuse. A message that is
/// read has it in [`super::reading::Reading::bounce`].
pub(in crate::mail) fn read(message: &Message) -> Option<Bounce> {
    if !has_header(message) {
        return None;
    }
    let wrapped = wrapped(message).and_then(read_itself);
    wrapped.or_else(|| read_itself(message))
}

/// Any text can be read as a message. Without a single field of a mail it is not a report, also if it speaks of deliveries.
fn has_header(message: &Message) -> bool {
    const FIELDS: [&str; 11] = [
        "From",
        "To",
        "Date",
        "Subject",
        "Message-ID",
        "Received",
        "Return-Path",
        "Content-Type",
        "MIME-Version",
        "Auto-Submitted",
        "X-Failed-Recipients",
    ];
    FIELDS.iter().any(|field| message.header(field).is_some())
}

fn read_itself(message: &Message) -> Option<Bounce> {
    let fields = if is_sent_by_system(message) { report::read(message) } else { Fields::Missing };
    let failures = match fields {
        Fields::AllIsWell => return None,
        Fields::Failed(failures) if failures.is_empty() => {
            prose::of_words(message, prose::human(&message.text), Vec::new())
        }
        Fields::Failed(failures) => failures,
        Fields::Missing => rejection::failures(message).or_else(|| prose::failures(message))?,
    };
    let enclosed = message.enclosed.as_ref().and_then(|enclosed| enclosed.message_id.clone());
    let named = || report::original_ids(message).next();
    let original_message_id = enclosed.or_else(named).or_else(|| prose::message_id(&message.text));
    Some(Bounce { failures, original_message_id })
}

/// A report that is whole in another message, as gateways wrap what they let in. A message that a person forwards is not such a report.
fn wrapped(message: &Message) -> Option<&Message> {
    let report = message.enclosed.as_ref().and_then(|enclosed| enclosed.report.as_deref());
    report.filter(|_| message.delivery_status.is_empty() && prose::is_by_mail_system(message))
}

/// Whether a message with these fields may be a report in another one.
pub(in crate::mail) fn may_be_wrapped(header: &Message) -> bool {
    header.content_type == "multipart/report" || prose::is_from_system(header)
}

/// The parts of a report lie in what a person forwards, too, unless it says what it is.
fn is_sent_by_system(message: &Message) -> bool {
    let passed_on = || leading_prefix(&message.subject).is_some();
    message.content_type == "multipart/report" || prose::is_by_mail_system(message) || !passed_on()
}

/// The Message-IDs of what a report tells about: of a delivery, a success included, or of being read.
pub(in crate::mail) fn about(message: &Message, bounce: Option<&Bounce>, receipt: Option<&Receipt>) -> Vec<String> {
    let is_report = message.content_type == "multipart/report";
    let enclosed = message.enclosed.as_ref().and_then(|enclosed| enclosed.message_id.clone()).filter(|_| is_report);
    let of_receipt = receipt.iter().flat_map(|receipt| receipt.original_ids.iter().cloned());
    let of_bounce = bounce.and_then(|bounce| bounce.original_message_id.clone());
    let mut ids: Vec<String> = Vec::new();
    for id in of_bounce.into_iter().chain(enclosed).chain(of_receipt).chain(report::original_ids(message)) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// Whether a server that refuses a recipient with this status code and these words says that there is no such address.
pub fn is_no_such_address(status: &str, said: &str) -> bool {
    Said::by(said).outcome(status) == Outcome::Hard
}

/// The failures that a report names, each address once.
#[derive(Default)]
struct Failures {
    all: Vec<Failure>,
    addresses: HashSet<String>,
}

impl Failures {
    /// Whether it takes no more: loops end here, before they work on what nobody keeps.
    fn is_full(&self) -> bool {
        self.all.len() >= MAX
    }

    fn add(&mut self, failure: Failure) {
        if !self.is_full() && self.addresses.insert(failure.address.to_ascii_lowercase()) {
            self.all.push(failure);
        }
    }
}

/// Recipients of one report.
const MAX: usize = 1_000;
/// Bytes that are kept of the words about one recipient.
const MAX_DIAGNOSTIC: usize = 1_000;

/// Words of a server in one line, as far as they are kept.
fn diagnostic(words: &str) -> String {
    let mut line = String::new();
    for word in words.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > MAX_DIAGNOSTIC {
            line.truncate(line.floor_char_boundary(MAX_DIAGNOSTIC));
            break;
        }
    }
    line
}

#[cfg(test)]
mod tests;
