//! Bytes to Unicode: the charset a part declares, and what to do where it lies or is silent.

mod code_page;
mod repair;

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{
    BIG5, EUC_KR, Encoding, GBK, ISO_2022_JP, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED,
};

use super::transfer;
use code_page::CodePage;

/// Bytes the guess looks at, of the lines that say something about the charset.
const SAMPLE: usize = 4 << 10;
/// Bytes of an HTML document in which its charset is looked for.
const META_MAX: usize = 32 << 10;
/// Tags in which it is looked for, and bytes of each.
const MAX_TAGS: usize = 50;
const MAX_TAG: usize = 500;
/// Begins the sequences of ISO-2022-JP.
const ESCAPE: u8 = 0x1B;

/// A charset to try where a header is 8-bit and undeclared.
pub(in crate::mail) type Hint = &'static Encoding;

/// Decoded text, and whether the charset had to be guessed.
pub(super) struct Decoded {
    pub text: String,
    pub guessed: bool,
}

/// Decodes by the declared charset unless it is missing, us-ascii or unknown; then UTF-8 if the
/// bytes are that, else what they look like.
pub(super) fn decode(bytes: &[u8], declared: Option<&str>) -> Decoded {
    if let Some(text) = by_order_mark(bytes) {
        return Decoded { text, guessed: false };
    }
    match declared.and_then(known) {
        Some(charset) => declared_text(bytes, charset),
        None => Decoded { guessed: !bytes.is_ascii(), text: guess(bytes).into_owned() },
    }
}

/// The charset that an HTML document names in its beginning, `<meta charset=…>` or the like.
pub(super) fn in_html(html: &[u8]) -> Option<String> {
    let head = html.get(..META_MAX).unwrap_or(html).to_ascii_lowercase();
    let named = |tag: &[u8], sign: &[u8]| {
        let starts = memchr::memmem::find_iter(&head, tag).take(MAX_TAGS);
        let tags = starts.filter_map(|at| head.get(at..)?.chunks(MAX_TAG).next()?.split(|b| *b == b'>').next());
        tags.filter_map(|tag| tag.get(memchr::memmem::find(tag, sign)? + sign.len()..)).find_map(|value| {
            let value = value.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
            let is_label = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b':' | b'.' | b'+');
            let label: Vec<u8> =
                value.iter().copied().skip_while(|b| matches!(b, b'"' | b'\'')).take_while(is_label).collect();
            String::from_utf8(label).ok().filter(|label| !label.is_empty())
        })
    };
    let label = named(b"<meta", b"charset").or_else(|| named(b"<?xml", b"encoding"))?;
    // Who could read the tag did not read UTF-16.
    (!label.starts_with("utf-16") && !label.starts_with("utf-32")).then_some(label)
}

/// Whether a label says which charset it is.
pub(super) fn says_something(label: &str) -> bool {
    known(label).is_some()
}

/// The charset of the body as a hint for headers; none where it says nothing about 8-bit bytes.
pub(in crate::mail) fn hint(declared: &str) -> Option<Hint> {
    match known(declared)? {
        Charset::Plain(encoding) if encoding != UTF_8 && encoding.is_ascii_compatible() => Some(encoding),
        _ => None,
    }
}

/// An undeclared header value: UTF-8, else the hint, else what it looks like.
pub(in crate::mail) fn header_text(value: &[u8], hint: Option<Hint>) -> Cow<'_, str> {
    match (std::str::from_utf8(value), hint) {
        (Ok(text), _) if !value.contains(&ESCAPE) => Cow::Borrowed(text),
        (Err(_), Some(encoding)) => encoding.decode_without_bom_handling(value).0,
        _ => guess(value),
    }
}

