//! Whose email it is (B6): the teams and inboxes a delivery adds.

use anyhow::Result;

use super::parent::Sender;
use crate::mail::message::Message;
use crate::store::accounts::{Account, AccountKind};
use crate::store::db::Tx;
use crate::store::{emails, users};

/// Adds what this delivery gives: the account's teams (B6.1) and every user it is addressed to (B6.2).
pub fn add(tx: &Tx<'_>, account: &Account, sender: &Sender, message: &Message, email_id: i64) -> Result<()> {
    match account.kind {
        AccountKind::Group => add_teams(tx, account, email_id)?,
        AccountKind::Personal => {
            if let Some(owner) = account.user_id {
                emails::add_user(tx, email_id, owner, false)?;
            }
        }
    }
    if let Some(user) = sender.verified_user() {
        emails::add_user(tx, email_id, user.id, true)?;
    }
    for mailbox in message.to.iter().chain(&message.cc) {
        if let Some(user) = users::by_address(tx, &mailbox.address)?.filter(|u| u.active) {
            emails::add_user(tx, email_id, user.id, false)?;
        }
    }
    Ok(())
}

fn add_teams(tx: &Tx<'_>, account: &Account, email_id: i64) -> Result<()> {
    for team_id in account.team_ids.iter().chain(&account.case_team_id) {
        emails::add_team(tx, email_id, *team_id)?;
        if account.add_all_team_users {
            for user in users::in_team(tx, *team_id, "")?.iter().filter(|u| u.active) {
                emails::add_user(tx, email_id, user.id, false)?;
            }
        }
    }
    Ok(())
}
