//! A standby takes the place of the database server, and lacks what was committed last: nothing is answered twice (B2.14).

use std::path::Path;
use std::time::Duration;

use crate::program::json;
use crate::support::{Cutter, Desk, Dovecot, Postgres, Sandbox, SmtpSink, mail, wait_until};

#[test]
fn a_standby_that_lacks_commits_sends_no_automatic_reply_twice() {
    let (primary, mailbox) = (Postgres::primary(), Dovecot::shared().mailbox());
    let sink = SmtpSink::new(Vec::new());
    let sandbox = Sandbox::on(&primary.server);
    sandbox.support_account(&mailbox, &["--auto-reply", "Thanks", "--smtp", &sink.address()]);
    mailbox.append("INBOX", &mail("c1@c1.example", &mailbox.address, "Before").bytes());
    sandbox.run(&["fetch", "--no-send"]).ok();
    let standby = primary.standby();
    primary.is_followed_by(&standby);
    standby.follows_no_more(&primary);
    sandbox.run(&["send"]).ok();
    assert_eq!(sandbox.query("SELECT state FROM outbox"), ["sent"]);
    assert_eq!(sink.received().len(), 1);
    mailbox.append("INBOX", &mail("c2@c2.example", &mailbox.address, "After").bytes());
    sandbox.run(&["fetch", "--no-send"]).ok();
    assert_eq!(sandbox.query("SELECT max(number) || '' FROM cases"), ["2"]);

    sandbox.connect_through(&standby.socket());
    let database = sandbox.schema().0;
    let schema = sandbox.schema().1;
    let there = |sql: &str| -> String {
        let mut client = standby.superuser(&database);
        client.batch_execute(&format!("SET search_path = {schema}")).unwrap();
        client.query_one(sql, &[]).unwrap().get(0)
    };
    // A standby is read, and not written: crontab hears of that once it lasts.
    sandbox.run(&["status"]).ok();
    for line in [&["fetch"][..], &["send"], &["fetch"]] {
        sandbox.run(line).exits(75).silent();
    }
    for line in [&["-v", "fetch"][..], &["fetch", "support"], &["-v", "send"], &["case", "note", "1", "-m", "Hello"]] {
        let refused = sandbox.run(line).exits(75).says("cannot be written now: the server is a standby, or read-only");
        assert!(refused.stderr.contains("hint: name the primary; or both hosts, as HOST1,HOST2"), "{refused:#?}");
    }
    assert!(sandbox.run(&["check"]).exits(2).stdout.contains("is read-only: mail is neither fetched nor sent"));
    sandbox.config("alert_after = 3\nalert_min_age = \"0s\"\n");
    let told = sandbox.run(&["fetch"]).exits(75).says("the server is a standby");
    assert!(told.stderr.contains(" (since ") && told.stderr.lines().count() == 2, "{told:#?}");
    sandbox.run(&["fetch"]).exits(75).silent();
    standby.is_promoted();
    assert_eq!(there("SELECT state FROM outbox"), "waiting", "the standby does not know that it was sent");
    let told = sandbox.run(&["doctor", "--offline"]);
    assert!(told.stdout.contains("another server has taken the place"), "{told:#?}");
    sandbox.run(&["--dry-run", "fetch"]).ok();
    assert_eq!(there("SELECT state FROM outbox"), "waiting", "a dry run changes nothing");

    // By another name of the server this machine is another one, which leaves alone what was fetched a moment ago.
    sandbox.run(&["fetch", "support"]).ok().says("works again after failing since");
    assert_eq!(there("SELECT string_agg(state, ' ' ORDER BY id) FROM outbox WHERE id = 1"), "held");
    assert!(there("SELECT last_error FROM outbox WHERE id = 1").contains("another database server has taken over"));
    // The second one comes again, with a number that nobody was told, and without an answer.
    assert_eq!(there("SELECT string_agg(number || '', ' ' ORDER BY number) FROM cases"), "1 1001");
    assert_eq!(there("SELECT count(*) || '' FROM outbox"), "1");
    assert_eq!(sink.received().len(), 1, "the customer has one answer");
    for (command, text) in [
        (&["status"][..], "Another database server took over"),
        (&["doctor", "--offline"], "another server took over"),
        (&["outbox", "list"], "held"),
    ] {
        let said = sandbox.run(command).stdout;
        assert!(said.split_whitespace().collect::<Vec<_>>().join(" ").contains(text), "{command:?}: {said}");
    }
    // That was looked after once.
    let held = there("SELECT coalesce(string_agg(next_case || '', ''), '') FROM instance");
    mailbox.append("INBOX", &mail("c3@c3.example", &mailbox.address, "Later").date(jiff::Timestamp::now()).bytes());
    sandbox.run(&["fetch", "support"]).ok();
    assert_eq!(held, "1002");
    assert_eq!(there("SELECT next_case || '' FROM instance"), "1003");
}

