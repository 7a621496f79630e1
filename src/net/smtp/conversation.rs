//! Commands out, replies in, with deadlines and byte budgets, and the body with its dots stuffed.

use std::time::Duration;

use log::{Level, log_enabled, trace};

use super::reply::{self, LINES_MAX};
use crate::net::lines::Lines;
use crate::net::printable::Words;
use crate::net::tls::Stream;
use crate::net::{NetError, NetErrorKind, Reply};

/// Longest reply line; RFC 5321 4.5.3.1.5 allows 512.
const LINE_MAX: usize = 16 * 1024;
/// Bytes of one reply.
const REPLY_MAX: u64 = 256 * 1024;
/// The server may look at a whole message before it answers: ten minutes where a reply has one (RFC 5321 4.5.3.2.6).
const SCANNING: u32 = 10;

/// One connection to an SMTP server.
pub(super) struct Conversation {
    lines: Lines,
}

impl Conversation {
    pub(super) fn new(stream: Stream, words: Words, reply: Duration) -> Conversation {
        Conversation { lines: Lines::new(stream, words, LINE_MAX, reply) }
    }

    pub(super) fn greeting(&mut self) -> Result<Reply, NetError> {
        self.lines.begin_answer(REPLY_MAX);
        self.read().map(|(reply, _)| reply)
    }

    /// Sends a command, which ends in CRLF, and reads its reply.
    pub(super) fn command(&mut self, command: &str) -> Result<Reply, NetError> {
        self.exchange(command).map(|(reply, _)| reply)
    }

    /// As [`Conversation::command`], with the text of each line, which is not for people.
    pub(super) fn exchange(&mut self, command: &str) -> Result<(Reply, Vec<Vec<u8>>), NetError> {
        self.say(command)?;
        self.read()
    }

    /// Sends a command that no one waits for.
    pub(super) fn say(&mut self, command: &str) -> Result<(), NetError> {
        self.lines.begin_answer(REPLY_MAX);
        trace!("C: {}", self.words().printable(command.as_bytes()));
        self.lines.send(command.as_bytes())
    }

    /// Sends a line of a login, of which only `shown` may be logged, and only the code of the reply, which may repeat it;
    /// with the text of its first line, a challenge.
    pub(super) fn secret(&mut self, shown: &str, line: &str) -> Result<(Reply, Vec<u8>), NetError> {
        self.lines.begin_answer(REPLY_MAX);
        trace!("C: {shown} ***");
        self.lines.send(line.as_bytes())?;
        let (reply, lines) = self.read_shown(&|answer| format!("{} ***", answer.get(..3).unwrap_or_default()))?;
        Ok((reply, lines.into_iter().next().unwrap_or_default()))
    }

    /// Sends a message after 354 and reads what became of it: once begun it is ended, as nobody would know whether it was
    /// taken.
    pub(super) fn body(&mut self, body: &[u8]) -> Result<Reply, NetError> {
        self.lines.begin_lasting(REPLY_MAX, SCANNING);
        trace!("C: {} bytes", body.len());
        self.lines.send(&stuffed(body))?;
        self.read().map(|(reply, _)| reply)
    }

    /// How what the server says is quoted.
    pub(super) fn words(&self) -> &Words {
        self.lines.words()
    }

    /// Bytes that came without being asked for.
    pub(super) fn has_more(&self) -> bool {
        !self.lines.buffered().is_empty()
    }

    pub(super) fn stream(&self) -> &Stream {
        self.lines.stream()
    }

    /// Gives the stream back, for the TLS upgrade.
    pub(super) fn into_stream(self) -> Stream {
        self.lines.into_stream()
    }

    pub(super) fn close(&self) {
        self.lines.stream().close();
    }

    fn read(&mut self) -> Result<(Reply, Vec<Vec<u8>>), NetError> {
        self.read_shown(&str::to_owned)
    }

    fn read_shown(&mut self, shown: &dyn Fn(&str) -> String) -> Result<(Reply, Vec<Vec<u8>>), NetError> {
        let mut texts = Vec::new();
        let mut code = None;
        loop {
            let bytes = self.lines.line()?;
            if log_enabled!(Level::Trace) {
                trace!("S: {}", shown(&self.words().printable(&bytes)));
            }
            if texts.len() == LINES_MAX {
                let words = format!("a reply of the server has more than {LINES_MAX} lines");
                return Err(NetError::new(NetErrorKind::Protocol, words));
            }
            let read = reply::line(&bytes).filter(|line| code.is_none_or(|code| code == line.code));
            let Some(line) = read else {
                return Err(NetError::new(
                    NetErrorKind::Protocol,
                    format!("a line of the server is not SMTP: {:?}", self.words().printable(&bytes)),
                ));
            };
            code = Some(line.code);
            texts.push(line.text.to_vec());
            if line.last {
                let reply = reply::whole(self.words(), line.code, &texts);
                return Ok((reply, texts));
            }
        }
    }
}

/// The message as it goes over the wire: every line end CRLF (a bare one ends a line for some servers and not for
/// others), dots stuffed (RFC 5321 4.5.2), and the dot that ends it.
fn stuffed(body: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(body.len() + body.len() / 64 + 8);
    let mut rest = body;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
        let (line, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        if line.first() == Some(&b'.') {
            wire.push(b'.');
        }
        wire.extend_from_slice(line);
        wire.extend_from_slice(b"\r\n");
        rest = after.strip_prefix(b"\r\n").or(after.get(1..)).unwrap_or_default();
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_a_body_can_end_it() {
        for (body, wire) in [
            ("", ".\r\n"),
            ("a\r\n", "a\r\n.\r\n"),
            ("a", "a\r\n.\r\n"),
            (".\r\n", "..\r\n.\r\n"),
            ("a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n"),
            ("a\n.\nb\n", "a\r\n..\r\nb\r\n.\r\n"),
            ("a\r.\rb", "a\r\n..\r\nb\r\n.\r\n"),
            ("a\r\n\r\nb.\r\n", "a\r\n\r\nb.\r\n.\r\n"),
            ("a\n\r\n.\r", "a\r\n\r\n..\r\n.\r\n"),
        ] {
            assert_eq!(String::from_utf8_lossy(&stuffed(body.as_bytes())), wire, "{body:?}");
        }
    }
}
