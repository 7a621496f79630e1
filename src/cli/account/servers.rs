//! The servers of an account: where they are, how to log in, and what makes them trusted.

use anyhow::Result;
use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::listed::Listed;
use super::oauth::Given;
use super::presets;
use super::secret::{Typed, reference};
use crate::cli::context::Context;
use crate::error;
use crate::net::pin::Pin;
use crate::net::presets::Preset;
use crate::net::tls;
use crate::store::accounts::{Account, AccountKind, Auth, NO_PINS, Server, Tls};
use crate::ui::cell::{Cell, Column, head, unlisted};

/// Pins that a server may have: the keys of now and of later, twice.
const PINS_MAX: usize = 4;

#[derive(Debug, Args)]
#[group(skip)]
pub struct Flags {
    /// Take what is known of this provider for what is not given; see `account presets`
    #[arg(long, value_name = "PROVIDER", value_parser = presets::names(), ignore_case = true, hide_possible_values = true)]
    preset: Option<String>,
    /// IMAP server (port 993, with --tls starttls or none 143)
    #[arg(long, value_name = "HOST[:PORT]")]
    imap: Option<String>,
    /// SMTP server (port 587)
    #[arg(long, value_name = "HOST[:PORT]")]
    smtp: Option<String>,
    /// TLS of IMAP; none is for loopback only
    #[arg(long, value_name = "MODE")]
    tls: Option<Tls>,
    /// Login name (default: the address)
    #[arg(long, value_name = "NAME")]
    login: Option<String>,
    /// Where the password comes from: cmd:ARGV, file:PATH, env:NAME, cred:NAME or stdin; never the password itself
    #[arg(long, value_name = "SPEC")]
    secret: Option<String>,
    /// TLS of SMTP (default: implicit on port 465, as --tls on loopback, else starttls)
    #[arg(long, value_name = "MODE")]
    smtp_tls: Option<Tls>,
    /// Login name for SMTP (default: as IMAP)
    #[arg(long, value_name = "NAME")]
    smtp_login: Option<String>,
    /// Secret for SMTP (default: as IMAP)
    #[arg(long, value_name = "SPEC")]
    smtp_secret: Option<String>,
    /// How to log in to IMAP, and to SMTP without --smtp-auth; password takes what the server offers
    #[arg(long, value_name = "HOW")]
    auth: Option<Auth>,
    /// How to log in to SMTP (default: as IMAP)
    #[arg(long, value_name = "HOW")]
    smtp_auth: Option<Auth>,
    /// Command that prints an access token, as cmd:ARGV (for xoauth2 and oauthbearer)
    #[arg(long, value_name = "SPEC", conflicts_with = "secret")]
    token: Option<String>,
    /// PEM file with a certificate authority to trust
    #[arg(long, value_name = "FILE")]
    ca: Option<String>,
    /// Also require this public key (sha256:HEX), or trust this certificate alone (cert:HEX); repeatable
    #[arg(long = "pin", value_name = "PIN")]
    pins: Vec<String>,
    /// The same for SMTP (default: as IMAP); none = no pin
    #[arg(long = "smtp-pin", value_name = "PIN")]
    smtp_pins: Vec<String>,
}

impl Flags {
    /// Reads the secrets that are said to come by standard input.
    pub fn typed(&self, account: &str, ctx: &Context) -> Result<Typed> {
        Typed::ask(account, self.secret.as_deref().or(self.token.as_deref()), self.smtp_secret.as_deref(), ctx)
    }

    /// Whether any of them is given, and not to take a setting away.
    pub fn is_any_given(&self) -> bool {
        let names = [&self.imap, &self.smtp, &self.login, &self.secret, &self.smtp_login, &self.smtp_secret];
        let more = [&self.token, &self.ca, &self.preset];
        names.into_iter().chain(more).any(|given| given.as_ref().is_some_and(|given| !given.is_empty()))
            || self.pins.iter().chain(&self.smtp_pins).any(|pin| !pin.is_empty())
            || self.tls.is_some()
            || self.smtp_tls.is_some()
            || self.auth.is_some()
            || self.smtp_auth.is_some()
    }

    /// The ways to log in that are given.
    pub fn ways(&self) -> Given {
        Given { auth: self.auth, smtp_auth: self.smtp_auth.or(self.auth) }
    }

    /// Remembers of the servers that are named whether somebody did so through sudo.
    pub fn confine(&self, account: &mut Account, delegated: bool) {
        if self.imap.is_some() || self.preset.is_some() {
            account.imap.confined = delegated;
        }
        if self.smtp.is_some() || self.preset.is_some() {
            account.smtp.confined = delegated;
        }
    }

    /// Whether a server is named, or a provider.
    pub fn is_any_named(&self) -> bool {
        self.imap.is_some() || self.smtp.is_some() || self.preset.is_some()
    }

    /// The login name that is given.
    pub fn login(&self) -> Option<&str> {
        self.login.as_deref().filter(|login| !login.is_empty())
    }