/// Names both servers, the standby first.
fn name_both(sandbox: &Sandbox, standby: &Postgres, primary: &Postgres, which: &str) {
    let hosts = [standby, primary].map(|server| server.socket().display().to_string()).join(",");
    sandbox.connect_through(Path::new(&format!("{hosts}&target_session_attrs={which}")));
}

#[test]
fn every_command_finds_the_host_that_can_be_written_also_once_a_standby_has_taken_over() {
    // It ends after all that is on it.
    let standby;
    let primary = Postgres::primary();
    let front = Cutter::new(&primary.server);
    let desk = json::furnished(Desk::within(Sandbox::on(&front.server())));
    standby = primary.standby();
    primary.is_followed_by(&standby);
    name_both(&desk.sandbox, &standby, &primary, "read-write");
    for line in ["case list", "fetch", "send", "status", "doctor --offline", "case note 1 -m Before"] {
        desk.ok(line);
    }
    primary.is_followed_by(&standby);
    primary.ends();
    // Nobody has taken over.
    desk.run("fetch").exits(75).silent();
    desk.run("case list").exits(75).says("cannot be written: it is a standby").says("target_session_attrs=any");
    name_both(&desk.sandbox, &standby, &primary, "any");
    desk.ok("case list");
    let told = desk.run("case note 1 -m Never").exits(75).says("cannot be written now: the server is a standby");
    assert!(told.stderr.contains("hint: leave out target_session_attrs=any"), "{told:#?}");
    name_both(&desk.sandbox, &standby, &primary, "read-write");
    standby.is_promoted();
    front.lead_to(&standby.server);
    json::every_command_works(&desk);
    assert_eq!(desk.query("SELECT count(*) || '' FROM notes WHERE text = 'Before'"), ["1"]);
}

#[test]
fn a_desk_that_stands_still_for_a_synchronous_standby_says_so() {
    let primary = Postgres::primary();
    let sandbox = Sandbox::on(&primary.server);
    sandbox.run(&["init"]).ok();
    let standby = primary.standby();
    primary.is_followed_by(&standby);
    primary.waits_for_standbys();
    sandbox.run(&["team", "add", "First"]).ok();
    standby.ends();
    let slow = sandbox.call(&["team", "add", "Second"]).spawn();
    let words = "no synchronous standby answers the server of ";
    let told = || sandbox.run(&["check"]).stdout.contains(words);
    assert!(!told(), "it has just begun");
    wait_until(Duration::from_secs(60), told);
    let doctor = sandbox.run(&["doctor", "--offline"]);
    assert!(doctor.stdout.contains(words) && doctor.stderr.contains("see FAILOVER"), "{doctor:#?}");
    primary.waits_for_nobody();
    slow.wait().ok();
    assert!(!told());
    assert_eq!(sandbox.query("SELECT string_agg(name, ' ' ORDER BY id) FROM teams"), ["First Second"]);
}
