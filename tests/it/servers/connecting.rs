//! How accounts come to their servers: ways to log in, secrets of each server, certificates, and the test of all that.

use std::net::TcpListener;

use crate::support::{Answer, At, Dovecot, Exim, Proxy, Quirk, RogueImap, Sandbox, Side, SmtpSink, Step, mail};

#[test]
fn a_real_server_takes_the_password_in_every_way() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let proxy = Proxy::new(Dovecot::shared().imap);
    sandbox.support_account(&mailbox, &[]);
    sandbox.run(&["account", "edit", "support", "--imap", &proxy.address()]).ok();
    for (auth, verb) in [
        ("password", "LOGIN"),
        ("login", "LOGIN"),
        ("plain", "AUTHENTICATE PLAIN "),
        ("cram-md5", "AUTHENTICATE CRAM-MD5"),
    ] {
        sandbox.run(&["account", "edit", "support", "--auth", auth, "--smtp-auth", "password"]).ok();
        proxy.clear();
        sandbox.run(&["account", "test", "support"]).ok();
        let lines = proxy.lines(Side::Client);
        assert!(lines.iter().any(|line| line.contains(verb)), "{auth}: {lines:?}");
        let sent = |line: &String| line.contains("pw") || line.contains("cHc");
        assert!(auth != "cram-md5" || !lines.iter().any(sent), "{lines:?}");
    }
}

#[test]
fn both_servers_can_have_a_password_that_is_typed() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &["--smtp", &format!("127.0.0.1:{}", Exim::shared().smtp)]);
    let typed = |args: &[&str], lines: &str| sandbox.call(args).stdin(lines.as_bytes()).run();
    let secrets = || sandbox.kept_secrets();
    let edit = ["account", "edit", "support", "--secret", "stdin", "--smtp-secret", "stdin"];
    typed(&edit, "pw\npw\n").ok();
    assert_eq!(secrets(), ["1", "1-smtp"]);
    sandbox.run(&["account", "test", "support"]).ok();
    // Each server has its own.
    typed(&["account", "secret", "support", "--smtp-secret", "stdin"], "wrong\n").ok();
    let refused = sandbox.run(&["account", "test", "support"]).exits(77).stderr;
    assert!(refused.contains("SMTP login: ") && !refused.contains("IMAP login: "), "{refused}");
    typed(&edit, "pw\n").exits(65).says("fewer secrets than were asked for");
    sandbox.run(&["account", "secret", "support"]).exits(2);

    sandbox.run(&["db", "backup", "copy.db", "--with-secrets"]).ok();
    let copied = std::fs::read_to_string(sandbox.path("copy.db.secrets/1-smtp")).unwrap();
    assert_eq!(copied, "wrong\n");
    sandbox.run(&["account", "secret", "support", "--smtp-secret", ""]).ok();
    assert_eq!(secrets(), ["1"]);
    sandbox.run(&["account", "test", "support"]).ok();
}

#[test]
fn a_preset_gives_what_is_not_given_and_says_what_it_cannot_know() {
    let sandbox = Sandbox::new();
    sandbox.init();
    let add = ["account", "add", "help", "--address", "help@icloud.com", "--preset", "iCloud", "--secret", "env:PW"];
    let added = sandbox.run(&add).ok();
    assert!(added.stderr.contains("hint: icloud: make an app-specific password"), "{added:#?}");
    assert!(added.stderr.contains("without --authserv-id everybody is believed"), "{added:#?}");
    let shown = sandbox.json(&["account", "show", "help"]);
    assert_eq!((&shown["login"], &shown["smtp_login"]), (&"help".into(), &"help@icloud.com".into()));
    sandbox.run(&["account", "edit", "help", "--preset", "m365", "--smtp-login", "ana@icloud.com"]).ok();
    let shown = sandbox.json(&["account", "show", "help"]);
    assert_eq!(shown["imap"]["host"], "outlook.office365.com");
    assert_eq!((&shown["smtp_login"], &shown["authserv_id"]), (&"ana@icloud.com".into(), &"none".into()));
    assert_eq!(sandbox.items(&["account", "presets"]).len(), 32);
    assert!(sandbox.run(&["-q", "account", "presets"]).ok().stdout.starts_with("gmail\nm365\n"));
    let refused = sandbox.run(&["account", "edit", "help", "--preset", "gmial"]).exits(2);
    assert!(refused.stderr.contains("gmail"), "{refused:#?}");
}

