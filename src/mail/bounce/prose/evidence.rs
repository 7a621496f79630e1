//! Whether a message without the fields of RFC 3464 is a report on a delivery (B9.1). Words alone, which anybody can write,
//! are not enough: two more signs are asked for, of the sender, the subject, what is enclosed and what is named.

use super::extent::{begins_copy, begins_header};
use super::recipients::{Strangers, leading_address};
use crate::mail::address::Mailbox;
use crate::mail::address::system::is_mail_system;
use crate::mail::automatic;
use crate::mail::bounce::severity;
use crate::mail::message::Message;
use crate::mail::phrases::{self, Phrases};
use crate::mail::prefix::leading_prefix;

/// What speaks for a report.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Evidence {
    /// multipart/report.
    typed: bool,
    /// From a program that writes nothing else.
    daemon: bool,
    /// From a mail system, perhaps a person's address.
    system: bool,
    /// From what may be one.
    perhaps_system: bool,
    /// The null path, or a mail system's.
    no_path: bool,
    /// The subject of a report, in no answer and no forward.
    subject: bool,
    /// Words of a report, and words that may be.
    words: bool,
    common_words: bool,
    /// It tells of a success, and of nothing else.
    delivered: bool,
    /// The message itself, as a part or a copy.
    enclosed: bool,
    /// That message is by who gets this one.
    returned: bool,
    /// A reply code and a status code, or words of SMTP.
    code: bool,
    /// A line that names a recipient.
    recipient: bool,
}

/// What a report needs in addition to its words.
pub(super) fn may_be_report(message: &Message) -> bool {
    message.content_type == "multipart/report"
        || has_no_path(message)
        || is_from_system(message)
        || is_perhaps_from_system(message)
        || is_returned(message)
}

/// Out-of-office answers, reports of reading and of abuse speak of delivery too.
pub(super) fn declares_something_else(message: &Message) -> bool {
    let is_other = |kind: &str| matches!(kind, "disposition-notification" | "feedback-report");
    let declared = message
        .content_params
        .iter()
        .any(|(name, value)| name == "report-type" && is_other(&value.to_ascii_lowercase()));
    let enclosed = message.part_types.iter().any(|part| part.strip_prefix("message/").is_some_and(is_other));
    let of_person = || !is_from_system(message);
    declared || enclosed || automatic::says_to_answer(message) && of_person()
}

impl Evidence {
    pub fn of(message: &Message, text: &str) -> Evidence {
        let unquoted: String = text.lines().filter(|line| !is_quoted(line)).collect::<Vec<_>>().join("\n");
        let lower = phrases::plain(&unquoted);
        let daemon = is_from_daemon(message);
        let system = daemon || is_from_system(message);
        let subject = phrases::plain(&message.subject);
        let is_answer = leading_prefix(&message.subject).is_some();
        let words = phrases::REPORT_TEXTS.are_in(&lower);
        Evidence {
            typed: message.content_type == "multipart/report",
            daemon,
            system,
            perhaps_system: system || is_perhaps_from_system(message),
            no_path: has_no_path(message),
            subject: !is_answer && phrases::REPORT_SUBJECTS.are_in(&subject),
            words,
            common_words: words || phrases::REPORT_TEXTS_COMMON.are_in(&lower),
            delivered: !words && phrases::DELIVERED.are_in(&lower),
            enclosed: message.enclosed.is_some() || has_copy(message, text),
            returned: is_returned(message),
            code: has_code(&unquoted),
            recipient: names_recipient(message, &unquoted),
        }
    }

    pub fn is_report(self) -> bool {
        let Evidence { typed, daemon, system, perhaps_system, no_path, subject, words, common_words, .. } = self;
        let Evidence { enclosed, returned, code, recipient, .. } = self;
        let of_typed = typed && (subject || common_words || system || recipient);
        let of_daemon = daemon && (subject || common_words || no_path && (recipient || enclosed));
        let of_system = system
            && (subject && (common_words || enclosed || code || no_path || recipient)
                || words && (no_path || enclosed || code || recipient)
                || no_path && (enclosed || code || common_words && recipient));
        let of_somebody = perhaps_system && subject && (enclosed || code || recipient || no_path && words);
        // Nobody can say so of another one's mail: it came back to its own sender, or on the way that reports take.
        let by_path =
            no_path && (words && (enclosed || subject && (code || recipient)) || subject && enclosed && common_words);
        let by_itself = returned && subject && words;
        if self.delivered {
            return false;
        }
        of_typed || of_daemon || of_system || of_somebody || by_path || by_itself
    }
}

