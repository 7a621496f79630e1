//! What commands say of what they would do, do and could not do: dry runs, the protocol, the log, the next step.

use std::time::Duration;

use crate::support::{Deed, Desk, Dovecot, Exim, Proxy, Rule, Sandbox, Side, SmtpSink, When, mail, wait_until};

#[test]
fn a_dry_run_says_that_it_is_one() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    mailbox.append("INBOX", &mail("kim@customer.example", &mailbox.address, "Hello").bytes());
    for run in
        [sandbox.run(&["--dry-run", "fetch"]).ok(), sandbox.call(&["--dry-run", "fetch"]).on_terminal("").run().ok()]
    {
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(said.contains("dry run: support: would be imported: "), "{run:#?}");
        assert!(said.contains("dry run, nothing changed: 1 would be imported"), "{run:#?}");
        assert!(!said.contains("imported 1") && !said.contains("imported email"), "{run:#?}");
    }
    sandbox.run(&["fetch"]).ok();
    let before = sandbox.canon();
    // What a dry run took back may leave a gap in the ids.
    let mail = &sandbox.query("SELECT min(id) || '' FROM emails")[0];
    let body = sandbox.file("body.txt", b"Hello").display().to_string();
    let rows: Vec<Vec<&str>> = vec![
        vec!["case", "reply", "1", "-m", "Hello."],
        vec!["case", "reply", "1", "-m", "Hello.", "--at", "+9h"],
        vec!["case", "reply", "1", "-m", "Hello.", "--draft"],
        vec!["email", "reply", mail, "-m", "Hello."],
        vec!["email", "forward", mail, "--to", "x@y.example", "-m", "See."],
        vec!["email", "send", "--to", "x@y.example", "--subject", "x", "-m", "x", "--from", &mailbox.address],
        vec!["case", "take", "1", "--as", "ana"],
        vec!["case", "assign", "1", "ana"],
        vec!["case", "close", "1"],
        vec!["case", "edit", "1", "--priority", "High"],
        vec!["case", "create", "--subject", "Two"],
        vec!["case", "note", "1", "-m", "x"],
        vec!["case", "people", "1", "--third-party", "x@y.example"],
        vec!["email", "delete", mail, "--reason", "x"],
        vec!["template", "add", "x", "--subject", "x", "--body", &body],
        vec!["team", "add", "Sales"],
        vec!["user", "add", "dewi"],
        vec!["user", "away", "ana"],
        vec!["role", "add", "Boss"],
        vec!["folder", "add", "F", "--group", "Support"],
        vec!["filter", "add", "f", "--scope", "global", "--if", "subject=x", "--do", "skip"],
        vec!["account", "disable", "support"],
        vec!["account", "edit", "support", "--from-name", "Desk"],
        vec!["account", "reset", "support"],
        vec!["record", "add", "contact", "Kim"],
        vec!["notification", "settings", "--as", "ana", "--off", "note"],
        vec!["db", "backup", "copy.db"],
        vec!["export", "case", "1", "--to", "mbox", "out.mbox"],
    ];
    let mut faults = Vec::new();
    for args in rows {
        let run = sandbox.run(&[&["--dry-run", "--yes"][..], &args].concat());
        if run.code != 0 || !run.stderr.contains("dry run, nothing changed") || run.stderr.contains("is in the outbox")
        {
            faults.push(format!("{args:?}: {run:#?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(sandbox.canon(), before);
    assert!(!sandbox.path("copy.db").exists() && !sandbox.path("out.mbox").exists());
    sandbox.run(&["--dry-run", "case", "reply", "1", "-m", "x"]).ok().says("would go into the outbox");
}

#[test]
fn twice_v_shows_the_protocol_without_the_password() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    sandbox.file("password", b"pw\n");
    for command in [&["account", "test", "support"][..], &["fetch"]] {
        let once = sandbox.run(&[&["-v"], command].concat()).ok().stderr;
        let twice = sandbox.run(&[&["-vv"], command].concat()).ok().stderr;
        assert!(twice.lines().count() > once.lines().count() + 5, "{once}\n{twice}");
        assert!(twice.contains("TRACE") && twice.contains("OK"), "{twice}");
        assert!(!twice.contains("pw"), "{twice}");
    }
}

#[test]
fn the_log_tells_what_was_done_and_what_failed() {
    let (sandbox, mailbox, sink) = (Sandbox::new(), Dovecot::shared().mailbox(), SmtpSink::new(Vec::new()));
    sandbox.support_account(&mailbox, &["--smtp", &sink.address(), "--auto-reply", "Thanks"]);
    let file = sandbox.path("espomail.log");
    let log = |args: &[&str]| {
        std::fs::remove_file(&file).ok();
        sandbox.run(&[&["--log", file.to_str().unwrap()], args].concat());
        std::fs::read_to_string(&file).unwrap()
    };
    assert_eq!(log(&["fetch"]), "", "cron does nothing every minute");
    mailbox.append("INBOX", &mail("kim@customer.example", &mailbox.address, "Hello").bytes());
    for (args, expected) in [
        (&["--dry-run", "fetch"][..], "INFO fetch: dry run, nothing changed: 1 would be imported"),
        (&["fetch"], "INFO fetch: imported 1, other 0, quarantined 0; sent 1"),
        (&["fetch", "nope"], "ERROR fetch: there is no account \"nope\" (exit 65)"),
        (&["case", "note", "1", "-m", "x"], "INFO case note: "),
        (&["--dry-run", "case", "close", "1"], "INFO case close: dry run, nothing changed"),
        (&["--as", "ana", "team", "add", "X"], "WARN refused: team add"),
        (&["case", "show", "9"], "ERROR case show: case 9: not found (exit 65)"),
    ] {
        let said = log(args);
        assert!(said.contains(expected), "{args:?}: {said}");
    }
    let wrong = format!("file:{}", sandbox.file("wrong", b"no\n").display());
    sandbox.run(&["account", "edit", "support", "--secret", &wrong]).ok();
    let said = log(&["fetch"]);
    assert!(said.contains("WARN account \"support\": ") && said.contains("refused"), "{said}");
}

#[test]
fn a_failed_test_names_the_next_command() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    let dovecot = Dovecot::shared();
    let edit = |flags: &[&str]| sandbox.run(&[&["account", "edit", "support"], flags].concat()).ok();
    let hint = |code: i32| {
        let test = sandbox.run(&["account", "test", "support"]).exits(code);
        assert!(!test.stderr.contains(" NAME"), "a placeholder: {test:#?}");
        let doctor = sandbox.run(&["doctor"]).exits(code).stderr;
        let hint = test
            .stderr
            .lines()
            .find_map(|line| line.strip_prefix("hint: "))
            .unwrap_or_else(|| panic!("{test:#?}"))
            .to_owned();
        assert!(doctor.contains(&hint), "{hint}: {doctor}");
        (test.stderr, hint)
    };
    let wrong = format!("file:{}", sandbox.file("wrong", b"no\n").display());
    edit(&["--secret", &wrong]);
    assert!(hint(77).1.contains("espomail account secret support --secret stdin"));
    edit(&["--secret", "file:/nowhere/password"]);
    assert!(hint(78).1.contains("espomail account secret support --secret stdin"));
    edit(&["--secret", &format!("file:{}", sandbox.path("password").display())]);
    // A certificate that nobody vouches for, by both ways into TLS.
    for (tls, port) in [("implicit", dovecot.imaps), ("starttls", dovecot.imap)] {
        edit(&["--imap", &format!("127.0.0.1:{port}"), "--tls", tls, "--smtp-tls", "none"]);
        let (_, said) = hint(69);
        let pin = said.split_once("--pin cert:").unwrap_or_else(|| panic!("{said}")).1.get(..64).unwrap().to_owned();
        sandbox.run(&["account", "edit", "support", "--pin", &format!("cert:{pin}")]).ok();
        sandbox.run(&["account", "test", "support"]).ok();
        edit(&["--pin", &format!("cert:{}", "0".repeat(64))]);
        assert!(hint(69).1.contains(&pin));
        edit(&["--pin", ""]);
    }
    // A greeting in clear where TLS was to begin.
    edit(&["--imap", &format!("127.0.0.1:{}", dovecot.imap), "--tls", "implicit", "--smtp-tls", "none"]);
    let (stderr, said) = hint(69);
    assert!(stderr.contains(&format!("the server does not speak TLS on port {}", dovecot.imap)), "{stderr}");
    assert!(said.contains("--tls starttls --imap 127.0.0.1:143"), "{said}");
    edit(&[
        "--imap",
        &format!("127.0.0.1:{}", dovecot.imap),
        "--tls",
        "none",
        "--smtp",
        &format!("127.0.0.1:{}", Exim::shared().smtp),
        "--smtp-tls",
        "implicit",
    ]);
    assert!(hint(69).1.contains("--smtp-tls starttls --smtp 127.0.0.1:587"));
}

#[test]
fn fetch_without_an_account_says_so_and_a_lock_is_told_once() {
    let sandbox = Sandbox::new();
    sandbox.init();
    sandbox.run(&["fetch"]).ok().silent();
    sandbox.run(&["-v", "fetch"]).ok().says("no account yet: espomail account add");
    let mailbox = Dovecot::shared().mailbox();
    let proxy = Proxy::new(Dovecot::shared().imap);
    sandbox.group_account("support", &mailbox, &["--imap", &proxy.address()]);
    let deed = Deed::Hold(Duration::from_secs(20));
    proxy.set_rule(Some(Rule { side: Side::Client, text: "SELECT", nth: 1, when: When::Before, deed }));
    let first = sandbox.call(&["fetch"]).spawn();
    wait_until(Duration::from_secs(10), || proxy.fired());
    let second = sandbox.run(&["-v", "fetch", "--if-locked", "wait=1s"]).exits(75);
    first.kill();
    assert_eq!(second.stderr.matches("is being fetched by process").count(), 1, "{second:#?}");
    assert!(second.stderr.contains("account \"support\": gave up after 1 s"), "{second:#?}");
}

#[test]
fn settings_that_cannot_work_are_told_when_they_are_made() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    sandbox.run(&["team", "add", "Empty"]).ok();
    let no_certificate = sandbox.file("none.pem", b"nothing\n").display().to_string();
    let missing = format!("file:{}", sandbox.path("missing").display());
    let edit = |flags: &[&str]| sandbox.run(&[&["account", "edit", "support"], flags].concat());
    for (flags, expected) in [
        (&["--ca", no_certificate.as_str()][..], "--ca: CA file"),
        (&["--since", "2999-01-01"], "--since: is still to come"),
        (&["--after", "move:INBOX"], "--after: move:INBOX is a folder that is polled"),
        (&["--after", "move:inbox"], "--after: move:inbox is a folder that is polled"),
        (&["--folder", "INBOX", "--folder", "Done", "--after", "move:Done"], "move:Done is a folder that is polled"),
        (&["--store-sent=INBOX"], "--store-sent: INBOX is polled"),
    ] {
        edit(flags).exits(65).says(expected);
    }
    for (flags, expected) in [
        (&["--case-team", ""][..], "account support: --create-case: without --case-team TEAM only administrators"),
        (&["--case-team", "Empty"], "--case-team: Empty has no active member"),
        (
            &["--case-team", "Support", "--position", "Chief"],
            "--position: no active member of Support has the position \"Chief\"",
        ),
        (&["--position", "", "--secret", &missing], "--secret: "),
        (&["--reply-to", "elsewhere@x.example"], "--reply-to: no account of this database has elsewhere@x.example"),
    ] {
        edit(flags).ok().says(expected);
    }
    // Told once, and not with everything that follows.
    assert_eq!(edit(&["--from-name", "Desk"]).ok().stderr, "");
    sandbox.run(&["doctor", "--offline"]).says("--reply-to: no account of this database has");
    sandbox.run(&["user", "disable", "citra"]).ok();
    let filter = ["filter", "add", "f", "--scope", "global", "--if", "subject=x", "--do", "assign:citra"];
    sandbox.run(&filter).exits(65).says("--do: assign:citra is disabled");
    sandbox.config("system_account = \"nope\"\n");
    sandbox.run(&["doctor", "--offline"]).exits(78).says("nope: there is no such account");
}

