#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::string_slice)]
use mailparse::MailHeaderMap;
use proptest::prelude::*;

use super::*;
use crate::mail::fixed_seed;

fn mailbox(name: &str, address: &str) -> Mailbox {
    Mailbox { name: name.into(), address: address.into() }
}

fn outgoing() -> Outgoing {
    Outgoing {
        from: mailbox("Support", "support@example.org"),
        to: vec![mailbox("Joe Doe", "joe@example.com")],
        subject: "Hi".into(),
        text: "Hello\nJoe\n".into(),
        message_id: "c1.2.3@example.org".into(),
        date: Timestamp::UNIX_EPOCH,
        ..Outgoing::default()
    }
}

/// The composed bytes as text, after checking what every message keeps.
fn composed(outgoing: &Outgoing) -> String {
    let bytes = compose(outgoing).unwrap();
    assert_eq!(bytes, compose(outgoing).unwrap(), "equal values give equal bytes");
    let text = String::from_utf8(bytes).unwrap();
    assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']), "{text:?}");
    assert!(text.split("\r\n").all(|line| line.len() <= 998), "{text}");
    text
}

/// Names of the header fields in their order, and unfolded values.
fn fields(text: &str) -> Vec<(String, String)> {
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    let unfolded = head.replace("\r\n ", " ");
    unfolded.split("\r\n").map(|line| line.split_once(':').unwrap()).map(|(n, v)| (n.into(), v.trim().into())).collect()
}

fn field(outgoing: &Outgoing, name: &str) -> String {
    fields(&composed(outgoing)).into_iter().find(|(n, _)| n == name).map(|(_, v)| v).unwrap_or_default()
}

#[test]
fn a_plain_message() {
    let expected = "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\nFrom: Support <support@example.org>\r\n\
        To: Joe Doe <joe@example.com>\r\nSubject: Hi\r\nMessage-ID: <c1.2.3@example.org>\r\nMIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\nHello\r\nJoe\r\n";
    assert_eq!(composed(&outgoing()), expected);
}

#[test]
fn every_field_has_its_place_and_bcc_none() {
    let message = Outgoing {
        sender: Some(mailbox("", "system@example.org")),
        cc: vec![mailbox("", "a@example.com"), mailbox("B", "b@example.com")],
        bcc: vec![mailbox("Secret", "secret@example.com")],
        reply_to: vec![mailbox("", "reply@example.org")],
        in_reply_to: Some("x@y".into()),
        references: vec!["w@y".into(), "x@y".into()],
        extra: vec![("Auto-Submitted", "auto-replied".into()), ("X-Loop", "espomail".into())],
        html: Some("<p>Grüße</p>".into()),
        ..outgoing()
    };
    let text = composed(&message);
    assert!(!text.to_lowercase().contains("secret"));
    let all = fields(&text);
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    let expected = "Date From Sender Reply-To To Cc Subject Message-ID In-Reply-To References Auto-Submitted X-Loop \
        MIME-Version Content-Type";
    assert_eq!(names.join(" "), expected);
    assert_eq!(field(&message, "Cc"), "a@example.com, B <b@example.com>");
    assert_eq!(field(&message, "References"), "<w@y> <x@y>");
    let parsed = mailparse::parse_mail(text.as_bytes()).unwrap();
    assert_eq!(parsed.ctype.mimetype, "multipart/alternative");
    let parts: Vec<String> = parsed.subparts.iter().map(|part| part.get_body().unwrap()).collect();
    assert_eq!(parts, ["Hello\r\nJoe", "<p>Grüße</p>"]);
}

