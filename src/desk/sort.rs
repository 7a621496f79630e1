//! Marking mail and moving it between folders (B6.3).
//!
//! Everybody sorts a copy of their own. In a group folder archive and trash are shared by those who work there: members
//! of its teams that may change the mail, and administrators without a copy of their own. A user who has filed a copy sorts that one.

use anyhow::Result;

use super::who;
use crate::access::Actor;
use crate::error;
use crate::intake::privacy;
use crate::intake::world::World;
use crate::store::db::Tx;
use crate::store::emails::{self, Email, GroupPlace};
use crate::store::folders::{self, Folder};
use crate::store::sight::{Object, Sight};

/// What is done to an email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sorting {
    /// Marked as read or unread.
    Read(bool),
    /// Marked as important, or no longer.
    Important(bool),
    /// Put into the archive.
    Archive,
    /// Put into the trash.
    Trash,
    /// Moved.
    Move(Target),
}

/// Where an email is moved to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Out of trash, archive and one's own folders; in a group folder, out of its trash and archive.
    Inbox,
    /// Out of its group folder.
    NoGroupFolder,
    /// Into a folder.
    Folder(Folder),
}

/// Does it to an email that the actor sees.
///
/// # Errors
/// There is nothing that the actor may sort: no copy of their own, and no group folder they work in.
pub fn sort(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, email: &Email, sorting: &Sorting) -> Result<()> {
    match sorting {
        Sorting::Read(read) => emails::set_read(tx, email.id, owner(tx, actor, email)?, *read),
        Sorting::Important(important) => emails::set_important(tx, email.id, owner(tx, actor, email)?, *important),
        Sorting::Archive if sorts_for_all(tx, actor, email)? => {
            emails::set_group_place(tx, email.id, GroupPlace::Archive)
        }
        Sorting::Archive => emails::set_archive(tx, email.id, owner(tx, actor, email)?, true),
        Sorting::Trash if sorts_for_all(tx, actor, email)? => emails::set_group_place(tx, email.id, GroupPlace::Trash),
        Sorting::Trash => emails::set_trash(tx, email.id, owner(tx, actor, email)?, true),
        Sorting::Move(Target::Inbox) => to_inbox(tx, actor, email),
        Sorting::Move(Target::NoGroupFolder) => out_of_group_folder(tx, world, actor, email),
        Sorting::Move(Target::Folder(folder)) if folder.user_id.is_none() => {
            into_group_folder(tx, world, actor, email, folder)
        }
        Sorting::Move(Target::Folder(folder)) => {
            emails::move_to(tx, email.id, owner(tx, actor, email)?, Some(folder.id))
        }
    }
}

fn to_inbox(tx: &Tx<'_>, actor: &Actor, email: &Email) -> Result<()> {
    let for_all = sorts_for_all(tx, actor, email)?;
    if for_all {
        emails::set_group_place(tx, email.id, GroupPlace::Folder)?;
    }
    match copy(tx, actor, email)? {
        Some(user_id) => emails::move_to(tx, email.id, user_id, None),
        None if for_all => Ok(()),
        None => Err(no_copy(actor, email)),
    }
}

fn into_group_folder(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, email: &Email, folder: &Folder) -> Result<()> {
    actor.require_edit(tx, Object::Email(email.id))?;
    if email.private {
        privacy::open(tx, world, email, &format!("put into a group folder by {}", who(actor)))?;
    }
    emails::put_into_group_folder(tx, email.id, Some(folder.id))?;
    let decision = format!("group folder {} by {}", folder.name, who(actor));
    emails::decide(tx, email.id, "folder", &decision, world.now)
}

fn out_of_group_folder(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, email: &Email) -> Result<()> {
    if !shares(tx, actor, email)? {
        return Err(error::data(format!("email {} is in no group folder that you work in", email.id))
            .hint("to take it out of your own folder: espomail email move ID inbox")
            .into());
    }
    actor.require_edit(tx, Object::Email(email.id))?;
    emails::put_into_group_folder(tx, email.id, None)?;
    emails::decide(tx, email.id, "folder", &format!("taken out of its group folder by {}", who(actor)), world.now)
}

/// Whether archive and trash are those of the group folder.
///
/// # Errors
/// Exit 77 where they are, and the actor may not change the email.
fn sorts_for_all(tx: &Tx<'_>, actor: &Actor, email: &Email) -> Result<bool> {
    if let Some(user_id) = copy(tx, actor, email)?
        && emails::has_filed(tx, email.id, user_id)?
    {
        return Ok(false);
    }
    let shares = shares(tx, actor, email)?;
    if shares {
        actor.require_edit(tx, Object::Email(email.id))?;
    }
    Ok(shares)
}

/// Whether the actor works in the group folder an email lies in.
fn shares(tx: &Tx<'_>, actor: &Actor, email: &Email) -> Result<bool> {
    let Some(folder_id) = emails::group_folder(tx, email.id)? else { return Ok(false) };
    if let Some(user_id) = actor.user_id()
        && folders::works_in(tx, user_id, folder_id)?
    {
        return Ok(true);
    }
    Ok(actor.sight() == Sight::Everything && copy(tx, actor, email)?.is_none())
}

fn copy(tx: &Tx<'_>, actor: &Actor, email: &Email) -> Result<Option<i64>> {
    let Some(user_id) = actor.user_id() else { return Ok(None) };
    Ok(emails::has_copy(tx, email.id, user_id)?.then_some(user_id))
}

/// The user whose copy of an email the actor sorts.
///
/// # Errors
/// The actor has none.
pub(super) fn owner(tx: &Tx<'_>, actor: &Actor, email: &Email) -> Result<i64> {
    copy(tx, actor, email)?.ok_or_else(|| no_copy(actor, email))
}

fn no_copy(actor: &Actor, email: &Email) -> anyhow::Error {
    let (text, hint) = match actor {
        Actor::User(_) => (
            "is not in your mailbox, you see it by a team, a case or a role",
            "a group folder sorts mail for a whole team: espomail email move ID FOLDER",
        ),
        Actor::Administrator => ("only a user has a mailbox to sort", "name one with --as USER"),
    };
    error::data(format!("email {}: {text}", email.id)).hint(hint).into()
}
