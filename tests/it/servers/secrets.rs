//! Secrets (promise S7): a canary of every kind is used in every way, and found nowhere but in the directory for them.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use openssl::base64::encode_block;

use crate::support::{
    Answer, At, Child, Deed, Dovecot, Proxy, Quirk, RogueImap, Rule, Run, Running, Sandbox, Side, SmtpSink, Step, When,
    is_on_server, mail, promise, wait_until,
};

/// A secret with everything that is written otherwise somewhere: in URLs, quoted strings, base64.
fn canary(kind: &str) -> String {
    format!("Canary-{kind}+/=\"\\%&~")
}

/// The forms in which a secret could lie about.
fn forms(secret: &str, login: &str) -> Vec<Vec<u8>> {
    let mut all = vec![secret.as_bytes().to_vec(), format!("{secret:?}").trim_matches('"').as_bytes().to_vec()];
    let hex = |upper: bool| -> String {
        secret.bytes().map(|b| if upper { format!("{b:02X}") } else { format!("{b:02x}") }).collect()
    };
    all.extend([hex(false).into_bytes(), hex(true).into_bytes()]);
    for first in [format!("\0{login}\0{secret}"), format!("user={login}\u{1}auth=Bearer {secret}\u{1}\u{1}")] {
        all.push(encode_block(first.as_bytes()).into_bytes());
    }
    // Inside any other text base64 looks one of three ways, except for the bytes at both ends.
    for before in 0..3 {
        let encoded = encode_block(&[&vec![b'x'; before][..], secret.as_bytes()].concat());
        let inner = encoded.trim_end_matches('=');
        all.push(inner.as_bytes()[4..inner.len() - 4].to_vec());
        all.push(inner[4..inner.len() - 4].replace('+', "-").replace('/', "_").into_bytes());
    }
    let escaped = |c: u8| match c.is_ascii_alphanumeric() || b"-._~".contains(&c) {
        true => char::from(c).to_string(),
        false => format!("%{c:02X}"),
    };
    all.push(secret.bytes().map(escaped).collect::<String>().into_bytes());
    all.push(secret.encode_utf16().flat_map(u16::to_le_bytes).collect());
    all
}

/// Everything that was said or written, by where.
#[derive(Default)]
pub(super) struct Places(BTreeMap<String, Vec<u8>>);

impl Places {
    pub(super) fn add(&mut self, place: impl Into<String>, bytes: impl AsRef<[u8]>) {
        self.0.entry(place.into()).or_default().extend(bytes.as_ref());
    }

    /// All files of a sandbox but those below `but`, with the rows of a database that is not one of them.
    pub(super) fn add_sandbox(&mut self, sandbox: &Sandbox, but: &[PathBuf]) {
        self.add_tree(&sandbox.path(""), but);
        if is_on_server() {
            self.add(
                "espomail.db",
                sandbox
                    .database()
                    .every_row()
                    .iter()
                    .flat_map(|(_, row)| row)
                    .fold(String::new(), |text, cell| text + &cell.plain() + "\n"),
            );
        }
    }

