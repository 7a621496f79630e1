//! Messages and their recipients.

use super::*;

#[test]
fn each_recipient_has_its_own_answer() {
    let steps = after(
        Vec::from(mail()),
        [
            expect("RCPT TO:<a@x.example>"),
            send("550-5.1.1 no such\r\n550 5.1.1 user\r\n"),
            expect("RCPT TO:<b@x.example>"),
            send("250 ok\r\n"),
            expect("DATA"),
            send("354 go\r\n"),
            expect("Subject: x"),
            expect(""),
            expect("..y"),
            expect("."),
            send("250 2.0.0 queued as 7\r\n"),
            expect("QUIT"),
        ],
    );
    let (result, begun, lines) = sent(steps);
    let sent = result.unwrap();
    assert!(begun);
    assert_eq!(sent.reply, Some(Reply { code: 250, status: Some("2.0.0".into()), text: "queued as 7".into() }));
    let refusal = Reply { code: 550, status: Some("5.1.1".into()), text: "no such user".into() };
    assert_eq!(sent.refused, [("a@x.example".to_owned(), refusal)]);
    assert_eq!(lines.last().map(String::as_str), Some("QUIT"));
}

#[test]
fn nobody_to_send_to_is_not_the_end_of_the_connection() {
    let steps = after(
        Vec::from(mail()),
        [
            expect("RCPT"),
            send("450 later\r\n"),
            expect("RCPT"),
            send("550 no\r\n"),
            expect("RSET"),
            send("250 ok\r\n"),
            expect("QUIT"),
        ],
    );
    let (result, begun, _) = sent(steps);
    let sent = result.unwrap();
    assert!(!begun && sent.reply.is_none());
    assert_eq!(sent.refused.iter().map(|(_, reply)| reply.code).collect::<Vec<_>>(), [450, 550]);
}

#[test]
fn a_failure_says_on_which_side_of_the_body_it_was() {
    use NetErrorKind::{Closed, Protocol, Timeout};
    let quiet = || Step::Pause(std::time::Duration::from_millis(600));
    for (steps, kind) in [
        (vec![expect("MAIL"), send("354 go\r\n")], Protocol),
        (vec![expect("MAIL"), send("421 going\r\n")], Closed),
        (vec![expect("MAIL")], Closed),
        (vec![expect("MAIL"), quiet()], Timeout),
        (vec![expect("MAIL"), send("what?\r\n")], Protocol),
        (after(Vec::from(mail()), [expect("RCPT"), send("250-ok\r\n550 mixed\r\n")]), Protocol),
        (after(Vec::from(mail()), [expect("RCPT"), send("421 going\r\n")]), Closed),
        (after(Vec::from(mail()), [expect("RCPT"), send("354 go\r\n")]), Protocol),
        (after(both(), [expect("DATA"), send("250 ok\r\n")]), Protocol),
        (after(both(), [expect("DATA"), send("421 going\r\n")]), Closed),
        (after(both(), [expect("DATA")]), Closed),
    ] {
        let (result, begun, _) = sent(steps);
        let Err(SendError::BeforeBody(error)) = result else { panic!("{kind:?}: {result:?}") };
        assert_eq!((error.kind, begun), (kind, false), "{error}");
    }
    let data = || after(both(), [expect("DATA"), send("354 go\r\n")]);
    let body = || [expect("Subject: x"), expect(""), expect("..y"), expect(".")];
    for (steps, kind) in [
        (data(), Closed),
        (after(data(), body()), Closed),
        (after(after(data(), body()), [send("nonsense\r\n")]), Protocol),
        (after(after(data(), body()), [send("354 go\r\n")]), Protocol),
    ] {
        let (result, begun, _) = sent(steps);
        let Err(SendError::InDoubt(error)) = result else { panic!("{kind:?}: {result:?}") };
        assert_eq!((error.kind, begun), (kind, true), "{error}");
    }
}

#[test]
fn a_final_refusal_is_an_answer() {
    for (reply, code) in [("552 5.3.4 too big\r\n", 552), ("451 4.7.1 greylisted\r\n", 451), ("421 bye\r\n", 421)] {
        let mut steps = after(both(), [expect("DATA"), send("354 go\r\n"), expect("Subject: x"), expect("")]);
        steps.extend([expect("..y"), expect("."), send(reply)]);
        let (result, _, _) = sent(steps);
        assert_eq!(result.unwrap().reply.unwrap().code, code);
    }
}

