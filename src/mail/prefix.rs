//! What mail programs put in front of a subject: `Re:`, `Re[2]:`, `AW:`, `WG:`, `[list]`.

/// What a prefix says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefix {
    Reply,
    Forward,
}

/// Prefixes of replies, in lower case.
#[rustfmt::skip]
const REPLY: &[&str] = &[
    "re", "aw", "antw", "antwort", "sv", "odp", "odg", "vá", "va", "res", "r", "rif", "ynt", "bls", "atb", "rép", "rep",
    "απ", "σχετ", "отв", "ответ", "回复", "回覆", "答复", "返信", "회신", "답장", "השב", "תשובה", "رد", "ตอบกลับ", "trả lời",
];

/// Prefixes of forwards, in lower case. `vs` is a forward in Danish and Norwegian and a reply in
/// Finnish; a forward needs more than its prefix (B4.8), a reply does not.
#[rustfmt::skip]
const FORWARD: &[&str] = &[
    "fwd", "fw", "wg", "tr", "rv", "i", "enc", "vs", "vb", "vl", "pd", "doorst", "trs", "fs", "ilt", "i̇lt", "továbbítás",
    "πρθ", "пересл", "转发", "轉寄", "転送", "전달", "הועבר", "إعادة توجيه",
];

/// Longest prefix that is looked at, in characters.
const MAX_CHARS: usize = 40;

/// A prefix in front, and the text after its colon.
pub(super) fn leading_prefix(text: &str) -> Option<(Prefix, &str)> {
    let (colon, sign) = text.char_indices().take(MAX_CHARS).find(|(_, c)| matches!(c, ':' | '：'))?;
    let word = without_counter(text.get(..colon)?.trim()).to_lowercase();
    let rest = text.get(colon + sign.len_utf8()..)?.trim_start();
    if REPLY.contains(&word.as_str()) {
        Some((Prefix::Reply, rest))
    } else if FORWARD.contains(&word.as_str()) {
        Some((Prefix::Forward, rest))
    } else {
        None
    }
}

/// A tag `[…]` in front and the text after it.
pub(super) fn leading_tag(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('[')?;
    // A tag is a short word; the limit keeps a subject full of brackets linear.
    let (end, closing) = inner.char_indices().take(MAX_CHARS).find(|(_, c)| matches!(c, '[' | ']'))?;
    if closing == '[' {
        return None;
    }
    Some((text.get(..end + 2)?, inner.get(end + 1..)?.trim_start()))
}

/// Takes off the counter of `Re[2]`, `Re(3)` and `Re^4`.
fn without_counter(word: &str) -> &str {
    for (open, close) in [('[', "]"), ('(', ")"), ('^', "")] {
        if let Some((name, number)) = word.split_once(open)
            && let Some(number) = number.strip_suffix(close)
            && !number.is_empty()
            && number.bytes().all(|b| b.is_ascii_digit())
        {
            return name.trim_end();
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_in_lower_case_and_in_one_list() {
        for word in REPLY.iter().chain(FORWARD) {
            assert_eq!(word, &word.to_lowercase());
            assert!(word.chars().count() < MAX_CHARS, "{word}");
        }
        assert!(REPLY.iter().all(|word| !FORWARD.contains(word)));
    }

    #[test]
    fn prefixes() {
        assert_eq!(leading_prefix("Re[2] : x"), Some((Prefix::Reply, "x")));
        assert_eq!(leading_prefix("İLT: x"), Some((Prefix::Forward, "x")));
        for none in ["", "Re", "Re[]: x", "Re[x]: y", "Re(2: x", "Re 2: x", ": x"] {
            assert_eq!(leading_prefix(none), None, "{none}");
        }
    }

    #[test]
    fn tags() {
        assert_eq!(leading_tag("[a] b"), Some(("[a]", "b")));
        assert_eq!(leading_tag("[]b"), Some(("[]", "b")));
        for none in ["", "a [b]", "[a", "[a[b]"] {
            assert_eq!(leading_tag(none), None, "{none}");
        }
    }
}
