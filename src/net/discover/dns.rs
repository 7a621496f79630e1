//! Questions to the name servers of this machine (RFC 1035): UDP, and TCP where the answer is too long, within one deadline.
//! An answer is not signed, so nothing that it names is believed by itself.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};

use crate::system_words;

/// A name server that does not answer within this time is asked again, or another one is.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often each of them is asked.
const ROUNDS: usize = 2;
/// Name servers that are asked, as libc does.
const SERVERS_MAX: usize = 3;
/// Aliases that are followed within one answer.
const ALIASES_MAX: usize = 8;
/// Records of one answer that are used.
const RECORDS_MAX: usize = 32;
const PORT: u16 = 53;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    Srv { priority: u16, weight: u16, port: u16, target: String },
    Mx { preference: u16, host: String },
    Address(IpAddr),
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Srv,
    Mx,
    V4,
    V6,
}

impl Kind {
    fn wire(self) -> TYPE {
        match self {
            Kind::Srv => TYPE::SRV,
            Kind::Mx => TYPE::MX,
            Kind::V4 => TYPE::A,
            Kind::V6 => TYPE::AAAA,
        }
    }
}

/// Who is asked, and until when.
#[derive(Debug, Clone)]
pub(super) struct Resolver {
    servers: Vec<SocketAddr>,
    until: Instant,
}

impl Resolver {
    /// Asks this server, else those of /etc/resolv.conf.
    pub(super) fn new(server: Option<SocketAddr>, until: Instant) -> Resolver {
        let servers = match server {
            Some(server) => vec![server],
            None => of_system(&fs::read_to_string("/etc/resolv.conf").unwrap_or_default()),
        };
        Resolver { servers, until }
    }

    /// The records of a name; none where the name has none, or does not exist.
    ///
    /// # Errors
    /// In words: nobody answers, or the answer is not one.
    pub(super) fn ask(&self, name: &str, kind: Kind) -> Result<Vec<Record>, String> {
        let mut last = "the name server does not answer".to_owned();
        for server in self.servers.iter().cycle().take(self.servers.len() * ROUNDS) {
            match self.ask_one(*server, name, kind) {
                Ok(records) => return Ok(records),
                Err(Trouble::Server(words)) => last = words,
                Err(Trouble::Name(words)) => return Err(words),
            }
            if self.left().is_zero() {
                break;
            }
        }
        Err(last)
    }

    fn ask_one(&self, server: SocketAddr, name: &str, kind: Kind) -> Result<Vec<Record>, Trouble> {
        let mut id = [0; 2];
        getrandom::fill(&mut id)
            .map_err(|e| Trouble::Name(format!("no random bytes: {}", system_words::plain(&e.to_string()))))?;
        let id = u16::from_be_bytes(id);
        let question = question(id, name, kind).ok_or_else(|| Trouble::Name(format!("{name:?} is not a name")))?;
        let failed = |e: io::Error| {
            Trouble::Server(match e.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "the name server does not answer".to_owned(),
                _ => format!("name server {server}: {}", system_words::reason(&e)),
            })
        };
        let answer = self.by_udp(server, &question, id).map_err(failed)?;
        let answer = match is_cut(&answer) {
            true => self.by_tcp(server, &question).map_err(failed)?,
            false => answer,
        };
        read(&answer, id, name, kind)
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// What one wait may take; never 0, which means no limit.
    fn patience(&self) -> Duration {
        self.left().min(PATIENCE).max(Duration::from_millis(1))
    }

    fn by_udp(&self, server: SocketAddr, question: &[u8], id: u16) -> io::Result<Vec<u8>> {
        let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0))?;
        // From now on nothing from another address is heard.
        socket.connect(server)?;
        socket.send(question)?;
        let until = Instant::now() + self.patience();
        let mut buffer = [0; 4096];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            socket.set_read_timeout(Some(left))?;
            let count = socket.recv(&mut buffer)?;
            let answer = buffer.get(..count).unwrap_or_default();
            if answer.get(..2) == Some(&id.to_be_bytes()) {
                return Ok(answer.to_vec());
            }
        }
    }

    fn by_tcp(&self, server: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
        let until = Instant::now() + self.patience();
        let mut stream = TcpStream::connect_timeout(&server, self.patience())?;
        stream.set_write_timeout(Some(self.patience()))?;
        let length = u16::try_from(question.len()).unwrap_or(u16::MAX);
        stream.write_all(&[&length.to_be_bytes(), question].concat())?;
        let mut take = |buffer: &mut [u8]| -> io::Result<()> {
            let mut filled = 0;
            while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                stream.set_read_timeout(Some(left))?;
                match stream.read(rest)? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    count => filled += count,
                }
            }
            Ok(())
        };
        let mut length = [0; 2];
        take(&mut length)?;
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        take(&mut answer)?;
        Ok(answer)
    }
}

