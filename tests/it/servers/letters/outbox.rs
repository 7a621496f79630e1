//! Letters that wait, fail or are in doubt, and what can be done with them.

use super::*;

#[test]
fn mail_for_later_waits_and_can_be_taken_back() {
    let desk = desk(&[]);
    desk.put(&desk.of_customer("Broken"));
    let queued = desk.ana(&["case", "reply", "1", "-m", "*Tomorrow*.", "--markdown", "--at", "+5h"]).ok();
    assert!(queued.stdout.contains(", to be sent 20"), "{queued:?}");
    desk.ok(&["send"]);
    assert_eq!(desk.outbox("state"), ["waiting"]);
    let hours = desk.query("SELECT ((next_try_at - created_at + 60) / 3600) || '' FROM outbox");
    assert_eq!(hours, ["5"]);
    assert_eq!(desk.first_case().1, "us", "the customer still waits");
    for (at, code, part) in [
        ("soon", 2, "is not a date or time"),
        ("yesterday", 65, "is in the past"),
        ("2020-01-01 09:00", 65, "is in the past"),
    ] {
        let refused = desk.ana(&["case", "reply", "1", "-m", "x", "--at", at]).exits(code);
        assert!(refused.stderr.contains("--at: ") && refused.stderr.contains(part), "{refused:?}");
    }

    let back = desk.ana(&["outbox", "cancel", "1"]).ok();
    assert!(back.stdout.contains("the mail is draft 2 again"), "{back:?}");
    assert_eq!(desk.first_case(), ("New".into(), "us".into(), 1), "as if it had not been written");
    assert!(!desk.json(&["case", "show", "1"])["stream"].to_string().contains("email-sent"));
    assert_eq!((desk.drafts("ana"), desk.drafts("budi")), (vec![2], vec![]));
    assert_eq!(desk.outbox("state"), ["cancelled"]);
    desk.ana(&["outbox", "cancel", "1"]).exits(65);
    desk.ana(&["outbox", "mark-sent", "1"]).exits(65);
    desk.ana(&["email", "send", "2"]).ok();
    let mail = desk.sent(1).remove(0);
    let html = mail["html"].as_str().unwrap();
    assert!(html.starts_with("<p><em>Tomorrow</em>.</p>"), "it is still Markdown: {html}");
    assert_eq!(desk.first_case(), ("New".into(), "customer".into(), 2));
}

#[test]
fn a_held_message_is_explained_and_settled_by_hand() {
    let desk = desk(&["--auto-reply", "Thanks"]);
    desk.support().append("INBOX", &desk.of_customer("Broken").bytes());
    desk.ok(&["fetch", "--no-send"]);
    let hold = "UPDATE outbox SET state = 'held', last_error = 'the connection was lost after the body'";
    desk.sandbox.sql(hold);
    let shown = desk.ok(&["outbox", "show", "1"]);
    assert!(shown.stdout.contains("held") && shown.stdout.contains("the connection was lost"), "{shown:?}");
    assert!(shown.stderr.contains("outbox mark-sent 1") && shown.stderr.contains("outbox retry 1"), "{shown:?}");
    desk.ana(&["outbox", "mark-sent", "1"]).exits(65);
    desk.ok(&["outbox", "mark-sent", "1", "--dry-run"]);
    assert_eq!(desk.outbox("state"), ["held"]);
    desk.ok(&["outbox", "mark-sent", "1"]);
    let row = desk.json(&["outbox", "show", "1"]);
    assert_eq!((row["state"].as_str(), row["recipients"][0]["state"].as_str()), (Some("sent"), Some("sent")));
    assert_eq!(row["recipients"][0]["reply"], "marked as sent by the administrator");
    desk.ok(&["send"]);
    Exim::shared().idle();
    assert!(desk.customer().messages("INBOX").is_empty(), "it is not sent again");
}

#[test]
fn an_answer_that_fails_is_seen_on_its_case_and_can_be_changed() {
    let desk = desk(&[]);
    desk.put(&mail("gone@rejects.example", &desk.support().address, "Broken"));
    desk.ana(&["case", "reply", "1", "-m", "Hello."]).ok();
    desk.run(&["send"]);
    let shown = desk.ana(&["case", "show", "1"]).ok().stdout;
    assert!(shown.contains("not delivered to gone@rejects.example: 550"), "{shown}");
    assert!(desk.ana(&["case", "thread", "1"]).ok().stdout.contains(", not delivered)"));
    let row = desk.ana(&["outbox", "show", "1"]).ok();
    assert!(
        row.stdout.contains("gone@rejects.example: failed 550") && row.stderr.contains("outbox cancel 1"),
        "{row:?}"
    );
    let explained = || desk.ana(&["email", "explain", "2"]).ok().stdout;
    let said = explained();
    assert!(said.contains("here, by ana") && said.contains("#1 Broken, for which it was written"), "{said}");
    assert!(said.contains("row 1: failed; gone@rejects.example failed (550"), "{said}");
    desk.ana(&["outbox", "cancel", "1"]).ok();
    desk.ana(&["email", "edit", "2", "--to", &desk.customer().address]).ok();
    let said = explained();
    assert!(said.contains("a draft of ana, which goes to nobody before `espomail email send 2`"), "{said}");
    desk.ana(&["email", "send", "2"]).ok();
    let said = explained();
    assert!(said.contains("row 1: cancelled") && said.contains(": waiting until "), "{said}");
    assert_eq!(desk.sent(1)[0]["to"], json!([desk.customer().address]));
}

