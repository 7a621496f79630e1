//! Lists: their order, their limit and what they say of the rest, their columns.

use serde_json::json;

use crate::support::Desk;

fn desk() -> Desk {
    Desk::new().piped_account("support", &[])
}

#[test]
fn emails_are_in_the_order_of_the_date_that_is_shown() {
    let desk = desk();
    for subject in ["First", "Second", "Third"] {
        desk.put(&desk.letter("kim@customer.example", subject));
    }
    // A message without a mailbox came when it says so.
    desk.put(&desk.letter("kim@customer.example", "Wrong clock").date("2019-01-01T00:00:00Z".parse().unwrap()));
    desk.sandbox.sql("UPDATE emails SET received_at = received_at - 1000 * (5 - id)");
    let later = jiff::Timestamp::now().as_second() + 86_400 * 300;
    desk.sandbox.sql(&format!("UPDATE emails SET received_at = {later} WHERE subject = 'Second'"));
    desk.ok("--as ana case reply 1 -m Later. --at 2199-01-01");
    let subjects = |args: &[&str]| -> Vec<String> {
        let rows = desk.items(&[&["email", "list"], args].concat());
        rows.iter().map(|row| row["subject"].as_str().unwrap().to_owned()).collect()
    };
    // A letter for later is as old as its writing, and so is what claims to come from the future.
    let order = ["[#1] Re: First", "Second", "Third", "First", "Wrong clock"];
    assert_eq!(subjects(&[]), order);
    assert_eq!(subjects(&["--limit", "3"]), order[..3]);
    assert_eq!(subjects(&["--limit", "0", "subject:first"]), ["[#1] Re: First", "First"]);
    let shown = desk.ok("--utc email list --fields date").stdout;
    let dates: Vec<&str> = shown.lines().skip(1).collect();
    let mut sorted = dates.clone();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!((dates.len(), &dates), (5, &sorted), "{shown}");
    // Programs get the field Date of the message.
    assert!(desk.ok("--json email list subject:wrong").stdout.contains("2019-01-01T00:00:00Z"));
}

#[test]
fn a_draft_has_the_case_that_it_is_for() {
    let desk = desk().team("Billing").user("dewi", &["Billing"]);
    desk.put(&desk.letter("kim@customer.example", "First"));
    desk.ok("--as ana case reply 1 -m Text. --draft");
    let draft = &desk.items("--as ana email list --folder drafts")[0];
    assert_eq!((&draft["case"], &draft["parent"]), (&json!(1), &json!(null)));
    // Who does not see the case any more does not learn its number.
    desk.ok("case move 1 --team Billing");
    assert_eq!(desk.items("--as ana email list --folder drafts")[0]["case"], json!(null));
}

#[test]
fn every_long_list_says_what_it_leaves_out_also_with_ids_alone() {
    let desk = desk();
    desk.ok("user add boss --type admin");
    for number in 1..=3 {
        desk.put(&desk.letter("kim@customer.example", &format!("Case {number}")));
        desk.ok(&format!("--as boss case assign {number} ana"));
    }
    desk.sandbox.sql("UPDATE deliveries SET outcome = 'quarantined', reason = 'broken'");
    for (line, total) in [
        ("case list", 3),
        ("email list", 3),
        ("--as ana notification list", 3),
        ("outbox list --all", 3),
        ("log list", 13),
        ("quarantine list", 3),
        ("--as ana notification list --all", 3),
    ] {
        let ids = desk.ok(&format!("-q {line} --limit 2"));
        assert_eq!(ids.stdout.lines().count(), 2, "{line}: {ids:?}");
        let said = ids.stderr.trim_end();
        assert!(said.starts_with("2 of ") && said.ends_with("; more: --limit N (0 = all)"), "{line}: {ids:?}");
        if total < 10 {
            assert_eq!(said, format!("2 of {total}; more: --limit N (0 = all)"), "{line}");
        }
        let all = desk.ok(&format!("-q {line} --limit 0"));
        assert!(all.stderr.is_empty() && all.stdout.lines().count() >= 3, "{line}: {all:?}");
        // Newest first.
        let ids: Vec<i64> = all.stdout.lines().map(|id| id.parse().unwrap()).collect();
        assert!(ids.is_sorted_by(|a, b| a > b), "{line}: {ids:?}");
    }
}

#[test]
fn fields_are_called_as_their_headings_too() {
    let desk = desk();
    desk.put(&desk.letter("kim@customer.example", "First"));
    let first = |line: &str| desk.ok(line).stdout.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    assert_eq!(first("case list --fields subject,#"), ["SUBJECT  #", "First    1"]);
    assert_eq!(first("case list --fields subject,number"), ["SUBJECT  #", "First    1"]);
    assert_eq!(first("case list --fields STATUS,prio"), ["STATUS  PRIO", "New     Normal"]);
    assert_eq!(
        desk.items("--fields subject case list"),
        [json!({"subject": "First"})],
        "programs get the name of the field"
    );
    desk.sandbox.run(&["outbox", "list", "--fields", "LAST ERROR"]).ok();
    // What no list shows is shown where it is named.
    assert!(first("case show 1 --fields waiting")[0].starts_with("Waiting  customer "));
    desk.run("case list --fields nosuch").exits(2).says("known: number, priority");
}
