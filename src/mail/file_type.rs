//! The content type of a file that somebody sends, by its bytes: a name can say anything.

/// The type of a file; text that is nothing else is `text/plain`, what nobody knows `application/octet-stream`.
pub fn of(bytes: &[u8]) -> &'static str {
    if let Some(kind) = infer::get(bytes) {
        return kind.mime_type();
    }
    if is_text(bytes) { "text/plain" } else { "application/octet-stream" }
}

/// UTF-8 without the control characters that text has not.
fn is_text(bytes: &[u8]) -> bool {
    let plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\u{c}');
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_tell_the_type() {
        for (bytes, expected) in [
            (&b"%PDF-1.7\n"[..], "application/pdf"),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
            (b"PK\x03\x04\x14\0\0\0", "application/zip"),
            (b"\x1f\x8b\x08\0", "application/gzip"),
            (b"<!DOCTYPE html><p>x", "text/html"),
            ("a;b\nä;1\n".as_bytes(), "text/plain"),
            (b"", "text/plain"),
            (b"a\0b", "application/octet-stream"),
            (b"\xe4\xf6", "application/octet-stream"),
            (b"\x1b[31m", "application/octet-stream"),
        ] {
            assert_eq!(of(bytes), expected, "{bytes:?}");
        }
    }
}
