//! Our mail that comes back (B9) and copies of what was sent (B13.7), with the real servers.

use std::time::Duration;

use serde_json::Value;

use crate::support::{
    Answer, Child, Deed, Dovecot, Exim, Mailbox, Proxy, Rule, Sandbox, Side, SmtpSink, Step, When, mail, promise,
    wait_until,
};

/// An office that a customer's mail opened case 1 in, which ana has answered.
fn answered(customer: &str, extra: &[&str]) -> (Sandbox, Mailbox) {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, extra);
    mailbox.append("INBOX", &mail(customer, &mailbox.address, "Help").bytes());
    sandbox.run(&["fetch", "--no-send"]).ok();
    sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "We are on it."]).ok();
    (sandbox, mailbox)
}

/// The email that ana sent.
fn sent(sandbox: &Sandbox) -> Value {
    let emails = sandbox.items(&["email", "list", "--case", "1"]);
    let id = emails.iter().find(|e| e["status"] != "Archived").expect("a sent email")["id"].to_string();
    sandbox.json(&["email", "show", &id])
}

fn failures(sandbox: &Sandbox) -> Vec<String> {
    let stream = sandbox.json(&["case", "show", "1"])["stream"].as_array().unwrap().clone();
    let failed = stream.iter().filter(|note| note["kind"] == "failed");
    failed.map(|note| note["text"].as_str().unwrap().to_owned()).collect()
}

fn told(sandbox: &Sandbox, user: &str) -> Vec<Value> {
    let all = sandbox.items(&["--as", user, "notification", "list"]);
    all.into_iter().filter(|n| n["kind"] == "failed").collect()
}

