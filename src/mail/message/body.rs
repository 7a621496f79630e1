//! What of the parts is the readable text and what are attachments.
//!
//! The text is made of sections: every multipart/alternative is one, every other text part outside of them one of its
//! own, so that the footer of a mailing list or the words after a picture are not lost. Where a section has plain
//! text, its HTML is not converted.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::parts::Part;
use super::{Attachment, Defects, Enclosed, Message, charset, encoded_word, flowed, headers, tnef, transfer};
use crate::mail::text;

/// Bytes of text, and of HTML, that are kept of one message.
const MAX_TEXT: usize = 4 << 20;
/// Bytes of a delivery report, and of an enclosed message, that are read.
const MAX_REPORT: usize = 256 << 10;
/// Delivery reports of one message.
const MAX_REPORTS: usize = 100;

/// Fills text, HTML and attachments.
pub(super) fn fill(message: &mut Message, parts: &[Part<'_>], defects: &mut Defects) {
    (message.text, message.html) = readable(parts, defects);
    for (index, part) in leaves(parts).filter(|(index, _)| kind(parts, *index) == Kind::Attachment) {
        report(message, part, defects);
        let attachment = attachment(message, index, part);
        message.attachments.extend(attachment);
    }
    // What a winmail.dat says counts where the message itself has no text.
    message.text = capped(std::mem::take(&mut message.text), defects);
    mark_referenced(message);
}

/// The readable text and the HTML.
pub(super) fn readable(parts: &[Part<'_>], defects: &mut Defects) -> (String, Option<String>) {
    let mut sections: Vec<Section> = Vec::new();
    for (index, part) in leaves(parts) {
        let kind = kind(parts, index);
        if kind == Kind::Attachment {
            continue;
        }
        let text = decoded_text(part, defects);
        let group = alternative(parts, index);
        let open = sections.last_mut().filter(|section| group.is_some() && section.group == group);
        match open {
            Some(section) => section.add(kind, &text),
            None => {
                let mut section = Section { group, ..Section::default() };
                section.add(kind, &text);
                sections.push(section);
            }
        }
    }
    let texts: Vec<String> = sections.iter().map(Section::readable).filter(|text| !text.trim().is_empty()).collect();
    let html: Vec<&str> =
        sections.iter().map(|section| section.html.as_str()).filter(|html| !html.is_empty()).collect();
    (capped(texts.join("\n"), defects), (!html.is_empty()).then(|| capped(html.join("\n"), defects)))
}

fn leaves<'p, 'a>(parts: &'p [Part<'a>]) -> impl Iterator<Item = (usize, &'p Part<'a>)> {
    parts.iter().enumerate().filter(|(_, part)| !part.is_container())
}

/// Takes out of a part what tells of a delivery (RFC 3464, RFC 6522) or was forwarded.
fn report(message: &mut Message, part: &Part<'_>, defects: &mut Defects) {
    match part.media.value.as_str() {
        "message/delivery-status" | "message/global-delivery-status" if message.delivery_status.len() < MAX_REPORTS => {
            let mut text = decoded_text(part, defects);
            text.truncate(text.floor_char_boundary(MAX_REPORT));
            message.delivery_status.push(text);
        }
        "message/rfc822"
        | "message/global"
        | "text/rfc822-headers"
        | "message/rfc822-headers"
        | "message/global-headers"
            if message.enclosed.is_none() =>
        {
            let bytes = attached(part);
            let mut enclosed = Enclosed::read(bytes.get(..MAX_REPORT).unwrap_or(&bytes));
            enclosed.text.truncate(enclosed.text.floor_char_boundary(MAX_REPORT));
            message.enclosed = Some(Box::new(enclosed));
        }
        _ => {}
    }
}

/// The bytes an attachment stands for.
pub(super) fn attached<'a>(part: &Part<'a>) -> Cow<'a, [u8]> {
    transfer::decode(part.body, part.field("Content-Transfer-Encoding").unwrap_or_default())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Html,
    Attachment,
}

