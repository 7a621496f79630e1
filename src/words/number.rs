//! Numbers as people write them: `1.234,56` and `1,234.56`, `2231-44` and `2231/44`, `+49 (0)30 123-45` and `030 12345`,
//! an IBAN with and without blanks. Numbers that share a key are the same.
//!
//! A number is made of groups of letters and digits. A sign stands between two groups; between two groups of digits it may
//! also be a blank, or a sign or parenthesis with blanks around it. Its keys:
//!
//! - an amount, whose groups of thousands have three digits: its value, with `·` before the decimals;
//! - else its letters and digits;
//! - of a telephone number, which begins with `+` or `0`, also what follows the country and the `0`.

use std::collections::BTreeSet;

use super::pieces::is_dense;

/// A longer number is none: it is a table, a list or a trap.
const LONGEST: usize = 40;
/// More letters than these are words with a digit.
const LETTERS: usize = 8;
/// A shorter key says too little.
const SHORTEST: usize = 4;
/// Groups of the longest number; IBANs have 9.
const MOST: usize = 12;
/// Parts between blanks of the longest number in another one.
const PARTS: usize = 5;
/// Digits of the longest and the shortest telephone number, and of the shortest within a country.
const PHONE: std::ops::RangeInclusive<usize> = 7..=17;
const AT_HOME: usize = 6;

/// Neighbouring letters and digits, and where they end.
#[derive(Debug, Clone, Copy)]
struct Group<'a> {
    text: &'a str,
    end: usize,
}

impl Group<'_> {
    fn is_digits(&self) -> bool {
        self.text.bytes().all(|byte| byte.is_ascii_digit())
    }
}

/// Groups with the signs between them, and whether a plus sign comes first.
#[derive(Debug, Default)]
struct Number<'a> {
    groups: Vec<Group<'a>>,
    signs: Vec<&'a str>,
    plus: bool,
}

/// Adds the keys of the numbers in a folded text. What is a word as it is needs no key. A number with blanks in it may be
/// several: each of them has its keys, too.
pub fn collect(folded: &str, keys: &mut BTreeSet<String>) {
    let mut at = 0;
    while let Some(found) = folded.as_bytes().get(at..).and_then(|rest| rest.iter().position(u8::is_ascii_digit)) {
        let digit = at + found;
        let start = start_of(folded, digit, at, is_sign);
        if let Some(end) = plain_end(folded, start) {
            at = end;
            continue;
        }
        let mut number = read(folded, start, at);
        if number.letters() > LETTERS {
            number = read(folded, start_of(folded, digit, at, |_| false), at);
        }
        number.collect(keys);
        at = number.groups.last().map_or(digit + 1, |group| group.end).max(digit + 1);
    }
}

/// The end of the word that begins here, if that word has no key. Saves taking it apart: most words with digits are such.
fn plain_end(text: &str, start: usize) -> Option<usize> {
    let group = group(text, start)?;
    let is_phone = group.is_digits() && PHONE.contains(&group.text.len());
    let mut after = text.as_bytes().get(group.end..)?.iter();
    let is_alone = match (after.next(), after.next()) {
        (None | Some(b'\n'), _) => true,
        // A blank may stand within a number, before its next digits, and within an IBAN.
        (Some(b' '), next) => next.is_some_and(|byte| byte.is_ascii_alphabetic()) && group.text.len() != 4,
        _ => false,
    };
    (is_alone && !is_phone && group.text.len() <= LONGEST).then_some(group.end)
}

/// The keys of a folded text that is one number and nothing else, the most usual first.
pub fn keys(folded: &str) -> Vec<String> {
    let text = folded.trim_matches(|c: char| !c.is_alphanumeric() && c != '+');
    let Some(first) = text.find(|c: char| c.is_ascii_alphanumeric()) else { return Vec::new() };
    let number = read(text, first, 0);
    let is_all = number.groups.last().is_some_and(|group| group.end == text.len());
    if !is_all || !matches!(text.get(..first), Some("" | "+" | "+(")) {
        return Vec::new();
    }
    keys_of(&number.groups, &number.signs, number.plus).collect()
}

/// Where the number begins that holds this digit: what a `sign` joins to it belongs to it.
fn start_of(text: &str, digit: usize, from: usize, sign: fn(u8) -> bool) -> usize {
    let at = |i: usize| text.as_bytes().get(i).copied().filter(|_| i >= from);
    let mut start = digit;
    while digit - start < LONGEST
        && let Some(i) = start.checked_sub(1)
        && let Some(before) = at(i)
    {
        let joins = || sign(before) && i.checked_sub(1).and_then(at).is_some_and(|byte| byte.is_ascii_alphanumeric());
        if !before.is_ascii_alphanumeric() && !joins() {
            break;
        }
        start = i;
    }
    start
}

