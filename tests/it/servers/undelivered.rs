//! Answers that do not arrive (promise R14): the customer waits again, the case is marked, the writer is told, and `send`,
//! `status` and `check` say so. Where the server refuses the account, the letter waits and the account is failing.

use std::time::Duration;

use espomail::mail::message;
use jiff::Timestamp;
use serde_json::Value;

use crate::support::Answer::Say;
use crate::support::{Sandbox, SmtpSink, Step, promise, wait_until};

const MAIL: &str = "From: Kim <kim@customer.example>\r\nTo: support@desk.example\r\nSubject: Help\r\n\
    Message-ID: <1@customer.example>\r\n\r\nThe printer burns.\r\n";

/// A desk with one case of Kim, whom ana answers by this server.
fn desk(script: Vec<Step>) -> (Sandbox, SmtpSink) {
    let (sandbox, smtp) = (Sandbox::new(), SmtpSink::new(script));
    sandbox.init();
    sandbox.run(&["team", "add", "support"]).ok();
    sandbox.run(&["user", "add", "ana", "--email", "ana@staff.example"]).ok();
    sandbox.run(&["team", "member", "add", "support", "ana"]).ok();
    let secret = format!("file:{}", sandbox.file("password", b"pw\n").display());
    let add =
        ["account", "add", "desk", "--address", "support@desk.example", "--smtp", &smtp.address(), "--tls", "none"];
    let case = ["--secret", &secret, "--create-case", "--case-team", "support", "--team", "support"];
    sandbox.run(&[&add[..], &case].concat()).ok();
    sandbox.call(&["ingest", "--account", "desk"]).stdin(MAIL.as_bytes()).run().ok();
    (sandbox, smtp)
}

fn case(sandbox: &Sandbox) -> Value {
    sandbox.json(&["case", "show", "1"])
}

fn count(sandbox: &Sandbox, query: &str) -> usize {
    sandbox.items(&["case", "list", query]).len()
}

/// Steps and replies by which a letter fails for good.
const OF_THE_LETTER: &[(&str, &str)] = &[
    ("RCPT", "550 5.1.1 no such user"),
    ("RCPT", "550 5.2.1 mailbox disabled"),
    ("RCPT", "552 5.2.2 mailbox full"),
    ("RCPT", "553 5.1.3 bad address"),
    ("RCPT", "554 5.7.1 the recipient does not accept mail"),
    ("RCPT", "550 no such user here"),
    ("DATA", "554 5.6.0 no valid recipients"),
    (".", "552 5.3.4 message too big"),
    (".", "554 5.6.0 the content is not accepted"),
    (".", "550 5.7.1 this message looks like spam"),
];

/// Steps and replies by which a server refuses the account.
const OF_THE_ACCOUNT: &[(&str, &str)] = &[
    ("CONNECT", "554 5.7.1 go away"),
    ("EHLO", "550 5.5.1 not you"),
    ("AUTH", "535 5.7.8 wrong password"),
    ("MAIL", "553 5.7.1 sender not allowed"),
    ("RCPT", "550 5.7.1 relaying denied"),
    ("DATA", "554 5.7.1 authentication required"),
    (".", "554 5.2.252 SendAsDenied"),
];

