//! Folder names on the wire: modified UTF-7 (RFC 3501 5.1.3), quoted.

use openssl::base64::{decode_block, encode_block};

use crate::net::{NetError, NetErrorKind};

/// The name in modified UTF-7; an empty one, or one with CR, LF or NUL is refused.
pub(super) fn encode(name: &str) -> Result<String, NetError> {
    if name.is_empty() || name.contains(['\r', '\n', '\0']) {
        return Err(NetError::new(NetErrorKind::Folder, format!("{name:?} cannot be a folder name")));
    }
    let mut encoded = String::new();
    for run in name.chars().collect::<Vec<_>>().chunk_by(|a, b| is_direct(*a) == is_direct(*b)) {
        if run.iter().copied().all(is_direct) {
            encoded.extend(run.iter().map(|&c| if c == '&' { "&-".to_owned() } else { c.to_string() }));
        } else {
            let units = String::from_iter(run).encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
            let base64 = encode_block(&units).replace('/', ",");
            encoded.push_str(&format!("&{}-", base64.trim_end_matches('=')));
        }
    }
    Ok(encoded)
}

/// The name as an IMAP quoted string.
pub(super) fn quoted(name: &str) -> Result<String, NetError> {
    Ok(format!("\"{}\"", encode(name)?.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// The name from modified UTF-7; what is not modified UTF-7 is taken as it stands.
pub(super) fn decode(encoded: &str) -> String {
    let mut name = String::new();
    let mut rest = encoded;
    while let Some((direct, shifted)) = rest.split_once('&') {
        name.push_str(direct);
        let Some((base64, after)) = shifted.split_once('-') else { return encoded.to_owned() };
        if base64.is_empty() {
            name.push('&');
        } else {
            let Some(text) = decode_run(base64) else { return encoded.to_owned() };
            name.push_str(&text);
        }
        rest = after;
    }
    name.push_str(rest);
    name
}

fn decode_run(base64: &str) -> Option<String> {
    let mut padded = base64.replace(',', "/");
    while !padded.len().is_multiple_of(4) {
        padded.push('=');
    }
    let bytes = decode_block(&padded).ok()?;
    let (pairs, []) = bytes.as_chunks::<2>() else { return None };
    String::from_utf16(&pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect::<Vec<_>>()).ok()
}

fn is_direct(c: char) -> bool {
    matches!(c, ' '..='~')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for (name, encoded) in [
            ("INBOX", "INBOX"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("R&D", "R&-D"),
            ("a\tb", "a&AAk-b"),
            ("😀", "&2D3eAA-"),
        ] {
            assert_eq!(encode(name).unwrap(), encoded);
            assert_eq!(decode(encoded), name);
        }
    }

    #[test]
    fn broken_names_stay_as_they_are() {
        for name in ["&APw", "a&!!-b", "&AA-", "&2D0-"] {
            assert_eq!(decode(name), name);
        }
    }

    #[test]
    fn commands_cannot_be_smuggled_in_names() {
        for name in ["", "a\r\nb", "a\nb", "a\0"] {
            assert_eq!(encode(name).unwrap_err().kind, NetErrorKind::Folder);
        }
        assert_eq!(quoted("a\"b\\").unwrap(), r#""a\"b\\""#);
    }
}
