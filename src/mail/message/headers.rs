//! What the rest of the program reads out of header fields.

use super::encoded_word;
use super::fields::Field;
use super::parts::Part;
use super::{Defects, Message, charset, date};
use crate::mail::address::{self, Mailbox};
use crate::mail::{references, text};

/// Addresses of one message.
const MAX_ADDRESSES: usize = 1_000;

/// Reads everything the header says about the message into it.
pub(super) fn fill(message: &mut Message, parts: &[Part<'_>], defects: &mut Defects) {
    let Some(root) = parts.first() else { return };
    let hint = root.media.param("charset").and_then(charset::hint);
    message.headers = root.fields.iter().map(|f| (f.name.to_string(), shown(f, hint))).collect();
    message.content_type = root.media.value.clone();
    message.content_params = root.media.params.clone();
    message.part_types = parts.iter().map(part_type).collect();
    message.subject = text::visible(message.header("Subject").unwrap_or_default()).into_owned();
    message.date = message.header("Date").and_then(date::parse);
    if message.date.is_none() && message.header("Date").is_some_and(|d| !d.is_empty()) {
        defects.note("Date cannot be understood");
    }
    message.high_importance = is_high(message);
    message.message_id = ids(root, "Message-ID").into_iter().next();
    message.in_reply_to = ids(root, "In-Reply-To");
    message.references = ids(root, "References");
    fill_addresses(message, &mut Addresses { root, hint, left: MAX_ADDRESSES, defects });
}

/// A value as [`Message::headers`] has it.
fn shown(field: &Field<'_>, hint: Option<charset::Hint>) -> String {
    // What a sender wrote stands there in quotes or a comment, and decoding could close them (RFC 8601 7.1).
    if field.name.eq_ignore_ascii_case("Authentication-Results") {
        return encoded_word::one_line(&String::from_utf8_lossy(&field.value));
    }
    encoded_word::decode(&field.value, hint)
}

/// The type of a part; calendars with their method, which tells an invitation from an answer to one.
fn part_type(part: &Part<'_>) -> String {
    match part.media.param("method").filter(|_| part.media.value == "text/calendar") {
        Some(method) => format!("text/calendar; method={}", method.to_uppercase()),
        None => part.media.value.clone(),
    }
}

fn is_high(message: &Message) -> bool {
    let first_word = |name| message.header(name).and_then(|v| v.split_whitespace().next()).unwrap_or_default();
    first_word("Importance").eq_ignore_ascii_case("high")
        || matches!(first_word("X-Priority").chars().next(), Some('1' | '2'))
}

fn ids(root: &Part<'_>, name: &str) -> Vec<String> {
    let value = root.fields.iter().find(|f| f.name.eq_ignore_ascii_case(name) && !f.value.is_empty());
    value.map(|f| references::parse_ids(&encoded_word::decode(&f.value, None))).unwrap_or_default()
}

/// The subject in the header of an enclosed message, one line.
pub(super) fn subject_of(raw: &[u8]) -> Option<String> {
    let parts = super::parts::split(raw, &mut Defects::default());
    let subject = encoded_word::decode(parts.first()?.field("Subject")?, None);
    Some(encoded_word::one_line(&subject)).filter(|subject| !subject.is_empty())
}

/// Reads address fields against one common limit.
struct Addresses<'a, 'd> {
    root: &'a Part<'a>,
    hint: Option<charset::Hint>,
    left: usize,
    defects: &'d mut Defects,
}

impl Addresses<'_, '_> {
    /// The addresses of every field of that name.
    fn all(&mut self, name: &str) -> Vec<Mailbox> {
        let root = self.root;
        let fields = root.fields.iter().filter(|f| f.name.eq_ignore_ascii_case(name));
        fields.flat_map(|f| self.read(&f.value)).collect()
    }

    /// The addresses of the first field of that name that has any: a second From is nobody's sender.
    fn first(&mut self, name: &str) -> Vec<Mailbox> {
        let root = self.root;
        let fields = root.fields.iter().filter(|f| f.name.eq_ignore_ascii_case(name));
        if fields.clone().nth(1).is_some() {
            self.defects.note(format!("several {name} fields"));
        }
        fields.map(|f| self.read(&f.value)).find(|list| !list.is_empty()).unwrap_or_default()
    }

    fn read(&mut self, value: &[u8]) -> Vec<Mailbox> {
        let mut list = address::parse_list(&charset::header_text(value, self.hint));
        if list.len() > self.left {
            self.defects.note(format!("more than {MAX_ADDRESSES} addresses; the rest was left out"));
            list.truncate(self.left);
        }
        self.left -= list.len();
        list
    }
}

fn fill_addresses(message: &mut Message, read: &mut Addresses<'_, '_>) {
    message.from = read.first("From");
    if message.from.is_empty() {
        message.from.extend(message.header("From").and_then(address::without_domain));
    }
    message.sender = read.first("Sender").into_iter().next();
    message.reply_to = read.first("Reply-To");
    for name in ["Delivered-To", "X-Original-To", "Envelope-To"] {
        for mailbox in read.all(name) {
            if !message.delivered_to.contains(&mailbox.address) {
                message.delivered_to.push(mailbox.address);
            }
        }
    }
    message.to = read.all("To");
    message.cc = read.all("Cc");
    message.bcc = read.all("Bcc");
    message.return_path = message.header("Return-Path").filter(|value| !value.trim().is_empty()).map(path);
}

/// `<kim@x.example>`, `<>`, or a bare `<MAILER-DAEMON>`, which is not a null path.
fn path(value: &str) -> String {
    let inner = value.trim().trim_matches(['<', '>']).trim();
    let address =
        address::parse_list(value).into_iter().map(|mailbox| mailbox.address).find(|address| !address.is_empty());
    if inner.is_empty() { String::new() } else { address.unwrap_or_else(|| inner.to_lowercase()) }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn return_paths() {
        for (field, path) in [
            ("Return-Path: <>", Some("")),
            ("Return-Path: < >", Some("")),
            ("Return-Path: <Kim@X.example>", Some("kim@x.example")),
            ("Return-Path: kim@x.example", Some("kim@x.example")),
            ("Return-Path: <MAILER-DAEMON>", Some("mailer-daemon")),
            ("Return-Path:", None),
            ("Subject: none", None),
        ] {
            let read = parse(format!("{field}\n\nText").as_bytes()).return_path;
            assert_eq!(read.map(|path| path.to_lowercase()).as_deref(), path, "{field}");
        }
        for (line, path) in [
            ("From MAILER-DAEMON Mon Mar  4 10:00:00 2024", Some("mailer-daemon")),
            ("From kim@x.example Mon Mar  4 10:00:00 2024", Some("kim@x.example")),
            ("From - Mon Mar  4 10:00:00 2024", None),
            ("From ???@??? Mon Mar  4 10:00:00 2024", None),
            ("\u{feff}From kim@x.example Mon Mar  4 10:00:00 2024", Some("kim@x.example")),
            ("\u{feff}X-Saved-By: editor", None),
            ("From MAILER-DAEMON Mon Mar  4 10:00:00 2024\nReturn-Path: <lee@x.example>", Some("lee@x.example")),
        ] {
            let read = parse(format!("{line}\nSubject: Note\n\nText").as_bytes());
            assert_eq!((read.return_path.as_deref(), read.subject.as_str()), (path, "Note"), "{line}");
        }
    }

    #[test]
    fn an_endless_value_is_cut_between_words_if_it_has_any() {
        let subject = |value: String| parse(format!("Subject: {value}\n\nText").as_bytes()).subject;
        assert_eq!(subject("x".repeat(100_000)).len(), super::super::fields::MAX_VALUE);
        assert_eq!(
            subject(format!("{} tail", "word ".repeat(20_000))).len(),
            super::super::fields::MAX_VALUE / 5 * 5 - 1
        );
    }
}
