//! Invitations, answers to them and cancellations (RFC 5545, 5546) as text: what, when, where, who.

pub mod invitation;
mod lines;
mod when;

use std::fmt::Write as _;

use lines::Property;
pub(in crate::mail::message) use lines::unfolded;

/// Bytes of a calendar that are read.
pub(in crate::mail::message) const MAX_BYTES: usize = 256 << 10;
/// Events and tasks that are shown.
const MAX_EVENTS: usize = 20;
/// People of an event that are shown.
const MAX_PEOPLE: usize = 30;

/// What people read of a calendar; empty where there is nothing.
pub(super) fn as_text(calendar: &str) -> String {
    let is_cut = calendar.len() > MAX_BYTES;
    let calendar = calendar.get(..calendar.floor_char_boundary(MAX_BYTES)).unwrap_or(calendar);
    let mut method = String::new();
    let (mut events, mut event): (Vec<Event>, Option<Event>) = (Vec::new(), None);
    let mut inner = 0_usize;
    for property in lines::properties(calendar) {
        let component = property.value.trim().to_ascii_uppercase();
        match (property.name.as_str(), &mut event) {
            ("METHOD", None) => method = component,
            ("BEGIN", None) if matches!(component.as_str(), "VEVENT" | "VTODO") => event = Some(Event::default()),
            // An alarm has a description of its own.
            ("BEGIN", Some(_)) => inner += 1,
            ("END", Some(_)) if inner > 0 => inner -= 1,
            ("END", Some(_)) => events.extend(event.take()),
            (_, Some(event)) if inner == 0 => event.add(property),
            _ => {}
        }
    }
    events.extend(event);
    let shown: Vec<String> = events.iter().take(MAX_EVENTS).map(|event| event.text(&method)).collect();
    let mut text = shown.join("\n\n");
    if events.len() > MAX_EVENTS {
        let least = if is_cut { "at least " } else { "" };
        let _ = write!(text, "\n\n({least}{} more)", events.len() - MAX_EVENTS);
    }
    if is_cut && !text.is_empty() {
        let _ =
            write!(text, "\n\n(The calendar is larger than {} KiB, and only its beginning is shown.)", MAX_BYTES >> 10);
    }
    text
}

#[derive(Default)]
struct Event {
    summary: String,
    location: String,
    description: String,
    comment: String,
    status: String,
    rule: String,
    start: Option<Property>,
    end: Option<Property>,
    duration: String,
    organizer: Option<Property>,
    attendees: Vec<Property>,
}

impl Event {
    fn add(&mut self, property: Property) {
        let first = |into: &mut String, property: &Property| {
            if into.is_empty() {
                *into = property.text();
            }
        };
        match property.name.as_str() {
            "SUMMARY" => first(&mut self.summary, &property),
            "LOCATION" => first(&mut self.location, &property),
            "DESCRIPTION" => first(&mut self.description, &property),
            "COMMENT" => first(&mut self.comment, &property),
            "STATUS" => first(&mut self.status, &property),
            "RRULE" => first(&mut self.rule, &property),
            "DURATION" => first(&mut self.duration, &property),
            "DTSTART" => self.start = self.start.take().or(Some(property)),
            "DTEND" | "DUE" => self.end = self.end.take().or(Some(property)),
            "ORGANIZER" => self.organizer = self.organizer.take().or(Some(property)),
            "ATTENDEE" => self.attendees.push(property),
            _ => {}
        }
    }

    fn text(&self, method: &str) -> String {
        let mut text = String::new();
        let mut line = |label: &str, value: &str| {
            if !value.is_empty() {
                let words = lines::readable(value);
                let _ = writeln!(text, "{label}: {}", words.split_whitespace().collect::<Vec<_>>().join(" "));
            }
        };
        let answers = matches!(method, "REPLY" | "COUNTER");
        let label = match method {
            _ if self.status.eq_ignore_ascii_case("CANCELLED") => "Cancelled",
            "CANCEL" => "Cancelled",
            "REPLY" => "Answer to the invitation",
            "COUNTER" => "Other time proposed",
            "REQUEST" => "Invitation",
            _ => "Event",
        };
        line(label, if self.summary.is_empty() { "(without a title)" } else { &self.summary });
        line("When", &when::as_text(self.start.as_ref(), self.end.as_ref(), &self.duration));
        line("Repeats", &when::repetition(&self.rule));
        line("Where", &self.location);
        line("Organizer", &self.organizer.as_ref().map(Property::person).unwrap_or_default());
        let mut people: Vec<String> =
            self.attendees.iter().take(MAX_PEOPLE).map(|attendee| attendee.participant(answers)).collect();
        if self.attendees.len() > MAX_PEOPLE {
            people.push(format!("{} more", self.attendees.len() - MAX_PEOPLE));
        }
        line(if answers { "From" } else { "Attendees" }, &people.join(", "));
        line("Comment", &self.comment);
        let description = lines::readable(&self.description);
        let description = description.trim();
        if !description.is_empty() {
            let _ = write!(text, "\n{description}");
        }
        text.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(method: &str, event: &str) -> String {
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:{method}\r\nBEGIN:VEVENT\r\nUID:1@x\r\n{event}\r\n\
             BEGIN:VALARM\r\nDESCRIPTION:Reminder\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        )
    }

