#![allow(clippy::unwrap_used)]
use jiff::SignedDuration;

use super::super::answer::{Answer, read};
use super::super::tests::client;
use super::*;

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);
const AGAIN: &str = "sign in again: espomail account auth support";

/// The cause of a refusal with this word and number of Microsoft (0 = none).
fn cause(client: &Client, error: &str, number: u32, change: impl FnOnce(&mut Facts<'_>)) -> Cause {
    let codes = if number == 0 { String::new() } else { format!(r#","error_codes":[{number}]"#) };
    let said = if number == 0 { String::new() } else { format!("AADSTS{number}: words.\\r\\nTrace ID: abc") };
    let body = format!(r#"{{"error":"{error}","error_description":"{said}"{codes}}}"#);
    let Answer::Refused(refusal) = read(400, body.as_bytes(), &[]) else { unreachable!("{body}") };
    let mut facts = Facts {
        account: "support",
        client,
        by_device: false,
        signed_in_at: None,
        now: NOW,
        skew: None,
        retry_after: None,
    };
    change(&mut facts);
    of(&refusal, &facts)
}

#[test]
fn every_number_of_microsoft_has_its_words_its_step_and_its_exit_code() {
    let person = client(Provider::M365, Flow::Code);
    let (refused, setting, passing) = (NetErrorKind::LoginRefused, NetErrorKind::Setting, NetErrorKind::Temporary);
    let secret = "make a new one in the app registration and put its *value* into /etc/espomail/work.secret";
    let tenant = "set tenant = \"…\" in [oauth.work]";
    let scopes = "app: https://outlook.office365.com/.default; else leave scopes out: the provider's own are used";
    let consent = "an administrator opens https://login.microsoftonline.com/example.org/v2.0/adminconsent?client_id=client-1&scope=https%3A%2F%2Foutlook.office.com%2FIMAP.AccessAsUser.All%20https%3A%2F%2Foutlook.office.com%2FSMTP.Send";
    let user = "an administrator of the tenant mends it, or another user signs in: espomail account auth support";
    let stands = "how the sign-in stands: espomail account auth support --status";
    let policy = "an administrator of the tenant exempts this user or this machine's address; or flow = \"app\"";
    #[rustfmt::skip]
    let rows: &[(&str, u32, NetErrorKind, &str, &str)] = &[
        ("invalid_grant", 700_082, refused, "the sign-in has ended (AADSTS700082: it was not used for 90 days)", AGAIN),
        ("invalid_grant", 70_008, refused, "the sign-in has ended (AADSTS70008: it has expired)", AGAIN),
        ("invalid_grant", 50_173, refused, "the sign-in has ended (AADSTS50173: revoked, or the password was changed)", AGAIN),
        ("invalid_grant", 70_000, refused, "the sign-in has ended (AADSTS70000: it is not valid any more)", AGAIN),
        ("invalid_grant", 50_089, refused, "the sign-in has ended (AADSTS50089: it has expired)", AGAIN),
        ("invalid_grant", 54_005, refused, "the sign-in has ended (AADSTS54005: the code was used already)", AGAIN),
        ("interaction_required", 50_076, refused, "the tenant wants a second factor again (AADSTS50076)", "espomail account auth support"),
        ("interaction_required", 50_078, refused, "the tenant wants a second factor again (AADSTS50078)", "espomail account auth support"),
        ("interaction_required", 50_079, refused, "the tenant wants a second factor again (AADSTS50079)", "espomail account auth support"),
        ("interaction_required", 50_158, refused, "the tenant wants a second factor again (AADSTS50158)", "espomail account auth support"),
        ("interaction_required", 53_000, refused, "forbidden by a Conditional Access policy of the tenant (AADSTS53000)", policy),
        ("invalid_grant", 53_003, refused, "forbidden by a Conditional Access policy of the tenant (AADSTS53003)", policy),
        ("invalid_grant", 530_035, refused, "forbidden by a Conditional Access policy of the tenant (AADSTS530035)", policy),
        ("invalid_grant", 65_001, refused, "nobody has allowed this application yet (AADSTS65001)", consent),
        ("invalid_grant", 90_094, refused, "nobody has allowed this application yet (AADSTS90094)", consent),
        ("invalid_client", 7_000_222, setting, "the client secret of profile \"work\" has expired (AADSTS7000222)", secret),
        ("invalid_client", 7_000_215, setting, "the client secret of profile \"work\" is wrong (AADSTS7000215)", secret),
        ("invalid_client", 70_002, setting, "the client secret of profile \"work\" is wrong (AADSTS70002)", secret),
        ("invalid_client", 7_000_218, setting, "the application wants a secret (AADSTS7000218)", "switch on \"Allow public client flows\" in the app registration, or add client_secret"),
        ("invalid_client", 700_025, setting, "the application takes no secret (AADSTS700025)", "it is a public client: remove client_secret from profile \"work\""),
        ("invalid_request", 9_002_325, setting, "the redirect address is not registered as \"Mobile and desktop application\" (AADSTS9002325)", "register http://localhost there"),
        ("invalid_request", 9_002_327, setting, "the redirect address is not registered as \"Mobile and desktop application\" (AADSTS9002327)", "register http://localhost there"),
        ("invalid_client", 50_011, setting, "the redirect address is not registered as \"Mobile and desktop application\" (AADSTS50011)", "register http://localhost there"),
        ("invalid_request", 50_194, setting, "application or tenant not found here (AADSTS50194)", tenant),
        ("invalid_request", 9_001_023, setting, "application or tenant not found here (AADSTS9001023)", tenant),
        ("invalid_request", 90_002, setting, "application or tenant not found here (AADSTS90002)", tenant),
        ("invalid_request", 50_059, setting, "application or tenant not found here (AADSTS50059)", tenant),
        ("unauthorized_client", 700_016, setting, "application or tenant not found here (AADSTS700016)", tenant),
        ("invalid_scope", 28_002, setting, "the scopes do not fit (AADSTS28002)", scopes),
        ("invalid_scope", 70_011, setting, "the scopes do not fit (AADSTS70011)", scopes),
        ("invalid_request", 900_144, setting, "the scopes do not fit (AADSTS900144)", scopes),
        ("invalid_client", 700_027, setting, "the certificate or the clock is not accepted (AADSTS700027)", "upload the certificate to the app registration"),
        ("invalid_client", 500_133, setting, "the certificate or the clock is not accepted (AADSTS500133)", "upload the certificate to the app registration"),
        ("invalid_grant", 50_034, refused, "this user is not in the tenant (AADSTS50034)", user),
        ("invalid_grant", 500_208, refused, "this user is not in the tenant (AADSTS500208)", user),
        ("invalid_grant", 50_057, refused, "this user is disabled (AADSTS50057)", user),
        ("invalid_grant", 50_053, refused, "this user is locked (AADSTS50053)", user),
        ("invalid_grant", 50_055, refused, "this user has an expired password (AADSTS50055)", user),
        ("invalid_request", 50_196, passing, "login.microsoftonline.com: cannot give a token now (AADSTS50196)", ""),
        ("invalid_request", 90_006, passing, "login.microsoftonline.com: cannot give a token now (AADSTS90006)", ""),
        ("temporarily_unavailable", 90_012, passing, "login.microsoftonline.com: cannot give a token now (AADSTS90012)", ""),
        ("invalid_grant", 999_999, refused, "the issuer gives no token (AADSTS999999): AADSTS999999: words.", stands),
        ("new_word", 0, refused, "the issuer gives no token (new_word)", stands),
        ("invalid_grant", 0, refused, "the sign-in has ended (invalid_grant)", AGAIN),
        ("interaction_required", 0, refused, "the tenant wants a second factor again (interaction_required)", "espomail account auth support"),
        ("temporarily_unavailable", 0, passing, "login.microsoftonline.com: cannot give a token now (temporarily_unavailable)", ""),
        ("invalid_client", 0, setting, "the client secret of profile \"work\" is wrong (invalid_client)", secret),
        ("invalid_scope", 0, setting, "the scopes do not fit (invalid_scope)", scopes),
    ];
    for (error, number, kind, text, hint) in rows {
        let cause = cause(&person, error, *number, |_| {});
        let told = (cause.kind, cause.text.as_str(), cause.hint.as_deref().unwrap_or_default());
        assert_eq!(told, (*kind, *text, *hint), "{error} {number}");
        assert!(!cause.text.contains("Trace"), "{}", cause.text);
    }
    // A number that is not written out above is told as the one of its row that is.
    for (codes, row) in ROWS.iter().filter(|(_, row)| *row != Row::Frequency) {
        let known = rows.iter().find(|(_, number, ..)| codes.contains(number));
        let (word, number, kind, text, hint) = known.unwrap_or_else(|| unreachable!("{row:?} has no row here"));
        for code in *codes {
            let cause = cause(&person, word, *code, |_| {});
            let text = text.replace(&format!("AADSTS{number}"), &format!("AADSTS{code}"));
            let told = (cause.kind, cause.text, cause.hint.unwrap_or_default());
            assert_eq!(told, (*kind, text, (*hint).to_owned()), "{code}");
        }
    }
}

#[test]
fn a_code_that_is_not_taken_has_ended_no_sign_in() {
    let person = client(Provider::M365, Flow::Code);
    let facts = Facts {
        account: "support",
        client: &person,
        by_device: false,
        signed_in_at: None,
        now: NOW,
        skew: None,
        retry_after: None,
    };
    for (error, number, is_of_code) in [
        ("invalid_grant", 0, true),
        ("invalid_grant", 54_005, true),
        ("invalid_grant", 65_001, false),
        ("invalid_client", 0, false),
    ] {
        let codes = if number == 0 { Vec::new() } else { vec![number] };
        let refusal = Refusal { status: 400, error: error.into(), codes, ..Refusal::default() };
        let cause = of_code(&refusal, &facts);
        assert_eq!(cause.text.starts_with("the issuer does not take this code ("), is_of_code, "{}", cause.text);
        assert_eq!(cause == of(&refusal, &facts), !is_of_code, "{}", cause.text);
    }
}

#[test]
fn only_what_ends_a_sign_in_makes_it_dead() {
    let person = client(Provider::M365, Flow::Device);
    for (error, number, is_dead) in [
        ("invalid_grant", 700_082, true),
        ("invalid_grant", 0, true),
        ("interaction_required", 50_076, true),
        ("invalid_grant", 70_043, true),
        ("invalid_client", 7_000_222, false),
        ("invalid_grant", 53_003, false),
        ("temporarily_unavailable", 0, false),
        ("invalid_grant", 999_999, false),
    ] {
        assert_eq!(cause(&person, error, number, |_| {}).is_dead, is_dead, "{error} {number}");
    }
    assert!(!cause(&client(Provider::M365, Flow::App), "invalid_grant", 70_000, |_| {}).is_dead, "nobody can sign in");
}

#[test]
fn what_depends_on_more_than_the_number() {
    let days = |days: i64| Some(NOW - SignedDuration::from_hours(24 * days));
    let person = client(Provider::M365, Flow::Code);
    let frequency = cause(&person, "invalid_grant", 70_043, |facts| facts.signed_in_at = days(7));
    assert_eq!(
        frequency.text,
        "the sign-in has ended: the tenant's Conditional Access allows it for 7 days only (AADSTS70043)"
    );
    assert_eq!(
        frequency.hint.as_deref(),
        Some("espomail account auth support; for good: a profile with flow = \"app\", or an exception for this user")
    );
    let device = cause(&person, "invalid_grant", 53_003, |facts| facts.by_device = true).hint.unwrap();
    assert_eq!(
        device,
        "device code is often forbidden: espomail account auth support (authorization code), or flow = \"app\""
    );
    let google = client(Provider::Google, Flow::Code);
    for (age, part, hint) in [
        (7, "Google ends it after 7 days while the project is in status Testing", "set the project to Internal"),
        (9, "revoked, not used for 6 months, or the password was changed", AGAIN),
    ] {
        let ended = cause(&google, "invalid_grant", 0, |facts| facts.signed_in_at = days(age));
        assert!(ended.text.contains(part) && ended.hint.unwrap().contains(hint), "{}", ended.text);
    }
    let robot = cause(&client(Provider::Google, Flow::ServiceAccount), "invalid_grant", 0, |_| {});
    assert!(robot.text == "the service account is refused (invalid_grant)" && !robot.is_dead, "{}", robot.text);
    let app = client(Provider::M365, Flow::App);
    for (skew, part) in [(420, "this machine is 7 min fast"), (-3_600, "this machine is 60 min slow")] {
        let clock = cause(&app, "invalid_client", 700_024, |facts| facts.skew = Some(skew));
        assert!(clock.text.ends_with(part), "{}", clock.text);
        assert_eq!(clock.hint.as_deref(), Some("timedatectl set-ntp true"));
    }
    let asked = cause(&app, "temporarily_unavailable", 0, |facts| facts.retry_after = Some(Duration::from_secs(90)));
    assert_eq!(asked.later.unwrap().after, Some(Duration::from_secs(90)));
    let looped = cause(&app, "invalid_request", 50_196, |_| {});
    assert_eq!(looped.later.unwrap().after, Some(LOOP));
}
