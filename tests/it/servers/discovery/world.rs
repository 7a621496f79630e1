//! Domains of its own: a name server and one for files over https, both on loopback, which write down what they are asked.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use simple_dns::rdata::{A, CNAME, MX, RData, SRV};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, ResourceRecord, TYPE};

use crate::support::Sandbox;

/// What a name has.
#[derive(Clone)]
pub enum Has {
    /// Priority, port and target.
    Srv(u16, u16, &'static str),
    Mx(&'static str),
    Alias(&'static str),
}

/// What the server for files says.
#[derive(Clone)]
pub enum Says {
    File(String),
    RedirectTo(String),
    /// This number of bytes.
    Much(usize),
    Nothing,
}

pub struct World {
    port: u16,
    https: u16,
    authority: Vec<u8>,
    asked: Arc<Mutex<Vec<String>>>,
    plain: Arc<AtomicUsize>,
}

impl World {
    /// Serves these names, and these files by their host; the certificate is for all of the hosts but those in `unnamed`.
    /// `long`: names whose answers do not fit into a datagram.
    pub fn new(
        names: Vec<(&'static str, Vec<Has>)>,
        long: &'static [&'static str],
        files: impl FnOnce(&str) -> Vec<(&'static str, Says)>,
        unnamed: &[&str],
    ) -> World {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let port = name_server(names.into_iter().collect(), long, Arc::clone(&asked));
        let (plain_port, plain) = counting_listener();
        let files: HashMap<&'static str, Says> =
            files(&format!("http://127.0.0.1:{plain_port}/config.xml")).into_iter().collect();
        let hosts: Vec<&str> = files.keys().copied().filter(|host| !unnamed.contains(host)).collect();
        let (https, authority) = file_server(files.clone(), &hosts);
        World { port, https, authority, asked, plain }
    }

    /// Lets a sandbox live in it.
    pub fn around(&self, sandbox: &Sandbox) {
        sandbox.config(&format!("resolver = \"127.0.0.1:{}\"\n", self.port));
        let ca = sandbox.file("authority.pem", &self.authority);
        sandbox.env("SSL_CERT_FILE", ca.to_str().unwrap());
        sandbox.env("ESPOMAIL_TEST_HTTPS_PORT", &self.https.to_string());
    }

    /// The names that were asked for.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Connections in clear.
    pub fn in_clear(&self) -> usize {
        self.plain.load(Ordering::SeqCst)
    }
}

fn counting_listener() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let shared = Arc::clone(&count);
    std::thread::spawn(move || {
        for client in listener.incoming() {
            shared.fetch_add(1, Ordering::SeqCst);
            drop(client);
        }
    });
    (port, count)
}

type Zone = HashMap<&'static str, Vec<Has>>;

fn name_server(zone: Zone, long: &'static [&'static str], asked: Arc<Mutex<Vec<String>>>) -> u16 {
    // The same port for both.
    let (udp, tcp) = loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()) {
            break (udp, tcp);
        }
    };
    let port = tcp.local_addr().unwrap().port();
    let zone = Arc::new(zone);
    let (by_udp, by_tcp) = (Arc::clone(&zone), zone);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((count, client)) = udp.recv_from(&mut buffer) {
            udp.send_to(&answer(&buffer[..count], &by_udp, long, Some(&asked)), client).ok();
        }
    });
    std::thread::spawn(move || {
        for client in tcp.incoming() {
            let mut client = client.unwrap();
            let mut length = [0; 2];
            client.read_exact(&mut length).unwrap();
            let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
            client.read_exact(&mut question).unwrap();
            let answer = answer(&question, &by_tcp, &[], None);
            client.write_all(&u16::try_from(answer.len()).unwrap().to_be_bytes()).unwrap();
            client.write_all(&answer).unwrap();
        }
    });
    port
}

