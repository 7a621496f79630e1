//! Questions over HTTPS: one form is posted to an endpoint of an OAuth issuer, or numbers to a URL that hears of runs, and one
//! answer comes back. No redirect is followed, an answer has a limit and a deadline, and the certificate is checked against
//! the authorities of the system. Nothing of what was posted, of the path or of an answer stands in an error.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use ureq::config::{Config, ConfigBuilder};
use ureq::http::Uri;
use ureq::typestate::AgentScope;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::{Error, Proxy};
use zeroize::Zeroizing;

use super::agent::agent;
use super::reach::Reach;
use super::{NetError, NetErrorKind};
use crate::system_words;

/// Bytes of an answer that are read.
const ANSWER_MAX: u64 = 64 << 10;
/// Variables that name a proxy for HTTPS.
const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// How endpoints are reached.
#[derive(Debug, Clone)]
pub struct Way {
    /// Addresses that they may have.
    pub reach: Reach,
    /// Deadline of a question with its answer.
    pub within: Duration,
    /// Whether the proxy that the environment names is used; nothing of the environment is believed of a caller who came
    /// through sudo.
    pub by_proxy: bool,
}

/// What an endpoint answered.
pub struct Answered {
    pub status: u16,
    /// The clock of the server.
    pub date: Option<Timestamp>,
    /// The server asks to be left alone for so long.
    pub retry_after: Option<Duration>,
    /// At most 64 KiB.
    pub body: Zeroizing<Vec<u8>>,
}

/// Posts a form.
///
/// # Errors
/// No complete answer came: names the host, the proxy where there is one, and the cause.
pub fn post(url: &str, form: &str, way: &Way) -> Result<Answered, NetError> {
    send(url, "application/x-www-form-urlencoded", form, way, true)
}

/// Posts a text, also without TLS to this machine itself ([`is_listener`]).
///
/// # Errors
/// As [`post`].
pub fn note(url: &str, text: &str, way: &Way) -> Result<Answered, NetError> {
    let is_here = is_here(url);
    send(url, "text/plain; charset=utf-8", text, &Way { by_proxy: way.by_proxy && !is_here, ..way.clone() }, !is_here)
}

fn send(url: &str, content_type: &str, text: &str, way: &Way, https_only: bool) -> Result<Answered, NetError> {
    let place = Place::of(url, way)?;
    let resolver = Confined { reach: way.reach.clone(), proxy: place.proxy_host() };
    let proxy = place.proxy.clone();
    let no_redirects = |config: ConfigBuilder<AgentScope>| config.max_redirects(0).max_redirects_will_error(false);
    let own = |config| no_redirects(config).https_only(https_only).timeout_global(Some(way.within)).proxy(proxy);
    let agent = agent(own, resolver);
    let request = agent.post(url).header("Accept", "application/json");
    let mut answer =
        request.content_type(content_type).send(text).map_err(|error| place.trouble(&error, way.within))?;
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let date = header("date").and_then(|date| moment(&date));
    let retry_after = header("retry-after").and_then(|after| wait(&after, date));
    let status = answer.status().as_u16();
    let body = answer.body_mut().with_config().limit(ANSWER_MAX).read_to_vec();
    let body = Zeroizing::new(body.map_err(|error| place.trouble(&error, way.within))?);
    Ok(Answered { status, date, retry_after, body })
}

/// The proxy by which an endpoint is reached, for people.
///
/// # Errors
/// What the environment names is not a proxy.
pub fn proxy_of(url: &str, way: &Way) -> Result<Option<String>, NetError> {
    Ok(Place::of(url, way)?.by())
}

/// The host of a URL; the URL itself where it has none.
pub fn host(url: &str) -> String {
    url.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_else(|| url.to_owned())
}

/// Whether a text is a URL that is asked: https, with a host, without a name, a password or a fragment.
pub fn is_endpoint(url: &str) -> bool {
    let plain = !url.contains(['@', '#', ' ']) && !url.chars().any(char::is_control);
    plain && url.parse::<Uri>().is_ok_and(|uri| uri.scheme_str() == Some("https") && uri.host().is_some())
}

/// Whether a text is a URL that can hear of runs: an endpoint, or a port of this machine.
pub fn is_listener(url: &str) -> bool {
    is_endpoint(url) || (is_here(url) && is_endpoint(&url.replacen("http://", "https://", 1)))
}

