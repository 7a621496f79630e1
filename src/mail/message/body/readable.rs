//! The readable text: chosen by asking what is left.
//!
//! The text is made of sections: every multipart/alternative is one, every other text part outside of them one of its
//! own, so that the footer of a mailing list or the words after a picture are not lost. Where there is none, a part that
//! looks like a file may be the text, or the message in the message. What is in a container of S/MIME is read like the
//! message itself; what no program can read without a key is named.

use super::kind::{Kind, alternative, kind};
use super::section::{Section, decoded_text, is_calendar};
use super::{attached, capped, is_smime, leaves};
use crate::mail::message::parts::{self, Part};
use crate::mail::message::{Defects, calendar, enclosed, signed};

/// Messages in a message that are read as its text.
const MAX_ENCLOSED: usize = 100;

const SIGNED: &str = "[signed with S/MIME, signature not checked]";
const ENCRYPTED: &str = "[encrypted with S/MIME: only the holder of the key can read this mail]";
const PGP: &str = "[encrypted with PGP/MIME: only the holder of the key can read this mail]";

/// The readable text and the HTML. `layers` of containers in each other are opened.
pub(in crate::mail::message) fn readable(
    parts: &[Part<'_>],
    layers: usize,
    defects: &mut Defects,
) -> (String, Option<String>) {
    let (mut sections, notes) = sections(parts, layers, defects);
    if sections.iter().all(Section::is_blank) {
        sections.extend(named_text(parts, defects));
    }
    let mut texts: Vec<String> =
        sections.iter().map(Section::readable).filter(|text| !text.trim().is_empty()).collect();
    texts.extend(events(parts, !texts.is_empty(), defects));
    if texts.is_empty() && layers > 0 {
        texts.extend(messages(parts, layers - 1));
    }
    let mut text = texts.join("\n");
    for note in notes {
        let gap = if text.is_empty() { "" } else { "\n\n" };
        text = format!("{}{gap}{note}", text.trim_end());
    }
    let html: Vec<&str> =
        sections.iter().map(|section| section.html.as_str()).filter(|html| !html.is_empty()).collect();
    (capped(text, defects), (!html.is_empty()).then(|| capped(html.join("\n"), defects)))
}

/// The text parts and what is in containers, and what is to be said of the containers.
fn sections(parts: &[Part<'_>], layers: usize, defects: &mut Defects) -> (Vec<Section>, Vec<&'static str>) {
    let (mut sections, mut notes): (Vec<Section>, Vec<&'static str>) = (Vec::new(), Vec::new());
    for (index, part) in leaves(parts) {
        let kind = kind(parts, index);
        if is_smime(part) && layers > 0 {
            match signed::read(&attached(part)) {
                signed::Contents::Signed(content) => {
                    let (text, html) = readable(&parts::split(&content, defects), layers - 1, defects);
                    sections.push(Section::of(text, html.unwrap_or_default()));
                    notes.push(SIGNED);
                }
                signed::Contents::Encrypted => notes.push(ENCRYPTED),
                signed::Contents::Other if says_encrypted(part) => notes.push(ENCRYPTED),
                signed::Contents::Other => {}
            }
            continue;
        }
        if part.media.value == "application/pgp-encrypted" {
            notes.push(PGP);
        }
        if kind == Kind::Attachment {
            continue;
        }
        let text = decoded_text(part, defects);
        let group = alternative(parts, index);
        let open = sections.last_mut().filter(|section| group.is_some() && section.group == group);
        match open {
            Some(section) => section.add(kind, &text, part.leftover),
            None => {
                let mut section = Section::in_group(group);
                section.add(kind, &text, part.leftover);
                sections.push(section);
            }
        }
    }
    notes.dedup();
    (sections, notes)
}

fn says_encrypted(part: &Part<'_>) -> bool {
    part.media.param("smime-type").is_some_and(|kind| kind.to_ascii_lowercase().ends_with("enveloped-data"))
}

/// The first text that has a name but is not an attachment, else a message that begins with an attached text.
fn named_text(parts: &[Part<'_>], defects: &mut Defects) -> Option<Section> {
    let form = |part: &Part<'_>| match part.media.value.as_str() {
        "text/plain" | "text/markdown" | "text/x-markdown" => Some(Kind::Plain),
        "text/html" | "application/xhtml+xml" | "text/enriched" | "text/richtext" => Some(Kind::Html),
        _ => None,
    };
    let all = || leaves(parts).map(|(_, part)| part).filter(|part| !part.opaque);
    let inline = all().find(|part| part.disposition.value != "attachment" && form(part).is_some());
    let part = inline.or_else(|| all().next())?;
    let mut section = Section::default();
    section.add(form(part)?, &decoded_text(part, defects), false);
    Some(section).filter(|section| !section.is_blank())
}

/// What the calendars of a message say, also where its text says the same: who answers an invitation reads what the
/// organizer's program will take the answer for.
fn events(parts: &[Part<'_>], after_text: bool, defects: &mut Defects) -> Vec<String> {
    let mut events: Vec<String> = Vec::new();
    for (_, part) in leaves(parts).filter(|(_, part)| is_calendar(part) && !part.opaque).take(MAX_ENCLOSED) {
        let event = calendar::as_text(&decoded_text(part, defects));
        // The same calendar often comes twice, once to be read by programs and once as a file.
        if !event.is_empty() && !events.contains(&event) {
            events.push(event);
        }
    }
    if let Some(first) = events.first_mut().filter(|_| after_text) {
        first.insert(0, '\n');
    }
    events
}

/// The messages in a message that has no text of its own, except in a report: what that is about is not part of its text.
fn messages(parts: &[Part<'_>], layers: usize) -> Vec<String> {
    if parts.first().is_some_and(|root| root.media.value == "multipart/report") {
        return Vec::new();
    }
    let is_message = |part: &Part<'_>| matches!(part.media.value.as_str(), "message/rfc822" | "message/global");
    let enclosed = leaves(parts).filter(|(_, part)| is_message(part) && !part.opaque).take(MAX_ENCLOSED);
    let texts: Vec<String> = enclosed.map(|(_, part)| enclosed::as_text(&attached(part), layers)).collect();
    let ruled =
        texts.iter().enumerate().map(|(at, text)| if at == 0 { text.clone() } else { format!("----\n\n{text}") });
    ruled.collect()
}