    /// All files below a directory but those below `but`.
    pub(super) fn add_tree(&mut self, directory: &Path, but: &[PathBuf]) {
        for path in tree(directory) {
            if path.is_file() && !but.iter().any(|part| path.starts_with(part)) {
                self.add(path.display().to_string(), std::fs::read(&path).unwrap());
            }
        }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// How often one of the secrets is somewhere, in any form, with where.
    pub(super) fn hits(&self, secrets: &[(String, String)]) -> Vec<String> {
        let mut hits = Vec::new();
        for (secret, login) in secrets {
            for form in forms(secret, login) {
                for (place, bytes) in &self.0 {
                    if memchr::memmem::find(bytes, &form).is_some() {
                        hits.push(format!("{} in {place}", String::from_utf8_lossy(&form)));
                    }
                }
            }
        }
        hits
    }
}

/// Everything below a directory, itself too.
fn tree(directory: &Path) -> Vec<PathBuf> {
    let mut found = vec![directory.to_owned()];
    let mut next = 0;
    while let Some(path) = found.get(next).cloned() {
        next += 1;
        if path.is_dir() && !path.is_symlink() {
            found.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    found
}

/// What the system tells others of a process, until `done`.
fn look_at(running: Running, places: &mut Places, given_by_environment: bool, mut done: impl FnMut() -> bool) -> bool {
    let mut limits = String::new();
    let run = running.watch(Duration::from_secs(60), &mut |pid| {
        if !done() {
            return;
        }
        let read = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        for name in ["cmdline", "comm", "status", "stat", "wchan"] {
            places.add(format!("/proc/PID/{name}"), read(name));
        }
        if !given_by_environment {
            places.add("/proc/PID/environ", read("environ"));
        }
        limits = String::from_utf8(read("limits")).unwrap_or_default() + &limits;
    });
    places.add("stdout and stderr", format!("{}{}", run.stdout, run.stderr));
    limits.lines().any(|line| line.split_whitespace().eq(["Max", "core", "file", "size", "0", "0", "bytes"]))
}

/// Runs a command as loudly as can be.
#[track_caller]
fn loud(sandbox: &Sandbox, args: &[&str], places: &mut Places) -> Run {
    let run = sandbox.run(&[&["-vvv", "--log", sandbox.path("own.log").to_str().unwrap()], args].concat());
    places.add(args.join(" "), format!("{}{}", run.stdout, run.stderr));
    run
}

#[test]
fn no_secret_is_anywhere_but_in_its_place() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let mut places = Places::default();
    let given = sandbox.path("given");
    for directory in ["given", "tmp"] {
        std::fs::create_dir(sandbox.path(directory)).unwrap();
    }
    sandbox.config("reply_timeout = \"1s\"\n[log]\nlevel = \"trace\"\n");
    for (name, value) in [("RUST_BACKTRACE", "full"), ("TMPDIR", sandbox.path("tmp").to_str().unwrap())] {
        sandbox.env(name, value);
    }
    sandbox.env("PW", &canary("env"));
    sandbox.init();

    // One account for every kind of secret, on servers that take any password.
    let imap = RogueImap::new(At::Login, Quirk::First("* OK hello\r\n"));
    let smtp = SmtpSink::new(Vec::new());
    let file =
        |kind: &str| format!("file:{}", sandbox.file(&format!("given/{kind}"), canary(kind).as_bytes()).display());
    let (by_file, by_cmd, by_smtp) = (file("file"), file("cmd").replace("file:", "cmd:cat "), file("smtp"));
    let add = |name: &str, secret: &[&str]| {
        let (imap, smtp) = (format!("127.0.0.1:{}", imap.port), smtp.address());
        let address = format!("{name}@desk.example");
        let args = ["account", "add", name, "--address", &address, "--imap", &imap, "--smtp", &smtp, "--tls", "none"];
        let args = [&args[..], &["--since", "2020-01-01", "--shared"], secret].concat();
        sandbox.call(&args).stdin(canary("stdin").as_bytes()).run().ok();
    };
    add("stdin", &["--secret", "stdin"]);
    add("file", &["--secret", &by_file]);
    add("env", &["--secret", "env:PW"]);
    add("cmd", &["--secret", &by_cmd]);
    add("smtp", &["--secret", &by_file, "--smtp-secret", &by_smtp]);
    let token = mailbox.token(600);
    let by_token = format!("cmd:cat {}", sandbox.file("given/token", token.as_bytes()).display());
    sandbox.group_account("token", &mailbox, &["--auth", "xoauth2"]);
    sandbox.run(&["account", "edit", "token", "--token", &by_token]).ok();
    std::fs::rename(sandbox.path("password"), given.join("password")).unwrap();
    let names = ["stdin", "file", "env", "cmd", "smtp", "token"];
    let mut secrets: Vec<(String, String)> =
        names[..5].iter().map(|name| (canary(name), format!("{name}@desk.example"))).collect();
    secrets.push((token, mailbox.user.clone()));

    // Used where all is well.
    for name in names {
        loud(&sandbox, &["account", "test", name], &mut places).ok();
        let to = ["email", "send", "--to", "kim@customer.example", "--subject", "Hi", "-m", "x"];
        loud(&sandbox, &[&to[..], &["--account", name]].concat(), &mut places).ok();
    }
    loud(&sandbox, &["fetch"], &mut places).ok();
    assert_eq!(smtp.received().len(), 5, "every kind of secret sent something");

    // Servers that repeat what they refuse, and one that says nothing, so that there is time to look.
    for (name, repeat) in [
        ("stdin", "{tag} NO what is Canary-stdin+/=\"\\%&~\r\n"),
        ("file", "{tag} BAD LOGIN \"x\" \"Canary-file+/=\\\"\\\\%&~\"\r\n"),
        ("env", "* BAD Canary-env+/=\"\\%&~\r\n{tag} NO no\r\n"),
        ("cmd", "* BYE Canary-cmd+/=\"\\%&~\r\n"),
    ] {
        let rogue = RogueImap::new(At::Login, Quirk::Say(repeat));
        sandbox.run(&["account", "edit", name, "--imap", &format!("127.0.0.1:{}", rogue.port)]).ok();
        assert_ne!(loud(&sandbox, &["account", "test", name], &mut places).code, 0, "{name}");
        assert_ne!(loud(&sandbox, &["fetch", name], &mut places).code, 0, "{name}");
    }
    let say = |answer| vec![Step { verb: "AUTH", nth: 0, answer: Answer::Say(answer) }];
    smtp.script(say("535 5.7.8 Canary-smtp+/=\"\\%&~ is not right"));
    loud(&sandbox, &["account", "test", "smtp"], &mut places).exits(77);
    loud(
        &sandbox,
        &["email", "send", "--account", "smtp", "--to", "a@x.example", "--subject", "s", "-m", "x"],
        &mut places,
    );
    loud(&sandbox, &["send"], &mut places);

    let mut protected = 0;
    let proxy = Proxy::new(imap.port);
    imap.behave();
    for name in ["stdin", "file", "env", "cmd"] {
        sandbox.run(&["account", "edit", name, "--imap", &proxy.address()]).ok();
        let deed = Deed::Hold(Duration::from_millis(500));
        proxy.set_rule(Some(Rule { side: Side::Client, text: "LOGIN", nth: 1, when: When::Before, deed }));
        let running = sandbox.call(&["-vvv", "fetch", name]).spawn();
        protected += usize::from(look_at(running, &mut places, true, || proxy.fired()));
    }
    assert_eq!(protected, 4, "a process that holds a secret writes no core");

    let backup = sandbox.path("backup.db");
    sandbox.run(&["db", "backup", backup.to_str().unwrap()]).ok();
    places.add("status", sandbox.run(&["status"]).ok().stdout);
    places.add("accounts", sandbox.run(&["--json", "account", "list"]).ok().stdout);
    places.add("log", sandbox.run(&["--json", "log", "list", "--limit", "1000"]).ok().stdout);
    for name in names {
        places.add("account show", sandbox.run(&["--json", "account", "show", name]).ok().stdout);
    }
    places.add_sandbox(&sandbox, &[given, sandbox.secrets("")]);
    add_cores(&mut places);

    let mut kept = Places::default();
    kept.add_tree(&sandbox.secrets(""), &[]);
    // On a server it is sealed.
    assert!(is_on_server() || !kept.hits(&secrets[..1]).is_empty(), "the search finds what is there");
    let hits = places.hits(&secrets);
    assert!(hits.is_empty(), "{hits:#?}");
    assert!(places.0.keys().any(|place| place.ends_with("own.log")), "{:?}", places.0.keys());
    let searched: usize = places.0.values().map(Vec::len).sum();
    promise(
        "S7",
        "6 canary secrets in 13 forms",
        &format!("{} places, {} kB: 0 hits", places.0.len(), searched / 1000),
    );
}

/// What a server says instead of the right answer, when it knows the secret.
fn leaked(text: &str) -> &'static str {
    Box::leak(text.replace("SECRET", &canary("later")).into_boxed_str())
}

#[test]
fn a_server_that_repeats_the_password_at_a_later_step_is_quoted_without_it() {
    let sandbox = Sandbox::new();
    let mut places = Places::default();
    sandbox.config("reply_timeout = \"1s\"\n[log]\nlevel = \"trace\"\n");
    sandbox.init();
    let secret = canary("later");
    let by_file = format!("file:{}", sandbox.file("given", secret.as_bytes()).display());
    let (imap, smtp) = (RogueImap::new(At::Login, Quirk::Say("")), SmtpSink::new(Vec::new()));
    imap.behave();
    let add = ["account", "add", "a", "--address", "a@desk.example", "--tls", "none", "--since", "2020-01-01"];
    let servers = ["--imap", &format!("127.0.0.1:{}", imap.port), "--smtp", &smtp.address(), "--shared"];
    sandbox.run(&[&add[..], &servers, &["--secret", &by_file]].concat()).ok();

    for (at, say) in [
        (At::Greeting, "* BYE SECRET\r\n"),
        (At::Greeting, "SECRET\r\n"),
        (At::Select, "{tag} NO SECRET\r\n"),
        (At::Select, "* NO SECRET\r\n{tag} NO\r\n"),
        (At::Select, "* BYE SECRET\r\n"),
        (At::Search, "{tag} BAD SECRET\r\n"),
        (At::Search, "SECRET\r\n"),
        (At::List, "{tag} NO [SECRET] x\r\n"),
        (At::Body, "{tag} NO SECRET\r\n"),
        (At::Body, "* BYE SECRET\r\n"),
        (At::Store, "{tag} NO SECRET\r\n"),
    ] {
        let rogue = RogueImap::new(at, Quirk::Say(leaked(say)));
        sandbox.run(&["account", "edit", "a", "--imap", &format!("127.0.0.1:{}", rogue.port)]).ok();
        sandbox.run(&["account", "audit", "a"]);
        // What is owed of the server is brought in first, and marked by the second run.
        let runs = [(); 2].map(|()| loud(&sandbox, &["fetch", "a"], &mut places));
        let own = |line: &&str| !line.contains("LOGIN ***") && !line.ends_with("OK ***");
        let is_hidden = |run: &Run| run.stderr.lines().filter(own).any(|line| line.contains("***"));
        assert!(runs.iter().any(is_hidden), "{at:?} {say}: {runs:#?}");
        for args in [&["status"][..], &["check"], &["--json", "account", "show", "a"], &["quarantine", "list"]] {
            places.add(args.join(" "), sandbox.run(args).stdout);
        }
    }
    sandbox.run(&["account", "edit", "a", "--imap", &format!("127.0.0.1:{}", imap.port)]).ok();
    loud(&sandbox, &["fetch", "a"], &mut places).ok();

    for (verb, say) in [
        ("CONNECT", "554 SECRET"),
        ("CONNECT", "SECRET"),
        ("EHLO", "550 SECRET"),
        ("EHLO", "250-sink.example\r\n250 AUTH SECRET X"),
        ("MAIL", "550 5.7.1 SECRET"),
        ("MAIL", "421 SECRET"),
        ("RCPT", "550 5.1.1 SECRET"),
        ("RCPT", "450-4.2.1 SECRET\r\n450 4.2.1 and"),
        ("DATA", "554 SECRET"),
        (".", "554 SECRET"),
        (".", "451 SECRET"),
        (".", "SECRET"),
    ] {
        smtp.script(vec![Step { verb, nth: 0, answer: Answer::Say(leaked(say)) }]);
        let to = ["email", "send", "--account", "a", "--to", "kim@customer.example", "--subject", "s", "-m", "x"];
        loud(&sandbox, &to, &mut places);
        loud(&sandbox, &["send"], &mut places);
        for args in [&["status"][..], &["check"], &["--json", "account", "show", "a"], &["--json", "outbox", "list"]] {
            places.add(args.join(" "), sandbox.run(args).stdout);
        }
        for row in sandbox.items(&["outbox", "list"]) {
            places.add("outbox show", sandbox.run(&["--json", "outbox", "show", &row["id"].to_string()]).stdout);
            sandbox.run(&["outbox", "cancel", &row["id"].to_string()]);
        }
    }
    places.add_sandbox(&sandbox, &[sandbox.path("given"), sandbox.secrets("")]);
    let hits = places.hits(&[(secret, "a@desk.example".to_owned())]);
    assert!(hits.is_empty(), "{hits:#?}");
    let gaps = |place: &str| {
        let found = places.0.iter().filter(|(name, _)| name.contains(place));
        found.map(|(_, bytes)| memchr::memmem::find_iter(bytes, "***").count()).sum::<usize>()
    };
    for place in ["status", "account show", "outbox show", "own.log", "espomail.db", "fetch a"] {
        assert!(gaps(place) > 0, "no server is quoted in {place}: {:?}", places.0.keys());
    }
}

/// Cores where the kernel would put them.
fn add_cores(places: &mut Places) {
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    let directory = Path::new(pattern.trim()).parent().filter(|parent| parent.is_absolute() && parent.is_dir());
    for entry in
        directory.into_iter().flat_map(|directory| std::fs::read_dir(directory).into_iter().flatten().flatten())
    {
        if entry.file_name().to_string_lossy().contains("espomail") && entry.path().is_file() {
            places.add(entry.path().display().to_string(), std::fs::read(entry.path()).unwrap_or_default());
        }
    }
}

#[test]
fn a_password_command_inherits_neither_descriptors_nor_secrets() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.env("OTHER_PW", "pw");
    sandbox.support_account(&mailbox, &[]);
    let other = Dovecot::shared().mailbox();
    sandbox.group_account("other", &other, &[]);
    sandbox.run(&["account", "edit", "other", "--secret", "env:OTHER_PW"]).ok();
    let script = sandbox.file(
        "manager",
        b"for n in /proc/$$/fd/*; do echo \"${n##*/} $(readlink $n)\"; done > fds; env > environment; echo pw\n",
    );
    sandbox.run(&["account", "edit", "support", "--secret", &format!("cmd:sh {}", script.display())]).ok();
    mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, "Hello").bytes());
    sandbox.run(&["--log", sandbox.path("own.log").to_str().unwrap(), "fetch"]).ok();
    assert_eq!(sandbox.items(&["case", "list"]).len(), 1);
    let read = |name: &str| std::fs::read_to_string(sandbox.path(name)).unwrap();
    // What the test itself was started with is handed on; the script and its answer are the shell's own.
    let dir = sandbox.path("").display().to_string();
    let of_ours = |line: &&str| line.contains("socket:") || line.contains("anon_inode") || line.contains(&dir);
    let of_shell = |line: &str| line.ends_with("/manager") || line.ends_with("/fds");
    let fds = read("fds");
    let ours: Vec<&str> = fds.lines().filter(of_ours).filter(|line| !of_shell(line)).collect();
    assert!(fds.contains("1 pipe:") || fds.contains("/fds"), "{fds}");
    assert!(ours.is_empty(), "{ours:?}");
    let environment = read("environment");
    assert!(environment.contains("PATH=") && !environment.contains("OTHER_PW"), "{environment}");
}

