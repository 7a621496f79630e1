//! Letters, drafts and the outbox as an agent meets them.

use crate::support::{Child, Desk, Run, from};

fn desk() -> Desk {
    let desk = Desk::new().piped_account("support", &["--team", "Support"]);
    desk.put(&from("Eva Berg <eva@x.example>", "Broken").body("It smokes.\n"));
    desk
}

/// Numbers that the program prints with `-q`.
fn id(run: &Run) -> String {
    run.stdout.split_whitespace().next().unwrap().to_owned()
}

fn outbox(desk: &Desk) -> usize {
    desk.query("SELECT id || '' FROM outbox").len()
}

#[test]
fn standard_input_is_read_only_if_it_is_asked_for() {
    let desk = desk();
    for args in [
        &["case", "reply", "1"][..],
        &["case", "reply", "1", "--draft"],
        &["email", "reply", "1"],
        &["email", "send", "--to", "a@y.example"],
        &["case", "note", "1"],
        &["note", "case/1"],
    ] {
        // As a loop of a shell starts it, which does not say that nobody can be asked.
        let command = desk.sandbox.command(&[&["--as", "ana"], args].concat());
        let run = Child::default().spawn(command, Some(b"40\n".to_vec()), args.join(" ")).wait().exits(2);
        assert!(run.stderr.contains("the text is missing"), "{args:?}: {run:?}");
    }
    assert_eq!(outbox(&desk), 0);
    assert_eq!(desk.query("SELECT count(*) || '' FROM notes WHERE kind = 'comment'"), ["0"]);
    desk.sandbox.call(&["--as", "ana", "case", "note", "1", "-"]).stdin(b"By a pipe.\n").run().ok();
    assert_eq!(desk.query("SELECT text FROM notes WHERE kind = 'comment'"), ["By a pipe.\n"]);
}

#[test]
fn a_draft_goes_where_the_mail_goes_that_it_answers() {
    let desk = desk();
    desk.put(&from("Eva Berg <eva@x.example>", "Re: [#1] Broken").body("And another thing.\n"));
    let draft = id(&desk.ana(&["-q", "case", "reply", "1", "-m", "An answer", "--draft"]).ok());
    let other = id(&desk.ana(&["-q", "email", "reply", "1", "-m", "To the first", "--draft"]).ok());
    desk.ana(&["case", "split", "1", "--from", "2", "--subject", "Another thing"]).ok();
    let of_draft = |id: &str| desk.json(&["--as", "ana", "email", "show", id])["case"].clone();
    assert_eq!((of_draft(&draft), of_draft(&other)), (2.into(), 1.into()));
    desk.ana(&["email", "send", &draft]).ok();
    let sent = desk.query(&format!("SELECT parent_id || ' ' || subject FROM emails WHERE id = {draft}"));
    assert!(sent[0].starts_with("2 [#2] "), "{sent:?}");
    let waits = |n: &str| desk.json(&["case", "show", n])["waiting"]["who"].clone();
    assert_eq!((waits("1"), waits("2")), ("customer".into(), "us".into()));
    // The same for a mail that is linked by hand.
    desk.ana(&["email", "link", "1", "case/2"]).ok();
    assert_eq!(of_draft(&other), 2);
}

#[test]
fn a_scheduled_letter_is_sent_at_once_only_if_that_is_meant() {
    let desk = desk();
    let row = id(&desk.ana(&["-q", "case", "reply", "1", "-m", "Later", "--at", "+5h"]).ok());
    let state = || {
        let scheduled = desk.items(&["--as", "ana", "outbox", "list", "status:scheduled"]).len();
        let email = desk.items("email list").into_iter().find(|email| email["id"] == 2).unwrap();
        (scheduled, email["status"].as_str().unwrap().to_owned())
    };
    assert_eq!(state(), (1, "Scheduled".into()));
    let refused = desk.ana(&["outbox", "retry", &row]).exits(2);
    assert!(refused.stderr.contains(&format!("Outbox {row} is scheduled for")), "{refused:?}");
    assert_eq!(state(), (1, "Scheduled".into()));
    let retried = desk.ana(&["--yes", "outbox", "retry", &row]).ok();
    assert!(retried.stdout.contains("is due again: the next run sends it, and not at "), "{retried:?}");
    assert_eq!(state(), (0, "Sending".into()));
    // A letter that is due is not asked about.
    desk.ana(&["outbox", "retry", &row]).ok();
}

#[test]
fn what_a_letter_does_to_the_status_of_its_case_is_said() {
    let desk = desk();
    let dry = desk.ana(&["--dry-run", "case", "reply", "1", "-m", "x", "--close"]).ok();
    assert!(dry.stderr.contains("; case #1 would be Closed"), "{dry:?}");
    let later = desk.ana(&["case", "reply", "1", "-m", "x", "--status", "Pending", "--at", "+1h"]).ok();
    assert!(later.stdout.contains("; case #1 will then be Pending"), "{later:?}");
    let closed = desk.ana(&["case", "close", "1", "-m", "Done."]).ok();
    assert!(closed.stdout.contains("; case #1 is Closed"), "{closed:?}");
    let plain = desk.ana(&["case", "reply", "1", "-m", "x"]).ok();
    assert!(!plain.stdout.contains("; case #1"), "{plain:?}");
    // What a dry run took back may leave a gap in the numbers.
    let waiting = desk.query("SELECT id || '' FROM outbox ORDER BY id");
    desk.ana(&["outbox", "cancel", &waiting[0]]).ok().says("again");
    let cancelled = desk.ana(&["outbox", "cancel", &waiting[1]]).ok();
    assert!(cancelled.stdout.contains("; case #1 stays Closed (to open it: espomail case reopen 1)"), "{cancelled:?}");
    assert_eq!(desk.query("SELECT status FROM cases"), ["Closed"]);
}

