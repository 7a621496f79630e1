//! `db prune`: nothing younger goes, nothing that is still to be done goes, nothing comes back, and others go on meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::Value;

use crate::support::{Desk, Letter, is_on_server, mail};

/// A letter with an attachment that is like no other.
fn with_attachment(from: &str, subject: &str, number: usize, size: usize) -> Letter {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(number as u64 + 1);
    let line = |state: &mut u64| -> String {
        const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let digit = |state: &mut u64| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(DIGITS[(*state >> 58) as usize])
        };
        (0..76).map(|_| digit(state)).collect()
    };
    let lines: Vec<String> = (0..size / 57).map(|_| line(&mut state)).collect();
    let body = format!(
        "--b\r\nContent-Type: text/plain\r\n\r\nText of {subject}\r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\
         Content-Disposition: attachment; filename=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
        lines.join("\r\n")
    );
    mail(from, "support@desk.example", subject).header("Content-Type", "multipart/mixed; boundary=b").body(&body)
}

/// Lets mail and cases be older.
fn age(desk: &Desk, cases: &str) {
    let old = 400 * 86_400;
    let emails = format!("parent_type = 'case' AND parent_id IN (SELECT id FROM cases WHERE number IN ({cases}))");
    desk.query(&format!("UPDATE emails SET received_at = received_at - {old} WHERE {emails}"));
    desk.query(&format!(
        "UPDATE cases SET closed_at = closed_at - {old}, modified_at = modified_at - {old} WHERE number IN ({cases})"
    ));
}

