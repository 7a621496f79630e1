//! A day in few commands: what waits, the next case, taking what somebody else has, closing with an answer.

use serde_json::{Value, json};

use crate::support::{Letter, Run, Sandbox, every_row, mail};

const SUPPORT: &str = "support@desk.example";

/// ana and budi are in Support, dewi in Billing; the account support makes cases of team Support from kim's mail.
fn desk() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).ok();
    for (team, users) in [("Support", &["ana", "budi"][..]), ("Billing", &["dewi"])] {
        sandbox.run(&["team", "add", team]).ok();
        for user in users {
            sandbox.run(&["user", "add", user, "--email", &format!("{user}@staff.example")]).ok();
            sandbox.run(&["team", "member", "add", team, user]).ok();
        }
    }
    let account = ["account", "add", "support", "--kind", "group", "--address", SUPPORT, "--secret", "env:PW"];
    let cases = ["--smtp", "127.0.0.1:9", "--smtp-tls", "none", "--case-team", "Support", "--create-case"];
    sandbox.run(&[&account[..], &cases].concat()).ok();
    sandbox
}

/// Makes a case from a customer's mail, and one that waits longer the lower the number.
fn waiting_cases(desk: &Sandbox, subjects: &[&str]) {
    for (at, subject) in subjects.iter().enumerate() {
        let letter: Letter = mail("kim@customer.example", SUPPORT, subject);
        desk.call(&["ingest", "--account", "support"]).stdin(&letter.bytes()).run().ok();
        desk.sql(&format!(
            "UPDATE cases SET waiting_since = waiting_since - {} WHERE name = '{subject}'",
            1000 - at * 100
        ));
    }
}

#[track_caller]
fn run(desk: &Sandbox, line: &str) -> Run {
    desk.run(&line.split_whitespace().collect::<Vec<_>>())
}

fn assignee(desk: &Sandbox, number: i64) -> Value {
    desk.json(&["case", "show", &number.to_string()])["assigned_user"]["username"].clone()
}

#[test]
fn the_day_of_a_user_shows_what_is_theirs_and_the_command_for_more() {
    let desk = desk();
    waiting_cases(&desk, &["First", "Second", "Third", "Fourth"]);
    run(&desk, "case move 4 --team Billing").ok();
    run(&desk, "case assign 2 1 ana").ok();
    run(&desk, "--as ana case reply 1 -m Later. --draft").ok();
    run(&desk, "--as ana email send --to kim@customer.example --subject Lost -m x --account support").ok();
    run(&desk, "--as budi email send --to kim@customer.example --subject Budis -m x --account support").ok();
    desk.sql("UPDATE outbox SET state = 'failed', last_error = '550 no such user'");

    let day = desk.json(&["--as", "ana"]);
    let of = |part: &str, field: &str| -> Vec<Value> {
        day[part].as_array().unwrap().iter().map(|row| row[field].clone()).collect()
    };
    assert_eq!((&day["schema"], &day["user"]), (&json!("espomail/day/1"), &json!("ana")));
    assert_eq!((of("waiting", "number"), &day["waiting_count"]), (vec![json!(1), json!(2)], &json!(2)));
    assert_eq!(day["unread_notifications"], json!(desk.items(&["--as", "ana", "notification", "list"]).len()));
    assert_eq!((of("drafts", "id").len(), &day["drafts_count"]), (1, &json!(1)));
    assert_eq!((of("failed", "subject"), &day["failed_count"]), (vec![json!("Lost")], &json!(1)));
    assert_eq!((of("unassigned", "number"), &day["unassigned_count"]), (vec![json!(3)], &json!(1)));

    let shown = run(&desk, "--as ana").ok();
    for text in [
        "Your cases that wait for an answer: 2 (espomail case list --mine --sort waiting is:waiting)",
        "Unread notifications: 2 (espomail notification list)",
        "Your drafts: 1 (espomail email list --folder drafts)",
        "Your letters that failed: 1 (espomail outbox list status:failed)",
        "Unassigned cases of your teams: 1 (espomail case list --unassigned --sort waiting 'is:open -status:Pending team:Support')",
    ] {
        assert!(shown.stdout.contains(text), "{text}: {shown:?}");
    }
    assert!(!shown.stdout.contains("Fourth") && !shown.stdout.contains("Budis"), "{shown:?}");
    assert_eq!(run(&desk, "-q --as ana").ok().stdout, "1\n2\n");
    // Each command for more shows the rows of its part.
    let numbers = |args: &[&str]| -> Vec<Value> {
        desk.items(&[&["--as", "ana"], args].concat()).iter().map(|row| row["number"].clone()).collect()
    };
    assert_eq!(numbers(&["case", "list", "--mine", "--sort", "waiting", "is:waiting"]), [json!(1), json!(2)]);
    let query = "is:open -status:Pending team:Support";
    assert_eq!(numbers(&["case", "list", "--unassigned", "--sort", "waiting", query]), [json!(3)]);
    assert_eq!(desk.items(&["--as", "ana", "email", "list", "--folder", "drafts"]).len(), 1);
    assert_eq!(desk.items(&["--as", "ana", "outbox", "list", "status:failed"]).len(), 1);

    let quiet_day = run(&desk, "--as dewi").ok();
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
    assert_eq!((day["unassigned"].as_array().unwrap().len(), &day["unassigned_count"]), (10, &json!(12)));
    let shown = run(&desk, "--as ana").ok();
    assert!(shown.stdout.contains("Unassigned cases of your teams: 10 of 12 (") && shown.stdout.contains("Case1"));
}

