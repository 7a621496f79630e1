//! What monitoring and repair say when something is wrong: `check`, `doctor`, `status`.

use crate::support::{
    Answer, At, Dovecot, Quirk, RogueImap, Run, Sandbox, SmtpSink, Step, is_on_server, mail, program,
};

/// The numbers of `check` after the bar.
fn figures(check: &Run) -> Vec<(String, i64)> {
    let (_, figures) = check.stdout.split_once(" | ").unwrap_or_else(|| panic!("no figures: {check:#?}"));
    let number = |text: &str| text.trim_end_matches('s').split(';').next().unwrap().parse().unwrap();
    figures.split_whitespace().filter_map(|f| f.split_once('=')).map(|(name, n)| (name.to_owned(), number(n))).collect()
}

#[track_caller]
fn says(sandbox: &Sandbox, code: i32, begin: &str) -> Run {
    let check = sandbox.run(&["check"]).exits(code);
    assert!(check.stdout.starts_with(begin) && check.stdout.lines().count() == 1, "{begin}: {check:#?}");
    assert!(figures(&check).iter().all(|(_, n)| *n >= 0), "{check:#?}");
    check
}

#[test]
fn check_is_not_ok_where_nothing_is_fetched() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.init();
    sandbox.run(&["status"]).ok().says("No account yet: espomail account add");
    says(&sandbox, 1, "ESPOMAIL WARNING - there is no account yet: espomail account add | ");
    sandbox.group_account("support", &mailbox, &[]);
    says(&sandbox, 0, "ESPOMAIL OK - 1 account, not fetched yet | ");
    sandbox.run(&["fetch"]).ok();
    says(&sandbox, 0, "ESPOMAIL OK - all accounts are fetched | ");
    sandbox.group_account("sales", &Dovecot::shared().mailbox(), &[]);
    says(&sandbox, 0, "ESPOMAIL OK - 2 accounts, 1 not fetched yet | ");
    sandbox.run(&["account", "disable", "sales"]).ok();
    sandbox.run(&["account", "disable", "support"]).ok();
    says(&sandbox, 1, "ESPOMAIL WARNING - no account is in use: 2 of 2 are disabled");
}

/// What a server lists and does not deliver is mail that never came in.
#[test]
fn messages_that_are_given_up_are_told_until_they_came_or_left_the_server() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    let uids = ["One", "Two", "Three"]
        .map(|subject| mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, subject).bytes()));
    sandbox.run(&["fetch"]).ok();
    let give_up = |uid: u32| {
        sandbox.sql(&format!(
            "UPDATE deliveries SET outcome = 'unfetchable', reason = 'no body', raw_id = NULL, email_id = NULL WHERE uid = {uid}"
        ));
    };
    let next = "(espomail account audit support --repair)";
    give_up(uids[0]);
    let one = "1 message is listed by the server, which does not deliver it";
    says(&sandbox, 1, &format!("ESPOMAIL WARNING - account support: {one} {next} | "));
    give_up(uids[1]);
    let two = "2 messages are listed by the server, which does not deliver them";
    says(&sandbox, 1, &format!("ESPOMAIL WARNING - account support: {two} {next} | "));
    let status = sandbox.run(&["status"]).ok();
    assert!(status.stdout.contains(&format!("support: {two} {next}\n")), "{status:#?}");
    let doctor = sandbox.run(&["doctor", "--offline"]).ok();
    assert!(doctor.stderr.contains("hint: support: espomail account audit support --repair"), "{doctor:#?}");
    mailbox.expunge("INBOX", uids[1]);
    sandbox.run(&["account", "audit", "support"]).exits(1);
    says(&sandbox, 1, "ESPOMAIL WARNING - account support: 2 messages");
    sandbox.run(&["account", "audit", "support", "--repair"]).ok();
    says(&sandbox, 0, "ESPOMAIL OK - all accounts are fetched | ");
    assert_eq!(sandbox.items(&["email", "list"]).len(), 3, "what is there was fetched again");
}

