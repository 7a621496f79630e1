//! How an account signs in with access tokens: a profile of the configuration, or a client of its own.

use anyhow::Result;
use clap::Args;

use super::listed::Listed;
use crate::cli::context::Context;
use crate::config::oauth::{Provider, is_tenant};
use crate::error;
use crate::oauth::Client;
use crate::oauth::client;
use crate::secret::SecretSpec;
use crate::store::accounts::{Account, Auth};
use crate::ui::cell::{Cell, Column, unlisted};

#[derive(Debug, Args)]
#[group(skip)]
pub struct Flags {
    /// Sign in with access tokens: name of a profile of the configuration, or m365 or google with --client-id
    #[arg(long, value_name = "PROFILE", conflicts_with_all = ["secret", "token"])]
    oauth: Option<String>,
    /// Application (client) ID, for an account without a profile
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// Tenant of Microsoft 365, for an account without a profile: id or domain
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Where the client secret comes from, for an account without a profile: cmd:ARGV, file:PATH, env:NAME or cred:NAME
    #[arg(long, value_name = "SPEC")]
    client_secret: Option<String>,
}

impl Flags {
    pub fn is_any_given(&self) -> bool {
        let all = [&self.oauth, &self.client_id, &self.tenant, &self.client_secret];
        all.iter().any(|given| given.as_ref().is_some_and(|given| !given.is_empty()))
    }

    /// Applies them after those of the servers, of which `auth` and `smtp_auth` say what was given.
    pub fn apply(&self, account: &mut Account, before: &Account, given: Given, ctx: &Context) -> Result<()> {
        self.permit(account, before, ctx)?;
        match self.oauth.as_deref() {
            Some("") if account.oauth().is_some() => account.imap.secret.clear(),
            Some("") | None => {}
            Some(name) => account.set_oauth(name),
        }
        let own = &mut account.sign_in;
        for (value, flag) in [(&mut own.oauth_client_id, &self.client_id), (&mut own.oauth_tenant, &self.tenant)] {
            set(value, flag.as_deref());
        }
        if let Some(spec) = &self.client_secret {
            own.oauth_client_secret = reference(spec)?;
        }
        if self.tenant.as_deref().is_some_and(|tenant| !tenant.is_empty() && !is_tenant(tenant)) {
            return Err(error::data("--tenant: must be the id or the domain of the tenant")
                .hint("--tenant example.org, or organizations, consumers or common")
                .into());
        }
        self.settle(account, before, given, ctx)
    }

    /// What follows from the profile, and from its absence.
    fn settle(&self, account: &mut Account, before: &Account, given: Given, ctx: &Context) -> Result<()> {
        let Some(name) = account.oauth().map(str::to_owned) else {
            if self.client_id.is_some() || self.tenant.is_some() || self.client_secret.is_some() {
                return Err(error::data("--client-id, --tenant and --client-secret: are for an account with --oauth")
                    .hint("add --oauth m365 or --oauth google")
                    .into());
            }
            account.sign_in =
                crate::store::accounts::SignIn { oauth_client_id: None, oauth_tenant: None, oauth_client_secret: None };
            if before.oauth().is_some() {
                account.imap.auth = given.auth.unwrap_or(Auth::Password);
                account.smtp.auth = given.smtp_auth.unwrap_or(account.imap.auth);
            }
            return Ok(());
        };
        let client = Client::of(&ctx.config, account, &name)?;
        if self.oauth.is_some() || self.client_id.is_some() {
            let usual = if client.provider == Provider::Custom { Auth::OAuthBearer } else { Auth::XOAuth2 };
            account.imap.auth = given.auth.unwrap_or(usual);
            // A secret of SMTP alone is a password.
            let of_smtp = if account.smtp.secret.is_empty() { account.imap.auth } else { account.smtp.auth };
            account.smtp.auth = given.smtp_auth.unwrap_or(of_smtp);
        }
        if !account.imap.auth.takes_token() {
            let auth = account.imap.auth;
            return Err(error::data(format!("--auth: {auth} does not fit --oauth"))
                .hint("leave it out, or use xoauth2 or oauthbearer")
                .into());
        }
        Ok(())
    }

    /// What somebody who came through sudo may say: a profile by which people sign in, and nothing else.
    fn permit(&self, account: &Account, before: &Account, ctx: &Context) -> Result<()> {
        if !ctx.caller.is_delegated() {
            return Ok(());
        }
        let named =
            [("--client-id", &self.client_id), ("--tenant", &self.tenant), ("--client-secret", &self.client_secret)];
        if let Some((flag, _)) = named.iter().find(|(_, given)| given.is_some()) {
            return Err(error::noperm(format!("{flag}: you cannot use it when you come through sudo"))
                .hint("use a profile that root has named: --oauth PROFILE")
                .into());
        }
        if let Some(name) = self.oauth.as_deref().filter(|name| !name.is_empty())
            && !opens_by_person(account, name, ctx)?
        {
            return Err(error::noperm(format!(
                "--oauth: profile \"{name}\" opens mailboxes without a sign-in: only root can name it"
            ))
            .hint("use a profile of flow code or device")
            .into());
        }
        let (Some(name), true) = (before.oauth(), account.oauth() == before.oauth()) else { return Ok(()) };
        let opens =
            |account: &Account| (account.address.clone(), account.imap.login.clone(), account.smtp.login.clone());
        if opens(account) != opens(before) && !opens_by_person(before, name, ctx)? {
            return Err(error::noperm(format!(
                "--login, --address: profile \"{name}\" opens mailboxes without a sign-in: only root can choose which"
            ))
            .hint("ask root")
            .into());
        }
        Ok(())
    }
}

/// Ways to log in that were given.
#[derive(Debug, Clone, Copy)]
pub struct Given {
    pub auth: Option<Auth>,
    pub smtp_auth: Option<Auth>,
}

fn opens_by_person(account: &Account, name: &str, ctx: &Context) -> Result<bool> {
    Ok(client::profile(&ctx.config, account, name)?.is_none_or(|profile| profile.flow().is_of_person()))
}

fn set(value: &mut Option<String>, given: Option<&str>) {
    if let Some(given) = given {
        *value = Some(given.to_owned()).filter(|given| !given.is_empty());
    }
}

fn reference(spec: &str) -> Result<Option<String>> {
    if spec.is_empty() {
        return Ok(None);
    }
    match spec.parse::<SecretSpec>() {
        Ok(SecretSpec::Stored) | Err(_) => {
            Err(error::data("--client-secret: does not say where the secret comes from")
                .hint("use cmd:ARGV, file:PATH, env:NAME or cred:NAME; never the secret itself")
                .into())
        }
        Ok(spec) => Ok(Some(spec.to_string())),
    }
}

/// What lists show.
pub const COLUMNS: &[Column<Listed>] = &[
    Column::new("oauth", unlisted().label("OAuth"), |one, _| Cell::opt_text(one.account.oauth())),
    Column::new("oauth_client_id", unlisted().label("OAuth client ID"), |one, _| {
        Cell::opt_text(one.account.sign_in.oauth_client_id.as_deref().filter(|_| one.is_manager))
    }),
    Column::new("oauth_tenant", unlisted().label("OAuth tenant"), |one, _| {
        Cell::opt_text(one.account.sign_in.oauth_tenant.as_deref().filter(|_| one.is_manager))
    }),
    Column::new("oauth_client_secret", unlisted().label("OAuth client secret"), |one, _| {
        Cell::opt_text(one.account.sign_in.oauth_client_secret.as_deref().filter(|_| one.is_manager))
    }),
];
