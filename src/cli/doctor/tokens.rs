//! Sign-ins: those that have ended, secrets and certificates that end soon, and a clock that issuers do not agree with.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::Finding;
use crate::cli::account::token;
use crate::cli::context::Context;
use crate::error::{self, Kind};
use crate::oauth::client::Proof;
use crate::oauth::kept::{self, Kept};
use crate::oauth::{Client, jwt};
use crate::secret::SecretSpec;
use crate::store::accounts::Account;
use crate::system_words;

/// What ends within this is told.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Looks at the sign-ins of accounts, without asking an issuer.
pub fn look(accounts: &[Account], ctx: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    let mut skew: Option<i64> = None;
    for account in accounts.iter().filter(|account| account.active) {
        let Some(profile) = account.oauth() else { continue };
        let check = format!("{} OAuth", account.name);
        let client = match Client::of(&ctx.config, account, profile) {
            Ok(client) => client,
            Err(error) => {
                findings.push(super::failed(&check, &error));
                continue;
            }
        };
        let file = client.token_file(&ctx.place, account.id);
        let again = format!("espomail account auth {}", account.name);
        let kept = kept::read(&file, &again);
        skew = kept.as_ref().ok().and_then(Option::as_ref).and_then(|kept| kept.skew).or(skew);
        match of_proof(&client) {
            Some(error) => findings.push(super::failed(&check, &error)),
            None => findings.push(of_sign_in(&check, &client, kept, &again)),
        }
        if seen.insert(client.name.clone()) {
            findings.extend(of_secret(&client, ctx));
        }
    }
    if let Some(warning) = skew.and_then(token::clock) {
        findings.push(Finding::warn("clock", warning, "timedatectl set-ntp true"));
    }
    findings
}

/// Why a file with which the client shows who it is cannot be read on this machine. No program is run for it.
fn of_proof(client: &Client) -> Option<anyhow::Error> {
    let (Proof::Secret(spec) | Proof::Certificate { key: spec, .. } | Proof::ServiceAccount(spec)) = &client.proof
    else {
        return None;
    };
    match spec {
        SecretSpec::File(path) => spec.resolve(path).err(),
        _ => None,
    }
}

fn of_sign_in(check: &str, client: &Client, kept: anyhow::Result<Option<Kept>>, again: &str) -> Finding {
    let kept = match kept {
        Ok(kept) => kept.filter(|kept| kept.is_of(client)),
        Err(error) => return super::failed(check, &error),
    };
    let Some(kept) = kept else {
        return match client.flow.is_of_person() {
            true => Finding::fail(check, Kind::NoPerm, "nobody has signed in", again),
            false => Finding::ok(check, "no token yet"),
        };
    };
    match &kept.failure {
        Some(failure) => {
            let kind = error::classify(&failure.error(Timestamp::now()).into()).0;
            Finding::fail(check, kind, failure.text.clone(), failure.hint.clone().unwrap_or_default())
        }
        None => {
            let user = kept.user.as_deref().map(|user| format!("signed in as {user}"));
            Finding::ok(check, user.unwrap_or_else(|| format!("the {} flow works", client.flow.name())))
        }
    }
}

/// What shows who the client is, and ends soon.
fn of_secret(client: &Client, ctx: &Context) -> Option<Finding> {
    let check = format!("oauth.{}", client.name);
    if let Proof::Certificate { certificate, .. } = &client.proof {
        let shown = certificate.display();
        let thumb = std::fs::read(certificate).map_err(anyhow::Error::from).and_then(|pem| jwt::thumb(&pem));
        return match thumb {
            Err(error) => Some(Finding::fail(
                &check,
                Kind::Config,
                format!("certificate {shown}: {}", system_words::chain(&error)),
                "",
            )),
            Ok(thumb) => ends(&check, "the certificate", thumb.ends?, ctx.now()),
        };
    }
    let profile = ctx.config.oauth.get(&client.name).filter(|_| !client.is_own)?;
    let at = profile.client_secret_expires?.in_tz("UTC").ok()?.timestamp();
    ends(&check, "the client secret", at, ctx.now())
}

fn ends(check: &str, what: &str, at: Timestamp, now: Timestamp) -> Option<Finding> {
    let day = at.strftime("%Y-%m-%d");
    let hint = "make a new one in the app registration, and change the profile";
    match at.duration_since(now) {
        left if left <= SignedDuration::ZERO => {
            Some(Finding::fail(check, Kind::Config, format!("{what} ended on {day}"), hint))
        }
        left if left < SOON => Some(Finding::warn(check, format!("{what} ends on {day}"), hint)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::State;
    use super::*;

    #[test]
    fn what_ends_within_30_days_is_told() {
        let now: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
        for (at, expected) in [
            ("2026-11-29T00:00:00Z", Some("fail: the client secret ended on 2026-11-29")),
            ("2026-12-20T00:00:00Z", Some("warn: the client secret ends on 2026-12-20")),
            ("2027-01-20T00:00:00Z", None),
        ] {
            let found = ends("x", "the client secret", at.parse().unwrap(), now);
            let told = found.map(|one| {
                let state = if matches!(one.state, State::Fail(_)) { "fail" } else { "warn" };
                format!("{state}: {}", one.text)
            });
            assert_eq!(told.as_deref(), expected, "{at}");
        }
    }
}
