//! What a letter is made of, and its final bytes. Encoding and packing of files take long, so it is done while nobody
//! holds the database. The caller that stores the bytes checks that they are still right.

use anyhow::Result;
use jiff::Timestamp;

use super::{Letter, Sender, Started, case_of, kept, permit, text};
use crate::access::Actor;
use crate::error::{self, Fault};
use crate::intake::world::World;
use crate::mail::address::Mailbox;
use crate::mail::compose::Outgoing;
use crate::mail::draft_file::Head;
use crate::mail::markdown;
use crate::mail::message_id::{self, IdKind};
use crate::mail::subject;
use crate::outbox::Composed;
use crate::random;
use crate::store::accounts::AccountKind;
use crate::store::cases::Case;
use crate::store::db::Tx;
use crate::store::emails;
use crate::store::permissions::Permission;
use crate::units;

/// What is chosen once for a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seed {
    /// The key of its email.
    pub key: String,
    random: [u8; 8],
    date: Timestamp,
}

/// A letter with its header, as the database is now.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    started: &'a Started,
    at: Option<Timestamp>,
    seed: Seed,
    heading: Outgoing,
}

/// A letter in its final bytes.
#[derive(Debug, Clone)]
pub struct Ready<'a> {
    pub(super) started: &'a Started,
    pub(super) at: Option<Timestamp>,
    pub(super) seed: Seed,
    heading: Outgoing,
    pub(super) composed: Composed,
}

/// The case of a letter is another than when the letter was composed, or has another account: it is to be planned again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the case of the letter was changed by somebody else while the letter was composed; send it again")]
pub struct Outdated;

/// What a letter will be that is sent at once, or `at` a moment.
///
/// # Errors
/// Nobody to write to, an empty text, attachments over the limit, a moment in the past; a draft that is another now; exit
/// 77 where the actor may not write it.
pub fn plan<'a>(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    started: &'a Started,
    at: Option<Timestamp>,
) -> Result<Plan<'a>> {
    permit(tx, world, actor, started, at)?;
    check(world, actor, started)?;
    let known = started.draft.map(|kept| kept::unchanged(tx, kept).and_then(|id| emails::key(tx, id))).transpose()?;
    Plan::of(tx, world, started, at, known.flatten())
}

/// The same for a letter that is kept as a draft.
///
/// # Errors
/// Exit 77 where the actor may write no mail.
pub fn plan_draft<'a>(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, started: &'a Started) -> Result<Plan<'a>> {
    // Into a case or out of the house it goes when it is sent; what was written until then is not to be lost.
    actor.require_some(Permission::EmailEdit)?;
    Plan::of(tx, world, started, None, None)
}

impl<'a> Plan<'a> {
    fn of(
        tx: &Tx<'_>,
        world: &World<'_>,
        started: &'a Started,
        at: Option<Timestamp>,
        key: Option<String>,
    ) -> Result<Plan<'a>> {
        let key = key.map_or_else(|| random::bytes().map(message_id::new_key), Ok)?;
        let seed = Seed { key, random: random::bytes()?, date: at.unwrap_or(world.now) };
        let heading = heading(world, started, case_of(tx, &started.place)?.as_ref(), &seed)?;
        Ok(Plan { started, at, seed, heading })
    }

    /// Makes the HTML and the bytes.
    ///
    /// # Errors
    /// An address that cannot be written safely.
    pub fn compose(self) -> Result<Ready<'a>> {
        let Plan { started, at, seed, heading } = self;
        let Letter { markdown, text, html, calendar, attachments, .. } = &started.letter;
        let outgoing = Outgoing {
            text: text.clone(),
            html: if *markdown { Some(markdown::to_html(text)) } else { html.clone() },
            calendar: calendar.clone(),
            attachments: attachments.clone(),
            ..heading.clone()
        };
        Ok(Ready { started, at, seed, heading, composed: Composed::new(outgoing)? })
    }
}

