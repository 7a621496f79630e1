//! Encoded words in header values (RFC 2047), as lenient as the mail that is out there.
//!
//! Words that follow each other are put together as bytes before their charset is decoded, because
//! many senders cut a character in two. What cannot be decoded stays as it is written.

use super::charset::{self, Hint};
use super::transfer;

/// Decodes a raw, unfolded value into one line of Unicode.
///
/// `hint` is the charset of the body: senders that leave 8-bit bytes in headers mean that one.
pub(in crate::mail) fn decode(value: &[u8], hint: Option<Hint>) -> String {
    if !value.contains(&b'=') {
        return one_line(&charset::header_text(value, hint));
    }
    let mut out = String::with_capacity(value.len());
    let mut words = Words::default();
    let mut rest = value;
    let mut plain = 0;
    while let Some(at) = rest.get(plain..).and_then(|r| find(r, b"=?")).map(|at| at + plain) {
        match Word::at(rest.get(at..).unwrap_or_default()) {
            Parsed::Word(word, length) => {
                let between = rest.get(..at).unwrap_or_default();
                if words.is_empty() || !between.iter().all(u8::is_ascii_whitespace) {
                    words.flush(&mut out);
                    out.push_str(&charset::header_text(between, hint));
                }
                words.push(word, &mut out);
                rest = rest.get(at + length..).unwrap_or_default();
                plain = 0;
            }
            Parsed::NotHere => plain = at + 2,
            Parsed::NoMore => break,
        }
    }
    words.flush(&mut out);
    out.push_str(&charset::header_text(rest, hint));
    one_line(&out)
}

/// Replaces control characters and line separators by spaces and trims.
pub(in crate::mail) fn one_line(text: &str) -> String {
    // Nearly every value.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.trim_ascii().to_owned();
    }
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.trim_matches(|c: char| c.is_whitespace() || breaks(c)).replace(breaks, " ")
}

struct Word<'a> {
    charset: &'a str,
    base64: bool,
    text: &'a [u8],
}

enum Parsed<'a> {
    /// A word and its length in the value.
    Word(Word<'a>, usize),
    /// These two bytes begin no word.
    NotHere,
    /// No end follows any more, so nothing after this is a word: keeps the search linear.
    NoMore,
}

