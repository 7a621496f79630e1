//! Mailbox files: messages one after the other, each after a line `From sender date` (RFC 4155).
//!
//! The file is read piece by piece, only one message is in memory, and what is over a limit is counted but not kept.
//! A message is what stands between its From_ line and the empty line before the next one, byte for byte except the
//! quoting. The format cannot hold a message without a line end at its end: [`write`] notes that in the From_ line,
//! which is the sender nobody has, and [`Reader`] takes the line end away again.

use std::io::{self, BufRead, ErrorKind, Read, Write};

use jiff::Timestamp;

use super::message;

/// A line is read in pieces of this size.
const PIECE: u64 = 64 << 10;
/// The sender in the From_ line of a message that does not end with a line end.
const NO_NEWLINE: &str = "no-final-newline@espomail.invalid";

/// How lines that begin with `From ` are kept apart from From_ lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quoting {
    /// mboxrd: every `>`* before `From ` has one `>` more in the file.
    Rd,
    /// mboxo: `From ` is `>From ` in the file; what was `>From ` before cannot be told from it.
    O,
    /// mboxcl: Content-Length says how long the body is, and nothing is unquoted.
    Cl,
}

/// One message of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its bytes, at most as many as the reader takes.
    pub raw: Vec<u8>,
    /// All its bytes; more than `raw` has where it is too large.
    pub size: u64,
    /// The date of its From_ line, where it can be read.
    pub date: Option<Timestamp>,
    /// Where in the file its From_ line begins.
    pub offset: u64,
}

/// Reads one message after the other.
pub struct Reader<R> {
    input: R,
    quoting: Quoting,
    max: usize,
    offset: u64,
    piece: Vec<u8>,
    next: Option<Opening>,
    begun: bool,
}

/// A From_ line that was read.
struct Opening {
    offset: u64,
    date: Option<Timestamp>,
    no_newline: bool,
}

impl<R: BufRead> Reader<R> {
    /// Keeps at most `max` bytes of a message.
    pub fn new(input: R, quoting: Quoting, max: usize) -> Reader<R> {
        Reader { input, quoting, max, offset: 0, piece: Vec::new(), next: None, begun: false }
    }

    /// Bytes of the file that have been read.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next message; `None` at the end of the file.
    ///
    /// # Errors
    /// The file cannot be read, or does not begin with a From_ line ([`ErrorKind::InvalidData`]).
    pub fn read(&mut self) -> io::Result<Option<Entry>> {
        self.begin()?;
        let Some(opening) = self.next.take() else { return Ok(None) };
        let mut body = Body::new(self.quoting, self.max);
        let mut at_start = true;
        loop {
            let at = self.offset;
            if !self.piece()? {
                break;
            }
            if at_start && !body.is_counted_out() && is_from_line(&self.piece) {
                self.next = Some(Opening::read(&self.piece, at));
                break;
            }
            let ends = self.piece.ends_with(b"\n");
            body.take(&self.piece, at_start, ends);
            at_start = ends;
        }
        let (raw, size) = body.end(opening.no_newline);
        Ok(Some(Entry { raw, size, date: opening.date, offset: opening.offset }))
    }

    /// Finds the first From_ line, unless it has been found; empty lines before it are nothing.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub fn begin(&mut self) -> io::Result<()> {
        while !self.begun {
            let at = self.offset;
            let is_end = !self.piece()?;
            let is_opening = self.piece.starts_with(b"From ");
            if !is_end && !is_opening && !self.piece.trim_ascii().is_empty() {
                let words = "is not an mbox file: its first line does not begin with \"From \"";
                return Err(io::Error::new(ErrorKind::InvalidData, words));
            }
            self.next = is_opening.then(|| Opening::read(&self.piece, at));
            self.begun = is_end || is_opening;
        }
        Ok(())
    }

    /// Reads a line, or the next piece of a long one; false at the end of the file.
    fn piece(&mut self) -> io::Result<bool> {
        self.piece.clear();
        let read = self.input.by_ref().take(PIECE).read_until(b'\n', &mut self.piece)?;
        self.offset += read as u64;
        Ok(read > 0)
    }
}

impl Opening {
    fn read(line: &[u8], offset: u64) -> Opening {
        let line = String::from_utf8_lossy(line);
        let no_newline = line.split_whitespace().nth(1) == Some(NO_NEWLINE);
        Opening { offset, date: date_of(&line), no_newline }
    }
}

/// A message that is being read.
struct Body {
    quoting: Quoting,
    max: usize,
    raw: Vec<u8>,
    size: u64,
    /// Length of the last line, if that is empty: the one before the next From_ line is not the message's.
    blank: usize,
    in_header: bool,
    /// Bytes of the body by Content-Length.
    length: Option<u64>,
    body_size: u64,
}

impl Body {
    fn new(quoting: Quoting, max: usize) -> Body {
        let (raw, in_header) = (Vec::new(), true);
        Body { quoting, max, raw, size: 0, blank: 0, in_header, length: None, body_size: 0 }
    }

    /// Whether a line that looks like a From_ line is text, because Content-Length is not reached.
    fn is_counted_out(&self) -> bool {
        self.length.is_some_and(|length| self.body_size < length)
    }

