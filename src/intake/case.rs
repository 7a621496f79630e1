//! Email-to-case (B5): the first mail of a thread makes a case, every later one joins it.

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};

use super::assign::{self, Assignment};
use super::notify::{self, Arrival};
use super::parent::{self, Sender};
use super::world::{self, World};
use crate::mail::address::Mailbox;
use crate::mail::forward::{self, Forwarded};
use crate::mail::message::Message;
use crate::mail::message_id;
use crate::mail::text;
use crate::store::accounts::{Account, AutoMail, Distribution, OnClosed, StaffForward};
use crate::store::cases::{self, Case, CaseStatus, NewCase, Priority, WaitingFor};
use crate::store::db::Tx;
use crate::store::records::{self, Parent, ParentType};
use crate::store::stream::{self, NewNote, NoteKind};
use crate::store::{accounts, emails, instance, users};

/// The longest description of a case, in characters.
pub const DESCRIPTION_MAX: usize = 64_000;

/// An email on its way into a case.
pub struct Mail<'a> {
    /// Email id.
    pub email_id: i64,
    /// The message.
    pub message: &'a Message,
    /// Who wrote it.
    pub sender: &'a Sender,
    /// Why it is machine mail; empty = written by a person.
    pub automatic: &'a str,
    /// The older of Date and INTERNALDATE.
    pub sent_at: Timestamp,
    /// INTERNALDATE: the sender cannot choose it.
    pub received_at: Timestamp,
    /// Attached by somebody who takes part.
    pub verified: bool,
    /// The account that delivered it.
    pub account_id: i64,
}

impl Mail<'_> {
    /// As those who follow the record it was linked to are told of it.
    pub fn arrival(&self, parent: Parent) -> Arrival<'_> {
        let (sender, sent_at, account_id) = (self.sender, self.sent_at, Some(self.account_id));
        Arrival { parent, email_id: self.email_id, sender, sent_at, account_id }
    }
}

/// What an answer does to the status of its case (B5.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The status stays.
    Nothing,
    /// The case is open again, or no longer pending.
    Open,
    /// A new case that relates to the old one.
    NewCase,
}

/// The effect of a verified customer's mail on a case that was closed so long ago.
pub fn answer(status: CaseStatus, policy: OnClosed, closed_for: SignedDuration) -> Answer {
    match (status, policy) {
        (CaseStatus::New | CaseStatus::Assigned | CaseStatus::Rejected, _) => Answer::Nothing,
        (CaseStatus::Pending, _) => Answer::Open,
        (_, OnClosed::Reopen) => Answer::Open,
        (_, OnClosed::New) => Answer::NewCase,
        (_, OnClosed::ReopenWithin(days)) => {
            if closed_for <= SignedDuration::from_hours(24 * i64::from(days)) {
                Answer::Open
            } else {
                Answer::NewCase
            }
        }
    }
}

/// The account that owns the case: the first addressed create-case account in To, then Cc; else the one
/// that delivered (B5.2).
pub fn owner<'w>(world: &'w World<'_>, delivering: &'w Account, message: &Message) -> &'w Account {
    message.to.iter().chain(&message.cc).find_map(|m| world.case_account(&m.address)).unwrap_or(delivering)
}

/// Runs the case flow for an email without a case: a new case, one of a burst, or none with the reason.
pub fn open_or_archive(
    tx: &Tx<'_>,
    world: &World<'_>,
    account: &Account,
    mail: &Mail<'_>,
    relates_to: Option<&Case>,
    remarks: &[String],
) -> Result<Option<Case>> {
    if !mail.automatic.is_empty() && account.auto_mail == AutoMail::Archive {
        let why = format!("none: archived as machine mail ({})", mail.automatic);
        emails::decide(tx, mail.email_id, "case", &why, world.now)?;
        return Ok(None);
    }
    let mut opening = Opening { relates_to, remarks, ..Opening::of(world, mail) };
    if let Some(forwarded) = forwarded_by_staff(tx, world, account, mail)? {
        opening = opening.customers(forwarded);
    }
    if let Some(case) = burst(tx, world, account, &opening.requester)? {
        let address = &opening.requester.address;
        let why = format!("#{}: more than case_burst new cases in an hour from {address}", case.number);
        emails::decide(tx, mail.email_id, "case", &why, world.now)?;
        remark(tx, world, case.id, Some(mail.email_id), "joined here: too many new cases in an hour from this sender")?;
        join(tx, world, &case, mail)?;
        return Ok(None);
    }
    open(tx, world, account, mail, &opening).map(Some)
}