/// Why a text cannot hear of runs, without a word of it: a URL may hold a secret.
pub fn listener_fault(url: &str) -> Option<&'static str> {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    if is_listener(url) {
        return None;
    }
    Some(match scheme {
        "" => "it does not begin with https://, or with http://localhost",
        "http" if !is_here(url) => "http:// would send it in clear; it is for localhost alone, so begin with https://",
        _ if !["http", "https"].contains(&scheme) => "it begins with neither https:// nor http://localhost",
        _ if url.contains('@') => "it has a name or password before an @",
        _ if url.contains('#') => "it has a #, and what follows that is never sent",
        _ if url.contains(|c: char| c == ' ' || c.is_control()) => "it has a space or a control character",
        _ => "it names no host",
    })
}

/// Whether nothing of what is posted leaves this machine, so that it may go in clear.
fn is_here(url: &str) -> bool {
    let is_loopback = |host: &str| host == "localhost" || host == "127.0.0.1" || host == "[::1]";
    url.parse::<Uri>().is_ok_and(|uri| uri.scheme_str() == Some("http") && uri.host().is_some_and(is_loopback))
}

/// An HTTP date; only the form that servers send.
fn moment(date: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(date).ok()
}

/// Seconds, or an HTTP date.
fn wait(after: &str, date: Option<Timestamp>) -> Option<Duration> {
    if let Ok(seconds) = after.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = moment(after)?.duration_since(date?);
    Duration::try_from(until).ok()
}

/// An endpoint, as errors name it.
struct Place {
    host: String,
    proxy: Option<Proxy>,
}

impl Place {
    fn of(url: &str, way: &Way) -> Result<Place, NetError> {
        let uri: Uri = url.parse().map_err(|_| NetError::new(NetErrorKind::Setting, format!("{url} is not a URL")))?;
        let named = PROXIES.iter().find_map(|name| Some((*name, std::env::var(name).ok().filter(|v| !v.is_empty())?)));
        let proxy = match named.filter(|_| way.by_proxy) {
            None => None,
            // What is wrong may hold a password.
            Some((name, value)) => {
                Proxy::new(&value).map_err(|_| proxy_is_wrong(name))?;
                Proxy::try_from_env().filter(|proxy| !proxy.is_no_proxy(&uri))
            }
        };
        Ok(Place { host: uri.host().unwrap_or_default().to_owned(), proxy })
    }

    fn proxy_host(&self) -> Option<String> {
        self.proxy.as_ref().map(|proxy| proxy.host().to_owned())
    }

    /// Host and port of the proxy.
    fn by(&self) -> Option<String> {
        self.proxy.as_ref().map(|proxy| format!("{}:{}", proxy.host(), proxy.port()))
    }

    fn trouble(&self, error: &Error, within: Duration) -> NetError {
        let (kind, why) = cause(error, within);
        let by = self.by().map(|proxy| format!(" by the proxy {proxy}")).unwrap_or_default();
        let hint = match kind {
            NetErrorKind::Certificate => Some(
                "is there a proxy that reads along? its authority belongs to those of the system: update-ca-certificates",
            ),
            _ => None,
        };
        let host = &self.host;
        let error = NetError::new(kind, format!("{host}: {why}{by}"));
        NetError { hint: hint.map(str::to_owned), ..error }
    }
}

fn proxy_is_wrong(name: &str) -> NetError {
    NetError::new(NetErrorKind::Setting, format!("{name} does not name a proxy"))
        .with_hint("write it as http://HOST:PORT")
}

/// What kept an answer from coming. Only words that hold nothing of the form or the answer.
fn cause(error: &Error, within: Duration) -> (NetErrorKind, String) {
    let cannot = |why: &str| (NetErrorKind::Unreachable, format!("cannot connect: {why}"));
    match error {
        Error::Timeout(_) => (NetErrorKind::Timeout, format!("no answer within {} s", within.as_secs())),
        Error::HostNotFound => cannot("no address found"),
        Error::ConnectionFailed => cannot("no address answers"),
        Error::ConnectProxyFailed(_) => cannot("the proxy refuses the connection"),
        Error::BodyExceedsLimit(_) | Error::LargeResponseHeader(..) => {
            (NetErrorKind::Temporary, format!("answers more than {} KiB (a proxy?)", ANSWER_MAX >> 10))
        }
        Error::NativeTls(_) | Error::Tls(_) | Error::Der(_) | Error::Pem(_) => {
            let said = error.to_string();
            match said.contains("certificate") {
                true => (NetErrorKind::Certificate, "the certificate is not trusted".to_owned()),
                false => (NetErrorKind::Unreachable, "cannot connect: the TLS handshake failed".to_owned()),
            }
        }
        Error::Io(error) if error.kind() == io::ErrorKind::PermissionDenied && error.get_ref().is_some() => {
            (NetErrorKind::NotAllowed, error.to_string())
        }
        Error::Io(error) if error.to_string().contains("certificate verify failed") => {
            (NetErrorKind::Certificate, "the certificate is not trusted".to_owned())
        }
        Error::Io(error) if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => {
            (NetErrorKind::Temporary, "the connection ended before the answer was complete (a proxy?)".to_owned())
        }
        Error::Io(error) if error.to_string().starts_with("failed to lookup") => cannot("no address found"),
        Error::Io(error) if error.raw_os_error().is_some() => cannot(&system_words::reason(error)),
        Error::Io(error) => cannot(&error.kind().to_string()),
        Error::Protocol(_) | Error::Http(_) => {
            (NetErrorKind::Temporary, "the answer is cut off or is not HTTP (a proxy?)".to_owned())
        }
        _ => (NetErrorKind::Temporary, "the question failed".to_owned()),
    }
}

