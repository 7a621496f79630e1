//! Who hears of what (B7): stream notes, and the notifications of those who follow a record.

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};

use super::filter::Filtered;
use super::notice::{self, Notice};
use super::notification_text;
use super::sender::Sender;
use super::world::World;
use crate::access;
use crate::mail::text;
use crate::moment;
use crate::store::accounts::Account;
use crate::store::cases::{self, Case};
use crate::store::db::Tx;
use crate::store::emails::{self, Email, Field};
use crate::store::events;
use crate::store::notifications::{self, ByEmail, NewNotification, NotificationKind};
use crate::store::records::{self, Parent, ParentType};
use crate::store::sight::Sight;
use crate::store::stream::{self, NewNote, NoteKind};
use crate::store::users::{self, User, UserType};

/// Writes the one stream note about an email (B7.1).
pub fn email_note(
    tx: &Tx<'_>,
    world: &World<'_>,
    parent: Parent,
    email_id: i64,
    sender: &Sender,
    text: &str,
) -> Result<()> {
    let user = sender.verified_user();
    let kind = if user.is_some() || sender.in_sent { NoteKind::EmailSent } else { NoteKind::EmailReceived };
    let note = NewNote { parent, kind, user_id: user.map(|u| u.id), email_id: Some(email_id), text };
    stream::note(tx, note, world.now)?;
    Ok(())
}

/// An email that was linked to a record, as those who follow the record are told of it.
pub struct Arrival<'a> {
    /// The record.
    pub parent: Parent,
    pub email_id: i64,
    /// Who wrote it.
    pub sender: &'a Sender,
    /// What its age counts from (B8.6).
    pub sent_at: Timestamp,
    /// The account that delivered it; a group account sends the notices where no system account is configured.
    pub account_id: Option<i64>,
    /// What filters say about it.
    pub filtered: &'a Filtered<'a>,
}

/// Tells everybody who follows the record or its company about an email (B7.1, B7.2).
pub fn arrival(tx: &Tx<'_>, world: &World<'_>, arrival: &Arrival<'_>) -> Result<()> {
    tell_all(tx, world, arrival, audience_of(tx, arrival)?)
}

/// Mail that is not believed is told to those alone who follow the case: who follows the contact or the company would take
/// it for theirs (B4.12).
fn audience_of(tx: &Tx<'_>, arrival: &Arrival<'_>) -> Result<Vec<User>> {
    if arrival.sender.is_believed() {
        return audience(tx, arrival.parent);
    }
    match arrival.parent.kind {
        ParentType::Case => readers(tx, arrival.parent, stream::followers(tx, arrival.parent)?),
        _ => Ok(Vec::new()),
    }
}

/// The same for mail in a case that moves nothing by itself, of a third party or perhaps of a program say: so that somebody sees it, the assignee
/// is told as well, or the case team if there is no active assignee (B4.9).
pub fn set_aside(tx: &Tx<'_>, world: &World<'_>, case: &Case, arrival: &Arrival<'_>) -> Result<()> {
    tell_all(tx, world, arrival, concerned(tx, world, case, arrival)?)
}

fn concerned(tx: &Tx<'_>, world: &World<'_>, case: &Case, arrival: &Arrival<'_>) -> Result<Vec<User>> {
    let mut all = audience_of(tx, arrival)?;
    for user in responsible(tx, case, world.now)? {
        if !all.iter().any(|known| known.id == user.id) {
            all.push(user);
        }
    }
    Ok(all)
}

/// Tells each user of unverified mail once an hour and case; further ones are counted in that notification (B4.10). Who
/// has not been told of any, because the case was somebody else's until now, is told of this one.
pub fn unverified(tx: &Tx<'_>, world: &World<'_>, case: &Case, arrival: &Arrival<'_>) -> Result<()> {
    let hour = moment::last(SignedDuration::from_hours(1), world.now);
    let told = notifications::told_of_unverified(tx, case.id, &hour)?;
    let mut untold = concerned(tx, world, case, arrival)?;
    untold.retain(|user| told.iter().all(|(user_id, _)| *user_id != user.id));
    if told.is_empty() || !untold.is_empty() {
        tell_all(tx, world, arrival, untold)?;
    }
    let Some((_, first)) = told.first() else { return Ok(()) };
    let (label, recent) = (records::label(tx, arrival.parent)?, emails::unverified_within(tx, case.id, &hour)?.len());
    let text = format!("{label}: {recent} unverified mails within an hour: espomail case show {}", case.number);
    for (user_id, email_id) in &told {
        notifications::retell(tx, *email_id, *user_id, &text)?;
    }
    let why = format!("counted with email {first}, of which was told within the hour");
    emails::decide(tx, arrival.email_id, "notified", &why, world.now)
}