#[test]
fn names_and_subjects_are_encoded() {
    for (name, expected) in [
        ("", "support@example.org"),
        ("Ann-Lee B_2", "Ann-Lee B_2 <support@example.org>"),
        ("Doe, J.", "\"Doe, J.\" <support@example.org>"),
        ("a \"b\" \\c", "\"a \\\"b\\\" \\\\c\" <support@example.org>"),
        ("J\r\nBcc: x", "\"J Bcc: x\" <support@example.org>"),
        ("Jürgen G", "=?utf-8?Q?J=C3=BCrgen_G?= <support@example.org>"),
        ("=?utf-8?Q?x?=", "=?utf-8?Q?=3D=3Futf=2D8=3FQ=3Fx=3F=3D?= <support@example.org>"),
    ] {
        assert_eq!(field(&Outgoing { from: mailbox(name, "support@example.org"), ..outgoing() }, "From"), expected);
    }
    for (subject, expected) in [
        ("", ""),
        (" a\r\n\tb\0c ", "a b c"),
        ("Grüße", "=?utf-8?Q?Gr=C3=BC=C3=9Fe?="),
        ("ok: (really) \"x\"", "ok: (really) \"x\""),
    ] {
        assert_eq!(field(&Outgoing { subject: subject.into(), ..outgoing() }, "Subject"), expected);
    }
}

#[test]
fn long_values_are_folded() {
    let many = |n: usize| (0..n).map(|n| mailbox("", &format!("joe{n}@example.com"))).collect::<Vec<_>>();
    let message = Outgoing {
        to: many(200),
        from: mailbox(&"x".repeat(2_000), "support@example.org"),
        subject: "y".repeat(5_000),
        references: (0..400).map(|n| format!("{n}@example.com")).chain([format!("{}@x", "z".repeat(850))]).collect(),
        text: "long ".repeat(1_000),
        ..outgoing()
    };
    let text = composed(&message);
    let parsed = mailparse::parse_mail(text.as_bytes()).unwrap();
    assert_eq!(parsed.headers.get_first_value("Subject").unwrap(), message.subject);
    assert_eq!(parsed.get_body().unwrap().trim_end(), message.text.trim_end());
    assert_eq!(field(&message, "To").split(", ").count(), 200);
    assert_eq!(field(&message, "References").split(' ').count(), 401);
}

#[test]
fn addresses_that_cannot_be_written_are_named() {
    for address in [
        "",
        "joe",
        "@example.com",
        "joe@",
        "a b@example.com",
        "joe@exa mple.com",
        "joe@example.com\r\nBcc: x@y.z",
        "a,b@c.d",
        "joe@example.com>",
        "<joe@example.com>",
        "a\u{0}@example.com",
        "\"a\u{0}b\"@example.com",
        "a@b@c.d",
        "a\u{85}b@example.com",
        "joe@-",
        &format!("{}@example.com", "x".repeat(320)),
    ] {
        let error = ComposeError::Address(address.into());
        let bad = || vec![mailbox("", address)];
        assert_eq!(compose(&Outgoing { from: mailbox("", address), ..outgoing() }), Err(error.clone()), "{address:?}");
        assert_eq!(compose(&Outgoing { to: bad(), ..outgoing() }), Err(error.clone()));
        assert_eq!(compose(&Outgoing { cc: bad(), ..outgoing() }), Err(error.clone()));
        assert_eq!(compose(&Outgoing { bcc: bad(), ..outgoing() }), Err(error.clone()));
        assert_eq!(compose(&Outgoing { reply_to: bad(), ..outgoing() }), Err(error.clone()));
        assert_eq!(compose(&Outgoing { sender: bad().pop(), ..outgoing() }), Err(error));
    }
    for address in ["jörg@exämple.org", "a+b=c.d'e@sub.example.com", "joe@[127.0.0.1]", "a/b@example.com"] {
        assert_eq!(
            field(&Outgoing { to: vec![mailbox("", address)], ..outgoing() }, "To"),
            to_be_sent(address).unwrap()
        );
    }
}

#[test]
fn ids_that_cannot_be_written_are_left_out() {
    for id in ["", "a b@c", "a@b>\r\nBcc: x", "<a@b>", "ü@x", &"x".repeat(901)] {
        assert_eq!(compose(&Outgoing { message_id: id.into(), ..outgoing() }), Err(ComposeError::MessageId(id.into())));
        let message =
            Outgoing { in_reply_to: Some(id.into()), references: vec![id.into(), "a@b".into()], ..outgoing() };
        assert_eq!(
            (field(&message, "In-Reply-To"), field(&message, "References")),
            (String::new(), "<a@b>".to_owned()),
            "{id}"
        );
    }
}

