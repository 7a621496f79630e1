//! The state directory: passwords and tokens, next to the database or where `--state` says. Locks are next to the database.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::time::Duration;

use crate::support::{Sandbox, mail, no_file, wait_until};

/// Adds an account with a password that is kept in a file; nothing answers at its servers.
#[track_caller]
fn account(sandbox: &Sandbox, place: &[&str], imap: &str, password: &str) {
    let account =
        ["account", "add", "support", "--kind", "group", "--address", "support@desk.example", "--tls", "none"];
    let servers = ["--imap", imap, "--smtp", "127.0.0.1:1", "--secret", "stdin"];
    sandbox.call(&[place, &account, &servers].concat()).stdin(format!("{password}\n").as_bytes()).run().ok();
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

#[test]
fn two_databases_of_one_directory_have_passwords_of_their_own() {
    if no_file() {
        return;
    }
    for named in [&[] as &[&str], &["--state", "state"]] {
        let sandbox = Sandbox::new();
        let state = if named.is_empty() { sandbox.path("") } else { sandbox.path("state") };
        let second = [&["--db", "second.db"], named].concat();
        sandbox.run(&[named, &["init"]].concat()).ok();
        sandbox.run(&[&second[..], &["init"]].concat()).ok();
        account(&sandbox, named, "127.0.0.1:1", "first");
        account(&sandbox, &second, "127.0.0.1:1", "second");
        let kept = |database: &str| text(&state.join(format!("{database}.secrets/1")));
        assert_eq!((kept("espomail.db"), kept("second.db")), ("first\n".into(), "second\n".into()), "{named:?}");
        sandbox.run(&[named, &["--yes", "account", "delete", "support"]].concat()).ok();
        assert_eq!(kept("second.db"), "second\n", "{named:?}");
        assert!(!state.join("espomail.db.secrets/1").exists(), "{named:?}");
        // Nothing of it is elsewhere.
        let besides = std::fs::read_dir(sandbox.path("")).unwrap().map(|entry| entry.unwrap().file_name());
        let besides = besides.filter(|name| name.to_string_lossy().contains(".secrets")).count();
        assert_eq!(besides, if named.is_empty() { 2 } else { 0 }, "{named:?}");
    }
}

#[test]
fn an_installation_of_an_older_release_goes_on_with_its_passwords_and_locks() {
    if no_file() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).ok();
    account(&sandbox, &[], "127.0.0.1:1", "old");
    // As it was kept until now.
    let (secrets, own) = (sandbox.path("secrets"), sandbox.path("espomail.db.secrets"));
    std::fs::rename(&own, &secrets).unwrap();
    sandbox.call(&["account", "secret", "support", "--secret", "stdin"]).stdin(b"changed\n").run().ok();
    assert_eq!((text(&secrets.join("1")), own.exists()), ("changed\n".into(), false));
    sandbox.run(&["db", "backup", "copy.db", "--with-secrets"]).ok();
    assert_eq!(text(&sandbox.path("copy.db.secrets/1")), "changed\n");
    std::fs::create_dir(sandbox.path("espomail.db.locks")).unwrap();
    let lock = std::fs::File::create(sandbox.path("espomail.db.locks/account-1")).unwrap();
    lock.set_permissions(std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::set_permissions(sandbox.path("espomail.db.locks"), std::fs::Permissions::from_mode(0o700)).unwrap();
    lock.try_lock().unwrap();
    // It is left to the process that has the lock.
    sandbox.run(&["fetch", "support"]).ok();
    drop(lock);
    sandbox.run(&["fetch", "support"]).exits(75);
    // A new database in the same directory does not get them.
    let second = ["--db", "second.db"];
    sandbox.run(&[&second[..], &["init"]].concat()).ok();
    account(&sandbox, &second, "127.0.0.1:1", "second");
    assert_eq!(
        (text(&secrets.join("1")), text(&sandbox.path("second.db.secrets/1"))),
        ("changed\n".into(), "second\n".into())
    );
    // Nor does a state directory that is named later, which is told with the next step.
    std::fs::create_dir(sandbox.path("state")).unwrap();
    let found = sandbox.run(&["--state", "state", "doctor", "--offline"]).ok();
    let step = format!("mv -T {} {}", secrets.display(), sandbox.path("state/espomail.db.secrets").display());
    assert!(found.stdout.contains("are not used") && found.stderr.contains(&step), "{found:#?}");
    std::fs::rename(&secrets, sandbox.path("state/espomail.db.secrets")).unwrap();
    let found = sandbox.run(&["--state", "state", "doctor", "--offline"]).ok();
    assert!(!found.stdout.contains("are not used"), "{found:#?}");
}

#[test]
fn the_option_wins_over_the_variable_and_that_over_the_configuration() {
    if no_file() {
        return;
    }
    let sandbox = Sandbox::new();
    let line = format!("state = \"{}\"\n", sandbox.path("configured").display());
    sandbox.config(&line);
    sandbox.run(&["init"]).ok();
    assert_eq!(std::fs::metadata(sandbox.path("configured")).unwrap().permissions().mode() & 0o777, 0o700);
    let shown = sandbox.run(&["config", "show"]).ok().stdout;
    assert!(shown.contains(&line), "{shown}");
    account(&sandbox, &[], "127.0.0.1:1", "x");
    assert!(sandbox.path("configured/espomail.db.secrets/1").exists());
    for name in ["variable", "option"] {
        std::fs::create_dir(sandbox.path(name)).unwrap();
    }
    let stored = |args: &[&str], place: &str| {
        let secret = ["account", "secret", "support", "--secret", "stdin"];
        sandbox.call(&[args, &secret].concat()).stdin(b"y\n").run().ok();
        assert_eq!(text(&sandbox.path(place).join("espomail.db.secrets/1")), "y\n", "{place}");
    };
    sandbox.env("ESPOMAIL_STATE", sandbox.path("variable").to_str().unwrap());
    stored(&[], "variable");
    stored(&["--state", "option"], "option");
    sandbox.run(&["--db", "other.db", "--state", "option", "init"]).ok();
    let steps = sandbox.run(&["--db", "third.db", "--state", "option", "init"]).ok().stderr;
    let option = format!("--state {}", sandbox.path("option").display());
    let third = sandbox.path("third.db");
    assert!(steps.contains(&format!(" --db {} {option} user add", third.display())), "{steps}");
    assert!(steps.lines().any(|line| line.trim().starts_with("* * * * *") && line.contains(&option)), "{steps}");
}

#[test]
fn a_state_directory_that_cannot_be_used_ends_every_command_with_the_next_step() {
    if no_file() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).ok();
    let state = sandbox.path("state");
    let named = ["--state", state.to_str().unwrap()];
    let rows = sandbox.every_row();
    let refused = |words: &str, hint: &str| {
        for command in [&["fetch"] as &[&str], &["case", "list"], &["team", "add", "X"], &["db", "stats"], &["whoami"]]
        {
            let run = sandbox.run(&[&named[..], command].concat()).exits(78);
            assert!(run.stderr.contains(words) && run.stderr.contains(hint), "{command:?}: {run:#?}");
        }
        let found = sandbox.run(&[&named[..], &["doctor", "--offline"]].concat()).exits(78);
        assert!(found.stdout.contains(words) && found.stderr.contains(hint), "{found:#?}");
        let check = sandbox.run(&[&named[..], &["check"]].concat()).exits(2);
        assert!(check.stdout.contains(words), "{check:#?}");
        assert_eq!(sandbox.every_row(), rows, "{words}");
    };
    let shown = state.display();
    let make = match rustix::process::geteuid().is_root() {
        true => format!("install -d -m 700 -o USER {shown}, where USER runs espomail, such as espomail"),
        false => format!("mkdir -m 700 {shown}"),
    };
    refused(&format!("there is no state directory {shown}"), &make);
    assert!(!state.exists(), "a mistyped name makes nothing");
    std::fs::write(&state, "").unwrap();
    refused(&format!("the state directory {shown} is not a directory"), "name a directory with --state");
    std::fs::remove_file(&state).unwrap();
    std::fs::create_dir(&state).unwrap();
    if std::fs::metadata(&state).unwrap().uid() == 0 {
        chown(&state, Some(4711), None).unwrap();
        refused(&format!("the state directory {shown} belongs to uid 4711"), "name a directory of root with --state");
        chown(&state, Some(0), None).unwrap();
    }
    sandbox.run(&[&named[..], &["db", "stats"]].concat()).ok();
    std::fs::create_dir(sandbox.path("other")).unwrap();
    let other = sandbox.run(&[&["--db", "other/espomail.db"], &named[..], &["init"]].concat()).exits(78);
    assert!(other.stderr.contains("which has the same name"), "{other:#?}");
    assert!(!sandbox.path("other/espomail.db").exists());
    // What its owner cannot write.
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o500)).unwrap();
    let found = sandbox.run(&[&named[..], &["doctor", "--offline"]].concat()).exits(74);
    assert!(found.stdout.contains("cannot be written by its owner"), "{found:#?}");
    assert!(found.stderr.contains(&format!("chmod 700 {shown}")), "{found:#?}");
    sandbox.run(&[&named[..], &["check"]].concat()).exits(2);
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o700)).unwrap();
    sandbox.run(&[&named[..], &["doctor", "--offline"]].concat()).ok();
}

