//! The Sent folder as a source (B13.7): what our people wrote in other programs joins its thread and counts as a reply.
//! It never makes a case, is never answered, and nobody is told of it as new.

use anyhow::{Context, Result};

use super::case::{self, Mail};
use super::notify;
use super::parent::{self, Found};
use super::people::{self, Written};
use super::sender::Sender;
use super::world::World;
use super::{privacy, waiting};
use crate::access::Actor;
use crate::mail::message::Message;
use crate::mail::reading::Reading;
use crate::store::accounts::{self, Account, AccountKind, Folder, ReadSent};
use crate::store::cases::{self, Case};
use crate::store::db::Tx;
use crate::store::deliveries::Delivery;
use crate::store::emails::{self, Email, EmailStatus};
use crate::store::records::{Parent, ParentType};
use crate::store::sight::Sight;
use crate::store::{stream, users};

/// The monitored folder that a delivery lay in, where it matters which one.
pub(super) fn folder(tx: &Tx<'_>, account: &Account, delivery: &Delivery) -> Result<Option<Folder>> {
    let matters = account.kind == AccountKind::Personal || account.fetching.read_sent != ReadSent::No;
    let name = delivery.folder.as_deref().filter(|_| matters);
    name.map_or(Ok(None), |name| accounts::folder(tx, account.id, name))
}

/// Who wrote a message in the Sent folder: the owner of a personal account (B4.11). Mail of strangers that somebody
/// moved there is like any other.
pub(super) fn author(tx: &Tx<'_>, world: &World<'_>, account: &Account, sender: Sender) -> Result<Sender> {
    let owner = account.user_id.map(|id| users::by_id(tx, id)).transpose()?.flatten();
    // Here it is From that says who wrote: Reply-To is where they want the answer.
    let from = sender.from_address();
    let of_from = world.user(tx, from)?.filter(|user| user.active);
    let is_ours = world.is_own(from)
        || of_from.is_some_and(|user| account.kind == AccountKind::Group || Some(user.id) == account.user_id);
    Ok(if is_ours { sender.in_sent_folder(owner) } else { sender })
}

/// The user whose Sent folder has told before who wrote it.
pub(super) fn sent_by(tx: &Tx<'_>, email: &Email, sender: Sender) -> Result<Sender> {
    let user = email.user_id.map(|id| users::by_id(tx, id)).transpose()?.flatten();
    Ok(sender.in_sent_folder(user))
}

/// Links new mail of a Sent folder to what it answers or whom it is to (B4).
pub(super) fn link(tx: &Tx<'_>, world: &World<'_>, account: &Account, mail: &Mail<'_>) -> Result<()> {
    emails::set_status(tx, mail.email_id, EmailStatus::Sent)?;
    let found = parent::find(tx, world, mail.sender, mail.message, false)?;
    if let Some(why) = refusal(tx, world, account, mail, &found)? {
        return emails::decide(tx, mail.email_id, "parent", &format!("none: {why}"), world.now);
    }
    emails::decide(tx, mail.email_id, "parent", &found.reason, world.now)?;
    let Some(record) = found.parent else { return Ok(()) };
    if record.kind != ParentType::Case {
        emails::set_parent(tx, mail.email_id, record, true)?;
        return notify::email_note(tx, world, record, mail.email_id, mail.sender, "");
    }
    let case = cases::by_id(tx, record.id)?.context("the case vanished")?;
    let is_part = mail.private && is_part_of(tx, world, &case, mail.message, &found)?;
    // The clock is told by when it was put into the Sent folder, whenever that is looked into.
    case::link(tx, world, case.id, &Mail { verified: found.verified, ..*mail })?;
    if is_part {
        open(tx, world, mail.email_id, &format!("a reply in the case #{}", case.number))?;
    }
    let Message { to, cc, bcc, .. } = &**mail.message;
    people::written_to(tx, world, &case, &Written { email_id: mail.email_id, to, cc, bcc, typed: &[] })?;
    waiting::set(tx, world, &case)?;
    let why = format!("#{}: a reply by another program, in the Sent folder of {}", case.number, account.name);
    emails::decide(tx, mail.email_id, "case", &why, world.now)
}

