//! Mail out of files and into files (B2.12): byte for byte, once, and without consequences unless asked for.

use std::path::Path;

use serde_json::Value;

use crate::support::{Dovecot, Mailbox, Sandbox, mail};

/// Support with a template, its mailbox empty.
fn office() -> (Sandbox, Mailbox) {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &["--auto-reply", "Thanks", "--distribution", "round-robin"]);
    (sandbox, mailbox)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Imported, already there, quarantined, failed.
fn import(sandbox: &Sandbox, args: &[&str], code: i32) -> [i64; 4] {
    let args = [&["--json", "import"], args, &["--account", "support"]].concat();
    let run = sandbox.call(&args).spawn().watch(std::time::Duration::from_secs(300), &mut |_| {}).exits(code);
    let json: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:#?}"));
    ["imported", "already_there", "quarantined", "failed"].map(|field| json[field].as_i64().unwrap())
}

fn count(sandbox: &Sandbox, table: &str) -> i64 {
    let db = rusqlite::Connection::open(sandbox.db()).unwrap();
    db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

/// Case, auto-replies and notices, notifications.
fn consequences(sandbox: &Sandbox) -> [i64; 3] {
    ["cases", "outbox", "notifications"].map(|table| count(sandbox, table))
}

/// An mbox file as another program writes it. What does not end with a line end cannot stand in it.
fn mbox(letters: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for letter in letters {
        file.extend_from_slice(b"From MAILER-DAEMON Mon Jan  5 10:00:00 2015\n");
        for line in letter.split_inclusive(|byte| *byte == b'\n') {
            if line.iter().skip_while(|byte| **byte == b'>').copied().take(5).eq(*b"From ") {
                file.push(b'>');
            }
            file.extend_from_slice(line);
        }
        file.push(b'\n');
    }
    file
}

#[test]
fn history_has_no_consequences_and_comes_once() {
    let (sandbox, mailbox) = office();
    // A closed case, and one that waits for the customer.
    let [closed, pending] = [1, 2].map(|n| mail(&format!("c{n}@customer.example"), &mailbox.address, &format!("Q{n}")));
    mailbox.append("INBOX", &closed.bytes());
    mailbox.append("INBOX", &pending.bytes());
    sandbox.run(&["fetch", "--no-send"]).ok();
    sandbox.run(&["case", "close", "1"]).ok();
    sandbox.run(&["case", "edit", "2", "--status", "Pending"]).ok();
    sandbox.run(&["record", "add", "contact", "Kim", "--email", "kim@old.example"]).ok();
    let cases =
        || sandbox.items(&["--fields", "number,status,assigned_user,waiting_for,waiting_since", "case", "list"]);
    let (before, state) = (consequences(&sandbox), cases());

    let old = jiff::Timestamp::from_second(1_400_000_000).unwrap();
    let answer = |n: usize, of: &str| {
        mail(&format!("c{n}@customer.example"), &mailbox.address, &format!("Re: Q{n}")).in_reply_to(of)
    };
    let letters = [
        mail("kim@old.example", &mailbox.address, "From Kim").cc("ana@staff.example").date(old).bytes(),
        mail("nobody@old.example", &mailbox.address, "From nobody").bytes(),
        answer(1, closed.value("Message-ID")).bytes(),
        answer(2, pending.value("Message-ID")).bytes(),
        mail("nobody@old.example", &mailbox.address, "Undated").without("Date").bytes(),
    ];
    let file = sandbox.file("old.mbox", &mbox(&letters));
    let dry = sandbox.run(&["--dry-run", "import", "mbox", text(&file), "--account", "support"]).ok();
    assert!(dry.stdout.contains("dry run") && dry.stdout.contains("imported 5"), "{dry:?}");
    assert_eq!(import(&sandbox, &["mbox", text(&file)], 0), [5, 0, 0, 0]);
    assert_eq!(consequences(&sandbox), before, "no case, outbox row or notification");
    assert_eq!(cases(), state, "no status, assignee or clock moved");

    let emails = sandbox.items(&["email", "list"]);
    let by_subject = |subject: &str| emails.iter().find(|email| email["subject"] == subject).unwrap();
    assert_eq!(by_subject("Re: Q1")["case"], 1);
    assert_eq!(by_subject("Re: Q2")["case"], 2);
    assert_eq!(by_subject("From Kim")["parent"]["type"], "contact");
    assert!(by_subject("From nobody")["parent"].is_null());
    assert_eq!(by_subject("From Kim")["accounts"], serde_json::json!(["support"]));
    let unread = sandbox.items(&["--as", "ana", "email", "list"]);
    assert_eq!(unread.iter().find(|email| email["subject"] == "From Kim").unwrap()["unread"], false);
    let dates = "emails WHERE received_at IN (1400000000, unixepoch('2015-01-05T10:00:00Z'))";
    assert_eq!(count(&sandbox, dates), 2, "Date, else the From_ line");
    let explained = sandbox.run(&["email", "explain", &by_subject("Re: Q1")["id"].to_string()]).ok().stdout;
    assert!(explained.contains("support by import") && explained.contains("no flow: history"), "{explained}");

    let canon = sandbox.canon();
    assert_eq!(import(&sandbox, &["mbox", text(&file)], 0), [0, 5, 0, 0]);
    assert_eq!(sandbox.canon(), canon, "a second import adds nothing");
    // Another copy of the same email, and mail that was fetched, add nothing either.
    let copy = [b"Received: from elsewhere\r\n".to_vec(), letters[0].clone()].concat();
    let file = sandbox.file("copy.mbox", &mbox(&[copy, closed.bytes()]));
    assert_eq!(import(&sandbox, &["mbox", text(&file), "--as-new"], 0), [0, 2, 0, 0]);
    assert_eq!(sandbox.canon(), canon);
    sandbox.run(&["fetch", "--no-send"]).ok();
    assert_eq!(consequences(&sandbox), before);
}

#[test]
fn as_new_makes_cases_replies_and_notices() {
    let (sandbox, mailbox) = office();
    let letters = [1, 2].map(|n| mail(&format!("c{n}@rejects.example"), &mailbox.address, &format!("Q{n}")).bytes());
    let year_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * 365);
    let old = mail("c3@rejects.example", &mailbox.address, "Q3").date(year_ago).bytes();
    let dir = sandbox.path("mails");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("1.eml"), &letters[0]).unwrap();
    std::fs::write(dir.join("2.EML"), &letters[1]).unwrap();
    std::fs::write(dir.join("3.eml"), &old).unwrap();
    std::fs::write(dir.join("notes.txt"), b"nothing").unwrap();
    assert_eq!(import(&sandbox, &["eml", text(&dir), "--as-new"], 0), [3, 0, 0, 0]);
    let replies = sandbox.items(&["outbox", "list", "--all"]).iter().filter(|r| r["kind"] == "auto-reply").count();
    assert_eq!((count(&sandbox, "cases"), replies), (3, 2), "old mail gets no reply");
    assert_eq!(count(&sandbox, "notifications"), 3);
    let before = consequences(&sandbox);
    assert_eq!(import(&sandbox, &["eml", text(&dir), "--as-new"], 0), [0, 3, 0, 0]);
    let one = sandbox.file("one.eml", &letters[0]);
    assert_eq!(import(&sandbox, &["eml", text(&one)], 0), [0, 1, 0, 0]);
    assert_eq!(consequences(&sandbox), before);
}
