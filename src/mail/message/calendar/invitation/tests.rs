#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use super::*;

fn calendar(method: &str, event: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nMETHOD:{method}\r\nBEGIN:VEVENT\r\n{event}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
}

fn now() -> Timestamp {
    "2024-03-01T08:00:00Z".parse().unwrap()
}

fn ana() -> Mailbox {
    Mailbox { name: "Ana, \"of\" Support".into(), address: "ana@desk.example".into() }
}

/// The lines of an answer, unfolded.
fn lines_of(reply: &str) -> Vec<String> {
    reply.replace("\r\n ", "").lines().map(str::to_owned).collect()
}

#[test]
fn an_answer_repeats_what_names_the_meeting_and_says_what_one_attendee_does() {
    let event = "UID:abc@garden\r\nSEQUENCE:3\r\nDTSTAMP:20240228T100000Z\r\nSUMMARY:Tour\\, south\r\n\
                 ORGANIZER;CN=Rita:mailto:Rita@garden.example\r\nDTSTART:20240305T100000Z\r\n\
                 ATTENDEE;CN=Ana:mailto:ANA@desk.example\r\nATTENDEE:mailto:otto@shop.example\r\n\
                 BEGIN:VALARM\r\nUID:alarm\r\nSUMMARY:Reminder\r\nEND:VALARM";
    let read = read(&calendar("REQUEST", event)).unwrap();
    assert_eq!((read.method, read.uid.as_str(), read.is_mixed), (Method::Request, "abc@garden", false));
    assert_eq!(read.meetings[0].when, "Tuesday, 2024-03-05 10:00 (UTC)");
    for (answer, status) in
        [(Answer::Accept, "ACCEPTED"), (Answer::Decline, "DECLINED"), (Answer::Tentative, "TENTATIVE")]
    {
        assert_eq!(
            lines_of(&read.reply(&ana(), answer, "Till then;\nAna", now())),
            [
                "BEGIN:VCALENDAR",
                "PRODID:-//espomail//espomail//EN",
                "VERSION:2.0",
                "METHOD:REPLY",
                "BEGIN:VEVENT",
                "UID:abc@garden",
                "DTSTAMP:20240301T080000Z",
                "SEQUENCE:3",
                "ORGANIZER;CN=\"Rita\":mailto:rita@garden.example",
                &format!("ATTENDEE;PARTSTAT={status};CN=\"Ana, 'of' Support\":mailto:ana@desk.example"),
                "SUMMARY:Tour\\, south",
                "COMMENT:Till then\\;\\nAna",
                "END:VEVENT",
                "END:VCALENDAR",
            ]
        );
    }
    assert!(read.of_attendee("rita@garden.example").is_empty());
}

#[test]
fn one_of_a_series_is_answered_with_its_zone() {
    let zone = "BEGIN:VTIMEZONE\r\nTZID:Home\r\nX-LIE:1\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\n\
                TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE";
    let one = |recurrence: &str| {
        format!("BEGIN:VEVENT\r\nUID:s@x\r\n{recurrence}ATTENDEE:mailto:ana@desk.example\r\nEND:VEVENT\r\n")
    };
    let both = [one(""), one("RECURRENCE-ID;TZID=Home:20240305T100000\r\n")].concat();
    let read = read(&format!("BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\n{zone}\r\n{both}END:VCALENDAR\r\n")).unwrap();
    let lines = lines_of(&read.reply(&ana(), Answer::Accept, "", now()));
    let at = |line: &str| lines.iter().position(|known| known == line).unwrap_or_else(|| panic!("{line}: {lines:#?}"));
    assert!(at("END:VTIMEZONE") < at("BEGIN:VEVENT") && at("TZID:Home") < at("END:STANDARD"));
    assert!(at("RECURRENCE-ID;TZID=\"Home\":20240305T100000") > at("BEGIN:VEVENT"));
    assert_eq!(lines.iter().filter(|line| *line == "BEGIN:VEVENT").count(), 2);
    assert!(!lines.iter().any(|line| line.starts_with("X-LIE")));
}

