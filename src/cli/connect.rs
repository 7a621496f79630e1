//! From an account's settings to a connection: endpoint, secret, session.

mod advice;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result};
use zeroize::Zeroizing;

pub use advice::{Protocol, advice};

use crate::config::Config;
use crate::error;
use crate::net::reach::Reach;
use crate::net::{
    Credentials, Endpoint, MailSource, MailTransport, Mechanism, NetError, NetErrorKind, Timeouts, TlsMode, imap, smtp,
};
use crate::secret::{self, SecretSpec};
use crate::store::accounts::{Account, Auth, Server, Tls};

/// Exchange's sizes are estimates: this is taken in addition to `message_max_size`.
const SLACK_PERCENT: u64 = 25;

/// An IMAP session of an account, logged in; it ends at `until`.
///
/// # Errors
/// The secret cannot be had (configuration), or a [`crate::net::NetError`].
pub fn imap(
    account: &Account,
    config: &Config,
    database: &Path,
    until: Option<Instant>,
) -> Result<Box<dyn MailSource>> {
    Connector::new(config, database).imap(account, until)
}

/// An SMTP session of an account, authenticated where it has a secret.
///
/// # Errors
/// As [`imap`].
pub fn smtp(account: &Account, config: &Config, database: &Path) -> Result<Box<dyn MailTransport>> {
    Connector::new(config, database).smtp(account, None)
}

/// Connects the accounts of one run. The command that prints a secret runs once for all connections with it, and again
/// only after a refused login: it may ask somebody, or write down that it was asked.
pub struct Connector<'a> {
    config: &'a Config,
    database: &'a Path,
    known: Mutex<Known>,
}

/// Secrets by their references and their files.
type Known = HashMap<(PathBuf, String), Zeroizing<String>>;

/// Where one secret comes from.
struct Source<'a> {
    /// Where it is kept if it came by standard input.
    file: PathBuf,
    reference: &'a str,
}

impl Source<'_> {
    fn key(&self) -> (PathBuf, String) {
        (self.file.clone(), self.reference.to_owned())
    }
}

impl<'a> Connector<'a> {
    /// No secret is known yet.
    pub fn new(config: &'a Config, database: &'a Path) -> Connector<'a> {
        Connector { config, database, known: Mutex::default() }
    }

    /// See [`imap`].
    pub fn imap(&self, account: &Account, until: Option<Instant>) -> Result<Box<dyn MailSource>> {
        let endpoint = endpoint(account, Protocol::Imap, self.config, until)?;
        let source = Source { file: secret_file(self.database, account.id), reference: &account.imap.secret };
        let credentials = self.credentials(&account.imap, account.imap_login(), &source)?;
        let max = account.fetching.max_size.unwrap_or(self.config.message_max_size);
        let limits = imap::Limits { literal_max: max.saturating_add(max / 100 * SLACK_PERCENT) };
        let session = imap::connect(&endpoint, &credentials, limits);
        Ok(Box::new(session.inspect_err(|error| self.forget(&source, error))?))
    }

    /// See [`smtp`].
    pub fn smtp(&self, account: &Account, until: Option<Instant>) -> Result<Box<dyn MailTransport>> {
        let endpoint = endpoint(account, Protocol::Smtp, self.config, until)?;
        let (login, reference) = account.smtp_login();
        let file = match account.smtp.secret.is_empty() {
            true => secret_file(self.database, account.id),
            false => smtp_secret_file(self.database, account.id),
        };
        let source = Source { file, reference };
        let credentials = match reference.is_empty() {
            true => None,
            false => Some(self.credentials(&account.smtp, login, &source)?),
        };
        let session = smtp::connect(&endpoint, credentials.as_ref());
        Ok(Box::new(session.inspect_err(|error| self.forget(&source, error))?))
    }

    fn credentials(&self, server: &Server, login: &str, source: &Source<'_>) -> Result<Credentials> {
        Ok(Credentials {
            login: login.to_owned(),
            secret: self.secret(source)?,
            mechanism: match server.auth {
                Auth::Password => Mechanism::Password,
                Auth::Plain => Mechanism::Plain,
                Auth::Login => Mechanism::Login,
                Auth::CramMd5 => Mechanism::CramMd5,
                Auth::XOAuth2 => Mechanism::XOAuth2,
                Auth::OAuthBearer => Mechanism::OAuthBearer,
            },
        })
    }

    fn secret(&self, source: &Source<'_>) -> Result<Zeroizing<String>> {
        let key = source.key();
        if let Some(known) = self.known().get(&key) {
            return Ok(known.clone());
        }
        let spec: SecretSpec = source.reference.parse()?;
        let secret = spec.resolve(&source.file)?;
        self.known().insert(key, secret.clone());
        Ok(secret)
    }

    /// What was refused may have changed since: the next connection asks for it again.
    fn forget(&self, source: &Source<'_>, error: &NetError) {
        if error.kind == NetErrorKind::LoginRefused {
            self.known().remove(&source.key());
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn endpoint(account: &Account, protocol: Protocol, config: &Config, until: Option<Instant>) -> Result<Endpoint> {
    let (server, pins) = match protocol {
        Protocol::Imap => (&account.imap, account.imap.pins.as_str()),
        Protocol::Smtp => (&account.smtp, account.smtp_pins()),
    };
    let Config { connect_timeout: connect, tls_timeout: tls, reply_timeout: reply, .. } = *config;
    Ok(Endpoint {
        host: server.host.clone().with_context(|| format!("account \"{}\" has no such server", account.name))?,
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
    })
}

/// Where a secret that came by standard input is kept: `secrets/<account id>` next to the database.
pub fn secret_file(database: &Path, account_id: i64) -> PathBuf {
    secret::directory(database).join(account_id.to_string())
}

/// The same for one that is for SMTP alone.
pub fn smtp_secret_file(database: &Path, account_id: i64) -> PathBuf {
    secret::directory(database).join(format!("{account_id}{}", secret::OF_SMTP))
}
