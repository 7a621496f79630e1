//! Accounts that fail (B2.5), messages that cannot be imported (B2.7), and what people hear of it.

use crate::support::{Answer, Dovecot, Exim, Proxy, Sandbox, Side, SmtpSink, Step, mail};

#[test]
fn a_wrong_password_is_silent_until_the_third_run_and_recovery_is_one_line() {
    let (sandbox, good, bad) = (Sandbox::new(), Dovecot::shared().mailbox(), Dovecot::shared().mailbox());
    sandbox.config("alert_min_age = \"0s\"\n");
    sandbox.support_account(&good, &[]);
    sandbox.run(&["user", "add", "boss", "--type", "admin"]).ok();
    let wrong = format!("file:{}", sandbox.file("wrong", b"wrong\n").display());
    sandbox.group_account("sales", &bad, &[]);
    sandbox.run(&["account", "edit", "sales", "--secret", &wrong]).ok();
    good.append("INBOX", &mail("c@customer.example", &good.address, "Q").bytes());

    sandbox.run(&["fetch"]).exits(77).silent();
    assert_eq!(sandbox.items(&["case", "list"]).len(), 1, "the other account is fetched");
    let status = sandbox.run(&["status"]).ok().stdout;
    assert!(status.contains("failing since") && status.contains("(1 run)"), "{status}");
    sandbox.run(&["fetch"]).exits(77).silent();
    let loud = sandbox.run(&["fetch"]).exits(77);
    let lines: Vec<&str> = loud.stderr.lines().collect();
    assert!(lines[0].starts_with("espomail: account \"sales\"") && lines[1].starts_with("hint: "), "{loud:?}");
    assert_eq!(lines.len(), 2, "{loud:?}");
    sandbox.run(&["fetch"]).exits(77).silent();

    let right = format!("file:{}", sandbox.path("password").display());
    sandbox.run(&["account", "edit", "sales", "--secret", &right]).ok();
    let recovery = sandbox.run(&["fetch"]).ok();
    assert_eq!(recovery.stderr.lines().count(), 1, "{recovery:?}");
    assert!(recovery.stderr.contains("works again"), "{recovery:?}");
    sandbox.run(&["fetch"]).ok().silent();
}

#[test]
fn a_folder_that_is_missing_does_not_stop_the_others() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &["--folder", "Gone", "--folder", "INBOX"]);
    mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, "Q").bytes());
    sandbox.run(&["fetch"]).exits(69).silent();
    assert_eq!(sandbox.items(&["case", "list"]).len(), 1);
    let status = sandbox.run(&["status"]).ok().stdout;
    assert!(status.contains("Gone"), "{status}");
}

#[test]
fn a_message_that_cannot_be_imported_is_kept_whole_and_the_rest_is_done() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &["--after", "delete"]);
    // The database itself refuses this one message.
    sandbox.poison("%poison%", "too bitter");
    let poison = mail("c2@customer.example", &mailbox.address, "poison").bytes();
    mailbox.append("INBOX", &mail("c1@customer.example", &mailbox.address, "before").bytes());
    mailbox.append("INBOX", &poison);
    mailbox.append("INBOX", &mail("c3@customer.example", &mailbox.address, "after").bytes());
    let run = sandbox.run(&["fetch"]).exits(1);
    assert!(run.stderr.contains("quarantine list"), "{run:?}");
    assert_eq!(sandbox.items(&["case", "list"]).len(), 2);
    assert_eq!(mailbox.messages("INBOX").len(), 1, "quarantined mail stays on the server");
    sandbox.run(&["fetch"]).ok().silent();

    let kept = sandbox.items(&["quarantine", "list"]);
    assert!(kept.len() == 1 && kept[0]["error"].as_str().unwrap().contains("too bitter"), "{kept:?}");
    let id = kept[0]["id"].to_string();
    let file = sandbox.path("kept.eml");
    sandbox.run(&["quarantine", "export", &id, file.to_str().unwrap()]).ok();
    assert_eq!(std::fs::read(&file).unwrap(), poison);
    sandbox.run(&["quarantine", "export", &id, file.to_str().unwrap()]).exits(65);
    sandbox.run(&["quarantine", "retry", &id]).exits(1);

    sandbox.cure();
    sandbox.run(&["quarantine", "retry", "--all"]).ok();
    assert_eq!(sandbox.items(&["case", "list"]).len(), 3);
    assert!(sandbox.items(&["quarantine", "list"]).is_empty());
    sandbox.run(&["fetch"]).ok().silent();
    assert!(mailbox.messages("INBOX").is_empty(), "now it may go");
}