#[test]
fn help_is_shown_where_there_is_no_database_or_no_user() {
    let sandbox = Sandbox::new();
    for line in ["", "--json"] {
        let help = run(&sandbox, line).exits(2);
        assert!(help.stdout.is_empty() && help.stderr.contains("espomail init"), "{help:?}");
    }
    assert!(!sandbox.db().exists());
    sandbox.run(&["init"]).ok();
    run(&sandbox, "").exits(2).says("Usage: ");
}

#[test]
fn next_takes_the_unassigned_case_of_ones_teams_that_waits_longest() {
    let desk = desk();
    desk.run(&["case", "create", "--subject", "By hand", "--team", "Support"]).ok();
    waiting_cases(&desk, &["First", "Second", "Third", "Billing's"].map(|s| s.split('\'').next().unwrap()));
    run(&desk, "case move 5 --team Billing").ok();
    run(&desk, "case edit 4 --status Pending").ok();
    let before = every_row(&desk.db());
    run(&desk, "--dry-run --as ana case next").ok();
    assert_eq!(every_row(&desk.db()), before, "a dry run changes nothing");
    for (user, expected) in [("ana", 2), ("budi", 3), ("ana", 1)] {
        let taken = run(&desk, &format!("--as {user} case next")).ok();
        assert_eq!(taken.stdout, format!("case #{expected} taken\n"), "{taken:?}");
        assert_eq!(assignee(&desk, expected), user);
    }
    let none = run(&desk, "--as ana case next").ok();
    assert!(none.stdout.is_empty() && none.stderr == "There is no unassigned case of your teams.\n", "{none:?}");
    assert_eq!(desk.json(&["--as", "ana", "case", "next"])["id"], Value::Null);
    // A team whose cases are not to be seen has none.
    run(&desk, "--as ana case next --team Billing").ok().says("There is no unassigned case of team Billing.");
    run(&desk, "--as ana case next --team Nowhere").exits(65).says("espomail team list");
    run(&desk, "role grant Agent case-edit no").ok();
    run(&desk, "--as dewi case next").exits(77).says("case-edit: you cannot change case/5");
    run(&desk, "role grant Agent case-edit team").ok();
    run(&desk, "--as dewi case next --team Billing").ok().says("case #5 taken");
    run(&desk, "team member remove Billing dewi").ok();
    run(&desk, "--as dewi case next").exits(65).says("you are not in any team");
    run(&desk, "case next").exits(77).says("no user is mapped to you");
}

