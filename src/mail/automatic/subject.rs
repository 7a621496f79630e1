//! What the subject of a message says about who wrote it: answers of programs have a mark before the subject that they
//! answer, after the tags that gateways and desks put in front of everything.
//!
//! A subject is words, which anybody may write. So a mark that stands alone makes no mail automatic: the classifier asks for
//! more, unless the mark is what only programs write.

use crate::mail::message::Message;
use crate::mail::phrases::{self, Phrases};
use crate::mail::prefix::leading_prefix;

/// Characters of a subject that are looked at.
const MAX: usize = 300;
/// Tags before a subject.
pub(super) const MAX_TAGS: usize = 8;

/// A mark in a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mail) enum Mark {
    /// `Automatic reply: …`, which only programs write.
    Reply,
    /// An absence or an acknowledgement, in words that people write as well.
    Perhaps,
    /// `Read: …`: the mail was read.
    Read,
    /// `Not read: …`: it was deleted unread.
    Unread,
    /// `Delivered: …`: it lies in the mailbox.
    Delivered,
}

/// A mark, and whether the subject of an answer stands after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mail) struct Marked {
    pub mark: Mark,
    pub repeats_answer: bool,
}

/// The mark that a subject begins with; `None` for an answer or a forward of a person.
pub(in crate::mail) fn mark(subject: &str) -> Option<Marked> {
    let subject = beginning(subject)?;
    sure_mark_of(subject).or_else(|| perhaps(subject).then_some(Marked { mark: Mark::Perhaps, repeats_answer: false }))
}

/// The same of the marks that only programs write, which are found at once.
pub(in crate::mail) fn sure_mark(subject: &str) -> Option<Marked> {
    sure_mark_of(beginning(subject)?)
}

/// What stands after the tags; `None` where that is an answer or a forward.
pub(super) fn beginning(subject: &str) -> Option<&str> {
    let end = subject.char_indices().nth(MAX).map_or(subject.len(), |(at, _)| at);
    Some(without_tags(subject.get(..end)?)).filter(|subject| leading_prefix(subject).is_none())
}

fn sure_mark_of(subject: &str) -> Option<Marked> {
    let colon = subject.char_indices().find(|(_, c)| is_colon(*c));
    let (before, rest) = match colon {
        Some((at, sign)) => (subject.get(..at)?, subject.get(at + sign.len_utf8()..)?.trim_start()),
        None => (subject, ""),
    };
    let clause = tidy(before);
    // In Korean the mark itself ends with the word for an answer.
    let is_mark = phrases::AUTOMATIC_REPLIES.have(&clause) || is_absence(&clause);
    let name = if is_mark { &clause } else { without_prefix(&clause) };
    let repeats_answer = name != clause || leading_prefix(rest).is_some();
    let mark = match colon.is_some() {
        true if phrases::UNREAD_RECEIPTS.have(name) => Mark::Unread,
        true if phrases::READ_RECEIPTS.have(name) => Mark::Read,
        true if phrases::DELIVERY_RECEIPTS.have(name) => Mark::Delivered,
        true if is_absence(name) => Mark::Reply,
        _ if phrases::AUTOMATIC_REPLIES.have(name) => Mark::Reply,
        _ => return None,
    };
    Some(Marked { mark, repeats_answer })
}

fn perhaps(subject: &str) -> bool {
    let whole = tidy(subject);
    let lists = [&phrases::AUTOMATIC_REPLIES, &phrases::AWAY, &phrases::AWAY_WORDS];
    lists.iter().any(|list| stands_out(list, &whole))
        || phrases::AWAY_SENTENCES.first_in(&whole).is_some()
        || phrases::ACKNOWLEDGEMENTS.begin(&whole)
}

/// Whether a subject is the name of such a note and nothing else.
pub(super) fn is_only_a_mark(subject: &str) -> bool {
    let lists = [&phrases::AUTOMATIC_REPLIES, &phrases::AWAY];
    beginning(subject).map(tidy).is_some_and(|whole| lists.iter().any(|list| list.have(&whole)))
}

/// A word for nothing but such a note: of more than one word, or a long one.
fn is_absence(clause: &str) -> bool {
    phrases::AWAY.have(clause) && is_long(clause, 7)
}