#[test]
fn a_discarded_message_needs_a_reason_and_a_yes() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    sandbox.poison("%", "no");
    mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, "x").bytes());
    sandbox.run(&["fetch"]).exits(1);
    let id = sandbox.items(&["quarantine", "list"])[0]["id"].to_string();
    sandbox.run(&["quarantine", "discard", &id]).exits(2);
    sandbox.run(&["quarantine", "discard", &id, "--reason", "spam"]).exits(2);
    assert_eq!(sandbox.items(&["quarantine", "list"]).len(), 1);
    sandbox.run(&["--yes", "quarantine", "discard", &id, "--reason", "spam"]).ok();
    assert!(sandbox.items(&["quarantine", "list"]).is_empty());
}

#[test]
fn smtp_refusals_are_shown_and_passing_ones_are_tried_again() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let sink = SmtpSink::new(vec![
        Step { verb: "RCPT", nth: 1, answer: Answer::Say("550 5.1.1 no such user") },
        Step { verb: ".", nth: 1, answer: Answer::Say("451 4.3.0 come back") },
        Step { verb: "MAIL", nth: 3, answer: Answer::Say("553 5.1.7 no null sender here") },
    ]);
    sandbox.support_account(&mailbox, &["--smtp", &sink.address(), "--auto-reply", "Thanks"]);
    for n in 1..=3 {
        mailbox.append("INBOX", &mail(&format!("c{n}@customer.example"), &mailbox.address, &format!("Q{n}")).bytes());
    }
    sandbox.run(&["fetch"]).ok();
    assert_eq!(sink.connections(), 1, "one connection an account and run");
    let states: Vec<String> =
        sandbox.items(&["outbox", "list", "--all"]).iter().map(|r| r["state"].as_str().unwrap().to_owned()).collect();
    assert_eq!(states, ["sent", "waiting", "failed"]);
    let stream = sandbox.json(&["case", "show", "1"])["stream"].to_string();
    assert!(stream.contains("not delivered to c1@customer.example: 550"), "{stream}");
    assert_eq!(
        sink.received().last().unwrap().from,
        mailbox.address,
        "the null sender was refused, its own address was not"
    );

    let waiting =
        sandbox.items(&["outbox", "list"]).iter().find(|r| r["state"] == "waiting").unwrap()["id"].to_string();
    sandbox.run(&["send"]).ok();
    assert_eq!(sink.received().iter().filter(|r| r.taken).count(), 1, "not before its time");
    sandbox.run(&["outbox", "retry", &waiting]).ok();
    sandbox.run(&["send"]).ok();
    assert_eq!(sink.received().iter().filter(|r| r.taken).count(), 2);
    let failed = sandbox.items(&["outbox", "list"])[0]["id"].to_string();
    sandbox.run(&["outbox", "cancel", &failed]).ok();
    assert!(sandbox.items(&["outbox", "list"]).is_empty());
    sandbox.run(&["outbox", "cancel", &failed]).exits(65);
}

