//! From an [`Endpoint`] to a stream that may be spoken on: resolve, connect, protect, verify.
//!
//! Refuses: a clear connection to anything but a loopback address, TLS below 1.2, a certificate that is not trusted
//! or not pinned. Nothing is sent before those checks.

pub mod database;
mod trust;

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use openssl::ssl::SslStream;

use super::trail::Step;
use super::wire::Wire;
use super::{Endpoint, NetError, NetErrorKind, TlsMode};
use crate::system_words;
pub use trust::check_authorities;

/// Addresses of a host that are shown.
const SHOWN: usize = 4;

/// A connected stream, in clear or in TLS, with deadlines.
pub struct Stream(Layer);

enum Layer {
    Plain(Wire),
    Tls(Box<SslStream<Wire>>),
}

/// Connects to `endpoint`, in TLS when the mode is implicit. With STARTTLS the stream is still in clear: the caller
/// negotiates and then calls [`Stream::upgrade`].
pub fn connect(endpoint: &Endpoint) -> Result<Stream, NetError> {
    let tcp = dial(endpoint)?;
    let wire = Wire::new(tcp, endpoint.timeouts.tls, endpoint.timeouts.until).map_err(|e| unreachable(endpoint, &e))?;
    let stream = Stream(Layer::Plain(wire));
    match endpoint.tls {
        TlsMode::Implicit => stream.upgrade(endpoint),
        TlsMode::StartTls => Ok(stream),
        TlsMode::None if stream.is_loopback() => Ok(stream),
        TlsMode::None => Err(NetError::new(
            NetErrorKind::Tls,
            format!(
                "{} is not this machine: a connection without TLS is only made to a loopback address",
                endpoint.host
            ),
        )),
    }
}

impl Stream {
    /// TLS over the clear stream: handshake within its deadline, certificate checked.
    pub fn upgrade(self, endpoint: &Endpoint) -> Result<Stream, NetError> {
        let Layer::Plain(wire) = self.0 else { return Ok(self) };
        endpoint.trail.begin(Step::Tls);
        Ok(Stream(Layer::Tls(Box::new(trust::handshake(endpoint, wire)?))))
    }

    /// The socket, to start its clock.
    pub(super) fn clock(&mut self) -> &mut Wire {
        match &mut self.0 {
            Layer::Plain(wire) => wire,
            Layer::Tls(stream) => stream.get_mut(),
        }
    }

    /// Whether the time of the whole connection is over.
    pub(super) fn is_over(&self) -> bool {
        self.wire().is_over()
    }

    /// The last gate before a login: nobody on the way could read what is sent.
    ///
    /// # Errors
    /// Neither TLS, nor is the peer this machine.
    pub fn bears_secrets(&self) -> Result<(), NetError> {
        let peer = self.wire().peer().ok().map(|peer| peer.ip());
        match keeps_secrets(matches!(self.0, Layer::Tls(_)), peer) {
            true => Ok(()),
            false => Err(NetError::new(NetErrorKind::Tls, "a login is not sent over a connection without TLS")),
        }
    }

    /// True when the peer is this machine.
    fn is_loopback(&self) -> bool {
        self.wire().peer().is_ok_and(|peer| keeps_secrets(false, Some(peer.ip())))
    }

    /// Our own address on this connection.
    pub fn local_ip(&self) -> Option<IpAddr> {
        self.wire().local().ok().map(|address| address.ip())
    }

    /// When the certificate of the server is over; `None` without TLS.
    pub fn certificate_ends(&self) -> Option<Timestamp> {
        let Layer::Tls(stream) = &self.0 else { return None };
        trust::moment(stream.ssl().peer_certificate()?.not_after())
    }

    /// Ends the connection.
    pub fn close(&self) {
        self.wire().close();
    }

    fn wire(&self) -> &Wire {
        match &self.0 {
            Layer::Plain(wire) => wire,
            Layer::Tls(stream) => stream.get_ref(),
        }
    }
}

/// Whether nobody on the way to this address could read what is sent; `None` = it is not known where that is.
fn keeps_secrets(is_encrypted: bool, peer: Option<IpAddr>) -> bool {
    is_encrypted || peer.is_some_and(|peer| peer.to_canonical().is_loopback())
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Layer::Plain(wire) => wire.read(buf),
            Layer::Tls(stream) => stream.read(buf),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Layer::Plain(wire) => wire.write(buf),
            Layer::Tls(stream) => stream.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Layer::Plain(wire) => wire.flush(),
            Layer::Tls(stream) => stream.flush(),
        }
    }
}

