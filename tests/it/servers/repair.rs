//! Disks, rights and damages: what every command says of a database that it cannot use, and how it comes back.

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use crate::support::{Child, Dice, Dovecot, Run, Sandbox, SmtpSink, mail, no_file, program};

/// A person's uid that nobody on this machine has: root becomes the owner of a database.
const SOMEBODY: u32 = 61_234;

/// A database with an account, a case and a letter, and nothing but the one file.
fn desk() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.init();
    sandbox.run(&["team", "add", "Support"]).ok();
    sandbox.run(&["user", "add", "ana", "--email", "ana@staff.example"]).ok();
    sandbox.file("password", b"pw\n");
    let secret = format!("file:{}", sandbox.path("password").display());
    let add =
        ["account", "add", "support", "--address", "support@desk.example", "--imap", "127.0.0.1:1", "--tls", "none"];
    sandbox
        .run(
            &[&add[..], &["--smtp", "127.0.0.1:1", "--secret", &secret, "--create-case", "--case-team", "Support"]]
                .concat(),
        )
        .ok();
    for n in 1..=30 {
        let subject = format!("Mail {n}");
        let message = mail(&format!("kim{n}@customer.example"), "support@desk.example", &subject).bytes();
        sandbox.call(&["ingest", "--account", "support"]).stdin(&message).run().ok();
    }
    sandbox.run(&["case", "reply", "1", "-m", "Hello."]).ok();
    sandbox
}

fn give_to(owner: u32, path: &Path) {
    chown(path, Some(owner), Some(owner)).unwrap();
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        give_to(owner, &entry.path());
    }
}

fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("skipped: needs root, to become somebody else");
    }
    is_root
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

const READS: &[&[&str]] =
    &[&["status"], &["case", "list"], &["case", "show", "1"], &["email", "list"], &["account", "list"]];

#[test]
fn a_helper_that_its_owner_cannot_write_is_found_and_mended() {
    if no_file() {
        return;
    }
    if !is_root() {
        return;
    }
    let sandbox = desk();
    let shm = sandbox.path("espomail.db-shm");
    // As it is left behind by a moment in which the database had this mode.
    let leave = || {
        fs::write(sandbox.path("espomail.db-wal"), "").unwrap();
        fs::write(&shm, "").unwrap();
        give_to(SOMEBODY, sandbox.path("").as_path());
        set_mode(&shm, 0o400);
    };
    leave();
    let found = sandbox.run(&["doctor", "--offline"]).exits(74);
    assert!(found.stdout.contains("espomail.db-shm cannot be written by its owner"), "{found:#?}");
    assert!(found.stderr.contains("chmod 600"), "{found:#?}");
    leave();
    sandbox.run(&["check"]).exits(2).says("espomail.db-shm cannot be written");
    leave();
    // Mended by itself, at the next write.
    sandbox.run(&["team", "add", "Sales"]).ok();
    assert!(fs::metadata(&shm).is_ok_and(|facts| facts.mode() & 0o600 == 0o600) || !shm.exists());
}

#[test]
fn missing_rights_are_told_with_who_owns_what() {
    if no_file() {
        return;
    }
    if !is_root() {
        return;
    }
    let sandbox = desk();
    give_to(SOMEBODY, sandbox.path("").as_path());
    for (path, mode, back) in [(sandbox.db(), 0o400, 0o600), (sandbox.path(""), 0o500, 0o700)] {
        set_mode(&path, mode);
        for read in READS {
            sandbox.run(read).ok();
        }
        let refused = sandbox.run(&["team", "add", "Sales"]).exits(74);
        let shown = path.display().to_string();
        assert!(refused.stderr.contains(shown.trim_end_matches('/')), "{refused:#?}");
        assert!(
            refused.stderr.contains("cannot be written by its owner, uid 61234")
                && refused.stderr.contains("hint: chmod"),
            "{refused:#?}"
        );
        assert!(!refused.stderr.contains("Error code"), "{refused:#?}");
        sandbox.run(&["doctor", "--offline"]).exits(74).says("cannot be written by its owner");
        sandbox.run(&["check"]).exits(2).says("cannot be written by its owner");
        assert!(!sandbox.path("espomail.db-shm").exists(), "reading leaves nothing behind");
        set_mode(&path, back);
        sandbox.run(&["--dry-run", "team", "add", "Sales"]).ok();
    }
}

