//! What IMAP servers of other makes do differently: names below `INBOX.`, no MOVE, no UIDPLUS, no SPECIAL-USE, ACL, quota,
//! restarts. With Dovecot in `make test`; `make promises` runs this and the modules around it with Courier and Cyrus, too.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::support::{Dovecot, Mailbox, Make, Proxy, Sandbox, Side, clock, mail, promise, wait_until};

/// An account and its mailbox.
fn office(extra: &[&str]) -> (Sandbox, Mailbox) {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, extra);
    (sandbox, mailbox)
}

fn letter(mailbox: &Mailbox, subject: &str) -> Vec<u8> {
    mail("kim@customer.example", &mailbox.address, subject).bytes()
}

fn count(sandbox: &Sandbox) -> usize {
    sandbox.items(&["email", "list", "--limit", "0"]).len()
}

fn has_flag(mailbox: &Mailbox, subject: &str, flag: &str) -> bool {
    let all = mailbox.messages("INBOX");
    let message = all.iter().find(|message| message.header("Subject") == subject);
    message.unwrap_or_else(|| panic!("{subject} is gone")).flags.iter().any(|own| own == flag)
}

#[test]
fn folders_are_found_by_the_names_that_people_give_them() {
    let (sandbox, mailbox, proxy) = (Sandbox::new(), Dovecot::shared().mailbox(), Proxy::new(Dovecot::shared().imap));
    mailbox.create("D&APY-ne");
    let folders = ["--folder", "INBOX", "--folder", "Döne", "--after", "move:Fertig/Größe"];
    sandbox.support_account(&mailbox, &[&folders[..], &["--imap", &proxy.address()]].concat());
    for (folder, subject) in [("INBOX", "One"), ("D&APY-ne", "Two")] {
        mailbox.append(folder, &letter(&mailbox, subject));
    }
    sandbox.run(&["fetch", "--no-send"]).ok().silent();
    let left = ["INBOX", "D&APY-ne", "Fertig/Gr&APYA3w-e"].map(|folder| mailbox.messages(folder).len());
    assert_eq!((count(&sandbox), left), (2, [0, 0, 2]));
    let has_move = Make::chosen() != Make::Courier;
    for (words, moves) in [("UID MOVE", has_move), ("UID COPY", !has_move), ("UID EXPUNGE", !has_move)] {
        let said = proxy.count(Side::Client, words) > 0;
        assert_eq!(said, moves, "{words}: {:#?}", proxy.lines(Side::Client));
    }
    sandbox.run(&["fetch", "--no-send"]).ok().silent();
    assert_eq!(count(&sandbox), 2);
    let name = Make::chosen().folder("Fertig/Größe");
    sandbox.run(&["account", "folders", "support"]).ok().says(&name);
    // The name that the server lists is as good.
    sandbox.run(&["account", "edit", "support", "--after", &format!("move:{name}")]).ok();
    mailbox.append("INBOX", &letter(&mailbox, "Three"));
    sandbox.run(&["fetch", "--no-send"]).ok().silent();
    assert_eq!(mailbox.messages("Fertig/Gr&APYA3w-e").len(), 3);
    // One that is nowhere is named as it was given.
    sandbox.run(&["account", "edit", "support", "--folder", "Nirgends"]).ok();
    sandbox.run(&["fetch", "--no-send"]).exits(69);
    sandbox.run(&["account", "test", "support"]).exits(69).says("\"Nirgends\"");
}

#[test]
fn the_sent_folder_is_found_by_its_use_else_by_its_name_else_made() {
    let (sandbox, mailbox) = office(&["--store-sent"]);
    mailbox.append("INBOX", &letter(&mailbox, "Help"));
    sandbox.run(&["fetch", "--no-send"]).ok();
    let answer = || {
        sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "We are on it."]).ok();
        sandbox.run(&["send"]).ok().silent();
    };
    answer();
    assert_eq!(mailbox.messages("Sent").len(), 1);
    mailbox.delete("Sent");
    answer();
    assert_eq!(mailbox.messages("Sent").len(), 1, "it is made again");
    if Make::chosen() != Make::Cyrus {
        return eprintln!("skipped: only Cyrus gives a folder its special use here");
    }
    mailbox.delete("Sent");
    mailbox.imap().ok("CREATE INBOX.Gesendet (USE (\\Sent))");
    answer();
    assert_eq!(mailbox.messages("Gesendet").len(), 1);
}

#[test]
fn without_uidplus_nothing_is_expunged() {
    let Some(port) = Dovecot::shared().without_uidplus else {
        return eprintln!("skipped: only Courier can do without UIDPLUS");
    };
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &["--imap", &format!("127.0.0.1:{port}"), "--after", "keep"]);
    let theirs = mailbox.append("INBOX", &letter(&mailbox, "Theirs"));
    sandbox.run(&["fetch", "--no-send"]).ok();
    // Another program has marked it, and may take the mark off again.
    mailbox.store("INBOX", theirs, "+FLAGS (\\Deleted)");
    for (after, subject) in [("delete", "Ours"), ("move:Done", "Ours, too")] {
        sandbox.run(&["account", "edit", "support", "--after", after]).ok();
        mailbox.append("INBOX", &letter(&mailbox, subject));
        sandbox.run(&["fetch", "--no-send"]).ok().silent();
        assert!(has_flag(&mailbox, subject, "\\Deleted"), "{after}");
        assert!(has_flag(&mailbox, "Theirs", "\\Deleted"), "{after}");
    }
    assert_eq!(mailbox.messages("Done").len(), 1);
    sandbox.run(&["fetch", "--no-send"]).ok().silent();
    assert_eq!((count(&sandbox), mailbox.messages("INBOX").len(), mailbox.messages("Done").len()), (3, 3, 1));
    mailbox.store("INBOX", theirs, "-FLAGS (\\Deleted)");
    sandbox.run(&["account", "audit", "support"]).ok();
}