/// Tries every address of the host; one that does not answer leaves time for the others.
fn dial(endpoint: &Endpoint) -> Result<TcpStream, NetError> {
    let started = Instant::now();
    endpoint.trail.begin(Step::Dns);
    let addresses = within_reach(endpoint, resolve(endpoint)?)?;
    let shown: Vec<String> = addresses.iter().take(SHOWN).map(|address| address.ip().to_string()).collect();
    endpoint.trail.found(shown.join(", "));
    endpoint.trail.begin(Step::Tcp);
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for (index, address) in addresses.iter().enumerate() {
        let left = endpoint.timeouts.connect.saturating_sub(started.elapsed());
        let share = left / u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        match TcpStream::connect_timeout(address, share.max(Duration::from_millis(1))) {
            Ok(tcp) => {
                endpoint.trail.found(address.to_string());
                return Ok(tcp);
            }
            Err(error) => last = error,
        }
    }
    Err(unreachable(endpoint, &last))
}

/// The addresses that a connection may go to.
fn within_reach(endpoint: &Endpoint, mut addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, NetError> {
    let first = addresses.first().map(SocketAddr::ip);
    addresses.retain(|address| endpoint.reach.allows(&endpoint.host, address.ip()));
    match first.filter(|_| addresses.is_empty()) {
        Some(ip) => {
            Err(NetError::new(NetErrorKind::NotAllowed, format!("{}: {ip} is not a public address", endpoint.host)))
        }
        None => Ok(addresses),
    }
}

/// Asks the system's resolver, which knows no deadline of its own, from a thread that may be left behind.
fn resolve(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, NetError> {
    if let Ok(ip) = endpoint.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, endpoint.port)]);
    }
    // RFC 6761: names for tests, which no name server knows.
    #[cfg(feature = "poison")]
    if endpoint.host.ends_with(".test") {
        return Ok(vec![SocketAddr::new(std::net::Ipv4Addr::LOCALHOST.into(), endpoint.port)]);
    }
    let (answer, question) = mpsc::channel();
    let name = (endpoint.host.clone(), endpoint.port);
    std::thread::spawn(move || {
        // Nobody listens any more when the deadline has passed.
        let _ = answer.send(name.to_socket_addrs().map(Vec::from_iter));
    });
    match question.recv_timeout(endpoint.timeouts.connect) {
        Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
        Ok(Ok(_)) => Err(NetError::new(NetErrorKind::Unreachable, format!("{}: no address found", endpoint.host))),
        Ok(Err(error)) => Err(NetError::new(
            NetErrorKind::Unreachable,
            format!("{}: {}", endpoint.host, system_words::reason(&error)),
        )),
        Err(_) => {
            Err(NetError::new(NetErrorKind::Timeout, format!("{}: the name server does not answer", endpoint.host)))
        }
    }
}

fn unreachable(endpoint: &Endpoint, error: &io::Error) -> NetError {
    let kind = match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => NetErrorKind::Timeout,
        _ => NetErrorKind::Unreachable,
    };
    NetError::new(
        kind,
        format!("cannot connect to {} port {}: {}", endpoint.host, endpoint.port, system_words::reason(error)),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn no_login_goes_in_clear_to_another_address_than_loopback() {
        for (peer, in_clear) in [
            (Some("127.0.0.1"), true),
            (Some("127.9.9.9"), true),
            (Some("::1"), true),
            (Some("::ffff:127.0.0.1"), true),
            (Some("192.0.2.1"), false),
            (Some("10.0.0.1"), false),
            (Some("169.254.1.1"), false),
            (Some("0.0.0.0"), false),
            (Some("2001:db8::1"), false),
            (Some("fe80::1"), false),
            (Some("::ffff:192.0.2.1"), false),
            (None, false),
        ] {
            let address = peer.map(|peer| peer.parse::<IpAddr>().unwrap());
            assert_eq!(keeps_secrets(false, address), in_clear, "{peer:?}");
            assert!(keeps_secrets(true, address), "{peer:?}");
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let stream = Stream(Layer::Plain(Wire::new(tcp, Duration::from_secs(1), None).unwrap()));
        assert!(stream.bears_secrets().is_ok());
        stream.close();
    }
}
