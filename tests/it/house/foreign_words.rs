//! What the system and the libraries say reaches people by `system_words` alone.

use super::layers::sources;

/// Files whose errors in braces are of the program's own types, in words for people, with how many there are.
const OWN: &[(&str, usize)] = &[
    ("cli/account/exchange.rs", 1),
    ("cli/account/fetching.rs", 1),
    ("cli/account/servers.rs", 2),
    ("cli/case/change.rs", 1),
    ("cli/case/targets.rs", 1),
    ("cli/connect.rs", 1),
    ("cli/filter/change.rs", 3),
    ("cli/notification.rs", 2),
    ("cli/query.rs", 3),
    ("cli/record/sheet.rs", 3),
    ("cli/template.rs", 1),
    ("filter.rs", 1),
    ("filter/action.rs", 1),
    ("filter/condition.rs", 3),
    ("filter/lazy_dfa.rs", 1),
    ("filter/regex.rs", 2),
    ("net/discover/web.rs", 1),
    ("net/http.rs", 4),
    ("net/imap.rs", 1),
    ("oauth/issuer.rs", 2),
    ("oauth/renew.rs", 1),
    ("store/db/row.rs", 2),
    ("store/db/sqlite/error.rs", 1),
];

/// Words of libraries, which no text of the program has.
const FOREIGN: &[&str] = &[
    "os error",
    "invalid digit",
    "at byte",
    "Error code",
    "expected usize",
    "unknown variant",
    "expected one of",
    "did not contain valid UTF-8",
    "unexpected argument",
    "no such file or directory (",
];

/// Files that take them out of what libraries say.
const TAKES_OUT: &[&str] = &["system_words.rs", "config/faults.rs"];

/// Names that errors have where they are shown.
const ERRORS: &[&str] = &[
    "{e}",
    "{e:#}",
    "{e:?}",
    "{error}",
    "{error:#}",
    "{error:?}",
    "{err}",
    "{err:#}",
    "e.to_string()",
    "error.to_string()",
];
/// What puts them into words.
const WORDS: &[&str] = &["plain(", "reason(", "chain("];

/// Whether a line shows an error as it is.
fn is_raw(line: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    let shows = |error: &&str| line.match_indices(*error).any(|(at, _)| !line[..at].ends_with(is_letter));
    let has = |words: &[&str]| words.iter().any(|one| line.contains(*one));
    ERRORS.iter().any(shows) && !has(WORDS) && !line.trim_start().starts_with("//")
}

#[test]
fn errors_of_libraries_are_put_into_words() {
    let mut found = Vec::new();
    for (path, text) in sources() {
        let path = path.display().to_string();
        if path.ends_with("tests.rs") || path.contains("/tests/") || path == "system_words.rs" {
            continue;
        }
        let count = text.lines().filter(|line| is_raw(line)).count();
        if count > 0 {
            found.push((path, count));
        }
    }
    found.sort();
    let known: Vec<_> = OWN.iter().map(|(path, count)| ((*path).to_owned(), *count)).collect();
    assert_eq!(found, known, "an error of a library goes through system_words::reason, ::chain or ::plain");
}

#[test]
fn no_text_of_the_program_has_words_of_libraries() {
    for (path, text) in sources() {
        let path = path.display().to_string();
        if path.ends_with("tests.rs") || path.contains("/tests/") || TAKES_OUT.contains(&path.as_str()) {
            continue;
        }
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            for words in FOREIGN {
                assert!(!line.contains(words), "src/{path}: \"{words}\" in {}", line.trim());
            }
        }
    }
}
