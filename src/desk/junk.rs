//! Junk (B2.17): a mail that people want nowhere, and that the mail server's filter is to learn from.
//!
//! It is out of lists and reports for everybody, the case that it alone made is rejected as spam, and the next fetch moves
//! it to the junk folder of its server. All of that can be taken back.

use anyhow::Result;

use super::email::require_edit_of;
use super::sort::owner;
use super::{link_email, reopen, spam, take_out, who};
use crate::access::Actor;
use crate::error;
use crate::intake::world::World;
use crate::intake::{concerns, waiting};
use crate::store::accounts::Account;
use crate::store::cases::{self, Case, CaseStatus};
use crate::store::db::Tx;
use crate::store::deliveries;
use crate::store::emails::{self, Email, EmailStatus};
use crate::store::junk::{self, Junk};
use crate::store::records::{self, Parent};
use crate::store::sight::{Object, Sight};
use crate::store::stream::{self, NewNote, NoteKind};

/// What followed, for those who asked for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Followed {
    /// The accounts whose servers move it.
    pub accounts: Vec<String>,
    /// Those of them whose last fetch found no folder for junk.
    pub without_folder: Vec<String>,
    /// The case that was rejected or opened again.
    pub case_number: Option<i64>,
    /// The case that it was taken out of, or is in again.
    pub other_case: Option<i64>,
    /// It was so before.
    pub known: bool,
}

/// Calls a mail junk.
///
/// # Errors
/// It was written by us; it is private mail of others; exit 77 where the actor may not change it, or the case that
/// it is in.
pub fn junk(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, email: &Email) -> Result<Followed> {
    actor.require_edit(tx, Object::Email(email.id))?;
    require_edit_of(tx, actor, email.parent)?;
    refuse_private_of_others(tx, actor, email)?;
    refuse_ours(email)?;
    let mut followed = Followed::default();
    if let Some(said) = junk::of(tx, email.id)? {
        followed.known = true;
        // Another user, who said so before, could not move it in the mailbox of the actor.
        if said.user_id != actor.user_id() {
            let is_own = |account: &Account| account.user_id.is_some() && account.user_id == actor.user_id();
            plan(tx, world, email, junk::MOVE, is_own, &mut followed)?;
        }
        return Ok(followed);
    }
    let case = email.case_id().map(|id| cases::by_id(tx, id)).transpose()?.flatten();
    let alone = case.as_ref().map_or(Ok(false), |case| is_alone(tx, case, email))?;
    let rejected = alone && case.as_ref().is_some_and(|case| case.status.is_open());
    emails::decide(tx, email.id, "junk", &format!("called junk by {}", who(actor)), world.now)?;
    match &case {
        Some(case) if rejected => {
            spam(tx, world, actor, case)?;
            followed.case_number = Some(case.number);
        }
        Some(case) if !alone => {
            take_out(tx, world, actor, case, email.id)?;
            followed.other_case = Some(case.number);
        }
        _ => {}
    }
    emails::set_undecided(tx, email.id, false)?;
    if let Some(case) = &case {
        say(tx, world, actor, case, email, NoteKind::Junk, &format!("email {} is junk", email.id))?;
    }
    let case_id = case.filter(|_| rejected || !alone).map(|case| case.id);
    junk::add(tx, email.id, Junk { user_id: actor.user_id(), case_id, rejected }, world.now)?;
    plan(tx, world, email, junk::MOVE, |account| moves(actor, account), &mut followed)?;
    Ok(followed)
}

/// Takes that back: the mail is in its lists and its case again, and goes back to the folder that it came from.
///
/// # Errors
/// It is not junk; exit 77 as for [`junk`].
pub fn not_junk(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, email: &Email) -> Result<Followed> {
    actor.require_edit(tx, Object::Email(email.id))?;
    refuse_private_of_others(tx, actor, email)?;
    let Some(said) = junk::of(tx, email.id)? else {
        return Err(error::data(format!("email {} is not junk", email.id))
            .hint("what is: espomail email list --folder junk")
            .into());
    };
    let mut followed = restore(tx, world, actor, email, said, &format!("not junk, by {}", who(actor)))?;
    plan(tx, world, email, junk::MOVE_BACK, |account| moves(actor, account), &mut followed)?;
    Ok(followed)
}

