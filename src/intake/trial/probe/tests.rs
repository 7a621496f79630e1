#![allow(clippy::unwrap_used)]
use std::collections::BTreeSet;

use jiff::civil::Date;

use super::*;
use crate::net::{Body, Listed, Listing, NetError, NetErrorKind, OpenFolder};

/// Folders by name with their use, and the labels of one message.
struct Gmail {
    folders: Vec<ListedFolder>,
    labels: BTreeSet<String>,
    open: String,
    done: Vec<String>,
}

impl Gmail {
    fn new(folders: &[(&str, &str)], labels: &[&str]) -> Gmail {
        let listed = |(name, special_use): &(&str, &str)| ListedFolder {
            name: (*name).to_owned(),
            selectable: true,
            special_use: Some((*special_use).to_owned()).filter(|of| !of.is_empty()),
        };
        Gmail {
            folders: folders.iter().map(listed).collect(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            open: String::new(),
            done: Vec::new(),
        }
    }
}

fn unused<T>() -> Result<T, NetError> {
    Err(NetError::new(NetErrorKind::Protocol, "not needed here"))
}

impl MailSource for Gmail {
    fn open(&mut self, folder: &str, _read_only: bool) -> Result<OpenFolder, NetError> {
        self.open = folder.to_owned();
        Ok(OpenFolder { uidvalidity: 1, uidnext: Some(2), exists: 1 })
    }
    fn find(&mut self, _message_id: &str) -> Result<Vec<u32>, NetError> {
        Ok(if self.labels.contains(&self.open) { vec![1] } else { Vec::new() })
    }
    fn move_to(&mut self, uids: &[u32], folder: &str) -> Result<(), NetError> {
        self.done.push(format!("move {} from {} to {folder}", uids.len(), self.open));
        self.labels = BTreeSet::from([folder.to_owned()]);
        Ok(())
    }
    fn delete(&mut self, uids: &[u32]) -> Result<(), NetError> {
        self.done.push(format!("delete {} in {}", uids.len(), self.open));
        self.labels.remove(&self.open);
        Ok(())
    }
    fn folders(&mut self) -> Result<Vec<ListedFolder>, NetError> {
        Ok(self.folders.clone())
    }
    fn search_since(&mut self, _since: Date) -> Result<Option<Vec<u32>>, NetError> {
        unused()
    }
    fn search_all(&mut self) -> Result<Option<Vec<u32>>, NetError> {
        unused()
    }
    fn list(&mut self, _first: u32) -> Result<Listing, NetError> {
        unused()
    }
    fn list_uids(&mut self, _uids: &[u32]) -> Result<Vec<Listed>, NetError> {
        unused()
    }
    fn fetch(&mut self, _: &[u32], _: Option<u32>, _: &mut dyn FnMut(Body)) -> Result<(), NetError> {
        unused()
    }
    fn mark_seen(&mut self, _uids: &[u32]) -> Result<(), NetError> {
        unused()
    }
    fn create(&mut self, _folder: &str) -> Result<(), NetError> {
        unused()
    }
    fn append(&mut self, _folder: &str, _raw: &[u8], _date: Timestamp) -> Result<(), NetError> {
        unused()
    }
    fn capabilities(&mut self) -> Result<Vec<String>, NetError> {
        unused()
    }
    fn logout(&mut self) {}
}

#[test]
fn a_probe_leaves_all_mail_too() {
    let inbox = || vec!["INBOX".to_owned()];
    let gmail = [
        ("INBOX", ""),
        ("[Gmail]/All Mail", "\\All"),
        ("[Gmail]/Sent Mail", "\\Sent"),
        ("[Gmail]/Spam", "\\Junk"),
        ("[Gmail]/Trash", "\\Trash"),
    ];
    let plain = [("INBOX", ""), ("Sent", "\\Sent"), ("Trash", "\\Trash"), ("Junk", "\\Junk")];
    let all = vec!["[Gmail]/All Mail".to_owned()];
    type Row<'a> = (&'a [(&'a str, &'a str)], Vec<String>, &'a [&'a str], &'a str, &'a [&'a str]);
    let rows: [Row<'_>; 4] = [
        (
            &gmail,
            inbox(),
            &["INBOX", "[Gmail]/All Mail", "[Gmail]/Sent Mail"],
            "INBOX",
            &["move 1 from INBOX to [Gmail]/Trash", "delete 1 in [Gmail]/Trash"],
        ),
        (
            &gmail,
            inbox(),
            &["[Gmail]/Spam"],
            "[Gmail]/Spam",
            &["move 1 from [Gmail]/Spam to [Gmail]/Trash", "delete 1 in [Gmail]/Trash"],
        ),
        (
            &gmail,
            all,
            &["[Gmail]/All Mail"],
            "[Gmail]/All Mail",
            &["move 1 from [Gmail]/All Mail to [Gmail]/Trash", "delete 1 in [Gmail]/Trash"],
        ),
        (&plain, inbox(), &["INBOX", "Sent"], "INBOX", &["delete 1 in INBOX", "delete 1 in Sent"]),
    ];
    for (folders, polled, labels, found, done) in rows {
        let mut source = Gmail::new(folders, labels);
        let probe = Probe::new("a@x.example", Timestamp::UNIX_EPOCH).unwrap();
        let arrived = probe.wait(&mut source, &polled, Duration::ZERO).unwrap().unwrap();
        assert_eq!(
            (arrived.folder.as_str(), &source.done[..]),
            (found, &done.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>()[..]),
            "{folders:?}"
        );
        assert!(source.labels.is_empty(), "{:?}", source.labels);
    }
}
