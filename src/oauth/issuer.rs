//! Questions to an issuer: who asks is shown in the form, never in the address.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use jiff::Timestamp;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::answer::{self, Answer};
use super::cause::{self, Cause, Facts};
use super::client::{Client, Proof};
use super::form::{base64url, form};
use super::jwt::{self, Algorithm};
use crate::error;
use crate::net::http::{self, Way};
use crate::net::{NetError, NetErrorKind};
use crate::secret::SecretSpec;
use crate::system_words;

/// A signed statement instead of a client secret (RFC 7523 2.2).
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// A signed statement instead of a sign-in (RFC 7523 2.1).
const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// An answer with what came along.
pub struct Heard {
    pub answer: Answer,
    /// Our clock minus the issuer's, in seconds.
    pub skew: Option<i64>,
    pub retry_after: Option<Duration>,
}

/// Posts a form to the token endpoint, with what shows who asks.
///
/// # Errors
/// The client secret or key cannot be had, or [`NetError`]: no answer came.
pub fn ask(client: &Client, fields: &[(&str, &str)], way: &Way, now: Timestamp) -> Result<Heard> {
    let (answered, secrets) = post(client, &client.token_url, fields, true, way, now)?;
    let hidden: Vec<&str> = secrets.iter().map(|secret| secret.as_str()).collect();
    let answer = answer::read(answered.status, &answered.body, &hidden);
    Ok(Heard { answer, skew: skew(answered.date, now), retry_after: answered.retry_after })
}

/// Whether what shows who asks can be had, before a person takes the trouble to sign in. A command is not run for that.
///
/// # Errors
/// The client secret, certificate or key cannot be read (exit 78).
pub fn check_proof(client: &Client, now: Timestamp) -> Result<()> {
    if let Proof::Secret(spec @ SecretSpec::Cmd(_)) = &client.proof {
        return spec.fault(std::path::Path::new("")).map_or(Ok(()), |why| Err(error::config(why).into()));
    }
    proof(client, now).map(drop)
}

/// A device code and what the person is told (RFC 8628 3.2).
pub struct DeviceCode {
    pub device_code: Zeroizing<String>,
    pub user_code: String,
    pub address: String,
    pub expires_in: Duration,
    pub interval: Duration,
}

/// Asks for a device code.
///
/// # Errors
/// As [`ask`]; the issuer refuses, told by `facts`.
pub fn device_code(client: &Client, way: &Way, now: Timestamp, account: &str) -> Result<DeviceCode> {
    let url = client.device_url.as_deref().context("an issuer without device codes")?;
    let (answered, _) = post(client, url, &[("scope", &client.scopes)], false, way, now)?;
    let fields = answer::object(&answered.body);
    let text = |name: &str| fields.as_ref().and_then(|fields| answer::text(fields, name));
    let address = text("verification_uri").or_else(|| text("verification_url"));
    if let (Some(code), Some(user_code), Some(address)) = (text("device_code"), text("user_code"), address) {
        let seconds = |name: &str, usual: u64| {
            let given = fields.as_ref().and_then(|fields| answer::number(fields.get(name)));
            Duration::from_secs(given.unwrap_or(usual))
        };
        return Ok(DeviceCode {
            device_code: Zeroizing::new(code),
            user_code: crate::net::quoted(&user_code, &[]),
            address: crate::net::quoted(&address, &[]),
            expires_in: seconds("expires_in", 900).min(Duration::from_secs(3_600)),
            interval: seconds("interval", 5).clamp(Duration::from_secs(1), Duration::from_secs(60)),
        });
    }
    let answer = match answer::read(answered.status, &answered.body, &[]) {
        Answer::Granted(_) => Answer::Nonsense("answers without a device code".to_owned()),
        answer => answer,
    };
    let facts = Facts {
        account,
        client,
        by_device: true,
        signed_in_at: None,
        now,
        skew: skew(answered.date, now),
        retry_after: answered.retry_after,
    };
    Err(failure(&answer, &facts).map_or_else(|| anyhow!("no device code"), |cause| cause.error().into()))
}

/// Why an answer gives no token; `None` where it does.
pub fn failure(answer: &Answer, facts: &Facts<'_>) -> Option<Cause> {
    match answer {
        Answer::Granted(_) => None,
        Answer::Refused(refusal) => {
            if !refusal.trace.is_empty() {
                log::info!("{}: {}", refusal.code(), refusal.trace);
            }
            Some(cause::of(refusal, facts))
        }
        Answer::Nonsense(what) => {
            let host = http::host(&facts.client.token_url);
            Some(cause::passing(format!("{host}: {what}"), facts.retry_after))
        }
    }
}

/// What kept an answer from coming passes by itself, except what is set here.
pub fn unanswered(error: NetError) -> Cause {
    let kind = match error.kind {
        NetErrorKind::NotAllowed | NetErrorKind::Setting => NetErrorKind::Setting,
        _ => NetErrorKind::Temporary,
    };
    let hint = error.hint.or_else(|| {
        let allowed = "for an issuer in your own network, name it in allowed_hosts of the configuration";
        (error.kind == NetErrorKind::NotAllowed).then(|| allowed.to_owned())
    });
    Cause { kind, text: error.message, hint, is_dead: false, later: None }
}

