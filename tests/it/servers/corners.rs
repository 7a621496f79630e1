//! Corners of the rules that a reader of the code found.

use std::fs::OpenOptions;

use crate::support::{Deed, Dovecot, Proxy, Rule, Sandbox, Side, SmtpSink, When, mail, program};

fn header(message: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(message).into_owned();
    let line = text.lines().find(|line| line.starts_with(&format!("{name}: "))).unwrap_or_default();
    line.split_once(": ").map_or_else(String::new, |(_, value)| value.to_owned())
}

#[test]
fn an_answer_to_a_notice_is_a_note_and_redirects_nothing() {
    let (sandbox, mailbox, sink) = (Sandbox::new(), Dovecot::shared().mailbox(), SmtpSink::new(Vec::new()));
    let smtp = sink.address();
    sandbox.support_account(&mailbox, &["--smtp", &smtp, "--distribution", "direct", "--assign-to", "ana"]);
    mailbox.append("INBOX", &mail("kim@customer.example", &mailbox.address, "Help").bytes());
    sandbox.run(&["fetch"]).ok();
    let notice = sink.received().into_iter().find(|m| m.to == ["ana@staff.example"]).expect("a notice to ana");
    let id = header(&notice.message, "Message-ID");
    let answer =
        mail("ana@staff.example", &mailbox.address, "Re: assigned").in_reply_to(&id).body("On it, calling them.\n");
    mailbox.append("INBOX", &answer.bytes());
    let away =
        mail("ana@staff.example", &mailbox.address, "Away").in_reply_to(&id).add("Auto-Submitted", "auto-replied");
    mailbox.append("INBOX", &away.body("I am on holiday.\n").bytes());
    sandbox.run(&["fetch"]).ok();
    let shown = sandbox.run(&["case", "show", "1"]).ok().stdout;
    assert!(shown.contains("On it, calling them.") && !shown.contains("holiday"), "{shown}");
    assert_eq!(sandbox.items(&["case", "thread", "1"]).len(), 1, "a note is no mail of the case");
    let reply = sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "Done."]).ok().stdout;
    assert!(reply.contains("kim@customer.example") && !reply.contains("ana@"), "{reply}");
}

/// Programs ask what would happen, too.
#[test]
fn a_dry_run_is_an_object_for_programs() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &["--smtp", "127.0.0.1:1"]);
    mailbox.append("INBOX", &mail("kim@customer.example", &mailbox.address, "Help").bytes());
    sandbox.run(&["fetch"]).ok();
    for args in [&["case", "close", "1"][..], &["team", "add", "New"], &["case", "reply", "1", "-m", "Yes."]] {
        let run = sandbox.run(&[&["--json", "--dry-run"], args].concat()).ok();
        let said: serde_json::Value =
            serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:#?}"));
        assert_eq!((&said["schema"], &said["dry_run"]), (&"espomail/done/1".into(), &true.into()), "{run:#?}");
        assert!(said["id"].is_null() && said["message"].as_str().is_some_and(|text| !text.is_empty()), "{run:#?}");
        assert!(!run.stderr.contains("dry run"), "{run:#?}");
        let run = sandbox.run(&[&["--dry-run"], args].concat()).ok();
        assert!(run.stdout.is_empty() && run.stderr.contains("dry run, nothing changed"), "{run:#?}");
    }
    assert_eq!(sandbox.items(&["case", "list", "is:open"]).len(), 1);
}

#[test]
fn scans_without_message_id_are_not_taken_for_each_other() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    for page in ["one", "two", "two"] {
        let body = format!(
            "--b\n\nScan attached.\n--b\nContent-Disposition: attachment; filename=scan.pdf\n\n{page}\n--b--\n"
        );
        let scan = mail("scanner@customer.example", &mailbox.address, "Scan").without("Message-ID").without("Date");
        let scan = scan.add("MIME-Version", "1.0").header("Content-Type", "multipart/mixed; boundary=b").body(&body);
        mailbox.append("INBOX", &scan.bytes());
    }
    sandbox.run(&["fetch"]).ok();
    assert_eq!(sandbox.items(&["email", "list"]).len(), 2, "two scans, one of them sent twice");
}

#[test]
fn what_was_piped_in_while_another_process_worked_is_imported_later() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    sandbox.run(&["fetch"]).ok();
    sandbox.run(&["account", "edit", "support", "--imap", ""]).ok();
    let lock = sandbox.path("espomail.db.locks").join("account-1");
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

