//! Address lists (RFC 5322 3.4, with the obsolete forms of 4.4 and the mistakes of mailers), in one pass.
//!
//! A comma or semicolon outside quotes, comments and angle brackets ends an item. What is opened and never closed is
//! taken as a character like any other, so that one stray quote does not swallow the list.

use super::{Mailbox, normalise};
use crate::mail::message::encoded_word;

/// Characters looked ahead for the end of an encoded word.
const ENCODED_MAX: usize = 1_000;
/// Characters that are kept of a sender without an address.
const TEXT_MAX: usize = 200;
/// Comments inside each other.
const NESTING_MAX: usize = 20;

/// The mailboxes of a field's value; the names may hold encoded words. Items without an address are left out.
pub fn parse_list(value: &str) -> Vec<Mailbox> {
    let mut reader = Reader { rest: value, unclosed: [false; 3], item: Item::default(), found: Vec::new() };
    while let Some(c) = reader.rest.chars().next() {
        reader.step(c);
    }
    reader.end_item();
    reader.found
}

/// A sender whose field names no address: a telephone number, a bare word or a name. The text is kept to be shown and
/// found; nothing can be sent there.
pub fn without_domain(value: &str) -> Option<Mailbox> {
    let mut reader = Reader { rest: value, unclosed: [false; 3], item: Item::default(), found: Vec::new() };
    while let Some(c) = reader.rest.chars().next()
        && !matches!(c, ',' | ';')
    {
        reader.step(c);
    }
    let clean = |text: &str| -> String {
        let text = encoded_word::one_line(&encoded_word::decode(text.as_bytes(), None));
        text.trim().chars().take(TEXT_MAX).collect()
    };
    let name = clean(&joined(&reader.item.words));
    let address = clean(reader.item.angle.as_deref().unwrap_or_default()).to_lowercase();
    // What looks like an address and is none must not be taken for one anywhere.
    let address = if address.contains('@') { String::new() } else { address };
    (!name.is_empty() || !address.is_empty()).then_some(Mailbox { name, address })
}

struct Reader<'a> {
    rest: &'a str,
    /// For `"`, `(` and `<`: none that follows is ever closed. Keeps the pass linear.
    unclosed: [bool; 3],
    item: Item,
    found: Vec<Mailbox>,
}

impl Reader<'_> {
    fn step(&mut self, c: char) {
        let after = self.rest.get(c.len_utf8()..).unwrap_or_default();
        let taken = match c {
            '"' => self.enclosed(0, after, quoted).map(|(text, rest)| (self.item.quoted(text), rest)),
            '(' => self.enclosed(1, after, comment).map(|(text, rest)| (self.item.comment(&text), rest)),
            '<' => self.enclosed(2, after, angle).map(|(text, rest)| (self.item.angle(text), rest)),
            '=' => encoded(self.rest).map(|(text, rest)| (text.chars().for_each(|c| self.item.push(c)), rest)),
            ',' | ';' => Some((self.end_item(), after)),
            // The name of a group ends here, unless this is the colon of something like `mailto:`.
            ':' if !self.item.has_address() => Some((self.item = Item::default(), after)),
            '>' => Some((self.item.space(), after)),
            c if c.is_whitespace() => Some((self.item.space(), after)),
            _ => None,
        };
        match taken {
            Some(((), rest)) => self.rest = rest,
            None => {
                self.item.push(c);
                self.rest = after;
            }
        }
    }

    fn enclosed<'a, T>(
        &mut self,
        kind: usize,
        after: &'a str,
        read: fn(&'a str) -> Option<(T, &'a str)>,
    ) -> Option<(T, &'a str)> {
        let unclosed = self.unclosed.get_mut(kind)?;
        let read = if *unclosed { None } else { read(after) };
        *unclosed |= read.is_none();
        read
    }

    fn end_item(&mut self) {
        self.found.extend(std::mem::take(&mut self.item).mailbox());
    }
}

/// After `"`: the text to the next quote that is not escaped.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut content = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => content.push(chars.next()?.1),
            '"' => return Some((content, text.get(at + 1..)?)),
            c => content.push(c),
        }
    }
    None
}

/// After `(`: the text to its `)`, comments in it included.
fn comment(text: &str) -> Option<(String, &str)> {
    let mut content = String::new();
    let mut depth = 0;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => content.push(chars.next()?.1),
            ')' if depth == 0 => return Some((content, text.get(at + 1..)?)),
            c => {
                depth = match c {
                    '(' if depth < NESTING_MAX => depth + 1,
                    ')' => depth - 1,
                    _ => depth,
                };
                content.push(c);
            }
        }
    }
    None
}

