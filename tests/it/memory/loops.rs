//! Automatic replies that meet other machines, over simulated days (promise S9): the library with a clock and a
//! postman of its own.

use std::cell::RefCell;
use std::rc::Rc;

use espomail::config::Config;
use espomail::intake::{import, undelivered};
use espomail::mail::message;
use espomail::net::{Envelope, MailTransport, Reply, SendError, Sent};
use espomail::outbox::{self, Manners};
use espomail::store::accounts::{self, Account, AccountKind};
use espomail::store::db::Store;
use espomail::store::deliveries::{self, Facts};
use espomail::store::raw::{self, Packed};
use espomail::store::{instance, templates};
use jiff::{SignedDuration, Timestamp};

use crate::support::{asked, promise};

const START: Timestamp = Timestamp::constant(1_790_000_000, 0);
const DAY: i64 = 24 * 60;

/// One message on its way.
#[derive(Clone)]
struct Letter {
    from: String,
    to: String,
    bytes: Vec<u8>,
}

impl Letter {
    fn is_automatic_reply(&self) -> bool {
        message::parse(&self.bytes).header("Auto-Submitted") == Some("auto-replied")
    }

    fn subject(&self) -> String {
        message::parse(&self.bytes).subject
    }
}

/// A plain message of a program that knows nothing of RFC 3834.
fn plain(from: &str, to: &str, subject: &str, now: Timestamp) -> Letter {
    let date = now.strftime("%a, %d %b %Y %H:%M:%S +0000");
    let id = now.as_second();
    let bytes = format!(
        "From: {from}\r\nTo: {to}\r\nSubject: {subject}\r\nDate: {date}\r\nMessage-ID: <{id}.{from}>\r\n\r\nI am away.\r\n"
    );
    Letter { from: from.to_owned(), to: to.to_owned(), bytes: bytes.into_bytes() }
}

/// An espomail with one address that answers by itself.
struct Instance {
    store: Store,
    config: Config,
    address: String,
    sent: Rc<RefCell<Vec<Letter>>>,
}

impl Instance {
    fn new(address: &str) -> Instance {
        let store = crate::support::store();
        store
            .write(|tx| {
                instance::create(tx, &[u8::try_from(address.len())?; 32], START)?;
                let template =
                    templates::add(tx, "ack", "We have your message", "Case {{ case.number }}", None, START)?;
                let mut account = Account::new("desk", AccountKind::Group, START);
                account.address = address.to_owned();
                account.smtp.host = Some("mx.example".to_owned());
                account.cases.create_case = true;
                account.auto_reply.auto_reply_id = Some(template);
                accounts::add(tx, &account)
            })
            .unwrap();
        Instance { store, config: Config::default(), address: address.to_owned(), sent: Rc::default() }
    }

    fn receive(&self, letter: &Letter, now: Timestamp) {
        let path = format!("Return-Path: <{}>\r\n", letter.from);
        let bytes = [path.as_bytes(), &letter.bytes].concat();
        let facts = Facts { internal_date: now, size: bytes.len() as i64, truncated: false, now };
        let packed = Packed::new(bytes).unwrap();
        let delivery = self.store.write(|tx| {
            let raw_id = raw::add(tx, &packed)?;
            let id = deliveries::receive_piped(tx, 1, None, facts, raw_id)?;
            deliveries::by_id(tx, id)
        });
        let imported = import::single(&self.store, &self.config, &delivery.unwrap().unwrap(), now).unwrap().unwrap();
        assert_ne!(imported.outcome, deliveries::Outcome::Quarantined, "{}", imported.reason);
    }

    /// What goes out now.
    fn send(&self, now: Timestamp) -> Vec<Letter> {
        let mut connect = |_: &Account, _| -> anyhow::Result<Box<dyn MailTransport>> {
            Ok(Box::new(Postman { sent: Rc::clone(&self.sent) }))
        };
        let aftermath = undelivered::aftermath(&self.config);
        outbox::flush(&self.store, &mut connect, &aftermath, &Manners::default(), &|| now).unwrap();
        self.sent.borrow_mut().drain(..).collect()
    }
}

struct Postman {
    sent: Rc<RefCell<Vec<Letter>>>,
}

impl MailTransport for Postman {
    fn send(
        &mut self,
        envelope: &Envelope,
        body: &[u8],
        before_body: &mut dyn FnMut() -> Result<(), String>,
    ) -> Result<Sent, SendError> {
        before_body().map_err(SendError::Caller)?;
        let letter = |to: &String| Letter { from: envelope.from.clone(), to: to.clone(), bytes: body.to_vec() };
        self.sent.borrow_mut().extend(envelope.to.iter().map(letter));
        Ok(Sent { reply: Some(Reply { code: 250, status: None, text: "taken".to_owned() }), refused: Vec::new() })
    }

    fn quit(&mut self) {}
}

/// A machine that mail of a desk meets: its answer to a letter, at the moment of the minute.
type Machine<'a> = &'a dyn Fn(&Letter, i64, Timestamp) -> Option<Letter>;