enum Charset {
    Plain(&'static Encoding),
    Dos(CodePage),
    Utf7,
    Utf32 { big: bool },
    Hz,
    Iso2022Kr,
}

fn known(label: &str) -> Option<Charset> {
    let label = label.split(['(', ';', ',']).next().unwrap_or_default();
    let label = label.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>'));
    let label = label.to_ascii_lowercase().replace('_', "-");
    let label = label.strip_prefix("charset=").unwrap_or(&label);
    Some(match label {
        "us-ascii" | "ascii" | "ansi-x3.4-1968" | "default" | "unknown-8bit" | "x-unknown" | "binary" => return None,
        "utf-7" | "unicode-1-1-utf-7" | "x-unicode-2-0-utf-7" | "utf7" => Charset::Utf7,
        "utf-32" | "utf-32be" => Charset::Utf32 { big: true },
        "utf-32le" => Charset::Utf32 { big: false },
        "hz-gb-2312" | "hz" => Charset::Hz,
        "iso-2022-kr" => Charset::Iso2022Kr,
        // RFC 2781: big-endian where no order mark says otherwise.
        "utf-16" => Charset::Plain(UTF_16BE),
        label => match CodePage::known(label) {
            Some(page) => Charset::Dos(page),
            None => Charset::Plain(alias(label).or_else(|| by_label(label)).filter(|e| *e != X_USER_DEFINED)?),
        },
    })
}

fn by_label(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(label.as_bytes()).or_else(|| {
        // `iso8859-15`, `latin-1`, `windows1252`, `cp-1250`, `ks-c-5601-1987` with blanks or dashes misplaced.
        let bare: String = label.chars().filter(char::is_ascii_alphanumeric).collect();
        let respelt = [
            bare.clone(),
            bare.replacen("iso8859", "iso-8859-", 1),
            bare.replacen("windows", "windows-", 1),
            bare.replacen("utf", "utf-", 1),
            bare.replacen("ksc56011987", "ks_c_5601-1987", 1),
            bare.replacen("shiftjis", "shift_jis", 1),
        ];
        respelt.iter().find_map(|label| Encoding::for_label_no_replacement(label.as_bytes()))
    })
}

/// Names the web does not know and mailers use.
fn alias(label: &str) -> Option<&'static Encoding> {
    Some(match label {
        "cp932" | "ms932" | "windows-932" => SHIFT_JIS,
        "cp936" | "ms936" | "windows-936" | "x-gbk" | "euc-cn" => GBK,
        "cp949" | "ms949" | "windows-949" | "ks-c-5601-1987" | "uhc" => EUC_KR,
        "cp950" | "ms950" | "windows-950" | "big5-hkscs" => BIG5,
        "iso-2022-jp-1" | "iso-2022-jp-2" | "iso-2022-jp-3" | "iso-2022-jp-ms" | "cp50220" | "cp50221" => ISO_2022_JP,
        "utf8mb4" | "utf-8mb4" | "unicode-1-1-utf-8" => UTF_8,
        "ansi" | "windows-ansi" | "latin" | "ansi-x3.110-1983" => WINDOWS_1252,
        _ => return None,
    })
}

fn by_order_mark(bytes: &[u8]) -> Option<String> {
    let (encoding, length) = Encoding::for_bom(bytes)?;
    let text = bytes.get(length..).unwrap_or_default();
    Some(encoding.decode_without_bom_handling(text).0.into_owned())
}