#[test]
fn a_new_account_hears_which_server_judges_its_mail() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    let bytes = mail("kim@customer.example", &mailbox.address, "Hello").bytes();
    let judged = [b"Authentication-Results: mx.desk.example; dmarc=pass\r\n".as_slice(), &bytes].concat();
    mailbox.append("INBOX", &judged);
    sandbox.run(&["fetch"]).ok();
    let found = sandbox.run(&["doctor"]).stdout;
    assert!(found.contains("support DMARC") && found.contains("without --authserv-id"), "{found}");
    let secret = format!("file:{}", sandbox.path("password").display());
    let other = ["account", "add", "sales", "--address", "sales@desk.example", "--secret", &secret, "--tls", "none"];
    let imap = format!("127.0.0.1:{}", Dovecot::shared().imap);
    let added = sandbox.run(&[&other[..], &["--imap", &imap]].concat()).ok().stderr;
    assert!(added.contains("espomail account edit sales --authserv-id mx.desk.example"), "{added}");
    let named = ["--imap", &imap, "--authserv-id", "mx.desk.example", "--address", "info@desk.example"];
    let other = ["account", "add", "info", "--secret", &secret, "--tls", "none"];
    assert!(!sandbox.run(&[&other[..], &named].concat()).ok().stderr.contains("authserv"));
}

#[test]
fn pins_of_a_server_are_checked_where_they_are_set() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    let edit = |flags: &[&str]| sandbox.run(&[&["account", "edit", "support"], flags].concat());
    let (key, other) = (format!("sha256:{}", "ab".repeat(32)), format!("sha256:{}", "CD".repeat(32)));
    let certificate = format!("cert:{}", "ef".repeat(32));
    edit(&["--pin", &key, "--pin", &other, "--smtp-pin", "none"]).ok();
    let shown = sandbox.json(&["account", "show", "support"]);
    assert_eq!(shown["pin"], serde_json::json!([key, other.to_lowercase()]));
    assert_eq!(shown["smtp_pin"], serde_json::json!(["none"]));
    for (flags, code, words) in [
        (vec!["--pin", &key[7..]], 2, "--pin: must be sha256:"),
        (vec!["--smtp-pin", "cert:12"], 2, "--smtp-pin: must be sha256:"),
        (vec!["--pin", &key, "--pin", &certificate], 2, "do not go together"),
        (vec!["--pin", &key, "--pin", &key, "--pin", &key, "--pin", &key, "--pin", &key], 2, "at most 4 pins"),
    ] {
        edit(&flags).exits(code).says(words);
    }
    edit(&["--pin", "", "--smtp-pin", ""]).ok();
    let shown = sandbox.json(&["account", "show", "support"]);
    assert_eq!((&shown["pin"], &shown["smtp_pin"]), (&serde_json::json!([]), &serde_json::json!([])));
}

/// Steps of `account test` with their states, such as `IMAP login ok`.
fn steps(sandbox: &Sandbox, account: &str) -> Vec<String> {
    let run = sandbox.run(&["--json", "account", "test", account]);
    let result: serde_json::Value = serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{e}: {run:#?}"));
    let word = |row: &serde_json::Value, field: &str| row[field].as_str().unwrap_or_default().to_owned();
    let rows = result["items"].as_array().unwrap();
    rows.iter().map(|row| format!("{} {} {}", word(row, "protocol"), word(row, "step"), word(row, "state"))).collect()
}

#[test]
fn each_step_on_the_way_to_the_servers_is_told_with_its_time() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &["--smtp", &format!("127.0.0.1:{}", Exim::shared().smtp)]);
    for subject in ["Old", "New"] {
        mailbox.append("INBOX", &mail("kim@customer.example", &mailbox.address, subject).bytes());
    }
    let ca = Dovecot::shared().ca();
    let imap = format!("localhost:{}", Dovecot::shared().imap);
    sandbox
        .run(&["account", "edit", "support", "--imap", &imap, "--tls", "starttls", "--ca", ca.to_str().unwrap()])
        .ok();
    assert_eq!(
        steps(&sandbox, "support"),
        [
            "IMAP DNS ok",
            "IMAP TCP ok",
            "IMAP greeting ok",
            "IMAP TLS ok",
            "IMAP login ok",
            "IMAP folder ok",
            "IMAP message ok",
            "IMAP DMARC ok",
            "IMAP quota ok",
            "IMAP junk ok",
            "SMTP DNS ok",
            "SMTP TCP ok",
            "SMTP greeting ok",
            "SMTP login ok",
        ]
    );
    let rows = sandbox.items(&["account", "test", "support"]);
    let text = |step: &str| {
        let row = rows.iter().find(|row| row["step"] == step).unwrap();
        assert!(row["ms"].as_u64().is_some() || step == "DMARC", "{row}");
        row["text"].as_str().unwrap().to_owned()
    };
    assert!(text("TLS").contains("TLSv1.") && text("TLS").contains("certificate valid until 20"), "{}", text("TLS"));
    assert!(text("folder").starts_with("INBOX: 2 messages; a fetch brings 2 ("), "{}", text("folder"));
    sandbox.run(&["fetch"]).ok();
    mailbox.append("INBOX", &mail("kim@customer.example", &mailbox.address, "Newer").bytes());
    let shown = sandbox.run(&["account", "test", "support"]).ok().stdout;
    assert!(shown.contains("INBOX: 3 messages; a fetch brings 1 ("), "{shown}");
    assert_eq!(sandbox.items(&["case", "list"]).len(), 2, "a test brings nothing in");
}