#[test]
fn what_came_later_outdates_or_cancels() {
    let one = |method: &str, rest: &str| read(&calendar(method, &format!("UID:a@x\r\n{rest}"))).unwrap();
    let old = one("REQUEST", "SEQUENCE:1\r\nDTSTAMP:20240301T000000Z");
    let single = one("REQUEST", "SEQUENCE:1\r\nDTSTAMP:20240301T000000Z\r\nRECURRENCE-ID:20240305T100000Z");
    for (first, later, expected) in [
        (&old, one("REQUEST", "SEQUENCE:2"), Some(Method::Request)),
        (&old, one("REQUEST", "SEQUENCE:1\r\nDTSTAMP:20240302T000000Z"), Some(Method::Request)),
        (&old, one("REQUEST", "SEQUENCE:1\r\nDTSTAMP:20240301T000000Z"), None),
        (&old, one("REQUEST", "SEQUENCE:0\r\nDTSTAMP:20240303T000000Z"), None),
        (&old, one("CANCEL", "SEQUENCE:1"), Some(Method::Cancel)),
        (&old, one("CANCEL", "SEQUENCE:0"), None),
        (&old, one("REQUEST", "SEQUENCE:2\r\nSTATUS:CANCELLED"), Some(Method::Cancel)),
        (&old, one("REPLY", "SEQUENCE:9"), None),
        (&old, one("CANCEL", "SEQUENCE:9\r\nRECURRENCE-ID:20240305T100000Z"), None),
        (&single, one("CANCEL", "SEQUENCE:9\r\nRECURRENCE-ID:20240305T100000Z"), Some(Method::Cancel)),
        (&single, one("CANCEL", "SEQUENCE:9\r\nRECURRENCE-ID:20240306T100000Z"), None),
        (&single, one("CANCEL", "SEQUENCE:9"), Some(Method::Cancel)),
    ] {
        assert_eq!(first.is_outdated_by(&later), expected, "{later:?}");
    }
    let other = read(&calendar("CANCEL", "UID:b@x\r\nSEQUENCE:9")).unwrap();
    assert_eq!(old.is_outdated_by(&other), None);
}

#[test]
fn a_hostile_calendar_is_bounded_and_adds_no_line() {
    assert_eq!(read(""), None);
    assert_eq!(read(&calendar("REQUEST", "SUMMARY:Without a name")), None);
    // No DTSTART, an unknown zone, a lie about it, values that want to be lines.
    let event = "UID:a\u{b}\u{1b}[2J@x\r\nSEQUENCE:99999999999999\r\nORGANIZER;CN=\"R\\nATTENDEE:x\":mailto:r@x.example\r\n\
                 SUMMARY:One\\nATTENDEE:mailto:evil@x.example\\r\\nBEGIN:VEVENT\r\nRECURRENCE-ID;TZID=\"No;where:x\":2024\r\n\
                 ATTENDEE;CN=\"x\";PARTSTAT=\"A\":mailto:ana@desk.example\r\nATTENDEE:tel:+4912345";
    let hostile = read(&calendar("REQUEST", event)).unwrap();
    let reply = hostile.reply(&ana(), Answer::Accept, "a\r\nEND:VEVENT\u{1b}", now());
    let lines = lines_of(&reply);
    assert_eq!(lines.iter().filter(|line| line.starts_with("ATTENDEE")).count(), 1, "{lines:#?}");
    assert_eq!(lines.iter().filter(|line| *line == "BEGIN:VEVENT").count(), 1, "{lines:#?}");
    assert!(lines.contains(&"SEQUENCE:0".to_owned()) && lines.contains(&"UID:a[2J@x".to_owned()), "{lines:#?}");
    assert!(reply.split("\r\n").all(|line| line.len() <= LINE && !line.contains(|c: char| c.is_control())), "{reply}");
    // Long words are folded between characters.
    let long = read(&calendar("REQUEST", &format!("UID:{}@x", "ä".repeat(400)))).unwrap();
    assert!(long.can_be_named() && long.reply(&ana(), Answer::Decline, "", now()).ends_with("END:VCALENDAR\r\n"));
    assert!(!read(&calendar("REQUEST", &format!("UID:{}@x", "ä".repeat(600)))).unwrap().can_be_named());
    assert!(read(&calendar("REQUEST", "UID:a\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:b")).unwrap().is_mixed);
    let nested = format!("{}UID:x@y\r\n{}", "BEGIN:VEVENT\r\n".repeat(5_000), "END:VEVENT\r\n".repeat(5_000));
    assert!(read(&nested).is_none_or(|read| read.meetings.len() <= MAX_EVENTS));
    let many = "BEGIN:VEVENT\nUID:a\nATTENDEE:mailto:ana@desk.example\nEND:VEVENT\n".repeat(2_000);
    assert_eq!(read(&many).unwrap().meetings.len(), MAX_EVENTS);
    for unit in ["BEGIN:VEVENT\nUID:a\n", " x\n", "BEGIN:VTIMEZONE\nTZID:a\n", "ATTENDEE:mailto:a@b.example\n"] {
        crate::mail::costs_no_more_than_its_length(unit, 40_000, &|text| drop(read(text)));
    }
}
