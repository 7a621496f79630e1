//! Greeting, TLS and login.

use super::*;

#[test]
fn logins_refused() {
    use NetErrorKind::{Closed, LoginRefused, Protocol, Refused, Temporary};
    for (answer, kind, said) in [
        ("a1 NO [AUTHENTICATIONFAILED] wrong\r\n", LoginRefused, "wrong"),
        ("a1 NO [UNAVAILABLE] later\r\n", Temporary, "later"),
        ("a1 NO [INUSE] later\r\n", Temporary, "later"),
        ("a1 NO [LIMIT] many\r\n", Temporary, "many"),
        ("a1 NO Too many simultaneous connections\r\n", Temporary, "simultaneous"),
        ("a1 BAD Request is throttled.\r\n", Temporary, "throttled"),
        ("* NO [ALERT] try again in 15 minutes\r\na1 NO failed\r\n", Temporary, "15 minutes"),
        ("* BYE Account exceeded bandwidth limits\r\n", Temporary, "bandwidth"),
        ("a1 BAD what\r\n", Refused, "what"),
        ("* BYE too many\r\n", Closed, "too many"),
        ("a2 OK in\r\n", Protocol, "a2 OK"),
        ("", Closed, "closed"),
    ] {
        let server = Server::play(vec![send("* OK hi\r\n"), expect("a1 LOGIN"), send(answer)]);
        let Err(error) = connect(&server.endpoint(), &credentials(), LIMITS) else { panic!("{answer}") };
        assert_eq!(error.kind, kind, "{answer}");
        assert!(error.message.contains(said), "{error}");
    }
}

#[test]
fn greetings_refused_before_a_credential_is_sent() {
    for (greeting, kind) in [
        ("* PREAUTH in\r\n", NetErrorKind::Protocol),
        ("* BYE so long\r\n", NetErrorKind::Closed),
        ("* NO\r\n", NetErrorKind::Protocol),
        ("* BYE Too many connections\r\n", NetErrorKind::Temporary),
        ("* NO [UNAVAILABLE] later\r\n", NetErrorKind::Temporary),
        ("* BAD Server is busy\r\n", NetErrorKind::Temporary),
        ("220 smtp.example.org\r\n", NetErrorKind::Protocol),
        ("", NetErrorKind::Timeout),
    ] {
        let server = Server::play(vec![send(greeting), expect("")]);
        let Err(error) = connect(&server.endpoint(), &credentials(), LIMITS) else { panic!("{greeting}") };
        assert_eq!(error.kind, kind, "{greeting}");
        assert_eq!(server.lines(), [""]);
    }
}

#[test]
fn mechanisms() {
    let token = |mechanism| Credentials { login: "me".into(), secret: "tok".to_owned().into(), mechanism };
    let accented = Credentials { secret: "gr\u{fc}n".to_owned().into(), ..credentials() };
    for (greeting, credentials, name, response, later) in [
        ("* OK\r\n", accented, "PLAIN", "AG1lAGdyw7xu", ""),
        ("* OK [CAPABILITY LOGINDISABLED AUTH=PLAIN]\r\n", credentials(), "PLAIN", "AG1lAHBhInNz", ""),
        ("* OK\r\n", token(Mechanism::XOAuth2), "XOAUTH2", "dXNlcj1tZQFhdXRoPUJlYXJlciB0b2sBAQ==", ""),
        ("* OK\r\n", token(Mechanism::OAuthBearer), "OAUTHBEARER", "bixhPW1lLAFhdXRoPUJlYXJlciB0b2sBAQ==", "AQ=="),
    ] {
        let server = Server::play(vec![
            send(greeting),
            expect("a1 AUTHENTICATE"),
            send("+ something that is not base64\r\n"),
            expect(""),
            send("+ eyJzdGF0dXMiOiI0MDEifQ==\r\n"),
            expect(""),
            send("a1 NO bad\r\n"),
        ]);
        let error = connect(&server.endpoint(), &credentials, LIMITS).err().unwrap();
        assert_eq!(error.kind, NetErrorKind::LoginRefused);
        assert_eq!(server.lines(), [&format!("a1 AUTHENTICATE {name}"), response, later]);
    }
}

#[test]
fn logins_that_are_not_tried() {
    let broken = Credentials { login: "me\r\na2 DELETE INBOX".into(), ..credentials() };
    for (greeting, credentials) in
        [("* OK\r\n", broken), ("* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\r\n", credentials())]
    {
        let server = Server::play(vec![send(greeting), expect("")]);
        let error = connect(&server.endpoint(), &credentials, LIMITS).err().unwrap();
        assert_eq!(error.kind, NetErrorKind::LoginRefused);
        assert_eq!(server.lines(), [""]);
    }
}

/// What a client says after a greeting with these capabilities, before the server refuses.
fn said(offered: &str, mechanism: Mechanism, answers: usize) -> (Vec<String>, String) {
    let mut script = vec![send(format!("* OK [CAPABILITY IMAP4rev1 {offered}] hi\r\n")), expect("")];
    for _ in 0..answers {
        // <1896.697170952@postoffice.reston.mci.net>
        script.extend([send("+ PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\r\n"), expect("")]);
    }
    script.push(send("a1 NO [AUTHENTICATIONFAILED] wrong\r\n"));
    let server = Server::play(script);
    let credentials = Credentials { mechanism, ..credentials() };
    let error = connect(&server.endpoint(), &credentials, LIMITS).err().unwrap();
    assert_eq!(error.kind, NetErrorKind::LoginRefused, "{error}");
    (server.lines(), error.message)
}

