//! A database of PostgreSQL as it was named: plain data, with the words of libpq. No word of an engine is here, and no
//! password: [`Server::password`] gets that when the server is connected.
//!
//! How a name is read is in `words`, where its values come from in `settings`, `service` and `surroundings`, where the
//! password comes from in `password`, another schema of the same database in `other`.

mod other;
mod password;
mod service;
mod settings;
mod surroundings;
mod words;

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{self, User};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

pub use password::Source;
pub use surroundings::begins_with_variable;

/// The port of a server that names none.
const PORT: u16 = 5432;
/// Where servers of a distribution have their sockets: libpq looks into one of them.
const SOCKETS: [&str; 3] = ["/var/run/postgresql", "/run/postgresql", "/tmp"];
/// The schema of a connection of which nobody said another one.
const PUBLIC: &str = "public";
/// A longer name of locks and secrets is not readable, and may be too long for a file.
const NAME_MAX: usize = 150;
/// What stands in a name of files as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');
const OF_HOST: &AsciiSet = &PLAIN.remove(b'.');
/// What means nothing in a URI.
const IN_URI: &AsciiSet = &OF_HOST.remove(b'~');

/// A database of a server of PostgreSQL.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    /// As it was named, so that another command can be told it: a URI, or words such as `service=NAME`.
    pub text: String,
    /// Where it listens, in the order in which they are tried; never empty.
    pub hosts: Vec<Host>,
    /// [`Server::dbname`] where it was named.
    pub named_dbname: Option<String>,
    /// [`Server::user`] where it was named.
    pub named_user: Option<String>,
    /// What was asked of TLS; `None` = by the host ([`Server::sslmode`]).
    pub named_sslmode: Option<SslMode>,
    /// File of the only authorities that are trusted; see [`Server::authorities`].
    pub sslrootcert: Option<PathBuf>,
    /// Time for one host until it is connected: 10 s unless it was named, never 0.
    pub connect_timeout: Duration,
    /// Which servers do: any single one unless it was named, of several one that can be written.
    pub target_session_attrs: SessionAttrs,
    /// What the server calls the connection in its views and logs: `espomail` unless it was named.
    pub application_name: String,
    /// The schema with the tables, a plain identifier in lower case; `None` = the first of the role's search_path
    /// ([`Server::expects_schema`]).
    pub schema: Option<String>,
    /// File of passwords that was named; `None` = `~/.pgpass`.
    pub passfile: Option<PathBuf>,
    /// Reference of the password, as `cred:NAME`, where the configuration has one.
    pub secret: Option<String>,
    /// Whose password the configuration has, where it is not sent to this server.
    pub withheld: Option<String>,
    /// File and name of the service that holds a password.
    service: Option<(PathBuf, String)>,
    /// The variables that said something of it, which cron does not have.
    pub variables: Vec<&'static str>,
}

/// One place where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    pub target: Target,
    /// The address to connect to, so that the name is not looked up.
    pub address: Option<IpAddr>,
    pub port: u16,
}

/// What a host is named by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Directory of the socket.
    Socket(PathBuf),
    /// Name, or address as text; the certificate is for it.
    Name(String),
}

/// What is asked of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// None.
    Disable,
    /// TLS where the server has it; nothing is checked.
    Prefer,
    /// TLS; the chain is checked where authorities were named.
    Require,
    /// TLS from an authority that was named.
    VerifyCa,
    /// TLS from a trusted authority, for this host.
    VerifyFull,
}

/// Which servers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionAttrs {
    Any,
    ReadWrite,
}

impl SslMode {
    /// Each with its word.
    pub const ALL: [(&str, SslMode); 5] = [
        ("disable", SslMode::Disable),
        ("prefer", SslMode::Prefer),
        ("require", SslMode::Require),
        ("verify-ca", SslMode::VerifyCa),
        ("verify-full", SslMode::VerifyFull),
    ];
}

impl Host {
    /// Whether nothing that is said to it leaves this machine.
    pub fn is_here(&self) -> bool {
        match (&self.target, self.address) {
            (Target::Socket(_), _) => true,
            (Target::Name(_), Some(address)) => is_loopback(address),
            (Target::Name(name), None) => name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(is_loopback),
        }
    }

    /// The name in a file of passwords, and in a name of files: a server of this machine has one.
    fn name(&self) -> String {
        match &self.target {
            Target::Socket(dir) if is_usual(dir) => "localhost".to_owned(),
            Target::Socket(dir) => dir.display().to_string(),
            Target::Name(name) => name.to_ascii_lowercase(),
        }
    }
}

impl Server {
    /// The database: that of the name of the user unless it was named.
    pub fn dbname(&self) -> String {
        self.named_dbname.clone().unwrap_or_else(|| self.user())
    }

    /// The role: that of the name of the process's user unless it was named. Root has become the owner before it asks.
    pub fn user(&self) -> String {
        let of_process = || User::from_uid(unistd::geteuid()).ok().flatten().map(|user| user.name);
        self.named_user.clone().or_else(of_process).unwrap_or_default()
    }

    /// What is asked of TLS with one of the hosts: none on a socket; else as it was named, or verify-full for a host over
    /// the network and prefer on this machine.
    pub fn sslmode(&self, host: &Host) -> SslMode {
        match (&host.target, self.named_sslmode) {
            (Target::Socket(_), _) => SslMode::Disable,
            (Target::Name(_), Some(named)) => named,
            (Target::Name(_), None) if host.is_here() => SslMode::Prefer,
            (Target::Name(_), None) => SslMode::VerifyFull,
        }
    }

