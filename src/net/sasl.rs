//! The SASL mechanisms, for IMAP and SMTP alike: which one is used, and what it says.

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use zeroize::Zeroizing;

use super::{Credentials, Mechanism, NetError, NetErrorKind};

/// How a password is sent, in the order in which it is chosen where the account does not say.
const WITH_PASSWORD: [Mechanism; 3] = [Mechanism::Plain, Mechanism::Login, Mechanism::CramMd5];

/// The mechanism that is used where a server offers these.
pub(super) fn among(wanted: Mechanism, offers: impl Fn(&str) -> bool) -> Option<Mechanism> {
    let is_offered = |mechanism: &Mechanism| offers(name(*mechanism));
    match wanted {
        Mechanism::Password => WITH_PASSWORD.into_iter().find(is_offered),
        one => Some(one).filter(is_offered),
    }
}

/// The server offers nothing that the account can use; `offered` are its own words, fit to be quoted.
pub(super) fn not_offered(wanted: Mechanism, offered: &str) -> NetError {
    let needs = match wanted {
        Mechanism::Password => "PLAIN, LOGIN or CRAM-MD5",
        one => name(one),
    };
    let offered = if offered.is_empty() { "no login that this program knows" } else { offered };
    NetError::new(
        NetErrorKind::LoginRefused,
        format!("the server offers {offered}, and this account needs {needs}: nothing was sent"),
    )
}

/// As servers write it.
pub(super) fn name(mechanism: Mechanism) -> &'static str {
    match mechanism {
        Mechanism::Password | Mechanism::Plain => "PLAIN",
        Mechanism::Login => "LOGIN",
        Mechanism::CramMd5 => "CRAM-MD5",
        Mechanism::XOAuth2 => "XOAUTH2",
        Mechanism::OAuthBearer => "OAUTHBEARER",
    }
}

/// What can be said before the server asks; `None` where it begins.
pub(super) fn first(mechanism: Mechanism, credentials: &Credentials) -> Option<Zeroizing<String>> {
    let (login, secret) = (&credentials.login, credentials.secret.as_str());
    Some(Zeroizing::new(match mechanism {
        // RFC 4616.
        Mechanism::Password | Mechanism::Plain => format!("\0{login}\0{secret}"),
        Mechanism::Login | Mechanism::CramMd5 => return None,
        Mechanism::XOAuth2 => format!("user={login}\x01auth=Bearer {secret}\x01\x01"),
        Mechanism::OAuthBearer => {
            // RFC 5801: the two characters with a meaning in the header are written as escapes.
            let login = login.replace('=', "=3D").replace(',', "=2C");
            format!("n,a={login},\x01auth=Bearer {secret}\x01\x01")
        }
    }))
}

/// The answer to the challenge with this number, from 0. What comes after the whole login was said explains a refusal,
/// and the server refuses once it is answered.
pub(super) fn answer(
    mechanism: Mechanism,
    credentials: &Credentials,
    number: usize,
    challenge: &[u8],
) -> Zeroizing<String> {
    let said = match (mechanism, number) {
        (Mechanism::Login, 0) => credentials.login.clone(),
        (Mechanism::Login, 1) => return credentials.secret.clone(),
        (Mechanism::CramMd5, 0) => digest(credentials, challenge).unwrap_or_default(),
        (Mechanism::Login | Mechanism::CramMd5, _) => String::new(),
        (_, 0) => return first(mechanism, credentials).unwrap_or_default(),
        (Mechanism::OAuthBearer, _) => "\x01".to_owned(),
        (_, _) => String::new(),
    };
    Zeroizing::new(said)
}

/// What a challenge says of a refused token: its status (RFC 7628 3.2.2), in a few printable characters.
pub(super) fn status(mechanism: Mechanism, challenge: &[u8]) -> Option<String> {
    if !matches!(mechanism, Mechanism::XOAuth2 | Mechanism::OAuthBearer) {
        return None;
    }
    let fields: serde_json::Value = serde_json::from_slice(challenge.get(..4096).unwrap_or(challenge)).ok()?;
    let status = fields.get("status")?;
    let text = status.as_str().map_or_else(|| status.to_string(), str::to_owned);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (!text.is_empty() && text.len() <= 40 && text.chars().all(is_word)).then_some(text)
}

/// RFC 2195: the name, and the challenge under the secret. `None` where this machine has no MD5, as under FIPS.
fn digest(credentials: &Credentials, challenge: &[u8]) -> Option<String> {
    let key = PKey::hmac(credentials.secret.as_bytes()).ok()?;
    let mut signer = Signer::new(MessageDigest::md5(), &key).ok()?;
    let signed = signer.sign_oneshot_to_vec(challenge).ok()?;
    let hex: String = signed.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("{} {hex}", credentials.login))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mechanism_is_one_that_the_server_offers() {
        use Mechanism::{CramMd5, Login, OAuthBearer, Password, Plain, XOAuth2};
        for (wanted, offered, used) in [
            (Password, "PLAIN LOGIN CRAM-MD5", Some(Plain)),
            (Password, "CRAM-MD5 LOGIN", Some(Login)),
            (Password, "CRAM-MD5 NTLM", Some(CramMd5)),
            (Password, "XOAUTH2 OAUTHBEARER", None),
            (Password, "", None),
            (CramMd5, "PLAIN CRAM-MD5", Some(CramMd5)),
            (CramMd5, "PLAIN LOGIN", None),
            (Plain, "LOGIN", None),
            (Login, "PLAIN LOGIN", Some(Login)),
            (XOAuth2, "XOAUTH2 PLAIN", Some(XOAuth2)),
            (OAuthBearer, "XOAUTH2 PLAIN", None),
        ] {
            let chosen = among(wanted, |name| offered.split(' ').any(|one| one == name));
            assert_eq!(chosen, used, "{wanted:?} of {offered:?}");
        }
    }

    #[test]
    fn a_refused_token_is_quoted_by_its_status_alone() {
        for (challenge, expected) in [
            (r#"{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}"#, Some("400")),
            (r#"{"status":"invalid_token"}"#, Some("invalid_token")),
            (r#"{"status":401}"#, Some("401")),
            (r#"{"status":"a b\nc"}"#, None),
            (r#"{"schemes":"bearer"}"#, None),
            ("eyJ", None),
            ("", None),
        ] {
            assert_eq!(status(Mechanism::XOAuth2, challenge.as_bytes()).as_deref(), expected, "{challenge}");
            assert_eq!(status(Mechanism::Plain, challenge.as_bytes()), None);
        }
    }

    #[test]
    fn cram_md5_answers_as_in_rfc_2195() {
        let tim = Credentials {
            login: "tim".into(),
            secret: "tanstaaftanstaaf".to_owned().into(),
            mechanism: Mechanism::CramMd5,
        };
        let challenge = b"<1896.697170952@postoffice.reston.mci.net>";
        assert_eq!(first(Mechanism::CramMd5, &tim), None);
        assert_eq!(*answer(Mechanism::CramMd5, &tim, 0, challenge), "tim b913a602c7eda7a495b4e6e7334d3890");
        assert_eq!(*answer(Mechanism::CramMd5, &tim, 1, challenge), "");
    }
}
