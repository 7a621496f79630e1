//! Header fields as bytes: cleaned, encoded (RFC 2047) and folded. lettre's own writer neither folds
//! a list of bare addresses nor a long word, and fails on control characters.

use crate::mail::address::{Mailbox, to_be_sent};

/// Width at which lines are folded.
const WIDTH: usize = 76;
/// Longest word written as it is; a longer one is encoded, which can be folded.
const MAX_WORD: usize = 300;
/// Longest display name, in characters.
const MAX_NAME: usize = 200;
/// Room for the text of one encoded word, so that it fits after a field's name.
const ENCODED_ROOM: usize = 48;

/// A header block in the making.
#[derive(Default)]
pub(super) struct Fields {
    block: String,
}

impl Fields {
    /// Adds an unstructured field.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        let value = clean(value);
        let words = if is_plain(&value) { words(&value) } else { encoded_words(&value) };
        self.folded(name, words);
    }

    /// Adds a list of mailboxes, nothing for an empty list. Their addresses are checked already.
    pub(super) fn mailboxes(&mut self, name: &str, mailboxes: &[Mailbox]) {
        let mut all = Vec::new();
        for (left, mailbox) in (0..mailboxes.len()).rev().zip(mailboxes) {
            let phrase = phrase(&mailbox.name);
            let comma = if left > 0 { "," } else { "" };
            let address = to_be_sent(&mailbox.address).unwrap_or_default();
            let last = if phrase.is_empty() { format!("{address}{comma}") } else { format!("<{address}>{comma}") };
            all.extend(phrase);
            all.push(last);
        }
        if !all.is_empty() {
            self.folded(name, all);
        }
    }

    /// Adds a list of ids, nothing for an empty list. They are checked already.
    pub(super) fn ids<'a>(&mut self, name: &str, ids: impl IntoIterator<Item = &'a str>) {
        let ids: Vec<String> = ids.into_iter().map(|id| format!("<{id}>")).collect();
        if !ids.is_empty() {
            self.folded(name, ids);
        }
    }

    /// The block, without the empty line that ends it.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.block.into_bytes()
    }

    fn folded(&mut self, name: &str, words: Vec<String>) {
        self.block.push_str(name);
        self.block.push(':');
        let mut width = name.len() + 1;
        for (at, word) in words.iter().enumerate() {
            // Some programs lose a value that begins on the second line.
            if at > 0 && width + 1 + word.len() > WIDTH {
                self.block.push_str("\r\n");
                width = 0;
            }
            self.block.push(' ');
            self.block.push_str(word);
            width += 1 + word.len();
        }
        self.block.push_str("\r\n");
    }
}

/// One line: control characters and line separators are blanks, and of several blanks one is left.
pub(super) fn clean(value: &str) -> String {
    let blank = |c: char| c == ' ' || c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    value.split(blank).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A display name as words: atoms, a quoted string or encoded words (RFC 5322 3.2.5).
fn phrase(name: &str) -> Vec<String> {
    let name: String = clean(name).chars().take(MAX_NAME).collect();
    let name = name.trim();
    if !is_plain(name) {
        return encoded_words(name);
    }
    if name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'-' | b'_')) {
        return words(name);
    }
    words(&format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// Whether the text needs no encoding. A text with `=?` does: a reader would take it for encoded.
fn is_plain(text: &str) -> bool {
    text.is_ascii() && !text.contains("=?") && text.split(' ').all(|word| word.len() <= MAX_WORD)
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// RFC 2047 words with the "Q" encoding, of whole characters each, in the letters that are allowed
/// everywhere.
pub(super) fn encoded_words(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        let encoded = q_encoded(c);
        if word.len() + encoded.len() > ENCODED_ROOM {
            all.push(format!("=?utf-8?Q?{word}?="));
            word.clear();
        }
        word.push_str(&encoded);
    }
    all.push(format!("=?utf-8?Q?{word}?="));
    all
}

fn q_encoded(c: char) -> String {
    match c {
        ' ' => "_".to_owned(),
        c if c.is_ascii_alphanumeric() => c.to_string(),
        c => c.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("={byte:02X}")).collect(),
    }
}