#[test]
fn a_database_that_was_moved_with_its_directory_is_told_how_it_gets_its_state_back() {
    if no_file() {
        return;
    }
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("old")).unwrap();
    std::fs::create_dir(sandbox.path("state")).unwrap();
    sandbox.run(&["--db", "old/espomail.db", "--state", "state", "init"]).ok();
    std::fs::rename(sandbox.path("old"), sandbox.path("new")).unwrap();
    let stats = ["--db", "new/espomail.db", "--state", "state", "db", "stats"];
    let refused = sandbox.run(&stats).exits(78);
    assert!(
        refused.stderr.contains("that one is not there")
            && refused.stderr.contains("/state/espomail.db.database; else")
    );
    std::fs::remove_file(sandbox.path("state/espomail.db.database")).unwrap();
    sandbox.run(&stats).ok();
}

#[test]
fn a_place_where_no_database_can_be_made_is_a_wrong_name() {
    if no_file() {
        return;
    }
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.path("file"), "").unwrap();
    for place in ["file/below/x.db", "/proc/x.db"] {
        let refused = sandbox.run(&["--db", place, "init"]).exits(78);
        assert!(refused.stderr.contains("name another place with --db"), "{place}: {refused:#?}");
    }
}

#[test]
fn a_damaged_database_is_told_once_and_check_does_not_name_itself() {
    if no_file() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).ok();
    let file = sandbox.path("espomail.db");
    let whole = std::fs::read(&file).unwrap();
    let mut torn = whole.clone();
    torn[8_192..].fill(0x55);
    std::fs::write(&file, &torn).unwrap();
    let check = sandbox.run(&["db", "check"]).exits(74);
    assert!(
        check.stderr.contains("espomail db restore FILE") && !check.stderr.contains("lists the faults"),
        "{check:#?}"
    );
    std::fs::write(sandbox.path("torn.db"), &torn).unwrap();
    std::fs::write(&file, &whole).unwrap();
    let restore = sandbox.run(&["--yes", "db", "restore", "torn.db"]).exits(74);
    assert!(restore.stderr.matches("malformed").count() < 2, "{restore:#?}");
    let foreign = [&whole[..68], &[0; 4], &whole[72..]].concat();
    std::fs::write(sandbox.path("foreign.db"), foreign).unwrap();
    let restore = sandbox.run(&["--yes", "db", "restore", "foreign.db"]).exits(74);
    assert!(restore.stderr.contains("foreign.db is not a database of espomail") && !restore.stderr.contains("damaged"));
}