#[test]
fn an_answer_that_is_refused_for_good_is_seen() {
    for (verb, reply) in OF_THE_LETTER {
        let (sandbox, smtp) = desk(vec![Step { verb, nth: 0, answer: Say(reply) }]);
        let words = reply.trim_start_matches(|c: char| !c.is_alphabetic());
        let before = case(&sandbox);
        sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "We look into it.", "--close"]).ok();
        assert_eq!((case(&sandbox)["status"].as_str(), count(&sandbox, "is:waiting")), (Some("Closed"), 0));
        sandbox.run(&["send"]).exits(1);

        let after = case(&sandbox);
        for field in ["status", "waiting_since", "waiting_for", "first_response_at"] {
            assert_eq!(after[field], before[field], "{verb} {reply}: {field}");
        }
        assert_eq!((count(&sandbox, "is:waiting"), count(&sandbox, "is:undelivered")), (1, 1), "{verb} {reply}");
        assert!(after["answer_failed_at"].is_string(), "{after}");
        let listed = sandbox.run(&["--format", "table", "case", "list"]).ok().stdout;
        assert!(listed.contains("undelivered"), "{listed}");
        let history = sandbox.run(&["case", "history", "1"]).ok().stdout;
        assert!(history.contains("Closed -> New: the answer was not delivered"), "{history}");

        let said = sandbox.run(&["status"]).ok().stdout;
        assert!(said.contains("1 failed (espomail outbox list)"), "{said}");
        let check = sandbox.run(&["check"]).exits(1).stdout;
        assert!(check.contains("1 message was refused for good"), "{check}");
        let told = sandbox.items(&["--as", "ana", "notification", "list"]);
        let of_failure: Vec<_> = told.iter().filter(|one| one["kind"] == "failed").collect();
        assert_eq!(of_failure.len(), 1, "{told:?}");
        assert!(of_failure[0]["text"].as_str().unwrap().contains(words), "{told:?}");

        // The writer gets mail about it, and what is written then arrives.
        smtp.script(Vec::new());
        sandbox.run(&["send"]).ok();
        let mails = smtp.received();
        let notice = mails.iter().find(|mail| mail.taken).expect("a notice");
        let text = message::parse(&notice.message).text;
        assert_eq!(notice.to, ["ana@staff.example"]);
        assert!(text.contains("your mail was not delivered") && text.contains(words), "{text}");
        sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "Once more.", "--close", "--yes"]).ok();
        sandbox.run(&["send"]).ok();
        let answered = case(&sandbox);
        assert_eq!((&answered["answer_failed_at"], answered["status"].as_str()), (&Value::Null, Some("Closed")));
        assert_eq!((count(&sandbox, "is:waiting"), count(&sandbox, "is:undelivered")), (0, 0));
    }
    let figure = "each was seen: waiting again, marked, exit status 1, status, check, mail to the writer";
    promise("R14", &format!("{} refusals of an answer for good", OF_THE_LETTER.len()), figure);
}

#[test]
fn the_mark_of_an_answer_that_failed_goes_with_a_merge() {
    let (sandbox, _smtp) = desk(vec![Step { verb: "RCPT", nth: 0, answer: Say("550 5.1.1 no such user") }]);
    sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "We look into it.", "--close"]).ok();
    sandbox.run(&["send"]).exits(1);
    sandbox.run(&["case", "create", "--subject", "The same", "--team", "support", "--from", "eva@x.example"]).ok();
    sandbox.run(&["--yes", "case", "merge", "1", "2"]).ok();
    let marked: Vec<_> =
        sandbox.items(&["case", "list", "is:undelivered"]).iter().map(|c| c["number"].clone()).collect();
    assert_eq!(marked, [2], "the case that lives on has the mark, and the other one has none");
}

#[test]
fn an_answer_that_the_account_may_not_send_waits_and_the_account_fails() {
    for (verb, reply) in OF_THE_ACCOUNT {
        let (sandbox, smtp) = desk(vec![Step { verb, nth: 0, answer: Say(reply) }]);
        sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "We look into it."]).ok();
        let run = sandbox.run(&["send"]);
        assert!([69, 75, 77].contains(&run.code), "{verb} {reply}: {run:#?}");
        let said = sandbox.run(&["status"]).ok().stdout;
        assert!(said.contains("cannot send since") && said.contains("1 waiting"), "{verb} {reply}: {said}");
        sandbox.run(&["check"]).exits(1);
        assert!(case(&sandbox)["answer_failed_at"].is_null(), "nothing failed for good");
        // The row says why it waits, with the code, and when it is tried.
        let row = &sandbox.items(&["outbox", "list"])[0];
        assert!(row["last_error"].as_str().unwrap().contains(reply), "{verb} {reply}: {row}");
        let listed = sandbox.run(&["--format", "table", "outbox", "list"]).ok().stdout;
        assert!(listed.contains("next run"), "{verb} {reply}: {listed}");
        smtp.script(Vec::new());
        sandbox.run(&["account", "enable", "desk"]).ok();
        sandbox.run(&["outbox", "retry", "1"]).ok();
        sandbox.run(&["send"]).ok();
        assert_eq!(smtp.received().iter().filter(|mail| mail.taken).count(), 1, "{verb} {reply}");
    }
}

