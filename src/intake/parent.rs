//! To which record an email belongs: the rules of B4, first hit wins.
//!
//! Nobody gets into a case by words alone. Our signed id is proof of having received our mail, not of being
//! somebody; a foreign id, a shared reference or a number in the subject counts only for somebody who takes part.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use anyhow::Result;
use jiff::Timestamp;

use super::sender::Sender;
use super::world::World;
use super::{bounces, people};
use crate::access::{self, Subject};
use crate::mail::address;
use crate::mail::message_id::SignedId;
use crate::mail::reading::Reading;
use crate::store::cases::{self, Case, Role};
use crate::store::db::Tx;
use crate::store::emails::{self, Email};
use crate::store::permissions::Permission;
use crate::store::records::{self, Known, Parent, ParentType};
use crate::store::sight::{Object, Sight};

/// What was found, with the reason.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The record; a merged case has been replaced by the one that lives on.
    pub parent: Option<Parent>,
    /// False where a signed id was used by somebody who does not take part (B4.10).
    pub verified: bool,
    /// One line for `email explain`.
    pub reason: String,
    /// Notes for a new case: "refers to #N", "mentions #N".
    pub remarks: Vec<String>,
}

impl Found {
    /// The case that was found.
    pub fn case_id(&self) -> Option<i64> {
        self.parent.filter(|parent| parent.kind == ParentType::Case).map(|parent| parent.id)
    }
}

/// Ids the message refers to: In-Reply-To, then References from newest to oldest (B4.2).
fn ids(message: &Reading) -> impl Iterator<Item = &String> {
    message.in_reply_to.iter().chain(message.references.iter().rev())
}

/// Whether a message refers to no earlier one.
pub fn opens_thread(message: &Reading) -> bool {
    ids(message).next().is_none()
}

/// Finds the parent of a message. `subject_tags` allows rule B4.5 (group accounts with create-case).
pub fn find(tx: &Tx<'_>, world: &World<'_>, sender: &Sender, message: &Reading, subject_tags: bool) -> Result<Found> {
    if let Some(found) = by_report(tx, world, message)? {
        return Ok(found);
    }
    let mut search = Search { tx, world, sender, nearer: Vec::new(), remarks: Vec::new(), asked: RefCell::default() };
    let mut found = match search.by_ids(message)? {
        None => search.by_ghost(message)?,
        hit => hit,
    };
    if found.is_none() {
        found = search.by_reply_address(message)?;
    }
    if found.is_none() {
        found = search.by_event(message)?;
    }
    if found.is_none() && subject_tags {
        found = search.by_subject(message)?;
    }
    if found.is_none() {
        found = by_records(tx, world, sender, message)?;
    }
    Ok(match found {
        Some(found) => Found { remarks: search.remarks, ..found },
        None => Found { parent: None, verified: true, reason: search.nothing(), remarks: search.remarks },
    })
}

/// B4.1: where our mail is that a report is about. A mail system takes no part in a case by that, so it need not
/// prove who it is.
fn by_report(tx: &Tx<'_>, world: &World<'_>, message: &Reading) -> Result<Option<Found>> {
    for id in bounces::ids(world, message) {
        if let Some(email) = emails::by_message_id(tx, &id)?.into_iter().find(Email::is_ours) {
            return by_reported(tx, &email);
        }
    }
    Ok(None)
}

fn by_reported(tx: &Tx<'_>, email: &Email) -> Result<Option<Found>> {
    let Some(parent) = email.parent else { return Ok(None) };
    let found = |parent, what: String| {
        let reason = format!("{what}, a report on our email {}", email.id);
        Ok(Some(Found { parent: Some(parent), verified: false, reason, remarks: Vec::new() }))
    };
    if parent.kind != ParentType::Case {
        return found(parent, format!("{} {}", parent.kind, parent.id));
    }
    let Some(case) = cases::by_id(tx, parent.id)? else { return Ok(None) };
    let case = cases::surviving(tx, case)?;
    found(Parent::case(case.id), format!("case #{}", case.number))
}

/// Cases that are looked at because their mail names the same unknown one.
const MAX_GHOSTS: usize = 100;
/// Mails of the sender that are looked at for an invitation, the newest first.
const MAX_INVITATIONS: i64 = 50;
/// Cases that the sender could not join, which are remembered.
const MAX_NEARER: usize = 50;

struct Search<'a, 't> {
    tx: &'a Tx<'t>,
    world: &'a World<'a>,
    sender: &'a Sender,
    /// Cases of the mails named so far that the sender could not join by them.
    nearer: Vec<Case>,
    remarks: Vec<String>,
    /// The sender's standing in cases that were asked about, by id and by whether our own id led there.
    asked: RefCell<HashMap<(i64, bool), Option<String>>>,
}

