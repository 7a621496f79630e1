//! A later mail of a thread joins its case, and what that does to it (B5.2, B5.6).

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};

use super::assign::{self, Assignment};
use super::case::{Mail, join};
use super::opening::{self, Opening};
use super::people::{self, Written};
use super::waiting;
use super::world::World;
use crate::mail::reading::Reading;
use crate::store::accounts::{self, Account, Distribution, OnClosed};
use crate::store::cases::{self, Case, CaseStatus, WaitingFor};
use crate::store::db::Tx;
use crate::store::records::Parent;
use crate::store::stream::{self, NewNote, NoteKind};
use crate::store::users::{self, User};
use crate::store::{emails, teams};

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
pub fn owner<'w>(world: &'w World<'_>, delivering: &'w Account, message: &Reading) -> &'w Account {
    message.to.iter().chain(&message.cc).find_map(|m| world.case_account(&m.address)).unwrap_or(delivering)
}

/// A later mail of a case (B5.6). Gives the new case where the policy of a closed one asks for that.
pub fn follow_up(tx: &Tx<'_>, world: &World<'_>, case: &Case, mail: &Mail<'_>) -> Result<Option<Case>> {
    let account = case.account_id.map(|id| accounts::by_id(tx, id)).transpose()?.flatten();
    let customer = speaks_as_customer(tx, world, case, mail)?;
    let effect = if customer { effect(world, case, account.as_ref()) } else { Answer::Nothing };
    if let (Answer::NewCase, Some(account), None) = (effect, &account, mail.filtered.no_case()) {
        let opening = Opening::of(mail).after(case);
        let opening = if mail.private { opening.private(case) } else { opening };
        return opening::open(tx, world, account, mail, &opening).map(Some);
    }
    join(tx, world, case, mail)?;
    if mail.verified && mail.automatic.is_empty() {
        match mail.sender.verified_user().filter(|_| !customer) {
            Some(user) => colleague_wrote(tx, world, case, mail, user)?,
            None => people::wrote(tx, world, case, (mail.sender, mail.message, mail.email_id))?,
        }
    }
    if customer {
        customer_wrote(tx, world, case, effect, mail.email_id, mail.received_at)?;
    }
    if let Some(account) = &account {
        redistribute(tx, world, account, case, mail)?;
    }
    Ok(None)
}

/// Mail that one of us wrote by another program is our letter: its recipients get their roles by it, and the customer
/// waits no longer if it is to them (B4.9, B5.10).
fn colleague_wrote(tx: &Tx<'_>, world: &World<'_>, case: &Case, mail: &Mail<'_>, user: &User) -> Result<()> {
    let (to, cc) = (&mail.message.to, &mail.message.cc);
    people::written_to(tx, world, case, &Written { email_id: mail.email_id, to, cc, bcc: &[], typed: &[] })?;
    match waiting::answers_customer(tx, world, case, to.iter().chain(cc), Some(user.id))? {
        true => waiting::set(tx, world, case),
        false => Ok(()),
    }
}

/// What verified mail of a customer does to a case now, by the policy of the account it came by.
pub fn effect(world: &World<'_>, case: &Case, account: Option<&Account>) -> Answer {
    let policy = account.map_or(OnClosed::Reopen, |a| a.cases.on_closed);
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

/// Only verified mail that a person of the customer's side wrote moves a case (B4.9, B5.6).
fn speaks_as_customer(tx: &Tx<'_>, world: &World<'_>, case: &Case, mail: &Mail<'_>) -> Result<bool> {
    if !mail.verified || !mail.automatic.is_empty() || !mail.sender.is_believed() {
        return Ok(false);
    }
    if let Some(user) = mail.sender.verified_user() {
        let readers = mail.message.to.iter().chain(&mail.message.cc);
        if waiting::answers_customer(tx, world, case, readers, Some(user.id))? {
            return Ok(false);
        }
    }
    Ok(people::rights(people::role(tx, world, case, mail.sender.address())?).moves_case)
}

/// Distribution runs again where the assignee cannot act any more (B5.6).
fn redistribute(tx: &Tx<'_>, world: &World<'_>, account: &Account, case: &Case, mail: &Mail<'_>) -> Result<()> {
    let Some(user_id) = case.assigned_user_id else { return Ok(()) };
    let stays_closed = cases::by_id(tx, case.id)?.is_none_or(|case| !case.status.is_open());
    if stays_closed || account.cases.distribution == Distribution::None {
        return Ok(());
    }
    let able = users::by_id(tx, user_id)?.is_some_and(|user| user.active && assign::works_on_cases(&user));
    let in_team = match account.cases.case_team_id {
        _ if account.cases.distribution == Distribution::Direct => true,
        Some(team) => teams::is_member(tx, team, user_id)?,
        None => true,
    };
    if able && in_team {
        return Ok(());
    }
    let text = match assign::distribute(tx, world, account, case.id, Some(mail.cause()))? {
        Assignment::To(id, reason) => format!("again: user {id} ({reason}), the assignee could not act any more"),
        Assignment::Nobody(reason) => format!("nobody: {reason}; the assignee cannot act any more"),
    };
    emails::decide(tx, mail.email_id, "assigned", &text, world.now)
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
