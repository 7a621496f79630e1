//! `record convert`: what a lead becomes.

use anyhow::Result;

use super::change::shown;
use super::fields::refuse_taken;
use super::{Convert, find_to_edit, one_of};
use crate::access::{self, Actor};
use crate::cli::context::{self, Context};
use crate::error;
use crate::store::db::Tx;
use crate::store::records::{self, Parent, ParentType, Record};
use crate::store::stream::{self, NewNote, NoteKind};
use crate::store::users;

pub fn convert(args: &Convert, ctx: &Context) -> Result<()> {
    if args.record.kind != ParentType::Lead {
        return Err(error::data(format!("TYPE: {} is not converted, only a lead is", args.record.kind))
            .hint("espomail record convert lead NAME")
            .into());
    }
    let company_name = args.company.as_deref().map(|name| context::name("--company", name)).transpose()?;
    let contact_name = args.contact.as_deref().map(|name| context::name("--contact", name)).transpose()?;
    let (lead, contact, company) = ctx.write(|tx, actor| {
        let lead = find_to_edit(tx, actor, &args.record)?;
        refuse_converted(&lead)?;
        refuse_taken(tx, actor, ParentType::Contact, lead.addresses.clone(), None)?;
        let company = company_name.as_deref().map(|name| company_of(tx, actor, &lead, name, ctx)).transpose()?;
        let contact = heir(tx, &lead, ParentType::Contact, contact_name.as_deref().unwrap_or(&lead.name), ctx)?;
        if let Some(company) = company {
            records::set_company(tx, contact, Some(company.id))?;
        }
        records::convert(tx, lead.parent, contact, company)?;
        let text = format!("converted to contact {}", contact.id);
        let (parent, kind, user_id) = (lead.parent, NoteKind::Remark, actor.user_id());
        stream::note(tx, NewNote { parent, kind, user_id, email_id: None, text: &text }, ctx.now())?;
        Ok((lead, contact, company))
    })?;
    let of = company.map(|company| format!(" of company {}", company.id)).unwrap_or_default();
    ctx.done(contact.id, &format!("{} is now contact {}{of}", shown(&lead), contact.id))
}

fn refuse_converted(lead: &Record) -> Result<()> {
    let Some(became) = lead.converted.last() else { return Ok(()) };
    Err(error::data(format!("{}: is converted already", shown(lead)))
        .hint(format!("espomail record show {} {}", became.kind, became.id))
        .into())
}

/// The one company of this name, else a new one. Those who follow the lead hear of its mail there from now on.
fn company_of(tx: &Tx<'_>, actor: &Actor, lead: &Record, name: &str, ctx: &Context) -> Result<Parent> {
    if name.parse::<i64>().is_err() && records::by_name(tx, ParentType::Company, name, actor.sight())?.is_empty() {
        return heir(tx, lead, ParentType::Company, name, ctx);
    }
    let company = one_of(tx, actor, ParentType::Company, name)?.parent;
    hand_on_followers(tx, lead, company)?;
    Ok(company)
}

/// A new record with the teams, the assignee and the followers of the lead.
fn heir(tx: &Tx<'_>, lead: &Record, kind: ParentType, name: &str, ctx: &Context) -> Result<Parent> {
    let heir = records::add(tx, kind, name, ctx.now())?;
    records::set_teams(tx, heir, &records::team_ids(tx, lead.parent)?)?;
    records::assign(tx, heir, lead.assignee.as_ref().map(|(id, _)| *id))?;
    let text = format!("by conversion of lead {}", lead.parent.id);
    let note = NewNote { parent: heir, kind: NoteKind::Created, user_id: None, email_id: None, text: &text };
    stream::note(tx, note, ctx.now())?;
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
