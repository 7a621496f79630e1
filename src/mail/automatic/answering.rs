//! Whether a message may be answered by a program, and where to: by what it says of itself, and by whom it is from.

use super::rules::{LIST, shown};
use super::{Reason, Rule};
use crate::mail::address::system::{is_mail_system, is_no_reply};
use crate::mail::address::{self, Mailbox};
use crate::mail::author::{Author, How};
use crate::mail::message::Message;
use crate::mail::reading::Reading;

/// What the rules about answering look at.
pub struct Answering<'a> {
    pub message: &'a Reading,
    /// The person who writes: the no-reply address of a form does not silence the person behind it.
    pub author: &'a Author,
    /// Knows the addresses of all accounts.
    pub own: &'a dyn Fn(&str) -> bool,
    /// Knows the Message-IDs of our automatic replies.
    pub our_auto_reply: &'a dyn Fn(&str) -> bool,
    /// Mail that our own list has rewritten is answered.
    pub to_own_list: bool,
}

type AnswerRule = Rule<fn(&Answering<'_>) -> Option<String>>;

/// Nor by whom it is from, and what it answers.
pub(super) const UNANSWERABLE: &[AnswerRule] = &[
    Rule { name: "Answer to a mail system", test: |a| any_address(a, is_mail_system) },
    Rule { name: "No-reply address", test: |a| any_address(a, is_no_reply) },
    Rule { name: "Own address", test: |a| any_address(a, a.own) },
    Rule { name: "Answer to our automatic reply", test: to_our_auto_reply },
    Rule { name: "No address to answer", test: |a| answer_address(a.message, a.author).is_none().then(String::new) },
];

/// Why the message gets no automatic reply.
pub fn unanswerable(answering: &Answering<'_>) -> Option<Reason> {
    let is_answered = answering.to_own_list && matches!(answering.author.how, How::OwnList | How::OwnListByReplyTo);
    let of_itself = |reason: &&Reason| !(is_answered && reason.rule == LIST);
    let message = answering.message;
    let itself = message.machine.as_ref().or_else(|| message.unanswered.iter().find(of_itself)).cloned();
    itself.or_else(|| UNANSWERABLE.iter().find_map(|rule| rule.reason((rule.test)(answering))))
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

/// Tests From and the address that would be answered alike.
fn any_address(answering: &Answering<'_>, test: impl Fn(&str) -> bool) -> Option<String> {
    let message = answering.message;
    let author = std::iter::once(&answering.author.person);
    let addresses = author.chain(answer_address(message, answering.author)).map(|mailbox| &mailbox.address);
    addresses.into_iter().find(|address| test(address)).cloned()
}

fn to_our_auto_reply(answering: &Answering<'_>) -> Option<String> {
    let message = answering.message;
    message.in_reply_to.iter().chain(&message.references).find(|id| (answering.our_auto_reply)(id)).map(|id| shown(id))
}
