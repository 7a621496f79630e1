//! A TCP socket that cannot keep the program waiting.
//!
//! Every read and write ends after the idle time-out. A whole exchange has a time of its own, which grows with the bytes
//! that are moved, so that a peer that drips one byte a second is left. The clock sits below TLS: a
//! drip inside one TLS record ends as well. It never reports `WouldBlock`; a deadline is `TimedOut`.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Slowest transfer that is waited for, in bytes per second.
const FLOOR: u64 = 2048;
/// An operation of several commands may take this many idle time-outs before the bytes moved must account for more.
const PATIENCE: u32 = 5;

/// Read ahead below TLS, which asks for the five bytes of a record's header before it asks for the record.
const AHEAD: usize = 32 * 1024;

/// A connected socket with its clock.
#[derive(Debug)]
pub(super) struct Wire {
    tcp: TcpStream,
    /// Bytes that have been read ahead, once there is TLS above.
    ahead: io::Cursor<Vec<u8>>,
    reads_ahead: bool,
    /// The time-out that the socket has now.
    set: Option<Duration>,
    /// The whole connection ends then.
    until: Option<Instant>,
    /// What has been begun outlasts `until`.
    outlasts: bool,
    idle: Duration,
    total: Duration,
    started: Instant,
    moved: u64,
}

impl Wire {
    /// Wraps a connected socket; `limit` bounds the first exchange (the TLS handshake), `until` all of them.
    pub(super) fn new(tcp: TcpStream, limit: Duration, until: Option<Instant>) -> io::Result<Wire> {
        tcp.set_nodelay(true)?;
        let (ahead, started) = (io::Cursor::default(), Instant::now());
        Ok(Wire {
            tcp,
            ahead,
            reads_ahead: false,
            set: None,
            until,
            outlasts: false,
            idle: limit,
            total: limit,
            started,
            moved: 0,
        })
    }

    /// Starts the clock of an operation of several commands and their answers.
    pub(super) fn begin(&mut self, idle: Duration) {
        self.start(idle, idle.saturating_mul(PATIENCE));
    }

    /// Starts the clock of one answer.
    pub(super) fn begin_answer(&mut self, limit: Duration) {
        self.start(limit, limit);
    }

    /// Starts the clock of something that is not cut off by the end of the connection's time.
    pub(super) fn begin_lasting(&mut self, limit: Duration) {
        self.start(limit, limit);
        self.outlasts = true;
    }

    /// Starts the clock of a handshake, which gets no patience.
    pub(super) fn begin_handshake(&mut self, limit: Duration) {
        self.reads_ahead = true;
        self.begin_answer(limit);
    }

    fn start(&mut self, idle: Duration, total: Duration) {
        (self.idle, self.total, self.started, self.moved, self.outlasts) = (idle, total, Instant::now(), 0, false);
    }

    /// Whether the time of the whole connection is over.
    pub(super) fn is_over(&self) -> bool {
        self.end().is_some_and(|until| until <= Instant::now())
    }

    fn end(&self) -> Option<Instant> {
        self.until.filter(|_| !self.outlasts)
    }

    /// The address of the peer.
    pub(super) fn peer(&self) -> io::Result<SocketAddr> {
        self.tcp.peer_addr()
    }

    /// Our own address.
    pub(super) fn local(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Ends the connection both ways.
    pub(super) fn close(&self) {
        // A socket that is already gone is as closed as one can wish.
        let _ = self.tcp.shutdown(Shutdown::Both);
    }

    /// Sets how long the next system call may wait.
    fn be_patient(&mut self) -> io::Result<()> {
        let patience = self.patience()?;
        if self.set != Some(patience) {
            self.tcp.set_read_timeout(Some(patience))?;
            self.tcp.set_write_timeout(Some(patience))?;
            self.set = Some(patience);
        }
        Ok(())
    }

    fn receive(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            self.be_patient()?;
            match self.tcp.read(buf) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return self.moved(result),
            }
        }
    }

    /// How long the next system call may wait.
    fn patience(&self) -> io::Result<Duration> {
        let earned = Duration::from_millis(self.moved.saturating_mul(1000) / FLOOR);
        let mut left = self.total.saturating_add(earned).saturating_sub(self.started.elapsed());
        if let Some(until) = self.end() {
            left = left.min(until.saturating_duration_since(Instant::now()));
        }
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(left.min(self.idle).max(Duration::from_millis(1)))
    }

    fn moved(&mut self, result: io::Result<usize>) -> io::Result<usize> {
        match result {
            Ok(count) => {
                self.moved = self.moved.saturating_add(count as u64);
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(io::ErrorKind::TimedOut.into()),
            Err(error) => Err(error),
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if !self.reads_ahead {
            return self.receive(buf);
        }
        let count = self.ahead.read(buf)?;
        if count > 0 || buf.is_empty() {
            return Ok(count);
        }
        let mut ahead = std::mem::take(&mut self.ahead).into_inner();
        ahead.resize(AHEAD, 0);
        let received = self.receive(&mut ahead);
        ahead.truncate(*received.as_ref().unwrap_or(&0));
        self.ahead = io::Cursor::new(ahead);
        received?;
        self.ahead.read(buf)
    }
}

impl Write for Wire {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        loop {
            self.be_patient()?;
            match self.tcp.write(buf) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return self.moved(result),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
