//! Several machines work on one database: each mail is fetched and answered once, whichever of them does it, and one that was
//! too slow writes nothing any more. A machine is a state directory here.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::program::metrics;
use crate::support::cutter::{self, Fate, Harm};
use crate::support::{
    Answer, Child, Cutter, Deed, Dovecot, Mailbox, Postgres, Proxy, Rule, Running, Sandbox, Side, SmtpSink, Step, When,
    clock, is_on_server, mail, wait_until,
};

/// Everything in a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let all = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    all.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// A desk on a server with as many accounts, whose mailboxes hold this number of mails each.
fn desk(accounts: usize, mails: usize) -> (Sandbox, Vec<Mailbox>) {
    let sandbox = Sandbox::on(&Postgres::shared().server);
    let mailboxes: Vec<Mailbox> = (0..accounts).map(|_| Dovecot::shared().mailbox()).collect();
    for (account, mailbox) in mailboxes.iter().enumerate() {
        let letters = (0..mails).map(|n| {
            let sender = format!("c@c{account}-{n}.example");
            mail(&sender, &mailbox.address, &format!("Question {account}-{n}")).bytes()
        });
        letters.for_each(|letter| {
            mailbox.append("INBOX", &letter);
        });
        match account {
            0 => sandbox.support_account(mailbox, &["--auto-reply", "Thanks"]),
            _ => {
                let name = format!("account{account}");
                sandbox.group_account(
                    &name,
                    mailbox,
                    &["--case-team", "Support", "--create-case", "--auto-reply", "Thanks"],
                );
            }
        }
    }
    (sandbox, mailboxes)
}

/// A command on the machine of this name.
fn on(sandbox: &Sandbox, host: &str, args: &[&str]) -> Running {
    let state = sandbox.path(host);
    std::fs::create_dir_all(&state).unwrap();
    sandbox.call(&[&["--state", state.to_str().unwrap()], args].concat()).spawn()
}

/// The same where the machine really has this name, and where its clock is ahead by as many seconds.
fn on_named(sandbox: &Sandbox, host: &str, ahead: i64, args: &[&str]) -> Running {
    let state = sandbox.path(host);
    std::fs::create_dir_all(&state).unwrap();
    let inner = sandbox.command(&[&["--state", state.to_str().unwrap()], args].concat());
    let mut outer = Command::new("unshare");
    outer
        .args(["-u", "sh", "-c", "hostname \"$0\" && exec \"$@\"", host])
        .arg(inner.get_program())
        .args(inner.get_args());
    outer.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    outer.current_dir(inner.get_current_dir().unwrap());
    if ahead != 0 {
        let now = jiff::Timestamp::now().as_second() + ahead;
        outer.env("LD_PRELOAD", clock()).env("ESPOMAIL_TEST_CLOCK", now.to_string());
    }
    Child::default().spawn(outer, None, format!("{args:?} on {host}"))
}

fn numbers(sandbox: &Sandbox) -> Vec<String> {
    sandbox.query(
        "SELECT 'emails ' || count(*) || ' of ' || count(DISTINCT message_id) FROM emails WHERE status = 'Archived'
            UNION ALL SELECT 'cases ' || count(*) || ' of ' || count(DISTINCT name) FROM cases
            UNION ALL SELECT 'deliveries ' || count(*) || ' of ' || count(DISTINCT account_id || ' ' || uid) FROM deliveries
            UNION ALL SELECT 'replies ' || count(*) || ' of ' || count(DISTINCT case_id) FROM outbox WHERE kind = 'auto-reply'",
    )
}

fn whole(mails: usize) -> Vec<String> {
    ["emails", "cases", "deliveries", "replies"].map(|what| format!("{what} {mails} of {mails}")).to_vec()
}

#[test]
fn machines_that_fetch_at_once_take_each_mail_once() {
    let (sandbox, _mailboxes) = desk(3, 20);
    for _ in 0..2 {
        let runs: Vec<Running> =
            ["web1", "web2", "web1", "web3"].iter().map(|host| on(&sandbox, host, &["fetch", "--no-send"])).collect();
        for run in runs {
            let run = run.wait();
            assert!([0, 75].contains(&run.code), "{run:#?}");
        }
    }
    assert_eq!(numbers(&sandbox), whole(60));
    let numbers_of_cases =
        sandbox.query("SELECT string_agg(number || '', ' ') FROM (SELECT number FROM cases ORDER BY number) AS those");
    let expected: Vec<String> = (1..=60).map(|number: i64| number.to_string()).collect();
    assert_eq!(numbers_of_cases, [expected.join(" ")]);
}