/// `> quoted`, but not the `>>> RCPT To` of a transcript.
fn is_quoted(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with('>') && !line.starts_with(">>>")
}

fn has_no_path(message: &Message) -> bool {
    // A postmaster is a person, too.
    let is_daemon = |path: &str| phrases::MAIL_DAEMONS.have(&path.split('@').next().unwrap_or_default().to_lowercase());
    message.return_path.as_deref().is_some_and(|path| path.is_empty() || is_daemon(path))
}

/// The message enclosed was written by one of those whom this one is to.
fn is_returned(message: &Message) -> bool {
    let author = message.enclosed.as_ref().and_then(|enclosed| enclosed.from.as_ref());
    author.is_some_and(|author| {
        !author.address.is_empty()
            && message.to.iter().any(|reader| reader.address.eq_ignore_ascii_case(&author.address))
    })
}

/// From a mail system, by its name or its address; also from nobody, on no path. A name counts where the path of the
/// mail does not lead back to somebody: anybody may choose one.
pub(in crate::mail::bounce) fn is_from_system(message: &Message) -> bool {
    let by_name = || is_named(message, &phrases::MAIL_DAEMONS) || is_named(message, &phrases::MAIL_SYSTEMS);
    is_from_daemon(message)
        || is_from(message, &phrases::MAIL_SYSTEMS)
        || is_from_nobody(message)
        || (message.return_path.is_none() || has_no_path(message)) && by_name()
}

/// From a program that writes nothing but reports.
fn is_from_daemon(message: &Message) -> bool {
    is_from(message, &phrases::MAIL_DAEMONS) || has_no_path(message) && is_named(message, &phrases::MAIL_DAEMONS)
}

/// From what calls itself a mail system, or may be one.
fn is_perhaps_from_system(message: &Message) -> bool {
    let systems = [&phrases::MAIL_DAEMONS, &phrases::MAIL_SYSTEMS, &phrases::PERHAPS_MAIL_SYSTEMS];
    systems.iter().any(|systems| is_from(message, systems) || is_named(message, systems))
}

/// From a mail system or on the way that reports take.
pub(in crate::mail::bounce) fn is_by_mail_system(message: &Message) -> bool {
    is_from_system(message) || has_no_path(message)
}

fn is_from_nobody(message: &Message) -> bool {
    let is_nobody = |from: &Mailbox| from.address.is_empty() && from.name.is_empty();
    message.return_path.as_deref().is_none_or(str::is_empty) && message.from.iter().all(is_nobody)
}

fn is_named(message: &Message, systems: &'static Phrases) -> bool {
    message.from.iter().any(|from| systems.first_in(&phrases::plain(&from.name)).is_some())
}

fn is_from(message: &Message, systems: &'static Phrases) -> bool {
    // A shop's `bounce-123@` is not `bounce@`.
    let by_address =
        |sender: &Mailbox| systems.have(&sender.address.split('@').next().unwrap_or_default().to_lowercase());
    // A list puts its own address into Sender, a mail system none but its own.
    let sender = message.sender.as_ref().filter(|sender| is_mail_system(&sender.address));
    message.from.iter().chain(sender).any(by_address)
}

/// The header of a message in the text, or a line that says that it follows.
fn has_copy(message: &Message, human: &str) -> bool {
    let mut rest = message.text.get(human.len()..).unwrap_or_default().lines().take(20);
    rest.any(|line| begins_copy(line) || begins_header(line))
}

/// A reply code with a status code, or with words of SMTP.
fn has_code(text: &str) -> bool {
    let is_reply = |word: &str| {
        matches!(
            word.get(..3).unwrap_or_default(),
            "421" | "450" | "451" | "452" | "550" | "551" | "552" | "553" | "554" | "571"
        )
    };
    let speaks_smtp = |line: &str| {
        let line = line.to_ascii_lowercase();
        ["smtp", "said", "rcpt", "responded", "remote", "server", "mail from", "<<<"]
            .iter()
            .any(|word| line.contains(word))
    };
    let words = |line: &str| {
        line.split(|c: char| !(c.is_ascii_digit() || c == '.')).any(|word| word.len() == 3 && is_reply(word))
    };
    text.lines()
        .any(|line| words(line) && (speaks_smtp(line) || severity::status_in(line).is_some() || line.contains('@')))
}

fn names_recipient(message: &Message, text: &str) -> bool {
    let strangers = Strangers::of(message);
    text.lines().any(|line| leading_address(line).is_some_and(|found| strangers.has(&found.address)))
}
