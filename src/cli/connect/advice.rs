//! What to type next where an account cannot connect: with its name and values, never a placeholder for what is known.

use std::path::PathBuf;

use crate::error::{self, Kind};
use crate::net::{NetError, NetErrorKind};
use crate::secret::SecretSpec;
use crate::store::accounts::{Account, Server, Tls};

/// Which of an account's servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Where mail is fetched.
    Imap,
    /// Where mail is handed over.
    Smtp,
}

impl Protocol {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Imap => "IMAP",
            Protocol::Smtp => "SMTP",
        }
    }

    /// The server itself.
    pub fn server(self, account: &Account) -> &Server {
        match self {
            Protocol::Imap => &account.imap,
            Protocol::Smtp => &account.smtp,
        }
    }
}

/// The next step after an error of a connection.
pub fn advice(account: &Account, protocol: Protocol, error: &anyhow::Error) -> Option<String> {
    match error.chain().find_map(|cause| cause.downcast_ref::<NetError>()) {
        Some(net) => {
            let known = || step(account, protocol, net.kind, net.fingerprint.as_deref());
            net.hint.clone().or_else(known).or_else(|| error::classify(error).1)
        }
        None => without_server(account, protocol, error),
    }
}

/// What does not even reach a server is the secret. A file can lack on one machine alone, and what is typed in counts for all.
fn without_server(account: &Account, protocol: Protocol, error: &anyhow::Error) -> Option<String> {
    let (kind, hint) = error::classify(error);
    let has_own = protocol == Protocol::Smtp && !account.smtp.secret.is_empty();
    if account.oauth().is_some() && !has_own {
        // It signs in with what the configuration names, which no command changes.
        return hint.or_else(|| (kind == Kind::Config).then(|| "which file to edit: espomail config path".to_owned()));
    }
    let typed = format!("espomail account secret {} --secret stdin", account.name);
    if let Some(file) = absent_file(account, protocol) {
        let file = file.display();
        return Some(format!("put the file {file} on this machine, with mode 600, or give another secret: {typed}"));
    }
    hint.or_else(|| (kind == Kind::Config).then(|| format!("type it in: {typed}")))
}

/// The file with the secret, where it is not there. SMTP takes that of IMAP unless it has its own.
fn absent_file(account: &Account, protocol: Protocol) -> Option<PathBuf> {
    let own = Some(&account.smtp.secret).filter(|own| protocol == Protocol::Smtp && !own.is_empty());
    match own.unwrap_or(&account.imap.secret).parse() {
        Ok(SecretSpec::File(file)) if matches!(file.try_exists(), Ok(false)) => Some(file),
        _ => None,
    }
}

fn step(account: &Account, protocol: Protocol, kind: NetErrorKind, fingerprint: Option<&str>) -> Option<String> {
    let (name, server) = (&account.name, protocol.server(account));
    let host = server.host.as_deref().unwrap_or("HOST");
    let flag = |imap: &'static str, smtp: &'static str| if protocol == Protocol::Imap { imap } else { smtp };
    let (to, tls, login) = (flag("--imap", "--smtp"), flag("--tls", "--smtp-tls"), flag("--login", "--smtp-login"));
    let ports = match protocol {
        Protocol::Imap => (993, 143),
        Protocol::Smtp => (465, 587),
    };
    Some(match kind {
        NetErrorKind::LoginRefused if account.oauth().is_some() => {
            format!("how the sign-in stands: espomail account auth {name} --status")
        }
        NetErrorKind::LoginRefused if server.auth.takes_token() => {
            format!("is the token still valid? another command for it: espomail account edit {name} --token cmd:ARGV")
        }
        NetErrorKind::LoginRefused => {
            // SMTP takes the login and secret of IMAP unless it has its own.
            let own = protocol == Protocol::Smtp && !account.smtp.secret.is_empty();
            let used = if protocol == Protocol::Smtp { account.smtp_login().0 } else { account.imap_login() };
            let password = match own {
                true => format!("espomail account edit {name} --smtp-secret file:PATH"),
                false => format!("espomail account secret {name} --secret stdin"),
            };
            format!(
                "another password: {password}; another login than {used}: espomail account edit {name} {login} LOGIN"
            )
        }
        NetErrorKind::Certificate => certificate(account, protocol, fingerprint),
        NetErrorKind::Tls if server.tls == Tls::Implicit => format!(
            "TLS after a greeting: espomail account edit {name} {tls} starttls {to} {host}:{}; or the port for TLS from the start: {to} {host}:{}",
            ports.1, ports.0
        ),
        NetErrorKind::Tls | NetErrorKind::Protocol | NetErrorKind::Closed | NetErrorKind::Timeout
            if server.tls != Tls::Implicit && (kind == NetErrorKind::Tls || is_for_tls(server.port)) =>
        {
            format!("TLS from the start: espomail account edit {name} {tls} implicit {to} {host}:{}", ports.0)
        }
        NetErrorKind::Unreachable => {
            format!("another server or port: espomail account edit {name} {to} HOST:PORT (now {host}:{})", server.port)
        }
        NetErrorKind::Setting => format!("name another file: espomail account edit {name} --ca FILE"),
        NetErrorKind::Folder => format!("see which there are: espomail account folders {name}"),
        _ => return None,
    })
}

/// What to do about a certificate that is not trusted. Those who come through sudo cannot name a file.
fn certificate(account: &Account, protocol: Protocol, seen: Option<&str>) -> String {
    let (name, server) = (&account.name, protocol.server(account));
    let pin = match protocol {
        Protocol::Smtp if account.imap.host.is_some() => "--smtp-pin",
        Protocol::Smtp | Protocol::Imap => "--pin",
    };
    let authority = if server.confined { "" } else { "; or trust its authority: --ca FILE" };
    match seen {
        Some(key) if key.starts_with("sha256:") => {
            format!("if the server has a new key: espomail account edit {name} {pin} {key}")
        }
        Some(seen) => format!(
            "if that is the server's certificate, trust it alone: espomail account edit {name} {pin} {seen}{authority}"
        ),
        None => format!("trust its authority: espomail account edit {name} --ca FILE"),
    }
}

