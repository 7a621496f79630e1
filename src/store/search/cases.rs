//! Conditions of `case list`.

use anyhow::Result;

use super::wanted::Wanted;
use super::{Assignee, Bound, CaseState, Test, condition, emails, unfit};
use crate::query::{Field, Pace, Tree};
use crate::store::db::seconds;
use crate::store::records::ParentType;
use crate::store::text::folded;

const OPEN: &str = "c.status IN ('New', 'Assigned', 'Pending')";

/// What is asked for and may be seen, over cases `c`.
pub fn case_condition(tree: &Tree<Test>, bound: &mut Bound) -> Result<String> {
    Ok(format!("{} AND {}", bound.sight.case(), condition(tree, bound, &one)?))
}

fn one(test: &Test, bound: &mut Bound) -> Result<String> {
    Ok(match test {
        Test::Words(_) | Test::Number(_) => {
            let Some(wanted) = Wanted::of_test(test) else { return unfit(test) };
            let of_emails = format!("e.parent_type = 'case' AND {}", bound.sight.email_of(ParentType::Case));
            (bound.full_text.cases)(&wanted, &of_emails, bound)?
        }
        Test::Before(moment) => format!("c.created_at < {}", bound.add(seconds(*moment))),
        Test::Since(moment) => format!("c.created_at >= {}", bound.add(seconds(*moment))),
        Test::Holds(Field::Subject, text) => format!("mentions(c.name, {})", bound.add(folded(text))),
        Test::Holds(Field::Type, text) => format!("mentions(c.type, {})", bound.add(folded(text))),
        Test::Holds(Field::Company, text) => {
            let (place, visible) = (bound.add(folded(text)), bound.sight.record(ParentType::Company, "o"));
            format!("c.company_id IN (SELECT o.id FROM companies o WHERE mentions(o.name, {place}) AND {visible})")
        }
        Test::Holds(Field::Contact, text) => contact(text, bound),
        Test::Holds(Field::From, text) => format!("{} OR {}", contact(text, bound), some_mail(test, bound)?),
        Test::Holds(Field::Body, text) => {
            format!("mentions(c.description, {}) OR {}", bound.add(folded(text)), some_mail(test, bound)?)
        }
        Test::Holds(Field::To | Field::Cc | Field::Attachment, _) | Test::Attachment | Test::Scheduled(_) => {
            some_mail(test, bound)?
        }
        Test::Status(status) => format!("c.status = {}", bound.add((*status).to_owned())),
        Test::Priority(priority) => format!("c.priority = {}", bound.add(priority.as_str().to_owned())),
        Test::Assignee(assignee) => assigned(*assignee, bound),
        Test::Team(id) => {
            format!("EXISTS (SELECT 1 FROM case_teams t WHERE t.case_id = c.id AND t.team_id = {})", bound.add(*id))
        }
        Test::Account(id) => format!("c.account_id = {}", bound.add(*id)),
        Test::Case(id) => format!("c.id = {}", bound.add(*id)),
        Test::State(CaseState::Open) => OPEN.to_owned(),
        Test::State(CaseState::Closed) => format!("NOT {OPEN}"),
        Test::State(CaseState::Unassigned) => assigned(Assignee::Nobody, bound),
        Test::State(CaseState::Waiting) => format!("c.waiting_for = 'us' AND {OPEN}"),
        Test::Pace(pace, moment) => format!("{} AND {OPEN}", of_pace(*pace, bound.add(seconds(*moment)))),
        Test::Tag(tag) => tagged(tag, bound),
        Test::State(CaseState::Snoozed) => "c.snoozed_until IS NOT NULL".to_owned(),
        Test::State(CaseState::Undelivered) => "c.answer_failed_at IS NOT NULL".to_owned(),
        Test::State(CaseState::Unverified) | Test::Unverified => some_mail(&Test::Unverified, bound)?,
        Test::Holds(..) | Test::Sending(_) | Test::UnreadBy(_) | Test::Place(..) | Test::Folder(_) => unfit(test)?,
    })
}

/// A message `o` of the outbox has not been sent, and may be.
const ON_ITS_WAY: &str = "o.state IN ('waiting', 'in doubt', 'held')";

/// What is said of the time of case `c`.
fn of_pace(pace: Pace, moment: String) -> String {
    match pace {
        Pace::Waiting => format!("c.waiting_for = 'us' AND c.waiting_since < {moment}"),
        // An answer that the server has not taken is none yet: nobody waits for what was not asked.
        Pace::Us => format!(
            "c.waiting_for = 'customer' AND c.waiting_since < {moment} AND NOT EXISTS (SELECT 1 FROM outbox o
                WHERE o.case_id = c.id AND o.kind = 'mail' AND {ON_ITS_WAY})"
        ),
        Pace::Idle => format!(
            "c.created_at < {moment} AND NOT EXISTS (SELECT 1 FROM emails i WHERE i.parent_type = 'case'
                AND i.parent_id = c.id AND i.automatic = '' AND i.received_at >= {moment})"
        ),
        Pace::Due => format!("c.snoozed_until <= {moment}"),
    }
}

/// Whether case `c` has a tag.
pub(super) fn tagged(tag: &str, bound: &mut Bound) -> String {
    format!("EXISTS (SELECT 1 FROM case_tags g WHERE g.tag = {} AND g.case_id = c.id)", bound.add(tag.to_owned()))
}

/// Whose case `c` it is.
pub(super) fn assigned(assignee: Assignee, bound: &mut Bound) -> String {
    match assignee {
        Assignee::User(id) => format!("c.assigned_user_id = {}", bound.add(id)),
        Assignee::Nobody => "c.assigned_user_id IS NULL".to_owned(),
        Assignee::TeamOf(id) => format!(
            "c.assigned_user_id IN (SELECT o.user_id FROM team_members m JOIN team_members o ON o.team_id = m.team_id
                WHERE m.user_id = {})",
            bound.add(id)
        ),
    }
}

/// Nobody learns of a contact by looking for it.
fn contact(text: &str, bound: &mut Bound) -> String {
    let (place, visible) = (bound.add(folded(text)), bound.sight.record(ParentType::Contact, "k"));
    format!("c.contact_id IN (SELECT k.id FROM contacts k WHERE mentions(k.name, {place}) AND {visible})")
}

/// A user who sees a case reads all its mail (`case show`), except what is private to others.
fn some_mail(test: &Test, bound: &mut Bound) -> Result<String> {
    Ok(format!(
        "EXISTS (SELECT 1 FROM emails e WHERE e.parent_type = 'case' AND e.parent_id = c.id AND {} AND ({}))",
        bound.sight.email_of(ParentType::Case),
        emails::one(test, bound)?
    ))
}
