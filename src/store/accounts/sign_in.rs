//! How an account signs in with access tokens where it has no profile in the configuration.

use super::Account;
use super::setting::settings;

/// What a reference begins with that means access tokens of a profile instead of a password.
const OAUTH: &str = "oauth:";

settings! {
    /// The client of an account that needs no profile: `--oauth m365 --client-id ID`.
    |_kind, _now| pub struct SignIn {
        /// Client at the issuer.
        oauth_client_id: Option<String> = None,
        /// Tenant of Microsoft.
        oauth_tenant: Option<String> = None,
        /// Reference to the client secret, where the issuer wants one.
        oauth_client_secret: Option<String> = None,
    }
}

impl Account {
    /// The profile whose access tokens it logs in with, or the provider where the account has a client of its own.
    pub fn oauth(&self) -> Option<&str> {
        profile_in(&self.imap.secret)
    }

    /// Logs in with access tokens of this profile or provider.
    pub fn set_oauth(&mut self, name: &str) {
        self.imap.secret = format!("{OAUTH}{name}");
    }
}

/// The profile that a reference to a secret means.
pub fn profile_in(reference: &str) -> Option<&str> {
    reference.strip_prefix(OAUTH)
}
