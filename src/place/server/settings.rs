//! From words to a server: what the name says counts before the service, the service before variables, and these before
//! what is usual.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::surroundings::{self, Surroundings};
use super::words::{self, Words};
use super::{Host, PORT, Server, SessionAttrs, SslMode, Target, service, usual_socket};
use crate::error::{self, Fault};
use crate::suggest;

/// PostgreSQL cuts longer names off without a word.
const IDENTIFIER_MAX: usize = 63;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Each may take the whole time of a connection.
const HOSTS_MAX: usize = 16;

impl FromStr for Server {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Server, Fault> {
        Server::parse(text)
    }
}

impl Server {
    /// Whether a text names a server, and not a file: a URI of PostgreSQL, or words of libpq.
    pub fn is_named_by(text: &str) -> bool {
        words::is_of_server(text)
    }

    /// Refuses a text that is neither a server nor, as it stands, meant as a file: `mysql://…`.
    ///
    /// # Errors
    /// Exit 2.
    pub fn refuse_other_schemes(text: &str) -> Result<(), Fault> {
        words::refuse_other_schemes(text)
    }

    /// Refuses a name by what it says itself; neither files nor variables are looked at.
    ///
    /// # Errors
    /// As [`Server::parse`].
    pub fn check(text: &str) -> Result<(), Fault> {
        Server::without_service(text).map(drop)
    }

    /// The server by what its name says itself.
    ///
    /// # Errors
    /// As [`Server::parse`].
    pub fn without_service(text: &str) -> Result<Server, Fault> {
        let words = words::of(text)?;
        let of_name = words.into_iter().filter(|(key, _)| *key != "service").collect();
        Server::from_words(text, &of_name, None, Vec::new())
    }

    /// As [`Server::parse`], for a program that cron starts: it has no variables but HOME.
    ///
    /// # Errors
    /// As [`Server::parse`].
    pub fn without_variables(text: &str) -> Result<Server, Fault> {
        Server::read(text, &Surroundings::without_variables())
    }

    /// The server that a text names: `postgresql://…`, `postgres://…`, `service=NAME` with further words, or words alone.
    /// Services and libpq's variables say what the text leaves out.
    ///
    /// # Errors
    /// Exit 2: an unknown keyword, a value that does not fit, or a password, which must not be there. Exit 78: there is no
    /// such service, or its file cannot be used. No error repeats what may be a password.
    pub fn parse(text: &str) -> Result<Server, Fault> {
        Server::read(text, &Surroundings::current())
    }

    /// As [`Server::parse`], with what is the same for everybody on this machine.
    ///
    /// # Errors
    /// As [`Server::parse`].
    pub fn of_machine(text: &str) -> Result<Server, Fault> {
        Server::read(text, &Surroundings::of_machine())
    }

    pub(super) fn read(text: &str, surroundings: &Surroundings) -> Result<Server, Fault> {
        let named = words::of(text)?;
        let (of_variables, variables) = surroundings.words();
        let service = [&named, &of_variables].into_iter().find_map(|words| value(words, "service"));
        let service = service.map(|name| Ok((service::find(name, surroundings)?, name.to_owned()))).transpose()?;
        let (mut words, mut variables) = (named.clone(), variables);
        let mut of_service = Words::new();
        let mut with_password = None;
        if let Some((found, name)) = service {
            variables.extend(surroundings.names_services());
            of_service.clone_from(&found.words);
            fill(&mut words, found.words);
            with_password = Some((found.file, name)).filter(|_| found.has_password);
        }
        fill(&mut words, of_variables);
        let of_name = [&named, &of_service];
        Server::from_words(text, &words, with_password, variables).map_err(|fault| by_variable(fault, of_name))
    }

