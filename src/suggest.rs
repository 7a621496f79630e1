//! What somebody may have meant who wrote a word that is not known.

/// The known word with the fewest differing letters, if they are at most `most`.
pub fn nearest<'w>(given: &str, known: impl Iterator<Item = &'w str>, most: usize) -> Option<&'w str> {
    known
        .map(|word| (strsim::levenshtein(word, given), word))
        .filter(|(steps, _)| *steps <= most)
        .min()
        .map(|(_, word)| word)
}

/// The known word that a mistyped one is most like: a third of its letters differ, or one is the beginning of the other.
pub fn similar<'w>(given: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let given = given.to_lowercase();
    let most = (given.chars().count() / 3).clamp(1, 3);
    known
        .filter_map(|word| {
            let folded = word.to_lowercase();
            let begins = |short: &str, long: &str| short.chars().count() >= 3 && long.starts_with(short);
            let steps = strsim::osa_distance(&folded, &given);
            let is_begun = begins(&given, &folded) || begins(&folded, &given);
            (is_begun || steps <= most).then_some((if is_begun { steps.min(1) } else { steps }, word))
        })
        .min()
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_like_it_is_meant() {
        let known = ["assignee", "limit", "list", "no-pager", "open", "priority", "quiet"];
        for (given, expected) in [
            ("opne", Some("open")),
            ("lits", Some("list")),
            ("assign", Some("assignee")),
            ("Limits", Some("limit")),
            ("quite", Some("quiet")),
            ("prio", Some("priority")),
            ("name", None),
            ("x", None),
            ("pager", None),
            ("", None),
        ] {
            assert_eq!(similar(given, known.into_iter()), expected, "{given}");
        }
    }
}
