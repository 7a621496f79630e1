//! Why an issuer gave no token: by its code alone, never by its sentences. Pure.

use std::time::Duration;

use jiff::Timestamp;

use super::answer::Refusal;
use super::client::{Client, Proof};
use super::form::encoded;
use crate::config::oauth::{Flow, Provider};
use crate::net::{Later, NetError, NetErrorKind};

/// Google ends what was allowed to a project in status Testing after 7 days.
const TESTING_DAYS: i64 = 8;
/// An issuer that sees a loop is left alone for so long.
const LOOP: Duration = Duration::from_secs(300);

/// What a number of Microsoft means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    /// The sign-in has ended, because of this.
    Ended(&'static str),
    /// By the frequency that Conditional Access asks for.
    Frequency,
    SecondFactor,
    Forbidden,
    Consent,
    SecretExpired,
    SecretWrong,
    WantsSecret,
    TakesNoSecret,
    Redirect,
    NotFound,
    Scopes,
    Certificate,
    /// This user …
    User(&'static str),
    Passing,
}

#[rustfmt::skip]
const ROWS: &[(&[u32], Row)] = &[
    (&[700_082], Row::Ended("it was not used for 90 days")),
    (&[70_008, 50_089], Row::Ended("it has expired")),
    (&[50_173], Row::Ended("revoked, or the password was changed")),
    (&[70_000], Row::Ended("it is not valid any more")),
    (&[54_005], Row::Ended("the code was used already")),
    (&[70_043], Row::Frequency),
    (&[50_076, 50_078, 50_079, 50_158], Row::SecondFactor),
    (&[53_000, 53_001, 53_003, 530_035, 50_097, 50_131, 50_005], Row::Forbidden),
    (&[65_001, 65_004, 650_056, 90_094], Row::Consent),
    (&[7_000_222], Row::SecretExpired),
    (&[7_000_215, 70_002], Row::SecretWrong),
    (&[7_000_218], Row::WantsSecret),
    (&[700_025], Row::TakesNoSecret),
    (&[9_002_325, 9_002_326, 9_002_327, 50_011], Row::Redirect),
    (&[50_194, 9_001_023, 90_002, 50_059, 700_016, 700_011, 70_001], Row::NotFound),
    (&[28_002, 70_011, 900_144], Row::Scopes),
    (&[700_027, 700_024, 700_030, 50_012, 500_133], Row::Certificate),
    (&[50_034, 50_020, 51_004, 500_208], Row::User("is not in the tenant")),
    (&[50_057], Row::User("is disabled")),
    (&[50_053], Row::User("is locked")),
    (&[50_055], Row::User("has an expired password")),
    (&[50_196, 90_006, 50_033, 50_087, 90_012, 70_012], Row::Passing),
];

/// What is known where the answer came.
pub struct Facts<'a> {
    pub account: &'a str,
    pub client: &'a Client,
    /// By device code.
    pub by_device: bool,
    /// When a person signed in.
    pub signed_in_at: Option<Timestamp>,
    pub now: Timestamp,
    /// Our clock minus the issuer's in seconds.
    pub skew: Option<i64>,
    pub retry_after: Option<Duration>,
}

/// The reason, the words and the next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// [`NetErrorKind::LoginRefused`], [`NetErrorKind::Setting`] or [`NetErrorKind::Temporary`].
    pub kind: NetErrorKind,
    pub text: String,
    pub hint: Option<String>,
    /// The sign-in is dead: nothing is asked until somebody signs in again.
    pub is_dead: bool,
    pub later: Option<Later>,
}

impl Cause {
    pub fn error(&self) -> NetError {
        NetError { later: self.later, hint: self.hint.clone(), ..NetError::new(self.kind, self.text.clone()) }
    }

    fn new(kind: NetErrorKind, text: String, hint: impl Into<Option<String>>) -> Cause {
        Cause { kind, text, hint: hint.into(), is_dead: false, later: None }
    }
}

/// What passes by itself.
pub fn passing(text: String, after: Option<Duration>) -> Cause {
    let later = Some(Later { after, of_folder: false });
    Cause { later, ..Cause::new(NetErrorKind::Temporary, text, None) }
}

/// By Microsoft's number, else by the word of RFC 6749, else by the status of HTTP.
pub fn of(refusal: &Refusal, facts: &Facts<'_>) -> Cause {
    let code = refusal.code();
    let overloaded = refusal.status == 429 || refusal.status >= 500;
    match (row(refusal), refusal.error.as_str()) {
        (Some(row), _) => by_number(row, &code, facts),
        (None, "temporarily_unavailable" | "server_error" | "slow_down") => come_back(&code, facts),
        (None, _) if overloaded => come_back(&code, facts),
        (None, "invalid_grant") if refusal.codes.is_empty() => ended(&code, facts),
        (None, "interaction_required" | "login_required") => by_number(Row::SecondFactor, &code, facts),
        (None, "consent_required" | "access_denied" | "admin_policy_enforced") => denied(refusal, facts),
        (None, "invalid_client") if refusal.codes.is_empty() => by_number(Row::SecretWrong, &code, facts),
        (None, "unauthorized_client") if refusal.codes.is_empty() => by_number(Row::NotFound, &code, facts),
        (None, "invalid_scope") => by_number(Row::Scopes, &code, facts),
        (None, "redirect_uri_mismatch") => by_number(Row::Redirect, &code, facts),
        (None, _) => unknown(refusal, &code, facts),
    }
}

