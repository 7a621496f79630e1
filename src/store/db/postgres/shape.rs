//! Whether the schema on the server is that of this program: what it has to have is read from the statements that make it.
//! Others can drop a table, a key or an index, or hide rows, and nothing of that shows in an answer.

use std::collections::BTreeMap;

use anyhow::Result;

use super::Conn;
use super::schema::SCHEMA;

/// What the server has in the schema, in the words of [`Part::what`].
const PRESENT: &str = "WITH t AS (SELECT c.oid, c.relname, c.relkind FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
        WHERE s.nspname = current_schema())
    SELECT CASE WHEN relkind = 'v' THEN 'view ' ELSE 'table ' END || relname FROM t WHERE relkind IN ('r', 'v')
    UNION ALL SELECT 'column ' || t.relname || '.' || a.attname FROM t
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE t.relkind = 'r'
    UNION ALL SELECT CASE k.contype WHEN 'p' THEN 'primary key of ' WHEN 'u' THEN 'unique key of ' WHEN 'f' THEN 'key of '
            ELSE 'rule of ' END || t.relname || ' (' || coalesce((SELECT string_agg(CAST(a.attname AS TEXT), ', ' ORDER BY
            CASE WHEN k.contype = 'c' THEN CAST(a.attname AS TEXT) END COLLATE \"C\", c.place)
            FROM unnest(k.conkey) WITH ORDINALITY c (number, place)
            JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.number), '') || ')' || coalesce(' to ' || r.relname, '')
        FROM t JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype IN ('p', 'u', 'f', 'c')
        LEFT JOIN pg_class r ON r.oid = k.confrelid
    UNION ALL SELECT CASE WHEN i.indisunique THEN 'unique ' ELSE '' END || 'index ' || c.relname || ' of ' || t.relname
        FROM t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class c ON c.oid = i.indexrelid
    UNION ALL SELECT 'trigger ' || g.tgname || ' of ' || t.relname FROM t
        JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal AND g.tgenabled <> 'D'
    UNION ALL SELECT 'function ' || p.proname FROM pg_proc p JOIN pg_namespace s ON s.oid = p.pronamespace
        WHERE s.nspname = current_schema()";

/// Tables of which a role may not see every row.
const HIDING: &str = "SELECT CAST(c.relname AS TEXT) FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
    WHERE s.nspname = current_schema() AND c.relkind = 'r' AND c.relrowsecurity ORDER BY c.relname COLLATE \"C\"";

/// All tables of the schema that belong to no extension.
const TABLES: &str = "SELECT CAST(c.relname AS TEXT) FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
    WHERE s.nspname = current_schema() AND c.relkind IN ('r', 'p', 'f')
    AND NOT EXISTS (SELECT FROM pg_depend d
        WHERE d.classid = CAST('pg_class' AS REGCLASS) AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY c.relname COLLATE \"C\"";

/// A part of the schema.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    /// The table that it belongs to; nothing = it stands alone.
    table: String,
    /// As a person calls it.
    what: String,
    /// The statement that makes it again, where that needs nothing of what is gone.
    made_by: String,
}

impl Part {
    fn new(table: &str, what: String, made_by: String) -> Part {
        Part { table: table.to_owned(), what, made_by }
    }

    fn is_table(&self) -> bool {
        self.what.starts_with("table ")
    }
}

/// The statements of a schema, without comments. Bodies of functions, which have statements of their own, end with `$$`.
fn statements(schema: &str) -> Vec<String> {
    let lines = schema.lines().map(|line| line.split("--").next().unwrap_or_default());
    let text = lines.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
    let bodies = text.split("$$").step_by(2).collect::<Vec<_>>().join("$$");
    bodies.split(';').map(|statement| statement.trim().to_owned()).collect()
}

/// Where the bracket closes that was opened before a text.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.char_indices().find_map(|(at, c)| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        (depth < 0).then_some(at)
    })
}

/// The parts of a list, as far as the bracket that closes it.
fn listed(text: &str) -> Vec<&str> {
    let text = closing(text).and_then(|end| text.get(..end)).unwrap_or(text);
    let mut depth = 0;
    let parts = text.split(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    });
    parts.map(str::trim).collect()
}

/// What stands in the bracket after a word.
fn bracket<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (_, inside) = text.split_once(word)?.1.split_once('(')?;
    inside.get(..closing(inside)?)
}

/// The columns that a rule speaks of, by name.
fn spoken_of(rule: &str, columns: &[&str]) -> String {
    // Words in quotes are values.
    let outside = rule.split('\'').step_by(2).collect::<Vec<_>>().join(" ");
    let words: Vec<&str> = outside.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let mut found: Vec<&str> = columns.iter().copied().filter(|column| words.contains(column)).collect();
    found.sort_unstable();
    found.join(", ")
}