/// What a new case begins with.
struct Opening<'a> {
    /// Whom it is for.
    requester: Mailbox,
    name: String,
    text: String,
    /// One of our users forwarded it for the requester (B5.7).
    via_staff: bool,
    relates_to: Option<&'a Case>,
    remarks: &'a [String],
}

impl Opening<'_> {
    fn of(world: &World<'_>, mail: &Mail<'_>) -> Self {
        Opening {
            requester: parent::requester(world, mail.message).cloned().unwrap_or_default(),
            name: mail.message.subject.clone(),
            text: mail.message.text.clone(),
            via_staff: false,
            relates_to: None,
            remarks: &[],
        }
    }

    /// The case is the customer's, as if the forwarded mail had come from them.
    fn customers(self, forwarded: Forwarded) -> Self {
        let name = if forwarded.subject.is_empty() { self.name } else { forwarded.subject };
        Opening { requester: forwarded.from, name, text: forwarded.text, via_staff: true, ..self }
    }
}

/// B5.7: the customer's mail that a verified user forwards, as far as the account's policy believes it.
fn forwarded_by_staff(tx: &Tx<'_>, world: &World<'_>, account: &Account, mail: &Mail<'_>) -> Result<Option<Forwarded>> {
    if mail.sender.verified_user().is_none() {
        return Ok(None);
    }
    let forwarded = match account.staff_forward {
        StaffForward::All => forward::read(mail.message),
        StaffForward::Attached => forward::read_attached(mail.message),
        StaffForward::Off => None,
    };
    let Some(forwarded) = forwarded.filter(|forwarded| !world.is_own(&forwarded.from.address)) else {
        return Ok(None);
    };
    let is_ours = users::by_address(tx, &forwarded.from.address)?.is_some();
    Ok((!is_ours).then_some(forwarded))
}

/// B5.9: the case that further mails of this sender join, once there are too many of them.
fn burst(tx: &Tx<'_>, world: &World<'_>, account: &Account, requester: &Mailbox) -> Result<Option<Case>> {
    let limit = usize::try_from(world.config.case_burst)?;
    if limit == 0 || requester.address.is_empty() {
        return Ok(None);
    }
    let hour_ago = world.now - SignedDuration::from_hours(1);
    let recent = cases::opened_by(tx, account.id, &requester.address, hour_ago)?;
    if recent.len() < limit {
        return Ok(None);
    }
    // Nobody looks into one that is closed: then the next mail opens the case that further ones join.
    let Some(case) = recent.into_iter().find(|case| case.status.is_open()) else { return Ok(None) };
    let told = format!(
        "account {}: {} opened {limit} cases within an hour; further mails join #{}",
        account.name, requester.address, case.number
    );
    if !stream::notes(tx, Parent::case(case.id))?.iter().any(|note| note.kind == NoteKind::Remark && note.text == told)
    {
        remark(tx, world, case.id, None, &told)?;
        notify::tell_admins(tx, world, &told)?;
    }
    Ok(Some(case))
}