#[test]
fn further_fields_have_names_of_their_own() {
    for name in ["", "Bcc", "SUBJECT", "Content-Type", "X:", "X Y", "X\r\nBcc", "Ü"] {
        let message = Outgoing { extra: vec![(name, "x".into())], ..outgoing() };
        assert_eq!(compose(&message), Err(ComposeError::Field(name.into())));
    }
}

#[test]
fn attachments_come_back_as_they_are() {
    let file = |name: &str, content_type: &str, bytes: &[u8]| OutgoingAttachment {
        name: name.into(),
        content_type: content_type.into(),
        bytes: bytes.to_vec(),
    };
    let message = Outgoing {
        html: Some("<p>x</p>".into()),
        attachments: vec![
            file("Übersicht.pdf", "application/pdf; name=x", b"\0\xff\n.\n"),
            file("a/b\r\nX: \"c\".txt", "TEXT/plain\r\nX: y", b"a\nb\rc"),
            file("", "message/rfc822", b"From: x\n\ny"),
        ],
        ..outgoing()
    };
    let text = composed(&message);
    let parsed = mailparse::parse_mail(text.as_bytes()).unwrap();
    assert_eq!((parsed.ctype.mimetype.as_str(), parsed.subparts.len()), ("multipart/mixed", 4));
    assert_eq!(parsed.subparts[0].ctype.mimetype, "multipart/alternative");
    let expected = [
        ("Übersicht.pdf", "application/pdf"),
        ("a_b X: \"c\".txt", "application/octet-stream"),
        ("attachment", "application/octet-stream"),
    ];
    for ((part, sent), (name, content_type)) in parsed.subparts[1..].iter().zip(&message.attachments).zip(expected) {
        assert_eq!(part.get_body_raw().unwrap(), sent.bytes);
        assert_eq!(part.ctype.mimetype, content_type);
        let disposition = part.get_content_disposition();
        let shown = disposition.params.get("filename").map(|name| name.replace("\\\"", "\""));
        assert_eq!(shown.as_deref(), Some(name));
    }
}

#[test]
fn answers_quote_the_original() {
    for (answer, quoted, expected) in [
        ("Hi", None, "Hi\n"),
        ("Hi\n\n", Some(("Joe wrote:", "one\r\n\r\n> two\n\n")), "Hi\n\nJoe wrote:\n> one\n>\n>> two\n"),
        ("", Some(("Joe wrote:", "")), "\n\nJoe wrote:\n"),
    ] {
        assert_eq!(reply_text(answer, quoted), expected);
    }
}

#[test]
fn one_signature_stands_below_its_line() {
    for (text, signature, expected) in [
        ("Hi\n", "", "Hi\n"),
        ("Hi\n\n", "Ana\nDesk\n", "Hi\n\n-- \nAna\nDesk\n"),
        ("Hi", "-- \nAna", "Hi\n\n-- \nAna\n"),
        ("Hi", " \n", "Hi"),
        ("", "Ana", "\n\n-- \nAna\n"),
    ] {
        assert_eq!(signed(text, signature), expected);
    }
}

#[test]
fn a_forward_is_read_as_one() {
    let original = crate::mail::message::parse(
        "From: \"Doe, J\" <j@customer.example>\r\nTo: desk@example.org\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n\
         Subject: It does not start\r\n\r\nThe machine\r\nis dead.\r\n"
            .as_bytes(),
    );
    let english = crate::mail::language::Language::of("en").unwrap();
    let text = forwarded_text("please help\n", &original, english, &jiff::tz::TimeZone::UTC);
    let sent =
        compose(&Outgoing { subject: "Fwd: It does not start".into(), text: text.clone(), ..outgoing() }).unwrap();
    let sent = crate::mail::reading::Reading::parse(&sent);
    let read = sent.forward.as_ref().and_then(|forward| forward.meant()).unwrap();
    assert_eq!((read.comment.as_str(), read.text.as_str()), ("please help", "The machine\nis dead."));
    assert_eq!((read.from.address.as_str(), read.subject.as_str()), ("j@customer.example", "It does not start"));
    assert!(text.contains("\nDate: Mon, 23 Nov 2026 at 10:00\n"), "{text}");
    let text = forwarded_text("", &original, english, &jiff::tz::TimeZone::UTC);
    assert!(text.starts_with("---------- Forwarded"));
}

