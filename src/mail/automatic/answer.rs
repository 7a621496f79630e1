//! What the subject of an answer to us makes of it where no other sign of a program is there. People begin subjects with
//! the same words (`Absence: which days are free?`), so more than a beginning is asked for: what stands next to the phrase
//! is the subject that is answered, the name of the sender, or nothing.

use super::subject::{self, Mark};
use crate::mail::message::Message;
use crate::mail::phrases::{self, Phrases};
use crate::mail::prefix::{leading_prefix, leading_tag};

/// What stands in the subject in addition to the phrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mail) enum Rest {
    /// The subject of the mail that is answered.
    Ours,
    /// A subject with `Re:` before it, which nobody has compared, or a number of a case.
    Repeated,
    /// Any subject, but a number of a case stands before the phrase.
    Numbered,
    /// The name of the sender.
    Author,
    Nothing,
    /// The words of a sentence such as `Kim is out of the office until Monday`.
    Sentence,
}

/// A phrase that speaks for a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mail) struct ByWords {
    pub mark: Mark,
    pub phrase: &'static str,
    pub rest: Rest,
    /// Whether people do not begin subjects with it.
    pub of_programs: bool,
}

impl ByWords {
    /// Whether nothing but words that people may choose speaks for it.
    pub fn is_doubtful(self) -> bool {
        !(self.rest == Rest::Ours || self.rest == Rest::Repeated && self.of_programs)
    }

    /// The phrase and where it stands, for a reason.
    pub fn shown(self) -> String {
        let rest = match self.rest {
            Rest::Ours => "with the subject that it answers",
            Rest::Repeated => "before Re: or a case number",
            Rest::Numbered => "after a case number",
            Rest::Author => "with the name of the sender",
            Rest::Nothing => "and nothing else",
            Rest::Sentence => "in a sentence",
        };
        format!("\"{}\" {rest}, in an answer", self.phrase)
    }
}

/// A subject as it is compared: without prefixes and tags.
pub(in crate::mail) fn comparable(subject: &str) -> String {
    phrases::plain(&crate::mail::subject::base(subject))
}

/// What the subject says in an answer to mails with these subjects, which are [`comparable`]; `None` where it speaks for a
/// person. None are given where the mail that is answered is not known.
pub(in crate::mail) fn by_words(message: &Message, ours: &[String]) -> Option<ByWords> {
    if !subject::answers(message) {
        return None;
    }
    let subject = phrases::plain(subject::beginning(&message.subject)?);
    let subject = subject.trim_start_matches(['"', '\'', '«', '“', '„', ' ']);
    let is_numbered = begins_with_number(message.subject.trim_start());
    let look = Look { subject, names: names(message), ours, is_numbered };
    look.at_beginning().or_else(|| look.at_end()).or_else(|| look.sentence())
}

/// The words by which the sender calls themselves.
fn names(message: &Message) -> Vec<String> {
    let of = |text: &str| words_of(&phrases::plain(text)).map(str::to_owned).collect::<Vec<_>>();
    let local = |address: &str| address.split('@').next().unwrap_or_default().to_owned();
    message.from.iter().take(1).flat_map(|from| [of(&from.name), of(&local(&from.address))]).flatten().collect()
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '\'')).filter(|word| !word.is_empty())
}

/// Words that may stand around a sentence, or after an acknowledgement.
const FEW: usize = 4;
/// Letters of them in scripts without blanks.
const SHORT: usize = 30;

struct Look<'a> {
    /// In lower case, after tags.
    subject: &'a str,
    names: Vec<String>,
    ours: &'a [String],
    /// A number of a case stands in the tags before it.
    is_numbered: bool,
}

