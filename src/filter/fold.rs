//! The form in which texts are compared: without case, one blank for any white space, without invisible characters.

/// Folds a text by Unicode's rules for single characters: `ß` is `ss`, `ς` is `σ`, `İ` is `i` with a dot above and
/// `ı` is `i`. What looks alike otherwise stays apart: accents are compared, also `ü` and `u` with a combining mark.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut blank = false;
    for c in text.chars().filter(|c| !is_invisible(*c)) {
        if c.is_whitespace() {
            blank = true;
            continue;
        }
        if std::mem::take(&mut blank) && !folded.is_empty() {
            folded.push(' ');
        }
        fold_char(c, &mut folded);
    }
    folded
}

/// A character without its case. Lower case alone leaves `ß`, upper case alone `ẞ`: one after the other joins them.
pub(super) fn fold_char(c: char, folded: &mut String) {
    if c.is_ascii() {
        folded.push(c.to_ascii_lowercase());
    } else {
        folded.extend(c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase));
    }
}

/// Soft hyphens and characters without width, which spammers put into words.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_in_case_only_is_the_same() {
        for (one, other) in [
            ("ÜBER", "über"),
            ("STRASSE", "straße"),
            ("STRAẞE", "straße"),
            ("ΟΔΟΣ", "οδός".replace('ό', "ο").as_str()),
            ("İSTANBUL", "i\u{307}stanbul"),
            ("ISTANBUL", "ıstanbul"),
            ("ﬁle", "FILE"),
            ("Ǆ", "ǆ"),
            ("МОСКВА", "москва"),
            ("big\r\n  world\u{a0}!", "BIG WORLD !"),
            ("  in\u{ad}vo\u{200b}ice ", "Invoice"),
        ] {
            assert_eq!(fold(one), fold(other), "{one}");
        }
        assert_ne!(fold("ue"), fold("ü"));
        assert_ne!(fold("u\u{308}"), fold("ü"), "combining marks are not composed");
    }
}