/// Who has to look at what comes to a case: its assignee, and where that one is away or there is none, the members of its
/// teams (B5.11).
fn responsible(tx: &Tx<'_>, case: &Case, now: Timestamp) -> Result<Vec<User>> {
    let assignee = case.assigned_user_id.map(|id| users::by_id(tx, id)).transpose()?.flatten();
    let assignee = assignee.filter(|user| user.active);
    if let Some(user) = assignee.as_ref().filter(|user| !user.is_away(now)) {
        return Ok(vec![user.clone()]);
    }
    let mut members: Vec<User> = assignee.into_iter().collect();
    for team_id in cases::team_ids(tx, case.id)? {
        members.extend(users::in_team(tx, team_id, "")?.into_iter().filter(|user| user.active));
    }
    members.sort_by_key(|user| user.id);
    members.dedup_by_key(|user| user.id);
    Ok(members)
}

const OLD: &str = "older than notification_max_age";

/// Whether nobody is told of a mail of this moment any more.
fn is_old(world: &World<'_>, sent_at: Timestamp) -> bool {
    let max_age = SignedDuration::try_from(world.config.notification_max_age).unwrap_or(SignedDuration::MAX);
    world.now.duration_since(sent_at) > max_age
}

fn tell_all(tx: &Tx<'_>, world: &World<'_>, arrival: &Arrival<'_>, mut audience: Vec<User>) -> Result<()> {
    if is_old(world, arrival.sent_at) {
        return emails::decide(tx, arrival.email_id, "notified", &format!("nobody: {OLD}"), world.now);
    }
    // Who only claims to be one of us must not keep the mail from the one it names.
    let writer = arrival.sender.verified_user().map(|user| user.id);
    audience.retain(|user| Some(user.id) != writer);
    audience.retain(|user| !arrival.filtered.silences(world, user.id));
    let mut told = Vec::new();
    if !audience.is_empty() {
        let email = emails::by_id(tx, arrival.email_id, Sight::Everything)?.context("the email vanished")?;
        let label = records::label(tx, arrival.parent)?;
        // It is read once, however many are told.
        let mut text = None;
        for user in audience {
            if tell_of_email(tx, world, arrival, (&email, &mut text), &label, &user)? {
                told.push(user.username);
            }
        }
    }
    let names = if told.is_empty() { "nobody".to_owned() } else { told.join(", ") };
    emails::decide(tx, arrival.email_id, "notified", &names, world.now)
}

/// Who follows a record or its company, may act, and may read the record; each once, by id.
fn audience(tx: &Tx<'_>, parent: Parent) -> Result<Vec<User>> {
    let mut ids = stream::followers(tx, parent)?;
    if let Some(company) = records::company_of(tx, parent)?.filter(|company| *company != parent) {
        ids.extend(stream::followers(tx, company)?);
    }
    readers(tx, parent, ids)
}

/// Those of these users who may act and may read the record; each once, by id.
fn readers(tx: &Tx<'_>, parent: Parent, mut ids: Vec<i64>) -> Result<Vec<User>> {
    ids.sort_unstable();
    ids.dedup();
    let mut audience = Vec::new();
    for id in ids {
        let Some(user) = users::by_id(tx, id)?.filter(|user| user.active) else { continue };
        if records::exists(tx, parent, access::sight_of(&user))? {
            audience.push(user);
        }
    }
    Ok(audience)
}