    /// A line, or a piece of one.
    fn take(&mut self, piece: &[u8], at_start: bool, ends: bool) {
        let is_blank = at_start && matches!(piece, b"\n" | b"\r\n");
        self.blank = if is_blank { piece.len() } else { 0 };
        let piece = if at_start { unquoted(piece, self.quoting) } else { piece };
        self.size += piece.len() as u64;
        let room = self.max.saturating_sub(self.raw.len()).min(piece.len());
        self.raw.extend_from_slice(piece.get(..room).unwrap_or_default());
        if !self.in_header {
            self.body_size += piece.len() as u64;
        } else if is_blank {
            self.in_header = false;
        } else if self.quoting == Quoting::Cl && at_start && ends {
            self.length = content_length(piece).filter(|length| *length <= self.max as u64).or(self.length);
        }
    }

    /// The message without what belongs to the file.
    fn end(mut self, no_newline: bool) -> (Vec<u8>, u64) {
        let is_text = self.length.is_some_and(|length| self.body_size <= length);
        if !is_text {
            self.drop_last(self.blank);
        }
        if no_newline && self.raw.ends_with(b"\n") {
            self.drop_last(1);
        }
        (self.raw, self.size)
    }

    fn drop_last(&mut self, bytes: usize) {
        self.size = self.size.saturating_sub(bytes as u64);
        self.raw.truncate(usize::try_from(self.size).unwrap_or(usize::MAX));
    }
}

/// A line without the `>` that its writer put before it.
fn unquoted(line: &[u8], quoting: Quoting) -> &[u8] {
    let Some(rest) = line.strip_prefix(b">") else { return line };
    let is_quoted = match quoting {
        Quoting::Rd => is_from_after_quotes(rest),
        Quoting::O => rest.starts_with(b"From "),
        Quoting::Cl => false,
    };
    if is_quoted { rest } else { line }
}

fn is_from_after_quotes(line: &[u8]) -> bool {
    let quotes = line.iter().take_while(|byte| **byte == b'>').count();
    line.get(quotes..).is_some_and(|rest| rest.starts_with(b"From "))
}

fn content_length(line: &[u8]) -> Option<u64> {
    let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
    name.eq_ignore_ascii_case("Content-Length").then(|| value.trim().parse().ok()).flatten()
}

/// Whether a line begins a message. Text that nobody quoted may begin with `From `, too: a From_ line has a time and a
/// year.
fn is_from_line(line: &[u8]) -> bool {
    line.starts_with(b"From ") && {
        let line = String::from_utf8_lossy(line);
        let is_time = |word: &str| word.contains(':') && word.bytes().all(|b| b.is_ascii_digit() || b == b':');
        let is_year = |word: &str| word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit());
        let words = || line.split_ascii_whitespace().skip(1);
        words().any(is_time) && words().any(is_year)
    }
}

