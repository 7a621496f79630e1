//! Content transfer encodings (RFC 2045 6), decoded as far as they go: a wrong byte is skipped, a
//! missing end is the end.

use std::borrow::Cow;

/// Decodes a body by its Content-Transfer-Encoding.
pub(super) fn decode<'a>(body: &'a [u8], encoding: &[u8]) -> Cow<'a, [u8]> {
    match Encoding::of(encoding) {
        Encoding::Base64 => Cow::Owned(base64(body)),
        Encoding::QuotedPrintable => Cow::Owned(quoted_printable(body)),
        Encoding::Uuencode => Cow::Owned(uuencode(body)),
        Encoding::Identity => Cow::Borrowed(body),
    }
}

/// The same, and the lines that a list server or a gateway put after base64, as they stand there.
pub(super) fn decode_and_rest<'a>(body: &'a [u8], encoding: &[u8]) -> (Cow<'a, [u8]>, &'a [u8]) {
    match Encoding::of(encoding) {
        Encoding::Base64 => {
            let (bytes, rest) = base64_and_rest(body);
            (Cow::Owned(bytes), rest)
        }
        _ => (decode(body, encoding), &[]),
    }
}

enum Encoding {
    Identity,
    Base64,
    QuotedPrintable,
    Uuencode,
}

impl Encoding {
    /// By its label, also with other signs between its letters: `base-64`, `quoted printable`. Where the whole is not a
    /// label, its first word may be one.
    fn of(label: &[u8]) -> Encoding {
        let label = String::from_utf8_lossy(label).to_ascii_lowercase();
        let label = label.split(['(', ';', ',']).next().unwrap_or_default();
        let first = label.split_whitespace().next().unwrap_or_default();
        let known = |label: &str| {
            let letters: String = label.chars().filter(char::is_ascii_alphanumeric).collect();
            Some(match letters.as_str() {
                "base64" | "xbase64" | "b64" => Encoding::Base64,
                "quotedprintable" | "xquotedprintable" | "qp" => Encoding::QuotedPrintable,
                "uuencode" | "xuuencode" | "uue" | "xuue" => Encoding::Uuencode,
                _ => return None,
            })
        };
        known(label).or_else(|| known(first)).unwrap_or(Encoding::Identity)
    }
}

/// Base64 without regard to line ends, foreign bytes, missing padding and padding in the middle. It ends where plain
/// lines follow it.
pub(super) fn base64(text: &[u8]) -> Vec<u8> {
    base64_and_rest(text).0
}

fn base64_and_rest(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let mut bits = 0u32;
    let mut count = 0u32;
    let mut padded = false;
    // Where the line begins, what was decoded before it, and whether it may be prose.
    let mut line = (text, 0, false);
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        // Whole groups of four, which is nearly all there is.
        if count == 0 {
            let groups = whole_groups(rest, &mut out);
            if groups > 0 {
                rest = rest.get(4 * groups..).unwrap_or_default();
                continue;
            }
        }
        rest = after;
        if *byte == b'\n' {
            let next = after.trim_ascii_start();
            let blank = after.get(..after.len() - next.len()).is_some_and(|skipped| skipped.contains(&b'\n'));
            let ruled = next.starts_with(b"--") || next.starts_with(b"__");
            if !out.is_empty() && (padded || blank || ruled) && !is_base64_line(next, padded, blank) {
                return (out, after);
            }
            (rest, padded) = (next, false);
            line = (next, out.len(), !out.is_empty());
        } else if *byte == b' ' && std::mem::take(&mut line.2) && is_prose(line.0) {
            out.truncate(line.1);
            return (out, line.0);
        }
        match sextet(*byte) {
            PADDING => (count, padded) = (0, true),
            value if value < 64 => {
                bits = (bits << 6) | u32::from(value);
                count += 6;
                if count >= 8 {
                    count -= 8;
                    out.push((bits >> count).to_le_bytes()[0]);
                }
            }
            _ => {}
        }
    }
    (out, &[])
}

