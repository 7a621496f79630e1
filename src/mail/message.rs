//! One message as read: [`parse`] never fails, for any bytes (B12).
//!
//! The way of the bytes: `parts` cuts them into a flat list of parts in one pass, `headers` reads
//! the fields of the first of them, `body` picks the readable text and lists the attachments.
//! Every one of them has a limit; what lies beyond it becomes an opaque attachment or is left out,
//! and a line in [`Message::defects`] says so. Nothing here unpacks archives, follows links or
//! trusts a name.

mod body;
pub mod calendar;
mod charset;
mod date;
mod enclosed;
pub(in crate::mail) mod encoded_word;
mod fields;
mod flowed;
mod headers;
mod params;
mod parts;
mod signed;
mod tnef;
mod transfer;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use jiff::Timestamp;

use super::address::Mailbox;
pub use enclosed::Enclosed;

/// A message as espomail understands it. Text is Unicode, addresses are lower case where RFC 5321
/// allows it, identifiers lack their angle brackets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Message {
    /// Message-ID without angle brackets.
    pub message_id: Option<String>,
    /// Identifiers of In-Reply-To in their order.
    pub in_reply_to: Vec<String>,
    /// Identifiers of References, oldest first.
    pub references: Vec<String>,
    /// From (RFC 5322 allows several).
    pub from: Vec<Mailbox>,
    pub sender: Option<Mailbox>,
    pub reply_to: Vec<Mailbox>,
    pub to: Vec<Mailbox>,
    pub cc: Vec<Mailbox>,
    pub bcc: Vec<Mailbox>,
    /// Addresses of Delivered-To, X-Original-To and Envelope-To.
    pub delivered_to: Vec<String>,
    /// Return-Path; `Some("")` is the null path `<>`.
    pub return_path: Option<String>,
    /// Decoded subject, one line.
    pub subject: String,
    /// The Date header, where it can be understood and lies in 1970-2100.
    pub date: Option<Timestamp>,
    /// The best readable text: text/plain, else the HTML as text.
    pub text: String,
    /// The best HTML, decoded, unsafe as it came.
    pub html: Option<String>,
    /// Attachments in the order of the message.
    pub attachments: Vec<Attachment>,
    /// Every header field in its order: name as written (trimmed) and decoded value (unfolded).
    pub headers: Vec<(String, String)>,
    /// Content type of the whole message in lower case, such as `multipart/report`.
    pub content_type: String,
    /// Parameters of that content type (`report-type`, `boundary` …), names in lower case.
    pub content_params: Vec<(String, String)>,
    /// Content types of every part met, in lower case, with the `method` of text/calendar parts appended as `; method=REPLY`.
    pub part_types: Vec<String>,
    /// UID of the event that it invites to, changes or takes back.
    pub event: Option<String>,
    /// Text of the message/delivery-status parts (RFC 3464), for [`super::bounce`].
    pub delivery_status: Vec<String>,
    /// Text of the message/disposition-notification parts (RFC 8098), for [`super::receipt`].
    pub dispositions: Vec<String>,
    /// The first enclosed message or header of one (message/rfc822, text/rfc822-headers).
    pub enclosed: Option<Box<Enclosed>>,
    /// Importance or X-Priority says high.
    pub high_importance: bool,
    /// What had to be guessed or was cut by a limit, for `email explain`.
    pub defects: Vec<String>,
}

/// Reads a message. Broken, truncated and hostile bytes give a poorer message, never an error.
pub fn parse(raw: &[u8]) -> Message {
    read(raw, &[], 1)
}

/// The same of a message of which long runs of base64 have been decoded already.
pub fn parse_decoded(raw: &[u8], decoded: &[DecodedRun]) -> Message {
    read(raw, decoded, 1)
}

/// A run of base64 in a message that somebody has decoded: whole lines, of which every letter counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedRun {
    /// Where its letters stand in the message.
    pub at: Range<usize>,
    /// Bytes that they stand for.
    pub size: u64,
    /// Digest of these bytes.
    pub sha256: [u8; 32],
}

/// Bytes of a file that are looked at to know whether it is a mail.
const HEAD: usize = 64 << 10;
/// Fields of which a mail has at least one.
const FIELDS: [&str; 9] =
    ["from", "to", "cc", "subject", "date", "message-id", "received", "return-path", "content-type"];

/// Whether bytes begin with the header of a mail, however poor it is.
pub fn has_header(raw: &[u8]) -> bool {
    let head = parse(raw.get(..HEAD).unwrap_or(raw));
    head.headers.iter().any(|(name, _)| FIELDS.contains(&name.to_ascii_lowercase().as_str()))
}

/// As [`parse`]; `wrapped` = whether a whole report in it is read as well.
fn read(raw: &[u8], decoded: &[DecodedRun], wrapped: usize) -> Message {
    let mut defects = Defects::default();
    let parts = parts::split(raw, &mut defects);
    let mut message = Message::default();
    headers::fill(&mut message, &parts, &mut defects);
    message.return_path = message.return_path.or_else(|| parts::envelope_sender(raw));
    let decoded: Vec<_> = decoded.iter().filter_map(|run| Some((raw.get(run.at.clone())?, run))).collect();
    body::fill(&mut message, &parts, &decoded, wrapped, &mut defects);
    message.event = body::calendars(&parts).find_map(|text| calendar::invitation::announced(&text));
    message.defects = defects.0;
    message
}