#[test]
fn accounts_that_a_machine_has_not_come_to_yet_are_free_for_others() {
    let (sandbox, _mailboxes) = desk(2, 3);
    let proxy = Proxy::new(Dovecot::shared().imap);
    sandbox.run(&["account", "edit", "support", "--imap", &proxy.address()]).ok();
    sandbox.config("jobs = 1\n");
    let deed = Deed::Hold(Duration::from_secs(8));
    proxy.set_rule(Some(Rule { side: Side::Client, text: "SELECT", nth: 1, when: When::Before, deed }));
    // It begins with the first one, which takes long.
    let slow = on(&sandbox, "web1", &["fetch", "--no-send"]);
    wait_until(Duration::from_secs(30), || proxy.count(Side::Client, "LOGIN") > 0);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(numbers(&sandbox), whole(0));
    on(&sandbox, "web2", &["fetch", "--no-send", "account1"]).wait().ok();
    assert_eq!(numbers(&sandbox), whole(3), "the other account");
    slow.wait().ok();
    assert_eq!(numbers(&sandbox), whole(6));
}

#[test]
fn a_machine_keeps_an_account_while_one_message_takes_longer_than_a_lease() {
    let (sandbox, _mailboxes) = desk(1, 2);
    sandbox.env("ESPOMAIL_LEASE", "1000");
    let proxy = Proxy::new(Dovecot::shared().imap);
    sandbox.run(&["account", "edit", "support", "--imap", &proxy.address()]).ok();
    let deed = Deed::Hold(Duration::from_secs(5));
    proxy.set_rule(Some(Rule { side: Side::Server, text: "BODY[] {", nth: 2, when: When::Before, deed }));
    let slow = on(&sandbox, "web1", &["fetch", "--no-send"]);
    wait_until(Duration::from_secs(30), || proxy.fired());
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        let other = on(&sandbox, "web2", &["-v", "fetch", "--no-send", "support"]).wait().ok();
        assert!(other.stderr.contains("is being fetched by process"), "{other:#?}");
    }
    slow.wait().ok();
    assert_eq!(numbers(&sandbox), whole(2));
    assert_eq!(proxy.count(Side::Client, "LOGIN"), 1, "one machine has fetched");
}

#[test]
fn a_letter_is_sent_once_although_its_server_answers_after_more_than_a_lease() {
    let (sandbox, _mailboxes) = desk(1, 1);
    let late = Answer::Late(Duration::from_secs(3));
    let sink = SmtpSink::new(vec![Step { verb: ".", nth: 0, answer: late }]);
    sandbox.run(&["account", "edit", "support", "--smtp", &sink.address()]).ok();
    on(&sandbox, "web1", &["fetch", "--no-send"]).wait().ok();
    sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "We are on it."]).ok();
    sandbox.sql("UPDATE outbox SET state = 'held' WHERE kind NOT IN ('mail', 'auto-reply')");
    sandbox.env("ESPOMAIL_LEASE", "1000");
    let slow = on(&sandbox, "web1", &["send"]);
    let states = || sandbox.query("SELECT state FROM outbox WHERE kind IN ('mail', 'auto-reply') ORDER BY id");
    wait_until(Duration::from_secs(30), || states().contains(&"in doubt".to_owned()));
    while states() != ["sent", "sent"] {
        on(&sandbox, "web2", &["send"]).wait().ok();
        assert!(!states().contains(&"held".to_owned()), "it was judged before its server had answered");
    }
    slow.wait().ok();
    assert_eq!(sink.received().len(), 2, "each once");
}

/// Another machine has a lease of each account.
fn works_elsewhere(sandbox: &Sandbox, kind: &str) {
    sandbox.sql("INSERT INTO hosts (id, key, name, version, seen_at) VALUES (99, 'k', 'web9', '1', 0)");
    sandbox.sql(&format!(
        "INSERT INTO leases SELECT '{kind}', id, 99, 12, 5, this_moment(), this_moment() + 60000 FROM accounts"
    ));
}