    #[test]
    fn invitations_answers_and_cancellations() {
        let event = "SUMMARY:Tour of the south\\, and\r\n  north bed\r\n\
                     DTSTART;TZID=Europe/Berlin:20240305T100000\r\nDTEND;TZID=\"Europe/Berlin\":20240305T113000\r\n\
                     LOCATION:Glass house 2\\; back door\r\nORGANIZER;CN=\"Vogel, Rita\":mailto:Rita@garden.example\r\n\
                     ATTENDEE;PARTSTAT=NEEDS-ACTION;CN=Otto:MAILTO:otto@shop.example\r\n\
                     ATTENDEE;PARTSTAT=ACCEPTED:mailto:eva@shop.example\r\n\
                     DESCRIPTION:Bring boots.\\nAnd a hat.\r\nRRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=5";
        assert_eq!(
            as_text(&calendar("REQUEST", event)),
            "Invitation: Tour of the south, and north bed\n\
             When: Tuesday, 2024-03-05 10:00 to 11:30 (Europe/Berlin)\n\
             Repeats: every 2 weeks, 5 times\n\
             Where: Glass house 2; back door\n\
             Organizer: Vogel, Rita <rita@garden.example>\n\
             Attendees: Otto <otto@shop.example>, eva@shop.example (accepted)\n\n\
             Bring boots.\nAnd a hat."
        );
        let answer = "SUMMARY:Tour\r\nDTSTART:20240305T090000Z\r\nDURATION:PT1H30M\r\nATTENDEE;CN=Otto;PARTSTAT=DECLINED:\
                      mailto:otto@shop.example\r\nCOMMENT:I am on holiday";
        assert_eq!(
            as_text(&calendar("REPLY", answer)),
            "Answer to the invitation: Tour\nWhen: Tuesday, 2024-03-05 09:00 to 10:30 (UTC)\n\
             From: Otto <otto@shop.example> (declined)\nComment: I am on holiday"
        );
        let days = "SUMMARY:Fair\r\nDTSTART;VALUE=DATE:20240305\r\nDTEND;VALUE=DATE:20240308\r\nSTATUS:CANCELLED";
        assert_eq!(
            as_text(&calendar("CANCEL", days)),
            "Cancelled: Fair\nWhen: Tuesday, 2024-03-05 to Thursday, 2024-03-07"
        );
        assert_eq!(
            as_text(&calendar("PUBLISH", "DTSTART;VALUE=DATE:20240305\r\nDTEND;VALUE=DATE:20240306")),
            "Event: (without a title)\nWhen: Tuesday, 2024-03-05"
        );
    }

    #[test]
    fn what_turns_the_writing_around_is_not_shown() {
        let turned = "SUMMARY:In\u{202e}voice\u{200b}\r\nLOCATION:\u{2066}Gate 2\u{2069}\r\nDESCRIPTION:a\u{200f}b\r\n\
                      ORGANIZER;CN=\"Ri\u{202d}ta\":mailto:rita@garden.example";
        assert_eq!(
            as_text(&calendar("REQUEST", turned)),
            "Invitation: Invoice\nWhere: Gate 2\nOrganizer: Rita <rita@garden.example>\n\nab"
        );
    }

    #[test]
    fn a_calendar_that_is_not_read_to_its_end_says_so() {
        let event = format!("SUMMARY:Fair\r\nATTACH;ENCODING=BASE64;VALUE=BINARY:{}", "A".repeat(MAX_BYTES));
        let shown = as_text(&calendar("REQUEST", &event));
        assert!(shown.starts_with("Invitation: Fair") && shown.ends_with("256 KiB, and only its beginning is shown.)"));
        let many = format!("BEGIN:VCALENDAR\n{}", "BEGIN:VEVENT\nSUMMARY:x\nEND:VEVENT\n".repeat(9_000));
        assert!(as_text(&many).contains("(at least ") && as_text(&many).contains("only its beginning"));
    }

    #[test]
    fn what_is_broken_or_endless_is_read_as_far_as_it_goes() {
        assert_eq!(as_text(""), "");
        assert_eq!(as_text("BEGIN:VCALENDAR\nEND:VCALENDAR\n"), "");
        assert_eq!(as_text("BEGIN:VEVENT\nSUMMARY:Cut off\nDTSTART:soon"), "Event: Cut off\nWhen: soon");
        let many = calendar("REQUEST", &"ATTENDEE:mailto:a@x.example\r\n".repeat(1_000));
        assert!(as_text(&many).contains("970 more"), "{}", as_text(&many));
        assert!(as_text(&"BEGIN:VEVENT\nEND:VEVENT\n".repeat(1_000)).ends_with("(980 more)"));
        for unit in ["BEGIN:VEVENT\n", " x\n", "A;B=\"", "SUMMARY:a\\", "ATTENDEE;CN=\"a\"\n"] {
            crate::mail::costs_no_more_than_its_length(unit, 40_000, &|text| drop(as_text(text)));
        }
    }
}
