//! What is known of the servers of common providers: where they are, how they are protected, and how one logs in.

use super::TlsMode::{self, Implicit, StartTls};

/// A server of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    pub host: &'static str,
    pub port: u16,
    pub tls: TlsMode,
}

/// What the provider wants as the login name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginName {
    /// The whole address.
    Address,
    /// What stands before the @.
    LocalPart,
}

impl LoginName {
    /// The login name of an address.
    pub fn of(self, address: &str) -> &str {
        match self {
            LoginName::Address => address,
            LoginName::LocalPart => address.rsplit_once('@').map_or(address, |(local, _)| local),
        }
    }

    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            LoginName::Address => "address",
            LoginName::LocalPart => "local part",
        }
    }
}

/// What a provider is known for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    pub name: &'static str,
    pub imap: At,
    pub smtp: At,
    pub login: LoginName,
    pub smtp_login: LoginName,
    /// It takes an access token (XOAUTH2) and no password.
    pub only_tokens: bool,
    /// It keeps a copy of all that it sends.
    pub keeps_sent: bool,
    /// Its Authentication-Results fields bear no name.
    pub unnamed_verdicts: bool,
    /// Domains of its own addresses.
    pub domains: &'static [&'static str],
    /// How the names of its mail exchangers end.
    pub exchangers: &'static [&'static str],
    /// What the preset cannot know.
    pub hint: &'static str,
}

const fn at(host: &'static str, port: u16, tls: TlsMode) -> At {
    At { host, port, tls }
}

/// The usual shape: TLS from the first byte, the address as the login name, a password.
const fn usual(name: &'static str, imap: &'static str, smtp: &'static str) -> Preset {
    Preset {
        name,
        imap: at(imap, 993, Implicit),
        smtp: at(smtp, 465, Implicit),
        login: LoginName::Address,
        smtp_login: LoginName::Address,
        only_tokens: false,
        keeps_sent: false,
        unnamed_verdicts: false,
        domains: &[],
        exchangers: &[],
        hint: "",
    }
}

const APP_PASSWORD: &str = "make an app password in the settings of the account: the usual password is refused";
const SWITCH_ON: &str = "switch IMAP on in the settings of the web mail";
const TOKEN: &str = "no password is taken, only an access token: --oauth PROFILE, see espomail-oauth(7)";