fn declared_text(bytes: &[u8], charset: Charset) -> Decoded {
    let text = match charset {
        Charset::Plain(encoding) if encoding == UTF_8 => return utf8(bytes),
        Charset::Plain(encoding) if encoding == UTF_16BE && looks_little_endian(bytes) => {
            UTF_16LE.decode_without_bom_handling(bytes).0.into_owned()
        }
        Charset::Plain(encoding) if encoding == UTF_16BE => encoding.decode_without_bom_handling(bytes).0.into_owned(),
        // The label of a 7-bit charset on anything else.
        Charset::Utf7 | Charset::Hz | Charset::Iso2022Kr if !bytes.is_ascii() => {
            return Decoded { text: repair::eight_bit(bytes, None), guessed: true };
        }
        Charset::Plain(encoding) if encoding == ISO_2022_JP && !bytes.is_ascii() => {
            return Decoded { text: repair::eight_bit(bytes, Some(b"jp")), guessed: true };
        }
        Charset::Plain(encoding) if encoding == ISO_2022_JP => iso_2022_jp(bytes),
        Charset::Plain(encoding) => {
            let (text, broken) = encoding.decode_without_bom_handling(bytes);
            // No mail holds characters for private use: what decodes to them is another charset.
            let is_private = |c: char| matches!(c, '\u{e000}'..='\u{f8ff}');
            let broken = broken || !encoding.is_single_byte() && text.contains(is_private);
            match repair::mislabelled(bytes, encoding, broken) {
                Some(text) => return Decoded { text, guessed: true },
                None => text.into_owned(),
            }
        }
        Charset::Dos(page) => page.decode(bytes),
        Charset::Utf7 => utf7(bytes),
        Charset::Utf32 { big } => utf32(bytes, big),
        Charset::Hz => shifted(bytes, b"~{", b"~}", GBK),
        Charset::Iso2022Kr => shifted(bytes, b"\x0E", b"\x0F", EUC_KR),
    };
    Decoded { text, guessed: false }
}

/// Two escapes in a row say what the second says: encoded words that follow each other end and begin with one, which
/// the decoder of the web takes for an attack. A line ends in ASCII (RFC 1468), so that a run that was never ended
/// spoils no other line.
fn iso_2022_jp(bytes: &[u8]) -> String {
    let is_idle = |at: usize| bytes.get(at) == Some(&ESCAPE) && bytes.get(at + 3) == Some(&ESCAPE);
    let mut kept = Vec::with_capacity(bytes.len());
    let (mut at, mut is_shifted) = (0, false);
    while let Some(byte) = bytes.get(at) {
        if is_idle(at) {
            at += 3;
            continue;
        }
        match byte {
            &ESCAPE => is_shifted = bytes.get(at + 1) == Some(&b'$'),
            b'\r' | b'\n' if std::mem::take(&mut is_shifted) => kept.extend_from_slice(b"\x1b(B"),
            _ => {}
        }
        kept.push(*byte);
        at += 1;
    }
    ISO_2022_JP.decode_without_bom_handling(&kept).0.into_owned()
}

/// A few broken bytes are damage; where hardly anything is UTF-8 the label is wrong.
fn utf8(bytes: &[u8]) -> Decoded {
    let (text, broken) = UTF_8.decode_without_bom_handling(bytes);
    if !broken && !repair::is_iso_2022_jp(bytes) {
        return Decoded { text: text.into_owned(), guessed: false };
    }
    let lost = text.chars().filter(|c| *c == '\u{FFFD}').count();
    let read = text.chars().filter(|c| !c.is_ascii()).count() - lost;
    if !broken || lost > read && std::str::from_utf8(bytes).is_err_and(|e| e.error_len().is_some()) {
        return Decoded { text: guess(bytes).into_owned(), guessed: true };
    }
    Decoded { text: text.into_owned(), guessed: false }
}

fn guess(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !bytes.contains(&ESCAPE) => Cow::Borrowed(text),
        _ => {
            let encoding = looks_like(bytes);
            if encoding == ISO_2022_JP {
                return Cow::Owned(iso_2022_jp(bytes));
            }
            encoding.decode_without_bom_handling(bytes).0
        }
    }
}

fn looks_like(bytes: &[u8]) -> &'static Encoding {
    let encoding = detected(bytes, None);
    let is_western = encoding.is_single_byte() && encoding != WINDOWS_1252 && repair::has_signs_only(bytes);
    if is_western { WINDOWS_1252 } else { encoding }
}