/// A reader of the record who cannot read the email learns only that there is one (B7.2).
fn tell_of_email(
    tx: &Tx<'_>,
    world: &World<'_>,
    arrival: &Arrival<'_>,
    (email, beginning): (&Email, &mut Option<String>),
    label: &str,
    user: &User,
) -> Result<bool> {
    if emails::is_in_trash(tx, email.id, user.id)? {
        return Ok(false);
    }
    let may_read = emails::by_id(tx, email.id, access::sight_of(user))?.is_some();
    if may_read && beginning.is_none() {
        *beginning = Some(text::first_lines(&emails::text(tx, email.id)?, notice::TEXT_KEPT));
    }
    let text = notification_text::email_line(label, may_read.then_some(email));
    let new = NewNotification {
        user_id: user.id,
        kind: NotificationKind::Email,
        parent: Some(arrival.parent),
        email_id: Some(email.id),
        text: &text,
    };
    let notice = Notice {
        parent: Some(arrival.parent),
        email: Some(email),
        subject: text.clone(),
        text: beginning.clone().filter(|_| may_read).unwrap_or_default(),
        account_id: arrival.account_id,
    };
    if world.is_before_restore(arrival.sent_at) {
        return list(tx, world, user, new);
    }
    let has_it = is_addressed(tx, email.id, user)?;
    tell(tx, world, user, new, (!has_it).then_some(&notice))
}

/// A comment on a record, told to those who follow it and did not write it; its author follows it from now on
/// (B7.3).
pub fn comment(tx: &Tx<'_>, world: &World<'_>, parent: Parent, author: Option<&User>, text: &str) -> Result<()> {
    let user_id = author.map(|user| user.id);
    stream::note(tx, NewNote { parent, kind: NoteKind::Comment, user_id, email_id: None, text }, world.now)?;
    let who = author.map_or("the administrator", |user| user.username.as_str());
    let subject = format!("{}: note from {who}", records::label(tx, parent)?);
    let notice =
        Notice { parent: Some(parent), email: None, subject: subject.clone(), text: text.to_owned(), account_id: None };
    for user in audience(tx, parent)?.iter().filter(|user| Some(user.id) != user_id) {
        let new = NewNotification {
            user_id: user.id,
            kind: NotificationKind::Note,
            parent: Some(parent),
            email_id: None,
            text: &subject,
        };
        tell(tx, world, user, new, Some(&notice))?;
    }
    user_id.map_or(Ok(()), |id| stream::follow(tx, parent, id))
}

/// Tells a user in the way they have set: in the list, at once by e-mail (if there is a notice), or in a digest.
/// Whether they had not been told before; nobody is told of a record that they may not read.
pub fn tell(
    tx: &Tx<'_>,
    world: &World<'_>,
    user: &User,
    new: NewNotification<'_>,
    notice: Option<&Notice<'_>>,
) -> Result<bool> {
    if !new.parent.map_or(Ok(true), |parent| records::exists(tx, parent, access::sight_of(user)))? {
        return Ok(false);
    }
    let setting = notifications::setting(tx, user.id, new.kind)?;
    let digest = setting.by_email == ByEmail::Digest;
    if !setting.listed || notifications::add(tx, new, digest, world.now)?.is_none() {
        return Ok(false);
    }
    if let (ByEmail::Immediately, Some(notice)) = (setting.by_email, notice) {
        notice::send(tx, world, user, notice)?;
    }
    Ok(true)
}

/// As [`tell`], but never by e-mail.
fn list(tx: &Tx<'_>, world: &World<'_>, user: &User, new: NewNotification<'_>) -> Result<bool> {
    let may_read = new.parent.map_or(Ok(true), |parent| records::exists(tx, parent, access::sight_of(user)))?;
    let is_listed = may_read && notifications::setting(tx, user.id, new.kind)?.listed;
    Ok(is_listed && notifications::add(tx, new, false, world.now)?.is_some())
}

/// Tells administrators and other programs that an account has failed for long, or works again.
pub fn account(tx: &Tx<'_>, world: &World<'_>, account: &Account, fails: bool, words: &str) -> Result<()> {
    let kind = if fails { NoteKind::Failing } else { NoteKind::Recovered };
    events::of_account(tx, account.id, kind, words, world.now)?;
    tell_admins(tx, world, &format!("account {} {words}", account.name))
}

/// One notification to every active admin.
pub fn tell_admins(tx: &Tx<'_>, world: &World<'_>, text: &str) -> Result<()> {
    for admin in users::all(tx)?.iter().filter(|u| u.active && u.user_type == UserType::Admin) {
        // Once is enough until it is read.
        if notifications::waits(tx, admin.id, text)? {
            continue;
        }
        let new =
            NewNotification { user_id: admin.id, kind: NotificationKind::Alert, parent: None, email_id: None, text };
        notifications::add(tx, new, false, world.now)?;
    }
    Ok(())
}

