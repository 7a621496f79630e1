//! Junk on the server (B2.17): moved to the junk folder, so that the server's filter learns, or back out of it.
//!
//! A message is moved only after it was proven to be the email that is meant: its identity, From and Date are read again.
//! A run that was killed repeats what it was doing, and where the server cannot move in one step it looks for the copy
//! first, so that there is never a second one.

use anyhow::Result;

use super::concerns::{NO_JUNK_FOLDER, no_such_junk_folder};
use super::session_desk::{Desk, Job, Moved};
use super::unsettled::Unsettled;
use crate::mail::reading::Reading;
use crate::net::{self, ListedFolder, MailSource, NetError, NetErrorKind};
use crate::store::accounts::{Account, AfterImport};
use crate::store::junk::Wanted;
use crate::store::tombstones;

/// Number of bytes that are read of a message whose header names it.
const HEADER: u32 = 256 << 10;
/// Folders that are named where the one for junk is missing.
const NAMED: usize = 20;
/// Maximum number of messages of a folder that are looked at for one.
const LOOKED_AT: usize = 20;

/// Moves what is to be moved. A message that the server refuses to move keeps back no other one; the first such error.
///
/// # Errors
/// The session is over.
pub fn act(source: &mut dyn MailSource, job: &Job, desk: &mut dyn Desk) -> Result<Option<anyhow::Error>> {
    let all = desk.junk()?;
    if all.is_empty() {
        return Ok(None);
    }
    let ids = |all: &[Wanted]| all.iter().map(|one| one.action_id).collect::<Vec<_>>();
    let junk = match junk_folder(source, job) {
        Ok(Ok(junk)) => junk,
        // It stays planned until somebody names one. That is told once, and each run goes on.
        Ok(Err(words)) => {
            if all.iter().any(|one| one.last_error != words) {
                desk.stuck(ids(&all), words)?;
            }
            return Ok(None);
        }
        Err(error) => return refused(desk, ids(&all), error).map(Some),
    };
    let mut first = None;
    for one in all {
        match move_one(source, job, &junk, &one) {
            Ok(moved) => desk.moved(one.action_id, one.email_id, moved)?,
            Err(error) => {
                let goes_on = error.is_of_folder();
                let error = refused(desk, vec![one.action_id], error)?;
                if !goes_on {
                    return Err(error);
                }
                first = first.or(Some(error));
            }
        }
    }
    Ok(first)
}

fn refused(desk: &mut dyn Desk, ids: Vec<i64>, error: NetError) -> Result<anyhow::Error> {
    desk.acted(ids, Some(error.message.clone()))?;
    Ok(anyhow::Error::from(error).context(Unsettled::of_junk()))
}

fn junk_folder(source: &mut dyn MailSource, job: &Job) -> Result<Result<String, String>, NetError> {
    Ok(junk_folder_of(&job.account, &source.folders()?))
}

/// The folder for the junk of an account, of those that its server lists. None is made: a mistyped name would hide mail.
///
/// # Errors
/// There is none, in a sentence with those that there are.
pub fn junk_folder_of(account: &Account, listed: &[ListedFolder]) -> Result<String, String> {
    let names: Vec<&str> = listed.iter().filter(|one| one.selectable).map(|one| one.name.as_str()).collect();
    let (found, what) = match &account.fetching.junk_folder {
        Some(set) => (names.iter().find(|name| **name == set).copied(), no_such_junk_folder(set)),
        None => (net::junk_folder(listed), NO_JUNK_FOLDER.to_owned()),
    };
    found.map(str::to_owned).ok_or_else(|| {
        let more = if names.len() > NAMED { format!(" and {} more", names.len() - NAMED) } else { String::new() };
        let named: Vec<&str> = names.iter().copied().take(NAMED).collect();
        format!("{what}; there are: {}{more}", named.join(", "))
    })
}

fn move_one(source: &mut dyn MailSource, job: &Job, junk: &str, one: &Wanted) -> Result<Moved, NetError> {
    let to = if one.back { one.folder.as_str() } else { junk };
    // Somebody polls the junk folder itself.
    if is_same(&one.folder, junk) {
        return Ok(Moved::To(junk.to_owned()));
    }
    let mut places = vec![if one.back { junk } else { one.folder.as_str() }];
    if let (false, AfterImport::Move(other)) = (one.back, &job.account.fetching.after_import) {
        places.push(other);
    }
    for from in places {
        if let Some(uid) = look(source, from, false, one)? {
            transfer(source, from, uid, to, one)?;
            return Ok(Moved::To(to.to_owned()));
        }
    }
    let is_there = look(source, to, true, one)?.is_some();
    Ok(if is_there { Moved::To(to.to_owned()) } else { Moved::Gone })
}

/// MOVE is one step. Without it the message is copied, which a killed run may have done already.
fn transfer(source: &mut dyn MailSource, from: &str, uid: u32, to: &str, one: &Wanted) -> Result<(), NetError> {
    let moves = source.capabilities()?.iter().any(|offered| offered == "MOVE");
    if moves {
        return source.move_to(&[uid], to);
    }
    let is_copied = look(source, to, true, one)?.is_some();
    source.open(from, false)?;
    if is_copied { source.delete(&[uid]) } else { source.move_to(&[uid], to) }
}

/// Opens a folder and looks for the message: at its place, else by its name. A folder that is not there has it not.
fn look(source: &mut dyn MailSource, folder: &str, read_only: bool, one: &Wanted) -> Result<Option<u32>, NetError> {
    let open = match source.open(folder, read_only) {
        Err(error) if error.kind == NetErrorKind::Folder => return Ok(None),
        opened => opened?,
    };
    if let Some((validity, uid)) = one.place
        && !one.back
        && folder == one.folder
        && validity == open.uidvalidity
        && is_it(source, uid, one)?
    {
        return Ok(Some(uid));
    }
    for uid in candidates(source, one)? {
        if is_it(source, uid, one)? {
            return Ok(Some(uid));
        }
    }
    Ok(None)
}

/// The newest messages of the open folder that may be it: by Message-ID, else by size.
fn candidates(source: &mut dyn MailSource, one: &Wanted) -> Result<Vec<u32>, NetError> {
    let mut uids = if is_named(one) {
        source.find(&one.message_id)?
    } else {
        let rows = source.list(1)?.rows;
        rows.into_iter().filter(|row| i64::try_from(row.size) == Ok(one.size)).map(|row| row.uid).collect()
    };
    uids.reverse();
    uids.truncate(LOOKED_AT);
    Ok(uids)
}

fn is_it(source: &mut dyn MailSource, uid: u32, one: &Wanted) -> Result<bool, NetError> {
    let mut raw = Vec::new();
    // Without a Message-ID the whole content is its name.
    source.fetch(&[uid], is_named(one).then_some(HEADER), &mut |body| raw = body.raw)?;
    if raw.is_empty() {
        return Ok(false);
    }
    let message = Reading::parse(&raw);
    let from = message.from.first().map_or("", |mailbox| mailbox.address.as_str());
    Ok(tombstones::hash(&message.identity, from, message.date) == one.hash)
}

fn is_named(one: &Wanted) -> bool {
    !one.message_id.starts_with("sha256:")
}

/// INBOX is one folder in any case (RFC 3501 5.1).
fn is_same(one: &str, other: &str) -> bool {
    one == other || (one.eq_ignore_ascii_case("inbox") && other.eq_ignore_ascii_case("inbox"))
}
