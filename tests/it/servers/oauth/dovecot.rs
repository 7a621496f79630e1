//! Tokens at a real server (C5): Dovecot judges them by the key of their issuer, or asks the issuer, for both protocols.

use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;
use serde_json::{Value, json};

use crate::support::{Dovecot, Exim, Issuer, Run, Sandbox, promise};

const MECHANISMS: [&str; 2] = ["xoauth2", "oauthbearer"];

fn base64url(bytes: &[u8]) -> String {
    openssl::base64::encode_block(bytes).replace('+', "-").replace('/', "_").replace('=', "")
}

/// A token with these claims, signed by a private key (ES256).
fn signed(key: &PKey<Private>, kid: &str, claims: &Value) -> String {
    let header = json!({"alg": "ES256", "typ": "JWT", "kid": kid});
    let text = format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims.to_string().as_bytes()));
    let mut signer = Signer::new(MessageDigest::sha256(), key).unwrap();
    signer.update(text.as_bytes()).unwrap();
    let signature = EcdsaSig::from_der(&signer.sign_to_vec().unwrap()).unwrap();
    let parts = [signature.r(), signature.s()].map(|part| part.to_vec_padded(32).unwrap());
    format!("{text}.{}", base64url(&parts.concat()))
}

/// A token that claims another algorithm, with this signature.
fn forged(header: &Value, claims: &Value, secret: Option<&[u8]>) -> String {
    let text = format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims.to_string().as_bytes()));
    let signature = secret.map(|secret| {
        let mut signer = Signer::new(MessageDigest::sha256(), &PKey::hmac(secret).unwrap()).unwrap();
        signer.update(text.as_bytes()).unwrap();
        signer.sign_to_vec().unwrap()
    });
    format!("{text}.{}", base64url(&signature.unwrap_or_default()))
}

/// Whether this Dovecot is one whose settings for tokens `dovecot.sh` knows.
fn is_known() -> bool {
    let version = std::process::Command::new("dovecot").arg("--version").env("PATH", "/usr/sbin:/usr/bin").output();
    let is_known = version.is_ok_and(|version| version.stdout.starts_with(b"2.3."));
    if !is_known {
        eprintln!("skipped: not Dovecot 2.3");
    }
    is_known
}

/// An account on a Dovecot of its own, whose tokens come from an issuer by an application.
struct Desk {
    sandbox: Sandbox,
    issuer: Issuer,
    dovecot: Dovecot,
    user: String,
}

impl Desk {
    fn new(issuer: Issuer, options: &[&str]) -> Desk {
        let relay = Exim::shared().smtp.to_string();
        let dovecot = Dovecot::with(&[options, &["--relay", &relay]].concat());
        let (sandbox, user) = (Sandbox::new(), "u7".to_owned());
        sandbox.init();
        issuer.profile(&sandbox, "own", "custom", "app", "client_secret = \"env:CLIENT\"");
        sandbox.env("CLIENT", "client-secret-1");
        let (imap, smtp) =
            (format!("127.0.0.1:{}", dovecot.imap), format!("127.0.0.1:{}", dovecot.submission.unwrap()));
        let account =
            ["account", "add", "support", "--address", "u7@espomail.example", "--login", &user, "--oauth", "own"];
        let servers = ["--imap", &imap, "--smtp", &smtp, "--tls", "none", "--since", "2020-01-01", "--shared"];
        sandbox.run(&[&account[..], &servers].concat()).ok();
        Desk { sandbox, issuer, dovecot, user }
    }

    /// Logs in to both servers with a token that is new.
    fn test(&self, mechanism: &str, token: &str) -> Run {
        std::fs::remove_file(self.sandbox.secrets("oauth-own")).ok();
        let token = token.to_owned();
        self.issuer.mint(move |_, _| token.clone());
        self.again(mechanism)
    }

    fn again(&self, mechanism: &str) -> Run {
        self.sandbox.run(&["account", "edit", "support", "--auth", mechanism, "--smtp-auth", mechanism]).ok();
        self.sandbox.run(&["account", "test", "support"])
    }

    /// Both servers refuse: the words of the server with its status, and what to look at.
    #[track_caller]
    fn is_refused(&self, run: Run, what: &str) {
        assert_eq!(run.code, 77, "{what}: {run:#?}");
        for protocol in ["IMAP", "SMTP"] {
            let start = format!(
                "account \"support\": {protocol} login: the server refuses the token for {}, though it was just renewed (the server refused",
                self.user
            );
            let line = run.stderr.lines().find(|line| line.contains(&start));
            let line = line.unwrap_or_else(|| panic!("{what}: {protocol}: {run:#?}"));
            assert!(line.contains("(status 401)") || line.contains("(status invalid_token)"), "{what}: {line}");
        }
        let hint = "hint: is u7 the right login (espomail account edit support --login NAME), and do the scopes allow IMAP and SMTP?";
        assert!(run.stderr.contains(hint), "{what}: {run:#?}");
    }
}

