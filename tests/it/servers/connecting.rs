//! How accounts come to their servers: ways to log in, secrets of each server, certificates, and the test of all that.

use crate::support::{Dovecot, Exim, Proxy, Sandbox, Side, mail};

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
    let secrets = || {
        let mut names: Vec<String> = std::fs::read_dir(sandbox.path("secrets"))
            .into_iter()
            .flatten()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let edit = ["account", "edit", "support", "--secret", "stdin", "--smtp-secret", "stdin"];
    typed(&edit, "pw\npw\n").ok();
    assert_eq!(secrets(), ["1", "1-smtp"]);
    sandbox.run(&["account", "test", "support"]).ok();
    // Each server has its own.
    typed(&["account", "secret", "support", "--smtp-secret", "stdin"], "wrong\n").ok();
    let refused = sandbox.run(&["account", "test", "support"]).exits(77).stderr;
    assert!(refused.contains("SMTP: ") && !refused.contains("IMAP: "), "{refused}");
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
    sandbox.run(&["init"]).ok();
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
    for (flags, words) in [
        (vec!["--pin", &key[7..]], "--pin: must be sha256:"),
        (vec!["--smtp-pin", "cert:12"], "--smtp-pin: must be sha256:"),
        (vec!["--pin", &key, "--pin", &certificate], "do not go together"),
        (vec!["--pin", &key, "--pin", &key, "--pin", &key, "--pin", &key, "--pin", &key], "at most 4 pins"),
    ] {
        edit(&flags).exits(65).says(words);
    }
    edit(&["--pin", "", "--smtp-pin", ""]).ok();
    let shown = sandbox.json(&["account", "show", "support"]);
    assert_eq!((&shown["pin"], &shown["smtp_pin"]), (&serde_json::json!([]), &serde_json::json!([])));
}
