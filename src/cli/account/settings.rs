//! The flags that `account add` and `account edit` share, and what they make of an account.

use anyhow::Result;
use clap::Args;
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::access::Actor;
use crate::cli::context::{self, Context};
use crate::cli::text::Signature;
use crate::error;
use crate::net::tls;
use crate::secret::{self, SecretSpec};
use crate::store::accounts::{
    Account, AccountKind, AfterImport, Auth, AutoMail, Distribution, DmarcNone, OnClosed, ReadSent, Server, Share,
    StaffForward, Tls,
};
use crate::store::db::Tx;
use crate::store::folders::{self, Folder};

/// Settings of an account. Repeatable flags replace the whole list; an empty value takes a setting away.
#[derive(Debug, Args)]
pub struct Settings {
    /// Address of the mailbox
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// Further address of the mailbox
    #[arg(long = "alias", value_name = "ADDRESS")]
    aliases: Vec<String>,
    /// IMAP server (port 993, with --tls starttls or none 143)
    #[arg(long, value_name = "HOST[:PORT]")]
    imap: Option<String>,
    /// SMTP server (port 587)
    #[arg(long, value_name = "HOST[:PORT]")]
    smtp: Option<String>,
    /// TLS of IMAP: implicit, starttls or none (loopback only)
    #[arg(long, value_name = "MODE")]
    tls: Option<Tls>,
    /// Login name (default: the address)
    #[arg(long, value_name = "NAME")]
    login: Option<String>,
    /// cmd:ARGV, file:PATH, env:NAME, cred:NAME or stdin; never the password itself
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
    /// Of IMAP, and of SMTP without --smtp-auth: password, xoauth2 or oauthbearer
    #[arg(long, value_name = "HOW")]
    auth: Option<Auth>,
    /// Of SMTP: password (PLAIN, else LOGIN), xoauth2 or oauthbearer
    #[arg(long, value_name = "HOW")]
    smtp_auth: Option<Auth>,
    /// cmd:ARGV that prints an access token (xoauth2, oauthbearer)
    #[arg(long, value_name = "SPEC", conflicts_with = "secret")]
    token: Option<String>,
    /// PEM file with a certificate authority to trust
    #[arg(long, value_name = "FILE")]
    ca: Option<String>,
    /// The only server certificate to be accepted
    #[arg(long, value_name = "sha256:HEX")]
    pin: Option<String>,
    /// Folder to be polled (default: INBOX)
    #[arg(long = "folder", value_name = "FOLDER")]
    pub folders: Vec<String>,
    /// Mail from before this day or moment is left alone (default: now)
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// What happens on the server after the import: seen, keep, delete or move:FOLDER
    #[arg(long, value_name = "ACTION")]
    after: Option<AfterImport>,
    /// At most so many messages per folder and run; 0 = all
    #[arg(long, value_name = "N")]
    portion: Option<u32>,
    /// Of a larger message only the beginning is fetched
    #[arg(long, value_name = "SIZE", value_parser = crate::cli::size)]
    max_size: Option<u64>,
    /// Believe the Authentication-Results of the mail server with this id; none = those of the topmost field without an id
    #[arg(long, value_name = "ID")]
    authserv_id: Option<String>,
    /// Trust or refuse mail of a domain that has no DMARC policy, where --authserv-id is set
    #[arg(long, value_name = "trust|refuse")]
    dmarc_none: Option<DmarcNone>,
    /// Address of a web form that writes for the person in its Reply-To; repeat it for several, empty for none
    #[arg(long = "form-sender", value_name = "ADDRESS")]
    form_senders: Vec<String>,
    /// Team that gets the mail
    #[arg(long = "team", value_name = "TEAM")]
    teams: Vec<String>,
    /// Team of the cases; its members get them
    #[arg(long, value_name = "TEAM")]
    case_team: Option<String>,
    /// The first mail of a thread makes a case
    #[arg(long, conflicts_with = "no_create_case")]
    create_case: bool,
    /// No cases
    #[arg(long)]
    no_create_case: bool,
    /// none, direct, round-robin or least-busy
    #[arg(long, value_name = "HOW", value_parser = distribution)]
    distribution: Option<Distribution>,
    /// The user of --distribution direct
    #[arg(long, value_name = "USER")]
    assign_to: Option<String>,
    /// Only members of the case team with exactly this position get cases
    #[arg(long, value_name = "POSITION")]
    position: Option<String>,
    /// Answers to closed cases: reopen, new or reopen-within:DAYS
    #[arg(long, value_name = "POLICY")]
    on_closed: Option<OnClosed>,
    /// Machine mail without a thread: archive or case
    #[arg(long, value_name = "POLICY")]
    auto_mail: Option<AutoMail>,
    /// A contact is made from the sender of a new case
    #[arg(long, value_name = "yes|no", num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = yes_or_no)]
    create_contact: Option<bool>,
    /// Customers' mail that users forward makes the customer's case: all, attached or off
    #[arg(long, value_name = "POLICY")]
    staff_forward: Option<StaffForward>,
    /// Answers go to an address of the case's own, such as support+c1f….9a…@
    #[arg(long, value_name = "yes|no", num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = yes_or_no)]
    plus_addressing: Option<bool>,
    /// Template of the automatic reply
    #[arg(long, value_name = "TEMPLATE")]
    auto_reply: Option<String>,
    /// Send automatic replies also to mail that a mailing list of yours has rewritten
    #[arg(long, value_name = "yes|no", num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = yes_or_no)]
    reply_to_own_list: Option<bool>,
    /// From address of automatic replies (default: the account's)
    #[arg(long, value_name = "ADDRESS")]
    reply_from: Option<String>,
    /// From name of automatic replies
    #[arg(long, value_name = "NAME")]
    reply_name: Option<String>,
    /// Reply-To of mail sent for this account
    #[arg(long, value_name = "ADDRESS")]
    reply_to: Option<String>,
    /// Display name of the account's address
    #[arg(long, value_name = "NAME")]
    from_name: Option<String>,
    /// Others may send through it
    #[arg(long, value_name = "yes|no", num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = yes_or_no)]
    shared: Option<bool>,
    /// Every active member of its teams gets the mail in the inbox
    #[arg(long, value_name = "yes|no", num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = yes_or_no)]
    add_all_team_users: Option<bool>,
    /// Group folder that its mail goes into; the teams of the folder get it
    #[arg(long, value_name = "FOLDER")]
    put_in: Option<String>,
    /// Leave the address of this personal account out of answers to all; those of group accounts never get them
    #[arg(long, value_name = "yes|no", num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = yes_or_no)]
    exclude_from_reply: Option<bool>,
    /// The Sent folder is read too, so that answers written elsewhere are known: auto, no or its name (default: auto for personal accounts, no for group ones)
    #[arg(long, value_name = "auto|no|FOLDER", value_parser = read_sent)]
    pub read_sent: Option<ReadSent>,
    /// Personal: mail of this IMAP folder, which is polled, goes into a folder of the owner's, archive or trash
    #[arg(long = "folder-map", value_name = "IMAP=FOLDER")]
    pub folder_map: Vec<String>,
    /// Personal: mail that is linked to a record may be read by nobody else (private) or by whoever may read the record
    #[arg(long, value_name = "private|record")]
    share: Option<Share>,
    /// A copy of what people send goes into this folder of the mailbox, by default the server's own for that
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, require_equals = true, default_missing_value = "\\Sent")]
    store_sent: Option<String>,
    #[command(flatten)]
    signature: Signature,
}

