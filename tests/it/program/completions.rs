//! Completion as people have it: the key pressed in real shells. zsh and fish are tried where they are installed.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::support::{Desk, TERMINAL, program, scratch};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contrib/completions");

/// Two cases, an account and a team of two words.
fn desk() -> Desk {
    let desk = Desk::new().team("Big Ones").piped_account("support", &[]);
    desk.put(&desk.letter("eva@x.example", "Invoice 2231"));
    desk.put(&desk.letter("kim@x.example", "Printer \u{1b}[2J"));
    desk.ok("case tag 1 2 warranty");
    desk.ok("--as ana search add overdue is:waiting");
    desk
}

fn is_installed(shell: &str) -> bool {
    Path::new("/usr/bin").join(shell).exists() || Path::new("/bin").join(shell).exists()
}

/// A command with the program in its PATH and the database in its environment.
fn command(desk: &Desk, name: &str) -> Command {
    let mut path = OsString::from(program().parent().unwrap());
    path.push(":/usr/bin:/bin");
    let mut command = Command::new(name);
    command.env_clear().env("PATH", path).envs(desk.sandbox.place_in_environment()).env("TERM", "dumb");
    command.env("HOME", desk.sandbox.path("home")).env("PS1", "READY> ").current_dir(desk.sandbox.path(""));
    command
}

/// What the terminal shows of a shell in which these keys are pressed.
fn typed(desk: &Desk, shell: &[&str], steps: &[(&str, &str)]) -> String {
    let mut terminal = command(desk, "python3");
    let done = terminal
        .args(["-I", "-S", "-c", TERMINAL, "100", &serde_json::json!(steps).to_string()])
        .args(shell)
        .output()
        .unwrap();
    String::from_utf8_lossy(&done.stdout).into_owned()
}

#[test]
fn bash_completes_names_numbers_words_of_queries_and_files() {
    let desk = desk();
    desk.sandbox.file("note.txt", b"x");
    let load = format!("source {SCRIPTS}/espomail.bash\n");
    let shown = typed(
        &desk,
        &["bash", "--norc", "--noprofile", "-i"],
        &[
            ("READY> ", &load),
            ("READY> ", "espomail account show sup\t\n"),
            ("READY> ", "espomail case show \t\t"),
            ("Printer", "1\n"),
            ("READY> ", "espomail case list is:und\t\n"),
            ("READY> ", "espomail case list --priority=Ur\t\n"),
            ("READY> ", "espomail team show Big\t\n"),
            ("READY> ", "espomail team show 'Big\t\n"),
            ("READY> ", "espomail case note 1 -F not\t\n"),
            ("READY> ", "espomail case list tag:war\t\n"),
            ("READY> ", "espomail case tag 1 war\t\n"),
            ("READY> ", "espomail --as ana case list @over\t\n"),
            ("READY> ", "exit\n"),
        ],
    );
    for part in [
        "espomail account show support",
        "1  (Invoice 2231)",
        "2  (Printer",
        "espomail case list is:undelivered",
        "--priority=Urgent",
        "espomail team show Big\\ Ones",
        "espomail team show 'Big Ones'",
        "-F note.txt",
        "case list tag:warranty",
        "case tag 1 warranty",
        "case list @overdue",
    ] {
        assert!(shown.contains(part), "no {part} in {shown}");
    }
    assert!(!shown.contains("never seen") && !shown.contains("\u{1b}[2J"), "{shown}");
}

#[test]
fn zsh_completes_names_numbers_and_words_of_queries() {
    if !is_installed("zsh") {
        return;
    }
    let desk = desk();
    let load = format!("fpath=({SCRIPTS} $fpath); autoload -Uz compinit; compinit -u -D; PS1='NOW> '\n");
    let shown = typed(
        &desk,
        &["zsh", "-f", "-i"],
        &[
            ("READY> ", &load),
            ("NOW> ", "espomail account show sup\t\n"),
            ("NOW> ", "espomail case show \t"),
            ("Printer", "1\n"),
            ("NOW> ", "espomail case list is:und\t\n"),
            ("NOW> ", "espomail team show Big\t\n"),
            ("NOW> ", "exit\n"),
        ],
    );
    for part in
        ["Name                 support", "1  Invoice 2231", "Subject          Invoice 2231", "Name     Big Ones"]
    {
        assert!(shown.contains(part), "no {part} in {shown}");
    }
    assert!(!shown.contains("never seen"), "{shown}");
}

