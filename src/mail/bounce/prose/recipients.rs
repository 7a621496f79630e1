//! Whom a report names, found by where an address stands: after the words that announce a list, at the beginning of a
//! line, after a label, in a line that tells of a failure, and last in the header of the message that came back.

use std::collections::HashSet;
use std::rc::Rc;

use super::addresses::{address_of, addresses, is_address, is_address_char};
use super::reasons::{Reasons, Why};
use crate::mail::address::system::is_mail_system;
use crate::mail::bounce::MAX;
use crate::mail::message::Message;
use crate::mail::phrases;

/// Each recipient with the words that say why: those that the header names, else those of the text.
pub(super) fn find(message: &Message, text: &str, named: Vec<String>) -> Vec<(String, Rc<Why>)> {
    let reasons = Reasons::of(text);
    if !named.is_empty() {
        return named.into_iter().map(|address| (address.clone(), reasons.about(&[&address]))).collect();
    }
    let strangers = Strangers::of(message);
    let found = listed(&reasons.lines, &strangers);
    if found.is_empty() {
        let others = elsewhere(message, text, &strangers).into_iter().take(MAX);
        return others.map(|address| (address.clone(), reasons.about(&[&address]))).collect();
    }
    let ends = found.iter().skip(1).map(|(n, _)| *n).chain([usize::MAX]).collect::<Vec<_>>();
    let why: Vec<Rc<Why>> = found.iter().zip(ends).map(|((n, _), end)| reasons.between(*n, end)).collect();
    found.into_iter().map(|(_, address)| address).zip(why).collect()
}

/// Everybody but the sender and the reader of the report, who wrote the message that came back, and mail systems.
pub(super) struct Strangers(HashSet<String>);

impl Strangers {
    pub fn of(message: &Message) -> Strangers {
        let Message { from, to, cc, reply_to, enclosed, .. } = message;
        let author = enclosed.as_ref().and_then(|enclosed| enclosed.from.as_ref());
        let known = from.iter().chain(to).chain(cc).chain(reply_to).chain(author);
        let ids = enclosed.as_ref().and_then(|enclosed| enclosed.message_id.as_ref());
        let known = known.map(|mailbox| &mailbox.address).chain(ids);
        Strangers(known.map(|address| address.to_ascii_lowercase()).collect())
    }

    pub fn has(&self, address: &str) -> bool {
        !self.0.contains(&address.to_ascii_lowercase()) && !is_mail_system(address)
    }
}

/// The recipients that the text names, with the numbers of their lines.
fn listed(lines: &[&str], strangers: &Strangers) -> Vec<(usize, String)> {
    // What stands before the list may cite the header of the message.
    let announced = |line: &&str| phrases::BEFORE_RECIPIENTS.are_in(&phrases::plain(line));
    let list = lines.iter().position(announced);
    let after = list.map(|list| in_lines(lines, list + 1, strangers)).unwrap_or_default();
    if !after.is_empty() {
        return after;
    }
    let nearby = |list: usize| any(lines, list..lines.len().min(list + NEARBY), strangers);
    if let Some(found) = list.map(nearby).filter(|found| !found.is_empty()) {
        return found;
    }
    let anywhere = in_lines(lines, 0, strangers);
    if !anywhere.is_empty() {
        return anywhere;
    }
    let tells = |line: &str| {
        let line = phrases::plain(line);
        phrases::REPORT_TEXTS.are_in(&line) || phrases::NO_SUCH_ADDRESS.first_in(&line).is_some()
    };
    let first = |telling: bool| {
        let numbers = (0..lines.len()).filter(|n| !telling || lines.get(*n).is_some_and(|line| tells(line)));
        let one = |n: usize| {
            let (n, address) = any(lines, n..n + 1, strangers).into_iter().next()?;
            let line = lines.get(n)?;
            Some(with_others(line, address, strangers).map(|address| (n, address)).collect::<Vec<_>>())
        };
        numbers.into_iter().find_map(one)
    };
    first(true).or_else(|| first(false)).unwrap_or_default()
}

/// Lines after the words that announce a list in which an address may stand anywhere.
const NEARBY: usize = 12;

