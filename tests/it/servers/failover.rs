//! A standby takes the place of the database server, and lacks what was committed last: nothing is answered twice (B2.14).

use crate::support::{Dovecot, Postgres, Sandbox, SmtpSink, mail};

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
    // A standby is read, and not written.
    sandbox.run(&["status"]).ok();
    let refused = sandbox.run(&["fetch"]);
    assert!(refused.code == 74 && refused.stderr.contains("is a standby or read-only"), "{refused:#?}");
    standby.is_promoted();
    assert_eq!(there("SELECT state FROM outbox"), "waiting", "the standby does not know that it was sent");
    let told = sandbox.run(&["doctor", "--offline"]);
    assert!(told.stdout.contains("another server has taken the place"), "{told:#?}");
    sandbox.run(&["--dry-run", "fetch"]).ok();
    assert_eq!(there("SELECT state FROM outbox"), "waiting", "a dry run changes nothing");

    // By another name of the server this machine is another one, which leaves alone what was fetched a moment ago.
    sandbox.run(&["fetch", "support"]).ok();
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
