//! PostgreSQL finds words by its index, also where there are many rows.

use super::super::super::{Bound, Test, email_source};
use crate::query::{Tree, Words};
use crate::store::db::Store;
use crate::store::db::seen::on_server;
use crate::store::emails::{self, EmailQuery};
use crate::store::sight::Sight;

/// Emails of which each has three of a thousand words, one in a hundred of them another one, and all one.
pub(super) const MANY: &[&str] = &[
    "INSERT INTO emails (message_id, status, subject, received_at, created_at)
        SELECT 'm' || n, 'Archived', '', n, 0 FROM generate_series(1, ?1) AS n",
    "INSERT INTO email_bodies (email_id, text) SELECT id, 'x' FROM emails WHERE id <= ?1",
    "INSERT INTO email_words (id, words, whole, lexemes)
        SELECT id, ' ' || array_to_string(words, ' ') || ' | ', TRUE, array_to_tsvector(words) FROM (
            SELECT id, ARRAY['common', 'w' || id % 1000, 'w' || id % 700, 'w' || id % 300]
                || CASE WHEN id % 100 = 0 THEN ARRAY['rare'] ELSE ARRAY[]::TEXT[] END AS words
            FROM emails WHERE id <= ?1) AS those",
];

#[test]
fn words_are_found_by_the_index_in_a_large_archive() {
    let Some(store) = on_server() else { return };
    store.write(|tx| MANY.iter().try_for_each(|sql| tx.execute(sql, [20_000_i64]).map(drop))).unwrap();
    analyze(&store);
    for (text, begins) in [("rare", false), ("w7", false), ("common rare", false), ("rar", true), ("w7 w8", false)] {
        let tree = Tree::Is(Test::Words(Words { text: text.to_owned(), begins }));
        let plan = store
            .read(|tx| {
                let mut bound = Bound::new(tx, Sight::Everything);
                let from = email_source(tx, &tree, Sight::Everything, &mut bound)?.from;
                tx.values::<String>(&format!("EXPLAIN SELECT e.id FROM {from}"), bound.values)
            })
            .unwrap();
        assert!(plan.iter().any(|step| step.contains("email_words_lexemes")), "{text}: {plan:#?}");
    }
    let query = |text: &str| EmailQuery {
        condition: Tree::Is(Test::Words(Words { text: text.to_owned(), begins: false })),
        limit: Some(30),
        ..EmailQuery::default()
    };
    let found = store.read(|tx| emails::list(tx, &query("common rare"), Sight::Everything)).unwrap();
    assert_eq!(found.len(), 0, "they do not stand side by side");
    let found = store.read(|tx| emails::list(tx, &query("rare"), Sight::Everything)).unwrap();
    assert_eq!(found.first().map(|row| row.email.id), Some(20_000));
}

/// What the server does by itself after a while.
fn analyze(store: &Store) {
    store.write(|tx| tx.execute("ANALYZE emails, email_words", []).map(drop)).unwrap();
}

/// The index of an erased person's words is written again.
#[test]
fn what_is_scrubbed_has_a_new_index() {
    let Some(store) = on_server() else { return };
    let file = || {
        let sql = "SELECT CAST(pg_relation_filenode('email_words_lexemes') AS BIGINT)";
        store.read(|tx| tx.value::<i64>(sql, [])).unwrap()
    };
    let before = file();
    store.write_and_scrub(false, |_| Ok(())).unwrap();
    assert_ne!(file(), before);
}
