//! What a report of an undelivered mail proves (B9.2), and whom it reaches.

use espomail::mail::address;

use super::{Office, judged, judging};
use crate::support::Letter;

const EVA: &str = "eva@customer.example";

/// A report that Eva cannot be reached, on the message with this id; without a verdict of the desk's mail server.
fn report(sender: &str, id: Option<&str>) -> Letter {
    let enclosed =
        id.map(|id| format!("--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {id}\n\n")).unwrap_or_default();
    judged(sender, "Undelivered Mail Returned to Sender", "x")
        .without("Authentication-Results")
        .header("Content-Type", "multipart/report; report-type=delivery-status; boundary=b")
        .body(&format!(
            "--b\n\nfailed\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n\
             Final-Recipient: rfc822; {EVA}\nAction: failed\nStatus: 5.1.1\n\
             Diagnostic-Code: smtp; 550 5.1.1 user unknown\n\n{enclosed}--b--\n"
        ))
}

fn said(letter: Letter, verdict: &str) -> Letter {
    letter.header("Authentication-Results", &format!("{}; dmarc={verdict}", super::MX))
}

/// A case of Eva's that was answered; the office, the id of the answer, and its signed envelope sender.
fn answered(plus: bool) -> (Office, String, String) {
    let office = judging(|account| account.cases.plus_addressing = plus);
    office.deliver(&judged(EVA, "Help", "pass"));
    let ours = office.reply(1);
    let sender = office.query("SELECT envelope_from FROM outbox ORDER BY id DESC LIMIT 1").remove(0);
    (office, ours, sender)
}

fn recipient(office: &Office) -> String {
    office.query("SELECT r.state || ' ' || reply FROM outbox_recipients r JOIN outbox o ON o.id = outbox_id WHERE kind = 'mail' ORDER BY o.id DESC LIMIT 1").remove(0)
}

fn told(office: &Office) -> usize {
    office.query("SELECT text FROM notifications WHERE kind = 'failed'").len()
}

#[test]
fn report_is_proven_when_it_comes_to_the_signed_envelope_sender() {
    for (verdict, named) in
        [(None, true), (Some("fail"), true), (Some("pass header.from=x.example"), true), (None, false)]
    {
        let (office, ours, sender) = answered(true);
        assert!(address::plus_tag_of(&sender, "support@desk.example").is_some(), "{sender}");
        let letter = report("MAILER-DAEMON@mail.desk.example", named.then_some(ours.as_str())).header("To", &sender);
        let letter = match verdict {
            Some(verdict) => said(letter, verdict),
            None => letter,
        };
        let mail = office.deliver(&letter);
        assert!(recipient(&office).starts_with("failed 550 5.1.1"), "{verdict:?}: {}", recipient(&office));
        assert_eq!(office.query("SELECT address FROM invalid_addresses"), [EVA], "{verdict:?}");
        assert_eq!(told(&office), 1, "{verdict:?}");
        if named {
            assert_eq!(office.case_of(&mail), 1, "{verdict:?}");
        }
    }
}

#[test]
fn a_report_that_nothing_proves_is_told_and_changes_nothing() {
    for letter in [
        report("MAILER-DAEMON@mail.desk.example", None),
        said(report("mailer-daemon@evil.example", None), "fail"),
        said(report("mailer-daemon@evil.example", None), "pass"),
    ] {
        let (office, ours, _) = answered(false);
        let before = office.state(1);
        // Named by the id that it answers alone.
        let mail = office.deliver(&letter.in_reply_to(&ours));
        assert_eq!((office.case_of(&mail), office.is_verified(&mail)), (1, false));
        assert!(recipient(&office).starts_with("sent reported failed: 550"), "{}", recipient(&office));
        assert_eq!((told(&office), office.state(1)), (1, before));
        assert_eq!(office.query("SELECT address FROM invalid_addresses").len(), 0);
    }
    // Without any of our ids it is about nothing.
    let (office, _, _) = answered(false);
    office.deliver(&report("MAILER-DAEMON@mail.desk.example", Some("<foreign@x.example>")));
    assert_eq!((recipient(&office).as_str(), told(&office)), ("sent ", 0));
}

#[test]
fn of_a_public_provider_only_the_mail_system_speaks_for_its_addresses() {
    for (sender, proven) in
        [("mallory@gmail.com", false), ("mailer-daemon@gmail.com", true), ("postmaster@gmail.com", true)]
    {
        let office = judging(|_| {});
        office.deliver(&judged("v@gmail.com", "Help", "pass"));
        let ours = office.reply(1);
        let letter = report(sender, Some(&ours));
        let body = String::from_utf8(letter.bytes()).unwrap().replace(EVA, "v@gmail.com");
        office.deliver(&said(Letter::of(&body), "pass"));
        let invalid = office.query("SELECT address FROM invalid_addresses");
        assert_eq!(!invalid.is_empty(), proven, "{sender}: {}", recipient(&office));
    }
}
