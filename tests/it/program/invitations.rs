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
        let said = desk.ana(&["email", "invitation", "1", answer, "-m", "Till then"]);
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
