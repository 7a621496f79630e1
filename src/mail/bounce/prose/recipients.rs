//! Whom a report names.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::mail::automatic;
use crate::mail::bounce::severity::{self, Said};
use crate::mail::bounce::{self, MAX, Outcome};
use crate::mail::message::Message;
use crate::mail::words;

/// Lines after an address that may say why.
const REASON_LINES: usize = 8;

/// Words before the address in a list of recipients.
const LABELS: [&str; 9] = [
    "rcpt to:",
    "recipient:",
    "to:",
    "address:",
    "failed recipient:",
    "invalid recipient:",
    "user:",
    "message to",
    "for:",
];

/// What a report says of a recipient, read once however many share it.
#[derive(Debug)]
pub(super) struct Why {
    /// By the status code and the words.
    pub outcome: Outcome,
    /// Enhanced status code; may be empty.
    pub status: String,
    /// The words, in one line.
    pub diagnostic: String,
}

/// The text of a report, and what has been read out of it.
struct Report<'a> {
    text: &'a str,
    lines: Vec<&'a str>,
    /// The whole text as the reason of those whom nothing else is said about.
    whole: OnceCell<Rc<Why>>,
    /// The first status code in it, for words that have none.
    status: OnceCell<Option<String>>,
}

impl<'a> Report<'a> {
    fn new(text: &'a str) -> Report<'a> {
        Report { text, lines: text.lines().collect(), whole: OnceCell::new(), status: OnceCell::new() }
    }

    fn why(&self, words: &str) -> Why {
        let first = || self.status.get_or_init(|| severity::status_in(self.text)).clone();
        let status = severity::status_in(words).or_else(first).unwrap_or_default();
        Why { outcome: Said::by(words).outcome(&status), status, diagnostic: bounce::diagnostic(words) }
    }

    fn whole(&self) -> Rc<Why> {
        Rc::clone(self.whole.get_or_init(|| Rc::new(self.why(self.text))))
    }

    /// The lines from an address to the next one; in a bare list of addresses the whole text.
    fn reason(&self, start: usize, end: usize) -> Rc<Why> {
        let own: Vec<&str> = self.lines.iter().take(end).skip(start).take(REASON_LINES).copied().collect();
        let own = own.join("\n");
        if own.split_whitespace().nth(2).is_some() { Rc::new(self.why(&own)) } else { self.whole() }
    }
}

/// Each recipient with the words that say why: those that the header names, else those that lines begin with, else
/// the first address in the text that is not the reader's or the mail system's.
pub(super) fn find(message: &Message, text: &str, named: Vec<String>) -> Vec<(String, Rc<Why>)> {
    let report = Report::new(text);
    if !named.is_empty() {
        return with_reasons(&report, named);
    }
    let strangers = Strangers::of(message);
    let mut found = listed(&report.lines, &strangers);
    if found.is_empty() {
        let first = |(n, line): (usize, &&str)| Some((n, addresses(line).find(|a| strangers.has(a))?));
        found.extend(report.lines.iter().enumerate().find_map(first));
    }
    let ends = found.iter().skip(1).map(|(n, _)| *n).chain([usize::MAX]).collect::<Vec<_>>();
    let reasons: Vec<Rc<Why>> = found.iter().zip(ends).map(|((n, _), end)| report.reason(*n, end)).collect();
    found.into_iter().map(|(_, address)| address).zip(reasons).collect()
}

/// Recipients that the header names: each with the lines from the first one that names it.
fn with_reasons(report: &Report<'_>, named: Vec<String>) -> Vec<(String, Rc<Why>)> {
    let mut wanted: HashMap<String, Option<usize>> =
        named.iter().map(|address| (address.to_lowercase(), None)).collect();
    for (n, line) in report.lines.iter().enumerate() {
        for address in addresses(line) {
            if let Some(first @ None) = wanted.get_mut(&address.to_lowercase()) {
                *first = Some(n);
            }
        }
    }
    // Several may stand in one line.
    let mut by_line: HashMap<usize, Rc<Why>> = HashMap::new();
    let why = |address: &String| match wanted.get(&address.to_lowercase()).copied().flatten() {
        Some(n) => Rc::clone(by_line.entry(n).or_insert_with(|| report.reason(n, usize::MAX))),
        None => report.whole(),
    };
    let reasons: Vec<Rc<Why>> = named.iter().map(why).collect();
    named.into_iter().zip(reasons).collect()
}

/// Everybody but the sender and the reader of the report, and mail systems.
struct Strangers(HashSet<String>);

impl Strangers {
    fn of(message: &Message) -> Strangers {
        let Message { from, to, cc, reply_to, .. } = message;
        let known = from.iter().chain(to).chain(cc).chain(reply_to);
        Strangers(known.map(|mailbox| mailbox.address.to_ascii_lowercase()).collect())
    }

    fn has(&self, address: &str) -> bool {
        !self.0.contains(&address.to_ascii_lowercase()) && !automatic::is_mail_system(address)
    }
}

/// The first lines that begin with an address, with their numbers.
fn listed(lines: &[&str], strangers: &Strangers) -> Vec<(usize, String)> {
    // What stands before the list may cite the header of the message.
    let list = lines.iter().position(|line| words::BEFORE_RECIPIENTS.are_in(&line.to_lowercase())).unwrap_or(0);
    let from = |start: usize| {
        let leading = move |(n, line): (usize, &&str)| Some((n, leading_address(line)?));
        let found = lines.iter().enumerate().skip(start).filter_map(leading);
        found.filter(|(_, address)| strangers.has(address)).take(MAX).collect::<Vec<_>>()
    };
    let found = from(list + 1);
    if found.is_empty() { from(0) } else { found }
}

/// The address a line begins with.
fn leading_address(line: &str) -> Option<String> {
    let line = line.trim_start_matches([' ', '\t', '*', '-', '>', '"', '\'', '|']);
    let is_label = |label: &&str| line.get(..label.len()).is_some_and(|start| start.eq_ignore_ascii_case(label));
    let label = LABELS.iter().copied().find(|label| is_label(label)).unwrap_or_default();
    let rest = line.get(label.len()..)?.trim_start_matches([' ', '<', '"', '\'', '(', '[']);
    let end = rest.find(|c: char| !is_address_char(c)).unwrap_or(rest.len());
    let word = rest.get(..end)?.trim_end_matches('.');
    is_address(word).then(|| word.to_owned())
}

/// The addresses in a text, in their order.
pub(in crate::mail::bounce) fn addresses(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !is_address_char(c)).map(|word| word.trim_matches(['.', '\'', '=', '-', '/']));
    words.filter(|word| is_address(word)).map(str::to_owned)
}

fn is_address_char(c: char) -> bool {
    c.is_alphanumeric() || "@.!#$%&'*+-/=?^_`{|}~".contains(c)
}

/// `local@domain.tld`. Ids of messages and queues look so too, but seldom end in a word.
fn is_address(word: &str) -> bool {
    let Some((local, domain)) = word.rsplit_once('@') else { return false };
    let is_label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    let (mut labels, last) = (domain.split('.'), domain.rsplit('.').next().unwrap_or_default());
    !local.is_empty()
        && local.len() <= 64
        && !local.contains('@')
        && domain.contains('.')
        && labels.all(is_label)
        && last.chars().all(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_once_for_all_whom_it_says_nothing_else_about() {
        let report = Report::new("delivery failed\na@customer.example\nb@customer.example\n");
        let (first, second) = (report.reason(1, 2), report.reason(2, 3));
        assert!(Rc::ptr_eq(&first, &second), "{first:?} {second:?}");
    }
}