#[test]
fn long_lines_are_encoded_and_come_back_whole() {
    for (width, encoding) in [(72, "7bit"), (79, "quoted-printable"), (5_000, "quoted-printable")] {
        let message = Outgoing { text: "x".repeat(width), html: None, ..outgoing() };
        let text = composed(&message);
        assert_eq!(field(&message, "Content-Transfer-Encoding"), encoding, "{width}");
        assert!(text.split("\r\n").all(|line| line.len() <= 78), "{text}");
        assert_eq!(mailparse::parse_mail(text.as_bytes()).unwrap().get_body().unwrap().trim_end(), message.text);
    }
}

#[test]
fn a_message_is_attached_as_one_where_it_needs_no_encoding() {
    for (bytes, content_type) in [
        (&b"From: x@y.example\r\nSubject: a\r\n\r\nb\r\n"[..], "message/rfc822"),
        (b"Subject: a\n\nb\n", "application/octet-stream"),
        ("Subject: \u{e4}\r\n\r\nb\r\n".as_bytes(), "application/octet-stream"),
        (&[b"x".repeat(999).as_slice(), b"\r\n"].concat(), "application/octet-stream"),
        (b"", "application/octet-stream"),
    ] {
        let attachment =
            OutgoingAttachment { name: "a.eml".into(), content_type: "message/rfc822".into(), bytes: bytes.to_vec() };
        let text = composed(&Outgoing { attachments: vec![attachment], ..outgoing() });
        let parsed = mailparse::parse_mail(text.as_bytes()).unwrap();
        assert_eq!(parsed.subparts[1].ctype.mimetype, content_type);
        assert_eq!(parsed.subparts[1].get_body_raw().unwrap(), bytes);
    }
}

/// Text that tries to be more than text.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,80}",
        "[a-zA-Z:\r\n\t \0<>\"\\\\,;=?@().\u{85}\u{2028}ü-]{0,120}",
        "[a-z\r\n]{0,5}(\r\n|\n|\r)(Bcc|To|Content-Type): [a-z@]{0,8}(\r\n\r\n|\n\n)[a-z.\r\n-]{0,40}",
    ]
}

proptest! {
    #![proptest_config(fixed_seed(1))]

    #[test]
    fn no_value_becomes_a_field_or_a_body(
        name in hostile(), subject in hostile(), text in hostile(), html in proptest::option::of(hostile()), extra in hostile(),
        file in hostile(),
    ) {
        let message = Outgoing {
            from: mailbox(&name, "support@example.org"),
            to: vec![mailbox(&name, "joe@example.com"), mailbox(&extra, "ann@example.com")],
            subject: subject.clone(),
            extra: vec![("X-Note", extra)],
            text: text.clone(),
            html: html.clone(),
            attachments: vec![OutgoingAttachment { name: file, content_type: name.clone(), bytes: text.clone().into_bytes() }],
            ..outgoing()
        };
        let bytes = composed(&message);
        prop_assert!(bytes.is_ascii());
        let names: Vec<String> = fields(&bytes).into_iter().map(|(name, _)| name).collect();
        prop_assert_eq!(names.join(" "), "Date From To Subject Message-ID X-Note MIME-Version Content-Type");

        let parsed = mailparse::parse_mail(bytes.as_bytes()).unwrap();
        prop_assert_eq!(parsed.headers.get_first_value("Subject").unwrap(), header::clean(&subject));
        prop_assert_eq!(parsed.subparts.len(), 2);
        prop_assert_eq!(parsed.subparts[0].subparts.len(), if html.is_some() { 2 } else { 0 });
        prop_assert_eq!(parsed.subparts[1].get_body_raw().unwrap(), text.as_bytes());
        let body = parsed.subparts[0].subparts.first().unwrap_or(&parsed.subparts[0]).get_body().unwrap();
        let expected: String = text.replace("\r\n", "\n").replace('\r', "\n").chars()
            .filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        let body = body.replace("\r\n", "\n");
        prop_assert_eq!(body.trim_end_matches('\n'), expected.trim_end_matches('\n'));
    }
}
