//! The log of what commands write: every write by a command has its entry, and nothing else has one.

use std::time::Duration;

use crate::support::{Child, Deed, Dovecot, Proxy, Rule, Sandbox, Side, When, is_on_server, mail, wait_until};

/// The newest entry as `command: objects`, and how many there are.
fn newest(sandbox: &Sandbox) -> (String, usize) {
    let all = sandbox.items(&["log", "list", "--limit", "10000"]);
    let objects = all[0]["objects"].as_array().unwrap().iter().map(|object| match object["name"].as_str() {
        Some(name) => format!(" {} {name}", object["type"].as_str().unwrap()),
        None => format!(" {} {}", object["type"].as_str().unwrap(), object["id"]),
    });
    (format!("{}:{}", all[0]["command"].as_str().unwrap(), objects.collect::<String>()), all.len())
}

#[test]
fn every_write_by_a_command_has_one_entry_that_names_what_it_wrote() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    mailbox.append("INBOX", &mail("kim@customer.example", &mailbox.address, "Hello").bytes());
    sandbox.run(&["fetch"]).ok();
    let body = sandbox.file("body.txt", b"text");
    let body = body.to_str().unwrap();
    let csv = sandbox.file("in.csv", b"name,email\nLee,lee@customer.example\n");
    let mbox = sandbox.file("old.mbox", b"From x\nFrom: a@x.example\nSubject: old\n\ntext\n\n");
    let backup = sandbox.path("backup.db");
    let rows: &[(&[&str], &str)] = &[
        (&["team", "add", "Sales"], "team add: role Agent team Sales"),
        (&["role", "add", "Trainee"], "role add: role Trainee"),
        (&["role", "grant", "Trainee", "case", "own"], "role grant: role Trainee"),
        (&["role", "assign", "Trainee", "ana"], "role assign: role Trainee user ana"),
        (&["role", "unassign", "Trainee", "ana"], "role unassign: role Trainee user ana"),
        (&["role", "delete", "Trainee"], "role delete: role Trainee"),
        (&["team", "edit", "Sales", "--name", "Shop"], "team edit: team Shop"),
        (&["team", "member", "add", "Shop", "ana"], "team member add: team Shop user ana"),
        (&["team", "member", "remove", "Shop", "ana"], "team member remove: team Shop user ana"),
        (&["user", "add", "dewi"], "user add: user dewi"),
        (&["user", "edit", "dewi", "--name", "Dewi"], "user edit: user dewi"),
        (&["user", "away", "dewi"], "user away: user dewi"),
        (&["user", "disable", "dewi"], "user disable: user dewi"),
        (&["user", "add", "boss", "--type", "admin"], "user add: user boss"),
        (&["template", "add", "T", "--subject", "s", "--body", body], "template add: template T"),
        (&["template", "delete", "T"], "template delete: template T"),
        (&["filter", "add", "f", "--scope", "global", "--if", "subject=x", "--do", "skip"], "filter add: filter f"),
        (&["filter", "disable", "f"], "filter disable: filter f"),
        (&["filter", "delete", "f"], "filter delete: filter f"),
        (&["folder", "add", "F", "--group", "Support"], "folder add: folder F"),
        (&["account", "edit", "support", "--from-name", "Desk"], "account edit: account support"),
        (&["account", "disable", "support"], "account disable: account support"),
        (&["account", "enable", "support"], "account enable: account support"),
        (&["account", "reset", "support"], "account reset: account support"),
        (&["account", "breaker", "support", "--reset"], "account breaker: account support"),
        (&["--as", "ana", "case", "take", "1"], "case take: case 1"),
        (&["--as", "ana", "case", "note", "1", "-m", "secret words"], "case note: case 1"),
        (&["case", "follow", "1", "--user", "budi"], "case follow: case 1"),
        (&["case", "edit", "1", "--priority", "High"], "case edit: case 1"),
        (&["case", "create", "--subject", "Two", "--team", "Support"], "case create: case 2"),
        (&["case", "merge", "2", "1"], "case merge: case 1 case 2"),
        (&["case", "close", "1"], "case close: case 1"),
        (&["--as", "ana", "case", "reply", "1", "-m", "Hi"], "case reply: case 1 email 2 outbox 1"),
        (&["outbox", "cancel", "1"], "outbox cancel: case 1 email 2 outbox 1"),
        (&["--as", "ana", "email", "read", "2"], "email read: email 2"),
        (&["--as", "ana", "email", "archive", "2"], "email archive: email 2"),
        (&["email", "move", "1", "F"], "email move: email 1"),
        (&["--as", "ana", "notification", "settings", "--off", "note"], "notification settings: user ana"),
        (&["record", "add", "contact", "Kim", "--email", "kim@customer.example"], "record add: contact 1"),
        (&["--as", "boss", "record", "follow", "contact", "1"], "record follow: contact 1"),
        (&["note", "contact/1", "-m", "x"], "note: contact 1"),
        (&["record", "import", csv.to_str().unwrap(), "contact"], "record import: contact 2"),
        (&["import", "mbox", mbox.to_str().unwrap(), "--account", "support"], "import mbox: account support"),
        (&["record", "erase", "contact", "1"], "record erase: case 1 contact 1 delivery 1 email 1 email 2 outbox 1"),
        (&["db", "backup", backup.to_str().unwrap()], "db backup:"),
    ];
    let (_, mut count) = newest(&sandbox);
    let mut faults = Vec::new();
    for (args, expected) in rows {
        sandbox.run(&[&["--yes"], *args].concat()).ok();
        count += 1;
        let found = newest(&sandbox);
        if found != ((*expected).to_owned(), count) {
            faults.push((args, found, count));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    let all = sandbox.items(&["log", "list", "--limit", "1000"]);
    assert_eq!(all.last().unwrap()["command"], "init");
    assert!(all.iter().all(|entry| entry["outcome"] == "done"), "{all:#?}");
    let said = sandbox.run(&["log", "list", "--limit", "1000"]).ok().stdout;
    for word in ["kim", "Kim", "secret", "Two", "customer.example"] {
        assert!(!said.contains(word), "{word}: {said}");
    }
}

#[test]
fn what_writes_nothing_is_refused_or_comes_by_cron_leaves_no_entry() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    let (_, before) = newest(&sandbox);
    mailbox.append("INBOX", &mail("kim@customer.example", &mailbox.address, "Hello").bytes());
    sandbox.run(&["fetch"]).ok();
    sandbox.run(&["fetch"]).ok();
    sandbox.run(&["send"]).ok();
    sandbox.call(&["ingest", "--account", "support"]).stdin(b"From: a@x.example\n\nx\n").run().ok();
    sandbox.run(&["case", "list", "hello"]).ok();
    sandbox.run(&["--dry-run", "team", "add", "Sales"]).ok();
    sandbox.run(&["--dry-run", "quarantine", "retry", "--all"]).ok();
    sandbox.run(&["quarantine", "retry", "--all"]).ok();
    sandbox.run(&["account", "audit", "support", "--repair"]).ok();
    sandbox.run(&["account", "test", "support"]).ok();
    sandbox.run(&["team", "add", "Support"]).exits(65);
    sandbox.run(&["case", "close", "99"]).exits(65);
    sandbox.run(&["--as", "ana", "notification", "read", "--all"]).ok();
    let log = sandbox.path("own.log");
    for _ in 0..3 {
        sandbox.run(&["--as", "ana", "--log", log.to_str().unwrap(), "team", "add", "Sales"]).exits(77);
        sandbox.run(&["--as", "ana", "log", "list"]).exits(77);
    }
    assert_eq!(newest(&sandbox).1, before);
    let said = std::fs::read_to_string(log).unwrap();
    assert_eq!(said.matches("refused: team add for uid ").count(), 3, "{said}");
}