#[test]
fn an_account_that_another_machine_has_is_left_alone_until_its_lease_is_over() {
    let (sandbox, _mailboxes) = desk(1, 2);
    works_elsewhere(&sandbox, "fetch");
    let busy = "support\": is being fetched by process 12 on web9";
    on(&sandbox, "web1", &["fetch", "--no-send"]).wait().ok().silent();
    let told = on(&sandbox, "web1", &["-v", "fetch", "--no-send"]).wait().ok();
    assert!(told.stderr.contains(busy), "{told:#?}");
    // Cron hears nothing of it; a person who names the account does.
    let named = on(&sandbox, "web1", &["fetch", "--no-send", "support"]).wait().ok();
    assert!(named.stderr.contains(busy), "{named:#?}");
    let busy = busy.replace('"', "");
    let refused = on(&sandbox, "web1", &["account", "audit", "support", "--repair"]).wait().exits(75);
    assert!(refused.stderr.contains(&busy) && refused.stderr.contains("look at it on web9"), "{refused:#?}");
    assert_eq!(numbers(&sandbox), whole(0));
    // What it has done a moment ago is left, unless somebody asks.
    sandbox.sql("UPDATE leases SET until = 0, done_at = this_moment()");
    let told = on(&sandbox, "web1", &["-v", "fetch", "--no-send"]).wait().ok();
    assert!(told.stderr.contains("\"support\": was fetched by web9 a moment ago"), "{told:#?}");
    assert_eq!(numbers(&sandbox), whole(0));
    on(&sandbox, "web1", &["fetch", "--no-send", "support"]).wait().ok();
    assert_eq!(numbers(&sandbox), whole(2));
    assert_eq!(sandbox.query("SELECT epoch || ' ' || until FROM leases WHERE kind = 'fetch'"), ["6 0"]);
}

#[test]
fn a_machine_that_was_too_slow_writes_nothing_more_for_what_another_has_taken_over() {
    let (sandbox, _mailboxes) = desk(1, 90);
    // Its mailbox answers late in the middle of the mail, as to a machine that was cut off.
    let proxy = Proxy::new(Dovecot::shared().imap);
    sandbox.run(&["account", "edit", "support", "--imap", &proxy.address()]).ok();
    let deed = Deed::Hold(Duration::from_secs(10));
    proxy.set_rule(Some(Rule { side: Side::Server, text: "BODY[] {", nth: 60, when: When::Before, deed }));
    let slow = on(&sandbox, "web1", &["-v", "fetch", "--no-send"]);
    wait_until(Duration::from_secs(60), || proxy.count(Side::Server, "BODY[] {") > 50);
    // It waits for more, and does nothing in the database.
    std::thread::sleep(Duration::from_secs(2));
    assert!(
        sandbox.query("SELECT count(*) || '' FROM emails")[0].parse::<u32>().unwrap() < 90,
        "it was cut off too late"
    );
    sandbox.sql("UPDATE leases SET until = 0");
    on(&sandbox, "web2", &["fetch", "--no-send"]).wait().ok();
    assert_eq!(numbers(&sandbox), whole(90));
    let wanted = sandbox.canon();
    let slow = slow.wait().exits(75);
    assert!(slow.stderr.contains("\"support\": another host has taken it over"), "{slow:#?}");
    assert_eq!(sandbox.canon(), wanted);
    assert_eq!(numbers(&sandbox), whole(90));
    let failing = sandbox.query("SELECT count(*) || '' FROM accounts WHERE failing_since IS NOT NULL");
    assert_eq!(failing, ["0"], "no account fails because of that");
}

#[test]
fn mail_that_another_machine_sends_is_neither_sent_nor_judged_until_its_lease_is_over() {
    let (sandbox, mailboxes) = desk(1, 1);
    let customer = Dovecot::shared().mailbox();
    mailboxes[0].append("INBOX", &mail(&customer.address, &mailboxes[0].address, "Of one who is there").bytes());
    on(&sandbox, "web1", &["fetch", "--no-send"]).wait().ok();
    // The other machine may be about to hear what became of the first.
    sandbox.sql("UPDATE outbox SET state = 'in doubt' WHERE id = 1");
    works_elsewhere(&sandbox, "send");
    let states = || sandbox.query("SELECT state FROM outbox ORDER BY id");
    on(&sandbox, "web1", &["send"]).wait().ok();
    assert_eq!(states(), ["in doubt", "waiting"]);
    for change in [&["outbox", "cancel", "2"][..], &["outbox", "retry", "1"]] {
        let refused = on(&sandbox, "web1", change).wait().exits(75);
        assert!(refused.stderr.contains("the outbox is being sent by process 12 on web9"), "{refused:#?}");
    }
    assert_eq!(states(), ["in doubt", "waiting"]);
    sandbox.sql("UPDATE leases SET until = 0");
    on(&sandbox, "web1", &["send"]).wait().ok();
    // Nobody knows whether the first has arrived.
    assert_eq!(states(), ["held", "sent"]);
}