#[test]
fn an_address_that_cannot_be_written_stops_neither_the_case_nor_the_answer() {
    let (sandbox, mailbox, sink) = (Sandbox::new(), Dovecot::shared().mailbox(), SmtpSink::new(Vec::new()));
    let smtp = sink.address();
    sandbox.support_account(&mailbox, &["--smtp", &smtp, "--auto-reply", "Thanks"]);
    mailbox.append("INBOX", &mail("\"Hall 3\" <+49301234567>", &mailbox.address, "A telephone").bytes());
    let copied = mail("kim@customer.example", &mailbox.address, "Copy").cc("c..d@docomo.example, lee@customer.example");
    mailbox.append("INBOX", &copied.bytes());
    sandbox.run(&["fetch"]).ok();
    assert_eq!(sandbox.items(&["case", "list"]).len(), 2);
    assert!(sandbox.items(&["quarantine", "list"]).is_empty());
    sandbox.run(&["case", "reply", "1", "-m", "Hello."]).exits(65);
    let reply = sandbox.run(&["case", "reply", "2", "-m", "Hello."]).ok().stdout;
    assert!(reply.contains("kim@customer.example, c..d@docomo.example, lee@customer.example"), "{reply}");
    sandbox.run(&["send"]).ok();
    let sent = sink.received().into_iter().map(|mail| String::from_utf8_lossy(&mail.message).into_owned());
    let answer = sent.filter(|text| text.contains("Hello.")).collect::<String>();
    assert!(answer.contains("\"c..d\"@docomo.example"), "what is legal in quotes has them: {answer}");
}

#[test]
fn a_disabled_account_does_not_send() {
    let (sandbox, mailbox, sink) = (Sandbox::new(), Dovecot::shared().mailbox(), SmtpSink::new(Vec::new()));
    let smtp = sink.address();
    sandbox.support_account(&mailbox, &["--smtp", &smtp]);
    mailbox.append("INBOX", &mail("kim@customer.example", &mailbox.address, "Help").bytes());
    sandbox.run(&["fetch"]).ok();
    sandbox.run(&["case", "reply", "1", "-m", "Hello."]).ok();
    sandbox.run(&["account", "disable", "support"]).ok();
    sandbox.run(&["send"]).ok();
    assert!(sink.received().is_empty());
    sandbox.run(&["account", "enable", "support"]).ok();
    sandbox.run(&["send"]).ok();
    assert_eq!(sink.received().len(), 1);
}

#[test]
fn a_signed_id_of_an_email_proves_no_more_than_that_of_its_case() {
    let (sandbox, mailbox, sink) = (Sandbox::new(), Dovecot::shared().mailbox(), SmtpSink::new(Vec::new()));
    let (info, smtp) = (Dovecot::shared().mailbox(), sink.address());
    sandbox.support_account(&mailbox, &["--smtp", &smtp]);
    sandbox.group_account("info", &info, &["--smtp", &smtp, "--auto-reply", "Thanks"]);
    let both = format!("{}, {}", info.address, mailbox.address);
    let letter = mail("kim@customer.example", &both, "To both").message_id("<both@customer.example>").bytes();
    info.append("INBOX", &letter);
    sandbox.run(&["fetch", "info"]).ok();
    let reply = sink.received().into_iter().find(|m| m.to == ["kim@customer.example"]).expect("an automatic reply");
    mailbox.append("INBOX", &letter);
    sandbox.run(&["fetch"]).ok();
    assert_eq!(sandbox.items(&["case", "list"]).len(), 1);
    sandbox.run(&["case", "close", "1"]).ok();
    let stranger =
        mail("eve@elsewhere.example", &mailbox.address, "Re: it").in_reply_to(&header(&reply.message, "Message-ID"));
    mailbox.append("INBOX", &stranger.bytes());
    sandbox.run(&["fetch"]).ok();
    let thread = sandbox.items(&["case", "thread", "1"]);
    let hers: Vec<_> = thread.iter().filter(|m| m["from"].as_str().unwrap().contains("eve@")).collect();
    assert!(hers.iter().all(|m| m["verified"] == false), "{hers:#?}");
    assert_eq!(sandbox.json(&["case", "show", "1"])["status"], "Closed", "a stranger opened it again");
}