/// Programs ask what would happen, too.
#[test]
fn a_dry_run_is_an_object_for_programs() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &["--smtp", "127.0.0.1:1"]);
    mailbox.append("INBOX", &mail("kim@customer.example", &mailbox.address, "Help").bytes());
    sandbox.run(&["fetch"]).ok();
    for args in [&["case", "close", "1"][..], &["team", "add", "New"], &["case", "reply", "1", "-m", "Yes."]] {
        let run = sandbox.run(&[&["--json", "--dry-run"], args].concat()).ok();
        let said: serde_json::Value =
            serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:#?}"));
        assert_eq!((&said["schema"], &said["dry_run"]), (&"espomail/result/1".into(), &true.into()), "{run:#?}");
        assert!(said["id"].is_null() && said["message"].as_str().is_some_and(|text| !text.is_empty()), "{run:#?}");
        assert!(!run.stderr.contains("dry run"), "{run:#?}");
        let run = sandbox.run(&[&["--dry-run"], args].concat()).ok();
        assert!(run.stdout.is_empty() && run.stderr.contains("dry run, nothing changed"), "{run:#?}");
    }
    assert_eq!(sandbox.items(&["case", "list", "is:open"]).len(), 1);
}

#[test]
fn what_servers_say_is_typed_for_programs() {
    let desk = Desk::on_servers(&[]);
    desk.support().append("INBOX", &desk.letter("kim@customer.example", "Help").bytes());
    let run = desk.json("fetch --summary");
    assert_eq!((&run["imported"], &run["dry_run"]), (&1.into(), &false.into()), "{run}");
    let tried = desk.json("account test support");
    assert_eq!(tried["account"]["name"], "support");
    let steps = tried["items"].as_array().unwrap();
    let folder = steps.iter().find(|row| row["step"] == "folder").unwrap();
    assert_eq!(folder["messages"], serde_json::json!([{"name": "INBOX", "count": 1, "new": 0, "size": 0}]));
    assert!(steps.iter().all(|row| row["state"] == "ok"), "{tried}");
    assert!(
        desk.items("account folders support")
            .iter()
            .any(|folder| folder["name"] == "INBOX" && folder["monitored"] == true)
    );
    desk.items("account audit support");
    let folders = desk.json("account show support")["imap_folders"].clone();
    assert_eq!((&folders[0]["name"], &folders[0]["last_uid"]), (&"INBOX".into(), &1.into()));
    // Cron hears nothing, in JSON neither.
    let silent = desk.ok("--json fetch");
    assert_eq!((silent.stdout.as_str(), silent.stderr.as_str()), ("", ""));
}