#[test]
fn a_letter_is_not_sent_by_a_machine_that_slept_after_it_had_claimed_it() {
    let (sandbox, _mailboxes) = desk(1, 1);
    let sink = SmtpSink::new(Vec::new());
    sandbox.run(&["account", "edit", "support", "--smtp", &sink.address()]).ok();
    on(&sandbox, "web1", &["fetch", "--no-send"]).wait().ok();
    sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "We are on it."]).ok();
    sandbox.sql("UPDATE outbox SET state = 'held' WHERE kind <> 'mail'");
    sandbox.env("ESPOMAIL_LEASE", "1000");
    let (cutter, child) = (Cutter::new(&Postgres::shared().server), Child::default());
    let sleeper = child.clone();
    let sleeps = Harm::with(cutter::Step::CommitOf("in doubt", 1), Fate::Heard, move || sleeper.signal(Signal::STOP));
    cutter.set_harm(Some(sleeps));
    sandbox.connect_through(cutter.host());
    let state = sandbox.path("web1").display().to_string();
    let slow = sandbox.call(&["--state", &state, "send"]).known_to(&child).spawn();
    wait_until(Duration::from_secs(30), || cutter.is_done());
    sandbox.connect_through(&Postgres::shared().socket());
    std::thread::sleep(Duration::from_millis(1_200));
    // Another machine finds out that nobody knows what became of it.
    on(&sandbox, "web2", &["send"]).wait();
    let before = sink.received().len();
    child.signal(Signal::CONT);
    slow.wait().exits(75);
    assert_eq!(sink.received().len(), before, "the sleeper sent it");
}

#[test]
fn a_copy_is_not_kept_by_a_machine_that_slept_after_it_had_looked_for_it() {
    let (sandbox, mailboxes) = desk(1, 1);
    let (sink, imap) = (SmtpSink::new(Vec::new()), Proxy::new(Dovecot::shared().imap));
    sandbox.run(&["account", "edit", "support", "--smtp", &sink.address(), "--store-sent=Copies"]).ok();
    on(&sandbox, "web1", &["fetch", "--no-send"]).wait().ok();
    sandbox.sql("UPDATE outbox SET state = 'held'");
    sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "We are on it."]).ok();
    sandbox.env("ESPOMAIL_LEASE", "1000");
    sandbox.run(&["account", "edit", "support", "--imap", &imap.address()]).ok();
    let deed = Deed::Hold(Duration::from_secs(2));
    imap.set_rule(Some(Rule { side: Side::Server, text: "* SEARCH", nth: 1, when: When::Before, deed }));
    let child = Child::default();
    let state = sandbox.path("web1").display().to_string();
    let slow = sandbox.call(&["--state", &state, "send"]).known_to(&child).spawn();
    wait_until(Duration::from_secs(30), || imap.fired());
    child.signal(Signal::STOP);
    std::thread::sleep(Duration::from_millis(1_200));
    on(&sandbox, "web2", &["send"]).wait().ok();
    assert_eq!(mailboxes[0].messages("Copies").len(), 1);
    std::thread::sleep(Duration::from_secs(1));
    child.signal(Signal::CONT);
    slow.wait();
    assert_eq!(mailboxes[0].messages("Copies").len(), 1, "the sleeper kept it as well");
}

