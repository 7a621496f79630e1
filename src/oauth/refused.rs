//! What mail servers say when they refuse somebody whose password or token may well be good, and what to do then. The words
//! are the servers' own and are looked for in a table. Pure.

use super::client::Client;
use crate::config::oauth::{Flow, Provider};
use crate::net::NetErrorKind;

/// Which login was refused.
pub struct Login<'a> {
    /// Name of the account.
    pub account: &'a str,
    /// Address of the account.
    pub address: &'a str,
    /// The name that was presented.
    pub login: &'a str,
    /// Whose token it is, where a person signed in.
    pub user: Option<&'a str>,
    /// The client of the token; `None` = a password.
    pub client: Option<&'a Client>,
    /// At the SMTP server.
    pub is_smtp: bool,
}

impl<'a> Login<'a> {
    /// One that the SMTP server has taken, and that may not send as the account.
    pub fn of_sender(account: &'a str, address: &'a str, login: &'a str) -> Login<'a> {
        Login { account, address, login, user: None, client: None, is_smtp: true }
    }

    fn is_delegate(&self) -> bool {
        self.user.is_some_and(|user| !user.eq_ignore_ascii_case(self.login))
    }

    fn is_at_microsoft(&self) -> bool {
        self.client.is_some_and(|client| client.provider == Provider::M365)
    }

    fn signed_in(&self) -> &str {
        self.user.unwrap_or("the user who signed in")
    }
}

/// What is said instead of, or after, the server's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Instead of the server's words, which follow in parentheses.
    pub text: Option<String>,
    pub hint: String,
}

