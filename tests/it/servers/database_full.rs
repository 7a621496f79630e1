//! The disk of the server is full: the mail stays on the mail server, and the next run goes on when there is room.

use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;

use crate::support::{Dovecot, Mailbox, Postgres, Run, Sandbox, SmtpSink, mail, noise, scratch};

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

    fn grow(&self, mib: u32) {
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
        let encoded = base64::engine::general_purpose::STANDARD.encode(noise(number, 450 << 10));
        let lines = encoded.as_bytes().chunks(70).map(|line| format!("{}\n", String::from_utf8_lossy(line)));
        let letter =
            mail(&format!("c{number}@customer.example"), "support@desk.example", &format!("Question {number}"));
        let letter = letter.message_id(&format!("<q{number}@customer.example>")).body(&lines.collect::<String>());
        mailbox.append("INBOX", &letter.bytes());
    }
}

#[test]
fn mail_waits_on_its_server_while_the_disk_of_the_database_is_full() {
    let Some(disk) = Disk::new(14) else { return eprintln!("skipped: a small disk needs root") };
    let postgres = Postgres::own();
    let as_superuser = |sql: &str| postgres.superuser("postgres").batch_execute(sql).unwrap();
    as_superuser(&format!("CREATE TABLESPACE small LOCATION '{}'", disk.0.display()));
    as_superuser("GRANT CREATE ON TABLESPACE small TO espomail");
    as_superuser("ALTER ROLE espomail SET default_tablespace = small");
    let (sandbox, mailbox, sink) =
        (Sandbox::on(&postgres.server), Dovecot::shared().mailbox(), SmtpSink::new(Vec::new()));
    sandbox.run(&["init"]).ok();
    sandbox.run(&["team", "add", "Support"]).ok();
    sandbox.run(&["user", "add", "ana", "--email", "ana@staff.example"]).ok();
    sandbox.run(&["team", "member", "add", "Support", "ana"]).ok();
    let of_desk = ["--team", "Support", "--case-team", "Support", "--create-case", "--smtp", &sink.address()];
    sandbox.group_account("support", &mailbox, &of_desk);
    fill(&mailbox);
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
    full(sandbox.run(&["fetch"]));
    let stored = sandbox.ledger().values().flatten().count();
    assert!(stored < 30, "the disk was not full");
    // Nobody is blamed, and what is there can be read. On the mail server nothing has changed that is not stored here.
    let aside = "SELECT id || '' FROM deliveries WHERE deaths > 0 OR outcome IN ('quarantined', 'unfetchable')";
    assert_eq!(sandbox.query(aside), [""; 0]);
    sandbox.run(&["case", "list", "--all"]).ok();
    sandbox.run(&["db", "check"]).ok();
    let mut imap = mailbox.imap();
    imap.ok("SELECT INBOX");
    let seen = imap.ok("UID SEARCH SEEN");
    let seen =
        seen.iter().find_map(|line| line.strip_prefix("* SEARCH")).unwrap_or_default().split_whitespace().count();
    assert!(seen <= stored, "{seen} of {stored}");
    disk.grow(200);
    sandbox.run(&["fetch"]).ok();
    let all: Vec<u32> = (1..=30).collect();
    assert_eq!(sandbox.ledger().into_values().collect::<Vec<_>>(), [all]);
    assert_eq!(sandbox.items(&["case", "list", "--all", "--limit", "0"]).len(), 30);
    drop(sandbox);
    drop(postgres);
    drop(disk);
}
