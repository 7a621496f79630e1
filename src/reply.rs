//! Letters that our users write (B13.1-B13.4): answers, forwards and new ones, on one path.
//!
//! ```text
//! begin   case, email or nothing + wishes -> recipients, subject, text, sender         reads only
//! edit    by the caller: an editor, or nothing
//! plan    letter -> From, ids, subject                                                reads only
//! compose plan -> final bytes                                                         nobody holds the database
//! send    bytes -> outbox row, email, note, clock and status of the case              one transaction
//! keep    the same letter as a draft, which `resume` takes up again
//! ```

mod begin;
mod draft;
mod invitation;
mod kept;
mod permit;
mod plan;
mod recipients;
mod review;
mod sender;
mod text;

use anyhow::{Context, Result};

pub use begin::{Occasion, Wishes, begin};
pub use draft::{discard, keep, news, resume};
pub use invitation::{Said, answer};
pub use kept::Kept;
pub use plan::{Outdated, Plan, Ready, over_limit, plan, plan_draft};
pub use review::{Review, review};
pub use sender::{FromWish, Sender, other_sender};
pub use text::{says_something, signature_of};

use crate::access::Actor;
use crate::intake::case_status;
use crate::intake::people::{self, Written};
use crate::intake::world::World;
use crate::mail::address::{self, Mailbox};
use crate::mail::compose::{Outgoing, OutgoingAttachment};
use crate::mail::draft_file::{Head, Unread};
use crate::outbox::{self, Archive, Post};
use crate::store::cases::{self, Case, CaseStatus, Role, WaitingFor};
use crate::store::db::Tx;
use crate::store::emails;
use crate::store::outbox::{self as rows, OutboxKind};
use crate::store::records::{Parent, ParentType};
use crate::store::users::User;

/// A letter as its reader sees it, without what the sender's account adds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Letter {
    /// Recipients and subject.
    pub head: Head,
    /// The text with signature and quotation.
    pub text: String,
    /// The text is Markdown, which makes the HTML.
    pub markdown: bool,
    /// HTML of a template.
    pub html: Option<String>,
    /// The answer to an invitation, as a calendar.
    pub calendar: Option<String>,
    pub attachments: Vec<OutgoingAttachment>,
}

/// Where a letter belongs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Place {
    /// Its record.
    pub parent: Option<Parent>,
    /// Message-ID of what it answers.
    pub in_reply_to: Option<String>,
    /// The thread, oldest first.
    pub references: Vec<String>,
    /// The newest note of the case when it was begun.
    pub seen_id: Option<i64>,
}

/// A letter that can be edited, kept and sent.
#[derive(Debug, Clone)]
pub struct Started {
    /// What is written.
    pub letter: Letter,
    /// Where it belongs.
    pub place: Place,
    /// From whom, by which account.
    pub sender: Sender,
    /// Status of the case once it is sent.
    pub status: Option<CaseStatus>,
    pub draft: Option<Kept>,
    /// Those of the case who get nothing of it, with the role that is why.
    pub left_out: Vec<(Mailbox, Role)>,
    /// Lines of the fields that could not be read when it was edited.
    pub unread: Vec<Unread>,
    /// The addresses that the writer typed.
    pub typed: Vec<String>,
    /// What the writer should know before it goes out, one sentence each.
    pub remarks: Vec<String>,
    /// A question to be answered before it goes out.
    pub doubt: Option<String>,
    /// Attachments of the forwarded mail that cannot go with it, because they were pruned.
    pub pruned: Vec<String>,
}

/// What was put into the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Outbox row.
    pub outbox_id: i64,
    /// Email of the archive.
    pub email_id: i64,
    /// Number of its case.
    pub case: Option<i64>,
    /// To, Cc and Bcc.
    pub recipients: Vec<String>,
}

