//! The client that an account signs in with: a profile of the configuration, or the account's own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::Result;

use crate::config::Config;
use crate::config::oauth::{Flow, Profile, Provider};
use crate::error;
use crate::place::Place;
use crate::secret::SecretSpec;
use crate::store::accounts::Account;

/// The scope by which an application asks Exchange.
const APP_AT_MICROSOFT: &str = "https://outlook.office365.com/.default";
/// What a person allows at Microsoft; the name comes with `openid` and `profile`.
const AT_MICROSOFT: &str = "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access openid profile";
/// The only scope for mail at Google.
const MAIL_AT_GOOGLE: &str = "https://mail.google.com/";
/// Domains of private mailboxes at Microsoft.
const CONSUMERS: [&str; 4] = ["outlook.com", "hotmail.com", "live.com", "msn.com"];

/// How the client shows who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// It does not: a public client.
    Nothing,
    Secret(SecretSpec),
    Certificate {
        certificate: PathBuf,
        key: SecretSpec,
    },
    ServiceAccount(SecretSpec),
}

/// A client with its endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Name of the profile, or of the provider.
    pub name: String,
    /// It is the account's own: no profile has it.
    pub is_own: bool,
    pub provider: Provider,
    pub flow: Flow,
    pub tenant: Option<String>,
    pub client_id: String,
    pub proof: Proof,
    pub auth_url: Option<String>,
    pub token_url: String,
    pub device_url: Option<String>,
    /// Separated by blanks.
    pub scopes: String,
    pub extra: BTreeMap<String, String>,
}

/// The profile that an account means; `None` where it has a client of its own.
///
/// # Errors
/// Exit 78: there is no such profile.
pub fn profile<'a>(config: &'a Config, account: &Account, name: &str) -> Result<Option<&'a Profile>> {
    if account.sign_in.oauth_client_id.is_some() {
        return Ok(None);
    }
    match config.oauth.get(name) {
        Some(profile) => Ok(Some(profile)),
        None => Err(unknown(config, name)),
    }
}

fn unknown(config: &Config, name: &str) -> anyhow::Error {
    let known: Vec<&str> = config.oauth.keys().map(String::as_str).collect();
    let hint = match (Provider::by_name(name), known.is_empty()) {
        (Some(Provider::M365 | Provider::Google), _) => {
            format!("with --oauth {name} give the application: --client-id ID; or make a profile: man espomail-oauth")
        }
        (_, true) => format!("add [oauth.{name}] to the configuration: man espomail-oauth"),
        (_, false) => format!("use one that is there ({}), or add [oauth.{name}]", known.join(", ")),
    };
    error::config(format!("--oauth: the configuration has no profile \"{name}\"")).hint(hint).into()
}

impl Client {
    /// The client of an account that signs in by the profile or provider of this name.
    ///
    /// # Errors
    /// Exit 78: there is no such profile, or what the account says of itself is wrong.
    pub fn of(config: &Config, account: &Account, name: &str) -> Result<Client> {
        let own;
        let (profile, is_own) = match profile(config, account, name)? {
            Some(profile) => (profile, false),
            None => {
                own = own_profile(account, name)?;
                (&own, true)
            }
        };
        let (provider, flow) = (profile.provider(), profile.flow());
        let tenant = (provider == Provider::M365).then(|| {
            let usual = if is_private(&account.address) { "consumers" } else { "organizations" };
            profile.tenant.clone().unwrap_or_else(|| usual.to_owned())
        });
        let of_provider = |end: &str| endpoint(provider, tenant.as_deref(), end);
        let spec = |text: &str| text.parse::<SecretSpec>();
        let proof = match (&profile.service_account, &profile.client_secret, &profile.certificate, &profile.key) {
            (Some(file), ..) if flow == Flow::ServiceAccount => Proof::ServiceAccount(spec(file)?),
            (_, Some(secret), ..) => Proof::Secret(spec(secret)?),
            (_, _, Some(certificate), Some(key)) => {
                Proof::Certificate { certificate: certificate.clone(), key: spec(key)? }
            }
            _ => Proof::Nothing,
        };
        Ok(Client {
            name: name.to_owned(),
            is_own,
            provider,
            flow,
            client_id: profile.client_id.clone().unwrap_or_default(),
            proof,
            auth_url: profile.auth_url.clone().or_else(|| of_provider("authorize")),
            token_url: profile.token_url.clone().or_else(|| of_provider("token")).unwrap_or_default(),
            device_url: profile.device_url.clone().or_else(|| of_provider("devicecode")),
            scopes: scopes(profile),
            extra: profile.extra.clone(),
            tenant,
        })
    }

