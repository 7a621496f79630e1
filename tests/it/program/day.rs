//! A day in few commands: what waits, the next case, taking what somebody else has, closing with an answer.

use serde_json::{Value, json};

use crate::support::{Desk, Sandbox, no_file};

/// ana and budi are in Support, dewi in Billing.
fn desk() -> Desk {
    Desk::new().team("Billing").user("dewi", &["Billing"]).piped_account("support", &[])
}

/// Makes a case from a customer's mail, and one that waits longer the lower the number.
fn waiting_cases(desk: &Desk, subjects: &[&str]) {
    for (at, subject) in subjects.iter().enumerate() {
        desk.put(&desk.letter("kim@customer.example", subject));
        desk.sandbox.sql(&format!(
            "UPDATE cases SET waiting_since = waiting_since - {} WHERE name = '{subject}'",
            1000 - at * 100
        ));
    }
}

fn assignee(desk: &Desk, number: i64) -> Value {
    desk.json(&["case", "show", &number.to_string()])["assigned_user"]["username"].clone()
}

#[test]
fn the_day_of_a_user_shows_what_is_theirs_and_the_command_for_more() {
    let desk = desk();
    waiting_cases(&desk, &["First", "Second", "Third", "Fourth"]);
    desk.ok("case move 4 --team Billing");
    desk.ok("case assign 2 1 ana");
    desk.ok("--as ana case reply 1 -m Later. --draft");
    desk.ok("--as ana email send --to kim@customer.example --subject Lost -m x --account support");
    desk.ok("--as budi email send --to kim@customer.example --subject Budis -m x --account support");
    desk.sandbox.sql("UPDATE outbox SET state = 'failed', last_error = '550 no such user'");

    let day = desk.json(&["--as", "ana"]);
    let of = |part: &str, field: &str| -> Vec<Value> {
        day[part].as_array().unwrap().iter().map(|row| row[field].clone()).collect()
    };
    assert_eq!((&day["schema"], &day["user"]), (&json!("espomail/day/1"), &json!({"id": 1, "username": "ana"})));
    assert_eq!((of("waiting_cases", "number"), &day["waiting_count"]), (vec![json!(1), json!(2)], &json!(2)));
    assert_eq!(day["unread_notifications"], json!(desk.items(&["--as", "ana", "notification", "list"]).len()));
    assert_eq!((of("draft_emails", "id").len(), &day["drafts_count"]), (1, &json!(1)));
    assert_eq!((of("failed_letters", "subject"), &day["failed_count"]), (vec![json!("Lost")], &json!(1)));
    assert_eq!((of("unassigned_cases", "number"), &day["unassigned_count"]), (vec![json!(3)], &json!(1)));

    let shown = desk.ok("--as ana");
    for text in [
        "Your cases that wait for an answer: 2 (espomail case list --mine --sort waiting 'is:waiting -is:snoozed')",
        "Unread notifications: 2 (espomail notification list)",
        "Your drafts: 1 (espomail email list --folder drafts)",
        "Your letters that did not go out: 1 (espomail outbox list)",
        "Unassigned cases of your teams: 1 (espomail case list --unassigned --sort waiting 'is:open -status:Pending team:Support')",
    ] {
        assert!(shown.stdout.contains(text), "{text}: {shown:?}");
    }
    assert!(!shown.stdout.contains("Fourth") && !shown.stdout.contains("Budis"), "{shown:?}");
    assert_eq!(desk.ok("-q --as ana").stdout, "1\n2\n");
    // Each command for more shows the rows of its part.
    let numbers = |args: &[&str]| -> Vec<Value> {
        desk.items(&[&["--as", "ana"], args].concat()).iter().map(|row| row["number"].clone()).collect()
    };
    let query = "is:waiting -is:snoozed";
    assert_eq!(numbers(&["case", "list", "--mine", "--sort", "waiting", query]), [json!(1), json!(2)]);
    let query = "is:open -status:Pending team:Support";
    assert_eq!(numbers(&["case", "list", "--unassigned", "--sort", "waiting", query]), [json!(3)]);
    assert_eq!(desk.items(&["--as", "ana", "email", "list", "--folder", "drafts"]).len(), 1);
    assert_eq!(desk.items(&["--as", "ana", "outbox", "list", "status:failed"]).len(), 1);

    // An administrator sees the letters and drafts of others, and has none.
    desk.ok("user add boss --type admin");
    let day = desk.json("--as boss");
    for part in ["waiting_count", "drafts_count", "failed_count", "unassigned_count"] {
        assert_eq!(day[part], 0, "{part}");
    }
    let quiet_day = desk.ok("--as dewi");
    assert!(quiet_day.stdout.starts_with("Your cases that wait for an answer: 0\n"), "{quiet_day:?}");
}

