//! Letters that are kept to be finished or sent later. Nothing that was written is lost on the way.

use std::collections::HashSet;

use anyhow::{Context, Result};

use super::sender::{self, Sender};
use super::{Kept, Letter, Outdated, Place, Ready, Started, begin, case_of, kept, permit};
use crate::access::Actor;
use crate::error;
use crate::intake::world::World;
use crate::mail::draft_file::{Head, Unread};
use crate::mail::message;
use crate::store::db::Tx;
use crate::store::drafts::{self, Draft};
use crate::store::emails::{self, Email, EmailStatus, Field, NewEmail};
use crate::store::permissions::Permission;
use crate::store::raw;
use crate::store::records::{self, Parent};
use crate::store::sight::Sight;
use crate::store::stream::{self, Note, NoteKind};

/// Keeps a letter as a draft, new or in place of what it was; the id of its email.
///
/// # Errors
/// A draft that is another now; [`super::Outdated`]; exit 77 where the actor may write no mail.
pub fn keep(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, letter: &Ready<'_>) -> Result<i64> {
    let Ready { started, seed, composed, .. } = letter;
    actor.require_some(Permission::EmailEdit)?;
    letter.is_up_to_date(world, case_of(tx, &started.place)?.as_ref())?;
    let raw_id = composed.store(tx)?;
    let message = composed.message();
    let new = NewEmail {
        key: Some(&seed.key),
        message_id: &composed.outgoing().message_id,
        raw_id: Some(raw_id),
        status: EmailStatus::Draft,
        received_at: world.now,
        automatic: "",
        user_id: actor.user_id(),
        author: None,
        verdict: "",
        truncated: false,
        flagged: "",
    };
    let email_id = match started.draft {
        Some(kept) => kept::unchanged(tx, kept).and_then(|id| emails::rewrite(tx, id, &new, message).map(|()| id))?,
        None => emails::add(tx, &new, message, world.now)?,
    };
    if let Some(user) = actor.user().filter(|_| started.draft.is_none()) {
        emails::add_user(tx, email_id, user.id, true)?;
    }
    let draft = Draft {
        email_id,
        account_id: started.sender.account.id,
        parent: started.place.parent,
        markdown: started.letter.markdown,
        status: started.status,
        seen_id: started.place.seen_id,
        unread: Unread::to_text(&started.unread),
    };
    drafts::put(tx, &draft)?;
    Ok(email_id)
}

/// Takes a draft up again.
///
/// # Errors
/// The email is none; its account cannot send, or the actor may not send by it any more.
pub fn resume(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, email: &Email) -> Result<Started> {
    let draft = find(tx, email)?;
    let raw_id = email.raw_id.with_context(|| format!("email {}: its source was dropped", email.id))?;
    let bytes = raw::bytes(tx, raw_id)?;
    let message = message::parse(&bytes);
    let account = world.account(draft.account_id)?.clone();
    let place = Place {
        parent: draft.parent,
        in_reply_to: message.in_reply_to.first().cloned(),
        references: message.references.clone(),
        seen_id: draft.seen_id,
    };
    permit::by_account(tx, world, actor, &place, &account)?;
    sender::refuse_unable(&account)?;
    let from = email.author();
    let letter = Letter {
        head: Head {
            to: emails::addresses(tx, email.id, Field::To)?,
            cc: emails::addresses(tx, email.id, Field::Cc)?,
            bcc: emails::addresses(tx, email.id, Field::Bcc)?,
            subject: email.subject.clone(),
        },
        text: message.text,
        markdown: draft.markdown,
        html: message.html.filter(|_| !draft.markdown),
        calendar: None,
        attachments: begin::files(&bytes, &HashSet::new()),
    };
    let Head { to, cc, bcc, .. } = &letter.head;
    // Its writer has seen them all.
    let typed = to.iter().chain(cc).chain(bcc).map(|mailbox| mailbox.address.clone()).collect();
    let kept = Kept { email_id: email.id, raw_id };
    Ok(Started {
        letter,
        place,
        sender: Sender { account, from },
        status: draft.status,
        draft: Some(kept),
        left_out: Vec::new(),
        unread: Unread::from_text(&draft.unread),
        typed,
        remarks: Vec::new(),
        doubt: None,
        pruned: Vec::new(),
    })
}

