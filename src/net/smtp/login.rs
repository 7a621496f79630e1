//! From an endpoint to a session: greeting, EHLO, STARTTLS, AUTH. No credential goes out before the stream is protected.

use std::net::IpAddr;

use lettre::transport::smtp::commands::{Ehlo, Starttls};
use lettre::transport::smtp::extension::ClientId;
use openssl::base64::{decode_block, encode_block};
use zeroize::Zeroizing;

use super::SmtpTransport;
use super::conversation::Conversation;
use super::reply;
use crate::net::printable::Words;
use crate::net::sasl;
use crate::net::trail::Step;
use crate::net::{Credentials, Endpoint, Mechanism, NetError, NetErrorKind, Reply, TlsMode, tls};

/// Challenges of one login that are answered.
const CHALLENGES_MAX: usize = 4;

/// Connects, and logs in if there are credentials and the server offers any login.
pub fn connect(endpoint: &Endpoint, credentials: Option<&Credentials>) -> Result<SmtpTransport, NetError> {
    let words = credentials.map(Words::hiding).unwrap_or_default();
    let mut server = Conversation::new(tls::connect(endpoint)?, words, endpoint.timeouts.reply);
    endpoint.trail.begin(Step::Greeting);
    let greeting = server.greeting()?;
    if greeting.code != 220 {
        return Err(reply::refusal("the connection", &greeting));
    }
    let mut offered = ehlo(&mut server)?;
    if endpoint.tls == TlsMode::StartTls {
        server = start_tls(server, &offered, endpoint)?;
        offered = ehlo(&mut server)?;
    }
    if let Some(credentials) = credentials {
        endpoint.trail.begin(Step::Login);
        login(&mut server, &offered, credentials)?;
    }
    endpoint.trail.end();
    let offers = |keyword: &str| offered.has(keyword);
    let (smtputf8, eightbitmime) = (offers("SMTPUTF8"), offers("8BITMIME"));
    Ok(SmtpTransport { server, fault: None, smtputf8, eightbitmime })
}

/// The keywords of an EHLO reply in upper case, one line each.
struct Offered(Vec<String>);

impl Offered {
    fn has(&self, keyword: &str) -> bool {
        self.0.iter().any(|line| line.split(' ').next() == Some(keyword))
    }

    /// The names after `AUTH` (`AUTH=` on some old servers).
    fn mechanisms(&self) -> impl Iterator<Item = &str> {
        let lists = self.0.iter().filter_map(|line| line.strip_prefix("AUTH")?.strip_prefix([' ', '=']));
        lists.flat_map(|list| list.split(' ')).filter(|name| !name.is_empty())
    }
}

fn ehlo(server: &mut Conversation) -> Result<Offered, NetError> {
    let name = match (ClientId::default(), server.stream().local_ip()) {
        (ClientId::Domain(name), _) => ClientId::Domain(name),
        (_, Some(IpAddr::V4(ip))) => ClientId::Ipv4(ip),
        (_, Some(IpAddr::V6(ip))) => ClientId::Ipv6(ip),
        (literal, None) => literal,
    };
    let (reply, lines) = server.exchange(&Ehlo::new(name).to_string())?;
    if reply.code != 250 {
        return Err(reply::refusal("EHLO", &reply));
    }
    let keywords = lines.iter().skip(1).map(|line| String::from_utf8_lossy(line).trim().to_ascii_uppercase());
    Ok(Offered(keywords.collect()))
}

fn start_tls(mut server: Conversation, offered: &Offered, endpoint: &Endpoint) -> Result<Conversation, NetError> {
    let missing = |said: &str| NetError::new(NetErrorKind::Tls, format!("the server does not offer STARTTLS{said}"));
    if !offered.has("STARTTLS") {
        return Err(missing(""));
    }
    endpoint.trail.begin(Step::Tls);
    let reply = server.command(&Starttls.to_string())?;
    if reply.code != 220 {
        return Err(missing(&format!(": {}", reply.words())));
    }
    if server.has_more() {
        return Err(NetError::new(NetErrorKind::Protocol, "there were bytes between STARTTLS and TLS: refused"));
    }
    let words = server.words().clone();
    let stream = server.into_stream().upgrade(endpoint)?;
    Ok(Conversation::new(stream, words, endpoint.timeouts.reply))
}

fn login(server: &mut Conversation, offered: &Offered, credentials: &Credentials) -> Result<(), NetError> {
    server.stream().bears_secrets()?;
    let mechanisms: Vec<&str> = offered.mechanisms().collect();
    if mechanisms.is_empty() {
        return Ok(());
    }
    let Some(mechanism) = sasl::among(credentials.mechanism, |name| mechanisms.contains(&name)) else {
        let offered = server.words().printable(mechanisms.join(", ").as_bytes());
        return Err(sasl::not_offered(credentials.mechanism, &offered));
    };
    let (reply, status) = authenticate(server, mechanism, credentials)?;
    match reply.code {
        235 => Ok(()),
        500.. => {
            let status = status.map(|status| format!(" (status {status})")).unwrap_or_default();
            let words = format!("the server refused the login: {}{status}", reply.words());
            Err(NetError::new(NetErrorKind::LoginRefused, words))
        }
        _ => Err(reply::refusal("the login", &reply)),
    }
}

/// AUTH, with the first response where the mechanism has one, and an answer to each challenge; the last reply, and what
/// a challenge says of a refused token.
fn authenticate(
    server: &mut Conversation,
    mechanism: Mechanism,
    credentials: &Credentials,
) -> Result<(Reply, Option<String>), NetError> {
    let mut status = None;
    let name = sasl::name(mechanism);
    let first = sasl::first(mechanism, credentials);
    let mut answered = usize::from(first.is_some());
    let (mut reply, mut challenge) = match first {
        Some(first) => {
            let first = Zeroizing::new(encode_block(first.as_bytes()));
            server.secret(&format!("AUTH {name}"), &Zeroizing::new(format!("AUTH {name} {}\r\n", *first)))?
        }
        None => {
            let (reply, lines) = server.exchange(&format!("AUTH {name}\r\n"))?;
            (reply, lines.into_iter().next().unwrap_or_default())
        }
    };
    while reply.code == 334 && answered < CHALLENGES_MAX {
        let asked = decode_block(&String::from_utf8_lossy(challenge.trim_ascii())).unwrap_or_default();
        status = sasl::status(mechanism, &asked).or(status);
        let answer = sasl::answer(mechanism, credentials, answered, &asked);
        let answer = Zeroizing::new(encode_block(answer.as_bytes()));
        (reply, challenge) = server.secret("", &Zeroizing::new(format!("{}\r\n", *answer)))?;
        answered += 1;
    }
    Ok((reply, status))
}
