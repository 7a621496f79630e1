//! From stored bytes to an email, in the order of B3. All of one message or nothing of it.
//!
//! No socket is touched here. What cannot be imported is kept whole in the quarantine, with the error;
//! a message that kills the process is recognised by the lock file and quarantined at its third try.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use jiff::Timestamp;

use super::case::{self, Mail};
use super::parent::{self, Found, Sender};
use super::world::{self, World};
use super::{auto_reply, notify, poison, recipients};
use crate::config::Config;
use crate::lock::{Doing, Lock};
use crate::mail::automatic;
use crate::mail::forward;
use crate::mail::message::{self, Message};
use crate::mail::message_id::{self, IdKind};
use crate::store::accounts::{Account, AccountKind, AfterImport};
use crate::store::cases::{self, Case};
use crate::store::db::{self, Store, Tx};
use crate::store::deliveries::{self, Delivery, Outcome};
use crate::store::emails::{self, Email, EmailStatus, NewEmail};
use crate::store::notifications::{self, NewNotification, NotificationKind};
use crate::store::raw::{self, Stored};
use crate::store::records::{self, Parent, ParentType};
use crate::store::server_actions;
use crate::store::sight::Sight;
use crate::store::tombstones;

/// A message that killed so many runs is quarantined.
const DEATHS: i64 = 3;
/// One commit holds at most so many messages …
const BATCH: i64 = 100;
/// … and so many bytes.
const BATCH_BYTES: i64 = 2 << 20;
/// The transaction ends after this, so that no other writer waits long …
const WRITE_TIME: Duration = Duration::from_secs(1);
/// … or when the next message takes so long to parse.
const PARSE_TIME: Duration = Duration::from_millis(250);
/// So many messages are parsed ahead.
const AHEAD: usize = 16;

/// What became of one message, for `-v` and `--dry-run`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Delivery.
    pub delivery_id: i64,
    /// Outcome.
    pub outcome: Outcome,
    /// Email, where there is one.
    pub email_id: Option<i64>,
    /// One line: why, or the error.
    pub reason: String,
}

/// Imports everything an account has received; `done` hears of every message after its commit.
///
/// # Errors
/// Only where the database itself fails. A message that cannot be imported is no error.
pub fn run(
    store: &Store,
    config: &Config,
    lock: &Lock,
    account_id: i64,
    clock: &dyn Fn() -> Timestamp,
    done: &mut dyn FnMut(&Imported),
) -> Result<()> {
    judge_deaths(store, lock)?;
    loop {
        let mut batch = store.read(|tx| deliveries::waiting(tx, account_id, BATCH))?;
        if batch.is_empty() {
            return Ok(());
        }
        // One by one while somebody is under suspicion, so that the next death has one cause.
        if batch.iter().any(|delivery| delivery.deaths > 0) {
            batch.truncate(1);
        }
        let imported = commit_batch(store, config, Some(lock), &batch, clock())?;
        imported.iter().for_each(&mut *done);
    }
}

/// Counts the death of a run at its messages; one that was there at the third is quarantined.
fn judge_deaths(store: &Store, lock: &Lock) -> Result<()> {
    if lock.died_at().is_empty() {
        return Ok(());
    }
    store.write(|tx| {
        for &delivery_id in lock.died_at() {
            let deaths = deliveries::count_death(tx, delivery_id)?;
            if deaths >= DEATHS {
                let reason = format!("the process died {deaths} times while importing it");
                deliveries::settle(tx, delivery_id, Outcome::Quarantined, &reason, None)?;
            }
        }
        Ok(())
    })?;
    lock.idle()
}

/// A message that has been read and parsed.
struct Parsed {
    delivery: Delivery,
    message: Result<Message>,
}

