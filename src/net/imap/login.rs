//! From an endpoint to a session: greeting, STARTTLS, login. No credential goes out before the stream is protected.

use std::cell::Cell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use openssl::base64::{decode_block, encode_block};
use zeroize::Zeroizing;

use super::{ImapSource, Limits, SMALL, conclude};
use crate::net::guard::{Event, Guard, Shared, Word, farewell, nonsense};
use crate::net::printable::Words;
use crate::net::sasl;
use crate::net::tls;
use crate::net::trail::Step;
use crate::net::{Credentials, Endpoint, Mechanism, NetError, NetErrorKind, TlsMode};

/// Longest initial response in the line of AUTHENTICATE (RFC 4959); a longer one waits for the server's question.
const INITIAL_MAX: usize = 4096;

/// Connects and logs in: the greeting and one command; with STARTTLS two more round trips, with SASL at most one or two.
pub fn connect(endpoint: &Endpoint, credentials: &Credentials, limits: Limits) -> Result<ImapSource, NetError> {
    let words = Words::hiding(credentials);
    let mut guard = Guard::new(tls::connect(endpoint)?, words, endpoint.timeouts.reply, limits.literal_max);
    endpoint.trail.begin(Step::Greeting);
    greet(&mut guard)?;
    if endpoint.tls == TlsMode::StartTls {
        guard = start_tls(guard, endpoint, limits)?;
    }
    endpoint.trail.begin(Step::Login);
    let source = login(guard, credentials, limits)?;
    endpoint.trail.end();
    Ok(source)
}

/// PREAUTH is refused: it skips the login and, before STARTTLS, the protection.
fn greet(guard: &mut Guard) -> Result<(), NetError> {
    let greeting = guard.greeting()?;
    match greeting.word {
        Word::Ok => Ok(()),
        Word::Bye => Err(farewell(guard.words(), &greeting)),
        Word::PreAuth => Err(NetError::new(
            NetErrorKind::Protocol,
            "the server greeted with PREAUTH: a session without a login is refused",
        )),
        Word::No | Word::Bad if greeting.later().is_some() => Err(farewell(guard.words(), &greeting)),
        Word::No | Word::Bad => Err(nonsense(guard.words(), "the greeting", greeting.said(guard.words()).as_bytes())),
    }
}

fn start_tls(mut guard: Guard, endpoint: &Endpoint, limits: Limits) -> Result<Guard, NetError> {
    let missing = |said: &str| NetError::new(NetErrorKind::Tls, format!("the server does not offer STARTTLS{said}"));
    if guard.capabilities().is_some_and(|offered| !offered.iter().any(|name| name == "STARTTLS")) {
        return Err(missing(""));
    }
    endpoint.trail.begin(Step::Tls);
    guard.begin(SMALL);
    guard.send(b"s1 STARTTLS\r\n")?;
    while !matches!(guard.next()?, Event::Tagged) {}
    match guard.tagged() {
        Some(status) if status.word == Word::Ok => {}
        Some(status) if status.later().is_some() => return Err(farewell(guard.words(), status)),
        status => {
            return Err(missing(&status.map_or(String::new(), |status| format!(": {}", status.said(guard.words())))));
        }
    }
    if guard.has_more() {
        return Err(NetError::new(NetErrorKind::Protocol, "there were bytes between STARTTLS and TLS: refused"));
    }
    let words = guard.words().clone();
    let stream = guard.into_stream().upgrade(endpoint)?;
    let mut guard = Guard::new(stream, words, endpoint.timeouts.reply, limits.literal_max);
    // What was said in clear does not count, and without LOGINDISABLED it is not known whether a password may be sent.
    guard.begin(SMALL);
    guard.send(b"s2 CAPABILITY\r\n")?;
    while !matches!(guard.next()?, Event::Tagged) {}
    Ok(guard)
}

fn login(mut guard: Guard, credentials: &Credentials, limits: Limits) -> Result<ImapSource, NetError> {
    guard.stream().bears_secrets()?;
    let way = way(&guard, credentials)?;
    let mut introduced = offers(&guard, "ID");
    let initial = offers(&guard, "SASL-IR");
    guard.forget_capabilities();
    guard.begin(SMALL);
    let guard = Shared::new(guard);
    let client = imap::Client::new(guard.clone());
    let session = catch_unwind(AssertUnwindSafe(|| {
        let session = match way {
            Way::Command => client.login(&credentials.login, credentials.secret.as_str()),
            Way::Sasl(mechanism) => {
                let (line, answered) = authenticate(mechanism, credentials, initial);
                client.authenticate(
                    line.as_str(),
                    &Answers { guard: guard.clone(), mechanism, credentials, answered: Cell::new(answered) },
                )
            }
        };
        session.map_err(|(error, _)| error)
    }));
    let session = conclude(&mut guard.lock(), session);
    let session = session.map_err(|error| refused_login(&guard, error, credentials.mechanism))?;
    introduced |= offers(&guard.lock(), "ID");
    if introduced {
        guard.lock().send_ahead(&id());
    }
    let (folder, names, namespace) = (None, HashMap::new(), None);
    Ok(ImapSource { session, guard, limits, folder, read_only: false, introduced, names, namespace })
}