/// Runs a script with the sandbox's directory on a small disk of its own; `$E` is the program with its database there.
fn on_a_disk(sandbox: &Sandbox, size: &str, script: &str) -> Option<Run> {
    let set_up = format!(
        "set -u; mount -t tmpfs -o size={size},mode=700 none {dir} || exit 99; cp {copy} {dir}/espomail.db; chmod 600 {dir}/espomail.db; cd /; E='{program} --no-input --config {config} --db {dir}/espomail.db'; D={dir}; {script}",
        dir = sandbox.path("disk").display(),
        copy = sandbox.db().display(),
        config = sandbox.path("config.toml").display(),
        program = program().display(),
    );
    fs::create_dir_all(sandbox.path("disk")).unwrap();
    let mut command = Command::new("unshare");
    command.args(["-m", "bash", "-c", &set_up]).env("HOME", sandbox.path("home")).env("TZ", "UTC");
    let run = Child::default().spawn(command, None, script.to_owned()).wait();
    if run.code == 99 || run.stderr.contains("unshare failed") {
        eprintln!("skipped: no disk can be mounted here: {}", run.stderr.trim());
        return None;
    }
    Some(run)
}

#[test]
fn a_read_only_disk_is_read_and_told() {
    if no_file() {
        return;
    }
    if !is_root() {
        return;
    }
    let sandbox = desk();
    let reads: Vec<String> = READS
        .iter()
        .map(|read| format!("$E {} >/dev/null || echo FAILED {}", read.join(" "), read.join(" ")))
        .collect();
    let script = format!(
        "mount -o remount,ro $D; {}; $E db check; $E team add Sales; echo write $?; $E check; echo check $?; $E doctor --offline; echo doctor $?",
        reads.join("; ")
    );
    let Some(run) = on_a_disk(&sandbox, "40m", &script) else { return };
    assert!(!run.stdout.contains("FAILED") && run.stdout.starts_with("ok\n"), "{run:#?}");
    for part in ["write 74", "check 2", "doctor 74", "ESPOMAIL CRITICAL - the disk of "] {
        assert!(run.stdout.contains(part), "{part}: {run:#?}");
    }
    assert!(run.stderr.contains("is mounted read-only") && run.stderr.contains("remount,rw"), "{run:#?}");
    // With a log that was not written back, and its helper.
    let script = "$E case note 1 -m x >/dev/null; cp $D/espomail.db $D/c; $E team add Late; exec 7<$D/espomail.db; mount -o remount,ro $D; $E team list";
    let Some(run) = on_a_disk(&sandbox, "40m", script) else { return };
    assert!(run.stdout.contains("Late"), "{run:#?}");
}

#[test]
fn a_full_disk_is_told_before_and_after() {
    if no_file() {
        return;
    }
    if !is_root() {
        return;
    }
    let sandbox = desk();
    let script = "head -c 100M /dev/zero > $D/fill 2>/dev/null; $E doctor --offline; echo doctor $?; $E check; echo check $?; \
        head -c 3000000 /dev/urandom | base64 > /tmp/note-$$; $E case note 1 -F /tmp/note-$$; echo write $?; rm -f /tmp/note-$$; \
        $E case list >/dev/null; echo read $?; rm $D/fill; $E db check";
    let Some(run) = on_a_disk(&sandbox, "30m", script) else { return };
    for part in ["doctor 74", "check 2", "write 74", "read 0", " free on the disk of ", "ok\n"] {
        assert!(run.stdout.contains(part), "{part}: {run:#?}");
    }
    assert!(run.stderr.contains("free some space"), "{run:#?}");
}

/// Commands of each kind.
const COMMANDS: &[&[&str]] = &[
    &["status"],
    &["check"],
    &["doctor", "--offline"],
    &["case", "list"],
    &["case", "list", "mail"],
    &["case", "show", "1"],
    &["email", "list"],
    &["account", "list"],
    &["outbox", "list"],
    &["db", "check"],
    &["db", "stats"],
    &["team", "add", "Sales"],
    &["case", "note", "2", "-m", "x"],
    &["fetch", "--no-send"],
];

