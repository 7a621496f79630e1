//! What cron does to a program: runs that overlap, messages that kill, tokens that expire.

use std::fs::OpenOptions;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{
    Answer, At, Child, Deed, Dovecot, Proxy, Quirk, RogueImap, Rule, Sandbox, Side, SmtpSink, Step, When, mail,
    program, wait_until,
};

#[test]
fn runs_that_overlap_leave_the_account_to_the_first() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let proxy = Proxy::new(Dovecot::shared().imap);
    sandbox.support_account(&mailbox, &["--imap", &proxy.address()]);
    for n in 1..=3 {
        mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, &format!("Mail {n}")).bytes());
    }
    let deed = Deed::Hold(Duration::from_secs(2));
    proxy.set_rule(Some(Rule { side: Side::Client, text: "SELECT", nth: 1, when: When::Before, deed }));
    let first = sandbox.call(&["fetch"]).spawn();
    wait_until(Duration::from_secs(10), || proxy.fired());
    sandbox.run(&["fetch"]).ok().silent();
    let refused = sandbox.run(&["fetch", "--if-locked", "fail"]).exits(75);
    assert!(refused.stderr.contains("support"), "{refused:#?}");
    let patient = sandbox.call(&["fetch", "--if-locked", "wait"]).spawn();
    first.wait().ok().silent();
    patient.wait().ok().silent();
    assert_eq!(proxy.connections(), 2, "the first, and the one that waited");
    assert_eq!(sandbox.items(&["case", "list"]).len(), 3);
}

#[test]
fn account_logs_in_with_the_token_that_its_command_prints() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    let token = sandbox.file("token", mailbox.token(600).as_bytes());
    let command = format!("cmd:cat {}", token.display());
    sandbox.run(&["account", "edit", "support", "--auth", "xoauth2", "--token", &command]).ok();
    mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, "By token").bytes());
    sandbox.run(&["fetch"]).ok().silent();
    assert_eq!(sandbox.items(&["case", "list"]).len(), 1);
    sandbox.file("token", mailbox.token(-600).as_bytes());
    let run = sandbox.run(&["account", "test", "support"]).exits(77);
    assert!(run.stderr.contains("refused"), "{run:#?}");
}

#[test]
fn somebody_at_a_terminal_is_told_what_a_run_did() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, "Hello").bytes());
    let config = sandbox.path("config.toml");
    let line = format!("{} {} --config {} fetch", program().display(), sandbox.place_in_shell(), config.display());
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &line, "/dev/null"]);
    let run = Child::default().spawn(terminal, None, line).wait().ok();
    assert!(run.stdout.starts_with("imported 1, other 0, quarantined 0; sent "), "{run:#?}");
}

#[test]
fn a_run_ends_in_its_time_and_sends_all_the_same() {
    let (sandbox, mailbox, sink) = (Sandbox::new(), Dovecot::shared().mailbox(), SmtpSink::new(Vec::new()));
    let (proxy, smtp) = (Proxy::new(Dovecot::shared().imap), sink.address());
    sandbox.support_account(&mailbox, &["--imap", &proxy.address(), "--smtp", &smtp]);
    mailbox.append("INBOX", &mail("kim@customer.example", &mailbox.address, "Help").bytes());
    sandbox.run(&["fetch"]).ok();
    sandbox.run(&["case", "reply", "1", "-m", "Hello."]).ok();
    mailbox.append("INBOX", &mail("kim@customer.example", &mailbox.address, "More").bytes());
    let deed = Deed::Hold(Duration::from_secs(4));
    proxy.set_rule(Some(Rule { side: Side::Client, text: "SELECT", nth: 1, when: When::Before, deed }));
    let run = sandbox.run(&["fetch", "--max-runtime", "1s"]).exits(75);
    assert!(run.stderr.contains("max_runtime"), "{run:#?}");
    assert_eq!(sink.received().len(), 1, "the answer waited for no IMAP server");
    sandbox.run(&["fetch"]).ok();
    assert_eq!(sandbox.items(&["email", "list", "--account", "support"]).len(), 2);
}

