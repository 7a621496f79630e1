#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use jiff::SignedDuration;

use super::*;
use crate::config::Config;
use crate::intake::undelivered;
use crate::mail::address::Mailbox;
use crate::net::idle::Idle;
use crate::net::{Envelope, ListedFolder, MailSource, OpenFolder, Reply, SendError, Sent};
use crate::store::accounts::StoreSent;
use crate::store::cases::{self, NewCase};
use crate::store::notifications::{self, NotificationKind};
use crate::store::outbox::{OutboxRow, OutboxState};
use crate::store::sight::Sight;
use crate::store::users::{self, NewUser, UserType};
use crate::store::{instance, invalid_addresses, sent_copies};

/// How one transaction ends.
#[derive(Debug, Clone)]
enum Act {
    /// RCPT refused with these replies, then the final reply to the rest.
    Answer(Vec<(&'static str, u16, &'static str)>, u16, &'static str),
    /// Lost before the body.
    Before,
    /// Lost while the body was on the wire.
    Doubt,
    /// MAIL FROM refused.
    Sender,
    /// MAIL FROM refused for now.
    NotNow(u16, &'static str),
    /// The final reply to a message from `<>`; one from an address is taken.
    Null(u16, &'static str),
    /// The connection is refused.
    NoConnection(NetErrorKind),
}

/// An office with one account, one case of ana's, and a server that acts by a script.
struct Office {
    store: Store,
    now: Cell<Timestamp>,
    acts: Rc<RefCell<VecDeque<Act>>>,
    /// Envelopes of the messages whose body was sent.
    bodies: Rc<RefCell<Vec<Envelope>>>,
    case_id: i64,
    user_id: i64,
    connections: Cell<usize>,
}

const START: Timestamp = Timestamp::constant(1_790_000_000, 0);

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

impl Office {
    fn new(acts: &[Act]) -> Office {
        let store = Store::in_memory().unwrap();
        let (case_id, user_id) = store
            .write(|tx| {
                instance::create(tx, &[7; 32], START)?;
                let mut account = Account::new("support", AccountKind::Group, START);
                account.address = "support@desk.example".into();
                account.smtp.host = Some("mx.example".into());
                accounts::add(tx, &account)?;
                let ana =
                    NewUser { username: "ana", name: "", user_type: UserType::Regular, login: "ana", addresses: &[] };
                let user_id = users::add(tx, &ana, START)?;
                let new = NewCase {
                    number: 1,
                    key: "00112233aabbccdd",
                    name: "Help",
                    account_id: Some(1),
                    ..NewCase::default()
                };
                let case_id = cases::add(tx, &new, START)?;
                cases::assign(tx, case_id, Some(user_id), false, START)?;
                Ok((case_id, user_id))
            })
            .unwrap();
        let acts = Rc::new(RefCell::new(acts.iter().cloned().collect()));
        Office {
            store,
            now: Cell::new(START),
            acts,
            bodies: Rc::default(),
            case_id,
            user_id,
            connections: Cell::new(0),
        }
    }

    /// Puts a mail to these into the outbox; the row's id.
    fn write(&self, kind: OutboxKind, to: &[&str]) -> i64 {
        self.write_with_bcc(kind, to, &[])
    }

    /// A mail that is to go out no earlier than this.
    fn write_at(&self, not_before: Timestamp) -> i64 {
        self.put(1, OutboxKind::Mail, &["a@x.example"], &[], Some(not_before))
    }

    fn write_with_bcc(&self, kind: OutboxKind, to: &[&str], bcc: &[&str]) -> i64 {
        self.put(1, kind, to, bcc, None)
    }

    fn put(&self, account_id: i64, kind: OutboxKind, to: &[&str], bcc: &[&str], not_before: Option<Timestamp>) -> i64 {
        let mailbox = |address: &&str| Mailbox { name: String::new(), address: (*address).to_owned() };
        let outgoing = Outgoing {
            from: mailbox(&"support@desk.example"),
            to: to.iter().map(mailbox).collect(),
            bcc: bcc.iter().map(mailbox).collect(),
            subject: "[#1] Help".into(),
            text: "Hello".into(),
            message_id: format!("{}@desk.example", self.now.get().as_second()),
            date: self.now.get(),
            ..Outgoing::default()
        };
        let post = Post {
            kind,
            account_id,
            case_id: Some(self.case_id),
            user_id: (kind == OutboxKind::Mail).then_some(self.user_id),
            envelope_from: if kind == OutboxKind::Mail { "support@desk.example" } else { "" },
            archive: Some(Archive {
                parent: Some(Parent::case(self.case_id)),
                automatic: "",
                key: None,
                draft_id: None,
            }),
            not_before,
        };
        self.store.write(|tx| enqueue(tx, &post, &Composed::new(outgoing)?, self.now.get())).unwrap()
    }

    fn send(&self) -> Flushed {
        self.send_until(None)
    }

    fn send_until(&self, until: Option<Instant>) -> Flushed {
        let mut connect = |_: &Account, _| -> Result<Box<dyn MailTransport>> {
            self.connections.set(self.connections.get() + 1);
            let first = self.acts.borrow().front().cloned();
            if let Some(Act::NoConnection(kind)) = first {
                self.acts.borrow_mut().pop_front();
                return Err(NetError::new(kind, "no service").into());
            }
            Ok(Box::new(Server { acts: Rc::clone(&self.acts), bodies: Rc::clone(&self.bodies) }))
        };
        let manners = Manners { alert_min_age: SignedDuration::from_mins(15), named: &[], until };
        let config = Config::default();
        let aftermath = undelivered::aftermath(&config);
        flush(&self.store, &mut connect, &aftermath, &manners, &|| self.now.get()).unwrap()
    }

    /// A mail to somebody; a second later.
    fn write_soon(&self) -> i64 {
        let id = self.write(OutboxKind::Mail, &["a@x.example"]);
        self.pass(SignedDuration::from_secs(1));
        id
    }

    /// Writes the account back as it is.
    fn edit(&self) {
        let edit = |tx: &Tx<'_>| accounts::update(tx, &accounts::by_id(tx, 1)?.unwrap());
        self.store.write(edit).unwrap();
    }

    fn pass(&self, time: SignedDuration) {
        self.now.set(self.now.get() + time);
    }

    fn row(&self, id: i64) -> OutboxRow {
        self.store.read(|tx| outbox::by_id(tx, id)).unwrap().unwrap()
    }

    /// `address state reply` of each recipient.
    fn recipients(&self, id: i64) -> Vec<String> {
        let all = self.store.read(|tx| outbox::recipients(tx, id)).unwrap();
        all.into_iter().map(|(address, state, reply)| format!("{address} {state} {reply}")).collect()
    }

    /// What the case shows of failures.
    fn failures(&self) -> Vec<String> {
        let notes = self.store.read(|tx| stream::notes(tx, Parent::case(self.case_id), Sight::Everything)).unwrap();
        notes.into_iter().filter(|note| note.kind == NoteKind::Failed).map(|note| note.text).collect()
    }

    /// What ana is told.
    fn notifications(&self) -> Vec<String> {
        let all = self.store.read(|tx| notifications::list(tx, self.user_id, Sight::Everything, true, 100)).unwrap();
        all.into_iter().filter(|one| one.kind == NotificationKind::Failed).map(|one| one.text).collect()
    }
}

struct Server {
    acts: Rc<RefCell<VecDeque<Act>>>,
    bodies: Rc<RefCell<Vec<Envelope>>>,
}

fn reply(code: u16, text: &str) -> Reply {
    let status = text.split(' ').next().filter(|word| word.starts_with(['4', '5'])).map(str::to_owned);
    Reply { code, status, text: text.to_owned() }
}

impl MailTransport for Server {
    fn send(
        &mut self,
        envelope: &Envelope,
        _: &[u8],
        before_body: &mut dyn FnMut() -> Result<(), String>,
    ) -> Result<Sent, SendError> {
        let lost = || NetError::new(NetErrorKind::Closed, "the server hung up");
        match self.acts.borrow_mut().pop_front().unwrap_or(Act::Answer(Vec::new(), 250, "taken")) {
            Act::Before => Err(SendError::BeforeBody(lost())),
            Act::Sender => Err(SendError::SenderRefused(reply(553, "5.1.7 not you"))),
            Act::NotNow(code, text) => Err(SendError::NotNow(reply(code, text))),
            Act::Null(code, text) => {
                before_body().map_err(SendError::Caller)?;
                self.bodies.borrow_mut().push(envelope.clone());
                let (code, text) = if envelope.from.is_empty() { (code, text) } else { (250, "taken") };
                Ok(Sent { reply: Some(reply(code, text)), refused: Vec::new() })
            }
            Act::Doubt => {
                before_body().map_err(SendError::Caller)?;
                Err(SendError::InDoubt(lost()))
            }
            Act::Answer(refused, code, text) => {
                let refused: Vec<_> = refused
                    .into_iter()
                    .filter(|(address, _, _)| envelope.to.iter().any(|to| to == address))
                    .map(|(address, code, text)| (address.to_owned(), reply(code, text)))
                    .collect();
                if refused.len() == envelope.to.len() {
                    return Ok(Sent { reply: None, refused });
                }
                before_body().map_err(SendError::Caller)?;
                self.bodies.borrow_mut().push(envelope.clone());
                Ok(Sent { reply: Some(reply(code, text)), refused })
            }
            Act::NoConnection(_) => panic!("a connection was made"),
        }
    }

    fn quit(&mut self) {}
}

#[test]
fn tries_become_rarer_and_never_stop_before_two_days() {
    let minutes: Vec<i64> = (0..9).map(|n| settle::backoff(n).as_mins()).collect();
    assert_eq!(minutes, [1, 5, 15, 30, 60, 120, 240, 480, 480]);
    assert_eq!(settle::backoff(1_000), outbox::LONGEST);
}

#[test]
fn what_is_put_off_arrives_once() {
    for act in [Act::Answer(vec![], 451, "4.7.1 greylisted"), Act::Before, Act::NoConnection(NetErrorKind::Unreachable)]
    {
        let office = Office::new(&[act]);
        let id = office.write(OutboxKind::Mail, &["a@x.example"]);
        assert_eq!(office.send().put_off, 1);
        assert_eq!((office.row(id).state, office.row(id).attempts), (OutboxState::Waiting, 1));
        let before = office.bodies.borrow().len();
        office.send();
        assert_eq!(office.bodies.borrow().len(), before, "not before its time");
        office.pass(SignedDuration::from_mins(1));
        for _ in 0..3 {
            office.send();
        }
        assert_eq!(office.row(id).state, OutboxState::Sent);
        assert_eq!(office.bodies.borrow().len(), before + 1);
        assert!(office.failures().is_empty());
    }
}

#[test]
fn who_has_it_does_not_get_it_again_and_who_has_not_is_given_up_after_two_days() {
    let later = Act::Answer(vec![("b@x.example", 450, "4.2.1 later")], 250, "taken");
    let office = Office::new(&vec![later; 60]);
    let id = office.write(OutboxKind::Mail, &["a@x.example", "b@x.example"]);
    let mut tries = 0;
    while office.row(id).state == OutboxState::Waiting {
        let left = office.acts.borrow().len();
        office.send();
        tries += left - office.acts.borrow().len();
        assert!(office.row(id).state == OutboxState::Waiting || office.now.get() >= START + hours(48));
        office.pass(SignedDuration::from_mins(20));
        assert!(office.now.get() < START + hours(60), "never given up");
    }
    assert!((10..20).contains(&tries), "{tries}");
    assert_eq!(office.bodies.borrow().len(), 1);
    assert_eq!(office.row(id).state, OutboxState::Sent);
    let said = "given up after two days: 450 4.2.1 later";
    assert_eq!(office.recipients(id), ["a@x.example sent 250 taken".to_owned(), format!("b@x.example failed {said}")]);
    assert_eq!(office.failures(), [format!("not delivered to b@x.example: {said}")]);
    assert_eq!(office.notifications(), [format!("#1 Help: not delivered to b@x.example: {said}")]);
}

#[test]
fn what_the_account_cannot_send_waits_for_ever() {
    for act in
        [Act::NoConnection(NetErrorKind::LoginRefused), Act::NoConnection(NetErrorKind::Certificate), Act::Sender]
    {
        let office = Office::new(&vec![act; 100]);
        let id = office.write(OutboxKind::Mail, &["a@x.example"]);
        for _ in 0..100 {
            assert_eq!(office.send().accounts.len(), 1);
            office.pass(hours(1));
        }
        assert_eq!((office.row(id).state, office.row(id).attempts), (OutboxState::Waiting, 0));
        let account = office.store.read(|tx| accounts::by_id(tx, 1)).unwrap().unwrap();
        assert_eq!(account.health.send_failing_since, Some(START));
        // Days later it is still fit to be put off, not given up at its first passing failure.
        office.acts.borrow_mut().push_back(Act::Before);
        office.send();
        assert_eq!(office.row(id).state, OutboxState::Waiting);
        office.pass(hours(1));
        assert_eq!(office.send().sent, 1);
    }
}

#[test]
fn the_null_sender_is_replaced_where_it_is_refused() {
    let office = Office::new(&[Act::Sender]);
    let id = office.write(OutboxKind::AutoReply, &["a@x.example"]);
    assert_eq!(office.send().sent, 1);
    assert_eq!(office.bodies.borrow()[0].from, "support@desk.example");
    assert_eq!(office.row(id).envelope_from, "support@desk.example");
}

#[test]
fn a_refused_null_sender_is_repeated_once_and_remembered() {
    let as_denied = "5.2.252 SendAsDenied; not allowed to send as <>";
    for (code, text) in [(554, as_denied), (550, "5.7.1 transaction failed"), (550, "no")] {
        let office = Office::new(&[Act::Null(code, text), Act::Null(code, text)]);
        let first = office.write(OutboxKind::AutoReply, &["a@x.example"]);
        let flushed = office.send();
        assert_eq!((flushed.sent, flushed.accounts.len()), (1, 0), "{text}");
        let froms = || office.bodies.borrow().iter().map(|sent| sent.from.clone()).collect::<Vec<_>>();
        assert_eq!(froms(), ["", "support@desk.example"], "{text}");
        assert_eq!(office.row(first).state, OutboxState::Sent);
        // From then on it is not even tried, until somebody edits the account.
        office.pass(hours(1));
        office.write(OutboxKind::AutoReply, &["b@x.example"]);
        office.send();
        assert_eq!(froms().last().map(String::as_str), Some("support@desk.example"));
        office.edit();
        office.pass(hours(1));
        office.write(OutboxKind::AutoReply, &["c@x.example"]);
        office.send();
        assert_eq!(froms().last().map(String::as_str), Some(""));
    }
}

#[test]
fn what_the_null_sender_is_not_to_blame_for_is_not_repeated() {
    for text in ["5.1.1 no such user", "5.7.1 this looks like spam", "5.3.4 message too large"] {
        let office = Office::new(&[Act::Null(550, text)]);
        let id = office.write(OutboxKind::AutoReply, &["a@x.example"]);
        assert_eq!(office.send().failed, 1, "{text}");
        assert_eq!((office.row(id).state, office.bodies.borrow().len()), (OutboxState::Failed, 1), "{text}");
    }
}

#[test]
fn whoever_the_account_may_not_write_as_no_recipient_is_to_blame() {
    let denied = "5.7.60 Client does not have permissions to send as this sender";
    let at_rcpt = Act::Answer(vec![("a@x.example", 550, "5.7.1 Relay access denied")], 250, "taken");
    for (kind, act) in [
        (OutboxKind::Mail, Act::Answer(vec![], 554, denied)),
        (OutboxKind::AutoReply, Act::Answer(vec![], 554, denied)),
        (OutboxKind::Mail, at_rcpt.clone()),
        (OutboxKind::AutoReply, at_rcpt),
        (OutboxKind::AutoReply, Act::Sender),
    ] {
        let office = Office::new(&vec![act; 8]);
        let id = office.write(kind, &["a@x.example"]);
        for _ in 0..3 {
            let flushed = office.send();
            assert_eq!((flushed.failed, flushed.accounts.len()), (0, 1), "{kind} {flushed:?}");
            office.pass(hours(30));
        }
        assert_eq!((office.row(id).state, office.row(id).attempts), (OutboxState::Waiting, 0), "{kind}");
        assert!(office.failures().is_empty() && office.notifications().is_empty(), "{kind}");
        assert!(office.store.read(|tx| invalid_addresses::find(tx, "a@x.example", None)).unwrap().is_none());
        let health = office.store.read(|tx| accounts::by_id(tx, 1)).unwrap().unwrap().health;
        assert_eq!(health.send_failing_since, Some(START), "{kind}");
        // Mended, it goes out.
        office.acts.borrow_mut().clear();
        office.send();
        assert_eq!(office.row(id).state, OutboxState::Sent, "{kind}");
    }
}

#[test]
fn one_message_that_the_account_may_not_send_stops_no_other() {
    let office = Office::new(&[Act::Sender]);
    let first = office.write(OutboxKind::Mail, &["a@x.example"]);
    office.pass(hours(1));
    let second = office.write(OutboxKind::Mail, &["b@x.example"]);
    let flushed = office.send();
    assert_eq!((flushed.sent, flushed.accounts.len()), (1, 1), "{flushed:?}");
    assert_eq!((office.row(first).state, office.row(second).state), (OutboxState::Waiting, OutboxState::Sent));
    // What has not been tried goes first; after three refusals in a row the rest is not tried.
    office.acts.borrow_mut().extend([Act::Answer(vec![], 250, "taken"), Act::Sender, Act::Sender, Act::Sender]);
    for _ in 0..4 {
        office.pass(SignedDuration::from_secs(1));
        office.write(OutboxKind::Mail, &["c@x.example"]);
    }
    let flushed = office.send();
    assert_eq!((flushed.sent, flushed.put_off), (1, 3), "{flushed:?}");
    assert_eq!(office.row(first).last_error, "sender refused: 553 5.1.7 not you");
}

#[test]
fn a_connection_that_ends_is_made_again_once_for_each_message_that_got_through() {
    let taken = || Act::Answer(vec![], 250, "taken");
    let full = || Act::NotNow(452, "4.3.2 too many messages in this connection");
    for end in [Act::Before, full(), Act::NotNow(451, "later")] {
        let office = Office::new(&[taken(), end.clone(), taken(), end, taken()]);
        for _ in 0..3 {
            office.write(OutboxKind::Mail, &["a@x.example"]);
            office.pass(SignedDuration::from_secs(1));
        }
        let flushed = office.send();
        assert_eq!((flushed.sent, flushed.put_off, flushed.accounts.len()), (3, 0, 0), "{flushed:?}");
        assert_eq!((office.connections.get(), office.bodies.borrow().len()), (3, 3));
    }
    // Over a new connection it is the message that is put off, and the turn is over.
    let office = Office::new(&[taken(), Act::Before, Act::Before]);
    for _ in 0..3 {
        office.write(OutboxKind::Mail, &["a@x.example"]);
        office.pass(SignedDuration::from_secs(1));
    }
    let flushed = office.send();
    assert_eq!((flushed.sent, flushed.put_off, office.connections.get()), (1, 1, 2), "{flushed:?}");
    // 421 as the final reply: the message waits, the others go out over another connection.
    let office = Office::new(&[taken(), Act::Answer(vec![], 421, "enough"), taken()]);
    let rows: Vec<i64> = (0..3).map(|_| office.write_soon()).collect();
    office.send();
    let states: Vec<_> = rows.iter().map(|id| office.row(*id).state).collect();
    assert_eq!(states, [OutboxState::Sent, OutboxState::Waiting, OutboxState::Sent]);
}

#[test]
fn a_server_that_asks_for_a_pause_gets_it_and_an_hour_is_the_most() {
    for (words, minutes) in [("4.7.0 try again in 20 minutes", 20), ("wait 9 hours", 60)] {
        let busy = Act::NotNow(451, words);
        let office = Office::new(&[busy.clone(), busy]);
        let id = office.write_soon();
        office.send();
        let wait = office.row(id).next_try_at.duration_since(office.now.get());
        assert_eq!(wait.as_mins(), minutes, "{words}");
        office.pass(SignedDuration::from_mins(minutes - 1));
        office.write_soon();
        let flushed = office.send();
        assert_eq!((flushed.sent, flushed.resting.len()), (0, 1), "{words}");
        office.acts.borrow_mut().clear();
        office.pass(SignedDuration::from_mins(1));
        assert_eq!(office.send().sent, 2, "{words}");
    }
}

#[test]
fn a_refused_login_is_left_alone_as_that_of_imap() {
    let office = Office::new(&vec![Act::NoConnection(NetErrorKind::LoginRefused); 200]);
    office.write(OutboxKind::Mail, &["a@x.example"]);
    let mut tries = Vec::new();
    for minute in 0..200 {
        if !office.send().accounts.is_empty() {
            tries.push(minute);
        }
        office.pass(SignedDuration::from_mins(1));
    }
    let early: Vec<i64> = (0..=15).collect();
    assert_eq!(tries, [early, vec![20, 35, 95, 155]].concat());
    office.acts.borrow_mut().clear();
    assert_eq!(office.send().sent, 0);
    office.edit();
    assert_eq!(office.send().sent, 1, "an edited account is tried at once");
}

#[test]
fn times_that_a_wrong_clock_wrote_delay_nothing_and_give_nothing_up() {
    let year = hours(24 * 365);
    let later = || Act::Answer(vec![], 451, "later");
    // It ran ahead when the row was put off.
    let office = Office::new(&[later()]);
    let id = office.write_soon();
    office.pass(year);
    office.send();
    office.pass(-year);
    assert_eq!(office.send().sent, 1);
    assert_eq!(office.row(id).state, OutboxState::Sent);
    // It ran behind at the first failure.
    let office = Office::new(&[later(), later(), later()]);
    let id = office.write_soon();
    office.pass(-year);
    office.store.write(|tx| outbox::make_due(tx, id, office.now.get())).unwrap();
    office.send();
    office.pass(year);
    office.send();
    assert_eq!((office.row(id).state, office.row(id).attempts), (OutboxState::Waiting, 2));
    // Mail that is to go out later waits, however far away that is.
    let office = Office::new(&[]);
    let id = office.write_at(START + year);
    assert_eq!(office.send().sent, 0);
    assert_eq!(office.row(id).state, OutboxState::Waiting);
    office.pass(year);
    assert_eq!(office.send().sent, 1);
}

#[test]
fn what_a_personal_server_says_holds_for_that_account_only() {
    for (kind, everybody) in [(AccountKind::Group, true), (AccountKind::Personal, false)] {
        let office = Office::new(&[Act::Answer(vec![("a@x.example", 550, "5.1.1 no such user")], 250, "taken")]);
        office
            .store
            .write(|tx| {
                let account = accounts::by_id(tx, 1)?.unwrap();
                accounts::update(tx, &Account { kind, user_id: Some(office.user_id), ..account })
            })
            .unwrap();
        office.write(OutboxKind::Mail, &["a@x.example"]);
        office.send();
        let known = |account| office.store.read(|tx| invalid_addresses::find(tx, "a@x.example", account)).unwrap();
        assert!(known(Some(1)).is_some(), "{kind}");
        assert_eq!((known(None).is_some(), known(Some(2)).is_some()), (everybody, everybody), "{kind}");
        assert!(office.store.write(|tx| invalid_addresses::remove(tx, "a@x.example")).unwrap());
        assert!(known(Some(1)).is_none());
    }
}

#[test]
fn in_doubt_mail_is_sent_again_and_an_automatic_reply_is_held() {
    for (kind, state) in [(OutboxKind::Mail, OutboxState::Waiting), (OutboxKind::AutoReply, OutboxState::Held)] {
        let office = Office::new(&[Act::Doubt]);
        let id = office.write(kind, &["a@x.example"]);
        office.send();
        assert_eq!(office.row(id).state, state, "{kind}");
        office.pass(hours(1));
        assert_eq!(office.send().sent, usize::from(kind == OutboxKind::Mail), "{kind}");
    }
}

#[test]
fn a_refused_recipient_is_a_note_a_notification_and_no_valid_address() {
    for (kind, text, invalid) in [
        (OutboxKind::Mail, "5.1.1 no such user", true),
        (OutboxKind::AutoReply, "5.1.1 no such user", true),
        (OutboxKind::Mail, "5.7.1 refused as spam", false),
        (OutboxKind::Mail, "5.6.7 the server does not take addresses beyond ASCII (SMTPUTF8)", false),
    ] {
        let office = Office::new(&[Act::Answer(vec![("a@x.example", 550, text)], 250, "taken")]);
        let id = office.write(kind, &["a@x.example", "b@x.example"]);
        assert_eq!(office.send().sent, 1);
        assert_eq!(
            office.recipients(id),
            [format!("a@x.example failed 550 {text}"), "b@x.example sent 250 taken".to_owned()]
        );
        assert_eq!(office.failures(), [format!("not delivered to a@x.example: 550 {text}")]);
        assert_eq!(office.notifications(), [format!("#1 Help: not delivered to a@x.example: 550 {text}")]);
        let known = office.store.read(|tx| invalid_addresses::find(tx, "A@x.example", None)).unwrap();
        assert_eq!(known.is_some(), invalid, "{text}");
    }
}

#[test]
fn only_the_sender_hears_of_a_bcc_that_failed() {
    let office =
        Office::new(&[Act::Answer(vec![("boss@x.example", 550, "5.1.1 <boss@x.example> unknown")], 250, "taken")]);
    office.write_with_bcc(OutboxKind::Mail, &["a@x.example"], &["boss@x.example"]);
    assert_eq!(office.send().sent, 1);
    assert!(office.failures().is_empty());
    assert_eq!(office.notifications().len(), 1);
}

#[test]
fn of_private_mail_that_failed_the_assignee_does_not_hear() {
    for (private, told) in [(false, 1), (true, 0)] {
        let office = Office::new(&[Act::Answer(vec![("a@x.example", 550, "5.1.1 unknown")], 250, "taken")]);
        let id = office.write(OutboxKind::Mail, &["a@x.example"]);
        let email_id = office.row(id).email_id.unwrap();
        let colleague = office.store.write(|tx| {
            emails::set_private(tx, email_id, private)?;
            let budi =
                NewUser { username: "budi", name: "", user_type: UserType::Regular, login: "budi", addresses: &[] };
            let budi = users::add(tx, &budi, START)?;
            cases::assign(tx, office.case_id, Some(budi), false, START)?;
            let ana = users::by_id(tx, office.user_id)?.unwrap();
            users::update(tx, &users::User { active: false, ..ana })?;
            Ok(budi)
        });
        office.send();
        let all =
            office.store.read(|tx| notifications::list(tx, colleague.unwrap(), Sight::Everything, true, 10)).unwrap();
        assert_eq!(all.len(), told, "private: {private}: {all:?}");
    }
}

#[test]
fn one_notification_names_all_whom_a_mail_did_not_reach() {
    let no = |address| (address, 550, "5.1.1 unknown");
    let refused = Act::Answer(vec![no("a@x.example"), no("b@x.example"), no("boss@x.example")], 250, "taken");
    let office = Office::new(&[refused.clone(), refused]);
    let id = office.write_with_bcc(OutboxKind::Mail, &["a@x.example", "b@x.example"], &["boss@x.example"]);
    office.send();
    let text = "#1 Help: not delivered to a@x.example: 550 5.1.1 unknown; not delivered to b@x.example: 550 5.1.1 \
        unknown; not delivered to boss@x.example: 550 5.1.1 unknown";
    assert_eq!(office.notifications(), [text]);
    assert_eq!(office.failures().len(), 2, "the case says nothing of a Bcc");
    // What is said again is not repeated.
    office.store.write(|tx| outbox::reopen_recipients(tx, id)).unwrap();
    let retry = |tx: &Tx<'_>| outbox::change(tx, id, OutboxState::Failed, OutboxState::Waiting, "", office.now.get());
    office.store.write(retry).unwrap();
    office.send();
    assert_eq!(office.notifications(), [text]);
}

#[test]
fn why_a_recipient_waits_is_said_and_a_doubt_stays() {
    let later = || Act::Answer(vec![("b@x.example", 450, "4.2.1 full")], 451, "4.3.0 busy");
    let office = Office::new(&[later(), Act::Doubt, later(), Act::Before]);
    let id = office.write(OutboxKind::Mail, &["a@x.example", "b@x.example"]);
    office.send();
    assert_eq!(office.recipients(id), ["a@x.example waiting 451 4.3.0 busy", "b@x.example waiting 450 4.2.1 full"]);
    for _ in 0..3 {
        office.pass(hours(1));
        office.send();
        let may_have = office.recipients(id).iter().filter(|line| line.contains(" waiting may have it: ")).count();
        assert_eq!(may_have, 2, "{:?}", office.recipients(id));
    }
    office.pass(hours(1));
    assert_eq!(office.send().sent, 1);
    assert_eq!((office.row(id).last_error.as_str(), office.recipients(id).len()), ("", 2), "250 is no error");
}

#[test]
fn what_is_tried_again_by_hand_has_two_days_again() {
    let office = Office::new(&vec![Act::Before; 100]);
    let id = office.write(OutboxKind::Mail, &["a@x.example"]);
    for _ in 0..2 {
        office.send();
        office.pass(hours(30));
        office.store.write(|tx| outbox::make_due(tx, id, office.now.get())).unwrap();
    }
    office.send();
    assert_eq!(office.row(id).state, OutboxState::Waiting);
}

#[test]
fn the_id_that_a_server_gives_is_an_alias() {
    let office = Office::new(&[Act::Answer(vec![], 250, "2.6.0 <new@mx.example> queued")]);
    let id = office.write(OutboxKind::Mail, &["a@x.example"]);
    office.send();
    let email = office.store.read(|tx| emails::by_message_id(tx, "new@mx.example")).unwrap();
    assert_eq!(email.first().map(|email| email.id), office.row(id).email_id);
}

/// Names with special use.
type Folders = Vec<(&'static str, Option<&'static str>)>;

/// A mailbox that is only written to.
#[derive(Clone, Default)]
struct Mailroom {
    folders: Rc<RefCell<Folders>>,
    /// Folder and source of each message.
    messages: Rc<RefCell<Vec<(String, String)>>>,
    opened: String,
    /// APPEND fails before (`Some(false)`) or after (`Some(true)`) the message is there.
    broken: Rc<Cell<Option<bool>>>,
}

impl Idle for Mailroom {
    fn open(&mut self, folder: &str, _: bool) -> Result<OpenFolder, NetError> {
        if !self.folders.borrow().iter().any(|(name, _)| *name == folder) {
            return Err(NetError::new(NetErrorKind::Folder, "no such folder"));
        }
        self.opened = folder.to_owned();
        Ok(OpenFolder { uidvalidity: 1, uidnext: None, exists: 0 })
    }

    fn contains(&mut self, message_id: &str) -> Result<bool, NetError> {
        let id = format!("Message-ID: <{message_id}>");
        Ok(self.messages.borrow().iter().any(|(folder, text)| *folder == self.opened && text.contains(&id)))
    }

    fn create(&mut self, folder: &str) -> Result<(), NetError> {
        self.folders.borrow_mut().push((folder.to_owned().leak(), None));
        Ok(())
    }

    fn append(&mut self, folder: &str, raw: &[u8], _: Timestamp) -> Result<(), NetError> {
        if self.broken.get() != Some(false) {
            let text = String::from_utf8_lossy(raw).into_owned();
            self.messages.borrow_mut().push((folder.to_owned(), text));
        }
        self.broken.get().map_or(Ok(()), |_| Err(NetError::new(NetErrorKind::Closed, "the server hung up")))
    }

    fn folders(&mut self) -> Result<Vec<ListedFolder>, NetError> {
        let listed = |(name, mark): &(&str, Option<&str>)| ListedFolder {
            name: (*name).to_owned(),
            special_use: mark.map(str::to_owned),
            selectable: true,
        };
        Ok(self.folders.borrow().iter().map(listed).collect())
    }
}

impl Office {
    fn keeps_copies(self, place: StoreSent) -> Office {
        self.store
            .write(|tx| {
                let mut account = accounts::by_id(tx, 1)?.unwrap();
                account.imap.host = Some("imap.example".into());
                account.sending.store_sent = Some(place);
                accounts::update(tx, &account)
            })
            .unwrap();
        self
    }

    /// Keeps the copies that are due; whether that failed.
    fn keep(&self, mailroom: &Mailroom) -> bool {
        let mut connect = |_: &Account, _| -> Result<Box<dyn MailSource>> { Ok(Box::new(mailroom.clone())) };
        !keep_copies(&self.store, &mut connect, None, &|| self.now.get()).unwrap().is_empty()
    }

    fn waiting(&self) -> sent_copies::Waiting {
        self.store.read(|tx| sent_copies::waiting(tx, 1)).unwrap()
    }
}

#[test]
fn copies_go_to_the_folder_for_sent_mail() {
    let marked = &[("Sent", None), ("Gesendet", Some("\\Sent"))][..];
    for (folders, place, folder) in [
        (marked, StoreSent::SpecialUse, "Gesendet"),
        (marked, StoreSent::Folder("Archive".into()), "Archive"),
        (&[("INBOX", None), ("INBOX.Sent", None)], StoreSent::SpecialUse, "INBOX.Sent"),
        (&[("INBOX", None)], StoreSent::SpecialUse, "Sent"),
    ] {
        let office = Office::new(&[]).keeps_copies(place);
        let mailroom = Mailroom { folders: Rc::new(RefCell::new(folders.to_vec())), ..Mailroom::default() };
        office.write(OutboxKind::Mail, &["a@x.example"]);
        office.pass(hours(1));
        office.write(OutboxKind::AutoReply, &["a@x.example"]);
        office.send();
        for _ in 0..2 {
            assert!(!office.keep(&mailroom));
        }
        let kept = mailroom.messages.borrow();
        assert_eq!(
            kept.iter().map(|(folder, _)| folder.as_str()).collect::<Vec<_>>(),
            [folder],
            "automatic mail is not kept"
        );
        assert_eq!(office.waiting().count, 0);
    }
}

#[test]
fn a_copy_is_neither_lost_nor_doubled() {
    // APPEND failed, APPEND came through and the answer was lost, the server keeps copies by itself.
    for (broken, by_server) in [(Some(false), false), (Some(true), false), (None, true)] {
        let office = Office::new(&[]).keeps_copies(StoreSent::SpecialUse);
        let mailroom = Mailroom { broken: Rc::new(Cell::new(broken)), ..Mailroom::default() };
        office.write(OutboxKind::Mail, &["a@x.example"]);
        office.send();
        assert_eq!(office.waiting().count, 1);
        if by_server {
            let id = format!("Message-ID: <{}@desk.example>", START.as_second());
            mailroom.folders.borrow_mut().push(("Sent", None));
            mailroom.messages.borrow_mut().push(("Sent".into(), id));
        }
        assert_eq!(office.keep(&mailroom), broken.is_some());
        if broken.is_some() {
            assert!(office.waiting().last_error.contains("folder Sent: the server hung up"), "{:?}", office.waiting());
            mailroom.broken.set(None);
            assert!(!office.keep(&mailroom), "not before its time");
            assert_eq!(office.waiting().count, 1);
            office.pass(SignedDuration::from_mins(1));
            assert!(!office.keep(&mailroom));
        }
        assert_eq!(mailroom.messages.borrow().len(), 1, "{broken:?}");
        assert_eq!(office.waiting().count, 0);
    }
}

#[test]
fn nothing_is_kept_of_what_nobody_got() {
    let office = Office::new(&[Act::Answer(vec![], 554, "5.7.1 no")]).keeps_copies(StoreSent::SpecialUse);
    office.write(OutboxKind::Mail, &["a@x.example"]);
    assert_eq!(office.send().failed, 1);
    assert_eq!(office.waiting().count, 0);
}

#[test]
fn what_the_time_did_not_suffice_for_is_sent_by_the_next_run() {
    let office = Office::new(&[]);
    office.write_soon();
    let flushed = office.send_until(Some(Instant::now()));
    assert_eq!((flushed.sent, flushed.put_off, flushed.accounts.len()), (0, 1, 0));
    assert_eq!(office.send().sent, 1, "no back-off: nothing went wrong");
}

#[test]
fn the_accounts_share_the_time_and_one_that_failed_comes_last() {
    let office = Office::new(&[]);
    office.write_soon();
    let second = office
        .store
        .write(|tx| {
            let mut account = accounts::by_id(tx, 1)?.unwrap();
            account.name = "second".into();
            account.health.send_failing_since = None;
            accounts::add(tx, &account)
        })
        .unwrap();
    office.put(second, OutboxKind::Mail, &["b@x.example"], &[], None);
    let order = || -> Vec<i64> {
        let due = office.store.read(|tx| accounts_due(tx, office.now.get())).unwrap();
        due.iter().map(|account| account.id).collect()
    };
    assert_eq!(order(), [1, second]);
    let failed = Health { send_failing_since: Some(office.now.get()), ..Health::default() };
    office.store.write(|tx| accounts::set_health(tx, 1, &failed)).unwrap();
    assert_eq!(order(), [second, 1]);
    let until = Instant::now() + Duration::from_secs(600);
    let minutes = |left| (share(Some(until), left).unwrap() - Instant::now()).as_secs_f64() / 60.0;
    assert!((9.0..=10.0).contains(&minutes(1)) && (1.0..=2.0).contains(&minutes(5)));
    assert_eq!(share(None, 5), None);
}

#[test]
fn the_answer_of_a_server_is_written_when_the_aftermath_fails() {
    let office = Office::new(&[Act::Answer(vec![("a@x.example", 550, "5.1.1 unknown")], 250, "taken")]);
    let id = office.write(OutboxKind::Mail, &["a@x.example", "b@x.example"]);
    let mut connect = |_: &Account, _| -> Result<Box<dyn MailTransport>> {
        Ok(Box::new(Server { acts: Rc::clone(&office.acts), bodies: Rc::clone(&office.bodies) }))
    };
    let fails = |tx: &Tx<'_>, row: &OutboxRow, _: &[Undelivered], _: Timestamp| -> Result<()> {
        outbox::set_envelope_from(tx, row.id, "half@done.example")?;
        anyhow::bail!("no desk")
    };
    flush(&office.store, &mut connect, &fails, &Manners::default(), &|| office.now.get()).unwrap();
    let row = office.store.read(|tx| outbox::by_id(tx, id)).unwrap().unwrap();
    assert_eq!((row.state, row.envelope_from.as_str()), (OutboxState::Sent, "support@desk.example"));
}