    fn from_words(
        text: &str,
        words: &Words,
        service: Option<(PathBuf, String)>,
        variables: Vec<&'static str>,
    ) -> Result<Server, Fault> {
        let of = |key: &str| value(words, key);
        let path = |key: &str| of(key).filter(|path| *path != "system").map(|path| absolute(key, path)).transpose();
        let hosts = hosts(words)?;
        let connect_timeout = of("connect_timeout").map(seconds).transpose()?.unwrap_or(CONNECT_TIMEOUT);
        let usual = if hosts.len() > 1 { SessionAttrs::ReadWrite } else { SessionAttrs::Any };
        let server = Server {
            text: text.to_owned(),
            named_dbname: of("dbname").map(|name| identifier("dbname", name)).transpose()?,
            named_user: of("user").map(|name| identifier("user", name)).transpose()?,
            named_sslmode: of("sslmode").map(sslmode).transpose()?,
            sslrootcert: path("sslrootcert")?,
            connect_timeout,
            target_session_attrs: of("target_session_attrs").map(session_attrs).transpose()?.unwrap_or(usual),
            application_name: of("application_name").unwrap_or("espomail").to_owned(),
            schema: of("schema").map(schema).transpose()?,
            passfile: path("passfile")?,
            secret: None,
            withheld: None,
            hosts,
            service,
            variables,
        };
        if server.named_sslmode == Some(SslMode::VerifyCa) && server.sslrootcert.is_none() {
            return Err(error::usage("sslmode=verify-ca needs sslrootcert: any certificate of the world would do")
                .hint("name the file of the authority with sslrootcert=FILE, or use verify-full"));
        }
        Ok(server)
    }
}

/// Names the variable in the place of its keyword, where neither the name nor the service has said it.
fn by_variable(fault: Fault, words: [&Words; 2]) -> Fault {
    let length = fault.message.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(fault.message.len());
    let (key, rest) = fault.message.split_at_checked(length).unwrap_or_default();
    if words.iter().any(|words| value(words, key).is_some()) {
        return fault;
    }
    match surroundings::variable_of(key) {
        Some(variable) => Fault { message: format!("{variable}{rest}"), ..fault },
        None => fault,
    }
}

fn value<'w>(words: &'w Words, key: &str) -> Option<&'w str> {
    words.iter().find(|(known, _)| *known == key).map(|(_, value)| value.as_str())
}

/// Adds what is not said yet. The address of another host than that which is named does not count.
fn fill(words: &mut Words, less: Words) {
    let is_host = |key: &str| key == "host" || key == "hostaddr";
    let has_host = words.iter().any(|(key, _)| is_host(key));
    let new = |words: &Words, key: &str| !(has_host && is_host(key)) && value(words, key).is_none();
    let added: Words = less.into_iter().filter(|(key, _)| new(words, key)).collect();
    words.extend(added);
}

fn hosts(words: &Words) -> Result<Vec<Host>, Fault> {
    let parts = |key: &str| {
        value(words, key).map(|list| list.split(',').map(str::trim).collect::<Vec<_>>()).unwrap_or_default()
    };
    let (names, addresses, ports) = (parts("host"), parts("hostaddr"), parts("port"));
    let count = names.len().max(addresses.len()).max(1);
    let fits = |list: &[&str], key: &str, of: &str| match list.len() {
        0 => Ok(()),
        1 if key == "port" => Ok(()),
        length if length == count => Ok(()),
        _ => {
            let text = format!("{key}: needs as many values as {of}, which has {count}");
            Err(error::usage(text).hint("write one for each, in the same order, with commas"))
        }
    };
    fits(&ports, "port", "host")?;
    fits(&addresses, "hostaddr", "host")?;
    fits(&names, "host", "hostaddr")?;
    if count > HOSTS_MAX {
        return Err(error::usage(format!("host: has {count} values, and {HOSTS_MAX} are enough")));
    }
    let at = |list: &[&str], index: usize| list.get(index).copied().filter(|text| !text.is_empty()).map(str::to_owned);
    (0..count)
        .map(|index| {
            let port = if ports.len() == 1 { at(&ports, 0) } else { at(&ports, index) };
            host(at(&names, index), at(&addresses, index), port)
        })
        .collect()
}

