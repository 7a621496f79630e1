//! Changing all cases that a query finds.

use serde_json::{Value, json};

use crate::support::Desk;

/// Cases 1 to 4 of Support, 5 of Billing.
fn desk() -> Desk {
    let desk = Desk::new().team("Billing").user("dewi", &["Billing"]).piped_account("support", &[]);
    for subject in ["Invoice one", "Invoice two", "Printer", "Invoice three", "Invoice four"] {
        desk.put(&desk.letter("kim@customer.example", subject));
    }
    desk.ok("case move 5 --team Billing");
    desk
}

impl Desk {
    fn in_status(&self, status: &str) -> Vec<i64> {
        let cases = self.items(&["case", "list", &format!("status:{status}")]);
        cases.iter().rev().map(|case| case["number"].as_i64().unwrap()).collect()
    }
}

#[test]
fn a_query_stands_for_the_cases_that_it_finds_after_a_question() {
    let desk = desk();
    let close = ["--as", "ana", "case", "close", "--query", "subject:invoice"];
    // Nobody can be asked.
    desk.run(&close).exits(2).says("Close 3 cases that match subject:invoice?");
    assert_eq!(desk.in_status("Closed"), [] as [i64; 0]);
    let no = desk.sandbox.call(&close).on_terminal("n\n").run().exits(1);
    assert!(no.stdout.contains("Close 3 cases that match subject:invoice? [y/N]"), "{no:?}");
    assert_eq!(desk.in_status("Closed"), [] as [i64; 0]);
    let before = desk.sandbox.every_row();
    let listed = desk.run(&[&["--dry-run"], &close[..]].concat()).ok();
    assert!(listed.stdout.contains("Invoice one") && listed.stdout.contains("Invoice three"), "{listed:?}");
    assert!(
        !listed.stdout.contains("Printer")
            && listed.stderr.contains(
                "dry run, nothing changed; without --dry-run it would ask: Close 3 cases that match subject:invoice?"
            )
    );
    assert_eq!(desk.sandbox.every_row(), before);
    let done = desk.run(&[&["--yes"], &close[..]].concat()).ok();
    assert_eq!(done.stdout, "case #4 is Closed\ncase #2 is Closed\ncase #1 is Closed\n");
    assert_eq!(desk.in_status("Closed"), [1, 2, 4], "case 5 is of another team");
    // Closed cases are meant only if the query says so.
    desk.run(&[&["--yes"], &close[..]].concat()).ok().says("There is no such case.");
    desk.ok("--yes --as ana case reopen --query is:closed");
    assert_eq!(desk.in_status("Closed"), [] as [i64; 0]);
}

#[test]
fn every_verb_that_takes_numbers_takes_a_query() {
    let desk = desk();
    let field = |number: i64, field: &str| desk.json(&["case", "show", &number.to_string()])[field].clone();
    for line in [
        "--yes --as ana case take --query subject:one",
        "--yes case assign --query subject:two budi",
        "--yes case edit --query subject:invoice --priority High",
        "--yes case tag --query subject:invoice bills",
        "--yes case snooze --query subject:two 2w",
    ] {
        desk.ok(line);
    }
    assert_eq!(
        (field(1, "assigned_user")["username"].clone(), field(2, "assigned_user")["username"].clone()),
        (json!("ana"), json!("budi"))
    );
    // Programs put what they were given last.
    desk.ok("case tag urgent-one 3 5");
    assert_eq!((field(3, "tags"), field(5, "tags")), (json!(["urgent-one"]), json!(["bills", "urgent-one"])));
    desk.ok("case untag urgent-one 3 5");
    assert_eq!((field(5, "priority"), field(3, "priority")), (json!("High"), json!("Normal")));
    assert_eq!((field(4, "tags"), field(2, "status")), (json!(["bills"]), json!("Pending")));
    for line in [
        "--yes case snooze --off --query is:snoozed",
        "--yes case release --query assignee:budi",
        "--yes case untag --query tag:bills bills",
        "--yes case move --query subject:printer --team Billing",
        "--yes case spam --query subject:four",
    ] {
        desk.ok(line);
    }
    assert_eq!((field(2, "assigned_user"), field(2, "snoozed_until")), (Value::Null, Value::Null));
    assert_eq!((field(4, "tags"), field(3, "teams"), field(5, "type")), (json!([]), json!(["Billing"]), json!("Spam")));
    // Several numbers, where it was one.
    desk.run("case merge 3 4 9 1 --yes").exits(65).says("case 9: not found");
    assert_eq!(field(3, "status"), "New", "all or none");
    desk.run("case merge 3 4 1").exits(2).says("Merge cases #3, #4 into #1?");
    desk.ok("--yes case merge 3 4 1");
    assert_eq!((field(3, "status"), field(4, "status")), (json!("Duplicate"), json!("Duplicate")));
    assert_eq!(desk.items("case thread 1").len(), 3);
    desk.ok("case edit 1 2 --type bill");
    desk.ok("case move 1 2 --team Billing");
    assert_eq!((field(2, "type"), field(1, "teams")), (json!("bill"), json!(["Billing"])));
}

