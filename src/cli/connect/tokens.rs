//! Logins with access tokens: a token that is good for the session, one renewal where the server refuses an older one, and
//! what a refusal means.

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;

use super::{Connector, LogIn, Login, Protocol};
use crate::caller::Process;
use crate::config::Config;
use crate::net::http::Way;
use crate::net::reach::Reach;
use crate::net::{NetError, NetErrorKind};
use crate::oauth::refused::{self, meaning};
use crate::oauth::{Client, Source, Token};
use crate::place::Place;
use crate::store::accounts::Account;

/// A session lasts no longer without `max_runtime`.
const SHORTEST: Duration = Duration::from_secs(300);
/// An issuer answers within this.
const WITHIN: Duration = Duration::from_secs(30);

/// How issuers are reached. Nothing of the environment is believed of a caller who came through sudo, and their endpoints
/// are confined as their servers are.
pub fn way(config: &Config) -> Way {
    let is_delegated = Process::current().is_delegated();
    Way {
        reach: if is_delegated { Reach::Public(config.allowed_hosts.clone()) } else { Reach::Anywhere },
        within: config.reply_timeout.min(WITHIN),
        by_proxy: !is_delegated,
    }
}

/// Where the tokens of an account come from.
pub fn source<'a>(
    client: &'a Client,
    account: &'a Account,
    config: &Config,
    place: &'a Place,
    way: &'a Way,
    at_once: bool,
) -> Source<'a> {
    let margin = config.max_runtime.max(SHORTEST);
    Source { client, account, place, way, margin, clock: &Timestamp::now, at_once }
}

impl Connector<'_> {
    /// Logs in with a token; one that the server refuses is renewed once, unless it came just now.
    pub(super) fn by_token<T>(&self, login: &Login<'_>, client: &Client, connect: &LogIn<'_, T>) -> Result<(T, Token)> {
        let way = way(self.config);
        let source = source(client, login.account, self.config, self.place, &way, self.at_once);
        let token = source.token(None)?;
        let with = |token: &Token| connect(Some(&login.credentials(token.access.clone())));
        let refused = match with(&token) {
            Ok(session) => return Ok((session, token)),
            Err(error) => error,
        };
        let is_worth_another = is_refused(&refused) && !token.is_fresh;
        let (refused, token) = match is_worth_another {
            false => (refused, token),
            true => {
                let renewed = source.token(Some(&token))?;
                match with(&renewed) {
                    Ok(session) => return Ok((session, renewed)),
                    Err(error) => (error, renewed),
                }
            }
        };
        Err(login.explained(refused, Some(client), token.user.as_deref()).into())
    }
}

/// Whether the server itself refused the login.
fn is_refused(error: &NetError) -> bool {
    error.kind == NetErrorKind::LoginRefused && error.message.starts_with("the server refused")
}

impl Login<'_> {
    /// An error of the server with what it means for this account.
    pub(super) fn explained(&self, error: NetError, client: Option<&Client>, user: Option<&str>) -> NetError {
        let of_rights = client.is_some() && refused::is_of_rights(&error.message);
        if !is_refused(&error) && !of_rights {
            return error;
        }
        let login = refused::Login {
            account: &self.account.name,
            address: &self.account.address,
            login: self.name,
            user,
            client,
            is_smtp: self.protocol == Protocol::Smtp,
        };
        let Some(said) = meaning(&error.message, &login) else { return error };
        let message = said.text.map_or_else(|| error.message.clone(), |text| format!("{text} ({})", error.message));
        NetError { hint: Some(said.hint), ..NetError::new(refused::KIND, message) }
    }
}