/// The mail for which a case is given to somebody.
#[derive(Debug, Clone, Copy)]
pub struct Cause {
    pub email_id: i64,
    /// What its age counts from (B8.6).
    pub sent_at: Timestamp,
}

/// Who gives a case to somebody.
#[derive(Debug, Clone, Copy)]
pub enum By {
    /// A user, or the administrator.
    Hand(Option<i64>),
    /// Distribution or a filter, for this mail, or because somebody called for it.
    Rule(Option<Cause>),
}

/// Tells a user that a case is theirs: a notification, and a notice by e-mail where they want it at once, unless the
/// mail that led to an automatic assignment is addressed to them (B7.4). Nobody is told for the sake of old mail (B7.2).
pub fn assigned(tx: &Tx<'_>, world: &World<'_>, case: &Case, user_id: i64, by: By) -> Result<()> {
    let Some(user) = users::by_id(tx, user_id)? else { return Ok(()) };
    let By::Rule(Some(mail)) = by else { return tell_assigned(tx, world, case, &user, by).map(drop) };
    let why = if is_old(world, mail.sent_at) {
        format!("nobody of the assignment: {OLD}")
    } else if tell_assigned(tx, world, case, &user, by)? {
        format!("{}, of the assignment", user.username)
    } else {
        format!("nobody of the assignment: the rights or settings of {}", user.username)
    };
    emails::decide(tx, mail.email_id, "notified", &why, world.now)
}

fn tell_assigned(tx: &Tx<'_>, world: &World<'_>, case: &Case, user: &User, by: By) -> Result<bool> {
    let parent = Some(Parent::case(case.id));
    let text = format!("#{} {}: assigned to you", case.number, case.name);
    let new =
        NewNotification { user_id: user.id, kind: NotificationKind::Assigned, parent, email_id: None, text: &text };
    let notice = Notice {
        parent,
        email: None,
        subject: format!("[#{}] assigned to you: {}", case.number, case.name),
        text: case.description.clone(),
        account_id: case.account_id,
    };
    let newest = if matches!(by, By::Rule(_)) { emails::newest_of_case(tx, case.id)? } else { None };
    if newest.as_ref().is_some_and(|email| world.is_before_restore(email.received_at)) {
        return list(tx, world, user, new);
    }
    // They have it from the customer already.
    let has_it = newest.map_or(Ok(false), |email| is_addressed(tx, email.id, user))?;
    tell(tx, world, user, new, (!has_it).then_some(&notice))
}

/// Tells those who have to act that a case is not snoozed any more (B5.12).
pub fn woken(tx: &Tx<'_>, world: &World<'_>, case: &Case) -> Result<()> {
    let (parent, kind) = (Some(Parent::case(case.id)), NotificationKind::Woken);
    let text = format!("#{} {}: snoozed until now, open again", case.number, case.name);
    let notice = Notice {
        parent,
        email: None,
        subject: format!("[#{}] snoozed until now: {}", case.number, case.name),
        text: String::new(),
        account_id: case.account_id,
    };
    for user in responsible(tx, case, world.now)? {
        let new = NewNotification { user_id: user.id, kind, parent, email_id: None, text: &text };
        tell(tx, world, &user, new, Some(&notice))?;
    }
    Ok(())
}

/// Tells a user that another record than a case is theirs.
pub fn record_assigned(tx: &Tx<'_>, world: &World<'_>, record: Parent, user: &User) -> Result<()> {
    let (kind, parent, text) = (NotificationKind::Assigned, Some(record), records::label(tx, record)?);
    let subject = format!("{text}: assigned to you");
    let new = NewNotification { user_id: user.id, kind, parent, email_id: None, text: &subject };
    let notice = Notice { parent, email: None, subject: subject.clone(), text: String::new(), account_id: None };
    tell(tx, world, user, new, Some(&notice))?;
    Ok(())
}

fn is_addressed(tx: &Tx<'_>, email_id: i64, user: &User) -> Result<bool> {
    let mut addressed = emails::addresses(tx, email_id, Field::To)?;
    addressed.extend(emails::addresses(tx, email_id, Field::Cc)?);
    Ok(addressed.iter().any(|mailbox| user.addresses.contains(&mailbox.address)))
}
