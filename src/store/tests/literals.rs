//! The statements in the sources of the store.

use std::path::{Path, PathBuf};

use crate::store::db::Dialect;

/// A string of a source file that begins a statement.
pub struct Literal {
    /// File and line.
    pub place: String,
    pub text: String,
    /// The name of the constant that it is.
    pub constant: Option<String>,
}

impl Literal {
    /// The engine of which alone it is; `None` = of all of them.
    pub fn engine(&self) -> Option<Dialect> {
        let of = |(file, engine): &(&str, Dialect)| self.place.starts_with(file).then_some(*engine);
        OF_ENGINE.iter().find_map(of)
    }

    /// Whether it is for this engine.
    pub fn is_for(&self, engine: Dialect) -> bool {
        self.engine().is_none_or(|of| of == engine)
    }

    /// Whether parts are put into it.
    pub fn has_holes(&self) -> bool {
        self.pieces().len() > 1
    }

    /// What stands between the parts that are put into it.
    fn pieces(&self) -> Vec<&str> {
        let mut pieces = Vec::new();
        let mut rest = self.text.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let Some((_, after)) = after.split_once('}') else { break };
            pieces.push(before);
            rest = after;
        }
        pieces.push(rest);
        pieces
    }

    /// Whether a statement is, or begins as, this one with something in its holes.
    pub fn fits(&self, sql: &str) -> bool {
        let mut rest = sql;
        self.pieces().into_iter().all(|piece| match rest.find(piece) {
            Some(at) => {
                rest = &rest[at + piece.len()..];
                true
            }
            None => false,
        })
    }
}

/// Files with texts that one engine has.
const OF_ENGINE: [(&str, Dialect); 5] = [
    ("store/hosts.rs", Dialect::Postgres),
    ("store/leases.rs", Dialect::Postgres),
    ("store/sealed_secrets.rs", Dialect::Postgres),
    ("store/search/full_text/fts5.rs", Dialect::Sqlite),
    ("store/search/full_text/lexemes.rs", Dialect::Postgres),
];

const VERBS: [&str; 5] = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];

/// All statements of the store but those of `db`, which names the engine. Tests have their own.
pub fn all() -> Vec<Literal> {
    strings()
        .into_iter()
        .filter(|one| one.text.split_whitespace().next().is_some_and(|word| VERBS.contains(&word)))
        .collect()
}

/// All strings of the same files.
pub fn strings() -> Vec<Literal> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for path in files(&root.join("store")) {
        let shown = path.strip_prefix(&root).unwrap().display().to_string();
        if shown.starts_with("store/db") || path.iter().any(|part| part == "tests" || part == "tests.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        found.extend(of_source(text).into_iter().map(|(at, literal)| Literal {
            place: format!("{shown}:{}", text[..at].lines().count()),
            text: literal,
            constant: constant(&text[..at]),
        }));
    }
    found
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false if path.extension().is_some_and(|end| end == "rs") => found.push(path),
            false => {}
        }
    }
    found.sort();
    found
}

/// The name of the constant whose value begins where `before` ends.
fn constant(before: &str) -> Option<String> {
    let rest = before.trim_end().strip_suffix("&str =")?.trim_end().strip_suffix(':')?;
    let name = rest.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    Some(name.to_owned())
}

/// The strings of a source, each with the place where it begins.
fn of_source(text: &str) -> Vec<(usize, String)> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if first == '\'' {
            // A character, or the name of a lifetime.
            let inside = rest.chars().skip(1).take(2).collect::<String>();
            at += match inside.starts_with('\\') {
                true => 2 + rest[2..].find('\'').unwrap() + 1,
                false if inside.ends_with('\'') => 1 + inside.len(),
                false => 1,
            };
        } else if first == '"' {
            let (literal, length) = unescaped(&rest[1..]);
            found.push((at, literal));
            at += 1 + length;
        } else {
            at += first.len_utf8();
        }
    }
    found
}

/// A string up to its end, and how many bytes that takes.
fn unescaped(text: &str) -> (String, usize) {
    let (mut literal, mut chars) = (String::new(), text.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (literal, at + 1),
            '\\' => match chars.next() {
                Some((_, 'n')) => literal.push('\n'),
                Some((_, other)) => literal.push(other),
                None => break,
            },
            c => literal.push(c),
        }
    }
    (literal, text.len())
}

#[test]
fn strings_are_found_where_they_stand() {
    let source =
        "// \"no\"\nfn f<'a>(x: &'a str) { let c = '\"'; let d = '\\''; g(\"SELECT \\\"a\\\"\n  FROM {T} WHERE {}\") }";
    let found = of_source(source);
    assert_eq!(found.len(), 1, "{found:?}");
    let literal = Literal { place: String::new(), text: found[0].1.clone(), constant: None };
    assert_eq!(literal.text, "SELECT \"a\"\n  FROM {T} WHERE {}");
    assert!(literal.fits("SELECT \"a\"\n  FROM x WHERE y = 1") && !literal.fits("SELECT \"a\"\n  FROM x"));
    assert_eq!(constant("pub const SELECT: &str =\n    ").as_deref(), Some("SELECT"));
    assert_eq!(constant("let sql = "), None);
}
