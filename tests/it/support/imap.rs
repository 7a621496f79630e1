//! A small blocking IMAP client for putting mail into mailboxes and looking at what is there. It
//! trusts the server: it only ever talks to the private Dovecot.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A message as it lies on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub uid: u32,
    pub flags: Vec<String>,
    pub raw: Vec<u8>,
}

impl Stored {
    /// The value of the first header of that name, unfolded; empty if there is none.
    pub fn header(&self, name: &str) -> String {
        let text = String::from_utf8_lossy(&self.raw).replace("\r\n", "\n");
        let head = text.split("\n\n").next().unwrap_or_default().replace("\n\t", " ").replace("\n ", " ");
        let found = head.lines().find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        });
        found.unwrap_or_default()
    }

    /// Everything as text, for searching in it.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }
}

/// One logged-in connection.
pub struct Imap {
    stream: BufReader<TcpStream>,
    tag: u32,
}

/// One response line; literals are taken out of the text.
struct Line {
    text: String,
    literals: Vec<Vec<u8>>,
}

impl Imap {
    /// Greeted, not logged in.
    pub fn connect(port: u16) -> Imap {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut imap = Imap { stream: BufReader::new(stream), tag: 0 };
        imap.line();
        imap
    }

    pub fn login(port: u16, user: &str, password: &str) -> Imap {
        let mut imap = Imap::connect(port);
        imap.ok(&format!("LOGIN {user} {password}"));
        imap
    }

    /// Sends a command, panics unless it is answered OK; the untagged lines and the tagged one.
    #[track_caller]
    pub fn ok(&mut self, command: &str) -> Vec<String> {
        self.lines(command, None).into_iter().map(|line| line.text).collect()
    }

    /// Adds a message; `date` is an IMAP date-time; the new UID.
    pub fn append(&mut self, folder: &str, flags: &[&str], date: Option<&str>, raw: &[u8]) -> u32 {
        let date = date.map(|date| format!(" \"{date}\"")).unwrap_or_default();
        let command = format!("APPEND \"{folder}\" ({}){date} {{{}}}", flags.join(" "), raw.len());
        let done = self.lines(&command, Some(raw)).pop().unwrap().text;
        number_after(&done[done.find("APPENDUID").expect("UIDPLUS")..], " ", 2)
    }

    /// All messages of a folder, bodies untouched.
    pub fn messages(&mut self, folder: &str) -> Vec<Stored> {
        self.ok(&format!("EXAMINE \"{folder}\""));
        let lines = self.lines("UID FETCH 1:* (UID FLAGS BODY.PEEK[])", None);
        lines
            .into_iter()
            .filter(|line| line.text.contains(" FETCH (") && !line.literals.is_empty())
            .map(stored)
            .collect()
    }

    fn lines(&mut self, command: &str, literal: Option<&[u8]>) -> Vec<Line> {
        self.tag += 1;
        let tag = format!("T{} ", self.tag);
        self.send(format!("{tag}{command}\r\n").as_bytes());
        let mut lines = Vec::new();
        loop {
            let line = self.line();
            if line.text.starts_with('+') {
                self.send(literal.expect("nothing to continue with"));
                self.send(b"\r\n");
                continue;
            }
            let last = line.text.starts_with(&tag);
            assert!(!last || line.text.starts_with(&format!("{tag}OK")), "{command}: {}", line.text);
            lines.push(line);
            if last {
                return lines;
            }
        }
    }

    fn line(&mut self) -> Line {
        let mut line = Line { text: String::new(), literals: Vec::new() };
        loop {
            let mut part = String::new();
            assert!(self.stream.read_line(&mut part).unwrap() > 0, "the IMAP server hung up");
            let part = part.trim_end_matches(['\r', '\n']);
            line.text.push_str(part);
            let Some(size) = literal_size(part) else { return line };
            let mut literal = vec![0; size];
            self.stream.read_exact(&mut literal).unwrap();
            line.literals.push(literal);
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap();
    }
}

/// The size announced at the end of a line: `{12}`, `{12+}`.
pub(super) fn literal_size(line: &str) -> Option<usize> {
    let digits = line.strip_suffix('}')?.rsplit_once('{')?.1;
    digits.strip_suffix('+').unwrap_or(digits).parse().ok()
}

fn stored(line: Line) -> Stored {
    let flags = line.text.split_once("FLAGS (").and_then(|(_, rest)| rest.split_once(')')).expect("FLAGS").0;
    Stored {
        uid: number_after(&line.text, "UID ", 1),
        flags: flags.split_whitespace().map(str::to_owned).collect(),
        raw: line.literals.into_iter().next().unwrap(),
    }
}

/// The number that follows the `nth` (from 1) occurrence of `word`.
pub(super) fn number_after(text: &str, word: &str, nth: usize) -> u32 {
    let rest = text.splitn(nth + 1, word).last().unwrap();
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().expect(text)
}