/// The date of a From_ line: `Tue Nov 24 17:00:00 2026`, with or without a zone before or after the year.
fn date_of(line: &str) -> Option<Timestamp> {
    const DAYS: &[&str] = &["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let words: Vec<&str> = line.split_ascii_whitespace().skip(1).collect();
    let first = words.iter().position(|word| DAYS.contains(&word.trim_end_matches(',')))?;
    let words = words.get(first..)?;
    let is_zone = |word: &&&str| word.starts_with(['+', '-']) && word.len() == 5;
    let is_plain = |word: &&&str| word.bytes().all(|b| b.is_ascii_digit() || b == b':');
    let head = words.get(..3)?.join(" ");
    let rest: Vec<&str> = words.get(3..)?.iter().filter(is_plain).take(2).copied().collect();
    let zone = words.iter().find(is_zone).copied().unwrap_or("+0000");
    message::date(&format!("{head} {} {zone}", rest.join(" ")))
}

/// Adds a message to an mboxrd file, so that [`Reader`] gives the same bytes back.
///
/// # Errors
/// It cannot be written.
pub fn write(out: &mut dyn Write, raw: &[u8], sender: &str, date: Timestamp) -> io::Result<()> {
    let ends = raw.ends_with(b"\n");
    let is_plain = !sender.is_empty() && sender.bytes().all(|b| b.is_ascii_graphic());
    let sender = match (ends, is_plain) {
        (false, _) => NO_NEWLINE,
        (true, true) => sender,
        (true, false) => "MAILER-DAEMON",
    };
    writeln!(out, "From {sender} {}", date.strftime("%a %b %e %H:%M:%S %Y"))?;
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        if is_from_after_quotes(line) {
            out.write_all(b">")?;
        }
        out.write_all(line)?;
    }
    out.write_all(if ends { b"\n" } else { b"\n\n" })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn all(file: &[u8], quoting: Quoting, max: usize) -> Vec<Entry> {
        let mut reader = Reader::new(file, quoting, max);
        std::iter::from_fn(|| reader.read().unwrap()).collect()
    }

    fn raws(file: &str, quoting: Quoting) -> Vec<String> {
        all(file.as_bytes(), quoting, 1000).into_iter().map(|e| String::from_utf8(e.raw).unwrap()).collect()
    }

    const A: &str = "From a@x Tue Nov 24 17:00:00 2026\n";
    const B: &str = "From b@x Tue Nov 24 17:00:00 +0100 2026\r\n";

    #[test]
    fn messages_are_what_stands_between() {
        for (file, expected) in [
            (String::new(), vec![]),
            ("\n\r\n".to_owned(), vec![]),
            (format!("{A}S: 1\n\nx\n\n{B}S: 2\r\n\r\ny\r\n\r\n"), vec!["S: 1\n\nx\n", "S: 2\r\n\r\ny\r\n"]),
            (format!("\n{A}S: 1\n\nx"), vec!["S: 1\n\nx"]),
            (format!("{A}S: 1\n\nx\n"), vec!["S: 1\n\nx\n"]),
            (format!("{A}S: 1\n\nx\n{A}S: 2\n\n"), vec!["S: 1\n\nx\n", "S: 2\n"]),
            (format!("{A}{A}"), vec!["", ""]),
            (format!("{A}S: 1\n\nFrom here on it is text\n\n"), vec!["S: 1\n\nFrom here on it is text\n"]),
        ] {
            assert_eq!(raws(&file, Quoting::Rd), expected, "{file:?}");
        }
    }

    #[test]
    fn quoting_by_format() {
        let file = format!("{A}S: 1\n\n>From a\n>>From b\n> From c\n>Fromage\n\n");
        for (quoting, expected) in [
            (Quoting::Rd, "S: 1\n\nFrom a\n>From b\n> From c\n>Fromage\n"),
            (Quoting::O, "S: 1\n\nFrom a\n>>From b\n> From c\n>Fromage\n"),
            (Quoting::Cl, "S: 1\n\n>From a\n>>From b\n> From c\n>Fromage\n"),
        ] {
            assert_eq!(raws(&file, quoting), [expected]);
        }
    }

    #[test]
    fn content_length_keeps_what_looks_like_a_from_line() {
        let body = format!("x\n{A}y\n\n");
        let file = format!("{A}Content-Length: {}\n\n{body}\n{A}S: 2\n\nz\n\n", body.len());
        let first = format!("Content-Length: {}\n\n{body}", body.len());
        assert_eq!(raws(&file, Quoting::Cl), [first.as_str(), "S: 2\n\nz\n"]);
        assert_eq!(raws(&file, Quoting::Rd).len(), 3);
        // Nonsense is not believed.
        let lies = format!("{A}Content-Length: 99999999\n\nx\n\n{A}S: 2\n\n");
        assert_eq!(raws(&lies, Quoting::Cl).len(), 2);
    }

    #[test]
    fn what_is_too_large_is_counted_and_lines_may_be_long() {
        let long = "y".repeat(200_000);
        let file = format!("{A}S: 1\n\n{long}\n\n{A}S: 2\n\n");
        let found = all(file.as_bytes(), Quoting::Rd, 100);
        assert_eq!(found.iter().map(|e| (e.raw.len(), e.size)).collect::<Vec<_>>(), [(100, 200_007), (5, 5)]);
        assert_eq!(found.iter().map(|e| e.offset).collect::<Vec<_>>(), [0, 34 + 200_008]);
    }

    #[test]
    fn dates_of_from_lines() {
        for (line, expected) in [
            (A, Some("2026-11-24T17:00:00Z")),
            (B, Some("2026-11-24T16:00:00Z")),
            ("From - Tue Nov  4 17:00:00 2025\n", Some("2025-11-04T17:00:00Z")),
            ("From x Tue Nov 24 17:00:00 MET 2026\n", Some("2026-11-24T17:00:00Z")),
            ("From x\n", None),
        ] {
            assert_eq!(date_of(line).map(|t| t.to_string()).as_deref(), expected, "{line}");
        }
        let not_first = "S: 1\n";
        assert_eq!(
            Reader::new(not_first.as_bytes(), Quoting::Rd, 9).read().unwrap_err().kind(),
            ErrorKind::InvalidData
        );
    }

    #[test]
    fn everything_written_is_read_again() {
        use proptest::prelude::*;
        let line = prop_oneof![
            Just("From x\n".to_owned()),
            Just(">From x\n".to_owned()),
            Just(format!(">>{A}")),
            Just(A.to_owned()),
            Just(B.to_owned()),
            Just("\n".to_owned()),
            Just("\r\n".to_owned()),
            Just("\r".to_owned()),
            Just(">".to_owned()),
            "[ -~]{0,9}\r?\n?",
        ];
        let message = prop::collection::vec(line, 0..8).prop_map(|lines| lines.concat());
        let messages = prop::collection::vec(message, 0..5);
        proptest!(super::super::fixed_seed(7), |(messages in messages)| {
            let mut file = Vec::new();
            for message in &messages {
                write(&mut file, message.as_bytes(), "a@x", Timestamp::UNIX_EPOCH).unwrap();
            }
            prop_assert_eq!(raws(&String::from_utf8(file).unwrap(), Quoting::Rd), messages);
        });
    }
}
