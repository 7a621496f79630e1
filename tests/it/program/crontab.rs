//! The recipes for crontab in the manual: run twice, they have the effect of once.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::support::Desk;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/man/espomail-case.1");
const DAY: i64 = 24 * 3600;

/// The recipes of the page, in order.
fn recipes() -> Vec<String> {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let part = page.split(".Sh WORK FROM CRONTAB").nth(1).unwrap().split("\n.Sh ").next().unwrap();
    let blocks = part.split(".Bd -literal -offset indent\n").skip(1);
    blocks.map(|block| block.split("\n.Ed").next().unwrap().to_owned()).collect()
}

/// Runs a recipe as cron would.
fn run(desk: &Desk, recipe: &str) {
    let program = desk.sandbox.command(&[]);
    let words = std::iter::once(program.get_program()).chain(program.get_args());
    let words: Vec<String> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let espomail = desk.sandbox.file("espomail", format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" ")).as_bytes());
    std::fs::set_permissions(&espomail, std::fs::Permissions::from_mode(0o700)).unwrap();
    let path = format!("{}:/usr/bin:/bin", desk.sandbox.path("").display());
    let mut shell = Command::new("bash");
    shell.args(["-euo", "pipefail", "-c", recipe]).env_clear().env("PATH", path);
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))).filter(|(name, _)| *name != "PATH"));
    let done = shell.output().unwrap();
    assert!(done.status.success(), "{recipe}\n{done:?}");
}

/// Case 1 waits for its customer for 15 days, case 2 for 13; the customer of case 3 waits for five hours, and of case 4 for three.
fn desk() -> Desk {
    let desk = Desk::new().user("lead", &["Support"]).piped_account("support", &[]);
    let text = desk.sandbox.file("bye.txt", b"We close this case.\n");
    desk.ok(&["template", "add", "bye", "--subject", "Closed", "--body", text.to_str().unwrap()]);
    for subject in ["One", "Two", "Three", "Four"] {
        desk.put(&desk.letter("kim@customer.example", subject));
    }
    let ago = |case: i64, who: &str, seconds: i64| {
        desk.sandbox.sql(&format!(
            "UPDATE cases SET waiting_for = '{who}', waiting_since = waiting_since - {seconds}, created_at = created_at - {seconds} \
             WHERE number = {case}"
        ));
        desk.sandbox.sql(&format!("UPDATE emails SET received_at = received_at - {seconds} WHERE parent_id = {case}"));
    };
    ago(1, "customer", 15 * DAY);
    ago(2, "customer", 13 * DAY);
    ago(3, "us", 5 * 3600);
    ago(4, "us", 3 * 3600);
    desk
}

/// All that the desk has, but the times of what was done to it.
fn state(desk: &Desk) -> Vec<String> {
    let cases = desk.sandbox.query(
        "SELECT c.number || ' ' || c.status || ' ' || c.priority || ' ' || coalesce(c.assigned_user_id, 0) || ' ' ||
            (c.snoozed_until IS NOT NULL) || ' ' || (SELECT count(*) FROM notes n WHERE n.parent_type = 'case' AND n.parent_id = c.id)
            FROM cases c ORDER BY c.number",
    );
    let tags = desk.sandbox.query("SELECT case_id || ' ' || tag FROM case_tags ORDER BY 1");
    let letters = desk.sandbox.query("SELECT 'letter ' || subject FROM emails WHERE status <> 'Archived' ORDER BY id");
    [cases, tags, letters].concat()
}

#[test]
fn recipes_of_the_manual_that_run_twice_have_the_effect_of_once() {
    let recipes = recipes();
    assert_eq!(recipes.len(), 3);
    let desk = desk();
    let numbers =
        |query: &str| desk.ok(&["-q", "case", "list", query]).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for (query, expected) in [
        ("us:14d", "1"),
        ("us:12d", "2 1"),
        ("waiting:4h", "3"),
        ("idle:14d", "1"),
        ("idle:4h", "3 2 1"),
        ("is:open -idle:4h", "4"),
        ("due:1d", ""),
    ] {
        assert_eq!(numbers(query), expected, "{query}");
    }
    for (recipe, changed) in recipes.iter().zip(["1 Closed", "3 escalated", "2 reminded"]) {
        let before = state(&desk);
        run(&desk, recipe);
        let once = state(&desk);
        let new: Vec<&String> = once.iter().filter(|line| !before.contains(line)).collect();
        assert!(new.iter().any(|line| line.starts_with(changed)), "{recipe}\n{new:#?}");
        run(&desk, recipe);
        assert_eq!(state(&desk), once, "the second time: {recipe}");
    }
    assert_eq!(desk.sandbox.query("SELECT subject FROM outbox WHERE kind = 'mail'").len(), 1, "one letter");
    assert_eq!(numbers("due:2d"), "2", "it comes back tomorrow");
    assert_eq!(numbers("us:12d due:1h"), "", "and not within an hour");
}