#[test]
fn what_colleagues_did_meanwhile_is_asked_about() {
    let desk = desk();
    desk.run_as("budi", &["case", "note", "1", "-m", "Before."]).ok();
    let draft = id(&desk.ana(&["-q", "case", "reply", "1", "-m", "An answer", "--draft"]).ok());
    let send = || desk.ana(&["email", "send", &draft, "--dry-run"]).ok();
    let asked = || desk.ana(&["email", "send", &draft]).exits(2).stderr;
    // Nobody is asked about what was there before, or what the writer did.
    desk.ana(&["case", "note", "1", "-m", "Mine."]).ok();
    send();
    assert_eq!(outbox(&desk), 0);
    desk.run_as("budi", &["case", "note", "1", "-m", "Wait for it."]).ok();
    assert!(asked().contains("case #1: since you began this letter, budi wrote a note. Send anyway?"), "{}", asked());
    desk.run_as("budi", &["case", "take", "1"]).ok();
    desk.run_as("budi", &["case", "close", "1"]).ok();
    let all = "budi wrote a note, budi changed the assignee (assigned to budi), budi changed the status (";
    assert!(asked().contains(all), "{}", asked());
    desk.ana(&["case", "reply", "1", "-m", "One."]).ok();
    assert!(asked().contains("since you began this letter, you answered (email 3), budi wrote"), "{}", asked());
    desk.put(&from("Eva Berg <eva@x.example>", "Re: [#1] Broken").body("Well?\n"));
    assert!(
        asked().contains("a mail came from eva@x.example (email 4) and 1 other letter came or went"),
        "{}",
        asked()
    );
    desk.ana(&["--yes", "email", "send", &draft]).ok();
}

#[test]
fn hints_name_what_the_reader_can_do() {
    let desk = desk();
    let letter = id(&desk.ana(&["-q", "case", "reply", "1", "-m", "x"]).ok());
    let refused = desk.ana(&["email", "delete", "2"]).exits(65);
    let said =
        format!("email 2 is not a draft: it is still to be sent\nhint: take it back: espomail outbox cancel {letter}");
    assert!(refused.stderr.contains(&said), "{refused:?}");
    desk.ana(&["email", "delete", "1"]).exits(77).says("email 1 is not a draft: only administrators can delete mail");
    let people = ["case", "people", "1", "--copied", "budi@staff.example"];
    desk.ana(&people).exits(65).says("they can read along: budi types espomail case follow 1");
    desk.run(&people).exits(65).says("espomail case follow 1 --user budi");
    desk.ok(&["outbox", "cancel", &letter]);
    desk.ana(&["outbox", "retry", &letter]).exits(65).says("what a user wrote is a draft");
    let taken = desk.ana("case next").ok();
    assert!(taken.stdout.contains("case #1 of Eva Berg <eva@x.example> taken: Broken"), "{taken:?}");
    taken.says("espomail case show 1; to answer: espomail case reply 1");
}

#[test]
fn what_a_person_sees_on_a_terminal_is_read() {
    let desk = desk();
    let to = |subject: &str| {
        desk.put(&from("Eva Berg <eva@x.example>", subject).cc("ana@staff.example").body("Both of you.\n"));
    };
    to("One");
    to("Two");
    to("Three");
    let unread = |user: &str| {
        let items = desk.items(&["--as", user, "email", "list", "is:unread"]);
        let mut ids: Vec<i64> = items.iter().map(|email| email["id"].as_i64().unwrap()).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(unread("ana"), [2, 3, 4]);
    let typed = |args: &[&str]| desk.sandbox.call(&[&["--as", "ana"], args].concat()).on_terminal("").run().ok();
    // Scripts, rehearsals, other forms and administrators leave no trace.
    desk.ana("email show 2").ok();
    typed(&["--json", "email", "show", "2"]);
    typed(&["--dry-run", "email", "show", "2"]);
    typed(&["email", "show", "2", "--headers"]);
    desk.sandbox.call(&["email", "show", "2"]).on_terminal("").run().ok();
    assert_eq!(unread("ana"), [2, 3, 4]);
    typed(&["email", "show", "2"]);
    assert_eq!(unread("ana"), [3, 4]);
    typed(&["case", "show", "3"]);
    assert_eq!(unread("ana"), [4]);
    typed(&["case", "thread", "4"]);
    assert_eq!(unread("ana"), Vec::<i64>::new());
    desk.ana("email unread 4").ok();
    assert_eq!(unread("ana"), [4]);
}

#[test]
fn a_letter_that_waits_in_the_outbox_does_not_answer_for_us_and_for_the_report() {
    let desk = Desk::new().piped_account("support", &[]);
    desk.put(&desk.letter("kim@customer.example", "Help"));
    desk.ana("case reply 1 -m Yes.");
    desk.query("UPDATE cases SET waiting_since = waiting_since - 864000");
    let found = || desk.items("case list us:2d").len();
    let total = || desk.json("report first-response --since yesterday")["total"].clone();
    assert_eq!((found(), total()["answered"].clone(), total()["unanswered"].clone()), (0, 0.into(), 1.into()));
    desk.query("UPDATE outbox SET state = 'sent', settled_at = created_at");
    assert_eq!((found(), total()["answered"].clone(), total()["unanswered"].clone()), (1, 1.into(), 0.into()));
}
