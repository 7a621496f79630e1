//! A message with everything that follows from it alone, worked out once.
//!
//! Mail is foreign and may be made to cost. So it is read here, before anybody holds the database, and every step of the
//! import gets a [`Reading`] instead of a bare message: there is nothing left to be read in the write transaction.

use std::ops::Deref;

use super::address::{self, Mailbox};
use super::authentication_results::Results;
use super::author::List;
use super::automatic::{self, Reason};
use super::bounce::{self, Bounce};
use super::forward::{self, Forward};
use super::message::{self, Message};
use super::{message_id, subject};

/// A message, and what it says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    message: Message,
    /// Message-ID, or the hash of the content where there is none.
    pub identity: String,
    /// What it reports about mail that could not be delivered.
    pub bounce: Option<Bounce>,
    /// The Message-ID of what a report tells about: of a delivery, a success included, or of being read.
    pub about: Option<String>,
    /// Why a machine wrote it, if one did.
    pub machine: Option<Reason>,
    /// Why nobody answers it by a machine, as far as it says so itself.
    pub unanswered: Vec<Reason>,
    /// A program answered in the place of a person.
    pub auto_reply: bool,
    /// What it forwards.
    pub forward: Option<Box<Forward>>,
    /// The mailing list that it came by.
    pub list: List,
    /// The people in X-Original-From, of which a list writes one.
    pub original_from: Vec<Mailbox>,
    /// What mail servers say about its author.
    pub results: Results,
    /// The subject without prefixes and tags.
    pub base_subject: String,
    /// Case numbers in the subject.
    pub case_numbers: Vec<i64>,
}

/// People in X-Original-From that are looked at.
const MAX_ORIGINAL: usize = 20;
/// Case numbers in a subject that are looked at.
const MAX_NUMBERS: usize = 10;

impl Reading {
    /// Reads the bytes of a message; as [`message::parse`], it never fails.
    pub fn parse(raw: &[u8]) -> Reading {
        Reading::of(message::parse(raw))
    }

    /// Reads a message.
    pub fn of(message: Message) -> Reading {
        let bounce = bounce::read(&message);
        let original: Vec<Mailbox> = message.all("X-Original-From").flat_map(address::parse_list).collect();
        let mut case_numbers = subject::case_numbers(&message.subject);
        case_numbers.truncate(MAX_NUMBERS);
        Reading {
            identity: message.message_id.clone().unwrap_or_else(|| message_id::content_key(&message)),
            about: bounce::about(&message, bounce.as_ref()),
            machine: automatic::machine(&message),
            unanswered: automatic::unanswered(&message),
            auto_reply: bounce.is_none() && automatic::answers_for_somebody(&message),
            forward: forward::read(&message).map(Box::new),
            list: List::of(&message),
            original_from: original.into_iter().take(MAX_ORIGINAL).collect(),
            results: Results::of(&message),
            base_subject: subject::base(&message.subject),
            case_numbers,
            bounce,
            message,
        }
    }

    /// The message alone.
    pub fn into_message(self) -> Message {
        self.message
    }
}

impl Deref for Reading {
    type Target = Message;

    fn deref(&self) -> &Message {
        &self.message
    }
}
