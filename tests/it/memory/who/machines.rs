//! Mail that programs write (B8.1, B8.6, B8.7, B4.1): it changes nothing, tells nobody, and is shown as what it is.

use espomail::intake::import::Imported;
use espomail::store::templates;
use jiff::{SignedDuration, Timestamp};

use super::{Office, addresses, desk};
use crate::support::Letter;
use crate::support::from;

const EVA: &str = "Eva <eva@customer.example>";

/// A case of Eva's that was answered and closed; the office and the id of the answer.
fn closed() -> (Office, String) {
    let office = desk();
    office.deliver(&from(EVA, "Printer"));
    let ours = office.reply(1);
    office.close(1);
    office.sql("DELETE FROM notifications");
    (office, ours)
}

/// The newest note of the stream.
fn note(office: &Office) -> String {
    office.query("SELECT text FROM notes ORDER BY id DESC LIMIT 1").remove(0)
}

fn told(office: &Office) -> usize {
    office.query("SELECT text FROM notifications").len()
}

/// Decisions about automatic replies that were sent.
fn replies(office: &Office) -> usize {
    office.query("SELECT message_id FROM outbox WHERE kind = 'auto-reply'").len()
}

fn answering() -> Office {
    let office = desk();
    office.act(|tx, _, _| {
        templates::add(tx, "ack", "We have your message", "Case {{ case.number }}", None, Timestamp::now())
    });
    office.sql("UPDATE accounts SET auto_reply_id = 1");
    office
}

#[test]
fn an_absence_note_changes_nothing_in_any_language() {
    let (office, ours) = closed();
    let subjects = [
        "Automatic reply: [#1] Re: Printer",
        "Out of office: [#1] Printer",
        "Abwesenheitsnotiz: [#1] Re: Printer",
        "Automatisch antwoord: [#1] Printer",
        "Réponse automatique : [#1] Printer",
        "Respuesta automática: [#1] Printer",
        "Resposta automática: [#1] Printer",
        "Risposta automatica: [#1] Printer",
        "Autosvar: [#1] Printer",
        "Automaattinen vastaus: [#1] Printer",
        "Odpowiedź automatyczna: [#1] Printer",
        "Automatická odpověď: [#1] Printer",
        "Automatikus válasz: [#1] Printer",
        "Автоответ: [#1] Printer",
        "Otomatik yanıt: [#1] Printer",
        "自動応答: [#1] Printer",
        "自动回复: [#1] Printer",
        "[EXTERNAL] Automatic reply: [#1] Printer",
        "We have received your message",
        "Read: [#1] Printer",
    ];
    for subject in subjects {
        let mail = office.deliver(&from(EVA, subject).in_reply_to(&ours));
        assert_eq!(office.case_of(&mail), 1, "{subject}");
        assert_eq!(office.state(1), "Closed customer", "{subject}");
        // A bare phrase is nothing but words, which somebody has to look at.
        let is_bare = subject == "We have received your message";
        assert_eq!(told(&office), usize::from(is_bare), "{subject}");
        office.sql("DELETE FROM notifications");
        let expected = if subject.starts_with("Read") { "read receipt: displayed" } else { "automatic reply" };
        assert_eq!(note(&office), expected, "{subject}");
    }
    office.deliver(&from(EVA, "Re: Automatic reply: [#1] Printer").in_reply_to(&ours));
    assert_eq!(office.state(1), "Assigned us", "a person answers");
    assert_eq!(note(&office), "Closed -> Assigned: the customer wrote");
}