#[test]
fn a_password_command_runs_once_however_many_connections_there_are() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    // A server that takes one message over each connection.
    let smtp = SmtpSink::new(vec![Step { verb: "MAIL", nth: 2, answer: Answer::Say("421 enough") }]);
    sandbox.support_account(&mailbox, &["--smtp", &smtp.address(), "--store-sent=Sent", "--shared"]);
    let script = sandbox.file("manager", b"echo asked >> asked; cat password\n");
    sandbox.run(&["account", "edit", "support", "--secret", &format!("cmd:sh {}", script.display())]).ok();
    let asked = || std::fs::read_to_string(sandbox.path("asked")).unwrap_or_default().lines().count();
    let before = asked();
    for n in ["1", "2"] {
        let to = ["email", "send", "--account", "support", "--to", "kim@customer.example", "--subject", n, "-m", "x"];
        sandbox.run(&[&to[..], &["--at", "+1s"]].concat()).ok();
    }
    std::thread::sleep(Duration::from_millis(1_100));
    sandbox.run(&["fetch"]).ok();
    assert_eq!((smtp.received().len(), smtp.connections()), (2, 2));
    assert_eq!(asked() - before, 1, "IMAP, two connections of SMTP, the copies");
}

#[test]
fn files_are_private_under_any_umask() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let proxy = Proxy::new(Dovecot::shared().imap);
    mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, "Hello").bytes());
    let all = sandbox.path("all");
    std::fs::create_dir(&all).unwrap();
    let program = |args: &[&str], stdin: &[u8]| {
        let mut command = Command::new("sh");
        command.args(["-c", "umask 000; exec \"$@\"", "sh"]).arg(crate::support::program()).arg("--no-input");
        command.args(["--db", "all/deep/er/espomail.db", "--config", "config.toml", "--log", "all/own.log"]);
        command.args(args).current_dir(sandbox.path(""));
        Child::default().spawn(command, Some(stdin.to_vec()), args.join(" "))
    };
    let run = |args: &[&str], stdin: &[u8]| program(args, stdin).wait().ok();
    run(&["init"], b"");
    let add = ["account", "add", "support", "--address", &mailbox.address, "--imap", &proxy.address(), "--tls", "none"];
    run(&[&add[..], &["--login", &mailbox.user, "--secret", "stdin", "--since", "2020-01-01"]].concat(), b"pw\n");

    // While it runs: WAL, shared memory, locks.
    let deed = Deed::Hold(Duration::from_secs(1));
    proxy.set_rule(Some(Rule { side: Side::Client, text: "SELECT", nth: 1, when: When::Before, deed }));
    let fetching = program(&["fetch"], b"");
    wait_until(Duration::from_secs(10), || proxy.fired());
    let seen = open_to_others(&all);
    assert!(tree(&all).iter().any(|path| path.ends_with("espomail.db-wal")), "looked too late");
    assert!(seen.is_empty(), "{seen:#?}");
    fetching.wait().ok();

    run(&["db", "backup", "all/copy.db", "--with-secrets"], b"");
    run(&["export", "email", "1", "--to", "mbox", "all/out.mbox"], b"");
    run(&["ingest", "--account", "support"], b"From: a@x.example\n\nx\n");
    let csv = sandbox.file("in.csv", b"name,email\nA,not an address\n");
    let import = ["record", "import", csv.to_str().unwrap(), "contact", "--rejects", "all/rejects.csv"];
    program(&import, b"").wait();
    let files: Vec<PathBuf> = tree(&all);
    for name in ["copy.db", "copy.db.secrets/1", "espomail.db.secrets/1", "out.mbox", "rejects.csv", "own.log"] {
        assert!(files.iter().any(|path| path.ends_with(name)), "{name} is missing: {files:#?}");
    }
    let seen = open_to_others(&all);
    assert!(seen.is_empty(), "{seen:#?}");
}

