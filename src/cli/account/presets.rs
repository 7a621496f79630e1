//! `--preset` and `account presets`: the servers of common providers.

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use serde_json::json;

use crate::cli::context::Context;
use crate::net::TlsMode;
use crate::net::presets::{At, LoginName, PRESETS, Preset};
use crate::store::accounts::{Account, Auth, Tls};
use crate::ui::cell::{Cell, Column, head, unlisted};

/// Fields of presets in their order.
pub const COLUMNS: &[Column<Preset>] = &[
    Column::new("name", head("PRESET"), |preset, _| Cell::text(preset.name)),
    Column::new("imap", head("IMAP"), |preset, _| server(&preset.imap, preset.login)),
    Column::new("smtp", unlisted(), |preset, _| server(&preset.smtp, preset.smtp_login)),
    Column::new("login", unlisted(), |preset, _| Cell::text(preset.login.as_str())),
    Column::new("auth", unlisted(), |preset, _| Cell::text(auth(preset).as_str())),
    Column::new("hint", head("NOTES").shrinking(), |preset, _| Cell::text(preset.hint)),
];

fn server(at: &At, login: LoginName) -> Cell {
    let tls = tls_of(at.tls);
    let json = json!({"host": at.host, "port": at.port, "tls": tls.as_str(), "login": login.as_str()});
    Cell::object(json, &format!("{}:{} {tls}", at.host, at.port))
}

/// How an account keeps a protection.
pub fn tls_of(mode: TlsMode) -> Tls {
    match mode {
        TlsMode::Implicit => Tls::Implicit,
        TlsMode::StartTls => Tls::StartTls,
        TlsMode::None => Tls::None,
    }
}

fn auth(preset: &Preset) -> Auth {
    if preset.only_tokens { Auth::XOAuth2 } else { Auth::Password }
}

/// The names that `--preset` takes.
pub fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(PRESETS.iter().map(|preset| preset.name))
}

/// Gives an account all that the provider is known for; what is given besides comes after it.
pub fn apply(preset: &Preset, account: &mut Account) {
    for (server, at) in [(&mut account.imap, &preset.imap), (&mut account.smtp, &preset.smtp)] {
        (server.host, server.port, server.tls) = (Some(at.host.to_owned()), at.port, tls_of(at.tls));
        server.auth = auth(preset);
    }
    account.imap.login = preset.login.of(&account.address).to_owned();
    account.smtp.login = preset.smtp_login.of(&account.address).to_owned();
    if preset.keeps_sent {
        account.sending.store_sent = None;
    }
    if preset.unnamed_verdicts {
        account.fetching.authserv_id = Some("none".to_owned());
    }
}

