//! Pins: what a server must show. A pinned key (SPKI, RFC 7469 2.4) is asked for besides everything else; a pinned
//! certificate is trusted instead of a chain, a name and dates.

use std::fmt;
use std::str::FromStr;

use openssl::base64::decode_block;
use openssl::x509::X509Ref;
use sha2::{Digest, Sha256};

/// SHA-256 of something that a server shows, in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pin {
    /// `sha256:HEX`: the public key of the certificate.
    Key(String),
    /// `cert:HEX`: the whole certificate.
    Certificate(String),
}

/// A text that is not a pin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be sha256: and the SHA-256 of the server's public key, or cert: and that of its certificate, in 64 hex digits"
)]
pub struct NotAPin;

impl Pin {
    /// The pin that accepts each certificate with the same key; `None` where OpenSSL cannot read the key.
    pub fn of_key(certificate: &X509Ref) -> Option<Pin> {
        let key = certificate.public_key().and_then(|key| key.public_key_to_der()).ok()?;
        Some(Pin::Key(hex(&Sha256::digest(key))))
    }

    /// The pin that accepts this certificate and no other.
    pub fn of_certificate(certificate: &X509Ref) -> Option<Pin> {
        Some(Pin::Certificate(hex(&Sha256::digest(certificate.to_der().ok()?))))
    }

    /// Whether it stands for a whole certificate.
    pub fn is_of_certificate(&self) -> bool {
        matches!(self, Pin::Certificate(_))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pin::Key(hex) => write!(f, "sha256:{hex}"),
            Pin::Certificate(hex) => write!(f, "cert:{hex}"),
        }
    }
}

impl FromStr for Pin {
    type Err = NotAPin;

    /// The digits may have colons between them, as openssl writes them; base64, as curl writes pins, is understood too.
    fn from_str(given: &str) -> Result<Pin, NotAPin> {
        let (kind, digest) = given.split_once(':').ok_or(NotAPin)?;
        let digits: String = digest.chars().filter(|c| *c != ':').collect();
        let hex = match decode_block(digest) {
            Ok(bytes) if digest.len() == 44 && bytes.len() == 32 => hex(&bytes),
            _ if digits.len() == 64 && digits.chars().all(|c| c.is_ascii_hexdigit()) => digits.to_ascii_lowercase(),
            _ => return Err(NotAPin),
        };
        match kind {
            "sha256" => Ok(Pin::Key(hex)),
            "cert" => Ok(Pin::Certificate(hex)),
            _ => Err(NotAPin),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_read_in_every_common_form() {
        let hex = "ab".repeat(32);
        let (spaced, loud) = ("AB:".repeat(31) + "AB", hex.to_uppercase());
        let base64 = openssl::base64::encode_block(&[0xab; 32]);
        for (given, expected) in [
            (format!("sha256:{hex}"), Some(format!("sha256:{hex}"))),
            (format!("sha256:{spaced}"), Some(format!("sha256:{hex}"))),
            (format!("cert:{loud}"), Some(format!("cert:{hex}"))),
            (format!("sha256:{base64}"), Some(format!("sha256:{hex}"))),
            (hex.clone(), None),
            (format!("sha1:{hex}"), None),
            ("sha256:ab".into(), None),
            (format!("sha256:{}", "xy".repeat(32)), None),
            (String::new(), None),
        ] {
            assert_eq!(given.parse::<Pin>().ok().map(|pin| pin.to_string()), expected, "{given}");
        }
    }
}
