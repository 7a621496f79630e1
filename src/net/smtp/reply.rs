//! Replies (RFC 5321 4.2) with their enhanced status code (RFC 3463).

use crate::net::printable::Words;
use crate::net::{NetError, NetErrorKind, Reply};

/// Lines of one reply; EHLO has some twenty.
pub(super) const LINES_MAX: usize = 200;

/// One line of a reply: its code, whether it is the last, and its text.
pub(super) struct ReplyLine<'a> {
    pub(super) code: u16,
    pub(super) last: bool,
    pub(super) text: &'a [u8],
}

/// Reads `250-text` or `250 text`; `None` when it is neither.
pub(super) fn line(line: &[u8]) -> Option<ReplyLine<'_>> {
    let (digits, rest) = line.split_at_checked(3)?;
    let code: u16 = std::str::from_utf8(digits).ok()?.parse().ok().filter(|code| (200..600).contains(code))?;
    let last = match rest.first() {
        None | Some(b' ') => true,
        Some(b'-') => false,
        Some(_) => return None,
    };
    Some(ReplyLine { code, last, text: rest.get(1..).unwrap_or_default() })
}

/// The whole reply out of the texts of its lines, which are searched for secrets as one.
pub(super) fn whole(words: &Words, code: u16, texts: &[Vec<u8>]) -> Reply {
    let mut status = None;
    let mut said = Vec::new();
    for text in texts {
        let text = text.trim_ascii_start();
        let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
        let (first, rest) = text.split_at_checked(end).unwrap_or((text, &[]));
        match std::str::from_utf8(first).ok().filter(|first| is_status(first, code) && !words.repeat(first)) {
            Some(first) => {
                said.push(rest);
                status.get_or_insert(first.to_owned());
            }
            None => said.push(text),
        }
    }
    Reply { code, status, text: words.printable(&said.join(&b' ')) }
}

/// `5.1.1`, of the same class as the code.
fn is_status(word: &str, code: u16) -> bool {
    let mut numbers = word.split('.').map(|n| n.parse::<u16>().ok().filter(|_| n.len() <= 3));
    let class = numbers.next().flatten();
    let detail = [numbers.next().flatten(), numbers.next().flatten()];
    class == Some(code / 100) && detail.iter().all(Option::is_some) && numbers.next().is_none()
}

/// A reply of our own to what is not even asked.
pub(super) fn own(code: u16, status: &str, text: &str) -> Reply {
    Reply { code, status: Some(status.to_owned()), text: text.to_owned() }
}

/// A refusal before the body as an error.
pub(super) fn refusal(what: &str, reply: &Reply) -> NetError {
    let kind = if reply.code < 500 { NetErrorKind::Temporary } else { NetErrorKind::Refused };
    NetError::new(kind, format!("the server refused {what}: {}", reply.words()))
}

/// A reply that cannot be one to what was said.
pub(super) fn wrong(what: &str, reply: &Reply) -> NetError {
    NetError::new(NetErrorKind::Protocol, format!("the server answered {what} with {}", reply.words()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_of_replies() {
        for (bytes, code, last, text) in [
            (&b"250 ok"[..], 250, true, &b"ok"[..]),
            (b"250-SIZE", 250, false, b"SIZE"),
            (b"354", 354, true, b""),
            (b"571 no", 571, true, b"no"),
        ] {
            let read = line(bytes).unwrap();
            assert_eq!((read.code, read.last, read.text), (code, last, text));
        }
        for bytes in [&b""[..], b"25", b"abc ok", b"99 x", b"199 x", b"600 x", b"250+x", b"+50 x", b" 50 x"] {
            assert!(line(bytes).is_none(), "{bytes:?}");
        }
    }

    #[test]
    fn the_status_is_told_apart_from_the_text() {
        for (code, texts, status, text) in [
            (550, &["5.1.1 no such user"][..], Some("5.1.1"), "no such user"),
            (550, &["5.7.1 one", "5.7.1 two"], Some("5.7.1"), "one two"),
            (550, &["4.1.1 other class"], None, "4.1.1 other class"),
            (250, &["2.0.0"], Some("2.0.0"), ""),
            (550, &["5.1.1.1 address"], None, "5.1.1.1 address"),
            (550, &["evil\x1b[31m\ttext"], None, "evil [31m text"),
        ] {
            let texts: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
            let reply = whole(&Words::default(), code, &texts);
            assert_eq!((reply.status.as_deref(), reply.text.as_str()), (status, text));
        }
    }
}
