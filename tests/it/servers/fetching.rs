//! What is fetched, once and completely (B2, B3.4): on a real Dovecot, with cuts where needed.

use jiff::{SignedDuration, Timestamp};

use crate::support::{Deed, Dovecot, Exim, Make, Proxy, Rule, Sandbox, Side, When, mail};

fn subjects(sandbox: &Sandbox) -> Vec<String> {
    let mut all: Vec<String> =
        sandbox.items(&["case", "list"]).iter().map(|case| case["name"].as_str().unwrap().to_owned()).collect();
    all.sort();
    all
}

fn replies(sandbox: &Sandbox) -> usize {
    sandbox.items(&["outbox", "list", "--all"]).iter().filter(|row| row["kind"] == "auto-reply").count()
}

#[test]
fn a_new_uidvalidity_or_a_reset_imports_nothing_twice() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &["--auto-reply", "Thanks"]);
    for n in 1..=3 {
        mailbox.append("INBOX", &mail(&format!("c{n}@rejects.example"), &mailbox.address, &format!("Q{n}")).bytes());
    }
    sandbox.run(&["fetch", "--no-send"]).ok();
    let before = (subjects(&sandbox), replies(&sandbox));
    assert_eq!(before, (vec!["Q1".to_owned(), "Q2".into(), "Q3".into()], 3));

    mailbox.recreate("INBOX");
    sandbox.run(&["fetch", "--no-send"]).ok().silent();
    assert_eq!((subjects(&sandbox), replies(&sandbox)), before);

    sandbox.run(&["--yes", "account", "reset", "support"]).ok();
    sandbox.run(&["fetch", "--no-send"]).ok().silent();
    assert_eq!((subjects(&sandbox), replies(&sandbox)), before);

    // New mail still comes.
    mailbox.append("INBOX", &mail("c4@rejects.example", &mailbox.address, "Q4").bytes());
    sandbox.run(&["fetch", "--no-send"]).ok();
    assert_eq!((subjects(&sandbox).len(), replies(&sandbox)), (4, 4));
}

#[test]
fn mail_deleted_on_the_server_stays_and_a_copy_in_a_second_folder_is_the_same_email() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    mailbox.create("Urgent");
    sandbox.support_account(&mailbox, &["--auto-reply", "Thanks", "--folder", "INBOX", "--folder", "Urgent"]);
    let letter = mail("c1@rejects.example", &mailbox.address, "Twice").bytes();
    let uid = mailbox.append("INBOX", &letter);
    mailbox.append("Urgent", &letter);
    sandbox.run(&["fetch", "--no-send"]).ok();
    mailbox.expunge("INBOX", uid);
    sandbox.run(&["fetch", "--no-send"]).ok().silent();
    assert_eq!((subjects(&sandbox), replies(&sandbox)), (vec!["Twice".to_owned()], 1));
    assert_eq!(sandbox.items(&["email", "list"]).iter().filter(|e| e["status"] == "Archived").count(), 1);
}

#[test]
fn two_group_accounts_addressed_make_one_case_in_either_order() {
    for order in [["support", "sales"], ["sales", "support"]] {
        let (sandbox, support, sales) = (Sandbox::new(), Dovecot::shared().mailbox(), Dovecot::shared().mailbox());
        sandbox.support_account(&support, &["--auto-reply", "Thanks"]);
        sandbox.run(&["team", "add", "Sales"]).ok();
        sandbox.group_account("sales", &sales, &["--create-case", "--case-team", "Sales", "--auto-reply", "Thanks"]);
        let letter = mail("c@rejects.example", &support.address, "Both").cc(&sales.address).bytes();
        support.append("INBOX", &letter);
        sales.append("INBOX", &letter);
        for account in order {
            sandbox.run(&["fetch", "--no-send", account]).ok();
        }
        let cases = sandbox.items(&["case", "list"]);
        assert_eq!(cases.len(), 1, "{order:?}");
        assert_eq!(cases[0]["account"]["name"], "support", "the first in To owns it, {order:?}");
        assert_eq!(replies(&sandbox), 1, "{order:?}");
        let emails = sandbox.items(&["email", "list"]);
        let received = emails.iter().find(|e| e["status"] == "Archived").unwrap();
        assert_eq!(received["accounts"], serde_json::json!(["sales", "support"]), "{order:?}");
    }
}

