//! From an account's settings to a connection: endpoint, secret, session.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::config::Config;
use crate::net::reach::Reach;
use crate::net::{Credentials, Endpoint, MailSource, MailTransport, Mechanism, Timeouts, TlsMode, imap, smtp};
use crate::secret::{self, SecretSpec};
use crate::store::accounts::{Account, Auth, Server, Tls};

/// Exchange's sizes are estimates: so much more than `message_max_size` is taken.
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
    let endpoint = endpoint(account, &account.imap, config, until)?;
    let credentials = credentials(account, &account.imap, &account.imap.login, &account.imap.secret, database)?;
    let max = account.max_size.unwrap_or(config.message_max_size);
    let limits = imap::Limits { literal_max: max + max * SLACK_PERCENT / 100 };
    Ok(Box::new(imap::connect(&endpoint, &credentials, limits)?))
}

/// An SMTP session of an account, authenticated where it has a secret.
///
/// # Errors
/// As [`imap`].
pub fn smtp(account: &Account, config: &Config, database: &Path) -> Result<Box<dyn MailTransport>> {
    let endpoint = endpoint(account, &account.smtp, config, None)?;
    let (login, secret) = account.smtp_login();
    let credentials = match secret.is_empty() {
        true => None,
        false => Some(credentials(account, &account.smtp, login, secret, database)?),
    };
    Ok(Box::new(smtp::connect(&endpoint, credentials.as_ref())?))
}

fn endpoint(account: &Account, server: &Server, config: &Config, until: Option<Instant>) -> Result<Endpoint> {
    let Config { connect_timeout: connect, tls_timeout: tls, reply_timeout: reply, .. } = *config;
    Ok(Endpoint {
        host: server.host.clone().with_context(|| format!("account \"{}\" has no such server", account.name))?,
        port: server.port,
        tls: match server.tls {
            Tls::Implicit => TlsMode::Implicit,
            Tls::StartTls => TlsMode::StartTls,
            Tls::None => TlsMode::None,
        },
        ca: account.ca_file.as_ref().map(PathBuf::from),
        pin: account.pin.clone(),
        reach: match server.confined {
            true => Reach::Public(config.allowed_hosts.clone()),
            false => Reach::Anywhere,
        },
        timeouts: Timeouts { connect, tls, reply, until },
    })
}

fn credentials(account: &Account, server: &Server, login: &str, secret: &str, database: &Path) -> Result<Credentials> {
    let spec: SecretSpec = secret.parse()?;
    Ok(Credentials {
        login: login.to_owned(),
        secret: spec.resolve(&secret_file(database, account.id))?,
        mechanism: match server.auth {
            Auth::Password => Mechanism::Password,
            Auth::XOAuth2 => Mechanism::XOAuth2,
            Auth::OAuthBearer => Mechanism::OAuthBearer,
        },
    })
}

/// Where a secret that came by standard input is kept: `secrets/<account id>` beside the database.
pub fn secret_file(database: &Path, account_id: i64) -> PathBuf {
    secret::directory(database).join(account_id.to_string())
}
