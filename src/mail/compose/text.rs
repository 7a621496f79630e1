//! The text of an answer or a forward, from its pieces.

use jiff::tz::TimeZone;

use crate::mail::address::Mailbox;
use crate::mail::language::Language;
use crate::mail::message::Message;

/// The line above a signature (RFC 3676 4.3). The blank at its end belongs to it.
pub const SIGNATURE_LINE: &str = "-- ";

/// The text with a signature below, which an empty one leaves as it is.
pub fn signed(text: &str, signature: &str) -> String {
    let signature = signature.trim_matches('\n');
    let signature = signature.strip_prefix("-- \n").or_else(|| signature.strip_prefix("--\n")).unwrap_or(signature);
    if signature.trim().is_empty() {
        return text.to_owned();
    }
    let text = text.trim_end();
    format!("{text}\n\n{SIGNATURE_LINE}\n{}\n", signature.trim_end())
}

/// The text of an answer: what was written, then the original after `> ` with a line that says
/// whose it is.
pub fn reply_text(answer: &str, quoted: Option<(&str, &str)>) -> String {
    let mut text = answer.trim_end().to_owned();
    text.push('\n');
    if let Some((attribution, original)) = quoted {
        text.push('\n');
        text.push_str(attribution.trim());
        text.push('\n');
        for line in original.trim_end().lines().map(str::trim_end) {
            let mark = if line.is_empty() || line.starts_with('>') { ">" } else { "> " };
            text.push_str(mark);
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// The text of a forward: what was written, then the head of the original and its text, as the common mail programs
/// write them in this language and time zone.
pub fn forwarded_text(comment: &str, original: &Message, language: &Language, zone: &TimeZone) -> String {
    let list = |mailboxes: &[Mailbox]| mailboxes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let values = [
        list(&original.from),
        original.date.map(|date| language.moment(date, zone)).unwrap_or_default(),
        original.subject.clone(),
        list(&original.to),
        list(&original.cc),
    ];
    let mut text = comment.trim_end().to_owned();
    text.push_str(&format!("\n\n---------- {} ----------\n", language.forwarded()));
    for (name, value) in language.labels().into_iter().zip(values).filter(|(_, value)| !value.is_empty()) {
        text.push_str(&format!("{name}: {}\n", super::header::clean(&value)));
    }
    text.push('\n');
    text.push_str(original.text.trim_end());
    text.push('\n');
    text.trim_start_matches('\n').to_owned()
}