impl Look<'_> {
    /// `Automatic reply: Printer`, `Out of office`, `We have received your request [#7]`.
    fn at_beginning(&self) -> Option<ByWords> {
        let marks = [
            (&phrases::AUTOMATIC_REPLIES, Mark::Reply),
            (&phrases::AWAY, Mark::Perhaps),
            (&phrases::AWAY_WORDS, Mark::Perhaps),
            (&phrases::UNREAD_RECEIPTS, Mark::Unread),
            (&phrases::READ_RECEIPTS, Mark::Read),
            (&phrases::DELIVERY_RECEIPTS, Mark::Delivered),
            (&phrases::ACKNOWLEDGEMENTS, Mark::Perhaps),
        ];
        marks.iter().find_map(|(list, mark)| {
            let mut phrases: Vec<&'static str> = list.beginnings(self.subject).collect();
            phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.len()));
            let rest = |phrase: &'static str| self.rest_after(list, *mark, phrase).map(|rest| (phrase, rest));
            let of_programs = |phrase| !std::ptr::eq(*list, &phrases::ACKNOWLEDGEMENTS) && says_enough(list, phrase);
            let found = phrases.into_iter().find_map(rest);
            found.map(|(phrase, rest)| ByWords { mark: *mark, phrase, rest, of_programs: of_programs(phrase) })
        })
    }

    fn rest_after(&self, list: &'static Phrases, mark: Mark, phrase: &str) -> Option<Rest> {
        let after = self.subject.get(phrase.len()..)?;
        let is_acknowledgement = std::ptr::eq(list, &phrases::ACKNOWLEDGEMENTS);
        if !is_acknowledgement && after.starts_with(char::is_alphanumeric) {
            return None;
        }
        let is_receipt = matches!(mark, Mark::Read | Mark::Unread | Mark::Delivered);
        let after = after.trim_start_matches(['"', '\'', '»', '”', '“']);
        let is_separated = match is_receipt {
            true => after.trim_start().starts_with([':', '：', '︰']),
            false => subject::is_separated_after(after),
        };
        let rest = without_separators(after);
        // `Read [#7] Printer`: some programs leave the colon out.
        let is_separated = is_separated || is_receipt && after.starts_with(' ') && begins_with_number(rest);
        if is_separated && let Some(rest) = self.repeats(rest) {
            return Some(rest);
        }
        match rest {
            _ if is_receipt => None,
            "" => says_enough(list, phrase).then_some(Rest::Nothing),
            rest if is_acknowledgement => {
                is_short(&crate::mail::subject::base(rest), FEW / 2).then_some(Rest::Sentence)
            }
            rest if says_enough(list, phrase) && self.is_author(rest) => Some(Rest::Author),
            _ => (says_enough(list, phrase) && self.is_numbered && is_separated).then_some(Rest::Numbered),
        }
    }

    /// `Printer (out of office)`, `Kim Lee: on vacation`.
    fn at_end(&self) -> Option<ByWords> {
        let end = self.subject.trim_end_matches([')', ']', '】', '"', '\'', '.', '!', ' ']);
        [(&phrases::AUTOMATIC_REPLIES, Mark::Reply), (&phrases::AWAY, Mark::Perhaps)].iter().find_map(|(list, mark)| {
            list.all_in(end).filter(|(at, phrase)| at + phrase.len() == end.len()).find_map(|(at, phrase)| {
                let before = end.get(..at).filter(|before| subject::is_separated_before(before))?;
                let before =
                    before.trim_end_matches(|c: char| c == ' ' || c == '-' || subject::SEPARATORS.contains(&c));
                let author = || (says_enough(list, phrase) && self.is_author(before)).then_some(Rest::Author);
                let rest = self.is_ours(before).then_some(Rest::Ours).or_else(author)?;
                Some(ByWords { mark: *mark, phrase, rest, of_programs: false })
            })
        })
    }

    /// `Kim Lee is out of the office (returning 12/01)`: a few words around a statement, and no question.
    fn sentence(&self) -> Option<ByWords> {
        if self.subject.contains(['?', '？', '؟', ';']) {
            return None;
        }
        phrases::AWAY_SENTENCES.all_in(self.subject).find_map(|(at, phrase)| {
            let before = self.subject.get(..at).unwrap_or_default();
            let before = match before.split_once(':') {
                Some((mark, before)) if phrases::AWAY.have(mark) || phrases::AUTOMATIC_REPLIES.have(mark) => before,
                Some(_) => return None,
                None => before,
            };
            let after = self.subject.get(at + phrase.len()..).unwrap_or_default();
            let rest = match after.contains([':', '：']) {
                true => self.repeats(without_separators(after))?,
                false => Rest::Sentence,
            };
            let is_short = is_short(before, FEW) && (rest != Rest::Sentence || is_short(after, FEW));
            is_short.then_some(ByWords { mark: Mark::Perhaps, phrase, rest, of_programs: false })
        })
    }

    fn repeats(&self, rest: &str) -> Option<Rest> {
        if self.is_ours(rest) {
            return Some(Rest::Ours);
        }
        (leading_prefix(rest).is_some() || begins_with_number(rest)).then_some(Rest::Repeated)
    }

    fn is_ours(&self, rest: &str) -> bool {
        let rest = comparable(rest);
        !rest.is_empty() && self.ours.contains(&rest)
    }

    fn is_author(&self, rest: &str) -> bool {
        let mut words = words_of(rest).peekable();
        words.peek().is_some() && words.all(|word| self.names.iter().any(|name| name == word))
    }
}

/// The text after what stands between a phrase and a subject, without the brackets around it.
fn without_separators(text: &str) -> &str {
    let is_bracket = |c: char| matches!(c, '[' | ']' | '【' | '(' | ')');
    let separates = |c: char| c == ' ' || c == '-' || c == '︰' || subject::SEPARATORS.contains(&c) && !is_bracket(c);
    let rest = text.trim_start_matches(separates).trim_end();
    rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(rest)
}

/// `[#7] Printer`, also after other tags.
fn begins_with_number(mut rest: &str) -> bool {
    for _ in 0..subject::MAX_TAGS {
        match leading_tag(rest) {
            Some((tag, _)) if !crate::mail::subject::case_numbers(tag).is_empty() => return true,
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    false
}

fn is_short(text: &str, words: usize) -> bool {
    text.split_whitespace().take(words + 1).count() <= words && text.chars().take(SHORT + 1).count() <= SHORT
}

/// Whether a phrase may stand alone: people write `Holiday` alone, but seldom a name of such notes.
fn says_enough(list: &'static Phrases, phrase: &str) -> bool {
    let of_people =
        [&phrases::READ_RECEIPTS, &phrases::UNREAD_RECEIPTS, &phrases::DELIVERY_RECEIPTS, &phrases::AWAY_WORDS];
    let is_of_people = of_people.iter().any(|of| std::ptr::eq(list, *of));
    !is_of_people && (!std::ptr::eq(list, &phrases::AWAY) || subject::is_long(phrase, subject::LONG))
}
