//! One user's mail on the private IMAP server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hmac::{KeyInit, Mac};

use super::imap::number_after;
use super::{Imap, Make, Stored, wait_until};

/// A login (password `pw`) and an address that leads there. Folders are separated by `/`.
pub struct Mailbox {
    pub user: String,
    pub address: String,
    port: u16,
    maildir: PathBuf,
}

impl Mailbox {
    pub(super) fn new(port: u16, user: String, address: String, dovecot: &Path) -> Mailbox {
        let maildir = dovecot.join("mail").join(&user);
        Mailbox { user, address, port, maildir }
    }

    /// A connection of one's own, for what has no method here.
    pub fn imap(&self) -> Imap {
        Imap::login(self.port, &self.user, "pw")
    }

    /// An access token for XOAUTH2, good for `seconds` from now (or no longer good, if negative).
    pub fn token(&self, seconds: i64) -> String {
        let now = jiff::Timestamp::now().as_second();
        let claims =
            format!(r#"{{"sub":"{}","iat":{},"exp":{}}}"#, self.user, now.min(now + seconds) - 10, now + seconds);
        let signed = format!("{}.{}", base64_url(br#"{"alg":"HS256","typ":"JWT"}"#), base64_url(claims.as_bytes()));
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(b"espomail-test-token-secret").unwrap();
        mac.update(signed.as_bytes());
        format!("{signed}.{}", base64_url(&mac.finalize().into_bytes()))
    }

    /// Puts a message there, unread, arriving now; the new UID.
    pub fn append(&self, folder: &str, raw: &[u8]) -> u32 {
        self.append_with(folder, raw, None, &[])
    }

    /// The same with INTERNALDATE and flags.
    pub fn append_with(&self, folder: &str, raw: &[u8], arrived: Option<jiff::Timestamp>, flags: &[&str]) -> u32 {
        let date = arrived.map(|at| at.strftime("%d-%b-%Y %H:%M:%S +0000").to_string());
        self.imap().append(&on_wire(folder), flags, date.as_deref(), raw)
    }

    /// Everything in a folder, oldest UID first.
    pub fn messages(&self, folder: &str) -> Vec<Stored> {
        self.imap().messages(&on_wire(folder))
    }

    /// Waits till INBOX holds at least `count` messages and returns them.
    #[track_caller]
    pub fn arrived(&self, count: usize) -> Vec<Stored> {
        wait_until(Duration::from_secs(20), || self.messages("INBOX").len() >= count);
        self.messages("INBOX")
    }

    /// INBOX as an independent mail program reads it: `reader.py`.
    #[track_caller]
    pub fn read_by_python(&self) -> Vec<serde_json::Value> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/reader.py");
        let output = std::process::Command::new("python3")
            .arg(script)
            .args([&self.port.to_string(), &self.user])
            .output()
            .expect("python3");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = String::from_utf8(output.stdout).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub fn create(&self, folder: &str) {
        self.imap().ok(&format!("CREATE \"{}\"", on_wire(folder)));
    }

    pub fn delete(&self, folder: &str) {
        self.imap().ok(&format!("DELETE \"{}\"", on_wire(folder)));
    }

    pub fn rename(&self, from: &str, to: &str) {
        self.imap().ok(&format!("RENAME \"{}\" \"{}\"", on_wire(from), on_wire(to)));
    }

    /// Changes flags: `store("INBOX", 3, "+FLAGS (\\Seen)")`.
    pub fn store(&self, folder: &str, uid: u32, change: &str) {
        let mut imap = self.imap();
        imap.ok(&format!("SELECT \"{}\"", on_wire(folder)));
        imap.ok(&format!("UID STORE {uid} {change}"));
    }

    /// Removes one message from the server.
    pub fn expunge(&self, folder: &str, uid: u32) {
        let mut imap = self.imap();
        imap.ok(&format!("SELECT \"{}\"", on_wire(folder)));
        imap.ok(&format!("UID STORE {uid} +FLAGS (\\Deleted)"));
        imap.ok(&format!("UID EXPUNGE {uid}"));
    }

    pub fn uid_validity(&self, folder: &str) -> u32 {
        let lines = self.imap().ok(&format!("STATUS \"{}\" (UIDVALIDITY)", on_wire(folder)));
        number_after(&lines.join("\n"), "UIDVALIDITY ", 1)
    }

    /// Gives a folder a new UIDVALIDITY; its messages stay and are renumbered from 1.
    pub fn recreate(&self, folder: &str) {
        let before = self.uid_validity(folder);
        if Make::chosen() == Make::Cyrus {
            return self.recreate_by_hand(folder, before);
        }
        let directory = self.directory(folder);
        // Courier makes UIDVALIDITY of the time in seconds.
        let wait = if Make::chosen() == Make::Courier { 1_100 } else { 0 };
        std::thread::sleep(Duration::from_millis(wait));
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            if name == "dovecot-uidlist" || name.starts_with("dovecot.index") || name.starts_with("courierimapuiddb") {
                std::fs::remove_file(&path).unwrap();
            }
        }
        assert_ne!(before, self.uid_validity(folder), "the server kept the UIDVALIDITY");
    }

    /// The same by an administrator, who deletes the folder and puts its messages into a new one. Of INBOX, the folders
    /// below it come again, too.
    fn recreate_by_hand(&self, folder: &str, before: u32) {
        let listed = self.imap().ok("LIST \"\" \"*\"").join("\n");
        let below = listed.lines().filter_map(|line| line.rsplit(' ').next()).filter(|name| name.starts_with("INBOX."));
        let top = on_wire(folder);
        let mut names = vec![top.as_str()];
        names.extend(below.filter(|_| folder == "INBOX"));
        let kept: Vec<_> = names.iter().map(|name| (*name, self.imap().messages(name))).collect();
        let at_top = |name: &str| name.replacen("INBOX", &format!("user.{}", self.user), 1);
        let mut admin = Imap::login(self.port, "admin", "pw");
        // Cyrus makes UIDVALIDITY of the time in seconds.
        std::thread::sleep(Duration::from_millis(1_100));
        admin.ok(&format!("SETACL {} admin lrswipkxtecda", at_top(&top)));
        admin.ok(&format!("DELETE {}", at_top(&top)));
        for (name, messages) in kept {
            admin.ok(&format!("CREATE {}", at_top(name)));
            for Stored { flags, raw, .. } in messages {
                let flags: Vec<&str> = flags.iter().map(String::as_str).filter(|flag| *flag != "\\Recent").collect();
                self.imap().append(name, &flags, None, &raw);
            }
        }
        assert_ne!(before, self.uid_validity(folder), "the server kept the UIDVALIDITY");
    }

    /// Lets the mailbox have this number of bytes; panics on Dovecot, which counts none here.
    pub fn limit(&self, bytes: usize) {
        match Make::chosen() {
            Make::Dovecot => panic!("no quota"),
            Make::Courier => std::fs::write(self.maildir.join("quota"), format!("{bytes}S")).unwrap(),
            Make::Cyrus => {
                let quota = format!("SETQUOTA user.{} (STORAGE {})", self.user, bytes / 1024);
                drop(Imap::login(self.port, "admin", "pw").ok(&quota));
            }
        }
    }

    /// Lets the user read INBOX and change nothing there, or everything again; panics on Dovecot, which has no ACL here.
    pub fn read_only(&self, is_read_only: bool) {
        let (who, little, all) = match Make::chosen() {
            Make::Dovecot => panic!("no ACL"),
            Make::Courier => ("owner", "alr", "acdilrsw"),
            Make::Cyrus => (self.user.as_str(), "lra", "lrswipkxtecda"),
        };
        self.imap().ok(&format!("SETACL INBOX {who} {}", if is_read_only { little } else { all }));
    }

    /// The folder's Maildir.
    pub fn directory(&self, folder: &str) -> PathBuf {
        match folder {
            "INBOX" => self.maildir.clone(),
            other => self.maildir.join(format!(".{}", other.replace('/', "."))),
        }
    }
}

fn on_wire(folder: &str) -> String {
    Make::chosen().folder(folder)
}

fn base64_url(bytes: &[u8]) -> String {
    openssl::base64::encode_block(bytes).replace('+', "-").replace('/', "_").replace('=', "")
}