/// What the bytes look like, perhaps in the country with this top-level domain.
fn detected(bytes: &[u8], country: Option<&[u8]>) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    let telling = |line: &&[u8]| !line.is_ascii() || line.contains(&ESCAPE);
    let mut left = SAMPLE;
    for line in bytes.split_inclusive(|byte| *byte == b'\n').filter(telling) {
        let sample = line.get(..left).unwrap_or(line);
        detector.feed(sample, false);
        left -= sample.len();
        if left == 0 {
            break;
        }
    }
    detector.feed(&[], true);
    detector.guess(country, Utf8Detection::Allow)
}

fn looks_little_endian(bytes: &[u8]) -> bool {
    let zeros = |odd: usize| bytes.iter().take(1000).skip(odd).step_by(2).filter(|b| **b == 0).count();
    zeros(1) > zeros(0)
}

/// UTF-7 (RFC 2152): `+` and `-` around base64 of UTF-16.
fn utf7(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'+' {
            out.push(if byte.is_ascii() { char::from(*byte) } else { '\u{FFFD}' });
            continue;
        }
        let coded = after.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/')).count();
        let (text, tail) = after.split_at_checked(coded).unwrap_or((after, &[]));
        rest = tail.strip_prefix(b"-").unwrap_or(tail);
        if text.is_empty() {
            out.push('+');
        }
        out.push_str(&UTF_16BE.decode_without_bom_handling(even(&transfer::base64(text))).0);
    }
    out
}

fn even(bytes: &[u8]) -> &[u8] {
    bytes.get(..bytes.len() / 2 * 2).unwrap_or(bytes)
}

fn utf32(bytes: &[u8], big: bool) -> String {
    let read = |quad: &[u8]| {
        let quad: [u8; 4] = quad.try_into().ok()?;
        char::from_u32(if big { u32::from_be_bytes(quad) } else { u32::from_le_bytes(quad) })
    };
    bytes.chunks_exact(4).map(|quad| read(quad).unwrap_or('\u{FFFD}')).collect()
}

