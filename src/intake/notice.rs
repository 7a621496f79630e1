//! Notices: mail of the program to its own users about what happened on a record (B7.4), at once or as a digest.
//!
//! They carry a signed Message-ID of their own kind, so that an answer to one becomes an internal note and never
//! reaches a customer, and so that a notice which comes back is recognised.

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};

use super::notification_text;
use super::world::{self, World};
use crate::access;
use crate::mail::address::Mailbox;
use crate::mail::compose::Outgoing;
use crate::mail::message_id::{self, IdKind};
use crate::mail::text;
use crate::moment;
use crate::outbox::{self, Composed, Post};
use crate::random;
use crate::store::accounts::{Account, AccountKind};
use crate::store::cases::{self, Case};
use crate::store::db::{self, Tx};
use crate::store::emails::Email;
use crate::store::invalid_addresses;
use crate::store::notifications;
use crate::store::outbox::OutboxKind;
use crate::store::records::{Parent, ParentType};
use crate::store::users::{self, User};

/// Characters of a mail or note that a notice repeats.
const TEXT_MAX: usize = 2_000;
/// Characters that are kept of it before it is cut there, at the end of a line.
pub(super) const TEXT_KEPT: usize = 2 * TEXT_MAX;
/// A user gets at most one digest in this time.
const DIGEST_EVERY: SignedDuration = SignedDuration::from_hours(24);

/// What a notice says.
pub struct Notice<'a> {
    /// The record it is about.
    pub parent: Option<Parent>,
    /// The email it is about.
    pub email: Option<&'a Email>,
    /// Subject, which is also its first line.
    pub subject: String,
    /// What the user may read of the mail or note.
    pub text: String,
    /// The group account that sends it where no system account is configured; else that of the case, or any that can.
    pub account_id: Option<i64>,
}

/// Puts a notice into the outbox; nothing happens where the user has no address or nobody can send.
pub fn send(tx: &Tx<'_>, world: &World<'_>, user: &User, notice: &Notice<'_>) -> Result<()> {
    let case = match notice.parent.filter(|parent| parent.kind == ParentType::Case) {
        Some(parent) => cases::by_id(tx, parent.id)?,
        None => None,
    };
    // A personal account would tell by whom the mail came, and write in its owner's name.
    let is_group = |id: &i64| world.account(*id).is_ok_and(|account| account.kind == AccountKind::Group);
    let of_case = || case.as_ref().and_then(|case| case.account_id);
    let via = notice.account_id.filter(is_group).or_else(of_case);
    let Some(account) = world.system_account(via).or_else(|| world.any_sender()) else { return Ok(()) };
    let body = format!("{}\n\n{}", notice.subject, text::first_lines(&notice.text, TEXT_MAX));
    let key = match (&case, notice.email) {
        (Some(case), _) => case.key.clone(),
        (None, Some(email)) => world::email_key(tx, email.id)?,
        (None, None) => message_id::new_key(random::bytes()?),
    };
    let text = format!("{}\n\n-- \n{}", body.trim_end(), footer(case.as_ref()));
    let subject = notice.subject.clone();
    post(tx, world, Letter { user, account, case: case.as_ref(), key, subject, text })
}

/// Whether somebody's digest is due.
pub fn are_digests_due(tx: &Tx<'_>, now: Timestamp) -> Result<bool> {
    Ok(!notifications::digests_due(tx, &moment::last(DIGEST_EVERY, now))?.is_empty())
}

/// Puts the digests that are due into the outbox.
pub fn digests(tx: &Tx<'_>, world: &World<'_>) -> Result<()> {
    for user_id in notifications::digests_due(tx, &moment::last(DIGEST_EVERY, world.now))? {
        let Some(user) = users::by_id(tx, user_id)? else { continue };
        let Some(account) = world.system_account(None).or_else(|| world.any_sender()) else { continue };
        let sight = access::sight_of(&user);
        let mut lines = Vec::new();
        for one in notifications::take_digest(tx, user_id, sight, world.now)? {
            lines.push(format!("- {}", notification_text::as_told(tx, one, sight)?.text));
        }
        if lines.is_empty() {
            continue;
        }
        let subject = format!("{} {}", lines.len(), if lines.len() == 1 { "notification" } else { "notifications" });
        let text = format!("{}\n\n-- \n{}", lines.join("\n"), footer(None));
        let key = message_id::new_key(random::bytes()?);
        post(tx, world, Letter { user: &user, account, case: None, key, subject, text })?;
    }
    Ok(())
}

/// Every notice ends with it (B7.4).
fn footer(case: Option<&Case>) -> String {
    let answer = match case {
        Some(case) => format!("To answer: espomail case reply {}\n", case.number),
        None => "All of them: espomail notification list\n".to_owned(),
    };
    format!("Answers to this notice do not reach the customer.\n{answer}")
}

/// A notice that has its sender and its text.
struct Letter<'a> {
    user: &'a User,
    account: &'a Account,
    case: Option<&'a Case>,
    /// What its signed Message-ID stands for: a case, an email, or nothing that is stored.
    key: String,
    subject: String,
    text: String,
}

fn post(tx: &Tx<'_>, world: &World<'_>, letter: Letter<'_>) -> Result<()> {
    let Letter { user, account, case, key, subject, text } = letter;
    // Without a valid address the list of notifications has to do (B9.2).
    let Some(address) = user.addresses.first() else { return Ok(()) };
    if invalid_addresses::find(tx, address, Some(account.id))?.is_some() {
        return Ok(());
    }
    let domain = world.message_id_domain(account);
    let outgoing = Outgoing {
        from: Mailbox { name: account.sending.from_name.clone().unwrap_or_default(), address: account.address.clone() },
        to: vec![Mailbox { name: user.shown().to_owned(), address: address.clone() }],
        subject,
        text,
        message_id: world.signer.sign(IdKind::Notice, &key, random::bytes()?, domain),
        date: world.now,
        extra: vec![("Auto-Submitted", "auto-generated".to_owned()), ("X-Auto-Response-Suppress", "All".to_owned())],
        ..Outgoing::default()
    };
    let post = Post {
        kind: OutboxKind::Notice,
        account_id: account.id,
        case_id: case.map(|case| case.id),
        user_id: Some(user.id),
        envelope_from: if world.config.auto_reply_null_sender { "" } else { &account.address },
        archive: None,
        not_before: None,
    };
    // One that cannot be made does not stop the mail that it is about: the notification stands in the list.
    match tx.savepoint(|tx| outbox::enqueue(tx, &post, &Composed::new(outgoing)?, world.now)) {
        Err(error) if db::is_fatal(&error) => Err(error),
        _ => Ok(()),
    }
}
