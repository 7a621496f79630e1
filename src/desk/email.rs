//! Linking an email to a record by hand, ending that, and deleting it for good.

use anyhow::{Context, Result};

use super::{note, note_of_email, refuse_merged, relocate, take_out, who};
use crate::access::Actor;
use crate::erase;
use crate::error;
use crate::intake::people;
use crate::intake::world::World;
use crate::intake::{privacy, waiting};
use crate::store::cases::{self, Case};
use crate::store::db::Tx;
use crate::store::emails::{self, Email};
use crate::store::outbox;
use crate::store::records::{self, Parent, ParentType};
use crate::store::sight::Object;
use crate::store::stream::{self, NewNote, NoteKind};

/// Links an email to a record in place of the one it belongs to; whether its sender takes part there. Who does not, in
/// a case, gets no standing by the link (B4.10).
///
/// # Errors
/// The case was merged into another one; exit 77 where the actor may change only one of both, or not what it was in.
pub fn link_email(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, email: &Email, record: Parent) -> Result<bool> {
    actor.require_edit(tx, Object::Email(email.id))?;
    actor.require_edit(tx, Object::Record(record))?;
    if email.parent == Some(record) {
        return Ok(email.verified);
    }
    let old = case_of(tx, email.parent)?;
    require_edit_of(tx, actor, email.parent)?;
    let verified = match case_of(tx, Some(record))? {
        Some(case) => into_case(tx, world, actor, email, &case)?,
        None => {
            emails::set_parent(tx, email.id, record, true)?;
            stream::move_email(tx, email.id, email.parent, record)?;
            let decision = format!("{}: linked by {}", records::label(tx, record)?, who(actor));
            emails::decide(tx, email.id, "parent", &decision, world.now)?;
            true
        }
    };
    tell(tx, world, email, record)?;
    privacy::open_if_account_shares(tx, world, email.id)?;
    if let Some(case) = old {
        waiting::set(tx, world, &case)?;
        let text = format!("email {} linked to {}: {}", email.id, records::label(tx, record)?, email.subject);
        note_of_email(tx, world, actor, &case, email, &text)?;
    }
    Ok(verified)
}

/// Takes an email out of what it belongs to. It stays in the archive.
///
/// # Errors
/// It belongs to nothing.
pub fn unlink_email(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, email: &Email) -> Result<()> {
    let Some(parent) = email.parent else {
        return Err(error::data(format!("email {} is linked to nothing", email.id))
            .hint(format!("to link it: espomail email link {} case/12", email.id))
            .into());
    };
    actor.require_edit(tx, Object::Email(email.id))?;
    require_edit_of(tx, actor, Some(parent))?;
    if let Some(case) = case_of(tx, email.parent)? {
        return take_out(tx, world, actor, &case, email.id);
    }
    emails::clear_parent(tx, email.id)?;
    let decision = format!("none: unlinked from {} by {}", records::label(tx, parent)?, who(actor));
    emails::decide(tx, email.id, "parent", &decision, world.now)
}

/// Deletes an email with everything that hangs on it; the ledger keeps that it was there, with the reason, and it does
/// not come back (B3.4).
///
/// # Errors
/// It is still to be sent.
pub fn delete_email(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, email: &Email, reason: &str) -> Result<()> {
    if let Some(row) = outbox::on_its_way(tx, email.id)? {
        return Err(error::data(format!("email {} is still to be sent", email.id))
            .hint(format!("take it back first: espomail outbox cancel {row}"))
            .into());
    }
    let case = case_of(tx, email.parent)?;
    erase::email(tx, world, email, &format!("deleted: {reason}"))?;
    let Some(case) = case else { return Ok(()) };
    waiting::set(tx, world, &case)?;
    note(tx, world, actor, &case, NoteKind::Linked, &format!("email {} deleted: {reason}", email.id))
}

fn into_case(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, email: &Email, case: &Case) -> Result<bool> {
    refuse_merged(tx, actor, case)?;
    let verified = is_verified_in(tx, world, email, case)?;
    relocate(tx, world, email, case, verified, &format!("linked by {}", who(actor)))?;
    waiting::set(tx, world, case)?;
    let text = format!("email {} linked: {}", email.id, email.subject);
    note_of_email(tx, world, actor, case, email, &text)?;
    Ok(verified)
}

/// Whether an email counts as verified in a case that an agent puts it into: our mail, or mail of somebody who takes part.
pub(super) fn is_verified_in(tx: &Tx<'_>, world: &World<'_>, email: &Email, case: &Case) -> Result<bool> {
    let author = email.author().address;
    let ours = email.is_ours() || email.user_id.is_some() || world.is_own(&author);
    Ok(ours || people::rights(people::role(tx, world, case, &author)?).joins)
}

/// An email that was linked to nothing so far has no note of its arrival yet (B7.1).
fn tell(tx: &Tx<'_>, world: &World<'_>, email: &Email, parent: Parent) -> Result<()> {
    if stream::tells_of_email(tx, email.id, parent)? {
        return Ok(());
    }
    let ours = email.is_ours() || email.user_id.is_some();
    let kind = if ours { NoteKind::EmailSent } else { NoteKind::EmailReceived };
    let new = NewNote { parent, kind, user_id: email.user_id, email_id: Some(email.id), text: "" };
    stream::note(tx, new, world.now)?;
    Ok(())
}

/// A user who does not see what an email belongs to can take it out by the email alone.
pub(super) fn require_edit_of(tx: &Tx<'_>, actor: &Actor, parent: Option<Parent>) -> Result<()> {
    match parent {
        Some(parent) if records::exists(tx, parent, actor.sight())? => actor.require_edit(tx, Object::Record(parent)),
        _ => Ok(()),
    }
}

fn case_of(tx: &Tx<'_>, parent: Option<Parent>) -> Result<Option<Case>> {
    let Some(parent) = parent.filter(|parent| parent.kind == ParentType::Case) else { return Ok(None) };
    cases::by_id(tx, parent.id)?.context("the case vanished").map(Some)
}
