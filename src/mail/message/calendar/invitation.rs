//! Invitations that can be answered, and the answers (RFC 5546 3.2.3, RFC 6047): calendar in, calendar out.
//!
//! An answer repeats as little of the invitation as the organizer's program needs: UID, SEQUENCE, RECURRENCE-ID, ORGANIZER
//! and a title. What it repeats is cleaned first, so that no value can become a line or a parameter of its own.

mod answer;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

pub use self::answer::Answer;
use super::lines::{self, Property};
use super::{MAX_BYTES, MAX_EVENTS, when};
use crate::mail::address::Mailbox;
use crate::mail::message;
use crate::mail::message::encoded_word::one_line;

/// Calendars of a message that are looked at.
pub(in crate::mail::message) const MAX_CALENDARS: usize = 10;
/// Longest UID that is repeated, in bytes: a shortened one would name nothing.
const MAX_UID: usize = 1_000;
/// Longest title or comment that is written, in characters.
const MAX_TEXT: usize = 1_000;
/// Lines of a time zone that are repeated.
const MAX_ZONE: usize = 200;
/// Longest line of a calendar in bytes, without its end (RFC 5545 3.1).
const LINE: usize = 75;
/// What is not written as it is in the address of a `mailto:` (RFC 6068 2).
const IN_MAILTO: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'/')
    .add(b';')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// What a calendar is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// It invites.
    Request,
    /// It takes an invitation back.
    Cancel,
    /// An answer of somebody who was invited.
    Reply,
    /// It tells of an event and asks for nothing.
    Other,
}

/// A calendar that came by mail. All its events have one UID: they are one meeting and its exceptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    pub method: Method,
    pub uid: String,
    /// In the order of the calendar.
    pub meetings: Vec<Meeting>,
    /// It has events of other UIDs too.
    pub is_mixed: bool,
    /// It is larger, or has more events, than what is read.
    pub is_cut: bool,
    /// Its last event has no end, as where the mail was damaged on its way.
    pub is_broken: bool,
    zones: Vec<Property>,
}

/// One event of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meeting {
    pub sequence: u32,
    /// DTSTAMP as it is written, which sorts by time where it is in UTC.
    pub stamp: String,
    /// Which one of a series, as it is written; empty = the series itself, or a single one.
    pub recurrence: String,
    pub summary: String,
    /// When it is, for people.
    pub when: String,
    pub organizer: Option<Mailbox>,
    pub attendees: Vec<Mailbox>,
    /// STATUS:CANCELLED.
    pub cancelled: bool,
    /// What the first attendee says; in an answer that is the only one.
    pub said: Option<Answer>,
    recurrence_params: Vec<(String, String)>,
    /// Addresses with their local part as the calendar writes it: only its own server knows whether case matters in it.
    written: BTreeMap<String, String>,
}

/// The calendars of a message, as far as they have an event with a UID.
pub fn of_message(raw: &[u8]) -> Vec<Invitation> {
    let files = message::parse(raw).attachments;
    let calendars = files.iter().filter(|file| is_calendar(file)).take(MAX_CALENDARS);
    let read = |file: &message::Attachment| {
        let found = read(&message::calendar_text(raw, file.part, MAX_BYTES)?)?;
        let is_whole = usize::try_from(file.size).is_ok_and(|size| size <= MAX_BYTES);
        Some(Invitation { is_cut: found.is_cut || !is_whole, ..found })
    };
    calendars.filter_map(read).collect()
}

fn is_calendar(file: &message::Attachment) -> bool {
    matches!(file.content_type.as_str(), "text/calendar" | "application/ics")
}

/// Whether a message has a calendar, also one without an event that an answer could name.
pub fn is_calendar_in(raw: &[u8]) -> bool {
    message::parse(raw).attachments.iter().any(is_calendar)
}

