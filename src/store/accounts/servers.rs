//! The servers of an account, and what makes them trusted.

use std::net::IpAddr;

use anyhow::Result;

use super::setting::{Bound, Setting, settings};
use super::{Auth, Tls};
use crate::store::db::Row;

/// A server of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Host; `None` = the account does not use this protocol.
    pub host: Option<String>,
    pub port: u16,
    /// Protection.
    pub tls: Tls,
    /// Login name; empty for SMTP = as IMAP.
    pub login: String,
    /// Reference to the secret, see `secret.rs`; empty for SMTP = as IMAP.
    pub secret: String,
    /// Mechanism.
    pub auth: Auth,
    /// What it must show, as words with a space between them: `sha256:HEX` or `cert:HEX`; empty for SMTP = as IMAP, `none` =
    /// nothing, also if IMAP has some.
    pub pins: String,
    /// Named by somebody who came through sudo, so that it must be reached at a public address.
    pub confined: bool,
}

/// The columns of a server, one for each field.
pub(super) struct Names {
    host: &'static str,
    port: &'static str,
    tls: &'static str,
    login: &'static str,
    secret: &'static str,
    auth: &'static str,
    pins: &'static str,
    confined: &'static str,
}

macro_rules! names {
    ($prefix:literal) => {
        Names {
            host: concat!($prefix, "_host"),
            port: concat!($prefix, "_port"),
            tls: concat!($prefix, "_tls"),
            login: concat!($prefix, "_login"),
            secret: concat!($prefix, "_secret"),
            auth: concat!($prefix, "_auth"),
            pins: concat!($prefix, "_pins"),
            confined: concat!($prefix, "_confined"),
        }
    };
}

pub(super) const IMAP: Names = names!("imap");
pub(super) const SMTP: Names = names!("smtp");

impl Server {
    /// None yet; `port` and `tls` are the usual ones of the protocol.
    pub(super) fn none(port: u16, tls: Tls) -> Server {
        Server {
            host: None,
            port,
            tls,
            login: String::new(),
            secret: String::new(),
            auth: Auth::Password,
            pins: String::new(),
            confined: false,
        }
    }

    /// Whether its name means this machine; what the name leads to is checked again on every connection.
    pub fn is_on_this_machine(&self) -> bool {
        self.host.as_deref().is_some_and(|host| {
            let is_ip = host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback());
            is_ip || host.eq_ignore_ascii_case("localhost")
        })
    }

    pub(super) fn read(row: &Row<'_>, names: &Names) -> Result<Server> {
        Ok(Server {
            host: row.get(names.host)?,
            port: row.get(names.port)?,
            tls: row.label(names.tls)?,
            login: row.get(names.login)?,
            secret: row.get(names.secret)?,
            auth: row.label(names.auth)?,
            pins: row.get(names.pins)?,
            confined: row.get(names.confined)?,
        })
    }

    pub(super) fn bind(&self, names: &Names) -> Result<Bound> {
        Ok(vec![
            (names.host, self.host.value()?),
            (names.port, self.port.value()?),
            (names.tls, self.tls.value()?),
            (names.login, self.login.value()?),
            (names.secret, self.secret.value()?),
            (names.auth, self.auth.value()?),
            (names.pins, self.pins.value()?),
            (names.confined, self.confined.value()?),
        ])
    }
}

settings! {
    /// Which authorities the servers of an account may have.
    |_kind, _now| pub struct Trust {
        /// Certificate authority (PEM file).
        ca_file: Option<String> = None,
    }
}