#[test]
fn the_password_is_sent_as_the_server_offers() {
    use Mechanism::{CramMd5, Login, Password, Plain};
    let (command, name, secret, both) = ("a1 LOGIN \"me\" \"pa\\\"ss\"", "bWU=", "cGEic3M=", "AG1lAHBhInNz");
    // The login name and the digest of the challenge.
    let digest = "bWUgNjg5NjAwZDAzNDg0ZGZkNWQyZDQwZGM5ZDhiMzBhMGM=";
    for (offered, mechanism, lines) in [
        ("AUTH=CRAM-MD5 AUTH=PLAIN", Password, vec![command]),
        ("LOGINDISABLED AUTH=CRAM-MD5 AUTH=PLAIN SASL-IR", Password, vec!["a1 AUTHENTICATE PLAIN AG1lAHBhInNz"]),
        ("LOGINDISABLED AUTH=CRAM-MD5 AUTH=LOGIN", Password, vec!["a1 AUTHENTICATE LOGIN", name, secret]),
        ("LOGINDISABLED AUTH=CRAM-MD5 SASL-IR", Password, vec!["a1 AUTHENTICATE CRAM-MD5", digest]),
        ("AUTH=PLAIN AUTH=CRAM-MD5", CramMd5, vec!["a1 AUTHENTICATE CRAM-MD5", digest]),
        ("AUTH=PLAIN", Plain, vec!["a1 AUTHENTICATE PLAIN", both]),
        ("AUTH=PLAIN", Login, vec![command]),
        ("LOGINDISABLED AUTH=PLAIN AUTH=LOGIN", Login, vec!["a1 AUTHENTICATE LOGIN", name, secret]),
    ] {
        let (spoken, _) = said(offered, mechanism, lines.len() - 1);
        assert_eq!(spoken, lines, "{offered} {mechanism:?}");
    }
}

#[test]
fn a_login_that_is_not_offered_names_what_is() {
    for (offered, mechanism, words) in [
        ("LOGINDISABLED AUTH=XOAUTH2", Mechanism::Password, "offers XOAUTH2, and this account needs PLAIN, LOGIN or"),
        ("LOGINDISABLED", Mechanism::Password, "offers no login that this program knows"),
        ("AUTH=PLAIN", Mechanism::CramMd5, "offers PLAIN, and this account needs CRAM-MD5: nothing was sent"),
    ] {
        let server = Server::play(vec![send(format!("* OK [CAPABILITY IMAP4rev1 {offered}] hi\r\n")), expect("")]);
        let error = connect(&server.endpoint(), &Credentials { mechanism, ..credentials() }, LIMITS).err().unwrap();
        assert_eq!(error.kind, NetErrorKind::LoginRefused);
        assert!(error.message.contains(words), "{error}");
        assert_eq!(server.lines(), [""]);
    }
}

#[test]
fn an_endless_challenge_ends() {
    let mut script = vec![send("* OK hi\r\n"), expect("a1")];
    for _ in 0..20 {
        script.extend([send("+ \r\n"), expect("")]);
    }
    let server = Server::play(script);
    let credentials = Credentials { mechanism: Mechanism::XOAuth2, ..credentials() };
    let error = connect(&server.endpoint(), &credentials, LIMITS).err().unwrap();
    assert_eq!(error.kind, NetErrorKind::Protocol);
}

#[test]
fn starttls_refused_before_a_credential_is_sent() {
    use NetErrorKind::{Closed, Protocol, Tls};
    let ready = || expect("s1 STARTTLS");
    for (script, kind) in [
        (vec![send("* OK [CAPABILITY IMAP4rev1] hi\r\n"), expect("")], Tls),
        (vec![send("* PREAUTH [CAPABILITY STARTTLS] hi\r\n"), expect("")], Protocol),
        (vec![send("* OK hi\r\n"), ready(), send("s1 BAD what\r\n"), expect("")], Tls),
        (vec![send("* OK hi\r\n"), ready(), send("s1 OK go\r\na1 OK injected\r\n"), expect("")], Protocol),
        (vec![send("* OK hi\r\n"), ready(), send("* BYE no\r\n"), expect("")], Closed),
        (vec![send("* OK hi\r\n"), ready(), send("s1 OK go\r\n"), pause(5), send("* OK clear text\r\n")], Tls),
    ] {
        let server = Server::play(script);
        let endpoint = crate::net::Endpoint { tls: TlsMode::StartTls, ..server.endpoint() };
        let Err(error) = connect(&endpoint, &credentials(), LIMITS) else { panic!("{kind:?}") };
        assert_eq!(error.kind, kind, "{error}");
        let lines = server.lines();
        assert!(lines.iter().all(|line| line.is_empty() || line == "s1 STARTTLS"), "{lines:?}");
    }
}

#[test]
fn starttls_forgets_what_was_said_in_clear() {
    let certified = certified("127.0.0.1", -1, 1);
    let server = Server::play(vec![
        send("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hi\r\n"),
        expect("s1 STARTTLS"),
        send("s1 OK go\r\n"),
        Step::Tls(certified.acceptor),
        expect("s2 CAPABILITY"),
        send("* CAPABILITY IMAP4rev1\r\ns2 OK\r\n"),
        expect("a1 LOGIN"),
        send("a1 OK in\r\n"),
        expect("a2 CAPABILITY"),
        send("* CAPABILITY IMAP4rev1 idle\r\na2 OK\r\n"),
        expect("a3 LOGOUT"),
    ]);
    let pins = crate::net::pin::Pin::of_certificate(&certified.certificate).into_iter().collect();
    let endpoint = crate::net::Endpoint { tls: TlsMode::StartTls, pins, ..server.endpoint() };
    let mut source = connect(&endpoint, &credentials(), LIMITS).unwrap();
    assert_eq!(source.capabilities().unwrap(), ["IMAP4REV1", "IDLE"]);
    source.logout();
    drop(source);
    assert_eq!(server.lines().len(), 5);
}
