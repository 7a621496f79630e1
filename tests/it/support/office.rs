//! An office on a database in memory: messages through the whole intake, one by one, without a process or a server.

use espomail::config::Config;
use espomail::intake::import::Imported;
use espomail::intake::steps;
use espomail::intake::world::World;
use espomail::mail::reading::Reading;
use espomail::store::accounts::{self, AccountKind, Distribution};
use espomail::store::db::{Store, Tx};
use espomail::store::deliveries::{self, Facts, Outcome, Place};
use espomail::store::{cases, emails, instance, raw, sight::Sight, teams, users};
use jiff::{SignedDuration, Timestamp};

use super::{Letter, SUPPORT, mail};

/// Accounts and an agent on a database in memory; messages go through the intake without a process or a server.
pub struct Office {
    pub store: Store,
    pub config: Config,
    pub now: Timestamp,
    uid: std::cell::Cell<u32>,
}

/// Accounts support and sales make cases; ana is the only agent.
pub fn office(change: impl Fn(&mut accounts::Account)) -> Office {
    office_in(super::store(), change)
}

/// The same in a database that is new.
pub fn office_in(store: Store, change: impl Fn(&mut accounts::Account)) -> Office {
    let now = Timestamp::now();
    store
        .write(|tx| {
            instance::create(tx, &[7; 32], now)?;
            let team = teams::add(tx, "Support", now)?;
            let addresses = ["ana@staff.example".to_owned()];
            let ana = users::NewUser {
                username: "ana",
                name: "Ana",
                user_type: users::UserType::Regular,
                login: "ana",
                addresses: &addresses,
            };
            let ana = users::add(tx, &ana, now)?;
            teams::put_member(tx, team, ana, "")?;
            for name in ["support", "sales"] {
                let mut account = espomail::store::accounts::Account::new(name, AccountKind::Group, now);
                account.address = format!("{name}@desk.example");
                account.cases.create_case = true;
                account.cases.case_team_id = Some(team);
                account.cases.distribution = Distribution::RoundRobin;
                change(&mut account);
                accounts::add(tx, &account)?;
            }
            Ok(())
        })
        .unwrap();
    Office { store, config: Config::default(), now, uid: std::cell::Cell::new(0) }
}

impl Office {
    /// Delivers a message to `support` as its next UID; what became of it.
    pub fn deliver(&self, letter: &Letter) -> Imported {
        self.deliver_to(1, letter)
    }

    pub fn deliver_to(&self, account_id: i64, letter: &Letter) -> Imported {
        let (bytes, uid) = (letter.bytes(), self.uid.get() + 1);
        let message = Reading::parse(&bytes);
        self.uid.set(uid);
        self.store
            .write(|tx| {
                let facts = Facts { internal_date: self.now, size: 1, truncated: false, now: self.now };
                let raw_id = raw::add(tx, &raw::Packed::new(bytes)?)?;
                let place = Place { account_id, folder: "INBOX", uidvalidity: 1, uid };
                deliveries::receive(tx, &[(place, facts, raw_id)])?;
                let id = *deliveries::with_raws(tx, raw_id, raw_id)?.get(&raw_id).unwrap();
                let world = World::load(tx, &self.config, self.now)?;
                steps::one(tx, &world, &deliveries::by_id(tx, id)?.unwrap(), &message)
            })
            .unwrap()
    }

    /// The same by `espomail ingest`, without a folder.
    pub fn ingest(&self, letter: &Letter) -> Imported {
        let bytes = letter.bytes();
        let message = Reading::parse(&bytes);
        self.store
            .write(|tx| {
                let facts = Facts { internal_date: self.now, size: 1, truncated: false, now: self.now };
                let raw_id = raw::add(tx, &raw::Packed::new(bytes)?)?;
                let id = deliveries::receive_piped(tx, 1, None, facts, raw_id)?;
                let world = World::load(tx, &self.config, self.now)?;
                steps::one(tx, &world, &deliveries::by_id(tx, id)?.unwrap(), &message)
            })
            .unwrap()
    }

    pub fn sql(&self, sql: &str) {
        self.store.write(|tx| tx.execute(sql, []).map(drop)).unwrap();
    }

    /// The rows of a query that asks for one column of texts.
    pub fn query(&self, sql: &str) -> Vec<String> {
        self.store.read(|tx| tx.values(sql, [])).unwrap()
    }

    /// Number of the case an import ended in, 0 = none.
    pub fn case_of(&self, imported: &Imported) -> i64 {
        let read = |tx: &Tx<'_>| {
            let email = emails::by_id(tx, imported.email_id.unwrap(), Sight::Everything)?.unwrap();
            let case = email.case_id().map(|id| cases::by_id(tx, id)).transpose()?.flatten();
            Ok(case.map_or(0, |case| case.number))
        };
        self.store.read(read).unwrap()
    }
}

/// A letter to `support`.
pub fn from(address: &str, subject: &str) -> Letter {
    mail(address, SUPPORT, subject)
}