/// C15: each step failing in turn names that step.
#[test]
fn a_step_that_fails_is_named() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.config("connect_timeout = \"2s\"\ntls_timeout = \"2s\"\nreply_timeout = \"2s\"\n");
    sandbox.support_account(&mailbox, &[]);
    mailbox.append("INBOX", &mail("kim@customer.example", &mailbox.address, "Hello").bytes());
    let edit = |flags: &[&str]| sandbox.run(&[&["account", "edit", "support"], flags].concat()).ok();
    edit(&["--smtp", ""]);
    let dovecot = format!("127.0.0.1:{}", Dovecot::shared().imap);
    let closed = TcpListener::bind("127.0.0.1:0").map(|one| one.local_addr().unwrap().to_string()).unwrap();
    let rogue = |at, quirk| format!("127.0.0.1:{}", RogueImap::new(at, quirk).port);
    let greeting = rogue(At::Greeting, Quirk::Say("220 this is SMTP\r\n"));
    let nothing = rogue(At::Body, Quirk::Say("{tag} OK done\r\n"));
    let no_quota = rogue(At::Quota, Quirk::Say("{tag} NO not for you\r\n"));
    let secret = format!("file:{}", sandbox.path("password").display());
    let wrong = format!("file:{}", sandbox.file("wrong", b"no\n").display());
    let sink = SmtpSink::new(vec![Step { verb: "AUTH", nth: 0, answer: Answer::Say("535 5.7.8 no") }]);
    let smtp = sink.address();
    for (flags, step, code) in [
        (vec!["--imap", "no-such-host.invalid", "--tls", "implicit"], "IMAP DNS", 75),
        (vec!["--imap", &closed, "--tls", "none"], "IMAP TCP", 75),
        (vec!["--imap", &greeting], "IMAP greeting", 69),
        (vec!["--imap", &dovecot, "--tls", "implicit"], "IMAP TLS", 69),
        (vec!["--tls", "none", "--secret", "file:/nowhere"], "IMAP settings", 78),
        (vec!["--secret", &wrong], "IMAP login", 77),
        (vec!["--secret", &secret, "--folder", "Nowhere"], "IMAP folder", 69),
        (vec!["--folder", "INBOX", "--imap", &nothing], "IMAP message", 69),
        (vec!["--imap", &no_quota], "IMAP quota", 69),
        (vec!["--imap", &dovecot, "--smtp", &smtp, "--smtp-tls", "none"], "SMTP login", 77),
    ] {
        edit(&flags);
        let run = sandbox.run(&["account", "test", "support"]);
        assert_eq!(run.code, code, "{flags:?}: {run:#?}");
        assert!(run.stderr.contains(&format!("account \"support\": {step}: ")), "{flags:?}: {run:#?}");
        let failed: Vec<String> = steps(&sandbox, "support").into_iter().filter(|row| !row.ends_with("ok")).collect();
        assert_eq!(failed, [format!("{step} fail")], "{flags:?}");
    }
    // One that is nearly used up is a warning.
    let full = rogue(At::Quota, Quirk::Swap("STORAGE 10 100", "STORAGE 95 100"));
    edit(&["--smtp", "", "--imap", &full]);
    let run = sandbox.run(&["account", "test", "support"]).ok();
    assert!(run.stdout.contains("used (95 %)") && run.stderr.contains("a full mailbox takes no mail"), "{run:#?}");
}

#[test]
fn a_probe_is_sent_arrives_and_is_removed() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &["--smtp", &format!("127.0.0.1:{}", Exim::shared().smtp)]);
    sandbox.run(&["--dry-run", "account", "test", "support", "--send-probe"]).ok().says("a message would go to");
    let shown = sandbox.run(&["account", "test", "support", "--send-probe"]).ok().stdout;
    assert!(shown.contains("arrived in INBOX, and removed"), "{shown}");
    assert!(mailbox.messages("INBOX").is_empty());
    // One that is lost is said to be, and no case comes of it.
    let sink = SmtpSink::new(Vec::new());
    sandbox.run(&["account", "edit", "support", "--smtp", &sink.address(), "--smtp-tls", "none"]).ok();
    let lost = sandbox.run(&["account", "test", "support", "--send-probe", "--wait", "1s"]).exits(75);
    assert!(lost.stderr.contains("IMAP probe: it did not arrive within 1s"), "{lost:#?}");
    assert_eq!(sink.received().len(), 1);
    sink.script(vec![Step { verb: "RCPT", nth: 0, answer: Answer::Say("550 5.1.1 no such user") }]);
    let refused = sandbox.run(&["account", "test", "support", "--send-probe"]).exits(69);
    assert!(refused.stderr.contains("SMTP probe: the server refused the recipient"), "{refused:#?}");
    let only = ["account", "edit", "support", "--smtp", ""];
    sandbox.run(&only).ok();
    sandbox.run(&["account", "test", "support", "--send-probe"]).exits(65).says("does not both send and fetch");
}
