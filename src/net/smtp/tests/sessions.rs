//! Greeting, TLS, login and the end.

use super::*;

fn logged_in(ehlo: &'static str, credentials: &Credentials, steps: Vec<Step>) -> (Option<NetErrorKind>, usize) {
    let mut script = vec![send("220 hi\r\n"), expect("EHLO"), send(ehlo)];
    script.extend(steps);
    let server = Server::play(script);
    let kind = connect(&server.endpoint(), Some(credentials)).err().map(|error| error.kind);
    (kind, server.lines().len())
}

#[test]
fn logins() {
    use NetErrorKind::{LoginRefused, Temporary};
    let password = credentials();
    let token = Credentials { mechanism: Mechanism::XOAuth2, ..credentials() };
    let digest = Credentials { mechanism: Mechanism::CramMd5, ..credentials() };
    let bearer = Credentials { mechanism: Mechanism::OAuthBearer, ..credentials() };
    let welcome = || send("235 in\r\n");
    let only_login = "250-mx\r\n250 AUTH LOGIN\r\n";
    let tokens = "250-mx\r\n250 AUTH=XOAUTH2 OAUTHBEARER\r\n";
    for (ehlo, credentials, steps, result) in [
        (EHLO, &password, vec![expect(PLAIN), welcome()], None),
        (EHLO, &password, vec![expect(PLAIN), send("535 5.7.8 wrong\r\n")], Some(LoginRefused)),
        (EHLO, &password, vec![expect(PLAIN), send("454 4.7.0 later\r\n")], Some(Temporary)),
        (
            only_login,
            &password,
            vec![
                expect("AUTH LOGIN"),
                send("334 x\r\n"),
                expect("bWU="),
                send("334 y\r\n"),
                expect("cGEic3M="),
                welcome(),
            ],
            None,
        ),
        (only_login, &password, vec![expect("AUTH LOGIN"), send("535 no\r\n")], Some(LoginRefused)),
        (
            "250-mx\r\n250 AUTH CRAM-MD5\r\n",
            &password,
            vec![
                expect("AUTH CRAM-MD5"),
                send("334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\r\n"),
                expect("bWUgNjg5NjAwZDAzNDg0ZGZkNWQyZDQwZGM5ZDhiMzBhMGM="),
                welcome(),
            ],
            None,
        ),
        (EHLO, &digest, vec![], Some(LoginRefused)),
        (only_login, &token, vec![], Some(LoginRefused)),
        (tokens, &token, vec![expect("AUTH XOAUTH2 dXNlcj1tZQFhdXRoPUJlYXJlciBwYSJzcwEB"), welcome()], None),
        (
            tokens,
            &token,
            vec![expect("AUTH XOAUTH2"), send("334 eyJ9\r\n"), expect(""), send("535 no\r\n")],
            Some(LoginRefused),
        ),
        (
            tokens,
            &bearer,
            vec![expect("AUTH OAUTHBEARER"), send("334 eyJ9\r\n"), expect("AQ=="), send("535 no\r\n")],
            Some(LoginRefused),
        ),
        // A relay that knows no login.
        ("250 mx\r\n", &password, vec![], None),
    ] {
        let expected = 1 + steps.iter().filter(|step| matches!(step, Step::Expect(_))).count();
        assert_eq!(logged_in(ehlo, credentials, steps), (result, expected), "{ehlo}");
    }
}

#[test]
fn no_greeting_no_session() {
    use NetErrorKind::{Closed, Protocol, Refused, Temporary};
    for (script, kind) in [
        (vec![send("554 no service\r\n")], Refused),
        (vec![send("421 busy\r\n")], Temporary),
        (vec![send("* OK this is IMAP\r\n")], Protocol),
        (vec![], Closed),
        (vec![send("220 hi\r\n"), expect("EHLO"), send("502 what\r\n")], Refused),
    ] {
        let server = Server::play(script);
        let error = connect(&server.endpoint(), Some(&credentials())).err().unwrap();
        assert_eq!(error.kind, kind, "{error}");
    }
}