#[test]
fn a_letter_for_later_changes_its_case_when_it_is_sent() {
    let (sandbox, smtp) = desk(Vec::new());
    let at = Timestamp::now() + Duration::from_secs(2);
    let reply = ["--as", "ana", "case", "reply", "1", "-m", "Later.", "--close", "--at", &at.to_string()];
    sandbox.run(&reply).ok();
    let emails = sandbox.items(&["email", "list", "--case", "1"]);
    assert!(emails.iter().any(|email| email["status"] == "Scheduled"), "{emails:?}");
    // Also where the clock is set by all the mails of the case.
    sandbox.run(&["case", "people", "1", "--customer", "kim@customer.example"]).ok();
    assert_eq!((count(&sandbox, "is:waiting"), case(&sandbox)["status"].as_str()), (1, Some("New")));
    wait_until(Duration::from_secs(10), || Timestamp::now() > at + Duration::from_secs(1));
    sandbox.run(&["send"]).ok();
    assert_eq!(smtp.received().len(), 1);
    let sent = case(&sandbox);
    assert_eq!((sent["status"].as_str(), sent["waiting_for"].as_str()), (Some("Closed"), Some("customer")));
    assert!(sent["first_response_at"].is_string(), "{sent}");
}

#[test]
fn a_refused_letter_for_later_changes_only_the_mark_of_its_case() {
    let (sandbox, _smtp) = desk(vec![Step { verb: "RCPT", nth: 0, answer: Say("550 5.1.1 no such user") }]);
    let at = Timestamp::now() + Duration::from_secs(1);
    sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "Later.", "--close", "--at", &at.to_string()]).ok();
    wait_until(Duration::from_secs(10), || Timestamp::now() > at + Duration::from_secs(1));
    sandbox.run(&["send"]).exits(1);
    let after = case(&sandbox);
    assert_eq!((after["status"].as_str(), count(&sandbox, "is:waiting")), (Some("New"), 1));
    assert!(after["answer_failed_at"].is_string());
}

#[test]
fn a_letter_for_later_to_somebody_else_that_is_refused_closes_nothing() {
    let (sandbox, _smtp) = desk(vec![Step { verb: "RCPT", nth: 0, answer: Say("550 5.1.1 no such user") }]);
    let at = Timestamp::now() + Duration::from_secs(1);
    let to = ["--as", "ana", "--yes", "case", "reply", "1", "-m", "x", "--to", "lab@supplier.example", "--close"];
    sandbox.run(&[&to[..], &["--at", &at.to_string()]].concat()).ok();
    wait_until(Duration::from_secs(10), || Timestamp::now() > at + Duration::from_secs(1));
    sandbox.run(&["send"]).exits(1);
    assert_eq!((case(&sandbox)["status"].as_str(), count(&sandbox, "is:undelivered")), (Some("New"), 0));
}

#[test]
fn the_status_that_somebody_set_since_stays_and_so_does_another_answer() {
    for (second, status) in [(false, "Rejected"), (true, "Closed")] {
        let refused = Step { verb: "RCPT", nth: 1, answer: Say("550 5.1.1 no such user") };
        let (sandbox, _smtp) = desk(vec![refused]);
        sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "One.", "--close"]).ok();
        if second {
            sandbox.run(&["--as", "ana", "--yes", "case", "reply", "1", "-m", "Two."]).ok();
        } else {
            sandbox.run(&["case", "edit", "1", "--status", "Rejected"]).ok();
        }
        sandbox.run(&["send"]).exits(1);
        let after = case(&sandbox);
        assert_eq!(after["status"], status);
        assert_eq!(after["answer_failed_at"].is_null(), second, "the second answer arrived");
    }
}

#[test]
fn who_wants_no_mail_about_failures_gets_none() {
    let (sandbox, smtp) = desk(vec![Step { verb: "RCPT", nth: 0, answer: Say("550 5.1.1 no such user") }]);
    sandbox.run(&["--as", "ana", "notification", "settings", "--email", "failed=off"]).ok();
    sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "x"]).ok();
    sandbox.run(&["send"]).exits(1);
    smtp.script(Vec::new());
    sandbox.run(&["send"]).ok();
    assert_eq!(smtp.received().len(), 0, "no notice");
    let told = sandbox.items(&["--as", "ana", "notification", "list"]);
    assert!(told.iter().any(|one| one["kind"] == "failed"), "{told:?}");
}

/// The letter goes to Kim and to boss@, who comes first; the server has this to say about Kim.
fn refused_in_part(reply: &'static str) -> (Sandbox, SmtpSink) {
    let (sandbox, smtp) = desk(vec![Step { verb: "RCPT", nth: 2, answer: Say(reply) }]);
    let letter = ["--as", "ana", "case", "reply", "1", "-m", "x", "--close", "--cc", "boss@customer.example"];
    sandbox.run(&letter).ok();
    (sandbox, smtp)
}