/// Makes a case of an email (B5.4), assigns it, and links what referred to it before it came.
fn open(tx: &Tx<'_>, world: &World<'_>, account: &Account, mail: &Mail<'_>, opening: &Opening<'_>) -> Result<Case> {
    let Opening { requester, relates_to, .. } = opening;
    let makes_contact = account.create_contact || opening.via_staff;
    let who = people(tx, world, requester, makes_contact.then_some(account))?;
    let number = instance::take_case_number(tx)?;
    let user = mail.sender.verified_user();
    let new = NewCase {
        number,
        key: &message_id::new_key(world::random()?),
        name: if opening.name.is_empty() { "(no subject)" } else { &opening.name },
        description: &text::first_lines(&opening.text, DESCRIPTION_MAX),
        priority: if mail.message.high_importance { Priority::High } else { Priority::Normal },
        case_type: "",
        company_id: who.company_id,
        contact_id: who.contact_id,
        lead_id: who.lead_id,
        account_id: Some(account.id),
        requester_user_id: user.filter(|_| !opening.via_staff).map(|u| u.id),
        relates_to_id: relates_to.map(|c| c.id),
    };
    let id = cases::add(tx, &new, world.now)?;
    for team in account.case_teams() {
        cases::add_team(tx, id, team)?;
    }
    let made = format!("by mail from {} to account {}", requester.address, account.name);
    let note =
        NewNote { parent: Parent::case(id), kind: NoteKind::Created, user_id: None, email_id: None, text: &made };
    stream::note(tx, note, world.now)?;
    if let Some(old) = relates_to {
        remark(tx, world, id, None, &format!("relates to #{}, which was {}", old.number, old.status))?;
    }
    for text in opening.remarks {
        remark(tx, world, id, Some(mail.email_id), text)?;
    }
    if mail.sender.is_forged() {
        remark(tx, world, id, Some(mail.email_id), "the sender fails DMARC: the address may be forged")?;
    }
    if let Some(user) = user.filter(|_| opening.via_staff) {
        remark(tx, world, id, Some(mail.email_id), &format!("forwarded for {requester} by {}", user.username))?;
    }
    if let Some(user) = user {
        stream::follow(tx, Parent::case(id), user.id)?;
    }
    link(tx, world, id, mail)?;
    link_earlier(tx, world, id, mail)?;
    cases::set_waiting(tx, id, WaitingFor::Us, Some(mail.received_at), world.now)?;
    let why = format!("#{number}, new: first mail of its thread, account {}", account.name);
    emails::decide(tx, mail.email_id, "case", &why, world.now)?;
    let assigned = match assign::distribute(tx, world, account, id)? {
        Assignment::To(user_id, reason) => {
            let user = users::by_id(tx, user_id)?.context("the assignee vanished")?;
            emails::add_user(tx, mail.email_id, user_id, false)?;
            format!("{} ({reason})", user.username)
        }
        Assignment::Nobody(reason) => format!("nobody: {reason}"),
    };
    emails::decide(tx, mail.email_id, "assigned", &assigned, world.now)?;
    cases::by_id(tx, id)?.context("the new case vanished")
}

/// Whom a case is for.
#[derive(Debug, Default)]
pub struct People {
    /// Contact.
    pub contact_id: Option<i64>,
    /// Company.
    pub company_id: Option<i64>,
    /// Lead.
    pub lead_id: Option<i64>,
}

/// The contact, company or lead a case is for, by the requester's address. An unknown sender becomes a contact of
/// `new_contact`, the account whose case teams see it.
pub fn people(tx: &Tx<'_>, world: &World<'_>, requester: &Mailbox, new_contact: Option<&Account>) -> Result<People> {
    let address = &requester.address;
    if let Some(contact) = records::contact_by_address(tx, address)? {
        return Ok(People { contact_id: Some(contact.id), company_id: contact.company_id, lead_id: None });
    }
    if let Some(company) = records::company_by_address(tx, address)? {
        return Ok(People { company_id: Some(company), ..People::default() });
    }
    if let Some(lead) = records::lead_by_address(tx, address)? {
        let id = |kind| Some(lead.id).filter(|_| lead.kind == kind);
        let (contact_id, company_id, lead_id) =
            (id(ParentType::Contact), id(ParentType::Company), id(ParentType::Lead));
        return Ok(People { contact_id, company_id, lead_id });
    }
    if let Some(account) = new_contact.filter(|_| !address.is_empty() && !world.is_own(address)) {
        let name = if requester.name.is_empty() { address } else { &requester.name };
        return Ok(People {
            contact_id: Some(records::add_contact(tx, name, address, &account.case_teams(), world.now)?),
            ..People::default()
        });
    }
    Ok(People::default())
}