/// Imports the beginning of a batch in one commit, while a thread parses ahead; what does not fit into the limits
/// stays for the next. No transaction begins before there is something to write.
fn commit_batch(
    store: &Store,
    config: &Config,
    lock: Option<&Lock>,
    batch: &[Delivery],
    now: Timestamp,
) -> Result<Vec<Imported>> {
    let stored = store.read(|tx| load(tx, batch))?;
    let imported = thread::scope(|scope| {
        let (parsed, incoming) = sync_channel(AHEAD);
        let reader = scope.spawn(move || parse(stored, lock, &parsed));
        let imported = match incoming.recv() {
            Ok(first) => store.write(|tx| import_all(tx, config, lock, first, &incoming, now)),
            Err(_) => Ok(Vec::new()),
        };
        // The reader ends where nobody listens any more.
        drop(incoming);
        reader.join().map_err(|_| anyhow!("the reader panicked"))??;
        imported
    });
    // An error is no death: nobody is to blame for it in the next run.
    if let Some(lock) = lock {
        lock.idle()?;
    }
    imported
}

/// The stored bytes of the messages that one commit holds. A database that cannot be read is no fault of a message.
fn load(tx: &Tx<'_>, batch: &[Delivery]) -> Result<Vec<(Delivery, Result<Stored>)>> {
    let mut bytes = 0;
    let mut loaded = Vec::new();
    for delivery in batch {
        let stored = delivery.raw_id.context("its bytes were dropped").and_then(|id| raw::stored(tx, id));
        if stored.as_ref().is_err_and(db::is_fatal) {
            return stored.map(|_| loaded);
        }
        loaded.push((delivery.clone(), stored));
        bytes += delivery.size;
        if bytes > BATCH_BYTES {
            break;
        }
    }
    Ok(loaded)
}

/// Unpacks and parses messages in their order until nobody wants the next.
fn parse(stored: Vec<(Delivery, Result<Stored>)>, lock: Option<&Lock>, parsed: &SyncSender<Parsed>) -> Result<()> {
    for (delivery, stored) in stored {
        if let Some(lock) = lock {
            lock.doing(Doing::Reading, delivery.id)?;
        }
        let message = stored.and_then(Stored::unpack).and_then(|bytes| read(&bytes));
        if parsed.send(Parsed { delivery, message }).is_err() {
            break;
        }
    }
    Ok(())
}

fn read(bytes: &[u8]) -> Result<Message> {
    let parse = || {
        poison::act(Doing::Reading, bytes)?;
        Ok(message::parse(bytes))
    };
    catch_unwind(parse).unwrap_or_else(|_| Err(anyhow!("the parser panicked")))
}

fn import_all(
    tx: &Tx<'_>,
    config: &Config,
    lock: Option<&Lock>,
    first: Parsed,
    incoming: &Receiver<Parsed>,
    now: Timestamp,
) -> Result<Vec<Imported>> {
    let world = World::load(tx, config, now)?;
    let started = Instant::now();
    let mut all = Vec::new();
    let mut next = Some(first);
    while let Some(Parsed { delivery, message }) = next {
        // Another process may have imported it since it was read.
        let current = deliveries::by_id(tx, delivery.id)?;
        if current.is_some_and(|d| d.outcome == Outcome::Received) {
            if let Some(lock) = lock {
                lock.doing(Doing::Importing, delivery.id)?;
            }
            all.push(one_or_quarantine(tx, &world, &delivery, &message)?);
        }
        // The rest stays received and comes with the next batch.
        let left = WRITE_TIME.saturating_sub(started.elapsed());
        next = if left.is_zero() { None } else { incoming.recv_timeout(left.min(PARSE_TIME)).ok() };
    }
    Ok(all)
}

