//! Mail out of files and into files (B2.12): byte for byte, once, and without consequences unless asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Dice, Dovecot, Mailbox, Sandbox, asked, mail};

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
    sandbox.database().value(&format!("SELECT count(*) FROM {table}")).int()
}

/// Case, auto-replies and notices, notifications.
fn consequences(sandbox: &Sandbox) -> [i64; 3] {
    ["cases", "outbox", "notifications"].map(|table| count(sandbox, table))
}

/// Messages of every kind a mailbox holds.
fn letters(count: u64) -> Vec<Vec<u8>> {
    let mut dice = Dice::new();
    let bodies: [&[u8]; 8] = [
        b"plain text\n",
        b"From the beginning\n\nFrom a@x Tue Nov 24 17:00:00 2026\n>From a@x Tue Nov 24 17:00:00 2026\n>>From b\n",
        "8-bit: \u{e4}\u{f6}\u{fc}\u{20ac}\n".as_bytes(),
        b"latin-1: \xe4\xf6\xfc and \x00 and \xff\n",
        b"\n\n\nmany empty lines\n\n\n",
        b"no line end at the end",
        b"From \r",
        b"",
    ];
    let letter = |n: u64| {
        let mut raw =
            if dice.below(50) == 0 { b"From the_first_line Tue Nov 24 17:00:00 2026\n".to_vec() } else { vec![] };
        let head = format!(
            "From: c{n}@customer.example\nTo: support@desk.example\nSubject: letter {n}\nMessage-ID: <{n}@mua.example>\n"
        );
        raw.extend_from_slice(head.as_bytes());
        if dice.below(3) == 0 {
            raw.extend_from_slice(b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\nContent-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n");
            for _ in 0..dice.below(60) {
                raw.extend_from_slice(&[b"JVBERi0x".repeat(9).as_slice(), b"\n"].concat());
            }
            raw.extend_from_slice(b"--b--\n");
        } else {
            raw.push(b'\n');
        }
        for _ in 0..=dice.below(3) {
            raw.extend_from_slice(bodies[dice.below(8) as usize]);
        }
        if dice.below(2) == 0 {
            raw = raw.iter().flat_map(|byte| if *byte == b'\n' { b"\r\n".to_vec() } else { vec![*byte] }).collect();
        }
        raw
    };
    (0..count).map(letter).collect()
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

/// The ids of all emails.
fn ids(sandbox: &Sandbox) -> Vec<String> {
    sandbox.items(&["email", "list", "--limit", "9999"]).iter().map(|email| email["id"].to_string()).collect()
}

/// What is stored, by Message-ID.
fn stored(sandbox: &Sandbox) -> BTreeMap<u64, Vec<u8>> {
    let ids = ids(sandbox);
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let lines = sandbox.run(&[&["export", "email"], &ids[..], &["--to", "json", "-"]].concat()).ok().stdout;
    let raw = |line: &str| {
        let json: Value = serde_json::from_str(line).unwrap();
        openssl::base64::decode_block(json["raw_base64"].as_str().unwrap()).unwrap()
    };
    lines.lines().map(raw).map(|raw| (number(&raw), raw)).collect()
}

fn number(raw: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(raw);
    text.split("Message-ID: <").nth(1).unwrap().split('@').next().unwrap().parse().unwrap()
}

fn maildir(sandbox: &Sandbox, name: &str, letters: &[Vec<u8>]) -> PathBuf {
    let dir = sandbox.path(name);
    for part in ["cur", "new", "tmp"] {
        std::fs::create_dir_all(dir.join(part)).unwrap();
    }
    for (n, letter) in letters.iter().enumerate() {
        let (part, flags) = if n % 2 == 0 { ("new", "") } else { ("cur", ":2,S") };
        std::fs::write(dir.join(part).join(format!("1500000000.{n}.host{flags}")), letter).unwrap();
    }
    dir
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
    assert_eq!(sandbox.items(&["email", "list", "Undated"]).len(), 1, "it is found by its words");
    assert_eq!(by_subject("From Kim")["accounts"], serde_json::json!(["support"]));
    let unread = sandbox.items(&["--as", "ana", "email", "list"]);
    assert_eq!(unread.iter().find(|email| email["subject"] == "From Kim").unwrap()["unread"], false);
    let dates = "emails WHERE received_at IN (1400000000, 1420452000)"; // 2015-01-05T10:00:00Z
    assert_eq!(count(&sandbox, dates), 2, "Date, else the From_ line");
    let explained = sandbox.run(&["email", "explain", &by_subject("Re: Q1")["id"].to_string()]).ok().stdout;
    assert!(explained.contains("support by import") && explained.contains("no flow: history"), "{explained}");

    assert_eq!(sandbox.items(&["status"])[0]["new_24h"], 2, "history is not new");
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
    assert_eq!(count(&sandbox, "notifications"), 2, "old mail tells nobody of its case");
    let before = consequences(&sandbox);
    assert_eq!(import(&sandbox, &["eml", text(&dir), "--as-new"], 0), [0, 3, 0, 0]);
    let one = sandbox.file("one.eml", &letters[0]);
    assert_eq!(import(&sandbox, &["eml", text(&one)], 0), [0, 1, 0, 0]);
    assert_eq!(consequences(&sandbox), before);
}

#[test]
fn thousands_of_messages_come_back_byte_for_byte() {
    let letters = letters(asked("ESPOMAIL_TEST_LETTERS", 1_000));
    let total = letters.len() as i64;
    let by_number: BTreeMap<u64, Vec<u8>> = letters.iter().map(|raw| (number(raw), raw.clone())).collect();
    let (sandbox, _) = office();
    let dir = maildir(&sandbox, "Maildir", &letters);
    assert_eq!(import(&sandbox, &["maildir", text(&dir)], 0), [total, 0, 0, 0]);
    assert!(stored(&sandbox) == by_number, "a Maildir is stored byte for byte");

    // Into files, and from there elsewhere.
    let ids = ids(&sandbox);
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    for (format, most) in [("mbox", ids.len()), ("maildir", ids.len()), ("eml", 100)] {
        let path = sandbox.path(&format!("out.{format}"));
        let chosen = &ids[..most.min(ids.len())];
        sandbox.run(&[&["export", "email"], chosen, &["--to", format, text(&path)]].concat()).ok();
        let (other, _) = office();
        let count = chosen.len() as i64;
        assert_eq!(import(&other, &[format, text(&path)], 0), [count, 0, 0, 0], "{format}");
        let came = stored(&other);
        assert_eq!(came.len(), chosen.len(), "{format}");
        assert!(came.iter().all(|(number, raw)| by_number[number] == *raw), "{format}");
        if format == "mbox" {
            assert_eq!(import(&other, &[format, text(&path)], 0), [0, count, 0, 0]);
        }
    }

    // As another program writes it: what ends without a line end has one in the file.
    let file = sandbox.file("foreign.mbox", &mbox(&letters));
    let (other, _) = office();
    assert_eq!(import(&other, &["mbox", text(&file)], 0), [total, 0, 0, 0]);
    for (number, raw) in stored(&other) {
        let sent = &by_number[&number];
        let expected = if sent.ends_with(b"\n") { sent.clone() } else { [sent.as_slice(), b"\n"].concat() };
        assert!(raw == expected, "{number}");
    }
}

#[test]
fn an_export_overwrites_nothing_and_holds_what_may_be_read() {
    let (sandbox, mailbox) = office();
    let letters: Vec<Vec<u8>> = ["one", "two"]
        .iter()
        .map(|name| mail(&format!("{name}@customer.example"), &mailbox.address, name).body("From here\n").bytes())
        .collect();
    for letter in &letters {
        mailbox.append("INBOX", letter);
    }
    sandbox.run(&["fetch", "--no-send"]).ok();
    let out = sandbox.path("out.mbox");
    sandbox.run(&["export", "case", "1", "#2", "1", "--to", "mbox", text(&out)]).ok();
    let file = String::from_utf8(std::fs::read(&out).unwrap()).unwrap();
    let emails = sandbox.items(&["email", "list"]);
    let replies = emails.iter().filter(|email| email["status"] != "Archived").count();
    assert_eq!(file.matches("\nMessage-ID: ").count(), 2 + replies, "{file}");
    assert!(file.starts_with("From one@customer.example ") && file.contains("\n>From here\r\n"), "{file}");

    for path in [text(&out), text(&sandbox.path("config.toml")), text(&sandbox.path("home"))] {
        sandbox.run(&["export", "case", "1", "--to", "json", path]).exits(65);
    }
    sandbox.run(&["export", "case", "1", "--to", "eml", text(&out)]).exits(65);
    sandbox.run(&["export", "case", "1", "--to", "eml", text(&sandbox.path(""))]).exits(65);
    sandbox.run(&["export", "case", "1", "--to", "maildir", "-"]).exits(2);
    sandbox.run(&["export", "case", "1", "--to", "pst", "x"]).exits(2);
    sandbox.run(&["export", "case", "1", "--to", "mbox", "missing/x.mbox"]).exits(65);
    assert_eq!(std::fs::read_to_string(&out).unwrap(), file);
    sandbox.run(&["export", "case", "1", "--to", "eml", text(&sandbox.path("home"))]).ok();
    let left: Vec<String> =
        std::fs::read_dir(sandbox.path("")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert!(left.iter().all(|name| !name.ends_with(".partial")), "{left:?}");

    // Standard output holds nothing but the mails.
    assert_eq!(sandbox.run(&["export", "case", "1", "2", "--to", "mbox", "-"]).ok().stdout, file);
    let first = emails.iter().find(|email| email["subject"] == "one").unwrap()["id"].to_string();
    let lines = sandbox.run(&["export", "email", &first, "--to", "json", "-"]).ok().stdout;
    let json: Value = serde_json::from_str(&lines).unwrap();
    let mut shown = sandbox.json(&["email", "show", &first]);
    assert_eq!(openssl::base64::decode_block(json["raw_base64"].as_str().unwrap()).unwrap(), letters[0]);
    for (field, value) in shown.as_object_mut().unwrap().iter().filter(|(field, _)| *field != "schema") {
        assert_eq!(json[field], *value, "{field}");
    }

    // A stranger to the team finds nothing, and makes nothing.
    sandbox.run(&["user", "add", "eve"]).ok();
    let nowhere = sandbox.path("eve.mbox");
    sandbox.run(&["--as", "eve", "export", "case", "1", "--to", "mbox", text(&nowhere)]).exits(65);
    sandbox.run(&["--as", "eve", "export", "email", &first, "--to", "mbox", text(&nowhere)]).exits(65);
    sandbox.run(&["--dry-run", "export", "email", &first, "--to", "mbox", text(&nowhere)]).ok();
    assert!(!nowhere.exists());
    sandbox.run(&["--as", "eve", "import", "mbox", text(&out), "--account", "support"]).exits(77);
}

#[test]
fn what_cannot_be_imported_is_named_or_kept_and_a_killed_import_goes_on() {
    let (sandbox, mailbox) = office();
    let letter = |n: usize| mail(&format!("c{n}@customer.example"), &mailbox.address, &format!("Q{n}"));
    sandbox.run(&["account", "edit", "support", "--max-size", "10KiB"]).ok();
    let large = letter(1).body(&"large\n".repeat(4_000)).bytes();
    let file = sandbox.file("mixed.mbox", &mbox(&[letter(2).bytes(), large.clone(), letter(3).bytes()]));
    let run = sandbox.run(&["import", "mbox", text(&file), "--account", "support"]).exits(1);
    assert!(run.stdout.contains("imported 2, already there 0, quarantined 0, not read 1"), "{run:?}");
    assert!(run.stderr.contains("from byte ") && run.stderr.contains("--max-size"), "{run:?}");
    sandbox.run(&["account", "edit", "support", "--max-size", "1MiB"]).ok();
    assert_eq!(import(&sandbox, &["mbox", text(&file)], 0), [1, 2, 0, 0]);

    sandbox.env("ESPOMAIL_POISON", "1");
    let poisoned = letter(4).body("poison:reading:error").bytes();
    let file = sandbox.file("poisoned.mbox", &mbox(&[poisoned, letter(5).bytes()]));
    assert_eq!(import(&sandbox, &["mbox", text(&file)], 1), [1, 0, 1, 0]);
    assert_eq!(import(&sandbox, &["mbox", text(&file)], 0), [0, 2, 0, 0], "it is in the quarantine already");

    // Killed with everything stored and little imported: the next run of anything goes on, as history.
    let many: Vec<Vec<u8>> = (10..400).map(|n| letter(n).bytes()).collect();
    let file = sandbox.file("many.mbox", &mbox(&many));
    let running = sandbox.call(&["import", "mbox", text(&file), "--account", "support"]).spawn();
    crate::support::wait_until(std::time::Duration::from_secs(20), || count(&sandbox, "deliveries") > 100);
    running.kill();
    drop(running);
    let numbers = import(&sandbox, &["mbox", text(&file)], 0);
    assert!(numbers[0] > 0, "{numbers:?}");
    assert_eq!(count(&sandbox, "emails"), 3 + 1 + 390);
    assert_eq!(consequences(&sandbox), [0, 0, 0]);

    sandbox.run(&["import", "mbox", "nothing.mbox", "--account", "support"]).exits(65);
    sandbox.run(&["import", "mbox", "config.toml", "--account", "nobody"]).exits(65);
    let text_file = sandbox.file("text.txt", b"Dear diary\n");
    sandbox.run(&["import", "mbox", text(&text_file), "--account", "support"]).exits(65);
    sandbox.run(&["import", "maildir", text(&sandbox.path("home")), "--account", "support"]).exits(65);
}

#[test]
fn folders_of_a_maildir_come_when_asked_for() {
    let (sandbox, mailbox) = office();
    let letter = |n: usize| mail(&format!("c{n}@customer.example"), &mailbox.address, &format!("Q{n}")).bytes();
    let dir = maildir(&sandbox, "Maildir", &[letter(1), letter(2)]);
    maildir(&sandbox, "Maildir/.Old.2014", &[letter(3)]);
    assert_eq!(import(&sandbox, &["maildir", text(&dir)], 0), [2, 0, 0, 0]);
    assert_eq!(import(&sandbox, &["maildir", text(&dir), "--recursive"], 0), [1, 2, 0, 0]);
}

#[test]
fn an_exported_object_says_what_is_special_about_an_email() {
    let (sandbox, _) = office();
    for from in ["kim@customer.example", "lee@customer.example"] {
        let letter = mail(from, "support@desk.example", "Twice").message_id("<same@customer.example>");
        sandbox.call(&["ingest", "--account", "support"]).stdin(&letter.bytes()).run().ok();
    }
    let id = sandbox.items(&["email", "list", "from:lee"])[0]["id"].to_string();
    let shown = sandbox.json(&["email", "show", &id]);
    let line = sandbox.run(&["export", "email", &id, "--to", "json", "-"]).ok().stdout;
    let exported: Value = serde_json::from_str(&line).unwrap();
    assert_ne!(shown["flagged"], "", "{shown:#}");
    assert_eq!(exported["flagged"], shown["flagged"]);
}

#[test]
fn a_directory_without_message_files_is_refused() {
    let (sandbox, _) = office();
    let dir = sandbox.path("cur");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("1.host:2,S"), "Subject: x\r\n\r\n").unwrap();
    let refused = sandbox.run(&["import", "eml", text(&dir), "--account", "support"]).exits(65);
    assert!(refused.stderr.contains("no file") && refused.stderr.contains("import maildir"), "{refused:?}");
}