/// The UID of what a calendar invites to, changes or takes back.
pub fn announced(calendar: &str) -> Option<String> {
    let found = read(calendar)?;
    matches!(found.method, Method::Request | Method::Cancel).then_some(found.uid)
}

/// Reads a calendar; nothing where no event has a UID.
pub fn read(calendar: &str) -> Option<Invitation> {
    let mut is_cut = calendar.len() > MAX_BYTES;
    let calendar = calendar.get(..calendar.floor_char_boundary(MAX_BYTES)).unwrap_or(calendar);
    let mut found: Vec<(String, Meeting)> = Vec::new();
    let (mut method, mut zones) = (Method::Other, Vec::new());
    // The components that are open, from the outside in.
    let mut open: Vec<String> = Vec::new();
    let mut event: Option<(usize, Event)> = None;
    for property in lines::properties(calendar) {
        let component = property.value.trim().to_ascii_uppercase();
        if property.name == "BEGIN" {
            // Tasks are given to people by mail, too, and take another answer.
            if component == "VEVENT" && event.is_none() {
                event = Some((open.len(), Event::default()));
            }
            if open.first().map(String::as_str) != Some("VCALENDAR") || open.len() < MAX_DEPTH {
                open.push(component.clone());
            }
        }
        let in_zone = open.get(1).is_some_and(|name| name == "VTIMEZONE");
        if in_zone && zones.len() < MAX_ZONE && is_of_zone(&property.name) {
            zones.push(property.clone());
        }
        match (property.name.as_str(), &mut event) {
            ("BEGIN", _) => {}
            ("END", _) => {
                open.pop();
                if let Some((_, done)) = event.take_if(|(depth, _)| *depth >= open.len()) {
                    is_cut |= found.len() >= MAX_EVENTS;
                    found.extend(done.meeting().filter(|_| found.len() < MAX_EVENTS));
                }
            }
            ("METHOD", None) => method = Method::of(&component),
            // An alarm in it has properties of its own.
            (_, Some((depth, event))) if open.len() == *depth + 1 => event.add(property),
            _ => {}
        }
    }
    // An event without an end, such as one whose end was not read.
    let is_broken = event.is_some() && !is_cut;
    if let Some((_, rest)) = event {
        found.extend(rest.meeting().filter(|_| found.is_empty()));
    }
    let uid = found.first()?.0.clone();
    let is_mixed = found.iter().any(|(other, _)| *other != uid);
    let meetings = found.into_iter().filter(|(other, _)| *other == uid).map(|(_, meeting)| meeting).collect();
    Some(Invitation { method, uid, meetings, is_mixed, is_cut, is_broken, zones })
}

/// Components in each other that are looked into.
const MAX_DEPTH: usize = 20;

/// What a time zone is made of (RFC 5545 3.6.5).
fn is_of_zone(name: &str) -> bool {
    matches!(name, "BEGIN" | "END" | "TZID" | "DTSTART" | "TZOFFSETFROM" | "TZOFFSETTO" | "TZNAME" | "RRULE" | "RDATE")
}

impl Method {
    fn of(word: &str) -> Method {
        match word {
            "REQUEST" => Method::Request,
            "CANCEL" => Method::Cancel,
            "REPLY" | "COUNTER" => Method::Reply,
            _ => Method::Other,
        }
    }
}

#[derive(Default)]
struct Event {
    uid: String,
    meeting: Meeting,
    start: Option<Property>,
    end: Option<Property>,
    duration: String,
}

