//! People who sign in: in a browser, by a pasted address, with a code on another machine; and those who are not meant.

use super::{Rig, Signing};
use crate::support::{Dovecot, Exim, Issuer, Sandbox, Say, SmtpSink, mail, wait_until};

#[test]
fn a_person_signs_in_once_and_a_real_server_takes_the_tokens_for_both_protocols() {
    let (sandbox, issuer, mailbox) = (Sandbox::new(), Issuer::new(), Dovecot::shared().mailbox());
    sandbox.init();
    issuer.profile(&sandbox, "own", "custom", "code", "scopes = [\"openid\", \"offline_access\"]");
    // An issuer that does not say who it was.
    issuer.state().user = String::new();
    let token = mailbox.token(3_600);
    issuer.mint(move |_, _| token.clone());
    let (imap, smtp) = (format!("127.0.0.1:{}", Dovecot::shared().imap), format!("127.0.0.1:{}", Exim::shared().smtp));
    let args = ["account", "add", "support", "--address", &mailbox.address, "--login", &mailbox.user, "--oauth", "own"];
    let servers = [
        "--imap",
        &imap,
        "--smtp",
        &smtp,
        "--tls",
        "none",
        "--since",
        "2020-01-01",
        "--shared",
        "--smtp-auth",
        "xoauth2",
    ];
    sandbox.run(&[&args[..], &servers].concat()).ok();
    let shown = sandbox.json(&["account", "show", "support"]);
    assert_eq!(
        (&shown["oauth"], &shown["auth"], &shown["secret"]),
        (&"own".into(), &"oauthbearer".into(), &"oauth:own".into())
    );
    sandbox
        .run(&["account", "test", "support"])
        .exits(77)
        .says("nobody has signed in")
        .says("espomail account auth support");

    let rig = Rig { sandbox, issuer, server: crate::support::Scripted::new([]) };
    rig.sign_in(&[])
        .exits(0)
        .says("account support: signed in")
        .says("IMAP      login     ok")
        .says("SMTP      login     ok");
    mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, "By token").bytes());
    for auth in ["oauthbearer", "xoauth2"] {
        rig.sandbox.run(&["account", "edit", "support", "--auth", auth, "--smtp-auth", "xoauth2"]).ok();
        rig.sandbox.run(&["fetch"]).ok();
        rig.sandbox.run(&["account", "test", "support"]).ok();
    }
    assert_eq!(rig.sandbox.items(&["email", "list"]).len(), 1);
    assert_eq!(
        (rig.issuer.asked("authorization_code"), rig.issuer.asked("refresh_token")),
        (1, 0),
        "the token is kept"
    );

    let bad = mailbox.token(-600);
    rig.issuer.mint(move |_, _| bad.clone());
    rig.change_tokens(|tokens| tokens["access_token"] = "stale".into());
    let refused = rig.sandbox.run(&["account", "test", "support"]).exits(77);
    assert!(refused.stderr.contains("though it was just renewed"), "{refused:?}");
    assert!(
        refused.stderr.contains("(status 401)") || refused.stderr.contains("(status invalid_token)"),
        "{refused:?}"
    );
}

#[test]
fn an_address_is_pasted_where_the_browser_is_elsewhere() {
    let rig = Rig::new("m365", "code", "tenant = \"example.org\"");
    rig.issuer.state().user = "support@desk.example".into();
    let mut signing = Signing::begin(&rig, &["--no-browser"]);
    let url = signing.line();
    let redirect = rig.issuer.agree(&url);
    assert!(redirect.starts_with("http://localhost:"), "{redirect}");
    signing.paste("what do I do now?");
    signing.paste(&redirect.replace("state=", "state=x"));
    // Nobody else's answer is taken by the listener either.
    assert!(Issuer::follow(&redirect.replace("state=", "state=x")).contains("not the answer"));
    signing.paste(&redirect);
    let ended = signing.end().exits(0);
    for text in ["no code in this line", "belongs to another sign-in", "signed in as support@desk.example", "OAuth"] {
        assert!(ended.said.contains(text), "{text}: {}", ended.said);
    }
    let shown = rig.sandbox.json(&["account", "auth", "support", "--status"]);
    assert_eq!((&shown["state"], &shown["signed_in_as"]), (&"good".into(), &"support@desk.example".into()));
    rig.sandbox.run(&["account", "auth", "support", "--forget"]).ok();
    assert!(!rig.sandbox.secrets("1.oauth").exists());
}

