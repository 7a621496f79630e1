#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;
use crate::lock::{self, Attempt};
use crate::store::accounts::{self, Account, AccountKind, Distribution};
use crate::store::db::seen::on_server;
use crate::store::{instance, teams, users};

/// Most round trips to a server for a mail that opens a case, with those of its transaction.
const MOST: u64 = 25;

/// One account that opens cases and answers, one team of two agents.
fn desk(store: &Store) {
    let now = Timestamp::now();
    store
        .write(|tx| {
            instance::create(tx, &[7; 32], now)?;
            let team = teams::add(tx, "Support", now)?;
            for username in ["ana", "budi"] {
                let user_type = users::UserType::Regular;
                let user = users::NewUser { username, name: username, user_type, login: username, addresses: &[] };
                let user = users::add(tx, &user, now)?;
                teams::put_member(tx, team, user, "")?;
            }
            let mut account = Account::new("support", AccountKind::Group, now);
            account.address = "support@desk.example".to_owned();
            account.cases.create_case = true;
            account.cases.case_team_id = Some(team);
            account.cases.distribution = Distribution::RoundRobin;
            accounts::add(tx, &account).map(drop)
        })
        .unwrap();
}

fn import(store: &Store, numbers: std::ops::Range<u32>) {
    let Ok(Attempt::Held(lock)) = lock::attempt(store.place(), &lock::of_account(1), Timestamp::now()) else {
        panic!("nobody else has the account")
    };
    let (config, clock, source) = (Config::default(), Timestamp::now, Source::Import);
    let bulk = Bulk { store, config: &config, lock: Some(&lock), clock: &clock, account_id: 1, source };
    let mut importer = Importer::begin(bulk).unwrap();
    for number in numbers {
        let text = format!(
            "From: Customer {number} <c{number}@customer.example>\r\nTo: support@desk.example\r\nSubject: Question {number}\r\n\
            Date: Mon, 30 Nov 2026 07:00:00 +0000\r\nMessage-ID: <{number}@customer.example>\r\n\r\nMy printer is on fire.\r\n"
        );
        importer.add(Found { raw: text.into_bytes(), date: None }, &mut |_| ()).unwrap();
    }
    importer.end(&mut |_| ()).unwrap();
}

#[test]
fn a_mail_that_opens_a_case_takes_few_round_trips() {
    let Some(store) = on_server() else { return };
    desk(&store);
    // Statements are prepared once for a connection.
    import(&store, 0..32);
    let before = store.trips();
    import(&store, 32..64);
    let trips = store.trips() - before;
    let cases: Option<i64> = store.read(|tx| tx.value("SELECT count(*) FROM cases", [])).unwrap();
    assert_eq!(cases, Some(64));
    assert!(trips <= MOST * 32, "{trips} round trips for 32 mails");
}
