//! A message for servers that know no internationalised addresses (RFC 6857): each such address in the header becomes an
//! empty group that is named after it, which everybody can read and nobody can answer to.

use super::header::encoded_words;

/// The same message in ASCII, as far as it was written by [`super::compose`]: only addresses are anything else.
pub fn in_ascii(message: &[u8]) -> Vec<u8> {
    let end = message.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(message.len());
    let (header, body) = message.split_at_checked(end).unwrap_or((message, &[]));
    let Ok(text) = std::str::from_utf8(header) else { return message.to_vec() };
    if text.is_ascii() {
        return message.to_vec();
    }
    let lines: Vec<String> = text.split("\r\n").map(line).collect();
    let mut bytes = lines.join("\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn line(line: &str) -> String {
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// `<müller@x>,` or `müller@x,`; every other word stays.
fn word(word: &str) -> String {
    if word.is_ascii() {
        return word.to_owned();
    }
    let (address, comma) = word.strip_suffix(',').map_or((word, ""), |address| (address, ","));
    let address = address.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(address);
    format!("{} :;{comma}", encoded_words(address).join(" "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::mail::address::Mailbox;
    use crate::mail::compose::{Outgoing, compose};
    use crate::mail::message::parse;

    fn mailbox(name: &str, address: &str) -> Mailbox {
        Mailbox { name: name.into(), address: address.into() }
    }

    #[test]
    fn addresses_become_names_and_nothing_else_changes() {
        let outgoing = Outgoing {
            from: mailbox("Desk", "desk@desk.example"),
            to: vec![mailbox("Kim, Lee", "müller@grün.example"), mailbox("", "kim@x.example")],
            cc: vec![mailbox("", "用户@例子.example")],
            subject: "Grüße".into(),
            text: "Grüße".into(),
            message_id: "1@desk.example".into(),
            ..Outgoing::default()
        };
        let whole = compose(&outgoing).unwrap();
        assert!(!whole.is_ascii());
        let ascii = in_ascii(&whole);
        assert!(ascii.is_ascii());
        let (before, after) = (parse(&whole), parse(&ascii));
        assert_eq!((after.subject, after.text, after.from), (before.subject, before.text, before.from));
        let to: Vec<&str> = after.to.iter().map(|m| m.address.as_str()).filter(|address| !address.is_empty()).collect();
        assert_eq!(to, ["kim@x.example"], "a group has no address");
        let text = String::from_utf8(ascii).unwrap();
        assert!(
            text.contains("To: \"Kim, Lee\" =?utf-8?Q?m=C3=BCller=40xn=2D=2Dgrn=2Dioa=2Eexample?= :;, kim@x.example"),
            "{text}"
        );
    }

    #[test]
    fn what_is_in_ascii_stays_as_it_is() {
        for message in [&b"To: a@x\r\n\r\n\xc3\xbc"[..], b"To: a@x\r\n\r\ntext", b"To: \xff@x\r\n\r\n", b""] {
            assert_eq!(in_ascii(message), message);
        }
    }
}
