//! A new case: by the first mail of a thread, for the person it is from or forwarded for (B5.4, B5.7, B5.9).

use anyhow::{Context, Result};
use jiff::SignedDuration;

use super::assign::{self, Assignment};
use super::case::{DESCRIPTION_MAX, Mail, attach, join, link, remark, tag};
pub use super::new_case::People;
use super::new_case::{self, Beginning};
use super::world::World;
use super::{notify, people};
use crate::mail::address::{self, Mailbox};
use crate::mail::automatic;
use crate::mail::forward::Forwarded;
use crate::mail::providers;
use crate::mail::text;
use crate::moment;
use crate::store::accounts::{Account, AutoMail, StaffForward};
use crate::store::cases::{self, Case, Priority, WaitingFor};
use crate::store::db::Tx;
use crate::store::records::{self, Known, Parent, ParentType};
use crate::store::stream::{self, NewNote, NoteKind};
use crate::store::{emails, outbox, users};

/// Runs the case flow for an email without a case: a new case, one of a burst, or none with the reason.
pub fn open_or_archive(
    tx: &Tx<'_>,
    world: &World<'_>,
    account: &Account,
    mail: &Mail<'_>,
    relates_to: Option<&Case>,
    remarks: &[String],
) -> Result<Option<Case>> {
    if let Some(filter) = mail.filtered.no_case() {
        let why = format!("none: archived, {filter} says no-case");
        emails::decide(tx, mail.email_id, "case", &why, world.now)?;
        return Ok(None);
    }
    if !mail.automatic.is_empty() && !mail.is_doubtful() && account.cases.auto_mail == AutoMail::Archive {
        let why = format!("none: archived as machine mail ({})", mail.automatic);
        emails::decide(tx, mail.email_id, "case", &why, world.now)?;
        return Ok(None);
    }
    if automatic::cancels_an_event(mail.message) && account.cases.auto_mail == AutoMail::Archive {
        let why = "none: archived, it cancels an event that no case of the sender is about";
        emails::decide(tx, mail.email_id, "case", why, world.now)?;
        return Ok(None);
    }
    let mut opening = Opening { relates_to, remarks, ..Opening::of(mail) };
    if let Some(forwarded) = forwarded_by_staff(tx, world, account, mail)? {
        opening = opening.customers(forwarded);
    }
    if let Some(case) = echoed(tx, world, account, mail)? {
        let why = format!("#{}: it repeats the subject of an automatic reply to this domain", case.number);
        emails::decide(tx, mail.email_id, "case", &why, world.now)?;
        join(tx, world, &case, &Mail { verified: false, ..*mail })?;
        return Ok(None);
    }
    if let Some((case, whose)) = burst(tx, world, account, mail)? {
        let why = format!("#{}: more than case_burst new cases in an hour from {whose}", case.number);
        emails::decide(tx, mail.email_id, "case", &why, world.now)?;
        remark(tx, world, case.id, Some(mail.email_id), "joined here: too many new cases in an hour from this sender")?;
        join(tx, world, &case, mail)?;
        return Ok(None);
    }
    open(tx, world, account, mail, &opening).map(Some)
}

/// What a new case begins with.
pub(super) struct Opening<'a> {
    /// Whom it is for.
    requester: Mailbox,
    name: String,
    text: String,
    /// One of our users forwarded it for the requester (B5.7).
    via_staff: bool,
    relates_to: Option<&'a Case>,
    /// It takes the place of the older case, with the people of that one.
    succeeds: bool,
    remarks: &'a [String],
}

impl<'a> Opening<'a> {
    /// As the mail says.
    pub(super) fn of(mail: &Mail<'_>) -> Opening<'a> {
        Opening {
            requester: mail.sender.author.person.clone(),
            name: mail.message.subject.clone(),
            text: mail.message.text.clone(),
            via_staff: false,
            relates_to: None,
            succeeds: false,
            remarks: &[],
        }
    }

    /// It takes the place of a closed case.
    pub(super) fn after(self, case: &'a Case) -> Opening<'a> {
        Opening { relates_to: Some(case), succeeds: true, ..self }
    }

    /// The case tells nothing of a mail that its teams may not read (B6.1).
    pub(super) fn private(self, case: &Case) -> Opening<'a> {
        Opening { name: format!("Answer to #{}", case.number), text: String::new(), ..self }
    }

    /// The case is the customer's, as if the forwarded mail had come from them.
    fn customers(self, forwarded: Forwarded) -> Opening<'a> {
        let name = if forwarded.subject.is_empty() { self.name } else { forwarded.subject };
        Opening { requester: forwarded.from, name, text: forwarded.text, via_staff: true, ..self }
    }
}

