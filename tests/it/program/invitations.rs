//! `email invitation`: an answer goes to the organizer, from the address that was invited, as text and as a calendar.

use crate::support::{Desk, Letter};

/// An invitation as calendar programs send it.
fn invitation(desk: &Desk, from: &str, method: &str, event: &str) -> Letter {
    let calendar = format!(
        "BEGIN:VCALENDAR\nVERSION:2.0\nMETHOD:{method}\nBEGIN:VEVENT\nUID:tour@garden\nDTSTART:20300305T100000Z\n\
         SUMMARY:Tour\n{event}\nEND:VEVENT\nEND:VCALENDAR\n"
    );
    let body = format!(
        "--b\nContent-Type: text/plain\n\nPlease come to the Tour.\n--b\nContent-Type: text/calendar; method={method}; charset=utf-8\n\n\
         {calendar}--b--\n"
    );
    desk.letter(from, "Invitation: Tour").header("Content-Type", "multipart/alternative; boundary=b").body(&body)
}

/// Lets the account have these bytes.
fn put_raw(desk: &Desk, message: &str) {
    desk.sandbox.call(&["ingest", "--account", "support"]).stdin(message.as_bytes()).run().ok();
}

const RITA: &str = "Rita <rita@garden.example>";
const EVENT: &str = "SEQUENCE:1\nDTSTAMP:20260101T000000Z\nORGANIZER;CN=Rita:mailto:rita@garden.example\n\
                     ATTENDEE;CN=Help:mailto:support@desk.example\nATTENDEE:mailto:otto@shop.example";

fn desk() -> Desk {
    Desk::new().piped_account("support", &["--team", "Support"])
}

/// What was queued last, as it goes over the wire.
fn queued(desk: &Desk) -> String {
    let id = desk.query("SELECT CAST(max(email_id) AS TEXT) FROM outbox").remove(0);
    desk.ok(&format!("email show {id} --raw")).stdout
}

#[test]
fn an_invitation_is_answered_to_its_organizer_by_text_and_calendar() {
    let desk = desk();
    desk.put(&invitation(&desk, RITA, "REQUEST", EVENT));
    for (answer, status, subject) in
        [("accept", "ACCEPTED", "Accepted"), ("decline", "DECLINED", "Declined"), ("tentative", "TENTATIVE", "Perhaps")]
    {
        let said = desk.ana(&["email", "invitation", "1", answer, "-m", "Till then", "--again"]);
        assert!(said.stdout.contains("letter to rita@garden.example is in the outbox"), "{said:?}");
        let raw = queued(&desk).replace("\r\n ", "").replace("=\r\n", "");
        for part in [
            "multipart/alternative",
            "text/calendar; method=REPLY; charset=utf-8",
            "METHOD:REPLY",
            "UID:tour@garden",
            "SEQUENCE:1",
            "mailto:support@desk.example",
            "To: Rita <rita@garden.example>",
            &format!("PARTSTAT={status}").replace('=', "=3D"),
        ] {
            assert!(raw.contains(part) || raw.contains(&part.replace("=3D", "=")), "{answer}: {part}\n{raw}");
        }
        assert!(raw.contains(&format!("{subject}: Tour")) && raw.contains("the invitation: Tour"), "{raw}");
        assert!(!raw.contains("otto@shop.example"), "{raw}");
    }
    let shown = desk.ok("email show 2").stdout;
    assert!(shown.contains("When: Tuesday, 2030-03-05 10:00 (UTC)") && shown.contains("Till then"), "{shown}");
}

#[test]
fn an_invitation_that_was_changed_or_cancelled_is_not_answered() {
    let desk = desk();
    desk.put(&invitation(&desk, RITA, "REQUEST", EVENT));
    desk.put(&invitation(&desk, RITA, "REQUEST", &EVENT.replace("SEQUENCE:1", "SEQUENCE:2")));
    let refused = desk.run_as("ana", "email invitation 1 accept").exits(65);
    assert!(refused.stderr.contains("email 1: the event was changed by email 2"), "{refused:?}");
    assert!(refused.stderr.contains("espomail email invitation 2 accept"), "{refused:?}");
    desk.put(&invitation(&desk, RITA, "CANCEL", &EVENT.replace("SEQUENCE:1", "SEQUENCE:3")));
    for (id, words) in [
        (1, "the event was"),
        (2, "email 2: the event was cancelled by email 3"),
        (3, "email 3 cancels an event, which needs no answer"),
    ] {
        let refused = desk.run_as("ana", &format!("email invitation {id} decline")).exits(65);
        assert!(refused.stderr.contains(words), "{refused:?}");
    }
    assert_eq!(desk.query("SELECT CAST(count(*) AS TEXT) FROM outbox"), ["0"]);
}

