//! The rooms of `lib.rs`: an arrow that is not in its table fails here, and SQLite is named by its engine alone.

mod circles;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Crates and the only place they may be named in.
const CRATES: &[(&str, &str)] = &[
    ("rusqlite", "store/db/sqlite"),
    ("postgres_openssl", "store/db/postgres"),
    ("lettre", "net"),
    ("native_tls", "net"),
    ("ureq", "net"),
    ("simple_dns", "net/discover"),
    ("roxmltree", "net/discover"),
    ("mailparse", "mail"),
];

pub(crate) fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut directories, mut found) = (vec![root.clone()], Vec::new());
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                // Tests inside a file may look behind the walls.
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
                found.push((path.strip_prefix(&root).unwrap().to_owned(), text));
            }
        }
    }
    found
}

/// Whether a file holds tests alone.
fn is_test(path: &Path) -> bool {
    path.iter().any(|part| part == "tests.rs" || part == "tests")
}

/// Parts of rooms that others must not name: they speak to traits.
const INNER: &[(&str, &[&str])] = &[
    ("intake", &["net::imap", "net::smtp", "net::tls", "net::guard"]),
    ("outbox", &["net::imap", "net::smtp", "net::tls", "net::guard"]),
];

/// The rooms of the table in `lib.rs`, each with those that it uses.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let linked =
        |cell: &str| cell.split("[`").skip(1).filter_map(|part| part.split('`').next()).map(str::to_owned).collect();
    let mut rooms = BTreeMap::new();
    for row in text.lines().filter(|line| line.starts_with("//! | [`")) {
        let cells: Vec<&str> = row.trim_end_matches(" |").split(" | ").collect();
        let names: Vec<String> = linked(cells[1]);
        rooms.insert(names[0].clone(), linked(cells.last().unwrap()).into_iter().collect());
    }
    rooms
}

/// The room of a source file; `main.rs` and `lib.rs` are none.
fn room(path: &Path) -> Option<String> {
    let first = path.iter().next()?.to_str()?.trim_end_matches(".rs").to_owned();
    (!["main", "lib"].contains(&first.as_str())).then_some(first)
}

/// Names after `crate::`, alone or in braces.
fn named(text: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut names = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(list) => {
                names.extend(list.split('}').next().unwrap_or_default().split(',').map(|item| word(item.trim())))
            }
            None => drop(names.insert(word(rest))),
        }
    }
    names
}

#[test]
fn rooms_use_what_the_table_says_and_nothing_else() {
    let (table, mut used) = (table(), BTreeMap::<String, BTreeSet<String>>::new());
    let mut faults = Vec::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| !is_test(path)) {
        let Some(room) = room(&path) else { continue };
        let arrows = named(&text).into_iter().filter(|name| *name != room && table.contains_key(name));
        let Some(allowed) = table.get(&room) else {
            faults.push(format!("{room} is not in the table"));
            continue;
        };
        for name in arrows {
            if !allowed.contains(&name) {
                faults.push(format!("{} ({room}) names {name}", path.display()));
            }
            used.entry(room.clone()).or_default().insert(name);
        }
        for (_, inner) in INNER.iter().filter(|(name, _)| *name == room) {
            let found = inner.iter().filter(|name| text.contains(&format!("crate::{name}")));
            faults.extend(found.map(|name| format!("{} names {name}", path.display())));
        }
    }
    for (room, allowed) in &table {
        let unused = allowed.difference(used.get(room).unwrap_or(&BTreeSet::new())).cloned().collect::<Vec<_>>();
        if !unused.is_empty() {
            faults.push(format!("{room} does not use {unused:?}"));
        }
    }
    assert!(table.len() > 20, "{table:?}");
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn protocol_crates_and_sql_stay_in_their_rooms() {
    let mut faults = Vec::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| !is_test(path)) {
        let place = path.display().to_string();
        for (name, home) in CRATES {
            // compose uses lettre's builder, which speaks no protocol.
            let excused = *name == "lettre" && place.starts_with("mail/compose");
            if text.contains(&format!("{name}::")) && !place.starts_with(home) && !excused {
                faults.push(format!("{place} names {name}"));
            }
        }
        let sql =
            ["SELECT ", "INSERT ", "UPDATE ", "DELETE FROM"].iter().any(|word| text.contains(&format!("\"{word}")));
        if sql && !place.starts_with("store/") {
            faults.push(format!("{place} holds SQL"));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// What begins a transaction, and what takes as long as people, servers or other programs like.
const TRANSACTIONS: &[&str] = &[".write(", ".administer(", ".rehearse(", ".write_and_scrub(", ".read(|"];
const WAITS: &[&str] = &[
    "ctx.done(",
    "ui.ask",
    "ui.done",
    "ui.hint",
    "ui.line",
    "ui.list",
    "ui.note",
    "ui.object",
    "ui.problem",
    "ui.prompt",
    "ui.text",
    "ui.verbose",
    "ui.warn",
    "watch(",
    ".confirm",
    ".edit()",
    "stdin()",
    "connect(",
    "connect::",
    "Command::new",
    "command::run",
    ".resolve(",
    "sleep(",
];

/// Everybody else waits for a transaction, so a transaction waits for nobody.
#[test]
fn no_transaction_waits() {
    let (mut faults, mut seen) = (Vec::new(), 0);
    for (path, text) in sources().into_iter().filter(|(path, _)| !path.starts_with("store") && !path.starts_with("net"))
    {
        for (at, begin) in TRANSACTIONS.iter().flat_map(|begin| text.match_indices(begin)) {
            let inside = in_parentheses(&text[at + begin.len()..], begin.matches('(').count());
            seen += 1;
            for word in WAITS.iter().filter(|word| inside.contains(**word)) {
                faults.push(format!("{}: {word} in {inside}", path.display()));
            }
        }
    }
    assert!(seen > 150, "only {seen} transactions were found");
    assert!(faults.is_empty(), "{faults:#?}");
}

/// The text up to where this number of parentheses is closed.
fn in_parentheses(text: &str, mut depth: usize) -> &str {
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[..at];
        }
    }
    text
}

