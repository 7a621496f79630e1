//! Bcc in the source of a message, which is for its sender and administrators only (B1.5).

/// The message without Bcc and Resent-Bcc in its header, otherwise byte for byte.
pub fn without(raw: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(raw.len());
    let (mut in_header, mut hidden) = (true, false);
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        if in_header {
            in_header = !line.trim_ascii().is_empty();
            let is_continued = line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
            hidden = if is_continued { in_header && hidden } else { is_bcc(line) };
        }
        if !hidden {
            kept.extend_from_slice(line);
        }
    }
    kept
}

fn is_bcc(line: &[u8]) -> bool {
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii();
    line.contains(&b':') && (name.eq_ignore_ascii_case(b"bcc") || name.eq_ignore_ascii_case(b"resent-bcc"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bcc_in_the_header_goes() {
        let rows = [
            ("From: a\r\nBcc: b,\r\n c,\r\n\td\r\nTo: e\r\n\r\nBcc: text\r\n", "From: a\r\nTo: e\r\n\r\nBcc: text\r\n"),
            ("bCC : b\nResent-BCC: c\nTo: e\n\nx", "To: e\n\nx"),
            ("To: e\n Bcc: part of To\n\nx", "To: e\n Bcc: part of To\n\nx"),
            ("Bcc: b\n\n folded text", "\n folded text"),
            ("Bcc: b", ""),
            ("Bcc\nBccx: y\nX-Bcc: z\n\n", "Bcc\nBccx: y\nX-Bcc: z\n\n"),
            ("\r\nBcc: text\r\n", "\r\nBcc: text\r\n"),
            ("", ""),
        ];
        for (raw, kept) in rows {
            assert_eq!(String::from_utf8_lossy(&without(raw.as_bytes())), kept, "{raw:?}");
        }
    }

    #[test]
    fn long_headers_cost_their_length() {
        crate::mail::costs_no_more_than_its_length("Bcc: a\r\n b\r\n", 400_000, &|text| drop(without(text.as_bytes())));
    }
}
