#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::mail::message::Message;
use crate::store::db::{Dialect, Store, params};
use crate::store::emails::{self, EmailStatus, NewEmail};
use crate::store::records::erase;
use crate::store::text::{folded, mentions};

#[test]
fn parts_are_found_in_any_case_and_spelling() {
    for (text, part, expected) in [
        ("Invoice 2231", "invoice", true),
        ("overdue INVOICE", "invoice", true),
        ("invoic", "invoice", false),
        ("", "a", false),
        ("anything", "", true),
        ("GRÖSSE Ärger", "ärger", true),
        ("ΟΔΟΣ ΟΔΟΣ", "οδοσ", true),
        ("plain", "ä", true),
        ("plan", "ß", false),
        ("Gro\u{308}\u{df}e", "GROSS", true),
        ("プリンターが", "ﾌﾟﾘﾝ", true),
        ("in\u{ad}voice", "nvoi", true),
        ("100%", "0%", true),
        ("a_b", "a%b", false),
        ("info@xn--mller-kva.example", "m\u{fc}ller", true),
        ("info@xn--mller-kva.example", "@M\u{dc}LL", true),
        ("info@xn--mller-kva.example", "xn--mller-kva.example", true),
        ("info@muller.example", "m\u{fc}ller", true),
        ("info@moller.example", "m\u{fc}ller", false),
    ] {
        assert_eq!(mentions(text, &folded(part)), expected, "{part} in {text}");
    }
}

/// Text that is stored for the index, of rows that hold a word.
fn traces(store: &Store, word: &str) -> usize {
    let count = |sql: &str| store.read(|tx| tx.value::<i64>(sql, params![word])).unwrap().unwrap();
    let found = [
        "email_index_data WHERE instr(block, CAST(?1 AS BLOB)) > 0",
        "email_index_idx WHERE instr(term, CAST(?1 AS BLOB)) > 0",
    ]
    .map(|part| count(&format!("SELECT count(*) FROM {part}")));
    usize::try_from(found.iter().sum::<i64>()).unwrap()
}

fn add(store: &Store, number: usize, text: &str) -> i64 {
    let key = format!("{number:016x}");
    let new = NewEmail {
        key: None,
        message_id: &key,
        raw_id: None,
        status: EmailStatus::Archived,
        received_at: Timestamp::UNIX_EPOCH,
        automatic: "",
        user_id: None,
        author: None,
        verdict: "",
        truncated: false,
        flagged: "",
    };
    let message = Message { text: text.to_owned(), ..Message::default() };
    store.write(|tx| emails::add(tx, &new, &message, Timestamp::UNIX_EPOCH)).unwrap()
}

#[test]
fn erased_words_leave_the_index_whole() {
    let store = Store::embedded_for_test().unwrap();
    let words =
        |prefix: &str, from: usize| -> String { (from..from + 2_000).map(|i| format!("{prefix}{i:05} ")).collect() };
    let mut kim = 0;
    for number in 0..20 {
        add(&store, number, &words("word", number * 500));
        if number == 10 {
            kim = add(&store, 1_000, &words("kimzz", 0));
        }
        index::fill(&store, &|| true).unwrap();
    }
    store.write(|tx| tx.execute("INSERT INTO email_index (email_index) VALUES ('optimize')", []).map(drop)).unwrap();
    assert!(traces(&store, "kim") > 5, "{}", traces(&store, "kim"));
    store.write(|tx| erase::email(tx, kim, "erased")).unwrap();
    store.write(index::scrub).unwrap();
    assert_eq!(traces(&store, "kim"), 0);
    assert_eq!(store.check().unwrap(), Vec::<String>::new());
}

#[test]
fn a_pass_that_was_stopped_goes_on_where_it_was() {
    let store = Store::for_test().unwrap();
    for number in 0..1_200 {
        add(&store, number, "invoice");
    }
    let missing = || store.read(index::missing).unwrap();
    let (turns, mut told) = (std::cell::Cell::new(0), Vec::new());
    let go_on = || turns.replace(turns.get() + 1) < 1;
    index::fill_telling(&store, &go_on, &mut |added| told.push(added)).unwrap();
    assert_eq!((missing(), told), (700, vec![500]));
    index::fill(&store, &|| true).unwrap();
    assert_eq!(missing(), 0);
    let word = Tree::Is(Test::Words(Words { text: "invoice".to_owned(), begins: false }));
    let query = emails::EmailQuery { condition: word, ..emails::EmailQuery::default() };
    assert_eq!(store.read(|tx| emails::count_to(tx, &query, 9_999, Sight::Everything)).unwrap(), 1_200);
}

#[test]
fn words_that_make_a_number_are_that_number() {
    let word = |text: &str| Tree::Is(Test::Words(Words { text: text.to_owned(), begins: false }));
    let number = |text: &str| Tree::Is(Test::Number(text.to_owned()));
    let texts = ["from", "030", "1234567", "and", "2231", "DE89", "3704", "0044", "0532", "0130", "00"];
    let tree = Tree::Not(Box::new(Tree::All(texts.into_iter().map(word).collect())));
    let expected =
        vec![word("from"), number("030 1234567"), word("and"), word("2231"), number("DE89 3704 0044 0532 0130 00")];
    assert_eq!(with_numbers(tree), Tree::Not(Box::new(Tree::All(expected))));
    let quoted = Tree::All(vec![word("12 34"), word("5678")]);
    assert_eq!(with_numbers(quoted.clone()), quoted);
}

/// Emails with ids from 1 on, each older than the one before, of which all have one word.
const FREQUENT: [&str; 2] = [
    "WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < ?1)
        INSERT INTO emails (id, message_id, status, subject, received_at, created_at)
        SELECT id, 'm' || id, 'Archived', '', ?1 - id, 0 FROM n",
    "INSERT INTO email_bodies (email_id, text) SELECT id, 'word' FROM emails WHERE id <= ?1",
];

fn frequent_words(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "INSERT INTO email_index (rowid, text) SELECT id, 'word' FROM emails WHERE id <= ?1",
        Dialect::Postgres => {
            "INSERT INTO email_words (id, words, whole, lexemes)
                SELECT id, ' word | ', TRUE, array_to_tsvector(ARRAY['word']) FROM emails WHERE id <= ?1"
        }
    }
}

#[test]
fn of_a_frequent_word_the_newest_emails_are_put_in_order() {
    let first = |count: i64, limit: Option<i64>| {
        let store = Store::for_test().unwrap();
        let word = Tree::Is(Test::Words(Words { text: "word".to_owned(), begins: false }));
        let query = emails::EmailQuery { condition: word, limit, ..emails::EmailQuery::default() };
        let found = store.write(|tx| {
            let words = [frequent_words(tx.dialect())];
            FREQUENT.iter().chain(&words).try_for_each(|sql| tx.execute(sql, [count]).map(drop))?;
            emails::list(tx, &query, Sight::Everything)
        });
        found.unwrap()[0].email.id
    };
    assert_eq!(first(10_000, Some(1)), 1, "all of them");
    assert_eq!(first(10_001, Some(1)), 2, "without the one that came first");
    assert_eq!(first(10_001, None), 1, "all are wanted");
}
