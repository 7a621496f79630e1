//! What holds for any bytes. The fuzz targets call these; the tests replay the messages of `tests/reading`, whole and damaged, through them.

use espomail::dates;
use espomail::filter::{Condition, Look, escape, sieve};
use espomail::mail::message::{self, Message, PartId};
use espomail::mail::reading::Reading;
use espomail::mail::{authentication_results, author, automatic, content_key, text};
use espomail::query;
use espomail::ui::safe;

/// A whole message: read, judged, its attachments read again.
pub fn message(data: &[u8]) {
    let message = Reading::parse(data);
    judge(&message);
    for attachment in message.attachments.iter().take(20) {
        let whole = PartId { part: attachment.part, inner: None };
        let bytes = message::attachment_bytes(data, whole).map_or(0, |bytes| bytes.len() as u64);
        assert_eq!(bytes, attachment.size, "the same bytes as were listed");
        for inner in attachment.contents.iter().take(20) {
            let file = PartId { inner: Some(inner.part), ..whole };
            let bytes = message::attachment_bytes(data, file).map_or(0, |bytes| bytes.len() as u64);
            assert_eq!(bytes, inner.size);
        }
    }
}

/// One value in every header that is read.
pub fn headers(data: &[u8]) {
    let value = one_line(data);
    let mut source = Vec::new();
    for name in
        ["From", "To", "Cc", "Reply-To", "Date", "Subject", "Message-ID", "References", "In-Reply-To", "Return-Path"]
    {
        source.extend_from_slice(name.as_bytes());
        source.extend_from_slice(b": ");
        source.extend_from_slice(&value);
        source.extend_from_slice(b"\r\n");
    }
    for name in ["Content-Type: text/plain; charset=", "Content-Disposition: attachment; filename="] {
        source.extend_from_slice(name.as_bytes());
        source.extend_from_slice(&value);
        source.extend_from_slice(b"\r\n");
    }
    source.extend_from_slice(b"\r\nText");
    let message = Reading::parse(&source);
    judge(&message);
    assert!(!message.subject.contains(['\r', '\n']), "a subject is one line");
    for mailbox in message.from.iter().chain(&message.to) {
        assert!(!mailbox.name.contains(['\r', '\n']) && !mailbox.address.contains(['\r', '\n']));
    }
}

/// The Date header.
pub fn dates(data: &[u8]) {
    let message = message::parse(&[b"Date: ", one_line(data).as_slice(), b"\r\n\r\nText"].concat());
    if let Some(date) = message.date {
        let year_2101 = 4_133_980_800;
        assert!((0..year_2101).contains(&date.as_second()), "{date}");
    }
}

/// Lists of addresses.
pub fn addresses(data: &[u8]) {
    let message = message::parse(&[b"To: ", one_line(data).as_slice(), b"\r\n\r\nText"].concat());
    for mailbox in &message.to {
        assert!(!mailbox.name.contains(['\r', '\n', '\0']) && !mailbox.address.contains(['\r', '\n', '\0', ' ']));
        assert!(mailbox.address.contains('@'), "{mailbox:?}");
    }
}

/// HTML to text.
pub fn html(data: &[u8]) {
    let html = String::from_utf8_lossy(data);
    let text = text::from_html(&html);
    assert!(text.len() <= 8 * html.len() + 1024, "{} bytes of HTML became {} of text", html.len(), text.len());
}

/// A report of a mail system, in fields and in words.
pub fn bounce(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let system = "From: MAILER-DAEMON@mx.example\r\nSubject: Undelivered Mail\r\n";
    judge(&Reading::parse(format!("{system}\r\n{text}").as_bytes()));
    let fields = "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n";
    let message = Reading::parse(format!("{system}{fields}{text}\r\n--b--\r\n").as_bytes());
    judge(&message);
    if let Some(bounce) = &message.bounce {
        let mut addresses: Vec<String> =
            bounce.failures.iter().map(|failure| failure.address.to_ascii_lowercase()).collect();
        let all = addresses.len();
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), all, "each recipient once");
    }
}

/// A query; what is printed of it reads back as the same.
pub fn query(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (now, zone) = (jiff::Timestamp::UNIX_EPOCH, jiff::tz::TimeZone::UTC);
    let reading = query::Reading { fields: query::Field::CASES, clock: dates::Clock { now, zone } };
    if let Ok(tree) = query::parse(&text, &reading) {
        let printed = tree.to_string();
        if printed.len() <= 4096 {
            assert_eq!(query::parse(&printed, &reading).ok(), Some(tree), "{text:?} became {printed:?}");
        }
    }
}

/// A condition of a filter, and a Sieve script; a condition that is taken reads back as the same, and a text
/// matches itself.
pub fn filter(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    sieve::read(&text);
    let (condition, body) = text.split_once('\n').unwrap_or((&text, ""));
    let message = Message { subject: condition.to_owned(), text: body.to_owned(), ..Message::default() };
    let message = Reading::of(message);
    for written in [condition.to_owned(), format!("subject={condition}"), format!("body=regex:{condition}")] {
        let Ok(condition) = Condition::parse(&written, false) else { continue };
        let printed = condition.to_string();
        let again = Condition::stored(&printed).map(|again| again.to_string());
        assert_eq!(again.as_ref(), Ok(&printed));
        let look = Look::new(&message, 100);
        assert_eq!(condition.judge(&look).holds, condition.holds(&look));
    }
    let exactly = Condition::parse(&format!("subject={}", escape(condition)), false);
    let is_plain = !condition.trim_start().starts_with("regex:") && !condition.contains(|c: char| !c.is_alphanumeric());
    assert!(!is_plain || exactly.map_or(true, |exactly| exactly.holds(&Look::new(&message, 0))), "{condition:?}");
}

/// Text on its way to a terminal, and a name on its way to a directory.
pub fn terminal(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    assert!(!safe::line(&text).chars().any(safe::is_unsafe));
    assert!(!safe::block(&text).chars().any(|c| safe::is_unsafe(c) && !matches!(c, '\n' | '\t')));
    let name = safe::file_name(&text, "none");
    assert!(!name.is_empty() && !name.contains(['/', '\\', '\0']) && !name.starts_with('.'));
}

/// Bytes that end no field.
fn one_line(data: &[u8]) -> Vec<u8> {
    data.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }).collect()
}

/// Every decision that looks at a message.
fn judge(message: &Reading) {
    let (author, nobody) = (author::of_stranger(message), |_: &str| false);
    let answering =
        automatic::Answering { message, author: &author, own: &nobody, our_auto_reply: &nobody, to_own_list: false };
    automatic::unanswerable(&answering);
    authentication_results::verdict(message, &message.results, authentication_results::Trusted::Server("mx.example"));
    content_key::of(message);
    text::first_lines(&message.text, 1000);
    let addresses =
        message.from.len() + message.to.len() + message.cc.len() + message.bcc.len() + message.reply_to.len();
    assert!(addresses <= 1_000 && message.text.len() <= 4 << 20, "a limit does not hold");
}
