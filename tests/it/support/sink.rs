//! An SMTP server that takes everything, writes it down, and answers by script where told to.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happens instead of the usual answer.
#[derive(Debug, Clone)]
pub enum Answer {
    /// This reply; a line end is added. The message counts as taken if it begins with 2.
    Say(&'static str),
    /// Hangs up without an answer; after `.` the message was taken all the same.
    Cut,
    /// The usual answer, this late.
    Late(Duration),
    /// This again and again without a line end, until the client has enough (or 1 MiB is sent), then the end.
    Flood(&'static str),
    /// One byte of this every 50 ms, again and again, until the client has enough (or 10 s are over), then the end.
    Drip(&'static str),
}

/// At the `nth` (from 1, over all connections) occurrence of `verb`: `CONNECT`, `EHLO`, `AUTH`,
/// `MAIL`, `RCPT`, `DATA`, `.` (the message has ended), `RSET`, `QUIT`. 0 means each.
#[derive(Debug, Clone)]
pub struct Step {
    pub verb: &'static str,
    pub nth: usize,
    pub answer: Answer,
}

/// One message that was taken, or refused after its final dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    pub from: String,
    pub to: Vec<String>,
    /// Dot-stuffing undone.
    pub message: Vec<u8>,
    pub taken: bool,
}

/// The server runs till the end of the process.
pub struct SmtpSink {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    script: Vec<Step>,
    seen: Vec<String>,
    connections: usize,
    received: Vec<Received>,
}

impl SmtpSink {
    pub fn new(script: Vec<Step>) -> SmtpSink {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State { script, ..State::default() }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let session = Session { stream: BufReader::new(client.unwrap()), state: Arc::clone(&shared) };
                shared.lock().unwrap().connections += 1;
                std::thread::spawn(move || session.serve());
            }
        });
        SmtpSink { port, state }
    }

    /// `127.0.0.1:PORT`, as the program's flags take it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Takes another script; counting starts again.
    pub fn script(&self, script: Vec<Step>) {
        let mut state = self.state.lock().unwrap();
        (state.script, state.seen) = (script, Vec::new());
    }

    /// Every message whose final dot arrived, in that order.
    pub fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    /// Forgets what was received.
    pub fn clear(&self) {
        self.state.lock().unwrap().received.clear();
    }

    /// How often a verb was said since the script began.
    pub fn count(&self, verb: &str) -> usize {
        self.state.lock().unwrap().seen.iter().filter(|seen| *seen == verb).count()
    }

    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }
}

struct Session {
    stream: BufReader<TcpStream>,
    state: Arc<Mutex<State>>,
}

impl Session {
    /// Ends quietly when either side hangs up.
    fn serve(mut self) -> Option<()> {
        self.answer("CONNECT", "220 sink.example ESMTP")?;
        let (mut from, mut to) = (String::new(), Vec::new());
        loop {
            let line = self.line()?;
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let said = match verb.as_str() {
                "EHLO" => {
                    self.answer("EHLO", "250-sink.example\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN LOGIN")?
                }
                "AUTH" => self.answer("AUTH", "235 2.7.0 welcome")?,
                "DATA" => self.answer("DATA", "354 go ahead")?,
                "QUIT" => return self.answer("QUIT", "221 bye").map(drop),
                other => self.answer(other, "250 2.0.0 fine")?,
            };
            match verb.as_str() {
                "MAIL" => (from, to) = (path(&line), Vec::new()),
                "RCPT" if said.starts_with('2') => to.push(path(&line)),
                "DATA" if said.starts_with('3') => {
                    let message = self.message()?;
                    let index = self.keep(Received { from: from.clone(), to: to.clone(), message, taken: true });
                    let said = self.answer(".", "250 2.0.0 taken")?;
                    self.state.lock().unwrap().received[index].taken = said.starts_with('2');
                }
                _ => {}
            }
        }
    }

    fn keep(&self, received: Received) -> usize {
        let mut state = self.state.lock().unwrap();
        state.received.push(received);
        state.received.len() - 1
    }

    /// Says what the script wants, else `usual`; what was said.
    fn answer(&mut self, verb: &str, usual: &str) -> Option<String> {
        let scripted = {
            let mut state = self.state.lock().unwrap();
            state.seen.push(verb.to_owned());
            let count = state.seen.iter().filter(|seen| *seen == verb).count();
            let step = state.script.iter().find(|step| step.verb == verb && (step.nth == 0 || step.nth == count));
            step.map(|step| step.answer.clone())
        };
        let said = match scripted {
            Some(Answer::Cut) => return None,
            Some(Answer::Flood(text)) => {
                let block = text.repeat((64 << 10) / text.len());
                (0..16).try_for_each(|_| self.stream.get_mut().write_all(block.as_bytes()).ok())?;
                return None;
            }
            Some(Answer::Drip(text)) => {
                text.bytes().cycle().take(200).try_for_each(|byte| {
                    std::thread::sleep(Duration::from_millis(50));
                    self.stream.get_mut().write_all(&[byte]).ok()
                })?;
                return None;
            }
            Some(Answer::Say(reply)) => reply,
            Some(Answer::Late(delay)) => {
                std::thread::sleep(delay);
                usual
            }
            None => usual,
        };
        self.stream.get_mut().write_all(format!("{said}\r\n").as_bytes()).ok()?;
        Some(said.to_owned())
    }

    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        let read = self.stream.read_until(b'\n', &mut line).ok()?;
        (read > 0).then(|| String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    fn message(&mut self) -> Option<Vec<u8>> {
        let mut message = Vec::new();
        loop {
            let mut line = Vec::new();
            if self.stream.read_until(b'\n', &mut line).ok()? == 0 {
                return None;
            }
            if line == b".\r\n" {
                return Some(message);
            }
            message.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }
}

/// The address between the angle brackets.
fn path(line: &str) -> String {
    line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(path, _)| path).to_owned()
}