#[test]
fn any_state_directory_means_the_same_locks_and_a_killed_process_leaves_none() {
    if no_file() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.config(&format!("state = \"{}\"\nreply_timeout = \"30s\"\n", sandbox.path("state").display()));
    sandbox.run(&["init"]).ok();
    // A server that says nothing.
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    account(&sandbox, &[], &server.local_addr().unwrap().to_string(), "x");
    let running = sandbox.call(&["fetch", "support"]).spawn();
    let _session = server.accept().unwrap();
    wait_until(Duration::from_secs(20), || sandbox.path("espomail.db.locks/account-1").exists());
    // It is left to that process, also by one that names another state directory.
    sandbox.run(&["fetch", "support"]).ok();
    std::fs::create_dir(sandbox.path("other")).unwrap();
    sandbox.run(&["--state", "other", "fetch", "support"]).ok();
    let letter = mail("eva@customer.example", "support@desk.example", "Piped").bytes();
    sandbox.call(&["ingest", "--account", "support"]).stdin(&letter).run().ok();
    assert_eq!(sandbox.items(&["email", "list"]).len(), 0);
    running.kill();
    drop(server);
    // The next run has the lock at once, and imports what came meanwhile.
    sandbox.run(&["fetch", "support"]).exits(75);
    assert_eq!(sandbox.items(&["email", "list"]).len(), 1);
}

/// How often a command opens the database.
fn opened(sandbox: &Sandbox, args: &[&str]) -> usize {
    let trace = sandbox.path("trace");
    let mut command = std::process::Command::new("strace");
    command.args(["-f", "-qq", "-e", "trace=openat", "-o"]).arg(&trace);
    let program = sandbox.command(args);
    command.arg(program.get_program()).args(program.get_args()).env_clear().stdin(std::process::Stdio::null());
    command.current_dir(sandbox.path(""));
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let done = command.output().unwrap();
    assert!(done.status.success(), "{args:?}: {done:?}");
    let is_database = |line: &&str| line.contains("/espomail.db\",") && !line.contains("ENOENT");
    text(&trace).lines().filter(is_database).count()
}

#[test]
fn a_command_opens_the_database_once_unless_it_waits_in_between() {
    if no_file() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).ok();
    sandbox.run(&["team", "add", "Support"]).ok();
    account(&sandbox, &[], "127.0.0.1:1", "x");
    let create =
        ["case", "create", "--subject", "Printer", "--team", "Support", "-m", "broken", "--from", "eva@x.example"];
    for (args, most) in [
        (&create[..], 1),
        (&["case", "list"], 1),
        (&["case", "show", "1"], 1),
        (&["case", "note", "1", "-m", "x"], 1),
        (&["case", "tag", "1", "x"], 1),
        (&["email", "list"], 1),
        (&["status"], 1),
        (&["check"], 1),
        (&["whoami"], 1),
        (&["account", "list"], 1),
        (&["outbox", "list"], 1),
        (&["send"], 1),
        (&["db", "check"], 1),
        (&["db", "stats"], 1),
        (&["db", "backup", "copy.db"], 2),
        // A letter asks what came meanwhile, and is composed while nobody waits for the database.
        (&["case", "reply", "1", "-m", "x", "--yes"], 6),
    ] {
        let opened = opened(&sandbox, args);
        assert!((1..=most).contains(&opened), "{args:?} opens it {opened} times");
    }
}