/// The same where somebody has just signed in: what is not taken is the code, and no sign-in has ended.
pub fn of_code(refusal: &Refusal, facts: &Facts<'_>) -> Cause {
    let is_of_code = match row(refusal) {
        Some(Row::Ended(_)) => true,
        Some(_) => false,
        None => refusal.error == "invalid_grant" && refusal.codes.is_empty(),
    };
    if !is_of_code {
        return of(refusal, facts);
    }
    let code = refusal.code();
    let why = "it was used already, is too old or belongs to another sign-in";
    let text = format!("the issuer does not take this code ({code}): {why}");
    Cause::new(NetErrorKind::LoginRefused, text, format!("try again: {}", sign_in(facts)))
}

fn row(refusal: &Refusal) -> Option<Row> {
    let of_code = |code: &u32| ROWS.iter().find(|(codes, _)| codes.contains(code));
    refusal.codes.iter().find_map(of_code).map(|(_, row)| *row)
}

fn come_back(code: &str, facts: &Facts<'_>) -> Cause {
    let host = crate::net::http::host(&facts.client.token_url);
    passing(format!("{host}: cannot give a token now ({code})"), facts.retry_after)
}

fn sign_in(facts: &Facts<'_>) -> String {
    format!("espomail account auth {}", facts.account)
}

/// The sign-in has ended, and the issuer says no more than that.
fn ended(code: &str, facts: &Facts<'_>) -> Cause {
    let days = facts.signed_in_at.map(|at| facts.now.duration_since(at).as_hours() / 24);
    let client = facts.client;
    let (why, hint) = match client.provider {
        Provider::Google if client.flow == Flow::ServiceAccount => (
            "is refused".to_owned(),
            "does the service account have domain-wide delegation for https://mail.google.com/, is the mailbox one of the domain, and is the clock right?".to_owned(),
        ),
        Provider::Google if days.is_some_and(|days| (0..TESTING_DAYS).contains(&days)) => (
            format!("has ended ({code}): Google ends it after 7 days while the project is in status Testing"),
            format!("set the project to Internal or In production, then {}", sign_in(facts)),
        ),
        Provider::Google => (
            format!("has ended ({code}: revoked, not used for 6 months, or the password was changed)"),
            format!("sign in again: {}", sign_in(facts)),
        ),
        Provider::M365 | Provider::Custom => {
            (format!("has ended ({code})"), format!("sign in again: {}", sign_in(facts)))
        }
    };
    let text = if why == "is refused" {
        format!("the service account is refused ({code})")
    } else {
        format!("the sign-in {why}")
    };
    let is_dead = client.flow.is_of_person();
    Cause { is_dead, ..Cause::new(NetErrorKind::LoginRefused, text, hint) }
}

fn denied(refusal: &Refusal, facts: &Facts<'_>) -> Cause {
    match facts.client.provider {
        Provider::M365 => by_number(Row::Consent, &refusal.code(), facts),
        Provider::Google | Provider::Custom => Cause::new(
            NetErrorKind::LoginRefused,
            format!("the application was not allowed ({})", refusal.code()),
            format!("allow it in the browser, or let an administrator of the domain do it; then {}", sign_in(facts)),
        ),
    }
}

fn unknown(refusal: &Refusal, code: &str, facts: &Facts<'_>) -> Cause {
    let said = if refusal.description.is_empty() { String::new() } else { format!(": {}", refusal.description) };
    let hint = format!("how the sign-in stands: {} --status", sign_in(facts));
    Cause::new(NetErrorKind::LoginRefused, format!("the issuer gives no token ({code}){said}"), hint)
}

