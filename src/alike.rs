//! What somebody may have meant who wrote a word that is not known.

/// The known word with the fewest differing letters, if they are at most `most`.
pub fn nearest<'w>(given: &str, known: impl Iterator<Item = &'w str>, most: usize) -> Option<&'w str> {
    known.map(|word| (distance(word, given), word)).filter(|(steps, _)| *steps <= most).min().map(|(_, word)| word)
}

/// Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(b.chars()) {
            let best = (corner + usize::from(x != y)).min(*cell + 1).min(left + 1);
            corner = std::mem::replace(cell, best);
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