#[test]
fn a_refusal_of_data_is_an_answer() {
    for (reply, code) in [("451 4.7.1 later\r\n", 451), ("554 5.7.1 no\r\n", 554)] {
        let steps = [expect("DATA"), send(reply), expect("RSET"), send("250 ok\r\n"), expect("QUIT")];
        let (result, begun, _) = sent(after(both(), steps));
        assert_eq!((result.unwrap().reply.unwrap().code, begun), (code, false));
        // The answer counts, even where nothing can be said afterwards.
        let (result, begun, _) = sent(after(both(), [expect("DATA"), send(reply), expect("RSET")]));
        assert_eq!((result.unwrap().reply.unwrap().code, begun), (code, false));
    }
}

#[test]
fn after_the_end_of_a_connection_nothing_is_said() {
    for (end, why) in [
        (vec![expect("RSET"), send("502 what\r\n")], "the server answered RSET with 502 what"),
        (vec![expect("RSET"), send("421 going\r\n")], "the server said goodbye: 421 going"),
        (vec![expect("RSET")], "the server closed the connection before its answer was complete"),
    ] {
        let server = ready(after(vec![expect("MAIL"), send("550 no\r\n")], end));
        let mut transport = connect(&server.endpoint(), None).unwrap();
        let mut again = || transport.send(&envelope(&["a@x.example"]), b"x\r\n", &mut || Ok(()));
        assert!(matches!(again(), Err(SendError::SenderRefused(_))));
        let Err(SendError::BeforeBody(error)) = again() else { panic!("{why}") };
        assert_eq!(error.message, why);
        drop(transport);
        assert_eq!(server.lines().last().map(String::as_str), Some("RSET"));
    }
}

#[test]
fn a_sender_that_is_refused_for_now_leaves_the_connection_usable() {
    let (result, begun, lines) =
        sent(vec![expect("MAIL"), send("451 4.7.1 later\r\n"), expect("RSET"), send("250 ok\r\n"), expect("QUIT")]);
    let Err(SendError::NotNow(reply)) = result else { panic!("{result:?}") };
    assert_eq!((reply.code, begun, lines.len()), (451, false, 4));
}

#[test]
fn a_refused_sender_leaves_the_connection_usable() {
    let (result, begun, lines) =
        sent(vec![expect("MAIL"), send("550 5.7.1 not you\r\n"), expect("RSET"), send("250 ok\r\n"), expect("QUIT")]);
    let Err(SendError::SenderRefused(reply)) = result else { panic!("{result:?}") };
    assert_eq!((reply.code, begun, lines.len()), (550, false, 4));
}

#[test]
fn a_caller_that_fails_sends_nothing() {
    let server = ready(after(both(), [expect("DATA"), send("354 go\r\n"), expect("")]));
    let mut transport = connect(&server.endpoint(), None).unwrap();
    let to = envelope(&["a@x.example", "b@x.example"]);
    let result = transport.send(&to, b"x\r\n", &mut || Err("disk full".into()));
    assert_eq!(result, Err(SendError::Caller("disk full".into())));
    drop(transport);
    assert_eq!(server.lines().last().map(String::as_str), Some(""));
}

#[test]
fn what_cannot_stand_in_a_command_is_never_sent() {
    let steps = vec![expect("MAIL FROM:<>"), send("250 ok\r\n"), expect("RSET"), send("250 ok\r\n")];
    let server = ready(steps);
    let mut transport = connect(&server.endpoint(), None).unwrap();
    let to = ["a@x.example\r\nRCPT TO:<b@x.example>", "nobody", "m\u{fc}ller@x.example", "a b@x.example"];
    let result = transport.send(&Envelope { from: String::new(), ..envelope(&to) }, b"x\r\n", &mut || Ok(()));
    let refused = result.unwrap().refused;
    let statuses: Vec<_> = refused.iter().map(|(_, reply)| reply.status.as_deref().unwrap()).collect();
    assert_eq!(statuses, ["5.1.3", "5.1.3", "5.6.7", "5.1.3"]);
    drop(transport);
    assert_eq!(server.lines().len(), 3);
}

