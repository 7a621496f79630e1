//! The message in a message: what a forward or a report on a delivery is about. One level deep: what is enclosed in it
//! is looked at only where it is itself a report.

use super::{Defects, Message, body, headers, parts, signed};
use crate::mail::address::Mailbox;
use crate::mail::bounce;

/// What is read of an enclosed message, or of the header of one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Enclosed {
    /// Message-ID without angle brackets.
    pub message_id: Option<String>,
    /// The first From address.
    pub from: Option<Mailbox>,
    /// Its readers, in To, Cc and Bcc.
    pub readers: Vec<Mailbox>,
    /// Decoded subject, one line.
    pub subject: String,
    /// The best readable text.
    pub text: String,
    /// The whole message, where it is itself a report on a delivery: gateways wrap them so.
    pub report: Option<Box<Message>>,
}

impl Enclosed {
    /// Reads an enclosed message; the caller has bounded it. Its defects are not those of the message around it.
    pub(super) fn read(raw: &[u8], wrapped: usize) -> Enclosed {
        let mut defects = Defects::default();
        let parts = parts::split(raw, &mut defects);
        let mut inner = Message::default();
        headers::fill(&mut inner, &parts, &mut defects);
        let (text, _) = body::readable(&parts, signed::MAX_LAYERS, &mut defects);
        let is_report = wrapped > 0 && bounce::may_be_wrapped(&inner);
        let report = is_report.then(|| Box::new(super::read(raw, &[], wrapped - 1)));
        let from = inner.from.into_iter().next();
        let readers = inner.to.into_iter().chain(inner.cc).chain(inner.bcc).collect();
        Enclosed { message_id: inner.message_id, from, readers, subject: inner.subject, text, report }
    }
}

/// An enclosed message as the text of the one around it, with the fields that people look at.
pub(super) fn as_text(raw: &[u8], layers: usize) -> String {
    let mut defects = Defects::default();
    let parts = parts::split(raw, &mut defects);
    let mut inner = Message::default();
    headers::fill(&mut inner, &parts, &mut defects);
    let (text, _) = body::readable(&parts, layers, &mut defects);
    let list = |list: &[Mailbox]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let date = inner.header("Date").unwrap_or_default().to_owned();
    let fields = [("From", list(&inner.from)), ("Date", date), ("To", list(&inner.to)), ("Subject", inner.subject)];
    let lines = fields.iter().filter(|(_, value)| !value.is_empty());
    let head: String = lines.map(|(name, value)| format!("{name}: {value}\n")).collect();
    format!("{head}\n{}\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::string_slice)]
    use super::*;
    use crate::mail::message::parse;

    fn around(kind: &str, inner: &str) -> Option<Box<Enclosed>> {
        let head = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nText\r\n";
        parse(format!("{head}--b\r\nContent-Type: {kind}\r\n\r\n{inner}\r\n--b--\r\n").as_bytes()).enclosed
    }

    #[test]
    fn the_inner_message_is_read() {
        let inner = "From: =?utf-8?Q?M=C3=BCller?= <M@x.example>, b@x.example\r\nSubject: Hi\r\nMessage-ID: <1@x>\r\n\
                     Content-Type: text/html\r\n\r\n<p>Hello<p>you";
        for kind in ["message/rfc822", "message/global"] {
            let enclosed = around(kind, inner).unwrap();
            let from = enclosed.from.unwrap();
            assert_eq!((from.name.as_str(), from.address.as_str()), ("Müller", "m@x.example"), "{kind}");
            assert_eq!((enclosed.subject.as_str(), enclosed.text.as_str()), ("Hi", "Hello\n\nyou"), "{kind}");
            assert_eq!(enclosed.message_id.as_deref(), Some("1@x"), "{kind}");
        }
        let header = around("text/rfc822-headers", "Message-ID: <2@x>\r\nSubject: Hi\r\n").unwrap();
        assert_eq!((header.message_id.as_deref(), header.text.as_str()), (Some("2@x"), ""));
        assert_eq!(around("application/octet-stream", inner), None);
    }

    #[test]
    fn a_message_in_the_inner_message_is_not_read() {
        let innermost = "From: c@x.example\r\nSubject: Innermost\r\n\r\ndeep";
        let inner = format!(
            "From: b@x.example\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nshallow\r\n--c\r\n\
             Content-Type: message/rfc822\r\n\r\n{innermost}\r\n--c--\r\n"
        );
        assert_eq!(around("message/rfc822", &inner).unwrap().text, "shallow");
    }

    #[test]
    fn a_long_inner_message_is_cut() {
        let inner = format!("Subject: Long\r\n\r\n{}", "0123456789\r\n".repeat(100_000));
        let enclosed = around("message/rfc822", &inner).unwrap();
        assert_eq!(enclosed.subject, "Long");
        assert!((100_000..=256 << 10).contains(&enclosed.text.len()), "{} bytes", enclosed.text.len());
    }
}
