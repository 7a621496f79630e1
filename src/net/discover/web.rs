//! Files over https: authorities of the system, no step down to http, a limit of size and time, and only addresses that
//! connections may go to.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver as Resolve};
use ureq::unversioned::transport::NextTimeout;
use ureq::{Agent, Error};

use super::dns::{Kind, Record, Resolver};
use crate::net::agent::agent;
use crate::net::reach::Reach;
use crate::system_words;

/// Largest file.
const BODY_MAX: u64 = 64 << 10;
/// Redirects that are followed, all to https.
const REDIRECTS_MAX: u32 = 3;
const HTTPS: u16 = 443;

/// Fetches files until a moment.
pub(super) struct Web {
    agent: Agent,
    until: Instant,
}

impl Web {
    /// Asks `names` for addresses, where they are not the system's.
    pub(super) fn new(names: Option<Resolver>, reach: Reach, until: Instant) -> Web {
        let agent = agent(|config| config.max_redirects(REDIRECTS_MAX), Guarded { names, reach });
        Web { agent, until }
    }

    /// The text of a file.
    ///
    /// # Errors
    /// In words.
    pub(super) fn get(&self, url: &str) -> Result<String, String> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err("there is no time left".to_owned());
        }
        let asked =
            self.agent.get(url).config().timeout_global(Some(left.max(Duration::from_millis(1)))).build().call();
        let mut answer = asked.map_err(|error| words(&error))?;
        match answer.status().as_u16() {
            200 => {}
            404 | 410 => return Err("there is none".to_owned()),
            status => return Err(format!("the server says {status}")),
        }
        answer.body_mut().with_config().limit(BODY_MAX).read_to_string().map_err(|error| words(&error))
    }
}

fn words(error: &Error) -> String {
    match error {
        Error::RequireHttpsOnly(_) => "it leads to http, which anybody on the way could change".to_owned(),
        Error::BodyExceedsLimit(_) => format!("the file has more than {} KiB", BODY_MAX >> 10),
        Error::HostNotFound => "there is none".to_owned(),
        // The words of the resolver of the system.
        Error::Io(error) if error.to_string().starts_with("failed to lookup") => "there is none".to_owned(),
        Error::Timeout(_) => "the server takes too long".to_owned(),
        Error::TooManyRedirects => "it leads from one place to another without end".to_owned(),
        Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => "nobody listens there".to_owned(),
        error => {
            let text = system_words::plain(&error.to_string());
            match text.contains("certificate verify failed") {
                true => "its certificate is not trusted".to_owned(),
                false => text.chars().filter(|c| !c.is_control()).take(200).collect(),
            }
        }
    }
}

/// Finds the addresses of a host, and leaves only those out of which a caller learns nothing that it may not know.
#[derive(Debug)]
struct Guarded {
    names: Option<Resolver>,
    reach: Reach,
}

impl Resolve for Guarded {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let host = uri.host().ok_or(Error::HostNotFound)?;
        let port = port(uri);
        let mut found = self.empty();
        let mut add = |address: SocketAddr| {
            if self.reach.allows(host, address.ip()) && found.len() < ADDRESSES_MAX {
                found.push(address);
            }
        };
        match (&self.names, host.parse::<IpAddr>()) {
            (_, Ok(ip)) => add(SocketAddr::new(ip, port)),
            (Some(names), Err(_)) => {
                for kind in [Kind::V4, Kind::V6] {
                    let records = names.ask(host, kind).unwrap_or_default();
                    for record in records {
                        if let Record::Address(ip) = record {
                            add(SocketAddr::new(ip, port));
                        }
                    }
                }
            }
            (None, Err(_)) => {
                DefaultResolver::default().resolve(uri, config, timeout)?.iter().copied().for_each(&mut add);
            }
        }
        if found.is_empty() { Err(Error::HostNotFound) } else { Ok(found) }
    }
}

/// Addresses of one host that are tried.
const ADDRESSES_MAX: usize = 16;

/// The port of a file; in tests, where nobody may listen on 443, another one.
fn port(uri: &Uri) -> u16 {
    #[cfg(feature = "poison")]
    if let Some(port) = std::env::var("ESPOMAIL_TEST_HTTPS_PORT").ok().and_then(|port| port.parse().ok()) {
        return port;
    }
    uri.port_u16().unwrap_or(HTTPS)
}