/// Why a letter in a user's Sent folder is linked to nothing: it is written in the name of a group that the user may not
/// send by, or in a case that the user may not write in. The same holds for `case reply` (B4.11, B11).
fn refusal(
    tx: &Tx<'_>,
    world: &World<'_>,
    account: &Account,
    mail: &Mail<'_>,
    found: &Found,
) -> Result<Option<String>> {
    let Some(user) = mail.sender.verified_user() else { return Ok(None) };
    let from = mail.sender.from_address();
    let is_theirs = user.addresses.iter().any(|own| own == from) || account.owns(from);
    if !is_theirs {
        let group = world.accounts.iter().find(|a| a.kind == AccountKind::Group && a.owns(from));
        let actor = Actor::User(user.clone());
        if group.is_none_or(|group| actor.require_account(tx, group).is_err()) {
            return Ok(Some(format!("user {} cannot send as {from}", user.username)));
        }
    }
    let is_in_case = found.case_id().is_some() && !found.verified;
    Ok(is_in_case.then(|| format!("user {} cannot write in the case that it answers", user.username)))
}

/// A copy in Sent of mail that another account delivered first: its author is known now.
pub(super) fn author_is_known(
    tx: &Tx<'_>,
    world: &World<'_>,
    account: &Account,
    email: &Email,
    sender: &Sender,
) -> Result<()> {
    if email.is_ours() {
        return Ok(());
    }
    emails::set_status(tx, email.id, EmailStatus::Sent)?;
    let Some(user) = sender.verified_user() else { return Ok(()) };
    emails::set_author(tx, email.id, user.id)?;
    stream::set_sent_by(tx, email.id, user.id)?;
    let why = format!("{}, by the copy in the Sent folder of {}", user.username, account.name);
    emails::decide(tx, email.id, "author", &why, world.now)?;
    let Some(case_id) = email.case_id() else { return Ok(()) };
    if emails::is_first_of_case(tx, case_id, email)? {
        cases::set_requester(tx, case_id, user.id)?;
        stream::follow(tx, Parent::case(case_id), user.id)?;
    }
    let case = cases::by_id(tx, case_id)?.context("the case vanished")?;
    waiting::set(tx, world, &case)
}

/// An answer in the thread of a case that came by a group account is part of the case. Not one to a mail that is private
/// itself, which it quotes, nor what goes only to people who have no part in the case.
fn is_part_of(tx: &Tx<'_>, world: &World<'_>, case: &Case, message: &Reading, found: &Found) -> Result<bool> {
    let by_group =
        case.account_id.map(|id| world.account(id)).transpose()?.is_some_and(|a| a.kind == AccountKind::Group);
    if !by_group || !found.verified || !goes_to_somebody_of(tx, world, case, message)? {
        return Ok(false);
    }
    for id in message.in_reply_to.iter().chain(message.references.last()) {
        if emails::by_message_id(tx, id)?.iter().any(|email| email.private) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether one of those it is to is one of us or takes part in the case, which it does not belong to yet.
fn goes_to_somebody_of(tx: &Tx<'_>, world: &World<'_>, case: &Case, message: &Reading) -> Result<bool> {
    for mailbox in message.to.iter().chain(&message.cc) {
        let address = &mailbox.address;
        let is_ours = world.is_own(address) || world.user(tx, address)?.is_some();
        if is_ours || people::rights(people::role(tx, world, case, address)?).joins {
            return Ok(true);
        }
    }
    Ok(false)
}

fn open(tx: &Tx<'_>, world: &World<'_>, email_id: i64, why: &str) -> Result<()> {
    let email = emails::by_id(tx, email_id, Sight::Everything)?.context("the email vanished")?;
    privacy::open(tx, world, &email, why)
}
