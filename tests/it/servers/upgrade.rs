//! A database of release 0.1.0 under this one. It is what that release had after `make demo` and a few more commands: nine
//! mails, seven cases, of which one was closed, records, filters, notes, and an answer that waits for its turn.

use std::collections::BTreeMap;
use std::os::unix::fs::OpenOptionsExt;

use crate::support::{Dovecot, Exim, Sandbox, every_row_of_file, mail, no_file};

const OF_0_1_0: &[u8] = include_bytes!("upgrade/espomail-0.1.0.db.zst");

/// One column of a list.
fn column(sandbox: &Sandbox, command: &[&str], name: &str) -> Vec<String> {
    sandbox.items(command).iter().map(|item| item[name].to_string().trim_matches('"').to_owned()).collect()
}

#[test]
fn a_database_of_the_first_release_goes_on_where_it_was() {
    if no_file() {
        return;
    }
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.env("ESPOMAIL_PASSWORD", "pw");
    let before = zstd::decode_all(OF_0_1_0).unwrap();
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(sandbox.db()).unwrap();
    std::io::Write::write_all(&mut file, &before).unwrap();

    // The first command brings it up to date, and keeps what it was.
    assert_eq!(column(&sandbox, &["case", "list", "is:open"], "number"), ["7", "6", "5", "4", "3", "1"]);
    let kept = sandbox.db().with_extension("db.before-schema-5");
    let first = sandbox.path("first.db");
    std::fs::write(&first, &before).unwrap();
    assert!(every_row_of_file(&kept) == every_row_of_file(&first), "{} is what it was", kept.display());
    sandbox.run(&["db", "check"]).ok();
    for (command, name, expected) in [
        (&["case", "list", "is:closed"][..], "number", &["2"][..]),
        (&["case", "list", "session"], "number", &["1"]),
        (&["email", "list", "company:Nordlicht"], "id", &["16", "15", "2", "1"]),
        (&["email", "list", "from:eva", "session"], "id", &["1"]),
        (&["--as", "ana", "case", "list", "assignee:@me"], "number", &["7", "4", "1"]),
        (&["--as", "budi", "notification", "list"], "kind", &["assigned", "assigned"]),
        (&["filter", "list"], "name", &["newsletters", "bills"]),
        (&["template", "list"], "name", &["Bye", "Thanks"]),
        (&["record", "list", "contact"], "name", &["Eva Berg"]),
        (&["outbox", "list"], "state", &["waiting"]),
        (&["report", "volume", "--since", "2026-11-30", "--until", "2026-12-01", "--by", "day"], "opened", &["7"]),
    ] {
        assert_eq!(column(&sandbox, command, name), expected, "{command:?}");
    }
    sandbox.run(&["case", "show", "1"]).ok().says("That did it, thank you!").says("She called as well.");
    sandbox.run(&["email", "explain", "16"]).ok().says("case #1, by our signed id");

    // The same mailbox on another server: each message is there already, and a new one joins its case.
    let servers = [format!("127.0.0.1:{}", Dovecot::shared().imap), format!("127.0.0.1:{}", Exim::shared().smtp)];
    let login = ["--login", &mailbox.user, "--imap", &servers[0], "--smtp", &servers[1], "--tls", "none"];
    sandbox.run(&[&["account", "edit", "support"][..], &login].concat()).ok();
    let customers = Dovecot::shared().mailbox();
    for address in ["eva@nordlicht.example", "maria@correo.example", "*@shop.example"] {
        Exim::shared().route(address, &customers.user);
    }
    let ids: Vec<String> = column(&sandbox, &["email", "list", "status:archived"], "id");
    assert_eq!(ids.len(), 9);
    for id in ids.iter().rev() {
        mailbox.append("INBOX", sandbox.run(&["email", "show", id, "--raw"]).ok().stdout.as_bytes());
    }
    let answer = &sandbox.json(&["email", "show", "15"]);
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    let reply = mail("Eva Berg <eva@nordlicht.example>", "support@shop.example", "Re: [#1] Cannot log in")
        .in_reply_to(&text("message_id"))
        .body("It happened again.");
    mailbox.append("INBOX", &reply.bytes());
    sandbox.run(&["fetch"]).ok();

    let cases: BTreeMap<_, _> = sandbox
        .items(&["case", "list", "--all"])
        .iter()
        .map(|case| {
            let number = case["number"].as_i64().unwrap();
            (number, sandbox.items(&["email", "list", "--case", &number.to_string(), "status:archived"]).len())
        })
        .collect();
    assert_eq!(cases.values().sum::<usize>(), 9, "one of the nine belongs to no case: {cases:?}");
    assert_eq!((cases.len(), cases[&1]), (7, 3), "{cases:?}");
    assert!(column(&sandbox, &["outbox", "list"], "id").is_empty(), "the answer that waited was sent");
    sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "Once more, please."]).ok();
    sandbox.run(&["send"]).ok();
    sandbox.run(&["fetch"]).ok().silent();
    sandbox.run(&["db", "check"]).ok();
}