#[test]
fn a_machine_counts_its_own_deaths_by_poison_also_for_an_account_that_another_has_now() {
    let (sandbox, mailboxes) = desk(1, 0);
    sandbox.env("ESPOMAIL_POISON", "1");
    mailboxes[0].append("INBOX", &mail("c@c.example", &mailboxes[0].address, "poison:importing:abort").bytes());
    sandbox.sql("INSERT INTO hosts (id, key, name, version, seen_at) VALUES (99, 'k', 'web9', '1', 0)");
    let told = || sandbox.query("SELECT deaths || ' ' || outcome FROM deliveries");
    for (host, expected) in [("web1", "1 received"), ("web2", "2 received"), ("web1", "3 quarantined")] {
        let died = on(&sandbox, host, &["fetch", "--no-send"]).wait();
        assert!(died.code > 128, "{died:#?}");
        let lock = files(&sandbox.path(host)).into_iter().find(|file| file.ends_with("account-1")).unwrap();
        let left = std::fs::read(&lock).unwrap();
        // Another machine has taken the account over.
        sandbox.sql("UPDATE leases SET host_id = 99, until = this_moment() + 60000");
        on(&sandbox, host, &["fetch", "--no-send"]).wait().ok();
        assert_eq!(told(), [expected], "the death on {host}");
        on(&sandbox, host, &["fetch", "--no-send"]).wait().ok();
        assert_eq!(told(), [expected], "the death on {host} is counted once");
        // The run that counted it was killed before it could clear its lock file.
        std::fs::write(&lock, left).unwrap();
        on(&sandbox, host, &["fetch", "--no-send"]).wait().ok();
        assert_eq!(told(), [expected], "the death on {host} is counted by one of two runs");
        sandbox.sql("UPDATE leases SET until = 0");
    }
    on(&sandbox, "web2", &["fetch", "--no-send"]).wait().ok();
    assert_eq!(told(), ["3 quarantined"]);
    assert_eq!(sandbox.query("SELECT sum(deaths) || '' FROM hosts"), ["3"]);
}

