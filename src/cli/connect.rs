//! From an account's settings to a connection: endpoint, secret, session.

mod advice;
mod tokens;
mod watched;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::Result;
use zeroize::Zeroizing;

pub use advice::{Protocol, advice};
pub use tokens::{source, way};
use watched::Watched;

use super::passwords;
use crate::config::Config;
use crate::error;
use crate::net::reach::Reach;
use crate::net::trail::Trail;
use crate::net::{
    Credentials, Endpoint, MailSource, MailTransport, Mechanism, NetError, NetErrorKind, Timeouts, TlsMode, imap, smtp,
};
use crate::oauth::Client;
use crate::place::Place;
use crate::secret::{self, SecretSpec};
use crate::store::accounts::{Account, Auth, Server, Tls, profile_in};
use crate::store::sealed_secrets::Sealed;

/// Exchange's sizes are estimates: this is taken in addition to `message_max_size`.
const SLACK_PERCENT: u64 = 25;

/// An IMAP session of an account, logged in; it ends at `until`. Somebody waits for it.
///
/// # Errors
/// The secret or the access token cannot be had, or a [`crate::net::NetError`].
pub fn imap(account: &Account, config: &Config, place: &Place, until: Option<Instant>) -> Result<Box<dyn MailSource>> {
    Connector::new(config, place).at_once(true).imap(account, until)
}

/// An SMTP session of an account, authenticated where it has a secret.
///
/// # Errors
/// As [`imap`].
pub fn smtp(account: &Account, config: &Config, place: &Place) -> Result<Box<dyn MailTransport>> {
    Connector::new(config, place).at_once(true).smtp(account, None)
}

/// Connects the accounts of one run. The command that prints a secret runs once for all connections with it, and again
/// only after a refused login: it may ask somebody, or write down that it was asked.
pub struct Connector<'a> {
    config: &'a Config,
    place: &'a Place,
    known: Mutex<Known>,
    /// What the database holds, once it was asked.
    sealed: Mutex<Option<Vec<Sealed>>>,
    at_once: bool,
    /// Who watches.
    trail: Trail,
}

/// Secrets by their files and their references.
type Known = HashMap<(PathBuf, String), Zeroizing<String>>;

/// Connects and logs in with these credentials.
type LogIn<'a, T> = dyn Fn(Option<&Credentials>) -> Result<T, NetError> + 'a;

/// One login of an account.
struct Login<'a> {
    account: &'a Account,
    server: &'a Server,
    protocol: Protocol,
    /// The name that is presented.
    name: &'a str,
    /// Where the secret comes from; empty = no login.
    reference: &'a str,
}

