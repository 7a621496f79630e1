#![allow(clippy::unwrap_used)]

mod alike;
mod letters;
mod plans;

use super::lexemes::{query, row};
use super::*;
use crate::query::Words;
use crate::store::db::{Store, Tx, params, seen};
use crate::store::search::{Test, index};
use crate::store::sight::Sight;
use crate::store::tests::literals;
use crate::words;

fn wanted(text: &str, begins: bool) -> Wanted {
    Wanted::of_test(&Test::Words(Words { text: text.to_owned(), begins })).unwrap()
}

#[test]
fn words_never_become_syntax() {
    for (text, begins, of_fts5, of_lexemes) in [
        ("Invoice", false, "\"invoice\"", "('invoice')"),
        ("invoic", true, "\"invoic\" *", "('invoic':*)"),
        ("a\" OR subject:\"b", false, "\"a or subject b\"", "('a' & 'or' & 'subject' & 'b')"),
        ("NEAR(a b) AND -c ^d", false, "\"near a b and c d\"", "('near' & 'a' & 'b' & 'and' & 'c' & 'd')"),
        ("it's \\' | & !x:*", false, "\"it s x\"", "('it' & 's' & 'x')"),
        ("2231-44", false, "(- numbers : \"2231 44\" OR \"223144\")", "(('2231' & '44') | ('223144'))"),
        ("2231 de", false, "\"2231 de\"", "('2231' & 'de')"),
        ("2231 de", true, "- numbers : \"2231 de\" *", "('2231' & 'de':*)"),
        ("2231-4", true, "(- numbers : \"2231 4\" * OR \"22314\" *)", "(('2231' & '4':*) | ('22314':*))"),
        ("動き", false, "\"動き\"", "('動き')"),
        ("猫", false, "\"猫\" *", "('猫':*)"),
        ("", false, "\"\"", "'/'"),
    ] {
        let wanted = wanted(text, begins);
        assert_eq!((fts5::matching(&wanted).as_str(), query(&wanted).as_str()), (of_fts5, of_lexemes), "{text}");
    }
    let number = Wanted::of_test(&Test::Number("030 1234567".to_owned())).unwrap();
    assert_eq!(
        fts5::matching(&number),
        "((\"030\" AND \"1234567\") OR (- numbers : \"030 1234567\" OR \"0301234567\" OR \"301234567\"))"
    );
    assert_eq!(query(&number), "((('030') & ('1234567')) | (('030' & '1234567') | ('0301234567') | ('301234567')))");
}

/// The values of a row of lexemes: words, whether it is whole, lexemes.
fn kept(texts: &[&str]) -> (String, bool, String) {
    let Ok([Value::Text(words), Value::Bool(is_whole), Value::Text(lexemes)]) =
        <[Value; 3]>::try_from(row(words::index(texts)))
    else {
        unreachable!("three values of these types")
    };
    (words, is_whole, lexemes)
}

#[test]
fn keys_and_texts_never_stand_side_by_side() {
    for (texts, words, lexemes) in [
        (&["Invoice 2231-44", "B b"][..], " invoice 2231 44 | b b | 223144 | ", "invoice 2231 44 b 223144"),
        (&["1.234,56 and 030 1234567", ""], " 1 234 56 and 030 1234567 | | 0301234567 | 1234·56 | 301234567 | ", ""),
        (&["", ""], " | | | ", ""),
    ] {
        let (found, is_whole, of_row) = kept(texts);
        assert_eq!((found.as_str(), is_whole), (words, true));
        let expected = if lexemes.is_empty() { of_row.as_str() } else { lexemes };
        assert_eq!(of_row, expected);
        assert!(!of_row.contains("  ") && !of_row.contains('|'));
    }
}

#[test]
fn a_row_with_too_many_words_says_so() {
    let text: String = (0..200_000).map(|number| format!("w{number} ")).collect();
    let (words, is_whole, lexemes) = kept(&[&text]);
    let bytes: usize = lexemes.split(' ').map(str::len).sum();
    assert!(!is_whole && words.contains(" w199999 ") && !lexemes.contains("w199999"));
    assert!(lexemes.ends_with(" |") && (1 << 20) - 8 < bytes && bytes < 1 << 20, "{bytes}");
    let twice: String = (0..200_000).map(|number| format!("w{} ", number % 100_000)).collect();
    assert!(kept(&[&twice]).1, "each word counts once");
}

#[test]
fn a_word_is_at_most_as_long_as_a_lexeme() {
    let longest = words::index(&["\u{1e900}".repeat(3_000)]).parts.iter().map(String::len).max().unwrap();
    assert!(longest < 300, "words are cut before they come here: {longest}");
    let word = "ä".repeat(2_000);
    let kept = row(Indexed { parts: vec![word], numbers: String::new() });
    assert_eq!(kept.last(), Some(&Value::from("ä".repeat(1_023))));
}

/// Every statement that has a text of its own for an engine is taken by that engine.
#[test]
fn statements_of_one_engine_are_taken_by_it() {
    let store = Store::for_test().unwrap();
    let taken = seen::during(|| take_all(&store));
    let mut own = literals::all();
    own.retain(|one| one.engine() == Some(store.dialect()) && one.place.contains("full_text"));
    assert!(own.len() > 5);
    for one in own {
        assert!(taken.iter().any(|seen| one.fits(&seen.sql)), "{}: {}", one.place, one.text);
    }
}

