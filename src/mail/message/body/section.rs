//! One text of a message in one or several forms.

use std::collections::HashSet;

use super::kind::Kind;
use super::{Defects, Part, attached};
use crate::mail::message::{calendar, charset, flowed, transfer};
use crate::mail::{phrases, text};

/// Characters of a plain text that may be no more than an excuse.
const MAX_STUB: usize = 500;

#[derive(Default)]
pub(super) struct Section {
    pub group: Option<usize>,
    pub html: String,
    plain: String,
    /// What counts only where there is nothing else.
    leftover: String,
}

impl Section {
    /// An empty section, of an alternative or not.
    pub fn in_group(group: Option<usize>) -> Section {
        Section { group, ..Section::default() }
    }

    pub fn of(plain: String, html: String) -> Section {
        Section { plain, html, ..Section::default() }
    }

    pub fn add(&mut self, kind: Kind, text: &str, leftover: bool) {
        let whole = match kind {
            Kind::Html => &mut self.html,
            _ if leftover => &mut self.leftover,
            _ => &mut self.plain,
        };
        if !whole.is_empty() {
            whole.push('\n');
        }
        whole.push_str(text);
    }

    pub fn is_blank(&self) -> bool {
        [&self.plain, &self.html, &self.leftover].iter().all(|text| text.trim().is_empty())
    }

    /// The plain text; its HTML is converted only where there is none, or none but an excuse.
    pub fn readable(&self) -> String {
        let has_html = !self.html.trim().is_empty();
        if has_html && (self.plain.trim().is_empty() || may_be_stub(&self.plain)) {
            let converted = text::from_html(&self.html);
            if self.plain.trim().is_empty() || says_something_else(&converted, &self.plain) {
                return converted;
            }
        }
        if self.plain.trim().is_empty() { self.leftover.clone() } else { self.plain.clone() }
    }
}

/// A short text that only says that there is HTML.
fn may_be_stub(plain: &str) -> bool {
    plain.chars().nth(MAX_STUB).is_none() && phrases::NO_HTML.are_in(&phrases::plain(plain))
}

/// Whether the HTML says something else: of the words of the plain text, most are not in it.
fn says_something_else(converted: &str, plain: &str) -> bool {
    let words = |text: &str| -> HashSet<String> {
        let text = text.to_lowercase();
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let (converted, plain) = (words(converted), words(plain));
    !converted.is_empty() && plain.intersection(&converted).count() * 2 <= plain.len()
}

/// A part that calendar programs read.
pub(super) fn is_calendar(part: &Part<'_>) -> bool {
    matches!(part.media.value.as_str(), "text/calendar" | "application/ics" | "text/x-vcalendar")
}

/// The text of a calendar with nothing taken out of it, as far as whole lines in `max` bytes go.
pub(in crate::mail::message) fn calendar_text(part: &Part<'_>, max: usize) -> String {
    let bytes = attached(part);
    let known = match bytes.get(..max) {
        Some(start) if start.len() < bytes.len() => {
            start.get(..memchr::memrchr(b'\n', start).unwrap_or(max)).unwrap_or(start)
        }
        _ => &bytes,
    };
    charset::decode(&unfolded(known, part), part.media.param("charset")).text
}

/// The lines of a calendar put together; not where a letter has two bytes or more, each of which can look like a line end.
fn unfolded(bytes: &[u8], part: &Part<'_>) -> Vec<u8> {
    let label = part.media.param("charset").unwrap_or_default().to_ascii_lowercase();
    let is_wide = ["utf-16", "utf16", "utf-32", "utf32", "ucs-"].iter().any(|wide| label.starts_with(wide))
        || bytes.starts_with(&[0xfe, 0xff])
        || bytes.starts_with(&[0xff, 0xfe]);
    if is_wide { bytes.to_vec() } else { calendar::unfolded(bytes) }
}

/// The text of a part with LF line ends and without NUL.
pub(super) fn decoded_text(part: &Part<'_>, defects: &mut Defects) -> String {
    let encoding = part.field("Content-Transfer-Encoding").unwrap_or_default();
    let (bytes, after) = transfer::decode_and_rest(part.body, encoding);
    let bytes = if is_calendar(part) { unfolded(&bytes, part).into() } else { bytes };
    let is_html = matches!(part.media.value.as_str(), "text/html" | "application/xhtml+xml");
    let declared = part.media.param("charset").filter(|label| !is_html || charset::says_something(label));
    // Bytes that are UTF-8 are that: a program that recoded them left the tag as it was.
    let asks_tag = is_html && declared.is_none() && std::str::from_utf8(&bytes).is_err();
    let in_html = if asks_tag { charset::in_html(&bytes) } else { None };
    let decoded = charset::decode(&bytes, declared.or(in_html.as_deref()));
    if decoded.guessed {
        defects.note(format!("{}: the charset had to be guessed", part.media.value));
    }
    let mut text = plain_lines(decoded.text);
    if !after.is_empty() {
        defects.note("lines after the end of base64");
        text.push_str(&plain_lines(charset::decode(after, None).text));
    }
    let is = |name, value| part.media.param(name).is_some_and(|v| v.eq_ignore_ascii_case(value));
    if part.media.value == "text/plain" && is("format", "flowed") {
        text = flowed::unflow(&text, is("delsp", "yes"));
    }
    // In HTML its conversion does that.
    if is_html { text } else { text::visible(&text).into_owned() }
}

/// LF line ends, no NUL.
fn plain_lines(text: String) -> String {
    let next = |text: &str| memchr::memchr2(b'\r', b'\0', text.as_bytes());
    if next(&text).is_none() {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((plain, tail)) = next(rest).and_then(|at| rest.split_at_checked(at)) {
        out.push_str(plain);
        if let Some(tail) = tail.strip_prefix('\0') {
            out.push('\u{FFFD}');
            rest = tail;
        } else {
            out.push('\n');
            let tail = tail.strip_prefix('\r').unwrap_or(tail);
            rest = tail.strip_prefix('\n').unwrap_or(tail);
        }
    }
    out.push_str(rest);
    out
}
