//! Stands between the program and a plain-text server, knows where lines and bodies are, writes down
//! what is said, and once does harm at a chosen place.

use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::imap::literal_size;
use super::sandbox::Child;

/// Who says a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

/// Where harm is done, seen from the chosen line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The line does not get through.
    Before,
    /// The line gets through, nothing after it.
    After,
    /// The line and this many bytes of what the same side sends behind it (a literal, a body, the
    /// next lines) get through.
    Inside(usize),
}

/// What is done.
#[derive(Clone)]
pub enum Deed {
    /// The connection ends.
    Cut,
    /// The process gets SIGKILL, then the connection ends.
    Kill(Child),
    /// The line gets through later by this time; nothing else is harmed.
    Hold(Duration),
}

/// At the `nth` line (from 1, over all connections) of `side` that contains `text`, or is the dot that ends a
/// message: once.
#[derive(Clone)]
pub struct Rule {
    pub side: Side,
    pub text: &'static str,
    pub nth: usize,
    pub when: When,
    pub deed: Deed,
}

/// A line in the transcript, without its line end; bodies and literals are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speech {
    pub connection: usize,
    pub side: Side,
    pub line: String,
}

/// The proxy serves till the end of the process; its transcript grows.
pub struct Proxy {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

struct State {
    rule: Option<Rule>,
    matches: usize,
    fired: bool,
    transcript: Vec<Speech>,
}

impl Proxy {
    /// In front of the server on `upstream`, doing nothing but listening.
    pub fn new(upstream: u16) -> Proxy {
        Proxy::start(upstream, None)
    }

    pub fn with_rule(upstream: u16, rule: Rule) -> Proxy {
        Proxy::start(upstream, Some(rule))
    }

    fn start(upstream: u16, rule: Option<Rule>) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State { rule, matches: 0, fired: false, transcript: Vec::new() }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for (connection, client) in listener.incoming().enumerate() {
                serve(connection, client.unwrap(), upstream, &shared);
            }
        });
        Proxy { port, state }
    }

    /// `127.0.0.1:PORT`, as the program's flags take it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Forgets what was counted, takes another rule.
    pub fn set_rule(&self, rule: Option<Rule>) {
        let mut state = self.state.lock().unwrap();
        (state.rule, state.matches, state.fired) = (rule, 0, false);
    }

    /// True once the rule has done its deed, or does it now.
    pub fn fired(&self) -> bool {
        self.state.lock().unwrap().fired
    }

    pub fn transcript(&self) -> Vec<Speech> {
        self.state.lock().unwrap().transcript.clone()
    }

    /// Forgets what was said.
    pub fn clear(&self) {
        self.state.lock().unwrap().transcript.clear();
    }

    /// The lines of one side.
    pub fn lines(&self, side: Side) -> Vec<String> {
        self.transcript().into_iter().filter(|said| said.side == side).map(|said| said.line).collect()
    }

    /// How many lines of a side contain `text`.
    pub fn count(&self, side: Side, text: &str) -> usize {
        self.lines(side).iter().filter(|line| line.contains(text)).count()
    }

    pub fn connections(&self) -> usize {
        let transcript = self.transcript();
        let mut seen: Vec<usize> = transcript.iter().map(|said| said.connection).collect();
        seen.sort_unstable();
        seen.dedup();
        seen.len()
    }

    /// How often a client spoke and then had to wait for the server.
    pub fn round_trips(&self) -> usize {
        let transcript = self.transcript();
        let of = |connection| transcript.iter().filter(move |said| said.connection == connection);
        let turns = |connection| {
            of(connection)
                .zip(of(connection).skip(1))
                .filter(|(a, b)| a.side == Side::Client && b.side == Side::Server)
                .count()
        };
        let last = transcript.iter().map(|said| said.connection).max().map_or(0, |last| last + 1);
        (0..last).map(turns).sum()
    }
}

