//! The server's own words, made fit to be quoted: one line, printable, not endless, and without what was presented to
//! the server. Every connection has its [`Words`] from the first byte; no other way leads from a server's text into an
//! error, a log or the database.

mod secrets;

use std::sync::Arc;

use super::Credentials;
use secrets::Secrets;

/// Longest quotation in characters.
const LONGEST: usize = 300;
/// Bytes of a text that may be quoted.
const QUOTED: usize = LONGEST * 8;
/// Bytes of a text that are searched for secrets: what is quoted may end within one.
const SEARCHED: usize = QUOTED + 4096;

/// What stands in the place of a secret.
const GAP: &str = "***";
/// What stands in the place of a text in which a gap would give the secret away.
const WITHHELD: &str = "(the words are left out: they may repeat the password)";

/// How the words of one server are quoted.
#[derive(Clone, Default)]
pub(super) struct Words(Option<Arc<Secrets>>);

impl Words {
    /// Of a server to which these are presented.
    pub(super) fn hiding(credentials: &Credentials) -> Words {
        Words(Some(Arc::new(Secrets::of(credentials))))
    }

    /// One line of printable text without secrets: control characters become spaces, runs of spaces one, bytes that are
    /// not UTF-8 the replacement character; cut after 300 characters.
    pub(super) fn printable(&self, bytes: &[u8]) -> String {
        let read = read(bytes.get(..SEARCHED).unwrap_or(bytes));
        let hidden = self.hidden(&read);
        if hidden.contains(&true) && self.0.as_ref().is_some_and(|secrets| secrets.guessable()) {
            return WITHHELD.to_owned();
        }
        let mut text = String::new();
        let mut before = false;
        let quoted = read.iter().zip(hidden).take_while(|(read, _)| read.at < QUOTED);
        for (read, hidden) in quoted {
            match (hidden, before) {
                (true, true) => {}
                (true, false) => text.push_str(GAP),
                (false, _) if read.shown.is_control() => text.push(' '),
                (false, _) => text.push(read.shown),
            }
            before = hidden;
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        words.join(" ").chars().take(LONGEST).collect()
    }

    /// Whether a text repeats a secret.
    pub(super) fn repeat(&self, text: &str) -> bool {
        self.hidden(&read(text.as_bytes())).contains(&true)
    }

    /// Which of the characters belong to a secret.
    fn hidden(&self, read: &[Read]) -> Vec<bool> {
        let meant: Vec<char> = read.iter().map(|read| read.meant).collect();
        self.0.as_ref().map_or_else(|| vec![false; read.len()], |secrets| secrets.marked(&meant))
    }
}

/// One character of a server.
struct Read {
    /// The byte at which it begins.
    at: usize,
    shown: char,
    /// As it is compared: a byte that is not UTF-8 may be Latin-1.
    meant: char,
}

fn read(bytes: &[u8]) -> Vec<Read> {
    let mut read = Vec::with_capacity(bytes.len());
    let mut start = 0;
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid();
        read.extend(valid.char_indices().map(|(at, c)| Read { at: start + at, shown: c, meant: c }));
        start += valid.len();
        for &byte in chunk.invalid() {
            read.push(Read { at: start, shown: char::REPLACEMENT_CHARACTER, meant: char::from(byte) });
            start += 1;
        }
    }
    read
}

#[cfg(test)]
mod tests;