/// Which attachment: a part of the message, or (`3.1`) a file in one that is itself a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartId {
    /// See [`Attachment::part`].
    pub part: u32,
    /// Number of a file in its [`Attachment::contents`], from 1.
    pub inner: Option<u32>,
}

impl fmt::Display for PartId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.part)?;
        self.inner.map_or(Ok(()), |inner| write!(f, ".{inner}"))
    }
}

impl FromStr for PartId {
    type Err = String;

    fn from_str(text: &str) -> Result<PartId, String> {
        let wrong = |_| {
            let shown: String = text.chars().take(40).collect();
            format!("\"{shown}\" is not the number of a part; see the numbers: espomail email attachment list")
        };
        let number = |text: &str| text.parse().map_err(wrong);
        let (part, inner) = text.split_once('.').map_or((text, None), |(part, inner)| (part, Some(inner)));
        Ok(PartId { part: number(part)?, inner: inner.map(number).transpose()? })
    }
}

/// The moment that the value of a Date field names, if it can be understood and lies in 1970-2100.
pub fn date(value: &str) -> Option<Timestamp> {
    date::parse(value)
}

/// The moment at the end of a Received field (RFC 5321 4.4).
pub(in crate::mail) fn date_received(value: &str) -> Option<Timestamp> {
    value.rsplit_once(';').and_then(|(_, date)| date::parse(date))
}

/// The decoded bytes of an attachment, read again out of the raw message.
pub fn attachment_bytes(raw: &[u8], id: PartId) -> Option<Vec<u8>> {
    let parts = parts::split(raw, &mut Defects::default());
    let part = parts.get(usize::try_from(id.part).ok()?).filter(|part| !part.is_container())?;
    let bytes = body::attached(part).into_owned();
    let Some(inner) = id.inner else { return Some(bytes) };
    let at = usize::try_from(inner).ok()?.checked_sub(1)?;
    body::files(part, &bytes).into_iter().nth(at).map(|file| file.bytes)
}

/// The text of a calendar out of the raw message, as far as `max` bytes go.
fn calendar_text(raw: &[u8], part: u32, max: usize) -> Option<String> {
    let parts = parts::split(raw, &mut Defects::default());
    let part = parts.get(usize::try_from(part).ok()?).filter(|part| !part.is_container())?;
    Some(body::calendar_text(part, max))
}

/// What had to be guessed or cut, each kind once, so that a hostile mail cannot fill the log.
#[derive(Default)]
struct Defects(Vec<String>);

impl Defects {
    fn note(&mut self, what: impl Into<String>) {
        let what = what.into();
        if self.0.len() < 100 && !self.0.contains(&what) {
            self.0.push(what);
        }
    }
}

impl Message {
    /// The first value of a header, by its case-insensitive name.
    pub fn header<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// Every value of a header, topmost first.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// An attachment as it is listed; its bytes are read out of the raw message when somebody wants them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attachment {
    /// Position in a depth-first walk over the parts, the way back to the bytes.
    pub part: u32,
    /// File name as the sender wrote it, decoded; never a path to be used as it is.
    pub name: String,
    /// Content type in lower case.
    pub content_type: String,
    /// Decoded size in bytes.
    pub size: u64,
    /// SHA-256 of the decoded bytes, in hex.
    pub sha256: String,
    /// Content-ID without angle brackets.
    pub content_id: Option<String>,
    /// Content-Disposition inline, or referenced by the HTML.
    pub inline: bool,
    /// The files in it, where it is a winmail.dat or a signed container; their part is their number in it, from 1.
    pub contents: Vec<Attachment>,
}

/// SHA-256 of nothing, in hex.
const OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The attachments that the bytes of a mail hold, where those that were pruned are as the archive knows them.
pub fn with_pruned(found: Vec<Attachment>, archived: Vec<Attachment>) -> Vec<Attachment> {
    let mut all: BTreeMap<u32, Attachment> = found.into_iter().map(|file| (file.part, file)).collect();
    for known in archived {
        let is_gone = match all.get(&known.part) {
            Some(file) => file.size == 0 && known.sha256 != OF_NOTHING,
            None => known.is_pruned(),
        };
        if is_gone {
            all.insert(known.part, Attachment { size: 0, ..known });
        }
    }
    all.into_values().collect()
}

impl Attachment {
    /// Whether its bytes are gone for good (`db prune`): it has none, and once it had some.
    pub fn is_pruned(&self) -> bool {
        self.size == 0 && self.sha256 != OF_NOTHING
    }

    /// What people are shown: the name, or what a file without one is.
    pub fn shown_name(&self) -> &str {
        if !self.name.is_empty() {
            return &self.name;
        }
        match self.content_type.as_str() {
            "text/calendar" => "calendar entry",
            "message/rfc822" | "message/global" => "mail",
            "message/delivery-status" | "message/global-delivery-status" => "delivery report",
            "text/rfc822-headers" | "message/rfc822-headers" | "message/global-headers" => "header of a mail",
            "application/pgp-signature" | "application/pkcs7-signature" | "application/x-pkcs7-signature" => {
                "signature"
            }
            other => other,
        }
    }
}