/// `account presets`.
pub fn list(ctx: &Context) -> Result<()> {
    ctx.ui.list("presets", COLUMNS, PRESETS)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;
    use crate::cli::account::servers::Flags;
    use crate::store::accounts::{AccountKind, StoreSent};

    #[derive(Debug, Parser)]
    struct Typed {
        #[command(flatten)]
        flags: Flags,
    }

    /// What these flags make of an account with this address, in one line.
    fn made(flags: &str) -> String {
        let mut account = Account::new("support", AccountKind::Group, jiff::Timestamp::UNIX_EPOCH);
        account.address = "ana@desk.example".into();
        account.sending.store_sent = Some(StoreSent::SpecialUse);
        Typed::parse_from(format!("add {flags}").split_whitespace()).flags.apply(&mut account).unwrap();
        let server = |server: &crate::store::accounts::Server| {
            let host = server.host.as_deref().unwrap_or("-");
            format!("{host}:{} {} {} {}", server.port, server.tls, server.login, server.auth)
        };
        let verdicts = account.fetching.authserv_id.as_deref().unwrap_or("-");
        let copies = if account.sending.store_sent.is_some() { "" } else { " no copies" };
        format!("{} | {} | {verdicts}{copies}", server(&account.imap), server(&account.smtp))
    }

    /// C13: each row gives these values.
    #[test]
    fn each_preset_is_what_its_provider_says() {
        let whole = "ana@desk.example";
        let usual = |imap: &str, smtp: &str| {
            format!("{imap}:993 implicit {whole} password | {smtp}:465 implicit {whole} password | -")
        };
        let exchange = |smtp: &str, verdicts: &str| {
            format!(
                "outlook.office365.com:993 implicit {whole} xoauth2 | {smtp}:587 starttls {whole} xoauth2 | {verdicts}"
            )
        };
        let rows = [
            ("gmail", usual("imap.gmail.com", "smtp.gmail.com") + " no copies"),
            ("m365", exchange("smtp.office365.com", "none no copies")),
            ("outlook", exchange("smtp-mail.outlook.com", "-")),
            (
                "icloud",
                format!(
                    "imap.mail.me.com:993 implicit ana password | smtp.mail.me.com:587 starttls {whole} password | -"
                ),
            ),
            ("fastmail", usual("imap.fastmail.com", "smtp.fastmail.com")),
            ("yahoo", usual("imap.mail.yahoo.com", "smtp.mail.yahoo.com")),
            ("aol", usual("imap.aol.com", "smtp.aol.com")),
            ("gmx", usual("imap.gmx.com", "mail.gmx.com")),
            ("gmx.net", usual("imap.gmx.net", "mail.gmx.net")),
            ("web.de", "imap.web.de:993 implicit ana password | smtp.web.de:587 starttls ana password | -".to_owned()),
            ("posteo", usual("posteo.de", "posteo.de")),
            ("mailbox.org", usual("imap.mailbox.org", "smtp.mailbox.org")),
            ("zoho.com", usual("imap.zoho.com", "smtp.zoho.com")),
            ("zoho.eu", usual("imap.zoho.eu", "smtp.zoho.eu")),
            ("zoho.in", usual("imap.zoho.in", "smtp.zoho.in")),
            ("zoho.com.au", usual("imap.zoho.com.au", "smtp.zoho.com.au")),
            ("zoho.jp", usual("imap.zoho.jp", "smtp.zoho.jp")),
            ("zoho.ca", usual("imap.zohocloud.ca", "smtp.zohocloud.ca")),
            (
                "proton-bridge",
                format!("127.0.0.1:1143 starttls {whole} password | 127.0.0.1:1025 starttls {whole} password | -"),
            ),
            ("yandex", usual("imap.yandex.com", "smtp.yandex.com")),
            ("mail.ru", usual("imap.mail.ru", "smtp.mail.ru")),
            ("ovh", usual("ssl0.ovh.net", "ssl0.ovh.net")),
            ("ionos", usual("imap.1und1.de", "smtp.1und1.de")),
            ("one.com", usual("imap.one.com", "send.one.com")),
            ("infomaniak", usual("mail.infomaniak.com", "mail.infomaniak.com")),
            ("migadu", usual("imap.migadu.com", "smtp.migadu.com")),
            ("purelymail", usual("imap.purelymail.com", "smtp.purelymail.com")),
            ("strato", usual("imap.strato.de", "smtp.strato.de")),
            ("t-online", usual("secureimap.t-online.de", "securesmtp.t-online.de")),
            ("gandi", usual("mail.gandi.net", "mail.gandi.net")),
            ("orange", usual("imap.orange.fr", "smtp.orange.fr")),
            ("hetzner", usual("mail.your-server.de", "mail.your-server.de")),
        ];
        for (name, values) in &rows {
            assert_eq!(made(&format!("--preset {name}")), *values, "{name}");
        }
        assert_eq!(rows.map(|(name, _)| name).as_slice(), PRESETS.iter().map(|p| p.name).collect::<Vec<_>>());
    }

    #[test]
    fn a_preset_leaves_alone_what_is_given() {
        for (flags, values) in [
            ("--imap mx.example:1993", "mx.example:1993 implicit ana password"),
            ("--tls starttls", "imap.mail.me.com:143 starttls ana password"),
            ("--login other", "imap.mail.me.com:993 implicit other password"),
            ("--auth plain", "imap.mail.me.com:993 implicit ana plain"),
            ("--smtp mx.example", "| mx.example:587 starttls ana@desk.example password"),
            ("--smtp mx.example:465", "| mx.example:465 implicit ana@desk.example password"),
            ("--smtp-tls implicit", "| smtp.mail.me.com:465 implicit ana@desk.example"),
            ("--smtp-login other", "| smtp.mail.me.com:587 starttls other password"),
            ("--smtp-auth login", "| smtp.mail.me.com:587 starttls ana@desk.example login"),
        ] {
            let made = made(&format!("--preset icloud {flags}"));
            assert!(made.contains(values), "{flags}: {made}");
        }
    }
}
