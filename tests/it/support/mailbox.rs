//! One user's mail on the private Dovecot.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hmac::{KeyInit, Mac};

use super::imap::number_after;
use super::{Imap, Stored, wait_until};

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
        self.imap().append(folder, flags, date.as_deref(), raw)
    }

    /// Everything in a folder, oldest UID first.
    pub fn messages(&self, folder: &str) -> Vec<Stored> {
        self.imap().messages(folder)
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
        self.imap().ok(&format!("CREATE \"{folder}\""));
    }

    pub fn delete(&self, folder: &str) {
        self.imap().ok(&format!("DELETE \"{folder}\""));
    }

    pub fn rename(&self, from: &str, to: &str) {
        self.imap().ok(&format!("RENAME \"{from}\" \"{to}\""));
    }

    /// Changes flags: `store("INBOX", 3, "+FLAGS (\\Seen)")`.
    pub fn store(&self, folder: &str, uid: u32, change: &str) {
        let mut imap = self.imap();
        imap.ok(&format!("SELECT \"{folder}\""));
        imap.ok(&format!("UID STORE {uid} {change}"));
    }

    /// Removes one message from the server.
    pub fn expunge(&self, folder: &str, uid: u32) {
        let mut imap = self.imap();
        imap.ok(&format!("SELECT \"{folder}\""));
        imap.ok(&format!("UID STORE {uid} +FLAGS (\\Deleted)"));
        imap.ok(&format!("UID EXPUNGE {uid}"));
    }

    pub fn uid_validity(&self, folder: &str) -> u32 {
        let lines = self.imap().ok(&format!("STATUS \"{folder}\" (UIDVALIDITY)"));
        number_after(&lines.join("\n"), "UIDVALIDITY ", 1)
    }

    /// Gives a folder a new UIDVALIDITY; its messages stay and are renumbered from 1.
    pub fn recreate(&self, folder: &str) {
        let before = self.uid_validity(folder);
        let directory = match folder {
            "INBOX" => self.maildir.clone(),
            other => self.maildir.join(format!(".{}", other.replace('/', "."))),
        };
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            if name == "dovecot-uidlist" || name.starts_with("dovecot.index") {
                std::fs::remove_file(&path).unwrap();
            }
        }
        assert_ne!(before, self.uid_validity(folder), "Dovecot kept the UIDVALIDITY");
    }
}

fn base64_url(bytes: &[u8]) -> String {
    openssl::base64::encode_block(bytes).replace('+', "-").replace('/', "_").replace('=', "")
}
