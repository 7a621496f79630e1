//! Answers to invitations (B13.9): an ordinary letter to the organizer with a calendar beside its text (RFC 6047).

use anyhow::Result;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::begin::{self, Occasion, Wishes};
use super::{FromWish, Started, sender};
use crate::access::Actor;
use crate::error;
use crate::intake::world::World;
use crate::mail::address::Mailbox;
use crate::mail::message::calendar::invitation::{self, Answer, Invitation, Method};
use crate::store::cases::Case;
use crate::store::db::Tx;
use crate::store::deliveries;
use crate::store::emails::{self, Email, EmailStatus};
use crate::store::users;

/// The newest mails of the organizer, which are looked at for a change.
const NEWEST: i64 = 50;

/// What the person who was invited says.
#[derive(Debug, Clone)]
pub struct Said<'a> {
    pub answer: Answer,
    pub comment: &'a str,
    /// Also where it was answered before.
    pub again: bool,
    /// The address that was invited, where there are several.
    pub from: Option<&'a str>,
    pub zone: TimeZone,
}

/// Begins the answer to an invitation that came by mail.
///
/// # Errors
/// The mail is not an invitation, or one that was cancelled or changed since; nobody of us is invited, or nobody who can
/// send; it names no organizer; as [`begin::begin`].
pub fn answer(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    (email, case): (&Email, Option<&Case>),
    said: &Said<'_>,
) -> Result<Started> {
    let invitation = of_email(tx, email)?;
    refuse_outdated(tx, actor, email, &invitation)?;
    let attendee = attendee(tx, world, actor, email, &invitation, said.from)?;
    if !said.again {
        refuse_answered(tx, email, &invitation, &attendee.address, said)?;
    }
    let first = invitation.of_attendee(&attendee.address).into_iter().next();
    let (summary, when, organizer) =
        first.map(|one| (one.summary.clone(), one.when.clone(), one.organizer.clone())).unwrap_or_default();
    let Some(organizer) = organizer else {
        return Err(error::data(format!("email {}: the invitation does not say who organizes it", email.id))
            .hint(format!("answer in words: espomail email reply {}", email.id))
            .into());
    };
    let title = if summary.is_empty() { "(without a title)" } else { summary.as_str() };
    let wishes = Wishes {
        from: FromWish::Address(attendee.address.clone()),
        to: vec![organizer.clone()],
        subject: Some(format!("{}: {title}", said.answer.subject())),
        text: text(&attendee, said, title, &when),
        zone: Some(said.zone.clone()),
        ..Wishes::default()
    };
    let mut started = begin::begin(tx, world, actor, Occasion::Answer { email, case, all: false }, wishes)?;
    let attendee = Mailbox { name: started.sender.from.name.clone(), address: attendee.address };
    started.letter.calendar = Some(invitation.reply(&attendee, said.answer, said.comment, world.now));
    // A calendar can name anybody.
    let writers = [email.from_address.as_str(), &email.author().address];
    if !writers.contains(&organizer.address.as_str()) {
        let (to, from) = (&organizer.address, &email.from_address);
        started.doubt =
            Some(format!("The answer goes to the organizer {to}, and the invitation came from {from}. Send it?"));
    }
    Ok(started)
}

fn text(attendee: &Mailbox, said: &Said<'_>, title: &str, when: &str) -> String {
    let who = if attendee.name.is_empty() { &attendee.address } else { &attendee.name };
    let mut text = format!("{who} {} the invitation: {title}\n", said.answer.verb());
    if !when.is_empty() {
        text.push_str(&format!("When: {when}\n"));
    }
    if !said.comment.trim().is_empty() {
        text.push_str(&format!("\n{}\n", said.comment.trim()));
    }
    text
}

fn of_email(tx: &Tx<'_>, email: &Email) -> Result<Invitation> {
    let id = email.id;
    let raw = emails::bytes(tx, email)?;
    let mut all = invitation::of_message(&raw);
    let at = all.iter().position(|one| one.method == Method::Request).unwrap_or_default();
    if all.is_empty() {
        let why = match invitation::is_calendar_in(&raw) {
            true => "has a calendar without an event that an answer could name: its UID is missing",
            false => "is not an invitation",
        };
        return Err(error::data(format!("email {id} {why}"))
            .hint(format!("answer in words: espomail email reply {id}"))
            .into());
    }
    let invitation = all.swap_remove(at);
    let why = match invitation.method {
        _ if invitation.is_cut => {
            "has a calendar with more events, or more bytes, than are read: answer it in a calendar program"
        }
        _ if invitation.is_broken => "has a damaged calendar: its event has no end, and something may be missing",
        _ if invitation.is_mixed => "invites to several events at once, which one answer cannot name",
        _ if !invitation.can_be_named() => "has a UID that is too long to be repeated",
        Method::Request if invitation.meetings.iter().all(|meeting| meeting.cancelled) => {
            "says that the event is cancelled"
        }
        Method::Request => return Ok(invitation),
        Method::Cancel => "cancels an event, which needs no answer",
        Method::Reply => "is somebody's answer to an invitation",
        Method::Other => "tells of an event and asks for no answer",
    };
    Err(error::data(format!("email {id} {why}")).hint(format!("to write about it: espomail email reply {id}")).into())
}