    /// Where its tokens for an account are kept.
    pub fn token_file(&self, place: &Place, account_id: i64) -> PathBuf {
        let name = match self.flow {
            Flow::Code | Flow::Device => format!("{account_id}.oauth"),
            Flow::App => format!("oauth-{}", self.name),
            Flow::ServiceAccount => format!("oauth-{}-{account_id}", self.name),
        };
        place.secrets().join(name)
    }

    /// How it is called in sentences.
    pub fn called(&self, account: &str) -> String {
        if self.is_own { format!("account \"{account}\"") } else { format!("profile \"{}\"", self.name) }
    }

    /// What to type or write to change one of its keys.
    pub fn set(&self, account: &str, key: &str) -> String {
        match (self.is_own, key) {
            (true, "tenant") => format!("espomail account edit {account} --tenant ID-OR-DOMAIN"),
            (true, "client_secret") => format!("espomail account edit {account} --client-secret file:PATH"),
            (true, _) => format!("espomail account edit {account} --client-id ID"),
            (false, key) => format!("set {key} = \"…\" in [oauth.{}]", self.name),
        }
    }
}

/// Every file of tokens that an account alone has.
pub fn own_files(place: &Place, account_id: i64) -> Vec<PathBuf> {
    let directory = place.secrets();
    let mut files = vec![directory.join(format!("{account_id}.oauth"))];
    let end = format!("-{account_id}");
    for entry in std::fs::read_dir(&directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.starts_with("oauth-") && name.ends_with(&end)) {
            files.push(entry.path());
        }
    }
    files
}

/// Files of tokens of applications that no account uses any more; `used` are the names of profiles that accounts have.
pub fn unused_files(place: &Place, used: &BTreeSet<String>) -> Vec<PathBuf> {
    let is_unused = |name: &str| {
        let Some(profile) = name.strip_prefix("oauth-") else { return false };
        // Those that end in a number are of one account, and go with it.
        let is_of_account = profile.rsplit_once('-').is_some_and(|(_, id)| id.bytes().all(|b| b.is_ascii_digit()));
        !is_of_account && !profile.contains('.') && !used.contains(profile)
    };
    let entries = std::fs::read_dir(place.secrets()).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_str().is_some_and(is_unused)).map(|entry| entry.path()).collect()
}

/// What an account says of itself, as a profile.
fn own_profile(account: &Account, name: &str) -> Result<Profile> {
    let Some(provider @ (Provider::M365 | Provider::Google)) = Provider::by_name(name) else {
        return Err(error::config(format!("--oauth: \"{name}\" with --client-id must be m365 or google"))
            .hint("for another issuer write a profile: man espomail-oauth")
            .into());
    };
    let own = &account.sign_in;
    Ok(Profile {
        provider: Some(provider),
        flow: Some(Flow::Code),
        tenant: own.oauth_tenant.clone(),
        client_id: own.oauth_client_id.clone(),
        client_secret: own.oauth_client_secret.clone(),
        ..Profile::default()
    })
}

fn is_private(address: &str) -> bool {
    address.rsplit_once('@').is_some_and(|(_, domain)| CONSUMERS.contains(&domain))
}