/// The grant and its fields where nobody signs in.
///
/// # Errors
/// The JSON of a service account cannot be had or used (exit 78).
pub fn own_grant(client: &Client, mailbox: &str, now: Timestamp) -> Result<Vec<(&'static str, Zeroizing<String>)>> {
    let plain = |text: &str| Zeroizing::new(text.to_owned());
    let Proof::ServiceAccount(spec) = &client.proof else {
        return Ok(vec![("grant_type", plain("client_credentials")), ("scope", plain(&client.scopes))]);
    };
    let bad = |why: &str| {
        error::config(format!("service_account {spec}: {why}"))
            .hint("the JSON file that Google gives once, when a key of the service account is made")
    };
    let text = spec.whole(std::path::Path::new(""))?;
    let fields = answer::object(text.as_bytes()).ok_or_else(|| bad("is not JSON"))?;
    let field = |name: &str| answer::text(&fields, name).ok_or_else(|| bad(&format!("has no {name}")));
    let key = jwt::key(&Zeroizing::new(field("private_key")?)).map_err(|_| bad("has no usable private_key"))?;
    let header = answer::text(&fields, "private_key_id").map_or(Value::Null, |id| json!({"kid": id}));
    let mut claims = json!({
        "iss": field("client_email")?, "sub": mailbox, "aud": client.token_url, "scope": client.scopes,
    });
    add_times(&mut claims, now);
    let assertion = jwt::signed(Algorithm::Rs256, &key, &header, &claims)?;
    Ok(vec![("grant_type", plain(BEARER)), ("assertion", assertion)])
}

fn add_times(claims: &mut Value, now: Timestamp) {
    if let Some(claims) = claims.as_object_mut() {
        claims.extend(jwt::times(now).map(|(name, second)| (name.to_owned(), second.into())));
    }
}

/// Posts a form with the client's fields; the answer, and what was secret in the form.
fn post(
    client: &Client,
    url: &str,
    fields: &[(&str, &str)],
    with_proof: bool,
    way: &Way,
    now: Timestamp,
) -> Result<(http::Answered, Vec<Zeroizing<String>>)> {
    let mut all: Vec<(&str, &str)> = fields.to_vec();
    let proof = if with_proof { proof(client, now)? } else { Vec::new() };
    if !matches!(client.proof, Proof::ServiceAccount(_)) {
        all.push(("client_id", &client.client_id));
    }
    all.extend(proof.iter().map(|(name, value)| (*name, value.as_str())));
    all.extend(client.extra.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    const SECRET: [&str; 7] =
        ["refresh_token", "code", "code_verifier", "device_code", "client_secret", "client_assertion", "assertion"];
    let secrets = all.iter().filter(|(name, _)| SECRET.contains(name));
    let secrets = secrets.map(|(_, value)| Zeroizing::new((*value).to_owned())).collect();
    Ok((http::post(url, &form(&all), way)?, secrets))
}

/// What shows that the client is who it says.
fn proof(client: &Client, now: Timestamp) -> Result<Vec<(&'static str, Zeroizing<String>)>> {
    let called =
        if client.is_own { "--client-secret".to_owned() } else { format!("client_secret of [oauth.{}]", client.name) };
    match &client.proof {
        Proof::Nothing | Proof::ServiceAccount(_) => Ok(Vec::new()),
        Proof::Secret(spec) => {
            let secret = spec.resolve(std::path::Path::new("")).context(called)?;
            Ok(vec![("client_secret", secret)])
        }
        Proof::Certificate { certificate, key } => {
            let shown = certificate.display();
            let bad = |why: String| error::config(format!("certificate {shown}: {why}"));
            let pem = std::fs::read(certificate).map_err(|error| bad(system_words::reason(&error)))?;
            let thumb = jwt::thumb(&pem).map_err(|error| bad(error.to_string()))?;
            let text = key.whole(std::path::Path::new(""))?;
            let key = jwt::key(&text).map_err(|error| self::error::config(format!("key {key}: {error}")))?;
            let id = base64url(&crate::random::bytes()?);
            let mut claims =
                json!({"iss": client.client_id, "sub": client.client_id, "aud": client.token_url, "jti": id});
            add_times(&mut claims, now);
            let header = json!({"x5t#S256": thumb.sha256});
            let assertion = jwt::signed(Algorithm::of(&key, Algorithm::Ps256), &key, &header, &claims)?;
            Ok(vec![("client_assertion_type", Zeroizing::new(ASSERTION.to_owned())), ("client_assertion", assertion)])
        }
    }
}

fn skew(date: Option<Timestamp>, now: Timestamp) -> Option<i64> {
    date.map(|date| now.as_second() - date.as_second())
}