/// Mail came in; what failed is what the server was to do afterwards.
#[test]
fn a_server_that_refuses_to_be_changed_does_not_count_as_not_fetched() {
    let (sandbox, server) = (Sandbox::new(), RogueImap::new(At::Store, Quirk::Say("{tag} NO read-only mailbox\r\n")));
    server.account(&sandbox);
    sandbox.run(&["account", "edit", "rogue", "--after", "seen"]).ok();
    let told = "folder INBOX: mail came in, but the server did not mark it as seen: ";
    let fetched = sandbox.run(&["fetch", "rogue"]);
    assert!(fetched.code != 0 && fetched.stderr.contains(&format!("account \"rogue\": {told}")), "{fetched:#?}");
    let check = says(
        &sandbox,
        1,
        &format!("ESPOMAIL WARNING - account rogue: is fetched, but left as it was on the server: {told}"),
    );
    assert_eq!(check.stdout.matches("read-only mailbox").count(), 1, "{check:#?}");
    assert!(!check.stdout.contains("cannot be fetched"), "{check:#?}");
    server.behave();
    sandbox.run(&["fetch"]).ok();
    says(&sandbox, 0, "ESPOMAIL OK - all accounts are fetched | ");
}

#[test]
fn what_a_server_refused_is_told_once() {
    let (sandbox, server) = (Sandbox::new(), RogueImap::new(At::Select, Quirk::Say("{tag} NO go away\r\n")));
    server.account(&sandbox);
    let fetched = sandbox.run(&["fetch", "rogue"]);
    let check = says(&sandbox, 1, "ESPOMAIL WARNING - account rogue: cannot be fetched: folder \"INBOX\": ");
    for said in [fetched.stderr, check.stdout, sandbox.run(&["status"]).stdout] {
        assert_eq!((said.matches("INBOX").count(), said.matches("go away").count()), (1, 1), "{said}");
    }
}

#[test]
fn a_negative_limit_is_refused_by_the_name_of_its_flag() {
    let sandbox = Sandbox::new();
    sandbox.init();
    for (flag, value, why) in [
        ("--max-age", "-5m", "\"-5m\" is negative"),
        ("--max-outbox-age", "-5m", "\"-5m\" is negative"),
        ("--max-quarantine", "-1", "must be a whole number, 0 or more, not -1"),
    ] {
        let check = sandbox.run(&["check", flag, value]).exits(3);
        let (first, _) = check.stderr.split_once('\n').unwrap();
        assert!(first.contains(flag) && first.contains(why), "{check:#?}");
    }
}

#[test]
fn check_measures_fetching_and_sending_alike() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &["--smtp", "127.0.0.1:1", "--auto-reply", "Thanks"]);
    mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, "Hello").bytes());
    sandbox.run(&["fetch"]).exits(75);
    says(&sandbox, 1, "ESPOMAIL WARNING - account support: cannot send: ");
    let wrong = format!("file:{}", sandbox.file("wrong", b"no\n").display());
    sandbox.run(&["account", "edit", "support", "--secret", &wrong]).ok();
    sandbox.run(&["fetch", "--no-send"]).exits(77);
    let check = says(&sandbox, 1, "ESPOMAIL WARNING - account support: cannot be fetched: ");
    assert!(check.stdout.contains("; account support: cannot send: "), "{check:#?}");
    // One line for each trouble, not for the first alone.
    sandbox.sql("UPDATE deliveries SET outcome = 'missing', attempts = 1, reason = 'the connection ended'");
    let status = sandbox.run(&["--format", "table", "status"]).ok().stdout;
    for part in ["failing since ", "\nsupport: cannot send since ", "\nsupport: folder INBOX, UID 1 "] {
        assert_eq!(status.matches(part).count(), 1, "{part}: {status}");
    }
    let troubles = sandbox.items(&["status"])[0]["troubles"].as_array().unwrap().len();
    assert_eq!(troubles, 3, "{status}");
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    let check = sandbox.run(&["check", "--max-age", "1s"]).exits(2);
    assert!(check.stdout.starts_with("ESPOMAIL CRITICAL - account support: not fetched for "), "{check:#?}");
    assert!(
        check.stdout.contains("account support: cannot send for ") && !check.stdout.contains(" 0 min"),
        "{check:#?}"
    );
}