#[test]
fn a_server_that_drips_does_not_outlive_the_run() {
    let rogue = RogueImap::new(At::Body, Quirk::Drip("* 1 FETCH (FLAGS (\\Seen))\r\n"));
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &["--imap", &format!("127.0.0.1:{}", rogue.port)]);
    let started = Instant::now();
    sandbox.run(&["fetch", "--max-runtime", "2s"]).exits(75);
    // The server itself would go on for a minute, and the answer's own clock for five.
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    let failure = sandbox.json(&["account", "show", "support"])["failure"].to_string();
    assert!(failure.contains("before the run's time (max_runtime) was over"), "{failure}");
    sandbox.run(&["check"]).exits(1);
}

#[test]
fn a_server_that_brought_mail_until_the_run_ended_does_not_fail() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let proxy = Proxy::new(Dovecot::shared().imap);
    mailbox.create("Second");
    sandbox.support_account(&mailbox, &["--imap", &proxy.address(), "--folder", "INBOX", "--folder", "Second"]);
    mailbox.append("INBOX", &mail("kim@customer.example", &mailbox.address, "Help").bytes());
    let deed = Deed::Hold(Duration::from_secs(4));
    proxy.set_rule(Some(Rule { side: Side::Client, text: "Second", nth: 1, when: When::Before, deed }));
    let run = sandbox.run(&["fetch", "--max-runtime", "2s"]).exits(75);
    assert!(run.stderr.contains("max_runtime and was ended: 1 account was not done"), "{run:#?}");
    assert_eq!(sandbox.items(&["case", "list"]).len(), 1);
    assert!(sandbox.json(&["account", "show", "support"])["failing_since"].is_null());
}

#[test]
fn an_smtp_server_that_drips_holds_up_no_other_account() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let drips = SmtpSink::new(vec![Step { verb: "MAIL", nth: 0, answer: Answer::Drip("250-slowly ") }]);
    let sink = SmtpSink::new(Vec::new());
    sandbox.support_account(&mailbox, &["--smtp", &drips.address()]);
    sandbox.group_account("sales", &Dovecot::shared().mailbox(), &["--smtp", &sink.address()]);
    sandbox.config("max_runtime = \"3s\"\n");
    for account in ["support", "sales"] {
        let to = ["email", "send", "--account", account, "--to", "kim@customer.example", "--subject", "x", "-m", "x"];
        sandbox.run(&to).ok();
    }
    let run = sandbox.run(&["send"]).exits(75);
    assert!(run.stderr.contains("max_runtime"), "{run:#?}");
    assert_eq!(sink.received().len(), 1, "the other account's mail is sent");
    let account = sandbox.json(&["account", "show", "support"]);
    assert!(account["send_failure"].to_string().contains("max_runtime"), "{account}");
    sandbox.run(&["check"]).exits(1);
}

#[test]
fn what_was_piped_in_while_another_process_worked_is_imported_later() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    sandbox.run(&["fetch"]).ok();
    sandbox.run(&["account", "edit", "support", "--imap", ""]).ok();
    let lock = sandbox.lock("account-1");
    let held = OpenOptions::new().read(true).write(true).open(lock).unwrap();
    held.try_lock().unwrap();
    let letter = mail("c@customer.example", &mailbox.address, "Piped").bytes();
    sandbox.call(&["ingest", "--account", "support"]).stdin(&letter).run().ok().silent();
    assert!(sandbox.items(&["case", "list"]).is_empty());
    drop(held);
    sandbox.run(&["fetch"]).ok().silent();
    assert_eq!(sandbox.items(&["case", "list"]).len(), 1);
    sandbox.call(&["--dry-run", "ingest", "--account", "support"]).stdin(&letter).run().exits(2);
    assert_eq!(sandbox.items(&["case", "list"]).len(), 1);
}
