//! Snoozed cases: Pending until a time, then open again, once.

use serde_json::{Value, json};

use crate::support::{Desk, SUPPORT, mail};

fn desk() -> Desk {
    let desk = Desk::new().piped_account("support", &[]);
    for subject in ["First", "Second", "Third"] {
        desk.put(&desk.letter("kim@customer.example", subject));
    }
    desk.ana("case take 1").ok();
    desk
}

impl Desk {
    fn field(&self, number: i64, field: &str) -> Value {
        self.json(&["case", "show", &number.to_string()])[field].clone()
    }

    /// As if the time of every snoozed case had come a second ago.
    fn time_passes(&self) {
        let past = jiff::Timestamp::now().as_second() - 1;
        self.sandbox.sql(&format!("UPDATE cases SET snoozed_until = {past} WHERE snoozed_until IS NOT NULL"));
    }

    fn texts(&self, number: i64) -> Vec<String> {
        let notes = self.items(&["case", "history", &number.to_string()]);
        notes.iter().map(|note| note["text"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn a_snoozed_case_is_pending_until_its_time_and_wakes_once() {
    let desk = desk();
    let done = desk.ana("--utc case snooze 1 2 2199-12-24T09:00").ok();
    assert_eq!(done.stdout, "case #1 is snoozed until 2199-12-24 09:00\ncase #2 is snoozed until 2199-12-24 09:00\n");
    assert_eq!(
        (desk.field(1, "status"), desk.field(1, "snoozed_until")),
        (json!("Pending"), json!("2199-12-24T09:00:00Z"))
    );
    assert!(desk.texts(1).contains(&"snoozed until 2199-12-24 09:00".to_owned()), "{:?}", desk.texts(1));
    assert_eq!(desk.items("case list is:snoozed").len(), 2);
    assert!(desk.ok("--utc case list").stdout.contains("2199-12-24 09:00"));
    assert!(desk.ok("--utc case show 1").stdout.contains("Snoozed until"));
    // Nobody is reminded of it meanwhile.
    assert_eq!(desk.json("--as ana")["waiting_count"], 0);
    // Not before its time, and not by a command that only reads.
    desk.ok("fetch");
    desk.ok("case list");
    assert_eq!(desk.items("case list is:snoozed").len(), 2);
    desk.time_passes();
    desk.ok("--dry-run fetch");
    assert_eq!(desk.items("case list is:snoozed").len(), 2, "a dry run wakes nobody");
    let told = desk.told("ana").len();
    desk.ok("fetch --no-send");
    assert_eq!((desk.field(1, "status"), desk.field(1, "snoozed_until")), (json!("Assigned"), Value::Null));
    assert_eq!((desk.field(2, "status"), desk.field(2, "snoozed_until")), (json!("New"), Value::Null));
    let woken =
        |user: &str| desk.told(user).into_iter().filter(|text| text.contains("snoozed until now")).collect::<Vec<_>>();
    assert_eq!(woken("ana"), ["#1 First: snoozed until now, open again", "#2 Second: snoozed until now, open again"]);
    assert_eq!(woken("budi"), ["#2 Second: snoozed until now, open again"], "without an assignee the team is told");
    assert_eq!(desk.told("ana").len(), told + 2);
    assert_eq!(desk.texts(1).iter().filter(|text| text.starts_with("woke up: Pending -> Assigned")).count(), 1);
    // By e-mail too, as an assignment is.
    let notices =
        desk.query("SELECT subject FROM outbox WHERE kind = 'notice' AND subject LIKE '%snoozed%' ORDER BY id");
    assert_eq!(notices.len(), 3, "{notices:?}");
    let notes = || desk.query("SELECT text FROM notes ORDER BY id");
    let before = notes();
    desk.ok("fetch --no-send");
    assert_eq!(notes(), before, "a case wakes once");
}

#[test]
fn send_wakes_cases_too_and_more_than_one_transaction_of_them() {
    let desk = Desk::new();
    desk.ok("case create --subject One --team Support");
    desk.sandbox.sql(
        "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 250)
            INSERT INTO cases (number, key, name, status, created_at, modified_at) SELECT i, 'k' || i, 'c', 'Pending', 0, 0 FROM n",
    );
    desk.sandbox.sql("UPDATE cases SET status = 'Pending', snoozed_until = 1");
    desk.ok("send");
    assert_eq!(desk.query("SELECT count(*) || '' FROM cases WHERE snoozed_until IS NULL AND status = 'New'"), ["250"]);
    assert_eq!(desk.query("SELECT count(*) || '' FROM notes WHERE text LIKE 'woke up%'"), ["250"]);
}

#[test]
fn a_mail_of_the_customer_or_another_status_wakes_a_case_at_once() {
    let desk = desk();
    desk.ok("case snooze 1 2 3 2w");
    let id = desk.query("SELECT message_id FROM emails WHERE subject = 'First'").remove(0);
    desk.put(&mail("kim@customer.example", SUPPORT, "Re: First").in_reply_to(&format!("<{id}>")));
    assert_eq!((desk.field(1, "status"), desk.field(1, "snoozed_until")), (json!("Assigned"), Value::Null));
    desk.ok("case close 2");
    assert_eq!(desk.field(2, "snoozed_until"), Value::Null);
    desk.ok("case snooze 3 --off");
    assert_eq!((desk.field(3, "status"), desk.field(3, "snoozed_until")), (json!("New"), Value::Null));
    assert!(desk.items("case list is:snoozed").is_empty());
    // Nothing is left to wake up.
    let told = desk.told("ana").len();
    desk.ok("fetch --no-send");
    assert_eq!(desk.told("ana").len(), told);
    // Snoozing again only moves the time.
    desk.ok("case snooze 3 2w");
    desk.ok("case snooze 3 3w");
    assert_eq!(desk.texts(3).iter().filter(|text| text.contains("-> Pending")).count(), 2);
}

#[test]
fn what_cannot_be_snoozed_is_refused() {
    let desk = desk();
    desk.ok("case close 2");
    for (line, code, words) in [
        ("case snooze 1", 2, "the time is missing"),
        ("case snooze monday", 2, "name a case by its number"),
        ("case snooze 1 nonsense", 2, "case snooze: \"nonsense\" is not a date or time"),
        ("case snooze 1 2020-01-01", 65, "case snooze: 2020-01-01 00:00 is in the past"),
        ("case snooze 1 2w --off", 2, "--off and a time cannot be together"),
        ("case snooze 2 2w", 65, "espomail case reopen 2"),
        ("case snooze 1 --off", 65, "case #1 is not snoozed (Assigned)"),
        ("case snooze 9 2w", 65, "case 9: not found"),
        ("case snooze 1 2 2w", 65, "case #2 is closed"),
    ] {
        desk.run(line).exits(code).says(words);
    }
    assert_eq!((desk.field(1, "status"), desk.field(1, "snoozed_until")), (json!("Assigned"), Value::Null));
    // A time of several words needs no quotes.
    desk.ok("case snooze 1 tomorrow at 9:00");
    assert_eq!(desk.field(1, "status"), "Pending");
}

#[test]
fn users_choose_how_they_hear_of_cases_that_wake_up() {
    let desk = desk();
    desk.ok("--as ana notification settings --off woken");
    desk.ok("case snooze 1 2w");
    desk.time_passes();
    desk.ok("fetch --no-send");
    assert!(desk.told("ana").iter().all(|text| !text.contains("snoozed")));
    assert_eq!(desk.field(1, "status"), "Assigned");
}