/// What `explain` says of a step of the newest email.
fn decisions(sandbox: &Sandbox, step: &str) -> Vec<String> {
    let newest = sandbox.items(&["email", "list"]).iter().filter_map(|e| e["id"].as_i64()).max().unwrap();
    let all = sandbox.items(&["email", "explain", &newest.to_string()]);
    let said = all.iter().filter(|d| d["step"] == step);
    said.map(|d| d["decision"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_real_bounce_marks_recipient_case_and_address_until_that_writes() {
    let (sandbox, mailbox) = answered("Kim <kim@bounces.example>", &["--create-contact", "--plus-addressing"]);
    sandbox.run(&["--as", "ana", "case", "follow", "1"]).ok();
    sandbox.run(&["send"]).ok();
    mailbox.arrived(2);
    sandbox.run(&["fetch"]).ok().silent();

    let email = sent(&sandbox);
    assert_eq!(email["status"], "Failed");
    let recipient = &email["recipients"][0];
    assert_eq!((&recipient["address"], &recipient["state"]), (&"kim@bounces.example".into(), &"failed".into()));
    let words = recipient["reply"].as_str().unwrap();
    assert!(words.contains("550 5.1.1") && words.contains("user unknown"), "{words}");
    let report = sandbox.items(&["email", "list"]).iter().filter_map(|e| e["id"].as_i64()).max().unwrap();
    let named = format!("(email {}, outbox 1; reported by email {report})", email["id"]);
    assert_eq!(failures(&sandbox), [format!("not delivered to kim@bounces.example: {words} {named}")]);
    let stream = sandbox.json(&["case", "show", "1"])["stream"].as_array().unwrap().clone();
    let place = |kind: &str| stream.iter().rposition(|note| note["kind"] == kind);
    assert!(place("failed") > place("email-received"), "the failure comes after its report: {stream:#?}");
    let told_ana = told(&sandbox, "ana");
    assert_eq!(told_ana.len(), 1, "{told_ana:?}");
    assert!(told_ana[0]["text"].as_str().unwrap().starts_with("#1 Help: not delivered to kim@bounces.example"));
    assert!(told(&sandbox, "budi").is_empty());
    assert_eq!(sandbox.items(&["--as", "ana", "notification", "list"]).len(), 1, "once of one report");

    let case = sandbox.json(&["case", "show", "1"]);
    assert_eq!(case["invalid_addresses"][0]["address"], "kim@bounces.example");
    assert_eq!(case["status"], "New", "a report moves no case");
    let report = recipient["report"].to_string();
    assert_eq!(sandbox.json(&["email", "show", &report])["case"], 1);
    assert_eq!(sandbox.items(&["case", "list"]).len(), 1);
    let record = sandbox.json(&["record", "show", "contact", "Kim"]);
    assert_eq!(record["invalid_addresses"][0]["address"], "kim@bounces.example");
    let shown = sandbox.run(&["email", "show", &email["id"].to_string()]).ok().stdout;
    assert!(shown.contains("kim@bounces.example failed ("), "{shown}");

    // The same report a second time, by another copy of the mail: nothing new.
    let raw = mailbox.messages("INBOX").pop().unwrap().raw;
    let again = String::from_utf8(raw).unwrap().replace("Message-Id: <", "Message-Id: <again-");
    mailbox.append("INBOX", again.as_bytes());
    sandbox.run(&["fetch"]).ok();
    assert_eq!((failures(&sandbox).len(), told(&sandbox, "ana").len()), (1, 1));

    // Automatic mail to the address is suppressed until it writes.
    sandbox.run(&["account", "edit", "support", "--auto-reply", "Thanks"]).ok();
    let form = mail("web@forms.example", &mailbox.address, "By form").reply_to("kim@bounces.example");
    mailbox.append("INBOX", &form.bytes());
    sandbox.run(&["fetch", "--no-send"]).ok();
    let said = decisions(&sandbox, "auto-reply");
    assert!(said[0].starts_with("not sent: the address is invalid until it writes: "), "{said:?}");
    mailbox.append("INBOX", &mail("Kim <kim@bounces.example>", &mailbox.address, "I exist").bytes());
    sandbox.run(&["fetch", "--no-send"]).ok();
    let newest = sandbox.items(&["email", "list"]);
    let received = newest.iter().find(|e| e["subject"] == "I exist").unwrap()["id"].to_string();
    let all = sandbox.items(&["email", "explain", &received]);
    let said = |step: &str| all.iter().find(|d| d["step"] == step).unwrap()["decision"].as_str().unwrap().to_owned();
    assert_eq!(said("address"), "kim@bounces.example is valid again: it writes");
    assert!(said("auto-reply").starts_with("to kim@bounces.example"), "{}", said("auto-reply"));
    assert!(sandbox.json(&["case", "show", "1"])["invalid_addresses"].as_array().unwrap().is_empty());
}

#[test]
fn a_full_mailbox_is_a_failure_of_the_mail_and_not_of_the_address() {
    let (sandbox, mailbox) = answered("full@bounces.example", &[]);
    sandbox.run(&["send"]).ok();
    mailbox.arrived(2);
    sandbox.run(&["fetch"]).ok();
    assert_eq!(failures(&sandbox).len(), 1, "{:?}", failures(&sandbox));
    assert_eq!(told(&sandbox, "ana").len(), 1);
    assert!(sandbox.json(&["case", "show", "1"])["invalid_addresses"].as_array().unwrap().is_empty());
}

/// A report of RFC 3464 on the mail with this Message-ID.
fn report(mailbox: &Mailbox, from: &str, about: &str, group: &str) -> Vec<u8> {
    let body = format!(
        "--b\n\nIt could not be delivered.\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n\
         {group}\n\n--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <{about}>\nSubject: Help\n\n--b--\n"
    );
    mail(from, &mailbox.address, "Undelivered Mail Returned to Sender")
        .header("Content-Type", "multipart/report; report-type=delivery-status; boundary=b")
        .body(&body)
        .bytes()
}

#[test]
fn reports_mark_only_who_got_the_very_mail_they_name() {
    let customer = Dovecot::shared().mailbox_at("customer.example");
    let (sandbox, mailbox) = answered(&customer.address, &["--authserv-id", "mx.espomail.example"]);
    sandbox.run(&["send"]).ok();
    let id = sent(&sandbox)["message_id"].as_str().unwrap().to_owned();
    let failed = |address: &str| format!("Final-Recipient: rfc822; {address}\nAction: failed\nStatus: 5.1.1");
    let delayed = failed(&customer.address).replace("failed", "delayed").replace("5.1.1", "4.4.1");
    let system = "MAILER-DAEMON@mx.example";
    for (raw, decision) in [
        (
            report(&mailbox, system, "unknown@desk.example", &failed(&customer.address)),
            "it names no mail that is stored here",
        ),
        (report(&mailbox, system, &id, &failed("ceo@customer.example")), "was not sent to it"),
        (report(&mailbox, system, &id, &delayed), "delayed, not failed"),
    ] {
        let vouched = [b"Authentication-Results: mx.espomail.example; dmarc=pass\r\n", &raw[..]].concat();
        mailbox.append("INBOX", &vouched);
        sandbox.run(&["fetch"]).ok();
        let said = decisions(&sandbox, "bounce");
        assert!(said.len() == 1 && said[0].contains(decision), "{said:?}");
    }
    assert!(failures(&sandbox).is_empty() && told(&sandbox, "ana").is_empty());
    // A report whose sender is forged proves nothing: people are told of it, and nothing changes.
    let forged = String::from_utf8(report(&mailbox, system, &id, &failed(&customer.address))).unwrap();
    let verdict = "Authentication-Results: mx.espomail.example; dmarc=fail header.from=mx.example\r\n";
    mailbox.append("INBOX", (verdict.to_owned() + &forged).as_bytes());
    sandbox.run(&["fetch"]).ok();
    let said = decisions(&sandbox, "bounce");
    assert!(said.len() == 1 && said[0].ends_with("is reported failed, not proven: 5.1.1"), "{said:?}");
    assert_eq!((failures(&sandbox).len(), told(&sandbox, "ana").len()), (1, 1));
    assert_eq!(sent(&sandbox)["recipients"][0]["state"], "sent");
    assert_eq!(sent(&sandbox)["status"], "Sent");
    let case = sandbox.json(&["case", "show", "1"]);
    assert!(case["invalid_addresses"].as_array().unwrap().is_empty(), "{case}");
    // Reports that name a mail of the case are in it; the system that wrote them takes no part.
    let ours = |step: &str| case["stream"].to_string().matches(step).count();
    assert_eq!((ours("delivery report: not delivered"), ours("delivery report: delayed")), (2, 1), "{case}");
    mailbox.append("INBOX", &mail(system, &mailbox.address, "[#1] let me in").bytes());
    sandbox.run(&["fetch"]).ok();
    assert_eq!(sandbox.items(&["email", "list", "--case", "1"]).len(), 5);
}

#[test]
fn a_report_may_name_the_id_that_the_server_gave() {
    let sink =
        SmtpSink::new(vec![Step { verb: ".", nth: 1, answer: Answer::Say("250 2.6.0 <other-1@mx.example> queued") }]);
    let (sandbox, mailbox) =
        answered("kim@customer.example", &["--smtp", &sink.address(), "--authserv-id", "mx.espomail.example"]);
    sandbox.run(&["send"]).ok();
    let vouched = |raw: &[u8]| [b"Authentication-Results: mx.espomail.example; dmarc=pass\r\n", raw].concat();
    let group = "Final-Recipient: rfc822; Kim@customer.example\nAction: failed\nStatus: 5.0.0\n\
                 Diagnostic-Code: smtp; 550 no such user here";
    mailbox.append("INBOX", &vouched(&report(&mailbox, "postmaster@customer.example", "other-1@mx.example", group)));
    sandbox.run(&["fetch"]).ok();
    let said = failures(&sandbox).concat();
    assert!(said.starts_with("not delivered to kim@customer.example: 550 no such user here (email "), "{said}");
    assert_eq!(sandbox.json(&["case", "show", "1"])["invalid_addresses"][0]["address"], "kim@customer.example");
    // An answer of the customer to the other id finds the case as well.
    let answer = mail("kim@customer.example", &mailbox.address, "So what?").in_reply_to("<other-1@mx.example>");
    mailbox.append("INBOX", &vouched(&answer.bytes()));
    sandbox.run(&["fetch"]).ok();
    assert_eq!(sandbox.items(&["case", "list"]).len(), 1);
}

#[test]
fn the_servers_of_one_user_speak_for_their_own_mail_only() {
    let customer = "kim@customer.example";
    let sink = SmtpSink::new(Vec::new());
    let (sandbox, _) = answered(customer, &["--smtp", &sink.address()]);
    sandbox.run(&["send"]).ok();
    let (own, personal) = (SmtpSink::new(Vec::new()), Dovecot::shared().mailbox());
    let trusting = ["--authserv-id", "mx.espomail.example", "--smtp", &own.address()];
    sandbox.personal_account("budi-mail", "budi", &personal, &trusting);
    // It vouches for a report on mail of the group.
    let group = "Final-Recipient: rfc822; kim@customer.example\nAction: failed\nStatus: 5.1.1";
    let id = sent(&sandbox)["message_id"].as_str().unwrap().to_owned();
    let raw = report(&personal, "postmaster@customer.example", &id, group);
    personal.append("INBOX", &[b"Authentication-Results: mx.espomail.example; dmarc=pass\r\n", &raw[..]].concat());
    sandbox.run(&["fetch"]).ok();
    let said = decisions(&sandbox, "bounce");
    assert!(said.len() == 1 && said[0].contains("is reported failed, not proven"), "{said:?}");
    assert_eq!(sent(&sandbox)["recipients"][0]["state"], "sent");
    // It refuses a colleague and a customer: nobody else's mail to them is held back.
    let refusal = Answer::Say("550 5.1.1 no such user");
    own.script(vec![Step { verb: "RCPT", nth: 0, answer: refusal }]);
    let to =
        ["--as", "budi", "email", "send", "--to", "ana@staff.example", "--to", customer, "--subject", "x", "-m", "x"];
    sandbox.run(&[&to[..], &["--account", "budi-mail"]].concat()).ok();
    sandbox.run(&["send"]).exits(1);
    assert_eq!(own.count("RCPT"), 2);
    assert!(sandbox.json(&["case", "show", "1"])["invalid_addresses"].as_array().unwrap().is_empty());
    let again = sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "Once more.", "--dry-run"]).ok();
    assert!(!format!("{}{}", again.stdout, again.stderr).contains("no such user"), "{again:#?}");
}

/// The Message-IDs in the Sent folder.
fn kept(mailbox: &Mailbox, folder: &str) -> Vec<String> {
    mailbox.messages(folder).iter().map(|message| message.header("Message-ID")).collect()
}

#[test]
fn a_copy_goes_to_the_sent_folder_once_and_comes_back_as_our_own() {
    let customer = Dovecot::shared().mailbox_at("customer.example");
    let (sandbox, mailbox) = answered(&customer.address, &["--store-sent", "--folder", "INBOX", "--folder", "Sent"]);
    for _ in 0..2 {
        sandbox.run(&["send"]).ok();
    }
    let id = format!("<{}>", sent(&sandbox)["message_id"].as_str().unwrap());
    assert_eq!(kept(&mailbox, "Sent"), [id]);
    assert_eq!(mailbox.messages("Sent")[0].flags.iter().filter(|flag| *flag == "\\Seen").count(), 1);
    sandbox.run(&["fetch"]).ok().silent();
    assert_eq!(sandbox.items(&["email", "list"]).len(), 2, "known as our own");
    assert_eq!(sandbox.json(&["status"])["items"][0]["sent_copies"], 0);

    // Into a folder that is not there yet.
    sandbox.run(&["account", "edit", "support", "--store-sent=Büro/Sent"]).ok();
    sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "Done."]).ok();
    sandbox.run(&["send"]).ok();
    assert_eq!((kept(&mailbox, "B&APw-ro/Sent").len(), kept(&mailbox, "Sent").len()), (1, 1));
    sandbox.run(&["account", "edit", "support", "--store-sent="]).ok();
    assert_eq!(sandbox.json(&["account", "show", "support"])["store_sent"], Value::Null);
}

