//! Which settings of an account fit together.

use super::{Account, Distribution, Tls};
use crate::error::{self, Fault};

/// Refuses an account that could not work.
pub fn check(account: &Account) -> Result<(), Fault> {
    let refuse = |text: &str, hint: &str| Err(error::usage(text).hint(hint));
    if account.address.is_empty() {
        return refuse("--address is missing", "give the address of the mailbox: --address support@example.org");
    }
    if account.imap.host.is_none() && account.smtp.host.is_none() {
        return refuse(
            "--imap is missing",
            "give the server: --imap imap.example.org (or only --smtp to send), or --preset, or --discover",
        );
    }
    for (field, server) in [("--tls", &account.imap), ("--smtp-tls", &account.smtp)] {
        if let Some(host) = server.host.as_ref().filter(|_| server.tls == Tls::None && !server.is_on_this_machine()) {
            return Err(error::usage(format!("{field}: none is for this machine only, not for {host}"))
                .hint("use implicit or starttls"));
        }
    }
    if account.imap.host.is_some() && account.imap.secret.is_empty() && account.imap.auth.takes_token() {
        return refuse(
            "--oauth is missing",
            "the login is by access token: --oauth PROFILE (espomail man oauth), or --token cmd:ARGV",
        );
    }
    if account.imap.host.is_some() && account.imap.secret.is_empty() {
        return refuse(
            "--secret is missing",
            "say where the password comes from: --secret file:PATH, cmd:ARGV, env:NAME or stdin",
        );
    }
    if account.cases.distribution != Distribution::None && !account.cases.create_case {
        return refuse("--distribution: there are no cases to distribute", "add --create-case");
    }
    if account.cases.distribution == Distribution::Direct && account.cases.assign_to_id.is_none() {
        return refuse("--assign-to is missing", "--distribution direct needs --assign-to USER");
    }
    if account.cases.distribution.is_by_team() && account.cases.case_team_id.is_none() {
        return refuse("--case-team is missing", "cases are distributed among the members of a team: --case-team TEAM");
    }
    if account.auto_reply.auto_reply_id.is_some() && account.smtp.host.is_none() {
        return refuse("--smtp is missing", "automatic replies need a server: --smtp smtp.example.org");
    }
    if account.sending.store_sent.is_some() && account.imap.host.is_none() {
        return refuse(
            "--store-sent: there is no mailbox to keep copies in",
            "give the server: --imap imap.example.org",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::store::accounts::{AccountKind, Auth, StoreSent};

    fn account(change: fn(&mut Account)) -> Account {
        let mut account = Account::new("support", AccountKind::Group, Timestamp::UNIX_EPOCH);
        account.address = "support@example.org".into();
        account.imap.host = Some("imap.example.org".into());
        account.imap.secret = "env:PASSWORD".into();
        change(&mut account);
        account
    }

    #[test]
    fn settings_that_do_not_fit_name_the_flag_that_is_missing() {
        type Change = fn(&mut Account);
        let rows: &[(Change, Option<&str>)] = &[
            (|_| {}, None),
            (|a| a.address.clear(), Some("--address")),
            (|a| a.imap.host = None, Some("--imap")),
            (|a| (a.imap.host, a.smtp.host) = (None, Some("smtp.example.org".into())), None),
            (|a| a.imap.tls = Tls::None, Some("--tls")),
            (|a| (a.imap.tls, a.imap.host) = (Tls::None, Some("localhost".into())), None),
            (|a| (a.smtp.tls, a.smtp.host) = (Tls::None, Some("192.0.2.1".into())), Some("--smtp-tls")),
            (|a| a.imap.secret.clear(), Some("--secret")),
            (|a| (a.imap.secret, a.imap.auth) = (String::new(), Auth::XOAuth2), Some("--oauth")),
            (|a| a.cases.distribution = Distribution::LeastBusy, Some("--distribution")),
            (|a| (a.cases.create_case, a.cases.distribution) = (true, Distribution::Direct), Some("--assign-to")),
            (|a| (a.cases.create_case, a.cases.distribution) = (true, Distribution::RoundRobin), Some("--case-team")),
            (|a| (a.cases.create_case, a.cases.distribution) = (true, Distribution::LeastBusy), Some("--case-team")),
            (|a| a.auto_reply.auto_reply_id = Some(1), Some("--smtp")),
            (
                |a| {
                    (a.imap.host, a.smtp.host) = (None, Some("smtp.example.org".into()));
                    a.sending.store_sent = Some(StoreSent::SpecialUse);
                },
                Some("--store-sent"),
            ),
        ];
        for (at, (change, flag)) in rows.iter().enumerate() {
            let refused = check(&account(*change)).err().map(|fault| fault.to_string());
            let named = refused.as_deref().and_then(|text| text.split([':', ' ']).next());
            assert_eq!(named, *flag, "row {at}: {refused:?}");
        }
    }
}
