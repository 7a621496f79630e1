//! Letters on a database in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::string_slice)]

mod begun;
mod drafts;
mod sent;

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::{Config as Runs, RngSeed, TestRunner};

use super::*;
use crate::access::{self, Actor};
use crate::config::Config;
use crate::error;
use crate::mail::message::{self, Message};
use crate::mail::message_id;
use crate::store::accounts::{self, Account, AccountKind};
use crate::store::cases::NewCase;
use crate::store::db::Store;
use crate::store::emails::{self, Email, EmailStatus, Field, NewEmail};
use crate::store::permissions::{Level, Levels, Permission};
use crate::store::raw::{self, Packed};
use crate::store::roles::{self, Holder};
use crate::store::sight::Sight;
use crate::store::stream::{self, NewNote, NoteKind};
use crate::store::templates::Template;
use crate::store::users::{self, NewUser, UserType};
use crate::store::{instance, outbox as rows, search, teams};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// ana is in team Support, eko in none. Account `support` of that team made case 1 from `raw`.
struct Desk {
    store: Store,
    config: Config,
    original: Email,
}

const QUESTION: &str = "From: Eva <eva@customer.example>\r\nTo: support@desk.example, lee@customer.example\r\n\
    Cc: ana@staff.example, Budi <budi@staff.example>, noreply@x.example, sales@desk.example\r\nSubject: AW: Invoice [#1]\r\n\
    Message-ID: <q2@customer.example>\r\nReferences: <q0@customer.example> <q1@customer.example>\r\n\r\nIt is wrong.\r\n";

fn desk(raw: &[u8]) -> Desk {
    let store = Store::for_test().unwrap();
    let original = store
        .write(|tx| {
            instance::create(tx, &[7; 32], NOW)?;
            let team = teams::add(tx, "Support", NOW)?;
            access::make_agent(tx, NOW)?;
            let agent = roles::by_name(tx, access::AGENT)?.unwrap().id;
            for name in ["ana", "eko"] {
                let addresses = [format!("{name}@staff.example"), format!("{name}.home@staff.example")];
                let new =
                    NewUser { username: name, name, user_type: UserType::Regular, login: name, addresses: &addresses };
                let id = users::add(tx, &new, NOW)?;
                roles::assign(tx, agent, Holder::User(id))?;
                if name == "ana" {
                    teams::put_member(tx, team, id, "")?;
                }
            }
            let support = account(tx, "support", AccountKind::Group)?;
            let mut support = support.clone();
            support.cases.case_team_id = Some(team);
            accounts::update(tx, &support)?;
            account(tx, "sales", AccountKind::Group)?;
            let case = NewCase {
                number: instance::take_case_number(tx)?,
                key: "0123456789abcdef",
                name: "Invoice",
                account_id: Some(support.id),
                ..NewCase::default()
            };
            let case_id = cases::add(tx, &case, NOW)?;
            cases::add_team(tx, case_id, team)?;
            let original = put(tx, raw, Some(case_id))?;
            let (config, case) = (Config::default(), cases::by_id(tx, case_id)?.unwrap());
            let world = World::load(tx, &config, NOW)?;
            people::is_customer(tx, &world, &case, &original.author(), Some(original.id))?;
            people::named_in(tx, &world, &case, &original)?;
            Ok(original)
        })
        .unwrap();
    Desk { store, config: Config::default(), original }
}

fn account(tx: &Tx<'_>, name: &str, kind: AccountKind) -> Result<Account> {
    let mut account = Account::new(name, kind, NOW);
    account.address = format!("{name}@desk.example");
    account.smtp.host = Some("127.0.0.1".into());
    let id = accounts::add(tx, &account)?;
    Ok(Account { id, ..account })
}

/// An email that came.
fn put(tx: &Tx<'_>, raw: &[u8], case_id: Option<i64>) -> Result<Email> {
    let message = message::parse(raw);
    let raw_id = raw::add(tx, &Packed::new(raw.to_vec())?)?;
    let key = message_id::new_key(crate::random::bytes()?);
    let new = NewEmail {
        key: Some(&key),
        message_id: message.message_id.as_deref().unwrap_or("sha256:x"),
        raw_id: Some(raw_id),
        status: EmailStatus::Archived,
        received_at: NOW,
        automatic: "",
        user_id: None,
        author: None,
        verdict: "",
        truncated: false,
        flagged: "",
    };
    let id = emails::add(tx, &new, &message, NOW)?;
    if let Some(parent) = case_id.map(Parent::case) {
        emails::set_parent(tx, id, parent, true)?;
        let note = NewNote { parent, kind: NoteKind::EmailReceived, user_id: None, email_id: Some(id), text: "" };
        stream::note(tx, note, NOW)?;
    }
    Ok(emails::by_id(tx, id, Sight::Everything)?.unwrap())
}

/// Plans, composes and sends.
fn sent(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, started: &Started, at: Option<Timestamp>) -> Result<Queued> {
    send(tx, world, actor, &plan(tx, world, actor, started, at)?.compose()?)
}

/// Plans, composes and keeps what ana writes.
fn kept(tx: &Tx<'_>, world: &World<'_>, started: &Started) -> Result<i64> {
    let ana = actor(tx, "ana")?;
    keep(tx, world, &ana, &plan_draft(tx, world, &ana, started)?.compose()?)
}

impl Desk {
    fn write<T>(&self, work: impl FnOnce(&Tx<'_>, &World<'_>) -> Result<T>) -> Result<T> {
        self.store.write(|tx| work(tx, &World::load(tx, &self.config, NOW)?))
    }

    fn case(&self) -> Case {
        self.store.read(|tx| cases::by_number(tx, 1, Sight::Everything)).unwrap().unwrap()
    }

    fn begin(&self, user: &str, occasion: Occasion<'_>, wishes: Wishes<'_>) -> Result<Started> {
        self.write(|tx, world| begin(tx, world, &actor(tx, user)?, occasion, wishes))
    }

    /// Sends; the message and the id of its email.
    fn send(&self, started: &Started) -> Result<(Message, i64)> {
        self.write(|tx, world| {
            let queued = sent(tx, world, &actor(tx, "ana")?, started, None)?;
            let row = rows::by_id(tx, queued.outbox_id)?.unwrap();
            Ok((message::parse(&raw::bytes(tx, row.raw_id)?), row.email_id.unwrap()))
        })
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Account)) {
        self.store
            .write(|tx| {
                let mut account = accounts::by_name(tx, name)?.unwrap();
                change(&mut account);
                accounts::update(tx, &account)
            })
            .unwrap();
    }
}

fn actor(tx: &Tx<'_>, user: &str) -> Result<Actor> {
    Ok(users::by_username(tx, user)?.map_or(Actor::Administrator, Actor::User))
}

fn words(text: &str) -> Wishes<'static> {
    Wishes { text: text.to_owned(), ..Wishes::default() }
}

fn addresses(mailboxes: &[Mailbox]) -> String {
    mailboxes.iter().map(|m| m.address.as_str()).collect::<Vec<_>>().join(" ")
}