#[test]
fn taking_what_somebody_else_has_says_who_that_is_and_asks() {
    let desk = desk();
    waiting_cases(&desk, &["First", "Second"]);
    run(&desk, "--as ana case take 1").ok().says("case #1 taken\n");
    // Nobody is asked about a case of one's own.
    run(&desk, "--as ana case take 1").ok();
    let refused = run(&desk, "--as budi case take 2 1").exits(2);
    assert!(refused.stderr.contains("Case #1 is assigned to ana. Take it?") && refused.stderr.contains("--yes"));
    assert_eq!((assignee(&desk, 1), assignee(&desk, 2)), (json!("ana"), Value::Null));
    let kept = desk.call(&["--as", "budi", "case", "take", "1"]).on_terminal("n\n").run().exits(2);
    assert!(kept.stdout.contains("Case #1 is assigned to ana. Take it? [y/N]"), "{kept:?}");
    assert_eq!(assignee(&desk, 1), "ana");
    desk.call(&["--as", "budi", "case", "take", "1"]).on_terminal("y\n").run().ok();
    assert_eq!(assignee(&desk, 1), "budi");
    let taken = run(&desk, "--yes --as ana case take 1 2").ok();
    assert_eq!(taken.stdout, "case #1 taken (it was assigned to budi)\ncase #2 taken\n");
    // Who may not change it hears that first.
    run(&desk, "role grant Agent case-edit own").ok();
    run(&desk, "--as budi case take 1").exits(77).says("case-edit");
}

#[test]
fn closing_with_a_text_answers_the_customer() {
    let desk = desk();
    waiting_cases(&desk, &["First", "Second"]);
    let two = desk.run(&["--as", "ana", "case", "close", "1", "2", "-m", "Done."]).exits(2);
    assert!(two.stderr.contains("you can answer only one case at a time"), "{two:?}");
    assert!(desk.items(&["outbox", "list", "--all"]).is_empty());
    run(&desk, "--as ana case close 1 -m Done.").ok().says("is in the outbox");
    let row = &desk.items(&["outbox", "list"])[0];
    assert_eq!((&row["to"], &row["subject"]), (&json!(["kim@customer.example"]), &json!("[#1] Re: First")));
    assert_eq!(desk.json(&["case", "show", "1"])["status"], "Closed");
    let file = desk.file("answer.txt", b"No.\n");
    desk.run(&["--as", "ana", "case", "close", "2", "--status", "Rejected", "-F", file.to_str().unwrap()]).ok();
    assert_eq!(desk.json(&["case", "show", "2"])["status"], "Rejected");
    assert_eq!(desk.items(&["outbox", "list"]).len(), 2);
    // Without a text nobody is answered.
    run(&desk, "case reopen 1").ok();
    run(&desk, "case close 1").ok();
    assert_eq!(desk.items(&["outbox", "list"]).len(), 2);
}

#[test]
fn spam_is_rejected_and_reopening_takes_that_back() {
    let desk = desk();
    waiting_cases(&desk, &["First", "Second"]);
    run(&desk, "case edit 2 --type question").ok();
    run(&desk, "--as dewi case spam 1").exits(65).says("case 1: not found");
    assert_eq!(run(&desk, "--as ana case spam 1").ok().stdout, "case #1 is Rejected as spam\n");
    let field = |number: i64, field: &str| desk.json(&["case", "show", &number.to_string()])[field].clone();
    assert_eq!((field(1, "status"), field(1, "type")), (json!("Rejected"), json!("Spam")));
    assert_eq!(desk.items(&["case", "list", "type:spam"]).len(), 1);
    assert!(desk.items(&["--as", "budi", "case", "list", "is:waiting"]).iter().all(|case| case["number"] != json!(1)));
    assert!(desk.items(&["outbox", "list", "--all"]).is_empty(), "nobody is answered");
    run(&desk, "--as budi case reopen 1").ok();
    assert_eq!((field(1, "status"), field(1, "type")), (json!("New"), json!("")));
    // Another type stays.
    run(&desk, "case close 2").ok();
    run(&desk, "case reopen 2").ok();
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
        assert_eq!(run(&desk, line).ok().stdout, run(&desk, other).ok().stdout, "{other}");
    }
    run(&desk, "filter add quiet --scope global --if subject=x --do no-case").ok();
    run(&desk, "--yes filters rm quiet").ok();
    assert!(!run(&desk, "case --help").ok().stdout.contains("alias"));
}
