//! The conversation as `log::trace!` shows it: without what follows LOGIN or AUTHENTICATE, without literals or bodies.

use log::{Level, log_enabled, trace};

use super::Row;
use crate::net::printable::Words;

/// What of the client's half has been seen so far.
#[derive(Debug, Default)]
pub(super) struct Trace {
    line: Vec<u8>,
    /// AUTHENTICATE is going on: every line is a secret.
    secret: bool,
    /// So is a login of any kind, and what the server says may repeat it.
    login: bool,
    /// Bytes of a literal that are still to come.
    literal: usize,
}

impl Trace {
    /// Bytes that go to the server.
    pub(super) fn client(&mut self, words: &Words, bytes: &[u8]) {
        if !log_enabled!(Level::Trace) {
            return;
        }
        for line in self.shown(words, bytes) {
            trace!("C: {line}");
        }
    }

    pub(super) fn server(&self, words: &Words, line: &[u8]) {
        if log_enabled!(Level::Trace) {
            trace!("S: {}", self.answer(words, line));
        }
    }

    fn answer(&self, words: &Words, line: &[u8]) -> String {
        let text = words.printable(line);
        if !self.login {
            return text;
        }
        let word = text.split(' ').take(2).find(|word| matches!(*word, "OK" | "NO" | "BAD" | "BYE"));
        word.map_or("***".to_owned(), |word| format!("{word} ***"))
    }

    /// A FETCH answer of the server.
    pub(super) fn fetched(&self, row: &Row) {
        if log_enabled!(Level::Trace) {
            trace!("S: {}", told(row));
        }
    }

    /// The tagged answer has come: AUTHENTICATE is over.
    pub(super) fn end_of_command(&mut self) {
        (self.secret, self.login) = (false, false);
        self.literal = 0;
    }

    fn shown(&mut self, words: &Words, bytes: &[u8]) -> Vec<String> {
        let mut shown = Vec::new();
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let hidden = self.literal.min(piece.len());
            self.literal -= hidden;
            self.line.extend_from_slice(piece.get(hidden..).unwrap_or_default());
            if self.line.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                shown.push(self.masked(words, line.trim_ascii()));
            }
        }
        shown
    }

    fn masked(&mut self, words: &Words, line: &[u8]) -> String {
        if self.secret {
            return "***".into();
        }
        let mut line = line.to_vec();
        let literal = super::fetch::literal_size(&mut line).ok().flatten();
        self.literal = literal.and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
        let text = words.printable(&line);
        let mut parts = text.splitn(3, ' ');
        let (tag, command) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        match command.to_ascii_uppercase().as_str() {
            "LOGIN" => {
                self.login = true;
                format!("{tag} LOGIN ***")
            }
            "AUTHENTICATE" => {
                (self.secret, self.login) = (true, true);
                format!("{tag} AUTHENTICATE ***")
            }
            _ if literal.is_some() => format!("{text} {{{}}}", self.literal),
            _ => text,
        }
    }
}

/// What a FETCH answer holds.
fn told(row: &Row) -> String {
    let uid = row.uid.map_or("without a UID".to_owned(), |uid| format!("UID {uid}"));
    let size = row.size.map(|size| format!(", {size} bytes as listed"));
    let body = row.body.as_ref().map(|body| format!(", a body of {} bytes", body.len()));
    format!("FETCH {uid}{}{}", size.unwrap_or_default(), body.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_in_words() {
        let row = |uid, size, body| Row { uid, size, body, ..Row::default() };
        for (row, expected) in [
            (row(Some(7), Some(40), None), "FETCH UID 7, 40 bytes as listed"),
            (row(Some(7), None, Some(vec![0; 3])), "FETCH UID 7, a body of 3 bytes"),
            (row(None, None, None), "FETCH without a UID"),
        ] {
            assert_eq!(told(&row), expected);
        }
    }

    #[test]
    fn secrets_and_literals_do_not_show() {
        let (mut trace, words) = (Trace::default(), &Words::default());
        let mut all = trace.shown(words, b"a1 LOGIN \"me\" \"hunter2\"\r\na2 AUTHENTICATE PLAIN\r\n");
        all.extend(trace.shown(words, b"aHVudGVyMg==\r"));
        all.extend(trace.shown(words, b"\n"));
        for (line, shown) in
            [("a2 NO you said aHVudGVyMg==", "NO ***"), ("BAD hunter2", "BAD ***"), ("+ hunter2", "***")]
        {
            assert_eq!(trace.answer(words, line.as_bytes()), shown);
        }
        trace.end_of_command();
        assert_eq!(trace.answer(words, b"a2 OK done"), "a2 OK done");
        all.extend(trace.shown(words, b"a3 APPEND \"Sent\" {9}\r\n"));
        all.extend(trace.shown(words, b"se"));
        all.extend(trace.shown(words, b"cret\r\nx\r\na4 NOOP\r\n"));
        assert_eq!(all, ["a1 LOGIN ***", "a2 AUTHENTICATE ***", "***", "a3 APPEND \"Sent\" {9}", "", "a4 NOOP"]);
    }
}
