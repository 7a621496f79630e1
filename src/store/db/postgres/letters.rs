//! How letters are folded on the server: the schema has a function for it, in which the program puts the server's collation
//! and the letters that are newer than the server's tables.

use std::fmt::Write;

use crate::words::fold;

/// Collations that know the small letters of all scripts, the quickest first: of the system, under both of its names; of
/// PostgreSQL itself, since 17; of ICU. What they differ in, the dotted I and the last sigma of a word, is folded before or
/// after.
pub(super) const COLLATIONS: [&str; 4] = ["C.utf8", "C.UTF-8", "pg_c_utf8", "und-x-icu"];

/// The place in the schema for letters of which the oldest server does not know what to make.
const HOLE: &str = "-- (the program puts the newest letters here)\n";

/// Such letters, from one to another: those that were added since Unicode 12.
const NEWER: &[(u32, u32)] = &[
    (0x558, 0x558),
    (0x58b, 0x58c),
    (0x1c89, 0x1c89),
    (0x209d, 0x209f),
    (0x2c2f, 0x2c2f),
    (0xa7ba, 0xa7dc),
    (0xa7f1, 0xa7f5),
    (0xab69, 0xab69),
    (0x1_0570, 0x1_0595),
    (0x1_05c9, 0x1_05c9),
    (0x1_05e4, 0x1_05e4),
    (0x1_0780, 0x1_07bf),
    (0x1_0d50, 0x1_0d65),
    (0x1_6ea0, 0x1_6eb8),
    (0x1_b123, 0x1_b126),
    (0x1_ccd6, 0x1_ccf9),
    (0x1_d6a6, 0x1_d6a6),
    (0x1_df95, 0x1_df95),
    (0x1_dfcd, 0x1_dfff),
    (0x1_e030, 0x1_e06d),
    (0x1_fbf0, 0x1_fbf9),
];

/// The schema for a server that has this collation.
pub(super) fn put_into(schema: &str, collation: &str) -> String {
    schema.replace("\"C.utf8\"", &format!("\"{collation}\"")).replace(HOLE, &newer())
}

/// The collation that is taken, of those that a server has.
pub(super) fn chosen(known: &[String]) -> Option<&'static str> {
    COLLATIONS.into_iter().find(|name| known.iter().any(|known| known == name))
}

/// The statement that folds the newest letters of the text `t`.
fn newer() -> String {
    let (mut any, mut from, mut to, mut more) = (String::new(), String::new(), String::new(), String::new());
    for (first, last) in NEWER {
        let _ = write!(any, "\\U{first:08x}-\\U{last:08x}");
        for letter in (*first..=*last).filter_map(char::from_u32) {
            let folded = fold(letter.encode_utf8(&mut [0; 4]));
            let mut letters = folded.chars();
            match (letters.next(), letters.next()) {
                (Some(only), None) if only == letter => {}
                (Some(only), None) => {
                    from.push(letter);
                    to.push(only);
                }
                _ => {
                    let _ = write!(more, " t := replace(t, '{letter}', '{folded}');");
                }
            }
        }
    }
    format!("IF t ~ '[{any}]' THEN t := translate(t, '{from}', '{to}');{more} END IF;\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_has_what_a_server_needs() {
        let schema = put_into(include_str!("../../../../schema.postgres.sql"), "pg_c_utf8");
        assert!(!schema.contains("\"C.utf8\"") && schema.contains("COLLATE \"pg_c_utf8\""));
        assert!(!schema.contains(HOLE) && schema.contains("IF t ~ '[\\U00000558-"));
        assert_eq!(newer().matches('\'').count() % 2, 0);
    }

    #[test]
    fn a_collation_is_chosen_that_knows_all_scripts() {
        for (known, expected) in [
            (&["und-x-icu", "C.utf8", "POSIX"][..], Some("C.utf8")),
            (&["C", "pg_c_utf8", "und-x-icu"], Some("pg_c_utf8")),
            (&["C.UTF-8"], Some("C.UTF-8")),
            (&["und-x-icu"], Some("und-x-icu")),
            (&["C", "POSIX", "de_DE.utf8"], None),
        ] {
            let known: Vec<String> = known.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(chosen(&known), expected, "{known:?}");
        }
    }
}
