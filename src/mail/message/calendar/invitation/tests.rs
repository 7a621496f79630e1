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
                "ORGANIZER;CN=\"Rita\":mailto:Rita@garden.example",
                &format!("ATTENDEE;PARTSTAT={status};CN=\"Ana, 'of' Support\":mailto:ANA@desk.example"),
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
    assert!(at("RECURRENCE-ID;TZID=Home:20240305T100000") > at("BEGIN:VEVENT"));
    assert_eq!(lines.iter().filter(|line| *line == "BEGIN:VEVENT").count(), 2);
    assert!(!lines.iter().any(|line| line.starts_with("X-LIE")));
}

#[test]
fn parameters_have_quotes_only_where_they_need_them() {
    for (came, answered) in [
        ("VALUE=DATE:20240305", "VALUE=DATE:20240305"),
        ("VALUE=\"DATE\":20240305", "VALUE=DATE:20240305"),
        ("RANGE=THISANDFUTURE:20240305", "RANGE=THISANDFUTURE:20240305"),
        ("TZID=America/Port-au-Prince_x:20240305T1", "TZID=America/Port-au-Prince_x:20240305T1"),
        ("TZID=W. Europe:20240305T1", "TZID=\"W. Europe\":20240305T1"),
        ("TZID=\"No;x:y\":20240305T1", "TZID=\"No;x:y\":20240305T1"),
        ("TZID=:20240305T1", "TZID=\"\":20240305T1"),
    ] {
        let event = format!("UID:a@x\r\nATTENDEE:mailto:ana@desk.example\r\nRECURRENCE-ID;{came}");
        let reply = read(&calendar("REQUEST", &event)).unwrap().reply(&ana(), Answer::Accept, "", now());
        assert!(lines_of(&reply).contains(&format!("RECURRENCE-ID;{answered}")), "{came}: {reply}");
    }
}

#[test]
fn addresses_of_a_calendar_are_read_and_written_as_of_a_mailto() {
    for (came, known, answered) in [
        ("mailto:anna%2Bcal@x.example", "anna+cal@x.example", "anna+cal@x.example"),
        ("MAILTO:Anna.Li@X.Example", "anna.li@x.example", "Anna.Li@x.example"),
        ("mailto:%41nna@x.example", "anna@x.example", "Anna@x.example"),
        ("mailto:J%C3%BCrgen@m%C3%BCller.example", "jürgen@xn--mller-kva.example", "J%C3%BCrgen@xn--mller-kva.example"),
        ("mailto:a%25b%3Fc@x.example", "a%b?c@x.example", "a%25b%3Fc@x.example"),
        ("mailto:%22Ann%22@x.example", "ann@x.example", "ann@x.example"),
        ("mailto:%22Ann%20B%22@x.example", "\"ann b\"@x.example", "%22Ann%20B%22@x.example"),
    ] {
        let event = format!("UID:a@x\r\nORGANIZER:{came}\r\nATTENDEE:{came}\r\nATTENDEE:{came}");
        let read = read(&calendar("REQUEST", &event)).unwrap();
        assert_eq!(read.meetings[0].organizer.as_ref().unwrap().address, known, "{came}");
        let attendee = Mailbox { name: String::new(), address: known.to_owned() };
        let lines = lines_of(&read.reply(&attendee, Answer::Accept, "", now()));
        for line in [format!("ORGANIZER:mailto:{answered}"), format!("ATTENDEE;PARTSTAT=ACCEPTED:mailto:{answered}")] {
            assert!(lines.contains(&line), "{came}: {lines:#?}");
        }
    }
    for refused in [
        "mailto:?bcc=evil@x.example",
        "mailto:a@x.example?bcc=evil@x.example",
        "mailto:a?bcc=evil@x.example",
        "mailto:a@x.example%3Fbcc=evil@x.example",
        "mailto:a@x.example,evil@x.example",
        "mailto:a@x.example%2Cevil@x.example",
        "mailto:a%2Cb@x.example",
        "mailto:a@x.example%0D%0A",
        "mailto:a@x.example%0D%0ABcc:evil@x.example",
        "mailto:%22a%0D%0Ab%22@x.example",
        "mailto:a%00@x.example",
        "mailto:a%20b@x.example",
        "mailto:a%FF@x.example",
        "mailto:%3Ca@x.example%3E",
        "tel:+4912345",
    ] {
        let read =
            read(&calendar("REQUEST", &format!("UID:a@x\r\nORGANIZER:{refused}\r\nATTENDEE:{refused}"))).unwrap();
        assert_eq!((&read.meetings[0].organizer, read.meetings[0].attendees.len()), (&None, 0), "{refused}");
    }
}

