//! Which servers an address has, asked of those who may say so: the table of providers, the domain's SRV records (RFC 6186,
//! RFC 8314), the file that the domain publishes for mail programs, and at last a guess by its mail exchangers.
//!
//! Nothing is sent to a server that was found, nothing goes over http, and all together takes ten seconds at most. DNS is not
//! signed: a server outside the domain that only DNS names is told as that, and somebody has to say yes to it.

mod autoconfig;
mod dns;
mod host;
mod web;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::TlsMode;
use super::presets::Preset;
use super::reach::Reach;
use dns::{Kind, Record, Resolver};
use web::Web;

/// Time for all questions together.
const TIME: Duration = Duration::from_secs(10);
/// Further servers that are listed.
const OTHERS_MAX: usize = 10;
/// The public database of Thunderbird.
const ISPDB: &str = "https://autoconfig.thunderbird.net/v1.1/";

/// Where to ask, and what may be asked.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// A name server instead of the system's.
    pub resolver: Option<SocketAddr>,
    /// Where a file may be fetched.
    pub reach: Reach,
    /// Also ask the public database, which learns the domain by that.
    pub ispdb: bool,
}

/// Which server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Imap,
    Smtp,
}

/// A server that somebody names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub protocol: Protocol,
    pub host: String,
    pub port: u16,
    pub tls: TlsMode,
    pub login: String,
    /// It takes an access token and no password.
    pub only_tokens: bool,
}

/// Who names the servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The provider of the domain is known.
    Preset,
    /// SRV records of the domain.
    Srv,
    /// A file of the domain, or of the public database, by its address.
    File(String),
    /// A mail exchanger of the domain belongs to a provider that is known.
    Exchanger(String),
}

impl Source {
    /// In a few words.
    pub fn told(&self) -> String {
        match self {
            Source::Preset => "the table of providers".to_owned(),
            Source::Srv => "SRV records of the domain".to_owned(),
            Source::File(url) => url.clone(),
            Source::Exchanger(host) => format!("a guess by the mail exchanger {host}"),
        }
    }

    /// Only DNS says so, which is not signed.
    fn is_unsigned(&self) -> bool {
        match self {
            Source::Preset | Source::File(_) => false,
            Source::Srv | Source::Exchanger(_) => true,
        }
    }
}

/// What was found for an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub source: Source,
    /// The provider, where it is one of the table.
    pub preset: Option<&'static Preset>,
    pub imap: Candidate,
    /// Missing where the source names none.
    pub smtp: Option<Candidate>,
    /// Further servers that the source names.
    pub others: Vec<Candidate>,
    /// What somebody has to say yes to.
    pub doubts: Vec<String>,
}

/// Who was asked, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    pub asked: String,
    pub came: String,
}

/// Asks for the servers of an address, whose domain is in ASCII; with all that was asked before something was found.
pub fn discover(address: &str, search: &Search) -> (Option<Found>, Vec<Tried>) {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    let mut tried = Vec::new();
    if let Some(preset) = Preset::of_domain(domain) {
        return (Some(of_preset(preset, Source::Preset, address)), tried);
    }
    if host::clean(domain).is_none() {
        tried.push(Tried { asked: domain.to_owned(), came: "it is not a domain that can be asked".to_owned() });
        return (None, tried);
    }
    let until = Instant::now() + TIME;
    let resolver = Resolver::new(search.resolver, until);
    let ask = Ask { address, domain, resolver: &resolver };
    match ask.srv() {
        Ok(Some(found)) => return (Some(found), tried),
        Ok(None) => {}
        Err(Srv::NotOffered) => {
            tried.push(Tried { asked: "SRV records".into(), came: "the domain says that it offers no IMAP".into() });
            return (None, tried);
        }
        Err(Srv::Failed(came)) => tried.push(Tried { asked: "SRV records".to_owned(), came }),
    }
    if tried.is_empty() {
        tried.push(Tried { asked: "SRV records".to_owned(), came: "there are none".to_owned() });
    }
    let web = Web::new(search.resolver.map(|_| resolver.clone()), search.reach.clone(), until);
    let mut files = vec![
        format!("https://autoconfig.{domain}/mail/config-v1.1.xml"),
        format!("https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml"),
    ];
    if search.ispdb {
        files.push(format!("{ISPDB}{domain}"));
    }
    for url in files {
        match web.get(&url).and_then(|xml| ask.file(&xml, &url)) {
            Ok(found) => return (Some(found), tried),
            Err(came) => tried.push(Tried { asked: url, came }),
        }
    }
    match ask.exchangers() {
        Ok(found) => return (Some(found), tried),
        Err(came) => tried.push(Tried { asked: "mail exchangers".to_owned(), came }),
    }
    (None, tried)
}

