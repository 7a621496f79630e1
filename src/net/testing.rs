//! A server on the loopback interface that plays a script for one connection, and certificates for it.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use native_tls::{Identity, TlsAcceptor, TlsStream};
use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};

use super::reach::Reach;
use super::trail::Trail;
use super::{Credentials, Endpoint, Mechanism, Timeouts, TlsMode};

/// One step of a script.
pub(super) enum Step {
    /// Bytes to the client.
    Send(Vec<u8>),
    /// One line of the client, which must begin with this.
    Expect(&'static str),
    /// This many bytes of the client.
    Take(usize),
    /// One byte after the other, with this pause.
    Drip(Vec<u8>, Duration),
    /// TLS from here on.
    Tls(TlsAcceptor),
    /// Nothing at all for this time.
    Pause(Duration),
}

pub(super) fn send(bytes: impl AsRef<[u8]>) -> Step {
    Step::Send(bytes.as_ref().to_vec())
}

pub(super) fn expect(start: &'static str) -> Step {
    Step::Expect(start)
}

/// A running script.
pub(super) struct Server {
    port: u16,
    thread: JoinHandle<Vec<String>>,
}

impl Server {
    /// Listens and plays `steps` to the first client, then closes.
    pub(super) fn play(steps: Vec<Step>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = std::thread::spawn(move || perform(listener.accept().unwrap().0, steps));
        Server { port, thread }
    }

    /// An endpoint in clear with short deadlines.
    pub(super) fn endpoint(&self) -> Endpoint {
        let short = Duration::from_millis(300);
        let timeouts = Timeouts { connect: short, tls: short, reply: short, until: None };
        Endpoint {
            host: "127.0.0.1".into(),
            port: self.port,
            tls: TlsMode::None,
            ca: None,
            pins: Vec::new(),
            reach: Reach::Anywhere,
            timeouts,
            trail: Trail::default(),
        }
    }

    /// The lines the client sent, when the script is over.
    pub(super) fn lines(self) -> Vec<String> {
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

pub(super) fn credentials() -> Credentials {
    Credentials { login: "me".into(), secret: "pa\"ss".to_owned().into(), mechanism: Mechanism::Password }
}

enum Peer {
    Plain(BufReader<TcpStream>),
    Tls(Box<BufReader<TlsStream<TcpStream>>>),
}

fn perform(tcp: TcpStream, steps: Vec<Step>) -> Vec<String> {
    tcp.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    tcp.set_nodelay(true).unwrap();
    let mut lines = Vec::new();
    let mut peer = Peer::Plain(BufReader::new(tcp));
    for step in steps {
        match (step, &mut peer) {
            (Step::Tls(acceptor), Peer::Plain(plain)) => match acceptor.accept(plain.get_ref().try_clone().unwrap()) {
                Ok(stream) => peer = Peer::Tls(Box::new(BufReader::new(stream))),
                Err(_) => return lines,
            },
            (Step::Tls(_), Peer::Tls(_)) => panic!("TLS twice"),
            (step, Peer::Plain(stream)) => act(stream, step, &mut lines),
            (step, Peer::Tls(stream)) => act(stream.as_mut(), step, &mut lines),
        }
    }
    let (tcp, mut rest) = match &peer {
        Peer::Plain(stream) => (stream.get_ref(), stream.get_ref()),
        Peer::Tls(stream) => (stream.get_ref().get_ref(), stream.get_ref().get_ref()),
    };
    tcp.shutdown(Shutdown::Write).ok();
    rest.read_to_end(&mut Vec::new()).ok();
    lines
}

fn act<S: Read + Write>(stream: &mut BufReader<S>, step: Step, lines: &mut Vec<String>) {
    match step {
        // A client that has left does not end the script: what it said is what matters.
        Step::Send(bytes) => drop(stream.get_mut().write_all(&bytes).and_then(|()| stream.get_mut().flush())),
        Step::Expect(start) => {
            let mut line = Vec::new();
            stream.read_until(b'\n', &mut line).ok();
            let line = String::from_utf8_lossy(line.trim_ascii()).into_owned();
            assert!(line.starts_with(start), "expected {start:?}, the client said {line:?}");
            lines.push(line);
        }
        Step::Take(count) => {
            let mut bytes = vec![0; count];
            stream.read_exact(&mut bytes).unwrap();
            lines.push(String::from_utf8_lossy(&bytes).into_owned());
        }
        Step::Drip(bytes, pause) => {
            for byte in bytes {
                if stream.get_mut().write_all(&[byte]).is_err() {
                    return;
                }
                std::thread::sleep(pause);
            }
        }
        Step::Pause(pause) => std::thread::sleep(pause),
        Step::Tls(_) => {}
    }
}

/// A self-signed certificate for `name`, valid from today plus `from` days to today plus `to` days.
pub(super) struct Certified {
    pub(super) certificate: X509,
    pub(super) acceptor: TlsAcceptor,
}

pub(super) fn certified(name: &str, from: i64, to: i64) -> Certified {
    let key = PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(&subject).unwrap();
    builder.set_pubkey(&key).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    builder.set_not_before(&Asn1Time::from_unix(now + from * 86_400).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(now + to * 86_400).unwrap()).unwrap();
    builder.append_extension(BasicConstraints::new().ca().build().unwrap()).unwrap();
    let mut names = SubjectAlternativeName::new();
    if name.parse::<std::net::IpAddr>().is_ok() {
        names.ip(name)
    } else {
        names.dns(name)
    };
    let names = names.build(&builder.x509v3_context(None, None)).unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    let certificate = builder.build();
    let pem = (certificate.to_pem().unwrap(), key.private_key_to_pem_pkcs8().unwrap());
    let acceptor = TlsAcceptor::new(Identity::from_pkcs8(&pem.0, &pem.1).unwrap()).unwrap();
    Certified { certificate, acceptor }
}