/// Puts a letter into the outbox, to be sent at once or at its moment, and does to its case what it was to do.
///
/// # Errors
/// As [`plan`]; [`Outdated`]; a draft that is another now.
pub fn send(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, letter: &Ready<'_>) -> Result<Queued> {
    let Ready { started, at, seed, composed, .. } = letter;
    plan::permit(tx, world, actor, started, *at)?;
    let case = case_of(tx, &started.place)?;
    if let Some(kept) = started.draft {
        kept::unchanged(tx, kept).and_then(|id| draft::has_key(tx, id, &seed.key))?;
    }
    letter.is_up_to_date(world, case.as_ref())?;
    let post = Post {
        kind: OutboxKind::Mail,
        account_id: started.sender.account.id,
        case_id: case.as_ref().map(|case| case.id),
        user_id: actor.user_id(),
        envelope_from: &started.sender.account.address,
        archive: Some(Archive {
            parent: case.as_ref().map(|case| Parent::case(case.id)).or(started.place.parent),
            key: Some(seed.key.clone()),
            draft_id: started.draft.map(|kept| kept.email_id),
            ..Archive::default()
        }),
        not_before: *at,
    };
    let outbox_id = outbox::enqueue(tx, &post, composed, world.now)?;
    let Outgoing { to, cc, bcc, .. } = composed.outgoing();
    return_address(tx, world, started, outbox_id, to.len() + cc.len() + bcc.len())?;
    decided(tx, started)?;
    let email_id = rows::by_id(tx, outbox_id)?.and_then(|row| row.email_id).context("the letter has no email")?;
    if let Some(case) = &case {
        if let Some(to) = started.status {
            let from = at.is_none().then_some(case.status);
            rows::set_case_status(tx, outbox_id, to, from)?;
        }
        // A letter that is to be sent later changes its case when it is sent.
        if at.is_none() {
            settle_case(tx, world, case, actor.user(), (to, cc), started.status)?;
        }
        let typed: Vec<&str> = started.typed.iter().map(String::as_str).collect();
        people::written_to(tx, world, case, &Written { email_id, to, cc, bcc, typed: &typed })?;
    }
    let recipients = to.iter().chain(cc).chain(bcc).map(|mailbox| mailbox.address.clone()).collect();
    Ok(Queued { outbox_id, email_id, case: case.map(|case| case.number), recipients })
}

/// A letter to one person goes out under an envelope sender of its own, so that a report on it proves itself (B9.2).
fn return_address(tx: &Tx<'_>, world: &World<'_>, started: &Started, outbox_id: i64, readers: usize) -> Result<()> {
    let account = &started.sender.account;
    if !account.cases.plus_addressing || readers != 1 {
        return Ok(());
    }
    let tagged = address::with_tag(&account.address, &world.signer.return_tag(outbox_id));
    rows::set_envelope_from(tx, outbox_id, &tagged)
}

/// An answer to unverified mail is the decision about it (B4.10).
fn decided(tx: &Tx<'_>, started: &Started) -> Result<()> {
    let Some(id) = &started.place.in_reply_to else { return Ok(()) };
    let answered = emails::by_message_id(tx, id)?.into_iter().filter(|email| email.undecided);
    answered.into_iter().try_for_each(|email| emails::set_undecided(tx, email.id, false))
}

/// A letter to the customer ends their waiting; one to somebody else does not (B5.10).
fn settle_case(
    tx: &Tx<'_>,
    world: &World<'_>,
    case: &Case,
    author: Option<&User>,
    (to, cc): (&[Mailbox], &[Mailbox]),
    status: Option<CaseStatus>,
) -> Result<()> {
    let mut answers = false;
    for mailbox in to.iter().chain(cc) {
        answers |= people::role(tx, world, case, &mailbox.address)? == Role::Customer;
    }
    if answers {
        cases::set_waiting(tx, case.id, WaitingFor::Customer, Some(world.now), world.now)?;
    }
    match status.filter(|status| *status != case.status) {
        Some(status) => case_status::set(tx, world, case, status, author),
        None => Ok(()),
    }
}

/// The case of a letter, or the one that it was merged into since.
fn case_of(tx: &Tx<'_>, place: &Place) -> Result<Option<Case>> {
    let id = place.parent.filter(|parent| parent.kind == ParentType::Case).map(|parent| parent.id);
    let case = id.map(|id| cases::by_id(tx, id)).transpose()?.flatten();
    case.map(|case| cases::surviving(tx, case)).transpose()
}

#[cfg(test)]
mod tests;
