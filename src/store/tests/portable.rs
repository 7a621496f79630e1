//! Statements are written so that SQLite and PostgreSQL both take them, with two exceptions: the full-text index, of which each
//! engine has a file of texts (prepared there by its tests), and hints about the order of joins (`CROSS JOIN … ON`,
//! `INDEXED BY`), which another engine leaves out.

use std::collections::BTreeSet;

use super::{growth, literals};
use crate::store::db::Store;

/// What another engine does not know, or understands in another way, and what to write.
const FORBIDDEN: &[(&str, &str)] = &[
    ("INSERT OR ", "ON CONFLICT DO NOTHING, ON CONFLICT (key) DO UPDATE"),
    ("UPDATE OR ", "a condition"),
    ("REPLACE INTO", "ON CONFLICT (key) DO UPDATE"),
    ("group_concat(", "string_agg over a subquery with its order"),
    ("iif(", "CASE"),
    ("ifnull(", "coalesce"),
    ("char(10)", "a line break in quotes"),
    ("rowid", "a column"),
    ("COLLATE", "lower()"),
    ("LIMIT -1", "i64::MAX"),
    (" GLOB ", "a function of the program"),
    ("json_", "columns"),
    ("strftime(", "seconds as parameters"),
    ("datetime(", "seconds as parameters"),
    ("typeof(", "types"),
    ("total(", "sum"),
    ("zeroblob(", "Tx::store_bytes"),
    (" IS ?", "IS NOT DISTINCT FROM"),
    (" IS NOT ?", "IS DISTINCT FROM"),
    ("OR ?1)", "a condition"),
    ("AND ?1)", "a condition"),
    ("AND +", "an expression that no index has"),
];

/// Columns that say yes or no.
const FLAGS: &[&str] = &[
    "active",
    "archive",
    "away",
    "chosen",
    "digest",
    "important",
    "inline",
    "is_primary",
    "null_sender_refused",
    "open",
    "opened",
    "private",
    "read",
    "sent",
    "trash",
    "truncated",
    "undecided",
    "verified",
    "whole",
];

/// Names that are the same in upper and lower case, as other tables call them.
const NAMES: &[&str] = &["name", "username", "a.name", "f.name", "q.name", "s.name", "t.name", "u.username"];

/// A definition in which `CHECK (column = 'a' OR column = 'b')` is written as `CHECK (column IN ('a', 'b'))`.
pub fn in_lists(definition: &str) -> String {
    let mut checks = definition.split("CHECK (");
    let mut text = checks.next().unwrap_or_default().to_owned();
    for check in checks {
        let (condition, rest) = check.split_once(')').unwrap();
        let equal: Option<Vec<_>> = condition.split(" OR ").map(|one| one.trim().split_once(" = '")).collect();
        let list = equal.filter(|all| all.len() > 1).map(|all| {
            let words: Vec<String> = all.iter().map(|(_, word)| format!("'{word}")).collect();
            format!("{} IN ({})", all[0].0, words.join(", "))
        });
        text.push_str("CHECK (");
        text.push_str(&list.unwrap_or_else(|| condition.to_owned()));
        text.push(')');
        text.push_str(rest);
    }
    text
}

/// One blank between words, none after an opening and before a closing parenthesis.
pub fn flat(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "(").replace(" )", ")")
}

/// What is between this opening parenthesis and the one that closes it, and what comes after it.
fn inside(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&text[1..at], &text[at + 1..]));
        }
    }
    None
}

