//! Mail that no human waits behind (RFC 3834, B8.1): two pure decisions, each a table of rules in
//! their order. It says only what the message says of itself; limits, ages and what was sent before
//! are the auto-reply's business.

mod rules;

use std::fmt;

use super::address::Mailbox;
use super::bounce;
use super::message::Message;

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

/// Why a machine wrote the message, if one did.
pub fn machine(message: &Message) -> Option<Reason> {
    rules::MACHINE.iter().find_map(|rule| rule.reason((rule.test)(message)))
}

/// Whether the server marked the message as spam.
pub fn spam(message: &Message) -> Option<Reason> {
    rules::SPAM.iter().find_map(|rule| rule.reason((rule.test)(message)))
}

/// Whether a program answered in the place of a person (RFC 3834): out of office, receipt of a desk and the like. Says
/// less than [`machine`]: reports on deliveries and newsletters are no answers.
pub fn is_auto_reply(message: &Message) -> bool {
    bounce::read(message).is_none() && rules::AUTO_REPLY.iter().any(|rule| (rule.test)(message).is_some())
}

/// Why the message gets no automatic reply. `own` knows the addresses of all accounts,
/// `our_auto_reply` the Message-IDs of our automatic replies.
pub fn unanswerable(
    message: &Message,
    own: &dyn Fn(&str) -> bool,
    our_auto_reply: &dyn Fn(&str) -> bool,
) -> Option<Reason> {
    let facts = Answering { message, own, our_auto_reply };
    machine(message).or_else(|| rules::UNANSWERABLE.iter().find_map(|rule| rule.reason((rule.test)(&facts))))
}

/// The address an automatic reply would go to: Reply-To if it is exactly one address, else From.
pub fn answer_address(message: &Message) -> Option<&Mailbox> {
    match message.reply_to.as_slice() {
        [one] if !one.address.is_empty() => Some(one),
        _ => message.from.iter().find(|mailbox| !mailbox.address.is_empty()),
    }
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
struct Answering<'a> {
    message: &'a Message,
    own: &'a dyn Fn(&str) -> bool,
    our_auto_reply: &'a dyn Fn(&str) -> bool,
}

fn null_return_path(message: &Message) -> bool {
    message.return_path.as_deref() == Some("")
}

/// Whether an address is one that mail systems write from.
pub(in crate::mail) fn is_mail_system(address: &str) -> bool {
    let local = address.split('@').next().unwrap_or_default();
    local.eq_ignore_ascii_case("mailer-daemon") || local.eq_ignore_ascii_case("postmaster")
}

#[cfg(test)]
mod tests;
