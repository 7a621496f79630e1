//! Doc comments: every module has one, and none says no more than the name of what it stands on.

use std::path::{Path, PathBuf};

use super::layers::sources;

/// Words without a meaning of their own here.
const EMPTY: [&str; 25] = [
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "it", "its", "of", "on", "or", "s",
    "that", "the", "their", "this", "to", "which", "with",
];

/// The words of a text in lower case, those of camel case and snake case apart, without endings.
fn words(text: &str) -> Vec<String> {
    let mut apart = String::new();
    for letter in text.chars() {
        let begins = letter.is_uppercase() && apart.ends_with(|before: char| before.is_lowercase());
        apart.extend(begins.then_some(' '));
        apart.push(letter);
    }
    let lower = apart.to_lowercase();
    let all = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty() && !EMPTY.contains(word));
    all.map(|word| ["ies", "es", "s", "y"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word).to_owned())
        .collect()
}

/// Whether a comment of one line says no more than the item below it.
fn says_nothing(comment: &str, item: &str) -> bool {
    let (said, known) = (words(comment), words(item));
    // Other signs stand for more than words.
    let is_plain = comment.chars().all(|c| c.is_alphanumeric() || " .'-".contains(c));
    is_plain && said.len() <= 4 && said.iter().all(|word| known.contains(word))
}

/// Number, comment and item of each doc comment that says nothing.
fn idle(text: &str) -> Vec<(usize, &str, &str)> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let comment = |at: usize| lines.get(at).and_then(|line| line.strip_prefix("/// "));
    let is_alone =
        |at: usize| comment(at + 1).is_none() && at.checked_sub(1).is_none_or(|before| comment(before).is_none());
    let mut found = Vec::new();
    for at in (0..lines.len()).filter(|at| is_alone(*at)) {
        let item = lines.iter().skip(at + 1).find(|line| !line.starts_with("#[") && **line != "///");
        if let (Some(said), Some(item)) = (comment(at), item)
            && says_nothing(said, item)
        {
            found.push((at + 1, said, *item));
        }
    }
    found
}

#[test]
fn no_doc_comment_repeats_the_name() {
    let mut faults = Vec::new();
    // Those of commands are their help.
    for (path, text) in sources().into_iter().filter(|(path, _)| !path.starts_with(Path::new("cli"))) {
        let idle = idle(&text).into_iter();
        faults.extend(idle.map(|(line, said, item)| format!("src/{}:{line}: {said} | {item}", path.display())));
    }
    faults.sort();
    assert!(faults.is_empty(), "say more than the name, or nothing:\n{}", faults.join("\n"));
}

#[test]
fn every_module_begins_with_what_it_is_for() {
    let is_silent = |(path, text): &(PathBuf, String)| !path.ends_with("tests.rs") && !text.starts_with("//!");
    let silent: Vec<PathBuf> = sources().into_iter().filter(is_silent).map(|(path, _)| path).collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn what_says_nothing() {
    for (comment, item, expected) in [
        ("Name.", "pub name: String,", true),
        ("Its email.", "pub email_id: i64,", true),
        ("A row of the outbox.", "pub struct OutboxRow {", true),
        ("By id.", "pub fn by_id(tx: &Tx<'_>, id: i64) -> Result<Option<User>> {", true),
        ("The teams of a user.", "pub fn of_user(tx: &Tx<'_>, user_id: i64) -> Result<Vec<Team>> {", true),
        ("To.", "pub to: Vec<Mailbox>,", true),
        ("`--from`.", "pub from: FromWish,", false),
        ("Bytes.", "pub size: u64,", false),
        ("By the user, or as the user.", "pub user_id: Option<i64>,", false),
        ("Name in lower case.", "pub name: String,", false),
    ] {
        assert_eq!(says_nothing(comment, item), expected, "{comment} {item}");
    }
}