fn of_table(statement: &str) -> Vec<Part> {
    let Some((table, rest)) = statement.strip_prefix("CREATE TABLE ").and_then(|rest| rest.split_once(" (")) else {
        return Vec::new();
    };
    let lines = listed(rest);
    let first = |line: &&str| line.split(' ').next().unwrap_or_default().to_owned();
    let is_column = |line: &&str| !["PRIMARY", "UNIQUE", "CHECK"].contains(&first(line).as_str());
    let columns: Vec<String> = lines.iter().copied().filter(|line| is_column(line)).map(|line| first(&line)).collect();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut parts = vec![Part::new("", format!("table {table}"), String::new())];
    for line in lines {
        let column = is_column(&line).then(|| first(&line));
        let (before, rule) =
            line.split_once("CHECK ").map_or((line, None), |(before, _)| (before, bracket(line, "CHECK ")));
        let of = |word: &str| column.clone().or_else(|| bracket(before, word).map(str::to_owned)).unwrap_or_default();
        let add = |words: String| format!("ALTER TABLE {table} ADD {words}");
        if let Some(column) = &column {
            parts.push(Part::new(table, format!("column {table}.{column}"), String::new()));
        }
        for (word, what) in [("PRIMARY KEY", "primary key"), ("UNIQUE", "unique key")] {
            if before.contains(word) {
                let columns = of(word);
                parts.push(Part::new(
                    table,
                    format!("{what} of {table} ({columns})"),
                    add(format!("{word} ({columns})")),
                ));
            }
        }
        if let Some((_, to)) = before.split_once("REFERENCES ") {
            let (columns, other) = (of("FOREIGN KEY"), to.split(' ').next().unwrap_or_default());
            let words = add(format!("FOREIGN KEY ({columns}) REFERENCES {}", to.trim()));
            parts.push(Part::new(table, format!("key of {table} ({columns}) to {other}"), words));
        }
        if let Some(rule) = rule {
            let what = format!("rule of {table} ({})", spoken_of(rule, &columns));
            parts.push(Part::new(table, what, add(format!("CHECK ({rule})"))));
        }
    }
    parts
}

/// What a statement makes in addition to tables.
fn of_other(statement: &str) -> Option<Part> {
    let (kind, rest) = ["UNIQUE INDEX", "INDEX", "VIEW", "FUNCTION", "TRIGGER"].into_iter().find_map(|kind| {
        Some((kind.to_lowercase(), statement.strip_prefix("CREATE ")?.strip_prefix(kind)?.strip_prefix(' ')?))
    })?;
    let name = rest.split([' ', '(']).next()?;
    let made_by = if statement.contains("$$") { String::new() } else { statement.to_owned() };
    Some(match kind.as_str() {
        "view" | "function" => Part::new("", format!("{kind} {name}"), made_by),
        // The columns of a trigger come after another ON, and are in no table of that name.
        _ => {
            let after = if kind == "trigger" { rest.rsplit_once(" FOR EACH ROW")?.0 } else { rest };
            let table = match kind.as_str() {
                "trigger" => after.rsplit_once(" ON ")?.1,
                _ => after.split_once(" ON ")?.1,
            };
            let table = table.split(' ').next()?;
            Part::new(table, format!("{kind} {name} of {table}"), made_by)
        }
    })
}

fn expected() -> Vec<Part> {
    let parts = |statement: &String| match of_other(statement) {
        Some(part) => vec![part],
        None => of_table(statement),
    };
    statements(SCHEMA).iter().flat_map(parts).collect()
}

/// The tables of this program.
pub(super) fn own_tables() -> Vec<String> {
    expected().iter().filter_map(|part| Some(part.what.strip_prefix("table ")?.to_owned())).collect()
}

/// One line for each part that is missing; what belongs to a table that is missing is not told again.
fn missing(expected: &[Part], present: Vec<String>) -> Vec<String> {
    let mut left: BTreeMap<String, usize> = BTreeMap::new();
    present.into_iter().for_each(|what| *left.entry(what).or_default() += 1);
    let mut is_there = |part: &Part| match left.get_mut(&part.what).filter(|count| **count > 0) {
        Some(count) => {
            *count -= 1;
            true
        }
        None => false,
    };
    let gone: Vec<&Part> = expected.iter().filter(|part| !is_there(part)).collect();
    let tables: Vec<&str> = gone.iter().filter(|part| part.is_table()).filter_map(|part| part.what.get(6..)).collect();
    let told = gone.iter().filter(|part| !tables.contains(&part.table.as_str()));
    told.map(|part| match part.made_by.as_str() {
        "" => format!("{} is missing", part.what),
        made_by => format!("{} is missing: {made_by}", part.what),
    })
    .collect()
}