#[test]
fn what_the_user_cannot_change_is_left_out() {
    let desk = desk();
    desk.ok("role grant Agent case-edit own");
    desk.ok("case assign 1 ana");
    let done = desk.ok("--yes --as ana case close --query subject:invoice");
    assert_eq!(done.stdout, "case #1 is Closed\n");
    assert!(done.stderr.contains("2 cases left out: you cannot change them"), "{done:?}");
    let none = desk.run("--yes --as dewi case close --query subject:invoice").exits(77);
    assert!(none.stderr.contains("you cannot change the 1 case that the query finds"), "{none:?}");
    assert_eq!(desk.in_status("Closed"), [1]);
}

#[test]
fn a_case_that_fails_is_named_and_the_others_are_done() {
    let desk = desk();
    desk.ok("case assign 1 2 ana");
    desk.ok("case close 4");
    // What is closed cannot be snoozed.
    let query = "subject:invoice (is:open OR is:closed)";
    let partly = desk.run(&["--yes", "case", "snooze", "2w", "--query", query]).exits(1);
    assert!(partly.stderr.contains("espomail: case #4 is closed"), "{partly:?}");
    assert!(partly.stdout.starts_with("case #5 ") && partly.stdout.lines().count() == 3, "{partly:?}");
    assert_eq!(desk.in_status("Pending"), [1, 2, 5]);
    // Of cases that are named, all are changed or none.
    desk.ok("case snooze 1 2 5 --off");
    desk.run("case snooze 1 4 2w").exits(65).says("case #4 is closed");
    assert_eq!(desk.in_status("Pending"), [] as [i64; 0]);
}

#[test]
fn numbers_and_a_query_do_not_go_together() {
    let desk = desk();
    for (line, words) in [
        ("case close 1 --query subject:x", "--query"),
        ("case close", "the case number is missing"),
        ("case assign 1 --query subject:x ana", "--query: cannot be together with case numbers"),
        ("case tag 1 --query subject:x vip", "--query: cannot be together with case numbers"),
        ("case assign ana", "name a case by its number"),
        ("case assign 1", "the user is missing"),
        ("case close --query subject:invoice -m Done.", "you can answer only one case at a time"),
    ] {
        desk.run(line).exits(2).says(words);
    }
    for empty in ["", " "] {
        desk.run(&["--yes", "case", "close", "--query", empty]).exits(2).says("the query is empty");
    }
    desk.run("case close --query nosuch:x").exits(2).says("\"nosuch:\" is not a field");
    assert_eq!(desk.in_status("Closed"), [] as [i64; 0]);
}

#[test]
fn closing_with_a_template_answers_the_customer() {
    let desk = desk();
    desk.run(&["template", "add", "done", "--subject", "Done", "--body", "It is done."]).exits(65);
    let body = desk.sandbox.file("done.txt", b"It is done.\n");
    desk.run(&["template", "add", "done", "--subject", "Done", "--body", body.to_str().unwrap()]).ok();
    desk.ok("--as ana case close 1 --template done");
    assert_eq!(desk.json("case show 1")["status"], "Closed");
    assert_eq!(desk.items("outbox list").len(), 1);
    desk.run("--as ana case close 2 --template nosuch").exits(65).says("there is no template \"nosuch\"");
    assert_eq!(desk.json("case show 2")["status"], "New");
}
