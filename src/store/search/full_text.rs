//! The full-text index as each engine has it: the texts of the statements that differ. Both hold the same words
//! ([`crate::words`]) and find the same rows by them.

mod fts5;
mod lexemes;
#[cfg(test)]
mod tests;

use anyhow::Result;

use super::Bound;
use super::wanted::Wanted;
use crate::store::db::{Dialect, Value};
use crate::words::Indexed;

/// The texts of one engine.
#[derive(Debug)]
pub struct FullText {
    /// Emails `e` with their words `x`, and what holds of those that are wanted.
    pub(super) emails: fn(&Wanted, &mut Bound) -> Emails,
    /// A SELECT of the ids of such emails.
    pub(super) email_ids: fn(&Wanted, &mut Bound) -> String,
    /// A condition on cases `c`: they have such emails `e`, of which something holds, or are so themselves.
    pub(super) cases: fn(&Wanted, &str, &mut Bound) -> Result<String>,
    /// What the index keeps of the words of a row: the values of [`Part::add`] after the id.
    pub(super) row: fn(Indexed) -> Vec<Value>,
    /// What the pass puts in, in this order.
    pub(super) parts: &'static [Part],
    /// Whether an email is in the index.
    pub(super) has_email: &'static str,
    /// Takes an email out of it.
    pub(super) remove_email: &'static str,
    /// Writes the index again, without the words of what was deleted.
    pub(super) scrub: &'static [&'static str],
}

/// Where the emails come from that have words.
#[derive(Debug)]
pub struct Emails {
    /// What stands after FROM.
    pub(super) from: &'static str,
    /// The id, in the order of which the index has them.
    pub(super) id: &'static str,
    /// The id where the index is not to be asked for each.
    pub(super) plain_id: &'static str,
    /// What holds of them.
    pub(super) holds: String,
}

/// The statements of one pass.
#[derive(Debug)]
pub struct Part {
    /// How many rows are missing.
    pub(super) missing: &'static str,
    pub(super) next: &'static str,
    /// The texts of rows, from one id to another.
    pub(super) texts: &'static str,
    pub(super) columns: &'static [&'static str],
    pub(super) add: &'static str,
    /// What is to be done before a row is added.
    pub(super) before: &'static [&'static str],
}

const EMAIL_TEXTS: &str = "SELECT id, subject, addresses, text, files FROM email_texts WHERE id BETWEEN ?1 AND ?2";
const EMAIL_COLUMNS: &[&str] = &["subject", "addresses", "text", "files"];

const CASE_TEXTS: &str =
    "SELECT id, name, substr(description, 1, 262144) AS description FROM cases WHERE id BETWEEN ?1 AND ?2";
const CASE_COLUMNS: &[&str] = &["name", "description"];

/// Cases that were taken out because their texts changed.
const GAPS: &str = "SELECT count(*) FROM (SELECT 1 FROM case_index_gaps LIMIT ?1) AS those";
const NEXT_GAPS: &str = "SELECT c.id, octet_length(c.description) AS size
    FROM case_index_gaps g JOIN cases c ON c.id = g.case_id ORDER BY g.case_id LIMIT ?1";
const END_OF_GAP: &str = "DELETE FROM case_index_gaps WHERE case_id = ?1";

/// The texts of the engine that runs a transaction.
pub fn of(dialect: Dialect) -> &'static FullText {
    match dialect {
        Dialect::Sqlite => &fts5::TEXTS,
        Dialect::Postgres => &lexemes::TEXTS,
    }
}
