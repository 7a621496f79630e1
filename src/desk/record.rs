//! What people do to companies, contacts, leads and opportunities.

use anyhow::Result;
use jiff::Timestamp;

use crate::access::account::unusable;
use crate::access::{self, Actor};
use crate::error;
use crate::intake::notify;
use crate::intake::world::World;
use crate::store::db::Tx;
use crate::store::permissions::Permission;
use crate::store::records::{self, Parent, ParentType, Record};
use crate::store::stream::{self, NewNote, NoteKind};
use crate::store::users::{User, UserType};

/// New values of a record; `None` = stays as it is.
#[derive(Debug, Default)]
pub struct Changes {
    pub emails: Option<Vec<String>>,
    pub company_id: Option<Option<i64>>,
    pub contact_ids: Option<Vec<i64>>,
    pub team_ids: Option<Vec<i64>>,
    pub assignee: Option<Option<User>>,
    pub open: Option<bool>,
}

impl Changes {
    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        let Changes { emails, company_id, contact_ids, team_ids, assignee, open } = self;
        emails.is_none()
            && company_id.is_none()
            && contact_ids.is_none()
            && team_ids.is_none()
            && assignee.is_none()
            && open.is_none()
    }

    /// Makes a user the assignee where nobody was named.
    pub fn or_assign(&mut self, user: Option<&User>) {
        self.assignee.get_or_insert_with(|| user.cloned());
    }
}

/// Adds a record. A regular user who names nobody becomes the assignee: else they could not see what they made.
///
/// # Errors
/// Exit 77 where the actor may make no records.
pub fn add(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    (kind, name): (ParentType, &str),
    mut changes: Changes,
) -> Result<Parent> {
    actor.require_some(Permission::RecordEdit)?;
    changes.or_assign(actor.user().filter(|user| user.user_type == UserType::Regular));
    let record = made(tx, actor, (kind, name), "", world.now)?;
    apply(tx, actor, record, &changes, Some(world))?;
    Ok(record)
}

/// Adds a record out of a file; nobody is told of it.
///
/// # Errors
/// The database fails.
pub fn import(
    tx: &Tx<'_>,
    actor: &Actor,
    (kind, name): (ParentType, &str),
    changes: &Changes,
    now: Timestamp,
) -> Result<Parent> {
    let record = made(tx, actor, (kind, name), "imported", now)?;
    apply(tx, actor, record, changes, None)?;
    Ok(record)
}

fn made(tx: &Tx<'_>, actor: &Actor, (kind, name): (ParentType, &str), text: &str, now: Timestamp) -> Result<Parent> {
    let parent = records::add(tx, kind, name, now)?;
    let (kind, user_id) = (NoteKind::Created, actor.user_id());
    stream::note(tx, NewNote { parent, kind, user_id, email_id: None, text }, now)?;
    Ok(parent)
}

/// Changes a record, and its name where a new one is given.
///
/// # Errors
/// The database fails.
pub fn change(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    record: Parent,
    changes: &Changes,
    new_name: Option<&str>,
) -> Result<()> {
    new_name.map_or(Ok(()), |name| records::rename(tx, record, name))?;
    apply(tx, actor, record, changes, Some(world))
}

/// Writes changes. A new assignee follows the record (B7.3) and, with a world, is told of it.
fn apply(tx: &Tx<'_>, actor: &Actor, record: Parent, changes: &Changes, told: Option<&World<'_>>) -> Result<()> {
    let Changes { emails, company_id, contact_ids, team_ids, assignee, open } = changes;
    emails.as_ref().map_or(Ok(()), |emails| records::set_addresses(tx, record, emails))?;
    company_id.map_or(Ok(()), |id| records::set_company(tx, record, id))?;
    contact_ids.as_ref().map_or(Ok(()), |ids| records::set_contacts(tx, record.id, ids))?;
    team_ids.as_ref().map_or(Ok(()), |ids| records::set_teams(tx, record, ids))?;
    open.map_or(Ok(()), |open| records::set_open(tx, record.id, open))?;
    let Some(assignee) = assignee else { return Ok(()) };
    records::assign(tx, record, assignee.as_ref().map(|user| user.id))?;
    let (Some(user), Some(world)) = (assignee, told) else {
        return assignee.as_ref().map_or(Ok(()), |user| stream::follow(tx, record, user.id));
    };
    stream::follow(tx, record, user.id)?;
    let text = format!("assigned to {}", user.username);
    let note =
        NewNote { parent: record, kind: NoteKind::Assigned, user_id: actor.user_id(), email_id: None, text: &text };
    stream::note(tx, note, world.now)?;
    if actor.user_id() == Some(user.id) { Ok(()) } else { notify::record_assigned(tx, world, record, user) }
}

/// Lets a user follow a record.
///
/// # Errors
/// They may not see it.
pub fn follow_record(tx: &Tx<'_>, record: &Record, user: &User) -> Result<()> {
    if !records::exists(tx, record.parent, access::sight_of(user))? {
        let edit = format!("espomail record edit {} {} --team TEAM", record.parent.kind, record.parent.id);
        return Err(error::data(format!("user: {} cannot see {}", user.username, shown(record)))
            .hint(format!("give it to one of their teams: {edit}"))
            .into());
    }
    stream::follow(tx, record.parent, user.id)
}

/// Stops the notifications of a user about a record.
///
/// # Errors
/// They do not follow it.
pub fn unfollow_record(tx: &Tx<'_>, record: &Record, user: &User) -> Result<()> {
    if stream::unfollow(tx, record.parent, user.id)? {
        return Ok(());
    }
    Err(error::data(format!("user: {} does not follow {}", user.username, shown(record))).into())
}

/// One address may belong to several types, but to one record of each.
pub fn refuse_taken(
    tx: &Tx<'_>,
    actor: &Actor,
    kind: ParentType,
    emails: Vec<String>,
    known: Option<Parent>,
) -> Result<Vec<String>> {
    for (i, address) in emails.iter().enumerate() {
        if emails.iter().take(i).any(|other| other == address) {
            return Err(error::data(format!("--email: {address} is given twice")).into());
        }
        let Some(other) = records::by_address(tx, kind, address)?.filter(|other| Some(*other) != known) else {
            continue;
        };
        return Err(match records::by_id(tx, other, actor.sight())? {
            Some(other) => {
                error::data(format!("--email: {address} belongs to {kind} {} ({})", other.name, other.parent.id))
                    .hint(format!("see `espomail record show {kind} {}`", other.parent.id))
                    .into()
            }
            None => unusable("--email", address),
        });
    }
    Ok(emails)
}

/// A record in a sentence: `contact Budi`.
pub fn shown(record: &Record) -> String {
    format!("{} {}", record.parent.kind, record.name)
}