/// Whether a phrase has more than one word, or more letters than these: of ideographs four are many.
pub(super) fn is_long(phrase: &str, letters: usize) -> bool {
    let is_ideograph = |c: char| c > '\u{2E80}';
    let enough = if phrase.chars().all(is_ideograph) { 3 } else { letters };
    phrase.contains([' ', '-', '\'']) || phrase.chars().count() > enough
}

/// Letters of a word that says by itself what it is: `Abwesenheitsnotiz`.
pub(super) const LONG: usize = 10;

/// Whether a phrase begins or ends the subject, or stands between separators.
fn stands_out(list: &'static Phrases, subject: &str) -> bool {
    list.all_in(subject).any(|(at, phrase)| {
        let before = subject.get(..at).unwrap_or_default();
        let after = subject.get(at + phrase.len()..).unwrap_or_default();
        let says_enough = phrase.contains(' ') || phrase.chars().count() > LONG;
        let begins = before.is_empty() && says_enough && after.starts_with(' ');
        let ends = after.is_empty() && before.ends_with(' ');
        begins || ends || is_separated_before(before) && is_separated_after(after)
    })
}

pub(super) const SEPARATORS: [char; 16] =
    [':', '：', ';', '–', '—', '(', ')', '.', ',', '!', '|', '/', '~', '[', ']', '【'];

/// A hyphen separates words only where it is not within one.
pub(super) fn is_separated_after(after: &str) -> bool {
    let rest = after.trim_start();
    rest.is_empty() || rest.starts_with(SEPARATORS) || after.starts_with(" -") || leading_prefix(rest).is_some()
}

pub(super) fn is_separated_before(before: &str) -> bool {
    let rest = before.trim_end();
    rest.is_empty() || rest.ends_with(SEPARATORS) || before.ends_with("- ")
}

/// The subject after tags such as `[EXTERNAL]`, `(ticket 7)`, `***SPAM***` and `EXTERN:`.
fn without_tags(subject: &str) -> &str {
    let mut rest = subject.trim();
    for _ in 0..MAX_TAGS {
        let after = in_brackets(rest).or_else(|| between_stars(rest)).or_else(|| of_gateway(rest));
        match after.map(|after| after.trim_start_matches([' ', ':', '-', '|', ','])).filter(|after| !after.is_empty()) {
            Some(after) => rest = after,
            None => break,
        }
    }
    rest
}

fn in_brackets(subject: &str) -> Option<&str> {
    let close = match subject.chars().next()? {
        '[' => ']',
        '(' => ')',
        '{' => '}',
        '<' => '>',
        '【' => '】',
        '［' => '］',
        _ => return None,
    };
    subject.split_once(close).map(|(_, rest)| rest)
}

fn between_stars(subject: &str) -> Option<&str> {
    let sign = subject.chars().next().filter(|c| matches!(c, '*' | '#' | '!' | '='))?;
    let inner = subject.trim_start_matches(sign);
    let (tag, rest) = inner.split_once(sign)?;
    (!tag.trim().is_empty() && subject.len() - inner.len() > 1).then(|| rest.trim_start_matches(sign))
}

fn of_gateway(subject: &str) -> Option<&str> {
    let (tag, rest) = subject.split_once([':', '|', '-'])?;
    phrases::MARKS_OF_GATEWAYS.have(&phrases::plain(tag)).then_some(rest)
}

/// `atvaļinājums re` is what stands before the colon of `Atvaļinājums Re: …`.
fn without_prefix(clause: &str) -> &str {
    match clause.rsplit_once(' ') {
        Some((before, last)) if leading_prefix(&format!("{last}:")).is_some() => before.trim_end(),
        _ => clause,
    }
}

fn is_colon(c: char) -> bool {
    matches!(c, ':' | '：' | '︰')
}

/// Lower case, one blank between words, and nothing around it.
fn tidy(text: &str) -> String {
    let plain = phrases::plain(text);
    plain.trim_matches([' ', '"', '\'', '!', '.', '-', '–', '«', '»', '“', '”', '(', ')', '[', ']']).to_owned()
}

/// Whether a message answers another one, by what it says itself: by an id, by a number of a case, or by the subject
/// that it repeats after its mark.
pub(super) fn answers(message: &Message) -> bool {
    let repeats = || sure_mark(&message.subject).is_some_and(|marked| marked.repeats_answer);
    !message.in_reply_to.is_empty()
        || !message.references.is_empty()
        || !crate::mail::subject::case_numbers(&message.subject).is_empty()
        || repeats()
}