impl Conn {
    fn names(&self, sql: &str) -> Result<Vec<String>> {
        let rows = self.link.borrow_mut().client.query(sql, &[])?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// What this version needs and the schema has not, and tables of which rows may be hidden: one line for each.
    pub fn gaps(&self) -> Result<Vec<String>> {
        let expected = expected();
        let mut lines = missing(&expected, self.names(PRESENT)?);
        let own = own_tables();
        lines.extend(self.names(HIDING)?.iter().filter(|table| own.contains(table)).map(|table| {
            format!(
                "table {table} has row-level security, which hides rows: ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"
            )
        }));
        Ok(lines)
    }

    /// Tables of something else in the same schema.
    pub fn foreign_tables(&self) -> Result<Vec<String>> {
        let own = own_tables();
        Ok(self.names(TABLES)?.into_iter().filter(|table| !own.contains(table)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whats(statement: &str) -> Vec<String> {
        of_other(statement).into_iter().chain(of_table(statement)).map(|part| part.what).collect()
    }

    #[test]
    fn parts_of_a_schema_are_read_from_its_statements() {
        let table = "CREATE TABLE a ( id BIGINT PRIMARY KEY REFERENCES b ON DELETE CASCADE DEFERRABLE, \
            kind TEXT NOT NULL UNIQUE CHECK (kind IN ('id', 'x, y')), PRIMARY KEY (id, kind), UNIQUE (kind), \
            CHECK ((id IS NULL) = (kind = 'z')) )";
        assert_eq!(
            whats(table),
            [
                "table a",
                "column a.id",
                "primary key of a (id)",
                "key of a (id) to b",
                "column a.kind",
                "unique key of a (kind)",
                "rule of a (kind)",
                "primary key of a (id, kind)",
                "unique key of a (kind)",
                "rule of a (id, kind)",
            ]
        );
        let remedies: Vec<String> = of_table(table).into_iter().map(|part| part.made_by).collect();
        for made_by in [
            "ALTER TABLE a ADD FOREIGN KEY (id) REFERENCES b ON DELETE CASCADE DEFERRABLE",
            "ALTER TABLE a ADD CHECK (kind IN ('id', 'x, y'))",
            "ALTER TABLE a ADD PRIMARY KEY (id, kind)",
        ] {
            assert!(remedies.iter().any(|one| one == made_by), "{made_by}: {remedies:#?}");
        }
        for (statement, what) in [
            ("CREATE UNIQUE INDEX i ON a (lower(kind))", "unique index i of a"),
            ("CREATE INDEX i ON a USING gin (kind)", "index i of a"),
            ("CREATE VIEW v AS SELECT 1", "view v"),
            ("CREATE FUNCTION f(x TEXT) RETURNS TEXT AS $$$$", "function f"),
            (
                "CREATE TRIGGER t AFTER UPDATE OF x ON a FOR EACH ROW WHEN (old.x <> new.x) EXECUTE FUNCTION f()",
                "trigger t of a",
            ),
        ] {
            assert_eq!(whats(statement), [what], "{statement}");
        }
        assert!(own_tables().len() > 45, "{:?}", own_tables());
    }

    #[test]
    fn a_part_that_is_missing_is_told_with_its_statement_and_not_twice() {
        let schema =
            ["CREATE TABLE a ( id BIGINT UNIQUE, CHECK (id > 0), CHECK (id < 9) )", "CREATE INDEX i ON a (id)"];
        let expected: Vec<Part> =
            schema.iter().flat_map(|one| of_table(one).into_iter().chain(of_other(one))).collect();
        let all = || expected.iter().map(|part| part.what.clone()).collect::<Vec<_>>();
        assert_eq!(missing(&expected, all()), Vec::<String>::new());
        assert_eq!(missing(&expected, Vec::new()), ["table a is missing"]);
        let without = |at: usize| {
            let mut some = all();
            some.remove(at);
            missing(&expected, some)
        };
        assert_eq!(without(2), ["unique key of a (id) is missing: ALTER TABLE a ADD UNIQUE (id)"]);
        assert_eq!(without(3), ["rule of a (id) is missing: ALTER TABLE a ADD CHECK (id < 9)"], "one of two");
        assert_eq!(without(5), ["index i of a is missing: CREATE INDEX i ON a (id)"]);
    }
}
