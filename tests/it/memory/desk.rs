//! Rules of desk work on a real database in memory: clocks, chains of answers, policies.

use espomail::access::Actor;
use espomail::desk;
use espomail::intake::world::World;
use espomail::store::accounts::{Distribution, OnClosed};
use espomail::store::cases::{self, Case, Role};
use espomail::store::db::Tx;
use espomail::store::sight::Sight;
use jiff::SignedDuration;

use crate::support::{Office, from, office};

impl Office {
    fn work<T>(&self, work: impl FnOnce(&Tx<'_>, &World<'_>, &Actor) -> anyhow::Result<T>) -> anyhow::Result<T> {
        self.store.write(|tx| work(tx, &World::load(tx, &self.config, self.now)?, &Actor::Administrator))
    }

    fn case(&self, number: i64) -> Case {
        self.store.read(|tx| cases::by_number(tx, number, Sight::Everything)).unwrap().unwrap()
    }

    fn merge(&self, from: i64, into: i64) {
        let (from, into) = (self.case(from), self.case(into));
        self.work(|tx, world, actor| desk::merge(tx, world, actor, &from, &into, Role::Copied)).unwrap();
    }

    /// `who since` of a case, in hours before now.
    fn clock(&self, number: i64) -> String {
        let case = self.case(number);
        let hours = case.waiting_since.map(|since| self.now.duration_since(since).as_hours());
        format!("{} {}", case.waiting_for, hours.unwrap_or(-1))
    }
}

#[test]
fn the_customer_of_a_merged_case_waits_since_the_older_mail() {
    let mut office = office(|_| {});
    office.deliver(&from("kim@customer.example", "Old"));
    office.now += SignedDuration::from_hours(5);
    office.deliver(&from("kim@customer.example", "New"));
    office.merge(1, 2);
    assert_eq!(office.clock(2), "us 5");
    // What a closed case waited for is over.
    office.now += SignedDuration::from_hours(5);
    office.deliver(&from("lee@customer.example", "Third"));
    office.sql("UPDATE cases SET status = 'Closed' WHERE number = 2");
    office.merge(2, 3);
    assert_eq!(office.clock(3), "us 0");
    // Through two merges.
    let later = office.deliver(&from("kim@customer.example", "again [#1]"));
    assert_eq!(office.case_of(&later), 3);
}

#[test]
fn a_merged_case_fills_the_gaps_of_the_other() {
    let office = office(|_| {});
    office.sql("INSERT INTO companies (id, name, created_at) VALUES (1, 'PT Sinar', 0)");
    office.sql(
        "INSERT INTO record_addresses (address, record_type, record_id) VALUES ('hq@sinar.example', 'company', 1)",
    );
    office.deliver(&from("hq@sinar.example", "One"));
    office.deliver(&from("kim@customer.example", "Two"));
    office.merge(1, 2);
    assert_eq!(office.case(2).company_id, Some(1));
}

#[test]
fn a_split_takes_the_answers_over_several_mails_and_by_aliases() {
    let office = office(|account| account.cases.distribution = Distribution::None);
    let kim = |subject: &str| from("kim@customer.example", subject);
    let root = kim("Root");
    let in_one = |letter| office.deliver(&letter);
    let first = in_one(root.clone());
    let other = kim("Other").in_reply_to(root.value("Message-ID"));
    let split_at = in_one(other.clone()).email_id.unwrap();
    in_one(kim("Stays").in_reply_to(root.value("Message-ID")));
    office.sql(&format!(
        "INSERT INTO message_id_aliases (message_id, email_id) VALUES ('alias@server.example', {split_at})"
    ));
    let by_alias = kim("By alias").in_reply_to("<alias@server.example>");
    in_one(by_alias.clone());
    in_one(kim("Over two").in_reply_to(by_alias.value("Message-ID")));
    let split = |id: i64| {
        let old = office.case(1);
        office.work(|tx, world, actor| desk::split(tx, world, actor, &old, id, Some("Apart")))
    };
    let (new, moved) = split(split_at).unwrap();
    assert_eq!((new.number, new.name.as_str(), moved), (2, "Apart", 3));
    assert_eq!((new.relates_to_id, new.assigned_user_id), (Some(office.case(1).id), None));
    let subjects = |id: i64| office.query(&format!("SELECT subject FROM emails WHERE parent_id = {id} ORDER BY id"));
    assert_eq!(subjects(1), ["Root", "Stays"]);
    assert_eq!(subjects(2), ["Other", "By alias", "Over two"]);
    assert_eq!(office.query("SELECT name FROM cases ORDER BY id"), ["Root", "Apart"]);
    assert_eq!(office.query("SELECT count(*) || '' FROM notes WHERE parent_id = 2 AND kind = 'email-received'"), ["3"]);
    assert!(split(split_at).is_err(), "it is elsewhere now");
    assert_eq!(office.case_of(&first), 1);
}

#[test]
fn a_stranger_who_was_split_off_takes_part_in_the_case_of_their_own() {
    let office = office(|account| account.cases.distribution = Distribution::None);
    let first = office.deliver(&from("kim@customer.example", "One"));
    // As if both had come by a signed id.
    let second = from("eve@elsewhere.example", "Mine");
    let second = (office.deliver(&second), second);
    let third = office.deliver(&from("eve@elsewhere.example", "And").in_reply_to(second.1.value("Message-ID")));
    office.sql("UPDATE emails SET parent_id = 1, verified = FALSE WHERE from_address = 'eve@elsewhere.example'");
    let id = second.0.email_id.unwrap();
    let old = office.case(1);
    office.work(|tx, world, actor| desk::split(tx, world, actor, &old, id, None)).unwrap();
    assert_eq!(office.query("SELECT CAST(verified AS INTEGER) || '' FROM emails ORDER BY id"), ["1", "1", "1"]);
    assert_eq!((office.case_of(&first), office.case_of(&third)), (1, 3));
    assert_eq!(office.case_of(&office.deliver(&from("eve@elsewhere.example", "more [#3]"))), 3);
    assert_eq!((office.clock(1), office.clock(3)), ("us 0".into(), "us 0".into()));
}

#[test]
fn an_accepted_mail_of_a_closed_case_opens_a_new_one_where_the_account_wants_that() {
    let office = office(|account| account.cases.on_closed = OnClosed::New);
    office.deliver(&from("kim@customer.example", "One"));
    office.sql("UPDATE cases SET status = 'Closed', closed_at = created_at");
    let mail = office.deliver(&from("eve@elsewhere.example", "Mine"));
    office.sql("UPDATE emails SET parent_id = 1, verified = FALSE WHERE from_address = 'eve@elsewhere.example'");
    let id = mail.email_id.unwrap();
    let case = office.work(|tx, world, actor| desk::accept(tx, world, actor, id, false)).unwrap();
    assert_eq!((case.number, case.relates_to_id), (3, Some(1)));
    assert_eq!(office.case_of(&mail), 3);
    assert_eq!(office.query("SELECT status FROM cases WHERE number = 1"), ["Closed"]);
}