fn answer(question: &[u8], zone: &Zone, long: &[&str], asked: Option<&Mutex<Vec<String>>>) -> Vec<u8> {
    let query = Packet::parse(question).unwrap();
    let mut reply = Packet::new_reply(query.id());
    let one = &query.questions[0];
    let name = one.qname.to_string().to_lowercase();
    if let Some(asked) = asked {
        asked.lock().unwrap().push(name.clone());
    }
    reply.questions.push(one.clone());
    if long.contains(&name.as_str()) && asked.is_some() {
        reply.set_flags(PacketFlag::TRUNCATION);
        return reply.build_bytes_vec().unwrap();
    }
    let add = |reply: &mut Packet<'_>, owner: &str, data: RData<'static>| {
        reply.answers.push(ResourceRecord::new(Name::new_unchecked(owner).into_owned(), CLASS::IN, 60, data));
    };
    if one.qtype == QTYPE::TYPE(TYPE::A) {
        add(&mut reply, &name, RData::A(A { address: u32::from(Ipv4Addr::LOCALHOST) }));
    }
    let mut owner = name;
    for _ in 0..4 {
        let mut alias = None;
        for has in zone.get(owner.as_str()).into_iter().flatten() {
            match has {
                Has::Srv(priority, port, target) => {
                    let target = Name::new_unchecked(target);
                    add(&mut reply, &owner, RData::SRV(SRV { priority: *priority, weight: 0, port: *port, target }));
                }
                Has::Mx(host) => {
                    add(&mut reply, &owner, RData::MX(MX { preference: 10, exchange: Name::new_unchecked(host) }));
                }
                Has::Alias(other) => {
                    add(&mut reply, &owner, RData::CNAME(CNAME(Name::new_unchecked(other))));
                    alias = Some((*other).to_owned());
                }
            }
        }
        let Some(next) = alias else { break };
        owner = next;
    }
    reply.build_bytes_vec().unwrap()
}

fn file_server(files: HashMap<&'static str, Says>, hosts: &[&str]) -> (u16, Vec<u8>) {
    let authority = made("authority", &[], None);
    let own = made("files", hosts, Some(&authority));
    let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls_server()).unwrap();
    acceptor.set_certificate(&own.0).unwrap();
    acceptor.set_private_key(&own.1).unwrap();
    let (acceptor, listener) = (acceptor.build(), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (acceptor, files) = (acceptor.clone(), files.clone());
            std::thread::spawn(move || {
                let Ok(mut stream) = acceptor.accept(client.unwrap()) else { return };
                let mut request = Vec::new();
                let mut buffer = [0; 1024];
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    match stream.read(&mut buffer) {
                        Ok(count @ 1..) => request.extend_from_slice(&buffer[..count]),
                        _ => return,
                    }
                }
                let text = String::from_utf8_lossy(&request).to_lowercase();
                let host = text.lines().find_map(|line| line.strip_prefix("host:")).unwrap_or_default().trim();
                let whole = |status: &str, body: &str| {
                    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
                };
                let answer = match files.get(host) {
                    Some(Says::File(xml)) => whole("200 OK", xml),
                    Some(Says::RedirectTo(url)) => {
                        format!(
                            "HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                        )
                    }
                    Some(Says::Much(bytes)) => whole("200 OK", &" ".repeat(*bytes)),
                    Some(Says::Nothing) => return std::thread::sleep(Duration::from_secs(60)),
                    None => whole("404 Not Found", ""),
                };
                stream.write_all(answer.as_bytes()).ok();
                stream.shutdown().ok();
            });
        }
    });
    (port, authority.0.to_pem().unwrap())
}

type Made = (X509, PKey<Private>);

fn made(name: &str, hosts: &[&str], issuer: Option<&Made>) -> Made {
    let key = PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let serial = if issuer.is_some() { 2 } else { 1 };
    builder.set_serial_number(&BigNum::from_u32(serial).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(issuer.map_or(&subject, |issuer| issuer.0.subject_name())).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(9).unwrap()).unwrap();
    if issuer.is_none() {
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    } else {
        let mut names = SubjectAlternativeName::new();
        hosts.iter().for_each(|host| {
            names.dns(host);
        });
        let names = names.build(&builder.x509v3_context(None, None)).unwrap();
        builder.append_extension(names).unwrap();
    }
    builder.sign(issuer.map_or(&key, |issuer| &issuer.1), MessageDigest::sha256()).unwrap();
    (builder.build(), key)
}
