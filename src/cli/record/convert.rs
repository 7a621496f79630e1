//! `record convert`: what a lead becomes.

use anyhow::Result;

use super::change::thing;
use super::{Convert, find_to_edit, one_of};
use crate::access::Actor;
use crate::cli::context::{self, Context};
use crate::desk::record::shown;
use crate::desk::{self, Company};
use crate::error;
use crate::store::db::Tx;
use crate::store::records::{self, ParentType};
use crate::ui::outcome::Thing;

pub fn convert(args: &Convert, ctx: &Context) -> Result<()> {
    let company_name = args.company.as_deref().map(|name| context::name("--company", name)).transpose()?;
    let contact_name = args.contact.as_deref().map(|name| context::name("--contact", name)).transpose()?;
    let (lead, contact, company) = ctx.write(|tx, actor| {
        let lead = find_to_edit(tx, actor, &args.record)?;
        if args.record.kind != ParentType::Lead {
            return Err(error::usage(format!("a {} cannot be converted: only a lead can", args.record.kind))
                .hint("espomail record convert lead NAME")
                .into());
        }
        desk::refuse_to_convert(tx, actor, &lead)?;
        let company = company_name.as_deref().map(|name| company_of(tx, actor, name)).transpose()?;
        let name = contact_name.as_deref().unwrap_or(&lead.name);
        let (contact, company) = desk::convert(tx, actor, &lead, name, company, ctx.now())?;
        Ok((lead, contact, company))
    })?;
    let of = company.map(|company| format!(" of company {}", company.id)).unwrap_or_default();
    let mut things =
        vec![Thing::record("contact", contact.id, contact_name.as_deref().unwrap_or(&lead.name)), thing(&lead)];
    if let Some(company) = company {
        things.push(Thing::record("company", company.id, &company_name.clone().unwrap_or_default()));
    }
    ctx.done(things, &format!("{} is now contact {}{of}", shown(&lead), contact.id))
}

/// The one company of this name, else a new one.
fn company_of<'n>(tx: &Tx<'_>, actor: &Actor, name: &'n str) -> Result<Company<'n>> {
    if name.parse::<i64>().is_err() && records::by_name(tx, ParentType::Company, name, actor.sight())?.is_empty() {
        return Ok(Company::New(name));
    }
    Ok(Company::There(one_of(tx, actor, ParentType::Company, name)?.parent))
}