/// Decodes the groups of four letters that a text begins with, at most a line of them; how many.
fn whole_groups(text: &[u8], out: &mut Vec<u8>) -> usize {
    let before = out.len();
    let line = text.get(..LINE).unwrap_or(text);
    out.resize(before + line.len() / 4 * 3, 0);
    let (letters, bytes) = (line.chunks_exact(4), out.get_mut(before..).unwrap_or_default().chunks_exact_mut(3));
    let mut groups = 0;
    for (letters, bytes) in letters.zip(bytes) {
        let [a, b, c, d] = letters else { break };
        let value = placed(0, *a) | placed(1, *b) | placed(2, *c) | placed(3, *d);
        let [rest, decoded @ ..] = value.to_be_bytes();
        if rest != 0 {
            break;
        }
        bytes.copy_from_slice(&decoded);
        groups += 1;
    }
    out.truncate(before + 3 * groups);
    groups
}

/// Letters of a usual line.
const LINE: usize = 76;

/// The bits of a letter at a place of a group, in the lower three bytes; more where it is none.
fn placed(place: usize, letter: u8) -> u32 {
    #[allow(clippy::indexing_slicing)] // The compiler evaluates it.
    const BITS: [[u32; 256]; 4] = {
        let mut bits = [[u32::MAX; 256]; 4];
        let (mut place, mut letter) = (0, 0);
        while place < 4 {
            while letter < 256 {
                if VALUES[letter] < PADDING {
                    bits[place][letter] = (VALUES[letter] as u32) << (18 - 6 * place);
                }
                letter += 1;
            }
            (place, letter) = (place + 1, 0);
        }
        bits
    };
    BITS.get(place).and_then(|bits| bits.get(usize::from(letter))).copied().unwrap_or(u32::MAX)
}

/// Whether a line has words with blanks between them.
fn is_prose(text: &[u8]) -> bool {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
    line.split(|byte| *byte == b' ').filter(|word| word.iter().any(u8::is_ascii_alphanumeric)).nth(1).is_some()
}

/// Whether base64 goes on after a blank line or padding. After padding only another whole run does.
fn is_base64_line(text: &[u8], padded: bool, blank: bool) -> bool {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    let letters = line.iter().all(|byte| sextet(*byte) != FOREIGN) && line.iter().any(u8::is_ascii_alphanumeric);
    line.is_empty() || letters && !(padded && (blank || line.len() % 4 != 0))
}

const PADDING: u8 = 64;
const FOREIGN: u8 = 65;

/// The value of a letter of either alphabet (RFC 4648), [`PADDING`] or [`FOREIGN`].
fn sextet(byte: u8) -> u8 {
    VALUES.get(usize::from(byte)).copied().unwrap_or(FOREIGN)
}

#[allow(clippy::indexing_slicing)] // The compiler evaluates it.
const VALUES: [u8; 256] = {
    let mut values = [FOREIGN; 256];
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut value = 0;
    while value < 64 {
        values[letters[value as usize] as usize] = value;
        value += 1;
    }
    values[b'-' as usize] = 62;
    values[b'_' as usize] = 63;
    values[b'=' as usize] = PADDING;
    values
};

/// Quoted-printable: soft line ends, blanks at line ends dropped, a `=` that escapes nothing stays.
pub(super) fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|b| *b == b'\n') {
        let content = line.trim_ascii_end();
        match content.strip_suffix(b"=") {
            Some(soft) => out.extend(hex_escapes(soft, b'=')),
            None => {
                out.extend(hex_escapes(content, b'='));
                if line.ends_with(b"\r\n") {
                    out.extend_from_slice(b"\r\n");
                } else if line.ends_with(b"\n") {
                    out.push(b'\n');
                }
            }
        }
    }
    out
}

/// Replaces `mark` and two hexadecimal digits by the byte they stand for.
pub(super) fn hex_escapes(mut text: &[u8], mark: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    while let [byte, rest @ ..] = text {
        text = rest;
        match rest {
            [high, low, after @ ..] if *byte == mark => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    text = after;
                }
                _ => out.push(*byte),
            },
            _ => out.push(*byte),
        }
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