fn read_sent(text: &str) -> Result<ReadSent, String> {
    text.parse().map_err(|e: crate::store::label::UnknownLabel| e.to_string())
}

/// `less-busy` is EspoCRM's own word for `least-busy`.
fn distribution(text: &str) -> Result<Distribution, String> {
    let text = if text.eq_ignore_ascii_case("less-busy") { "least-busy" } else { text };
    text.parse().map_err(|e: crate::store::label::UnknownLabel| e.to_string())
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("must be yes or no".to_owned()),
    }
}

impl Settings {
    /// Reads the secret from standard input where `--secret stdin` (or `--token stdin`) asks for that.
    pub fn secret_from_stdin(&self, ctx: &Context) -> Result<Option<Zeroizing<String>>> {
        match self.secret.as_deref().or(self.token.as_deref()) {
            Some("stdin") => Ok(Some(secret::from_stdin(&|| ctx.ui.prompt("Password: "))?)),
            _ => Ok(None),
        }
    }

    /// The account with these settings.
    pub fn apply(&self, tx: &Tx<'_>, mut account: Account, now: Timestamp) -> Result<Account> {
        account.edited_at = now;
        self.identity(&mut account)?;
        self.servers(&mut account)?;
        self.fetching(&mut account)?;
        self.cases(tx, &mut account)?;
        self.sending(tx, &mut account)?;
        Ok(account)
    }

