//! The identity of a message that has no Message-ID.

use sha2::{Digest, Sha256};

use super::message::Message;
use super::message_id::hex;

/// The identity of a message without Message-ID (B3.4): `sha256:` and the hex SHA-256 over, each with
/// its length in front, the first From address in lower case, the Date in seconds (empty where there
/// is none), the subject, the digests of the attachments, and the text with LF line ends, without blanks at line ends and without
/// empty lines at the end, because servers change these.
pub fn of(message: &Message) -> String {
    let from = message.from.first().map(|m| m.address.to_lowercase()).unwrap_or_default();
    let date = message.date.map(|date| date.as_second().to_string()).unwrap_or_default();
    let mut text = String::with_capacity(message.text.len());
    for line in message.text.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let attached: Vec<&str> = message.attachments.iter().map(|a| a.sha256.as_str()).collect();
    let attached = attached.join(" ");
    let mut hash = Sha256::new();
    for field in [from.as_str(), &date, message.subject.trim(), text.trim_end(), &attached] {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    format!("sha256:{}", hex(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::address::Mailbox;

    #[test]
    fn content_keys_ignore_what_servers_change() {
        let message = |from: &str, subject: &str, text: &str| {
            of(&Message {
                from: vec![Mailbox { name: "N".into(), address: from.into() }],
                subject: subject.into(),
                text: text.into(),
                ..Message::default()
            })
        };
        let key = message("a@b.c", "Hi", "one\ntwo");
        assert!(key.starts_with("sha256:") && key.len() == 71, "{key}");
        assert_eq!(key, message("A@b.c", "Hi", "one  \r\ntwo\r\n\r\n"));
        for other in
            [message("x@b.c", "Hi", "one\ntwo"), message("a@b.c", "H", "ione\ntwo"), message("a@b.c", "Hi", "one two")]
        {
            assert_ne!(key, other);
        }
        let dated = Message { date: Some(jiff::Timestamp::UNIX_EPOCH), ..Message::default() };
        assert_ne!(of(&dated), of(&Message::default()));
    }
}