    /// Whether it is said where the secret comes from.
    pub fn is_secret_given(&self) -> bool {
        self.secret.is_some() || self.token.is_some()
    }

    /// The preset that was named.
    pub fn preset(&self) -> Option<&'static Preset> {
        self.preset.as_deref().and_then(Preset::named)
    }

    pub fn apply(&self, account: &mut Account) -> Result<()> {
        if let Some(preset) = self.preset() {
            presets::apply(preset, account);
            // Another protection has another port.
            if let Some(tls) = self.tls.filter(|tls| *tls != account.imap.tls) {
                account.imap.port = if tls == Tls::Implicit { 993 } else { 143 };
            }
            if let Some(tls) = self.smtp_tls.filter(|tls| *tls != account.smtp.tls) {
                account.smtp.port = if tls == Tls::Implicit { 465 } else { 587 };
            }
        }
        account.imap.tls = self.tls.unwrap_or(account.imap.tls);
        if let Some(host) = &self.imap {
            let port = if account.imap.tls == Tls::Implicit { 993 } else { 143 };
            set_host("--imap", &mut account.imap, host, port)?;
        }
        if let Some(host) = &self.smtp {
            let before = account.smtp.host.is_some().then_some(account.smtp.tls);
            set_host("--smtp", &mut account.smtp, host, 587)?;
            let beside = account.imap.host.is_some() || self.tls.is_some();
            let usual = default_smtp_tls(&account.smtp, if beside { account.imap.tls } else { Tls::None });
            account.smtp.tls = kept_smtp_tls(before, account.smtp.port, usual);
        }
        account.smtp.tls = self.smtp_tls.unwrap_or(account.smtp.tls);
        account.imap.auth = self.auth.unwrap_or(account.imap.auth);
        account.smtp.auth = self.smtp_auth.or(self.auth).unwrap_or(account.smtp.auth);
        set_word(&mut account.imap.login, self.login.as_ref());
        set_word(&mut account.smtp.login, self.smtp_login.as_ref());
        for (flag, given) in [("--secret", &self.secret), ("--token", &self.token)] {
            if let Some(spec) = given {
                account.imap.secret = reference(flag, spec)?;
            }
        }
        if let Some(spec) = &self.smtp_secret {
            account.smtp.secret = reference("--smtp-secret", spec)?;
        }
        if let Some(ca) = &self.ca {
            account.trust.ca_file = if ca.is_empty() { None } else { Some(absolute(ca)?) };
        }
        account.imap.pins = pins("--pin", &self.pins, &account.imap.pins)?;
        account.smtp.pins = match self.smtp_pins.as_slice() {
            [none] if none == NO_PINS => none.clone(),
            given => pins("--smtp-pin", given, &account.smtp.pins)?,
        };
        Ok(())
    }
}

/// What lists show.
pub const LISTED: &[Column<Listed>] = &[
    Column::new("imap", head("IMAP").shrinking(), |one, _| server(&one.account.imap, one.is_manager)),
    Column::new("smtp", head("SMTP").shrinking().rank(7), |one, _| server(&one.account.smtp, one.is_manager)),
];

/// The other fields of IMAP.
pub const IMAP: &[Column<Listed>] = &[
    Column::new("login", unlisted().labelled(), |one, _| one.to_manager(&one.account.imap.login)),
    Column::new("secret", unlisted().labelled(), |one, _| one.to_manager(&one.account.imap.secret)),
    Column::new("auth", unlisted().labelled(), |one, _| Cell::text(one.account.imap.auth.as_str())),
    Column::new("ca", unlisted().labelled(), |one, _| Cell::opt_text(one.account.trust.ca_file.as_deref())),
    Column::new("pin", unlisted().labelled(), |one, _| words(&one.account.imap.pins)),
];

/// The other fields of SMTP.
pub const SMTP: &[Column<Listed>] = &[
    Column::new("smtp_login", unlisted().labelled(), |one, _| one.to_manager(&one.account.smtp.login)),
    Column::new("smtp_secret", unlisted().labelled(), |one, _| one.to_manager(&one.account.smtp.secret)),
    Column::new("smtp_auth", unlisted().labelled(), |one, _| Cell::text(one.account.smtp.auth.as_str())),
    Column::new("smtp_pin", unlisted().labelled(), |one, _| words(&one.account.smtp.pins)),
];

fn server(server: &Server, with_login: bool) -> Cell {
    let Some(host) = &server.host else { return Cell::none() };
    let login = with_login.then_some(&server.login);
    let json = json!({"host": host, "port": server.port, "tls": server.tls.as_str(), "login": login});
    Cell::object(json, &format!("{host}:{} {}", server.port, server.tls))
}

/// Refuses what is not the name of a server, with or without a port.
///
/// # Errors
/// Names the field.
pub fn check_host(field: &str, given: &str) -> Result<()> {
    let mut server = Account::new("", AccountKind::Group, Timestamp::UNIX_EPOCH).imap;
    set_host(field, &mut server, given, 993)
}