#[test]
fn a_copy_that_fails_is_shown_and_tried_again() {
    let customer = Dovecot::shared().mailbox_at("customer.example");
    let (sandbox, mailbox) = answered(&customer.address, &["--store-sent"]);
    let imap = format!("127.0.0.1:{}", Dovecot::shared().imap);
    sandbox.run(&["account", "edit", "support", "--imap", "127.0.0.1:1"]).ok();
    let run = sandbox.run(&["send"]).exits(75);
    assert!(run.stderr.contains("account \"support\": cannot keep a copy of sent mail: "), "{run:#?}");
    assert_eq!(sent(&sandbox)["status"], "Sent", "it is sent all the same");
    let status = sandbox.run(&["status"]).ok().stdout;
    assert!(status.contains("copies of sent mail wait (1): "), "{status}");
    assert_eq!(sandbox.json(&["status"])["items"][0]["sent_copies"], 1);
    sandbox.run(&["account", "edit", "support", "--imap", &imap]).ok();
    sandbox.run(&["fetch"]).ok();
    assert_eq!(kept(&mailbox, "Sent").len(), 1);
    sandbox.run(&["account", "edit", "support", "--imap", ""]).exits(2);
}

#[test]
fn a_kill_neither_loses_nor_doubles_a_copy() {
    let points: &[(Side, &str, When)] = &[
        (Side::Client, "LOGIN", When::After),
        (Side::Client, "LIST", When::After),
        (Side::Client, "SELECT", When::After),
        (Side::Client, "HEADER Message-ID", When::Before),
        (Side::Client, "HEADER Message-ID", When::After),
        (Side::Client, "APPEND", When::Before),
        (Side::Client, "APPEND", When::After),
        (Side::Client, "APPEND", When::Inside(100)),
        (Side::Server, "APPENDUID", When::Before),
        (Side::Server, "APPENDUID", When::After),
        (Side::Client, "LOGOUT", When::Before),
    ];
    let customer = Dovecot::shared().mailbox_at("customer.example");
    for (side, text, when) in points {
        let proxy = Proxy::new(Dovecot::shared().imap);
        let (sandbox, mailbox) = answered(&customer.address, &["--store-sent", "--imap", &proxy.address()]);
        let child = Child::default();
        proxy.set_rule(Some(Rule { side: *side, text, nth: 1, when: *when, deed: Deed::Kill(child.clone()) }));
        let point = format!("{side:?} {text} {when:?}");
        let run = sandbox.call(&["send"]).known_to(&child).run();
        assert!(proxy.fired() && run.code == 128 + 9, "{point}: not killed: {run:?}");
        proxy.set_rule(None);
        for _ in 0..2 {
            sandbox.run(&["send"]).ok();
        }
        assert_eq!(kept(&mailbox, "Sent").len(), 1, "{point}");
        assert_eq!(sandbox.json(&["status"])["items"][0]["sent_copies"], 0, "{point}");
    }
    promise("R1", &format!("SIGKILL at {} steps of keeping a copy: lost or doubled", points.len()), "0");
}

