//! What `init` makes besides the database, by flags: an administrator, a mailbox, who gets its cases. The guide fills the same
//! flags, so that both make the same database. Flags of the mailbox are those of `account add`, which reads them.

use anyhow::Result;
use clap::Args;

use crate::cli::account::{cases, presets};
use crate::error;
use crate::net::discover::{Candidate, Found};
use crate::net::presets::LoginName;
use crate::store::accounts::{Distribution, Tls};

/// `init`
#[derive(Debug, Clone, Default, Args)]
pub struct InitArgs {
    /// Add an administrator with this username
    #[arg(long, value_name = "USER", help_heading = "The first administrator")]
    pub admin: Option<String>,
    /// Display name of the administrator
    #[arg(long, value_name = "NAME", requires = "admin", help_heading = "The first administrator")]
    pub admin_name: Option<String>,
    /// E-mail address of the administrator
    #[arg(long, value_name = "ADDRESS", requires = "admin", help_heading = "The first administrator")]
    pub admin_email: Option<String>,
    /// Operating-system name of the administrator (default: the username)
    #[arg(long, value_name = "OSUSER", requires = "admin", help_heading = "The first administrator")]
    pub admin_login: Option<String>,
    /// Add a group account for the mailbox of this address
    #[arg(long, value_name = "ADDRESS", help_heading = "The first mailbox")]
    pub address: Option<String>,
    /// Name of the account (default: the address up to the @)
    #[arg(long, value_name = "NAME", requires = "address", help_heading = "The first mailbox")]
    pub account: Option<String>,
    /// Take what is known of this provider for what is not given; see `account presets`
    #[arg(long, value_name = "PROVIDER", requires = "address", value_parser = presets::names(), ignore_case = true, hide_possible_values = true, help_heading = "The first mailbox")]
    pub preset: Option<String>,
    /// IMAP server (port 993, with --tls starttls or none 143; default: found by the address)
    #[arg(long, value_name = "HOST[:PORT]", requires = "address", help_heading = "The first mailbox")]
    pub imap: Option<String>,
    /// TLS of IMAP; none is for loopback only
    #[arg(long, value_name = "MODE", requires = "address", help_heading = "The first mailbox")]
    pub tls: Option<Tls>,
    /// SMTP server (port 587); none = the account only fetches
    #[arg(long, value_name = "HOST[:PORT]", requires = "address", help_heading = "The first mailbox")]
    pub smtp: Option<String>,
    /// TLS of SMTP (default: implicit on port 465, as --tls on loopback, else starttls)
    #[arg(long, value_name = "MODE", requires = "address", help_heading = "The first mailbox")]
    pub smtp_tls: Option<Tls>,
    /// Login name (default: the address)
    #[arg(long, value_name = "NAME", requires = "address", help_heading = "The first mailbox")]
    pub login: Option<String>,
    /// Login name for SMTP (default: as IMAP)
    #[arg(long, value_name = "NAME", requires = "address", help_heading = "The first mailbox")]
    pub smtp_login: Option<String>,
    /// Where the password comes from: cmd:ARGV, file:PATH, env:NAME, cred:NAME or stdin; never the password itself
    #[arg(long, value_name = "SPEC", requires = "address", help_heading = "The first mailbox")]
    pub secret: Option<String>,
    /// Sign in with access tokens: name of a profile of the configuration
    #[arg(
        long,
        value_name = "PROFILE",
        requires = "address",
        conflicts_with = "secret",
        help_heading = "The first mailbox"
    )]
    pub oauth: Option<String>,
    /// PEM file with a certificate authority to trust
    #[arg(long, value_name = "FILE", requires = "address", help_heading = "The first mailbox")]
    pub ca: Option<String>,
    /// Also require this public key (sha256:HEX), or trust this certificate alone (cert:HEX); repeatable
    #[arg(long, value_name = "PIN", requires = "address", help_heading = "The first mailbox")]
    pub pin: Vec<String>,
    /// The same for SMTP (default: as IMAP); none = no pin
    #[arg(long, value_name = "PIN", requires = "address", help_heading = "The first mailbox")]
    pub smtp_pin: Vec<String>,
    /// Folder to fetch from (default: INBOX)
    #[arg(long, value_name = "FOLDER", requires = "address", help_heading = "The first mailbox")]
    pub folder: Vec<String>,
    /// Leave mail that arrived before this date or time alone; all = fetch all mail (default: now)
    #[arg(long, value_name = "DATE", requires = "address", help_heading = "The first mailbox")]
    pub since: Option<String>,
    /// Keep the account without trying its servers
    #[arg(long, requires = "address", help_heading = "The first mailbox")]
    pub no_test: bool,
    /// Fetch when everything is there, and show what came
    #[arg(long, requires = "address", help_heading = "The first mailbox")]
    pub fetch: bool,
    /// Open a case for the first mail of a thread
    #[arg(long, requires = "address", help_heading = "Cases")]
    pub create_case: bool,
    /// Add a team with this name, and the administrator to it, for the cases
    #[arg(long, value_name = "TEAM", requires = "create_case", help_heading = "Cases")]
    pub case_team: Option<String>,
    /// How cases find their assignee
    #[arg(long, value_name = "HOW", requires = "create_case", value_parser = cases::distribution(), help_heading = "Cases")]
    pub distribution: Option<Distribution>,
    /// User who gets the cases of --distribution direct (default: the administrator)
    #[arg(long, value_name = "USER", requires = "create_case", help_heading = "Cases")]
    pub assign_to: Option<String>,
    /// Add a template with this name, and send it as an automatic reply
    #[arg(long, value_name = "TEMPLATE", requires = "create_case", help_heading = "Cases")]
    pub auto_reply: Option<String>,
    /// Text of the automatic reply (default: a greeting with the number of the case)
    #[arg(long, value_name = "TEXT", requires = "auto_reply", help_heading = "Cases")]
    pub auto_reply_text: Option<String>,
}