    /// The schema that locks and secrets are kept for. A connection whose current schema is another one is to be refused:
    /// it would share them with others.
    pub fn expects_schema(&self) -> &str {
        self.schema.as_deref().unwrap_or(PUBLIC)
    }

    /// The name of its locks and secrets: the same for all ways to name one database of which that can be known.
    pub fn name(&self) -> String {
        let host = |host: &Host| {
            let name = if host.is_here() && !matches!(host.target, Target::Socket(_)) {
                "localhost".to_owned()
            } else {
                host.name().trim_end_matches('.').to_owned()
            };
            (name, host.port)
        };
        let mut hosts: Vec<(String, u16)> = self.hosts.iter().map(host).collect();
        hosts.sort();
        hosts.dedup();
        let hosts: Vec<String> =
            hosts.iter().map(|(name, port)| format!("{}:{port}", utf8_percent_encode(name, OF_HOST))).collect();
        let dbname = self.dbname();
        let of_database =
            [dbname.as_str(), self.expects_schema()].map(|part| utf8_percent_encode(part, PLAIN).to_string());
        let name = format!("{}@{}", of_database.join("."), hosts.join("+"));
        if name.len() <= NAME_MAX {
            return name;
        }
        Sha256::digest(name).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A URI that says all of this without the variables and files that it was read from; never with the password.
    pub fn uri(&self) -> String {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let joined =
            |parts: Vec<String>| encoded(&parts.join(",")).replace("%2C", ",").replace("%2E", ".").replace("%2F", "/");
        let hosts = self.hosts.iter().map(|host| match &host.target {
            Target::Socket(dir) => dir.display().to_string(),
            Target::Name(name) => name.clone(),
        });
        let mut words = vec![("host", joined(hosts.collect()))];
        words.push(("port", joined(self.hosts.iter().map(|host| host.port.to_string()).collect())));
        if self.hosts.iter().any(|host| host.address.is_some()) {
            let of = |host: &Host| host.address.map(|address| address.to_string()).unwrap_or_default();
            words.push(("hostaddr", joined(self.hosts.iter().map(of).collect())));
        }
        words.push(("user", encoded(&self.user())));
        let sslmode = self.named_sslmode.and_then(|mode| SslMode::ALL.iter().find(|(_, known)| *known == mode));
        words.extend(sslmode.map(|(word, _)| ("sslmode", (*word).to_owned())));
        let path = |path: &PathBuf| encoded(&path.display().to_string()).replace("%2F", "/").replace("%2E", ".");
        words.extend(self.sslrootcert.as_ref().map(|file| ("sslrootcert", path(file))));
        words.extend(self.passfile.as_ref().map(|file| ("passfile", path(file))));
        words.extend(self.schema.as_ref().map(|schema| ("schema", encoded(schema))));
        let words: Vec<String> = words.into_iter().map(|(word, value)| format!("{word}={value}")).collect();
        format!("postgresql:///{}?{}", encoded(&self.dbname()), words.join("&"))
    }
}

/// The short name that people read, a URI that leads to the same database: `postgresql://db.example.org/mail?schema=desk`.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = |port: u16| Some(port).filter(|port| *port != PORT);
        let of_port = |number: u16| port(number).map(|port| format!(":{port}")).unwrap_or_default();
        let hosts: Vec<String> = self
            .hosts
            .iter()
            .filter_map(|host| match &host.target {
                Target::Socket(_) => None,
                Target::Name(name) if name.contains(':') => Some(format!("[{name}]{}", of_port(host.port))),
                Target::Name(name) => Some(format!("{name}{}", of_port(host.port))),
            })
            .collect();
        write!(f, "postgresql://{}/{}", hosts.join(","), utf8_percent_encode(&self.dbname(), IN_URI))?;
        let mut words = Vec::new();
        if let [Host { target: Target::Socket(dir), port: number, .. }] = self.hosts.as_slice() {
            words.extend(Some(dir).filter(|dir| !is_usual(dir)).map(|dir| format!("host={}", dir.display())));
            words.extend(port(*number).map(|port| format!("port={port}")));
        }
        words.extend(self.schema.as_ref().map(|schema| format!("schema={schema}")));
        words.iter().enumerate().try_for_each(|(at, word)| write!(f, "{}{word}", if at == 0 { '?' } else { '&' }))
    }
}

/// The host with its port, or the socket.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Socket(dir) => dir.join(format!(".s.PGSQL.{}", self.port)).display().fmt(f),
            Target::Name(name) if name.contains(':') => write!(f, "[{name}]:{}", self.port),
            Target::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

/// Without the text that was typed and the reference of the password.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({self}, user {}, {:?})", self.user(), self.hosts)
    }
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Whether a distribution's server has its socket there.
fn is_usual(dir: &Path) -> bool {
    SOCKETS.iter().any(|usual| dir == Path::new(usual))
}

/// The directory of the socket of a server that names no host.
fn usual_socket() -> PathBuf {
    let there = SOCKETS.iter().find(|dir| Path::new(dir).is_dir());
    PathBuf::from(there.unwrap_or(&SOCKETS[0]))
}

#[cfg(test)]
mod tests;