#[test]
fn a_cut_before_at_and_after_the_final_reply() {
    // Cut; whether that is in the gap; how often the server takes the mail of an agent and an automatic reply.
    let points: &[(Side, &str, When, bool, usize, usize)] = &[
        (Side::Client, "MAIL FROM", When::After, false, 1, 1),
        (Side::Client, "DATA", When::After, false, 1, 1),
        (Side::Server, "354", When::Before, false, 1, 1),
        (Side::Client, ".", When::Before, true, 1, 0),
        (Side::Server, "taken", When::Before, true, 2, 1),
        (Side::Server, "taken", When::After, false, 1, 1),
    ];
    for (side, text, when, in_gap, mails, automatic) in points {
        let point = format!("{side:?} {text} {when:?}");
        for (is_mail, expected) in [(true, *mails), (false, *automatic)] {
            let (sandbox, mailbox, sink) = (Sandbox::new(), Dovecot::shared().mailbox(), SmtpSink::new(Vec::new()));
            let proxy = Proxy::new(sink.port);
            sandbox.support_account(&mailbox, &["--smtp", &proxy.address()]);
            if !is_mail {
                sandbox.run(&["account", "edit", "support", "--auto-reply", "Thanks"]).ok();
            }
            mailbox.append("INBOX", &mail("kim@customer.example", &mailbox.address, "Help").bytes());
            sandbox.run(&["fetch", "--no-send"]).ok();
            if is_mail {
                sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "We are on it."]).ok();
            }
            proxy.set_rule(Some(Rule { side: *side, text, nth: 1, when: *when, deed: Deed::Cut }));
            sandbox.run(&["send"]);
            wait_until(Duration::from_secs(5), || proxy.fired());
            proxy.set_rule(None);
            for row in sandbox.items(&["outbox", "list"]) {
                if row["state"] == "waiting" {
                    sandbox.run(&["outbox", "retry", &row["id"].to_string()]).ok();
                }
            }
            sandbox.run(&["send"]).ok();
            let got = sink.received();
            assert_eq!(got.len(), expected, "{point}, mail of an agent: {is_mail}");
            assert!(got.iter().all(|one| one.message == got[0].message), "{point}: the same Message-ID, byte for byte");
            let state = sandbox.items(&["outbox", "list", "--all"])[0]["state"].clone();
            assert_eq!(state, if is_mail || !in_gap { "sent" } else { "held" }, "{point}");
        }
    }
    promise("R2", &format!("connection cut at {} steps of SMTP: repeated outside the gap", points.len()), "0");
}

