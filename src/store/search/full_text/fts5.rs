//! SQLite: an index of FTS5. Words are put into quotation marks, so that they are never its syntax.

use anyhow::Result;

use super::{
    Bound, CASE_COLUMNS, CASE_TEXTS, EMAIL_COLUMNS, EMAIL_TEXTS, END_OF_GAP, Emails, FullText, GAPS, Indexed,
    NEXT_GAPS, Part, Value, Wanted,
};
use crate::store::db::params;

pub(super) const TEXTS: FullText = FullText {
    emails,
    email_ids,
    cases,
    row,
    parts: PARTS,
    has_email: "SELECT EXISTS (SELECT 1 FROM email_index_docsize WHERE id = ?1)",
    remove_email: "DELETE FROM email_index WHERE rowid = ?1",
    scrub: SCRUB,
};

/// Of a word that more emails have, the cases are gone through, not the emails: a page of a list is full after few of them,
/// and of most words to look up the case of each email would take longer.
const MANY: i64 = 10_000;
const HITS: &str = "SELECT count(*) FROM (SELECT 1 FROM email_index WHERE email_index MATCH ?1 LIMIT ?2) AS those";

const ADD_CASE: &str = "INSERT INTO case_index (rowid, name, description, numbers) VALUES (?1, ?2, ?3, ?4)";

const PARTS: &[Part] = &[
    Part {
        missing: "SELECT count(*) FROM (SELECT 1 FROM emails
            WHERE id > (SELECT coalesce(max(id), 0) FROM email_index_docsize) LIMIT ?1) AS those",
        next: "SELECT email_id AS id, octet_length(text) AS size FROM email_bodies
            WHERE email_id > (SELECT coalesce(max(id), 0) FROM email_index_docsize) ORDER BY email_id LIMIT ?1",
        texts: EMAIL_TEXTS,
        columns: EMAIL_COLUMNS,
        add: "INSERT INTO email_index (rowid, subject, addresses, text, files, numbers) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        before: &[],
    },
    Part {
        missing: GAPS,
        next: NEXT_GAPS,
        texts: CASE_TEXTS,
        columns: CASE_COLUMNS,
        add: ADD_CASE,
        before: &[END_OF_GAP, "DELETE FROM case_index WHERE rowid = ?1"],
    },
    Part {
        missing: "SELECT count(*) FROM (SELECT 1 FROM cases
            WHERE id > (SELECT coalesce(max(id), 0) FROM case_index_docsize) LIMIT ?1) AS those",
        next: "SELECT id, octet_length(description) AS size FROM cases
            WHERE id > (SELECT coalesce(max(id), 0) FROM case_index_docsize) ORDER BY id LIMIT ?1",
        texts: CASE_TEXTS,
        columns: CASE_COLUMNS,
        add: ADD_CASE,
        before: &[],
    },
];

/// A lone segment would be left as it is; another one next to it makes SQLite merge them.
const SCRUB: &[&str] = &[
    "INSERT INTO email_index (rowid, subject) VALUES (0, 'x')",
    "INSERT INTO email_index (email_index) VALUES ('optimize')",
    "DELETE FROM email_index WHERE rowid = 0",
    "INSERT INTO case_index (rowid, name) VALUES (0, 'x')",
    "INSERT INTO case_index (case_index) VALUES ('optimize')",
    "DELETE FROM case_index WHERE rowid = 0",
];

fn emails(wanted: &Wanted, bound: &mut Bound) -> Emails {
    Emails {
        from: "email_index x CROSS JOIN emails e ON e.id = x.rowid",
        id: "x.rowid",
        plain_id: "+x.rowid",
        holds: format!("email_index MATCH {}", bound.add(matching(wanted))),
    }
}

fn email_ids(wanted: &Wanted, bound: &mut Bound) -> String {
    format!("SELECT rowid FROM email_index WHERE email_index MATCH {}", bound.add(matching(wanted)))
}

fn cases(wanted: &Wanted, of_emails: &str, bound: &mut Bound) -> Result<String> {
    let matching = matching(wanted);
    let hits = bound.tx.value::<i64>(HITS, params![matching.as_str(), MANY + 1])?.unwrap_or_default();
    let place = bound.add(matching);
    let of_case = format!("c.id IN (SELECT rowid FROM case_index WHERE case_index MATCH {place})");
    Ok(if hits > MANY {
        format!(
            "EXISTS (SELECT 1 FROM emails e WHERE e.parent_id = c.id AND {of_emails}
                AND +e.id IN (SELECT rowid FROM email_index WHERE email_index MATCH {place})) OR {of_case}"
        )
    } else {
        format!(
            "c.id IN (SELECT e.parent_id FROM email_index x CROSS JOIN emails e ON e.id = x.rowid
                WHERE email_index MATCH {place} AND {of_emails}
            UNION ALL SELECT rowid FROM case_index WHERE case_index MATCH {place})"
        )
    })
}

fn row(indexed: Indexed) -> Vec<Value> {
    indexed.parts.into_iter().chain([indexed.numbers]).map(Value::from).collect()
}

/// Whether words could all be keys of numbers, each of which has a digit. To leave a column out costs a search of frequent
/// words twice its time.
fn may_be_keys(words: &[String], begins: bool) -> bool {
    let whole = if begins { words.split_last().map_or(words, |(_, before)| before) } else { words };
    whole.iter().all(|word| word.bytes().any(|byte| byte.is_ascii_digit()))
}

/// Keys of numbers are in a column of their own, in which nothing stands side by side.
pub(super) fn matching(wanted: &Wanted) -> String {
    let joined = |parts: &[Wanted], by: &str| {
        let parts: Vec<String> = parts.iter().map(matching).collect();
        if parts.is_empty() { "\"\"".to_owned() } else { format!("({})", parts.join(by)) }
    };
    match wanted {
        Wanted::Words { words, begins } => {
            let star = if *begins { " *" } else { "" };
            let only = if words.len() > 1 && may_be_keys(words, *begins) { "- numbers : " } else { "" };
            format!("{only}\"{}\"{star}", words.join(" "))
        }
        Wanted::All(parts) => joined(parts, " AND "),
        Wanted::Any(parts) => joined(parts, " OR "),
    }
}