/// Calendars by mail: charset, encoding, bytes.
#[test]
fn the_charset_of_the_part_counts_and_a_fold_may_cut_a_letter() {
    let by_mail = |charset: &str, summary: &[u8]| {
        let head = format!("Content-Type: text/calendar; method=REQUEST{charset}\r\n\r\n");
        let event = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:a@x\r\nSUMMARY:";
        [head.as_bytes(), event, summary, b"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"].concat()
    };
    for (charset, summary, title) in [
        ("; charset=utf-8", &b"Caf\xc3\xa9"[..], "Café"),
        ("; charset=iso-8859-1", b"Caf\xe9", "Café"),
        ("; charset=windows-1251", b"\xc2\xf1\xf2\xf0\xe5\xf7\xe0", "Встреча"),
        ("; charset=utf-8", b"Caf\xc3\r\n \xa9 du\r\n\t Nord", "Café du Nord"),
        ("; charset=utf-8", b"Caf\xc3\n \xa9", "Café"),
        ("", b"Caf\xc3\r\n \xa9", "Café"),
        ("; charset=utf-8", b"\xf0\x9f\r\n \x8e\r\n \x89", "🎉"),
    ] {
        let raw = by_mail(charset, summary);
        let read = of_message(&raw);
        assert_eq!(read[0].meetings[0].summary, title, "{charset} {summary:?}");
        let shown = message::parse(&raw).text;
        assert_eq!(shown, format!("Invitation: {title}"), "{charset} {summary:?}");
    }
    // What is read ends between two lines: half a letter at its end would have the charset guessed.
    for shift in 0..4 {
        let more = ["\r\nX-MORE:".to_owned(), "-".repeat(shift), "é".repeat(MAX_BYTES)].concat();
        let read = of_message(&by_mail("", format!("Café\r\nEND:VEVENT{more}").as_bytes()));
        assert_eq!(read[0].meetings[0].summary, "Café", "{shift}");
    }
}

#[test]
fn mail_that_comes_out_of_order_is_outdated_by_what_came_before() {
    let one = |method: &str, rest: &str| read(&calendar(method, &format!("UID:a@x\r\n{rest}"))).unwrap();
    let new = one("REQUEST", "SEQUENCE:1\r\nDTSTAMP:20240301T000000Z");
    for (before, expected) in [
        (one("REQUEST", "SEQUENCE:2"), Some(Method::Request)),
        (one("REQUEST", "SEQUENCE:1\r\nDTSTAMP:20240302T000000Z"), None),
        (one("REQUEST", "SEQUENCE:0"), None),
        (one("CANCEL", "SEQUENCE:2"), Some(Method::Cancel)),
        (one("CANCEL", "SEQUENCE:1"), None),
        (one("REQUEST", "SEQUENCE:2\r\nSTATUS:CANCELLED"), Some(Method::Cancel)),
        (one("REPLY", "SEQUENCE:9"), None),
        (one("REQUEST", "SEQUENCE:9\r\nRECURRENCE-ID:20240305T100000Z"), None),
    ] {
        assert_eq!(new.was_outdated_by(&before), expected, "{before:?}");
    }
    let other = read(&calendar("REQUEST", "UID:b@x\r\nSEQUENCE:9")).unwrap();
    assert_eq!(new.was_outdated_by(&other), None);
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

#[test]
fn a_task_is_not_an_invitation() {
    let event = "UID:a@b\r\nORGANIZER:mailto:rita@garden.example\r\nATTENDEE:mailto:ana@desk.example";
    let task = calendar("REQUEST", event).replace("VEVENT", "VTODO");
    assert!(read(&calendar("REQUEST", event)).is_some() && read(&task).is_none());
}