/// Lets a first letter and a machine meet a desk for simulated days; the automatic replies of the desk. The machine
/// answers everything it gets in the next minute, and, where it is `restless`, writes every ten minutes besides.
fn meet(days: i64, restless: bool, machine: Machine<'_>) -> usize {
    let desk = Instance::new("desk@desk.example");
    let mut to_desk = vec![plain("robot@machine.example", &desk.address, "Hello", START)];
    let mut replies = 0;
    let mut last = None;
    for minute in 0..days * DAY {
        let now = START + SignedDuration::from_mins(minute);
        for letter in std::mem::take(&mut to_desk) {
            desk.receive(&letter, now);
        }
        for letter in desk.send(now) {
            replies += usize::from(letter.is_automatic_reply());
            to_desk.extend(machine(&letter, minute, now));
            last = Some(letter);
        }
        if let Some(letter) = last.as_ref().filter(|_| restless && minute % 10 == 9) {
            to_desk.extend(machine(letter, minute, now));
        }
    }
    replies
}

#[test]
fn two_instances_stop_after_one() {
    let (ours, theirs) = (Instance::new("desk@desk.example"), Instance::new("office@office.example"));
    let mut to_ours = vec![plain(&theirs.address, &ours.address, "Hello", START)];
    let mut to_theirs: Vec<Letter> = Vec::new();
    let (mut our_replies, mut their_replies) = (0, 0);
    for minute in 0..DAY {
        let now = START + SignedDuration::from_mins(minute);
        for letter in std::mem::take(&mut to_ours) {
            ours.receive(&letter, now);
        }
        for letter in std::mem::take(&mut to_theirs) {
            theirs.receive(&letter, now);
        }
        to_theirs = ours.send(now);
        to_ours = theirs.send(now);
        our_replies += to_theirs.iter().filter(|letter| letter.is_automatic_reply()).count();
        their_replies += to_ours.iter().filter(|letter| letter.is_automatic_reply()).count();
    }
    assert_eq!((our_replies, their_replies), (1, 0));
    promise("S9", "two espomail answer each other for a day: automatic replies", "1");
}

#[test]
fn a_responder_without_headers_gets_three_a_day_at_most() {
    // With the number of the case in its subject it joins that; without it opens new ones.
    let answers: Machine<'_> = &|letter, _, now| {
        Some(plain("robot@machine.example", "desk@desk.example", &format!("Re: {}", letter.subject()), now))
    };
    let forgets: Machine<'_> = &|_, _, now| Some(plain("robot@machine.example", "desk@desk.example", "Away", now));
    assert_eq!(meet(1, true, answers), 1);
    let days = asked("ESPOMAIL_LOOP_DAYS", 2_u8);
    let replies = [meet(1, false, forgets), meet(1, true, forgets), meet(i64::from(days), true, forgets)];
    assert_eq!(replies, [1, 3, 3 * usize::from(days)], "one an hour, three a day");
    promise("S9", "a responder without headers, restless for a day: automatic replies", "3");
}

#[test]
fn a_subject_changer_gets_three_a_day_at_most() {
    let changes: Machine<'_> = &|_, minute, now| {
        Some(plain("robot@machine.example", "desk@desk.example", &format!("Ticket {minute} was received"), now))
    };
    assert_eq!(meet(1, true, changes), 3);
    promise("S9", "a responder that changes its subject, for a day: automatic replies", "3");
}

#[test]
fn a_bouncing_server_gets_one() {
    // It sends its reports to From, even for the null sender, and some servers say so in words alone.
    let report: Machine<'_> = &|letter, minute, now| {
        let id = message::parse(&letter.bytes).message_id.unwrap_or_default();
        let mut bounce = plain("MAILER-DAEMON@machine.example", "desk@desk.example", "Undelivered Mail", now);
        let body = format!(
            "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\nX-Number: {minute}\r\n\r\n--b\r\n\r\nNo.\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n\
             Final-Recipient: rfc822; {}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b\r\n\
             Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{id}>\r\n--b--\r\n",
            letter.to
        );
        let text = String::from_utf8(bounce.bytes).unwrap().replace("\r\n\r\nI am away.\r\n", &format!("\r\n{body}"));
        bounce.bytes = text.into_bytes();
        bounce.from = String::new();
        Some(bounce)
    };
    let words: Machine<'_> = &|letter, _, now| {
        let mut bounce = plain("postmaster@machine.example", "desk@desk.example", "Returned mail: User unknown", now);
        bounce.bytes.extend_from_slice(format!("550 5.1.1 <{}>: user unknown\r\n", letter.to).as_bytes());
        Some(bounce)
    };
    assert_eq!((meet(1, true, report), meet(1, true, words)), (1, 1));
    promise("S9", "a server that bounces every automatic reply to its From, for a day: automatic replies", "1");
}

#[test]
fn a_machine_of_many_domains_trips_the_breaker_until_it_is_reset() {
    let desk = Instance::new("desk@desk.example");
    let burst = |from: Timestamp| {
        let mut replies = 0;
        for second in 0..200 {
            let now = from + SignedDuration::from_secs(second);
            desk.receive(&plain(&format!("r@machine{}.example", now.as_second()), &desk.address, "Hi", now), now);
            replies += desk.send(now).len();
        }
        replies
    };
    assert_eq!(burst(START), 100);
    assert_eq!(burst(START + SignedDuration::from_hours(20)), 0, "tripped is tripped");
    let reset = |now: Timestamp| desk.store.write(|tx| accounts::reset_breaker(tx, 1, now)).unwrap();
    let morning = START + SignedDuration::from_hours(21);
    reset(morning - SignedDuration::from_secs(1));
    assert_eq!(burst(morning), 100);
    let soon = morning + SignedDuration::from_mins(10);
    reset(soon - SignedDuration::from_secs(1));
    assert_eq!(burst(soon), 100, "those before the reset do not count");
}
