//! Where a new email belongs (B4), and the email-to-case flow, which runs once for each (B5.2).

use anyhow::{Context, Result};

use super::case::Mail;
use super::follow_up;
use super::parent::{self, Found};
use super::world::World;
use super::{auto_reply, notify, opening, privacy};
use crate::store::accounts::{Account, AccountKind, Share};
use crate::store::cases::{self, Case};
use crate::store::db::Tx;
use crate::store::emails;
use crate::store::records::ParentType;

/// What was found for an email, and the case that was made instead of reopening a closed one.
pub(super) struct Linked {
    found: Found,
    new_case: Option<Case>,
    /// The case of another account whose mail was forwarded to this one (B4.8).
    relates_to: Option<Case>,
}

/// Finds the parent of a new email and links it (B4). A case gets it as a follow-up.
pub(super) fn link(tx: &Tx<'_>, world: &World<'_>, account: &Account, mail: &Mail<'_>) -> Result<Linked> {
    let subject_tags = account.kind == AccountKind::Group && account.cases.create_case;
    let found = parent::find(tx, world, mail.sender, mail.message, subject_tags)?;
    emails::decide(tx, mail.email_id, "parent", &found.reason, world.now)?;
    let private = mail.private && !(account.personal.share == Share::Record && found.parent.is_some());
    if mail.private && !private {
        emails::set_private(tx, mail.email_id, false)?;
        let why = format!("open: account {} shares what is linked to a record", account.name);
        emails::decide(tx, mail.email_id, "privacy", &why, world.now)?;
    }
    let mail = &Mail { private, ..*mail };
    if let Some(case) = forwarded_case(tx, world, account, mail, &found)? {
        let why = format!("none: a forward of #{} to another account opens a case of its own", case.number);
        emails::decide(tx, mail.email_id, "parent", &why, world.now)?;
        return Ok(Linked { found, new_case: None, relates_to: Some(case) });
    }
    let new_case = join(tx, world, mail, &found)?;
    if let Some(record) = found.parent.filter(|p| p.kind != ParentType::Case) {
        emails::set_parent(tx, mail.email_id, record, true)?;
        if account.kind == AccountKind::Personal && !private {
            privacy::show_to_teams(tx, mail.email_id, record)?;
        }
        let doubt = if mail.sender.is_believed() { "" } else { "the sender is not proven and can be forged" };
        let text = mail.kind().unwrap_or_else(|| doubt.to_owned());
        notify::email_note(tx, world, record, mail.email_id, mail.sender, &text)?;
        if mail.is_by_machine() && !mail.is_doubtful() {
            emails::decide(tx, mail.email_id, "notified", "nobody: machine mail", world.now)?;
        } else {
            notify::arrival(tx, world, &mail.arrival(record))?;
        }
    }
    Ok(Linked { found, new_case, relates_to: None })
}

/// B4.8: the case of another account that a forward to this one would join by its references.
fn forwarded_case(
    tx: &Tx<'_>,
    world: &World<'_>,
    account: &Account,
    mail: &Mail<'_>,
    found: &Found,
) -> Result<Option<Case>> {
    if account.kind != AccountKind::Group || !account.cases.create_case || mail.message.forward.is_none() {
        return Ok(None);
    }
    let case = found.case_id().map(|id| cases::by_id(tx, id)).transpose()?.flatten();
    let owner = follow_up::owner(world, account, mail.message);
    Ok(case.filter(|case| case.account_id.is_some_and(|id| id != owner.id)))
}

/// Joins an email to the case that was found, if it is one.
fn join(tx: &Tx<'_>, world: &World<'_>, mail: &Mail<'_>, found: &Found) -> Result<Option<Case>> {
    let Some(case_id) = found.case_id() else { return Ok(None) };
    let case = cases::by_id(tx, case_id)?.context("the case vanished")?;
    follow_up::follow_up(tx, world, &case, &Mail { verified: found.verified, ..*mail })
}

/// The case flow and the auto-reply decision, once per email (B5.2).
pub(super) fn run(
    tx: &Tx<'_>,
    world: &World<'_>,
    account: &Account,
    mail: &Mail<'_>,
    linked: Option<Linked>,
) -> Result<()> {
    let owner = follow_up::owner(world, account, mail.message);
    let linked = match linked {
        Some(linked) => linked,
        None => link_again(tx, world, mail)?,
    };
    emails::set_flow(tx, mail.email_id, owner.id)?;
    let new_case = match linked.new_case {
        None if emails::case_of(tx, mail.email_id)?.is_none() => {
            let Linked { found, relates_to, .. } = &linked;
            opening::open_or_archive(tx, world, owner, mail, relates_to.as_ref(), &found.remarks)?
        }
        other => other,
    };
    reply(tx, world, owner, mail, new_case.as_ref())
}

/// An email that another account stored before: the number in its subject was not looked at then.
fn link_again(tx: &Tx<'_>, world: &World<'_>, mail: &Mail<'_>) -> Result<Linked> {
    let found = parent::find(tx, world, mail.sender, mail.message, true)?;
    let new_case = if emails::case_of(tx, mail.email_id)?.is_none() { join(tx, world, mail, &found)? } else { None };
    Ok(Linked { found, new_case, relates_to: None })
}

/// The decision about an automatic reply (B8.2).
pub(super) fn reply(
    tx: &Tx<'_>,
    world: &World<'_>,
    account: &Account,
    mail: &Mail<'_>,
    new_case: Option<&Case>,
) -> Result<()> {
    let Mail { email_id, message, sender, sent_at, .. } = *mail;
    let forbidden = mail.filtered.no_auto_reply();
    auto_reply::run(
        tx,
        world,
        &auto_reply::Occasion { account, email_id, message, sender, sent_at, new_case, forbidden },
    )
}