/// Addresses that may be asked, by the system's resolver; a proxy may have any.
#[derive(Debug)]
struct Confined {
    reach: Reach,
    proxy: Option<String>,
}

impl Resolver for Confined {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        let host = uri.host().unwrap_or_default();
        if self.proxy.as_deref() == Some(host) {
            return Ok(found);
        }
        let mut allowed = self.empty();
        for address in found.iter().filter(|address| self.reach.allows(host, address.ip())) {
            allowed.push(*address);
        }
        match (allowed.is_empty(), found.first()) {
            (true, Some(first)) => {
                let words = format!("{} is not a public address", first.ip());
                Err(Error::Io(io::Error::new(io::ErrorKind::PermissionDenied, words)))
            }
            _ => Ok(allowed),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_endpoint_is_https_with_a_host_and_nothing_secret() {
        for (url, expected) in [
            ("https://login.example/token", true),
            ("https://localhost:8443/t?x=1", true),
            ("http://login.example/token", false),
            ("https:///token", false),
            ("https://user:pw@login.example/token", false),
            ("https://login.example/#x", false),
            ("login.example/token", false),
            ("", false),
        ] {
            assert_eq!(is_endpoint(url), expected, "{url}");
        }
        assert_eq!(host("https://login.example:8443/token"), "login.example");
    }

    #[test]
    fn only_this_machine_hears_of_runs_in_clear() {
        for (url, expected) in [
            ("https://hc.example/uuid", true),
            ("http://hc.example/uuid", false),
            ("http://localhost:3001/api/push/x?status=up", true),
            ("http://127.0.0.1/x", true),
            ("http://[::1]:8000/x", true),
            ("http://127.0.0.1.example/x", false),
            ("http://localhost@hc.example/x", false),
            ("http://user:pw@localhost/x", false),
            ("ftp://localhost/x", false),
            ("localhost", false),
        ] {
            assert_eq!(is_listener(url), expected, "{url}");
        }
    }

    #[test]
    fn a_wait_is_in_seconds_or_until_a_date() {
        let date = moment("Sun, 29 Nov 2026 10:00:00 GMT");
        for (after, expected) in
            [("120", Some(120)), (" 7 ", Some(7)), ("Sun, 29 Nov 2026 10:05:00 GMT", Some(300)), ("soon", None)]
        {
            assert_eq!(wait(after, date).map(|wait| wait.as_secs()), expected, "{after}");
        }
        assert_eq!(wait("Sun, 29 Nov 2026 09:00:00 GMT", date), None, "past");
        assert_eq!(date.unwrap().as_second(), 1_795_946_400);
    }

    #[test]
    fn clear_text_and_forbidden_addresses_are_not_asked() {
        let way = |reach| Way { reach, within: Duration::from_secs(2), by_proxy: false };
        let refused = post("http://localhost:9/t", "a=b", &way(Reach::Anywhere)).err().unwrap();
        assert_eq!(refused.kind, NetErrorKind::Temporary, "{refused}");
        let refused = post("https://127.0.0.1:9/t", "a=b", &way(Reach::Public(Vec::new()))).err().unwrap();
        assert_eq!(
            (refused.kind, refused.message.as_str()),
            (NetErrorKind::NotAllowed, "127.0.0.1: 127.0.0.1 is not a public address")
        );
        let refused = post("https://127.0.0.1:9/t", "a=b", &way(Reach::Anywhere)).err().unwrap();
        assert_eq!(
            (refused.kind, refused.message.as_str()),
            (NetErrorKind::Unreachable, "127.0.0.1: cannot connect: connection refused")
        );
    }
}