fn kind(parts: &[Part<'_>], index: usize) -> Kind {
    let Some(part) = parts.get(index) else { return Kind::Attachment };
    let named = part.parent.is_some() && file_name(part).is_some();
    if part.opaque || named || part.disposition.value == "attachment" {
        return Kind::Attachment;
    }
    match part.media.value.as_str() {
        "text/plain" => Kind::Plain,
        "text/html" | "application/xhtml+xml" => Kind::Html,
        _ => Kind::Attachment,
    }
}

/// The outermost multipart/alternative a part is in.
fn alternative(parts: &[Part<'_>], index: usize) -> Option<usize> {
    let parent = |index: usize| parts.get(index).and_then(|part| part.parent);
    let ancestors = std::iter::successors(parent(index), |at| parent(*at));
    ancestors.filter(|at| parts.get(*at).is_some_and(|part| part.media.value == "multipart/alternative")).last()
}

#[derive(Default)]
struct Section {
    group: Option<usize>,
    plain: String,
    html: String,
}

impl Section {
    fn add(&mut self, kind: Kind, text: &str) {
        let whole = if kind == Kind::Html { &mut self.html } else { &mut self.plain };
        if !whole.is_empty() {
            whole.push('\n');
        }
        whole.push_str(text);
    }

    fn readable(&self) -> String {
        if self.plain.trim().is_empty() && !self.html.is_empty() {
            return text::from_html(&self.html);
        }
        self.plain.clone()
    }
}

/// The text of a part with LF line ends and without NUL.
fn decoded_text(part: &Part<'_>, defects: &mut Defects) -> String {
    let decoded = charset::decode(&attached(part), part.media.param("charset"));
    if decoded.guessed {
        defects.note(format!("{}: the charset had to be guessed", part.media.value));
    }
    let text = plain_lines(decoded.text);
    let is = |name, value| part.media.param(name).is_some_and(|v| v.eq_ignore_ascii_case(value));
    if part.media.value == "text/plain" && is("format", "flowed") {
        return flowed::unflow(&text, is("delsp", "yes"));
    }
    text
}

/// LF line ends, no NUL.
fn plain_lines(text: String) -> String {
    if memchr::memchr2(b'\r', b'\0', text.as_bytes()).is_none() {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((plain, tail)) = rest.split_once(['\r', '\0']) {
        out.push_str(plain);
        let is_nul = rest.as_bytes().get(plain.len()) == Some(&0);
        out.push(if is_nul { '\u{FFFD}' } else { '\n' });
        rest = if is_nul { tail } else { tail.strip_prefix('\n').unwrap_or(tail) };
    }
    out.push_str(rest);
    out
}

fn capped(mut text: String, defects: &mut Defects) -> String {
    if text.len() > MAX_TEXT {
        defects.note("text over 4 MB; the rest of it was left out");
        text.truncate(text.floor_char_boundary(MAX_TEXT));
    }
    text
}

fn attachment(message: &mut Message, index: usize, part: &Part<'_>) -> Option<Attachment> {
    let bytes = attached(part);
    let content_id = part.field("Content-ID").map(|id| encoded_word::decode(id, None));
    let content_id = content_id.map(|id| id.trim_matches(['<', '>', ' ']).to_owned()).filter(|id| !id.is_empty());
    let mut attachment = Attachment {
        part: u32::try_from(index).ok()?,
        name: file_name(part).unwrap_or_default(),
        content_type: part.media.value.clone(),
        content_id,
        inline: part.disposition.value == "inline",
        ..described(&bytes)
    };
    match attachment.content_type.as_str() {
        "message/rfc822" | "message/global" if attachment.name.is_empty() => {
            let subject = headers::subject_of(bytes.get(..MAX_REPORT).unwrap_or(&bytes));
            attachment.name = subject.map(|subject| format!("{subject}.eml")).unwrap_or_default();
        }
        "application/ms-tnef" | "application/vnd.ms-tnef" => {
            let contents = tnef::read(&bytes);
            attachment.contents = (1..).zip(&contents.files).map(|(number, file)| enclosed(number, file)).collect();
            if message.text.trim().is_empty() {
                message.text = contents.text;
            }
        }
        _ => {}
    }
    Some(attachment)
}

fn enclosed(number: u32, file: &tnef::File) -> Attachment {
    let content_type = if file.content_type.is_empty() { "application/octet-stream" } else { &file.content_type };
    let name = encoded_word::one_line(&file.name);
    Attachment { part: number, name, content_type: content_type.to_owned(), ..described(&file.bytes) }
}

fn described(bytes: &[u8]) -> Attachment {
    let sha256 = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Attachment { size: bytes.len() as u64, sha256, ..Attachment::default() }
}

/// The name in Content-Disposition, else in Content-Type; one line.
fn file_name(part: &Part<'_>) -> Option<String> {
    let name = part.disposition.param("filename").or_else(|| part.media.param("name"));
    name.map(encoded_word::one_line).filter(|name| !name.is_empty())
}

/// What the HTML shows by `cid:` belongs to the text, whatever its disposition says (RFC 2392).
fn mark_referenced(message: &mut Message) {
    let Some(html) = &message.html else { return };
    let referenced: Vec<&str> = html
        .match_indices("cid:")
        .take(1_000)
        .filter_map(|(at, _)| html.get(at + 4..)?.split(['"', '\'', ' ', '>', ')']).next())
        .collect();
    for attachment in &mut message.attachments {
        attachment.inline |= attachment.content_id.as_deref().is_some_and(|id| referenced.contains(&id));
    }
}