#[test]
fn at_most_ten_rows_of_each_part_are_shown_with_the_number_of_all() {
    let desk = desk();
    let subjects: Vec<String> = (1..=12).map(|n| format!("Case{n}")).collect();
    waiting_cases(&desk, &subjects.iter().map(String::as_str).collect::<Vec<_>>()[..1]);
    for subject in &subjects[1..] {
        desk.run(&["case", "create", "--subject", subject, "--team", "Support"]).ok();
    }
    let day = desk.json(&["--as", "ana"]);
    assert_eq!((day["unassigned_cases"].as_array().unwrap().len(), &day["unassigned_count"]), (10, &json!(12)));
    let shown = desk.ok("--as ana");
    assert!(shown.stdout.contains("Unassigned cases of your teams: 10 of 12 (") && shown.stdout.contains("Case1"));
}

#[test]
fn help_is_shown_where_there_is_no_database_or_no_user() {
    if no_file() {
        return;
    }
    let sandbox = Sandbox::new();
    for line in ["", "--json"] {
        let help = sandbox.run(&line.split_whitespace().collect::<Vec<_>>()).exits(2);
        assert!(help.stdout.is_empty() && !help.stderr.contains("espomail: "), "{help:?}");
        let is_help = if line.is_empty() { "espomail init" } else { "a command is missing" };
        assert!(help.stderr.contains(is_help), "{help:?}");
    }
    assert!(!sandbox.db().exists());
    sandbox.init();
    sandbox.run(&[]).exits(2).says("Usage: ");
}

#[test]
fn next_takes_the_unassigned_case_of_ones_teams_that_waits_longest() {
    let desk = desk();
    desk.run(&["case", "create", "--subject", "By hand", "--team", "Support"]).ok();
    waiting_cases(&desk, &["First", "Second", "Third", "Billing's"].map(|s| s.split('\'').next().unwrap()));
    desk.ok("case move 5 --team Billing");
    desk.ok("case edit 4 --status Pending");
    let before = desk.sandbox.every_row();
    desk.ok("--dry-run --as ana case next");
    assert_eq!(desk.sandbox.every_row(), before, "a dry run changes nothing");
    for (user, expected) in [("ana", 2), ("budi", 3), ("ana", 1)] {
        let taken = desk.run(&format!("--as {user} case next")).ok();
        assert!(taken.stdout.starts_with(&format!("case #{expected} ")), "{taken:?}");
        assert!(taken.stdout.contains("taken: "), "{taken:?}");
        assert_eq!(assignee(&desk, expected), user);
    }
    let none = desk.ok("--as ana case next");
    assert!(none.stdout.is_empty() && none.stderr == "There is no unassigned case of your teams.\n", "{none:?}");
    assert_eq!(desk.json(&["--as", "ana", "case", "next"])["case"], Value::Null);
    // A team whose cases are not to be seen has none.
    desk.ok("--as ana case next --team Billing").says("There is no unassigned case of team Billing.");
    desk.run("--as ana case next --team Nowhere").exits(65).says("espomail team list");
    desk.ok("role grant Agent case-edit no");
    desk.run("--as dewi case next").exits(77).says("case-edit: you cannot change case/5");
    desk.ok("role grant Agent case-edit team");
    desk.ok("--as dewi case next --team Billing").says("case #5 of ").says(" taken: Billing");
    desk.ok("team member remove Billing dewi");
    desk.run("--as dewi case next").exits(65).says("you are not in any team");
    desk.run("case next").exits(77).says("no user has your login name");
}

