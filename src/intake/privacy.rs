//! Mail of personal accounts is private until somebody opens it (B6.1): a group account delivers it too, its owner
//! shares it, or the account shares what is linked to a record.

use anyhow::Result;

use super::notification_text;
use super::world::World;
use crate::access;
use crate::mail::reading::Reading;
use crate::store::accounts::{Account, Share};
use crate::store::db::Tx;
use crate::store::deliveries::{self, Delivery};
use crate::store::emails::{self, Email};
use crate::store::records::{self, Parent, ParentType};
use crate::store::sight::Sight;
use crate::store::{cases, notifications, users};

/// Shows a private email to the people of its record, as if it had never been private; who was told of it before is
/// told from whom it is.
pub fn open(tx: &Tx<'_>, world: &World<'_>, email: &Email, why: &str) -> Result<()> {
    emails::set_private(tx, email.id, false)?;
    emails::decide(tx, email.id, "privacy", &format!("open: {why}"), world.now)?;
    let Some(parent) = email.parent else { return Ok(()) };
    show_to_teams(tx, email.id, parent)?;
    if parent.kind == ParentType::Case
        && let Some(assignee) = cases::by_id(tx, parent.id)?.and_then(|case| case.assigned_user_id)
    {
        emails::add_assignee(tx, email.id, assignee)?;
    }
    let label = records::label(tx, parent)?;
    for user_id in notifications::told_of_email(tx, email.id)? {
        let Some(user) = users::by_id(tx, user_id)? else { continue };
        if emails::by_id(tx, email.id, access::sight_of(&user))?.is_some() {
            notifications::retell(tx, email.id, user_id, &notification_text::email_line(&label, Some(email)))?;
        }
    }
    Ok(())
}

/// The same where the account shares what is linked to a record.
pub(super) fn open_if_linked(tx: &Tx<'_>, world: &World<'_>, email_id: i64) -> Result<()> {
    match emails::by_id(tx, email_id, Sight::Everything)?.filter(|email| email.parent.is_some()) {
        Some(email) => open(tx, world, &email, "its account shares what is linked to a record"),
        None => Ok(()),
    }
}

/// The same for an email that was linked by hand.
pub fn open_if_account_shares(tx: &Tx<'_>, world: &World<'_>, email_id: i64) -> Result<()> {
    let deliveries = deliveries::of_email(tx, email_id)?;
    let shares =
        |delivery: &Delivery| world.account(delivery.account_id).is_ok_and(|a| a.personal.share == Share::Record);
    let is_private = emails::by_id(tx, email_id, Sight::Everything)?.is_some_and(|email| email.private);
    if is_private && deliveries.iter().any(shares) { open_if_linked(tx, world, email_id) } else { Ok(()) }
}

/// Shows an email to the teams of its record.
pub(super) fn show_to_teams(tx: &Tx<'_>, email_id: i64, parent: Parent) -> Result<()> {
    let teams = match parent.kind {
        ParentType::Case => cases::team_ids(tx, parent.id)?,
        _ => records::team_ids(tx, parent)?,
    };
    teams.into_iter().try_for_each(|team_id| emails::add_team(tx, email_id, team_id))
}

/// Whether a message with the Message-ID, From and Date of a stored email is that email. Who writes these into a message
/// of their own would read private mail of others, or open it: such a copy must tell the same.
pub(super) fn may_join(
    tx: &Tx<'_>,
    account: &Account,
    delivery: &Delivery,
    email: &Email,
    message: &Reading,
) -> Result<bool> {
    if !email.private || deliveries::has_delivered(tx, account.id, email.id, delivery.id)? {
        return Ok(true);
    }
    let stored: Vec<String> = emails::attachments(tx, email.id)?.into_iter().map(|file| file.sha256).collect();
    let same_files = stored.iter().eq(message.attachments.iter().map(|file| &file.sha256));
    Ok(same_files && tells_the_same(&emails::text(tx, email.id)?, &message.text))
}

/// Whether two texts are one, except for a banner or a footer that a server has added to either.
fn tells_the_same(one: &str, other: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (one, other) = (words(one), words(other));
    let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
    // What is shorter than what was added to it may be a guess.
    short == long || (short.len() * 2 > long.len() && long.contains(&short))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_a_banner_or_footer_is_the_same_and_a_guess_is_not() {
        let text = "Hello Ana,\n\nthe offer is 12,000 and stays between us.\n";
        let rows = [
            (text.to_owned(), true),
            (text.replace('\n', "\r\n"), true),
            (format!("[EXTERNAL] be careful\n{text}"), true),
            (format!("{text}-- \nlist@desk.example"), true),
            (String::new(), false),
            ("Hello Ana,".to_owned(), false),
            (text.replace("12,000", "13,000"), false),
            (format!("{} something else", text.repeat(3)), false),
        ];
        for (other, same) in rows {
            assert_eq!(tells_the_same(text, &other), same, "{other:?}");
            assert_eq!(tells_the_same(&other, text), same, "{other:?}");
        }
    }
}
