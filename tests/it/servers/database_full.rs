//! The disk of the server is full: the mail stays on the mail server, and the next run goes on when there is room.

use std::path::PathBuf;
use std::process::Command;

use crate::support::cutter::{FULL_LOG, Fate, Harm, Step};
use crate::support::{Cutter, Dovecot, Mailbox, Postgres, Run, Sandbox, Stop, mail, noise, scratch};

/// A disk of some MiB that belongs to the user of the server.
struct Disk(PathBuf);

impl Disk {
    /// `None` = this process may not mount one.
    fn new(mib: u32) -> Option<Disk> {
        let dir = scratch("full");
        std::fs::create_dir(&dir).unwrap();
        let options = format!("size={mib}m,mode=700,uid={},gid={}", id("-u"), id("-g"));
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&dir).output();
        let disk = Disk(dir);
        mount.is_ok_and(|done| done.status.success()).then_some(disk)
    }

    /// How much is taken, in whole MiB.
    fn taken(&self) -> u32 {
        let said = Command::new("du").args(["-s", "-B1M"]).arg(&self.0).output().unwrap().stdout;
        String::from_utf8(said).unwrap().split_whitespace().next().unwrap().parse().unwrap()
    }

    fn resize(&self, mib: u32) {
        let done = Command::new("mount").args(["-o", &format!("remount,size={mib}m")]).arg(&self.0).status();
        assert!(done.unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).output().ok();
        std::fs::remove_dir(&self.0).ok();
    }
}

/// A number of the user that the server runs as.
fn id(which: &str) -> String {
    let said = Command::new("id").args([which, "mail"]).output().unwrap().stdout;
    String::from_utf8(said).unwrap().trim().to_owned()
}

/// Mails of 600 KB, which can hardly be packed.
fn fill(mailbox: &Mailbox) {
    for number in 1..=30 {
        let encoded = base64_simd::STANDARD.encode_to_string(noise(number, 450 << 10));
        let lines = encoded.as_bytes().chunks(70).map(|line| format!("{}\n", String::from_utf8_lossy(line)));
        let letter =
            mail(&format!("c{number}@customer.example"), "support@desk.example", &format!("Question {number}"));
        let letter = letter.message_id(&format!("<q{number}@customer.example>")).body(&lines.collect::<String>());
        mailbox.append("INBOX", &letter.bytes());
    }
}

/// A desk on this server that opens cases of [`fill`].
fn desk(postgres: &Postgres) -> (Sandbox, Mailbox) {
    let (sandbox, mailbox) = (Sandbox::on(&postgres.server), Dovecot::shared().mailbox());
    sandbox.run(&["init"]).ok();
    sandbox.run(&["team", "add", "Support"]).ok();
    sandbox.run(&["user", "add", "ana", "--email", "ana@staff.example"]).ok();
    sandbox.run(&["team", "member", "add", "Support", "ana"]).ok();
    let of_desk = ["--team", "Support", "--case-team", "Support", "--create-case", "--smtp", "127.0.0.1:9"];
    sandbox.group_account("support", &mailbox, &of_desk);
    fill(&mailbox);
    (sandbox, mailbox)
}

/// How many mails the mail server has marked as read.
fn seen(mailbox: &Mailbox) -> usize {
    let mut imap = mailbox.imap();
    imap.ok("SELECT INBOX");
    let seen = imap.ok("UID SEARCH SEEN");
    seen.iter().find_map(|line| line.strip_prefix("* SEARCH")).unwrap_or_default().split_whitespace().count()
}

/// Each mail came once, and has opened a case.
#[track_caller]
fn is_whole(sandbox: &Sandbox) {
    let all: Vec<u32> = (1..=30).collect();
    assert_eq!(sandbox.ledger().into_values().collect::<Vec<_>>(), [all]);
    assert_eq!(sandbox.items(&["case", "list", "--all", "--limit", "0"]).len(), 30);
}

