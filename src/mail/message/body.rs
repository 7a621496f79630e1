//! What of the parts is the readable text and what are attachments.

mod kind;
mod readable;
mod section;

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::calendar::invitation::MAX_CALENDARS;
use super::parts::{self, Part};
use super::{
    Attachment, DecodedRun, Defects, Enclosed, Message, calendar, encoded_word, headers, signed, tnef, transfer,
};
use kind::{Kind, kind};
pub(super) use readable::readable;
pub(super) use section::calendar_text;
use section::decoded_text;

/// Bytes of text, and of HTML, that are kept of one message.
const MAX_TEXT: usize = 4 << 20;
/// Bytes of a delivery report, and of an enclosed message, that are read.
const MAX_REPORT: usize = 256 << 10;
/// Delivery reports of one message.
const MAX_REPORTS: usize = 100;

/// Fills text, HTML and attachments.
pub(super) fn fill(
    message: &mut Message,
    parts: &[Part<'_>],
    decoded: &[(&[u8], &DecodedRun)],
    wrapped: usize,
    defects: &mut Defects,
) {
    (message.text, message.html) = readable(parts, signed::MAX_LAYERS, defects);
    for (index, part) in leaves(parts).filter(|(index, _)| kind(parts, *index) == Kind::Attachment) {
        report(message, part, wrapped, defects);
        let attachment = attachment(message, index, part, decoded);
        message.attachments.extend(attachment);
    }
    // What a winmail.dat says counts where the message itself has no text.
    message.text = capped(std::mem::take(&mut message.text), defects);
    mark_referenced(message);
}

fn leaves<'p, 'a>(parts: &'p [Part<'a>]) -> impl Iterator<Item = (usize, &'p Part<'a>)> {
    parts.iter().enumerate().filter(|(_, part)| !part.is_container())
}