/// A flag, and its value if it has one.
pub type Flag = (&'static str, Option<String>);

impl InitArgs {
    /// Whether nothing but the database is asked for.
    pub fn is_empty(&self) -> bool {
        self.admin.is_none() && self.address.is_none()
    }

    /// Whether a server is named, or a provider.
    pub fn is_any_named(&self) -> bool {
        self.imap.is_some() || self.smtp.is_some() || self.preset.is_some()
    }

    /// Without a mailbox.
    pub fn without_mailbox(&self) -> InitArgs {
        let InitArgs { admin, admin_name, admin_email, admin_login, .. } = self.clone();
        InitArgs { admin, admin_name, admin_email, admin_login, ..InitArgs::default() }
    }

    /// The name of the account.
    pub fn account_name(&self) -> String {
        self.account.clone().unwrap_or_else(|| {
            let local = self.address.as_deref().unwrap_or_default().split(['@', '+']).next().unwrap_or_default();
            let is_plain = |c: &char| c.is_alphanumeric() || "._-".contains(*c);
            let name: String = local.chars().filter(is_plain).take(100).collect();
            let name = name.trim_start_matches('-');
            if name.is_empty() { "mail".to_owned() } else { name.to_owned() }
        })
    }

    /// The user who gets the cases of `--distribution direct`.
    pub fn assignee(&self) -> Option<&String> {
        let usual = self.admin.as_ref().filter(|_| self.distribution == Some(Distribution::Direct));
        self.assign_to.as_ref().or(usual)
    }

    /// Reads `--smtp none`, which names nothing; whether it was given.
    ///
    /// # Errors
    /// A provider brings its own.
    pub fn leave_smtp_out(&mut self) -> Result<bool> {
        if !self.smtp.as_deref().is_some_and(|smtp| smtp.eq_ignore_ascii_case("none")) {
            return Ok(false);
        }
        let other = [("--preset", self.preset.is_some()), ("--smtp-tls", self.smtp_tls.is_some())];
        if let Some((flag, _)) = other.iter().find(|(_, is_given)| *is_given) {
            let hint = format!("leave {flag} out");
            return Err(error::usage(format!("--smtp: none cannot be used with {flag}")).hint(hint).into());
        }
        self.smtp = None;
        Ok(true)
    }

    /// Names the servers that were found.
    pub fn take(&mut self, found: &Found, address: &str, with_smtp: bool) {
        if let Some(preset) = found.preset.filter(|_| with_smtp) {
            self.preset = Some(preset.name.to_owned());
            return;
        }
        let place = |one: &Candidate| Some(format!("{}:{}", one.host, one.port));
        (self.imap, self.tls) = (place(&found.imap), Some(presets::tls_of(found.imap.tls)));
        let of_imap = self.login.as_deref().unwrap_or(&found.imap.login);
        if let Some(smtp) = found.smtp.as_ref().filter(|_| with_smtp) {
            (self.smtp, self.smtp_tls) = (place(smtp), Some(presets::tls_of(smtp.tls)));
            self.smtp_login = Some(smtp.login.clone()).filter(|login| login != of_imap);
        }
        let usual = LoginName::Address.of(address);
        self.login = Some(of_imap.to_owned()).filter(|login| login != usual);
    }

    /// The flags as they are typed; `of_account` = those that `account add` takes.
    pub fn flags(&self, of_account: bool) -> Vec<Flag> {
        let label = |mode: Option<Tls>| mode.map(|mode| mode.as_str().to_owned());
        let own = [
            ("--admin", self.admin.clone()),
            ("--admin-name", self.admin_name.clone()),
            ("--admin-email", self.admin_email.clone()),
            ("--admin-login", self.admin_login.clone()),
        ];
        let server = [
            ("--address", self.address.clone()),
            ("--preset", self.preset.clone()),
            ("--imap", self.imap.clone()),
            ("--tls", label(self.tls)),
            ("--smtp", self.smtp.clone()),
            ("--smtp-tls", label(self.smtp_tls)),
            ("--login", self.login.clone()),
            ("--smtp-login", self.smtp_login.clone()),
            ("--secret", self.secret.clone()),
            ("--oauth", self.oauth.clone()),
            ("--ca", self.ca.clone()),
        ];
        let each = |flag, values: &[String]| values.iter().map(move |value| (flag, Some(value.clone()))).collect();
        let lists: [Vec<Flag>; 3] =
            [each("--pin", &self.pin), each("--smtp-pin", &self.smtp_pin), each("--folder", &self.folder)];
        let assignee = if of_account { self.assignee() } else { self.assign_to.as_ref() };
        let cases = [
            ("--since", self.since.clone()),
            ("--case-team", self.case_team.clone()),
            ("--distribution", self.distribution.map(|how| how.as_str().to_owned())),
            ("--assign-to", assignee.cloned()),
            ("--auto-reply", self.auto_reply.clone()),
        ];
        let text = [("--auto-reply-text", self.auto_reply_text.clone())];
        let switches = [("--create-case", self.create_case), ("--no-test", self.no_test), ("--fetch", self.fetch)];
        let mut all: Vec<Flag> = if of_account { Vec::new() } else { own.into() };
        all.extend(server);
        all.extend(lists.into_iter().flatten());
        all.extend(cases);
        if !of_account {
            all.push(("--account", self.account.clone()));
            all.extend(text);
        }
        all.retain(|(_, value)| value.is_some());
        let is_wanted = |flag: &str| !of_account || flag == "--create-case";
        all.extend(switches.into_iter().filter(|(flag, is)| *is && is_wanted(flag)).map(|(flag, _)| (flag, None)));
        all
    }

    /// The words of `account add` that make the mailbox; `None` = there is none.
    pub fn words_of_account(&self) -> Option<Vec<String>> {
        self.address.as_ref()?;
        let word = |(flag, value): Flag| value.map_or(flag.to_owned(), |value| format!("{flag}={value}"));
        let words = self.flags(true).into_iter().map(word);
        Some(words.chain(["--".to_owned(), self.account_name()]).collect())
    }

    /// The command that does the same, in lines for a shell, without a secret.
    pub fn command_line(&self, program: &str, width: usize) -> String {
        let quoted = |text: &str| shlex::try_quote(text).map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned);
        let word = |(flag, value): Flag| value.map_or(flag.to_owned(), |value| format!("{flag} {}", quoted(&value)));
        let mut lines = vec![format!("{program} init")];
        for word in self.flags(false).into_iter().map(word) {
            match lines.last_mut() {
                Some(line) if line.chars().count() + word.chars().count() + 3 <= width => {
                    line.push(' ');
                    line.push_str(&word);
                }
                _ => lines.push(format!("    {word}")),
            }
        }
        lines.join(" \\\n")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Typed {
        #[command(flatten)]
        args: InitArgs,
    }

    impl InitArgs {
        /// The flags of a line as a shell reads it.
        pub(in crate::cli::init) fn typed(line: &str) -> InitArgs {
            Typed::parse_from(shlex::split(&format!("init {line}")).unwrap()).args
        }
    }

    #[test]
    fn the_command_that_does_the_same_is_read_as_what_it_was_made_of() {
        for line in [
            "",
            "--admin ana --admin-name 'Ana \"A\" Putri' --admin-email ana@desk.example --admin-login aputri",
            "--address support@desk.example --preset gmail --secret stdin --fetch --no-test --account help",
            "--admin ana --address s@d.example --imap h:993 --tls implicit --smtp h:465 --smtp-tls implicit --login l --smtp-login m --secret 'cmd:pass show x' --folder INBOX --folder 'Web forms' --since 7d --create-case --case-team 'First level' --distribution direct --assign-to ana --auto-reply ack --auto-reply-text 'It'\\''s {{ case.number }}' --ca /ca.pem --pin cert:00 --smtp-pin none",
        ] {
            let args = InitArgs::typed(line);
            for width in [40, 100] {
                let shown = args.command_line("espomail", width);
                let again = InitArgs::typed(shown.replace("\\\n", " ").strip_prefix("espomail init").unwrap());
                assert_eq!(format!("{args:?}"), format!("{again:?}"), "{line}: {shown}");
            }
        }
    }

    #[test]
    fn smtp_none_names_nothing() {
        for (line, expected) in [
            ("--smtp None --imap h", Ok(true)),
            ("--smtp none", Ok(true)),
            ("--smtp h", Ok(false)),
            ("--smtp none --preset gmail", Err("--smtp: none cannot be used with --preset")),
            ("--smtp none --smtp-tls starttls", Err("--smtp: none cannot be used with --smtp-tls")),
        ] {
            let mut args = InitArgs::typed(&format!("--address s@d.example {line}"));
            let is_without = args.leave_smtp_out().map_err(|error| error.to_string());
            assert_eq!(is_without, expected.map_err(str::to_owned), "{line}");
            if let Ok(expected) = expected {
                assert_eq!(args.smtp.is_none(), expected, "{line}");
            }
        }
    }

    #[test]
    fn an_account_is_called_as_its_address_begins() {
        for (address, name) in [
            ("support@desk.example", "support"),
            ("first.level+web@desk.example", "first.level"),
            ("/a:b@desk.example", "ab"),
            ("--x@desk.example", "x"),
            ("@desk.example", "mail"),
        ] {
            let args = InitArgs { address: Some(address.to_owned()), ..InitArgs::default() };
            assert_eq!(args.account_name(), name, "{address}");
        }
    }
}