fn is_for_tls(port: u16) -> bool {
    matches!(port, 993 | 465)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::accounts::{AccountKind, Auth};

    #[test]
    fn the_next_step_names_the_account_and_its_values() {
        let account = |change: fn(&mut Account)| {
            let mut account = Account::new("support", AccountKind::Group, jiff::Timestamp::UNIX_EPOCH);
            account.address = "support@desk.example".into();
            account.imap.host = Some("mx.example".into());
            (account.imap.port, account.imap.tls) = (993, Tls::Implicit);
            account.smtp.host = Some("mx.example".into());
            (account.smtp.port, account.smtp.tls) = (587, Tls::StartTls);
            change(&mut account);
            account
        };
        let plain = account(|_| {});
        let (imap, smtp) = (Protocol::Imap, Protocol::Smtp);
        type Row = (Account, Protocol, NetErrorKind, Option<&'static str>, Option<&'static str>);
        let rows: Vec<Row> = vec![
            (
                plain.clone(),
                imap,
                NetErrorKind::LoginRefused,
                None,
                Some(
                    "another password: espomail account secret support --secret stdin; another login than support@desk.example: espomail account edit support --login LOGIN",
                ),
            ),
            (
                account(|a| a.smtp.secret = "file:/x".into()),
                smtp,
                NetErrorKind::LoginRefused,
                None,
                Some("espomail account edit support --smtp-secret file:PATH"),
            ),
            (
                account(|a| a.imap.auth = Auth::XOAuth2),
                imap,
                NetErrorKind::LoginRefused,
                None,
                Some("espomail account edit support --token cmd:ARGV"),
            ),
            (
                plain.clone(),
                imap,
                NetErrorKind::Certificate,
                Some("cert:ab12"),
                Some("espomail account edit support --pin cert:ab12; or trust its authority: --ca FILE"),
            ),
            (
                account(|a| a.smtp.confined = true),
                smtp,
                NetErrorKind::Certificate,
                Some("cert:ab12"),
                Some("trust it alone: espomail account edit support --smtp-pin cert:ab12"),
            ),
            (
                account(|a| a.imap.host = None),
                smtp,
                NetErrorKind::Certificate,
                Some("sha256:ab12"),
                Some("if the server has a new key: espomail account edit support --pin sha256:ab12"),
            ),
            (plain.clone(), imap, NetErrorKind::Certificate, None, Some("espomail account edit support --ca FILE")),
            (
                plain.clone(),
                imap,
                NetErrorKind::Tls,
                None,
                Some(
                    "espomail account edit support --tls starttls --imap mx.example:143; or the port for TLS from the start: --imap mx.example:993",
                ),
            ),
            (
                plain.clone(),
                smtp,
                NetErrorKind::Tls,
                None,
                Some("espomail account edit support --smtp-tls implicit --smtp mx.example:465"),
            ),
            (account(|a| a.smtp.port = 465), smtp, NetErrorKind::Timeout, None, Some("--smtp-tls implicit")),
            (plain.clone(), smtp, NetErrorKind::Timeout, None, None),
            (
                plain.clone(),
                imap,
                NetErrorKind::Unreachable,
                None,
                Some("espomail account edit support --imap HOST:PORT (now mx.example:993)"),
            ),
            (plain.clone(), imap, NetErrorKind::Folder, None, Some("espomail account folders support")),
            (plain, imap, NetErrorKind::Temporary, None, None),
        ];
        for (account, protocol, kind, fingerprint, expected) in rows {
            let said = step(&account, protocol, kind, fingerprint);
            let is_right = match expected {
                Some(part) => said.as_deref().is_some_and(|said| said.contains(part)),
                None => said.is_none(),
            };
            assert!(is_right, "{protocol:?} {kind:?}: {said:?}");
        }
    }

    #[test]
    fn a_file_that_lacks_is_put_on_this_machine_and_the_secret_of_all_others_stays() {
        let mut account = Account::new("support", AccountKind::Group, jiff::Timestamp::UNIX_EPOCH);
        let error = anyhow::Error::from(error::config("secret file /no/such: no such file or directory"));
        let file = "put the file /no/such on this machine, with mode 600";
        for (imap, smtp, protocol, expected) in [
            ("file:/no/such", "", Protocol::Imap, file),
            ("file:/no/such", "", Protocol::Smtp, file),
            ("stdin", "file:/no/such", Protocol::Smtp, file),
            ("stdin", "file:/no/such", Protocol::Imap, "type it in: espomail account secret support --secret stdin"),
            ("file:/dev/null", "", Protocol::Imap, "type it in: "),
        ] {
            (account.imap.secret, account.smtp.secret) = (imap.to_owned(), smtp.to_owned());
            let said = advice(&account, protocol, &error).unwrap_or_default();
            assert!(said.starts_with(expected), "{imap} {smtp} {protocol:?}: {said}");
        }
        // What the profile of the account lacks is not typed in for the account.
        account.set_oauth("work");
        for error in [error::config("client_secret of [oauth.work]: x"), error::config("x").hint("install it")] {
            let own = error.hint.clone();
            let said = advice(&account, Protocol::Imap, &error.into()).unwrap_or_default();
            assert_eq!(said, own.as_deref().unwrap_or("which file to edit: espomail config path"));
        }
    }
}