fn host(name: Option<String>, address: Option<String>, port: Option<String>) -> Result<Host, Fault> {
    let port = port.map_or(Ok(PORT), |port| {
        let number = port.parse::<u16>().ok().filter(|number| *number > 0);
        number.ok_or_else(|| error::usage("port: must be a number from 1 to 65535"))
    })?;
    let bad =
        || error::usage("hostaddr: must be an address such as 192.0.2.7 or 2001:db8::7").hint("a name goes into host");
    let address: Option<IpAddr> = address.map(|text| text.parse().map_err(|_| bad())).transpose()?;
    let target = match (name, address) {
        (Some(dir), _) if dir.starts_with('/') => Target::Socket(dir.into()),
        (Some(name), _) if is_host(&name) => Target::Name(name),
        (Some(_), _) => {
            return Err(error::usage("host: must be a name, an address or the directory of a socket")
                .hint("a directory begins with /; an address with colons stands in brackets in a URI"));
        }
        (None, Some(address)) => Target::Name(address.to_string()),
        (None, None) => Target::Socket(usual_socket()),
    };
    Ok(Host { address: address.filter(|_| !matches!(target, Target::Socket(_))), target, port })
}

fn is_host(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    name.parse::<IpAddr>().is_ok() || (name.chars().all(is_letter) && !name.starts_with('-') && name.len() <= 253)
}

fn identifier(key: &str, name: &str) -> Result<String, Fault> {
    match name.len() <= IDENTIFIER_MAX {
        true => Ok(name.to_owned()),
        false => Err(error::usage(format!("{key}: is longer than {IDENTIFIER_MAX} bytes"))),
    }
}

fn schema(name: &str) -> Result<String, Fault> {
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let begins = |name: &str| name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    if !begins(name) || !name.chars().all(is_letter) || name.starts_with("pg_") || name == "information_schema" {
        return Err(error::usage(
            "schema: must be a plain name of letters a to z, digits and _ that does not begin with pg_",
        )
        .hint("write it as schema=desk"));
    }
    identifier("schema", name)
}

fn sslmode(word: &str) -> Result<SslMode, Fault> {
    // libpq's way to ask for TLS only where nothing else is taken: here it is asked for at once.
    let word = if word == "allow" { "prefer" } else { word };
    let known = || SslMode::ALL.iter().map(|(known, _)| *known);
    SslMode::ALL.iter().find(|(known, _)| *known == word).map(|(_, mode)| *mode).ok_or_else(|| {
        let fault = error::usage(format!("sslmode: must be one of {}", known().collect::<Vec<_>>().join(", ")));
        match suggest::similar(word, known()) {
            Some(meant) => fault.hint(format!("did you mean {meant}?")),
            None => fault,
        }
    })
}

fn session_attrs(word: &str) -> Result<SessionAttrs, Fault> {
    match word {
        "any" => Ok(SessionAttrs::Any),
        "read-write" | "primary" => Ok(SessionAttrs::ReadWrite),
        _ => Err(error::usage("target_session_attrs: must be any or read-write").hint("espomail writes in each run")),
    }
}

fn seconds(text: &str) -> Result<Duration, Fault> {
    let number = text.parse::<u64>().ok().filter(|number| (1..=3_600).contains(number));
    let bad = || error::usage("connect_timeout: must be a number of seconds from 1 to 3600");
    number.map(Duration::from_secs).ok_or_else(bad)
}

fn absolute(key: &str, path: &str) -> Result<PathBuf, Fault> {
    match Path::new(path).is_absolute() {
        true => Ok(PathBuf::from(path)),
        false => Err(error::usage(format!("{key}: must begin with /, as cron starts elsewhere"))),
    }
}
