//! One message through the numbered steps of B3.

use anyhow::Result;

use super::bounces::Report;
use super::case::Mail;
use super::filter::Filtered;
use super::import::Imported;
use super::parent::Sender;
use super::world::{self, World};
use super::{bounces, filter, flow, history, notify, privacy, recipients, sent};
use crate::mail::automatic;
use crate::mail::message::{self, Message};
use crate::mail::message_id::{self, IdKind};
use crate::store::accounts::{Account, AccountKind, AfterImport, Share};
use crate::store::cases;
use crate::store::db::Tx;
use crate::store::deliveries::{self, Delivery, Outcome, Source};
use crate::store::emails::{self, Email, EmailStatus, NewEmail};
use crate::store::notifications::{self, NewNotification, NotificationKind};
use crate::store::records::{self, Parent, ParentType};
use crate::store::{raw, server_actions, tombstones, users};

/// One message through B3. The steps are the numbered ones of the rule.
pub fn one(tx: &Tx<'_>, world: &World<'_>, delivery: &Delivery, message: &Message) -> Result<Imported> {
    let delivery = &dated(tx, world, delivery, message)?;
    let is_history = delivery.source == Source::History;
    let account = world.account(delivery.account_id)?;
    let identity = message.message_id.clone().unwrap_or_else(|| message_id::content_key(message));
    if is_erased(tx, &identity, message)? {
        if delivery.source != Source::Arrived {
            return known_already(tx, delivery, None, "erased: does not come back");
        }
        deliveries::drop_raw(tx, delivery)?;
        return settle(tx, account, delivery, Outcome::Discarded, "erased: does not come back", None);
    }
    if let Some(email_id) = own_coming_back(tx, world, message)? {
        return settle(tx, account, delivery, Outcome::Own, "mail of this instance coming back", email_id);
    }
    let folder = sent::folder(tx, account, delivery)?;
    let lies_in_sent = folder.as_ref().is_some_and(|folder| folder.sent);
    let mut sender = Sender::of(tx, world, account, message)?;
    if lies_in_sent {
        sender = sent::author(tx, world, account, sender)?;
    }
    if let Some(answered) = answered_notice(tx, world, &sender, message)? {
        if is_history || sender.in_sent {
            let reason = if is_history { "history makes no note" } else { "it makes a note where it arrives" };
            let reason = &format!("an answer to our notice: {reason}");
            return settle(tx, account, delivery, Outcome::Own, reason, None);
        }
        return keep_as_note(tx, world, account, delivery, message, &sender, &answered);
    }
    // Filters are for what comes, not for what is known from history or was sent by us.
    let filtered = match is_history || lies_in_sent {
        true => Filtered::unasked(message),
        false => Filtered::ask(world, account.id, message, u64::try_from(delivery.size).unwrap_or_default()),
    };
    filtered.count(tx, world)?;
    if let Some(filter) = filtered.skipped() {
        deliveries::drop_raw(tx, delivery)?;
        return settle(tx, account, delivery, Outcome::Skipped, &filter::named(filter), None);
    }
    let automatic = automatic::machine(message).map(|reason| reason.to_string()).unwrap_or_default();
    let (same, other) = same_email(tx, account, delivery, &identity, message)?;
    if let Some(email) = same.as_ref().filter(|_| delivery.source != Source::Arrived)
        && deliveries::has_delivered(tx, account.id, email.id, delivery.id)?
    {
        return known_already(tx, delivery, Some(email.id), "is there already");
    }
    let mut private = account.kind == AccountKind::Personal;
    let (email_id, flow_account_id, outcome) = match same {
        Some(email) => {
            keep_variant(tx, world, &email, delivery, message)?;
            if sender.in_sent {
                sent::author_is_known(tx, world, account, &email, &sender)?;
            } else if email.is_ours() {
                // Its copy in Sent came first.
                sender = sent_by(tx, &email, sender)?;
            }
            if email.private && !private {
                privacy::open(tx, world, &email, &format!("it came by {} as well", account.name))?;
            }
            private &= email.private;
            filtered.leave_alone(emails::inboxes(tx, email.id)?);
            (email.id, email.flow_account_id, Outcome::Duplicate)
        }
        None => {
            let author = Author { sender: &sender, automatic: &automatic };
            let email_id = add_email(tx, world, delivery, message, &identity, author, other)?;
            emails::set_private(tx, email_id, private)?;
            (email_id, None, Outcome::Imported)
        }
    };
    arrived(tx, world, account, delivery, email_id)?;
    recipients::add(tx, account, &sender, message, email_id)?;
    if let Some(folder) = &folder {
        recipients::file(tx, account, folder, delivery.id, email_id)?;
    }
    recipients::put_in_group_folder(tx, account, delivery.id, email_id)?;
    filtered.place(tx, world, account.id, delivery.id, email_id)?;
    let mut report = Report::None;
    if outcome == Outcome::Imported && !is_history {
        report = bounces::run(tx, world, &sender, message, email_id)?;
        if automatic.is_empty() {
            bounces::wrote(tx, world, &sender, email_id)?;
        }
    }
    let sent_at = message.date.unwrap_or(delivery.internal_date).min(delivery.internal_date);
    let mail = Mail {
        email_id,
        message,
        sender: &sender,
        automatic: &automatic,
        sent_at,
        received_at: delivery.internal_date,
        verified: true,
        report,
        account_id: account.id,
        private,
        filtered: &filtered,
    };
    if !is_history {
        filtered.sort_inboxes(tx, world, email_id)?;
    }
    let linked = match outcome {
        Outcome::Imported if is_history => {
            history::link(tx, world, account, &mail)?;
            if private && account.share == Share::Record {
                privacy::open_if_linked(tx, world, email_id)?;
            }
            None
        }
        Outcome::Imported if sender.in_sent => {
            sent::link(tx, world, account, &mail)?;
            None
        }
        Outcome::Imported => Some(flow::link(tx, world, account, &mail)?),
        _ => None,
    };
    match account.kind {
        _ if is_history || lies_in_sent => {}
        AccountKind::Group if account.create_case && flow_account_id.is_none() => {
            flow::run(tx, world, account, &mail, linked)?;
        }
        AccountKind::Group if !account.create_case && outcome == Outcome::Imported => {
            flow::reply(tx, world, account, &mail, None)?
        }
        _ => {}
    }
    recipients::follow_case(tx, account, email_id)?;
    let reason = summary(tx, email_id)?;
    settle(tx, account, delivery, outcome, &reason, Some(email_id))
}