#[test]
fn log_entry_names_the_user_of_the_command() {
    let sandbox = Sandbox::new();
    sandbox.init();
    let login = String::from_utf8(std::process::Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    let uid = String::from_utf8(std::process::Command::new("id").arg("-u").output().unwrap().stdout).unwrap();
    sandbox.run(&["user", "add", "boss", "--type", "admin", "--login", login.trim()]).ok();
    sandbox.run(&["user", "add", "ana"]).ok();
    sandbox.run(&["team", "add", "Support"]).ok();
    sandbox.run(&["team", "member", "add", "Support", "ana"]).ok();
    sandbox.run(&["--as", "ana", "case", "create", "--subject", "Hi", "--team", "Support"]).ok();
    let machine = std::process::Command::new("hostname").output().unwrap().stdout;
    let machine = is_on_server().then(|| String::from_utf8(machine).unwrap().trim().to_owned());
    let who = |entry: &serde_json::Value| {
        assert_eq!(entry["host"].as_str(), machine.as_deref(), "a file is used on one machine");
        assert_eq!(entry["caller_uid"].to_string(), uid.trim());
        assert_eq!(entry["uid"].to_string(), uid.trim());
        (entry["command"].clone(), entry["user"]["username"].clone(), entry["as"]["username"].clone())
    };
    let all: Vec<_> = sandbox.items(&["log", "list"]).iter().map(who).collect();
    let nobody = serde_json::Value::Null;
    assert_eq!(all[0], ("case create".into(), "boss".into(), "ana".into()));
    assert_eq!(all[1], ("team member add".into(), "boss".into(), nobody.clone()));
    assert_eq!(all[5], ("init".into(), nobody.clone(), nobody));
    assert_eq!(sandbox.items(&["log", "list", "--user", "ana"]).len(), 1);
    assert_eq!(sandbox.items(&["log", "list", "--user", "@me", "--limit", "2"]).len(), 2);
    assert!(sandbox.items(&["log", "list", "--since", "2999-01-01"]).is_empty());
    let ids = sandbox.run(&["-q", "log", "list", "--limit", "2"]).ok().stdout;
    assert_eq!(ids, "6\n5\n");
}

#[test]
fn work_in_many_transactions_shows_how_it_ended_or_that_it_was_killed() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let proxy = Proxy::new(Dovecot::shared().imap);
    sandbox.support_account(&mailbox, &["--imap", &proxy.address()]);
    mailbox.append("INBOX", &mail("kim@customer.example", &mailbox.address, "Hello").bytes());
    let outcome = || sandbox.items(&["log", "list"])[0]["outcome"].as_str().unwrap().to_owned();
    sandbox.run(&["fetch"]).ok();
    sandbox.sql("DELETE FROM deliveries; UPDATE account_folders SET last_uid = 1");
    let deed = Deed::Hold(Duration::from_secs(20));
    proxy.set_rule(Some(Rule { side: Side::Client, text: "BODY.PEEK[]", nth: 1, when: When::Before, deed }));
    let child = Child::default();
    let repair = sandbox.call(&["account", "audit", "support", "--repair"]).known_to(&child).spawn();
    wait_until(Duration::from_secs(10), || proxy.fired());
    child.kill();
    drop(repair);
    assert_eq!(outcome(), "begun");
    proxy.set_rule(None);
    sandbox.run(&["account", "audit", "support", "--repair"]).ok();
    assert_eq!(outcome(), "done");
}
