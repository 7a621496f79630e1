//! `email open`: an attachment in the person's own program.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::{Desk, Letter};

/// A letter with files of these names.
fn with_files(names: &[&str]) -> Letter {
    let mut text =
        "From: kim@customer.example\nTo: support@desk.example\nSubject: Files\nMessage-ID: <files@customer.example>\n\
        MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nSee below.\n"
            .to_owned();
    for name in names {
        text.push_str(&format!(
            "--x\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename=\"{name}\"\n\nbytes of {name}\n"
        ));
    }
    Letter::of(&(text + "--x--\n"))
}

fn desk(names: &[&str]) -> Desk {
    let desk = Desk::new().piped_account("support", &[]);
    desk.put(&with_files(names));
    let run = desk.sandbox.path("run");
    std::fs::create_dir(&run).unwrap();
    desk.sandbox.env("XDG_RUNTIME_DIR", run.to_str().unwrap());
    desk
}

impl Desk {
    /// Files that were opened, with their paths below the runtime directory.
    fn files_opened(&self) -> Vec<std::path::PathBuf> {
        let Ok(dirs) = std::fs::read_dir(self.sandbox.path("run/espomail-opened")) else { return Vec::new() };
        dirs.flat_map(|dir| std::fs::read_dir(dir.unwrap().path()).unwrap()).map(|file| file.unwrap().path()).collect()
    }
}

#[test]
fn an_attachment_is_opened_from_a_private_file_by_the_persons_program() {
    let desk = desk(&["plan.txt", "../../etc/passwd"]);
    let part = |at: usize| desk.items("email attachment list 1")[at]["part"].to_string();
    let seen = desk.sandbox.path("seen");
    desk.sandbox.env("ESPOMAIL_OPENER", &format!("cp -t {}", seen.display()));
    std::fs::create_dir(&seen).unwrap();
    desk.ok(&["--as", "ana", "email", "open", "1", &part(0)]).silent();
    let file = std::fs::read(seen.join("plan.txt")).unwrap();
    assert_eq!(file.trim_ascii(), b"bytes of plan.txt");
    let opened = desk.files_opened();
    assert_eq!(opened.len(), 1);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&opened[0]), mode(opened[0].parent().unwrap())), (0o400, 0o700));
    assert_eq!(mode(&desk.sandbox.path("run/espomail-opened")), 0o700);
    // A name of a mail is a name alone.
    desk.ok(&["email", "open", "1", &part(1)]);
    assert!(seen.join("passwd").exists());
    // Of several attachments one has to be named; of one it goes without saying.
    desk.run("email open 1").exits(2).says("email 1 has 2 attachments; say which");
    desk.run("email open 1 99").exits(65).says("espomail email attachment list 1");
    desk.run("--as budi email open 9 1").exits(65).says("email 9: not found");
    let rehearsed = desk.ok(&["--dry-run", "email", "open", "1", &part(0)]);
    assert!(rehearsed.stderr.contains("plan.txt is opened with cp -t"), "{rehearsed:?}");
    assert_eq!(desk.files_opened().len(), 2);
}

#[test]
fn without_a_program_or_for_a_program_nothing_is_opened() {
    let desk = desk(&["invoice.pdf.jar"]);
    desk.sandbox.env("ESPOMAIL_OPENER", "true");
    desk.run("email open 1").exits(65).says("may be a program").says("email attachment save 1");
    let desk = self::desk(&["plan.txt"]);
    desk.run("email open 1").exits(78).says("set ESPOMAIL_OPENER, or save it: espomail email attachment save 1");
    desk.sandbox.env("ESPOMAIL_OPENER", "no-such-program-anywhere");
    desk.run("email open 1").exits(78).says("there is no such program");
    desk.sandbox.env("ESPOMAIL_OPENER", "false");
    desk.run("email open 1").exits(78).says("ended with exit code 1");
    // A directory that others can use is not used.
    let base = desk.sandbox.path("run/espomail-opened");
    std::fs::set_permissions(&base, std::fs::Permissions::from_mode(0o755)).unwrap();
    desk.run("email open 1").exits(77).says("must be a directory that only you can use");
}

#[test]
fn files_of_earlier_days_go() {
    let desk = desk(&["plan.txt"]);
    desk.sandbox.env("ESPOMAIL_OPENER", "true");
    desk.ok("email open 1");
    let old = desk.files_opened()[0].parent().unwrap().to_owned();
    let two_days = std::time::SystemTime::now() - std::time::Duration::from_hours(48);
    std::fs::File::open(&old).unwrap().set_modified(two_days).unwrap();
    desk.ok("email open 1");
    assert!(!old.exists() && desk.files_opened().len() == 1);
}
