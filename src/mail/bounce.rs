//! Reports on mail that could not be delivered, or not yet (B9.1): those of RFC 3464 by their fields, all others by
//! the words that mail systems use. One pure decision; what it means for a case or an address is said elsewhere.
//!
//! A report must come from a mail system or declare itself as one: words alone, which anybody can write, are not
//! enough.

mod prose;
mod report;
mod severity;

use super::message::Message;

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
    /// What became of it.
    pub outcome: Outcome,
    /// Enhanced status code such as `5.1.1` (RFC 3463); may be empty.
    pub status: String,
    /// The words of the server that refused; may be empty.
    pub diagnostic: String,
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

/// Reads a report; `None` for any other message, also for reports of success, of reading and of abuse.
pub fn read(message: &Message) -> Option<Bounce> {
    let failures = match report::failures(message) {
        Some(failures) if failures.is_empty() => return None,
        Some(failures) => failures,
        None => prose::failures(message)?,
    };
    let enclosed = message.enclosed.as_ref().and_then(|enclosed| enclosed.message_id.clone());
    let original_message_id = enclosed.or_else(|| prose::message_id(&message.text));
    Some(Bounce { failures, original_message_id })
}

/// The Message-ID of what a report tells about: of a delivery, a success included, or of being read.
pub fn about(message: &Message) -> Option<String> {
    let is_report = message.content_type == "multipart/report";
    let enclosed = || message.enclosed.as_ref().and_then(|enclosed| enclosed.message_id.clone());
    read(message).and_then(|bounce| bounce.original_message_id).or_else(|| enclosed().filter(|_| is_report))
}

/// Whether a server that refuses a recipient with this status code and these words says that there is no such address.
pub fn is_no_such_address(status: &str, said: &str) -> bool {
    severity::of(status, said) == Outcome::Hard
}

/// Adds a failure unless its address is there.
fn add(failures: &mut Vec<Failure>, failure: Failure) {
    if !failures.iter().any(|known| known.address.eq_ignore_ascii_case(&failure.address)) && failures.len() < MAX {
        failures.push(failure);
    }
}

/// Recipients of one report.
const MAX: usize = 1_000;

#[cfg(test)]
mod tests;
