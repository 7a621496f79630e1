//! What goes wrong, as the program says it: text, hint and exit code.

use super::Rig;
use crate::support::{Answer, Desk, Say, SmtpSink, Step};

#[test]
fn a_refusal_of_the_issuer_has_its_text_its_hint_and_its_exit_code() {
    let rig = Rig::signed_in();
    let again = "hint: sign in again: espomail account auth support";
    for (say, code, text, hint) in [
        (
            Say::Error("invalid_client", 7_000_222),
            78,
            "the client secret of profile \"work\" has expired (AADSTS7000222)",
            "hint: make a new one in the app registration",
        ),
        (
            Say::Error("invalid_grant", 65_001),
            77,
            "nobody has allowed this application yet (AADSTS65001)",
            "https://login.microsoftonline.com/example.org/v2.0/adminconsent?client_id=client-1",
        ),
        (
            Say::Error("invalid_request", 90_002),
            78,
            "application or tenant not found here (AADSTS90002)",
            "hint: set tenant = \"…\" in [oauth.work]",
        ),
        (Say::Error("invalid_request", 50_196), 75, "localhost: cannot give a token now (AADSTS50196)", ""),
        (Say::Error("invalid_grant", 999_999), 77, "the issuer gives no token (AADSTS999999)", "--status"),
        (
            Say::Error("invalid_grant", 50_173),
            77,
            "the sign-in has ended (AADSTS50173: revoked, or the password was changed)",
            again,
        ),
    ] {
        rig.expire();
        rig.issuer.state().next = [say.clone()].into();
        let run = rig.sandbox.run(&["account", "test", "support"]).exits(code);
        let whole = format!("espomail: account \"support\": OAuth: {text}");
        assert!(run.stderr.contains(&whole) && run.stderr.contains(hint), "{say:?}: {run:?}");
        assert!(!run.stderr.contains("trace-1"), "{run:?}");
    }
    // A dead sign-in asks nothing more, and everything else works.
    let before = rig.issuer.state().questions.len();
    let logins = rig.server.logins().len();
    for _ in 0..3 {
        rig.sandbox.run(&["fetch", "support"]).exits(77).says("the sign-in has ended");
        rig.sandbox.run(&["account", "test", "support"]).exits(77);
    }
    assert_eq!((rig.issuer.state().questions.len(), rig.server.logins().len()), (before, logins));
    let shown = rig.sandbox.json(&["account", "auth", "support", "--status"]);
    assert_eq!(shown["state"], "ended");
    assert!(
        rig.sandbox.run(&["-v", "account", "auth", "support", "--status"]).ok().stderr.contains("Trace ID: trace-1")
    );
    assert!(rig.sandbox.run(&["account", "show", "support"]).ok().stdout.contains("work"));
    rig.sandbox.run(&["account", "edit", "support", "--login", "support@desk.example"]).ok();
    let doctor = rig.sandbox.run(&["doctor", "--offline"]).exits(77);
    assert!(doctor.stdout.contains("support OAuth"), "{doctor:?}");
    rig.sandbox.run(&["status"]).says("the sign-in has ended");
    rig.issuer.state().user = "support@desk.example".into();
    rig.sign_in(&[]).exits(0);
    rig.sandbox.run(&["fetch"]).ok();
}

#[test]
fn a_good_token_and_a_refused_login_have_their_checklist() {
    let app = Rig::app();
    app.server.folder().refuses = Some("NO AUTHENTICATE failed.");
    let run = app.sandbox.run(&["account", "test", "support"]).exits(77);
    assert!(
        run.stderr.contains("Exchange refuses the application for support@desk.example, though its token is good"),
        "{run:?}"
    );
    assert!(
        run.stderr.contains("(status 400)") && run.stderr.contains("object id of *Enterprise applications*"),
        "{run:?}"
    );
    app.server.folder().refuses = Some("BAD Request is throttled. Suggested Backoff Time: 299910 milliseconds");
    app.sandbox.run(&["fetch", "support"]).exits(75);
    let connections = app.server.connections();
    app.sandbox.run(&["fetch"]).exits(75);
    assert_eq!(app.server.connections(), connections, "the account is left alone");
    app.server.folder().refuses = None;
    app.sandbox.run(&["fetch", "support"]).ok();

    let rig = Rig::signed_in();
    rig.change_tokens(|tokens| tokens["user"] = "bot@desk.example".into());
    rig.server.folder().shut = Some("BAD User is authenticated but not connected.");
    let run = rig.sandbox.run(&["fetch", "support"]).exits(77);
    assert!(run.stderr.contains("signed in as bot@desk.example, who may not open support@desk.example"), "{run:?}");
    assert!(run.stderr.contains("does bot@desk.example have Full Access"), "{run:?}");
}

