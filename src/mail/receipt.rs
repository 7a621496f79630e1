//! Notes on what a reader did with a mail (RFC 8098): read it, or deleted it unread. Many programs write them in a subject
//! alone (`Read: …`), which counts where it answers a mail.

use std::fmt;

use super::automatic::answer::ByWords;
use super::automatic::subject::{self, Mark};
use super::message::Message;
use super::{automatic, message_id, phrases};

/// What became of a mail at its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was opened.
    Displayed,
    /// It was deleted unread.
    Deleted,
    /// It was passed on, printed or handled by a program.
    Processed,
    /// It lies in the mailbox, and nobody has read it yet.
    Delivered,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// What became of the mail.
    pub fate: Fate,
    /// The ids by which it names the mail.
    pub original_ids: Vec<String>,
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.fate {
            Fate::Displayed => "read receipt: displayed",
            Fate::Deleted => "read receipt: deleted unread",
            Fate::Processed => "read receipt: processed",
            Fate::Delivered => "delivery receipt",
        })
    }
}

/// Ids of one receipt.
const MAX_IDS: usize = 10;

/// Reads a receipt; `is_bounce` = the mail was refused, which some servers say in this form; `words` = what its subject says
/// in an answer.
pub(in crate::mail) fn read(message: &Message, is_bounce: bool, words: Option<ByWords>) -> Option<Receipt> {
    if is_bounce {
        return None;
    }
    match message.dispositions.is_empty() {
        false => Some(of_fields(message)),
        true => of_subject(message, words),
    }
}

fn of_fields(message: &Message) -> Receipt {
    let fate = match disposition(message).map(|disposition| disposition.kind) {
        Some(Kind::Displayed) => Fate::Displayed,
        Some(Kind::Deleted) => Fate::Deleted,
        None if subject::sure_mark(&message.subject).is_some_and(|marked| marked.mark == Mark::Unread) => Fate::Deleted,
        _ => Fate::Processed,
    };
    let ids = message.dispositions.iter().flat_map(|text| values(text, "Original-Message-ID"));
    let original_ids = ids.flat_map(|value| message_id::parse_ids(&value)).take(MAX_IDS).collect();
    Receipt { fate, original_ids }
}

/// A subject counts in an answer that no desk would read otherwise: it names the mail by its id, or by the number of the
/// case.
fn of_subject(message: &Message, words: Option<ByWords>) -> Option<Receipt> {
    let of_program = || subject::sure_mark(&message.subject).filter(|_| automatic::is_signed(message));
    let fate = match words.map(|words| words.mark).or_else(|| of_program().map(|marked| marked.mark))? {
        Mark::Read => Fate::Displayed,
        Mark::Unread => Fate::Deleted,
        Mark::Delivered => Fate::Delivered,
        Mark::Reply | Mark::Perhaps => return None,
    };
    let answered: Vec<String> = message.in_reply_to.iter().chain(&message.references).take(MAX_IDS).cloned().collect();
    let answers = !answered.is_empty() || !super::subject::case_numbers(&message.subject).is_empty();
    answers.then_some(Receipt { fate, original_ids: answered })
}

/// What a disposition field says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mail) struct Disposition {
    /// The mail was displayed, deleted, or anything else.
    pub kind: Kind,
    /// No person decided that.
    pub automatic: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mail) enum Kind {
    Displayed,
    Deleted,
    /// Denied, failed, dispatched, processed.
    Other,
}

/// `automatic-action/MDN-sent-automatically; deleted/error`.
pub(in crate::mail) fn disposition(message: &Message) -> Option<Disposition> {
    let value = message.dispositions.iter().flat_map(|text| values(text, "Disposition")).next()?.to_ascii_lowercase();
    let (mode, kind) = value.split_once(';').unwrap_or(("", &value));
    let kind = match kind.split(['/', ',']).next().unwrap_or_default().trim() {
        "displayed" => Kind::Displayed,
        "deleted" => Kind::Deleted,
        _ => Kind::Other,
    };
    Some(Disposition { kind, automatic: mode.trim().starts_with("automatic-action") })
}

/// The values of a field, unfolded.
pub(in crate::mail) fn values<'t>(text: &'t str, name: &'t str) -> impl Iterator<Item = String> + use<'t> {
    let lines: Vec<&str> = text.lines().take(1_000).collect();
    let named =
        move |line: &str| line.split_once(':').filter(|(field, _)| field.trim().eq_ignore_ascii_case(name)).is_some();
    let starts: Vec<usize> = lines.iter().enumerate().filter(|(_, line)| named(line)).map(|(n, _)| n).collect();
    starts.into_iter().map(move |n| {
        let first = lines.get(n).and_then(|line| line.split_once(':')).map_or("", |(_, value)| value);
        let more = lines.iter().skip(n + 1).take_while(|line| line.starts_with([' ', '\t']));
        more.fold(first.trim().to_owned(), |value, line| format!("{value} {}", line.trim())).trim().to_owned()
    })
}

/// Whether the words of a receipt say that the mail was deleted unread.
pub(in crate::mail) fn says_unread(message: &Message) -> bool {
    let is_unread = subject::sure_mark(&message.subject).is_some_and(|marked| marked.mark == Mark::Unread);
    is_unread
        || phrases::WITHOUT_BEING_READ
            .are_in(&phrases::plain(message.text.lines().take(50).collect::<Vec<_>>().join("\n").as_str()))
}

#[cfg(test)]
mod tests;