fn set_host(field: &str, server: &mut Server, given: &str, default_port: u16) -> Result<()> {
    if given.is_empty() {
        server.host = None;
        return Ok(());
    }
    let bad = || error::usage(format!("{field}: \"{given}\" is not HOST or HOST:PORT"));
    let (host, port) = match given.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None if given.matches(':').count() > 1 => (given, None),
        None => given.split_once(':').map_or((given, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map(str::parse::<u16>).transpose().map_err(|_| bad())?.unwrap_or(default_port);
    if host.is_empty() || port == 0 || host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/') {
        return Err(bad().into());
    }
    (server.host, server.port) = (Some(host.to_owned()), port);
    Ok(())
}

/// The protection that an account has holds for its next server, too, unless that port has another one.
fn kept_smtp_tls(before: Option<Tls>, port: u16, usual: Tls) -> Tls {
    match (before, port) {
        (Some(Tls::Implicit), 587) | (Some(_), 465) | (None, _) => usual,
        (Some(before), _) => before,
    }
}

fn default_smtp_tls(smtp: &Server, imap: Tls) -> Tls {
    match smtp.port {
        465 => Tls::Implicit,
        _ if smtp.is_on_this_machine() => imap,
        _ => Tls::StartTls,
    }
}

fn set_word(target: &mut String, given: Option<&String>) {
    if let Some(word) = given {
        target.clone_from(word);
    }
}

/// A readable file by its whole path: cron starts elsewhere.
fn absolute(file: &str) -> Result<String> {
    let cannot = |e: std::io::Error| error::file(format!("--ca: cannot read {file}"), &e);
    let path = std::path::absolute(file).map_err(cannot)?;
    std::fs::metadata(&path).map_err(cannot)?;
    tls::check_authorities(&path).map_err(|e| error::data(format!("--ca: {e}")).hint("name a file in PEM format"))?;
    Ok(path.display().to_string())
}

/// The pins of a server as they are kept; an empty one takes all away.
fn pins(flag: &str, given: &[String], old: &str) -> Result<String> {
    if given.is_empty() {
        return Ok(old.to_owned());
    }
    let read = |text: &String| text.parse::<Pin>().map_err(|e| error::usage(format!("{flag}: {e}")));
    let pins: Vec<Pin> = given.iter().filter(|text| !text.is_empty()).map(read).collect::<Result<_, _>>()?;
    let of_certificates = pins.iter().filter(|pin| pin.is_of_certificate()).count();
    if of_certificates > 0 && of_certificates < pins.len() {
        return Err(error::usage(format!("{flag}: sha256: and cert: do not go together"))
            .hint("sha256: requires a key besides a trusted authority; cert: trusts a certificate without one")
            .into());
    }
    if pins.len() > PINS_MAX {
        return Err(error::usage(format!("{flag}: a server has at most {PINS_MAX} pins"))
            .hint("two are usual: the present key and the next one")
            .into());
    }
    Ok(pins.iter().map(Pin::to_string).collect::<Vec<_>>().join(" "))
}

fn words(pins: &str) -> Cell {
    Cell::words(&pins.split_whitespace().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn hosts_with_and_without_port() {
        let rows = [
            ("imap.example.org", Some(("imap.example.org", 993))),
            ("imap.example.org:143", Some(("imap.example.org", 143))),
            ("[::1]:1143", Some(("::1", 1143))),
            ("::1", Some(("::1", 993))),
            ("host:", None),
            ("host:0", None),
            ("host:99999", None),
            (":143", None),
            ("a b", None),
            ("imaps://host", None),
        ];
        for (given, expected) in rows {
            let mut server = Account::new("x", AccountKind::Group, Timestamp::UNIX_EPOCH).imap;
            let got = set_host("--imap", &mut server, given, 993).ok().map(|()| (server.host.unwrap(), server.port));
            assert_eq!(got, expected.map(|(h, p): (&str, u16)| (h.to_owned(), p)), "{given}");
        }
    }

    #[test]
    fn smtp_is_protected_unless_it_is_on_this_machine() {
        let with = |host: &str, port| Server {
            host: Some(host.into()),
            port,
            ..Account::new("x", AccountKind::Group, Timestamp::UNIX_EPOCH).smtp
        };
        assert_eq!(default_smtp_tls(&with("smtp.example.org", 587), Tls::None), Tls::StartTls);
        assert_eq!(default_smtp_tls(&with("smtp.example.org", 465), Tls::None), Tls::Implicit);
        assert_eq!(default_smtp_tls(&with("127.0.0.1", 2525), Tls::None), Tls::None);
        for (before, port, usual, tls) in [
            (None, 2525, Tls::StartTls, Tls::StartTls),
            (Some(Tls::Implicit), 2465, Tls::StartTls, Tls::Implicit),
            (Some(Tls::None), 2525, Tls::StartTls, Tls::None),
            (Some(Tls::StartTls), 465, Tls::Implicit, Tls::Implicit),
            (Some(Tls::Implicit), 587, Tls::StartTls, Tls::StartTls),
        ] {
            assert_eq!(kept_smtp_tls(before, port, usual), tls, "{before:?} {port}");
        }
    }
}