type Tell = fn(&Login<'_>) -> Option<Said>;

/// Parts of the words in lower case, all of which must be there, and what they mean. The first row that knows an answer wins.
const WORDS: &[(&[&str], Tell)] = &[
    (&["authenticated but not connected"], not_connected),
    (&["smtpclientauthentication is disabled"], smtp_is_off),
    (&["basic authentication is disabled"], passwords_are_off),
    (&["5.7.30"], passwords_are_off),
    (&["5.7.60"], may_not_send_as),
    (&["sendasdenied"], may_not_send_as),
    (&["application-specific password required"], app_password),
    (&["web login required"], app_password),
    (&["5.7.3 "], delegate),
];

/// What the words of a refused login mean; `None` = no more than they say.
pub fn meaning(words: &str, login: &Login<'_>) -> Option<Said> {
    let words = words.to_lowercase();
    let known = WORDS.iter().filter(|(parts, _)| parts.iter().all(|part| words.contains(part)));
    known.clone().find_map(|(_, tell)| tell(login)).or_else(|| refused_token(login))
}

/// Whether these words, after a good login, say that the login opens nothing.
pub fn is_of_rights(words: &str) -> bool {
    words.to_lowercase().contains("authenticated but not connected")
}

/// Whether a reply to a message says that this login may not send as this sender: an error of the account.
pub fn is_of_sender(words: &str) -> bool {
    let words = words.to_lowercase();
    ["5.7.60", "sendasdenied"].iter().any(|part| words.contains(part))
}

/// The kind of error that a refusal is; some servers tell it as a passing failure.
pub const KIND: NetErrorKind = NetErrorKind::LoginRefused;

fn quoted(hint: String) -> Option<Said> {
    Some(Said { text: None, hint })
}

fn not_connected(login: &Login<'_>) -> Option<Said> {
    let client = login.client?;
    match client.flow {
        Flow::App | Flow::ServiceAccount => refused_token(login),
        Flow::Code | Flow::Device => {
            let text = format!("signed in as {}, who may not open {}", login.signed_in(), login.login);
            Some(Said { text: Some(text), hint: full_access(login) })
        }
    }
}

fn smtp_is_off(login: &Login<'_>) -> Option<Said> {
    let who = if login.login.is_empty() { login.address } else { login.login };
    quoted(format!(
        "an administrator allows it: Set-CASMailbox -Identity {who} -SmtpClientAuthenticationDisabled $false"
    ))
}

fn passwords_are_off(login: &Login<'_>) -> Option<Said> {
    quoted(format!(
        "passwords no longer work here: espomail account edit {} --oauth PROFILE (man espomail-oauth)",
        login.account
    ))
}

fn may_not_send_as(login: &Login<'_>) -> Option<Said> {
    quoted(format!(
        "an administrator allows it: Add-RecipientPermission {} -Trustee {} -AccessRights SendAs",
        login.address,
        login.user.unwrap_or(login.login)
    ))
}

fn app_password(login: &Login<'_>) -> Option<Said> {
    quoted(format!(
        "make an app password and type it in: espomail account secret {0} --secret stdin; or sign in: espomail account edit {0} --oauth PROFILE",
        login.account
    ))
}

fn delegate(login: &Login<'_>) -> Option<Said> {
    let user = login.user.filter(|_| login.is_smtp && login.is_delegate())?;
    quoted(format!(
        "a shared mailbox sends as its delegate: espomail account edit {} --smtp-login {user}",
        login.account
    ))
}

fn full_access(login: &Login<'_>) -> String {
    format!("does {} have Full Access to {}? is IMAP on? (Get-CASMailbox {1})", login.signed_in(), login.login)
}

/// A token that was just renewed is refused: at Exchange that says nothing of the token.
fn refused_token(login: &Login<'_>) -> Option<Said> {
    let client = login.client?;
    let mailbox = login.login;
    if !login.is_at_microsoft() {
        let text = format!("the server refuses the token for {mailbox}, though it was just renewed");
        let hint = format!(
            "is {mailbox} the right login (espomail account edit {} --login NAME), and do the scopes allow IMAP and SMTP?",
            login.account
        );
        return Some(Said { text: Some(text), hint });
    }
    Some(match (client.flow, login.is_smtp) {
        (Flow::App | Flow::ServiceAccount, false) => Said {
            text: Some(format!("Exchange refuses the application for {mailbox}, though its token is good")),
            hint: format!(
                "1 New-ServicePrincipal with the object id of *Enterprise applications*, 2 Add-MailboxPermission -Identity {mailbox} -User … -AccessRights FullAccess, 3 admin consent for IMAP.AccessAsApp, 4 Get-CASMailbox {mailbox}: ImapEnabled; changes take up to an hour"
            ),
        },
        (Flow::App | Flow::ServiceAccount, true) => Said {
            text: Some(format!("Exchange refuses the application for {mailbox}, though its token is good")),
            hint: format!(
                "1 New-ServicePrincipal with the object id of *Enterprise applications*, 2 Add-RecipientPermission {mailbox} -Trustee … -AccessRights SendAs, 3 admin consent for SMTP.SendAsApp, 4 Get-CASMailbox {mailbox}: SmtpClientAuthenticationDisabled; changes take up to an hour"
            ),
        },
        (Flow::Code | Flow::Device, true) => Said {
            text: Some(format!("Exchange refuses {} for {mailbox}", login.signed_in())),
            hint: format!(
                "is SMTP allowed for {}? Set-CASMailbox -Identity {0} -SmtpClientAuthenticationDisabled $false",
                login.signed_in()
            ),
        },
        (Flow::Code | Flow::Device, false) => Said {
            text: Some(format!("Exchange refuses {} for {mailbox}", login.signed_in())),
            hint: full_access(login),
        },
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::tests::client;
    use super::*;

    /// Words, whose token, the flow, whether SMTP; then the text and part of the hint.
    type Row = (&'static str, Option<&'static str>, Option<Flow>, bool, Option<&'static str>, &'static str);

    #[test]
    fn words_of_servers_have_a_meaning() {
        let (app, code) = (Some(Flow::App), Some(Flow::Code));
        let bot = Some("bot@example.org");
        #[rustfmt::skip]
        let rows: &[Row] = &[
            ("AUTHENTICATE failed.", None, app, false, Some("Exchange refuses the application for support@example.org, though its token is good"),
             "1 New-ServicePrincipal with the object id of *Enterprise applications*, 2 Add-MailboxPermission -Identity support@example.org -User … -AccessRights FullAccess, 3 admin consent for IMAP.AccessAsApp, 4 Get-CASMailbox support@example.org: ImapEnabled; changes take up to an hour"),
            ("AUTHENTICATE failed.", bot, code, false, Some("Exchange refuses bot@example.org for support@example.org"),
             "does bot@example.org have Full Access to support@example.org? is IMAP on? (Get-CASMailbox support@example.org)"),
            ("User is authenticated but not connected.", bot, code, false, Some("signed in as bot@example.org, who may not open support@example.org"),
             "does bot@example.org have Full Access to support@example.org?"),
            ("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant", None, app, true, None,
             "Set-CASMailbox -Identity support@example.org -SmtpClientAuthenticationDisabled $false"),
            ("535 5.7.139 Authentication unsuccessful, basic authentication is disabled", None, None, true, None,
             "passwords no longer work here: espomail account edit support --oauth PROFILE"),
            ("550 5.7.30 Basic authentication is not supported for Client Submission", None, None, true, None, "passwords no longer work here"),
            ("535 5.7.3 Authentication unsuccessful", bot, code, true, None,
             "a shared mailbox sends as its delegate: espomail account edit support --smtp-login bot@example.org"),
            ("535 5.7.3 Authentication unsuccessful", Some("support@example.org"), code, true,
             Some("Exchange refuses support@example.org for support@example.org"), "is SMTP allowed for support@example.org?"),
            ("550 5.7.60 SMTP; Client does not have permissions to send as this sender", bot, code, true, None,
             "Add-RecipientPermission support@example.org -Trustee bot@example.org -AccessRights SendAs"),
            ("554 5.2.252 SendAsDenied; bot not allowed to send as support", bot, code, true, None, "Add-RecipientPermission"),
            ("[ALERT] Application-specific password required: https://support.google.com", None, None, false, None,
             "make an app password and type it in: espomail account secret support --secret stdin; or sign in: espomail account edit support --oauth PROFILE"),
            ("[WEBALERT https://accounts.google.com] Web login required.", None, None, false, None, "make an app password"),
        ];
        for (words, user, flow, is_smtp, text, hint) in rows {
            let client = flow.map(|flow| client(Provider::M365, flow));
            let (account, address) = ("support", "support@example.org");
            let login =
                Login { account, address, login: address, user: *user, client: client.as_ref(), is_smtp: *is_smtp };
            let said = meaning(words, &login).unwrap();
            assert_eq!(said.text.as_deref(), *text, "{words}");
            assert!(said.hint.contains(hint), "{words}: {}", said.hint);
        }
    }

    #[test]
    fn other_words_mean_what_they_say() {
        let plain = Login { account: "a", address: "a@x", login: "a@x", user: None, client: None, is_smtp: false };
        assert_eq!(meaning("Invalid credentials", &plain), None);
        assert_eq!(meaning("User is authenticated but not connected.", &plain), None);
        let other = client(Provider::Custom, Flow::Code);
        let said = meaning("no", &Login { client: Some(&other), ..plain }).unwrap();
        assert!(said.text.unwrap().contains("though it was just renewed"));
        assert!(is_of_rights("User is authenticated but not connected.") && !is_of_rights("no"));
        assert!(is_of_sender("550 5.7.60 x") && is_of_sender("SendAsDenied") && !is_of_sender("550 5.7.1 x"));
    }
}