/// A sign that joins any two groups.
fn is_sign(byte: u8) -> bool {
    matches!(byte, b'-' | b'.' | b',' | b'/' | b'\'' | b'_')
}

fn is_tight(sign: &str) -> bool {
    sign.len() == 1 && sign.bytes().all(is_sign)
}

/// Reads the number that begins here; `from` is where the last one ended.
fn read(text: &str, first: usize, from: usize) -> Number<'_> {
    let before = text.get(from..first).unwrap_or_default();
    let mut number = Number { plus: before.ends_with('+') || before.ends_with("+("), ..Number::default() };
    let Some(mut group) = group(text, first) else { return number };
    if let Some(iban) = iban(text, group) {
        return iban;
    }
    loop {
        let last = group;
        number.groups.push(group);
        let sign_end = text
            .get(last.end..)
            .unwrap_or_default()
            .bytes()
            .take(4)
            .position(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii())
            .map(|length| last.end + length);
        let sign = sign_end.and_then(|end| text.get(last.end..end)).unwrap_or_default();
        let Some(next) = sign_end.and_then(|start| self::group(text, start)) else { return number };
        let is_joined = is_tight(sign) || (is_loose(sign) && last.is_digits() && next.is_digits());
        if !is_joined {
            return number;
        }
        number.signs.push(sign);
        group = next;
    }
}

/// What may stand between groups of digits.
fn is_loose(sign: &str) -> bool {
    matches!(sign.trim_matches(' '), "" | "(" | ")" | "/" | "-" | ")-" | ")/" | ") (" | ")(")
        && !sign.is_empty()
        && !sign.contains("  ")
}

/// The letters and digits that begin here; `None` where letters beyond ASCII belong to them.
fn group(text: &str, start: usize) -> Option<Group<'_>> {
    let rest = text.get(start..)?;
    let length = rest.bytes().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let is_free = |c: Option<char>| c.is_none_or(|c| c.is_ascii() || !c.is_alphanumeric() || is_dense(c));
    let (word, after) = rest.split_at_checked(length)?;
    let before = text.get(..start)?;
    (length > 0 && is_free(after.chars().next()) && is_free(before.chars().next_back()))
        .then_some(Group { text: word, end: start + length })
}

impl Number<'_> {
    fn letters(&self) -> usize {
        letters(&joined(&self.groups))
    }

    /// The keys of the whole and of the numbers in it: what stands between two blanks, what the whole begins with, what
    /// begins with `0`, and amounts.
    fn collect(&self, keys: &mut BTreeSet<String>) {
        let breaks = self.signs.iter().enumerate().filter(|(_, sign)| !is_tight(sign)).map(|(i, _)| i + 1);
        let edges: Vec<usize> = [0].into_iter().chain(breaks).chain([self.groups.len()]).collect();
        for (i, start) in edges.iter().enumerate() {
            for (length, end) in edges.iter().skip(i + 1).take(PARTS).enumerate() {
                let groups = self.groups.get(*start..*end).unwrap_or_default();
                let signs = self.signs.get(*start..end.saturating_sub(1)).unwrap_or_default();
                let begins = i == 0 || groups.first().is_some_and(|group| group.text.starts_with('0'));
                if length == 0 || begins || is_amount(groups, signs) {
                    let found = keys_of(groups, signs, self.plus && i == 0);
                    keys.extend(found.filter(|key| groups.len() > 1 || groups.iter().all(|group| group.text != key)));
                }
            }
        }
        if self.groups.len() <= MOST {
            keys.extend(keys_of(&self.groups, &self.signs, self.plus).filter(|_| self.groups.len() > 1));
        }
    }
}

fn joined(groups: &[Group<'_>]) -> String {
    groups.iter().map(|group| group.text).collect()
}

fn letters(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_alphabetic).count()
}