/// The same for a mail that somebody moved back to `place` in a mail program; nothing where it is not junk any more.
///
/// # Errors
/// The database.
pub fn came_back(tx: &Tx<'_>, world: &World<'_>, email_id: i64, place: &str) -> Result<()> {
    let Some(email) = emails::by_id(tx, email_id, Sight::Everything)? else { return Ok(()) };
    let Some(said) = junk::of(tx, email.id)? else { return Ok(()) };
    let why = format!("not junk: somebody moved it back to {place} on the server");
    restore(tx, world, &Actor::Administrator, &email, said, &why).map(drop)
}

/// Puts a mail back into its lists and its case.
fn restore(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    email: &Email,
    said: Junk,
    decision: &str,
) -> Result<Followed> {
    let case = said.case_id.map(|id| cases::by_id(tx, id)).transpose()?.flatten();
    let seen = match case {
        Some(case) if records::exists(tx, Parent::case(case.id), actor.sight())? => Some(case),
        _ => None,
    };
    let was_rejected = seen.as_ref().map_or(Ok(false), |case| junk::rejected(tx, case.id))?;
    junk::remove(tx, email.id)?;
    emails::decide(tx, email.id, "junk", decision, world.now)?;
    let mut followed = Followed::default();
    if let Some(case) = &seen {
        actor.require_edit(tx, Object::Record(Parent::case(case.id)))?;
        // One mail that people want is enough for an open case.
        let opens = was_rejected && case.status == CaseStatus::Rejected && case.merged_into_id.is_none();
        if opens {
            reopen(tx, world, actor, case)?;
            junk::opened(tx, case.id)?;
            followed.case_number = Some(case.number);
        }
        if !said.rejected && email.parent.is_none() && case.merged_into_id.is_none() {
            link_email(tx, world, actor, email, Parent::case(case.id))?;
            followed.other_case = Some(case.number);
        }
        if opens {
            waiting::set(tx, world, case)?;
        }
        say(tx, world, actor, case, email, NoteKind::NotJunk, &format!("email {} is not junk", email.id))?;
    }
    Ok(followed)
}

/// Notes it in the case, for its readers and for other programs.
fn say(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    case: &Case,
    email: &Email,
    kind: NoteKind,
    text: &str,
) -> Result<()> {
    let new = NewNote { parent: Parent::case(case.id), kind, user_id: actor.user_id(), email_id: Some(email.id), text };
    stream::note(tx, new, world.now).map(drop)
}

/// As for the trash: a personal mailbox is sorted by its owner.
fn refuse_private_of_others(tx: &Tx<'_>, actor: &Actor, email: &Email) -> Result<()> {
    if email.private {
        owner(tx, actor, email)?;
    }
    Ok(())
}

fn refuse_ours(email: &Email) -> Result<()> {
    if email.status == EmailStatus::Archived && email.user_id.is_none() {
        return Ok(());
    }
    let text = format!("email {} was written by one of us: only mail that came in from others can be junk", email.id);
    let hint = format!("to put it out of the way: espomail email trash {}", email.id);
    Err(error::data(text).hint(hint).into())
}

/// Whether nothing else is in the case that a person wrote.
fn is_alone(tx: &Tx<'_>, case: &Case, email: &Email) -> Result<bool> {
    for other in emails::of_case(tx, case.id)? {
        let counts = other.id != email.id && other.automatic.is_empty();
        if counts && junk::of(tx, other.id)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Plans what the servers of these accounts do.
fn plan(
    tx: &Tx<'_>,
    world: &World<'_>,
    email: &Email,
    action: &str,
    moves: impl Fn(&Account) -> bool,
    followed: &mut Followed,
) -> Result<()> {
    for delivery in deliveries::of_email(tx, email.id)? {
        let account = world.account(delivery.account_id)?;
        if delivery.uid.is_none() && delivery.folder.is_none() || account.imap.host.is_none() || !moves(account) {
            continue;
        }
        junk::plan(tx, delivery.id, action)?;
        if followed.accounts.contains(&account.name) {
            continue;
        }
        followed.accounts.push(account.name.clone());
        if junk::stuck(tx, account.id)?.is_some_and(|(_, words)| concerns::lacks_junk_folder(account, &words)) {
            followed.without_folder.push(account.name.clone());
        }
    }
    Ok(())
}

/// A personal mailbox is its owner's: others do not move mail there.
fn moves(actor: &Actor, account: &Account) -> bool {
    account.user_id.is_none() || account.user_id == actor.user_id()
}