/// Deletes a draft for good.
///
/// # Errors
/// The email is none.
pub fn discard(tx: &Tx<'_>, email: &Email) -> Result<()> {
    find(tx, email)?;
    records::erase::email(tx, email.id, "a draft that was deleted")
}

/// Whether the email of a draft has this key; it is given to one that has none.
pub(super) fn has_key(tx: &Tx<'_>, id: i64, key: &str) -> Result<()> {
    match emails::key(tx, id)? {
        Some(known) if known == key => Ok(()),
        Some(_) => Err(Outdated.into()),
        None => emails::set_key(tx, id, key),
    }
}

fn find(tx: &Tx<'_>, email: &Email) -> Result<Draft> {
    let draft = if email.status == EmailStatus::Draft { drafts::by_email(tx, email.id)? } else { None };
    draft.ok_or_else(|| {
        error::data(format!("email {} is not a draft", email.id)).hint("see `espomail email list status:Draft`").into()
    })
}

/// What others did in the case of a letter since it was begun, and what its writer sent: one sentence, nothing where nothing
/// happened. A draft may be older than the mail that it answers, so that the notes count, which are written when mail comes
/// and goes.
pub fn news(tx: &Tx<'_>, started: &Started, actor: &Actor) -> Result<Option<String>> {
    let Some(case) = case_of(tx, &started.place)? else { return Ok(None) };
    let since = started.place.seen_id.unwrap_or_default();
    let mut notes = stream::notes(tx, Parent::case(case.id), Sight::Everything)?;
    notes.retain(|note| note.id > since);
    notes.sort_by_key(|note| note.id);
    let (mut letters, mut others) = (Vec::new(), Vec::new());
    for note in notes {
        if matches!(note.kind, NoteKind::EmailReceived | NoteKind::EmailSent) {
            let email = note.email_id.map(|id| emails::by_id(tx, id, Sight::Everything)).transpose()?.flatten();
            letters.extend(
                email.filter(|email| email.automatic.is_empty() || !email.is_ours()).map(|email| (note, email)),
            );
        } else if note.user_id.is_some() && note.user_id != actor.user_id() {
            others.extend(deed(&note).map(|what| format!("{} {what}", note.username.as_deref().unwrap_or("somebody"))));
        }
    }
    // Of two changes of the same kind the last one counts, and few are told.
    others.dedup();
    let rest = others.len().saturating_sub(DEEDS);
    let mut told: Vec<String> = others.split_off(rest);
    if rest > 0 {
        told.push(format!("{rest} more changes"));
    }
    let letters = letters_since(tx, &letters, actor)?;
    let what: Vec<String> = letters.into_iter().chain(told).collect();
    Ok((!what.is_empty()).then(|| format!("case #{}: since you began this letter, {}", case.number, what.join(", "))))
}

/// How many deeds of colleagues are told.
const DEEDS: usize = 3;

/// What a colleague did that somebody who writes to the customer should know.
fn deed(note: &Note) -> Option<String> {
    Some(match note.kind {
        NoteKind::Comment => "wrote a note".to_owned(),
        NoteKind::Answered => "noted that the customer was answered otherwise".to_owned(),
        NoteKind::Status => format!("changed the status ({})", note.text),
        NoteKind::Assigned => format!("changed the assignee ({})", note.text),
        _ => return None,
    })
}

/// The last letter that came or went, and how many more.
fn letters_since(tx: &Tx<'_>, letters: &[(Note, Email)], actor: &Actor) -> Result<Option<String>> {
    let Some((note, email)) = letters.last() else { return Ok(None) };
    let may_read = emails::by_id(tx, email.id, actor.sight())?.is_some();
    let is_own = note.user_id.is_some() && note.user_id == actor.user_id();
    let what = match (note.kind, &note.username) {
        (NoteKind::EmailSent, Some(_)) if is_own => "you answered".to_owned(),
        (NoteKind::EmailSent, Some(user)) => format!("{user} answered"),
        (NoteKind::EmailSent, None) => "somebody answered".to_owned(),
        _ if may_read => format!("a mail came from {}", email.with_way(&email.author().address)),
        _ => "a mail came that you cannot read".to_owned(),
    };
    let id = if may_read { format!(" (email {})", email.id) } else { String::new() };
    let more = match letters.len() - 1 {
        0 => String::new(),
        1 => " and 1 other letter came or went".to_owned(),
        more => format!(" and {more} other letters came or went"),
    };
    Ok(Some(format!("{what}{id}{more}")))
}
