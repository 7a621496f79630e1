#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::string_slice)]
use super::*;
use crate::mail::author;

fn mailbox(address: &str) -> Mailbox {
    Mailbox { name: String::new(), address: address.into() }
}

/// A customer's mail with further header fields.
fn message(headers: &[(&str, &str)]) -> Message {
    Message {
        from: vec![mailbox("joe@example.com")],
        to: vec![mailbox("support@example.org")],
        return_path: Some("joe@example.com".into()),
        content_type: "text/plain".into(),
        headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        ..Message::default()
    }
}

fn from(address: &str) -> Message {
    Message { from: vec![mailbox(address)], ..message(&[]) }
}

fn reply_to(addresses: &[&str]) -> Message {
    Message { reply_to: addresses.iter().map(|a| mailbox(a)).collect(), ..message(&[]) }
}

fn decide(message: &Message) -> (Option<String>, Option<String>) {
    let own = |address: &str| address == "support@example.org";
    let ours = |id: &str| id.starts_with("a0");
    let message = &Reading::of(message.clone());
    let author = author::of_stranger(message);
    let answering = Answering { message, author: &author, own: &own, our_auto_reply: &ours, to_own_list: false };
    (message.machine.as_ref().map(Reason::to_string), unanswerable(&answering).map(|r| r.to_string()))
}

#[test]
fn machine_mail() {
    let part = |part: &str| Message { part_types: vec!["text/plain".into(), part.into()], ..message(&[]) };
    for (message, reason) in [
        (message(&[("Auto-Submitted", "auto-replied")]), "Auto-Submitted: auto-replied"),
        (message(&[("auto-submitted", " Auto-Generated; owner-email=\"x\"")]), "Auto-Submitted: auto-generated"),
        (message(&[("Auto-Submitted", "(really (not)) auto-notified")]), "Auto-Submitted: auto-notified"),
        (message(&[("Auto-Submitted", "no"), ("Auto-Submitted", "auto-replied")]), "Auto-Submitted: auto-replied"),
        (message(&[("X-Autoreply", "yes")]), "X-Autoreply: yes"),
        (message(&[("X-Autorespond", "")]), "X-Autorespond"),
        (message(&[("X-Autoresponder", "Tool 1.0")]), "X-Autoresponder: Tool 1.0"),
        (Message { return_path: Some(String::new()), ..message(&[]) }, "Return-Path: <>"),
        (Message { content_type: "multipart/report".into(), ..message(&[]) }, "Content-Type: multipart/report"),
        (from("MAILER-DAEMON@mx.example.com"), "From a mail system: MAILER-DAEMON@mx.example.com"),
        (from("postmaster@example.com"), "From a mail system: postmaster@example.com"),
        (part("text/calendar; method=REPLY"), "Calendar answer: text/calendar; method=REPLY"),
        (part("text/calendar; method=cancel"), "Calendar answer: text/calendar; method=cancel"),
        (part("text/calendar; method=COUNTER"), "Calendar answer: text/calendar; method=COUNTER"),
        (message(&[("X-Loop", "Espomail")]), "X-Loop: Espomail"),
        (
            message(&[("X-Loop", "other"), ("X-Loop", "espomail support@example.org")]),
            "X-Loop: espomail support@example.org",
        ),
    ] {
        assert_eq!(decide(&message), (Some(reason.into()), Some(reason.into())));
    }
}

#[test]
fn mail_that_must_not_be_answered() {
    for (message, reason) in [
        (message(&[("X-Auto-Response-Suppress", "All")]), "X-Auto-Response-Suppress: All"),
        (message(&[("X-Auto-Response-Suppress", "DR, RN,OOF")]), "X-Auto-Response-Suppress: DR, RN,OOF"),
        (message(&[("X-Auto-Response-Suppress", "NRN, autoreply")]), "X-Auto-Response-Suppress: NRN, autoreply"),
        (message(&[("Precedence", "bulk")]), "Precedence: bulk"),
        (message(&[("Precedence", "Junk")]), "Precedence: Junk"),
        (message(&[("Precedence", "list")]), "Precedence: list"),
        (message(&[("Precedence", "auto_reply")]), "Precedence: auto_reply"),
        (message(&[("List-Id", "<x.example.com>")]), "Mailing list: List-Id"),
        (message(&[("LIST-UNSUBSCRIBE", "<mailto:x>")]), "Mailing list: LIST-UNSUBSCRIBE"),
        (message(&[("Feedback-ID", "1:2:3")]), "Feedback-ID: 1:2:3"),
        (message(&[("X-Spam-Flag", " YES")]), "X-Spam-Flag: YES"),
        (message(&[("X-Spam-Status", "Yes, score=7.2")]), "X-Spam-Status: Yes, score=7.2"),
        (Message { subject: "Automatic reply: Hello".into(), ..message(&[]) }, "Subject: automatic reply"),
        (Message { subject: "Abwesenheit: Hallo".into(), ..message(&[]) }, "Subject: abwesenheit"),
        (from("no-reply@example.com"), "No-reply address: no-reply@example.com"),
        (from("support@example.org"), "Own address: support@example.org"),
        (reply_to(&["mailer-daemon@example.com"]), "Answer to a mail system: mailer-daemon@example.com"),
        (reply_to(&["noreply@example.com"]), "No-reply address: noreply@example.com"),
        (reply_to(&["support@example.org"]), "Own address: support@example.org"),
        (
            Message { in_reply_to: vec!["x".into(), "a0.1".into()], ..message(&[]) },
            "Answer to our automatic reply: a0.1",
        ),
        (
            Message { references: vec!["a0.2".into(), "x".into()], ..message(&[]) },
            "Answer to our automatic reply: a0.2",
        ),
        (Message { from: vec![], ..message(&[]) }, "No address to answer"),
        (from(""), "No address to answer"),
    ] {
        assert_eq!(decide(&message), (None, Some(reason.into())));
    }
}

