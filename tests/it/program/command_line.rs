//! What every command has in common: who may run it, the form of its output and of its arguments.

use crate::support::{Sandbox, program};

#[test]
fn a_disabled_user_may_nothing() {
    let sandbox = Sandbox::new();
    sandbox.init();
    let me = sandbox.json(&["whoami"])["login"].as_str().map(str::to_owned).unwrap_or_else(|| "root".to_owned());
    sandbox.run(&["user", "add", "boss", "--type", "admin", "--login", &me]).ok();
    let taken = sandbox.run(&["user", "add", "other", "--login", &me]).exits(65);
    assert!(taken.stderr.contains("is the login of user boss"), "{taken:?}");
    // Somebody is left who could take it back.
    sandbox.run(&["user", "add", "ana", "--type", "admin"]).ok();
    sandbox.run(&["user", "disable", "boss"]).ok();
    let refused = sandbox.run(&["case", "list"]).exits(77);
    assert!(refused.stderr.contains("user boss: is disabled"), "{refused:?}");
}

#[test]
fn headings_of_plain_output_are_separated_as_its_values_are() {
    let sandbox = Sandbox::new();
    sandbox.init();
    sandbox.run(&["team", "add", "Support"]).ok();
    let list = sandbox.run(&["--format", "plain", "team", "list"]).ok();
    let tabs: Vec<usize> = list.stdout.lines().map(|line| line.matches('\t').count()).collect();
    assert_eq!(tabs, [3, 3], "{list:?}");
}

#[test]
fn bytes_that_are_not_text_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.init();
    let stdin =
        sandbox.call(&["template", "add", "t", "--subject", "s", "--body", "-"]).stdin(b"L\xe9on").run().exits(65);
    assert!(stdin.stderr.contains("is not UTF-8"), "{stdin:?}");
    let program = std::process::Command::new(program())
        .arg("team")
        .arg(std::os::unix::ffi::OsStrExt::from_bytes(b"\xe9") as &std::ffi::OsStr)
        .output()
        .unwrap();
    assert_eq!(program.status.code(), Some(2), "{program:?}");
}

#[test]
fn man_shows_a_page_as_a_reader_sees_it_and_writes_all_of_them() {
    let sandbox = Sandbox::new();
    // No database is needed. Into a pipe it is text, not mdoc.
    let shown = sandbox.run(&["man", "case"]).ok();
    assert!(shown.stdout.contains("ESPOMAIL-CASE(1)") && !shown.stdout.contains(".Sh "), "{shown:?}");
    let by_command = sandbox.run(&["man", "ingest"]).ok();
    assert!(by_command.stdout.contains("ESPOMAIL-FETCH(1)"), "{by_command:?}");
    let source = sandbox.run(&["man", "query", "--source"]).ok();
    assert!(source.stdout.contains(".Dt ESPOMAIL-QUERY 7"), "{source:?}");
    let unknown = sandbox.run(&["man", "cases"]).exits(2);
    assert!(unknown.stderr.contains("there is no manual page about \"cases\"") && unknown.stderr.contains("hint: "));

    let written = |dir: &str| sandbox.path(dir).read_dir().map_or(0, Iterator::count);
    sandbox.run(&["--dry-run", "man", "--to", "manual"]).ok();
    assert_eq!(written("manual"), 0, "a dry run writes nothing");
    sandbox.run(&["man", "--to", "manual"]).ok();
    assert_eq!((written("manual/man1"), written("manual/man5"), written("manual/man7")), (25, 1, 7));
    sandbox.run(&["man", "case", "--to", "manual"]).exits(2);
}

#[test]
fn man_shows_its_source_where_no_viewer_is_installed() {
    let sandbox = Sandbox::new();
    sandbox.env("PATH", "/nonexistent");
    let alone = sandbox.run(&["man"]).ok();
    assert!(
        alone.stdout.starts_with(".Dd ") && alone.stderr.contains("neither man nor mandoc is installed"),
        "{alone:?}"
    );
}

#[test]
fn init_names_the_database_in_the_next_steps_also_where_a_variable_does() {
    let (named, usual) = (Sandbox::new(), Sandbox::new());
    usual.place_in_environment().iter().for_each(|(name, value)| usual.env(name, value));
    for sandbox in [named, usual] {
        let said = sandbox.run(&["init"]).ok().stderr;
        let place = format!(" {} ", sandbox.place_in_shell());
        let steps: Vec<&str> = said.lines().filter(|line| line.starts_with("  espomail ")).collect();
        assert!(steps.len() == 5 && steps.iter().all(|step| step.contains(&place)), "{said}");
    }
}
