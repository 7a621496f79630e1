//! Answers that still hold: a question that was asked before in this transaction, with the same values, is not asked again
//! until a table is written that it reads. A batch of mail asks the same of users, accounts and templates for each one.
//!
//! With the turn nobody else writes meanwhile what a transaction decides by; one that reads has a snapshot. What a statement
//! reads is known by the names in its text, so there is no answer kept
//! - of a view, or of a function whose answer changes,
//! - of a table that the server itself writes when another one is written;
//!
//! and all are forgotten when rows go to which rows of other tables belong, or when something is undone.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::LazyLock;

use super::schema::SCHEMA;
use super::values::{Answer, Given};
use super::{shape, text};

/// Maximum number of answers that are kept, and of bytes in one.
const MOST: usize = 500;
const MOST_BYTES: usize = 16 << 10;

/// Words of statements whose answers change by themselves, or that do more than to answer.
const UNSTEADY: &[&str] = &[
    "this_moment",
    "clock_timestamp",
    "now",
    "random",
    "nextval",
    "setval",
    "currval",
    "pg_sleep",
    "UPDATE",
    "INSERT",
    "DELETE",
    "SHARE",
];

/// What is known of tables by the statements that make them.
struct Tables {
    own: BTreeSet<String>,
    /// Rows of others go with theirs.
    referenced: BTreeSet<String>,
    /// Views, and tables that functions of the schema write.
    others: BTreeSet<String>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let after = |word: &str| {
        let words = words(SCHEMA).collect::<Vec<_>>();
        words
            .windows(2)
            .filter_map(|pair| match pair {
                [first, second] if *first == word => Some((*second).to_owned()),
                _ => None,
            })
            .collect::<BTreeSet<String>>()
    };
    let written = ["FROM", "INTO", "UPDATE"].map(|word| {
        let bodies = SCHEMA.split("$$").skip(1).step_by(2).flat_map(words).collect::<Vec<_>>();
        bodies
            .windows(2)
            .filter_map(|pair| match pair {
                [first, second] if *first == word => Some((*second).to_owned()),
                _ => None,
            })
            .collect::<Vec<String>>()
    });
    let own: BTreeSet<String> = shape::own_tables().into_iter().collect();
    let others =
        after("VIEW").into_iter().chain(written.into_iter().flatten().filter(|name| own.contains(name))).collect();
    Tables { own, referenced: after("REFERENCES"), others }
});

fn words(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// The tables that a statement reads, where its answer holds until one of them is written.
pub(super) fn read_by(sql: &str) -> Option<Rc<[String]>> {
    let asks = matches!(words(sql).next(), Some("SELECT" | "WITH"));
    let is_steady = |word: &str| !UNSTEADY.contains(&word) && !TABLES.others.contains(word);
    if !asks || !words(sql).all(is_steady) {
        return None;
    }
    Some(words(sql).filter(|word| TABLES.own.contains(*word)).map(str::to_owned).collect())
}

/// The answers of a transaction.
#[derive(Default)]
pub(super) struct Memo {
    is_open: bool,
    answers: HashMap<Asked, (Rc<[String]>, Rc<Answer>)>,
}

/// A question: its text and its values.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Asked(Rc<str>, Vec<u8>);

impl Asked {
    pub(super) fn new(sql: &Rc<str>, given: &[Given<'_>]) -> Asked {
        let mut values = Vec::new();
        given.iter().for_each(|value| value.print(&mut values));
        Asked(Rc::clone(sql), values)
    }
}

impl Memo {
    /// A transaction begins; `holds`: nobody else writes what it reads.
    pub(super) fn begin(&mut self, holds: bool) {
        self.is_open = holds;
        self.answers.clear();
    }

    pub(super) fn known(&self, asked: &Asked) -> Option<Rc<Answer>> {
        self.answers.get(asked).map(|(_, answer)| Rc::clone(answer))
    }

    pub(super) fn keep(&mut self, asked: Asked, tables: Rc<[String]>, answer: &Rc<Answer>) {
        if !self.is_open || answer.rows.iter().map(tokio_postgres::Row::raw_size_bytes).sum::<usize>() > MOST_BYTES {
            return;
        }
        if self.answers.len() >= MOST {
            self.answers.clear();
        }
        self.answers.insert(asked, (tables, Rc::clone(answer)));
    }

    /// A statement runs that may change answers.
    pub(super) fn heed(&mut self, sql: &str) {
        match text::written(sql) {
            Some(table) if !sql.trim_start().starts_with("DELETE") || !TABLES.referenced.contains(table) => {
                self.answers.retain(|_, (tables, _)| !tables.iter().any(|read| read == table));
            }
            _ => self.answers.clear(),
        }
    }

    /// Something is undone.
    pub(super) fn forget(&mut self) {
        self.answers.clear();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_a_statement_reads_is_known_by_its_names() {
        for (sql, expected) in [
            ("SELECT name FROM teams WHERE id = ?1", Some(&["teams"][..])),
            ("WITH a AS (SELECT id FROM users) SELECT 1 FROM a JOIN teams t ON t.id = a.id", Some(&["users", "teams"])),
            ("SELECT 1", Some(&[])),
            ("SELECT name FROM turns WHERE name = 'write' FOR UPDATE", None),
            ("SELECT this_moment() - until FROM leases", None),
            ("SELECT text FROM email_texts", None),
            ("SELECT id FROM case_words", None),
            ("INSERT INTO teams (name) VALUES (?1) RETURNING id", None),
            ("UPDATE instance SET next_case = next_case + 1 RETURNING next_case - 1", None),
            ("ANALYZE teams", None),
        ] {
            let read = read_by(sql).map(|tables| tables.to_vec());
            assert_eq!(
                read.as_deref(),
                expected.map(|names| names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>()).as_deref(),
                "{sql}"
            );
        }
        let others: Vec<&str> = TABLES.others.iter().map(String::as_str).collect();
        assert_eq!(others, ["case_index_gaps", "case_words", "email_texts"]);
        assert!(TABLES.referenced.contains("cases") && !TABLES.referenced.contains("invalid_addresses"));
    }
}