    /// Refuses settings that accounts of this kind do not have.
    ///
    /// # Errors
    /// Names the flag.
    pub fn fit(&self, kind: AccountKind) -> Result<()> {
        let given = match kind {
            AccountKind::Personal => self.of_groups(),
            AccountKind::Group => self.of_persons(),
        };
        let Some((flag, _)) = given.into_iter().find(|(_, is_given)| *is_given) else { return Ok(()) };
        let (other, hint) = match kind {
            AccountKind::Personal => ("group", "a personal account brings mail to its owner alone"),
            AccountKind::Group => ("personal", "for the mailbox of one user: --kind personal --user USER"),
        };
        Err(error::data(format!("{flag}: is for {other} accounts, not for {kind} ones")).hint(hint).into())
    }

    /// Whether they say where a server is, how to come in, or what is polled there.
    pub fn concern_servers(&self) -> bool {
        let names = [&self.imap, &self.smtp, &self.login, &self.secret, &self.smtp_login, &self.smtp_secret];
        let more = [&self.token, &self.ca, &self.pin];
        names.into_iter().chain(more).any(|given| given.as_ref().is_some_and(|given| !given.is_empty()))
            || self.tls.is_some()
            || self.smtp_tls.is_some()
            || self.auth.is_some()
            || self.smtp_auth.is_some()
            || !self.folders.is_empty()
    }

    fn of_groups(&self) -> Vec<(&'static str, bool)> {
        vec![
            ("--team", !self.teams.is_empty()),
            ("--case-team", self.case_team.is_some()),
            ("--create-case", self.create_case),
            ("--no-create-case", self.no_create_case),
            ("--distribution", self.distribution.is_some()),
            ("--assign-to", self.assign_to.is_some()),
            ("--position", self.position.is_some()),
            ("--on-closed", self.on_closed.is_some()),
            ("--auto-mail", self.auto_mail.is_some()),
            ("--create-contact", self.create_contact.is_some()),
            ("--staff-forward", self.staff_forward.is_some()),
            ("--plus-addressing", self.plus_addressing.is_some()),
            ("--auto-reply", self.auto_reply.is_some()),
            ("--reply-to-own-list", self.reply_to_own_list.is_some()),
            ("--reply-from", self.reply_from.is_some()),
            ("--reply-name", self.reply_name.is_some()),
            ("--reply-to", self.reply_to.is_some()),
            ("--from-name", self.from_name.is_some()),
            ("--shared", self.shared.is_some()),
            ("--add-all-team-users", self.add_all_team_users.is_some()),
            ("--put-in", self.put_in.is_some()),
        ]
    }

    fn of_persons(&self) -> Vec<(&'static str, bool)> {
        vec![
            ("--folder-map", !self.folder_map.is_empty()),
            ("--share", self.share.is_some()),
            ("--exclude-from-reply", self.exclude_from_reply.is_some()),
        ]
    }

