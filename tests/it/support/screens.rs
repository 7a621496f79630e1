//! Golden screens: what a command shows is compared with a file. `ESPOMAIL_GOLDEN=write` writes the files instead.

use std::path::PathBuf;

use super::{Desk, is_on_server};

/// Columns of the terminals.
pub const WIDTHS: [usize; 4] = [60, 80, 100, 140];

/// What a command shows on terminals of all [`WIDTHS`], and once more in colour, is `tests/it/program/screens/NAME.txt`.
/// In colour it shows the same at each width.
#[track_caller]
pub fn screens(desk: &Desk, name: &str, args: &[&str]) {
    let shown = |columns: usize, color: &str| {
        desk.sandbox.env("COLUMNS", &columns.to_string());
        let run = desk.sandbox.call(&[&["--no-pager", "--color", color], args].concat()).columns(columns).run();
        let dir = desk.sandbox.path("").display().to_string();
        let program = super::program().display().to_string();
        // A database on a server is shown as the file that it would be.
        let (place, file) = (desk.sandbox.place_in_shell(), format!("--db {dir}espomail.db"));
        at_rest(&steady(&run.ok().stdout)).replace(&place, &file).replace(&dir, "/desk/").replace(&program, "espomail")
    };
    let mut text = format!("$ espomail {}\n", args.join(" "));
    for columns in WIDTHS {
        let (plain, colored) = (shown(columns, "never"), shown(columns, "always"));
        assert_eq!(without_colors(&colored), plain, "{name}: colour changes more than the colour at {columns} columns");
        text.push_str(&format!("\n==== {columns} columns\n{plain}"));
        if columns == 100 {
            text.push_str(&format!("\n==== {columns} columns in colour\n{}", colored.replace('\u{1b}', "␛")));
        }
    }
    golden(name, &text);
}

/// The text is what the file `tests/it/program/screens/NAME.txt` says.
#[track_caller]
pub fn golden(name: &str, text: &str) {
    let file =
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/program/screens")).join(format!("{name}.txt"));
    if std::env::var_os("ESPOMAIL_GOLDEN").is_some_and(|what| what == "write") {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
        return;
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_default();
    let at = golden.lines().zip(text.lines()).position(|(old, new)| old != new);
    let line = at.unwrap_or(golden.lines().count().min(text.lines().count()));
    let (old, new) = (golden.lines().nth(line), text.lines().nth(line));
    assert!(
        golden == text,
        "{} differs from line {}:\n  file: {old:?}\n  now:  {new:?}\nESPOMAIL_GOLDEN=write writes it; then look at the difference\n{text}",
        file.display(),
        line + 1
    );
}

fn without_colors(text: &str) -> String {
    let mut pieces = text.split("\u{1b}[");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.split_once('m').map_or("", |(_, after)| after))
}

/// The text without the line about the clock of a machine, which stands still while that of a server goes on.
fn at_rest(text: &str) -> String {
    let is_of_clock = |line: &str| line.contains("The clock of ") && line.contains("that of the database server");
    text.split_inclusive('\n').filter(|line| !is_on_server() || !is_of_clock(line)).collect()
}

/// The text without what differs from run to run: the digits in the ids of our own messages.
fn steady(text: &str) -> String {
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let is_ours = |word: &str| word.split_once('@').is_some_and(|(id, _)| id.len() > 60 && id.split('.').count() == 3);
    let mut steady = text.to_owned();
    for word in text.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>')).filter(|word| is_ours(word)) {
        let (id, domain) = word.split_once('@').unwrap();
        let zeros = id.chars().map(|c| if is_digit(c) { '0' } else { c }).collect::<String>();
        steady = steady.replace(word, &format!("{zeros}@{domain}"));
    }
    steady
}
