//! PostgreSQL: the words of a row twice. As a `tsvector` without places, which an inverted index finds; and as a text, in
//! which words that stand side by side are looked for. The server takes no text apart: its idea of words, accents and places
//! differs from ours, and from one release to the next.

use std::collections::HashSet;

use anyhow::Result;

use super::{
    Bound, CASE_COLUMNS, CASE_TEXTS, EMAIL_COLUMNS, EMAIL_TEXTS, END_OF_GAP, Emails, FullText, GAPS, Indexed,
    NEXT_GAPS, Part, Value, Wanted,
};

pub(super) const TEXTS: FullText = FullText {
    emails,
    email_ids,
    cases,
    row,
    parts: PARTS,
    has_email: "SELECT EXISTS (SELECT 1 FROM email_words WHERE id = ?1)",
    remove_email: "DELETE FROM email_words WHERE id = ?1",
    // What is deleted here lies in the index until the server cleans up, after the transaction.
    scrub: &[],
};

/// Stands between texts and on both sides of each key of a number, and is a lexeme of rows that have more words than the
/// index takes. Nobody can type it: words have no signs.
const SIGN: &str = "|";
/// A lexeme that no row has.
const NONE: &str = "/";

/// The longest lexeme, and all of a row, in bytes: the server would mix them up beyond that.
const LONGEST: usize = 2_046;
const MOST: usize = (1 << 20) - 1;

const ADD_CASE: &str = "INSERT INTO case_words (id, words, whole, lexemes)
    VALUES (?1, ?2, ?3, array_to_tsvector(string_to_array(?4, ' ')))";

const PARTS: &[Part] = &[
    Part {
        missing: "SELECT count(*) FROM (SELECT 1 FROM emails
            WHERE id > (SELECT coalesce(max(id), 0) FROM email_words) LIMIT ?1) AS those",
        next: "SELECT email_id AS id, octet_length(text) AS size FROM email_bodies
            WHERE email_id > (SELECT coalesce(max(id), 0) FROM email_words) ORDER BY email_id LIMIT ?1",
        texts: EMAIL_TEXTS,
        columns: EMAIL_COLUMNS,
        add: "INSERT INTO email_words (id, words, whole, lexemes)
            VALUES (?1, ?2, ?3, array_to_tsvector(string_to_array(?4, ' ')))",
        before: &[],
    },
    Part {
        missing: GAPS,
        next: NEXT_GAPS,
        texts: CASE_TEXTS,
        columns: CASE_COLUMNS,
        add: ADD_CASE,
        before: &[END_OF_GAP, "DELETE FROM case_words WHERE id = ?1"],
    },
    Part {
        missing: "SELECT count(*) FROM (SELECT 1 FROM cases
            WHERE id > (SELECT coalesce(max(id), 0) FROM case_words) LIMIT ?1) AS those",
        next: "SELECT id, octet_length(description) AS size FROM cases
            WHERE id > (SELECT coalesce(max(id), 0) FROM case_words) ORDER BY id LIMIT ?1",
        texts: CASE_TEXTS,
        columns: CASE_COLUMNS,
        add: ADD_CASE,
        before: &[],
    },
];

fn emails(wanted: &Wanted, bound: &mut Bound) -> Emails {
    let holds = holds(wanted, bound);
    // Not in the order of the key: for that the server would unpack the lexemes of each row.
    Emails { from: "email_words x JOIN emails e ON e.id = x.id", id: "x.id + 0", plain_id: "x.id", holds }
}

fn email_ids(wanted: &Wanted, bound: &mut Bound) -> String {
    format!("SELECT x.id FROM email_words x WHERE {}", holds(wanted, bound))
}

fn cases(wanted: &Wanted, of_emails: &str, bound: &mut Bound) -> Result<String> {
    let holds = holds(wanted, bound);
    Ok(format!(
        "c.id IN (SELECT e.parent_id FROM email_words x JOIN emails e ON e.id = x.id WHERE {holds} AND {of_emails}
            UNION ALL SELECT x.id FROM case_words x WHERE {holds})"
    ))
}

