//! What flags (or the cells of a CSV line) say about a record: looked up and checked.

use anyhow::Result;
use clap::Args;

use super::find_for;
use crate::access::Actor;
use crate::cli::context;
use crate::desk::record::{self, Changes};
use crate::error;
use crate::store::db::Tx;
use crate::store::records::{self, Parent, ParentType};
use crate::store::users::User;

/// Fields that `record add` and `record edit` take.
#[derive(Debug, Default, Args)]
pub struct Fields {
    /// E-mail address; repeat it for several, the first is the primary one; empty = none
    #[arg(long = "email", value_name = "ADDRESS")]
    pub emails: Vec<String>,
    /// Company of a contact or opportunity; empty = none
    #[arg(long, value_name = "NAME")]
    pub company: Option<String>,
    /// Contact of an opportunity; repeat it for several; empty = none
    #[arg(long = "contact", value_name = "NAME")]
    pub contacts: Vec<String>,
    /// Team that can see the record; repeat it for several; empty = none
    #[arg(long = "team", value_name = "TEAM")]
    pub teams: Vec<String>,
    /// Assignee; also @me and @none
    #[arg(long, value_name = "USER")]
    pub assign_to: Option<String>,
    /// Mark the opportunity as open
    #[arg(long, conflicts_with = "closed")]
    pub open: bool,
    /// Mark the opportunity as won or lost
    #[arg(long)]
    pub closed: bool,
}

impl Fields {
    /// Looks everything up, through the eyes of the actor. `known` is the record that is edited.
    ///
    /// # Errors
    /// Names the flag: what does not fit the type, is not there, belongs to another, or may not be given.
    pub fn look_up(&self, tx: &Tx<'_>, actor: &Actor, kind: ParentType, known: Option<Parent>) -> Result<Changes> {
        self.refuse_misfits(kind)?;
        let company = self.company.as_deref().map(|name| {
            let find = || find_for(tx, actor, "--company", ParentType::Company, name);
            if name.is_empty() { Ok(None) } else { find().map(|company| Some(company.id)) }
        });
        let contact = |name: &str| Ok(find_for(tx, actor, "--contact", ParentType::Contact, name)?.id);
        Ok(Changes {
            emails: listed(&self.emails, |text| context::mail_address("--email", text))?
                .map(|emails| record::refuse_taken(tx, actor, kind, emails, known))
                .transpose()?,
            company_id: company.transpose()?,
            contact_ids: listed(&self.contacts, contact)?,
            team_ids: listed(&self.teams, |name| team(tx, actor, name, known))?,
            assignee: self.assign_to.as_deref().map(|name| assignee(tx, actor, name)).transpose()?,
            open: (self.open || self.closed).then_some(self.open),
        })
    }

    fn refuse_misfits(&self, kind: ParentType) -> Result<()> {
        let opportunity = kind == ParentType::Opportunity;
        for (flag, given, fits) in [
            ("--email", !self.emails.is_empty(), kind.has_addresses()),
            ("--company", self.company.is_some(), kind.has_company()),
            ("--contact", !self.contacts.is_empty(), opportunity),
            ("--open", self.open, opportunity),
            ("--closed", self.closed, opportunity),
        ] {
            if given && !fits {
                return Err(error::usage(format!("{flag}: is not for records of the type {kind}"))
                    .hint("see `espomail record add --help`")
                    .into());
            }
        }
        Ok(())
    }
}

/// Values of a flag that may be repeated; nothing given changes nothing, one empty value means none.
fn listed<T>(given: &[String], look_up: impl Fn(&str) -> Result<T>) -> Result<Option<Vec<T>>> {
    match given {
        [] => Ok(None),
        [empty] if empty.is_empty() => Ok(Some(Vec::new())),
        all => all.iter().map(|text| look_up(text)).collect::<Result<_>>().map(Some),
    }
}

fn team(tx: &Tx<'_>, actor: &Actor, name: &str, known: Option<Parent>) -> Result<i64> {
    let team = context::team(tx, name)?;
    let has_it = known.map(|known| records::team_ids(tx, known)).transpose()?.is_some_and(|ids| ids.contains(&team.id));
    if !has_it && !actor.may_give_to(tx, team.id)? {
        return Err(error::noperm(format!("--team: you are not in {name}"))
            .hint("name one of your teams, or ask an administrator")
            .into());
    }
    Ok(team.id)
}

fn assignee(tx: &Tx<'_>, actor: &Actor, name: &str) -> Result<Option<User>> {
    if matches!(name, "@none" | "") {
        return Ok(None);
    }
    let user = context::user_or_me(tx, actor, "--assign-to", name)?;
    if !user.active {
        return Err(error::data(format!("--assign-to: {name} is disabled"))
            .hint(format!("espomail user enable {name}, or choose another: espomail user list"))
            .into());
    }
    actor.require_assignable(tx, "--assign-to", &user)?;
    Ok(Some(user))
}