    fn identity(&self, account: &mut Account) -> Result<()> {
        if let Some(address) = &self.address {
            account.address = context::mail_address("--address", address)?;
        }
        if !self.aliases.is_empty() {
            let given = self.aliases.iter().filter(|a| !a.is_empty());
            account.aliases = given.map(|a| context::mail_address("--alias", a)).collect::<Result<_>>()?;
        }
        Ok(())
    }

    /// Remembers of the servers that are named whether somebody did so through sudo.
    pub fn confine(&self, account: &mut Account, delegated: bool) {
        if self.imap.is_some() {
            account.imap.confined = delegated;
        }
        if self.smtp.is_some() {
            account.smtp.confined = delegated;
        }
    }

    fn servers(&self, account: &mut Account) -> Result<()> {
        account.imap.tls = self.tls.unwrap_or(account.imap.tls);
        if let Some(host) = &self.imap {
            let port = if account.imap.tls == Tls::Implicit { 993 } else { 143 };
            set_host("--imap", &mut account.imap, host, port)?;
        }
        if let Some(host) = &self.smtp {
            set_host("--smtp", &mut account.smtp, host, 587)?;
            let beside = account.imap.host.is_some() || self.tls.is_some();
            account.smtp.tls = default_smtp_tls(&account.smtp, if beside { account.imap.tls } else { Tls::None });
        }
        account.smtp.tls = self.smtp_tls.unwrap_or(account.smtp.tls);
        account.imap.auth = self.auth.unwrap_or(account.imap.auth);
        account.smtp.auth = self.smtp_auth.or(self.auth).unwrap_or(account.smtp.auth);
        set_word(&mut account.imap.login, self.login.as_ref());
        set_word(&mut account.smtp.login, self.smtp_login.as_ref());
        set_secret(&mut account.imap.secret, self.secret.as_ref().or(self.token.as_ref()))?;
        if self.smtp_secret.as_deref() == Some("stdin") {
            return Err(error::data("--smtp-secret: only --secret can come by standard input")
                .hint("use cmd:ARGV, file:PATH, env:NAME or cred:NAME")
                .into());
        }
        set_secret(&mut account.smtp.secret, self.smtp_secret.as_ref())?;
        if let Some(ca) = &self.ca {
            account.ca_file = if ca.is_empty() { None } else { Some(absolute(ca)?) };
        }
        if let Some(pin) = &self.pin {
            account.pin = fingerprint(pin)?;
        }
        Ok(())
    }

    fn fetching(&self, account: &mut Account) -> Result<()> {
        if let Some(since) = &self.since {
            account.fetch_since = crate::cli::moment("--since", since)?;
        }
        self.folders.iter().try_for_each(|folder| match folder.as_str() {
            "" => Err(error::data("--folder: \"\" is not a folder name").into()),
            folder => check_folder("--folder", folder),
        })?;
        account.after_import = self.after.clone().unwrap_or(account.after_import.clone());
        account.read_sent = self.read_sent.clone().unwrap_or(account.read_sent.clone());
        account.share = self.share.unwrap_or(account.share);
        account.portion = self.portion.or(account.portion);
        if self.max_size == Some(0) {
            return Err(error::data("--max-size: must be at least one byte").into());
        }
        account.max_size = self.max_size.or(account.max_size);
        if let Some(id) = &self.authserv_id {
            account.authserv_id =
                if id.is_empty() { None } else { Some(context::word("--authserv-id", id)?.to_lowercase()) };
        }
        account.dmarc_none = self.dmarc_none.unwrap_or(account.dmarc_none);
        if !self.form_senders.is_empty() {
            let given = self.form_senders.iter().filter(|sender| !sender.is_empty());
            account.form_senders = given.map(|s| context::mail_address("--form-sender", s)).collect::<Result<_>>()?;
        }
        Ok(())
    }

