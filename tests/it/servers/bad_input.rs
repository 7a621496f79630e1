//! Bad input: a clear error that names the field and the next step, the right exit code, and nothing changed.

use crate::support::{Dovecot, Sandbox};

#[test]
fn mistakes_are_named_have_their_exit_code_and_change_nothing() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    let before = sandbox.canon();
    let body = sandbox.file("bad.txt", b"Hello {{ custmer.name }}\n");
    let body = body.to_str().unwrap();
    let account = ["account", "add", "new", "--address", "new@desk.example", "--imap", "imap.example.org"];
    let rows: &[(&[&str], i32, &str)] = &[
        (&["case", "show", "7"], 65, "case 7: not found"),
        (&["case", "assign", "7", "ana"], 65, "case 7: not found"),
        (&["case", "list", "is:strange"], 2, "is:strange"),
        (&["case", "list", "--status", "Lost"], 2, "New, Assigned"),
        (&["case", "list", "--mine"], 77, "--as"),
        (&["--as", "nobody", "case", "list"], 77, "--as"),
        (&["email", "show", "99"], 65, "email 99: not found"),
        (&["user", "add", "ana"], 65, "username"),
        (&["user", "add", "new", "--email", "not-an-address"], 2, "--email"),
        (&["user", "add", "new", "--email", "ana@staff.example"], 65, "belongs to user ana"),
        (&["user", "add", "two words"], 2, "username"),
        (&["user", "away", "ana", "--until", "soon"], 2, "--until"),
        (&["user", "away", "ana", "--until", "2020-01-01"], 65, "past"),
        (&["user", "show", "nobody"], 65, "espomail user list"),
        (&["team", "add", "support"], 65, "exists already"),
        (&["--yes", "team", "delete", "Support"], 65, "case team of support"),
        (&["team", "delete", "Support"], 65, "is the case team of support"),
        (&["team", "member", "add", "Nowhere", "ana"], 65, "espomail team list"),
        (&["template", "add", "bad", "--subject", "x", "--body", body], 65, "custmer"),
        (&["template", "add", "bad", "--subject", "{{ open", "--body", body], 65, "--subject"),
        (&["template", "add", "bad", "--subject", "x", "--body", "/no/such/file"], 65, "/no/such/file"),
        (&account, 2, "--secret"),
        (&["account", "edit", "support", "--max-size", "0"], 2, "--max-size"),
        (&[&account[..], &["--secret", "hunter2"]].concat(), 2, "cmd:ARGV"),
        (&[&account[..], &["--secret", "env:PW", "--distribution", "round-robin"]].concat(), 2, "--create-case"),
        (
            &[&account[..], &["--secret", "env:PW", "--create-case", "--distribution", "round-robin"]].concat(),
            2,
            "--case-team",
        ),
        (
            &[&account[..], &["--secret", "env:PW", "--create-case", "--distribution", "direct"]].concat(),
            2,
            "--assign-to",
        ),
        (&[&account[..], &["--secret", "env:PW", "--auto-reply", "Thanks"]].concat(), 2, "--smtp"),
        (&[&account[..], &["--secret", "env:PW", "--auto-reply", "Nope"]].concat(), 65, "template"),
        (&[&account[..], &["--secret", "env:PW", "--since", "soon"]].concat(), 2, "--since"),
        (&[&account[..], &["--secret", "env:PW", "--distribution", "fair"]].concat(), 2, "least-busy"),
        (
            &["account", "add", "new", "--address", &mailbox.address, "--imap", "h", "--secret", "env:PW"],
            65,
            "belongs to account support",
        ),
        (&["account", "add", "new", "--imap", "h", "--secret", "env:PW"], 2, "--address"),
        (&["account", "test", "nobody"], 65, "espomail account list"),
        (&["fetch", "nobody"], 65, "espomail account list"),
        (&["outbox", "show", "5"], 65, "outbox 5: not found"),
        (&["quarantine", "show", "5"], 65, "quarantine 5: not found"),
        (&["init"], 65, "exists already"),
        (&["db", "backup", body], 65, "exists already"),
        (&["frobnicate"], 2, "frobnicate"),
        (&["case", "list", "--fields", "number,colour"], 2, "colour"),
    ];
    let mut faults = Vec::new();
    for (args, code, words) in rows {
        let run = sandbox.run(args);
        if run.code != *code || !run.stderr.contains(words) {
            faults.push(format!("{code} and \"{words}\": {run:?}"));
        }
        assert!(!run.stderr.contains("hunter2"), "{run:?}");
        assert!(run.stdout.is_empty(), "{run:?}");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(sandbox.canon(), before);
    sandbox.run(&["user", "show", "new"]).exits(65);
}

#[test]
fn errors_for_programs_are_one_line_of_json() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(&["--json", "case", "list"]).exits(78);
    let last = run.stderr.lines().last().unwrap();
    let error: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(error["error"]["kind"], "config");
    assert!(error["error"]["hint"].as_str().unwrap().contains("init`, or name another one with --db"), "{error}");
}

#[test]
fn a_configuration_with_a_mistake_is_named_and_everything_else_waits() {
    let sandbox = Sandbox::new();
    sandbox.init();
    sandbox.config("max_runtme = \"5m\"\n");
    for args in [&["fetch"][..], &["config", "check"], &["case", "list"]] {
        let run = sandbox.run(args).exits(78);
        assert!(run.stderr.contains("did you mean max_runtime?"), "{run:?}");
    }
    sandbox.run(&["config", "path"]).ok();
    sandbox.run(&["config", "example"]).ok();
}

#[test]
fn dry_runs_change_nothing() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    let file = sandbox.path("copy.db");
    let before = sandbox.canon();
    for args in [
        &["user", "add", "new"][..],
        &["user", "disable", "ana"],
        &["team", "delete", "Support"],
        &["account", "edit", "support", "--distribution", "round-robin"],
        &["account", "disable", "support"],
        &["db", "backup", file.to_str().unwrap()],
        &["template", "delete", "Thanks"],
    ] {
        // What is refused without --dry-run is refused with it.
        let run = sandbox.run(&[&["--dry-run"], args].concat());
        assert!(run.code == 0 || run.code == 65, "{run:?}");
    }
    assert_eq!(sandbox.canon(), before);
    assert!(sandbox.run(&["user", "show", "new"]).code == 65 && !file.exists());
    assert_eq!(sandbox.json(&["user", "show", "ana"])["active"], true);
}