#[test]
fn damages_end_with_words_and_never_as_a_bug() {
    if no_file() {
        return;
    }
    let sandbox = desk();
    let whole = fs::read(sandbox.db()).unwrap();
    let mut dice = Dice::new();
    let page = 8_192;
    let mut damages: Vec<(String, Vec<u8>)> = vec![
        ("empty".into(), Vec::new()),
        ("foreign bytes".into(), b"not a database at all\n".repeat(1_000)),
        ("cut within the first page".into(), whole[..500].to_vec()),
        ("cut within a page".into(), whole[..whole.len() / 2 + 100].to_vec()),
        ("cut at a page".into(), whole[..page * 3].to_vec()),
    ];
    for (name, version) in [("version 0", 0_i32), ("version -1", -1), ("version 99", 99), ("another program's", 5)] {
        let mut bytes = whole.clone();
        bytes[60..64].copy_from_slice(&version.to_be_bytes());
        if version == 5 {
            bytes[68..72].copy_from_slice(&7_i32.to_be_bytes());
        }
        damages.push((name.into(), bytes));
    }
    for n in 0..12 {
        let mut bytes = whole.clone();
        let at = page + dice.below((whole.len() - page * 2) as u64) as usize;
        let length = [1, 16, 400, page][n % 4];
        bytes[at..at + length].iter_mut().for_each(|byte| *byte = dice.below(256) as u8);
        damages.push((format!("{length} bytes at {at}"), bytes));
    }
    let mut faults = Vec::new();
    for (n, (name, bytes)) in damages.iter().enumerate() {
        let is_of_pages = n >= 9;
        for (c, command) in COMMANDS.iter().enumerate() {
            // Of the random ones a few commands each.
            if is_of_pages && (c + n) % 4 != 0 {
                continue;
            }
            for helper in ["espomail.db-wal", "espomail.db-shm"] {
                fs::remove_file(sandbox.path(helper)).ok();
            }
            fs::write(sandbox.db(), bytes).unwrap();
            let run = sandbox.run(command);
            let is_check = command == &["check"];
            let is_right = match run.code {
                74 | 78 => !is_check && !run.stderr.is_empty(),
                3 => is_check && run.stdout.contains("ESPOMAIL UNKNOWN - "),
                // Not every command meets the damaged page.
                0 | 1 | 65 | 75 => is_of_pages || name.starts_with("cut at"),
                _ => false,
            };
            if !is_right || run.stderr.contains("this is a bug") || run.stderr.contains("Error code") {
                faults.push(format!("{name}: {command:?}: {run:#?}"));
            }
            if !is_of_pages && run.code == 78 && fs::read(sandbox.db()).unwrap() != *bytes {
                faults.push(format!("{name}: {command:?} wrote into it"));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

/// The desk with a sink for its letters, a backup of a moment in which two letters wait, and what came after it.
fn restored_desk() -> (Sandbox, crate::support::Mailbox, SmtpSink) {
    let (sandbox, mailbox, sink) = (Sandbox::new(), Dovecot::shared().mailbox(), SmtpSink::new(Vec::new()));
    sandbox.support_account(
        &mailbox,
        &["--smtp", &sink.address(), "--auto-reply", "Thanks", "--distribution", "round-robin"],
    );
    mailbox.append("INBOX", &mail("a@customer.example", &mailbox.address, "One").bytes());
    sandbox.run(&["fetch", "--no-send"]).ok();
    sandbox.run(&["case", "reply", "1", "-m", "Hello."]).ok();
    sandbox.run(&["db", "backup", "backup.db"]).ok();
    sandbox.run(&["send"]).ok();
    mailbox.append("INBOX", &mail("b@customer.example", &mailbox.address, "Two").bytes());
    mailbox.append("INBOX", &mail("c@customer.example", &mailbox.address, "Three").bytes());
    sandbox.run(&["fetch"]).ok();
    assert_eq!(sandbox.items(&["case", "list"]).len(), 3);
    (sandbox, mailbox, sink)
}

fn is_settled(sandbox: &Sandbox, mailbox: &crate::support::Mailbox, sink: &SmtpSink) {
    let before = sink.received().len();
    sandbox.run(&["fetch"]).ok();
    assert_eq!(sink.received().len(), before, "nothing is sent twice, and nobody is answered again");
    let states: Vec<String> =
        sandbox.items(&["outbox", "list"]).iter().map(|row| row["state"].as_str().unwrap().to_owned()).collect();
    assert!(states.len() >= 2 && states.iter().all(|state| state == "held"), "{states:?}");
    let mut numbers: Vec<i64> =
        sandbox.items(&["case", "list"]).iter().map(|case| case["number"].as_i64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 1_001, 1_002], "customers may hold #2 and #3");
    let status = sandbox.run(&["status"]).ok().stdout;
    assert!(status.contains("from a backup of ") && status.contains("outbox list"), "{status}");
    // From now on all is as usual.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    mailbox.append("INBOX", &mail("d@customer.example", &mailbox.address, "Four").bytes());
    sandbox.run(&["fetch"]).ok();
    assert!(sink.received().len() > before, "new mail is answered");
    sandbox.run(&["db", "check"]).ok();
}

#[test]
fn a_restored_database_knows_that_it_is_one() {
    if no_file() {
        return;
    }
    let (sandbox, mailbox, sink) = restored_desk();
    sandbox.run(&["db", "restore", "backup.db"]).exits(2).says("kept as");
    sandbox.run(&["--yes", "db", "restore", "nothing.db"]).exits(65).says("is not there");
    sandbox.run(&["--yes", "--dry-run", "db", "restore", "backup.db"]).ok();
    assert_eq!(sandbox.items(&["case", "list"]).len(), 3);
    let backup = fs::read(sandbox.path("backup.db")).unwrap();
    sandbox.run(&["--yes", "db", "restore", "backup.db"]).ok();
    assert_eq!(fs::read(sandbox.path("backup.db")).unwrap(), backup, "the backup stays as it is");
    let kept = fs::read_dir(sandbox.path(""))
        .unwrap()
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().contains("before-restore"));
    let kept = kept.expect("what was there").path().display().to_string();
    let mut list = Command::new(program());
    list.args(["--db", &kept, "-q", "case", "list"]);
    assert_eq!(Child::default().spawn(list, None, kept).wait().ok().stdout.lines().count(), 3);
    let log = sandbox.items(&["log", "list"]);
    assert_eq!(log[0]["command"], "db restore");
    is_settled(&sandbox, &mailbox, &sink);
}

#[test]
fn a_backup_that_was_put_in_place_by_hand_knows_it_too() {
    if no_file() {
        return;
    }
    let (sandbox, mailbox, sink) = restored_desk();
    for helper in ["espomail.db-wal", "espomail.db-shm"] {
        fs::remove_file(sandbox.path(helper)).ok();
    }
    fs::copy(sandbox.path("backup.db"), sandbox.db()).unwrap();
    let status = sandbox.run(&["status"]).ok().stdout;
    assert!(status.contains("This is a backup of "), "{status}");
    is_settled(&sandbox, &mailbox, &sink);
}

#[test]
fn a_backup_replaces_what_is_damaged_or_gone() {
    if no_file() {
        return;
    }
    let sandbox = desk();
    sandbox.run(&["db", "backup", "backup.db"]).ok();
    let db = fs::OpenOptions::new().write(true).open(sandbox.db()).unwrap();
    db.write_all_at(&[0; 100], 0).unwrap();
    drop(db);
    sandbox.run(&["case", "list"]).exits(78).says("espomail db restore");
    sandbox.run(&["--yes", "db", "restore", "backup.db"]).ok();
    assert_eq!(sandbox.items(&["case", "list"]).len(), 30);
    fs::remove_file(sandbox.db()).unwrap();
    sandbox.run(&["db", "restore", "backup.db"]).ok();
    assert_eq!(sandbox.items(&["case", "list"]).len(), 30);
    sandbox.run(&["db", "check"]).ok();
    let bad = fs::read(sandbox.path("backup.db")).unwrap();
    fs::write(sandbox.path("cut.db"), &bad[..bad.len() / 2]).unwrap();
    fs::write(sandbox.path("empty.db"), "").unwrap();
    fs::write(sandbox.path("text.db"), "no database at all, but more than a hundred bytes ".repeat(9)).unwrap();
    for (name, words) in [
        ("cut.db", "the backup cut.db is damaged: "),
        ("empty.db", "the backup empty.db is damaged: "),
        ("text.db", "text.db is not a database of espomail, or it was overwritten"),
    ] {
        let refused = sandbox.run(&["--yes", "db", "restore", name]).exits(74).says(words);
        assert!(
            refused.stderr.contains("hint: name another backup: ") && !refused.stderr.contains("keep the damaged"),
            "{refused:#?}"
        );
    }
    assert_eq!(sandbox.items(&["case", "list"]).len(), 30);
    // Three in one second.
    let kept = || {
        fs::read_dir(sandbox.path(""))
            .unwrap()
            .flatten()
            .filter(|f| f.file_name().to_string_lossy().contains(".before-restore-"))
            .count()
    };
    let before = kept();
    (0..3).for_each(|_| drop(sandbox.run(&["--yes", "db", "restore", "backup.db"]).ok()));
    assert_eq!(kept(), before + 3);
}

/// Wherever a database is damaged: what is wrong with it is what was asked.
#[test]
fn doctor_prints_its_table_for_every_kind_of_damage() {
    if no_file() {
        return;
    }
    let sandbox = desk();
    let whole = fs::read(sandbox.db()).unwrap();
    let pages = whole.len() / 8_192;
    let mut failed = 0;
    for page in (0..pages).step_by(pages.div_ceil(40)) {
        for (what, bytes) in [(0_u8, 8_192), (0xff, 100), (0x41, 8)] {
            let mut damaged = whole.clone();
            damaged[page * 8_192..page * 8_192 + bytes].fill(what);
            fs::write(sandbox.db(), &damaged).unwrap();
            ["-wal", "-shm"].iter().for_each(|end| drop(fs::remove_file(sandbox.path(&format!("espomail.db{end}")))));
            let found = sandbox.run(&["doctor", "--offline"]);
            assert!(
                found.stdout.starts_with("CHECK ") && found.stdout.contains("\nconfiguration "),
                "page {page}, {what}: {found:#?}"
            );
            failed += usize::from(found.code == 74);
        }
    }
    assert!(failed > 40, "{failed} of these were seen");
    for size in [0, 50, 100, 8_192, whole.len() / 2] {
        fs::write(sandbox.db(), &whole[..size]).unwrap();
        let found = sandbox.run(&["doctor", "--offline"]);
        assert!(found.code != 0 && found.stdout.starts_with("CHECK "), "{size} bytes: {found:#?}");
        assert!(
            found.stdout.contains("\ndatabase ") || found.stdout.contains("\nintegrity "),
            "{size} bytes: {found:#?}"
        );
    }
}

/// What is damaged may lose what was put into it: the MTA keeps its copy.
#[test]
fn a_piped_message_that_a_damaged_database_cannot_import_stays_with_the_mta() {
    if no_file() {
        return;
    }
    let sandbox = desk();
    let db = sandbox.database();
    let root = db.value("SELECT rootpage FROM sqlite_master WHERE name = 'cases'").int();
    db.rows("PRAGMA wal_checkpoint(TRUNCATE)");
    drop(db);
    let mut bytes = fs::read(sandbox.db()).unwrap();
    let begin = usize::try_from(root - 1).unwrap() * 8_192;
    bytes[begin..begin + 8_192].fill(0x5a);
    fs::write(sandbox.db(), bytes).unwrap();
    let letter = mail("kim@customer.example", "support@desk.example", "Kept").bytes();
    let run = sandbox.call(&["ingest", "--account", "support"]).stdin(&letter).run().exits(75);
    assert!(run.stderr.contains("the MTA keeps it"), "{run:#?}");
    assert!(
        run.stderr.contains("espomail.db is damaged: ") && run.stderr.contains("espomail db restore FILE"),
        "{run:#?}"
    );
}