/// A message at which the connection breaks is named from the first time, and is a warning from the second.
#[test]
fn a_message_that_was_cut_off_is_told_before_it_is_given_up() {
    let (sandbox, server) = (Sandbox::new(), RogueImap::new(At::Body, Quirk::Cut(200)));
    server.account(&sandbox);
    let again = "was cut off, is asked for again: ";
    let fetched = sandbox.run(&["-v", "fetch", "rogue"]);
    assert!(fetched.stderr.contains(again) && fetched.stderr.contains("rogue: folder INBOX, UID "), "{fetched:#?}");
    let status = sandbox.run(&["--format", "table", "status"]).ok().stdout;
    assert_eq!(status.matches(again).count(), 1, "{status}");
    let more = "message was cut off more than once";
    assert!(!sandbox.run(&["check"]).stdout.contains(more));
    // What is new is asked for first.
    let is_told = (0..12).any(|_| {
        sandbox.run(&["fetch", "rogue"]);
        sandbox.run(&["check"]).exits(1).stdout.contains(&format!("account rogue: 1 {more}"))
    });
    let status = sandbox.run(&["--format", "table", "status"]).ok().stdout;
    assert!(is_told && status.contains("was cut off twice, "), "{status}");
    server.behave();
    sandbox.run(&["fetch"]).ok();
    says(&sandbox, 0, "ESPOMAIL OK");
}

#[test]
fn doctor_names_the_configuration_that_is_in_force_and_the_database() {
    let sandbox = Sandbox::new();
    sandbox.init();
    let found = sandbox.run(&["doctor", "--offline"]).ok();
    let config = sandbox.path("config.toml").display().to_string();
    assert!(found.stdout.contains(&format!("{config} is right")), "{found:#?}");
    assert!(is_on_server() || !found.stdout.contains("desk"), "{found:#?}");
    assert!(
        found.stdout.lines().any(|line| line.starts_with("database ") && line.contains("no account")),
        "{found:#?}"
    );
}

/// Nobody takes the administration from themselves where nobody could give it back.
#[test]
fn a_user_with_the_callers_login_does_not_lock_them_out() {
    let sandbox = Sandbox::new();
    sandbox.init();
    let me = sandbox.json(&["whoami"])["login"].as_str().map(str::to_owned).unwrap_or_else(|| "root".to_owned());
    let refused = sandbox.run(&["user", "add", &me]).exits(65);
    let said = format!("user add: you would not be an administrator any more: {me} is your login");
    assert!(refused.stderr.contains(&said) && refused.stderr.contains("--type admin"), "{refused:#?}");
    let admin = sandbox.run(&["user", "add", &me, "--type", "admin"]).ok();
    assert!(!admin.stderr.contains("administrator"), "{admin:#?}");
    for change in [&["user", "edit", &me, "--type", "regular"][..], &["user", "disable", &me]] {
        assert!(sandbox.run(change).exits(65).stderr.contains("you would not be an administrator"), "{change:?}");
    }
    sandbox.run(&["user", "add", "ana", "--type", "admin"]).ok();
    let told = sandbox.run(&["user", "edit", &me, "--type", "regular"]).ok().stderr;
    assert!(told.contains("you are not an administrator any more"), "{told}");
    assert!(told.contains("hint: to go back, ana can type: espomail user edit "), "{told}");
    sandbox.run(&["user", "add", "budi"]).exits(77);
}

#[test]
fn check_knows_refused_letters_and_mail_for_later() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let sink = SmtpSink::new(vec![Step { verb: "RCPT", nth: 1, answer: Answer::Say("550 5.7.1 no") }]);
    sandbox.support_account(&mailbox, &["--smtp", &sink.address()]);
    mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, "Hello").bytes());
    sandbox.run(&["fetch"]).ok();
    sandbox.run(&["case", "reply", "1", "-m", "Later.", "--at", "+9h"]).ok();
    let check = says(&sandbox, 0, "ESPOMAIL OK - all accounts are fetched | ");
    let figures = figures(&check);
    for (name, expected) in [("outbox", 1), ("scheduled", 1), ("oldest", 0), ("refused", 0)] {
        assert!(figures.contains(&(name.to_owned(), expected)), "{name}: {check:#?}");
    }
    sandbox.run(&["case", "reply", "1", "-m", "Now."]).ok();
    sandbox.run(&["send"]);
    says(&sandbox, 1, "ESPOMAIL WARNING - 1 message was refused for good within a day (espomail outbox list) | ");
    let status = sandbox.run(&["status"]).ok();
    assert!(status.stdout.contains("Outbox 1 waiting, 0 uncertain, 1 failed (espomail outbox list)"), "{status:#?}");
    let failed = sandbox.items(&["outbox", "list"]).into_iter().find(|row| row["state"] == "failed").unwrap();
    assert_eq!(failed["attempts"], 1, "it was tried once");
    sandbox.run(&["outbox", "cancel", &failed["id"].to_string()]).ok();
    says(&sandbox, 0, "ESPOMAIL OK - ");
}

