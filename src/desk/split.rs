//! A case of two matters becomes two (B5.8).

use std::collections::HashSet;

use anyhow::{Context, Result};

use super::email::is_verified_in;
use super::link::not_in;
use super::{edit, note, relocate, who};
use crate::access::Actor;
use crate::error;
use crate::intake::new_case::{self, Beginning, People};
use crate::intake::opening;
use crate::intake::world::World;
use crate::intake::{assign, case, people, waiting};
use crate::mail::address::Mailbox;
use crate::mail::text;
use crate::store::accounts;
use crate::store::cases::{self, Case, Priority};
use crate::store::db::Tx;
use crate::store::emails::{self, Email, Field};
use crate::store::records::Parent;
use crate::store::stream::{self, NoteKind};

/// Moves an email and the later ones that lead to it into a new case; how many moved.
///
/// # Errors
/// The email does not belong to the case, or nothing would stay there.
pub fn split(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    old: &Case,
    email_id: i64,
    subject: Option<&str>,
) -> Result<(Case, usize)> {
    let mails = emails::of_case(tx, old.id)?;
    let all = mails.len();
    let later: Vec<Email> = mails.into_iter().skip_while(|email| email.id != email_id).collect();
    let Some((first, rest)) = later.split_first() else { return Err(not_in(old, email_id)) };
    if !emails::is_shown_in_case(tx, email_id, actor.sight())? {
        return Err(not_in(old, email_id));
    }
    let moved = with_answers(tx, first, rest)?;
    if moved.len() == all {
        return Err(error::data(format!("email {email_id}: nothing would stay in case #{}", old.number))
            .hint(format!("to give the case another subject: espomail case edit {} --subject TEXT", old.number))
            .into());
    }
    let name = match subject {
        Some(given) => edit::subject(given)?,
        None if first.private => format!("Of #{}", old.number),
        None => first.subject.clone(),
    };
    let new = open(tx, world, actor, old, &name, &moved, false)?;
    Ok((new, moved.len()))
}

/// The email and those after it whose References or In-Reply-To lead to it, over several mails too.
fn with_answers(tx: &Tx<'_>, first: &Email, later: &[Email]) -> Result<Vec<Email>> {
    let mut names: HashSet<String> = emails::names(tx, first.id)?.into_iter().collect();
    let mut waiting = Vec::new();
    for email in later {
        waiting.push((email, emails::references(tx, email.id)?));
    }
    let mut ids = HashSet::from([first.id]);
    // An answer may have come before the mail it answers: again, until nothing is found.
    loop {
        let (hits, others): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(_, references)| references.iter().any(|id| names.contains(id)));
        waiting = others;
        if hits.is_empty() {
            break;
        }
        for (email, _) in hits {
            ids.insert(email.id);
            names.extend(emails::names(tx, email.id)?);
        }
    }
    let answers = later.iter().filter(|email| ids.contains(&email.id));
    Ok(std::iter::once(first).chain(answers).cloned().collect())
}

/// Opens a case for mails of another one, the first of which it is about. One that `succeeds` the other takes over its
/// people with their roles (B4.9).
pub(super) fn open(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    old: &Case,
    name: &str,
    moved: &[Email],
    succeeds: bool,
) -> Result<Case> {
    let first = moved.first().context("no mail to open a case for")?;
    let account = old.account_id.map(|id| accounts::by_id(tx, id)).transpose()?.flatten();
    let who_for = if succeeds || first.private {
        // The sender of a private mail is nobody's business.
        People { contact_id: old.contact_id, company_id: old.company_id, lead_id: old.lead_id }
    } else {
        let customer = customer(tx, world, first)?;
        opening::people(tx, world, &customer, account.as_ref().filter(|a| a.cases.create_contact))?
    };
    let description = match first.private {
        true => String::new(),
        false => text::first_lines(&emails::text(tx, first.id)?, case::DESCRIPTION_MAX),
    };
    let new = new_case::add(
        tx,
        world,
        &Beginning {
            name,
            description: &description,
            priority: Priority::Normal,
            case_type: "",
            people: who_for,
            account_id: old.account_id,
            requester_user_id: if succeeds { old.requester_user_id } else { first.user_id },
            relates_to_id: Some(old.id),
            team_ids: cases::team_ids(tx, old.id)?,
        },
    )?;
    let id = new.id;
    if let Some(user_id) = new.requester_user_id {
        stream::follow(tx, Parent::case(id), user_id)?;
    }
    tell(tx, world, actor, old, &new, moved)?;
    if succeeds {
        cases::copy_people(tx, old.id, new.id)?;
    } else if !first.private {
        people::is_customer(tx, world, &new, &customer(tx, world, first)?, Some(first.id))?;
        people::named_in(tx, world, &new, first)?;
    }
    bring(tx, world, actor, old, &new, moved)?;
    waiting::set(tx, world, old)?;
    waiting::set(tx, world, &new)?;
    if let Some(account) = &account {
        assign::distribute(tx, world, account, id, None)?;
    }
    let new = cases::by_id(tx, id)?.context("the new case vanished")?;
    if let Some(user_id) = new.assigned_user_id {
        moved.iter().try_for_each(|email| emails::add_assignee(tx, email.id, user_id))?;
    }
    Ok(new)
}

/// Whom a case about this email is for: as at intake, and for our own mail the person who got it.
fn customer(tx: &Tx<'_>, world: &World<'_>, email: &Email) -> Result<Mailbox> {
    let author = email.author();
    if !world.is_own(&author.address) {
        return Ok(author);
    }
    let to = emails::addresses(tx, email.id, Field::To)?;
    Ok(to.into_iter().find(|mailbox| !world.is_own(&mailbox.address)).unwrap_or_default())
}

fn tell(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, old: &Case, new: &Case, moved: &[Email]) -> Result<()> {
    let first = moved.first().map_or(0, |email| email.id);
    let what = match moved.len() {
        1 => format!("email {first}"),
        more => format!("email {first} and {} later mails", more - 1),
    };
    let made = format!("with {what} of #{} {}", old.number, old.name);
    note(tx, world, actor, new, NoteKind::Created, &made)?;
    note(tx, world, actor, old, NoteKind::Split, &format!("{what} went to #{} {}", new.number, new.name))
}

/// The first mail opens its own case, so its sender takes part there; then so do its other unverified mails.
fn bring(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, old: &Case, new: &Case, moved: &[Email]) -> Result<()> {
    let why = format!("split off #{} by {}", old.number, who(actor));
    for (position, email) in moved.iter().enumerate() {
        let takes_part = position == 0 || email.verified || is_verified_in(tx, world, email, new)?;
        relocate(tx, world, email, new, takes_part, &why)?;
    }
    Ok(())
}