impl Search<'_, '_> {
    /// B4.2: every id in turn, signed ones and those of stored emails.
    fn by_ids(&mut self, message: &Reading) -> Result<Option<Found>> {
        for id in ids(message) {
            if let Some(signed) = self.world.signer.verify(id)
                && let Some(found) = self.by_signed(id, &signed)?
            {
                return Ok(Some(found));
            }
            for email in emails::by_message_id(self.tx, id)? {
                if let Some(found) = self.by_stored(&email, "reference to")? {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    /// Where our mail is now, which somebody may have corrected (B5.8); an id of no stored mail, such as the
    /// one of the whole thread, leads where its key says.
    fn by_signed(&mut self, id: &str, signed: &SignedId) -> Result<Option<Found>> {
        let ours = emails::by_message_id(self.tx, id)?.into_iter().find(Email::is_ours);
        let keyed = emails::by_key(self.tx, &signed.key)?;
        let parent = match (ours.as_ref().and_then(|email| email.parent), &keyed) {
            (Some(parent), _) => Some(parent),
            (None, Some(email)) => email.parent,
            // Taken out of its case: it does not lead there any more.
            (None, None) if ours.is_some() => None,
            (None, None) => cases::by_key(self.tx, &signed.key)?.map(|case| Parent::case(case.id)),
        };
        let Some(parent) = parent else { return Ok(None) };
        if parent.kind != ParentType::Case {
            let reason = format!("{} {}, by our signed id", parent.kind, parent.id);
            return Ok(Some(Found { parent: Some(parent), verified: true, reason, remarks: Vec::new() }));
        }
        let Some(case) = cases::by_id(self.tx, parent.id)? else { return Ok(None) };
        let named = cases::surviving(self.tx, case)?;
        let split_off = self.split_off(&named)?;
        let case = split_off.unwrap_or(named);
        Ok(Some(proven(&case, self.standing(&case, true)?, "our signed id")))
    }

    /// B4.4: our reply address with the signed tag of a case.
    fn by_reply_address(&mut self, message: &Reading) -> Result<Option<Found>> {
        let addressed = message.to.iter().chain(&message.cc).map(|mailbox| &mailbox.address);
        for address in addressed.chain(&message.delivered_to).take(100) {
            let mut own = self.world.accounts.iter().filter(|account| account.cases.plus_addressing);
            let tag = own.find_map(|account| address::plus_tag_of(address, &account.address));
            let Some(key) = tag.and_then(|tag| self.world.signer.verify_plus_tag(tag)) else { continue };
            if let Some(case) = cases::by_key(self.tx, &key)? {
                let case = cases::surviving(self.tx, case)?;
                return Ok(Some(proven(&case, self.standing(&case, true)?, "our signed reply address")));
            }
        }
        Ok(None)
    }

    /// The case of a nearer mail, where it was split off the one that a signed id names: the id of the old thread
    /// goes on standing in References, but the mail that is answered is elsewhere (B5.8).
    fn split_off(&self, named: &Case) -> Result<Option<Case>> {
        for near in &self.nearer {
            let mut origin = near.relates_to_id;
            for _ in 0..100 {
                match origin {
                    Some(id) if id == named.id => return Ok(Some(near.clone())),
                    Some(id) => origin = cases::by_id(self.tx, id)?.and_then(|case| case.relates_to_id),
                    None => break,
                }
            }
        }
        Ok(None)
    }

    /// B13.9: a change of an invitation, or the end of it, goes where the invitation of the same sender is.
    fn by_event(&mut self, message: &Reading) -> Result<Option<Found>> {
        let Some(event) = &message.event else { return Ok(None) };
        let theirs = emails::from_since(
            self.tx,
            self.sender.address(),
            Timestamp::UNIX_EPOCH,
            MAX_INVITATIONS,
            Sight::Everything,
        )?;
        for email in theirs.iter().filter(|email| email.parent.is_some() && !email.is_ours()) {
            let Ok(bytes) = emails::bytes(self.tx, email) else { continue };
            if Reading::parse(&bytes).event.as_ref() == Some(event)
                && let Some(found) = self.by_stored(email, "the invitation of")?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn by_stored(&mut self, email: &Email, by: &str) -> Result<Option<Found>> {
        let Some(parent) = email.parent else { return Ok(None) };
        let reason = |what: String, why: &str| format!("{what}, by {by} email {}; {why}", email.id);
        if parent.kind != ParentType::Case {
            let Some(why) = self.standing_with(parent)? else { return Ok(None) };
            let reason = reason(format!("{} {}", parent.kind, parent.id), &why);
            return Ok(Some(Found { parent: Some(parent), verified: true, reason, remarks: Vec::new() }));
        }
        let Some(case) = cases::by_id(self.tx, parent.id)? else { return Ok(None) };
        let case = cases::surviving(self.tx, case)?;
        match self.standing(&case, false)? {
            Some(why) => Ok(Some(Found {
                parent: Some(Parent::case(case.id)),
                verified: true,
                reason: reason(format!("case #{}", case.number), &why),
                remarks: Vec::new(),
            })),
            // One of our users, perhaps: the case shows what they write, marked, and somebody decides (B4.10).
            None if self.is_addressed_colleague(&case)? => {
                let by = format!("reference to email {}, by which one of our users was written to", email.id);
                Ok(Some(proven(&case, None, &by)))
            }
            None => {
                self.remark(format!("refers to #{}", case.number));
                if self.nearer.len() < MAX_NEARER && self.nearer.iter().all(|near| near.id != case.id) {
                    self.nearer.push(case);
                }
                Ok(None)
            }
        }
    }

    /// B4.3: an email of a case that came before this one and names it, or names the same unknown mail. Naming a thread
    /// first must not capture mail of those whom a stranger put into To or Cc, so the sender must have written in the
    /// case or been written to by us.
    fn by_ghost(&mut self, message: &Reading) -> Result<Option<Found>> {
        let unknown = ids(message).filter(|id| self.world.signer.verify(id).is_none());
        let names: Vec<&String> = message.message_id.iter().chain(unknown).take(50).collect();
        let mut looked_at = HashSet::new();
        for id in names {
            if Some(id) != message.message_id.as_ref() && !emails::by_message_id(self.tx, id)?.is_empty() {
                continue;
            }
            for email in emails::referring_to(self.tx, id)? {
                let Some(case_id) = email.case_id().filter(|id| looked_at.len() < MAX_GHOSTS && looked_at.insert(*id))
                else {
                    continue;
                };
                let Some(case) = cases::by_id(self.tx, case_id)? else { continue };
                let case = cases::surviving(self.tx, case)?;
                if let Some(why) = self.standing(&case, false)?
                    && self.has_been_in(&case)?
                {
                    let reason = format!("case #{}, email {} refers to the same thread; {why}", case.number, email.id);
                    let parent = Some(Parent::case(case.id));
                    return Ok(Some(Found { parent, verified: true, reason, remarks: Vec::new() }));
                }
            }
        }
        Ok(None)
    }

    /// B4.5: `[#123]`, only from somebody with a standing in that case. An unknown number is ignored.
    fn by_subject(&mut self, message: &Reading) -> Result<Option<Found>> {
        for &number in &message.case_numbers {
            let Some(case) = cases::by_number(self.tx, number, Sight::Everything)? else { continue };
            let case = cases::surviving(self.tx, case)?;
            match self.standing(&case, false)? {
                Some(why) => {
                    let reason = format!("case #{}, by the number in the subject; {why}", case.number);
                    let parent = Some(Parent::case(case.id));
                    return Ok(Some(Found { parent, verified: true, reason, remarks: Vec::new() }));
                }
                None => self.remark(format!("mentions #{number}")),
            }
        }
        Ok(None)
    }

    /// Why the sender may join a case: takes part in it (B4.9), or is one of our users, is proven (B4.11) and may write in
    /// it (B11). `by_our_id`: an id or address that we signed led to the case.
    fn standing(&self, case: &Case, by_our_id: bool) -> Result<Option<String>> {
        // A mail may name hundreds of one case.
        if let Some(known) = self.asked.borrow().get(&(case.id, by_our_id)) {
            return Ok(known.clone());
        }
        let found = self.find_standing(case, by_our_id)?;
        self.asked.borrow_mut().insert((case.id, by_our_id), found.clone());
        Ok(found)
    }

    fn find_standing(&self, case: &Case, by_our_id: bool) -> Result<Option<String>> {
        if let Some(user) = self.sender.verified_user() {
            let subject = Subject::Object(Object::Record(Parent::case(case.id)));
            let may = case.requester_user_id == Some(user.id)
                || access::reaches(self.tx, user, Permission::to_edit(ParentType::Case), subject)?;
            return Ok(may.then(|| format!("the sender is our user {}", user.username)));
        }
        if self.sender.in_sent {
            return Ok(Some("it lies in our Sent folder".to_owned()));
        }
        let Some(address) = self.sender.standing_address(self.world, by_our_id) else { return Ok(None) };
        let role = people::role(self.tx, self.world, case, address)?;
        Ok(people::rights(role).joins.then(|| match role {
            Role::Customer => "the sender is its customer".to_owned(),
            Role::Copied => "the sender takes part in it, copied".to_owned(),
            _ => format!("the sender takes part in it as a {role}"),
        }))
    }

    /// Why the sender may join the thread of a company, contact, lead or opportunity: it is their own, or we wrote to them
    /// about it.
    fn standing_with(&self, record: Parent) -> Result<Option<String>> {
        if let Some(user) = self.sender.verified_user() {
            let subject = Subject::Object(Object::Record(record));
            let may = access::reaches(self.tx, user, Permission::to_edit(record.kind), subject)?;
            return Ok(may.then(|| format!("the sender is our user {}", user.username)));
        }
        if self.sender.in_sent {
            return Ok(Some("it lies in our Sent folder".to_owned()));
        }
        let Some(address) = self.sender.standing_address(self.world, false) else { return Ok(None) };
        if records::is_of(self.tx, record, address)? {
            return Ok(Some("the sender belongs to it".to_owned()));
        }
        Ok(cases::was_written_to(self.tx, record, address)?.then(|| "we wrote to the sender about it".to_owned()))
    }

    /// Whether the sender wrote in the case, or was written to by us there.
    fn has_been_in(&self, case: &Case) -> Result<bool> {
        if self.sender.in_sent || self.sender.verified_user().is_some() {
            return Ok(true);
        }
        let address = self.sender.address();
        Ok(cases::wrote_verified(self.tx, case.id, address)?
            || cases::was_written_to(self.tx, Parent::case(case.id), address)?)
    }

    /// Whether the sender bears the address of a user, unproven, that a mail of the case was to.
    fn is_addressed_colleague(&self, case: &Case) -> Result<bool> {
        let claimed = self.sender.claimed_user().is_some();
        Ok(claimed && cases::was_addressed(self.tx, case.id, self.sender.address())?)
    }

    /// That nothing was found, and where the sender may not join what they refer to.
    fn nothing(&self) -> String {
        let why = match self.sender.verified_user() {
            Some(user) => format!(", where user {} cannot write", user.username),
            None => ", where the sender has no part".to_owned(),
        };
        self.remarks.iter().fold("none found".to_owned(), |told, remark| format!("{told}; {remark}{why}"))
    }

    fn remark(&mut self, remark: String) {
        if self.remarks.len() < MAX_NEARER && !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }
}

/// A case that our own signature leads to: a sender without a standing in it is attached unverified (B4.10).
fn proven(case: &Case, standing: Option<String>, by: &str) -> Found {
    let why = standing.as_deref().unwrap_or("unverified: the sender does not take part in it");
    let reason = format!("case #{}, by {by}; {why}", case.number);
    Found { parent: Some(Parent::case(case.id)), verified: standing.is_some(), reason, remarks: Vec::new() }
}

/// B4.6: a record by the person who writes, then the first Reply-To, then the first To that is not our own. Behind a
/// stranger's form nobody is known, and Reply-To of mail that is not believed is not used.
fn by_records(tx: &Tx<'_>, world: &World<'_>, sender: &Sender, message: &Reading) -> Result<Option<Found>> {
    let author = Some(&sender.author.person).filter(|_| sender.is_linked());
    let reply_to = message.reply_to.first().filter(|_| sender.is_known());
    let to = message.to.iter().find(|m| !world.is_own(&m.address));
    for mailbox in [author, reply_to, to].into_iter().flatten() {
        if let Some(parent) = record_of(tx, world, &mailbox.address)? {
            let name = records::name(tx, parent)?.unwrap_or_default();
            let reason = format!("{} {name}, by the address {}", parent.kind, mailbox.address);
            return Ok(Some(Found { parent: Some(parent), verified: true, reason, remarks: Vec::new() }));
        }
    }
    Ok(None)
}

fn record_of(tx: &Tx<'_>, world: &World<'_>, address: &str) -> Result<Option<Parent>> {
    let of = |kind, id| Some(Parent { kind, id });
    let contact = match records::whose(tx, address)? {
        None => return Ok(None),
        Some(Known::Company(company)) => return Ok(of(ParentType::Company, company)),
        Some(Known::Lead(lead)) => return Ok(Some(lead)),
        Some(Known::Contact(contact)) => contact,
    };
    let company = contact.company_id.filter(|_| !world.config.b2c);
    let Some(company) = company else { return Ok(of(ParentType::Contact, contact.id)) };
    let open = if world.config.link_opportunity { records::open_opportunities(tx, company)? } else { Vec::new() };
    Ok(match open.as_slice() {
        [only] => of(ParentType::Opportunity, *only),
        _ => of(ParentType::Company, company),
    })
}