impl<'a> Word<'a> {
    /// Reads `=?charset*language?encoding?text?=`.
    fn at(value: &'a [u8]) -> Parsed<'a> {
        let Some((charset, encoding, text)) = Self::head(value) else { return Parsed::NotHere };
        let Some(end) = find(text, b"?=") else { return Parsed::NoMore };
        let length = value.len() - text.len() + end + 2;
        let text = text.get(..end).unwrap_or_default();
        let base64 = if encoding.eq_ignore_ascii_case(&b'B') { !is_really_q(text) } else { is_really_base64(text) };
        Parsed::Word(Word { charset, base64, text }, length)
    }

    fn head(value: &'a [u8]) -> Option<(&'a str, u8, &'a [u8])> {
        let value = value.get(2..)?;
        let mark = value.iter().take(100).position(|b| *b == b'?')?;
        let charset = std::str::from_utf8(value.get(..mark)?).ok()?;
        let charset = charset.split('*').next().unwrap_or_default().trim();
        match value.get(mark + 1..)? {
            [encoding @ (b'B' | b'b' | b'Q' | b'q'), b'?', text @ ..] => Some((charset, *encoding, text)),
            _ => None,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        if self.base64 {
            return transfer::base64(self.text);
        }
        let spaced: Vec<u8> = self.text.iter().map(|b| if *b == b'_' { b' ' } else { *b }).collect();
        transfer::hex_escapes(&spaced, b'=')
    }
}

/// `=?utf-8?B?M=C3=BCller?=`: marked B, written Q.
fn is_really_q(text: &[u8]) -> bool {
    let escape = |w: &[u8]| matches!(w, [b'=', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    text.windows(3).any(escape)
}

/// `=?utf-8?Q?TcO8bGxlcg==?=`: marked Q, written B. Padding at the end is never right in Q.
fn is_really_base64(text: &[u8]) -> bool {
    let body = text.strip_suffix(b"==").or(text.strip_suffix(b"="));
    text.len().is_multiple_of(4)
        && body.is_some_and(|body| body.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/')))
}

/// Words next to each other in one charset.
#[derive(Default)]
struct Words<'a> {
    charset: &'a str,
    bytes: Vec<u8>,
    /// The base64 text as if it had been cut between the words, for senders that cut there.
    joined: Vec<u8>,
    all_base64: bool,
    count: usize,
}

impl<'a> Words<'a> {
    fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn push(&mut self, word: Word<'a>, out: &mut String) {
        if !self.charset.eq_ignore_ascii_case(word.charset) {
            self.flush(out);
        }
        if self.is_empty() {
            self.charset = word.charset;
            self.all_base64 = true;
        }
        self.all_base64 &= word.base64;
        self.bytes.extend(word.bytes());
        self.joined.extend_from_slice(word.text);
        self.count += 1;
    }

    fn flush(&mut self, out: &mut String) {
        let words = std::mem::take(self);
        if words.is_empty() {
            return;
        }
        let text = charset::decode(&words.bytes, Some(words.charset)).text;
        if words.count > 1 && words.all_base64 && text.contains('\u{FFFD}') {
            let other = charset::decode(&transfer::base64(&words.joined), Some(words.charset)).text;
            if !other.contains('\u{FFFD}') {
                out.push_str(&other);
                return;
            }
        }
        out.push_str(&text);
    }
}

fn find(haystack: &[u8], needle: &[u8; 2]) -> Option<usize> {
    haystack.windows(2).position(|w| w == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_words_as_they_are_written_in_the_wild() {
        for (value, want) in [
            ("=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
            ("=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße"),
            ("=?utf-8?B?R3LDvMOfZQ?=", "Grüße"),
            ("=?utf-8?Q?a?= =?utf-8?Q?b?=", "ab"),
            ("=?utf-8?Q?a?= and =?utf-8?Q?b?=", "a and b"),
            ("=?utf-8?Q?Gr=C3?=\t=?UTF-8?Q?=BC=C3=9Fe?=", "Grüße"),
            ("=?utf-8?B?R3LDvM?= =?utf-8?B?OfZQ==?=", "Grüße"),
            ("=?iso-8859-1*de?Q?Gr=FC=DFe?=", "Grüße"),
            ("=?utf-8?B?Gr=C3=BC=C3=9Fe?=", "Grüße"),
            ("=?utf-8?Q?R3LDvMOfZQ==?=", "Grüße"),
            ("=?no-such?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
            ("=?utf-8?Q?with a_space?=", "with a space"),
            ("=?utf-8?Q??= x", "x"),
            ("pre=?utf-8?Q?fix?=ed", "prefixed"),
            ("=?utf-8?Q?unfinished", "=?utf-8?Q?unfinished"),
            ("=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
            ("1 =? 2 =?utf-8?Q?=E2=82=AC?=", "1 =? 2 €"),
            ("=?utf-8?Q?a=0D=0ABcc:_x?=", "a  Bcc: x"),
            ("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
            ("a = b", "a = b"),
        ] {
            assert_eq!(decode(value.as_bytes(), None), want, "{value}");
        }
    }

    #[test]
    fn raw_bytes_are_utf_8_or_what_the_body_is_or_guessed() {
        assert_eq!(decode("Grüße".as_bytes(), None), "Grüße");
        assert_eq!(decode(b"Gr\xfc\xdfe aus K\xf6ln", None), "Grüße aus Köln");
        assert_eq!(decode(b"\xcf\xf0\xe8\xe2\xe5\xf2", charset::hint("windows-1251")), "Привет");
    }
}