/// HZ (RFC 1843) and ISO-2022-KR (RFC 1557): 7-bit pairs between two shifts.
fn shifted(bytes: &[u8], on: &[u8], off: &[u8], encoding: &'static Encoding) -> String {
    let mut out = Vec::with_capacity(bytes.len());
    let mut high = 0;
    let mut rest = bytes.strip_prefix(b"\x1B$)C").unwrap_or(bytes);
    while let [byte, after @ ..] = rest {
        if let Some(tail) = rest.strip_prefix(on) {
            (high, rest) = (0x80, tail);
        } else if let Some(tail) = rest.strip_prefix(off) {
            (high, rest) = (0, tail);
        } else {
            out.push(if byte.is_ascii_graphic() { byte | high } else { *byte });
            rest = after;
        }
    }
    encoding.decode_without_bom_handling(&out).0.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_names_its_charset() {
        for (html, want) in [
            ("<html><head><meta charset=\"KOI8-R\">", Some("koi8-r")),
            ("<META content='text/html; charset=windows-1251' http-equiv=Content-Type>", Some("windows-1251")),
            ("<meta name=viewport content=x><meta charset = iso-8859-2>", Some("iso-8859-2")),
            ("<?xml version=\"1.0\" encoding=\"iso-8859-15\"?><html>", Some("iso-8859-15")),
            ("<meta charset=utf-16>", None),
            ("<meta name=charset>text charset=koi8-r", None),
            ("<p>charset=koi8-r", None),
            ("", None),
        ] {
            assert_eq!(in_html(html.as_bytes()).as_deref(), want, "{html}");
        }
    }

    #[test]
    fn declared_charsets_are_believed_and_others_guessed() {
        for (bytes, declared, want) in [
            (&b"Gr\xfc\xdfe"[..], Some("iso-8859-1"), "Grüße"),
            (b"Gr\xfc\xdfe", Some("ISO8859-15"), "Grüße"),
            (b"Gr\xfc\xdfe", Some("\"windows1252\""), "Grüße"),
            ("Grüße".as_bytes(), Some("us-ascii"), "Grüße"),
            ("Grüße".as_bytes(), None, "Grüße"),
            ("Grüße".as_bytes(), Some("klingon"), "Grüße"),
            (b"Sch\xf6ne Gr\xfc\xdfe aus M\xfcnchen", Some("us-ascii"), "Schöne Grüße aus München"),
            (b"Sch\xf6ne Gr\xfc\xdfe aus M\xfcnchen", Some("utf-8"), "Schöne Grüße aus München"),
            (b"ok \xe2\x82", Some("utf-8"), "ok \u{FFFD}"),
            (b"\xef\xbb\xbfBOM", Some("iso-8859-1"), "BOM"),
            (b"Hi Mom +Jjo-!", Some("utf-7"), "Hi Mom ☺!"),
            (b"1 +- 1", Some("UTF-7"), "1 + 1"),
            (b"\0a\0b", Some("utf-16"), "ab"),
            (b"a\0b\0", Some("utf-16"), "ab"),
            (b"\0\0\0a", Some("utf-32"), "a"),
            (
                b"\xad\x71\xb3\xe6\xa4\x77\xb8\x67\xa6\xac\xa8\xec\xa1\x41\xc1\xc2\xc1\xc2",
                Some("gb2312"),
                "訂單已經收到，謝謝",
            ),
            (b"\x1b$BF|K\\\x1b(B", Some("iso-2022-jp"), "日本"),
            (b"\x1b$BF|K\\\x1b(B", Some("us-ascii"), "日本"),
            (b"\x1b$BF|\x1b(B\x1b$BK\\\x1b(B", Some("iso-2022-jp"), "日本"),
            (b"~{VPND~} ok", Some("hz-gb-2312"), "中文 ok"),
            (b"\x1b$)C\x0eGQ1[\x0f ok", Some("iso-2022-kr"), "한글 ok"),
            (b"\xc7\xd1\xb1\xdb", Some("ks_c_5601-1987"), "한글"),
            (b"Sch\x94nes Wetter \xd5 5", Some("cp850"), "Schönes Wetter ı 5"),
            (b"Sch\x94nes Wetter \xd5 5", Some("IBM00858"), "Schönes Wetter € 5"),
            ("您好，谢谢".as_bytes(), Some("gb2312"), "您好，谢谢"),
            ("您好，谢谢".as_bytes(), Some("big5"), "您好，谢谢"),
            ("こんにちは".as_bytes(), Some("shift_jis"), "こんにちは"),
            (
                b"\xa4\xb4\xc3\xed\xca\xb8\xa4\xa2\xa4\xea\xa4\xac\xa4\xc8\xa4\xa6",
                Some("iso-2022-jp"),
                "ご注文ありがとう",
            ),
            ("Grüße aus Köln".as_bytes(), Some("iso-8859-1"), "Grüße aus Köln"),
            ("Здравейте".as_bytes(), Some("windows-1251"), "Здравейте"),
            (b"\xc3\xbc", Some("windows-1252"), "Ã¼"),
            (b"\x82\xb1\x82\xf1\x82\xc9\x82\xbf\x82\xcd", Some("iso-2022-jp"), "こんにちは"),
            (b"\x1b$BF|K\\\x1b(B", Some("utf-8"), "日本"),
            (b"\x1b$BF|K\\\nnext line", Some("iso-2022-jp"), "日本\nnext line"),
            (b"\xa4\xa4\xa4\xe5 \xa4", Some("big5"), "中文 \u{FFFD}"),
            ("Grüße ".as_bytes(), Some("iso-2022-jp"), "Grüße "),
            (b"Seeds for \xa340 only", None, "Seeds for £40 only"),
            (b"see \xa7 5, \xa9 2024", None, "see § 5, © 2024"),
        ] {
            assert_eq!(decode(bytes, declared).text, want, "{declared:?} {want}");
        }
    }
}