impl Ready<'_> {
    /// Whether the bytes say what they would say if they were made now.
    ///
    /// # Errors
    /// [`Outdated`].
    pub(super) fn is_up_to_date(&self, world: &World<'_>, case: Option<&Case>) -> Result<()> {
        if heading(world, self.started, case, &self.seed)? == self.heading { Ok(()) } else { Err(Outdated.into()) }
    }
}

/// Whether the actor may write the letter, and at that moment.
pub(super) fn permit(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    started: &Started,
    at: Option<Timestamp>,
) -> Result<()> {
    permit::by_account(tx, world, actor, &started.place, &started.sender.account)?;
    if at.is_some_and(|at| at <= world.now) {
        return Err(error::data("--at: is in the past").into());
    }
    Ok(())
}

fn check(world: &World<'_>, actor: &Actor, started: &Started) -> Result<()> {
    let (letter, draft) = (&started.letter, started.draft.map(|kept| kept.email_id));
    if let Some(first) = started.unread.first() {
        let of = draft.map(|id| format!("draft {id}: ")).unwrap_or_default();
        let edit = draft.map_or("espomail email edit ID".to_owned(), |id| format!("espomail email edit {id}"));
        return Err(error::data(format!("{of}{}", first.why)).hint(format!("mend it first: {edit}")).into());
    }
    let Head { to, cc, bcc, .. } = &letter.head;
    if to.is_empty() && cc.is_empty() && bcc.is_empty() {
        let hint = match draft {
            Some(id) => format!("espomail email edit {id} --to ADDRESS"),
            None => "name a recipient with --to ADDRESS".to_owned(),
        };
        return Err(error::data("the letter has no recipient").hint(hint).into());
    }
    if letter.text.trim().is_empty() && letter.attachments.is_empty() {
        return Err(text::missing());
    }
    if !text::says_something(started, actor.user()) {
        return Err(error::data("the letter has no text besides the quotation").hint("write one").into());
    }
    let size: u64 = letter.attachments.iter().map(|file| file.bytes.len() as u64).sum();
    let max = world.config.attachment_max_size;
    if size > max {
        let size = units::write_size(size);
        return Err(over_limit(&format!("the files have {size},"), max).into());
    }
    Ok(())
}

/// From, Reply-To (B13.3), ids and subject.
fn heading(world: &World<'_>, started: &Started, case: Option<&Case>, seed: &Seed) -> Result<Outgoing> {
    let Started { letter, place, sender, .. } = started;
    let domain = world.message_id_domain(&sender.account);
    let message_id = match case {
        Some(case) => world.signer.sign(IdKind::Case, &case.key, seed.random, domain),
        None => world.signer.sign(IdKind::Email, &seed.key, seed.random, domain),
    };
    let Head { to, cc, bcc, subject } = letter.head.clone();
    Ok(Outgoing {
        from: sender.from.clone(),
        reply_to: reply_to(world, sender, case)?.into_iter().collect(),
        to,
        cc,
        bcc,
        subject: case.map_or(subject.clone(), |case| subject::with_case_number(&subject, case.number)),
        message_id,
        in_reply_to: place.in_reply_to.clone(),
        references: place.references.clone(),
        date: seed.date,
        ..Outgoing::default()
    })
}

/// The customer of a case answers to the group and not to the user, also where a mail program hides From (B13.3).
fn reply_to(world: &World<'_>, sender: &Sender, case: Option<&Case>) -> Result<Option<Mailbox>> {
    let of_sender = Some(&sender.account).filter(|account| account.kind == AccountKind::Group);
    let address = match (case, case.and_then(|case| case.account_id)) {
        (Some(case), Some(id)) => Some(world.reply_address(world.account(id)?, case)),
        (Some(case), None) => of_sender.map(|account| world.reply_address(account, case)),
        (None, _) => sender.account.sending.reply_to.clone(),
    };
    Ok(address.map(|address| Mailbox { name: String::new(), address }))
}

/// The error of attachments that are larger than a letter may have, `max` bytes; `what` says which.
pub fn over_limit(what: &str, max: u64) -> Fault {
    let max = units::write_size(max);
    error::data(format!("--attach: {what} more than attachment_max_size, {max}"))
        .hint("send a link instead, or change the limit: espomail config path")
}