#[test]
fn a_real_server_takes_a_good_token_and_no_bad_one_for_both_protocols() {
    if !is_known() {
        return;
    }
    let desk = Desk::new(Issuer::new(), &["--strict"]);
    let key = PKey::private_key_from_pem(&std::fs::read(desk.dovecot.file("token.key")).unwrap()).unwrap();
    let public = std::fs::read(desk.dovecot.file("keys/default/ES256/first")).unwrap();
    let stranger = PKey::from_ec_key(openssl::ec::EcKey::generate(key.ec_key().unwrap().group()).unwrap()).unwrap();
    let now = jiff::Timestamp::now().as_second();
    let good = json!({
        "sub": "id-1", "upn": "u7", "iss": "https://issuer.example", "aud": "espomail", "scope": "imap",
        "iat": now - 10, "nbf": now - 10, "exp": now + 3_600,
    });
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
    let by_key = |claims: &Value| signed(&key, "first", claims);
    for mechanism in MECHANISMS {
        desk.test(mechanism, &by_key(&good)).ok();
    }
    let hs256 = json!({"alg": "HS256", "typ": "JWT", "kid": "first"});
    let tampered = {
        let token = by_key(&with("upn", json!("u8")));
        let other = by_key(&good);
        let body = other.split('.').nth(1).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        format!("{}.{body}.{}", parts[0], parts[2])
    };
    let bad = [
        ("signed by another key", signed(&stranger, "first", &good)),
        ("claims that were changed after it was signed", tampered),
        ("a key that nobody knows", signed(&key, "second", &good)),
        ("it has ended", by_key(&with("exp", json!(now - 60)))),
        ("it has not begun", by_key(&with("nbf", json!(now + 600)))),
        ("made in the future", by_key(&with("iat", json!(now + 600)))),
        ("of another issuer", by_key(&with("iss", json!("https://evil.example")))),
        ("for another audience", by_key(&with("aud", json!("other")))),
        ("for no audience", by_key(&without("aud"))),
        ("with another scope", by_key(&with("scope", json!("calendar")))),
        ("of another user", by_key(&with("upn", json!("u8")))),
        ("without a subject", by_key(&without("sub"))),
        ("not signed", forged(&json!({"alg": "none", "typ": "JWT", "kid": "first"}), &good, None)),
        ("signed with the public key as a password", forged(&hs256, &good, Some(&public))),
        ("garbage", "not-a-token".to_owned()),
    ];
    for mechanism in MECHANISMS {
        for (what, token) in &bad {
            desk.is_refused(desk.test(mechanism, token), &format!("{what}, {mechanism}"));
        }
        // A token that names nobody is not refused: Dovecot takes it for a mistake of its own.
        desk.test(mechanism, &by_key(&without("upn"))).exits(75).says("[UNAVAILABLE] Temporary authentication failure");
        desk.test(mechanism, &by_key(&good)).ok().says("new token");
        desk.again(mechanism).ok().says("kept token");
    }
    promise(
        "C5",
        "tokens at Dovecot, 2 mechanisms, IMAP and submission",
        &format!("1 good one taken, {} bad ones refused", bad.len()),
    );

    // A whole message goes by the same token.
    let other = Dovecot::shared().mailbox();
    let send =
        ["email", "send", "--account", "support", "--to", &other.address, "--subject", "By token", "-m", "Hello"];
    desk.sandbox.run(&send).ok();
    desk.sandbox.run(&["send"]).ok();
    assert_eq!(other.arrived(1).len(), 1);
}

#[test]
fn a_server_that_asks_the_issuer_refuses_a_token_as_soon_as_it_is_revoked() {
    if !is_known() {
        return;
    }
    let issuer = Issuer::new();
    let url = issuer.url("introspect").replace("https://", "https://rig:rig-secret@");
    let ca = issuer.ca();
    let desk = Desk::new(issuer, &["--introspect", &url, &ca]);
    let introspected = || desk.issuer.state().questions.iter().filter(|question| question.path == "introspect").count();
    for mechanism in MECHANISMS {
        let token = format!("opaque-{mechanism}");
        let active = |user: Option<&str>| {
            let mut state = desk.issuer.state();
            match user {
                Some(user) => state.active.insert(token.clone(), user.to_owned()),
                None => state.active.remove(&token),
            };
        };
        active(Some("u7"));
        desk.test(mechanism, &token).ok();
        assert!(introspected() > 0);
        desk.sandbox.run(&["fetch"]).ok();
        // Of another user, and then of nobody.
        active(Some("u8"));
        desk.is_refused(desk.again(mechanism), &format!("another user, {mechanism}"));
        active(None);
        desk.is_refused(desk.again(mechanism), &format!("revoked, {mechanism}"));
        desk.sandbox.run(&["fetch", "support"]).exits(77).says("though it was just renewed");
        // A new one is taken at once.
        active(Some("u7"));
        desk.test(mechanism, &token).ok();
    }
}
