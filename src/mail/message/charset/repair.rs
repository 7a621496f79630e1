//! Where the bytes contradict their label.

use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, WINDOWS_1252};

use super::{ESCAPE, detected, guess};

/// What 8-bit bytes are that bear the label of a 7-bit charset.
pub(super) fn eight_bit(bytes: &[u8], country: Option<&[u8]>) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) if country.is_some() => detected(bytes, country).decode_without_bom_handling(bytes).0.into_owned(),
        Err(_) => guess(bytes).into_owned(),
    }
}

/// The text of bytes that are not in the charset of their label: whole in UTF-8, which bytes that mean something else
/// hardly ever are, or broken in that of the label and whole in another one of several bytes a character.
pub(super) fn mislabelled(bytes: &[u8], label: &'static Encoding, broken: bool) -> Option<String> {
    if bytes.is_ascii() {
        return None;
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        // By chance, two characters of three bytes are hardly ever three of two bytes, nor two of two bytes four of one.
        let telling =
            |c: &char| *c != '\u{FFFD}' && if label.is_single_byte() { !c.is_ascii() } else { c.len_utf8() == 3 };
        let is_plain = broken && !label.is_single_byte() || text.chars().filter(telling).nth(1).is_some();
        return is_plain.then(|| text.to_owned());
    }
    if !broken || label.is_single_byte() {
        return None;
    }
    let other = detected(bytes, None);
    if other.is_single_byte() || other == label || other == UTF_8 {
        return None;
    }
    other.decode_without_bom_handling_and_without_replacement(bytes).map(std::borrow::Cow::into_owned)
}

/// Whether ASCII holds the escapes of ISO-2022-JP, which no text has by chance.
pub(super) fn is_iso_2022_jp(bytes: &[u8]) -> bool {
    memchr::memchr(ESCAPE, bytes).is_some()
        && [&b"\x1b$B"[..], b"\x1b$@"].iter().any(|escape| memchr::memmem::find(bytes, escape).is_some())
        && bytes.is_ascii()
        && detected(bytes, None) == ISO_2022_JP
}

/// Whether every 8-bit byte is a sign of its own in windows-1252, such as a currency before a number: that is hardly
/// ever a word in another language.
pub(super) fn has_signs_only(bytes: &[u8]) -> bool {
    let is_letter = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at)).is_some_and(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii())
    };
    let high = bytes.iter().enumerate().filter(|(_, byte)| !byte.is_ascii());
    high.clone().take(20).all(|(at, byte)| {
        let sign = WINDOWS_1252.decode_without_bom_handling(&[*byte]).0.chars().all(|c| !c.is_alphanumeric());
        sign && !is_letter(at.checked_sub(1)) && !is_letter(at.checked_add(1))
    }) && high.count() <= 20
}
