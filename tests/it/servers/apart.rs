//! Where several machines work on one database: an account that one of them cannot fetch.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use crate::support::{Call, Dovecot, Postgres, Sandbox, mail};

/// A command on the machine of this name.
fn on<'a>(sandbox: &'a Sandbox, host: &str, args: &[&str]) -> Call<'a> {
    let state = sandbox.path(host);
    std::fs::create_dir_all(&state).unwrap();
    sandbox.call(&[&["--state", state.to_str().unwrap()], args].concat())
}

/// What a machine remembers of the account.
fn memory(sandbox: &Sandbox, host: &str) -> Option<PathBuf> {
    let all = std::fs::read_dir(sandbox.path(host)).unwrap().map(|entry| entry.unwrap().path());
    all.into_iter().find(|path| path.to_str().unwrap().ends_with(".apart-1"))
}

/// As if all its moments were earlier by this number of minutes.
fn age(sandbox: &Sandbox, host: &str, minutes: i64) {
    let file = memory(sandbox, host).unwrap();
    let text = std::fs::read_link(&file).unwrap().to_str().unwrap().to_owned();
    let part = |part: &str| match part.split_once('=').map(|(key, value)| (key, value.parse::<i64>())) {
        Some((key @ ("since" | "told" | "next"), Ok(second))) => format!("{key}={}", second - minutes * 60),
        _ => part.to_owned(),
    };
    let aged: Vec<String> = text.split(',').map(part).collect();
    std::fs::remove_file(&file).unwrap();
    symlink(aged.join(","), file).unwrap();
}

#[test]
fn cron_hears_once_of_what_one_machine_cannot_fetch_while_another_can() {
    let (sandbox, mailbox) = (Sandbox::on(&Postgres::shared().server), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    // The secret is a variable that each machine has for itself.
    sandbox.env("PW", "pw");
    sandbox.run(&["account", "secret", "support", "--secret", "env:PW"]).ok();
    let fetch = |host: &str, secret: &str| {
        sandbox.env("PW", secret);
        // The other machine has not just fetched it.
        sandbox.sql("UPDATE leases SET done_at = done_at - 60000");
        on(&sandbox, host, &["fetch", "--no-send"]).run()
    };
    let (good, bad) = ("pw", "wrong");
    let line = "account \"support\": this machine cannot fetch it (since ";
    for _ in 0..2 {
        fetch("web1", good).ok().silent();
        fetch("web2", bad).exits(77).silent();
    }
    fetch("web1", good).ok().silent();
    // It lasts for less than alert_min_age, and then not.
    fetch("web2", bad).exits(77).silent();
    age(&sandbox, "web2", 20);
    fetch("web1", good).ok().silent();
    let told = fetch("web2", bad).exits(77);
    assert!(told.stderr.contains(line) && told.stderr.contains("though another one can: "), "{told:#?}");
    assert!(told.stderr.contains("hint: "), "{told:#?}");
    // From then on it leaves the account to the other one, and says so to those who ask.
    mailbox.append("INBOX", &mail("c@c.example", &mailbox.address, "One").bytes());
    fetch("web2", good).exits(77).silent();
    let asked = on(&sandbox, "web2", &["-v", "fetch", "--no-send"]).run().exits(77);
    assert!(asked.stderr.contains("this machine could not fetch it, and leaves it to another one"), "{asked:#?}");
    let failing = "SELECT count(*) || '' FROM accounts WHERE failing_since IS NOT NULL";
    fetch("web1", good).ok().silent();
    assert_eq!(sandbox.query(failing), ["0"]);
    assert_eq!(sandbox.query("SELECT count(*) || '' FROM emails"), ["1"]);
    // Others hear of it.
    let text = "cannot fetch an account that another host fetches (what to do: `espomail doctor` there)";
    fetch("web2", bad).exits(77).silent();
    for command in [&["host", "list"][..], &["status"]] {
        let shown = on(&sandbox, "web1", command).run();
        assert!(shown.stdout.contains(text), "{shown:#?}");
    }
    // It tries again after a while, though the other machine has just fetched it, and repeats itself after six hours only.
    age(&sandbox, "web2", 61);
    fetch("web1", good).ok().silent();
    sandbox.env("PW", bad);
    on(&sandbox, "web2", &["fetch", "--no-send"]).run().exits(77).silent();
    age(&sandbox, "web2", 6 * 60);
    fetch("web1", good).ok();
    let told = fetch("web2", bad).exits(77);
    assert!(told.stderr.contains(line), "{told:#?}");
    age(&sandbox, "web2", 61);
    let back = fetch("web2", good).ok();
    assert!(
        back.stderr.contains("account \"support\": this machine can fetch it again, after failing since "),
        "{back:#?}"
    );
    fetch("web2", good).ok().silent();
    assert!(memory(&sandbox, "web2").is_none());
    let listed = on(&sandbox, "web1", &["host", "list"]).run().ok();
    assert!(!listed.stdout.contains(text), "{listed:#?}");
}

#[test]
fn an_account_that_fails_on_all_machines_is_told_of_the_account_alone() {
    let (sandbox, mailbox) = (Sandbox::on(&Postgres::shared().server), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    sandbox.env("PW", "wrong");
    sandbox.run(&["account", "secret", "support", "--secret", "env:PW"]).ok();
    sandbox.config("alert_after = 4\nalert_min_age = \"1s\"\n");
    let mut told = Vec::new();
    for _ in 0..6 {
        for host in ["web1", "web2"] {
            let run = on(&sandbox, host, &["fetch", "--no-send"]).run().exits(77);
            told.extend(run.stderr.lines().filter(|line| !line.contains("hint: ")).map(str::to_owned));
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
    }
    let [line] = told.as_slice() else { panic!("{told:#?}") };
    assert!(line.contains("account \"support\": the server refused: ") && !line.contains("this machine"), "{line}");
}