fn of_preset(preset: &'static Preset, source: Source, address: &str) -> Found {
    let candidate = |protocol| {
        let (at, login) = match protocol {
            Protocol::Imap => (preset.imap, preset.login),
            Protocol::Smtp => (preset.smtp, preset.smtp_login),
        };
        Candidate {
            protocol,
            host: at.host.to_owned(),
            port: at.port,
            tls: at.tls,
            login: login.of(address).to_owned(),
            only_tokens: preset.only_tokens,
        }
    };
    let doubts = match &source {
        Source::Exchanger(host) => {
            vec![format!("a guess: mail of the domain goes to {host}, which may only pass it on")]
        }
        _ => Vec::new(),
    };
    Found {
        source,
        preset: Some(preset),
        imap: candidate(Protocol::Imap),
        smtp: Some(candidate(Protocol::Smtp)),
        others: Vec::new(),
        doubts,
    }
}

/// Why SRV records name no server.
enum Srv {
    /// The domain says so.
    NotOffered,
    Failed(String),
}

struct Ask<'a> {
    address: &'a str,
    domain: &'a str,
    resolver: &'a Resolver,
}

impl Ask<'_> {
    fn srv(&self) -> Result<Option<Found>, Srv> {
        let (imap, refused) =
            self.services(Protocol::Imap, [("_imaps", TlsMode::Implicit), ("_imap", TlsMode::StartTls)])?;
        if imap.is_empty() {
            return if refused { Err(Srv::NotOffered) } else { Ok(None) };
        }
        let smtp = [("_submissions", TlsMode::Implicit), ("_submission", TlsMode::StartTls)];
        let (smtp, _) = self.services(Protocol::Smtp, smtp)?;
        Ok(self.chosen(Source::Srv, imap.into_iter().chain(smtp).collect()))
    }

    /// The servers of one protocol, best first, and whether the domain says that it has none.
    fn services(&self, protocol: Protocol, names: [(&str, TlsMode); 2]) -> Result<(Vec<Candidate>, bool), Srv> {
        let (mut servers, mut refused) = (Vec::new(), false);
        for (name, tls) in names {
            let records = self.resolver.ask(&format!("{name}._tcp.{}", self.domain), Kind::Srv).map_err(Srv::Failed)?;
            let mut records: Vec<(u16, u16, u16, String)> = records
                .into_iter()
                .filter_map(|record| match record {
                    Record::Srv { priority, weight, port, target } => Some((priority, u16::MAX - weight, port, target)),
                    Record::Mx { .. } | Record::Address(_) => None,
                })
                .collect();
            records.sort();
            for (_, _, port, target) in records {
                if target.trim_end_matches('.').is_empty() {
                    refused = true;
                } else if let Some(host) = host::clean(&target).filter(|_| port != 0) {
                    let login = self.address.to_owned();
                    servers.push(Candidate { protocol, host, port, tls, login, only_tokens: false });
                }
            }
        }
        Ok((servers, refused))
    }

    fn file(&self, xml: &str, url: &str) -> Result<Found, String> {
        let servers = autoconfig::servers(xml, self.address)?;
        self.chosen(Source::File(url.to_owned()), servers).ok_or_else(|| "it names no IMAP server with TLS".to_owned())
    }

    fn exchangers(&self) -> Result<Found, String> {
        let mut hosts: Vec<(u16, String)> = self
            .resolver
            .ask(self.domain, Kind::Mx)?
            .into_iter()
            .filter_map(|record| match record {
                Record::Mx { preference, host } => Some((preference, host::clean(&host)?)),
                Record::Srv { .. } | Record::Address(_) => None,
            })
            .collect();
        hosts.sort();
        let known = hosts.iter().find_map(|(_, host)| Some((Preset::of_exchanger(host)?, host)));
        match known {
            Some((preset, host)) => Ok(of_preset(preset, Source::Exchanger(host.clone()), self.address)),
            None if hosts.is_empty() => Err("there are none".to_owned()),
            None => Err("they belong to no provider of the table".to_owned()),
        }
    }

    /// The first server of each protocol; `None` without IMAP.
    fn chosen(&self, source: Source, mut servers: Vec<Candidate>) -> Option<Found> {
        let mut take =
            |protocol: Protocol| servers.iter().position(|one| one.protocol == protocol).map(|at| servers.remove(at));
        let (imap, smtp) = (take(Protocol::Imap)?, take(Protocol::Smtp));
        servers.truncate(OTHERS_MAX);
        let outside = |one: &Candidate| !host::is_within(&one.host, self.domain);
        let hosts = [Some(&imap), smtp.as_ref()].into_iter().flatten();
        let mut doubts: Vec<String> = hosts
            .filter(|one| source.is_unsigned() && outside(one))
            .map(|one| format!("in DNS, unsigned, and another domain: {}", one.host))
            .collect();
        doubts.dedup();
        Some(Found { source, preset: None, imap, smtp, others: servers, doubts })
    }
}