fn endpoint(provider: Provider, tenant: Option<&str>, end: &str) -> Option<String> {
    match (provider, end) {
        (Provider::M365, end) => {
            let tenant = tenant.unwrap_or("organizations");
            Some(format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/{end}"))
        }
        (Provider::Google, "authorize") => Some("https://accounts.google.com/o/oauth2/v2/auth".to_owned()),
        (Provider::Google, "token") => Some("https://oauth2.googleapis.com/token".to_owned()),
        (Provider::Google | Provider::Custom, _) => None,
    }
}

fn scopes(profile: &Profile) -> String {
    if !profile.scopes.is_empty() {
        return profile.scopes.join(" ");
    }
    match (profile.provider(), profile.flow()) {
        (Provider::M365, Flow::App) => APP_AT_MICROSOFT.to_owned(),
        (Provider::M365, _) => AT_MICROSOFT.to_owned(),
        (Provider::Google, Flow::ServiceAccount) => MAIL_AT_GOOGLE.to_owned(),
        (Provider::Google, _) => format!("{MAIL_AT_GOOGLE} openid email"),
        (Provider::Custom, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::accounts::AccountKind;

    fn account(change: impl FnOnce(&mut Account)) -> Account {
        let mut account = Account::new("support", AccountKind::Group, jiff::Timestamp::UNIX_EPOCH);
        (account.id, account.address) = (7, "support@example.org".into());
        change(&mut account);
        account
    }

    #[test]
    fn a_profile_gives_endpoints_scopes_and_a_file() {
        let config = Config::parse(
            "[oauth.app]\nprovider = \"m365\"\nflow = \"app\"\ntenant = \"example.org\"\nclient_id = \"c\"\nclient_secret = \"env:S\"\n\
             [oauth.person]\nprovider = \"m365\"\nflow = \"device\"\nclient_id = \"c\"\n\
             [oauth.g]\nprovider = \"google\"\nflow = \"code\"\nclient_id = \"c\"\n\
             [oauth.robot]\nprovider = \"google\"\nflow = \"service-account\"\nservice_account = \"file:/k.json\"\n",
        )
        .unwrap();
        let plain = account(|_| {});
        let of = |name: &str| Client::of(&config, &plain, name).unwrap();
        let file = |client: &Client| {
            let file = client.token_file(&Place::of_file("/d/e.db"), 7);
            file.strip_prefix("/d/e.db.secrets").unwrap().to_str().unwrap().to_owned()
        };
        let app = of("app");
        assert_eq!(app.token_url, "https://login.microsoftonline.com/example.org/oauth2/v2.0/token");
        assert_eq!((app.scopes.as_str(), file(&app).as_str()), (APP_AT_MICROSOFT, "oauth-app"));
        assert_eq!(app.proof, Proof::Secret(SecretSpec::Env("S".into())));
        let person = of("person");
        assert_eq!(
            person.device_url.as_deref(),
            Some("https://login.microsoftonline.com/organizations/oauth2/v2.0/devicecode")
        );
        assert_eq!((person.scopes.as_str(), file(&person).as_str()), (AT_MICROSOFT, "7.oauth"));
        let google = of("g");
        assert_eq!(
            (google.token_url.as_str(), google.device_url.clone()),
            ("https://oauth2.googleapis.com/token", None)
        );
        assert_eq!(file(&of("robot")), "oauth-robot-7");
        let private = account(|a| a.address = "x@hotmail.com".into());
        assert_eq!(Client::of(&config, &private, "person").unwrap().tenant.as_deref(), Some("consumers"));
    }

    #[test]
    fn an_account_has_a_client_of_its_own_or_names_a_profile_that_is_there() {
        let config = Config::default();
        let own = account(|a| a.sign_in.oauth_client_id = Some("id".into()));
        let client = Client::of(&config, &own, "m365").unwrap();
        assert_eq!((client.client_id.as_str(), client.flow, client.is_own), ("id", Flow::Code, true));
        for (account, name, hint) in [
            (own.clone(), "custom", "write a profile"),
            (account(|_| {}), "m365", "--client-id ID"),
            (account(|_| {}), "work", "add [oauth.work]"),
        ] {
            let refused = Client::of(&config, &account, name).unwrap_err();
            let (kind, said) = error::classify(&refused);
            assert_eq!(kind.exit_code(), 78, "{name}");
            assert!(said.unwrap_or_default().contains(hint), "{name}: {refused:#}");
        }
    }
}