    fn cases(&self, tx: &Tx<'_>, account: &mut Account) -> Result<()> {
        if !self.teams.is_empty() {
            let given = self.teams.iter().filter(|t| !t.is_empty());
            account.team_ids = given.map(|t| Ok(context::team(tx, t)?.id)).collect::<Result<_>>()?;
        }
        if let Some(name) = &self.put_in {
            account.group_folder_id = if name.is_empty() { None } else { Some(group_folder(tx, name)?.id) };
        }
        if let Some(team) = &self.case_team {
            account.case_team_id = if team.is_empty() { None } else { Some(context::team(tx, team)?.id) };
        }
        account.create_case = (account.create_case || self.create_case) && !self.no_create_case;
        account.distribution = self.distribution.unwrap_or(account.distribution);
        if let Some(user) = &self.assign_to {
            account.assign_to_id = if user.is_empty() { None } else { Some(context::user(tx, user)?.id) };
        }
        account.position = self.position.clone().unwrap_or(account.position.clone());
        account.on_closed = self.on_closed.unwrap_or(account.on_closed);
        account.auto_mail = self.auto_mail.unwrap_or(account.auto_mail);
        account.create_contact = self.create_contact.unwrap_or(account.create_contact);
        account.staff_forward = self.staff_forward.unwrap_or(account.staff_forward);
        account.plus_addressing = self.plus_addressing.unwrap_or(account.plus_addressing);
        account.add_all_team_users = self.add_all_team_users.unwrap_or(account.add_all_team_users);
        Ok(())
    }

    fn sending(&self, tx: &Tx<'_>, account: &mut Account) -> Result<()> {
        if let Some(name) = &self.auto_reply {
            account.auto_reply_id = if name.is_empty() { None } else { Some(context::template(tx, name)?.id) };
        }
        let address = |field: &str, given: &Option<String>, old: Option<String>| match given {
            None => Ok(old),
            Some(text) if text.is_empty() => Ok(None),
            Some(text) => context::mail_address(field, text).map(Some),
        };
        account.reply_to_own_list = self.reply_to_own_list.unwrap_or(account.reply_to_own_list);
        account.reply_from = address("--reply-from", &self.reply_from, account.reply_from.take())?;
        account.reply_to = address("--reply-to", &self.reply_to, account.reply_to.take())?;
        let name = |field: &str, given: &Option<String>, old: Option<String>| match given {
            None => Ok(old),
            Some(text) if text.is_empty() => Ok(None),
            Some(text) => context::name(field, text).map(Some),
        };
        account.reply_name = name("--reply-name", &self.reply_name, account.reply_name.take())?;
        account.from_name = name("--from-name", &self.from_name, account.from_name.take())?;
        account.shared = self.shared.unwrap_or(account.shared);
        account.exclude_from_reply = self.exclude_from_reply.unwrap_or(account.exclude_from_reply);
        if let Some(folder) = &self.store_sent {
            check_folder("--store-sent", folder)?;
            account.store_sent = if folder.is_empty() { None } else { Some(folder.parse()?) };
        }
        account.signature = self.signature.given()?.unwrap_or(account.signature.clone());
        Ok(())
    }
}

fn group_folder(tx: &Tx<'_>, name: &str) -> Result<Folder> {
    folders::group(tx, name)?.ok_or_else(|| {
        error::data(format!("--put-in: there is no group folder \"{name}\""))
            .hint(format!("make it first: espomail folder add '{name}' --group TEAM"))
            .into()
    })
}