/// People begin subjects with the same words: such a letter moves its case, and what only may be one is told.
#[test]
fn a_letter_that_begins_like_an_absence_note_is_not_lost() {
    let begins = "no: its subject begins like that of a program";
    for (subject, state, decision) in [
        ("Out of office furniture: order", "Assigned us", begins),
        ("Automatic reply does not work", "Assigned us", begins),
        ("Abwesend: mein Paket ist weg", "Assigned us", begins),
        ("Urlaub: welche Termine sind frei?", "Assigned us", begins),
        ("Urlaub", "Assigned us", begins),
        ("Lu: mon avis", "Assigned us", begins),
        ("Read: my invoice", "Assigned us", begins),
        ("Thank you for your message, it still does not work", "Assigned us", begins),
        (
            "Out of office",
            "Closed customer",
            "Subject: \"out of office\" and nothing else, in an answer; people are notified",
        ),
        (
            "Eva is out of the office",
            "Closed customer",
            "Subject: \"is out of the office\" in a sentence, in an answer;",
        ),
        ("Urlaub: [#1] Termine", "Closed customer", "Subject: \"urlaub\" before Re: or a case number, in an answer;"),
    ] {
        let (office, ours) = closed();
        let mail = office.deliver(&from(EVA, subject).in_reply_to(&ours));
        assert_eq!((office.case_of(&mail), office.state(1).as_str()), (1, state), "{subject}");
        assert_eq!(told(&office), 1, "somebody is told: {subject}");
        let said = office.decision(&mail, "automatic");
        assert!(said.starts_with(decision), "{subject}: {said}");
    }
    // With the subject that it answers nothing is left to doubt.
    for subject in ["Abwesend: Printer", "Urlaub: Printer", "Lu : Printer", "Printer (out of office)"] {
        let (office, ours) = closed();
        let mail = office.deliver(&from(EVA, subject).in_reply_to(&ours));
        assert_eq!((office.state(1).as_str(), told(&office)), ("Closed customer", 0), "{subject}");
        let said = office.decision(&mail, "automatic");
        assert!(said.ends_with("with the subject that it answers, in an answer"), "{said}");
    }
}

/// Where it belongs to no case it opens one, for nobody would see it otherwise.
#[test]
fn what_may_be_an_absence_note_opens_a_case_that_is_not_acknowledged() {
    let office = answering();
    let mail = office.deliver(&from(EVA, "Out of office").in_reply_to("<unknown@elsewhere.example>"));
    assert_eq!((office.case_of(&mail), replies(&office)), (1, 0));
    let bulk = office.deliver(&from(EVA, "Automatic reply: x").header("Precedence", "bulk"));
    assert_eq!(office.decision(&bulk, "automatic"), "Subject: Automatic reply: x, with Precedence: bulk");
    assert_eq!(office.decision(&bulk, "notified"), "", "it is in no case");
}

fn receipt(ours: &str, disposition: &str) -> Letter {
    from("Eva <eva@elsewhere.example>", "Read: Printer")
        .header("Content-Type", "multipart/report; report-type=disposition-notification; boundary=b")
        .body(&format!(
            "--b\n\nA note.\n\n--b\nContent-Type: message/disposition-notification\n\n\
             Final-Recipient: rfc822; eva@elsewhere.example\nOriginal-Message-ID: {ours}\n\
             Disposition: manual-action/MDN-sent-manually; {disposition}\n\n--b--\n"
        ))
}

#[test]
fn a_receipt_belongs_to_the_mail_it_names_and_is_shown_as_what_it_is() {
    let (office, ours) = closed();
    for (disposition, shown) in [("displayed", "read receipt: displayed"), ("deleted", "read receipt: deleted unread")]
    {
        let mail = office.deliver(&receipt(&ours, disposition));
        assert_eq!((office.case_of(&mail), note(&office).as_str()), (1, shown));
        assert_eq!((office.state(1).as_str(), told(&office)), ("Closed customer", 0));
    }
    let mislabelled = receipt(&ours, "displayed").header("Content-Type", "multipart/mixed; boundary=b");
    office.deliver(&mislabelled);
    assert_eq!(note(&office), "read receipt: displayed", "a report by its part alone");
    let stranger = office.deliver(&receipt("<unknown@desk.example>", "displayed"));
    assert_eq!(office.case_of(&stranger), 0, "it names no mail of ours");
}

#[test]
fn a_null_path_alone_is_a_person_who_is_not_answered() {
    let office = answering();
    let mail = office.deliver(&from(EVA, "Printer").header("Return-Path", "<>"));
    assert_eq!(office.case_of(&mail), 1);
    assert_eq!(office.decision(&mail, "auto-reply"), "not sent: not to be answered: Return-Path: <>");
    let bulk = office.deliver(&from(EVA, "Hello").header("Return-Path", "<>").header("Precedence", "bulk"));
    assert_eq!(office.case_of(&bulk), 0);
    assert_eq!(office.decision(&bulk, "case"), "none: archived as machine mail (Return-Path: <>, Precedence: bulk)");
    // A person answers by such a path as by any other.
    let ours = office.reply(1);
    office.close(1);
    office.deliver(&from(EVA, "Re: Printer").header("Return-Path", "<>").in_reply_to(&ours));
    assert_eq!(office.state(1), "Assigned us");
}