impl Event {
    /// The first of each name counts, as for people who read it.
    fn add(&mut self, property: Property) {
        let meeting = &mut self.meeting;
        match property.name.as_str() {
            "UID" if self.uid.is_empty() => self.uid = clean(property.value.trim()),
            "SEQUENCE" if meeting.sequence == 0 => meeting.sequence = property.value.trim().parse().unwrap_or_default(),
            "DTSTAMP" if meeting.stamp.is_empty() => meeting.stamp = clean(property.value.trim()),
            "RECURRENCE-ID" if meeting.recurrence.is_empty() => {
                meeting.recurrence = clean(property.value.trim());
                meeting.recurrence_params = property.params;
            }
            "SUMMARY" if meeting.summary.is_empty() => meeting.summary = lines::readable(&one_line(&property.text())),
            "STATUS" => meeting.cancelled |= property.value.trim().eq_ignore_ascii_case("CANCELLED"),
            "ORGANIZER" if meeting.organizer.is_none() => meeting.organizer = meeting.mailbox(&property),
            "ATTENDEE" => {
                let attendee = meeting.mailbox(&property);
                if meeting.attendees.is_empty() {
                    meeting.said = property.param("PARTSTAT").and_then(Answer::of_status);
                }
                meeting.attendees.extend(attendee);
            }
            "DTSTART" => self.start = self.start.take().or(Some(property)),
            "DTEND" | "DUE" => self.end = self.end.take().or(Some(property)),
            "DURATION" if self.duration.is_empty() => self.duration = property.text(),
            _ => {}
        }
    }

    fn meeting(self) -> Option<(String, Meeting)> {
        let when = when::as_text(self.start.as_ref(), self.end.as_ref(), &self.duration);
        let meeting = Meeting { when: lines::readable(&one_line(&when)), ..self.meeting };
        (!self.uid.is_empty()).then_some((self.uid, meeting))
    }
}

impl Invitation {
    /// Whether a later calendar of the same organizer takes the place of this one, or takes it back.
    pub fn is_outdated_by(&self, later: &Invitation) -> Option<Method> {
        if later.uid != self.uid || !matches!(later.method, Method::Request | Method::Cancel) {
            return None;
        }
        let is_about = |new: &&Meeting, old: &Meeting| new.recurrence.is_empty() || new.recurrence == old.recurrence;
        for old in &self.meetings {
            for new in later.meetings.iter().filter(|new| is_about(new, old)) {
                let ends = later.method == Method::Cancel || new.cancelled;
                if ends && new.sequence >= old.sequence {
                    return Some(Method::Cancel);
                }
                let is_newer = (new.sequence, new.stamp.as_str()) > (old.sequence, old.stamp.as_str());
                if !ends && is_newer {
                    return Some(Method::Request);
                }
            }
        }
        None
    }

    /// Whether a calendar that came before this one is a later one: mail does not keep its order.
    pub fn was_outdated_by(&self, before: &Invitation) -> Option<Method> {
        if before.uid != self.uid || !matches!(before.method, Method::Request | Method::Cancel) {
            return None;
        }
        // One of a series may count its changes for itself.
        let is_later = |new: &&Meeting| {
            let same = self.meetings.iter().filter(|old| old.recurrence == new.recurrence);
            same.into_iter().any(|old| new.sequence > old.sequence)
        };
        let new = before.meetings.iter().find(is_later)?;
        Some(if new.cancelled { Method::Cancel } else { before.method })
    }

    /// Whether its UID can be repeated whole.
    pub fn can_be_named(&self) -> bool {
        self.uid.len() <= MAX_UID
    }

    /// The meetings to which this address is invited.
    pub fn of_attendee(&self, address: &str) -> Vec<&Meeting> {
        let is_invited = |meeting: &&Meeting| meeting.attendees.iter().any(|attendee| attendee.address == address);
        self.meetings.iter().filter(is_invited).collect()
    }

    /// The answer of one attendee to the meetings that they are invited to.
    pub fn reply(&self, attendee: &Mailbox, answer: Answer, comment: &str, now: Timestamp) -> String {
        let mut out = String::new();
        for line in ["BEGIN:VCALENDAR", "PRODID:-//espomail//espomail//EN", "VERSION:2.0", "METHOD:REPLY"] {
            fold(&mut out, line);
        }
        let meetings = self.of_attendee(&attendee.address);
        if meetings.iter().any(|meeting| meeting.recurrence_params.iter().any(|(name, _)| name == "TZID")) {
            self.zones.iter().for_each(|property| fold(&mut out, &repeated(property)));
        }
        let stamp = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        for meeting in meetings {
            meeting.reply(&mut out, (&self.uid, &stamp), attendee, answer, comment);
        }
        fold(&mut out, "END:VCALENDAR");
        out
    }
}