/// Addresses anywhere in these lines, except those of the report itself.
fn any(lines: &[&str], range: std::ops::Range<usize>, strangers: &Strangers) -> Vec<(usize, String)> {
    let lines = lines.iter().enumerate().take(range.end).skip(range.start);
    let told = lines.filter(|(_, line)| !is_about_others(line));
    let found = told.flat_map(|(n, line)| addresses(line).map(move |address| (n, address)));
    found.filter(|(_, address)| strangers.has(address)).take(MAX).collect()
}

/// Whether a line names whom to ask, or a part of the header of the message that does not name a reader.
fn is_about_others(line: &str) -> bool {
    let line = phrases::plain(line);
    let label = line.trim_start_matches(BULLETS).split([':', '：']).next().unwrap_or_default().trim();
    phrases::ABOUT_THE_REPORT.first_in(&line).is_some() || is_label_of_others(label)
}

fn is_label_of_others(label: &str) -> bool {
    phrases::LABELS_OF_OTHERS.have(label) || phrases::FROM_LABELS.have(label)
}

/// The recipients that lines begin with, up to the header of a message: such as have the label `To` only where there are
/// no others.
fn in_lines(lines: &[&str], start: usize, strangers: &Strangers) -> Vec<(usize, String)> {
    let (mut found, mut labelled): (Vec<_>, Vec<_>) = (Vec::new(), Vec::new());
    let mut before = "";
    for (n, line) in lines.iter().enumerate().skip(start) {
        let leads = leading_address(line).filter(|leading| strangers.has(&leading.address));
        let goes_on = !before.trim_end().ends_with(':') && !before.trim().is_empty() && {
            let before = phrases::plain(before);
            phrases::ABOUT_THE_REPORT.first_in(&before).is_some() && !before.contains('@')
        };
        before = line;
        match leads {
            None if !found.is_empty() && cites_header(line) => break,
            None => {}
            Some(_) if goes_on => {}
            Some(leading) if leading.is_to => labelled.push((n, leading.address)),
            Some(leading) => found.extend(with_others(line, leading.address, strangers).map(|address| (n, address))),
        }
        if found.len().max(labelled.len()) >= MAX {
            break;
        }
    }
    if found.is_empty() { labelled } else { found }
}

/// An address, and those that follow it in a line with nothing but commas between them.
fn with_others(line: &str, first: String, strangers: &Strangers) -> impl Iterator<Item = String> {
    let rest = line.split_once(first.as_str()).map_or("", |(_, rest)| rest);
    let mut others = Vec::new();
    for item in rest.split([',', ';']).skip(1) {
        let word = item.split_whitespace().next().unwrap_or_default();
        match address_of(word.trim_matches(['<', '>', '"', '\'', ':', '.'])).filter(|address| strangers.has(address)) {
            Some(address) => others.push(address),
            None => break,
        }
    }
    let listed = rest.trim_start_matches(['>', '"', '\'', ' ']).starts_with([',', ';']);
    std::iter::once(first).chain(others.into_iter().filter(move |_| listed))
}

/// `* From: desk@shop.example`, where a report goes on with the details of the message.
fn cites_header(line: &str) -> bool {
    let label = line.trim_start_matches(BULLETS).split(':').next().unwrap_or_default();
    line.contains(':') && phrases::FROM_LABELS.have(&label.trim().to_lowercase())
}

/// What the subject of the report or the message that came back says, where the words name nobody. Of several readers nobody
/// knows which one it was.
fn elsewhere(message: &Message, human: &str, strangers: &Strangers) -> Vec<String> {
    let only = |found: Vec<String>| Some(found).filter(|found| found.len() == 1);
    let known = |address: &String| strangers.has(address);
    let in_subject = || only(addresses(&message.subject).filter(known).collect());
    let readers =
        || message.enclosed.iter().flat_map(|enclosed| &enclosed.readers).map(|reader| reader.address.clone());
    let of_enclosed = || only(readers().filter(|address| address.contains('@')).filter(known).collect());
    let copy = || message.text.get(human.len()..).unwrap_or_default().lines().take(MAX_COPY);
    let after = |label: &'static str| {
        let fields = copy().filter(move |line| line.get(..label.len()).is_some_and(|l| l.eq_ignore_ascii_case(label)));
        only(fields.take(1).flat_map(addresses).filter(known).collect())
    };
    let found = in_subject().or_else(of_enclosed).or_else(|| after("rcpt to:")).or_else(|| after("to:"));
    found.unwrap_or_default()
}