/// What waits is counted, whether this run tried it or not, and an error is said once.
#[test]
fn send_says_what_waits_until_when_and_an_error_once() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &["--smtp", "127.0.0.1:1", "--auto-reply", "Thanks"]);
    for n in 0..3 {
        mailbox.append("INBOX", &mail(&format!("c{n}@customer.example"), &mailbox.address, "Hello").bytes());
    }
    sandbox.run(&["fetch"]).exits(75);
    sandbox.run(&["case", "reply", "1", "-m", "Later.", "--at", "+9h"]).ok();
    let sent = sandbox.run(&["-v", "send"]);
    assert!(sent.stderr.contains("sent 0, failed 0, waiting 3; "), "{sent:#?}");
    assert!(
        sent.stderr.contains("\n3 wait until ")
            && sent.stderr.contains("; to let the next run send one: espomail outbox retry ID"),
        "{sent:#?}"
    );
    let rows = sandbox.items(&["outbox", "list"]);
    let ids: Vec<String> =
        rows.iter().filter(|row| row["kind"] == "auto-reply").map(|row| row["id"].to_string()).collect();
    let retry: Vec<&str> = ["outbox", "retry"].into_iter().chain(ids.iter().map(String::as_str)).collect();
    sandbox.run(&retry).ok();
    let sent = sandbox.run(&["-v", "send"]).exits(75);
    assert_eq!(sent.stderr.matches("cannot send").count(), 1, "{sent:#?}");
}

#[test]
fn a_log_that_cannot_be_written_is_told_once() {
    let sandbox = Sandbox::new();
    sandbox.init();
    sandbox.run(&["team", "add", "Support"]).ok();
    let args = ["--log", "/dev/full", "team", "edit", "Support", "--name", "Help"];
    let told = sandbox.run(&args).ok().stderr;
    assert_eq!(told.matches("espomail: --log: cannot write /dev/full: ").count(), 1, "{told}");
}

#[test]
fn a_secret_that_cannot_be_had_is_doubted_when_it_is_set() {
    let sandbox = Sandbox::new();
    sandbox.init();
    let add = ["account", "add", "x", "--address", "x@y.example", "--imap", "127.0.0.1:1", "--tls", "none"];
    let added =
        sandbox.run(&[&add[..], &["--folder", "Nope", "--secret", "cmd:/nonexistent/tool show x"]].concat()).ok();
    let doubt = "account x: --secret: secret cmd:/nonexistent/tool: there is no such program";
    assert!(added.stderr.contains(doubt), "{added:#?}");
    assert!(added.stderr.contains("hint: try it: espomail account test x"), "{added:#?}");
    let edited = sandbox.run(&["account", "edit", "x", "--imap", "127.0.0.1:2"]).ok();
    assert!(
        edited.stderr.contains("hint: try it: espomail account test x") && !edited.stderr.contains(doubt),
        "{edited:#?}"
    );
    assert!(!sandbox.run(&["account", "edit", "x", "--position", "Lead"]).stderr.contains("account test"));
    let changed = sandbox.run(&["account", "secret", "x", "--secret", "cmd:no-such-tool-anywhere"]).ok();
    assert!(
        changed.stderr.contains("secret cmd:no-such-tool-anywhere: there is no such program in PATH"),
        "{changed:#?}"
    );
    let looked = sandbox.run(&["doctor", "--offline"]);
    assert!(looked.stderr.contains("hint: x: espomail account test x"), "{looked:#?}");
    // What a profile of the configuration names and this machine lacks.
    sandbox.config(
        "[oauth.work]\nprovider = \"m365\"\nflow = \"app\"\ntenant = \"example.org\"\nclient_id = \"c\"\n\
         client_secret = \"file:/nonexistent/work.secret\"\n",
    );
    sandbox.run(&["account", "edit", "x", "--oauth", "work"]).ok();
    let looked = sandbox.run(&["doctor", "--offline"]).exits(78);
    let line = looked.stdout.lines().find(|line| line.starts_with("x OAuth")).unwrap();
    assert!(line.contains("fail") && line.contains("/nonexistent/work.secret: there is no such file"), "{looked:#?}");
    let hint = "install -D -m 600 /dev/stdin /nonexistent/work.secret";
    for told in [looked, sandbox.run(&["fetch", "x"]).exits(78)] {
        assert!(told.stderr.contains(hint) && !told.stderr.contains("account secret"), "{told:#?}");
    }
}