#[test]
fn machines_are_listed_with_what_they_hold_and_compared() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: needs root");
    }
    let (sandbox, _mailboxes) = desk(2, 1);
    let new = sandbox.run(&["--state", sandbox.path("web3").to_str().unwrap(), "doctor", "--offline"]).exits(78);
    assert!(new.stdout.contains("there is no state directory") && !new.stdout.contains(" free "), "{new:#?}");
    on_named(&sandbox, "web1", 0, &["fetch", "--no-send"]).wait().ok();
    let text = |args: &[&str]| sandbox.run(args).stdout;
    let listed = text(&["host", "list"]);
    assert!(listed.contains("web1") && listed.contains("idle") && !listed.contains("differ"), "{listed}");
    sandbox.config("portion = 7\njobs = 2\n");
    on_named(&sandbox, "web2", 3_580, &["fetch", "--no-send", "support"]).wait().ok();
    sandbox.config("");
    sandbox.sql("UPDATE hosts SET seen_at = seen_at - 3600000 WHERE name = 'web1'");
    sandbox.sql("UPDATE leases SET host_id = (SELECT id FROM hosts WHERE name = 'web1'), process = 12, until = this_moment() - 3000000 WHERE account_id = 1");
    let clock = "he clock of web2 is 59 min ahead of that of the database server";
    let differ = "he configurations of web1 and web2 differ: portion (";
    let left =
        "ost web1 was not seen for 60 min and has not given back an account (if it is gone: espomail host forget web1)";
    for command in [&["hosts"][..], &["host", "list"], &["status"], &["check"], &["doctor", "--offline"]] {
        let said = sandbox.run(command);
        let said = said.stdout.clone() + &said.stderr;
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        let hint = if command[0] == "doctor" { left.split(" (").next().unwrap() } else { left };
        let differ = if command[0] == "doctor" { differ.trim_end_matches(" (") } else { differ };
        for expected in [clock, differ, hint] {
            assert!(said.contains(expected), "{command:?}: {expected} in {said}");
        }
    }
    assert_eq!(sandbox.run(&["check"]).code, 1);
    let hosts = sandbox.items(&["host", "list"]);
    assert_eq!((hosts[0]["name"].as_str(), hosts[1]["name"].as_str()), (Some("web1"), Some("web2")));
    assert_eq!((&hosts[0]["leases"][0]["work"], &hosts[0]["leases"][0]["is_over"]), (&"fetch".into(), &true.into()));
    assert!(hosts[1]["clock_ahead_ms"].as_i64().unwrap() > 3_550_000 && hosts[1]["leases"] == serde_json::json!([]));
    assert_ne!(hosts[0]["configuration"], hosts[1]["configuration"]);
    let metrics = metrics::read(&text(&["metrics"]));
    let of = |name: &str, host: &str| metrics::one(&metrics, &format!("host_{name}"), &[("host", host)]);
    assert_eq!((of("leases", "web1"), of("leases_left", "web1"), of("leases_left", "web2")), (0.0, 1.0, 0.0));
    assert!(of("last_seen_timestamp_seconds", "web1") + 3_500.0 < of("last_seen_timestamp_seconds", "web2"));
    assert!((of("clock_ahead_seconds", "web2") - 3_580.0).abs() < 30.0 && of("deaths_total", "web1") == 0.0);
    // One that was seen just now is there.
    let refused = sandbox.run(&["host", "forget", "web2"]).exits(75);
    assert!(refused.stderr.contains("host web2 is not gone: it was seen"), "{refused:#?}");
    sandbox.run(&["host", "forget", "web3"]).exits(65).says("there is no host \"web3\"");
    sandbox.run(&["--dry-run", "host", "forget", "web1"]).ok();
    assert_eq!(sandbox.items(&["host", "list"]).len(), 2);
    sandbox.run(&["host", "forget", "web1"]).ok().says("host web1 is forgotten");
    assert_eq!(sandbox.items(&["host", "list"]).len(), 1);
    // What it had is free, and what it knew is not taken for a lease.
    on_named(&sandbox, "web1", 0, &["fetch", "--no-send", "support"]).wait().ok();
    assert_eq!(sandbox.items(&["host", "list"]).len(), 2);
    let failing = "UPDATE accounts SET failing_since = 1, failed_runs = 3, failure = 'no way' WHERE name = 'support'";
    sandbox.sql(failing);
    assert!(text(&["status"]).split_whitespace().collect::<Vec<_>>().join(" ").contains("no way (on web1)"));
    assert!(text(&["check"]).contains("no way") && text(&["check"]).contains("(on web1)"), "{}", text(&["check"]));
    let doctor = text(&["doctor", "--offline"]).split_whitespace().collect::<Vec<_>>().join(" ");
    let hints = sandbox.run(&["doctor", "--offline"]);
    let hints = (hints.stdout + &hints.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(doctor.contains("no way (on web1)") && hints.contains("on web1: espomail account test support"), "{hints}");
    assert!(text(&["--json", "account", "show", "support"]).contains(r#""host":"web1""#));
    // Of the only machine that is known the name is told on another one, too.
    sandbox.sql("DELETE FROM hosts WHERE name <> 'web1'");
    assert!(text(&["check"]).contains("(on web1)"), "{}", text(&["check"]));
    let own = on_named(&sandbox, "web1", 0, &["check"]).wait();
    assert!(own.stdout.contains("no way") && !own.stdout.contains("(on web1)"), "{own:#?}");
    // Two hours ahead, all accounts seem to be late.
    let ahead = on_named(&sandbox, "web1", 7_200, &["check"]).wait().stdout;
    assert!(ahead.contains("ESPOMAIL CRITICAL - the clock of web1 is "), "{ahead}");
    // Another state directory of the same name.
    sandbox.sql(
        "INSERT INTO hosts (id, key, name, version, seen_at) SELECT 98, 'k', name, version, 5 FROM hosts LIMIT 1;
            UPDATE hosts SET seen_at = this_moment() - 200000",
    );
    let twice = "eb1 is there twice: two machines have this name, or one has named the database in two ways";
    assert!(text(&["host", "list"]).split_whitespace().collect::<Vec<_>>().join(" ").contains(twice));
    sandbox.run(&["host", "forget", "web1"]).ok().says("2 hosts web1 are forgotten");
}

#[test]
fn a_database_file_has_one_machine() {
    let sandbox = Sandbox::new();
    if is_on_server() {
        return eprintln!("skipped: about a database file");
    }
    sandbox.run(&["init"]).ok();
    sandbox.run(&["hosts"]).ok().says("the database is a file: this machine alone works with it");
    sandbox.run(&["hosts", "forget", "web1"]).exits(65).says("the database is a file");
}

#[test]
fn the_configuration_of_the_example_is_right() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/contrib/two-hosts/config.toml");
    Sandbox::new().run(&["--config", example, "config", "check"]).ok();
}