/// Runs every statement of the engine of a store.
fn take_all(store: &Store) {
    const ROWS: [&str; 3] = [
        "INSERT INTO emails (id, message_id, status, subject, received_at, created_at) VALUES (1, 'm', 'Sent', 'a', 0, 0)",
        "INSERT INTO email_bodies (email_id, text) VALUES (1, 'b')",
        "INSERT INTO cases (id, number, key, name, created_at, modified_at) VALUES (1, 1, 'k', 'c', 0, 0)",
    ];
    store.write(|tx| ROWS.iter().try_for_each(|sql| tx.execute(sql, []).map(drop))).unwrap();
    index::fill(store, &|| true).unwrap();
    let texts = of(store.dialect());
    let all = [wanted("word", true), wanted("two words", false), wanted("2231-44", false), Wanted::Any(Vec::new())];
    store
        .rehearse(|tx| {
            let id = params![1_i64];
            for part in texts.parts {
                tx.value::<i64>(part.missing, id)?;
                tx.all(part.next, id, |row| row.get::<i64>("id"))?;
                tx.all(part.texts, params![1_i64, 1_i64], |_| Ok(()))?;
                part.before.iter().try_for_each(|sql| tx.execute(sql, id).map(drop))?;
            }
            tx.value::<bool>(texts.has_email, id)?;
            tx.execute(texts.remove_email, id)?;
            texts.scrub.iter().try_for_each(|sql| tx.execute(sql, []).map(drop))?;
            for wanted in &all {
                let mut bound = Bound::new(tx, Sight::Everything);
                let found = (texts.emails)(wanted, &mut bound);
                let sql = format!(
                    "SELECT {} FROM {} WHERE {} AND CAST(?1 AS BIGINT) IS NULL",
                    found.id, found.from, found.holds
                );
                tx.values::<i64>(&sql, bound.values)?;
                let mut bound = Bound::new(tx, Sight::Everything);
                let ids = (texts.email_ids)(wanted, &mut bound);
                let sql = format!("SELECT id FROM emails WHERE id IN ({ids}) AND CAST(?1 AS BIGINT) IS NULL");
                tx.values::<i64>(&sql, bound.values)?;
                let mut bound = Bound::new(tx, Sight::Everything);
                let holds = (texts.cases)(wanted, "e.parent_type = 'case'", &mut bound)?;
                let sql = format!("SELECT c.id FROM cases c WHERE ({holds}) AND CAST(?1 AS BIGINT) IS NULL");
                tx.values::<i64>(&sql, bound.values)?;
            }
            Ok(())
        })
        .unwrap();
}

/// All ids that a statement gives.
fn ids(tx: &Tx<'_>, sql: &str, bound: Bound) -> Vec<i64> {
    tx.values(sql, bound.values).map_err(|error| format!("{error:#}: {sql}")).unwrap()
}

/// A word that is in more emails than the index is asked for, and the emails of three cases among them.
#[test]
fn cases_are_found_by_frequent_words_as_by_rare_ones() {
    const MAIL: &str =
        "INSERT INTO emails (id, message_id, status, subject, received_at, created_at, parent_type, parent_id)
        VALUES (?1, ?2, 'Archived', 'a', 0, 0, ?3, ?4)";
    let store = Store::for_test().unwrap();
    store
        .write(|tx| {
            for id in 1..=4_i64 {
                tx.execute(
                    "INSERT INTO cases (id, number, key, name, created_at, modified_at) VALUES (?1, ?1, ?2, ?3, 0, 0)",
                    params![id, id.to_string(), if id == 4 { "lamp" } else { "other" }],
                )?;
            }
            for (id, parent, case, text) in [
                (1_i64, Some("case"), Some(1_i64), "lamp"),
                (2, Some("case"), Some(1), "bulb"),
                (3, Some("case"), Some(2), "lamp bulb"),
                (4, Some("case"), Some(3), "shade"),
                (5, Some("company"), Some(3), "lamp"),
                (6, None, None, "lamp"),
            ] {
                tx.execute(MAIL, params![id, id.to_string(), parent, case])?;
                tx.execute("INSERT INTO email_bodies (email_id, text) VALUES (?1, ?2)", params![id, text])?;
            }
            Ok(())
        })
        .unwrap();
    index::fill(&store, &|| true).unwrap();
    let found = || {
        store
            .read(|tx| {
                ["lamp", "bulb", "shade", "nothing"]
                    .map(|word| {
                        let mut bound = Bound::new(tx, Sight::Everything);
                        let holds =
                            (of(tx.dialect()).cases)(&wanted(word, false), "e.parent_type = 'case'", &mut bound)?;
                        let sql = format!(
                            "SELECT c.id FROM cases c WHERE ({holds}) AND CAST(?1 AS BIGINT) IS NULL ORDER BY c.id"
                        );
                        tx.values::<i64>(&sql, bound.values)
                    })
                    .into_iter()
                    .collect::<Result<Vec<_>>>()
            })
            .unwrap()
    };
    let expected = [vec![1, 2, 4], vec![1, 2], vec![3], vec![]];
    assert_eq!(found(), expected);
    // Words of emails that are no longer there: only the count of them matters.
    if store.dialect() == Dialect::Sqlite {
        let word = "WITH RECURSIVE ids (id) AS (VALUES (100) UNION ALL SELECT id + 1 FROM ids WHERE id < 10100)
            INSERT INTO email_index (rowid, text) SELECT id, 'lamp' FROM ids";
        store.write(|tx| tx.execute(word, []).map(drop)).unwrap();
        assert_eq!(found(), expected);
    }
}
