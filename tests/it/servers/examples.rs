//! The examples of the manual do what they say: a shell runs them, page after page, on real servers.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::support::{Child, Desk, Dovecot, Exim, Run, is_on_server, mail, program};

/// The pages in an order in which each finds what the ones before it made.
const PAGES: &[&str] = &["account", "fetch", "filter", "case", "email", "folder", "export", "import", "db"];

/// An office whose only account is still to be added: ana is the administrator who types.
fn desk() -> Desk {
    let desk = Desk::empty().with_mailbox("support", "espomail.example");
    let sandbox = &desk.sandbox;
    for directory in ["bin", "backups", "files", "old/cur", "old/new", "old/tmp"] {
        std::fs::create_dir_all(sandbox.path(directory)).unwrap();
    }
    symlink(program(), sandbox.path("bin/espomail")).unwrap();
    desk.ok("user add ana --email ana@staff.example --type admin --login root");
    for team in ["Support", "Sales"] {
        desk.ok(&["team", "add", team]);
        desk.ok(&["team", "member", "add", team, "ana"]);
    }
    let sales = "account add sales --address sales@example.org --team Sales --tls none";
    desk.ok(&format!("{sales} --smtp 127.0.0.1:{}", Exim::shared().smtp));
    let text = sandbox.file("answer.md", b"The part is *on its way*.\n");
    let text = text.to_str().unwrap();
    desk.ok(&["template", "add", "ack", "--subject", "We have your message", "--body", text]);
    sandbox.file("invoice.pdf", b"%PDF-1.4\n");
    desk.old_mail();
    desk
}

impl Desk {
    fn example_letter(&self, subject: &str) -> Vec<u8> {
        let letter = mail("Eva <eva@customer.example>", "support@example.org", subject);
        letter.cc("ana@staff.example").bytes()
    }

    /// The files that imports and `ingest` read.
    fn old_mail(&self) {
        let from = b"From eva@customer.example Thu Jan  1 00:00:00 2026\n".to_vec();
        let mbox = [from, self.example_letter("in an mbox file")].concat();
        self.sandbox.file("old-support.mbox", &mbox);
        for (file, subject) in [("mail.eml", "piped"), ("lost.eml", "lost"), ("old/cur/1:2,S", "in a Maildir")] {
            self.sandbox.file(file, &self.example_letter(subject));
        }
    }

    /// The line as it can be typed here: other servers, places and numbers.
    fn here(&self, line: &str) -> String {
        let (imap, smtp) = (Dovecot::shared().imap, Exim::shared().smtp);
        let login = format!("--secret stdin --tls none --login {}", self.support().user);
        let backups = self.sandbox.path("backups").display().to_string();
        [
            ("* * * * * ", ""),
            ("30 4 * * 0 ", ""),
            ("/usr/local/bin/", ""),
            ("/var/backups", backups.as_str()),
            ("/srv/old", "old"),
            ("imap.example.org", &format!("127.0.0.1:{imap}")),
            ("smtp.example.org", &format!("127.0.0.1:{smtp}")),
            ("--secret stdin", &login),
            ("9131", "1"),
            // The second email is the automatic reply to the first one.
            ("9132", "3"),
            ("email 91 92", "email 3 4"),
        ]
        .iter()
        .fold(line.to_owned(), |line, (there, here)| line.replace(there, here))
    }

    fn shell(&self, line: &str) -> Run {
        let sandbox = &self.sandbox;
        let mut command = Command::new("/bin/bash");
        command.args(["-o", "pipefail", "-c", line]).current_dir(sandbox.path("")).env_clear();
        command.env("PATH", format!("{}:/usr/bin:/bin", sandbox.path("bin").display())).env("TZ", "UTC");
        command.env("HOME", sandbox.path("home")).env("LANG", "C.UTF-8");
        command.env("ESPOMAIL_CONFIG", sandbox.path("config.toml"));
        command.envs(sandbox.place_in_environment());
        Child::default().spawn(command, Some(b"pw\n".to_vec()), line.to_owned()).wait()
    }

    /// What a command needs besides the ones before it.
    fn prepare(&self, line: &str) {
        if line.contains("account audit") {
            self.ok(&["fetch"]);
        } else if line.starts_with("* * * * *") {
            for n in 1..=14 {
                self.support().append("INBOX", &self.example_letter(&format!("Question {n}")));
            }
        } else if line.contains("db check") {
            self.ok(&["db", "backup", "backups/espomail-2026-11-28.db"]);
        }
    }
}

/// The commands below EXAMPLES in the manual page of a command.
fn examples(page: &str) -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("man/espomail-{page}.1"));
    let source = std::fs::read_to_string(file).unwrap();
    let (_, section) = source.split_once(".Sh EXAMPLES\n").unwrap();
    let section = section.split("\n.Sh ").next().unwrap();
    let lines = section.split_inclusive('\n').scan(false, |is_literal, line| {
        *is_literal = line.starts_with(".Bd") || (*is_literal && !line.starts_with(".Ed"));
        let is_typed = *is_literal && !line.starts_with('.');
        Some(line.strip_prefix(".Dl ").or(is_typed.then_some(line)).unwrap_or_default().to_owned())
    });
    let text: String = lines.collect();
    let text = text.replace("\\(aq", "'").replace("\\(dq", "\"").replace("\\e", "\\");
    text.replace("\\\n", "").lines().map(str::to_owned).collect()
}

#[test]
fn examples_of_the_manual_work() {
    let desk = desk();
    for page in PAGES {
        let lines = examples(page);
        assert!(lines.len() >= 2, "{page}: {lines:?}");
        for line in lines {
            desk.prepare(&line);
            let run = desk.shell(&desk.here(&line));
            // A backup is put in the place of a file only.
            match is_on_server() && line.contains("db restore") {
                true => drop(run.exits(2).says("espomail db copy ")),
                false => drop(run.ok()),
            }
        }
    }
    // What they say they do.
    let sandbox = &desk.sandbox;
    let subjects = sandbox.run(&["--no-headers", "--fields", "subject", "email", "list", "--limit", "100"]).ok();
    for subject in ["Question 14", "piped", "lost", "in an mbox file", "in a Maildir"] {
        assert!(subjects.stdout.contains(subject), "{subject}: {}", subjects.stdout);
    }
    let case = sandbox.json(&["case", "show", "12"]);
    assert_eq!(case["status"], "Closed", "{case}");
    assert_eq!(sandbox.items(&["filter", "list"]).len(), 2);
    assert!(sandbox.path("cases.mbox").exists() && sandbox.path("mails/3.eml").exists());
}
