//! Renewals: one question for many accounts and processes, stored before it is used, and gone on after a token that ended.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::Rig;
use crate::support::{Dice, Rotation, Run, Say, asked, ledger, promise};

#[test]
fn fifty_accounts_of_an_application_ask_once_and_a_good_token_asks_nothing() {
    let rig = Rig::app();
    for number in 2..=50 {
        rig.add(&format!("a{number}"));
    }
    rig.sandbox.run(&["fetch", "--jobs", "8"]).ok();
    assert_eq!(rig.issuer.asked("client_credentials"), 1);
    assert_eq!(rig.server.logins().len(), 50);
    rig.sandbox.run(&["fetch"]).ok();
    assert_eq!(rig.issuer.state().questions.len(), 1, "a run with a good token asks nothing");
    let question = rig.issuer.state().questions[0].clone();
    assert_eq!(question.get("scope"), "https://outlook.office365.com/.default");
    assert_eq!((question.get("client_id"), question.get("client_secret")), ("client-1", "client-secret-1"));
    promise("C18", "50 accounts of one application", "1 question");
}

#[test]
fn a_token_is_renewed_in_time_and_every_stored_one_is_the_newest() {
    let rig = Rig::signed_in();
    rig.issuer.state().rotation = Rotation::Once;
    for round in 1..=3 {
        rig.expire();
        rig.sandbox.run(&["fetch"]).ok();
        assert_eq!(rig.issuer.asked("refresh_token"), round);
        let tokens = rig.tokens();
        assert!(rig.issuer.state().good.contains(tokens["refresh_token"].as_str().unwrap()), "{tokens}");
        assert_eq!(Some(&tokens["access_token"]), rig.issuer.state().given.last().map(|t| t.clone().into()).as_ref());
    }
    let last = rig.issuer.state().questions.last().unwrap().clone();
    assert!(last.get("scope").contains("offline_access"), "the scope is sent");
    // A lifetime as text, an answer without a refresh token, and one that is too short for max_runtime.
    rig.issuer.state().rotation = Rotation::Never;
    rig.issuer.state().lifetime = "700".into();
    rig.issuer.state().lifetime.insert(0, ' ');
    rig.expire();
    let before = rig.tokens()["refresh_token"].clone();
    rig.sandbox.run(&["fetch"]).ok();
    rig.sandbox.run(&["fetch"]).ok();
    assert_eq!(rig.tokens()["refresh_token"], before);
    assert_eq!(rig.issuer.asked("refresh_token"), 4, "half of its life is enough");
}

#[test]
fn processes_that_need_a_token_at_once_ask_once() {
    let rig = Rig::signed_in();
    rig.issuer.state().rotation = Rotation::Once;
    let rounds = asked("ESPOMAIL_RENEWALS", 3);
    for round in 1..=rounds {
        rig.expire();
        let running: Vec<_> = (0..8).map(|_| rig.sandbox.call(&["account", "test", "support"]).spawn()).collect();
        let runs: Vec<Run> = running.into_iter().map(|one| one.wait()).collect();
        assert!(runs.iter().all(|run| run.code == 0), "{runs:#?}");
        assert_eq!(rig.issuer.asked("refresh_token"), round);
    }
    promise(
        "C2",
        "8 processes, one-time refresh tokens",
        &format!("{rounds} expiries, {rounds} questions, 0 refusals"),
    );
}

#[test]
fn a_kill_at_any_moment_loses_no_sign_in_that_the_issuer_keeps() {
    let points = asked("ESPOMAIL_RENEWALS", 6);
    let mut dice = Dice::new();
    for rotation in [Rotation::Grace, Rotation::Once] {
        let rig = Rig::signed_in();
        rig.issuer.state().rotation = rotation;
        let mut again = 0;
        for _ in 0..points {
            rig.expire();
            let running = rig.sandbox.call(&["account", "test", "support"]).spawn();
            std::thread::sleep(Duration::from_millis(dice.below(120)));
            running.kill();
            running.wait();
            // The file is whole, wherever the kill came.
            assert!(rig.tokens()["refresh_token"].is_string());
            let run = rig.sandbox.run(&["account", "test", "support"]);
            match (run.code, rotation) {
                (0, _) => {}
                (77, Rotation::Once) => {
                    assert!(run.stderr.contains("the sign-in has ended"), "{run:?}");
                    again += 1;
                    rig.sign_in(&[]).exits(0);
                }
                _ => panic!("{run:#?}"),
            }
        }
        promise(
            "C1",
            &format!("kills while a token is renewed, {rotation:?}"),
            &format!("{points} kills, {again} new sign-ins"),
        );
    }
}

