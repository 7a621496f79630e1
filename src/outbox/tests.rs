#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod copies;
mod recipients;
mod runs;
mod tries;

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
        let store = Store::for_test().unwrap();
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
        let manners = Manners { alert_min_age: SignedDuration::from_mins(15), named: &[], left: &[], until };
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

    /// What the case shows of failures, without the ids at the end.
    fn failures(&self) -> Vec<String> {
        let notes = self.store.read(|tx| stream::notes(tx, Parent::case(self.case_id), Sight::Everything)).unwrap();
        notes.into_iter().filter(|note| note.kind == NoteKind::Failed).map(|note| without_ids(&note.text)).collect()
    }

    /// What ana is told.
    fn notifications(&self) -> Vec<String> {
        let all = self.store.read(|tx| notifications::list(tx, self.user_id, Sight::Everything, true, 100)).unwrap();
        all.into_iter().filter(|one| one.kind == NotificationKind::Failed).map(|one| one.text).collect()
    }
}

fn without_ids(text: &str) -> String {
    let (words, ids) = text.rsplit_once(" (email ").unwrap();
    assert!(ids.contains(", outbox "), "{text}");
    words.to_owned()
}

struct Server {
    acts: Rc<RefCell<VecDeque<Act>>>,
    bodies: Rc<RefCell<Vec<Envelope>>>,
}

fn reply(code: u16, text: &str) -> Reply {
    let (status, text) = match text.split_once(' ').filter(|(word, _)| word.starts_with(['4', '5'])) {
        Some((status, text)) => (Some(status.to_owned()), text),
        None => (None, text),
    };
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
