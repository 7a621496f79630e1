//! From an [`Endpoint`] to a stream that may be spoken on: resolve, connect, protect, verify.
//!
//! Refuses: a clear connection to anything but a loopback address, TLS below 1.2, a certificate that is not trusted
//! or not the pinned one. Nothing is sent before those checks.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use native_tls::{Certificate, HandshakeError, Protocol, TlsConnector, TlsStream};
use openssl::x509::{GeneralNameRef, X509};
use sha2::{Digest, Sha256};

use super::wire::Wire;
use super::{Endpoint, NetError, NetErrorKind, TlsMode};

/// A connected stream, in clear or in TLS, with deadlines.
pub struct Stream(Layer);

enum Layer {
    Plain(Wire),
    Tls(Box<TlsStream<Wire>>),
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
        let Layer::Plain(mut wire) = self.0 else { return Ok(self) };
        let connector = connector(endpoint)?;
        wire.begin_handshake(endpoint.timeouts.tls);
        let started = Instant::now();
        let stream = match connector.connect(&endpoint.host, wire) {
            Ok(stream) => stream,
            Err(HandshakeError::WouldBlock(_)) => return Err(stalled(endpoint)),
            Err(HandshakeError::Failure(_)) if started.elapsed() >= endpoint.timeouts.tls => {
                return Err(stalled(endpoint));
            }
            Err(HandshakeError::Failure(error)) => return Err(refused(endpoint, &error.to_string())),
        };
        match &endpoint.pin {
            Some(pin) => check_pin(endpoint, &stream, pin)?,
            None => check_names(endpoint, &stream)?,
        }
        Ok(Stream(Layer::Tls(Box::new(stream))))
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
        match matches!(self.0, Layer::Tls(_)) || self.is_loopback() {
            true => Ok(()),
            false => Err(NetError::new(NetErrorKind::Tls, "a login is not sent over a connection without TLS")),
        }
    }

    /// True when the peer is this machine.
    fn is_loopback(&self) -> bool {
        self.wire().peer().is_ok_and(|peer| peer.ip().to_canonical().is_loopback())
    }

    /// Our own address on this connection.
    pub fn local_ip(&self) -> Option<IpAddr> {
        self.wire().local().ok().map(|address| address.ip())
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
    let addresses = within_reach(endpoint, resolve(endpoint)?)?;
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for (index, address) in addresses.iter().enumerate() {
        let left = endpoint.timeouts.connect.saturating_sub(started.elapsed());
        let share = left / u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        match TcpStream::connect_timeout(address, share.max(Duration::from_millis(1))) {
            Ok(tcp) => return Ok(tcp),
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
    let (answer, question) = mpsc::channel();
    let name = (endpoint.host.clone(), endpoint.port);
    std::thread::spawn(move || {
        // Nobody listens any more when the deadline has passed.
        let _ = answer.send(name.to_socket_addrs().map(Vec::from_iter));
    });
    match question.recv_timeout(endpoint.timeouts.connect) {
        Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
        Ok(Ok(_)) => Err(NetError::new(NetErrorKind::Unreachable, format!("{}: no address found", endpoint.host))),
        Ok(Err(error)) => Err(NetError::new(NetErrorKind::Unreachable, format!("{}: {error}", endpoint.host))),
        Err(_) => {
            Err(NetError::new(NetErrorKind::Timeout, format!("{}: the name server does not answer", endpoint.host)))
        }
    }
}

/// A connector costs 70 ms to build (it reads every authority of the system), so one is kept per setting.
fn connector(endpoint: &Endpoint) -> Result<TlsConnector, NetError> {
    type Setting = (Option<PathBuf>, bool);
    static KEPT: Mutex<Option<HashMap<Setting, TlsConnector>>> = Mutex::new(None);
    let setting = (endpoint.ca.clone(), endpoint.pin.is_some());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = kept.get_or_insert_default();
    if let Some(connector) = kept.get(&setting) {
        return Ok(connector.clone());
    }
    let connector = build(endpoint.ca.as_deref(), endpoint.pin.is_some())?;
    kept.insert(setting, connector.clone());
    Ok(connector)
}

fn build(ca: Option<&Path>, pinned: bool) -> Result<TlsConnector, NetError> {
    let mut builder = TlsConnector::builder();
    builder.min_protocol_version(Some(Protocol::Tlsv12));
    for certificate in ca.map(authorities).transpose()?.unwrap_or_default() {
        builder.add_root_certificate(certificate);
    }
    if pinned {
        // The pin is stronger than any chain; it is compared before the first byte is sent.
        builder.danger_accept_invalid_certs(true).danger_accept_invalid_hostnames(true);
    }
    builder.build().map_err(|e| NetError::new(NetErrorKind::Tls, format!("TLS cannot be set up: {e}")))
}

/// Whether a file holds certificates of authorities.
///
/// # Errors
/// It cannot be read, or holds none.
pub fn check_authorities(path: &Path) -> Result<(), NetError> {
    authorities(path).map(drop)
}

fn authorities(path: &Path) -> Result<Vec<Certificate>, NetError> {
    let wrong = |why: String| NetError::new(NetErrorKind::Setting, format!("CA file {}: {why}", path.display()));
    let pem = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
    match Certificate::stack_from_pem(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(wrong("no certificate in it".into())),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// A name of the kind that was asked for must stand in the certificate itself: OpenSSL still takes the common name for one
/// where there is none (RFC 9525 2).
fn check_names(endpoint: &Endpoint, stream: &TlsStream<Wire>) -> Result<(), NetError> {
    let der = stream.peer_certificate().ok().flatten().and_then(|certificate| certificate.to_der().ok());
    let names = der.and_then(|der| X509::from_der(&der).ok()).and_then(|certificate| certificate.subject_alt_names());
    let by_address = endpoint.host.parse::<IpAddr>().is_ok();
    let is_named = |name: &GeneralNameRef| match by_address {
        true => name.ipaddress().is_some(),
        false => name.dnsname().is_some(),
    };
    if names.is_some_and(|names| names.iter().any(is_named)) {
        return Ok(());
    }
    let words = format!("{}: the certificate names no server in its subject alternative names", endpoint.host);
    Err(NetError::new(NetErrorKind::Certificate, words))
}

fn check_pin(endpoint: &Endpoint, stream: &TlsStream<Wire>, pin: &str) -> Result<(), NetError> {
    let der = stream.peer_certificate().ok().flatten().and_then(|certificate| certificate.to_der().ok());
    let seen = der.map(|der| hex(&Sha256::digest(der))).unwrap_or_default();
    let wanted: String = pin.chars().filter(char::is_ascii_hexdigit).collect::<String>().to_ascii_lowercase();
    if seen == wanted && !seen.is_empty() {
        return Ok(());
    }
    let text = format!("{}: the certificate is not the pinned one; it has SHA-256 {seen}", endpoint.host);
    Err(NetError { fingerprint: Some(seen), ..NetError::new(NetErrorKind::Certificate, text) })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unreachable(endpoint: &Endpoint, error: &io::Error) -> NetError {
    let kind = match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => NetErrorKind::Timeout,
        _ => NetErrorKind::Unreachable,
    };
    NetError::new(kind, format!("cannot connect to {} port {}: {error}", endpoint.host, endpoint.port))
}

fn stalled(endpoint: &Endpoint) -> NetError {
    let seconds = endpoint.timeouts.tls.as_secs_f32();
    NetError::new(NetErrorKind::Timeout, format!("{}: no TLS handshake within {seconds} s", endpoint.host))
}

/// Plain words for a failed handshake.
fn failed_handshake(error: &str, port: u16) -> String {
    // A greeting in clear, read as the beginning of TLS.
    let clear = ["wrong version number", "packet length too long", "unknown protocol", "http request"];
    if clear.iter().any(|words| error.contains(words)) {
        return format!("the server does not speak TLS on port {port}");
    }
    // error:CODE:LIBRARY:FUNCTION:REASON:FILE:LINE:DATA
    let reason =
        error.strip_prefix("error:").and_then(|rest| rest.split(':').nth(3)).filter(|reason| !reason.is_empty());
    format!("TLS handshake failed: {}", reason.unwrap_or(error))
}

/// OpenSSL's words for a failed handshake, sorted into "the certificate is wrong" and the rest.
fn refused(endpoint: &Endpoint, error: &str) -> NetError {
    let host = &endpoint.host;
    if !error.contains("certificate verify failed") {
        return NetError::new(NetErrorKind::Tls, format!("{host}: {}", failed_handshake(error, endpoint.port)));
    }
    let reason = error.rsplit_once('(').map_or(error, |(_, reason)| reason.trim_end_matches(')'));
    let why = match reason {
        "certificate has expired" => "the certificate has expired".to_owned(),
        "certificate is not yet valid" => "the certificate is not valid yet".to_owned(),
        "self-signed certificate" => "the certificate is self-signed".to_owned(),
        reason if reason.to_ascii_lowercase().contains("mismatch") => format!("the certificate is not for {host}"),
        reason if reason.contains("issuer certificate") || reason.contains("in certificate chain") => {
            format!("the certificate is from an authority that is not trusted ({reason})")
        }
        reason => format!("the certificate is not trusted ({reason})"),
    };
    NetError::new(NetErrorKind::Certificate, format!("{host}: {why}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::print_stderr)]
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use super::*;

    #[test]
    fn failed_handshakes_are_told_in_words() {
        for (error, told) in [
            (
                "error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl/record/ssl3_record.c:350:",
                "the server does not speak TLS on port 143",
            ),
            (
                "error:0A000102:SSL routines:ssl_choose_client_version:unsupported protocol:../ssl/statem/statem_lib.c:1957:",
                "TLS handshake failed: unsupported protocol",
            ),
            ("unexpected EOF", "TLS handshake failed: unexpected EOF"),
        ] {
            assert_eq!(failed_handshake(error, 143), told);
        }
    }

    /// A connection in clear to a listener at this address, which is one of this machine's.
    fn in_clear(ip: &str) -> (Stream, TcpListener) {
        let listener = TcpListener::bind((ip, 0)).unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Stream(Layer::Plain(Wire::new(tcp, Duration::from_secs(1), None).unwrap())), listener)
    }

    #[test]
    fn no_login_goes_in_clear_to_another_address_than_loopback() {
        assert!(in_clear("127.0.0.1").0.bears_secrets().is_ok());
        // The address by which this machine would reach the world; nothing is sent.
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        let outside = socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr());
        match outside.map(|address| address.ip().to_string()) {
            Ok(ip) if !ip.starts_with("127.") && ip != "0.0.0.0" => {
                assert!(in_clear(&ip).0.bears_secrets().is_err(), "{ip}");
            }
            _ => eprintln!("skipped: this machine has no address but loopback"),
        }
    }
}