#[test]
fn keep_takes_back_what_was_planned_on_the_server() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let imap = Proxy::new(Dovecot::shared().imap);
    sandbox.support_account(&mailbox, &["--imap", &imap.address(), "--after", "seen"]);
    mailbox.append("INBOX", &mail("kim@customer.example", &mailbox.address, "Help").bytes());
    imap.set_rule(Some(Rule { side: Side::Client, text: "STORE", nth: 1, when: When::Before, deed: Deed::Cut }));
    sandbox.run(&["fetch"]).exits(75);
    imap.set_rule(None);
    sandbox.run(&["account", "edit", "support", "--after", "keep"]).ok();
    sandbox.run(&["fetch"]).ok().silent();
    assert_eq!(imap.count(Side::Client, "STORE"), 1);
    sandbox.run(&["account", "edit", "support", "--after", "seen"]).ok();
    sandbox.run(&["fetch"]).ok().silent();
    assert_eq!(imap.count(Side::Client, "STORE"), 1, "what was taken back stays undone");
}

#[test]
fn a_burst_by_contact_form_ends_in_an_open_case() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    sandbox.config("case_burst = 2\n");
    let form = |subject: &str| {
        let letter = mail("no-reply@shop.example", &mailbox.address, subject).reply_to("kim@customer.example");
        mailbox.append("INBOX", &letter.bytes());
        sandbox.run(&["fetch"]).ok();
    };
    let numbers = || sandbox.items(&["case", "list"]).len();
    ["one", "two", "three"].iter().for_each(|subject| form(subject));
    assert_eq!(numbers(), 2, "the third joins the second");
    assert_eq!(sandbox.items(&["case", "thread", "2"]).len(), 2);
    sandbox.run(&["case", "close", "2"]).ok();
    form("four");
    assert_eq!(sandbox.items(&["case", "thread", "1"]).len(), 2, "the newest that is open");
    sandbox.run(&["case", "close", "1"]).ok();
    form("five");
    assert_eq!(numbers(), 3, "nobody looks into a closed case");
}

#[test]
fn nobody_jumps_the_queue_with_an_old_date() {
    let (sandbox, mailbox, sink) = (Sandbox::new(), Dovecot::shared().mailbox(), SmtpSink::new(Vec::new()));
    let smtp = sink.address();
    sandbox.support_account(&mailbox, &["--smtp", &smtp]);
    let old = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * 300);
    mailbox.append(
        "INBOX",
        &mail("kim@customer.example", &mailbox.address, "Now").message_id("<n@customer.example>").bytes(),
    );
    let second =
        mail("lee@customer.example", &mailbox.address, "Re: Now").in_reply_to("<n@customer.example>").date(old);
    mailbox.append("INBOX", &mail("eve@customer.example", &mailbox.address, "Old").date(old).bytes());
    sandbox.run(&["fetch"]).ok();
    let waiting = sandbox.items(&["case", "list", "--sort", "waiting"]);
    assert_eq!(waiting[0]["number"], 1, "{waiting:#?}");
    mailbox.append("INBOX", &second.header("From", "kim@customer.example").bytes());
    sandbox.run(&["fetch"]).ok();
    let thread = sandbox.items(&["case", "thread", "1"]);
    assert_eq!(thread.last().unwrap()["subject"], "Re: Now", "in the order of arrival: {thread:#?}");
}

#[test]
fn who_is_addressed_gets_no_notice_about_it() {
    let (sandbox, mailbox, sink) = (Sandbox::new(), Dovecot::shared().mailbox(), SmtpSink::new(Vec::new()));
    let smtp = sink.address();
    sandbox.support_account(&mailbox, &["--smtp", &smtp, "--distribution", "direct", "--assign-to", "ana"]);
    let letter = |subject: &str| mail("kim@customer.example", &mailbox.address, subject);
    mailbox.append("INBOX", &letter("To both").cc("ana@staff.example").bytes());
    sandbox.run(&["fetch"]).ok();
    assert!(sink.received().is_empty());
    mailbox.append("INBOX", &letter("To the desk").bytes());
    sandbox.run(&["fetch"]).ok();
    assert_eq!(sink.received().len(), 1);
    sandbox.run(&["case", "assign", "1", "budi"]).ok();
    sandbox.run(&["case", "assign", "1", "ana"]).ok();
    sandbox.run(&["send"]).ok();
    assert_eq!(sink.received().len(), 3, "by hand it is news for everybody");
}

