//! Tags of cases: words that people and filters give them.

use anyhow::Result;

use super::super::db::{Tx, params};
use super::super::sight::Sight;

/// The longest tag, in characters.
const TAG_MAX: usize = 50;

/// A tag as people write it, in the form in which it is stored: upper and lower case are the same.
///
/// # Errors
/// One sentence that says what a tag is.
pub fn read_tag(given: &str) -> Result<String, String> {
    let tag = given.to_lowercase();
    let is_one = tag.starts_with(char::is_alphanumeric)
        && tag.contains(char::is_alphabetic)
        && tag.chars().all(|c| c.is_alphanumeric() || "-_./".contains(c))
        && tag.chars().count() <= TAG_MAX;
    let shown: String = given.chars().take(TAG_MAX).collect();
    is_one.then_some(tag).ok_or_else(|| {
        format!(
            "\"{shown}\" is not a tag: it must be 1 to {TAG_MAX} letters, digits or - _ . /, with at least one letter"
        )
    })
}

/// The tags of a case in their order.
pub fn tags(tx: &Tx<'_>, case_id: i64) -> Result<Vec<String>> {
    tx.values("SELECT tag FROM case_tags WHERE case_id = ?1 ORDER BY tag", params![case_id])
}

/// The tags of the cases that may be seen, each with their number; those of the most cases first, at most `most`.
pub fn tags_in_use(tx: &Tx<'_>, sight: Sight, most: i64) -> Result<Vec<(String, i64)>> {
    let sql = format!(
        "SELECT g.tag, count(*) AS cases FROM case_tags g JOIN cases c ON c.id = g.case_id WHERE {}
            GROUP BY g.tag ORDER BY cases DESC, g.tag LIMIT ?2",
        sight.case()
    );
    tx.all(&sql, params![sight.parameter(), most], |row| Ok((row.get("tag")?, row.get("cases")?)))
}

/// Gives a case a tag; whether it had not got it.
pub fn add_tag(tx: &Tx<'_>, case_id: i64, tag: &str) -> Result<bool> {
    tx.about("case", case_id);
    let added = tx.execute(
        "INSERT INTO case_tags (case_id, tag) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        params![case_id, tag],
    )?;
    Ok(added.rows()? > 0)
}

/// Takes a tag from a case; whether it had it.
pub fn remove_tag(tx: &Tx<'_>, case_id: i64, tag: &str) -> Result<bool> {
    tx.about("case", case_id);
    let removed = tx.execute("DELETE FROM case_tags WHERE case_id = ?1 AND tag = ?2", params![case_id, tag])?;
    Ok(removed.rows()? > 0)
}

/// Gives a case the tags of another one.
pub fn copy_tags(tx: &Tx<'_>, from: i64, into: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO case_tags (case_id, tag) SELECT ?2, tag FROM case_tags WHERE case_id = ?1 ON CONFLICT DO NOTHING",
        params![from, into],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_one_word_with_a_letter() {
        for (given, tag) in [
            ("vip", Some("vip")),
            ("VIP", Some("vip")),
            ("2026-q4", Some("2026-q4")),
            ("billing/vat", Some("billing/vat")),
            ("größe", Some("größe")),
            ("票", Some("票")),
            ("12", None),
            ("", None),
            ("-x", None),
            ("@me", None),
            ("a b", None),
            ("a,b", None),
            ("a:b", None),
            ("a\u{1b}b", None),
            ("\u{202e}ab", None),
        ] {
            assert_eq!(read_tag(given).ok().as_deref(), tag, "{given}");
        }
        assert!(read_tag(&"x".repeat(50)).is_ok() && read_tag(&"x".repeat(51)).is_err());
    }
}