/// After `<`: the text to `>`, which a quoted local part may hold. A comma ends it as well, unless it is in a route.
fn angle(text: &str) -> Option<(&str, &str)> {
    let mut in_quotes = text.trim_start().starts_with('"') && text.matches('"').nth(1).is_some();
    let mut quotes = 0;
    let is_route = text.trim_start().starts_with('@');
    let end = text.find(|c| {
        quotes += usize::from(c == '"');
        in_quotes &= quotes < 2;
        !in_quotes && (c == '>' || (c == ',' && !is_route))
    })?;
    let rest = text.get(end..)?;
    Some((text.get(..end)?, rest.strip_prefix('>').unwrap_or(rest)))
}

/// `=?charset?x?…?=` as it stands: it may hold commas and other signs that mean something outside of it.
fn encoded(text: &str) -> Option<(&str, &str)> {
    let head = text.get(..text.floor_char_boundary(ENCODED_MAX))?;
    let mut marks = head.strip_prefix("=?")?.match_indices('?').map(|(at, _)| at + 2);
    let (_, second) = (marks.next()?, marks.next()?);
    let end = second + 1 + head.get(second + 1..)?.find("?=")? + 2;
    let word = head.get(..end)?;
    (!word.contains(['<', '>', '"']) || !word.contains(char::is_whitespace)).then_some((word, text.get(end..)?))
}

/// One item in the making.
#[derive(Default)]
struct Item {
    words: Vec<Word>,
    comments: Vec<String>,
    angle: Option<String>,
    /// There is an `@` outside quotes: kept, because looking for it at every colon would take quadratic time.
    at: bool,
    /// The next character begins a word.
    spaced: bool,
}

#[derive(Default)]
struct Word {
    text: String,
    quoted: bool,
    /// There was a blank before it.
    spaced: bool,
}

impl Item {
    fn push(&mut self, c: char) {
        self.at |= c == '@';
        match self.words.last_mut() {
            Some(word) if !self.spaced && !word.quoted => word.text.push(c),
            _ => self.words.push(Word { text: c.into(), quoted: false, spaced: self.spaced }),
        }
        self.spaced = false;
    }

    fn quoted(&mut self, text: String) {
        self.words.push(Word { text, quoted: true, spaced: self.spaced });
        self.spaced = false;
    }

    fn space(&mut self) {
        self.spaced = true;
    }

    fn comment(&mut self, text: &str) {
        let text = text.trim();
        if !text.is_empty() && self.comments.len() < NESTING_MAX {
            self.comments.push(text.to_owned());
        }
        self.spaced = true;
    }

    /// Of several pairs of brackets the last one with an address counts.
    fn angle(&mut self, text: &str) {
        if self.angle.is_none() || repaired(text).is_some() {
            self.angle = Some(text.to_owned());
        }
        self.spaced = true;
    }

    /// An address has begun, so a colon is not the end of a group's name.
    fn has_address(&self) -> bool {
        self.angle.is_some() || self.at
    }

    fn mailbox(self) -> Option<Mailbox> {
        if let Some(address) = self.angle.as_deref().and_then(repaired) {
            let phrase = joined(&self.words);
            let name = if phrase.trim().is_empty() { self.comments.join(" ") } else { phrase };
            return Some(Mailbox { name: encoded_word::decode(name.as_bytes(), None), address });
        }
        self.bare()
    }

    /// An address without brackets: the word with the `@`, and what stands close to it.
    fn bare(self) -> Option<Mailbox> {
        let is_part = |at: usize| self.words.get(at).is_some_and(|word| !word.quoted && word.text.contains('@'));
        let at = (0..self.words.len()).rev().find(|at| is_part(*at));
        let Some(at) = at else {
            return self.in_comment().or_else(|| self.last_quoted()).or_else(|| self.enclosed_whole());
        };
        let begins = |at: usize| self.words.get(at).is_some_and(|word| word.text.starts_with('@'));
        let ends = |at: usize| self.words.get(at).is_some_and(|word| word.text.ends_with('@'));
        let first = if at > 0 && begins(at) { at - 1 } else { at };
        let last = if ends(at) { at + 1 } else { at };
        let text = self.words.get(first..=last.min(self.words.len() - 1))?.iter().map(Word::in_address);
        let address = repaired(&text.collect::<String>())?;
        let others = self.words.into_iter().enumerate().filter(|(i, _)| !(first..=last).contains(i));
        let mut phrase = joined(&others.map(|(_, word)| word).collect::<Vec<_>>());
        if phrase.is_empty() {
            // The brackets are around the name.
            phrase = self.angle.unwrap_or_default();
        }
        let name = if self.comments.is_empty() { phrase } else { self.comments.join(" ") };
        Some(Mailbox { name: encoded_word::decode(name.as_bytes(), None), address })
    }

