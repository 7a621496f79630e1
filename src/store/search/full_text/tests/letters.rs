//! What a text mentions is the same on both engines, with every letter.

use super::alike::{text, word};
use crate::store::db::params;
use crate::store::db::seen::on_server;
use crate::store::tests::dice::Dice;
use crate::store::text::{folded, mentions};

/// Stands between letters; no letter becomes it.
const SIGN: char = '\u{1}';

#[test]
fn every_letter_is_folded_alike() {
    let Some(store) = on_server() else { return };
    let sql = "SELECT string_agg(folded(chr(CAST(n AS INTEGER))), chr(1) ORDER BY n)
        FROM generate_series(?1, ?2) AS n WHERE n NOT BETWEEN 55296 AND 57343";
    let mut faults = Vec::new();
    for first in (0_u32..0x11_0000).step_by(0x1000) {
        let letters: Vec<char> = (first.max(2)..first + 0x1000).filter_map(char::from_u32).collect();
        if letters.is_empty() {
            continue;
        }
        let (from, to) = (i64::from(first.max(2)), i64::from(first + 0xfff));
        let found: String = store.read(|tx| tx.value(sql, params![from, to])).unwrap().unwrap();
        let found: Vec<&str> = found.split(SIGN).collect();
        assert_eq!(found.len(), letters.len(), "from {first:x} on");
        let differs = |(letter, found): (&char, &&str)| {
            let expected = folded(letter.encode_utf8(&mut [0; 4]));
            (expected != *found).then(|| format!("{:x}: {expected:?}, not {found:?}", u32::from(*letter)))
        };
        faults.extend(letters.iter().zip(&found).filter_map(differs));
    }
    assert!(faults.is_empty(), "{} letters differ: {faults:#?}", faults.len());
}

#[test]
fn both_engines_find_the_same_parts() {
    let Some(store) = on_server() else { return };
    let mut dice = Dice::new();
    store
        .read(|tx| {
            for number in 0..3_000 {
                let text = text(&mut dice, 12);
                let folded = folded(&text);
                let part: String = match dice.below(4) {
                    0 => self::folded(&word(&mut dice)),
                    _ => {
                        let start = dice.below(folded.chars().count() + 1);
                        folded.chars().skip(start).take(dice.below(8)).collect()
                    }
                };
                let found: bool = tx.value("SELECT mentions(?1, ?2)", params![text, part])?.unwrap_or_default();
                assert_eq!(found, mentions(&text, &part), "ESPOMAIL_TEST_SEED, part {number}: {part:?} in {text:?}");
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn an_address_is_found_in_both_spellings() {
    let Some(store) = on_server() else { return };
    for address in [
        "info@xn--mller-kva.example",
        "info@XN--MLLER-KVA.example",
        "@xn--bcher-kva.example",
        "a@mail.xn--bcher-kva.xn--fsq",
        "a@xn--fsq.example",
        "a@xn--dcka9a5b9d.example",
        "a@xn--.example",
        "a@xn--a-.example",
        "a@xn--99999999999.example",
        "a@xn--m\u{fc}ller.example",
        "xn--mller-kva",
        "",
    ] {
        for part in ["müller", "bucher", "例", "テスト", "xn--", "info@m", "a@x", "zz", ""].map(folded) {
            let found = store.read(|tx| tx.value::<bool>("SELECT mentions(?1, ?2)", params![address, part])).unwrap();
            assert_eq!(found, Some(mentions(address, &part)), "{part} in {address}");
        }
    }
    let none: Option<&str> = None;
    assert_eq!(store.read(|tx| tx.value::<bool>("SELECT mentions(?1, 'x')", params![none])).unwrap(), Some(false));
}
