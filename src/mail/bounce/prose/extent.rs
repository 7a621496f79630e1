//! Where the words of the mail system end and the message begins that they are about.

use crate::mail::{message_id, phrases};

/// Bytes of a report that are looked at.
const MAX: usize = 64 << 10;

/// The part of a report that was written for people.
pub(in crate::mail::bounce) fn human(text: &str) -> &str {
    let text = beginning(text);
    let mut at = 0;
    let mut words = false;
    for line in text.split_inclusive('\n') {
        if words && (begins_copy(line) || begins_header(line)) {
            break;
        }
        words |= !line.trim().is_empty();
        at += line.len();
    }
    text.get(..at).unwrap_or(text)
}

/// The Message-ID in the copy of a message that stands in the text.
pub(in crate::mail::bounce) fn message_id(text: &str) -> Option<String> {
    let lines = bounded(text, 4 * MAX).lines().map(|line| line.trim_start_matches(['>', ' ', '\t', '|']));
    let mut fields = lines.filter_map(|line| line.split_once(':'));
    fields.find_map(|(name, value)| {
        let named = name.trim().eq_ignore_ascii_case("message-id");
        named.then(|| message_id::parse_ids(value)).and_then(|ids| ids.into_iter().next())
    })
}

/// As much of a text as is looked at.
pub(in crate::mail::bounce) fn beginning(text: &str) -> &str {
    bounded(text, MAX)
}

fn bounded(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

/// `--- Below this line is a copy of the message.` and its many kin.
pub(super) fn begins_copy(line: &str) -> bool {
    let line = phrases::plain(line);
    let ruled = ["--", "==", "__", "**", ">>>>", "++", "##"].iter().any(|rule| line.starts_with(rule));
    ruled && phrases::BEFORE_COPY.are_in(&line) || phrases::BEFORE_COPY_AT_LINE_START.begin(&line)
}

/// The header of the returned message.
pub(super) fn begins_header(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
    matches!(
        name.as_str(),
        "received" | "return-path" | "message-id" | "dkim-signature" | "mime-version" | "x-mailer" | "delivered-to"
    )
}