#[test]
fn an_answer_that_came_first_is_shown_in_the_case() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let other = Dovecot::shared().mailbox();
    sandbox.support_account(&mailbox, &[]);
    sandbox.group_account("info", &other, &[]);
    let answer = mail("lee@elsewhere.example", &other.address, "Re: Q").in_reply_to("<q@customer.example>");
    other.append("INBOX", &answer.body("An early answer.\n").bytes());
    sandbox.run(&["fetch"]).ok();
    mailbox.append(
        "INBOX",
        &mail("kim@customer.example", &mailbox.address, "Q").message_id("<q@customer.example>").bytes(),
    );
    sandbox.run(&["fetch"]).ok();
    let shown = sandbox.run(&["case", "show", "1"]).ok().stdout;
    assert!(shown.contains("An early answer."), "{shown}");
    let as_ana = sandbox.run(&["--as", "ana", "case", "thread", "1"]).ok().stdout;
    assert!(as_ana.contains("lee@elsewhere.example"), "its team may read it: {as_ana}");
}

#[test]
fn mail_sent_with_another_from_is_recognised_when_it_comes_back() {
    let (sandbox, mailbox, sink) = (Sandbox::new(), Dovecot::shared().mailbox(), SmtpSink::new(Vec::new()));
    let smtp = sink.address();
    sandbox
        .support_account(&mailbox, &["--smtp", &smtp, "--auto-reply", "Thanks", "--reply-from", "robot@else.example"]);
    mailbox.append("INBOX", &mail("kim@customer.example", &mailbox.address, "Help").bytes());
    sandbox.run(&["fetch"]).ok();
    mailbox.append("INBOX", &sink.received()[0].message);
    sandbox.run(&["fetch"]).ok();
    assert_eq!(sandbox.items(&["case", "list"]).len(), 1);
    assert_eq!(sandbox.items(&["case", "thread", "1"]).len(), 2);
}

#[test]
fn a_server_that_replaces_message_ids_does_not_break_the_thread() {
    let (sandbox, mailbox, sink) = (Sandbox::new(), Dovecot::shared().mailbox(), SmtpSink::new(Vec::new()));
    let smtp = sink.address();
    sandbox.support_account(&mailbox, &["--smtp", &smtp]);
    mailbox
        .append("INBOX", &mail("kim@customer.example", &mailbox.address, "Help").message_id("<h@x.example>").bytes());
    sandbox.run(&["fetch"]).ok();
    sandbox.run(&["case", "reply", "1", "-m", "Yes?"]).ok();
    sandbox.run(&["send"]).ok();
    let sent = &sink.received()[0].message;
    let references = header(sent, "References");
    let answer = mail("kim@home.example", &mailbox.address, "Re: Help").in_reply_to("<0102-00@email.ses.example>");
    mailbox.append("INBOX", &answer.add("References", &references.replace("<h@x.example>", "")).bytes());
    sandbox.run(&["fetch"]).ok();
    assert_eq!(sandbox.items(&["case", "thread", "1"]).len(), 3, "{references}");
}

#[test]
fn a_disabled_user_may_nothing() {
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).ok();
    let me = sandbox.json(&["whoami"])["login"].as_str().map(str::to_owned).unwrap_or_else(|| "root".to_owned());
    sandbox.run(&["user", "add", "boss", "--type", "admin", "--login", &me]).ok();
    let taken = sandbox.run(&["user", "add", "other", "--login", &me]).exits(65);
    assert!(taken.stderr.contains("is the login of user boss"), "{taken:?}");
    sandbox.run(&["user", "disable", "boss"]).ok();
    let refused = sandbox.run(&["case", "list"]).exits(77);
    assert!(refused.stderr.contains("user boss: is disabled"), "{refused:?}");
}

#[test]
fn headings_of_plain_output_are_separated_as_its_values_are() {
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).ok();
    sandbox.run(&["team", "add", "Support"]).ok();
    let list = sandbox.run(&["--format", "plain", "team", "list"]).ok();
    let tabs: Vec<usize> = list.stdout.lines().map(|line| line.matches('\t').count()).collect();
    assert_eq!(tabs, [3, 3], "{list:?}");
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).ok();
    let stdin =
        sandbox.call(&["template", "add", "t", "--subject", "s", "--body", "-"]).stdin(b"L\xe9on").run().exits(65);
    assert!(stdin.stderr.contains("is not UTF-8"), "{stdin:?}");
    let program = std::process::Command::new(program())
        .arg("team")
        .arg(std::os::unix::ffi::OsStrExt::from_bytes(b"\xe9") as &std::ffi::OsStr)
        .output()
        .unwrap();
    assert_eq!(program.status.code(), Some(2), "{program:?}");
}
