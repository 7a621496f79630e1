#![allow(clippy::panic)]

use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::net::idle::Idle;
use crate::net::{Later, OpenFolder};
use crate::store::accounts::{Account, AccountKind};

fn listed(uid: u32, size: u64) -> Listed {
    Listed { uid, size, internal_date: None, seen: false }
}

/// A server that fails at every FETCH which names UID 3, after it has sent some.
struct Picky {
    sent: Vec<u32>,
    error: NetError,
    receiving: Option<u32>,
}

impl Picky {
    fn new(sent: &[u32], error: NetError) -> Picky {
        Picky { sent: sent.to_vec(), error, receiving: None }
    }
}

impl Idle for Picky {
    fn fetch(&mut self, uids: &[u32], _: Option<u32>, take: &mut dyn FnMut(Body)) -> Result<(), NetError> {
        let fails = uids.contains(&3);
        let sent = if fails { self.sent.clone() } else { uids.to_vec() };
        sent.into_iter().filter(|uid| uids.contains(uid)).for_each(|uid| take(Body { uid, raw: b"x".to_vec() }));
        if fails { Err(self.error.clone()) } else { Ok(()) }
    }

    fn receiving(&self) -> Option<u32> {
        self.receiving
    }

    fn open(&mut self, folder: &str, _: bool) -> Result<OpenFolder, NetError> {
        if folder == "Locked" {
            return Err(NetError::new(NetErrorKind::Folder, "folder \"Locked\": not for you"));
        }
        Ok(OpenFolder { uidvalidity: 1, uidnext: None, exists: 5 })
    }
}

/// Writes down what is handed over.
#[derive(Default)]
struct Notebook(Vec<(u32, bool, bool)>, Vec<String>);

impl Desk for Notebook {
    fn batch(&mut self, batch: Batch) -> Result<()> {
        let whole = |item: &Item| (item.listed.uid, matches!(item.body, Delivered::Whole(_)), batch.moves);
        self.0.extend(batch.items.iter().map(whole));
        Ok(())
    }

    fn folder(&mut self, folder: &str, failure: Option<&NetError>) -> Result<()> {
        self.1.extend(failure.map(|_| folder.to_owned()));
        Ok(())
    }
}

fn job() -> Job {
    Job {
        account: Account::new("a", AccountKind::Group, Timestamp::UNIX_EPOCH),
        folders: Vec::new(),
        portion: 0,
        max_size: 100,
        dry_run: false,
        until: Instant::now() + Duration::from_secs(60),
        is_claimed: true,
    }
}

/// What is handed over of UIDs 1 to 5: whether each is whole, and whether the watermark may pass it.
fn download(source: &mut dyn MailSource) -> (Vec<(u32, bool, bool)>, Result<()>) {
    let job = job();
    let range: Vec<Listed> = (1..=5).map(|uid| listed(uid, 1)).collect();
    let mut desk = Notebook::default();
    let ended = fetch_listed(source, &job, "INBOX", 1, &range, true, &mut desk);
    (desk.0, ended)
}

#[test]
fn a_message_that_is_refused_keeps_no_other_back() {
    let (handed, ended) = download(&mut Picky::new(&[1, 2], NetError::new(NetErrorKind::Refused, "cannot read it")));
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!(handed, [(1, true, true), (2, true, true), (3, false, true), (4, true, true), (5, true, true)]);
}

#[test]
fn where_the_connection_breaks_the_message_that_was_received_is_charged() {
    let closed = || NetError::new(NetErrorKind::Closed, "gone");
    for (sent, receiving, charged) in [
        (&[1, 2][..], None, &[(3, false, true)][..]),
        (&[1, 2], Some(3), &[(3, false, true)]),
        (&[], None, &[(1, false, true)]),
        // In another order: what had not come before it is not passed.
        (&[5, 1], Some(3), &[(3, false, false)]),
        (&[1, 2, 4], Some(3), &[(3, false, true), (4, true, true)]),
        // A server may name anything.
        (&[1, 2], Some(99), &[(3, false, true)]),
        (&[1, 2], Some(1), &[(3, false, true)]),
    ] {
        let (handed, ended) = download(&mut Picky { receiving, ..Picky::new(sent, closed()) });
        let mut expected: Vec<(u32, bool, bool)> =
            sent.iter().filter(|uid| **uid <= 2).map(|uid| (*uid, true, true)).collect();
        expected.extend(charged);
        assert_eq!(handed, expected, "{sent:?} {receiving:?}");
        assert!(ended.is_err());
    }
}

#[test]
fn a_folder_that_cannot_be_opened_keeps_back_what_is_owed_of_no_other() -> Result<()> {
    let job = job();
    let owed = [("Locked", 1), ("INBOX", 2), ("Locked", 4), ("INBOX", 5)];
    let owed = owed.map(|(folder, uid)| Owed { folder: folder.to_owned(), uidvalidity: 1, uid, size: 1 });
    let mut desk = Notebook::default();
    let mut source = Picky::new(&[], NetError::new(NetErrorKind::Closed, "gone"));
    let failed = fetch_owed(&mut source, &job, owed.into(), &mut desk)?;
    assert_eq!(desk.0, [(2, true, false), (5, true, false)]);
    assert_eq!(desk.1, ["Locked"], "told once");
    assert_eq!(failed.map(|error| format!("{error:#}")).as_deref(), Some("folder \"Locked\": not for you"));
    Ok(())
}

#[test]
fn a_server_that_asks_to_be_left_alone_charges_nobody() {
    let later = NetError {
        kind: NetErrorKind::Temporary,
        message: "throttled".into(),
        later: Some(Later { after: None, of_folder: false }),
        fingerprint: None,
        hint: None,
    };
    let (handed, ended) = download(&mut Picky::new(&[1, 2], later));
    assert_eq!(handed, [(1, true, true), (2, true, true)]);
    assert!(ended.is_err());
}

#[test]
fn the_end_of_the_run_charges_nobody() {
    let account = Account::new("a", AccountKind::Group, Timestamp::UNIX_EPOCH);
    let job = Job {
        account,
        folders: Vec::new(),
        portion: 0,
        max_size: 100,
        dry_run: false,
        until: Instant::now(),
        is_claimed: true,
    };
    let timeout = NetError::new(NetErrorKind::Timeout, "the server does not answer in time");
    assert!(!is_attempt(&timeout, &job));
    assert!(is_attempt(&timeout, &Job { until: Instant::now() + Duration::from_secs(60), ..job }));
}

#[test]
fn ranges_are_bounded_by_bytes_and_large_messages_stand_alone() {
    let mib = 1 << 20;
    let cut = |sizes: &[u64]| -> Vec<usize> {
        let new: Vec<Listed> = (1..).zip(sizes).map(|(uid, size)| listed(uid, *size)).collect();
        ranges(&new, 25 * mib).iter().map(|r| r.len()).collect()
    };
    assert_eq!(cut(&[]), Vec::<usize>::new());
    assert_eq!(cut(&[mib; 40]), [16, 16, 8]);
    assert_eq!(cut(&[mib, 20 * mib, mib, 60 * mib, mib]), [1, 1, 1, 1, 1]);
    assert_eq!(cut(&[100; 1_200]), [500, 500, 200]);
}
