//! Whose email it is (B6): the teams and inboxes a delivery adds.

use anyhow::Result;

use super::sender::Sender;
use super::world::World;
use crate::mail::reading::Reading;
use crate::store::accounts::{Account, AccountKind, Folder, PutIn};
use crate::store::db::Tx;
use crate::store::{cases, deliveries, emails, users};

/// Adds what this delivery gives: the account's teams (B6.1) and every user it is addressed to (B6.2).
pub fn add(
    tx: &Tx<'_>,
    world: &World<'_>,
    account: &Account,
    sender: &Sender,
    message: &Reading,
    email_id: i64,
) -> Result<()> {
    match account.kind {
        AccountKind::Group => add_teams(tx, account, email_id)?,
        AccountKind::Personal => {
            if let Some(owner) = account.user_id {
                emails::add_user(tx, email_id, owner, sender.in_sent)?;
            }
        }
    }
    if let Some(user) = sender.verified_user() {
        emails::add_user(tx, email_id, user.id, true)?;
    }
    for mailbox in message.to.iter().chain(&message.cc) {
        if let Some(user) = world.user(tx, &mailbox.address)?.filter(|u| u.active) {
            emails::add_user(tx, email_id, user.id, false)?;
        }
    }
    Ok(())
}

/// A case that was handed to another team takes its later mail along: the case team of the account it came by sees no
/// more of it than the account's other teams do.
pub fn follow_case(tx: &Tx<'_>, account: &Account, email_id: i64) -> Result<()> {
    let Some(team_id) = account.cases.case_team_id.filter(|team| !account.team_ids.contains(team)) else {
        return Ok(());
    };
    let case_id = emails::case_of(tx, email_id)?;
    let Some(case) = case_id.map(|id| cases::by_id(tx, id)).transpose()?.flatten() else { return Ok(()) };
    if case.account_id == Some(account.id) && !cases::team_ids(tx, case.id)?.contains(&team_id) {
        emails::remove_team(tx, email_id, team_id)?;
    }
    Ok(())
}

/// Puts mail that an account delivers for the first time into the account's group folder: what somebody has moved out
/// of it since does not come back.
pub fn put_in_group_folder(tx: &Tx<'_>, account: &Account, delivery_id: i64, email_id: i64) -> Result<()> {
    let Some(folder_id) = account.cases.group_folder_id else { return Ok(()) };
    if deliveries::has_delivered(tx, account.id, email_id, delivery_id)? {
        return Ok(());
    }
    emails::deliver_to_group_folder(tx, email_id, folder_id)
}

/// Files the owner's copy of mail that a personal account delivers for the first time, by the folder map.
pub fn file(tx: &Tx<'_>, account: &Account, folder: &Folder, delivery_id: i64, email_id: i64) -> Result<()> {
    let Some(owner) = account.user_id else { return Ok(()) };
    if deliveries::has_delivered(tx, account.id, email_id, delivery_id)? {
        return Ok(());
    }
    match (folder.put_in, folder.folder_id) {
        (PutIn::Archive, _) => emails::set_archive(tx, email_id, owner, true),
        (PutIn::Trash, _) => emails::set_trash(tx, email_id, owner, true),
        (PutIn::Usual, Some(folder_id)) => emails::move_to(tx, email_id, owner, Some(folder_id)),
        (PutIn::Usual, None) => Ok(()),
    }
}

fn add_teams(tx: &Tx<'_>, account: &Account, email_id: i64) -> Result<()> {
    for team_id in account.team_ids.iter().chain(&account.cases.case_team_id) {
        emails::add_team(tx, email_id, *team_id)?;
        if account.cases.add_all_team_users {
            for user in users::in_team(tx, *team_id, "")?.iter().filter(|u| u.active) {
                emails::add_user(tx, email_id, user.id, false)?;
            }
        }
    }
    Ok(())
}
