//! What is longer than the screen is shown in the user's pager, and in nothing else.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::{Desk, Run, no_file};

/// A desk with 30 cases, on a terminal of 24 rows.
fn desk() -> Desk {
    let desk = Desk::new();
    for number in 1..=30 {
        desk.run(&["case", "create", "--subject", &format!("Case{number}."), "--team", "Support"]).ok();
    }
    // So that the age of none depends on how long the test takes.
    desk.sandbox.sql("UPDATE cases SET created_at = created_at - 3 * 86400");
    desk.sandbox.env("TERM", "xterm");
    pager(&desk, "paged", "echo paged by ours $LESSSECURE $LESS; cat");
    pager(&desk, "usual", "echo paged by the usual one; cat");
    desk
}

/// A program of this name that may be the pager.
fn pager(desk: &Desk, name: &str, script: &str) -> String {
    let file = desk.sandbox.file(name, format!("#!/bin/sh\n{script}\n").as_bytes());
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o700)).unwrap();
    file.display().to_string()
}

fn typed(desk: &Desk, args: &str) -> Run {
    desk.sandbox.call(&args.split_whitespace().collect::<Vec<_>>()).at_terminal(100, &[]).run()
}

#[test]
fn what_is_longer_than_the_screen_is_paged_and_nothing_else() {
    let desk = desk();
    let path = |name: &str| desk.sandbox.path(name).display().to_string();
    let (ours, usual) = (path("paged"), path("usual"));
    for (our, their, term, args, expected) in [
        (ours.as_str(), usual.as_str(), "xterm", "case list", "paged by ours 1 FRX\n"),
        ("", &usual, "xterm", "case list", ""),
        ("cat", &usual, "xterm", "case list", ""),
        ("-", &usual, "xterm", "case list", "paged by the usual one\n"),
        ("-", "", "xterm", "case list", ""),
        ("-", "cat", "xterm", "case list", ""),
        // With arguments, and as the shell has it.
        ("sh -c 'echo by words; cat'", "", "xterm", "case list", "by words\n"),
        ("(echo by the shell; cat)", "", "xterm", "case list", "by the shell\n"),
        (&ours, "", "xterm", "case list --limit 5", ""),
        (&ours, "", "xterm", "--no-pager case list", ""),
        (&ours, "", "xterm", "--no-input case list", ""),
        (&ours, "", "xterm", "-q case list", ""),
        (&ours, "", "xterm", "--json case list", ""),
        (&ours, "", "xterm", "--format plain case list", "paged by ours 1 FRX\n"),
        (&ours, "", "dumb", "case list", ""),
        (&ours, "", "", "case list", ""),
        // It is not one that only shows.
        (&ours, "", "xterm", "--dry-run -v fetch", ""),
    ] {
        let set = |name: &str, value: &str| desk.sandbox.env(name, value);
        set("ESPOMAIL_PAGER", our);
        set("PAGER", their);
        set("TERM", term);
        if our == "-" {
            desk.sandbox.unset("ESPOMAIL_PAGER");
        }
        let shown = typed(&desk, args).ok().stdout;
        let paged = shown.lines().next().filter(|line| line.contains("by ")).map(|line| format!("{line}\n"));
        assert_eq!(paged.unwrap_or_default(), expected, "{our} {their} {term} {args}: {shown}");
        let all = args.contains("limit") || args.contains("fetch") || args.contains("-q") || shown.contains("Case1.");
        assert!(all, "not all is there: {shown}");
    }
    // Where nobody looks.
    desk.sandbox.env("TERM", "xterm");
    desk.sandbox.env("ESPOMAIL_PAGER", &ours);
    assert!(!desk.ok("case list").stdout.contains("paged"));
    // The manual has the same.
    assert!(typed(&desk, "man team").ok().stdout.starts_with("paged by ours 1 FRX\n"));
}

#[test]
fn without_the_pager_and_after_it_the_command_ends_as_it_would() {
    let desk = desk();
    let with = |pager: &str, args: &str| {
        desk.sandbox.env("ESPOMAIL_PAGER", pager);
        typed(&desk, args)
    };
    let plain = with("cat", "case list").ok().stdout;
    // Notes come after the table, as without a pager.
    assert!(plain.contains("Case1.\n"), "{plain}");
    let missing = with("/nowhere/pager -x", "case list").ok().stdout;
    assert_eq!(missing, format!("espomail: the pager \"/nowhere/pager -x\" is not installed\n{plain}"));
    let missing = with("/nowhere/pager $X", "case list").ok().stdout;
    assert!(missing.contains("/nowhere/pager: not found") && missing.ends_with(&plain), "{missing}");

    // Who has seen enough ends nothing, and is told the rest.
    let ended = pager(&desk, "ends", "head -n 2");
    let noted = with("cat", "case list --limit 28").ok().stdout;
    let shown = with(&ended, "case list --limit 28").ok().stdout;
    let expected: Vec<&str> = noted.lines().take(2).chain(noted.lines().last()).collect();
    assert_eq!(shown.lines().collect::<Vec<_>>(), expected);
    assert!(shown.ends_with("28 of 30; more: --limit N (0 = all)\n"), "{shown}");
    // A failure stays one.
    if no_file() {
        return;
    }
    std::fs::set_permissions(desk.sandbox.db(), std::fs::Permissions::from_mode(0o644)).unwrap();
    desk.sandbox.env("ROWS", "4");
    let code = with("cat", "doctor --offline").code;
    let failed = with(&ended, "doctor --offline");
    assert!(code != 0 && failed.stdout.contains("CHECK"), "{failed:?}");
    assert_eq!(failed.code, code, "{failed:?}");
    assert!(failed.stdout.lines().any(|line| line.starts_with("hint: ")), "{failed:?}");
}

#[test]
fn control_c_is_the_pagers() {
    let desk = desk();
    let keeps = pager(&desk, "keeps", "trap 'echo caught' INT; cat >/dev/null; echo here; read x </dev/tty; echo left");
    desk.sandbox.env("ESPOMAIL_PAGER", &keeps);
    let ended =
        desk.sandbox.call(&["case", "list", "--limit", "28"]).at_terminal(100, &[("here", "\u{3}\n")]).run().ok();
    let said: Vec<&str> = ended.stdout.lines().filter(|line| !line.contains("^C")).collect();
    assert!(ended.stdout.contains("caught"), "{ended:?}");
    assert!(said.ends_with(&["left", "28 of 30; more: --limit N (0 = all)"]), "{ended:?}");
}