#[test]
fn words_of_smtp_servers_lead_to_what_an_administrator_types() {
    let smtp = SmtpSink::new(Vec::new());
    let desk = Desk::new().piped_account("support", &[]);
    desk.ok(&["account", "edit", "support", "--smtp", &smtp.address()]);
    desk.sandbox.env("PW", "secret-password-1");
    for (say, hint) in [
        (
            "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
            "Set-CASMailbox -Identity support@desk.example -SmtpClientAuthenticationDisabled $false",
        ),
        (
            "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
            "passwords no longer work here: espomail account edit support --oauth PROFILE",
        ),
    ] {
        smtp.script(vec![Step { verb: "AUTH", nth: 0, answer: Answer::Say(say) }]);
        let run = desk.run("account test support").exits(77);
        assert!(run.stderr.contains(say.split(',').next().unwrap()) && run.stderr.contains(hint), "{run:?}");
    }
}

#[test]
fn a_login_that_may_not_send_as_the_account_is_told_with_the_cmdlet() {
    let smtp = SmtpSink::new(vec![Step {
        verb: ".",
        nth: 0,
        answer: Answer::Say("550 5.7.60 SMTP; Client does not have permissions to send as this sender"),
    }]);
    let desk = Desk::new().piped_account("support", &["--shared"]);
    desk.ok(&["account", "edit", "support", "--smtp", &smtp.address(), "--login", "bot@desk.example"]);
    desk.sandbox.env("PW", "secret-password-1");
    desk.ok(&[
        "email",
        "send",
        "--account",
        "support",
        "--to",
        "kim@customer.example",
        "--subject",
        "Hi",
        "-m",
        "x",
        "--at",
        "+1s",
    ]);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let run = desk.run("-v send").exits(69);
    let hint = "hint: an administrator allows it: Add-RecipientPermission support@desk.example -Trustee bot@desk.example -AccessRights SendAs";
    assert!(run.stderr.contains("550 5.7.60") && run.stderr.contains(hint), "{run:?}");
}

#[test]
fn accounts_without_a_profile_and_mistakes_are_told() {
    let rig = Rig::new("m365", "code", "tenant = \"example.org\"");
    let edit = |args: &[&str]| rig.sandbox.run(&[&["account", "edit", "support"], args].concat());
    edit(&["--oauth", "nothing"]).exits(78).says("no profile \"nothing\"").says("(work)");
    edit(&["--oauth", "m365"]).exits(78).says("--client-id ID");
    edit(&["--auth", "password"]).exits(65).says("--auth: password does not fit --oauth");
    edit(&["--oauth", "work", "--secret", "stdin"]).exits(2);
    edit(&["--client-secret", "hunter2"]).exits(65).says("--client-secret: does not say where");
    edit(&["--oauth", "m365", "--client-id", "c", "--tenant", "a b"]).exits(65).says("--tenant: must be");
    edit(&["--oauth", "m365", "--client-id", "c", "--tenant", "example.org"]).ok();
    let shown = rig.sandbox.json(&["account", "show", "support"]);
    assert_eq!(
        (&shown["oauth"], &shown["oauth_client_id"], &shown["oauth_tenant"]),
        (&"m365".into(), &"c".into(), &"example.org".into())
    );
    edit(&["--secret", "env:PW"]).ok();
    let shown = rig.sandbox.json(&["account", "show", "support"]);
    assert_eq!(
        (&shown["oauth"], &shown["auth"], &shown["oauth_client_id"]),
        (&serde_json::Value::Null, &"password".into(), &serde_json::Value::Null)
    );
    rig.sandbox.run(&["account", "auth", "support"]).exits(65).says("does not sign in with access tokens");
    edit(&["--client-id", "c"]).exits(65).says("are for an account with --oauth");
    let app = Rig::app();
    app.sandbox.run(&["account", "auth", "support"]).exits(65).says("flow app: nobody signs in");
}