enum Trouble {
    /// Another server may know.
    Server(String),
    /// No server can.
    Name(String),
}

fn of_system(text: &str) -> Vec<SocketAddr> {
    let named = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    let mut servers: Vec<SocketAddr> = named
        .filter_map(|rest| rest.split_whitespace().next()?.parse::<IpAddr>().ok())
        .map(|ip| SocketAddr::new(ip, PORT))
        .take(SERVERS_MAX)
        .collect();
    if servers.is_empty() {
        servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT));
    }
    servers
}

fn question(id: u16, name: &str, kind: Kind) -> Option<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new(name).ok()?;
    packet.questions.push(Question::new(name, QTYPE::TYPE(kind.wire()), QCLASS::CLASS(CLASS::IN), false));
    packet.build_bytes_vec().ok()
}

fn is_cut(answer: &[u8]) -> bool {
    Packet::parse(answer).map_or(true, |packet| packet.has_flags(PacketFlag::TRUNCATION))
}

/// The records of the name, over the aliases that the answer itself has.
fn read(answer: &[u8], id: u16, name: &str, kind: Kind) -> Result<Vec<Record>, Trouble> {
    let not_one = || Trouble::Server("the name server's answer cannot be read".to_owned());
    let packet = Packet::parse(answer).map_err(|_| not_one())?;
    let is_same = |question: &Question<'_>| question.qname.to_string().eq_ignore_ascii_case(name);
    if packet.id() != id || !packet.has_flags(PacketFlag::RESPONSE) || !packet.questions.iter().all(is_same) {
        return Err(not_one());
    }
    match packet.rcode() {
        RCODE::NoError | RCODE::NameError => {}
        code => return Err(Trouble::Server(format!("the name server says {code:?}"))),
    }
    let mut owner = name.to_ascii_lowercase();
    for _ in 0..ALIASES_MAX {
        let of_owner = || packet.answers.iter().filter(|record| record.name.to_string().eq_ignore_ascii_case(&owner));
        let found: Vec<Record> = of_owner().filter_map(|one| record(&one.rdata, kind)).take(RECORDS_MAX).collect();
        let alias = of_owner().find_map(|one| match &one.rdata {
            RData::CNAME(alias) => Some(alias.0.to_string().to_ascii_lowercase()),
            _ => None,
        });
        match alias {
            Some(alias) if found.is_empty() => owner = alias,
            _ => return Ok(found),
        }
    }
    Ok(Vec::new())
}

fn record(data: &RData<'_>, kind: Kind) -> Option<Record> {
    match (data, kind) {
        (RData::SRV(srv), Kind::Srv) => Some(Record::Srv {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: srv.target.to_string(),
        }),
        (RData::MX(mx), Kind::Mx) => Some(Record::Mx { preference: mx.preference, host: mx.exchange.to_string() }),
        (RData::A(a), Kind::V4) => Some(Record::Address(Ipv4Addr::from(a.address).into())),
        (RData::AAAA(a), Kind::V6) => Some(Record::Address(Ipv6Addr::from(a.address).into())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_name_servers_of_the_system_are_read() {
        for (text, servers) in [
            (
                "# x\nnameserver 192.0.2.1\nsearch example.org\nnameserver 2001:db8::1\n",
                "192.0.2.1:53 [2001:db8::1]:53",
            ),
            (
                "nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4",
                "192.0.2.1:53 192.0.2.2:53 192.0.2.3:53",
            ),
            ("nameserver nonsense\n", "127.0.0.1:53"),
            ("", "127.0.0.1:53"),
        ] {
            let read: Vec<String> = of_system(text).iter().map(ToString::to_string).collect();
            assert_eq!(read.join(" "), servers, "{text:?}");
        }
    }

    #[test]
    fn an_answer_that_is_not_one_is_refused() {
        let question = question(7, "_imaps._tcp.example.org", Kind::Srv).unwrap();
        for (answer, id) in [(question.clone(), 7), (question.clone(), 8), (vec![0; 11], 0), (Vec::new(), 0)] {
            assert!(read(&answer, id, "_imaps._tcp.example.org", Kind::Srv).is_err());
        }
        assert!(super::question(7, &"a".repeat(300), Kind::Mx).is_none());
    }
}
