//! From an endpoint to a session: greeting, STARTTLS, login. No credential goes out before the stream is protected.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use zeroize::Zeroizing;

use super::{ImapSource, Limits, SMALL, conclude};
use crate::net::guard::{Event, Guard, Shared, Word, farewell, nonsense};
use crate::net::printable::Words;
use crate::net::sasl::{self, Sasl};
use crate::net::tls;
use crate::net::{Credentials, Endpoint, Mechanism, NetError, NetErrorKind, TlsMode};

/// Connects and logs in: the greeting and one command, with STARTTLS and with SASL one more round trip each.
pub fn connect(endpoint: &Endpoint, credentials: &Credentials, limits: Limits) -> Result<ImapSource, NetError> {
    let words = Words::hiding(credentials);
    let mut guard = Guard::new(tls::connect(endpoint)?, words, endpoint.timeouts.reply, limits.literal_max);
    greet(&mut guard)?;
    if endpoint.tls == TlsMode::StartTls {
        guard = start_tls(guard, endpoint, limits)?;
    }
    login(guard, credentials, limits)
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
    Ok(Guard::new(stream, words, endpoint.timeouts.reply, limits.literal_max))
}

fn login(mut guard: Guard, credentials: &Credentials, limits: Limits) -> Result<ImapSource, NetError> {
    guard.stream().bears_secrets()?;
    let by_sasl = uses_sasl(&guard, credentials)?;
    let offers_id = |guard: &Guard| guard.capabilities().is_some_and(|offered| offered.iter().any(|name| name == "ID"));
    let mut introduced = offers_id(&guard);
    guard.forget_capabilities();
    guard.begin(SMALL);
    let guard = Shared::new(guard);
    let client = imap::Client::new(guard.clone());
    let session = catch_unwind(AssertUnwindSafe(|| {
        let session = if by_sasl {
            let Sasl { name, first, later } = sasl::of(credentials);
            client.authenticate(name, &Answers { first, later, asked: Cell::new(false) })
        } else {
            client.login(&credentials.login, credentials.secret.as_str())
        };
        session.map_err(|(error, _)| error)
    }));
    let session = conclude(&mut guard.lock(), session);
    let session = session.map_err(|error| refused_login(&guard, error))?;
    introduced |= offers_id(&guard.lock());
    if introduced {
        guard.lock().send_ahead(&id());
    }
    Ok(ImapSource { session, guard, limits, folder: None, introduced })
}

/// Who this is (RFC 2971).
pub(super) fn id() -> String {
    format!("ID (\"name\" \"espomail\" \"version\" \"{}\")", env!("CARGO_PKG_VERSION"))
}

/// LOGIN costs one round trip less than AUTHENTICATE PLAIN, but takes ASCII only.
fn uses_sasl(guard: &Guard, credentials: &Credentials) -> Result<bool, NetError> {
    let refused = |why: &str| Err(NetError::new(NetErrorKind::LoginRefused, why));
    let words = [credentials.login.as_str(), credentials.secret.as_str()];
    if words.iter().any(|word| word.contains(['\0', '\r', '\n'])) {
        return refused("login name or secret contains a line break");
    }
    let offers = |name: &str| guard.capabilities().is_some_and(|offered| offered.iter().any(|offer| offer == name));
    let by_sasl = credentials.mechanism != Mechanism::Password || !words.iter().all(|word| word.is_ascii());
    if !by_sasl && offers("LOGINDISABLED") {
        return if offers("AUTH=PLAIN") { Ok(true) } else { refused("the server does not allow a password here") };
    }
    Ok(by_sasl)
}

fn refused_login(guard: &Shared, error: NetError) -> NetError {
    let refused = guard.lock().tagged().is_some_and(|status| status.word == Word::No);
    if refused && error.kind == NetErrorKind::Refused {
        return NetError::new(NetErrorKind::LoginRefused, error.message);
    }
    error
}

/// Answers the challenges of one AUTHENTICATE.
struct Answers {
    first: Zeroizing<String>,
    later: &'static str,
    asked: Cell<bool>,
}

impl imap::Authenticator for Answers {
    type Response = Zeroizing<String>;

    fn process(&self, _challenge: &[u8]) -> Self::Response {
        if self.asked.replace(true) { Zeroizing::new(self.later.to_owned()) } else { self.first.clone() }
    }
}