/// The user whose Sent folder has told before who wrote it.
fn sent_by(tx: &Tx<'_>, email: &Email, sender: Sender) -> Result<Sender> {
    let user = email.user_id.map(|id| users::by_id(tx, id)).transpose()?.flatten();
    Ok(sender.in_sent_folder(user))
}

/// B2.12: mail out of a file came when it says that it was written, and not later than now.
fn dated(tx: &Tx<'_>, world: &World<'_>, delivery: &Delivery, message: &Message) -> Result<Delivery> {
    let mut delivery = delivery.clone();
    if delivery.source != Source::Arrived {
        delivery.internal_date = message.date.unwrap_or(delivery.internal_date).min(world.now);
        deliveries::set_internal_date(tx, delivery.id, delivery.internal_date)?;
    }
    Ok(delivery)
}

/// B2.12: what a second import finds again leaves no row.
fn known_already(tx: &Tx<'_>, delivery: &Delivery, email_id: Option<i64>, reason: &str) -> Result<Imported> {
    deliveries::forget(tx, delivery)?;
    Ok(Imported { delivery_id: delivery.id, outcome: Outcome::Duplicate, email_id, reason: reason.to_owned() })
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
fn same_email(
    tx: &Tx<'_>,
    account: &Account,
    delivery: &Delivery,
    identity: &str,
    message: &Message,
) -> Result<(Option<Email>, bool)> {
    let from = message.from.first().map(|m| m.address.as_str()).unwrap_or_default();
    let stored = emails::by_message_id(tx, identity)?;
    let is_another = !stored.is_empty();
    for email in stored {
        let date = email.date.map(|date| date.as_second());
        if email.from_address == from
            && date == message.date.map(|date| date.as_second())
            && privacy::may_join(tx, account, delivery, &email, message)?
        {
            return Ok((Some(email), false));
        }
    }
    Ok((None, is_another))
}

/// Keeps a different text of the same email; equal bytes are kept once.
fn keep_variant(tx: &Tx<'_>, world: &World<'_>, email: &Email, delivery: &Delivery, message: &Message) -> Result<()> {
    let Some(raw_id) = delivery.raw_id else { return Ok(()) };
    let stored = email.raw_id.map(|id| raw::identity(tx, id)).transpose()?.flatten();
    if email.raw_id == Some(raw_id) {
        return Ok(());
    }
    if stored == raw::identity(tx, raw_id)? {
        return deliveries::drop_raw(tx, delivery);
    }
    let stored = email.raw_id.map(|id| raw::bytes(tx, id)).transpose()?.unwrap_or_default();
    let is_beginning = delivery.truncated && stored.starts_with(&raw::bytes(tx, raw_id)?);
    let same = |stored: &Message| stored.text == message.text && digests(stored) == digests(message);
    if is_beginning || (!email.truncated && same(&message::parse(&stored))) {
        return deliveries::drop_raw(tx, delivery);
    }
    emails::add_variant(tx, email.id, delivery.id, raw_id)?;
    let text = format!("another text of it by {}, kept as a variant", world.account(delivery.account_id)?.name);
    emails::decide(tx, email.id, "variant", &text, world.now)
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
) -> Result<i64> {
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
    emails::add(tx, &new, message, world.now)
}

fn arrived(tx: &Tx<'_>, world: &World<'_>, account: &Account, delivery: &Delivery, email_id: i64) -> Result<()> {
    let place = match (&delivery.folder, delivery.uid) {
        (Some(folder), Some(uid)) => format!("{}/{folder} UID {uid}", account.name),
        _ if delivery.source == Source::Arrived => format!("{} by ingest", account.name),
        _ => format!("{} by import", account.name),
    };
    let truncated = if delivery.truncated { ", truncated" } else { "" };
    let text = format!("{place}, {}, {} bytes{truncated}", delivery.internal_date, delivery.size);
    emails::decide(tx, email_id, "arrived", &text, world.now)
}

/// The decisions about an email in one line.
fn summary(tx: &Tx<'_>, email_id: i64) -> Result<String> {
    let steps = ["case", "parent"];
    let decisions = emails::decisions(tx, email_id)?;
    let said = steps.iter().find_map(|step| decisions.iter().rev().find(|(s, _, _)| s == step));
    Ok(said.map(|(step, text, _)| format!("{step} {text}")).unwrap_or_default())
}

/// Writes the outcome into the ledger and plans what is to be done on the server (B2.9). What a filter skips is kept
/// nowhere else, so the server's copy is not deleted.
fn settle(
    tx: &Tx<'_>,
    account: &Account,
    delivery: &Delivery,
    outcome: Outcome,
    reason: &str,
    email_id: Option<i64>,
) -> Result<Imported> {
    deliveries::settle(tx, delivery.id, outcome, reason, email_id)?;
    let is_last_copy = outcome == Outcome::Skipped && account.after_import == AfterImport::Delete;
    let removes = matches!(account.after_import, AfterImport::Delete | AfterImport::Move(_));
    // What our people have sent is left where it lies.
    let in_sent = sent::folder(tx, account, delivery)?.is_some_and(|folder| folder.sent);
    let stays = account.after_import == AfterImport::Keep || in_sent || is_last_copy || (removes && delivery.truncated);
    if delivery.uid.is_some() && !stays {
        server_actions::plan(tx, delivery.id, &account.after_import.to_string())?;
    }
    Ok(Imported { delivery_id: delivery.id, outcome, email_id, reason: reason.to_owned() })
}
