//! A lead becomes a contact.

use anyhow::Result;
use jiff::Timestamp;

use super::record::{refuse_taken, shown};
use crate::access::{self, Actor};
use crate::error;
use crate::store::db::Tx;
use crate::store::records::{self, Parent, ParentType, Record};
use crate::store::stream::{self, NewNote, NoteKind};
use crate::store::users;

/// The company of the new contact.
#[derive(Debug, Clone, Copy)]
pub enum Company<'a> {
    /// One that is there.
    There(Parent),
    /// One that is made, with this name.
    New(&'a str),
}

/// Whether a lead can be converted.
///
/// # Errors
/// It is converted already, or a contact has one of its addresses.
pub fn refuse_to_convert(tx: &Tx<'_>, actor: &Actor, lead: &Record) -> Result<()> {
    if let Some(became) = lead.converted.last() {
        return Err(error::data(format!("{}: is converted already", shown(lead)))
            .hint(format!("espomail record show {} {}", became.kind, became.id))
            .into());
    }
    refuse_taken(tx, actor, ParentType::Contact, lead.addresses.clone(), None).map(drop)
}

/// Makes a contact of a lead, and a company where a new one is wanted. Those who follow the lead hear of its mail there
/// from now on.
///
/// # Errors
/// The database fails.
pub fn convert(
    tx: &Tx<'_>,
    actor: &Actor,
    lead: &Record,
    name: &str,
    company: Option<Company<'_>>,
    now: Timestamp,
) -> Result<(Parent, Option<Parent>)> {
    let company = match company {
        Some(Company::There(company)) => hand_on_followers(tx, lead, company).map(|()| Some(company))?,
        Some(Company::New(name)) => Some(heir(tx, lead, ParentType::Company, name, now)?),
        None => None,
    };
    let contact = heir(tx, lead, ParentType::Contact, name, now)?;
    if let Some(company) = company {
        records::set_company(tx, contact, Some(company.id))?;
    }
    records::convert(tx, lead.parent, contact, company)?;
    let text = format!("converted to contact {}", contact.id);
    let (parent, kind, user_id) = (lead.parent, NoteKind::Remark, actor.user_id());
    stream::note(tx, NewNote { parent, kind, user_id, email_id: None, text: &text }, now)?;
    Ok((contact, company))
}

/// A new record with the teams, the assignee and the followers of the lead.
fn heir(tx: &Tx<'_>, lead: &Record, kind: ParentType, name: &str, now: Timestamp) -> Result<Parent> {
    let heir = records::add(tx, kind, name, now)?;
    records::set_teams(tx, heir, &records::team_ids(tx, lead.parent)?)?;
    records::assign(tx, heir, lead.assignee.as_ref().map(|(id, _)| *id))?;
    let text = format!("by conversion of lead {}", lead.parent.id);
    let note = NewNote { parent: heir, kind: NoteKind::Created, user_id: None, email_id: None, text: &text };
    stream::note(tx, note, now)?;
    hand_on_followers(tx, lead, heir)?;
    Ok(heir)
}

/// Only to what they may see.
fn hand_on_followers(tx: &Tx<'_>, lead: &Record, heir: Parent) -> Result<()> {
    for id in stream::followers(tx, lead.parent)? {
        let Some(user) = users::by_id(tx, id)? else { continue };
        if records::exists(tx, heir, access::sight_of(&user))? {
            stream::follow(tx, heir, id)?;
        }
    }
    Ok(())
}