/// Lines of a copy that are looked at.
const MAX_COPY: usize = 100;

/// An address that a line begins with.
pub(super) struct Leading {
    pub address: String,
    /// After the label `To`, which the header of the message has as well.
    pub is_to: bool,
}

const BULLETS: [char; 9] = [' ', '\t', '*', '-', '>', '<', '•', '|', '·'];
/// Characters of a label before an address.
const LABEL: usize = 48;

/// The address that a line begins with: bare, after a reply code, or after a label that does not say that it is another's.
pub(super) fn leading_address(line: &str) -> Option<Leading> {
    let line = line.trim_start_matches(BULLETS);
    let line = after_code(line);
    if let Some(address) = first_word(line) {
        return Some(Leading { address, is_to: false });
    }
    let colon = line.char_indices().take(LABEL).find(|(_, c)| matches!(c, ':' | '：' | ';'));
    let labelled = colon.and_then(|(at, sign)| Some((line.get(..at)?, line.get(at + sign.len_utf8()..)?)));
    if let Some((label, rest)) = labelled {
        let label = phrases::plain(label);
        let rest = rest.trim_start().trim_start_matches("rfc822;");
        let is_other = phrases::ABOUT_THE_REPORT.first_in(&label).is_some() || is_label_of_others(&label);
        if let Some(address) = first_word(rest).filter(|_| !is_other && !label.contains('@')) {
            let is_to = phrases::TO_LABELS.have(&label) || matches!(label.as_str(), "cc" | "bcc" | "for");
            return Some(Leading { address, is_to });
        }
    }
    let (before, rest) = line.split_at_checked(line.find(['<', '@'])?)?;
    let before = if rest.starts_with('@') { before.rsplit_once(' ')?.0 } else { before };
    let is_named = phrases::BEFORE_ADDRESS.have(&phrases::plain(before));
    let address = first_word(line.get(before.len()..)?).filter(|_| is_named)?;
    Some(Leading { address, is_to: false })
}

/// What follows `550 5.1.1 `.
fn after_code(line: &str) -> &str {
    let is_code = |text: &str| text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
    let is_status = |text: &str| text.contains('.') && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let Some((_, rest)) = line.split_once([' ', '-']).filter(|(code, _)| is_code(code)) else { return line };
    let rest = rest.trim_start_matches([' ', '-']);
    let (status, after) = rest.split_once(' ').unwrap_or((rest, ""));
    if is_status(status) { after.trim_start() } else { rest }
}

fn first_word(text: &str) -> Option<String> {
    let rest = text.trim_start_matches([' ', '\t', '<', '"', '\'', '(', '[', '«', '“', '「', '`']);
    let end = rest.find(|c: char| !is_address_char(c)).unwrap_or(rest.len());
    address_of(rest.get(..end)?.trim_end_matches(['.', '\'', '-', '=']))
}

/// Whom names without a domain mean: the readers of the message that came back who are called so, or its only one.
pub(in crate::mail::bounce) fn reader_called(message: &Message, name: &str) -> Option<String> {
    let readers: Vec<&str> =
        message.enclosed.iter().flat_map(|enclosed| &enclosed.readers).map(|reader| reader.address.as_str()).collect();
    // The last name of a mailbox in a directory is the one that it is called by.
    let called = name.rsplit(['=', '/']).next().unwrap_or_default().split('@').next().unwrap_or_default();
    let is_called = |reader: &&&str| reader.split('@').next().is_some_and(|local| local.eq_ignore_ascii_case(called));
    let only = || Some(&readers).filter(|readers| readers.len() == 1).and_then(|readers| readers.first());
    readers.iter().find(is_called).or_else(only).filter(|reader| is_address(reader)).map(|reader| (*reader).to_owned())
}