/// B5.7: the customer's mail that a verified user forwards, as far as the account's policy believes it.
fn forwarded_by_staff(tx: &Tx<'_>, world: &World<'_>, account: &Account, mail: &Mail<'_>) -> Result<Option<Forwarded>> {
    if mail.sender.verified_user().is_none() {
        return Ok(None);
    }
    let Some(forward) = mail.message.forward.as_deref() else { return Ok(None) };
    let forwarded = match account.cases.staff_forward {
        StaffForward::All => forward.meant(),
        StaffForward::Attached => forward.attached(),
        StaffForward::Off => None,
    };
    let Some(forwarded) = forwarded.filter(|forwarded| !world.is_own(&forwarded.from.address)) else {
        return Ok(None);
    };
    let is_ours = world.user(tx, &forwarded.from.address)?.is_some();
    Ok((!is_ours).then(|| forwarded.clone()))
}

/// B8.7: the case whose acknowledgement a mail echoes, as desks do that acknowledge each acknowledgement from a new
/// address: its subject repeats the whole subject of one that went to its domain within the day.
fn echoed(tx: &Tx<'_>, world: &World<'_>, account: &Account, mail: &Mail<'_>) -> Result<Option<Case>> {
    let domain = address::domain(mail.sender.address());
    if domain.is_empty() || providers::is_public(domain) {
        return Ok(None);
    }
    let day = moment::last(SignedDuration::from_hours(24), world.now);
    let subject = &mail.message.subject;
    for (acknowledged, case_id) in outbox::acknowledged(tx, account.id, domain, &day)? {
        if !acknowledged.trim().is_empty() && subject.contains(acknowledged.trim()) {
            let case = cases::by_id(tx, case_id)?.map(|case| cases::surviving(tx, case)).transpose()?;
            return Ok(case);
        }
    }
    Ok(None)
}

/// B5.9: the case that further mails of this sender join once there are too many of them, and who the sender is: From
/// together with Reply-To, or after ten times as many From alone. Mail of another verdict counts apart, so that forged
/// mail uses up nobody's share.
fn burst(tx: &Tx<'_>, world: &World<'_>, account: &Account, mail: &Mail<'_>) -> Result<Option<(Case, String)>> {
    let limit = usize::try_from(world.config.case_burst)?;
    if limit == 0 {
        return Ok(None);
    }
    let from = mail.message.from.first().cloned().unwrap_or_default();
    let hour = moment::last(SignedDuration::from_hours(1), world.now);
    let reply_to = mail.message.reply_to.first().map(|mailbox| mailbox.address.as_str()).unwrap_or_default();
    let of = cases::Opener { account_id: account.id, from: &from, verdict: mail.sender.verdict.label() };
    // Many programs write without an address: their name tells them apart.
    let name = match (from.address.is_empty(), from.name.is_empty()) {
        (false, _) => from.address.clone(),
        (true, false) => from.name.clone(),
        (true, true) => "nobody".to_owned(),
    };
    let mut whose = if reply_to.is_empty() { name.clone() } else { format!("{name} for {reply_to}") };
    // Those with this Reply-To are among them: most senders are known not to be one by this answer alone.
    let most = limit.saturating_mul(10);
    let of_from = cases::opened_by(tx, &of, None, &hour, most)?;
    if of_from.len() < limit {
        return Ok(None);
    }
    let mut recent = cases::opened_by(tx, &of, Some(reply_to), &hour, limit)?;
    if recent.len() < limit {
        if of_from.len() < most {
            return Ok(None);
        }
        recent = of_from;
        whose = name;
    }
    // Nobody looks into one that is closed: then the next mail opens the case that further ones join.
    let Some(case) = recent.into_iter().find(|case| case.status.is_open()) else { return Ok(None) };
    let told = format!(
        "account {}: {whose} opened too many cases within an hour; further mails join #{}",
        account.name, case.number
    );
    if !stream::has_remark(tx, Parent::case(case.id), &told)? {
        remark(tx, world, case.id, None, &told)?;
        notify::tell_admins(tx, world, &told)?;
    }
    Ok(Some((case, whose)))
}