#[test]
fn mail_of_people_is_answered() {
    for message in [
        message(&[]),
        message(&[("Auto-Submitted", "no")]),
        message(&[("Auto-Submitted", "No (a person; really)")]),
        message(&[("Auto-Submitted", "")]),
        message(&[("X-Auto-Response-Suppress", "DR, RN, NRN, None")]),
        message(&[("X-Auto-Response-Suppress", "Overall")]),
        message(&[("Precedence", "first-class"), ("Listing", "x"), ("X-Loop", "me@example.com")]),
        message(&[("X-Spam-Flag", "NO"), ("X-Spam-Status", "No, score=1 autolearn=yes")]),
        Message { return_path: None, content_type: "multipart/mixed".into(), ..message(&[]) },
        Message { part_types: vec!["text/calendar; method=REQUEST".into(), "text/calendar".into()], ..message(&[]) },
        Message { references: vec!["c0.1".into()], ..message(&[]) },
        Message { subject: "Re: Automatic reply: Hello".into(), ..message(&[]) },
        Message { subject: "Odp: Out of office: Hello".into(), ..message(&[]) },
        Message { subject: "RE[2]: Out of office: Hello".into(), ..message(&[]) },
        Message { subject: "My order, and when you are back in the shop, an automatic reply".into(), ..message(&[]) },
        reply_to(&["noreply@example.com", "other@example.com"]),
        from("postmaster.general@example.com"),
    ] {
        assert_eq!(decide(&message), (None, None), "{message:?}");
    }
}

#[test]
fn answers_of_programs() {
    let subject = |text: &str| Message { subject: text.into(), ..message(&[]) };
    for (message, expected) in [
        (message(&[("Auto-Submitted", "auto-replied; owner-email=\"x\"")]), true),
        (message(&[("Auto-Submitted", "auto-generated")]), false),
        (message(&[("X-Autoreply", "yes")]), true),
        (message(&[("X-Autoreply", "no")]), false),
        (message(&[("X-Autorespond", "away")]), true),
        (message(&[("X-Auto-Reply-From", "x@example.com")]), true),
        (message(&[("Precedence", "auto_reply")]), true),
        (message(&[("Precedence", "bulk")]), false),
        (message(&[("X-MS-Exchange-Inbox-Rules-Loop", "x@example.com")]), true),
        (message(&[("X-Autogenerated", "Reply")]), true),
        (subject("Out of office: Hello"), true),
        (subject("Réponse automatique : Bonjour"), true),
        (subject("Re: Out of office: Hello"), false),
        (
            Message {
                delivery_status: vec!["Final-Recipient: rfc822; a@x.example\nStatus: 5.1.1".into()],
                ..subject("auto:")
            },
            false,
        ),
        (message(&[]), false),
    ] {
        assert_eq!(Reading::of(message.clone()).auto_reply, expected, "{message:?}");
    }
}

#[test]
fn every_rule_has_a_row_above() {
    let source = include_str!("tests.rs");
    let of_itself = rules::MACHINE.iter().chain(rules::UNANSWERED).map(|rule| rule.name);
    for name in of_itself.chain(rules::UNANSWERABLE.iter().map(|rule| rule.name)) {
        assert!(source.contains(&format!("\"{name}\"),")) || source.contains(&format!("\"{name}: ")), "{name}");
    }
}

#[test]
fn who_would_be_answered() {
    for (reply_to, from, expected) in [
        (vec![], vec!["a@x"], Some("a@x")),
        (vec!["r@x"], vec!["a@x"], Some("r@x")),
        (vec!["r@x", "s@x"], vec!["a@x"], Some("a@x")),
        (vec![""], vec!["a@x"], Some("a@x")),
        (vec![], vec!["", "b@x"], Some("b@x")),
        (vec![], vec![], None),
    ] {
        let list = |addresses: &[&str]| addresses.iter().map(|a| mailbox(a)).collect::<Vec<_>>();
        let message = Message { reply_to: list(&reply_to), from: list(&from), ..Message::default() };
        let message = Reading::of(message);
        assert_eq!(answer_address(&message, &author::of_stranger(&message)).map(|m| m.address.as_str()), expected);
    }
}

#[test]
fn no_reply_addresses() {
    for address in [
        "noreply@example.com",
        "NoReply@example.com",
        "no-reply@example.com",
        "no_reply@example.com",
        "no.reply@example.com",
        "donotreply@example.com",
        "do-not-reply@example.com",
        "do_not_reply+1@example.com",
        "shop-noreply@example.com",
        "drive-shares-dm-noreply@example.com",
        "noreply-123@example.com",
        "noreply123@example.com",
        "123+joe@users.noreply.example.com",
        "joe@no-reply.example.com",
        "noreply",
    ] {
        assert!(is_no_reply(address), "{address}");
    }
    for address in
        ["joe@example.com", "techno.reply@example.com", "reply@example.com", "nora@replying.example", "", "@"]
    {
        assert!(!is_no_reply(address), "{address}");
    }
}