/// The lines between `begin` and `end`; all of them if the marks are missing.
fn uuencode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    for line in text.split(|b| *b == b'\n').map(<[u8]>::trim_ascii_end) {
        if line.starts_with(b"begin ") {
            out.clear();
            continue;
        }
        if line == b"end" {
            break;
        }
        let [length, data @ ..] = line else { continue };
        let value = |b: u8| u32::from(b.wrapping_sub(b' ') & 0x3f);
        let bytes = data.chunks(4).flat_map(|group| {
            let bits = (0..4).fold(0, |bits, at| bits << 6 | value(group.get(at).copied().unwrap_or(b' ')));
            let [_, a, b, c] = bits.to_be_bytes();
            [a, b, c]
        });
        out.extend(bytes.take(value(*length) as usize));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_survives_what_mailers_do_to_it() {
        for (text, want) in [
            ("aGVsbG8=", "hello"),
            ("aGVsbG8", "hello"),
            ("aGVs\r\nbG8=\r\n", "hello"),
            ("aGVs!bG8=", "hello"),
            ("aA==aGk=", "hhi"),
            ("aA==\naGk=\n", "hhi"),
            ("aGVs\n\nbG8=\n", "hello"),
            ("aGVsbG8=\n\nConfidential\n", "hello"),
            ("aGVsbG8=\n____\nThe list\n", "hello"),
            ("aGVsbG8h\r\n\r\n--\r\nThe list: x\r\n", "hello!"),
            ("aGVsbG8=\r\n\r\n\r\n", "hello"),
            ("aGVsbG8h\n--\nThe list\n", "hello!"),
            ("aGVsbG8h\nSent by the list\n", "hello!"),
            ("aGVs bG8h", "hello!"),
            ("", ""),
            ("=", ""),
        ] {
            assert_eq!(base64(text.as_bytes()), want.as_bytes(), "{text}");
        }
    }

    #[test]
    fn text_after_base64_is_not_part_of_it() {
        let after = |text: &'static str| decode_and_rest(text.as_bytes(), b"base64").1;
        assert_eq!(after("aGVsbG8=\n\n____\nThe list"), b"\n____\nThe list");
        assert_eq!(after("aGVsbG8=\n"), b"");
        assert_eq!(after("aGVs\n\nbG8h"), b"");
    }

    #[test]
    fn base64_costs_no_more_than_its_length() {
        for unit in ["\n", "a\n\n", " ", "aaaa\n ", "aaaa\n!", "YQ==\n", "aGVs\r\n \r\n", "=\n"] {
            crate::mail::costs_no_more_than_its_length(unit, 200_000, &|text| {
                drop(base64(format!("aaaa\nb{text}").as_bytes()));
            });
        }
    }

    #[test]
    fn quoted_printable_survives_what_mailers_do_to_it() {
        for (text, want) in [
            ("a=20b", "a b"),
            ("long=\r\nline\r\n", "longline\r\n"),
            ("long= \t\r\nline", "longline"),
            ("trailing  \r\nblank", "trailing\r\nblank"),
            ("100=% = x", "100=% = x"),
            ("a=3d=3D", "a=="),
            ("cut=", "cut"),
            ("cut=4", "cut=4"),
        ] {
            assert_eq!(quoted_printable(text.as_bytes()), want.as_bytes(), "{text}");
        }
    }

    #[test]
    fn the_field_names_the_encoding_loosely() {
        for label in [" BASE64 ; x", "base-64", "Base 64", "x-base64", "\"base64\" (as ever)", "base64 7bit"] {
            assert_eq!(decode(b"aGk=", label.as_bytes()).as_ref(), b"hi", "{label}");
        }
        for label in ["quoted printable", "Quoted_Printable", "QUOTED-PRINTABLE", "quotedprintable"] {
            assert_eq!(decode(b"=61", label.as_bytes()).as_ref(), b"a", "{label}");
        }
        assert_eq!(decode(b"aGk=", b"7bit").as_ref(), b"aGk=");
        assert_eq!(decode(b"begin 644 a\n#0V%T\n`\nend\nrest", b"x-uuencode").as_ref(), b"Cat");
    }
}