/// The calendars of a message, as far as they are looked at.
pub(super) fn calendars(parts: &[Part<'_>]) -> impl Iterator<Item = String> {
    let is_event = |part: &&Part<'_>| matches!(part.media.value.as_str(), "text/calendar" | "application/ics");
    let all = leaves(parts).map(|(_, part)| part).filter(|part| !part.opaque);
    all.filter(is_event).take(MAX_CALENDARS).map(|part| calendar_text(part, calendar::MAX_BYTES))
}

/// Takes out of a part what tells of a delivery (RFC 3464, RFC 6522) or was forwarded.
fn report(message: &mut Message, part: &Part<'_>, wrapped: usize, defects: &mut Defects) {
    let mut text = || {
        let mut text = decoded_text(part, defects);
        text.truncate(text.floor_char_boundary(MAX_REPORT));
        text
    };
    match part.media.value.as_str() {
        "message/delivery-status" | "message/global-delivery-status" if message.delivery_status.len() < MAX_REPORTS => {
            message.delivery_status.push(text());
        }
        "message/disposition-notification" | "message/global-disposition-notification"
            if message.dispositions.len() < MAX_REPORTS =>
        {
            message.dispositions.push(text());
        }
        "message/rfc822"
        | "message/global"
        | "text/rfc822-headers"
        | "message/rfc822-headers"
        | "message/global-headers"
            if message.enclosed.is_none() =>
        {
            let bytes = attached(part);
            let mut enclosed = Enclosed::read(bytes.get(..MAX_REPORT).unwrap_or(&bytes), wrapped);
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

fn capped(mut text: String, defects: &mut Defects) -> String {
    if text.len() > MAX_TEXT {
        defects.note("text over 4 MB; the rest of it was left out");
        text.truncate(text.floor_char_boundary(MAX_TEXT));
    }
    text
}

fn attachment(
    message: &mut Message,
    index: usize,
    part: &Part<'_>,
    decoded: &[(&[u8], &DecodedRun)],
) -> Option<Attachment> {
    let known = decoded_before(part, decoded);
    let bytes = if known.is_some() { Cow::default() } else { attached(part) };
    let content_id = part.field("Content-ID").map(|id| encoded_word::decode(id, None));
    let content_id = content_id.map(|id| id.trim_matches(['<', '>', ' ']).to_owned()).filter(|id| !id.is_empty());
    let mut attachment = Attachment {
        part: u32::try_from(index).ok()?,
        name: file_name(part).unwrap_or_default(),
        content_type: part.media.value.clone(),
        content_id,
        inline: part.disposition.value == "inline",
        ..known.map_or_else(|| described(&bytes), |run| of_digest(run.size, &run.sha256))
    };
    match attachment.content_type.as_str() {
        "message/rfc822" | "message/global" if attachment.name.is_empty() => {
            let subject = headers::subject_of(bytes.get(..MAX_REPORT).unwrap_or(&bytes));
            attachment.name = subject.map(|subject| format!("{subject}.eml")).unwrap_or_default();
        }
        _ if is_tnef(part) && message.text.trim().is_empty() => message.text = tnef::read(&bytes).text,
        _ => {}
    }
    attachment.contents = (1..).zip(&files(part, &bytes)).map(|(number, file)| enclosed(number, file)).collect();
    Some(attachment)
}

/// The run of base64 that is all of an attachment, of which nothing but its size and digest is asked for.
fn decoded_before<'a>(part: &Part<'_>, decoded: &[(&[u8], &'a DecodedRun)]) -> Option<&'a DecodedRun> {
    let is_read = is_tnef(part) || is_smime(part) || part.media.value.starts_with("message/");
    let encoding = part.field("Content-Transfer-Encoding").unwrap_or_default();
    if is_read || decoded.is_empty() || !encoding.trim_ascii().eq_ignore_ascii_case(b"base64") {
        return None;
    }
    // Equal bytes elsewhere in the message would do as well; these are found without being compared.
    let body = part.body.trim_ascii_end();
    decoded.iter().find(|(letters, _)| std::ptr::eq(*letters, body)).map(|(_, run)| *run)
}

fn is_tnef(part: &Part<'_>) -> bool {
    matches!(part.media.value.as_str(), "application/ms-tnef" | "application/vnd.ms-tnef")
}

/// A file of S/MIME, by its type or its name.
fn is_smime(part: &Part<'_>) -> bool {
    let by_type = matches!(part.media.value.as_str(), "application/pkcs7-mime" | "application/x-pkcs7-mime");
    let ends = |name: &str| name.get(name.len().wrapping_sub(4)..).is_some_and(|end| end.eq_ignore_ascii_case(".p7m"));
    by_type || part.media.value == "application/octet-stream" && file_name(part).is_some_and(|name| ends(&name))
}

/// The files in an attachment that is itself a container.
pub(super) fn files(part: &Part<'_>, bytes: &[u8]) -> Vec<tnef::File> {
    if is_tnef(part) {
        return tnef::read(bytes).files;
    }
    let signed::Contents::Signed(content) =
        (if is_smime(part) { signed::read(bytes) } else { signed::Contents::Other })
    else {
        return Vec::new();
    };
    let parts = parts::split(&content, &mut Defects::default());
    let attached_to = leaves(&parts).filter(|(index, _)| kind(&parts, *index) == Kind::Attachment);
    let file = |(_, part): (usize, &Part<'_>)| tnef::File {
        name: file_name(part).unwrap_or_default(),
        content_type: part.media.value.clone(),
        bytes: attached(part).into_owned(),
    };
    attached_to.map(file).collect()
}

fn enclosed(number: u32, file: &tnef::File) -> Attachment {
    let content_type = if file.content_type.is_empty() { "application/octet-stream" } else { &file.content_type };
    let name = encoded_word::one_line(&file.name);
    Attachment { part: number, name, content_type: content_type.to_owned(), ..described(&file.bytes) }
}

fn described(bytes: &[u8]) -> Attachment {
    of_digest(bytes.len() as u64, &Sha256::digest(bytes))
}

fn of_digest(size: u64, sha256: &[u8]) -> Attachment {
    let sha256 = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    Attachment { size, sha256, ..Attachment::default() }
}

/// The name in Content-Disposition, else in Content-Type; one line.
fn file_name(part: &Part<'_>) -> Option<String> {
    let name = part.disposition.param("filename").or_else(|| part.media.param("name"));
    name.map(encoded_word::one_line).filter(|name| !name.is_empty())
}

/// What the HTML shows by `cid:` belongs to the text, with any disposition (RFC 2392).
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::mail::message::{DecodedRun, parse, parse_decoded};

    /// The size of the attachment, by somebody who says of its letters that they are one byte.
    fn size(fields: &str, letters: &str, after: &str) -> u64 {
        let raw = format!(
            "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n{fields}\r\n\r\n{letters}{after}--x--\r\n"
        );
        let at = raw.find("QUJD").unwrap();
        let run = DecodedRun { at: at..at + letters.len(), size: 1, sha256: [7; 32] };
        let message = parse_decoded(raw.as_bytes(), &[run]);
        let mut others = message.clone();
        others.attachments = parse(raw.as_bytes()).attachments;
        assert_eq!(others, parse(raw.as_bytes()), "nothing else of it depends on that");
        message.attachments.first().unwrap().size
    }

    #[test]
    fn an_attachment_that_was_decoded_before_is_not_decoded_again_unless_it_is_read() {
        let base64 = "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment\r\nContent-Type: ";
        for (kind, letters, after, expected) in [
            ("image/png; name=a.png", "QUJDREVG", "\r\n", 1),
            ("image/png; name=a.png", "QUJDREVG\r\nQUJD", "\r\n\r\n", 1),
            // Another run follows, or words.
            ("image/png; name=a.png", "QUJDREVG", "\r\nQUJD\r\n", 9),
            // What is in it is read.
            ("application/ms-tnef; name=winmail.dat", "QUJDREVG", "\r\n", 6),
            ("application/octet-stream; name=a.p7m", "QUJDREVG", "\r\n", 6),
            ("message/rfc822", "QUJDREVG", "\r\n", 6),
        ] {
            assert_eq!(size(&format!("{base64}{kind}"), letters, after), expected, "{kind} {letters} {after}");
        }
        let plain = "Content-Disposition: attachment\r\nContent-Type: image/png; name=a.png";
        assert_eq!(size(plain, "QUJDREVG", "\r\n"), 8, "its letters are its bytes");
    }
}