fn by_number(row: Row, code: &str, facts: &Facts<'_>) -> Cause {
    let client = facts.client;
    let again = sign_in(facts);
    let refused = |text: String, hint: Option<String>| Cause::new(NetErrorKind::LoginRefused, text, hint);
    let setting = |text: String, hint: String| Cause::new(NetErrorKind::Setting, text, hint);
    match row {
        Row::Ended(why) => Cause {
            is_dead: client.flow.is_of_person(),
            ..refused(format!("the sign-in has ended ({code}: {why})"), Some(format!("sign in again: {again}")))
        },
        Row::Frequency => frequency(code, facts),
        Row::SecondFactor => Cause {
            is_dead: client.flow.is_of_person(),
            ..refused(format!("the tenant wants a second factor again ({code})"), Some(again))
        },
        Row::Forbidden => refused(
            format!("forbidden by a Conditional Access policy of the tenant ({code})"),
            Some(match (facts.by_device, client.flow) {
                (true, _) => {
                    format!("device code is often forbidden: {again} (authorization code), or flow = \"app\"")
                }
                (false, Flow::App | Flow::ServiceAccount) => {
                    "an administrator of the tenant exempts the application from the policy, or this machine's address"
                        .to_owned()
                }
                (false, _) => {
                    "an administrator of the tenant exempts this user or this machine's address; or flow = \"app\""
                        .to_owned()
                }
            }),
        ),
        Row::Consent => refused(format!("nobody has allowed this application yet ({code})"), Some(consent(client))),
        Row::SecretExpired | Row::SecretWrong => {
            let how = if row == Row::SecretExpired { "has expired" } else { "is wrong" };
            setting(
                format!("the client secret of {} {how} ({code})", client.called(facts.account)),
                format!("make a new one in the app registration and put its *value* into {}", place(client)),
            )
        }
        Row::WantsSecret => setting(
            format!("the application wants a secret ({code})"),
            "switch on \"Allow public client flows\" in the app registration, or add client_secret".to_owned(),
        ),
        Row::TakesNoSecret => setting(
            format!("the application takes no secret ({code})"),
            format!("it is a public client: remove client_secret from {}", client.called(facts.account)),
        ),
        Row::Redirect => setting(
            format!("the redirect address is not registered as \"Mobile and desktop application\" ({code})"),
            match client.provider {
                Provider::M365 => "register http://localhost there".to_owned(),
                Provider::Google => "make the client of type Desktop app: it needs no registered address".to_owned(),
                Provider::Custom => "register http://127.0.0.1 with any port there".to_owned(),
            },
        ),
        Row::NotFound => setting(
            format!("application or tenant not found here ({code})"),
            client.set(facts.account, if client.provider == Provider::M365 { "tenant" } else { "client_id" }),
        ),
        Row::Scopes => setting(
            format!("the scopes do not fit ({code})"),
            "app: https://outlook.office365.com/.default; else leave scopes out: the provider's own are used"
                .to_owned(),
        ),
        Row::Certificate => certificate(code, facts),
        Row::User(how) => refused(
            format!("this user {how} ({code})"),
            Some(format!("an administrator of the tenant mends it, or another user signs in: {again}")),
        ),
        Row::Passing => {
            let after = facts.retry_after.or((code == "AADSTS50196").then_some(LOOP));
            let host = crate::net::http::host(&client.token_url);
            passing(format!("{host}: cannot give a token now ({code})"), after)
        }
    }
}

fn frequency(code: &str, facts: &Facts<'_>) -> Cause {
    let days =
        facts.signed_in_at.map(|at| (facts.now.duration_since(at).as_hours() + 12) / 24).filter(|days| *days > 0);
    let time = match days {
        Some(1) => "1 day only".to_owned(),
        Some(days) => format!("{days} days only"),
        None => "a short time only".to_owned(),
    };
    let text = format!("the sign-in has ended: the tenant's Conditional Access allows it for {time} ({code})");
    let hint = format!("{}; for good: a profile with flow = \"app\", or an exception for this user", sign_in(facts));
    Cause { is_dead: true, ..Cause::new(NetErrorKind::LoginRefused, text, hint) }
}

fn certificate(code: &str, facts: &Facts<'_>) -> Cause {
    let skew = facts.skew.filter(|skew| skew.abs() >= 120);
    let text = format!("the certificate or the clock is not accepted ({code})");
    match skew {
        Some(skew) => {
            let way = if skew > 0 { "fast" } else { "slow" };
            let text = format!("{text}; this machine is {} min {way}", (skew.abs() + 30) / 60);
            Cause::new(NetErrorKind::Setting, text, "timedatectl set-ntp true".to_owned())
        }
        None => Cause::new(NetErrorKind::Setting, text, "upload the certificate to the app registration".to_owned()),
    }
}

/// Where the administrator of a tenant allows an application.
fn consent(client: &Client) -> String {
    if client.provider != Provider::M365 {
        return "an administrator allows it at the issuer".to_owned();
    }
    let tenant = client.tenant.as_deref().unwrap_or("organizations");
    let scopes: Vec<&str> = client.scopes.split(' ').filter(|scope| scope.starts_with("https://")).collect();
    format!(
        "an administrator opens https://login.microsoftonline.com/{tenant}/v2.0/adminconsent?client_id={}&scope={}",
        encoded(&client.client_id),
        encoded(&scopes.join(" "))
    )
}

/// Where its secret is kept.
fn place(client: &Client) -> String {
    match &client.proof {
        Proof::Secret(spec) | Proof::ServiceAccount(spec) | Proof::Certificate { key: spec, .. } => {
            let spec = spec.to_string();
            spec.strip_prefix("file:").map_or(spec.clone(), str::to_owned)
        }
        Proof::Nothing => "the place that client_secret names".to_owned(),
    }
}

#[cfg(test)]
mod tests;
