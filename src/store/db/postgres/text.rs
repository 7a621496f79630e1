//! Statements as PostgreSQL takes them. They are written for both engines; what is left are signs that each spells its own
//! way, and hints that this engine does not need.

/// The text of a statement for this engine. In what is outside of quotes:
/// - values are `$1`, not `?1`,
/// - `lower(?1)` is of ASCII letters only, in any language of the server,
/// - `CROSS JOIN … ON` and `INDEXED BY`, which tell SQLite an order and an index, are left out.
pub(super) fn own(sql: &str) -> String {
    let mut own = String::with_capacity(sql.len() + 16);
    for (number, part) in sql.split('\'').enumerate() {
        if number > 0 {
            own.push('\'');
        }
        match number % 2 {
            0 => outside(part, &mut own),
            _ => own.push_str(part),
        }
    }
    own
}

fn outside(part: &str, own: &mut String) {
    let plain = part.replace("CROSS JOIN", "JOIN");
    let mut pieces = plain.split("INDEXED BY ");
    let first = pieces.next().unwrap_or_default();
    let after = pieces.map(|piece| piece.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'));
    for piece in [first].into_iter().chain(after) {
        values(piece, own);
    }
}

fn values(piece: &str, own: &mut String) {
    let mut parts = piece.split('?');
    own.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = part.strip_suffix(rest).unwrap_or_default();
        let is_lowered = own.ends_with("lower(");
        own.push('$');
        own.push_str(number);
        own.push_str(if is_lowered { " COLLATE \"C\"" } else { "" });
        own.push_str(rest);
    }
}

/// The table that a statement writes.
pub(super) fn written(sql: &str) -> Option<&str> {
    let mut words = sql.split(|c: char| c.is_whitespace() || c == '(').filter(|word| !word.is_empty());
    match words.next()? {
        "INSERT" | "DELETE" => words.nth(1),
        "UPDATE" => words.next(),
        _ => None,
    }
}

/// An INSERT of one row that is given its id as well, as the value of this place; `None` = it is written in another way.
pub(super) fn with_id(sql: &str, place: usize) -> Option<String> {
    let (columns, values) = sql.split_once("VALUES")?;
    let columns = columns.trim_end().strip_suffix(')')?;
    let values = values.trim().strip_suffix(')').filter(|values| values.starts_with('('))?;
    let (_, names) = columns.split_once('(')?;
    if names.split(',').any(|name| name.trim().trim_matches('"') == "id") {
        return None;
    }
    let is_plain = !values.contains("VALUES") && !values.contains("ON CONFLICT");
    is_plain.then(|| format!("{columns}, id) VALUES {values}, ?{place})"))
}

/// Whether a statement that writes says what it answers.
pub(super) fn returns(sql: &str) -> bool {
    sql.contains("RETURNING ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_put_as_the_engine_takes_them() {
        for (sql, expected) in [
            ("SELECT 1", "SELECT 1"),
            ("SELECT ?1, ?12 WHERE a = '?1' AND b = ?2", "SELECT $1, $12 WHERE a = '?1' AND b = $2"),
            ("a = 'it''s ?1' AND b = ?1", "a = 'it''s ?1' AND b = $1"),
            ("lower(name) = lower(?1)", "lower(name) = lower($1 COLLATE \"C\")"),
            ("FROM a CROSS JOIN b ON b.id = a.id", "FROM a JOIN b ON b.id = a.id"),
            ("FROM emails e INDEXED BY emails_from WHERE a = ?1", "FROM emails e  WHERE a = $1"),
            ("FROM notes INDEXED BY notes_remarks\n WHERE TRUE", "FROM notes \n WHERE TRUE"),
            ("SELECT 'é', 'CROSS JOIN'", "SELECT 'é', 'CROSS JOIN'"),
        ] {
            assert_eq!(own(sql), expected);
        }
    }

    #[test]
    fn an_insert_of_one_row_can_be_given_its_id() {
        for (sql, expected) in [
            (
                "INSERT INTO teams (name, created_at)\n  VALUES (?1, lower(?2))",
                Some("INSERT INTO teams (name, created_at, id) VALUES (?1, lower(?2), ?3)"),
            ),
            ("INSERT INTO teams (name) VALUES (?1) ON CONFLICT DO NOTHING", None),
            ("INSERT INTO teams (name) VALUES (?1) ON CONFLICT (name) DO UPDATE SET name = lower(?1)", None),
            ("INSERT INTO teams (name) SELECT name FROM teams", None),
            ("INSERT INTO teams (name) VALUES (?1), (?2) RETURNING id", None),
            ("INSERT INTO teams VALUES (?1)", None),
            ("INSERT INTO teams (\"id\", name) VALUES (?1, ?2)", None),
        ] {
            assert_eq!(with_id(sql, 3).as_deref(), expected, "{sql}");
        }
    }

    #[test]
    fn the_table_that_a_statement_writes_is_named() {
        for (sql, table) in [
            ("INSERT INTO teams (name) VALUES (?1)", Some("teams")),
            ("INSERT INTO teams(name) VALUES (?1)", Some("teams")),
            ("UPDATE cases SET status = ?1", Some("cases")),
            ("DELETE FROM notes\n WHERE id = ?1", Some("notes")),
            ("SELECT 1 FROM teams", None),
            ("SAVEPOINT message", None),
            ("", None),
        ] {
            assert_eq!(written(sql), table, "{sql}");
        }
    }
}
