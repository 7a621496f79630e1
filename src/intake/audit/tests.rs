#![allow(clippy::unwrap_used, clippy::panic)]

use jiff::civil::Date;

use super::*;
use crate::net::idle::Idle;
use crate::net::{Body, Listing};
use crate::store::accounts::AccountKind;
use crate::store::deliveries::{Facts, Place};

/// A server that is only looked at: its messages, and what it was asked.
struct Shelf {
    listed: Vec<Listed>,
    past: u32,
    asked: Vec<&'static str>,
}

impl Shelf {
    fn new(uids: impl Iterator<Item = u32>, past: u32) -> Shelf {
        let date = Some(Timestamp::UNIX_EPOCH);
        let listed = uids.map(|uid| Listed { uid, size: 3, internal_date: date, seen: false }).collect();
        Shelf { listed, past, asked: Vec::new() }
    }

    fn find(&mut self, question: &'static str, wanted: impl Fn(u32) -> bool) -> Vec<Listed> {
        self.asked.push(question);
        self.listed.iter().filter(|message| wanted(message.uid)).copied().collect()
    }
}

impl Idle for Shelf {
    fn open(&mut self, _: &str, read_only: bool) -> Result<OpenFolder, NetError> {
        assert!(read_only, "an audit opens nothing for writing");
        let uidnext = self.listed.last().map(|message| message.uid + 1);
        Ok(OpenFolder { uidvalidity: 7, uidnext, exists: u32::try_from(self.listed.len()).unwrap() })
    }

    fn search_since(&mut self, _: Date) -> Result<Option<Vec<u32>>, NetError> {
        let past = self.past;
        Ok(Some(self.find("search", |uid| uid <= past).iter().map(|message| message.uid).collect()))
    }

    fn search_all(&mut self) -> Result<Option<Vec<u32>>, NetError> {
        panic!("an audit takes no more questions than it has to")
    }

    fn list(&mut self, first: u32) -> Result<Listing, NetError> {
        Ok(Listing { rows: self.find("list", |uid| uid >= first), ..Listing::default() })
    }

    fn list_uids(&mut self, uids: &[u32]) -> Result<Vec<Listed>, NetError> {
        Ok(self.find("list these", |uid| uids.contains(&uid)))
    }

    fn fetch(&mut self, _: &[u32], _: Option<u32>, _: &mut dyn FnMut(Body)) -> Result<(), NetError> {
        panic!("an audit fetches nothing")
    }

    fn change(&mut self, _: &[u32]) -> Result<(), NetError> {
        panic!("an audit changes nothing")
    }

    fn append(&mut self, _: &str, _: &[u8], _: Timestamp) -> Result<(), NetError> {
        panic!("an audit changes nothing")
    }
}

/// An account whose ledger has these UIDs, the watermark at the last of them.
fn ledger(uids: impl Iterator<Item = u32>, past: u32) -> (Store, Account) {
    let store = Store::for_test().unwrap();
    let now = Timestamp::UNIX_EPOCH;
    let account = store
        .write(|tx| {
            let id = accounts::add(tx, &Account::new("a", AccountKind::Group, now))?;
            accounts::put_folders(tx, id, &["INBOX".to_owned()])?;
            accounts::begin_folder(tx, id, "INBOX", 7, past)?;
            let mut last = 0;
            for uid in uids {
                let place = Place { account_id: id, folder: "INBOX", uidvalidity: 7, uid };
                // No bytes have to be stored for thousands of rows.
                let facts = Facts { internal_date: now, size: 3, truncated: false, now };
                for _ in 0..3 {
                    deliveries::miss(tx, place, facts, "")?;
                }
                last = uid;
            }
            accounts::raise_watermark(tx, id, "INBOX", 7, last)?;
            Ok(accounts::by_id(tx, id)?.unwrap())
        })
        .unwrap();
    (store, account)
}

#[test]
fn twenty_thousand_messages_take_four_questions() {
    let lacks = [5, 6, 400, 10_001, 19_999];
    let (store, account) = ledger((1..=20_000).filter(|uid| !lacks.contains(uid)), 10_000);
    let mut shelf = Shelf::new((1..=20_003).filter(|uid| *uid != 77), 10_000);
    let audited = look(&mut shelf, &store, &account).unwrap().audited.pop().unwrap();
    assert_eq!(shelf.asked, ["search", "list these", "list", "list these"]);
    assert_eq!((audited.on_server, audited.in_ledger), (20_002, 19_995));
    let uids = |what: What| -> Vec<u32> {
        audited.findings.iter().filter(|found| found.what == what).filter_map(|found| found.uid).collect()
    };
    assert_eq!(uids(What::Missing), [5, 6, 400, 10_001, 19_999, 20_001, 20_002, 20_003]);
    assert_eq!(uids(What::Gone), [77]);
    assert_eq!(uids(What::Unfetchable).len(), 19_994);
    assert_eq!(audited.wanted.len(), 20_002);
    assert!(audited.wanted.is_sorted_by_key(|message| message.uid));
}
