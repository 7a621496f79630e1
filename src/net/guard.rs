//! The layer between the socket and `imap::Client`, which trusts its server too much.
//!
//! It reads one answer at a time, within the deadlines and byte budgets of [`super::wire`] and [`super::lines`], and hands
//! on to the crate only what it needs for a login: continuations, and the tagged line with nothing after its status word.
//! Everything else are typed facts, whose numbers are possible ones:
//!
//! - FETCH answers ([`fetch::Row`]): a body goes from the socket into the buffer that is delivered;
//! - SEARCH, LIST and QUOTA lines, in plain ASCII, without literals;
//! - what a folder says of itself when it is opened ([`Opened`]);
//! - untagged NO, BAD and BYE, the tagged status, the capabilities.
//!
//! It decides nothing: what a refusal means is for the caller to say.

mod faults;
mod fetch;
mod shared;
mod status;
mod trace;

use std::io::{self, Read, Write};
use std::time::Duration;

pub(super) use faults::{farewell, nonsense, refused_later};
pub(super) use fetch::{Row, number, possible_uid};
pub(super) use shared::Shared;
pub(super) use status::{Status, Word};
use trace::Trace;

use super::NetError;
use super::lines::Lines;
use super::printable::Words;
use super::tls::Stream;

/// Longest line; the IDs of some 350,000 messages fit in one SEARCH answer.
pub(super) const LINE_MAX: usize = 4 * 1024 * 1024;
/// Bytes that the answer to a command may have when it carries no bodies.
pub(super) const ANSWER_MAX: u64 = 64 * 1024 * 1024;
/// Largest literal that is not a body (a folder name).
const NAME_MAX: u64 = 64 * 1024;
/// Continuations in one command; a login has two at most.
const CONTINUATIONS_MAX: u8 = 8;
/// Untagged NO and BAD kept per command.
const NOTICES_MAX: usize = 8;
/// No folder has more messages.
const EXISTS_MAX: u64 = 100_000_000;

/// One answer of the server.
#[derive(Debug)]
pub(super) enum Event {
    /// A message's attributes, perhaps with its body.
    Fetch(Row),
    /// The server waits for the rest of the command.
    Continue,
    /// The command is over; see [`Guard::tagged`].
    Tagged,
    /// A SEARCH, LIST or QUOTA line with its star.
    Line(Vec<u8>),
    /// Kept as a fact or of no interest.
    Noted,
}

/// What a folder said of itself since [`Guard::begin`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Opened {
    /// EXISTS, where it is a possible one.
    pub(super) exists: Option<u32>,
    /// EXISTS was said.
    pub(super) is_counted: bool,
    /// UIDVALIDITY, where it is a possible one.
    pub(super) uidvalidity: Option<u32>,
    /// UIDNEXT, where it is a possible one.
    pub(super) uidnext: Option<u32>,
}

/// The tag of what is sent ahead of a command.
const AHEAD: &[u8] = b"i1 ";

/// Reads answers and keeps the facts of one connection.
pub(super) struct Guard {
    lines: Lines,
    literal_max: u64,
    trace: Trace,
    tag: Vec<u8>,
    tag_complete: bool,
    handed_on: io::Cursor<Vec<u8>>,
    fault: Option<NetError>,
    tagged: Option<Status>,
    notices: Vec<Status>,
    continuations: u8,
    /// What the server asked last.
    challenge: Vec<u8>,
    opened: Opened,
    receiving: Option<u32>,
    capabilities: Option<Vec<String>>,
    /// Goes out with the next command, in one write.
    ahead: Vec<u8>,
    /// It has gone out, and its answer has not come.
    ahead_is_open: bool,
}

impl Guard {
    /// A guard over a fresh stream; a body may have `literal_max` bytes.
    pub(super) fn new(stream: Stream, words: Words, reply: Duration, literal_max: u64) -> Guard {
        Guard {
            lines: Lines::new(stream, words, LINE_MAX, reply),
            literal_max,
            trace: Trace::default(),
            tag: Vec::new(),
            tag_complete: false,
            handed_on: io::Cursor::default(),
            fault: None,
            tagged: None,
            notices: Vec::new(),
            continuations: 0,
            challenge: Vec::new(),
            opened: Opened::default(),
            receiving: None,
            capabilities: None,
            ahead: Vec::new(),
            ahead_is_open: false,
        }
    }

    /// Before each operation: a fresh clock, `budget` bytes for all answers, the facts of the last command forgotten.
    pub(super) fn begin(&mut self, budget: u64) {
        self.lines.begin(budget);
        self.opened = Opened::default();
        self.receiving = None;
        self.next_command();
    }

    /// Before each further command of an operation, which draws on its clock and its bytes.
    pub(super) fn next_command(&mut self) {
        self.tag.clear();
        self.tag_complete = false;
        self.tagged = None;
        self.notices.clear();
        self.continuations = 0;
    }

    /// Reads the greeting, a status line.
    pub(super) fn greeting(&mut self) -> Result<Status, NetError> {
        self.begin(ANSWER_MAX);
        let line = self.lines.line()?;
        self.trace.server(self.lines.words(), &line);
        let status = line.strip_prefix(b"* ").and_then(Status::parse);
        let status = status.ok_or_else(|| self.nonsense("the greeting", &line))?;
        self.learn(&status);
        Ok(status)
    }