/// Stored emails without a case that name this one belong to its case (B5.4).
fn link_earlier(tx: &Tx<'_>, world: &World<'_>, case_id: i64, mail: &Mail<'_>) -> Result<()> {
    let Some(id) = &mail.message.message_id else { return Ok(()) };
    for email in emails::referring_to(tx, id)? {
        if email.case_id().is_none() && email.id != mail.email_id && email.automatic.is_empty() {
            attach(tx, case_id, email.id, false)?;
            let text = "came before the mail it answers; unverified";
            let parent = Parent::case(case_id);
            let (kind, user_id, email_id) = (NoteKind::EmailReceived, None, Some(email.id));
            stream::note(tx, NewNote { parent, kind, user_id, email_id, text }, world.now)?;
            emails::decide(tx, email.id, "case", "linked when the mail it answers made one", world.now)?;
        }
    }
    Ok(())
}

/// A later mail of a case (B5.6). Gives the new case where the policy of a closed one asks for that.
pub fn follow_up(tx: &Tx<'_>, world: &World<'_>, case: &Case, mail: &Mail<'_>) -> Result<Option<Case>> {
    let account = case.account_id.map(|id| accounts::by_id(tx, id)).transpose()?.flatten();
    let customer = speaks_as_customer(case, mail);
    let effect = if customer { effect(world, case, account.as_ref()) } else { Answer::Nothing };
    if let (Answer::NewCase, Some(account)) = (effect, &account) {
        let opening = Opening { relates_to: Some(case), ..Opening::of(world, mail) };
        return open(tx, world, account, mail, &opening).map(Some);
    }
    join(tx, world, case, mail)?;
    if customer {
        customer_wrote(tx, world, case, effect, mail.email_id, mail.received_at)?;
    }
    if let Some(account) = &account {
        redistribute(tx, world, account, case, mail)?;
    }
    Ok(None)
}

/// What verified mail of a customer does to a case now, by the policy of the account it came by.
pub fn effect(world: &World<'_>, case: &Case, account: Option<&Account>) -> Answer {
    let policy = account.map_or(OnClosed::Reopen, |a| a.on_closed);
    answer(case.status, policy, world.now.duration_since(case.closed_at.unwrap_or(world.now)))
}

/// Moves the status of a case that a customer wrote to, and makes it wait for us (B5.6, B5.10).
pub fn customer_wrote(
    tx: &Tx<'_>,
    world: &World<'_>,
    case: &Case,
    effect: Answer,
    email_id: i64,
    received_at: Timestamp,
) -> Result<()> {
    if effect == Answer::Open {
        let status = if case.assigned_user_id.is_some() { CaseStatus::Assigned } else { CaseStatus::New };
        cases::set_status(tx, case.id, status, world.now)?;
        let text = format!("{} -> {status}: the customer wrote", case.status);
        let parent = Parent::case(case.id);
        let kind = NoteKind::Status;
        let note = NewNote { parent, kind, user_id: None, email_id: Some(email_id), text: &text };
        stream::note(tx, note, world.now)?;
        emails::decide(tx, email_id, "status", &text, world.now)?;
    }
    let since = case.waiting_since.filter(|_| case.waiting_for == WaitingFor::Us).unwrap_or(received_at);
    cases::set_waiting(tx, case.id, WaitingFor::Us, Some(since), world.now)
}

/// Only verified mail of a person who is not one of us, or is the requester, changes a status.
fn speaks_as_customer(case: &Case, mail: &Mail<'_>) -> bool {
    let user = mail.sender.verified_user().map(|u| u.id);
    mail.verified
        && mail.automatic.is_empty()
        && !mail.sender.is_forged()
        && (user.is_none() || user == case.requester_user_id)
}