#[test]
fn from_a_folder_that_may_only_be_read_mail_comes_and_what_cannot_be_done_is_said() {
    if Make::chosen() == Make::Dovecot {
        return eprintln!("skipped: this Dovecot has no access lists");
    }
    for (after, words) in [("seen", "mark it as seen"), ("move:Done", "move it to Done"), ("delete", "delete it")] {
        let (sandbox, mailbox) = office(&["--after", after]);
        mailbox.create("Done");
        mailbox.append("INBOX", &letter(&mailbox, "One"));
        mailbox.read_only(true);
        for _ in 0..2 {
            let run = sandbox.run(&["fetch", "--no-send"]).exits(69);
            let status = sandbox.run(&["status"]);
            let said = format!("{}{}{}{}", run.stdout, run.stderr, status.stdout, status.stderr);
            assert!(said.contains(&format!("mail came in, but the server did not {words}")), "{after}: {said}");
            let there = ["INBOX", "Done"].map(|folder| mailbox.messages(folder).len());
            assert_eq!((count(&sandbox), there), (1, [1, 0]), "{after}");
        }
        mailbox.read_only(false);
        sandbox.run(&["fetch", "--no-send"]).ok();
        assert_eq!((count(&sandbox), mailbox.messages("INBOX").len()), (1, usize::from(after == "seen")), "{after}");
    }
}

#[test]
fn a_full_mailbox_stops_no_letter_and_its_copy_waits() {
    if Make::chosen() == Make::Dovecot {
        return eprintln!("skipped: this Dovecot counts no quota");
    }
    let (sandbox, mailbox) = office(&["--store-sent"]);
    let customer = Dovecot::shared().mailbox_at("customer.example");
    mailbox.append("INBOX", &mail(&customer.address, &mailbox.address, "Help").bytes());
    mailbox.limit(20 << 10);
    sandbox.run(&["fetch", "--no-send"]).ok();
    let text = "We are on it, and this is what we know of it so far.\n".repeat(600);
    sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", &text]).ok();
    let run = sandbox.run(&["send"]).exits(69);
    assert!(run.stderr.contains("account \"support\": cannot keep a copy of sent mail: folder"), "{run:#?}");
    assert!(run.stderr.to_lowercase().contains("quota"), "{run:#?}");
    customer.arrived(1);
    let status = sandbox.run(&["status"]).ok().stdout;
    assert!(status.contains("copies of sent mail wait (1): "), "{status}");
    assert_eq!(mailbox.messages("Sent").len(), 0);
    mailbox.limit(10 << 20);
    sandbox.env("LD_PRELOAD", clock().to_str().unwrap());
    let later = Timestamp::now() + SignedDuration::from_mins(2);
    sandbox.env("ESPOMAIL_TEST_CLOCK", &later.as_second().to_string());
    sandbox.run(&["send"]).ok().silent();
    assert_eq!((mailbox.messages("Sent").len(), customer.messages("INBOX").len()), (1, 1));
    assert_eq!(sandbox.json(&["status"])["items"][0]["sent_copies"], 0);
    sandbox.run(&["account", "test", "support"]).ok().says("used (");
}

#[test]
fn a_restart_of_the_server_loses_and_doubles_nothing() {
    let server = Dovecot::own();
    let (sandbox, mailbox, proxy) = (Sandbox::new(), server.mailbox(), Proxy::new(server.imap));
    sandbox.support_account(&mailbox, &["--imap", &proxy.address(), "--after", "move:Done"]);
    let add = |range: std::ops::Range<usize>| {
        for number in range {
            mailbox.append("INBOX", &letter(&mailbox, &format!("Number {number}")));
        }
    };
    add(0..5);
    sandbox.run(&["fetch", "--no-send"]).ok();
    add(5..60);
    let before = proxy.count(Side::Client, "BODY.PEEK");
    let running = sandbox.call(&["fetch", "--no-send"]).spawn();
    wait_until(Duration::from_secs(20), || proxy.count(Side::Client, "BODY.PEEK") > before);
    server.restart();
    let ended = running.wait();
    assert!(matches!(ended.code, 0 | 69 | 75), "{ended:#?}");
    add(60..65);
    sandbox.run(&["fetch", "--no-send"]).ok();
    sandbox.run(&["fetch", "--no-send"]).ok().silent();
    assert_eq!((count(&sandbox), mailbox.messages("INBOX").len(), mailbox.messages("Done").len()), (65, 0, 65));
    sandbox.run(&["account", "audit", "support"]).ok();
    promise("R1", &format!("a restart of {:?} in a fetch: lost or doubled", Make::chosen()), "0");
}
