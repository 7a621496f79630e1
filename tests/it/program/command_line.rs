//! What every command has in common: who may run it, the form of its output and of its arguments.

use crate::support::{Sandbox, program};

#[test]
fn a_disabled_user_may_nothing() {
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).ok();
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
    sandbox.run(&["init"]).ok();
    sandbox.run(&["team", "add", "Support"]).ok();
    let list = sandbox.run(&["--format", "plain", "team", "list"]).ok();
    let tabs: Vec<usize> = list.stdout.lines().map(|line| line.matches('\t').count()).collect();
    assert_eq!(tabs, [3, 3], "{list:?}");
}

#[test]
fn bytes_that_are_not_text_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).ok();
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