#[test]
fn a_connection_cut_after_uid_11_resumes_at_13_and_asks_for_12_alone() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let proxy = Proxy::new(Dovecot::shared().imap);
    sandbox.support_account(&mailbox, &["--imap", &proxy.address()]);
    for n in 1..=10 {
        mailbox
            .append("INBOX", &mail(&format!("c{n}@customer.example"), &mailbox.address, &format!("Q{n:02}")).bytes());
    }
    sandbox.run(&["fetch", "--no-send"]).ok();
    for n in 11..=15 {
        mailbox
            .append("INBOX", &mail(&format!("c{n}@customer.example"), &mailbox.address, &format!("Q{n:02}")).bytes());
    }
    proxy.clear();
    // Ten bytes into the body of the second message.
    proxy.set_rule(Some(Rule {
        side: Side::Server,
        text: "BODY[] {",
        nth: 2,
        when: When::Inside(10),
        deed: Deed::Cut,
    }));
    sandbox.run(&["fetch", "--no-send"]).exits(75).silent();
    assert!(proxy.fired());
    assert_eq!(subjects(&sandbox).len(), 11, "what came before the cut is kept");
    proxy.set_rule(None);
    proxy.clear();
    sandbox.run(&["fetch", "--no-send"]).ok();
    assert_eq!(subjects(&sandbox).len(), 15);
    let asked: Vec<String> = proxy.lines(Side::Client).into_iter().filter(|l| l.contains("BODY.PEEK")).collect();
    // The one that was on its way is asked for alone, after the others.
    assert!(asked.len() == 2 && asked[0].contains(" 13:15 ") && asked[1].contains(" 12 "), "{asked:?}");
}

#[test]
fn a_poll_with_nothing_new_says_four_things() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let proxy = Proxy::new(Dovecot::shared().imap);
    sandbox.support_account(&mailbox, &["--imap", &proxy.address()]);
    mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, "Q").bytes());
    sandbox.run(&["fetch", "--no-send"]).ok();
    proxy.clear();
    sandbox.run(&["fetch"]).ok().silent();
    let commands: Vec<String> =
        proxy.lines(Side::Client).iter().filter_map(|line| line.split(' ').nth(1).map(str::to_uppercase)).collect();
    // ID and SELECT go out together: three round trips with the greeting, as LOGOUT waits for no answer. Courier has no ID
    // and does not tell UIDNEXT, so it is asked what is new.
    let asked = if Make::chosen() == Make::Courier { ["LOGIN", "SELECT", "UID"] } else { ["LOGIN", "ID", "SELECT"] };
    assert_eq!(commands, [&asked[..], &["LOGOUT"]].concat());
}

#[test]
fn what_was_there_before_fetch_since_is_left_alone_and_moved_mail_is_new() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let now = Timestamp::now();
    let letter = |n: usize| mail(&format!("c{n}@customer.example"), &mailbox.address, &format!("Q{n}")).bytes();
    mailbox.append_with("INBOX", &letter(1), Some(now - SignedDuration::from_hours(100)), &[]);
    mailbox.append_with("INBOX", &letter(2), Some(now - SignedDuration::from_hours(30)), &[]);
    mailbox.append_with("INBOX", &letter(3), Some(now - SignedDuration::from_hours(1)), &["\\Seen"]);
    let since = (now - SignedDuration::from_hours(29)).to_string();
    sandbox.support_account(&mailbox, &[]);
    sandbox.run(&["account", "edit", "support", "--since", &since]).ok();
    sandbox.run(&["fetch", "--no-send"]).ok();
    assert_eq!(subjects(&sandbox), ["Q3"], "seen or not does not matter, INTERNALDATE does");
    // Old mail that comes into the folder later is new by its UID.
    mailbox.append_with("INBOX", &letter(4), Some(now - SignedDuration::from_hours(500)), &[]);
    sandbox.run(&["fetch", "--no-send"]).ok();
    assert_eq!(subjects(&sandbox), ["Q3", "Q4"]);
}

