//! Mail on its way into a case (B5). [`super::opening`] makes cases, [`super::follow_up`] says what later mail does to one.

use anyhow::Result;
use jiff::Timestamp;

use super::bounces::Report;
use super::filter::Filtered;
use super::notify::{self, Arrival, Cause};
use super::people;
use super::sender::Sender;
use super::world::World;
use crate::mail::reading::Reading;
use crate::store::cases::{self, Case, Role};
use crate::store::db::Tx;
use crate::store::records::Parent;
use crate::store::stream::{self, NewNote, NoteKind};
use crate::store::{emails, users};

/// The longest description of a case, in characters.
pub const DESCRIPTION_MAX: usize = 64_000;

/// An email on its way into a case.
pub struct Mail<'a> {
    pub email_id: i64,
    pub message: &'a Reading,
    /// Who wrote it.
    pub sender: &'a Sender,
    /// Why it is machine mail; empty = written by a person.
    pub automatic: &'a str,
    /// What its age counts from (B8.6).
    pub sent_at: Timestamp,
    /// INTERNALDATE: the sender cannot choose it.
    pub received_at: Timestamp,
    /// Attached by somebody who takes part.
    pub verified: bool,
    /// What it reports about our mail.
    pub report: Report,
    /// The account that delivered it.
    pub account_id: i64,
    /// Only those who have it in a folder of their own may read it (B6.1).
    pub private: bool,
    /// What filters say about it.
    pub filtered: &'a Filtered<'a>,
}

impl Mail<'_> {
    /// Whether no person wrote it, or it reports on a delivery: nobody is told of it but of failures (B7.2).
    pub fn is_by_machine(&self) -> bool {
        !self.automatic.is_empty() || self.report != Report::None
    }

    /// Whether it counts as automatic for the words of its subject alone, so that somebody has to look at it.
    pub fn is_doubtful(&self) -> bool {
        self.message.doubtful && self.report == Report::None
    }

    /// What it is besides a letter, as notes say it.
    pub fn kind(&self) -> Option<String> {
        self.message.kind().filter(|_| self.is_by_machine())
    }

    /// What the stream of its case says besides its text: what a program wrote is shown as what it is, and nothing is to be
    /// decided about who takes part.
    pub fn remark(&self) -> Option<String> {
        let doubt = || (!self.verified).then(|| "unverified: the sender does not take part in this case".to_owned());
        self.kind().or_else(doubt)
    }

    /// As who gets its case is told of it.
    pub fn cause(&self) -> Cause {
        Cause { email_id: self.email_id, sent_at: self.sent_at }
    }

    /// As those who follow the record it was linked to are told of it.
    pub fn arrival(&self, parent: Parent) -> Arrival<'_> {
        let (sender, sent_at, account_id) = (self.sender, self.sent_at, Some(self.account_id));
        Arrival { parent, email_id: self.email_id, sender, sent_at, account_id, filtered: self.filtered }
    }
}

/// Links a mail to a case, shows it to the case's people, and tells the followers.
pub(super) fn join(tx: &Tx<'_>, world: &World<'_>, case: &Case, mail: &Mail<'_>) -> Result<()> {
    link(tx, world, case.id, mail)?;
    if mail.verified {
        tag(tx, world, case.id, mail)?;
    }
    if let Some(assignee) = case.assigned_user_id {
        emails::add_assignee(tx, mail.email_id, assignee)?;
        mail.filtered.sort_inboxes(tx, world, mail.email_id)?;
    }
    if mail.report == Report::Failure {
        let text = "who has to act was told of the failed delivery";
        return emails::decide(tx, mail.email_id, "notified", text, world.now);
    }
    let arrival = mail.arrival(Parent::case(case.id));
    if mail.is_doubtful() {
        return notify::set_aside(tx, world, case, &arrival);
    }
    if mail.is_by_machine() {
        return emails::decide(tx, mail.email_id, "notified", "nobody: machine mail", world.now);
    }
    if !mail.verified {
        emails::set_undecided(tx, mail.email_id, true)?;
        return notify::unverified(tx, world, case, &arrival);
    }
    let by_third_party = people::role(tx, world, case, mail.sender.address())? == Role::ThirdParty;
    if by_third_party || is_assignee_away(tx, world, case)? {
        return notify::set_aside(tx, world, case, &arrival);
    }
    notify::arrival(tx, world, &arrival)
}

fn is_assignee_away(tx: &Tx<'_>, world: &World<'_>, case: &Case) -> Result<bool> {
    let assignee = case.assigned_user_id.map(|id| users::by_id(tx, id)).transpose()?.flatten();
    Ok(assignee.is_some_and(|user| user.is_away(world.now)))
}

/// Gives a case the tags that filters have for a mail.
pub(super) fn tag(tx: &Tx<'_>, world: &World<'_>, case_id: i64, mail: &Mail<'_>) -> Result<()> {
    for (filter, tag) in mail.filtered.tags() {
        if cases::add_tag(tx, case_id, tag)? {
            let (parent, kind, text) = (Parent::case(case_id), NoteKind::Tagged, format!("tagged {tag}: {filter}"));
            stream::note(tx, NewNote { parent, kind, user_id: None, email_id: None, text: &text }, world.now)?;
        }
    }
    Ok(())
}

pub(super) fn link(tx: &Tx<'_>, world: &World<'_>, case_id: i64, mail: &Mail<'_>) -> Result<()> {
    attach(tx, case_id, mail.email_id, mail.verified)?;
    let text = mail.remark().unwrap_or_default();
    notify::email_note(tx, world, Parent::case(case_id), mail.email_id, mail.sender, &text)
}

/// Puts an email into a case and shows it to the case's teams.
pub(super) fn attach(tx: &Tx<'_>, case_id: i64, email_id: i64, verified: bool) -> Result<()> {
    emails::set_parent(tx, email_id, Parent::case(case_id), verified)?;
    cases::team_ids(tx, case_id)?.into_iter().try_for_each(|team| emails::add_team(tx, email_id, team))
}

pub(super) fn remark(tx: &Tx<'_>, world: &World<'_>, case_id: i64, email_id: Option<i64>, text: &str) -> Result<()> {
    let note = NewNote { parent: Parent::case(case_id), kind: NoteKind::Remark, user_id: None, email_id, text };
    stream::note(tx, note, world.now)?;
    Ok(())
}
