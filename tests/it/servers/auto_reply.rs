//! The automatic reply (B8): exactly one, to the right address, with the right headers; and none for
//! everything that must not be answered.

use jiff::{SignedDuration, Timestamp};

use crate::support::{Dovecot, Exim, Letter, Mailbox, Sandbox, SmtpSink, mail};

fn desk(extra: &[&str]) -> (Sandbox, Mailbox, Mailbox) {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let customer = Dovecot::shared().mailbox_at("customer.example");
    sandbox.support_account(&mailbox, &[&["--auto-reply", "Thanks"], extra].concat());
    (sandbox, mailbox, customer)
}

fn fetch(sandbox: &Sandbox, mailbox: &Mailbox, letter: &Letter) {
    mailbox.append("INBOX", &letter.bytes());
    sandbox.run(&["fetch"]).ok();
}

/// What `explain` says about the automatic reply to the newest received email.
fn decision(sandbox: &Sandbox) -> String {
    let emails = sandbox.items(&["email", "list"]);
    let newest = emails.iter().filter(|e| e["status"] == "Archived").filter_map(|e| e["id"].as_i64()).max().unwrap();
    let decisions = sandbox.items(&["email", "explain", &newest.to_string()]);
    let said = decisions.iter().rev().find(|d| d["step"] == "auto-reply");
    said.map(|d| d["decision"].as_str().unwrap().to_owned()).unwrap_or_default()
}

#[test]
fn one_reply_to_the_reply_to_address_with_all_its_headers() {
    let (sandbox, mailbox, customer) = desk(&["--from-name", "Support Desk", "--reply-to", "answers@espomail.example"]);
    let letter = mail("Kim <kim@nowhere.example>", &mailbox.address, "Grüße aus Köln").reply_to(&customer.address);
    fetch(&sandbox, &mailbox, &letter);
    Exim::shared().idle();
    let replies = customer.arrived(1);
    assert_eq!(replies.len(), 1);
    let reply = &replies[0];
    for (header, value) in [
        ("Subject", "[#1] We have your message"),
        ("Auto-Submitted", "auto-replied"),
        ("X-Auto-Response-Suppress", "All"),
        ("In-Reply-To", letter.value("Message-ID")),
        ("Reply-To", "answers@espomail.example"),
        ("Return-path", "<>"),
    ] {
        assert_eq!(reply.header(header), value, "{header}");
    }
    assert!(reply.header("References").ends_with(letter.value("Message-ID")), "{}", reply.header("References"));
    assert!(reply.header("From").contains("Support Desk") && reply.header("From").contains(&mailbox.address));
    assert!(reply.text().contains("case 1"));
    sandbox.run(&["fetch"]).ok().silent();
    Exim::shared().idle();
    assert_eq!(customer.messages("INBOX").len(), 1, "never a second one");
}

#[test]
fn what_must_not_be_answered_is_not_and_says_why() {
    let (sandbox, mailbox, customer) = desk(&[]);
    sandbox.config("auto_reply_per_hour = 0\nauto_reply_per_day = 0\n");
    let from = format!("Kim <{}>", customer.address);
    let letter = |subject: &str| mail(&from, &mailbox.address, subject);
    let week_ago = Timestamp::now() - SignedDuration::from_hours(7 * 24);
    let rows: Vec<(Letter, &str)> = vec![
        (letter("a").add("Auto-Submitted", "auto-generated; owner=\"x\""), "Auto-Submitted"),
        (letter("b").add("List-Id", "<news.shop.example>"), "List-Id"),
        (letter("c").add("Precedence", "bulk"), "Precedence"),
        (letter("d").add("Return-Path", "<>"), "Return-Path"),
        (letter("e").add("X-Auto-Response-Suppress", "DR, OOF, AutoReply"), "X-Auto-Response-Suppress"),
        (letter("f").header("From", &mailbox.address), "no person, only an own address"),
        (letter("g").reply_to(&mailbox.address), "own"),
        (letter("h").header("From", "noreply@customer.example"), "no-reply"),
        (letter("i").date(week_ago), "older than"),
    ];
    for (letter, words) in rows {
        let subject = letter.value("Subject").to_owned();
        fetch(&sandbox, &mailbox, &letter);
        let said = decision(&sandbox);
        assert!(
            said.starts_with("not sent") && said.to_lowercase().contains(&words.to_lowercase()),
            "{subject}: {said}"
        );
    }
    // Old by INTERNALDATE, no matter what Date says.
    mailbox.append_with("INBOX", &letter("j").bytes(), Some(week_ago), &[]);
    sandbox.run(&["fetch"]).ok();
    assert!(decision(&sandbox).contains("older than"), "{}", decision(&sandbox));
    Exim::shared().idle();
    assert_eq!(customer.messages("INBOX").len(), 0);
    // Not to be answered is not "not a case": only machine mail without a thread is archived.
    let subjects: Vec<String> =
        sandbox.items(&["case", "list"]).iter().map(|case| case["name"].as_str().unwrap().to_owned()).collect();
    assert!(subjects.contains(&"b".to_owned()) && !subjects.contains(&"a".to_owned()), "{subjects:?}");
}

#[test]
fn the_limit_per_hour_holds_over_several_cases() {
    let (sandbox, mailbox, customer) = desk(&[]);
    for n in 1..=3 {
        fetch(&sandbox, &mailbox, &mail(&customer.address, &mailbox.address, &format!("Question {n}")));
    }
    assert!(decision(&sandbox).contains("auto_reply_per_hour"), "{}", decision(&sandbox));
    assert_eq!(sandbox.items(&["case", "list"]).len(), 3);
    Exim::shared().idle();
    assert_eq!(customer.messages("INBOX").len(), 1);
}

