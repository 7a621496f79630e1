//! Passwords that came by standard input where several machines work on one database: sealed there, for all that have the key.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::{Call, Dovecot, Postgres, Sandbox, mail};

/// A command on the machine of this name.
fn on<'a>(sandbox: &'a Sandbox, host: &str, args: &[&str]) -> Call<'a> {
    let state = sandbox.path(host);
    std::fs::create_dir_all(&state).unwrap();
    sandbox.call(&[&["--state", state.to_str().unwrap()], args].concat())
}

#[test]
fn cron_hears_at_once_of_a_machine_without_the_key_and_others_keep_its_accounts() {
    let (sandbox, mailbox) = (Sandbox::on(&Postgres::shared().server), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    on(&sandbox, "web1", &["account", "secret", "support", "--secret", "stdin"]).stdin(b"pw\n").run().ok();
    on(&sandbox, "web1", &["fetch"]).run().ok().silent();
    let failing = || sandbox.query("SELECT count(*) || '' FROM accounts WHERE failing_since IS NOT NULL");
    // Some minutes ago: no other machine has just done it.
    let pass = |minutes: i64| sandbox.sql(&format!("UPDATE leases SET done_at = done_at - {minutes} * 60000"));
    pass(2);
    let told = on(&sandbox, "web2", &["fetch"]).run().exits(78);
    for expected in ["this machine has no key", "; 1 account is left to other machines", "hint: copy it from a machine"]
    {
        assert!(told.stderr.contains(expected), "{expected}: {told:#?}");
    }
    assert_eq!(told.stderr.lines().count(), 2, "{told:#?}");
    for verb in ["fetch", "send", "fetch"] {
        on(&sandbox, "web2", &[verb]).run().exits(78).silent();
        on(&sandbox, "web2", &["-v", verb]).run().exits(78).says("this machine has no key");
    }
    assert_eq!(failing(), ["0"], "the account works on the other machine");
    let listed = on(&sandbox, "web1", &["host", "list"]).run().ok();
    assert!(
        listed.stdout.contains("Host ") && listed.stdout.contains(" cannot open passwords that are in the database"),
        "{listed:#?}"
    );
    on(&sandbox, "web2", &["--dry-run", "fetch"]).run().exits(78);
    // When no machine fetches it, the account fails.
    pass(20);
    on(&sandbox, "web2", &["fetch"]).run().exits(78).silent();
    assert_eq!(failing(), ["1"]);
    on(&sandbox, "web1", &["fetch", "support"]).run().ok();
    assert_eq!(failing(), ["0"]);
    // A person who names it is told of the account.
    let named = on(&sandbox, "web2", &["fetch", "support"]).run().exits(78);
    assert!(named.stderr.contains("account \"support\": the passwords in the database are sealed"), "{named:#?}");
    std::fs::copy(sandbox.path("web1").join("key"), sandbox.path("web2").join("key")).unwrap();
    let back = on(&sandbox, "web2", &["fetch"]).run().ok();
    assert!(back.stderr.contains("can be opened again, after failing since") && back.stderr.lines().count() == 1);
    on(&sandbox, "web2", &["fetch"]).run().ok().silent();
    let listed = on(&sandbox, "web1", &["host", "list"]).run().ok();
    assert!(!listed.stdout.contains("cannot open"), "{listed:#?}");
}

#[test]
fn a_password_that_is_typed_on_one_machine_works_on_all_that_have_its_key() {
    let (sandbox, mailbox) = (Sandbox::on(&Postgres::shared().server), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    let secret = ["account", "secret", "support", "--secret", "stdin"];
    on(&sandbox, "web1", &secret).stdin(b"pw\n").run().ok();
    // Neither in clear in the database nor in a file of its own.
    let kept = "SELECT name || ' ' || length(key_mark) || ' ' || octet_length(sealed) FROM sealed_secrets";
    assert_eq!(sandbox.query(kept), ["1 8 31"]);
    assert_eq!(sandbox.query("SELECT imap_secret FROM accounts"), ["stdin"]);
    let files = |host: &str| {
        let all = std::fs::read_dir(sandbox.path(host)).unwrap().map(|file| file.unwrap().path());
        let secrets = all.filter(|path| path.to_str().unwrap().ends_with(".secrets"));
        secrets.flat_map(|path| std::fs::read_dir(path).unwrap()).count()
    };
    assert_eq!(files("web1"), 0);
    let key = sandbox.path("web1").join("key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    mailbox.append("INBOX", &mail("c@c.example", &mailbox.address, "One").bytes());
    on(&sandbox, "web1", &["fetch", "--no-send"]).run().ok();
    assert_eq!(sandbox.query("SELECT count(*) || '' FROM emails"), ["1"]);

    mailbox.append("INBOX", &mail("c@c.example", &mailbox.address, "Two").bytes());
    let fetch = ["fetch", "--no-send", "support"];
    let refused = on(&sandbox, "web2", &fetch).run().exits(78);
    assert!(refused.stderr.contains("this machine has no key"), "{refused:#?}");
    let refused = on(&sandbox, "web2", &secret).stdin(b"pw\n").run();
    // Its own is the only one, and a new key would be as good.
    assert_eq!((refused.code, refused.stderr.contains("sealed with the key")), (0, false), "{refused:#?}");
    std::fs::remove_file(sandbox.path("web2").join("key")).unwrap();
    on(&sandbox, "web1", &secret).stdin(b"pw\n").run().ok();
    let add = ["account", "add", "second", "--kind", "group", "--address", "s@desk.example", "--imap", "127.0.0.1:9"];
    let add = [&add[..], &["--tls", "none", "--secret", "stdin", "--no-test"]].concat();
    let refused = on(&sandbox, "web2", &add).stdin(b"pw2\n").run().exits(78);
    assert!(refused.stderr.contains("this machine has no key"), "{refused:#?}");
    assert!(!sandbox.path("web2").join("key").exists(), "it makes no second key");
    assert_eq!(sandbox.query("SELECT string_agg(name, ' ') FROM accounts"), ["support"], "nothing is half added");
    std::fs::write(sandbox.path("web2").join("key"), "0".repeat(64)).unwrap();
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(sandbox.path("web2").join("key"), private).unwrap();
    let refused = on(&sandbox, "web2", &fetch).run().exits(78);
    assert!(refused.stderr.contains("is another one (") && refused.stderr.contains("copy it"), "{refused:#?}");
    let told = on(&sandbox, "web2", &["doctor", "--offline"]).run();
    assert!(told.stdout.contains("secrets") && told.stdout.contains("is another one"), "{told:#?}");

    std::fs::copy(&key, sandbox.path("web2").join("key")).unwrap();
    on(&sandbox, "web2", &fetch).run().ok();
    assert_eq!(sandbox.query("SELECT count(*) || '' FROM emails"), ["2"]);
    on(&sandbox, "web2", &["doctor", "--offline"]).run().says("1 password is sealed in the database");

    // A copy and a backup have it, if that is asked for.
    let (backup, copy) = (sandbox.path("backup.db"), sandbox.path("copy.db"));
    on(&sandbox, "web2", &["db", "backup", backup.to_str().unwrap(), "--with-secrets"]).run().ok();
    assert_eq!(std::fs::read_to_string(sandbox.path("backup.db.secrets/1")).unwrap(), "pw\n");
    let (from, to) = (sandbox.database_name(), copy.to_str().unwrap());
    on(&sandbox, "web2", &["db", "copy", &from, to, "--with-secrets"]).run().ok().says("1 secret is copied");
    assert_eq!(std::fs::read_to_string(sandbox.path("copy.db.secrets/1")).unwrap(), "pw\n");
    on(&sandbox, "web2", &["db", "backup", sandbox.path("b2.db").to_str().unwrap()]).run().ok();
    assert!(!sandbox.path("b2.db.secrets").exists());

    // Another place for it takes it away, and so does the end of the account.
    on(&sandbox, "web2", &["account", "secret", "support", "--secret", "env:PW"]).run().ok();
    assert_eq!(sandbox.query("SELECT count(*) || '' FROM sealed_secrets"), ["0"]);
    on(&sandbox, "web1", &secret).stdin(b"pw\n").run().ok();
    on(&sandbox, "web1", &add).stdin(b"pw2\n").run().ok();
    assert_eq!(sandbox.query("SELECT name FROM sealed_secrets ORDER BY name"), ["1", "2"]);
    on(&sandbox, "web2", &["--yes", "account", "delete", "second"]).run().ok();
    assert_eq!(sandbox.query("SELECT name FROM sealed_secrets"), ["1"]);
}