#[test]
fn fish_completes_names_numbers_and_words_of_queries() {
    if !is_installed("fish") {
        return;
    }
    let desk = desk();
    let ask = |line: &str| {
        let script = format!("source {SCRIPTS}/espomail.fish; complete -C '{line}'");
        let done = command(&desk, "fish").args(["--no-config", "-c", &script]).output().unwrap();
        String::from_utf8_lossy(&done.stdout).into_owned()
    };
    assert_eq!(ask("espomail account show sup"), "support\tsupport@desk.example\n");
    let cases = ask("espomail case show ");
    assert!(cases.contains("1\tInvoice 2231\n") && cases.contains("2\tPrinter"), "{cases}");
    assert!(ask("espomail case list is:und").contains("is:undelivered"));
}

#[test]
fn the_program_answers_a_shell_quickly_silently_and_as_the_user_who_types() {
    let desk = desk();
    desk.ok("role grant Agent case-read own");
    let ask = |line: &str, environment: &[(&str, &str)]| {
        let mut asked = command(&desk, "espomail");
        asked.args(["completions", "fish", "--asked", line]).envs(environment.iter().copied());
        let done = asked.output().unwrap();
        assert!(done.status.success() && done.stderr.is_empty(), "{line}: {done:?}");
        String::from_utf8_lossy(&done.stdout).into_owned()
    };
    assert!(ask("espomail case show ", &[]).contains("Printer"));
    assert_eq!(ask("espomail --as ana case show ", &[]), "words\n", "she sees neither case");
    desk.ok("case assign 1 ana");
    assert_eq!(ask("espomail --as=ana case show ", &[]), "words\n1\tInvoice 2231\n");
    // A tag is known from cases that she may read alone.
    desk.ok("case tag 2 secret");
    assert_eq!(ask("espomail --as ana case list tag:", &[]), "words\ntag:warranty\t1 case\n");
    assert_eq!(ask("espomail case untag 2 se", &[]), "words\nsecret\t1 case\n");
    assert_eq!(ask("espomail --as ana case list @", &[]), "words\n@overdue\tis:waiting\n");
    for database in ["/nonexistent", "/etc/passwd", "/tmp"] {
        assert_eq!(ask("espomail case show ", &[("ESPOMAIL_DB", database)]), "", "{database}");
        assert_eq!(ask(&format!("espomail --db {database} user show "), &[]), "", "{database}");
    }
    let began = Instant::now();
    for _ in 0..10 {
        ask("espomail case show ", &[]);
    }
    // The promise is 50 ms of the program that is shipped; this one is not optimised, and may share its machine.
    assert!(began.elapsed().as_millis() < 10_000, "{:?}", began.elapsed());
}

#[test]
fn make_install_places_the_program_its_completions_examples_and_manual_and_nothing_else() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let staged = scratch("staged");
    let mut make = Command::new("make");
    make.args(["-s", "-C"]).arg(root).args(["install", "PREFIX=/usr", "PROGRAM=/bin/true"]);
    let done = make.arg(format!("DESTDIR={}", staged.display())).env_remove("MAKEFLAGS").output().unwrap();
    assert!(done.status.success(), "{done:?}");
    let mut expected = vec![
        "usr/bin/espomail".to_owned(),
        "usr/share/bash-completion/completions/espomail".to_owned(),
        "usr/share/doc/espomail/CHANGELOG.md".to_owned(),
        "usr/share/doc/espomail/examples/config.toml".to_owned(),
        "usr/share/doc/espomail/examples/crontab".to_owned(),
        "usr/share/fish/vendor_completions.d/espomail.fish".to_owned(),
        "usr/share/zsh/site-functions/_espomail".to_owned(),
    ];
    for file in ["README", "config.toml", "espomail.timer", "pg_hba.conf", "roles.sql", "standby.sql"] {
        expected.push(format!("usr/share/doc/espomail/examples/two-hosts/{file}"));
    }
    for page in std::fs::read_dir(root.join("man")).unwrap() {
        let page = page.unwrap().file_name().into_string().unwrap();
        let section = page.rsplit_once('.').unwrap().1;
        expected.push(format!("usr/share/man/man{section}/{page}"));
    }
    expected.sort();
    let mut found = files_below(&staged, &staged);
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(std::fs::read_dir(SCRIPTS).unwrap().count(), 3, "a script is not installed");
    std::fs::remove_dir_all(staged).unwrap();
}

fn files_below(dir: &Path, root: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let below = entries.flat_map(|path| match path.is_dir() {
        true => files_below(&path, root),
        false => vec![path.strip_prefix(root).unwrap().display().to_string()],
    });
    below.collect()
}