    /// `Ann (ann@x.example)`, the name and the address the other way round.
    fn in_comment(&self) -> Option<Mailbox> {
        let [comment] = self.comments.as_slice() else { return None };
        let name = encoded_word::decode(joined(&self.words).as_bytes(), None);
        repaired(comment).map(|address| Mailbox { name, address })
    }

    /// `"Ann" "ann@x.example"`
    fn last_quoted(&self) -> Option<Mailbox> {
        let (last, others) = self.words.split_last().filter(|(last, others)| last.quoted && !others.is_empty())?;
        let name = encoded_word::decode(joined(others).as_bytes(), None);
        repaired(&last.text).map(|address| Mailbox { name, address })
    }

    /// Some mailers encode name and address as one word, or put both into quotes.
    fn enclosed_whole(self) -> Option<Mailbox> {
        let text = joined(&self.words);
        let decoded = encoded_word::decode(text.as_bytes(), None);
        if decoded == text && !self.words.iter().all(|word| word.quoted) {
            return None;
        }
        let (name, bracketed) = decoded.rsplit_once('<').unwrap_or(("", &decoded));
        let address = repaired(bracketed.trim_end_matches('>'))?;
        Some(Mailbox { name: name.trim_matches([' ', '"']).to_owned(), address })
    }
}

impl Word {
    fn in_address(&self) -> String {
        if self.quoted {
            format!("\"{}\"", self.text.replace('\\', "\\\\").replace('"', "\\\""))
        } else {
            self.text.clone()
        }
    }
}

fn joined(words: &[Word]) -> String {
    let mut text = String::new();
    for word in words {
        if word.spaced && !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&word.text);
    }
    text
}

/// An address out of what stands between brackets: without `mailto:`, a source route (RFC 5322 4.4), stray brackets and
/// what stands before an inner one, quotes around the whole, and blanks around its signs.
fn repaired(text: &str) -> Option<String> {
    let text = text.rsplit_once('<').map(|(_, inner)| inner).filter(|inner| inner.contains('@')).unwrap_or(text);
    let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';' | '\''));
    let text =
        text.get(..7).filter(|s| s.eq_ignore_ascii_case("mailto:")).map_or(text, |_| text.get(7..).unwrap_or(text));
    let text = if text.starts_with('@') { text.rsplit(':').next().unwrap_or(text) } else { text };
    if let Some(address) = normalise(text) {
        return Some(address);
    }
    let uncommented = without_comments(text);
    let inner = uncommented.trim_matches(['"', '\'', ' ']).replace(" .", ".").replace(". ", ".");
    let pairs = [('[', ']'), ('{', '}'), ('(', ')')];
    let bare = pairs.iter().find_map(|(open, close)| inner.strip_prefix(*open)?.strip_suffix(*close));
    let inner = bare.unwrap_or(&inner).trim();
    let tight: String = inner.chars().filter(|c| !c.is_whitespace()).collect();
    // Blanks are dropped around the signs only: `a b@c` is not `ab@c`.
    let around = |sign: char| inner.split(sign).all(|part| !part.trim().contains(char::is_whitespace));
    (around('@') || inner.split_whitespace().count() <= 1).then(|| normalise(&tight)).flatten()
}