#[test]
fn a_code_is_typed_on_another_machine_and_ctrl_c_leaves_nothing() {
    let rig = Rig::new("m365", "device", "tenant = \"example.org\"");
    rig.issuer.state().user = "support@desk.example".into();
    rig.issuer.state().always = Some(Say::Error("authorization_pending", 0));
    let mut signing = Signing::begin(&rig, &[]);
    assert_eq!((signing.line(), signing.line()), ("https://issuer.example/device".into(), "ABCD-EFGH".into()));
    wait_until(std::time::Duration::from_secs(20), || rig.issuer.asked("device_code") > 0);
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(signing.id().cast_signed()), nix::sys::signal::Signal::SIGINT)
        .unwrap();
    assert_ne!(signing.end().code, 0);
    assert_eq!(std::fs::read_dir(rig.sandbox.secrets("")).map_or(0, Iterator::count), 0, "nothing is left");

    let mut state = rig.issuer.state();
    state.always = None;
    state.next = [Say::Error("authorization_pending", 70_016), Say::Cut].into();
    drop(state);
    let ended = Signing::begin(&rig, &["--device"]).end().exits(0).says("signed in as support@desk.example");
    assert!(ended.said.contains("sign in as support@desk.example"), "{}", ended.said);
    assert!(rig.tokens()["by_device"].as_bool().unwrap());

    rig.issuer.state().always = Some(Say::Error("authorization_declined", 0));
    Signing::begin(&rig, &[]).end().exits(77).says("the sign-in was declined (authorization_declined)");
    rig.issuer.state().always = Some(Say::Error("expired_token", 0));
    Signing::begin(&rig, &[]).end().exits(75).says("the code has expired");
    rig.issuer.state().always = Some(Say::Error("invalid_grant", 53_003));
    Signing::begin(&rig, &[]).end().exits(77).says("device code is often forbidden");
    assert!(rig.tokens()["refresh_token"].is_string(), "what was there before is kept");
}

#[test]
fn who_signed_in_is_compared_with_who_was_meant() {
    let smtp = SmtpSink::new(Vec::new());
    let rig = Rig::new("m365", "code", "tenant = \"example.org\"");
    rig.sandbox.run(&["account", "edit", "support", "--smtp", &smtp.address(), "--smtp-tls", "none"]).ok();
    let smtp_login = || rig.sandbox.json(&["account", "show", "support"])["smtp_login"].clone();
    rig.issuer.state().user = "bot@desk.example".into();
    // The sink offers passwords only, which is not what is tested here.
    rig.sign_in(&[]).says(
        "support@desk.example is a shared mailbox: IMAP logs in as support@desk.example, SMTP as bot@desk.example",
    );
    assert_eq!(smtp_login(), "bot@desk.example");
    let login = rig.server.logins().pop().unwrap();
    assert!(login.starts_with("user=support@desk.example\u{1}auth=Bearer access-"), "{login}");

    rig.issuer.state().user = "support@desk.example".into();
    rig.sign_in(&["--as-user", "bot@desk.example"])
        .exits(77)
        .says("signed in as support@desk.example, not as bot@desk.example");
    assert_eq!(rig.tokens()["user"], "bot@desk.example", "what was there before is kept");
    rig.sign_in(&[]);
    assert_eq!(smtp_login(), "", "the mailbox itself sends");

    let google = Rig::new("google", "code", "");
    google.issuer.state().user = "me@gmail.example".into();
    google.sign_in(&[]).exits(77).says("signed in as me@gmail.example, not as support@desk.example: nothing is stored");
    google.issuer.state().user = "support@desk.example".into();
    google.issuer.state().gives_refresh = false;
    google
        .sign_in(&[])
        .exits(78)
        .says("the provider gave no permission to stay signed in")
        .says("myaccount.google.com");
    assert!(!google.sandbox.secrets("1.oauth").exists());
    google.sandbox.run(&["account", "auth", "support", "--device"]).exits(2).says("no device codes");
}

