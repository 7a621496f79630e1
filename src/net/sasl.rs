//! First responses of the SASL mechanisms, for IMAP and SMTP alike.

use zeroize::Zeroizing;

use super::{Credentials, Mechanism};

/// A mechanism's name, its first response and what it answers to a second challenge.
pub(super) struct Sasl {
    pub(super) name: &'static str,
    pub(super) first: Zeroizing<String>,
    /// An OAuth server explains a refusal in a challenge, which has to be answered before it refuses.
    pub(super) later: &'static str,
}

/// The mechanism of `credentials`; PLAIN (RFC 4616) for a password.
pub(super) fn of(credentials: &Credentials) -> Sasl {
    let (login, secret) = (&credentials.login, credentials.secret.as_str());
    match credentials.mechanism {
        Mechanism::Password => Sasl { name: "PLAIN", first: Zeroizing::new(format!("\0{login}\0{secret}")), later: "" },
        Mechanism::XOAuth2 => Sasl {
            name: "XOAUTH2",
            first: Zeroizing::new(format!("user={login}\x01auth=Bearer {secret}\x01\x01")),
            later: "",
        },
        Mechanism::OAuthBearer => {
            // RFC 5801: the two characters with a meaning in the header are written as escapes.
            let login = login.replace('=', "=3D").replace(',', "=2C");
            Sasl {
                name: "OAUTHBEARER",
                first: Zeroizing::new(format!("n,a={login},\x01auth=Bearer {secret}\x01\x01")),
                later: "\x01",
            }
        }
    }
}