#[test]
fn an_invitation_that_comes_after_its_change_is_not_answered() {
    let desk = desk();
    desk.put(&invitation(&desk, RITA, "REQUEST", &EVENT.replace("SEQUENCE:1", "SEQUENCE:2")));
    desk.sandbox.sql("UPDATE emails SET received_at = received_at - 3600");
    desk.put(&invitation(&desk, RITA, "REQUEST", EVENT));
    let refused = desk.run_as("ana", "email invitation 2 accept").exits(65);
    assert!(refused.stderr.contains("email 2: the event was changed by email 1"), "{refused:?}");
    desk.ana("email invitation 1 accept");
}

#[test]
fn an_invitation_is_shown_also_where_its_text_has_its_title() {
    let desk = desk();
    desk.put(&invitation(&desk, RITA, "REQUEST", &format!("{EVENT}\nLOCATION:Gate 2")));
    for command in ["email show 1", "case show 1"] {
        let shown = desk.ok(command).stdout;
        for words in
            ["come to the Tour.", "Invitation: Tour", "When: Tuesday, 2030-03-05", "Where: Gate 2", "Organizer: Rita"]
        {
            assert!(shown.contains(words), "{command}: {words}\n{shown}");
        }
    }
}

#[test]
fn who_was_not_invited_cannot_answer_and_strange_organizers_are_asked_about() {
    let desk = desk();
    let others = EVENT.replace("support@desk.example", "eva@shop.example");
    desk.put(&invitation(&desk, RITA, "REQUEST", &others));
    desk.put(&desk.letter("kim@customer.example", "Help"));
    let victim = EVENT.replace("rita@garden.example", "victim@far.example");
    desk.put(&invitation(&desk, "Rita <rita@garden.example>", "REQUEST", &victim.replace("UID", "X")));
    let nameless = EVENT.replace("ORGANIZER;CN=Rita:mailto:rita@garden.example\n", "");
    desk.put(&invitation(&desk, "new@garden.example", "REQUEST", &nameless));
    for (id, words) in [
        (1, "email 1 invites none of your addresses"),
        (2, "email 2 is not an invitation"),
        (4, "does not say who organizes it"),
    ] {
        let refused = desk.run_as("ana", &format!("email invitation {id} accept")).exits(65);
        assert!(refused.stderr.contains(words), "{id} {refused:?}");
    }
    let asked = desk.run_as("ana", "email invitation 3 accept");
    assert!(asked.code != 0 && asked.stderr.contains("victim@far.example"), "{asked:?}");
    let wrong = desk.run_as("ana", "email invitation 3 accept --from budi@staff.example").exits(65);
    assert!(wrong.stderr.contains("--from: budi@staff.example is not invited"), "{wrong:?}");
    desk.ana("--yes email invitation 3 accept");
    assert!(queued(&desk).contains("To: Rita <victim@far.example>"));
}

#[test]
fn a_change_of_an_invitation_reaches_the_case_of_the_first() {
    let desk = desk();
    desk.put(&invitation(&desk, RITA, "REQUEST", EVENT));
    let later = |sequence: u8| EVENT.replace("SEQUENCE:1", &format!("SEQUENCE:{sequence}"));
    desk.put(&invitation(&desk, RITA, "REQUEST", &later(2)));
    desk.put(&invitation(&desk, RITA, "CANCEL", &later(3)));
    assert_eq!(desk.query("SELECT CAST(parent_id AS TEXT) FROM emails ORDER BY id"), ["1", "1", "1"]);
    let why = desk.ok("email explain 3").stdout;
    assert!(why.contains("case #1, by the invitation of email"), "{why}");
    // Who knows the name of an event is not in its case, and what only takes it back opens none. Another event is another case.
    desk.put(&invitation(&desk, "Mallory <mallory@far.example>", "CANCEL", &later(4)));
    let other = invitation(&desk, RITA, "REQUEST", EVENT).bytes();
    let other = String::from_utf8(other).unwrap().replace("UID:tour@garden", "UID:fair@garden");
    let message_id = other.lines().find(|line| line.starts_with("Message-ID")).unwrap().to_owned();
    put_raw(&desk, &other.replace(&message_id, "Message-ID: <fair@garden.example>"));
    assert_eq!(desk.query("SELECT CAST(parent_id AS TEXT) FROM emails ORDER BY id"), ["1", "1", "1", "Null", "2"]);
}

#[test]
fn a_second_answer_is_given_on_purpose_alone() {
    let desk = desk();
    desk.put(&invitation(&desk, RITA, "REQUEST", EVENT));
    desk.ana("email invitation 1 accept");
    for answer in ["decline", "accept"] {
        let refused = desk.run_as("budi", &format!("email invitation 1 {answer}")).exits(65);
        assert!(refused.stderr.contains("email 1: "), "{refused:?}");
        assert!(refused.stderr.contains("accepted it for support@desk.example on 20"), "{refused:?}");
        assert!(refused.stderr.contains("(email 2)"), "{refused:?}");
        assert!(refused.stderr.contains(&format!("espomail email invitation 1 {answer} --again")), "{refused:?}");
    }
    assert_eq!(desk.query("SELECT CAST(count(*) AS TEXT) FROM outbox"), ["1"]);
    desk.ok("--as budi email invitation 1 decline --again");
    let refused = desk.run_as("ana", "email invitation 1 accept").exits(65);
    assert!(refused.stderr.contains("declined it for support@desk.example"), "{refused:?}");
    // A letter that was taken back is not an answer.
    desk.ok("outbox cancel 2 1");
    desk.ana("email invitation 1 accept");
}