impl<'a> Connector<'a> {
    /// No secret is known yet.
    pub fn new(config: &'a Config, place: &'a Place) -> Connector<'a> {
        let (known, sealed) = (Mutex::default(), Mutex::default());
        Connector { config, place, known, sealed, at_once: false, trail: Trail::default() }
    }

    /// Whether somebody waits who may have mended what kept an access token from coming.
    pub fn at_once(self, at_once: bool) -> Connector<'a> {
        Connector { at_once, ..self }
    }

    /// Knows the secrets that were typed and are not kept yet.
    pub fn knowing(self, typed: Vec<(PathBuf, Zeroizing<String>)>) -> Connector<'a> {
        let stored = SecretSpec::Stored.to_string();
        self.known().extend(typed.into_iter().map(|(file, secret)| ((file, stored.clone()), secret)));
        self
    }

    /// Takes down the steps of the next connection.
    pub fn watched(self, trail: &Trail) -> Connector<'a> {
        Connector { trail: trail.clone(), ..self }
    }

    /// See [`imap`].
    pub fn imap(&self, account: &Account, until: Option<Instant>) -> Result<Box<dyn MailSource>> {
        let endpoint = Endpoint { trail: self.trail.clone(), ..endpoint(account, Protocol::Imap, self.config, until)? };
        let max = account.fetching.max_size.unwrap_or(self.config.message_max_size);
        let limits = imap::Limits { literal_max: max.saturating_add(max / 100 * SLACK_PERCENT) };
        let login = Login::imap(account);
        let none = || NetError::new(NetErrorKind::Setting, "the account has no secret");
        let connect =
            |credentials: Option<&Credentials>| imap::connect(&endpoint, credentials.ok_or_else(none)?, limits);
        match profile_in(login.reference) {
            None => Ok(Box::new(self.by_password(&login, &connect)?)),
            Some(profile) => {
                let client = Client::of(self.config, account, profile)?;
                let (session, token) = self.by_token(&login, &client, &connect)?;
                Ok(Box::new(Watched::new(session, account.clone(), client, token.user)))
            }
        }
    }

    /// See [`smtp`].
    pub fn smtp(&self, account: &Account, until: Option<Instant>) -> Result<Box<dyn MailTransport>> {
        let endpoint = Endpoint { trail: self.trail.clone(), ..endpoint(account, Protocol::Smtp, self.config, until)? };
        let login = Login::smtp(account);
        let connect = |credentials: Option<&Credentials>| smtp::connect(&endpoint, credentials);
        let session = match profile_in(login.reference) {
            None => self.by_password(&login, &connect)?,
            Some(profile) => {
                let client = Client::of(self.config, account, profile)?;
                self.by_token(&login, &client, &connect)?.0
            }
        };
        Ok(Box::new(session))
    }

    fn by_password<T>(&self, login: &Login<'_>, connect: &LogIn<'_, T>) -> Result<T> {
        let key = (login.file(self.place), login.reference.to_owned());
        let credentials = match login.reference.is_empty() {
            true => None,
            false => Some(login.credentials(self.secret(&key)?)),
        };
        connect(credentials.as_ref()).map_err(|error| {
            // What was refused may have changed since: the next connection asks for it again.
            if error.kind == NetErrorKind::LoginRefused {
                self.known().remove(&key);
                *self.sealed.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
            login.explained(error, None, None).into()
        })
    }

    fn secret(&self, key: &(PathBuf, String)) -> Result<Zeroizing<String>> {
        if let Some(known) = self.known().get(key) {
            return Ok(known.clone());
        }
        let spec: SecretSpec = key.1.parse()?;
        let secret = match spec {
            SecretSpec::Stored => self.kept(&key.0)?,
            spec => spec.resolve(&key.0)?,
        };
        self.known().insert(key.clone(), secret.clone());
        Ok(secret)
    }

    /// A password that came by standard input.
    fn kept(&self, file: &Path) -> Result<Zeroizing<String>> {
        let mut sealed = self.sealed.lock().unwrap_or_else(PoisonError::into_inner);
        let all = match sealed.take() {
            Some(all) => all,
            None => passwords::sealed(self.place)?,
        };
        let found = passwords::find(self.place, &all, file);
        *sealed = Some(all);
        found
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Login<'a> {
    fn imap(account: &'a Account) -> Login<'a> {
        let server = &account.imap;
        let name = account.imap_login();
        Login { account, server, protocol: Protocol::Imap, name, reference: &server.secret }
    }

    fn smtp(account: &'a Account) -> Login<'a> {
        let (name, reference) = account.smtp_login();
        Login { account, server: &account.smtp, protocol: Protocol::Smtp, name, reference }
    }

    /// Where the secret is kept if it came by standard input.
    fn file(&self, place: &Place) -> PathBuf {
        match self.protocol {
            Protocol::Smtp if !self.server.secret.is_empty() => smtp_secret_file(place, self.account.id),
            Protocol::Smtp | Protocol::Imap => secret_file(place, self.account.id),
        }
    }

    fn credentials(&self, secret: Zeroizing<String>) -> Credentials {
        Credentials {
            login: self.name.to_owned(),
            secret,
            mechanism: match self.server.auth {
                Auth::Password => Mechanism::Password,
                Auth::Plain => Mechanism::Plain,
                Auth::Login => Mechanism::Login,
                Auth::CramMd5 => Mechanism::CramMd5,
                Auth::XOAuth2 => Mechanism::XOAuth2,
                Auth::OAuthBearer => Mechanism::OAuthBearer,
            },
        }
    }
}

fn endpoint(account: &Account, protocol: Protocol, config: &Config, until: Option<Instant>) -> Result<Endpoint> {
    let (server, pins) = match protocol {
        Protocol::Imap => (&account.imap, account.imap.pins.as_str()),
        Protocol::Smtp => (&account.smtp, account.smtp_pins()),
    };
    let Config { connect_timeout: connect, tls_timeout: tls, reply_timeout: reply, .. } = *config;
    Ok(Endpoint {
        host: server.host.clone().ok_or_else(|| {
            let kind = if protocol == Protocol::Imap { "IMAP" } else { "SMTP" };
            error::data(format!("account {} has no {kind} server", account.name))
                .hint(format!("espomail account show {}", account.name))
        })?,
        port: server.port,
        tls: match server.tls {
            Tls::Implicit => TlsMode::Implicit,
            Tls::StartTls => TlsMode::StartTls,
            Tls::None => TlsMode::None,
        },
        ca: account.trust.ca_file.as_ref().map(PathBuf::from),
        pins: pins
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|e| error::config(format!("account \"{}\": a pin {e}", account.name)))?,
        reach: match server.confined {
            true => Reach::Public(config.allowed_hosts.clone()),
            false => Reach::Anywhere,
        },
        timeouts: Timeouts { connect, tls, reply, until },
        trail: Trail::default(),
    })
}

/// Where a secret that came by standard input is kept.
pub fn secret_file(place: &Place, account_id: i64) -> PathBuf {
    place.secrets().join(account_id.to_string())
}

/// The same for one that is for SMTP alone.
pub fn smtp_secret_file(place: &Place, account_id: i64) -> PathBuf {
    place.secrets().join(format!("{account_id}{}", secret::OF_SMTP))
}