fn serve(connection: usize, client: TcpStream, upstream: u16, state: &Arc<Mutex<State>>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", upstream)) else { return };
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (body, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    for side in [Side::Client, Side::Server] {
        let (from, to) = if side == Side::Client { (&client, &server) } else { (&server, &client) };
        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        let ends = [from.try_clone().unwrap(), to.try_clone().unwrap()];
        let (state, body, over) = (Arc::clone(state), Arc::clone(&body), Arc::clone(&over));
        std::thread::spawn(move || {
            let out = Outlet { to: BufWriter::new(to), allowed: None };
            let mut pump = Pump { connection, side, from: BufReader::new(from), out, state, body, over };
            match pump.run() {
                Err(Some(deed)) => {
                    // First, because the process that waits for the child looks here as soon as it is dead.
                    pump.state.lock().unwrap().fired = true;
                    if let Deed::Kill(child) = deed {
                        child.kill();
                    }
                }
                // The other side does its deed and ends the connection then: a client that saw it end before its
                // death could still put that down.
                _ if pump.over.load(Ordering::SeqCst) => return,
                _ => {}
            }
            ends.iter().for_each(|end| drop(end.shutdown(Shutdown::Both)));
        });
    }
}

/// One direction of one connection.
struct Pump {
    connection: usize,
    side: Side,
    from: BufReader<TcpStream>,
    out: Outlet,
    state: Arc<Mutex<State>>,
    /// The server has asked for an SMTP message (354), the client's next lines are its body.
    body: Arc<AtomicBool>,
    /// The rule ends this connection: what the other side answers to its line goes nowhere any more.
    over: Arc<AtomicBool>,
}

/// The end of a connection: by itself, or because the rule wants its deed done.
type End = Option<Deed>;

impl Pump {
    fn run(&mut self) -> Result<(), End> {
        loop {
            let mut line = self.read_line()?;
            if self.side == Side::Client && self.body.swap(false, Ordering::SeqCst) {
                line = self.smtp_body(line)?;
            }
            // The 354 is known before the client can have seen it.
            if self.side == Side::Server && line.starts_with(b"354") {
                self.body.store(true, Ordering::SeqCst);
            }
            self.pass_line(&line)?;
            let text = String::from_utf8_lossy(&line);
            if let Some(size) = literal_size(text.trim_end()) {
                self.literal(size)?;
            }
        }
    }

    fn read_line(&mut self) -> Result<Vec<u8>, End> {
        if self.from.buffer().is_empty() {
            self.out.flush()?;
        }
        let mut line = Vec::new();
        match self.from.read_until(b'\n', &mut line) {
            Ok(read) if read > 0 => Ok(line),
            _ => Err(None),
        }
    }

    fn pass_line(&mut self, line: &[u8]) -> Result<(), End> {
        if self.over.load(Ordering::SeqCst) {
            return Err(None);
        }
        match self.note(line) {
            Some(Rule { deed: Deed::Hold(time), .. }) => {
                self.state.lock().unwrap().fired = true;
                std::thread::sleep(time);
                self.out.send(line)
            }
            Some(Rule { when: When::Before, deed, .. }) => {
                self.out.flush()?;
                Err(Some(deed))
            }
            Some(Rule { when: When::After, deed, .. }) => {
                self.over.store(true, Ordering::SeqCst);
                self.out.send(line)?;
                self.out.flush()?;
                Err(Some(deed))
            }
            Some(Rule { when: When::Inside(bytes), deed, .. }) => {
                self.out.send(line)?;
                self.out.allowed = Some((bytes, deed));
                Ok(())
            }
            None => self.out.send(line),
        }
    }

    /// Writes the line down; the rule, if this is its line.
    fn note(&self, line: &[u8]) -> Option<Rule> {
        let line = String::from_utf8_lossy(line).trim_end_matches(['\r', '\n']).to_owned();
        let mut state = self.state.lock().unwrap();
        let is_meant = |text: &str| if text == "." { line == text } else { line.contains(text) };
        let rule = state.rule.clone().filter(|rule| rule.side == self.side && is_meant(rule.text));
        state.transcript.push(Speech { connection: self.connection, side: self.side, line });
        let rule = rule?;
        state.matches += 1;
        (state.matches == rule.nth).then_some(rule)
    }

    fn literal(&mut self, size: usize) -> Result<(), End> {
        let mut left = size;
        let mut buffer = vec![0; 16 * 1024];
        while left > 0 {
            let want = left.min(buffer.len());
            if self.from.buffer().is_empty() {
                self.out.flush()?;
            }
            let read = self.from.read(&mut buffer[..want]).map_err(|_| None)?;
            if read == 0 {
                return Err(None);
            }
            self.out.send(&buffer[..read])?;
            left -= read;
        }
        Ok(())
    }

    /// Passes a message on, up to its final dot, which counts as a line again.
    fn smtp_body(&mut self, mut line: Vec<u8>) -> Result<Vec<u8>, End> {
        while line != b".\r\n" {
            self.out.send(&line)?;
            line = self.read_line()?;
        }
        Ok(line)
    }
}

struct Outlet {
    to: BufWriter<TcpStream>,
    /// This number of further bytes, then the deed.
    allowed: Option<(usize, Deed)>,
}

impl Outlet {
    fn send(&mut self, bytes: &[u8]) -> Result<(), End> {
        let Some((left, deed)) = &mut self.allowed else {
            return self.to.write_all(bytes).map_err(|_| None);
        };
        let part = bytes.len().min(*left);
        *left -= part;
        let end = (*left == 0).then(|| deed.clone());
        self.to.write_all(&bytes[..part]).map_err(|_| None)?;
        if end.is_some() {
            self.flush()?;
            return Err(end);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), End> {
        self.to.flush().map_err(|_| None)
    }
}