fn keys_of(groups: &[Group<'_>], signs: &[&str], plus: bool) -> impl Iterator<Item = String> {
    let all = joined(groups);
    let letters = letters(&all);
    let is_number = all.len() <= LONGEST && letters < all.len() && (letters <= LETTERS || is_iban(&all));
    let is_phone = is_number && letters == 0 && PHONE.contains(&all.len());
    let home = if is_phone { at_home(&all, plus) } else { None };
    let usual = usual(groups, signs).filter(|key| is_number && key.len() >= SHORTEST);
    usual.into_iter().chain(home)
}

/// What a number is known by: an amount by its value, where the last group may be up to two decimals, else its letters and
/// digits. Amounts below a thousand differ in the sign only, so words side by side find them.
fn usual(groups: &[Group<'_>], signs: &[&str]) -> Option<String> {
    let all = joined(groups);
    let (Some((last, before)), Some((sign, signs_before))) = (groups.split_last(), signs.split_last()) else {
        return Some(all);
    };
    let is_decimal =
        last.is_digits() && last.text.len() <= 2 && matches!(*sign, "." | ",") && !signs_before.contains(sign);
    if !is_decimal || !is_thousands(before, signs_before) {
        return Some(all);
    }
    let whole = joined(before);
    let decimals = last.text.trim_end_matches('0');
    match whole.len() >= SHORTEST {
        true if decimals.is_empty() => Some(whole),
        true => Some(format!("{whole}·{decimals}")),
        false => None,
    }
}

/// Whether it is an amount of more than one group.
fn is_amount(groups: &[Group<'_>], signs: &[&str]) -> bool {
    let has_decimals = usual(groups, signs).is_some_and(|key| key.contains('·'));
    groups.len() > 1 && (is_thousands(groups, signs) || has_decimals)
}

/// Up to three digits, then groups of three with one sign between all of them; in India groups of two before the last.
fn is_thousands(groups: &[Group<'_>], signs: &[&str]) -> bool {
    let sign = signs.first().copied().unwrap_or(" ");
    let Some((first, rest)) = groups.split_first() else { return false };
    let is_group = |(i, group): (usize, &Group<'_>)| {
        group.text.len() == 3 || (group.text.len() == 2 && sign == "," && i + 1 < rest.len())
    };
    groups.iter().all(Group::is_digits)
        && (rest.is_empty() || first.text.len() <= 3)
        && rest.iter().enumerate().all(is_group)
        && matches!(sign, "." | "," | "'" | " ")
        && signs.iter().all(|other| *other == sign)
}

/// A telephone number without the signs of its country and its long distance.
fn at_home(digits: &str, plus: bool) -> Option<String> {
    let abroad = if plus { Some(digits) } else { digits.strip_prefix("00") };
    let rest = match abroad {
        Some(abroad) => abroad.get(country(abroad)..)?,
        None => digits.strip_prefix('0')?,
    };
    let rest = rest.trim_start_matches('0');
    (rest.len() >= AT_HOME).then(|| rest.to_owned())
}

/// How long the code of the country is (ITU-T E.164, annex D).
fn country(digits: &str) -> usize {
    let two: u32 = digits.get(..2).and_then(|two| two.parse().ok()).unwrap_or_default();
    match two {
        10..=19 | 70..=79 => 1,
        20 | 27 | 30..=34 | 36 | 39..=41 | 43..=49 | 51..=58 | 60..=66 | 81 | 82 | 84 | 86 | 90..=95 | 98 => 2,
        _ => 3,
    }
}

/// An IBAN in groups of four that begins with this group, by its check digits (ISO 13616).
fn iban<'a>(text: &'a str, first: Group<'a>) -> Option<Number<'a>> {
    let [country, other, check, digit] = first.text.as_bytes() else { return None };
    let is_begun = [country, other].iter().all(|byte| byte.is_ascii_alphabetic());
    if !is_begun || ![check, digit].iter().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut groups = vec![first];
    let mut found = None;
    let mut all = first.text.to_owned();
    let mut last = first;
    while last.text.len() == 4 && all.len() <= 34 {
        let sign = text.get(last.end..last.end + 1)?;
        let Some(next) = group(text, last.end + 1).filter(|next| sign == " " && next.text.len() <= 4) else { break };
        all.push_str(next.text);
        groups.push(next);
        last = next;
        if is_iban(&all) {
            found = Some(groups.len());
        }
    }
    groups.truncate(found?);
    let signs = vec![" "; groups.len().saturating_sub(1)];
    Some(Number { groups, signs, plus: false })
}

/// Whether the check digits of an IBAN without blanks are right.
fn is_iban(text: &str) -> bool {
    let Some((head, tail)) = text.split_at_checked(4) else { return false };
    let shape = text.as_bytes().iter().take(4).map(u8::is_ascii_alphabetic).eq([true, true, false, false]);
    let value = |rest: u32, c: char| match c.to_digit(36) {
        Some(value @ 10..) => (rest * 100 + value) % 97,
        value => (rest * 10 + value.unwrap_or_default()) % 97,
    };
    shape && (15..=34).contains(&text.len()) && tail.chars().chain(head.chars()).fold(0, value) == 1
}
