//! Sign-in with access tokens (OAuth 2.0) at Microsoft, Google and other issuers.
//!
//! | piece | what it is |
//! |---|---|
//! | [`client`] | who asks: a profile of the configuration, or an account's own client |
//! | [`issuer`], [`answer`] | a question to the token endpoint, and its answer |
//! | [`cause`] | why no token came, by the issuer's code: words, next step, exit code |
//! | [`refused`] | why a mail server refuses a token that is good |
//! | [`kept`], [`renew`] | the file of a sign-in, and a token that is good for a session |
//! | [`code`], [`device`], [`who`] | how a person signs in, and who it was |
//! | [`jwt`], [`form`] | signed statements, and texts in forms |
//!
//! No token, code, secret or verifier is ever in an error, a log or a `Debug`. An answer is branched on by codes, never by
//! sentences.

pub mod answer;
pub mod cause;
pub mod client;
pub mod code;
pub mod device;
mod form;
pub mod issuer;
pub mod jwt;
pub mod kept;
pub mod refused;
pub mod renew;
pub mod who;

pub use client::Client;
pub use renew::{Source, Token};

#[cfg(test)]
mod tests {
    use super::client::{Client, Proof};
    use crate::config::oauth::{Flow, Provider};
    use crate::secret::SecretSpec;

    /// A client of profile `work` of tenant example.org.
    pub fn client(provider: Provider, flow: Flow) -> Client {
        let scopes = match flow {
            Flow::App => "https://outlook.office365.com/.default",
            _ => {
                "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access openid"
            }
        };
        let url = |end: &str| format!("https://login.microsoftonline.com/example.org/oauth2/v2.0/{end}");
        Client {
            name: "work".into(),
            is_own: false,
            provider,
            flow,
            tenant: Some("example.org".into()),
            client_id: "client-1".into(),
            proof: Proof::Secret(SecretSpec::File("/etc/espomail/work.secret".into())),
            auth_url: Some(url("authorize")),
            token_url: url("token"),
            device_url: Some(url("devicecode")),
            scopes: scopes.into(),
            extra: Default::default(),
        }
    }
}