#[test]
fn scheduled_reply_is_sent_once_by_the_next_fetch() {
    let desk = desk(&[]);
    let sink = SmtpSink::new(vec![Step { verb: ".", nth: 1, answer: Answer::Say("451 4.3.0 come back") }]);
    desk.ok(&["account", "edit", "support", "--smtp", &sink.address()]);
    desk.put(&desk.of_customer("Broken"));
    desk.ana(&["case", "reply", "1", "-m", "x"]).ok();
    desk.ok(&["fetch"]);
    desk.ok(&["fetch"]);
    let taken = || sink.received().iter().filter(|mail| mail.taken).count();
    assert_eq!((taken(), desk.outbox("state")), (0, vec![json!("waiting")]), "not before its time");
    let due = "UPDATE outbox SET next_try_at = 0";
    desk.sandbox.sql(due);
    desk.ok(&["fetch"]);
    desk.ok(&["fetch"]);
    assert_eq!((taken(), desk.outbox("state")), (1, vec![json!("sent")]));
}

#[test]
fn what_is_in_doubt_is_shown_with_what_can_be_done() {
    let desk = desk(&[]);
    desk.put(&desk.of_customer("Broken"));
    desk.ana(&["case", "reply", "1", "-m", "x"]).ok();
    let doubt = "UPDATE outbox SET state = 'in doubt'";
    desk.sandbox.sql(doubt);
    assert_eq!(desk.items(&["outbox", "list"])[0]["state"], "in doubt");
    assert!(desk.ok(&["status"]).stdout.contains("0 waiting, 1 uncertain"));
    for (verb, code) in [("show", 0), ("retry", 65), ("cancel", 65)] {
        let run = desk.ana(&["outbox", verb, "1"]).exits(code);
        assert!(run.stderr.contains("the next `espomail send`"), "{run:?}");
    }
    desk.ana(&["outbox", "mark-sent", "1"]).ok();
    desk.ok(&["send"]);
    Exim::shared().idle();
    assert_eq!((desk.customer().messages("INBOX").len(), desk.outbox("state")), (0, vec![json!("sent")]));
}

#[test]
fn what_is_taken_back_says_who_has_it() {
    let desk = desk(&[]);
    desk.put(&desk.of_customer("Broken"));
    desk.ana(&["case", "reply", "1", "-m", "To two.", "--cc", "later@tempfail.example"]).ok();
    assert_eq!(desk.sent(1).len(), 1);
    let row = desk.ana(&["outbox", "show", "1"]).ok().stdout;
    assert!(row.contains("later@tempfail.example: waiting 451 "), "{row}");
    let back = desk.ana(&["outbox", "cancel", "1"]).ok().stdout;
    assert_eq!(back, format!("outbox 1 is cancelled; sent before to {}\n", desk.customer().address));
    let row = desk.ana(&["outbox", "show", "1"]).ok().stdout;
    assert!(row.contains("later@tempfail.example: cancelled 451 ") && !row.contains("waiting"), "{row}");
    let mail = desk.ana(&["email", "show", "2"]).ok().stdout;
    assert!(mail.contains("later@tempfail.example cancelled (451 ") && !mail.contains("waiting"), "{mail}");

    // Of what a server may have taken the draft is made with a warning; it says no more to whom it went once.
    desk.ana(&["case", "reply", "1", "-m", "Perhaps."]).ok();
    let doubt = "UPDATE outbox_recipients SET reply = 'may have it: lost' WHERE outbox_id = 2";
    desk.sandbox.sql(doubt);
    let back = desk.ana(&["outbox", "cancel", "2"]).ok().stdout;
    let both = format!("later@tempfail.example, {}", desk.customer().address);
    assert_eq!(back, format!("outbox 2 is cancelled; may have reached {both}; the mail is draft 3 again\n"));
    let draft = || desk.ana(&["email", "show", "3"]).ok().stdout;
    assert!(!draft().contains("Delivery"), "{}", draft());
    desk.ana(&["email", "edit", "3", "--to", "later@tempfail.example", "--cc", ""]).ok();
    desk.ana(&["email", "send", "3"]).ok();
    assert!(draft().contains("Delivery    later@tempfail.example waiting\n"), "{}", draft());
    for verb in ["retry", "cancel"] {
        let refused = desk.ana(&["outbox", verb, "2"]).exits(65);
        assert!(verb == "cancel" || refused.stderr.contains("hint: "), "{refused:?}");
    }
}