impl ImapSource {
    /// Sends ID (RFC 2971) where it has not been sent and the server has it; whether that was so.
    pub(super) fn introduce(&mut self) -> Result<bool, NetError> {
        let missing = || self.guard.lock().tagged().is_some_and(|status| status.code_name() == "NONEXISTENT");
        if self.introduced || missing() || !self.offers("ID")? {
            return Ok(false);
        }
        self.introduced = true;
        match self.change(&id()) {
            Err(error) if error.kind != NetErrorKind::Refused => Err(error),
            _ => Ok(true),
        }
    }
}

/// What stands after AUTHENTICATE, and how many challenges that answers in advance.
fn authenticate(mechanism: Mechanism, credentials: &Credentials, initial: bool) -> (Zeroizing<String>, usize) {
    let name = sasl::name(mechanism);
    let first = sasl::first(mechanism, credentials).filter(|first| initial && first.len() < INITIAL_MAX / 4 * 3);
    match first {
        Some(first) => {
            let first = Zeroizing::new(encode_block(first.as_bytes()));
            (Zeroizing::new(format!("{name} {}", *first)), 1)
        }
        None => (Zeroizing::new(name.to_owned()), 0),
    }
}

fn offers(guard: &Guard, capability: &str) -> bool {
    guard.capabilities().is_some_and(|offered| offered.iter().any(|offer| offer == capability))
}

/// Who this is (RFC 2971).
pub(super) fn id() -> String {
    format!("ID (\"name\" \"espomail\" \"version\" \"{}\")", env!("CARGO_PKG_VERSION"))
}

/// How to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The command LOGIN, which takes ASCII only.
    Command,
    Sasl(Mechanism),
}

/// LOGIN needs the fewest round trips. A server that does not say what it offers is believed to offer what is wanted.
fn way(guard: &Guard, credentials: &Credentials) -> Result<Way, NetError> {
    let words = [credentials.login.as_str(), credentials.secret.as_str()];
    if words.iter().any(|word| word.contains(['\0', '\r', '\n'])) {
        let why = "login name or secret contains a line break";
        return Err(NetError::new(NetErrorKind::LoginRefused, why));
    }
    let wanted = credentials.mechanism;
    let by_command = matches!(wanted, Mechanism::Password | Mechanism::Login);
    if by_command && words.iter().all(|word| word.is_ascii()) && !offers(guard, "LOGINDISABLED") {
        return Ok(Way::Command);
    }
    let Some(capabilities) = guard.capabilities() else { return Ok(Way::Sasl(wanted)) };
    // Some servers take a token and do not say so.
    let is_token = matches!(wanted, Mechanism::XOAuth2 | Mechanism::OAuthBearer);
    let found = sasl::among(wanted, |name| offers(guard, &format!("AUTH={name}")));
    found.or(is_token.then_some(wanted)).map(Way::Sasl).ok_or_else(|| {
        let names: Vec<&str> = capabilities.iter().filter_map(|one| one.strip_prefix("AUTH=")).collect();
        sasl::not_offered(wanted, &guard.words().printable(names.join(", ").as_bytes()))
    })
}

/// Of a refused token a challenge says why.
fn refused_login(guard: &Shared, error: NetError, wanted: Mechanism) -> NetError {
    let refused = guard.lock().tagged().is_some_and(|status| status.word == Word::No);
    if refused && error.kind == NetErrorKind::Refused {
        let challenge = decode_block(&String::from_utf8_lossy(guard.lock().challenge())).unwrap_or_default();
        let status = sasl::status(wanted, &challenge).map(|status| format!(" (status {status})")).unwrap_or_default();
        return NetError::new(NetErrorKind::LoginRefused, format!("{}{status}", error.message));
    }
    error
}

/// Answers the challenges of one AUTHENTICATE.
struct Answers<'a> {
    guard: Shared,
    mechanism: Mechanism,
    credentials: &'a Credentials,
    answered: Cell<usize>,
}

impl imap::Authenticator for Answers<'_> {
    type Response = Zeroizing<String>;

    fn process(&self, _challenge: &[u8]) -> Self::Response {
        let number = self.answered.replace(self.answered.get() + 1);
        let challenge = decode_block(&String::from_utf8_lossy(self.guard.lock().challenge())).unwrap_or_default();
        sasl::answer(self.mechanism, self.credentials, number, &challenge)
    }
}