#[test]
fn what_keeps_check_from_looking_is_unknown() {
    let sandbox = Sandbox::new();
    sandbox.init();
    for args in [&["check", "--max-age", "-5m"][..], &["check", "--max-age", "soon"], &["check", "--nonsense"]] {
        sandbox.run(args).exits(3);
    }
    sandbox.run(&["check", "--max-age", "366000d"]).exits(1);
    sandbox.run(&["--as", "nobody", "check"]).exits(3).says("ESPOMAIL UNKNOWN - ");
    sandbox.config("nonsense = 1\n");
    sandbox.run(&["check"]).exits(3).says("ESPOMAIL UNKNOWN - ");
    sandbox.run(&["db", "check", "--nonsense"]).exits(2);
}

#[test]
fn a_clock_that_ran_ahead_is_named() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    sandbox.run(&["fetch"]).ok();
    says(&sandbox, 0, "ESPOMAIL OK");
    let store = sandbox.store();
    let next_year = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 365);
    store.write(|tx| espomail::store::instance::fetched(tx, next_year)).unwrap();
    says(&sandbox, 1, "ESPOMAIL WARNING - times that are still to come stand in the database: is the clock right?");
    let doctor = sandbox.run(&["doctor"]);
    assert!(
        doctor.code != 0 && doctor.stdout.contains("stands in the database, so it is wrong now or was then"),
        "{doctor:#?}"
    );
}

#[test]
fn doctor_tells_of_accounts_that_fail() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.init();
    let found = sandbox.run(&["doctor", "--offline"]).ok();
    assert!(found.stdout.contains("there is no account yet: espomail account add"), "{found:#?}");
    sandbox.group_account("support", &mailbox, &[]);
    sandbox.run(&["fetch"]).ok();
    sandbox.run(&["doctor", "--offline"]).ok().says("fetch          ok     last ");
    let wrong = format!("file:{}", sandbox.file("wrong", b"no\n").display());
    sandbox.run(&["account", "edit", "support", "--secret", &wrong]).ok();
    sandbox.run(&["fetch"]).exits(77);
    let found = sandbox.run(&["doctor", "--offline"]).ok();
    for part in ["failed for support", "cannot be fetched: "] {
        assert!(found.stdout.contains(part), "{part}: {found:#?}");
    }
    assert!(found.stderr.contains("hint: support: espomail account test support"), "{found:#?}");
}

#[test]
fn the_line_for_cron_finds_the_database() {
    let sandbox = Sandbox::new();
    let (place, config) = (sandbox.place_in_shell(), sandbox.path("config.toml").display().to_string());
    let line = format!("* * * * * {} --config {config} {place} fetch", program().display());
    sandbox.run(&["init"]).ok().says(&line);
    sandbox.run(&["status"]).ok().says(&line);
    sandbox.run(&["account", "add", "x", "--address", "x@y.example", "--smtp", "127.0.0.1:1"]).ok();
    sandbox.run(&["doctor", "--offline"]).says(&line);
    for (key, value) in ["database", "state"].iter().zip(sandbox.place().iter().skip(1).step_by(2)) {
        sandbox.config(&format!("{key} = {value:?}\n"));
    }
    let line = format!("* * * * * {} --config {config} fetch", program().display());
    sandbox.run(&["status"]).ok().says(&line);
}
