//! The manual pages as mandoc reads them (`mandoc -Tlint`).

use std::path::Path;
use std::process::Command;

/// Longest line of a source: where a sentence is wrapped matters to those alone who edit it.
const LINE: usize = 120;

/// What mandoc takes for a slip and is none: the end of what it says.
const FINE: &[&str] = &[
    "possible typo in section name: Sh ACTIONS instead of AUTHORS",
    "possible typo in section name: Sh SIZE instead of FILES",
];

/// Whether a complaint of mandoc is about nothing.
fn is_fine(complaint: &str, pages: &[String]) -> bool {
    if let Some((_, reference)) = complaint.split_once("referenced manual not found: Xr ") {
        let mut words = reference.split(' ');
        let (name, section) = (words.next().unwrap(), words.next().unwrap());
        // Pages of other programs are not everywhere, and mandoc looks for ours where they are installed.
        return !name.starts_with("espomail") || pages.contains(&format!("{name}.{section}"));
    }
    if complaint.contains(": input text line longer than 80 bytes") {
        let length = complaint.split(':').nth(3).and_then(|length| length.trim().parse::<usize>().ok());
        return length.is_some_and(|length| length <= LINE);
    }
    FINE.iter().any(|fine| complaint.ends_with(fine))
}

#[test]
fn mandoc_finds_nothing_wrong_with_the_manual_pages() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    let mut pages: Vec<String> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    pages.sort();
    assert!(pages.len() > 30, "{pages:?}");
    let complaints = |pages: &[String], folder: &Path| {
        let mut lint = Command::new("mandoc");
        lint.args(["-T", "lint"]).args(pages).current_dir(folder).env("LC_ALL", "C");
        let said = lint.output().expect("mandoc: tests/install-packages.sh installs it");
        // What is said of the machine has no page.
        let said = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
        said.lines().filter(|line| line.matches(':').count() > 3).map(str::to_owned).collect::<Vec<_>>()
    };
    let wrong: Vec<String> =
        complaints(&pages, &folder).into_iter().filter(|complaint| !is_fine(complaint, &pages)).collect();
    assert_eq!(wrong, Vec::<String>::new());

    let scratch = std::env::temp_dir().join(format!("espomail-manual-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).unwrap();
    let head = ".Dd November 30, 2026\n.Dt X 1\n.Os\n.Sh NAME\n.Nm x\n.Nd x\n.Sh DESCRIPTION\n";
    let long = format!("{}\n", "word ".repeat(40));
    for (text, expected) in [
        (".Xr espomail-case 1\n", 0),
        (".Xr espomail-nothing 1\n", 1),
        (".Bl -tag\n.It a\n", 2),
        ("Fine.\n", 0),
        (long.as_str(), 1),
        (".Nonsense\n", 1),
    ] {
        std::fs::write(scratch.join("x.1"), format!("{head}{text}")).unwrap();
        let found = complaints(&["x.1".to_owned()], &scratch);
        let wrong: Vec<&String> = found.iter().filter(|complaint| !is_fine(complaint, &pages)).collect();
        assert_eq!(usize::from(!wrong.is_empty()), usize::from(expected > 0), "{text}: {found:?}");
    }
    std::fs::remove_dir_all(scratch).unwrap();
}
