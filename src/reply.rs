//! An agent's answer to a case (B13.3, B13.4): to the customer, from the group address, in one step with
//! the status.

use anyhow::{Context, Result};

use crate::error;
use crate::intake::world::{self, World};
use crate::mail::address::Mailbox;
use crate::mail::compose::{Outgoing, is_address};
use crate::mail::message_id::{self, IdKind};
use crate::mail::{automatic, subject};
use crate::outbox::{self, Archive, Post};
use crate::store::accounts::Account;
use crate::store::cases::{self, Case, CaseStatus, WaitingFor};
use crate::store::db::Tx;
use crate::store::emails::{self, Email, EmailStatus, Field};
use crate::store::outbox::OutboxKind;
use crate::store::records::{self, Parent};
use crate::store::stream::{self, NewNote, NoteKind};
use crate::store::users::{self, User};

/// References longer than this are shortened in the middle.
const REFERENCES_MAX: usize = 8_000;

/// What an agent wants to send.
#[derive(Debug, Clone)]
pub struct Answer<'a> {
    /// Who answers; `None` = the administrator.
    pub author: Option<&'a User>,
    /// The text.
    pub text: &'a str,
    /// Further Cc addresses.
    pub cc: &'a [String],
    /// Status to be set in the same step.
    pub status: Option<CaseStatus>,
    /// Account to send by, for cases that came by none.
    pub account: Option<&'a Account>,
}

/// What was put into the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Outbox row.
    pub outbox_id: i64,
    /// To and Cc.
    pub recipients: Vec<String>,
    /// The account that sends.
    pub account_id: i64,
}

/// Puts the answer to a case into the outbox and sets its status.
///
/// # Errors
/// Nobody to answer to, no account that can send, an empty text.
pub fn queue(tx: &Tx<'_>, world: &World<'_>, case: &Case, answer: &Answer<'_>) -> Result<Queued> {
    if answer.text.trim().is_empty() {
        return Err(error::data("text: must not be empty")
            .hint("give it with -m TEXT, -F FILE or on standard input")
            .into());
    }
    if case.merged_into_id.is_some() {
        return Err(error::data(format!("case #{}: was merged into another one", case.number))
            .hint(format!("its mails are there; see which: espomail case history {}", case.number))
            .into());
    }
    let account = sender(world, case, answer)?;
    let emails_of_case = emails::of_case(tx, case.id)?;
    let original = original(tx, case, &emails_of_case)?;
    let (to, cc) = recipients(tx, world, case, original, answer)?;
    let outgoing = Outgoing { to, cc, ..compose(tx, world, case, account, original, answer)? };
    let post = Post {
        kind: OutboxKind::Mail,
        account_id: account.id,
        case_id: Some(case.id),
        user_id: answer.author.map(|u| u.id),
        envelope_from: &account.address,
        archive: Some(Archive { parent: Some(Parent::case(case.id)), ..Archive::default() }),
        not_before: None,
    };
    let outbox_id = outbox::enqueue(tx, &post, &outgoing, world.now)?;
    cases::set_waiting(tx, case.id, WaitingFor::Customer, Some(world.now), world.now)?;
    if let Some(status) = answer.status.filter(|s| *s != case.status) {
        set_status(tx, world, case, status, answer.author)?;
    }
    let recipients = outgoing.to.into_iter().chain(outgoing.cc).map(|m| m.address).collect();
    Ok(Queued { outbox_id, recipients, account_id: account.id })
}

/// Changes a status by hand, with its note.
///
/// # Errors
/// A merged case that is to be open: its mail goes elsewhere.
pub fn set_status(tx: &Tx<'_>, world: &World<'_>, case: &Case, status: CaseStatus, by: Option<&User>) -> Result<()> {
    if case.merged_into_id.is_some() && status.is_open() {
        return Err(error::data(format!("case #{}: was merged into another one and stays closed", case.number))
            .hint(format!("open the other one: espomail case history {}", case.number))
            .into());
    }
    cases::set_status(tx, case.id, status, world.now)?;
    let text = format!("{} -> {status}", case.status);
    let note = NewNote {
        parent: Parent::case(case.id),
        kind: NoteKind::Status,
        user_id: by.map(|u| u.id),
        email_id: None,
        text: &text,
    };
    stream::note(tx, note, world.now)?;
    Ok(())
}

/// The group account of the case, or the one that was named (B13.3).
fn sender<'w>(world: &'w World<'_>, case: &Case, answer: &Answer<'w>) -> Result<&'w Account> {
    let account = match (answer.account, case.account_id) {
        (Some(account), _) => account,
        (None, Some(id)) => world.account(id)?,
        (None, None) => {
            return Err(error::data(format!("case #{}: came by no account", case.number))
                .hint("name one with --account")
                .into());
        }
    };
    if !account.active || account.smtp.host.is_none() {
        return Err(error::config(format!("account \"{}\": is disabled or has no SMTP server", account.name))
            .hint(format!("espomail account edit {} --smtp HOST", account.name))
            .into());
    }
    Ok(account)
}