#[test]
fn starttls_is_enforced() {
    use NetErrorKind::{Certificate, Protocol, Tls};
    let offered = || send("250-mx\r\n250 STARTTLS\r\n");
    for (steps, kind) in [
        (vec![send(EHLO), expect("")], Tls),
        (vec![offered(), expect("STARTTLS"), send("454 no\r\n"), expect("")], Tls),
        (vec![offered(), expect("STARTTLS"), send("220 go\r\n250 injected\r\n"), expect("")], Protocol),
        (
            vec![offered(), expect("STARTTLS"), send("220 go\r\n"), Step::Tls(certified("127.0.0.1", -1, 1).acceptor)],
            Certificate,
        ),
    ] {
        let mut script = vec![send("220 hi\r\n"), expect("EHLO")];
        script.extend(steps);
        let server = Server::play(script);
        let endpoint = Endpoint { tls: TlsMode::StartTls, ..server.endpoint() };
        let error = connect(&endpoint, Some(&credentials())).err().unwrap();
        assert_eq!(error.kind, kind, "{error}");
        assert!(server.lines().iter().all(|line| !line.starts_with("AUTH")));
    }
}

#[test]
fn after_starttls_only_what_is_said_in_tls_counts() {
    let certified = certified("127.0.0.1", -1, 1);
    let server = Server::play(vec![
        send("220 hi\r\n"),
        expect("EHLO"),
        send("250-mx\r\n250-AUTH LOGIN\r\n250 STARTTLS\r\n"),
        expect("STARTTLS"),
        send("220 go\r\n"),
        Step::Tls(certified.acceptor),
        expect("EHLO"),
        send(EHLO),
        expect(PLAIN),
        send("235 in\r\n"),
    ]);
    let pins = crate::net::pin::Pin::of_certificate(&certified.certificate).into_iter().collect();
    let endpoint = Endpoint { tls: TlsMode::StartTls, pins, ..server.endpoint() };
    drop(connect(&endpoint, Some(&credentials())).unwrap());
    assert_eq!(server.lines().len(), 4);
}

#[test]
fn an_answer_that_drips_is_too_late() {
    // Each byte comes in time, the whole does not.
    let server = Server::play(vec![Step::Drip(b"220 mx\r\n".to_vec(), Duration::from_millis(60)), send(EHLO)]);
    let error = connect(&server.endpoint(), None).map(|_| ()).unwrap_err();
    assert_eq!(error.kind, NetErrorKind::Timeout, "{error}");
}

#[test]
fn the_end_of_a_run_cuts_off_commands_and_no_message() {
    let steps = |late: bool| {
        let pause = || Step::Pause(Duration::from_millis(400));
        let mut steps = both();
        steps.extend([expect("DATA"), send("354 go\r\n"), expect("Subject"), expect(""), expect(".."), expect(".")]);
        steps.extend([pause(), send("250 taken\r\n")]);
        if late { after(vec![pause()], steps) } else { steps }
    };
    for (late, is_sent) in [(false, true), (true, false)] {
        let server = ready(steps(late));
        let mut endpoint = server.endpoint();
        endpoint.timeouts.reply = Duration::from_secs(2);
        endpoint.timeouts.until = Some(Instant::now() + Duration::from_millis(200));
        let mut transport = connect(&endpoint, None).unwrap();
        let sent =
            transport.send(&envelope(&["a@x.example", "b@x.example"]), b"Subject: x\r\n\r\n.y\r\n", &mut || Ok(()));
        match sent {
            Ok(sent) => assert!(is_sent && sent.reply.unwrap().code == 250),
            Err(SendError::BeforeBody(error)) => assert!(!is_sent && error.message.contains("max_runtime"), "{error}"),
            Err(error) => panic!("{error}"),
        }
    }
}
