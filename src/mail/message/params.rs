//! Structured fields with parameters: Content-Type and Content-Disposition (RFC 2045, 2183, 2231).

use std::collections::BTreeMap;

use super::charset;
use super::encoded_word;
use super::transfer;

/// Parameters of one field.
const MAX_PARAMS: usize = 200;

/// A value in lower case and its decoded parameters, names in lower case.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Parameterised {
    pub value: String,
    pub params: Vec<(String, String)>,
}

impl Parameterised {
    /// A bare value.
    pub fn of(value: &str) -> Parameterised {
        Parameterised { value: value.into(), params: Vec::new() }
    }

    /// A media type; `None` where nothing like one is written.
    pub fn media(value: &[u8]) -> Option<Parameterised> {
        let mut media = Parameterised::parse(value);
        let valid = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_graphic());
        match media.value.split_once('/') {
            Some((kind, sub)) if valid(kind.trim()) && valid(sub.trim()) => {
                media.value = format!("{}/{}", kind.trim(), sub.trim());
            }
            // RFC 1049, which had types alone.
            None if media.value == "text" => media.value = "text/plain".into(),
            _ => return None,
        }
        Some(media)
    }

    /// Reads `value; name=value; …` with quotes, comments, continuations and charsets.
    pub fn parse(raw: &[u8]) -> Parameterised {
        let mut pieces = pieces(raw).into_iter();
        let value = pieces.next().map(|p| without_comment(&charset::header_text(p, None)).to_ascii_lowercase());
        let mut segments: BTreeMap<String, Segments> = BTreeMap::new();
        for piece in pieces.take(MAX_PARAMS) {
            let Some(equals) = piece.iter().position(|b| *b == b'=') else { continue };
            let (name, text) = piece.split_at_checked(equals).unwrap_or((piece, &[]));
            let name = String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase();
            let text = unquoted(text.get(1..).unwrap_or_default().trim_ascii());
            let (base, segment) = segment(&name, text);
            segments.entry(base.to_owned()).or_default().push(segment);
        }
        let params = segments.into_iter().map(|(name, segments)| (name, decoded(segments))).collect();
        Parameterised { value: value.unwrap_or_default(), params }
    }

    /// A parameter by its name in lower case.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// Cuts at semicolons outside quotes, and before a common parameter whose semicolon is missing. A quote that is never
/// closed does not count.
fn pieces(raw: &[u8]) -> Vec<&[u8]> {
    let last_quote = raw.iter().rposition(|b| *b == b'"').unwrap_or(0);
    let (mut quoted, mut escaped) = (false, false);
    raw.split({
        let mut at = 0;
        move |byte| {
            let here = at;
            at += 1;
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' if quoted || here < last_quote => quoted = !quoted,
                b';' => return !quoted,
                b' ' | b'\t' if !quoted => return raw.get(at..).is_some_and(begins_parameter),
                _ => {}
            }
            false
        }
    })
    .collect()
}

fn begins_parameter(text: &[u8]) -> bool {
    const COMMON: [&str; 9] =
        ["boundary", "charset", "name", "filename", "format", "delsp", "type", "report-type", "method"];
    let name: Vec<u8> = text.iter().copied().take(12).take_while(|b| b.is_ascii_alphabetic() || *b == b'-').collect();
    let is_common = COMMON.iter().any(|common| common.as_bytes().eq_ignore_ascii_case(&name));
    is_common && text.get(name.len()..).unwrap_or_default().trim_ascii_start().starts_with(b"=")
}

fn without_comment(value: &str) -> String {
    value.split('(').next().unwrap_or_default().trim().trim_end_matches(',').trim_end().to_owned()
}

/// Takes quotes off. A backslash stays unless it escapes a quote or itself: Windows paths have them.
fn unquoted(text: &[u8]) -> Vec<u8> {
    let Some(inner) = text.strip_prefix(b"\"") else { return text.to_vec() };
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    loop {
        match rest {
            [b'\\', byte @ (b'"' | b'\\'), after @ ..] => {
                out.push(*byte);
                rest = after;
            }
            [] | [b'"', ..] => return out,
            [byte, after @ ..] => {
                out.push(*byte);
                rest = after;
            }
        }
    }
}

/// One `name`, `name*`, `name*0` or `name*0*`.
struct Segment {
    index: u32,
    extended: bool,
    plain: bool,
    bytes: Vec<u8>,
}

type Segments = Vec<Segment>;

fn segment(name: &str, bytes: Vec<u8>) -> (&str, Segment) {
    let extended = name.ends_with('*');
    let bare = name.strip_suffix('*').unwrap_or(name);
    match bare.rsplit_once('*').and_then(|(base, index)| Some((base, index.parse().ok()?))) {
        Some((base, index)) => (base, Segment { index, extended, plain: false, bytes }),
        None => (bare, Segment { index: 0, extended, plain: !extended, bytes }),
    }
}