/// Makes a case of an email (B5.4), assigns it, and links what referred to it before it came.
pub(super) fn open(
    tx: &Tx<'_>,
    world: &World<'_>,
    account: &Account,
    mail: &Mail<'_>,
    opening: &Opening<'_>,
) -> Result<Case> {
    let Opening { requester, relates_to, .. } = opening;
    let makes_contact =
        (account.cases.create_contact || opening.via_staff) && !mail.private && mail.sender.is_believed();
    // Behind a stranger's form nobody is known (B4.13).
    let predecessor = relates_to.filter(|_| opening.succeeds);
    let who = match predecessor {
        Some(old) => People { contact_id: old.contact_id, company_id: old.company_id, lead_id: old.lead_id },
        None if mail.sender.is_linked() => people(tx, world, requester, makes_contact.then_some(account))?,
        None => People::default(),
    };
    let user = mail.sender.verified_user();
    let usual = if mail.message.high_importance { Priority::High } else { Priority::Normal };
    let made = new_case::add(
        tx,
        world,
        &Beginning {
            name: &opening.name,
            description: &text::first_lines(&opening.text, DESCRIPTION_MAX),
            priority: mail.filtered.priority().unwrap_or(usual),
            case_type: mail.filtered.case_type(),
            people: who,
            account_id: Some(account.id),
            requester_user_id: match predecessor {
                Some(old) => old.requester_user_id,
                None => user.filter(|_| !opening.via_staff).map(|u| u.id),
            },
            relates_to_id: relates_to.map(|c| c.id),
            team_ids: account.case_teams().into_iter().chain(mail.filtered.team_ids()).collect(),
        },
    )?;
    let (id, number) = (made.id, made.number);
    let way = mail.sender.author.via.as_ref().filter(|via| via.address != requester.address);
    let way = way.map(|via| format!(" (by way of {})", via.address)).unwrap_or_default();
    let from = match mail.private {
        true => "an e-mail to one of us".to_owned(),
        false => format!("mail from {}{way}", requester.address),
    };
    let how = format!("by {from}, account {}", account.name);
    let note = NewNote { parent: Parent::case(id), kind: NoteKind::Created, user_id: None, email_id: None, text: &how };
    stream::note(tx, note, world.now)?;
    if let Some(old) = relates_to {
        remark(tx, world, id, None, &format!("relates to #{}, which was {}", old.number, old.status))?;
    }
    for text in opening.remarks {
        remark(tx, world, id, Some(mail.email_id), text)?;
    }
    if !mail.sender.is_believed() {
        let text = format!("the sender is not proven and can be forged: {}", mail.sender.verdict);
        remark(tx, world, id, Some(mail.email_id), &text)?;
    }
    if let Some(user) = user.filter(|_| opening.via_staff) {
        remark(tx, world, id, Some(mail.email_id), &format!("forwarded for {requester} by {}", user.username))?;
    }
    if let Some(user) = user {
        stream::follow(tx, Parent::case(id), user.id)?;
    }
    tag(tx, world, id, mail)?;
    link(tx, world, id, mail)?;
    link_earlier(tx, world, id, mail)?;
    introduce(tx, world, id, mail, opening)?;
    cases::set_waiting(tx, id, WaitingFor::Us, Some(mail.received_at), world.now)?;
    let why = format!("#{number}, new: first mail of its thread, account {}", account.name);
    emails::decide(tx, mail.email_id, "case", &why, world.now)?;
    let assigned = match assign::open(tx, world, account, id, mail.filtered.assignee(), mail.cause())? {
        Assignment::To(user_id, reason) => {
            let user = users::by_id(tx, user_id)?.context("the assignee vanished")?;
            emails::add_assignee(tx, mail.email_id, user_id)?;
            mail.filtered.sort_inboxes(tx, world, mail.email_id)?;
            format!("{} ({reason})", user.username)
        }
        Assignment::Nobody(reason) => format!("nobody: {reason}"),
    };
    emails::decide(tx, mail.email_id, "assigned", &assigned, world.now)?;
    cases::by_id(tx, id)?.context("the new case vanished")
}

/// Who takes part in a new case (B4.9): the customer, and those their mail is also to; what one of us forwards for them
/// was to us.
fn introduce(tx: &Tx<'_>, world: &World<'_>, case_id: i64, mail: &Mail<'_>, opening: &Opening<'_>) -> Result<()> {
    let case = cases::by_id(tx, case_id)?.context("the new case vanished")?;
    let written = (mail.sender, mail.message, mail.email_id);
    if let Some(old) = opening.relates_to.filter(|_| opening.succeeds) {
        // Its customer stays the same, even if another person of that side wrote now.
        cases::copy_people(tx, old.id, case.id)?;
        return people::wrote(tx, world, &case, written);
    }
    if opening.via_staff {
        return people::is_customer(tx, world, &case, &opening.requester, Some(mail.email_id));
    }
    people::opened(tx, world, &case, &opening.requester, written)
}

/// The contact, company or lead a case is for, by the requester's address. An unknown sender becomes a contact of
/// `new_contact`, the account whose case teams see it.
pub fn people(tx: &Tx<'_>, world: &World<'_>, requester: &Mailbox, new_contact: Option<&Account>) -> Result<People> {
    let address = &requester.address;
    match records::whose(tx, address)? {
        Some(Known::Contact(contact)) => {
            return Ok(People { contact_id: Some(contact.id), company_id: contact.company_id, lead_id: None });
        }
        Some(Known::Company(company)) => return Ok(People { company_id: Some(company), ..People::default() }),
        Some(Known::Lead(lead)) => {
            let id = |kind| Some(lead.id).filter(|_| lead.kind == kind);
            let (contact_id, company_id, lead_id) =
                (id(ParentType::Contact), id(ParentType::Company), id(ParentType::Lead));
            return Ok(People { contact_id, company_id, lead_id });
        }
        None => {}
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
            emails::set_undecided(tx, email.id, true)?;
            let text = "came before the mail it answers; unverified";
            let parent = Parent::case(case_id);
            let (kind, user_id, email_id) = (NoteKind::EmailReceived, None, Some(email.id));
            stream::note(tx, NewNote { parent, kind, user_id, email_id, text }, world.now)?;
            emails::decide(tx, email.id, "case", "linked when the mail it answers made one", world.now)?;
        }
    }
    Ok(())
}