#[test]
fn a_new_token_is_on_the_disk_before_it_is_used() {
    let rig = Rig::signed_in();
    rig.expire();
    let trace = rig.sandbox.path("trace");
    let mut command = std::process::Command::new("strace");
    command.args(["-f", "-qq", "-e", "trace=rename,renameat,renameat2,fsync,connect,openat", "-o"]).arg(&trace);
    let program = rig.sandbox.command(&["account", "test", "support"]);
    command.arg(program.get_program()).args(program.get_args()).env_clear();
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    assert!(command.output().unwrap().status.success());
    let trace = std::fs::read_to_string(trace).unwrap();
    let at = |parts: &[&str]| {
        let found = trace.lines().position(|line| parts.iter().all(|part| line.contains(part)));
        found.unwrap_or_else(|| panic!("{parts:?} is not in {trace}"))
    };
    let aside = at(&["openat", "1.oauth.new-", "O_CREAT"]);
    let asked = at(&["connect(", &format!("htons({})", rig.issuer.port)]);
    let stored = at(&["rename", "1.oauth.new-"]);
    let used = at(&["connect(", &format!("htons({})", rig.server.port)]);
    assert!(aside < asked && asked < stored && stored < used, "{aside} {asked} {stored} {used}: {trace}");
    let synced = |from: usize, to: usize| trace.lines().skip(from).take(to - from).any(|line| line.contains("fsync("));
    assert!(synced(aside, asked) && synced(asked, stored) && synced(stored, used), "{trace}");
}

#[test]
fn a_session_that_ends_with_its_token_goes_on_in_the_same_run() {
    let rig = Rig::signed_in();
    let messages = asked("ESPOMAIL_TOKEN_MESSAGES", 120);
    rig.server.add(3..=messages);
    // The token is good for a moment only, and the server knows it.
    rig.server.folder().token_lasts = Some(messages / 3);
    rig.issuer.state().lifetime = "3".into();
    rig.expire();
    rig.sandbox.run(&["fetch", "--max-runtime", "60s"]).ok();
    let all: Vec<usize> = (1..=messages).collect();
    assert_eq!(ledger(&rig.sandbox, "support", "'imported'"), all);
    assert!(rig.server.connections() >= 4, "{}", rig.server.connections());
    promise(
        "C6",
        "a fetch whose sessions end with their token",
        &format!("{messages} messages, each once, {} sessions", rig.server.connections()),
    );

    // Where each session brings nothing there is an end.
    rig.server.add([messages + 1]);
    rig.server.folder().token_lasts = Some(0);
    let before = rig.server.connections();
    rig.sandbox.run(&["fetch", "support"]).exits(75).says("AccessTokenExpired");
    assert_eq!(rig.server.connections() - before, 2);
}

#[test]
fn a_refused_token_is_renewed_once_and_then_believed() {
    let rig = Rig::signed_in();
    rig.server.folder().refuses = Some("NO AUTHENTICATE failed.");
    let logins = || rig.server.logins().len();
    let before = logins();
    // It came just now: another one would be refused, too.
    let run = rig.sandbox.run(&["account", "test", "support"]).exits(77);
    assert_eq!((logins() - before, rig.issuer.asked("refresh_token")), (1, 0), "{run:?}");
    let now = jiff::Timestamp::now().as_second();
    rig.change_tokens(|tokens| tokens["renewed_at"] = (now - 90).into());
    let run = rig.sandbox.run(&["account", "test", "support"]).exits(77);
    assert_eq!((logins() - before, rig.issuer.asked("refresh_token")), (3, 1), "{run:?}");
    assert!(run.stderr.contains("Exchange refuses support@desk.example for support@desk.example"), "{run:?}");
    assert!(run.stderr.contains("Get-CASMailbox"), "{run:?}");
}

#[test]
fn a_clock_that_is_wrong_is_told_and_a_jump_does_no_harm() {
    let rig = Rig::signed_in();
    for (clock, text) in [(3_600, "60 min slow"), (-420, "7 min fast"), (-86_400, "1440 min fast"), (60, "")] {
        rig.issuer.state().clock = clock;
        rig.expire();
        let run = rig.sandbox.run(&["account", "test", "support"]).ok();
        assert!(run.stdout.contains(text) && run.stdout.contains("clock is") != text.is_empty(), "{clock}: {run:?}");
        let doctor = rig.sandbox.run(&["doctor", "--offline"]);
        assert_eq!(doctor.stdout.contains("clock is"), !text.is_empty(), "{clock}: {doctor:?}");
    }
    let before = rig.issuer.asked("refresh_token");
    let now = jiff::Timestamp::now().as_second();
    // The clock was a day ahead when the token came.
    rig.change_tokens(|tokens| {
        (tokens["renewed_at"], tokens["expires_at"]) = ((now + 86_400).into(), (now + 90_000).into());
    });
    rig.sandbox.run(&["fetch"]).ok();
    assert_eq!(rig.issuer.asked("refresh_token") - before, 1);
}

/// A proxy that takes CONNECT; the port, and how often it was asked.
fn http_proxy(refuses: bool) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&count);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            asked.fetch_add(1, Ordering::SeqCst);
            std::thread::spawn(move || through(client, refuses));
        }
    });
    (port, count)
}