/// Every preset in its order.
pub const PRESETS: &[Preset] = &[
    Preset {
        keeps_sent: true,
        domains: &["gmail.com", "googlemail.com"],
        exchangers: &["google.com", "googlemail.com"],
        hint: "make an app password (the account needs 2-step verification), or sign in with a token; copies of sent mail are kept by the server; poll INBOX, not [Gmail]/All Mail",
        ..usual("gmail", "imap.gmail.com", "smtp.gmail.com")
    },
    Preset {
        smtp: at("smtp.office365.com", 587, StartTls),
        only_tokens: true,
        keeps_sent: true,
        unnamed_verdicts: true,
        exchangers: &["mail.protection.outlook.com"],
        hint: TOKEN,
        ..usual("m365", "outlook.office365.com", "")
    },
    Preset {
        smtp: at("smtp-mail.outlook.com", 587, StartTls),
        only_tokens: true,
        domains: &["outlook.com", "hotmail.com", "live.com", "msn.com"],
        exchangers: &["olc.protection.outlook.com"],
        hint: TOKEN,
        ..usual("outlook", "outlook.office365.com", "")
    },
    Preset {
        smtp: at("smtp.mail.me.com", 587, StartTls),
        login: LoginName::LocalPart,
        domains: &["icloud.com", "me.com", "mac.com"],
        exchangers: &["mail.icloud.com"],
        hint: "make an app-specific password at account.apple.com: the usual password is refused",
        ..usual("icloud", "imap.mail.me.com", "")
    },
    Preset {
        domains: &["fastmail.com", "fastmail.fm"],
        exchangers: &["messagingengine.com"],
        hint: APP_PASSWORD,
        ..usual("fastmail", "imap.fastmail.com", "smtp.fastmail.com")
    },
    Preset {
        domains: &["yahoo.com", "ymail.com", "rocketmail.com"],
        exchangers: &["yahoodns.net"],
        hint: APP_PASSWORD,
        ..usual("yahoo", "imap.mail.yahoo.com", "smtp.mail.yahoo.com")
    },
    Preset { domains: &["aol.com"], hint: APP_PASSWORD, ..usual("aol", "imap.aol.com", "smtp.aol.com") },
    Preset { domains: &["gmx.com", "gmx.us"], hint: SWITCH_ON, ..usual("gmx", "imap.gmx.com", "mail.gmx.com") },
    Preset {
        domains: &["gmx.net", "gmx.de", "gmx.at", "gmx.ch"],
        exchangers: &["gmx.net"],
        hint: SWITCH_ON,
        ..usual("gmx.net", "imap.gmx.net", "mail.gmx.net")
    },
    Preset {
        smtp: at("smtp.web.de", 587, StartTls),
        login: LoginName::LocalPart,
        smtp_login: LoginName::LocalPart,
        domains: &["web.de"],
        exchangers: &["web.de"],
        hint: SWITCH_ON,
        ..usual("web.de", "imap.web.de", "")
    },
    Preset {
        domains: &["posteo.de", "posteo.net", "posteo.org"],
        exchangers: &["posteo.de"],
        ..usual("posteo", "posteo.de", "posteo.de")
    },
    Preset {
        domains: &["mailbox.org"],
        exchangers: &["mailbox.org"],
        ..usual("mailbox.org", "imap.mailbox.org", "smtp.mailbox.org")
    },
    zoho("zoho.com", "imap.zoho.com", "smtp.zoho.com", &["zoho.com", "zohomail.com"], &["zoho.com"]),
    zoho("zoho.eu", "imap.zoho.eu", "smtp.zoho.eu", &["zohomail.eu"], &["zoho.eu"]),
    zoho("zoho.in", "imap.zoho.in", "smtp.zoho.in", &["zohomail.in"], &["zoho.in"]),
    zoho("zoho.com.au", "imap.zoho.com.au", "smtp.zoho.com.au", &["zohomail.com.au"], &["zoho.com.au"]),
    zoho("zoho.jp", "imap.zoho.jp", "smtp.zoho.jp", &["zohomail.jp"], &["zoho.jp"]),
    zoho("zoho.ca", "imap.zohocloud.ca", "smtp.zohocloud.ca", &["zohomail.ca"], &["zohocloud.ca"]),
    Preset {
        imap: at("127.0.0.1", 1143, StartTls),
        smtp: at("127.0.0.1", 1025, StartTls),
        domains: &["proton.me", "protonmail.com", "pm.me"],
        exchangers: &["protonmail.ch"],
        hint: "Proton Mail Bridge must run on this machine: take the password that it shows, and its certificate with --ca or --pin",
        ..usual("proton-bridge", "", "")
    },
    Preset {
        domains: &["yandex.com", "yandex.ru", "ya.ru"],
        exchangers: &["yandex.net", "yandex.ru"],
        hint: APP_PASSWORD,
        ..usual("yandex", "imap.yandex.com", "smtp.yandex.com")
    },
    Preset {
        domains: &["mail.ru", "inbox.ru", "list.ru", "bk.ru"],
        exchangers: &["mail.ru"],
        hint: APP_PASSWORD,
        ..usual("mail.ru", "imap.mail.ru", "smtp.mail.ru")
    },
    Preset { exchangers: &["ovh.net"], ..usual("ovh", "ssl0.ovh.net", "ssl0.ovh.net") },
    Preset { exchangers: &["kundenserver.de"], ..usual("ionos", "imap.1und1.de", "smtp.1und1.de") },
    Preset { exchangers: &["one.com"], ..usual("one.com", "imap.one.com", "send.one.com") },
    Preset {
        domains: &["ik.me"],
        exchangers: &["infomaniak.ch"],
        ..usual("infomaniak", "mail.infomaniak.com", "mail.infomaniak.com")
    },
    Preset { exchangers: &["migadu.com"], ..usual("migadu", "imap.migadu.com", "smtp.migadu.com") },
    Preset {
        domains: &["purelymail.com"],
        exchangers: &["purelymail.com"],
        ..usual("purelymail", "imap.purelymail.com", "smtp.purelymail.com")
    },
    Preset { exchangers: &["rzone.de"], ..usual("strato", "imap.strato.de", "smtp.strato.de") },
    Preset {
        domains: &["t-online.de", "magenta.de"],
        exchangers: &["t-online.de"],
        hint: "make a password for mail programs in the settings of the account",
        ..usual("t-online", "secureimap.t-online.de", "securesmtp.t-online.de")
    },
    Preset { exchangers: &["gandi.net"], ..usual("gandi", "mail.gandi.net", "mail.gandi.net") },
    Preset {
        domains: &["orange.fr", "wanadoo.fr"],
        exchangers: &["orange.fr"],
        ..usual("orange", "imap.orange.fr", "smtp.orange.fr")
    },
    Preset { exchangers: &["your-server.de"], ..usual("hetzner", "mail.your-server.de", "mail.your-server.de") },
];