#[test]
fn taking_what_somebody_else_has_says_who_that_is_and_asks() {
    let desk = desk();
    waiting_cases(&desk, &["First", "Second"]);
    desk.ok("--as ana case take 1").says("case #1 taken\n");
    // Nobody is asked about a case of one's own.
    desk.ok("--as ana case take 1");
    let refused = desk.run("--as budi case take 2 1").exits(2);
    assert!(refused.stderr.contains("Case #1 is assigned to ana. Take it?") && refused.stderr.contains("--yes"));
    assert_eq!((assignee(&desk, 1), assignee(&desk, 2)), (json!("ana"), Value::Null));
    let kept = desk.sandbox.call(&["--as", "budi", "case", "take", "1"]).on_terminal("n\n").run().exits(1);
    assert!(kept.stdout.contains("Case #1 is assigned to ana. Take it? [y/N]"), "{kept:?}");
    assert_eq!(assignee(&desk, 1), "ana");
    desk.sandbox.call(&["--as", "budi", "case", "take", "1"]).on_terminal("y\n").run().ok();
    assert_eq!(assignee(&desk, 1), "budi");
    let taken = desk.ok("--yes --as ana case take 1 2");
    assert_eq!(taken.stdout, "case #1 taken (it was assigned to budi)\ncase #2 taken\n");
    // Who may not change it hears that first.
    desk.ok("role grant Agent case-edit own");
    desk.run("--as budi case take 1").exits(77).says("case-edit");
}

#[test]
fn closing_with_a_text_answers_the_customer() {
    let desk = desk();
    waiting_cases(&desk, &["First", "Second"]);
    let two = desk.run(&["--as", "ana", "case", "close", "1", "2", "-m", "Done."]).exits(2);
    assert!(two.stderr.contains("you can answer only one case at a time"), "{two:?}");
    assert!(desk.items(&["outbox", "list", "--all"]).is_empty());
    desk.ok("--as ana case close 1 -m Done.").says("is in the outbox");
    let row = &desk.items(&["outbox", "list"])[0];
    assert_eq!(
        (&row["to"], &row["subject"]),
        (&json!([{"name": "", "address": "kim@customer.example"}]), &json!("[#1] Re: First"))
    );
    assert_eq!(desk.json(&["case", "show", "1"])["status"], "Closed");
    let file = desk.sandbox.file("answer.txt", b"No.\n");
    desk.run(&["--as", "ana", "case", "close", "2", "--status", "Rejected", "-F", file.to_str().unwrap()]).ok();
    assert_eq!(desk.json(&["case", "show", "2"])["status"], "Rejected");
    assert_eq!(desk.items(&["outbox", "list"]).len(), 2);
    // Without a text nobody is answered.
    desk.ok("case reopen 1");
    desk.ok("case close 1");
    assert_eq!(desk.items(&["outbox", "list"]).len(), 2);
}

#[test]
fn spam_is_rejected_and_reopening_takes_that_back() {
    let desk = desk();
    waiting_cases(&desk, &["First", "Second"]);
    desk.ok("case edit 2 --type question");
    desk.run("--as dewi case spam 1").exits(65).says("case 1: not found");
    assert_eq!(desk.ok("--as ana case spam 1").stdout, "case #1 is Rejected as spam\n");
    let field = |number: i64, field: &str| desk.json(&["case", "show", &number.to_string()])[field].clone();
    assert_eq!((field(1, "status"), field(1, "type")), (json!("Rejected"), json!("Spam")));
    assert_eq!(desk.items(&["case", "list", "--all", "type:spam"]).len(), 1);
    assert!(desk.items(&["--as", "budi", "case", "list", "is:waiting"]).iter().all(|case| case["number"] != json!(1)));
    assert!(desk.items(&["outbox", "list", "--all"]).is_empty(), "nobody is answered");
    desk.ok("--as budi case reopen 1");
    assert_eq!((field(1, "status"), field(1, "type")), (json!("New"), json!("")));
    // Another type stays.
    desk.ok("case close 2");
    desk.ok("case reopen 2");
    assert_eq!((field(2, "status"), field(2, "type")), (json!("New"), json!("question")));
}

#[test]
fn plurals_and_short_verbs_mean_the_same_commands() {
    let desk = desk();
    waiting_cases(&desk, &["First"]);
    for (line, other) in [
        ("--json case list", "--json cases ls"),
        ("--json case show 1", "--json cases view 1"),
        ("user show ana", "users view ana"),
        ("account list", "accounts list"),
    ] {
        assert_eq!(desk.run(line).ok().stdout, desk.run(other).ok().stdout, "{other}");
    }
    desk.ok("filter add quiet --scope global --if subject=x --do no-case");
    desk.ok("--yes filters rm quiet");
    desk.ok("case --help").says("[alias: ls]");
}