    /// The next answer. After an error every further call gives the same error.
    pub(super) fn next(&mut self) -> Result<Event, NetError> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        self.read_answer().inspect_err(|error| self.fault = Some(error.clone()))
    }

    /// Sends bytes of a command that the crate does not send itself.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), NetError> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        self.note_tag(bytes);
        let mut ahead = std::mem::take(&mut self.ahead);
        self.ahead_is_open |= !ahead.is_empty();
        ahead.extend_from_slice(bytes);
        self.trace.client(self.lines.words(), &ahead);
        self.lines.send(&ahead).inspect_err(|error| self.fault = Some(error.clone()))
    }

    /// A command that goes out with the next one, so that it costs no round trip. Only a server that asks to be left
    /// alone is heard on it.
    pub(super) fn send_ahead(&mut self, command: &str) {
        self.ahead = [AHEAD, command.as_bytes(), b"\r\n"].concat();
    }

    /// Ends the conversation because of something only the caller can see.
    pub(super) fn give_up(&mut self, error: &NetError) {
        self.fault.get_or_insert_with(|| error.clone());
    }

    /// What ended the conversation, if anything did.
    pub(super) fn fault(&self) -> Option<&NetError> {
        self.fault.as_ref()
    }

    /// How the last command ended.
    pub(super) fn tagged(&self) -> Option<&Status> {
        self.tagged.as_ref()
    }

    /// The message whose FETCH answer was being read when the conversation ended.
    pub(super) fn receiving(&self) -> Option<u32> {
        self.receiving
    }

    /// What the folder that is being opened says of itself.
    pub(super) fn opened(&self) -> Opened {
        self.opened
    }

    /// What stood in the last continuation, in base64 where it is one of a login.
    pub(super) fn challenge(&self) -> &[u8] {
        &self.challenge
    }

    /// Untagged NO and BAD of the last command.
    pub(super) fn notices(&self) -> &[Status] {
        &self.notices
    }

    /// Capabilities in upper case, where the server has told them.
    pub(super) fn capabilities(&self) -> Option<&[String]> {
        self.capabilities.as_deref()
    }

    /// Forgets the capabilities: they change with login and with TLS.
    pub(super) fn forget_capabilities(&mut self) {
        self.capabilities = None;
    }

    /// How what the server says is quoted.
    pub(super) fn words(&self) -> &Words {
        self.lines.words()
    }

    fn nonsense(&self, what: &str, line: &[u8]) -> NetError {
        nonsense(self.words(), what, line)
    }

    /// Bytes that came without being asked for.
    pub(super) fn has_more(&self) -> bool {
        !self.lines.buffered().is_empty()
    }

    /// The stream underneath.
    pub(super) fn stream(&self) -> &Stream {
        self.lines.stream()
    }

    /// Gives the stream back, for the TLS upgrade.
    pub(super) fn into_stream(self) -> Stream {
        self.lines.into_stream()
    }

    fn read_answer(&mut self) -> Result<Event, NetError> {
        let line = self.lines.line()?;
        if line.first() == Some(&b'+') {
            self.trace.server(self.lines.words(), b"+");
            self.continuations += 1;
            if self.continuations > CONTINUATIONS_MAX {
                return Err(self.nonsense("an endless question", &line));
            }
            self.challenge = line.get(1..).unwrap_or_default().trim_ascii().to_vec();
            return Ok(Event::Continue);
        }
        match line.strip_prefix(b"* ") {
            Some(rest) => self.untagged(rest.to_vec()),
            None => self.end_of_command(line),
        }
    }

    fn end_of_command(&mut self, line: Vec<u8>) -> Result<Event, NetError> {
        if let Some(rest) = line.strip_prefix(AHEAD).filter(|_| self.ahead_is_open) {
            self.trace.server(self.lines.words(), &line);
            self.ahead_is_open = false;
            let status = Status::parse(rest).ok_or_else(|| self.nonsense("a line", &line))?;
            return match status.later() {
                Some(later) => Err(refused_later(self.lines.words(), &status, later)),
                None => Ok(Event::Noted),
            };
        }
        let rest = line.strip_prefix(self.tag.as_slice()).and_then(|rest| rest.strip_prefix(b" "));
        let Some(status) = rest.filter(|_| !self.tag.is_empty()).and_then(Status::parse) else {
            return Err(self.nonsense("a line", &line));
        };
        if !matches!(status.word, Word::Ok | Word::No | Word::Bad) {
            return Err(self.nonsense("a line", &line));
        }
        self.trace.server(self.lines.words(), &line);
        self.trace.end_of_command();
        self.learn(&status);
        self.tagged = Some(status);
        Ok(Event::Tagged)
    }

    fn untagged(&mut self, rest: Vec<u8>) -> Result<Event, NetError> {
        if let Some(status) = Status::parse(&rest) {
            self.trace.server(self.lines.words(), &rest);
            return self.condition(status, rest);
        }
        let mut words = rest.split(|&byte| byte == b' ');
        let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if first.iter().all(u8::is_ascii_digit) && !first.is_empty() {
            return self.numbered(&second.to_ascii_uppercase(), rest);
        }
        let name = first.to_ascii_uppercase();
        if name.is_empty() || !name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')) {
            return Err(self.nonsense("a line", &rest));
        }
        let line = self.without_literals(rest)?;
        self.trace.server(self.lines.words(), &line);
        match name.as_slice() {
            b"CAPABILITY" => {
                self.capabilities = Some(status::capabilities(&String::from_utf8_lossy(&line)));
                Ok(Event::Noted)
            }
            b"SEARCH" | b"LIST" | b"QUOTA" | b"NAMESPACE" => Ok(Event::Line(untagged_line(line))),
            _ => Ok(Event::Noted),
        }
    }

    fn condition(&mut self, status: Status, rest: Vec<u8>) -> Result<Event, NetError> {
        self.learn(&status);
        match status.word {
            Word::Ok => {
                let number = || status.number().and_then(possible_uid);
                match status.code_name().as_str() {
                    "UIDVALIDITY" => self.opened.uidvalidity = status.number().and_then(possible_validity),
                    "UIDNEXT" => self.opened.uidnext = number(),
                    _ => {}
                }
                Ok(Event::Noted)
            }
            Word::No | Word::Bad => {
                if self.notices.len() < NOTICES_MAX {
                    self.notices.push(status);
                }
                Ok(Event::Noted)
            }
            Word::Bye => Err(farewell(self.words(), &status)),
            Word::PreAuth => Err(self.nonsense("a line", &rest)),
        }
    }

    fn numbered(&mut self, name: &[u8], rest: Vec<u8>) -> Result<Event, NetError> {
        match name {
            b"FETCH" => {
                let row = fetch::read(&mut self.lines, rest, self.literal_max, &mut self.receiving)?;
                self.trace.fetched(&row);
                Ok(Event::Fetch(row))
            }
            b"EXISTS" => {
                self.trace.server(self.lines.words(), &rest);
                let count = rest.split(|&byte| byte == b' ').next().and_then(number);
                // A hint that is worth nothing is none.
                let count = count.filter(|count| *count <= EXISTS_MAX).and_then(|count| u32::try_from(count).ok());
                self.opened.exists = count.or(self.opened.exists);
                self.opened.is_counted = true;
                Ok(Event::Noted)
            }
            b"RECENT" | b"EXPUNGE" => Ok(Event::Noted),
            _ => Err(self.nonsense("a line", &rest)),
        }
    }

    fn learn(&mut self, status: &Status) {
        if let Some(capabilities) = status.capabilities() {
            self.capabilities = Some(capabilities);
        }
    }

    /// A data line whose literals have become quoted strings.
    fn without_literals(&mut self, mut line: Vec<u8>) -> Result<Vec<u8>, NetError> {
        while let Some(size) = fetch::literal_size(&mut line)? {
            let text = self.lines.literal(size, NAME_MAX)?;
            line.push(b'"');
            for byte in text {
                if matches!(byte, b'"' | b'\\') {
                    line.push(b'\\');
                }
                line.push(byte);
            }
            line.push(b'"');
            line.append(&mut self.lines.line()?);
            if line.len() > LINE_MAX {
                return Err(self.nonsense("a list", &line));
            }
        }
        Ok(line)
    }

    /// The tag is the first word of the first line that is sent after [`Guard::begin`].
    fn note_tag(&mut self, bytes: &[u8]) {
        if self.tag_complete {
            return;
        }
        let word = bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric());
        let before = self.tag.len();
        self.tag.extend(word);
        self.tag_complete = self.tag.len() - before < bytes.len();
    }

    /// What the crate sees, which fails or panics on much of what a server may add.
    fn hand_on(&mut self, event: &Event) {
        let word = self.tagged.as_ref().map_or(Word::Bad, |status| status.word);
        self.handed_on = io::Cursor::new(match event {
            // The crate insists on base64; the mechanisms read [`Guard::challenge`].
            Event::Continue => b"+ \r\n".to_vec(),
            Event::Tagged => {
                let word: &[u8] = if word == Word::Ok { b" OK done\r\n" } else { b" NO\r\n" };
                [self.tag.as_slice(), word].concat()
            }
            Event::Line(_) | Event::Fetch(_) | Event::Noted => return,
        });
    }
}

impl Read for Guard {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.handed_on.read(buf)?;
            if count > 0 || buf.is_empty() {
                return Ok(count);
            }
            let event = self.next().map_err(io::Error::other)?;
            self.hand_on(&event);
        }
    }
}

impl Write for Guard {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.send(buf).map_err(io::Error::other)?;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn untagged_line(rest: Vec<u8>) -> Vec<u8> {
    let mut line = b"* ".to_vec();
    line.extend(rest);
    line
}

/// UIDVALIDITY is any number but 0 (RFC 3501 2.3.1.1).
fn possible_validity(number: u64) -> Option<u32> {
    u32::try_from(number).ok().filter(|validity| *validity > 0)
}