/// `min(a, b)`: another engine calls it by another name.
fn chooses(sql: &str) -> bool {
    let calls = ["min(", "max("].into_iter().flat_map(|name| {
        sql.match_indices(name).filter(|(at, _)| !sql[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
    });
    calls.map(|(at, _)| inside(&sql[at + 3..])).any(|found| {
        let mut depth = 0;
        found.is_some_and(|(inside, _)| {
            inside.chars().any(|c| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                c == ',' && depth == 0
            })
        })
    })
}

/// A flag that is compared with a number, or set to one.
fn numbers_a_flag(sql: &str) -> bool {
    let words: Vec<&str> = sql.split([' ', ',', '(', ')']).filter(|word| !word.is_empty()).collect();
    words.windows(3).any(|w| {
        let column = w[0].rsplit('.').next().unwrap_or_default();
        FLAGS.contains(&column) && ["=", "<>"].contains(&w[1]) && ["0", "1"].contains(&w[2])
    })
}

/// A subquery in FROM that has no name.
fn leaves_unnamed(sql: &str) -> bool {
    ["FROM (SELECT", "JOIN (SELECT"].into_iter().flat_map(|begin| sql.match_indices(begin)).any(|(at, _)| {
        let Some((_, rest)) = inside(&sql[at + 5..]) else { return false };
        let next = rest.split_whitespace().next().unwrap_or_default();
        let is_clause = ["WHERE", "ORDER", "UNION", "LIMIT", "GROUP", "JOIN", "LEFT", "ON", "CROSS"].contains(&next);
        is_clause || !next.starts_with(|c: char| c.is_ascii_alphabetic())
    })
}

fn faults(sql: &str) -> Vec<String> {
    let sql = flat(sql);
    let mut found: Vec<String> = FORBIDDEN
        .iter()
        .filter(|(sign, _)| sql.contains(sign))
        .map(|(sign, instead)| format!("{sign}: {instead}"))
        .collect();
    if chooses(&sql) {
        found.push("min or max of two values: CASE".to_owned());
    }
    if numbers_a_flag(&sql) {
        found.push("a flag as a number: TRUE, FALSE".to_owned());
    }
    if leaves_unnamed(&sql) {
        found.push("a subquery without a name: AS".to_owned());
    }
    for name in NAMES.iter().filter(|name| sql.contains(&format!("ORDER BY {name}"))) {
        if !sql.contains(&format!("ORDER BY {name}_")) {
            found.push(format!("ORDER BY {name}: lower({name})"));
        }
    }
    found
}

/// The full-text index has texts of its own for each engine; statements that are put together hold parts of them.
fn is_of_engine(text: &str) -> bool {
    ["email_index", "case_index ", "case_index_docsize", "email_words", "case_words"]
        .iter()
        .any(|part| text.contains(part))
}

#[test]
fn statements_are_such_as_another_engine_takes() {
    let store = Store::for_plans().unwrap();
    let mut found = BTreeSet::new();
    for one in literals::strings().iter().filter(|one| one.engine().is_none()) {
        found.extend(faults(&one.text).into_iter().map(|fault| format!("{}: {fault}", one.place)));
    }
    for sql in growth::statements(&store).iter().filter(|sql| !is_of_engine(sql)) {
        found.extend(faults(sql).into_iter().map(|fault| format!("{fault} in {}", flat(sql))));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn what_another_engine_does_not_take_is_found() {
    for (sql, is_fault) in [
        ("INSERT OR IGNORE INTO t (a) VALUES (?1)", true),
        ("INSERT INTO t (a) VALUES (?1) ON CONFLICT DO NOTHING", false),
        ("SELECT max(a, b) FROM t", true),
        ("SELECT max(coalesce(a, b)) FROM t", false),
        ("UPDATE t SET read = 1 WHERE id = ?1", true),
        ("UPDATE t SET read = TRUE WHERE id = 1", false),
        ("SELECT 1 FROM t WHERE e.trash = 0", true),
        ("SELECT count(*) FROM (SELECT 1 FROM t)", true),
        ("SELECT count(*) FROM (SELECT 1 FROM t) WHERE TRUE", true),
        ("SELECT count(*) FROM (SELECT 1 FROM t) AS those", false),
        ("SELECT 1 FROM t WHERE a IS ?1", true),
        ("SELECT 1 FROM t WHERE a IS NOT DISTINCT FROM ?1", false),
        ("SELECT name FROM teams ORDER BY name", true),
        ("SELECT name FROM teams ORDER BY lower(name)", false),
    ] {
        assert_eq!(!faults(sql).is_empty(), is_fault, "{sql}: {:?}", faults(sql));
    }
}