#[test]
fn a_server_that_refuses_the_login_keeps_the_mail_waiting() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let sink = SmtpSink::new(vec![Step { verb: "AUTH", nth: 0, answer: Answer::Say("535 5.7.8 wrong") }]);
    sandbox.support_account(&mailbox, &["--smtp", &sink.address(), "--auto-reply", "Thanks"]);
    mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, "Q").bytes());
    sandbox.run(&["fetch"]).exits(77);
    let status = sandbox.run(&["status"]).ok().stdout;
    assert!(status.contains("cannot send since") && status.contains("1 waiting"), "{status}");
    sink.script(Vec::new());
    sandbox.run(&["fetch"]).ok();
    assert_eq!(sink.received().len(), 1);
    assert!(sandbox.run(&["status"]).ok().stdout.contains("0 waiting"));
}

#[test]
fn check_speaks_to_monitoring_systems() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let unknown = sandbox.run(&["check"]).exits(3);
    assert!(unknown.stdout.starts_with("ESPOMAIL UNKNOWN - no database"), "{unknown:#?}");
    let sink = SmtpSink::new(Vec::new());
    sandbox.support_account(&mailbox, &["--smtp", &sink.address(), "--auto-reply", "Thanks"]);
    mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, "Hello").bytes());
    sandbox.run(&["fetch"]).ok();
    let fine = sandbox.run(&["check"]).ok();
    assert!(fine.stdout.starts_with("ESPOMAIL OK - all accounts are fetched | quarantine=0;0 outbox=0"), "{fine:#?}");
    sandbox.run(&["account", "edit", "support", "--smtp", "127.0.0.1:1"]).ok();
    mailbox.append("INBOX", &mail("d@customer.example", &mailbox.address, "Hello too").bytes());
    sandbox.run(&["fetch"]).exits(75);
    let warning = sandbox.run(&["check"]).exits(1);
    assert!(warning.stdout.starts_with("ESPOMAIL WARNING - account support: cannot send: "), "{warning:#?}");
    assert!(warning.stdout.contains("outbox=1"), "{warning:#?}");
}

#[test]
fn smtp_may_have_a_login_of_its_own_kind() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let proxy = Proxy::new(Exim::shared().smtp);
    let token = format!("file:{}", sandbox.file("token", mailbox.token(600).as_bytes()).display());
    sandbox.support_account(&mailbox, &["--smtp", &proxy.address(), "--auto-reply", "Thanks"]);
    let login = |edit: &[&str]| {
        sandbox.run(&[&["account", "edit", "support"], edit].concat()).ok();
        proxy.clear();
        sandbox.run(&["account", "test", "support"]).ok();
        let said = proxy.lines(Side::Client).into_iter().find(|line| line.starts_with("AUTH")).expect("a login");
        said.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(login(&["--from-name", "Desk"]), "PLAIN");
    assert_eq!(login(&["--smtp-auth", "xoauth2", "--smtp-secret", &token]), "XOAUTH2");
    assert_eq!(login(&["--from-name", "Office"]), "XOAUTH2", "an edit of something else changes no login");
    let shown = sandbox.json(&["account", "show", "support"]);
    assert_eq!((&shown["auth"], &shown["smtp_auth"]), (&"password".into(), &"xoauth2".into()));

    let customer = Dovecot::shared().mailbox_at("customer.example");
    mailbox.append("INBOX", &mail(&customer.address, &mailbox.address, "Help").bytes());
    sandbox.run(&["fetch"]).ok();
    customer.arrived(1);
    // What Exim does not offer is not tried.
    sandbox.run(&["account", "edit", "support", "--smtp-auth", "oauthbearer"]).ok();
    proxy.clear();
    let refused = sandbox.run(&["account", "test", "support"]).exits(77);
    assert!(refused.stderr.contains("the server offers") && refused.stderr.contains("OAUTHBEARER"), "{refused:#?}");
    assert!(proxy.lines(Side::Client).iter().all(|line| !line.starts_with("AUTH")));
    sandbox.run(&["account", "edit", "support", "--smtp-auth", "ntlm"]).exits(2);
}
