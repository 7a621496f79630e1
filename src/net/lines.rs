//! Bounded reading of a line protocol: one line at a time, literals of an announced size, one budget of bytes and one clock
//! for each operation, however many commands it takes.
//!
//! Nothing is allocated because the server announced it before the announcement was checked.

use std::io::{self, Read, Write};
use std::time::Duration;

use super::printable::Words;
use super::tls::Stream;
use super::{NetError, NetErrorKind};
use crate::system_words;

const BUFFER: usize = 64 * 1024;
/// Minimum cost of a line, in bytes of the budget: each line is work, however short it is.
const LINE_COST: u64 = 16;

/// The reading half of a conversation.
pub(super) struct Lines {
    stream: Stream,
    words: Words,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    line_max: usize,
    budget: u64,
    reply: Duration,
}

impl Lines {
    /// Lines over `stream`, each at most `line_max` bytes, each answer within `reply`; `words` quotes them.
    pub(super) fn new(stream: Stream, words: Words, line_max: usize, reply: Duration) -> Lines {
        let buffer = vec![0; BUFFER].into_boxed_slice();
        Lines { stream, words, buffer, start: 0, end: 0, line_max, budget: 0, reply }
    }

    /// Starts the clock and the byte budget of one operation of several commands.
    pub(super) fn begin(&mut self, budget: u64) {
        self.budget = budget;
        self.stream.clock().begin(self.reply);
    }

    /// Starts the clock and the byte budget of one answer.
    pub(super) fn begin_answer(&mut self, budget: u64) {
        self.budget = budget;
        self.stream.clock().begin_answer(self.reply);
    }

    /// As [`Lines::begin_answer`], with `times` the usual limit, for an answer that is waited for even when the time of the
    /// connection is over.
    pub(super) fn begin_lasting(&mut self, budget: u64, times: u32) {
        self.budget = budget;
        self.stream.clock().begin_lasting(self.reply.saturating_mul(times));
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), NetError> {
        let sent = self.stream.write_all(bytes).and_then(|()| self.stream.flush());
        sent.map_err(|error| self.broken(&error))
    }

    /// The next line without its end (CRLF, or LF alone).
    pub(super) fn line(&mut self) -> Result<Vec<u8>, NetError> {
        let mut line = Vec::new();
        loop {
            let chunk = self.buffered();
            let (taken, ended) = match chunk.iter().position(|&byte| byte == b'\n') {
                Some(at) => (at + 1, true),
                None => (chunk.len(), false),
            };
            line.extend_from_slice(chunk.get(..taken).unwrap_or_default());
            if line.len() > self.line_max {
                return Err(excess(format!("a line of more than {} bytes", self.line_max)));
            }
            self.consume(taken)?;
            if ended {
                self.afford(LINE_COST.saturating_sub(line.len() as u64))?;
                line.pop();
                line.pop_if(|byte| *byte == b'\r');
                return Ok(line);
            }
            self.fill()?;
        }
    }

    /// Exactly `size` bytes, refused before anything is reserved when `size` is over `max`.
    pub(super) fn literal(&mut self, size: u64, max: u64) -> Result<Vec<u8>, NetError> {
        if size > max {
            return Err(excess(format!("a literal of {size} bytes where {max} are the limit")));
        }
        self.afford(size)?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let mut bytes = Vec::with_capacity(size);
        let chunk = self.buffered();
        let taken = chunk.len().min(size);
        bytes.extend_from_slice(chunk.get(..taken).unwrap_or_default());
        self.start += taken;
        let rest = (size - taken) as u64;
        match Read::by_ref(&mut self.stream).take(rest).read_to_end(&mut bytes) {
            Ok(_) if bytes.len() == size => Ok(bytes),
            Ok(_) => Err(self.broken(&io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(self.broken(&error)),
        }
    }

    /// Bytes that have arrived and not been taken.
    pub(super) fn buffered(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// How what the server says is quoted.
    pub(super) fn words(&self) -> &Words {
        &self.words
    }

    /// The stream underneath.
    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Gives the stream back, for the TLS upgrade.
    pub(super) fn into_stream(self) -> Stream {
        self.stream
    }

    fn consume(&mut self, count: usize) -> Result<(), NetError> {
        self.start += count;
        self.afford(count as u64)
    }

    fn afford(&mut self, count: u64) -> Result<(), NetError> {
        match self.budget.checked_sub(count) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => Err(excess("more bytes than the answer can have".into())),
        }
    }

    fn fill(&mut self) -> Result<(), NetError> {
        (self.start, self.end) = (0, 0);
        match self.stream.read(&mut self.buffer) {
            Ok(0) => Err(self.broken(&io::ErrorKind::UnexpectedEof.into())),
            Ok(count) => {
                self.end = count;
                Ok(())
            }
            Err(error) => Err(self.broken(&error)),
        }
    }

    fn broken(&self, error: &io::Error) -> NetError {
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock if self.stream.is_over() => NetError::new(
                NetErrorKind::Timeout,
                "the server did not answer before the run's time (max_runtime) was over",
            ),
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                let seconds = self.reply.as_secs_f32();
                NetError::new(NetErrorKind::Timeout, format!("the server does not answer in time ({seconds} s)"))
            }
            io::ErrorKind::UnexpectedEof => {
                NetError::new(NetErrorKind::Closed, "the server closed the connection before its answer was complete")
            }
            _ => NetError::new(NetErrorKind::Closed, format!("the connection broke: {}", system_words::reason(error))),
        }
    }
}

fn excess(what: String) -> NetError {
    NetError::new(NetErrorKind::Protocol, format!("the server sent {what}"))
}