/// Comments may stand inside the brackets too (RFC 5322 3.4.1).
fn without_comments(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('(').filter(|_| !text.contains('"')) {
        kept.push_str(before);
        let Some((_, behind)) = comment(after) else { break };
        rest = behind;
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::costs_no_more_than_its_length;

    fn list(value: &str) -> String {
        parse_list(value).iter().map(|m| format!("{}|{}", m.name, m.address)).collect::<Vec<_>>().join(" ; ")
    }

    #[test]
    fn lists_as_mailers_write_them() {
        for (value, want) in [
            ("ann@x.example", "|ann@x.example"),
            ("Ann <ann@X.example>", "Ann|ann@x.example"),
            ("\"B, Ann\" <ann@x.example>, bob@x.example", "B, Ann|ann@x.example ; |bob@x.example"),
            ("ann@x.example (Ann B)", "Ann B|ann@x.example"),
            ("ann@x.example (Ann (the) B)", "Ann (the) B|ann@x.example"),
            ("Ann <ann@x.example>; Bob <bob@x.example>", "Ann|ann@x.example ; Bob|bob@x.example"),
            ("Group: Ann <ann@x.example>, bob@x.example;", "Ann|ann@x.example ; |bob@x.example"),
            ("undisclosed-recipients:;", ""),
            ("=?utf-8?Q?M=C3=BCller,_Ann?= <ann@x.example>", "Müller, Ann|ann@x.example"),
            ("=?utf-8?Q?M=C3=BC?= =?utf-8?Q?ller?= <ann@x.example>", "Müller|ann@x.example"),
            ("\"=?utf-8?Q?M=C3=BCller?=\" <ann@x.example>", "Müller|ann@x.example"),
            ("=?utf-8?Q?Ann_<ann=40x.example>?=", "Ann|ann@x.example"),
            ("=?utf-8?Q?ann=40x.example?=", "|ann@x.example"),
            ("ann@x.example <ann@x.example>", "ann@x.example|ann@x.example"),
            ("\"boss@good.example\" <evil@bad.example>", "boss@good.example|evil@bad.example"),
            ("Ann <@a.example,@b.example:ann@x.example>", "Ann|ann@x.example"),
            ("Ann <ann @ x.example>", "Ann|ann@x.example"),
            ("Ann <ann (at work) @ (the shop) x.example>", "Ann|ann@x.example"),
            ("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "Pete|pete@silly.test"),
            ("ann @ x.example", "|ann@x.example"),
            ("<<ann@x.example>>", "|ann@x.example"),
            ("The Garden <The Garden <ann@x.example>>", "The Garden|ann@x.example"),
            ("Ann <\"Ann\" <ann@x.example>>, bob@x.example", "Ann|ann@x.example ; |bob@x.example"),
            ("\"ann@x.example\"", "|ann@x.example"),
            ("\"Ann B <ann@x.example>\"", "Ann B|ann@x.example"),
            ("\"ann@x.example\", bob@x.example", "|ann@x.example ; |bob@x.example"),
            ("Ann < ann @ x . example >", "Ann|ann@x.example"),
            ("Ann [ann@x.example]", "Ann|ann@x.example"),
            ("{ann@x.example}", "|ann@x.example"),
            ("\"Ann\" \"ann@x.example\"", "Ann|ann@x.example"),
            ("<Ann B> ann@x.example", "Ann B|ann@x.example"),
            ("Ann B (ann@x.example)", "Ann B|ann@x.example"),
            ("\"Ann\", bob@x.example", "|bob@x.example"),
            ("<mailto:ann@x.example>", "|ann@x.example"),
            ("Ann B ann@x.example", "Ann B|ann@x.example"),
            ("\"Ann B\"@x.example", "|\"ann b\"@x.example"),
            ("<\"a>b\"@x.example>", "|\"a>b\"@x.example"),
            ("Ann <ann@x.example", "Ann|ann@x.example"),
            ("\"Ann <ann@x.example>, bob@x.example", "\"Ann|ann@x.example ; |bob@x.example"),
            ("Ann <ann@x.example, Bob <bob@x.example>", "Ann|ann@x.example ; Bob|bob@x.example"),
            ("Ann (home <ann@x.example>", "Ann (home|ann@x.example"),
            ("nobody, ann@x.example,, ,", "|ann@x.example"),
            ("Ann <a b@x.example>, bob@x.example", "|bob@x.example"),
            ("Ann\r\nBcc: x <ann@x.example>", "x|ann@x.example"),
            ("'ann@x.example'", "|ann@x.example"),
            ("", ""),
        ] {
            assert_eq!(list(value), want, "{value:?}");
        }
    }

    #[test]
    fn names_are_one_line() {
        let read = parse_list("\"A\r\nBcc: b@c.example\x1b[31m\" <ann@x.example>");
        assert!(read.iter().all(|m| !m.name.contains(char::is_control)), "{read:?}");
        assert_eq!(read.len(), 1);
    }

    #[test]
    fn openings_without_end_cost_no_more_than_their_length() {
        for sign in ["\"", "(", "<", "=?a?b?", "a@", ",", "\\\"", "<\"", "a ", "a :", ":", "a@ b: "] {
            costs_no_more_than_its_length(sign, 50_000, &|value| drop(parse_list(value)));
        }
    }
}
