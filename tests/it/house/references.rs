//! What is cited is there. Rules by their numbers: what code, tests, schema and manual cite has a heading in
//! `src/rules.md`, and every heading is cited by one of them. Files: what the page for contributors names exists.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Where numbers are looked for.
const PLACES: [&str; 7] = ["src", "tests", "benches", "fuzz", "man", "schema.sql", "Makefile"];
const RULES: &str = "src/rules.md";
/// Sources, schema, scripts and pages of the manual; mails and words would give numbers by chance.
const KINDS: [&str; 9] = ["rs", "sql", "sh", "py", "md", "1", "5", "7", ""];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file at or below a place, build results aside.
fn files(place: PathBuf) -> Vec<PathBuf> {
    if !place.is_dir() {
        return vec![place];
    }
    let entries = std::fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| !path.ends_with("target")).flat_map(files).collect()
}

/// The numbers in a text: B, R or S, a number, and perhaps a second one after a dot.
fn numbers(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let is_joint = |c: char| c == '.' || c == '_' || c == '=' || c == '%' || c == '+' || c == '/' || c == '?';
    for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || is_joint(c))) {
        let word = word.trim_matches('.');
        let parts: Vec<&str> =
            word.strip_prefix(['B', 'R', 'S']).into_iter().flat_map(|rest| rest.split('.')).collect();
        let is_number = |part: &&str| (1..3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        if (1..3).contains(&parts.len()) && parts.iter().all(is_number) {
            found.insert(word.to_owned());
        }
    }
    found
}

/// Each number that is cited, with a file that does.
fn cited() -> BTreeMap<String, PathBuf> {
    let mut cited = BTreeMap::new();
    for path in PLACES.iter().flat_map(|place| files(root().join(place))) {
        let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
        // The examples below are none.
        let is_aside = path.ends_with(RULES) || path.ends_with(file!());
        if is_aside || !KINDS.contains(&kind) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        cited.extend(numbers(&text).into_iter().map(|number| (number, path.clone())));
    }
    cited
}

/// The numbers that have a heading, in the order of the page.
fn headings() -> Vec<String> {
    let text = std::fs::read_to_string(root().join(RULES)).unwrap();
    let titles =
        text.lines().filter_map(|line| line.strip_prefix('#').map(|title| title.trim_start_matches(['#', ' '])));
    titles.filter_map(|title| numbers(title.split(' ').next()?).into_iter().next()).collect()
}

#[test]
fn every_cited_rule_has_a_heading_and_every_heading_is_cited() {
    let (cited, headings) = (cited(), headings());
    let mut faults = Vec::new();
    for (number, path) in &cited {
        if !headings.contains(number) {
            let place = path.strip_prefix(root()).unwrap().display();
            faults.push(format!("{place} cites {number}, which has no heading in {RULES}"));
        }
    }
    for (at, number) in headings.iter().enumerate() {
        // A chapter is cited by any of its rules.
        let is_cited = cited.contains_key(number) || cited.keys().any(|rule| rule.starts_with(&format!("{number}.")));
        if !is_cited {
            faults.push(format!("{RULES} has a heading for {number}, which nothing cites"));
        }
        if headings.iter().take(at).any(|earlier| earlier == number) {
            faults.push(format!("{RULES} has two headings for {number}"));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(headings.len() > 100 && cited.len() > 100, "{} headings, {} cited", headings.len(), cited.len());
}

#[test]
fn every_file_that_contributors_are_sent_to_exists() {
    let page = std::fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let named: Vec<&str> = page.split('`').skip(1).step_by(2).filter(|code| !code.contains([' ', '(', '='])).collect();
    let roots = ["src/", "tests/", "fuzz/", "man/"];
    let is_file = |name: &&&str| roots.iter().any(|root| name.starts_with(root)) || name.ends_with(".toml");
    let missing: Vec<&&str> = named.iter().filter(is_file).filter(|name| !root().join(name).exists()).collect();
    assert!(missing.is_empty(), "CONTRIBUTING.md names files that are not there: {missing:?}");
    assert!(named.iter().filter(is_file).count() > 30, "{named:?}");
}

#[test]
fn numbers_are_told_from_words() {
    let text = "(B4.9-B4.13), R1, promise S6: B12. =?utf-8?B?B2?= C=B3 B4.9.1 B123 S/MIME RB2 X_B2 `B5`";
    assert_eq!(Vec::from_iter(numbers(text)), ["B12", "B4.13", "B4.9", "B5", "R1", "S6"]);
}