const fn zoho(
    name: &'static str,
    imap: &'static str,
    smtp: &'static str,
    domains: &'static [&'static str],
    exchangers: &'static [&'static str],
) -> Preset {
    let hint = "switch IMAP on in the settings of the web mail; with 2-step verification make an app password; a domain of your own may have imappro. and smtppro. instead";
    Preset { domains, exchangers, hint, ..usual(name, imap, smtp) }
}

impl Preset {
    /// By name, in any case.
    pub fn named(name: &str) -> Option<&'static Preset> {
        PRESETS.iter().find(|preset| preset.name.eq_ignore_ascii_case(name))
    }

    /// The provider of a domain's addresses.
    pub fn of_domain(domain: &str) -> Option<&'static Preset> {
        PRESETS.iter().find(|preset| preset.domains.iter().any(|own| own.eq_ignore_ascii_case(domain)))
    }

    /// The provider that a mail exchanger belongs to, by the most specific ending. A gateway in front hides it.
    pub fn of_exchanger(host: &str) -> Option<&'static Preset> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let ends = |end: &&str| host.strip_suffix(*end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        let all = PRESETS.iter().flat_map(|preset| preset.exchangers.iter().map(move |end| (preset, end)));
        all.filter(|(_, end)| ends(end)).max_by_key(|(_, end)| end.len()).map(|(preset, _)| preset)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn providers_are_known_by_their_domains_and_exchangers() {
        for (domain, name) in [
            ("gmail.com", "gmail"),
            ("GMX.DE", "gmx.net"),
            ("example.org", ""),
            ("notgmail.com", ""),
            ("me.com", "icloud"),
        ] {
            assert_eq!(Preset::of_domain(domain).map_or("", |preset| preset.name), name, "{domain}");
        }
        for (host, name) in [
            ("aspmx.l.google.com.", "gmail"),
            ("example-org.mail.protection.outlook.com", "m365"),
            ("outlook-com.olc.protection.outlook.com", "outlook"),
            ("mx00.kundenserver.de", "ionos"),
            ("in1-smtp.messagingengine.com", "fastmail"),
            ("mx.zoho.com", "zoho.com"),
            ("mx.zoho.eu", "zoho.eu"),
            ("evilgoogle.com", ""),
            ("google.com.evil.example", ""),
            ("mx.example.org", ""),
        ] {
            assert_eq!(Preset::of_exchanger(host).map_or("", |preset| preset.name), name, "{host}");
        }
    }

    #[test]
    fn no_provider_is_known_twice() {
        let mut keys: Vec<&str> =
            PRESETS.iter().flat_map(|p| p.domains.iter().chain([&p.name]).copied().collect::<Vec<_>>()).collect();
        keys.retain(|key| !PRESETS.iter().any(|p| p.name == *key && p.domains.contains(key)));
        let before = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), before);
        assert_eq!(Preset::named("GMail").unwrap().name, "gmail");
        assert_eq!(LoginName::LocalPart.of("ana@icloud.com"), "ana");
    }
}
