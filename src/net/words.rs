//! The server's own words, made fit to be quoted: one line, printable, not endless.

/// Longest quotation in characters.
const LONGEST: usize = 300;

/// One line of printable text: control characters become spaces, runs of spaces one, bytes that are not UTF-8 the
/// replacement character; cut after 300 characters.
pub(super) fn printable(bytes: &[u8]) -> String {
    let bytes = bytes.get(..LONGEST * 8).unwrap_or(bytes);
    let text: String = String::from_utf8_lossy(bytes).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_one_printable_line() {
        for (bytes, text) in [
            (&b"  Try\tagain\r\nlater "[..], "Try again later"),
            (b"\x1b[31mred\x00", "[31mred"),
            ("zurück".as_bytes(), "zurück"),
            (b"caf\xe9", "caf\u{fffd}"),
        ] {
            assert_eq!(printable(bytes), text);
        }
        assert_eq!(printable(&[b'a'; 5000]).len(), LONGEST);
    }
}
