//! Signed statements of a client about itself (RFC 7519, 7523): who it is, for whom it asks, and until when it may be believed.

use anyhow::{Context, Result, anyhow};
use jiff::Timestamp;
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Private};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Signer};
use openssl::x509::X509;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::form::base64url;

/// Begins to be valid before now, for clocks that do not agree.
const BACK: i64 = 60;
/// Ends after this.
const LIFETIME: i64 = 300;

/// What a signature is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA PKCS #1.
    Rs256,
    /// RSA PSS.
    Ps256,
    /// ECDSA on P-256.
    Es256,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Algorithm::Rs256 => "RS256",
            Algorithm::Ps256 => "PS256",
            Algorithm::Es256 => "ES256",
        }
    }

    /// The one for a key, where `rsa` is the one of RSA keys.
    pub fn of(key: &PKey<Private>, rsa: Algorithm) -> Algorithm {
        if key.id() == Id::EC { Algorithm::Es256 } else { rsa }
    }
}

/// When a statement that is made now is valid.
pub fn times(now: Timestamp) -> [(&'static str, i64); 3] {
    let now = now.as_second();
    [("iat", now - BACK), ("nbf", now - BACK), ("exp", now + LIFETIME)]
}

/// A private key in PEM.
///
/// # Errors
/// It is not one; its text is not repeated.
pub fn key(pem: &str) -> Result<PKey<Private>> {
    PKey::private_key_from_pem(pem.as_bytes())
        .map_err(|_| anyhow!("not a private key in PEM format without a password"))
}

/// The statement; `header` and `claims` are objects.
///
/// # Errors
/// The key does not fit the algorithm.
pub fn signed(algorithm: Algorithm, key: &PKey<Private>, header: &Value, claims: &Value) -> Result<Zeroizing<String>> {
    let mut head = json!({"alg": algorithm.name(), "typ": "JWT"});
    if let (Some(head), Some(more)) = (head.as_object_mut(), header.as_object()) {
        head.extend(more.clone());
    }
    let text = format!("{}.{}", base64url(head.to_string().as_bytes()), base64url(claims.to_string().as_bytes()));
    let mut signer = Signer::new(MessageDigest::sha256(), key)?;
    if algorithm == Algorithm::Ps256 {
        signer.set_rsa_padding(Padding::PKCS1_PSS)?;
        signer.set_rsa_mgf1_md(MessageDigest::sha256())?;
        signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
    }
    let signature = signer.sign_oneshot_to_vec(text.as_bytes())?;
    let signature = match algorithm {
        Algorithm::Rs256 | Algorithm::Ps256 => signature,
        Algorithm::Es256 => {
            let parts = EcdsaSig::from_der(&signature)?;
            [parts.r().to_vec_padded(32)?, parts.s().to_vec_padded(32)?].concat()
        }
    };
    Ok(Zeroizing::new(format!("{text}.{}", base64url(&signature))))
}

/// What Microsoft knows a certificate by, and when the certificate ends.
pub struct Thumb {
    pub sha256: String,
    pub ends: Option<Timestamp>,
}

/// The first certificate of a PEM file.
///
/// # Errors
/// There is none.
pub fn thumb(pem: &[u8]) -> Result<Thumb> {
    let certificate = X509::from_pem(pem).map_err(|_| anyhow!("not a certificate in PEM format"))?;
    let digest = certificate.digest(MessageDigest::sha256()).context("no digest")?;
    let epoch = openssl::asn1::Asn1Time::from_unix(0)?;
    let left = epoch.diff(certificate.not_after())?;
    let ends = Timestamp::from_second(i64::from(left.days) * 86_400 + i64::from(left.secs)).ok();
    Ok(Thumb { sha256: base64url(&digest), ends })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use openssl::ec::{EcGroup, EcKey};
    use openssl::nid::Nid;
    use openssl::rsa::Rsa;
    use openssl::sign::Verifier;

    use super::super::form::from_base64url;
    use super::*;

    /// The private key of RFC 7515 A.2 as PEM, and what it signs there.
    #[test]
    fn a_published_signature_is_made_again() {
        let number = |text: &str| openssl::bn::BigNum::from_slice(&from_base64url(text).unwrap()).unwrap();
        let (n, e, d) = (
            "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
            "AQAB",
            "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ",
        );
        let p = "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc";
        let q = "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc";
        let key = openssl::rsa::RsaPrivateKeyBuilder::new(number(n), number(e), number(d))
            .unwrap()
            .set_factors(number(p), number(q))
            .unwrap()
            .build();
        let key = PKey::from_rsa(key).unwrap();
        let input = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = Signer::new(MessageDigest::sha256(), &key).unwrap().sign_oneshot_to_vec(input.as_bytes());
        assert!(
            base64url(&signature.unwrap())
                .starts_with("cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7")
        );
    }

    #[test]
    fn every_algorithm_is_verified_by_the_public_key() {
        let rsa = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let curve = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        for (algorithm, key) in [(Algorithm::Rs256, &rsa), (Algorithm::Ps256, &rsa), (Algorithm::Es256, &curve)] {
            assert_eq!(Algorithm::of(key, algorithm), algorithm);
            let token = signed(algorithm, key, &json!({"kid": "k"}), &json!({"sub": "ä"})).unwrap();
            let parts: Vec<&str> = token.split('.').collect();
            let head: Value = serde_json::from_slice(&from_base64url(parts[0]).unwrap()).unwrap();
            assert_eq!(head, json!({"alg": algorithm.name(), "typ": "JWT", "kid": "k"}));
            let signature = from_base64url(parts[2]).unwrap();
            let mut verifier = Verifier::new(MessageDigest::sha256(), key).unwrap();
            let signature = match algorithm {
                Algorithm::Rs256 => signature,
                Algorithm::Ps256 => {
                    verifier.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
                    signature
                }
                Algorithm::Es256 => {
                    assert_eq!(signature.len(), 64);
                    let number = |bytes: &[u8]| openssl::bn::BigNum::from_slice(bytes).unwrap();
                    let (r, s) = signature.split_at(32);
                    EcdsaSig::from_private_components(number(r), number(s)).unwrap().to_der().unwrap()
                }
            };
            let signed = format!("{}.{}", parts[0], parts[1]);
            assert!(verifier.verify_oneshot(&signature, signed.as_bytes()).unwrap(), "{algorithm:?}");
        }
        let now = Timestamp::from_second(1_000).unwrap();
        assert_eq!(times(now), [("iat", 940), ("nbf", 940), ("exp", 1_300)]);
        assert!(key("hunter2").unwrap_err().to_string().starts_with("not a private key"));
    }
}