/// Puts the segments of one parameter together; the extended form wins over the plain one.
fn decoded(mut segments: Segments) -> String {
    if segments.iter().any(|s| !s.plain) {
        segments.retain(|s| !s.plain);
    } else {
        segments.truncate(1);
        let bytes = segments.pop().map(|s| s.bytes).unwrap_or_default();
        return encoded_word::decode(&bytes, None);
    }
    segments.sort_by_key(|s| s.index);
    segments.dedup_by_key(|s| s.index);
    let mut label = None;
    let mut bytes = Vec::new();
    for segment in segments {
        let mut text = segment.bytes.as_slice();
        if segment.extended && label.is_none() {
            (label, text) = charset_prefix(text);
        }
        if segment.extended {
            bytes.extend(transfer::hex_escapes(text, b'%'));
        } else {
            bytes.extend_from_slice(text);
        }
    }
    let text = charset::decode(&bytes, label.as_deref()).text;
    encoded_word::decode(text.as_bytes(), None)
}

/// Cuts `charset'language'` off.
fn charset_prefix(text: &[u8]) -> (Option<String>, &[u8]) {
    let mut marks = text.iter().enumerate().filter(|(_, b)| **b == b'\'').map(|(at, _)| at);
    match (marks.next(), marks.next()) {
        (Some(first), Some(second)) => {
            let label = String::from_utf8_lossy(text.get(..first).unwrap_or_default()).into_owned();
            (Some(label), text.get(second + 1..).unwrap_or_default())
        }
        _ => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_as_mailers_write_them() {
        for (raw, name, want) in [
            ("a/b; name=x.pdf", "name", "x.pdf"),
            ("a/b; NAME = \"x y.pdf\"", "name", "x y.pdf"),
            ("a/b; name=x y.pdf; other=1", "name", "x y.pdf"),
            (r#"a/b; name="a\"b;c.txt""#, "name", "a\"b;c.txt"),
            (r#"a/b; name="C:\new\x.txt""#, "name", r"C:\new\x.txt"),
            ("a/b; name=\"open.txt", "name", "open.txt"),
            ("a/b; name*=utf-8''Gr%C3%BC%C3%9Fe.txt", "name", "Grüße.txt"),
            ("a/b; name*=iso-8859-1'de'Gr%FC%DFe.txt", "name", "Grüße.txt"),
            ("a/b; name*0=\"long \"; name*1=\"name.txt\"", "name", "long name.txt"),
            ("a/b; name*1=\"b\"; name*0=\"a\"", "name", "ab"),
            ("a/b; name*0*=utf-8''Gr%C3; name*1*=%BC%C3%9Fe; name*2=.txt", "name", "Grüße.txt"),
            ("a/b; name=plain.txt; name*=utf-8''ext.txt", "name", "ext.txt"),
            ("a/b; name=first; name=second", "name", "first"),
            ("a/b; name=\"=?utf-8?Q?Gr=C3=BC=C3=9Fe.txt?=\"", "name", "Grüße.txt"),
            ("a/b; name=\"a\r\nb.txt\"", "name", "a  b.txt"),
            ("a/b; name*=Gr%C3%BC.txt", "name", "Grü.txt"),
            ("a/b boundary=\"x y\"", "boundary", "x y"),
            ("a/b\r\n\tboundary = x", "boundary", "x"),
            ("a/b, charset=utf-8 boundary=\"x\"", "boundary", "x"),
            ("a/b; charset=utf-8 format=flowed", "charset", "utf-8"),
            ("a/b; name=\"my charset=1.pdf\"", "name", "my charset=1.pdf"),
        ] {
            let parsed = Parameterised::parse(raw.as_bytes());
            assert_eq!((parsed.value.as_str(), parsed.param(name)), ("a/b", Some(want)), "{raw}");
        }
    }

    #[test]
    fn blanks_cost_no_more_than_their_length() {
        for unit in [" ", " name", " name ", "; name= "] {
            crate::mail::costs_no_more_than_its_length(unit, 50_000, &|text| {
                drop(Parameterised::parse(text.as_bytes()))
            });
        }
    }

    #[test]
    fn media_types_are_lower_case_or_nothing() {
        let media = |raw: &str| Parameterised::media(raw.as_bytes()).map(|m| m.value);
        assert_eq!(media("Text/HTML; charset=x").as_deref(), Some("text/html"));
        assert_eq!(media("text / plain (comment)").as_deref(), Some("text/plain"));
        assert_eq!(media("text").as_deref(), Some("text/plain"));
        assert_eq!(media("nonsense"), None);
        assert_eq!(media("; charset=x"), None);
    }
}