impl Meeting {
    /// `mailto:rita@garden.example` with its name.
    fn mailbox(&mut self, property: &Property) -> Option<Mailbox> {
        let (address, written) = property.address()?;
        self.written.entry(address.clone()).or_insert(written);
        Some(Mailbox { name: lines::readable(&one_line(property.param("CN").unwrap_or_default())), address })
    }

    /// `;CN="Rita":mailto:Rita@garden.example`
    fn person(&self, mailbox: &Mailbox) -> String {
        let address = self.written.get(&mailbox.address).unwrap_or(&mailbox.address);
        format!("{}:mailto:{}", common_name(mailbox), utf8_percent_encode(address, IN_MAILTO))
    }

    fn reply(&self, out: &mut String, (uid, stamp): (&str, &str), attendee: &Mailbox, answer: Answer, comment: &str) {
        fold(out, "BEGIN:VEVENT");
        fold(out, &format!("UID:{uid}"));
        fold(out, &format!("DTSTAMP:{stamp}"));
        fold(out, &format!("SEQUENCE:{}", self.sequence));
        if !self.recurrence.is_empty() {
            let property = Property {
                name: "RECURRENCE-ID".to_owned(),
                params: self.recurrence_params.clone(),
                value: self.recurrence.clone(),
            };
            fold(out, &repeated(&property));
        }
        if let Some(organizer) = &self.organizer {
            fold(out, &format!("ORGANIZER{}", self.person(organizer)));
        }
        let status = answer.status();
        fold(out, &format!("ATTENDEE;PARTSTAT={status}{}", self.person(attendee)));
        for (name, value) in [("SUMMARY", self.summary.as_str()), ("COMMENT", comment.trim())] {
            if !value.is_empty() {
                fold(out, &format!("{name}:{}", escaped(value)));
            }
        }
        fold(out, "END:VEVENT");
    }
}

/// A property as it came, in characters that cannot end it.
fn repeated(property: &Property) -> String {
    let mut line: String = property.name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    for (name, value) in &property.params {
        let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        // Programs look for `VALUE=DATE`, as it stands in RFC 5545.
        let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '/' | '_');
        let value = if !value.is_empty() && value.chars().all(is_bare) { value.clone() } else { quoted(value) };
        let _ = write!(line, ";{name}={value}");
    }
    let _ = write!(line, ":{}", clean(&property.value));
    line
}

fn common_name(mailbox: &Mailbox) -> String {
    if mailbox.name.is_empty() { String::new() } else { format!(";CN={}", quoted(&mailbox.name)) }
}

/// A value of a parameter: no quotation mark and no line end can be in one (RFC 5545 3.2).
fn quoted(value: &str) -> String {
    format!("\"{}\"", clean(value).replace('"', "'").chars().take(MAX_TEXT).collect::<String>())
}

fn clean(value: &str) -> String {
    value.chars().filter(|c| !c.is_control()).collect()
}

/// Text as a value (RFC 5545 3.3.11).
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.replace("\r\n", "\n").chars().take(MAX_TEXT) {
        match c {
            '\n' => escaped.push_str("\\n"),
            ';' | ',' | '\\' => escaped.extend(['\\', c]),
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// Writes a line, folded between characters.
fn fold(out: &mut String, line: &str) {
    let mut room = LINE;
    for c in line.chars() {
        if c.len_utf8() > room {
            out.push_str("\r\n ");
            room = LINE - 1;
        }
        out.push(c);
        room -= c.len_utf8();
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests;