/// The newest mail that asks for an answer. Whoever only says to be one of us gets none.
fn original<'e>(tx: &Tx<'_>, case: &Case, emails: &'e [Email]) -> Result<Option<&'e Email>> {
    for email in emails.iter().rev().filter(|email| is_answerable(case, email)) {
        let ours = users::by_address(tx, &email.from_address)?.map(|user| user.id);
        if ours.is_none() || ours == case.requester_user_id {
            return Ok(Some(email));
        }
    }
    Ok(None)
}

/// Verified mail from outside, or of the user who opened the case, that is not machine mail.
fn is_answerable(case: &Case, email: &Email) -> bool {
    email.status == EmailStatus::Archived
        && email.verified
        && email.automatic.is_empty()
        && (email.user_id.is_none() || email.user_id == case.requester_user_id)
        && !email.from_address.is_empty()
}

/// To = Reply-To or From; Cc kept without own, excluded and no-reply addresses; else the contact's primary address.
fn recipients(
    tx: &Tx<'_>,
    world: &World<'_>,
    case: &Case,
    original: Option<&Email>,
    answer: &Answer<'_>,
) -> Result<(Vec<Mailbox>, Vec<Mailbox>)> {
    let (mut to, mut cc) = (Vec::new(), Vec::new());
    if let Some(email) = original {
        let reply_to = emails::addresses(tx, email.id, Field::ReplyTo)?;
        let from = Mailbox { name: email.from_name.clone(), address: email.from_address.clone() };
        to = if reply_to.iter().any(|m| !world.is_own(&m.address)) { reply_to } else { vec![from] };
        cc = emails::addresses(tx, email.id, Field::To)?;
        cc.extend(emails::addresses(tx, email.id, Field::Cc)?);
    } else if let Some(address) = case.contact_id.map(|id| records::contact_address(tx, id)).transpose()?.flatten() {
        to.push(Mailbox { name: String::new(), address });
    }
    // An address that no server would take must not stand in the way of the others.
    to.retain(|m| !world.is_own(&m.address) && is_address(&m.address));
    if to.is_empty() {
        return Err(error::data(format!("case #{}: has nobody from outside to answer to", case.number)).into());
    }
    cc.extend(answer.cc.iter().map(|address| Mailbox { name: String::new(), address: address.clone() }));
    let mut seen: Vec<String> = to.iter().map(|m| m.address.clone()).collect();
    cc.retain(|m| {
        let keep = is_address(&m.address)
            && !world.is_own(&m.address)
            && !automatic::is_no_reply(&m.address)
            && !seen.contains(&m.address);
        seen.push(m.address.clone());
        keep
    });
    Ok((to, cc))
}

/// The message, but for its recipients.
fn compose(
    tx: &Tx<'_>,
    world: &World<'_>,
    case: &Case,
    account: &Account,
    original: Option<&Email>,
    answer: &Answer<'_>,
) -> Result<Outgoing> {
    // Mail without a Message-ID of its own is stored under a hash, which is nothing to refer to.
    let parent_id = original.map(|e| e.message_id.clone()).filter(|id| id.contains('@'));
    let domain = world.message_id_domain(account);
    // One id of the thread survives where a server replaces the Message-ID of what we send (B13.6).
    let mut chain = vec![world.thread_id(case, domain)];
    chain.extend(original.map(|e| emails::references(tx, e.id)).transpose()?.unwrap_or_default());
    let about = original.map_or(&case.name, |e| &e.subject);
    Ok(Outgoing {
        from: Mailbox { name: from_name(account, answer.author), address: account.address.clone() },
        // The customer answers to the group, whatever a mail client makes of From (B13.3).
        reply_to: vec![Mailbox { name: String::new(), address: world.reply_address(account, case) }],
        subject: subject::with_case_number(&subject::reply(about), case.number),
        text: answer.text.to_owned(),
        message_id: world.signer.sign(IdKind::Case, &case.key, world::random().context("no Message-ID")?, domain),
        references: match &parent_id {
            Some(id) => message_id::cap_references(&chain, id, REFERENCES_MAX),
            None => chain,
        },
        in_reply_to: parent_id,
        date: world.now,
        ..Outgoing::default()
    })
}

/// The account's name, else the agent's, so that the customer sees a person behind the group address.
fn from_name(account: &Account, author: Option<&User>) -> String {
    match (&account.from_name, author) {
        (Some(name), _) => name.clone(),
        (None, Some(user)) => user.name.clone(),
        (None, None) => String::new(),
    }
}