fn one_or_quarantine(
    tx: &Tx<'_>,
    world: &World<'_>,
    delivery: &Delivery,
    message: &Result<Message>,
) -> Result<Imported> {
    let outcome = match message {
        Ok(message) => tx.savepoint(|tx| {
            let import = || {
                let done = one(tx, world, delivery, message)?;
                poison::act(Doing::Importing, message.subject.as_bytes())?;
                Ok(done)
            };
            catch_unwind(AssertUnwindSafe(import)).unwrap_or_else(|_| Err(anyhow!("the import panicked")))
        }),
        Err(error) => Err(anyhow!("{error:#}")),
    };
    match outcome {
        Ok(imported) => Ok(imported),
        Err(error) if db::is_fatal(&error) => Err(error),
        Err(error) => {
            let reason = format!("{error:#}");
            deliveries::settle(tx, delivery.id, Outcome::Quarantined, &reason, None)?;
            Ok(Imported { delivery_id: delivery.id, outcome: Outcome::Quarantined, email_id: None, reason })
        }
    }
}

/// One message through B3. The steps are the numbered ones of the rule.
pub fn one(tx: &Tx<'_>, world: &World<'_>, delivery: &Delivery, message: &Message) -> Result<Imported> {
    let account = world.account(delivery.account_id)?;
    let identity = message.message_id.clone().unwrap_or_else(|| message_id::content_key(message));
    if is_erased(tx, &identity, message)? {
        deliveries::drop_raw(tx, delivery)?;
        return settle(tx, account, delivery, Outcome::Discarded, "erased: does not come back", None);
    }
    if let Some(email_id) = own_coming_back(tx, world, message)? {
        return settle(tx, account, delivery, Outcome::Own, "mail of this instance coming back", email_id);
    }
    let sender = Sender::of(tx, world, account, message)?;
    if let Some(answered) = answered_notice(tx, world, &sender, message)? {
        return keep_as_note(tx, world, account, delivery, message, &sender, &answered);
    }
    let automatic = automatic::machine(message).map(|reason| reason.to_string()).unwrap_or_default();
    let (same, other) = same_email(tx, &identity, message)?;
    let (email, outcome) = match same {
        Some(email) => {
            keep_variant(tx, &email, delivery, message)?;
            (email, Outcome::Duplicate)
        }
        None => {
            let author = Author { sender: &sender, automatic: &automatic };
            (add_email(tx, world, delivery, message, &identity, author, other)?, Outcome::Imported)
        }
    };
    arrived(tx, world, account, delivery, email.id)?;
    recipients::add(tx, account, &sender, message, email.id)?;
    let sent_at = message.date.unwrap_or(delivery.internal_date).min(delivery.internal_date);
    let mail = Mail {
        email_id: email.id,
        message,
        sender: &sender,
        automatic: &automatic,
        sent_at,
        received_at: delivery.internal_date,
        verified: true,
        account_id: account.id,
    };
    let linked = match outcome {
        Outcome::Imported => Some(link(tx, world, account, &mail)?),
        _ => None,
    };
    match account.kind {
        AccountKind::Group if account.create_case && email.flow_account_id.is_none() => {
            flow(tx, world, account, &mail, linked)?;
        }
        AccountKind::Group if !account.create_case && outcome == Outcome::Imported => {
            reply(tx, world, account, &mail, None)?
        }
        _ => {}
    }
    let reason = summary(tx, email.id)?;
    settle(tx, account, delivery, outcome, &reason, Some(email.id))
}

/// B3.4: an email that was erased leaves a tombstone. Asked first, because mail of ours that comes back is kept, too.
fn is_erased(tx: &Tx<'_>, identity: &str, message: &Message) -> Result<bool> {
    let from = message.from.first().map(|m| m.address.as_str()).unwrap_or_default();
    tombstones::contains(tx, &tombstones::hash(identity, from, message.date))
}

/// B3.2: our own signed Message-ID, from one of our own addresses or from the one that it was sent with
/// (`--reply-from` may be another); gives the email it is, which a notice has not.
fn own_coming_back(tx: &Tx<'_>, world: &World<'_>, message: &Message) -> Result<Option<Option<i64>>> {
    let signed = message.message_id.as_ref().filter(|id| world.signer.verify(id).is_some());
    let (Some(id), Some(from)) = (signed, message.from.first()) else { return Ok(None) };
    let stored = emails::by_message_id(tx, id)?.into_iter().next();
    let ours = world.is_own(&from.address) || stored.as_ref().is_some_and(|email| email.from_address == from.address);
    Ok(ours.then_some(stored.map(|email| email.id)))
}