#[test]
fn what_the_browser_brings_back_instead_of_a_code_is_told() {
    let rig = Rig::new("m365", "code", "tenant = \"example.org\"");
    for (answer, code, text) in [
        (
            "error=access_denied&error_description=AADSTS65004%3A+User+declined",
            77,
            "nobody has allowed this application yet (AADSTS65004)",
        ),
        (
            "error=invalid_request&error_description=AADSTS9002325%3A+PKCE",
            78,
            "not registered as \"Mobile and desktop application\"",
        ),
        ("error=temporarily_unavailable", 75, "cannot give a token now (temporarily_unavailable)"),
    ] {
        let mut signing = Signing::begin(&rig, &[]);
        let redirect = rig.issuer.agree(&signing.line());
        let (base, query) = redirect.split_once('?').unwrap();
        let state = query.split('&').find(|pair| pair.starts_with("state=")).unwrap();
        Issuer::follow(&format!("{base}?{state}&{answer}"));
        signing.end().exits(code).says(text);
    }
    let mut signing = Signing::begin(&rig, &[]);
    let url = signing.line();
    signing.paste("a-code-of-somebody-else");
    let said = "the issuer does not take this code (invalid_grant): it was used already, is too old or belongs";
    signing.end().exits(77).says(said).says("hint: try again: espomail account auth support");
    assert!(!url.contains("verifier"));
    assert!(!rig.sandbox.secrets("1.oauth").exists());
}

#[test]
fn a_client_secret_that_is_missing_is_told_before_somebody_signs_in() {
    for (secret, words) in [
        ("env:CLIENT", "the variable is not set"),
        ("file:/no/such/file", "there is no such file"),
        ("cmd:/no/such/program", "there is no such program"),
    ] {
        let rig = Rig::new("google", "code", &format!("client_secret = \"{secret}\""));
        let run = rig.sandbox.run(&["account", "auth", "support"]).exits(78);
        assert!(run.stderr.contains(words) && run.stdout.is_empty(), "{secret}: {run:?}");
        assert_eq!(rig.issuer.state().questions.len(), 0);
    }
}

#[test]
fn a_code_is_good_once_and_ctrl_c_leaves_nothing() {
    let rig = Rig::new("m365", "code", "tenant = \"example.org\"");
    rig.issuer.state().user = "support@desk.example".into();
    let interrupted = {
        let mut signing = Signing::begin(&rig, &[]);
        let redirect = rig.issuer.agree(&signing.line());
        let pid = nix::unistd::Pid::from_raw(signing.id().cast_signed());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
        assert_ne!(signing.end().code, 0);
        assert_eq!(std::fs::read_dir(rig.sandbox.secrets("")).map_or(0, Iterator::count), 0, "nothing is left");
        redirect
    };
    let port = |redirect: &str| redirect.split('/').nth(2).unwrap().to_owned();
    let address = port(&interrupted).replace("localhost", "127.0.0.1");
    assert!(std::net::TcpStream::connect(address).is_err(), "nobody listens any more");

    let mut signing = Signing::begin(&rig, &[]);
    // The answer of the sign-in before is not taken, even at the right port.
    let used = rig.issuer.agree(&signing.line());
    assert!(Issuer::follow(&interrupted.replace(&port(&interrupted), &port(&used))).contains("not the answer"));
    Issuer::follow(&used);
    signing.end().exits(0);
    let tokens = rig.tokens();
    let mut signing = Signing::begin(&rig, &[]);
    let url = signing.line();
    assert!(Issuer::follow(&used.replace(&port(&used), &port(&rig.issuer.agree(&url)))).contains("not the answer"));
    let code = crate::support::query(used.split_once('?').unwrap().1)["code"].clone();
    signing.paste(&format!("{code}-twice"));
    signing.end().exits(77).says("the issuer does not take this code");
    assert_eq!(rig.tokens(), tokens, "what was there before is kept");
}

#[test]
fn two_who_sign_in_at_once_do_not_meet() {
    let rig = Rig::new("m365", "code", "tenant = \"example.org\"");
    rig.issuer.state().user = "support@desk.example".into();
    let (mut one, mut other) = (Signing::begin(&rig, &[]), Signing::begin(&rig, &[]));
    let redirects = [one.line(), other.line()].map(|url| rig.issuer.agree(&url));
    let port = |redirect: &str| redirect.split('/').nth(2).unwrap().to_owned();
    assert_ne!(port(&redirects[0]), port(&redirects[1]));
    // The answer of the other one is not taken.
    let crossed = redirects[1].replace(&port(&redirects[1]), &port(&redirects[0]));
    assert!(Issuer::follow(&crossed).contains("not the answer"));
    for (redirect, signing) in redirects.iter().zip([one, other]) {
        Issuer::follow(redirect);
        signing.end().exits(0);
    }
}
