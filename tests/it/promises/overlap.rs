//! Processes at once (promises R7 and R11): overlapping runs, writers, readers and backups harm nobody.
//! `ESPOMAIL_ROUNDS` makes it longer.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Instant;

use crate::support::{Child, Dovecot, Running, Sandbox, asked, mail, no_file, program, promise};

fn rounds() -> usize {
    asked("ESPOMAIL_ROUNDS", 3)
}

#[test]
fn overlapping_runs_writers_readers_and_backups() {
    if no_file() {
        return;
    }
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &["--distribution", "round-robin"]);
    sandbox.group_account("second", &Dovecot::shared().mailbox(), &[]);
    mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, "Mail 0").bytes());
    sandbox.run(&["fetch"]).ok();
    let mut reading = Vec::new();
    for round in 1..=rounds() {
        for n in 0..4 {
            let sender = format!("c{round}.{n}@customer.example");
            mailbox.append("INBOX", &mail(&sender, &mailbox.address, &format!("Mail {round}.{n}")).bytes());
        }
        let backup = sandbox.path(&format!("backup-{round}.db")).display().to_string();
        let note = format!("Note {round}");
        let mut calls: Vec<Vec<&str>> = vec![vec!["fetch"]; 8];
        calls.extend([
            vec!["case", "note", "1", "-m", &note],
            vec!["user", "away", "citra"],
            vec!["user", "away", "citra", "--back"],
            vec!["case", "list"],
            vec!["status"],
            vec!["email", "list"],
            vec!["db", "backup", &backup],
        ]);
        let running: Vec<Running> = calls.iter().map(|call| sandbox.call(call).spawn()).collect();
        // A reader that comes while all of them work.
        let started = Instant::now();
        sandbox.run(&["case", "list", "--all", "--limit", "0"]).ok();
        reading.push(started.elapsed());
        for process in running {
            process.wait().ok();
        }
        let mut check = Command::new(program());
        check.args(["--db", &backup, "db", "check"]);
        Child::default().spawn(check, None, backup).wait().ok();
    }
    sandbox.run(&["fetch"]).ok().silent();
    let cases = sandbox.items(&["case", "list", "--all", "--limit", "0"]);
    let subjects: BTreeSet<&str> = cases.iter().map(|case| case["name"].as_str().unwrap()).collect();
    let numbers: BTreeSet<i64> = cases.iter().map(|case| case["number"].as_i64().unwrap()).collect();
    let expected = 1 + 4 * rounds();
    assert_eq!((cases.len(), subjects.len(), numbers.len()), (expected, expected, expected));
    let stream = sandbox.json(&["case", "show", "1"])["stream"].as_array().unwrap().clone();
    let notes =
        stream.iter().filter(|note| note["text"].as_str().is_some_and(|text| text.starts_with("Note "))).count();
    assert_eq!(notes, rounds(), "an update was lost");
    sandbox.run(&["db", "check"]).ok();
    reading.sort();
    let p99 = reading[(reading.len() * 99).div_ceil(100) - 1].as_millis();
    let rounds = rounds();
    promise(
        "R7",
        &format!("{rounds} rounds of 15 processes: doubled, lost updates, p99 of a reader"),
        &format!("0, 0, {p99} ms"),
    );
    promise("R11", &format!("{rounds} backups under load: damaged"), "0");
}