/// A condition on words `x`. The lexemes find what may be meant; the text tells where that is not enough: of words side by
/// side, and where not all words are lexemes.
fn holds(wanted: &Wanted, bound: &mut Bound) -> String {
    let place = bound.add(format!("{} | '{SIGN}'", query(wanted)));
    let in_text = in_text(wanted, bound);
    let or_whole = if has_neighbours(wanted) { "" } else { "x.whole OR " };
    format!("x.lexemes @@ CAST({place} AS tsquery) AND ({or_whole}{in_text})")
}

/// Whether words are to stand side by side.
fn has_neighbours(wanted: &Wanted) -> bool {
    match wanted {
        Wanted::Words { words, .. } => words.len() != 1,
        Wanted::All(parts) | Wanted::Any(parts) => parts.iter().any(has_neighbours),
    }
}

/// The words as the type `tsquery` takes them. They have no quote and no backslash.
pub(super) fn query(wanted: &Wanted) -> String {
    let joined = |parts: Vec<String>, by: &str| match parts.is_empty() {
        true => format!("'{NONE}'"),
        false => format!("({})", parts.join(by)),
    };
    match wanted {
        Wanted::Words { words, begins } => {
            let last = words.len().saturating_sub(1);
            let one = |(at, word): (usize, &String)| {
                let goes_on = if *begins && at == last { ":*" } else { "" };
                format!("'{}'{goes_on}", cut(word))
            };
            joined(words.iter().enumerate().map(one).collect(), " & ")
        }
        Wanted::All(parts) => joined(parts.iter().map(query).collect(), " & "),
        Wanted::Any(parts) => joined(parts.iter().map(query).collect(), " | "),
    }
}

/// The same by the text of the words.
fn in_text(wanted: &Wanted, bound: &mut Bound) -> String {
    let mut joined = |parts: &[Wanted], by: &str| {
        let parts: Vec<String> = parts.iter().map(|part| in_text(part, bound)).collect();
        if parts.is_empty() { "FALSE".to_owned() } else { format!("({})", parts.join(by)) }
    };
    match wanted {
        Wanted::Words { words, .. } if words.is_empty() => "FALSE".to_owned(),
        Wanted::Words { words, begins } => {
            let end = if *begins { "" } else { " " };
            format!("stand_in({}, x.words)", bound.add(format!(" {}{end}", words.join(" "))))
        }
        Wanted::All(parts) => joined(parts, " AND "),
        Wanted::Any(parts) => joined(parts, " OR "),
    }
}

/// The text of the words, whether all of them are lexemes, and the lexemes.
pub(super) fn row(indexed: Indexed) -> Vec<Value> {
    let room = indexed.parts.iter().map(|part| part.len() + 2).sum::<usize>() + indexed.numbers.len() * 2;
    let mut words = String::with_capacity(room + 1);
    words.push(' ');
    for part in indexed.parts.iter().map(String::as_str).chain(indexed.numbers.split(' ')) {
        for word in part.split(' ').filter(|word| !word.is_empty()) {
            words.push_str(word);
            words.push(' ');
        }
        words.push_str(SIGN);
        words.push(' ');
    }
    let (lexemes, is_whole) = lexemes(&words);
    vec![words.into(), is_whole.into(), lexemes.into()]
}

/// Different words, with blanks between them, and whether these are all.
fn lexemes(words: &str) -> (String, bool) {
    let mut seen = HashSet::new();
    let mut lexemes = String::new();
    // Blanks are not stored, but the sign is.
    let mut left = MOST - SIGN.len();
    for word in words.split(' ').filter(|word| !word.is_empty() && *word != SIGN).map(cut) {
        if !seen.insert(word) {
            continue;
        }
        let Some(rest) = left.checked_sub(word.len()) else {
            lexemes.push_str(SIGN);
            return (lexemes, false);
        };
        left = rest;
        lexemes.push_str(word);
        lexemes.push(' ');
    }
    lexemes.pop();
    (lexemes, true)
}

/// A word as a lexeme.
fn cut(word: &str) -> &str {
    word.get(..word.floor_char_boundary(LONGEST)).unwrap_or(word)
}