#[test]
fn the_breaker_stops_everything_until_it_is_reset() {
    let (sandbox, mailbox, _) = desk(&[]);
    sandbox.config("auto_reply_breaker = 2\n");
    sandbox.run(&["user", "add", "boss", "--type", "admin"]).ok();
    for n in 1..=4 {
        fetch(&sandbox, &mailbox, &mail(&format!("c{n}@rejects.example"), &mailbox.address, "Hi"));
    }
    assert!(decision(&sandbox).contains("breaker"), "{}", decision(&sandbox));
    let status = sandbox.run(&["status"]).ok().stdout;
    assert!(status.contains("account breaker support --reset"), "{status}");
    sandbox.run(&["account", "breaker", "support", "--reset"]).ok();
    assert!(!sandbox.run(&["status"]).ok().stdout.contains("--reset"));
}

#[test]
fn a_contact_form_makes_the_customers_case() {
    let (sandbox, mailbox, customer) = desk(&["--create-contact", "--form-sender", "noreply@shop.example"]);
    let form = mail("Web form <noreply@shop.example>", &mailbox.address, "Contact form")
        .reply_to(&format!("Kim Lee <{}>", customer.address));
    fetch(&sandbox, &mailbox, &form);
    let case = sandbox.json(&["case", "show", "1"]);
    assert_eq!(case["contact"]["name"], "Kim Lee");
    let answer = sandbox.run(&["case", "reply", "1", "-m", "Hello Kim"]).ok();
    assert!(answer.stdout.contains(&customer.address), "{}", answer.stdout);
    assert!(!answer.stdout.contains("noreply"), "{}", answer.stdout);
}

#[test]
fn two_instances_that_answer_each_other_stop_after_one() {
    let (ours, our_box, _) = desk(&[]);
    let (theirs, their_box, _) = desk(&[]);
    // A mail from their address to ours, as if somebody there had written.
    our_box.append("INBOX", &mail(&their_box.address, &our_box.address, "Partnership").bytes());
    for _ in 0..4 {
        ours.run(&["fetch"]).ok();
        Exim::shared().idle();
        theirs.run(&["fetch"]).ok();
        Exim::shared().idle();
    }
    let auto_replies = |mailbox: &Mailbox| {
        mailbox.messages("INBOX").iter().filter(|m| m.header("Auto-Submitted") == "auto-replied").count()
    };
    assert_eq!((auto_replies(&their_box), auto_replies(&our_box)), (1, 0));
    assert_eq!(theirs.items(&["case", "list"]).len(), 0, "machine mail without a thread is archived");
    assert_eq!(theirs.items(&["email", "list"]).len(), 1);
}

#[test]
fn a_reply_in_text_and_html_is_what_the_preview_shows() {
    let (sandbox, mailbox, customer) =
        desk(&["--from-name", "Support Desk", "--distribution", "direct", "--assign-to", "ana"]);
    sandbox.run(&["user", "add", "eva", "--name", "Eva <Lead>"]).ok();
    sandbox.run(&["team", "member", "add", "Support", "eva"]).ok();
    sandbox.run(&["account", "edit", "support", "--assign-to", "eva"]).ok();
    let html = sandbox.file(
        "ack.html",
        b"<p>Dear {{ sender.name }}, {{ user.name }} of {{ account.name }} has {{ email.subject }}</p>",
    );
    let text = sandbox
        .file("ack.txt", b"Dear {{ sender.name }}, {{ user.name }} of {{ account.name }} has {{ email.subject }}");
    let (html, text) = (html.to_str().unwrap(), text.to_str().unwrap());
    sandbox.run(&["template", "edit", "Thanks", "--body", text, "--html", html]).ok();
    let bad = sandbox.file("bad.html", b"<p>{{ customer.name }}</p>");
    let refused = sandbox.run(&["template", "edit", "Thanks", "--html", bad.to_str().unwrap()]).exits(65);
    assert!(refused.stderr.contains("--html: ") && refused.stderr.contains("customer.name"), "{refused:#?}");

    let from = format!("\"Kim <b>\" <{}>", customer.address);
    fetch(&sandbox, &mailbox, &mail(&from, &mailbox.address, "<script>1</script>"));
    Exim::shared().idle();
    let reply = customer.arrived(1).remove(0);
    assert!(reply.header("Content-Type").starts_with("multipart/alternative"), "{}", reply.text());
    let parsed = mail_parser::MessageParser::default().parse(&reply.raw).unwrap();
    let plain = "Dear Kim <b>, Eva <Lead> of Support Desk has <script>1</script>";
    let escaped = "<p>Dear Kim &lt;b&gt;, Eva &lt;Lead&gt; of Support Desk has &lt;script&gt;1&lt;&#x2f;script&gt;</p>";
    assert_eq!(parsed.body_text(0).unwrap().trim_end(), plain);
    assert_eq!(parsed.body_html(0).unwrap().trim_end(), escaped);
    let preview = sandbox.run(&["template", "preview", "Thanks", "--case", "1"]).ok().stdout;
    assert!(preview.starts_with("Subject: [#1] We have your message\n"), "{preview}");
    assert!(preview.contains(plain) && preview.contains(escaped), "{preview}");
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