#[test]
fn a_letter_that_is_refused_in_part_is_listed_and_sent_again_to_the_others() {
    let (sandbox, smtp) = refused_in_part("550 5.1.1 no such user");
    sandbox.run(&["send"]).exits(1);
    assert_eq!((count(&sandbox, "is:undelivered"), case(&sandbox)["status"].as_str()), (1, Some("New")));
    let listed = sandbox.items(&["outbox", "list"]);
    assert!(listed.iter().any(|row| row["id"] == 1 && row["state"] == "sent"), "{listed:?}");
    smtp.script(Vec::new());
    sandbox.run(&["outbox", "retry", "1"]).ok();
    sandbox.run(&["send"]).ok();
    let to: Vec<_> = smtp.received().into_iter().map(|mail| mail.to).collect();
    assert_eq!(
        (&to[0], to.contains(&vec!["kim@customer.example".to_owned()])),
        (&vec!["boss@customer.example".to_owned()], true)
    );
    let sent = case(&sandbox);
    assert_eq!((sent["status"].as_str(), sent["waiting_for"].as_str()), (Some("Closed"), Some("customer")), "{sent}");
    assert!(sent["answer_failed_at"].is_null());
}

#[test]
fn a_letter_that_is_cancelled_before_the_customer_got_it_is_seen() {
    let (sandbox, _smtp) = refused_in_part("451 4.2.0 later");
    sandbox.run(&["send"]).ok();
    assert_eq!(count(&sandbox, "is:undelivered"), 0, "it is still tried");
    sandbox.run(&["outbox", "cancel", "1"]).ok();
    assert_eq!((count(&sandbox, "is:waiting"), count(&sandbox, "is:undelivered")), (1, 1));
    assert_eq!(case(&sandbox)["status"], "New");
}

#[test]
fn a_letter_that_is_cancelled_leaves_a_note_without_its_bcc() {
    let (sandbox, _smtp) = desk(Vec::new());
    let letter = ["--as", "ana", "case", "reply", "1", "-m", "x", "--bcc", "secret@customer.example"];
    sandbox.run(&letter).ok();
    sandbox.run(&["--as", "ana", "outbox", "cancel", "1"]).ok();
    let history = sandbox.run(&["case", "history", "1"]).ok().stdout;
    assert!(history.contains("letter (outbox 1) to kim@customer.example was cancelled by ana"), "{history}");
    assert!(!history.contains("secret@"), "{history}");
}

#[test]
fn a_letter_that_fails_is_named_to_those_who_watch_and_in_the_log() {
    for (reply, said) in [("550 5.1.1 no such user", "not delivered to"), ("451 4.3.0 later", "not sent yet to")] {
        let (sandbox, _smtp) = desk(vec![Step { verb: "RCPT", nth: 0, answer: Say(reply) }]);
        sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "x"]).ok();
        let log = sandbox.path("log.txt").display().to_string();
        let line = format!("outbox 1, case #1: {said} kim@customer.example: {reply}");
        let sent = sandbox.run(&["-v", "--log", &log, "send"]);
        assert_eq!(sent.stderr.matches(&line).count(), 1, "{sent:#?}");
        let log = std::fs::read_to_string(log).unwrap();
        assert!(log.contains(&line), "{log}");
    }
}

#[test]
fn an_automatic_reply_that_is_held_is_shown_as_that() {
    let (sandbox, _smtp) = desk(Vec::new());
    sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "x"]).ok();
    sandbox.sql("UPDATE outbox SET state = 'held', kind = 'auto-reply', last_error = 'the line broke'");
    sandbox.sql("UPDATE emails SET automatic = 'auto-replied' WHERE status = 'Sending'");
    let shown = sandbox.run(&["--format", "table", "case", "show", "1"]).ok().stdout;
    assert!(shown.contains(", held)") && shown.contains("unknown whether it arrived (the line broke)"), "{shown}");
    let thread = sandbox.run(&["--format", "table", "case", "thread", "1"]).ok().stdout;
    assert!(thread.contains("automatic, email 2, held)"), "{thread}");
    assert!(sandbox.items(&["email", "list", "--case", "1"]).iter().any(|email| email["status"] == "Held"));
}

#[test]
fn ingest_lets_the_mail_server_keep_mail_when_the_configuration_is_wrong() {
    let (sandbox, _smtp) = desk(Vec::new());
    sandbox.config("nonsense = 1\n");
    let run = sandbox.call(&["ingest", "--account", "desk"]).stdin(MAIL.as_bytes()).run().exits(75);
    assert!(run.stderr.contains("nonsense"), "{run:#?}");
}