/// Refuses an account that could not work.
pub fn check(tx: &Tx<'_>, actor: &Actor, account: &Account) -> Result<()> {
    let refuse = |text: &str, hint: &str| Err(error::data(text).hint(hint).into());
    if account.address.is_empty() {
        return refuse("--address: is missing", "give the address of the mailbox: --address support@example.org");
    }
    if account.imap.host.is_none() && account.smtp.host.is_none() {
        return refuse("--imap: is missing", "give the server: --imap imap.example.org (or only --smtp to send)");
    }
    for (field, server) in [("--tls", &account.imap), ("--smtp-tls", &account.smtp)] {
        if let Some(host) = server.host.as_deref().filter(|host| server.tls == Tls::None && !is_loopback(host)) {
            return Err(error::data(format!("{field}: none is for this machine only, not for {host}"))
                .hint("use implicit or starttls")
                .into());
        }
    }
    if account.imap.host.is_some() && account.imap.secret.is_empty() {
        return refuse(
            "--secret: is missing",
            "say where the password comes from: --secret file:PATH, cmd:ARGV, env:NAME or stdin",
        );
    }
    if account.distribution != Distribution::None && !account.create_case {
        return refuse("--distribution: there are no cases to distribute", "add --create-case");
    }
    if account.distribution == Distribution::Direct && account.assign_to_id.is_none() {
        return refuse("--assign-to: is missing", "--distribution direct needs --assign-to USER");
    }
    let by_team = matches!(account.distribution, Distribution::RoundRobin | Distribution::LeastBusy);
    if by_team && account.case_team_id.is_none() {
        return refuse(
            "--case-team: is missing",
            "cases are distributed among the members of a team: --case-team TEAM",
        );
    }
    if account.auto_reply_id.is_some() && account.smtp.host.is_none() {
        return refuse("--smtp: is missing", "automatic replies need a server: --smtp smtp.example.org");
    }
    if account.store_sent.is_some() && account.imap.host.is_none() {
        return refuse(
            "--store-sent: there is no mailbox to keep copies in",
            "give the server: --imap imap.example.org",
        );
    }
    for other in crate::store::accounts::all(tx)? {
        let shared = std::iter::once(&account.address).chain(&account.aliases).find(|a| other.owns(a));
        let Some(address) = shared.filter(|_| other.id != account.id) else { continue };
        if !actor.knows_account(tx, &other)? {
            return Err(context::unusable("--address", address));
        }
        return Err(error::data(format!("--address: {address} belongs to account {}", other.name)).into());
    }
    Ok(())
}

fn check_folder(field: &str, name: &str) -> Result<()> {
    if name.chars().any(char::is_control) {
        return Err(error::data(format!("{field}: \"{}\" is not a folder name", name.escape_debug())).into());
    }
    Ok(())
}

fn set_host(field: &str, server: &mut Server, given: &str, default_port: u16) -> Result<()> {
    if given.is_empty() {
        server.host = None;
        return Ok(());
    }
    let bad = || error::data(format!("{field}: \"{given}\" is not HOST or HOST:PORT"));
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

fn default_smtp_tls(smtp: &Server, imap: Tls) -> Tls {
    match smtp.port {
        465 => Tls::Implicit,
        _ if smtp.host.as_deref().is_some_and(is_loopback) => imap,
        _ => Tls::StartTls,
    }
}

/// By its name; what it leads to is checked again on every connection.
fn is_loopback(host: &str) -> bool {
    let is_ip = host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback());
    is_ip || host.eq_ignore_ascii_case("localhost")
}

fn set_word(target: &mut String, given: Option<&String>) {
    if let Some(word) = given {
        target.clone_from(word);
    }
}

fn set_secret(target: &mut String, given: Option<&String>) -> Result<()> {
    if let Some(spec) = given {
        *target = if spec.is_empty() { String::new() } else { spec.parse::<SecretSpec>()?.to_string() };
    }
    Ok(())
}

/// A readable file by its whole path: cron starts elsewhere.
fn absolute(file: &str) -> Result<String> {
    let cannot = |e: std::io::Error| error::data(format!("--ca: cannot read {file}: {e}"));
    let path = std::path::absolute(file).map_err(cannot)?;
    std::fs::metadata(&path).map_err(cannot)?;
    tls::check_authorities(&path).map_err(|e| error::data(format!("--ca: {e}")).hint("name a file in PEM format"))?;
    Ok(path.display().to_string())
}

fn fingerprint(given: &str) -> Result<Option<String>> {
    if given.is_empty() {
        return Ok(None);
    }
    let hex: String = given.strip_prefix("sha256:").unwrap_or(given).chars().filter(|c| *c != ':').collect();
    if hex.len() != 64 || !hex.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(error::data("--pin: must be sha256: and 64 hex digits").into());
    }
    Ok(Some(hex.to_lowercase()))
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
    }
}