fn numbers(desk: &Desk) -> Vec<i64> {
    let mut numbers: Vec<i64> =
        desk.items("case list --all --limit 0").iter().map(|case| case["number"].as_i64().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

fn pruned(desk: &Desk, args: &str) -> Vec<(String, String, i64)> {
    let rows = desk.items(&format!("--yes {args}"));
    let row = |row: &Value| {
        let account = row["account"]["name"].as_str().unwrap_or("-").to_owned();
        (row["kind"].as_str().unwrap().to_owned(), account, row["count"].as_i64().unwrap())
    };
    rows.iter().map(row).collect()
}

#[test]
fn only_what_is_old_and_done_goes_and_it_does_not_come_back() {
    let desk = Desk::new().piped_account("support", &[]).piped_account("sales", &[]);
    let letters: Vec<Letter> =
        (1..=6).map(|n| desk.letter(&format!("c{n}@customer.example"), &format!("Case {n}"))).collect();
    letters.iter().for_each(|letter| desk.put(letter));
    // 1 closed and old; 2 open and old; 3 closed and young; 4 with a letter that waits; 5 with a draft; 6 undecided mail.
    desk.ok("case reply 4 -m Later --to c4@customer.example --at +9h");
    desk.ok("--as ana case reply 5 -m Draft --to c5@customer.example --draft");
    desk.ok("case close 1 3 4 5 6");
    desk.query("UPDATE emails SET undecided = TRUE WHERE subject = 'Case 6'");
    age(&desk, "1, 2, 4, 5, 6");
    desk.query("UPDATE log_entries SET at = at - 34560000");
    let ledger = desk.query("SELECT count(*) FROM deliveries");
    let dry = pruned(&desk, "--dry-run db prune --older 365d --kind cases");
    assert_eq!(dry, [("cases".to_owned(), "support".to_owned(), 1)]);
    assert_eq!(numbers(&desk), [1, 2, 3, 4, 5, 6], "a dry run removes nothing");
    assert_eq!(pruned(&desk, "db prune --older 365d --kind cases --account sales"), [], "another account");
    assert_eq!(pruned(&desk, "db prune --older 500d --kind cases"), [], "not old enough");
    assert_eq!(pruned(&desk, "db prune --older 365d --kind cases"), dry);
    assert_eq!(numbers(&desk), [2, 3, 4, 5, 6]);
    assert_eq!(desk.query("SELECT count(*) FROM deliveries"), ledger, "the ledger stays");
    desk.ok("db check");
    // It does not come back, and its number is not given again.
    let emails = desk.query("SELECT count(*) FROM emails");
    desk.put(&letters[0]);
    assert_eq!(desk.query("SELECT count(*) FROM emails"), emails);
    desk.put(&desk.letter("new@customer.example", "New"));
    assert_eq!(numbers(&desk), [2, 3, 4, 5, 6, 7]);
    // The words of the case are found no more.
    assert_eq!(desk.items("case list --all \"Case 1\"").len(), 0);
    assert!(desk.items("log list --limit 0").len() > 3);
    let gone = pruned(&desk, "db prune --older 365d --kind log");
    assert!(gone[0].2 > 3, "{gone:?}");
    assert!(desk.items("outbox list").iter().any(|row| row["state"] == "waiting"), "what is to be sent stays");
}

#[test]
fn sources_and_attachments_go_and_the_text_stays_and_is_known_again() {
    let desk = Desk::new().piped_account("support", &[]);
    let (first, second) = (
        with_attachment("c1@customer.example", "One", 1, 40_000),
        with_attachment("c2@customer.example", "Two", 2, 40_000),
    );
    let open = with_attachment("c3@customer.example", "Open", 3, 40_000);
    [&first, &second, &open].iter().for_each(|letter| desk.put(letter));
    desk.ok("case close 1 2");
    age(&desk, "1, 2, 3");
    let id = |subject: &str| desk.items(&["email", "list", "--folder", "all", subject])[0]["id"].to_string();
    let (one, two) = (id("One"), id("Two"));
    assert_eq!(
        pruned(&desk, "db prune --older 365d --kind attachments"),
        [("attachments".to_owned(), "support".to_owned(), 2)]
    );
    let shown = desk.ok(&format!("email show {one}")).stdout;
    assert!(shown.contains("Text of One") && shown.contains("a.pdf"), "{shown}");
    let part = desk.items(&format!("email attachment list {one}"))[0]["part"].to_string().replace('"', "");
    let refused = desk.run(&format!("email attachment cat {one} {part}")).exits(65);
    assert!(refused.stderr.contains("pruned"), "{refused:#?}");
    assert!(
        desk.items("db stats").iter().any(|row| row["table"] == "raw_parts" && row["rows"] == 1),
        "that of the open case"
    );
    assert_eq!(pruned(&desk, "db prune --older 365d --kind attachments"), [], "there is none any more");
    desk.ok("db check");
    pruned(&desk, "db prune --older 365d --kind sources");
    let raw = desk.ok(&format!("email show {} --raw", id("Open"))).stdout;
    assert!(raw.len() > 40_000 && raw.contains("Text of Open"), "mail of an open case stays as it is");
    let shown = desk.ok(&format!("email show {two}")).stdout;
    assert!(shown.contains("Text of Two") && shown.contains("its source was pruned"), "{shown}");
    desk.run(&format!("email show {two} --raw")).exits(65).says("has no source any more");
    let forward = ["email", "forward", &two, "--to", "x@far.example", "-m", "See", "--from", "group"];
    desk.run(&forward[..]).exits(2).says("the attachment a.pdf was pruned and cannot go with it");
    desk.run(&[&forward[..], &["--as-attachment"]].concat()[..]).exits(65).says("has no source any more");
    let sent = desk.json(&[&["--yes"], &forward[..]].concat()[..])["email"].to_string();
    assert_eq!(desk.items(&format!("email attachment list {sent}")).len(), 0, "no empty file goes out");
    desk.ok("case reply 2 -m Answer --quote --to c2@customer.example");
    // The same message again is known.
    let emails = desk.query("SELECT count(*) FROM emails");
    desk.put(&first);
    assert_eq!(desk.query("SELECT count(*) FROM emails"), emails);
    desk.ok("db check");
}

#[test]
fn attachments_that_went_with_their_source_are_told_wherever_they_are_asked_for() {
    let desk = Desk::new().piped_account("support", &[]);
    desk.put(&with_attachment("c1@customer.example", "One", 1, 40_000));
    desk.ok("case close 1");
    age(&desk, "1");
    let id = desk.items("email list --folder all One")[0]["id"].to_string();
    let list = |id: &str| desk.items(&format!("email attachment list {id}"));
    let part = list(&id)[0]["part"].to_string();
    assert_eq!(list(&id)[0]["pruned"], false);
    let dry = desk.ok("--dry-run db prune --older 365d --kind sources");
    assert!(
        dry.stderr.starts_with("dry run, nothing changed") && dry.stderr.contains("the attachments of those"),
        "{dry:#?}"
    );
    pruned(&desk, "db prune --older 365d --kind sources");
    let file = &list(&id)[0];
    assert_eq!((&file["name"], &file["pruned"], &file["size"]), (&"a.pdf".into(), &true.into(), &0.into()), "{file}");
    let line = format!("Attachment {part}: a.pdf (application/pdf, pruned)");
    for shows in [format!("email show {id}"), "case show 1 --full".to_owned()] {
        let shown = desk.ok(shows.as_str()).stdout;
        assert!(shown.contains(&line), "{shows}: {shown}");
    }
    let said = format!("attachment {part}, a.pdf: its bytes were pruned");
    for asks in [
        "attachment save ID",
        "attachment save ID PART",
        "attachment save ID --dir -",
        "attachment cat ID PART",
        "open ID",
    ] {
        let line = format!("email {}", asks.replace("ID", &id).replace("PART", &part));
        let refused =
            desk.sandbox.command(&line.split(' ').collect::<Vec<_>>()).env("ESPOMAIL_OPENER", "true").output().unwrap();
        let told = String::from_utf8_lossy(&refused.stderr);
        assert!(refused.status.code() == Some(65) && told.contains(&said), "{line}: {refused:?}");
    }
}

#[test]
fn a_prune_says_before_and_after_what_goes() {
    let desk = Desk::new().piped_account("support", &[]);
    desk.put(&with_attachment("c1@customer.example", "One", 1, 400_000));
    let dry = desk.ok("--dry-run db prune --older 365d --kind cases --kind log");
    assert!(dry.stderr.contains("dry run: nothing of cases, log is older than 365d"), "{dry:#?}");
    assert!(!dry.stderr.contains("removes it"), "{dry:#?}");
    assert_eq!(desk.json("--dry-run db prune --older 365d --kind cases")["dry_run"], true);
    desk.ok("case close 1");
    age(&desk, "1");
    let asked = desk.run("db prune --older 365d --kind cases --account support").exits(2);
    let question = "Remove what is older than 365d for good: cases of support?";
    assert!(asked.stderr.contains(question), "{asked:#?}");
    for kind in ["log", "notifications"] {
        desk.run(format!("--yes db prune --older 30d --kind cases --kind {kind} --account support").as_str())
            .exits(2)
            .says("does not belong to an account");
    }
    let gone = desk.ok("--yes db prune --older 365d --kind cases --compact");
    assert!(is_on_server() || gone.stderr.contains("the database gave back"), "{gone:#?}");
}

#[test]
fn trash_goes_if_everybody_has_thrown_it_away_and_the_command_is_careful() {
    let desk = Desk::new().piped_account("support", &[]);
    desk.put(&desk.letter("c1@customer.example", "Case"));
    let refused = desk.run("--yes db prune --older 1h --kind trash").exits(2);
    assert!(refused.stderr.contains("--older: must be at least 1d"), "{refused:#?}");
    let unknown = desk.run("--yes db prune --older 30d --kind rubbish").exits(2);
    assert!(unknown.stderr.contains("trash, cases, attachments, sources, notifications, log"), "{unknown:#?}");
    assert!(desk.run("--yes db prune --older 30d").exits(2).stderr.contains("--kind"));
    let asked = desk.run("db prune --older 30d --kind trash").exits(2);
    assert!(asked.stderr.contains("not confirmed"), "{asked:#?}");
    desk.run("--as ana --yes db prune --older 30d --kind trash").exits(77);
    desk.run("--yes db prune --older 30d --kind trash --account nosuch").exits(65);
    // A mail of no case that ana and budi have.
    desk.query("UPDATE emails SET parent_type = NULL, parent_id = NULL, received_at = received_at - 8640000");
    desk.query("INSERT INTO email_users (email_id, user_id, trash) SELECT e.id, u.id, TRUE FROM emails e, users u");
    desk.query("UPDATE email_users SET trash = FALSE WHERE user_id = (SELECT id FROM users WHERE username = 'budi')");
    assert_eq!(pruned(&desk, "db prune --older 30d --kind trash"), []);
    desk.query("UPDATE email_users SET trash = TRUE");
    assert_eq!(pruned(&desk, "db prune --older 300d --kind trash"), []);
    assert_eq!(pruned(&desk, "db prune --older 30d --kind trash"), [("trash".to_owned(), "support".to_owned(), 1)]);
    assert!(!desk.items("db stats").iter().any(|row| row["table"] == "emails" && row["rows"] != 0));
}

#[test]
fn readers_and_writers_go_on_while_much_is_pruned_and_the_file_becomes_smaller() {
    const MAILS: usize = 1_200;
    let desk = Desk::new().piped_account("support", &[]);
    let letters: Vec<u8> = (0..MAILS)
        .flat_map(|n| {
            let letter = with_attachment(&format!("c{n}@customer.example"), &format!("Mail {n}"), n, 30_000).bytes();
            [b"From x Thu Jan  1 00:00:00 2026\n".to_vec(), letter, b"\n\n".to_vec()].concat()
        })
        .collect();
    let file = desk.sandbox.file("old.mbox", &letters);
    desk.ok(&["import", "mbox", &file.display().to_string(), "--account", "support"]);
    desk.query("UPDATE emails SET received_at = received_at - 86400000");
    for n in 0..3 {
        desk.put(&desk.letter(&format!("new{n}@customer.example"), &format!("New {n}")));
    }
    let size = || desk.json("db stats")["size"].as_i64().unwrap();
    let before = size();
    let time = |args: &[&str]| {
        let mut command = desk.sandbox.command(args);
        let begun = Instant::now();
        assert!(command.stdout(std::process::Stdio::null()).status().unwrap().success());
        begun.elapsed()
    };
    let read = || time(&["case", "show", "1"]);
    let write = |n: usize| time(&["case", "tag", "2", &format!("t{n}")]);
    let is_over = AtomicBool::new(false);
    let mut prune = desk.sandbox.command(&["--yes", "db", "prune", "--older", "365d", "--kind", "sources"]);
    let (mut reads, mut writes, begun) = (Vec::new(), Vec::new(), Instant::now());
    std::thread::scope(|scope| {
        let pruning = scope.spawn(|| {
            let output = prune.output().unwrap();
            is_over.store(true, Ordering::Relaxed);
            output
        });
        while !is_over.load(Ordering::Relaxed) {
            reads.push(read());
            writes.push(write(1_000 + writes.len()));
        }
        let output = pruning.join().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && told.contains(&MAILS.to_string()), "{output:?}");
    });
    let whole = begun.elapsed();
    let (read, write) = (reads.iter().max().unwrap(), writes.iter().max().unwrap());
    let told = format!("{} reads, {} writes, at most {read:?} and {write:?} of {whole:?}", reads.len(), writes.len());
    eprintln!("{told}");
    // Who had to wait until it is over would need all that time.
    assert!(*read.max(write) < whole / 2, "{told}");
    if is_on_server() {
        // What a server gives back is its own affair.
        return;
    }
    let after = size();
    assert!(after < before / 2, "{before} -> {after}");
    let on_disk = std::fs::metadata(desk.sandbox.path("espomail.db")).map(|facts| facts.len()).unwrap_or_default();
    assert!(on_disk < u64::try_from(before).unwrap() / 2, "{before} -> {on_disk} on the disk");
}

#[test]
fn a_dry_run_counts_what_goes_once() {
    let desk = Desk::new().piped_account("support", &[]);
    for n in 1..=3 {
        desk.put(&with_attachment(&format!("c{n}@customer.example"), &format!("Case {n}"), n, 40_000));
    }
    desk.ok("case close 1 2 3");
    age(&desk, "1, 2, 3");
    let sizes = |line: &str| -> Vec<(String, i64, i64)> {
        let row = |row: &Value| {
            (row["kind"].as_str().unwrap().to_owned(), row["count"].as_i64().unwrap(), row["size"].as_i64().unwrap())
        };
        desk.items(&format!("--yes {line}")).iter().map(row).collect()
    };
    // The mail of a case goes with it.
    let all = sizes("--dry-run db prune --older 365d --kind cases --kind attachments --kind sources");
    assert_eq!(all.iter().map(|(kind, count, _)| (kind.as_str(), *count)).collect::<Vec<_>>(), [("cases", 3)]);
    let both = "db prune --older 365d --kind attachments --kind sources";
    let dry = sizes(&format!("--dry-run {both}"));
    assert!(dry[1].2 < 5_000, "the sources without the attachments: {dry:?}");
    assert_eq!(sizes(both), dry);
}