#[test]
fn after_the_import_the_server_is_told() {
    for (after, seen, inbox, done) in
        [("seen", true, 1, 0), ("keep", false, 1, 0), ("move:Done", false, 0, 1), ("delete", false, 0, 0)]
    {
        let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
        mailbox.create("Done");
        sandbox.support_account(&mailbox, &["--after", after]);
        mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, "Q").bytes());
        sandbox.run(&["fetch", "--no-send"]).ok();
        let there = mailbox.messages("INBOX");
        assert_eq!((there.len(), mailbox.messages("Done").len()), (inbox, done), "{after}");
        if let Some(message) = there.first() {
            assert_eq!(message.flags.iter().any(|f| f == "\\Seen"), seen, "{after}");
        }
        sandbox.run(&["fetch", "--no-send"]).ok().silent();
        assert_eq!(subjects(&sandbox).len(), 1, "{after}");
    }
}

#[test]
fn a_large_message_makes_a_case_with_its_text_and_stays_on_the_server() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &["--after", "delete"]);
    let mut raw = mail("c@customer.example", &mailbox.address, "Big")
        .header("Content-Type", "multipart/mixed; boundary=b")
        .body("--b\nContent-Type: text/plain\n\nThe text of it.\n--b\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename=big.bin\n\n")
        .bytes();
    let line = [b"QUJD".repeat(19).as_slice(), b"\r\n"].concat();
    while raw.len() < 60 << 20 {
        raw.extend_from_slice(&line);
    }
    raw.extend_from_slice(b"--b--\r\n");
    mailbox.append("INBOX", &raw);
    mailbox.append("INBOX", &mail("d@customer.example", &mailbox.address, "Small").bytes());
    sandbox.run(&["fetch", "--no-send"]).ok();
    assert_eq!(subjects(&sandbox), ["Big", "Small"]);
    let number = sandbox.items(&["case", "list"]).iter().find(|c| c["name"] == "Big").unwrap()["number"].to_string();
    let thread = sandbox.items(&["case", "thread", &number]);
    assert!(thread[0]["text"].as_str().unwrap().contains("The text of it."), "{thread:?}");
    assert_eq!(mailbox.messages("INBOX").len(), 1, "what was not fetched whole is never deleted");
    let explained = sandbox.run(&["email", "explain", &thread[0]["id"].to_string()]).ok().stdout;
    assert!(explained.contains("truncated"), "{explained}");
}

#[test]
fn a_dry_run_shows_what_would_happen_and_changes_nothing() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &["--auto-reply", "Thanks"]);
    mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, "Q").bytes());
    let run = sandbox.run(&["--dry-run", "fetch"]).ok();
    assert!(run.stderr.contains("#1, new"), "{run:?}");
    assert!(subjects(&sandbox).is_empty() && replies(&sandbox) == 0);
    assert!(mailbox.messages("INBOX")[0].flags.iter().all(|f| f != "\\Seen"));
    sandbox.run(&["fetch"]).ok();
    assert_eq!(subjects(&sandbox), ["Q"]);
}

#[test]
fn ingest_takes_a_message_from_an_mta() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &["--auto-reply", "Thanks"]);
    let letter = mail("c@rejects.example", &mailbox.address, "Piped").bytes();
    sandbox.call(&["ingest", "--account", "support"]).stdin(&letter).run().ok().silent();
    sandbox.call(&["ingest", "--account", "support"]).stdin(&letter).run().ok().silent();
    assert_eq!((subjects(&sandbox), replies(&sandbox)), (vec!["Piped".to_owned()], 1));
    sandbox.call(&["ingest", "--account", "nobody"]).stdin(&letter).run().exits(75);
    sandbox.run(&["ingest", "--account", "support"]).exits(65);
}