#[test]
fn mail_waits_on_its_server_while_the_disk_of_the_database_is_full() {
    let Some(disk) = Disk::new(14) else { return eprintln!("skipped: a small disk needs root") };
    let postgres = Postgres::own();
    let as_superuser = |sql: &str| postgres.superuser("postgres").batch_execute(sql).unwrap();
    as_superuser(&format!("CREATE TABLESPACE small LOCATION '{}'", disk.0.display()));
    as_superuser("GRANT CREATE ON TABLESPACE small TO espomail");
    as_superuser("ALTER ROLE espomail SET default_tablespace = small");
    let (sandbox, mailbox) = desk(&postgres);
    let full = |run: Run| {
        let run = run.exits(74);
        let errors: Vec<&str> = run.stderr.lines().collect();
        let [said, hint] = errors[..] else { panic!("{run:#?}") };
        let told = format!(
            "the disk of the server of {} is full: could not extend file \"pg_tblspc/",
            sandbox.database_shown()
        );
        assert!(said.contains(&told) && hint == "hint: free some space there, then run it again", "{run:#?}");
    };
    full(sandbox.run(&["fetch"]));
    // Cron has heard of it.
    sandbox.run(&["fetch"]).exits(74).silent();
    let stored = sandbox.ledger().values().flatten().count();
    assert!(stored < 30, "the disk was not full");
    // Nobody is blamed, and what is there can be read. On the mail server nothing has changed that is not stored here.
    let aside = "SELECT id || '' FROM deliveries WHERE deaths > 0 OR outcome IN ('quarantined', 'unfetchable')";
    assert_eq!(sandbox.query(aside), [""; 0]);
    sandbox.run(&["case", "list", "--all"]).ok();
    sandbox.run(&["db", "check"]).ok();
    assert!(seen(&mailbox) <= stored);
    disk.resize(200);
    let again = sandbox.run(&["fetch"]).ok();
    assert!(again.stderr.contains(": works again after failing since "), "{again:#?}");
    is_whole(&sandbox);
    drop(sandbox);
    drop(postgres);
    drop(disk);
}

#[test]
fn what_was_committed_is_there_when_the_disk_of_the_write_ahead_log_is_full() {
    let Some(disk) = Disk::new(60) else { return eprintln!("skipped: a small disk needs root") };
    let postgres = Postgres::with_log_in(&disk.0);
    // Nobody else writes the log.
    for quiet in ["wal_writer_delay = '10s'", "autovacuum = off"] {
        postgres.superuser("postgres").batch_execute(&format!("ALTER SYSTEM SET {quiet}")).unwrap();
    }
    postgres.superuser("postgres").batch_execute("SELECT pg_reload_conf()").unwrap();
    let (sandbox, mailbox) = desk(&postgres);
    disk.resize(disk.taken() + 2);
    let run = sandbox.run(&["fetch", "support"]);
    let said = "could not write to file \"pg_wal/";
    match run.code {
        74 => {
            run.says("the disk of the server of ").says(said).says("start it again if it does not come back by itself")
        }
        // Its writer of the log has met it, for commits that did not wait: that process tells nobody.
        _ if !run.stderr.contains(said) => run
            .exits(75)
            .says("what was stored last may be lost, and then comes again: ")
            .says(&sandbox.database_shown()),
        _ => run.exits(75).says("has not said whether the last change was kept: ").says(said),
    };
    sandbox.run(&["fetch", "support"]).exits(75).says(&sandbox.database_shown());
    disk.resize(200);
    postgres.restart(Stop::Fast)();
    let stored = sandbox.ledger().values().flatten().count();
    assert!(stored < 30, "the disk was not full");
    assert!(seen(&mailbox) <= stored);
    sandbox.run(&["fetch"]).ok();
    is_whole(&sandbox);
    drop(sandbox);
    drop(postgres);
    drop(disk);
}

#[test]
fn a_commit_at_which_the_server_crashes_is_looked_up() {
    let sandbox = Sandbox::on(&Postgres::shared().server);
    let cutter = Cutter::new(&Postgres::shared().server);
    sandbox.run(&["init"]).ok();
    sandbox.connect_through(cutter.host());
    for (name, gets) in [("kept", true), ("undone", false)] {
        cutter.set_harm(Some(Harm::new(Step::CommitOf("INSERT INTO teams", 1), Fate::Crashed { gets })));
        let run = sandbox.run(&["team", "add", name]);
        assert!(cutter.is_done());
        if gets {
            run.ok();
        } else {
            run.exits(74).says(&format!("is full: {FULL_LOG}")).says("free some space there, start it again");
        }
    }
    assert_eq!(sandbox.query("SELECT name FROM teams"), ["kept"]);
}
