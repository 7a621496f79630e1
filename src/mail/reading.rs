//! A message with everything that follows from it alone, worked out once.
//!
//! Mail is foreign and may be made to cost. So it is read here, before anybody holds the database, and every step of the
//! import gets a [`Reading`] instead of a bare message: there is nothing left to be read in the write transaction.

use std::ops::Deref;
use std::sync::OnceLock;

use jiff::Timestamp;

use super::address::{self, Mailbox};
use super::authentication_results::Results;
use super::automatic::answer::ByWords;
use super::automatic::{self, Reason};
use super::bounce::{self, Bounce};
use super::forward::{self, Forward};
use super::mailing_list::List;
use super::message::{self, DecodedRun, Message};
use super::receipt::{self, Receipt};
use super::{content_key, subject, text};

/// A message, and what it says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    message: Message,
    /// Message-ID, or the hash of the content where there is none.
    pub identity: String,
    /// What it reports about mail that could not be delivered.
    pub bounce: Option<Bounce>,
    /// What a reader did with our mail.
    pub receipt: Option<Receipt>,
    /// The Message-IDs of what a report tells about: of a delivery, a success included, or of being read.
    pub about: Vec<String>,
    /// When the server that took it in wrote its Received field, the topmost one.
    pub received: Option<Timestamp>,
    /// Why a machine wrote it, if one did.
    pub machine: Option<Reason>,
    /// Why nobody answers it by a machine, as far as it says so itself.
    pub unanswered: Vec<Reason>,
    /// Nothing but the words of its subject says that a machine wrote it: somebody has to be told.
    pub doubtful: bool,
    /// A program answered in the place of a person.
    pub auto_reply: bool,
    /// Its subject begins as those of programs do, and it answers something.
    pub marked_answer: bool,
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
    /// The text of the HTML, once it was asked for.
    html_text: OnceLock<Option<String>>,
}

/// Bytes of the text of an HTML that are kept.
const MAX_HTML_TEXT: usize = 256 << 10;

/// People in X-Original-From that are looked at.
const MAX_ORIGINAL: usize = 20;
/// Case numbers in a subject that are looked at.
const MAX_NUMBERS: usize = 10;

impl Reading {
    /// Reads the bytes of a message; as [`message::parse`], it never fails.
    pub fn parse(raw: &[u8]) -> Reading {
        Reading::of(message::parse(raw))
    }

    /// The same of a message of which long runs of base64 have been decoded already.
    pub fn parse_decoded(raw: &[u8], decoded: &[DecodedRun]) -> Reading {
        Reading::of(message::parse_decoded(raw, decoded))
    }

    /// Reads a message.
    pub fn of(message: Message) -> Reading {
        let bounce = bounce::read(&message);
        let original: Vec<Mailbox> = message.all("X-Original-From").flat_map(address::parse_list).collect();
        let mut case_numbers = subject::case_numbers(&message.subject);
        case_numbers.truncate(MAX_NUMBERS);
        let mut reading = Reading {
            identity: message.message_id.clone().unwrap_or_else(|| content_key::of(&message)),
            received: message.header("Received").and_then(message::date_received),
            unanswered: automatic::unanswered(&message),
            marked_answer: automatic::is_marked_answer(&message),
            forward: forward::read(&message).map(Box::new),
            list: List::of(&message),
            original_from: original.into_iter().take(MAX_ORIGINAL).collect(),
            results: Results::of(&message),
            base_subject: subject::base(&message.subject),
            case_numbers,
            bounce,
            message,
            ..Reading::default()
        };
        reading.answers(&[]);
        reading
    }

    /// Whether the subjects of the mails that it answers would say more about who wrote it; asked of the archive, which
    /// knows them.
    pub fn asks_what_it_answers(&self) -> bool {
        self.marked_answer && (self.machine.is_none() || self.doubtful)
    }

    /// Reads again who wrote it, now that the subjects of the mails it answers are known.
    pub fn answers(&mut self, subjects: &[String]) {
        let ours: Vec<String> = subjects.iter().map(|subject| automatic::answer::comparable(subject)).collect();
        let (message, bounce) = (&self.message, self.bounce.as_ref());
        let words = automatic::answer::by_words(message, &ours).filter(|_| bounce.is_none());
        let receipt = receipt::read(message, bounce.is_some(), words);
        let is_report = bounce.is_some() || !message.delivery_status.is_empty();
        let is_signed = is_report || automatic::is_signed(message) || !message.dispositions.is_empty();
        self.about = bounce::about(message, bounce, receipt.as_ref());
        let by_part = (!message.dispositions.is_empty()).then_some("Read receipt");
        self.machine = automatic::machine(message, bounce.map(|_| "Delivery report").or(by_part), words);
        self.doubtful = words.is_some_and(ByWords::is_doubtful) && !is_signed;
        self.auto_reply = !is_report && automatic::answers_for_somebody(message, words);
        self.receipt = receipt;
    }

    /// The moment from which the age of a mail counts (B8.6): when our own server took the mail in, as senders' clocks may be
    /// wrong. Where the server does not say so, the older of Date and the mailbox's own time.
    pub fn since(&self, internal_date: Timestamp) -> Timestamp {
        self.came(internal_date, internal_date)
    }

    /// When a message came that has no mailbox to say so, out of a file or a pipe: by its topmost Received, else by its
    /// Date, else at the moment that is given. A sender's clock does not make that later than now.
    pub fn came(&self, otherwise: Timestamp, now: Timestamp) -> Timestamp {
        self.received.or(self.message.date).unwrap_or(otherwise).min(now)
    }

    /// What it is besides a letter: for views and notes; `None` for one that a person wrote.
    pub fn kind(&self) -> Option<String> {
        let bounce = self.bounce.as_ref().map(|bounce| match bounce.is_delay() {
            true => "delivery report: delayed".to_owned(),
            false => "delivery report: not delivered".to_owned(),
        });
        let receipt = || self.receipt.as_ref().map(ToString::to_string);
        let has = |part: &str| self.part_types.iter().any(|kind| kind == part);
        let of_type = || match self.content_type.as_str() {
            "multipart/report" if !self.delivery_status.is_empty() => Some("delivery report: delivered".to_owned()),
            "multipart/report" if has("message/feedback-report") => Some("complaint about a mail".to_owned()),
            "multipart/report" => Some("report".to_owned()),
            _ => None,
        };
        let reply = || self.auto_reply.then(|| "automatic reply".to_owned());
        let machine = || self.machine.as_ref().map(|reason| format!("machine mail ({reason})"));
        bounce.or_else(receipt).or_else(of_type).or_else(reply).or_else(machine)
    }

    /// The text of the HTML, at most 256 KiB of it. It is worked out once, when it is first asked for: only filters that
    /// look into bodies need it.
    pub fn html_text(&self) -> Option<&str> {
        let read = || {
            self.message.html.as_deref().map(|html| {
                let mut text = text::from_html(html);
                text.truncate(text.floor_char_boundary(MAX_HTML_TEXT));
                text
            })
        };
        self.html_text.get_or_init(read).as_deref()
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