/// What one of our users answers to (B7.4).
enum Answered {
    /// A notice about this record.
    About(Parent),
    /// A digest, or a notice about what is not there any more.
    Nothing,
}

/// B7.4: the notice of ours that one of our users answers.
fn answered_notice(tx: &Tx<'_>, world: &World<'_>, sender: &Sender, message: &Message) -> Result<Option<Answered>> {
    let named = message.in_reply_to.iter().chain(message.references.last());
    let mut notices = named.filter_map(|id| world.signer.verify(id)).filter(|signed| signed.kind == IdKind::Notice);
    let (Some(_), Some(notice)) = (sender.verified_user(), notices.next()) else { return Ok(None) };
    let parent = match cases::by_key(tx, &notice.key)? {
        Some(case) => Some(Parent::case(cases::surviving(tx, case)?.id)),
        None => emails::by_key(tx, &notice.key)?.and_then(|email| email.parent),
    };
    Ok(Some(parent.map_or(Answered::Nothing, Answered::About)))
}

/// An internal note, which nobody outside gets; an automatic answer stays in the ledger.
fn keep_as_note(
    tx: &Tx<'_>,
    world: &World<'_>,
    account: &Account,
    delivery: &Delivery,
    message: &Message,
    sender: &Sender,
    answered: &Answered,
) -> Result<Imported> {
    let kept = |reason: &str| settle(tx, account, delivery, Outcome::Own, reason, None);
    let (Some(user), Answered::About(parent)) = (sender.verified_user(), answered) else {
        return kept("an answer to a digest of ours");
    };
    if automatic::machine(message).is_some() {
        return kept("an automatic answer to our notice");
    }
    notify::comment(tx, world, *parent, Some(user), message.text.trim())?;
    let label = records::label(tx, *parent)?;
    let case = if parent.kind == ParentType::Case { cases::by_id(tx, parent.id)? } else { None };
    let how = case.map(|case| format!("; to answer: espomail case reply {}", case.number)).unwrap_or_default();
    let text = format!("{label}: stored as a note{how}");
    let new = NewNotification {
        user_id: user.id,
        kind: NotificationKind::Note,
        parent: Some(*parent),
        email_id: None,
        text: &text,
    };
    notifications::add(tx, new, false, world.now)?;
    kept(&format!("an answer to our notice, stored as a note of {label}"))
}

/// B3.4: the stored email that this one is, and whether another one bears the same id.
fn same_email(tx: &Tx<'_>, identity: &str, message: &Message) -> Result<(Option<Email>, bool)> {
    let from = message.from.first().map(|m| m.address.as_str()).unwrap_or_default();
    let mut stored = emails::by_message_id(tx, identity)?;
    let same = stored
        .iter()
        .position(|e| e.from_address == from && e.date.map(|d| d.as_second()) == message.date.map(|d| d.as_second()));
    let other = same.is_none() && !stored.is_empty();
    Ok((same.map(|i| stored.swap_remove(i)), other))
}

/// Keeps a different text of the same email; equal bytes are kept once.
fn keep_variant(tx: &Tx<'_>, email: &Email, delivery: &Delivery, message: &Message) -> Result<()> {
    let Some(raw_id) = delivery.raw_id else { return Ok(()) };
    let stored = email.raw_id.map(|id| raw::identity(tx, id)).transpose()?.flatten();
    if email.raw_id == Some(raw_id) {
        return Ok(());
    }
    if stored == raw::identity(tx, raw_id)? {
        return deliveries::drop_raw(tx, delivery);
    }
    let stored = email.raw_id.map(|id| raw::bytes(tx, id)).transpose()?.map(|bytes| message::parse(&bytes));
    let same = |stored: Message| stored.text == message.text && digests(&stored) == digests(message);
    if !email.truncated && stored.is_some_and(same) {
        return deliveries::drop_raw(tx, delivery);
    }
    emails::add_variant(tx, email.id, delivery.id, raw_id)?;
    Ok(())
}

