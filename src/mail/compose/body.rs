//! The MIME part of a message: text, or text and HTML, and attachments around them.

use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Attachment, Body, MultiPart, SinglePart};
use sha2::{Digest, Sha256};

use super::header::clean;
use super::{ComposeError, Outgoing, OutgoingAttachment};
use crate::mail::message_id::hex;

/// Longest file name, in characters.
const MAX_FILE_NAME: usize = 150;

/// The content fields, the empty line and the body.
pub(super) fn write(outgoing: &Outgoing) -> Result<Vec<u8>, ComposeError> {
    // A line that is longer than a line of mail is encoded: no server breaks it, and every reader sees one line.
    let text = SinglePart::plain(body_text(&outgoing.text));
    let html = outgoing.html.as_deref().map(|html| SinglePart::html(body_text(html)));
    let others: Vec<SinglePart> = html.into_iter().chain(outgoing.calendar.as_deref().map(calendar)).collect();
    if outgoing.attachments.is_empty() {
        return Ok(match others.is_empty() {
            false => alternative(outgoing, text, others).formatted(),
            true => text.formatted(),
        });
    }
    let mixed = MultiPart::mixed().boundary(boundary(outgoing, "mixed"));
    let mut mixed = match others.is_empty() {
        false => mixed.multipart(alternative(outgoing, text, others)),
        true => mixed.singlepart(text),
    };
    for attachment in &outgoing.attachments {
        mixed = mixed.singlepart(attached(attachment)?);
    }
    Ok(mixed.formatted())
}

/// The text and what says the same in another way, the best last (RFC 2046 5.1.4).
fn alternative(outgoing: &Outgoing, text: SinglePart, others: Vec<SinglePart>) -> MultiPart {
    let first = MultiPart::alternative().boundary(boundary(outgoing, "alternative")).singlepart(text);
    others.into_iter().fold(first, MultiPart::singlepart)
}

/// Its line ends are part of it, so that it is encoded whole.
fn calendar(calendar: &str) -> SinglePart {
    let content_type =
        ContentType::parse("text/calendar; method=REPLY; charset=UTF-8").unwrap_or(ContentType::TEXT_PLAIN);
    let body = Body::new(calendar.as_bytes().to_vec());
    SinglePart::builder().header(content_type).body(body)
}

/// A boundary that follows from the message, so that equal messages have equal bytes. The texts are
/// part of it: none can contain the boundary it makes.
fn boundary(outgoing: &Outgoing, kind: &str) -> String {
    let mut hash = Sha256::new();
    for text in [kind, &outgoing.message_id, &outgoing.text, outgoing.html.as_deref().unwrap_or_default()] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hex(&hash.finalize()).chars().take(40).collect()
}

/// Text with LF line ends only and without control characters: a bare CR or NUL would be read
/// differently by different servers.
fn body_text(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    text.trim_end_matches('\n').to_owned()
}

/// Base64 always: the bytes of a file are not ours to change, not even its line ends. A message goes as it is where it
/// needs no encoding, which it must not have (RFC 2046 5.2.1); otherwise it travels as a file.
fn attached(attachment: &OutgoingAttachment) -> Result<SinglePart, ComposeError> {
    if attachment.content_type.eq_ignore_ascii_case("message/rfc822") && is_seven_bit(&attachment.bytes) {
        let content_type = ContentType::parse("message/rfc822").unwrap_or(ContentType::TEXT_PLAIN);
        let body = Body::dangerous_pre_encoded(attachment.bytes.clone(), ContentTransferEncoding::SevenBit);
        return Ok(Attachment::new(file_name(&attachment.name)).body(body, content_type));
    }
    let body = Body::new_with_encoding(attachment.bytes.clone(), ContentTransferEncoding::Base64)
        .map_err(|_| ComposeError::Attachment(attachment.name.clone()))?;
    let content_type = content_type(attachment)
        .or_else(|| ContentType::parse("application/octet-stream").ok())
        .unwrap_or(ContentType::TEXT_PLAIN);
    Ok(Attachment::new(file_name(&attachment.name)).body(body, content_type))
}

/// CRLF line ends, none over 998 bytes, nothing but ASCII.
fn is_seven_bit(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let stray = |line: &str| line.contains(['\r', '\n', '\0']);
    !text.is_empty() && text.is_ascii() && text.split("\r\n").all(|line| line.len() <= 998 && !stray(line))
}

/// The type without its parameters, except the charset of text.
fn content_type(attachment: &OutgoingAttachment) -> Option<ContentType> {
    let kind = attachment.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (main, sub) = kind.split_once('/')?;
    let is_token = |part: &str| {
        (1..=100).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.' | b'_'))
    };
    if !is_token(main) || !is_token(sub) || matches!(main, "message" | "multipart") {
        return None;
    }
    let utf8 = main == "text" && std::str::from_utf8(&attachment.bytes).is_ok_and(|text| !text.is_ascii());
    ContentType::parse(&if utf8 { format!("{kind}; charset=utf-8") } else { kind.clone() }).ok()
}

fn file_name(name: &str) -> String {
    let name: String = clean(name).replace(['/', '\\'], "_").chars().take(MAX_FILE_NAME).collect();
    if name.is_empty() { "attachment".to_owned() } else { name }
}