#[test]
fn what_exim_puts_off_waits_and_what_it_refuses_is_shown() {
    let (sandbox, _) = answered("kim@tempfail.example", &[]);
    sandbox.run(&["send"]).ok();
    let waiting = sandbox.items(&["outbox", "list"]);
    assert!(
        waiting[0]["state"] == "waiting" && waiting[0]["last_error"].as_str().unwrap().starts_with("451"),
        "{waiting:?}"
    );
    let (sandbox, _) = answered("kim@rejects.example", &[]);
    sandbox.run(&["send"]).exits(1);
    assert_eq!(failures(&sandbox).len(), 1);
    assert_eq!(told(&sandbox, "ana").len(), 1);
    assert_eq!(sandbox.json(&["case", "show", "1"])["invalid_addresses"][0]["address"], "kim@rejects.example");
    Exim::shared().idle();
}

#[test]
fn colleague_gets_no_notice_when_the_address_does_not_exist() {
    let (sandbox, _) = answered("kim@customer.example", &[]);
    let notices = || {
        let all = sandbox.items(&["outbox", "list", "--all"]);
        all.iter().filter(|row| row["kind"] == "notice").count()
    };
    sandbox.run(&["case", "assign", "1", "budi"]).ok();
    assert_eq!(notices(), 1);
    sandbox.sql("INSERT INTO invalid_addresses (address, reason, since) VALUES ('citra@staff.example', '550', 0)");
    sandbox.run(&["case", "assign", "1", "citra"]).ok();
    assert_eq!(notices(), 1);
    assert_eq!(sandbox.items(&["--as", "citra", "notification", "list"]).len(), 1, "the list tells it");
}
