//! Attachments out of the archive and out of files (B12.2, promise S4).

use std::collections::BTreeSet;

use crate::support::{Dovecot, Sandbox, mail, promise};

const HOSTILE: &[&str] = &[
    "../../escaped",
    "/etc/cron.d/escaped",
    "..",
    ".",
    "",
    "a/../../b",
    "..\\..\\windows.ini",
    ".profile",
    "-rf",
    "~/escaped",
    "$(touch escaped)",
    "`touch escaped`",
    "a\tb",
    "a\u{1b}[2Jb",
    "a\u{202e}gpj.exe",
    "same.txt",
    "same.txt",
    "SAME.TXT",
    "link",
    "con: aux",
];

/// A message whose attachments have these names, each holding its number.
fn message(names: &[String]) -> Vec<u8> {
    let mut source = "From: a@x.example\nContent-Type: multipart/mixed; boundary=b\n\n".to_owned();
    for (n, name) in names.iter().enumerate() {
        let coded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        source += &format!("--b\nContent-Disposition: attachment; filename*=utf-8''{coded}\n\n{n}\n");
    }
    (source + "--b--\n").into_bytes()
}

#[test]
fn no_name_leaves_the_directory_or_overwrites_a_file() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path("saved");
    std::fs::create_dir(&dir).unwrap();
    std::os::unix::fs::symlink(sandbox.path("escaped"), dir.join("link")).unwrap();
    std::fs::write(dir.join("same.txt"), "mine").unwrap();
    let names: Vec<String> = (0..25)
        .flat_map(|round| {
            HOSTILE.iter().map(move |name| {
                if round == 0 { (*name).to_owned() } else { format!("{name}{}", "/x".repeat(round % 3)) }
            })
        })
        .collect();
    let before: BTreeSet<_> = std::fs::read_dir(sandbox.path("")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let file = sandbox.file("mail.eml", &message(&names));
    let run =
        sandbox.run(&["email", "attachment", "save", file.to_str().unwrap(), "--dir", dir.to_str().unwrap()]).ok();
    assert_eq!(run.stdout.lines().count(), names.len(), "{run:#?}");
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), names.len() + 2, "each is a file of its own");
    assert_eq!(std::fs::read(dir.join("same.txt")).unwrap(), b"mine");
    assert_eq!(std::fs::read(dir.join("same (1).txt")).unwrap(), b"15");
    assert!(!sandbox.path("escaped").exists());
    let after: BTreeSet<_> = std::fs::read_dir(sandbox.path("")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(after.difference(&before).collect::<Vec<_>>(), [&file], "nothing beside the directory");
    promise("S4", &format!("{} names of attachments: outside of the directory, overwritten", names.len()), "0, 0");
}

#[test]
fn attachments_of_the_archive() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &[]);
    let body = "--b\n\nSee both.\n--b\nContent-Type: message/rfc822\n\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n\nInner.\n\
                --b\nContent-Type: text/csv; name=\"list.csv\"\nContent-Transfer-Encoding: base64\n\nYSxi\n--b--\n";
    let letter = mail("kim@customer.example", &mailbox.address, "Two files").add("MIME-Version", "1.0");
    mailbox.append("INBOX", &letter.header("Content-Type", "multipart/mixed; boundary=b").body(body).bytes());
    sandbox.run(&["fetch"]).ok();
    let listed = sandbox.items(&["email", "attachment", "list", "1"]);
    let names: Vec<_> = listed.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Grüße.eml", "list.csv"]);
    let part = &listed[1]["part"].to_string();
    assert_eq!(sandbox.run(&["email", "attachment", "cat", "1", part]).ok().stdout, "a,b");
    let dir = sandbox.path("here");
    std::fs::create_dir(&dir).unwrap();
    sandbox.run(&["email", "attachment", "save", "1", part, "--dir", dir.to_str().unwrap()]).ok();
    assert_eq!(std::fs::read(dir.join("list.csv")).unwrap(), b"a,b");
    sandbox.run(&["email", "attachment", "cat", "1", "77"]).exits(65);
    sandbox.run(&["email", "attachment", "cat", "1", "x"]).exits(2);
    sandbox.run(&["email", "attachment", "save", "1", "--dir", "/nowhere"]).exits(65);
    sandbox.run(&["--as", "nobody", "email", "attachment", "list", "1"]).exits(77);
}