fn through(mut client: TcpStream, refuses: bool) -> Option<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let port: u16 = head.strip_prefix("CONNECT localhost:")?.split(' ').next()?.parse().ok()?;
    if refuses {
        return client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").ok();
    }
    let mut server = TcpStream::connect(("127.0.0.1", port)).ok()?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    let (mut from, mut to) = (server.try_clone().ok()?, client.try_clone().ok()?);
    std::thread::spawn(move || std::io::copy(&mut from, &mut to));
    std::io::copy(&mut client, &mut server).ok().map(drop)
}

#[test]
fn a_proxy_is_used_and_named_unless_the_host_needs_none() {
    let rig = Rig::app();
    let (port, count) = http_proxy(false);
    rig.sandbox.env("HTTPS_PROXY", &format!("http://127.0.0.1:{port}"));
    let run = rig.sandbox.run(&["account", "test", "support"]).ok();
    assert!(run.stdout.contains(&format!("by the proxy 127.0.0.1:{port}")), "{run:?}");
    assert_eq!(count.load(Ordering::SeqCst), 1);
    let again = || std::fs::remove_file(rig.sandbox.secrets("oauth-work")).unwrap();
    again();
    rig.sandbox.env("NO_PROXY", "localhost");
    let run = rig.sandbox.run(&["account", "test", "support"]).ok();
    assert!(!run.stdout.contains("proxy") && count.load(Ordering::SeqCst) == 1, "{run:?}");
    again();
    rig.sandbox.env("NO_PROXY", "");
    let (port, _) = http_proxy(true);
    for (proxy, text) in [
        (
            format!("http://127.0.0.1:{port}"),
            format!("localhost: cannot connect: the proxy refuses the connection by the proxy 127.0.0.1:{port}"),
        ),
        ("http://127.0.0.1:1".to_owned(), "by the proxy 127.0.0.1:1".to_owned()),
    ] {
        rig.sandbox.env("HTTPS_PROXY", &proxy);
        rig.sandbox.run(&["account", "test", "support"]).exits(75).says(&text);
    }
    rig.sandbox.env("HTTPS_PROXY", "ftp://user:secret@proxy.example");
    let refused = rig.sandbox.run(&["account", "test", "support"]).exits(78);
    assert!(refused.stderr.contains("HTTPS_PROXY") && !refused.stderr.contains("user:secret"), "{refused:?}");
}

#[test]
fn an_answer_that_is_none_passes_and_an_issuer_is_not_asked_each_minute() {
    let rig = Rig::app();
    let huge = format!("{{\"access_token\":\"{}\"}}", "x".repeat(1 << 20));
    let host = "localhost: ";
    for (say, text) in [
        (Say::Body(502, "<html>Bad gateway</html>".into()), "answers HTTP 502, not JSON (a proxy?)"),
        (Say::Body(200, "{\"access_token\":\"abc".into()), "answers HTTP 200, not JSON (a proxy?)"),
        (Say::Body(200, huge), "answers more than 64 KiB (a proxy?)"),
        (
            Say::Headers(302, "Location: https://localhost/elsewhere\r\n", "x".into()),
            "answers HTTP 302, not JSON (a proxy?)",
        ),
        (Say::Cut, "the connection ended before the answer was complete (a proxy?)"),
        (
            Say::Body(503, r#"{"error":"temporarily_unavailable"}"#.into()),
            "cannot give a token now (temporarily_unavailable)",
        ),
    ] {
        rig.issuer.state().next = [say].into();
        rig.sandbox.run(&["account", "test", "support"]).exits(75).says(&format!("{host}{text}"));
    }
    let before = rig.issuer.state().questions.len();
    let failing = Say::Headers(429, "Retry-After: 600\r\n", r#"{"error":"temporarily_unavailable"}"#.into());
    rig.issuer.state().always = Some(failing);
    rig.sandbox.run(&["account", "test", "support"]).exits(75);
    rig.sandbox.run(&["fetch"]).exits(75);
    rig.add("other");
    rig.sandbox.run(&["fetch"]).exits(75);
    assert_eq!(rig.issuer.state().questions.len() - before, 1, "it said when to come back");
    let soon = jiff::Timestamp::now().as_second() + 300;
    let rests = format!("SELECT CAST(count(*) AS TEXT) FROM accounts WHERE next_try_at > {soon}");
    assert_eq!(rig.sandbox.query(&rests), ["2"], "the accounts are left alone");
    rig.issuer.state().always = None;
    // Somebody who waits is served at once.
    rig.sandbox.run(&["fetch", "support"]).ok();

    rig.sandbox.env("SSL_CERT_FILE", "/dev/null");
    std::fs::remove_file(rig.sandbox.secrets("oauth-work")).unwrap();
    rig.sandbox
        .run(&["account", "test", "support"])
        .exits(75)
        .says("localhost: the certificate is not trusted")
        .says("update-ca-certificates");
}