/// Files of `cli` whose writes are not those of `Context::write`: ledgers of their own tell of them, or they are logged as
/// a whole.
const UNLOGGED: &[&str] = &[
    "cli/account/audit.rs",
    "cli/context.rs",
    "cli/db/prune.rs",
    "cli/fetch/choice.rs",
    "cli/send.rs",
    "cli/import.rs",
    "cli/ingest.rs",
    "cli/quarantine.rs",
    "cli/query.rs",
    "cli/record/erase.rs",
];

/// Files that open a database past the context. The keeper writes leases, which are in no log.
const OPENERS: &[&str] = &[
    "claim/keeper.rs",
    "cli/context.rs",
    "cli/db/copy.rs",
    "cli/db/restore.rs",
    "cli/init.rs",
    "store/db.rs",
    "store/db/open.rs",
];

#[test]
fn no_command_writes_past_the_log() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let place = path.display().to_string();
        for (name, may) in [("unlogged_store(", UNLOGGED), ("Store::open(", OPENERS), ("Store::create(", OPENERS)] {
            if text.contains(name) && !may.contains(&place.as_str()) && !is_test(&path) {
                faults.push(format!("{place} calls {name}"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Whichever engine holds the rows of a test run, one file knows it.
#[test]
fn tests_open_a_database_through_one_helper() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut directories, mut faults) = (vec![root.join("src"), root.join("tests")], Vec::new());
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let place = path.strip_prefix(root).unwrap().display().to_string();
            let may = ["src/store/db", "tests/it/support/database.rs", "tests/it/house/"];
            if path.is_dir() {
                directories.push(path);
            } else if place.ends_with(".rs") && may.iter().all(|may| !place.starts_with(may)) {
                let text = std::fs::read_to_string(path).unwrap();
                let past = ["Store::for_test(", "Store::create(", "Store::open"]
                    .map(|name| place.starts_with("tests") && text.contains(name));
                if text.contains("rusqlite") || past.contains(&true) {
                    faults.push(place);
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// A longer file holds more than one idea.
const MOST_LINES: usize = 450;

#[test]
fn no_file_is_long() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut faults = Vec::new();
    for (path, _) in sources() {
        let place = path.display().to_string();
        let lines = std::fs::read_to_string(root.join(&path)).unwrap().lines().count();
        if lines > MOST_LINES {
            faults.push(format!("{place} has {lines} lines"));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn only_ui_prints() {
    let printing: Vec<String> = sources()
        .into_iter()
        .filter(|(path, text)| !path.starts_with("ui") && (text.contains("println!") || text.contains("eprint!")))
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert!(printing.is_empty(), "{printing:?}");
}