#[test]
fn a_reply_without_an_end_is_called_what_it_is() {
    let endless = |lines: usize| {
        let all: Vec<String> = (0..lines).map(|n| format!("250-X{n}\r\n")).collect();
        send(all.concat() + "250 X\r\n")
    };
    let connects = |reply: Step| {
        let server = Server::play(vec![send("220 hi\r\n"), expect("EHLO"), reply]);
        connect(&server.endpoint(), None).map(|_| ())
    };
    assert_eq!(connects(endless(199)), Ok(()));
    let error = connects(endless(200)).unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (NetErrorKind::Protocol, "a reply of the server has more than 200 lines")
    );
}

#[test]
fn smtputf8_and_8bit_are_announced_where_needed() {
    let server = Server::play(vec![
        send("220 hi\r\n"),
        expect("EHLO"),
        send("250-mx\r\n250-smtputf8\r\n250 8bitmime\r\n"),
        expect("MAIL FROM:<support@x.example> SMTPUTF8 BODY=8BITMIME"),
        send("250 ok\r\n"),
        expect("RCPT TO:<m\u{fc}ller@x.example>"),
        send("250 ok\r\n"),
        expect("DATA"),
    ]);
    let mut transport = connect(&server.endpoint(), None).unwrap();
    let to = envelope(&["m\u{fc}ller@x.example"]);
    assert!(transport.send(&to, "\u{fc}\r\n".as_bytes(), &mut || Ok(())).is_err());
    drop(transport);
    assert_eq!(server.lines().len(), 4);
}

#[test]
fn a_domain_beyond_ascii_needs_no_smtputf8() {
    for keywords in ["250 mx\r\n", "250-mx\r\n250 SMTPUTF8\r\n"] {
        let server = Server::play(vec![
            send("220 hi\r\n"),
            expect("EHLO"),
            send(keywords),
            expect("MAIL FROM:<desk@xn--mller-kva.example>"),
            send("250 ok\r\n"),
            expect("RCPT TO:<info@xn--bcher-kva.example>"),
            send("250 ok\r\n"),
            expect("DATA"),
        ]);
        let mut transport = connect(&server.endpoint(), None).unwrap();
        let envelope = Envelope { from: "desk@m\u{fc}ller.example".into(), ..envelope(&["info@b\u{fc}cher.example"]) };
        assert!(transport.send(&envelope, b"x\r\n", &mut || Ok(())).is_err());
        drop(transport);
        let lines = server.lines();
        assert_eq!(lines.len(), 4, "{lines:?}");
        assert!(!lines.iter().any(|line| line.contains("SMTPUTF8")), "{lines:?}");
    }
}

#[test]
fn an_internationalised_header_goes_as_it_is_or_in_ascii() {
    let message = "To: <m\u{fc}ller@x.example>, <kim@x.example>\r\n\r\nHi\r\n";
    let sent = |keywords: &'static str, mail: &'static str, to: &'static str| {
        let server = Server::play(vec![
            send("220 hi\r\n"),
            expect("EHLO"),
            send(keywords),
            expect(mail),
            send("250 ok\r\n"),
            expect("RCPT TO:<kim@x.example>"),
            send("250 ok\r\n"),
            expect("DATA"),
            send("354 go\r\n"),
            expect(to),
            expect(""),
            expect("Hi"),
            expect("."),
            send("250 ok\r\n"),
        ]);
        let mut transport = connect(&server.endpoint(), None).unwrap();
        let sent = transport.send(&envelope(&["kim@x.example"]), message.as_bytes(), &mut || Ok(())).unwrap();
        assert_eq!(sent.reply.unwrap().code, 250);
        drop(transport);
        server.lines()
    };
    let with = "250-mx\r\n250-SMTPUTF8\r\n250 8BITMIME\r\n";
    sent(with, "MAIL FROM:<support@x.example> SMTPUTF8 BODY=8BITMIME", "To: <m\u{fc}ller@x.example>");
    let lines =
        sent("250 mx\r\n", "MAIL FROM:<support@x.example>", "To: =?utf-8?Q?m=C3=BCller=40x=2Eexample?= :;, <kim@");
    assert_eq!(lines.get(1).map(String::as_str), Some("MAIL FROM:<support@x.example>"));

    let server = ready(vec![]);
    let mut transport = connect(&server.endpoint(), None).unwrap();
    let from = Envelope { from: "b\u{fc}ro@x.example".into(), ..envelope(&["kim@x.example"]) };
    let result = transport.send(&from, b"x\r\n", &mut || Ok(()));
    let Err(SendError::SenderRefused(reply)) = result else { panic!("{result:?}") };
    assert_eq!(reply.status.as_deref(), Some("5.6.7"));
}
