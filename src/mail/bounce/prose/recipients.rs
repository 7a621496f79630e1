//! Whom a report names.

use crate::mail::address::Mailbox;
use crate::mail::automatic;
use crate::mail::bounce::MAX;
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

/// Each recipient with the words that say why: those that the header names, else those that lines begin with, else
/// the first address in the text that is not the reader's or the mail system's.
pub(super) fn find(message: &Message, text: &str, named: Vec<String>) -> Vec<(String, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let strangers = Strangers(message);
    if !named.is_empty() {
        let reason = |address: &String| named_reason(&lines, address).unwrap_or_else(|| text.to_owned());
        return named.into_iter().map(|address| (address.clone(), reason(&address))).collect();
    }
    let mut found = listed(&lines, &strangers);
    if found.is_empty() {
        let first = |(n, line): (usize, &&str)| Some((n, addresses(line).into_iter().find(|a| strangers.has(a))?));
        found.extend(lines.iter().enumerate().find_map(first));
    }
    let ends = found.iter().skip(1).map(|(n, _)| *n).chain([usize::MAX]).collect::<Vec<_>>();
    let reasons = found.iter().zip(ends).map(|((n, _), end)| reason(&lines, *n, end, text));
    found.iter().map(|(_, address)| address.clone()).zip(reasons).collect()
}

/// Everybody but the sender and the reader of the report, and mail systems.
struct Strangers<'a>(&'a Message);

impl Strangers<'_> {
    fn has(&self, address: &str) -> bool {
        let Message { from, to, cc, reply_to, .. } = self.0;
        let is = |mailbox: &Mailbox| mailbox.address.eq_ignore_ascii_case(address);
        !from.iter().chain(to).chain(cc).chain(reply_to).any(is) && !automatic::is_mail_system(address)
    }
}

/// Lines that begin with an address, with their numbers.
fn listed(lines: &[&str], strangers: &Strangers<'_>) -> Vec<(usize, String)> {
    let numbered = lines.iter().enumerate();
    let found = numbered.filter_map(|(n, line)| Some((n, leading_address(line)?)));
    let mut found: Vec<_> = found.filter(|(_, address)| strangers.has(address)).collect();
    // What stands before the list may cite the header of the message.
    let list = lines.iter().position(|line| words::BEFORE_RECIPIENTS.are_in(&line.to_lowercase())).unwrap_or(0);
    if found.iter().any(|(n, _)| *n > list) {
        found.retain(|(n, _)| *n > list);
    }
    found
}

/// The lines from an address to the next one; in a bare list of addresses the whole text.
fn reason(lines: &[&str], start: usize, end: usize, text: &str) -> String {
    let own: Vec<&str> = lines.iter().take(end).skip(start).take(REASON_LINES).copied().collect();
    let own = own.join("\n");
    if own.split_whitespace().count() < 3 { text.to_owned() } else { own }
}

fn named_reason(lines: &[&str], address: &str) -> Option<String> {
    let address = address.to_lowercase();
    let start = lines.iter().position(|line| line.to_lowercase().contains(&address))?;
    Some(reason(lines, start, usize::MAX, ""))
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
pub(in crate::mail::bounce) fn addresses(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !is_address_char(c)).map(|word| word.trim_matches(['.', '\'', '=', '-', '/']));
    words.filter(|word| is_address(word)).map(str::to_owned).take(MAX).collect()
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