#[test]
fn a_calendar_that_is_too_large_is_refused_and_the_hint_is_true() {
    let desk = desk();
    let series = |more: usize| {
        let one =
            |at: usize| format!("END:VEVENT\nBEGIN:VEVENT\nUID:tour@garden\nRECURRENCE-ID:2030{at:04}\n{EVENT}\n");
        format!("{EVENT}\n{}", (0..more).map(one).collect::<String>().trim_end())
    };
    desk.put(&invitation(&desk, RITA, "REQUEST", &series(3)));
    let hint = "to answer the invitation: espomail email invitation 1 accept";
    assert!(desk.run_as("ana", "email show 1").stderr.contains(hint));
    desk.ana("email invitation 1 accept");
    assert!(!desk.run_as("ana", "email show 1").stderr.contains(hint), "it was answered");
    let attached = format!("{EVENT}\nATTACH;ENCODING=BASE64;VALUE=BINARY:{}", "AAAA".repeat(70_000));
    for (id, event) in [(3, series(900)), (4, attached)] {
        desk.put(&invitation(&desk, &format!("Rita <rita{id}@garden.example>"), "REQUEST", &event));
        let refused = desk.run_as("ana", &format!("email invitation {id} accept")).exits(65);
        assert!(refused.stderr.contains("with more events, or more bytes, than are read"), "{refused:?}");
        let shown = desk.run_as("ana", &format!("email show {id}"));
        assert!(shown.stdout.contains("Invitation: Tour") && !shown.stderr.contains("to answer"), "{shown:?}");
    }
    assert!(desk.ok("email show 3").stdout.contains("(881 more)"));
}

#[test]
fn a_calendar_that_is_damaged_is_refused_for_what_it_lacks() {
    let desk = desk();
    let letter = String::from_utf8(invitation(&desk, RITA, "REQUEST", EVENT).bytes()).unwrap();
    for (id, taken, expected) in [
        (1, "END:V", "email 1 has a damaged calendar: its event has no end"),
        (2, "UID:tour@garden", "email 2 has a calendar without an event that an answer could name: its UID is missing"),
    ] {
        assert!(letter.contains(taken), "{letter}");
        put_raw(&desk, &letter.replace(taken, "X-NONE:").replace("Message-ID: <", &format!("Message-ID: <n{id}")));
        let refused = desk.run_as("ana", &format!("email invitation {id} accept")).exits(65);
        assert!(refused.stderr.contains(expected) && refused.stderr.contains("email reply"), "{refused:?}");
        assert!(!refused.stderr.contains("than are read"), "{refused:?}");
    }
}

#[test]
fn an_answer_repeats_no_text_that_turns_the_writing_around() {
    let desk = desk();
    let event = EVENT.replace("CN=Rita", "CN=Ri\u{202e}ta").replace("SEQUENCE:1", "LOCATION:\u{2066}Gate\nSEQUENCE:1");
    let mut letter = String::from_utf8(invitation(&desk, RITA, "REQUEST", &event).bytes()).unwrap();
    letter = letter.replace("SUMMARY:Tour", "SUMMARY:To\u{202e}ur");
    put_raw(&desk, &letter);
    let turned = ['\u{202e}', '\u{2066}'];
    assert!(!desk.ok("--json email show 1").stdout.contains(turned));
    desk.ana("email invitation 1 accept");
    let raw = queued(&desk);
    assert!(raw.contains("Accepted: Tour") && !raw.contains(turned) && !raw.contains("=E2=80=AE"), "{raw}");
}

#[test]
fn who_answered_hears_that_an_event_was_cancelled() {
    let desk = desk();
    desk.put(&invitation(&desk, RITA, "REQUEST", EVENT));
    desk.ana("case take 1");
    desk.ana("email invitation 1 accept");
    let told = || desk.items("--as ana notification list").len();
    let before = told();
    desk.put(&invitation(&desk, RITA, "CANCEL", &EVENT.replace("SEQUENCE:1", "SEQUENCE:2")));
    assert_eq!(told(), before + 1);
    let why = desk.ok("email explain 3").stdout;
    assert!(why.contains("ana") && !why.contains("machine mail"), "{why}");
    let case = desk.json("case show 1");
    assert_eq!(case["waiting_for"], "us", "{case:#}");
    assert!(!desk.ok("case show 1").stdout.contains("Calendar answer"));
    // The same by a program, and an answer of a calendar, are news of nobody.
    for (n, method, header) in [(3, "CANCEL", "Auto-Submitted"), (4, "REPLY", "X-Other")] {
        let event = EVENT.replace("SEQUENCE:1", &format!("SEQUENCE:{n}"));
        desk.put(&invitation(&desk, RITA, method, &event).header(header, "auto-generated"));
        assert_eq!(told(), before + 1, "{method}");
    }
}
