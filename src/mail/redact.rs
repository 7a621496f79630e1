//! Takes a person's addresses and names out of texts about them.

/// A text without a word (an address or a name, in lower case) wherever it stands by itself; `instead` is there now.
pub fn without(text: &str, word: &str, instead: &str) -> String {
    let mut rest = text;
    let mut kept = String::with_capacity(text.len());
    while let Some(first) = rest.chars().next() {
        let alone = kept.chars().next_back().is_none_or(|c| !c.is_alphanumeric() && !"._%+-".contains(c));
        match after(rest, word).filter(|after| alone && ends_here(after)) {
            Some(after) => {
                kept.push_str(instead);
                rest = after;
            }
            None => {
                kept.push(first);
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
            }
        }
    }
    kept
}

/// What follows the word at the beginning of a text, in any case.
fn after<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let mut wanted = word.chars();
    for (at, c) in text.char_indices() {
        if wanted.as_str().is_empty() {
            return text.get(at..);
        }
        for lower in c.to_lowercase() {
            if wanted.next() != Some(lower) {
                return None;
            }
        }
    }
    wanted.as_str().is_empty().then_some("")
}

/// A dot at the end of a sentence is none of a domain.
fn ends_here(after: &str) -> bool {
    let mut next = after.chars();
    match next.next() {
        Some('.') => !next.next().is_some_and(char::is_alphanumeric),
        Some(c) => !c.is_alphanumeric() && c != '-' && c != '_',
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_go_where_they_stand_by_themselves() {
        for (text, expected) in [
            ("by mail from Kim@X.example to account support", "by mail from (erased) to account support"),
            ("<kim@x.example>, 'kim@x.example'.", "<(erased)>, '(erased)'."),
            ("kim@x.example", "(erased)"),
            ("ends with kim@x.example.", "ends with (erased)."),
            (
                "joakim@x.example kim@x.example.org j.kim@x.example",
                "joakim@x.example kim@x.example.org j.kim@x.example",
            ),
            ("İ kim@x.example ß", "İ (erased) ß"),
            ("", ""),
        ] {
            assert_eq!(without(text, "kim@x.example", "(erased)"), expected, "{text}");
        }
        assert_eq!(without("Contact Kim: mail from x", "contact kim", "(erased)"), "(erased): mail from x");
    }
}