/// Whether the organizer cancelled or changed it, also by a mail that came before it.
fn refuse_outdated(tx: &Tx<'_>, actor: &Actor, email: &Email, invitation: &Invitation) -> Result<()> {
    let organizers = invitation.meetings.iter().filter_map(|meeting| meeting.organizer.as_ref());
    let mut writers: Vec<String> = organizers.map(|organizer| organizer.address.clone()).take(3).collect();
    writers.push(email.from_address.clone());
    writers.sort_unstable();
    writers.dedup();
    for writer in writers {
        for other in emails::from_since(tx, &writer, Timestamp::UNIX_EPOCH, NEWEST, actor.sight())? {
            if other.id == email.id {
                continue;
            }
            let Ok(bytes) = emails::bytes(tx, &other) else { continue };
            let came_before = other.received_at < email.received_at;
            let outdated = invitation::of_message(&bytes).iter().find_map(|new| {
                if came_before { invitation.was_outdated_by(new) } else { invitation.is_outdated_by(new) }
            });
            let (id, new) = (email.id, other.id);
            match outdated {
                Some(Method::Cancel) => {
                    return Err(error::data(format!("email {id}: the event was cancelled by email {new}"))
                        .hint(format!("read it: espomail email show {new}"))
                        .into());
                }
                Some(_) => {
                    return Err(error::data(format!("email {id}: the event was changed by email {new}"))
                        .hint(format!("answer that one: espomail email invitation {new} accept"))
                        .into());
                }
                None => {}
            }
        }
    }
    Ok(())
}

/// Whether somebody of us has answered it for this address.
fn refuse_answered(tx: &Tx<'_>, email: &Email, invitation: &Invitation, attendee: &str, said: &Said<'_>) -> Result<()> {
    let is_on_its_way = |one: &Email| matches!(one.status, EmailStatus::Sent | EmailStatus::Sending);
    let mut answers = emails::referring_to(tx, &email.message_id)?;
    answers.retain(is_on_its_way);
    // The last one holds.
    for answer in answers.iter().rev() {
        let Ok(bytes) = emails::bytes(tx, answer) else { continue };
        let ours = invitation::of_message(&bytes).into_iter().filter(|one| one.method == Method::Reply);
        let meetings = ours.filter(|one| one.uid == invitation.uid).flat_map(|one| one.meetings);
        let told =
            meetings.filter(|one| one.attendees.iter().any(|of| of.address == attendee)).find_map(|one| one.said);
        let Some(told) = told else { continue };
        let user = answer.user_id.map(|id| users::by_id(tx, id)).transpose()?.flatten();
        let who = user.map_or_else(|| "somebody".to_owned(), |user| user.shown().to_owned());
        let at = answer.received_at.to_zoned_datetime(said.zone.clone());
        let (id, at, done) = (email.id, at.strftime("%Y-%m-%d %H:%M"), told.done());
        let text = format!("email {id}: {who} {done} it for {attendee} on {at} (email {})", answer.id);
        return Err(error::data(text)
            .hint(format!("to answer once more: espomail email invitation {id} {} --again", said.answer.word()))
            .into());
    }
    Ok(())
}

/// The one attendee who answers: the user, else the address of a group account that was invited.
fn attendee(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    email: &Email,
    invitation: &Invitation,
    wished: Option<&str>,
) -> Result<Mailbox> {
    let mut invited: Vec<&Mailbox> = invitation.meetings.iter().flat_map(|meeting| &meeting.attendees).collect();
    if let Some(wished) = wished {
        invited.retain(|attendee| attendee.address == wished);
        if invited.is_empty() {
            return Err(error::data(format!("--from: {wished} is not invited by email {}", email.id))
                .hint("leave it out for the address that is")
                .into());
        }
    }
    let users: &[String] = actor.user().map_or(&[], |user| user.addresses.as_slice());
    let brought: Vec<i64> = deliveries::of_email(tx, email.id)?.iter().map(|delivery| delivery.account_id).collect();
    let mut best: Option<(usize, &Mailbox)> = None;
    let mut ours = None;
    for attendee in invited {
        let Some(account) = world.accounts.iter().find(|account| account.owns(&attendee.address)) else {
            if users.contains(&attendee.address) {
                ours = Some(attendee);
            }
            continue;
        };
        ours = ours.or(Some(attendee));
        if !account.can_send() || sender::may_send(tx, world, actor, account, None).is_err() {
            continue;
        }
        let rank = match (users.contains(&attendee.address), brought.contains(&account.id)) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => 2,
        };
        if best.is_none_or(|(known, _)| rank < known) {
            best = Some((rank, attendee));
        }
    }
    if let Some((_, attendee)) = best {
        return Ok(attendee.clone());
    }
    let id = email.id;
    Err(match ours {
        Some(attendee) => {
            error::data(format!("email {id} invites {}, and you cannot send from that address", attendee.address))
                .hint("espomail whoami shows what you can send from; an administrator can give you an account for it")
        }
        None => error::data(format!("email {id} invites none of your addresses"))
            .hint(format!("answer in words: espomail email reply {id}")),
    }
    .into())
}
