//! What somebody may have meant who wrote a word that is not known.

/// The known word with the fewest differing letters, if they are at most `most`.
pub fn nearest<'w>(given: &str, known: impl Iterator<Item = &'w str>, most: usize) -> Option<&'w str> {
    known
        .map(|word| (strsim::levenshtein(word, given), word))
        .filter(|(steps, _)| *steps <= most)
        .min()
        .map(|(_, word)| word)
}