#[test]
fn tls_implicit_and_starttls_with_every_kind_of_secret() {
    let dovecot = Dovecot::shared();
    let exim = Exim::shared();
    let ca = dovecot.ca().display().to_string();
    let rows = [
        ("implicit", dovecot.imaps, exim.smtps, "env:MAIL_PW"),
        ("starttls", dovecot.imap, exim.smtp, "cmd:printf 'pw\\n'"),
    ];
    for (tls, imap, smtp, secret) in rows {
        let (sandbox, mailbox) = (Sandbox::new(), dovecot.mailbox());
        let customer = dovecot.mailbox_at("customer.example");
        sandbox.env("MAIL_PW", "pw");
        let (imap, smtp) = (format!("localhost:{imap}"), format!("localhost:{smtp}"));
        sandbox.support_account(&mailbox, &["--auto-reply", "Thanks"]);
        sandbox
            .run(&[
                "account",
                "edit",
                "support",
                "--imap",
                &imap,
                "--smtp",
                &smtp,
                "--tls",
                tls,
                "--smtp-tls",
                tls,
                "--ca",
                &ca,
                "--secret",
                secret,
            ])
            .ok();
        sandbox.run(&["account", "test", "support"]).ok();
        mailbox.append("INBOX", &mail(&customer.address, &mailbox.address, "Over TLS").bytes());
        sandbox.run(&["fetch"]).ok().silent();
        exim.idle();
        assert_eq!(customer.arrived(1).len(), 1, "{tls}");
        // What the connections showed is remembered, and told without another one.
        let metrics = sandbox.run(&["metrics"]).ok().stdout;
        for protocol in ["imap", "smtp"] {
            let sample = format!(
                "certificate_end_timestamp_seconds{{account=\"support\",kind=\"group\",protocol=\"{protocol}\"}} "
            );
            let ends = metrics.lines().find_map(|line| line.split_once(&sample)).map(|(_, ends)| ends.parse::<f64>());
            let ends = ends.unwrap_or_else(|| panic!("{tls} {protocol}: {metrics}")).unwrap();
            assert!(ends > Timestamp::now().as_second() as f64, "{ends}");
        }
        // The system does not trust this authority.
        sandbox.run(&["account", "edit", "support", "--ca", ""]).ok();
        sandbox.run(&["account", "test", "support"]).exits(69);
    }
    let (sandbox, mailbox) = (Sandbox::new(), dovecot.mailbox());
    sandbox.support_account(&mailbox, &[]);
    let run = sandbox.call(&["account", "secret", "support", "--secret", "stdin"]).stdin(b"pw\n").run().ok();
    assert!(!run.stdout.contains("pw") && !run.stderr.contains("pw"));
    sandbox.run(&["account", "test", "support"]).ok();
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

/// What glibc reads when the program begins, seen by the command that knows the password: its own environment has it not.
#[test]
fn many_sessions_have_two_heaps_unless_another_number_is_named() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    let script = b"tr '\\0' '\\n' < /proc/$PPID/environ | sed -n s/^MALLOC_ARENA_MAX=//p > arenas; echo pw\n";
    let script = sandbox.file("manager", script);
    sandbox.run(&["account", "edit", "support", "--secret", &format!("cmd:sh {}", script.display())]).ok();
    let arenas = || std::fs::read_to_string(sandbox.path("arenas")).unwrap();
    sandbox.run(&["fetch"]).ok().silent();
    assert_eq!(arenas(), "", "one session is faster as it is");
    for name in ["sales", "billing"] {
        sandbox.group_account(name, &Dovecot::shared().mailbox(), &[]);
    }
    sandbox.run(&["fetch"]).ok().silent();
    assert_eq!(arenas(), "2\n");
    sandbox.run(&["fetch", "--jobs", "2"]).ok().silent();
    assert_eq!(arenas(), "");
    sandbox.env("MALLOC_ARENA_MAX", "7");
    sandbox.run(&["fetch"]).ok().silent();
    assert_eq!(arenas(), "7\n");
}
