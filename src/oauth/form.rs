//! Texts as they stand in URLs and forms.

use openssl::base64::{decode_block, encode_block};
use zeroize::Zeroizing;

/// Percent-encoded, all but the letters, digits and signs that every server takes as they are (RFC 3986 2.3).
pub fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The body of a form.
pub fn form(fields: &[(&str, &str)]) -> Zeroizing<String> {
    let pairs: Vec<String> = fields.iter().map(|(key, value)| format!("{}={}", encoded(key), encoded(value))).collect();
    Zeroizing::new(pairs.join("&"))
}

/// The fields of a query, decoded; what cannot be decoded stays as it is.
pub fn fields(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decoded(key), decoded(value)))
        .collect()
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).and_then(|two| std::str::from_utf8(two).ok());
        match (byte, hex.and_then(|two| u8::from_str_radix(two, 16).ok())) {
            (b'%', Some(meant)) => {
                out.push(meant);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            _ => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Base64 as URLs and tokens have it (RFC 4648 5), without padding.
pub fn base64url(bytes: &[u8]) -> String {
    encode_block(bytes).trim_end_matches('=').replace('+', "-").replace('/', "_")
}

/// The same back; `None` where it is not base64.
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    let standard = text.trim_end_matches('=').replace('-', "+").replace('_', "/");
    let padded = format!("{standard}{}", "=".repeat((4 - standard.len() % 4) % 4));
    decode_block(&padded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_round_trip() {
        let form = form(&[("a", "x y&z=ä+/"), ("scope", "https://o.example/.default")]);
        assert_eq!(form.as_str(), "a=x%20y%26z%3D%C3%A4%2B%2F&scope=https%3A%2F%2Fo.example%2F.default");
        assert_eq!(
            fields(&form)[..],
            [("a".into(), "x y&z=ä+/".into()), ("scope".into(), "https://o.example/.default".into())]
        );
        assert_eq!(
            fields("a=1+2&b&c=%zz&&d=%"),
            [
                ("a".to_owned(), "1 2".to_owned()),
                ("b".to_owned(), String::new()),
                ("c".to_owned(), "%zz".to_owned()),
                ("d".to_owned(), "%".to_owned())
            ]
        );
    }

    #[test]
    fn base64_of_urls_round_trips() {
        for bytes in [&b""[..], b"a", b"ab", b"abc", &[0xfb, 0xff, 0xfe]] {
            assert_eq!(from_base64url(&base64url(bytes)).as_deref(), Some(bytes));
        }
        assert_eq!(base64url(&[0xfb, 0xff, 0xfe]), "-__-");
        assert_eq!(from_base64url("%"), None);
    }
}