/// `Received` as the server of the desk writes it.
fn received(at: Timestamp) -> String {
    format!("from mx.customer.example by mx.desk.example; {}", at.strftime("%a, %d %b %Y %H:%M:%S +0000"))
}

#[test]
fn a_mail_is_as_old_as_the_server_says_that_took_it_in() {
    let long_ago = Timestamp::now() - SignedDuration::from_hours(24 * 365 * 8);
    let (now, decision) = (Timestamp::now(), |office: &Office, mail: &Imported| office.decision(mail, "auto-reply"));
    let office = answering();
    // The clock of the customer is wrong.
    let wrong_clock = from(EVA, "Printer").date(long_ago).header("Received", &received(now));
    let mail = office.deliver(&wrong_clock);
    assert!(decision(&office, &mail).starts_with("to eva@customer.example"), "{}", decision(&office, &mail));
    assert_eq!(replies(&office), 1);
    let ours = office.reply(1);
    office.sql("DELETE FROM notifications");
    let answer = from(EVA, "Re: Printer").date(long_ago).header("Received", &received(now)).in_reply_to(&ours);
    office.deliver(&answer);
    assert_eq!(told(&office), 1, "somebody is told");
    // A backlog that is copied into the mailbox: the fields below the topmost one do not count.
    let backlog = from("Lee <lee@customer.example>", "Scanner").date(now).header("Received", &received(long_ago));
    let mail = office.deliver(&backlog.add("Received", &received(now)));
    assert_eq!(decision(&office, &mail), "not sent: the mail is older than auto_reply_max_age");
    // Without one the older of the other two dates counts.
    let mail = office.deliver(&from("Kim <kim@customer.example>", "Monitor").date(long_ago));
    assert_eq!(decision(&office, &mail), "not sent: the mail is older than auto_reply_max_age");
}

#[test]
fn the_echo_of_an_acknowledgement_ends_in_its_case() {
    let office = answering();
    office.deliver(&from("support+id0@tickets.example", "Printer"));
    let mut subject = "[#1] We have your message".to_owned();
    for n in 1..=40 {
        subject = format!("Received: {subject} (ticket {n})");
        let echo = office.deliver(&from(&format!("support+id{n}@tickets.example"), &subject));
        assert_eq!((office.case_of(&echo), office.is_verified(&echo)), (1, false), "{subject}");
    }
    assert_eq!((office.cases(), replies(&office)), (1, 1));
    // Words of one's own are no echo.
    let other = office.deliver(&from("kim@tickets.example", "Scanner"));
    assert_eq!(office.case_of(&other), 2);
}

#[test]
fn a_report_about_the_address_behind_ours_marks_the_one_that_we_wrote_to() {
    let office = desk();
    office.deliver(&from(EVA, "Printer"));
    let ours = office.reply(1);
    let report = from("MAILER-DAEMON@mx.customer.example", "Undelivered Mail")
        .header("Content-Type", "multipart/report; report-type=delivery-status; boundary=b")
        .body(&format!(
            "--b\n\nfailed\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n\
             Original-Recipient: rfc822; eva@customer.example\nFinal-Recipient: rfc822; eva@home.example\n\
             Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 user unknown\n\n\
             --b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {ours}\n\n--b--\n"
        ));
    office.deliver(&report);
    let failed = office.query("SELECT text FROM notes WHERE kind = 'failed'");
    let said = "not delivered to eva@customer.example: 550 user unknown (a report that is not proven) (email ";
    assert!(failed.len() == 1 && failed[0].starts_with(said), "{failed:?}");
    let report = office.query("SELECT text FROM notes WHERE kind = 'email-received' ORDER BY id DESC LIMIT 1");
    assert_eq!(report, ["delivery report: not delivered"]);
}

/// What `email show` calls an automatic reply is never a case of its own in an answer to ours, and a mark alone is one.
#[test]
fn a_mark_alone_opens_a_case_that_is_not_acknowledged() {
    let office = answering();
    let mail = office.deliver(&from(EVA, "Automatic reply: Printer"));
    assert_eq!(office.case_of(&mail), 1);
    assert!(office.decision(&mail, "auto-reply").contains("not to be answered: Subject"));
    let head = office.begun(1).unwrap().letter.head;
    assert_eq!(addresses(&head.to), "eva@customer.example");
}
