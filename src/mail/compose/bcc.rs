//! Mail that other programs sent, whose copy in their Sent folder may say who got it besides.

/// The same message without its Bcc and Resent-Bcc; every other byte stays.
pub fn without_bcc(message: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(message.len());
    let mut rest = message;
    let mut hidden = false;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = rest.split_at_checked(end + 1).unwrap_or((rest, &[]));
        if line.trim_ascii().is_empty() {
            break;
        }
        hidden = if line.starts_with(b" ") || line.starts_with(b"\t") { hidden } else { is_bcc(line) };
        if !hidden {
            kept.extend_from_slice(line);
        }
        rest = after;
    }
    kept.extend_from_slice(rest);
    kept
}

fn is_bcc(line: &[u8]) -> bool {
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii();
    name.eq_ignore_ascii_case(b"bcc") || name.eq_ignore_ascii_case(b"resent-bcc")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::mail::costs_no_more_than_its_length;

    #[test]
    fn nobody_learns_of_a_hidden_recipient() {
        for (message, kept) in [
            ("From: a\r\nBcc: b,\r\n c\r\nTo: d\r\n\r\nBcc: text\r\n", "From: a\r\nTo: d\r\n\r\nBcc: text\r\n"),
            ("bcc : b\nResent-BCC: c\n\td\nTo: d\n\nx", "To: d\n\nx"),
            ("Subject: x\n Bcc: is folded\nBccs: y\n\n", "Subject: x\n Bcc: is folded\nBccs: y\n\n"),
            ("To: d\nBcc: e\n", "To: d\n"),
            ("no header", "no header"),
            ("\nBcc: x\n", "\nBcc: x\n"),
            ("", ""),
        ] {
            assert_eq!(String::from_utf8(without_bcc(message.as_bytes())).unwrap(), kept, "{message:?}");
        }
        costs_no_more_than_its_length("Bcc: a\r\n b\r\n", 40_000, &|text| drop(without_bcc(text.as_bytes())));
    }
}