fn digests(message: &Message) -> Vec<&str> {
    message.attachments.iter().map(|attachment| attachment.sha256.as_str()).collect()
}

/// Who or what wrote a message.
struct Author<'a> {
    sender: &'a Sender,
    /// The rule by which it is machine mail; empty = written by a person.
    automatic: &'a str,
}

fn add_email(
    tx: &Tx<'_>,
    world: &World<'_>,
    delivery: &Delivery,
    message: &Message,
    identity: &str,
    author: Author<'_>,
    same_id: bool,
) -> Result<Email> {
    let new = NewEmail {
        key: &message_id::new_key(world::random()?),
        message_id: identity,
        raw_id: delivery.raw_id,
        status: EmailStatus::Archived,
        received_at: delivery.internal_date,
        automatic: author.automatic,
        user_id: author.sender.verified_user().map(|user| user.id),
        dmarc: author.sender.dmarc.as_str(),
        truncated: delivery.truncated,
        flagged: if same_id { "another email has the same Message-ID" } else { "" },
    };
    let id = emails::add(tx, &new, message, world.now)?;
    emails::by_id(tx, id, Sight::Everything)?.context("the new email vanished")
}

fn arrived(tx: &Tx<'_>, world: &World<'_>, account: &Account, delivery: &Delivery, email_id: i64) -> Result<()> {
    let place = match (&delivery.folder, delivery.uid) {
        (Some(folder), Some(uid)) => format!("{}/{folder} UID {uid}", account.name),
        _ => format!("{} by ingest", account.name),
    };
    let truncated = if delivery.truncated { ", truncated" } else { "" };
    let text = format!("{place}, {}, {} bytes{truncated}", delivery.internal_date, delivery.size);
    emails::decide(tx, email_id, "arrived", &text, world.now)
}

/// What was found for an email, and the case that was made instead of reopening a closed one.
struct Linked {
    found: Found,
    new_case: Option<Case>,
    /// The case of another account whose mail was forwarded to this one (B4.8).
    relates_to: Option<Case>,
}

/// Finds the parent of a new email and links it (B4). A case gets it as a follow-up.
fn link(tx: &Tx<'_>, world: &World<'_>, account: &Account, mail: &Mail<'_>) -> Result<Linked> {
    let subject_tags = account.kind == AccountKind::Group && account.create_case;
    let found = parent::find(tx, world, mail.sender, mail.message, subject_tags)?;
    emails::decide(tx, mail.email_id, "parent", &found.reason, world.now)?;
    if let Some(case) = forwarded_case(tx, world, account, mail, &found)? {
        let why = format!("none: a forward of #{} to another account opens a case of its own", case.number);
        emails::decide(tx, mail.email_id, "parent", &why, world.now)?;
        return Ok(Linked { found, new_case: None, relates_to: Some(case) });
    }
    let new_case = join(tx, world, mail, &found)?;
    if let Some(record) = found.parent.filter(|p| p.kind != ParentType::Case) {
        emails::set_parent(tx, mail.email_id, record, true)?;
        notify::email_note(tx, world, record, mail.email_id, mail.sender, "")?;
        notify::arrival(tx, world, &mail.arrival(record))?;
    }
    Ok(Linked { found, new_case, relates_to: None })
}

/// B4.8: the case of another account that a forward to this one would join by its references.
fn forwarded_case(
    tx: &Tx<'_>,
    world: &World<'_>,
    account: &Account,
    mail: &Mail<'_>,
    found: &Found,
) -> Result<Option<Case>> {
    if account.kind != AccountKind::Group || !account.create_case || !forward::is_forward(mail.message) {
        return Ok(None);
    }
    let case = found.case_id().map(|id| cases::by_id(tx, id)).transpose()?.flatten();
    let owner = case::owner(world, account, mail.message);
    Ok(case.filter(|case| case.account_id.is_some_and(|id| id != owner.id)))
}