/// What others may reach below a directory, with its mode.
fn open_to_others(directory: &Path) -> Vec<String> {
    let all = tree(directory).into_iter().filter(|path| path != directory);
    let open = all.filter_map(|path| {
        let mode = std::fs::symlink_metadata(&path).ok()?.permissions().mode() & 0o777;
        let private = if path.is_dir() { 0o700 } else { 0o600 };
        (mode != private).then(|| format!("{mode:o} {}", path.display()))
    });
    open.collect()
}

#[test]
fn a_kept_secret_goes_with_its_use() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.init();
    sandbox.group_account("a", &mailbox, &[]);
    sandbox.group_account("b", &Dovecot::shared().mailbox(), &[]);
    let kept = |id: i64| sandbox.kept_secrets().contains(&id.to_string());
    let store = |name: &str| {
        sandbox.call(&["account", "secret", name, "--secret", "stdin"]).stdin(b"pw\n").run().ok();
    };
    let elsewhere = format!("file:{}", sandbox.path("password").display());
    store("a");
    store("b");
    assert!(kept(1) && kept(2));
    sandbox.run(&["account", "test", "a"]).ok();
    sandbox.run(&["--dry-run", "account", "secret", "a", "--secret", &elsewhere]).ok();
    sandbox.run(&["--dry-run", "--yes", "account", "delete", "b"]).ok();
    assert!(kept(1) && kept(2), "a dry run keeps them");
    sandbox.run(&["account", "secret", "a", "--secret", &elsewhere]).ok();
    assert!(!kept(1) && kept(2));
    store("a");
    sandbox.run(&["account", "edit", "a", "--secret", &elsewhere]).ok();
    assert!(!kept(1));
    sandbox.run(&["--yes", "account", "delete", "b"]).ok();
    assert!(!kept(2));

    if is_on_server() {
        return;
    }
    store("a");
    std::fs::set_permissions(sandbox.secrets("1"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = sandbox.run(&["account", "test", "a"]).exits(78);
    assert!(refused.stderr.contains("others can read it (mode 644)"), "{refused:?}");
}