/// Links a mail to a case, shows it to the case's people, and tells the followers.
fn join(tx: &Tx<'_>, world: &World<'_>, case: &Case, mail: &Mail<'_>) -> Result<()> {
    link(tx, world, case.id, mail)?;
    if let Some(assignee) = case.assigned_user_id {
        emails::add_user(tx, mail.email_id, assignee, false)?;
    }
    notify::arrival(tx, world, &mail.arrival(Parent::case(case.id)))
}

fn link(tx: &Tx<'_>, world: &World<'_>, case_id: i64, mail: &Mail<'_>) -> Result<()> {
    attach(tx, case_id, mail.email_id, mail.verified)?;
    let parent = Parent::case(case_id);
    let text = if mail.verified { "" } else { "unverified: the sender does not take part in this case" };
    notify::email_note(tx, world, parent, mail.email_id, mail.sender, text)
}

/// Puts an email into a case and shows it to the case's teams.
fn attach(tx: &Tx<'_>, case_id: i64, email_id: i64, verified: bool) -> Result<()> {
    emails::set_parent(tx, email_id, Parent::case(case_id), verified)?;
    cases::team_ids(tx, case_id)?.into_iter().try_for_each(|team| emails::add_team(tx, email_id, team))
}

/// Distribution runs again where the assignee cannot act any more (B5.6).
fn redistribute(tx: &Tx<'_>, world: &World<'_>, account: &Account, case: &Case, mail: &Mail<'_>) -> Result<()> {
    let Some(user_id) = case.assigned_user_id else { return Ok(()) };
    let stays_closed = cases::by_id(tx, case.id)?.is_none_or(|case| !case.status.is_open());
    if stays_closed || account.distribution == Distribution::None {
        return Ok(());
    }
    let active = users::by_id(tx, user_id)?.is_some_and(|u| u.active);
    let in_team = match account.case_team_id {
        _ if account.distribution == Distribution::Direct => true,
        Some(team) => crate::store::teams::is_member(tx, team, user_id)?,
        None => true,
    };
    if active && in_team {
        return Ok(());
    }
    let text = match assign::distribute(tx, world, account, case.id)? {
        Assignment::To(id, reason) => format!("again: user {id} ({reason}), the assignee could not act any more"),
        Assignment::Nobody(reason) => format!("nobody: {reason}; the assignee could not act any more"),
    };
    emails::decide(tx, mail.email_id, "assigned", &text, world.now)
}

fn remark(tx: &Tx<'_>, world: &World<'_>, case_id: i64, email_id: Option<i64>, text: &str) -> Result<()> {
    let note = NewNote { parent: Parent::case(case_id), kind: NoteKind::Remark, user_id: None, email_id, text };
    stream::note(tx, note, world.now)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customers_answer_moves_the_status_by_policy() {
        let day = |n: i64| SignedDuration::from_hours(24 * n);
        let rows = [
            (CaseStatus::New, OnClosed::New, day(0), Answer::Nothing),
            (CaseStatus::Assigned, OnClosed::New, day(0), Answer::Nothing),
            (CaseStatus::Pending, OnClosed::New, day(0), Answer::Open),
            (CaseStatus::Closed, OnClosed::Reopen, day(900), Answer::Open),
            (CaseStatus::Duplicate, OnClosed::Reopen, day(1), Answer::Open),
            (CaseStatus::Closed, OnClosed::New, day(0), Answer::NewCase),
            (CaseStatus::Closed, OnClosed::ReopenWithin(7), day(7), Answer::Open),
            (CaseStatus::Closed, OnClosed::ReopenWithin(7), day(8), Answer::NewCase),
            (CaseStatus::Rejected, OnClosed::Reopen, day(0), Answer::Nothing),
        ];
        for (status, policy, closed_for, expected) in rows {
            assert_eq!(answer(status, policy, closed_for), expected, "{status} {policy} {closed_for}");
        }
    }
}