/// Joins an email to the case that was found, if it is one.
fn join(tx: &Tx<'_>, world: &World<'_>, mail: &Mail<'_>, found: &Found) -> Result<Option<Case>> {
    let Some(case_id) = found.case_id() else { return Ok(None) };
    let case = cases::by_id(tx, case_id)?.context("the case vanished")?;
    case::follow_up(tx, world, &case, &Mail { verified: found.verified, ..*mail })
}

/// The case flow and the auto-reply decision, once per email (B5.2).
fn flow(tx: &Tx<'_>, world: &World<'_>, account: &Account, mail: &Mail<'_>, linked: Option<Linked>) -> Result<()> {
    let owner = case::owner(world, account, mail.message);
    let linked = match linked {
        Some(linked) => linked,
        None => link_again(tx, world, mail)?,
    };
    emails::set_flow(tx, mail.email_id, owner.id)?;
    let stored = emails::by_id(tx, mail.email_id, Sight::Everything)?.context("the email vanished")?;
    let new_case = match linked.new_case {
        None if stored.case_id().is_none() => {
            let Linked { found, relates_to, .. } = &linked;
            case::open_or_archive(tx, world, owner, mail, relates_to.as_ref(), &found.remarks)?
        }
        other => other,
    };
    reply(tx, world, owner, mail, new_case.as_ref())
}

/// An email that another account stored before: the number in its subject was not looked at then.
fn link_again(tx: &Tx<'_>, world: &World<'_>, mail: &Mail<'_>) -> Result<Linked> {
    let stored = emails::by_id(tx, mail.email_id, Sight::Everything)?.context("the email vanished")?;
    let found = parent::find(tx, world, mail.sender, mail.message, true)?;
    let new_case = if stored.case_id().is_none() { join(tx, world, mail, &found)? } else { None };
    Ok(Linked { found, new_case, relates_to: None })
}

fn reply(tx: &Tx<'_>, world: &World<'_>, account: &Account, mail: &Mail<'_>, new_case: Option<&Case>) -> Result<()> {
    let Mail { email_id, message, sender, sent_at, .. } = *mail;
    auto_reply::run(tx, world, &auto_reply::Occasion { account, email_id, message, sender, sent_at, new_case })
}

/// The decisions about an email in one line.
fn summary(tx: &Tx<'_>, email_id: i64) -> Result<String> {
    let steps = ["case", "parent"];
    let decisions = emails::decisions(tx, email_id)?;
    let said = steps.iter().find_map(|step| decisions.iter().rev().find(|(s, _, _)| s == step));
    Ok(said.map(|(step, text, _)| format!("{step} {text}")).unwrap_or_default())
}

/// Writes the outcome into the ledger and plans what is to be done on the server (B2.9).
fn settle(
    tx: &Tx<'_>,
    account: &Account,
    delivery: &Delivery,
    outcome: Outcome,
    reason: &str,
    email_id: Option<i64>,
) -> Result<Imported> {
    deliveries::settle(tx, delivery.id, outcome, reason, email_id)?;
    let removes = matches!(account.after_import, AfterImport::Delete | AfterImport::Move(_));
    let wanted = account.after_import != AfterImport::Keep && !(removes && delivery.truncated);
    if delivery.uid.is_some() && wanted {
        server_actions::plan(tx, delivery.id, &account.after_import.to_string())?;
    }
    Ok(Imported { delivery_id: delivery.id, outcome, email_id, reason: reason.to_owned() })
}

/// Imports one delivery out of turn: `ingest`, `quarantine retry`.
pub fn single(store: &Store, config: &Config, delivery: &Delivery, now: Timestamp) -> Result<Option<Imported>> {
    Ok(commit_batch(store, config, None, std::slice::from_ref(delivery), now)?.pop())
}
